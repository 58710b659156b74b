"""The command ``check``: what it prints, and the exit codes that CI relies on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typed import run

import timegate as tg
from timegate.samples import CONFIG, sample

NOW = "2026-03-02T00:00Z"
CLEAN = """
deployments:
  - {model_name: a, model: openai/a}
  - {model_name: b, model: azure/b}
"""
WARNS = CLEAN.replace("openai", "azure")
TELLS = CLEAN.replace("b}", 'b, time_constraints: [["08:00", "10:00"], ["09:00", "11:00"]]}') + (
    "  - {model_name: c, model: acme/c}\n"
)
FAILS = """
deployments:
  - {model_name: a, model: openai/a, time_constraints: [[22:00, "06:00"]]}
"""


def check(path: Path, text: str, *options: str, code: int = 0) -> Any:
    path = path / "gateway.yaml"
    path.write_text(text)
    return run("check", str(path), "--now", NOW, *options, code=code)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (CLEAN, {"error": 0, "warning": 0, "info": 0}),
        (TELLS, {"error": 0, "warning": 0, "info": 1}),
        (WARNS, {"error": 0, "warning": 1, "info": 1}),
        (FAILS, {"error": 1, "warning": 1, "info": 1}),
    ],
    ids=["clean", "info", "warning", "error"],
)
def test_exit_codes(tmp_path, text, codes):
    """The exit code is 1 for findings from --fail-on on, by default from errors on, and else 0."""
    for severity, code in codes.items():
        check(tmp_path, text, "--fail-on", severity, code=code)
    check(tmp_path, text, code=codes["error"])


def test_clean_in_words(tmp_path):
    """A clean config is told so, with the time that was looked at."""
    assert check(tmp_path, CLEAN).stdout == "No findings. Looked at 2026-03-02 00:00 to 2027-03-03 00:00 UTC.\n"


def test_table(tmp_path):
    """The table holds every finding with its code, place, sentence and remedy, in 80 columns."""
    result = check(tmp_path, FAILS, code=1)
    assert max(map(len, result.stdout.splitlines())) <= 80
    flat = " ".join(result.stdout.split())
    findings = tg.check(tmp_path / "gateway.yaml", now=NOW)
    assert {f.code for f in findings} == {"TG101", "TG105", "TG501"}
    for finding in findings:
        for word in (finding.severity, finding.code, finding.message, finding.fix):
            assert word in flat
    assert "time_constraints[0]" in flat
    assert flat.endswith("1 error, 2 warnings. Looked at 2026-03-02 00:00 to 2027-03-03 00:00 UTC.")
    assert result.stderr == ""


def test_json(tmp_path):
    """--format json prints what to_json gives, and nothing else."""
    result = check(tmp_path, FAILS, "--format", "json", code=1)
    assert json.loads(result.stdout) == tg.check(tmp_path / "gateway.yaml", now=NOW).to_dict()


def test_horizon(tmp_path):
    """--horizon reaches the check."""
    result = check(tmp_path, FAILS, "--format", "json", "--horizon", "30.5", code=1)
    assert json.loads(result.stdout)["periods"] == [["2026-03-02T00:00:00Z", "2026-04-01T12:00:00Z"]]


def test_the_sample():
    """The sample config is checked at the present instant, and its gap at midnight is an error."""
    result = run("check", str(sample(CONFIG)), code=1)
    assert "from 23:30 to 00:30 UTC every day" in " ".join(result.stdout.split())


def test_names_are_printed_as_they_are(tmp_path):
    """Markup and control characters in names are text."""
    result = check(tmp_path, 'deployments: [{model_name: "[red]x\\u001b[0m", model: sim/a}]')
    assert "'[red]x\\x1b[0m'" in result.stdout


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        (CLEAN, ["--fail-on", "warn"], "--fail-on must be one of the known ones. Got 'warn'. Did you mean 'warning'?"),
        (CLEAN, ["--format", "yaml"], "--format must be one of the known ones. Got 'yaml'."),
        (CLEAN, ["--horizon", "-1"], "horizon must be longer than 0 days"),
        (CLEAN, ["--horizon", "nan"], "horizon must be longer than 0 days"),
        (CLEAN, ["--now", "someday"], "now must be a time like"),
        ("deployments: []", [], "must be a non-empty list"),
        ("deployments: [", [], "cannot be read as YAML"),
        ("a\0b", [], "must be UTF-8 text. Byte 1 is NUL"),
    ],
)
def test_refused(tmp_path, text, options, problem):
    """What cannot be checked is one line on the standard error, and exit code 2."""
    result = check(tmp_path, text, *options, code=2)
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert problem in line


def test_no_such_file(tmp_path):
    """A file that is not there is exit code 2."""
    assert "no such file" in run("check", str(tmp_path / "none.yaml"), code=2).stderr


def test_help():
    """The help names the exit codes."""
    text = " ".join(run("check", "--help").stdout.split())
    for word in ("--fail-on", "--format", "--horizon", "--now", "Exit codes", "2 if the config cannot be read"):
        assert word in text
