"""The gateway: the seed's behaviours at the edges, sync and async; many callers at once; what it refuses."""

from __future__ import annotations

import asyncio
import copy
import datetime as dt
import json
import logging
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from test_clock import travel
from test_windows import covers, luck

from timegate import BaseModel, ModelGateway, ModelRouterError, SimulatedModel, Window
from timegate.core.clock import DAY_US, VirtualClock, from_us, to_us
from timegate.errors import InstantError, InvalidModelError, InvalidTypeError, InvalidValueError, WindowError, shown

NIGHT = [("22:00", "06:00")]
MARCH_2 = "2026-03-02T"


class Scripted(BaseModel):
    """Answers with its name and what it was asked, or fails if the call says so; gives way to others when awaited."""

    provider = "scripted"
    model_type = "chat_completion"

    def __init__(self, model_id: str, batch_support: bool = False) -> None:
        self.model_id = model_id
        self.batch_support = batch_support

    def __call__(self, *, errors: dict[str, BaseException] | None = None, **kwargs: Any) -> Any:
        if errors and self.model_id in errors:
            raise errors[self.model_id]
        return self.model_id, kwargs

    async def acall(self, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return self(**kwargs)


def deployment(name: str, **fields: Any) -> dict[str, Any]:
    return {"model_name": name, "model": Scripted(name), **fields}


def three(clock: Any = None) -> ModelGateway:
    """One that is closed at night, one that is closed at noon, and one for evenings only."""
    return ModelGateway(
        [
            deployment("weak", time_constraints=NIGHT),
            deployment("strong", time_constraints=[["12:00", "12:30"]]),
            deployment("spare", available=[Window("18:00", "23:00", tz="Europe/Berlin", days=["mon", "tue"])]),
        ],
        clock=clock,
    )


def expected(gateway: ModelGateway, at_us: int, errors: Iterable[str], preference: str | None) -> object:
    """Who serves: the seed's rule over the oracle of windows. The names of all that failed, if nobody does."""
    at = from_us(at_us)
    order = [
        deployment.name
        for deployment in gateway.router.deployments
        if not any(covers(window, at) for window in deployment.hours.time_constraints)
        and (not deployment.hours.available or any(covers(window, at) for window in deployment.hours.available))
    ]
    order.sort(key=lambda name: name != preference)
    return next((name for name in order if name not in errors), order)


def who(answer: Any) -> object:
    """Who served, or the names of all that failed."""
    return [name for name, _, _ in answer.model_info] if isinstance(answer, ModelRouterError) else answer[0]


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Call a gateway one way, then the other."""
    if request.param == "sync":
        return lambda gateway, **kwargs: gateway(**kwargs)
    return lambda gateway, **kwargs: asyncio.run(gateway.acall(**kwargs))


@pytest.mark.parametrize(
    ("window", "open_at", "closed_at"),
    [
        (
            ("22:00", "06:00"),
            ["21:59:59.999999", "06:00:00.000001", "12:00:00"],
            ["22:00:00.000000", "22:00:00.000001", "23:59:59.999999", "00:00:00", "05:59:59.999999", "06:00:00.000000"],
        ),
        (
            ("09:00", "17:30"),
            ["08:59:59.999999", "17:30:00.000001", "00:00:00"],
            ["09:00:00.000000", "09:00:00.000001", "17:29:59.999999", "17:30:00.000000"],
        ),
        (("09:00", "09:00"), ["08:59:59.999999", "09:00:00.000001"], ["09:00:00.000000"]),
        (("18:00", "24:00"), ["17:59:59.999999", "00:00:00.000000"], ["18:00:00.000000", "23:59:59.999999"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_windows_close_at_both_ends_to_the_microsecond(call, window, open_at, closed_at):
    """Both ends of a window are closed, and one microsecond outside of it is not."""
    gateway = ModelGateway([deployment("weak", time_constraints=[window]), deployment("strong")])
    for times, name in [(open_at, "weak"), (closed_at, "strong")]:
        for time in times:
            with travel(to_us(f"{MARCH_2}{time}Z", "at")):
                assert call(gateway)[0] == name, time


def test_nobody_open(call):
    """When every deployment is closed, the error says so and reports no attempt, whatever is preferred."""
    gateway = ModelGateway([deployment("weak", time_constraints=NIGHT), deployment("strong", time_constraints=NIGHT)])
    with travel(to_us(f"{MARCH_2}03:10Z", "at")):
        for preference in (None, "strong"):
            with pytest.raises(ModelRouterError, match=r"^No model available due to time constraints$") as caught:
                call(gateway, model_preference=preference)
            assert (caught.value.exceptions, caught.value.model_info) == ([], [])


def test_fallback_in_order(call):
    """The first deployment that answers serves, and nobody after it is called."""
    gateway = ModelGateway([deployment("a"), deployment("b"), deployment("c")])
    untouched = {"c": AssertionError("c was called")}
    assert call(gateway, errors=untouched)[0] == "a"
    assert call(gateway, errors={"a": ValueError(), **untouched})[0] == "b"
    assert call(gateway, errors={"a": ValueError(), "b": OSError()})[0] == "c"


def test_all_failed(call):
    """When all open ones fail, the error has every name, provider and exception in the order of the attempts."""
    gateway = ModelGateway([deployment("a"), deployment("b", time_constraints=NIGHT), deployment("c")])
    errors = {"a": ValueError("bad"), "b": AssertionError("closed"), "c": TimeoutError("slow")}
    with travel(to_us(f"{MARCH_2}03:10Z", "at")), pytest.raises(ModelRouterError) as caught:
        call(gateway, errors=errors, model_preference="c")
    error = caught.value
    assert error.message == "All 2 available models failed"
    assert str(error).splitlines() == [
        "All 2 available models failed",
        "  - c (scripted): TimeoutError: slow",
        "  - a (scripted): ValueError: bad",
    ]
    assert error.exceptions == [errors["c"], errors["a"]]
    assert error.model_info == [("c", "scripted", errors["c"]), ("a", "scripted", errors["a"])]
    assert error.__context__ is errors["a"]


@pytest.mark.parametrize("preference", [["strong"], {"strong"}, 3, b"strong"])
def test_a_preference_is_a_name(call, preference):
    """Whatever else is given is refused, before anybody is tried, by calls and by explain alike."""
    message = re.escape(f"model_preference must be the name of a deployment, or None. Got {shown(preference)}.")
    with pytest.raises(InvalidTypeError, match=message):
        call(three(), model_preference=preference)
    with pytest.raises(InvalidTypeError, match=message):
        three().explain(f"{MARCH_2}03:10Z", preference)


def test_a_call_has_no_places():
    """What is given without a name is refused in words of the gateway's users."""
    message = r"a call takes its arguments by name, such as messages=\.\.\. Got 'Hi' by place\."
    with pytest.raises(InvalidTypeError, match=message):
        three()("Hi")
    with pytest.raises(InvalidTypeError, match=message):
        asyncio.run(three().acall("Hi"))


@pytest.mark.parametrize(
    ("preference", "served"),
    [(None, "weak"), ("", "weak"), ("strong", "strong"), ("spare", "weak"), ("nobody", "weak")],
)
def test_preference(call, preference, served):
    """The preferred deployment is tried first; one that is closed, unknown or empty is passed over."""
    with travel(to_us(f"{MARCH_2}09:00Z", "at")):
        assert call(three(), model_preference=preference)[0] == served


def test_a_preferred_deployment_that_fails_falls_back_in_config_order(call):
    """After the preferred one the others follow in the order of the config."""
    gateway = ModelGateway([deployment(name) for name in "abcd"])
    with pytest.raises(ModelRouterError) as caught:
        call(gateway, model_preference="c", errors={name: ValueError() for name in "abcd"})
    assert who(caught.value) == ["c", "a", "b", "d"]


def test_arguments_are_passed_on(call):
    """The model gets every argument but the preference, and its answer comes back as it is."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    messages = [{"role": "user", "content": "Hello"}]
    name, kwargs = call(gateway, messages=messages, temperature=0.5, model_preference="strong")
    assert (name, kwargs) == ("strong", {"messages": messages, "temperature": 0.5})
    assert kwargs["messages"] is messages
    with pytest.raises(TypeError):
        gateway("Hello")


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(3), asyncio.CancelledError(), GeneratorExit()], ids=repr
)
def test_base_exceptions_propagate(error):
    """Who interrupts or cancels is obeyed: nothing falls back."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    with pytest.raises(type(error)) as caught:
        gateway(errors={"weak": error})
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        run_bare(gateway.acall(errors={"weak": error}))
    assert caught.value is error


def run_bare(coroutine: Any) -> Any:
    """Run a coroutine that only gives way, without an event loop that would treat interrupts on its own."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as stop:
        return stop.value


def test_cancelled_while_waiting():
    """A task that is cancelled while a model answers ends cancelled, and tries nobody else."""

    class Slow(Scripted):
        async def acall(self, **kwargs: Any) -> Any:
            await asyncio.Event().wait()

    async def main() -> None:
        gateway = ModelGateway([deployment("slow") | {"model": Slow("slow")}, deployment("strong")])
        task = asyncio.create_task(gateway.acall())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


@pytest.mark.parametrize(
    "error", [StopIteration(), StopAsyncIteration(), RecursionError(), ExceptionGroup("x", [OSError()])]
)
def test_any_exception_falls_back(call, error):
    """Exceptions that Python itself uses for control fall back like any other."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    assert call(gateway, errors={"weak": error})[0] == "strong"


class Odd(BaseModel):
    """Returns what is no answer."""

    provider, model_type, model_id = "odd", "chat_completion", "o"

    def __init__(self, is_coroutine: bool) -> None:
        self.is_coroutine = is_coroutine

    def __call__(self, **kwargs: Any) -> Any:
        return self.acall() if self.is_coroutine else None

    async def acall(self, **kwargs: Any) -> Any:
        return self.acall() if self.is_coroutine else None


@pytest.mark.parametrize("is_coroutine", [True, False])
@pytest.mark.parametrize("policy", [None, {"timeout_s": 600}])
def test_what_is_no_answer_falls_back(call, is_coroutine, policy):
    """A model that returns None, or a coroutine that nobody awaits, has failed."""
    odd = {"model_name": "odd", "model": Odd(is_coroutine), "policy": policy}
    assert call(ModelGateway([odd, deployment("b")])) == ("b", {})
    with pytest.raises(ModelRouterError, match="returned a coroutine" if is_coroutine else "returned None"):
        call(ModelGateway([odd]))


class Warm(Scripted):
    def warmup_system_prompt(self, **kwargs: Any) -> Any:
        return f"{self.model_id} read {kwargs}"

    async def awarmup_system_prompt(self, **kwargs: Any) -> Any:
        return self.warmup_system_prompt(**kwargs)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_prompts_are_warmed_where_that_is_possible(way):
    """By the first deployment that can, of those that are open; a failure counts against nobody."""
    heard: list[Any] = []
    models = [deployment("a", policy={"cooldown": {"failures": 1}}), {"model_name": "b", "model": Warm("b")}]
    gateway = ModelGateway(models, observers=[heard.append])

    def warm(asked: ModelGateway) -> Any:
        if way == "sync":
            return asked.warmup_system_prompt(system_prompt="Be brief.")
        return asyncio.run(asked.awarmup_system_prompt(system_prompt="Be brief."))

    assert warm(gateway) == "b read {'system_prompt': 'Be brief.', 'tool_definitions': None}"
    assert list(gateway.health()["takes_calls"]) == [True, True]
    with pytest.raises(ModelRouterError, match="cannot warm a prompt"):
        warm(ModelGateway(models[:1]))
    assert not heard


def test_attributes():
    """The seed's public attributes are there, with the seed's values."""
    models = [deployment("weak", time_constraints=[("22:00", "06:00"), ["9:00", "24:00"]]), deployment("strong")]
    gateway = ModelGateway(models)
    assert gateway.models == [entry["model"] for entry in models]
    assert gateway.model_names == ["weak", "strong"]
    assert gateway.model_type == "chat_completion"
    assert gateway.current_model_index == 0
    assert ModelGateway.msgflux_type == "model_gateway"
    assert ModelGateway.model_types is None
    assert gateway.raw_time_constraints == {"weak": [("22:00", "06:00"), ["9:00", "24:00"]]}
    assert gateway.parsed_time_constraints == {
        "weak": [(dt.time(22), dt.time(6)), (dt.time(9), dt.time(23, 59, 59, 999999))],
    }
    assert repr(gateway) == "ModelGateway(weak -> strong)"


def test_attributes_without_windows():
    """Without windows there are no raw constraints and no parsed ones, as in the seed."""
    gateway = ModelGateway([deployment("weak", time_constraints=None), deployment("strong")])
    assert gateway.raw_time_constraints is None
    assert gateway.parsed_time_constraints == {}


@pytest.mark.parametrize(
    ("supports", "result"), [((True, True), True), ((True, False), False), ((False, False), False)]
)
def test_batch_support(supports, result):
    """A gateway supports batches if all of its models do."""
    models = [{"model_name": str(i), "model": Scripted(str(i), batch)} for i, batch in enumerate(supports)]
    assert ModelGateway(models).batch_support is result


def without(attribute: str, value: object = "") -> Scripted:
    """Return a model with an attribute that is empty, or another."""
    return type(
        "Lacking", (Scripted,), {"__init__": lambda self: vars(self).update({"model_id": "m", attribute: value})}
    )()


class Unprovided(BaseModel):
    model_id, model_type = "m", "chat_completion"

    def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("models", "kind", "problem"),
    [
        ([], TypeError, "`models` must be a non-empty list of model deployment dicts"),
        (None, TypeError, "must be a non-empty list"),
        ((deployment("a"),), TypeError, "must be a non-empty list"),
        ({"a": deployment("a")}, TypeError, "must be a non-empty list"),
        ([Scripted("a")], TypeError, "`models` requires a list of dicts with `model_name` and `model` keys"),
        ([deployment("a"), "b"], TypeError, "requires a list of dicts"),
        ([{"model": Scripted("a")}], ValueError, "Deployment at position 0 is missing required key `model_name`"),
        ([deployment("a"), {"model_name": "b"}], ValueError, "position 1 is missing required key `model`"),
        ([deployment("")], TypeError, "`model_name` at position 0 must be a non-empty string"),
        ([deployment("a") | {"model_name": 7}], TypeError, "must be a non-empty string"),
        ([{"model_name": "a", "model": object()}], TypeError, "Model `a` does not inherit from `BaseModel`"),
        ([{"model_name": "a", "model": None}], TypeError, "does not inherit from `BaseModel`"),
        ([{"model_name": "a", "model": Scripted}], TypeError, "does not inherit from `BaseModel`"),
        (
            [{"model_name": "a", "model": without("model_type")}],
            AttributeError,
            "Model `a` does not have a valid `model_type`",
        ),
        (
            [{"model_name": "a", "model": without("model_id")}],
            AttributeError,
            "does not have a valid `model_id` attribute",
        ),
        ([{"model_name": "a", "model": Unprovided()}], AttributeError, "does not have a valid `provider` attribute"),
        ([deployment("a"), deployment("a")], ValueError, "Duplicate model name found: `a`. Names must be unique"),
        (
            [deployment("a"), {"model_name": "b", "model": without("model_type", "text_embedder")}],
            TypeError,
            "All models in `models` must be of the same `model_type`. Given: `['chat_completion', 'text_embedder']`",
        ),
        (
            [deployment("a", time_constraints=("22:00", "06:00"))],
            TypeError,
            "time_constraints must be a list of tuples",
        ),
        ([deployment("a", time_constraints="22:00")], TypeError, "must be a list of tuples"),
        ([deployment("a", available={"start": "22:00"})], TypeError, "available must be a list of tuples"),
        ([deployment("a", time_constraints=[("22:00",)])], TypeError, "must be a tuple/list of two strings"),
        ([deployment("a", time_constraints=["22:00-06:00"])], TypeError, "must be a tuple/list of two strings"),
        ([deployment("a", time_constraints=[("1", "2", "3")])], TypeError, "Got ('1', '2', '3')."),
        ([deployment("a", time_constraints=[(22, 6)])], TypeError, "must be strings"),
        ([deployment("a", time_constraints=[("22:00", None)])], TypeError, "must be strings"),
        ([deployment("a", time_constraints=[("25:00", "06:00")])], ValueError, "Invalid format in time_constraints"),
        ([deployment("a", time_constraints=[("22:00", "")])], ValueError, "Invalid format in time_constraints"),
        (
            [deployment("a", time_constraint=NIGHT)],
            ValueError,
            "unknown key 'time_constraint'. Did you mean 'time_constraints'?",
        ),
        ([deployment("a", priority="high")], ValueError, "deployments[0] 'a': priority must be a valid number"),
        ([deployment("a"), deployment("b", weight=-1)], ValueError, "deployments[1] 'b': weight must be greater"),
        ([deployment("a", policy=3)], ValueError, "deployments[0] 'a': policy must be a mapping. Got 3."),
        (
            [deployment("a", policy={"timeout": 3})],
            ValueError,
            "deployments[0] 'a': policy has the unknown key 'timeout'. Did you mean 'timeout_s'?",
        ),
        ([deployment("a", availabel=NIGHT)], ValueError, "Did you mean 'available'?"),
        ([deployment("a", price={"per_call": -1})], ValueError, "deployments[0] 'a': price"),
        (
            [deployment("a", price={"per_call": 1}), deployment("b", price={"per_call": 1, "currency": "EUR"})],
            ValueError,
            "deployments[1].price.currency must be that of deployments[0], 'USD'",
        ),
    ],
)
def test_refused(models, kind, problem):
    """Misconfiguration raises the seed's class of exception with the seed's key phrase."""
    with pytest.raises(kind) as caught:
        ModelGateway(models)
    assert problem in str(caught.value)
    assert isinstance(caught.value, (InvalidTypeError, InvalidValueError, InvalidModelError))


@pytest.mark.parametrize(
    ("options", "kind", "problem"),
    [
        ({"policy": 3}, TypeError, "`policy` must be a CallPolicy or a mapping. Got 3."),
        ({"policy": {"limits": {"concurrent": 0}}}, ValueError, "policy.limits.concurrent must be greater than"),
        ({"clock": 3}, TypeError, "`clock` must have a method `now_us`. Got 3."),
        ({"observers": [print, 3]}, TypeError, "`observers` must be a list of callables."),
        ({"observers": print}, TypeError, "`observers` must be a list of callables."),
    ],
    ids=str,
)
def test_refused_options(options, kind, problem):
    """What a gateway is given beside its models is refused when it is built, not in its first call."""
    with pytest.raises(kind, match=re.escape(problem)):
        ModelGateway([deployment("a"), deployment("b")], **options)


@pytest.mark.parametrize(
    ("window", "place", "problem"),
    [
        (("25:00", "06:00"), ".start", "must look like 'HH:MM'. Got '25:00'."),
        ((22, "06:00"), ".start", "must be a string: start and end must be strings like '22:00'. Got 22 (int)."),
        ({"start": "22:00", "end": "06:00", "tz": "Europe/Berln"}, ".tz", "must be an IANA zone. Got 'Europe/Berln'."),
        ({"start": "22:00", "end": "06:00", "dayz": []}, ".dayz", "is not a field of a window. Did you mean 'days'?"),
        ({"start": "22:00"}, ".end", "is missing: a window needs start and end."),
        (("1", "2", "3"), "", "must be a tuple/list of two strings (start, end), or a mapping."),
        (
            {"start": "22:00", "end": "06:00", "since": "2026-03-02", "until": "2026-03-01"},
            ".until",
            "must not lie before since. Got since 2026-03-02, until 2026-03-01.",
        ),
    ],
    ids=str,
)
def test_refused_windows_are_named_by_their_place(window, place, problem):
    """The message names the deployment, the window and its field, once, and says what must hold."""
    for key in ("time_constraints", "available"):
        with pytest.raises((WindowError, InvalidTypeError)) as caught:
            ModelGateway([deployment("strong"), deployment("weak", **{key: [NIGHT[0], window]})])
        assert f"deployments[1] 'weak': {key}[1]{place} {problem}" in str(caught.value)


def test_a_single_deployment_is_warned_of(caplog):
    """One deployment is served, with a warning in the log; two are not worth one."""
    ModelGateway([deployment("a"), deployment("b")])
    assert caplog.records == []
    ModelGateway([deployment("a")])
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("timegate", "WARNING", "`models` has only 1 deployments. Fallback will not be effective")
    ]


def test_no_handler_of_ours():
    """Where log records go is up to the application."""
    assert logging.getLogger("timegate").handlers == []
    assert logging.getLogger("timegate").propagate
    assert logging.getLogger("timegate").level == logging.NOTSET


def logged(caplog: pytest.LogCaptureFixture, level: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if (record.name, record.levelname) == ("timegate", level)]


def test_debug_log(call, caplog):
    """At debug level the log has the construction and each failed attempt, with name, provider and error."""
    caplog.set_level(logging.DEBUG, "timegate")
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    call(gateway, errors={"weak": ValueError("boom")})
    made, failed = logged(caplog, "DEBUG")
    assert made == "ModelGateway initialized with 2 models. Type: `chat_completion`"
    assert all(word in failed for word in ("weak", "scripted", "boom"))


def test_closed_deployments_are_logged(call, caplog):
    """As in the seed, the log says at debug level which deployments windows keep from a call."""
    gateway = three(VirtualClock(to_us(f"{MARCH_2}03:10Z", "at")))
    caplog.set_level(logging.DEBUG, "timegate")
    call(gateway)
    assert any("weak" in line for line in logged(caplog, "DEBUG"))


def test_a_preference_passed_over_is_logged(call, caplog):
    """A preference that cannot be met is reported at debug level; one that is met is not."""
    gateway = three(VirtualClock(to_us(f"{MARCH_2}03:10Z", "at")))
    caplog.set_level(logging.DEBUG, "timegate")
    for preference in ("weak", "nobody", "strong", None):
        call(gateway, model_preference=preference)
    assert [line for line in logged(caplog, "DEBUG") if "referred" in line] == [
        "Preferred model 'weak' is unknown or closed, and passed over",
        "Preferred model 'nobody' is unknown or closed, and passed over",
    ]


def test_calls_that_nobody_could_serve_are_logged_as_errors(call, caplog):
    """As in the seed, that all open deployments failed stands in the log at error level, for alerts."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    with pytest.raises(ModelRouterError):
        call(gateway, errors={"weak": ValueError(), "strong": ValueError()})
    assert logged(caplog, "ERROR") == ["All 2 available models failed"]


def test_a_call_that_its_error_ends_is_logged(call, caplog):
    """Nobody served it, whether others were left or not."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")], policy={"raise_on": ["error"]})
    with pytest.raises(ValueError, match="boom"):
        call(gateway, errors={"weak": ValueError("boom")})
    assert logged(caplog, "ERROR") == ["The call ended with an error that raise_on names: boom"]


def test_explain():
    """``explain`` answers for a given instant, or for now by the gateway's clock, and refuses a naive one."""
    clock = VirtualClock(to_us(f"{MARCH_2}03:10Z", "at"))
    gateway = three(clock)
    assert gateway.explain().order == ["strong"]
    assert gateway.explain(at=f"{MARCH_2}19:00+01:00").order == ["weak", "strong", "spare"]
    assert gateway.explain(at=from_us(clock.at_us).replace(hour=20), model_preference="spare").order[0] == "spare"
    assert gateway.explain(model_preference="weak").note == "The preferred 'weak' is closed, and passed over."
    with pytest.raises(InstantError, match=r"^at must carry a zone"):
        gateway.explain(at=f"{MARCH_2}03:10")


def random_calls(count: int) -> list[tuple[int, frozenset[str], str | None]]:
    """Instants of ten days, many at an edge; who is down; who is preferred."""
    random = luck("calls")
    names = ("weak", "strong", "spare")
    monday = to_us("2026-03-02T00:00Z", "at")
    edges = [dt.timedelta(hours=hour, microseconds=by) for hour in (6, 12, 17, 22) for by in (-1, 0, 1)]
    anywhen = [dt.timedelta(microseconds=random.randrange(DAY_US)) for _ in range(12)]
    return [
        (
            monday + random.randrange(10) * DAY_US + random.choice(edges + anywhen) // dt.timedelta(microseconds=1),
            frozenset(name for name in names if random.random() < 0.3),
            random.choice([None, "nobody", *names]),
        )
        for _ in range(count)
    ]


def test_thousands_of_concurrent_calls():
    """5,000 calls awaited together, each at its own instant of the moving clock, are each served as the oracle says."""
    clock = VirtualClock()
    gateway = three(clock)

    async def one(at_us: int, down: frozenset[str], preference: str | None) -> object:
        clock.at_us = at_us  # the call reads it before it first gives way
        return await gateway.acall(errors={name: OSError(name) for name in down}, model_preference=preference)

    async def main() -> list[Any]:
        return await asyncio.gather(*(one(*each) for each in calls), return_exceptions=True)

    calls = random_calls(5000)
    assert [who(answer) for answer in asyncio.run(main())] == [expected(gateway, *each) for each in calls]


def test_many_threads():
    """16 threads, each with its own time on the one clock, are each served as the oracle says."""

    class ClockOfThreads:
        local = threading.local()

        def now_us(self) -> int:
            return self.local.at_us

    clock = ClockOfThreads()
    gateway = three(clock)

    def work(calls: list[Any]) -> list[object]:
        found = []
        for at_us, down, preference in calls:
            clock.local.at_us = at_us
            try:
                found.append(who(gateway(errors={name: OSError(name) for name in down}, model_preference=preference)))
            except ModelRouterError as error:
                found.append(who(error))
        return found

    calls = random_calls(4000)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(work, (calls[i::16] for i in range(16))))
    finally:
        sys.setswitchinterval(interval)
    assert found == [[expected(gateway, *each) for each in calls[i::16]] for i in range(16)]


def simulated(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"model_name": name, "model": SimulatedModel(f"{name}-1"), **fields} for name in names]


def test_serialize_has_the_seeds_shape():
    """The state is the seed's dictionary: constraints as they were given, and the models' own states."""
    models = simulated("weak", "strong")
    models[0]["time_constraints"] = [("22:00", "06:00")]
    state = {"provider": "sim", "model_type": "chat_completion"}
    assert ModelGateway(models).serialize() == {
        "msgflux_type": "model_gateway",
        "state": {
            "models": [
                {
                    "model_name": "weak",
                    "model": state | {"state": {"model_id": "weak-1"}},
                    "time_constraints": [("22:00", "06:00")],
                },
                {"model_name": "strong", "model": state | {"state": {"model_id": "strong-1"}}},
            ]
        },
    }


def test_serialize_has_no_secrets_of_other_peoples_models():
    """What a model itself would tell of keys, headers and passwords is left out, however deep it lies."""

    class Careless(Scripted):
        def serialize(self) -> dict[str, Any]:
            state = {
                "model_id": "m",
                "sampling_params": {"base_url": "https://me:hunter2@host/v1", "organization": "acme"},
                "headers": [{"Authorization": "Bearer abcdefgh"}],
            }
            return {"msgflux_type": "model", "provider": "p", "model_type": "chat_completion", "state": state}

    written = ModelGateway([{"model_name": "a", "model": Careless("m")}]).serialize()
    [entry] = written["state"]["models"]
    assert entry["model"]["state"] == {
        "model_id": "m",
        "sampling_params": {"organization": "acme"},
        "headers": [{}],
    }


@pytest.mark.parametrize(
    "window",
    [
        ("22:00", "06:00"),
        ["9:5", "24:00"],
        Window("22:00", "06:00"),
        Window("22:00", "06:00", tz="Europe/Berlin", days=["fri"], since="2026-01-01", except_dates=["2026-03-06"]),
        {"start": "22:00", "end": "06:00", "tz": "Asia/Tokyo"},
        {"start": "22:00", "end": "06:00", "since": dt.date(2026, 1, 1), "days": ("mon", "fri")},
    ],
    ids=str,
)
def test_serialize_round_trip(window):
    """Through JSON and back, a gateway of any form of window routes the same, and serialises the same."""
    gateway = ModelGateway(simulated("weak", time_constraints=[window]) + simulated("strong", available=[window]))
    data = gateway.serialize()
    again = ModelGateway.from_serialized(json.loads(json.dumps(data)))
    assert again.router.fingerprint == gateway.router.fingerprint
    assert again.model_names == gateway.model_names
    assert [model.model_id for model in again.models] == ["weak-1", "strong-1"]
    assert json.dumps(again.serialize()) == json.dumps(data)


def test_serialize_keeps_what_decides():
    """Order, policies and prices come back, too, which msgflux reads nothing of."""
    own = {"retry_on": ["timeout"], "max_retries": 1, "timeout_s": None}
    models = simulated("weak", prefer_during=[("09:00", "17:00")], priority=1, weight=2.5, policy=own)
    models += simulated("strong", priority=1, price={"per_call": 0.5, "currency": "EUR"})
    policy = {"deadline_s": 60, "on_cut": "restart", "cooldown": {"failures": 3, "probes": 1}}
    gateway = ModelGateway(models, policy=policy)
    data = gateway.serialize()
    again = ModelGateway.from_serialized(json.loads(json.dumps(data)))
    assert again.router.fingerprint == gateway.router.fingerprint
    assert [d.price for d in again.router.deployments] == [d.price for d in gateway.router.deployments]
    assert again.router.call_policy == gateway.router.call_policy
    assert json.dumps(again.serialize()) == json.dumps(data)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "Incorrect msgflux type. Expected `model_gateway`, given `None`"),
        ({"msgflux_type": "model", "state": {}}, "Incorrect msgflux type. Expected `model_gateway`, given `model`"),
        ({"msgflux_type": "model_gateway"}, "Serialized data does not contain models"),
        ({"msgflux_type": "model_gateway", "state": {"models": []}}, "Serialized data does not contain models"),
    ],
    ids=str,
)
def test_from_serialized_refuses(data, problem):
    """Data of another type, or without models, is a ValueError in the seed's words."""
    with pytest.raises(ValueError, match=problem):
        ModelGateway.from_serialized(data)


def test_the_callers_list_can_change_afterwards():
    """A gateway is not changed by changing the dictionaries that it was made from."""
    models = simulated("weak", "strong")
    gateway = ModelGateway(models)
    models[0]["time_constraints"] = NIGHT
    models.reverse()
    assert gateway.model_names == ["weak", "strong"]
    assert gateway.raw_time_constraints is None


def test_errors_of_a_call_survive_pickle_and_copy():
    """What a gateway raised comes back from pickle and copy as it was, as between processes."""
    gateway = ModelGateway([deployment("weak"), deployment("strong")])
    with pytest.raises(ModelRouterError) as caught:
        gateway(errors={"weak": ValueError("bad"), "strong": TimeoutError("slow")})
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value), copy.deepcopy(caught.value)):  # noqa: S301
        assert str(again) == str(caught.value)
        assert who(again) == ["weak", "strong"]


def test_models_of_msgflux_are_accepted_unchanged(call):
    """A model that derives from msgflux's BaseModel is routed to beside one of ours."""
    base = pytest.importorskip("msgflux.models.base")

    class Theirs(base.BaseModel):
        provider, model_type, model_id = "theirs", "chat_completion", "m"

        def _initialize(self) -> None: ...

        def __call__(self, **kwargs: Any) -> str:
            return "theirs"

        async def acall(self, **kwargs: Any) -> str:
            return "theirs"

    gateway = ModelGateway([{"model_name": "theirs", "model": Theirs()}, deployment("ours")])
    assert call(gateway) == "theirs"
    assert call(gateway, model_preference="ours")[0] == "ours"
    state = gateway.serialize()["state"]["models"][0]["model"]
    assert state == {"provider": "theirs", "model_type": "chat_completion", "state": {}}


def test_a_gateway_of_our_models_never_imports_msgflux():
    """Building, calling and serialising a gateway of our own models leaves msgflux out of the process."""
    code = (
        "import asyncio, sys, timegate as tg\n"
        "m = [{'model_name': n, 'model': tg.SimulatedModel(n), 'available': [('00:00', '24:00')]} for n in 'ab']\n"
        "g = tg.ModelGateway.from_serialized(tg.ModelGateway(m).serialize())\n"
        "g.explain(); g(); asyncio.run(g.acall())\n"
        "print(sorted(name for name in sys.modules if 'msgflux' in name))"
    )
    found = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True)
    assert set(eval(found)) <= {"timegate.models.msgflux"}  # noqa: S307 - a list that we printed
