from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import timegate as tg
from timegate.errors import ConfigError, InputError, InvalidTypeError, InvalidValueError, ScenarioError, WindowError
from timegate.problems import Place, Problem, written

SORT = Problem(("at", 3), "lies before at[2].", "Pass {} to sort it.", ("sort", True), "day.csv: at[3]")
WEAK = {"model_name": "weak", "model": "sim/small"}


def as_option(name: str, value: object) -> str:
    return f"--{name}"


def test_is_its_sentence() -> None:
    """A problem is found and compared as text, and keeps what the text is made of."""
    assert SORT == "day.csv: at[3] lies before at[2]. Pass sort=True to sort it."
    assert (SORT.place, SORT.text, SORT.hint) == (("at", 3), "lies before at[2].", "Pass sort=True to sort it.")


def test_arguments_are_spelled_at_the_edge() -> None:
    """A command spells the argument that a hint advises in its own way; braces of names are left alone."""
    assert SORT.spelled(as_option) == "day.csv: at[3] lies before at[2]. Pass --sort to sort it."
    error = InvalidValueError(SORT, "{}")
    assert error.spelled(as_option) == f"{SORT.spelled(as_option)} (and 1 more problem)"
    assert Problem((), "Got {}.", "Did you mean '{}'?").spelled(as_option) == "Got {}. Did you mean '{}'?"


def test_moves_with_all_it_has() -> None:
    """At another place, after other words, with other advice, pickled or copied, a problem keeps the rest."""
    assert SORT.at(("x",)) == "x lies before at[2]. Pass sort=True to sort it."
    assert SORT.after("Again:").spelled(as_option).startswith("Again: day.csv: at[3] lies")
    assert SORT.after("Again:").place == ("at", 3)
    assert SORT.advising("Pass {}.", ("tz", "UTC")) == "day.csv: at[3] lies before at[2]. Pass tz='UTC'."
    pickled = pickle.loads(pickle.dumps(SORT))  # noqa: S301 - our own bytes
    for again in (pickled, copy.copy(SORT), copy.deepcopy(SORT)):
        assert (again, vars(again)) == (SORT, vars(SORT))


def test_texts_are_problems_without_a_place() -> None:
    """An error of either class takes texts and problems alike."""
    for kind in (InvalidValueError, InvalidTypeError):
        error = kind("broken", SORT)
        assert isinstance(error, InputError)
        assert error.problems == ("broken", SORT)
        assert [problem.place for problem in error.problems] == [(), ("at", 3)]
        assert error.after("file:") == ("file: broken", f"file: {SORT}")


@pytest.mark.parametrize(
    ("place", "label", "text"),
    [
        ((), "", ""),
        (("version",), "'a'", "version"),
        (("deployments", 0), "'a'", "deployments[0] 'a'"),
        (("deployments", 0, "model"), "'a'", "deployments[0] 'a': model"),
        (("deployments", 1, "available", 2, "tz"), "", "deployments[1].available[2].tz"),
        (("deployments", 1, "available", 2, "tz"), "'a'", "deployments[1] 'a': available[2].tz"),
        (("two\nlines",), "", "'two\\nlines'"),
    ],
)
def test_places_are_written(place: Place, label: str, text: str) -> None:
    """A place is a path; the label stands behind the first index; what is no plain key is quoted."""
    assert written(place, label) == text


@pytest.mark.parametrize(
    ("deployments", "place", "hint"),
    [
        ([WEAK | {"available": [["1", "02:00"]]}], ("deployments", 0, "available", 0, "start"), ""),
        ([WEAK | {"available": [["01:00", 2]]}], ("deployments", 0, "available", 0, "end"), "YAML 1.1 readers turn"),
        ([WEAK | {"available": ["01:00"]}], ("deployments", 0, "available", 0), ""),
        ([{"model_name": "weak"}], ("deployments", 0, "model"), ""),
        ([WEAK, WEAK], ("deployments", 1, "model_name"), ""),
        ([WEAK | {"modle": 1}], ("deployments", 0), "Did you mean 'model'?"),
        (
            [WEAK | {"available": [{"start": "01:00", "end": "02:00", "tz": "Europe/Berlim"}]}],
            ("deployments", 0, "available", 0, "tz"),
            "Did you mean 'Europe/Berlin'?",
        ),
        ([], ("deployments",), ""),
    ],
)
def test_configs_say_where(deployments: object, place: Place, hint: str) -> None:
    """What a config breaks has its place and the nearest good name."""
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate({"deployments": deployments})
    [problem] = caught.value.problems
    assert problem.place == place
    assert problem.hint.startswith(hint)
    assert bool(problem.hint) == bool(hint)
    assert problem.endswith(f"{problem.text} {problem.hint}".strip())


@pytest.mark.parametrize(
    ("fault", "place", "hint"),
    [
        ({"type": "outagge", "target": "a"}, ("faults", 1, "type"), "Did you mean 'outage'?"),
        ({"target": "a"}, ("faults", 1, "type"), ""),
        ({"type": "error_rate", "target": "a", "rate": 2.0}, ("faults", 1, "rate"), ""),
        (
            {"type": "error_rate", "target": "a", "rate": 1.0, "error": "atuh"},
            ("faults", 1, "error"),
            "Did you mean 'auth'?",
        ),
        ({"type": "error_rate", "target": "group:x", "rate": 1.0}, ("faults", 1, "target"), "There are none."),
        (
            {"type": "outage", "target": "a", "start": "2026-03-02T02:00Z", "end": "2026-03-02T01:00Z"},
            ("faults", 1, "end"),
            "",
        ),
    ],
)
def test_scenarios_say_where(tmp_path: Path, fault: object, place: Place, hint: str) -> None:
    """So has what a scenario breaks, from a file too; the kind of a fault is no part of the place."""
    data = {"faults": [{"type": "error_rate", "target": "a", "rate": 0.5}, fault]}
    path = tmp_path / "scenario.yaml"
    path.write_text(repr(data), encoding="utf-8")  # which YAML reads as well
    with pytest.raises(ScenarioError) as caught:
        tg.Scenario.model_validate(data)
    with pytest.raises(ScenarioError) as of_a_file:
        tg.Scenario.load(path)
    assert of_a_file.value.problems == (f"{path}: {caught.value}",)
    for [problem] in (caught.value.problems, of_a_file.value.problems):
        assert (problem.place, problem.hint) == (place, hint)


def test_replays_say_which_fault_does_not_fit() -> None:
    """A fault that no deployment of the router fits is told with its place."""
    config = tg.GatewayConfig(deployments=[WEAK])
    scenario = tg.Scenario(faults=[{"type": "error_rate", "target": "waek", "rate": 0.5}])
    with pytest.raises(ScenarioError, match=r"^faults\[0\] \(error_rate\): target 'waek' is not") as caught:
        tg.replay(config, tg.Trace(["2026-03-02T00:00Z"]), scenario)
    [problem] = caught.value.problems
    assert (problem.place, problem.hint) == (("faults", 0, "target"), "Did you mean 'weak'?")


def test_gateways_say_where() -> None:
    """A window of a gateway built by hand has its place among all deployments."""
    models = [{"model_name": "a", "model": tg.SimulatedModel("a"), "time_constraints": [("22:00", "25:00")]}]
    with pytest.raises(WindowError) as caught:
        tg.ModelGateway(models)
    assert caught.value.problems[0].place == ("deployments", 0, "time_constraints", 0, "end")
    assert caught.value.field == "end"


def test_losses_say_where(tmp_path: Path) -> None:
    """What an export loses has its place, in the error and in what a lossy export returns."""
    monday = {"start": "22:00", "end": "06:00", "days": ["mon"]}
    config = tg.GatewayConfig(deployments=[WEAK | {"time_constraints": [["01:00", "02:00"], monday]}])
    place = ("deployments", 0, "time_constraints", 1)
    with pytest.raises(ConfigError) as caught:
        config.export("msgflux", tmp_path / "state.json")
    [problem] = caught.value.problems
    assert (problem.place, problem.argument) == (place, ("lossy", True))
    [lost] = config.export("msgflux", tmp_path / "state.json", lossy=True).lost
    assert lost.place == place
    assert lost == "deployments[0] 'weak': time_constraints[1]: days mon: it would apply every day."
