"""Streams of the live gateway: limits on silence, and what follows when one breaks off, against a server that fails."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asked import run
from fault_server import fault_server
from test_failures import model

import timegate as tg
from timegate.errors import ModelCallError, ModelTimeoutError, TruncatedError
from timegate.gateway.streams import Restarted

pytest.importorskip("openai")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with fault_server() as httpd:
        yield httpd


def gateway_of(server: Any, *names: str, **policy: Any) -> tg.ModelGateway:
    """Build one whose first deployment has the limits; the others are not hurried, however slow the machine is."""
    models = [{"model_name": name, "model": model(server, name)} for name in names]
    on_cut = policy.pop("on_cut", "raise")
    models[0]["policy"] = policy
    return tg.ModelGateway(models, policy={"on_cut": on_cut})


def quick(name: str) -> dict[str, Any]:
    """Return a limit on silence where silence is what is tried; elsewhere a slow machine would trip over it."""
    return {"idle_s": 0.2} if name == "stalled" else {}


class Read:
    """A stream that was read to its end, or to its error."""

    def __init__(self) -> None:
        self.chunks: list[Any] = []
        self.error: Exception | None = None
        self.stream: Any = None


@pytest.fixture(params=["sync", "async"])
def read(request: pytest.FixtureRequest) -> Callable[..., Read]:
    """Ask a gateway for a stream one way or the other, and read it."""

    def sync(gateway: tg.ModelGateway, **kwargs: Any) -> Read:
        found = Read()
        found.stream = gateway(messages="Hi", stream=True, **kwargs)
        try:
            for chunk in found.stream:
                found.chunks.append(chunk)
        except ModelCallError as error:
            found.error = error
        except tg.ModelRouterError as error:
            found.error = error
        return found

    async def main(gateway: tg.ModelGateway, **kwargs: Any) -> Read:
        found = Read()
        found.stream = await gateway.acall(messages="Hi", stream=True, **kwargs)
        try:
            async for chunk in found.stream:
                found.chunks.append(chunk)
        except (ModelCallError, tg.ModelRouterError) as error:
            found.error = error
        return found

    def awaited(gateway: tg.ModelGateway, **kwargs: Any) -> Read:
        return run(main(gateway, **kwargs))

    return sync if request.param == "sync" else awaited


Reader = Callable[..., Read]


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("down", {}),
        ("too-long", {}),
        ("reset", {}),
        ("silent", {"first_chunk_s": 0.2}),
        ("slow-to-start", {"first_chunk_s": 0.2}),
        ("silent", {"timeout_s": 0.2}),
    ],
)
def test_what_fails_before_the_first_chunk_moves_on(server: Any, read: Reader, name: str, policy: Any) -> None:
    """A stream that does not begin is an attempt that failed, and the next one serves; comments are no chunks."""
    found = read(gateway_of(server, name, "fine", **policy))
    assert (found.chunks, found.error, found.stream.data) == (["Hel", "lo"], None, "Hello")
    record = found.stream.metadata["timegate"]
    assert (record.served_by, record.completion_tokens, len(record.attempts)) == ("fine", 2, 2)
    assert [attempt.first_chunk_s is None for attempt in record.attempts] == [True, False]
    assert record.first_chunk_s is not None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("cut", "truncated"), ("endless", "truncated"), ("malformed", "server_error"), ("stalled", "timeout")],
)
def test_a_stream_that_breaks_off_raises_its_kind(
    server: Any, read: Reader, name: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """By default the reader gets what came and then the error, which names the deployment; nobody else is asked."""
    seen = server.seen["fine"]
    gateway = gateway_of(server, name, "fine", **quick(name))
    found = read(gateway)
    assert isinstance(found.error, ModelCallError)
    assert (found.chunks, found.error.kind) == (["Hel"], kind)
    assert str(found.error).startswith(f"deployment '{name}': the stream broke off: ")
    assert [r.getMessage() for r in caplog.records if r.levelname == "ERROR"] == [str(found.error)]
    record = found.stream.metadata["timegate"]
    assert (record.outcome, record.served_by) == ("failed", None)
    assert [attempt.outcome for attempt in record.attempts] == [kind]
    assert server.seen["fine"] == seen


@pytest.mark.parametrize("name", ["cut", "endless", "malformed", "stalled"])
def test_restart_begins_anew(server: Any, read: Reader, name: str) -> None:
    """With ``on_cut="restart"`` the next deployment gives the whole answer, and the reader is told where it begins."""
    found = read(gateway_of(server, name, "fine", **quick(name), on_cut="restart"))
    assert (found.chunks, found.error) == (["Hel", "", "Hel", "lo"], None)
    assert [isinstance(chunk, Restarted) for chunk in found.chunks] == [False, True, False, False]
    assert (found.stream.data, found.stream.restarts) == ("Hello", 1)
    assert found.stream.metadata["finish_reason"] == "stop"
    record = found.stream.metadata["timegate"]
    assert record.served_by == "fine"
    assert [attempt.first_chunk_s is None for attempt in record.attempts] == [False, False]
    assert record.first_chunk_s == record.attempts[0].first_chunk_s


def test_restart_with_nobody_left_is_a_call_that_failed(server: Any, read: Reader) -> None:
    """When the last one breaks off, too, the reader gets the error of a call that nobody served."""
    found = read(gateway_of(server, "cut", "endless", on_cut="restart"))
    assert isinstance(found.error, tg.ModelRouterError)
    assert [error.kind for error in found.error.exceptions] == ["truncated", "truncated"]


@pytest.mark.parametrize("name", ["cut", "endless", "malformed", "stalled"])
def test_buffer_passes_on_only_what_is_whole(server: Any, read: Reader, name: str) -> None:
    """With ``on_cut="buffer"`` nobody sees the parts of an answer that breaks off."""
    found = read(gateway_of(server, name, "fine", **quick(name), on_cut="buffer"))
    assert (found.chunks, found.error) == (["Hel", "lo"], None)
    record = found.stream.metadata["timegate"]
    assert (record.served_by, [attempt.deployment for attempt in record.attempts]) == ("fine", [name, "fine"])


def test_silence_within_the_limit_is_no_failure(server: Any, read: Reader) -> None:
    """A pause that is longer than the first chunk may take, and shorter than silence may last, is borne."""
    found = read(gateway_of(server, "pausing", first_chunk_s=1.5, idle_s=30))
    assert (found.chunks, found.error) == (["Hel", "lo"], None)


class Parts(tg.BaseModel):
    """A model of one's own whose stream yields parts, and then raises what it is given."""

    provider, model_type = "own", "chat_completion"

    def __init__(self, error: BaseException | None = None) -> None:
        self.model_id = "m"
        self.closed = 0
        self._error = error

    def _parts(self) -> Iterator[str]:
        try:
            yield "a"
            yield "b"
            if self._error:
                raise self._error
        finally:
            self.closed += 1

    async def _awaited(self) -> AsyncIterator[str]:
        for part in self._parts():
            yield part

    def __call__(self, **kwargs: Any) -> Any:
        return tg.ModelStreamResponse(self._parts())

    async def acall(self, **kwargs: Any) -> Any:
        return tg.ModelStreamResponse(self._awaited())


LIMITED = {"limits": {"concurrent": 1}}


def running(gateway: tg.ModelGateway) -> int:
    return int(gateway.health()["running"].iloc[0])


@pytest.mark.parametrize("end", ["read", "closed", "collected", "unread"])
def test_a_stream_holds_its_place_to_its_end(end: str) -> None:
    """The slot of a limit is given back when the stream is read, closed or let go of, and not before."""
    gateway = tg.ModelGateway([{"model_name": "a", "model": Parts()}], policy=LIMITED)
    stream: Any = gateway(stream=True)
    assert running(gateway) == 1
    with pytest.raises(tg.ModelRouterError, match="at its limit of concurrent attempts"):
        gateway(stream=True)
    if end == "read":
        assert list(stream) == ["a", "b"]
    elif end == "closed":
        assert next(iter(stream)) == "a"
        stream.close()
    else:
        if end == "collected":
            assert next(iter(stream)) == "a"
        del stream
        gc.collect()
    assert running(gateway) == 0
    assert gateway(stream=True).consume() == "ab"


@pytest.mark.parametrize("end", ["closed", "collected", "abandoned"])
@pytest.mark.parametrize("read", [0, 1])
@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_stream_that_is_given_up_leaves_a_record(way: str, read: int, end: str) -> None:
    """Closed, let go of, or still there when its loop ends: read or not, it is told once, and its source is closed."""
    heard: list[Any] = []
    model = Parts()
    gateway = tg.ModelGateway([{"model_name": "a", "model": model}], policy=LIMITED, observers=[heard.append])

    def blocking() -> None:
        stream: Any = gateway(stream=True)
        chunks = iter(stream)
        assert [next(chunks) for _ in range(read)] == ["a"][:read]
        assert heard == []
        if end == "closed":
            stream.close()
            assert len(heard) == 1

    async def awaited() -> Any:
        stream: Any = await gateway.acall(stream=True)
        chunks = aiter(stream)
        assert [await anext(chunks) for _ in range(read)] == ["a"][:read]
        assert heard == []
        if end == "closed":
            await stream.aclose()
            assert len(heard) == 1
        if end == "abandoned":
            return stream
        del stream, chunks
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)
        return None

    if way == "sync":
        blocking()
        gc.collect()
    else:
        left = run(awaited())
        del left
    [record] = heard
    assert (record.outcome, record.served_by) == ("failed", None)
    assert [attempt.outcome for attempt in record.attempts] == ["cancelled"]
    assert record.first_chunk_s is not None
    assert (running(gateway), model.closed) == (0, 1)


def test_a_stream_that_breaks_off_leaves_a_record(server: Any, read: Reader) -> None:
    """Observers hear of it once, as of a call that failed."""
    heard: list[Any] = []
    gateway = tg.ModelGateway([{"model_name": "cut", "model": model(server, "cut")}], observers=[heard.append])
    assert isinstance(read(gateway).error, TruncatedError)
    [record] = heard
    assert (record.outcome, record.served_by) == ("failed", None)
    assert [attempt.outcome for attempt in record.attempts] == ["truncated"]


@pytest.mark.parametrize("chunks", [0, 1])
def test_a_cancelled_reader_gives_back_what_it_holds(chunks: int) -> None:
    """A task that is cancelled before or between chunks leaves no attempt behind."""

    class Hanging(Parts):
        async def _awaited(self) -> AsyncIterator[str]:
            for _ in range(chunks):
                yield "a"
            await asyncio.Event().wait()

    gateway = tg.ModelGateway([{"model_name": "a", "model": Hanging()}], policy=LIMITED)
    begun = asyncio.Event()

    async def consume() -> None:
        begun.set()
        async for _ in await gateway.acall(stream=True):
            pass

    async def main() -> int:
        task = asyncio.create_task(consume())
        await begun.wait()
        while running(gateway) == 0:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()
        await asyncio.sleep(0)
        return running(gateway)

    assert run(main()) == 0


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), ValueError("odd"), TruncatedError("cut")])
def test_a_stream_of_ones_own_breaks_off_as_truncated(read: Reader, error: Exception) -> None:
    """Whatever a model's stream raises reaches its reader as an error of a kind, the original as cause."""
    found = read(tg.ModelGateway([{"model_name": "a", "model": Parts(error)}]))
    assert isinstance(found.error, TruncatedError)
    assert (found.chunks, found.error.__cause__) == (["a", "b"], error)


def test_what_is_no_exception_is_the_readers(read: Reader) -> None:
    """A ``KeyboardInterrupt`` in a stream is no failure of the deployment, and gives the slot back."""
    gateway = tg.ModelGateway([{"model_name": "a", "model": Parts(KeyboardInterrupt())}], policy=LIMITED)
    with pytest.raises(KeyboardInterrupt):
        gateway(stream=True).consume()
    gc.collect()
    assert running(gateway) == 0


def test_a_thread_that_is_given_up_closes_its_stream(server: Any) -> None:
    """With limits a blocking stream is read in a thread; giving up ends it, and a silent one is a timeout."""
    parts = Parts()
    gateway = tg.ModelGateway([{"model_name": "a", "model": parts}], policy={"idle_s": 5})
    assert gateway(stream=True).consume() == "ab"
    assert parts.closed == 1
    with pytest.raises(tg.ModelRouterError) as caught:
        gateway_of(server, "slow-to-start", first_chunk_s=0.1)(messages="Hi", stream=True)
    assert isinstance(caught.value.exceptions[0], ModelTimeoutError)


def test_a_stream_that_breaks_off_costs_the_next_deployment_nothing(read: Reader) -> None:
    """The error ends the call: no attempt on the next one is begun, and none of its limit is taken."""
    models = [{"model_name": "a", "model": Parts(ConnectionResetError())}, {"model_name": "b", "model": Parts()}]
    gateway = tg.ModelGateway(models, policy={"limits": {"requests_per_min": 10}})
    assert isinstance(read(gateway).error, TruncatedError)
    assert list(gateway.health()["requests_left"]) == [9, 10]
