"""The story of a call: told by hand, and held to the tables of random replays."""

from __future__ import annotations

import numpy as np
import pytest
import strategies
from hypothesis import given, settings

import timegate as tg

pytestmark = pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")  # cases prefer unknown deployments

TRACE = tg.Trace(["2026-03-02T09:00:00Z", "2026-03-02T09:00:10Z"])
SCENARIO = tg.Scenario(
    faults=[
        tg.ErrorRate(target="strong", rate=1.0, after_s=0.5),
        tg.Latency(target="weak", median_s=0.25),
    ]
)


def config(**policy: object) -> tg.GatewayConfig:
    return tg.GatewayConfig(
        deployments=[
            {"model_name": "strong", "model": "sim/large", "policy": policy},
            {"model_name": "weak", "model": "sim/small"},
        ]
    )


def test_retries_pauses_and_a_cooldown_in_order_of_time() -> None:
    """Two tries with a pause between begin a cooldown; the next call passes over, and is told until when."""
    policy = {"max_retries": 1, "backoff": {"initial_s": 2, "jitter": "none"}, "cooldown": {"failures": 2, "for_s": 60}}
    run = tg.replay(config(**policy), TRACE, SCENARIO, engine="stepped")
    first = run.story(0).astype(object)
    assert first.where(first.notna(), None).to_numpy().tolist() == [
        [0.0, "arrives", None, None, "2 open"],
        [0.0, "tries", "strong", 0.5, "server_error"],
        [0.5, "waits", None, 2.0, ""],
        [2.5, "tries", "strong", 0.5, "server_error"],
        [3.0, "tries", "weak", 0.25, "ok"],
        [3.25, "ends", "weak", None, "fallback"],
    ]
    second = run.story(1)
    assert second["event"].tolist() == ["arrives", "passes over", "tries", "ends"]
    assert second["what"].tolist()[1] == "cooling until 09:01:03"
    assert "cooling until 09:01:03" in str(run.explain(1))
    assert "cooling until 09:01:03" in run.explain(1)._repr_html_()


def test_plain_replays_read_as_ever() -> None:
    """Without policies an explanation has no story, and its text ends with the table of deployments."""
    plain = tg.replay(config(), TRACE, SCENARIO, engine="stepped").explain(0)
    assert plain.story is None
    assert "arrives" not in str(plain)
    assert tg.replay(config(max_retries=1), TRACE, SCENARIO, engine="stepped").explain(0).story is not None


def test_the_order_told_is_the_one_that_was_drawn() -> None:
    """Where chance orders deployments, each call is told its own order, and the tries follow it."""
    equal = tg.GatewayConfig(
        deployments=[{"model_name": name, "model": "sim/m", "priority": 1} for name in ("a", "b", "c")]
    )
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="provider:sim", rate=1.0)], seed=4)
    run = tg.replay(equal, tg.EvenTraffic(start="2026-03-02T09:00Z", calls=30).trace(0), scenario, engine="stepped")
    orders = [run.explain(call).order for call in range(30)]
    assert orders == [group["deployment"].tolist() for _, group in run.attempts.groupby("call")]
    assert len({*map(tuple, orders)}) > 1


@settings(max_examples=25, deadline=None)
@given(strategies.cases(latencies=True, max_size=20, policy="shared"))
def test_a_story_tells_what_the_tables_say(case: strategies.Case) -> None:
    """Tries are the attempts, passed over are the skips, time never runs back, and the end is that of the call."""
    run = tg.replay(*case, engine="stepped")
    for call, row in run.calls.iterrows():
        story = run.story(call)
        tried, skipped = story[story["event"] == "tries"], story[story["event"] == "passes over"]
        attempts, skips = run.attempts.query("call == @call"), run.skips.query("call == @call")
        assert tried["deployment"].astype(str).tolist() == attempts["deployment"].astype(str).tolist()
        assert tried["what"].tolist() == attempts["outcome"].astype(str).tolist()
        assert skipped["deployment"].astype(str).tolist() == skips["deployment"].astype(str).tolist()
        assert story["after_s"].is_monotonic_increasing
        assert story["after_s"].iloc[-1] == pytest.approx(row["latency_s"])
        assert story["what"].iloc[-1] == row["outcome"]
        assert np.nansum(story["for_s"]) == pytest.approx(row["latency_s"], abs=1e-5)
