"""The editor in Chromium, with its Python side in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from tests.browser.lab import HANG_S
from tests.browser.page import Bench
from timegate.core.spans import union
from timegate.widgets import live

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/large", "time_constraints": [["22:00", "06:00"]]},
        {
            "model_name": "weak",
            "model": "openai/small",
            "time_constraints": [["10:00", "11:00"], {"start": "15:00", "end": "16:30", "tz": "Asia/Kolkata"}],
        },
        {"model_name": "backup", "model": "sim/tiny", "available": [["08:00", "20:00"]]},
    ]
)
SCENARIO = tg.Scenario(faults=[tg.Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:00Z")])
DAY = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=5_000, preferences={"weak": 0.3}).trace(1)

PEAK = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
PRICED = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/large", "price": {"per_call": 0.01, "bands": [PEAK]}},
        {"model_name": "weak", "model": "openai/small", "price": {"per_call": 0.02}},
    ]
)

Open = Callable[..., Bench]


@pytest.fixture
def open_editor(browser: Any) -> Iterator[Open]:
    """Open editors; afterwards, nothing may have failed or been printed in their pages."""
    opened: list[tuple[Bench, list[str]]] = []
    context = browser.new_context(viewport={"width": 1100, "height": 800}, accept_downloads=True)

    def open_(config: tg.GatewayConfig = CONFIG, trace: Any = DAY, scenario: Any = SCENARIO, **kwargs: Any) -> Bench:
        page = context.new_page()
        printed: list[str] = []
        page.on("console", lambda message: printed.append(message.text))
        page.set_default_timeout(HANG_S * 1000)
        bench = Bench(page, tg.ScheduleEditor(config, trace, scenario, **kwargs))
        bench.settle()
        opened.append((bench, printed))
        return bench

    yield open_
    for bench, printed in opened:
        assert bench.failures() == []
        assert printed == []
    context.close()


def closed(bench: Bench, row: int = 0) -> list[Any]:
    """Return the closed windows of a deployment, as the kernel has them."""
    return [window.to_config() for window in bench.editor.config.deployments[row].time_constraints]


def slider(bench: Bench, name: str) -> Any:
    return bench.page.get_by_role("slider", name=name, exact=True)


def bar(bench: Bench, name: str) -> Any:
    return bench.page.get_by_role("button", name=name, exact=True)


def focused(bench: Bench) -> Any:
    return bench.page.evaluate("document.activeElement.getAttribute('aria-label')")


def propose(bench: Bench, press: Callable[[], None]) -> None:
    """Begin a search for windows, wait until it has ended, and send the page what came of it."""
    begun = bench.asked.count("propose")
    press()  # which the kernel hears of some time later
    while bench.asked.count("propose") == begun or bench.editor._work is not None:
        bench.page.wait_for_timeout(20)
    bench.push()
    bench.settle()


def status(bench: Bench) -> str:
    return bench.page.get_by_role("status").inner_text()


class TestPropose:
    def test_a_proposal_comes_on_screen_and_can_be_undone(self, open_editor):
        """By mouse and by keys: its bars, its figures and its words; undo gives the windows back that were there."""
        bench = open_editor(PRICED, DAY, None, optimise={"step": "1h"})
        button = bench.page.get_by_role("button", name="Propose", exact=True)
        propose(bench, button.click)
        assert closed(bench) == [{"start": "08:00", "end": "18:00", "end_included": False}]
        assert slider(bench, "strong window 1 start").get_attribute("aria-valuetext") == "08:00 UTC"
        assert "The best schedule saves" in status(bench)
        assert "Undo takes it back." in status(bench)
        assert button.get_attribute("title").startswith("Choose windows")
        bench.page.get_by_role("button", name="Undo").click()
        bench.settle()
        assert closed(bench) == []
        assert bench.page.locator(".tg-closed").count() == 0
        button.focus()
        propose(bench, lambda: bench.page.keyboard.press("Enter"))
        assert len(closed(bench)) == 1
        bench.page.keyboard.press("Control+z")
        bench.settle()
        assert closed(bench) == []

    def test_what_no_schedule_keeps_is_said(self, open_editor):
        """In words, and nothing changes on screen."""
        bench = open_editor(PRICED, DAY, None, optimise={"step": "6h", "limits": {"cost_usd": 1}})
        propose(bench, bench.page.get_by_role("button", name="Propose", exact=True).click)
        assert "no schedule keeps the limit cost_usd 1" in status(bench)
        assert closed(bench) == []

    def test_progress_and_stop(self, open_editor):
        """How far the search is, beside a button that ends it."""
        bench = open_editor(PRICED, DAY, None)
        asked = []
        bench.editor._stop = lambda: asked.append(1)
        bench.editor.proposing = "Choosing windows: 2 of 5"
        bench.push()
        assert "Choosing windows: 2 of 5…" in status(bench)
        bench.page.get_by_role("button", name="Stop", exact=True).click()
        bench.page.wait_for_function("model.sent.at(-1).content?.kind === 'stop'")
        bench.editor.proposing = ""
        bench.push()
        assert bench.page.get_by_role("button", name="Propose", exact=True).is_visible()
        assert "Choosing" not in status(bench)
        assert asked == [1]

    def test_without_prices_there_is_no_button(self, open_editor):
        assert open_editor().page.get_by_role("button", name="Propose", exact=True).count() == 0


class TestPointer:
    def test_drag_an_edge(self, open_editor):
        """The end of a window follows the pointer in steps; the handle, the kernel and the figures agree."""
        bench = open_editor()
        before = bench.page.locator("[data-figure=first_choice] b").inner_text()
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(127))
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "13:00"]
        assert slider(bench, "weak window 1 end").get_attribute("aria-valuetext") == "13:00 UTC"
        after = bench.page.locator("[data-figure=first_choice] b").inner_text()
        counts = bench.editor.run.outcome_counts()
        assert after == f"{100 * counts['first_choice'] / len(bench.editor.run):.2f}%" != before
        assert bench.page.locator("[data-figure=first_choice] em").inner_text().startswith("\N{MINUS SIGN}")
        assert "NaN" not in bench.page.locator(".tg-live").inner_text()

    def test_drag_a_bar_over_midnight(self, open_editor):
        """A whole bar keeps its length, and shows its tail on the other side."""
        bench = open_editor()
        bench.drag(bar(bench, "weak window 1"), bench.minutes(13.5 * 60))
        bench.settle()
        assert closed(bench, 1)[0] == ["23:30", "00:30"]
        assert bench.page.locator(".tg-row").nth(1).locator(".tg-closed").count() == 3

    def test_drag_an_edge_over_midnight(self, open_editor):
        """The end of a window, dragged out of the axis on the right, comes in on the left."""
        bench = open_editor()
        bench.drag(bar(bench, "weak window 1"), bench.minutes(12 * 60))
        bench.settle()
        assert closed(bench, 1)[0] == ["22:00", "23:00"]
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(90))
        bench.settle()
        assert closed(bench, 1)[0] == ["22:00", "00:30"]
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        bench.settle()
        assert closed(bench, 1)[0] == ["22:00", "01:30"]

    @pytest.mark.parametrize(("snap", "expected"), [(15, "11:30"), (5, "11:25"), (1, "11:27")])
    def test_snap(self, open_editor, snap, expected):
        """A drag is rounded to what is chosen."""
        bench = open_editor()
        bench.page.get_by_label("snap").select_option(str(snap))
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(27))
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", expected]
        assert bench.editor.snap == snap

    def test_dragged_to_nothing(self, open_editor):
        """An edge stops before the other one, and the page says why."""
        bench = open_editor()
        box = slider(bench, "weak window 1 end").bounding_box()
        with bench.held(box["x"] + 3, box["y"] + 9, -bench.minutes(300)):
            assert "keeps at least a minute" in status(bench)
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "10:15"]
        assert "keeps at least a minute" in status(bench)
        bench.page.get_by_label("Undo").click()
        assert "keeps at least a minute" not in status(bench)  # an edit forgets what was said of the one before

    def test_a_window_of_another_zone(self, open_editor):
        """It is drawn where it lies on the axis, one in UTC too, and edited in its own zone."""
        bench = open_editor(tz="America/New_York", day="2026-03-02")
        assert slider(bench, "weak window 2 start").get_attribute("aria-valuetext") == "15:00 Asia/Kolkata"
        lane = bench.page.locator(".tg-lane").nth(1).bounding_box()
        left = bar(bench, "weak window 2").bounding_box()["x"] - lane["x"]
        assert left == pytest.approx(bench.minutes(4.5 * 60), abs=1)  # 09:30 UTC is 04:30 in New York
        left = bar(bench, "weak window 1").bounding_box()["x"] - lane["x"]
        assert left == pytest.approx(bench.minutes(5 * 60), abs=1)  # 10:00 UTC
        left = slider(bench, "strong outage 1 start").bounding_box()["x"] - lane["x"]
        assert left == pytest.approx(bench.minutes(4 * 60), abs=4)  # 09:00 UTC
        bench.drag(slider(bench, "weak window 2 start"), bench.minutes(-60))
        bench.settle()
        assert closed(bench, 1)[1] == {"start": "14:00", "end": "16:30", "tz": "Asia/Kolkata"}

    def test_add_by_dragging_on_empty_space(self, open_editor):
        """What is drawn becomes a window in the zone of the axis; a click alone adds nothing."""
        bench = open_editor(tz="Europe/Berlin")
        lane = bench.page.locator(".tg-lane").nth(0).bounding_box()
        bench.drag_from(lane["x"] + bench.minutes(12 * 60 + 5), lane["y"] + 15, bench.minutes(110))
        bench.settle()
        assert closed(bench, 0)[1] == {"start": "12:00", "end": "14:00", "tz": "Europe/Berlin"}
        bench.page.mouse.click(lane["x"] + bench.minutes(17 * 60), lane["y"] + 15)
        bench.settle()
        assert len(closed(bench, 0)) == 2

    def test_add_on_the_axis_of_a_week(self, open_editor):
        """What is drawn on a Wednesday is a window of Wednesdays."""
        bench = open_editor(axis="week")
        lane = bench.page.locator(".tg-lane").nth(2).bounding_box()
        start = bench.minutes(2 * 1440 + 600)
        bench.drag_from(lane["x"] + start, lane["y"] + 15, bench.minutes(240))
        bench.settle()
        [window] = closed(bench, 2)
        assert window["days"] == ["wed"]
        assert window["start"] in ("09:45", "10:00")

    @pytest.mark.parametrize("day", ["2026-03-02", "2026-07-06"])
    def test_drag_the_edge_of_available_hours(self, open_editor, day):
        """The edge that one sees is the edge that moves, in winter and in summer; no closed window comes on top."""
        hours = {"start": "08:00", "end": "20:00", "tz": "Europe/Berlin"}
        data = CONFIG.to_dict()
        data["deployments"][2]["available"] = [hours, {**hours, "start": "19:00", "end": "22:00"}]
        bench = open_editor(config=tg.GatewayConfig.model_validate(data), trace=None, scenario=None, day=day)
        lane = bench.page.locator(".tg-lane").nth(2).bounding_box()
        utc = 7 if day.startswith("2026-03") else 6
        bench.drag_from(lane["x"] + bench.minutes(utc * 60) - 2, lane["y"] + 15, bench.minutes(90))
        bench.settle()
        [first, second] = bench.editor.config.deployments[2].available
        assert (first.start, first.end, first.tz) == ("09:30", "20:00", "Europe/Berlin")
        assert (second.start, second.end) == ("19:00", "22:00")  # whose start lies within the other, and is not seen
        assert closed(bench, 2) == []
        assert slider(bench, "backup available window 1 end").count() == 0
        lane = bench.page.locator(".tg-lane").nth(2).bounding_box()
        bench.drag_from(lane["x"] + bench.minutes((utc + 6) * 60), lane["y"] + 15, bench.minutes(60))
        bench.settle()
        assert len(closed(bench, 2)) == 1  # between the edges one draws closed windows, as ever

    def test_outages_are_drawn_dragged_and_added(self, open_editor):
        """An outage is tried out by drawing it; the replay fails the calls in it."""
        bench = open_editor()
        failed = bench.editor.run.outcome_counts()["failed"]
        bench.drag(slider(bench, "strong outage 1 end"), bench.minutes(60))
        bench.settle()
        assert bench.editor.scenario.faults[0].end.hour == 11
        bench.drag(bar(bench, "strong outage 1"), bench.minutes(-120))
        bench.settle()
        assert [bench.editor.scenario.faults[0].start.hour, bench.editor.scenario.faults[0].end.hour] == [7, 9]
        for row in range(3):
            lane = bench.page.locator(".tg-lane").nth(row).bounding_box()
            bench.drag_from(lane["x"] + bench.minutes(16 * 60 + 2), lane["y"] + 40, bench.minutes(56))
            bench.settle()
        assert [f.target for f in bench.editor.scenario.faults] == ["strong", "strong", "weak", "backup"]
        assert bench.editor.scenario.faults[3].start.isoformat() == "2026-03-02T16:00:00+00:00"
        assert bench.editor.run.outcome_counts()["failed"] > failed

    def test_rows_are_dragged(self, open_editor):
        """The grip of a row changes the order of fallback, in one step of undo."""
        bench = open_editor()
        grip = bench.page.locator(".tg-grip").nth(0)
        bench.drag(grip, 0, 100)
        bench.settle()
        assert [d.model_name for d in bench.editor.config.deployments] == ["weak", "backup", "strong"]
        bench.page.get_by_label("Undo").click()
        bench.settle()
        assert bench.editor.config == CONFIG

    def test_escape_takes_a_drag_back(self, open_editor):
        """Escape during a drag leaves everything as it was, and no step of undo."""
        bench = open_editor()
        box = slider(bench, "weak window 1 end").bounding_box()
        with bench.held(box["x"] + 3, box["y"] + 9, 200):
            bench.page.keyboard.press("Escape")
        bench.settle()
        assert bench.editor.config == CONFIG
        assert bench.page.get_by_label("Undo").is_disabled()


class TestWhereBarsLie:
    @pytest.mark.parametrize("axis", ["day", "week"])
    @pytest.mark.parametrize(
        ("tz", "day"),
        [("UTC", "2026-03-02"), ("America/New_York", "2026-03-08"), ("Asia/Kolkata", "2026-10-25"),
         ("Europe/Berlin", "2026-10-25"), ("Europe/Berlin", "2026-03-29")],
    )  # fmt: skip
    def test_bars_lie_where_deployments_are_closed(self, open_editor, tz, day, axis):
        """What is drawn as closed is what the timetable has closed, on any axis, also where the clocks change."""
        windows = [
            ["22:00", "06:00"],
            {"start": "09:00", "end": "10:30", "tz": "Asia/Kolkata", "days": ["mon", "wed", "sun"]},
            {"start": "01:30", "end": "02:30", "tz": "Europe/Berlin"},
            {"start": "20:00", "end": "24:00", "tz": "America/New_York", "except_dates": [day]},
        ]
        config = tg.GatewayConfig(
            deployments=[
                {"model_name": "closed", "model": "sim/a", "time_constraints": windows},
                {"model_name": "open", "model": "sim/b", "available": windows},
            ]
        )
        bench = open_editor(config=config, trace=None, scenario=None, tz=tz, day=day, axis=axis)
        start_us, end_us = live.day_span_us(date.fromisoformat(day), tz, axis)
        for row, kind in enumerate(["tg-closed", "tg-outside"]):
            drawn = (
                bench.page.locator(".tg-row")
                .nth(row)
                .evaluate(
                    "(row, kind) => { const lane = row.querySelector('.tg-lane').getBoundingClientRect();"
                    " return [...row.querySelectorAll('.' + kind)].map((e) => { const box = e.getBoundingClientRect();"
                    " return [(box.left - lane.left) / lane.width, (box.right - lane.left) / lane.width]; }); }",
                    kind,
                )
            )
            hours = config.router().deployments[row].hours
            length = end_us - start_us
            spans = [[(lo - start_us) / length, (hi - start_us) / length] for lo, hi in hours.closed_spans_us(
                start_us, end_us).tolist()]  # fmt: skip
            scale = 1_000_000  # union() takes whole numbers
            pixel = scale / 800
            joined = union([(np.array(drawn) * scale + [0, pixel / 2]).astype(np.int64)])
            assert np.abs(joined - np.array(spans) * scale).max() < 2 * pixel


class TestKeys:
    def test_arrows_move_edges_and_bars(self, open_editor):
        """An arrow is a step of the snap, with Shift an hour; focus stays on the handle."""
        bench = open_editor()
        slider(bench, "weak window 1 end").focus()
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft"):
            bench.page.keyboard.press(key)
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "12:15"]
        bar(bench, "weak window 1").focus()
        bench.page.keyboard.press("ArrowLeft")
        bench.settle()
        assert closed(bench, 1)[0] == ["09:45", "12:00"]
        slider(bench, "strong window 1 start").focus()
        for _ in range(9):
            bench.page.keyboard.press("ArrowRight")
        bench.settle()
        assert closed(bench, 0)[0] == ["00:15", "06:00"]  # over midnight

    def test_available_hours_by_keys(self, open_editor):
        """Edges, the whole and what deletes it have keys as closed windows have."""
        bench = open_editor()
        edge = slider(bench, "backup available window 1 end")
        edge.focus()
        edge.press("ArrowLeft")
        edge.press("Shift+ArrowRight")
        body = bar(bench, "backup available window 1")
        body.focus()
        body.press("ArrowLeft")
        bench.settle()
        [window] = bench.editor.config.deployments[2].available
        assert (window.start, window.end) == ("07:45", "20:30")
        assert focused(bench) == "backup available window 1"
        body.press("Delete")
        bench.settle()
        assert bench.editor.config.deployments[2].available == ()

    def test_delete_duplicate_and_undo(self, open_editor):
        """Delete removes, Ctrl+D duplicates, Ctrl+Z and Ctrl+Shift+Z go back and forth."""
        bench = open_editor()
        bar(bench, "weak window 1").focus()
        bench.page.keyboard.press("Control+d")
        bench.settle()
        assert closed(bench, 1)[0] == closed(bench, 1)[2]
        assert focused(bench) == "weak window 3"  # the next key moves the copy
        bar(bench, "weak window 1").focus()
        bench.page.keyboard.press("Delete")
        bench.settle()
        assert len(closed(bench, 1)) == 2
        bench.page.keyboard.press("Control+z")
        bench.page.keyboard.press("Control+z")
        bench.settle()
        assert bench.editor.config == CONFIG
        bench.page.keyboard.press("Control+Shift+z")
        bench.settle()
        assert len(closed(bench, 1)) == 3

    def test_undo_keeps_the_focus(self, open_editor):
        """A button that has nothing more to undo says so, and still takes keys."""
        bench = open_editor()
        slider(bench, "weak window 1 end").press("ArrowRight")
        bench.page.get_by_label("Undo").press("Enter")
        bench.settle()
        assert bench.page.get_by_label("Undo").get_attribute("aria-disabled") == "true"
        assert focused(bench) == "Undo"
        bench.page.keyboard.press("Control+Shift+z")
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "11:15"]

    @pytest.mark.parametrize(("axis", "tz"), [("day", "UTC"), ("day", "Asia/Kolkata"), ("week", "UTC")])
    def test_a_window_is_one_stop_of_tab(self, open_editor, axis, tz):
        """However many pieces of a window are on screen, its bar and each of its edges is reached once."""
        bench = open_editor(axis=axis, tz=tz)
        assert bench.page.locator(".tg-row").first.locator(".tg-closed").count() >= (1 if tz != "UTC" else 2)
        names = bench.page.locator(".tg-row .tg-bar [tabindex]").evaluate_all("(all) => all.map((e) => e.ariaLabel)")
        assert len(names) == len(set(names))
        assert {"strong window 1", "strong window 1 start", "strong window 1 end", "weak window 2"} <= set(names)

    def test_outages_by_keys(self, open_editor):
        """Outages move, shrink and go by the same keys."""
        bench = open_editor()
        slider(bench, "strong outage 1 start").focus()
        bench.page.keyboard.press("ArrowLeft")
        bench.settle()
        assert bench.editor.scenario.faults[0].start.minute == 45
        bench.page.keyboard.press("Delete")
        bench.settle()
        assert bench.editor.scenario.faults == ()

    def test_everything_is_reached_by_tab(self, open_editor):
        """Tab leads through toolbar, rows and handles in their order; each control has a name and suppresses keys."""
        bench = open_editor()
        bench.page.locator("[data-axis=day]").focus()
        names = []
        for _ in range(60):
            names.append(
                bench.page.evaluate(
                    "() => { const e = document.activeElement; return e === document.body ? '' : (e.role ?? '') + '|' +"
                    " (e.getAttribute('aria-label') ?? e.textContent) + '|' + e.dataset.lmSuppressShortcuts; }"
                )
            )
            bench.page.keyboard.press("Tab")
        for wanted in (
            "|strong|true",
            "switch|strong switched on|true",
            "button|strong window 1|true",
            "slider|strong window 1 start|true",
            "slider|strong window 1 end|true",
            "slider|strong outage 1 end|true",
            "slider|weak window 2 end|true",
            "|Move backup up|true",
        ):
            assert any(name.endswith(wanted) for name in names), wanted
        assert [name for name in names if name and not name.endswith("|true")] == []

    def test_rows_by_keys(self, open_editor):
        """A deployment is moved, and switched off and on, without a pointer."""
        bench = open_editor()
        bench.page.get_by_label("Move backup up").focus()
        bench.page.keyboard.press("Enter")
        bench.settle()
        assert [d.model_name for d in bench.editor.config.deployments] == ["strong", "backup", "weak"]
        switch = bench.page.get_by_role("switch", name="weak switched on")
        switch.focus()
        bench.page.keyboard.press("Space")
        bench.settle()
        assert [d.model_name for d in bench.editor.config.deployments] == ["strong", "backup"]
        assert switch.get_attribute("aria-checked") == "false"
        bench.page.keyboard.press("Space")
        bench.settle()
        assert len(bench.editor.config.deployments) == 3


class TestForm:
    def field(self, bench: Bench, name: str) -> Any:
        return bench.page.locator(f".tg-fields:not([hidden]) [name={name}]")

    def enter(self, bench: Bench, name: str, value: str) -> None:
        self.field(bench, name).fill(value)
        self.field(bench, name).press("Enter")

    def drafts(self, bench: Bench) -> Any:
        """Return how many schedules the page sent; a schedule at rest is also checked, at a moment of its own."""
        return bench.page.evaluate("model.sent.filter((m) => m.state?.draft).length")

    def test_exact_times_zone_days_and_dates(self, open_editor):
        """Everything that a window can say can be typed."""
        bench = open_editor()
        bar(bench, "weak window 1").click()
        for name, value in [
            ("start", "9:07"),
            ("end", "24:00"),
            ("tz", "Europe/Berlin"),
            ("since", "2026-03-01"),
            ("until", "2026-04-01"),
            ("except_dates", "2026-03-03, 2026-03-04"),
        ]:
            self.enter(bench, name, value)
            bench.settle()
        for day in ("sat", "sun"):
            bench.page.get_by_role("checkbox", name=day).uncheck(force=True)
        bench.settle()
        assert closed(bench, 1)[0] == {
            "start": "09:07",
            "end": "24:00",
            "tz": "Europe/Berlin",
            "days": ["mon", "tue", "wed", "thu", "fri"],
            "since": "2026-03-01",
            "until": "2026-04-01",
            "except_dates": ["2026-03-03", "2026-03-04"],
        }

    def test_dates_as_people_say_them(self, open_editor):
        """Weekdays of a month, days, months, holidays, an end days later and one left out are typed by keys alone."""
        bench = open_editor()
        bar(bench, "weak window 1").click()
        bench.page.locator("summary", has_text="more").press("Enter")
        for name, value in [
            ("start", "18:00"),
            ("nth", "fri#1, Fri#-1"),
            ("end", "Mon 8:00"),
            ("days_of_month", "1, 2, -1"),
            ("months", "nov-feb"),
            ("holidays", "de-by"),
        ]:
            self.enter(bench, name, value)
            bench.settle()
        for name, value in [("on_holidays", "only"), ("end_included", "false")]:
            self.field(bench, name).select_option(value)
            bench.settle()
        expected = {
            "start": "18:00",
            "end": "mon 08:00",
            "days": ["fri#1", "fri#-1"],
            "days_of_month": [1, 2, -1],
            "months": ["jan", "feb", "nov", "dec"],
            "holidays": "DE-BY",
            "on_holidays": "only",
            "end_included": False,
        }
        assert closed(bench, 1)[0] == expected
        assert bench.editor.config.deployments[1].time_constraints[0] == tg.Window(**expected)
        assert self.field(bench, "months").input_value() == "nov-feb"

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("start", "25:00", "from must look like 22:00. Got '25:00'."),
            ("end", "soon", "to must look like 06:00"),
            ("except_dates", "2026-02-30", "except must be dates like 2026-12-25. Got '2026-02-30'."),
            ("tz", "Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ],
    )
    def test_what_is_typed_wrong(self, open_editor, name, value, message):
        """It is said in place, what was typed stays to be mended, and the config stays valid."""
        bench = open_editor()
        bar(bench, "weak window 1").click()
        self.enter(bench, name, value)
        bench.settle()
        assert message in bench.page.locator(".tg-form-wrong").inner_text()
        assert self.field(bench, name).input_value() == value
        wrong = bench.page.locator("[aria-invalid=true]")
        assert wrong.evaluate_all("(all) => all.map((e) => e.name)") == [name]
        assert bench.editor.config == CONFIG
        good = {"start": "10:15", "end": "12:00", "except_dates": "", "tz": "Europe/Berlin"}[name]
        self.enter(bench, name, good)
        bench.settle()
        assert message not in bench.page.locator(".tg-form-wrong").inner_text()  # a finding may stand there
        assert wrong.count() == 0
        assert not bench.editor.answer["refused"]

    def test_the_last_weekday_stays(self, open_editor):
        """A window without weekdays is refused in place; what is said of it does not stick to another window."""
        data = CONFIG.to_dict()
        data["deployments"][1]["time_constraints"][0] = {"start": "10:00", "end": "11:00", "days": ["tue"]}
        bench = open_editor(config=tg.GatewayConfig.model_validate(data))
        bench.page.get_by_role("button", name="weak", exact=True).click()
        bench.page.get_by_text("closed 10:00").click()
        bench.page.get_by_role("checkbox", name="tue").uncheck(force=True)
        wrong = bench.page.locator(".tg-form-wrong")
        bench.page.evaluate("model.fire('change:findings')")  # the page is drawn again, whatever comes
        assert "needs at least one weekday" in wrong.inner_text()
        assert not bench.page.get_by_role("checkbox", name="tue").is_checked()
        bench.page.get_by_text("closed 15:00").click()
        assert "weekday" not in wrong.inner_text()
        assert bench.page.locator("[aria-invalid=true]").count() == 0
        bench.page.get_by_text("closed 10:00").click()
        assert bench.page.get_by_role("checkbox", name="tue").is_checked()

    def test_the_times_of_an_outage_that_are_refused(self, open_editor):
        """The field is marked, whoever found it wrong: this page, or the kernel."""
        bench = open_editor()
        bar(bench, "strong outage 1").click()
        self.enter(bench, "to", "2026-03-02 08:00")
        wrong = bench.page.locator("[aria-invalid=true]")
        assert wrong.evaluate_all("(all) => all.map((e) => e.name)") == ["to"]
        assert "must end after it starts" in bench.page.locator(".tg-form-wrong").inner_text()
        self.enter(bench, "to", "2250-01-01 00:00")
        bench.settle()
        assert bench.editor.answer["problems"][0]["field"] == "end"
        assert wrong.evaluate_all("(all) => all.map((e) => e.name)") == ["to"]

    def test_available_windows_are_shown_and_kept(self, open_editor):
        """They are drawn as the hours outside of them, listed, edited, and turned into closed ones and back."""
        bench = open_editor()
        assert bench.page.locator(".tg-row").nth(2).locator(".tg-outside").count() == 2
        bench.page.get_by_role("button", name="backup", exact=True).click()
        bench.page.get_by_text("available 08:00").click()
        self.enter(bench, "end", "18:00")
        bench.settle()
        assert bench.editor.config.deployments[2].available[0].end == "18:00"
        self.field(bench, "kind").select_option("time_constraints")
        bench.settle()
        assert bench.editor.config.deployments[2].available == ()
        assert closed(bench, 2) == [["08:00", "18:00"]]

    def test_named_windows(self, open_editor):
        """A definition is changed in one place and holds in all; without the name the change stays where it is."""
        night = {"start": "22:00", "end": "06:00"}
        data = CONFIG.to_dict() | {"windows": {"night": night}}
        data["deployments"][1]["available"] = ["night"]
        bench = open_editor(config=tg.GatewayConfig.model_validate(data))
        edge = slider(bench, "strong window 1 end")
        edge.focus()
        edge.press("Shift+ArrowRight")
        bench.settle()
        later = tg.Window("22:00", "07:00")
        config = bench.editor.config
        assert config.windows == {"night": later}
        assert config.deployments[0].time_constraints == config.deployments[1].available == (later,)
        assert config.to_dict()["deployments"][1]["available"] == ["night"]
        bench.page.get_by_text("closed night: 22:00").wait_for()
        self.enter(bench, "name", "1st")
        bench.page.get_by_text("name must begin with a letter and hold no colon. Got '1st'.").wait_for()
        self.enter(bench, "name", "")
        self.enter(bench, "start", "21:00")
        bench.settle()
        config = bench.editor.config
        assert config.windows == {"night": later}
        assert config.deployments[0].time_constraints == (tg.Window("21:00", "07:00"),)
        self.enter(bench, "name", "evening")
        bench.settle()
        assert list(bench.editor.config.windows) == ["night", "evening"]
        self.enter(bench, "name", "night")
        bench.settle()
        assert bench.editor.config.deployments[0].time_constraints == (later,)
        bench.page.keyboard.press("Control+z")
        with bench.page.expect_download() as download:
            bench.page.get_by_role("button", name="Download").click()
        assert tg.GatewayConfig.load(download.value.path()).windows["night"] == later

    def test_a_zone_that_is_none_is_told_while_it_is_typed(self, open_editor):
        """Before the kernel is asked; when the field is left, the kernel says which may be meant."""
        bench = open_editor()
        bar(bench, "strong window 1").click()
        sent = self.drafts(bench)
        self.field(bench, "tz").fill("Europe/Berl")
        bench.page.get_by_text("zone must be the name of a zone, such as Europe/Berlin. Got 'Europe/Berl'.").wait_for()
        assert self.drafts(bench) == sent
        self.field(bench, "tz").press("Enter")
        bench.page.get_by_text("Did you mean 'Europe/Berlin'?").wait_for()
        self.field(bench, "tz").fill("Europe/Berlin")
        assert self.field(bench, "tz").get_attribute("aria-invalid") is None
        self.field(bench, "tz").press("Enter")
        bench.settle()
        assert closed(bench)[0]["tz"] == "Europe/Berlin"

    def test_an_outage_in_the_form(self, open_editor):
        """Its target, times in the zone of the axis, and kind of error."""
        bench = open_editor(tz="Asia/Kolkata")
        bar(bench, "strong outage 1").click()
        assert self.field(bench, "from").input_value() == "2026-03-02 14:30"
        self.enter(bench, "to", "2026-03-02 16:00")
        self.field(bench, "target").select_option("provider:openai")
        self.field(bench, "error").select_option("timeout")
        bench.settle()
        [fault] = bench.editor.scenario.faults
        assert (fault.target, fault.error, fault.end.isoformat()) == (
            "provider:openai",
            "timeout",
            "2026-03-02T10:30:00+00:00",
        )
        assert bar(bench, "weak outage 1").count() == 1
        self.enter(bench, "to", "")
        bench.settle()
        assert bench.editor.scenario.faults[0].end is None
        assert slider(bench, "weak outage 1 start").count() == 1
        assert slider(bench, "weak outage 1 end").count() == 0  # it lies beyond the axis


class TestKernelAndPage:
    def test_what_python_sets_is_drawn(self, open_editor):
        """A config set by a cell moves the bars, and can be undone."""
        bench = open_editor()
        data = CONFIG.to_dict()
        data["deployments"][1]["time_constraints"] = [["12:00", "14:00"]]
        bench.editor.config = tg.GatewayConfig.model_validate(data)
        bench.push()
        bench.settle()
        assert slider(bench, "weak window 1 end").get_attribute("aria-valuetext") == "14:00 UTC"
        assert bar(bench, "weak window 2").count() == 0
        bench.page.get_by_label("Undo").click()
        bench.settle()
        assert bench.editor.config == CONFIG

    def test_the_bar_moves_before_the_kernel_answers(self, open_editor):
        """Without any answer bars follow the pointer, and the page says that the kernel is silent."""
        bench = open_editor()
        bench.page.evaluate("model.deaf = true")
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        assert slider(bench, "weak window 1 end").get_attribute("aria-valuetext") == "12:00 UTC"
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        bench.page.get_by_text("The kernel does not answer").wait_for()
        assert bench.editor.config == CONFIG
        bench.page.evaluate("model.deaf = false")
        slider(bench, "weak window 1 end").focus()
        bench.page.keyboard.press("ArrowRight")
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "13:15"]  # no edit was lost
        assert "does not answer" not in status(bench)

    def test_a_stale_answer_is_not_shown(self, open_editor):
        """Figures of an earlier schedule never stand under a later one."""
        bench = open_editor()
        shown = bench.page.locator("[data-figure=first_choice] b").inner_text()
        bench.page.evaluate("model.deaf = true")
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        bench.page.evaluate(
            "model.take({state: {answer: {...model.state.answer, figures: {...model.state.answer.figures,"
            " first_choice: 1}}}, messages: []})"
        )
        bench.page.wait_for_timeout(300)
        assert bench.page.locator("[data-figure=first_choice] b").inner_text() == shown
        assert "tg-waiting" in bench.page.locator(".tg-editor").get_attribute("class")

    def test_edits_during_a_replay_coalesce(self, open_editor):
        """One request is under way at a time, and the newest follows."""
        bench = open_editor()
        bench.page.evaluate("""() => { model.ask = function (m) { this.sent.push(m); this.held = m; }; }""")
        slider(bench, "weak window 1 end").focus()
        for _ in range(5):
            bench.page.keyboard.press("ArrowRight")
        revisions = "model.sent.filter((m) => m.state?.draft).map((m) => m.state.draft.revision)"
        assert bench.page.evaluate(revisions) == [1]
        bench.page.evaluate("async () => model.take(JSON.parse(await toKernel(JSON.stringify(model.held))))")
        bench.page.wait_for_function(f"() => {revisions}.length === 2")
        assert bench.page.evaluate(revisions) == [1, 5]

    def test_two_views_show_one_schedule(self, open_editor):
        """A widget displayed twice is one schedule."""
        bench = open_editor()
        bench.page.evaluate(
            "() => { const el = document.createElement('div'); el.id = 'second'; document.body.append(el);"
            " return render_again(el); }"
        )
        bench.drag(slider(bench, "weak window 1 end").first, bench.minutes(60))
        bench.settle()
        second = bench.page.locator("#second").get_by_role("slider", name="weak window 1 end", exact=True)
        assert second.get_attribute("aria-valuetext") == "12:00 UTC"

    def test_a_new_kernel_and_the_edits_of_the_old(self, open_editor):
        """After a restart the page offers the edits that the old kernel took with it."""
        bench = open_editor()
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        bench.settle()
        storage = bench.page.evaluate("JSON.stringify(sessionStorage)")
        again = open_editor()
        again.page.evaluate("(s) => { for (const [k, v] of Object.entries(JSON.parse(s))) sessionStorage[k] = v; }",
                            storage)  # fmt: skip
        again.page.reload()
        again.page.evaluate("([s, m]) => open_editor(s, m)", [again.state(), str(again.editor._esm)])
        again.page.get_by_role("button", name="Restore").click()
        again.settle()
        assert closed(again, 1)[0] == ["10:00", "12:00"]
        assert again.page.get_by_role("button", name="Restore").count() == 0

    def test_save_and_download(self, open_editor, tmp_path):
        """Both write the schedule on screen, and it loads again."""
        bench = open_editor()
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        path = tmp_path / "gateway.yaml"
        bench.page.get_by_label("file to save to").fill(str(path))
        bench.page.get_by_role("button", name="Save").click()
        bench.page.get_by_text(f"Saved to {path}").wait_for()
        assert tg.GatewayConfig.load(path) == bench.editor.config
        assert bench.editor.config != CONFIG
        with bench.page.expect_download() as download:
            bench.page.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == "gateway.yaml"
        copy = tmp_path / "copy.yaml"
        download.value.save_as(copy)
        assert tg.GatewayConfig.load(copy) == bench.editor.config
        bench.page.get_by_label("file to save to").fill(str(tmp_path / "no" / "such.yaml"))
        bench.page.get_by_role("button", name="Save").click()
        bench.page.get_by_text("no such folder").wait_for()

    def test_what_is_said_of_saving_holds(self, open_editor, tmp_path):
        """An edit takes back that it is saved; a kernel that does not answer has not saved."""
        bench = open_editor()
        bench.page.get_by_label("file to save to").fill(str(tmp_path / "gateway.yaml"))
        bench.page.get_by_role("button", name="Save").click()
        saved = bench.page.get_by_text("Saved to")
        saved.wait_for()
        bench.page.get_by_role("switch", name="backup switched on").click()
        bench.settle()
        assert saved.count() == 0
        bench.page.evaluate("model.deaf = true")
        bench.page.get_by_role("button", name="Save").click()
        bench.page.get_by_text("Not saved yet: the kernel does not answer.").wait_for()

    def test_the_axis(self, open_editor):
        """Day and week, earlier and later, and any zone; one that does not exist is refused."""
        bench = open_editor()
        bench.page.get_by_role("button", name="Week").click()
        bench.settle()
        assert (bench.editor.axis, bench.editor.snap) == ("week", 15)
        assert bench.page.locator(".tg-ticks span").count() == 7
        bench.page.get_by_label("Later").click()
        assert bench.editor.day == "2026-03-09"
        bench.page.get_by_text("The trace lies on other days").wait_for()
        zone = bench.page.get_by_label("zone of the axis")
        zone.fill("Europe/Berln")
        zone.press("Enter")
        bench.page.get_by_text("Did you mean 'Europe/Berlin'?").wait_for()
        zone.fill("Europe/Berlin")
        zone.press("Enter")
        bench.page.wait_for_function("() => model.state.tz === 'Europe/Berlin'")
        assert bench.editor.tz == "Europe/Berlin"

    def test_findings_stand_beside_their_bars(self, open_editor):
        """What the check finds of a window marks its bar, is listed, and leads there; an edit takes it away."""
        data = CONFIG.to_dict()
        data["deployments"][1]["time_constraints"] = [["10:00", "14:00"], ["11:00", "12:00"]]
        bench = open_editor(config=tg.GatewayConfig.model_validate(data))
        finding = bench.page.get_by_text("weak window 2: Whenever it applies, it lies within window 1.")
        finding.wait_for()
        flags = bench.page.locator(".tg-bar .tg-flag[data-severity=warning]")
        assert flags.count() == 1
        finding.get_by_role("button", name="Show").click()
        assert "lies within window 1" in bench.page.locator(".tg-form-wrong").inner_text()
        slider(bench, "weak window 2 end").focus()
        for _ in range(3):
            bench.page.keyboard.press("Shift+ArrowRight")
        bench.settle()
        finding.wait_for(state="detached")
        assert flags.count() == 0

    def test_figures_of_the_trace_or_of_the_days_shown(self, open_editor):
        """They say of which they are, and one switches."""
        trace = tg.Trace(pd.date_range("2026-03-02", "2026-03-05", periods=6_000, tz="UTC", inclusive="left"))
        bench = open_editor(trace=trace)
        calls = bench.page.locator("[data-figure=calls] b")
        assert calls.inner_text() == f"{len(trace):,}"
        bench.page.get_by_role("button", name="Day shown").press("Enter")
        first_day = int((trace.frame["at"] < "2026-03-03T00:00Z").sum())
        bench.page.wait_for_function(
            "(n) => document.querySelector('[data-figure=calls] b').textContent === n", arg=f"{first_day:,}"
        )
        bench.page.get_by_role("group", name="Figures of the day shown").wait_for()
        assert bench.editor.scope == "shown"

    def test_findings_are_those_of_the_days_shown(self, open_editor):
        """A window that is over on the days shown is told as such, and looked at again when others are shown."""
        data = CONFIG.to_dict()
        data["deployments"][0]["time_constraints"] = [{"start": "1:00", "end": "2:00", "until": "2026-06-30"}]
        bench = open_editor(config=tg.GatewayConfig.model_validate(data), trace=None, now="2026-07-06T12:00Z")
        assert bench.editor.day == "2026-07-06"
        remark = bench.page.get_by_text("It applies no more")
        remark.wait_for()
        bench.page.get_by_label("first day of the axis").fill("2026-03-02")
        remark.wait_for(state="detached")

    def test_long_names_that_begin_alike_stay_apart(self, open_editor):
        """Where there is no room for a name, its end is seen, beside the row and in the legend."""
        names = ["gpt-4.1-mini-europe-west-1", "gpt-4.1-mini-europe-west-2"]
        bench = open_editor(
            config=tg.GatewayConfig(deployments=[{"model_name": name, "model": "sim/x"} for name in names]),
            scenario=None,
        )
        for place in (".tg-row .tg-name", ".tg-entry .tg-name"):
            found = bench.page.locator(place).filter(has_text="gpt")
            ends = [found.nth(i).locator("span").nth(1) for i in range(2)]
            assert {end.inner_text() for end in ends} == {"-1", "-2"}
            for i, end in enumerate(ends):
                box, inner = found.nth(i).bounding_box(), end.bounding_box()
                assert inner["x"] + inner["width"] <= box["x"] + box["width"] + 1

    def test_names_are_text(self, open_editor):
        """A name that looks like markup is shown as it is."""
        name = '<img src=x onerror="failures.push(1)">'
        data = CONFIG.to_dict()
        data["deployments"][0]["model_name"] = name
        bench = open_editor(config=tg.GatewayConfig.model_validate(data), scenario=None)
        bench.page.get_by_role("button", name=name, exact=True).click()
        assert bench.page.locator(".tg-editor img").count() == 0

    def test_no_trace(self, open_editor):
        """Windows are edited blind, and the page says so."""
        bench = open_editor(trace=None)
        bench.drag(slider(bench, "weak window 1 end"), bench.minutes(60))
        bench.settle()
        assert closed(bench, 1)[0] == ["10:00", "12:00"]
        assert "There is no trace" in bench.page.locator(".tg-empty").inner_text()


class TestLooks:
    @pytest.mark.parametrize("width", [620, 700, 1100])  # the first leaves 596 between the margins of a page
    def test_nothing_is_cut_or_overlaps(self, open_editor, width):
        """Twelve deployments with five windows fit; no control lies on another, no page scrolls sideways."""
        zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Sao_Paulo"]

        def window(i: int, j: int) -> dict[str, str]:
            hour = 3 * j + i
            return {"start": f"{hour % 24:02}:15", "end": f"{(hour + 2) % 24:02}:30", "tz": zones[(i + j) % 5]}

        deployments = [
            {
                "model_name": f"eu-{i}" if i % 5 else f"deployment-{i}-with-a-name-that-is-long",
                "model": f"provider{i % 3}/model-{i}",
                "time_constraints": [window(i, j) for j in range(5)],
            }
            for i in range(12)
        ]
        bench = open_editor(config=tg.GatewayConfig(deployments=deployments), scenario=None)
        bench.page.set_viewport_size({"width": width, "height": 900})
        bar(bench, "eu-3 window 2").click()
        assert bench.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        crossed = bench.page.evaluate("""() => {
          const boxes = [...document.querySelectorAll(".tg-toolbar > *, .tg-fields:not([hidden]) > *, .tg-list > *,"
            + " .tg-closed, .tg-figure")].map((e) => [e, e.getBoundingClientRect()]);
          const found = [];
          for (const [a, p] of boxes) for (const [b, q] of boxes) {
            if (a === b || a.parentElement !== b.parentElement || !p.width || !q.width) continue;
            if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
              found.push(a.className + " " + b.className);
          }
          return found;
        }""")
        assert crossed == []
