"""Proposals in the editor, without a browser: what the button does, and how it ends."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import wraps
from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.engines.progress import progress
from timegate.errors import InvalidTypeError, ReplayError
from timegate.optimize import choose
from timegate.widgets import propose
from timegate.widgets.propose import Work, options_for

PEAK = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
STRONG = {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.01, "bands": [PEAK]}}
WEAK = {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.02}}
CONFIG = tg.GatewayConfig(deployments=[STRONG, WEAK])
DAY = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144, freq="10min"))
FOUND = (tg.Window("08:00", "18:00", end_included=False),)


def opened(config: tg.GatewayConfig = CONFIG, trace: Any = DAY, **kwargs: Any) -> tg.ScheduleEditor:
    return tg.ScheduleEditor(config, trace, optimise={"step": "1h"} | kwargs.pop("optimise", {}), **kwargs)


def pressed(editor: tg.ScheduleEditor, kind: str = "propose") -> list[dict[str, Any]]:
    """Press a button, and return what comes back."""
    sent: list[dict[str, Any]] = []
    editor.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]
    editor._handle_custom_msg({"kind": kind, "draft": editor.draft}, [])
    return sent


def edited(editor: tg.ScheduleEditor, windows: list[Any], row: int = 1) -> None:
    draft = json.loads(json.dumps(editor.draft))
    draft["deployments"][row]["time_constraints"] = windows
    editor.set_state({"draft": {**draft, "author": "page", "revision": draft["revision"] + 1}})


def test_a_proposal_is_put_on_screen() -> None:
    """As a change of the kernel's, which the page takes for a step of undo; with what it is worth, in words."""
    editor = opened()
    before = editor.draft
    (message,) = pressed(editor)
    assert editor.config.deployments[0].time_constraints == FOUND
    assert editor.draft["deployments"][0]["time_constraints"][0]["start"] == "08:00"
    assert (editor.draft["author"], editor.draft["revision"]) == ("kernel", before["revision"] + 1)
    assert editor.answer["revision"] == editor.draft["revision"]
    assert message["kind"] == "proposed"
    assert message["text"].startswith("The best schedule saves 0.6 of 2.64 USD (22.7%)")
    assert "chosen on these very calls" in message["text"]
    assert message["text"].endswith("Undo takes it back.")
    assert editor.proposals is not None
    assert editor.proposals.best == editor.config
    assert editor.proposing == ""
    editor.set_state({"draft": {**before, "author": "page", "revision": before["revision"] + 2}})  # the page's undo
    assert editor.config == CONFIG


def test_propose_as_a_method() -> None:
    """With options of its own before those of the editor; what it returns is what is on screen."""
    editor = opened(optimise={"limits": {"failed": 0.5}})
    found = editor.propose(fixed=["strong"])
    assert found.limits == {"failed": 0.5}
    assert editor.config == CONFIG
    assert editor.propose(tz="Europe/Berlin").grid.tz == "Europe/Berlin"
    assert editor.config.deployments[0].time_constraints[0].tz == "Europe/Berlin"
    assert editor.proposals is not None
    assert editor.proposals.grid.per_day == 24


def test_nothing_to_propose_leaves_the_screen() -> None:
    editor = opened(tg.GatewayConfig(deployments=[WEAK, {**WEAK, "model_name": "other"}]))
    revision = editor.draft["revision"]
    (message,) = pressed(editor)
    assert message["text"].startswith("No change of windows is worth it.")
    assert "Undo" not in message["text"]
    assert editor.draft["revision"] == revision


def test_a_limit_that_no_schedule_keeps_is_said() -> None:
    """As are all errors, in words, and the button works again after that."""
    editor = opened(optimise={"limits": {"cost_usd": 0.5}})
    for _ in range(2):
        (message,) = pressed(editor)
        assert message["kind"] == "error"
        assert message["about"] == "propose"
        assert "no schedule keeps the limit cost_usd 0.5: the least is cost_usd 2.04" in message["text"]
    assert editor.config == CONFIG


def test_a_schedule_that_is_refused_has_no_proposal() -> None:
    editor = opened()
    edited(editor, [{"start": "25:00", "end": "06:00"}])
    (message,) = pressed(editor)
    assert message["text"].startswith("Not proposed, because of this:")


def test_what_is_switched_off_takes_no_part() -> None:
    """Nor do its faults; its row stays where it is."""
    third = {**WEAK, "model_name": "third", "price": {"per_call": 0.001}}
    scenario = tg.Scenario(faults=[tg.ErrorRate(target="third", rate=0.5)])
    editor = opened(tg.GatewayConfig(deployments=[STRONG, WEAK, third]), scenario=scenario)
    draft = json.loads(json.dumps(editor.draft))
    draft["deployments"][2]["off"] = True
    editor.set_state({"draft": {**draft, "author": "page", "revision": 1}})
    pressed(editor)
    assert editor.config.deployments[0].time_constraints == FOUND
    assert [row["model_name"] for row in editor.draft["deployments"]] == ["strong", "weak", "third"]
    assert editor.draft["deployments"][2]["off"]


@pytest.mark.parametrize(
    ("deployments", "trace", "optimise", "offers"),
    [
        ([STRONG, WEAK], DAY, {}, True),
        ([STRONG, WEAK], None, {}, False),
        ([STRONG, {"model_name": "free", "model": "sim/tiny"}], DAY, {}, False),
        ([STRONG, {"model_name": "free", "model": "sim/tiny"}], DAY, {"minimise": "failed"}, True),
    ],
)
def test_the_button_is_there_where_there_is_something_to_choose_by(
    deployments: list[Any], trace: Any, optimise: dict[str, Any], offers: bool
) -> None:
    editor = opened(tg.GatewayConfig(deployments=deployments), trace, optimise=optimise)
    assert editor.answer["proposes"] is offers


def test_what_goes_without_saying() -> None:
    """The zone of the axis, and a day where there is no week; what is said holds."""
    week = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=7 * 24, freq="1h"))
    assert options_for({}, DAY, "Asia/Tokyo") == {"tz": "Asia/Tokyo", "period": "day"}
    assert options_for({"tz": "UTC", "period": "day"}, week, "Asia/Tokyo") == {"tz": "UTC", "period": "day"}
    assert options_for({}, week, "UTC")["period"] == "week"


def test_bad_options() -> None:
    with pytest.raises(InvalidTypeError, match="optimise must be a mapping"):
        tg.ScheduleEditor(CONFIG, DAY, optimise=0.001)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"Got 'limit'\. Did you mean 'limits'"):
        tg.ScheduleEditor(CONFIG, DAY, optimise={"limit": {}})
    with pytest.raises(InvalidTypeError, match=r"options of tg\.optimise\. Got 'traffic'"):
        opened().propose(traffic=DAY)
    with pytest.raises(ReplayError, match="there is no trace"):
        opened(trace=None).propose()


# Beside the kernel


def in_a_kernel(editor: tg.ScheduleEditor, meanwhile: Any) -> list[dict[str, Any]]:
    """Press the button in an event loop, do something while it works, and wait for its end."""

    async def run() -> list[dict[str, Any]]:
        sent = pressed(editor)
        await meanwhile(editor)
        while editor._work is not None:
            await asyncio.sleep(0.01)
        return sent

    return asyncio.run(run())


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Hold a search until it is let go: whether it has begun, and what lets it go."""
    begun, free = threading.Event(), threading.Event()
    chosen = choose.optimise

    @wraps(chosen)
    def optimise(*given: Any, **options: Any) -> Any:
        begun.set()
        free.wait()
        return chosen(*given, **options)

    monkeypatch.setattr(propose, "optimise", optimise)
    return begun, free


def test_the_kernel_goes_on_meanwhile(held: tuple[threading.Event, threading.Event]) -> None:
    """Edits are answered while windows are chosen; a proposal for another schedule is not forced on them."""
    begun, free = held

    async def meanwhile(editor: tg.ScheduleEditor) -> None:
        begun.wait()
        assert editor.proposing == "Choosing windows"
        edited(editor, [{"start": "01:00", "end": "02:00"}])
        assert editor.answer["revision"] == 1
        assert pressed(editor)[0]["text"] == "Windows are being chosen already."
        free.set()

    editor = opened()
    sent: list[dict[str, Any]] = []

    async def then(editor: tg.ScheduleEditor) -> None:
        await meanwhile(editor)
        editor.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]

    in_a_kernel(editor, then)
    assert sent[0]["text"].startswith("The schedule was edited while windows were chosen for it")
    assert editor.config.deployments[1].time_constraints == (tg.Window("01:00", "02:00"),)
    assert editor.proposals is not None
    assert editor.proposals.best.deployments[0].time_constraints == FOUND
    assert editor.proposing == ""


def test_a_search_can_be_stopped(held: tuple[threading.Event, threading.Event]) -> None:
    """What comes of it is the best so far: here today's windows, and that is said."""
    begun, free = held

    async def stop(editor: tg.ScheduleEditor) -> None:
        begun.wait()
        editor._handle_custom_msg({"kind": "stop"}, [])
        free.set()

    editor = opened()
    (message,) = in_a_kernel(editor, stop)
    assert message["text"].startswith("The search was interrupted before it had found other windows")
    assert editor.config == CONFIG
    pressed(editor, "stop")  # of nothing is nothing


def test_progress_is_told_in_words_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    clock = iter([0.0, 0.0, 1.0, 1.0, 1.1, 2.0, 2.0])
    monkeypatch.setattr(propose, "monotonic", lambda: next(clock))
    work = Work(
        lambda: list(progress(range(3), 3, "replay")) and list(progress("a", None, "program")), said.append, print
    )  # type: ignore[arg-type, return-value]
    work._done = lambda found: None
    work._next_s = -1.0
    work.start()
    assert said == ["Replaying who may be open: 1 of 3", "Replaying who may be open: 2 of 3", "Choosing windows"]
