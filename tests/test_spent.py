"""What streams and random days cost: the same as whole replays, whatever the parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bill import DEAR, MORNING, config, trace
from test_price import CHEAP

import timegate as tg
from timegate.errors import ReplayError, TimegateWarning
from timegate.prices.paid import ANSWERED, Paid
from timegate.runs.monte_carlo import _hash
from timegate.runs.spent import Spent

GATEWAY = config({**DEAR, "bands": [MORNING]}, CHEAP, None)
FAULTS = tg.Scenario(
    faults=[
        tg.ErrorRate(target="a", rate=0.3),
        tg.ErrorRate(target="b", rate=0.3),
        tg.Latency(target="a", median_s=600),
    ],
    seed=3,
)
TRAFFIC = tg.PoissonTraffic(
    start="2026-03-02T04:00Z",
    calls=300,
    rates=[1, 2, 3],
    bin_s=4800,
    prompt_tokens={"median": 1000, "p90": 4000},
    completion_tokens={"median": 100, "p90": 300},
)


def money(summary: Any) -> pd.Series[Any]:
    """Return the figures of money."""
    return summary[[name for name in summary.index if "cost" in name or "failed_attempts" in name]]


SHARED = {"cooldown": {"failures": 2, "for_s": 60}, "max_retries": 1, "timeout_s": 900}


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 150), min_size=1, max_size=4),
    cached=st.booleans(),
    policy=st.sampled_from([{}, {"max_retries": 2}, {"cooldown": SHARED["cooldown"]}, SHARED]),
    queue=st.sampled_from([None, 0, 2]),
    freq=st.sampled_from(["15min", "1h"]),
)
def test_a_stream_costs_what_the_replay_does(
    sizes: list[int], cached: bool, policy: dict[str, Any], queue: int | None, freq: str
) -> None:
    """Figures and bins of money, bounds included, do not depend on the cuts, whether calls touch each other or not."""
    gateway = config({**DEAR, "bands": [MORNING]}, CHEAP, None, policy=policy)
    whole, faults = tg.Trace(TRAFFIC.trace(seed=1).frame.iloc[:150]), [*FAULTS.faults]
    faults += [] if queue is None else [tg.Capacity(target="a", concurrent=1, queue=queue)]
    scenario = tg.Scenario(faults=faults, seed=3)
    if cached:
        whole = tg.Trace(whole.frame.assign(cached_tokens=whole.prompt_tokens // 2))
    run = tg.replay(gateway, whole, scenario)
    stream = tg.replay_stream(gateway, cut(whole, sizes), scenario, freq=freq)
    assert_same_bills(stream, run)


def cut(whole: tg.Trace, sizes: list[int]) -> list[pd.DataFrame]:
    """Return parts of a trace, whose sizes come round."""
    frame, parts, lo = whole.frame, [], 0
    while lo < len(frame):
        parts.append(frame.iloc[lo : lo + sizes[len(parts) % len(sizes)]])
        lo += len(parts[-1])
    return parts


def assert_same_bills(stream: tg.StreamReplay, run: tg.Replay) -> None:
    """Check each figure, and each bin."""
    pd.testing.assert_series_equal(money(stream.summary()), money(run.summary()), check_index_type=False)
    for failed in ("nothing", "input", "all"):
        wanted = run.bill(stream.freq, failed=failed, exact=True)
        got = stream.bill(failed=failed, exact=True)
        pd.testing.assert_frame_equal(got, wanted, check_freq=False)


def test_a_stream_lists_the_bins_of_answers_alone_unless_failures_are_charged() -> None:
    """Where the last bin holds only attempts that failed, it is none of a bill that charges nothing for them."""
    down = {"start": "2026-03-02T10:30Z", "end": "2026-03-02T12:00Z", "error": "timeout", "after_s": 30}
    faults = tg.Scenario(faults=[tg.Outage(target=name, **down) for name in "ab"])
    gateway, whole = config(DEAR, CHEAP), trace("09:10", "10:10", "10:59:50")
    for parts in ([whole], [trace("09:10"), trace("10:10", "10:59:50")], [whole.frame.iloc[[i]] for i in range(3)]):
        stream = tg.replay_stream(gateway, parts, faults)
        assert [len(stream.bill(failed=failed)) for failed in ("nothing", "input", "all")] == [2, 3, 3]
        assert_same_bills(stream, tg.replay(gateway, whole, faults))
    nobody = tg.replay_stream(gateway, [trace("10:59:50")], faults)
    assert len(nobody.bill()) == 0
    assert_same_bills(nobody, tg.replay(gateway, trace("10:59:50"), faults))


@pytest.mark.filterwarnings("ignore")  # distributed's own
def test_a_cluster_bills_the_same() -> None:
    """What workers pay adds up to the bill of one replay, where calls touch each other and where not."""
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    whole = TRAFFIC.trace(seed=1)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        for policy in ({}, SHARED):
            gateway = config({**DEAR, "bands": [MORNING]}, CHEAP, policy=policy)
            stream = tg.replay_stream(gateway, cut(whole, [70, 20]), FAULTS, freq="15min", client=client)
            assert_same_bills(stream, tg.replay(gateway, whole, FAULTS))


def test_calls_of_a_stream_have_their_cost(tmp_path: Path) -> None:
    """The Parquet file of a stream has the column of the table of calls."""
    pytest.importorskip("pyarrow")
    whole = TRAFFIC.trace(seed=1)
    tg.replay_stream(GATEWAY, [whole], FAULTS, to_parquet=tmp_path / "calls.parquet")
    written = pd.read_parquet(tmp_path / "calls.parquet")["cost_usd"]
    assert written.tolist() == pytest.approx(tg.replay(GATEWAY, whole, FAULTS).calls["cost_usd"].tolist(), nan_ok=True)


def test_a_stream_without_prices_or_tokens() -> None:
    """No price is an error of the bill; no tokens are told of once, whatever the number of chunks."""
    with pytest.raises(ReplayError, match="no deployment says a price"):
        tg.replay_stream(config(None), [trace("13:00")]).bill()
    bare = [tg.Trace([f"2026-03-02T{hour}:00Z"]) for hour in (13, 14)]
    with pytest.warns(TimegateWarning, match="no prompt_tokens and no completion_tokens") as caught:
        stream = tg.replay_stream(config(DEAR), bare)
    assert len(caught) == 1
    assert stream.summary()["attempts_of_unknown_cost"] == 2
    with pytest.raises(ReplayError, match="failed must be one of the known ones"):
        stream.bill(failed="inputs")  # type: ignore[arg-type]


def test_bins_of_parts_are_joined_where_they_lie() -> None:
    """Parts without a bin add nothing, and a gap between two is filled with bins of nothing."""

    def part(first: int, *values: int) -> Spent:
        paid = Paid.zero(len(values), 1)
        paid.money[:, 0, ANSWERED, 0] = values
        return Spent(first, paid, Paid.zero(1, 1))

    both = part(10, 1, 2).add(part(0), 60).add(part(14, 5), 60).add(part(11, 7), 60)
    assert (both.first_bin, both.paid.exact(ANSWERED)[:, 0].tolist()) == (10, [1, 9, 0, 0, 5])
    with pytest.raises(ReplayError, match="too many"):
        both.add(part(10**7, 1), 60)


@pytest.mark.parametrize("policy", [{}, {"cooldown": {"failures": 2, "for_s": 60}}])
@pytest.mark.parametrize("fixed", [False, True])
def test_random_days_cost_what_their_replays_do(policy: dict[str, Any], fixed: bool) -> None:
    """Each replica has the figures of money of a replay of its day; all others are as without prices."""
    fields = {"policy": policy} if policy else {}
    gateway = config({**DEAR, "bands": [MORNING]}, CHEAP, **fields)
    traffic = TRAFFIC.trace(seed=5) if fixed else TRAFFIC
    days = tg.monte_carlo(gateway, traffic, FAULTS, replicas=3, seed=4)
    free = tg.monte_carlo(config(None, None, **fields), traffic, FAULTS, replicas=3, seed=4)
    pd.testing.assert_frame_equal(days.replicas[free.replicas.columns], free.replicas)
    for replica in range(3):
        own_seed = int(_hash(f"4\0{replica}", 16), 16)
        day = traffic if fixed else TRAFFIC.trace(own_seed)
        wanted = money(tg.replay(gateway, day, FAULTS.model_copy(update={"seed": own_seed})).summary())
        assert money(days.replicas.loc[replica]).to_dict() == pytest.approx(wanted.to_dict())


@pytest.mark.parametrize("policy", [{}, {"cooldown": {"failures": 2, "for_s": 60}}])
def test_days_that_come_in_parts_cost_the_same(monkeypatch: pytest.MonkeyPatch, policy: dict[str, Any]) -> None:
    """A day that is drawn in parts has the figures of the whole, also where its calls touch each other."""
    gateway = config({**DEAR, "bands": [MORNING]}, CHEAP, **({"policy": policy} if policy else {}))
    whole = tg.monte_carlo(gateway, TRAFFIC, FAULTS, replicas=2, seed=4).replicas
    monkeypatch.setattr(type(TRAFFIC), "chunks", lambda self, seed: self._draw(seed, 50))
    pd.testing.assert_frame_equal(tg.monte_carlo(gateway, TRAFFIC, FAULTS, replicas=2, seed=4).replicas, whole)


def test_random_days_are_compared_in_pairs() -> None:
    """The difference of two prices is known far better than either, for both face the same days."""
    twice = {name: 2 * value for name, value in CHEAP.items()}
    one, other = (tg.monte_carlo(config(price, DEAR), TRAFFIC, FAULTS, replicas=8, seed=1) for price in (CHEAP, twice))
    table = tg.compare(one, other)
    row, alone = table.loc["cost_usd"], other.summary().loc["cost_usd"]
    assert row["mean"] > 0
    assert row["ci_high"] - row["ci_low"] < alone["ci_high"] - alone["ci_low"]
    assert "price_hash" in one.provenance


def test_random_days_without_tokens() -> None:
    """What is paid by token is unknown, which is told once, before any day is drawn."""
    bare = tg.PoissonTraffic(start="2026-03-02T04:00Z", calls=50)
    with pytest.warns(TimegateWarning, match="no prompt_tokens") as caught:
        days = tg.monte_carlo(config(DEAR), bare, replicas=3)
    assert len(caught) == 1
    assert np.isnan(days.replicas["cost_usd"]).all()
    assert (days.replicas["attempts_of_unknown_cost"] == days.replicas["first_choice"]).all()
