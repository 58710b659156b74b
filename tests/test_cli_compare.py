"""The command ``compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typed import refused, run

import timegate as tg

FILES = ["comparison.csv", "comparison.png", "provenance.json"]
TODAY = """
deployments:
  - {model_name: strong, model: openai/large, time_constraints: [["22:00", "06:00"]]}
  - {model_name: weak, model: sim/small}
"""
PROPOSAL = """
deployments:
  - {model_name: strong, model: openai/large}
  - {model_name: spare, model: sim/small, time_constraints: [["09:00", "09:29"]]}
"""
FAULTS = """
seed: 3
faults:
  - {type: outage, target: strong, start: "2026-03-02T09:00Z", end: "2026-03-02T10:00Z"}
  - {type: error_rate, target: strong, rate: 0.2}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with good input."""
    (tmp_path / "today.yaml").write_text(TODAY)
    (tmp_path / "proposal.yaml").write_text(PROPOSAL)
    (tmp_path / "scenario.yaml").write_text(FAULTS)
    times = pd.date_range("2026-03-02T00:00Z", "2026-03-03T00:00Z", freq="5min", inclusive="left")
    pd.DataFrame({"at": times.strftime("%Y-%m-%dT%H:%M:%SZ")}).to_csv(tmp_path / "trace.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compare(*options: str, a: str = "today.yaml", b: str = "proposal.yaml", code: int = 0) -> Any:
    return run("compare", a, b, "--trace", "trace.csv", *options, code=code)


def replays() -> list[tg.Replay]:
    trace, scenario = tg.read_trace("trace.csv"), tg.Scenario.load("scenario.yaml")
    return [tg.replay(tg.GatewayConfig.load(name), trace, scenario) for name in ("today.yaml", "proposal.yaml")]


def row(result: Any, label: str) -> list[str]:
    """Return the cells of the table's line that begins with a label."""
    lines = result.stdout.partition("difference")[2].partition("\n in ")[0].splitlines()
    (line,) = [line.strip() for line in lines if line.strip().startswith(f"{label}  ")]
    return line.removeprefix(label).split()


def test_the_table_has_the_figures_of_both_and_the_difference(here: Path) -> None:
    """Shares of each outcome and deployment are those of two replays in Python, with their difference in calls."""
    result = compare("--scenario", "scenario.yaml")
    a, b = replays()
    served = {"strong": "strong", "weak": "weak", "spare": "spare"}
    outcomes = {
        "served by the first choice": "first_choice",
        "served by a fallback": "fallback",
        "failed (all open ones did)": "failed",
        "blocked (nobody was open)": "blocked",
    }
    for column, names in (("served_by", served), ("outcome", outcomes)):
        for label, name in names.items():
            one, other = (int((run.calls[column] == name).sum()) for run in (a, b))
            cells = row(result, label)
            assert cells[0] == (f"{one / 288:.2%}" if name in a.deployments or column == "outcome" else "-")
            assert cells[1] == (f"{other / 288:.2%}" if name in b.deployments or column == "outcome" else "-")
            expected = [f"{other - one:+,}", f"({100 * (other - one) / 288:+.2f}", "pp)"] if other != one else ["same"]
            assert cells[2:] == expected
    assert row(result, "blocked (nobody was open)") == ["0.00%", "0.00%", "same"]
    assert {"today.yaml", "proposal.yaml", "difference"} <= set(result.stdout.split())
    assert all(len(line) <= 80 for line in result.stdout.splitlines()[2:])


def test_the_headline_says_who_serves_more(here: Path) -> None:
    """The first sentence says by how many calls one serves more than the other, or that they serve alike."""
    a, b = replays()
    lost = int(a.calls["served_by"].notna().sum() - b.calls["served_by"].notna().sum())
    assert lost > 0
    printed = compare("--scenario", "scenario.yaml").stdout
    assert f"proposal.yaml serves {lost} fewer calls than today.yaml: " in printed
    back = compare("--scenario", "scenario.yaml", a="proposal.yaml", b="today.yaml").stdout
    assert f"today.yaml serves {lost} more calls than proposal.yaml: 100.00% in place of " in back
    moved = int(
        (a.calls["served_by"].astype(object).fillna("") != b.calls["served_by"].astype(object).fillna("")).sum()
    )
    assert f"in place of 100.00%; {moved} calls of 288 went another way." in printed.replace("\n", " ")
    alike = compare("--scenario", "scenario.yaml", b="today.yaml").stdout
    assert "Both serve 288 calls, 100.00%; 0 calls of 288 went another way." in alike


def test_who_serves_in_whose_place(here: Path) -> None:
    """Calls that the two treat differently are counted by who serves them in each, most first."""
    result = compare("--scenario", "scenario.yaml")
    a, b = (run.calls for run in replays())
    one, other = (c["served_by"].astype(object).where(c["served_by"].notna(), c["outcome"]) for c in (a, b))
    pairs = pd.crosstab(one, other)
    lines = [line.split() for line in result.stdout.partition("in today.yaml")[2].splitlines()]
    printed = {(cells[0], cells[1]): int(cells[2]) for cells in lines if len(cells) == 3 and cells[2].isdigit()}
    expected = {(x, y): int(n) for x, column in pairs.T.items() for y, n in column.items() if n and x != y}
    assert printed == expected
    assert sorted(printed.values(), reverse=True) == list(printed.values())


def test_latencies_are_compared_if_there_are_any(here: Path) -> None:
    """Latencies stand in the table once the scenario has some; one that only one side has is a dash."""
    assert "latency" not in compare("--scenario", "scenario.yaml").stdout
    (here / "scenario.yaml").write_text(
        "faults:\n  - {type: latency, target: strong, median_s: 1.5}\n"
        "  - {type: outage, target: 'provider:openai', start: '2026-03-02T00:00Z', end: '2026-03-03T00:00Z'}\n"
    )
    (here / "proposal.yaml").write_text("deployments: [{model_name: strong, model: openai/large}]")
    (here / "today.yaml").write_text("deployments: [{model_name: strong, model: sim/large}]")
    result = compare("--scenario", "scenario.yaml")
    assert row(result, "latency of served calls, mean") == ["1.500", "s", "-", "-"]
    assert "failed (all open ones did)" in result.stdout


def test_identical_configs_differ_in_nothing(here: Path) -> None:
    """A config compared with itself is told apart as A and B, and every line says that it is the same."""
    result = compare("--scenario", "scenario.yaml", b="today.yaml")
    assert {"(A)", "(B)"} <= set(result.stdout.split())
    for label in ("served", "served by the first choice", "strong", "weak", "attempts per call"):
        assert row(result, label)[-1] == "same"
    assert "in today.yaml (A)" not in result.stdout, "no call is treated differently"


def test_files_of_one_name_are_told_apart_by_their_folders(here: Path) -> None:
    """Two files that have one name are called by their paths."""
    (here / "new").mkdir()
    (here / "new" / "today.yaml").write_text(PROPOSAL)
    assert "new/today.yaml serves" in compare("--scenario", "scenario.yaml", b="new/today.yaml").stdout


def test_files_are_written(here: Path) -> None:
    """--out writes the figures, unrounded, the plot, and what is needed to make both replays again."""
    result = compare("--scenario", "scenario.yaml", "--out", "new/out")
    out = here / "new" / "out"
    assert sorted(path.name for path in out.iterdir()) == FILES
    assert all(f"new/out/{name}" in result.stdout for name in FILES)
    a, b = replays()
    written = pd.read_csv(out / "comparison.csv", index_col="figure")
    expected = tg.compare(a, b, labels=("today.yaml", "proposal.yaml"))
    pd.testing.assert_frame_equal(written, expected.astype(float))
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["proposal.yaml"]["config_hash"] == b.provenance["config_hash"]
    assert provenance["today.yaml"] == json.loads(json.dumps(a.provenance))


def test_formulas_are_kept_from_spreadsheets_on_demand(here: Path) -> None:
    """A file's name that begins as a formula heads its column as it is, or behind an apostrophe; so in `replay`."""
    (here / "=1+1").write_text(TODAY.replace("strong", '"=1+1"'))
    for option, mark in (([], ""), (["--escape-formulas"], "'")):
        compare("--out", "out", *option, a="=1+1")
        assert list(pd.read_csv("out/comparison.csv").columns) == [
            "figure",
            f"{mark}=1+1",
            "proposal.yaml",
            "difference",
        ]
        run("replay", "=1+1", "--trace", "trace.csv", "--out", "out", *option)
        assert f"{mark}=1+1" in set(pd.read_csv("out/calls.csv")["served_by"])


def test_replaced_files_are_named(here: Path) -> None:
    """A file that takes the place of another is said to; others are left alone."""
    (here / "out").mkdir()
    (here / "out" / "comparison.csv").write_text("old")
    (here / "out" / "mine.txt").write_text("mine")
    first = compare("--out", "out").stdout
    assert "out/comparison.csv (replaced)" in first
    assert "out/comparison.png (replaced)" not in first
    assert compare("--out", "out").stdout.count("(replaced)") == 3
    assert (here / "out" / "mine.txt").read_text() == "mine"


def test_faults_of_a_deployment_that_one_lacks(here: Path) -> None:
    """What befalls a deployment that only one config has is left out for the other, which is said; the rest stays."""
    (here / "scenario.yaml").write_text(
        FAULTS + "  - {type: error_rate, target: spare, rate: 0.5}\n"
        "  - {type: error_rate, target: 'group:all', rate: 0.1}\n"
        "  - {type: error_rate, target: 'group:old', rate: 1}\n"
        "groups: {all: [strong, spare, weak], old: [weak]}\n"
    )
    result = compare("--scenario", "scenario.yaml", "--out", "out")
    assert result.stderr.splitlines()[0].startswith("note: today.yaml has no 'spare': ")
    assert result.stderr.splitlines()[1].startswith("note: proposal.yaml has no 'group:old', 'weak': ")
    faults = tg.Scenario.load("scenario.yaml").to_dict()
    faults["faults"].pop(2)
    faults["groups"]["all"] = ["strong", "weak"]
    alone = tg.replay(tg.GatewayConfig.load("today.yaml"), tg.read_trace("trace.csv"), tg.Scenario(**faults))
    written = pd.read_csv(here / "out" / "comparison.csv", index_col="figure")
    assert written.loc["share[weak]", "today.yaml"] == pytest.approx(alone.summary()["share[weak]"])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("today.yaml", "deployments: []", ["today.yaml: deployments"]),
        ("proposal.yaml", "deployments: [", ["proposal.yaml: cannot be read as YAML"]),
        ("proposal.yaml", TODAY.replace("22:00", "25:00"), ["proposal.yaml: deployments[0] 'strong'", "'25:00'"]),
        ("trace.csv", "at\n2026-03-02T09:00\n", ["trace.csv: line 2: at", "--tz UTC"]),
        ("trace.csv", "at\n2026-03-02T09:00Z\n2026-03-02T08:00Z\n", ["trace.csv: line 3: at", "--sort"]),
        ("scenario.yaml", "faults: [{type: error_rate, target: strnog, rate: 1}]", ["Did you mean 'strong'?"]),
        ("scenario.yaml", "faults: [{type: outtage, target: strong}]", ["scenario.yaml: faults[0].type"]),
    ],
)
def test_bad_input(here: Path, name: str, content: str, words: list[str]) -> None:
    """Bad input of any of the four files is one line that names it, and nothing is written."""
    (here / name).write_text(content)
    refused(compare("--scenario", "scenario.yaml", "--out", "out", code=2), *words)


def test_missing_files(here: Path) -> None:
    """A file that is not there is named, with its nearest neighbour; a file where the folder should be is too."""
    refused(compare(b="propsal.yaml", code=2), "propsal.yaml: no such file", "'proposal.yaml'?")
    refused(compare("--engine", "steped", code=2), "'stepped'?")
    (here / "file").write_text("mine")
    refused(compare("--out", "file", code=2), "file: cannot be the folder", "is a file")


def test_tz_sort_and_engine(here: Path) -> None:
    """--tz, --sort and --engine do what they do for replay."""
    (here / "trace.csv").write_text("at\n2026-03-02T09:00\n2026-03-02T08:00\n")
    result = compare("--tz", "Europe/Berlin", "--sort", "--engine", "stepped")
    assert "2 calls, 2026-03-02 07:00:00 to 2026-03-02 08:00:00 UTC; engine stepped" in result.stdout


def test_a_failure_in_drawing_writes_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All is drawn before the folder is touched."""

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("timegate.plots.compare", fail)
    result = compare("--out", "out", code=1)
    assert isinstance(result.exception, ZeroDivisionError)
    assert not (here / "out").exists()


def test_names_are_text(here: Path) -> None:
    """Markup and control characters in names of deployments and files are printed, not obeyed."""
    config = {"deployments": [{"model_name": name, "model": "sim/x"} for name in ("[bold]b[/bold]", "\x1b[31mred")]}
    (here / "[red]a.json").write_text(json.dumps(config))
    shut = {"start": "00:00", "end": "24:00"}
    config["deployments"][0]["time_constraints"] = [shut]
    (here / "b.json").write_text(json.dumps(config))
    result = compare(a="[red]a.json", b="b.json")
    for shown in ("[bold]b[/bold]", "\\x1b[31mred", "[red]a.json"):
        assert shown in result.stdout
    assert "\x1b" not in result.output


def test_long_names_of_files_are_folded(here: Path) -> None:
    """The table keeps to 80 columns, and shows the whole name."""
    name = "a-config-with-a-very-long-name-that-nobody-would-type.yaml"
    (here / name).write_text(PROPOSAL)
    result = compare("--scenario", "scenario.yaml", b=name)
    table = result.stdout.partition("difference")[2].partition("in today.yaml")[0]
    assert all(len(line) <= 80 for line in table.splitlines())
    assert row(result, "strong")[2].startswith("+")
    assert name not in table
    assert name in result.stdout


def test_help_has_an_example(here: Path) -> None:
    """The help of the command ends in an example."""
    assert "timegate compare " in run("compare", "--help").stdout.partition("Example")[2]
