"""The Python side of the schedule editor, without a browser."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from traitlets import TraitError

import timegate as tg
from tests.strategies import examples, windows
from timegate import plots, samples
from timegate.core.clock import DAY_US, EPOCH, MINUTE_US
from timegate.core.spans import union
from timegate.errors import InvalidValueError
from timegate.samples import sample
from timegate.widgets import editor as editor_module
from timegate.widgets import live
from timegate.widgets.draft import place_of, read_draft, write_draft
from timegate.widgets.script import MODULES

WINDOWS = windows(datetime(2026, 3, 1, tzinfo=UTC))
STATIC = Path(editor_module.__file__).parent / "static"
CONFIG = tg.GatewayConfig(
    deployments=[
        {
            "model_name": "strong",
            "model": "openai/large",
            "description": "the best",
            "time_constraints": [["22:00", "06:00"]],
        },
        {"model_name": "weak", "model": "openai/small", "time_constraints": [["12:00", "13:00"]]},
        {
            "model_name": "backup",
            "model": "sim/tiny",
            "available": [{"start": "08:00", "end": "20:00", "tz": "Europe/Berlin", "days": ["mon"]}],
        },
    ]
)
SCENARIO = tg.Scenario(
    faults=[
        tg.ErrorRate(target="weak", rate=0.5, after_s=1.5),
        tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z"),
    ],
    seed=3,
)
DAY = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2_000, preferences={"weak": 0.3}).trace(1)


def opened(**kwargs: Any) -> tg.ScheduleEditor:
    return tg.ScheduleEditor(CONFIG, **{"trace": DAY, "scenario": SCENARIO, **kwargs})


def edited(editor: tg.ScheduleEditor, change: Any, author: str = "page") -> None:
    """Do what the page does: change a copy of the draft, and send it."""
    draft = json.loads(json.dumps(editor.draft))
    change(draft)
    editor.set_state({"draft": {**draft, "author": author, "revision": draft["revision"] + 1}})


def close_at(row: int, start: str, end: str) -> Any:
    def change(draft: dict[str, Any]) -> None:
        draft["deployments"][row]["time_constraints"] = [{"start": start, "end": end}]

    return change


def said(editor: tg.ScheduleEditor) -> str:
    return " ".join(problem["text"] for problem in editor.answer["problems"])


def asked(editor: tg.ScheduleEditor, content: dict[str, Any]) -> list[dict[str, Any]]:
    """Send what a button sends, and return what comes back."""
    sent: list[dict[str, Any]] = []
    editor.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    editor._handle_custom_msg(content, [])
    return sent


class TestEdits:
    def test_an_edit_reaches_config_run_and_answer(self):
        """A change in the page becomes a valid config, and is replayed as `replay` replays it."""
        editor = opened()
        edited(editor, close_at(0, "21:00", "05:00"))
        data = CONFIG.to_dict()
        data["deployments"][0]["time_constraints"] = [["21:00", "05:00"]]
        expected = tg.GatewayConfig.model_validate(data)
        assert editor.config == expected
        run = tg.replay(expected, DAY, SCENARIO)
        assert editor.run.calls.equals(run.calls)
        assert editor.answer["author"] == "page"
        assert editor.answer["revision"] == 1
        assert editor.answer["problems"] == []
        counts = run.outcome_counts()
        assert {name: editor.answer["figures"][name] for name in counts} == counts

    def test_its_repr_names_the_deployments(self):
        """Printed, it says what it edits; an address would differ in every notebook."""
        assert repr(opened()) == f"<ScheduleEditor of {', '.join(d.model_name for d in CONFIG.deployments)}>"

    def test_nothing_is_lost_on_the_way(self):
        """What the page cannot show, it keeps: a draft without a change gives the same config and scenario."""
        reading = read_draft(write_draft(CONFIG, SCENARIO, 0), CONFIG, SCENARIO)
        assert reading.config == CONFIG
        assert reading.scenario == SCENARIO
        assert reading.acting is reading.scenario

    @given(st.lists(WINDOWS, max_size=3), st.lists(WINDOWS, max_size=3))
    @examples(50)
    def test_every_window_survives(self, closed, available):
        """Windows of all kinds go to the page and back, through JSON, as they are."""
        deployment = {"model_name": "a", "model": "sim/a", "time_constraints": closed, "available": available}
        config = tg.GatewayConfig(deployments=[deployment])
        draft = json.loads(json.dumps(write_draft(config, tg.Scenario(), 0)))
        [row] = draft["deployments"]
        assert all(isinstance(window, dict) for kind in ("time_constraints", "available") for window in row[kind])
        assert read_draft(draft, config, tg.Scenario()).config == config

    def test_series_and_figures_are_those_of_the_replay(self):
        """The series is `share` by quarters of an hour, the latency that of the summary to within its bins."""
        editor = opened()
        shares = editor.run.share("15min", counts=True)
        series = editor.answer["series"]
        assert series["names"] == list(shares.columns)
        assert np.array(series["counts"]).T.tolist() == shares.to_numpy().tolist()
        assert series["from"] * MINUTE_US == shares.index[0].value // 1000
        assert sum(editor.answer["figures"]["shares"].values()) == pytest.approx(editor.run.summary()["availability"])
        slow = tg.Scenario(faults=[tg.Latency(target="strong", median_s=1, p99_s=5)])
        editor.scenario = slow
        assert editor.answer["figures"]["p95_s"] == pytest.approx(editor.run.summary()["latency_p95_s"], rel=0.004)

    def test_figures_of_the_start_stay(self):
        """What one compares with is the schedule and the scenario that one started from."""
        editor = opened()
        before = editor.answer["figures"]
        edited(editor, close_at(1, "00:00", "24:00"))
        assert editor.answer["start"] == before
        assert editor.answer["figures"] != before
        assert editor.start == CONFIG

    def test_the_axis_cuts_the_series(self):
        """The series covers the days on the axis, in the zone of the axis; a day without calls is empty."""
        editor = opened(day="2026-03-02", tz="Asia/Kolkata")
        shares = editor.run.share("15min", counts=True)
        part = shares.loc["2026-03-01 18:30":"2026-03-02 18:15"]
        assert np.sum(editor.answer["series"]["counts"]) == part.to_numpy().sum()
        editor.day = "2027-01-01"
        assert np.sum(editor.answer["series"]["counts"]) == 0
        assert editor.answer["figures"]["calls"] == len(DAY)
        editor.set_state({"axis": "week", "day": "2026-03-01"})
        assert editor.answer["series"]["step"] == 60
        assert np.sum(editor.answer["series"]["counts"]) == len(DAY)

    def test_an_outage_is_tried_out(self):
        """An outage that is drawn is in `.scenario` and in the replay; other faults stay as they are."""
        editor = opened()
        outage = {"type": "outage", "target": "backup", "start": "2026-03-02T08:00:00Z", "end": "2026-03-02T09:00:00Z"}
        edited(editor, lambda draft: draft["faults"].append(outage))
        assert editor.scenario.faults[:2] == SCENARIO.faults
        assert editor.scenario.faults[2].target == "backup"
        assert editor.scenario.seed == 3
        assert len(editor.run.outages()) == 2

    def test_outages_of_chance_are_drawn_but_not_listed(self):
        """What a RandomOutages draws is sent beside the outages that one may drag."""
        span = {"start": "2026-03-02T00:00Z", "end": "2026-03-03T00:00Z"}
        storm = tg.RandomOutages(target="provider:openai", mtbf_s=7200, mttr_s=1800, **span)
        editor = opened(scenario=tg.Scenario(faults=[*SCENARIO.faults, storm], seed=3))
        drawn = [o for o in editor.answer["acting"] if o["deployment"] == "strong"]
        expected = len(editor.run.outages().query("deployment == 'strong'")) - 1
        assert len(drawn) == expected > 0

    def test_a_deployment_is_switched_off_and_on(self):
        """Off means out of the config, kept in the draft, at its place when it comes back; nothing else changes."""
        editor = opened()
        edited(editor, lambda draft: draft["deployments"][0].update(off=True))
        assert [d.model_name for d in editor.config.deployments] == ["weak", "backup"]
        assert editor.answer["problems"] == []  # although an outage targets it
        assert editor.scenario == SCENARIO
        assert "strong" not in editor.run.deployments
        edited(editor, lambda draft: draft["deployments"][0].update(off=False))
        assert editor.config == CONFIG

    def test_a_provider_stays_a_target_while_one_of_its_deployments_is_on(self):
        """Faults of a provider are left out only when all of its deployments are off."""
        scenario = tg.Scenario(faults=[tg.ErrorRate(target="provider:openai", rate=1.0)])
        editor = opened(scenario=scenario)
        edited(editor, lambda draft: draft["deployments"][0].update(off=True))
        assert editor.run.scenario == scenario
        edited(editor, lambda draft: draft["deployments"][1].update(off=True))
        assert editor.run.scenario.faults == ()
        assert editor.scenario == scenario

    def test_a_group_loses_its_members_that_are_off(self):
        """A fault of a group hits those of its members that are on, and nobody when all are off."""
        groups = {"eu": ("strong", "weak")}
        scenario = tg.Scenario(groups=groups, faults=[tg.ErrorRate(target="group:eu", rate=1.0)])
        editor = opened(scenario=scenario)
        edited(editor, lambda draft: draft["deployments"][0].update(off=True))
        assert said(editor) == ""
        assert editor.run.scenario.groups == {"eu": ("weak",)}
        assert editor.run.scenario.faults == scenario.faults
        edited(editor, lambda draft: draft["deployments"][1].update(off=True))
        assert said(editor) == ""
        assert (editor.run.scenario.groups, editor.run.scenario.faults) == ({}, ())
        assert editor.scenario == scenario

    def test_switched_off_survives_what_other_cells_set(self):
        """A config set from Python does not forget the deployments that are off, unless it has one of that name."""
        editor = opened()
        edited(editor, lambda draft: draft["deployments"][1].update(off=True))
        editor.config = editor.config.model_copy()
        editor.config = {**editor.config.to_dict(), "deployments": editor.config.to_dict()["deployments"][::-1]}
        assert [(d["model_name"], d["off"]) for d in editor.draft["deployments"]] == [
            ("backup", False),
            ("weak", True),
            ("strong", False),
        ]
        editor.config = CONFIG
        assert [d["off"] for d in editor.draft["deployments"]] == [False] * 3


class TestBadInput:
    @pytest.mark.parametrize(
        ("window", "message", "field"),
        [
            ({"start": "25:00", "end": "06:00"}, "must look like 'HH:MM'. Got '25:00'", "start"),
            ({"start": "24:00", "end": "06:00"}, "is an end only", "start"),
            ({"start": "22:00", "end": "06:0x"}, "must look like 'HH:MM'", "end"),
            ({"start": "22:00", "end": "06:00", "tz": "Europe/Berln"}, "Did you mean 'Europe/Berlin'?", "tz"),
            ({"start": "22:00", "end": "06:00", "days": []}, "at least one weekday", "days"),
            ({"start": "22:00", "end": "06:00", "except_dates": ["tomorrow"]}, "local date", "except_dates"),
            ({"start": "22:00"}, "is missing", "end"),
        ],
    )
    def test_a_wrong_window_is_told_at_its_place(self, window, message, field):
        """What is wrong is said with row, window and field; the last valid config, run and series stay."""
        editor = opened()
        edited(editor, lambda draft: draft["deployments"][0].update(off=True))
        valid, run = editor.config, editor.run
        edited(editor, lambda draft: draft["deployments"][1]["time_constraints"].append(window))
        [problem] = editor.answer["problems"]
        assert message in problem["text"]
        place = {"row": 1, "kind": "time_constraints", "index": 1, "field": field}
        assert {key: problem[key] for key in place} == place
        assert editor.answer["refused"]
        assert editor.config is valid
        assert editor.run is run
        assert editor.answer["series"]
        assert editor.draft["deployments"][1]["time_constraints"][-1] == window  # no edit is lost
        edited(editor, lambda draft: draft["deployments"][1]["time_constraints"].pop())
        assert not editor.answer["refused"]
        assert editor.config == valid

    def test_a_wrong_outage_is_told_at_its_place(self):
        """An outage that ends before it starts names its fault."""
        editor = opened()
        edited(editor, lambda draft: draft["faults"][1].update(end="2026-03-02T08:00:00Z"))
        [problem] = editor.answer["problems"]
        assert (problem["fault"], problem["field"]) == (1, "end")
        assert editor.scenario == SCENARIO

    def test_all_switched_off_is_refused(self):
        """Somebody must serve."""
        editor = opened()
        edited(editor, lambda draft: [d.update(off=True) for d in draft["deployments"]])
        assert said(editor) == "At least one deployment must stay switched on."
        assert editor.config == CONFIG

    @pytest.mark.parametrize("deployments", [None, 3, [None], []])
    def test_nonsense_is_refused(self, deployments):
        """A draft that is none is said to be none; nothing is raised where nobody would see it."""
        editor = opened()
        editor.set_state({"draft": {"author": "page", "revision": 1, "deployments": deployments, "faults": []}})
        assert editor.answer["refused"]
        assert editor.config == CONFIG

    def test_another_cell_sets_something_invalid(self):
        """It raises there, is said in the page, and changes nothing."""
        editor = opened()
        broken = CONFIG.model_copy(update={"deployments": ()})
        for value, error in [
            (broken, tg.TimegateError),
            ({"deployments": [{"model_name": "x", "model": "y"}]}, tg.TimegateError),
            (3, TypeError),
        ]:
            with pytest.raises(error):
                editor.config = value
            assert "Another cell set config, in vain" in said(editor)
            assert editor.config == CONFIG
            assert editor.draft["revision"] == 0
        with pytest.raises(tg.TimegateError, match="must be a Scenario"):
            editor.scenario = [1]
        edited(editor, close_at(0, "21:00", "05:00"))
        assert said(editor) == ""

    def test_a_config_made_without_validation_is_refused(self):
        """Values that skipped pydantic do not come in."""
        editor = opened()
        with pytest.raises(tg.TimegateError):
            editor.config = tg.GatewayConfig.model_construct(deployments=("x",))
        assert editor.config == CONFIG

    def test_a_scenario_that_fits_nobody(self):
        """A replay that raises is told; the config is taken, and the last run stays."""
        editor = opened()
        run = editor.run
        editor.scenario = tg.Scenario(faults=[tg.ErrorRate(target="stronk", rate=0.1)])
        assert "Did you mean 'strong'?" in said(editor)
        assert editor.answer["problems"][0]["fault"] == 0
        assert editor.run is run
        edited(editor, close_at(0, "21:00", "05:00"))
        assert editor.config.deployments[0].time_constraints[0].start == "21:00"

    def test_a_replay_that_raises(self, monkeypatch):
        """Whatever a replay raises is said in the page."""
        editor = opened()

        def boom(*_: Any) -> None:
            raise ZeroDivisionError("by zero")

        monkeypatch.setattr(editor_module, "replay", boom)
        edited(editor, close_at(0, "21:00", "05:00"))
        assert said(editor) == "The replay failed: ZeroDivisionError: by zero"
        assert editor.config.deployments[0].time_constraints[0].start == "21:00"

    def test_a_start_that_cannot_be_replayed(self):
        """A scenario that fits nobody can be mended by hand; then there is a run, and nothing to compare it with."""
        editor = opened(scenario=tg.Scenario(faults=[tg.ErrorRate(target="stronk", rate=0.1)]))
        assert editor.run is None
        assert "Did you mean 'strong'?" in said(editor)
        edited(editor, lambda draft: draft["faults"][0].update(target="strong"))
        assert said(editor) == ""
        assert len(editor.run) == len(DAY)
        assert editor.answer["start"] is None

    @pytest.mark.parametrize("trait", ["config", "scenario", "run", "value"])
    def test_whatever_an_observer_raises(self, trait):
        """The kernel's values are those of the edit all the same, whichever of them is observed."""
        editor = opened()

        def observe(change: Any) -> None:
            raise RuntimeError("mine")

        editor.observe(observe, trait)
        edited(editor, lambda draft: (close_at(0, "21:00", "05:00")(draft), draft["faults"].pop()))
        assert "Who observes this editor raised RuntimeError: mine" in said(editor)
        assert editor.config.deployments[0].time_constraints[0].start == "21:00"
        assert editor.value == editor.config
        assert len(editor.scenario.faults) == 1
        assert editor.run.router.fingerprint == editor.config.router().fingerprint

    def test_an_observer_that_raises(self):
        """Who observes the editor and raises is told in the page, after the answer."""
        editor = opened()

        def observe(change: Any) -> None:
            raise RuntimeError("mine")

        editor.observe(observe, "config")
        edited(editor, close_at(0, "21:00", "05:00"))
        assert said(editor) == "Who observes this editor raised RuntimeError: mine"
        assert editor.answer["revision"] == 1
        assert editor.config.deployments[0].time_constraints[0].start == "21:00"

    def test_no_trace_and_no_calls(self):
        """Without calls windows are edited all the same, and the page says why it shows no series."""
        editor = tg.ScheduleEditor(CONFIG)
        assert (editor.run, editor.answer["series"], editor.answer["figures"]) == (None, None, None)
        assert editor.answer["notes"] == ["There is no trace: nothing is replayed."]
        edited(editor, close_at(0, "21:00", "05:00"))
        assert editor.config.deployments[0].time_constraints[0].start == "21:00"
        empty = tg.Trace.__new__(tg.Trace)
        empty.at_us = np.empty(0, np.int64)
        editor.trace = empty
        assert editor.answer["notes"] == ["The trace has no calls."]
        editor.trace = DAY
        assert editor.answer["figures"]["calls"] == len(DAY)

    def test_preferences_that_are_passed_over_are_told(self):
        """A warning of the replay stands in the page, and nowhere else."""
        trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=100, preferences={"gone": 0.5}).trace(1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            editor = opened(trace=trace)
        assert "'gone', which is not a deployment" in editor.answer["notes"][0]

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"config": 1}, TypeError),
            ({"trace": [1]}, TypeError),
            ({"scenario": 1}, TypeError),
            ({"scenario": "x"}, tg.TimegateError),
            ({"tz": "Nowhere/Land"}, tg.TimegateError),
            ({"day": "yesterday"}, tg.TimegateError),
            ({"day": "0001-01-01"}, tg.TimegateError),
            ({"axis": "month"}, TraitError),
            ({"snap": 7}, TraitError),
        ],
    )
    def test_wrong_arguments(self, arguments, error):
        """The constructor refuses what it cannot show."""
        with pytest.raises(error):
            tg.ScheduleEditor(**{"config": CONFIG, **arguments})

    def test_a_zone_that_does_not_exist(self):
        """Typed for the axis, it is refused with the nearest name, and the last zone stays."""
        editor = opened(tz="Europe/Berlin")
        [answer] = asked(editor, {"kind": "zone", "tz": "Europe/Pariss", "draft": editor.draft})
        assert answer["kind"] == "error"
        assert "Did you mean 'Europe/Paris'?" in answer["text"]
        assert editor.tz == "Europe/Berlin"
        assert asked(editor, {"kind": "zone", "tz": "Europe/Paris"}) == []
        assert editor.tz == "Europe/Paris"
        assert "Europe/Paris" in editor.answer["zones"]


class TestSaving:
    def test_save_and_load(self, tmp_path):
        """Save writes the schedule on screen, which came with the message, and loading gives it back."""
        editor = opened()
        draft = json.loads(json.dumps(editor.draft))
        close_at(0, "20:00", "05:00")(draft)
        path = tmp_path / "gateway.yaml"
        newer = {**draft, "author": "page", "revision": 9}
        [answer] = asked(editor, {"kind": "save", "path": str(path), "draft": newer})
        assert answer == {"kind": "saved", "text": f"Saved to {path}"}
        assert editor.config.deployments[0].time_constraints[0].start == "20:00"
        assert tg.GatewayConfig.load(path) == editor.config
        assert editor.path == str(path)

    def test_what_another_cell_set_is_not_overwritten(self, tmp_path):
        """A page that saves a schedule which a cell has replaced meanwhile is told so, and nothing is lost."""
        editor = opened()
        old = editor.draft
        editor.config = {"deployments": [{"model_name": "new", "model": "sim/new"}]}
        for kind in ("save", "check", "zone"):
            message = {"kind": kind, "path": str(tmp_path / "x.yaml"), "tz": "UTC", "draft": {**old, "author": "page"}}
            answers = asked(editor, message)
            assert editor.config.deployments[0].model_name == "new"
            assert bool(answers) == (kind == "save")
        assert list(tmp_path.iterdir()) == []

    def test_a_file_keeps_its_comments(self, tmp_path):
        """Saved over its own file, a schedule keeps what its owner wrote there; files of others are spared."""
        path = tmp_path / "gateway.yaml"
        path.write_text(sample(samples.CONFIG).read_text(encoding="utf-8"), encoding="utf-8")
        editor = tg.ScheduleEditor(tg.GatewayConfig.load(path))
        edited(editor, close_at(0, "21:00", "05:00"))
        [answer] = asked(editor, {"kind": "save", "path": str(path), "draft": editor.draft})
        assert answer["kind"] == "saved"
        assert "# A sample gateway: three deployments" in path.read_text(encoding="utf-8")
        assert tg.GatewayConfig.load(path) == editor.config
        other = tmp_path / "other.yaml"
        other.write_text("services: []\n", encoding="utf-8")
        [answer] = asked(editor, {"kind": "save", "path": str(other), "draft": editor.draft})
        assert answer["kind"] == "error"
        assert other.read_text(encoding="utf-8") == "services: []\n"

    @pytest.mark.parametrize("path", ["", "  ", "no/such/folder/x.yaml", "."])
    def test_a_file_that_cannot_be_written(self, tmp_path, monkeypatch, path):
        """It is said why, and the schedule stays."""
        monkeypatch.chdir(tmp_path)
        editor = opened()
        [answer] = asked(editor, {"kind": "save", "path": path, "draft": editor.draft})
        assert answer["kind"] == "error"
        assert len(answer["text"]) > 10
        assert list(tmp_path.iterdir()) == []

    def test_a_refused_schedule_is_not_saved(self, tmp_path):
        """While something is wrong, Save writes nothing rather than something older."""
        editor = opened()
        edited(editor, close_at(0, "20:00", "5 o'clock"))
        path = tmp_path / "gateway.yaml"
        [answer] = asked(editor, {"kind": "save", "path": str(path), "draft": editor.draft})
        assert answer["text"].startswith("Not saved, because of this: deployments[0] 'strong'")
        assert not path.exists()

    def test_a_look_at_another_day_does_not_make_it_right(self, tmp_path):
        """A refused schedule stays refused while one looks at other days, and while other cells set nonsense."""
        editor = opened()
        edited(editor, close_at(0, "20:00", "5 o'clock"))
        editor.set_state({"axis": "week"})
        for _ in range(2):
            with pytest.raises(TypeError):
                editor.config = 3
        assert editor.answer["refused"]
        assert [problem.get("in_vain") for problem in editor.answer["problems"]] == [None, True]
        path = tmp_path / "gateway.yaml"
        [answer] = asked(editor, {"kind": "save", "path": str(path), "draft": editor.draft})
        assert answer["text"].startswith("Not saved, because of this: deployments[0] 'strong'")
        assert not path.exists()

    def test_messages_that_mean_nothing(self):
        """A message that lacks what it needs is answered, not raised."""
        editor = opened()
        [answer] = asked(editor, {"kind": "save", "draft": editor.draft})
        assert answer["kind"] == "error"
        assert asked(editor, {"kind": "dance", "draft": editor.draft}) == []


class TestAsAWidget:
    def test_observe_sees_one_consistent_change(self):
        """Observers of `config` find `run` and `scenario` of the same edit."""
        editor = opened()
        seen = []

        def observe(change: Any) -> None:
            seen.append((change.new, editor.run.router.fingerprint == change.new.router().fingerprint))

        editor.observe(observe, "config")
        edited(editor, close_at(0, "21:00", "05:00"))
        assert seen == [(editor.config, True)]

    def test_setting_from_python_reaches_the_page(self):
        """A config set by a cell becomes a new draft, and is answered once."""
        editor = opened()
        data = CONFIG.to_dict()
        del data["deployments"][0]["time_constraints"]
        answers = []
        editor.observe(lambda change: answers.append(change.new["revision"]), "answer")
        editor.config = tg.GatewayConfig.model_validate(data)
        assert editor.draft["deployments"][0]["time_constraints"] == []
        assert (editor.draft["author"], editor.draft["revision"]) == ("kernel", 1)
        assert answers == [1]
        assert editor.run.router.fingerprint == editor.config.router().fingerprint

    def test_in_a_box_and_linked(self):
        """It sits in a VBox, and two editors linked by their config follow each other."""
        first, second = opened(), opened()
        assert ipywidgets.VBox([first, second]).children == (first, second)
        ipywidgets.link((first, "config"), (second, "config"))
        edited(first, close_at(0, "21:00", "05:00"))
        assert second.config == first.config
        edited(second, close_at(0, "20:00", "05:00"))
        assert first.config.deployments[0].time_constraints[0].start == "20:00"
        assert first.draft["deployments"][0]["time_constraints"] == [{"start": "20:00", "end": "05:00"}]

    def test_interactive_output(self):
        """A function is called with the config at every edit, as with the value of any control."""
        editor = opened()
        seen: list[Any] = []
        ipywidgets.interactive_output(lambda config: seen.append(config), {"config": editor})
        edited(editor, close_at(0, "21:00", "05:00"))
        assert seen == [CONFIG, editor.config]

    def test_state_is_plain(self):
        """All that is synchronised is JSON, without NaN, and carries no secret of the process."""
        for editor in (opened(), tg.ScheduleEditor(CONFIG)):
            state = {name: getattr(editor, name) for name in ("draft", "answer", "findings", "origin")}
            assert json.loads(json.dumps(state, allow_nan=False)) == state

    def test_static_picture_and_table(self):
        """Where no widget runs there is an SVG and a table that name every deployment and window, escaped."""
        nasty = {"model_name": "<b>&", "model": "sim/<i>", "time_constraints": [["22:00", "06:00"]]}
        config = tg.GatewayConfig(deployments=[*CONFIG.to_dict()["deployments"], nasty])
        editor = tg.ScheduleEditor(config, DAY, SCENARIO, day="2026-03-02")
        data, _ = editor._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in data
        picture = ElementTree.fromstring(data["image/svg+xml"])  # noqa: S314 - our own
        texts = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        assert {"strong", "weak", "backup", "<b>&", "00:00", "2026-03-02 UTC"} <= set(texts)
        page = data["text/html"]
        assert "<b>" not in page.replace("<b>Replay", "")
        assert "22:00-06:00 UTC, daily" in page
        assert "08:00-20:00 Europe/Berlin, mon" in page
        assert page.count("<tr>") == 5

    def test_the_picture_takes_the_colours_of_its_page(self):
        """Within a page, light or dark, it has no ground of its own; by itself it stands on white."""
        data, _ = opened(day="2026-03-02")._repr_mimebundle_()
        ground = '<rect width="860" '
        assert ground in data["image/svg+xml"]
        assert ground not in data["text/html"]
        for part in ("#ffffff", "#222222", "#444444"):
            assert part not in data["text/html"]

    def test_names_of_the_picture_keep_off_its_bars(self):
        """Twelve names that begin alike are told apart in the room left of the bars."""
        names = [f"azure-openai-eu-west-gpt-large-deployment-{number:02}" for number in range(12)]
        config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/a"} for name in names])
        data, _ = tg.ScheduleEditor(config, DAY, day="2026-03-02")._repr_mimebundle_()
        picture = ElementTree.fromstring(data["image/svg+xml"])  # noqa: S314 - our own
        rows = [t for t in picture.iter("{http://www.w3.org/2000/svg}text") if t.get("x") == "8"][1:]
        assert len({row.text for row in rows}) == 12
        assert all(len(row.text or "") <= 18 for row in rows)  # of 12 pixels, in 142

    def test_the_picture_shows_what_is_closed(self):
        """The bars of the picture lie where the windows do."""
        data, _ = opened(day="2026-03-02")._repr_mimebundle_()
        bars = re.findall(r'<rect x="([\d.]+)" y="24.0" width="([\d.]+)" height="22" fill="url', data["image/svg+xml"])
        plot = 860 - 150 - 24
        hours = [[round(24 * (float(x) - 150) / plot, 1), round(24 * float(w) / plot, 1)] for x, w in bars]
        assert hours == [[0.0, 6.0], [22.0, 2.0]]


class TestTheScript:
    def test_it_is_one_module_without_network(self):
        """The modules become one: nothing is imported, nothing fetched, no name set as markup."""
        script = str(editor_module.ScheduleEditor._esm)
        assert not re.search(r"^\s*import\b", script, re.MULTILINE)
        assert "export default" in script
        for word in ("innerHTML", "insertAdjacentHTML", "eval(", "fetch(", "XMLHttpRequest", "http://", "https://"):
            assert word not in script.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"@import|url\(", str(editor_module.ScheduleEditor._css))

    def test_every_module_is_in_it(self):
        """No file of the package is forgotten."""
        assert {path.name for path in STATIC.glob("*.js")} == set(MODULES)

    def test_javascript(self):
        """The functions of the page that need no page pass their own tests in node."""
        node = shutil.which("node")
        if node is None:
            pytest.skip("node is not installed: the tests of the editor's JavaScript need it")
        tests = sorted(map(str, (Path(__file__).parent / "js").glob("*.test.mjs")))
        done = subprocess.run(
            [node, "--test", "--test-reporter=tap", *tests], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        assert int(re.search(r"^# pass (\d+)", done.stdout, re.MULTILINE)[1]) >= 30


def in_node(code: str, data: Any) -> Any:
    """Run code that has what the modules of rules export as `s`; return what it makes of `data`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the tests of the editor's JavaScript need it")
    script = f"""
import * as dates from {json.dumps((STATIC / "dates.js").as_uri())};
import * as schedule from {json.dumps((STATIC / "schedule.js").as_uri())};
import * as windows from {json.dumps((STATIC / "windows.js").as_uri())};
const s = {{ ...dates, ...windows, ...schedule }};
let text = ""; for await (const part of process.stdin) text += part;
const data = JSON.parse(text);
console.log(JSON.stringify(data.map((item) => {{ {code} }})));"""
    command = [node, "--input-type=module", "-e", script]
    done = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_script_is_one(tmp_path):
    """Put together, the modules declare no name twice: a browser would not even begin with them."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the tests of the editor's JavaScript need it")
    script = tmp_path / "script.mjs"
    script.write_text(str(tg.ScheduleEditor._esm), encoding="utf-8")
    done = subprocess.run([node, "--check", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestTheDaysShown:
    CONFIG = tg.GatewayConfig(
        deployments=[
            {
                "model_name": "a",
                "model": "sim/x",
                "time_constraints": [{"start": "1:00", "end": "2:00", "days": "tue"}],
            },
            {"model_name": "b", "model": "sim/x"},
        ]
    )

    def test_now_sets_the_day(self):
        """The date of an instant in the zone of the axis; beside a day it is refused."""
        editor = tg.ScheduleEditor(self.CONFIG, tz="Asia/Tokyo", now="2026-03-02T20:00Z")
        assert editor.day == "2026-03-03"
        with pytest.raises(InvalidValueError, match=r"day must be left out where now sets it\. Got '2026-03-02'"):
            tg.ScheduleEditor(self.CONFIG, day="2026-03-02", now="2026-03-02T20:00Z")

    def test_figures_are_of_the_trace_or_of_what_is_shown(self):
        """Those of a day are those of its calls alone; on a day without calls nothing is divided."""
        at = pd.date_range("2026-03-02", "2026-03-04", freq="1min", tz="UTC", inclusive="left")
        editor = tg.ScheduleEditor(self.CONFIG, tg.Trace(at), day="2026-03-03")
        assert editor.answer["figures"]["calls"] == 2880
        editor.scope = "shown"
        figures = editor.answer["figures"]
        assert (figures["calls"], figures["first_choice"], figures["fallback"]) == (1440, 1379, 61)
        assert figures["shares"] == {"a": 1379 / 1440, "b": 61 / 1440}
        assert editor.answer["start"] == figures
        editor.axis = "week"
        assert editor.answer["figures"]["calls"] == 1440
        editor.day = "2027-01-04"
        none = editor.answer["figures"]
        assert (none["calls"], none["shares"], none["p95_s"]) == (0, {"a": 0.0, "b": 0.0}, None)
        json.dumps(editor.answer, allow_nan=False)


class TestTheTwoSidesAgree:
    @given(st.lists(st.tuples(WINDOWS, st.dates(date(2025, 3, 1), date(2027, 3, 1)), st.integers(1, 8)), min_size=40))
    @settings(max_examples=10)
    def test_bars_lie_where_windows_do(self, cases):
        """The page draws a window where `Window.spans_us` has it, in any zone, through both changes of clocks."""
        asked, expected = [], []
        for window, day, days in cases:
            start_us = (day - EPOCH.date()).days * DAY_US
            end_us = start_us + days * DAY_US
            plain = window.to_config()
            plain = dict(zip(("start", "end"), plain, strict=True)) if isinstance(plain, list) else plain
            zone = live.offsets([window.tz], day)[window.tz]
            known = live.holidays([window.holidays], day) if isinstance(window.holidays, str) else {}
            axis = {"from": start_us / MINUTE_US, "to": end_us / MINUTE_US}
            asked.append({"w": plain, "zone": zone, "holidays": known, **axis})
            expected.append(window.spans_us(start_us, end_us))
        code = "const pieces = s.occurrences(item.w, item.zone, item.from, item.to, item.holidays);"
        drawn = in_node(f"{code} return pieces.map((p) => [p.from, p.to])", asked)
        for (window, _, _), pieces, spans in zip(cases, drawn, expected, strict=True):
            # The page draws up to the minute of the end, which is included to the microsecond.
            ours = [[round(a * MINUTE_US), round(b * MINUTE_US) + 1] for a, b in pieces]
            joined = union([np.array([row]) for row in ours]) if ours else np.empty((0, 2), np.int64)
            shown = [row for row in spans.tolist() if row[1] - row[0] > 1 or window.start == window.end]
            assert len(joined) == len(shown), (window, ours, shown)
            assert np.abs(joined - np.array(shown).reshape(-1, 2)).max(initial=0) <= 1

    def test_the_axis_is_the_same(self):
        """Both sides cut the days of a zone at the same instants, where midnight is skipped too."""
        zones = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Asia/Beirut", "America/Havana"]
        days = [date(2026, 3, 1) + timedelta(days=i) for i in range(40)] + [date(2018, 11, 4), date(2026, 10, 25)]
        cases = [(tz, day) for tz in zones for day in days]
        asked = [{"zone": live.offsets([tz], day)[tz], "day": (day - EPOCH.date()).days} for tz, day in cases]
        drawn = in_node("const a = s.axisOf(item.zone, item.day, 1); return [a.from, a.to]", asked)
        for (tz, day), (start, end) in zip(cases, drawn, strict=True):
            assert (start * MINUTE_US, end * MINUTE_US) == live.day_span_us(day, tz, "day"), (tz, day)

    @given(st.lists(st.text(min_size=1, max_size=8).filter(lambda t: t.strip()), min_size=1, max_size=5, unique=True))
    @settings(max_examples=10)
    def test_a_download_is_read_as_it_was(self, tmp_path_factory, names):
        """What the page writes as YAML is the config, whatever its names are."""
        names = [name for name in names if name not in ("failed", "blocked") and not name.startswith("provider:")]
        deployments = [
            {**CONFIG.to_dict()["deployments"][i % 3], "model_name": name, "description": name}
            for i, name in enumerate(names or ["a"])
        ]
        try:
            config = tg.GatewayConfig(deployments=deployments)
        except tg.TimegateError:
            return  # not a name, whatever it is
        [text] = in_node("return s.toYaml(item)", [config.to_dict()])
        path = tmp_path_factory.mktemp("download") / "gateway.yaml"
        path.write_text(text, encoding="utf-8")
        assert tg.GatewayConfig.load(path) == config


def test_places():
    """Places in a config or a scenario lead to rows of the draft, past those that are off."""
    rows = [{"off": True}, {"off": False}, {}]
    assert place_of(("deployments", 1, "model"), rows) == {"row": 2}
    window = {"row": 1, "kind": "time_constraints", "index": 3, "field": ""}
    assert place_of(("deployments", 0, "time_constraints", 3), rows) == window
    assert place_of(("faults", 2), rows) == {"fault": 2, "field": ""}
    assert place_of(("faults", 2, "target"), rows) == {"fault": 2, "field": "target"}
    assert place_of((), rows) == {}
    assert place_of(("deployments", 7, "available", 0), rows) == {}


class TestFindings:
    CONFIG = tg.GatewayConfig(
        deployments=[
            {"model_name": "off", "model": "sim/x"},
            {"model_name": "a", "model": "sim/a", "time_constraints": [["22:00", "06:00"], ["23:00", "05:00"]]},
            {"model_name": "b", "model": "openai/b", "time_constraints": [["00:00", "24:00"]]},
        ]
    )

    def test_they_stand_beside_the_bars_they_concern(self):
        """Findings of the check lead to rows of the draft, past those that are off, and name the draft they are of."""
        editor = tg.ScheduleEditor(self.CONFIG)
        edited(editor, lambda draft: draft["deployments"][0].update(off=True))
        assert asked(editor, {"kind": "check", "draft": editor.draft}) == []
        assert (editor.findings["author"], editor.findings["revision"]) == ("page", 1)
        places = {(item["code"], item["row"], item["kind"], item["index"]) for item in editor.findings["items"]}
        assert ("TG303", 1, "time_constraints", 1) in places  # within the other
        assert ("TG104", 2, None, None) in places  # never open
        assert len(places) == len(tg.check(editor.config))
        assert "Whenever it applies, it lies within window 1." in [item["text"] for item in editor.findings["items"]]

    def test_a_check_that_raises(self, monkeypatch):
        """What a check raises is said in the page."""
        editor = tg.ScheduleEditor(self.CONFIG)

        def boom(*_: Any, **__: Any) -> None:
            raise ZeroDivisionError("by zero")

        monkeypatch.setattr(editor_module, "check", boom)
        [answer] = asked(editor, {"kind": "check", "draft": editor.draft})
        assert answer == {"kind": "error", "about": "check", "text": "ZeroDivisionError: by zero"}

    def test_diff(self):
        """`diff` compares with the start."""
        editor = tg.ScheduleEditor(self.CONFIG)
        assert not len(editor.diff().frame)
        edited(editor, close_at(1, "21:00", "05:00"))
        assert str(editor.diff()) == str(tg.diff(self.CONFIG, editor.config))
        assert len(editor.diff().frame)


def test_the_picture_is_xml_whatever_a_name_holds() -> None:
    """Control characters and what no XML holds are written as escapes, in the fallback and in plots saved as SVG."""
    names = ["a\x01b", "c\x1b[31m", "d\ufffe", "<&\"'"]
    config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/x"} for name in names])
    editor = tg.ScheduleEditor(config)
    bundle = editor._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    picture = ElementTree.fromstring(data["image/svg+xml"])  # noqa: S314 - our own
    texts = {node.text for node in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"a\\x01b", "c\\x1b[31m", "d\\ufffe", "<&\"'"} <= texts
    editor.close()
    ax = plots.gantt(config, tg.Scenario(), "2026-03-02T00:00Z", "2026-03-03T00:00Z")
    with io.BytesIO() as file:
        ax.figure.savefig(file, format="svg")
        ElementTree.fromstring(file.getvalue())  # noqa: S314 - our own
    plt.close(ax.figure)
