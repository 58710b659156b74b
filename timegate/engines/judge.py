"""What becomes of attempts, compiled: one by one, and in blocks of the first attempts of consecutive calls.

:func:`judge` restates :meth:`timegate.faults.injector.Injector.attempt`; :func:`judge_block` gives the same, bit for
bit, rule by rule for many calls, which the compiler makes vector instructions of.
"""

from __future__ import annotations

import numpy as np

from timegate.core.columns import OK
from timegate.core.draws import (
    BLOCK,
    hourly_rate,
    lognormal_us,
    lognormals_us,
    slowed_us,
    token_latency_us,
    uniform,
    uniforms,
)
from timegate.core.jit import jit
from timegate.faults.rules import CERTAIN, CHANCE, HOURLY, LATENCY, TOKENS

__all__ = ["judge", "judge_block", "work_arrays"]


def work_arrays() -> tuple[np.ndarray, ...]:
    """Return what :func:`judge_block` works with: four columns to be written, and room for draws."""
    columns = [np.empty(BLOCK, np.int64) for _ in range(4)]
    draws = [np.empty(BLOCK, np.float64) for _ in range(3)]
    return (*columns, *draws, np.empty(BLOCK, np.int64))


@jit(refcount=False)
def judge(plan, cell, call, tried_before, now_us, answer):  # type: ignore[no-untyped-def]
    """Return the outcome of an attempt, how long it takes, its Retry-After, and how long nothing of an answer comes."""
    latency_us, first_us, tells_first = 0, 0, False
    for number in range(plan.rule_bounds[cell], plan.rule_bounds[cell + 1]):
        rule = plan.rules[number]
        kind = rule.kind
        if kind <= HOURLY:
            if kind == CERTAIN:
                return rule.outcome, rule.after_us, rule.retry_after_us, rule.after_us
            rate = rule.a
            if kind == HOURLY:
                rate = hourly_rate(plan.hourly_rates[int(rule.b)], rule.a, now_us)
            if uniform(rule.k0, rule.k1, call, tried_before) < rate:
                return rule.outcome, rule.after_us, rule.retry_after_us, rule.after_us
        elif kind == LATENCY:
            drawn_us = lognormal_us(rule.a, rule.b, rule.k0, rule.k1, call, tried_before)
            latency_us, first_us = latency_us + drawn_us, first_us + drawn_us
        elif kind == TOKENS:
            latency_us += token_latency_us(rule.a, rule.b, answer)
            first_us, tells_first = first_us + token_latency_us(rule.a, 0.0, 0), True
        else:
            latency_us, first_us = slowed_us(latency_us, rule.a), slowed_us(first_us, rule.a)
    return OK, latency_us, 0, first_us if tells_first else 0


@jit(refcount=False)
def judge_block(plan, cell, first, places, at_us, since_us, answers, size, tells_first, work):  # type: ignore[no-untyped-def]
    """Judge the first attempts of some calls on one deployment, all within one epoch.

    Parameters
    ----------
    plan : Plan
    cell : int
        Of the epoch and the deployment.
    first : int
        Number of the call at place 0.
    places : ndarray of int64
        Which calls.
    at_us, since_us, answers : ndarray of int64
        By place: arrivals, how long after it the attempt begins, and the length of the answer (no lengths where nothing
        depends on them).
    size : int
        How many calls there are, at most ``BLOCK``.
    tells_first : bool
        Whether to write how long nothing of an answer comes.
    work : tuple of ndarray
        From :func:`work_arrays`; the first four are written as :func:`judge` returns them.

    Returns
    -------
    takes_time : bool
        Whether any answer may take time.
    """
    outcome, took_us, retry_after_us, first_us, p, out, tail, lanes = work
    counts_tokens, takes_time = False, False
    for j in range(size):
        outcome[j], took_us[j], retry_after_us[j] = OK, 0, 0
    if tells_first:
        for j in range(size):
            first_us[j] = 0
    for number in range(plan.rule_bounds[cell], plan.rule_bounds[cell + 1]):
        rule = plan.rules[number]
        kind, a, b = rule.kind, rule.a, rule.b
        if kind <= HOURLY:
            result, after_us, wait_us = rule.outcome, rule.after_us, rule.retry_after_us
            if kind == CERTAIN:
                for j in range(size):
                    p[j], out[j] = 0.0, 1.0
            else:
                uniforms(rule.k0, rule.k1, first, places, size, p)
                if kind == CHANCE:
                    for j in range(size):
                        fails = (outcome[j] == OK) & (p[j] < a)
                        outcome[j] = result if fails else outcome[j]
                        took_us[j] = after_us if fails else took_us[j]
                        retry_after_us[j] = wait_us if fails else retry_after_us[j]
                    continue
                if kind == HOURLY:
                    for j in range(size):
                        out[j] = hourly_rate(plan.hourly_rates[int(b)], a, at_us[places[j]] + since_us[places[j]])
            for j in range(size):
                fails = (outcome[j] == OK) & (p[j] < out[j])
                outcome[j] = result if fails else outcome[j]
                took_us[j] = after_us if fails else took_us[j]
                retry_after_us[j] = wait_us if fails else retry_after_us[j]
            continue
        takes_time = True
        if kind == LATENCY:
            uniforms(rule.k0, rule.k1, first, places, size, p)
            lognormals_us(a, b, p, size, out, lanes, tail)
            for j in range(size):
                took_us[j] += np.int64(out[j]) if outcome[j] == OK else 0
            if tells_first:
                for j in range(size):
                    first_us[j] += np.int64(out[j])
        elif kind == TOKENS:
            for j in range(size):
                length = 0 if len(answers) == 0 else answers[places[j]]
                took_us[j] += token_latency_us(a, b, length) if outcome[j] == OK else 0
            counts_tokens = True
            if tells_first:
                for j in range(size):
                    first_us[j] += token_latency_us(a, 0.0, 0)
        else:
            for j in range(size):
                took_us[j] = slowed_us(took_us[j], a) if outcome[j] == OK else took_us[j]
            if tells_first:
                for j in range(size):
                    first_us[j] = slowed_us(first_us[j], a)
    if tells_first:
        for j in range(size):
            if outcome[j] != OK:
                first_us[j] = took_us[j]
            elif not counts_tokens:
                first_us[j] = 0
    return takes_time
