"""Limits as sums over slots, in whole numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from timegate.core.clock import SECOND_US
from timegate.core.columns import NOBODY
from timegate.errors import InvalidTypeError, ReplayError, did_you_mean, shown
from timegate.optimize.program import Row
from timegate.optimize.slots import SlotCosts, Totals
from timegate.prices.tariff import PICO
from timegate.runs.result import Replay
from timegate.show.text import duration, percent

__all__ = ["figure_of", "late_us", "measured", "read_limits", "rows_of", "written"]

_ROUNDED = Decimal("1e-6")  # of a call: a share that was divided is a number of calls again
_QUANTILE = re.compile("latency_p([1-9][0-9]?)_s")


def read_limits(limits: Any, currency: str) -> dict[str, float]:
    """Check limits, and return them.

    Raises
    ------
    ReplayError
        If a name is not known, or a limit is no number of its kind.
    """
    if limits is None:
        return {}
    if not isinstance(limits, Mapping):
        raise InvalidTypeError(f"limits must be a mapping like {{'failed': 0.001}}. Got {shown(limits)}.")
    cost = f"cost_{currency.lower()}"
    known = ["failed", cost, "latency_mean_s", "latency_p50_s", "latency_p95_s", "latency_p99_s"]
    for name, limit in limits.items():
        if not (isinstance(name, str) and (name in known or _QUANTILE.fullmatch(name))):
            raise ReplayError(f"limits must name figures of a schedule. Got {shown(name)}.{did_you_mean(name, known)}")
        most, what = (1, "a share, 0 to 1") if name == "failed" else (math.inf, "a number that is not below 0")
        if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 <= float(limit) <= most or limit == math.inf:
            raise ReplayError(f"limits[{name!r}] must be {what}. Got {shown(limit)}.")
    return {name: float(limit) for name, limit in limits.items()}


def late_us(limits: Mapping[str, float]) -> list[int]:
    """Return the latencies beyond which calls must be counted."""
    return [round(limit * SECOND_US) for name, limit in limits.items() if _QUANTILE.fullmatch(name)]


def rows_of(costs: SlotCosts, limits: Mapping[str, float]) -> tuple[Row, ...]:
    """Return the limits as rows of a program.

    That 95 % of the calls that are served come in time means that at most 5 % of them take longer: a sum, too. The
    quantile that NumPy reads between two calls is then kept; what such a reading would just let pass, a call more than
    that, is not.
    """
    return tuple(_row(costs, name, limit) for name, limit in limits.items())


def _row(costs: SlotCosts, name: str, limit: float) -> Row:
    served = costs.calls[:, None] - costs.unserved
    if name == "failed":
        most = Decimal(repr(limit)) * int(costs.calls.sum()) + _ROUNDED
        return Row(name, costs.unserved, math.floor(most))
    if name == "latency_mean_s":
        return Row(name, costs.waiting_us - round(limit * SECOND_US) * served, 0)
    if quantile := _QUANTILE.fullmatch(name):
        percent_ = int(quantile[1])
        late = costs.late[round(limit * SECOND_US)]
        return Row(name, 100 * late - (100 - percent_) * served, percent_ - 100)
    return Row(name, costs.cost, math.floor(Decimal(repr(limit)) * PICO))


def measured(run: Replay, limits: Mapping[str, float]) -> list[int]:
    """Return what a replay comes to in each limit, in the numbers of its row."""
    calls = run._calls
    served = calls.served_by != NOBODY
    count, latency_us = int(served.sum()), calls.latency_us[served]
    found = []
    for name, limit in limits.items():
        limit_us = round(limit * SECOND_US)
        if name == "failed":
            found.append(len(run) - count)
        elif name == "latency_mean_s":
            found.append(int(latency_us.sum()) - limit_us * count)
        elif quantile := _QUANTILE.fullmatch(name):
            found.append(100 * int((latency_us > limit_us).sum()) - (100 - int(quantile[1])) * count)
        else:
            found.append(Totals.of(run, priced=True).cost)
    return found


def figure_of(run: Replay, name: str) -> float:
    """Return the figure of a replay that a limit names."""
    served = run._calls.served_by != NOBODY
    if name == "failed":
        return 1 - float(served.mean())
    if name.startswith("cost_"):
        return Totals.of(run, priced=True).paid
    latency_s = run._calls.latency_us[served] / SECOND_US
    if not len(latency_s):
        return math.nan
    quantile = _QUANTILE.fullmatch(name)
    return float(np.percentile(latency_s, int(quantile[1])) if quantile else latency_s.mean())


def written(name: str, value: float) -> str:
    """Write a figure that a limit names."""
    if name == "failed":
        return percent(value, 3)
    return duration(round(value, 6)) if name.endswith("_s") else f"{value:,.6g}"
