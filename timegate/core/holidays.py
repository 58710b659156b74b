"""Public holidays by country, from the package ``holidays``, which waits until a window names one."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.clock import EPOCH
from timegate.errors import MissingExtraError, WindowError, shown
from timegate.problems import Problem, nearest

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = ["Estimate", "check_calendar", "estimate", "holidays_of_years", "worked_weekends"]

_EPOCH_ORDINAL = EPOCH.toordinal()


@functools.lru_cache(maxsize=256)
def check_calendar(text: str) -> str:
    """Return the name of a calendar, ``"DE"`` or ``"DE-BY"``, or raise the error of a window whose ``holidays`` it is.

    Examples
    --------
    >>> check_calendar("de-by")
    'DE-BY'
    """
    country, dash, subdivision = text.partition("-")
    country = country.upper()
    codes = _countries()
    if country not in codes.values():
        rule = f"must be a country like 'DE', or a subdivision of one like 'DE-BY'. Got {shown(text)}."
        is_file = re.search(r"\.\w+$", text)
        hint = f"A file of dates is read by read_holidays({shown(text)})." if is_file else _nearest(text, codes)
        raise WindowError(Problem(("holidays",), rule, hint))
    if not dash:
        return country
    calendar = _calendar(country)
    known = {name.upper(): f"{country}-{name}" for name in calendar.subdivisions}
    if subdivision.upper() in known:
        return known[subdivision.upper()]
    named = {name: f"{country}-{code}" for name, code in calendar.subdivisions_aliases.items()}
    rule = f"must name a subdivision that {country} has, or the country alone. Got {shown(text)}."
    raise WindowError(Problem(("holidays",), rule, _nearest(subdivision, known | named)))


@functools.lru_cache(maxsize=4096)
def holidays_of_years(calendar: str, first: int, last: int) -> npt.NDArray[np.int64]:
    """Return the public holidays of some years, the last included, as sorted days since 1970-01-01."""
    years = ((year, _year(calendar, year)) for year in range(first, last + 1))
    days = [day.toordinal() - _EPOCH_ORDINAL for year, found in years for day in found if day.year == year]
    return np.array(sorted(days), np.int64)


class Estimate(NamedTuple):
    """What is not certain about the holidays of a year.

    Attributes
    ----------
    announced_until : int or None
        Of a country that announces year by year which days it moves: the last year that is known, if it is an earlier
        one.
    dates : tuple of date
        Holidays that are calculated and not announced, such as those that follow the moon.
    """

    announced_until: int | None
    dates: tuple[date, ...]


def estimate(calendar: str, year: int) -> Estimate:
    """Say what is an estimate of a calendar's holidays in a year."""
    found = _year(calendar, year)
    announced = max(found.special_public_holidays, default=None) if found.has_substituted_holidays else None
    label = str(found.tr(getattr(found, "estimated_label", ""))).replace("%s", "").strip(" ()")
    dates = [day for day, name in found.items() if label and label in name and day.year == year]
    return Estimate(announced if announced is not None and announced < year else None, tuple(sorted(dates)))


def worked_weekends(calendar: str, year: int) -> list[date]:
    """Return the weekend days of a year that a country works in place of others."""
    return sorted(day for day in _year(calendar, year).weekend_workdays if day.year == year)


@functools.lru_cache(maxsize=1024)
def _year(calendar: str, year: int) -> HolidayBase:
    return _calendar(calendar, year)


def _calendar(calendar: str, *years: int) -> HolidayBase:
    from holidays import country_holidays

    country, _, subdivision = calendar.partition("-")
    return country_holidays(country, subdiv=subdivision or None, years=years or None)


@functools.cache
def _countries() -> dict[str, str]:
    """Return the codes of countries by what they are called, codes included."""
    try:
        from holidays.registry import COUNTRIES
    except ImportError as error:
        raise MissingExtraError(
            "holidays of a country need the package holidays: pip install 'timegate[holidays]'"
        ) from error
    return {name: names[1] for names in COUNTRIES.values() for name in names}


def _nearest(wanted: str, codes: Mapping[str, str]) -> str:
    """Return a hint: the code of what is called most like it."""
    near = nearest(wanted, codes)
    return "" if near is None else f"Did you mean {codes[near]!r}?"
