"""How much each deployment was asked for, bin by bin, and what it let through."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import SECOND_US
from timegate.core.columns import RATE_LIMIT
from timegate.core.policy import CONCURRENT, COOLING, LATE, PROBING, REQUESTS, TOKENS
from timegate.core.router import Router
from timegate.core.spans import Spans, union
from timegate.engines.record import Attempts, Log
from timegate.traffic.trace import Trace, utc_column

__all__ = ["REFUSALS", "cooled_s", "cooled_us", "load_frame", "refused"]

Counts = npt.NDArray[np.int64]
REFUSALS = {
    "cooling": COOLING,
    "probing": PROBING,
    "concurrent": CONCURRENT,
    "requests_per_min": REQUESTS,
    "tokens_per_min": TOKENS,
}
"""The columns of refusals, and their codes in :data:`timegate.core.policy.REASONS`."""


class _Bins(NamedTuple):
    """Bins of equal length: where the first begins, their length, and how many there are."""

    start_us: int
    step_us: int
    size: int

    def of(self, at_us: Counts) -> Counts:
        found: Counts = (at_us - self.start_us) // self.step_us
        return found

    @property
    def edges_us(self) -> Counts:
        found: Counts = self.start_us + np.arange(self.size + 1) * self.step_us
        return found


def refused(log: Log) -> Counts:
    """Return the rows of skips that a cooldown or a limit made; after its deadline a call wants nobody."""
    found: Counts = log.skips[log.skips[:, 3] != LATE]
    return found


def load_frame(
    router: Router, trace: Trace, attempts: Attempts, log: Log, step_us: int, origin_us: int = 0
) -> pd.DataFrame:
    """Return the table that :meth:`timegate.Replay.load` describes."""
    from timegate.engines.totals import MAX_BINS, too_many_bins  # loads numba

    passed = refused(log)
    last_us = int(np.concatenate([trace.at_us[-1:], attempts.at_us, passed[:, 2]]).max())
    start_us = origin_us + (int(trace.at_us[0]) - origin_us) // step_us * step_us
    bins = _Bins(start_us, step_us, (last_us - start_us) // step_us + 1)
    deployments = len(router.names)
    if bins.size > MAX_BINS:
        raise too_many_bins(bins.size, step_us)

    def tally(deployment: npt.NDArray[np.integer[Any]], at_us: Counts) -> Counts:
        cells = deployment.astype(np.int64) * bins.size + bins.of(at_us)
        return np.bincount(cells, minlength=deployments * bins.size)

    admitted = tally(attempts.deployment, attempts.at_us)
    by_reason = {
        name: tally(rows[:, 1], rows[:, 2])
        for name, code in REFUSALS.items()
        for rows in [passed[passed[:, 3] == code]]
    }
    limited = attempts.outcome == RATE_LIMIT
    index = pd.MultiIndex.from_product(
        [pd.Index(router.names, dtype="str"), utc_column(bins.edges_us[:-1].copy())], names=["deployment", "at"]
    )
    columns = {
        "offered": admitted + sum(by_reason.values()),
        "admitted": admitted,
        **by_reason,
        "answered_429": tally(attempts.deployment[limited], attempts.at_us[limited]),
        "running_max": np.concatenate([_running_max(attempts, i, bins) for i in range(deployments)] or [admitted]),
        "cooled_share": np.concatenate([_share(cooled_us(log, i), bins) for i in range(deployments)] or [np.empty(0)]),
    }
    return pd.DataFrame(columns, index)


def cooled_us(log: Log, deployment: int) -> Spans:
    """Return when a deployment cooled, as disjoint stretches."""
    return union([log.cooldowns[log.cooldowns[:, 0] == deployment, 1:]])


def cooled_s(log: Log, end_us: int) -> float:
    """Return how long deployments cooled in all, up to an instant, in seconds."""
    stretches = [cooled_us(log, i).clip(None, end_us) for i in np.unique(log.cooldowns[:, 0]).tolist()]
    return float(sum(int(np.diff(spans).sum()) for spans in stretches) / SECOND_US)


def _running_max(attempts: Attempts, deployment: int, bins: _Bins) -> Counts:
    """Return how many attempts ran at once at most, bin by bin; at one instant ends come before starts."""
    mine = (attempts.deployment == deployment) & (attempts.latency_us > 0)
    starts_us = np.sort(attempts.at_us[mine])
    ends_us = np.sort(attempts.at_us[mine] + attempts.latency_us[mine])
    # It is highest where an attempt has just started, or where the bin begins.
    after = np.arange(1, len(starts_us) + 1) - np.searchsorted(ends_us, starts_us, side="right")
    edges_us = bins.edges_us[:-1]
    most: Counts = np.searchsorted(starts_us, edges_us) - np.searchsorted(ends_us, edges_us, side="right")
    np.maximum.at(most, bins.of(starts_us), after)
    return most


def _share(spans: Spans, bins: _Bins) -> npt.NDArray[np.float64]:
    """Return which share of each bin lies in disjoint stretches."""
    if not len(spans):
        return np.zeros(bins.size)
    edges_us = bins.edges_us
    before_us = np.concatenate([[0], np.cumsum(spans[:, 1] - spans[:, 0])])
    started = np.searchsorted(spans[:, 0], edges_us, side="right")
    over_us = np.maximum(spans[started - 1, 1] - edges_us, 0) * (started > 0)  # of the stretch under way, yet to come
    share: npt.NDArray[np.float64] = np.diff(before_us[started] - over_us) / bins.step_us
    return share
