"""What random outages look like: how often, how long, and by which distribution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import Instant
from timegate.core.distributions import LengthDistribution
from timegate.faults.kinds import RandomOutages
from timegate.incidents.decisions import Decisions
from timegate.incidents.history import Source
from timegate.show.html import framed, numbers
from timegate.show.text import counted, duration, percent, period

__all__ = ["OutageFit", "OutageModel"]

Floats = npt.NDArray[np.float64]

KS_BOUND = 1.36  # times 1 / sqrt(n): exceeded by 5 % of the samples of n that come from the law itself


@dataclass(frozen=True, kw_only=True, eq=False)
class OutageModel:
    """Outages in numbers.

    Parameters
    ----------
    mtbf_s : float
        Mean time between failures in seconds, from the end of an outage to the start of the next: exponential.
    mttr_s : float
        Mean time to recover in seconds: the mean length of an outage.
    distribution : str
        Of the lengths: ``exponential``, ``lognormal`` or ``weibull``.
    shape : float, optional
        The standard deviation of the logarithm (lognormal), or the exponent k (Weibull).
    p_major : float
        The share of the outages that fail every attempt; the others are minor. Default: 1.

    Examples
    --------
    >>> model = OutageModel(mtbf_s=360_000, mttr_s=3_600, distribution="lognormal", shape=1.0)
    >>> round(model.availability, 4), round(model.quantile_s(0.5))
    (0.9901, 2184)
    >>> model.outages("strong", "2026-03-02T00:00Z", "2026-04-02T00:00Z").mttr_s
    3600.0
    """

    mtbf_s: float
    mttr_s: float
    distribution: LengthDistribution
    shape: float | None = None
    p_major: float = 1.0

    @property
    def availability(self) -> float:
        """The share of the time without an outage, ``mtbf_s / (mtbf_s + mttr_s)``."""
        return self.mtbf_s / (self.mtbf_s + self.mttr_s)

    def quantile_s(self, p: float) -> float:
        """Return the length in seconds that a share ``p`` of the outages does not exceed.

        Examples
        --------
        >>> model = OutageModel(mtbf_s=360_000, mttr_s=3_600, distribution="exponential")
        >>> round(model.quantile_s(0.95))
        10785
        """
        if self.shape is None:
            return -self.mttr_s * math.log1p(-p)
        if self.distribution == "lognormal":  # the mean of a lognormal is its median times exp(sigma^2 / 2)
            return self.mttr_s * math.exp(self.shape * NormalDist().inv_cdf(p) - self.shape**2 / 2)
        scale_s = self.mttr_s / math.gamma(1 + 1 / self.shape)
        return scale_s * math.pow(-math.log1p(-p), 1 / self.shape)

    def outages(
        self, target: str, start: Instant, end: Instant, *, minor_error_rate: float = 0.5, **more: Any
    ) -> RandomOutages:
        """Return a fault that makes such outages.

        Parameters
        ----------
        target : str
            A deployment, ``"provider:openai"``, or a group.
        start, end : datetime or str
            Aware instants, between which outages happen.
        minor_error_rate : float
            The probability that an attempt fails during a minor outage; status pages do not say it.
        **more
            What else ``RandomOutages`` takes, such as ``name``, or a ``p_major`` in place of this one.

        Raises
        ------
        ScenarioError
            If the fault breaks a rule.
        """
        return RandomOutages.model_validate(
            {
                "target": target, "start": start, "end": end, "mtbf_s": self.mtbf_s, "mttr_s": self.mttr_s,
                "distribution": self.distribution, "shape": self.shape, "p_major": self.p_major,
                "minor_error_rate": minor_error_rate, **more,
            }
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OutageFit(OutageModel):
    """What :func:`timegate.fit_outages` found: the data, and random outages that are like them.

    Attributes
    ----------
    mtbf_s, mttr_s, distribution, shape : float, float, str, float or None
        Of the fit; ``mttr_s`` is the mean of the fitted distribution, not of the data.
    p_major : float
        The share of major and critical incidents among those that were fitted and whose impact is known; 1 if none
        is known.
    durations_s : ndarray of float64
        The lengths of the outages in the data, sorted.
    candidates : DataFrame
        The three fitted distributions, the best first: ``mttr_s``, ``shape``, ``log_likelihood``, ``aic``,
        ``ks_distance``.
    by_page : DataFrame
        A row a page: ``start``, ``end`` of the observation, ``outages``, ``failures`` (outages before which the
        page was seen to be up), ``mtbf_s``, ``mttr_s``, ``availability``.
    overlap : DataFrame
        A row a pair of pages; empty for a single page. ``joint_s`` is how long both were down while both were
        observed; ``expected_s`` how long they would have been by chance, were they independent (the product of
        their shares of down time, times the period); ``ratio`` the one by the other: 1 if they are independent,
        above 1 if they tend to fail together.
    starts_by_hour, starts_by_weekday : Series of int64
        How many outages started in each hour of the day and on each weekday, in the zone ``tz``.
    tz : str
    decisions : Decisions
        What was dropped or guessed, in reading and here.
    sources : tuple of Source
    """

    durations_s: Floats
    candidates: pd.DataFrame
    by_page: pd.DataFrame
    overlap: pd.DataFrame
    starts_by_hour: pd.Series[int]
    starts_by_weekday: pd.Series[int]
    tz: str
    decisions: Decisions
    sources: tuple[Source, ...] = field(default=())

    @property
    def aic(self) -> dict[str, float]:
        """Akaike's information criterion of each distribution; the least is the best."""
        return {str(name): float(value) for name, value in self.candidates["aic"].items()}

    @property
    def ks_distance(self) -> float:
        """The Kolmogorov-Smirnov distance: the most by which the shares of lengths in data and fit differ, 0 to 1."""
        return float(self.candidates["ks_distance"].iloc[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """Reservations: what tells that the best distribution is a poor one.

        A fit is poor if the 90th or 99th percentile of the data lies more than two standard errors (those of
        ``summary()``) from that of the fit, or if ``ks_distance`` exceeds 1.36 / sqrt(n), the bound at 5 % for many
        lengths (Massey 1951, doi:10.1080/01621459.1951.10500769). That bound is of a law known beforehand. Here its
        parameters are from the same data, which brings it nearer to them: both rules are lenient (Lilliefors 1967,
        doi:10.1080/01621459.1967.10482916), and a fit without a note is not thereby a good one.
        """
        found = []
        for name, (data_s, error_s, fit_s) in self.summary().loc[["p90_s", "p99_s"]].iterrows():
            errors = (data_s - fit_s) / error_s
            if abs(errors) > 2:
                side = "above" if errors > 0 else "below"
                found.append(
                    f"poor fit: {str(name).removesuffix('_s')} of the data, {_rounded(data_s)}, lies {abs(errors):.1f} "
                    f"standard errors {side} that of the fit, {_rounded(fit_s)}"
                )
        bound = KS_BOUND / math.sqrt(len(self.durations_s))
        if self.ks_distance > bound:
            found.append(f"poor fit: KS distance {self.ks_distance:.2f}, above the bound of {bound:.2f} at 5 %")
        return tuple(found)

    def summary(self) -> pd.DataFrame:
        """Return the figures of the data beside those of the fit.

        Rows ``mtbf_s``, ``mttr_s``, the quantiles of the lengths ``p50_s``, ``p90_s``, ``p99_s``, ``availability``,
        ``p_major``, and ``ks_distance``, which is the fit's from the data; columns ``data``, ``standard_error`` and
        ``fit``. The error is ``mtbf_s / sqrt(failures)``, as of an exponential distribution; ``std / sqrt(outages)``
        for ``mttr_s``; for a quantile of n lengths,
        ``sqrt(p (1 - p) / n)`` times the slope of the fitted quantile function (David and Nagaraja, "Order
        Statistics", 2003, section 10.2), which holds for many lengths only: more than some ten beyond the quantile.
        """
        down, failures = self.by_page["down_s"].sum(), self.by_page["failures"].sum()
        up = self.by_page["up_s"].sum()
        rows: dict[str, tuple[float, float, float]] = {
            "mtbf_s": (self.mtbf_s, self.mtbf_s / math.sqrt(failures), self.mtbf_s),
            "mttr_s": (
                float(self.durations_s.mean()),
                float(self.durations_s.std(ddof=1)) / math.sqrt(len(self.durations_s)),
                self.mttr_s,
            ),
        }
        for q in (50, 90, 99):
            sample = float(np.quantile(self.durations_s, q / 100))
            p, step = q / 100, 1e-6
            slope_s = (self.quantile_s(p + step) - self.quantile_s(p - step)) / (2 * step)
            error_s = math.sqrt(p * (1 - p) / len(self.durations_s)) * slope_s
            rows[f"p{q}_s"] = sample, error_s, self.quantile_s(p)
        rows["availability"] = float(up / (up + down)), math.nan, self.availability
        rows["p_major"] = self.p_major, math.nan, self.p_major
        rows["ks_distance"] = math.nan, math.nan, self.ks_distance
        return pd.DataFrame.from_dict(rows, orient="index", columns=["data", "standard_error", "fit"])

    @property
    def _headline(self) -> str:
        pages = list(self.by_page.index)
        of = pages[0] if len(pages) == 1 else counted(len(pages), "page")
        shape = "" if self.shape is None else f", shape {self.shape:.3g}"
        return (
            f"{counted(len(self.durations_s), 'outage')} of {of}, "
            f"{period(self.by_page['start'].min(), self.by_page['end'].max(), '%Y-%m-%d')}: "
            f"MTBF {_rounded(self.mtbf_s)}, MTTR {_rounded(self.mttr_s)} "
            f"({self.distribution}{shape}); p_major {self.p_major:.3g}; KS distance {self.ks_distance:.2g}"
        )

    def __repr__(self) -> str:
        return "\n".join([f"<{self._headline}>", *self.notes, *str(self.decisions).splitlines()])

    def _repr_html_(self) -> str:
        figures = self.summary().astype(object)
        for name in figures.index:
            write = _rounded if name.endswith("_s") else _WRITE[name]
            figures.loc[name] = ["" if math.isnan(value) else write(value) for value in figures.loc[name]]
        figures.index = figures.index.str.removesuffix("_s")
        columns = ["mttr", "shape", "aic", "ks_distance"]
        laws = self.candidates.assign(mttr=self.candidates["mttr_s"].map(_rounded))[columns]
        tables = [numbers(figures), numbers(laws, float_format="{:,.2f}".format)]
        if len(self.overlap):
            tables.append(numbers(self.overlap.head(5), index=False, float_format="{:,.1f}".format))
        return framed(self._headline, *tables, self.decisions.to_html(), notes=self.notes)


_rounded = partial(duration, style="rounded")
_WRITE: dict[str, Callable[[float], str]] = {
    "availability": partial(percent, digits=3),
    "p_major": "{:.3g}".format,
    "ks_distance": "{:.2g}".format,
}
