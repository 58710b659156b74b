from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typed import run

import timegate as tg
from timegate.files import read_document

CONFIG = "deployments: [{model_name: strong, model: openai/x}, {model_name: weak, model: sim/y}]\n"


def incident(key: str, hour: int, impact: str, **more: Any) -> dict[str, Any]:
    start, end = (f"2026-03-02T{at:02}:00:00Z" for at in (hour, hour + 1))
    return {
        "id": key, "name": f"Trouble {key}", "status": "resolved", "impact": impact, "created_at": start,
        "resolved_at": end, "incident_updates": [], "components": [{"name": "API"}], **more,
    }  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a working folder with a history and a config."""
    document = {
        "page": {"name": "Acme"},
        "incidents": [
            incident("a", 9, "critical"),
            incident("b", 11, "minor"),
            incident("c", 13, "major", components=[], name="API is gone"),
            incident("d", 15, "major", status="investigating", resolved_at=None, components=[{"name": "Chat"}]),
        ],
    }
    (tmp_path / "incidents.json").write_text(json.dumps(document))
    planned = {"scheduled_for": "2026-03-02T20:00Z", "scheduled_until": "2026-03-02T21:00Z", "status": "scheduled"}
    (tmp_path / "planned.json").write_text(
        json.dumps({"page": {"name": "Acme"}, "scheduled_maintenances": [incident("m", 1, "maintenance", **planned)]})
    )
    (tmp_path / "config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scenario(*args: str, code: int = 0, files: tuple[str, ...] = ("incidents.json",)) -> Any:
    return run("scenario", *files, *args, code=code)


def rows(text: str) -> dict[str, str]:
    """Return the last word of each line of the table, by the words before it."""
    lines = [line.split() for line in text.splitlines() if line.startswith(" ") and line.strip()]
    return {" ".join(words[:-1]): words[-1] for words in lines}


def test_it_writes_what_python_makes(here: Path) -> None:
    """The file is the scenario that Python makes, and the table lists every decision with its count."""
    result = scenario("--map", "API=strong", "--seed", "7", "--out", "bad.yaml")
    faults = tg.read_incidents("incidents.json").to_faults({"API": "strong"})
    assert tg.Scenario.load("bad.yaml") == faults.scenario(7)
    assert [fault.name for fault in faults] == ["a:strong"]
    assert result.stdout.startswith("1 fault from 4 incidents in incidents.json (")
    assert "Wrote: bad.yaml" in result.stdout
    table = rows(result.stdout)
    assert not any(row.startswith("kept") for row in table)  # the one that is open is nobody's
    assert table["dropped impact below major"] == "1"
    assert table["dropped names no component, though its title does"] == "1"
    assert table["dropped neither its components nor its page are in the map"] == "1"
    assert all(len(line) <= 80 for line in result.stdout.splitlines()[1:])
    assert result.stderr == ""


def test_a_colleague_gets_the_same_numbers(here: Path) -> None:
    """The file says which history it was made of, and replays to the same calls."""
    scenario("--map", "*=strong", "--error-rate", "minor=0.5", "--out", "bad.yaml")
    loaded = tg.Scenario.load("bad.yaml")
    source = tg.read_incidents("incidents.json").sources[0]
    assert f"incidents.json ({source.fingerprint})" in str(loaded.description)
    made = tg.read_incidents("incidents.json").to_faults({"*": "strong"}, error_rates={"minor": 0.5}).scenario()
    trace = tg.Trace(pd.date_range("2026-03-02T08:00Z", "2026-03-03T00:00Z", periods=400))
    config = tg.GatewayConfig.load("config.yaml")
    ours, theirs = (tg.replay(config, trace, each) for each in (made, loaded))
    pd.testing.assert_frame_equal(ours.calls, theirs.calls)
    assert ours.calls["served_by"].nunique() == 2


def test_it_prints_the_scenario_without_a_file(here: Path) -> None:
    """Then the standard output is the scenario alone, and the decisions are on the other."""
    result = scenario("--map", "API=strong")
    (here / "printed.yaml").write_text(result.stdout)
    scenario("--map", "API=strong", "--out", "written.yaml")
    assert (here / "printed.yaml").read_bytes() == (here / "written.yaml").read_bytes()
    assert rows(result.stderr)["dropped impact below major"] == "1"


def test_json(here: Path) -> None:
    """A name that ends in .json makes JSON."""
    scenario("--map", "API=strong", "--out", "bad.json")
    assert json.loads((here / "bad.json").read_text())["faults"][0]["target"] == "strong"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--map", "API=strong", "--min-impact", "minor"], ["a:strong", "b:strong"]),
        (["--map", "API=strong", "--min-impact", "critical"], ["a:strong"]),
        (["--map", "API=strong", "--map", "Chat=weak"], ["a:strong", "d:weak"]),
        (["--map", "API=strong", "--map", "API=weak"], ["a:strong", "a:weak"]),
        (["--map", "*=provider:openai"], ["a:provider:openai", "c:provider:openai", "d:provider:openai"]),
        (["--map", "*=strong", "--component", "Chat"], ["d:strong"]),
        (["--map", "*=strong", "--component", "Chat", "--component", "api"], ["a:strong", "d:strong"]),
        (["--map", "API=strong", "--titles"], ["a:strong", "c:strong"]),
        (["--map", "API=strong", "--error-rate", "minor=0.1"], ["a:strong", "b:strong"]),
        (["--map", "*=strong", "--until", "2026-03-02T15:00Z"], ["a:strong", "c:strong"]),
        (["--map", "*=strong", "--from", "2026-03-02T10:00Z"], ["c:strong", "d:strong"]),
        (["--map", "*=strong", "--to", "2026-03-02T13:00Z"], ["a:strong"]),
        (["--map", "*=strong", "--from", "2026-03-02T13:30Z", "--to", "2026-03-02T15:00Z"], ["c:strong"]),
        (["--map", "Other=strong", "--page", "Other"], ["a:strong", "c:strong", "d:strong"]),
        (["--map", "API=strong", "--by", "component"], ["a:strong"]),
        (["--map", "API=strong", "--config", "config.yaml"], ["a:strong"]),
    ],
)
def test_options(here: Path, options: list[str], expected: list[str]) -> None:
    """Each option reaches to_faults."""
    scenario(*options, "--out", "bad.yaml")
    assert [fault.name for fault in tg.Scenario.load("bad.yaml").faults] == expected


def test_several_files_and_maintenance(here: Path) -> None:
    """Histories add up; maintenance counts if one asks for it; incidents without a length get one."""
    (here / "more.csv").write_text("id,page,impact,start,end\nz,Acme,major,2026-03-02T23:00Z,2026-03-02T23:00Z\n")
    options = "--map", "Acme=strong", "--maintenance", "--zero-length-s", "60", "--out", "bad.yaml"
    scenario(*options, files=("incidents.json", "planned.json", "more.csv"))
    made = tg.Scenario.load("bad.yaml")
    assert [str(fault.name)[0] for fault in made.faults] == ["a", "c", "d", "m", "z"]
    assert "more.csv" in str(made.description)


def test_what_is_open_is_said(here: Path) -> None:
    """An open incident that becomes a fault is counted once, with the end that it gets."""
    open_ = "--map", "Chat=strong", "--out", "bad.yaml"
    assert rows(scenario(*open_).stdout)["kept open: lasts until the end of the trace"] == "1"
    table = rows(scenario(*open_, "--until", "2026-03-03T00:00Z").stdout)
    assert table["guessed open: ends at until"] == "1"
    assert "kept open: lasts until the end of the trace" not in table


def test_no_fault_is_said(here: Path) -> None:
    """A history that gives none makes a scenario without faults, and says so."""
    (here / "none.json").write_text('{"incidents": []}')
    result = scenario("--map", "API=strong", "--out", "bad.yaml", files=("none.json",))
    assert "No incident became a fault" in result.stdout
    assert "a history without incidents" in result.stdout
    assert tg.Scenario.load("bad.yaml").faults == ()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--map", "Chta=strong"], ["map: no incident has 'Chta'. Did you mean 'Chat'?"]),
        (["--map", "API"], ["--map must look like NAME=TARGET. Got 'API'."]),
        (["--map", "=strong"], ["--map must look like"]),
        (["--map", "API=strnog", "--config", "config.yaml"], ["map['API']: 'strnog'", "Did you mean 'strong'?"]),
        (["--map", "API=group:eu"], ["group:eu"]),
        (["--map", "API=strong", "--min-impact", "majr"], ["min_impact must be one of", "Did you mean 'major'?"]),
        (["--map", "API=strong", "--component", "Chta"], ["components", "Did you mean 'Chat'?"]),
        (["--map", "API=strong", "--error-rate", "minor"], ["--error-rate must look like IMPACT=RATE"]),
        (["--map", "API=strong", "--error-rate", "minor=x"], ["--error-rate must look like minor=0.1"]),
        (["--map", "API=strong", "--error-rate", "minor=2"], ["error_rate", "2.0"]),
        (["--map", "API=strong", "--by", "page"], ["by must be"]),
        (["--map", "API=strong", "--until", "2026-03-02"], ["until must carry a zone"]),
        (["--map", "API=strong", "--from", "2026-03-02"], ["start must carry a zone"]),
        (["--map", "API=strong", "--from", "2026-03-03T00:00Z", "--to", "2026-03-02T00:00Z"], ["end must lie after"]),
        (["--map", "API=strong", "--zero-length-s", "-1"], ["zero_length_s must be"]),
        (["--map", "API=strong", "--seed", "-1"], ["seed", "-1"]),
        (["--map", "API=strong", "--config", "none.yaml"], ["none.yaml: no such file"]),
        (["--map", "API=strong", "--out", "no/such/x.yaml"], ["no such folder"]),
    ],
)
def test_bad_options(here: Path, args: list[str], words: list[str]) -> None:
    """Each is one line on the error output, the exit code 2, and no file."""
    before = sorted(os.listdir(here))
    if "--out" not in args:
        args = [*args, "--out", "bad.yaml"]
    result = scenario(*args, code=2)
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]
    assert result.stdout == ""
    assert sorted(os.listdir(here)) == before


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("<html>502</html>", "bad.json: holds HTML"),
        ("{", "bad.json: cannot be read as JSON"),
        ('{"page": {}}', "bad.json: `incidents` or `scheduled_maintenances` is missing"),
        ('{"incidents": [{"id": "a", "created_at": "2026-03-02"}]}', "bad.json: incidents[0].created_at"),
    ],
)
def test_bad_files(here: Path, content: str, word: str) -> None:
    """Each is one line that begins with the path."""
    (here / "bad.json").write_text(content)
    result = scenario("--map", "API=strong", "--out", "x.yaml", code=2, files=("bad.json",))
    assert result.stderr.startswith(f"error: {word}")
    assert len(result.stderr.splitlines()) == 1
    assert not (here / "x.yaml").exists()


def test_usage(here: Path) -> None:
    """Without a map or a file it is wrong usage; help has an example that works."""
    scenario(code=2)
    run("scenario", code=2)
    shown = run("scenario", "--help").stdout
    assert "timegate scenario incidents.json --map Copilot=strong --out bad.yaml" in shown


def test_what_a_page_wrote_reaches_no_terminal(here: Path) -> None:
    """Control characters and markup in names are shown as they are."""
    (here / "odd.json").write_text(json.dumps({"incidents": [incident("[red]\x1b[2J", 9, "od[d]\x1b")]}))
    result = scenario("--map", "*=strong", "--out", "x.yaml", files=("odd.json",))
    assert "\x1b" not in result.output
    assert "od[d]" in result.output


def test_a_true_run(here: Path) -> None:
    """In a process of its own it succeeds in silence, and loads neither matplotlib nor scipy."""
    code = (
        "import sys, timegate.cli\n"
        "sys.argv[1:] = ['scenario', 'incidents.json', '--map', 'API=strong', '--out', 'bad.yaml']\n"
        "try:\n    timegate.cli.main()\n"
        "finally:\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    print('LOADED', sorted(loaded & {'matplotlib', 'numba', 'scipy'}))"
    )
    made = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=300)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.splitlines()[-1] == "LOADED []"
    assert read_document(here / "bad.yaml", tg.TimegateError)["seed"] == 0  # type: ignore[arg-type]
