"""A file as a table, whatever holds it: CSV, Parquet, JSON, JSON lines, spans or the lines of a web server."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from timegate.errors import MissingExtraError, TraceError, shown, warn
from timegate.files import delimiter_of, read_csv
from timegate.packed import bare_suffix, opened
from timegate.traffic.access_log import is_access_log, rows_of_access_log
from timegate.traffic.spans import is_otlp, rows_of_spans
from timegate.traffic.times import looks_like_time

__all__ = ["Table", "Want", "check_is_data", "open_table"]

HEAD_BYTES = 2**16
MAX_LINE_BYTES = 16 * 2**20
MAX_JSON_BYTES = 128 * 2**20  # of one document, which is parsed as a whole
LONGEST_TEXT = 1000  # of a value that is kept: prompts and answers are not
DEEPEST = 3
_NUMBER = "must be a number, not below 0."


class Want(NamedTuple):
    """What is wanted of a table.

    Attributes
    ----------
    names : tuple of str
    needed : tuple of str
        Those that each row has, the time first.
    texts : frozenset of str
        Those that are read as they are written; the others may be numbers.
    is_counted : bool
        Whether what is needed are numbers, all but the first of which may be missing.
    rows : int, optional
        How many are enough.
    """

    names: tuple[str, ...]
    needed: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()
    is_counted: bool = False
    rows: int | None = None


class Table(NamedTuple):
    """A file whose names are known, and whose columns are read when somebody has said which.

    Attributes
    ----------
    names : tuple of str
    load : function
        Reads the columns that are wanted.
    place : function
        Says where in the file a row stands, by its number, as people count there.
    note : str
        What was decided.
    """

    names: tuple[str, ...]
    load: Callable[[Want], pd.DataFrame]
    place: Callable[[int], str]
    note: str = ""


def check_is_data(path: Path) -> None:
    """Raise an error if a file is what often comes in place of data: a config, a web page, or a Git LFS pointer."""
    if bare_suffix(path) in (".yaml", ".yml"):
        raise TraceError(
            f"{path}: is YAML, and a trace is a table of calls in CSV, JSON or Parquet. "
            "GatewayConfig.load reads a config, Scenario.load a scenario."
        )
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}.") from None
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise TraceError(f"{path}: is a web page, not data; perhaps the error page of a download.")
    if head.startswith(b"version https://git-lfs"):
        raise TraceError(f"{path}: is a Git LFS pointer, not the data: fetch it with `git lfs pull`.")


def open_table(path: Path, delimiter: str | None = None, header: bool | None = None) -> Table:
    """Return a file as a table; what holds it is told by the suffix, or else by how it begins."""
    suffix = bare_suffix(path)
    if suffix == ".parquet":
        return _parquet(path)
    head = _head(path)
    if suffix in (".jsonl", ".ndjson"):
        return _of_rows(path, _json_lines(path))
    if is_access_log(_first_line(head)):
        return _of_rows(path, rows_of_access_log(path, _lines(path)))
    if suffix == ".json" or head.lstrip()[:1] in ("{", "["):
        return _of_rows(path, _json_lines(path) if _is_lines(head) else _json_document(path))
    return _csv(path, head, delimiter, header)


def _head(path: Path) -> str:
    try:
        with opened(path, TraceError) as file:
            return file.read(HEAD_BYTES).decode("utf-8-sig", "replace")
    except (TraceError, MissingExtraError):
        raise
    except Exception as error:  # whatever the decompressors raise
        kind = "JSON lines" if bare_suffix(path) in (".jsonl", ".ndjson") else "CSV"
        raise TraceError(f"{path}: cannot be read as {kind}: {' '.join(str(error).split())}") from None


def _first_line(head: str) -> str:
    return next((line for line in head.splitlines() if line.strip()), "")


# ---- CSV and Parquet


def _csv(path: Path, head: str, delimiter: str | None, header: bool | None) -> Table:
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):  # type: ignore[redundant-expr]
        raise TraceError(f"delimiter must be one character. Got {shown(delimiter)}.")
    above, marked = _preamble(path, head.splitlines())
    first = _first_line("\n".join(head.splitlines()[above:]))
    sep = delimiter or marked or delimiter_of(first)
    fields = next(csv.reader([first], delimiter=sep, skipinitialspace=True), [])
    has_header = not any(map(_is_value, fields)) if header is None else header
    options: dict[str, Any] = {"sep": sep, "skiprows": above}
    if has_header:
        names = tuple(map(str, read_csv(path, TraceError, nrows=0, **options).columns))
    else:
        names = tuple(map(str, range(len(fields))))
    options |= {"names": list(names), "header": 0 if has_header else None}

    def load(want: Want) -> pd.DataFrame:
        # Only what is empty is missing: a deployment may be called "NA". All columns are read, for with usecols pandas
        # does not tell of rows that are too long.
        texts = {name: str for name in names if name in want.texts or name not in want.names}
        return read_csv(path, TraceError, dtype=texts, na_values=[""], nrows=want.rows, **options)[list(want.names)]

    def place(row: int) -> str:
        return _line_of(path, sep, row + has_header, above)

    return Table(names, load, place, "" if has_header else "read without a header: columns are numbered from 0")


def _preamble(path: Path, lines: list[str]) -> tuple[int, str | None]:
    """Return how many lines stand above a table, and the delimiter if they say it: comments, and Excel's ``sep=;``."""
    number, marked = 0, None
    if lines and lines[0].startswith("#") and any(line.startswith("#Fields:") for line in lines[:10]):
        text = (
            "is a log in the W3C's extended form, which gives date and time apart: write a CSV with both in one column."
        )
        raise TraceError(f"{path}: {text}")
    for line in lines:
        text = line.strip().strip('"')
        if text.lower().startswith("sep=") and len(text) <= len("sep=;"):
            marked = text[len("sep=") :] or "\t"
        elif text and not (text.startswith("#") and _is_comment(text, lines[number + 1 :])):
            break
        number += 1
    return (number, marked) if number < len(lines) else (0, None)


def _is_comment(line: str, below: list[str]) -> bool:
    """Whether a line that begins with # is no heading of what follows: it has other fields."""
    table = next((text for text in below if text.strip() and not text.startswith("#")), "")
    sep = delimiter_of(table)
    return line.count(sep) != table.count(sep)


def _line_of(path: Path, sep: str, record: int, above: int) -> str:
    """Return the line in which a record of a CSV begins; a field may hold ends of lines, and empty lines are none."""
    last, left = above, record
    lines = (text for number, text in _lines(path, empty=True) if number > above)
    reader = csv.reader(lines, delimiter=sep, skipinitialspace=True)
    try:
        for fields in reader:
            if any(field.strip() for field in fields) or len(fields) > 1:
                if not left:
                    return f"line {last + 1}"
                left -= 1
            last = above + reader.line_num
    except (csv.Error, TraceError):  # what pandas takes all the same
        pass
    return f"row {record}"


def _is_value(field: str) -> bool:
    """Whether a field holds a number or a time, which no header does."""
    try:
        float(field)
    except ValueError:
        return looks_like_time(field)
    return True


def _parquet(path: Path) -> Table:
    try:
        frame = pd.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError(f"{path}: Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    except Exception as error:  # pandas lets through what pyarrow raises
        raise TraceError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from None
    frame = frame.reset_index() if frame.index.name not in (None, *frame.columns) else frame
    frame.columns = frame.columns.map(str)
    return Table(tuple(frame.columns), lambda want: frame[list(want.names)], "row {}".format)


# ---- JSON

Row = tuple[str, Any]
"""Where a row stands, and what it is: a mapping of plain values by their keys, or something wrong."""


def _of_rows(path: Path, rows: Iterable[Row]) -> Table:
    held = list(rows)
    if not held:
        raise TraceError(f"{path}: the trace is empty: it needs at least one arrival.")
    names = tuple(dict.fromkeys(name for _, row in held if isinstance(row, dict) for name in row))

    def load(want: Want) -> pd.DataFrame:
        for place, row in held:
            if not isinstance(row, dict) or any(name not in row for name in want.needed[:1]):
                raise TraceError(f"{path}: {place} must be an object with {', '.join(want.needed)}. Got {shown(row)}.")
            if want.is_counted:
                _check_counts(path, place, row, want.needed)
        return pd.DataFrame({name: pd.Series([row.get(name) for _, row in held]) for name in want.names})

    return Table(names, load, lambda row: held[row][0])


def _check_counts(path: Path, place: str, row: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    for name in needed:
        value = row.get(name)
        if value is None and name != needed[0]:
            continue  # a missing count, which the trace notes
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**63:
            raise TraceError(f"{path}: {place}: {name} {_NUMBER} Got {shown(value)}.")


def _is_lines(head: str) -> bool:
    """Whether JSON text is a document a line, by its first line."""
    first, _, rest = head.lstrip().partition("\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        place = f"line {number}"
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            if number > 1 and not line.endswith("\n"):  # the last: whoever wrote it was killed
                text = f"{path}: {place}, the last, is cut off and passed over. It is {shown(line)}."
                warn(text)
                return
            raise TraceError(f"{path}: {place} must be JSON. Got {shown(line.strip())}.") from None
        if is_otlp(document):
            yield from rows_of_spans(path, document)
        else:
            yield place, _flat(document) if isinstance(document, dict) else document


def _json_document(path: Path) -> Iterator[Row]:
    with opened(path, TraceError) as file:
        content = file.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise TraceError(f"{path}: larger than {MAX_JSON_BYTES // 2**20} MiB of JSON: write it as JSON lines.")
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: must be UTF-8 text. Byte {error.start} is not.") from None
    except (ValueError, RecursionError) as error:
        raise TraceError(f"{path}: cannot be read as JSON: {' '.join(str(error).split())}") from None
    if is_otlp(document):
        yield from rows_of_spans(path, document)
        return
    for number, row in enumerate(_rows_in(document)):
        if is_otlp(row):
            yield from rows_of_spans(path, row)
        else:
            yield f"row {number}", _flat(row) if isinstance(row, dict) else row


def _rows_in(document: Any) -> list[Any]:
    """Return the rows of a document: a list, or the only list of objects among what an interface answers."""
    if isinstance(document, list):
        return document
    lists = [
        value for value in document.values() if isinstance(value, list) and any(isinstance(v, dict) for v in value)
    ]
    return lists[0] if len(lists) == 1 else [document]


def _lines(path: Path, empty: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the lines, with their numbers; those that are empty only if they are asked for."""
    place = number = 0
    try:
        with opened(path, TraceError) as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise TraceError(f"{path}: line {number} is longer than {MAX_LINE_BYTES // 2**20} MiB.")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if empty or text.strip():
                    yield number, text
                place += len(line)
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: must be UTF-8 text. Byte {place + error.start} is not.") from None
    except (EOFError, OSError, ValueError) as error:
        if isinstance(error, TraceError):
            raise
        raise TraceError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None


def _flat(row: Mapping[str, Any], depth: int = DEEPEST) -> dict[str, Any]:
    """Return the plain values of a row by their keys, an object inside as text and its values by ``key.inner``."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            inside = _flat(value, depth - 1) if depth else {}
            flat[key] = json.dumps(inside) if len(inside) <= 24 else None
            flat |= {f"{key}.{inner}": v for inner, v in inside.items()}
        elif isinstance(value, list):
            flat[key] = None  # hashes, messages: that they are there may tell a format
        else:
            flat[key] = None if isinstance(value, str) and len(value) > LONGEST_TEXT else value
    return flat
