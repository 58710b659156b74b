"""The real LiteLLM router as judge of the ``litellm`` preset: scripted failures in, the list of attempts out.

``litellm.Router`` is a facade over a compiled core that decides and asks a host for all else: to call a provider, to
sleep, to keep cooldowns. Here the host answers by script and time is a number, so that a day of outages takes
milliseconds and repeats exactly but for the core's own jitter, which is drawn where nobody can seed it; every pause is
therefore told, so that whoever compares can take the same draw.

It runs in a virtual environment of its own and imports nothing of timegate. Private names are used: the version is
pinned, and another one is refused. ::

    python -m venv judge && judge/bin/python -m pip install litellm==1.110.2     # 380 MB
    judge/bin/python tests/judges/litellm_judge.py cases.json > verdicts.json    # or the cases on standard input
    judge/bin/python tests/judges/litellm_judge.py --self-test

Input is a list of cases, each an object::

    {"router": {"num_retries": 2, "allowed_fails": 1, "cooldown_time": 30},
     "deployments": [{"name": "strong"}, {"name": "weak"}],
     "arrivals_s": [0, 4, 8],
     "script": {"strong": [{"until_s": 60, "outcome": "rate_limit", "retry_after_s": 7, "latency_s": 0.2}]}}

``router``
    Any arguments of ``litellm.Router`` but ``model_list`` and ``fallbacks``, as JSON (``retry_policy``,
    ``allowed_fails_policy``, ``timeout``, ``max_fallbacks``, ``disable_cooldowns``, ``retry_after``, ...).
``deployments``
    In the order of fallback. Each is a group of its own unless several name the same ``group``; ``model_info`` and
    ``litellm_params`` are handed on (a deployment's own ``cooldown_time``, ``order`` or ``weight``).
``fallbacks``
    Optional; by default each group falls back to all after it. A list of LiteLLM's own shape replaces that.
``arrivals_s``
    Seconds since the start. A call that arrives while another runs waits for its end, unless ``overlap`` is true.
``script``
    For each deployment, rules of which the first that matches speaks: ``from_s <= start of the attempt < until_s`` and
    ``attempt`` (counted from 0 on that deployment, over all calls); without one the rule holds always, and without any
    rule the answer is ``ok`` at once. ``outcome`` is ``ok``, a kind of ``KINDS`` or a class of ``litellm.exceptions``;
    ``latency_s`` passes before it, or the router's ``timeout``, if shorter, before a ``timeout``.

Output is a list with, for each case, ``attempts`` (``call``, ``deployment``, ``start_us``, ``end_us``, ``outcome``, and
``pause_us``, which the call slept since its attempt before), ``calls`` (``arrival_us``, ``start_us``, ``end_us``,
``outcome``: ``ok`` or the class of the error, ``deployment`` that answered, and ``pause_us`` slept after the last
attempt) and ``cooldowns`` (``deployment``, ``at_us``, ``for_us``). Times are whole microseconds since the start; pauses
are floored to them.

Known bounds: limits by ``rpm`` and ``tpm`` read a native clock, and cannot be judged. Ties (an arrival at the very end
of a cooldown) are decided here, not in the core: keep arrivals off them. In a group of several, the core draws.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import selectors
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

EPOCH_S = 1_700_000_000


class Clock:
    """The time of a case, in whole microseconds. One clock serves all cases, and is set back for each."""

    def __init__(self) -> None:
        self.now_us = 0

    def seconds(self) -> float:
        return self.now_us / 1e6

    def time(self) -> float:
        return EPOCH_S + self.now_us / 1e6


CLOCK = Clock()
real_time = time.time
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network
time.time = CLOCK.time  # before litellm takes the name

import httpx  # noqa: E402
import litellm  # noqa: E402
import litellm.exceptions  # noqa: E402
from litellm.router import Router, router_arguments  # noqa: E402
from litellm.router_config import build_router_config  # noqa: E402
from litellm.router_python_host import PythonHost  # noqa: E402
from litellm.router_utils.cooldown_cache import CooldownCache  # noqa: E402
from litellm_cooldowns import Cooldowns  # noqa: E402

VERSION = "1.110.2"
logging.getLogger("LiteLLM Router").setLevel(logging.CRITICAL)  # scripted failures are no news

KINDS = {
    "rate_limit": "RateLimitError",
    "server_error": "InternalServerError",
    "unavailable": "ServiceUnavailableError",
    "bad_gateway": "BadGatewayError",
    "connection": "APIConnectionError",
    "timeout": "Timeout",
    "auth": "AuthenticationError",
    "forbidden": "PermissionDeniedError",
    "not_found": "NotFoundError",
    "bad_request": "BadRequestError",
}
"""Short names of kinds of error, and the exceptions that LiteLLM makes of them."""

RESPONSES = {"PermissionDeniedError": 403, "UnprocessableEntityError": 422}
"""Exceptions that are made with a response only, and its status."""


class Loop(asyncio.SelectorEventLoop):
    """An event loop that moves the clock where another would wait."""

    def __init__(self) -> None:
        super().__init__(Selector())
        self._clock_resolution = 5e-7  # half of what the clock counts in: no timer is missed by a last bit

    def time(self) -> float:
        return CLOCK.seconds()


class Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # no timer: only a thread can wake the loop
            ready = super().select(10)
            if not ready:
                raise RuntimeError("the router waits for something that will never come")
            return ready
        CLOCK.now_us += max(1, round(timeout * 1e6))
        return ready


class Call:
    """What a call has done so far: its number, and what it slept since its last attempt."""

    current: ContextVar[Call] = ContextVar("current")

    def __init__(self, number: int) -> None:
        self.number = number
        self.pause_us = 0


class Host(PythonHost):
    """What the core reaches outside of itself: providers that answer by script, and sleep in virtual time."""

    __slots__ = ("attempts", "script", "tried")

    def __init__(self, script: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.script = script
        self.tried = dict.fromkeys(script, 0)
        self.attempts: list[dict[str, Any]] = []

    def invoke(self, op: str) -> Callable[..., Any]:  # type: ignore[override]
        return self.complete if op == "acompletion" else super().invoke(op)

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        pause_us = int(seconds * 1e6)
        Call.current.get().pause_us += pause_us
        await asyncio.sleep(pause_us / 1e6)

    def rule(self, deployment: str) -> Mapping[str, Any]:
        at_s, tried = CLOCK.seconds(), self.tried.get(deployment, 0)
        self.tried[deployment] = tried + 1
        for rule in self.script.get(deployment, ()):
            in_time = rule.get("from_s", 0) <= at_s < rule.get("until_s", math.inf)
            if in_time and rule.get("attempt", tried) == tried:
                return rule
        return {}

    async def complete(self, *, model: str, timeout: object = None, **_: object) -> litellm.ModelResponse:
        deployment = model.removeprefix("openai/")
        rule = self.rule(deployment)
        outcome, latency_s = rule.get("outcome", "ok"), rule.get("latency_s", 0)
        if isinstance(timeout, (int, float)) and timeout < latency_s:
            outcome, latency_s = "timeout", timeout
        call = Call.current.get()
        attempt = {"call": call.number, "deployment": deployment, "start_us": CLOCK.now_us, "end_us": None}
        attempt.update(outcome=outcome, pause_us=call.pause_us)
        self.attempts.append(attempt)
        call.pause_us = 0
        if latency_s:
            await asyncio.sleep(latency_s)
        attempt["end_us"] = CLOCK.now_us
        if outcome != "ok":
            raise failure(outcome, deployment, rule.get("retry_after_s"))
        return litellm.ModelResponse(model=deployment)


def failure(kind: str, deployment: str, retry_after_s: float | None) -> Exception:
    """Make the exception that LiteLLM makes of a kind of error."""
    name = KINDS.get(kind, kind)
    make = getattr(litellm.exceptions, name, None)
    if make is None:
        raise ValueError(f"outcome must be ok, one of {sorted(KINDS)} or a class of litellm.exceptions. Got {kind!r}")
    words = {"message": "scripted", "model": deployment, "llm_provider": "openai"}
    if name in RESPONSES:
        words["response"] = httpx.Response(RESPONSES[name], request=httpx.Request("POST", "http://provider"))
    error: Exception = make(**words)
    if retry_after_s is not None:
        error.headers = {"retry-after": str(retry_after_s)}  # type: ignore[attr-defined]
    return error


def router_of(case: Mapping[str, Any], host: Host, cooldowns: Cooldowns) -> tuple[Router, str]:
    """Build the router of a case, and name the group that its calls ask for."""
    groups: list[str] = []
    models = []
    for deployment in case["deployments"]:
        name = deployment["name"]
        group = deployment.get("group", name)
        if group not in groups:
            groups.append(group)
        params = {"model": f"openai/{name}", "api_key": "none", **deployment.get("litellm_params", {})}
        models.append(
            {
                "model_name": group,
                "litellm_params": params,
                "model_info": {**deployment.get("model_info", {}), "id": name},
            }
        )
    fallbacks = case.get("fallbacks", [{group: groups[place:]} for place, group in enumerate(groups[:-1], start=1)])
    arguments = router_arguments(model_list=models, fallbacks=fallbacks, **case.get("router", {}))
    router = Router.from_config(build_router_config(arguments), host=host)
    core = router._core
    core._cooldowns = CooldownCache(cooldowns, core._cooldowns.default_cooldown_time, clock=CLOCK.time)
    return router, groups[0]


async def judged(case: Mapping[str, Any]) -> dict[str, Any]:
    host, cooldowns = Host(case.get("script", {})), Cooldowns(lambda: CLOCK.now_us, real_time)
    router, group = router_of(case, host, cooldowns)
    calls: list[dict[str, Any]] = []

    async def one(number: int) -> None:
        call, answer = Call(number), calls[number]
        Call.current.set(call)
        answer["start_us"] = CLOCK.now_us
        try:
            response = await router.acompletion(model=group, messages=[{"role": "user", "content": "?"}])
            answer.update(outcome="ok", deployment=response.model)
        except Exception as error:
            answer.update(outcome=type(error).__name__, deployment=None)
        answer.update(end_us=CLOCK.now_us, pause_us=call.pause_us)

    running: list[Awaitable[None]] = []
    for number, arrival_s in enumerate(case["arrivals_s"]):
        arrival_us = round(arrival_s * 1e6)
        calls.append({"call": number, "arrival_us": arrival_us})
        if CLOCK.now_us < arrival_us:
            await asyncio.sleep((arrival_us - CLOCK.now_us) / 1e6)
        task = asyncio.ensure_future(one(number))
        if case.get("overlap", False):
            running.append(task)
        else:
            await task
    await asyncio.gather(*running)
    return {"attempts": host.attempts, "calls": calls, "cooldowns": cooldowns.log}


def judge(case: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what the router does in a case. The head of this module has both shapes."""
    CLOCK.now_us = 0
    names = [deployment["name"] for deployment in case["deployments"]]
    for name, rules in case.get("script", {}).items():
        if name not in names:
            raise ValueError(f"script: {name!r} must be one of the deployments {names}")
        for rule in rules:
            if rule["outcome"] != "ok":
                failure(
                    rule["outcome"], name, None
                )  # raised inside of a call, a slip would look like a provider's error
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(judged(case))


def self_test() -> None:
    """Hold the judge to figures that were published or measured on the live router."""
    outage: dict[str, Any] = {
        "deployments": [{"name": "strong"}, {"name": "weak"}],
        "arrivals_s": [4 * number for number in range(15)],
        "script": {"strong": [{"until_s": 60, "outcome": "server_error"}]},
    }

    def on(verdict: dict[str, Any], name: str) -> list[dict[str, Any]]:
        return [attempt for attempt in verdict["attempts"] if attempt["deployment"] == name]

    # 60 s of outage, a request every 4 s: the primary is asked 4 times if it cools after 1 allowed failure ...
    cooled = judge({**outage, "router": {"allowed_fails": 1, "cooldown_time": 30}})
    assert len(on(cooled, "strong")) == 4
    assert [fall["for_us"] for fall in cooled["cooldowns"]] == [30_000_000] * 2
    assert all(call["deployment"] == "weak" for call in cooled["calls"])
    # ... and 3 times by each of 15 requests with the defaults, which let a group of one be.
    patient = judge({**outage, "overlap": True})
    assert len(on(patient, "strong")) == 45
    assert not patient["cooldowns"]
    # Pauses are .5, 1 and 2 s with up to .75 s more, the last before the fallback.
    for call in range(15):
        first, *pauses = [attempt["pause_us"] for attempt in patient["attempts"] if attempt["call"] == call]
        assert first == 0
        assert [pause // 1_000_000 for pause in pauses[1:]] == [1, 2]
        assert 500_000 <= pauses[0] < 1_250_000
    # A Retry-After is obeyed, and the clock obeys it too.
    judged = judge(
        {
            "deployments": [{"name": "strong"}, {"name": "weak"}],
            "arrivals_s": [0],
            "script": {"strong": [{"attempt": 0, "outcome": "rate_limit", "retry_after_s": 7, "latency_s": 0.25}]},
        }
    )
    first, second = judged["attempts"]
    assert [first["end_us"], second["outcome"]] == [250_000, "ok"]
    assert second["start_us"] == first["end_us"] + second["pause_us"]
    assert 7_000_000 <= second["pause_us"] < 7_750_000
    # Failures are counted from the first one on, not in a sliding window: with two allowed in 5 s, four of them pass.
    counted = judge(
        {
            "router": {"num_retries": 0, "allowed_fails": 2, "cooldown_time": 5},
            "deployments": [{"name": "strong"}, {"name": "weak"}],
            "arrivals_s": [0, 4, 6, 8, 9],
            "script": {"strong": [{"outcome": "server_error"}]},
        }
    )
    assert [fall["at_us"] for fall in counted["cooldowns"]] == [9_000_000]
    # The last group has nothing to fall back to, and is spared, whoever asked; not so by a 401 under the defaults.
    spared = judge(
        {
            "router": {"num_retries": 0, "allowed_fails": 0},
            "deployments": [{"name": "strong"}, {"name": "weak"}],
            "arrivals_s": [0, 1],
            "script": {"strong": [{"outcome": "server_error"}], "weak": [{"outcome": "server_error"}]},
        }
    )
    assert [fall["deployment"] for fall in spared["cooldowns"]] == ["strong"]
    assert [call["outcome"] for call in spared["calls"]] == ["InternalServerError", "RouterRateLimitError"]
    refused = judge(
        {"deployments": [{"name": "weak"}], "arrivals_s": [0, 4.9, 5.1], "script": {"weak": [{"outcome": "auth"}]}}
    )
    assert [attempt["start_us"] for attempt in refused["attempts"]] == [0, 5_100_000]
    # A timeout of the router ends an attempt.
    slow = judge(
        {
            "router": {"timeout": 3, "num_retries": 0},
            "deployments": [{"name": "strong"}, {"name": "weak"}],
            "arrivals_s": [1],
            "script": {"strong": [{"outcome": "ok", "latency_s": 9}]},
        }
    )
    assert [(a["deployment"], a["outcome"], a["end_us"] - a["start_us"]) for a in slow["attempts"]] == [
        ("strong", "timeout", 3_000_000),
        ("weak", "ok", 0),
    ]


def main(arguments: Sequence[str]) -> int:
    from importlib.metadata import version

    if version("litellm") != VERSION:
        print(f"this judge reads private names of litellm {VERSION}. Got {version('litellm')}.", file=sys.stderr)
        return 2
    if arguments == ["--self-test"]:
        self_test()
        return 0
    if arguments:
        with open(arguments[0], encoding="utf-8") as file:
            cases = json.load(file)
    else:
        cases = json.load(sys.stdin)
    json.dump([judge(case) for case in cases], sys.stdout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
