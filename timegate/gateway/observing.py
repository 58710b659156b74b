"""Who hears of calls and of deployments: observers, the log, and the table of a gateway's health."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pandas as pd

from timegate.core.clock import SECOND_US, from_us
from timegate.core.columns import NOBODY
from timegate.core.explanation import Explanation, why_passed_over
from timegate.core.policy import (
    ADMITTED,
    NEVER,
    REASONS,
    UNIT,
    USE_ANYWAY,
    WAIT_FOR_ONE,
    all_cool_until,
    refilled,
    why_not,
)
from timegate.core.router import Router, RouterState
from timegate.core.routing import Call
from timegate.gateway.records import CallRecord
from timegate.show.text import duration

__all__ = ["Observer", "explained", "health", "tell"]

logger = logging.getLogger("timegate")

Observer = Callable[[CallRecord], object]
"""Called with the record of each call when it has ended."""


def tell(call: Call, record: CallRecord, observers: Sequence[Observer]) -> None:
    """Tell the log and the observers of a call that has ended; what an observer raises goes to the log."""
    names = call.router.names
    for index, until_us in call.cools:
        logger.warning("Model `%s` cools until %s", names[index], from_us(until_us).isoformat())
    if call.served_by not in (NOBODY, call.first_choice) and logger.isEnabledFor(logging.INFO):
        failed = [f"{each.deployment} ({each.outcome})" for each in record.attempts[:-1]]
        failed += map(str, record.skipped)
        logger.info("Model `%s` served instead of `%s`: %s", record.served_by, record.first_choice, ", ".join(failed))
    for observer in observers:
        try:
            observer(record)
        except Exception:
            logger.exception("The observer %r failed", observer)


def explained(router: Router, state: RouterState, now_us: int, model_preference: str | None) -> Explanation:
    """Say who would be tried now, and why not the others: windows, and what calls share."""
    found, call_terms = router.explain(now_us, model_preference), router.call_terms
    order = [router.index[name] for name in found.order]
    with state.lock:
        now = state.deployments
        soonest_us = all_cool_until(now, order, len(order), now_us)
        uses_cooled = int(soonest_us > now_us and call_terms.when_all_cool == USE_ANYWAY)
        why = {
            i: why_passed_over(why_not(router.terms[i], now[i], now_us, NEVER, 0, uses_cooled), now[i].cooled_until_us)
            for i in order
        }
    tried = [i for i in order if not why[i]]
    rows = [
        row | {"place": tried.index(i) + 1 if i in tried else None, "passed_over": why.get(i, "")}
        for i, row in enumerate(found.rows)
    ]
    waits_us = min(call_terms.max_wait_us, call_terms.deadline_us - 1)
    note = found.note
    if call_terms.when_all_cool == WAIT_FOR_ONE and now_us < soonest_us <= now_us + waits_us:
        note = f"{note} A call waits {duration((soonest_us - now_us) / SECOND_US)} for the first to cool.".strip()
    return Explanation(now_us, rows, note)


def health(router: Router, state: RouterState, now_us: int) -> pd.DataFrame:
    """Return a row a deployment: whether it is open, takes attempts, and why not."""
    open_ = set(router.timetable.segment_at(now_us).open)
    rows = []
    with state.lock:
        for index, (deployment, terms) in enumerate(zip(router.deployments, router.terms, strict=True)):
            now = state.deployments[index]
            why = why_not(terms, now, now_us, NEVER, 0, 0)
            cools_us = max(now.cooled_until_us - now_us, 0)
            row = {
                "deployment": deployment.name,
                "provider": deployment.provider,
                "open": index in open_,
                "takes_calls": index in open_ and why == ADMITTED,
                "reason": "closed" if index not in open_ else REASONS[why],
                "cools_for": duration(cools_us / SECOND_US) if cools_us else "",
                "running": now.running,
                "recent_failures": now.failed,
            }
            for name in ("requests", "tokens"):
                rate = getattr(terms, f"{name}_rate")
                left = refilled(
                    getattr(now, f"{name}_left"), getattr(now, f"{name}_at_us"), rate, rate * UNIT, now_us
                ) if rate else 0  # fmt: skip
                row[f"{name}_left"] = left // UNIT if rate else pd.NA
            rows.append(row)
    return pd.DataFrame(rows).astype({"requests_left": "Int64", "tokens_left": "Int64"})
