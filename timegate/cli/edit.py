"""The command that opens the editor as a dashboard: ``edit``."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import timegate as tg
from timegate import widgets
from timegate.cli.base import Config, app, new_console, option, plain, reporting, say
from timegate.errors import InvalidValueError, MissingExtraError

__all__ = ["edit"]

HOST, PORT = "127.0.0.1", 8866
# Whatever else is installed for JupyterLab has no business here, and may not fit Voila's.
EXTENSIONS = ("anywidget", "@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8")


@app.command()
@reporting()
def edit(
    config: Config,
    trace: Annotated[Path | None, option(metavar="FILE", help="The arrivals to replay. Default: none.")] = None,
    scenario: Annotated[Path | None, option(metavar="FILE", help="The faults. Default: none.")] = None,
    port: Annotated[
        int | None,
        option(min=1, max=65535, help=f"The port of this machine to listen on. Default: {PORT}, or one that is free."),
    ] = None,
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
    port = _free_port(port)
    given = {"config": config, "trace": trace, "scenario": scenario}
    paths = {name: str(path.resolve()) for name, path in given.items() if path is not None}
    folder = Path(widgets.__file__).parent
    token = secrets.token_hex(24)
    env = os.environ | {
        widgets.FILES_VARIABLE: json.dumps(paths),
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(folder / "page"), os.environ.get("JUPYTER_PATH", "")])),
        "JUPYTER_TOKEN": token,  # no argument, for anybody may list those
    }
    command = [sys.executable, "-m", "voila", str(folder / "dashboard.ipynb"), f"--port={port}"]
    command += [f"--Voila.ip={HOST}", "--Voila.port_retries=0", "--Voila.auto_token=True", "--Voila.open_browser=False"]
    command += ["--template=timegate", "--theme=light", "--Voila.log_level=WARN"]
    command += [f"--VoilaConfiguration.extension_allowlist={name}" for name in EXTENSIONS]
    new_console().print(plain(f"Opening the editor of {config}. Ctrl-C ends it."), soft_wrap=True)
    ends_here = signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="timegate-edit-") as scratch:
        server = subprocess.Popen(command, env=env)  # noqa: S603 - our own
        try:
            if _listens(server, port):
                url = f"http://{HOST}:{port}/?token={token}"
                new_console().print(plain(url), soft_wrap=True)
                if browser:
                    _show(url, Path(scratch) / "open.html")
            code = server.wait()
        finally:
            if server.poll() is None:
                server.terminate()  # it ends its kernels; SIGINT is ignored where a shell started all this with `&`
                server.wait()
            signal.signal(signal.SIGTERM, ends_here)
    if code:
        raise typer.Exit(code)


def _free_port(port: int | None) -> int:
    """Return the port to listen on: the one asked for, or the usual one, or any that is free, which is said."""
    if _is_free(port or PORT):
        return port or PORT
    if port is not None:
        raise InvalidValueError(f"port {port} is in use: choose another, or leave it out for one that is free.")
    with socket.socket() as found:
        found.bind((HOST, 0))
        free = int(found.getsockname()[1])
    say("note", "cyan", f"port {PORT} is in use: the editor listens on {free}.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        if os.name == "posix":  # as servers do: a port whose connections have just ended is free
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return False
    return True


def _listens(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until a server listens; return whether it does, for it may have ended."""
    while server.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


def _show(url: str, page: Path) -> None:
    """Open a browser by way of a page, for anybody may list the arguments of a process."""
    page.touch(0o600)
    page.write_text(f'<!doctype html><title>timegate</title><meta http-equiv="refresh" content="0;url={url}">')
    webbrowser.open(page.as_uri())


def _leave(number: int, _: object) -> NoReturn:
    raise typer.Exit(128 + number)
