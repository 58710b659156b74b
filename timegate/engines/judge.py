"""What becomes of attempts, compiled: one by one, and in blocks of the first attempts of consecutive calls.

:func:`judge` restates :meth:`timegate.faults.rules.Injector.attempt`; :func:`judge_block` gives the same, bit for bit,
rule by rule for many calls, which the compiler makes vector instructions of.
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
from timegate.faults.rules import CERTAIN, CHANCE, HOURLY, LOGNORMAL, SLOWDOWN, TOKENS

__all__ = ["judge", "judge_block", "work_arrays"]


def work_arrays() -> tuple[np.ndarray, ...]:
    """Return what :func:`judge_block` works with: three columns to be written, and room for draws."""
    return (
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty(BLOCK, np.int64),
        np.empty((5, BLOCK), np.float64),
        np.empty((2, BLOCK), np.uint64),
        np.empty((3, BLOCK), np.int64),
    )


@jit(refcount=False)
def judge(plan, cell, call, tried_before, now_us, answer):  # type: ignore[no-untyped-def]
    """Return the outcome of an attempt, how long it takes, and its Retry-After, both in microseconds."""
    latency_us = 0
    for number in range(plan.rule_bounds[cell], plan.rule_bounds[cell + 1]):
        rule = plan.rules[number]
        kind = rule.kind
        if kind <= HOURLY:
            if kind == CERTAIN:
                return rule.outcome, rule.after_us, rule.retry_after_us
            rate = rule.a
            if kind == HOURLY:
                rate = hourly_rate(plan.hourly_rates[int(rule.b)], rule.a, now_us)
            if uniform(rule.k0, rule.k1, call, tried_before) < rate:
                return rule.outcome, rule.after_us, rule.retry_after_us
        elif kind == LOGNORMAL:
            latency_us += lognormal_us(rule.a, rule.b, rule.k0, rule.k1, call, tried_before)
        elif kind == TOKENS:
            latency_us += token_latency_us(rule.a, rule.b, answer)
        else:
            latency_us = slowed_us(latency_us, rule.a)
    return OK, latency_us, 0


@jit(refcount=False)
def judge_block(plan, base, deployments, first, at_us, answers, size, work):  # type: ignore[no-untyped-def]
    """Judge the first attempts of consecutive calls, each at its arrival, all within one epoch.

    Parameters
    ----------
    plan : Plan
    base : int
        The first cell of the epoch.
    deployments : ndarray of int64
        Whom each call tries; -1 for nobody.
    first, size : int
        Number of the first call, and how many there are, at most ``BLOCK``.
    at_us, answers : ndarray of int64
        Their arrivals and the lengths of their answers; no lengths where nothing depends on them.
    work : tuple of ndarray
        From :func:`work_arrays`; the first three are written: outcome, how long it takes, and Retry-After.
    """
    outcome, took_us, retry_after_us, room, keys, lanes = work
    a, b, out, p, _ = room
    k0, k1 = keys
    kinds, numbers, _ = lanes
    most = 0
    for j in range(size):
        outcome[j], took_us[j], retry_after_us[j] = OK, 0, 0
        if deployments[j] >= 0:
            cell = base + deployments[j]
            most = max(most, plan.rule_bounds[cell + 1] - plan.rule_bounds[cell])
    for place in range(most):
        chance, draws, others = False, False, False
        for j in range(size):
            kinds[j], k0[j], k1[j], a[j], b[j] = -1, 0, 0, 0.0, 0.0
            if deployments[j] < 0:
                continue
            number = plan.rule_bounds[base + deployments[j]] + place
            if number >= plan.rule_bounds[base + deployments[j] + 1]:
                continue
            rule = plan.rules[number]
            kinds[j], numbers[j], a[j] = rule.kind, number, rule.a
            if rule.kind == CHANCE:
                k0[j], k1[j], chance = rule.k0, rule.k1, True
            elif rule.kind == LOGNORMAL:
                k0[j], k1[j], b[j], draws = rule.k0, rule.k1, rule.b, True
            else:
                others = True
        if chance or draws:
            uniforms(k0, k1, first, size, p)
        if chance:
            for j in range(size):
                if kinds[j] == CHANCE and outcome[j] == OK and p[j] < a[j]:
                    rule = plan.rules[numbers[j]]
                    outcome[j], took_us[j], retry_after_us[j] = rule.outcome, rule.after_us, rule.retry_after_us
        if draws:
            for j in range(size):
                if kinds[j] != LOGNORMAL:
                    a[j] = 0.0
            lognormals_us(a, b, p, size, out, lanes[2])
            for j in range(size):
                if outcome[j] == OK:
                    took_us[j] += np.int64(out[j])
        if others:
            for j in range(size):
                if kinds[j] < 0 or outcome[j] != OK:
                    continue
                rule = plan.rules[numbers[j]]
                if kinds[j] == CERTAIN:
                    outcome[j], took_us[j], retry_after_us[j] = rule.outcome, rule.after_us, rule.retry_after_us
                elif kinds[j] == HOURLY:
                    rate = hourly_rate(plan.hourly_rates[int(rule.b)], rule.a, at_us[j])
                    if uniform(rule.k0, rule.k1, first + j, 0) < rate:
                        outcome[j], took_us[j], retry_after_us[j] = rule.outcome, rule.after_us, rule.retry_after_us
                elif kinds[j] == TOKENS:
                    length = 0 if len(answers) == 0 else answers[j]
                    took_us[j] += token_latency_us(rule.a, rule.b, length)
                elif kinds[j] == SLOWDOWN:
                    took_us[j] = slowed_us(took_us[j], rule.a)
