"""Putting a new file in the place of an old one, whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from timegate.problems import shown

try:
    import fcntl
except ImportError:  # Windows has none: there, what a killed process left stays
    fcntl = None  # type: ignore[assignment]

__all__ = ["replacing"]

PREFIX = ".timegate-"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a new file beside ``path`` to write to, and put it in its place when that has succeeded.

    Whatever happens, a reader finds the old file or the whole new one. A symbolic link stays one, and a file keeps its
    owner, permissions and attributes; one that has hard links, or whose owner cannot be given, is written in place once
    the new content is complete. What is read-only, or no file, is never replaced: an administrator could lose what
    others need. What processes that were killed have left in the folder is removed.

    Raises
    ------
    OSError
        If it cannot be written; it names ``path``.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "no path holds NUL", shown(str(path)))
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "is a folder, pipe, socket or device, not a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    if path.exists() and (not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK)):
        raise PermissionError(errno.EACCES, "is read-only, and stays as it is", str(path))
    _sweep(path.parent)
    handle, unfinished = _new_file(path)
    try:
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        _put(unfinished, path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        if type(error) is not OSError or error.filename not in (None, str(unfinished)):
            raise
        if error.errno is None:
            raise OSError(f"{path}: {error}") from error
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk's names no file
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)


def _new_file(path: Path) -> tuple[int, Path]:
    """Make a hidden file beside another, locked as long as it is being written."""
    # The suffix stays last, for writers choose formats by it. A long name must not make a longer one.
    suffix = path.suffix if len(os.fsencode(path.suffix)) <= 32 else ""
    while True:
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX, suffix=suffix)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from error
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):  # somebody may have swept it before it was locked
            return handle, Path(name)
        os.close(handle)


def _sweep(folder: Path) -> None:
    """Remove the hidden files of processes that are no more: nobody holds their locks."""
    if fcntl is None:
        return
    for left in folder.glob(f"{PREFIX}*"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(handle)


def _put(unfinished: Path, path: Path) -> None:
    """Put a finished file in the place of another, or its content if only so the other stays what it is."""
    if not path.exists():
        umask = os.umask(0)
        os.umask(umask)
        unfinished.chmod(0o666 & ~umask)
    elif not _made_alike(unfinished, path):
        with unfinished.open("rb") as new, path.open("rb+") as old:
            shutil.copyfileobj(new, old)
            old.truncate()
            os.fsync(old.fileno())
        unfinished.unlink()
        return
    unfinished.replace(path)


def _made_alike(unfinished: Path, path: Path) -> bool:
    """Give a file the owner, attributes and permissions of another; return whether that is all there is to it."""
    there = path.stat()
    if there.st_nlink > 1:
        return False
    try:
        mine = unfinished.stat()
        if (mine.st_uid, mine.st_gid) != (there.st_uid, there.st_gid):
            os.chown(unfinished, there.st_uid, there.st_gid)
        if hasattr(os, "listxattr"):
            for name in os.listxattr(path):
                os.setxattr(unfinished, name, os.getxattr(path, name))
        unfinished.chmod(stat.S_IMODE(there.st_mode))
    except OSError:
        return False
    return True
