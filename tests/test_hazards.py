"""What may happen to a gateway at any moment: a caller who is gone, a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

import timegate as tg
from timegate.errors import ServerError
from timegate.gateway.records import CallRecord

DAY_US = 86_400_000_000
POLICY = {
    "max_retries": 1,
    "backoff": {"initial_s": 0},
    "cooldown": {"failures": 2, "for_s": 60, "probes": 1},
    "limits": {"concurrent": 1, "requests_per_min": 1000},
    "retry_budget": {"ratio": 1.0},
}


class GivingWay(tg.BaseModel):
    """Gives way to others before and between its parts; the first call fails."""

    provider, model_type, keeps_time = "own", "chat_completion", True

    def __init__(self, name: str, fails: int = 0) -> None:
        self.model_id, self.fails = name, fails

    def __call__(self, **kwargs: Any) -> Any:
        if self.fails:
            self.fails -= 1
            raise ServerError("once")
        return tg.ModelResponse(self.model_id)

    async def acall(self, *, stream: bool = False, **kwargs: Any) -> Any:
        for _ in range(2):
            await asyncio.sleep(0)
        answer = self()
        return tg.ModelStreamResponse(self.parts()) if stream else answer

    async def parts(self) -> AsyncIterator[str]:
        for part in self.model_id * 3:
            await asyncio.sleep(0)
            yield part


async def read(gateway: tg.ModelGateway, stream: bool) -> str:
    if not stream:
        return str((await gateway.acall()).consume())
    return "".join([part async for part in await gateway.acall(stream=True)])


def after(call: Any, steps: int) -> str | None:
    """Let a coroutine go on so often; return its answer if that was enough."""
    try:
        for _ in range(steps):
            call.send(None)
    except StopIteration as end:
        return str(end.value)
    return None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_caller_may_be_gone_at_any_moment(stream: bool, fails: int) -> None:
    """Wherever a call gives way it may be cancelled: nothing is held afterwards, and its record says what was tried."""
    for moment in itertools.count():
        heard: list[CallRecord] = []
        models = [{"model_name": name, "model": GivingWay(name, fails * (name == "a"))} for name in "ab"]
        gateway = tg.ModelGateway(models, policy=POLICY, observers=[heard.append])
        call = read(gateway, stream)
        if (answer := after(call, moment + 1)) is not None:
            wanted = "b" if fails == 2 else "a"
            assert answer == wanted * (3 if stream else 1)
            assert [record.served_by for record in heard] == [wanted]
            assert moment >= 2
            break
        with pytest.raises(asyncio.CancelledError):
            call.throw(asyncio.CancelledError())
        assert gateway.health()["running"].tolist() == [0, 0]
        [record] = heard
        assert (record.served_by, record.outcome) == (None, "failed")
        outcomes = [attempt.outcome for attempt in record.attempts]
        assert outcomes[:-1] == ["server_error"] * (len(outcomes) - 1)
        assert outcomes[-1] in ("cancelled", "server_error")  # the latter if it was in a pause


class Jumping:
    """A clock that jumps by up to a day, backwards too, whenever somebody looks at it."""

    def __init__(self, seed: int) -> None:
        self._luck = random.Random(seed)  # noqa: S311 - luck, no secret

    def now_us(self) -> int:
        return 1_772_452_800_000_000 + self._luck.randrange(-DAY_US, DAY_US)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_clocks_may_jump(way: str) -> None:
    """Calls still end, nothing stays taken, and no time is negative."""
    heard: list[CallRecord] = []

    class Luck(GivingWay):
        def __call__(self, **kwargs: Any) -> Any:
            self.fails = next(fails)
            return super().__call__()

    fails = itertools.cycle([0, 1, 1, 0, 1])
    models = [{"model_name": name, "model": Luck(name), "time_constraints": [("12:00", "13:00")]} for name in "ab"]
    policy = {**POLICY, "deadline_s": 3600}
    gateway = tg.ModelGateway(models, Jumping(7), policy=policy, observers=[heard.append])

    async def one() -> Any:
        return await gateway.acall()

    served = 0
    with asyncio.Runner() as runner:
        for _ in range(300):
            with contextlib.suppress(tg.ModelRouterError):
                served += (gateway() if way == "sync" else runner.run(one())).consume() in "ab"
    assert served > 5
    assert len(heard) == 300
    assert gateway.health()["running"].tolist() == [0, 0]
    times = [t for record in heard for t in (record.latency_s, *(a.latency_s for a in record.attempts))]
    assert min(times) >= 0
