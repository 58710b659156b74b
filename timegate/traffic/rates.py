"""Reader of rate files: how many calls came in each hour or ten minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from timegate.core.clock import SECOND_US, Instant, from_us, to_us
from timegate.errors import TraceError, did_you_mean, shown
from timegate.files import as_path, check_readable, read_csv
from timegate.pointer import guided
from timegate.show.text import counted
from timegate.traffic.profile import Profile
from timegate.traffic.tables import check_is_data
from timegate.traffic.times import Int64s, counted_us, has_offset, instants, origin_us

__all__ = ["CALLS", "RATES", "SERVEGEN", "SERVEGEN_FILES", "read_rates"]

# What columns mean: ours first, then those of published files.
_INSTANTS = ("at", "window_start_utc")
_SECONDS = ("start_s", "window_start_s")
RATES = ("rate_per_s", "rps_sum_of_clients")
CALLS = ("calls", "requests_est")
_MODEL = "model"
# github.com/alibaba/ServeGen, data/*/*/chunk-*-trace.csv: a client a file, without a header.
SERVEGEN = ("start_s", "rate_per_s", "cv", "distribution", "a", "b")
SERVEGEN_FILES = "*-trace.csv"
_KNOWN = (*_INSTANTS, *_SECONDS, *RATES, *CALLS, _MODEL)


@guided()
def read_rates(
    path: str | Path, *, origin: Instant | None = None, tz: str | None = None, model: str | None = None
) -> Profile:
    r"""Read a file of rates, as a profile that generates traffic.

    Known are CSV files with the start of each bin (``at``, instants; or ``start_s``, seconds since an origin) and
    its rate (``rate_per_s``) or its number of calls (``calls``); with the columns ``window_start_utc``,
    ``window_start_s``, ``rps_sum_of_clients`` and ``requests_est`` of published files in their place; and the
    client files of ServeGen, or a folder of them, whose clients are added up.

    Parameters
    ----------
    path : path
    origin : datetime or str, optional
        The aware instant from which seconds count.
    tz : str, optional
        The zone of naive instants.
    model : str, optional
        Whose rates, if the file has a column ``model`` with several.

    Returns
    -------
    Profile
        It begins with the first bin of the file, and repeats after the last. ``cv`` is known for a single client of
        ServeGen only: the mean over its windows, weighted by their calls.

    Raises
    ------
    TraceError
        If the file cannot be read or breaks a rule, or bins are missing; the message begins with the path.
    InstantError
        If ``origin`` is naive or not a time.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "rates.csv")
    ...     size = path.write_text("at,rate_per_s\n2026-03-02T00:00Z,0.5\n2026-03-02T01:00Z,1.5\n")
    ...     read_rates(path).rates_per_s
    (0.5, 1.5)
    """
    path = as_path(path)
    began_us = None if origin is None else to_us(origin, "origin")
    try:
        files = sorted(path.glob(SERVEGEN_FILES)) if path.is_dir() else [path]
    except OSError as error:
        raise TraceError(f"{path}: cannot be read: {error.strerror}.") from None
    if not files:
        below = sorted({file.parent for depth in ("*/", "*/*/") for file in path.glob(depth + SERVEGEN_FILES)})
        hint = f" Its folder {str(below[0].relative_to(path))!r} has some: pass that." if below else ""
        raise TraceError(f"{path}: no client file of ServeGen, {SERVEGEN_FILES!r}, in this folder.{hint}")
    frames = [_read(file) for file in files]
    try:
        if len(frames) > 1 or path.is_dir():
            frame = pd.concat(frames).groupby("start_s")[["rate_per_s"]].sum().reset_index()
            notes = [f"the sum of {counted(len(frames), 'client')} of ServeGen"]
        else:
            frame, notes = _of_model(frames[0], model)
        return _profile(frame, began_us, tz, notes)
    except TraceError as error:
        raise TraceError(*error.after(f"{path}:")) from None


def _read(path: Path) -> pd.DataFrame:
    check_readable(path, TraceError)
    check_is_data(path)
    options: dict[str, Any] = {"dtype": dict.fromkeys((*_INSTANTS, _MODEL, "distribution"), str), "na_values": [""]}
    frame = read_csv(path, TraceError, **options)
    if len(frame.columns) == len(SERVEGEN) and _is_number(frame.columns[0]):
        frame = read_csv(path, TraceError, header=None, names=list(SERVEGEN), **options)
    if frame.empty:
        raise TraceError(f"{path}: holds no rates.")
    return frame


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True


def _of_model(frame: pd.DataFrame, model: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of one model."""
    if _MODEL not in frame.columns:
        if model is not None:
            raise TraceError("model is given, but the file has no column 'model'.")
        return frame, []
    names = frame[_MODEL].dropna().unique().tolist()
    if model is None and len(names) > 1:
        raise TraceError(f"holds the rates of {len(names)} models: pass model=.{did_you_mean('', names)}")
    model = names[0] if model is None and names else model
    if model not in names:
        raise TraceError(f"holds no rates of the model {model!r}.{did_you_mean(model, names)}")
    return frame[frame[_MODEL] == model].reset_index(drop=True), [f"the rates of {model}"]


def _profile(frame: pd.DataFrame, began_us: int | None, tz: str | None, notes: list[str]) -> Profile:
    starts_us = _starts(frame, began_us, tz, notes)
    if len(starts_us) < 2:
        raise TraceError("one row does not tell how long a bin is: at least two are needed.")
    steps_us = np.diff(starts_us)
    for row in np.flatnonzero(steps_us <= 0)[:1] + 1:
        raise TraceError(f"row {row} does not begin after the one before: bins are in order of time, a row each.")
    for row in np.flatnonzero(np.abs(steps_us - steps_us[0]) > 1)[:1] + 1:  # a third of a second has no end
        raise TraceError(
            f"row {row} begins {steps_us[row - 1] / SECOND_US:g} s after the one before, and the second "
            f"{steps_us[0] / SECOND_US:g} s after the first: bins must follow each other, all of one length."
        )
    bin_s = float(np.rint(steps_us.mean()) / SECOND_US)
    column = _first_of(frame, (*RATES, *CALLS))
    rates = _numbers(frame, column) / (bin_s if column in CALLS else 1.0)
    burst: dict[str, Any] = {}
    if set(SERVEGEN) == set(frame.columns):
        calls = np.where(frame["distribution"].isna(), 0.0, rates)
        weibull = calls[frame["distribution"].str.lower() == "weibull"].sum() > calls.sum() / 2
        cv = _numbers(frame.assign(cv=frame["cv"].where(calls > 0, 0.0)), "cv")  # a window without calls has none
        burst["cv"] = float(np.average(cv, weights=calls)) if calls.any() else None
        burst["distribution"] = "weibull" if weibull else "gamma"
        notes.append("a client of ServeGen, cv the mean over its windows")
    return Profile(
        start=from_us(int(starts_us[0])),
        bin_s=bin_s,
        rates_per_s=rates.tolist(),
        notes=tuple(notes),
        **burst,
    )


def _starts(frame: pd.DataFrame, began_us: int | None, tz: str | None, notes: list[str]) -> Int64s:
    """Return when each bin begins, in microseconds."""
    column = _first_of(frame, (*_INSTANTS, *_SECONDS))
    if column in _SECONDS:
        began_us = origin_us(began_us, tz, column)
        notes.append(f"times counted from {from_us(began_us):%Y-%m-%d %H:%M:%S} UTC")
        return instants(counted_us(frame[column], "s", began_us), None)
    if began_us is not None:
        raise TraceError(f"origin is for times that count from it. {column!r} holds instants.")
    if column.endswith("_utc") and tz is None and not has_offset(frame[column]):
        tz = "UTC"
    return instants(frame[column], tz)


def _first_of(frame: pd.DataFrame, names: tuple[str, ...]) -> str:
    for name in names:
        if name in frame.columns:
            return name
    unknown = [str(column) for column in frame.columns if column not in _KNOWN]
    hint = next((h for column in unknown if "Did" in (h := did_you_mean(column, names))), "")
    found = ", ".join(map(repr, map(str, frame.columns[:8])))
    raise TraceError(f"one of the columns {', '.join(map(repr, names))} is needed. Found {found}.{hint}")


def _numbers(frame: pd.DataFrame, column: str) -> Any:
    numbers = pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = np.flatnonzero(~(np.isfinite(numbers) & (numbers >= 0)))
    if len(wrong):
        given = frame[column].iloc[wrong[0]]
        raise TraceError(f"{column}[{wrong[0]}] must be a number, not below 0. Got {shown(str(given))}.")
    return numbers
