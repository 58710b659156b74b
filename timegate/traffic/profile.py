"""Profiles: the rates and the burstiness of real traffic, from which more of its kind is generated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from timegate.core.clock import DAY_US, SECOND_US, AwareInstant, Instant, from_us, to_us
from timegate.core.distributions import GapDistribution
from timegate.errors import InvalidValueError, TraceError, shown
from timegate.show import html
from timegate.show.text import counted, duration
from timegate.traffic.process import (
    EvenTraffic,
    PoissonTraffic,
    Rates,
    RenewalTraffic,
    Share,
    Tokens,
    Traffic,
)
from timegate.traffic.trace import utc_column
from timegate.validation import Value

__all__ = ["MOST_BINS", "Profile"]

MOST_BINS = 10_000_000
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

        Examples
        --------
        >>> profile = Profile(start="2026-03-02T00:00Z", bin_s=3600, rates_per_s=[0.1] * 12 + [0.3] * 12)
        >>> profile.traffic(days=7, scale=2).calls
        241920.0
        """
        bin_us, length = self.bin_s * SECOND_US, duration(self.bin_s, "exact")
        started = self.start if start is None else from_us(to_us(start, "start"))
        shift = (to_us(started, "start") - to_us(self.start, "start")) / bin_us
        if shift != int(shift):
            raise TraceError(f"start must lie a whole number of bins of {length} from {self.start}.")
        bins = float(len(self.rates_per_s)) if days is None else _number(days, "days") * DAY_US / bin_us
        if not (1 <= bins <= MOST_BINS and bins == int(bins)):
            whole = f"a whole number of bins of {length}, 1 to {MOST_BINS:,}"
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
        """Return the figures of the profile, labelled.

        Examples
        --------
        >>> profile = Profile(start="2026-03-02T00:00Z", bin_s=3600, rates_per_s=[0.1] * 12 + [0.3] * 12)
        >>> str(profile.summary()["peak_at"])
        '2026-03-02 12:00:00+00:00'
        """
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


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise TraceError(f"{name} must be a finite number. Got {shown(value)}.")
    return float(value)


def _bars(rates: tuple[float, ...]) -> str:
    """Draw rates in a line of text of at most 72 characters, each the mean of as many bins."""
    parts = np.array_split(np.array(rates), min(len(rates), 72))
    means = np.array([part.mean() for part in parts])
    return "".join(_BARS[int(level)] for level in np.minimum(means / means.max() * len(_BARS), len(_BARS) - 1))
