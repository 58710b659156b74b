"""Replays of calls that touch each other: in parts, in many replicas, and against closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import timegate as tg
from timegate.engines import compiled
from timegate.engines.ordered import OrderedReplay
from timegate.engines.ordered import replay_in_order as in_order

ONE = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
TWO = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}, {"model_name": "b", "model": "sim/b"}])
START_US = tg.Trace(["2026-03-02T00:00Z"]).span_us[0]
POLICY = {
    "max_retries": 2,
    "timeout_s": 8,
    "cooldown": {"failures": 3, "within_s": 20, "for_s": 30, "probes": 1},
    "retry_budget": {"ratio": 0.1, "min_per_s": 0},
}
DAY = tg.GatewayConfig(
    policy=POLICY,
    deployments=[
        {"model_name": "strong", "model": "sim/a", "time_constraints": [["00:30", "01:00"]]},
        {"model_name": "weak", "model": "sim/b"},
    ],
)
BAD_DAY = tg.Scenario(
    seed=3,
    faults=[
        tg.ErrorRate(target="provider:sim", rate=0.2, after_s=1),
        tg.Latency(target="provider:sim", median_s=2, p99_s=20),
        tg.Capacity(target="strong", concurrent=2, queue=3),
    ],
)


def poisson(rate_per_s: float, calls: int, seed: int, lengths: np.ndarray | None = None) -> tg.Trace:
    gaps_us = np.random.default_rng(seed).exponential(1e6 / rate_per_s, calls)
    at_us = START_US + np.cumsum(gaps_us).astype(np.int64)
    return tg.Trace.from_arrays(at_us, np.full(calls, -1, np.int32), (), lengths)


def batch_means(values: np.ndarray, batches: int = 50) -> tuple[float, float]:
    """Mean and its standard error, by means of batches long enough to be independent."""
    means = np.array([part.mean() for part in np.array_split(values, batches)])
    return float(values.mean()), float(means.std(ddof=1) / math.sqrt(batches))


def assert_near(values: np.ndarray, expected: float) -> None:
    """Within three standard errors, and those are small enough to tell."""
    mean, error = batch_means(values)
    assert error < 0.05 * expected
    assert abs(mean - expected) < 3 * error, (mean, expected, error)


def unserved(run: tg.Replay) -> np.ndarray:
    return run.calls["served_by"].isna().to_numpy(float)


MEAN_S = math.exp((math.log(3.0) / 2.3263478740408408) ** 2 / 2)  # of a lognormal with median 1 and p99 3
SERVICE = tg.Latency(target="provider:sim", median_s=1.0, p99_s=3.0)


@pytest.mark.parametrize(("slots", "load", "refused"), [(10, 8, 0.12166), (16, 20, 0.29203), (12, 20, 0.45179)])
def test_erlang_loss(slots: int, load: float, refused: float) -> None:
    """Slots without a queue refuse Erlang's share (formula B), whatever the law of service times."""
    scenario = tg.Scenario(seed=slots, faults=[SERVICE, tg.Capacity(target="a", concurrent=slots)])
    run = tg.replay(ONE, poisson(load / MEAN_S, 1_000_000, seed=slots), scenario)
    assert_near(unserved(run), refused)


def test_erlang_overflow() -> None:
    """What 16 slots refuse at 20 Erlang, a fallback with 12 slots carries but for 0.018792 (Brockmeyer's system)."""
    faults = [SERVICE, tg.Capacity(target="a", concurrent=16), tg.Capacity(target="b", concurrent=12)]
    run = tg.replay(TWO, poisson(20 / MEAN_S, 1_000_000, seed=1), tg.Scenario(seed=1, faults=faults))
    assert_near(unserved(run), 0.018792)
    carried = (run.calls["served_by"] == "b").to_numpy(float) * 20
    assert_near(carried, 5.46482)


def test_queue_in_front_of_slots() -> None:
    """M/M/4 with room for ten, at 3.5 Erlang, refuses 0.0582807 and holds 4.85669 calls on average."""
    calls = 1_000_000
    lengths = np.random.default_rng(7).exponential(1e6, calls).astype(np.int64)
    faults = [
        tg.TokenLatency(target="a", first_token_s=0, tokens_per_s=1e6),
        tg.Capacity(target="a", concurrent=4, queue=6),
    ]
    run = tg.replay(ONE, poisson(3.5, calls, seed=6, lengths=lengths), tg.Scenario(faults=faults))
    assert_near(unserved(run), 0.0582807)
    assert_near(run.calls["latency_s"].to_numpy() * 3.5, 4.85669)  # Little's law


def test_a_bucket_of_one() -> None:
    """A bucket that holds one request refuses rho / (1 + rho) of Poisson arrivals."""
    scenario = tg.Scenario(faults=[tg.Capacity(target="a", requests_per_min=60, burst=1)])
    assert_near(unserved(tg.replay(ONE, poisson(0.8, 1_000_000, seed=2), scenario)), 0.8 / 1.8)


@pytest.mark.parametrize(("rate", "attempts"), [(0.1, 1.111), (0.5, 1.875), (0.9, 3.439)])
def test_attempts_of_three_retries(rate: float, attempts: float) -> None:
    """With three retries a call makes (1 - p**4) / (1 - p) attempts on average."""
    config = tg.GatewayConfig(
        deployments=[{"model_name": "a", "model": "sim/a"}], policy={"max_retries": 3, "backoff": {"initial_s": 0}}
    )
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="a", rate=rate)])
    run = tg.replay(config, poisson(1.0, 1_000_000, seed=4), scenario)
    assert_near(run.calls["attempts"].to_numpy(float), attempts)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_parts_change_nothing(size: int) -> None:
    """A stream is the same however it is cut: cooldowns, queues and budgets are carried from part to part."""
    frame = poisson(0.3, 2_000, seed=9).frame
    whole = tg.replay_stream(DAY, frame, BAD_DAY)
    cut = tg.replay_stream(DAY, [frame.iloc[i : i + size] for i in range(0, len(frame), size)], BAD_DAY)
    pd.testing.assert_series_equal(cut.summary(), whole.summary())
    pd.testing.assert_frame_equal(cut.share(counts=True), whole.share(counts=True))
    counts = tg.replay(DAY, tg.Trace(frame), BAD_DAY).outcome_counts()
    assert whole.summary()[list(counts)].to_dict() == counts
    assert min(counts["first_choice"], counts["fallback"], counts["failed"] + counts["shed"]) > 0


@pytest.mark.filterwarnings("ignore")  # distributed's own
def test_a_cluster_changes_nothing() -> None:
    """Workers take turns, each with the state that the one before left."""
    distributed = pytest.importorskip("distributed")
    frame = poisson(0.3, 2_000, seed=9).frame
    here = tg.replay_stream(DAY, [frame], BAD_DAY)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = tg.replay_stream(DAY, [frame.iloc[i : i + 99] for i in range(0, 2_000, 99)], BAD_DAY, client=client)
    pd.testing.assert_series_equal(there.summary(), here.summary())
    pd.testing.assert_frame_equal(there.share(counts=True), here.share(counts=True))


def test_a_copy_goes_on_by_itself() -> None:
    """A worker that dies is replaced by one that begins with the same state."""
    router, injector, trace = DAY.router(), BAD_DAY.injector(DAY.deployments), poisson(0.3, 2_000, seed=9)
    first, second = (tg.Trace(trace.frame.iloc[part]) for part in (slice(1000), slice(1000, None)))
    replay = OrderedReplay(router, injector, keeps_attempts=True)
    begun = replay.add(first)
    copies = [replay.copy(), replay.copy()]
    ends = [[*begun, *(ended for ended in (*each.add(second), *each.finish()))] for each in copies]
    for ended in ends[0]:
        assert (ended.calls.outcome >= 0).all()
    for ended, again in zip(*ends, strict=True):
        for column, same in zip((*ended.calls, *ended.attempts), (*again.calls, *again.attempts), strict=True):
            np.testing.assert_array_equal(column, same)


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 99), min_size=1, max_size=4), queue=st.integers(0, 3))
def test_parts_keep_their_attempts(sizes: list[int], queue: int) -> None:
    """Each part has the attempts of its own calls, as a whole replay has them, with queues and timeouts across cuts."""
    capacity = tg.Capacity(target="strong", concurrent=2, queue=queue)
    injector = tg.Scenario(seed=3, faults=[*BAD_DAY.faults[:-1], capacity]).injector(DAY.deployments)
    router, trace = DAY.router(), poisson(0.3, 200, seed=9)
    whole = compiled.attempts(router, trace, injector, compiled.run(router, trace, injector))
    replay, ended, lo = OrderedReplay(router, injector, keeps_attempts=True), [], 0
    for size in itertools.cycle(sizes):
        if lo >= len(trace):
            break
        ended += replay.add(tg.Trace(trace.frame.iloc[lo : lo + size]))
        lo += size
    ended += replay.finish()
    for part in ended:
        assert ((part.attempts.call >= part.first) & (part.attempts.call < part.first + len(part.trace))).all()
    for name, column in whole._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(part.attempts, name) for part in ended]), column)


def test_the_log_grows_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """However little room it begins with, it has all: who was passed over, and who cooled; a short one costs no run."""
    trace, runs = poisson(0.3, 2_000, seed=9), []
    whole = tg.replay(DAY, trace, BAD_DAY)
    assert min(len(whole.skips), len(whole.cooldowns)) > 20
    monkeypatch.setattr(
        compiled, "replay_in_order", lambda *args, **kwargs: runs.append(1) or in_order(*args, **kwargs)
    )
    for room, count in ((1 << 14, 1), (1, 2)):
        runs.clear()
        monkeypatch.setattr(compiled, "_LOG_ROOM", room)
        again = tg.replay(DAY, trace, BAD_DAY)
        pd.testing.assert_frame_equal(again.skips, whole.skips)
        pd.testing.assert_frame_equal(again.cooldowns, whole.cooldowns)
        assert len(runs) == count
    stepped = tg.replay(DAY, trace, BAD_DAY, engine="stepped")
    pd.testing.assert_frame_equal(again.skips, stepped.skips)


def test_replicas_depend_on_no_thread_and_no_other() -> None:
    """Each random day begins fresh: the first ten of twenty are those of ten, on one thread or two."""
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2000)
    many = tg.monte_carlo(DAY, traffic, BAD_DAY, replicas=20, seed=4, threads=2)
    few = tg.monte_carlo(DAY, traffic, BAD_DAY, replicas=10, seed=4, threads=1)
    pd.testing.assert_frame_equal(many.replicas.iloc[:10], few.replicas)
    assert many.replicas["shed"].sum() > 0
