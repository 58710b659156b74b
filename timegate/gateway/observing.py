"""Who hears of calls and of deployments: observers, the log, and the table of a gateway's health."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import pandas as pd

from timegate.core.clock import SECOND_US, from_us
from timegate.core.columns import NOBODY
from timegate.core.policy import ADMITTED, REASONS, UNIT, refilled, why_not
from timegate.core.routing import Call, Router, RouterState
from timegate.gateway.records import CallRecord
from timegate.show.text import duration

__all__ = ["Observer", "health", "tell"]

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
        failed += [f"{name} ({reason})" for name, reason in record.skipped]
        logger.info("Model `%s` served instead of `%s`: %s", record.served_by, record.first_choice, ", ".join(failed))
    for observer in observers:
        try:
            observer(record)
        except Exception:
            logger.exception("The observer %r failed", observer)


def health(router: Router, state: RouterState, now_us: int) -> pd.DataFrame:
    """Return a row a deployment: whether it is open, takes attempts, and why not."""
    open_ = set(router.timetable.segment_at(now_us).open)
    rows = []
    with state.lock:
        for index, (deployment, terms) in enumerate(zip(router.deployments, router.terms, strict=True)):
            now = state.deployments[index]
            why = why_not(terms, now, now_us, 0, 0)
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
