"""What ``check`` says of policies, weights and times of preference."""

from __future__ import annotations

from typing import Any

import pytest

import timegate as tg
from timegate.review.findings import CODES

NOW = "2026-03-02T00:00Z"
SHORT = {"timeout_s": 30.0}
COOLS = {"failures": 3}
RETRIES = {"timeout_s": 30.0, "max_retries": 2}


def found(policy: Any, *deployments: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and place of what is found about policies, in a gateway of two unless others are given."""
    entries = [
        {"model_name": f"d{i}", "model": f"p{i}/m", **fields} for i, fields in enumerate(deployments or ({}, {}))
    ]
    config = tg.GatewayConfig(deployments=entries, policy=policy)
    findings = [finding for finding in tg.check(config, now=NOW) if finding.code.startswith("TG7")]
    assert all(f.message.endswith(".") and f.fix.endswith(".") for f in findings)
    return [(f.code, f.place) for f in findings]


NEVER = {"start": "01:00", "end": "02:00", "until": "2026-01-01"}

CASES = {
    "silent by default": ({"max_retries": 1}, [], [("TG701", "policy.timeout_s")]),
    "silent for ever": ({"timeout_s": None}, [], [("TG701", "policy.timeout_s")]),
    "a deadline below the default timeout": ({"deadline_s": 599.0}, [], [("TG702", "policy.timeout_s")]),
    "a deadline below the default timeout of one": (
        {"deadline_s": 8.0}, [{}, {"policy": {"timeout_s": 4.0}}], [("TG702", "policy.timeout_s")],
    ),
    "a deadline below a timeout that the first does not have": (
        {"timeout_s": 9.0, "deadline_s": 8.0}, [{"policy": {"timeout_s": 4.0}}, {}], [("TG702", "policy.timeout_s")],
    ),
    "a deadline below the default timeout of none": (
        {"deadline_s": 8.0}, [{"policy": {"timeout_s": 4.0}}, {"policy": {"timeout_s": 4.0}}], [],
    ),
    "a deadline, and nobody to fall back to": ({"deadline_s": 8.0}, [{}], []),
    "retries of no kind": ({**RETRIES, "retry_on": []}, [], [("TG706", "policy.retry_on")]),
    "a first chunk as late as the timeout": ({**SHORT, "first_chunk_s": 30.0}, [], [("TG706", "policy.first_chunk_s")]),
    "a first chunk before the timeout of one": (
        {**SHORT, "first_chunk_s": 40.0}, [{}, {"policy": {"timeout_s": 60.0}}], [],
    ),
    "silent up to a late deadline": ({"deadline_s": 601.0}, [], [("TG701", "policy.timeout_s")]),
    "not silent": ({"timeout_s": 599.0}, [], []),
    "one of two is silent": (SHORT, [{}, {"policy": {"timeout_s": 600.0}}], [("TG701", "policy.timeout_s")]),
    "a deadline below a timeout": ({"timeout_s": 9.0, "deadline_s": 8.0}, [], [("TG702", "policy.timeout_s")]),
    "a deadline at a timeout": ({"timeout_s": 8.0, "deadline_s": 8.0}, [], []),
    "a deadline below one's own timeout": (
        {"timeout_s": 2.0, "deadline_s": 8.0},
        [{}, {"policy": {"timeout_s": 9.0}}],
        [("TG702", "deployments[1] 'd1': policy.timeout_s")],
    ),
    "retry_on without retries": ({**SHORT, "retry_on": ["timeout"]}, [], [("TG703", "policy.retry_on")]),
    "backoff without retries": ({**SHORT, "backoff": {"max_s": 9.0}}, [], [("TG703", "policy.backoff")]),
    "pauses without retries": (
        {**SHORT, "retry_after_max_s": 5.0, "retry_after": "replace"}, [], [("TG703", "policy.retry_after_max_s")],
    ),
    "limits of nothing": ({**SHORT, "limits": {}}, [], [("TG706", "policy.limits")]),
    "one failure within a time": (
        {**SHORT, "cooldown": {"failures": 1, "within_s": 5.0}}, [], [("TG706", "policy.cooldown.within_s")],
    ),
    "one failure in a row": (
        {**SHORT, "cooldown": {"failures": 1, "consecutive": True}}, [], [("TG706", "policy.cooldown.consecutive")],
    ),
    "two failures within a time": ({**SHORT, "cooldown": {"failures": 2, "within_s": 5.0}}, [], []),
    "retries of one alone": ({**SHORT, "retry_on": ["timeout"]}, [{}, {"policy": {"max_retries": 1}}], []),
    "one's own retry_on without retries": (
        RETRIES,
        [{}, {"policy": {"max_retries": 0, "retry_on": ["timeout"]}}],
        [("TG703", "deployments[1] 'd1': policy.retry_on")],
    ),
    "a weight alone": (SHORT, [{"weight": 2.0}, {}], [("TG704", "deployments[0] 'd0': weight")]),
    "weights that are drawn": (SHORT, [{"weight": 2.0, "priority": 1.0}, {"priority": 1.0}], []),
    "weights of 0": (
        SHORT,
        [{"weight": 0.0, "priority": 1.0}, {"weight": 0.0, "priority": 1.0}],
        [("TG705", "deployments[0] 'd0': weight")],
    ),
    "one weight of 0": (SHORT, [{"weight": 0.0, "priority": 1.0}, {"weight": 1.0, "priority": 1.0}], []),
    "retried and raised": (
        {**RETRIES, "retry_on": ["timeout"], "raise_on": ["timeout"]}, [], [("TG706", "policy.retry_on")],
    ),
    "raised, and retried by default": ({**RETRIES, "raise_on": ["rate_limit"]}, [], []),
    "a cooldown of nothing": ({**SHORT, "cooldown": {**COOLS, "on": []}}, [], [("TG706", "policy.cooldown.on")]),
    "a budget without retries": ({**SHORT, "retry_budget": {}}, [], [("TG706", "policy.retry_budget")]),
    "a budget of retries": ({**RETRIES, "retry_budget": {}}, [], []),
    "all cool, and nothing does": ({**SHORT, "when_all_cool": "use"}, [], [("TG706", "policy.when_all_cool")]),
    "a wait that nobody waits": (
        {**SHORT, "cooldown": COOLS, "max_wait_s": 5.0}, [], [("TG706", "policy.max_wait_s")],
    ),
    "a wait": ({**SHORT, "cooldown": COOLS, "max_wait_s": 5.0, "when_all_cool": "wait"}, [], []),
    "a share of no cooldown": ({**SHORT, "max_cooled_share": 0.5}, [], [("TG706", "policy.max_cooled_share")]),
    "a share of none": ({**SHORT, "cooldown": COOLS, "max_cooled_share": 0.4}, [], [("TG706", "policy.cooldown")]),
    "a share of one": ({**SHORT, "cooldown": COOLS, "max_cooled_share": 0.5}, [], []),
    "retries beyond closing": (
        RETRIES, [{"time_constraints": [["22:00", "06:00"]]}, {}], [("TG707", "deployments[0] 'd0'")],
    ),
    "closing without retries": (SHORT, [{"time_constraints": [["22:00", "06:00"]]}, {}], []),
    "preferred while closed": (
        SHORT,
        [{"time_constraints": [["22:00", "06:00"]], "prefer_during": [["23:00", "05:00"], ["21:00", "23:00"]]}, {}],
        [("TG708", "deployments[0] 'd0': prefer_during[0]")],
    ),
    "preferred no more": (
        SHORT, [{"prefer_during": [NEVER]}, {}], [("TG708", "deployments[0] 'd0': prefer_during[0]")],
    ),
    "a preset that retries nothing": ({"preset": "bifrost"}, [], [("TG703", "policy.retry_on")]),
    "a preset of ten hosts for two": (
        {"preset": "envoy", "timeout_s": 15.0}, [], [("TG706", "policy.cooldown")],
    ),
    "no policy at all": (None, [], []),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "deployments", "expected"), CASES.values(), ids=CASES)
def test_findings(policy: Any, deployments: list[dict[str, Any]], expected: list[tuple[str, str]]) -> None:
    """What is found, where; and nothing where the same words have an effect."""
    assert found(policy, *deployments) == expected


def test_every_code_has_a_case() -> None:
    """No code about policies is without a case that finds it."""
    cases = {code for _, _, expected in CASES.values() for code, _ in expected}
    assert cases == {code for code in CODES if code.startswith("TG7")}


def test_how_long_a_call_may_hold_and_outlast() -> None:
    """The sentences tell lengths: of a silence, and of retries after the deployment has closed."""
    closing = {"model_name": "a", "model": "sim/a", "time_constraints": [["22:00", "06:00"]]}
    entries = [closing, {"model_name": "b", "model": "acme/b", "policy": {"timeout_s": None}}]
    policy = {"max_retries": 2, "backoff": {"max_s": 20.0}, "retry_after_max_s": 0.0}
    findings = tg.check(tg.GatewayConfig(deployments=entries, policy=policy), now=NOW)
    messages = [f.message for f in findings if f.code == "TG701"]
    assert "for 10 min before another is tried: 'a'" in messages[0]
    assert "for ever before another is tried: 'b'" in messages[1]
    (outlasts,) = [f.message for f in findings if f.code == "TG707"]
    assert " for up to 21 min " in outlasts  # two timeouts and 40 s of pauses
    (short,) = [
        f.message
        for f in tg.check(tg.GatewayConfig(deployments=entries, policy={**policy, "deadline_s": 45.0}), now=NOW)
        if f.code == "TG707"
    ]
    assert "for up to 45 s" in short
