"""The travel engine: any router, called under time-machine with the clock at each arrival."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import time_machine

from timegate.core.clock import SECOND_US
from timegate.core.columns import OK
from timegate.core.deployment import Deployment
from timegate.core.routing import NOBODY, Router
from timegate.core.timetable import Hours
from timegate.core.windows import Window
from timegate.engines.progress import progress
from timegate.engines.record import Attempts, Calls, classify
from timegate.errors import InvalidTypeError, ReplayError, did_you_mean
from timegate.faults.model import AttemptMade, CallInProgress
from timegate.traffic.trace import Trace

__all__ = ["describe", "run"]

# A router that raises one of these is broken; it does not say that nobody can serve.
_BUGS = (TypeError, AttributeError, NameError, ImportError, AssertionError)
_CHUNK = 1000


def run(call_router: Callable[..., Any], trace: Trace, known: Router | None) -> tuple[Router, Calls, Attempts]:
    """Replay a trace.

    Parameters
    ----------
    call_router : callable
        Called as ``call_router(model_preference=name_or_None)`` at each arrival. It calls models of the
        scenario, and returns if one of them answered, or raises.
    trace : Trace
    known : Router, optional
        What is known of its deployments. Without it, they are those that were called.
    """
    preferences = [*trace.preferred_names, None]  # -1, for none, takes the last
    made: list[list[AttemptMade]] = []
    ended_us: list[int] = []
    arrivals = zip(trace.at_us.tolist(), trace.preferred.tolist(), trace.answer_tokens.tolist(), strict=True)
    chunks = iter(lambda: list(islice(arrivals, _CHUNK)), [])
    # The bar is drawn between the chunks: within one, its clock would travel too.
    for chunk in progress(chunks, -(-len(trace) // _CHUNK), unit="thousand calls"):
        with time_machine.travel(0.0, tick=False) as traveller, _quiet():
            clock = _TravellingClock(traveller)
            with patch("time.sleep", clock.sleep):  # a router's backoff passes on this clock too
                for at_us, preferred, tokens in chunk:
                    clock.move_to(at_us)
                    call = CallInProgress(len(made), tokens, clock.wait)
                    _call(call_router, call, preferences[preferred])
                    made.append(call.attempts)
                    ended_us.append(clock.at_us)
    router = known or _seen(made)
    return router, *_record(router, trace, made, np.array(ended_us, np.int64) - trace.at_us)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep our gateway from logging failures that a scenario has injected."""
    logger = logging.getLogger("timegate")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


class _TravellingClock:
    """The clock of the process, moved by time-machine."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self._sleep = time.sleep
        self.at_us = 0

    def move_to(self, at_us: int) -> None:
        # In whole numbers: as a float, an instant after 2038 is no longer exact to the microsecond.
        second, rest_us = divmod(at_us, SECOND_US)
        self._traveller.move_to(second)
        self._traveller.shift(timedelta(microseconds=rest_us))
        self.at_us = at_us

    def wait(self, duration_us: int) -> None:
        self.move_to(self.at_us + duration_us)

    def sleep(self, seconds: float) -> None:
        # The other threads of the process sleep, too, such as those of a Jupyter kernel: they must not move the clock.
        if CallInProgress.current.get() is None:
            self._sleep(seconds)
        else:
            self.wait(round(seconds * SECOND_US))


def _call(call_router: Callable[..., Any], call: CallInProgress, preference: str | None) -> None:
    number = call.number
    token = CallInProgress.current.set(call)
    try:
        answer = call_router(model_preference=preference)
    except Exception as error:
        if isinstance(error, _BUGS):
            error.add_note(f"Raised by the router under replay, in call {number}.")
            raise
        if call.attempts and call.attempts[-1].outcome == OK:
            raise ReplayError(f"call {number}: a model answered, yet the router raised {error!r}.") from error
    else:
        if inspect.iscoroutine(answer):
            answer.close()
            raise InvalidTypeError("router must be a plain callable. Wrap it: lambda **kw: asyncio.run(router(**kw)).")
        if not call.attempts or call.attempts[-1].outcome != OK:
            raise ReplayError(
                f"call {number}: the router answered, yet no model of the scenario did. "
                "Build it with models from scenario.model(name)."
            )
    finally:
        CallInProgress.current.reset(token)


def describe(router: Callable[..., Any]) -> Router | None:
    """Describe a router that names its deployments, as msgflux's gateway does; None if it does not."""
    names, models = getattr(router, "model_names", None), getattr(router, "models", None)
    if not names or not models:
        return None
    closed = getattr(router, "raw_time_constraints", None) or {}  # msgflux's windows mean what ours mean
    return Router(
        [
            Deployment.of(name, model.provider, Hours(tuple(map(Window.parse, closed.get(name, ())))))
            for name, model in zip(names, models, strict=True)
        ]
    )


def _seen(made: list[list[AttemptMade]]) -> Router:
    """Describe a router by the deployments that it called, in order of their first attempt."""
    providers = {attempt.deployment: attempt.provider for attempts in made for attempt in attempts}
    return Router([Deployment.of(name, provider) for name, provider in providers.items()])


def _record(
    router: Router, trace: Trace, made: list[list[AttemptMade]], latency_us: npt.NDArray[np.int64]
) -> tuple[Calls, Attempts]:
    calls = Calls.empty(len(trace))
    calls.latency_us[:] = latency_us
    firsts = calls.first_choices(trace.preferred, trace.preferred_names, router).tolist()
    rows = []
    unknown = {attempt.deployment for attempts in made for attempt in attempts} - router.index.keys()
    if unknown:
        name = min(unknown)
        raise ReplayError(
            f"the router called a model named {name!r}, which is not among its deployments."
            f"{did_you_mean(name, router.names)}"
        )
    for call, attempts in enumerate(made):
        ended_us = int(trace.at_us[call])
        for number, attempt in enumerate(attempts, start=1):
            deployment, pause_us = router.index[attempt.deployment], max(attempt.at_us - ended_us, 0)
            rows.append((call, number, deployment, pause_us, attempt.at_us, attempt.outcome, attempt.latency_us))
            ended_us = attempt.at_us + attempt.latency_us
        served_by = router.index[attempts[-1].deployment] if attempts and attempts[-1].outcome == OK else NOBODY
        calls.served_by[call] = served_by
        open_ = 0 if attempts or not router.names else len(router.timetable.segment_at(int(trace.at_us[call])).open)
        calls.outcome[call] = classify(served_by, len(attempts), firsts[call], open_)
        calls.attempts[call] = len(attempts)
    return calls, Attempts.from_rows(rows)
