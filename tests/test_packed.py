"""Files that unpack to more than they should."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import timegate as tg
from timegate.errors import IncidentError, TimegateError, TraceError
from timegate.packed import MAX_BYTES

NINE = "2026-03-02T09:00Z"
ROWS = f"at,model_preference\n{NINE},weak\n".encode()


def zipped(content: bytes, *names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("day.csv",):
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("day.csv")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zip": zipped, "tar.gz": tarred,
}  # fmt: skip


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_are_read(tmp_path: Path, suffix: str) -> None:
    """Each packing gives the same trace, whatever the case of its suffix."""
    for name in (f"day.csv.{suffix}", f"DAY.CSV.{suffix.upper()}"):
        path = tmp_path / name
        path.write_bytes(PACKERS[suffix](ROWS))
        assert tg.read_trace(path).preferred_names == ("weak",)


@pytest.mark.parametrize("name", ["day.csv.gz", "day.jsonl.gz", "day.json.gz", "day.csv.zip", "incidents.csv.gz"])
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, name: str) -> None:
    """A small file that unpacks to 100 MB, of rows or of one line, is one error, within a GiB of address space."""
    path = tmp_path / name
    kind = path.suffixes[0]
    head, filling = {".csv": (b"at,start,end\n", b"0,0,0,0\n"), ".jsonl": (b'{"at": 1}\n', b"0" * 8)}.get(
        kind, (b"[", b"[" * 8)
    )
    content = head + filling * (100 * 2**20 // 8)
    path.write_bytes(zipped(content) if name.endswith("zip") else gzip.compress(content, 1))
    script = """
import resource, sys
import timegate as tg
from timegate.errors import InputError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
try:
    (tg.read_incidents if "incidents" in sys.argv[1] else tg.read_trace)(sys.argv[1])
except InputError as error:
    print(str(error))
"""
    found = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{path}: ")
    assert "unpacks to more than 64 MiB" in found.stdout or "longer than 16 MiB" in found.stdout


@pytest.mark.parametrize("read", [tg.read_trace, tg.read_rates, tg.read_incidents])
def test_pipes_and_devices_are_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    """Nobody knows whether and when they end: a pipe without writer blocks, /dev/zero fills the memory."""
    for name in ("day.csv", "day.jsonl", "day.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(TimegateError, match="is a pipe, socket or device, not a file"):
            read(tmp_path / name)
    with pytest.raises(TimegateError, match="is a pipe, socket or device, not a file"):
        read(Path("/dev/zero"))


def test_what_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    """A file larger than any that is meant is refused by its size."""
    path = tmp_path / "day.csv"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a hole: it takes no room
    for read, error in ((tg.read_trace, TraceError), (tg.read_incidents, IncidentError)):
        with pytest.raises(error, match="too large"):
            read(path)


def test_an_archive_holds_one_file(tmp_path: Path) -> None:
    """Of several nobody knows which is meant."""
    path = tmp_path / "day.csv.zip"
    path.write_bytes(zipped(ROWS, "a.csv", "b.csv"))
    with pytest.raises(TraceError, match=r"cannot be read as CSV: an archive of one file is needed, and this has 2"):
        tg.read_trace(path)


def test_rows_that_repeat_are_no_bomb(tmp_path: Path) -> None:
    """What a day of calls unpacks to is far within the bounds, even if all of them are alike."""
    path = tmp_path / "day.csv.gz"
    path.write_bytes(gzip.compress(b"at\n" + f"{NINE}\n".encode() * 500_000))
    assert len(tg.read_trace(path)) == 500_000
