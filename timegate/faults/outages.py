"""What random outages look like: how often, how long, and by which distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

from timegate.clock import Instant
from timegate.faults.kinds import RandomOutages

__all__ = ["DISTRIBUTIONS", "Distribution", "OutageModel", "readable"]

Distribution = Literal["exponential", "lognormal", "weibull"]
DISTRIBUTIONS: tuple[Distribution, ...] = ("exponential", "lognormal", "weibull")


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
    distribution: Distribution
    shape: float | None = None

    @property
    def availability(self) -> float:
        """The share of the time without an outage, ``mtbf_s / (mtbf_s + mttr_s)``."""
        return self.mtbf_s / (self.mtbf_s + self.mttr_s)

    def quantile_s(self, p: float) -> float:
        """Return the length in seconds that a share ``p`` of the outages does not exceed."""
        if self.shape is None:
            return -self.mttr_s * math.log1p(-p)
        if self.distribution == "lognormal":  # the mean of a lognormal is its median times exp(sigma^2 / 2)
            return self.mttr_s * math.exp(self.shape * NormalDist().inv_cdf(p) - self.shape**2 / 2)
        scale_s = self.mttr_s / math.gamma(1 + 1 / self.shape)
        return scale_s * math.pow(-math.log1p(-p), 1 / self.shape)

    def outages(self, target: str, start: Instant, end: Instant, **more: Any) -> RandomOutages:
        """Return a fault that makes such outages.

        Parameters
        ----------
        target : str
            A deployment, ``"provider:openai"``, or a group.
        start, end : datetime or str
            Aware instants, between which outages happen.
        **more
            What else ``RandomOutages`` takes, such as ``p_major`` or ``name``.

        Raises
        ------
        ScenarioError
            If the fault breaks a rule.
        """
        return RandomOutages.model_validate(
            {
                "target": target, "start": start, "end": end, "mtbf_s": self.mtbf_s, "mttr_s": self.mttr_s,
                "distribution": self.distribution, "shape": self.shape, **more,
            }
        )  # fmt: skip


def readable(seconds: float) -> str:
    """Write a time span in its unit.

    Examples
    --------
    >>> readable(30), readable(9_000), readable(487_296)
    ('30 s', '2.5 h', '5.64 d')
    """
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.3g} {unit}"
    return f"{seconds:.3g} s"
