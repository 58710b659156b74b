"""The faults of a scenario, resolved for the deployments of a router: what becomes of an attempt."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from timegate.core.capacity import Provider
from timegate.core.columns import ATTEMPT_OUTCOMES, OK
from timegate.core.deployment import Deployment
from timegate.core.spans import NO_SPANS, Spans, union
from timegate.core.targets import Targets
from timegate.faults.fault import Fault
from timegate.faults.rules import (
    CAPACITY,
    CERTAIN,
    CHANCE,
    HOURLY,
    LATENCY,
    SLOWDOWN,
    TAKE_TIME,
    TOKENS,
    TURN,
    Rule,
    RuleContext,
)
from timegate.show.text import rounded

__all__ = ["Injector"]


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
    faults : tuple of tuple of Fault
        The fault that each of the rules comes from.
    hourly_rates : ndarray of float64, shape (n, 24)
        What rules of the kind ``HOURLY`` look up.
    capacity_names : tuple of str
        The names of the faults that are capacities.
    cache_aware : bool
        Whether a capacity counts no cached input.
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
        self.seed = seed
        targets, rows, capacities = Targets(deployments, groups), dict[tuple[float, ...], int](), dict[str, Provider]()
        made = []
        for deployment in deployments:
            own = targets.of(deployment)
            hits = {name: fault for name, fault in faults.items() if fault.target in own}
            made.append(
                sorted(_made(hits, seed, deployment.name, rows, capacities), key=lambda pair: TURN[pair[0].kind])
            )
        self.rules = tuple(tuple(rule for rule, _ in pairs) for pairs in made)
        self.faults = tuple(tuple(fault for _, fault in pairs) for pairs in made)
        self.hourly_rates = np.array([*rows], np.float64).reshape(-1, 24)
        self._providers = list(capacities.values())
        self.capacity_names = tuple(capacities)
        self.cache_aware = any(provider.cache_aware for provider in self._providers)
        self.needs_tokens = any(rule.kind == TOKENS for rules in self.rules for rule in rules)

    @cached_property
    def _draws(self) -> Any:
        from timegate.core import draws  # loads numba: only where something draws

        return draws

    @cached_property
    def _acting(self) -> list[tuple[list[int], list[list[Rule]]]]:
        """For each deployment, the instants at which rules begin or end, and the rules that act before each."""
        return [_by_time(rules) for rules in self.rules]

    def takes_time(self, deployment: int) -> bool:
        """Tell whether answers of a deployment have a latency."""
        return any(TURN[rule.kind] == TAKE_TIME for rule in self.rules[deployment])

    def effect(self, rule: Rule) -> str:
        """Return in a few words what one of the rules does; nothing for an outage or a latency.

        Examples
        --------
        >>> Injector({}, 0, [], {}).effect(Rule(0, 1, SLOWDOWN, 4.0))
        '4x slower'
        """
        error = ATTEMPT_OUTCOMES[rule.outcome].replace("_", " ")
        if rule.kind == CHANCE:
            return f"{rounded(100 * rule.a, 3)}% {error}"
        if rule.kind == HOURLY:
            rates = 100 * self.hourly_rates[int(rule.b)]
            return f"{rounded(rates.min(), 3)}-{rounded(rates.max(), 3)}% {error}"
        return f"{rounded(rule.a, 3)}x slower" if rule.kind == SLOWDOWN else ""

    def outages_us(self, deployment: int) -> list[tuple[int, int]]:
        """Return when every attempt on a deployment fails, as half-open stretches in microseconds."""
        return [(rule.start_us, rule.end_us) for rule in self.rules[deployment] if rule.kind == CERTAIN]

    def providers(self) -> list[Provider]:
        """Return the capacities of the scenario, nothing running, buckets full."""
        return [replace(provider) for provider in self._providers]

    def capacities_at(self, deployment: int, at_us: int) -> int:
        """Return the capacities that an attempt needs which starts at an instant, a bit each; an outage uses none."""
        mask = 0
        if self._providers:
            edges_us, acting = self._acting[deployment]
            for rule in acting[bisect_right(edges_us, at_us)]:
                if rule.kind == CERTAIN:
                    return 0
                if rule.kind == CAPACITY:
                    mask |= 1 << int(rule.a)
        return mask

    def attempt(
        self, deployment: int, call: int, tried_before: int, at_us: int, tokens: int
    ) -> tuple[int, int, float, int]:
        """Return what becomes of an attempt.

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

        Returns
        -------
        outcome : int
            Its code.
        latency_us : int
            How long it takes.
        retry_after_s : float
        first_us : int
            How long nothing of an answer comes; 0 where that is not known.
        """
        latency_us, first_us, tells_first = 0, 0, False
        edges_us, acting = self._acting[deployment]
        for rule in acting[bisect_right(edges_us, at_us)]:
            if rule.kind <= HOURLY:
                chance = 1.0
                if rule.kind == CHANCE:
                    chance = rule.a
                elif rule.kind == HOURLY:
                    chance = self._draws.hourly_rate(self.hourly_rates[int(rule.b)], rule.a, at_us)
                if rule.kind == CERTAIN or self._draws.uniform(rule.k0, rule.k1, call, tried_before) < chance:
                    return rule.outcome, rule.after_us, 0.0 if rule.kind == HOURLY else rule.b, rule.after_us
            elif rule.kind == LATENCY:
                drawn_us = self._draws.lognormal_us(rule.a, rule.b, rule.k0, rule.k1, call, tried_before)
                latency_us, first_us = latency_us + drawn_us, first_us + drawn_us
            elif rule.kind == TOKENS:
                latency_us += self._draws.token_latency_us(rule.a, rule.b, tokens)
                first_us, tells_first = first_us + self._draws.token_latency_us(rule.a, 0.0, 0), True
            elif rule.kind == SLOWDOWN:
                latency_us = self._draws.slowed_us(latency_us, rule.a)
                first_us = self._draws.slowed_us(first_us, rule.a)
        return OK, latency_us, 0.0, first_us if tells_first else 0


def _made(
    hits: Mapping[str, Fault],
    seed: int,
    deployment: str,
    rows: dict[tuple[float, ...], int],
    capacities: dict[str, Provider],
) -> list[tuple[Rule, Fault]]:
    """Return the rules of the faults that hit a deployment, with their faults."""

    def rules(after_outages: bool, outages_us: Spans) -> Iterator[tuple[Rule, Fault]]:
        for stream, fault in hits.items():
            if fault.after_outages == after_outages:
                for rule in fault.rules(RuleContext(seed, stream, deployment, outages_us, rows, capacities)):
                    yield rule, fault

    pairs = list(rules(False, NO_SPANS))
    if any(fault.after_outages for fault in hits.values()):
        down = [rule[:2] for rule, _ in pairs if rule.kind == CERTAIN]
        pairs += rules(True, union([np.array(down, np.int64).reshape(-1, 2)]))
    return pairs


def _by_time(rules: Sequence[Rule]) -> tuple[list[int], list[list[Rule]]]:
    edges_us = sorted({bound for rule in rules for bound in rule[:2]})
    acting: list[list[Rule]] = [[] for _ in range(len(edges_us) + 1)]
    for rule in rules:
        for place in range(bisect_right(edges_us, rule.start_us), bisect_right(edges_us, rule.end_us)):
            acting[place].append(rule)
    return edges_us, acting
