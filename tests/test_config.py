from __future__ import annotations

import datetime
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.errors import ConfigError, InstantError, ScenarioError

WEAK = {"model_name": "weak", "model": "sim/small"}
configs = strategies.eras.flatmap(strategies.configs)


def deployment(**fields: Any) -> dict[str, Any]:
    return {"deployments": [WEAK | fields]}


def window(**fields: Any) -> dict[str, Any]:
    return deployment(available=[["00:00", "24:00"], {"start": "22:00", "end": "06:00"} | fields])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "GatewayConfig must be a mapping. Got None."),
        ("gateway.yaml", "GatewayConfig must be a mapping. Got 'gateway.yaml'."),
        ({}, "deployments is missing."),
        ({"deployments": None}, "deployments must be a list. Got None."),
        ({"deployments": {"weak": 1}}, "deployments must be a list. Got {'weak': ...}."),
        ({"deployments": ["weak"]}, "deployments[0] must be a mapping. Got 'weak'."),
        ({"deployment": []}, "GatewayConfig has the unknown key 'deployment'. Did you mean 'deployments'?"),
        (
            {"description": "bad", "seed": 7, "faults": []},
            "GatewayConfig has the unknown key 'faults'. That is a key of a scenario; this must be a config.",
        ),
        (
            {"version": 2, **deployment()},
            "version must be 1. Got 2.",
        ),
        ({"model_type": "", **deployment()}, "model_type must have at least 1 character. Got ''."),
        (
            deployment(time_constraint=[]),
            "deployments[0] 'weak' has the unknown key 'time_constraint'. Did you mean 'time_constraints'?",
        ),
        ({"deployments": [{"model_name": "weak"}]}, "deployments[0] 'weak': model is missing."),
        ({"deployments": [{"model": "sim/small"}]}, "deployments[0].model_name is missing."),
        (deployment(model_name=3), "deployments[0].model_name must be a valid string. Got 3."),
        (deployment(model_name=""), "deployments[0] '': model_name must have at least 1 character. Got ''."),
        (
            deployment(model_name="provider:x"),
            "deployments[0] 'provider:x': model_name must not begin with 'provider:', which names a target of "
            "faults. Got 'provider:x'.",
        ),
        (deployment(model="small"), "deployments[0] 'weak': model must look like 'provider/model-id'. Got 'small'."),
        (deployment(model="sim/"), "deployments[0] 'weak': model must look like 'provider/model-id'. Got 'sim/'."),
        (deployment(description=3), "deployments[0] 'weak': description must be a valid string. Got 3."),
        (
            deployment(time_constraints="22:00"),
            "deployments[0] 'weak': time_constraints must be a list of windows. Got '22:00'.",
        ),
        (
            deployment(time_constraints=[["22:00", "06:00", "UTC"]]),
            "deployments[0] 'weak': time_constraints[0] must be a tuple/list of two strings (start, end), or a "
            "mapping. Got ['22:00', '06:00', 'UTC'].",
        ),
        (window(start="25:00"), "deployments[0] 'weak': available[1].start must look like 'HH:MM'. Got '25:00'."),
        (window(end="9.30"), "deployments[0] 'weak': available[1].end must look like 'HH:MM'. Got '9.30'."),
        (window(end=""), "deployments[0] 'weak': available[1].end must look like 'HH:MM'. Got ''."),
        (
            window(start="24:00"),
            "deployments[0] 'weak': available[1].start must not be '24:00', which is an end only: use '00:00'.",
        ),
        (
            window(start=1320),
            "deployments[0] 'weak': available[1].start must be a string: start and end must be strings like "
            "'22:00'. Got 1320 (int). YAML 1.1 readers turn an unquoted 22:00 into a number: quote it.",
        ),
        (
            window(tz="Europe/Berln"),
            "deployments[0] 'weak': available[1].tz must be an IANA zone. Got 'Europe/Berln'. "
            "Did you mean 'Europe/Berlin'?",
        ),
        (
            window(days=["mno"]),
            "deployments[0] 'weak': available[1].days must be weekdays. Got 'mno'. Did you mean 'mon'?",
        ),
        (
            window(since="2026-13-01"),
            "deployments[0] 'weak': available[1].since must be a local date like '2026-03-02'. Got '2026-13-01'.",
        ),
        (
            window(since="2026-03-02", until="2026-03-01"),
            "deployments[0] 'weak': available[1].until must not lie before since. "
            "Got since 2026-03-02, until 2026-03-01.",
        ),
        (
            window(except_dates="2026-03-02"),
            "deployments[0] 'weak': available[1].except_dates must be a list of dates like ['2026-12-25']. "
            "Got '2026-03-02'.",
        ),
        (
            window(untill="2026-03-02"),
            "deployments[0] 'weak': available[1].untill is not a field of a window. Did you mean 'until'?",
        ),
        (
            deployment(available=[{"start": "22:00"}]),
            "deployments[0] 'weak': available[0].end is missing: a window needs start and end.",
        ),
    ],
)
def test_every_invalid_field_gets_one_clear_error(data: Any, message: str) -> None:
    """One wrong field is one problem: the place, the rule, what was given, and the nearest good name."""
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate(data)
    assert str(caught.value) == message


def test_a_gateway_needs_a_deployment() -> None:
    """An empty list of deployments is an error that names the field."""
    with pytest.raises(ConfigError, match=r"^deployments must .* Got \[\]\.$"):
        tg.GatewayConfig(deployments=[])


@pytest.mark.parametrize("version", [True, 1.0, "1"])
def test_the_version_is_a_number(version: object) -> None:
    """A version that merely equals 1 is not one."""
    with pytest.raises(ConfigError, match=r"^version must be 1\. Got"):
        tg.GatewayConfig.model_validate({"version": version, **deployment()})


def test_names_are_unique() -> None:
    """A name given twice is an error that names both places."""
    with pytest.raises(ConfigError, match=r"deployments\[2\].* Duplicate model name found: 'weak'.*deployments\[0\]"):
        tg.GatewayConfig(deployments=[WEAK, WEAK | {"model_name": "b"}, WEAK])


def test_all_problems_are_listed() -> None:
    """Several wrong fields are all in ``problems``."""
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate(
            {"version": 2, "deployments": [WEAK | {"model": "x"}, WEAK | {"available": [["1:00", "25:00"]]}]}
        )
    assert caught.value.problems == (
        "version must be 1. Got 2.",
        "deployments[0] 'weak': model must look like 'provider/model-id'. Got 'x'.",
        "deployments[1] 'weak': available[0].end must look like 'HH:MM'. Got '25:00'.",
    )


def test_forms_of_a_window_are_equal() -> None:
    """The pair, the tuple, the mapping and the Window say the same."""
    forms = [["22:00", "06:00"], ("22:00", "6:00"), {"start": "22:00", "end": "06:00"}, tg.Window("22:00", "06:00")]
    found = [tg.GatewayConfig.model_validate(deployment(time_constraints=[form])) for form in forms]
    assert found == [found[0]] * 4


@pytest.mark.parametrize("name", ["gateway.yaml", "gateway.json"])
@examples(50)
@given(config=configs, description=st.none() | st.text(st.characters(exclude_categories=["Cs"])))
def test_saving_and_loading_gives_an_equal_config(
    tmp_path_factory: pytest.TempPathFactory, name: str, config: tg.GatewayConfig, description: str | None
) -> None:
    """Any config equals itself after a round trip, through YAML, JSON, a dict and a pickle; its hash too."""
    data = config.to_dict()
    data["deployments"][0]["description"] = description
    config = tg.GatewayConfig.model_validate(data)
    path = tmp_path_factory.mktemp("saved") / name
    config.save(path)
    copies = [
        tg.GatewayConfig.load(path),
        tg.GatewayConfig.model_validate(json.loads(json.dumps(config.to_dict()))),
        pickle.loads(pickle.dumps(config)),  # noqa: S301 - our own
    ]
    assert copies == [config] * 3
    assert {copy.router().fingerprint for copy in copies} == {config.router().fingerprint}


@examples(50)
@given(config=configs)
def test_readers_of_yaml_1_1_get_the_same_data(
    tmp_path_factory: pytest.TempPathFactory, config: tg.GatewayConfig
) -> None:
    """PyYAML reads a saved file as the same plain data: no time or date becomes a number or a date."""
    yaml = pytest.importorskip("yaml")
    path = tmp_path_factory.mktemp("saved") / "gateway.yaml"
    config.save(path)
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == config.to_dict()
    for window in (w for d in config.deployments for w in (*d.time_constraints, *d.available)):
        assert f'"{window.start}"' in text


def test_saving_reads_as_one_would_write(tmp_path: Path) -> None:
    """A saved file is short: defaults are left out, a window is a pair where that says all."""
    tg.GatewayConfig(
        deployments=[
            {
                "model_name": "weak",
                "model": "sim/small",
                "time_constraints": [["22:00", "06:00"], {"start": "1:00", "end": "24:00", "days": ["monday"]}],
            }
        ]
    ).save(tmp_path / "gateway.yaml")
    assert (tmp_path / "gateway.yaml").read_text() == (
        "version: 1\n"
        "deployments:\n"
        "- model_name: weak\n"
        "  model: sim/small\n"
        "  time_constraints:\n"
        '  - ["22:00", "06:00"]\n'
        '  - start: "01:00"\n'
        '    end: "24:00"\n'
        "    days: [mon]\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- weak\n", "must hold a mapping with `deployments`. Got a list."),
        ("weak\n", "must hold a mapping with `deployments`. Got a str."),
        (
            "deployments: []\nmodel_tipe: x\n",
            "GatewayConfig has the unknown key 'model_tipe'. Did you mean 'model_type'?",
        ),
        ("deployments: [{model_name: a}]\n", "deployments[0] 'a': model is missing."),
        ("deployments: [[[[[]]]]]\n", "deployments[0] must be a mapping. Got [[["),
    ],
)
def test_errors_in_files_begin_with_the_path(tmp_path: Path, text: str, message: str) -> None:
    """What is wrong in a file begins with its path, then the place inside."""
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.load(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"Deployments": [WEAK]}, "GatewayConfig has the unknown key 'Deployments'. Did you mean 'deployments'?"),
        (
            {"DEPLOYMENTS": [], **deployment()},
            "GatewayConfig has the unknown key 'DEPLOYMENTS'. Did you mean 'deployments'?",
        ),
        (
            {"deployments": [{"Model_Name": "weak", "model": "sim/small"}]},
            "deployments[0] has the unknown key 'Model_Name'. Did you mean 'model_name'?",
        ),
        (
            window(End="06:00"),
            "deployments[0] 'weak': available[1].End is not a field of a window. Did you mean 'end'?",
        ),
    ],
)
def test_keys_that_differ_in_case_get_a_hint(data: Any, message: str) -> None:
    """A key in another case is no key, and the error names the right one."""
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (deployment(model_name="\ud800"), "deployments[0] '\\ud800': model_name must be a valid string"),
        (
            deployment(description="\udfff"),
            "deployments[0] 'weak': description must be text that a file can hold. Got '\\udfff'.",
        ),
        (deployment(model="sim/\ud800"), "deployments[0] 'weak': model must be text that a file can hold."),
        (window(tz="\ud800"), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got '\\ud800'."),
        (window(tz="a\0b"), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got 'a\\x00b'."),
        (window(tz=""), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got ''."),
        (window(tz="../UTC"), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got '../UTC'."),
        (window(tz="Europe"), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got 'Europe'."),
        (window(tz="x" * 5000), "deployments[0] 'weak': available[1].tz must be an IANA zone. Got 'xxx"),
        (
            window(since="2026030299"),
            "deployments[0] 'weak': available[1].since must be a local date like '2026-03-02'.",
        ),
        (
            window(since="2026-W10-1"),
            "deployments[0] 'weak': available[1].since must be a local date like '2026-03-02'.",
        ),
        (window(**{"two\nlines": 1}), "deployments[0] 'weak': available[1].'two\\nlines' is not a field of a window."),
        (window(**{"x" * 5000: 1}), "deployments[0] 'weak': available[1].'xxxxx"),
        ({"x" * 5000: 1}, "GatewayConfig has the unknown key 'xxx"),
        ({"two\nlines": 1}, "GatewayConfig has the unknown key 'two\\nlines'."),
        ({10**5000: 1}, "GatewayConfig has the unknown key a number of thousands of digits."),
        ({"version": 10**5000, **deployment()}, "version must be 1. Got a number of thousands of digits."),
        ({"version": -(10**30), **deployment()}, f"version must be 1. Got -{10**30}."),
        (deployment(model_name="x" * 5000, model="y"), "deployments[0] 'xxx"),
        ({"deployments": [WEAK | {"model_name": "x" * 5000}] * 2}, "deployments[1].model_name must be unique."),
        (window(days=[[["mon"] * 9] * 9] * 9), "deployments[0] 'weak': available[1].days must be weekdays. Got ["),
    ],
)
def test_errors_stay_short_and_in_one_line(data: Any, message: str) -> None:
    """However long or odd a name, key or value is, the error is a short printable line that still says where."""
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate(data)
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "name", ["a\tb", "a\nb", "\x00", "\x85\u2028", "\u202e", "\U0001f600", " ", "null", "22:00", "x" * 5000]
)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_odd_names_survive_a_file(tmp_path: Path, name: str, suffix: str) -> None:
    """Control characters, line breaks of every kind and words of YAML in a name come back as they were."""
    config = tg.GatewayConfig.model_validate(deployment(model_name=name, description=name, model=f"sim/{name}"))
    config.save(tmp_path / f"x.{suffix}")
    assert tg.GatewayConfig.load(tmp_path / f"x.{suffix}") == config


def test_a_config_is_saved_in_a_form_that_it_is_read_from(tmp_path: Path) -> None:
    """Another ending than those of YAML and JSON is refused by configs and by scenarios, as their own errors."""
    with pytest.raises(ConfigError, match=r"path must end in \.yaml, \.yml or \.json"):
        tg.GatewayConfig(deployments=[WEAK]).save(tmp_path / "x.toml")
    with pytest.raises(ScenarioError, match=r"path must end in \.yaml, \.yml or \.json"):
        tg.Scenario().save(tmp_path / "x.toml")


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_ten_thousand_windows_survive_a_file(tmp_path: Path, suffix: str) -> None:
    """A config of ten thousand windows with zones, days and dates is within the limits of a file."""
    some = [
        tg.Window(
            f"{i % 24:02}:{i % 60:02}",
            "24:00",
            "Europe/Berlin",
            ["mon", "tue", "wed", "thu", "fri"],
            since="2026-03-02",
        )
        for i in range(10_000)
    ]
    config = tg.GatewayConfig(deployments=[WEAK | {"available": some}])
    config.save(tmp_path / f"x.{suffix}")
    assert tg.GatewayConfig.load(tmp_path / f"x.{suffix}") == config


def test_dates_and_times_need_no_quotes(tmp_path: Path) -> None:
    """A file may leave times and dates unquoted: YAML 1.2 has them for text. Merged mappings are one mapping."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "deployments:\n"
        "- &base\n  model_name: weak\n  model: sim/small\n  description: 2026-03-02\n"
        "  available: [{start: 22:00, end: 6:00, since: 2026-03-02, except_dates: [2026-12-25]}, [10:00, 24:00]]\n"
        "- {<<: *base, model_name: strong}\n"
    )
    some = [tg.Window("22:00", "06:00", since="2026-03-02", except_dates=["2026-12-25"]), tg.Window("10:00", "24:00")]
    weak = WEAK | {"description": "2026-03-02", "available": some}
    assert tg.GatewayConfig.load(path) == tg.GatewayConfig(deployments=[weak, weak | {"model_name": "strong"}])


def test_an_anchor_bomb_stays_short(tmp_path: Path) -> None:
    """A few lines of YAML that unfold to 10,000 words give messages of readable length."""
    lines = ["    - &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"    - &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 4)]
    path = tmp_path / "gateway.yaml"
    path.write_text("\n".join(["deployments:", "  - model_name: a", "    model: sim/a", "    available:", *lines]))
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.load(path)
    assert max(map(len, caught.value.problems)) < 500


def test_build_gives_the_gateway_of_the_config() -> None:
    """Names, order, providers and windows are those of the config, and it answers."""
    config = tg.GatewayConfig(
        deployments=[
            WEAK | {"time_constraints": [["22:00", "06:00"]]},
            {"model_name": "b", "model": "sim/b", "available": [["08:00", "09:00"]]},
            {"model_name": "c", "model": "sim/always"},
        ]
    )
    gateway = config.build()
    assert gateway.model_names == ["weak", "b", "c"]
    assert gateway.router.fingerprint == config.router().fingerprint
    assert gateway(model_preference="c").consume() == "sim/always"


def test_who_observes_a_gateway_that_is_built_hears_of_its_calls() -> None:
    """Observers are given to build as to a gateway that is made by hand, stay when it is reloaded, and are checked."""
    config, records = tg.GatewayConfig(deployments=[WEAK]), []
    gateway = config.build(observers=[records.append])
    gateway()
    gateway.reload(config.edited(weak={"model": "sim/other"}))
    gateway()
    assert [record.served_by for record in records] == ["weak", "weak"]
    with pytest.raises(TypeError, match="`observers` must be a list of callables"):
        config.build(observers=tg.Recorder)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"model": "sin/x"},
            "deployments[0] 'weak': model: Provider 'sin' is not registered for model type 'chat_completion'. "
            "Did you mean 'sim'?",
        ),
        (
            {"model": "openai/x"},
            "deployments[0] 'weak': model: model 'openai/x' needs a key in the environment variable OPENAI_API_KEY.",
        ),
    ],
)
def test_build_names_the_deployment_it_cannot_build(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], message: str
) -> None:
    """An unknown provider or a missing key is an error with the place and, where there is one, a hint."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate(deployment(**fields)).build()
    assert str(caught.value) == message


def test_explain_agrees_with_the_gateway() -> None:
    """The config explains an instant as its gateway would, and wants one with a zone."""
    config = tg.GatewayConfig(
        deployments=[WEAK | {"time_constraints": [["22:00", "06:00"]]}, WEAK | {"model_name": "b"}]
    )
    at = "2026-03-02T03:10Z"
    assert config.explain(at, "weak").order == ["b"]
    assert str(config.explain(at, "weak")) == str(config.build().explain(at, "weak"))
    with pytest.raises(InstantError, match="at must carry a zone"):
        config.explain("2026-03-02T03:10")


def test_a_config_shows_itself_in_a_glance():
    """The repr is a line of names; the text a line a deployment; HTML a table, escaped, cut where it is long."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": "<i>", "model": "sim/a", "time_constraints": [["22:00", "06:00"], ["12:00", "13:00"]]},
            {"model_name": "b", "model": "sim/b", "available": [["08:00", "20:00"]], "description": "in Berlin"},
            {"model_name": "c", "model": "sim/c"},
        ]
    )
    assert repr(config) == "<GatewayConfig of 3 deployments: <i>, b, c>"
    assert str(config).splitlines() == [
        "Gateway of 3 deployments: <i>, b, c",
        "<i>: sim/a, closed 22:00-06:00 UTC, daily; 12:00-13:00 UTC, daily",
        "b: sim/b, available 08:00-20:00 UTC, daily, description in Berlin",
        "c: sim/c",
    ]
    html = config._repr_html_()
    assert "<i>" not in html
    assert html.count("<tr>") == 4
    for text in (
        "&lt;i&gt;",
        "22:00-06:00 UTC, daily; 12:00-13:00 UTC, daily",
        "08:00-20:00 UTC, daily",
        "never",
        "always",
        "in Berlin",
    ):
        assert text in html
    policy = {"timeout_s": 30, "backoff": {"jitter": "equal"}, "retry_on": ["timeout"]}
    limited = {"model_name": "d", "model": "sim/d", "policy": {"limits": {"concurrent": 2}}}
    ruled = tg.GatewayConfig(deployments=[limited], policy=policy)
    general = "all: policy (timeout s 30.0, backoff (lo 0.5), retry on ['timeout'])"
    assert str(ruled).splitlines()[1:] == [general, "d: sim/d, policy (limits (concurrent 2))"]
    assert "policy (timeout s 30.0" in ruled._repr_html_()
    many = tg.GatewayConfig(deployments=[{"model_name": f"d{n}", "model": "sim/x"} for n in range(1200)])
    assert repr(many).endswith("d6, d7 and 1,192 others>")
    assert str(many).endswith("and 1,150 more")
    assert many._repr_html_().count("<tr>") == 51
    assert "and 1,150 more" in many._repr_html_()


def test_a_deployment_evaluates_to_itself():
    """Its repr has what differs from the defaults, windows included."""
    window = {"start": "13:00", "end": "14:00", "tz": "Asia/Tokyo", "days": ["mon"], "since": "2026-03-02"}
    deployment = tg.Deployment(model_name="weak", model="sim/small", available=[window], description="it's small")
    names = {"Deployment": tg.Deployment, "Window": tg.Window, "datetime": datetime}
    assert eval(repr(deployment), names) == deployment  # noqa: S307 - our own repr
    assert str(tg.Deployment(model_name="weak", model="sim/small")) == (
        "Deployment(model_name='weak', model='sim/small')"
    )
