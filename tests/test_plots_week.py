"""The heat map of the week: what was drawn, read back from the Axes."""

from __future__ import annotations

from itertools import combinations
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, config, contrast, row_labels, texts
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import timegate as tg
from timegate import plots
from timegate.core.columns import UNSERVED
from timegate.errors import InvalidTypeError, ReplayError, WindowError
from timegate.show import palette

pytestmark = pytest.mark.usefixtures("closed_figures")

HEIGHT = 0.88  # of a full cell


def replayed(calls: int = 3000, days: int = 21, start: str = "2026-03-02T00:00Z", seed: int = 1) -> tg.Replay:
    """Replay some weeks in which everything happens: several servers, failed and blocked calls."""
    windows = {"strong": [["22:00", "06:00"]], "weak": [["23:30", "00:30"]], "backup": [["20:00", "08:00"]]}
    faults = [
        tg.Outage(target="strong", start="2026-03-03T09:00Z", end="2026-03-04T03:00Z"),
        tg.Outage(target="weak", start="2026-03-05T09:00Z", end="2026-03-06T23:00Z"),
        tg.ErrorRate(target="weak", rate=0.2),
    ]
    trace = tg.PoissonTraffic(
        start=start, calls=calls, rates=[1] * 24 * days, bin_s=3600, preferences={"backup": 0.3}
    ).trace(seed)
    return tg.replay(config(**windows), trace, tg.Scenario(faults=faults, seed=seed))


def cells(ax: Axes) -> dict[tuple[int, int], dict[str, tuple[float, float]]]:
    """Read the cells back: by weekday and hour, by colour, the part of the height from where to where, from below."""
    found: dict[tuple[int, int], dict[str, tuple[float, float]]] = {}
    for patch in ax.patches:
        top, bottom = sorted((patch.get_y(), patch.get_y() + patch.get_height()))
        middle = patch.get_x() + patch.get_width() / 2
        day, hour = round((top + bottom) / 2 - 1e-6), int(middle)
        floor = day + HEIGHT / 2
        part = ((floor - bottom) / HEIGHT, (floor - top) / HEIGHT)
        assert -1e-9 <= part[0] <= part[1] <= 1 + 1e-9, "a part keeps to its cell"
        assert hour <= patch.get_x() < patch.get_x() + patch.get_width() <= hour + 1, "and to its hour"
        found.setdefault((day, hour), {})[to_hex(patch.get_facecolor())] = part
    return found


def by_hand(run: tg.Replay, tz: str) -> dict[tuple[int, int], pd.Series]:
    """Count who served, or why nobody did, in each local hour of the week, with zoneinfo and a loop."""
    counted: dict[tuple[int, int], dict[str, int]] = {}
    who = run.calls["served_by"].astype(object).where(run.calls["served_by"].notna(), run.calls["outcome"])
    for at, name in zip(run.calls["at"], who, strict=True):
        local = at.to_pydatetime().astimezone(ZoneInfo(tz))
        cell = counted.setdefault((local.weekday(), local.hour), {})
        cell[name] = cell.get(name, 0) + 1
    return {cell: pd.Series(counts) / sum(counts.values()) for cell, counts in counted.items()}


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe"])
def test_cells_show_who_serves_most_and_how_much(tz: str) -> None:
    """In each local hour stand the colour of the main server, as high as its share, and what nobody served."""
    run = replayed()
    drawn = cells(plots.heatmap(run, tz))
    expected = by_hand(run, tz)
    assert drawn.keys() == expected.keys()
    colors = plots.deployment_colors(run.deployments)
    seen = set()
    for cell, shares in expected.items():
        served = shares.reindex(run.deployments).fillna(0)
        unserved = shares.reindex(UNSERVED).fillna(0)
        parts = drawn[cell]
        if served.any():
            main = served.idxmax()
            assert parts.pop(colors[main]) == pytest.approx((0, served[main]))
            assert parts.pop(palette.mix(colors[main], "white", 0.72)) == pytest.approx((0, 1)), "a pale ground"
            seen.add(main)
        raised = unserved.where(unserved == 0, np.maximum(unserved, 0.06))
        raised /= max(raised.sum(), 1)
        high = 1.0
        for outcome in UNSERVED:
            if unserved[outcome]:
                part = parts.pop(palette.ALARM[outcome])
                assert part == pytest.approx((high - raised[outcome], high))
                high -= raised[outcome]
                seen.add(outcome)
        assert not parts, "nothing else is in the cell"
    assert seen == {"strong", "weak", "backup", "failed", "blocked"}


def test_a_short_trace_leaves_cells_empty() -> None:
    """Cells without calls hold nothing, and the week has all its rows and hours."""
    ax = plots.heatmap(tg.replay(config(a=[]), tg.Trace(["2026-03-04T05:59:59.999999Z", "2026-03-08T06:00Z"])))
    assert cells(ax).keys() == {(2, 5), (6, 6)}
    assert row_labels(ax) == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert ax.get_xlim() == (0, 24)
    bottom, top = ax.get_ylim()
    assert (bottom, top) == (6.5, -0.5), "Monday on top"


def test_weeks_are_added_up() -> None:
    """The same hour of several weeks is one cell, in which each call counts once."""
    at = ["2026-03-02T09:10Z", "2026-03-09T09:20Z", "2026-03-16T09:30Z", "2026-03-16T09:40Z"]
    windows = [{"start": "00:00", "end": "24:00", "since": "2026-03-16"}]
    run = tg.replay(config(a=windows, b=[]), tg.Trace(at))
    ((_, parts),) = cells(plots.heatmap(run)).items()
    colors = plots.deployment_colors(["a", "b"])
    assert parts[colors["a"]] == pytest.approx((0, 0.5)), "of two, the first of the config"


def test_the_zone_decides_the_hour() -> None:
    """One instant lies in the hour and weekday of its zone; an hour that the clocks repeat is one cell."""
    run = tg.replay(config(a=[]), tg.Trace(["2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-10-25T23:30Z"]))
    assert cells(plots.heatmap(run)).keys() == {(6, 0), (6, 1), (6, 23)}
    ax = plots.heatmap(run, "Europe/Berlin")
    assert cells(ax).keys() == {(6, 2), (0, 0)}
    assert ax.get_xlabel() == "hour of the day (Europe/Berlin)"


def test_one_unserved_call_is_seen() -> None:
    """A single failed call among thousands has a mark of a visible height, hatched, in the legend."""
    at = pd.date_range("2026-03-02T03:00Z", periods=3600, freq="1s")
    fault = tg.Outage(target="a", start="2026-03-02T03:00:00Z", end="2026-03-02T03:00:01Z")
    ax = plots.heatmap(tg.replay(config(a=[]), tg.Trace(at), tg.Scenario(faults=[fault])))
    low, high = cells(ax)[0, 3][palette.ALARM["failed"]]
    assert (low, high) == pytest.approx((0.94, 1))
    marked = [patch for patch in ax.patches if to_hex(patch.get_facecolor()) == palette.ALARM["failed"]]
    assert [patch.get_hatch() for patch in marked] == [palette.ALARM_HATCH["failed"]]
    assert texts(ax) == ["a", "failed"]


def test_a_cell_that_nobody_serves_is_all_alarm() -> None:
    """Where nobody serves there is no colour of a deployment, and failed and blocked fill the cell."""
    half = [["03:30", "04:00"]]
    at = pd.date_range("2026-03-02T03:00Z", periods=60, freq="1min")
    fault = tg.Outage(target="provider:sim", start="2026-03-02T03:00Z", end="2026-03-02T04:00Z")
    ax = plots.heatmap(tg.replay(config(a=half), tg.Trace(at), tg.Scenario(faults=[fault])))
    assert cells(ax)[0, 3] == {
        palette.ALARM["failed"]: pytest.approx((0.5, 1)),
        palette.ALARM["blocked"]: pytest.approx((0, 0.5)),
    }
    assert texts(ax) == ["failed", "blocked"]


def test_legend_names_the_main_servers_in_config_order() -> None:
    """Only deployments that serve most in some hour are named; the title says how to read a cell."""
    run = replayed(calls=2000, days=5)
    ax = plots.heatmap(run)
    shares = pd.DataFrame(by_hand(run, "UTC")).T.reindex(columns=[*run.deployments, *UNSERVED]).fillna(0)
    mains = set(shares[run.deployments].idxmax(axis=1))
    assert texts(ax) == [
        *(name for name in run.deployments if name in mains),
        *(o for o in UNSERVED if shares[o].any()),
    ]
    assert "pale: others" in ax.get_legend().get_title().get_text()


def test_legend_of_many_names_those_that_serve_most_hours() -> None:
    """A legend without room for all names the main servers of the most hours, and says how many more there are."""
    names = [f"deployment-{i:02d}" for i in range(60)]
    at = pd.date_range("2026-03-02T00:00Z", periods=24 * 7, freq="1h")
    preferred = [names[i % 60] if i % 2 else "deployment-40" for i in range(len(at))]
    frame = pd.DataFrame({"at": at, "model_preference": preferred})
    _, ax = plt.subplots(figsize=(4, 2.5), layout="constrained")
    plots.heatmap(tg.replay(config(**{name: [] for name in names}), tg.Trace(frame)), ax=ax)
    shown = texts(ax)
    assert "deployment-40" in shown
    assert len(shown) < 20
    assert shown[-1] == f"and {31 - (len(shown) - 1)} more"
    assert_nothing_is_cut(ax)


@pytest.mark.parametrize("size", [(4, 2.5), (10, 3.8), (16, 3), (3, 6)])
@pytest.mark.parametrize("count", [1, 3, 12, 40])
def test_any_number_of_deployments_fits(count: int, size: tuple[float, float]) -> None:
    """From 1 to 40 deployments with long names and a long zone, nothing is cut and no labels overlap."""
    names = [f"self-hosted-cluster-{i:02d}-in-berlin/llama-3.3-70b" for i in range(count)]
    windows = {name: [[f"{5 * i % 24:02d}:00", f"{(5 * i + 11) % 24:02d}:30"]] for i, name in enumerate(names)}
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=3000, rates=[1] * 24 * 7, bin_s=3600).trace(1)
    _, ax = plt.subplots(figsize=size, layout="constrained")
    plots.heatmap(tg.replay(config(**windows), trace), "America/Argentina/ComodRivadavia", ax=ax)
    assert_nothing_is_cut(ax)
    assert_labels_keep_apart(ax)


def test_hostile_names_are_printed_as_they_are() -> None:
    """Dollars and underscores in names are printed, not set as mathematics or hidden."""
    ax = plots.heatmap(tg.replay(config(**{"_$x$ a$": []}), tg.Trace(["2026-03-02T00:00Z"])))
    assert [label.strip() for label in texts(ax)] == [r"_\$x\$ a\$"]
    ax.figure.canvas.draw()


def test_colours_can_be_given() -> None:
    """A given colour replaces a deployment's own, in its pale ground too."""
    run = tg.replay(config(a=[]), tg.Trace(["2026-03-02T00:00Z"]))
    assert set(cells(plots.heatmap(run, colors={"a": "#ff69b4"}))[0, 0]) == {
        "#ff69b4",
        palette.mix("#ff69b4", "white", 0.72),
    }


def test_pale_is_told_from_full_and_from_alarm() -> None:
    """For each colour of the palette, full stands out from its pale ground; alarm has a hatch besides its colour."""
    for color in palette.PALETTE:
        assert contrast(color, palette.mix(color, "white", 0.72)) >= 1.25
    hatches = [palette.ALARM_HATCH[outcome] for outcome in UNSERVED]
    assert all(one != other for one, other in combinations([*hatches, None], 2))


@pytest.mark.parametrize(
    ("tz", "error", "message"),
    [
        ("Europe/Berln", WindowError, r"tz must be an IANA zone.*Did you mean 'Europe/Berlin'\?"),
        ("", WindowError, "tz must be an IANA zone"),
        ("../etc/passwd", WindowError, "tz must be an IANA zone"),
        (None, InvalidTypeError, "tz must be the name of a zone"),
        (ZoneInfo("UTC"), InvalidTypeError, "tz must be the name of a zone"),
    ],
)
def test_zones_must_be_known(tz: object, error: type[Exception], message: str) -> None:
    """What is no zone is an error that names it, and leaves no figure behind."""
    with pytest.raises(error, match=message):
        plots.heatmap(replayed(50), tz)  # type: ignore[arg-type]
    assert not plt.get_fignums()


def test_colours_must_be_colours() -> None:
    """A colour that is none is an error that names the deployment."""
    with pytest.raises(ReplayError, match=r"colors\['strong'\] must be a colour"):
        plots.heatmap(replayed(50), colors={"strong": "no colour"})
