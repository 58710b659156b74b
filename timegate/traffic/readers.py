"""Reading traces from files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from timegate.core.clock import Instant, from_us, to_us
from timegate.errors import InputError, TraceError
from timegate.files import as_path, check_readable
from timegate.pointer import guided
from timegate.problems import Problem
from timegate.show.text import counted
from timegate.traffic.attempts import calls_of
from timegate.traffic.columns import ColumnNames, Naming, named
from timegate.traffic.rates import SERVEGEN_FILES
from timegate.traffic.tables import Table, check_is_data, open_table
from timegate.traffic.times import are_numbers, check_unit, counted_us, guess_unit, has_offset, instants, origin_us
from timegate.traffic.trace import Trace, utc_column

__all__ = ["read_trace"]


@guided()
def read_trace(
    path: str | Path,
    tz: str | None = None,
    sort: bool = False,
    *,
    origin: Instant | None = None,
    columns: ColumnNames | None = None,
    unit: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
) -> Trace:
    r"""Read a trace from a CSV, JSON or Parquet file, or from the log of a gateway.

    Known are our own format (columns ``at``, and optionally ``model_preference``, ``prompt_tokens``,
    ``completion_tokens`` and what came of each call), the published traces of Azure (2023 to 2025), BurstGPT, Mooncake,
    Qwen-Bailian and Vidur, and the logs of LiteLLM, Langfuse, LangSmith, Helicone, OpenRouter, Portkey, Cloudflare AI
    Gateway, Bedrock, OTLP spans of models, and web servers. They are told apart by their columns; any other table is
    read with ``columns``. What was assumed, left out or joined stands in the trace's ``notes``.

    Parameters
    ----------
    path : path
        Parquet if the name ends in ``.parquet``, JSON lines if in ``.jsonl`` or ``.ndjson``; JSON and access logs are
        told by how they begin; else CSV. All but Parquet may be compressed.
    tz : str, optional
        The zone of naive times. Formats that state none are read as UTC, and the trace says so.
    sort : bool
        Whether to sort by time; otherwise times out of order are an error. Logs are always sorted.
    origin : datetime or str, optional
        The aware instant from which numbers count. BurstGPT, Mooncake, Qwen-Bailian and Vidur need it, for their files
        do not state it.
    columns : mapping, optional
        The columns of the file by our names, as in ``{"at": "startTime", "prompt_tokens": "tokens_in"}``, by number
        where there is no header. An object inside JSON is reached by ``"usage.input"``.
    unit : str, optional
        What times that are numbers count: ``s``, ``ms``, ``us`` or ``ns``, from ``origin`` or else from 1970. Default:
        that of the format, or guessed by their size, which the trace says.
    delimiter : str, optional
        Of a CSV. Default: the comma, semicolon, tab or bar that its first line has most of.
    header : bool, optional
        Whether the first line of a CSV names its columns. Default: unless it holds numbers or times.

    Returns
    -------
    Trace

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule; the message begins with the path, and names line and column.
    InstantError
        If ``origin`` is naive or not a time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "day.csv")
    ...     size = path.write_text("at,model_preference\n2026-03-02T03:10Z,strong\n2026-03-02T09:00Z,\n")
    ...     read_trace(path).preferred_names
    ('strong',)
    """
    path = as_path(path, {pd.DataFrame: "Trace(frame) takes a table."})
    began_us = None if origin is None else to_us(origin, "origin")
    check_unit(unit)
    if os.path.isdir(path) and any(path.glob(SERVEGEN_FILES)):  # which no name is too long for
        raise TraceError(f"{path}: is a folder of rates of ServeGen, not a trace: read it with read_rates.")
    check_readable(path, TraceError)
    check_is_data(path)
    table = open_table(path, delimiter, header)
    naming: Naming | None = None
    try:
        naming = named(table, columns)
        known = naming.known
        frame = table.load(naming.want(bool(known and known.unit and not known.log)))
        frame = frame[list(naming.ours)].rename(columns=naming.ours)
        notes = [f"read as {known.name}"] if known else []
        if not len(frame):
            raise TraceError("the trace is empty: it needs at least one arrival.")
        tz, assumed = _place_times(frame, naming, unit, began_us, tz)
        if known is not None:
            notes[0] += assumed
            notes += _remarks(frame, naming, unit is None and "from 1970" not in assumed)
        elif assumed:
            notes.append(assumed.removeprefix(", "))
        notes += naming.notes
        if known is not None and known.log is not None:
            frame = calls_of(_with_times(frame, tz), known.log, notes, naming.names)
            naming = None  # from here on rows are calls, in order of time
            if not len(frame):
                raise TraceError(f"read as {known.name}: no row calls a model.")
        return Trace(frame, tz=tz, sort=sort, notes=notes)
    except InputError as error:
        if str(error).startswith(f"{path}:"):
            raise
        problems = error.problems if naming is None else [_in_file(p, table, naming) for p in error.problems]
        raise TraceError(*(problem.after(f"{path}:") for problem in problems)) from None


def _in_file(problem: Problem, table: Table, naming: Naming) -> Problem:
    """Return the problem of a row with its line and its column in the file, as whoever mends it looks for them."""
    match problem.place:
        case (str(name), int(row)):
            return problem.at(problem.place, f"{table.place(row)}: {naming.names.get(name, name)}")
    return problem


def _place_times(
    frame: pd.DataFrame, naming: Naming, unit: str | None, began_us: int | None, tz: str | None
) -> tuple[str | None, str]:
    """Turn times that are numbers into instants, in place; return the zone of naive ones, and what was assumed."""
    known, name = naming.known, naming.names["at"]
    relative = known.unit if known is not None and not known.log else ""
    column = frame["at"].rename(name)
    if relative or are_numbers(column):
        since_1970 = guess_unit(column) if began_us is None else None
        if relative == "ms" and unit is None and since_1970 is None and _may_be_seconds(pd.to_numeric(column)):
            text = (
                f"{name} holds decimals close to each other, which may count in s as other tools write them, or in ms:"
            )
            raise TraceError(Problem((), text, "pass {} or unit='ms'.", ("unit", "s")))
        if relative and since_1970 is None:
            began_us = origin_us(began_us, tz, name)
        counts = unit or since_1970 or (known.unit if known is not None else "")
        if not counts and began_us is None:
            raise TraceError(
                f"{name} must hold times, not numbers. Got {column.iloc[0]!r}. If they count from 1970, pass unit=; if "
                "from another instant, origin= too."
            )
        if not counts:
            raise TraceError(f"{name} counts from origin: pass unit='s', 'ms', 'us' or 'ns'.")
        if tz is not None:
            raise TraceError(f"tz is for naive times. {name!r} holds numbers, which count from an instant.")
        frame["at"] = counted_us(column, counts, began_us or 0)
        if began_us is not None:
            return None, f", times counted from {from_us(began_us):%Y-%m-%d %H:%M:%S} UTC"
        guessed = (
            "" if unit or (known is not None and known.unit == counts and not relative) else ", guessed by their size"
        )
        return None, f", times counted in {counts} from 1970{guessed}"
    if began_us is not None:
        raise TraceError("origin is for times that count from it. The times of this file are instants.")
    if unit is not None:
        raise TraceError(f"unit is for times that are numbers. {name!r} holds {column.iloc[0]!r}.")
    if known is not None and not has_offset(frame["at"]):
        return tz or "UTC", f", times taken as {tz or 'UTC'}"
    return tz, ""


def _may_be_seconds(numbers: pd.Series[Any]) -> bool:
    """Whether numbers that should be milliseconds may be seconds: decimals, and as ms more than ten calls a second."""
    is_close = float(numbers.max() - numbers.min()) < 100 * (len(numbers) - 1)
    return is_close and bool((numbers % 1 != 0).any())


def _with_times(frame: pd.DataFrame, tz: str | None) -> pd.DataFrame:
    """Return the frame of a log with instants; an attempt that did not end has no end."""
    frame = frame.assign(at=utc_column(instants(frame["at"].reset_index(drop=True), tz)))
    if "ended" in frame.columns:
        ended = frame["ended"].reset_index(drop=True)
        there = ended.notna() & ~ended.astype(str).isin(("", "None"))
        found = pd.Series(pd.NaT, frame.index, dtype="datetime64[us, UTC]")
        rows = np.flatnonzero(there)
        if len(rows):
            given = ended[there].reset_index(drop=True)
            try:
                known = counted_us(given, guess_unit(given) or "ns") if are_numbers(given) else given
                found.iloc[rows] = utc_column(instants(known, tz))
            except TraceError as error:
                raise TraceError(
                    *(p.at((p.place[0], int(rows[cast("int", p.place[1])]))) for p in error.problems)
                ) from None
        frame["ended"] = found
    return frame


def _remarks(frame: pd.DataFrame, naming: Naming, is_unit_assumed: bool) -> Iterator[str]:
    """Say what else a reader of a known format should know."""
    known = naming.known
    if known is not None and known.remark and (is_unit_assumed or known.log is not None):
        yield known.remark
    if known is not None and known.log is None and "model_preference" in frame.columns:
        yield "the model called is taken for the preferred deployment"
        failed = int((pd.to_numeric(frame["completion_tokens"], errors="coerce") == 0).sum())
        if failed:
            yield f"{counted(failed, 'call')} without a response token, which are failures, kept"
