"""What every kind of replay checks before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from timegate.config import GatewayConfig
from timegate.core.clock import from_us
from timegate.core.columns import UNSERVED
from timegate.core.routing import Router
from timegate.core.targets import reserved_prefix
from timegate.errors import InvalidTypeError, ReplayError, TimegateWarning, did_you_mean, shown
from timegate.faults import Fault, Scenario
from timegate.faults.injector import Injector
from timegate.gateway.live import ModelGateway
from timegate.show.text import period
from timegate.traffic import Trace, Traffic

__all__ = ["as_router", "as_scenario", "check_tokens", "warn_of_idle", "warn_of_unknown"]


def as_router(router: Any) -> Router:
    """Return the routing of a config or a gateway; it must not be confused with outcomes or targets of faults."""
    if isinstance(router, GatewayConfig):
        router = router.router()
    elif isinstance(router, ModelGateway):
        router = router.router
    if not isinstance(router, Router):
        raise InvalidTypeError(f"router must be a GatewayConfig or a ModelGateway. Got {type(router).__name__}.")
    for name in router.names:
        if name in UNSERVED or reserved_prefix(name):
            raise ReplayError(f"a deployment must not be named {name!r}: that is an outcome, or a target of faults.")
    return router


def as_scenario(scenario: Any) -> Scenario:
    """Return the scenario; None is the one in which nothing happens."""
    if scenario is None:
        return Scenario()
    if not isinstance(scenario, Scenario):
        raise InvalidTypeError(f"scenario must be a Scenario, as from Scenario.load(path). Got {shown(scenario)}.")
    return scenario


def check_tokens(injector: Injector, traffic: Trace | Traffic) -> None:
    """Check that the lengths of answers are known where latencies depend on them; warn if some are missing."""
    if not injector.needs_tokens:
        return
    if traffic.completion_tokens is None:
        raise ReplayError("the scenario has a token_latency: the calls need completion_tokens.")
    if isinstance(traffic, Trace) and traffic.completion_tokens.min() < 0:
        warnings.warn(
            "some calls have no completion_tokens: their token_latency is that of an answer of 0 tokens.",
            TimegateWarning,
            stacklevel=3,
        )


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
            warnings.warn(
                f"no {kind} of {target!r} meets the calls, which arrive from {calls}. Those of the scenario: {theirs}.",
                TimegateWarning,
                stacklevel=3,
            )


def warn_of_unknown(preferred_names: Iterable[str], router: Router) -> None:
    """Warn of preferences for deployments that are not there."""
    for name in preferred_names:
        if name not in router.index:
            warnings.warn(
                f"the preference for {name!r}, which is not a deployment, is passed over."
                f"{did_you_mean(name, router.names)}",
                TimegateWarning,
                stacklevel=3,
            )
