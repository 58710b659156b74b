"""Other people's routers, as they are written, in virtual time. Right values are worked out by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.errors import ModelCallError

START = "2026-03-02T00:00Z"
DOWN = tg.Scenario(faults=[tg.Outage(target="a", start=START, end="2026-03-02T00:00:10Z", after_s=1)])
"""``a`` fails after a second, for ten seconds."""
A, B = DOWN.model("a"), DOWN.model("b")
SECONDS = tg.Trace(pd.date_range(START, periods=4, freq="4s"))


def rows(run: tg.Replay) -> list[list[Any]]:
    """Call, deployment, and the second in which each attempt starts."""
    at = (run.attempts["at"] - pd.Timestamp(START)).dt.total_seconds()
    return [[c, d, s] for c, d, s in zip(run.attempts["call"], run.attempts["deployment"], at, strict=True)]


def retried() -> list[list[Any]]:
    """Three tries 2 s apart: a call tries at 0, 3, 6 of its own; from second 10 on ``a`` answers."""
    return [
        *([0, "a", 0.0], [0, "a", 3.0], [0, "a", 6.0], [0, "b", 7.0]),
        *([1, "a", 4.0], [1, "a", 7.0], [1, "a", 10.0]),
        *([2, "a", 8.0], [2, "a", 11.0]),
        [3, "a", 12.0],
    ]


def test_tenacity() -> None:
    """Three tries, two seconds apart, then the other model."""
    tenacity = pytest.importorskip("tenacity")
    patient = tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_fixed(2), reraise=True)(
        lambda: A()
    )

    def router(model_preference: str | None = None) -> Any:
        try:
            return patient()
        except ModelCallError:
            return B()

    assert rows(tg.replay(router, SECONDS, DOWN)) == retried()


def test_stamina() -> None:
    """The same, with stamina around the model; and as a coroutine."""
    stamina = pytest.importorskip("stamina")
    how = {
        "on": ModelCallError,
        "attempts": 3,
        "wait_initial": 2,
        "wait_exp_base": 1,
        "wait_jitter": 0,
        "timeout": None,
    }

    def router(model_preference: str | None = None) -> Any:
        try:
            for attempt in stamina.retry_context(**how):
                with attempt:
                    return A()
        except ModelCallError:
            return B()

    async def awaiting(model_preference: str | None = None) -> Any:
        try:
            async for attempt in stamina.retry_context(**how):
                with attempt:
                    return await A.acall()
        except ModelCallError:
            return await B.acall()

    assert rows(tg.replay(router, SECONDS, DOWN)) == retried()
    assert rows(tg.replay(awaiting, SECONDS, DOWN)) == retried()


def test_pybreaker() -> None:
    """The breaker opens when a call fails, for 5 s; the trial call after that is made, and closes it if it succeeds.

    Call 0 fails at 1: open until 6. Call 1, at 4, goes to ``b``. Call 2, at 8, tries and fails at 9: open until 14.
    Call 3, at 12, goes to ``b``; call 4, at 16, tries and is answered, and so is call 5.
    """
    pybreaker = pytest.importorskip("pybreaker")
    breaker = pybreaker.CircuitBreaker(fail_max=1, reset_timeout=5)

    def router(model_preference: str | None = None) -> Any:
        try:
            return breaker.call(A)
        except (ModelCallError, pybreaker.CircuitBreakerError):
            return B()

    run = tg.replay(router, tg.Trace(pd.date_range(START, periods=6, freq="4s")), DOWN)
    assert rows(run) == [
        *([0, "a", 0.0], [0, "b", 1.0]),
        [1, "b", 4.0],
        *([2, "a", 8.0], [2, "b", 9.0]),
        [3, "b", 12.0],
        *([4, "a", 16.0], [5, "a", 20.0]),
    ]


FALLEN_BACK = [
    *([0, "a", 0.0], [0, "b", 1.0], [1, "a", 4.0], [1, "b", 5.0], [2, "a", 8.0], [2, "b", 9.0]),
    [3, "a", 12.0],
]


def test_langchain() -> None:
    """A chain ``with_fallbacks``, plain and awaited."""
    runnables = pytest.importorskip("langchain_core.runnables")

    async def ask_a(question: str) -> Any:
        return await A.acall()

    async def ask_b(question: str) -> Any:
        return await B.acall()

    chain = runnables.RunnableLambda(lambda _: A(), afunc=ask_a).with_fallbacks(
        [runnables.RunnableLambda(lambda _: B(), afunc=ask_b)]
    )
    assert rows(tg.replay(lambda model_preference: chain.invoke("Hi"), SECONDS, DOWN)) == FALLEN_BACK
    assert rows(tg.replay(lambda model_preference: chain.ainvoke("Hi"), SECONDS, DOWN)) == FALLEN_BACK


def test_pydantic_ai() -> None:
    """An agent on a ``FallbackModel``."""
    pytest.importorskip("pydantic_ai")
    from pydantic_ai import Agent
    from pydantic_ai.messages import ModelResponse, TextPart
    from pydantic_ai.models.fallback import FallbackModel
    from pydantic_ai.models.function import FunctionModel

    def ours(model: Any) -> Any:
        async def ask(messages: Any, info: Any) -> Any:
            return ModelResponse(parts=[TextPart((await model.acall()).consume())])

        return FunctionModel(ask)

    agent = Agent(FallbackModel(ours(A), ours(B), fallback_on=(ModelCallError,)))

    async def router(model_preference: str | None = None) -> Any:
        return await agent.run("Hi")

    run = tg.replay(router, SECONDS, DOWN)
    assert rows(run) == FALLEN_BACK
    assert run.calls["served_by"].tolist() == ["b", "b", "b", "a"]
