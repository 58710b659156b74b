"""Exports to calendars, expanded by libraries that we did not write."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import strategies
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.core.clock import DAY_US, from_us, to_us
from timegate.core.spans import union
from timegate.core.spelling import MONTHS
from timegate.errors import MissingExtraError, WindowError

icalendar = pytest.importorskip("icalendar")
recurring = pytest.importorskip("recurring_ical_events")

NOW = "2026-02-16T10:00Z"  # a Monday
WEEKS = 9  # over both springs, of America and of Europe


def calendar(tmp_path: Path, *windows: Any, kind: str = "time_constraints", **options: Any) -> Any:
    config = tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small", kind: list(windows)}])
    config.export("ics", tmp_path / "out.ics", now=NOW, **options)
    return icalendar.Calendar.from_ical((tmp_path / "out.ics").read_bytes())


def bytes_or_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def expanded(found: Any, window: tg.Window, start_us: int, end_us: int) -> list[list[int]]:
    """Return the stretches of all events, as an independent library expands them, with the end that a window has."""
    events = recurring.of(found).between(from_us(start_us), from_us(end_us))
    more = int(window.end_included and not window.end.endswith("24:00"))  # an event ends with the minute
    bounds = [(e["DTSTART"].dt, e["DTEND"].dt if "DTEND" in e else e["DTSTART"].dt) for e in events]
    clipped = [(max(to_us(lo, "start"), start_us), min(to_us(hi, "end") + more, end_us)) for lo, hi in bounds]
    parts = [np.array([part]) for part in clipped if part[0] < part[1]]
    return union(parts).tolist()


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Etc/GMT+3")
daytime = st.builds("{:02}:{:02}".format, st.integers(4, 23), st.integers(0, 59))  # where no clocks change
weekdays = st.sampled_from([*strategies.DAYS, "mon#1", "fri#-1", "tue#3", "sun#5"])
dates = st.integers(-3, 60).map(lambda n: date(2026, 2, 16) + timedelta(n))


@st.composite
def windows(draw: st.DrawFn) -> tg.Window:
    """Draw windows in which no clocks change: by day anywhere, across midnight in zones of fixed offset."""
    tz = draw(st.sampled_from(ZONES))
    start, end = draw(daytime), draw(daytime | st.just("24:00"))
    if start > end and tz in ("Europe/Berlin", "America/New_York"):
        start, end = end, start
    terms = draw(st.tuples(st.none() | dates, st.none() | dates))
    since, until = sorted(terms) if all(terms) else terms  # type: ignore[type-var]
    holidays = draw(st.sampled_from([None, None, "DE-BY", "CN", "US"]) | st.lists(dates, min_size=1, max_size=3))
    later = st.sampled_from(strategies.DAYS).map(lambda day: f"{day} {end}")
    fixed = tz not in ("Europe/Berlin", "America/New_York")
    try:
        return tg.Window(
            start,
            draw(st.just(end) | later) if fixed else end,
            tz,
            draw(st.none() | st.lists(weekdays, min_size=1, max_size=5, unique=True)),
            since,
            until,
            draw(st.lists(dates, max_size=3)),
            months=draw(st.none() | st.lists(st.sampled_from(MONTHS[:6]), min_size=1)),
            days_of_month=draw(st.none() | st.lists(st.sampled_from([1, 2, 3, 28, 29, -1, -2, 15]), min_size=1)),
            holidays=holidays,
            on_holidays="skip" if holidays is None else draw(st.sampled_from(["skip", "only"])),
            end_included=start == end or draw(st.booleans()),
        )
    except WindowError as error:
        if error.field not in ("end", "end_included"):
            raise
        reject()  # longer than its period, or nothing


@examples(100)
@given(window=windows())
def test_events_are_where_windows_are(tmp_path_factory: pytest.TempPathFactory, window: tg.Window) -> None:
    """Over nine weeks with changes of the clocks, an independent expansion gives the stretches of the window."""
    found = calendar(tmp_path_factory.mktemp("out"), window.to_config())
    start_us = to_us(NOW, "now")
    end_us = start_us + WEEKS * 7 * DAY_US
    assert expanded(found, window, start_us, end_us) == window.spans_us(start_us, end_us).tolist()


@pytest.mark.parametrize("tz", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_zones_are_right_for_readers_that_know_none(tz: str, tmp_path: Path) -> None:
    """Read by dateutil from the calendar alone, the zone has zoneinfo's offset at every hour of four years."""
    tzical = pytest.importorskip("dateutil.tz").tzical
    text = calendar(tmp_path, {"start": "08:00", "end": "09:00", "tz": tz}).to_ical().decode()
    body = text[text.index("BEGIN:VTIMEZONE") : text.index("END:VTIMEZONE")] + "END:VTIMEZONE\r\n"
    zone = tzical(io.StringIO(body.replace("\r\n", "\n"))).get(tz)
    local = datetime(2026, 2, 17)
    doubtful = 0
    while local.year < 2030:
        theirs, ours = (local.replace(tzinfo=z).utcoffset() for z in (zone, ZoneInfo(tz)))
        doubtful += theirs != ours
        local += timedelta(hours=1)
    assert doubtful <= 8  # one hour of each change is skipped or repeated, and readers differ on it


@pytest.mark.parametrize(
    ("tz", "kind", "start", "before", "after"),
    [
        ("Europe/Berlin", "DAYLIGHT", "20260329T020000", "+0100", "+0200"),
        ("Europe/Berlin", "STANDARD", "20261025T030000", "+0200", "+0100"),
        ("America/New_York", "DAYLIGHT", "20260308T020000", "-0500", "-0400"),
        ("Australia/Lord_Howe", "STANDARD", "20260405T020000", "+1100", "+1030"),
    ],
)
def test_clocks_change_at_the_local_time_before(
    tz: str, kind: str, start: str, before: str, after: str, tmp_path: Path
) -> None:
    """The changes of 2026 stand in the calendar by the clock that they end (RFC 5545, 3.6.5)."""
    (zone,) = calendar(tmp_path, {"start": "08:00", "end": "09:00", "tz": tz}).walk("VTIMEZONE")
    parts = [
        tuple(bytes_or_text(part[name].to_ical()) for name in ("DTSTART", "TZOFFSETFROM", "TZOFFSETTO"))
        for part in zone.walk(kind)
    ]
    assert (start, before, after) in parts


@pytest.mark.parametrize(
    ("window", "lines"),
    [
        (["22:00", "06:00"], {"DTSTART": "20260215T220000Z", "DTEND": "20260216T060000Z", "RRULE": "FREQ=DAILY"}),
        (["22:00", "24:00"], {"DTSTART": "20260215T220000Z", "DTEND": "20260216T000000Z"}),
        (["12:00", "12:00"], {"DTSTART": "20260215T120000Z", "DTEND": None}),
        (
            {"start": "08:00", "end": "20:00", "tz": "Europe/Berlin", "days": ["mon", "fri"]},
            {"DTSTART": "20260216T080000", "RRULE": "FREQ=WEEKLY;BYDAY=MO,FR"},
        ),
        (
            {"start": "08:00", "end": "20:00", "since": "2026-01-01", "until": "2026-12-31", "tz": "America/New_York"},
            {"DTSTART": "20260101T080000", "RRULE": "FREQ=DAILY;UNTIL=20270101T045959Z"},
        ),
        (
            {"start": "08:00", "end": "20:00", "except_dates": ["2026-01-01", "2026-12-25"]},
            {"DTSTART": "20260215T080000Z", "EXDATE": "20261225T080000Z"},
        ),
        (
            {"start": "08:00", "end": "20:00", "since": "1600-01-01", "until": "9999-12-31", "tz": "Europe/Amsterdam"},
            {"DTSTART": "19000101T080000", "RRULE": "FREQ=DAILY"},
        ),
    ],
)  # fmt: skip
def test_how_a_window_is_written(window: Any, lines: dict[str, str | None], tmp_path: Path) -> None:
    """Ends, weekdays, first and last dates and exceptions stand where calendars look for them."""
    (event,) = calendar(tmp_path, window).events
    for name, value in lines.items():
        assert (event[name].to_ical().decode() if name in event else None) == value
    assert str(event["summary"]) == "weak: closed"


def test_what_people_read(tmp_path: Path) -> None:
    """Summaries and descriptions tell the deployment, its model and its windows, and the calendar the order."""
    config = tg.GatewayConfig(
        deployments=[
            {"model_name": "strong, naïve\n\x07", "model": "openai/gpt-4.1", "available": [["08:00", "20:00"]],
             "description": "the best; of all"},
            {"model_name": "weak", "model": "sim/small"},
        ]
    )  # fmt: skip
    config.export("ics", tmp_path / "out.ics", now=NOW)
    found = icalendar.Calendar.from_ical((tmp_path / "out.ics").read_bytes())
    (event,) = found.events
    assert str(event["summary"]) == "strong, naïve\n\\x07: available"
    assert "may be used from 08:00 to 20:00, UTC.\nthe best; of all" in str(event["description"])
    assert str(found["description"]).startswith(
        "In order of fallback:\n1. strong, naïve\n\\x07: openai/gpt-4.1\n2. weak"
    )
    assert "Checked by timegate" in str(found["description"])


def test_hours_that_change_are_said_to(tmp_path: Path) -> None:
    """The events of windows that meet a change of the clocks say so; of others they do not."""
    hours = {"tz": "Europe/Berlin"}
    found = calendar(
        tmp_path,
        {"start": "01:30", "end": "02:30"} | hours,
        {"start": "22:00", "end": "06:00"} | hours,
        {"start": "03:01", "end": "22:00"} | hours,
        {"start": "01:30", "end": "02:30", "tz": "Asia/Kolkata"},
    )
    assert ["repeats" in str(event["description"]) for event in found.events] == [True, True, False, False]


def test_windows_that_are_over_are_left_out(tmp_path: Path) -> None:
    """A window that never starts from now on has no event, and a note."""
    over = {"start": "01:00", "end": "02:00", "until": "2026-02-14"}
    never = {"start": "01:00", "end": "02:00", "since": "2026-03-02", "until": "2026-03-08", "days": ["mon"],
             "except_dates": ["2026-03-02"]}  # fmt: skip
    assert not calendar(tmp_path, over, never).events
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "time_constraints": [over, never]}])
    notes = config.export("ics", tmp_path / "out.ics", now=NOW).notes
    assert notes == tuple(
        f"deployments[0] 'a': time_constraints[{i}]: never starts from now on: it is left out." for i in range(2)
    )


def test_the_same_calendar_each_time(tmp_path: Path) -> None:
    """At the same time, the same config gives the same bytes; every event has an identity of its own."""
    window = {"start": "08:00", "end": "20:00", "tz": "Europe/Berlin"}
    first = calendar(tmp_path, window, window, ["01:00", "02:00"]).to_ical()
    found = calendar(tmp_path, window, window, ["01:00", "02:00"])
    assert found.to_ical() == first
    assert set(Counter(str(event["uid"]) for event in found.events).values()) == {1}


@settings(max_examples=30)
@given(config=strategies.eras.flatmap(strategies.configs))
def test_any_config_has_a_calendar(tmp_path_factory: pytest.TempPathFactory, config: tg.GatewayConfig) -> None:
    """Any config is exported, and each window has an event or a note that says why not."""
    path = tmp_path_factory.mktemp("out") / "out.ics"
    exported = config.export("ics", path, now="2026-03-28T00:00Z")
    found = icalendar.Calendar.from_ical(path.read_bytes())
    left_out = sum("left out" in note for note in exported.notes)
    count = sum(len(d.time_constraints) + len(d.available) for d in config.deployments)
    assert len(found.events) + left_out == count
    assert not exported.lost


def test_without_icalendar_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, the error says which command installs it, and nothing is written."""
    monkeypatch.setitem(__import__("sys").modules, "icalendar", None)
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    with pytest.raises(MissingExtraError, match=r"pip install 'timegate\[ics\]'"):
        config.export("ics", tmp_path / "out.ics")
    assert not list(tmp_path.iterdir())
