"""Checks of single windows: those that are shorter, longer or rarer than they look, and those that change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from timegate.config.model import GatewayConfig
from timegate.core.clock import DAY_US, FIRST_US, LAST_US, SECOND_US, WEEK_US
from timegate.core.deployment import Deployment, WindowPlace, windows_of
from timegate.core.holidays import estimate, worked_weekends
from timegate.core.spans import Spans, union
from timegate.core.spelling import DAYS, runs
from timegate.core.windows import Window
from timegate.review.findings import Finding
from timegate.review.recurrence import offset_changes
from timegate.review.survey import Survey, Tally
from timegate.show.text import duration, listed

__all__ = ["check_windows"]

_EPOCH_DAY = date(1970, 1, 1)
YEAR_US = 366 * DAY_US


def check_windows(config: GatewayConfig, surveyed: Survey, now_us: int) -> Iterator[Finding]:
    """Look at every window of a config.

    Parameters
    ----------
    config : GatewayConfig
    surveyed : Survey
        What the windows did in the time that was looked at.
    now_us : int
        The clocks' changes are looked at in the year that begins here.
    """
    for place, deployment, window in windows_of(config.deployments):
        placed = _PlacedWindow(place, deployment, window)
        if window.start == window.end:
            yield placed.finding(
                "TG301",
                f"It starts and ends at {window.start}: it is that single instant.",
                "Give it an end after its start; for a whole day write 00:00 to 24:00.",
            )
        if window.except_dates:
            yield from _useless_exceptions(placed)
        yield from _other_readings(placed)
        tally = surveyed.tallies[place]
        if idle := _idle(placed, tally, now_us):
            yield idle
            continue
        yield from _compared(placed, tally)
        yield from _longer_than_its_period(placed, now_us)
        if isinstance(window.holidays, str):
            yield from _estimated_holidays(placed, window.holidays, now_us)
            yield from _worked_weekends(placed, window.holidays, now_us)
        yield from _clock_changes(placed, now_us)


class _PlacedWindow(NamedTuple):
    """A window and where it stands."""

    place: WindowPlace
    deployment: Deployment
    window: Window

    def finding(self, code: str, message: str, fix: str, spans: Spans | None = None) -> Finding:
        _, field, index = self.place
        finding = Finding.of_deployment(code, self.place, self.deployment.model_name, message, fix, spans)
        return replace(finding, field=field, index=index)

    def names(self, others: Iterable[int]) -> str:
        """Name windows of the same list."""
        return listed([f"{self.place[1]}[{index}]" for index in sorted(others)])


def _useless_exceptions(placed: _PlacedWindow) -> Iterator[Finding]:
    """Find dates that are excepted for nothing."""
    without = replace(placed.window, except_dates=())
    useless = [day for day in placed.window.except_dates if not _starts_on(without, _day_number(day))]
    if not useless:
        return
    days = listed([f"{day} ({DAYS[day.weekday()].capitalize()})" for day in useless])
    fix = "Remove what is excepted for nothing, or mend the date."
    if without.reach_days:
        fix += " A window across midnight is excepted by the date of the evening on which it starts."
    yield placed.finding("TG308", f"It excepts {days}, when it would not start anyway.", fix)


def _other_readings(placed: _PlacedWindow) -> Iterator[Finding]:
    """Find weekdays and zones that their owner may have read in another way."""
    days, tz = placed.window.days or (), placed.window.tz
    if len(days) == 2 and set(days) <= set(DAYS) and 1 < DAYS.index(days[1]) - DAYS.index(days[0]) < len(DAYS) - 1:
        yield placed.finding(
            "TG310",
            f"It starts on {days[0].capitalize()} and {days[1].capitalize()} only, and not on the days between.",
            f"If all of them are meant, write {days[0]}-{days[1]}.",
        )
    for run in runs(days, DAYS):
        first, dash, last = run.partition("-")
        if dash and "#" not in run and DAYS.index(first) > DAYS.index(last):
            text = (
                f"It starts on each day from {first.capitalize()} to {last.capitalize()}, across the end of the week."
            )
            yield placed.finding("TG311", text, f"If the other days are meant, write {last}-{first}.")
    if tz in _WITHOUT_SUMMER_TIME:
        text = f"{tz} has no summer time: where clocks change, it is an hour off for much of the year."
        yield placed.finding("TG404", text, f"Name a place, such as {_WITHOUT_SUMMER_TIME[tz]}.")


_WITHOUT_SUMMER_TIME = {"EST": "America/New_York", "MST": "America/Denver", "HST": "Pacific/Honolulu"}


def _longer_than_its_period(placed: _PlacedWindow, now_us: int) -> Iterator[Finding]:
    """Find a window of days that starts again before it is over."""
    window, today = placed.window, now_us // DAY_US
    if not window.reach_days:
        return
    starts, ends = window.local_us(window.start_days(today, min(today + 366, LAST_US // DAY_US))).T
    overlaps = np.flatnonzero(starts[1:] < ends[:-1] - 1)
    if len(overlaps):
        day = _EPOCH_DAY + timedelta(int(starts[overlaps[0] + 1] // DAY_US))
        text = f"It lasts longer than its period: on {day} it starts again before it is over."
        yield placed.finding("TG313", text, "Give it an earlier end, or dates that lie further apart.")


def _estimated_holidays(placed: _PlacedWindow, calendar: str, now_us: int) -> Iterator[Finding]:
    """Find holidays of the coming year that nobody has announced."""
    today = _EPOCH_DAY + timedelta(now_us // DAY_US)
    for year in (today.year, today.year + 1):
        announced_until, dates = estimate(calendar, year)
        coming = [day for day in dates if today <= day]
        if announced_until is not None:
            text = (
                f"The holidays of {calendar} in {year} are an estimate: "
                f"which days it moves is known up to {announced_until}."
            )
        elif coming:
            text = f"Of the holidays of {calendar} in {year}, {listed(coming)} are an estimate."
        else:
            continue
        fix = "Update the package holidays when they are announced, or give the dates as a list."
        yield placed.finding("TG312", text, fix)
        return


def _worked_weekends(placed: _PlacedWindow, calendar: str, now_us: int) -> Iterator[Finding]:
    """Find weekend days of the coming year that are worked, and on which a window of workdays does not start."""
    window, today = placed.window, _EPOCH_DAY + timedelta(now_us // DAY_US)
    if window.on_holidays == "only" or set(window.days or ()) != set(DAYS[:5]):
        return
    every_day = replace(window, days=None)
    days = [
        day
        for year in (today.year, today.year + 1)
        for day in worked_weekends(calendar, year)
        if today <= day < today + timedelta(days=366) and _starts_on(every_day, _day_number(day))
    ]
    if days:
        text = f"It does not start on {listed(days, most=12)}, weekend days that {calendar} works in place of others."
        fix = "If it should, add a window with these dates as holidays, and on_holidays: only."
        yield placed.finding("TG314", text, fix)


def _idle(placed: _PlacedWindow, tally: Tally, now_us: int) -> Finding | None:
    """Find a window that never applies, no longer, or not in the time looked at."""
    window = placed.window
    if window.since and _us(window.since) > FIRST_US and window.until and _us(window.until) < LAST_US - WEEK_US:
        eve_us = _us(window.since) - 2 * DAY_US  # wherever it is: zones differ by less than two days
        if not _applies(window, eve_us):
            reason = f"no date from {window.since} to {window.until} is left on which it starts"
            if _applies(replace(window, tz="UTC"), eve_us):
                reason = "the clocks skip all of it on each date on which it would start"
            return placed.finding("TG305", f"It never applies: {reason}.", "Mend its days and dates, or remove it.")
    if window.until and not _applies(window, now_us):
        message = f"It applies no more: the last date on which it may start, {window.until}, is past."
        return placed.finding("TG306", message, "Remove it, or give it a later until.")
    if not tally.pieces and window.until is None and not _applies(window, now_us):
        fix = "Mend its days, months and dates, or remove it."
        return placed.finding("TG305", "It never applies: no date meets all that it says of dates.", fix)
    if not tally.pieces:
        begins = f": it begins on {window.since}" if window.since and _us(window.since) > now_us else ""
        message = f"It does not apply in the time looked at{begins}."
        return placed.finding("TG307", message, "If that is meant, nothing; otherwise mend its dates.")
    return None


def _applies(window: Window, from_us: int) -> bool:
    """Whether a window contains any instant from a given one on."""
    until_us = LAST_US if window.until is None else min(_us(window.until) + (3 + window.reach_days) * DAY_US, LAST_US)
    soon_us = from_us + 5 * YEAR_US  # most that apply at all do so soon, and a zone's changes of a century take long
    stretches = ((from_us, min(soon_us, until_us)), (soon_us, until_us))
    return any(len(window.spans_us(lo, hi)) > 0 for lo, hi in stretches if lo < hi)


def _compared(placed: _PlacedWindow, tally: Tally) -> Iterator[Finding]:
    """Find windows that add nothing to the others, or leave a minute less a microsecond between them."""
    window, (_, field, index) = placed.window, placed.place
    windows = getattr(placed.deployment, field)
    if tally.pieces == sum(tally.within.values()):
        others = placed.names(tally.within)
        same = [other for other in tally.within if windows[other] == window]
        message = f"It repeats {placed.names(same)}." if same else f"Whenever it applies, it lies within {others}."
        yield placed.finding("TG303", message, "Remove it, or mend its times.")
    elif tally.overlaps:
        fix = "That does no harm; if it is not meant, mend its times."
        yield placed.finding("TG304", f"It overlaps {placed.names(tally.overlaps)}.", fix)
    for other in sorted(tally.almost_meets):
        following = "its next start" if other == index else f"the start of {field}[{other}]"
        start = windows[other].start
        state = "leave the deployment open" if field == "time_constraints" else "do not open the deployment"
        yield placed.finding(
            "TG302",
            f"Between its end at {window.end} and {following} at {start}, these windows {state} for 59.999999 s.",
            f"Let it end at {'24:00' if start == '00:00' else start}: both ends are included to the microsecond.",
        )
    moments_us = 2 * tally.pieces  # both ends are included, so windows that follow each other share an instant
    if not tally.effective_us or tally.effective_us <= moments_us < tally.total_us:
        nothing = "nothing but single instants" if tally.effective_us else "nothing"
        message = (
            f"It closes {nothing}: the deployment is not available then anyway."
            if field == "time_constraints"
            else f"It opens {nothing}: time_constraints close all of it."
        )
        yield placed.finding("TG309", message, "Remove it, or mend the times of one of the two lists.")


class _Change(NamedTuple):
    """What a change of the clocks does to one occurrence of a window."""

    code: str
    words: str
    spans: Spans


def _clock_changes(placed: _PlacedWindow, now_us: int) -> Iterator[Finding]:
    """Find occurrences in the coming year that a change of the clocks skips, cuts, doubles, shortens or prolongs."""
    found: dict[str, list[_Change]] = {}
    for change_us, before_us, after_us in offset_changes(placed.window.tz, now_us, now_us + YEAR_US):
        # The local times that the clocks skip, or show twice.
        lo, hi = sorted([change_us + before_us, change_us + after_us])
        days = placed.window.start_days(lo // DAY_US - max(1, placed.window.reach_days), lo // DAY_US)
        for day, (first, last) in zip(days.tolist(), placed.window.local_us(days).tolist(), strict=True):
            shared_us = min(last, hi) - max(first, lo)
            # A shared microsecond is the included end of a window that is over when the clocks change.
            if shared_us <= 0 or (shared_us == 1 and last - first > 1):
                continue
            code, words = _effect((first, last), (lo, hi), skipped=after_us > before_us)
            parts = (
                (first - before_us, min(last - before_us, change_us)),
                (max(first - after_us, change_us), last - after_us),
            )
            spans = np.array([part for part in parts if part[0] < part[1]], np.int64).reshape(-1, 2)
            if code:
                found.setdefault(code, []).append(_Change(code, f"on {_EPOCH_DAY + timedelta(day)} it {words}", spans))
    for code, changes in sorted(found.items()):
        message = f"The clocks change in {placed.window.tz}: {'; '.join(change.words for change in changes)}."
        fix = {
            "TG401": "Move it out of the hour that is skipped, or give it a zone without daylight saving, such as UTC.",
            "TG402": "Move its ends out of the hours that are skipped or repeated, or give it a zone such as UTC.",
            "TG403": "If it should always last as long, give it a zone without daylight saving, such as UTC.",
        }[code]
        yield placed.finding(code, message, fix, union(change.spans for change in changes))


def _effect(window: tuple[int, int], hour: tuple[int, int], *, skipped: bool) -> tuple[str, str]:
    """Say what becomes of an occurrence, in local time, when the clocks skip or repeat an hour."""
    (first, last), (lo, hi) = window, hour
    shared = duration((min(last, hi) - max(first, lo)) / SECOND_US)
    inside = lo <= first, last <= hi
    if last - first >= DAY_US:
        return "", ""  # a whole day is a whole day, however long it is
    if all(inside):
        return ("TG401", "does not occur") if skipped else ("TG402", "occurs twice")
    if skipped:
        if any(inside):
            return "TG402", f"{'starts late' if inside[0] else 'ends early'} and lasts {shared} less"
        return "TG403", f"lasts {shared} less"
    if lo < first or last < hi:
        return "TG402", f"occurs in two parts and lasts {shared} longer"
    return "TG403", f"lasts {shared} longer"


def _starts_on(window: Window, day: int) -> bool:
    return len(window.start_days(day, day)) > 0


def _day_number(day: date) -> int:
    return (day - _EPOCH_DAY).days


def _us(day: date) -> int:
    return _day_number(day) * DAY_US
