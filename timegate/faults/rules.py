"""The faults of a scenario, resolved for the deployments of a router: what becomes of an attempt."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from timegate.core.clock import FIRST_US, LAST_US, SECOND_US, to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, OK
from timegate.core.deployment import Deployment
from timegate.core.spans import union
from timegate.core.zones import constant_offsets
from timegate.faults.kinds import (
    DISTRIBUTIONS,
    Brownout,
    ErrorRate,
    Failure,
    Fault,
    Latency,
    RandomOutages,
    RateLimited,
    SlowStart,
    TokenLatency,
)

__all__ = ["CERTAIN", "CHANCE", "HOURLY", "LOGNORMAL", "SLOWDOWN", "TOKENS", "Injector", "Rule", "targets_of"]

# What a rule does with an attempt: first those that fail it, then those that take time, then those that multiply it.
CERTAIN, CHANCE, HOURLY, LOGNORMAL, TOKENS, SLOWDOWN = range(6)
_TURN = (0, 0, 0, 1, 1, 2)
_Z99 = 2.3263478740408408  # the standard normal distribution's 99th percentile


class Rule(NamedTuple):
    """One fault on one deployment, in numbers. It acts on attempts that start in ``[start_us, end_us)``.

    ``kind`` says how:

    - ``CERTAIN``: the attempt fails with ``outcome`` after ``after_us``; ``b`` is its ``Retry-After`` in seconds,
      0 for none.
    - ``CHANCE``: so if its draw is below ``a``.
    - ``HOURLY``: so if its draw is below the rate of the hour, from row ``b`` of the table of hourly rates, in a zone
      ``a`` microseconds ahead of UTC.
    - ``LOGNORMAL``: a success takes a lognormal time with median ``a`` microseconds and the standard deviation ``b``
      of its logarithm.
    - ``TOKENS``: it takes ``a`` microseconds and ``b`` for each token.
    - ``SLOWDOWN``: what it takes is multiplied by ``a``.

    Draws come from the stream ``(k0, k1)`` of ``seed``, ``deployment`` and ``fault``.
    """

    start_us: int
    end_us: int
    kind: int
    a: float = 0.0
    b: float = 0.0
    k0: int = 0
    k1: int = 0
    outcome: int = OK
    after_us: int = 0


class Injector:
    """Decides what becomes of each attempt.

    Parameters
    ----------
    faults : mapping of str to Fault
        By the names of their streams of draws. If several make an attempt fail, the first names the error.
    seed : int
    deployments : sequence of Deployment
        In the order of the router's indices.
    groups : mapping of str to sequence of str
        Names of deployments that a fault may target together.

    Attributes
    ----------
    rules : tuple of tuple of Rule
        For each deployment, those that make attempts fail before those that take time.
    hourly_rates : ndarray of float64, shape (n, 24)
        What rules of the kind ``HOURLY`` look up.
    needs_tokens : bool
        Whether a latency depends on the length of the answer.
    """

    def __init__(
        self,
        faults: Mapping[str, Fault],
        seed: int,
        deployments: Sequence[Deployment],
        groups: Mapping[str, Sequence[str]],
    ) -> None:
        self._seed = seed
        hourly = [name for name, fault in faults.items() if isinstance(fault, ErrorRate) and fault.hourly_rates]
        self._row_of = {name: row for row, name in enumerate(hourly)}
        rates = [getattr(faults[name], "hourly_rates", None) for name in hourly]
        self.hourly_rates = np.array(rates, np.float64).reshape(-1, 24)
        self.rules = tuple(
            tuple(sorted(self._resolve(faults, deployment, groups), key=lambda rule: _TURN[rule.kind]))
            for deployment in deployments
        )
        self.needs_tokens = any(rule.kind == TOKENS for rules in self.rules for rule in rules)

    @cached_property
    def _draws(self) -> Any:
        from timegate.core import draws  # loads numba: only where something draws

        return draws

    @cached_property
    def _acting(self) -> list[tuple[list[int], list[list[Rule]]]]:
        """For each deployment, the instants at which rules begin or end, and the rules that act before each."""
        return [_by_time(rules) for rules in self.rules]

    def outages_us(self, deployment: int) -> list[tuple[int, int]]:
        """Return when every attempt on a deployment fails, as half-open stretches in microseconds."""
        return [(rule.start_us, rule.end_us) for rule in self.rules[deployment] if rule.kind == CERTAIN]

    def attempt(self, deployment: int, call: int, tried_before: int, at_us: int, tokens: int) -> tuple[int, int, float]:
        """Return the code of an attempt's outcome, how long it takes in microseconds, and its Retry-After in seconds.

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
        edges_us, acting = self._acting[deployment]
        for rule in acting[bisect_right(edges_us, at_us)]:
            if rule.kind <= HOURLY:
                chance = 1.0
                if rule.kind == CHANCE:
                    chance = rule.a
                elif rule.kind == HOURLY:
                    chance = self._draws.hourly_rate(self.hourly_rates[int(rule.b)], rule.a, at_us)
                if rule.kind == CERTAIN or self._draws.uniform(rule.k0, rule.k1, call, tried_before) < chance:
                    return rule.outcome, rule.after_us, 0.0 if rule.kind == HOURLY else rule.b
            elif rule.kind == LOGNORMAL:
                latency_us += self._draws.lognormal_us(rule.a, rule.b, rule.k0, rule.k1, call, tried_before)
            elif rule.kind == TOKENS:
                latency_us += self._draws.token_latency_us(rule.a, rule.b, tokens)
            else:
                latency_us = self._draws.slowed_us(latency_us, rule.a)
        return OK, latency_us, 0.0

    def _resolve(
        self, faults: Mapping[str, Fault], deployment: Deployment, groups: Mapping[str, Sequence[str]]
    ) -> list[Rule]:
        targets = targets_of(deployment, groups)
        hits = [(name, fault) for name, fault in faults.items() if fault.target in targets]
        rules = [rule for name, fault in hits for rule in self._rules(name, fault, deployment)]
        down = union([np.array([rule[:2] for rule in rules if rule.kind == CERTAIN], np.int64).reshape(-1, 2)])
        for _, fault in hits:
            if isinstance(fault, SlowStart):
                start_us, end_us = _bounds(fault)
                after = np.stack([down[:, 1], down[:, 1] + round(fault.for_s * SECOND_US)], axis=1)
                after = union([after.clip(start_us, end_us)])
                rules += [Rule(lo, hi, SLOWDOWN, fault.slowdown) for lo, hi in after.tolist() if lo < hi]
        return rules

    def _rules(self, name: str, fault: Fault, deployment: Deployment) -> Iterator[Rule]:
        """Resolve one fault, but for those that depend on others."""
        span = _bounds(fault)
        if isinstance(fault, Failure):
            fails = {"outcome": ATTEMPT_OUTCOMES.index(fault.error), "after_us": round(fault.after_s * SECOND_US)}
        match fault:
            case RandomOutages():
                for lo, hi, is_major in self._random_outages(name, fault, span):
                    rate = 1.0 if is_major else fault.minor_error_rate
                    yield from self._chance(name, deployment, (lo, hi), rate, **fails)
            case ErrorRate(hourly_rates=tuple()):
                k0, k1 = self._draws.stream_key(self._seed, deployment.name, name)
                row = self._row_of[name]
                for lo, hi, offset_us in _merged(constant_offsets(fault.tz, *span)):
                    yield Rule(lo, hi, HOURLY, offset_us, row, k0, k1, **fails)
            case ErrorRate(rate=float(rate)) | Brownout(error_rate=rate):
                yield from self._chance(name, deployment, span, rate, **fails)
                if isinstance(fault, Brownout) and fault.slowdown > 1:
                    yield Rule(*span, SLOWDOWN, fault.slowdown)
            case RateLimited():
                yield from self._chance(name, deployment, span, fault.share, b=fault.retry_after_s or 0.0, **fails)
            case Latency():
                sigma = math.log(fault.p99_s / fault.median_s) / _Z99 if fault.p99_s else 0.0
                keys = self._draws.stream_key(self._seed, deployment.name, name) if sigma else (0, 0)
                yield Rule(*span, LOGNORMAL, fault.median_s * SECOND_US, sigma, *keys)
            case TokenLatency():
                yield Rule(*span, TOKENS, fault.first_token_s * SECOND_US, SECOND_US / fault.tokens_per_s)
            case Failure():
                yield Rule(*span, CERTAIN, **fails)

    def _chance(
        self, name: str, deployment: Deployment, span: tuple[int, int], rate: float, b: float = 0.0, **fails: int
    ) -> Iterator[Rule]:
        if rate == 1:
            yield Rule(*span, CERTAIN, b=b, **fails)
        elif rate > 0:  # what cannot happen costs nothing
            yield Rule(*span, CHANCE, rate, b, *self._draws.stream_key(self._seed, deployment.name, name), **fails)

    def _random_outages(
        self, name: str, fault: RandomOutages, span: tuple[int, int]
    ) -> Iterator[tuple[int, int, bool]]:
        """Yield when outages begin and end, and whether they are major."""
        draws = self._draws
        keys = draws.stream_key(self._seed, fault.target, name)  # of the target: all that it hits share one history
        up_us, down_us, shape = fault.mtbf_s * SECOND_US, fault.mttr_s * SECOND_US, fault.shape or 0.0
        distribution = DISTRIBUTIONS.index(fault.distribution)
        p, q = draws.uniform(*keys, 1, 0), draws.uniform(*keys, 1, 2)
        rest_us = draws.rest_of_length(distribution, down_us, shape, p, q)
        for lo, hi, number in draws.alternating_us(*keys, up_us, down_us, distribution, shape, rest_us, *span):
            yield lo, hi, draws.uniform(*keys, number, 1) < fault.p_major


def targets_of(deployment: Deployment, groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the targets of faults that a deployment belongs to."""
    named = {f"group:{group}" for group, names in groups.items() if deployment.name in names}
    return {deployment.name, f"provider:{deployment.provider}", *named}


def _bounds(fault: Fault) -> tuple[int, int]:
    start_us = FIRST_US if fault.start is None else to_us(fault.start, "start")
    return start_us, LAST_US if fault.end is None else to_us(fault.end, "end")


def _merged(cuts: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join neighbours with the same offset."""
    merged = list(cuts[:1])
    for lo, hi, offset_us in cuts[1:]:
        if merged[-1][2] == offset_us:
            merged[-1] = (merged[-1][0], hi, offset_us)
        else:
            merged.append((lo, hi, offset_us))
    return merged


def _by_time(rules: Sequence[Rule]) -> tuple[list[int], list[list[Rule]]]:
    edges_us = sorted({bound for rule in rules for bound in rule[:2]})
    acting: list[list[Rule]] = [[] for _ in range(len(edges_us) + 1)]
    for rule in rules:
        for place in range(bisect_right(edges_us, rule.start_us), bisect_right(edges_us, rule.end_us)):
            acting[place].append(rule)
    return edges_us, acting
