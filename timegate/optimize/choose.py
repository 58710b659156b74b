"""Which windows to ship: the cheapest that keep limits, over the calls of a trace."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US
from timegate.engines.progress import progress
from timegate.errors import ReplayError
from timegate.faults import Scenario
from timegate.optimize.grid import Period
from timegate.optimize.limits import figure_of, late_us, measured, rows_of, written
from timegate.optimize.program import Program, Row, closes
from timegate.optimize.proposals import Proposal, Proposals
from timegate.optimize.schedule import Fixed, allowed_states, open_today, windows_of_slots, with_windows
from timegate.optimize.search import improved, tightened
from timegate.optimize.slots import Totals, members, slot_costs
from timegate.optimize.solver import solve
from timegate.optimize.task import Minimise, Task, number
from timegate.pointer import guided
from timegate.prices.tariff import PICO
from timegate.show.text import counted, duration, listed
from timegate.traffic.trace import Trace

__all__ = ["optimise"]

Int64s = npt.NDArray[np.int64]
_WINDOW_SHARE = 10_000  # a window must save a ten-thousandth of what today's schedule comes to
_POINTS = 8  # of the frontier, between its ends
_POINT_S = 5.0  # that the program of each may take
_RUNG = 0.1  # of the time left, that a program of tied slots may take


@guided()
def optimise(
    config: GatewayConfig | str | Path,
    traffic: Trace | pd.DataFrame | pd.DatetimeIndex | str | Path,
    scenario: Scenario | str | Path | None = None,
    *,
    minimise: Minimise = "cost",
    limits: Mapping[str, float] | None = None,
    period: Period = "week",
    step: str = "15min",
    tz: str = "UTC",
    most_windows: int = 2,
    shortest: str = "1h",
    fixed: Sequence[Fixed] = (),
    window_price: float | None = None,
    tolerance: float = 0.002,
    time_limit_s: float = 60.0,
) -> Proposals:
    """Choose the windows of deployments: who is open in each slot of a week or a day.

    Where calls share no state, the choice is exact for the calls of the trace: see :mod:`timegate.optimize.slots`.
    With cooldowns, limits or capacities it is a start, from which schedules are tried by replay: ``heuristic`` says so.
    Either way a saving is one on the very calls that it was chosen on: :func:`timegate.walk_forward` judges it on
    others.

    Parameters
    ----------
    config : GatewayConfig or path
        As it is today. Its order, policies and prices stay.
    traffic : Trace, DataFrame, DatetimeIndex or path
        At least as long as the period. Weeks are laid on top of each other.
    scenario : Scenario or path, optional
        What fails. Default: nothing.
    minimise : {"cost", "failed"}
    limits : mapping of str to float, optional
        What a schedule must keep over the trace: ``failed`` (share of the calls that nobody serves; by default
        that of today, for what fails costs nothing), ``cost_usd`` (or another currency), ``latency_mean_s``, or a
        quantile such as ``latency_p95_s``.
    period : {"week", "day"}
    step : str
        The length of a slot: whole minutes that divide a day.
    tz : str
        The zone of slots and windows.
    most_windows : int
        How often a day a deployment may close.
    shortest : str
        How long a deployment stays closed at least, and open between two windows.
    fixed : sequence
        A name leaves a deployment its windows of today. ``("strong", "closed", ["02:00", "04:00"])`` keeps it closed
        then, and ``"open"`` open. What is not fixed is free to change.
    window_price : float, optional
        What each closing in a period that today's schedule has not must save over the trace, in the currency (or in
        calls). Default: a ten-thousandth of today's cost. Of schedules that are worth the same, the one nearest to
        today's is chosen.
    tolerance : float
        By which share a schedule that is simpler to say may be worse than the best: the same hours every day, or on
        weekdays and at weekends, or whole hours.
    time_limit_s : float
        How long the search for the best schedule may take, the replays of slots before it included.

    Returns
    -------
    Proposals
        Ctrl-C ends the search with the best so far, which are today's windows until others were found.

    Raises
    ------
    ReplayError
        If no schedule keeps the limits (the message says which, and what can be had), the trace is shorter than the
        period, prices are missing, ``fixed`` contradicts itself, or there are too many deployments.

    Examples
    --------
    >>> import pandas as pd
    >>> import timegate as tg
    >>> peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [peak]}},
    ...     {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}},
    ... ])
    >>> calls = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
    >>> tg.optimise(config, calls, period="day").best.deployments[0].time_constraints
    (Window('08:00', '18:00', end_included=False),)
    """
    began_s = monotonic()
    task = Task.read(config, traffic, scenario, minimise, limits, period, step, tz, most_windows, shortest, fixed)
    price = number("window_price", window_price, 0) if window_price is not None else None
    tolerance, time_limit_s = number("tolerance", tolerance, 0), number("time_limit_s", time_limit_s, 0)
    try:
        return _Chooser(task, price).proposals(tolerance, began_s, time_limit_s)
    except KeyboardInterrupt:
        return _unchanged(task)


def _unchanged(task: Task) -> Proposals:
    """Propose today's windows: somebody ended the search before it had found any others."""
    is_open = open_today(task.router.timetable, task.grid, task.trace.span_us[0])
    today = Proposal("today", task.config, Totals.of(task.today, task.priced), is_open)
    return Proposals(
        task.config,
        task.trace,
        task.scenario,
        best=today._replace(name="best"),
        today=today,
        others=tuple,
        grid=task.grid,
        limits=task.limits,
        gap=math.nan,
        words="the windows of today",
        notes=[],
        heuristic=False,
        interrupted=True,
    )


class _Chooser:
    """Makes proposals of a task."""

    def __init__(self, task: Task, window_price: float | None) -> None:
        self.task = task
        self.shares = task.shares()
        grid, free = task.grid, list(task.free)
        names = [task.config.deployments[i].name for i in free]
        may_open, may_close = allowed_states(task.rules, names, grid)
        self.open_today = open_today(task.router.timetable, grid, task.trace.span_us[0])
        self.costs = slot_costs(
            task.router, task.trace, task.scenario, grid, free, late_us(task.limits), priced=task.priced
        )
        self.holds = members(len(free))
        barred = (self.holds & ~may_open[:, None]) | (~self.holds & ~may_close[:, None])
        self.allowed: npt.NDArray[np.bool_] = ~np.any(barred, axis=2)
        others = [i for i in range(len(task.config.deployments)) if i not in free]
        self.allowed[:, 0] &= self.open_today[:, others].any(axis=1)
        closed = np.flatnonzero(~self.allowed.any(axis=1))
        if len(closed):
            raise ReplayError(
                f"fixed leaves {counted(len(closed), 'slot')} of {len(grid):,} in which nobody may be open, "
                f"the first of them number {closed[0]}."
            )
        priced = task.priced
        self.today = Totals.of(task.today, priced)
        if task.minimise == "cost":
            self.unit, price, whole = PICO, self.costs.cost, self.today.cost
        else:
            self.unit, whole = 10**6, self.today.unserved * 10**6
            price = self.costs.unserved.astype(object) * self.unit
        self.window_price = whole // _WINDOW_SHARE if window_price is None else round(window_price * self.unit)
        # Of equal schedules the nearest; where nothing is known, to join windows is worth the shortest one at most.
        near = np.full(len(grid), self.window_price // (4 * len(grid) * len(free)), object)
        near[self.costs.calls == 0] = self.window_price // task.shortest
        differing = (self.holds != self.open_today[:, None, free]).sum(axis=2)
        self.program = Program(
            price + near[:, None] * differing.astype(object),
            rows_of(self.costs, task.limits),
            self.allowed,
            np.arange(len(grid)),
            grid.per_day,
            task.most_windows,
            task.shortest,
            self.window_price,
            closes(self.open_today[:, free]),
        )

    def proposals(self, tolerance: float, began_s: float, time_limit_s: float) -> Proposals:
        """Choose."""
        task, until = self.task, began_s + time_limit_s
        found, bound, interrupted = self._climb(until)
        if not found and self.shares:  # what the sums of slots say of limits is not the last word there
            self.program = self.program._replace(rows=())
            found, bound, interrupted = self._climb(until)
        if not found:
            raise ReplayError(self._unreachable() if bound == math.inf else self._out_of_time(time_limit_s))
        least = min(program.value(chosen) for _, program, chosen in found)
        words, program, chosen = next(f for f in found if f[1].value(f[2]) <= least + tolerance * abs(least))
        if self.shares:
            starts = [tightened(program, chosen, self._measured, self._by_replay, until)]
            without = solve(program._replace(rows=()), None, _POINT_S).chosen  # sums may take for broken what is not
            starts += [] if without is None else [without]
            chosen = min(starts, key=self._by_replay)
            chosen, interrupted = improved(program, chosen, self._by_replay, until)
            over, value = self._by_replay(chosen)
            best, least, bound = self.proposal("best", chosen), value, -math.inf
            if over and not self._today_keeps_all():
                raise ReplayError(f"no schedule was found that keeps the limits: {self._kept(best.config)}.")
        else:
            best, value, over = self.proposal("best", chosen), program.value(chosen), 0
        today = Proposal("today", task.config, self.today, self.open_today)
        unchanged = self._value_of(self.today)
        if self._today_keeps_all() and (over or unchanged <= least + tolerance * abs(least)):
            best, value, words = today._replace(name="best"), unchanged, "the windows of today"
        return Proposals(
            task.config,
            task.trace,
            task.scenario,
            best=best,
            today=today,
            others=partial(self._others, program),
            grid=task.grid,
            limits=task.limits,
            gap=math.nan if bound == -math.inf else max(0.0, value - bound) / max(abs(value), 1.0),
            words=words,
            notes=list(self._notes(best, monotonic() >= until)),
            heuristic=self.shares,
            interrupted=interrupted,
        )

    def _climb(self, until_s: float) -> tuple[list[tuple[str, Program, Int64s]], float, bool]:
        """Solve the program with slots tied ever less.

        Returns
        -------
        found : list of (str, Program, ndarray)
        bound : float
            Of all schedules, where the last was solved.
        interrupted : bool
        """
        found: list[tuple[str, Program, Int64s]] = []
        rungs, known, bound = list(self.task.grid.ties()), None, -math.inf
        try:
            for words, tie in progress(rungs, len(rungs), "program"):
                program = self.program._replace(tie=tie)
                last, left_s = len(tie) == len(np.unique(tie)), until_s - monotonic()
                choice = solve(program, known, max(left_s if last else _RUNG * left_s, 1.0))
                if choice.chosen is not None:
                    found.append((words, program, choice.chosen))
                    known = choice.chosen
                bound = choice.bound if last else -math.inf
        except KeyboardInterrupt:
            if not found:
                raise
            return found, -math.inf, True
        return found, bound, False

    def _kept(self, config: GatewayConfig) -> str:
        """Say what a schedule comes to, limit by limit."""
        run, limits = self.task.replay(config), self.task.limits
        return listed(
            f"{name} {written(name, figure_of(run, name))} where {written(name, limit)} was asked"
            for name, limit in limits.items()
        )

    def _value_of(self, totals: Totals) -> int:
        """Return what is minimised of the whole."""
        return totals.cost if self.task.minimise == "cost" else totals.unserved * self.unit

    def _today_keeps_all(self) -> bool:
        """Whether today's windows keep the limits, and what is fixed."""
        task = self.task
        sets = self.open_today[:, list(task.free)] @ (1 << np.arange(len(task.free)))
        allowed = self.allowed[np.arange(len(sets)), sets].all()
        return bool(allowed) and all(figure_of(task.today, name) <= limit for name, limit in task.limits.items())

    def config_of(self, chosen: Int64s) -> GatewayConfig:
        """Return the config with a schedule as windows."""
        is_open = self.holds[chosen]
        names = [self.task.config.deployments[i].name for i in self.task.free]
        windows = {
            name: windows_of_slots(~column, self.task.grid) for name, column in zip(names, is_open.T, strict=True)
        }
        return with_windows(self.task.config, windows)

    def proposal(self, name: str, chosen: Int64s) -> Proposal:
        """Return a schedule with its config and what it comes to."""
        config = self.config_of(chosen)
        totals = self.costs.totals(chosen)
        if self.shares:  # then only a replay knows
            totals = Totals.of(self.task.replay(config), self.task.priced)
        is_open = self.open_today.copy()
        is_open[:, self.task.free] = self.holds[chosen]
        return Proposal(name, config, totals, is_open)

    def _by_replay(self, chosen: Int64s) -> tuple[int, int]:
        """Judge a schedule where costs of slots do not add up: by how much it exceeds limits, and its value."""
        task = self.task
        run = task.replay(self.config_of(chosen))
        totals = Totals.of(run, task.priced)
        over = sum(
            math.ceil(max(figure_of(run, name) - limit, 0.0) / max(limit, 1e-9) * 10**6)
            for name, limit in task.limits.items()
        )
        slots = np.arange(len(chosen))
        beside = self.program.value(chosen) - int(self._price_alone()[slots, chosen].sum())  # what windows are priced
        return over, self._value_of(totals) + beside

    def _measured(self, chosen: Int64s) -> list[int]:
        return measured(self.task.replay(self.config_of(chosen)), self.task.limits)

    def _always(self) -> Int64s:
        """Return the schedule of the most deployments that may be open in each slot."""
        many = np.where(self.allowed, self.holds.sum(axis=1), -1)
        best: Int64s = many.argmax(axis=1)
        return best

    def _others(self, program: Program) -> Iterator[Proposal]:
        """Give all that is always open, and the frontier: the cheapest under ever other limits on failures."""
        yield self.proposal("always open", self._always())
        if self.shares or not self.task.priced:
            return
        others = tuple(row for row in program.rows if row.name != "failed")
        price = self.costs.cost + (program.price - self._price_alone())
        cheapest = program._replace(price=price, rows=others)
        unserved = self.costs.unserved
        ends = [
            solve(p, None, _POINT_S).chosen
            for p in (cheapest, cheapest._replace(price=unserved.astype(object) * 10**6))
        ]
        if any(end is None for end in ends):
            return
        most, least = (self.costs.totals(end).unserved for end in ends if end is not None)
        for level in progress(
            np.unique(np.linspace(least, most, _POINTS + 2).round().astype(int)).tolist(), None, "point"
        ):
            choice = solve(cheapest._replace(rows=(*others, Row("failed", unserved, level))), None, _POINT_S)
            if choice.chosen is not None:
                yield self.proposal("", choice.chosen)

    def _price_alone(self) -> npt.NDArray[Any]:
        return self.costs.cost if self.task.minimise == "cost" else self.costs.unserved.astype(object) * self.unit

    def _unreachable(self) -> str:
        """Say which limits no schedule keeps, and what can be had."""
        rows = self.program.rows
        if not rows or solve(self.program._replace(rows=()), None, _POINT_S).bound == math.inf:
            length = duration(self.task.shortest * self.task.grid.step_us / SECOND_US)
            return (
                "no schedule keeps to most_windows, shortest and fixed: allow more windows, or shorter ones. "
                f"Got {self.task.most_windows} a day of at least {length}."
            )
        for row in rows:
            if (said := self._nearest(row, ())) is not None:
                return f"no schedule keeps the limit {row.name} {written(row.name, self.task.limits[row.name])}: {said}"
        row = rows[0]
        said = self._nearest(row, rows[1:]) or "each of them alone can be kept."
        named = listed(f"{r.name} {written(r.name, self.task.limits[r.name])}" for r in rows)
        return f"no schedule keeps the limits {named} together: with the others kept, {said}"

    def _nearest(self, row: Row, others: tuple[Row, ...]) -> str | None:
        """Say what can be had of a limit, or None if it can be kept."""
        program = self.program._replace(price=row.each.astype(object), rows=others, window_price=0)
        nearest = solve(program, None, _POINT_S).chosen
        if nearest is None or row.of(nearest) <= row.most:
            return None
        run = self.task.replay(self.config_of(nearest))
        return f"the least is {row.name} {written(row.name, figure_of(run, row.name))}."

    def _out_of_time(self, time_limit_s: float) -> str:
        return (
            f"no schedule was found in {duration(time_limit_s)}: give time_limit_s more, a longer step, or fix some "
            "deployments."
        )

    def _notes(self, best: Proposal, ran_out: bool) -> Iterator[str]:
        """Say what the trace does not tell, and whether there was time enough."""
        if ran_out:
            yield "time_limit_s ended the search: a longer step, or more in fixed, leaves less to choose"
        empty = self.costs.calls == 0
        if empty.any():
            differ = (best.is_open != self.open_today).any(axis=1) & empty
            also = f", but {differ.sum():,}, to join windows" if differ.any() else ""
            yield f"{empty.sum():,} of {len(empty):,} slots have no calls: they stay as they are today{also}"
