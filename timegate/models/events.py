"""Server-sent events: how a provider sends an answer in parts."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Events"]


class Events:
    r"""Takes bytes as they come, and gives the data of each event that is whole.

    Lines end in LF, CRLF or CR; comments, names and numbers of events are passed over.

    Examples
    --------
    >>> events = Events()
    >>> list(events.feed(b": hello\ndata: first\n\nda")), list(events.feed(b"ta: [DONE]\r\n\r\n"))
    ([b'first'], [b'[DONE]'])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of the events that end in some bytes."""
        lines = (self._rest + chunk).splitlines(keepends=True)
        self._rest = b""
        # A CR at the very end may be half of a CRLF.
        if lines and not lines[-1].endswith(b"\n"):
            self._rest = lines.pop()
        for line in lines:
            line = line.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                yield data

    def end(self) -> Iterator[bytes]:
        """Yield the last event, if nothing but its empty line is missing."""
        yield from self.feed(b"\n\n")
