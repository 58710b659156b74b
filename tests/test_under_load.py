"""Many calls at once, of which a third of the attempts fail: nothing is lost, nothing is done twice, bounds hold."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import threading
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import timegate as tg
from timegate.errors import ServerError

CALLS, THREADS = 10_000, 64
COOLS_US = 100
POLICY = {
    "max_retries": 1,
    "backoff": {"initial_s": 0},
    "cooldown": {"failures": 9, "within_s": 0.00015, "for_s": COOLS_US / 1e6},
}


class Ticking:
    """A clock that moves by a microsecond whenever somebody looks at it, so that nothing depends on the machine."""

    def __init__(self) -> None:
        self._ticks = itertools.count(1_772_452_800_000_000)

    def now_us(self) -> int:
        return next(self._ticks)


class Server(tg.BaseModel):
    """Keeps a log of its own: of each request the call that it is of, and whether it answered."""

    provider, model_type = "own", "chat_completion"

    def __init__(self, name: str) -> None:
        self.model_id = name
        self.log: list[tuple[int, bool]] = []
        self.running = self.most_running = 0
        self._lock, self._luck = threading.Lock(), random.Random(name)  # noqa: S311 - luck, no secret

    def _begin(self, number: int) -> bool:
        with self._lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            fails = self._luck.random() < 1 / 3
            self.log.append((number, not fails))
            return fails

    def _end(self, number: int, fails: bool) -> tg.ModelResponse:
        with self._lock:
            self.running -= 1
        if fails:
            raise ServerError("one of three")
        return tg.ModelResponse((self.model_id, number))

    def __call__(self, *, number: int) -> tg.ModelResponse:
        fails = self._begin(number)
        time.sleep(1e-4)  # the others take their turn
        return self._end(number, fails)

    async def acall(self, *, number: int) -> tg.ModelResponse:
        fails = self._begin(number)
        for _ in range(1 + number % 4):
            await asyncio.sleep(0)
        return self._end(number, fails)


def check(
    servers: list[Server], gateway: tg.ModelGateway, records: list[Any], answers: dict[int, Any], limit: int, late: int
) -> None:
    """Compare what callers saw, what the records say and what the servers saw."""
    assert len(answers) == len(records) == CALLS
    served = {number: answer.consume() for number, answer in answers.items() if not isinstance(answer, Exception)}
    for number, (name, of) in served.items():
        assert number == of
        assert answers[number].metadata["timegate"].served_by == name
    assert Counter(record.served_by for record in records) == Counter(
        [name for name, _ in served.values()] + [None] * (CALLS - len(served))
    )
    assert len(served) > CALLS / 10
    for server in servers:
        tried = Counter(a.outcome for r in records for a in r.attempts if a.deployment == server.model_id)
        assert tried == Counter("ok" if answered else "server_error" for _, answered in server.log)
        answered = [number for number, ok in server.log if ok]
        assert len(answered) == len(set(answered))  # nobody is served twice
        assert server.running == 0
        assert server.most_running <= limit
    assert sum(ok for server in servers for _, ok in server.log) == len(served)
    assert gateway.health()["running"].tolist() == [0, 0, 0]
    begun = sorted((a.deployment, tg.core.clock.to_us(a.at, "at")) for r in records for a in r.attempts)
    cooldowns = [
        (gateway.model_names[index], until_us - COOLS_US, until_us)
        for r in records
        for index, until_us in r._call.cools
    ]
    assert len(cooldowns) > 3
    for name, from_us, until_us in cooldowns:
        assert sum(deployment == name and from_us < at_us < until_us for deployment, at_us in begun) <= late


def gateway_of(servers: list[Server], records: list[Any], limit: int) -> tg.ModelGateway:
    policy = {**POLICY, "limits": {"concurrent": limit}}
    models = [{"model_name": server.model_id, "model": server} for server in servers]
    return tg.ModelGateway(models, Ticking(), policy=policy, observers=[records.append])


def test_ten_thousand_awaited_calls() -> None:
    """All at once, on one loop: what is decided, holds at once."""
    servers, records, answers = [Server(name) for name in "abc"], [], {}
    gateway = gateway_of(servers, records, 3_000)

    async def ask(number: int) -> None:
        try:
            answers[number] = await gateway.acall(number=number)
        except tg.ModelRouterError as error:
            answers[number] = error

    async def main() -> None:
        await asyncio.gather(*(ask(number) for number in range(CALLS)))

    asyncio.run(main())
    check(servers, gateway, records, answers, 3_000, 0)


def test_sixty_four_threads() -> None:
    """A cooldown stops all but those that were past the door when it began."""
    servers, records, answers = [Server(name) for name in "abc"], [], {}
    gateway = gateway_of(servers, records, 24)
    numbers, ready = itertools.count(), threading.Barrier(THREADS)

    def work(_: int) -> None:
        ready.wait()
        while (number := next(numbers)) < CALLS:
            try:
                answers[number] = gateway(number=number)
            except tg.ModelRouterError as error:
                answers[number] = error

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    check(servers, gateway, records, answers, 24, THREADS)


class Streaming(tg.BaseModel):
    """Answers whole, in parts, never, or not at all, as it is asked."""

    provider, model_type, model_id, keeps_time = "own", "chat_completion", "m", True

    def __call__(self, *, how: str = "", **kwargs: Any) -> Any:
        if how == "fails":
            raise ServerError("as asked")
        return tg.ModelStreamResponse(iter("abc")) if kwargs.get("stream") else tg.ModelResponse("abc")

    async def acall(self, *, how: str = "", **kwargs: Any) -> Any:
        if how == "hangs":
            await asyncio.sleep(3600)
        return self(how=how, **kwargs)


async def some_calls(gateway: tg.ModelGateway, times: int) -> None:
    """Make calls of every kind: whole, streamed, streams given up, failures, cancellations."""
    for _ in range(times):
        gateway()
        gateway(stream=True).consume()
        next(iter(gateway(stream=True)))  # let go of after a chunk
        gateway(stream=True)  # and unread
        await gateway.acall(stream=True)
        async for _ in await gateway.acall(stream=True):
            pass
        with pytest.raises(tg.ModelRouterError):
            gateway(how="fails")
        task = asyncio.create_task(gateway.acall(how="hangs"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_memory_is_flat(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of calls of every kind leave no more behind than hundreds did."""
    caplog.set_level("CRITICAL", "timegate")  # the fixture would keep each line
    models = [{"model_name": name, "model": Streaming()} for name in "ab"]
    policy = {"limits": {"concurrent": 5}, "max_retries": 1, "backoff": {"initial_s": 0}}
    gateway = tg.ModelGateway(models, policy=policy)

    async def main() -> tuple[int, int]:
        await some_calls(gateway, 100)
        gc.collect()
        tracemalloc.start()
        held = []
        for _ in range(2):
            await some_calls(gateway, 200)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        return held[0], held[1]

    first, second = asyncio.run(main())
    assert second - first < 20_000
    assert gateway.health()["running"].tolist() == [0, 0]
