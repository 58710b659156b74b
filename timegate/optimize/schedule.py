"""Schedules as windows: which deployments are open in each slot, and how a person writes that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from timegate.config import GatewayConfig
from timegate.core.clock import MINUTE_US, MONDAY_US, WEEK_US
from timegate.core.deployment import windows_of
from timegate.core.spelling import DAYS
from timegate.core.timetable import Timetable
from timegate.core.windows import FIELDS, Window
from timegate.errors import InvalidTypeError, ReplayError, did_you_mean, shown
from timegate.optimize.grid import Grid
from timegate.show.text import time_of_day

__all__ = ["Fixed", "allowed_states", "open_today", "split_fixed", "windows_of_slots", "with_windows"]

Bools = npt.NDArray[np.bool_]
Fixed = str | tuple[str, str, Any]
"""A deployment whose windows stay; or a deployment, ``"open"`` or ``"closed"``, and a window in which it must be so."""

_WEEKLY = {"start", "end", "tz", "days", "end_included"}


def windows_of_slots(closed: Bools, grid: Grid) -> tuple[Window, ...]:
    """Write the slots in which a deployment is closed as windows: the same hours of several days as one.

    Examples
    --------
    >>> night_and_weekend = np.array([[1, 0, 0, 1]] * 5 + [[1, 1, 1, 1]] * 2, bool).ravel()
    >>> for window in windows_of_slots(night_and_weekend, Grid.of("week", "6h", "UTC")):
    ...     print(window)
    18:00-mon 06:00 UTC, end not included, fri
    18:00-06:00 UTC, end not included, mon-thu
    """
    if closed.all():
        return (Window("00:00", "24:00", tz=grid.tz),)
    starts: dict[tuple[int, int, int], list[int]] = {}
    for first in np.flatnonzero(closed & ~np.roll(closed, 1)).tolist():
        length = int(np.argmin(np.roll(closed, -first)))
        day, place = divmod(first, grid.per_day)
        whole_days = place == 0 and length % grid.per_day == 0
        for part in range(length // grid.per_day) if whole_days else [0]:
            size = grid.per_day if whole_days else length
            until = -1 if size < grid.per_day or whole_days else (first + length) // grid.per_day % len(DAYS)
            starts.setdefault((place, size, until), []).append((day + part) % grid.days)
    by_time = sorted(starts.items(), key=lambda item: -item[0][1] * len(item[1]))
    return tuple(_window(place, size, until, sorted(days), grid) for (place, size, until), days in by_time)


def _window(place: int, size: int, until: int, days: Sequence[int], grid: Grid) -> Window:
    """Write slots of a day, from a place on; ``until`` is the weekday of the end of what lasts for days, else -1."""
    minutes = grid.step_us // MINUTE_US
    start, end = map(time_of_day, (place * minutes, (place + size) * minutes % 1440))
    if until >= 0:
        end = f"{DAYS[until]} {end}"
    elif place + size == grid.per_day:
        end = "24:00"
    which = None if len(days) == grid.days else [DAYS[day] for day in days]
    return Window(start, end, tz=grid.tz, days=which, end_included=end == "24:00")


def open_today(timetable: Timetable, grid: Grid, first_us: int) -> Bools:
    """Return which deployments are open in the middle of each slot, in the period that an instant lies in."""
    at_us = grid.middles_us(first_us)
    segments = timetable.compile(int(at_us.min()), int(at_us.max()) + 1)
    return segments.open[segments.index(at_us)]


def split_fixed(fixed: Iterable[Any], names: Sequence[str]) -> tuple[list[str], list[tuple[str, bool, Window]]]:
    """Read what is fixed: the deployments whose windows stay, and who must be open, or not, in which window."""
    if isinstance(fixed, str | Mapping) or not isinstance(fixed, Iterable):
        raise InvalidTypeError(f"fixed must be a list, as of the names of deployments. Got {shown(fixed)}.")
    stay: list[str] = []
    rules: list[tuple[str, bool, Window]] = []
    for i, item in enumerate(fixed):
        name, state, window = (item, "", None) if isinstance(item, str) else _triple(item, i)
        if name not in names:
            raise ReplayError(f"fixed[{i}] must name a deployment. Got {shown(name)}.{did_you_mean(name, names)}")
        if not state:
            stay.append(name)
            continue
        if state not in ("open", "closed"):
            hint = did_you_mean(state, ("open", "closed"))
            raise ReplayError(f"fixed[{i}] must say 'open' or 'closed'. Got {shown(state)}.{hint}")
        try:
            rules.append((name, state == "open", Window.parse(window)))
        except (ReplayError, ValueError, TypeError) as error:
            raise ReplayError(f"fixed[{i}]: {error}") from None
    for name, _, _ in rules:
        if name in stay:
            raise ReplayError(f"fixed contradicts itself: the windows of {name!r} stay, and others are asked of it.")
    return list(dict.fromkeys(stay)), rules


def _triple(item: Any, i: int) -> tuple[Any, Any, Any]:
    if not isinstance(item, list | tuple) or len(item) != 3:
        raise InvalidTypeError(
            f"fixed[{i}] must be the name of a deployment, or like ('strong', 'closed', ['02:00', '04:00']). "
            f"Got {shown(item)}."
        )
    return item[0], item[1], item[2]


def allowed_states(rules: Sequence[tuple[str, bool, Window]], names: Sequence[str], grid: Grid) -> tuple[Bools, Bools]:
    """Return in which slots each of some deployments may be open, and may be closed.

    Returns
    -------
    may_open, may_close : ndarray of bool, shape (slots, deployments)

    Raises
    ------
    ReplayError
        If two rules contradict each other, or a window does not recur on slots.
    """
    may_open, may_close = (np.ones((len(grid), len(names)), np.bool_) for _ in range(2))
    for name, is_open, window in rules:
        slots = _slots_of(window, grid)
        column = names.index(name)
        (may_close if is_open else may_open)[slots, column] = False
        both = np.flatnonzero(~may_open[:, column] & ~may_close[:, column])
        if len(both):
            raise ReplayError(f"fixed contradicts itself: {name!r} must be open and closed {_when(both[0], grid)}.")
    return may_open, may_close


def _slots_of(window: Window, grid: Grid) -> Bools:
    """Return the slots of a window that recurs on them."""
    said = {name for name, default in FIELDS.items() if getattr(window, name) != default}
    if said - _WEEKLY or any("#" in day for day in window.days or ()) or (grid.days == 1 and window.days):
        raise ReplayError(
            f"a fixed window must recur every {'week' if grid.days == 7 else 'day'}, for so does what is chosen. "
            f"Got {window}."
        )
    if window.tz != grid.tz:
        raise ReplayError(f"a fixed window must be in the zone of the slots, {grid.tz!r}. Got {window}.")
    plain = Window(window.start, window.end, days=window.days, end_included=window.end == "24:00")
    local = plain.spans_us(MONDAY_US, MONDAY_US + WEEK_US) - MONDAY_US
    if (local % grid.step_us).any() or not len(local):
        raise ReplayError(f"a fixed window must begin and end on slots of the step. Got {window}.")
    middles = (np.arange(7 * grid.per_day) * 2 + 1) * grid.step_us // 2
    inside: Bools = np.searchsorted(local.ravel(), middles, side="right") % 2 == 1
    return inside[: len(grid)]


def _when(slot: int, grid: Grid) -> str:
    day, place = divmod(int(slot), grid.per_day)
    minutes = place * (grid.step_us // MINUTE_US)
    weekday = f"on {DAYS[day].capitalize()} " if grid.days == 7 else ""
    return f"{weekday}at {time_of_day(minutes)} {grid.tz}"


def with_windows(config: GatewayConfig, windows: Mapping[str, Sequence[Window]]) -> GatewayConfig:
    """Return a config of which some deployments have other windows, each of which gets a name.

    Names that a config has are kept, as long as what they mean is still in use.
    """
    deployments = tuple(
        d.model_copy(update={"time_constraints": tuple(windows[d.name]), "available": ()}) if d.name in windows else d
        for d in config.deployments
    )
    used = list(dict.fromkeys(window for _, _, window in windows_of(deployments)))
    named = {name: window for name, window in config.windows.items() if window in used}
    for window in dict.fromkeys(window for own in windows.values() for window in own):
        if window not in named.values():
            named[_free(_name(window), named)] = window
    return config.model_copy(update={"deployments": deployments, "windows": named})


def _name(window: Window) -> str:
    """Name a window by when it is."""
    hour, end = int(window.start[:2]), window.end
    days = set(window.days or ())
    if (days and days <= {"sat", "sun"}) or (days == {"fri"} and end.startswith("mon")):
        return "weekend"
    if " " in end or (window.start, end) == ("00:00", "24:00"):
        return "days" if days else "always"
    until = int(end[:2])
    if until < hour or (hour < 5 and until <= 8):
        return "night"
    if until - hour > 8:
        return "day"
    parts = ((5, "night"), (12, "morning"), (17, "afternoon"), (24, "evening"))
    return next(word for before, word in parts if hour < before)


def _free(word: str, taken: Mapping[str, Window]) -> str:
    """Return a name that is not taken yet."""
    return next(name for name in (word, *(f"{word}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)
