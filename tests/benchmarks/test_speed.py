"""The parts, each by itself: ``python -m pytest tests/benchmarks --benchmark-only``. No timing decides a test."""

from __future__ import annotations

from typing import Any

import pytest

import timegate as tg
from tests.benchmarks.routers import BOTH, CONFIG, DAY_US, LATENCY, OUTAGES, SHARED, day, simpy_day, simpy_shared_day
from timegate.engines.plan import make_plan

SMALL, LARGE = day(10_000), day(1_000_000)


@pytest.mark.parametrize("engine", ["stepped", "travel"])
def test_reference_engines(benchmark: Any, engine: Any) -> None:
    """Ten thousand calls by the engines that drive the gateway's own code."""
    run = benchmark(lambda: tg.replay(CONFIG, SMALL, engine=engine))
    assert len(run) == len(SMALL)


@pytest.mark.parametrize("scenario", [None, OUTAGES, LATENCY], ids=["windows", "outage", "latency"])
def test_compiled_engine(benchmark: Any, scenario: tg.Scenario | None) -> None:
    """A million calls by the compiled engine."""
    run = benchmark(lambda: tg.replay(CONFIG, LARGE, scenario))
    assert len(run) == len(LARGE)


def test_aggregates(benchmark: Any) -> None:
    """Shares by quarter of an hour of a million calls."""
    run = tg.replay(CONFIG, LARGE)
    assert benchmark(lambda: run.share("15min", counts=True)).to_numpy().sum() == len(LARGE)


def test_plan(benchmark: Any) -> None:
    """The windows and faults of a year, compiled."""
    router, start_us = CONFIG.router(), LARGE.span_us[0]
    injector = OUTAGES.injector(router.deployments)
    plan = benchmark(lambda: make_plan(router, injector, (start_us, start_us + 365 * DAY_US), ()))
    assert len(plan.edges_us) > 4 * 365


def test_live_call(benchmark: Any) -> None:
    """One call through the live gateway to a model that answers at once."""
    gateway = CONFIG.build()
    assert benchmark(lambda: gateway(messages="Hello")).response_type == "text_generation"


def test_the_yardsticks_follow_the_same_rule() -> None:
    """The SimPy process of the table serves every call as the replay does: what is compared is the same work."""
    served_by = tg.replay(CONFIG, SMALL).calls["served_by"].cat.codes.tolist()
    assert simpy_day(SMALL) == served_by


def test_the_yardstick_with_shared_state_follows_the_same_rules() -> None:
    """The SimPy process with policies has other luck: it serves the same share of the calls to within a hundredth."""
    served = tg.replay(SHARED, SMALL, BOTH).summary()["availability"]
    assert simpy_shared_day(SMALL) == pytest.approx(served, abs=0.01)
