"""Any function as a model: plain, async, generators, what it may return, and when it is given up."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asked import answered, ways

import timegate as tg
from timegate.errors import CallerError, InvalidTypeError, ModelTimeoutError
from timegate.models.base import UNTIL_US, seconds_left


def plain(*, messages: str, fails: bool = False) -> str:
    if fails:
        raise TypeError("of its own")
    return messages.upper()


async def awaited(*, messages: str, fails: bool = False) -> str:
    await asyncio.sleep(0)
    return plain(messages=messages, fails=fails)


def parts(*, messages: str) -> Iterator[str]:
    yield from messages.upper()


async def async_parts(*, messages: str) -> AsyncIterator[str]:
    for part in messages.upper():
        await asyncio.sleep(0)
        yield part


class Callable:
    async def __call__(self, *, messages: str) -> str:
        return messages.upper()


def ask(asked: Any, way: str, **kwargs: Any) -> Any:
    """Call a model or a gateway, and read what it answers."""
    answer, chunks = answered(asked, way, **kwargs)
    return answer.consume() if chunks is None else "".join(chunks)


functions = [plain, awaited, parts, async_parts, Callable(), lambda **kwargs: awaited(**kwargs)]


@ways
@pytest.mark.parametrize("function", functions, ids=lambda f: getattr(f, "__name__", "object"))
def test_any_function_answers(way: str, function: Any) -> None:
    """What it returns is the answer, whichever kind it is and whichever way it is called, alone and in a gateway."""
    model = tg.CallableModel(function, provider="ours")
    assert ask(model, way, messages="hi") == "HI"
    gateway = tg.ModelGateway([{"model_name": n, "model": model} for n in "ab"])
    assert ask(gateway, way, messages="hi") == "HI"


@ways
@pytest.mark.parametrize("function", [plain, awaited])
def test_a_call_that_does_not_fit_is_the_callers(way: str, function: Any) -> None:
    """The function is not begun; a TypeError of its own is its own."""
    model = tg.CallableModel(function)
    with pytest.raises(CallerError, match="colour"):
        ask(model, way, messages="hi", colour=1)
    with pytest.raises(TypeError, match="of its own"):
        ask(model, way, messages="hi", fails=True)


def test_names_and_refusals() -> None:
    """A model is named after its function, and what is none is refused."""
    assert tg.CallableModel(plain).model_id == "plain"
    assert tg.CallableModel(functools.partial(plain, fails=False)).model_id == "partial"
    assert tg.CallableModel(plain, "m", model_type="other", batch_support=True).model_type == "other"
    with pytest.raises(InvalidTypeError, match="function must be one"):
        tg.CallableModel("plain")  # type: ignore[arg-type]
    answer = tg.ModelResponse("as it is")
    assert tg.CallableModel(lambda: answer)() is answer


def test_blocking_calls_share_a_lasting_loop() -> None:
    """Connections that an async function keeps belong to its loop, which is the same the next time."""
    loops = []

    async def function() -> str:
        loops.append(asyncio.get_running_loop())
        return "x"

    model = tg.CallableModel(function)
    model()
    model()
    assert loops[0] is loops[1]


def test_an_async_function_ends_in_time() -> None:
    """The policy's time ends its blocking call, and cancels it; a TimeoutError of its own is its own."""
    cancelled = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def own() -> None:
        raise TimeoutError("of its own")

    token = UNTIL_US.set(round((time.time() + 0.05) * 1e6))
    with pytest.raises(ModelTimeoutError):
        tg.CallableModel(slow)()
    UNTIL_US.reset(token)
    assert cancelled.wait(300)
    with pytest.raises(TimeoutError, match="of its own"):
        tg.CallableModel(own)()


@pytest.mark.parametrize("stream", [False, True])
def test_in_thread_a_blocking_call_is_given_up(stream: bool) -> None:
    """A function that hangs holds up nobody when it runs in a thread, and knows how long it may."""
    begun, over, left = threading.Event(), threading.Event(), []

    def hangs(**_: Any) -> str:
        left.append(seconds_left())
        begun.set()
        over.wait(60)
        return "late"

    models: list[dict[str, Any]] = [
        {"model_name": "a", "model": tg.CallableModel(hangs, in_thread=True), "policy": {"timeout_s": 0.1}},
        {"model_name": "b", "model": tg.CallableModel(lambda **_: "in time")},
    ]
    answer = tg.ModelGateway(models)(stream=stream)
    over.set()
    assert answer.consume() == "in time"
    assert [each.outcome for each in answer.metadata["timegate"].attempts] == ["timeout", "ok"]
    assert begun.wait(300)  # on a busy machine, not before it was given up
    assert 0 < left[0] <= 0.1


@pytest.mark.parametrize("way", ["sync", "async", "stream"])
def test_in_thread_what_ends_the_process_reaches_the_caller(way: str) -> None:
    """A ``SystemExit`` is no failure of the deployment: nobody else is asked, and the call was given up."""
    heard: list[tg.CallRecord] = []

    def leaves(**_: Any) -> Any:
        if way == "stream":
            return chunks()
        raise SystemExit(3)

    def chunks() -> Iterator[str]:
        yield "a"
        raise SystemExit(3)

    models: list[dict[str, Any]] = [
        {"model_name": "a", "model": tg.CallableModel(leaves, in_thread=True), "policy": {"timeout_s": 60}},
        {"model_name": "b", "model": tg.CallableModel(lambda **_: "never")},
    ]
    gateway = tg.ModelGateway(models, observers=[heard.append])

    def ask() -> Any:
        if way == "async":
            return asyncio.run(gateway.acall())
        return gateway(**({"stream": True} if way == "stream" else {})).consume()

    with pytest.raises(SystemExit) as caught:
        ask()
    assert caught.value.code == 3
    assert [[each.outcome for each in record.attempts] for record in heard] == [["cancelled"]]


def test_in_thread_a_stream_is_read_to_its_end() -> None:
    """The time of the policy ends at the first chunk."""

    def slow(**_: Any) -> Iterator[str]:
        yield "a"
        time.sleep(1.2)
        yield "b"

    models = [{"model_name": n, "model": tg.CallableModel(slow, in_thread=True)} for n in "xy"]
    assert tg.ModelGateway(models, policy={"timeout_s": 1.0})(stream=True).consume() == "ab"


def test_a_stream_of_a_plain_generator_does_not_block_the_loop() -> None:
    """Its parts are waited for in threads: two streams that wait for each other both end."""
    barrier = threading.Barrier(2)

    def meets(**_: Any) -> Iterator[str]:
        barrier.wait(300)
        yield "met"

    async def main() -> list[str]:
        return await asyncio.gather(*(read() for _ in range(2)))

    async def read() -> str:
        return "".join([part async for part in await tg.CallableModel(meets).acall()])

    assert asyncio.run(main()) == ["met", "met"]


def test_a_model_that_cannot_be_given_up_is_warned_of() -> None:
    """A ``timeout_s`` on a model that keeps no time and runs in no thread; anything else is silent."""
    sync, in_thread = tg.CallableModel(plain), tg.CallableModel(plain, in_thread=True)
    with pytest.warns(tg.TimegateWarning, match="deployment 'a': CallableModel cannot be given up after timeout_s=5"):
        tg.ModelGateway([{"model_name": "a", "model": sync, "policy": {"timeout_s": 5}}])
    for model, policy in [(sync, {"max_retries": 1}), (in_thread, {"timeout_s": 5}), (sync, None)]:
        tg.ModelGateway([{"model_name": "a", "model": model, "policy": policy}])
    tg.ModelGateway([{"model_name": "a", "model": tg.CallableModel(awaited)}], policy={"timeout_s": 5})
