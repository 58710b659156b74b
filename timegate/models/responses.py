"""What a model answers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from timegate.errors import InvalidTypeError
from timegate.pointer import Pointer

__all__ = ["ModelResponse", "ModelStreamResponse"]


@dataclass(slots=True)
class ModelResponse:
    """A whole answer.

    Parameters
    ----------
    data : object
        The answer, for chat completions a str.
    response_type : str
        What the answer is, such as ``"text_generation"``.
    metadata : dict
        What else the provider said: token usage, the reason for the stop.
    reasoning : str, optional
        What the model thought before it answered.

    Examples
    --------
    >>> response = ModelResponse()
    >>> response.add("Hello")
    >>> response.consume(), response.has_reasoning
    ('Hello', False)
    """

    data: Any = None
    response_type: str = "text_generation"
    metadata: dict[str, Any] = field(default_factory=dict)
    reasoning: str | None = None
    text = Pointer("response.consume().")
    content = Pointer("response.consume().")

    def add(self, data: Any) -> None:
        """Set the answer."""
        self.data = data

    def set_response_type(self, response_type: str) -> None:
        """Say what the answer is."""
        self.response_type = response_type

    def set_metadata(self, metadata: dict[str, Any]) -> None:
        """Say what else the provider said."""
        self.metadata = metadata

    def consume(self) -> Any:
        """Return the answer."""
        return self.data

    @property
    def has_reasoning(self) -> bool:
        """Whether the model told what it thought."""
        return self.reasoning is not None

    def consume_reasoning(self) -> str | None:
        """Return what the model thought; None if it told nothing."""
        return self.reasoning


@dataclass(slots=True)
class ModelStreamResponse:
    """An answer that arrives in chunks; iterate over it, with ``for`` or ``async for``, once.

    Parameters
    ----------
    chunks : iterable or async iterable of str or bytes
        The source. Errors that it raises reach whoever iterates: fallback ends when a stream begins.
    response_type : str
    metadata : dict

    Examples
    --------
    >>> stream = ModelStreamResponse(["Hel", "lo"])
    >>> "".join(stream), stream.data
    ('Hello', 'Hello')
    """

    chunks: Iterable[Any] | AsyncIterable[Any]
    response_type: str = "text_generation"
    metadata: dict[str, Any] = field(default_factory=dict)
    data: Any = None
    """What has arrived so far."""

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self.chunks, Iterable):
            raise InvalidTypeError("This answer arrives asynchronously: iterate over it with `async for`.")
        for chunk in self.chunks:
            self._keep(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[Any]:
        if isinstance(self.chunks, AsyncIterable):
            async for chunk in self.chunks:
                self._keep(chunk)
                yield chunk
        else:
            for chunk in self.chunks:
                self._keep(chunk)
                yield chunk

    def consume(self) -> Any:
        """Read a synchronous stream to its end and return the whole answer."""
        for _ in self:
            pass
        return self.data

    def _keep(self, chunk: Any) -> None:
        self.data = chunk if self.data is None else self.data + chunk
