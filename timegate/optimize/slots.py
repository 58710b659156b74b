"""What each choice of open deployments costs in each slot of a week or a day.

A call looks at the windows once, when it arrives: they decide which deployments are in its order, and nothing
afterwards. So where calls share no state, what becomes of a call follows from who is open at its arrival, and from
draws that no schedule changes. One replay for each set of deployments, open at all times, therefore holds every
schedule: the calls of a slot fare as they do in the replay of the set that is open in it, also those whose attempts
outlast it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.clock import SECOND_US
from timegate.core.columns import NOBODY
from timegate.core.deployment import Deployment
from timegate.core.router import Router
from timegate.core.timetable import Hours
from timegate.core.windows import Window
from timegate.engines.progress import progress
from timegate.errors import ReplayError
from timegate.faults import Scenario
from timegate.optimize.grid import Grid
from timegate.prices.tariff import PICO
from timegate.runs.prepare import Prepared
from timegate.runs.replay import replayed
from timegate.runs.result import Replay
from timegate.show.text import counted, duration, listed
from timegate.traffic.trace import Trace

__all__ = ["MOST_CELLS", "SlotCosts", "Totals", "members", "slot_costs", "with_hours"]

Int64s = npt.NDArray[np.int64]
_BITS = 31
_LOW = (1 << _BITS) - 1
MOST_CELLS = 200_000  # slots times sets: what the program takes
NEVER_OPEN = Hours(time_constraints=(Window("00:00", "24:00"),))


class Totals(NamedTuple):
    """What a schedule comes to, over all calls of the trace.

    Attributes
    ----------
    calls, unserved : int
    cost : int
        Whole pico-units of the currency.
    waiting_us : int
        The latencies of the calls that were served, added up.
    """

    calls: int
    unserved: int
    cost: int
    waiting_us: int

    @property
    def failed(self) -> float:
        """The share of the calls that nobody served."""
        return self.unserved / self.calls

    @property
    def latency_mean_s(self) -> float:
        """How long the calls that were served took on average; not a number if there are none."""
        served = self.calls - self.unserved
        return self.waiting_us / served / SECOND_US if served else float("nan")

    @property
    def paid(self) -> float:
        """The cost in units of the currency."""
        return self.cost / PICO

    @classmethod
    def of(cls, run: Replay, priced: bool) -> Totals:
        """Add up a replay."""
        calls = run._calls
        served = calls.served_by != NOBODY
        cost = int(_sums(np.maximum(run.ledger.of_calls(), 0), np.zeros(len(run), np.int64), 1)[0]) if priced else 0
        return cls(len(run), int(np.count_nonzero(~served)), cost, int(calls.latency_us[served].sum()))


class SlotCosts(NamedTuple):
    """A table with a row a slot and a column a set of open deployments.

    Set *s* holds the deployments whose bits it has: bit 0 is the first of ``free``. Set 0 is empty.

    Attributes
    ----------
    grid : Grid
    free : tuple of int
        The deployments to decide on, by index in the config.
    calls : ndarray of int64, shape (slots,)
    unserved : ndarray of int64, shape (slots, sets)
    cost : ndarray of int, shape (slots, sets)
        Whole pico-units, as Python's integers.
    waiting_us : ndarray of int64, shape (slots, sets)
        The latencies of the calls that were served, added up.
    late : dict of int to ndarray of int64, shape (slots, sets)
        For each latency in microseconds, how many of the calls that were served took longer.
    """

    grid: Grid
    free: tuple[int, ...]
    calls: Int64s
    unserved: Int64s
    cost: npt.NDArray[np.object_]
    waiting_us: Int64s
    late: dict[int, Int64s]

    def totals(self, chosen: Int64s) -> Totals:
        """Return what a schedule comes to: a set for each slot."""
        rows = np.arange(len(chosen))
        return Totals(
            int(self.calls.sum()),
            int(self.unserved[rows, chosen].sum()),
            int(self.cost[rows, chosen].sum()),
            int(self.waiting_us[rows, chosen].sum()),
        )


def members(deployments: int) -> npt.NDArray[np.bool_]:
    """Return which deployments each set holds.

    Examples
    --------
    >>> members(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    return (np.arange(1 << deployments)[:, None] >> np.arange(deployments) & 1).astype(np.bool_)


def with_hours(router: Router, hours: dict[int, Hours]) -> Router:
    """Return a router of which some deployments, by index, have other hours."""
    return Router(
        [_having(d, hours[i]) if i in hours else d for i, d in enumerate(router.deployments)], router.call_policy
    )


def _having(deployment: Deployment, hours: Hours) -> Deployment:
    windows = {"time_constraints": hours.time_constraints, "available": hours.available}
    return deployment.model_copy(update=windows)


def slot_costs(
    router: Router,
    trace: Trace,
    scenario: Scenario,
    grid: Grid,
    free: Sequence[int],
    late_us: Iterable[int] = (),
    *,
    priced: bool = True,
) -> SlotCosts:
    """Replay a trace once for each set of deployments, and add up what became of the calls of each slot.

    Parameters
    ----------
    router : Router
    trace : Trace
    scenario : Scenario
    grid : Grid
    free : sequence of int
        The deployments to decide on; the others keep their windows.
    late_us : iterable of int
        Latencies in microseconds to count calls beyond.
    priced : bool
        Whether costs are wanted.

    Raises
    ------
    ReplayError
        If there are too many sets, or the cost of a call is not known.
    """
    sets = 1 << len(free)
    if sets * len(grid) > MOST_CELLS:
        started = perf_counter()
        replayed(Prepared(router, scenario), trace)
        raise ReplayError(_too_many(len(grid), len(free), perf_counter() - started))
    slot, size = grid.slot_of(trace.at_us), len(grid)
    calls = np.bincount(slot, minlength=size)
    unserved, waiting_us = (np.zeros((size, sets), np.int64) for _ in range(2))
    unserved[:, 0] = calls
    cost = np.zeros((size, sets), object)
    late = {limit_us: np.zeros((size, sets), np.int64) for limit_us in late_us}
    holds = members(len(free))
    first = 0 if len(free) < len(router.deployments) else 1  # without any, nobody serves: nothing to replay
    for number in progress(range(first, sets), sets - first, "replay"):
        hours = {d: Hours() if is_open else NEVER_OPEN for d, is_open in zip(free, holds[number], strict=True)}
        run = replayed(Prepared(with_hours(router, hours), scenario), trace)  # that of today's windows was checked
        served = run._calls.served_by != NOBODY
        latency_us = np.where(served, run._calls.latency_us, 0)
        unserved[:, number] = np.bincount(slot[~served], minlength=size)
        waiting_us[:, number] = _sums(latency_us, slot, size)
        for limit_us, table in late.items():
            table[:, number] = np.bincount(slot[latency_us > limit_us], minlength=size)
        if priced:
            by_call = run.ledger.of_calls()
            _check_known(run, by_call)
            cost[:, number] = _sums(by_call, slot, size)
    return SlotCosts(grid, tuple(free), calls, unserved, cost, waiting_us, late)


def _sums(amounts: npt.NDArray[Any], slot: Int64s, size: int) -> npt.NDArray[np.object_]:
    """Return the exact sum of each slot, as Python's integers."""
    total = np.zeros((2, size), amounts.dtype)
    for part, values in zip(total, (amounts & _LOW, amounts >> _BITS), strict=True):  # 64 bits hold the sums of both
        np.add.at(part, slot, values)
    low, high = total.astype(object)
    whole: npt.NDArray[np.object_] = low + high * (1 << _BITS)
    return whole


def _check_known(run: Replay, by_call: npt.NDArray[np.object_] | Int64s) -> None:
    unknown = int(np.count_nonzero(by_call < 0))
    if unknown:
        unpriced = [
            repr(name) for name, price in zip(run.deployments, run.ledger.prices.prices, strict=True) if price is None
        ]
        why = f"no price is known of {listed(unpriced)}" if unpriced else "the trace does not say their tokens"
        raise ReplayError(
            f"the cost of {counted(unknown, 'call')} is not known, as {why}: the cheapest windows cannot be told."
        )


def _too_many(slots: int, deployments: int, replay_s: float) -> str:
    most = max(n for n in range(1, 20) if (1 << n) * slots <= MOST_CELLS)
    sets = (1 << deployments) - 1
    return (
        f"{deployments} deployments can be open in {sets:,} ways, each of which takes a replay, of about "
        f"{duration(replay_s, 'rounded')} here: {duration(replay_s * sets, 'rounded')} in all. "
        f"With {slots:,} slots windows of up to {most} deployments are chosen "
        f"(about {duration(replay_s * ((1 << most) - 1), 'rounded')} of replays): "
        "name those whose windows shall stay in fixed=[...]."
    )
