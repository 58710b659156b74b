"""Any router in virtual time. The right values are worked out by hand; nothing here sleeps for real."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for_futures
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import sleep
from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.engines import virtual
from timegate.errors import InvalidTypeError, ModelCallError, ReplayError

START = "2026-03-02T00:00Z"
DOWN = tg.Scenario(faults=[tg.Outage(target="a", start=START, end="2026-03-02T00:10Z", error="timeout", after_s=10)])
SLOW = tg.Scenario(faults=[tg.Latency(target="a", median_s=10), tg.Latency(target="b", median_s=1)])
ONE = tg.Trace([START])


def every(seconds: float, calls: int) -> tg.Trace:
    return tg.Trace(pd.date_range(START, periods=calls, freq=pd.Timedelta(seconds=seconds)))


def keeping_aside(scenario: tg.Scenario, clock: Callable[[], float], until: float = 0.0) -> Callable[..., Any]:
    """Return a router that keeps ``a`` aside for 60 s after a failure."""
    a, b = scenario.model("a"), scenario.model("b")

    def router(model_preference: str | None = None) -> Any:
        nonlocal until
        if clock() >= until:
            try:
                return a()
            except ModelCallError:
                until = clock() + 60
        return b()

    return router


CLOCKS: list[Callable[[], float]] = [
    time.time,
    time.monotonic,
    time.perf_counter,
    lambda: time.time_ns() / 1e9,
    lambda: time.monotonic_ns() / 1e9,
    lambda: time.perf_counter_ns() / 1e9,
    lambda: datetime.now(UTC).timestamp(),
]


@pytest.mark.parametrize("clock", CLOCKS)
def test_memory_on_any_clock(clock: Callable[[], float]) -> None:
    """A router does not see the future: while the first call waits, the next ones come.

    Calls 0 to 9 start before the first failure is known, at second 10. The last of them fails at 19 and keeps ``a``
    aside until 79; the calls of seconds 79 to 88 try it again, and at 89 the first of those has failed: 20 attempts.
    """
    run = tg.replay(keeping_aside(DOWN, clock), every(1, 100), DOWN)
    tried = run.attempts[run.attempts["deployment"] == "a"]
    assert tried["call"].tolist() == [*range(10), *range(79, 89)]
    assert set(tried["latency_s"]) == {10.0}
    assert set(tried["outcome"]) == {"timeout"}
    assert run.calls["latency_s"].tolist() == [10.0 if i in tried["call"].tolist() else 0.0 for i in range(100)]


def test_memory_of_a_coroutine() -> None:
    """The same router as a coroutine function, on its loop's clock."""
    a, b = DOWN.model("a"), DOWN.model("b")
    until = 0.0

    async def router(model_preference: str | None = None) -> Any:
        nonlocal until
        loop = asyncio.get_running_loop()
        if loop.time() >= until:
            try:
                return await a.acall()
            except ModelCallError:
                until = loop.time() + 60
        return await b.acall()

    run = tg.replay(router, every(1, 100), DOWN)
    assert run.attempts.loc[run.attempts["deployment"] == "a", "call"].tolist() == [*range(10), *range(79, 89)]


def hold_up(wait: Callable[[], Any]) -> float:
    """Return how long a call takes that waits once, and then asks a model that answers at once."""
    model = tg.Scenario().model("sure")

    def router(model_preference: str | None = None) -> Any:
        wait()
        return model()

    run = tg.replay(router, ONE, tg.Scenario())
    return float(run.calls["latency_s"].iloc[0])


def timed_out_condition() -> None:
    condition = threading.Condition()
    with condition:
        assert not condition.wait(0.25)


def queue_that_stays_empty(kind: Callable[[], Any]) -> None:
    with pytest.raises(queue.Empty):
        kind().get(timeout=0.25)


def lock_that_is_held(kind: Callable[[], Any]) -> None:
    lock = kind()
    done = threading.Thread(target=lambda: (lock.acquire(), sleep(1), lock.release()))
    done.start()
    sleep(0.125)
    assert not lock.acquire(timeout=0.125)
    assert not lock.acquire(blocking=False)


def future_that_is_late() -> None:
    with pytest.raises(TimeoutError):
        Future[None]().result(timeout=0.25)


async def async_sleep() -> None:
    await asyncio.sleep(0.25)


WAITS: list[Callable[[], Any]] = [
    partial(time.sleep, 0.25),
    lambda: time.sleep(0.25),
    lambda: sleep(0.25),
    lambda: threading.Event().wait(0.25),
    timed_out_condition,
    partial(queue_that_stays_empty, queue.Queue),
    partial(queue_that_stays_empty, queue.SimpleQueue),
    partial(lock_that_is_held, threading.Lock),
    partial(lock_that_is_held, threading.RLock),
    lambda: threading.Semaphore(0).acquire(timeout=0.25),
    future_that_is_late,
    lambda: ThreadPoolExecutor(1).submit(sleep, 0.25).result(),
    lambda: asyncio.run(async_sleep()),
]


@pytest.mark.parametrize("wait", WAITS)
def test_every_wait_of_the_standard_library_passes_in_virtual_time(wait: Callable[[], Any]) -> None:
    """Each takes a quarter of a second of the call, and none of ours."""
    before = time.perf_counter()
    assert hold_up(wait) == 0.25
    assert time.perf_counter() >= before  # the process has its own clock again


def test_things_made_before_the_replay_wait_in_virtual_time() -> None:
    """Locks, queues and pools that a router keeps are of its calls' time: two calls hold one lock for 10 s each."""
    a = SLOW.model("a")
    lock, again, pool = threading.Lock(), threading.RLock(), ThreadPoolExecutor(1)

    def with_(lock: Any) -> Callable[..., Any]:
        def router(model_preference: str | None = None) -> Any:
            with lock:
                return a()

        return router

    trace = every(1, 3)
    for router in (with_(lock), with_(again), lambda model_preference: pool.submit(a).result()):
        run = tg.replay(router, trace, SLOW.without(["b"]))
        assert run.attempts["at"].tolist() == list(pd.date_range(START, periods=3, freq="10s"))
        assert run.calls["latency_s"].tolist() == [10.0, 19.0, 28.0]  # the second waits from 1 to 10, and so on


def test_threads_of_a_call_are_in_virtual_time() -> None:
    """The first of two threads wins: the call takes the second that ``b`` takes, and ``a``'s attempt goes on."""
    a, b = SLOW.model("a"), SLOW.model("b")
    pool = ThreadPoolExecutor(8)

    def router(model_preference: str | None = None) -> Any:
        done, _ = wait_for_futures([pool.submit(a), pool.submit(b)], return_when=FIRST_COMPLETED)
        return done.pop().result()

    run = tg.replay(router, every(5, 2), SLOW)
    assert run.calls["latency_s"].tolist() == [1.0, 1.0]
    assert run.calls["served_by"].tolist() == ["b", "b"]
    assert run.attempts["deployment"].tolist() == ["a", "b"] * 2
    assert run.attempts["latency_s"].tolist() == [10.0, 1.0] * 2
    assert run.attempts["outcome"].tolist() == ["ok"] * 4  # a thread cannot be cancelled


def test_a_pool_that_is_left_waits_for_its_threads() -> None:
    """A ``with`` block of a pool ends with its last thread, and a thread that is joined has ended."""
    a, b = SLOW.model("a"), SLOW.model("b")

    def router(model_preference: str | None = None) -> Any:
        with ThreadPoolExecutor() as pool:
            pool.submit(a)
            found = pool.submit(b)
        thread = threading.Thread(target=b)
        thread.start()
        assert thread.is_alive()
        thread.join(0.5)
        assert thread.is_alive()
        thread.join()
        assert not thread.is_alive()
        return found.result()

    run = tg.replay(router, ONE, SLOW)
    assert run.calls["latency_s"].tolist() == [11.0]
    assert run.calls["served_by"].tolist() == ["b"]


def test_a_limit_of_asyncio_cancels_the_attempt() -> None:
    """``wait_for`` ends the call after 4 s, and the row says that its caller gave it up after 4 s."""
    a = SLOW.model("a")

    async def router(model_preference: str | None = None) -> Any:
        return await asyncio.wait_for(a.acall(), 4)

    run = tg.replay(router, every(1, 3), SLOW.without(["b"]))
    assert run.calls["latency_s"].tolist() == [4.0] * 3
    assert run.calls["outcome"].tolist() == ["failed"] * 3
    assert run.attempts["outcome"].tolist() == ["cancelled"] * 3
    assert run.attempts["latency_s"].tolist() == [4.0] * 3


def test_the_loser_of_a_race_is_cancelled() -> None:
    """Two tasks, the second started after 0.5 s: ``b`` answers at 1.5, and ``a`` is cancelled then."""
    a, b = SLOW.model("a"), SLOW.model("b")

    async def router(model_preference: str | None = None) -> Any:
        first = asyncio.create_task(a.acall())
        await asyncio.wait([first], timeout=0.5)
        other = asyncio.create_task(b.acall())
        done, late = await asyncio.wait([first, other], return_when=FIRST_COMPLETED)
        for task in late:
            task.cancel()
        return done.pop().result()

    run = tg.replay(router, ONE, SLOW)
    assert run.calls["latency_s"].tolist() == [1.5]
    assert run.attempts[["deployment", "outcome", "latency_s"]].to_numpy().tolist() == [
        ["a", "cancelled", 1.5],
        ["b", "ok", 1.0],
    ]


def test_a_coroutine_that_blocks_its_loop_holds_up_all_calls() -> None:
    """A sleep of 2 s in a coroutine blocks the loop, as it does live: the call that comes at 1 starts at 2."""
    b = SLOW.model("b")

    async def router(model_preference: str | None = None) -> Any:
        time.sleep(2)
        return await b.acall()

    run = tg.replay(router, every(1, 2), SLOW.without(["a"]))
    # The first sleeps from 0 to 2, the second then from 2 to 4: the first's answer, due at 3, is heard at 4.
    assert run.attempts["at"].tolist() == [pd.Timestamp(START) + pd.Timedelta(seconds=s) for s in (2, 4)]
    assert run.calls["latency_s"].tolist() == [4.0, 4.0]


def test_a_loop_of_its_own_in_each_call() -> None:
    """A plain callable may run coroutines in a loop that it makes: calls overlap all the same."""
    a, b = DOWN.model("a"), DOWN.model("b")

    async def route() -> Any:
        try:
            return await a.acall()
        except ModelCallError:
            return await asyncio.to_thread(b)

    run = tg.replay(lambda model_preference: asyncio.run(route()), every(1, 12), DOWN)
    assert set(run.calls["latency_s"]) == {10.0}
    assert set(run.calls["served_by"]) == {"b"}


def test_other_threads_keep_their_own_time() -> None:
    """A thread that runs beside the replay sleeps for real, and its monotonic clock goes on by what it slept."""
    model, told, slept = SLOW.model("a"), threading.Event(), list[float]()

    def beside() -> None:
        told.wait()
        before = time.monotonic()
        time.sleep(0.01)
        slept.append(time.monotonic() - before)

    thread = threading.Thread(target=beside)
    thread.start()

    def router(model_preference: str | None = None) -> Any:
        told.set()
        return model()

    tg.replay(router, every(3600, 1000), SLOW.without(["b"]))
    thread.join()
    assert 0.01 <= slept[0] < 3600


# Bad input ------------------------------------------------------------------------------------------------------------


def test_a_router_that_waits_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many waits are an error that names the call, whatever the router makes of it."""
    monkeypatch.setattr(virtual, "MOST_WAITS", 1000)

    def router(model_preference: str | None = None) -> Any:
        while True:
            with suppress(Exception):
                time.sleep(0.001)

    with pytest.raises(ReplayError, match=r"^call 0: the router has waited 1,000 times.*test_virtual\.py, line"):
        tg.replay(router, ONE)


def test_a_router_that_waits_too_long() -> None:
    """A wait of many years is an error that names the call."""
    with pytest.raises(ReplayError, match=r"^call 0: the router waits until 1,157 days after"):
        tg.replay(lambda model_preference: time.sleep(1e8), ONE)


def test_a_router_that_waits_for_nothing() -> None:
    """A wait that nothing can end is an error that names the call and the place."""
    with pytest.raises(ReplayError, match=r"^call 0: the router waits for what never comes.*test_virtual\.py, line"):
        tg.replay(lambda model_preference: threading.Event().wait(), ONE)


def test_a_coroutine_that_never_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a future that nobody sets nor callbacks without end hold the replay."""

    async def waits(model_preference: str | None = None) -> Any:
        await asyncio.get_running_loop().create_future()

    async def spins(model_preference: str | None = None) -> Any:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(ReplayError, match="call 0: the router waits for what never comes"):
        tg.replay(waits, ONE)
    monkeypatch.setattr("timegate.engines.loop.MOST_WAITS", 1000)
    with pytest.raises(ReplayError, match="call 0: the router runs 1,000 callbacks of a loop, and no time passes"):
        tg.replay(spins, ONE)


def test_a_router_that_swallows_its_cancellation() -> None:
    """A call whose coroutine takes its cancellation for nothing goes on until the attempt ends, as it does live."""
    a = SLOW.model("a")

    async def stubborn() -> Any:
        attempt = asyncio.ensure_future(a.acall())
        while not attempt.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(attempt)
        return attempt.result()

    async def router(model_preference: str | None = None) -> Any:
        return await asyncio.wait_for(stubborn(), 4)

    run = tg.replay(router, ONE, SLOW.without(["b"]))
    assert run.calls["latency_s"].tolist() == [10.0]
    assert run.attempts["latency_s"].tolist() == [10.0]


def test_a_router_that_leaves_tasks_behind() -> None:
    """An attempt that nobody waits for ends in its own time; a task without end is cancelled with the replay."""
    a, b = SLOW.model("a"), SLOW.model("b")
    ended: list[str] = []

    async def for_ever() -> None:
        try:
            while True:
                await asyncio.sleep(1)
        finally:
            ended.append("cancelled")

    tasks: list[Any] = []

    async def router(model_preference: str | None = None) -> Any:
        tasks.extend([asyncio.create_task(a.acall()), asyncio.create_task(for_ever())])
        return await b.acall()

    run = tg.replay(router, ONE, SLOW)
    assert run.calls["latency_s"].tolist() == [1.0]
    assert run.attempts["latency_s"].tolist() == [1.0, 10.0]  # b starts first: a task begins when the router waits
    assert run.attempts["deployment"].tolist() == ["b", "a"]
    assert ended == ["cancelled"]


def test_a_generator_is_refused() -> None:
    """A router that yields has not answered."""

    def router(model_preference: str | None = None) -> Any:
        yield SLOW.model("a")()

    with pytest.raises(InvalidTypeError, match="Call 0 returned a generator"):
        tg.replay(router, ONE)


def test_an_exception_in_a_callback_is_raised() -> None:
    """What an event loop would log and forget ends the replay, with a note of where it comes from."""

    async def router(model_preference: str | None = None) -> Any:
        asyncio.get_running_loop().call_later(0.5, lambda: 1 / 0)
        return await SLOW.model("b").acall()

    with pytest.raises(ZeroDivisionError) as caught:
        tg.replay(router, ONE, SLOW.without(["a"]))
    assert caught.value.__notes__ == ["Raised in a callback of the router's event loop."]


def test_an_old_loop_is_refused() -> None:
    """A loop that was made before the replay has real time: it is named, with what to do."""
    loop = asyncio.new_event_loop()

    def router(model_preference: str | None = None) -> Any:
        coroutine = SLOW.model("b").acall()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(ReplayError, match="an event loop that was made before the replay"):
        tg.replay(router, ONE, SLOW.without(["a"]))
    loop.close()


def test_a_connection_is_refused() -> None:
    """A coroutine that opens a connection is told that this cannot be in virtual time."""

    async def router(model_preference: str | None = None) -> Any:
        return await asyncio.open_connection("localhost", 1)

    with pytest.raises(ReplayError, match="asks its event loop for a connection"):
        tg.replay(router, ONE)


def test_a_replay_within_a_replay_is_refused() -> None:
    """The clocks of the process are held by one."""
    with pytest.raises(ReplayError, match="under way in this process"):
        tg.replay(lambda model_preference: tg.replay(lambda model_preference: None, ONE), ONE)
