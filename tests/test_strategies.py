"""What the differential tests try: whatever a replay knows of faults, policies, windows and deployments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import timegate as tg
from tests.strategies import ERAS, KINDS, call_policies, configs, scenarios, windows
from timegate.core.deployment import NOT_ROUTING
from timegate.core.policy_parts import Backoff, Cooldown, Limits, RetryBudget
from timegate.core.settings import CallPolicy
from timegate.core.windows import FIELDS
from timegate.faults.fault import Failure

ERA = ERAS[2]
PARTS = {"backoff": Backoff, "cooldown": Cooldown, "limits": Limits, "retry_budget": RetryBudget}
UNKNOWN = {"idle_s", "on_cut"}
"""Fields of a policy of which a replay knows nothing."""


def drawn(strategy: st.SearchStrategy[Any], facts: Callable[[Any], Iterable[Any]], examples: int = 400) -> set[Any]:
    """Return the facts of some hundred examples, the same in each run."""
    found: set[Any] = set()

    @settings(max_examples=examples, phases=[Phase.generate], derandomize=True, database=None, deadline=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def collect(example: Any) -> None:
        found.update(facts(example))

    collect()
    return found


def test_every_kind_of_fault_is_drawn() -> None:
    """With each of its fields: what no scenario has is what the engines may do differently unseen."""
    config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/model"}])

    def facts(scenario: tg.Scenario) -> Iterable[tuple[str, str]]:
        for fault in scenario.faults:
            yield from ((fault.type, name) for name in fault.model_fields_set if name in type(fault).model_fields)

    found = drawn(scenarios(config, ERA, latencies=True, capacities=True), facts)
    assert {kind for kind, _ in found} == set(KINDS)
    own = {
        (kind, name) for kind, made in KINDS.items() for name in made.model_fields.keys() - Failure.model_fields.keys()
    }
    assert own - found == set()


def test_every_field_of_a_policy_is_drawn() -> None:
    """With another value than its default; those of backoff, cooldown, limits and budget, too."""

    def facts(made: dict[str, Any]) -> Iterable[tuple[str, ...]]:
        yield from ((name,) for name, value in made.items() if value != CallPolicy.model_fields[name].default)
        for part, kind in PARTS.items():
            given = (made.get(part) or {}).items()
            yield from ((part, name) for name, value in given if value != kind.model_fields[name].default)

    wanted = {(name,) for name in CallPolicy.model_fields.keys() - UNKNOWN - {"preset"}}
    wanted |= {(part, name) for part, kind in PARTS.items() for name in kind.model_fields}
    assert wanted - drawn(call_policies(shared=True), facts) == set()


def test_every_field_of_a_window_is_drawn() -> None:
    """So that windows of every form are replayed."""
    found = drawn(windows(ERA), lambda window: (name for name in FIELDS if getattr(window, name) != FIELDS[name]))
    assert FIELDS.keys() - found == set()


def test_every_field_of_a_deployment_that_decides_is_drawn() -> None:
    """Those that decide nothing of a call are listed."""
    names = tg.Deployment.model_fields.keys() - NOT_ROUTING

    def facts(config: tg.GatewayConfig) -> Iterable[str]:
        for deployment in config.deployments:
            yield from (n for n in names if getattr(deployment, n) != tg.Deployment.model_fields[n].default)

    assert names - drawn(configs(ERA, "shared"), facts, examples=50) == set()
