"""Recurrences of local dates: weekdays, months, days of the month, holidays, a first and a last date, exceptions.

Inside, a local date is a whole number of days since 1970-01-01, so that a year of them is one array.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from timegate.core.clock import EPOCH
from timegate.core.holidays import check_calendar, holidays_of_years
from timegate.core.spelling import (
    DAYS,
    MONTHS,
    ON,
    read_date,
    read_dates,
    read_days,
    read_days_of_month,
    read_months,
    runs,
)
from timegate.errors import WindowError, did_you_mean, shown
from timegate.problems import Problem

__all__ = ["Days", "LocalDates", "day_number", "weekdays_of"]

Days = npt.NDArray[np.int64]
"""Local dates as days since 1970-01-01."""

Mask = npt.NDArray[np.bool_]

_EPOCH_ORDINAL = EPOCH.toordinal()
_EPOCH_WEEKDAY = EPOCH.weekday()
_LONGEST = dict(zip(MONTHS, (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True))


@dataclass(frozen=True, slots=True, init=False)
class LocalDates:
    """Local dates on which something recurs: those that meet every condition.

    Parameters
    ----------
    days : str or sequence of str, optional
        Weekdays: ``"mon"`` (or ``"monday"``), ``"mon-fri"``; ``"mon#1"`` is the first Monday of a month, ``"mon#-1"``
        the last. Default: every day.
    since, until : date or str, optional
        First and last local date, both included.
    except_dates : sequence of date or str
        Local dates that are left out.
    months : str or sequence of str, optional
        ``"mar"`` (or ``"march"``), ``"jan-mar"``. Default: every month.
    days_of_month : int or sequence of int, optional
        1 to 31; -1 is the last day of a month, -2 the one before. Default: every day.
    holidays : str or sequence of date, optional
        Whose public holidays matter: a country (``"DE"``) or a subdivision of one (``"DE-BY"``), as the package
        ``holidays`` knows them. Or dates of one's own; in a config file, also the name of a file that has them.
    on_holidays : {"skip", "only"}
        Whether the holidays are left out, or are the only dates.

    Raises
    ------
    WindowError
        If a value breaks these rules; the message names the field.
    InvalidTypeError
        If a field has the wrong type.
    MissingExtraError
        If ``holidays`` names a country and the package is not installed.

    Examples
    --------
    >>> from datetime import date
    >>> ends_of_quarters = LocalDates(months=["mar", "jun", "sep", "dec"], days_of_month=-1)
    >>> day_number(date(2026, 3, 31)) in ends_of_quarters.start_days(20_000, 21_000)
    True
    """

    days: tuple[str, ...] | None
    since: date | None
    until: date | None
    except_dates: tuple[date, ...]
    months: tuple[str, ...] | None
    days_of_month: tuple[int, ...] | None
    holidays: str | tuple[date, ...] | None
    on_holidays: str

    def __init__(
        self,
        days: str | Iterable[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        except_dates: Iterable[date | str] = (),
        months: str | Iterable[str] | None = None,
        days_of_month: int | Iterable[int] | None = None,
        holidays: str | Iterable[date | str] | None = None,
        on_holidays: str = "skip",
    ) -> None:
        values: dict[str, Any] = {
            "days": read_days(days),
            "since": None if since is None else read_date(since, "since"),
            "until": None if until is None else read_date(until, "until"),
            "except_dates": read_dates(except_dates, "except_dates"),
            "months": read_months(months),
            "days_of_month": read_days_of_month(days_of_month),
            "holidays": _read_holidays(holidays),
            "on_holidays": on_holidays,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        self._check_together()

    def _check_together(self) -> None:
        if self.since is not None and self.until is not None and self.until < self.since:
            text = f"must not lie before since. Got since {self.since}, until {self.until}."
            raise WindowError(Problem(("until",), text))
        if self.on_holidays not in ON:
            text, hint = f"must be 'skip' or 'only'. Got {shown(self.on_holidays)}.", did_you_mean(self.on_holidays, ON)
            raise WindowError(Problem(("on_holidays",), text, hint))
        if self.on_holidays == "only" and self.holidays is None:
            raise WindowError(Problem(("on_holidays",), "must be left out unless holidays says which. Got 'only'."))
        longest = max(_LONGEST[month] for month in self.months or MONTHS)
        for number in self.days_of_month or ():
            if abs(number) > longest:
                months = ", ".join(self.months or MONTHS)
                text = f"must be days that the months have: {months} have at most {longest}. Got {number}."
                raise WindowError(Problem(("days_of_month",), text))

    def start_days(self, first: int, last: int) -> Days:
        """Return those of the local dates in ``[first, last]``, all as days since 1970-01-01."""
        if self.since is not None:
            first = max(first, day_number(self.since))
        if self.until is not None:
            last = min(last, day_number(self.until))
        if self.is_every_day or last < first:
            return np.arange(first, last + 1, dtype=np.int64)
        calendar = _calendar(first, last)
        return calendar.days[functools.reduce(np.logical_and, self._conditions(calendar))]

    @property
    def is_every_day(self) -> bool:
        """Whether it recurs on each date from the first to the last one."""
        return not (self.days or self.months or self.days_of_month or self.holidays or self.except_dates)

    def _conditions(self, calendar: _Calendar) -> Iterator[Mask]:
        """Say for each condition which dates meet it."""
        if self.days is not None:
            every = tuple(DAYS.index(name) for name in self.days if "#" not in name)
            on_days = _table(every, 7)[calendar.weekdays]
            for name, _, nth in (name.partition("#") for name in self.days if "#" in name):
                week = (calendar.from_start + 6) // 7 if int(nth) > 0 else -((6 - calendar.from_end) // 7)
                on_days |= (calendar.weekdays == DAYS.index(name)) & (week == int(nth))
            yield on_days
        if self.months is not None:
            yield _table(tuple(map(MONTHS.index, self.months)), 12)[calendar.months]
        if self.days_of_month is not None:
            table = _table(self.days_of_month, 63)  # 1 to 31, and -31 to -1
            yield table[calendar.from_start] | table[calendar.from_end]
        if self.holidays is not None:
            is_holiday = _among(calendar.days, self._holidays(int(calendar.days[0]), int(calendar.days[-1])))
            yield is_holiday if self.on_holidays == "only" else ~is_holiday
        if self.except_dates:
            yield ~_among(calendar.days, np.array([day_number(day) for day in self.except_dates]))

    def dates_in_words(self, every_day: str = "") -> list[str]:
        """Return the conditions, each as people say it; ``every_day`` stands for the weekdays where there are none."""
        parts = list(filter(None, [" ".join(runs(self.days or (), DAYS)) or every_day]))
        parts += ["days " + " ".join(map(str, self.days_of_month))] if self.days_of_month else []
        parts += [" ".join(runs(self.months, MONTHS))] if self.months else []
        parts += [f"since {self.since}"] if self.since else []
        parts += [f"until {self.until}"] if self.until else []
        if self.holidays:
            whose = self.holidays if isinstance(self.holidays, str) else " ".join(map(str, self.holidays))
            parts.append(f"{'only' if self.on_holidays == 'only' else 'not'} on holidays {whose}")
        return parts + (["except " + " ".join(map(str, self.except_dates))] if self.except_dates else [])

    def _holidays(self, first: int, last: int) -> Days:
        if not isinstance(self.holidays, str):
            return np.array([day_number(day) for day in self.holidays or ()], np.int64)
        years = (date.fromordinal(day + _EPOCH_ORDINAL).year for day in (first, last))
        return holidays_of_years(self.holidays, *years)


def day_number(day: date) -> int:
    """Return a date as days since 1970-01-01.

    Examples
    --------
    >>> day_number(date(1970, 1, 2))
    1
    """
    return day.toordinal() - _EPOCH_ORDINAL


def weekdays_of(days: Days) -> npt.NDArray[np.int64]:
    """Return the weekday of each date, 0 for Monday."""
    return (days + _EPOCH_WEEKDAY) % 7


class _Calendar:
    """What calendars say of each date from a first to a last one. Shared, so not to be changed."""

    def __init__(self, first: int, last: int) -> None:
        self.days: Days = np.arange(first, last + 1, dtype=np.int64)
        self.days.flags.writeable = False

    @functools.cached_property
    def weekdays(self) -> Days:
        return weekdays_of(self.days)

    @functools.cached_property
    def months(self) -> Days:
        """0 for January."""
        return self._months.astype(np.int64) % 12

    @functools.cached_property
    def from_start(self) -> Days:
        """1 for the first day of a month."""
        return self.days - self._months.astype("M8[D]").astype(np.int64) + 1

    @functools.cached_property
    def from_end(self) -> Days:
        """-1 for the last day of a month."""
        return self.days - (self._months + np.timedelta64(1, "M")).astype("M8[D]").astype(np.int64)

    @functools.cached_property
    def _months(self) -> npt.NDArray[np.datetime64]:
        return self.days.astype("M8[D]").astype("M8[M]")


_calendar = functools.lru_cache(maxsize=256)(_Calendar)  # many windows are asked for the same time


@functools.lru_cache(maxsize=1024)
def _table(numbers: tuple[int, ...], size: int) -> Mask:
    """Return which numbers are among some, negative ones counted from the end."""
    table = np.zeros(size, np.bool_)
    table[list(numbers)] = True
    return table


def _among(days: Days, others: Days) -> Mask:
    """Return which dates are among others; both are sorted, and each stands once."""
    found = np.zeros(len(days), np.bool_)
    places = np.searchsorted(days, others)
    inside = places < len(days)
    places, others = places[inside], others[inside]
    found[places[days[places] == others]] = True
    return found


def _read_holidays(value: object) -> str | tuple[date, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return check_calendar(value)
    dates = read_dates(value, "holidays")
    if not dates:
        raise WindowError(Problem(("holidays",), "must be a country, or name at least one date. Got []."))
    return dates
