"""The command ``optimise``: what it prints and writes, and how it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typed import run

import timegate as tg
from timegate.optimize import choose

CONFIG = """
deployments:
  - model_name: strong
    model: sim/large
    price:
      per_call: 0.01
      bands: [{times: 3, windows: [{start: "08:00", end: "18:00", end_included: false}]}]
  - {model_name: weak, model: sim/small, price: {per_call: 0.02}}
"""


@pytest.fixture
def optimise(tmp_path: Path) -> Any:
    (tmp_path / "today.yaml").write_text(CONFIG)
    tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=144 * 9, freq="10min")).to_csv(tmp_path / "calls.csv")

    def optimise(*options: str, code: int = 0) -> Any:
        given = ["optimise", str(tmp_path / "today.yaml"), "--trace", str(tmp_path / "calls.csv"), "--step", "1h"]
        return run(*given, *options, code=code)

    return optimise


def test_a_proposal_is_printed_and_written(optimise: Any, tmp_path: Path) -> None:
    """The answer in words, the trade, what each window is worth; and a config that does what was said."""
    out = tmp_path / "proposal.yaml"
    result = optimise("--limit", "failed=0.001", "--out", str(out), "--period", "day")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0].startswith("The best schedule saves 5.4 of 23.76 USD (22.7%)")
    assert "strong: closed 08:00-18:00 UTC, end not included, daily" in lines
    assert "best 18.36 0.000% 1" in lines
    assert any(
        line.startswith("strong 08:00-18:00 UTC, end not") and line.split()[-2:] == ["5.4", "0"] for line in lines
    )
    assert any(line.startswith("Wrote") for line in lines)
    assert tg.GatewayConfig.load(out).deployments[0].time_constraints == (
        tg.Window("08:00", "18:00", end_included=False),
    )
    again = optimise("--out", str(out), "--period", "day")
    assert "(replaced)" in again.stdout


def test_what_nobody_knows_is_no_column(optimise: Any, tmp_path: Path) -> None:
    """Without prices there is neither cost nor what a window saves; the sentence is one all the same."""
    (tmp_path / "today.yaml").write_text(
        "deployments:\n  - {model_name: a, model: sim/a, time_constraints: [['02:00', '05:00']]}\n"
    )
    result = optimise("--minimise", "failed", "--period", "day")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[0] == "The best schedule leaves 0.000% of calls unserved, today 12.500%."
    assert "schedule not served closings" in lines
    assert "usd" not in result.stdout.lower()
    assert "No schedule on these slots is better; of those as good, it is the nearest to today's." in lines


def test_without_out_nothing_is_written(optimise: Any, tmp_path: Path) -> None:
    result = optimise("--period", "day", "--fixed", "strong")
    assert "No change of windows is worth it." in result.stdout
    assert "With --out FILE" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"today.yaml", "calls.csv"}


def test_comments_are_kept(optimise: Any, tmp_path: Path) -> None:
    """What was written beside the windows is in the proposal, too; JSON has no comments."""
    (tmp_path / "today.yaml").write_text(CONFIG.replace("model: sim/large", "model: sim/large  # Ann's"))
    out = tmp_path / "proposal.yaml"
    optimise("--out", str(out), "--period", "day")
    assert "model: sim/large  # Ann's" in out.read_text()
    assert tg.GatewayConfig.load(out).windows == {"day": tg.Window("08:00", "18:00", end_included=False)}
    optimise("--out", str(tmp_path / "proposal.json"), "--period", "day")
    assert tg.GatewayConfig.load(tmp_path / "proposal.json") == tg.GatewayConfig.load(out)


def test_what_is_fixed_may_be_a_window(optimise: Any, tmp_path: Path) -> None:
    """A deployment that must be closed then, or open, on some days: as in Python."""
    out = tmp_path / "proposal.yaml"
    fixed = ("--fixed", "strong=closed 02:00-04:00 mon-fri", "--fixed", "strong = open 09:00-10:00", "--fixed", "weak")
    optimise("--out", str(out), "--windows-tz", "Europe/Berlin", *fixed)
    best = tg.GatewayConfig.load(out)
    assert not best.explain("2026-03-03T02:30+01:00").rows[0]["open"]
    assert best.explain("2026-03-07T02:30+01:00").rows[0]["open"]
    assert best.explain("2026-03-03T09:30+01:00").rows[0]["open"]
    assert best.deployments[1].time_constraints == ()


def test_it_walks_forward(optimise: Any) -> None:
    result = optimise("--period", "day", "--train", "2D", "--test", "1D", "--windows-tz", "UTC")
    assert "optimise saved 22.7 % of today's cost over 7 days that it had not seen" in " ".join(result.stdout.split())


def test_an_interrupt_writes_the_best_so_far(optimise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found until Ctrl-C is written, the last line says that it is not the end, and nothing else begins."""
    solved = choose.solve

    def once(program: Any, *rest: Any) -> Any:
        if len(set(program.tie.tolist())) > 24:
            raise KeyboardInterrupt
        return solved(program, *rest)

    monkeypatch.setattr(choose, "solve", once)
    result = optimise("--out", str(tmp_path / "best.yaml"), "--train", "2D")
    assert "interrupted: the best so far is above. What was written is that." in " ".join(result.stderr.split())
    assert "always open" not in result.stdout
    assert "had not seen" not in result.stdout
    assert tg.GatewayConfig.load(tmp_path / "best.yaml").deployments[0].time_constraints


def test_an_interrupt_before_anything_was_found(optimise: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There are today's windows, and that is said."""

    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(choose, "slot_costs", interrupted)
    result = optimise("--out", str(tmp_path / "best.yaml"))
    assert "interrupted before it had found other windows: these are today's." in " ".join(result.stdout.split())
    assert tg.GatewayConfig.load(tmp_path / "best.yaml") == tg.GatewayConfig.load(tmp_path / "today.yaml")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "failed"], "--limit must look like failed=0.001. Got 'failed'"),
        (["--limit", "fail=0.1"], "limits must name figures of a schedule. Got 'fail'"),
        (["--minimise", "money"], "minimise must be one of the known ones"),
        (["--fixed", "strnog"], "Did you mean 'strong'?"),
        (["--fixed", "strong=closed at night"], "or look like 'strong=closed 02:00-04:00 mon-fri'. Got 'str"),
        (["--fixed", "strong=shut 02:00-04:00"], "fixed[0] must say 'open' or 'closed'. Got 'shut'"),
        (["--fixed", "strong=open 02:00-25:00"], "fixed[0]: end must look like 'HH:MM'. Got '25:00'"),
        (["--fixed", "strong=open 02:00-03:00 fry"], "fixed[0]: days must be weekdays. Got 'fry'"),
        (["--step", "7min"], "step must be whole minutes that divide a day"),
        (["--limit", "cost_usd=1", "--period", "day"], "the least is cost_usd"),
        (["--train", "90D", "--period", "day"], "the trace must last 97 days"),
        (["--out", "/"], "must be a file to write, and is a folder"),
    ],
)
def test_bad_input(optimise: Any, options: list[str], said: str) -> None:
    """One line, and exit code 2."""
    assert said in " ".join(optimise(*options, code=2).stderr.split())
