"""Windows that a config defines once and lists by name: kept wherever it goes, and refused where they mean nothing."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

import timegate as tg
from timegate.errors import ConfigError
from timegate.widgets.draft import read_draft, write_draft

TEXT = """# The night of all.
windows:
  night: {start: "22:00", end: "06:00", tz: Europe/Berlin}  # by the clock of Berlin
  noon: ["12:00", "13:00"]
deployments:
  - model_name: strong
    model: sim/large
    time_constraints: [night, ["01:00", "02:00"]]
  - model_name: weak
    model: sim/small
    available:
      - noon
      - night
"""
NIGHT = tg.Window("22:00", "06:00", tz="Europe/Berlin")
NOON = tg.Window("12:00", "13:00")


def load(folder: Path, text: str = TEXT) -> tg.GatewayConfig:
    (folder / "gateway.yaml").write_text(text, encoding="utf-8")
    return tg.GatewayConfig.load(folder / "gateway.yaml")


def lists(config: tg.GatewayConfig) -> list[Any]:
    """Return what is written of the windows of the deployments."""
    return [d.get("time_constraints", d.get("available")) for d in config.to_dict()["deployments"]]


def test_a_name_is_its_window(tmp_path: Path) -> None:
    """A deployment has the windows themselves, and routes as if they stood in its lists."""
    config = load(tmp_path)
    assert [d.time_constraints + d.available for d in config.deployments] == [
        (NIGHT, tg.Window("01:00", "02:00")),
        (NOON, NIGHT),
    ]
    plain = tg.GatewayConfig(deployments=config.deployments)
    assert plain.router().fingerprint == config.router().fingerprint
    assert plain != config


def test_names_are_kept(tmp_path: Path) -> None:
    """Through save and load, exports with comments, pickles, copies and the editor, what has a name keeps it."""
    config = load(tmp_path)
    named = [["night", ["01:00", "02:00"]], ["noon", "night"]]
    for name in ("saved.yaml", "saved.json"):
        config.save(tmp_path / name)
        assert tg.GatewayConfig.load(tmp_path / name) == config
    config.export("timegate", tmp_path / "exported.yaml", now="2026-03-02T00:00Z")
    assert (tmp_path / "exported.yaml").read_text(encoding="utf-8").partition("\n")[2] == TEXT
    scenario = tg.Scenario()
    edited = read_draft(write_draft(config, scenario, 1), config, scenario).config
    for again in (config, edited, copy.deepcopy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301 - our own
        assert again == config
        assert hash(again) == hash(config)
        assert lists(again) == named


def test_the_editor_changes_a_definition_or_one_place(tmp_path: Path) -> None:
    """In a draft a window with a name is what its definition says; without the name it stands where it is."""
    config = load(tmp_path)
    draft = write_draft(config, tg.Scenario(), 1)
    places = [d[kind] for d in draft["deployments"] for kind in ("time_constraints", "available")]
    assert [[window.get("name") for window in windows] for windows in places] == [
        ["night", None], [], [], ["noon", "night"]
    ]  # fmt: skip
    draft["windows"]["night"]["start"] = "21:00"
    edited = read_draft(draft, config, tg.Scenario()).config
    assert lists(edited) == lists(config)
    assert edited.windows["night"] == tg.Window("21:00", "06:00", tz="Europe/Berlin")
    assert [d.time_constraints + d.available for d in edited.deployments][1][1] == edited.windows["night"]
    del draft["deployments"][0]["time_constraints"][0]["name"]
    alone = read_draft(draft, config, tg.Scenario()).config
    here = {"start": "22:00", "end": "06:00", "tz": "Europe/Berlin"}
    assert lists(alone) == [[here, ["01:00", "02:00"]], ["noon", "night"]]


def test_the_editor_keeps_comments_and_unused_definitions(tmp_path: Path) -> None:
    """What is edited is saved elsewhere with the comments of the file that was loaded, and with what nobody uses."""
    text = TEXT.replace("  noon:", '  spare: ["03:00", "04:00"]  # for later\n  noon:')
    config = load(tmp_path, text)
    editor = tg.ScheduleEditor(config, day="2026-03-02")
    draft = write_draft(config, tg.Scenario(), 1)
    draft["windows"]["night"]["start"] = "21:00"
    editor.draft = {**draft, "author": "page"}
    editor.config.export("timegate", tmp_path / "elsewhere.yaml", now="2026-03-02T00:00Z")
    found = (tmp_path / "elsewhere.yaml").read_text(encoding="utf-8").partition("\n")[2]
    assert found == text.replace('start: "22:00"', 'start: "21:00"')
    editor.config = editor.config.to_dict()
    editor.config.export("timegate", tmp_path / "again.yaml", now="2026-03-02T00:00Z")
    assert "# for later" in (tmp_path / "again.yaml").read_text(encoding="utf-8")


def test_the_editor_shows_what_is_wrong_with_a_definition_where_it_is_used(tmp_path: Path) -> None:
    """A problem of a definition has the first place that lists it."""
    config = load(tmp_path)
    editor = tg.ScheduleEditor(config, day="2026-03-02")
    draft = write_draft(config, tg.Scenario(), 1)
    draft["windows"]["night"]["tz"] = "Europe/Berln"
    editor.draft = {**draft, "author": "page"}
    [problem] = editor.answer["problems"]
    assert problem["text"] == "windows.night.tz must be an IANA zone. Got 'Europe/Berln'. Did you mean 'Europe/Berlin'?"
    assert {key: problem[key] for key in ("row", "kind", "index", "field")} == {
        "row": 0, "kind": "time_constraints", "index": 0, "field": "tz"
    }  # fmt: skip


def test_a_definition_that_is_changed_is_changed_for_all(tmp_path: Path) -> None:
    """An export into the old text writes the new definition, and names still stand where they mean it."""
    data = load(tmp_path).to_dict()
    data["windows"]["night"]["start"] = "21:00"
    changed = tg.GatewayConfig.model_validate(data)
    assert [w.start for d in changed.deployments for w in (*d.time_constraints, *d.available)] == [
        "21:00", "01:00", "12:00", "21:00",
    ]  # fmt: skip
    changed.export("timegate", tmp_path / "new.yaml", like=tmp_path / "gateway.yaml", now="2026-03-02T00:00Z")
    expected = TEXT.replace("22:00", "21:00")
    assert (tmp_path / "new.yaml").read_text(encoding="utf-8").partition("\n")[2] == expected


@pytest.mark.parametrize(
    ("windows", "listed", "problems"),
    [
        ({"night": ["22:00", "06:00"]}, ["nigth", "x"], [
            "deployments[0].time_constraints[0] must be a window, or the name of one that windows defines. "
            "Got 'nigth'. Did you mean 'night'?",
            "deployments[0].time_constraints[1] must be a window, or the name of one that windows defines. "
            "Got 'x'. Known: 'night'.",
        ]),
        ({}, ["night"], [
            "deployments[0].time_constraints[0] must be a window, or the name of one that windows defines. "
            "Got 'night'.",
        ]),
        ({"22:00": ["22:00", "06:00"]}, [], [
            "windows.22:00 must have a name like 'night', which neither begins with a digit nor holds a colon. "
            "Got '22:00'.",
        ]),
        ({"a": ["22:00", "06:00"], "b": ["22:00", "6:00"]}, ["a"], [
            "windows.b must not say the same as windows.a: a window has one name.",
        ]),
        ({"a": "b", "b": ["22:00", "06:00"]}, [], [
            "windows.a must be a tuple/list of two strings (start, end), or a mapping. Got 'b'.",
        ]),
        ({"a": ["22:00", "26:00"]}, [], ["windows.a.end must look like 'HH:MM'. Got '26:00'."]),
    ],
)  # fmt: skip
def test_refused_names(windows: dict[str, Any], listed: list[Any], problems: list[str]) -> None:
    """A name that is not defined, that is a time, or that means what another one means is told with its place."""
    deployment = {"model_name": "weak", "model": "sim/small", "time_constraints": listed}
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig(windows=windows, deployments=[deployment])
    assert [str(problem) for problem in caught.value.problems] == problems


def test_a_name_defined_twice_is_refused(tmp_path: Path) -> None:
    """A file that defines a name twice is refused with the name."""
    with pytest.raises(ConfigError, match="noon"):
        load(tmp_path, TEXT.replace("  night: {", "  noon: {", 1))


PRICED = """
windows:
  peak: {start: "09:00", end: "12:00", tz: Asia/Shanghai}  # of Beijing
deployments:
  - model_name: a
    model: sim/a
    price:
      input_per_mtok: 1.0
      bands:
        - {windows: [peak, ["14:00", "18:00"]], times: 2.0}  # double
"""


def test_a_band_may_name_its_windows(tmp_path: Path) -> None:
    """A band of a price has the window itself, and its name and the comments are kept when the config is written."""
    config = load(tmp_path, PRICED)
    price = config.deployments[0].price
    assert price is not None
    assert price.bands[0].windows == (tg.Window("09:00", "12:00", tz="Asia/Shanghai"), tg.Window("14:00", "18:00"))
    assert config.to_dict()["deployments"][0]["price"]["bands"][0]["windows"] == ["peak", ["14:00", "18:00"]]
    config.export("timegate", tmp_path / "gateway.yaml", like=tmp_path / "gateway.yaml")
    text = (tmp_path / "gateway.yaml").read_text(encoding="utf-8")
    assert '{windows: [peak, ["14:00", "18:00"]], times: 2.0}  # double' in text
    assert tg.GatewayConfig.load(tmp_path / "gateway.yaml") == config


def test_a_band_with_a_name_that_is_none(tmp_path: Path) -> None:
    """The error names the place in the band, and the nearest name."""
    with pytest.raises(ConfigError, match=r"price\.bands\[0\]\.windows\[0\] must be .*Did you mean 'peak'") as caught:
        load(tmp_path, PRICED.replace("[peak,", "[peek,"))
    assert len(caught.value.problems) == 1


def test_a_definition_that_the_editor_changes_holds_for_bands(tmp_path: Path) -> None:
    """Bands of prices list the name in a draft, too, edit after edit."""
    config = load(tmp_path, PRICED)
    for start in ("08:00", "07:00"):
        draft = write_draft(config, tg.Scenario(), 1)
        draft["windows"]["peak"]["start"] = start
        config = read_draft(draft, config, tg.Scenario()).config
        price = config.deployments[0].price
        assert price is not None
        assert price.bands[0].windows[0] == config.windows["peak"]
        assert config.windows["peak"].start == start


def test_order_may_follow_a_window_by_name(tmp_path: Path) -> None:
    """``prefer_during`` lists names as other lists do: routed by, written again, and as their definition is changed."""
    config = load(tmp_path, TEXT + "    prefer_during: [night]\n")
    assert config.deployments[1].prefer_during == (NIGHT,)
    assert config.to_dict()["deployments"][1]["prefer_during"] == ["night"]
    for gateway in (config.build(), tg.ModelGateway.from_serialized(config.build().serialize())):
        assert gateway.router.fingerprint == config.router().fingerprint
    draft = write_draft(config, tg.Scenario(), 1)
    draft["windows"]["night"]["start"] = "21:00"
    assert read_draft(draft, config, tg.Scenario()).config.deployments[1].prefer_during[0].start == "21:00"
    with pytest.raises(ConfigError, match=r"prefer_during\[0\] must be .*Did you mean 'night'"):
        load(tmp_path, TEXT + "    prefer_during: [nigt]\n")
