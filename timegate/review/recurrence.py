"""Stretches of time in words: what recurs is said once, in local time."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.config.model import GatewayConfig
from timegate.core.clock import DAY_US, EPOCH, MINUTE_US, SECOND_US
from timegate.core.dates import weekdays_of
from timegate.core.deployment import windows_of
from timegate.core.spans import Spans
from timegate.core.zones import constant_offsets
from timegate.review.date_words import FEW, date_text, dates_in_words, on_weekdays, weekday_text
from timegate.show.text import duration, listed, time_of_day

__all__ = ["Pattern", "Terms", "local_us", "occurrence", "offset_changes", "patterns", "terms_of"]

_Int64s = npt.NDArray[np.int64]
_EPOCH_WEEKDAY = EPOCH.weekday()
_RECURRING, _ONCE = 0, 1
_MOST_LOCAL_TIMES = 3
_MOST_TURNS = 4  # of the seasons of a year and a bit, in two zones


class Terms(NamedTuple):
    """In which words the windows of configs speak.

    Attributes
    ----------
    zones : tuple of str
        UTC first.
    calendars : tuple of str
        Whose holidays they know.
    """

    zones: tuple[str, ...]
    calendars: tuple[str, ...]


def terms_of(*configs: GatewayConfig) -> Terms:
    """Return the zones and calendars that the windows of configs name."""
    windows = [window for config in configs for _, _, window in windows_of(config.deployments)]
    zones = sorted({window.tz for window in windows} - {"UTC"})
    return Terms(("UTC", *zones), tuple(sorted({w.holidays for w in windows if isinstance(w.holidays, str)})))


class Pattern(NamedTuple):
    """Stretches that share their local time of day, and the words for them."""

    words: str
    spans: Spans


def patterns(spans: Spans, zones: Iterable[str], periods: Spans, calendars: Sequence[str] = ()) -> list[Pattern]:
    """Describe stretches of time in the zone that needs the fewest words.

    What happens an hour earlier or later for a season, as the clocks of other zones have it, is one pattern.

    Parameters
    ----------
    spans : ndarray of int64, shape (n, 2)
        Half-open, in microseconds, sorted and disjoint; clipped to ``periods``.
    zones : iterable of str
        The zones to choose from; of equally good ones the first.
    periods : ndarray of int64, shape (n, 2)
        The time that was looked at. What happens at each occasion in it happens "every day".
    calendars : sequence of str
        Whose holidays it may be about.

    Returns
    -------
    list of Pattern
        The longest in total first.

    Examples
    --------
    >>> from timegate import Window
    >>> nights = Window("22:00", "06:00").spans_us(0, 14 * DAY_US)
    >>> [pattern.words for pattern in patterns(nights, ["UTC"], np.array([[0, 14 * DAY_US]]))]
    ['from 22:00 to 06:00 UTC every day']
    """
    if not len(spans):
        return []
    if np.array_equal(spans, periods):
        return [Pattern("at all times", spans)]
    zone, keys, which, dates = _fewest(spans, zones, periods)
    keys, which = _joined(keys, which, dates, zone, periods, calendars)
    found = []
    for numbers in _seasons(keys, which):
        words = [_words(keys[number], dates[which == number], zone, periods, calendars) for number in numbers]
        found.append(Pattern(", and ".join(words), spans[np.isin(which, numbers)]))
    return sorted(found, key=lambda pattern: -int(np.diff(pattern.spans, axis=1).sum()))


def _fewest(
    spans: Spans, zones: Iterable[str], periods: Spans
) -> tuple[str, list[_Key], npt.NDArray[np.intp], _Int64s]:
    """Group stretches in the zone that needs the fewest groups; of equally good ones the first."""
    different = _different(tuple(zones), int(periods.min()), int(periods.max()))
    grouped = ((zone, *_grouped(spans, zone, periods)) for zone in different)
    best = next(grouped)
    while len(best[1]) > 1 and (other := next(grouped, None)) is not None:
        best = min(best, other, key=lambda found: len(found[1]))
    return best


@functools.lru_cache(maxsize=16)
def _different(zones: tuple[str, ...], start_us: int, end_us: int) -> tuple[str, ...]:
    """Return the first of those zones whose clocks agree all the time."""
    first: dict[tuple[tuple[int, int, int], ...], str] = {}
    for zone in zones:
        offset = constant_offsets(zone, start_us, end_us)[0][2]
        first.setdefault(((start_us, offset, offset), *offset_changes(zone, start_us, end_us)), zone)
    return tuple(first.values())


def _seasons(keys: Sequence[_Key], which: npt.NDArray[np.intp]) -> list[list[int]]:
    """Group patterns that take turns by season, and whose ends lie within the hour of each other."""
    groups: list[list[int]] = []
    for number, key in enumerate(keys):
        for group in groups:
            other = keys[group[0]]
            ends = (key.start, other.start), (key.start + key.length, other.start + other.length)
            near = all(abs((a - b + DAY_US // 2) % DAY_US - DAY_US // 2) <= 60 * MINUTE_US for a, b in ends)
            in_turn = which[np.isin(which, [*group, number])]
            turns = np.count_nonzero(np.diff(in_turn))
            if key[::3] == other[::3] == (_RECURRING, -1) and near and turns <= _MOST_TURNS < len(in_turn):
                group.append(number)
                break
        else:
            groups.append([number])
    return groups


def local_us(at_us: _Int64s, tz: str) -> _Int64s:
    """Return local wall-clock time, in microseconds since 1970-01-01 there, for sorted instants."""
    if not len(at_us):
        return at_us
    cuts = constant_offsets(tz, int(at_us[0]), int(at_us[-1]) + 1)
    index = np.searchsorted([since for since, _, _ in cuts], at_us, side="right") - 1
    local: _Int64s = at_us + np.array([offset for _, _, offset in cuts])[index]
    return local


@functools.lru_cache(maxsize=1024)
def offset_changes(tz: str, start_us: int, end_us: int) -> tuple[tuple[int, int, int], ...]:
    """Return the changes of a zone's offset from UTC in ``(start_us, end_us)``: (instant, offset before, after)."""
    cuts = constant_offsets(tz, start_us, end_us)
    return tuple((at, before, after) for (_, _, before), (at, _, after) in pairwise(cuts) if before != after)


def occurrence(span: tuple[int, int], zones: Sequence[str]) -> str:
    """Write one stretch in UTC, and in the local times of some zones.

    Examples
    --------
    >>> occurrence((0, 3_600_000_001), ["UTC", "Asia/Tokyo"])
    'Thu 1970-01-01 00:00 to 01:00 UTC (Thu 09:00 to 10:00 Asia/Tokyo)'
    """
    others = [zone for zone in zones if zone != "UTC"][:_MOST_LOCAL_TIMES]
    local = ", ".join(f"{_stretch(span, zone, dated=False)} {zone}" for zone in others)
    return f"{_stretch(span, 'UTC', dated=True)} UTC" + (f" ({local})" if local else "")


def _stretch(span: tuple[int, int], zone: str, dated: bool) -> str:
    (start,), (end,) = _local_ends(np.array([span]), zone)
    text = f"{_day(start // DAY_US, dated)} {_clock(start)}"
    if start == end:
        return text
    day = (end - 1) // DAY_US
    return f"{text} to " + (f"{_day(day, dated)} " if day != start // DAY_US else "") + _clock_end(end)


def _local_ends(spans: Spans, zone: str) -> tuple[_Int64s, _Int64s]:
    """Local starts and ends, read as people do: both ends of a window are included, to the microsecond."""
    start, end = local_us(spans[:, 0], zone), local_us(spans[:, 1] - 1, zone) + 1
    return start - (start % MINUTE_US == 1), end - (end % MINUTE_US == 1)


class _Key(NamedTuple):
    """What stretches of one pattern have in common: local time of day and length, and of long ones the weekday, or by
    which rule they recur, in words.
    """  # noqa: D205 - one thought

    kind: int
    start: int
    length: int
    weekday: int = -1
    rule: str = ""


def _grouped(spans: Spans, zone: str, periods: Spans) -> tuple[list[_Key], npt.NDArray[np.intp], _Int64s]:
    """Return the patterns in one zone, the pattern of each stretch, and the local date on which it starts."""
    start, end = _local_ends(spans, zone)
    length, dates = end - start, start // DAY_US
    weekday = np.where(length > DAY_US, weekdays_of(dates), -1)
    clipped = np.isin(spans[:, 0], periods[:, 0]), np.isin(spans[:, 1], periods[:, 1])
    whole = ~(clipped[0] | clipped[1])
    found, inverse = np.unique(np.stack([start % DAY_US, length, weekday], axis=1)[whole], axis=0, return_inverse=True)
    keys = [_Key(_RECURRING, *row) for row in found.tolist()]
    which = np.zeros(len(spans), np.intp)
    which[whole] = inverse
    days = [np.unique(weekdays_of(dates[whole][inverse == number])) for number in range(len(keys))]
    for i in np.flatnonzero(~whole).tolist():  # a few
        begins = [end[i] - key.length if clipped[0][i] else start[i] for key in keys[: len(days)]]
        fitting = [
            number
            for number, key in enumerate(keys[: len(days)])
            if not (clipped[0][i] and clipped[1][i])
            and begins[number] % DAY_US == key.start
            and length[i] <= key.length
            and key.weekday in (-1, (begins[number] // DAY_US + _EPOCH_WEEKDAY) % 7)
        ]
        # What the time looked at cuts is part of what recurs, best of what recurs on that weekday.
        fitting.sort(key=lambda n: (begins[n] // DAY_US + _EPOCH_WEEKDAY) % 7 not in days[n])
        if fitting:
            which[i], dates[i] = fitting[0], begins[fitting[0]] // DAY_US
        else:
            which[i] = len(keys)
            keys.append(_Key(_ONCE, int(start[i]), int(length[i])))
    return keys, which, dates


def _joined(
    keys: Sequence[_Key],
    which: npt.NDArray[np.intp],
    dates: _Int64s,
    zone: str,
    periods: Spans,
    calendars: Sequence[str],
) -> tuple[list[_Key], npt.NDArray[np.intp]]:
    """Join long stretches that begin on several weekdays, where one rule says on which dates: ends of quarters."""
    joined, which = list(keys), which.copy()
    alike: dict[tuple[int, int], list[int]] = {}
    for number, key in enumerate(keys):
        if key.weekday >= 0:
            alike.setdefault((key.start, key.length), []).append(number)
    for numbers in alike.values():
        mine = np.isin(which, numbers)
        if len(numbers) == 1 or np.count_nonzero(mine) < FEW:
            continue
        key = keys[numbers[0]]
        if rule := dates_in_words(dates[mine], _eligible(key, zone, periods), calendars):
            which[mine] = numbers[0]
            joined[numbers[0]] = key._replace(weekday=-1, rule=rule)
    used, which = np.unique(which, return_inverse=True)
    return [joined[number] for number in used.tolist()], which


def _eligible(key: _Key, zone: str, periods: Spans) -> _Int64s:
    """Return the local dates on which something like this could begin in the time looked at."""
    ranges = [
        np.arange((lo - key.start - key.length) // DAY_US + 1, -((key.start - hi) // DAY_US), dtype=np.int64)
        for lo, hi in local_us(periods.ravel(), zone).reshape(-1, 2).tolist()
    ]
    return np.unique(np.concatenate(ranges))


def _words(key: _Key, dates: _Int64s, zone: str, periods: Spans, calendars: Sequence[str]) -> str:
    end = key.start + key.length
    if key.kind == _ONCE:
        first, last = (_day(us // DAY_US, dated=True) for us in (key.start, end - 1))
        return f"from {first} {_clock(key.start)} to {last} {_clock_end(end)} {zone}"
    if key.rule:
        return f"for {duration(key.length / SECOND_US)} from {_clock(key.start)} {zone} {key.rule}"
    eligible = _eligible(key, zone, periods)
    if key.weekday >= 0:
        weekday = (key.weekday + (end - 1) // DAY_US) % 7
        first, last = weekday_text(key.weekday), weekday_text(weekday)
        times = f"from {first} {_clock(key.start)} to {last} {_clock_end(end)} {zone}"
    elif key.length:
        times = f"from {_clock(key.start)} to {_clock_end(end)} {zone}"
    else:
        times = f"at {_clock(key.start)} {zone}"
    return f"{times} {_when(dates, eligible, calendars, is_weekly=key.weekday >= 0)}"


def _when(dates: _Int64s, eligible: _Int64s, calendars: Sequence[str], is_weekly: bool) -> str:
    """Say on which of the eligible dates something happens."""
    weekdays = np.unique(weekdays_of(dates))
    same = eligible[np.isin(weekdays_of(eligible), weekdays)]
    place = np.searchsorted(same, np.unique(dates))
    runs = np.split(place, np.flatnonzero(np.diff(place) > 1) + 1)
    missing = np.setdiff1d(same[place[0] : place[-1] + 1], dates)
    if len(place) <= FEW and (len(same) > len(place) or len(eligible) < 7):
        return "on " + listed([_day(day, dated=True) for day in dates.tolist()])
    week = "every week" if is_weekly else on_weekdays(weekdays.tolist())
    bounds = same[[place[0], place[-1]]].tolist()
    if len(missing) <= FEW:
        if len(place) + len(missing) < len(same):
            week += f" from {date_text(bounds[0])} to {date_text(bounds[1])}"
        return week + (f" except {listed([date_text(day) for day in missing.tolist()])}" if len(missing) else "")
    if len(runs) <= FEW:
        ends = [(date_text(same[run[0]]), date_text(same[run[-1]])) for run in runs]
        return f"{week} " + listed(
            [f"from {first} to {last}" if first != last else f"on {first}" for first, last in ends]
        )
    if not is_weekly and (rule := dates_in_words(dates, eligible, calendars)):
        return rule
    return f"on {len(place):,} dates from {date_text(bounds[0])} to {date_text(bounds[1])}"


def _day(day: int, dated: bool) -> str:
    weekday = weekday_text((int(day) + _EPOCH_WEEKDAY) % 7)
    return f"{weekday} {date_text(day)}" if dated else weekday


def _clock(us: int) -> str:
    """Return the time of day, with seconds where they are not zero."""
    minutes, rest = divmod(int(us) % DAY_US, MINUTE_US)
    text = time_of_day(minutes)
    return text + (f":{rest / SECOND_US:09.6f}".removesuffix(".000000") if rest else "")


def _clock_end(us: int) -> str:
    return _clock(us) if us % DAY_US else "24:00"
