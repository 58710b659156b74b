"""The editor in JupyterLab: the whole way from a pointer to a kernel and back. The tests build on each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import timegate as tg
from tests.browser.lab import Lab, jupyter_lab

CELLS = [
    """import timegate as tg
from timegate.samples import CONFIG, SCENARIO, TRACE, sample
config = tg.GatewayConfig.load(sample(CONFIG))
editor = tg.ScheduleEditor(config, tg.read_trace(sample(TRACE)), tg.Scenario.load(sample(SCENARIO)))
seen = []
editor.observe(lambda change: seen.append(change.new), "config")""",
    "editor",
]
WINDOWS = "[[w.to_config() for w in d.time_constraints] for d in editor.config.deployments]"
NOISE = ("favicon", "Failed to load resource")  # what JupyterLab itself prints


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(browser, tmp_path_factory.mktemp("lab"), CELLS) as lab:
        lab.errors = []  # type: ignore[attr-defined]
        lab.page.on("console", lambda m: m.type == "error" and lab.errors.append(m.text))  # type: ignore[attr-defined]
        lab.page.on("pageerror", lambda error: lab.errors.append(str(error)))  # type: ignore[attr-defined]
        lab.run_all()
        lab.settle()
        yield lab


def slider(lab: Lab, name: str) -> Any:
    return lab.page.get_by_role("slider", name=name, exact=True)


def drag(lab: Lab, locator: Any, minutes: float) -> None:
    box, lane = locator.bounding_box(), lab.page.locator(".tg-lane").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + minutes * lane["width"] / 1440, y, steps=8)
    lab.page.mouse.up()
    lab.settle()


def test_drag(lab: Lab) -> None:
    """A dragged edge changes the config in the kernel, its run, and what observers see; the page shows its figures."""
    drag(lab, slider(lab, "strong window 1 end"), -60)
    assert lab.ask(WINDOWS)[0] == [["22:00", "05:00"]]
    first = lab.ask("editor.run.outcome_counts()")["first_choice"]
    assert lab.page.locator("[data-figure=first_choice] b").inner_text() == f"{first / 500:.2f}%"
    assert lab.ask("len(seen)") >= 1
    assert lab.ask("seen[-1] == editor.config")


def test_keyboard_and_the_notebook(lab: Lab) -> None:
    """Arrows move the focused handle; keys that mean something to the notebook do not reach it from there."""
    slider(lab, "strong window 1 end").focus()
    for key in ("ArrowLeft", "ArrowLeft", "b", "a", "d", "d", "x"):
        lab.page.keyboard.press(key)
    lab.settle()
    assert lab.ask(WINDOWS)[0] == [["22:00", "04:30"]]
    assert lab.page.evaluate("jupyterapp.shell.currentWidget.content.widgets.length") == len(CELLS)


def test_midnight(lab: Lab) -> None:
    """A bar is dragged over midnight."""
    drag(lab, lab.page.get_by_role("button", name="weak window 2", exact=True), 330)
    assert lab.ask(WINDOWS)[1][1]["start"] == "18:30"
    assert lab.ask(WINDOWS)[1][1]["tz"] == "America/New_York"


def test_add_delete_and_undo(lab: Lab) -> None:
    """A window drawn on empty space is added; Delete removes it; undo brings it back, and takes it away."""
    before = lab.ask(WINDOWS)
    lane = lab.page.locator(".tg-lane").nth(0).bounding_box()
    x, y = lane["x"] + lane["width"] / 2, lane["y"] + 15
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + lane["width"] / 12, y, steps=5)
    lab.page.mouse.up()
    lab.settle()
    added = lab.ask(WINDOWS)
    assert added[0] == [*before[0], ["12:00", "14:00"]]
    lab.page.keyboard.press("Delete")
    lab.settle()
    assert lab.ask(WINDOWS) == before
    for expected in (added, before):
        lab.page.get_by_label("Undo").click()
        lab.settle()
        assert lab.ask(WINDOWS) == expected


def test_kernel_to_browser(lab: Lab) -> None:
    """What code sets is drawn; what it may not set is said in the page."""
    lab.do("data = editor.config.to_dict(); data['deployments'][0]['time_constraints'] = [['01:00', '02:00']]\n"
           "editor.config = tg.GatewayConfig.model_validate(data)")  # fmt: skip
    lab.page.wait_for_function("() => document.querySelector('[aria-label=\"strong window 1 end\"]')"
                               ".getAttribute('aria-valuetext') === '02:00 UTC'")  # fmt: skip
    lab.do("try:\n    editor.config = 3\nexcept TypeError:\n    pass")
    lab.page.get_by_text("Another cell set config, in vain").wait_for()
    assert lab.ask(WINDOWS)[0] == [["01:00", "02:00"]]


def test_save_and_reload(lab: Lab) -> None:
    """Save writes what loads again; after a reload of the page the editor shows the schedule of its kernel."""
    drag(lab, slider(lab, "strong window 1 end"), 60)
    lab.page.get_by_label("file to save to").fill("saved.yaml")
    lab.page.get_by_role("button", name="Save", exact=True).click()
    lab.page.get_by_text("Saved to saved.yaml").wait_for()
    saved = tg.GatewayConfig.load(lab.folder / "work/saved.yaml")
    assert saved.deployments[0].time_constraints[0].end == "03:00"
    assert lab.ask("editor.config.to_dict()") == saved.to_dict()
    lab.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    lab.open()
    lab.page.locator(".tg-editor").wait_for()
    lab.settle()
    assert slider(lab, "strong window 1 end").get_attribute("aria-valuetext") == "03:00 UTC"
    drag(lab, slider(lab, "strong window 1 end"), 60)
    assert lab.ask(WINDOWS)[0] == [["01:00", "04:00"]]


def test_propose(lab: Lab) -> None:
    """Windows are chosen beside the kernel, put on screen, and taken back by undo."""
    lab.do("""peak = {"windows": [{"start": "08:00", "end": "18:00", "end_included": False}], "times": 3}
earlier = editor.config
prices = {"strong": {"per_call": 0.01, "bands": [peak]}, "weak": {"per_call": 0.02}}
editor.config = earlier.edited(**{
    d.model_name: {"time_constraints": [], "available": None, "price": prices.get(d.model_name, {"per_call": 0.05})}
    for d in earlier.deployments
})
priced = editor.config""")
    button = lab.page.get_by_role("button", name="Propose", exact=True)
    button.click()
    lab.page.get_by_text("Undo takes it back.").wait_for()
    lab.settle()
    assert lab.ask("editor.proposals.best == editor.config != priced")
    assert "08:00" in lab.ask("[w.start for w in editor.config.deployments[0].time_constraints]")
    assert slider(lab, "strong window 1 start").get_attribute("aria-valuetext") == "08:00 UTC"
    lab.page.get_by_label("Undo").click()
    lab.settle()
    assert lab.ask("editor.config == priced")
    lab.do("editor.config = earlier")
    slider(lab, "strong window 1 end").wait_for()  # the page hears of it later than we do


def test_a_kernel_that_restarts(lab: Lab) -> None:
    """The page says that nobody answers and keeps what is edited; the next editor takes the edits up."""
    lab.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    lab.page.wait_for_function("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'")
    slider(lab, "strong window 1 end").focus()
    lab.page.keyboard.press("ArrowRight")
    lab.page.get_by_text("The kernel does not answer").wait_for()
    assert slider(lab, "strong window 1 end").get_attribute("aria-valuetext") == "04:15 UTC"
    lab.run_all()
    assert lab.ask(WINDOWS)[0] == [["22:00", "06:00"]]
    lab.page.get_by_role("button", name="Restore").click()
    lab.settle()
    assert lab.ask(WINDOWS)[0] == [["01:00", "04:15"]]


def test_nothing_was_printed(lab: Lab) -> None:
    """No error stands on the console of the page after all that."""
    errors = [text for text in lab.errors if not any(noise in text for noise in NOISE)]  # type: ignore[attr-defined]
    assert errors == []
