"""A simulated model that fails when its scenario says so."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from timegate.core.clock import SECOND_US, SystemClock
from timegate.core.columns import ATTEMPT_OUTCOMES, OK, TIMEOUT
from timegate.errors import CALL_ERRORS, RateLimitError
from timegate.faults.injector import Injector
from timegate.models.base import BaseModel, ends_by_us
from timegate.models.responses import ModelResponse
from timegate.models.simulated import SimulatedModel

__all__ = ["AttemptMade", "CallInProgress", "ScenarioModel"]


class AttemptMade(NamedTuple):
    """What a model tells the replay that called it."""

    deployment: str
    provider: str
    at_us: int
    outcome: int
    latency_us: int


class CallInProgress:
    """The call that a replay is making, and the attempts that models have made for it.

    Parameters
    ----------
    number : int
        Of the call in its trace.
    tokens : int
        The length of its answer.
    wait : callable
        Lets so many microseconds pass.
    """

    current: ContextVar[CallInProgress | None] = ContextVar("timegate_call", default=None)

    def __init__(self, number: int, tokens: int, wait: Callable[[int], None]) -> None:
        self.number = number
        self.tokens = tokens
        self.wait = wait
        self.attempts: list[AttemptMade] = []


class ScenarioModel(SimulatedModel):
    """Answers with its own name, or fails as a scenario says for this instant; made by ``scenario.model(name)``.

    Within a replay the draws belong to the replayed call. Outside of one, each call counts as the next, its
    answer has no tokens, and latencies are slept.
    """

    def __init__(self, name: str, provider: str, injector: Injector) -> None:
        super().__init__(name, provider)
        self._injector = injector
        self._clock = SystemClock()
        self._numbers = itertools.count()

    def __call__(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer, or raise what the scenario injects."""
        call = CallInProgress.current.get() or CallInProgress(next(self._numbers), 0, _sleep)
        tried_before = sum(made.deployment == self.model_id for made in call.attempts)
        at_us = self._clock.now_us()
        outcome, latency_us, retry_after_s = self._injector.attempt(0, call.number, tried_before, at_us, call.tokens)
        most_us = ends_by_us() - at_us
        if latency_us > most_us:
            outcome, latency_us, retry_after_s = TIMEOUT, most_us, 0.0
        call.attempts.append(AttemptMade(self.model_id, self.provider, at_us, outcome, latency_us))
        if latency_us:
            call.wait(latency_us)
        if outcome != OK:
            kind = ATTEMPT_OUTCOMES[outcome]
            error = CALL_ERRORS[kind](f"injected {kind}")
            if isinstance(error, RateLimitError) and retry_after_s:
                error.retry_after_s = retry_after_s
            raise error
        return super().__call__(*args, **kwargs)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Answer, or raise what the scenario injects, without blocking the event loop."""
        return await BaseModel.acall(self, *args, **kwargs)


def _sleep(latency_us: int) -> None:
    time.sleep(latency_us / SECOND_US)
