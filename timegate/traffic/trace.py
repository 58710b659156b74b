"""Traces: the arrivals that a replay sends through a router."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import FIRST_US, LAST_US, from_us
from timegate.core.columns import TRACE_COLUMNS
from timegate.core.zones import check_zone
from timegate.errors import MissingExtraError, TraceError, did_you_mean, shown
from timegate.files import replacing
from timegate.problems import Problem
from timegate.show.html import framed, numbers
from timegate.show.text import counted, period

__all__ = ["Trace", "category", "has_offset", "instants", "iso_column", "utc_column", "write_parquet"]

Int64s = npt.NDArray[np.int64]
# A time of day that ends in Z or an offset, in the extended and the basic format of ISO 8601.
_OFFSET = r"[Tt ]\d[\d:.,]*\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)\s*$"
_SIGNED = r"[Tt ]\d[\d:.,]*\s*[+-]"
_MISSING = ("", "NaT", "nan", "None")


class Trace:
    """Arrivals in order of time.

    Parameters
    ----------
    frame : DataFrame, or a Series, index or sequence of times
        A frame has the column ``at`` (aware datetimes, or ISO text with offsets) and optionally
        ``model_preference`` (str, missing for none), ``prompt_tokens`` and ``completion_tokens`` (whole
        numbers, or missing). The index is ignored. Anything finer than a microsecond is floored.
    tz : str, optional
        The zone of naive times. Without it, a naive time is an error.
    sort : bool
        Whether to sort by ``at``. Without it, times out of order are an error.
    notes : sequence of str
        Reservations about the data, shown wherever the trace is.

    Attributes
    ----------
    at_us : ndarray of int64
        Microseconds since the epoch.
    preferred : ndarray of int32
        Index into ``preferred_names`` of each call, -1 for none.
    preferred_names : tuple of str
    prompt_tokens, completion_tokens : ndarray of int64, or None
        -1 where a call's count is missing: it counts as 0 where a replay needs it, and ``notes`` say how many.
    notes : tuple of str

    Raises
    ------
    TraceError
        If the frame breaks these rules; the message names the first row that does.

    Examples
    --------
    >>> trace = Trace(["2026-03-02T09:00Z", "2026-03-02T09:00:01Z"])
    >>> len(trace), str(trace.start)
    (2, '2026-03-02 09:00:00+00:00')
    """

    def __init__(
        self,
        frame: pd.DataFrame | pd.Series[Any] | pd.DatetimeIndex | Sequence[Any],
        tz: str | None = None,
        sort: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        if not isinstance(frame, pd.DataFrame):
            frame = pd.DataFrame({"at": pd.Series(frame)})
        for column in frame.columns:
            if column not in TRACE_COLUMNS:
                raise TraceError(f"{column!r} is not a column of a trace.{did_you_mean(column, TRACE_COLUMNS)}")
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise TraceError(f"column {twice!r} is given twice.")
        if "at" not in frame.columns:
            raise TraceError(f"column 'at' is missing. Got the columns {list(frame.columns)}.")
        if frame.empty:
            raise TraceError("the trace is empty: it needs at least one arrival.")
        self.at_us = instants(frame["at"].reset_index(drop=True), tz)
        self.preferred, self.preferred_names = _preferences(frame.get("model_preference"), len(frame))
        self.prompt_tokens = _tokens(frame, "prompt_tokens")
        self.completion_tokens = _tokens(frame, "completion_tokens")
        self.notes = (*notes, *_missing_tokens(self))
        backwards = np.flatnonzero(np.diff(self.at_us) < 0)
        if len(backwards) and sort:
            order = np.argsort(self.at_us, kind="stable")
            self.at_us, self.preferred = self.at_us[order], self.preferred[order]
            for name in ("prompt_tokens", "completion_tokens"):
                values = getattr(self, name)
                setattr(self, name, None if values is None else values[order])
        elif len(backwards):
            row = int(backwards[0]) + 1
            before, after = from_us(self.at_us[row - 1]), from_us(self.at_us[row])
            text = f"({after}) lies before at[{row - 1}] ({before}): a trace is in order of time."
            raise TraceError(Problem(("at", row), text, "Pass {} to sort it.", ("sort", True)))

    @classmethod
    def from_arrays(
        cls,
        at_us: Int64s,
        preferred: npt.NDArray[np.int32] | None = None,
        preferred_names: Sequence[str] = (),
        completion_tokens: Int64s | None = None,
        prompt_tokens: Int64s | None = None,
    ) -> Self:
        """Wrap columns as they are, without copies; for generators of traffic.

        Parameters
        ----------
        at_us : ndarray of int64
            Microseconds since the epoch, in order.
        preferred : ndarray of int32, optional
            Index into ``preferred_names`` of each call, -1 for none.
        preferred_names : sequence of str
        completion_tokens, prompt_tokens : ndarray of int64, optional
            -1 where the count is missing.
        """
        trace = cls.__new__(cls)
        trace.at_us = np.ascontiguousarray(at_us, np.int64)
        if not len(trace.at_us):
            raise TraceError("the trace is empty: it needs at least one arrival.")
        if (trace.at_us[1:] < trace.at_us[:-1]).any():
            raise TraceError("at_us must be in order of time.")
        if not FIRST_US <= trace.at_us[0] <= trace.at_us[-1] < LAST_US:
            raise TraceError("at_us must lie in the years 1900 to 2199.")
        size = len(trace.at_us)
        trace.preferred = (
            np.full(size, -1, np.int32) if preferred is None else np.ascontiguousarray(preferred, np.int32)
        )
        trace.preferred_names = tuple(preferred_names)
        if (
            trace.preferred.shape != (size,)
            or trace.preferred.min() < -1
            or trace.preferred.max() >= len(preferred_names)
        ):
            raise TraceError("preferred must hold one index into preferred_names for each call, -1 for none.")
        for name, tokens in (("completion_tokens", completion_tokens), ("prompt_tokens", prompt_tokens)):
            column = None if tokens is None else np.ascontiguousarray(tokens, np.int64)
            if column is not None and (column.shape != (size,) or column.min() < -1):
                raise TraceError(f"{name} must hold one whole number for each call, -1 where it is missing.")
            setattr(trace, name, column)
        trace.notes = ()
        return trace

    @classmethod
    def concat(cls, parts: Sequence[Trace]) -> Self:
        """Join parts of one trace, which follow each other in time and have the same columns."""
        columns = [
            None if getattr(parts[0], name) is None else np.concatenate([getattr(part, name) for part in parts])
            for name in ("completion_tokens", "prompt_tokens")
        ]
        at_us, preferred = (np.concatenate([getattr(part, name) for part in parts]) for name in ("at_us", "preferred"))
        return cls.from_arrays(at_us, preferred, parts[0].preferred_names, *columns)

    def __len__(self) -> int:
        return len(self.at_us)

    def __repr__(self) -> str:
        notes = "".join(f"; {note}" for note in self.notes)
        return f"<Trace: {counted(len(self), 'call')}, {self.period}{notes}>"

    def _repr_html_(self) -> str:
        head = numbers(self.frame.head(5), index=False)
        return framed(counted(len(self), "call"), head, text=f", {self.period}", notes=self.notes)

    @property
    def span_us(self) -> tuple[int, int]:
        """The first and the last arrival in microseconds."""
        return int(self.at_us[0]), int(self.at_us[-1])

    @property
    def start(self) -> pd.Timestamp:
        """The first arrival."""
        return pd.Timestamp(from_us(self.at_us[0]))

    @property
    def end(self) -> pd.Timestamp:
        """The last arrival."""
        return pd.Timestamp(from_us(self.at_us[-1]))

    @property
    def period(self) -> str:
        """The first and the last arrival, as text."""
        return period(self.start, self.end)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the arrivals, preferences and token counts."""
        digest = hashlib.sha256(json.dumps(self.preferred_names).encode())
        for column in (self.at_us, self.preferred, self.prompt_tokens, self.completion_tokens):
            digest.update(b"-" if column is None else column.tobytes())
        return digest.hexdigest()[:12]

    @property
    def preferred_column(self) -> pd.Categorical[str]:
        """The preferred model of each call as a category."""
        return category(self.preferred, self.preferred_names)

    @property
    def answer_tokens(self) -> Int64s:
        """The length of each answer in tokens; 0 where the trace does not say."""
        known = self.completion_tokens
        return np.zeros(len(self), np.int64) if known is None else np.maximum(known, 0)

    @property
    def question_tokens(self) -> Int64s:
        """The length of each prompt in tokens; 0 where the trace does not say."""
        known = self.prompt_tokens
        return np.zeros(len(self), np.int64) if known is None else np.maximum(known, 0)

    @property
    def frame(self) -> pd.DataFrame:
        """The trace as a DataFrame, with the columns that it was given."""
        columns: dict[str, Any] = {"at": utc_column(self.at_us)}
        if self.preferred_names:
            columns["model_preference"] = self.preferred_column
        for name in ("prompt_tokens", "completion_tokens"):
            tokens = getattr(self, name)
            if tokens is not None:
                columns[name] = tokens if tokens.min() >= 0 else pd.array(tokens, dtype="Int64")
                if tokens.min() < 0:
                    columns[name][tokens < 0] = pd.NA
        return pd.DataFrame(columns)

    def to_csv(self, path: str | Path) -> None:
        """Write the trace as CSV, whole or not at all."""
        frame = self.frame.assign(at=iso_column(self.at_us))
        with replacing(path) as unfinished:
            frame.to_csv(unfinished, index=False, lineterminator="\n")

    def to_parquet(self, path: str | Path) -> None:
        """Write the trace as Parquet, whole or not at all. Needs pyarrow."""
        with replacing(path) as unfinished:
            write_parquet(self.frame, unfinished)


def utc_column(at_us: Int64s) -> pd.DatetimeIndex:
    """Return instants as datetime64[us, UTC], without a copy."""
    return pd.DatetimeIndex(at_us.view("datetime64[us]")).tz_localize("UTC")


def category(codes: npt.NDArray[np.integer[Any]], names: Sequence[str]) -> pd.Categorical[str]:
    """Return a column of names, given as codes; -1 is missing."""
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(names), dtype="str"))


def iso_column(at_us: Int64s) -> npt.NDArray[np.str_]:
    """Return instants as ISO 8601 text in UTC."""
    return np.char.add(np.datetime_as_string(at_us.view("datetime64[us]"), unit="us"), "Z")


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame as Parquet, or say what is missing for it."""
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError("Parquet needs pyarrow: pip install 'timegate[scale]'. CSV needs nothing.") from error


def has_offset(at: pd.Series[Any]) -> bool:
    """Whether times state their offset, judged by the first."""
    if pd.api.types.is_datetime64_any_dtype(at):
        return at.dt.tz is not None
    return bool(re.search(_OFFSET, str(at.iloc[0]))) if len(at) else False


def instants(at: pd.Series[Any], tz: str | None) -> Int64s:
    """Return times as microseconds since the epoch; a naive one needs ``tz``, and a bad one is an error."""
    if tz is not None:
        check_zone(tz)
    missing = at.isna()
    if not pd.api.types.is_datetime64_any_dtype(at):
        missing |= at.astype(str).isin(_MISSING)
    if missing.any():
        raise TraceError(f"at[{np.flatnonzero(missing)[0]}] is missing: every arrival needs a time.")
    if not pd.api.types.is_datetime64_any_dtype(at):
        at = _parse(at)
    if at.dt.tz is None:
        if tz is None:
            text = f"({at.iloc[0]}) is naive: its zone is not known."
            raise TraceError(Problem(("at", 0), text, "Give offsets, or pass {} or another zone.", ("tz", "UTC")))
        wall, at = at, at.dt.tz_localize(tz, nonexistent="NaT", ambiguous="NaT")
        unclear = np.flatnonzero(at.isna())
        if len(unclear):
            row = int(unclear[0])
            raise TraceError(
                f"at[{row}] ({wall.iloc[row]}) does not occur, or occurs twice, in {tz}, where the clocks change: "
                "give offsets."
            )
    found: Int64s = at.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    outside = np.flatnonzero((found < FIRST_US) | (found >= LAST_US))
    if len(outside):
        raise TraceError(f"at[{int(outside[0])}] must lie in the years 1900 to 2199. Got {at.iloc[outside[0]]}.")
    return found


def _parse(at: pd.Series[Any]) -> pd.Series[Any]:
    """Read text, or objects that print as times; pandas alone would take naive times for UTC."""
    if pd.api.types.is_numeric_dtype(at):
        raise TraceError(
            f"at must hold times, not numbers. Got {at.iloc[0]!r}. Numbers since the epoch: "
            "pass pandas.to_datetime(column, unit='s', utc=True)."
        )
    text = at.astype(str)
    aware = text.str.contains(_OFFSET, regex=True)
    malformed = np.flatnonzero(text.str.contains(_SIGNED, regex=True) & ~aware)
    if len(malformed):  # pandas takes +1:00 for an offset, and +100 for ten hours
        raise TraceError(
            f"at[{malformed[0]}] must be a time like '2026-03-02T03:10:00Z'. Got {shown(text.iloc[malformed[0]])}."
        )
    if aware.any() and not aware.all():
        row = int(np.flatnonzero(~aware)[0])
        given = shown(text.iloc[row])
        raise TraceError(f"at[{row}] ({given}) is naive, while others carry offsets. Give all the same form.")
    parsed = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna())[0])
        raise TraceError(f"at[{row}] must be a time like '2026-03-02T03:10:00Z'. Got {shown(text.iloc[row])}.")
    return parsed if aware.all() else parsed.dt.tz_localize(None)


def _preferences(column: pd.Series[Any] | None, size: int) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    if column is None:
        return np.full(size, -1, np.int32), ()
    values = column.astype(object)
    wrong = np.flatnonzero(~(values.isna() | values.map(lambda name: isinstance(name, str) and name != "")))
    if len(wrong):
        got = shown(values.iloc[wrong[0]])
        raise TraceError(f"model_preference[{wrong[0]}] must be the name of a deployment or missing. Got {got}.")
    codes, names = pd.factorize(values, sort=True)
    return codes.astype(np.int32), tuple(map(str, names))


def _tokens(frame: pd.DataFrame, name: str) -> Int64s | None:
    if name not in frame.columns:
        return None
    missing = frame[name].isna().to_numpy()
    numbers = np.where(missing, -1, pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan))
    wrong = np.flatnonzero(~missing & ~((numbers >= 0) & (numbers < 2**53) & (numbers == np.floor(numbers))))
    if len(wrong):
        row = int(wrong[0])
        raise TraceError(f"{name}[{row}] must be a whole number of tokens. Got {shown(frame[name].iloc[row])}.")
    return numbers.astype(np.int64)


def _missing_tokens(trace: Trace) -> Iterator[str]:
    """Say how many calls lack token counts."""
    for name in ("prompt_tokens", "completion_tokens"):
        tokens = getattr(trace, name)
        missing = 0 if tokens is None else int((tokens < 0).sum())
        if missing:
            yield f"{name} missing in {missing:,} of {counted(len(trace), 'call')}, taken as 0 where needed"
