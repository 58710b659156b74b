"""A scenario explored with sliders: plain ipywidgets around a replay and its figure."""

from __future__ import annotations

import io
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import traitlets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from timegate import plots
from timegate.config import GatewayConfig
from timegate.core.targets import Targets
from timegate.errors import TimegateError
from timegate.faults import ErrorRate, Outage, Scenario
from timegate.plots.runs import STEPS
from timegate.pointer import guided
from timegate.runs.replay import replay
from timegate.show.palette import ALARM
from timegate.show.text import counted, percent
from timegate.traffic import PoissonTraffic, Trace
from timegate.widgets.arguments import as_config, as_scenario, as_trace

__all__ = ["ScenarioExplorer"]

LENGTHS = {
    "none": 0,
    "5 min": 5,
    "15 min": 15,
    "30 min": 30,
    "1 h": 60,
    "2 h": 120,
    "4 h": 240,
    "8 h": 480,
    "24 h": 1440,
}
"""The lengths of an outage that one can choose, in minutes."""

_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
AS_GIVEN = "as in the trace"
_WIDTH_PX, _DPI = 950, 200  # of the picture, where 100 points are an inch: twice as fine, for screens that show it
_SEEDS = 2**53  # what a browser counts exactly
_WIDE: dict[str, Any] = {"style": {"description_width": "9em"}, "layout": {"width": "30em"}}


class ScenarioExplorer(ipywidgets.VBox):  # type: ignore[misc]
    """Sliders for what may go wrong, and a picture of what a replay makes of it.

    Its faults come on top of those of the scenario that it is given. Being a ``VBox``, it stands in other
    containers, and its ``run`` and ``scenario`` can be observed.

    Parameters
    ----------
    config : GatewayConfig or path
    trace : Trace, DataFrame or path, optional
        Default: some 20,000 generated calls of one day.
    scenario : Scenario or path, optional
        What goes wrong in any case. Default: nothing.

    Attributes
    ----------
    run : Replay
        The last replay; replaced by each change.
    scenario : Scenario
        What it was replayed with; ``explorer.scenario.save(path)`` keeps it.
    error_rates : dict of str to FloatSlider
    outage_target, preferred : Dropdown
    outage_start, outage_length : SelectionSlider
    seed : BoundedIntText
        The controls; to set their ``value`` is to move them.

    Raises
    ------
    InvalidTypeError
        If an argument is of the wrong type.
    ScenarioError
        If the scenario does not fit the config.
    """

    run = traitlets.Any()
    scenario = traitlets.Any()

    @guided()
    def __init__(
        self,
        config: GatewayConfig | str | Path,
        trace: Trace | pd.DataFrame | str | Path | None = None,
        scenario: Scenario | str | Path | None = None,
    ) -> None:
        self._config, self._given = as_config(config), as_scenario(scenario)
        self._trace = as_trace(trace) or PoissonTraffic(start=_MONDAY, calls=20_000).trace(seed=0)
        self._figure = Figure(
            figsize=(_WIDTH_PX / 100, 1.5 + 0.55 * (len(self._config.deployments) + 1)), layout="constrained"
        )
        FigureCanvasAgg(self._figure)
        self._make_controls()
        self._message = ipywidgets.HTML()
        own_width = {"max_width": f"min(100%, {_WIDTH_PX}px)", "align_self": "flex-start"}  # larger, it would blur
        self._picture = ipywidgets.Image(format="png", layout=own_width)
        self._replay()  # before the widget is there: what is wrong with the arguments is raised
        columns = [
            [*self.error_rates.values()],
            [self.outage_target, self.outage_start, self.outage_length, self.preferred, self.seed],
        ]
        controls = ipywidgets.HBox([ipywidgets.VBox(column) for column in columns], layout={"flex_flow": "row wrap"})
        super().__init__([controls, self._message, self._picture])
        for control in (*self.error_rates.values(), *columns[1]):
            control.observe(self._changed, "value")

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the widget, and its picture for where no widget can run."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["image/png"] = b64encode(self._picture.value).decode()
        return data, {"image/png": {"width": _WIDTH_PX}}

    def _make_controls(self) -> None:
        names = [deployment.model_name for deployment in self._config.deployments]
        self.error_rates = {
            name: ipywidgets.FloatSlider(
                min=0,
                max=1,
                step=0.01,
                description=f"errors: {name}",
                readout_format=".0%",
                continuous_update=False,
                **_WIDE,
            )
            for name in names
        }
        self.outage_target = ipywidgets.Dropdown(
            options=list(Targets(self._config.deployments, self._given.groups)), description="outage of", **_WIDE
        )
        starts = _starts(self._trace)
        label = "%m-%d %H:%M" if all(at.second == 0 for at in starts) else "%m-%d %H:%M:%S"
        self.outage_start = ipywidgets.SelectionSlider(
            options=[(at.strftime(label), at) for at in starts],
            description="begins (UTC)",
            index=len(starts) // 2,
            continuous_update=False,
            **_WIDE,
        )
        self.outage_length = ipywidgets.SelectionSlider(
            options=list(LENGTHS.items()), description="lasts", continuous_update=False, **_WIDE
        )
        self.preferred = ipywidgets.Dropdown(
            options=[(AS_GIVEN, AS_GIVEN), ("none", None), *((name, name) for name in names)],
            description="calls prefer",
            **_WIDE,
        )
        self.seed = ipywidgets.BoundedIntText(
            value=self._given.seed % _SEEDS, min=0, max=_SEEDS - 1, description="seed", **_WIDE
        )

    def _changed(self, _: Any) -> None:
        try:
            self._replay()
        except Exception as error:  # one that leaves an observer is not seen
            text = str(error) if isinstance(error, TimegateError) else f"{type(error).__name__}: {error}"
            alarm = f"color: {ALARM['failed']}"
            self._message.value = f'<span style="{alarm}"><b>Not replayed:</b> {escape(text)}</span>'

    def _replay(self) -> None:
        scenario = self._scenario()
        run = replay(self._config, self._calls(), scenario)
        self._figure.clear()
        plots.day(run, self._figure.add_subplot())
        png = io.BytesIO()
        self._figure.savefig(png, format="png", dpi=_DPI)
        self._picture.value = png.getvalue()
        figures = ", ".join(
            f"{outcome.replace('_', ' ')} {percent(count / len(run))}"
            for outcome, count in run.outcome_counts().items()
            if outcome != "shed" or run.router.shares
        )
        self._message.value = f"<b>{counted(len(run), 'call')}:</b> {figures}"
        self.scenario, self.run = scenario, run

    def _scenario(self) -> Scenario:
        """Return the scenario given, with the faults of the controls behind its own."""
        faults: list[Any] = [
            ErrorRate(target=name, rate=slider.value, name=f"explorer: errors of {name}")
            for name, slider in self.error_rates.items()
            if slider.value > 0
        ]
        if minutes := self.outage_length.value:
            start = self.outage_start.value.to_pydatetime()
            faults.append(Outage(target=self.outage_target.value, start=start, end=start + timedelta(minutes=minutes)))
        return self._given.model_copy(update={"faults": (*self._given.faults, *faults), "seed": self.seed.value})

    def _calls(self) -> Trace:
        """Return the trace, with the preference of the control in place of its own."""
        name = self.preferred.value
        if name == AS_GIVEN:
            return self._trace
        codes = np.full(len(self._trace), -1 if name is None else 0, np.int32)
        trace = self._trace
        tokens = trace.completion_tokens, trace.prompt_tokens, trace.cached_tokens
        return Trace.from_arrays(trace.at_us, codes, () if name is None else (name,), *tokens)


def _starts(trace: Trace) -> list[pd.Timestamp]:
    """Return round instants along a trace, at most about a hundred."""
    span = trace.end - trace.start
    step = next((step for step in STEPS if span / pd.Timedelta(step) <= 96), STEPS[-1])
    starts: list[pd.Timestamp] = pd.date_range(trace.start.floor(step), trace.end, freq=step).to_list()
    return starts
