"""The same traffic, more or less of it."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from timegate.errors import TraceError, shown
from timegate.traffic.trace import Trace

__all__ = ["scaled"]

MOST = 1000.0


def scaled(trace: Trace, load: float, seed: int = 0) -> Trace:
    """Return a trace with ``load`` times as many calls, in the same stretch of time and with the same rhythm.

    Below 1 each call stays with that probability. Above 1 a call has copies: ``load - 1`` on average, each at a random
    instant before the next call, with the tokens and the preference of the call. 1 is the trace itself. Under one seed
    the calls of a lower load are among those of a higher one.

    Parameters
    ----------
    trace : Trace
    load : float
        Above 0, at most 1,000.
    seed : int
        Of the draws.

    Raises
    ------
    TraceError
        If ``load`` is out of range, or no call is left.

    Examples
    --------
    >>> trace = Trace([f"2026-03-02T09:{minute:02}Z" for minute in range(60)])
    >>> [len(scaled(trace, load)) for load in (1, 2, 3)]
    [60, 120, 180]
    """
    if isinstance(load, bool) or not isinstance(load, Real) or not 0 < load <= MOST:
        raise TraceError(f"load must be a number above 0, at most {MOST:,.0f}. Got {shown(load)}.")
    whole = math.floor(load)
    generator = np.random.Generator(np.random.Philox(seed))
    size = len(trace)
    extra = generator.random(size) < load - whole  # one number a call, whatever the load is
    copies = whole + extra
    of = np.repeat(np.arange(size), copies)
    if not len(of):
        raise TraceError(f"load {load} leaves none of the {size:,} calls of the trace.")
    number = np.arange(len(of)) - np.repeat(np.cumsum(copies) - copies, copies)
    gaps_us = np.diff(trace.at_us, append=trace.at_us[-1])
    at_us = trace.at_us[of]
    for copy in range(1, int(copies.max())):
        places = np.random.Generator(np.random.Philox([seed, copy])).random(size)
        mine = number == copy
        at_us[mine] += (places * gaps_us).astype(np.int64)[of[mine]]
    order = np.argsort(at_us, kind="stable")
    of = of[order]
    made = Trace.from_arrays(
        at_us[order],
        trace.preferred[of],
        trace.preferred_names,
        *(
            None if column is None else column[of]
            for column in (trace.completion_tokens, trace.prompt_tokens, trace.cached_tokens)
        ),
    )
    made.notes = trace.notes
    return made
