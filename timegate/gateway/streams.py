"""Streams of the live gateway: limits on the first chunk and on silence, and what follows when one breaks off."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from timegate.errors import ModelCallError, ModelConnectionError, ModelTimeoutError, TruncatedError
from timegate.models.failures import translated
from timegate.models.responses import ModelStreamResponse

__all__ = [
    "GatewayStream", "Restarted", "aclose", "as_async", "broken", "close", "first_of", "in_a_thread", "in_time",
    "next_within",
]  # fmt: skip


class Restarted(str):
    """An empty chunk which says that what came before is void: another deployment begins the answer anew."""

    __slots__ = ()


@dataclass(slots=True, weakref_slot=True)
class GatewayStream(ModelStreamResponse):
    """A stream that a gateway passes on. ``restarts`` counts how often another deployment began it anew.

    ``data`` and ``metadata`` are those of whoever serves it in the end. ``close()`` gives up early; so does letting go
    of the stream.
    """

    restarts: int = 0

    def _keep(self, chunk: Any) -> None:
        if isinstance(chunk, Restarted):
            self.data = None
            self.restarts += 1
        else:
            ModelStreamResponse._keep(self, chunk)

    def close(self) -> None:
        """Stop reading, and give back what the call holds."""
        close(self.chunks)

    async def aclose(self) -> None:
        """Stop reading an asynchronous stream, and give back what the call holds."""
        await aclose(self.chunks)


def broken(error: Exception, name: str) -> Exception:
    """Return what a reader is told of a stream that broke off: an error of its kind that names the deployment."""
    ours = translated(error)
    is_cut = type(ours) is ModelConnectionError or not isinstance(ours, ModelCallError)
    made = (TruncatedError if is_cut else type(ours))(f"deployment {name!r}: the stream broke off: {error}")
    made.__cause__ = error
    return made


def in_a_thread(ask: Callable[[], Any], first_s: float | None, idle_s: float | None) -> tuple[Any, Iterator[Any]]:
    """Ask a model for a stream and read it in a thread, so that whoever waits for it can give up.

    Python cannot end a thread: one that is given up ends when its model does, by the time that the policy leaves it.

    Parameters
    ----------
    ask : callable
        Calls the model.
    first_s, idle_s : float, optional
        How long the first chunk may take, and the silence after it, in seconds.

    Returns
    -------
    answer : object
        What the model returned; if it is no stream, there are no chunks.
    chunks : iterator
    """
    arrived: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    given_up = threading.Event()

    def read() -> None:
        try:
            answer = ask()
            arrived.put(("answer", answer))
            if isinstance(answer, ModelStreamResponse) and isinstance(answer.chunks, Iterable):
                source = iter(answer.chunks)
                try:
                    for chunk in source:
                        arrived.put(("chunk", chunk))
                        if given_up.is_set():
                            break
                finally:
                    close(source)
            arrived.put(("end", None))
        except BaseException as error:  # raised where it is waited for
            arrived.put(("error", error))

    threading.Thread(target=contextvars.copy_context().run, args=(read,), name="timegate-stream", daemon=True).start()

    def take(most_s: float | None, what: str) -> tuple[str, Any]:
        try:
            kind, value = arrived.get(timeout=most_s)
        except queue.Empty:
            given_up.set()
            raise ModelTimeoutError(f"{what} within {most_s:g} s") from None
        if kind == "error":
            raise value
        return kind, value

    def chunks() -> Iterator[Any]:
        most_s, what = first_s, "no first chunk"
        try:
            while (found := take(most_s, what))[0] == "chunk":
                yield found[1]
                most_s, what = idle_s, "no further chunk"
        finally:
            given_up.set()

    return take(first_s, "no answer")[1], chunks()


def first_of(chunks: Iterator[Any]) -> list[Any]:
    """Wait for the first chunk; return it in a list, which is empty if there is none."""
    for chunk in chunks:
        return [chunk]
    return []


def close(chunks: Any) -> None:
    """Close the source of a stream, if it can be closed."""
    if hasattr(chunks, "close"):
        chunks.close()


async def aclose(chunks: Any) -> None:
    """Close the source of an asynchronous stream, if it can be closed."""
    if hasattr(chunks, "aclose"):
        await chunks.aclose()


async def in_time(awaited: Awaitable[Any], most_s: float, what: str) -> Any:
    """Wait so long, and then say what did not come."""
    import asyncio  # a tenth of the time that `import timegate` may take

    timeout = asyncio.timeout(most_s)
    try:
        async with timeout:
            return await awaited
    except TimeoutError:
        if not timeout.expired():
            raise  # the model's own
        raise ModelTimeoutError(f"{what} within {most_s:g} s") from None


async def next_within(chunks: AsyncIterator[Any], most_s: float | None, what: str) -> list[Any]:
    """Await the next chunk so long; return it in a list, which is empty at the end."""
    try:
        return [await (anext(chunks) if most_s is None else in_time(anext(chunks), most_s, what))]
    except StopAsyncIteration:
        return []


def as_async(chunks: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    """Return an asynchronous iterator over either kind."""
    if isinstance(chunks, AsyncIterable):
        return aiter(chunks)

    async def each() -> AsyncIterator[Any]:
        for chunk in chunks:
            yield chunk

    return each()
