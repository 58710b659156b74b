"""LiteLLM's store of cooldowns and of counted failures, on a clock that can be moved: its native one keeps native time.

It imports nothing of litellm or timegate, so that both ways to drive the router can take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["Cooldowns"]


class Cooldowns:
    """The store, in plain dicts.

    As there: a later cooldown replaces the one before; failures are counted in a window that begins with the first one
    and that no cooldown resets.

    Parameters
    ----------
    now_us : callable
        Returns the time, in whole microseconds.
    native_s : callable
        Returns seconds that the core's native clock has not passed when it asks that, too, whether a cooldown is over.

    Attributes
    ----------
    log : list of dict
        ``deployment``, ``at_us`` and ``for_us`` of every cooldown.
    """

    has_redis = False

    def __init__(self, now_us: Callable[[], int], native_s: Callable[[], float]) -> None:
        self.now_us = now_us
        self.native_s = native_s
        self.cooling: dict[str, tuple[int, dict[str, Any]]] = {}
        self.fails: dict[tuple[str, str | None], tuple[int, int]] = {}
        self.log: list[dict[str, Any]] = []

    def attach_redis(self, redis: object) -> None: ...

    def flush_local_counters(self) -> None:
        self.fails.clear()

    def put(self, model_id: str, value: Mapping[str, Any], ttl: float) -> None:
        now_us, for_us = self.now_us(), round(ttl * 1e6)
        self.cooling[model_id] = now_us + for_us, dict(value)
        self.log.append({"deployment": model_id, "at_us": now_us, "for_us": for_us})

    def increment_allowed_fails(self, model_id: str, suffix: str | None, ttl: float) -> int:
        now_us = self.now_us()
        until_us, count = self.fails.get((model_id, suffix), (0, 0))
        if now_us >= until_us:
            until_us, count = now_us + round(ttl * 1e6), 0
        self.fails[model_id, suffix] = until_us, count + 1
        return count + 1

    def active_sync(self, model_ids: Sequence[str]) -> tuple[tuple[str, dict[str, Any]], ...]:
        return tuple((name, value) for name, value in self.snapshot().items() if name in model_ids)

    def minimum(self, model_ids: Sequence[str], default: float) -> float:
        return min((value["cooldown_time"] for _, value in self.active_sync(model_ids)), default=default)

    def evict_local(self, model_id: str) -> None:
        self.cooling.pop(model_id, None)

    def snapshot(self) -> dict[str, dict[str, Any]]:
        now_us, fresh = self.now_us(), {"timestamp": self.native_s()}
        return {name: value | fresh for name, (until_us, value) in self.cooling.items() if now_us < until_us}

    async def async_put(self, model_id: str, value: Mapping[str, Any], ttl: float) -> None:
        self.put(model_id, value, ttl)

    async def async_increment_allowed_fails(self, model_id: str, suffix: str | None, ttl: float) -> int:
        return self.increment_allowed_fails(model_id, suffix, ttl)

    async def active(self, model_ids: Sequence[str], *, batch: object = None) -> Sequence[tuple[str, dict[str, Any]]]:
        return self.active_sync(model_ids)
