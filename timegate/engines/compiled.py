"""The compiled engine: numba kernels over the plan, on all cores where calls share nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from timegate.core.policy import NEVER
from timegate.core.router import Router
from timegate.engines.compiling import announced_compilation
from timegate.engines.flights import LoopLog
from timegate.engines.kernel import Room, record_first, replay_calls, route_calls
from timegate.engines.ordered import NO_LOG, NOTHING, replay_in_order, shares
from timegate.engines.plan import make_plan, make_policies
from timegate.engines.record import Attempts, Calls, Log
from timegate.engines.threads import in_threads
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["attempts", "log", "run", "run_and_log"]

_CHUNK = 1 << 17  # calls; about a millisecond, so that an interrupt is soon heard
_FIRST = 1 << 10
_LOG_ROOM = 1 << 14  # rows to begin with


def run(router: Router, trace: Trace, injector: Injector, threads: int | None = None, first_call: int = 0) -> Calls:
    """Replay a trace.

    Parameters
    ----------
    router : Router
    trace : Trace
    injector : Injector
    threads : int, optional
        Default: the number of cores that this process may use.
    first_call : int
        Number of the first call, where the trace is a part of a longer one.
    """
    if shares(router, injector):
        return _in_order(router, trace, injector)[0]
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    policies = make_policies(router, injector)
    calls = Calls.empty(len(trace), keeps_first=not router.fixed_first)
    none = Attempts.empty(0)
    answers = trace.answer_tokens if injector.needs_tokens else NOTHING

    def replay_chunk(part: slice) -> None:
        lengths = answers[part] if len(answers) else answers
        at_us, preferred = trace.at_us[part], trace.preferred[part]
        first = first_call + part.start
        replay_calls(plan, policies, first, at_us, preferred, lengths, calls.part(part), none, Room.of(plan))

    _by_chunk(replay_chunk, len(trace), threads)
    return calls


def run_and_log(router: Router, trace: Trace, injector: Injector) -> tuple[Calls, Callable[[], Log]]:
    """Replay a trace, and return what gives its log: the same run has written a short one, a long one takes another."""
    if not shares(router, injector):
        return run(router, trace, injector), partial(log, router, trace, injector)
    calls, kept = _in_order(router, trace, injector, _new_log(), log_grows=False)
    return calls, partial(log, router, trace, injector) if kept is NO_LOG else partial(_log_of, kept)


def attempts(
    router: Router, trace: Trace, injector: Injector, calls: Calls, threads: int | None = None, first_call: int = 0
) -> Attempts:
    """Replay a trace again and record the attempts, whose number is known from the calls; see :func:`run`."""
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    policies = make_policies(router, injector)
    row_of = np.concatenate([[0], np.cumsum(calls.attempts, dtype=np.int64)])
    made, again = Attempts.empty(int(row_of[-1])), Calls.empty(len(trace))
    if shares(router, injector):
        replay_in_order(plan, policies, trace, again, made, row_of)
        return made
    answers = trace.answer_tokens if injector.needs_tokens else NOTHING

    def replay_chunk(part: slice) -> None:
        lengths = answers[part] if len(answers) else answers
        at_us, preferred, order = trace.at_us[part], trace.preferred[part], np.empty(len(router.names), np.int64)
        first, into, begins, which = first_call + part.start, again.part(part), row_of[part], np.empty_like(at_us)
        count = record_first(first, at_us, calls.part(part), made, begins, which)
        route_calls(plan, policies, first, at_us, preferred, lengths, into, made, begins, which, count, order)

    _by_chunk(replay_chunk, len(trace), threads)
    return made


def log(router: Router, trace: Trace, injector: Injector) -> Log:
    """Replay a trace again and record who was passed over, and who cooled."""
    if not router.shares and router.call_terms.deadline_us >= NEVER:
        return Log.of()
    return _log_of(_in_order(router, trace, injector, _new_log())[1])


def _in_order(
    router: Router, trace: Trace, injector: Injector, log: LoopLog = NO_LOG, *, log_grows: bool = True
) -> tuple[Calls, LoopLog]:
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    calls = Calls.empty(len(trace), keeps_first=not router.fixed_first)
    policies = make_policies(router, injector)
    return calls, replay_in_order(plan, policies, trace, calls, log=log, log_grows=log_grows)


def _new_log() -> LoopLog:
    return LoopLog(np.empty((_LOG_ROOM, 4), np.int64), np.empty((_LOG_ROOM, 3), np.int64), np.zeros(2, np.int64))


def _log_of(kept: LoopLog) -> Log:
    return Log.of(kept.skips[: kept.counts[0]], kept.coolings[: kept.counts[1]])


def _by_chunk(replay_chunk: Callable[[slice], None], size: int, threads: int | None) -> None:
    """Replay chunks of a trace in threads; the kernels let go of the interpreter's lock."""
    some = min(_FIRST, size)
    with announced_compilation("the engine for calls by themselves"):
        replay_chunk(slice(0, some))  # before the threads, so that only one of them compiles
    parts = [slice(first, min(first + _CHUNK, size)) for first in range(some, size, _CHUNK)]
    for _ in in_threads(replay_chunk, parts, threads, "chunk"):
        pass
