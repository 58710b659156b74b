"""Keeps the calls of a gateway in a file, so that yesterday's traffic is replayed through tomorrow's schedule.

Lines of JSON are what a killed process leaves readable. A Parquet file cannot grow by lines: it is made of them, in one
piece, when a file is closed or full.
"""

from __future__ import annotations

import atexit
import errno
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from glob import escape
from itertools import islice
from pathlib import Path
from typing import IO, Any, Self

from timegate.errors import InvalidValueError, MissingExtraError, shown
from timegate.files import as_path
from timegate.gateway.records import CallRecord
from timegate.pointer import guided
from timegate.replacing import replacing
from timegate.show.text import counted

__all__ = ["Recorder"]

logger = logging.getLogger("timegate")


class Recorder:
    """An observer that keeps each call in a file, as a line of JSON or a row of Parquet; no answers, prompts if asked.

    A thread of its own writes, at least once a second, whole lines alone: a process that is killed loses the last
    second and leaves a file that can be read. A disk that is full stops no call; what is lost then is counted and told
    to the log. ``timegate.read_trace(path)`` reads the file as a trace.

    Parameters
    ----------
    path : path
        Ends in ``.jsonl``, a file that is there is continued; or in ``.parquet`` (``pip install "timegate[scale]"``),
        then lines are kept beside it in ``name.jsonl`` until they become ``name.1.parquet`` and so on: when they are
        enough, and at the end. What a killed process left of them, the next one takes over. One process writes a file.
    rotate_bytes : int, optional
        When the lines have grown to so much, the file is renamed to ``name.1.jsonl`` and so on, or becomes a Parquet
        file, and a new one is begun. Default: never.
    most_waiting : int
        How many calls may wait to be written; those beyond are lost.
    prompts : bool
        Whether the arguments of each call are kept, too: as ``asked``, in Parquet as the text of its JSON.

    Attributes
    ----------
    lost : int
        How many calls could not be written.

    Raises
    ------
    InvalidValueError
        If the path ends in neither.
    OSError
        If the file cannot be opened, as in a folder that is not there.
    MissingExtraError
        If pyarrow is needed and not installed.

    Examples
    --------
    >>> import tempfile, timegate as tg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Recorder(f"{folder}/calls.jsonl") as recorder:
    ...         models = [{"model_name": name, "model": tg.Model.chat_completion("sim/m")} for name in "ab"]
    ...         gateway = tg.ModelGateway(models, observers=[recorder])
    ...         _ = gateway(messages="Hello")
    ...     trace = tg.read_trace(f"{folder}/calls.jsonl")
    >>> len(trace)
    1
    """

    @guided()
    def __init__(
        self,
        path: str | Path,
        *,
        rotate_bytes: int | None = None,
        most_waiting: int = 100_000,
        prompts: bool = False,
    ) -> None:
        self.path = as_path(path)
        if self.path.suffix not in (".jsonl", ".parquet"):
            raise InvalidValueError(f"path must end in .jsonl or .parquet. Got {shown(str(path))}.")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(self.path.parent))
        for name, value in (("rotate_bytes", rotate_bytes), ("most_waiting", most_waiting)):
            if value is not None and (type(value) is not int or value < 1):
                raise InvalidValueError(f"{name} must be a whole number, at least 1. Got {shown(value)}.")
        self._lines = self.path.with_suffix(".jsonl")
        self._write_parquet = _parquet_writer() if self.path.suffix == ".parquet" else None
        self.prompts = prompts
        self.lost = 0
        self._rotate_bytes = rotate_bytes
        self._most_waiting = most_waiting
        self._waiting: deque[CallRecord | str] = deque()
        self._is_over = False
        self._wake = threading.Event()
        self._file: IO[bytes] | None = None
        self._open()
        self._thread = threading.Thread(target=self._write_all, name="timegate-recorder", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"<Recorder to {self.path}, {counted(self.lost, 'call')} lost>"

    def __call__(self, record: CallRecord) -> None:
        """Take the record of a call; it is written soon."""
        waiting = len(self._waiting)
        if waiting >= self._most_waiting or self._is_over:
            self.lost += 1
            return
        if not self.prompts:
            self._waiting.append(record)  # no lock: a deque has its own
        elif (line := self._line_of(record)) is not None:  # at once, for the caller may change the prompt
            self._waiting.append(line)
        if waiting == self._most_waiting // 2:
            self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and close the file. The end of the process does so, too."""
        atexit.unregister(self.close)
        self._is_over = True
        self._wake.set()
        self._thread.join()

    def _open(self) -> None:
        self._file = self._lines.open("ab", buffering=0)
        self._file.truncate(_end_of_lines(self._lines))  # whoever was killed may have left half a line

    def _write_all(self) -> None:
        for aside in self.path.parent.glob(_aside(Path(f"{escape(self.path.stem)}.*.parquet")).name):
            self._convert(aside)
        while not self._is_over or self._waiting:
            self._wake.wait(0.5)
            self._wake.clear()
            while records := [self._waiting.popleft() for _ in range(min(len(self._waiting), 1_000))]:
                self._write(records)
        if self._file is not None:
            if self._write_parquet is not None and self._file.tell():
                self._rotate()
            else:
                self._file.close()

    def _line_of(self, record: CallRecord) -> str | None:
        """Return the line of a call; None if what it holds cannot be written."""
        try:
            return record.to_json(prompts=self.prompts) + "\n"
        except Exception as error:
            self.lost += 1
            logger.warning("A call could not be recorded in %s: %s", self.path, error)
            return None

    def _write(self, records: list[CallRecord | str]) -> None:
        texts = [t for each in records if (t := each if isinstance(each, str) else self._line_of(each)) is not None]
        lines = "".join(texts).encode()
        try:
            if self._file is None:
                self._open()
            assert self._file is not None  # noqa: S101 - just opened
            begun = self._file.tell()
            try:
                written = self._file.write(lines)
                if written != len(lines):
                    raise OSError("the disk took only a part")
            except OSError:
                unfinished, self._file = self._file, None  # whatever is left of half a line, opening it anew drops
                with unfinished:
                    unfinished.truncate(begun)
                raise
        except Exception as error:
            self.lost += len(texts)
            logger.warning("%d calls could not be recorded in %s: %s", len(texts), self.path, error)
            return
        if self._rotate_bytes is not None and self._file.tell() >= self._rotate_bytes:
            self._rotate()

    def _rotate(self) -> None:
        """Set the lines aside under the next number, and make a Parquet file of them, if that is what is kept."""
        assert self._file is not None  # noqa: S101 - just written to
        self._file.close()
        self._file = None
        number = 1
        while (kept := self._numbered(number)).exists() or _aside(kept).exists():
            number += 1
        aside = kept if self._write_parquet is None else _aside(kept)
        try:
            os.replace(self._lines, aside)
        except OSError as error:  # the lines go on where they are
            logger.warning("%s could not become %s: %s", self._lines, aside, error)
        else:
            self._convert(aside)

    def _convert(self, aside: Path) -> None:
        """Make a Parquet file of lines that were set aside; if that cannot be they stay, for the next who begins."""
        if self._write_parquet is None:
            return
        made = aside.with_suffix("")
        try:
            if not made.exists():  # else whoever made it was killed before its lines were removed
                with replacing(made) as unfinished:
                    self._write_parquet(aside, unfinished)
            aside.unlink(missing_ok=True)
        except Exception as error:
            logger.warning("%s could not become %s: %s", aside, made, error)

    def _numbered(self, number: int | str) -> Path:
        return self.path.with_name(f"{self.path.stem}.{number}{self.path.suffix}")


def _aside(parquet: Path) -> Path:
    """Return where lines wait to become a Parquet file."""
    return parquet.with_name(f"{parquet.name}.jsonl")


def _end_of_lines(path: Path) -> int:
    """Return where the last whole line of a file ends."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(end - 65_536, 0)
            file.seek(begin)
            if (found := file.read(end - begin).rfind(b"\n")) >= 0:
                return begin + found + 1
            end = begin
    return 0


def _parquet_writer() -> Callable[[Path, Path], None]:
    """Return what makes a Parquet file of lines."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    text, instant, seconds = pa.string(), pa.timestamp("us", tz="UTC"), pa.float64()
    attempt = {"deployment": text, "provider": text, "model_id": text, "at": instant, "outcome": text}
    columns = {
        "at": instant,
        "preferred": text,
        "served_by": text,
        "outcome": text,
        "attempts": pa.int32(),
        "latency_s": seconds,
        "first_chunk_s": seconds,
        "prompt_tokens": pa.int64(),
        "completion_tokens": pa.int64(),
        "cached_tokens": pa.int64(),
        "model": text,
        "finish_reason": text,
        "rate_limits": pa.map_(text, text),
        "tries": pa.list_(pa.struct({**attempt, "latency_s": seconds, "pause_s": seconds, "first_chunk_s": seconds})),
        "skipped": pa.list_(pa.struct({"deployment": text, "reason": text, "until": instant})),
        "asked": text,
    }

    def row(line: str) -> dict[str, Any]:
        found = json.loads(line)
        for holder in (found, *found["tries"]):
            holder["at"] = datetime.fromisoformat(holder["at"])
        for skip in found["skipped"]:
            skip["until"] = skip["until"] and datetime.fromisoformat(skip["until"])
        found["rate_limits"] = list(found["rate_limits"].items())
        found["asked"] = json.dumps(found["asked"]) if "asked" in found else None
        return dict(found)

    def write(lines: Path, path: Path) -> None:
        schema = pa.schema(columns)
        with lines.open(encoding="utf-8") as file, parquet.ParquetWriter(path, schema) as writer:
            while some := list(islice(file, 20_000)):
                writer.write_table(pa.Table.from_pylist([row(line) for line in some], schema))

    return write
