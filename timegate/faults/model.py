"""A simulated model that fails when its scenario says so."""

from __future__ import annotations

import itertools
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from timegate.core.clock import SECOND_US, SystemClock
from timegate.core.columns import ATTEMPT_OUTCOMES, OK, TIMEOUT
from timegate.errors import CALL_ERRORS, RateLimitError
from timegate.faults.injector import Injector
from timegate.models.base import ends_by_us
from timegate.models.responses import ModelResponse
from timegate.models.simulated import SimulatedModel

__all__ = ["AttemptMade", "CallInProgress", "Host", "ScenarioModel"]


@dataclass(slots=True, eq=False)
class AttemptMade:
    """What a model tells the replay that calls it: first what is drawn, and in the end what came of it.

    Attributes
    ----------
    deployment, provider : str
    at_us : int
        When it starts.
    until_us : int
        When its caller gives up.
    outcome, latency_us, retry_after_us : int
    answer : object
        What the caller got; None while it is under way, or if it failed.
    """

    deployment: str
    provider: str
    at_us: int
    until_us: int
    outcome: int
    latency_us: int
    retry_after_us: int
    answer: Any = None


class Host(Protocol):
    """The replay that makes a call: it lets the time of an attempt pass."""

    now_us: int

    def attend(self, call: CallInProgress, made: AttemptMade, injector: Injector) -> None:
        """Let other calls go on while an attempt takes its time."""
        ...

    async def attend_async(self, call: CallInProgress, made: AttemptMade, injector: Injector) -> None:
        """Do the same for a coroutine, which may be cancelled meanwhile."""
        ...


class CallInProgress:
    """The call that a replay is making, and the attempts that models have made for it.

    Parameters
    ----------
    number : int
        Of the call in its trace.
    at_us : int
        When it arrives.
    prompt, tokens : int
        The lengths of its prompt and of its answer.
    host : Host
    first_choice : str, optional
        The name of its first choice.
    cached : int
        How much of its prompt that one has in its cache, in tokens.

    Attributes
    ----------
    attempts : list of AttemptMade
        In the order in which they started.
    running : int
        How many of them are under way.
    last_answered, served : AttemptMade or None
        The attempt that has answered last, and the one whose answer the caller got.
    waits : int
        How often it has given way.
    """

    current: ContextVar[CallInProgress | None] = ContextVar("timegate_call", default=None)

    __slots__ = (
        "at_us", "attempts", "cached", "first_choice", "host", "last_answered", "number", "prompt", "running", "served",
        "tokens", "waits",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        at_us: int,
        prompt: int,
        tokens: int,
        host: Host,
        first_choice: str | None = None,
        cached: int = 0,
    ) -> None:
        self.number = number
        self.at_us = at_us
        self.prompt = prompt
        self.tokens = tokens
        self.host = host
        self.first_choice = first_choice
        self.cached = cached
        self.attempts: list[AttemptMade] = []
        self.running = 0
        self.last_answered: AttemptMade | None = None
        self.served: AttemptMade | None = None
        self.waits = 0


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
        call = CallInProgress.current.get()
        if call is None:
            made = self._alone()
            if made.latency_us:
                time.sleep(made.latency_us / SECOND_US)
            return self._answer(made)
        made = self._begin(call)
        call.host.attend(call, made, self._injector)
        return self._answer(made)

    async def acall(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer, or raise what the scenario injects, without blocking the event loop."""
        call = CallInProgress.current.get()
        if call is None:
            from asyncio import sleep  # a tenth of the time that `import timegate` may take

            made = self._alone()
            await sleep(made.latency_us / SECOND_US)
            return self._answer(made)
        made = self._begin(call)
        await call.host.attend_async(call, made, self._injector)
        return self._answer(made)

    def _begin(self, call: CallInProgress) -> AttemptMade:
        """Draw what becomes of an attempt of a call."""
        tried_before = 0
        for made in call.attempts:
            tried_before += made.deployment == self.model_id
        at_us = call.host.now_us
        drawn = self._injector.attempt(0, call.number, tried_before, at_us, call.tokens)
        retry_after_us = round(drawn[2] * SECOND_US) if drawn[2] else 0
        made = AttemptMade(self.model_id, self.provider, at_us, ends_by_us(), drawn[0], drawn[1], retry_after_us)
        call.attempts.append(made)
        return made

    def _alone(self) -> AttemptMade:
        """Draw what becomes of a call that no replay makes."""
        at_us, until_us = self._clock.now_us(), ends_by_us()
        outcome, latency_us, retry_after_s, _ = self._injector.attempt(0, next(self._numbers), 0, at_us, 0)
        if latency_us > until_us - at_us:
            outcome, latency_us, retry_after_s = TIMEOUT, max(until_us - at_us, 0), 0.0
        retry_after_us = round(retry_after_s * SECOND_US)
        return AttemptMade(self.model_id, self.provider, at_us, until_us, outcome, latency_us, retry_after_us)

    def _answer(self, made: AttemptMade) -> ModelResponse:
        """Return the answer of an attempt that has ended, or raise its error."""
        if made.outcome == OK:
            made.answer = answer = ModelResponse(f"{self.provider}/{self.model_id}")
            return answer
        kind = ATTEMPT_OUTCOMES[made.outcome]
        error = CALL_ERRORS[kind](f"injected {kind}")
        if isinstance(error, RateLimitError) and made.retry_after_us:
            error.retry_after_s = made.retry_after_us / SECOND_US
        raise error
