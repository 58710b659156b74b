"""Dates in words, as windows say them: weekdays and days of a month, months, and holidays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import numpy as np

from timegate.core.clock import EPOCH
from timegate.core.dates import Days, LocalDates, weekdays_of
from timegate.core.spelling import DAYS, MONTHS, runs
from timegate.show.text import listed

__all__ = ["FEW", "date_text", "dates_in_words", "on_weekdays", "weekday_text"]

FEW = 3
_MOST_NAMES = 6
_EPOCH_ORDINAL = EPOCH.toordinal()
_ORDINALS = ("last", "first", "second", "third", "fourth", "fifth")  # by number, -1 the last of these


def dates_in_words(dates: Days, eligible: Days, calendars: Sequence[str] = ()) -> str | None:
    """Say by which rule some dates recur among those that are eligible.

    Parameters
    ----------
    dates, eligible : ndarray of int64
        As days since 1970-01-01, sorted.
    calendars : sequence of str
        Whose holidays it may be about.

    Returns
    -------
    str or None
        None if no rule fits with but a few exceptions.

    Examples
    --------
    >>> year = np.arange(20454, 20819)              # 2026
    >>> dates_in_words(LocalDates(days="mon#1").start_days(20454, 20818), year)
    'on the first Mon of the month'
    >>> dates_in_words(LocalDates(days_of_month=[1, 15, -1]).start_days(20454, 20818), year)
    'on the 1st, 15th and last day of the month'
    """
    dates = np.unique(dates)
    clipped = eligible[(eligible >= dates[0]) & (eligible <= dates[-1])]
    for most_missing in (0, FEW):
        for among in (eligible, clipped):
            for rule in _rules(dates, among, calendars):
                found = np.intersect1d(rule.start_days(int(among[0]), int(among[-1])), among, assume_unique=True)
                missing = np.setdiff1d(found, dates, assume_unique=True)
                if len(missing) <= most_missing and len(found) - len(missing) == len(dates):
                    words = _words(rule)
                    if len(among) < len(eligible):
                        words += f" from {date_text(dates[0])} to {date_text(dates[-1])}"
                    if len(missing):
                        words += f" except {listed([date_text(day) for day in missing.tolist()])}"
                    return words
    return None


def on_weekdays(weekdays: Sequence[int]) -> str:
    """Say weekdays, 0 for Monday: ``"on Mon to Fri"``."""
    if len(weekdays) == 7:
        return "every day"
    if len(weekdays) > 2 and weekdays[-1] - weekdays[0] == len(weekdays) - 1:
        return f"on {weekday_text(weekdays[0])} to {weekday_text(weekdays[-1])}"
    return f"on {listed([weekday_text(day) for day in weekdays])}"


def weekday_text(number: int) -> str:
    """Write a weekday, 0 for Monday."""
    return DAYS[number].capitalize()


def date_text(day: int) -> str:
    """Write a date that is given as days since 1970-01-01."""
    return str(date.fromordinal(int(day) + _EPOCH_ORDINAL))


def _rules(dates: Days, among: Days, calendars: Sequence[str]) -> Iterator[LocalDates]:
    """Propose rules, those of fewer words first."""
    months, known = (np.unique(_month(days)) for days in (dates, among))
    bases = [LocalDates()]
    if len(months) < len(known) - FEW:  # else exceptions say it better
        bases.append(LocalDates(months=[MONTHS[month] for month in months]))
    for base in bases:
        for calendar in calendars:
            yield dataclasses.replace(base, holidays=calendar, on_holidays="only")
        for general in (base, *(dataclasses.replace(base, holidays=calendar) for calendar in calendars)):
            yield general
            yield dataclasses.replace(general, days=tuple(DAYS[day] for day in np.unique(weekdays_of(dates)).tolist()))
            inside = np.intersect1d(general.start_days(int(among[0]), int(among[-1])), among, assume_unique=True)
            for fields in (*_weekdays_of_month(dates), *_days_of_month(dates, inside)):
                yield dataclasses.replace(general, **fields)


def _weekdays_of_month(dates: Days) -> Iterator[dict[str, Any]]:
    from_start, from_end = _numbers(dates)
    names = [DAYS[day] for day in weekdays_of(dates).tolist()]
    for nth in ((from_start + 6) // 7, -((6 - from_end) // 7)):
        days = {f"{name}#{n}" for name, n in zip(names, nth.tolist(), strict=True)}
        if len(days) <= _MOST_NAMES:
            yield {"days": days}


def _days_of_month(dates: Days, inside: Days) -> Iterator[dict[str, Any]]:
    """Propose as few days of the month as cover the dates: days that are always met, then such as mostly are."""
    wanted = np.isin(inside, dates)
    numbered = [(n, numbers == n) for numbers in _numbers(inside) for n in np.unique(numbers[wanted]).tolist()]
    for most_missed in (0, FEW):
        met = {number: mask for number, mask in numbered if int((mask & ~wanted).sum()) <= most_missed}
        chosen: list[int] = []
        left = wanted
        while left.any() and len(chosen) < _MOST_NAMES:
            best = max(met, key=lambda number: int((met[number] & left).sum()), default=0)
            if best in (0, *chosen):
                break
            chosen.append(best)
            left = left & ~met[best]
        if chosen and not left.any():
            yield {"days_of_month": chosen}


def _month(days: Days) -> Days:
    """Return the month of each date, 0 for January."""
    return days.astype("M8[D]").astype("M8[M]").astype(np.int64) % 12


def _numbers(days: Days) -> tuple[Days, Days]:
    """Return the number of each date in its month, from the start and from the end."""
    months = days.astype("M8[D]").astype("M8[M]")
    first, following = (month.astype("M8[D]").astype(np.int64) for month in (months, months + np.timedelta64(1, "M")))
    return days - first + 1, days - following


def _words(rule: LocalDates) -> str:
    of = _listed_months(rule) or "the month"
    if rule.days_of_month:
        words = f"on the {listed([_day(number) for number in rule.days_of_month])} day of {of}"
    elif rule.days and "#" in rule.days[0]:
        by_day: dict[str, list[str]] = {}
        for name, _, nth in (name.partition("#") for name in rule.days):
            by_day.setdefault(name, []).append(_nth(int(nth)))
        each = [f"the {listed(nths)} {name.capitalize()}" for name, nths in by_day.items()]
        words = f"on {listed(each)} of {of}"
    else:
        words = on_weekdays([DAYS.index(name) for name in rule.days or DAYS])
        if rule.on_holidays == "only":
            return f"on holidays of {rule.holidays}" + (f" in {of}" if rule.months else "")
        words += f" in {of}" if rule.months else ""
    return f"{words} but holidays of {rule.holidays}" if rule.holidays else words


def _listed_months(rule: LocalDates) -> str:
    written = (run.split("-") for run in runs(rule.months or (), MONTHS))
    return listed([" to ".join(end.capitalize() for end in ends) for ends in written]) if rule.months else ""


def _nth(number: int) -> str:
    """Write which weekday of a month: ``"first"``, ``"last"``, ``"third last"``."""
    if number > 0:
        return _ORDINALS[number]
    return "last" if number == -1 else f"{_ORDINALS[-number]} last"


def _day(number: int) -> str:
    """Write which day of a month: ``"1st"``, ``"last"``, ``"3rd last"``."""
    if number == -1:
        return "last"
    size = abs(number)
    ending = "th" if 10 < size < 20 else {1: "st", 2: "nd", 3: "rd"}.get(size % 10, "th")
    return f"{size}{ending}{' last' if number < 0 else ''}"
