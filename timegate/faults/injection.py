"""The faults of a scenario, resolved for the deployments of a router: what becomes of an attempt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from typing import Any, NamedTuple

from timegate.clock import FIRST_US, LAST_US, SECOND_US, to_us
from timegate.columns import ATTEMPT_OUTCOMES, OK
from timegate.faults.kinds import ErrorRate, Failure, Fault, Latency, RandomOutages, TokenLatency
from timegate.routing import Deployment

__all__ = ["CERTAIN", "CHANCE", "LOGNORMAL", "TOKENS", "Injector", "Rule"]

# What a rule does with an attempt.
CERTAIN, CHANCE, LOGNORMAL, TOKENS = range(4)
_Z99 = 2.3263478740408408  # the standard normal distribution's 99th percentile


class Rule(NamedTuple):
    """One fault on one deployment, in numbers. It acts on attempts that start in ``[start_us, end_us)``.

    ``kind`` says how: ``CERTAIN``, the attempt fails with ``outcome`` after ``after_us``. ``CHANCE``, so if its
    draw is below ``a``. ``LOGNORMAL``, a success takes a lognormal time with median ``a`` microseconds and the
    standard deviation ``b`` of its logarithm. ``TOKENS``, it takes ``a`` microseconds and ``b`` for each token.
    Draws come from the stream ``(k0, k1)`` of ``seed``, ``deployment`` and ``fault``.
    """

    start_us: int
    end_us: int
    kind: int
    a: float
    b: float
    k0: int
    k1: int
    outcome: int
    after_us: int


class Injector:
    """Decides what becomes of each attempt.

    Parameters
    ----------
    faults : mapping of str to Fault
        By the names of their streams of draws. If several make an attempt fail, the first names the error.
    seed : int
    deployments : sequence of Deployment
        In the order of the router's indices.

    Attributes
    ----------
    rules : tuple of tuple of Rule
        For each deployment, those that make attempts fail before those that take time.
    needs_tokens : bool
        Whether a latency depends on the length of the answer.
    """

    def __init__(self, faults: Mapping[str, Fault], seed: int, deployments: Sequence[Deployment]) -> None:
        self.rules = tuple(tuple(self._resolve(faults, seed, deployment)) for deployment in deployments)
        self.needs_tokens = any(rule.kind == TOKENS for rules in self.rules for rule in rules)

    @cached_property
    def _draws(self) -> Any:
        return import_module("timegate.faults.draws")  # loads numba: only where something draws

    def outages_us(self, deployment: int) -> list[tuple[int, int]]:
        """Return when every attempt on a deployment fails, as half-open stretches in microseconds."""
        return [(rule.start_us, rule.end_us) for rule in self.rules[deployment] if rule.kind == CERTAIN]

    def attempt(self, deployment: int, call: int, tried_before: int, at_us: int, tokens: int) -> tuple[int, int]:
        """Return the code of an attempt's outcome, and how long it takes in microseconds.

        Parameters
        ----------
        deployment, call : int
            Their numbers.
        tried_before : int
            How often this call has tried this deployment before.
        at_us : int
            When the attempt starts.
        tokens : int
            The length of the answer, if it succeeds.
        """
        latency_us = 0
        for rule in self.rules[deployment]:
            if not rule.start_us <= at_us < rule.end_us:
                continue
            if rule.kind == CERTAIN:
                return rule.outcome, rule.after_us
            if rule.kind == CHANCE:
                if self._draws.uniform(rule.k0, rule.k1, call, tried_before) < rule.a:
                    return rule.outcome, rule.after_us
            elif rule.kind == LOGNORMAL:
                latency_us += self._draws.lognormal_us(rule.a, rule.b, rule.k0, rule.k1, call, tried_before)
            else:
                latency_us += self._draws.token_latency_us(rule.a, rule.b, tokens)
        return OK, latency_us

    def _resolve(self, faults: Mapping[str, Fault], seed: int, deployment: Deployment) -> Iterable[Rule]:
        hits = [(name, fault) for name, fault in faults.items() if fault.hits(deployment.name, deployment.provider)]
        for name, fault in sorted(hits, key=lambda hit: not isinstance(hit[1], Failure)):
            start_us = FIRST_US if fault.start is None else to_us(fault.start, "start")
            end_us = LAST_US if fault.end is None else to_us(fault.end, "end")
            outcome, after_us = OK, 0
            if isinstance(fault, Failure):
                outcome, after_us = ATTEMPT_OUTCOMES.index(fault.error), round(fault.after_s * SECOND_US)
            if isinstance(fault, RandomOutages):
                # Keyed by the target: all that it hits share one history.
                keys = self._draws.stream_key(seed, fault.target, name)
                means = fault.mtbf_s * SECOND_US, fault.mttr_s * SECOND_US
                for lo, hi in self._draws.alternating_us(*keys, *means, start_us, end_us):
                    yield Rule(lo, hi, CERTAIN, 0.0, 0.0, 0, 0, outcome, after_us)
                continue
            if isinstance(fault, ErrorRate) and fault.rate == 0:
                continue  # what cannot happen costs nothing
            kind, a, b, draws = _in_numbers(fault)
            k0, k1 = self._draws.stream_key(seed, deployment.name, name) if draws else (0, 0)
            yield Rule(start_us, end_us, kind, a, b, k0, k1, outcome, after_us)


def _in_numbers(fault: Fault) -> tuple[int, float, float, bool]:
    """Return kind, a, b, and whether it draws."""
    if isinstance(fault, ErrorRate) and fault.rate < 1:
        return CHANCE, fault.rate, 0.0, True
    if isinstance(fault, Latency):
        sigma = math.log(fault.p99_s / fault.median_s) / _Z99 if fault.p99_s else 0.0
        return LOGNORMAL, fault.median_s * SECOND_US, sigma, sigma > 0
    if isinstance(fault, TokenLatency):
        return TOKENS, fault.first_token_s * SECOND_US, SECOND_US / fault.tokens_per_s, False
    return CERTAIN, 0.0, 0.0, False
