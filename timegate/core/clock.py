"""Instants and clocks.

An instant is a whole number of microseconds since the Unix epoch, UTC (``at_us``). Everything finer is
floored. Public functions take aware datetimes or ISO strings and turn them into instants here.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, PlainSerializer

from timegate.errors import InstantError, shown
from timegate.show.text import iso

__all__ = ["DAY_US", "EPOCH", "Clock", "Instant", "SystemClock", "VirtualClock", "from_us", "to_us"]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 86_400 * SECOND_US
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US  # 1970-01-05, from which weeks count
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Instant = datetime | str
"""What public functions take for a point in time: an aware datetime (also a pandas Timestamp) or its ISO text."""

_MICROSECOND = timedelta(microseconds=1)
# Far enough from the ends of datetime that a local day on either side can always be named.
FIRST_US = (datetime(1900, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND
LAST_US = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND


class Clock(Protocol):
    """Anything that knows the time."""

    def now_us(self) -> int:
        """Return the present instant in microseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock, which time-machine can move."""

    def now_us(self) -> int:
        """Return the present instant in microseconds since the epoch."""
        return time.time_ns() // 1000  # looked up: whoever replaces the clock of the process replaces it there


class VirtualClock:
    """A clock that stands still until it is moved.

    Examples
    --------
    >>> clock = VirtualClock(1_000)
    >>> clock.at_us += 500
    >>> clock.now_us()
    1500
    """

    def __init__(self, at_us: int = 0) -> None:
        self.at_us = at_us

    def now_us(self) -> int:
        """Return the instant that the clock was set to."""
        return self.at_us


def to_us(value: Instant, name: str) -> int:
    """Read a point in time.

    Parameters
    ----------
    value : datetime or str
        An aware datetime, a pandas Timestamp with a zone, or ISO 8601 text with an offset, ``Z`` or ``UTC``.
    name : str
        What the value is called in the error message.

    Returns
    -------
    int
        Microseconds since the Unix epoch, floored.

    Raises
    ------
    InstantError
        If the value is naive, missing, not a time, or outside the years 1900 to 2199.

    Examples
    --------
    >>> to_us("1970-01-01T01:00:00+01:00", "at")
    0
    """
    at: Any = value
    if isinstance(at, str):
        try:
            text = re.sub(r"\s*(UTC|GMT|z)$", "Z", at.strip())
            if re.search(r"[^0-9:.,+Z\s-]", text[11:]):  # which Python 3.11 passes over before a zone
                raise ValueError
            at = datetime.fromisoformat(text)
        except ValueError:
            rule = f"{name} must be a time like '2026-03-02T03:10Z'. Got {shown(value)}."
            raise InstantError(f"{rule}{_lacks(at.strip())}") from None
    if at is None or at is pd.NaT or (isinstance(at, np.datetime64) and np.isnat(at)):
        raise InstantError(f"{name} is missing: give a time like '2026-03-02T03:10Z'. Got {shown(value)}.")
    if not isinstance(at, datetime):
        raise InstantError(
            f"{name} must be an aware datetime or text like '2026-03-02T03:10Z'. "
            f"Got {shown(value)} ({type(value).__name__})."
        )
    if at.utcoffset() is None:
        raise InstantError(
            f"{name} must carry a zone or an offset, as in '2026-03-02T03:10Z'. Got the naive time {shown(str(value))}."
        )
    # Floor division of the difference: pandas' own nanoseconds fall away, also before 1970.
    at_us = (at - EPOCH) // _MICROSECOND
    if not FIRST_US <= at_us < LAST_US:
        raise InstantError(f"{name} must lie in the years 1900 to 2199. Got {shown(str(value))}.")
    return int(at_us)


def _lacks(text: str) -> str:
    """Return what a text that is half a time lacks, as the end of an error message."""
    if re.match(r"(now|today|tonight|tomorrow|yesterday)\b", text, re.IGNORECASE):
        return " Write date and time; of such words options of the command know 'now', 'tomorrow' and 'today 03:10'."
    return " Write its date, too." if re.match(r"([01]?\d|2[0-3]):[0-5]\d", text) else ""


def from_us(at_us: int) -> datetime:
    """Return the instant as an aware datetime in UTC.

    Examples
    --------
    >>> from_us(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return EPOCH + timedelta(microseconds=int(at_us))


def _read_instant(value: Any) -> datetime:
    return from_us(to_us(value, ""))


AwareInstant = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    PlainSerializer(iso, return_type=str, when_used="json"),
]
"""An aware datetime in UTC, from anything that :func:`timegate.core.clock.to_us` reads."""
