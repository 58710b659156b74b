"""The interface of a model."""

from __future__ import annotations

import os
import sys
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextvars import ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from timegate.core.policy import NEVER
from timegate.core.secrets import without_secrets
from timegate.models.responses import ModelStreamResponse

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["MOST_THREADS", "UNTIL_US", "BaseModel", "ends_by_us", "is_model", "seconds_left"]


MOST_THREADS = 64
"""How many calls that block a model's default ``acall`` makes at once."""

UNTIL_US: ContextVar[int] = ContextVar("timegate_until_us", default=NEVER)
"""Until when the attempt that is under way may last; whoever makes it sets this, and takes it back."""


def ends_by_us() -> int:
    """Return until when the attempt that is under way may last; ``NEVER`` if nothing limits it."""
    return UNTIL_US.get()


def seconds_left() -> float | None:
    """Return how long the attempt that is under way may still last; None if nothing limits it."""
    until_us = UNTIL_US.get()
    return None if until_us >= NEVER else max(until_us / 1e6 - time.time(), 1e-3)


class BaseModel(ABC):
    """Anything that answers calls. Derive from it, set the attributes, and implement ``__call__``.

    Attributes
    ----------
    model_id : str
        The provider's name of the model.
    provider : str
        Who serves it. Faults may target a provider, so that outages of its models are correlated.
    model_type : str
        What it does, such as ``"chat_completion"``. All models of a gateway do the same.
    batch_support : bool
        Whether a call may carry a batch.
    secret_fields : tuple of str
        Attributes that :meth:`serialize` leaves out, besides those that begin with an underscore.
    keeps_time : bool
        Whether a blocking call ends by itself when :func:`timegate.models.base.seconds_left` are over.
    in_thread : bool
        Whether a gateway makes blocking calls that have a ``timeout_s`` in a thread each, so that it can give them up:
        for a model that does not keep time. The thread works on until its call ends, for Python cannot end it.
    """

    model_id: str
    provider: str
    model_type: str
    batch_support: bool = False
    keeps_time: bool = False
    in_thread: bool = False
    secret_fields: ClassVar[tuple[str, ...]] = ("api_key",)

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Answer a call, or raise."""

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """Answer a call without blocking the event loop. Default: ``__call__`` in a thread of the model's own.

        So a model that is slow holds up nobody else's calls: it has up to :data:`MOST_THREADS` threads, and its further
        calls wait for one of them. A call that is cancelled is given up if it has not begun; one that has goes on in
        its thread, for Python cannot end it. A stream is read in these threads, too.
        """
        import asyncio  # a tenth of the time that `import timegate` may take

        call = partial(copy_context().run, _call, self, args, kwargs)
        answer = await asyncio.get_running_loop().run_in_executor(_threads_of(self), call)
        if isinstance(answer, ModelStreamResponse) and isinstance(answer.chunks, Iterator):
            answer.chunks = _read_in_threads(self, answer.chunks)
        return answer

    @classmethod
    def keys_of(cls, **params: Any) -> tuple[str, ...]:
        """Return the environment variables of which one must hold a key, for a model built with these parameters.

        Default: none.
        """
        return ()

    @classmethod
    def lacks(cls, **params: Any) -> list[str]:
        """Return the variables that are not set here, of key and headers, for a model built with these parameters."""
        needed, headers = cls.keys_of(**params), params.get("headers_env")
        lacking = [] if not needed or any(map(os.environ.get, needed)) else [" or ".join(needed)]
        variables = map(str, headers.values()) if isinstance(headers, Mapping) else ()
        return lacking + [variable for variable in variables if not os.environ.get(variable)]

    @classmethod
    def refuses(cls, **params: Any) -> str:
        """Return why no model can be built with these parameters, whatever is set here; empty if one can.

        Default: any will do.
        """
        return ""

    def serialize(self) -> dict[str, Any]:
        """Return provider, model type and state as plain data, without secrets.

        Left out is what :func:`timegate.core.secrets.is_secret` knows: keys and passwords by name, and by kind values
        that look like them, ``Authorization`` headers, and addresses that carry a password.
        """
        state = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_") and name not in self.secret_fields
        }
        return {"provider": self.provider, "model_type": self.model_type, "state": without_secrets(state)}

    @classmethod
    def from_serialized(cls, state: dict[str, Any]) -> Self:
        """Build a model from the ``state`` that :meth:`serialize` gave."""
        return cls(**state)


def _call(model: BaseModel, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return model(*args, **kwargs)
    except StopIteration as error:  # a future cannot hold it: whoever awaits would wait for ever
        raise RuntimeError(f"{type(model).__name__} raised StopIteration") from error


async def _read_in_threads(model: BaseModel, chunks: Iterator[Any]) -> AsyncIterator[Any]:
    import asyncio

    loop, end = asyncio.get_running_loop(), object()
    while True:
        read = partial(copy_context().run, next, chunks, end)
        if (chunk := await loop.run_in_executor(_threads_of(model), read)) is end:
            return
        yield chunk


_threads: dict[int, Executor] = {}


def _threads_of(model: BaseModel) -> Executor:
    """Return the threads of a model; they end when it does."""
    found = _threads.get(id(model))
    if found is None:
        from concurrent.futures import ThreadPoolExecutor

        found = _threads.setdefault(id(model), ThreadPoolExecutor(MOST_THREADS, f"timegate-{model.model_id}"))
        weakref.finalize(model, _end_threads, id(model))
    return found


def _end_threads(key: int) -> None:
    if threads := _threads.pop(key, None):
        threads.shutdown(wait=False)


def is_model(value: object) -> bool:
    """Whether a value is a model: of ours, or of the msgflux package if that is in use."""
    msgflux = sys.modules.get("msgflux.models.base")  # never imported for this: it is only asked if it is there
    return isinstance(value, BaseModel) or (msgflux is not None and isinstance(value, msgflux.BaseModel))
