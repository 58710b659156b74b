"""Profiles: the rates and the burstiness of real traffic, from which more of its kind is generated."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from timegate.core.clock import DAY_US, SECOND_US, AwareInstant, Instant, from_us, to_us
from timegate.core.distributions import GapDistribution
from timegate.core.zones import check_zone, constant_offsets, midnight_us
from timegate.errors import InvalidValueError, TraceError, did_you_mean, shown
from timegate.show import html
from timegate.show.text import counted, duration, percent
from timegate.traffic.process import (
    EvenTraffic,
    PoissonTraffic,
    Rates,
    RenewalTraffic,
    Share,
    Tokens,
    Traffic,
    weibull_shape,
)
from timegate.traffic.trace import Trace, utc_column
from timegate.validation import Value

__all__ = ["Profile", "fit_profile"]

Floats = npt.NDArray[np.float64]
Period = Literal["day", "week"]

_MONDAY_US = 4 * DAY_US  # 1970-01-05, on which days and weeks begin
_PERIOD_US = {"day": DAY_US, "week": 7 * DAY_US}
_LEAST_CALLS = 20
_LEAST_SHARE = 0.05  # of a bin that must have been observed, lest its rate be that of a few seconds
_CALLS_A_BIN = 30  # times cv squared: below, bursts cannot be told from changes of the rate
_MOST_BINS = 10_000_000
_BARS = "▁▂▃▄▅▆▇█"


class Profile(Value):
    """What traffic is like: rates that repeat, burstiness, preferences and token counts.

    :func:`fit_profile` makes one of a trace, :func:`timegate.read_rates` of a file of rates.

    Parameters
    ----------
    start : datetime or str
        The aware instant at which the first bin begins.
    bin_s : float
        Length of a bin in seconds.
    rates_per_s : sequence of float
        Calls a second in each bin. After the last bin the first comes again.
    cv : float, optional
        Coefficient of variation of the gaps between calls in operational time: 1 for Poisson, more for bursty
        traffic. Default: not known.
    cv_se : float, optional
        Its standard error.
    distribution : str
        Of the gaps: ``"gamma"`` or ``"weibull"``.
    preferences : mapping of str to float
        The share of calls that prefer a deployment, by its name.
    prompt_tokens, completion_tokens : Tokens, optional
    calls : int, optional
        From how many arrivals this was fitted.
    notes : sequence of str
        Reservations.

    Raises
    ------
    TraceError
        If a value is out of its range.

    Examples
    --------
    >>> profile = Profile(start="2026-03-02T00:00Z", bin_s=21_600, rates_per_s=[0.1, 0.5, 0.9, 0.3], cv=2.0)
    >>> profile
    <Profile: 4 bins of 6 h from 2026-03-02 00:00 UTC, 0.45 calls/s, cv 2.00 (gamma)>
    ▁▅█▃
    >>> month = profile.traffic(days=31)
    >>> type(month).__name__, month.calls
    ('RenewalTraffic', 1205280.0)
    """

    error_class: ClassVar[type[InvalidValueError]] = TraceError

    start: AwareInstant
    bin_s: float = Field(ge=1e-6)
    rates_per_s: Rates
    cv: float | None = Field(default=None, ge=0)
    cv_se: float | None = Field(default=None, ge=0)
    distribution: GapDistribution = "gamma"
    preferences: Mapping[str, Share] = Field(default_factory=dict)
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    calls: int | None = None
    notes: Annotated[tuple[str, ...], Field(strict=False)] = ()

    def traffic(
        self,
        start: Instant | None = None,
        days: float | None = None,
        *,
        scale: float = 1.0,
        cv: float | None = None,
    ) -> Traffic:
        """Return a process that generates such traffic.

        Parameters
        ----------
        start : datetime or str, optional
            An edge of a bin. The rates are those of its time of the day, or of the week. Default: the profile's.
        days : float
            How long; a whole number of bins. The profile repeats. Default: once through the profile.
        scale : float
            By which all rates are multiplied.
        cv : float, optional
            In place of the profile's.

        Returns
        -------
        PoissonTraffic, RenewalTraffic or EvenTraffic
            Poisson if ``cv`` is not known, even below 0.01.

        Raises
        ------
        TraceError
            If a value is out of its range.
        """
        bin_us, length = self.bin_s * SECOND_US, duration(self.bin_s, "exact")
        started = self.start if start is None else from_us(to_us(start, "start"))
        shift = (to_us(started, "start") - to_us(self.start, "start")) / bin_us
        if shift != int(shift):
            raise TraceError(f"start must lie a whole number of bins of {length} from {self.start}.")
        bins = float(len(self.rates_per_s)) if days is None else _number(days, "days") * DAY_US / bin_us
        if not (1 <= bins <= _MOST_BINS and bins == int(bins)):
            whole = f"a whole number of bins of {length}, 1 to {_MOST_BINS:,}"
            raise TraceError(f"days must be {whole}. Got {shown(days)}.")
        rates = np.resize(np.roll(self.rates_per_s, -int(shift)), int(bins))
        cv = self.cv if cv is None else _number(cv, "cv")
        common: dict[str, Any] = {
            "start": started,
            "calls": float(rates.sum() * self.bin_s * _number(scale, "scale")),
            "rates": rates.tolist(),
            "bin_s": self.bin_s,
            "preferences": dict(self.preferences),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
        if cv is None:
            return PoissonTraffic(**common)
        if 0 <= cv < 0.01:
            return EvenTraffic(**common)
        return RenewalTraffic(**common, cv=cv, distribution=self.distribution)

    @property
    def frame(self) -> pd.DataFrame:
        """A row a bin: ``at`` (its start) and ``rate_per_s``."""
        at_us = to_us(self.start, "start") + np.arange(len(self.rates_per_s)) * (self.bin_s * SECOND_US)
        return pd.DataFrame({"at": utc_column(at_us.astype(np.int64)), "rate_per_s": self.rates_per_s})

    def summary(self) -> pd.Series[Any]:
        """Return the figures of the profile, labelled."""
        rates = np.array(self.rates_per_s)
        at = self.frame["at"]
        figures: dict[str, Any] = {"calls": self.calls} if self.calls is not None else {}
        figures |= {"bins": len(rates), "bin_s": self.bin_s, "mean_rate_per_s": rates.mean()}
        figures |= {"peak_rate_per_s": rates.max(), "peak_at": at[rates.argmax()]}
        figures |= {"least_rate_per_s": rates.min(), "least_at": at[rates.argmin()]}
        figures |= {"cv": self.cv, "cv_se": self.cv_se, "distribution": self.distribution}
        for name in ("prompt_tokens", "completion_tokens"):
            tokens: Tokens | None = getattr(self, name)
            if tokens is not None:
                figures |= {f"{name}_median": tokens.median, f"{name}_p90": tokens.p90}
        figures |= {f"share[{name}]": share for name, share in self.preferences.items()}
        return pd.Series(figures, dtype=object, name="profile")

    def __repr__(self) -> str:
        notes = "".join(f"; {note}" for note in self.notes)
        return f"<Profile{self._headline}{notes}>\n{_bars(self.rates_per_s)}"

    def _repr_html_(self) -> str:
        bars = f'<pre style="line-height:1">{_bars(self.rates_per_s)}</pre>'
        return html.framed("Profile", bars, html.figures(self.summary()), text=self._headline, notes=self.notes)

    @property
    def _headline(self) -> str:
        of = "" if self.calls is None else f" of {counted(self.calls, 'call')}"
        error = "" if self.cv_se is None else f" ± {self.cv_se:.2f}"
        burst = "cv not known" if self.cv is None else f"cv {self.cv:.2f}{error} ({self.distribution})"
        bins = f"{counted(len(self.rates_per_s), 'bin')} of {duration(self.bin_s, 'exact')}"
        return f"{of}: {bins} from {self.start:%Y-%m-%d %H:%M} UTC, {np.mean(self.rates_per_s):.3g} calls/s, {burst}"


def fit_profile(
    trace: Trace,
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
    trace : Trace
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
    >>> day = RenewalTraffic(start="2026-03-02T00:00Z", calls=100_000, cv=2).trace(seed=1)
    >>> fit_profile(day)
    <Profile of 99,248 calls: 24 bins of 1 h from 2026-03-02 00:00 UTC, 1.15 calls/s, cv 1.99 ± 0.01 (gamma)>
    ▃▃▃▂▂▂▂▁▁▁▂▂▃▅▇▇▇████▆▄▃
    """
    if not isinstance(trace, Trace):
        raise TraceError(f"trace must be a Trace: pass tg.Trace(frame). Got {type(trace).__name__}.")
    if period not in get_args(Period):
        raise TraceError(f"period must be 'day' or 'week'. Got {shown(period)}.{did_you_mean(period, _PERIOD_US)}")
    bin_us = _bin_us(bin)
    if len(trace) < _LEAST_CALLS:
        raise TraceError(f"a profile needs at least {_LEAST_CALLS} arrivals. Got {counted(len(trace), 'call')}.")
    check_zone(tz)
    seen = _observe(trace, bin_us, start, end, tz)
    bins = _PERIOD_US[period] // bin_us
    first_us = _period_us(int(seen.edges_us[0]), period, tz)
    slots = (seen.local_us - _MONDAY_US) // bin_us % bins
    observed_s = np.bincount(slots, seen.lengths_s, bins)
    known = observed_s >= _LEAST_SHARE * bin_us / SECOND_US
    rates = np.bincount(slots, seen.counts, bins) / np.where(known, observed_s, np.inf)
    rates[~known] = len(trace) / seen.lengths_s.sum()

    gaps = np.diff(seen.operational(trace.at_us))
    cv, cv_se = _cv(gaps)
    share = np.bincount(trace.preferred + 1, minlength=len(trace.preferred_names) + 1)[1:] / len(trace)
    return Profile(
        start=from_us(first_us),
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
    if bins > _MOST_BINS:
        raise TraceError(f"bin cuts the trace into {bins:,} bins; the limit is {_MOST_BINS:,}.")
    edges_us = origin_us + (first_bin + np.arange(bins + 1)) * bin_us
    cuts = constant_offsets(tz, int(edges_us[0]), int(edges_us[-1]))
    since_us, offsets_us = (np.array([cut[i] for cut in cuts]) for i in (0, 2))
    local_us = edges_us[:-1] + offsets_us[np.searchsorted(since_us, edges_us[:-1], side="right") - 1]
    edges_us[[0, -1]] = start_us, end_us
    numbers = np.minimum((trace.at_us - origin_us) // bin_us - first_bin, bins - 1)
    return Observed(local_us, edges_us, np.bincount(numbers, minlength=bins))


def _period_us(at_us: int, period: Period, tz: str) -> int:
    """Return the local midnight, of a Monday if it is weeks, before an instant."""
    day_us = midnight_us(at_us, tz)
    if period == "day":
        return day_us
    weekday = from_us(at_us).astimezone(ZoneInfo(tz)).weekday()
    return midnight_us(day_us + DAY_US // 2 - weekday * DAY_US, tz)


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


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise TraceError(f"{name} must be a finite number. Got {shown(value)}.")
    return float(value)


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


def _bars(rates: tuple[float, ...]) -> str:
    """Draw rates in a line of text of at most 72 characters, each the mean of as many bins."""
    parts = np.array_split(np.array(rates), min(len(rates), 72))
    means = np.array([part.mean() for part in parts])
    return "".join(_BARS[int(level)] for level in np.minimum(means / means.max() * len(_BARS), len(_BARS) - 1))
