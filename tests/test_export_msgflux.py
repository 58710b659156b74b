"""Exports to msgflux, judged by the gateway of the real package, and the way back."""

from __future__ import annotations

import json
import logging
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine as tm
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples
from test_clock import jump

import timegate as tg
from timegate.core.clock import DAY_US, MINUTE_US, to_us
from timegate.errors import ConfigError, TimegateWarning
from timegate.formats.daily import daily

NOW = "2026-11-23T00:00Z"  # a Monday
NOW_US = to_us(NOW, "now")
FIXED_ZONES = ("UTC", "Asia/Kolkata", "Etc/GMT+3", "Asia/Kathmandu", "Pacific/Kiritimati", "America/Sao_Paulo")

times = st.sampled_from(["00:00", "00:01", "06:00", "12:00", "22:00", "23:59"]) | st.builds(
    "{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)
)
pairs = st.tuples(times, times | st.just("24:00")).map(list)
lists = st.lists(pairs, max_size=3)


def config(*deployments: dict[str, Any]) -> tg.GatewayConfig:
    named = [{"model_name": f"d{i}", "model": f"sim/m{i}"} | fields for i, fields in enumerate(deployments)]
    return tg.GatewayConfig(deployments=named)


def state(config: tg.GatewayConfig, path: Path, to: str = "msgflux", **options: Any) -> Any:
    config.export(to, path / "state.json", now=NOW, **options)
    return json.loads((path / "state.json").read_text(encoding="utf-8"))


def lost(config: tg.GatewayConfig, path: Path, to: str = "msgflux") -> list[str]:
    """Return what an export is refused for."""
    with pytest.raises(ConfigError) as caught:
        config.export(to, path / "state.json", now=NOW)
    assert not (path / "state.json").exists()
    assert "lossy=True" in str(caught.value)
    return [p.removeprefix(f"{to} cannot say ") for p in caught.value.problems]


@pytest.fixture
def msgflux(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give msgflux's gateway, which restores models that always fail."""
    gateway = pytest.importorskip("msgflux.models.gateway")
    base = pytest.importorskip("msgflux.models.base")
    registry = pytest.importorskip("msgflux.models.registry")

    class Down(base.BaseModel):
        provider, model_type = "sim", "chat_completion"

        def _initialize(self) -> None: ...

        def from_serialized(self, state: dict[str, Any]) -> None:  # msgflux calls this on an empty instance
            vars(self).update(state)

        def __call__(self, **kwargs: Any) -> str:
            raise RuntimeError("down")

    monkeypatch.setattr("msgflux.utils.imports._loaded_autoloads", {"msgflux.models.providers"})
    providers = dict.fromkeys(("sim", "openai", "acme"), Down)
    monkeypatch.setitem(registry.model_registry, "chat_completion", providers)
    logging.disable(logging.CRITICAL)
    yield gateway.ModelGateway
    logging.disable(logging.NOTSET)


def tried(gateway: Any, preference: str | None) -> list[str]:
    """Return who is tried, in order, when all fail."""
    with pytest.raises(Exception, match="model") as caught:
        gateway(model_preference=preference)
    return [name for name, _, _ in getattr(caught.value, "model_info", None) or []]


def every_instant(config: tg.GatewayConfig) -> list[int]:
    """Every minute of a week, and every edge, with the microseconds beside it."""
    week = range(NOW_US, NOW_US + 7 * DAY_US, MINUTE_US)
    edges = config.router().timetable.compile(NOW_US, NOW_US + 7 * DAY_US).edges_us.tolist()
    return sorted({*week, *(edge + by for edge in edges for by in (-1, 0, 1) if edge + by >= NOW_US)})


CONFIGS = [
    config({"time_constraints": [["22:00", "06:00"], ["09:00", "09:00"]]}, {}),
    config(
        {"time_constraints": [{"start": "22:00", "end": "06:00", "tz": "Asia/Kolkata"}], "model": "openai/a"},
        {"time_constraints": [{"start": "00:00", "end": "03:00", "tz": "Etc/GMT+3"}], "model": "acme/b"},
    ),
    config(
        {"time_constraints": [["22:00", "24:00"], ["00:00", "06:00"]]},
        {"time_constraints": [["00:00", "24:00"]]},
        {"available": [["08:00", "20:00"]], "time_constraints": [["20:00", "08:00"]]},
        {"time_constraints": [["10:00", "11:00"], {"start": "01:00", "end": "02:00", "until": "2026-11-20"}]},
        {"time_constraints": [{"start": "01:00", "end": "02:00", "since": "2020-01-01", "tz": "Asia/Kathmandu"}]},
    ),
    config(
        {"available": [["00:00", "24:00"]]},
        {"available": [{"start": "01:00", "end": "02:00", "until": "2020-01-01"}]},
    ),
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("to", ["msgflux", "msgflux-by-id"])
def test_msgflux_routes_as_we_do(config: tg.GatewayConfig, to: str, tmp_path: Path, msgflux: Any) -> None:
    """At every minute of a week and around every edge, msgflux tries the same deployments in the same order."""
    if to == "msgflux-by-id":  # that gateway, which no release has, told models by id; otherwise the rule is the same
        config = tg.GatewayConfig(
            deployments=[
                d.model_dump(mode="json", exclude_defaults=True) | {"model_name": d.model.partition("/")[2]}
                for d in config.deployments
            ]
        )
        older = state(config, tmp_path, to)["state"]
        entries = [
            {"model_name": model["state"]["model_id"], "model": model}
            | ({"time_constraints": windows} if windows else {})
            for model in older["models"]
            for windows in [(older["time_constraints"] or {}).get(model["state"]["model_id"])]
        ]
        data = {"msgflux_type": "model_gateway", "state": {"models": entries}}
    else:
        data = state(config, tmp_path)
    theirs, ours = msgflux.from_serialized(data), config.router()
    last = ours.names[-1]
    with tm.travel(0, tick=False) as traveller:
        for at_us in every_instant(config):
            jump(traveller, at_us)
            for preference in (None, last):
                order = [ours.names[i] for i in ours.order(at_us, preference)]
                assert tried(theirs, preference) == order, at_us


def is_closed(windows: list[list[str]], at_us: int) -> bool:
    """Say what msgflux's rule does, in minutes and microseconds of the day in UTC."""
    now = at_us % DAY_US
    for start, end in windows:
        lo, hi = ((60 * int(t[:2]) + int(t[3:])) * MINUTE_US for t in (start, end))
        if (lo <= now <= hi) if lo <= hi else (now >= lo or now <= hi):
            return True
    return False


@examples(100)
@given(closed=lists, available=lists, zone=st.sampled_from(FIXED_ZONES))
def test_daily_windows_differ_only_where_they_say(closed: list[Any], available: list[Any], zone: str) -> None:
    """Translated from any zone of fixed offset, hours are equal but for the microseconds that are named as lost."""
    fields = {
        name: [{"start": start, "end": end, "tz": zone} for start, end in windows]
        for name, windows in (("time_constraints", closed), ("available", available))
    }
    deployment = config(fields).deployments[0]
    found = daily(deployment, "here", NOW_US)
    assert len(found.lost) <= 1
    named = {(60 * int(t[:2]) + int(t[3:])) * MINUTE_US for text in found.lost for t in re.findall(r"\d\d:\d\d", text)}
    table = config(fields).router().timetable
    for minute in range(1440):
        for by in (-1, 0, 1):
            at_us = NOW_US + DAY_US + minute * MINUTE_US + by
            ours, theirs = not table.segment_at(at_us).open, is_closed(found.pairs, at_us)
            assert (ours != theirs) == (at_us % DAY_US in named), (at_us % DAY_US, found)
            assert theirs or not ours


@pytest.mark.parametrize(
    ("window", "text"),
    [
        ({"tz": "Europe/Berlin"}, "tz 'Europe/Berlin' changes its clocks: it would be UTC+01:00 all year."),
        ({"tz": "Africa/Casablanca"}, "tz 'Africa/Casablanca' changes its clocks: it would be UTC+01:00 all year."),
        ({"days": ["mon", "fri"]}, "days mon, fri: it would apply every day."),
        ({"since": "2026-11-24"}, "since 2026-11-24: it would apply from now on."),
        ({"until": "2026-11-24"}, "until 2026-11-24: it would never end."),
        (
            {"except_dates": ["2026-11-01", "2026-11-22", "2026-11-23", "2026-12-25"]},
            "except_dates 2026-11-23, 2026-12-25: it would apply on them, too.",
        ),
    ],
)
def test_what_is_not_daily_is_refused(window: dict[str, Any], text: str, tmp_path: Path) -> None:
    """Zones that change their clocks, weekdays and dates are refused, each by name, and written only if lossy."""
    gateway = config({}, {"time_constraints": [["01:00", "02:00"], {"start": "05:00", "end": "06:00"} | window]})
    found = lost(gateway, tmp_path)
    assert found == [
        f"deployments[1] 'd1': time_constraints[1]: {text} Pass lossy=True to leave out what it cannot say."
    ]
    written = state(gateway, tmp_path, lossy=True)
    assert f"Lost: deployments[1] 'd1': time_constraints[1]: {text}" in written["_export"]
    assert len(written["state"]["models"][1]["time_constraints"]) == 2


def test_all_that_would_be_lost_is_listed(tmp_path: Path) -> None:
    """The error lists everything at once, names and descriptions too, and nothing is written."""
    gateway = config(
        {
            "description": "first",
            "available": [{"start": "08:00", "end": "20:00", "days": ["mon"], "tz": "Asia/Tokyo"}],
        },
        {"time_constraints": [{"start": "08:00", "end": "20:00", "until": "2026-12-31"}]},
    )
    found = lost(gateway, tmp_path)
    assert [text.split(": ")[1].split(" ")[0] for text in found] == [
        "available[0]",
        "a",
        "description",
        "time_constraints[0]",
    ]
    assert len(lost(gateway, tmp_path, "msgflux-by-id")) == 6


def test_what_is_past_does_not_count(tmp_path: Path) -> None:
    """Dates before the export are no matter: a window that is over for good is left out, one that began is daily."""
    over = {"start": "05:00", "end": "06:00", "until": "2026-11-22"}
    over_at_dawn = {"start": "22:00", "end": "06:00", "until": "2026-11-21"}
    begun = {"start": "05:00", "end": "06:00", "since": "2026-11-23"}
    begun_at_dusk = {"start": "22:00", "end": "06:00", "since": "2026-11-22"}
    gateway = config({"time_constraints": [over, over_at_dawn, begun, begun_at_dusk]})
    assert state(gateway, tmp_path)["state"]["models"][0]["time_constraints"] == [
        ["05:00", "06:00"],
        ["22:00", "06:00"],
    ]
    for late in (
        over | {"until": "2026-11-23"},
        over_at_dawn | {"until": "2026-11-22"},
        begun | {"since": "2026-11-24"},
    ):
        (tmp_path / "state.json").unlink(missing_ok=True)
        assert lost(config({"time_constraints": [late]}), tmp_path)


def test_plain_windows_stay_as_they_are(tmp_path: Path) -> None:
    """Daily windows in UTC are written in their order, overlaps and all; a deployment without has none."""
    windows = [["22:00", "06:00"], ["05:00", "07:00"], ["05:00", "07:00"]]
    found = state(config({"time_constraints": windows}, {}), tmp_path)["state"]["models"]
    assert [entry.get("time_constraints") for entry in found] == [windows, None]
    assert found[0]["model"] == {"provider": "sim", "model_type": "chat_completion", "state": {"model_id": "m0"}}


def test_ids_must_differ_in_the_older_form(tmp_path: Path) -> None:
    """Two models of one id cannot be told apart: that is refused, lossy or not."""
    gateway = config({"model": "openai/x"}, {"model": "acme/x"})
    with pytest.raises(ConfigError, match=r"deployments\[1\] 'd1': model: its id 'x' is also that of deployments\[0\]"):
        gateway.export("msgflux-by-id", tmp_path / "state.json", lossy=True)


def test_what_msgflux_cannot_load_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its own providers msgflux loads no model from a state; made in the form that the note names they route."""
    gateway = pytest.importorskip("msgflux.models.gateway").ModelGateway
    model = pytest.importorskip("msgflux.models.model").Model
    providers = pytest.importorskip("msgflux.models.providers.openai")
    monkeypatch.setattr(providers._BaseOpenAI, "_initialize", lambda self: None)  # which needs the SDK
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("GROQ_API_KEY", "none")
    ours = config({"model": "openai/gpt-4.1", "time_constraints": [["22:00", "06:00"]]}, {"model": "groq/llama"})
    exported = ours.export("msgflux", tmp_path / "state.json", now=NOW)
    [note] = exported.notes
    assert "loads no models of groq and openai" in note
    assert "{'model_name': 'd0', 'model': Model.chat_completion('openai/gpt-4.1')}" in note
    data = json.loads((tmp_path / "state.json").read_text())
    assert any(note in line for line in data["_export"])
    with pytest.raises(TypeError, match="model_id"):
        gateway.from_serialized(json.loads(json.dumps(data)))
    found: dict[str, Any] = {}
    page = (Path(__file__).parents[1] / "docs" / "export.md").read_text()
    [code] = [part for part in re.findall(r"```python\n(.*?)\n *```", page, re.DOTALL) if "def gateway_of" in part]
    exec(textwrap.dedent(code), found)  # noqa: S102 - the page's own
    made = found["gateway_of"](data)
    assert [m.model_id for m in made.models] == ["gpt-4.1", "llama"]
    assert made.raw_time_constraints == {"d0": [["22:00", "06:00"]]}
    assert model is found["Model"]


def test_models_of_other_providers_have_no_such_note(tmp_path: Path) -> None:
    """A class of one's own that loads is no reason to say anything."""
    assert config({}).export("msgflux", tmp_path / "state.json", now=NOW).notes == ()


def test_our_gateway_reads_it_too(tmp_path: Path) -> None:
    """The state builds our live gateway, remarks and all."""
    gateway = tg.ModelGateway.from_serialized(state(config({"time_constraints": [["01:00", "02:00"]]}, {}), tmp_path))
    assert gateway().consume() in ("sim/m0", "sim/m1")


@examples(50)
@given(windows=st.lists(lists, min_size=1, max_size=4), suffix=st.sampled_from(["json", "yaml", "state"]))
def test_a_way_out_and_back(tmp_path_factory: pytest.TempPathFactory, windows: list[Any], suffix: str) -> None:
    """Read again, an exact export is a config with the same names, models and hours; of plain windows the same."""
    gateway = config(*({"time_constraints": pairs} for pairs in windows))
    path = tmp_path_factory.mktemp("out") / f"state.{suffix}"
    try:
        gateway.export("msgflux", path, now=NOW)
    except ConfigError:
        assume(False)
    again = tg.GatewayConfig.load(path)
    assert [(d.model_name, d.model) for d in again.deployments] == [
        (d.model_name, d.model) for d in gateway.deployments
    ]
    if not any(end == "24:00" for pairs in windows for _, end in pairs):
        assert again == gateway


def test_what_msgflux_writes_is_read(tmp_path: Path, msgflux: Any) -> None:
    """A state that msgflux serialised is loaded, with what has no counterpart named once, and no value shown."""
    model = {"msgflux_type": "model", "provider": "openai", "model_type": "chat_completion"}
    inner = {"model_id": "gpt-4.1", "sampling_params": {"base_url": None}, "sampling_run_params": {"temperature": 0.7},
             "cache_size": 128, "verbose": False, "context_length": None, "api_key": "sk-canary"}  # fmt: skip
    data = {
        "msgflux_type": "model_gateway",
        "state": {
            "fallback": True,
            "models": [
                {"model_name": "weak", "model": model | {"state": inner}, "time_constraints": [["22:00", "06:00"]]},
                {"model_name": "strong", "model": model | {"state": {"model_id": "o3"}}, "description": "thinks"},
            ],
        },
    }
    path = tmp_path / "gateway.json"
    path.write_text(json.dumps(data))
    with pytest.warns(TimegateWarning) as caught:
        found = tg.GatewayConfig.load(path)
    assert found.to_dict()["deployments"] == [
        {"model_name": "weak", "model": "openai/gpt-4.1", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "strong", "model": "openai/o3", "description": "thinks"},
    ]
    (warning,) = caught
    assert str(warning.message) == (
        f"{path}: read as a msgflux gateway, of which this has no counterpart: state.fallback; "
        "state.models[0].state.sampling_run_params; state.models[0].state.cache_size; state.models[0].state.api_key."
    )
    assert "canary" not in repr(found) + str(found.to_dict())


def test_the_older_form_is_read(tmp_path: Path) -> None:
    """Models alone and windows by id become deployments; that the times were local is said."""
    data = {
        "msgflux_type": "model_gateway",
        "state": {
            "time_constraints": {"a": [["22:00", "06:00"]], "gone": [["01:00", "02:00"]]},
            "models": [
                {"msgflux_type": "model", "provider": "sim", "model_type": "chat_completion", "state": {"model_id": i}}
                for i in "ab"
            ],
        },
    }
    (tmp_path / "state.json").write_text(json.dumps(data))
    with pytest.warns(TimegateWarning, match="'gone', which is no model's id; .*local time") as caught:
        found = tg.GatewayConfig.load(tmp_path / "state.json")
    assert len(caught) == 1
    assert found.to_dict()["deployments"] == [
        {"model_name": "a", "model": "sim/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "b", "model": "sim/b"},
    ]


MODEL = {"provider": "sim", "model_type": "chat_completion", "state": {"model_id": "a"}}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"msgflux_type": "model"}, "msgflux_type must be 'model_gateway'. Got 'model'."),
        ({"state": None}, "state.models must be a non-empty list"),
        ({"state": {"models": []}}, "state.models must be a non-empty list"),
        ({"state": {"models": ["x"]}}, r"state.models\[0\] must be the state of a model"),
        (
            {"state": {"models": [{"model_name": "a", "model": None}]}},
            r"state.models\[0\] must be the state of a model",
        ),
        ({"state": {"models": [MODEL | {"provider": 1}]}}, r"state.models\[0\] must be the state of a model"),
        ({"state": {"models": [MODEL], "time_constraints": [1]}}, "state.time_constraints must be a mapping"),
        (
            {"state": {"models": [MODEL], "time_constraints": {"a": 1}}},
            r"deployments\[0\] 'a': time_constraints must be",
        ),
        ({"state": {"models": [MODEL, MODEL]}}, "must be unique"),
        (
            {"state": {"models": [MODEL, MODEL | {"model_type": "moderation"}]}},
            "all models must be of the same model_type. Got 'chat_completion', 'moderation'.",
        ),
        (
            {"state": {"models": [{"model_name": "a", "model": MODEL, "time_constraints": [["25:00", "06:00"]]}]}},
            r"deployments\[0\] 'a': time_constraints\[0\].start must look like 'HH:MM'. Got '25:00'.",
        ),
        ({"state": {"models": [{"model_name": 3, "model": MODEL}]}}, "model_name must be a valid string. Got 3."),
    ],
)
def test_bad_states_are_errors_of_ours(data: dict[str, Any], message: str, tmp_path: Path) -> None:
    """A state that breaks a rule is refused with the path and the place."""
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"msgflux_type": "model_gateway"} | data))
    with pytest.raises(ConfigError, match=message) as caught:
        tg.GatewayConfig.load(path)
    assert str(caught.value).startswith(f"{path}: ")
