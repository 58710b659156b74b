"""Traces: the arrivals that a replay sends through a router."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import FIRST_US, LAST_US, from_us
from timegate.core.columns import OBSERVED_COLUMNS, TRACE_COLUMNS
from timegate.errors import TraceError
from timegate.files import replacing, write_csv, write_parquet
from timegate.pointer import Pointer, guided
from timegate.problems import Problem
from timegate.show.html import framed, numbers
from timegate.show.text import counted, period
from timegate.traffic.given import as_table, check_spelling, observed, passed_over, preferences, token_counts
from timegate.traffic.times import instants

__all__ = ["Trace", "category", "iso_column", "utc_column"]

Int64s = npt.NDArray[np.int64]
_TOKENS = ("completion_tokens", "prompt_tokens", "cached_tokens")


class Trace:
    """Arrivals in order of time.

    Parameters
    ----------
    frame : DataFrame, or a Series, index or sequence of times
        A frame has the column ``at`` (aware datetimes, or text with offsets, in ISO 8601 or as logs write it) and
        optionally ``model_preference`` (str, missing for none), ``prompt_tokens``, ``completion_tokens`` and
        ``cached_tokens`` (whole numbers, or missing), and of what came of each call where it was recorded ``served_by``
        (str, missing for nobody), ``status`` (str), ``latency_s`` (number) and ``attempts`` (whole number). Other
        columns are passed over, and named in ``notes``. The index is ignored, unless it is all that holds
        times. Anything finer than a microsecond is floored.
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
    cached_tokens : ndarray of int64, or None
        How many of the prompt's tokens the first choice has in its cache; other deployments start cold.
    observed : DataFrame or None
        What came of each call where it was recorded, in the order of the trace: those of ``served_by``, ``status``,
        ``latency_s`` and ``attempts`` that were given. A replay does not look at it.
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

    observed: pd.DataFrame | None = None
    load = Pointer("timegate.read_trace(path).")
    from_csv = Pointer("timegate.read_trace(path).")
    read_csv = Pointer("timegate.read_trace(path).")

    @guided(" Its columns, such as model_preference, stand in the table that it is made of.")
    def __init__(
        self,
        frame: pd.DataFrame | pd.Series[Any] | pd.DatetimeIndex | Mapping[str, Any] | Sequence[Any],
        tz: str | None = None,
        sort: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        frame, notes = as_table(frame), list(notes)
        if "at" not in frame.columns and (frame.index.name == "at" or isinstance(frame.index, pd.DatetimeIndex)):
            frame = frame.reset_index(names="at")
            notes.append("the index is taken for 'at'")
        others = [column for column in frame.columns if column not in (*TRACE_COLUMNS, *OBSERVED_COLUMNS)]
        check_spelling(others, frame.columns)
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()][0]
            raise TraceError(f"column {twice!r} is given twice.")
        if "at" not in frame.columns:
            raise TraceError(f"column 'at' is missing. Got the columns {list(frame.columns)}.")
        if frame.empty:
            raise TraceError("the trace is empty: it needs at least one arrival.")
        self.at_us = instants(frame["at"].reset_index(drop=True), tz)
        self.preferred, self.preferred_names = preferences(frame.get("model_preference"), len(frame))
        self.prompt_tokens = token_counts(frame, "prompt_tokens")
        self.completion_tokens = token_counts(frame, "completion_tokens")
        self.cached_tokens = token_counts(frame, "cached_tokens")
        _check_cached(self)
        self.observed = observed(frame)
        self.notes = (*notes, *passed_over(others), *_missing_tokens(self))
        backwards = np.flatnonzero(np.diff(self.at_us) < 0)
        if len(backwards) and sort:
            order = np.argsort(self.at_us, kind="stable")
            self.at_us, self.preferred = self.at_us[order], self.preferred[order]
            for name in _TOKENS:
                values = getattr(self, name)
                setattr(self, name, None if values is None else values[order])
            self.observed = None if self.observed is None else self.observed.take(order).reset_index(drop=True)
        elif len(backwards):
            row = int(backwards[0]) + 1
            before, after = from_us(self.at_us[row - 1]), from_us(self.at_us[row])
            text = f"({after}) lies before the row above it ({before}): a trace is in order of time."
            raise TraceError(Problem(("at", row), text, "Pass {} to sort it.", ("sort", True)))

    @classmethod
    def from_arrays(
        cls,
        at_us: Int64s,
        preferred: npt.NDArray[np.int32] | None = None,
        preferred_names: Sequence[str] = (),
        completion_tokens: Int64s | None = None,
        prompt_tokens: Int64s | None = None,
        cached_tokens: Int64s | None = None,
    ) -> Self:
        """Wrap columns as they are, without copies; for generators of traffic.

        Parameters
        ----------
        at_us : ndarray of int64
            Microseconds since the epoch, in order.
        preferred : ndarray of int32, optional
            Index into ``preferred_names`` of each call, -1 for none.
        preferred_names : sequence of str
        completion_tokens, prompt_tokens, cached_tokens : ndarray of int64, optional
            -1 where the count is missing.

        Examples
        --------
        >>> Trace.from_arrays(np.arange(3) * 1_000_000)
        <Trace: 3 calls, 1970-01-01 00:00:00 to 1970-01-01 00:00:02 UTC>
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
        for name, tokens in zip(_TOKENS, (completion_tokens, prompt_tokens, cached_tokens), strict=True):
            column = None if tokens is None else np.ascontiguousarray(tokens, np.int64)
            if column is not None and (column.shape != (size,) or column.min() < -1):
                raise TraceError(f"{name} must hold one whole number for each call, -1 where it is missing.")
            setattr(trace, name, column)
        trace.notes = ()
        return trace

    @classmethod
    def concat(cls, parts: Sequence[Trace]) -> Self:
        """Join parts of one trace, which follow each other in time and have the same columns.

        Parameters
        ----------
        parts : sequence of Trace

        Raises
        ------
        TraceError
            If one begins before the one before it ends, or they differ in columns or in the names that calls prefer.

        Examples
        --------
        >>> Trace.concat([Trace(["2026-03-02T09:00Z"]), Trace(["2026-03-02T10:00Z"])])
        <Trace: 2 calls, 2026-03-02 09:00:00 to 2026-03-02 10:00:00 UTC>
        """
        shapes = {(*part.preferred_names, *(getattr(part, name) is None for name in _TOKENS)) for part in parts}
        if len(shapes) != 1:
            raise TraceError(
                f"parts must have the same columns, and the same preferred names. Got {counted(len(shapes), 'kind')}."
            )
        columns = [
            None if getattr(parts[0], name) is None else np.concatenate([getattr(part, name) for part in parts])
            for name in _TOKENS
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
        if self.cached_tokens is not None:
            digest.update(self.cached_tokens.tobytes())
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
    def cached_question_tokens(self) -> Int64s:
        """How much of each prompt the first choice has in its cache, in tokens; 0 where the trace does not say."""
        known = self.cached_tokens
        return np.zeros(len(self), np.int64) if known is None else np.clip(known, 0, self.question_tokens)

    @property
    def frame(self) -> pd.DataFrame:
        """The trace as a DataFrame, with the columns that it was given."""
        columns: dict[str, Any] = {"at": utc_column(self.at_us)}
        if self.preferred_names:
            columns["model_preference"] = self.preferred_column
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
            tokens = getattr(self, name)
            if tokens is not None:
                columns[name] = tokens if tokens.min() >= 0 else pd.array(tokens, dtype="Int64")
                if tokens.min() < 0:
                    columns[name][tokens < 0] = pd.NA
        frame = pd.DataFrame(columns)
        return frame if self.observed is None else pd.concat([frame, self.observed], axis=1)

    def to_csv(self, path: str | Path, *, escape_formulas: bool = False) -> None:
        """Write the trace as CSV, whole or not at all; ``escape_formulas`` as in :meth:`Replay.to_csv`.

        Parameters
        ----------
        path : path
        escape_formulas : bool

        Examples
        --------
        >>> import tempfile, timegate as tg
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Trace(["2026-03-02T09:00Z"]).to_csv(f"{folder}/trace.csv")
        ...     len(tg.read_trace(f"{folder}/trace.csv"))
        1
        """
        write_csv(self.frame.assign(at=iso_column(self.at_us)), path, escape_formulas)

    def to_parquet(self, path: str | Path) -> None:
        """Write the trace as Parquet, whole or not at all. Needs pyarrow.

        Parameters
        ----------
        path : path

        Raises
        ------
        MissingExtraError
            If pyarrow is not installed.
        """
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


def _check_cached(trace: Trace) -> None:
    if trace.cached_tokens is None:
        return
    prompt = np.full(len(trace), -1) if trace.prompt_tokens is None else trace.prompt_tokens
    wrong = np.flatnonzero(trace.cached_tokens > prompt)
    if len(wrong):
        row = int(wrong[0])
        rule = "must not be more than the prompt_tokens, whose part they are"
        text = f"{rule}. Got {trace.cached_tokens[row]} of {max(0, int(prompt[row]))}."
        raise TraceError(Problem(("cached_tokens", row), text))


def _missing_tokens(trace: Trace) -> Iterator[str]:
    """Say how many calls lack token counts."""
    for name in ("prompt_tokens", "completion_tokens"):
        tokens = getattr(trace, name)
        missing = 0 if tokens is None else int((tokens < 0).sum())
        if missing:
            yield f"{name} missing in {missing:,} of {counted(len(trace), 'call')}, taken as 0 where needed"
