"""The slots of a day or a week, in which a schedule is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal, NamedTuple, Self, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.clock import DAY_US, MINUTE_US, MONDAY_US, SECOND_US, from_us
from timegate.core.zones import check_zone
from timegate.errors import ReplayError, did_you_mean, shown
from timegate.review.recurrence import local_us
from timegate.runs.tables import bin_width_us
from timegate.show.text import duration

__all__ = ["HOUR_US", "Grid", "Period"]

Int64s = npt.NDArray[np.int64]
Period = Literal["week", "day"]
HOUR_US = 60 * MINUTE_US


class Grid(NamedTuple):
    """Slots of one length, which recur in local time.

    Attributes
    ----------
    days : int
        How many days make a period: 7, which begin on Monday, or 1.
    step_us : int
        The length of a slot.
    tz : str
    """

    days: int
    step_us: int
    tz: str

    @classmethod
    def of(cls, period: str, step: str, tz: str) -> Self:
        """Read the arguments of :func:`timegate.optimize.choose.optimise`."""
        if period not in get_args(Period):
            raise ReplayError(
                f"period must be 'week' or 'day'. Got {shown(period)}.{did_you_mean(period, ('week', 'day'))}"
            )
        step_us = bin_width_us(step, "step")
        if step_us % MINUTE_US or DAY_US % step_us:
            whole = [m for m in range(1, 1441) if 1440 % m == 0]
            near = min(whole, key=lambda minutes: abs(minutes * MINUTE_US - step_us))
            raise ReplayError(
                f"step must be whole minutes that divide a day, for windows begin and end on slots. Got {step!r}. "
                f"The nearest is '{near}min'."
            )
        return cls(7 if period == "week" else 1, step_us, check_zone(tz))

    @property
    def per_day(self) -> int:
        """How many slots a day has."""
        return DAY_US // self.step_us

    def __len__(self) -> int:
        return self.days * self.per_day

    @property
    def period_us(self) -> int:
        """The length of a period."""
        return self.days * DAY_US

    @property
    def words(self) -> str:
        """What it is, in words."""
        return f"slots of {duration(self.step_us / SECOND_US)} of a {'week' if self.days == 7 else 'day'}, {self.tz}"

    def slot_of(self, at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the slot that each of some sorted instants lies in.

        Examples
        --------
        >>> Grid.of("week", "1h", "UTC").slot_of(np.array([0])).tolist()  # Thursday, 00:00
        [72]
        """
        return (local_us(at_us, self.tz) - MONDAY_US) % self.period_us // self.step_us

    def middles_us(self, first_us: int) -> npt.NDArray[np.int64]:
        """Return the middle of each slot in the period that an instant lies in."""
        day = pd.Timestamp(from_us(first_us)).tz_convert(self.tz).tz_localize(None).normalize()
        start = day - pd.Timedelta(days=day.weekday() if self.days == 7 else 0)
        local = start + pd.to_timedelta(np.arange(len(self)) * self.step_us + self.step_us // 2, unit="us")
        at = pd.DatetimeIndex(local).tz_localize(
            self.tz, nonexistent="shift_forward", ambiguous=np.ones(len(self), bool)
        )
        return at.tz_convert("UTC").as_unit("us").asi8

    def ties(self) -> Iterator[tuple[str, Int64s]]:
        """Give the ways to tie slots together, the simplest to say first; each is finer than the one before.

        Yields
        ------
        words : str
        tie : ndarray of int64, shape (slots,)
            Slots of one number are tied.
        """
        day, place = np.divmod(np.arange(len(self)), self.per_day)
        kinds = [("the same hours every day", 0 * day)]
        if self.days == 7:
            kinds += [
                ("the same hours on weekdays, and at weekends", (day >= 5).astype(np.int64)),
                ("hours by weekday", day),
            ]
        coarse = {"whole hours": HOUR_US, "half hours": HOUR_US // 2}
        widths = {
            words: us // self.step_us for words, us in coarse.items() if us > self.step_us and us % self.step_us == 0
        }
        widths["whole hours" if self.step_us % HOUR_US == 0 else f"steps of {duration(self.step_us / SECOND_US)}"] = 1
        first, *finer = widths.items()
        for (said, width), (words, kind) in [*product([first], kinds), *product(finer, kinds[-1:])]:
            yield f"{words}, {said}", kind * (self.per_day // width) + place // width
