"""JupyterLab with a notebook of ours, in folders of its own, and the kernel as a witness beside the browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HANG_S = 300  # nothing takes so long, on a busy machine either: whoever waits longer waits for ever
READY = (
    "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
)
_IDLE = """() => {
  const cells = jupyterapp.shell.currentWidget.content.widgets.filter((c) => c.model.type === "code");
  return cells.every((c) => c.model.executionCount !== null && c.model.executionState !== "running");
}"""
ARGUMENTS = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port=0",
    "--IdentityProvider.token=",
    "--ServerApp.disable_check_xsrf=True",
    "--LabApp.expose_app_in_browser=True",
)


def until(found: Callable[[], Any], seconds: float = HANG_S) -> Any:
    """Wait until something is found."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing was found in {seconds} s")
        time.sleep(0.05)
    return value


def notebook(cells: Sequence[str]) -> dict[str, Any]:
    """Return a notebook of code cells."""
    return {
        "cells": [
            {"cell_type": "code", "id": f"c{i}", "metadata": {}, "execution_count": None, "outputs": [], "source": text}
            for i, text in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


class Lab:
    """A notebook open in JupyterLab."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page, self.url, self.folder = page, url, folder
        self.client: Any = None

    def open(self) -> None:
        self.page.goto(f"{self.url}doc/tree/editor.ipynb?reset")
        self.page.wait_for_function(READY, timeout=HANG_S * 1000)

    def run_all(self) -> None:
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(_IDLE, timeout=HANG_S * 1000)
        self.page.locator(".tg-editor").first.wait_for(timeout=HANG_S * 1000)
        self.connect()

    def connect(self) -> None:
        """Talk with the kernel apart from the browser."""
        from jupyter_client.blocking import BlockingKernelClient

        if self.client is not None:
            self.client.stop_channels()
        [file] = (self.folder / "runtime").glob("kernel-*.json")
        self.client = BlockingKernelClient()
        self.client.load_connection_file(str(file))
        self.client.start_channels()
        self.client.wait_for_ready(timeout=HANG_S)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the kernel, as JSON."""
        asked = {"x": f"__import__('json').dumps({expression})"}
        reply = self.client.execute_interactive("", user_expressions=asked, timeout=HANG_S, output_hook=lambda _: None)
        found = reply["content"]["user_expressions"]["x"]
        assert found["status"] == "ok", found
        return json.loads(eval(found["data"]["text/plain"], {}))  # noqa: S307 - a str literal of our own kernel

    def do(self, code: str) -> None:
        """Run code in the kernel."""
        reply = self.client.execute_interactive(code, timeout=HANG_S, output_hook=lambda _: None)
        assert reply["content"]["status"] == "ok", reply["content"]

    def settle(self) -> None:
        """Wait until the page shows the answer to the schedule on screen."""
        self.page.wait_for_function("() => { const d = document.querySelector('.tg-editor').dataset;"
                                    " return d.shown === d.revision; }")  # fmt: skip


@contextmanager
def jupyter_lab(browser: Browser, folder: Path, cells: Sequence[str], dark: bool = False) -> Iterator[Lab]:
    """Start JupyterLab, and open a notebook of these cells."""
    for name in ("config", "data", "runtime", "ipython", "work", "config/labconfig"):
        (folder / name).mkdir(parents=True)
    quiet = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (folder / "config/labconfig/page_config.json").write_text(json.dumps(quiet))
    if dark:
        settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
        settings.mkdir(parents=True)
        (settings / "themes.jupyterlab-settings").write_text('{"theme": "JupyterLab Dark"}')
    (folder / "work/editor.ipynb").write_text(json.dumps(notebook(cells)))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", *ARGUMENTS], cwd=folder / "work",
                                  env=environment, stdout=log, stderr=log)  # fmt: skip
    try:
        [file] = until(lambda: list((folder / "runtime").glob("jpserver-*.json")))
        url = until(lambda: json.loads(file.read_text() or "{}")).get("url")
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(HANG_S * 1000)
        lab = Lab(page, url, folder)
        lab.open()
        yield lab
        if lab.client is not None:
            lab.client.stop_channels()
        page.close()
    finally:
        server.terminate()
        try:
            server.wait(HANG_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
