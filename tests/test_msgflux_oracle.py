"""The gateway against the one of the msgflux package, call by call; and the data that both read and write."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import time_machine as tm
from test_clock import jump, travel

import timegate as tg
from timegate.core.clock import DAY_US, MINUTE_US, from_us, to_us

pytest.importorskip("msgflux")

from msgflux.models import registry as msgflux_registry
from msgflux.models.base import BaseModel as MsgfluxModel
from msgflux.models.gateway import ModelGateway as MsgfluxGateway

from timegate.models.msgflux import to_msgflux

CONFIGS, CALLS = 400, 32  # 12,800 calls a run, each made of both gateways
NAMES = ("weak", "strong", "spare", "backup", "last")
ERRORS = (ValueError, TimeoutError, KeyError, RuntimeError)


class Scripted(MsgfluxModel):
    """Notes that it was tried, and answers or fails as the call says. Both gateways take it as it is."""

    provider = "scripted"
    model_type = "chat_completion"

    def __init__(self, model_id: str = "") -> None:
        self.model_id = model_id

    def _initialize(self) -> None: ...

    def __call__(self, *, tried: list[str], errors: dict[str, Exception]) -> str:
        tried.append(self.model_id)
        if self.model_id in errors:
            raise errors[self.model_id]
        return self.model_id

    async def acall(self, **kwargs: Any) -> str:
        return self(**kwargs)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Let neither gateway log its thousands of failed calls."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def clock_time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def random_windows(rng: np.random.Generator, landmarks: list[int]) -> list[tuple[str, str]]:
    """Up to 4 windows, many of which begin, end or abut where another does."""
    minutes = [rng.choice(landmarks) if rng.random() < 0.5 else rng.integers(1440) for _ in range(8)]
    return [(clock_time(start), clock_time(end)) for start, end in zip(minutes[::2], minutes[1::2], strict=True)][
        : rng.integers(5)
    ]


def random_config(rng: np.random.Generator) -> list[dict[str, Any]]:
    """1 to 5 deployments, each with up to 4 daily windows in UTC."""
    landmarks = [0, 1439, *rng.integers(1440, size=3).tolist()]
    config = [{"model_name": name, "model": Scripted(name)} for name in NAMES[: rng.integers(1, 6)]]
    for entry in config:
        if rng.random() < 0.8:
            entry["time_constraints"] = random_windows(rng, landmarks)
    return config


def random_calls(
    rng: np.random.Generator, config: list[dict[str, Any]]
) -> Iterator[tuple[int, str | None, dict[str, Any]]]:
    """Instants, most of them at an edge or next to it; preferences, also unknown and empty ones; failures."""
    edges = [t for entry in config for window in entry.get("time_constraints", ()) for t in window] or ["00:00"]
    for _ in range(CALLS):
        hours, minutes = map(int, rng.choice(edges).split(":"))
        at_us = (60 * hours + minutes) * MINUTE_US + int(rng.integers(-1, 2))
        if rng.random() < 0.2:
            at_us = int(rng.integers(DAY_US))
        at_us = (at_us + int(rng.integers(1, 50_000)) * DAY_US) % (50_000 * DAY_US)  # up to the year 2106
        preference = [None, "", "nobody", *NAMES][rng.integers(8)]
        errors = {name: ERRORS[rng.integers(4)](f"{name} is down") for name in NAMES if rng.random() < 0.45}
        yield at_us, preference, errors


def result(tried: list[str], answer: object) -> tuple[Any, ...]:
    """Return what a caller learns: who was tried and who served, or all that the error says."""
    if isinstance(answer, Exception):
        answer = (
            type(answer).__name__,
            str(answer).splitlines()[0],
            answer.message,
            answer.model_info,
            answer.exceptions,
        )
    return tried, answer


def call(gateway: Any, **kwargs: Any) -> tuple[Any, ...]:
    tried: list[str] = []
    try:
        return result(tried, gateway(tried=tried, **kwargs))
    except Exception as error:
        return result(tried, error)


async def acall(gateway: Any, **kwargs: Any) -> tuple[Any, ...]:
    tried: list[str] = []
    try:
        return result(tried, await gateway.acall(tried=tried, **kwargs))
    except Exception as error:
        return result(tried, error)


def check(config: list[dict[str, Any]], at_us: int, preference: str | None, ours: Any, theirs: Any) -> None:
    windows = [(entry["model_name"], entry.get("time_constraints")) for entry in config]
    assert ours == theirs, f"{windows} at {from_us(at_us).isoformat()}, preferring {preference!r}"


def calls_of_both(
    seed: int, traveller: tm.Traveller
) -> Iterator[tuple[Any, Any, dict[str, Any], Callable[[Any, Any], None]]]:
    """Yield ours, theirs, a call to ask of each at an instant that the clock shows, and what compares the two."""
    rng = np.random.default_rng(seed)
    for _ in range(CONFIGS):
        config = random_config(rng)
        ours, theirs = tg.ModelGateway(config), MsgfluxGateway(config)
        for at_us, preference, errors in random_calls(rng, config):
            jump(traveller, at_us)
            kwargs = {"model_preference": preference, "errors": errors}
            yield ours, theirs, kwargs, partial(check, config, at_us, preference)


@pytest.mark.usefixtures("quiet")
def test_the_same_calls():
    """On 12,800 random calls both gateways try the same in the same order, answer the same, and raise the same."""
    ends = {"served": 0, "failed": 0, "blocked": 0}
    with tm.travel(0, tick=False) as traveller:
        for ours, theirs, kwargs, same in calls_of_both(20260302, traveller):
            tried, end = call(ours, **kwargs)
            same((tried, end), call(theirs, **kwargs))
            ends["served" if isinstance(end, str) else "failed" if tried else "blocked"] += 1
    assert sum(ends.values()) >= 10_000
    assert min(ends.values()) > 1000, ends  # each kind of end is well represented


@pytest.mark.usefixtures("quiet")
def test_the_same_calls_awaited():
    """On 12,800 other random calls the same holds of ``acall``."""

    async def main() -> int:
        count = 0
        with tm.travel(0, tick=False) as traveller:
            for ours, theirs, kwargs, same in calls_of_both(20260303, traveller):
                same(await acall(ours, **kwargs), await acall(theirs, **kwargs))
                count += 1
        return count

    assert asyncio.run(main()) >= 10_000


@pytest.mark.usefixtures("quiet")
def test_the_same_attributes():
    """The public attributes that the seed documents have the same values."""
    rng = np.random.default_rng(20260304)
    for _ in range(50):
        config = random_config(rng)
        ours, theirs = tg.ModelGateway(config), MsgfluxGateway(config)
        for name in (
            "models",
            "model_names",
            "model_type",
            "model_types",
            "batch_support",
            "raw_time_constraints",
            "parsed_time_constraints",
            "current_model_index",
            "msgflux_type",
        ):
            assert getattr(ours, name) == getattr(theirs, name), name


def unlike(**fields: Any) -> Scripted:
    """Return a model of which some attribute differs, or is missing."""
    model = Scripted("m")
    vars(model).update(fields)
    return model


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "models",
    [
        [],
        None,
        "weak",
        ({"model_name": "a", "model": Scripted("a")},),
        [Scripted("a")],
        [{"model": Scripted("a")}],
        [{"model_name": "a"}],
        [{"model_name": "", "model": Scripted("a")}],
        [{"model_name": 1, "model": Scripted("a")}],
        [{"model_name": "a", "model": "openai/gpt-4.1"}],
        [{"model_name": "a", "model": unlike(model_id="")}],
        [{"model_name": "a", "model": unlike(model_type="")}],
        [{"model_name": "a", "model": Scripted("a")}, {"model_name": "a", "model": Scripted("b")}],
        [{"model_name": "a", "model": Scripted("a")}, {"model_name": "b", "model": unlike(model_type="embedder")}],
        *(
            [{"model_name": "a", "model": Scripted("a"), "time_constraints": windows}]
            for windows in (
                ("22:00", "06:00"),
                "22:00",
                {"start": "22:00"},
                [("22:00",)],
                ["22:00"],
                [("1", "2", "3")],
                [(22, 6)],
                [("22:00", None)],
                [("25:00", "06:00")],
                [("22:00", "9.30")],
                [("22:00", "")],
                [("22:60", "06:00")],
                [("22:00", "06:00:00")],
                [("24:00", "06:00")],
                [(" 22:00", "06:00")],
            )
        ),
    ],
)
def test_the_same_is_refused(models):
    """What one constructor refuses, the other does, with an error of the same builtin class."""
    with pytest.raises((TypeError, ValueError, AttributeError)) as theirs:
        MsgfluxGateway(models)
    with pytest.raises((TypeError, ValueError, AttributeError)) as ours:
        tg.ModelGateway(models)
    assert isinstance(ours.value, theirs.type)


@pytest.mark.parametrize("time", ["22:00", "9:05", "09:5", "9:5", "0:00", "00:0", "23:59"])
def test_the_same_times_are_read(time):
    """Times with one digit or two are read the same."""
    config = [{"model_name": name, "model": Scripted(name), "time_constraints": [(time, "23:59")]} for name in "ab"]
    assert tg.ModelGateway(config).parsed_time_constraints == MsgfluxGateway(config).parsed_time_constraints


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a model known to msgflux under the name of our simulated one, without its providers' SDKs."""

    class Simulated(Scripted):
        provider = "sim"

        def from_serialized(self, state: dict[str, Any]) -> None:  # msgflux calls this on an empty instance
            vars(self).update(state)

        def __call__(self, **kwargs: Any) -> str:
            return f"sim/{self.model_id}"

    monkeypatch.setattr("msgflux.utils.imports._loaded_autoloads", {"msgflux.models.providers"})
    monkeypatch.setitem(msgflux_registry.model_registry, "chat_completion", {"sim": Simulated})


EDGES = [to_us(f"2026-03-02T{at}Z", "at") for at in ("06:00", "06:00:00.000001", "21:59:59.999999", "22:00", "12:00")]


def models(of: Any) -> list[dict[str, Any]]:
    return [
        {"model_name": "weak", "model": of("small"), "time_constraints": [("22:00", "06:00"), ("9:00", "10:00")]},
        {"model_name": "strong", "model": of("large"), "time_constraints": []},
        {"model_name": "spare", "model": of("spare")},
    ]


def answers(gateway: Any) -> list[str]:
    """Who serves at the edges, as text, whichever package answers."""
    found = []
    for at_us in EDGES:
        with travel(at_us):
            answer = gateway()
            found.append(answer.consume() if isinstance(answer, tg.ModelResponse) else answer)
    return found


@pytest.mark.usefixtures("registered")
def test_msgflux_reads_what_we_write():
    """A gateway that msgflux builds from our serialised one, through JSON, serves the same at the edges."""
    ours = tg.ModelGateway(models(tg.SimulatedModel))
    theirs = MsgfluxGateway.from_serialized(json.loads(json.dumps(ours.serialize())))
    assert theirs.model_names == ours.model_names
    assert theirs.parsed_time_constraints == ours.parsed_time_constraints
    assert [model.model_id for model in theirs.models] == ["small", "large", "spare"]
    assert answers(theirs) == answers(ours) == ["sim/large", "sim/small", "sim/small", "sim/large", "sim/small"]


@pytest.mark.usefixtures("registered")
def test_we_read_what_msgflux_writes():
    """We build a gateway from the serialised one of msgflux, which serves the same at the edges."""
    theirs = MsgfluxGateway(models(msgflux_registry.model_registry["chat_completion"]["sim"]))
    ours = tg.ModelGateway.from_serialized(json.loads(json.dumps(theirs.serialize())))
    assert ours.model_names == theirs.model_names
    assert ours.parsed_time_constraints == theirs.parsed_time_constraints
    assert answers(ours) == answers(theirs)


@pytest.mark.usefixtures("registered")
def test_the_same_is_written():
    """Both serialise the same models to the same data, but for the one key that msgflux cannot read back."""
    config = models(msgflux_registry.model_registry["chat_completion"]["sim"])
    ours, theirs = tg.ModelGateway(config).serialize(), MsgfluxGateway(config).serialize()
    for entry in theirs["state"]["models"]:
        assert entry["model"].pop("msgflux_type") == "model"
    assert ours == theirs


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("day", ["2026-03-02", "2060-03-02"])  # in 2060 a float of seconds tells no microseconds
def test_replay_of_the_msgflux_gateway(day):
    """A replay of msgflux's gateway under time-machine has the calls and attempts of ours, stepped."""
    deployments = [
        {"model_name": "weak", "model": "acme/small", "time_constraints": [["22:00", "06:00"], ["12:00", "12:30"]]},
        {"model_name": "strong", "model": "sim/large", "time_constraints": [["03:00", "04:00"]]},
        {"model_name": "spare", "model": "sim/spare", "time_constraints": [["00:00", "12:00"]]},
    ]
    scenario = tg.Scenario(
        faults=[
            tg.Outage(target="provider:sim", start=f"{day}T11:00Z", end=f"{day}T13:00Z", error="timeout"),
            tg.ErrorRate(target="weak", rate=0.4),
            tg.ErrorRate(target="provider:sim", rate=0.2, error="rate_limit"),
        ],
        seed=7,
    )
    gateway = MsgfluxGateway(
        [
            {
                "model_name": entry["model_name"],
                "model": to_msgflux(scenario.model(entry["model_name"], entry["model"].split("/")[0])),
                "time_constraints": [tuple(window) for window in entry["time_constraints"]],
            }
            for entry in deployments
        ]
    )
    rng = np.random.default_rng(7)
    start = to_us(f"{day}T00:00Z", "at")
    edges = [start + 60 * hour * MINUTE_US + by for hour in (3, 4, 6, 11, 12, 13, 22) for by in (-1, 0, 1)]
    at = pd.Series(pd.to_datetime([*edges, *(start + rng.integers(2 * DAY_US, size=2000))], unit="us", utc=True))
    trace = tg.Trace(pd.DataFrame({"at": at, "model_preference": rng.choice([None, *NAMES[:3]], len(at))}), sort=True)

    theirs = tg.replay(gateway, trace, scenario, engine="travel")
    ours = tg.replay(tg.GatewayConfig(deployments=deployments), trace, scenario, engine="stepped")
    pd.testing.assert_frame_equal(theirs.calls, ours.calls)
    pd.testing.assert_frame_equal(theirs.attempts, ours.attempts)
    assert (ours.calls["outcome"].value_counts().drop("shed") > 50).all()  # each kind of end is well represented
