"""What functions accept as a config, a trace and a scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import timegate as tg
from timegate.config.given import as_config
from timegate.errors import ConfigError, InvalidTypeError

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/large", "price": {"per_call": 0.02}},
        {"model_name": "weak", "model": "sim/small", "price": {"per_call": 0.01}},
    ]
)
TRACE = tg.Trace(pd.date_range("2026-03-02T00:05Z", periods=24 * 7, freq="1h"))
OUTAGE = tg.Outage(target="strong", start="2026-03-03T00:00Z", end="2026-03-03T02:00Z")
SCENARIO = tg.Scenario(faults=[OUTAGE])
CHOICE: dict[str, Any] = {"period": "day", "step": "1h"}

TAKES_A_CONFIG: dict[str, Callable[[Any], object]] = {
    "check": tg.check,
    "diff": lambda config: tg.diff(CONFIG, config),
    "gaps": tg.gaps,
    "optimise": lambda config: tg.optimise(config, TRACE, **CHOICE),
    "reload": lambda config: CONFIG.build().reload(config),
    "ScenarioExplorer": tg.ScenarioExplorer,
    "ScheduleEditor": tg.ScheduleEditor,
    "walk_forward": lambda config: tg.walk_forward(config, TRACE, train="4D", test="1D", **CHOICE),
}


@pytest.mark.parametrize("call", TAKES_A_CONFIG.values(), ids=TAKES_A_CONFIG)
def test_a_config_is_one_or_a_path(call: Callable[[Any], object], tmp_path: Path) -> None:
    """Whoever takes a config takes its file, says which file is not there, and what else was given."""
    CONFIG.save(tmp_path / "gateway.yaml")
    call(str(tmp_path / "gateway.yaml"))
    with pytest.raises(ConfigError, match=r"^nowhere\.yaml: no such file"):
        call("nowhere.yaml")
    with pytest.raises(InvalidTypeError, match=r"config(_b)? must be a GatewayConfig, or the path of its file\. Got 3"):
        call(3)


def test_a_gateway_is_no_config() -> None:
    """The functions that look at configs say so of a gateway, and how a mapping is read."""
    with pytest.raises(InvalidTypeError, match=r"config must be a GatewayConfig.* Got ModelGateway\(strong -> weak\)"):
        tg.check(CONFIG.build())  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"Got \{.*\}\. GatewayConfig\(\*\*mapping\) takes a mapping\."):
        as_config(CONFIG.to_dict())


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    paths = tmp_path / "gateway.yaml", tmp_path / "week.csv", tmp_path / "bad.yaml"
    CONFIG.save(paths[0])
    TRACE.to_csv(paths[1])
    SCENARIO.save(paths[2])
    return paths


def test_files_are_what_is_in_them(files: tuple[Path, Path, Path]) -> None:
    """Paths give what the values in their files give, wherever a config, a trace and a scenario are taken."""
    assert tg.sweep(*files).equals(tg.sweep(CONFIG, TRACE, SCENARIO))
    assert tg.optimise(*files, **CHOICE).config == tg.optimise(CONFIG, TRACE, SCENARIO, **CHOICE).config
    walk: dict[str, Any] = {"train": "4D", "test": "1D", **CHOICE}
    pd.testing.assert_frame_equal(
        tg.walk_forward(*files, **walk).table, tg.walk_forward(CONFIG, TRACE, SCENARIO, **walk).table
    )
    assert tg.fit_profile(files[1]) == tg.fit_profile(TRACE)
    for widget in (tg.ScheduleEditor, tg.ScenarioExplorer):
        shown = widget(*files)
        assert shown.run.summary().equals(tg.replay(CONFIG, TRACE, SCENARIO).summary())
    assert tg.ScheduleEditor(files[0], TRACE.frame).trace.fingerprint == TRACE.fingerprint


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.sweep(CONFIG, 3, SCENARIO), "trace must be a Trace, a table or a path. Got int."),
        (lambda: tg.ScheduleEditor(CONFIG, 3), "trace must be a Trace, a table or a path. Got int."),
        (lambda: tg.ScheduleEditor(CONFIG, TRACE, 3), "scenario must be a Scenario, such as"),
        (lambda: tg.optimise(CONFIG, 3), "traffic must be a Trace, a table or a path. Got int."),
        (lambda: tg.replay_stream(CONFIG, 3), "chunks must be a path, a Trace, or parts of one in their order. Got 3."),
        (lambda: tg.fit_outages(3), "incidents must be Incidents, as from read_incidents(path), or a path. Got 3."),
        (lambda: tg.replay_stream(CONFIG, [TRACE], to_parquet=3), "path must be the path of a file. Got 3."),
        (lambda: tg.Incidents(3), "Incidents are made of records. Got 3."),
        (lambda: tg.register_model("x"), "a model class must derive from BaseModel. Got 'x'."),
        (lambda: tg.Model("sim/a"), "Model is called by the type of a model: Model.chat_completion('sim/a')."),
    ],
)
def test_a_wrong_type_is_named(call: Callable[[], object], message: str) -> None:
    """With what must be given, and what was."""
    with pytest.raises(InvalidTypeError) as caught:
        call()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("run", [tg.monte_carlo, lambda router, trace: tg.sweep(router, trace, SCENARIO)])
def test_a_callable_is_replayed(run: Callable[[Any, Any], object]) -> None:
    """What replays configs alone says who replays a router that is a function."""
    with pytest.raises(InvalidTypeError, match=r"Got function\. A callable is replayed by replay\(router, trace"):
        run(lambda model_preference=None: "strong", TRACE)
