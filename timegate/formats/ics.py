"""A calendar: every window as a recurring event, for people to look at.

What a calendar cannot say, and what stands in its place:

- An event ends without its last instant, a window with it: the calendar shows one microsecond less.
- An hour that daylight saving repeats is covered twice by a window and once by an event, one that it skips not at all
  by a window; each calendar has its own way with both. The events of such windows say so.
- A window without a first date is shown from the day before the export on, for an event has to begin somewhere.
- Models, and the order of fallback, stand in the descriptions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from timegate.core.clock import DAY_US, EPOCH, FIRST_US, LAST_US, from_us
from timegate.core.dates import Days, day_number
from timegate.core.deployment import Deployment, windows_of
from timegate.core.spelling import DAYS, MONTHS
from timegate.core.stretch import stretch
from timegate.core.windows import FIELDS, Window
from timegate.core.zones import constant_offsets
from timegate.errors import MissingExtraError
from timegate.formats.format import Draft, Format, Request, remark
from timegate.problems import written

__all__ = ["FORMAT"]

PRODUCT, TITLE = "-//timegate//timegate//EN", "Deployments and their windows"
_RULED = ("start", "end", "tz", "end_included", "days", "since", "until", "months", "days_of_month")
"""The fields of a window that an event and its rule say."""
LISTED_US = 20 * 366 * DAY_US
"""How far ahead a calendar knows of the changes of its zones' clocks."""


def _translate(request: Request) -> Draft:
    try:
        import icalendar
    except ImportError as error:
        raise MissingExtraError(
            "an export to a calendar needs the package icalendar: pip install 'timegate[ics]'"
        ) from error
    now = from_us(request.now_us)
    calendar = icalendar.Calendar()  # Calendar.new would add a random identity
    for name, value in (("prodid", PRODUCT), ("version", "2.0"), ("x-wr-calname", TITLE)):
        calendar.add(name, value)
    notes = []
    events, begin = [], now.date()
    for (i, kind, j), deployment, whole in windows_of(request.config.deployments):
        say = remark(deployment, i, kind, j)
        place = written(("deployments", i, kind, j), repr(deployment.model_name))
        notes += [say(f"{name} are told until {_listed_until(now)}.") for name in _beyond_rules(whole)]
        for window in _parts(whole):
            first = _first_date(window, now)
            if first is None:
                notes.append(say("never starts from now on: it is left out."))
                continue
            doubtful = _meets_a_change(window, request.now_us)
            if doubtful:
                notes.append(say(f"calendars differ on hours that {window.tz} repeats or skips."))
            begin = min(begin, first)
            events.append(_event(place, deployment, kind, window, first, now, doubtful))
    for tz in sorted({window.tz for _, _, window in windows_of(request.config.deployments)} - {"UTC"}):
        since_us = DAY_US * (begin - EPOCH.date()).days - DAY_US
        calendar.add_component(_zone(tz, max(since_us, FIRST_US), min(request.now_us + LISTED_US, LAST_US)))
    for event in events:
        calendar.add_component(event)
    return Draft(calendar, (), notes)


def _parts(window: Window) -> Iterator[Window]:
    """Cut a window by the weekdays from which it lasts as long, as an event always does."""
    lengths: dict[int, list[str]] = {}
    for name in window.days or DAYS:
        end_us = stretch(window.start, window.end, end_included=False).end_us
        lengths.setdefault(int(end_us[DAYS.index(name[:3])]), []).append(name)
    yield from [window] if len(lengths) == 1 else (replace(window, days=tuple(names)) for names in lengths.values())


def _event(
    place: str, deployment: Deployment, kind: str, window: Window, first: date, now: datetime, doubtful: bool
) -> Any:
    import icalendar

    zone = UTC if window.tz == "UTC" else ZoneInfo(window.tz)
    closed = kind == "time_constraints"
    notes = [
        f"{deployment.model_name} ({deployment.model}) {'may not' if closed else 'may'} be used from {window.start} to "
        f"{window.end}, {window.tz}.",
        deployment.description or "",
        f"Hours that {window.tz} repeats are covered twice, hours that it skips not at all." if doubtful else "",
    ]
    identity = json.dumps([place, window.to_config()])
    event = icalendar.Event()
    texts = {
        "uid": f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}@timegate",
        "summary": f"{deployment.model_name}: {'closed' if closed else 'available'}",
        "description": "\n".join(filter(None, notes)),
        "categories": ["closed" if closed else "available"],
        "transp": "TRANSPARENT",
    }
    for name, value in texts.items():
        event.add(name, _printable(value) if isinstance(value, str) else value)
    event.add("dtstamp", now.replace(microsecond=0))
    start = time.fromisoformat(window.start)
    event.add("dtstart", datetime.combine(first, start, zone))
    if window.start != window.end:  # an event without an end is an instant
        midnight = datetime.combine(first, time(0))
        end_us = stretch(window.start, window.end, end_included=False).end_us[first.weekday()]
        event.add("dtend", (midnight + timedelta(microseconds=int(end_us))).replace(tzinfo=zone))
    horizon = _listed_until(now)
    if window.on_holidays == "only":
        others = window.start_days(day_number(first) + 1, day_number(horizon))
        if len(others):
            event.add("rdate", [datetime.combine(day, start, zone) for day in _dates(others)])
        return event
    event.add("rrule", _rule(window, zone))
    ruled = replace(window, **{name: default for name, default in FIELDS.items() if name not in _RULED})
    last = max([*window.except_dates, *([horizon] if _beyond_rules(window) else [])], default=first)
    span = day_number(first), day_number(last)
    if len(left_out := np.setdiff1d(ruled.start_days(*span), window.start_days(*span))):
        event.add("exdate", [datetime.combine(day, start, zone) for day in _dates(left_out)])
    return event


def _beyond_rules(window: Window) -> list[str]:
    """Return which conditions of its dates go on for ever, and are no rule: their dates are told one by one."""
    known = (*_RULED, "except_dates", "on_holidays")
    return [name for name, default in FIELDS.items() if name not in known and getattr(window, name) != default]


def _rule(window: Window, zone: tzinfo) -> dict[str, Any]:
    """Say when a window recurs, but for single dates (RFC 5545, 3.3.10)."""
    days = [name.partition("#") for name in window.days or ()]
    is_nth = any(nth for _, _, nth in days)
    if is_nth:  # some readers take FR,1MO for the Fridays that are first Mondays
        by_day = [f"{n}{day[:2].upper()}" for day, _, nth in days for n in ([nth] if nth else range(1, 6))]
    else:
        by_day = [day[:2].upper() for day, _, _ in days]
    is_monthly = is_nth or window.days_of_month is not None
    rule: dict[str, Any] = {"freq": "MONTHLY" if is_monthly else "WEEKLY" if by_day else "DAILY"}
    if by_day:
        rule["byday"] = by_day
    if window.months is not None:
        rule["bymonth"] = [MONTHS.index(month) + 1 for month in window.months]
    if window.days_of_month is not None:
        rule["bymonthday"] = list(window.days_of_month)
    last = _last_date(window)
    if last is not None:
        rule["until"] = datetime.combine(last, time(23, 59, 59), zone).astimezone(UTC)
    return rule


def _zone(tz: str, start_us: int, end_us: int) -> Any:
    """Say what offset a zone has in a stretch of time. Each change is given in the local time before it (RFC 5545)."""
    import icalendar

    zone = icalendar.Timezone()
    zone.add("tzid", tz)
    offsets = constant_offsets(tz, start_us, end_us)
    changes: dict[tuple[int, int], list[int]] = {(offsets[0][2], offsets[0][2]): [start_us]}
    for (_, _, before_us), (at_us, _, after_us) in pairwise(offsets):
        if before_us != after_us:
            changes.setdefault((before_us, after_us), []).append(at_us)
    for (before_us, after_us), instants in changes.items():
        local = [from_us(at_us + before_us).replace(tzinfo=None) for at_us in instants]
        part = icalendar.TimezoneDaylight() if after_us > before_us else icalendar.TimezoneStandard()
        part.add("dtstart", local[0])
        if local[1:]:
            part.add("rdate", local[1:])
        part.add("tzoffsetfrom", timedelta(microseconds=before_us))
        part.add("tzoffsetto", timedelta(microseconds=after_us))
        part.add("tzname", from_us(instants[0]).astimezone(ZoneInfo(tz)).tzname())
        zone.add_component(part)
    return zone


def _printable(text: str) -> str:
    """Return text with the characters escaped that a calendar may not hold."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _last_date(window: Window) -> date | None:
    """Return the last date on which the window starts; None if that lies beyond all instants."""
    return None if window.until is None or window.until >= from_us(LAST_US).date() else window.until


def _first_date(window: Window, now: datetime) -> date | None:
    """Return the first date on which the window starts, of those before now only the last; None if there is none."""
    today = now.astimezone(ZoneInfo(window.tz)).date()
    first = today - timedelta(days=max(1, window.reach_days))
    if window.since is not None:
        first = max(window.since, from_us(FIRST_US).date())
    day = day_number(first)
    for reach in (400, 20_000, LAST_US // DAY_US - day):  # most start soon
        if len(found := window.start_days(day, day + reach)):
            return _date(found[0])
    return None


def _listed_until(now: datetime) -> date:
    return min(now + timedelta(microseconds=LISTED_US), from_us(LAST_US)).date()


def _date(day: int) -> date:
    return EPOCH.date() + timedelta(days=int(day))


def _dates(days: Days) -> list[date]:
    return [_date(day) for day in days]


def _meets_a_change(window: Window, now_us: int) -> bool:
    """Whether within a year the clocks repeat or skip time of the window."""
    offsets = constant_offsets(window.tz, now_us, min(now_us + 366 * DAY_US, LAST_US))
    for (_, _, before_us), (at_us, _, after_us) in pairwise(offsets):
        first_us, last_us = sorted((at_us + before_us, at_us + after_us))
        day = first_us // DAY_US
        for start_us, end_us in window.local_us(np.arange(day - max(1, window.reach_days), day + 1)).tolist():
            if first_us < last_us and start_us < last_us and first_us < end_us:
                return True
    return False


def _render(draft: Draft, request: Request, remarks: Sequence[str]) -> bytes:
    deployments = enumerate(request.config.deployments, start=1)
    calendar = draft.data.copy()  # which is its head alone
    calendar.subcomponents = draft.data.subcomponents
    listed = [f"{i}. {deployment.model_name}: {deployment.model}" for i, deployment in deployments]
    calendar.add("description", _printable("\n".join(["In order of fallback:", *listed, *remarks])))
    return bytes(calendar.to_ical())


def _is_right(path: Path, draft: Draft, request: Request) -> bool:
    import icalendar

    written = icalendar.Calendar.from_ical(path.read_bytes())
    return bool(written.subcomponents == draft.data.subcomponents)


FORMAT = Format("a calendar", _translate, _render, _is_right)
