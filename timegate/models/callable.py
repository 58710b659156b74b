"""Any function as a model."""

from __future__ import annotations

import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from timegate.errors import CallerError, InvalidTypeError, ModelTimeoutError, shown
from timegate.models.base import BaseModel, seconds_left
from timegate.models.responses import ModelResponse, ModelStreamResponse

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["CallableModel"]


class CallableModel(BaseModel):
    """Makes a model of a function, be it plain or ``async``, a generator or an asynchronous one.

    It is called with the arguments of the call. What it returns is the answer: a :class:`ModelResponse`; a text or
    any other value, which becomes the data of one; parts as an iterator yields them, which become a stream.

    Blocking calls of an ``async`` function run on an event loop in a thread of its own, one for all such models, and
    end at the policy's time. A plain function is called as it stands, and awaited in a thread of the model's own.

    Parameters
    ----------
    function : callable
    model_id : str, optional
        Default: the function's name.
    provider : str
    model_type : str
    batch_support : bool
    in_thread : bool
        Whether blocking calls of a plain function run in a thread, so that the policy's time ends them: see
        :class:`BaseModel`.

    Raises
    ------
    InvalidTypeError
        If it is no function.

    Examples
    --------
    >>> from timegate import ModelGateway
    >>> def shout(*, messages, **settings):
    ...     return messages.upper()
    >>> gateway = ModelGateway([
    ...     {"model_name": name, "model": CallableModel(shout, provider="ours")} for name in ("a", "b")
    ... ])
    >>> gateway(messages="hello").consume()
    'HELLO'
    """

    def __init__(
        self,
        function: Callable[..., Any],
        model_id: str | None = None,
        *,
        provider: str = "callable",
        model_type: str = "chat_completion",
        batch_support: bool = False,
        in_thread: bool = False,
    ) -> None:
        if not callable(function):
            raise InvalidTypeError(f"function must be one. Got {shown(function)}.")
        self._function = function
        self.model_id = model_id or str(getattr(function, "__name__", type(function).__name__))
        self.provider = provider
        self.model_type = model_type
        self.batch_support = batch_support
        asked = inspect.unwrap(function)
        kinds = inspect.iscoroutinefunction, inspect.isasyncgenfunction
        self._is_async = any(is_kind(of) for is_kind in kinds for of in (asked, getattr(asked, "__call__", None)))  # noqa: B004
        self.keeps_time = self._is_async
        self.in_thread = in_thread and not self._is_async

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the function, and wait for what it returns.

        Raises
        ------
        CallerError
            If it does not take these arguments; what it raises itself is passed on.
        """
        answer = self._ask(args, kwargs)
        if inspect.isawaitable(answer):
            answer = _waited_for(answer)
        if isinstance(answer, AsyncIterator):
            answer = _each(answer)
        return _response(answer)

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Ask the function, as :meth:`__call__` does."""
        if not self._is_async:
            return await super().acall(*args, **kwargs)
        answer = self._ask(args, kwargs)
        return _response(await answer if inspect.isawaitable(answer) else answer)

    def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self._function(*args, **kwargs)
        except TypeError as error:
            try:
                inspect.signature(self._function).bind(*args, **kwargs)
            except TypeError as mistake:
                raise CallerError(f"{self.model_id}: {mistake}") from error
            except ValueError:  # it tells no signature
                pass
            raise


def _response(answer: Any) -> Any:
    """Return what a function returned as an answer; nothing is none, and is told by the gateway."""
    if answer is None or isinstance(answer, ModelResponse | ModelStreamResponse) or hasattr(answer, "response_type"):
        return answer
    if isinstance(answer, Iterator | AsyncIterator):
        return ModelStreamResponse(answer)
    return ModelResponse(answer)


@cache
def _loop() -> AbstractEventLoop:
    """Return the event loop on which blocking calls wait: a lasting one, for connections belong to their loop."""
    import asyncio  # a tenth of the time that `import timegate` may take

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="timegate-loop", daemon=True).start()
    return loop


def _waited_for(awaitable: Any) -> Any:
    import asyncio

    async def awaited() -> Any:
        return await awaitable

    future = asyncio.run_coroutine_threadsafe(awaited(), _loop())
    left_s = seconds_left()
    try:
        return future.result(left_s)
    except TimeoutError:
        if future.done():
            raise  # the function's own
        raise ModelTimeoutError(f"no answer within {left_s:g} s") from None
    finally:
        future.cancel()


def _each(chunks: AsyncIterator[Any]) -> Iterator[Any]:
    try:
        while True:
            try:
                chunk = _waited_for(anext(chunks))
            except StopAsyncIteration:
                return
            yield chunk
    finally:
        if hasattr(chunks, "aclose"):
            _waited_for(chunks.aclose())
