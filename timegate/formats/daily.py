"""When a deployment is closed, as daily windows in UTC with both ends included: all that some targets can say.

The translation is exact from an instant on, to the microsecond, or says what it would get wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from timegate.core.clock import DAY_US, EPOCH, LAST_US, MINUTE_US
from timegate.core.dates import LocalDates
from timegate.core.deployment import Deployment
from timegate.core.spans import Spans, complement, union
from timegate.core.spelling import DAYS, MONTHS
from timegate.core.stretch import stretch
from timegate.core.windows import FIELDS, Window
from timegate.core.zones import constant_offsets
from timegate.formats.format import remark
from timegate.problems import Problem
from timegate.show.text import listed, time_of_day

__all__ = ["Daily", "daily"]

FORESEEN_US = 3653 * DAY_US
"""Ten years: a zone whose rules change its clocks at all does so well within."""

ALWAYS = (("00:00", "12:00"), ("12:00", "00:00"))


_APPLIES = {"months": "in every month", "holidays": "whether or not it is a holiday"}
"""When a window that is the same every day would apply, by the field that says otherwise."""
_CYCLES = {"days": DAYS, "months": MONTHS}
_BY_THEMSELVES = ("since", "until", "except_dates", "on_holidays")
"""The conditions of a window's dates of which only those to come matter, or that go with another one."""


@dataclass(slots=True)
class Daily:
    """The daily windows in which a deployment is closed.

    Attributes
    ----------
    pairs : list of (str, str)
        Start and end in UTC, both included; a start after its end crosses midnight.
    lost : list of Problem
        What they get wrong, with the place.
    notes : list of Problem
        What they say in another way.
    """

    pairs: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    lost: list[Problem] = dataclasses.field(default_factory=list)
    notes: list[Problem] = dataclasses.field(default_factory=list)


def daily(deployment: Deployment, row: int, now_us: int) -> Daily:
    """Translate the windows of a deployment, by the rules of their zones that hold from an instant on.

    Examples
    --------
    >>> night = [{"start": "22:00", "end": "24:00"}, ["00:00", "06:00"]]
    >>> daily(Deployment(model_name="weak", model="sim/small", time_constraints=night), 0, 0).pairs
    [('22:00', '06:00')]
    """
    found = Daily()
    closed, available = (
        [
            stretch
            for i, window in enumerate(windows)
            if (stretch := _stretch(window, remark(deployment, row, name, i), now_us, found)) is not None
        ]
        for name, windows in (
            ("time_constraints", deployment.time_constraints),
            ("available", deployment.available),
        )
    )
    if not deployment.available and all(end_us % MINUTE_US == 1 for _, end_us in closed):
        found.pairs = [(_text(start_us), _text(end_us - 1)) for start_us, end_us in closed]
        return found
    spans = [_of_one_day(closed)]
    if deployment.available:
        inside = _of_one_day(available)
        spans.append(complement(inside, 0, DAY_US))
        text = "available is said by the windows outside of it, in which it is closed."
        found.notes.append(remark(deployment, row)(text))
    _cover(union(spans), remark(deployment, row), found)
    return found


def _stretch(window: Window, say: Callable[[str], Problem], now_us: int, found: Daily) -> tuple[int, int] | None:
    """Return the stretch of a day in UTC that a window covers every day, half-open; None if it is over for good.

    The start lies within the day, the end perhaps in the next one. Whatever is not daily is noted as lost.
    """
    offsets = [offset_us for _, _, offset_us in constant_offsets(window.tz, now_us, min(now_us + FORESEEN_US, LAST_US))]
    offset_us, is_fixed = offsets[0], len(set(offsets)) == 1
    # The first date on which a window can start and not be over yet.
    today = EPOCH.date() + timedelta(days=(now_us + offset_us) // DAY_US - window.reach_days)
    if window.until is not None and window.until < today:
        found.notes.append(say(f"its last date, {window.until}, is past: it is left out."))
        return None
    name = _offset(offset_us)
    if not is_fixed or offset_us % MINUTE_US:
        found.lost.append(say(f"tz {window.tz!r} changes its clocks: it would be {name} all year."))
    for field in (field.name for field in dataclasses.fields(LocalDates) if field.name not in _BY_THEMSELVES):
        value = getattr(window, field)
        if value != FIELDS[field] and set(value) != set(_CYCLES.get(field, ())):
            values = value if isinstance(value, tuple) else [value]
            found.lost.append(
                say(f"{field} {listed(values, ',', most=6)}: it would apply {_APPLIES.get(field, 'every day')}.")
            )
    if window.since is not None and window.since > today:
        found.lost.append(say(f"since {window.since}: it would apply from now on."))
    if window.until is not None:
        found.lost.append(say(f"until {window.until}: it would never end."))
    if ahead := [day for day in window.except_dates if day >= today]:
        found.lost.append(say(f"except_dates {listed(ahead, ',', most=6)}: it would apply on them, too."))
    if " " in window.end:
        found.lost.append(say(f"end {window.end}: it would end each time at the next {window.end[-5:]}."))
    start_us, end_us = stretch(window.start, window.end[-5:], window.end_included).bounds_us[0].tolist()
    shift_us = offset_us // MINUTE_US * MINUTE_US
    start_us, end_us = start_us - shift_us, end_us - shift_us
    days_us = start_us // DAY_US * DAY_US
    start_us, end_us = start_us - days_us, end_us - days_us
    if offset_us and is_fixed:
        to = _text(end_us - end_us % MINUTE_US)
        found.notes.append(say(f"{window.tz} is {name} from now on, so {_text(start_us)} to {to} UTC."))
    return start_us, end_us


def _of_one_day(stretches: Iterable[tuple[int, int]]) -> Spans:
    """Return the part of a day that daily stretches cover, those that cross midnight in two pieces."""
    pieces = []
    for start_us, end_us in stretches:
        pieces.append((start_us, min(end_us, DAY_US)))
        if end_us > DAY_US:
            pieces.append((0, end_us - DAY_US))
    return union([np.array(pieces, np.int64)])


def _cover(spans: Spans, say: Callable[[str], Problem], found: Daily) -> None:
    """Find the pairs that cover stretches of a day, and say at which instants they cover more."""
    stretches = [(int(start_us), int(end_us)) for start_us, end_us in spans]
    if len(stretches) > 1 and stretches[0][0] == 0 and stretches[-1][1] == DAY_US:
        stretches[-1] = (stretches[-1][0], DAY_US + stretches[0][1])  # one stretch across midnight
        del stretches[0]
    more = []
    for start_us, end_us in stretches:
        if (start_us, end_us) == (0, DAY_US):
            found.pairs += ALWAYS
            return
        first_us, last_us = start_us // MINUTE_US * MINUTE_US, -(-(end_us - 1) // MINUTE_US) * MINUTE_US
        more += [at_us for at_us, is_more in ((first_us, first_us < start_us), (last_us, last_us >= end_us)) if is_more]
        found.pairs += ALWAYS if last_us - first_us >= DAY_US else [(_text(first_us), _text(last_us))]
    if more:
        times = ", ".join(sorted({_text(at_us) for at_us in more}))
        found.lost.append(
            say(
                "a window without its first or last microsecond, for both ends are included: it would be closed for "
                f"that microsecond, too, at {times} UTC."
            )
        )


def _text(us: int) -> str:
    return time_of_day(us // MINUTE_US % 1440)


def _offset(us: int) -> str:
    return f"UTC{'-' if us < 0 else '+'}{_text(abs(us))}"
