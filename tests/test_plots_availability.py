"""The availability of random days: what was drawn, read back from the Axes."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, row_labels, texts
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError

pytestmark = pytest.mark.usefixtures("closed_figures")


def result(*days: float) -> tg.MonteCarlo:
    """Make a Monte Carlo result of replicas with these availabilities."""
    return tg.MonteCarlo(pd.DataFrame({"availability": days, "calls": [100] * len(days)}), {})


def beta(mean: float, number: int = 400, seed: int = 1) -> tg.MonteCarlo:
    return result(*np.random.default_rng(seed).beta(50 * mean, 50 * (1 - mean), number))


def histogram(ax: Axes, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the heights of a row's histogram, and the edges of its bins."""
    values, edges, floor = ax.patches[row].get_data()
    return floor - values, edges


def lines(ax: Axes) -> list[tuple[list[float], float]]:
    """Return the lines and points below the histograms, as x and the row that they lie in."""
    return [(np.atleast_1d(line.get_xdata()).tolist(), float(np.round(line.get_ydata(), 6).max())) for line in ax.lines]


def test_a_row_has_spread_mean_and_interval() -> None:
    """Below the histogram of all replicas lie p05 to p95, and the mean with its interval, by closed forms."""
    mc = beta(0.9)
    days = mc.replicas["availability"].to_numpy()
    ax = plots.availability(mc)
    heights, edges = histogram(ax, 0)
    counts = np.histogram(days, edges)[0]
    assert counts.sum() == 400, "no replica is left out"
    assert np.allclose(heights / heights.max(), counts / counts.max())
    margin = NormalDist().inv_cdf(0.975) * days.std(ddof=1) / 20
    spread, interval, mean = (x for x, _ in lines(ax))
    assert spread == pytest.approx(np.quantile(days, [0.05, 0.95]))
    assert interval == pytest.approx([days.mean() - margin, days.mean() + margin], abs=0.05 * margin)  # nearly normal
    assert mean == pytest.approx([days.mean()])
    assert texts(ax) == ["replicas", "5th to 95th percentile", "mean, 95% interval"]
    assert ax.texts[0].get_text() == (
        f"{100 * days.mean():.2f}% ({100 * (days.mean() - margin):.2f} to {100 * (days.mean() + margin):.2f})"
    )


def test_the_confidence_is_that_of_the_interval() -> None:
    """Another confidence widens the interval as the summary does, and the legend says which it is."""
    mc = beta(0.9)
    ax = plots.availability(mc, confidence=0.999)
    assert lines(ax)[1][0] == pytest.approx(mc.summary(0.999).loc["availability", ["ci_low", "ci_high"]].tolist())
    assert texts(ax)[-1] == "mean, 99.9% interval"


def test_several_results_share_an_axis_and_bins() -> None:
    """Each result has a row with its name, in the order given, and the bins are the same for all."""
    results = {"today": beta(0.9), "tomorrow": beta(0.97, seed=2), "$x_": beta(0.5, seed=3)}
    ax = plots.availability(results)
    assert row_labels(ax) == ["today", "tomorrow", r"\$x_"]
    edges = [histogram(ax, row)[1] for row in range(3)]
    assert np.array_equal(edges[0], edges[1])
    assert np.array_equal(edges[0], edges[2])
    means = [x[0] for x, _ in lines(ax)[2::3]]
    assert means == pytest.approx([mc.replicas["availability"].mean() for mc in results.values()])
    assert [row for _, row in lines(ax)[2::3]] == pytest.approx([0.28, 1.28, 2.28])
    assert all(histogram(ax, row)[0].max() == pytest.approx(0.55) for row in range(3)), "as high as a row allows"


def test_a_true_monte_carlo_is_drawn() -> None:
    """What monte_carlo() returns is drawn with the figures of its summary."""
    gateway = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="a", rate=0.2)])
    mc = tg.monte_carlo(
        gateway, tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=200).trace(1), scenario, replicas=30, seed=4
    )
    figures = mc.summary().loc["availability"]
    assert lines(plots.availability({"a": mc}))[0][0] == pytest.approx([figures["p05"], figures["p95"]])


@pytest.mark.parametrize("days", [(1.0, 1.0), (0.0, 0.0), (0.5, 0.5, 0.5), (0.999999, 1.0), (np.nan, 0.9, 0.8)])
def test_any_spread_can_be_drawn(days: tuple[float, ...]) -> None:
    """Without any spread, at the ends, and with a replica that had no calls, a row is drawn and nothing is cut."""
    ax = plots.availability(result(*days))
    heights, edges = histogram(ax, 0)
    assert heights.max() > 0
    assert 0 <= edges[0] < edges[-1] <= 1
    assert lines(ax)[2][0] == pytest.approx([np.nanmean(days)])
    assert len(ax.get_xticks()) >= 1
    assert_nothing_is_cut(ax)


def test_replicas_without_calls_are_said() -> None:
    """A result in which no replica had a call says so, and the others are drawn all the same."""
    ax = plots.availability({"empty": result(np.nan, np.nan), "some": result(0.5, 0.6)})
    assert ax.texts[0].get_text() == "no calls"
    assert len(ax.patches) == 1
    ax = plots.availability(result(np.nan, np.nan))
    assert [text.get_text() for text in ax.texts] == ["no calls"]
    assert_nothing_is_cut(ax)


@pytest.mark.parametrize("size", [(4, 2.5), (8, 3), (14, 2), (5, 9)])
@pytest.mark.parametrize("count", [1, 3, 12])
def test_any_number_of_results_fits(count: int, size: tuple[float, float]) -> None:
    """From 1 to 12 results with long names nothing is cut, and the notes keep within the axes."""
    results = {f"a rather long name of a what-if, number {i}": beta(0.8 + 0.015 * i, 50, i) for i in range(count)}
    _, ax = plt.subplots(figsize=size, layout="constrained")
    assert plots.availability(results, ax=ax) is ax
    assert_nothing_is_cut(ax)
    assert all(text.get_window_extent().x1 <= ax.bbox.x1 for text in ax.texts)
    if count <= 3 * size[1]:
        assert_labels_keep_apart(ax)


def test_intervals_lie_on_the_axis() -> None:
    """Of few replicas an interval is wider than what they spread: all of it is seen."""
    for calls in (1, 200):
        traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=calls)
        config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        scenario = tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.2)] if calls > 1 else [])
        days = tg.monte_carlo(config, traffic, scenario, replicas=3)
        low, high = plots.availability(days).get_xlim()
        figures = days.summary().loc["availability"]
        assert low <= figures["ci_low"] < figures["ci_high"] <= high


def test_notes_lie_right_of_the_data() -> None:
    """The room for the notes holds no data."""
    ax = plots.availability({"a": beta(0.9), "b": beta(0.99)})
    ax.figure.canvas.draw()
    right = ax.transData.transform((histogram(ax, 0)[1][-1], 0))[0]
    assert all(text.get_window_extent().x0 >= right for text in ax.texts)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (None, InvalidTypeError, r"results must be a MonteCarlo, .* Got NoneType\."),
        (pd.DataFrame(), InvalidTypeError, "Got DataFrame"),
        ([result(1.0, 0.9)], InvalidTypeError, "Got list"),
        ({"a": 1}, InvalidTypeError, r"results\['a'\] must be a MonteCarlo.*Got int\."),
        ({1: result(1.0, 0.9)}, InvalidTypeError, "named by text. Got the name 1"),
        ({" ": result(1.0, 0.9)}, ReplayError, "a name is blank"),
        ({}, ReplayError, "at least one MonteCarlo"),
    ],
)
def test_only_results_are_drawn(given: object, error: type[Exception], message: str) -> None:
    """Anything but a MonteCarlo, or a mapping of names to some, is an error that names it, and leaves no figure."""
    with pytest.raises(error, match=message):
        plots.availability(given)  # type: ignore[arg-type]
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("confidence", "error"),
    [
        ("0.9", InvalidTypeError),
        (None, InvalidTypeError),
        (True, InvalidTypeError),
        (0, ReplayError),
        (95, ReplayError),
    ],
)
def test_the_confidence_must_be_a_share(confidence: object, error: type[Exception]) -> None:
    """A confidence that is no number between 0 and 1 is an error that says so."""
    with pytest.raises(error, match="confidence must"):
        plots.availability(beta(0.9), confidence)  # type: ignore[arg-type]
    assert not plt.get_fignums()
