"""Models: the interface, the registry, responses; and the OpenAI protocol against a server on the loopback."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from asked import answered, run, ways

from timegate import (
    BaseModel,
    Model,
    ModelGateway,
    ModelResponse,
    ModelRouterError,
    ModelStreamResponse,
    SimulatedModel,
    register_model,
)
from timegate.errors import ConfigError, InvalidTypeError, InvalidValueError, ServerError
from timegate.models import base, registry
from timegate.models.base import MOST_THREADS

SECRET = "sk-do-not-tell"  # noqa: S105 - opens nothing


class Echo(BaseModel):
    """Answers with the thread that it runs in."""

    provider = "echo"
    model_type = "chat_completion"

    def __init__(self, model_id: str = "e", colour: str = "red", api_key: str = SECRET) -> None:
        self.model_id = model_id
        self.colour = colour
        self.api_key = api_key
        self._client = object()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return threading.get_ident(), where.get(), args, kwargs


where = contextvars.ContextVar("where", default="nowhere")


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register models without leaving them behind."""
    copied = {model_type: dict(classes) for model_type, classes in registry._registry.items()}
    monkeypatch.setattr(registry, "_registry", copied)


def test_acall_runs_in_a_thread():
    """By default a model is awaited as a call in another thread, with the caller's arguments and context."""

    async def main() -> Any:
        where.set("here")
        return await Echo().acall(1, two=2)

    thread, context, args, kwargs = asyncio.run(main())
    assert thread != threading.get_ident()
    assert (context, args, kwargs) == ("here", (1,), {"two": 2})


def test_acall_does_not_block_the_loop():
    """Two default calls that wait for each other are both answered."""
    barrier = threading.Barrier(2, timeout=300)

    class Meeting(Echo):
        def __call__(self, **kwargs: Any) -> bool:
            return barrier.wait() >= 0

    async def main() -> list[bool]:
        return await asyncio.gather(Meeting().acall(), Meeting().acall())

    assert asyncio.run(main()) == [True, True]


def test_a_slow_model_holds_up_no_other():
    """Calls that fill every thread of one model leave those of another free."""
    free = threading.Event()

    class Slow(Echo):
        def __call__(self, **kwargs: Any) -> bool:
            return free.wait(60)

    async def main() -> bool:
        slow = Slow()
        held = [asyncio.create_task(slow.acall()) for _ in range(MOST_THREADS + 5)]
        thread, *_ = await Echo().acall()
        was_held = not any(task.done() for task in held)
        free.set()
        assert all(await asyncio.gather(*held))
        return was_held and thread != threading.get_ident()

    assert asyncio.run(main())


def test_stop_iteration_is_a_failure():
    """A model that raises ``StopIteration`` fails, and nobody waits for ever."""

    class Stopping(Echo):
        def __call__(self, **kwargs: Any) -> Any:
            return next(iter(()))

    async def main() -> None:
        await asyncio.wait_for(Stopping().acall(), 60)

    with pytest.raises(RuntimeError, match="Stopping raised StopIteration"):
        asyncio.run(main())


def test_a_models_threads_end_with_it():
    """Nothing is left of the threads of a model that is let go."""
    model = Echo()
    asyncio.run(model.acall())
    key = id(model)
    assert key in base._threads
    del model
    gc.collect()
    assert key not in base._threads


def test_base_model_is_abstract():
    """A model must say how it answers."""
    with pytest.raises(TypeError, match="__call__"):
        BaseModel()


def test_serialize_leaves_secrets_out():
    """The state has the public attributes; no key and nothing private. It builds an equal model."""
    state = Echo("m", "blue").serialize()
    assert state == {
        "provider": "echo",
        "model_type": "chat_completion",
        "state": {"model_id": "m", "colour": "blue"},
    }
    assert Echo.from_serialized(state["state"]).serialize() == state


@pytest.mark.usefixtures("own_registry")
def test_register_model():
    """A registered model is built by its type and path, through the factory of that type, and from its state."""
    assert register_model(Echo) is Echo

    @register_model
    class Embedder(Echo):
        model_type = "text_embedder"

    model = Model.chat_completion("echo/vendor/m", colour="blue")
    assert (type(model), model.model_id, model.colour) == (Echo, "vendor/m", "blue")
    assert type(Model.text_embedder("echo/m")) is Embedder
    assert type(Model.create("text_embedder", "echo/m")) is Embedder
    assert Model.from_serialized(**model.serialize()).serialize() == model.serialize()
    assert Model.from_serialized(**model.serialize(), msgflux_type="model").colour == "blue"
    assert "echo" in Model.providers()["text_embedder"]
    assert "echo" in Model.providers()["chat_completion"]


@pytest.mark.parametrize(
    ("build", "kind", "problem"),
    [
        (lambda: Model.chat_completion("opnai/gpt"), ValueError, "Provider 'opnai' is not registered for model type"),
        (lambda: Model.chat_completion("opnai/gpt"), ValueError, "Did you mean 'openai'?"),
        (lambda: Model.create("chat_completio", "sim/x"), ValueError, "Did you mean 'chat_completion'?"),
        (lambda: Model.chat_completoin("sim/x"), AttributeError, "Did you mean 'chat_completion'?"),
        (lambda: Model.chat_completion("gpt-4.1"), ValueError, "must look like 'provider/model-id'. Got 'gpt-4.1'."),
        (lambda: Model.chat_completion("/gpt-4.1"), ValueError, "must look like 'provider/model-id'"),
        (lambda: Model.chat_completion("sim/"), ValueError, "must look like 'provider/model-id'"),
        (lambda: Model.from_serialized("sim", "chat_completion", {}, "retriever"), ValueError, "given `retriever`"),
        (lambda: Model.from_serialized("sin", "chat_completion", {}), ValueError, "Did you mean 'sim'?"),
        (lambda: register_model(type("Nameless", (Echo,), {"provider": ""})), ValueError, "`provider` is missing."),
    ],
)
def test_registry_refuses(build, kind, problem):
    """What is not registered, or has no provider, is refused with the nearest name that is."""
    with pytest.raises(kind) as caught:
        build()
    assert problem in str(caught.value)
    assert isinstance(caught.value, (InvalidValueError, AttributeError))


def test_response():
    """A response gives its data back, and starts with metadata of its own."""
    assert ModelResponse("hi").consume() == "hi"
    assert ModelResponse().metadata is not ModelResponse().metadata


def failing(chunks: list[Any]) -> Iterator[Any]:
    yield from chunks
    raise ConnectionError("cut")


def test_response_has_the_methods_of_msgflux():
    """What a model of msgflux says to its answer, ours hears as well."""
    response = ModelResponse()
    response.add("Hello")
    response.set_response_type("structured")
    response.set_metadata({"usage": {}})
    assert (response.consume(), response.response_type, response.metadata) == ("Hello", "structured", {"usage": {}})
    assert (response.has_reasoning, response.consume_reasoning()) == (False, None)
    response.reasoning = "Because."
    assert (response.has_reasoning, response.consume_reasoning()) == (True, "Because.")


async def awaited(chunks: Iterator[Any]) -> AsyncIterator[Any]:
    for chunk in chunks:
        await asyncio.sleep(0)
        yield chunk


async def collect(stream: ModelStreamResponse) -> list[Any]:
    return [chunk async for chunk in stream]


@pytest.mark.parametrize("chunks", [["Hel", "lo"], [b"\0", b"\1"], []], ids=["text", "bytes", "empty"])
def test_stream(chunks):
    """A stream gives its chunks one by one, to ``for`` and ``async for``, and keeps their sum."""
    whole = chunks[0] + chunks[1] if chunks else None
    for stream, read in [
        (ModelStreamResponse(iter(chunks)), list),
        (ModelStreamResponse(iter(chunks)), lambda stream: asyncio.run(collect(stream))),
        (ModelStreamResponse(awaited(iter(chunks))), lambda stream: asyncio.run(collect(stream))),
    ]:
        assert read(stream) == chunks
        assert stream.data == whole
    assert ModelStreamResponse(iter(chunks)).consume() == whole


def test_an_error_in_mid_stream_reaches_the_consumer():
    """What breaks after the stream began is raised where it is read, and what had arrived is kept."""
    stream = ModelStreamResponse(failing(["Hel"]))
    with pytest.raises(ConnectionError, match="cut"):
        stream.consume()
    assert stream.data == "Hel"
    stream = ModelStreamResponse(awaited(failing(["Hel"])))
    with pytest.raises(ConnectionError, match="cut"):
        asyncio.run(collect(stream))
    assert stream.data == "Hel"


def test_an_async_stream_says_so():
    """Reading an asynchronous stream with ``for`` is an error that says what to do."""
    with pytest.raises(InvalidTypeError, match="async for"):
        list(ModelStreamResponse(awaited(iter("ab"))))


def test_simulated_model():
    """A simulated model answers with its name, or raises the error given, sync and async."""
    model = SimulatedModel("small", provider="openai")
    assert model(messages="x").consume() == asyncio.run(model.acall(messages="x")).consume() == "openai/small"
    broken = SimulatedModel("small", error=TimeoutError("slow"))
    with pytest.raises(TimeoutError, match="slow"):
        broken()
    with pytest.raises(TimeoutError, match="slow"):
        asyncio.run(broken.acall())


class Handler(BaseHTTPRequestHandler):
    """Speaks just enough of the protocol; the model's name says what goes wrong."""

    server: Any

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers, body))
        if body["model"] == "down":
            self.answer(500, "application/json", json.dumps({"error": {"message": "out of order"}}))
        elif body["stream"]:
            end = json.dumps({"error": {"message": "cut"}}) if body["model"] == "cut" else "[DONE]"
            deltas = [{"role": "assistant"}, {"content": "Hel"}, {"content": "lo"}]
            chunks = [json.dumps({"choices": [{"index": 0, "delta": delta}]}) for delta in deltas]
            chunks.append(json.dumps({"choices": [], "usage": None}))
            self.answer(200, "text/event-stream", "".join(f"data: {chunk}\n\n" for chunk in [*chunks, end]))
        else:
            message: dict[str, Any] = {"role": "assistant", "content": "Hello"}
            if "tools" in body:
                function = {"name": "time", "arguments": '{"zone": "UTC"}'}
                message = {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
            self.answer(200, "application/json", json.dumps({"model": "m-1", "choices": [choice], "usage": usage}))

    def answer(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture(params=["HTTP/1.0"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run a server of the protocol on the loopback; the key stands in the environment."""
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    handler = type("Handler", (Handler,), {"protocol_version": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.daemon_threads = True
        httpd.requests = []
        httpd.url = f"http://127.0.0.1:{httpd.server_port}/v1"
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()
    gc.collect()  # what was left open shows here, as an error, and not in a later test


def ask(model: Any, way: str, **kwargs: Any) -> Any:
    """Call a model or gateway one way or the other, and read a stream to its end."""
    answer, chunks = answered(model, way, **kwargs)
    return answer if chunks is None else (chunks, answer.data)


@ways
def test_openai_request_and_response(server, way):
    """The request has the model, the messages and the sampling parameters, the call's over the model's."""
    model = Model.chat_completion("openai/gpt-4.1-mini", base_url=server.url, temperature=0.5, max_tokens=9)
    answer = ask(model, way, messages="Hi", max_tokens=7)
    [(path, headers, body)] = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {SECRET}"
    assert body == {
        "model": "gpt-4.1-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": False,
        "temperature": 0.5,
        "max_tokens": 7,
    }
    assert (answer.consume(), answer.response_type) == ("Hello", "text_generation")
    assert answer.metadata["finish_reason"] == "stop"
    assert answer.metadata["usage"]["prompt_tokens"] == 3
    assert answer.metadata["model"] == "m-1"


@ways
def test_openai_messages_are_sent_as_they_are(server, way):
    """A list of messages goes out unchanged."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    ask(Model.chat_completion("openai/m", base_url=server.url), way, messages=messages)
    assert server.requests[0][2]["messages"] == messages


@ways
def test_openai_stream(server, way):
    """A stream gives the text of the chunks, and the whole in the end."""
    model = Model.chat_completion("openai/m", base_url=server.url)
    assert ask(model, way, messages="Hi", stream=True) == (["Hel", "lo"], "Hello")
    assert server.requests[0][2]["stream"] is True


@ways
def test_openai_error_in_mid_stream(server, way):
    """An error that the server sends in a stream reaches who reads it: the gateway has answered by then."""
    models = [
        {"model_name": name, "model": Model.chat_completion(f"openai/{name}", base_url=server.url)}
        for name in ("cut", "m")
    ]
    with pytest.raises(ServerError, match="cut"):
        ask(ModelGateway(models), way, messages="Hi", stream=True)
    assert len(server.requests) == 1


@ways
def test_openai_tool_call(server, way):
    """A call of a tool comes back as plain data under its own type."""
    answer = ask(
        Model.chat_completion("openai/m", base_url=server.url), way, messages="Hi", tools=[{"type": "function"}]
    )
    assert answer.response_type == "tool_call"
    assert answer.consume()[0]["function"] == {"name": "time", "arguments": '{"zone": "UTC"}'}


@ways
def test_openai_failure_falls_back_at_once(server, way):
    """A 500 is not retried within the deployment: the next one serves."""
    models = [
        {"model_name": name, "model": Model.chat_completion(f"openai/{name}", base_url=server.url)}
        for name in ("down", "up")
    ]
    assert ask(ModelGateway(models), way, messages="Hi").consume() == "Hello"
    assert [body["model"] for _, _, body in server.requests] == ["down", "up"]
    with pytest.raises(ModelRouterError) as caught:
        ask(ModelGateway(models[:1]), way, messages="Hi")
    [(name, provider, error)] = caught.value.model_info
    assert (name, provider, error.status_code) == ("down", "openai", 500)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("server", ["HTTP/1.1"], indirect=True)
@ways
def test_openai_model_outlives_an_event_loop(server, way):
    """One model serves calls from one event loop after another, as scripts with ``asyncio.run`` make them."""
    model = Model.chat_completion("openai/m", base_url=server.url)
    for _ in range(3):
        assert ask(model, way, messages="Hi").consume() == "Hello"
    assert len(server.requests) == 3


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("server", ["HTTP/1.1"], indirect=True)
def test_openai_model_lets_go_of_closed_event_loops(server):
    """A model that has served many event loops keeps at most the last of them, with its connections."""
    model = Model.chat_completion("openai/m", base_url=server.url)
    loops = []

    async def main() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await model.acall(messages="Hi")

    for _ in range(4):
        run(main())
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1


def test_openai_key_is_never_told(server):
    """The key is read from the environment, and stands in no state and no repr."""
    model = Model.chat_completion("openai/m", base_url=server.url)
    gateway = ModelGateway([{"model_name": "weak", "model": model}])
    texts = [repr(model), str(model.serialize()), repr(gateway), str(gateway.serialize()), str(gateway.explain())]
    texts += [repr(value) for value in vars(model).values()]
    assert not any(SECRET in text for text in texts)


def test_openai_key_is_missed_at_once(server, monkeypatch):
    """A missing or empty key is found when the model is built, and the variable is named."""
    for value in ("", None):
        monkeypatch.setenv("OTHER_KEY", "") if value == "" else monkeypatch.delenv("OTHER_KEY")
        with pytest.raises(ConfigError, match="'openai/m' needs a key in the environment variable OTHER_KEY"):
            Model.chat_completion("openai/m", api_key_env="OTHER_KEY")


@ways
def test_openai_key_of_another_variable(server, monkeypatch, way):
    """Each model may name the variable of its own key."""
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    ask(Model.chat_completion("openai/m", base_url=server.url, api_key_env="OTHER_KEY"), way, messages="Hi")
    assert server.requests[0][1]["Authorization"] == "Bearer sk-other"


def test_openai_state_round_trip(server):
    """A model comes back from its state through JSON, and asks the same."""
    model = Model.chat_completion(
        "openai/m", base_url=server.url, headers_env={"X-Team": "OPENAI_API_KEY"}, temperature=0.5
    )
    again = Model.from_serialized(**json.loads(json.dumps(model.serialize())))
    assert again.serialize() == model.serialize()
    model(messages="Hi")
    again(messages="Hi")
    assert server.requests[0][2] == server.requests[1][2]


def test_openai_state_of_msgflux(server):
    """A state as msgflux 0.5.1 writes it builds our model of the same server and parameters."""
    state = {
        "model_id": "gpt-4.1-mini",
        "context_length": None,
        "sampling_params": {"base_url": server.url},
        "sampling_run_params": {"temperature": 0.2, "top_p": 0.9},
        "enable_thinking": None,
        "parallel_tool_calls": True,
        "verbose": False,
        "retry": None,
    }
    model = Model.from_serialized("openai", "chat_completion", state, msgflux_type="model")
    assert model(messages="Hi").consume() == "Hello"
    body = server.requests[0][2]
    assert (body["model"], body["temperature"], body["top_p"]) == ("gpt-4.1-mini", 0.2, 0.9)
    assert body.keys() == {"model", "messages", "stream", "temperature", "top_p"}


def test_openai_state_with_empty_parameters(server):
    """Parameters that a state leaves out or sets to nothing are the defaults."""
    for state in ({"model_id": "m"}, {"model_id": "m", "sampling_params": None, "sampling_run_params": None}):
        model = Model.from_serialized("openai", "chat_completion", state)
        assert model.serialize() == Model.chat_completion("openai/m").serialize()
