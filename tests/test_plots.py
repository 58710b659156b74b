"""The plots: what was drawn, read back from the Axes."""

from __future__ import annotations

import matplotlib as mpl

mpl.use("Agg")

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, config, contrast, row_labels, texts
from matplotlib import dates as mdates
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError, TimegateError, WindowError
from timegate.show import palette

DATA = Path(__file__).parents[1] / "data"
LONG_NAMES = [
    f"{provider}/{model}"
    for provider in ("openai", "anthropic", "self-hosted-berlin-cluster")
    for model in ("gpt-4.1-mini-2025-04-14", "claude-opus-4-20250514", "llama-3.3-70b-instruct-fp8", "mixtral-8x22b")
]
US = 1e-6 / 86400  # matplotlib counts days
PLOTS = (
    *(plots.day, plots.share, plots.fallbacks, plots.heatmap, plots.gantt),
    lambda run, ax=None: plots.compare(run, run, ax=ax),
    plots.load,
    lambda run, ax=None: plots.story(run, 0, ax=ax),
)
PLOT_NAMES = ("day", "share", "fallbacks", "heatmap", "gantt", "compare", "load", "story")

pytestmark = pytest.mark.usefixtures("closed_figures")
every_plot = pytest.mark.parametrize("plot", PLOTS, ids=PLOT_NAMES)


def twelve() -> tg.Replay:
    windows = {name: [[f"{i:02d}:00", f"{(5 * i + 7) % 24:02d}:30"]] for i, name in enumerate(LONG_NAMES)}
    preferences = dict.fromkeys(LONG_NAMES, 0.07)
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=4000, preferences=preferences).trace(1)
    faults = [
        tg.ErrorRate(target=LONG_NAMES[0], rate=0.3),
        tg.Outage(target=LONG_NAMES[5], start="2026-03-02T12:00Z", end="2026-03-02T15:00Z"),
    ]
    return tg.replay(config(**windows), trace, tg.Scenario(faults=faults, seed=1))


def two(start: str = "2026-03-02T00:00Z", calls: int = 500, hours: float = 24, **windows: list[list[str]]) -> tg.Replay:
    trace = tg.PoissonTraffic(start=start, calls=calls, rates=[1], bin_s=3600 * hours).trace(1)
    return tg.replay(config(**windows or {"strong": [["22:00", "06:00"]], "weak": []}), trace)


@pytest.fixture(scope="module")
def sample() -> tg.Replay:
    return tg.replay(
        tg.GatewayConfig.load(DATA / "gateway.yaml"),
        tg.read_trace(DATA / "day.csv"),
        tg.Scenario.load(DATA / "scenario.yaml"),
    )


@pytest.fixture(scope="module")
def runs(sample: tg.Replay) -> dict[str, tg.Replay]:
    shut = [["00:00", "24:00"]]

    def nobody(model_preference: str | None = None) -> None:
        raise RuntimeError("nobody is there")

    with pytest.warns(tg.TimegateWarning, match="no call reached a model"):
        unknown_router = tg.replay(nobody, tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=20).trace(1))
    return {
        "sample": sample,
        "twelve": twelve(),
        "one call": tg.replay(config(strong=shut, weak=[]), tg.Trace(["2026-03-02T23:10:00.4Z"])),
        "blocked": two(strong=shut, weak=shut),
        "unknown router": unknown_router,
        "microseconds": tg.replay(
            config(a=[]), tg.Trace(["2026-03-02T12:00:00.999999Z", "2026-03-02T12:00:01.000001Z"])
        ),
        "minute": two(hours=1 / 60),
        "fortnight": two(calls=5000, hours=24 * 14),
        "years": two(calls=5000, hours=24 * 1000),
        "many": two(**{f"deployment-{i:02d}": [["05:00", "09:00"]] for i in range(45)}),
        "odd names": two(**{"unserved": [["05:00", "09:00"]], "_$x$ a$": [["05:00", "06:00"]], "nobody": shut}),
    }


# What was drawn


def stretches(ax: Axes, hatch: str | None, deployments: list[str]) -> list[tuple[str, float, float]]:
    """Read the bars of a hatch back, as deployment, start and end."""
    found = []
    for collection in ax.collections:
        if collection.get_hatch() == hatch:
            for path in collection.get_paths():
                (left, low), (right, high) = path.get_extents().get_points()
                found.append((deployments[round((low + high) / 2)], left, right))
    return sorted(found)


def expected(frame: pd.DataFrame) -> list[tuple[str, float, float]]:
    return sorted(zip(frame["deployment"], mdates.date2num(frame["start"]), mdates.date2num(frame["end"]), strict=True))


def assert_same(drawn: list[tuple[str, float, float]], right: list[tuple[str, float, float]]) -> None:
    assert [name for name, *_ in drawn] == [name for name, *_ in right]
    assert np.allclose([ends for _, *ends in drawn], [ends for _, *ends in right], rtol=0, atol=2 * US)


def stairs(ax: Axes) -> dict[str, StepPatch]:
    """Return the step areas by their colour."""
    return {to_hex(patch.get_facecolor()): patch for patch in ax.patches if isinstance(patch, StepPatch)}


def heights(patch: StepPatch) -> np.ndarray:
    values, _, baseline = patch.get_data()
    return np.abs(values - baseline)


# Every plot


@every_plot
def test_given_axes_are_used_and_returned(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """A plot draws on the Axes that it is given, makes no figure, and leaves pyplot's state alone."""
    _, (ax, current) = plt.subplots(1, 2)
    plt.sca(current)
    assert plot(sample, ax=ax) is ax
    assert plt.get_fignums() == [1]
    assert plt.gca() is current
    assert ax.has_data()
    assert not current.has_data()


@every_plot
def test_without_axes_one_figure_is_made(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """Without Axes, a plot makes one figure of its own, whose layout makes room for names."""
    ax = plot(sample)
    assert plt.get_fignums() == [1]
    assert ax.figure is plt.figure(1)
    assert type(ax.figure.get_layout_engine()).__name__ == "ConstrainedLayoutEngine"


@every_plot
@pytest.mark.parametrize("size", [None, (4, 2.5)], ids=["own figure", "small axes"])
@pytest.mark.parametrize(
    "name",
    [
        *("sample", "twelve", "one call", "blocked", "unknown router", "microseconds"),
        *("minute", "fortnight", "years", "many", "odd names"),
    ],
)
def test_every_replay_can_be_drawn(
    plot: Callable[..., Axes], size: tuple[float, float] | None, name: str, runs: dict[str, tg.Replay]
) -> None:
    """From one call to years, a plot renders without a warning, and nothing that is written is cut."""
    ax = plot(runs[name], ax=None if size is None else plt.subplots(figsize=size, layout="constrained")[1])
    assert_nothing_is_cut(ax)


@every_plot
@pytest.mark.parametrize("name", ["sample", "fortnight", "minute"])
def test_labels_do_not_overlap_on_small_axes(plot: Callable[..., Axes], name: str, runs: dict[str, tg.Replay]) -> None:
    """On axes of 4 by 2.5 inches, the labels of an axis keep apart from each other and from its name and date."""
    _, ax = plt.subplots(figsize=(4, 2.5), layout="constrained")
    plot(runs[name], ax=ax)
    assert_labels_keep_apart(ax)


@pytest.mark.parametrize("width", [2.0, 3.5, 10.0])
def test_time_axis_of_any_span_has_ticks(width: float) -> None:
    """A trace of any length gets at least one tick and at most a dozen, and no warning."""
    run_config, start = config(a=[]), pd.Timestamp("2026-03-02T05:13:17Z")
    _, ax = plt.subplots(figsize=(width, 2))
    for span_s in np.geomspace(0.5, 3e8, 60):
        run = tg.replay(run_config, tg.Trace([start, start + pd.Timedelta(span_s, "s").floor("us")]))
        ax.clear()
        low, high = plots.share(run, ax=ax).get_xlim()
        assert 1 <= sum(low <= at <= high for at in ax.get_xticks()) <= 12


def test_time_axis_of_a_zone(sample: tg.Replay) -> None:
    """Ticks stand at local midnights, bins begin there, and the label names the zone."""
    tz = "Asia/Kolkata"
    for plot in (plots.day, plots.share, plots.load, plots.gantt):
        ax = plot(sample, tz=tz)
        ax.figure.canvas.draw()
        assert ax.get_xlabel() == f"time ({tz})"
        ticks = [at.astimezone(ZoneInfo(tz)) for at in mdates.num2date(ax.get_xticks())]
        assert {(at.minute, at.second) for at in ticks} == {(0, 0)}
        plt.close(ax.figure)
    with pytest.raises(WindowError, match="tz must be an IANA zone"):
        plots.gantt(sample, tz="Mars/Olympus")


@pytest.mark.parametrize("plot", PLOTS[:2], ids=PLOT_NAMES[:2])
def test_time_axis_is_utc(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """The axis of time is in UTC and says so, whatever zone matplotlib is set to."""
    with mpl.rc_context({"timezone": "Asia/Kolkata"}):
        ax = plot(sample)
        ax.figure.canvas.draw()
        labels = {
            round(at * 24) % 24: label.get_text()
            for at, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        }
    assert ax.get_xlabel() == "time (UTC)"
    assert labels[6] == "06:00"
    assert labels[18] == "18:00"
    assert ax.xaxis.get_offset_text().get_text() == "2026-03-02"


# Day


def test_hatched_patches_span_the_closed_windows(sample: tg.Replay) -> None:
    """The hatched bars of a row are exactly the stretches in which windows closed its deployment."""
    ax = plots.day(sample)
    assert_same(stretches(ax, "////", sample.deployments), expected(sample.closed()))
    assert "closed by a window" in texts(ax)


def test_outages_are_marked(sample: tg.Replay) -> None:
    """The solid bars of a row are the outages of its deployment."""
    ax = plots.day(sample)
    assert_same(stretches(ax, None, sample.deployments), expected(sample.outages()))
    assert "outage" in texts(ax)


def test_outages_are_clipped_to_the_trace() -> None:
    """Of outages, only what lies within the trace is drawn; one that lies outside leaves no trace in the legend."""
    trace = tg.Trace(["2026-03-02T10:00Z", "2026-03-02T12:00Z"])

    def drawn(*hours: tuple[str, str]) -> Axes:
        faults = [tg.Outage(target="a", start=f"2026-03-02T{start}Z", end=f"2026-03-02T{end}Z") for start, end in hours]
        return plots.day(tg.replay(config(a=[], b=[]), trace, tg.Scenario(faults=faults)))

    ax = drawn(("08:00", "10:30"), ("11:30", "14:00"), ("15:00", "16:00"))
    at = [mdates.date2num(pd.Timestamp(f"2026-03-02T{t}Z")) for t in ("10:00", "10:30", "11:30", "12:00:00.000001")]
    assert_same(stretches(ax, None, ["a", "b"]), [("a", *at[:2]), ("a", *at[2:])])
    low, high = ax.get_xlim()
    assert low <= at[0]
    assert at[3] <= high
    with pytest.warns(tg.TimegateWarning, match="no outage of 'a' meets the calls"):
        assert "outage" not in texts(drawn(("15:00", "16:00")))


def test_rows_hold_the_calls_over_time(sample: tg.Replay) -> None:
    """The steps of a row are the calls that its deployment served in each bin; all rows have one scale."""
    ax = plots.day(sample)
    counts = sample.share("10min", counts=True)
    peak = max(counts[sample.deployments].max().max(), counts[["failed", "blocked"]].sum(axis=1).max())
    found = stairs(ax)
    colors = plots.deployment_colors(sample.deployments) | palette.ALARM
    assert set(found) == set(colors.values()) - {palette.ALARM["shed"]}  # without policies no call is
    for row, name in enumerate([*sample.deployments, "failed", "blocked"]):
        values, edges, _ = found[colors[name]].get_data()
        assert np.allclose(edges[:-1], mdates.date2num(counts.index))
        assert np.isclose(edges[-1] - edges[-2], 600 / 86400)
        wanted = np.where(counts[name] > 0, np.maximum(0.8 * counts[name] / peak, 0.02), 0)
        assert np.allclose(heights(found[colors[name]]), wanted)
        assert np.abs(values - min(row, 3)).max() <= 0.5, "a row keeps to its place"
    title = ax.get_legend().get_title().get_text()
    assert title == f"full row: {peak:,} calls per 10min; a line: few calls; besides: weak 4% rate limit"


def test_rows_stand_in_config_order(sample: tg.Replay) -> None:
    """The first deployment is on top, the calls that nobody served are at the bottom, each with its share."""
    ax = plots.day(sample)
    shares = sample.calls["served_by"].value_counts(dropna=False) / len(sample)
    wanted = [f"{name}  {shares[name]:.1%}" for name in ("strong", "weak", "backup")]
    assert row_labels(ax) == [*wanted, f"unserved  {sample.calls['served_by'].isna().mean():.1%}"]
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_unserved_row_keeps_reasons_apart(sample: tg.Replay) -> None:
    """Failed and blocked calls stand on each other in the last row, in alarm colours, and in the legend."""
    ax = plots.day(sample)
    failed, blocked = (stairs(ax)[palette.ALARM[outcome]] for outcome in ("failed", "blocked"))
    assert np.allclose(failed.get_data().values, blocked.get_data().baseline)
    assert texts(ax)[-2:] == ["failed", "blocked"]


def test_one_failed_call_in_many_is_seen() -> None:
    """A single failed call among thousands has a visible height and a share that is not rounded to nothing."""
    at = pd.date_range("2026-03-02T00:00Z", periods=5000, freq="10s")
    fault = tg.Outage(target="a", start="2026-03-02T03:00:00Z", end="2026-03-02T03:00:01Z")
    ax = plots.day(tg.replay(config(a=[]), tg.Trace(at), tg.Scenario(faults=[fault])))
    assert sorted(heights(stairs(ax)[palette.ALARM["failed"]]))[-2:] == pytest.approx([0, 0.8 / 30])
    assert row_labels(ax) == ["a  >99.9%", "unserved  <0.1%"]
    assert texts(ax) == ["outage", "failed"]


def test_what_did_not_happen_is_not_in_the_legend() -> None:
    """Without windows, faults and unserved calls, the legend states the scale and no more."""
    ax = plots.day(two(a=[], b=[]))
    assert texts(ax) == []
    assert "calls per" in ax.get_legend().get_title().get_text()
    assert row_labels(ax) == ["a  100%", "b  0%", "unserved  0%"]


def test_unserved_only(runs: dict[str, tg.Replay]) -> None:
    """If everything is blocked, the last row alone holds calls, and the hatch fills the others."""
    ax = plots.day(runs["blocked"])
    assert set(stairs(ax)) == {palette.ALARM["blocked"]}
    assert len(stretches(ax, "////", ["strong", "weak"])) == 2
    assert row_labels(ax) == ["strong  0%", "weak  0%", "unserved  100%"]
    assert texts(ax) == ["closed by a window", "blocked"]


def test_one_call_fills_its_row(runs: dict[str, tg.Replay]) -> None:
    """A trace without length is drawn as wide as the axis: who was closed, and who served."""
    ax = plots.day(runs["one call"])
    ((_, left, right),) = stretches(ax, "////", ["strong", "weak"])
    _, edges, _ = stairs(ax)[plots.deployment_colors(["strong", "weak"])["weak"]].get_data()
    assert np.allclose([left, right], ax.get_xlim(), rtol=0, atol=3 * US)
    assert np.allclose(edges, ax.get_xlim(), rtol=0, atol=3 * US)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2026-03-02 23:10:00"]


# Share


@pytest.mark.parametrize("freq", ["15min", "2h", "1D"])
def test_shares_of_a_bin_sum_to_one(sample: tg.Replay, freq: str) -> None:
    """The steps of a bin are the shares of who served, stand on each other without a gap, and sum to 1."""
    ax = plots.share(sample, freq)
    wanted = sample.share(freq)
    colors = plots.deployment_colors(sample.deployments) | palette.ALARM
    found = stairs(ax)
    floor = np.zeros(len(wanted))
    assert not wanted["shed"].any()
    for name in wanted.columns.drop("shed"):
        values, edges, baseline = found[colors[name]].get_data()
        assert np.allclose(edges[:-1], mdates.date2num(wanted.index))
        assert np.allclose(baseline, floor)
        assert np.allclose(values - baseline, wanted[name])
        floor = values
    assert (floor == 1).all()
    assert ax.get_ylim() == (0, 1)
    assert freq in ax.get_ylabel()


def test_bins_without_calls_are_gaps() -> None:
    """Where no call arrived, nothing is drawn: a gap, not a share of zero."""
    times = ["2026-03-02T10:00Z", "2026-03-02T10:01Z", "2026-03-02T10:31Z"]
    ax = plots.share(tg.replay(config(a=[]), tg.Trace(times)), "10min")
    (patch,) = stairs(ax).values()
    values, edges, _ = patch.get_data()
    assert len(edges) == 5
    assert np.array_equal(values, [1, np.nan, np.nan, 1], equal_nan=True)


def test_unserved_shares_have_alarm_colours_and_hatch(sample: tg.Replay) -> None:
    """In the stack, alarm is more than a colour: failed and blocked are hatched, deployments are not."""
    ax = plots.share(sample)
    hatches = {color: patch.get_hatch() for color, patch in stairs(ax).items()}
    assert hatches.pop(palette.ALARM["failed"]) == "xxxx"
    assert hatches.pop(palette.ALARM["blocked"]) == "...."
    assert set(hatches.values()) == {None}
    assert texts(ax) == ["blocked", "failed", "backup", "weak", "strong"], "in the order of the stack"


@pytest.mark.parametrize(("hours", "freq"), [(1, "1min"), (24, "15min"), (24 * 14, "6h"), (24 * 31, "12h")])
def test_default_bins_follow_the_span(hours: float, freq: str) -> None:
    """Without freq, the trace is cut into 48 to 97 bins of a usual length."""
    ax = plots.share(two(calls=2000, hours=hours))
    assert ax.get_ylabel() == f"share of calls per {freq}"
    bins = next(iter(stairs(ax).values())).get_data().values
    assert 48 <= len(bins) <= 97


def test_legend_of_many_names_the_most_used(runs: dict[str, tg.Replay]) -> None:
    """A legend without room for all names those that served most, and the calls that nobody served."""
    at = pd.date_range("2026-03-02T00:00Z", periods=2000, freq="10s")
    names = [f"deployment-{i:02d}" for i in range(60)]
    preferred = ["deployment-40"] * 500 + (names * 25)
    trace = tg.Trace(pd.DataFrame({"at": at, "model_preference": preferred[:2000]}))
    fault = tg.Outage(target="provider:sim", start="2026-03-02T03:00:00Z", end="2026-03-02T03:00:01Z")
    deployments = [{"model_name": name, "model": "sim/x"} for name in names]
    run = tg.replay(tg.GatewayConfig.model_validate({"deployments": deployments}), trace, tg.Scenario(faults=[fault]))
    _, ax = plt.subplots(figsize=(4, 2.5))
    shown = texts(plots.share(run, ax=ax))
    assert len(shown) < 30
    assert {"failed", "deployment-40"} <= set(shown)
    assert shown[-1] == f"and {61 - len(shown) + 1} more"


# Fallbacks


@pytest.mark.parametrize("name", ["sample", "twelve"])
def test_matrix_holds_the_fallbacks(name: str, runs: dict[str, tg.Replay]) -> None:
    """Each number stands in the row of the first choice and the column of who served, and none is missing."""
    run = runs[name]
    ax = plots.fallbacks(run)
    moved = run.fallbacks()
    rows = [d for d in run.deployments if d in set(moved["from"])]
    columns = [d for d in run.deployments if d in set(moved["to"])]
    assert len(row_labels(ax)) == len(rows)
    assert len(ax.get_xticklabels()) == len(columns)
    drawn = {}
    for text in ax.texts:
        column, row = text.get_position()
        drawn[rows[row], columns[column]] = text.get_text()
    assert drawn == {(f, t): f"{n:,}" for f, t, n in moved.itertuples(index=False)}
    assert f"{moved['count'].sum():,} calls fell back" in ax.get_xlabel()
    image = ax.images[0].get_array()
    assert image.shape == (len(rows), len(columns))
    assert image.sum() == moved["count"].sum()
    assert image.count() == len(moved), "cells without calls stay empty"


def test_matrix_names_its_rows_and_columns(sample: tg.Replay) -> None:
    """Rows and columns are in config order, and deployments that no fallback concerns are left out."""
    ax = plots.fallbacks(sample)
    assert row_labels(ax) == ["strong", "weak"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["strong", "weak", "backup"]
    assert (ax.get_ylabel(), ax.get_xlabel().split(" (")[0]) == ("first choice", "served by")
    assert "12,421" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("name", ["sample", "twelve", "one call"])
def test_numbers_stand_out_from_their_cells(name: str, runs: dict[str, tg.Replay]) -> None:
    """The ink of a number has a contrast of 4.5 to its cell, the threshold of WCAG 2."""
    ax = plots.fallbacks(runs[name])
    for text in ax.texts:
        column, row = text.get_position()
        fill = to_hex(ax.images[0].to_rgba(ax.images[0].get_array())[row, column])
        assert contrast(text.get_color(), fill) >= 4.5


def test_no_fallback_is_said() -> None:
    """If no call fell back, the Axes say so."""
    ax = plots.fallbacks(two(a=[], b=[]))
    assert [text.get_text() for text in ax.texts] == ["No call was served by a fallback."]
    assert not ax.images
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0


# Compare


def bars(ax: Axes) -> list[tuple[float, float]]:
    """Return the lengths of the pairs of bars, from the top."""
    a, b = {}, {}
    for patch in ax.patches:
        middle = patch.get_y() + patch.get_height() / 2
        (a if middle < round(middle) else b)[round(middle)] = patch.get_width()
    return [(a[row], b[row]) for row in sorted(a)]


def test_compare_shows_both_shares_and_their_difference(sample: tg.Replay) -> None:
    """The bars of a pair are the shares of both replays, and the note beside them is their difference."""
    other = tg.replay(
        tg.GatewayConfig.load(DATA / "gateway.yaml").model_validate(
            {"deployments": [{"model_name": name, "model": "openai/x"} for name in ("weak", "strong", "backup")]}
        ),
        sample.trace,
        sample.scenario,
    )
    ax = plots.compare(sample, other, labels=["shipped", "open"])
    assert row_labels(ax) == ["strong", "weak", "backup", "failed", "blocked"]
    wanted = []
    for run in (sample, other):
        counts = pd.concat([run.calls["served_by"].value_counts(), run.calls["outcome"].value_counts()])
        wanted.append([counts[name] / len(run) for name in row_labels(ax)])
    assert np.allclose(bars(ax), np.transpose(wanted))
    notes = [f"{100 * (b - a):+.1f} pp" if a != b else "same" for a, b in np.transpose(wanted)]
    assert [text.get_text() for text in ax.texts] == notes
    assert texts(ax) == ["shipped", "open"]


def test_compare_takes_deployments_of_one_side() -> None:
    """A deployment that only one replay has gets one bar and is called new or gone."""
    run_a, run_b = two(strong=[], old=[]), two(strong=[["00:00", "24:00"]], fresh=[])
    ax = plots.compare(run_a, run_b)
    assert row_labels(ax) == ["strong", "old", "fresh", "failed", "blocked"]
    assert bars(ax) == [(1, 0), (0, 0), (0, 1), (0, 0), (0, 0)]
    notes = [text.get_text() for text in ax.texts]
    assert notes == ["-100.0 pp", "gone", "+100.0 pp (new)", "same", "same"]
    assert max(ax.get_xticks()) <= 1, "no share above 100%"


def test_compare_with_itself_is_zero(sample: tg.Replay) -> None:
    """A replay does not differ from itself."""
    ax = plots.compare(sample, sample)
    assert {text.get_text() for text in ax.texts} == {"same"}
    assert all(a == b for a, b in bars(ax))


def test_a_small_loss_is_no_zero() -> None:
    """A difference that a decimal does not show is written all the same."""
    trace = tg.Trace(pd.date_range("2026-03-02T00:00Z", periods=5000, freq="1s"))
    fault = tg.Outage(target="a", start="2026-03-02T00:00:00Z", end="2026-03-02T00:00:01Z")
    ax = plots.compare(tg.replay(config(a=[]), trace), tg.replay(config(a=[]), trace, tg.Scenario(faults=[fault])))
    assert [text.get_text() for text in ax.texts] == ["-0.02 pp", "+0.02 pp", "same"]


def test_notes_stay_within_the_axes(sample: tg.Replay) -> None:
    """The notes right of the bars have room, on small axes too."""
    figure, ax = plt.subplots(figsize=(4, 2.5), layout="constrained")
    plots.compare(sample, two(a_new_one=[]), ax=ax)
    figure.canvas.draw()
    assert all(text.get_window_extent().x1 <= ax.bbox.x1 for text in ax.texts)


# Colours and names


def test_colours_are_the_same_in_all_plots_and_orders(sample: tg.Replay) -> None:
    """A deployment has one colour in every plot, whatever the order of the config."""
    loaded = tg.GatewayConfig.load(DATA / "gateway.yaml")
    turned = tg.replay(loaded.model_copy(update={"deployments": loaded.deployments[::-1]}), sample.trace)
    assert turned.deployments == sample.deployments[::-1]
    wanted = plots.deployment_colors(sample.deployments)
    assert plots.deployment_colors(turned.deployments) == wanted

    for run in (sample, turned):
        served = [name for name in run.deployments if (run.calls["served_by"] == name).any()]
        areas = [patch for patch in plots.day(run).patches if patch.get_data().baseline[0] < len(run.deployments) - 0.5]
        assert [to_hex(area.get_facecolor()) for area in areas] == [wanted[name] for name in served]
        legend = plots.share(run).get_legend()
        shown = {
            t.get_text(): to_hex(p.get_facecolor())
            for t, p in zip(legend.get_texts(), legend.get_patches(), strict=True)
        }
        assert {name: shown[name] for name in served} == {name: wanted[name] for name in served}
        full = [to_hex(patch.get_facecolor()) for patch in plots.compare(run, run).patches][1::2]
        alarms = [palette.ALARM[outcome] for outcome in ("failed", "blocked")]  # no call is shed here
        assert full == [*(wanted[name] for name in run.deployments), *alarms]


@pytest.mark.parametrize("count", [1, 7, 8, 12, 14, 40])
def test_colours_differ_and_are_never_alarm(count: int) -> None:
    """No two deployments share a colour, also beyond the palette, and none has a colour of alarm."""
    for start in range(25):
        colors = plots.deployment_colors([f"model-{i}" for i in range(start, start + count)])
        assert len(set(colors.values())) == count
        assert not set(colors.values()) & set(palette.ALARM.values())
        if count <= len(palette.PALETTE):
            assert set(colors.values()) <= set(palette.PALETTE)


def test_colours_do_not_depend_on_the_order_where_hashes_meet() -> None:
    """Names whose hashes choose the same colour get the same two colours in any order."""
    names = [f"model-{i}" for i in range(12)]
    wanted = plots.deployment_colors(names)
    assert plots.deployment_colors(names[::-1]) == wanted
    assert plots.deployment_colors(names[5:] + names[:5]) == wanted


def test_colours_do_not_depend_on_the_process() -> None:
    """Colours come from a hash that no process salts: these names have these colours for ever."""
    assert plots.deployment_colors(["strong", "weak", "backup"]) == {
        "strong": "#88ccee",
        "weak": "#ddcc77",
        "backup": "#663300",
    }


@pytest.mark.parametrize("plot", [plots.day, plots.share, lambda run, colors: plots.compare(run, run, colors=colors)])
def test_colours_can_be_given(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """Given colours replace a deployment's own; names that the replay does not have are no matter."""
    ax = plot(sample, colors={"strong": "hotpink", "other": "red"})
    found = {to_hex(patch.get_facecolor()) for patch in ax.patches}
    assert to_hex("hotpink") in found
    assert plots.deployment_colors(sample.deployments)["strong"] not in found
    assert plots.deployment_colors(sample.deployments)["weak"] in found


def test_names_are_printed_as_they_are(runs: dict[str, tg.Replay]) -> None:
    """Names that begin with an underscore or hold dollars are printed, not hidden or set as mathematics."""
    run = two(**{"_$x$ a$": [], "b": []})
    assert [label.strip() for label in texts(plots.share(run))] == [r"_\$x\$ a\$"]
    ax = plots.day(run)
    assert row_labels(ax)[0].strip() == r"_\$x\$ a\$  100%"
    ax.figure.canvas.draw()


def test_long_names_are_shortened_and_stay_apart() -> None:
    """A long name loses its middle, unless two would then look alike."""
    _, ax = plt.subplots(figsize=(4, 2.5))
    alike = ["self-hosted-1-in-the-cellar-gpt", "self-hosted-2-in-the-cellar-gpt"]
    names = [*alike, "openai/gpt-4.1-mini-2025-04-14", "short"]
    plots.day(two(**{name: [] for name in names}), ax=ax)
    first, second, third, fourth, _ = (label.split("  ")[0] for label in row_labels(ax))
    assert [first, second] == alike
    assert third.startswith("openai/g")
    assert third.endswith("5-04-14")
    assert len(third) < 20
    assert fourth == "short"


# What is given


@pytest.mark.parametrize(
    "plot", [*PLOTS[:4], lambda run: plots.compare(two(), run), lambda run: plots.compare(run, two())]
)
@pytest.mark.parametrize("given", [None, pd.DataFrame(), "day.csv"])
def test_only_replays_are_drawn(plot: Callable[..., Axes], given: object) -> None:
    """Anything but a Replay is an error that names the parameter and the type, and leaves no figure behind."""
    with pytest.raises(InvalidTypeError, match=rf"^run\w* must be a Replay.*Got {type(given).__name__}\."):
        plot(given)
    assert not plt.get_fignums()


@every_plot
def test_axes_must_be_one(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """An array of Axes, as plt.subplots returns it, is an error that says so."""
    _, axes = plt.subplots(1, 2)
    with pytest.raises(InvalidTypeError, match=r"ax must be one matplotlib Axes, or None\. Got ndarray"):
        plot(sample, ax=axes)


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        ("AB", InvalidTypeError),
        (None, InvalidTypeError),
        ((1, 2), InvalidTypeError),
        ({"a", "b"}, InvalidTypeError),
        ((), ReplayError),
        (("a",), ReplayError),
        (("a", "b", "c"), ReplayError),
        (("a", "a"), ReplayError),
        (("a", " "), ReplayError),
    ],
)
def test_labels_must_be_two_names(labels: object, error: type[TimegateError], sample: tg.Replay) -> None:
    """Labels that are not two different names are an error that shows how they look."""
    with pytest.raises(error, match=r"labels must be two .* \('before', 'after'\)\. Got "):
        plots.compare(sample, sample, labels=labels)  # type: ignore[arg-type]
    assert not plt.get_fignums()


@pytest.mark.parametrize(("freq", "error"), [(5, InvalidTypeError), ("abc", ReplayError), ("", ReplayError)])
def test_freq_must_be_a_length_of_time(freq: object, error: type[TimegateError], sample: tg.Replay) -> None:
    """A freq that is no length of time is an error that names it, and leaves no figure behind."""
    with pytest.raises(error, match="freq must be"):
        plots.share(sample, freq)  # type: ignore[arg-type]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("colors", "error", "message"),
    [
        (["red"], InvalidTypeError, "colors must map names"),
        ({"strong": "no colour"}, ReplayError, r"colors\['strong'\] must be a colour"),
    ],
)
def test_colours_must_be_colours(colors: object, error: type[TimegateError], message: str, sample: tg.Replay) -> None:
    """Colours that are none are an error that names the deployment."""
    with pytest.raises(error, match=message):
        plots.day(sample, colors=colors)  # type: ignore[arg-type]
    assert not plt.get_fignums()


def test_one_name_is_no_list_of_names() -> None:
    """A bare str, which Python would take apart into letters, is an error."""
    with pytest.raises(InvalidTypeError, match="names must be a list"):
        plots.deployment_colors("strong")


@every_plot
def test_a_plot_says_what_it_is(plot: Callable[..., Axes], sample: tg.Replay) -> None:
    """Each has a title, which is not cut; a title of the user's own stays."""
    assert_nothing_is_cut(ax := plot(sample))
    assert ax.get_title("left")
    box = ax._left_title.get_window_extent()  # type: ignore[attr-defined]
    assert box.x1 <= ax.figure.bbox.width
    axes = plt.subplots()[1]
    axes.set_title("mine")
    assert plot(sample, ax=axes).get_title("left") == ""


def test_an_hour_of_ninety_days_is_seen() -> None:
    """An outage is drawn at least 0.04 inches wide, where it was."""
    trace = tg.Trace(pd.date_range("2026-03-02", periods=90, freq="1D", tz="UTC"))
    fault = tg.Outage(target="a", start="2026-04-02T10:00Z", end="2026-04-02T11:00Z")
    run = tg.replay(config(a=[], b=[]), trace, tg.Scenario(faults=[fault]))
    middle = mdates.date2num(pd.Timestamp("2026-04-02T10:30Z"))
    for plot in (plots.day, plots.gantt):
        ax = plot(run)
        ax.figure.canvas.draw()
        bars = [path for c in ax.collections for path in c.get_paths() if to_hex(c.get_facecolor()[0]) == "#555555"]
        (left, _), (right, _) = (ax.transData.transform(point) for point in bars[0].get_extents().get_points())
        assert (right - left) / ax.figure.dpi >= 0.03
        assert bars[0].get_extents().x0 < middle < bars[0].get_extents().x1


def test_thin_lines_are_explained() -> None:
    """A day says that a line is few calls, and which faults besides outages make them."""
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=500).trace(1)
    fault = tg.ErrorRate(target="a", rate=0.04)
    ax = plots.day(tg.replay(config(a=[], b=[]), trace, tg.Scenario(faults=[fault])))
    title = " ".join(ax.get_legend().get_title().get_text().split())
    assert "a line: few calls" in title
    assert "besides: a 4% server error" in title


def test_one_call_is_seen_in_a_gantt() -> None:
    """A trace of one instant is drawn as a second."""
    ax = plots.gantt(tg.replay(config(a=[], b=[]), tg.Trace(["2026-03-02T09:00Z"])))
    assert ax.get_xlim()[1] - ax.get_xlim()[0] == pytest.approx(1 / 86_400, rel=1e-3)


def test_all_failed_is_said() -> None:
    """Where every call was tried on all and failed, nobody says that none fell back."""
    fault = tg.Outage(target="provider:sim", start="2026-03-01T00:00Z")
    run = tg.replay(config(a=[], b=[]), tg.Trace(["2026-03-02T09:00Z"] * 3), tg.Scenario(faults=[fault]))
    text = " ".join(plots.fallbacks(run).texts[0].get_text().split())
    assert text == "No call was served by a fallback. 3 calls failed."


def test_no_two_colours_are_near() -> None:
    """Any two of deployments and alarms lie 30 apart in CIE Lab, in which 2 can just be told apart."""

    def lab(color: str) -> np.ndarray:
        rgb = np.array(mpl.colors.to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]]) @ linear
        x, y, z = np.cbrt(xyz / (0.9505, 1.0, 1.0888))
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    colors = [*palette.PALETTE, palette.ALARM["failed"], palette.ALARM["blocked"]]
    distances = [np.linalg.norm(lab(a) - lab(b)) for i, a in enumerate(colors) for b in colors[:i]]
    assert min(distances) > 30
