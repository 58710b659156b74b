"""The schedule editor: windows as bars that one drags, and the replay underneath.

The page draws at once; this side validates, replays and answers. A change travels as the trait ``draft`` with its
author and revision, and the answer repeats both, so that the page can drop an answer to what is no longer on screen.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets

from timegate.config import GatewayConfig
from timegate.core.clock import Instant, from_us, to_us
from timegate.core.zones import check_zone
from timegate.errors import InputError, InvalidValueError, TimegateError, TimegateWarning, shown
from timegate.faults import Scenario
from timegate.pointer import guided
from timegate.review.check import check
from timegate.review.diff import Diff, diff
from timegate.runs.replay import replay
from timegate.runs.result import Replay
from timegate.show.palette import ALARM, deployment_colors
from timegate.traffic import Trace
from timegate.widgets import live
from timegate.widgets.arguments import as_config, as_date, as_scenario, as_trace, first_date
from timegate.widgets.draft import (
    Draft,
    PageProblem,
    Reading,
    calendars_of,
    change_of,
    findings_of,
    message_of,
    problems_of,
    read_draft,
    rows_of,
    write_draft,
    zones_of,
)
from timegate.widgets.propose import Proposing, as_options
from timegate.widgets.script import STATIC, editor_script
from timegate.widgets.static_view import html_view, svg_view

__all__ = ["ScheduleEditor"]


class ScheduleEditor(Proposing):
    """Edit the windows of a gateway by hand, and see at once who would serve.

    A row a deployment: its closed windows are bars that one drags, and below them the outages of the scenario. With
    a trace, every change is replayed; shares and figures follow, beside those of the start.

    Parameters
    ----------
    config : GatewayConfig or path
        Where to start.
    trace : Trace, DataFrame or path, optional
        The arrivals to replay. Default: none, and windows are edited blind.
    scenario : Scenario or path, optional
        What goes wrong. Default: nothing.
    tz : str
        The zone of the axis.
    day : date or str, optional
        The first date on the axis. Default: that of the first arrival, or else of the first outage, or else today.
    axis : {"day", "week"}
        How much the axis shows.
    snap : {15, 5, 1}
        To how many minutes a drag is rounded.
    path : path, optional
        Where Save writes to.
    scope : {"trace", "shown"}
        Whether the figures are those of the whole trace, or of the days on the axis.
    now : datetime or str, optional
        The instant on whose date the axis begins, in place of ``day``.
    optimise : mapping, optional
        What :func:`timegate.optimise` is told by Propose, such as ``{"limits": {"failed": 0.001}}``. Its zone is that
        of the axis by default, its period a day where the trace has no week.

    Attributes
    ----------
    config : GatewayConfig
        The last valid one, without the deployments that are switched off. Set it to show another.
    scenario : Scenario
        The last valid one. Set it to show another.
    run : Replay or None
        The last replay.
    value : GatewayConfig
        The config again, under the name by which ``interactive_output`` knows what a control says.
    start : GatewayConfig
        Where the editor started.
    proposals : Proposals or None
        What the last search for windows found.

    Raises
    ------
    InvalidTypeError, InvalidValueError
        If an argument is of the wrong type, or breaks a rule. What is wrong with an edit is shown in the page.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[
    ...     {"model_name": "weak", "model": "sim/small", "time_constraints": [["22:00", "06:00"]]},
    ... ])
    >>> editor = ScheduleEditor(config, Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]))
    >>> editor.run
    <Replay of 2 calls: 1 first_choice, 1 blocked>
    """

    _esm = editor_script()
    _css = (STATIC / "editor.css").read_text(encoding="utf-8")

    config = traitlets.Any()
    scenario = traitlets.Any()
    trace = traitlets.Any()
    run = traitlets.Instance(Replay, allow_none=True, read_only=True)
    value = traitlets.Any(read_only=True)

    tz = traitlets.Unicode("UTC").tag(sync=True)
    day = traitlets.Unicode("1970-01-01").tag(sync=True)
    axis = traitlets.Enum(["day", "week"], "day").tag(sync=True)
    snap = traitlets.Enum([15, 5, 1], 15).tag(sync=True)
    path = traitlets.Unicode("").tag(sync=True)
    scope = traitlets.Enum(["trace", "shown"], "trace").tag(sync=True)

    draft = traitlets.Dict().tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)
    findings = traitlets.Dict().tag(sync=True)
    origin = traitlets.Unicode().tag(sync=True)

    @guided()
    def __init__(
        self,
        config: GatewayConfig | str | Path,
        trace: Trace | pd.DataFrame | str | Path | None = None,
        scenario: Scenario | str | Path | None = None,
        *,
        tz: str = "UTC",
        day: date | str | None = None,
        axis: str = "day",
        snap: int = 15,
        path: str | Path = "",
        scope: str = "trace",
        now: Instant | None = None,
        optimise: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self._taking = False  # whether config and scenario change because the draft did
        self._start_run: Replay | None = None
        self._start_figures: dict[Any, dict[str, Any]] = {}  # those that were shown last
        self._problems: list[PageProblem] = []
        self._notes: list[str] = []
        self._refused = False  # whether the draft is not the config, for it breaks a rule
        self._latest: Replay | None = None
        self._optimise = as_options(optimise)
        config, scenario, trace = as_config(config), as_scenario(scenario), as_trace(trace)
        check_zone(tz)
        if now is not None:
            if day is not None:
                raise InvalidValueError(f"day must be left out where now sets it. Got {shown(day)}.")
            day = live.local_date(to_us(now, "now"), tz)
        self.start, self.start_scenario = config, scenario
        super().__init__(
            config=config,
            scenario=scenario,
            trace=trace,
            tz=tz,
            day=first_date(trace, scenario, tz) if day is None else as_date(day),
            axis=axis,
            snap=snap,
            path=str(path),
            scope=scope,
            draft=write_draft(config, scenario, 0),
            origin=f"{config.router().fingerprint}-{scenario.fingerprint}",
            **kwargs,
        )
        self._take_draft()
        self.observe(lambda _: self._take_draft(), "draft")
        self.observe(self._take_value, ["config", "scenario"])
        self.observe(self._take_trace, "trace")
        self.observe(lambda _: self._show(), ["tz", "day", "axis", "scope"])
        self.on_msg(self._take_message)

    def __repr__(self) -> str:
        names = ", ".join(deployment.model_name for deployment in self.config.deployments)
        return f"<ScheduleEditor of {names}>"

    def diff(self, start: Instant | None = None, end: Instant | None = None) -> Diff:
        """Return what changed since the start, between two instants or in the present week.

        See :func:`timegate.diff`.
        """
        return diff(self.start, self.config, start, end)

    # From the page

    def _take_draft(self) -> None:
        """Read the draft, replay it, and answer."""
        try:
            reading = read_draft(self.draft, self.config, self.scenario)
        except InvalidValueError as error:
            self._refuse(problems_of(error, self.draft))
        except Exception as error:  # what is raised here nobody would see
            self._refuse([{"text": f"The schedule cannot be read: {message_of(error)}"}])
        else:
            self._accept(reading)

    def _refuse(self, problems: list[PageProblem]) -> None:
        self._problems, self._refused = problems, True
        self._show()

    def _accept(self, reading: Reading) -> None:
        self._problems, self._notes, self._refused = [], [], False
        self._latest = self._replay(reading) or self._latest
        self._show()  # first, for others who look on may be slow
        self._taking = True
        try:
            with self.hold_trait_notifications():
                self.set_trait("run", self._latest)
                self.config, self.scenario = reading.config, reading.scenario
                self.set_trait("value", reading.config)
        except Exception as error:
            self._problems = [*self._problems, {"text": f"Who observes this editor raised {message_of(error)}"}]
            self._show()
        finally:
            self._taking = False

    def _replay(self, reading: Reading) -> Replay | None:
        if self.trace is None or not len(self.trace):
            self._notes = [
                "There is no trace: nothing is replayed." if self.trace is None else "The trace has no calls."
            ]
            return None
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                run = replay(reading.config, self.trace, reading.acting)
                run.ledger.prices  # noqa: B018 - now, so that what is unknown of them is told
        except Exception as error:
            found = problems_of(error, self.draft) if isinstance(error, InputError) else [{"text": message_of(error)}]
            self._problems = [{**problem, "text": f"The replay failed: {problem['text']}"} for problem in found]
            return None
        self._notes = [str(w.message) for w in caught if issubclass(w.category, TimegateWarning)]
        if self._start_run is None:
            self._start_run = self._replay_start(run)
        return run

    def _replay_start(self, run: Replay) -> Replay | None:
        """Return the replay of the schedule that one started from; None if that cannot be replayed."""
        if self.draft["revision"] == 0:
            return run
        try:
            with warnings.catch_warnings(action="ignore"):
                return replay(self.start, run.trace, self.start_scenario)
        except TimegateError:
            return None

    def _figures_at_start(self, span_us: tuple[int, int]) -> dict[str, Any] | None:
        if self._start_run is None:
            return None
        key = (self.scope, span_us if self.scope == "shown" else None)
        if key not in self._start_figures:
            self._start_figures = {key: live.reduced(self._start_run, span_us, "week", self.scope)[1]}
        return self._start_figures[key]

    def _take_message(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        """Do what a button asks for."""
        try:
            if content["kind"] == "save":
                self._save(content["path"], content["draft"])
            elif content["kind"] == "zone":
                self.tz = content["tz"]
            elif content["kind"] == "check":
                self._check()
            elif content["kind"] == "propose":
                self._overtake(content["draft"], "Not proposed")
                self._propose()
            elif content["kind"] == "stop":
                self._stop()
        except Exception as error:  # what is raised here nobody would see
            self.send({"kind": "error", "about": content.get("kind", ""), "text": message_of(error)})

    def _save(self, path: str, draft: Draft) -> None:
        self._overtake(draft, "Not saved")
        if not path.strip():
            raise InvalidValueError("Give the name of a file to save to, such as gateway.yaml.")
        self.path = path.strip()
        file = Path(self.path)
        self.config.export("timegate", file, like=file if file.is_file() else None)  # a file keeps its comments
        self.send({"kind": "saved", "text": f"Saved to {self.path}"})

    def _overtake(self, draft: Draft, so: str) -> None:
        """Take up what was on screen when a button was pressed, or say why what it asks for cannot be done."""
        if draft["revision"] > self.draft["revision"]:  # what is on screen overtook its own message
            self.draft = draft
        elif change_of(draft) != change_of(self.draft):
            raise InvalidValueError(f"{so}: another cell has just set another schedule. Look at it, and try again.")
        if self._refused:
            raise InvalidValueError(f"{so}, because of this: {self._problems[0]['text']}")

    def _check(self) -> None:
        items = findings_of(self.draft, check(self.config, now=from_us(self._span_us()[0])))
        author, revision = change_of(self.draft)
        self.findings = {"author": author, "revision": revision, "day": self.day, "tz": self.tz, "items": items}

    # From other cells

    @traitlets.validate("config")
    def _valid_config(self, proposal: Any) -> Any:
        config = self._said(as_config, proposal)
        if isinstance(proposal["value"], Mapping):
            config.keep_comments_of(self.config)
        return config

    @traitlets.validate("scenario")
    def _valid_scenario(self, proposal: Any) -> Any:
        return self._said(as_scenario, proposal)

    @traitlets.validate("trace")
    def _valid_trace(self, proposal: Any) -> Any:
        return self._said(as_trace, proposal)

    @traitlets.validate("tz")
    def _valid_zone(self, proposal: Any) -> str:
        return check_zone(proposal["value"])

    @traitlets.validate("day")
    def _valid_day(self, proposal: Any) -> str:
        return as_date(proposal["value"])

    def _said(self, read: Any, proposal: Any) -> Any:
        """Read what another cell sets. If that is wrong, the page says so too, and the last valid value stays."""
        try:
            return read(proposal["value"])
        except TimegateError as error:
            if self.comm is not None:
                own = [problem for problem in self._problems if not problem.get("in_vain")]
                text = f"Another cell set {proposal['trait'].name}, in vain: {error}"
                self._problems = [*own, {"text": text, "in_vain": True}]
                self._show()
            raise

    def _take_value(self, _: Any) -> None:
        if not self._taking:
            self.draft = write_draft(self.config, self.scenario, self.draft["revision"] + 1, self.draft)

    def _take_trace(self, _: Any) -> None:
        self._start_run, self._start_figures = None, {}
        if self.trace is not None and len(self.trace):
            self.day = first_date(self.trace, self.scenario, self.tz)
        self._take_draft()

    # To the page

    def _show(self) -> None:
        """Answer the draft: with what is wrong with it, and with the last replay."""
        author, revision = change_of(self.draft)
        names = [str(row.get("model_name")) for row in rows_of(self.draft)]
        day = date.fromisoformat(self.day)
        answer: dict[str, Any] = {
            "author": author,
            "revision": revision,
            "refused": self._refused,
            "problems": self._problems,
            "notes": self._notes,
            "rest": {key: value for key, value in self.config.to_dict().items() if key != "deployments"},
            "groups": self.scenario.to_dict().get("groups", {}),
            "colors": {**deployment_colors(names), **ALARM},
            "zones": live.offsets({"UTC", self.tz, *zones_of(self.draft)}, day),
            "holidays": live.holidays(calendars_of(self.draft), day),
            "series": None,
            "figures": None,
            "start": None,
            "acting": [],
            "proposes": self._proposes(),
        }
        if self._latest is not None:
            span_us = self._span_us()
            answer["series"], answer["figures"] = live.reduced(self._latest, span_us, self.axis, self.scope)
            answer["acting"] = live.acting_faults(self._latest, span_us)
            answer["start"] = self._figures_at_start(span_us)
        self.answer = answer

    def _span_us(self) -> tuple[int, int]:
        """Return the time on the axis."""
        return live.day_span_us(date.fromisoformat(self.day), self.tz, self.axis)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Return the widget, and a picture and a table for where no widget can run."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle
        shown = self.config, self.scenario, *self._span_us()
        data["image/svg+xml"] = svg_view(*shown)
        data["text/html"] = html_view(self.config, self.run, svg_view(*shown, within_page=True))
        return data, metadata
