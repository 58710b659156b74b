"""Readers of trace files: our own format, and those of published traces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from timegate.core.clock import LAST_US, SECOND_US, Instant, from_us, to_us
from timegate.core.columns import TRACE_COLUMNS
from timegate.errors import MissingExtraError, TraceError, did_you_mean, shown
from timegate.files import check_readable, read_csv
from timegate.problems import Problem
from timegate.show.text import counted
from timegate.traffic.trace import Trace, has_offset

__all__ = ["check_is_data", "origin_us", "read_trace", "since_origin"]


class Format(NamedTuple):
    """A published format.

    Attributes
    ----------
    name : str
    columns : dict
        Our names by theirs; those that are needed.
    unit_us : int
        The unit of times that count from an origin, in microseconds; 0 where times are instants.
    optional : dict
        Our names by theirs; those that may be absent.
    """

    name: str
    columns: dict[str, str]
    unit_us: int = 0
    optional: Mapping[str, str] = MappingProxyType({})


# github.com/kvcache-ai/Mooncake, FAST25-release/traces/*.jsonl: milliseconds from the first request.
MOONCAKE = Format(
    "Mooncake trace",
    {"timestamp": "at", "input_length": "prompt_tokens", "output_length": "completion_tokens"},
    1000,
)
FORMATS = (
    # github.com/Azure/AzurePublicDataset: 2023 without zone (taken as UTC), 2024 and 2025 with offsets.
    Format(
        "Azure LLM trace",
        {"TIMESTAMP": "at", "ContextTokens": "prompt_tokens", "GeneratedTokens": "completion_tokens"},
    ),
    # github.com/HPMLL/BurstGPT: seconds from 0:00 of the first day; failed requests have 0 response tokens.
    Format(
        "BurstGPT trace",
        {"Timestamp": "at", "Request tokens": "prompt_tokens", "Response tokens": "completion_tokens"},
        SECOND_US,
        {"Model": "model_preference"},
    ),
    MOONCAKE,
)
TEXT = {
    "at",
    "model_preference",
    *(
        name
        for known in FORMATS
        for name, ours in {**known.columns, **known.optional}.items()
        if ours == "model_preference" or (ours == "at" and not known.unit_us)
    ),
}
"""The columns of CSV files that are read as they are written: instants and names."""


def read_trace(path: str | Path, tz: str | None = None, sort: bool = False, *, origin: Instant | None = None) -> Trace:
    """Read a trace from a CSV, JSONL or Parquet file.

    Known are our own format (columns ``at``, and optionally ``model_preference``, ``prompt_tokens``,
    ``completion_tokens``), and those of the published traces of Azure (2023 to 2025), BurstGPT and Mooncake. What
    was assumed or left out stands in the trace's ``notes``.

    Parameters
    ----------
    path : path
        Parquet if the name ends in ``.parquet``, JSON lines if in ``.jsonl``, else CSV, which may be compressed.
    tz : str, optional
        The zone of naive times. Published formats that state none are read as UTC, and the trace says so.
    sort : bool
        Whether to sort by time; otherwise times out of order are an error.
    origin : datetime or str, optional
        The aware instant from which the times of BurstGPT and Mooncake count, which these files do not state.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the message begins with the path.
    InstantError
        If ``origin`` is naive or not a time.
    """
    path = Path(path)
    began_us = None if origin is None else to_us(origin, "origin")
    check_readable(path, TraceError)
    check_is_data(path)
    frame = _read_frame(path)
    notes: list[str] = []
    known = next((known for known in FORMATS if set(known.columns) <= set(frame.columns)), None)
    if known is not None:
        columns = known.columns | {name: ours for name, ours in known.optional.items() if name in frame.columns}
        frame = frame[list(columns)].rename(columns=columns)
        notes.append(f"read as {known.name}")
    if "at" not in frame.columns:
        found = ", ".join(repr(str(column)) for column in frame.columns[:8])
        others = [column for column in frame.columns if column not in TRACE_COLUMNS]
        hint = next((h for c in others if "Did" in (h := did_you_mean(c, TRACE_COLUMNS))), "")
        raise TraceError(f"{path}: column 'at' is missing. Found {found}.{hint}")
    try:
        if known is not None and known.unit_us:
            column = next(iter(known.columns))
            began_us = origin_us(began_us, tz, column)
            frame["at"] = since_origin(frame["at"].rename(column), known.unit_us, began_us)
            notes[0] += f", times counted from {from_us(began_us):%Y-%m-%d %H:%M:%S} UTC"
            notes += _remarks(frame)
        elif began_us is not None:
            raise TraceError("origin is for times that count from it. The times of this file are instants.")
        elif known is not None and not has_offset(frame["at"]):
            tz = tz or "UTC"
            notes[0] += f", times taken as {tz}"
        return Trace(frame, tz=tz, sort=sort, notes=notes)
    except TraceError as error:
        raise TraceError(*error.after(f"{path}:")) from None


def _remarks(frame: pd.DataFrame) -> Iterator[str]:
    """Say what else a reader of a published trace should know."""
    if "model_preference" in frame.columns:
        yield "the model called is taken for the preferred deployment"
        failed = int((pd.to_numeric(frame["completion_tokens"], errors="coerce") == 0).sum())
        if failed:
            yield f"{counted(failed, 'call')} without a response token, which are failures, kept"


def origin_us(began_us: int | None, tz: str | None, column: str) -> int:
    """Return the origin of relative times, which must be given, and alone."""
    if began_us is None:
        text = f"{column!r} counts from an instant that the file does not state:"
        raise TraceError(Problem((), text, "pass {} or another time.", ("origin", "2026-03-02T00:00Z")))
    if tz is not None:
        raise TraceError(f"tz is for naive times. {column!r} counts from origin, which carries its own offset.")
    return began_us


def since_origin(column: pd.Series[Any], unit_us: int, began_us: int) -> pd.Series[Any]:
    """Return the instants of times that count from an origin, floored to microseconds."""
    after_us = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan) * unit_us
    for row in np.flatnonzero(~((after_us >= 0) & (began_us + after_us < LAST_US)))[:1]:
        place, given = f"{column.name}[{row}]", column.iloc[row]
        if pd.isna(given):
            raise TraceError(f"{place} is missing: every row needs a time.")
        if after_us[row] >= 0:
            raise TraceError(f"{place} must lie in the years 1900 to 2199. Got {given}, counted from origin.")
        raise TraceError(f"{place} {_NUMBER} Got {shown(str(given))}.")
    return pd.Series(pd.to_datetime(began_us + after_us.astype(np.int64), unit="us", utc=True))


_NUMBER = "must be a number, not below 0."


def check_is_data(path: Path) -> None:
    """Raise an error if a file is what often comes in place of data: a web page, or a Git LFS pointer."""
    if not path.is_file():
        return  # a pipe can be read only once
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}.") from None
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise TraceError(f"{path}: is a web page, not data; perhaps the error page of a download.")
    if head.startswith(b"version https://git-lfs"):
        raise TraceError(f"{path}: is a Git LFS pointer, not the data: fetch it with `git lfs pull`.")


def _read_frame(path: Path) -> pd.DataFrame:
    if path.suffix == ".jsonl":
        return pd.DataFrame(_json_lines(path))
    if path.suffix != ".parquet":
        # Only what is empty is missing: a deployment may be called "NA".
        return read_csv(path, TraceError, dtype=dict.fromkeys(TEXT, str), na_values=[""])
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise MissingExtraError(f"{path}: Parquet needs pyarrow: pip install 'timegate[scale]'.") from error
    except Exception as error:  # pandas lets through what pyarrow raises
        raise TraceError(f"{path}: cannot be read as Parquet: {' '.join(str(error).split())}") from None


def _json_lines(path: Path) -> list[dict[str, Any]]:
    """Read a Mooncake trace line by line, without its long lists of hashes."""
    names = MOONCAKE.columns
    rows = []
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    rows.append(_json_row(path, number, line, names))
    except UnicodeDecodeError as error:
        raise TraceError(f"{path}: must be UTF-8 text. Byte {error.start} is not.") from None
    if not rows:
        raise TraceError(f"{path}: the trace is empty: it needs at least one arrival.")
    return rows


def _json_row(path: Path, number: int, line: str, names: dict[str, str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise TraceError(f"{path}: line {number} must be JSON. Got {shown(line.strip())}.") from None
    if not isinstance(row, dict) or "timestamp" not in row:
        raise TraceError(f"{path}: line {number} must be an object with {', '.join(names)}. Got {shown(row)}.")
    values = {name: row.get(name) for name in names}
    for name, value in values.items():
        if value is None and name != "timestamp":
            continue  # a missing count, which the trace notes
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
            raise TraceError(f"{path}: line {number}: {name} {_NUMBER} Got {shown(value)}.")
    return values
