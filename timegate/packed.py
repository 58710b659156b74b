"""Opening files that may be compressed, within bounds: ten megabytes may be packed from four gigabytes of nothing."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from timegate.errors import InvalidValueError, MissingExtraError

__all__ = ["PACKED", "bare_suffix", "opened"]

MAX_BYTES = 8 * 2**30  # of a table: larger ones are read in parts
FREE_BYTES = 64 * 2**20  # whatever is packed may unfold to so much
MOST_FOLD = 50  # and beyond it to so many times its size; tables of calls unfold to five to twenty times
PACKED = (".gz", ".bz2", ".xz", ".zip", ".tar", ".zst")


class _Bounded(io.RawIOBase):
    """A stream that ends in an error if it gives more than so many bytes."""

    def __init__(self, stream: IO[bytes], most: int, error: InvalidValueError) -> None:
        self._stream, self._left, self._error = stream, most, error

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise self._error
        buffer[: len(content)] = content
        return len(content)


def bare_suffix(path: Path) -> str:
    """Return the suffix that says what a file holds, in lower case, without that of its packing.

    Examples
    --------
    >>> bare_suffix(Path("day.JSONL.gz")), bare_suffix(Path("day.csv"))
    ('.jsonl', '.csv')
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


@contextmanager
def opened(path: Path, error_class: type[InvalidValueError]) -> Iterator[IO[bytes]]:
    """Open a file to read, unpacked by its suffix; too much of it is an error that begins with the path."""
    size = path.stat().st_size
    is_packed = path.suffix.lower() in PACKED
    most = max(FREE_BYTES, MOST_FOLD * size) if is_packed else MAX_BYTES
    said = f"unpacks to more than {most / 2**20:,.0f} MiB, {MOST_FOLD} times its size" if is_packed else "is too large"
    error = error_class(f"{path}: {said}; this cannot be meant. Unpack it, or read it in parts.")
    if size > MAX_BYTES:
        raise error
    with ExitStack() as stack:
        stream = _unpacked(path, stack) if is_packed else stack.enter_context(path.open("rb"))
        yield io.BufferedReader(_Bounded(stream, min(most, MAX_BYTES), error), 2**20)


def _unpacked(path: Path, stack: ExitStack) -> IO[bytes]:
    suffix = path.suffix.lower()
    if ".tar" in map(str.lower, path.suffixes[-2:]):
        archive = stack.enter_context(tarfile.open(path))  # noqa: SIM115 - the stack closes it
        members = [archive.extractfile(member) for member in archive if member.isfile() and _is_content(member.name)]
        return stack.enter_context(_only(members))
    if suffix == ".zip":
        files = stack.enter_context(zipfile.ZipFile(path))
        return stack.enter_context(files.open(_only([name for name in files.namelist() if _is_content(name)])))
    if suffix == ".zst":
        try:
            from zstandard import open as open_zst  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise MissingExtraError(f"{path}: needs zstandard: pip install zstandard.") from error
        return stack.enter_context(open_zst(path, "rb"))
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}[suffix]
    file: IO[bytes] = stack.enter_context(opener(path, "rb"))
    return file


def _is_content(name: str) -> bool:
    """Whether a file of an archive is more than what macOS adds: ``__MACOSX/._day.csv``, ``.DS_Store``."""
    last = name.rpartition("/")[2]
    return bool(last) and not name.startswith("__MACOSX/") and not last.startswith(("._", ".DS_Store"))


def _only(members: list[Any]) -> Any:
    if len(members) != 1:
        raise ValueError(f"an archive of one file is needed, and this has {len(members)}")
    return members[0]
