"""Windows: recurring stretches of local wall-clock time.

The rule, from which midnight, daylight saving and everything else follows: a window contains an instant iff
the local wall-clock time there lies in ``[start, end]``, both ends included, and the local date on which
that stretch of the window *starts* is one of its dates.

Inside, a stretch of time is half-open, ``[start_us, end_us)`` in whole microseconds, so "both ends
included" reads as "up to one microsecond after the end".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from timegate.core.clock import DAY_US, MINUTE_US, Instant, from_us, to_us
from timegate.core.spans import Spans, union
from timegate.core.zones import check_zone, constant_offsets
from timegate.errors import InvalidTypeError, WindowError, did_you_mean, shown
from timegate.problems import Problem

__all__ = ["DAYS", "DAY_NAMES", "Window"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_NAMES = {name: full[:3] for full in _FULL_DAYS for name in (full, full[:3])}
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")  # the standard library also takes 2026-W10 and 2026030299
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class Window:
    """A recurring stretch of local wall-clock time.

    Parameters
    ----------
    start, end : str
        Local times ``"HH:MM"``, both included to the microsecond. ``start > end`` crosses midnight;
        ``start == end`` is that single instant; ``"24:00"`` as an end means through the end of the day.
    tz : str
        An IANA zone. An hour that the clocks repeat is covered both times, one that they skip is not.
    days : sequence of str, optional
        Weekdays (``"mon"`` or ``"monday"``) on which the window starts. Default: every day.
    since, until : date or str, optional
        First and last local date on which it starts, both included.
    except_dates : sequence of date or str
        Local dates on which it does not start.

    Raises
    ------
    WindowError
        If a value breaks these rules; the message names the field.
    InvalidTypeError
        If a field has the wrong type.

    Examples
    --------
    >>> night = Window("22:00", "06:00", tz="America/Sao_Paulo", days=["fri"])
    >>> night.contains("2026-03-07T03:00-03:00")    # Saturday morning: Friday's window
    True
    >>> night
    Window('22:00', '06:00', tz='America/Sao_Paulo', days=('fri',))
    >>> print(night)
    22:00-06:00 America/Sao_Paulo, fri
    """

    start: str
    end: str
    tz: str = "UTC"
    days: tuple[str, ...] | None = None
    since: date | None = None
    until: date | None = None
    except_dates: tuple[date, ...] = ()

    def __init__(
        self,
        start: str,
        end: str,
        tz: str = "UTC",
        days: Sequence[str] | None = None,
        since: date | str | None = None,
        until: date | str | None = None,
        except_dates: Sequence[date | str] = (),
    ) -> None:
        first = None if since is None else _local_date(since, "since")
        last = None if until is None else _local_date(until, "until")
        if first is not None and last is not None and last < first:
            raise WindowError(Problem(("until",), f"must not lie before since. Got since {first}, until {last}."))
        values = (
            _local_time(start, "start"),
            _local_time(end, "end"),
            check_zone(tz),
            _weekdays(days),
            first,
            last,
            _dates(except_dates),
        )
        for field, value in zip(fields(self), values, strict=True):
            object.__setattr__(self, field.name, value)

    def __repr__(self) -> str:
        extras = "".join(
            f", {f.name}={getattr(self, f.name)!r}" for f in fields(self)[2:] if getattr(self, f.name) != f.default
        )
        return f"Window({self.start!r}, {self.end!r}{extras})"

    def __str__(self) -> str:
        return self.text()

    def text(self, every_day: str = "") -> str:
        """Write the window in a line; ``every_day`` stands for the weekdays where there are none."""
        parts = [f"{self.start}-{self.end} {self.tz}"]
        parts += filter(None, [" ".join(self.days or ()) or every_day])
        parts += [f"since {self.since}"] if self.since else []
        parts += [f"until {self.until}"] if self.until else []
        parts += ["except " + " ".join(map(str, self.except_dates))] if self.except_dates else []
        return ", ".join(parts)

    @classmethod
    def parse(cls, value: object) -> Window:
        """Read a window as configs write it.

        Parameters
        ----------
        value : Window, pair of str, or mapping
            ``["22:00", "06:00"]`` or ``{start: "22:00", end: "06:00", tz: ..., days: ..., ...}``.

        Examples
        --------
        >>> Window.parse(["22:00", "06:00"])
        Window('22:00', '06:00')
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping):
            known = [field.name for field in fields(cls)]
            for key in value:
                if key not in known:
                    place = (key if isinstance(key, str) else shown(key),)
                    raise WindowError(Problem(place, "is not a field of a window.", did_you_mean(key, known)))
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
        """Return what :meth:`parse` reads: the pair if it says everything, else a mapping of plain values."""
        if self == Window(self.start, self.end):
            return [self.start, self.end]
        plain: dict[str, Any] = {"start": self.start, "end": self.end}
        for field in fields(self)[2:]:
            value = getattr(self, field.name)
            if value != field.default:
                if isinstance(value, tuple):
                    value = [str(item) for item in value]
                plain[field.name] = str(value) if isinstance(value, date) else value
        return plain

    @property
    def crosses_midnight(self) -> bool:
        """Whether the window ends on the local date after the one it starts on."""
        return _minutes(self.start) > _minutes(self.end)

    @property
    def local_us(self) -> tuple[int, int]:
        """The window as a half-open stretch, in local microseconds since midnight of the date it starts on."""
        start_us, end_us = _minutes(self.start) * MINUTE_US, _minutes(self.end) * MINUTE_US
        if end_us < DAY_US:
            end_us += 1  # the end is included; "24:00" is not an instant of its day
        return start_us, end_us + DAY_US if self.crosses_midnight else end_us

    def contains(self, at: Instant) -> bool:
        """Whether the window contains an instant.

        Parameters
        ----------
        at : datetime or str
            An aware datetime, or ISO text with an offset.
        """
        at_us = to_us(at, "at")
        return len(self.spans_us(at_us, at_us + 1)) > 0

    def spans(self, start: Instant, end: Instant) -> list[tuple[datetime, datetime]]:
        """Return the stretches of the window within ``[start, end]``.

        Returns
        -------
        list of (datetime, datetime)
            First and last instant of each stretch in UTC, both included, in order.

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
        """
        first_us, last_us = self.local_us
        parts = []
        for since_us, until_us, offset_us in constant_offsets(self.tz, start_us, end_us):
            lo, hi = since_us + offset_us, until_us + offset_us  # the stretch in local time
            midnights = DAY_US * self.start_days(lo // DAY_US - 1, (hi - 1) // DAY_US)
            starts, ends = np.maximum(midnights + first_us, lo), np.minimum(midnights + last_us, hi)
            inside = starts < ends
            parts.append(np.array([starts[inside], ends[inside]]).T - offset_us)
        return union(parts)

    def start_days(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Return the local dates in [first, last] on which the window starts, as days since the epoch."""
        if self.since is not None:
            first = max(first, self.since.toordinal() - _EPOCH_ORDINAL)
        if self.until is not None:
            last = min(last, self.until.toordinal() - _EPOCH_ORDINAL)
        days = np.arange(first, last + 1, dtype=np.int64)
        if self.days is not None:
            weekdays = [DAYS.index(day) for day in self.days]
            days = days[np.isin((days + _EPOCH_WEEKDAY) % 7, weekdays)]
        if self.except_dates:
            days = days[~np.isin(days, [day.toordinal() - _EPOCH_ORDINAL for day in self.except_dates])]
        return days


def _minutes(text: str) -> int:
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)


def _local_time(value: object, field: str) -> str:
    if not isinstance(value, str):
        hint = ""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
            hint = f"YAML 1.1 readers turn an unquoted {value // 60:02}:{value % 60:02} into a number: quote it."
        given = f"{shown(value)} ({type(value).__name__})"
        text = f"must be a string: start and end must be strings like '22:00'. Got {given}."
        raise InvalidTypeError(Problem((field,), text, hint))
    match = re.fullmatch(r"([0-9]{1,2}):([0-9]{1,2})", value)
    hour, minute = (int(part) for part in match.groups()) if match else (99, 99)
    if (hour, minute) == (24, 0):
        if field == "end":
            return "24:00"
        raise WindowError(Problem((field,), "must not be '24:00', which is an end only: use '00:00'."))
    if hour > 23 or minute > 59:
        raise WindowError(Problem((field,), f"must look like 'HH:MM'. Got {shown(value)}."))
    return f"{hour:02}:{minute:02}"


def _weekdays(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple | set | frozenset):
        text = f"must be a list of weekdays like ['mon', 'fri']. Got {shown(value)}."
        raise InvalidTypeError(Problem(("days",), text))
    days = set()
    for item in value:
        day = DAY_NAMES.get(item.lower()) if isinstance(item, str) else None
        if day is None:
            hint = did_you_mean(item, DAYS)
            raise WindowError(Problem(("days",), f"must be weekdays. Got {shown(item)}.", hint))
        days.add(day)
    if not days:
        text = "must name at least one weekday, or be left out for every day. Got []."
        raise WindowError(Problem(("days",), text))
    return tuple(day for day in DAYS if day in days)


def _local_date(value: object, field: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise WindowError(Problem((field,), f"must be a local date like '2026-03-02'. Got {shown(value)}."))


def _dates(value: object) -> tuple[date, ...]:
    if not isinstance(value, list | tuple | set | frozenset):
        text = f"must be a list of dates like ['2026-12-25']. Got {shown(value)}."
        raise InvalidTypeError(Problem(("except_dates",), text))
    return tuple(sorted({_local_date(item, "except_dates") for item in value}))
