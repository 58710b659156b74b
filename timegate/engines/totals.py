"""Calls reduced to totals as they are replayed: what streaming and Monte Carlo keep in place of columns.

All totals are whole numbers, so that they add up to the same whatever the order or the size of the parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from timegate.core.clock import DAY_US
from timegate.core.columns import FAILED, NOBODY, OUTCOMES, PERCENTILES, UNSERVED
from timegate.core.jit import inlined, jit
from timegate.core.router import Router
from timegate.engines.compiling import announced_compilation
from timegate.engines.record import Calls, first_choice_by_name
from timegate.errors import ReplayError
from timegate.traffic.trace import Trace

__all__ = [
    "MAX_BINS",
    "Part",
    "Totals",
    "add_baseline",
    "add_calls",
    "latency_quantiles_us",
    "reduce_calls",
    "too_many_bins",
    "totals_between",
]

# Latencies are counted in 128 bins for each power of two, less than 0.8 % wide, up to the largest int64.
_PER_OCTAVE = 128
_BINS = 65 * _PER_OCTAVE
MAX_BINS = 1_000_000

Counts = npt.NDArray[np.int64]


class Totals(NamedTuple):
    """Sums over calls.

    Attributes
    ----------
    outcomes : ndarray of int64, shape (5,)
        Calls by outcome.
    choices : ndarray of int64, shape (first choices, deployments + 1)
        Calls by their first choice and who served them, nobody last.
    attempts : ndarray of int64, shape (1,)
    latency_us : ndarray of int64, shape (3,)
        The sum over the calls that were served, over those that were not, and of what all take in the baseline.
    latencies : ndarray of int64, shape (3, bins)
        The calls that were served, those that were not, and all in the baseline, by latency.
    """

    outcomes: Counts
    choices: Counts
    attempts: Counts
    latency_us: Counts
    latencies: Counts

    @classmethod
    def zero(cls, deployments: int) -> Self:
        """Return totals of no calls."""
        shapes: tuple[Any, ...] = (len(OUTCOMES), (deployments, deployments + 1), 1, 3, (3, _BINS))
        return cls(*(np.zeros(shape, np.int64) for shape in shapes))

    @property
    def served(self) -> Counts:
        """Calls by their first choice and who served them."""
        return self.choices[:, :-1]

    def add(self, other: Totals) -> None:
        """Add the totals of other calls."""
        for mine, theirs in zip(self, other, strict=True):
            mine += theirs

    def figures(self, names: tuple[str, ...], has_latency: bool, *, who_first: bool = False) -> dict[str, Any]:
        """Return the labelled figures, named as in ``Replay.summary``.

        Parameters
        ----------
        names : tuple of str
            Of the deployments.
        has_latency : bool
            Whether latencies are modelled. If not, they are given where any call took any time. That of the baseline is
            given where it was added.
        who_first : bool
            Whether to say, too, who serves in the baseline.
        """
        calls, served = int(self.outcomes.sum()), int(self.served.sum())
        figures: dict[str, Any] = {"calls": calls, **dict(zip(OUTCOMES, self.outcomes.tolist(), strict=True))}
        figures["availability"] = served / calls if calls else math.nan
        shares = {"share": self.served.sum(axis=0)}
        if who_first:
            figures["baseline_availability"] = 1.0
            shares["baseline_share"] = self.choices.sum(axis=1)
        for share, counts in shares.items():
            for name, count in zip(names, counts, strict=True):
                figures[f"{share}[{name}]"] = count / calls if calls else math.nan
        figures["attempts_per_call"] = self.attempts[0] / calls if calls else math.nan
        if has_latency or self.latency_us.any():
            figures |= _distribution("latency", served, int(self.latency_us[0]), self.latencies[0])
            if int(self.latencies[2].sum()) == calls:
                figures |= _distribution("baseline_latency", calls, int(self.latency_us[2]), self.latencies[2])
            figures |= _distribution("wait", calls, int(self.latency_us[:2].sum()), self.latencies[:2].sum(axis=0))
        return figures


def _distribution(name: str, calls: int, sum_us: int, latencies: Counts) -> dict[str, float]:
    quantiles_us = zip(PERCENTILES, latency_quantiles_us(latencies, PERCENTILES), strict=True)
    quantiles = {f"{name}_p{percent}_s": us / 1e6 for percent, us in quantiles_us}
    return {f"{name}_mean_s": sum_us / calls / 1e6 if calls else math.nan, **quantiles}


class Part(NamedTuple):
    """The totals of a part of a trace.

    Attributes
    ----------
    span_us : tuple of int
        The first and the last arrival.
    first_bin : int
        Number of the first bin, counted from the epoch.
    by_bin : ndarray of int64, shape (bins, deployments + 3)
        Calls by bin and who served them, ``failed``, ``blocked`` and ``shed`` last.
    totals : Totals
    """

    span_us: tuple[int, int]
    first_bin: int
    by_bin: Counts
    totals: Totals


def reduce_calls(trace: Trace, calls: Calls, router: Router, step_us: int, origin_us: int = 0) -> Part:
    """Reduce the calls of a part of a trace to totals, with bins of ``step_us`` microseconds from an origin.

    Raises
    ------
    ReplayError
        If there would be more bins than :data:`MAX_BINS`.
    """
    first_us, last_us = (at_us - origin_us for at_us in trace.span_us)
    first_bin, bins = first_us // step_us, last_us // step_us - first_us // step_us + 1
    if bins > MAX_BINS:
        raise too_many_bins(bins, step_us)
    totals, by_bin = Totals.zero(len(router.names)), np.zeros((bins, len(router.names) + len(UNSERVED)), np.int64)
    choices = first_choice_by_name(trace.preferred_names, router)
    since_us = trace.at_us - origin_us if origin_us else trace.at_us
    with announced_compilation("what adds calls up"):
        add_calls(totals, by_bin, first_bin, step_us, since_us, trace.preferred, choices, calls)
    return Part(trace.span_us, first_bin, by_bin, totals)


def totals_between(trace: Trace, calls: Calls, router: Router, start_us: int, end_us: int) -> Totals:
    """Return the totals of the calls that arrive in ``[start_us, end_us)``."""
    part = slice(*np.searchsorted(trace.at_us, [start_us, end_us]).tolist())
    first_bin, last_bin = start_us // DAY_US, (end_us - 1) // DAY_US
    by_bin = np.zeros((last_bin - first_bin + 1, len(router.names) + len(UNSERVED)), np.int64)
    totals, choices = Totals.zero(len(router.names)), first_choice_by_name(trace.preferred_names, router)
    columns = Calls._make(column[part] for column in calls)
    with announced_compilation("what adds calls up"):
        add_calls(totals, by_bin, first_bin, DAY_US, trace.at_us[part] - 0, trace.preferred[part], choices, columns)
    return totals


def too_many_bins(bins: int, step_us: int) -> ReplayError:
    """Return the error of a frequency that is too fine."""
    return ReplayError(f"freq '{step_us}us' cuts this trace into {bins:,} bins; the limit is {MAX_BINS:,}.")


@jit()
def add_calls(totals, by_bin, first_bin, step_us, at_us, preferred, first_choices, calls):  # type: ignore[no-untyped-def]
    """Add calls to totals.

    Parameters
    ----------
    totals : Totals
    by_bin : ndarray of int64, shape (bins, deployments + 3), or None
        Calls by bin and who served them, ``failed``, ``blocked`` and ``shed`` last.
    first_bin, step_us : int
        Bin *b* is ``[(first_bin + b) * step_us, (first_bin + b + 1) * step_us)``.
    at_us, preferred : ndarray
        The columns of the trace.
    first_choices : ndarray
        The first choice of each preferred name, the one for no preference first.
    calls : Calls
    """
    served_by, outcome, attempts, latency_us = calls.served_by, calls.outcome, calls.attempts, calls.latency_us
    first_choice, keeps_first = calls.first_choice, len(calls.first_choice) > 0
    outcomes, choices, attempts_sum, latency_sum, latencies = totals
    unserved = 0 if by_bin is None else by_bin.shape[1] - len(UNSERVED)
    nobody = choices.shape[1] - 1
    quick = 0  # calls served without latency: the most common bin, added once
    given_up = 0
    bin_, bin_ends_us = 0, np.iinfo(np.int64).min
    for i in range(len(at_us)):
        outcomes[outcome[i]] += 1
        attempts_sum[0] += attempts[i]
        server = served_by[i]
        if nobody > 0:  # a router that never called anybody has no deployments
            first = first_choice[i] if keeps_first else first_choices[preferred[i] + 1]
            choices[first, server if server != NOBODY else nobody] += 1
        if latency_us[i] == 0:
            if server != NOBODY:
                quick += 1
            else:
                given_up += 1
        else:
            group = 0 if server != NOBODY else 1
            latency_sum[group] += latency_us[i]
            latencies[group, _bin_of(latency_us[i])] += 1
        if by_bin is not None:
            if at_us[i] >= bin_ends_us:
                bin_ = at_us[i] // step_us
                bin_ends_us = (bin_ + 1) * step_us
                bin_ -= first_bin
            by_bin[bin_, server if server != NOBODY else unserved + outcome[i] - FAILED] += 1
    latencies[0, 0] += quick
    latencies[1, 0] += given_up


@jit()
def add_baseline(totals, latency_us):  # type: ignore[no-untyped-def]
    """Add how long calls take without windows and without failures to their totals."""
    quick = 0
    for i in range(len(latency_us)):
        if latency_us[i] == 0:
            quick += 1
        else:
            totals.latency_us[2] += latency_us[i]
            totals.latencies[2, _bin_of(latency_us[i])] += 1
    totals.latencies[2, 0] += quick


@inlined()
def _bin_of(latency_us):  # type: ignore[no-untyped-def]
    """Return the bin of a latency above 0."""
    mantissa, exponent = math.frexp(float(latency_us))
    return exponent * _PER_OCTAVE + int((2.0 * mantissa - 1.0) * _PER_OCTAVE)


def latency_quantiles_us(latencies: Counts, percentiles: Sequence[int]) -> list[float]:
    """Return percentiles of counted latencies, each to within half a bin, 0.4 %; NaN if there are none."""
    total = int(latencies.sum())
    if not total:
        return [math.nan] * len(percentiles)
    ranks = [percent / 100 * (total - 1) for percent in percentiles]
    return [_middle_us(bin_) for bin_ in np.searchsorted(np.cumsum(latencies), ranks, side="right").tolist()]


def _middle_us(bin_: int) -> float:
    """Return the middle of a bin, or the latency itself where it holds but one."""
    if bin_ == 0:
        return 0.0
    exponent, part = divmod(bin_, _PER_OCTAVE)
    low, width = 2.0 ** (exponent - 1) * (1 + part / _PER_OCTAVE), 2.0 ** (exponent - 1) / _PER_OCTAVE
    return low if width <= 1 else low + width / 2
