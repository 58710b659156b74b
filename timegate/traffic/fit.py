"""Fitting a profile to a trace: its rates, and how bursty it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import DAY_US, MONDAY_US, SECOND_US, WEEK_US, Instant, from_us, to_us
from timegate.core.distributions import GapDistribution
from timegate.core.zones import check_zone, constant_offsets, midnight_us, monday_us
from timegate.errors import TraceError, did_you_mean, shown
from timegate.pointer import guided
from timegate.show.text import counted, percent
from timegate.traffic.process import Tokens, weibull_shape
from timegate.traffic.profile import MOST_BINS, Profile
from timegate.traffic.readers import read_trace
from timegate.traffic.trace import Trace

__all__ = ["fit_profile"]

Floats = npt.NDArray[np.float64]
Period = Literal["day", "week"]

_PERIOD_US = {"day": DAY_US, "week": WEEK_US}
_LEAST_CALLS = 20
_LEAST_SHARE = 0.05  # of a bin that must have been observed, lest its rate be that of a few seconds
_CALLS_A_BIN = 30  # times cv squared: below, bursts cannot be told from changes of the rate


@guided()
def fit_profile(
    trace: Trace | str | Path,
    bin: str = "1h",  # noqa: A002 - what the thing is called
    period: Period = "day",
    *,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str = "UTC",
) -> Profile:
    """Fit the rates and the burstiness of a trace.

    A bin's rate is its calls over its observed seconds, over all days (or weeks); its standard error is about
    ``cv * sqrt(rate / seconds)``. Burstiness is measured in operational time, so that a rate that varies is not
    taken for it: arrivals are mapped through the expected number of calls, which takes every bin of every day at
    its own count (the time-rescaling theorem; Brown et al., "The time-rescaling theorem and its application to
    neural spike train data analysis", Neural Computation 14 (2002), doi:10.1162/08997660252741149), and ``cv`` is
    the standard deviation of the gaps there over their mean. As bins follow their own counts, it comes out low: by
    about 3 % where a bin holds ``30 * cv**2`` calls, and 1 % where it holds ``100 * cv**2``. ``cv_se`` is its
    standard error by the delta method, for independent gaps. Token counts are fitted by median and 90th percentile.

    Parameters
    ----------
    trace : Trace or path
        At least 20 arrivals.
    bin : str
        Length of a bin, such as ``"10min"``; a day holds a whole number of them.
    period : str
        After what time rates repeat: ``"day"``, from midnight, or ``"week"``, from Monday.
    start, end : datetime or str, optional
        What was observed, where that is more than from the first arrival to the last.
    tz : str
        The zone of the midnights. Where its clocks change, a bin counts by the local time at which it begins, so that
        calls at 9 in the morning stay together; the profile itself begins at a local midnight and knows no such change.

    Returns
    -------
    Profile
        Its ``notes`` say where it is to be taken with care: bins that were not observed (they are given the mean
        rate), too few calls a bin, rounded times, gaps that depend on each other.

    Raises
    ------
    TraceError
        If there are too few arrivals, or an argument is out of its range.

    Examples
    --------
    >>> import timegate as tg
    >>> day = tg.RenewalTraffic(start="2026-03-02T00:00Z", calls=100_000, cv=2).trace(seed=1)
    >>> fit_profile(day)
    <Profile of 99,248 calls: 24 bins of 1 h from 2026-03-02 00:00 UTC, 1.15 calls/s, cv 1.99 ± 0.01 (gamma)>
    ▃▃▃▂▂▂▂▁▁▁▂▂▃▅▇▇▇████▆▄▃
    """
    if isinstance(trace, str | os.PathLike):
        trace = read_trace(trace)
    if not isinstance(trace, Trace):
        raise TraceError(f"trace must be a Trace, or a path. Got {shown(trace)}.")
    if period not in get_args(Period):
        raise TraceError(f"period must be 'day' or 'week'. Got {shown(period)}.{did_you_mean(period, _PERIOD_US)}")
    bin_us = _bin_us(bin)
    if len(trace) < _LEAST_CALLS:
        raise TraceError(f"a profile needs at least {_LEAST_CALLS} arrivals. Got {counted(len(trace), 'call')}.")
    check_zone(tz)
    seen = _observe(trace, bin_us, start, end, tz)
    bins = _PERIOD_US[period] // bin_us
    begins_us = monday_us if period == "week" else midnight_us
    slots = (seen.local_us - MONDAY_US) // bin_us % bins
    observed_s = np.bincount(slots, seen.lengths_s, bins)
    known = observed_s >= _LEAST_SHARE * bin_us / SECOND_US
    rates = np.bincount(slots, seen.counts, bins) / np.where(known, observed_s, np.inf)
    rates[~known] = len(trace) / seen.lengths_s.sum()

    gaps = np.diff(seen.operational(trace.at_us))
    cv, cv_se = _cv(gaps)
    share = np.bincount(trace.preferred + 1, minlength=len(trace.preferred_names) + 1)[1:] / len(trace)
    return Profile(
        start=from_us(begins_us(int(seen.edges_us[0]), tz)),
        bin_s=bin_us / SECOND_US,
        rates_per_s=rates.tolist(),
        cv=cv,
        cv_se=cv_se,
        distribution=_nearer(gaps / gaps.mean(), cv),
        preferences=dict(zip(trace.preferred_names, share.tolist(), strict=True)),
        prompt_tokens=_fit_tokens(trace.prompt_tokens),
        completion_tokens=_fit_tokens(trace.completion_tokens),
        calls=len(trace),
        notes=(*trace.notes, *_reservations(trace, seen, gaps, cv, int((~known).sum()), bins)),
    )


class Observed(NamedTuple):
    """The bins of a trace as they passed, not yet folded into days or weeks.

    Attributes
    ----------
    local_us : ndarray of int64, shape (bins,)
        The wall-clock time at which each bin begins, as if it were UTC.
    edges_us : ndarray of int64, shape (bins + 1,)
        The first and the last bin are cut to what was observed.
    counts : ndarray of int64, shape (bins,)
    """

    local_us: npt.NDArray[np.int64]
    edges_us: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    @property
    def lengths_s(self) -> Floats:
        """How much of each bin was observed."""
        return np.asarray(np.diff(self.edges_us) / SECOND_US)

    def operational(self, at_us: npt.NDArray[np.int64]) -> Floats:
        """Return the expected number of calls before each instant, if every bin had the rate of its own count."""
        return np.asarray(np.interp(at_us, self.edges_us, np.concatenate([[0], np.cumsum(self.counts)])))


def _observe(trace: Trace, bin_us: int, start: Instant | None, end: Instant | None, tz: str) -> Observed:
    first_us, last_us = trace.span_us
    start_us = first_us if start is None else to_us(start, "start")
    end_us = last_us if end is None else to_us(end, "end")
    if not (start_us <= first_us and last_us <= end_us):
        raise TraceError(f"start and end must enclose the arrivals, from {trace.start} to {trace.end}.")
    if start_us == end_us:
        raise TraceError("a profile needs arrivals at more than one instant.")
    origin_us = midnight_us(start_us, tz)
    first_bin = (start_us - origin_us) // bin_us
    bins = (end_us - 1 - origin_us) // bin_us - first_bin + 1
    if bins > MOST_BINS:
        raise TraceError(f"bin cuts the trace into {bins:,} bins; the limit is {MOST_BINS:,}.")
    edges_us = origin_us + (first_bin + np.arange(bins + 1)) * bin_us
    cuts = constant_offsets(tz, int(edges_us[0]), int(edges_us[-1]))
    since_us, offsets_us = (np.array([cut[i] for cut in cuts]) for i in (0, 2))
    local_us = edges_us[:-1] + offsets_us[np.searchsorted(since_us, edges_us[:-1], side="right") - 1]
    edges_us[[0, -1]] = start_us, end_us
    numbers = np.minimum((trace.at_us - origin_us) // bin_us - first_bin, bins - 1)
    return Observed(local_us, edges_us, np.bincount(numbers, minlength=bins))


def _cv(gaps: Floats) -> tuple[float, float]:
    """Return the coefficient of variation and its standard error, by the delta method."""
    mean, std = gaps.mean(), gaps.std(ddof=1)
    if std == 0:
        return 0.0, 0.0
    influence = ((gaps - mean) ** 2 - std**2) / (2 * std * mean) - std * (gaps - mean) / mean**2
    return float(std / mean), float(influence.std() / np.sqrt(len(gaps)))


def _nearer(gaps: Floats, cv: float) -> GapDistribution:
    """Return which distribution with this cv lies nearer to the gaps, by the Kolmogorov-Smirnov distance."""
    if not 0.01 <= cv <= 100:
        return "gamma"
    from scipy import special

    gaps, shape = np.sort(gaps), weibull_shape(cv)
    gamma = special.gammainc(cv**-2, gaps * cv**-2)
    weibull = -np.expm1(-((gaps * special.gamma(1 + 1 / shape)) ** shape))
    below, above = np.arange(len(gaps)) / len(gaps), np.arange(1, len(gaps) + 1) / len(gaps)
    distance = [max((cdf - below).max(), (above - cdf).max()) for cdf in (gamma, weibull)]
    return "gamma" if distance[0] <= distance[1] else "weibull"


def _fit_tokens(tokens: npt.NDArray[np.int64] | None) -> Tokens | None:
    known = np.empty(0) if tokens is None else tokens[tokens > 0]  # an answer without a token is none
    if not len(known):
        return None
    median, p90 = np.quantile(known, [0.5, 0.9])
    return Tokens(median=float(median), p90=float(p90))


def _reservations(trace: Trace, seen: Observed, gaps: Floats, cv: float, unknown: int, bins: int) -> Iterator[str]:
    if unknown:
        yield f"{unknown:,} of {counted(bins, 'bin')} hardly observed or not at all, given the mean rate"
    a_bin = len(trace) / len(seen.counts)
    if a_bin < _CALLS_A_BIN * max(1.0, cv**2):
        yield f"only {a_bin:,.0f} calls a bin: cv comes out low, as bursts are taken for changes of the rate"
    steps_us = np.diff(trace.at_us)
    same = steps_us == 0
    if same.any() and steps_us[~same].min() > 0.05 * steps_us.mean():
        share = percent(same.mean(), 0)
        yield f"{share} of the calls come at the instant of the one before, as of rounded times: so is cv"
    centred = gaps - gaps.mean()
    together = float((centred[:-1] * centred[1:]).sum() / (centred**2).sum()) if cv > 0.01 else 0.0
    if abs(together) > max(0.05, 5 / np.sqrt(len(gaps))):
        yield f"gaps depend on the one before (correlation {together:.2f}); those generated do not"


def _bin_us(text: Any) -> int:
    try:
        length_us = int(pd.Timedelta(text) // pd.Timedelta("1us"))
    except (ValueError, TypeError, OverflowError):
        length_us = 0
    if length_us < SECOND_US or DAY_US % length_us:
        raise TraceError(
            f"bin must be a length like '1h' or '10min', of which a day holds a whole number. Got {shown(text)}."
        )
    return length_us
