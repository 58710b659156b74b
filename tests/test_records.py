"""Who served: the record of a call, who hears of it, and the state of a gateway for people on call."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timegate as tg
from timegate.core.clock import VirtualClock, from_us, to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, NOBODY
from timegate.core.deployment import Deployment
from timegate.core.policy import REASONS
from timegate.core.router import LiveDraws, Router
from timegate.core.routing import Call
from timegate.engines.record import CALL_COLUMNS
from timegate.errors import InvalidValueError, ServerError
from timegate.gateway.records import CallRecord
from timegate.show.text import iso

AT = to_us("2026-03-02T12:00Z", "at")


class Answering(tg.BaseModel):
    """Takes a second of its clock, and fails as often as it is told."""

    provider, model_type = "own", "chat_completion"

    def __init__(self, clock: VirtualClock, failures: int = 0) -> None:
        self.model_id, self.clock, self.failures = "m", clock, failures

    def __call__(self, **kwargs: Any) -> Any:
        self.clock.at_us += 1_000_000
        if self.failures > 0:
            self.failures -= 1
            raise ServerError("out of order")
        usage = {"prompt_tokens": 3, "completion_tokens": 2}
        return tg.ModelResponse("yes", metadata={"usage": usage})

    async def acall(self, **kwargs: Any) -> Any:
        return self(**kwargs)


def gateway_of(*failures: int, **options: Any) -> tg.ModelGateway:
    clock = VirtualClock(AT)
    models = [{"model_name": "abc"[i], "model": Answering(clock, count)} for i, count in enumerate(failures)]
    return tg.ModelGateway(models, clock, **options)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_record_says_what_became_of_a_call(way: str) -> None:
    """Instant, order, each attempt, who served, tokens and times stand on the answer, as objects and as plain data."""
    gateway = gateway_of(2, 0, policy={"max_retries": 1, "backoff": {"initial_s": 0.0}})
    asked = {"model_preference": "a"}
    answer = gateway(**asked) if way == "sync" else asyncio.run(gateway.acall(**asked))
    record = answer.metadata["timegate"]
    assert (record.at_us, record.order, record.preferred) == (AT, ["a", "b"], "a")
    assert (record.first_choice, record.served_by, record.outcome, record.skipped) == ("a", "b", "fallback", [])
    assert [(each.deployment, each.outcome, each.latency_s) for each in record.attempts] == [
        ("a", "server_error", 1.0),
        ("a", "server_error", 1.0),
        ("b", "ok", 1.0),
    ]
    assert (record.latency_s, record.prompt_tokens, record.completion_tokens) == (3.0, 3, 2)
    written = record.to_dict()
    assert written["tries"][2] == {
        "deployment": "b",
        "provider": "own",
        "model_id": "m",
        "at": "2026-03-02T12:00:02Z",
        "outcome": "ok",
        "latency_s": 1.0,
        "pause_s": 0.0,
        "first_chunk_s": None,
    }
    assert tuple(written)[: len(CALL_COLUMNS)] == CALL_COLUMNS
    assert (written["served_by"], written["attempts"]) == ("b", 3)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
COUNTS = st.none() | st.integers(0, 10**9)
INSTANTS = st.just(0) | st.integers(AT, 2 * AT)
SKIPS = st.tuples(st.integers(0, 1), st.just(AT), st.integers(1, len(REASONS) - 1), INSTANTS)
ATTEMPTS = st.tuples(
    st.integers(0, 1),
    st.integers(0, 10**9),
    st.integers(AT, AT + 10**9),
    st.integers(AT - 10**6, AT + 10**10),
    st.integers(0, len(ATTEMPT_OUTCOMES) - 1),
)


@given(
    st.tuples(TEXTS, TEXTS).filter(lambda names: names[0] != names[1]),
    st.none() | TEXTS,
    st.lists(ATTEMPTS, max_size=3),
    st.lists(SKIPS, max_size=2),
    COUNTS,
    COUNTS,
    st.none() | TEXTS,
)
def test_a_line_of_json_says_what_the_record_says(
    names: Any, preferred: Any, attempts: Any, skips: Any, prompt: Any, cached: Any, model: Any
) -> None:
    """Whatever names and numbers are, member by member."""
    router = Router([Deployment.of(name, "own", model_id="m/1") for name in names])
    call = Call(router, router.new_state(), AT, preferred, LiveDraws())
    call.attempts, call.skips, call.served_by = tuple(attempts), tuple(skips), 1 if attempts else NOBODY
    record = CallRecord(call, "chat_completion")
    usage = {"prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": cached}}
    record.first_chunks_us = dict.fromkeys(range(0, len(attempts), 2), AT + 5)
    record.reported = {"usage": usage, "model": model, "finish_reason": ValueError("odd"), "rate_limits": {"x": "1"}}
    told = json.loads(record.to_json())
    assert "\n" not in record.to_json()
    assert [each.first_chunk_s is None for each in record.attempts] == [False, True, False][: len(attempts)]
    assert record.to_dict() == told
    assert to_us(told["at"], "at") == AT
    assert told["tries"] == [
        {
            "deployment": each.deployment,
            "provider": each.provider,
            "model_id": "m/1",
            "at": iso(each.at),
            "outcome": each.outcome,
            "latency_s": each.latency_s,
            "pause_s": each.pause_s,
            "first_chunk_s": each.first_chunk_s,
        }
        for each in record.attempts
    ]
    untils = [None if each.until is None else iso(each.until) for each in record.skipped]
    assert [tuple(each.values()) for each in told["skipped"]] == [
        (*each[:2], until) for each, until in zip(record.skipped, untils, strict=True)
    ]
    same = ("preferred", "served_by", "outcome", "latency_s", "first_chunk_s", "prompt_tokens", "cached_tokens")
    assert {name: told[name] for name in same} == {name: getattr(record, name) for name in same}
    assert (told["attempts"], told["model"]) == (len(attempts), model)
    assert (told["finish_reason"], told["rate_limits"]) == ("odd", {"x": "1"})


def test_observers_hear_of_every_call_and_harm_none(caplog: pytest.LogCaptureFixture) -> None:
    """Answered and failed calls are told, once each; an exception in one observer goes to the log alone."""
    heard: list[CallRecord] = []

    def broken(record: CallRecord) -> None:
        raise RuntimeError("observer")

    gateway = gateway_of(1, 1, observers=[broken, heard.append])
    with pytest.raises(tg.ModelRouterError):
        gateway()
    assert gateway().consume() == "yes"
    assert [(record.outcome, record.served_by, len(record.attempts)) for record in heard] == [
        ("failed", None, 2),
        ("first_choice", "a", 1),
    ]
    assert [record.levelname for record in caplog.records if "observer" in record.getMessage()] == ["ERROR", "ERROR"]


def test_the_log_has_fallbacks_and_cooldowns(caplog: pytest.LogCaptureFixture) -> None:
    """A fallback is told at INFO with what failed, a deployment that cools at WARNING, an answer not at all."""
    caplog.set_level(logging.INFO, "timegate")
    gateway = gateway_of(1, 0, policy={"cooldown": {"failures": 1, "for_s": 60}})
    caplog.clear()
    for _ in range(2):
        gateway()
    gateway(model_preference="b")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "Model `a` cools until 2026-03-02T12:01:01+00:00"),
        ("INFO", "Model `b` served instead of `a`: a (server_error)"),
        ("INFO", "Model `b` served instead of `a`: a (cooling until 2026-03-02T12:01:01Z)"),
    ]


def test_health_is_a_row_a_deployment() -> None:
    """It says who takes calls, who cools and for how long, and what limits have left."""
    policy = {"cooldown": {"failures": 1, "for_s": 60}, "limits": {"requests_per_min": 10}}
    gateway = gateway_of(1, 0, 0, policy=policy)
    gateway()
    table = gateway.health().set_index("deployment")
    assert list(table["takes_calls"]) == [False, True, True]
    assert table.loc["a", "reason"] == "cooling"
    assert table.loc["a", "cools_for"] == "59 s"
    assert list(table["requests_left"]) == [9, 9, 10]
    assert list(table["running"]) == [0, 0, 0]


def test_an_explanation_of_now_knows_what_calls_share() -> None:
    """Without an instant it passes over what a call would; with one it knows windows, order and weights alone."""
    policy = {"cooldown": {"failures": 1, "for_s": 60, "probes": 1}, "limits": {"requests_per_min": 1}}
    gateway = gateway_of(1, 0, 0, policy=policy)
    assert gateway.explain().order == ["a", "b", "c"]
    gateway()
    now = gateway.explain()
    assert now.order == ["c"]
    assert [row["passed_over"] for row in now.rows] == [
        "cooling until 12:01:01",
        "at its limit of requests a minute",
        "",
    ]
    assert "cooling until 12:01:01" in str(now)
    assert gateway.explain(at="2026-03-02T12:00Z").order == ["a", "b", "c"]
    assert gateway().metadata["timegate"].served_by == "c"
    now = gateway.explain()
    assert (now.order, now.headline.partition("UTC: ")[2]) == ([], "nobody: all that are open are passed over")
    with pytest.raises(tg.ModelRouterError, match=r"No model available: a: cooling until \d\d:\d\d:\d\d"):
        gateway()
    state = gateway._served[2].deployments[0]
    gateway._clock.at_us += 60_000_000  # type: ignore[attr-defined]
    state.probing = 1
    assert gateway.explain().rows[0]["passed_over"] == "probing"


@pytest.mark.parametrize(
    ("policy", "order", "note"),
    [
        ({}, [], ""),
        ({"when_all_cool": "use"}, ["a", "b"], ""),
        ({"when_all_cool": "wait", "max_wait_s": 60}, [], "A call waits 30 s for the first to cool."),
        ({"when_all_cool": "wait", "max_wait_s": 29}, [], ""),
        ({"when_all_cool": "wait", "max_wait_s": 60, "deadline_s": 30, "timeout_s": 30}, [], ""),
    ],
    ids=str,
)
def test_an_explanation_of_now_says_what_follows_when_all_cool(
    policy: dict[str, Any], order: list[str], note: str
) -> None:
    """It follows the policy, as a call does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.TimegateWarning)  # these models end by no time
        gateway = gateway_of(0, 0, policy=policy)
    gateway.cool("a", 40)
    gateway.cool("b", 30)
    now = gateway.explain()
    assert (now.order, now.note) == (order, note)


def test_an_explanation_tells_of_chance() -> None:
    """Where weights decide it says so: of those that are open, and not of one that is preferred."""
    models = [
        {"model_name": name, "model": Answering(VirtualClock(AT)), "priority": 1, "weight": weight}
        for name, weight in (("a", 3), ("b", 0.5), ("c", 1))
    ]
    models[2]["time_constraints"] = [("22:00", "06:00")]
    gateway = tg.ModelGateway(models, VirtualClock(AT))
    assert gateway.explain().note == "Chance orders 'a', 'b' and 'c', by their weights 3, 0.5 and 1."
    night = "2026-03-02T23:00Z"
    assert gateway.explain(night).note == "Chance orders 'a' and 'b', by their weights 3 and 0.5."
    assert gateway.explain(night, "a").note == ""


def test_people_on_call_can_cool_and_reset() -> None:
    """A deployment that is cooled by hand is passed over, whatever the policy, until it is reset or over."""
    gateway = gateway_of(0, 0)
    gateway.cool("a", for_s=30)
    record = gateway().metadata["timegate"]
    until = from_us(AT + 30_000_000)
    assert (record.served_by, record.skipped) == ("b", [("a", "cooling", until)])
    assert record.to_dict()["skipped"] == [{"deployment": "a", "reason": "cooling", "until": iso(until)}]
    gateway.reset("a")
    assert gateway().metadata["timegate"].served_by == "a"
    gateway.cool("a", for_s=30)
    gateway._clock.at_us += 30_000_000  # type: ignore[attr-defined]
    assert gateway().metadata["timegate"].served_by == "a"
    assert list(gateway.health()["running"]) == [0, 0]
    for for_s in (0, -1, math.nan, math.inf, "1"):
        with pytest.raises(InvalidValueError, match="for_s must be a number of seconds above 0"):
            gateway.cool("a", for_s)  # type: ignore[arg-type]
    for refused in (lambda: gateway.cool("aa", 1), lambda: gateway.reset("x")):
        with pytest.raises(InvalidValueError, match="there is no deployment"):
            refused()


def test_cooling_by_hand_in_the_middle_of_a_call_leaves_nothing_behind() -> None:
    """A call that began when nothing was shared is not settled as one that was counted."""
    gateway = gateway_of(0, 0)

    class Cooling(Answering):
        def __call__(self, **kwargs: Any) -> Any:
            gateway.cool("b", 10)
            return super().__call__()

    gateway.models[0] = Cooling(gateway.models[0].clock)
    gateway()
    assert list(gateway.health()["running"]) == [0, 0]


class Waiting(tg.BaseModel):
    """Answers when it is cancelled, or after a chunk, at the latest."""

    provider, model_type, model_id, keeps_time = "own", "chat_completion", "m", True

    def __call__(self, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    async def acall(self, *, stream: bool = False, **kwargs: Any) -> Any:
        if stream:
            return tg.ModelStreamResponse(self.parts())
        return await asyncio.sleep(60)

    async def parts(self) -> Any:
        yield "a"
        await asyncio.sleep(60)


@pytest.mark.parametrize("stream", [True, False])
def test_a_call_that_is_cancelled_is_recorded(stream: bool) -> None:
    """Its attempt is ``cancelled``, counts against nobody, and gives back what it holds; nobody else is tried."""
    heard: list[CallRecord] = []
    models = [{"model_name": name, "model": Waiting()} for name in "ab"]
    policy = {"limits": {"concurrent": 1}, "cooldown": {"failures": 1}}
    gateway = tg.ModelGateway(models, policy=policy, observers=[heard.append])

    async def main() -> None:
        async def ask() -> None:
            answer = await gateway.acall(**({"stream": True} if stream else {}))
            async for _ in answer:
                read.set()

        read = asyncio.Event()
        task = asyncio.create_task(ask())
        if stream:
            await read.wait()
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    with pytest.raises(KeyboardInterrupt):
        gateway()
    assert [(record.outcome, [a.outcome for a in record.attempts]) for record in heard] == [
        ("failed", ["cancelled"])
    ] * 2
    assert list(gateway.health()["takes_calls"]) == [True, True]


def test_a_call_that_is_cancelled_in_a_pause_is_recorded() -> None:
    """Whoever waits for a retry, or for those that cool, can be given up as well."""
    heard: list[CallRecord] = []
    policy = {"max_retries": 1, "backoff": {"initial_s": 60, "jitter": "none", "max_s": 60}}
    gateway = gateway_of(1, policy=policy, observers=[heard.append])

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await gateway.acall()

    asyncio.run(main())
    assert [[a.outcome for a in record.attempts] for record in heard] == [["server_error"]]


@pytest.mark.parametrize("stream", [False, True])
def test_a_limit_of_tokens_says_once_that_it_cannot_count(caplog: pytest.LogCaptureFixture, stream: bool) -> None:
    """Of each deployment whose answers report no usage, and whose policy counts tokens; of others nothing."""

    class Silent(Answering):
        def __call__(self, **kwargs: Any) -> Any:
            return tg.ModelStreamResponse(iter("yes")) if stream else tg.ModelResponse("yes")

    clock = VirtualClock(AT)
    limited = {"limits": {"tokens_per_min": 1000}}
    entries = [("a", Silent, limited), ("b", Silent, {}), ("c", Answering, limited)]
    models = [{"model_name": name, "model": kind(clock), "policy": policy} for name, kind, policy in entries]
    gateway = tg.ModelGateway(models, clock)
    with caplog.at_level("WARNING", "timegate"):
        for name in "abc" * 2:
            answer = gateway(model_preference=name)
            assert answer.consume() if not isinstance(answer, tg.ModelStreamResponse) else list(answer)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["Model `a` reports no usage: its limit of tokens_per_min counts its answers as 0"]
