"""A gateway that takes another config between calls."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from timegate.errors import ConfigError, InvalidValueError

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
    assert (record.served_by, [skip[:2] for skip in record.skipped]) == ("c", [("b", "cooling")])
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


def test_a_reload_while_thousands_are_in_flight() -> None:
    """Every call ends, by whom it was begun with, and nothing of them is left in the state of those that stay."""
    calls = 10_000

    class Awaiting(tg.SimulatedModel):
        async def acall(self, **kwargs: Any) -> Any:
            await over.wait()
            return self(**kwargs)

    policy = {"limits": {"concurrent": calls}, "cooldown": {"failures": 1}}
    gateway = config_of("a", "b", policy=policy).build()
    gateway.models[0] = Awaiting("old")
    over = asyncio.Event()

    async def main() -> list[Any]:
        under_way = [asyncio.create_task(gateway.acall(messages="Hi")) for _ in range(calls)]
        await asyncio.sleep(0)
        assert gateway.health()["running"].tolist() == [calls, 0]
        gateway.reload(config_of("b", "a", policy=policy))
        assert gateway.health()["running"].tolist() == [0, calls]
        new = await gateway.acall(messages="Hi", model_preference="a")  # at the limit of those before
        assert new.metadata["timegate"].skipped == [("a", "at its limit of concurrent attempts", None)]
        over.set()
        return [answer.consume() for answer in await asyncio.gather(*under_way)]

    assert asyncio.run(main()) == ["sim/old"] * calls
    assert gateway.health()["running"].tolist() == [0, 0]


def test_a_changed_file_is_served(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is valid takes over, however the file was written; what is not is told once; no file is no change."""
    path = tmp_path / "gateway.yaml"
    config_of("a").save(path)
    gateway = config_of("z").build()
    with gateway.watch(path, every_s=3600) as watch:
        assert gateway.model_names == ["a"]
        assert not watch.look()
        config_of("b", "c").save(path)
        assert watch.look()
        assert gateway.model_names == ["b", "c"]
        path.write_text("deployments: []\n")
        assert not watch.look()
        assert not watch.look()
        path.unlink()
        assert not watch.look()
        config_of("d").save(path)
        assert watch.look()
    assert gateway.model_names == ["d"]
    assert [record.levelname for record in caplog.records if "is not served" in record.message] == ["ERROR"]


def test_a_thread_looks_and_ends_with_the_gateway(tmp_path: Path) -> None:
    """Nobody has to ask for it, and it keeps no gateway alive."""
    path = tmp_path / "gateway.yaml"
    config_of("a").save(path)
    gateway, heard = config_of("z").build(), threading.Event()

    class Heard(tg.ModelGateway):
        def reload(self, *args: Any, **kwargs: Any) -> None:
            super().reload(*args, **kwargs)
            heard.set()

    gateway.__class__ = Heard
    watch = gateway.watch(path, every_s=0.01)
    heard.clear()
    config_of("b").save(path)
    assert heard.wait(300)
    assert gateway.model_names == ["b"]
    del gateway
    gc.collect()
    watch._thread.join(30)
    assert not watch._thread.is_alive()


def test_a_watch_refuses(tmp_path: Path) -> None:
    """A file that is none or not valid at the beginning, and times that are none."""
    gateway = config_of("a").build()
    with pytest.raises(ConfigError):
        gateway.watch(tmp_path / "none.yaml")
    config_of("b").save(tmp_path / "b.yaml")
    for every_s in (0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidValueError, match="every_s"):
            gateway.watch(tmp_path / "b.yaml", every_s)
    assert gateway.model_names == ["a"]
