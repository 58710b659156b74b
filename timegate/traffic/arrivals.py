"""Arrival processes: generated traces."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from timegate.core.clock import LAST_US, SECOND_US, Instant, to_us
from timegate.errors import TraceError, shown
from timegate.traffic.trace import Trace

__all__ = ["AZURE_2024_CODING_HOURLY", "Z90", "check_whole", "generate_trace"]

AZURE_2024_CODING_HOURLY = (
    87, 84, 80, 65, 52, 42, 37, 31, 29, 30, 32, 48, 86, 148, 210, 225, 214, 247, 272, 276, 256, 189, 136, 102,
)  # fmt: skip
"""Thousands of requests in each UTC hour of a weekday: the coding trace of Azure 2024, read off the official
figure of github.com/Azure/AzurePublicDataset (CC-BY 4.0)."""

# Median and 90th percentile of tokens in the Azure 2023 coding trace (8,819 requests, same source).
_PROMPT_TOKENS = (1469, 5188)
_COMPLETION_TOKENS = (13, 55)
Z90 = 1.2815515655446004  # the standard normal distribution's 90th percentile


def generate_trace(
    start: Instant,
    calls: int,
    *,
    seed: int,
    rates: Sequence[float] = AZURE_2024_CODING_HOURLY,
    bin_s: float = 3600.0,
    preferences: Mapping[str, float] | None = None,
) -> Trace:
    """Generate a trace of a given number of calls whose rate follows a profile.

    A non-homogeneous Poisson process with piecewise constant rate, given its number of arrivals: these are
    then independent, each with a density proportional to the rate (the order statistics property; e.g.
    Ross, "Introduction to Probability Models", on conditional arrival times). Token counts are lognormal
    with the median and 90th percentile of the Azure 2023 coding trace.

    Parameters
    ----------
    start : datetime or str
        The instant at which the profile begins, with its zone or offset.
    calls : int
        How many arrivals, at least 1.
    seed : int
        Of the random generator; the same seed gives the same trace.
    rates : sequence of float
        Relative rate in each bin. Default: 24 hours, :data:`AZURE_2024_CODING_HOURLY`.
    bin_s : float
        Length of a bin in seconds.
    preferences : mapping of str to float, optional
        The share of calls that prefer a deployment, by its name; the others prefer none.

    Raises
    ------
    TraceError
        If a number is out of its range.

    Examples
    --------
    >>> generate_trace("2026-03-02T00:00Z", 1000, seed=1, preferences={"strong": 0.2})
    <Trace: 1,000 calls, 2026-03-02 00:00:25 to 2026-03-02 23:59:57 UTC>
    """
    shares: Any = {} if preferences is None else preferences
    check_whole(calls, "calls", 1)
    check_whole(seed, "seed", 0)
    if not _are_numbers(rates) or not len(rates) or min(rates) < 0:
        raise TraceError(f"rates must be a list of finite numbers, none below 0. Got {shown(rates)}.")
    if not sum(rates) > 0:
        raise TraceError("rates must not all be 0.")
    if not math.isfinite(sum(rates)):
        raise TraceError(f"rates must be a list of finite numbers with a finite sum. Got {shown(rates)}.")
    if not _are_numbers([bin_s]) or bin_s <= 0:
        raise TraceError(f"bin_s must be a number of seconds above 0. Got {shown(bin_s)}.")
    if not isinstance(shares, Mapping) or not _are_numbers(list(shares.values())):
        raise TraceError(f"preferences must be shares between 0 and 1, by name. Got {shown(shares)}.")
    if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1 + 1e-9:
        raise TraceError(f"preferences must be shares between 0 and 1 that sum to at most 1. Got {shown(shares)}.")
    start_us = to_us(start, "start")
    if start_us + len(rates) * bin_s * SECOND_US >= LAST_US:
        raise TraceError(f"the profile must lie in the years 1900 to 2199. Got {len(rates)} bins of {bin_s} s.")
    weights = np.array(rates, np.float64)

    rng = np.random.default_rng(seed)
    per_bin = rng.multinomial(calls, weights / weights.sum())
    bins = np.repeat(np.arange(len(weights)), per_bin)
    at_s = np.sort((bins + rng.random(calls)) * bin_s)
    frame = pd.DataFrame({"at": start_us + (at_s * SECOND_US).astype(np.int64)})
    frame["at"] = pd.to_datetime(frame["at"], unit="us", utc=True)
    if shares:
        names = np.array([*shares, None], dtype=object)
        rest = max(0.0, 1 - sum(shares.values()))
        frame["model_preference"] = rng.choice(names, calls, p=np.array([*shares.values(), rest]))
    for name, (median, p90) in (("prompt_tokens", _PROMPT_TOKENS), ("completion_tokens", _COMPLETION_TOKENS)):
        sigma = math.log(p90 / median) / Z90
        frame[name] = np.ceil(rng.lognormal(math.log(median), sigma, calls)).astype(np.int64)
    return Trace(frame)


def check_whole(value: object, name: str, least: int) -> None:
    """Raise an error that names a value unless it is a whole number of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TraceError(f"{name} must be a whole number. Got {shown(value)}.")
    if value < least:
        raise TraceError(f"{name} must be at least {least}. Got {value}.")


def _are_numbers(values: object) -> bool:
    return isinstance(values, list | tuple | np.ndarray) and all(
        isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)
        for value in values
    )
