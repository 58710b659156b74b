"""``timegate edit`` before it opens anything; what it opens is tested in tests/browser."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from typed import run

import timegate as tg
from timegate.cli import edit
from timegate.samples import CONFIG, SCENARIO, TRACE, sample
from timegate.widgets import FILES_VARIABLE
from timegate.widgets.dashboard import dashboard


class Server:
    """Stands in for the process of Voila."""

    started: list[tuple[list[str], dict[str, str]]]
    code = 0

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        Server.started.append((command, env))

    def wait(self) -> int:
        return self.code

    def poll(self) -> int:
        return self.code


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with the samples, and no Voila that really starts."""
    for name in (CONFIG, TRACE, SCENARIO):
        shutil.copy(sample(name), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(edit, "subprocess", SimpleNamespace(Popen=Server))  # for others start processes too
    monkeypatch.setattr(edit, "find_spec", lambda name: name)
    monkeypatch.setattr(Server, "started", [], raising=False)
    return tmp_path


def edited(*args: str, code: int = 0) -> Any:
    return run("edit", *args, code=code)


def test_it_tells_the_dashboard_its_files(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Voila is started on this machine alone, with a token that is no argument, and told the files by full paths."""
    port = 1234
    monkeypatch.setattr(edit, "_is_free", lambda asked: asked == port)
    result = edited(CONFIG, "--trace", TRACE, "--scenario", SCENARIO, "--no-browser", "--port", str(port))
    [(command, env)] = Server.started
    assert {"--Voila.ip=127.0.0.1", "--Voila.auto_token=True", f"--port={port}"} < set(command)
    assert not any(env["JUPYTER_TOKEN"] in word for word in command)
    template = Path(env["JUPYTER_PATH"].split(os.pathsep)[0]) / "nbconvert" / "templates" / "timegate"
    assert {path.name for path in template.iterdir()} == {"conf.json", "index.html.j2"}
    paths = {"config": CONFIG, "trace": TRACE, "scenario": SCENARIO}
    assert json.loads(env[FILES_VARIABLE]) == {name: str(here / file) for name, file in paths.items()}
    assert "Opening the editor of gateway.yaml" in result.stdout


@pytest.mark.usefixtures("here")
def test_it_moves_to_no_other_port_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that was asked for and is in use is an error; in place of the usual one a free one is taken, and said."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = edited(CONFIG, "--port", str(port), code=2)
        assert f"port {port} is in use: choose another, or leave it out for one that is free." in result.stderr
        assert Server.started == []
        monkeypatch.setattr(edit, "PORT", port)
        result = edited(CONFIG, "--no-browser")
    [(command, _)] = Server.started
    [chosen] = [word.removeprefix("--port=") for word in command if word.startswith("--port=")]
    assert f"note: port {port} is in use: the editor listens on {chosen}." in result.stderr
    assert "--Voila.port_retries=0" in command


def test_the_browser_is_shown_the_token(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page that a browser opens leads to the address with its token, which no list of processes shows."""
    opened = []

    class Listening(Server):
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            super().__init__(command, env)
            [port] = [word.removeprefix("--port=") for word in command if word.startswith("--port=")]
            self.socket = socket.create_server(("127.0.0.1", int(port)))
            self.ended = False

        def poll(self) -> int | None:  # type: ignore[override]
            return 0 if self.ended else None

        def wait(self) -> int:
            self.socket.close()
            self.ended = True
            return 0

    def look(url: str) -> None:
        page = Path(url.removeprefix("file://"))
        opened.append((url, page.read_text(), page.stat().st_mode & 0o077))

    monkeypatch.setattr(edit, "subprocess", SimpleNamespace(Popen=Listening))
    monkeypatch.setattr(edit, "webbrowser", SimpleNamespace(open=look))
    port = 1234
    monkeypatch.setattr(edit, "_is_free", lambda asked: asked == port)
    result = edited(CONFIG, "--port", str(port))
    [(_, env)] = Server.started
    url = f"http://127.0.0.1:{port}/?token={env['JUPYTER_TOKEN']}"
    assert url in result.stdout
    [(address, page, others)] = opened
    assert env["JUPYTER_TOKEN"] not in address
    assert url in page
    assert others == 0 or os.name != "posix"


def test_the_help_keeps_its_brackets() -> None:
    """What stands in brackets is no markup."""
    assert 'pip install "timegate[edit]"' in edited("--help").stdout


def test_the_exit_code_is_that_of_the_server(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the server cannot start, such as on a port in use, the command fails too."""
    monkeypatch.setattr(Server, "code", 3)
    edited(CONFIG, code=3)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_sigterm_ends_the_server_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended by SIGTERM, the command first ends Voila, by SIGTERM too: a shell's ``&`` leaves SIGINT ignored."""
    ended = []

    class Running(Server):
        asked = False

        def poll(self) -> None:  # type: ignore[override]
            if not self.asked:
                self.asked = True
                signal.raise_signal(signal.SIGTERM)

        def wait(self) -> int:
            return 0

        def terminate(self) -> None:
            ended.append("Voila")

    monkeypatch.setattr(edit, "subprocess", SimpleNamespace(Popen=Running))
    before = signal.getsignal(signal.SIGTERM)
    edited(CONFIG, code=128 + signal.SIGTERM)
    assert ended == ["Voila"]
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["gatewya.yaml"], "gatewya.yaml: no such file. Did you mean 'gateway.yaml'?"),
        ([CONFIG, "--trace", SCENARIO], "error: scenario.yaml"),
        ([CONFIG, "--scenario", CONFIG], "error: gateway.yaml"),
    ],
)
@pytest.mark.usefixtures("here")
def test_wrong_files_are_told_before_anything_opens(args: list[str], problem: str) -> None:
    """What is wrong with a file is one line and exit code 2, and no server starts."""
    result = edited(*args, code=2)
    assert problem in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert Server.started == []


@pytest.mark.usefixtures("here")
def test_without_voila_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing Voila is one line with the command that installs it."""
    monkeypatch.setattr(edit, "find_spec", lambda name: None)
    assert "the dashboard needs Voila: pip install 'timegate[edit]'." in edited(CONFIG, code=2).stderr


@pytest.mark.parametrize("names", [["config"], ["config", "trace", "scenario"]])
def test_the_dashboard_shows_the_files(here: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]) -> None:
    """The editor holds what the files hold, and saves to the config's own."""
    paths = {name: str(here / file) for name, file in zip(names, (CONFIG, TRACE, SCENARIO), strict=False)}
    monkeypatch.setenv(FILES_VARIABLE, json.dumps(paths))
    editor = dashboard()
    assert editor.config == tg.GatewayConfig.load(CONFIG)
    assert editor.path == str(here / CONFIG)
    assert (editor.run is not None) == ("trace" in names)
    if "scenario" in names:
        assert editor.scenario == tg.Scenario.load(SCENARIO)
    editor.close()


def test_the_dashboard_alone_shows_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened without the command, it shows the samples, which Save leaves alone."""
    monkeypatch.delenv(FILES_VARIABLE, raising=False)
    editor = dashboard()
    assert (editor.config, editor.path) == (tg.GatewayConfig.load(sample(CONFIG)), "")
    editor.close()


def test_the_notebook_is_one() -> None:
    """The packaged notebook is valid, and has but the cell that shows the dashboard."""
    path = Path(edit.__file__).parents[1] / "widgets" / "dashboard.ipynb"
    found = nbformat.read(path, as_version=4)
    nbformat.validate(found)
    assert [cell.source for cell in found.cells] == ["from timegate.widgets.dashboard import dashboard\n\ndashboard()"]
