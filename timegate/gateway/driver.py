"""Drives the routing of calls with real ones: blocking or awaited, answers and streams."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Generator, Iterable, Iterator, Sequence
from copy import copy
from types import CoroutineType
from typing import Any, Never, Self
from weakref import ref

from timegate.core.clock import SECOND_US, Clock, SystemClock
from timegate.core.policy import NEVER
from timegate.core.router import Draws, LiveDraws, Router
from timegate.core.routing import DONE, WAIT, Call, Heard, Step
from timegate.errors import InvalidTypeError, ModelCallError, shown
from timegate.gateway.observing import Observer
from timegate.gateway.outcomes import Outcomes
from timegate.gateway.streams import (
    GatewayStream,
    Restarted,
    aclose,
    as_async,
    close,
    first_of,
    in_a_thread,
    in_time,
    next_within,
)
from timegate.gateway.warming import Warmer
from timegate.models.base import UNTIL_US
from timegate.models.responses import ModelStreamResponse

__all__ = ["Driver"]

logger = logging.getLogger("timegate")


class Driver(Outcomes):
    """Serves calls by models, as a router says.

    Parameters
    ----------
    router : Router
    models : list
        One a deployment, in the router's order.
    clock : Clock, optional
    draws : Draws, optional
    observers : sequence of callable
    """

    def __init__(
        self,
        router: Router,
        models: list[Any],
        clock: Clock | None,
        draws: Draws | None,
        observers: Sequence[Observer],
    ) -> None:
        self._clock = clock or SystemClock()
        self._draws: Draws = draws or LiveDraws()
        self._observers = tuple(observers)
        self._untold = set()
        self._keeps_prompts = any(getattr(observer, "prompts", False) for observer in self._observers)
        # One tuple, so that a call which begins while another takes its place sees either.
        self._served = router, models, router.new_state(lock=True)

    @property
    def router(self) -> Router:
        """The routing of its deployments."""
        return self._served[0]

    @property
    def models(self) -> list[Any]:
        """The models, in the order of the deployments."""
        return self._served[1]

    def __call__(self, *unnamed: Never, model_preference: str | None = None, **kwargs: Any) -> Any:
        """Serve a call by the first deployment that answers.

        Parameters
        ----------
        model_preference : str, optional
            The name of the deployment to try first, if it is open.
        **kwargs
            For the model.

        Returns
        -------
        ModelResponse or ModelStreamResponse
            Whatever the model returned.

        Raises
        ------
        ModelRouterError
            If no deployment is open, or all that are open have failed.
        InvalidTypeError
            If the preference is no name, or an argument is given by place.
        """
        if unnamed:
            raise _unnamed(unnamed[0])
        call, steps, models = self._begin(model_preference, kwargs)
        step = next(steps)
        errors: list[Exception] = []
        passed_on = False
        try:
            answer, head, chunks = self._serve(call, steps, step, models, kwargs, errors)
            if chunks is None:
                return self._answered(call, steps, answer)
            if call.router.call_policy.on_cut == "buffer":
                return self._buffered(call, steps, answer, head)
            stream = self._stream(call, answer)
            relay = self._relay(call, steps, ref(stream), answer, head, chunks, models, kwargs, errors)
            next(relay)
            stream.chunks, passed_on = relay, True
            return stream
        except BaseException as error:
            self._left(call, steps, error)
            raise
        finally:
            if errors and not passed_on:
                errors.clear()  # else their tracebacks would keep the arguments alive

    async def acall(self, *unnamed: Never, model_preference: str | None = None, **kwargs: Any) -> Any:
        """Serve a call by the first deployment that answers, as :meth:`__call__` does."""
        if unnamed:
            raise _unnamed(unnamed[0])
        call, steps, models = self._begin(model_preference, kwargs)
        step = next(steps)
        errors: list[Exception] = []
        passed_on = False
        try:
            answer, head, chunks = await self._serve_async(call, steps, step, models, kwargs, errors)
            if chunks is None:
                return self._answered(call, steps, answer)
            if call.router.call_policy.on_cut == "buffer":
                return self._buffered(call, steps, answer, head)
            stream = self._stream(call, answer)
            relay = self._relay_async(call, steps, ref(stream), answer, head, chunks, models, kwargs, errors)
            await anext(relay)
            stream.chunks, passed_on = relay, True
            return stream
        except BaseException as error:
            self._left(call, steps, error)
            raise
        finally:
            if errors and not passed_on:
                errors.clear()

    def warmup_system_prompt(
        self, *, system_prompt: str | None, tool_definitions: Any = None, model_preference: str | None = None
    ) -> Any:
        """Have a deployment read a prompt before it is needed, so that it stands in its cache: the first that can.

        It is routed as a call is, to the models' method of this name.

        Parameters
        ----------
        system_prompt : str, optional
        tool_definitions : list of dict, optional
        model_preference : str, optional

        Raises
        ------
        ModelRouterError
            If no deployment is open that can.
        """
        asked = {"system_prompt": system_prompt, "tool_definitions": tool_definitions}
        return self._warming()(model_preference=model_preference, **asked)

    async def awarmup_system_prompt(
        self, *, system_prompt: str | None, tool_definitions: Any = None, model_preference: str | None = None
    ) -> Any:
        """Have a deployment read a prompt, as :meth:`warmup_system_prompt` does."""
        asked = {"system_prompt": system_prompt, "tool_definitions": tool_definitions}
        return await self._warming().acall(model_preference=model_preference, **asked)

    def _warming(self) -> Self:
        """Return a gateway of the same state that warms prompts; nobody observes it."""
        warming = copy(self)
        router, models, state = self._served
        warming._served, warming._observers = (router, [Warmer(model) for model in models], state), ()
        return warming

    def _begin(
        self, model_preference: str | None, kwargs: dict[str, Any]
    ) -> tuple[Call, Generator[Step, Heard, None], list[Any]]:
        """Begin a call that arrives now, and tell the log."""
        router, models, state = self._served
        call = Call(router, state, self._clock.now_us(), model_preference, self._draws)
        if self._keeps_prompts:
            call.asked = kwargs
        if (model_preference or len(call.order) < len(models)) and logger.isEnabledFor(logging.DEBUG):
            order = [router.names[index] for index in call.order]
            if len(order) < len(models):
                logger.debug("Restricted by windows: %s", [name for name in router.names if name not in order])
            if model_preference and model_preference not in order:
                logger.debug("Preferred model %r is unknown or closed, and passed over", model_preference)
        return call, call.steps(), models

    def _serve(
        self, call: Call, steps: Generator[Step, Heard, None], step: Step, models: list[Any], kwargs: dict[str, Any],
        errors: list[Exception],
    ) -> tuple[Any, Sequence[Any], Any]:  # fmt: skip
        """Go on until a deployment answers. Of a stream return its first chunk, and the rest; else no chunks.

        The step that answered is left open.
        """
        action, index, until_us = step
        while action != DONE:
            if action == WAIT:
                time.sleep(max(until_us - self._clock.now_us(), 0) / SECOND_US)
                action, index, until_us = steps.send((self._clock.now_us(), 0, 0, 0))
                continue
            try:
                model, chunks, ends = models[index], None, until_us < NEVER
                if ends:
                    token = UNTIL_US.set(until_us)
                try:
                    if "stream" in kwargs or (ends and getattr(model, "in_thread", False)):
                        answer, chunks = self._ask(call, index, model, kwargs, until_us)
                    else:
                        answer = model(**kwargs)
                finally:
                    if ends:
                        UNTIL_US.reset(token)
                if answer is None or type(answer) is CoroutineType:
                    raise _no_answer(answer, model)
                if isinstance(answer, ModelStreamResponse) and isinstance(answer.chunks, Iterable):
                    chunks = iter(answer.chunks) if chunks is None else chunks
                    is_whole = call.router.call_policy.on_cut == "buffer"
                    return answer, list(chunks) if is_whole else first_of(chunks), chunks
                return answer, (), None
            except Exception as error:
                action, index, until_us = steps.send(self._heard(call, index, error, errors))
        raise self._error(call, errors)

    def _ask(
        self, call: Call, index: int, model: Any, kwargs: dict[str, Any], until_us: int
    ) -> tuple[Any, Iterator[Any] | None]:
        """Call a model; in a thread, if it could not be given up else."""
        first_s, idle_s = self._silence_s(call, index) if kwargs.get("stream") else (None, None)
        if until_us < NEVER and getattr(model, "in_thread", False):
            left_s = max(until_us - self._clock.now_us(), 0) / SECOND_US
            first_s = left_s if first_s is None else min(first_s, left_s)
        if first_s is None and idle_s is None:
            return model(**kwargs), None
        return in_a_thread(lambda: model(**kwargs), first_s, idle_s)

    async def _serve_async(
        self, call: Call, steps: Generator[Step, Heard, None], step: Step, models: list[Any], kwargs: dict[str, Any],
        errors: list[Exception],
    ) -> tuple[Any, Sequence[Any], Any]:  # fmt: skip
        """Go on until a deployment answers, as :meth:`_serve` does."""
        action, index, until_us = step
        while action != DONE:
            if action == WAIT:
                await _sleep_s(max(until_us - self._clock.now_us(), 0) / SECOND_US)
                action, index, until_us = steps.send((self._clock.now_us(), 0, 0, 0))
                continue
            try:
                model, first_us, ends = models[index], until_us, until_us < NEVER
                if ends:  # of a stream the SDK counts each silence, so that it gets the longer limit
                    token = UNTIL_US.set(until_us)
                try:
                    if "stream" in kwargs and (first_s := self._silence_s(call, index)[0]) is not None:
                        first_us = min(until_us, self._clock.now_us() + round(first_s * SECOND_US))
                    if first_us >= NEVER:
                        answer = await model.acall(**kwargs)
                    else:
                        left_s = (first_us - self._clock.now_us()) / SECOND_US
                        answer = await in_time(model.acall(**kwargs), left_s, "no answer")
                    if answer is None or type(answer) is CoroutineType:
                        raise _no_answer(answer, model)
                    if isinstance(answer, ModelStreamResponse):
                        return answer, *await self._begun(call, index, answer, first_us)
                finally:
                    if ends:
                        UNTIL_US.reset(token)
                return answer, (), None
            except Exception as error:
                action, index, until_us = steps.send(self._heard(call, index, error, errors))
        raise self._error(call, errors)

    async def _begun(
        self, call: Call, index: int, answer: ModelStreamResponse, first_us: int
    ) -> tuple[list[Any], AsyncIterator[Any]]:
        """Await the first chunk of a stream until an instant, or all of it; return what has come, and the rest."""
        chunks = as_async(answer.chunks)
        left_s = None if first_us >= NEVER else max(first_us - self._clock.now_us(), 0) / SECOND_US
        head = more = await next_within(chunks, left_s, "no first chunk")
        while more and call.router.call_policy.on_cut == "buffer":
            more = await next_within(chunks, self._silence_s(call, index)[1], "no further chunk")
            head += more
        return head, chunks

    def _silence_s(self, call: Call, index: int) -> tuple[float | None, float | None]:
        """Return how long the first chunk of a stream may take, and silence after it."""
        policy = call.router.deployments[index].policy
        return (None, None) if policy is None else (policy.first_chunk_s, policy.idle_s)

    def _relay(
        self, call: Call, steps: Generator[Step, Heard, None], stream: ref[GatewayStream], answer: Any,
        head: Sequence[Any], chunks: Iterator[Any], models: list[Any], kwargs: dict[str, Any], errors: list[Exception],
    ) -> Iterator[Any]:  # fmt: skip
        """Pass a stream on; when it breaks off, restart it if that is the policy.

        The stream that is passed on holds this generator, so that letting go of it ends the call. What it yields first
        is no chunk: one that has not begun would end without a word.
        """
        record = answer.metadata["timegate"]
        try:
            yield None
            while True:
                try:
                    yield from head
                    yield from chunks
                except Exception as error:
                    step = self._cut(call, steps, error, errors, record)
                    close(chunks)
                    answer, head, rest = self._serve(call, steps, step, models, kwargs, errors)
                    self._restarted(call, stream, answer, record)
                    chunks = iter([answer.consume()]) if rest is None else rest
                    yield Restarted()
                else:
                    self._answered(call, steps, answer, record)
                    return
        except BaseException as error:
            self._left(call, steps, error, record)
            raise
        finally:
            close(chunks)
            steps.close()
            errors.clear()

    async def _relay_async(
        self, call: Call, steps: Generator[Step, Heard, None], stream: ref[GatewayStream], answer: Any,
        head: Sequence[Any], chunks: AsyncIterator[Any], models: list[Any], kwargs: dict[str, Any],
        errors: list[Exception],
    ) -> AsyncIterator[Any]:  # fmt: skip
        """Pass a stream on, as :meth:`_relay` does."""
        record = answer.metadata["timegate"]
        try:
            yield None
            while True:
                try:
                    idle_s = self._silence_s(call, call.trying)[1]
                    while head:
                        yield head[0]
                        head = await next_within(chunks, idle_s, "no further chunk")
                except Exception as error:
                    step = self._cut(call, steps, error, errors, record)
                    await aclose(chunks)
                    answer, head, rest = await self._serve_async(call, steps, step, models, kwargs, errors)
                    self._restarted(call, stream, answer, record)
                    if rest is None:
                        head, rest = [answer.consume()], as_async(())
                    chunks = rest
                    yield Restarted()
                else:
                    self._answered(call, steps, answer, record)
                    return
        except BaseException as error:
            self._left(call, steps, error, record)
            raise
        finally:
            await aclose(chunks)
            steps.close()
            errors.clear()


def _unnamed(given: object) -> InvalidTypeError:
    """Return the error of a call whose arguments have no names."""
    return InvalidTypeError(f"a call takes its arguments by name, such as messages=... Got {shown(given)} by place.")


def _no_answer(answer: Any, model: Any) -> ModelCallError:
    """Return the error of a model that returned nothing, or a coroutine, which nobody awaits."""
    if answer is None:
        return ModelCallError(f"{type(model).__name__} returned None")
    answer.close()
    return ModelCallError(
        f"{type(model).__name__} returned a coroutine: its __call__ must answer, and its acall be async"
    )


async def _sleep_s(seconds: float) -> None:
    import asyncio  # a tenth of the time that `import timegate` may take

    await asyncio.sleep(seconds)
