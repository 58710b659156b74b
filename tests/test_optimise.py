"""Choosing windows: exact where calls share no state, and every schedule as its replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import timegate as tg
from timegate.core.clock import DAY_US, to_us
from timegate.engines.progress import listening
from timegate.errors import InvalidTypeError, ReplayError
from timegate.optimize import choose
from timegate.optimize.choose import optimise
from timegate.optimize.grid import Grid
from timegate.optimize.limits import figure_of, late_us, measured, rows_of
from timegate.optimize.proposals import Proposals
from timegate.optimize.schedule import windows_of_slots, with_windows
from timegate.optimize.slots import Totals, members, slot_costs

START_US = to_us("2026-03-02T00:00Z", "start")  # a Monday
PEAK = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}


def deployment(name: str, per_call: float | None = 0.02, **fields: Any) -> dict[str, Any]:
    price = {} if per_call is None else {"price": {"per_call": per_call}}
    return {"model_name": name, "model": f"sim/{name}"} | price | fields


def config(*deployments: dict[str, Any], **fields: Any) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=list(deployments), **fields)


STRONG = deployment("strong", None, price={"per_call": 0.01, "bands": [PEAK]})
TWO = config(STRONG, deployment("weak"))


def trace(days: int = 1, per_day: int = 288, seed: int = 0, **columns: Any) -> tg.Trace:
    """Return arrivals at random instants, of which the first and the last minute have one."""
    at_us = np.random.default_rng(seed).integers(0, days * DAY_US, days * per_day)
    at_us = np.sort(np.concatenate([at_us, [60_000_000, days * DAY_US - 60_000_000]])) + START_US
    return tg.Trace.from_arrays(at_us, **columns)


def replayed(proposals: Proposals, name: str) -> Totals:
    priced = any(d.price is not None for d in proposals.config.deployments)
    return Totals.of(tg.replay(proposals.schedule(name).config, proposals.trace, proposals.scenario), priced)


# -- the costs of slots ---------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 99),
    step=st.sampled_from(["15min", "1h", "6h"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    free=st.sampled_from([(0, 1, 2), (0, 2), (1,)]),
    retries=st.booleans(),
    shuffled=st.booleans(),
)
def test_slots_add_up_to_the_replay(
    seed: int, step: str, zone: str, free: tuple[int, ...], retries: bool, shuffled: bool
) -> None:
    """Any schedule replayed costs what its slots say, to the last call, pico-dollar and microsecond.

    With attempts that last for hours, so that many outlast their slot, retries after pauses, outages, errors, prices by
    the hour, preferences, orders by chance and by the hour, and a change of the clocks.
    """
    policy = {"max_retries": 2, "deadline_s": 7200, "backoff": {"initial_s": 600, "max_s": 1200}} if retries else None
    order = {"priority": 1, "weight": 2} if shuffled else {}
    night = [{"start": "20:00", "end": "04:00"}]
    gateway = config(
        deployment("a", None, price={"input_per_mtok": 2.0, "output_per_mtok": 5.0, "bands": [PEAK]}, **order),
        deployment("b", 0.003, time_constraints=[["01:00", "02:30"]], **order),
        deployment("c", 0.01, prefer_during=night, available=[["00:00", "22:00"]], **order),
        **({"policy": policy} if policy else {}),
    )
    rng = np.random.default_rng(seed)
    size = 7 * 40 + 2
    calls = trace(
        7,
        40,
        seed,
        preferred=rng.integers(-1, 2, size).astype(np.int32),
        preferred_names=["b", "c"],
        prompt_tokens=rng.integers(100, 2000, size),
        completion_tokens=rng.integers(0, 500, size),
    )
    slow = [tg.Latency(target=name, median_s=median) for name, median in (("a", 4000), ("b", 300), ("c", 20))]
    outage = tg.Outage(target="a", start="2026-03-04T10:00Z", end="2026-03-04T15:00Z", after_s=90)
    rates = [tg.ErrorRate(target=name, rate=0.3) for name in "abc"]
    scenario = tg.Scenario(faults=[*slow, outage, *rates], seed=seed)
    grid = Grid.of("week", step, zone)
    costs = slot_costs(gateway.router(), calls, scenario, grid, free, [400_000_000])
    least = 0 if len(free) < 3 else 1
    chosen = rng.integers(least, 1 << len(free), len(grid))
    is_open = members(len(free))[chosen]
    windows = {"abc"[i]: windows_of_slots(~column, grid) for i, column in zip(free, is_open.T, strict=True)}
    run = tg.replay(with_windows(gateway, windows), calls, scenario)
    assert costs.totals(chosen) == Totals.of(run, priced=True)
    served = run.calls["served_by"].notna()
    late = int((run.calls["latency_s"][served] > 400).sum())
    assert int(costs.late[400_000_000][np.arange(len(grid)), chosen].sum()) == late


def test_slots_of_nothing_open_serve_nobody() -> None:
    """The empty set is no replay, and fails every call; where others are fixed, they serve."""
    grid = Grid.of("day", "6h", "UTC")
    alone = slot_costs(TWO.router(), trace(), tg.Scenario(), grid, (0, 1))
    assert (alone.unserved[:, 0] == alone.calls).all()
    beside = slot_costs(TWO.router(), trace(), tg.Scenario(), grid, (0,))
    assert (beside.unserved == 0).all()
    assert alone.totals(np.full(4, 3)) == beside.totals(np.full(4, 1))


# -- the choice -----------------------------------------------------------------------------------------------------


def test_a_planted_truth_is_found() -> None:
    """Where strong costs three times as much in the peak, and weak twice, the peak is what closes strong."""
    found = optimise(TWO, trace(), period="day", step="30min")
    assert found.best.deployments[0].time_constraints == (tg.Window("08:00", "18:00", end_included=False),)
    assert found.best.deployments[1].time_constraints == ()
    assert found.best.windows == {"day": tg.Window("08:00", "18:00", end_included=False)}
    assert found.gap == pytest.approx(0, abs=1e-9)
    assert not found.heuristic
    assert found.schedule("best").totals == replayed(found, "best")


def test_a_planted_week_is_found_in_its_zone() -> None:
    """Prices by weekday and local hour come out as windows of those days, in that zone."""
    hours = {"start": "09:00", "end": "17:00", "tz": "Europe/Berlin", "days": "mon-fri", "end_included": False}
    strong = deployment("strong", None, price={"per_call": 0.01, "bands": [{"windows": [hours], "times": 3}]})
    found = optimise(config(strong, deployment("weak")), trace(14, 200), step="1h", tz="Europe/Berlin")
    assert found.best.deployments[0].time_constraints == (tg.Window(**hours),)
    assert found.words == "the same hours on weekdays, and at weekends, whole hours"


def test_what_costs_nothing_stays_simple() -> None:
    """A quarter of an hour that saves next to nothing is not cut out: whole hours, within the tolerance, or it is."""
    odd = {"windows": [{"start": "08:15", "end": "18:00", "end_included": False}], "times": 3}
    gateway = config(deployment("strong", None, price={"per_call": 0.01, "bands": [odd]}), deployment("weak"))
    rough = optimise(gateway, trace(), period="day", tolerance=0.05)
    assert rough.best.deployments[0].time_constraints == (tg.Window("08:00", "18:00", end_included=False),)
    assert 0 < rough.gap < 0.05
    exact = optimise(gateway, trace(), period="day", tolerance=0)
    assert exact.best.deployments[0].time_constraints == (tg.Window("08:15", "18:00", end_included=False),)
    assert exact.gap == pytest.approx(0, abs=1e-9)
    assert exact.words == "the same hours every day, steps of 15 min"


RISKY = tg.Scenario(
    faults=[
        tg.ErrorRate(target="strong", rate=0.02),
        tg.ErrorRate(target="weak", rate=0.2),
        tg.Latency(target="strong", median_s=6, p99_s=20),
        tg.Latency(target="weak", median_s=1, p99_s=3),
    ],
    seed=4,
)


def test_every_schedule_replays_to_its_figures() -> None:
    """Each row of the frontier, replayed, has its cost, its failures and its waiting, and none is beaten on both."""
    found = optimise(TWO, trace(7), RISKY, step="1h", limits={"failed": 0.02})
    assert len(found.frontier) > 5
    for name in found.frontier["schedule"]:
        assert replayed(found, name) == found.schedule(name).totals
    shown = found.frontier.set_index("schedule")
    run = tg.replay(found.best, found.trace, RISKY)
    assert shown.loc["best", "cost_usd"] == run.summary()["cost_usd"]
    assert shown.loc["best", "failed"] == pytest.approx(1 - run.summary()["availability"], abs=1e-12)
    assert shown.loc["best", "failed"] <= 0.02
    assert shown.loc["best", "latency_mean_s"] == pytest.approx(run.summary()["latency_mean_s"])
    proposed = shown[shown.index.str.startswith("proposal")]
    assert proposed["cost_usd"].is_monotonic_increasing
    assert proposed["failed"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("name", "limit"),
    [("failed", 0.004), ("latency_mean_s", 4.0), ("latency_p95_s", 12.0), ("latency_p50_s", 2.0), ("cost_usd", 31.0)],
)
def test_limits_are_kept(name: str, limit: float) -> None:
    """What is not kept without a limit is kept with it, and a replay says so."""
    goal: Any = "failed" if name == "cost_usd" else "cost"
    free = optimise(TWO, trace(7), RISKY, step="2h", minimise=goal, limits={"failed": 1.0})
    kept = optimise(TWO, trace(7), RISKY, step="2h", minimise=goal, limits={"failed": 1.0, name: limit})
    before, after = (figure_of(tg.replay(found.best, found.trace, RISKY), name) for found in (free, kept))
    assert after <= limit < before


def test_no_more_calls_fail_than_today_unless_one_says_so() -> None:
    """What fails costs nothing, so without a limit of its own a schedule keeps today's failures, to the call."""
    found = optimise(TWO, trace(7), RISKY, step="2h")
    today, best = (found.schedule(name).totals.unserved for name in ("today", "best"))
    assert found.limits == {"failed": today / len(found.trace)}
    assert 0 < best <= today
    cheap = optimise(TWO, trace(7), RISKY, step="2h", limits={"failed": 1.0})
    assert cheap.schedule("best").totals.unserved > today


def test_a_quantile_is_a_sum() -> None:
    """A row keeps its limit only if NumPy's quantile does, and if not at most a call is to blame."""
    grid = Grid.of("day", "6h", "UTC")
    calls, rng = trace(), np.random.default_rng(0)
    limits = {"latency_p95_s": 9.0}
    costs = slot_costs(TWO.router(), calls, RISKY, grid, (0, 1), late_us(limits))
    (row,) = rows_of(costs, limits)
    seen = set()
    for _ in range(40):
        chosen = rng.integers(1, 4, 4)
        windows = {
            name: windows_of_slots(~column, grid)
            for name, column in zip(("strong", "weak"), members(2)[chosen].T, strict=True)
        }
        quantile = figure_of(tg.replay(with_windows(TWO, windows), calls, RISKY), "latency_p95_s")
        keeps = row.of(chosen) <= row.most
        assert keeps <= (quantile <= 9.0)
        assert keeps or quantile > 9.0 or row.of(chosen) - row.most < 100
        seen.add(keeps)
    assert seen == {True, False}


def test_fixed_is_kept() -> None:
    """A deployment that is fixed keeps its windows of today; one that must be closed then, or open, is."""
    weak = deployment("weak", time_constraints=[["12:00", "13:00"]])
    maintenance = {"start": "03:00", "end": "04:00", "end_included": False}
    busy = {"start": "09:00", "end": "10:00", "end_included": False}
    found = optimise(
        config(STRONG, weak),
        trace(),
        period="day",
        step="30min",
        fixed=["weak", ("strong", "closed", maintenance), ("strong", "open", busy)],
        most_windows=3,
    )
    assert found.best.deployments[1] == found.config.deployments[1]
    closed = {f"{w.start}-{w.end}" for w in found.best.deployments[0].time_constraints}
    assert closed == {"13:00-18:00", "10:00-12:00", "03:00-04:00"}
    assert not found.best.explain("2026-03-02T03:30Z").rows[0]["open"]
    assert found.best.explain("2026-03-02T09:30Z").rows[0]["open"]
    assert found.schedule("best").totals == replayed(found, "best")
    assert found.schedule("best").totals.unserved <= found.schedule("today").totals.unserved


def test_windows_and_their_lengths_are_bounded() -> None:
    """One window a day, no shorter than asked, although two short ones would be cheaper."""
    peaks = [{"start": s, "end": e, "end_included": False} for s, e in (("08:00", "09:00"), ("14:00", "15:00"))]
    strong = deployment("strong", None, price={"per_call": 0.01, "bands": [{"windows": peaks, "times": 9}]})
    two = config(strong, deployment("weak", 0.012))
    free = optimise(two, trace(), period="day", step="30min")
    assert len(free.best.deployments[0].time_constraints) == 2
    one = optimise(two, trace(), period="day", step="30min", most_windows=1)
    assert len(one.best.deployments[0].time_constraints) == 1
    long = optimise(two, trace(), period="day", step="30min", shortest="3h")
    for window in long.best.deployments[0].time_constraints:
        ((start, end),) = window.spans("2026-03-02T00:00Z", "2026-03-02T23:59Z")
        assert (end - start).total_seconds() >= 3 * 3600 - 1
    none = optimise(two, trace(), period="day", step="30min", most_windows=0)
    assert none.best.deployments[0].time_constraints in ((), (tg.Window("00:00", "24:00"),))


def test_slots_without_calls_stay_as_they_are() -> None:
    """Nights without calls keep today's windows, and the proposal says how many slots told nothing."""
    at = pd.date_range("2026-03-02T08:00Z", "2026-03-08T20:00Z", freq="10min")
    gateway = config(
        STRONG | {"time_constraints": [{"start": "01:00", "end": "04:00", "end_included": False}]}, deployment("weak")
    )
    calls = tg.Trace(at[(at.hour >= 8) & (at.hour < 20)])
    found = optimise(gateway, calls, step="1h", time_limit_s=3600)
    windows = found.best.deployments[0].time_constraints
    assert tg.Window("01:00", "04:00", end_included=False) in windows
    assert tg.Window("08:00", "18:00", end_included=False) in windows
    assert found.notes == ["84 of 168 slots have no calls: they stay as they are today"]


def test_a_search_that_time_ends_says_so() -> None:
    """And what would make it shorter; a search that ends by itself says nothing of it."""
    at = pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min")
    gateway = config(STRONG, deployment("weak"))
    for limit_s, said in ((0.0, True), (3600.0, False)):
        found = optimise(gateway, tg.Trace(at), period="day", time_limit_s=limit_s)
        assert any("time_limit_s ended the search" in note for note in found.notes) is said


def test_nothing_to_gain_changes_nothing() -> None:
    """Where no schedule is cheaper by more than the tolerance, the best is today's, windows and names and all."""
    today = config(
        deployment("a", time_constraints=["odd"]), deployment("b", 0.0200001), windows={"odd": ["02:07", "05:31"]}
    )
    found = optimise(today, trace(), period="day")
    assert found.best == today
    assert found.words == "the windows of today"
    assert found.headline == "No change of windows is worth it."
    assert 0 <= found.gap < 0.002
    assert not found.diff
    assert found.windows.empty
    moved = optimise(today, trace(), period="day", fixed=[("a", "open", ["04:00", "05:00"])])
    assert moved.best != today
    strict = optimise(TWO, trace(), RISKY, period="day", tolerance=9.0, limits={"failed": 1, "latency_mean_s": 4.0})
    assert strict.best != TWO  # today's waits longer


def test_what_each_window_is_worth() -> None:
    """Without the window, the replay costs as much more as the table says."""
    found = optimise(TWO, trace(), RISKY, period="day", step="30min", limits={"failed": 0.1}, fixed=["weak"])
    row = found.windows.iloc[0]
    data = found.best.to_dict()
    data["deployments"][0]["time_constraints"].remove(row["window"])
    without = tg.replay(tg.GatewayConfig.model_validate(data), found.trace, RISKY).summary()
    best = tg.replay(found.best, found.trace, RISKY).summary()
    assert (row["deployment"], row["window"], row["when"]) == (
        "strong",
        "day",
        "08:00-18:00 UTC, end not included, daily",
    )
    assert row["saves_usd"] == pytest.approx(without["cost_usd"] - best["cost_usd"])
    assert row["costs_calls"] == round((without["availability"] - best["availability"]) * len(found.trace))
    assert row["waits_s"] == pytest.approx(best["latency_mean_s"] - without["latency_mean_s"])


def test_what_it_says() -> None:
    """In words: what is saved, on which calls, what it keeps to, how far from the best, and who closes when."""
    found = optimise(TWO, trace(), period="day", step="30min", limits={"failed": 0.001})
    text = repr(found)
    assert text.startswith("The best schedule saves 1.17 of 5.2 USD (22.5%)") or "saves" in text.splitlines()[0]
    assert "failed at most 0.100%" in text
    assert "No schedule on these slots is better" in text
    assert "chosen on these very calls" in text
    assert "  strong: closed 08:00-18:00 UTC, end not included, daily\n  weak: closed never" in text
    assert "from 08:00 to 18:00 UTC every day" in str(found.diff)
    html = found._repr_html_()
    assert "always open" in html
    assert "&lt;" not in html


def test_shared_state_is_a_heuristic_and_no_worse_than_its_start() -> None:
    """With a limit on requests the sums of slots are wrong: schedules are tried by replay, and figures are those."""
    weak = deployment("weak", 0.02, policy={"limits": {"requests_per_min": 2}})
    found = optimise(config(STRONG, weak), trace(1, 2000), RISKY, period="day", step="4h", limits={"failed": 0.1})
    assert found.heuristic
    assert np.isnan(found.gap)
    assert found.schedule("best").totals == replayed(found, "best")
    assert found.schedule("best").totals.failed <= 0.1
    assert "Heuristic" in repr(found)


@pytest.mark.parametrize("quantile", ["latency_p50_s", "latency_p95_s"])
def test_quantiles_hold_where_calls_share_state(quantile: str) -> None:
    """By exact replay, and not by sums: what is proposed keeps the quantile that NumPy reads of its calls."""
    weak = deployment("weak", 0.02, policy={"limits": {"requests_per_min": 2}})
    slow = [tg.Latency(target="strong", median_s=4.0, p99_s=20.0), tg.Latency(target="weak", median_s=1.0, p99_s=5.0)]
    scenario = tg.Scenario(faults=[*slow, tg.ErrorRate(target="weak", rate=0.1)])
    day, limit = trace(1, 1000), {"latency_p50_s": 1.5, "latency_p95_s": 8.0}[quantile]
    free = optimise(config(STRONG, weak), day, scenario, period="day", step="4h", limits={"failed": 1})
    found = optimise(
        config(STRONG, weak), day, scenario, period="day", step="4h", limits={"failed": 1, quantile: limit}
    )
    latency_s = [tg.replay(each.best, day, scenario).calls["latency_s"].dropna() for each in (free, found)]
    before, after = (float(np.percentile(each, int(quantile[9:11]))) for each in latency_s)
    assert found.heuristic
    assert after <= limit
    assert after < before
    assert found.schedule("best").totals == replayed(found, "best")


def test_rows_are_measured_of_replays_as_of_slots() -> None:
    """Where calls share nothing, a replay comes to what the sums of slots say, in each limit."""
    limits = {"failed": 0.1, "latency_mean_s": 2.0, "latency_p95_s": 3.0, "cost_usd": 4.0}
    grid = Grid.of("day", "6h", "UTC")
    costs = slot_costs(TWO.router(), trace(), RISKY, grid, (0, 1), late_us(limits))
    run = tg.replay(TWO, trace(), RISKY)
    everything = np.full(4, 3)
    assert measured(run, limits) == [row.of(everything) for row in rows_of(costs, limits)]


def test_limits_hold_where_calls_share_state() -> None:
    """What no search finds is said with what the best one comes to."""
    weak = deployment("weak", 0.02, policy={"limits": {"requests_per_min": 1}})
    with pytest.raises(ReplayError, match=r"no schedule was found that keeps the limits: failed 0\.\d+% where 0\.000%"):
        optimise(config(STRONG, weak), trace(1, 500), RISKY, period="day", step="6h", limits={"failed": 0.0})


@pytest.mark.parametrize("after", [1, 2, 3])
def test_an_interrupt_gives_the_best_so_far(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during the two programs ends the search; before there is anything to give, that is today's windows."""
    solved, calls = choose.solve, []

    def solve(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) >= after:
            raise KeyboardInterrupt
        return solved(*arguments)

    monkeypatch.setattr(choose, "solve", solve)
    found = optimise(TWO, trace(), period="day", step="30min")
    assert found.interrupted == (after < 3)
    assert ("interrupted" in repr(found)) == found.interrupted
    assert np.isnan(found.gap) == found.interrupted
    assert (found.best == TWO) == (after == 1)
    assert found.schedule("best").totals == replayed(found, "best")


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_interrupt_during_the_replays_leaves_todays_windows(after: int) -> None:
    """Of slots nothing can be chosen yet: today's windows are proposed, and the first line says why."""

    def stop(unit: str, number: int, total: int | None) -> None:
        if unit == "replay" and number == after:
            raise KeyboardInterrupt

    with listening(stop):
        found = optimise(TWO, trace(), period="day", step="30min", limits={"failed": 0.5})
    assert found.interrupted
    assert found.best == TWO
    assert found.headline == "The search was interrupted before it had found other windows: these are today's."
    assert "Its windows" not in repr(found)
    assert found.frontier["schedule"].tolist() == ["best", "today"]
    assert found.schedule("best").totals == replayed(found, "best")
    assert found.windows.empty


def test_an_interrupt_need_not_wait_for_the_program() -> None:
    """Whoever listens is asked while HiGHS works: the search ends there and then, with what was found before."""

    def stop(unit: str, number: int, total: int | None) -> None:
        if unit == "":
            raise KeyboardInterrupt

    with listening(stop):
        assert optimise(TWO, trace(), period="day", step="30min").best == TWO


def test_an_interrupt_ends_the_search_by_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of shared state, too, the best so far is given."""

    def interrupted(program: Any, start: Any, score: Any, until_s: float) -> Any:
        return improved(program, start, lambda chosen: score(chosen) if chosen is start else stop(), until_s)

    def stop() -> Any:
        raise KeyboardInterrupt

    improved = choose.improved
    monkeypatch.setattr(choose, "improved", interrupted)
    weak = deployment("weak", 0.02, policy={"limits": {"requests_per_min": 60}})
    found = optimise(config(STRONG, weak), trace(), period="day", step="6h")
    assert found.interrupted
    assert found.heuristic
    assert found.schedule("best").totals == replayed(found, "best")


# -- bad input ------------------------------------------------------------------------------------------------------


def test_limits_that_no_schedule_keeps() -> None:
    """The message says which, and the least that can be had: here strong and weak both fail in 2 % of 20 %."""
    with pytest.raises(ReplayError, match=r"keeps the limit failed 0\.000%: the least is failed 0\.\d+%"):
        optimise(TWO, trace(7), RISKY, step="6h", limits={"failed": 0.0})
    with pytest.raises(ReplayError, match=r"keeps the limit cost_usd 1: the least is cost_usd [\d.]+"):
        optimise(TWO, trace(7), RISKY, step="6h", limits={"failed": 1, "cost_usd": 1.0})
    with pytest.raises(ReplayError, match=r"keeps the limit latency_p95_s 100000 µs|latency_p95_s 0\.1 s: the least"):
        optimise(TWO, trace(7), RISKY, step="6h", limits={"failed": 1, "latency_p95_s": 0.1})
    with pytest.raises(
        ReplayError, match=r"failed 0\.500% and latency_p50_s 1\.5 s together: with the others kept, the least"
    ):
        optimise(TWO, trace(7), RISKY, step="6h", limits={"failed": 0.005, "latency_p50_s": 1.5})


def test_windows_that_no_schedule_has() -> None:
    with pytest.raises(ReplayError, match="no schedule keeps to most_windows, shortest and fixed"):
        optimise(TWO, trace(), period="day", step="1h", most_windows=0, fixed=[
            ("strong", "closed", {"start": "01:00", "end": "02:00", "end_included": False}),
            ("strong", "open", {"start": "02:00", "end": "03:00", "end_included": False}),
        ])  # fmt: skip


def test_fixed_leaves_somebody() -> None:
    night = {"start": "00:00", "end": "06:00", "end_included": False}
    with pytest.raises(ReplayError, match="leaves 6 slots of 24 in which nobody may be open"):
        optimise(TWO, trace(), period="day", step="1h", fixed=[("strong", "closed", night), ("weak", "closed", night)])
    with pytest.raises(ReplayError, match="names every deployment"):
        optimise(TWO, trace(), period="day", fixed=["strong", "weak"])


def test_twenty_deployments() -> None:
    """The message says in how many ways they can be open, how long that takes, and what is possible."""
    many = config(*(deployment(f"d{i}") for i in range(20)))
    with pytest.raises(ReplayError, match=r"20 deployments.*1,048,575 ways.* in all.* up to 11 deployments.*fixed"):
        optimise(many, trace(), period="day", step="15min")
    names = [f"d{i}" for i in range(2, 20)]
    assert optimise(many, trace(), period="day", step="1h", fixed=names).gap == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"minimise": "costs"}, "minimise must be one of the known ones. Got 'costs'. Did you mean 'cost'"),
        ({"limits": {"fail": 0.1}}, "limits must name figures of a schedule. Got 'fail'. Did you mean 'failed'"),
        ({"limits": {"latency_p0_s": 1}}, "limits must name"),
        ({"limits": {"cost_eur": 1}}, "limits must name"),
        ({"limits": {"failed": 1.5}}, r"limits\['failed'\] must be a share, 0 to 1. Got 1.5"),
        ({"limits": {"latency_p95_s": float("nan")}}, "not below 0. Got nan"),
        ({"limits": {"latency_p95_s": True}}, "not below 0. Got True"),
        ({"most_windows": -1}, "most_windows must be a whole number"),
        ({"most_windows": True}, "most_windows must be a whole number"),
        ({"shortest": "2D"}, "shortest must not be longer than the period"),
        ({"shortest": "long"}, "must be a fixed length of time"),
        ({"step": "7min"}, "step must be whole minutes that divide a day"),
        ({"period": "month"}, "period must be 'week' or 'day'"),
        ({"window_price": -1}, "window_price must be a number"),
        ({"tolerance": "much"}, "tolerance must be a number"),
        ({"time_limit_s": float("inf")}, "time_limit_s must be a number"),
        ({"period": "week"}, "as long as the period, a week. It lasts 23 h 5. min: pass period='day'"),
        ({"fixed": ["strnog"]}, "Did you mean 'strong'"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        optimise(TWO, trace(), **({"period": "day"} | arguments))


def test_traces_that_are_too_short() -> None:
    """A week may begin and end quietly, but not lack days; a day at the hourly cron's pace is one."""
    at = pd.date_range("2026-03-02T12:00Z", "2026-03-08T11:00Z", freq="1h")
    with pytest.raises(ReplayError, match=r"as long as the period, a week. It lasts 143 h: pass period='day'"):
        optimise(TWO, tg.Trace(at))
    with pytest.raises(ReplayError, match=r"as long as the period, a day. It lasts 19 h\.$"):
        optimise(TWO, tg.Trace(at[:20]), period="day")
    assert optimise(TWO, tg.Trace(at[:24]), period="day").best != TWO


def test_bad_types() -> None:
    with pytest.raises(InvalidTypeError, match="config must be a GatewayConfig"):
        optimise(TWO.router(), trace(), period="day")  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"a table or a path. Got PoissonTraffic. Draw one"):
        optimise(TWO, tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=100))  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="limits must be a mapping"):
        optimise(TWO, trace(), period="day", limits=0.1)  # type: ignore[arg-type]


def test_without_prices() -> None:
    """Costs need every price; failures need none, and then the table has no costs."""
    free = config(deployment("a", None), deployment("b", None))
    with pytest.raises(ReplayError, match="no deployment says one"):
        optimise(free, trace(), period="day")
    with pytest.raises(ReplayError, match="'b' does not say one"):
        optimise(config(deployment("a"), deployment("b", None)), trace(), period="day")
    found = optimise(
        free, trace(), tg.Scenario(faults=[tg.ErrorRate(target="a", rate=0.5)]), period="day", minimise="failed"
    )
    assert found.frontier["cost_usd"].isna().all()
    assert "USD" not in found.headline
    by_token = config(deployment("a", None, price={"input_per_mtok": 2.0, "output_per_mtok": 1.0}))
    with pytest.raises(ReplayError, match="cost of 290 calls is not known, as the trace does not say their tokens"), \
            pytest.warns(tg.TimegateWarning):  # fmt: skip
        optimise(by_token, trace(), period="day")


def test_names_of_schedules() -> None:
    found = optimise(TWO, trace(), period="day", step="6h")
    with pytest.raises(ReplayError, match=r"no schedule is called 'beest'. Did you mean 'best'\?"):
        found.schedule("beest")
