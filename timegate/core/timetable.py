"""The windows of many deployments, compiled to segments of time in which nothing opens or closes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.clock import DAY_US
from timegate.core.spans import Spans, complement, union
from timegate.core.windows import Window
from timegate.errors import WindowError

__all__ = ["ALWAYS", "Hours", "Segment", "Segments", "Timetable", "closed_spans_us"]

MOST_WINDOW_DAYS = 20_000_000  # ten thousand windows over five years
MOST_CELLS = 2**30
"""How many segments times deployments a table may hold: one byte each."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When one deployment may be used.

    Open at *t* iff some ``available`` window contains *t* (or there is none) and no window of
    ``time_constraints`` does.
    """

    time_constraints: tuple[Window, ...] = ()
    available: tuple[Window, ...] = ()

    def texts(self, every_day: str = "") -> tuple[str, str]:
        """Write when it is closed, and when available; ``every_day`` as in :meth:`Window.text`.

        Examples
        --------
        >>> Hours((Window("22:00", "06:00"), Window("12:00", "13:00", days=["mon"]))).texts("daily")
        ('22:00-06:00 UTC, daily; 12:00-13:00 UTC, mon', 'otherwise')
        """
        closed, available = (
            "; ".join(window.text(every_day) for window in windows)
            for windows in (self.time_constraints, self.available)
        )
        return closed or ("otherwise" if available else "never"), available or ("otherwise" if closed else "always")

    def closed_spans_us(self, start_us: int, end_us: int) -> Spans:
        """Return the stretches of ``[start_us, end_us)`` in which the deployment is closed."""
        closed = [window.spans_us(start_us, end_us) for window in self.time_constraints]
        available = [window.spans_us(start_us, end_us) for window in self.available]
        return closed_spans_us(closed, available if self.available else None, start_us, end_us)


ALWAYS = Hours()
"""Open at all times."""


def closed_spans_us(closed: Sequence[Spans], available: Sequence[Spans] | None, start_us: int, end_us: int) -> Spans:
    """Return the stretches of ``[start_us, end_us)`` in which the spans of a deployment's windows close it."""
    parts = list(closed)
    if available is not None:
        parts.append(complement(union(available), start_us, end_us))
    return union(parts)


class Segment(NamedTuple):
    """A stretch ``[start_us, end_us)`` in which the same deployments are open, by index in config order."""

    start_us: int
    end_us: int
    open: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segments:
    """A stretch of time cut wherever a deployment opens or closes.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (n + 1,)
        Segment *i* is ``[edges_us[i], edges_us[i + 1])``.
    open : ndarray of bool, shape (n, deployments)
    """

    edges_us: npt.NDArray[np.int64]
    open: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.open)

    def __iter__(self) -> Iterator[Segment]:
        edges = self.edges_us.tolist()
        for i, row in enumerate(self.open):
            yield Segment(edges[i], edges[i + 1], tuple(np.flatnonzero(row).tolist()))

    def index(self, at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """Return the number of the segment that each instant lies in."""
        return np.searchsorted(self.edges_us, at_us, side="right") - 1


class Timetable:
    """When each of many deployments may be used.

    Parameters
    ----------
    hours : sequence of Hours
        One a deployment, in config order.

    Examples
    --------
    >>> table = Timetable([Hours(time_constraints=(Window("22:00", "06:00"),)), Hours()])
    >>> table.segment_at(0)                     # 1970-01-01T00:00Z
    Segment(start_us=0, end_us=21600000001, open=(1,))
    """

    def __init__(self, hours: Sequence[Hours]) -> None:
        self.hours = tuple(hours)
        # Both are replaced whole, never changed, so threads that race only repeat work.
        self._current = Segment(0, 0, ())
        self._day: tuple[int, list[Segment]] = (-1, [])

    def compile(self, start_us: int, end_us: int) -> Segments:
        """Cut ``[start_us, end_us)`` into segments.

        Raises
        ------
        WindowError
            If they do not fit into memory: hundreds of zones over centuries.
        """
        days = (end_us - start_us) // DAY_US
        windows = sum(len(hours.time_constraints) + len(hours.available) for hours in self.hours)
        if windows * days > MOST_WINDOW_DAYS:
            raise _too_long(f"{windows:,} windows over {days:,} days")
        closed = [hours.closed_spans_us(start_us, end_us).ravel() for hours in self.hours]
        edges = np.unique(np.concatenate([[start_us, end_us], *closed]).astype(np.int64))
        starts = edges[:-1]
        if len(starts) * len(closed) > MOST_CELLS:
            raise _too_long(f"{len(closed):,} deployments in {len(starts):,} stretches of time")
        is_open = np.empty((len(starts), len(closed)), np.bool_)
        for i, bounds in enumerate(closed):
            # An instant lies inside a stretch iff an odd number of bounds lies at or before it.
            is_open[:, i] = np.searchsorted(bounds, starts, side="right") % 2 == 0
        return Segments(edges, is_open)

    def segment_at(self, at_us: int) -> Segment:
        """Return the segment that an instant lies in; most calls cost one comparison.

        Segments are compiled a UTC day at a time, so one that lasts longer is given in parts.
        """
        segment = self._current
        if segment.start_us <= at_us < segment.end_us:
            return segment
        midnight_us = at_us // DAY_US * DAY_US
        day_us, segments = self._day
        if day_us != midnight_us:
            segments = list(self.compile(midnight_us, midnight_us + DAY_US))
            self._day = (midnight_us, segments)
        segment = next(s for s in segments if at_us < s.end_us)
        self._current = segment
        return segment

    def open_until(self, at_us: int, index: int, horizon_us: int = 400 * DAY_US) -> int | None:
        """Return when the deployment next opens or closes after an instant.

        Returns
        -------
        int or None
            The first instant of the other state in microseconds; None if it does not come within the horizon.
        """
        reach_us = DAY_US
        while True:
            bounds = self.hours[index].closed_spans_us(at_us, at_us + min(reach_us, horizon_us)).ravel()
            inner = bounds[(bounds > at_us) & (bounds < at_us + min(reach_us, horizon_us))]
            if len(inner):
                return int(inner[0])
            if reach_us >= horizon_us:
                return None
            reach_us *= 8


def _too_long(what: str) -> WindowError:
    return WindowError(f"{what} are too many to be held at once: take fewer deployments, or a shorter trace.")
