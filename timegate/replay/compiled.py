"""The compiled engine: a numba kernel over the plan, on all cores."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import numpy as np

from timegate.faults.injection import Injector
from timegate.replay.kernel import replay_calls
from timegate.replay.plan import Plan, make_plan
from timegate.replay.progress import progress
from timegate.replay.record import Attempts, Calls
from timegate.routing import Router
from timegate.traffic.trace import Trace

__all__ = ["attempts", "run"]

_CHUNK = 1 << 18  # calls; a few milliseconds, so that an interrupt is soon heard


def run(router: Router, trace: Trace, injector: Injector, threads: int | None = None) -> Calls:
    """Replay a trace.

    Parameters
    ----------
    router : Router
    trace : Trace
    injector : Injector
    threads : int, optional
        Default: the number of cores that this process may use.
    """
    calls = Calls.empty(len(trace))
    _drive(make_plan(router, trace, injector), trace, injector, calls, None, None, threads)
    return calls


def attempts(router: Router, trace: Trace, injector: Injector, calls: Calls) -> Attempts:
    """Replay a trace again and record the attempts, whose number is known from the calls."""
    row_of = np.concatenate([[0], np.cumsum(calls.attempts, dtype=np.int64)])
    made = Attempts.empty(int(row_of[-1]))
    _drive(make_plan(router, trace, injector), trace, injector, Calls.empty(len(trace)), made, row_of, None)
    return made


def _drive(
    plan: Plan,
    trace: Trace,
    injector: Injector,
    calls: Calls,
    made: Attempts | None,
    row_of: np.ndarray[Any, np.dtype[np.int64]] | None,
    threads: int | None,
) -> None:
    """Run the kernel over chunks of the trace in threads; numba lets go of the interpreter's lock."""
    tokens = trace.completion_tokens if injector.needs_tokens else None
    rows = None if made is None else _columns(made)

    def replay_chunk(first: int) -> None:
        stop = min(first + _CHUNK, len(trace))
        replay_calls(plan, trace.at_us, trace.preferred, tokens, first, stop, _columns(calls), rows, row_of)

    starts = range(0, len(trace), _CHUNK)
    with _compile_notice():
        replay_chunk(0)  # before the threads, so that only one of them compiles
    if len(starts) == 1:
        return
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        try:
            for _ in progress(pool.map(replay_chunk, starts[1:]), len(starts) - 1, unit="chunk"):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _columns(record: Calls | Attempts) -> tuple[Any, ...]:
    return tuple(getattr(record, field.name) for field in fields(record))


@contextmanager
def _compile_notice() -> Iterator[None]:
    """Say on standard error why the first replay after an installation takes long."""
    timer = threading.Timer(
        1.0,
        sys.stderr.write,
        ["timegate: compiling the replay engine; this takes about ten seconds, once.\n"],
    )
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
