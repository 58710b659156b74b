"""The distributions that draws know: a name in files, a number in compiled code."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = [
    "DISTRIBUTIONS",
    "EVEN",
    "EXPONENTIAL",
    "GAMMA",
    "LENGTH_DISTRIBUTIONS",
    "LOGNORMAL",
    "WEIBULL",
    "GapDistribution",
    "LengthDistribution",
]

DISTRIBUTIONS = ("even", "exponential", "gamma", "lognormal", "weibull")
"""By code."""
EVEN, EXPONENTIAL, GAMMA, LOGNORMAL, WEIBULL = range(len(DISTRIBUTIONS))  # whole numbers: numba freezes them

LengthDistribution = Literal["exponential", "lognormal", "weibull"]
"""Of the lengths of outages."""
LENGTH_DISTRIBUTIONS: tuple[LengthDistribution, ...] = get_args(LengthDistribution)

GapDistribution = Literal["gamma", "weibull"]
"""Of the gaps between the calls of bursty traffic."""
