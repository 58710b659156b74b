"""What the page of the editor shows of a replay: who served over the day, and a line of figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from timegate.core.clock import DAY_US, EPOCH, FIRST_US, LAST_US, MINUTE_US, from_us, to_us
from timegate.core.columns import OUTCOMES, UNSERVED
from timegate.core.holidays import holidays_of_years
from timegate.core.zones import constant_offsets
from timegate.faults.kinds import Outage
from timegate.faults.rules import CERTAIN
from timegate.prices.paid import ANSWERED
from timegate.prices.tariff import PICO
from timegate.runs.result import Replay

__all__ = ["acting_faults", "cost", "day_span_us", "holidays", "local_date", "offsets", "reduced"]

STEPS_US = {"day": 15 * MINUTE_US, "week": 60 * MINUTE_US}
"""The length of a bin by the axis. Zones lie quarters of an hour apart, so that midnights are edges of bins."""
DAYS = {"day": 1, "week": 7}
_HORIZON = timedelta(days=400)


def local_date(at_us: int, tz: str) -> date:
    """Return the local date of an instant."""
    return from_us(at_us).astimezone(ZoneInfo(tz)).date()


def day_span_us(day: date, tz: str, axis: str) -> tuple[int, int]:
    """Return the axis that begins on a local date, as a half-open stretch in microseconds."""
    midnights_us = ((d - EPOCH.date()).days * DAY_US for d in (day, day + timedelta(days=DAYS[axis])))
    # Wall-clock time is UTC but for an offset; where the clocks skip midnight, fold=0 names the instant of the skip.
    start, end = (from_us(us).replace(tzinfo=ZoneInfo(tz)) for us in midnights_us)
    return to_us(start, "day"), to_us(end, "day")


def offsets(zones: Iterable[str], day: date) -> dict[str, list[list[float]]]:
    """Return the offsets from UTC of zones in the year before and after a date, by zone.

    Returns
    -------
    dict of str to list of [since, offset]
        In minutes since the epoch, in order.
    """
    middle_us = (day - EPOCH.date()).days * DAY_US
    reach_us = _HORIZON // timedelta(microseconds=1)
    found = {}
    for tz in sorted(set(zones)):
        cuts = constant_offsets(tz, middle_us - reach_us, middle_us + reach_us)
        found[tz] = [[since / MINUTE_US, offset / MINUTE_US] for since, _, offset in cuts]
    return found


def holidays(calendars: Iterable[str], day: date) -> dict[str, list[str]]:
    """Return the dates of holidays in the year before and after a date, and in its own, by calendar."""
    years = day.year - 1, day.year + 1
    return {
        calendar: [
            str(EPOCH.date() + timedelta(days=number)) for number in holidays_of_years(calendar, *years).tolist()
        ]
        for calendar in sorted(set(calendars))
    }


def reduced(
    run: Replay, span_us: tuple[int, int], axis: str, scope: str = "trace"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the series of a stretch of time, and the figures of the whole replay, or of that stretch.

    Returns
    -------
    series : dict
        ``names``, ``from`` and ``step`` in minutes, and ``counts``: for each name the calls of each bin.
    figures : dict
        ``calls``, each outcome, ``shares`` by name, ``p95_s`` of the calls that were served and
        ``wait_p95_s`` of all (None where nothing took any time, or nobody was served), and ``cost``, as :func:`cost`
        gives it.
    """
    step_us = STEPS_US[axis]
    with ThreadPoolExecutor(1) as pool:  # two loops over all calls, which let go of the interpreter's lock
        paid = pool.submit(cost, run, span_us if scope == "shown" else (FIRST_US, LAST_US))
        part = run.reduced(step_us)
    first = max(span_us[0] // step_us, part.first_bin)
    last = min(-(-span_us[1] // step_us), part.first_bin + len(part.by_bin))
    bins = part.by_bin[first - part.first_bin : max(last, first) - part.first_bin]
    series = {
        "names": [*run.deployments, *UNSERVED],
        "from": first * step_us / MINUTE_US,
        "step": step_us / MINUTE_US,
        "counts": bins.T.tolist(),
    }
    totals = part.totals if scope == "trace" else run.totals(*span_us)
    whole = totals.figures(run.router.names, run.takes_time)
    p95_s, waits_p95_s = whole.get("latency_p95_s", math.nan), whole.get("wait_p95_s")
    figures = {
        **{name: whole[name] for name in ("calls", *OUTCOMES)},
        "shares": {name: float(whole[f"share[{name}]"]) if whole["calls"] else 0.0 for name in run.deployments},
        "p95_s": None if math.isnan(p95_s) else float(p95_s),
        "wait_p95_s": None if waits_p95_s is None or math.isnan(waits_p95_s) else float(waits_p95_s),
        "cost": paid.result(),
    }
    return series, figures


def cost(run: Replay, span_us: tuple[int, int]) -> dict[str, Any] | None:
    """Return what the answers to the calls of a stretch cost; None without prices.

    Returns
    -------
    dict
        ``amount`` (None if that of no answer is known), ``currency``, and ``unknown``: of how many answers it is.
    """
    if not run.ledger.has_prices:
        return None
    paid = run.ledger.paid_for(*span_us)
    unknown, known = paid.unknown(ANSWERED), paid.known(ANSWERED)
    amount = paid.total(ANSWERED) / PICO if known or not unknown else None
    return {"amount": amount, "currency": run.ledger.currency, "unknown": unknown}


def acting_faults(run: Replay, span_us: tuple[int, int]) -> list[dict[str, Any]]:
    """Return what hits deployments within a stretch beside the outages that the scenario lists one by one.

    Returns
    -------
    list of dict
        ``deployment``, ``from`` and ``to`` in minutes, and ``text``: what it is.
    """
    deployments = run.router.deployments
    injector = run.scenario.injector(deployments, strict=False)
    found = []
    for deployment, rules, faults in zip(deployments, injector.rules, injector.faults, strict=True):
        marks = dict.fromkeys(
            (rule.start_us, rule.end_us, fault.label)
            for rule, fault in zip(rules, faults, strict=True)
            if (fault.marked or rule.kind == CERTAIN) and not isinstance(fault, Outage)
        )
        found += [
            {"deployment": deployment.name, "from": lo / MINUTE_US, "to": hi / MINUTE_US, "text": text}
            for lo, hi, text in marks
            if lo < span_us[1] and hi > span_us[0]
        ]
    return found
