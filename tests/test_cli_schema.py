from __future__ import annotations

import json
from pathlib import Path

import pytest
from typed import run

from timegate.errors import ConfigError
from timegate.files import read_document
from timegate.formats.schema import config_schema, scenario_schema
from timegate.samples import sample

MADE = {"config": config_schema, "scenario": scenario_schema}


@pytest.mark.parametrize("kind", MADE)
def test_prints_the_schema(kind: str) -> None:
    """The schema is printed as JSON and nothing else; without --for it is that of configs."""
    assert json.loads(run("schema", "--for", kind).stdout) == MADE[kind]()
    if kind == "config":
        assert run("schema").stdout == run("schema", "--for", kind).stdout


@pytest.mark.parametrize(("kind", "name"), [("config", "gateway"), ("scenario", "scenario")])
def test_writes_the_file_that_ships(tmp_path: Path, kind: str, name: str) -> None:
    """With --out a file is written whole, byte for byte the one that comes with the samples."""
    out = tmp_path / "made.json"
    assert run("schema", "--for", kind, "--out", str(out)).stdout == f"Wrote {out}\n"
    assert out.read_bytes() == sample(f"{name}.schema.json").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["made.json"]


def test_a_yaml_name_gets_yaml(tmp_path: Path) -> None:
    """A schema can be written as YAML too, with the same content."""
    run("schema", "--out", str(tmp_path / "made.yaml"))
    assert read_document(tmp_path / "made.yaml", ConfigError) == config_schema()


def test_an_unknown_kind_gets_a_hint() -> None:
    """A mistyped kind of file is one line with the nearest one."""
    result = run("schema", "--for", "scenaro", code=2)
    assert result.stderr == "error: --for must name a kind of file. Got 'scenaro'. Did you mean 'scenario'?\n"
    assert result.stdout == ""


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A missing folder is one line that names it, and nothing is left behind."""
    result = run("schema", "--out", str(tmp_path / "no" / "made.json"), code=2)
    assert result.stderr.splitlines() == [f"error: {tmp_path / 'no'}: no such folder."]
    assert list(tmp_path.iterdir()) == []
