"""The travel engine: any router, called in virtual time."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import warnings
from array import array
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice, repeat
from types import AsyncGeneratorType, GeneratorType
from typing import Any

import numpy as np
import numpy.typing as npt

from timegate.core.columns import NOBODY, OK
from timegate.core.deployment import Deployment
from timegate.core.policy import NEVER
from timegate.core.router import Router
from timegate.core.routing import DONE, Call, Heard, Step
from timegate.engines.clocks import Clocks
from timegate.engines.ledger import columns_of
from timegate.engines.loop import VirtualLoop
from timegate.engines.luck import CallLuck, Luck
from timegate.engines.outside import check_parameters, is_of_another_loop
from timegate.engines.progress import progress
from timegate.engines.record import Attempts, Calls, first_choice_by_name
from timegate.engines.virtual import Scheduler
from timegate.engines.waits import Waits
from timegate.engines.watch import Watch
from timegate.errors import InvalidTypeError, ReplayError, TimegateWarning, did_you_mean
from timegate.faults.injector import Injector
from timegate.faults.model import CallInProgress
from timegate.faults.scenario import Scenario
from timegate.gateway.entries import entry_of
from timegate.gateway.live import ModelGateway
from timegate.show.text import counted
from timegate.traffic.trace import Trace

__all__ = ["gateway", "run"]

# A router that raises one of these is broken; it does not say that nobody can serve.
_BUGS = (TypeError, AttributeError, NameError, ImportError, AssertionError, ReplayError)
_GENERATORS = (GeneratorType, AsyncGeneratorType)
_CHUNK = 1000
_ONE = threading.Lock()


def run(
    call_router: Callable[..., Any], trace: Trace, known: Router | None, injector: Injector | None = None
) -> tuple[Router, Calls, Attempts]:
    """Replay a trace.

    Parameters
    ----------
    call_router : callable
        Called as ``call_router(model_preference=name_or_None)`` at each arrival, and awaited if it is a coroutine
        function. It calls models of the scenario, and returns if one of them answered, or raises.
    trace : Trace
    known : Router, optional
        What is known of its deployments. Without it, they are those that were called.
    injector : Injector, optional
        Of those deployments. Its capacities keep their order.
    """
    if any(terms.first_chunk_us < NEVER for terms in (known.terms if known else ())):
        warnings.warn(
            "first_chunk_s is passed over: it holds for streams, and here calls are made that are none. The engines "
            "'compiled' and 'stepped' take each call for a stream.",
            TimegateWarning,
            stacklevel=4,
        )
    check_parameters(call_router)
    travel = _Travel(call_router, trace)
    if injector is not None:
        travel.scheduler.share(injector)
    if known is not None and injector is not None and injector.cache_aware:
        firsts = (known.names[first] for first in _first_choices(known, trace, injector.seed).tolist())
        travel.caches = zip(firsts, trace.cached_question_tokens.tolist(), strict=True)
    travel.run()
    if known is None and travel.untried and not travel.log.seen:
        number, error = travel.untried
        warnings.warn(
            f"no call reached a model of the scenario, so all count as blocked: in call {number} the router raised "
            f"{error!r}.",
            TimegateWarning,
            stacklevel=4,
        )
    router = known or travel.log.router()
    return router, *travel.log.record(router, trace, getattr(injector, "seed", 0))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep our gateway from logging failures that a scenario has injected."""
    logger = logging.getLogger("timegate")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


class _Log:
    """What became of calls and attempts, in whole numbers.

    Attributes
    ----------
    seen : dict of tuple of str to int
        Deployments with their providers, by the numbers that rows have of them.
    """

    def __init__(self, size: int) -> None:
        self.seen: dict[tuple[str, str], int] = {}
        self.latency_us = array("q", bytes(8 * size))
        self.served_by = array("h", [NOBODY]) * size
        self._rows = array("q")

    def ended(self, call: CallInProgress) -> None:
        """Keep the attempts of a call, now that all have ended."""
        ended_us, attempt = call.at_us, 0
        for made in call.attempts:
            attempt, at_us = attempt + 1, made.at_us
            index = self.seen.setdefault((made.deployment, made.provider), len(self.seen))
            pause_us = at_us - ended_us if at_us > ended_us else 0
            self._rows.extend((call.number, attempt, index, pause_us, at_us, made.outcome, made.latency_us))
            ended_us = at_us + made.latency_us
            if made is call.served:
                self.served_by[call.number] = index

    def router(self) -> Router:
        """Describe a router by the deployments that it called, in the order of their first attempts."""
        rows, seen = np.frombuffer(self._rows, np.int64).reshape(-1, 7), [*self.seen]
        order = np.lexsort((rows[:, 1], rows[:, 0], rows[:, 4]))
        _, firsts = np.unique(rows[order, 2], return_index=True)
        return Router([Deployment.of(*seen[index]) for index in np.argsort(firsts)])

    def record(self, router: Router, trace: Trace, seed: int) -> tuple[Calls, Attempts]:
        """Return the columns, by the numbers of the router's deployments."""
        called = [name for name, _ in self.seen]
        unknown = set(called) - router.index.keys()
        if unknown:
            name = min(unknown)
            raise ReplayError(
                f"the router called a model named {name!r}, which is not among its deployments."
                f"{did_you_mean(name, router.names)}"
            )
        numbers = np.array([*(router.index[name] for name in called), NOBODY], np.int16)
        rows = np.frombuffer(self._rows, np.int64).reshape(-1, 7)
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        rows[:, 2] = numbers[rows[:, 2]]
        count = np.bincount(rows[:, 0], minlength=len(trace))
        firsts = _first_choices(router, trace, seed)
        open_ = np.zeros(len(trace), np.int64)
        if router.names:
            for number in np.flatnonzero(count == 0).tolist():
                open_[number] = len(router.timetable.segment_at(int(trace.at_us[number])).open)
        served_by = numbers[np.frombuffer(self.served_by, np.int16)]
        latency_us = np.frombuffer(self.latency_us, np.int64)
        ends = np.column_stack([np.arange(len(trace)), count, served_by, firsts, open_, latency_us])
        _, _, deployments, pauses_us, starts_us, outcomes, took_us = rows.T
        made = np.column_stack([deployments, pauses_us, starts_us, starts_us + took_us, outcomes])
        return columns_of(ends, made, keeps_first=not router.fixed_first)


def _first_choices(router: Router, trace: Trace, seed: int) -> npt.NDArray[np.int64]:
    """Return each call's first choice."""
    firsts = first_choice_by_name(trace.preferred_names, router)[trace.preferred + 1]
    if not router.fixed_first:
        luck, names = Luck(seed, router.names), [*trace.preferred_names, None]
        arrivals = enumerate(zip(trace.at_us.tolist(), trace.preferred.tolist(), strict=True))
        for number, (at_us, preferred) in arrivals:
            _, firsts[number] = router.order_and_first_choice(at_us, names[preferred], luck.of(number))
    return firsts


class _Travel:
    """One replay.

    Attributes
    ----------
    caches : iterable of tuple
        The name of each call's first choice, and how much of its prompt that one has in its cache.
    """

    def __init__(self, call_router: Callable[..., Any], trace: Trace) -> None:
        self.call_router, self.trace = call_router, trace
        self.caches: Iterable[tuple[str | None, int]] = repeat((None, 0), len(trace))
        self.log = _Log(len(trace))
        self.clocks = Clocks(int(trace.at_us[0]) if len(trace) else 0)
        self.scheduler: Scheduler = self.clocks.scheduler
        self.scheduler.ended = self.log.ended
        self.waits = Waits(self.scheduler, self._new_loop)
        self._loop: VirtualLoop | None = None
        self._loops: list[VirtualLoop] = []
        self._preferences = [*trace.preferred_names, None]  # -1, for none, takes the last
        self.untried: tuple[int, BaseException] | None = None  # the first call that raised and had tried nobody

    def run(self) -> None:
        """Make the calls."""
        if not _ONE.acquire(blocking=False):
            raise ReplayError("a replay with engine='travel' is under way in this process, and holds its clocks.")
        hooks = sys.get_asyncgen_hooks()
        try:
            with Watch(self.scheduler).watching():
                self._run()
        finally:
            sys.set_asyncgen_hooks(*hooks)
            _ONE.release()

    def _run(self) -> None:
        trace, scheduler = self.trace, self.scheduler
        at_us, columns = trace.at_us.tolist(), (trace.preferred, trace.question_tokens, trace.answer_tokens)
        lists = (column.tolist() for column in columns)
        arrivals = enumerate(zip(at_us, [*at_us[1:], NEVER], *lists, self.caches, strict=True))
        chunks = iter(lambda: list(islice(arrivals, _CHUNK)), [])
        try:
            # The bar is drawn between the chunks: within one, its clock would travel too.
            for chunk in progress(chunks, -(-len(trace) // _CHUNK), unit="thousand calls"):
                with self._installed():
                    for number, (now_us, next_us, preferred, prompt, answer, cache) in chunk:
                        scheduler.until(now_us)
                        scheduler.advance(now_us)
                        scheduler.next_arrival_us = next_us
                        call = CallInProgress(number, now_us, prompt, answer, scheduler, *cache)
                        self._arrive(call, self._preferences[preferred])
            with self._installed():
                scheduler.finish()
        finally:
            with self._installed():
                self._close()

    @contextmanager
    def _installed(self) -> Iterator[None]:
        running = _get_running_loop()  # a notebook's
        _set_running_loop(None)
        with ExitStack() as stack:
            stack.callback(_set_running_loop, running)
            for entered in (_quiet(), self.clocks.installed(), self.waits.installed()):
                stack.enter_context(entered)
            yield

    def _arrive(self, call: CallInProgress, preference: str | None) -> None:
        self.scheduler.under_way[call.number] = call
        self.scheduler.spawn(call, self._call, call, preference)
        self.scheduler.run_ready()

    def _call(self, call: CallInProgress, preference: str | None) -> None:
        CallInProgress.current.set(call)
        try:
            answer = self.call_router(model_preference=preference)
        except Exception as error:
            self._raised(call, error)
        else:
            if hasattr(answer, "__await__"):
                self._main_loop().create_task(self._await(call, answer), context=contextvars.copy_context())
            else:
                self._answered(call, answer)

    async def _await(self, call: CallInProgress, answer: Any) -> None:
        try:
            answer = await answer
        except Exception as error:
            self._raised(call, error)
        except asyncio.CancelledError as error:
            if self.scheduler.closing:
                raise
            self._raised(call, error)
        else:
            self._answered(call, answer)

    def _raised(self, call: CallInProgress, error: BaseException) -> None:
        if isinstance(error, _BUGS):
            error.add_note(f"Raised by the router under replay, in call {call.number}.")
            self.scheduler.fail(error)
        elif is_of_another_loop(error):
            text = (
                f"call {call.number}: the router keeps a lock of another event loop, such as that of an earlier "
                "replay: make a new router for each."
            )
            self.scheduler.fail(ReplayError(text), error)
        elif call.attempts and call.attempts[-1].outcome == OK and not call.running:
            text = f"call {call.number}: a model answered, yet the router raised {error!r}."
            self.scheduler.fail(ReplayError(text), error)
        elif not call.attempts and self.untried is None:
            self.untried = call.number, error
        self._returned(call)

    def _answered(self, call: CallInProgress, answer: Any) -> None:
        if isinstance(answer, _GENERATORS):
            self.scheduler.fail(
                InvalidTypeError(f"router must return the answer of a model. Call {call.number} returned a generator.")
            )
        made = call.last_answered
        if made is not None and made.answer is not answer:
            made = next((made for made in call.attempts if made.answer is answer), made)
        if made is None:
            self.scheduler.fail(
                ReplayError(
                    f"call {call.number}: the router answered, yet no model of the scenario did. "
                    "Build it with models from scenario.model(name)."
                )
            )
        else:
            call.served = made
        self._returned(call)

    def _returned(self, call: CallInProgress) -> None:
        self.log.latency_us[call.number] = self.scheduler.now_us - call.at_us
        self.scheduler.returned(call)

    # Event loops ----------------------------------------------------------------------------------------------------

    def _new_loop(self) -> VirtualLoop:
        loop = VirtualLoop(self.scheduler, self.clocks.monotonic)
        loop.set_exception_handler(self._in_callback)
        self._loops.append(loop)
        return loop

    def _main_loop(self) -> VirtualLoop:
        """Return the loop of coroutines, which runs as long as the replay does."""
        if self._loop is None:
            self._loop = self._new_loop()
            contextvars.Context().run(self.scheduler.spawn, None, self._loop.run_forever)
        return self._loop

    def _in_callback(self, loop: Any, context: dict[str, Any]) -> None:
        """Hear of what an event loop would log."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):  # else of a task that nobody asked how it went
            error.add_note("Raised in a callback of the router's event loop.")
            self.scheduler.fail(error)

    def _close(self) -> None:
        """End what still waits: tasks, loops, fibers."""
        scheduler = self.scheduler
        scheduler.fault, scheduler.closing = None, True
        for loop in self._loops:
            if not loop.is_closed():
                for task in asyncio.all_tasks(loop):
                    task.cancel()
        scheduler.run_ready()
        if self._loop is not None and self._loop.is_running():
            left = asyncio.all_tasks(self._loop)
            if left:
                text = (
                    f"{counted(len(left), 'task')} of the router swallowed the cancellation at the end of the replay."
                )
                warnings.warn(text, TimegateWarning, stacklevel=2)
            self._loop.call_soon(self._loop.stop)
            scheduler.run_ready()
        scheduler.close()
        for loop in self._loops:
            loop.close()


class _Draws:
    """The counter-based draws of whatever call is under way."""

    def __init__(self, luck: Luck) -> None:
        self._luck = luck

    def _of_call(self) -> CallLuck:
        call = CallInProgress.current.get()
        assert call is not None  # noqa: S101 - the gateway is called within a replay
        return self._luck.of(call.number)

    def order(self, place: int) -> float:
        return self._of_call().order(place)

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        return self._of_call().backoff(deployment, tries)


class _Gateway(ModelGateway):
    """Our gateway, told of the lengths of prompts and answers, which live it hears from providers."""

    def _begin(
        self, model_preference: str | None, kwargs: dict[str, Any]
    ) -> tuple[Call, Generator[Step, Heard, None], list[Any]]:
        call, _, models = super()._begin(model_preference, kwargs)
        made = CallInProgress.current.get()
        assert made is not None  # noqa: S101 - it is called within a replay
        return call, _with_tokens(call.steps(made.prompt), made.tokens), models


def _with_tokens(steps: Generator[Step, Heard, None], tokens: int) -> Generator[Step, Heard, None]:
    with closing(steps):
        step = next(steps)
        while step[0] != DONE:
            at_us, kind, retry_after_us, _ = yield step
            step = steps.send((at_us, kind, retry_after_us, tokens if kind == OK else 0))
        yield step


def gateway(router: Router, scenario: Scenario) -> ModelGateway:
    """Build the live gateway of a router over models of a scenario; its chance is that of the replay."""
    return _Gateway(
        [
            entry_of(deployment, scenario.model(deployment.name, deployment.provider))
            for deployment in router.deployments
        ],
        policy=router.call_policy,
        draws=_Draws(Luck(scenario.seed, router.names)),
    )
