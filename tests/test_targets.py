"""Targets of faults: deployments, providers and groups."""

from __future__ import annotations

import pytest

import timegate as tg
from timegate.core.targets import RESERVED, Targets, group_target, is_group, provider_target, reserved_prefix

STRONG, WEAK, SPARE = (
    tg.Deployment(model_name=name, model=f"{provider}/{name}")
    for name, provider in (("strong", "openai"), ("weak", "sim"), ("spare", "openai"))
)
GROUPS = {"eu": ["strong", "weak"], "us": ["spare"]}


def test_targets_are_names_then_providers_then_groups() -> None:
    """Each is listed once: names in the order of the config, providers sorted, groups as they are given."""
    targets = Targets([STRONG, WEAK, SPARE], GROUPS)
    assert list(targets) == ["strong", "weak", "spare", "provider:openai", "provider:sim", "group:eu", "group:us"]
    assert len(targets) == 7
    assert "provider:openai" in targets
    assert "openai" not in targets
    assert "group:eu" not in Targets([STRONG])


def test_a_deployment_belongs_to_its_name_provider_and_groups() -> None:
    """And to nothing else; one that is in no group has none."""
    targets = Targets([STRONG, WEAK, SPARE], GROUPS)
    assert targets.of(STRONG) == {"strong", "provider:openai", "group:eu"}
    assert targets.of(SPARE) == {"spare", "provider:openai", "group:us"}
    assert Targets([SPARE]).of(SPARE) == {"spare", "provider:openai"}


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("strnog", " Did you mean 'strong'?"),
        ("provider:opena", " Did you mean 'provider:openai'?"),
        ("group:uk", " Did you mean 'group:eu'?"),
    ],
)
def test_the_nearest_target_is_named(target: str, hint: str) -> None:
    """Whatever it is that was misspelt."""
    assert Targets([STRONG, WEAK], {"eu": ["weak"]}).hint(target) == hint


def test_prefixes_are_reserved() -> None:
    """What makes a target of a provider or group is what no deployment's name may begin with."""
    made = (provider_target("openai"), group_target("eu"))
    assert tuple(map(reserved_prefix, made)) == RESERVED
    assert [is_group(target) for target in (*made, "group")] == [False, True, False]
    assert reserved_prefix("groups") is None
    for target in made:
        with pytest.raises(tg.ConfigError, match="which names a target of faults"):
            tg.GatewayConfig(deployments=[{"model_name": target, "model": "sim/x"}])
