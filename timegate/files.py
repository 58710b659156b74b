"""Reading YAML and JSON as plain data, and writing files whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from timegate.errors import InvalidValueError, did_you_mean

__all__ = [
    "check_readable",
    "dump_yaml",
    "parse_document",
    "read_document",
    "read_text",
    "replacing",
    "write_document",
]

MAX_DOCUMENT_BYTES = 16 * 2**20


def check_readable(path: Path, error_class: type[InvalidValueError]) -> None:
    """Raise an error that says what is wrong with a path, and names its nearest neighbour if it is not there."""
    try:
        if path.is_dir():
            raise error_class(f"{path}: is a folder, not a file.")
        if not path.exists():
            siblings = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
            hint = did_you_mean(path.name, siblings)
            raise error_class(f"{path}: no such file.{hint if 'Did' in hint else ''}")
        if path.is_file() and path.stat().st_size == 0:
            raise error_class(f"{path}: the file is empty.")
    except OSError as error:  # a name that no file system takes, a folder that may not be entered
        raise error_class(f"{path}: cannot be read: {error.strerror}.") from None


def read_document(path: str | Path, error_class: type[InvalidValueError]) -> Any:
    """Read a YAML 1.2 or JSON file as plain data.

    Parameters
    ----------
    path : path
        Read as JSON if the name ends in ``.json``, else as YAML.
    error_class : type
        Raised, in one sentence that begins with the path, for whatever is wrong with the file.
    """
    path = Path(path)
    return parse_document(read_text(path, error_class), path, error_class)


def read_text(path: Path, error_class: type[InvalidValueError]) -> str:
    """Read the text of a document, or raise the error of :func:`read_document`."""
    check_readable(path, error_class)
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise error_class(f"{path}: larger than {MAX_DOCUMENT_BYTES // 2**20} MiB; this cannot be meant.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise error_class(f"{path}: must be UTF-8 text. Byte {error.start} is not.") from None
    except OSError as error:
        raise error_class(f"{path}: cannot be read: {error.strerror}.") from None


def parse_document(text: str, path: Path, error_class: type[InvalidValueError]) -> Any:
    """Parse the text of a document, or raise the error of :func:`read_document`."""
    try:
        data = _parse_json(text) if path.suffix == ".json" else _parse_yaml(text)
    except ValueError as error:
        raise error_class(f"{path}: cannot be read as {'JSON' if path.suffix == '.json' else 'YAML'}: "
                          f"{' '.join(str(error).split())}") from None  # fmt: skip
    except RecursionError:
        raise error_class(f"{path}: nested too deeply.") from None
    if data is None:
        raise error_class(f"{path}: the file holds no data.")
    return data


def _parse_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"found duplicate key {next(n for n in names if names.count(n) > 1)!r}")
        return data

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


def dump_yaml(data: Any, header: str = "") -> str:
    """Write plain data as YAML that readers of any version understand alike: times are quoted."""
    return header + str(_yaml().dump(data))


def _parse_yaml(text: str) -> Any:
    return _yaml().parse(text)


def _yaml() -> Any:
    return import_module("timegate.yaml12")  # ruamel.yaml waits until a file is read: `import timegate` stays short


def write_document(path: str | Path, data: Any, header: str = "") -> None:
    """Write plain data whole or not at all; as JSON if the name ends in ``.json``, else as YAML."""
    path = Path(path)
    is_json = path.suffix == ".json"
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n" if is_json else dump_yaml(data, header)
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a new file beside ``path`` to write to, and put it in its place when that has succeeded.

    Whatever happens, a reader finds the old file or the whole new one. A symbolic link stays one.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
    umask = os.umask(0)
    os.umask(umask)
    # The suffix stays last: writers choose formats by it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    unfinished = Path(name)
    try:
        os.close(handle)
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        unfinished.chmod(path.stat().st_mode if path.exists() else 0o666 & ~umask)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
