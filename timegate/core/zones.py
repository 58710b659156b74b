"""Zones: their names, and when their offsets from UTC change."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator

from timegate.core.clock import SECOND_US, from_us
from timegate.errors import InvalidTypeError, WindowError, did_you_mean, shown
from timegate.problems import Problem

__all__ = ["ZoneName", "check_zone", "constant_offsets"]


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

    zoneinfo does not publish its transitions, so they are found by asking for the offset of each day and
    halving the days on which it differs. No zone has ever changed twice within three days (tested).
    """
    zone = ZoneInfo(tz)

    def offset(second: int) -> int:
        delta = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        assert delta is not None  # noqa: S101 - ZoneInfo always knows
        return round(delta.total_seconds())

    start, stop = (int(datetime(y, 1, 1, tzinfo=UTC).timestamp()) for y in (year, year + 1))
    found = [(start, offset(start))]
    for day in range(start, stop, 86_400):
        before, after = found[-1][1], offset(min(day + 86_400, stop - 1))
        if before != after:
            lo, hi = day, min(day + 86_400, stop - 1)
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
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # not there, not a name, a folder
        text = f"must be an IANA zone. Got {shown(value)}."
        raise WindowError(Problem(("tz",), text, _nearest_zone(value))) from None
    return value


@functools.lru_cache(maxsize=1024)  # a mistyped zone often stands in many windows, and 600 names take long to compare
def _nearest_zone(name: str) -> str:
    return did_you_mean(name, _zones())


@functools.cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))


def _read_zone(value: Any) -> str:
    try:
        return check_zone(value)
    except (WindowError, InvalidTypeError) as error:
        # The place is that of the field, whatever its name.
        raise WindowError(*(problem.at(()) for problem in error.problems)) from None


ZoneName = Annotated[str, BeforeValidator(_read_zone)]
"""The name of an IANA zone, as a field of a record."""
