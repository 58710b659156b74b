"""The editor where there is no JupyterLab: the dashboard of ``timegate edit``, Notebook 7, and marimo."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from tests.browser.lab import ARGUMENTS, HANG_S, READY, notebook, until
from timegate.samples import CONFIG, SCENARIO, TRACE, sample

# What Notebook 7.6 says of any notebook, of one without widgets too.
NOISE = ("Cannot read properties of undefined (reading 'schema')",)


@contextmanager
def server(command: Sequence[str], folder: Path, address: str) -> Iterator[str]:
    """Start a server in a folder, and give the address that it prints."""
    log = folder / "log"
    jupyter = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime"}
    own = {name: str(folder / part) for name, part in jupyter.items()} | {"HOME": str(folder)}
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | own, stdout=output, stderr=output)
    try:
        found = until(lambda: re.search(address, log.read_text()) or process.poll() is not None)
        assert found is not True, log.read_text()
        yield str(found[0])
    finally:
        process.terminate()  # not by SIGINT, which a shell that starts the tests with `&` has ignored
        try:
            process.wait(HANG_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def page_of(browser: Any, url: str) -> Iterator[Any]:
    """Open a page, and hold that nothing fails in it."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(HANG_S * 1000)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(url)
    yield page
    page.close()
    assert [failure for failure in failures if failure not in NOISE] == []


def settle(page: Any) -> None:
    """Wait until the page shows the answer to the schedule on screen."""
    editor = page.locator(".tg-editor")  # which finds it in a shadow of the page too
    until(lambda: editor.evaluate("({ dataset: d }) => d.shown !== undefined && d.shown === d.revision"))


@pytest.mark.skipif(find_spec("voila") is None, reason="needs Voila: pip install 'timegate[edit]'")
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_dashboard_asks_nobody_else(browser: Any, tmp_path: Path, scheme: str) -> None:
    """The page fetches from this machine alone, leaves no error in the console, and is as dark as the system."""
    command = [sys.executable, "-m", "timegate", "edit", str(sample(CONFIG)), "--no-browser"]
    with server(command, tmp_path, r"http://\S+:\d+/\?token=\w+") as url:
        context = browser.new_context(color_scheme=scheme)
        try:
            page = context.new_page()
            asked, errors = [], []
            page.on("request", lambda request: asked.append(request.url))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(url, timeout=120_000)
            page.locator(".tg-editor").wait_for(timeout=120_000)
            papers = page.evaluate(
                "[document.body, document.querySelector('.tg-editor')].map((e) => getComputedStyle(e).backgroundColor)"
            )
        finally:
            context.close()
    assert {address.split("/")[2] for address in asked if address.startswith("http")} == {url.split("/")[2]}
    assert errors == []
    for paper in papers:
        shades = [int(number) for number in re.findall(r"\d+", paper)[:3]]
        assert max(shades) < 64 if scheme == "dark" else min(shades) > 240


@pytest.mark.skipif(find_spec("voila") is None, reason="needs Voila: pip install 'timegate[edit]'")
def test_the_dashboard_edits_a_file(browser: Any, tmp_path: Path) -> None:
    """``timegate edit`` opens the config of a file; an edge moved by keyboard and saved changes that file."""
    for name in (CONFIG, TRACE, SCENARIO):
        shutil.copy(sample(name), tmp_path / name)
    command = [sys.executable, "-m", "timegate", "edit", CONFIG, "--trace", TRACE, "--scenario", SCENARIO,
               "--no-browser"]  # fmt: skip
    with server(command, tmp_path, r"http://\S+:\d+/\?token=\w+") as url:  # of a port that it found free
        with page_of(browser, url.split("?")[0]) as stranger:
            assert stranger.locator(".tg-editor").count() == 0  # without the token nobody gets in
        with page_of(browser, url) as page:
            page.locator(".tg-editor").wait_for()
            settle(page)
            assert page.locator("[data-figure=first_choice] b").inner_text() == "62.60%"
            page.get_by_role("slider", name="strong window 1 end", exact=True).focus()
            page.keyboard.press("ArrowLeft")
            settle(page)
            page.get_by_role("button", name="Save", exact=True).click()
            page.get_by_text("Saved to").wait_for()
    saved = tg.GatewayConfig.load(tmp_path / CONFIG)
    assert saved.deployments[0].time_constraints == (tg.Window("22:00", "05:45"),)
    assert "its quota is kept free" in (tmp_path / CONFIG).read_text()
    assert saved.deployments[1:] == tg.GatewayConfig.load(sample(CONFIG)).deployments[1:]


CELL = """import timegate as tg
from timegate.samples import CONFIG, TRACE, sample
editor = tg.ScheduleEditor(tg.GatewayConfig.load(sample(CONFIG)), tg.read_trace(sample(TRACE)))
"""


def move_an_edge(page: Any) -> None:
    """Move an edge by keyboard; the kernel's answer changes a figure."""
    page.locator(".tg-editor").wait_for()
    settle(page)
    figure = page.locator("[data-figure=first_choice] b")
    before = figure.inner_text()
    page.get_by_role("slider", name="strong window 1 end", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    settle(page)
    assert float(figure.inner_text().rstrip("%")) > float(before.rstrip("%"))


@pytest.mark.skipif(find_spec("notebook") is None, reason="needs Notebook 7: pip install notebook")
def test_notebook_7(browser: Any, tmp_path: Path) -> None:
    """The editor works in Notebook 7."""
    (tmp_path / "editor.ipynb").write_text(json.dumps(notebook([CELL + "editor"])))
    command = [sys.executable, "-m", "notebook", *ARGUMENTS[:-1],
               "--JupyterNotebookApp.expose_app_in_browser=True"]  # fmt: skip
    address = r"http://127.0.0.1:\d+/"
    with server(command, tmp_path, address) as url, page_of(browser, f"{url}notebooks/editor.ipynb") as page:
        page.wait_for_function(READY)
        page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        move_an_edge(page)


@pytest.mark.skipif(find_spec("marimo") is None, reason="needs marimo: pip install marimo")
def test_marimo(browser: Any, tmp_path: Path) -> None:
    """The editor works in marimo, as ``mo.ui.anywidget(editor)``."""
    body = "".join(f"    {line}\n" for line in CELL.splitlines())
    (tmp_path / "app.py").write_text(
        f"import marimo\napp = marimo.App()\n\n@app.cell\ndef _():\n    import marimo as mo\n{body}"
        "    view = mo.ui.anywidget(editor)\n    view\n    return\n\nif __name__ == '__main__':\n    app.run()\n"
    )
    command = [sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--host=127.0.0.1"]
    with server(command, tmp_path, r"http://\S+:\d+(?=\s)") as url, page_of(browser, url) as page:
        move_an_edge(page)
