"""Any router in virtual time. The right values are worked out by hand; nothing here sleeps for real."""

from __future__ import annotations

import asyncio
import io
import itertools
import queue
import sys
import threading
import time
import warnings
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
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

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


@pytest.mark.parametrize(("stops", "queue"), [(False, 0), (True, 0), (False, 1)])
def test_capacities_hold_for_models_of_the_scenario(stops: bool, queue: int) -> None:
    """One slot that two deployments share, 10 s of work, callers that give up after 4 s and come 5 s apart.

    Work goes on until 10 although its caller gave up at 4: the call at 5 is refused, or waits until 9 and gives up in
    the queue; that at 10 finds the slot free, for ends come before arrivals. A provider that stops is free at 4.
    """
    capacity = tg.Capacity(target="provider:sim", concurrent=1, stops_on_cancel=stops, queue=queue)
    scenario = tg.Scenario(faults=[capacity, tg.Latency(target="provider:sim", median_s=10)])
    models = itertools.cycle([scenario.model("a"), scenario.model("b")])

    async def router(model_preference: str | None = None) -> Any:
        return await asyncio.wait_for(next(models).acall(), 4)

    run = tg.replay(router, every(5, 4), scenario)
    second = ["rate_limit", 0.0] if not stops and not queue else ["cancelled", 4.0]
    assert run.attempts[["outcome", "latency_s"]].to_numpy().tolist() == [["cancelled", 4.0], second] * 2
    assert run.attempts["deployment"].tolist() == ["a", "b"] * 2


def test_ends_come_before_limits_and_pauses() -> None:
    """An answer at the very instant of a limit, or of a sleep that ends, is the first to be heard."""
    b = SLOW.model("b")
    heard: list[str] = []

    async def router(model_preference: str | None = None) -> Any:
        asyncio.get_running_loop().call_later(1, heard.append, "pause")
        answer = await asyncio.wait_for(b.acall(), 1)
        heard.append("answer")
        return answer

    run = tg.replay(router, ONE, SLOW.without(["a"]))
    assert run.calls["outcome"].tolist() == ["first_choice"]
    assert heard[0] == "answer"


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


class KernelStream(io.StringIO):
    """A stream as a notebook's kernel has it: to flush it is to wait until another thread has written."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()
        self.flushed = 0
        self.thread = threading.Thread(target=self.write_on)
        self.thread.start()

    def write_on(self) -> None:
        while (asked := self.asked.get()) is not None:
            asked.set()

    def flush(self) -> None:
        written = threading.Event()
        self.asked.put(written)
        assert written.wait(60)
        self.flushed += 1


@pytest.mark.parametrize("awaits", [False, True], ids=["plain", "coroutine"])
def test_what_a_router_prints_takes_no_time(monkeypatch: pytest.MonkeyPatch, awaits: bool) -> None:
    """Nor what it logs, where the notebook's kernel has to be waited for."""
    stream = KernelStream()
    monkeypatch.setattr(sys, "stderr", stream)
    a = SLOW.model("a")

    def plain(model_preference: str | None = None) -> Any:
        print("asked", file=sys.stderr, flush=True)
        return a()

    async def coroutine(model_preference: str | None = None) -> Any:
        print("asked", file=sys.stderr, flush=True)
        return await a.acall()

    try:
        run = tg.replay(coroutine if awaits else plain, every(1, 20), SLOW.without(["b"]))
    finally:
        stream.asked.put(None)
        stream.thread.join()
    assert run.calls["latency_s"].tolist() == [10.0] * 20
    assert stream.flushed >= 20
    assert stream.getvalue().count("asked") == 20


def test_other_threads_keep_their_own_time() -> None:
    """A thread that runs beside the replay sleeps for real, and its monotonic clock goes on by what it slept."""
    model, ready, slept = SLOW.model("a"), threading.Event(), list[float]()

    def beside() -> None:
        ready.wait()
        before = time.monotonic()
        time.sleep(0.01)
        slept.append(time.monotonic() - before)

    thread = threading.Thread(target=beside)
    thread.start()

    def router(model_preference: str | None = None) -> Any:
        ready.set()
        return model()

    tg.replay(router, every(3600, 1000), SLOW.without(["b"]))
    thread.join()
    assert 0.01 <= slept[0] < 3600


# Random programs ------------------------------------------------------------------------------------------------------

ACTS = st.one_of(
    st.tuples(st.just("sleep"), st.integers(0, 4)),
    st.tuples(st.just("try"), st.sampled_from("ab")),
    st.tuples(st.just("unless failed within"), st.integers(1, 6)),
    st.tuples(st.just("race"), st.integers(0, 3)),
    st.tuples(st.just("limit"), st.integers(1, 5)),
)
"""What a router does, in order, until a model has answered: sleep so long; try a model; try ``a``, unless it failed so
lately; try ``a`` and, if it has not answered by then, ``b`` in a thread of its own; try ``a`` for so long."""


def simulated(program: list[tuple[str, Any]], arrivals: list[int], fails: set[str], takes: dict[str, int]) -> list[int]:
    """Return how long each call takes: a plain simulation, call by call, over a list of what is known when.

    At one instant attempts end before sleeps do, and calls arrive last; of two ends that of the earlier call is first,
    and what follows from it is done before the other is heard of.
    """
    end, sleep_ends, arrival = range(3)
    calls: list[dict[str, Any]] = [
        {"number": number, "at": at, "now": at, "woken_by": arrival, "step": 0, "done": None}
        for number, at in enumerate(arrivals)
    ]
    failed: list[tuple[int, int, int]] = []  # when ``a`` was heard to fail by a program with memory, and by whose
    while any(call["done"] is None for call in calls):
        # The next step of whoever is earliest; at one instant calls under way go before those that arrive.
        call = min(
            (c for c in calls if c["done"] is None), key=lambda c: (c["now"], c["step"] == 0 and c["now"] == c["at"])
        )
        if call["step"] == len(program):
            call["done"] = call["now"] - call["at"]
            continue
        act, value = program[call["step"]]
        call["step"] += 1
        now, woken_by = call["now"], call["woken_by"]
        here = now, woken_by, call["number"]
        if act == "sleep":
            call["now"], call["woken_by"] = now + value, sleep_ends
        elif act == "try" or (
            act == "unless failed within" and not any(heard <= here and now < heard[0] + value for heard in failed)
        ):
            name, call["woken_by"] = value if act == "try" else "a", end
            call["now"] += takes[name]
            if name not in fails:
                call["done"] = call["now"] - call["at"]
            elif act != "try":
                failed.append((call["now"], end, call["number"]))
        elif act == "race":
            first, other, call["woken_by"] = takes["a"], value + takes["b"], end
            good = [t for t, name in ((first, "a"), (other, "b")) if name not in fails]
            if first <= value:  # it is known before the other would start
                call["now"] += first
                good = [first] if "a" not in fails else []
            else:
                call["now"] += min(good) if good else max(first, other)
            if good:
                call["done"] = call["now"] - call["at"]
        elif act == "limit":
            call["now"] += min(value, takes["a"])
            call["woken_by"] = end if takes["a"] <= value else sleep_ends
            if "a" not in fails and takes["a"] <= value:
                call["done"] = call["now"] - call["at"]
    return [call["done"] for call in calls]


@given(
    program=st.lists(ACTS, min_size=1, max_size=5),
    arrivals=st.lists(st.integers(0, 10), min_size=1, max_size=6).map(sorted),
    fails=st.sets(st.sampled_from("ab")),
    takes=st.fixed_dictionaries({"a": st.integers(1, 5), "b": st.integers(1, 5)}),
)
@examples(100)
def test_random_programs(
    program: list[tuple[str, Any]], arrivals: list[int], fails: set[str], takes: dict[str, int]
) -> None:
    """Sleeps, limits, races and memory, plain and awaited, take as long as a plain simulation of them says."""
    faults: list[Any] = [tg.Latency(target=name, median_s=takes[name]) for name in "ab"]
    faults += [tg.ErrorRate(target=name, rate=1.0, after_s=takes[name]) for name in fails]
    scenario = tg.Scenario(faults=faults)
    models = {name: scenario.model(name) for name in "ab"}
    failed: list[float] = []

    def race(after_s: float) -> Any:
        pool = ThreadPoolExecutor(2)
        tasks = [pool.submit(models["a"])]
        done, late = wait_for_futures(tasks, timeout=after_s)
        if not done:
            late = {*tasks, pool.submit(models["b"])}
        while late:
            for task in done:
                if task.exception() is None:
                    return task.result()
            done, late = wait_for_futures(late, return_when=FIRST_COMPLETED)
        return next((task.result() for task in done if task.exception() is None), None)

    async def awaited_race(after_s: float) -> Any:
        tasks = [asyncio.create_task(models["a"].acall())]
        done, late = await asyncio.wait(tasks, timeout=after_s)
        if not done:
            late = {*tasks, asyncio.create_task(models["b"].acall())}
        while True:
            for task in done:
                if task.exception() is None:
                    for other in late:
                        other.cancel()
                    return task.result()
            if not late:
                return None
            done, late = await asyncio.wait(late, return_when=asyncio.FIRST_COMPLETED)

    def plain(model_preference: str | None = None) -> Any:
        for act, value in program:
            with suppress(ModelCallError, TimeoutError):
                if act == "sleep":
                    sleep(value)
                elif act == "try":
                    return models[value]()
                elif act == "unless failed within":
                    if not any(time.time() < at + value for at in failed):
                        try:
                            return models["a"]()
                        except ModelCallError:
                            failed.append(time.time())
                elif act == "race":
                    if (found := race(value)) is not None:
                        return found
                else:
                    return ThreadPoolExecutor(1).submit(models["a"]).result(value)
        raise RuntimeError("nobody")

    async def awaited(model_preference: str | None = None) -> Any:
        for act, value in program:
            with suppress(ModelCallError, TimeoutError):
                if act == "sleep":
                    await asyncio.sleep(value)
                elif act == "try":
                    return await models[value].acall()
                elif act == "unless failed within":
                    if not any(time.monotonic() < at + value for at in failed):
                        try:
                            return await models["a"].acall()
                        except ModelCallError:
                            failed.append(time.monotonic())
                elif act == "race":
                    if (found := await awaited_race(value)) is not None:
                        return found
                else:
                    return await asyncio.wait_for(models["a"].acall(), value)
        raise RuntimeError("nobody")

    at = [pd.Timestamp(START) + pd.Timedelta(seconds=s) for s in arrivals]
    expected = simulated(program, arrivals, fails, takes)
    for router in (plain, awaited):
        failed.clear()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tg.TimegateWarning)  # of models that are never called
            run = tg.replay(router, tg.Trace(at), scenario)
        assert run.calls["latency_s"].tolist() == expected, router.__name__


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

    with pytest.raises(ReplayError, match=r"event loop (that was made before the replay|of its own)"):
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
