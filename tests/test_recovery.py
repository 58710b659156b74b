"""Recovery from outages: by hand, and a retry storm that does not end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.core.clock import to_us

NINE = "2026-03-02T09:00Z"


def replayed(*faults: tg.Outage, calls: int = 3600, **policy: Any) -> tg.Replay:
    """Return an hour with a call every second."""
    config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large", "policy": policy}])
    trace = tg.EvenTraffic(start=NINE, rates=[1], calls=calls).trace(0)
    return tg.replay(config, trace, tg.Scenario(faults=faults), engine="stepped")


def outage(start: str, end: str | None) -> tg.Outage:
    return tg.Outage(target="strong", start=f"2026-03-02T09:{start}Z", end=end and f"2026-03-02T09:{end}Z")


def test_without_state_calls_fare_as_before_at_once() -> None:
    """A plain outage costs the calls that arrive during it, and none later."""
    (row,) = replayed(outage("30:00", "35:00")).recovery().to_dict("records")
    assert (row["deployments"], row["calls"], row["unserved"], row["unserved_after"]) == ("strong", 300, 300, 0)
    assert (row["served_before"], row["recovery_s"], row["back_at"]) == (1.0, 0.0, row["end"])


def test_a_cooldown_outlasts_the_outage() -> None:
    """It begins with the second failure, and again with the first after it: recovery waits for the last one's end."""
    run = replayed(outage("30:00", "30:45"), cooldown={"failures": 1, "for_s": 40})
    (row,) = run.recovery().to_dict("records")
    # It cools from 30:00 and, failing once more, from 30:40 to 31:20.
    assert row["recovery_s"] == 35
    assert row["unserved_after"] == 35


def test_what_is_never_over_is_missing() -> None:
    """An outage that lasts to the end of the trace, or too near to it for a window, has no recovery."""
    for fault in (outage("30:00", None), outage("30:00", "59:30")):
        (row,) = replayed(fault).recovery().to_dict("records")
        assert np.isnan(row["recovery_s"])
        assert row["back_at"] is pd.NaT


def test_the_level_before_is_that_of_ten_windows() -> None:
    """Where half of the calls fail before, a share of a half is enough after."""
    config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    trace = tg.EvenTraffic(start=NINE, rates=[1], calls=3600).trace(0)
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.5), outage("30:00", "35:00")])
    run = tg.replay(config, trace, scenario, engine="stepped")
    (row,) = run.recovery("2min").to_dict("records")
    before = run.calls.query("'2026-03-02T09:10Z' <= at < '2026-03-02T09:30Z'")
    assert row["served_before"] == before["served_by"].notna().mean()
    assert 0 <= row["recovery_s"] < 600


def test_what_goes_down_together_is_one_outage() -> None:
    """A provider's outage is one row that names its deployments; without outages the table is empty."""
    config = tg.GatewayConfig(
        deployments=[{"model_name": name, "model": "openai/m"} for name in ("strong", "weak")],
    )
    trace = tg.EvenTraffic(start=NINE, rates=[1], calls=60).trace(0)
    fault = tg.Outage(target="provider:openai", start="2026-03-02T09:10Z", end="2026-03-02T09:20Z")
    run = tg.replay(config, trace, tg.Scenario(faults=[fault]), engine="stepped")
    assert run.recovery()["deployments"].tolist() == ["strong, weak"]
    empty = tg.replay(config, trace, engine="stepped").recovery()
    assert len(empty) == 0
    assert empty.dtypes.to_dict() == run.recovery().dtypes.to_dict()


# A retry storm


def storm(rate: float, capacity: dict[str, Any], **policy: Any) -> tuple[float, float]:
    """Return the shares served before and long after ten seconds with 20 calls/s, at a rate of so many calls/s.

    10 slots of one second carry 10 calls/s; who has to wait for longer than 5 s gives up and tries once more.
    """
    config = tg.GatewayConfig(
        deployments=[{"model_name": "strong", "model": "sim/large"}],
        policy={"timeout_s": 5, "max_retries": 1, "retry_on": ["timeout"], "backoff": {"initial_s": 0, "max_s": 0}}
        | policy,
    )
    limits = {"concurrent": 10, "queue": 60} | capacity
    faults = [tg.Latency(target="strong", median_s=1), tg.Capacity(target="strong", **limits)]
    random = np.random.default_rng(2)
    stretches = ((0, 60, rate), (60, 70, 20), (70, 900, rate))
    seconds = np.concatenate(
        [np.sort(random.uniform(lo, hi, random.poisson((hi - lo) * each))) for lo, hi, each in stretches]
    )
    trace = tg.Trace.from_arrays(to_us(NINE, "at") + (1e6 * seconds).astype(np.int64))
    served = tg.replay(config, trace, tg.Scenario(faults=faults)).calls["served_by"].notna().to_numpy()
    return float(served[seconds < 60].mean()), float(served[(seconds > 600) & (seconds < 800)].mean())


def test_a_retry_storm_does_not_end() -> None:
    """At 9 calls/s nearly nobody is served ten minutes after the spike: work that nobody waits for fills the slots."""
    before, after = storm(9, {})
    assert before == 1
    assert after < 0.02


@pytest.mark.parametrize(
    ("rate", "capacity", "policy"),
    [
        (5, {}, {}),
        (9, {}, {"retry_budget": {"ratio": 0.2, "min_per_s": 0}}),
        (9, {"queue": 30}, {}),
        (9, {"stops_on_cancel": True}, {}),
    ],
    ids=["less load", "retry budget", "short queue", "work stops"],
)
def test_what_ends_a_retry_storm(rate: float, capacity: dict[str, Any], policy: dict[str, Any]) -> None:
    """With less load, a budget of retries, a shorter queue, or work that stops with its caller, all are served."""
    before, after = storm(rate, capacity, **policy)
    assert before == 1
    assert after > 0.98
