"""Windows: recurring stretches of local wall-clock time.

The rule, from which midnight, daylight saving and everything else follows: a window contains an instant iff
the local wall-clock time there lies in ``[start, end]``, both ends included, and the local date on which
that stretch of the window *starts* is one of its dates.

Inside, a stretch of time is half-open, ``[start_us, end_us)`` in whole microseconds, so "both ends
included" reads as "up to one microsecond after the end".
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from timegate.core.clock import DAY_US, Instant, from_us, to_us
from timegate.core.dates import Days, LocalDates, weekdays_of
from timegate.core.spans import NO_SPANS, Spans, union
from timegate.core.spelling import DAYS, read_end, read_time
from timegate.core.stretch import check_period, stretch
from timegate.core.zones import check_zone, constant_offsets
from timegate.errors import InvalidTypeError, WindowError, did_you_mean, shown
from timegate.pointer import guided
from timegate.problems import Problem

__all__ = ["FIELDS", "Window"]


@dataclass(frozen=True, slots=True, init=False)
class Window(LocalDates):
    """A recurring stretch of local wall-clock time.

    Parameters
    ----------
    start : str
        Local time ``"HH:MM"``.
    end : str
        Local time ``"HH:MM"``. ``start > end`` crosses midnight; ``start == end`` is that single instant; ``"24:00"``
        means through the end of the day. ``"mon 08:00"`` is the next such time on a Monday.
    tz : str
        An IANA zone. An hour that the clocks repeat is covered both times, one that they skip is not.
    days : str or sequence of str, optional
        Weekdays on which the window starts: ``"mon"`` (or ``"monday"``), ``"mon-fri"``; ``"mon#1"`` is the first
        Monday of a month, ``"mon#-1"`` the last. Default: every day.
    since, until : date or str, optional
        First and last local date on which it starts, both included.
    except_dates : sequence of date or str
        Local dates on which it does not start.
    months : str or sequence of str, optional
        Months in which it starts: ``"mar"`` (or ``"march"``), ``"jan-mar"``. Default: every month.
    days_of_month : int or sequence of int, optional
        Days of the month on which it starts: 1 to 31; -1 is the last day, -2 the one before. Default: every day.
    holidays : str or sequence of date, optional
        Whose public holidays matter: a country (``"DE"``) or a subdivision of one (``"DE-BY"``), as the package
        ``holidays`` knows them. Or dates of one's own; in a config file, also the name of a file that has them.
    on_holidays : {"skip", "only"}
        Whether it does not start on the holidays, or only on them.
    end_included : bool
        Whether the end is part of the window, to the microsecond, as the start always is. Default: it is. Of two
        windows that follow each other without, each instant lies in one.

    Raises
    ------
    WindowError
        If a value breaks these rules; the message names the field.
    InvalidTypeError
        If a field has the wrong type.
    MissingExtraError
        If ``holidays`` names a country, and the package ``holidays`` is not installed.

    Examples
    --------
    >>> night = Window("22:00", "06:00", tz="America/Sao_Paulo", days=["fri"])
    >>> night.contains("2026-03-07T03:00-03:00")    # Saturday morning: Friday's window
    True
    >>> night
    Window('22:00', '06:00', tz='America/Sao_Paulo', days=('fri',))
    >>> print(Window("08:00", "18:00", tz="Europe/Berlin", days="mon-fri", end_included=False))
    08:00-18:00 Europe/Berlin, end not included, mon-fri
    >>> weekend = Window("18:00", "mon 08:00", days=["fri"])
    >>> weekend.contains("2026-03-08T12:00Z")       # Sunday
    True
    """

    start: str
    end: str
    tz: str
    end_included: bool

    @guided()
    def __init__(
        self,
        start: str,
        end: str,
        tz: str = "UTC",
        days: str | Iterable[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        except_dates: Iterable[date | str] = (),
        *,
        months: str | Iterable[str] | None = None,
        days_of_month: int | Iterable[int] | None = None,
        holidays: str | Iterable[date | str] | None = None,
        on_holidays: str = "skip",
        end_included: bool = True,
    ) -> None:
        values: dict[str, Any] = {
            "start": read_time(start, "start"),
            "end": read_end(end),
            "tz": check_zone(tz),
            "end_included": end_included,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        LocalDates.__init__(  # not super(): slots make the class anew
            self, days, since, until, except_dates, months, days_of_month, holidays, on_holidays
        )
        if not isinstance(end_included, bool):
            raise InvalidTypeError(Problem(("end_included",), f"must be true or false. Got {shown(end_included)}."))
        if self.start == self.end and not end_included:
            text = f"must be true of a window from {self.start} to {self.end}: without that instant nothing is left."
            raise WindowError(Problem(("end_included",), text, "For a whole day write 00:00 to 24:00."))
        if " " in self.end and (weekdays := self.weekly_starts()):
            check_period(self.start, self.end, weekdays)

    def __repr__(self) -> str:
        extras = "".join(f", {name}={value!r}" for name, value in self._said().items())
        return f"Window({self.start!r}, {self.end!r}{extras})"

    def __str__(self) -> str:
        return self.text()

    def text(self, every_day: str = "") -> str:
        """Write the window in a line; ``every_day`` stands for the weekdays where there are none.

        Examples
        --------
        >>> Window("22:00", "06:00", days=["fri"]).text()
        '22:00-06:00 UTC, fri'
        """
        parts = [f"{self.start}-{self.end} {self.tz}"]
        parts += [] if self.end_included else ["end not included"]
        return ", ".join(parts + self.dates_in_words(every_day))

    def _said(self) -> dict[str, Any]:
        """Return what differs from the default, beside start and end."""
        return {
            name: value
            for name, default in FIELDS.items()
            if name not in ("start", "end") and (value := getattr(self, name)) != default
        }

    @classmethod
    def parse(cls, value: object) -> Window:
        """Read a window as configs write it.

        Parameters
        ----------
        value : Window, pair of str, or mapping
            ``["22:00", "06:00"]`` or ``{start: "22:00", end: "06:00", tz: ..., days: ..., ...}``.

        Returns
        -------
        Window

        Raises
        ------
        WindowError, InvalidTypeError
            If it is none; the message names the field.

        Examples
        --------
        >>> Window.parse(["22:00", "06:00"])
        Window('22:00', '06:00')
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            for key in value:
                if key not in FIELDS:
                    place = (key if isinstance(key, str) else shown(key),)
                    raise WindowError(Problem(place, "is not a field of a window.", did_you_mean(key, FIELDS)))
            for key in ("start", "end"):
                if key not in value:
                    raise WindowError(Problem((key,), "is missing: a window needs start and end."))
            return cls(**value)
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise InvalidTypeError(
                f"must be a tuple/list of two strings (start, end), or a mapping. Got {shown(value)}."
            )
        return cls(*value)

    def to_config(self) -> list[str] | dict[str, Any]:
        """Return what :meth:`parse` reads: the pair if it says everything, else a mapping of plain values.

        Examples
        --------
        >>> Window("22:00", "06:00", days=["fri"]).to_config()
        {'start': '22:00', 'end': '06:00', 'days': ['fri']}
        """
        said = self._said()
        if not said:
            return [self.start, self.end]
        return {"start": self.start, "end": self.end} | {name: _plain(value) for name, value in said.items()}

    @property
    def reach_days(self) -> int:
        """On how many local dates after the one on which it starts it may last."""
        return stretch(self.start, self.end, self.end_included).days

    def local_us(self, days: Days) -> Spans:
        """Return the stretches that start on some local dates, in local microseconds since 1970-01-01.

        Returns
        -------
        ndarray of int64, shape (n, 2)
            Half-open, in the order of the dates.
        """
        bounds_us = stretch(self.start, self.end, self.end_included).bounds_us
        midnights = DAY_US * days
        if " " in self.end:
            return midnights[:, np.newaxis] + bounds_us[weekdays_of(days)]
        local: Spans = np.add.outer(midnights, bounds_us[0])  # a day at a time, each step of this counts
        return local

    def weekly_starts(self) -> list[int]:
        """Return the weekdays on which it starts week by week, 0 for Monday; none if only some of them."""
        is_rare = self.days_of_month or self.on_holidays == "only" or any("#" in day for day in self.days or ())
        if is_rare or (self.since and self.until and (self.until - self.since).days < len(DAYS)):
            return []
        return [DAYS.index(day) for day in self.days or DAYS]

    def contains(self, at: Instant) -> bool:
        """Whether the window contains an instant.

        Parameters
        ----------
        at : datetime or str
            An aware datetime, or ISO text with an offset.

        Returns
        -------
        bool

        Raises
        ------
        InstantError
            If it is naive, or no time.

        Examples
        --------
        >>> Window("22:00", "06:00").contains("2026-03-02T06:00Z")    # both ends are included
        True
        """
        at_us = to_us(at, "at")
        return len(self.spans_us(at_us, at_us + 1)) > 0

    def spans(self, start: Instant, end: Instant) -> list[tuple[datetime, datetime]]:
        """Return the stretches of the window within ``[start, end]``.

        Parameters
        ----------
        start, end : datetime or str
            Aware datetimes, or ISO texts with an offset.

        Returns
        -------
        list of (datetime, datetime)
            First and last instant of each stretch in UTC, both included, in order.

        Raises
        ------
        InstantError
            If one is naive, or no time.

        Examples
        --------
        >>> [(first, last)] = Window("22:00", "06:00").spans("2026-03-02T12:00Z", "2026-03-03T12:00Z")
        >>> print(first, last)
        2026-03-02 22:00:00+00:00 2026-03-03 06:00:00+00:00
        """
        start_us, end_us = to_us(start, "start"), to_us(end, "end")
        if end_us < start_us:
            raise WindowError(Problem(("end",), f"must not lie before start. Got {start} to {end}."))
        return [(from_us(lo), from_us(hi - 1)) for lo, hi in self.spans_us(start_us, end_us + 1).tolist()]

    def spans_us(self, start_us: int, end_us: int) -> Spans:
        """Return the stretches of the window within ``[start_us, end_us)``.

        Returns
        -------
        ndarray of int64, shape (n, 2)
            Half-open, sorted and disjoint.

        Examples
        --------
        >>> Window("22:00", "06:00").spans_us(0, 86_400_000_000).tolist()
        [[0, 21600000001], [79200000000, 86400000000]]
        """
        cuts = constant_offsets(self.tz, start_us, end_us)
        if not cuts:
            return NO_SPANS
        offsets = [offset_us for _, _, offset_us in cuts]
        first, last = (start_us + min(offsets)) // DAY_US, (end_us + max(offsets) - 1) // DAY_US
        local = self.local_us(self.start_days(first - self.reach_days, last))
        starts, ends = local.T  # both ascend
        parts = []
        for since_us, until_us, offset_us in cuts:
            begin = ends.searchsorted(since_us + offset_us, side="right")
            part = local[begin : starts.searchsorted(until_us + offset_us)] - offset_us
            np.maximum(part, since_us, out=part)
            parts.append(np.minimum(part, until_us, out=part))
        return union(parts)


FIELDS: dict[str, Any] = {name: p.default for name, p in inspect.signature(Window).parameters.items()}
"""The fields of a window in the order in which people write them, with their defaults."""


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, date) else value
