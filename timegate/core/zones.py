"""Zones: their names, and when their offsets from UTC change."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator

from timegate.core.clock import DAY_US, SECOND_US, from_us
from timegate.errors import InvalidTypeError, WindowError, did_you_mean, shown
from timegate.problems import Problem

__all__ = ["ZoneName", "bin_origin_us", "check_zone", "constant_offsets", "midnight_us", "monday_us"]


_STEP_S = 3 * 86_400


def midnight_us(at_us: int, tz: str) -> int:
    """Return the beginning of the local day that an instant lies in; the first, where midnight occurs twice.

    Examples
    --------
    >>> from timegate.core.clock import from_us, to_us
    >>> str(from_us(midnight_us(to_us("2026-03-02T01:00Z", "at"), "America/Sao_Paulo")))
    '2026-03-01 03:00:00+00:00'
    """
    local = from_us(at_us).astimezone(ZoneInfo(tz))
    start = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    return (start - from_us(0)) // timedelta(microseconds=1)


def monday_us(at_us: int, tz: str) -> int:
    """Return the beginning of the local Monday on or before the day that an instant lies in.

    Examples
    --------
    >>> from timegate.core.clock import from_us, to_us
    >>> str(from_us(monday_us(to_us("2026-03-04T12:00Z", "at"), "Europe/Berlin")))
    '2026-03-01 23:00:00+00:00'
    """
    weekday = from_us(at_us).astimezone(ZoneInfo(tz)).weekday()
    return midnight_us(midnight_us(at_us, tz) + DAY_US // 2 - weekday * DAY_US, tz)


def bin_origin_us(first_us: int, step_us: int, tz: str) -> int:
    """Return a local midnight from which bins count, so that none begins on the day before the first arrival."""
    check_zone(tz)
    if tz == "UTC" and (DAY_US % step_us == 0 or step_us % DAY_US == 0):
        return 0  # midnights are multiples already
    return midnight_us(first_us, tz)


def constant_offsets(tz: str, start_us: int, end_us: int) -> list[tuple[int, int, int]]:
    """Cut ``[start_us, end_us)`` where the zone's offset from UTC changes, and at new years: (since, until, offset)."""
    if tz == "UTC":
        return [(start_us, end_us, 0)]
    # Whole years, so that the cache serves a clock that moves on.
    first, last = (from_us(us).year for us in (start_us, max(start_us, end_us - 1)))
    changes = [change for year in range(first, last + 1) for change in _offset_changes(tz, year)]
    cuts = []
    for (since_us, offset_us), (until_us, _) in zip(changes, [*changes[1:], (end_us, 0)], strict=True):
        lo, hi = max(since_us, start_us), min(until_us, end_us)
        if lo < hi:
            cuts.append((lo, hi, offset_us))
    return cuts


@functools.lru_cache(maxsize=4096)
def _offset_changes(tz: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return the start of a UTC year and each change of offset in it, as (instant, offset from there on).

    zoneinfo does not publish its transitions, so they are found by asking for the offset of every third day and
    halving the stretches over which it differs. No zone has ever changed twice within three days (tested).
    """
    zone = ZoneInfo(tz)

    def offset(second: int) -> int:
        delta = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        assert delta is not None  # noqa: S101 - ZoneInfo always knows
        return round(delta.total_seconds())

    start, stop = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + 1))
    found = [(start, offset(start))]
    for day in range(start, stop, _STEP_S):
        before, after = found[-1][1], offset(min(day + _STEP_S, stop - 1))
        if before != after:
            lo, hi = day, min(day + _STEP_S, stop - 1)
            while hi - lo > 1:
                middle = (lo + hi) // 2
                lo, hi = (middle, hi) if offset(middle) == before else (lo, middle)
            found.append((hi, after))
    return tuple((at * SECOND_US, offset_s * SECOND_US) for at, offset_s in found)


def check_zone(value: object) -> str:
    """Return the name of a zone, or raise the error of a window whose ``tz`` it is."""
    if not isinstance(value, str):
        text = f"must be the name of a zone like 'Europe/Berlin'. Got {shown(value)}."
        raise InvalidTypeError(Problem(("tz",), text))
    if _OF_THE_MACHINE.match(value):
        text = f"must be an IANA zone, which is the same on every machine. Got {shown(value)}."
        plain = value.removeprefix("right/")
        raise WindowError(Problem(("tz",), text, f"Did you mean {plain!r}?" if plain in _zones() else ""))
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        text = f"must be an IANA zone. Got {shown(value)}."
        raise WindowError(Problem(("tz",), text, _meant(value))) from None
    return value


_OF_THE_MACHINE = re.compile("localtime$|posixrules$|Factory$|right/")  # the last with its leap seconds

_OFFSET = re.compile("(?:UTC|GMT)? ?([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)

_BY_OFFSET = {
    "+03:30": "Asia/Tehran", "+04:30": "Asia/Kabul", "+05:30": "Asia/Kolkata", "+05:45": "Asia/Kathmandu",
    "+06:30": "Asia/Yangon", "+08:45": "Australia/Eucla", "+09:30": "Australia/Darwin", "-09:30": "Pacific/Marquesas",
}  # fmt: skip
"""Zones that keep an offset which is no whole number of hours."""

_BY_ABBREVIATION = {
    "ACST": ["Australia/Darwin", "Australia/Adelaide"], "ACDT": ["Australia/Adelaide"],
    "AEST": ["Australia/Sydney", "Australia/Brisbane"], "AEDT": ["Australia/Sydney"], "AWST": ["Australia/Perth"],
    "AKST": ["America/Anchorage"], "AST": ["America/Halifax", "Asia/Riyadh"], "BRT": ["America/Sao_Paulo"],
    "BST": ["Europe/London", "Asia/Dhaka"], "CAT": ["Africa/Maputo"], "CDT": ["America/Chicago", "America/Havana"],
    "CEST": ["Europe/Berlin", "Europe/Paris"], "CST": ["America/Chicago", "Asia/Shanghai", "America/Havana"],
    "EAT": ["Africa/Nairobi"], "EDT": ["America/New_York"], "EEST": ["Europe/Athens"],
    "GST": ["Asia/Dubai"], "HKT": ["Asia/Hong_Kong"], "IST": ["Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"],
    "JST": ["Asia/Tokyo"], "KST": ["Asia/Seoul"], "MDT": ["America/Denver"], "MSK": ["Europe/Moscow"],
    "NST": ["America/St_Johns"], "NZST": ["Pacific/Auckland"], "NZDT": ["Pacific/Auckland"],
    "PDT": ["America/Los_Angeles"], "PKT": ["Asia/Karachi"], "PST": ["America/Los_Angeles", "Asia/Manila"],
    "SAST": ["Africa/Johannesburg"], "SGT": ["Asia/Singapore"], "WAT": ["Africa/Lagos"], "WEST": ["Europe/Lisbon"],
    "WIB": ["Asia/Jakarta"],
}  # fmt: skip
"""Zones that people may mean by an abbreviation that is none itself."""


@functools.lru_cache(maxsize=1024)  # a mistyped zone often stands in many windows, and 600 names take long to compare
def _meant(name: str) -> str:
    """Return a hint at the zones that may be meant by what is none."""
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset[1], int(offset[2]), offset[3] or "00"
        zone = _BY_OFFSET.get(f"{sign}{hours:02}:{minutes}")
        if minutes == "00":
            zone = f"Etc/GMT{'-' if sign == '+' else '+'}{hours}" if hours else "UTC"
        if zone not in _zones():
            return "A zone is a place, like 'Europe/Berlin'."
        return f"Did you mean {zone!r}?" + (" Its sign is the other way round." if zone.startswith("Etc/") else "")
    if meant := _BY_ABBREVIATION.get(name.upper()):
        return f"It may mean one of {', '.join(map(repr, meant))}." if len(meant) > 1 else f"It may mean {meant[0]!r}."
    city = "/" + name.strip().replace(" ", "_").casefold()
    of_city = next((zone for zone in _zones() if zone.casefold().endswith(city)), None)
    return f"Did you mean {of_city!r}?" if of_city else did_you_mean(name, _zones())


@functools.cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if not _OF_THE_MACHINE.match(name)))


def _read_zone(value: Any) -> str:
    try:
        return check_zone(value)
    except (WindowError, InvalidTypeError) as error:
        # The place is that of the field, whatever its name.
        raise WindowError(*(problem.at(()) for problem in error.problems)) from None


ZoneName = Annotated[str, BeforeValidator(_read_zone)]
"""The name of an IANA zone, as a field of a record."""
