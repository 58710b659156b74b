"""The Gantt chart: what was drawn, read back from the Axes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, config, row_labels, texts
from matplotlib import dates as mdates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import timegate as tg
from timegate import plots
from timegate.errors import InstantError, InvalidTypeError, ReplayError, ScenarioError
from timegate.show import palette

pytestmark = pytest.mark.usefixtures("closed_figures")

DATA = Path(__file__).parents[1] / "data"
DAY = ("2026-03-02T00:00Z", "2026-03-03T00:00Z")
CLOSED, OUTAGE = "#eeeeee", "#555555"


def outage(target: str, start: str, end: str | None) -> tg.Outage:
    return tg.Outage(target=target, start=f"2026-03-02T{start}Z", end=None if end is None else f"2026-03-02T{end}Z")


def bars(ax: Axes, color: str) -> list[tuple[int, float, float]]:
    """Read the bars of a colour back, as row, and left and right in hours of 2026-03-02."""
    midnight = mdates.date2num(datetime(2026, 3, 2, tzinfo=UTC))
    found = []
    for collection in ax.collections:
        if to_hex(collection.get_facecolor()[0]) == color:
            for path in collection.get_paths():
                (left, low), (right, high) = path.get_extents().get_points()
                hours = (round(24 * (at - midnight), 6) for at in (left, right))
                found.append((round((low + high) / 2 - 0.1), *hours))
    return sorted(found)


def notes(ax: Axes) -> list[tuple[int, str]]:
    return [(round(text.xy[1] + 0.1), text.get_text()) for text in ax.texts]


def test_windows_outages_and_the_time_that_is_left() -> None:
    """Closed windows, outages clipped to the stretch, and between them the bar in the deployment's colour."""
    faults = [outage("a", "05:00", "08:00"), outage("b", "20:00", None), outage("b", "21:00", "22:00")]
    ax = plots.gantt(config(a=[["22:00", "06:00"]], b=[]), tg.Scenario(faults=faults), *DAY)
    colors = plots.deployment_colors(["a", "b"])
    assert bars(ax, CLOSED) == [(0, 0, 6), (0, 22, 24)]
    assert bars(ax, OUTAGE) == [(0, 5, 8), (1, 20, 24)]
    assert bars(ax, colors["a"]) == [(0, 8, 22)]
    assert bars(ax, colors["b"]) == [(1, 0, 20)]
    assert bars(ax, palette.ALARM["failed"]) == [(2, 22, 24)]
    assert bars(ax, palette.ALARM["blocked"]) == []
    assert row_labels(ax) == ["a  58.3%", "b  83.3%", "nobody  8.3%"]
    assert texts(ax) == ["closed by a window", "outage", "all that are open are out"]
    hatched = [c.get_hatch() for c in ax.collections if to_hex(c.get_facecolor()[0]) == CLOSED]
    assert hatched == ["////"]


def test_nobody_is_open_or_nobody_is_up() -> None:
    """Along the bottom, all closed is told from all that are open being out, also where one adjoins the other."""
    faults = [outage("a", "09:00", "11:00"), outage("b", "10:00", "12:00")]
    ax = plots.gantt(config(a=[["04:00", "06:00"]], b=[["05:00", "10:59"]]), tg.Scenario(faults=faults), *DAY)
    assert bars(ax, palette.ALARM["blocked"]) == [(2, 5, pytest.approx(6, abs=1e-6))]
    assert bars(ax, palette.ALARM["failed"]) == [(2, 9, 11)]
    assert texts(ax)[-2:] == ["all that are open are out", "all are closed"]


def test_the_row_of_nobody_agrees_with_the_replay() -> None:
    """A call of the sample day that is blocked, or that outages alone fail, arrives inside the marks; no other does."""
    run = tg.replay(
        tg.GatewayConfig.load(DATA / "gateway.yaml"),
        tg.read_trace(DATA / "day.csv"),
        tg.Scenario.load(DATA / "scenario.yaml").model_copy(
            update={"faults": tg.Scenario.load(DATA / "scenario.yaml").faults[:2]}
        ),
    )
    ax = plots.gantt(run)
    at = (run.calls["at"] - datetime(2026, 3, 2, tzinfo=UTC)).dt.total_seconds() / 3600
    for outcome in ("failed", "blocked"):
        inside = np.zeros(len(run), bool)
        for row, left, right in bars(ax, palette.ALARM[outcome]):
            assert row == 3
            inside |= ((at >= left) & (at < right + 1e-5)).to_numpy()
        assert inside.any()
        assert np.array_equal(inside, (run.calls["outcome"] == outcome).to_numpy())


def test_a_replay_and_its_config_give_one_picture() -> None:
    """A replay brings its own scenario and stretch; the same from a config, random outages included, is the same."""
    faults = [
        tg.RandomOutages(target="a", mtbf_s=20_000, mttr_s=4000, start=DAY[0], end=DAY[1]),
        outage("b", "09:00", "10:00"),
    ]
    gateway, scenario = config(a=[["22:00", "06:00"]], b=[]), tg.Scenario(faults=faults, seed=5)
    trace = tg.Trace([DAY[0], "2026-03-02T23:59:59.999999Z"])
    run = tg.replay(gateway, trace, scenario)
    one, other = plots.gantt(run), plots.gantt(gateway, scenario, *DAY)
    drawn = bars(one, OUTAGE)
    assert len(drawn) > 2
    assert drawn == bars(other, OUTAGE)
    assert row_labels(one) == row_labels(other)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    expected = [
        (run.deployments.index(name), *((at - midnight) / timedelta(hours=1) for at in (start, end)))
        for name, start, end in run.outages().itertuples(index=False)
    ]
    assert np.allclose(
        sorted((r, max(lo, 0), min(hi, 24)) for r, lo, hi in expected), drawn, atol=0.06
    )  # the shortest as wide as can be seen


def test_partial_faults_are_pale_and_labelled() -> None:
    """Faults that some attempts survive pale the bar and say what they do; where they meet, both are said."""
    day = "2026-03-02T"
    faults = [
        *(tg.Latency(target=name, median_s=1) for name in "ab"),
        tg.Brownout(target="a", start=day + "06:00Z", end=day + "08:00Z", error_rate=0.125, slowdown=4),
        outage("b", "10:00", "11:00"),
        tg.SlowStart(target="b", for_s=1800, slowdown=3),
        tg.RateLimited(target="b", start=day + "16:00Z", end=day + "17:00Z", share=0.35),
        tg.ErrorRate(target="c", hourly_rates=[0.01] * 12 + [0.08] * 12, error="timeout"),
    ]
    ax = plots.gantt(config(a=[], b=[], c=[], d=[]), tg.Scenario(faults=faults), *DAY)
    pale = {n: palette.mix(c, "white", 0.65) for n, c in plots.deployment_colors(list("abcd")).items()}
    assert bars(ax, pale["a"]) == [(0, 6, 8)]
    assert bars(ax, pale["b"]) == [(1, 11, 11.5), (1, 16, 17)]
    assert bars(ax, pale["c"]) == [(2, 0, 24)]
    assert bars(ax, pale["d"]) == []
    assert bars(ax, OUTAGE) == [(1, 10, 11)]
    assert notes(ax) == [
        (0, "12.5% server error, 4x slower"),
        (1, "3x slower"),
        (1, "35% rate limit"),
        (2, "1-8% timeout"),
    ]
    assert "partial fault (paler)" in texts(ax)
    assert row_labels(ax)[0] == "a  100%", "it can serve, if not always"


def test_bars_fill_rows_in_which_nothing_is_written() -> None:
    """Below a label a bar is lower than in a row without one."""
    rate = tg.ErrorRate(target="a", rate=0.5)
    ax = plots.gantt(config(a=[], b=[]), tg.Scenario(faults=[rate]), *DAY)
    heights = [path.get_extents().height for bar in ax.collections for path in bar.get_paths()]
    assert heights == pytest.approx([0.46, 0.72])
    assert notes(ax) == [(0, "50% server error")]


def test_a_label_is_said_once_where_faults_of_a_kind_meet() -> None:
    """Faults that say the same, so near each other that their labels would touch, get one label."""
    hours = [("06:00", "06:20"), ("06:30", "06:50"), ("18:00", "18:20")]
    faults = [
        tg.ErrorRate(target="a", rate=0.5, start=f"2026-03-02T{start}Z", end=f"2026-03-02T{end}Z")
        for start, end in hours
    ]
    ax = plots.gantt(config(a=[]), tg.Scenario(faults=faults), *DAY)
    assert notes(ax) == [(0, "50% server error"), (0, "50% server error")]


def test_faults_that_fail_nothing_are_not_drawn() -> None:
    """A rate of 0 and a latency leave the bar as it is; a rate of 1 is an outage."""
    faults = [
        tg.ErrorRate(target="a", rate=0.0),
        tg.Latency(target="a", median_s=3),
        tg.ErrorRate(target="b", rate=1.0, start="2026-03-02T06:00Z", end="2026-03-02T09:00Z"),
    ]
    ax = plots.gantt(config(a=[], b=[]), tg.Scenario(faults=faults), *DAY)
    assert bars(ax, plots.deployment_colors(["a", "b"])["a"]) == [(0, 0, 24)]
    assert bars(ax, OUTAGE) == [(1, 6, 9)]
    assert notes(ax) == []


def test_what_lies_outside_the_stretch_is_not_drawn() -> None:
    """Outages and faults before or after it leave no bar, no label and no legend."""
    faults = [
        outage("a", "01:00", "02:00"),
        outage("a", "20:00", "21:00"),
        tg.ErrorRate(target="a", rate=0.5, start="2026-03-02T20:00Z", end="2026-03-02T21:00Z"),
    ]
    ax = plots.gantt(config(a=[]), tg.Scenario(faults=faults), "2026-03-02T06:00Z", "2026-03-02T20:00Z")
    assert bars(ax, OUTAGE) == []
    assert notes(ax) == []
    assert texts(ax) == []
    low, high = (24 * (x - mdates.date2num(datetime(2026, 3, 2, tzinfo=UTC))) for x in ax.get_xlim())
    assert (low, high) == pytest.approx((6, 20), abs=1e-4)


def test_a_replay_can_be_seen_in_part() -> None:
    """Start and end choose another stretch than that of the trace."""
    run = tg.replay(config(a=[["22:00", "06:00"]]), tg.Trace([DAY[0], "2026-03-02T12:00Z"]))
    assert bars(plots.gantt(run, start="2026-03-02T05:00Z", end="2026-03-02T23:00Z"), CLOSED) == [
        (0, 5, 6),
        (0, 22, 23),
    ]


@pytest.mark.parametrize("size", [(4, 2.5), (10, 4), (14, 3), (4, 8)])
@pytest.mark.parametrize("count", [1, 3, 12, 40])
def test_any_number_of_deployments_fits(count: int, size: tuple[float, float]) -> None:
    """From 1 to 40 deployments with windows, outages and partial faults, nothing is cut; names may be hostile."""
    names = [f"cluster-{i:02d}/_$l$" for i in range(count)]
    windows = {name: [[f"{5 * i % 24:02d}:00", f"{(5 * i + 11) % 24:02d}:30"]] for i, name in enumerate(names)}
    faults = [outage("provider:sim", "09:00", "10:00"), tg.ErrorRate(target=names[-1], rate=0.1)]
    _, ax = plt.subplots(figsize=size, layout="constrained")
    plots.gantt(config(**windows), tg.Scenario(faults=faults), DAY[0], "2026-03-05T00:00Z", ax=ax)
    assert_nothing_is_cut(ax)
    if count <= 3 * size[1]:  # beyond that, names are set as small as can be read, and may touch
        assert_labels_keep_apart(ax)


@pytest.mark.parametrize("span_s", [1e-6, 0.5, 61, 3e5, 4e7, 3e8])
def test_any_stretch_of_time_can_be_drawn(span_s: float) -> None:
    """From a microsecond to decades, a stretch renders without a warning."""
    start = datetime(2026, 3, 2, 5, 13, 17, tzinfo=UTC)
    gateway = config(a=[["22:00", "06:00"]] if span_s < 1e8 else [], b=[])
    ax = plots.gantt(gateway, None, start, start + timedelta(seconds=span_s))
    assert_nothing_is_cut(ax)


def test_a_gateway_will_do() -> None:
    """A gateway is drawn as its config is."""
    gateway = config(a=[["22:00", "06:00"]])
    assert bars(plots.gantt(gateway.build(), None, *DAY), CLOSED) == bars(plots.gantt(gateway, None, *DAY), CLOSED)


def test_colours_can_be_given() -> None:
    """A given colour replaces a deployment's own."""
    assert bars(plots.gantt(config(a=[]), None, *DAY, colors={"a": "#ff69b4"}), "#ff69b4") == [(0, 0, 24)]


def test_what_is_given_must_fit() -> None:
    """A wrong type, a stretch that is missing, naive or empty, or a scenario that does not fit, is a clear error."""
    gateway = config(a=[])
    run = tg.replay(gateway, tg.Trace([DAY[0]]))
    for wrong in (None, "gateway.yaml", {"deployments": []}, [gateway]):
        with pytest.raises(InvalidTypeError, match=rf"run must be a Replay, .* Got {type(wrong).__name__}\."):
            plots.gantt(wrong, None, *DAY)  # type: ignore[arg-type]
    with pytest.raises(InstantError, match="start is missing"):
        plots.gantt(gateway)
    with pytest.raises(InstantError, match="end is missing"):
        plots.gantt(gateway, start=DAY[0])
    with pytest.raises(InstantError, match="start must carry a zone"):
        plots.gantt(gateway, None, "2026-03-02T00:00", DAY[1])
    for end in (DAY[0], "2026-03-01T00:00Z"):
        with pytest.raises(ReplayError, match=r"end must lie after start\. Got 2026-03-02T00:00:00\+00:00 to "):
            plots.gantt(gateway, None, DAY[0], end)
    with pytest.raises(ReplayError, match="scenario goes with a config"):
        plots.gantt(run, tg.Scenario())
    with pytest.raises(InvalidTypeError, match="scenario must be a Scenario"):
        plots.gantt(gateway, "bad.yaml", *DAY)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match=r"target 'aa' is not .* Did you mean 'a'\?"):
        plots.gantt(gateway, tg.Scenario(faults=[outage("aa", "09:00", "10:00")]), *DAY)
    with pytest.raises(ReplayError, match=r"colors\['a'\] must be a colour"):
        plots.gantt(gateway, None, *DAY, colors={"a": "no colour"})
    assert not plt.get_fignums()


def test_all_is_all() -> None:
    """Where one outage covers it all, nobody could serve for 100%, however the stretch is cut by other faults."""
    rates = [tg.ErrorRate(target="a", rate=0.1, start=f"2026-03-02T{h:02}:07:11Z", end=f"2026-03-02T{h:02}:19Z")
             for h in range(24)]  # fmt: skip
    ax = plots.gantt(config(a=[]), tg.Scenario(faults=[tg.Outage(target="a", start="2026-03-01T00:00Z"), *rates]), *DAY)
    assert row_labels(ax)[-1] == "nobody  100%"
