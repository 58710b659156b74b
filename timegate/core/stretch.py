"""The stretch of local time that a window covers from a date on which it starts."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.clock import DAY_US, MINUTE_US
from timegate.core.spelling import DAYS
from timegate.errors import WindowError
from timegate.problems import Problem

__all__ = ["Stretch", "check_period", "minutes_of", "stretch"]


class Stretch(NamedTuple):
    """Half-open, in local microseconds since midnight of the date on which it starts.

    Attributes
    ----------
    bounds_us : ndarray of int64, shape (7, 2)
        Start and end, by the weekday of that date, 0 for Monday.
    days : int
        On how many dates after the first it may still last.
    """

    bounds_us: npt.NDArray[np.int64]
    days: int

    @property
    def start_us(self) -> int:
        """The start, which is the same on all weekdays."""
        return int(self.bounds_us[0, 0])

    @property
    def end_us(self) -> npt.NDArray[np.int64]:
        """The end, by weekday."""
        return self.bounds_us[:, 1]


@functools.lru_cache(maxsize=4096)
def stretch(start: str, end: str, end_included: bool) -> Stretch:
    """Return the stretch from a start to the next such end.

    An end without a weekday lies on the date of the start or on the next one, and may be the start itself; an end on
    a weekday lies after the start. ``"24:00"`` is not an instant of its day, so it ends there whether included or not.

    Examples
    --------
    >>> stretch("22:00", "06:00", True).end_us[0] - DAY_US
    np.int64(21600000001)
    """
    start_us = minutes_of(start) * MINUTE_US
    weekday, _, time = end.rpartition(" ")
    end_us = np.full(7, minutes_of(time) * MINUTE_US)
    if weekday:
        end_us += DAY_US * ((DAYS.index(weekday) - np.arange(7)) % 7)
        end_us[end_us <= start_us] += 7 * DAY_US
    else:
        end_us[end_us < start_us] += DAY_US
    if end_included and time != "24:00":
        end_us += 1
    bounds_us = np.stack([np.full(7, start_us), end_us], axis=1)
    bounds_us.flags.writeable = False  # it is shared
    return Stretch(bounds_us, int((end_us.max() - 1) // DAY_US))


def check_period(start: str, end: str, weekdays: list[int]) -> None:
    """Refuse a stretch that lasts beyond the start of the next one, for starts on some weekdays of every week."""
    span = stretch(start, end, False)
    for place, day in enumerate(weekdays):
        following = weekdays[(place + 1) % len(weekdays)]
        period_us = DAY_US * ((following - day) % 7 or 7)
        if span.end_us[day] - span.start_us > period_us:
            text = (
                f"must not lie after the next start: from {DAYS[day]} {start} to {end} a window lasts beyond "
                f"{DAYS[following]} {start}, when it starts again."
            )
            raise WindowError(Problem(("end",), text, "In days, name the weekday on which it starts."))


def minutes_of(time: str) -> int:
    """Return the minutes since midnight of a time ``"HH:MM"``."""
    hour, minute = time.split(":")
    return 60 * int(hour) + int(minute)
