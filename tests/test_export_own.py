"""Exports to our own format: whatever still holds stays as its owner wrote it."""

from __future__ import annotations

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
from timegate import yaml12
from timegate.errors import ConfigError
from timegate.formats.rewrite import rewrite

NOW = "2026-03-02T00:00Z"
configs = strategies.eras.flatmap(strategies.configs)
SOURCE = """\
# Our gateway.

version: 1
deployments:
  # The big one
  # costs a lot.
  - model_name: strong   # do not rename
    description: The best; and dear.
    model: openai/gpt-4.1
    time_constraints:
      # at night
      - ["22:00", "06:00"]   # daily
      - {start: 9:05, end: "10:00", days: [monday]} # meetings

  # The small one
  - model_name: weak
    model: "openai/gpt-4.1-mini"
    available:
    - start: 08:00    # opens
      end: '20:00'
      tz: Europe/Berlin
      # since the move
      since: 2026-01-05
  # The last one
  - {model_name: backup, model: sim/office}  # in one line
# The end.
"""


def loaded(tmp_path: Path, text: str = SOURCE) -> tg.GatewayConfig:
    path = tmp_path / "source.yaml"
    path.write_text(text)
    return tg.GatewayConfig.load(path)


def exported(config: tg.GatewayConfig, tmp_path: Path, **options: Any) -> str:
    """Return an export without its header."""
    path = tmp_path / "out.yaml"
    config.export("timegate", path, now=NOW, **options)
    header, _, text = path.read_text(encoding="utf-8").partition("\n")
    assert header.startswith(f"# Checked by timegate {tg.__version__} on 2026-03-02 00:00 UTC: ")
    assert tg.GatewayConfig.load(path) == config
    return text


def changed(config: tg.GatewayConfig, **deployments: dict[str, Any] | None) -> tg.GatewayConfig:
    """Return a config with other fields of the named deployments; None for a field or deployment that is gone."""
    data = config.to_dict()
    kept = []
    for deployment in data["deployments"]:
        fields = deployments.get(deployment["model_name"], {})
        if fields is not None:
            kept.append({key: value for key, value in (deployment | fields).items() if value is not None})
    new = tg.GatewayConfig.model_validate(data | {"deployments": kept})
    return config.model_copy(update={"deployments": new.deployments})


def test_what_does_not_change_stays_as_it_is(tmp_path: Path) -> None:
    """Without a change, all is as it was, but for quotes around times and dates."""
    expected = SOURCE.replace("9:05", '"9:05"').replace("08:00 ", '"08:00" ').replace("2026-01-05", '"2026-01-05"')
    assert exported(loaded(tmp_path), tmp_path) == expected


def test_headers_do_not_pile_up(tmp_path: Path) -> None:
    """Exporting an export again, the header is replaced."""
    path = tmp_path / "out.yaml"
    loaded(tmp_path).export("timegate", path, now=NOW)
    tg.GatewayConfig.load(path).export("timegate", path, now="2026-03-03T12:30Z")
    text = path.read_text()
    assert text.startswith(f"# Checked by timegate {tg.__version__} on 2026-03-03 12:30 UTC: ")
    assert text.count("Checked by timegate") == 1


def test_the_line_that_names_the_schema_stays_the_first(tmp_path: Path) -> None:
    """Editors look for the schema in the first line, so the header comes after it, however often it is exported."""
    line = "# yaml-language-server: $schema=gateway.schema.json\n"
    path = tmp_path / "out.yaml"
    loaded(tmp_path, line + SOURCE).export("timegate", path, now=NOW)
    tg.GatewayConfig.load(path).export("timegate", path, now=NOW)
    first, second, rest = path.read_text().split("\n", 2)
    assert first + "\n" == line
    assert second.startswith("# Checked by timegate ")
    assert rest.startswith("# Our gateway.")


def test_the_header_counts_the_findings_by_code(tmp_path: Path) -> None:
    """The header holds the counts of severities, and each code with its count."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": name, "model": "sim/small", "time_constraints": [["09:00", "09:00"]]} for name in "ab"
        ]
    )
    found = config.export("timegate", tmp_path / "out.yaml", now=NOW)
    codes = [finding.code for finding in tg.check(config, now=NOW)]
    assert "TG301 x 2" in found.checked
    for code in set(codes):
        assert f"{code} x {codes.count(code)}" in found.checked or codes.count(code) == 1
        assert code in found.checked
    assert (tmp_path / "out.yaml").read_text().startswith(f"# {found.checked}\n")


@pytest.mark.parametrize(
    ("fields", "old", "new"),
    [
        ({"strong": {"model": "openai/gpt-5"}}, "model: openai/gpt-4.1\n", "model: openai/gpt-5\n"),
        ({"weak": {"model": "sim/x: y"}}, '"openai/gpt-4.1-mini"', '"sim/x: y"'),
        ({"backup": {"model": "sim/home"}}, "model: sim/office}", "model: sim/home}"),
        (
            {"strong": {"time_constraints": [["23:00", "06:00"], {"start": "09:05", "end": "10:00", "days": ["mon"]}]}},
            '["22:00", "06:00"]   # daily',
            '["23:00", "06:00"]   # daily',
        ),
        (
            {"strong": {"time_constraints": [{"start": "09:05", "end": "10:00", "days": ["mon"]}]}},
            '      # at night\n      - ["22:00", "06:00"]   # daily\n',
            "",
        ),
        (
            {"strong": {"time_constraints": [["22:00", "06:00"]]}},
            '      - {start: "9:05", end: "10:00", days: [monday]} # meetings\n',
            "",
        ),
        (
            {"strong": {"time_constraints": None}},
            '    time_constraints:\n      # at night\n      - ["22:00", "06:00"]   # daily\n'
            '      - {start: "9:05", end: "10:00", days: [monday]} # meetings\n',
            "",
        ),
        ({"strong": {"description": None}}, "    description: The best; and dear.\n", ""),
        ({"strong": {"description": "a: b\nc"}}, "description: The best; and dear.", r'description: "a: b\u000ac"'),
        (
            {"weak": {"time_constraints": [["01:00", "24:00"]]}},
            '    model: "openai/gpt-4.1-mini"\n',
            '    model: "openai/gpt-4.1-mini"\n    time_constraints:\n    - ["01:00", "24:00"]\n',
        ),
        (
            {"weak": {"available": [{"start": "08:00", "end": "19:00", "tz": "Europe/Berlin", "since": "2026-01-05"}]}},
            "end: '20:00'",
            'end: "19:00"',
        ),
        (
            {"weak": {"available": [{"start": "08:00", "end": "20:00", "tz": "Europe/Berlin"}]}},
            '      # since the move\n      since: "2026-01-05"\n',
            "",
        ),
        (
            {"strong": None},
            SOURCE[SOURCE.index("  # The big") : SOURCE.index("\n  # The small")].replace("9:05", '"9:05"'),
            "",
        ),
        ({"backup": None}, "  # The last one\n  - {model_name: backup, model: sim/office}  # in one line\n", ""),
    ],
)
def test_only_what_changes_is_written_anew(tmp_path: Path, fields: dict[str, Any], old: str, new: str) -> None:
    """A changed value is replaced at its place, a removed one goes with its comments, and nothing else moves."""
    config = loaded(tmp_path)
    before = exported(config, tmp_path)
    assert before.count(old) == 1
    assert exported(changed(config, **fields), tmp_path) == before.replace(old, new)


def test_deployments_move_with_their_comments(tmp_path: Path) -> None:
    """In another order of fallback, each deployment takes its lines along; a new one stands at its place."""
    config = loaded(tmp_path)
    before = exported(config, tmp_path)
    strong, weak, backup = (
        before[before.index(start) : before.index(end)]
        for start, end in (("  # The big", "\n  # The small"), ("\n  # The small", "  # The last"),
                           ("  # The last", "# The end"))
    )  # fmt: skip
    new = tg.Deployment(model_name="new", model="sim/new", available=[["08:00", "09:00"]])
    a, b, c = config.deployments
    moved = config.model_copy(update={"deployments": (c, new, b, a)})
    added = '  - model_name: new\n    model: sim/new\n    available:\n    - ["08:00", "09:00"]\n'
    head, tail = before.split(strong)[0], "# The end.\n"
    assert exported(moved, tmp_path) == head + backup + added + weak + strong + tail


def test_a_renamed_deployment_keeps_its_place_and_comments(tmp_path: Path) -> None:
    """A new name is written where the old one stood."""
    config = loaded(tmp_path)
    before = exported(config, tmp_path)
    renamed = tg.GatewayConfig.model_validate(json.loads(json.dumps(config.to_dict()).replace('"strong"', '"giant"')))
    after = exported(renamed, tmp_path, like=tmp_path / "source.yaml")
    assert after.startswith(before[: before.index("strong")] + "giant   # do not rename\n")
    assert "# The small one" in after


def test_like_takes_the_comments_of_another_file(tmp_path: Path) -> None:
    """A config built anew keeps the comments of the file that ``like`` names, and else has none."""
    config = tg.GatewayConfig.model_validate(loaded(tmp_path).to_dict())
    assert "#" not in exported(config, tmp_path)
    assert "# The big one" in exported(config, tmp_path, like=tmp_path / "source.yaml")


@pytest.mark.parametrize("text", ["a: 1\n", "- 1\n", "{"])
def test_like_must_be_a_file_of_ours(tmp_path: Path, text: str) -> None:
    """A template that is no config of ours is an error of ours."""
    (tmp_path / "like.yaml").write_text(text)
    with pytest.raises(ConfigError):
        loaded(tmp_path).export("timegate", tmp_path / "out.yaml", like=tmp_path / "like.yaml")
    assert not (tmp_path / "out.yaml").exists()


@pytest.mark.parametrize(
    "text",
    [
        "deployments: &all\n  - {model_name: a, model: sim/a, time_constraints: &night [['22:00', '06:00']]}\n"
        "  - {model_name: b, model: sim/b, time_constraints: *night}\n",
        '{"deployments": [{"model_name": "a", "model": "sim/a"}, {"model_name": "b", "model": "sim/b"}]}',
    ],
)
def test_files_that_cannot_be_edited_are_written_anew(tmp_path: Path, text: str) -> None:
    """Values shared by anchors, and files in one line, lose their layout and nothing else."""
    first, rest = exported(loaded(tmp_path, text), tmp_path).split("\n", 1)
    aliases = " for it uses aliases," if "*" in text else ""
    assert first == (
        "# Note: the comments and the order of the file that it was loaded from are not kept:"
        f"{aliases} it is written anew."
    )
    assert rest.startswith("version: 1\ndeployments:\n- model_name: a\n")


@pytest.mark.parametrize(
    "text",
    [
        "%YAML 1.2\n---\n# top\ndeployments:\n- model_name: a\n  model: sim/a\n...\n",
        "deployments:\n-\n  # inside\n  model_name: a\n  model: sim/a",
        "deployments:\n- # on the dash\n  model_name: a\n  model: sim/a\n",
        "deployments:\n- model_name: a\n  description: |\n    first\n    # no comment\n\n  model: sim/a\n",
        "deployments:\n- model_name: a\n  description: >-\n    folded\n    text\n  # comment\n  model: sim/a\n",
        "deployments:\n- model_name: a\n  description:\n  model: sim/a\n  available: []\n",
        "model_type:   chat_completion # the default\ndeployments:\n- model_name: a\n  model:\n    sim/a\n",
        'deployments: [{model_name: a,\n  # within\n  model: sim/a, time_constraints: [[22:00,\n  "06:00"]]}]\n',
    ],
)
def test_odd_layouts_survive(tmp_path: Path, text: str) -> None:
    """Documents with unusual layout stay as they are, and take an edit."""
    config = loaded(tmp_path, text)
    expected = (text if text.endswith("\n") else f"{text}\n").replace("[[22:00", '[["22:00"')
    assert exported(config, tmp_path) == expected
    for fields in ({"model": "sim/b"}, {"description": "new"}, {"time_constraints": [["01:00", "02:00"]]}):
        edited = exported(changed(config, a=fields), tmp_path)
        for comment in ("# top", "# inside", "# comment", "# the default"):
            assert edited.count(comment) == text.count(comment)


comments = st.sampled_from(["# one", "  # two", "# três", "      # deep"])


@st.composite
def commented(draw: st.DrawFn, config: tg.GatewayConfig) -> str:
    """Write a config with comments between lines and at their ends, flat or deep."""
    text = yaml12.dump(config.to_dict())
    lines = []
    for line in text.splitlines():
        if draw(st.integers(0, 3)) == 0:
            lines.append(draw(comments))
        lines.append(line + (f"  {draw(comments)}" if draw(st.integers(0, 3)) == 0 else ""))
        if draw(st.integers(0, 9)) == 0:
            lines.append("")
    return "\n".join(lines) + "\n"


@examples(100)
@given(data=st.data())
def test_any_config_takes_the_place_of_any_other(data: st.DataObject) -> None:
    """Rewritten from one commented config to another, a text says the other; to itself, it does not change."""
    old, new = data.draw(configs), data.draw(configs)
    if data.draw(st.booleans()):  # most edits leave most deployments alone
        kept = {d.model_name: d for d in old.deployments}
        new = new.model_copy(update={"deployments": tuple(kept.get(d.model_name, d) for d in new.deployments)})
    text = data.draw(commented(old))
    edited = rewrite(text, old.to_dict(), new.to_dict())
    assert edited is not None
    assert yaml12.parse(edited) == new.to_dict()
    assert rewrite(text, old.to_dict(), old.to_dict()) == text


@examples(60)
@given(config=configs, name=st.sampled_from(["gateway.yaml", "gateway.json", "gateway"]))
def test_any_config_survives_load_save_load(
    tmp_path_factory: pytest.TempPathFactory, config: tg.GatewayConfig, name: str
) -> None:
    """Exported, loaded, exported and loaded again, a config equals itself, and its second file the first."""
    first, second = (tmp_path_factory.mktemp("out") / name for _ in range(2))
    config.export("timegate", first, now=NOW)
    again = tg.GatewayConfig.load(first)
    again.export("timegate", second, now=NOW)
    assert again == config == tg.GatewayConfig.load(second)
    assert first.read_bytes() == second.read_bytes()


def test_readers_of_yaml_1_1_read_the_same(tmp_path: Path) -> None:
    """Once exported, a file with bare times and dates means the same to a reader of YAML 1.1."""
    yaml = pytest.importorskip("yaml")
    config = loaded(tmp_path)
    assert tg.GatewayConfig.model_validate(yaml.safe_load(exported(config, tmp_path))) == config


def test_the_source_is_no_part_of_the_value(tmp_path: Path) -> None:
    """A loaded config equals, hashes, prints and pickles as one that was built; a copy keeps the comments."""
    config = loaded(tmp_path)
    built = tg.GatewayConfig.model_validate(config.to_dict())
    assert config == built
    assert hash(config) == hash(built)
    assert repr(config) == repr(built)
    assert config.to_dict() == built.to_dict()
    pickled = pickle.loads(pickle.dumps(config))  # noqa: S301 - our own
    assert pickled == config
    assert b"The big one" not in pickle.dumps(config)
    assert "# The big one" in exported(config.model_copy(), tmp_path)
