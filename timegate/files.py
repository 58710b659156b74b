"""Reading YAML and JSON as plain data, and writing files whole or not at all."""

from __future__ import annotations

import codecs
import csv
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from timegate.errors import InputError, InvalidTypeError, InvalidValueError, MissingExtraError, did_you_mean, shown
from timegate.packed import PACKED, bare_suffix, opened
from timegate.problems import Problem
from timegate.replacing import replacing
from timegate.samples import SAMPLES

__all__ = [
    "as_path",
    "check_readable",
    "delimiter_of",
    "dump_yaml",
    "made_folder",
    "parse_document",
    "read_csv",
    "read_document",
    "read_text",
    "replacing",
    "without_formulas",
    "write_csv",
    "write_document",
    "write_files",
    "write_parquet",
]

# Far above any document that is meant, and low enough to be read or refused within a second or two.
MAX_DOCUMENT_BYTES = 8 * 2**20
MAX_VALUES = 250_000  # with YAML's aliases unfolded
MAX_DEPTH = 50

# What begins a formula in a spreadsheet: owasp.org/www-community/attacks/CSV_Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_path(given: object, instead: Mapping[type, str] | None = None) -> Path:
    """Return what was given as a path, or raise an InvalidTypeError; ``instead`` says, by its type, what takes it."""
    if isinstance(given, str | os.PathLike):
        with suppress(TypeError):  # of bytes
            return Path(given)
    hint = next((words for kind, words in (instead or {}).items() if isinstance(given, kind)), "")
    raise InvalidTypeError(Problem((), f"path must be the path of a file. Got {shown(given)}.", hint))


def check_readable(path: Path, error_class: type[InvalidValueError]) -> None:
    """Raise an error that says what is wrong with a path, and names its nearest neighbour if it is not there."""
    try:
        if path.is_dir():
            raise error_class(f"{path}: is a folder, not a file.")
        if not path.exists():
            if path.is_symlink():
                raise error_class(f"{path}: is a link to {shown(os.readlink(path))}, which is not there.")
            siblings = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
            hint = did_you_mean(path.name, siblings)
            if "Did" not in hint:
                hint = " `timegate demo` copies the sample to timegate-demo/data." if path.name in SAMPLES else ""
            raise error_class(f"{path}: no such file.{hint}")
        if not path.is_file():  # nobody knows whether and when it ends
            raise error_class(f"{path}: is a pipe, socket or device, not a file.")
        if path.stat().st_size == 0:
            raise error_class(f"{path}: the file is empty.")
    except OSError as error:  # a name that no file system takes, a folder that may not be entered
        raise error_class(f"{path}: cannot be read: {error.strerror}.") from None


def read_document(path: str | Path, error_class: type[InvalidValueError], is_json: bool | None = None) -> Any:
    """Read a YAML 1.2 or JSON file as plain data.

    Parameters
    ----------
    path : path
    error_class : type
        Raised, in one sentence that begins with the path, for whatever is wrong with the file: among others, more
        than 8 MiB, more than 250,000 values (each use of an alias counts all that it stands for), or more than
        50 levels.
    is_json : bool, optional
        Whether to read it as JSON, or as YAML. Default: as JSON if the name ends in ``.json``.
    """
    path = as_path(path)
    return parse_document(read_text(path, error_class), path, error_class, is_json)


def read_text(path: Path, error_class: type[InvalidValueError]) -> str:
    """Read the text of a document, which may be compressed, or raise the error of :func:`read_document`."""
    check_readable(path, error_class)
    try:
        with opened(path, error_class) if path.suffix.lower() in PACKED else path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except (InputError, MissingExtraError):
        raise
    except Exception as error:  # whatever the decompressors raise
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise error_class(f"{path}: cannot be read: {reason}.") from None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise error_class(f"{path}: larger than {MAX_DOCUMENT_BYTES // 2**20} MiB; this cannot be meant.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise error_class(f"{path}: must be UTF-8 text. Byte {error.start} is not.{_encoding(content)}") from None
    if "\0" in text:
        place = content.index(b"\0")
        raise error_class(f"{path}: must be UTF-8 text. Byte {place} is NUL.{_encoding(content)}")
    return text


def read_csv(path: Path, error_class: type[InvalidValueError], **options: Any) -> pd.DataFrame:
    """Read a CSV, which may be compressed; whatever is wrong with it is an error that begins with the path."""
    try:
        with warnings.catch_warnings(), opened(path, error_class) as file:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame: pd.DataFrame = pd.read_csv(
                file, skipinitialspace=True, index_col=False, keep_default_na=False, **options
            )
            return frame.rename(columns=lambda name: name.strip() if isinstance(name, str) else name)
    except (InputError, MissingExtraError):
        raise
    except ImportError as error:
        raise MissingExtraError(f"{path}: {error}") from error
    except pd.errors.ParserWarning:  # pandas would drop what has no column
        raise error_class(f"{path}: a row has more fields than the header. Quote a field that has commas.") from None
    except pd.errors.ParserError as error:
        counts = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        problem = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        if counts is not None:
            before, line, found = counts.groups()
            problem = f"line {line} has {found} fields, and those before it {before}. Quote a field that has commas."
        raise error_class(f"{path}: cannot be read as CSV: {problem}") from None
    except UnicodeDecodeError:
        raise error_class(f"{path}: must be UTF-8 text.{_encoding(_begin(path, error_class))}") from None
    except Exception as error:  # pandas lets through what its parsers and the decompressors raise
        raise error_class(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None


def delimiter_of(line: str) -> str:
    """Return the mark of which a line of a CSV has most: comma, semicolon, tab or bar; of equally many the comma."""
    return max(",;\t|", key=line.count)


def write_csv(frame: pd.DataFrame, path: str | Path, escape_formulas: bool = False) -> None:
    """Write a table as CSV, whole or not at all; :func:`read_csv` reads every text as it was.

    With ``escape_formulas`` an apostrophe stands before texts that spreadsheets would take for formulas.
    """
    if escape_formulas:
        frame = without_formulas(frame)
    texts = [column for _, column in frame.items() if column.dtype.kind not in "biufmM"]
    # Readers strip the space before a field and take a bare carriage return for the end of a row.
    delicate = any(pd.Series(column.unique()).astype(str).str.contains(r"^\s|\r").any() for column in texts)
    quoting: Any = csv.QUOTE_NONNUMERIC if delicate else csv.QUOTE_MINIMAL
    with replacing(path) as unfinished:
        frame.to_csv(unfinished, index=False, lineterminator="\n", quoting=quoting)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, or say what is missing for it."""
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'. CSV needs nothing.") from error


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with an apostrophe before texts and headings that spreadsheets would take for formulas."""
    texts = [name for name, column in frame.items() if column.dtype.kind not in "biufmM"]
    return frame.assign(**{str(name): frame[name].astype(object).map(_no_formula) for name in texts}).rename(
        columns=_no_formula
    )


def _no_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def parse_document(text: str, path: Path, error_class: type[InvalidValueError], is_json: bool | None = None) -> Any:
    """Parse the text of a document, or raise the error of :func:`read_document`."""
    is_json = bare_suffix(path) == ".json" if is_json is None else is_json
    try:
        data = _parse_json(text) if is_json else _yaml().parse(text, MAX_VALUES, MAX_DEPTH)
    except ValueError as error:
        problem = " ".join(str(error).split())
        raise error_class(f"{path}: cannot be read as {'JSON' if is_json else 'YAML'}: {problem}.") from None
    if data is None:
        raise error_class(f"{path}: the file holds no data.")
    return data


def _begin(path: Path, error_class: type[InvalidValueError]) -> bytes:
    """Return the part of a file in which its encoding shows."""
    with opened(path, error_class) as file:
        return file.read(MAX_DOCUMENT_BYTES)


def _encoding(content: bytes) -> str:
    """Return what a text that is not UTF-8 seems to be, as the end of an error message."""
    head = content[:1000]
    zeros = head.count(0) / len(head)
    if zeros > 0.6:
        return " It seems to be UTF-32: save it as UTF-8."
    if zeros > 0.3 or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return " It seems to be UTF-16: save it as UTF-8."
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in head) or not head:
        return " It seems to be no text at all."
    return " It seems to be Latin-1 or Windows-1252: save it as UTF-8."


def _parse_json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        data = dict(pairs)
        if len(data) < len(pairs):
            names = Counter(name for name, _ in pairs)
            raise ValueError(f"found duplicate key {shown(names.most_common(1)[0][0])}")
        return data

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check_size(data)
    return data


def _check_size(data: Any) -> None:
    level, size = [data], 0
    for _ in range(MAX_DEPTH):
        size += len(level)
        if size > MAX_VALUES:
            raise ValueError(f"found more than {MAX_VALUES:,} values; this cannot be meant")
        level = [
            item
            for value in level
            if isinstance(value, list | dict)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise ValueError("nested too deeply")


def dump_yaml(data: Any, header: str = "") -> str:
    """Write plain data as YAML that readers of any version understand alike: times are quoted."""
    return header + str(_yaml().dump(data))


def _yaml() -> Any:
    from timegate import yaml12  # PyYAML waits until a file is read: `import timegate` stays short

    return yaml12


def write_document(path: str | Path, data: Any, error_class: type[InvalidValueError] = InvalidValueError) -> None:
    """Write plain data whole or not at all: as JSON or YAML, as the name ends; if it has no ending, as YAML."""
    path = as_path(path)
    suffix = path.suffix.lower()
    if suffix not in (".json", ".yaml", ".yml", ""):
        raise error_class(f"path must end in .yaml, .yml or .json. Got {shown(str(path))}.")
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n" if suffix == ".json" else dump_yaml(data)
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def made_folder(folder: str | Path, error_class: type[InvalidValueError]) -> Path:
    """Make a folder, if it is not there, and the folders that it lies in."""
    folder = as_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # no path holds NUL
        reason = getattr(error, "strerror", error)
        raise error_class(f"{folder}: cannot be made a folder: {reason}.") from error
    return folder


def write_files(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files into a folder that is there, each whole or not at all, and return their paths."""
    paths = []
    for name, content in contents.items():
        paths.append(folder / name)
        with replacing(paths[-1]) as unfinished:
            unfinished.write_bytes(content)
    return paths
