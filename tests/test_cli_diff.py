"""The command ``diff``: what it prints, and exit codes like those of diff(1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typed import run

import timegate as tg

BEFORE = """
deployments:
  - {model_name: strong, model: openai/large, time_constraints: [["22:00", "06:00"]]}
  - {model_name: weak, model: sim/small}
"""
AFTER = BEFORE.replace("22:00", "21:00")
WEEK = ("--from", "2026-03-02T00:00Z", "--to", "2026-03-09T00:00Z")


@pytest.fixture
def diff(tmp_path: Path) -> Any:
    def diff(before: str, after: str, *options: str, code: int = 0) -> Any:
        paths = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
        for path, text in zip(paths, (before, after), strict=True):
            path.write_text(text)
        return run("diff", *map(str, paths), *options, code=code)

    return diff


def test_the_same(diff):
    """Exit code 0 and one line where routing is the same."""
    result = diff(BEFORE, BEFORE.replace("deployments", "version: 1\ndeployments"), *WEEK)
    assert result.stdout == "Routing is the same, 2026-03-02 00:00 to 2026-03-09 00:00 UTC.\n"


def test_different(diff):
    """Exit code 1 where it differs, and a table of when and of both orders, in 80 columns."""
    result = diff(BEFORE, AFTER, *WEEK, code=1)
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "Routing differs for 7 h of 168 h, 2026-03-02 00:00 to 2026-03-09 00:00 UTC."
    assert "from 21:00 to 22:00 UTC every day strong -> weak weak" in lines
    assert "from 21:00 to 22:00 UTC every day weak weak -> strong weak" in lines
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stderr == ""


def test_other_terms(diff):
    """A policy that changes is a difference, too: a line that names it, and exit code 1."""
    lines = diff(BEFORE, f"{BEFORE}policy: {{deadline_s: 30}}\n", *WEEK, code=1).stdout.splitlines()
    assert lines[0].startswith("The same deployments are tried in the same order, under other terms, ")
    assert lines[1:] == ["policy.deadline_s is 30.0 in place of None."]


def test_notes(diff):
    """Models that change, and deployments that come and go, are told above the table."""
    after = BEFORE.replace("openai/large", "openai/larger").replace("weak", "[bold]new")
    lines = diff(BEFORE, after.replace("[bold]new", "'[bold]new'"), *WEEK, code=1).stdout.splitlines()
    assert lines[1:4] == [
        "'strong' calls openai/larger in place of openai/large.",
        "'weak' is no longer there.",
        "'[bold]new' is new.",
    ]


def test_from_and_to(diff):
    """--from and --to bound what is compared; where nothing differs in it, the exit code is 0."""
    diff(BEFORE, AFTER, "--from", "2026-03-02T06:00Z", "--to", "2026-03-02T21:00Z")
    result = diff(BEFORE, AFTER, "--from", "2026-03-02T21:30Z", "--to", "2026-03-02T21:45Z", code=1)
    assert result.stdout.startswith("Routing differs for 15 min of 15 min, 2026-03-02 21:30 to 2026-03-02 21:45 UTC.")
    assert "for 7 h of 168 h" in diff(BEFORE, AFTER, "--from", "2026-03-02T00:00Z", code=1).stdout
    assert " 00:00 to " in diff(BEFORE, AFTER, code=1).stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("before", "after", "options", "problem"),
    [
        ("deployments: []", AFTER, [], "a.yaml: deployments must be a non-empty list"),
        (BEFORE, "deployments: [", [], "b.yaml: cannot be read as YAML"),
        (BEFORE, AFTER, ["--from", "2026-03-02"], "--from must carry a zone"),
        (BEFORE, AFTER, [*WEEK[:3], "2026-03-02T00:00Z"], "end must lie after start"),
    ],
)
def test_refused(diff, before, after, options, problem):
    """What cannot be compared is one line on the standard error, and exit code 2."""
    result = diff(before, after, *options, code=2)
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert problem in line


def test_the_table_is_that_of_python(diff, tmp_path):
    """Every row of recurring is printed."""
    result = diff(BEFORE, AFTER.replace("sim/small", "sim/tiny"), *WEEK, code=1)
    flat = " ".join(result.stdout.split())
    found = tg.diff(tmp_path / "a.yaml", tmp_path / "b.yaml", *WEEK[1::2])
    assert len(found.recurring) > 3
    for words in ("sim/small", "sim/tiny"):
        assert words in flat
    assert flat.count("every") == len(found.recurring)
