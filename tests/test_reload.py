"""A gateway that takes another config between calls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from timegate.errors import ConfigError

LIMITED = {"limits": {"concurrent": 1}}


def config_of(*names: str, **fields: Any) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=[{"model_name": name, "model": f"sim/{name}"} for name in names], **fields)


def test_reload_keeps_what_stays() -> None:
    """Who keeps its name keeps its cooldown, at another place too; who is new is fresh, and who is gone is gone."""
    gateway = config_of("a", "b").build()
    gateway.cool("b", 3600)
    gateway.reload(config_of("b", "c"))
    assert gateway.model_names == ["b", "c"]
    record = gateway(messages="Hi").metadata["timegate"]
    assert (record.served_by, record.skipped) == ("c", [("b", "cooling")])
    gateway.reset("b")
    assert gateway(messages="Hi").consume() == "sim/b"


def test_a_call_under_way_ends_as_it_began() -> None:
    """What a call holds is given back to the deployment that the new config kept."""
    gateway = config_of("a", policy=LIMITED).build()

    class Reloading(tg.SimulatedModel):
        def __call__(self, **kwargs: Any) -> Any:
            gateway.reload(config_of("b", "a", policy=LIMITED))
            return super().__call__(**kwargs)

    gateway.models[0] = Reloading("old")
    answer = gateway(messages="Hi")
    assert answer.consume() == "sim/old"
    assert answer.metadata["timegate"].served_by == "a"
    assert dict(gateway.health()[["deployment", "running"]].values.tolist()) == {"b": 0, "a": 0}
    assert gateway(messages="Hi", model_preference="a").consume() == "sim/a"


def test_what_cannot_be_built_changes_nothing(tmp_path: Path) -> None:
    """An invalid file, an unknown provider and another model type are refused, and the old config serves on."""
    path = tmp_path / "bad.yaml"
    path.write_text("deployments: []\n")
    gateway = config_of("a").build()
    unknown = tg.GatewayConfig(deployments=[{"model_name": "x", "model": "unheard/x"}])
    other = tg.GatewayConfig(
        model_type="text_embedder",
        deployments=[
            {"model_name": "x", "model": "unheard/x", "params": {"base_url": "http://h/v1", "api_key_env": []}}
        ],
    )
    for bad in (path, unknown, other):
        with pytest.raises(ConfigError):
            gateway.reload(bad)
    assert gateway.model_names == ["a"]
    assert gateway(messages="Hi").consume() == "sim/a"
    config_of("b").save(path)
    gateway.reload(path)
    assert gateway(messages="Hi").consume() == "sim/b"
