"""What every kind of replay checks before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import from_us
from timegate.core.columns import UNSERVED
from timegate.core.router import Router
from timegate.core.targets import reserved_prefix
from timegate.errors import InvalidTypeError, ReplayError, did_you_mean, shown, warn
from timegate.faults import Fault, Scenario
from timegate.faults.kinds import Capacity
from timegate.gateway.live import ModelGateway
from timegate.show.text import period
from timegate.traffic import Trace, Traffic, read_trace

__all__ = ["Facts", "Prepared", "as_router", "as_scenario", "as_trace", "from_files", "prepare", "warn_of_idle"]


def as_router(router: Any) -> Router:
    """Return the routing of a config or a gateway; it must not be confused with outcomes or targets of faults."""
    if isinstance(router, GatewayConfig):
        router = router.router()
    elif isinstance(router, ModelGateway):
        router = router.router
    if not isinstance(router, Router):
        way = " A callable is replayed by replay(router, trace, scenario)." if callable(router) else ""
        raise InvalidTypeError(f"router must be a GatewayConfig or a ModelGateway. Got {type(router).__name__}.{way}")
    for name in router.names:
        if name in UNSERVED or reserved_prefix(name):
            raise ReplayError(f"a deployment must not be named {name!r}: that is an outcome, or a target of faults.")
    return router


def from_files(router: Any, traffic: Any, scenario: Any) -> tuple[Any, Any, Any]:
    """Read what of these three is given by its path, and make a trace of times or a table; what else they are stays."""
    if isinstance(router, str | Path):
        router = GatewayConfig.load(router)
    if isinstance(traffic, str | Path):
        traffic = read_trace(traffic)
    elif isinstance(traffic, pd.DataFrame | pd.DatetimeIndex):
        traffic = Trace(traffic)
    return router, traffic, Scenario.load(scenario) if isinstance(scenario, str | Path) else scenario


def as_trace(trace: Any, name: str = "trace") -> Trace:
    """Return a trace, or say what was given in its place."""
    if not isinstance(trace, Trace):
        way = " Draw one: traffic.trace(seed)." if isinstance(trace, Traffic) else ""
        raise InvalidTypeError(f"{name} must be a Trace, a table or a path. Got {type(trace).__name__}.{way}")
    return trace


def as_scenario(scenario: Any) -> Scenario:
    """Return the scenario; None is the one in which nothing happens."""
    if scenario is None:
        return Scenario()
    if not isinstance(scenario, Scenario):
        raise InvalidTypeError(
            "scenario must be a Scenario, such as Scenario(faults=[...]) or Scenario.load(path). "
            f"Got {shown(scenario)}."
        )
    return scenario


class Facts(NamedTuple):
    """What a run asks of its traffic, or of a part of it, before it replays it.

    Attributes
    ----------
    preferred_names : tuple of str
    tokens : int or None
        The least number of an answer's tokens; -1 if some are missing, None if nothing is known of any.
    prompt, cached : int or None
        The same of a prompt's, and of those of them that are cached.
    span_us : tuple of int
        The first and the last instant at which calls may arrive.
    """

    preferred_names: tuple[str, ...]
    tokens: int | None
    prompt: int | None
    cached: int | None
    span_us: tuple[int, int]

    @classmethod
    def of(cls, traffic: Trace | Traffic) -> Facts:
        """Ask a trace, or what traces are drawn from."""
        if isinstance(traffic, Trace):
            known = traffic.completion_tokens, traffic.prompt_tokens, traffic.cached_tokens
            tokens, prompt, cached = (None if lengths is None else int(lengths.min()) for lengths in known)
            return cls(traffic.preferred_names, tokens, prompt, cached, traffic.span_us)
        edges_us = traffic.edges_us
        span_us = int(edges_us[0]), int(edges_us[-1]) - 1
        tokens, prompt = (None if law is None else 0 for law in (traffic.completion_tokens, traffic.prompt_tokens))
        return cls(traffic.preferred_names, tokens, prompt, None, span_us)


class Prepared:
    """What a run replays, in one shape.

    Attributes
    ----------
    router : Router
    scenario : Scenario
    injector : Injector
    """

    def __init__(self, router: Router, scenario: Scenario) -> None:
        self.router = router
        self.scenario = scenario
        self.injector = scenario.injector(router.deployments)
        self._said: set[str] = set()
        self._limits_tokens = any(terms.tokens_rate for terms in router.terms) or any(
            fault.tokens_per_min for fault in scenario.faults if isinstance(fault, Capacity)
        )

    def check(self, facts: Facts) -> None:
        """Check traffic, or the next part of it; warn of what is new in it.

        Raises
        ------
        ReplayError
            If latencies depend on the lengths of answers, of which nothing is known.
        """
        names = self.router.names
        for name in facts.preferred_names:
            if name not in self.router.index:
                hint = did_you_mean(name, names)
                self._warn(f"the preference for {name!r}, which is not a deployment, is passed over.{hint}")
        if self.injector.needs_tokens:
            if facts.tokens is None:
                raise ReplayError("the scenario has a token_latency: the calls need completion_tokens.")
            if facts.tokens < 0:
                self._warn(
                    "some calls have no completion_tokens: their token_latency is that of an answer of 0 tokens."
                )

        if self._limits_tokens and any(least is None or least < 0 for least in (facts.tokens, facts.prompt)):
            self._warn(
                "some calls have no prompt_tokens or no completion_tokens: limits of tokens a minute count them as 0."
            )
        if self.injector.cache_aware and facts.prompt is not None and (facts.cached is None or facts.cached < 0):
            self._warn("some calls have no cached_tokens: cache-aware capacities count all of their prompts.")

    def finish(self, span_us: tuple[int, int]) -> None:
        """Warn of what no call of the whole traffic meets."""
        warn_of_idle(self.scenario, *span_us)

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            warn(text)


def prepare(router: Any, traffic: Trace | Traffic | None, scenario: Any) -> Prepared:
    """Bring what every kind of run takes into one shape; check it, and warn of each thing once.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway or Router
    traffic : Trace or Traffic, optional
        Without it, the run itself has each part checked as it comes, and says when there are no more.
    scenario : Scenario, optional

    Raises
    ------
    ScenarioError
        If a fault targets a deployment that is not there.
    ReplayError
        If the scenario needs lengths of answers, and the traffic has none; or a deployment has the name of an outcome
        or of a target.

    Warns
    -----
    TimegateWarning
        Of preferences for deployments that are not there, lengths that matter and are not known, and kinds of fault
        that meet no call.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> prepare(config, Trace(["2026-03-02T09:00Z"]), None).router.names
    ('strong',)
    """
    prepared = Prepared(as_router(router), as_scenario(scenario))
    if traffic is not None:
        facts = Facts.of(traffic)
        prepared.check(facts)
        prepared.finish(facts.span_us)
    return prepared


def warn_of_idle(scenario: Scenario, first_us: int, last_us: int) -> None:
    """Warn if all faults of one kind and target end before the first arrival or begin after the last.

    That some miss the trace is usual where they come from a history.
    """
    first, last = from_us(first_us), from_us(last_us)
    alike: dict[tuple[str, str], list[Fault]] = {}
    for fault in scenario.faults:
        alike.setdefault((fault.type, fault.target), []).append(fault)
    for (kind, target), faults in alike.items():
        if all((f.start is not None and f.start > last) or (f.end is not None and f.end <= first) for f in faults):
            bounds = [at for fault in faults for at in (fault.start, fault.end) if at is not None]
            theirs = " to ".join(dict.fromkeys(f"{at:%Y-%m-%d %H:%M}" for at in (min(bounds), max(bounds))))
            calls = period(first, last, "%Y-%m-%d %H:%M")
            warn(
                f"no {kind} of {target!r} meets the calls, which arrive from {calls}. Those of the scenario: {theirs}."
            )
