from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

import timegate as tg
from timegate.core import draws
from timegate.errors import ModelCallError, ReplayError, ScenarioError

NINE = "2026-03-02T09:00Z"
MINUTE = tg.Trace(pd.date_range(NINE, periods=60, freq="1s"))
RATES = tg.Scenario(faults=[tg.ErrorRate(target="a", rate=0.5), tg.ErrorRate(target="b", rate=0.3)], seed=7)
A, B = RATES.model("a"), RATES.model("b")
SURE = tg.Scenario().model("sure")


def in_order(*models: Callable[[], Any]) -> Callable[..., Any]:
    """Return a router of the simplest kind: the first model that answers."""

    def router(model_preference: str | None = None) -> Any:
        for model in models:
            try:
                return model()
            except ModelCallError:
                pass
        raise tg.ModelRouterError([], [])

    return router


def fates(run: tg.Replay, name: str) -> dict[int, list[str]]:
    """Return the outcomes of the attempts on a deployment, by call."""
    attempts = run.attempts[run.attempts["deployment"] == name]
    return attempts.groupby("call")["outcome"].agg(list).to_dict()


def test_a_callable_is_replayed_like_a_config() -> None:
    """A router of a few lines over a scenario's models gives the tables that a config of the same order gives."""
    config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/model"} for name in "ab"])
    run, expected = tg.replay(in_order(A, B), MINUTE, RATES), tg.replay(config, MINUTE, RATES)
    assert run.engine == "travel"
    assert run.deployments == ["a", "b"]
    pd.testing.assert_frame_equal(run.calls, expected.calls)
    pd.testing.assert_frame_equal(run.attempts, expected.attempts)


def test_the_gateway_of_msgflux_is_replayed() -> None:
    """The msgflux package's own gateway, over a scenario's models, gives the tables of ours with the same windows."""
    theirs = pytest.importorskip("msgflux.models.gateway").ModelGateway
    to_msgflux = pytest.importorskip("timegate.models.msgflux").to_msgflux
    entries: list[dict[str, Any]] = [{"model_name": "a", "time_constraints": [("09:00", "09:00")]}, {"model_name": "b"}]
    models = [RATES.model(entry["model_name"]) for entry in entries]
    routers = [
        theirs([entry | {"model": to_msgflux(model)} for entry, model in zip(entries, models, strict=True)]),
        tg.ModelGateway([entry | {"model": model} for entry, model in zip(entries, models, strict=True)]),
    ]
    trace = tg.Trace(pd.DataFrame({"at": MINUTE.frame["at"], "model_preference": ["b", None] * 30}))
    run, expected = (tg.replay(router, trace, RATES) for router in routers)
    pd.testing.assert_frame_equal(run.calls, expected.calls)
    pd.testing.assert_frame_equal(run.attempts, expected.attempts)
    with pytest.raises(ScenarioError, match="Known: 'a', 'b'"):
        tg.replay(routers[0], trace, tg.Scenario(faults=[tg.ErrorRate(target="zzz", rate=0.5)]))


def test_the_order_of_attempts_does_not_change_luck() -> None:
    """A deployment fares alike in every call in which it is tried, whether it comes first or last."""
    one, other = tg.replay(in_order(A, B), MINUTE, RATES), tg.replay(in_order(B, A), MINUTE, RATES)
    for name in "ab":
        shared = fates(one, name).keys() & fates(other, name).keys()
        assert len(shared) > 10
        assert all(fates(one, name)[call] == fates(other, name)[call] for call in shared)


@pytest.mark.filterwarnings("ignore:.* It was never called")
@pytest.mark.parametrize("models", [(A, A, A), (A, A, A, B), (A, B, A, B, A, B)])
def test_a_retry_draws_anew(models: tuple[Any, ...]) -> None:
    """The n-th attempt on a deployment draws by its own count; attempts on others in between do not matter."""
    key = draws.stream_key(7, "a", "error_rate:a")
    tried = fates(tg.replay(in_order(*models), MINUTE, RATES), "a")
    assert {len(found) for found in tried.values()} == {1, 2, 3}
    for call, found in tried.items():
        drawn = [draws.uniform(*key, call, n) for n in range(len(found))]
        assert found == ["server_error" if draw < 0.5 else "ok" for draw in drawn]


@given(st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)), min_size=1, max_size=30).map(sorted))
def test_clocks_stand_at_the_arrival(walls: list[datetime]) -> None:
    """The clocks that a router may ask show the arrival to the microsecond, in any year that a trace may have."""
    at = [wall.replace(tzinfo=UTC) for wall in walls]
    seen: list[tuple[int, datetime]] = []

    def router(model_preference: str | None = None) -> Any:
        seen.append((time.time_ns() // 1000, datetime.now(UTC)))
        return SURE()

    run = tg.replay(router, tg.Trace(at))
    assert seen == [(strategies.us(moment), moment) for moment in at]
    assert run.attempts["at"].tolist() == at


def test_the_clock_is_given_back() -> None:
    """After a replay, and after one that failed, the process has its own time again."""
    before = time.time()
    tg.replay(in_order(SURE), MINUTE)
    with pytest.raises(ReplayError):
        tg.replay(lambda model_preference: None, MINUTE)
    assert time.time() >= before  # the trace lies in the past


def test_preferences_are_handed_over() -> None:
    """The router is called with the preference of each call, or None."""
    seen: list[str | None] = []

    def router(model_preference: str | None = None) -> Any:
        seen.append(model_preference)
        return SURE()

    tg.replay(router, tg.Trace(pd.DataFrame({"at": [NINE] * 3, "model_preference": ["b", None, "x"]})))
    assert seen == ["b", None, "x"]


def test_a_bug_in_the_router_propagates_with_a_note() -> None:
    """A TypeError is no failed call: it comes through as it is, with the number of the call in a note."""
    numbers = itertools.count()

    def broken(model_preference: str | None) -> Any:
        if next(numbers) < 3:
            return SURE()
        raise TypeError("a bug of the router")

    with pytest.raises(TypeError, match="a bug of the router") as caught:
        tg.replay(broken, MINUTE)
    assert caught.value.__notes__ == ["Raised by the router under replay, in call 3."]


class Remembers:
    """A router with a lock of its own."""

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(1)

    async def __call__(self, model_preference: str | None = None) -> Any:
        """Call one at a time, waiting within."""
        async with self.turn:
            await asyncio.sleep(2)
            return await SURE.acall()


@pytest.mark.parametrize("router", [lambda: None, lambda messages: None, Remembers])
def test_a_router_that_takes_no_preference_is_told_how_it_is_called(router: Any) -> None:
    """The error shows the parameters that it should have, and those that it has."""
    name = router.__name__.replace("<", "").replace(">", "")
    with pytest.raises(TypeError, match=rf"as router\(model_preference=None\)\. Got <?{name}>?\("):
        tg.replay(router, MINUTE)


def test_a_lock_of_an_earlier_replay_is_no_failed_call() -> None:
    """A semaphore belongs to the event loop in which calls first waited for it: a router over it serves one replay."""
    router = Remembers()
    assert (tg.replay(router, MINUTE).calls["outcome"] == "first_choice").all()
    with pytest.raises(ReplayError, match="a lock of another event loop, such as that of an earlier replay"):
        tg.replay(router, MINUTE)


def test_cancellation_propagates() -> None:
    """What is no Exception ends the replay."""

    def router(model_preference: str | None = None) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tg.replay(router, MINUTE)


def test_a_router_must_answer_through_a_model() -> None:
    """An answer that no model of a scenario gave is an error that says how to build the router."""
    with pytest.raises(ReplayError, match=r"^call 0: the router answered, yet no model .* scenario\.model\(name\)\.$"):
        tg.replay(lambda model_preference: "Hello", MINUTE)


def test_a_router_must_not_fail_after_an_answer() -> None:
    """A router that raises although a model answered is an error that quotes it."""

    def router(model_preference: str | None = None) -> Any:
        SURE()
        raise RuntimeError("lost")

    with pytest.raises(ReplayError, match=r"^call 0: a model answered, yet the router raised RuntimeError\('lost'\)"):
        tg.replay(router, MINUTE)


def test_a_coroutine_function_is_replayed() -> None:
    """An async router gives the tables that a plain one of the same order gives; so do wrapped ones, and methods."""

    async def router(model_preference: str | None = None) -> Any:
        try:
            return await A.acall()
        except ModelCallError:
            return await B.acall()

    class Holder:
        async def __call__(self, model_preference: str | None = None) -> Any:
            return await router(model_preference)

    expected = tg.replay(in_order(A, B), MINUTE, RATES)
    for form in (router, lambda model_preference: router(), Holder(), Holder().__call__):
        run = tg.replay(form, MINUTE, RATES)
        pd.testing.assert_frame_equal(run.calls, expected.calls)
        pd.testing.assert_frame_equal(run.attempts, expected.attempts)


@pytest.mark.parametrize("engine", ["compiled", "stepped"])
def test_a_callable_needs_travel(engine: Any) -> None:
    """An engine that drives our own routing cannot replay a callable, and says which can."""
    with pytest.raises(ReplayError, match=rf"^engine '{engine}' .* engine='travel'\.$"):
        tg.replay(in_order(A, B), MINUTE, engine=engine)


def test_a_router_that_tries_nobody_is_blocked() -> None:
    """If no model is ever called, every call is blocked, and each table and figure says so."""

    def router(model_preference: str | None = None) -> Any:
        raise RuntimeError("closed")

    with pytest.warns(tg.TimegateWarning, match=r"no call reached a model .* in call 0 .* RuntimeError\('closed'\)"):
        run = tg.replay(router, MINUTE)
    assert run.deployments == []
    assert set(run.calls["outcome"]) == {"blocked"}
    assert len(run.attempts) == len(run.fallbacks()) == 0
    assert run.share("1min").to_numpy().tolist() == [[0.0, 1.0, 0.0]]  # failed, blocked, shed
    assert run.summary()[["blocked", "availability"]].tolist() == [60, 0.0]
    assert run.explain(0).order == []
    assert str(run.explain(0)) != run._repr_html_() != ""


def test_windows_of_the_msgflux_gateway_are_known() -> None:
    """A replay of msgflux's own gateway knows its windows: they are drawn, explained, and counted."""
    from msgflux.models.gateway import ModelGateway as MsgfluxGateway

    from timegate.models.msgflux import to_msgflux

    scenario = tg.Scenario()
    gateway = MsgfluxGateway(
        [
            {
                "model_name": "strong",
                "model": to_msgflux(scenario.model("strong")),
                "time_constraints": [("22:00", "06:00")],
            },
            {"model_name": "weak", "model": to_msgflux(scenario.model("weak"))},
        ]
    )
    run = tg.replay(gateway, tg.Trace(pd.DataFrame({"at": ["2026-03-02T03:10Z"], "model_preference": ["strong"]})))
    assert run.summary()["preference_passed_over"] == 1
    assert run.closed()["deployment"].tolist() == ["strong"]
    assert run.explain(0).order == ["weak"]


def test_a_model_that_the_router_does_not_name_is_an_error() -> None:
    """A router whose names differ from those of its models is told so."""

    class Router:
        model_names = ("strnog",)

        def __init__(self, model: Any) -> None:
            self.models = [model]

        def __call__(self, model_preference: str | None = None) -> Any:
            return self.models[0]()

    with pytest.raises(ReplayError, match=r"a model named 'strong', .* Did you mean 'strnog'\?"):
        tg.replay(Router(tg.Scenario().model("strong")), MINUTE)


def test_a_router_that_sleeps_sleeps_on_the_travelled_clock() -> None:
    """A backoff moves the clock of the call, takes no time of ours, and counts in its latency."""
    outage = tg.Outage(target="a", start="2026-03-02T00:00:00Z", end="2026-03-02T00:00:01Z")
    scenario = tg.Scenario(faults=[outage])
    model = scenario.model("a")

    def patient(model_preference: str | None = None) -> Any:
        try:
            return model()
        except ModelCallError:
            time.sleep(1.5)
        return model()

    run = tg.replay(patient, tg.Trace(["2026-03-02T00:00:00Z"]), scenario)
    assert run.calls["latency_s"].tolist() == [1.5]
    assert run.attempts["outcome"].tolist() == ["server_error", "ok"]
    assert run.attempts["at"].dt.microsecond.tolist() == [0, 500_000]


def test_a_target_that_was_never_called_is_a_warning() -> None:
    """A callable does not name its deployments, so a mistyped target shows only after the run, and plots still draw."""
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="aa", rate=1.0)])
    model = scenario.model("a")
    with pytest.warns(tg.TimegateWarning, match=r"target 'aa' .* Did you mean 'a'\? It was never called"):
        run = tg.replay(lambda model_preference: model(), MINUTE, scenario)
    assert run.outages().empty
