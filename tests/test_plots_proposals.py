"""Choices of windows as figures: what was drawn, read back from the Axes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, row_labels, texts
from test_optimise import RISKY, STRONG, TWO, config, deployment, trace

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError
from timegate.optimize.proposals import Proposals

pytestmark = pytest.mark.usefixtures("closed_figures")


@cache
def found(period: Any = "week") -> Proposals:
    weak = deployment("weak", 0.02, time_constraints=[{"start": "02:00", "end": "04:00", "end_included": False}])
    today = config(STRONG, weak)
    return tg.optimise(today, trace(7), RISKY, period=period, step="1h", limits={"failed": 0.03}, most_windows=1)


def test_the_frontier_is_the_table() -> None:
    """Its points are the rows of the table, the named ones marked and the limit dashed."""
    ax = plots.frontier(found())
    table = found().frontier
    drawn = [(x, y) for line in ax.lines[:-1] for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    assert sorted(drawn) == sorted(zip(table["failed"], table["cost_usd"], strict=True))
    assert list(ax.lines[-1].get_xdata()) == [0.03, 0.03]
    assert set(texts(ax)) == {"the cheapest", "best", "today", "always open", "limit"}
    assert ax.get_ylabel() == "cost (USD)"
    assert_labels_keep_apart(ax)


@pytest.mark.parametrize("period", ["week", "day"])
def test_a_schedule_is_its_slots(period: str) -> None:
    """Row by row the bars are as long as the slots of each kind, and the strips as the bands."""
    proposals = found(period)
    ax = plots.schedule(proposals)
    slots = proposals.slots()
    days = 7 if period == "week" else 1
    assert len(row_labels(ax)) == 2 * days
    assert row_labels(ax)[0].startswith("strong  ")
    hours = np.zeros((2 * days, 2))
    for bars in ax.collections:
        for path in bars.get_paths():
            box = path.get_extents()
            kind = 0 if box.height > 0.3 else 1
            hours[round((box.y0 + box.y1) / 2), kind] += box.width
    own = [part for _, part in slots.groupby(["deployment", "day"], sort=False)]
    assert hours[:, 0].tolist() == pytest.approx([float((part["today"] | part["schedule"]).sum()) for part in own])
    assert hours[:, 1].tolist() == pytest.approx([float(part["band"].sum()) for part in own])
    assert hours[0, 1] == 10
    assert "closes" in texts(ax)
    assert "a band of its price" in texts(ax)
    assert_nothing_is_cut(ax)
    assert_labels_keep_apart(ax)


def test_slots_are_the_windows() -> None:
    """The table says of each slot what the configs say of its middle."""
    slots = found().slots()
    for column, gateway in (("today", found().config), ("schedule", found().best)):
        for place in (0, 3, 9, 30, 100, 167):
            at = f"2026-03-0{2 + place // 24}T{place % 24:02}:30Z"
            rows = gateway.explain(at).rows
            assert [bool(row["open"]) for row in rows] == slots[column].to_numpy().reshape(2, -1)[:, place].tolist()


def test_walking_forward_adds_up() -> None:
    """Each line ends at what the table says was saved, and its bar is the interval."""
    walk = tg.walk_forward(TWO, trace(14), train="5D", test="3D", period="day", step="1h")
    ax = plots.walk_forward(walk)
    table = walk.table
    lines = [line for line in ax.lines if len(line.get_xdata()) == len(walk.days["day"].unique()) + 1]
    assert [line.get_ydata()[-1] for line in lines] == pytest.approx(table["saved_usd"].tolist())
    whole = walk.days.loc[walk.days["choice"] == "today", "cost_usd"].sum()
    bars = [line.get_ydata() for line in ax.lines if line.get_linewidth() == 3]
    assert [list(bar) for bar in bars] == [
        pytest.approx([low * whole, high * whole]) for low, high in table[["low", "high"]].to_numpy()
    ]
    assert texts(ax)[0].startswith("optimise: ")
    assert texts(ax)[0].endswith("a saving")
    assert_labels_keep_apart(ax)


def test_schedules_that_meet_in_a_point_are_each_seen() -> None:
    """The axis of shares keeps to what can be, and of three marks in one place none hides another."""
    always = tg.optimise(config(STRONG), trace(7), tg.Scenario(), step="6h")
    ax = plots.frontier(always)
    assert set(texts(ax)) == {"best", "today", "always open", "limit"}  # no line of others: there are none
    marks = {line.get_label(): line for line in ax.lines if line.get_marker() not in ("None", "")}
    assert marks["today"].get_markersize() > marks["always open"].get_markersize()
    assert marks["today"].get_fillstyle() == marks["always open"].get_fillstyle() == "none"
    assert marks["best"].get_zorder() > marks["today"].get_zorder()
    ax.figure.canvas.draw()
    shares = [label.get_text() for label in ax.get_xticklabels() if label.get_text()]
    assert shares[0] == "0%"
    assert not any(share.startswith(("-", "\N{MINUS SIGN}")) for share in shares)
    assert_nothing_is_cut(ax)


def test_figures_of_choices_have_titles_and_the_zone_of_their_days() -> None:
    """Each says what it shows; days that begin at local midnights stand on an axis of that zone."""
    walk = tg.walk_forward(TWO, trace(7), train="3D", test="2D", period="day", step="6h", tz="America/New_York")
    axes = [plots.frontier(found()), plots.schedule(found()), plots.walk_forward(walk)]
    assert [ax.get_title(loc="left") for ax in axes] == [
        "What schedules cost, and how many calls they fail",
        "Who is open, today and in 'best'",
        "What choices saved on days that they had not seen",
    ]
    assert axes[2].get_xlabel() == "time (America/New_York)"
    assert plots.schedule(found()).get_legend().get_title().get_text() == "white: closed, as today"


def test_few_days_have_no_bars() -> None:
    walk = tg.walk_forward(TWO, trace(4), train="2D", test="2D", period="day", step="6h")
    ax = plots.walk_forward(walk)
    assert not [line for line in ax.lines if line.get_linewidth() == 3]
    assert texts(ax)[0].endswith("too few days")


def test_bad_input() -> None:
    for draw in (plots.frontier, plots.schedule, plots.walk_forward):
        with pytest.raises(InvalidTypeError, match="must be what tg"):
            draw("found")  # type: ignore[arg-type]
        with pytest.raises(InvalidTypeError):
            draw(found(), ax="axes")  # type: ignore[arg-type]
    with pytest.raises(ReplayError, match=r"no schedule is called 'bst'. Did you mean 'best'"):
        plots.schedule(found(), "bst")
    with pytest.raises(ReplayError, match="must be a colour"):
        plots.schedule(found(), colors={"strong": "sky"})


def test_rows_of_many_deployments_are_lower() -> None:
    """A week of twelve deployments stays on a page, and one of two has rows of the usual height."""
    names = [f"model-{i}" for i in range(12)]
    today = config(*(deployment(name, 0.01) for name in names))
    proposals = tg.optimise(today, trace(7), step="12h", fixed=names[1:])
    assert plots.schedule(proposals).figure.get_figheight() == pytest.approx(1.2 + 84 * 0.12)
    assert plots.schedule(found()).figure.get_figheight() == pytest.approx(1.2 + 14 * 0.24)
