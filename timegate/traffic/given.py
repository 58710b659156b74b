"""The columns of a trace as they are given: made arrays, or an error that names the first row that breaks a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import OBSERVED_COLUMNS, TRACE_COLUMNS
from timegate.errors import TraceError, did_you_mean, shown
from timegate.problems import Problem, nearest
from timegate.show.text import listed

__all__ = ["as_table", "check_spelling", "observed", "passed_over", "preferences", "token_counts"]

Int64s = npt.NDArray[np.int64]
_NUMBERS = (int, float, Decimal, str, np.integer, np.floating)  # and what prints as one


def as_table(given: Any) -> pd.DataFrame:
    """Return a table of whatever holds one, or of times alone."""
    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, str | bytes | Path) or not isinstance(given, Iterable):
        way = " A file is read by timegate.read_trace(path)." if isinstance(given, str | Path) else ""
        raise TraceError(f"a trace must be made of times. Got {shown(given)}.{way}")
    is_rows = isinstance(given, list | tuple) and bool(given) and isinstance(given[0], Mapping)
    try:
        return pd.DataFrame(given) if is_rows or isinstance(given, Mapping) else pd.DataFrame({"at": pd.Series(given)})
    except ValueError as error:  # columns of several lengths
        raise TraceError(f"cannot be made a table: {' '.join(str(error).split())}.") from None


def preferences(column: pd.Series[Any] | None, size: int) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Return who each call prefers, as an index into the names that follow; -1 for nobody."""
    if column is None:
        return np.full(size, -1, np.int32), ()
    values = column.astype(object)
    wrong = np.flatnonzero(~(values.isna() | values.map(lambda name: isinstance(name, str) and name != "")))
    if len(wrong):
        got = shown(values.iloc[wrong[0]])
        text = f"must be the name of a deployment or missing. Got {got}."
        raise TraceError(Problem(("model_preference", int(wrong[0])), text))
    codes, names = pd.factorize(values, sort=True)
    return codes.astype(np.int32), tuple(map(str, names))


def token_counts(frame: pd.DataFrame, name: str) -> Int64s | None:
    """Return a column of whole numbers, -1 where they are missing; None if it is not given."""
    return None if name not in frame.columns else _whole(frame[name], "tokens")


def observed(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return what came of each call where it was recorded."""
    given = [name for name in OBSERVED_COLUMNS if name in frame.columns]
    if not given:
        return None
    found: dict[str, Any] = {}
    for name in given:
        column = frame[name].reset_index(drop=True)
        if name == "latency_s":
            numbers = _floats(column)
            wrong = np.flatnonzero(~column.isna().to_numpy() & ~((numbers >= 0) & (numbers < np.inf)))
            if len(wrong):
                got = shown(column.iloc[wrong[0]])
                rule = f"must be a number of seconds, not below 0. Got {got}."
                raise TraceError(Problem((name, int(wrong[0])), rule))
            found[name] = numbers
        elif name == "attempts":
            whole = pd.Series(_whole(column, "attempts"), dtype="Int64")
            found[name] = whole.mask(whole < 0)
        else:
            text = column.astype(object).where(column.notna(), None).map(lambda v: v if v is None else str(v))
            found[name] = pd.Categorical(text)
    return pd.DataFrame(found)


def passed_over(columns: Sequence[Any]) -> list[str]:
    """Say which columns are no part of a trace."""
    names = listed(map(shown, columns), ",", most=8)
    return [f"{'columns' if len(columns) > 1 else 'column'} passed over: {names}"] if len(columns) else []


def check_spelling(unknown: Sequence[Any], columns: Collection[Any]) -> None:
    """Raise an error for a column that is one of ours but for a slip, which must not be passed over."""
    missing = [name for name in TRACE_COLUMNS if len(name) > 2 and name not in columns]
    for column in unknown:
        if near := nearest(str(column), missing, 0.85):
            raise TraceError(f"{column!r} is not a column of a trace.{did_you_mean(column, [near])}")


def _whole(column: pd.Series[Any], what: str) -> Int64s:
    """Return whole numbers, -1 where they are missing; a truth value or a time is none, though pandas counts both."""
    missing = column.isna().to_numpy()
    numbers = np.where(missing, -1, _floats(column))
    wrong = np.flatnonzero(~missing & ~((numbers >= 0) & (numbers < 2**53) & (numbers == np.floor(numbers))))
    if len(wrong):
        row = int(wrong[0])
        text = f"must be a whole number of {what}. Got {shown(column.iloc[row])}."
        raise TraceError(Problem((str(column.name), row), text))
    return numbers.astype(np.int64)


def _floats(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return numbers as floats, NaN for whatever is none."""
    if column.dtype.kind not in "iuf" and not isinstance(column.dtype, pd.StringDtype):
        if column.dtype != object:
            return np.full(len(column), np.nan)  # truth values, times, lengths of time
        column = column.where(column.map(lambda value: isinstance(value, _NUMBERS) and not isinstance(value, bool)))
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
