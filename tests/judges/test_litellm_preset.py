"""The preset ``litellm`` does what the real LiteLLM router does, attempt by attempt.

``TIMEGATE_LITELLM_JUDGE`` names the Python of a virtual environment with litellm, see ``litellm_judge.py``; without it
nothing is compared. ``TIMEGATE_JUDGE_CASES=1000`` compares that many random configurations.

Its jitter cannot be seeded: each pause of ours is given the length of the router's own, which must lie within what our
policy may have drawn. Left out is what the preset's docstring says it cannot say.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from timegate.core.columns import ATTEMPT_OUTCOMES
from timegate.core.routing import DONE, WAIT, Call

JUDGE = os.environ.get("TIMEGATE_LITELLM_JUDGE", "")
CASES = int(os.environ.get("TIMEGATE_JUDGE_CASES", "60"))
BATCH = 50
REQUESTS = 30
JITTER_US = 750_000
STARTS_US = 1_772_409_600_000_000  # midnight in UTC

KINDS = {
    "ok": "ok",
    "rate_limit": "rate_limit",
    "server_error": "server_error",
    "unavailable": "server_error",
    "bad_gateway": "server_error",
    "connection": "connection",
    "timeout": "timeout",
    "auth": "auth",
    "not_found": "auth",
    "forbidden": "bad_request",
    "bad_request": "bad_request",
}
"""The judge's outcomes, and what we call them."""

pytestmark = pytest.mark.skipif(not JUDGE, reason="TIMEGATE_LITELLM_JUDGE names no Python that has litellm")

Case = dict[str, Any]


def judged(cases: list[Case]) -> list[Case]:
    """Return what the real router does."""
    command = [JUDGE, str(Path(__file__).with_name("litellm_judge.py"))]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, input=json.dumps(cases), capture_output=True, text=True, check=True, env=env)
    verdicts: list[Case] = json.loads(done.stdout)
    return verdicts


def random_case(rng: random.Random) -> Case:
    """Return one to five deployments with outages, failures that come once, and what a router may be told."""
    names = "abcde"[: rng.randint(1, 5)]
    gap_s, now_s = rng.choice([0.5, 2, 4, 10]), 0.0
    arrivals = [now_s := round(now_s + rng.expovariate(1 / gap_s), 6) for _ in range(REQUESTS)]
    router: Case = {}
    if rng.random() < 0.6:
        router["allowed_fails"] = rng.randint(0, 5)
    if rng.random() < 0.6:
        router["cooldown_time"] = rng.choice([1, 2.5, 5, 30, 60])
    if rng.random() < 0.5:
        router["num_retries"] = rng.randint(0, 4)
    if rng.random() < 0.3:
        router["timeout"] = rng.choice([0.5, 1, 30])
    failures = [kind for kind in KINDS if kind != "ok"]
    script = {}
    for name in names:
        once = {rng.randint(0, 40): rng.choice(list(KINDS)) for _ in range(rng.randint(0, 6))}
        rules: list[Case] = [{"attempt": attempt, "outcome": kind} for attempt, kind in once.items()]
        for _ in range(rng.randint(0, 6)):
            kind = rng.choice([*failures, *3 * ["rate_limit", "server_error"]])
            from_s = rng.uniform(0, now_s)
            rules.append({"from_s": from_s, "until_s": from_s + rng.expovariate(2 / now_s), "outcome": kind})
        for rule in rules:
            rule["latency_s"] = round(rng.random() * 1.5, 6)
            in_time = rule["latency_s"] <= router.get("timeout", 60)  # what came too late has said nothing
            if rule["outcome"] != "ok" and in_time and rng.random() < 0.5:
                rule["retry_after_s"] = rng.choice([1, 2, 5, 20, 60, 61, 300])
        script[name] = rules
    deployments = [{"name": name} for name in names]
    return {"router": router, "deployments": deployments, "arrivals_s": arrivals, "script": script}


def config_of(case: Case) -> tg.GatewayConfig:
    """Return the preset with what a router was told beside it, as its docstring says."""
    router = case["router"]
    for_s = float(router.get("cooldown_time", 5))
    policy: Case = {"preset": "litellm", "cooldown": {"for_s": for_s}}
    deployments: list[Case] = [{"model_name": d["name"], "model": "sim/m"} for d in case["deployments"]]
    if "allowed_fails" in router:
        policy["cooldown"] |= {"failures": router["allowed_fails"] + 1, "within_s": for_s}
        deployments[-1]["policy"] = {"cooldown": None}
    if "num_retries" in router:
        policy["max_retries"] = router["num_retries"]
    if "timeout" in router:
        policy["timeout_s"] = float(router["timeout"])
    return tg.GatewayConfig(deployments=deployments, policy=policy)


class NoJitter:
    """Draws that make each pause the shortest it can be."""

    def order(self, place: int) -> float:
        return 0.0

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        return 0.0, 0.0


def ours(case: Case, verdict: Case) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the attempts and the ends of calls by our routing, with pauses as long as those of the judge."""
    router = config_of(case).router()
    state, now_us, tried = router.new_state(), 0, defaultdict(int)  # type: ignore[var-annotated]
    attempts, ends = [], []
    for number, arrival_s in enumerate(case["arrivals_s"]):
        now_us = max(now_us, round(arrival_s * 1e6))
        pauses = pauses_of(verdict, number)
        call = Call(router, state, STARTS_US + now_us, None, NoJitter())
        steps = call.steps()
        action, index, until_us = next(steps)
        while action != DONE:
            if action == WAIT:
                least_us, pause_us = until_us - STARTS_US - now_us, next(pauses, -1)
                assert least_us - 1 <= pause_us < least_us + JITTER_US, (number, router.names[index])
                now_us += pause_us
                heard = 0, 0, 0
            else:
                name, started_us = router.names[index], now_us
                rule = rule_of(case["script"].get(name, []), now_us / 1e6, tried[name])
                tried[name] += 1
                now_us += round(rule.get("latency_s", 0) * 1e6)
                kind, told_us = KINDS[rule.get("outcome", "ok")], round(rule.get("retry_after_s", 0) * 1e6)
                if STARTS_US + now_us > until_us:
                    now_us, kind, told_us = until_us - STARTS_US, "timeout", 0
                attempts.append((number, name, started_us, now_us, kind))
                heard = ATTEMPT_OUTCOMES.index(kind), told_us, 0
            action, index, until_us = steps.send((STARTS_US + now_us, *heard))
        assert next(pauses, None) is None, f"call {number}: the judge pauses once more"
        ends.append((number, now_us, router.names[call.served_by] if call.served_by >= 0 else None))
    return attempts, ends


def rule_of(rules: list[Case], at_s: float, tried: int) -> Case:
    """Return the rule of a script that speaks for an attempt, as the judge finds it."""
    for rule in rules:
        if rule.get("from_s", 0) <= at_s < rule.get("until_s", 1e9) and rule.get("attempt", tried) == tried:
            return rule
    return {}


def pauses_of(verdict: Case, number: int) -> Iterator[int]:
    """Yield what a call slept, in order."""
    for slept in (*verdict["attempts"], verdict["calls"][number]):
        if slept["call"] == number and slept["pause_us"]:
            yield slept["pause_us"]


def theirs(verdict: Case) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the judge's attempts and ends of calls, in our words."""
    attempts = [
        (a["call"], a["deployment"], a["start_us"], a["end_us"], KINDS[a["outcome"]]) for a in verdict["attempts"]
    ]
    return attempts, [(c["call"], c["end_us"], c["deployment"]) for c in verdict["calls"]]


@cache
def batch(number: int) -> list[tuple[Case, Case]]:
    rng = random.Random(number)  # noqa: S311 - cases keep no secret
    cases = [random_case(rng) for _ in range(min(BATCH, CASES - number * BATCH))]
    return list(zip(cases, judged(cases), strict=True))


@pytest.mark.parametrize("number", range((CASES + BATCH - 1) // BATCH))
def test_random_configurations(number: int) -> None:
    """Who is attempted, when, with which outcome, and who serves a call and when: equal in every case."""
    for place, (case, verdict) in enumerate(batch(number)):
        assert ours(case, verdict) == theirs(verdict), (number, place, case["router"])


def test_the_cases_reach_the_rules() -> None:
    """What is compared cools deployments, hears Retry-After on both sides of its bound, and pauses before failing."""
    verdicts = [verdict for _, verdict in batch(0)]
    assert sum(len(verdict["cooldowns"]) for verdict in verdicts) > 20
    pauses_s = [slept["pause_us"] / 1e6 for verdict in verdicts for slept in verdict["attempts"] + verdict["calls"]]
    assert any(60 <= pause_s < 60.75 for pause_s in pauses_s)
    assert not any(pause_s >= 60.75 for pause_s in pauses_s)
    assert any(call["pause_us"] for verdict in verdicts for call in verdict["calls"])


@pytest.mark.parametrize(("router", "attempts"), [({"allowed_fails": 1, "cooldown_time": 30}, 4), ({}, 45)])
def test_published_figure(router: Case, attempts: int) -> None:
    """60 s of outage, a call every 4 s: the primary is asked 4 times in all, or 3 times a call by the defaults."""
    case = {
        "router": router,
        "deployments": [{"name": "strong"}, {"name": "weak"}],
        "arrivals_s": [4 * number for number in range(15)],
        "script": {"strong": [{"until_s": 60, "outcome": "server_error"}]},
        "overlap": True,
    }
    (verdict,) = judged([case])
    assert sum(attempt["deployment"] == "strong" for attempt in verdict["attempts"]) == attempts
    trace = tg.Trace([f"2026-03-02T00:00:{4 * number:02}Z" for number in range(15)])
    outage = tg.Outage(target="strong", start="2026-03-02T00:00Z", end="2026-03-02T00:01Z", error="server_error")
    run = tg.replay(config_of(case), trace, tg.Scenario(faults=[outage]))
    assert (run.attempts["deployment"] == "strong").sum() == attempts
    assert (run.calls["served_by"] == "weak").all()
