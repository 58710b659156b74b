"""Every plot of a replay where there is little to see, or much: whole, with a title, and a word on what is empty."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, texts
from matplotlib.axes import Axes

import timegate as tg
from timegate import plots

pytestmark = pytest.mark.usefixtures("closed_figures")

PRICE = {"per_call": 0.01, "bands": [{"name": "peak", "windows": [["01:00", "10:00"]], "times": 2}]}
ALIKE = [f"azure-openai-eu-west-gpt-large-deployment-{number:02}" for number in range(12)]
DAY = pd.date_range("2026-03-02T00:00Z", "2026-03-02T23:30Z", freq="30min")
QUARTER = pd.date_range("2026-03-02T00:00Z", "2026-05-31T00:00Z", freq="7h")
LATENCY = tg.Latency(target="provider:sim", median_s=1)
DEAD = tg.Outage(target="provider:sim", start="2026-01-01T00:00Z", error="timeout", after_s=5)
PARTS = [
    LATENCY,
    tg.ErrorRate(target=ALIKE[0], rate=0.04),
    tg.Outage(target=ALIKE[0], start="2026-03-02T10:00Z", end="2026-03-02T11:00Z"),
]
CASES = {
    "12 that begin alike, for 90 days": (ALIKE, ["22:00", "06:00"], QUARTER, PARTS),
    "one call": (ALIKE[:2], None, DAY[18:19], [LATENCY]),
    "one deployment that fails": (ALIKE[:1], None, DAY, [DEAD]),
    "nobody ever open": (ALIKE[:2], ["00:00", "24:00"], DAY, []),
}  # fmt: skip
PLOTS: dict[str, Callable[[tg.Replay], Axes]] = {
    "day": plots.day,
    "share": plots.share,
    "fallbacks": plots.fallbacks,
    "gantt": plots.gantt,
    "heatmap": plots.heatmap,
    "load": plots.load,
    "cost": plots.cost,
    "price_hours": plots.price_hours,
    "story": lambda run: plots.story(run, 0),
    "compare": lambda run: plots.compare(run, run),
}


@cache
def run(case: str) -> tg.Replay:
    names, closed, times, faults = CASES[case]
    deployments = [
        {"model_name": name, "model": f"sim/{name}", "price": PRICE}
        | ({"time_constraints": [closed]} if closed else {})
        for name in names[:-1]
    ] + [
        {
            "model_name": names[-1],
            "model": "sim/last",
            "price": PRICE,
            "time_constraints": [closed or ["02:00", "03:00"]],
        }
    ]
    if case.startswith("12"):
        del deployments[-1]["time_constraints"]
    return tg.replay(tg.GatewayConfig.model_validate({"deployments": deployments}), times, tg.Scenario(faults=faults))


def words(ax: Axes) -> str:
    legend = ax.get_legend()
    title = [legend.get_title().get_text()] if legend else []
    return " ".join([*title, *texts(ax), *(text.get_text() for text in ax.texts)])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_of_an_extreme_case_is_whole(name: str, case: str) -> None:
    """Nothing is cut, no two labels meet, and a title says what it is."""
    ax = PLOTS[name](run(case))
    assert ax.get_title(loc="left")
    assert_nothing_is_cut(ax)
    assert_labels_keep_apart(ax)


@pytest.mark.parametrize(
    ("name", "case", "said"),
    [
        ("fallbacks", "one deployment that fails", "45 calls failed and 3 calls met none that was open."),
        ("fallbacks", "nobody ever open", "No call was served by a fallback. 48 calls met none that was open."),
        ("load", "nobody ever open", "No attempt was made, and none was refused."),
        ("cost", "nobody ever open", "No call was answered, and nothing was paid for answers."),
        ("cost", "one deployment that fails", "No call was answered, and nothing was paid for answers."),
        ("price_hours", "one deployment that fails", "nothing was paid to it"),
        ("heatmap", "one call", "empty: no calls"),
        ("story", "one call", "empty rows: not reached"),
    ],
)  # fmt: skip
def test_what_is_empty_says_why(name: str, case: str, said: str) -> None:
    """Where there is nothing to see, a word says so, and it is true."""
    assert said in " ".join(words(PLOTS[name](run(case))).split())


def test_the_bill_is_drawn_over_the_whole_trace() -> None:
    """Hours before the first answer are on the axis of costs, as on that of calls."""
    night = {"model_name": "a", "model": "sim/a", "price": PRICE, "time_constraints": [["00:00", "12:00"]]}
    replay = tg.replay(tg.GatewayConfig(deployments=[night]), DAY)
    first = [plot(replay).get_xlim()[0] for plot in (plots.cost, plots.share)]
    assert first[0] == pytest.approx(first[1])
