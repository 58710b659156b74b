"""The rows of a log, which are attempts, as calls: when each came, who served it, and how long that took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import OBSERVED_COLUMNS, TRACE_COLUMNS
from timegate.show.text import counted
from timegate.traffic.formats import Log

__all__ = ["calls_of"]

Floats = npt.NDArray[np.float64]

RETRY_WITHIN_S = 60.0
"""An attempt that begins later than this after one that failed, and shares its trace, is another call."""
OVERLAP_S = 1.0
"""How much earlier than the end of what it retries an attempt may begin, for clocks are no better."""

# What a status says in words where an attempt failed; a number is one of HTTP.
_FAILED = {"failure", "failed", "fail", "error", "false", "timeout", "exception", "blocked", "shed"}


def calls_of(frame: pd.DataFrame, log: Log, notes: list[str], names: Mapping[str, str]) -> pd.DataFrame:
    """Return the calls of a log, in order of time, by the columns of a trace.

    Parameters
    ----------
    frame : DataFrame
        A row an attempt, by the names that :class:`timegate.traffic.formats.Format` lists; ``at`` and ``ended`` are
        aware times.
    log : Log
    notes : list of str
        Takes what is decided, and what is not read.
    names : mapping of str to str
        What the file calls these columns.
    """
    frame = _once(_of_kinds(frame, log, notes), notes)
    frame = frame.sort_values("at", kind="stable").reset_index(drop=True)
    for name, counts in _usage(frame).items():
        frame[name] = counts
    for name in ("prompt_tokens", "completion_tokens", "cached_tokens", "latency_s", "latency_ms"):
        if name in frame.columns:
            numbers = pd.to_numeric(frame[name], errors="coerce")
            frame[name], given = numbers.where(numbers >= 0), frame[name]
            unread = int((frame[name].isna() & given.notna() & (given.astype(object) != "")).sum())
            if unread:
                notes.append(
                    f"{names.get(name, name)} is no number from 0 on in {counted(unread, 'row')}, passed over there"
                )
    if "cached_tokens" in frame.columns and frame["cached_tokens"].isna().all():
        frame = frame.drop(columns="cached_tokens")  # nobody told of a cache
    if "status" in frame.columns:
        frame["status"] = _text(frame["status"])
    if "served_by" in frame.columns:
        frame["served_by"] = _text(frame["served_by"])
    failed = _failed(frame)
    latency_s = _latency_s(frame, notes)
    if "served_by" in frame.columns:
        nameless = int((frame["served_by"].isna() & ~failed).sum())
        if nameless:
            notes.append(
                f"{names.get('served_by', 'served_by')} missing in {counted(nameless, 'row')} that did not fail"
            )
    calls = _joined(frame, failed, latency_s, notes) if "call" in frame.columns else frame.assign(latency_s=latency_s)
    if "call" not in frame.columns and "served_by" in frame.columns:
        calls["served_by"] = frame["served_by"].where(~failed)
    number = int(failed.sum())
    if number:
        notes.append(f"{counted(number, 'attempt' if 'call' in frame.columns else 'call')} that failed, kept")
    calls = calls[[name for name in (*TRACE_COLUMNS, *OBSERVED_COLUMNS) if name in calls.columns]]
    return calls.drop(columns="latency_s") if calls["latency_s"].isna().all() else calls


def _of_kinds(frame: pd.DataFrame, log: Log, notes: list[str]) -> pd.DataFrame:
    if "request" in frame.columns:
        others = int((~frame["request"].astype(str).str.startswith("POST ")).sum())
        if others:
            notes.append(f"{counted(others, 'request')} other than POST, kept")
    if not log.kinds:
        return frame
    keep = frame["kind"].astype(str).str.upper().isin({kind.upper() for kind in log.kinds})
    if not keep.all():
        notes.append(f"{counted(int((~keep).sum()), 'row')} without a call of a model, passed over")
    return frame[keep]


def _once(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Leave out attempts that are there again, as where parts of a log that overlap were joined."""
    if "id" not in frame.columns:
        return frame
    again = frame.duplicated(["id", "at"]) & frame["id"].notna() & (frame["id"].astype(str) != "")
    if again.any():
        notes.append(f"{counted(int(again.sum()), 'row')} with the id and time of another, passed over")
    return frame[~again]


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return text, missing where it is empty; whole numbers without a decimal point."""

    def written(value: Any) -> str | None:
        if value is None or value != value or value == "":
            return None
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    return column.astype(object).map(written).astype(object)


def _failed(frame: pd.DataFrame) -> pd.Series[bool]:
    """Whether each attempt failed, by its status; one without is taken for an answer."""
    if "status" not in frame.columns:
        return pd.Series(False, frame.index)
    numbers = pd.to_numeric(frame["status"], errors="coerce")
    words = frame["status"].map(lambda status: str(status).lower() in _FAILED or str(status).endswith("Exception"))
    return words.where(numbers.isna(), ~numbers.between(100, 399)).astype(bool)


def _latency_s(frame: pd.DataFrame, notes: list[str]) -> pd.Series[float]:
    """Return how long each attempt took, NaN where that is not known."""
    if "latency_s" in frame.columns:
        return frame["latency_s"].astype(float)
    if "latency_ms" in frame.columns:
        return frame["latency_ms"].astype(float) / 1000
    if "ended" not in frame.columns:
        return pd.Series(np.nan, frame.index)
    seconds = (frame["ended"] - frame["at"]).dt.total_seconds()
    backwards = int((seconds < 0).sum())
    if backwards:
        notes.append(f"{counted(backwards, 'row')} ended before it began, how long it took is passed over")
    return seconds.where(seconds >= 0).astype(float)


def _joined(
    frame: pd.DataFrame, failed: pd.Series[bool], latency_s: pd.Series[float], notes: list[str]
) -> pd.DataFrame:
    """Join the attempts of each call: one that follows upon a failure in the same trace tries the same call again.

    What shares a trace need not be one call: a caller may use one for a whole conversation.
    """
    codes, _ = pd.factorize(frame["call"].astype(object).where(frame["call"].notna(), None))
    began = _seconds(frame["at"])
    ended = began + np.nan_to_num(latency_s.to_numpy())
    order = np.lexsort((np.arange(len(frame)), codes))
    code, began, ended, lost = codes[order], began[order], ended[order], failed.to_numpy()[order]
    pause_s = began[1:] - ended[:-1]
    again = (
        (code[1:] == code[:-1]) & (code[1:] >= 0) & lost[:-1] & (pause_s >= -OVERLAP_S) & (pause_s <= RETRY_WITHIN_S)
    )
    first = np.flatnonzero(np.append(True, ~again)) if len(frame) else np.zeros(0, np.int64)
    last = np.append(first, len(frame))[1:] - 1
    calls = frame.iloc[order[last]].copy()
    calls["at"] = frame["at"].iloc[order[first]].array
    calls["attempts"] = last - first + 1
    calls["latency_s"] = np.where(latency_s.isna().to_numpy()[order[last]], np.nan, ended[last] - began[first])
    if "served_by" in calls.columns:
        calls["served_by"] = calls["served_by"].where(~lost[last])
    if len(calls) < len(frame):
        notes.append(f"{len(frame):,} attempts of {counted(len(calls), 'call')}, by their traces")
    joined: pd.DataFrame = calls.sort_values("at", kind="stable").reset_index(drop=True)
    return joined


def _seconds(at: pd.Series[Any]) -> Floats:
    """Return times as seconds after the first, which keeps their microseconds."""
    return np.asarray((at - at.min()).dt.total_seconds(), np.float64)


def _usage(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the tokens that counts by kind add up to, be they written as JSON, or as a mapping of Parquet."""
    if "usage" not in frame.columns:
        return {}
    counts = [_counts(value) for value in frame["usage"]]
    totals: dict[str, list[Any]] = {}
    for name, start in (("prompt_tokens", "input"), ("completion_tokens", "output")):
        parts = [[n for key, n in count.items() if key.startswith(start)] for count in counts]
        totals[name] = [sum(part) if part else None for part in parts]
    return totals


def _counts(value: Any) -> dict[str, float]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    if isinstance(value, list | np.ndarray):
        value = dict(pair for pair in value if isinstance(pair, tuple) and len(pair) == 2)
    items = value.items() if isinstance(value, Mapping) else ()
    return {str(key): n for key, n in items if isinstance(n, int | float) and not isinstance(n, bool) and n == n}
