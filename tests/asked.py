"""Asks models and gateways, blocking or awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

import timegate as tg

ways = pytest.mark.parametrize("way", ["sync", "async"])


def run(awaited: Coroutine[Any, Any, Any]) -> Any:
    """Await something on a loop of asyncio's own, and not of uvloop, which msgflux sets for all."""
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(awaited)


def answered(asked: Any, way: str, **kwargs: Any) -> tuple[Any, list[Any] | None]:
    """Return the answer of a model or a gateway; and of a stream, which is read to its end, what it consists of."""
    if way == "sync":
        answer = asked(**kwargs)
        return answer, list(answer) if isinstance(answer, tg.ModelStreamResponse) else None

    async def main() -> tuple[Any, list[Any] | None]:
        answer = await asked.acall(**kwargs)
        return answer, [chunk async for chunk in answer] if isinstance(answer, tg.ModelStreamResponse) else None

    return run(main())  # type: ignore[no-any-return]
