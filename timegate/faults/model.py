"""A simulated model that fails when its scenario says so."""

from __future__ import annotations

import itertools
from contextvars import ContextVar
from typing import Any, NamedTuple

from timegate.clock import SystemClock
from timegate.columns import ATTEMPT_OUTCOMES, OK
from timegate.errors import CALL_ERRORS
from timegate.faults.injection import Injector
from timegate.models.response import ModelResponse
from timegate.models.simulated import SimulatedModel

__all__ = ["AttemptMade", "CallInProgress", "ScenarioModel"]


class AttemptMade(NamedTuple):
    """What a model tells the replay that called it."""

    deployment: str
    provider: str
    at_us: int
    outcome: int


class CallInProgress:
    """The call that a replay is making: its number, and the attempts that models have made for it."""

    current: ContextVar[CallInProgress | None] = ContextVar("timegate_call", default=None)

    def __init__(self, number: int) -> None:
        self.number = number
        self.attempts: list[AttemptMade] = []


class ScenarioModel(SimulatedModel):
    """Answers with its own name, or fails as a scenario says for this instant; made by ``scenario.model(name)``.

    Within a replay the draws belong to the replayed call. Outside of one, each call counts as the next.
    """

    def __init__(self, name: str, provider: str, injector: Injector) -> None:
        super().__init__(name, provider)
        self._injector = injector
        self._clock = SystemClock()
        self._numbers = itertools.count()

    def __call__(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer, or raise what the scenario injects."""
        call = CallInProgress.current.get() or CallInProgress(next(self._numbers))
        tried_before = sum(made.deployment == self.model_id for made in call.attempts)
        at_us = self._clock.now_us()
        outcome = self._injector.outcome(0, call.number, tried_before, at_us)
        call.attempts.append(AttemptMade(self.model_id, self.provider, at_us, outcome))
        if outcome != OK:
            kind = ATTEMPT_OUTCOMES[outcome]
            raise CALL_ERRORS[kind](f"injected {kind}")
        return super().__call__(*args, **kwargs)
