"""``timegate export``, as it is typed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typed import run

import timegate as tg
from timegate.formats.registry import FORMATS
from timegate.samples import CONFIG, sample

PLAIN = "deployments:\n  # ours\n  - {model_name: weak, model: sim/small, time_constraints: [[22:00, 06:00]]}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "gateway.yaml").write_text(PLAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(*args: str, code: int = 0) -> Any:
    return run("export", *args, code=code)


def test_it_writes_and_says_so(here: Path) -> None:
    """A state that msgflux reads is written, and the command says what and where."""
    result = export("gateway.yaml", "--to", "msgflux", "--out", "state.json")
    lines = result.stdout.splitlines()
    assert lines[0] == "Wrote state.json (the state of a msgflux gateway)."
    assert lines[1].startswith(f"Checked by timegate {tg.__version__} on 20")
    assert len(lines) == 2
    assert json.loads((here / "state.json").read_text())["msgflux_type"] == "model_gateway"


def test_it_keeps_comments(here: Path) -> None:
    """Exported onto itself, a file of ours gets a header and quotes, and keeps its comments."""
    export("gateway.yaml", "--to", "timegate", "--out", "gateway.yaml")
    header, text = (here / "gateway.yaml").read_text().split("\n", 1)
    assert header.startswith("# Checked by timegate")
    assert text == PLAIN.replace("22:00, 06:00", '"22:00", "06:00"')


def test_everything_lost_is_printed(here: Path) -> None:
    """Without --lossy each loss is a line, the first says the way out, and nothing is written; with it all is said."""
    config = str(sample(CONFIG))
    refused = export(config, "--to", "msgflux", "--out", "state.json", code=2)
    lines = refused.stderr.splitlines()
    assert len(lines) == 8
    assert all(line.startswith("error: msgflux cannot say deployments[") for line in lines)
    assert lines[0].endswith("Pass --lossy to leave out what it cannot say.")
    assert not (here / "state.json").exists()
    written = export(config, "--to", "msgflux", "--out", "state.json", "--lossy")
    assert sum(line.startswith("Lost: ") for line in written.stdout.splitlines()) == 8
    assert (here / "state.json").exists()


def test_other_formats_are_read(here: Path) -> None:
    """A LiteLLM proxy config becomes one of ours; what has no counterpart is one line of warning."""
    (here / "proxy.yaml").write_text(
        "model_list:\n- {model_name: a, litellm_params: {model: openai/a, api_key: sk-canary, rpm: 1}}\n"
    )
    result = export("proxy.yaml", "--to", "timegate", "--out", "ours.yaml")
    assert result.stderr.startswith("warning: proxy.yaml: read as a LiteLLM proxy config")
    assert result.stderr.count("\n") == 1
    assert "canary" not in result.output + (here / "ours.yaml").read_text()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["gateway.yaml", "--to", "mgsflux", "--out", "x"],
            "error: to must be one of the known targets. Got 'mgsflux'.",
        ),
        (
            ["gatway.yaml", "--to", "msgflux", "--out", "x"],
            "error: gatway.yaml: no such file. Did you mean 'gateway.yaml'?",
        ),
        (["gateway.yaml", "--to", "msgflux", "--out", "no/x"], "error: no/x: cannot be written: no such folder."),
        (["gateway.yaml", "--to", "msgflux", "--out", "."], "error: .: is a folder, not a file."),
    ],
)
@pytest.mark.usefixtures("here")
def test_errors_are_one_line(args: list[str], message: str) -> None:
    """What is wrong is said in one line, with code 2."""
    result = export(*args, code=2)
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_a_missing_package_is_said_in_one_line(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A calendar without its package names the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "icalendar", None)
    result = export("gateway.yaml", "--to", "ics", "--out", "x.ics", code=2)
    assert result.stderr == (
        "error: an export to a calendar needs the package icalendar: pip install 'timegate[ics]'\n"
    )
    assert os.listdir(here) == ["gateway.yaml"]


def test_help_names_every_target() -> None:
    """The help lists the targets and what a loss means."""
    text = " ".join(run("export", "--help", env={"COLUMNS": "200"}).stdout.split())
    for name in FORMATS:
        assert name in text
    assert "--lossy" in text
