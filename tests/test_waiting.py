"""How long calls take: of those served, of all, and what it would be without faults; alike wherever it stands."""

import math

import numpy as np
import pytest

import timegate as tg
from timegate.report import comparison, page

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/b"},
    ]
)
ALONE = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/a"}])
TRACE = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000).trace(1)
SLOW = tg.Latency(target="provider:sim", median_s=1, p99_s=5)
DEAD = tg.Outage(
    target="strong", start="2026-03-02T10:00Z", end="2026-03-02T12:00Z", error="timeout", after_s=30
)  # fmt: skip
ALL_DEAD = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-01T00:00Z", error="timeout", after_s=30)])


def times(summary: dict[str, float], prefix: str) -> dict[str, float]:
    return {str(name): value for name, value in summary.items() if str(name).startswith(prefix)}


def test_a_rescue_does_not_look_slower_than_giving_up() -> None:
    """Whoever is rescued late raises the latency of served calls, and not the wait of all."""
    scenario = tg.Scenario(faults=[SLOW, DEAD])
    one, both = (tg.replay(config, TRACE, scenario).summary() for config in (ALONE, CONFIG))
    assert one["failed"] > 50
    assert both["failed"] == 0
    assert both["latency_p99_s"] > 5 * one["latency_p99_s"]
    assert one["wait_p99_s"] == pytest.approx(30, rel=0.1)
    assert both["wait_mean_s"] == both["latency_mean_s"]


def test_the_baseline_is_a_replay_without_windows_and_faults() -> None:
    """The same calls, through the same deployments, always open: to the last bit, whatever policies say."""
    bare = tg.GatewayConfig(deployments=[{"model_name": d.name, "model": d.model} for d in CONFIG.deployments])
    expected = tg.replay(bare, TRACE, tg.Scenario(faults=[SLOW], seed=3)).summary()
    cooling = tg.GatewayConfig.model_validate(CONFIG.to_dict() | {"policy": {"timeout_s": 2, "max_retries": 2}})
    brownout = tg.Brownout(target="weak", start=DEAD.start, end=DEAD.end, error_rate=0.5, slowdown=9)
    for config in (CONFIG, cooling):
        summary = tg.replay(config, TRACE, tg.Scenario(faults=[brownout, SLOW, DEAD], seed=3)).summary()
        assert times(summary, "baseline_latency") == {f"baseline_{k}": v for k, v in times(expected, "latency").items()}


def test_token_latencies_are_in_the_baseline() -> None:
    """Answers take their length without faults, too; nothing else does."""
    frame = TRACE.frame.assign(completion_tokens=np.arange(len(TRACE)))
    scenario = tg.Scenario(faults=[tg.TokenLatency(target="provider:sim", first_token_s=1, tokens_per_s=10), DEAD])
    summary = tg.replay(CONFIG, tg.Trace(frame), scenario).summary()
    assert summary["baseline_latency_mean_s"] == pytest.approx(1 + frame["completion_tokens"].mean() / 10)


def test_no_latency_is_no_figure() -> None:
    """Where none was modelled and nothing took time, no summary and no table speaks of it."""
    outage = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-02T10:00Z", end="2026-03-02T12:00Z")])
    run, stream = tg.replay(CONFIG, TRACE, outage), tg.replay_stream(CONFIG, [TRACE], outage)
    days = tg.monte_carlo(CONFIG, TRACE, outage, replicas=2)
    for names in (run.summary().index, stream.summary().index, days.replicas, tg.compare(run, run).index):
        assert not [name for name in names if "latency" in name or "wait" in name]


def test_nobody_served_is_one_rule() -> None:
    """The latency of nobody is missing, the wait of all is known: in replays, streams and random days."""
    run, stream = tg.replay(ALONE, TRACE, ALL_DEAD), tg.replay_stream(ALONE, [TRACE], ALL_DEAD)
    for summary in (
        run.summary(),
        stream.summary(),
        tg.monte_carlo(ALONE, TRACE, ALL_DEAD, replicas=2).replicas.iloc[0],
    ):
        assert math.isnan(summary["latency_mean_s"])
        assert math.isnan(summary["latency_p99_s"])
        assert summary["wait_mean_s"] == 30
        assert summary["wait_p50_s"] == pytest.approx(30, rel=0.004)


def test_streams_and_random_days_have_the_waits_of_a_replay() -> None:
    """Means are exact, quantiles within half a bin; the names are those of a replay but for the baseline."""
    scenario = tg.Scenario(faults=[SLOW, DEAD], seed=5)
    exact, stream = tg.replay(ALONE, TRACE, scenario).summary(), tg.replay_stream(ALONE, [TRACE], scenario).summary()
    assert stream["wait_mean_s"] == pytest.approx(exact["wait_mean_s"])
    assert stream["wait_p95_s"] == pytest.approx(exact["wait_p95_s"], rel=0.01)
    assert set(stream.index) == {n for n in exact.index if not n.startswith("baseline_")} - {
        "engine", "preference_passed_over"
    }  # fmt: skip
    assert {"latency_p99_s", "wait_p99_s"} <= set(tg.monte_carlo(ALONE, TRACE, scenario, replicas=2).replicas)


def test_whoever_reads_a_table_is_told_of_whom_it_speaks() -> None:
    """The lines of report, command and comparison say of which calls, and have the baseline beside them."""
    scenario = tg.Scenario(faults=[SLOW, DEAD])
    one, both = (tg.replay(config, TRACE, scenario) for config in (ALONE, CONFIG))
    lines = {line.label: line for line in page.summary_lines(one)["Also"]}
    served, waits = lines["latency of served calls, mean"], lines["wait of all calls, for an answer or an error, mean"]
    assert served.baseline == waits.baseline != ""
    assert float(waits.figure.split()[0]) > float(served.figure.split()[0])
    labels = [change.label for change in comparison.changes(one, both)["Also"]]
    assert "latency of served calls, 99th percentile" in labels
    assert "wait of all calls, for an answer or an error, 99th percentile" in labels


def test_counts_are_whole_numbers_in_a_comparison() -> None:
    """Counts and their differences are ints, shares floats; who takes no time is compared as 0."""
    quick = tg.replay(CONFIG, TRACE, tg.Scenario())
    slow = tg.replay(CONFIG, TRACE, tg.Scenario(faults=[DEAD]))
    table = tg.compare(quick, slow)
    assert all(type(value) is int for value in table.loc[["calls", "failed", "fallback"]].to_numpy().ravel())
    assert type(table.loc["availability", "difference"]) is float
    assert table.loc["wait_mean_s"].tolist() == [0, slow.summary()["wait_mean_s"], slow.summary()["wait_mean_s"]]
