"""The compiled engine's inner loop: the one permitted restatement of ``routing.py`` and ``stepped.py``.

Hold it against them line by line. The differential test holds its results to theirs, bit for bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from timegate.columns import BLOCKED, FAILED, FALLBACK, FIRST_CHOICE, OK
from timegate.faults.draws import lognormal_us, token_latency_us, uniform
from timegate.faults.injection import CERTAIN, CHANCE, LOGNORMAL
from timegate.replay.record import NOBODY

__all__ = ["replay_calls"]


@njit(cache=True, nogil=True)
def make_attempt(plan, cell, call, tokens):  # type: ignore[no-untyped-def]
    """Return the outcome of an attempt and its latency: ``Injector.attempt``, for the rules that act now."""
    latency_us = 0
    for rule in range(plan.rule_bounds[cell], plan.rule_bounds[cell + 1]):
        kind = plan.kind[rule]
        if kind == CERTAIN:
            return plan.outcome[rule], plan.after_us[rule]
        if kind == CHANCE:
            if uniform(plan.k0[rule], plan.k1[rule], call, 0) < plan.a[rule]:
                return plan.outcome[rule], plan.after_us[rule]
        elif kind == LOGNORMAL:
            latency_us += lognormal_us(plan.a[rule], plan.b[rule], plan.k0[rule], plan.k1[rule], call, 0)
        else:
            latency_us += token_latency_us(plan.a[rule], plan.b[rule], tokens)
    return np.int8(OK), latency_us


@njit(cache=True, nogil=True)
def replay_calls(plan, at_us, preferred, tokens, first, stop, calls, attempt_rows, row_of):  # type: ignore[no-untyped-def]
    """Replay calls ``first`` to ``stop`` of a trace.

    Parameters
    ----------
    plan : Plan
    at_us, preferred, tokens : ndarray
        The columns of the trace; ``tokens`` may be None.
    first, stop : int
    calls : tuple of ndarray
        The columns of :class:`Calls`, to be written.
    attempt_rows : tuple of ndarray, or None
        The columns of :class:`Attempts`, to be written if given.
    row_of : ndarray of int64, or None
        Where the attempts of each call begin in ``attempt_rows``.
    """
    served_by, outcome, attempts, latency = calls
    deployments = plan.is_open.shape[1]
    epoch = np.searchsorted(plan.edges_us, at_us[first], side="right") - 1
    for call in range(first, stop):
        arrival_us = at_us[call]
        while plan.edges_us[epoch + 1] <= arrival_us:
            epoch += 1
        length = 0 if tokens is None else tokens[call]

        # Router.order: the open deployments in config order, the preferred one first if it is open.
        preference = plan.preference[preferred[call]]
        prefers = preference >= 0 and plan.is_open[epoch, preference]
        clock_us, now, tried, server = arrival_us, epoch, 0, NOBODY
        for place in range(-1 if prefers else 0, plan.open_count[epoch]):
            deployment = preference if place < 0 else plan.open_order[epoch, place]
            if prefers and place >= 0 and deployment == preference:
                continue

            # Router.route: try it; the first answer is returned, any failure moves on.
            while plan.edges_us[now + 1] <= clock_us:
                now += 1
            result, latency_us = make_attempt(plan, now * deployments + deployment, call, length)
            if attempt_rows is not None:
                row = row_of[call] + tried
                attempt_rows[0][row] = call
                attempt_rows[1][row] = tried + 1
                attempt_rows[2][row] = deployment
                attempt_rows[3][row] = clock_us
                attempt_rows[4][row] = result
                attempt_rows[5][row] = latency_us
            tried += 1
            clock_us += latency_us
            if result == OK:
                server = deployment
                break

        # classify
        served_by[call] = server
        if server == NOBODY:
            outcome[call] = FAILED if tried else BLOCKED
        else:
            outcome[call] = FIRST_CHOICE if server == plan.first_choice[preferred[call]] else FALLBACK
        attempts[call] = tried
        latency[call] = clock_us - arrival_us
