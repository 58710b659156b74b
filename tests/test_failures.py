"""Errors of SDKs, of httpx and of the operating system become our kinds, against a server that fails."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from typing import Any

import pytest
from asked import answered, run, ways
from fault_server import fault_server
from test_clock import travel

import timegate as tg
from timegate.core.clock import VirtualClock
from timegate.core.columns import ATTEMPT_OUTCOMES
from timegate.errors import (
    CALL_ERRORS,
    CallerError,
    ModelCallError,
    ModelConnectionError,
    RateLimitError,
    TruncatedError,
)
from timegate.models.answers import Parts, read, read_async
from timegate.models.failures import kind_of, retry_after_s, translated

httpx = pytest.importorskip("httpx")
pytest.importorskip("openai")
ESCAPES = httpx.Request("POST", "http://a", json="\xe9").content.isascii()  # as before 0.28


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with fault_server() as httpd:
        yield httpd


def model(server: Any, name: str, **params: Any) -> tg.BaseModel:
    return tg.Model.chat_completion(f"local/{name}", base_url=server.url, api_key_env=[], **params)


def ask(asked: Any, way: str, **kwargs: Any) -> Any:
    """Call a model or a gateway one way or the other, and read a stream to its end."""
    answer, chunks = answered(asked, way, **kwargs)
    return answer if chunks is None else "".join(chunks)


@ways
@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [
        ("limited", "rate_limit", 429),
        ("down", "server_error", 503),
        ("keyless", "auth", 401),
        ("unknown", "bad_request", 404),
        ("too-long", "context_length", 400),
        ("filtered", "content_filter", 400),
        ("filtered-late", "content_filter", None),
        ("reset", "connection", None),
        ("no-json", "server_error", 503),
        ("empty", "server_error", 503),
        ("error-in-200", "rate_limit", 429),
    ],
)
def test_a_providers_failure_is_of_a_kind(server: Any, way: str, name: str, kind: str, status: int | None) -> None:
    """Each is our exception of its kind, with the status; what the SDK raised is the cause."""
    with pytest.raises(CALL_ERRORS[kind]) as caught:
        ask(model(server, name), way, messages="Hi")
    assert (caught.value.kind, caught.value.status_code) == (kind, status)
    assert name in ("filtered-late", "empty") or caught.value.__cause__ is not None


@ways
@pytest.mark.parametrize(
    ("name", "kind"),
    [("cut", "truncated"), ("endless", "truncated"), ("malformed", "server_error")],
)
def test_a_stream_that_breaks_is_never_a_short_answer(server: Any, way: str, name: str, kind: str) -> None:
    """A cut, a malformed event, and an end without its mark are errors of their kind."""
    with pytest.raises(CALL_ERRORS[kind]):
        ask(model(server, name), way, messages="Hi", stream=True)


@ways
def test_a_stream_goes_on_whose_model_nobody_holds(server: Any, way: str) -> None:
    """A model that is let go of closes its connections, but not under a stream that is read, as after a reload."""

    async def main() -> str:
        stream = await model(server, "pausing").acall(messages="Hi", stream=True)
        gc.collect()
        return "".join([text async for text in stream])

    if way == "sync":
        stream = model(server, "pausing")(messages="Hi", stream=True)
        gc.collect()
        assert stream.consume() == "Hello"
    else:
        assert run(main()) == "Hello"


@ways
def test_a_streams_metadata_is_there_at_its_end(server: Any, way: str) -> None:
    """Usage, finish reason and model stand in the metadata, and usage is asked for."""
    found: dict[str, Any] = {}

    async def main() -> None:
        stream = await model(server, "fine").acall(messages="Hi", stream=True)
        assert [text async for text in stream] == ["Hel", "lo"]
        found.update(stream.metadata)

    if way == "sync":
        stream = model(server, "fine")(messages="Hi", stream=True)
        assert stream.consume() == "Hello"
        found.update(stream.metadata)
    else:
        run(main())
    assert (found["finish_reason"], found["usage"]["completion_tokens"], found["model"]) == ("stop", 2, "m-1")
    assert server.requests[-1][2]["stream_options"] == {"include_usage": True}


class Reset:
    """A response whose connection is lost after its first event."""

    closed = 0

    def iter_bytes(self) -> Iterator[bytes]:
        yield b'data: {"choices": [{"delta": {"content": "Hel"}}]}\n\n'
        raise ConnectionResetError("reset by peer")

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        for chunk in self.iter_bytes():
            yield chunk

    def close(self) -> None:
        self.closed += 1

    async def aclose(self) -> None:
        self.close()


@ways
def test_a_connection_lost_in_an_answer_has_cut_it(way: str) -> None:
    """Whoever has a part of an answer hears that it is cut, not that nobody was reached; the response is closed."""
    response, texts = Reset(), list[str]()

    def blocking() -> None:
        texts.extend(read(response, Parts(), None))

    async def awaited() -> None:
        async for text in read_async(response, Parts(), None):
            texts.append(text)

    with pytest.raises(TruncatedError, match="reset by peer"):
        blocking() if way == "sync" else run(awaited())
    assert (texts, response.closed) == (["Hel"], 1)


@pytest.mark.parametrize("name", ["lasting", "malformed", "endless"])
def test_a_loop_that_ends_leaves_no_connection(server: Any, name: str) -> None:
    """A model outlives event loops, with nothing open of the ones before; within one its connection is kept."""
    asked = model(server, name)

    async def main() -> None:
        for _ in range(3):
            with contextlib.suppress(ModelCallError):
                answer = await asked.acall(messages="Hi", stream=name != "lasting")
                assert name == "lasting" or [text async for text in answer]

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            server.clients[name].clear()
            run(main())
            assert name != "lasting" or len(server.clients[name]) == 1
        gc.collect()
    assert not said


@ways
def test_the_policys_time_reaches_the_sdk(server: Any, way: str) -> None:
    """A silent provider ends as a timeout of the policy, in blocking calls too, and the next one serves."""
    models: list[dict[str, Any]] = [{"model_name": n, "model": model(server, n)} for n in ("silent", "fine")]
    models[0]["policy"] = {"timeout_s": 0.2}
    gateway = tg.ModelGateway(models)
    assert ask(gateway, way, messages="Hi").consume() == "Hello"
    with pytest.raises(tg.ModelRouterError) as caught:
        ask(tg.ModelGateway(models[:1]), way, messages="Hi")
    assert [error.kind for error in caught.value.exceptions] == ["timeout"]


@ways
def test_a_provider_that_flaps_is_probed_and_taken_back(server: Any, way: str) -> None:
    """While it is down one attempt is made per cooldown; the first probe that answers brings it back."""
    clock, server.is_down, server.seen["flapping"] = VirtualClock(1_700_000_000_000_000), True, 0
    models = [{"model_name": name, "model": model(server, name)} for name in ("flapping", "fine")]
    policy = {"cooldown": {"failures": 1, "for_s": 60, "probes": 1}}
    gateway = tg.ModelGateway(models, clock, policy=policy)
    served = []
    for minute in range(0, 300, 20):
        clock.at_us = 1_700_000_000_000_000 + minute * 1_000_000
        server.is_down = minute < 200
        served.append(ask(gateway, way, messages="Hi").metadata["timegate"].served_by)
    assert served == ["fine"] * 12 + ["flapping"] * 3
    assert server.seen["flapping"] == 4 + 3


@ways
def test_tls_that_is_refused_is_a_connection(server: Any, way: str) -> None:
    """A server that speaks no TLS is not reached, and nothing is sent to it in the clear."""
    sent = len(server.requests)
    refused = tg.Model.chat_completion("local/m", base_url=server.url.replace("http:", "https:"), api_key_env=[])
    with pytest.raises(ModelConnectionError):
        ask(refused, way, messages="Hi")
    assert len(server.requests) == sent


@ways
def test_a_prompt_is_warmed_for_one_token(server: Any, way: str) -> None:
    """The system prompt and the tools are sent as a call would send them."""
    gateway = tg.ModelGateway([{"model_name": "a", "model": model(server, "fine", temperature=0)}])
    asked: dict[str, Any] = {"system_prompt": "Be brief.", "tool_definitions": [{"type": "function"}]}
    if way == "sync":
        gateway.warmup_system_prompt(**asked)
    else:
        asyncio.run(gateway.awarmup_system_prompt(**asked))
    body = server.requests[-1][2]
    assert body["messages"] == [{"role": "system", "content": "Be brief."}]
    assert (body["max_tokens"], body["tools"], body["temperature"]) == (1, [{"type": "function"}], 0)


@ways
def test_the_sdk_repeats_nothing(server: Any, way: str) -> None:
    """One attempt is one request; a retry is the policy's."""
    for name, retries in (("down", 0), ("broken-once", 1)):
        server.seen[name] = 0
        gateway = tg.ModelGateway(
            [{"model_name": "a", "model": model(server, name)}],
            policy={"max_retries": retries, "backoff": {"initial_s": 0.001}},
        )
        if retries:
            assert ask(gateway, way, messages="Hi").consume() == "Hello"
        else:
            with pytest.raises(tg.ModelRouterError):
                ask(gateway, way, messages="Hi")
        assert server.seen[name] == retries + 1


@ways
def test_a_retry_after_is_heard(server: Any, way: str) -> None:
    """The header lengthens the pause, or moves on if it asks for too much."""
    with pytest.raises(RateLimitError) as caught:
        ask(model(server, "limited-for-2-s"), way, messages="Hi")
    assert caught.value.retry_after_s == 2
    server.seen["limited-for-2-s"] = 0
    models = [{"model_name": name, "model": model(server, name)} for name in ("limited-for-2-s", "fine")]
    gateway = tg.ModelGateway(models, policy={"max_retries": 3, "retry_after_max_s": 1})
    assert ask(gateway, way, messages="Hi").consume() == "Hello"
    assert server.seen["limited-for-2-s"] == 1


@ways
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"messages": 5},
        {"messages": "Hi", "colour": 1},
        pytest.param(
            {"messages": "\ud800"},
            marks=pytest.mark.skipif(ESCAPES, reason="this httpx escapes what is no text, and sends it"),
        ),
    ],
)
def test_a_mistake_of_the_caller_is_the_callers(server: Any, way: str, wrong: dict[str, Any]) -> None:
    """It is of kind ``caller``, nothing is sent, and ``raise_on`` ends the call with it."""
    sent = len(server.requests)
    models = [{"model_name": name, "model": model(server, name)} for name in ("a", "b")]
    with pytest.raises(CallerError):
        ask(tg.ModelGateway(models, policy={"raise_on": ["caller"]}), way, **wrong)
    assert len(server.requests) == sent


class Answer:
    def __init__(self, status: int, **headers: str) -> None:
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def with_answer(status: int, **headers: str) -> Exception:
    error = Exception("refused")
    error.response = Answer(status, **headers)  # type: ignore[attr-defined]
    return error


REQUEST = httpx.Request("POST", "http://localhost")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadTimeout("", request=REQUEST), "timeout"),
        (httpx.ConnectError("", request=REQUEST), "connection"),
        (httpx.RemoteProtocolError("", request=REQUEST), "truncated"),
        (httpx.HTTPStatusError("", request=REQUEST, response=httpx.Response(529)), "server_error"),
        (httpx.InvalidURL("no"), "error"),
        (json.JSONDecodeError("no", "x", 0), "server_error"),
        (socket.gaierror(-2, "unknown name"), "connection"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "connection"),
        (BrokenPipeError(), "connection"),
        (TimeoutError(), "timeout"),
        (FileNotFoundError(), "error"),
        (ValueError(), "error"),
        (with_answer(403), "auth"),
        (with_answer(302), "error"),
        (with_answer(408), "timeout"),
        (type("JSONDecodeError", (Exception,), {"__module__": "mine"})(), "error"),
        (type("Odd", (Exception,), {"kind": ["timeout"]})(), "error"),
    ],
    ids=repr,
)
def test_kind_of(error: Exception, kind: str) -> None:
    """Known by status, by the names that clients share, or by the operating system; anything else is an ``error``."""
    assert ATTEMPT_OUTCOMES[kind_of(error)] == kind
    ours = translated(error)
    assert ours is error if kind == "error" else isinstance(ours, ModelCallError)
    assert translated(ours) is ours


def test_retry_after_in_all_its_forms() -> None:
    """Seconds, milliseconds and a date are read; what is none, past, or beyond reason is nothing."""
    with travel(1_700_000_000_000_000):
        for headers, seconds in [
            ({"retry_after": "1.5"}, 1.5),
            ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
            ({"retry_after": formatdate(1_700_000_030, usegmt=True)}, 30.0),
            ({"retry_after": formatdate(1_600_000_000, usegmt=True)}, None),
            ({"retry_after": "soon"}, None),
            ({"retry_after": "1e12"}, None),
            ({"retry_after": "-1"}, None),
            ({"retry_after": "nan"}, None),
            ({}, None),
        ]:
            found = retry_after_s(with_answer(429, **headers))
            assert found == seconds if seconds is None else found == pytest.approx(seconds, abs=1), headers


def test_rate_limits_are_kept(server: Any) -> None:
    """The ``x-ratelimit-*`` headers stand in an answer's metadata, and on an error."""
    answer = model(server, "fine")(messages="Hi")
    assert answer.metadata["rate_limits"] == {"x-ratelimit-remaining-requests": "7"}
    assert translated(with_answer(429, x_ratelimit_reset="1s")).rate_limits == {"x-ratelimit-reset": "1s"}  # type: ignore[attr-defined]
