"""Who served: the record of a call, who hears of it, and the state of a gateway for people on call."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import timegate as tg
from timegate.core.clock import VirtualClock, to_us
from timegate.engines.record import CALL_COLUMNS
from timegate.errors import InvalidValueError, ServerError
from timegate.gateway.records import CallRecord

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
    told = record.to_dict()
    assert told["tries"][2] == {
        "deployment": "b",
        "provider": "own",
        "model_id": "m",
        "at": "2026-03-02T12:00:02Z",
        "outcome": "ok",
        "latency_s": 1.0,
        "pause_s": 0.0,
    }
    assert tuple(told)[: len(CALL_COLUMNS)] == CALL_COLUMNS
    assert (told["served_by"], told["attempts"]) == ("b", 3)


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
        ("INFO", "Model `b` served instead of `a`: a (cooling)"),
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


def test_people_on_call_can_cool_and_reset() -> None:
    """A deployment that is cooled by hand is passed over, whatever the policy, until it is reset or over."""
    gateway = gateway_of(0, 0)
    gateway.cool("a", for_s=30)
    record = gateway().metadata["timegate"]
    assert (record.served_by, record.skipped) == ("b", [("a", "cooling")])
    gateway.reset("a")
    assert gateway().metadata["timegate"].served_by == "a"
    gateway.cool("a", for_s=30)
    gateway._clock.at_us += 30_000_000  # type: ignore[attr-defined]
    assert gateway().metadata["timegate"].served_by == "a"
    assert list(gateway.health()["running"]) == [0, 0]
    for refused in (lambda: gateway.cool("aa", 1), lambda: gateway.cool("a", 0), lambda: gateway.reset("x")):
        with pytest.raises(InvalidValueError, match=r"there is no deployment|seconds above 0"):
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
