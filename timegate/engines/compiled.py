"""The compiled engine: a numba kernel over the plan, on all cores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from timegate.core.routing import Router
from timegate.engines.compiling import announced_compilation
from timegate.engines.kernel import replay_calls, route_calls
from timegate.engines.plan import make_plan
from timegate.engines.record import Attempts, Calls, columns_of
from timegate.engines.threads import in_threads
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["attempts", "run"]

_CHUNK = 1 << 17  # calls; about a millisecond, so that an interrupt is soon heard
_FIRST = 1 << 10


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
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    calls = Calls.empty(len(trace))
    tokens = trace.answer_tokens if injector.needs_tokens else None

    def replay_chunk(part: slice) -> None:
        length = None if tokens is None else tokens[part]
        first = first_call + part.start
        replay_calls(plan, first, trace.at_us[part], trace.preferred[part], length, columns_of(calls, part))

    _by_chunk(replay_chunk, len(trace), threads)
    return calls


def attempts(router: Router, trace: Trace, injector: Injector, calls: Calls) -> Attempts:
    """Replay a trace again and record the attempts, whose number is known from the calls."""
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    row_of = np.concatenate([[0], np.cumsum(calls.attempts, dtype=np.int64)])
    made, again = Attempts.empty(int(row_of[-1])), Calls.empty(len(trace))
    tokens = trace.answer_tokens if injector.needs_tokens else None

    def replay_chunk(part: slice) -> None:
        length = None if tokens is None else tokens[part]
        calls, rows = columns_of(again, part), columns_of(made)
        route_calls(plan, part.start, trace.at_us[part], trace.preferred[part], length, calls, rows, row_of[part])

    _by_chunk(replay_chunk, len(trace), None)
    return made


def _by_chunk(replay_chunk: Callable[[slice], None], size: int, threads: int | None) -> None:
    """Replay chunks of a trace in threads; the kernels let go of the interpreter's lock."""
    some = min(_FIRST, size)
    with announced_compilation():
        replay_chunk(slice(0, some))  # before the threads, so that only one of them compiles
    parts = [slice(first, min(first + _CHUNK, size)) for first in range(some, size, _CHUNK)]
    for _ in in_threads(replay_chunk, parts, threads, "chunk"):
        pass
