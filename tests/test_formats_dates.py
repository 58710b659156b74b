"""Files of dates: read beside the config that names them, kept where they still say the same, and refused by line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import timegate as tg
from timegate.errors import ConfigError, WindowError

CONFIG = """# Closed when the plant is.
deployments:
  - model_name: weak
    model: sim/small
    time_constraints:
      # all of the day
      - {start: "00:00", end: "24:00", holidays: closures.txt, on_holidays: only}
"""
DATES = (date(2026, 12, 24), date(2026, 12, 31))


def write(folder: Path, dates: str = "2026-12-24\n2026-12-31\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "closures.txt").write_text(dates, encoding="utf-8")
    (folder / "gateway.yaml").write_text(CONFIG, encoding="utf-8")
    return folder / "gateway.yaml"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plain.txt", "2026-12-31\n2026-12-24\n2026-12-24\n"),
        ("remarks.txt", "# of the plant\n\n2026-12-24  Christmas Eve\n2026-12-31 # and the next\n"),
        ("heading.csv", 'Date,Why\n"2026-12-24",Christmas Eve\n2026-12-31;x\n'),
        ("bom.csv", "\ufeff2026-12-24,a\r\n2026-12-31,b\r\n"),
        (
            "calendar.ICS",
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"
            "BEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261225\r\nEND:VEVENT\r\n"
            "BEGIN:VEVENT\r\nUID:2\r\nDTSTART;VALUE=DATE:20261231\r\nEND:VEVENT\r\n"
            "BEGIN:VEVENT\r\nUID:3\r\nDTSTART:20261230T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ),
    ],
)
def test_dates_of_a_file(tmp_path: Path, name: str, text: str) -> None:
    """A date a line, with remarks, a heading or none; of a calendar the whole days."""
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert tg.read_holidays(tmp_path / name) == DATES


def test_an_event_of_several_days_counts_whole(tmp_path: Path) -> None:
    """The end of an event is not included."""
    event = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nEND:VEVENT\n"
    (tmp_path / "a.ics").write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}END:VCALENDAR\n")
    assert [day.day for day in tg.read_holidays(tmp_path / "a.ics")] == [24, 25, 26]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.txt", "2026-12-24\nsoon\n", "line 2 must begin with a local date like '2026-03-02'. Got 'soon'."),
        ("a.txt", "2026-02-30\n", "line 1 must begin with a local date"),
        ("a.csv", "24.12.2026,x\n", "line 1 must begin with a local date"),
        ("a.txt", "# none\n", "must name at least one date."),
        ("a.ics", "2026-12-24\n", "must be a calendar"),
        (
            "a.ics",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:New Year\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=YEARLY\n"
            "END:VEVENT\nEND:VCALENDAR\n",
            "'New Year' recurs. Give its dates, or a country.",
        ),
    ],
)
def test_refused_files(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """What is no date is told by its line; the message begins with the path."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        tg.read_holidays(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert problem in str(caught.value)


def test_a_config_names_a_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is that beside the config, wherever one works; the dates become part of the config."""
    path = write(tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    for loaded in (tg.GatewayConfig.load(path), tg.GatewayConfig.load("conf/gateway.yaml")):
        assert loaded.deployments[0].time_constraints[0].holidays == DATES
        loaded.save(tmp_path / "saved.yaml")
        assert tg.GatewayConfig.load(tmp_path / "saved.yaml") == loaded


def test_an_export_keeps_the_name_where_the_file_says_the_same(tmp_path: Path) -> None:
    """Beside the same dates the name stays; elsewhere, and for other dates, they are written out."""
    path = write(tmp_path / "conf")
    config = tg.GatewayConfig.load(path)
    config.export("timegate", path, now="2026-03-02T00:00Z")
    assert path.read_text(encoding="utf-8").partition("\n")[2] == CONFIG
    for folder, dates in (("none", None), ("other", "2026-12-24\n")):
        elsewhere = write(tmp_path / folder, dates or "2026-12-24\n")
        if dates is None:
            (elsewhere.parent / "closures.txt").unlink()
        config.export("timegate", elsewhere, now="2026-03-02T00:00Z")
        text = elsewhere.read_text(encoding="utf-8")
        assert "closures.txt" not in text
        assert "# all of the day" in text
        assert tg.GatewayConfig.load(elsewhere) == config


def test_a_missing_file_is_told_with_its_place(tmp_path: Path) -> None:
    """The place in the config, and the path that was tried."""
    path = write(tmp_path)
    (tmp_path / "closures.txt").unlink()
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.load(path)
    assert "deployments[0].time_constraints[0].holidays must name a file of dates." in str(caught.value)
    assert str(tmp_path / "closures.txt") in str(caught.value)


def test_a_window_that_is_built_by_hand_says_who_reads_files() -> None:
    """Only a config file has a folder; elsewhere one reads the file oneself."""
    with pytest.raises(WindowError, match=r"A file of dates is read by read_holidays\('closures.txt'\)"):
        tg.Window("00:00", "24:00", holidays="closures.txt")
