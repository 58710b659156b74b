"""A part of a replay, reduced to totals: what streaming and Monte Carlo keep in place of calls."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from timegate.core.router import Router
from timegate.engines import compiled
from timegate.engines.record import Attempts, Calls
from timegate.engines.totals import Part, reduce_calls
from timegate.faults.injector import Injector
from timegate.prices.listed import PriceList, prices_said
from timegate.runs.bill import Ledger, lacking
from timegate.runs.prepare import Facts
from timegate.runs.spent import Spent
from timegate.runs.tables import calls_frame
from timegate.runs.waiting import Baseline
from timegate.traffic.trace import Trace

__all__ = ["Reduced", "ledger_of_part", "prices_of_router", "reduced"]


class Reduced(NamedTuple):
    """What is kept of a part of a replay.

    Attributes
    ----------
    part : Part
    spent : Spent or None
        What it cost; None without prices.
    lacks : tuple of str
        Which tokens are paid for, and unknown.
    calls : DataFrame or None
        If it is wanted.
    facts : Facts
        What there is to say of the part itself.
    """

    part: Part
    spent: Spent | None
    lacks: tuple[str, ...]
    calls: pd.DataFrame | None
    facts: Facts


def prices_of_router(router: Router) -> PriceList | None:
    """Return the prices of the deployments, or None if none says any."""
    return PriceList(router.deployments) if prices_said(router.deployments) else None


def ledger_of_part(
    router: Router,
    injector: Injector,
    trace: Trace,
    calls: Calls,
    prices: PriceList,
    threads: int | None = None,
    first: int = 0,
) -> Ledger:
    """Return the ledger of a part whose first call has a number; its attempts are replayed again if they matter."""

    def attempts() -> Attempts:
        return compiled.attempts(router, trace, injector, calls, threads, first).since(first)

    return Ledger(router, trace, calls, attempts, prices)


class Bins(NamedTuple):
    """How time is cut: in steps of so many microseconds, from an origin."""

    step_us: int
    origin_us: int = 0


def reduced(
    router: Router,
    baseline: Baseline,
    trace: Trace,
    calls: Calls,
    ledger: Ledger | None,
    bins: Bins,
    first: int,
    wants_calls: bool,
    threads: int | None = None,
) -> Reduced:
    """Reduce a part whose first call has a number, in bins."""
    frame = calls_frame(router, trace, calls, first) if wants_calls else None
    part = reduce_calls(trace, calls, router, *bins)
    baseline.add_to(part.totals, router, trace, calls, threads, first)
    if ledger is None:
        return Reduced(part, None, (), frame, Facts.of(trace))
    frame = None if frame is None else frame.assign(**ledger.call_columns())
    return Reduced(part, ledger.spent(*bins), lacking(ledger.prices, trace), frame, Facts.of(trace))
