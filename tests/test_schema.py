from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import examples

import timegate as tg
from timegate.core.columns import UNSERVED
from timegate.core.windows import Window
from timegate.errors import ScenarioError
from timegate.formats.schema import config_schema, scenario_schema
from timegate.yaml12 import parse

DATA = Path(__file__).parents[1] / "data"
MODELS: dict[str, Any] = {"config": tg.GatewayConfig, "scenario": tg.Scenario}
SCHEMAS = {"config": config_schema(), "scenario": scenario_schema()}
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in SCHEMAS.items()}
NINE, TEN = "2026-03-02T09:00Z", "2026-03-02T10:00Z"
OUTAGE = {"type": "outage", "target": "weak", "start": NINE, "end": TEN}

configs = strategies.eras.flatmap(strategies.configs)
scenarios = strategies.eras.flatmap(
    lambda era: strategies.configs(era).flatmap(lambda config: strategies.scenarios(config, era, latencies=True))
)


def says(kind: str, data: Any) -> list[str]:
    """Return what a schema has against data."""
    return [error.message for error in VALIDATORS[kind].iter_errors(data)]


def loads(kind: str, data: Any) -> bool:
    try:
        MODELS[kind].model_validate(data)
    except tg.TimegateError:
        return False
    return True


def config(**fields: Any) -> dict[str, Any]:
    return {"deployments": [{"model_name": "weak", "model": "sim/small"} | fields]}


def window(**fields: Any) -> dict[str, Any]:
    return config(available=[{"start": "22:00", "end": "06:00"} | fields])


@pytest.mark.parametrize("kind", SCHEMAS)
def test_is_a_schema_of_draft_2020_12(kind: str) -> None:
    """A schema obeys its own draft, names it, and every reference in it leads somewhere."""
    schema = SCHEMAS[kind]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    references = set(re.findall(r'"\$ref": "(.*?)"', json.dumps(schema)))
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_is_described(kind: str) -> None:
    """Every field of every record says what it means, in one line and without the marks of a docstring."""

    def records(schema: Any) -> Any:
        if isinstance(schema, dict):
            if "properties" in schema:
                yield schema
            schema = list(schema.values())
        if isinstance(schema, list):
            for part in schema:
                yield from records(part)

    found = list(records(SCHEMAS[kind]))
    assert len(found) >= 3
    for record in found:
        assert record["additionalProperties"] is False
        for name, field in record["properties"].items():
            if name == "type":
                assert field == {"const": field["const"], "type": "string"}
                continue
            assert field["description"], name
            assert not re.search(r"``|:class:|\n|---", field["description"])


@pytest.mark.parametrize("kind", SCHEMAS)
def test_examples_and_defaults_are_valid(kind: str) -> None:
    """Whatever a schema offers to editors passes the part that offers it."""
    checked = 0

    def check(schema: Any) -> None:
        nonlocal checked
        if isinstance(schema, dict):
            part = Draft202012Validator(schema | {"$defs": SCHEMAS[kind]["$defs"]})
            for value in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
                part.validate(value)
                checked += 1
            schema = list(schema.values())
        for item in schema if isinstance(schema, list) else []:
            check(item)

    check(SCHEMAS[kind])
    assert checked > 10


@pytest.mark.parametrize(("kind", "name"), [("config", "gateway"), ("scenario", "scenario")])
def test_the_files_in_the_repository_are_current(kind: str, name: str) -> None:
    """The schema files beside the samples are what the package makes; the samples name them and pass them."""
    path = DATA / f"{name}.schema.json"
    expected = json.dumps(SCHEMAS[kind], indent=2, ensure_ascii=False) + "\n"
    assert path.read_text(encoding="utf-8") == expected, f"run: timegate schema --for {kind} --out data/{path.name}"
    assert SCHEMAS[kind]["$id"] == path.name
    sample = (DATA / f"{name}.yaml").read_text(encoding="utf-8")
    assert sample.startswith(f"# yaml-language-server: $schema={path.name}\n")
    assert says(kind, parse(sample)) == []


@examples(200)
@given(configs)
def test_every_config_passes_as_saved(config: tg.GatewayConfig) -> None:
    """Any valid config, as it stands in its file, passes the schema."""
    assert says("config", json.loads(json.dumps(config.to_dict()))) == []


@examples(200)
@given(scenarios)
def test_every_scenario_passes_as_saved(scenario: tg.Scenario) -> None:
    """Any valid scenario, as it stands in its file, passes the schema."""
    assert says("scenario", json.loads(json.dumps(scenario.to_dict()))) == []


@pytest.mark.parametrize(
    "data",
    [
        config(model="a//"),
        config(model="sim/\n"),
        config(model_name="provider"),
        config(description=None),
        config(time_constraints=[["6:5", "24:0"], ["00:00", "00:00"]]),
        window(days=["Mon", "FRIDAY", "sun"]),
        window(days="Mon-friday"),
        window(days=["mon#1", "sun#-5", "tue-thu"], end="Sunday 24:00", months="Nov-feb", days_of_month=-1),
        window(months=["march", "Dec"], days_of_month=[1, -31], holidays="de-by", on_holidays="only"),
        window(holidays=["2026-12-24"], end_included=False),
        window(days=None, since=None, until=None),
        window(since="0001-01-01", until="9999-12-31", except_dates=["2026-12-25", "2026-12-25"]),
        window(tz="Etc/GMT+8", except_dates=[]),
        {"version": 1, "model_type": "x", **config()},
    ],
)
def test_forms_that_load_pass(data: Any) -> None:
    """Every form that the loader reads passes, also those that are never written."""
    assert loads("config", data)
    assert says("config", data) == []


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-02T09:00Z", "2026-03-02 09:00:00.123456+05:30", "20260302T0900Z", "2026-W10-1T09Z",
        " 2026-03-02T09:00Z ", "2026-03-02T09:00:00,5-0330", "2026-03-02\n09:00+00:00:30", "2026-03-02T09:00+01",
    ],
)  # fmt: skip
def test_instants_that_load_pass(at: str) -> None:
    """Every form of an instant that the loader reads passes."""
    data = {"faults": [OUTAGE | {"start": at, "end": "2027-01-01T00:00Z"}]}
    assert loads("scenario", data)
    assert says("scenario", data) == []


INVALID: dict[str, list[Any]] = {
    "config": [
        None,
        [],
        {},
        {"deployments": []},
        {"deployments": None},
        {"deployments": {"weak": 1}},
        {"deployments": ["weak"]},
        {"Deployments": [], **config()},
        {"version": 2, **config()},
        {"version": "1", **config()},
        {"model_type": "", **config()},
        config(time_constraint=[]),
        {"deployments": [{"model_name": "weak"}]},
        {"deployments": [{"model": "sim/small"}]},
        config(model_name=3),
        config(model_name=""),
        config(model_name="provider:x"),
        *(config(model_name=name) for name in UNSERVED),
        config(model="small"),
        config(model="sim/"),
        config(model="/small"),
        config(description=3),
        config(time_constraints="22:00"),
        config(available=None),
        config(available=[["22:00"]]),
        config(available=[["22:00", "06:00", "UTC"]]),
        config(available=[["22:00", "06:00", "07:00"]]),
        config(available=[["24:00", "06:00"]]),
        config(available=["22:00"]),
        config(available=[["22:00", 6]]),
        config(available=[{"start": "22:00"}]),
        config(available=[{"end": "22:00"}]),
        window(start="25:00"),
        window(start="24:00"),
        window(start="12:60"),
        window(start="024:00"),
        window(start="1"),
        window(start=1320),
        window(end="9.30"),
        window(end="24:01"),
        window(end=""),
        window(end=None),
        window(tz=None),
        window(tz=1),
        window(days=5),
        window(days="mon#6"),
        window(months=3),
        window(months="mars"),
        window(days_of_month=0),
        window(days_of_month=[32]),
        window(days_of_month=[]),
        window(holidays=5),
        window(holidays="Germany"),
        window(on_holidays="never"),
        window(end_included="no"),
        window(end="mno 08:00"),
        window(days=[]),
        window(days=["mno"]),
        window(days=[1]),
        window(since="soon"),
        window(since=20260302),
        window(since="20260302"),
        window(since="2026-W10-1"),
        window(until="2026030299"),
        window(except_dates="2026-03-02"),
        window(except_dates=None),
        window(except_dates=["2026-3-2"]),
        window(untill="2026-03-02"),
    ],
    "scenario": [
        None,
        [],
        {"fault": []},
        {"faults": None},
        {"faults": ["weak"]},
        {"faults": [{key: value for key, value in OUTAGE.items() if key != "type"}]},
        {"faults": [{key: value for key, value in OUTAGE.items() if key != "start"}]},
        {"faults": [OUTAGE | {"type": "outtage"}]},
        {"faults": [OUTAGE | {"stat": NINE}]},
        {"faults": [OUTAGE | {"target": ""}]},
        {"faults": [OUTAGE | {"target": 3}]},
        {"faults": [OUTAGE | {"name": ""}]},
        {"faults": [OUTAGE | {"start": "2026-03-02T09:00"}]},
        {"faults": [OUTAGE | {"start": "soon"}]},
        {"faults": [OUTAGE | {"start": 5}]},
        {"faults": [OUTAGE | {"error": "time_out"}]},
        {"faults": [OUTAGE | {"after_s": -1}]},
        {"faults": [OUTAGE | {"after_s": 86_401}]},
        {"faults": [{"type": "error_rate", "target": "weak", "rate": 1.1}]},
        {"faults": [{"type": "error_rate", "target": "weak", "rate": "0.5"}]},
        {"faults": [{"type": "latency", "target": "weak", "median_s": 0}]},
        {"faults": [{"target": "weak", "first_token_s": 1, "tokens_per_s": 1}]},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": "7"},
        {"version": 2},
        {"description": 3},
    ],
}


@pytest.mark.parametrize(("kind", "data"), [(kind, data) for kind, all_data in INVALID.items() for data in all_data])
def test_schema_and_loader_refuse_alike(kind: str, data: Any) -> None:
    """What breaks a rule that a schema can say is refused by both."""
    assert not loads(kind, data)
    assert says(kind, data)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (window(tz="Europe/Berln"), "zones"),
        (window(since="2026-13-45"), "dates"),
        (window(since="2026-03-02", until="2026-03-01"), "until"),
        ({"deployments": config()["deployments"] * 2}, "names"),
    ],
)
def test_what_a_schema_cannot_say_stands_in_its_description(data: Any, word: str) -> None:
    """Where the loader is the stricter one, the description of the schema says so."""
    assert not loads("config", data)
    assert says("config", data) == []
    assert word in SCHEMAS["config"]["description"].partition("Loading checks")[2]


words = st.sampled_from(
    [*Window.__dataclass_fields__, *tg.Deployment.model_fields, "mon", "Sunday", "24:00", "7:5", "UTC", "a/b"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | words
    | st.text(max_size=8)
    | st.just(NINE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed(draw: st.DrawFn, valid: st.SearchStrategy[Any]) -> Any:
    """Draw valid data in which one place holds another value."""
    data = copy.deepcopy(draw(valid).to_dict())
    part, key = data, draw(st.sampled_from(sorted(data)))
    while isinstance(part[key], list | dict) and part[key] and draw(st.integers(0, 4)):
        part = part[key]
        key = draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
    part[key] = draw(values)
    return data


@examples(400)
@given(changed(configs))
@example(window(start="12:00\n"))
def test_a_config_that_loads_passes(data: Any) -> None:
    """The schema of configs is nowhere stricter than the loader."""
    assert not (loads("config", data) and says("config", data))


@examples(400)
@given(changed(scenarios))
def test_a_scenario_that_loads_passes(data: Any) -> None:
    """The schema of scenarios is nowhere stricter than the loader."""
    assert not (loads("scenario", data) and says("scenario", data))


@examples(300)
@given(st.text("0123456789:", min_size=1, max_size=6), st.sampled_from(["start", "end"]))
@example("24:00", "start")
@example("24:0", "end")
def test_times_are_those_of_the_loader(text: str, key: str) -> None:
    """A time passes the schema iff the loader reads it."""
    data = window(**{key: text})
    assert loads("config", data) == (says("config", data) == [])


@examples(300)
@given(st.text("0123W-2", min_size=7, max_size=10) | st.dates().map(str))
def test_dates_that_load_pass(text: str) -> None:
    """A date that the loader reads passes the schema."""
    data = window(since=text)
    assert not (loads("config", data) and says("config", data))


def test_an_export_to_json_passes(tmp_path: Path) -> None:
    """What an export to JSON notes beside the config, an editor that checks by the schema takes."""
    config = tg.GatewayConfig.model_validate({"deployments": [{"model_name": "a", "model": "sim/x"}]})
    config.export("timegate", tmp_path / "gateway.json", now="2026-03-02T00:00Z")
    data = json.loads((tmp_path / "gateway.json").read_text())
    assert "_export" in data
    Draft202012Validator(config_schema()).validate(data)


def test_a_schema_key_is_no_part_of_a_file(tmp_path: Path) -> None:
    """`$schema`, by which editors know how to complete, is accepted by the schema and passed over by the readers."""
    config = {"$schema": "gateway.schema.json", "deployments": [{"model_name": "a", "model": "sim/a"}]}
    scenario = {"$schema": "scenario.schema.json", "faults": []}
    for data, schema, read in (
        (config, config_schema(), tg.GatewayConfig.load),
        (scenario, scenario_schema(), tg.Scenario.load),
    ):
        (tmp_path / "file.json").write_text(json.dumps(data))
        Draft202012Validator(schema).validate(data)
        assert "$schema" not in read(tmp_path / "file.json").to_dict()


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "outage", "target": "a", "start": "2026-03-02"},
        {"type": "outage", "target": "a", "start": "2026-03"},
        {"type": "outage", "target": "a", "start": "2026-03-02T09:00"},
        {"type": "error_rate", "target": "a", "hourly_rates": [0.5] * 23},
        {"type": "error_rate", "target": "a", "hourly_rates": [0.5] * 25},
    ],
)
def test_the_schema_refuses_dates_and_short_lists(wrong: dict[str, Any]) -> None:
    """A date is no instant, and an hour needs a rate; the readers say so, too."""
    assert not Draft202012Validator(scenario_schema()).is_valid({"faults": [wrong]})
    with pytest.raises(ScenarioError):
        tg.Scenario.model_validate({"faults": [wrong]})
