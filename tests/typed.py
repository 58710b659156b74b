"""Runs the command as if it were typed, in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from timegate.cli import app

_RUNNER = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"})


def run(*args: str, code: int = 0, **options: Any) -> Any:
    """Return what a command printed, after it left with a code."""
    result = _RUNNER.invoke(app, args, **options)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(result: Any, *words: str) -> None:
    """Hold a refusal to its form: one line, which names the place, and no folder."""
    assert isinstance(result.exception, SystemExit)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert "more problem" not in lines[0]  # one mistake is told once
    assert result.stdout == ""
    for word in words:
        assert word in lines[0]
    assert not Path("out").exists()
