"""What a replay cost, in the report, the comparison and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_bill import DEAR, MORNING, config, outage, trace
from test_price import CHEAP
from test_report import Page
from typer.testing import CliRunner

import timegate as tg
from timegate.cli.base import app
from timegate.report import comparison
from timegate.report import page as report
from timegate.report.money import bill_table

RUN = tg.replay(
    config({**DEAR, "bands": [MORNING]}, CHEAP, None), trace("05:00", "13:00", "15:00"), outage("a", "14:00", "16:00")
)


def test_the_summary_has_a_group_of_money() -> None:
    """Amounts have their currency, answers are split by deployment, and the baseline stands beside."""
    lines = {line.label: line[1:] for line in report.summary_lines(RUN)["Money"]}
    assert lines == {
        "cost of answers": ("0.00581 USD", "", "0.0084 USD"),
        "to a": ("0.0056 USD", "96.39%", ""),
        "to b": ("0.00021 USD", "3.61%", ""),
        "to c": ("0.00 USD", "0.00%", ""),
        "cost per 1,000 calls": ("1.94 USD", "", ""),
        "cost per served call": ("0.001937 USD", "", ""),
        "failed attempts, input charged": ("0.002 USD", "", ""),
        "failed attempts, all charged": ("0.0028 USD", "", ""),
        "answers of unknown cost": ("0", "", ""),
    }


def test_unknown_is_said_so() -> None:
    """What a deployment without a price took is unknown, in lines and in the bill, and never 0."""
    run = tg.replay(config(DEAR, None), trace("13:00", "15:00"), outage("a", "14:00", "16:00"))
    lines = {line.label: line.figure for line in report.summary_lines(run)["Money"]}
    assert (lines["to b"], lines["answers of unknown cost"]) == ("unknown", "1")
    head, rows = bill_table(run)
    assert head == ["from (UTC), USD", "a", "b", "all"]
    assert {row[2] for row in rows} == {"unknown"}


def test_the_report_has_the_bill(tmp_path: Path) -> None:
    """The plot stands in the page with the same bins as a table, whose last row is the sum; prices stand in words."""
    paths = report.write(RUN, tmp_path)
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert tmp_path / "cost.png" in paths
    assert ("alt", f"{report.CAPTIONS['cost']} 0.00581 USD in all.") in page.attributes
    head, rows = bill_table(RUN)
    assert head == ["from (UTC), USD", "a", "b", "all"]  # nobody was paid to c
    assert all(row in page.rows for row in rows)
    assert rows[-1] == ["all", "0.0056000", "0.0002100", "0.0058100"]
    assert "0.00581 USDpaid for answers" in page.text
    assert "input 2, output 8 USD per million tokens, 1 band" in page.text


def test_a_bill_of_nothing_is_said_in_words(tmp_path: Path) -> None:
    """Where nobody was served, no table of one empty row stands there, and no figure without a number."""
    latency = tg.Latency(target="a", median_s=1)
    dead = tg.Outage(target="provider:sim", start="2026-01-01T00:00Z")
    deployment = {"model_name": "a", "model": "sim/a", "price": CHEAP}
    run = tg.replay(tg.GatewayConfig(deployments=[deployment]), trace("05:00"), tg.Scenario(faults=[latency, dead]))
    report.write(run, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Bill</h2>\n<p>No call was answered, and nothing was paid for answers.</p>" in page
    lines = {line.label: line for line in report.summary_lines(run)["Also"]}
    assert lines["latency of served calls, mean"].figure == "none"
    assert lines["latency of served calls, mean"].baseline == "1.000 s"


def test_without_prices_nothing_is_said_of_money(tmp_path: Path) -> None:
    """No plot, no bill, no group, no tile."""
    report.write(tg.replay(config(None), trace("13:00")), tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "cost.png").exists()
    assert not [word for word in ("Bill", "USD", "Money", "paid for") if word in text]


def test_a_comparison_has_a_group_of_money() -> None:
    """The difference of two schedules has its sign and its currency."""
    other = tg.replay(config(CHEAP, CHEAP, None), RUN.trace, RUN.scenario)
    lines = {line.label: line[1:] for line in comparison.changes(RUN, other)["Money"]}
    assert lines["cost of answers"] == ("0.00581 USD", "0.00063 USD", "-0.00518 USD")
    assert lines["answers of unknown cost"] == ("0", "0", "same")
    free = tg.replay(config(None, None), RUN.trace, RUN.scenario)
    assert {line.b for line in comparison.changes(RUN, free)["Money"]} == {"-"}


@pytest.mark.parametrize("command", ["replay", "compare"])
def test_the_command_prints_it(tmp_path: Path, command: str) -> None:
    """The tables that the command prints have the money of the run."""
    config({**DEAR, "bands": [MORNING]}, CHEAP).export("timegate", tmp_path / "gateway.yaml")
    trace("05:00", "13:00").to_csv(tmp_path / "day.csv")
    names = ["gateway.yaml"] * (1 if command == "replay" else 2)
    run = CliRunner().invoke(
        app, [command, *(str(tmp_path / name) for name in names), "--trace", str(tmp_path / "day.csv")]
    )
    assert run.exit_code == 0, run.output
    line = next(line for line in run.output.splitlines() if line.startswith(" cost of answers"))
    assert "0.0056 USD" in line
