"""The command that opens the editor as a dashboard: ``edit``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import timegate as tg
from timegate.cli.base import Config, app, new_console, plain, reporting
from timegate.errors import MissingExtraError
from timegate.widgets import FILES_VARIABLE

__all__ = ["edit"]


@app.command()
@reporting()
def edit(
    config: Config,
    trace: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The arrivals to replay. Default: none.", readable=False, show_default=False),
    ] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The faults. Default: none.", readable=False, show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of this machine to listen on.")] = 8866,
    browser: Annotated[bool, typer.Option(help="Whether to open a browser.")] = True,
) -> None:
    r"""Edit the windows of a gateway in the browser, and see who would serve.

    Save writes to CONFIG. Only this machine can open the page, and only with the token in its address.
    Needs pip install "timegate\[edit]". Ctrl-C ends it.

    Example: timegate edit gateway.yaml --trace day.csv
    """
    tg.GatewayConfig.load(config)  # what is wrong with the files is said here, not in a page
    if trace is not None:
        tg.read_trace(trace)
    if scenario is not None:
        tg.Scenario.load(scenario)
    if find_spec("voila") is None:
        raise MissingExtraError("the dashboard needs Voila: pip install 'timegate[edit]'.")
    given = {"config": config, "trace": trace, "scenario": scenario}
    paths = {name: str(path.resolve()) for name, path in given.items() if path is not None}
    with as_file(files("timegate.widgets") / "dashboard.ipynb") as notebook:
        command = [sys.executable, "-m", "voila", str(notebook), "--Voila.ip=127.0.0.1", f"--port={port}"]
        command += ["--Voila.auto_token=True", f"--Voila.open_browser={browser}", "--theme=auto"]
        new_console().print(plain(f"Opening the editor of {config}. Ctrl-C ends it."), soft_wrap=True)
        ends_here = signal.signal(signal.SIGTERM, _leave)
        server = subprocess.Popen(command, env=os.environ | {FILES_VARIABLE: json.dumps(paths)})  # noqa: S603 - our own
        try:
            code = server.wait()
        finally:
            if server.poll() is None:
                server.terminate()  # it ends its kernels; SIGINT is ignored where a shell started all this with `&`
                server.wait()
            signal.signal(signal.SIGTERM, ends_here)
    if code:
        raise typer.Exit(code)


def _leave(number: int, _: object) -> NoReturn:
    raise typer.Exit(128 + number)
