"""Many random days: held to closed forms, to single replays, and to themselves on other machines."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.errors import InvalidTypeError, ReplayError, ScenarioError, TraceError

DAY = {"start": "2026-03-02T00:00Z", "end": "2026-03-03T00:00Z"}
CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "acme/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/b"},
    ]
)
OPEN = tg.GatewayConfig(
    deployments=[{"model_name": "a", "model": "acme/m"}, {"model_name": "b", "model": "acme/m"}],
)
TRAFFIC = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=5_000, preferences={"strong": 0.2, "weak": 0.3})
STORMY = tg.Scenario(
    faults=[
        tg.RandomOutages(target="strong", mtbf_s=20_000, mttr_s=3_000, **DAY),
        tg.ErrorRate(target="weak", rate=0.1),
        tg.Latency(target="weak", median_s=0.5, p99_s=4.0),
    ]
)


def within(sample: pd.Series, expected: float, sigmas: float = 5.0) -> bool:
    return abs(sample.mean() - expected) <= sigmas * sample.std() / math.sqrt(len(sample))


def test_deployments_that_fail_with_known_probability_in_series() -> None:
    """Availability is 1 - p1 p2, the fallback serves p1 (1 - p2), and attempts are 1 + p1."""
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="a", rate=0.3), tg.ErrorRate(target="b", rate=0.2)])
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=10_000)
    days = tg.monte_carlo(OPEN, traffic, scenario, replicas=100, seed=4).replicas
    assert within(days["availability"], 1 - 0.3 * 0.2)
    assert within(days["share[b]"], 0.3 * 0.8)
    assert within(days["attempts_per_call"], 1.3)


def test_availability_of_what_fails_and_recovers() -> None:
    """It is MTBF / (MTBF + MTTR) on average over days, from the first hour on."""
    scenario = tg.Scenario(faults=[tg.RandomOutages(target="provider:acme", mtbf_s=30_000, mttr_s=6_000, **DAY)])
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000, rates=[1.0])
    days = tg.monte_carlo(OPEN, traffic, scenario, replicas=2_000, seed=1).replicas
    assert within(days["availability"], 30 / 36)


def test_outages_of_a_provider_hit_all_of_its_deployments_at_once() -> None:
    """With both behind one provider, falling back saves nothing: nobody serves whoever the first choice could not."""
    scenario = tg.Scenario(faults=[tg.RandomOutages(target="provider:acme", mtbf_s=9_000, mttr_s=3_000, **DAY)])
    days = tg.monte_carlo(OPEN, TRAFFIC.model_copy(update={"preferences": {}}), scenario, replicas=20, seed=1).replicas
    assert (days["failed"] > 0).any()
    assert (days["fallback"] == 0).all()


def test_independent_outages_in_series() -> None:
    """Two that fail independently are both down a product of the shares of time."""
    scenario = tg.Scenario(
        faults=[tg.RandomOutages(target=name, mtbf_s=30_000, mttr_s=10_000, **DAY) for name in ("a", "b")]
    )
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000, rates=[1.0])
    days = tg.monte_carlo(OPEN, traffic, scenario, replicas=2_000, seed=2).replicas
    assert within(days["availability"], 1 - 0.25 * 0.25)


def test_arrivals_are_poisson() -> None:
    """The number of calls of a day has the mean and the variance of a Poisson distribution."""
    days = tg.monte_carlo(OPEN, TRAFFIC.model_copy(update={"preferences": {}}), replicas=1_000, seed=3).replicas
    assert within(days["calls"], 5_000)
    assert days["calls"].var() / 5_000 == pytest.approx(1, abs=5 * math.sqrt(2 / 1_000))


def test_arrivals_follow_the_profile_and_the_preferences() -> None:
    """Calls in each hour and with each preference are within 5 standard deviations of what is expected."""
    frame = pd.concat([chunk.frame for chunk in TRAFFIC.model_copy(update={"calls": 1e6}).chunks(seed=1)])
    hours = frame.groupby(frame["at"].dt.hour).size().to_numpy()
    expected = np.diff(TRAFFIC.expected) / 5_000 * 1e6
    assert (abs(hours - expected) < 5 * np.sqrt(expected)).all()
    preferred = frame["model_preference"].value_counts(normalize=True, dropna=False)
    for name, share in (("strong", 0.2), ("weak", 0.3)):
        assert abs(preferred[name] - share) < 5 * math.sqrt(share * (1 - share) / 1e6)


def test_chunks_of_one_realisation_do_not_depend_on_their_size() -> None:
    """The same seed gives the same arrivals in parts of any size."""
    whole = pd.concat([chunk.frame for chunk in TRAFFIC.chunks(seed=9)], ignore_index=True)
    parts = pd.concat([chunk.frame for chunk in TRAFFIC.chunks(seed=9, size=333)], ignore_index=True)
    pd.testing.assert_frame_equal(parts, whole)


def test_fixed_arrivals_without_chance_are_a_replay() -> None:
    """Every replica of a trace under a scenario that draws nothing has the figures of its replay."""
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000, preferences={"weak": 0.5}).trace(1)
    scenario = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-02T10:00Z", end="2026-03-02T12:00Z")])
    days = tg.monte_carlo(CONFIG, trace, scenario, replicas=3).replicas
    summary = tg.replay(CONFIG, trace, scenario).summary()
    for row in days.to_dict("records"):
        assert {key: summary[key] for key in row} == pytest.approx(row)


def test_figures_of_latency_are_those_of_a_replay() -> None:
    """Mean is exact, quantiles agree within half a bin."""
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=20_000).trace(1)
    scenario = tg.Scenario(faults=[tg.Latency(target="provider:acme", median_s=0.01, p99_s=30)], seed=5)
    exact = tg.replay(OPEN, trace, scenario)
    stream = tg.replay_stream(OPEN, [trace], scenario).summary()
    assert stream["latency_mean_s"] == pytest.approx(exact.summary()["latency_mean_s"])
    for percent in (50, 95, 99):
        quantile = exact.calls["latency_s"].quantile(percent / 100, interpolation="lower")
        assert stream[f"latency_p{percent}_s"] == pytest.approx(quantile, rel=0.004)


def test_a_replica_depends_on_seed_and_number_alone() -> None:
    """Threads do not matter, nor how many other replicas there are; another seed does."""
    few = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=5, seed=8, threads=1).replicas
    more = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=12, seed=8, threads=3).replicas
    pd.testing.assert_frame_equal(more.iloc[:5], few)
    assert not tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=5, seed=9).replicas.equals(few)


def test_what_never_recovers_is_down_for_good() -> None:
    """The longest mean time to recover leaves no availability after the first failure."""
    scenario = tg.Scenario(faults=[tg.RandomOutages(target="provider:acme", mtbf_s=60, mttr_s=1e12, **DAY)])
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000)
    assert (tg.monte_carlo(OPEN, traffic, scenario, replicas=20).replicas["availability"] == 0).all()


def test_profile_beyond_the_calendar_is_refused() -> None:
    """A profile that would end after 2199 is an error, not a walk off the end of the plan."""
    with pytest.raises(TraceError, match="bin_s must keep the profile within the years 1900 to 2199"):
        tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=10, rates=[1.0], bin_s=86_400 * 365.25 * 300)


def test_bad_arguments() -> None:
    """Each bad argument is one clear error."""
    with pytest.raises(ReplayError, match="replicas must be at least 2"):
        tg.monte_carlo(CONFIG, TRAFFIC, replicas=1)
    with pytest.raises(ReplayError, match="seed must lie between"):
        tg.monte_carlo(CONFIG, TRAFFIC, seed=-1)
    with pytest.raises(InvalidTypeError, match="traffic must be a process, such as PoissonTraffic, or a Trace"):
        tg.monte_carlo(CONFIG, [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match=r"target 'x'"):
        tg.monte_carlo(CONFIG, TRAFFIC, tg.Scenario(faults=[tg.ErrorRate(target="x", rate=0.1)]))
    tokens = tg.Scenario(faults=[tg.TokenLatency(target="weak", first_token_s=1, tokens_per_s=9)])
    with pytest.raises(ReplayError, match="completion_tokens"):
        tg.monte_carlo(CONFIG, TRAFFIC, tokens)


@pytest.mark.filterwarnings("ignore")  # distributed's own
@pytest.mark.parametrize(("client", "error"), [(3, InvalidTypeError), ("nowhere", ReplayError)])
def test_a_client_that_is_none(client: Any, error: type[Exception]) -> None:
    """What is no cluster's client or address is told, with what may be given."""
    pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    with pytest.raises(error, match=r"client must be 'local', .* Got "):
        tg.monte_carlo(CONFIG, TRAFFIC, replicas=2, client=client)


@pytest.mark.filterwarnings("ignore")
def test_a_local_cluster_waits_for_the_successor_of_a_lost_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask gives a lost worker up after 15 s, and would then wait for ever; an hour is enough on any machine."""
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    import dask

    seen: list[Any] = []

    class Small(distributed.LocalCluster):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            seen.append((dask.config.get("distributed.deploy.lost-worker-timeout"), options["dashboard_address"]))
            super().__init__(**options, n_workers=1)

    monkeypatch.setattr(distributed, "LocalCluster", Small)
    there = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=3, seed=6, client="local")
    pd.testing.assert_frame_equal(there.replicas, tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=3, seed=6).replicas)
    assert seen == [("1h", None)]
    assert dask.config.get("distributed.deploy.lost-worker-timeout") != "1h"


@pytest.fixture(scope="module")
def cluster():  # type: ignore[no-untyped-def]
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("ignore")  # distributed's own, and those of its dead workers
def test_cluster_gives_the_same_as_one_process(cluster) -> None:  # type: ignore[no-untyped-def]
    """A given client and the address of its scheduler give the rows of this process, bit for bit."""
    here = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=120, seed=6)
    for client in (cluster, cluster.scheduler.address):
        there = tg.monte_carlo(CONFIG, TRAFFIC, STORMY, replicas=120, seed=6, client=client)
        pd.testing.assert_frame_equal(there.replicas, here.replicas, check_exact=True)


def kill_at_work(client: Any, pid: int) -> threading.Thread:
    """Kill a worker as soon as the cluster has work, however long that takes to come."""

    def kill() -> None:
        while not any(client.processing().values()):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return killer


@pytest.mark.filterwarnings("ignore")
def test_the_only_worker_may_die() -> None:
    """With the one worker killed in the middle of a run, its successor does all of the work again."""
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    import dask

    traffic = TRAFFIC.model_copy(update={"calls": 50_000.0})
    here = tg.monte_carlo(CONFIG, traffic, STORMY, replicas=300, seed=6)
    with (
        # After 15 s, Dask gives a lost worker up for good, and under load its successor may take longer to start.
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as alone,
        distributed.Client(alone) as client,
    ):
        (pid,) = client.run(os.getpid).values()
        killer = kill_at_work(client, pid)
        there = tg.monte_carlo(CONFIG, traffic, STORMY, replicas=300, seed=6, client=client)
        killer.join()
    pd.testing.assert_frame_equal(there.replicas, here.replicas, check_exact=True)


@pytest.mark.filterwarnings("ignore")
def test_a_worker_that_dies_loses_nothing(cluster) -> None:  # type: ignore[no-untyped-def]
    """With one of two workers killed in the middle of a run, the result is the same."""
    traffic = TRAFFIC.model_copy(update={"calls": 50_000.0})
    here = tg.monte_carlo(CONFIG, traffic, STORMY, replicas=400, seed=6)
    pids = list(cluster.run(os.getpid).values())
    killer = kill_at_work(cluster, pids[0])
    there = tg.monte_carlo(CONFIG, traffic, STORMY, replicas=400, seed=6, client=cluster)
    killer.join()
    assert pids[0] not in cluster.run(os.getpid).values()
    pd.testing.assert_frame_equal(there.replicas, here.replicas, check_exact=True)
