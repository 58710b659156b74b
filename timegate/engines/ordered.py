"""Replays of calls that touch each other: the event loop over a trace, or over the parts of one as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from copy import copy, deepcopy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.router import Router
from timegate.engines.compiling import announced_compilation
from timegate.engines.events import FINISHED, FULL, ROWS_FULL, run_events
from timegate.engines.flights import Loop, LoopLog, new_loop, with_more_room
from timegate.engines.order import Orders
from timegate.engines.plan import Plan, Policies, make_plan, make_policies
from timegate.engines.record import Attempts, Calls
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["NOTHING", "NO_LOG", "Ended", "OrderedReplay", "replay_in_order", "shares"]

NOTHING: npt.NDArray[np.int64] = np.empty(0, np.int64)
NO_LOG = LoopLog(np.empty((0, 4), np.int64), np.empty((0, 3), np.int64), NOTHING)
_UNDER_WAY = -1  # in the place of an outcome
_ROWS = 1 << 10  # of attempts, to begin with


def shares(router: Router, injector: Injector) -> bool:
    """Whether calls touch each other: then they are events in one order, and cannot be replayed in parallel."""
    return router.shares or bool(injector.providers())


class _Arrivals(NamedTuple):
    """Arrivals as the kernel takes them."""

    at_us: npt.NDArray[np.int64]
    preferred: npt.NDArray[np.int32]
    prompts: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    cached: npt.NDArray[np.int64]

    @classmethod
    def of(cls, trace: Trace, policies: Policies) -> _Arrivals:
        cached = trace.cached_question_tokens if policies.providers["cache_aware"].any() else NOTHING
        return cls(trace.at_us, trace.preferred, trace.question_tokens, trace.answer_tokens, cached)


def replay_in_order(
    plan: Plan,
    policies: Policies,
    trace: Trace,
    calls: Calls,
    rows: Attempts | None = None,
    row_of: npt.NDArray[np.int64] = NOTHING,
    log: LoopLog = NO_LOG,
    *,
    log_grows: bool = True,
) -> LoopLog:
    """Replay a whole trace, and write its calls; its attempts, too, if there is room for them. Return the log.

    Parameters
    ----------
    plan : Plan
    policies : Policies
        Of which the state changes.
    trace : Trace
    calls : Calls
    rows : Attempts, optional
    row_of : ndarray of int64
        Where the attempts of each call begin in ``rows``.
    log : LoopLog, optional
        Where to begin to write who was passed over, and who cooled. Default: that is not wanted.
    log_grows : bool
        Whether a log that is full grows; else it is given up, and :data:`NO_LOG` returned.
    """
    loop = new_loop(plan.is_open.shape[1], len(policies.providers))
    rows = Attempts.empty(0) if rows is None else rows
    return _go_on(
        plan, policies, loop, 0, _Arrivals.of(trace, policies), calls, rows, row_of, log,
        more=False, log_grows=log_grows,
    )[2]  # fmt: skip


def _go_on(
    plan: Plan,
    policies: Policies,
    loop: Loop,
    first: int,
    arrivals: _Arrivals,
    calls: Calls,
    rows: Attempts,
    row_of: npt.NDArray[np.int64],
    log: LoopLog,
    *,
    more: bool,
    log_grows: bool = True,
) -> tuple[Loop, Attempts, LoopLog]:
    """Run the loop until it knows nothing more; between its stops Python hears an interrupt."""
    orders, status = Orders.of(plan), FULL
    with announced_compilation("the engine for calls that share state"):
        while status != FINISHED:
            status = run_events(plan, policies, orders, loop, log, first, *arrivals, calls, rows, row_of, more)
            if status == FULL:
                loop = with_more_room(loop)
            elif status == ROWS_FULL:
                rows = rows.joined(Attempts.empty(len(rows.call)))
                log = log.with_more_room() if log_grows else NO_LOG
    return loop, rows, log


class Ended(NamedTuple):
    """A part of a trace whose calls have all ended.

    Attributes
    ----------
    first : int
        The number of its first call.
    trace : Trace
    calls : Calls
    attempts : Attempts
        With the numbers of calls of the whole trace; empty if they are not kept.
    """

    first: int
    trace: Trace
    calls: Calls
    attempts: Attempts


class OrderedReplay:
    """A replay of the parts of a trace as they come. A part is given back once all of its calls have ended.

    Parameters
    ----------
    router : Router
    injector : Injector
    keeps_attempts : bool
    """

    def __init__(self, router: Router, injector: Injector, keeps_attempts: bool = False) -> None:
        self._router, self._injector = router, injector
        self._policies = make_policies(router, injector)
        self._loop = new_loop(len(router.deployments), len(self._policies.providers))
        self._first = 0  # the number of the first call that is kept
        self._pending: deque[Trace] = deque()
        self._arrivals = _Arrivals(NOTHING, np.empty(0, np.int32), NOTHING, NOTHING, NOTHING)
        self._calls = Calls.empty(0, self._keeps_first)
        self._rows = Attempts.empty(_ROWS if keeps_attempts else 0)  # of calls that are kept

    def copy(self) -> OrderedReplay:
        """Return a replay that stands where this one does, and goes on by itself."""
        other = copy(self)
        written = self._policies, self._loop, self._calls, self._rows
        other._policies, other._loop, other._calls, other._rows = deepcopy(written)
        other._pending = self._pending.copy()
        return other

    @property
    def _keeps_first(self) -> bool:
        return not self._router.fixed_first

    def add(self, trace: Trace) -> list[Ended]:
        """Replay up to the last arrival of the next part; return the parts that have ended."""
        start_us = int(self._arrivals.at_us[0]) if len(self._arrivals.at_us) else trace.span_us[0]
        kept = len(self._arrivals.at_us)
        self._pending.append(trace)
        self._arrivals = _Arrivals(*_joined(self._arrivals, _Arrivals.of(trace, self._policies)))
        fresh = Calls.empty(len(trace), self._keeps_first)
        fresh.outcome[:] = _UNDER_WAY
        self._calls = Calls(*_joined(self._calls, fresh))
        self._loop.counters[0] = kept
        return self._run(start_us, trace, more=True)

    def finish(self) -> list[Ended]:
        """Let all calls end; return the parts that had not yet."""
        return self._run(int(self._arrivals.at_us[0]), self._pending[-1], more=False) if self._pending else []

    def _run(self, start_us: int, trace: Trace, *, more: bool) -> list[Ended]:
        plan = make_plan(self._router, self._injector, (start_us, trace.span_us[1]), trace.preferred_names)
        self._loop.counters[3] = 0
        self._loop.block_of[:, 0] = -1  # cells are those of another plan
        calls, rows = self._calls, self._rows
        self._loop, rows, _ = _go_on(
            plan, self._policies, self._loop, self._first, self._arrivals, calls, rows, NOTHING, NO_LOG, more=more
        )
        made, ended = rows.part(slice(int(self._loop.counters[4]))), []
        made = made.part(np.argsort(made.call, kind="stable"))  # those of one call end in their order
        under_way = np.flatnonzero(self._calls.outcome == _UNDER_WAY)
        most = int(under_way[0]) if len(under_way) else len(self._calls.outcome)
        while self._pending and len(self._pending[0]) <= most:
            part = self._pending.popleft()
            size = len(part)
            its = int(np.searchsorted(made.call, self._first + size))
            ended.append(Ended(self._first, part, self._calls.part(slice(size)), made.part(slice(its))))
            made = made.part(slice(its, None))
            rest: list[Any] = [column[size:] for column in self._arrivals]
            self._arrivals = _Arrivals(*rest)
            self._calls = self._calls.part(slice(size, None))
            self._first, most = self._first + size, most - size
        self._loop.counters[0], self._loop.counters[4] = len(self._arrivals.at_us), len(made.call)
        self._rows = made.joined(Attempts.empty(_ROWS if len(rows.call) else 0))
        return ended


def _joined(some: Sequence[Any], more: Sequence[Any]) -> list[Any]:
    """Return columns with others below them."""
    return [np.concatenate(pair) for pair in zip(some, more, strict=True)]
