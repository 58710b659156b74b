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
    """Means are exact, quantiles within half a bin; the names are those of a replay, those of the baseline too."""
    scenario = tg.Scenario(faults=[SLOW, DEAD], seed=5)
    exact, stream = tg.replay(ALONE, TRACE, scenario).summary(), tg.replay_stream(ALONE, [TRACE], scenario).summary()
    assert stream["wait_mean_s"] == pytest.approx(exact["wait_mean_s"])
    assert stream["wait_p95_s"] == pytest.approx(exact["wait_p95_s"], rel=0.01)
    assert [*stream.index] == [n for n in exact.index if n not in ("engine", "preference_passed_over")]
    days = tg.monte_carlo(ALONE, TRACE, scenario, replicas=2)
    assert {"latency_p99_s", "baseline_latency_p99_s", "wait_p99_s"} <= set(days.replicas)


MIXED = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=3_000, preferences={"weak": 0.3, "nobody": 0.1})
PRICE = {"per_call": 0.01}
KINDS: dict[str, dict[str, object]] = {
    "by themselves": {},
    "in order": {"policy": {"cooldown": {"failures": 2, "for_s": 60}}},
    "billed": {"price": PRICE},
    "drawn order": {"priority": 1},
}


def made(kind: str, *, closed: bool) -> tg.GatewayConfig:
    """Return deployments of a kind, with the window of one or none."""
    fields = dict(KINDS[kind])
    common = {"policy": fields.pop("policy")} if "policy" in fields else {}
    windows = {"strong": {"time_constraints": [["22:00", "06:00"]]}} if closed else {}
    names = {"strong": "sim/a", "weak": "sim/b"}
    deployments = [{"model_name": name, "model": m, **fields, **windows.get(name, {})} for name, m in names.items()]
    return tg.GatewayConfig.model_validate({"deployments": deployments, **common})


@pytest.mark.filterwarnings("ignore:.*nobody.*")
@pytest.mark.parametrize("kind", KINDS)
def test_the_baseline_of_a_stream_is_that_of_a_replay(kind: str) -> None:
    """Of every kind of stream, however it is cut: who serves, and how long it takes, without windows and failures."""
    config, scenario = made(kind, closed=True), tg.Scenario(faults=[SLOW, DEAD], seed=5)
    parts = list(MIXED.chunks(1, size=700))
    exact = tg.replay(config, tg.Trace.concat(parts), scenario).summary()
    stream = tg.replay_stream(config, parts, scenario).summary()
    for name, value in times(exact, "baseline_").items():
        assert stream[name] == pytest.approx(value, rel=0.01), name
    assert stream["baseline_latency_mean_s"] == pytest.approx(exact["baseline_latency_mean_s"], rel=1e-12)
    assert stream["latency_mean_s"] > 1.1 * stream["baseline_latency_mean_s"]


@pytest.mark.filterwarnings("ignore:.*nobody.*")
@pytest.mark.parametrize("kind", KINDS)
def test_the_baseline_of_a_random_day_is_that_day_without_windows_and_faults(kind: str) -> None:
    """Replica by replica, to the last bit, for calls that are drawn and for calls that are given."""
    config, bare = (
        made(kind, closed=True),
        made("drawn order" if kind == "drawn order" else "by themselves", closed=False),
    )
    for traffic in (MIXED, MIXED.trace(3)):
        days = tg.monte_carlo(config, traffic, tg.Scenario(faults=[DEAD, SLOW]), replicas=3).replicas
        plain = tg.monte_carlo(bare, traffic, tg.Scenario(faults=[SLOW]), replicas=3).replicas
        for name in ("mean_s", "p50_s", "p95_s", "p99_s"):
            assert days[f"baseline_latency_{name}"].tolist() == plain[f"latency_{name}"].tolist()
        assert (days["wait_mean_s"] > days["baseline_latency_mean_s"]).all()


def test_random_days_that_take_time_by_failing_alone_have_a_baseline_of_none() -> None:
    """Where no latency is modelled, calls without faults take no time."""
    days = tg.monte_carlo(ALONE, TRACE, ALL_DEAD, replicas=2)
    assert days.replicas["baseline_latency_p99_s"].tolist() == [0, 0]
    assert days.replicas["wait_mean_s"].tolist() == [30, 30]
    other = tg.monte_carlo(ALONE, TRACE, tg.Scenario(faults=[DEAD]), replicas=2)
    assert "baseline_latency_mean_s" in other.summary().index


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
