"""The compiled engine's inner loops: the one permitted restatement of ``routing.py`` and ``stepped.py``.

Hold :func:`route_calls` against them line by line. The differential test holds its results to theirs, bit for
bit.
"""

from __future__ import annotations

import numpy as np

from timegate.core.columns import BLOCKED, FAILED, FALLBACK, FIRST_CHOICE, OK
from timegate.core.draws import BLOCK, hourly_rate, lognormal_us, lognormals_us, slowed_us, token_latency_us, uniform
from timegate.core.jit import inlined, jit
from timegate.engines.record import NOBODY
from timegate.faults.rules import CERTAIN, CHANCE, HOURLY, LOGNORMAL, SLOWDOWN, TOKENS

__all__ = ["replay_calls", "route_calls"]

NEVER, BY_LATENCY, BY_CHANCE = range(3)


@inlined()
def answer_us(first_rule, last_rule, kinds, a, b, k0, k1, call, tokens):  # type: ignore[no-untyped-def]
    """Return how long an answer takes: the sum of the latencies among the rules that act, slowed down."""
    latency_us = 0
    for rule in range(first_rule, last_rule):
        if kinds[rule] == LOGNORMAL:
            latency_us += lognormal_us(a[rule], b[rule], k0[rule], k1[rule], call, 0)
        elif kinds[rule] == TOKENS:
            latency_us += token_latency_us(a[rule], b[rule], tokens)
        elif kinds[rule] == SLOWDOWN:
            latency_us = slowed_us(latency_us, a[rule])
    return latency_us


@jit()
def route_calls(plan, first, at_us, preferred, tokens, calls, rows, row_of):  # type: ignore[no-untyped-def]
    """Route calls one by one.

    Parameters
    ----------
    plan : Plan
    first : int
        Number of the first call, which its draws depend on.
    at_us, preferred : ndarray
        Arrivals in order, and the number of the preferred name of each, -1 for none.
    tokens : ndarray, or None
        The length of each answer.
    calls : tuple of ndarray
        The columns of :class:`Calls`, to be written.
    rows : tuple of ndarray, or None
        The columns of :class:`Attempts`, to be written if given.
    row_of : ndarray, or None
        Where the attempts of each call begin in ``rows``.

    Returns
    -------
    int
        What calls of the same preference differ in: ``NEVER``, in nothing; ``BY_LATENCY``, in how long the answer
        takes; ``BY_CHANCE``, in more.
    """
    # Taken apart here: within the loop, every access through a tuple would count references.
    served_by, outcome, attempts, latency = calls
    (edges_us, is_open, open_count, open_order, bounds,
     kinds, a, b, k0, k1, outcomes, after_us, hourly_rates, preferences, first_choices) = plan  # fmt: skip
    varies = NEVER

    epoch = np.searchsorted(edges_us, at_us[0], side="right") - 1
    for i in range(len(at_us)):
        while edges_us[epoch + 1] <= at_us[i]:
            epoch += 1
        clock_us, now, tried, server = at_us[i], epoch, 0, NOBODY

        # Router.order: the open deployments in config order, the preferred one first if it is open.
        preference = preferences[preferred[i] + 1]
        prefers = preference >= 0 and is_open[epoch, preference]
        for place in range(-1 if prefers else 0, open_count[epoch]):
            deployment = preference if place < 0 else open_order[epoch, place]
            if prefers and place >= 0 and deployment == preference:
                continue

            # Injector.attempt, for the rules that act now.
            while edges_us[now + 1] <= clock_us:
                now += 1
            cell = now * is_open.shape[1] + deployment
            result, latency_us = OK, 0
            for rule in range(bounds[cell], bounds[cell + 1]):
                if kinds[rule] == CERTAIN:
                    result, latency_us = outcomes[rule], after_us[rule]
                    break
                if kinds[rule] == CHANCE or kinds[rule] == HOURLY:
                    varies = BY_CHANCE
                    rate = a[rule]
                    if kinds[rule] == HOURLY:
                        rate = hourly_rate(hourly_rates[int(b[rule])], a[rule], clock_us)
                    if uniform(k0[rule], k1[rule], first + i, 0) < rate:
                        result, latency_us = outcomes[rule], after_us[rule]
                        break
            if result == OK:
                length = 0 if tokens is None else tokens[i]
                latency_us = answer_us(bounds[cell], bounds[cell + 1], kinds, a, b, k0, k1, first + i, length)
                if varies == NEVER and bounds[cell] < bounds[cell + 1] and kinds[bounds[cell + 1] - 1] >= LOGNORMAL:
                    varies = BY_LATENCY
            elif latency_us > 0:
                varies = BY_CHANCE  # the next attempt starts at another instant, perhaps in another epoch

            # Router.route: the first answer is returned, any failure moves on.
            if rows is not None:
                row = row_of[i] + tried
                rows[0][row] = first + i
                rows[1][row] = tried + 1
                rows[2][row] = deployment
                rows[3][row] = clock_us
                rows[4][row] = result
                rows[5][row] = latency_us
            tried += 1
            clock_us += latency_us
            if result == OK:
                server = deployment
                break

        # record.classify
        served_by[i] = server
        if server == NOBODY:
            outcome[i] = FAILED if tried else BLOCKED
        else:
            outcome[i] = FIRST_CHOICE if server == first_choices[preferred[i] + 1] else FALLBACK
        attempts[i] = tried
        latency[i] = clock_us - at_us[i]
    return varies


@jit()
def add_answer_times(plan, epoch, first, served_by, tokens, latency):  # type: ignore[no-untyped-def]
    """Add how long the answers take of consecutive calls, served in an epoch in which nothing is left to chance.

    What :func:`answer_us` does call by call, done rule by rule for blocks of calls.
    """
    kinds, a, b, k0, k1, bounds = plan.kind, plan.a, plan.b, plan.k0, plan.k1, plan.rule_bounds
    cells = epoch * plan.is_open.shape[1]
    most_rules = np.diff(bounds[cells : cells + plan.is_open.shape[1] + 1]).max()
    median_us, sigma, out_us = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    key0, key1 = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    for lo in range(0, len(served_by), BLOCK):
        size = min(BLOCK, len(served_by) - lo)
        for place in range(most_rules):
            draws = False
            for j in range(size):
                median_us[j], sigma[j] = 0.0, 0.0
                server = served_by[lo + j]
                if server == NOBODY or bounds[cells + server] + place >= bounds[cells + server + 1]:
                    continue
                rule = bounds[cells + server] + place
                if kinds[rule] == LOGNORMAL:
                    median_us[j], sigma[j], key0[j], key1[j] = a[rule], b[rule], k0[rule], k1[rule]
                    draws = True
                elif kinds[rule] == TOKENS:
                    length = 0 if tokens is None else tokens[lo + j]
                    latency[lo + j] += token_latency_us(a[rule], b[rule], length)
                elif kinds[rule] == SLOWDOWN:
                    latency[lo + j] = slowed_us(latency[lo + j], a[rule])
            if draws:
                lognormals_us(median_us, sigma, key0, key1, first + lo, size, out_us)
                for j in range(size):
                    latency[lo + j] += int(out_us[j])


@jit()
def replay_calls(plan, first, at_us, preferred, tokens, calls):  # type: ignore[no-untyped-def]
    """Replay calls epoch by epoch; parameters as those of :func:`route_calls`.

    In an epoch where nothing is left to chance, all calls with the same preference fare alike: one of each is
    routed, and the others are copies, but for the time that their answers take. Measured on a day of windows and
    outages, this is ten times faster than to route each.
    """
    served_by, outcome, attempts, latency = calls
    names = len(plan.preference)
    each_name = np.arange(names, dtype=np.int32) - 1
    says = (np.empty(names, np.int16), np.empty(names, np.int8), np.empty(names, np.int16), np.empty(names, np.int64))
    says_served_by, says_outcome, says_attempts, _ = says

    lo = 0
    while lo < len(at_us):
        epoch = np.searchsorted(plan.edges_us, at_us[lo], side="right") - 1
        hi = lo + np.searchsorted(at_us[lo:], plan.edges_us[epoch + 1])
        varies = route_calls(plan, 0, np.full(names, at_us[lo]), each_name, None, says, None, None)
        if varies == BY_CHANCE:
            part = (served_by[lo:hi], outcome[lo:hi], attempts[lo:hi], latency[lo:hi])
            lengths = None if tokens is None else tokens[lo:hi]
            route_calls(plan, first + lo, at_us[lo:hi], preferred[lo:hi], lengths, part, None, None)
        else:
            for i in range(lo, hi):
                name = np.uint32(preferred[i] + 1)  # unsigned: no check for an index below 0
                served_by[i] = says_served_by[name]
                outcome[i] = says_outcome[name]
                attempts[i] = says_attempts[name]
                latency[i] = 0
        if varies == BY_LATENCY:
            lengths = None if tokens is None else tokens[lo:hi]
            add_answer_times(plan, epoch, first + lo, served_by[lo:hi], lengths, latency[lo:hi])
        lo = hi
