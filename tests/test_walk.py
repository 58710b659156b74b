"""Choices judged on what came after them: merit is found, and noise is called noise."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_optimise import START_US, config, deployment

import timegate as tg
from timegate.core.clock import DAY_US
from timegate.engines.progress import listening
from timegate.errors import InvalidTypeError, MissingExtraError, ReplayError, TimegateWarning
from timegate.optimize.evidence import overfitting
from timegate.optimize.walk import walk_forward

NOISE_RUNS = int(os.environ.get("TIMEGATE_NOISE_RUNS", "24"))
BAND = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
STRONG = deployment("strong", None, price={"per_call": 0.01, "bands": [BAND]})
TWO = config(STRONG, deployment("weak"))
SHUT = config(STRONG | {"time_constraints": [["00:00", "24:00"]]}, deployment("weak"))
NOISY = config(  # by prompt or by answer: as dear on average, and of each call another
    deployment("prompt", None, price={"input_per_mtok": 2.0, "output_per_mtok": 0.0}),
    deployment("answer", None, price={"input_per_mtok": 0.0, "output_per_mtok": 2.0}),
)


def trace(days: int, per_day: int = 48, seed: int = 0) -> tg.Trace:
    rng = np.random.default_rng(seed)
    at_us = np.sort(rng.integers(0, days * DAY_US, days * per_day)) + START_US
    at_us[0], at_us[-1] = START_US + 1, START_US + days * DAY_US - 1
    tokens = rng.lognormal(7, 1, (2, len(at_us))).astype(np.int64)
    return tg.Trace.from_arrays(at_us, completion_tokens=tokens[0], prompt_tokens=tokens[1])


def stay(config: tg.GatewayConfig, trace: tg.Trace, scenario: tg.Scenario) -> tg.GatewayConfig:
    return config


def test_merit_is_believed() -> None:
    """Prices that hold next week as they did last week are found, and the saving is that of a replay of those weeks."""
    calls = trace(21)
    walk = walk_forward(TWO, calls, train="7D", test="3D", period="day", step="1h")
    assert len(walk.folds) == 4
    row = walk.table.iloc[0]
    assert row["believed"]
    assert row["low"] > 0.1
    assert row["days"] == 12
    judged = calls.frame["at"].between("2026-03-09T00:00Z", "2026-03-21T00:00Z", inclusive="left").to_numpy()
    before, after = (
        tg.replay(gateway, calls).calls.loc[judged, "cost_usd"].sum() for gateway in (TWO, walk.chosen[0, "optimise"])
    )
    assert len(set(walk.chosen.values())) == 1
    assert row["saved_usd"] == pytest.approx(before - after)
    assert row["share"] == pytest.approx((before - after) / before)
    assert "a saving." in walk.headline
    assert "4 folds, each chosen on 7 days and judged on the 3 days after." in repr(walk)
    assert "optimise saved" in walk._repr_html_()


def test_noise_is_called_noise() -> None:
    """Where prices of each call are chance, the best windows of the past save nothing later, and that is said.

    24 runs here, of which at most 3 may claim a saving (4 or more: 0.3 % of the time); 200 by TIMEGATE_NOISE_RUNS.
    """
    claims = []
    in_sample = []
    for seed in range(NOISE_RUNS):
        calls = trace(24, 48, seed)
        walk = walk_forward(NOISY, calls, train="8D", test="8D", period="day", step="1h")
        claims.append(bool(walk.table["believed"].iloc[0]))
        assert ("no more than noise" in walk.headline) != claims[-1]
        found = tg.optimise(NOISY, calls, period="day", step="1h")
        in_sample.append(found.schedule("today").totals.cost / found.schedule("best").totals.cost - 1)
    assert min(in_sample) > 0.01  # on the very calls that they were chosen on, they all save something
    assert sum(claims) <= max(3, 0.05 * NOISE_RUNS)


def test_several_choices() -> None:
    """Choices by name, each against today; which of them is overfitted, and how likely the best saves anything."""
    open_all: Any = lambda config, trace, scenario: TWO  # noqa: E731 - a choice in a line

    def flip(config: tg.GatewayConfig, trace: tg.Trace, scenario: tg.Scenario) -> tg.GatewayConfig:
        return SHUT if trace.start.day % 2 else TWO

    walk = walk_forward(SHUT, trace(20), train="2D", test="3D", choose={"open": open_all, "flip": flip, "stay": stay})
    assert walk.choices == ["open", "flip", "stay"]
    table = walk.table.set_index("choice")
    assert table.loc["stay", ["saved_usd", "share", "low", "high"]].tolist() == [0, 0, 0, 0]
    assert not table.loc["stay", "believed"]
    assert table.loc["open", "saved_usd"] == table.loc["always open", "saved_usd"]
    assert 0 <= walk.overfitting <= 1
    assert 0 <= walk.deflated <= 1
    assert "The best of 3 choices" in repr(walk)
    assert set(walk.days["choice"]) == {"today", "always open", "open", "flip", "stay"}
    assert walk.days.groupby("choice")["cost_usd"].sum()["today"] == pytest.approx(
        table.loc["stay", "saved_usd"] + walk.days.groupby("choice")["cost_usd"].sum()["stay"]
    )
    alone = walk_forward(SHUT, trace(12), train="2D", test="3D", choose=stay)
    assert alone.choices == ["choice"]
    assert math.isnan(alone.overfitting)
    assert math.isnan(alone.deflated)


def test_what_was_tried_may_be_overfitted() -> None:
    """Of one choice the schedules of all folds are what was tried, or those of their frontiers, too."""
    walk = walk_forward(NOISY, trace(24), train="8D", test="4D", period="day", step="2h")
    tried = list(dict.fromkeys([NOISY, *walk.chosen.values()]))
    assert len(tried) > 2
    days = [pd.Timestamp(fold.test_us, unit="us", tz="UTC") for fold in walk.folds]
    judged = pd.date_range(days[0], periods=16)
    saved = []
    for gateway in tried:
        calls = tg.replay(gateway, walk.trace).calls
        saved.append(calls.groupby(calls["at"].dt.floor("D"))["cost_usd"].sum().reindex(judged).to_numpy())
    gains = np.round(saved[0][:, None] - np.stack(saved, axis=1), 9)
    assert walk.overfitting == overfitting(gains)
    assert f"The best of {len(tried)} schedules that were tried is overfitted with a probability of" in repr(walk)
    flaky = tg.Scenario(faults=[tg.ErrorRate(target=name, rate=0.05) for name in ("prompt", "answer")])
    best, wider = (
        walk_forward(
            NOISY,
            trace(16),
            flaky,
            train="4D",
            test="6D",
            frontier=each,
            period="day",
            step="4h",
            limits={"failed": 0.1},
        )
        for each in (False, True)
    )
    assert wider.chosen == best.chosen
    assert len(wider._tried) > len(best._tried) + 2
    merit = walk_forward(TWO, trace(21), train="7D", test="3D", period="day", step="1h")
    assert merit.overfitting == 0.0


def test_what_fails_more_is_said() -> None:
    """A choice that saves by failing calls is told apart."""
    nobody = config(STRONG, deployment("weak", time_constraints=[["00:00", "24:00"]]))
    down = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-10T00:00Z", end="2026-03-11T00:00Z")])
    walk = walk_forward(TWO, trace(14), down, train="7D", test="3D", choose=lambda c, t, s: nobody)
    more = int(walk.table["failed_more"].iloc[0])
    assert more > 0
    assert f"Up to {more} calls more than today failed" in repr(walk)


def test_days_are_local() -> None:
    """Folds begin at midnights of the zone, also where a day has 23 hours."""
    calls = tg.Trace(pd.date_range("2026-03-24T23:30Z", "2026-04-03T21:30Z", freq="1h"))
    walk = walk_forward(TWO, calls, train="3D", test="3D", choose=stay, tz="Europe/Berlin")
    starts = [pd.Timestamp(fold.test_us, unit="us", tz="UTC").tz_convert("Europe/Berlin") for fold in walk.folds]
    assert [str(start) for start in starts] == ["2026-03-28 00:00:00+01:00", "2026-03-31 00:00:00+02:00"]
    today = walk.days[walk.days["choice"] == "today"]
    assert today["calls"].sum() == 6 * 24 - 1
    assert {str(day)[11:19] for day in today["day"]} == {"00:00:00"}


def test_a_few_days_tell_nothing() -> None:
    walk = walk_forward(TWO, trace(4), train="2D", test="2D", period="day", step="6h")
    assert not walk.table["believed"].any()
    assert walk.headline.endswith("too few to tell.")


def test_an_interrupt_ends_all_folds() -> None:
    """A fold whose search was ended early is no evidence: Ctrl-C ends the walk."""

    def stop(unit: str, number: int, total: int | None) -> None:
        if unit == "program":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), listening(stop):
        walk_forward(TWO, trace(14), train="7D", test="3D", period="day", step="6h")


def test_the_reality_check() -> None:
    """That of arch, where it is installed: small for merit, 1 for none."""
    walk = walk_forward(SHUT, trace(24), train="3D", test="7D", choose={"open": lambda c, t, s: TWO, "stay": stay})
    bootstrap = pytest.importorskip("arch.bootstrap")
    today, opened = (walk.days[walk.days["choice"] == name]["cost_usd"].to_numpy() for name in ("today", "open"))
    theirs = bootstrap.SPA(today, opened, block_size=7, reps=1000, bootstrap="moving block", seed=0)
    theirs.compute()
    assert walk.reality_check() == pytest.approx(theirs.pvalues["consistent"])
    assert walk.reality_check() < 0.1
    shut = walk_forward(TWO, trace(24), train="3D", test="7D", choose={"shut": lambda c, t, s: SHUT, "stay": stay})
    assert shut.reality_check() == 1.0
    noise = walk_forward(NOISY, trace(24), train="3D", test="7D", period="day", step="4h")
    assert noise.reality_check() > 0.05


def test_the_reality_check_needs_arch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    walk = walk_forward(TWO, trace(6), train="3D", test="3D", choose=stay)
    with pytest.raises(MissingExtraError, match=r"timegate\[evidence\]"):
        walk.reality_check()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "the trace must last 35 days, to choose on 28 and to judge on 7. It has 14 days"),
        ({"train": "36h"}, "train must be whole days, such as '28D'. Got '36h'"),
        ({"test": "long"}, "must be a fixed length of time"),
        ({"train": "3D", "choose": {}}, "at least one function"),
        ({"train": "3D", "choose": stay, "step": "1h"}, "'step' is an option of optimise"),
        ({"train": "3D", "step": "7min"}, "step must be whole minutes"),
        ({"train": "3D", "choose": stay, "frontier": True}, "frontier is that of optimise"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        walk_forward(TWO, trace(14), **arguments)


def test_bad_types() -> None:
    calls = trace(14)
    with pytest.raises(InvalidTypeError, match="config must be a GatewayConfig"):
        walk_forward(3, calls)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="traffic must be a Trace"):
        walk_forward(TWO, 3)  # type: ignore[arg-type]
    for choose in ("best", {"today": stay}, {1: stay}):
        with pytest.raises(InvalidTypeError, match="choose must be a function"):
            walk_forward(TWO, calls, train="3D", choose=choose)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"choose must return a GatewayConfig\. 'choice' returned None"):
        walk_forward(TWO, calls, train="3D", choose=lambda c, t, s: None)  # type: ignore[arg-type, return-value]


def test_money_that_is_not_known() -> None:
    free = config(deployment("a", None))
    with pytest.raises(ReplayError, match="no deployment says a price"):
        walk_forward(free, trace(14), train="3D", choose=stay)
    calls = tg.Trace(pd.date_range("2026-03-02T00:30Z", periods=14 * 24, freq="1h"))
    with pytest.warns(TimegateWarning), pytest.raises(ReplayError, match="the cost of 336 calls is not known"):
        walk_forward(NOISY, calls, train="3D", choose=stay)


def test_a_stretch_without_calls() -> None:
    at = pd.date_range("2026-03-02T00:30Z", periods=14 * 24, freq="1h")
    calls = tg.Trace(at[(at.day < 5) | (at.day > 9)])
    with pytest.raises(ReplayError, match="no calls from 2026-03-05"):
        walk_forward(TWO, calls, train="3D", test="3D", choose=stay)
