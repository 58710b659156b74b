"""Drives the routing of calls with real ones: blocking or awaited, answers and streams."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from types import CoroutineType
from typing import Any, Self
from weakref import ref

from timegate.core.clock import SECOND_US, Clock, SystemClock
from timegate.core.columns import CANCELLED, NOBODY, OK
from timegate.core.policy import NEVER
from timegate.core.routing import DONE, WAIT, Call, Draws, Heard, LiveDraws, Router, Step
from timegate.errors import ModelCallError, ModelTimeoutError
from timegate.gateway.observing import Observer, tell
from timegate.gateway.records import TOLD, CallRecord
from timegate.gateway.streams import (
    GatewayStream,
    Restarted,
    as_async,
    broken,
    chained,
    chained_async,
    first_of,
    in_a_thread,
    next_within,
)
from timegate.gateway.warming import Warmer
from timegate.models.base import within
from timegate.models.failures import kind_of, retry_after_s
from timegate.models.responses import ModelStreamResponse

__all__ = ["Driver"]

logger = logging.getLogger("timegate")


class Driver:
    """Serves calls by models, as a router says.

    Parameters
    ----------
    router : Router
    models : list
        One a deployment, in the router's order.
    clock : Clock, optional
    draws : Draws, optional
    observers : sequence of callable

    Attributes
    ----------
    model_type : str
        What its models do.
    """

    model_type: str

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

    def __call__(self, *, model_preference: str | None = None, **kwargs: Any) -> Any:
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
        """
        call, steps, models = self._begin(model_preference)
        step = next(steps)
        errors: list[Exception] = []
        passed_on = False
        try:
            answer, head, chunks = self._serve(call, steps, step, models, kwargs, errors)
            if chunks is None:
                return self._answered(call, steps, answer)
            stream = self._stream(call, answer)
            if call.router.call_policy.on_cut == "buffer":
                stream.chunks = iter(head)
                self._answered(call, steps, stream, stream.metadata["timegate"])
                return stream
            stream.chunks = self._relay(call, steps, ref(stream), answer, chained(head, chunks), models, kwargs, errors)
            passed_on = True
            return stream
        except BaseException as error:
            if not isinstance(error, Exception):
                self._given_up(call, steps, CallRecord(call, self.model_type))
            steps.close()
            raise
        finally:
            if errors and not passed_on:
                errors.clear()  # else their tracebacks would keep the arguments alive

    async def acall(self, *, model_preference: str | None = None, **kwargs: Any) -> Any:
        """Serve a call by the first deployment that answers, as :meth:`__call__` does."""
        call, steps, models = self._begin(model_preference)
        step = next(steps)
        errors: list[Exception] = []
        passed_on = False
        try:
            answer, head, chunks = await self._serve_async(call, steps, step, models, kwargs, errors)
            if chunks is None:
                return self._answered(call, steps, answer)
            stream = self._stream(call, answer)
            if call.router.call_policy.on_cut == "buffer":
                stream.chunks = iter(head)
                self._answered(call, steps, stream, stream.metadata["timegate"])
                return stream
            source = chained_async(head, chunks, self._silence_s(call)[1])
            stream.chunks = self._relay_async(call, steps, ref(stream), answer, source, models, kwargs, errors)
            passed_on = True
            return stream
        except BaseException as error:
            if not isinstance(error, Exception):
                self._given_up(call, steps, CallRecord(call, self.model_type))
            steps.close()
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

    def _begin(self, model_preference: str | None) -> tuple[Call, Generator[Step, Heard, None], list[Any]]:
        """Begin a call that arrives now, and tell the log."""
        router, models, state = self._served
        call = Call(router, state, self._clock.now_us(), model_preference, self._draws)
        if logger.isEnabledFor(logging.DEBUG):
            order = [router.names[index] for index in call.order]
            if len(order) < len(models):
                logger.debug("Restricted by windows: %s", [name for name in router.names if name not in order])
            if model_preference and model_preference not in order:
                logger.debug("Preferred model %r is unknown or closed, and passed over", model_preference)
        return call, call.steps(), models

    def _serve(
        self, call: Call, steps: Generator[Step, Heard, None], step: Step, models: list[Any], kwargs: dict[str, Any],
        errors: list[Exception],
    ) -> tuple[Any, list[Any], Any]:  # fmt: skip
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
                chunks = None
                if until_us >= NEVER and "stream" not in kwargs:
                    answer = models[index](**kwargs)
                else:
                    with within(until_us):
                        answer, chunks = self._ask(call, index, models[index], kwargs, until_us)
                if answer is None or type(answer) is CoroutineType:
                    raise _no_answer(answer, models[index])
                if isinstance(answer, ModelStreamResponse) and isinstance(answer.chunks, Iterable):
                    chunks = iter(answer.chunks) if chunks is None else chunks
                    is_whole = call.router.call_policy.on_cut == "buffer"
                    return answer, list(chunks) if is_whole else first_of(chunks), chunks
                return answer, [], None
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
    ) -> tuple[Any, list[Any], Any]:  # fmt: skip
        """Go on until a deployment answers, as :meth:`_serve` does."""
        action, index, until_us = step
        while action != DONE:
            if action == WAIT:
                await _sleep_s(max(until_us - self._clock.now_us(), 0) / SECOND_US)
                action, index, until_us = steps.send((self._clock.now_us(), 0, 0, 0))
                continue
            try:
                first_s, idle_s = self._silence_s(call, index) if "stream" in kwargs else (None, None)
                with within(until_us):  # of a stream the SDK counts each silence, so that it gets the longer limit
                    if first_s is not None:
                        until_us = min(until_us, self._clock.now_us() + round(first_s * SECOND_US))
                    if until_us >= NEVER:
                        answer = await models[index].acall(**kwargs)
                    else:
                        answer = await _in_time(models[index].acall(**kwargs), until_us - self._clock.now_us())
                    if answer is None or type(answer) is CoroutineType:
                        raise _no_answer(answer, models[index])
                    if isinstance(answer, ModelStreamResponse):
                        chunks = as_async(answer.chunks)
                        left_s = None if until_us >= NEVER else max(until_us - self._clock.now_us(), 0) / SECOND_US
                        head = await next_within(chunks, left_s, "no first chunk")
                        if call.router.call_policy.on_cut == "buffer":
                            head = [chunk async for chunk in chained_async(head, chunks, idle_s)]
                        return answer, head, chunks
                return answer, [], None
            except Exception as error:
                action, index, until_us = steps.send(self._heard(call, index, error, errors))
        raise self._error(call, errors)

    def _silence_s(self, call: Call, index: int | None = None) -> tuple[float | None, float | None]:
        """Return how long the first chunk of a stream may take, and silence after it."""
        policy = call.router.deployments[call.trying if index is None else index].policy
        return (None, None) if policy is None else (policy.first_chunk_s, policy.idle_s)

    def _answered(
        self, call: Call, steps: Generator[Step, Heard, None], answer: Any, record: CallRecord | None = None
    ) -> Any:
        """End a call with an answer that is whole; a stream has been read to its end, and has a record."""
        if record is None:
            record = CallRecord(call, self.model_type)
        metadata = getattr(answer, "metadata", None)
        tokens = 0
        if metadata and isinstance(metadata, dict):
            record.told = {name: metadata[name] for name in TOLD if name in metadata}
            # The prompt's length was not known when the attempt began, and counts now.
            tokens = (record.prompt_tokens or 0) + (record.completion_tokens or 0)
        steps.send((self._clock.now_us(), OK, 0, tokens))
        if self._observers or call.cools or call.served_by != call.first_choice:
            tell(call, record, self._observers)
        if isinstance(metadata, dict):
            metadata["timegate"] = record
        return answer

    def _given_up(self, call: Call, steps: Generator[Step, Heard, None], record: CallRecord) -> None:
        """End a call for whose answer nobody waits any more: the attempt under way is ``cancelled``."""
        if call.served_by != NOBODY:
            return
        call.final = True
        with suppress(StopIteration):  # it has ended
            steps.send((self._clock.now_us(), CANCELLED, 0, 0))
            tell(call, record, self._observers)

    def _stream(self, call: Call, answer: ModelStreamResponse) -> GatewayStream:
        """Return what passes a stream on, with its record."""
        record = CallRecord(call, self.model_type)
        record.first_chunk_us = self._clock.now_us()
        answer.metadata["timegate"] = record
        return GatewayStream((), answer.response_type, answer.metadata)

    def _cut(
        self, call: Call, steps: Generator[Step, Heard, None], error: Exception, errors: list[Exception]
    ) -> tuple[Step, Exception | None]:
        """Hear that a stream broke off; return what follows, or the error that its reader is told."""
        told = broken(error, call.router.names[call.trying])
        call.final = call.router.call_policy.on_cut != "restart"
        step = steps.send(self._heard(call, call.trying, told, errors))
        return step, told if call.final else None

    def _restarted(self, stream: ref[GatewayStream], answer: Any, record: CallRecord) -> None:
        """Let another deployment's answer take the place of a stream's."""
        metadata = getattr(answer, "metadata", {})
        metadata["timegate"] = record
        if (passed_on := stream()) is not None:
            passed_on.metadata = metadata

    def _relay(
        self, call: Call, steps: Generator[Step, Heard, None], stream: ref[GatewayStream], answer: Any,
        chunks: Iterator[Any], models: list[Any], kwargs: dict[str, Any], errors: list[Exception],
    ) -> Iterator[Any]:  # fmt: skip
        """Pass a stream on; when it breaks off, restart it if that is the policy.

        The stream that is passed on holds this generator, so that letting go of it ends the call.
        """
        record = answer.metadata["timegate"]
        try:
            while True:
                try:
                    yield from chunks
                except Exception as error:
                    step, told = self._cut(call, steps, error, errors)
                    if told is not None:
                        tell(call, record, self._observers)
                        raise told from error
                    answer, head, rest = self._serve(call, steps, step, models, kwargs, errors)
                    self._restarted(stream, answer, record)
                    chunks = chained(head, rest) if rest is not None else iter([answer.consume()])
                    yield Restarted()
                else:
                    self._answered(call, steps, answer, record)
                    return
        except BaseException as error:
            if not isinstance(error, Exception):
                self._given_up(call, steps, record)
            raise
        finally:
            steps.close()
            errors.clear()

    async def _relay_async(
        self, call: Call, steps: Generator[Step, Heard, None], stream: ref[GatewayStream], answer: Any,
        chunks: AsyncIterator[Any], models: list[Any], kwargs: dict[str, Any], errors: list[Exception],
    ) -> AsyncIterator[Any]:  # fmt: skip
        """Pass a stream on, as :meth:`_relay` does."""
        record = answer.metadata["timegate"]
        try:
            while True:
                try:
                    async for chunk in chunks:
                        yield chunk
                except Exception as error:
                    step, told = self._cut(call, steps, error, errors)
                    if told is not None:
                        tell(call, record, self._observers)
                        raise told from error
                    answer, head, rest = await self._serve_async(call, steps, step, models, kwargs, errors)
                    self._restarted(stream, answer, record)
                    idle_s = self._silence_s(call)[1]
                    chunks = as_async([answer.consume()]) if rest is None else chained_async(head, rest, idle_s)
                    yield Restarted()
                else:
                    self._answered(call, steps, answer, record)
                    return
        except BaseException as error:
            if not isinstance(error, Exception):
                self._given_up(call, steps, record)
            raise
        finally:
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
            steps.close()
            errors.clear()

    def _heard(self, call: Call, index: int, error: Exception, errors: list[Exception]) -> Heard:
        """Say what an attempt's error means, and tell the log."""
        errors.append(error)
        deployment = call.router.deployments[index]
        logger.debug("Model `%s` (%s) failed to execute: %s", deployment.name, deployment.provider, error)
        return self._clock.now_us(), kind_of(error), round((retry_after_s(error) or 0.0) * SECOND_US), 0

    def _error(self, call: Call, errors: list[Exception]) -> Exception:
        """Return what the caller of a call gets that nobody served."""
        if self._observers or call.cools:
            tell(call, CallRecord(call, self.model_type), self._observers)
        if call.raised:
            return errors[-1]
        error = call.error(errors)
        if errors:
            error.__context__ = errors[-1]  # as if it was raised where that was caught
        logger.error(error.message)
        return error


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


async def _in_time(answer: Awaitable[Any], most_us: int) -> Any:
    """Wait so long for an answer, and then say that it did not come."""
    import asyncio

    timeout = asyncio.timeout(most_us / SECOND_US)
    try:
        async with timeout:
            return await answer
    except TimeoutError:
        if not timeout.expired():
            raise  # the model's own
        raise ModelTimeoutError(f"no answer within {most_us / SECOND_US:g} s") from None
