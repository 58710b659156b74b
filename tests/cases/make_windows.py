"""Write ``windows.json``: what windows mean, as cases that Python and JavaScript both answer.

``python -m tests.cases.make_windows`` writes the answers of :class:`timegate.Window`. tests/test_window_cases.py holds
them to plain zoneinfo, and tests/js/windows.test.mjs holds the page of the editor to them. A new field of a window
needs a case below: a test names the fields that change no answer here.
"""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from timegate import Window
from timegate.core.clock import DAY_US, MINUTE_US, from_us
from timegate.errors import WindowError
from timegate.widgets import live

FILE = Path(__file__).parent / "windows.json"
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Case(NamedTuple):
    """A window and the days on which to look at it: ``axis`` is a day, or a week, from a local date on."""

    why: str
    window: Window
    day: str = "2026-03-02"  # a Monday
    axis: str = "week"


CASES = [
    Case("both ends are included, to the microsecond", Window("09:00", "17:30"), axis="day"),
    Case("it crosses midnight: the axis begins in its tail", Window("22:00", "06:00")),
    Case("start == end is that instant", Window("09:00", "09:00")),
    Case("midnight to midnight is one instant", Window("00:00", "00:00")),
    Case("24:00 is through the end of the day", Window("18:00", "24:00", days=["mon"])),
    Case("00:00 is the first instant of the next day", Window("18:00", "00:00", days=["tue"])),
    Case("a whole day touches the next", Window("00:00", "24:00", days=["mon", "tue", "thu"])),
    Case("a day but for a minute crosses midnight", Window("12:00", "11:59", days=["wed"])),
    Case("a friday night covers saturday's morning", Window("22:00", "06:00", days=["fri"])),
    Case("a sunday night reaches into the axis from before it", Window("22:00", "06:00", days=["sun"])),
    Case("since is a date on which it starts", Window("22:00", "06:00", since="2026-03-04")),
    Case("until is one too: its night goes on", Window("22:00", "06:00", until="2026-03-04")),
    Case("since and until may be one date", Window("22:00", "06:00", since="2026-03-04", until="2026-03-04")),
    Case("a left-out date keeps the tail of the night before", Window("22:00", "06:00", except_dates=["2026-03-03"])),
    Case(
        "all of it together, in a zone",
        Window(
            "23:15",
            "01:45",
            tz="America/Sao_Paulo",
            days=["mon", "wed", "fri", "sat"],
            since="2026-03-03",
            until="2026-03-07",
            except_dates=["2026-03-06", "2027-01-01"],
        ),
    ),
    Case("the first and the last friday of a month", Window("22:00", "06:00", days=["fri#1", "fri#-1"]), "2026-05-25"),
    Case("the fifth monday from the end is there or not", Window("22:00", "06:00", days=["mon#-5", "tue"])),
    Case("months end with the date of the start", Window("22:00", "06:00", months="jan-mar"), "2026-03-30"),
    Case("days of the month count from either end", Window("22:00", "23:00", days_of_month=[1, -2]), "2026-03-30"),
    Case("february ends on the 29th in a leap year", Window("22:00", "23:00", days_of_month=-1), "2024-02-26"),
    Case("all conditions hold", Window("9:00", "17:00", months="mar", days_of_month=[2, 3], days=["tue"])),
    Case("not on bavaria's epiphany", Window("09:00", "17:00", days="mon-fri", holidays="DE-BY"), "2026-01-05"),
    Case("only on the holidays of china", Window("22:00", "06:00", holidays="CN", on_holidays="only"), "2026-02-16"),
    Case("not on dates of one's own", Window("22:00", "06:00", holidays=["2026-03-04"])),
    Case("only on them", Window("22:00", "06:00", holidays=["2026-03-04"], on_holidays="only")),
    Case("a weekend is one window", Window("18:00", "mon 08:00", tz="Europe/Berlin", days=["fri"]), "2026-03-26"),
    Case("the axis begins on its third day", Window("18:00", "mon 08:00", days=["fri"]), "2026-03-01", "day"),
    Case("the same weekday is a week later", Window("08:00", "wed 07:59", days=["wed"]), "2026-03-03"),
    Case("the same weekday is today", Window("08:00", "wed 24:00", days=["wed"])),
    Case("each start has its end", Window("18:00", "thu 18:00", days_of_month=[3, 12]), "2026-03-09"),
    Case("its end is not included", Window("22:00", "06:00", end_included=False)),
    Case("nor that of a weekend", Window("18:00", "mon 00:00", days=["fri"], end_included=False)),
    Case("a zone of half hours", Window("09:00", "17:00", tz="Asia/Kolkata", days=["mon", "sun"])),
    Case("a zone of quarters, where it is tomorrow", Window("00:00", "02:00", tz="Pacific/Chatham", days=["tue"])),
    Case("an hour that occurs twice", Window("02:15", "02:45", tz="Europe/Berlin"), "2026-10-25", "day"),
    Case("the clocks go back inside of it", Window("01:00", "03:30", tz="Europe/Berlin"), "2026-10-25", "day"),
    Case("and just before its end", Window("01:00", "02:30", tz="Europe/Berlin"), "2026-10-25", "day"),
    Case("and just after its start", Window("02:30", "03:30", tz="Europe/Berlin"), "2026-10-25", "day"),
    Case("an hour that does not occur", Window("02:15", "02:45", tz="Europe/Berlin"), "2026-03-29", "day"),
    Case("the clocks go forward inside of it", Window("01:00", "03:30", tz="Europe/Berlin"), "2026-03-29", "day"),
    Case("its start does not occur", Window("02:30", "04:00", tz="Europe/Berlin"), "2026-03-29", "day"),
    Case("its end does not occur", Window("01:00", "02:30", tz="Europe/Berlin"), "2026-03-29", "day"),
    Case("an instant at which they go back", Window("03:00", "03:00", tz="Europe/Berlin"), "2026-10-25", "day"),
    Case("lord howe repeats half an hour", Window("01:30", "01:59", tz="Australia/Lord_Howe"), "2026-04-05", "day"),
    Case("beirut skips midnight", Window("23:00", "01:30", tz="Asia/Beirut", days=["sat", "sun"]), "2026-03-26"),
    Case("havana repeats midnight", Window("23:30", "00:30", tz="America/Havana"), "2026-10-30"),
    Case("samoa skipped a friday", Window("10:00", "11:00", tz="Pacific/Apia", days=["fri"]), "2011-12-28"),
    Case("the night over it is short", Window("22:00", "06:00", tz="Pacific/Apia", days=["thu"]), "2011-12-28"),
    Case("the year turns in it", Window("22:00", "06:00", tz="Europe/Berlin", days=["wed"]), "2025-12-29"),
    Case("liberia was 44 minutes and 30 seconds late", Window("09:00", "17:00", tz="Africa/Monrovia"), "1972-01-05"),
]

TIMES = [
    *(
        "9:30",
        "09:30",
        "9:3",
        "00:00",
        "0:0",
        "23:59",
        "24:00",
        "24:0",
        "24:01",
        "25:00",
        "12:60",
        "-1:00",
        "+1:00",
        "",
    ),
    *("12", "12:", ":30", "12:5x", "12:30:00", "012:30", " 9:30", "9:30 ", "9 :30", "\uff19:30", "1e1:00", "9:30\n"),
]
DATES = [
    *("2026-03-02", "1970-01-01", "1969-12-31", "2024-02-29", "2026-02-29", "1900-02-29", "2000-02-29", "2026-04-31"),
    *("2026-13-01", "2026-00-10", "2026-01-00", "0001-01-01", "0099-12-31", "0000-01-01", "9999-12-31", "10000-01-01"),
    *("26-01-01", "2026-1-1", "20260302", "2026-W10-1", "2026-03-02T00:00", " 2026-03-02", "2026-03-02\n", ""),
]


def window_of(window: Window) -> dict[str, Any]:
    """Return a window as the editor's draft holds it."""
    plain = window.to_config()
    return dict(zip(("start", "end"), plain, strict=True)) if isinstance(plain, list) else plain


def text_of(at_us: int) -> str:
    """Return an instant as ISO text to the microsecond."""
    return f"{from_us(at_us):%Y-%m-%dT%H:%M:%S.%fZ}"


def offsets(tz: str, day: date, start_us: int, end_us: int) -> list[list[float]]:
    """Return what the kernel sends of a zone, as far as it bears on the axis: next year's rules may change yet."""
    low, high = (start_us - DAY_US) / MINUTE_US, (end_us + DAY_US) / MINUTE_US
    sent = live.offsets([tz], day)[tz]
    return [row for row, after in zip(sent, [*sent[1:], [math.inf]], strict=True) if row[0] < high and after[0] > low]


def answered(case: Case) -> dict[str, Any]:
    """Return a case with what JavaScript is given besides, and the answers."""
    day = date.fromisoformat(case.day)
    start_us, end_us = live.day_span_us(day, case.window.tz, case.axis)
    spans = case.window.spans_us(start_us, end_us).tolist()
    calendar = case.window.holidays
    return {
        "why": case.why,
        "window": window_of(case.window),
        "day": case.day,
        "axis": case.axis,
        "zone": offsets(case.window.tz, day, start_us, end_us),
        "holidays": live.holidays([calendar], day) if isinstance(calendar, str) else {},
        "from": text_of(start_us),
        "to": text_of(end_us),
        "spans": [[text_of(first_us), text_of(end_us - 1)] for first_us, end_us in spans],
    }


def minutes(text: str, field: str) -> int | None:
    """Return the minutes of a window's start or end as it is read, or None where it is refused."""
    try:
        hour, minute = getattr(Window(**{"start": "12:00", "end": "12:00", field: text}), field).split(":")
    except WindowError:
        return None
    return 60 * int(hour) + int(minute)


def days(text: str) -> int | None:
    """Return the days since the epoch of a date as a window reads it, or None where it is refused."""
    try:
        since = Window("12:00", "12:00", since=text).since
    except WindowError:
        return None
    assert since is not None
    return since.toordinal() - EPOCH_ORDINAL


def made() -> str:
    """Return the file: one case a line, so that a change shows which."""
    parts = {
        "windows": [answered(case) for case in CASES],
        "times": [{"text": t, "start": minutes(t, "start"), "end": minutes(t, "end")} for t in TIMES],
        "dates": [{"text": text, "day": days(text)} for text in DATES],
    }
    blocks = (
        f'"{name}": [\n' + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]"
        for name, items in parts.items()
    )
    return '{\n"made_by": "python -m tests.cases.make_windows",\n' + ",\n".join(blocks) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(made(), encoding="utf-8")
