"""The explorer without a browser: to set a control's value is what dragging it does."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

import ipywidgets
import matplotlib.pyplot as plt
import pandas as pd
import pytest

import timegate as tg
from timegate.errors import InvalidTypeError, ScenarioError
from timegate.widgets.explorer import ScenarioExplorer

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/large", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "openai/small"},
        {"model_name": "<b>spare</b>", "model": "sim/spare"},
    ]
)
TRACE = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2000, preferences={"weak": 0.3}).trace(1)
GIVEN = tg.Scenario(faults=[tg.ErrorRate(target="weak", rate=0.1)], seed=7)


@pytest.fixture
def explorer() -> Iterator[ScenarioExplorer]:
    made = ScenarioExplorer(CONFIG, TRACE, GIVEN)
    yield made
    made.close()


def picture(explorer: ScenarioExplorer) -> bytes:
    (image,) = [child for child in explorer.children if isinstance(child, ipywidgets.Image)]
    return bytes(image.value)


def message(explorer: ScenarioExplorer) -> str:
    (html,) = [child for child in explorer.children if isinstance(child, ipywidgets.HTML)]
    return str(html.value)


def test_it_begins_with_what_it_was_given(explorer: ScenarioExplorer) -> None:
    """Untouched, the run is the replay of the arguments, and the scenario the one given."""
    assert explorer.scenario == GIVEN
    pd.testing.assert_frame_equal(explorer.run.calls, tg.replay(CONFIG, TRACE, GIVEN).calls)
    assert plt.imread(io.BytesIO(picture(explorer))).shape[1] == 1900
    assert message(explorer).startswith(f"<b>{len(TRACE):,} calls:</b> first choice ")


def test_a_preference_keeps_the_lengths_of_calls() -> None:
    """Prompts and answers are as long whoever is preferred, so that bills and limits stay what they are."""
    row = {"at": "2026-03-02T09:00Z", "prompt_tokens": 900, "completion_tokens": 100, "cached_tokens": 300}
    explorer = ScenarioExplorer(CONFIG, tg.Trace(pd.DataFrame([row])))
    explorer.preferred.value = CONFIG.deployments[-1].model_name
    lengths = ["prompt_tokens", "completion_tokens", "cached_tokens"]
    assert explorer.run.trace.frame[lengths].to_numpy().tolist() == [[900, 100, 300]]


def test_nothing_is_said_of_what_cannot_be(explorer: ScenarioExplorer) -> None:
    """Where deployments have no limits no call is shed; an outage begins where the day is at its middle."""
    assert "shed" not in message(explorer)
    limits = {"cooldown": {"failures": 3, "for_s": 60}}
    limited = tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/a", "policy": limits}])
    assert "shed" in message(ScenarioExplorer(limited, TRACE))
    options = [at for _, at in explorer.outage_start.options]
    assert explorer.outage_start.value == options[len(options) // 2]


def test_without_a_trace_it_makes_a_day() -> None:
    """A config alone is enough."""
    assert len(ScenarioExplorer(CONFIG).run) == pytest.approx(20_000, rel=0.05)


def test_error_rates_reach_the_replay(explorer: ScenarioExplorer) -> None:
    """A slider adds an error rate behind the faults given; back at 0 it is gone."""
    before = picture(explorer)
    explorer.error_rates["strong"].value = 0.5
    assert explorer.scenario.faults[0] == GIVEN.faults[0]
    assert [(fault.target, fault.rate) for fault in explorer.scenario.faults[1:]] == [("strong", 0.5)]
    failed = explorer.run.attempts.query("deployment == 'strong' and outcome != 'ok'")
    assert 200 < len(failed) < 800
    assert picture(explorer) != before
    explorer.error_rates["strong"].value = 0
    assert explorer.scenario == GIVEN
    assert picture(explorer) == before


def test_an_outage_is_moved_and_stretched(explorer: ScenarioExplorer) -> None:
    """Target, start and length of the outage are those of the controls; of length none, there is none."""
    explorer.outage_target.value = "provider:openai"
    assert explorer.scenario == GIVEN
    explorer.outage_length.label = "2 h"
    explorer.outage_start.label = "03-02 09:00"
    outages = explorer.run.outages()
    assert outages["deployment"].tolist() == ["strong", "weak"]
    assert set(outages["start"]) == {pd.Timestamp("2026-03-02T09:00Z")}
    assert set(outages["end"]) == {pd.Timestamp("2026-03-02T11:00Z")}


@pytest.mark.parametrize(("value", "names"), [("strong", {"strong"}), (None, set()), ("as in the trace", {"weak"})])
def test_preferences_replace_those_of_the_trace(explorer: ScenarioExplorer, value: str | None, names: set[str]) -> None:
    """All calls prefer the deployment chosen, or none does; or the trace is taken as it is."""
    explorer.preferred.value = None if value == "as in the trace" else "as in the trace"
    explorer.preferred.value = value
    assert set(explorer.run.calls["preferred"].dropna()) == names
    assert explorer.run.calls["preferred"].isna().all() == (value is None)


def test_the_seed_is_that_of_the_draws(explorer: ScenarioExplorer) -> None:
    """Another seed gives other luck, and the first again the first."""
    first = explorer.run.calls
    explorer.seed.value = 8
    assert explorer.scenario.seed == 8
    assert not explorer.run.calls.equals(first)
    explorer.seed.value = 7
    pd.testing.assert_frame_equal(explorer.run.calls, first)


@pytest.mark.parametrize("error", [ScenarioError("no <b>luck</b>"), MemoryError("no <b>luck</b>")])
def test_an_error_is_shown_in_place(
    explorer: ScenarioExplorer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A replay that raises whatever leaves the last run and says so, with markup of the message escaped."""
    kept = explorer.run

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("timegate.widgets.explorer.replay", fail)
    explorer.seed.value = 9
    assert explorer.run is kept
    assert "Not replayed:" in message(explorer)
    assert "no &lt;b&gt;luck&lt;/b&gt;" in message(explorer)


def test_without_widgets_there_is_its_picture(explorer: ScenarioExplorer) -> None:
    """Beside the widget, a notebook is given the picture as PNG."""
    explorer.seed.value = 12
    data, metadata = explorer._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == picture(explorer)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert metadata == {"image/png": {"width": 950}}  # as wide as in the widget, and twice as fine


def test_it_is_a_widget_like_any_other(explorer: ScenarioExplorer) -> None:
    """It stands in containers; its run can be observed and linked; it leaves no figure of pyplot behind."""
    seen = []
    explorer.observe(lambda change: seen.append(change["new"]), "run")
    box = ipywidgets.HBox([explorer])
    label = ipywidgets.IntText()
    ipywidgets.link((explorer.seed, "value"), (label, "value"))
    label.value = 11
    assert seen == [explorer.run]
    assert explorer.scenario.seed == 11
    assert box.children == (explorer,)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("trace", [["2026-03-02T09:00Z"], ["2026-03-02T09:00Z", "2026-03-02T09:00:30Z"],
                                   ["2026-03-02T09:00Z", "2026-07-02T09:00Z"]])  # fmt: skip
def test_traces_of_any_length(trace: list[str]) -> None:
    """From one call to months, an outage can begin at distinct instants along the trace."""
    options = ScenarioExplorer(CONFIG, tg.Trace(trace)).outage_start.options
    assert 1 <= len(options) <= 130
    assert len({label for label, _ in options}) == len(options)


def test_wrong_arguments_are_refused() -> None:
    """What is wrong with the arguments is raised at once, not shown in a widget."""
    with pytest.raises(InvalidTypeError, match=r"config must be a GatewayConfig, or the path of its file. Got 3"):
        ScenarioExplorer(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"trace must be a Trace, a table or a path\. Got list"):
        ScenarioExplorer(CONFIG, ["2026-03-02T09:00Z"])  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="scenario must be a Scenario"):
        ScenarioExplorer(CONFIG, TRACE, 3)  # type: ignore[arg-type]
    with pytest.raises(ScenarioError, match="Did you mean 'weak'"):
        ScenarioExplorer(CONFIG, TRACE, tg.Scenario(faults=[tg.ErrorRate(target="wek", rate=0.1)]))
