"""Load, the story of a call, and sweeps: what was drawn, read back from the Axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, row_labels, texts
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle, StepPatch

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError
from timegate.runs.sweep import SWEEP_COLUMNS
from timegate.show import palette

pytestmark = pytest.mark.usefixtures("closed_figures")

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/large", "policy": {"cooldown": {"failures": 2, "for_s": 120}}},
        {"model_name": "weak", "model": "sim/small", "policy": {"limits": {"requests_per_min": 30}}},
        {"model_name": "night", "model": "sim/small", "time_constraints": [["08:00", "20:00"]]},
    ],
    policy={"max_retries": 1, "backoff": {"initial_s": 1, "jitter": "none"}},
)
SCENARIO = tg.Scenario(
    faults=[
        tg.Outage(target="strong", start="2026-03-02T09:20Z", end="2026-03-02T09:30Z", after_s=0.5),
        tg.Latency(target="provider:sim", median_s=1.5),
        tg.Capacity(target="strong", concurrent=2),
    ]
)


@pytest.fixture(scope="module")
def run() -> tg.Replay:
    trace = tg.PoissonTraffic(start="2026-03-02T09:00Z", rates=[1], calls=4000).trace(1)
    return tg.replay(CONFIG, trace, SCENARIO, engine="stepped")


def test_load_stacks_what_the_table_has(run: tg.Replay) -> None:
    """The heights of a row are to each other as the figures of the table, the fullest bin filling its row."""
    ax = plots.load(run, "1min")
    table = run.load("1min")
    refused = table["offered"] - table["admitted"]
    for row, name in enumerate(run.deployments[:2]):
        mine = table.loc[name]
        wanted = {
            plots.deployment_colors(run.deployments)[name]: mine["admitted"] - mine["answered_429"],
            palette.ALARM["failed"]: mine["answered_429"],
            palette.ALARM["shed"]: refused.loc[name],
        }
        for patch in ax.patches:
            values, _, baseline = patch.get_data()
            if isinstance(patch, StepPatch) and row - 0.5 < baseline.max() < row + 0.5:
                counts = wanted.pop(to_hex(patch.get_facecolor()))
                heights = np.where(counts > 0, np.maximum(0.78 * counts / table["offered"].max(), 0.02), 0)
                assert np.allclose(baseline - values, heights)
        assert all(not counts.any() for counts in wanted.values())
    share = 100 * refused.loc["weak"].sum() / table.loc["weak", "offered"].sum()
    assert row_labels(ax) == [
        f"strong  {100 * refused.loc['strong'].sum() / table.loc['strong', 'offered'].sum():.1f}%",
        f"weak  {share:.1f}%",
        "night  -",
    ]
    assert texts(ax) == ["answered 429", "refused by a limit or a cooldown", "cooling"]


def test_story_draws_each_step(run: tg.Replay) -> None:
    """There is a bar an attempt, a cross a deployment passed over, and a line a pause, where the story has them."""
    skipped = run.skips["call"].unique()
    call = next(c for c in run.attempts.query("pause_s > 0")["call"] if c in skipped)
    story = run.story(call)
    ax = plots.story(run, call)
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_height() == 0.5][-len(story) :]
    drawn = {(round(bar.get_x(), 6), round(bar.get_y() + 0.25)) for bar in bars}
    order = run.explain(call).order
    tries = story[story["event"] == "tries"]
    assert {(round(a, 6), order.index(d)) for a, d in zip(tries["after_s"], tries["deployment"], strict=True)} <= drawn
    crosses = [line for line in ax.lines if line.get_marker() == "X"]
    pauses = [line for line in ax.lines if line.get_linestyle() == ":"]
    assert len(crosses) == (story["event"] == "passes over").sum() >= 1
    assert [np.ptp(line.get_xdata()) for line in pauses] == pytest.approx(story.query("event == 'waits'")["for_s"])
    assert row_labels(ax)[-1] == "night"
    assert "closed by a window" in texts(ax)
    assert_nothing_is_cut(ax)


@pytest.mark.parametrize("pause_s", [0.0, 0.15, 2.0])
def test_notes_of_a_story_hide_nothing(pause_s: float) -> None:
    """Of a row on which much happens within a moment: what has no room beside stands above or below, or is left out."""
    policy = {"max_retries": 4, "backoff": {"initial_s": pause_s, "max_s": pause_s, "jitter": "none"}}
    cooldown = {"failures": 3, "for_s": 120}
    models = [
        {"model_name": "a", "model": "sim/a", "policy": {"cooldown": cooldown}},
        {"model_name": "b", "model": "sim/b"},
    ]
    faults = [tg.ErrorRate(target="provider:sim", rate=1.0, after_s=0.2)]
    trace = tg.Trace(["2026-03-02T09:00Z"])
    ax = plots.story(
        tg.replay(tg.GatewayConfig(deployments=models, policy=policy), trace, tg.Scenario(faults=faults)), 0
    )
    ax.figure.canvas.draw()
    assert "cooling until" in " ".join(text.get_text() for text in ax.texts)
    boxes = [text.get_window_extent() for text in ax.texts]
    crosses = [line.get_window_extent().padded(2) for line in ax.lines if line.get_marker() == "X"]
    assert len(crosses) == 1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i]), ax.texts[i].get_text()
        assert not any(box.overlaps(cross) for cross in crosses), ax.texts[i].get_text()


@pytest.mark.parametrize("value", ["recovery_s", "unserved", "served_during", "served_after"])
def test_a_sweep_of_one_cell_is_whole(value: str) -> None:
    """Its title and what it shows have room, though there is one cell."""
    ax = plots.sweep(table().iloc[:1], value)
    assert ax.get_title(loc="left")
    assert_nothing_is_cut(ax)


def table() -> pd.DataFrame:
    rows = [
        (load, length_s, 100, int(length_s * load), 1.0, 0.1, 0.9, np.nan if load * length_s > 100 else 5.0 * load,
         load * length_s <= 100)
        for load in (0.5, 1.0, 2.0) for length_s in (10.0, 90.0)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(SWEEP_COLUMNS))


@pytest.mark.parametrize("value", ["recovery_s", "unserved", "served_during", "served_after"])
def test_sweep_has_a_cell_for_each_pair(value: str) -> None:
    """Loads run to the right and lengths down; cells that do not come back are crossed, whatever is shown."""
    ax = plots.sweep(table().sample(frac=1, random_state=1), value)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.5x", "1x", "2x"]
    assert row_labels(ax) == ["10 s", "1.5 min"]
    crossed = [patch.get_xy() for patch in ax.patches if patch.get_hatch() == "xxxx"]
    assert crossed == [(1.5, 0.5)]
    written = [text.get_text() for text in ax.texts]
    assert (
        written
        == {
            "recovery_s": ["2.5 s", "5 s", "10 s", "2.5 s", "5 s", "never"],
            "unserved": ["5", "10", "20", "45", "90", "180"],
            "served_during": ["10.0%"] * 6,
            "served_after": ["90.0%"] * 6,
        }[value]
    )
    assert_nothing_is_cut(ax)
    assert_labels_keep_apart(ax)


def test_what_is_none_is_refused(run: tg.Replay) -> None:
    """The errors name the argument."""
    with pytest.raises(InvalidTypeError, match=r"table must be what tg.sweep\(\) returned"):
        plots.sweep(pd.DataFrame())
    with pytest.raises(ReplayError, match="Did you mean 'unserved'"):
        plots.sweep(table(), "unservd")
    with pytest.raises(ReplayError, match="a row for each load and length"):
        plots.sweep(table().iloc[1:])
    with pytest.raises(ReplayError, match="call must be a whole number"):
        plots.story(run, -1)
    with pytest.raises(InvalidTypeError, match="freq must be text"):
        plots.load(run, 5)  # type: ignore[arg-type]
