from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.core.columns import ProviderError
from timegate.errors import CALL_ERRORS, ModelCallError, ScenarioError

NINE, TEN = "2026-03-02T09:00Z", "2026-03-02T10:00Z"
OUTAGE = {"type": "outage", "target": "weak", "start": NINE, "end": TEN}
RATE = {"type": "error_rate", "target": "weak", "rate": 0.5}
MICROSECOND = timedelta(microseconds=1)
scenarios = strategies.eras.flatmap(
    lambda era: strategies.configs(era).flatmap(lambda config: strategies.scenarios(config, era, latencies=True))
)


def gateway(*names: str, **windows: list[Any]) -> tg.GatewayConfig:
    """Return a gateway of these deployments, each of a provider of its own, some with windows."""
    return tg.GatewayConfig(
        deployments=[
            {"model_name": name, "model": f"of-{name}/model", "time_constraints": windows.get(name, [])}
            for name in names
        ]
    )


def every_second(size: int = 500, start: str = NINE) -> tg.Trace:
    return tg.Trace(pd.date_range(start, periods=size, freq="1s"))


def luck(run: tg.Replay, name: str) -> pd.Series[Any]:
    """Return what became of the attempts on a deployment, by call."""
    attempts = run.attempts[run.attempts["deployment"] == name]
    return attempts.set_index("call")["outcome"].astype(str)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "Scenario must be a mapping. Got None."),
        ({"fault": []}, "Scenario has the unknown key 'fault'. Did you mean 'faults'?"),
        (
            {"model_type": "chat_completion", "deployments": []},
            "Scenario has the unknown key 'deployments'. That is a key of a config; this must be a scenario.",
        ),
        ({"faults": None}, "faults must be a list. Got None."),
        ({"faults": ["weak"]}, "faults[0] must be a mapping. Got 'weak'."),
        ({"faults": [{"target": "weak"}]}, "faults[0].type is missing."),
        (
            {"faults": [RATE, OUTAGE | {"type": "outtage"}]},
            "faults[1].type must be one of the known ones. Got 'outtage'. Did you mean 'outage'?",
        ),
        ({"faults": [OUTAGE | {"stat": NINE}]}, "faults[0] has the unknown key 'stat'. Did you mean 'start'?"),
        ({"faults": [OUTAGE | {"target": ""}]}, "faults[0].target must have at least 1 character. Got ''."),
        ({"faults": [OUTAGE | {"target": 3}]}, "faults[0].target must be a valid string. Got 3."),
        (
            {"faults": [OUTAGE | {"start": "2026-03-02T09:00"}]},
            "faults[0].start must carry a zone or an offset, as in '2026-03-02T03:10Z'. "
            "Got the naive time '2026-03-02T09:00'.",
        ),
        ({"faults": [OUTAGE | {"end": "soon"}]}, "faults[0].end must be a time like '2026-03-02T03:10Z'. Got 'soon'."),
        (
            {"faults": [OUTAGE | {"end": 5}]},
            "faults[0].end must be an aware datetime or text like '2026-03-02T03:10Z'. Got 5 (int).",
        ),
        (
            {"faults": [OUTAGE | {"end": NINE}]},
            "faults[0].end must lie after start. Got 2026-03-02T09:00:00+00:00 to 2026-03-02T09:00:00+00:00.",
        ),
        (
            {"faults": [RATE | {"start": TEN, "end": NINE}]},
            "faults[0].end must lie after start. Got 2026-03-02T10:00:00+00:00 to 2026-03-02T09:00:00+00:00.",
        ),
        ({"faults": [{"type": "outage", "target": "weak", "end": NINE}]}, "faults[0].start is missing."),
        ({"groups": ["weak"]}, "groups must be a mapping. Got ['weak']."),
        ({"groups": {"eu": []}}, "groups.eu must not be empty. Got []."),
        ({"groups": {"eu": "weak"}}, "groups.eu must be a list. Got 'weak'."),
        (
            {"groups": {"eu": ["weak"]}, "faults": [RATE, OUTAGE | {"target": "group:ue"}]},
            "faults[1].target must be one of the groups. Got 'group:ue'. Did you mean 'group:eu'?",
        ),
        (
            {"faults": [OUTAGE | {"target": "group:eu"}]},
            "faults[0].target must be one of the groups. Got 'group:eu'. There are none.",
        ),
        ({"faults": [RATE | {"rate": -0.1}]}, "faults[0].rate must be greater than or equal to 0. Got -0.1."),
        ({"faults": [RATE | {"rate": 1.1}]}, "faults[0].rate must be less than or equal to 1. Got 1.1."),
        ({"faults": [RATE | {"rate": math.nan}]}, "faults[0].rate must be a finite number. Got nan."),
        ({"faults": [RATE | {"rate": math.inf}]}, "faults[0].rate must be a finite number. Got inf."),
        ({"faults": [RATE | {"rate": "0.5"}]}, "faults[0].rate must be a valid number. Got '0.5'."),
        ({"faults": [RATE | {"rate": True}]}, "faults[0].rate must be a valid number. Got True."),
        ({"faults": [RATE | {"name": ""}]}, "faults[0].name must have at least 1 character. Got ''."),
        ({"seed": -1}, "seed must be greater than or equal to 0. Got -1."),
        ({"seed": 2**64}, "seed must be less than 18446744073709551616. Got 18446744073709551616."),
        ({"seed": True}, "seed must be a valid integer. Got True."),
        ({"seed": "7"}, "seed must be a valid integer. Got '7'."),
        ({"seed": 7.0}, "seed must be a valid integer. Got 7.0."),
        ({"version": 2}, "version must be 1. Got 2."),
        ({"description": 3}, "description must be a valid string. Got 3."),
    ],
)
def test_every_invalid_field_gets_one_clear_error(data: Any, message: str) -> None:
    """One wrong field is one problem: the place, the rule, what was given, and the nearest good name."""
    with pytest.raises(ScenarioError) as caught:
        tg.Scenario.model_validate(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"Faults": []}, "Scenario has the unknown key 'Faults'. Did you mean 'faults'?"),
        ({"faults": [OUTAGE | {"type": "x" * 5000}]}, "faults[0].type must be one of the known ones. Got 'xxx"),
        (
            {"faults": [OUTAGE | {"type": "two\nlines"}]},
            "faults[0].type must be one of the known ones. Got 'two\\nlines'.",
        ),
        ({"faults": [OUTAGE | {"target": "\ud800"}]}, "faults[0].target must be a valid string"),
        ({"faults": [OUTAGE | {"name": "x" * 5000}] * 2}, "faults must have unique names: name 'xxx"),
        ({"faults": [RATE | {"rate": 10**5000}]}, "faults[0].rate must be "),
        ({"groups": {"two\nlines": []}}, "groups.'two\\nlines' must not be empty."),
        ({"groups": {"x" * 5000: 1}}, "groups.'xxx"),
        ({"seed": 10**5000}, "seed must be less than 18446744073709551616. Got a number of thousands of digits."),
    ],
)
def test_errors_stay_short_and_in_one_line(data: Any, message: str) -> None:
    """However long or odd a name, key or value is, the error is a short printable line that still says where."""
    with pytest.raises(ScenarioError) as caught:
        tg.Scenario.model_validate(data)
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_unquoted_instants_of_a_file_keep_their_offset(tmp_path: Path) -> None:
    """An unquoted time of a YAML file is the instant that it says, with its offset."""
    path = tmp_path / "scenario.yaml"
    path.write_text(
        "faults:\n- {type: outage, target: weak, start: 2026-03-02T09:00:00+05:30, end: 2026-03-02T09:00:00Z}\n"
    )
    [outage] = tg.Scenario.load(path).faults
    assert (outage.end - outage.start) == timedelta(hours=5, minutes=30)
    assert outage.end == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_names_of_many_faults_are_numbered() -> None:
    """Ten thousand faults of one kind and target have names in order."""
    names = tg.Scenario(faults=[RATE] * 10_000).fault_names
    assert names[:3] == ("error_rate:weak", "error_rate:weak#2", "error_rate:weak#3")
    assert names[-1] == "error_rate:weak#10000"


@pytest.mark.parametrize(
    "kind", [10**5000, [10**5000], {"a": 10**5000}, 5, None], ids=["huge", "list", "dict", "int", "none"]
)
def test_a_type_that_is_no_text_is_named(kind: Any) -> None:
    """Whatever stands in place of a type is one problem, and nothing is printed beside it."""
    with pytest.raises(ScenarioError, match=r"^faults\[0\]\.type must be one of the known ones\. Got ") as caught:
        tg.Scenario.model_validate({"faults": [{"type": kind, "target": "weak"}]})
    assert len(str(caught.value)) < 300


def test_a_fault_alone_names_its_field() -> None:
    """A fault that is built by itself gives the same errors, without a place in a list."""
    with pytest.raises(ScenarioError, match=r"^end must lie after start\. Got"):
        tg.Outage(target="weak", start=TEN, end=NINE)
    with pytest.raises(ScenarioError, match=r"^rate must be less than or equal to 1\. Got 2\."):
        tg.ErrorRate(target="weak", rate=2.0)


def test_a_mistyped_kind_of_error_gets_a_hint() -> None:
    """An unknown kind of error is an error that names the field and the nearest kind."""
    with pytest.raises(ScenarioError, match=r"^faults\[0\]\.error must be .*Got 'time_out'.*Did you mean 'timeout'\?"):
        tg.Scenario(faults=[RATE | {"error": "time_out"}])


def test_names_of_faults_are_unique() -> None:
    """A name given twice is an error; names that are not given are numbered past those that are."""
    with pytest.raises(ScenarioError, match="name 'x' is given twice"):
        tg.Scenario(faults=[RATE | {"name": "x"}, OUTAGE | {"name": "x"}])
    assert tg.Scenario(faults=[RATE, RATE, RATE | {"name": "error_rate:weak#3"}, OUTAGE]).fault_names == (
        "error_rate:weak", "error_rate:weak#2", "error_rate:weak#3", "outage:weak"
    )  # fmt: skip


@examples(50)
@given(scenarios)
def test_names_of_streams_never_collide(scenario: tg.Scenario) -> None:
    """Every fault of a scenario has a stream of its own."""
    assert len(set(scenario.fault_names)) == len(scenario.faults)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("wek", "Did you mean 'weak'?"),
        ("provider:of-wek", "Did you mean 'provider:of-weak'?"),
        ("zzz", "Known: 'strong', 'weak', 'provider:of-strong', 'provider:of-weak'."),
    ],
)
@pytest.mark.parametrize("engine", ["auto", "stepped", "travel"])
def test_a_target_that_is_not_there_gets_a_hint(target: str, hint: str, engine: Any) -> None:
    """A fault on an unknown deployment or provider is an error with the nearest one, whatever the engine."""
    scenario = tg.Scenario(faults=[RATE, OUTAGE | {"target": target}])
    with pytest.raises(ScenarioError) as caught:
        tg.replay(gateway("strong", "weak"), every_second(1), scenario, engine=engine)
    assert str(caught.value) == (
        f"faults[1] (outage): target {target!r} is not a deployment or provider of this router. {hint}"
    )


@pytest.mark.parametrize("name", ["bad.yaml", "bad.json"])
@examples(50)
@given(scenario=scenarios, description=st.none() | st.text(st.characters(exclude_categories=["Cs"])))
def test_saving_and_loading_gives_an_equal_scenario(
    tmp_path_factory: pytest.TempPathFactory, name: str, scenario: tg.Scenario, description: str | None
) -> None:
    """Any scenario equals itself after a round trip through YAML, JSON or a dict; its hash and streams too."""
    scenario = tg.Scenario.model_validate(scenario.to_dict() | {"description": description})
    path = tmp_path_factory.mktemp("saved") / name
    scenario.save(path)
    for copy in (tg.Scenario.load(path), tg.Scenario.model_validate(json.loads(json.dumps(scenario.to_dict())))):
        assert copy == scenario
        assert copy.fingerprint == scenario.fingerprint
        assert copy.fault_names == scenario.fault_names


@examples(50)
@given(scenarios)
def test_readers_of_yaml_1_1_get_the_same_data(tmp_path_factory: pytest.TempPathFactory, scenario: tg.Scenario) -> None:
    """PyYAML reads a saved file as the same plain data: instants stay text."""
    path = tmp_path_factory.mktemp("saved") / "bad.yaml"
    scenario.save(path)
    assert pytest.importorskip("yaml").safe_load(path.read_text(encoding="utf-8")) == scenario.to_dict()


def test_unquoted_instants_are_read(tmp_path: Path) -> None:
    """YAML's own timestamps, with Z or an offset, are the same instants as quoted ones; a naive one is an error."""
    path = tmp_path / "bad.yaml"
    text = "faults: [{type: outage, target: weak, start: 2026-03-02T09:00:00Z, end: 2026-03-02T11:00:00+01:00}]"
    path.write_text(text)
    assert tg.Scenario.load(path) == tg.Scenario(faults=[OUTAGE])
    path.write_text(text.replace("Z", ""))
    with pytest.raises(ScenarioError, match=r"bad\.yaml: faults\[0\]\.start must carry a zone"):
        tg.Scenario.load(path)


def test_files_with_errors_are_named(tmp_path: Path) -> None:
    """Each error of a file begins with its path; a file that is not there gets its neighbour."""
    (tmp_path / "bad.yaml").write_text("[]")
    with pytest.raises(ScenarioError, match=r"bad\.yaml: must hold a mapping with `faults`\. Got a list\.$"):
        tg.Scenario.load(tmp_path / "bad.yaml")
    with pytest.raises(ScenarioError, match=r"Did you mean 'bad\.yaml'\?$"):
        tg.Scenario.load(tmp_path / "bda.yaml")


def test_the_fingerprint_is_of_the_content() -> None:
    """Equal scenarios hash alike; a change of the seed, a fault or the order changes the hash."""
    same = [tg.Scenario(faults=[OUTAGE, RATE], seed=1), tg.Scenario(faults=(tg.Outage(**OUTAGE), RATE), seed=1)]
    others = [
        tg.Scenario(faults=[OUTAGE, RATE]),
        tg.Scenario(faults=[RATE, OUTAGE], seed=1),
        tg.Scenario(faults=[OUTAGE], seed=1),
        tg.Scenario(faults=[OUTAGE | {"error": "timeout"}, RATE], seed=1),
        tg.Scenario(faults=[OUTAGE, RATE | {"rate": 0.25}], seed=1),
        tg.Scenario(faults=[OUTAGE, RATE | {"name": "x"}], seed=1),
    ]
    assert same[0].fingerprint == same[1].fingerprint
    assert len({same[0].fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)


@pytest.mark.parametrize("engine", ["auto", "stepped", "travel"])
@pytest.mark.parametrize("kind", ["outage", "error_rate"])
def test_a_fault_holds_from_its_start_up_to_its_end(kind: str, engine: Any) -> None:
    """The start is included and the end is not, to the microsecond."""
    start, end = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, tzinfo=UTC)
    fault = {"type": kind, "target": "weak", "start": start, "end": end} | ({"rate": 1.0} if "rate" in kind else {})
    at = [start - MICROSECOND, start, start + MICROSECOND, end - MICROSECOND, end, end + MICROSECOND]
    run = tg.replay(gateway("weak"), tg.Trace(at), tg.Scenario(faults=[fault]), engine=engine)
    assert run.calls["served_by"].isna().tolist() == [False, True, True, True, False, False]


def test_an_outage_of_a_microsecond_hits_one_instant() -> None:
    """The shortest outage fails the calls of one microsecond."""
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    scenario = tg.Scenario(faults=[tg.Outage(target="weak", start=start, end=start + MICROSECOND)])
    run = tg.replay(gateway("weak"), tg.Trace([start - MICROSECOND, start, start, start + MICROSECOND]), scenario)
    assert run.calls["outcome"].tolist() == ["first_choice", "failed", "failed", "first_choice"]


def test_a_provider_is_hit_in_all_its_deployments() -> None:
    """A fault on a provider fails each of its deployments, and none of another's."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": name, "model": f"{provider}/model"}
            for name, provider in (("a", "openai"), ("b", "acme"), ("c", "openai"))
        ]
    )
    trace = tg.Trace(pd.DataFrame({"at": [NINE] * 3, "model_preference": ["a", "b", "c"]}))
    run = tg.replay(config, trace, tg.Scenario(faults=[OUTAGE | {"target": "provider:openai"}]))
    assert run.calls["served_by"].tolist() == ["b"] * 3
    assert run.attempts["deployment"].tolist() == ["a", "b", "b", "c", "a", "b"]
    assert run.outages()["deployment"].tolist() == ["a", "c"]


def test_error_rates_on_a_provider_draw_for_each_deployment() -> None:
    """Under one error rate, the deployments of a provider fail independently of each other."""
    config = tg.GatewayConfig(deployments=[{"model_name": name, "model": "acme/model"} for name in ("a", "b")])
    run = tg.replay(config, every_second(2000), tg.Scenario(faults=[RATE | {"target": "provider:acme"}], seed=3))
    assert abs((run.calls["outcome"] == "failed").mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 2000)


def test_the_first_fault_names_the_error() -> None:
    """Of several faults that make an attempt fail, the first of the list gives the kind of error."""
    faults = [OUTAGE | {"error": "timeout"}, RATE | {"rate": 1.0, "error": "auth"}, OUTAGE | {"error": "connection"}]
    for order in (faults, faults[::-1], faults[1:]):
        run = tg.replay(gateway("weak"), every_second(2), tg.Scenario(faults=order))
        assert run.attempts["outcome"].tolist() == [order[0]["error"]] * 2


def test_adding_a_deployment_changes_nobody_elses_luck() -> None:
    """With another deployment before or behind it, each deployment fails the same calls as before."""
    scenario = tg.Scenario(faults=[RATE, RATE | {"target": "strong"}], seed=5)
    few = tg.replay(gateway("weak", "strong"), every_second(), scenario)
    down = OUTAGE | {"target": "new"}
    many = tg.replay(
        gateway("new", "weak", "strong"), every_second(), tg.Scenario(faults=[down, *scenario.faults], seed=5)
    )
    for name in ("weak", "strong"):
        assert set(luck(few, name)) == {"ok", "server_error"}
        pd.testing.assert_series_equal(luck(few, name), luck(many, name))


def test_two_schedules_face_the_same_luck() -> None:
    """Calls that try a deployment under both schedules fare alike there, though their attempts differ in number."""
    scenario = tg.Scenario(faults=[RATE, RATE | {"target": "strong"}], seed=5)
    names = ("strong", "weak")
    all_day, half = (
        tg.replay(gateway(*names, **windows), every_second(), scenario)
        for windows in ({}, {"strong": [["09:00", "09:04"]]})
    )
    both = luck(all_day, "weak").index.intersection(luck(half, "weak").index)
    assert 50 < len(both) < len(luck(half, "weak"))
    pd.testing.assert_series_equal(luck(all_day, "weak")[both], luck(half, "weak")[both])


def test_luck_depends_on_the_number_of_the_call_alone() -> None:
    """The first calls of a trace, at other times or cut off, draw the same; another seed draws otherwise."""
    scenario = tg.Scenario(faults=[RATE], seed=5)
    whole = luck(tg.replay(gateway("weak"), every_second(500), scenario), "weak")
    later = luck(tg.replay(gateway("weak"), every_second(500, "2027-07-07T07:07Z"), scenario), "weak")
    head = luck(tg.replay(gateway("weak"), every_second(200), scenario), "weak")
    other = luck(tg.replay(gateway("weak"), every_second(500), tg.Scenario(faults=[RATE], seed=6)), "weak")
    pd.testing.assert_series_equal(whole, later)
    pd.testing.assert_series_equal(whole[:200], head)
    assert not whole.equals(other)


def test_named_faults_keep_their_luck() -> None:
    """A fault with a name draws the same when others of its kind come before it; one without is numbered anew."""
    named = RATE | {"name": "mine", "error": "auth"}
    first = RATE | {"rate": 0.1}
    alone = luck(tg.replay(gateway("weak"), every_second(), tg.Scenario(faults=[named])), "weak")
    behind = luck(tg.replay(gateway("weak"), every_second(), tg.Scenario(faults=[first, named])), "weak")
    kept = behind != "server_error"  # where the first fault does not name the error
    assert kept.sum() < len(kept)
    assert (alone[kept] == behind[kept]).all()


def test_an_error_rate_outside_its_hours_does_nothing() -> None:
    """A rate with a start and an end acts between them alone."""
    scenario = tg.Scenario(faults=[RATE | {"rate": 1.0, "start": NINE, "end": "2026-03-02T09:01Z"}])
    run = tg.replay(gateway("weak"), every_second(180, "2026-03-02T08:59Z"), scenario)
    failed = run.calls["outcome"] == "failed"
    assert failed.tolist() == [False] * 60 + [True] * 60 + [False] * 60


@pytest.mark.parametrize("kind", get_args(ProviderError))
def test_models_raise_what_the_scenario_says(kind: str) -> None:
    """A scenario's model raises the exception of the kind, or answers with its provider and name."""
    scenario = tg.Scenario(faults=[RATE | {"rate": 1.0, "error": kind}])
    with pytest.raises(CALL_ERRORS[kind], match=f"injected {kind}") as caught:
        scenario.model("weak")(messages="Hello")
    assert isinstance(caught.value, ModelCallError)
    assert scenario.model("strong", "openai")(messages="Hello").consume() == "openai/strong"


def test_models_outside_a_replay_count_their_calls() -> None:
    """Called by hand, a model's first call draws as call 0 of a replay, and so on."""
    scenario = tg.Scenario(faults=[RATE], seed=5)
    model = scenario.model("weak")

    def fate() -> str:
        try:
            model()
        except ModelCallError as error:
            return error.kind
        return "ok"

    expected = luck(tg.replay(gateway("weak"), every_second(50), scenario), "weak")
    assert [fate() for _ in range(50)] == expected.tolist()


def test_a_part_of_a_router_leaves_other_faults_out() -> None:
    """Strict, a fault of others is an error; otherwise it is left out, and so is what a slowdown needs."""
    brownout = {"type": "brownout", "target": "weak", "start": NINE, "end": TEN, "slowdown": 2.0}
    scenario = tg.Scenario.model_validate({"faults": [brownout, RATE | {"target": "strong"}]})
    deployments = gateway("weak").router().deployments
    with pytest.raises(ScenarioError, match=r"^faults\[1\] \(error_rate\): target 'strong' is not a deployment"):
        scenario.injector(deployments)
    injector = scenario.injector(deployments, strict=False)
    assert [fault.type for fault in injector.faults[0]] == ["brownout"]


def test_a_scenario_without_some_targets() -> None:
    """Their faults go, they leave their groups, and a group goes with its last; the luck of the others stays."""
    targets = ("strong", "weak", "provider:of-strong", "group:both", "group:one")
    scenario = tg.Scenario.model_validate(
        {
            "faults": [RATE | {"target": target} for target in targets],
            "groups": {"both": ["strong", "weak"], "one": ["strong"]},
        }
    )
    left = scenario.without({"strong", "provider:of-strong"})
    assert left.groups == {"both": ("weak",)}
    assert left.fault_names == ("error_rate:weak", "error_rate:group:both")
    assert scenario.without(()) == scenario
    before = scenario.injector(gateway("strong", "weak").router().deployments)
    assert left.injector(gateway("weak").router().deployments).rules[0] == before.rules[1] != ()


def test_a_scenario_shows_itself_in_a_glance() -> None:
    """The repr is a line; the text a line a fault; HTML a table, escaped, cut where it is long."""
    outage = tg.Outage(target="<i>", start="2026-03-02T09:00Z", after_s=3)
    scenario = tg.Scenario(faults=[outage, tg.ErrorRate(target="b", rate=0.5)], seed=7, description="a bad <u>day")
    assert repr(scenario) == "<Scenario of 2 faults, seed 7: a bad <u>day>"
    assert str(scenario).splitlines() == ["Scenario of 2 faults, seed 7: a bad <u>day", *map(repr, scenario.faults)]
    html = scenario._repr_html_()
    assert not {"<i>", "<u>"} & set(re.findall("<[^>]*>", html))
    assert html.count("<tr>") == 3
    for text in ("outage", "&lt;i&gt;", "start 2026-03-02T09:00:00Z, after s 3.0", "error rate", "rate 0.5"):
        assert text in html
    assert tg.Scenario()._repr_html_() == "<p><b>Scenario of 0 faults, seed 0</b></p>"
    many = tg.Scenario(faults=[outage] * 300)
    assert str(many).endswith("and 280 more")
    assert many._repr_html_().count("<tr>") == 21
    assert "<p>and 280 more.</p>" in many._repr_html_()


@given(st.data())
def test_faults_evaluate_to_themselves(data: st.DataObject) -> None:
    """The repr of a fault has what differs from the defaults, instants as text, and makes the same fault."""
    era = data.draw(st.sampled_from(strategies.ERAS))
    scenario = data.draw(strategies.scenarios(data.draw(strategies.configs(era)), era, latencies=True))
    for fault in scenario.faults:
        assert eval(repr(fault), vars(tg.faults).copy()) == fault  # noqa: S307 - our own repr
        assert str(fault) == repr(fault)
        assert "None" not in repr(fault)
