"""What newcomers type: it works, or the error says what does."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import time_machine
from typer.testing import CliRunner

import timegate as tg
from timegate.cli import app
from timegate.cli.base import as_instant
from timegate.core.clock import to_us
from timegate.engines.progress import progress
from timegate.errors import (
    ConfigError,
    InstantError,
    InvalidTypeError,
    InvalidValueError,
    ReplayError,
    ScenarioError,
    TraceError,
)
from timegate.samples import CONFIG, SCENARIO, TRACE, sample

CLI = CliRunner()
TWO = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/a", "time_constraints": [["22:00", "06:00"]], "description": "big"},
        {"model_name": "gpt-4.1", "model": "sim/b"},
    ]
)


# The samples


def test_a_missing_sample_says_where_it_comes_from(tmp_path: Path) -> None:
    """Outside of a clone there is no `data/`: the error names the command that makes one."""
    for load, name in ((tg.GatewayConfig.load, CONFIG), (tg.read_trace, TRACE), (tg.Scenario.load, SCENARIO)):
        with pytest.raises(
            InvalidValueError, match=r"no such file\. `timegate demo` copies the sample to timegate-demo/d"
        ):
            load(tmp_path / "data" / name)
    with pytest.raises(ConfigError, match=r"mine\.yaml: no such file\.$"):
        tg.GatewayConfig.load(tmp_path / "mine.yaml")


def test_a_slip_in_a_name_is_told() -> None:
    """The face says the nearest name that it has."""
    with pytest.raises(AttributeError, match=r"no attribute 'Outages'\. Did you mean 'Outage'\?$"):
        tg.Outages  # noqa: B018


@pytest.mark.parametrize(
    ("kind", "given", "way"),
    [
        (tg.Outage, ("weak", "2026-03-02T02:00Z"), r"'weak' by place\. Write Outage\(target=\.\.\., start=\.\.\.\)\."),
        (tg.Deployment, ("weak",), r"Write Deployment\(model_name=\.\.\., model=\.\.\.\)\."),
        (tg.PoissonTraffic, (1000,), r"1000 by place\. Write PoissonTraffic\(start=\.\.\., calls=\.\.\.\)\."),
        (tg.Scenario, ([],), r"Write Scenario\(faults=\[\.\.\.\]\)\."),
        (tg.Scenario, (5,), r"Its fields: version, description, seed, .*faults"),
        (tg.GatewayConfig, ("gateway.yaml",), r"A file is read by GatewayConfig\.load\(path\)\."),
        (tg.Scenario, (Path("day.yaml"),), r"A file is read by Scenario\.load\(path\)\."),
        (tg.GatewayConfig, ({"deployments": []},), r"Write GatewayConfig\(\*\*mapping\)\."),
    ],
)
def test_what_is_given_by_place_is_told_by_name(kind: type[Any], given: tuple[Any, ...], way: str) -> None:
    """Values take their fields by name: the error says which, and what reads a file or a mapping."""
    with pytest.raises(InvalidTypeError, match=rf"^{kind.__name__} takes its fields by name\. Got .*{way}"):
        kind(*given)
    assert not [name for name in inspect.signature(kind).parameters if name == "unnamed"]


# A config


def test_a_what_if_takes_one_line() -> None:
    """`edited` changes fields by the name of their deployment, `without` takes deployments out; the old one stays."""
    open_ = TWO.edited(strong={"time_constraints": []})
    assert not open_.deployments[0].time_constraints
    assert open_.deployments[0].description == "big"
    assert TWO.deployments[0].time_constraints
    other = TWO.edited({"gpt-4.1": {"available": [["08:00", "20:00"]]}}, strong={"description": None})
    assert str(other.deployments[1].available[0]).startswith("08:00")
    assert other.deployments[0].description is None
    assert other.without("strong").deployments == other.deployments[1:]
    assert TWO.edited() == TWO == TWO.without()


def test_an_edit_keeps_names_of_windows_and_comments(tmp_path: Path) -> None:
    """What is edited is exported with the comments of the file that it came from, and lists its windows by name."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "# ours\nversion: 1\nwindows:\n  night: ['22:00', '06:00']\ndeployments:\n"
        "  - model_name: a  # first\n    model: sim/a\n    time_constraints: [night]\n"
        "  - model_name: b\n    model: sim/b\n"
    )
    config = tg.GatewayConfig.load(path).edited(b={"time_constraints": ["night"]})
    config.export("yaml", tmp_path / "new.yaml")
    text = (tmp_path / "new.yaml").read_text()
    assert "# ours" in text
    assert "# first" in text
    assert tg.GatewayConfig.load(tmp_path / "new.yaml") == config
    assert config.to_dict()["deployments"][1]["time_constraints"] == ["night"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: TWO.edited(stron={"model": "sim/x"}), "'stron' is not a deployment of this config. Did you mean 'str"),
        (lambda: TWO.without("gpt-4"), "'gpt-4' is not a deployment of this config. Did you mean 'gpt-4.1'"),
        (lambda: TWO.without("strong", "gpt-4.1"), "deployments must be a non-empty list"),
        (lambda: TWO.edited(strong={"time_constraint": []}), "unknown key 'time_constraint'. Did you mean"),
        (lambda: TWO.edited(strong={"time_constraints": [["25:00", "06:00"]]}), "must look like 'HH:MM'"),
        (lambda: TWO.edited(strong=[]), "strong: must be a mapping of fields that change. Got []"),  # type: ignore[arg-type]
        (lambda: TWO.edited(strong={"model": None}), "model is missing"),
        (lambda: TWO.edited(policy={}), "'policy' is no deployment, but a field of the config itself"),
        (lambda: TWO.edited(strong={"time_constraints": ["22:00", "06:00"]}), 'is a pair: [["22:00", "06:00"]].'),
        (lambda: TWO.edited(strong={"available": ["9:00 - 17:00"]}), 'is a pair: [["9:00", "17:00"]].'),
        (lambda: TWO.edited(strong={"windows": []}), "Did you mean 'time_constraints', when it may not be used, or"),
        (lambda: TWO.edited(strong={"policy": {"deadline_s": 9}}), "It holds for a call as a whole"),
        (lambda: TWO.edited(strong={"policy": {"limits": {"rpm": 9}}}), "Did you mean 'requests_per_min'"),
        (lambda: TWO.edited(strong={"policy": "litellm"}), "Did you mean {'preset': 'litellm'}"),
    ],
)
def test_a_wrong_edit_is_said(call: Any, message: str) -> None:
    """A name that is not there, a field, a value, or nothing left."""
    with pytest.raises(ConfigError, match=message.replace("[", r"\[").replace(".", r"\.")):
        call()


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (lambda: tg.Window("09:00", "17:00", days="weekdays"), "mon-fri"),
        (lambda: tg.Window("09:00", "17:00", days=["Weekend"]), "sat-sun"),
        (lambda: tg.Window("09:00", "17:00", tz="Paris"), "Europe/Paris"),
        (lambda: tg.Window("09:00", "17:00", tz="new york"), "America/New_York"),
        (lambda: tg.Outage(target="a", start="2026-03-02T00:00Z", duration_s=60), "duration"),
        (lambda: tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=9, day=7), "days"),
        (lambda: tg.ErrorRate(target="a", error_rate=0.1), "rate"),
        (lambda: tg.Price(input=2), "input_per_mtok"),
        (lambda: tg.Price(input_per_mtok=2, bands=[{"factor": 2, "windows": [["22:00", "06:00"]]}]), "times"),
    ],
)
def test_what_people_guess_is_told(call: Any, hint: str) -> None:
    """Words of every day, cities and keys that other things have lead to what is meant."""
    with pytest.raises(InvalidValueError, match=rf"Did you mean '{hint}'\?$"):
        call()


def test_a_config_differs() -> None:
    """`config.diff` is `tg.diff`."""
    other = TWO.without("gpt-4.1")
    week = ("2026-03-02T00:00Z", "2026-03-09T00:00Z")
    assert str(TWO.diff(other, *week)) == str(tg.diff(TWO, other, *week))


@pytest.mark.parametrize(
    ("owner", "name", "instead"),
    [
        (tg.GatewayConfig, "from_yaml", "GatewayConfig.load(path)"),
        (tg.GatewayConfig, "from_json", "GatewayConfig.load(path)"),
        (tg.GatewayConfig, "from_file", "GatewayConfig.load(path)"),
        (tg.GatewayConfig, "from_dict", "GatewayConfig.model_validate(data)"),
        (TWO, "from_yaml", "GatewayConfig.load(path)"),
        (TWO, "check", "timegate.check(config)"),
        (TWO, "gaps", "timegate.gaps(config)"),
        (TWO, "replay", "timegate.replay(config, trace, scenario)"),
        (tg.ModelResponse("Hi"), "text", "response.consume()"),
        (tg.ModelResponse("Hi"), "content", "response.consume()"),
        (tg.replay(TWO, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped"), "report", "report.page.write(run, folder)"),
        (tg.replay(TWO, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped"), "at", "run.explain(instant)"),
    ],
)
def test_guessed_names_point_to_the_right_one(owner: Any, name: str, instead: str) -> None:
    """The error says what to use; the attribute is not there for hasattr, pickle or a schema."""
    with pytest.raises(AttributeError) as raised:
        getattr(owner, name)("gateway.yaml")
    assert instead in str(raised.value)
    assert hasattr(owner, name) == isinstance(owner, type)
    assert pickle.loads(pickle.dumps(TWO)) == TWO  # noqa: S301 - our own
    assert name not in tg.GatewayConfig.model_fields


@pytest.mark.parametrize("given", [TWO, "gateway.yaml", Path("gateway.yaml")])
def test_a_gateway_is_built_by_its_config(given: Any) -> None:
    """Who gives the gateway a config is told that configs build gateways."""
    with pytest.raises(InvalidTypeError, match=r"\.build\(\)"):
        tg.ModelGateway(given)


def test_suffixes_are_targets(tmp_path: Path) -> None:
    """`to="yaml"` and `to="json"` are our own format; others are answered with the nearest."""
    for to in ("yaml", "json"):
        exported = TWO.export(to=to, path=tmp_path / f"gateway.{to}")
        assert exported.to == "timegate"
        assert tg.GatewayConfig.load(exported.path) == TWO
    with pytest.raises(ConfigError, match="Did you mean 'litellm'"):
        TWO.export("litelm", tmp_path / "x.yaml")


# A replay


def test_paths_are_read() -> None:
    """A config, a trace and a scenario may be given by the paths of their files."""
    config, trace, scenario = map(sample, (CONFIG, TRACE, SCENARIO))
    run = tg.replay(str(config), str(trace), scenario)
    assert run.summary().equals(
        tg.replay(tg.GatewayConfig.load(config), tg.read_trace(trace), tg.Scenario.load(scenario)).summary()
    )
    frame = run.trace.frame.head(50)
    assert len(tg.replay(TWO.edited({"gpt-4.1": {}}), pd.DataFrame({"at": frame["at"]}))) == 50
    assert len(tg.replay(TWO, pd.date_range("2026-03-02", periods=3, tz="UTC"))) == 3
    assert len(tg.monte_carlo(TWO, pd.date_range("2026-03-02", periods=3, tz="UTC"), replicas=2)) == 2
    with pytest.raises(TraceError, match=r"nowhere\.csv"):
        tg.replay(TWO, "nowhere.csv")
    with pytest.raises(InvalidTypeError, match="trace must be a Trace"):
        tg.replay(TWO, 7)  # type: ignore[arg-type]


def test_an_instant_is_explained() -> None:
    """`run.explain` takes an instant, for the first call that arrives then or later."""
    run = tg.replay(TWO, tg.Trace(["2026-03-02T03:09Z", "2026-03-02T03:10Z", "2026-03-02T09:00Z"]))
    for at, call in (("2026-03-02T03:10Z", 1), ("2026-03-02T03:10:00.000001Z", 2), ("2020-01-01T00:00Z", 0)):
        assert run.explain(at).note == run.explain(call).note
    assert run.explain(pd.Timestamp("2026-03-02T04:10+01:00")).note == run.explain(1).note
    with pytest.raises(
        ReplayError, match=r"no call arrives at '2026-03-03T00:00Z' or later: the last does at 2026-03-02T"
    ):
        run.explain("2026-03-03T00:00Z")
    with pytest.raises(InstantError, match="must carry a zone"):
        run.explain("2026-03-02T03:10")


def test_findings_are_a_table_with_and_without_brackets() -> None:
    """`findings.frame()` is `findings.frame`."""
    findings = tg.check(TWO, now="2026-03-02T00:00Z")
    assert len(findings)
    pd.testing.assert_frame_equal(findings.frame(), pd.DataFrame(findings.frame))
    assert type(findings.frame.head()) is pd.DataFrame


def test_a_log_has_no_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """A standard error that is no terminal stays clean, however long a replay takes."""
    items = iter([1, 2, 3])
    bar = progress(items, 3)
    assert list(bar) == [1, 2, 3]
    assert not sys.stderr.isatty()
    from tqdm import tqdm

    assert list(tqdm([1], disable=None, delay=0.0)) == [1]
    assert capsys.readouterr().err == ""


# A scenario, and traffic


@pytest.mark.parametrize("given", ["2h", "120min", timedelta(hours=2), "0 days 02:00:00"])
def test_an_outage_has_a_length(given: Any) -> None:
    """`duration` is another way to say `end`."""
    start = "2026-03-02T09:00Z"
    assert tg.Outage(target="a", start=start, duration=given) == tg.Outage(
        target="a", start=start, end="2026-03-02T11:00Z"
    )
    scenario = tg.Scenario.model_validate(
        {"faults": [{"type": "outage", "target": "a", "start": start, "duration": "2h"}]}
    )
    assert "duration" not in scenario.to_dict()["faults"][0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"duration": "2 fortnights"}, "duration must be a length of time such as '2h'"),
        ({"duration": "-2h"}, "duration must be a length of time"),
        ({"duration": 7200}, "duration must be a length of time such as '2h' or '90min'. Got 7200"),
        ({"duration": "2h", "end": "2026-03-02T11:00Z"}, "duration must not be given together with end"),
        ({"duration": "99999 days"}, "duration must end before the year 2200"),
        ({"duration": "2h", "start": None}, "start"),
        ({"duration": "2h", "start": "soon"}, "start"),
    ],
)
def test_a_wrong_length_is_said(fields: dict[str, Any], message: str) -> None:
    """A length is text with a unit, above 0, instead of an end, and within the years."""
    with pytest.raises(ScenarioError, match=message):
        tg.Outage(**{"target": "a", "start": "2026-03-02T09:00Z"} | fields)


def test_traffic_of_some_days() -> None:
    """`days` repeats the profile; the calls are those of all of it."""
    week = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=7_000, days=7)
    assert len(week.rates) == 7 * 24
    assert week == tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=7_000, rates=[*week.rates[:24]] * 7)
    trace = week.trace(1)
    assert (trace.end - trace.start).days == 6
    assert len(tg.EvenTraffic(start="2026-03-02T00:00Z", calls=10, rates=[1, 2], days=3).rates) == 6
    for wrong in (0, 1.5, "7", True, 10**6):
        with pytest.raises(TraceError, match="days must be a whole number from 1 to 3,660"):
            tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=10, days=wrong)
    with pytest.raises(InvalidValueError, match="rates"):
        tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=10, days=2, rates="12")


# The command


def test_now_and_times_of_today() -> None:
    """`--at now` and `--at 03:10` are understood, and how is said."""
    config = str(sample(CONFIG))
    now = CLI.invoke(app, ["explain", config, "--at", "now"])
    assert now.exit_code == 0, now.output
    today = CLI.invoke(app, ["explain", config, "--at", "03:10"])
    assert today.exit_code == 0, today.output
    assert "03:10 is read as " in today.output
    assert "T03:10Z: today, in UTC." in today.output
    assert CLI.invoke(app, ["check", config, "--now", "now"]).exit_code in (0, 1)
    assert "must carry a zone" in CLI.invoke(app, ["explain", config, "--at", "2026-03-02T03:10"]).output


@pytest.mark.parametrize(
    ("typed", "read", "said"),
    [
        ("3:10", "2026-03-02T03:10Z", "today, in UTC"),
        ("03:10Z", "2026-03-02T03:10Z", "today, in UTC"),
        ("03:10 utc", "2026-03-02T03:10Z", "today, in UTC"),
        ("03:10:05+02:00", "2026-03-03T03:10:05+02:00", "today, in UTC+02:00"),
        ("today 03:10", "2026-03-02T03:10Z", "today, in UTC"),
        ("Tomorrow at 3:10:05", "2026-03-03T03:10:05Z", "tomorrow, in UTC"),
        ("yesterday", "2026-03-01T00:00Z", "yesterday, in UTC"),
        ("tomorrow 03:10-0330", "2026-03-03T03:10-0330", "tomorrow, in UTC-0330"),
    ],
)
def test_times_are_read_as_people_type_them(
    typed: str, read: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A time of day is today's where it is said to be, and days have names; how it was read is a note."""
    with time_machine.travel("2026-03-02T22:30Z", tick=False):
        assert as_instant(typed) == read
    assert f"{typed} is read as {read}: {said}." in capsys.readouterr().err
    to_us(read, "at")


@pytest.mark.parametrize("typed", ["", "Z", "+02:00", "24:00", "tomorrow 25:00", "noon", "2026-03-02", "03:10 PST"])
def test_times_that_nobody_can_read_are_left_as_they_are(typed: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no time is refused by whoever takes it, in its own words."""
    assert as_instant(typed) == typed
    assert not capsys.readouterr().err


def test_the_command_completes_and_names_its_extra() -> None:
    """Shells are told how to complete; the extra that the editor needs is not lost as markup."""
    assert "--install-completion" in CLI.invoke(app, ["--help"]).output
    assert "timegate[edit]" in CLI.invoke(app, ["edit", "--help"]).output


def test_gaps_are_listed(tmp_path: Path) -> None:
    """The command lists what `tg.gaps` returns, and leaves with code 1 if there is any."""
    shut = TWO.edited({"gpt-4.1": {"available": [["08:00", "20:00"]]}})
    shut.save(tmp_path / "shut.yaml")
    TWO.save(tmp_path / "two.yaml")
    found = CLI.invoke(app, ["gaps", str(tmp_path / "shut.yaml"), "--from", "2026-03-02T00:00Z"])
    assert found.exit_code == 1
    assert "Nobody is open for 56 h in all." in found.output
    assert "2026-03-02 22:00" in found.output
    none = CLI.invoke(app, ["gaps", str(tmp_path / "two.yaml")])
    assert (none.exit_code, none.output.strip()) == (0, "Somebody is open at any time of it.")
    assert CLI.invoke(app, ["gaps", str(tmp_path / "no.yaml")]).exit_code == 2


@pytest.mark.parametrize(
    ("guess", "instead"),
    [
        (lambda: tg.load_config("x.yaml"), "Use timegate.GatewayConfig.load(path)."),
        (lambda: tg.read_csv("x.csv"), "Use timegate.read_trace(path)."),
        (lambda: tg.simulate(), "Use timegate.replay(config, trace, scenario)."),
        (lambda: tg.Gateway, "Use timegate.ModelGateway"),
        (lambda: tg.lint, "Use timegate.check(config)."),
        (lambda: tg.costs, "Use run.bill()"),
        (lambda: tg.Trace.from_csv("x.csv"), "Use timegate.read_trace(path)."),
        (lambda: tg.Trace(["2026-03-02T09:00Z"]).load, "Use timegate.read_trace(path)."),
        (lambda: tg.Scenario.from_yaml("x.yaml"), "Use Scenario.load(path)"),
        (lambda: tg.replay(TWO, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped").df, "Use run.calls"),
        (lambda: tg.replay(TWO, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped").plot(), "Use timegate.plots"),
    ],
)
def test_names_that_people_guess_say_what_to_use(guess: Any, instead: str) -> None:
    """An AttributeError, as Python has it, with what does the same."""
    with pytest.raises(AttributeError, match=re.escape(instead)):
        guess()
    assert not hasattr(tg, "something_else")
