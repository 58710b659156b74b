"""Times as files and frames write them: ISO text, the forms of logs, and numbers that count from an origin or 1970."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import DAY_US, FIRST_US, LAST_US
from timegate.core.zones import check_zone
from timegate.errors import TraceError, did_you_mean, shown
from timegate.problems import Argument, Problem

__all__ = [
    "UNITS_NS",
    "are_numbers",
    "check_unit",
    "counted_us",
    "guess_unit",
    "has_offset",
    "instants",
    "looks_like_time",
    "origin_us",
]

Int64s = npt.NDArray[np.int64]

UNITS_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""The units in which numbers may count, in nanoseconds."""

# A time of day that ends in Z or an offset, in the extended and the basic format of ISO 8601.
_OFFSET = r"[Tt ]\d[\d:.,]*\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$"
_SIGNED = r"[Tt ]\d[\d:.,]*\s*[+-]"
_MISSING = ("", "NaT", "nan", "None", "<NA>")
_YEARS = "must lie in the years 1900 to 2199."

# What nearly all files hold: pandas reads it, and it states its offset.
_USUAL = r"(?:19|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
# What pandas reads by itself; anything else is looked at one by one.
_PLAIN = re.compile(r"\s*\d[\dT :.+-]*Z?\s*", re.ASCII)
_TIME = r"(?P<time>\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)"
_ZONE = r"\s*(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d(?: [A-Z]{2,5})?)?"  # a name alone, such as CST, may be of several
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_LOGGED = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        # ISO with the zone as a word, Go's "+0000 UTC m=+0.1", Python's comma, slashes with the year in front.
        rf"(?P<year>\d{{4}})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ]{_TIME}{_ZONE}(?: m=[+-][\d.]+)?",
        rf"(?P<day>\d\d)/{_MONTH}/(?P<year>\d{{4}}):{_TIME}{_ZONE}",  # nginx and Apache
        rf"(?:[a-z]{{3}}, ?)?(?P<day>\d\d?) {_MONTH} (?P<year>\d{{4}}) {_TIME}{_ZONE}",  # HTTP and mail
        rf"[a-z]{{3}} {_MONTH} +(?P<day>\d\d?) {_TIME}{_ZONE} (?P<year>\d{{4}})",  # C's asctime, and date
        # RFC 9557, as Java and JavaScript's Temporal write: the offset counts, the zone in brackets repeats it.
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)T{_TIME}(?P<zone>Z|[+-]\d\d:?\d\d)\[[\w+/-]+\]?",
    )
)


def _bad_row(
    column: pd.Series[Any], row: int, text: str, hint: str = "", argument: Argument | None = None
) -> TraceError:
    """Return the error of a row: its place is the name of the column and the number of the row."""
    name = column.name if isinstance(column.name, str) else "at"
    return TraceError(Problem((name, int(row)), text, hint, argument))


def has_offset(at: pd.Series[Any]) -> bool:
    """Whether times state their offset, judged by the first."""
    if pd.api.types.is_datetime64_any_dtype(at):
        return at.dt.tz is not None
    return bool(re.search(_OFFSET, _in_iso(str(at.iloc[0])))) if len(at) else False


def instants(at: pd.Series[Any], tz: str | None) -> Int64s:
    """Return times as microseconds since the epoch; a naive one needs ``tz``, and a bad one is an error."""
    if tz is not None:
        check_zone(tz)
    missing = at.isna()
    if not pd.api.types.is_datetime64_any_dtype(at):
        missing |= at.astype(str).isin(_MISSING)
    if missing.any():
        raise _bad_row(at, np.flatnonzero(missing)[0], "is missing: every arrival needs a time.")
    if not pd.api.types.is_datetime64_any_dtype(at):
        at = _parse(at)
    _check_years(at, margin_us=2 * DAY_US)  # before pandas shifts what it cannot hold
    if at.dt.tz is None:
        if tz is None:
            text = f"({at.iloc[0]}) is naive: its zone is not known."
            raise _bad_row(at, 0, text, "Give offsets, or pass {} or another zone.", ("tz", "UTC"))
        wall, at = at, at.dt.tz_localize(tz, nonexistent="NaT", ambiguous="NaT")
        unclear = np.flatnonzero(at.isna())
        if len(unclear):
            row = int(unclear[0])
            text = (
                f"({wall.iloc[row]}) does not occur, or occurs twice, in {tz}, where the clocks change: give offsets."
            )
            raise _bad_row(at, row, text)
    _check_years(at)
    found: Int64s = at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return found


def _check_years(at: pd.Series[Any], margin_us: int = 0) -> None:
    """Raise an error for the first time that is out of bounds, in whatever unit the column counts."""
    raw = at.to_numpy("datetime64") if at.dt.tz is None else at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    unit_ns = UNITS_NS[np.datetime_data(raw.dtype)[0]]
    first, last = ((edge_us * 1000) // unit_ns for edge_us in (FIRST_US - margin_us, LAST_US + margin_us))
    counts = raw.view(np.int64)
    outside = np.flatnonzero((counts < first) | (counts >= last))
    if len(outside):
        raise _bad_row(at, outside[0], f"{_YEARS} Got {_written(at, int(outside[0]))}.")


def _written(at: pd.Series[Any], row: int) -> str:
    try:
        return str(at.iloc[row])
    except (ValueError, OverflowError, NotImplementedError):  # pandas cannot write such years
        return f"a time {at.to_numpy()[row]}"


def _in_iso(text: str) -> str:
    """Return a time in ISO 8601 if it is written as logs write it; else the text as it is."""
    bare = " ".join(text.strip().strip("[]").split())
    for pattern in _LOGGED:
        if match := pattern.fullmatch(bare):
            month = match["month"].lower()
            number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
            zone = (match["zone"] or "").upper().partition(" ")[0]
            zone = "+00:00" if zone in ("Z", "UTC", "GMT") else zone
            time = match["time"].replace(",", ".")
            return f"{match['year']}-{number:02}-{int(match['day']):02}T{time}{zone}"
    return text


def _parse(at: pd.Series[Any]) -> pd.Series[Any]:
    """Read text, or objects that print as times; pandas alone would take naive times for UTC."""
    if pd.api.types.is_numeric_dtype(at):
        raise TraceError(
            f"at must hold times, not numbers. Got {at.iloc[0]!r}. Numbers since the epoch: "
            "pass pandas.to_datetime(column, unit='s', utc=True)."
        )
    given = at.astype(str)
    if given.str.fullmatch(_USUAL).all():
        usual = pd.to_datetime(given, format="ISO8601", utc=True, errors="coerce")
        if usual.notna().all():
            return usual
    odd = ~given.str.fullmatch(_PLAIN)
    text = given.where(~odd, given[odd].map(_in_iso)) if odd.any() else given
    aware = text.str.contains(_OFFSET, regex=True)
    # pandas takes +1:00 for an offset, +100 for ten hours, and "now" for a time.
    malformed = np.flatnonzero((text.str.contains(_SIGNED, regex=True) & ~aware) | ~text.str.match(r"\s*\d"))
    if aware.any() and not aware.all() and not len(malformed):
        row = int(np.flatnonzero(~aware)[0])
        naive = f"({shown(given.iloc[row])}) is naive, while others carry offsets. Give all the same form."
        raise _bad_row(at, row, naive)
    far = text.str.extract(r"^\s*(\d{4})-", expand=False).astype(float)
    for row in np.flatnonzero((far < 1899) | (far > 2200))[:1]:
        raise _bad_row(at, row, f"{_YEARS} Got {shown(given.iloc[row])}.")
    parsed = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    for row in sorted({*malformed.tolist(), *np.flatnonzero(parsed.isna()).tolist()})[:1]:
        raise _bad_row(at, row, f"must be a time like '2026-03-02T03:10:00Z'. Got {shown(given.iloc[row])}.")
    return parsed if aware.all() else parsed.dt.tz_localize(None)


def origin_us(began_us: int | None, tz: str | None, column: str) -> int:
    """Return the origin of relative times, which must be given, and alone."""
    if began_us is None:
        text = f"{column!r} counts from an instant that the file does not state:"
        raise TraceError(Problem((), text, "pass {} or another time.", ("origin", "2026-03-02T00:00Z")))
    if tz is not None:
        raise TraceError(f"tz is for naive times. {column!r} counts from origin, which carries its own offset.")
    return began_us


def check_unit(unit: str | None) -> None:
    """Raise an error for a unit that is none."""
    if unit is not None and unit not in UNITS_NS:
        raise TraceError(f"unit must be one of {', '.join(UNITS_NS)}. Got {shown(unit)}.{did_you_mean(unit, UNITS_NS)}")


def are_numbers(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers alone, be they written as text; one that is missing is none."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column) or not len(column):
        return False
    return bool(pd.to_numeric(column.head(1), errors="coerce").notna().all()) and bool(
        pd.to_numeric(column, errors="coerce").notna().all()
    )


def guess_unit(column: pd.Series[Any]) -> str | None:
    """Return the unit in which numbers count from 1970 to a year of this age, or None if they do not."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if np.isnan(numbers).all():
        return None
    found = {
        unit
        for unit, ns in UNITS_NS.items()
        for edge in (np.nanmin(numbers), np.nanmax(numbers))
        if 1e17 <= edge * ns < LAST_US * 1e3  # from 1973 on: no two units overlap
    }
    return found.pop() if len(found) == 1 else None


def counted_us(column: pd.Series[Any], unit: str, began_us: int = 0) -> pd.Series[Any]:
    """Return the instants of numbers that count from an origin, as a column of times.

    Whole numbers are taken exactly, and floored; decimals are rounded to the nearest microsecond, for the float that
    stands for 1.001 lies below it.
    """
    if pd.api.types.is_bool_dtype(column):
        raise _bad_row(column, 0, f"must be a number, not below 0. Got {column.iloc[0]}.")
    numbers = pd.to_numeric(column, errors="coerce")
    unit_ns = UNITS_NS[unit]
    rough_us = numbers.to_numpy(np.float64, na_value=np.nan) * (unit_ns / 1000)
    for row in np.flatnonzero(~((rough_us >= 0) & (began_us + rough_us < LAST_US)))[:1]:
        given = column.iloc[row]
        if pd.isna(given):
            raise _bad_row(column, row, "is missing: every row needs a time.")
        if rough_us[row] >= 0:
            raise _bad_row(column, row, f"{_YEARS} Got {given}, counted from {'origin' if began_us else '1970'}.")
        raise _bad_row(column, row, f"must be a number, not below 0. Got {shown(str(given))}.")
    if pd.api.types.is_integer_dtype(numbers.dtype):
        whole = numbers.to_numpy(np.int64)
        after_us = whole * (unit_ns // 1000) if unit_ns >= 1000 else whole // (1000 // unit_ns)
    else:
        after_us = np.rint(rough_us).astype(np.int64)
    return pd.Series(pd.to_datetime(began_us + after_us, unit="us", utc=True), name=column.name)


def looks_like_time(text: str) -> bool:
    """Whether a text begins with a date, in any form that is read."""
    return re.match(r"\s*\d{4}-?\d\d-?\d\d(?:[T ]\d\d|\s*$)", _in_iso(text)) is not None
