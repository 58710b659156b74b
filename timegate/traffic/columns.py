"""What the columns of a trace file mean: by its format, by our own names, or as the caller says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from timegate.core.columns import OBSERVED_COLUMNS, TRACE_COLUMNS
from timegate.errors import TraceError, did_you_mean, shown
from timegate.problems import Problem
from timegate.traffic.formats import Format, recognised
from timegate.traffic.gateways import GATEWAYS, TOTALS
from timegate.traffic.given import check_spelling, passed_over
from timegate.traffic.published_formats import PUBLISHED
from timegate.traffic.rates import CALLS, RATES, SERVEGEN
from timegate.traffic.tables import Table, Want
from timegate.traffic.times import guess_unit, looks_like_time

__all__ = ["FORMATS", "ColumnNames", "Naming", "named"]

FORMATS: tuple[Format, ...] = (*PUBLISHED, *GATEWAYS)
"""What is recognised by its columns."""

ColumnNames = Mapping[str | int, str | int] | Sequence[str]
"""Our names of columns and those of a file, either by the other; or our names, in the order of the columns."""

OURS = (*TRACE_COLUMNS, *OBSERVED_COLUMNS)
_NUMBERS = {"prompt_tokens", "completion_tokens", "latency_s", "latency_ms", "attempts"}
_TIMELY = ("start", "arriv", "creat", "request", "time", "date", "_at", "ts")
_SAMPLE_ROWS = 20


class Naming(NamedTuple):
    """Which columns of a file are which of ours.

    Attributes
    ----------
    ours : dict
        Our names by those of the file, in the order of the latter.
    known : Format or None
    notes : tuple of str
    """

    ours: dict[str, str]
    known: Format | None
    notes: tuple[str, ...] = ()

    def want(self, is_counted: bool) -> Want:
        """Return what to read of the table."""
        texts = frozenset(name for name, ours in self.ours.items() if ours not in _NUMBERS)
        time = self.names["at"]
        needed = tuple(self.known.columns) if self.known is not None else (time,)
        return Want(tuple(self.ours), needed, texts, is_counted)

    @property
    def names(self) -> dict[str, str]:
        """What the file calls our columns."""
        return {ours: theirs for theirs, ours in self.ours.items()}


def named(table: Table, columns: ColumnNames | None) -> Naming:
    """Return which columns of a table are which of ours.

    Raises
    ------
    TraceError
        If no column is known to hold the times; the error points at the one that seems to.
    """
    asked = {} if columns is None else _asked(columns, table.names)
    times = [theirs for theirs, ours in asked.items() if ours == "at"]
    known = recognised(FORMATS, table.names)
    if known is not None and times and known.columns.get(times[0]) != "at":
        known = None  # the caller has another time in mind
    if known is not None:
        return Naming(_joined(asked, {**known.columns, **known.optional}, table.names), known)
    _refuse_totals(table.names, bool(times))
    found = _joined(asked, {name: name for name in OURS}, table.names)
    if "at" not in found.values():
        found[_only_time(table)] = "at"
    others = [name for name in table.names if name not in found]
    check_spelling(others, found.values())
    return Naming(found, None, (*([table.note] if table.note else []), *passed_over(others)))


def _asked(columns: ColumnNames, names: Sequence[str]) -> dict[str, str]:
    """Return our names by those of the file, as the caller gives them."""
    if isinstance(columns, str) or not isinstance(columns, Mapping | Sequence) or not columns:  # type: ignore[redundant-expr]
        raise TraceError(f"columns must be a mapping like {{'at': 'startTime'}}. Got {shown(columns)}.")
    if not isinstance(columns, Mapping):
        columns = dict(zip(names, columns, strict=False))
    pairs = [(str(a), str(b)) for a, b in columns.items()]
    if not all(ours in OURS for ours, _ in pairs) and all(ours in OURS for _, ours in pairs):
        pairs = [(ours, theirs) for theirs, ours in pairs]
    for ours, theirs in pairs:
        if ours not in OURS:
            raise TraceError(f"columns: {ours!r} is not a column of a trace.{did_you_mean(ours, OURS)}")
        if theirs not in names:
            raise TraceError(f"columns: the file has no column {theirs!r}.{did_you_mean(theirs, names)}")
    asked = {theirs: ours for ours, theirs in pairs}
    if len(set(asked.values())) < len(pairs) or len(asked) < len(pairs):
        raise TraceError(f"columns must name each column once. Got {shown(dict(pairs))}.")
    return asked


def _joined(asked: Mapping[str, str], known: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Add what is known to what was asked for; of several columns that mean the same, the first counts."""
    found = dict(asked)
    for theirs, ours in known.items():
        if theirs in names and theirs not in found and ours not in found.values():
            found[theirs] = ours
    return found


def _refuse_totals(names: Sequence[str], is_sure: bool) -> None:
    """Raise an error for a table whose rows are not calls, if the caller has not said that they are."""
    there = set(names)
    for columns, title in TOTALS:
        if columns <= there:
            raise TraceError(f"holds {title}")
    rates = [name for name in names if name in (*RATES, *CALLS)]
    if not is_sure and rates:
        raise TraceError(f"holds rates ({shown(rates[0])}), not calls: read it with read_rates.")


def _only_time(table: Table) -> str:
    """Return the column that holds times in a file without header, or raise the error that points at it."""
    found = ", ".join(map(shown, table.names[:8])) + (", ..." if len(table.names) > 8 else "")
    missing = f"column 'at' is missing. Found {found}."
    sample = table.load(Want(table.names, texts=frozenset(table.names), rows=_SAMPLE_ROWS)).head(_SAMPLE_ROWS)
    times = sorted((name for name in table.names if _holds_times(sample[name])), key=_untimely)
    if table.note and len(times) == 1:
        return times[0]
    if table.note and len(table.names) == len(SERVEGEN) and not times:
        raise TraceError(f"{missing} If these are rates of ServeGen, read them with read_rates.")
    if near := next((name for name in table.names if name.strip().lower() == "at"), None):
        raise TraceError(f"{missing}{did_you_mean(near, ['at'])}")
    likely = times or [name for name in sorted(table.names, key=_untimely) if _may_count(name, sample[name])]
    if not likely:
        raise TraceError(missing)
    said = "holds times" if times else "may hold times"
    unit = "" if times else " with unit= and, if they do not count from 1970, origin="
    raise TraceError(
        Problem((), f"{missing} {likely[0]!r} {said}:", f"pass {{}}{unit}.", ("columns", {"at": likely[0]}))
    )


def _untimely(name: str) -> tuple[int, int]:
    """Order names by how much they sound like the arrival of a call."""
    lower = name.lower()
    return next(((0, i) for i, word in enumerate(_TIMELY) if word in lower), (1, 0))


def _holds_times(column: pd.Series[Any]) -> bool:
    """Whether a column holds times: instants, or numbers of the size that they have since 1970."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    given = column.dropna()
    if not len(given):
        return False
    if all(looks_like_time(str(value)) for value in given):
        return not any(str(value).isdigit() for value in given) or guess_unit(given) is not None
    return guess_unit(given) is not None


def _may_count(name: str, column: pd.Series[Any]) -> bool:
    numbers = pd.to_numeric(column.dropna(), errors="coerce")
    return _untimely(name)[0] == 0 and bool(len(numbers)) and bool((numbers >= 0).all())
