"""Keeps the calls of a gateway in a file, so that yesterday's traffic is replayed through tomorrow's schedule."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from pathlib import Path
from typing import IO, Self

from timegate.errors import InvalidValueError, shown
from timegate.gateway.records import CallRecord

__all__ = ["Recorder"]

logger = logging.getLogger("timegate")
_encoded = json.JSONEncoder(check_circular=False).encode


class Recorder:
    """An observer that writes each call as a line of JSON; no prompts and no answers.

    A thread of its own writes, at least once a second, whole lines alone: a process that is killed loses the last
    second and leaves a file that can be read. A disk that is full stops no call; what is lost then is counted and told
    to the log. ``timegate.read_trace(path)`` reads the file as a trace.

    Parameters
    ----------
    path : path
        Ends in ``.jsonl``. A file that is there is continued.
    rotate_bytes : int, optional
        When the file has grown to so much, it is renamed to ``name.1.jsonl`` and so on, and begun anew. Default: never.
    most_waiting : int
        How many calls may wait to be written; those beyond are lost.

    Attributes
    ----------
    lost : int
        How many calls could not be written.

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

    def __init__(self, path: str | Path, *, rotate_bytes: int | None = None, most_waiting: int = 100_000) -> None:
        self.path = Path(path)
        if self.path.suffix != ".jsonl":
            raise InvalidValueError(f"path must end in .jsonl. Got {shown(str(path))}.")
        self.lost = 0
        self._rotate_bytes = rotate_bytes
        self._most_waiting = most_waiting
        self._waiting: deque[CallRecord] = deque()
        self._is_over = False
        self._wake = threading.Event()
        self._file: IO[bytes] | None = None
        self._open()
        self._thread = threading.Thread(target=self._write_all, name="timegate-recorder", daemon=True)
        self._thread.start()

    def __call__(self, record: CallRecord) -> None:
        """Take the record of a call; it is written soon."""
        waiting = len(self._waiting)
        if waiting >= self._most_waiting or self._is_over:
            self.lost += 1
            return
        self._waiting.append(record)  # no lock: a deque has its own
        if waiting == self._most_waiting // 2:
            self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._is_over = True
        self._wake.set()
        self._thread.join()

    def _open(self) -> None:
        self._file = self.path.open("ab", buffering=0)
        size = self._file.tell()
        if size:  # whoever was killed may have left half a line
            with self.path.open("rb") as read:
                read.seek(size - 1)
                if read.read(1) != b"\n":
                    self._file.write(b"\n")

    def _write_all(self) -> None:
        while not self._is_over or self._waiting:
            self._wake.wait(0.5)
            self._wake.clear()
            while records := [self._waiting.popleft() for _ in range(min(len(self._waiting), 1_000))]:
                self._write(records)
        if self._file is not None:
            self._file.close()

    def _write(self, records: list[CallRecord]) -> None:
        try:
            lines = "".join(f"{_encoded(record.to_dict())}\n" for record in records).encode()
            if self._file is None:
                self._open()
            assert self._file is not None  # noqa: S101 - just opened
            begun = self._file.tell()
            try:
                written = self._file.write(lines)
                if written != len(lines):
                    raise OSError("the disk took only a part")
            except OSError:
                self._file.truncate(begun)  # no half a line
                raise
            if self._rotate_bytes is not None and self._file.tell() >= self._rotate_bytes:
                self._rotate()
        except Exception as error:
            self.lost += len(records)
            logger.warning("%d calls could not be recorded in %s: %s", len(records), self.path, error)

    def _rotate(self) -> None:
        number = 1
        while (old := self.path.with_name(f"{self.path.stem}.{number}.jsonl")).exists():
            number += 1
        if self._file is not None:
            self._file.close()
            self._file = None
        os.replace(self.path, old)
