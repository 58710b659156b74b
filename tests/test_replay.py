from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import strategies
from hypothesis import example, given
from test_windows import covers

import timegate as tg
from timegate.core import draws
from timegate.core.router import Router
from timegate.errors import InvalidTypeError, ReplayError

NINE = "2026-03-02T09:00Z"
TWO = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/large", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/small"},
    ]
)
RATES = tg.Scenario(
    faults=[tg.ErrorRate(target="strong", rate=0.5), tg.ErrorRate(target="weak", rate=0.3, error="timeout")], seed=7
)
DAY = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=300, preferences={"weak": 0.5}).trace(1)


def assert_same(one: tg.Replay, other: tg.Replay) -> None:
    """Compare two replays column for column, bit for bit."""
    pd.testing.assert_frame_equal(one.calls, other.calls, check_exact=True)
    pd.testing.assert_frame_equal(one.attempts, other.attempts, check_exact=True)


def chance(fault: Any, at: datetime) -> float:
    """Return the probability that an attempt fails at an instant."""
    if getattr(fault, "hourly_rates", None):
        return float(fault.hourly_rates[at.astimezone(ZoneInfo(fault.tz)).hour])
    names = {"error_rate": "rate", "rate_limited": "share", "brownout": "error_rate"}
    return float(getattr(fault, names[fault.type])) if fault.type in names else 1.0


def brute_force(case: strategies.Case) -> list[list[tuple[str, datetime, str]]]:
    """Return the attempts of each call, as (deployment, start, outcome): plain loops over the rules of DESIGN."""
    config, trace, scenario = case
    names = [None if code < 0 else trace.preferred_names[code] for code in trace.preferred]
    calls = []
    for call, (at, preferred) in enumerate(zip(trace.frame["at"].dt.to_pydatetime(), names, strict=True)):
        is_open = [
            d
            for d in config.deployments
            if (not d.available or any(covers(w, at) for w in d.available))
            and not any(covers(w, at) for w in d.time_constraints)
        ]
        is_open.sort(key=lambda d: d.model_name != preferred)
        attempts: list[tuple[str, datetime, str]] = []
        for d in is_open:
            outcome = "ok"
            for fault, stream in zip(scenario.faults, scenario.fault_names, strict=True):
                key = draws.stream_key(scenario.seed, d.model_name, stream)
                groups = [f"group:{group}" for group, members in scenario.groups.items() if d.model_name in members]
                if (
                    fault.target in (d.model_name, f"provider:{d.provider}", *groups)
                    and (fault.start or at) <= at
                    and (fault.end is None or at < fault.end)
                    and draws.uniform(*key, call, 0) < chance(fault, at)
                ):
                    outcome = fault.error
                    break
            attempts.append((d.model_name, at, outcome))
            if outcome == "ok":
                break
        calls.append(attempts)
    return calls


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@given(strategies.cases())
@example(strategies.Case(TWO, DAY, RATES))
def test_agrees_with_plain_loops(case: strategies.Case) -> None:
    """Who was tried, when, with what outcome, and who served, as ten lines of zoneinfo and loops say."""
    expected = brute_force(case)
    run = tg.replay(*case, engine="stepped")
    attempts = run.attempts.astype({"deployment": object, "outcome": object})
    found: list[list[tuple[Any, ...]]] = [[] for _ in expected]
    for row in attempts.itertuples():
        assert row.attempt == len(found[row.call]) + 1
        found[row.call].append((row.deployment, row.at, row.outcome))
    assert found == expected
    first = case.config.deployments[0].model_name
    for tried, row in zip(
        expected, run.calls.astype({"preferred": object, "served_by": object}).itertuples(), strict=True
    ):
        choice = row.preferred if row.preferred in run.deployments else first
        served = tried[-1][0] if tried and tried[-1][2] == "ok" else None
        outcome = ("first_choice" if served == choice else "fallback") if served else "failed" if tried else "blocked"
        assert (row.attempts, row.outcome) == (len(tried), outcome)
        assert row.served_by == served if served else pd.isna(row.served_by)


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@given(strategies.cases(latencies=True, max_size=100))
@example(strategies.Case(TWO, DAY, RATES))
def test_engines_agree(case: strategies.Case) -> None:
    """Our routing under a virtual clock equals the live gateway under time-machine, in every column."""
    assert_same(tg.replay(*case, engine="stepped"), tg.replay(*case, engine="travel"))


@pytest.mark.parametrize("engine", ["auto", "stepped", "travel"])
def test_replays_are_repeatable(engine: Any) -> None:
    """The same replay again gives the same tables."""
    assert_same(*(tg.replay(TWO, DAY, RATES, engine=engine) for _ in range(2)))


@pytest.mark.parametrize("engine", ["auto", "stepped", "travel"])
def test_config_gateway_and_router_are_replayed_alike(engine: Any) -> None:
    """A config, the gateway that it builds and its bare router give the same tables and the same hash."""
    runs = [tg.replay(router, DAY, RATES, engine=engine) for router in (TWO, TWO.build(), TWO.router())]
    for run in runs[1:]:
        assert_same(runs[0], run)
        assert run.provenance == runs[0].provenance
    assert isinstance(runs[0].router, Router)


def test_without_a_scenario_nothing_fails() -> None:
    """By default every attempt succeeds, and only windows matter."""
    run = tg.replay(TWO, DAY)
    assert set(run.attempts["outcome"]) == {"ok"}
    assert run.scenario == tg.Scenario()
    night = ~DAY.frame["at"].dt.strftime("%H:%M:%S.%f").between("06:00:00.000001", "21:59:59.999999")
    assert (run.calls["served_by"] == "weak").equals(night | (run.calls["preferred"] == "weak"))


def test_an_unknown_preference_is_reported_and_passed_over() -> None:
    """A preferred deployment that is not there is a warning that counts its calls and names the nearest one."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE] * 3, "model_preference": ["waek", "weak", "waek"]}))
    with pytest.warns(tg.TimegateWarning) as caught:
        run = tg.replay(TWO, trace)
    assert [str(warning.message) for warning in caught] == [
        "the preference for 'waek', which is not a deployment, is passed over. Did you mean 'weak'?"
    ]
    assert Path(caught[0].filename) == Path(__file__)  # it points at the caller
    assert run.calls["served_by"].tolist() == ["strong", "weak", "strong"]
    assert run.calls["outcome"].tolist() == ["first_choice"] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TWO.to_dict(), DAY), "router must be a GatewayConfig, a ModelGateway or a callable. Got dict."),
        ((None, DAY), "router must be a GatewayConfig, a ModelGateway or a callable. Got NoneType."),
        ((TWO, 1_000), "trace must be a Trace, a table or a path. Got int."),
        ((TWO, None), "trace must be a Trace, a table or a path. Got NoneType."),
        ((TWO, DAY, {"faults": []}), "scenario must be a Scenario"),
        ((TWO, DAY, ["outage"]), "scenario must be a Scenario"),
    ],
)
def test_wrong_types_are_named(arguments: tuple[Any, ...], message: str) -> None:
    """A wrong argument is a TypeError that names it and says what to pass."""
    with pytest.raises(InvalidTypeError) as caught:
        tg.replay(*arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("engine", "hint"), [("steped", "Did you mean 'stepped'?"), (None, "Known: 'auto'")])
def test_an_unknown_engine_gets_a_hint(engine: Any, hint: str) -> None:
    """An engine that does not exist is an error with the nearest one."""
    with pytest.raises(ReplayError) as caught:
        tg.replay(TWO, DAY, engine=engine)
    assert str(caught.value).startswith(f"engine {engine!r} is not known. {hint}")


def test_a_call_at_either_end_of_time() -> None:
    """The first and the last microsecond that an arrival may have are replayed and explained like any other."""
    at = [datetime(1900, 1, 1, tzinfo=UTC), datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]
    for engine in ("auto", "stepped"):
        run = tg.replay(TWO, tg.Trace(at), engine=engine)
        assert run.calls["served_by"].tolist() == ["weak", "weak"]
        assert run.explain(0).order == run.explain(1).order == ["weak"]
