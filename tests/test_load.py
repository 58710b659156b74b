"""Load by deployment and bin: a day counted by hand, and random days counted again, attempt by attempt."""

from __future__ import annotations

import pandas as pd
import pytest
import strategies
from hypothesis import given, settings

import timegate as tg
from timegate.errors import ReplayError

pytestmark = pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")  # cases prefer unknown deployments

REASONS = {
    "cooling": "cooling",
    "probing": "probing",
    "concurrent": "at its limit of concurrent attempts",
    "requests_per_min": "at its limit of requests a minute",
    "tokens_per_min": "at its limit of tokens a minute",
}


def test_a_limit_and_a_cooldown_by_hand() -> None:
    """Every second a call; one attempt at a time of 1.5 s on strong, the others go to weak, which cools twice.

    It does from 01:03 to 01:33, and from 01:35 on.
    """
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": "strong", "model": "sim/large", "policy": {"limits": {"concurrent": 1}}},
            {"model_name": "weak", "model": "sim/small", "policy": {"cooldown": {"failures": 2, "for_s": 30}}},
        ]
    )
    scenario = tg.Scenario(
        faults=[
            tg.Latency(target="strong", median_s=1.5),
            tg.Outage(target="weak", start="2026-03-02T09:01Z", end="2026-03-02T09:02Z"),
        ]
    )
    trace = tg.EvenTraffic(start="2026-03-02T09:00Z", rates=[1], bin_s=120, calls=120).trace(0)
    load = tg.replay(config, trace, scenario, engine="stepped").load("1min")
    assert load.index.names == ["deployment", "at"]
    assert load.loc["strong", ["offered", "admitted", "concurrent", "running_max"]].to_numpy().tolist() == [
        [60, 30, 30, 1],
        [60, 30, 30, 1],
    ]
    weak = load.loc["weak"]
    assert weak["offered"].tolist() == [30, 30]
    assert weak["cooling"].tolist() == [0, 26]
    assert weak["admitted"].tolist() == [30, 4]
    assert weak["cooled_share"].tolist() == [0.0, pytest.approx(55 / 60)]


@settings(max_examples=25, deadline=None)
@given(strategies.cases(latencies=True, max_size=60, policy="shared"))
def test_load_is_what_the_tables_say(case: strategies.Case) -> None:
    """Every figure follows from attempts, skips and cooldowns one by one."""
    run = tg.replay(*case, engine="stepped")
    load, attempts, skips = run.load("1h"), run.attempts, run.skips
    assert (load["offered"] == load["admitted"] + load[list(REASONS)].sum(axis=1)).all()
    assert load["admitted"].sum() == len(attempts)
    hours = skips["at"].dt.floor("h")
    for name, reason in REASONS.items():
        found = skips[skips["reason"] == reason].groupby([skips["deployment"].astype(str), hours]).size()
        assert load[name][load[name] > 0].to_dict() == found.to_dict()
    limited = attempts[attempts["outcome"] == "rate_limit"]
    assert load["answered_429"].sum() == len(limited)
    ends = attempts["at"] + pd.to_timedelta(attempts["latency_s"] * 1e6, unit="us").dt.round("us")
    for (name, at), row in load[load["admitted"] > 0].iloc[:20].iterrows():
        mine = (attempts["deployment"] == name) & (ends > attempts["at"])
        moments = [at, *attempts["at"][mine & (attempts["at"] >= at) & (attempts["at"] < at + pd.Timedelta("1h"))]]
        running = [(mine & (attempts["at"] <= moment) & (ends > moment)).sum() for moment in moments[1:]]
        before = (mine & (attempts["at"] < at) & (ends > at)).sum()
        assert row["running_max"] == max([before, *running])
        cooled = run.cooldowns[run.cooldowns["deployment"] == name]
        seconds, last = 0.0, at
        for lo, hi in sorted(zip(cooled["start"], cooled["end"], strict=True)):
            low, high = max(lo, last), min(hi, at + pd.Timedelta("1h"))
            if low < high:
                seconds, last = seconds + (high - low).total_seconds(), high
        assert row["cooled_share"] == pytest.approx(seconds / 3600)


def test_a_frequency_that_is_none_is_refused() -> None:
    """The error says what a frequency looks like, and that there may be too many bins."""
    run = tg.replay(
        tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}]),
        tg.Trace(["2026-03-02T09:00Z", "2026-03-03T09:00Z"]),
    )
    with pytest.raises(ReplayError, match="freq must be a fixed length of time"):
        run.load("often")
    with pytest.raises(ReplayError, match="freq must be a fixed length of time"):
        run.load(None)
    with pytest.raises(ReplayError, match="the limit is 1,000,000"):
        run.load("1ms")


def test_bins_of_load_begin_at_local_midnights() -> None:
    """With a zone, bins and index are those of its midnights; counts are the same calls."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    run = tg.replay(config, tg.Trace(["2026-03-02T22:30Z", "2026-03-02T23:30Z", "2026-03-03T03:00Z"]))
    table = run.load("1D", tz="Europe/Berlin").loc["a"]
    assert [str(at) for at in table.index] == ["2026-03-02 00:00:00+01:00", "2026-03-03 00:00:00+01:00"]
    assert table["offered"].tolist() == [1, 2]
    odd = run.load("5h").loc["a"]
    assert str(odd.index[0]) == "2026-03-02 20:00:00+00:00"
    assert odd["offered"].sum() == 3
