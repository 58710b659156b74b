"""Load against length of outage: where a system does not come back although the outage is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US, from_us, to_us
from timegate.core.router import Router
from timegate.core.spans import Spans, union
from timegate.engines.progress import progress
from timegate.errors import ReplayError, shown
from timegate.faults import Scenario
from timegate.faults.kinds import Outage
from timegate.gateway.live import ModelGateway
from timegate.pointer import guided
from timegate.runs.prepare import as_router, as_scenario, as_trace, from_files
from timegate.runs.recovery import LEVEL_WINDOWS, Service
from timegate.runs.replay import replay
from timegate.runs.result import Replay
from timegate.runs.tables import bin_width_us
from timegate.traffic import Trace
from timegate.traffic.scaling import scaled

__all__ = ["SWEEP_COLUMNS", "sweep"]

SWEEP_COLUMNS = (
    "load", "outage_s", "calls", "unserved", "served_before", "served_during", "served_after", "recovery_s",
    "comes_back",
)  # fmt: skip
NEARLY = 0.9
"""Of the share served before an outage, what is enough to say that a system is still up at the end of a trace."""


@guided()
def sweep(
    router: GatewayConfig | ModelGateway | Router | str | Path,
    trace: Trace | pd.DataFrame | pd.DatetimeIndex | str | Path,
    scenario: Scenario | str | Path,
    *,
    load: Sequence[float] = (1.0,),
    outage_s: Sequence[float] | None = None,
    window: str = "1min",
) -> pd.DataFrame:
    """Replay every pair of a load and a length of outage, each from a fresh start.

    A system whose retries keep it busy may not come back when an outage is over: a metastable failure. It shows as
    cells whose ``comes_back`` is false.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway, Router, or path of a config
    trace : Trace, DataFrame, DatetimeIndex or path
        It must go on for a window after the longest outage.
    scenario : Scenario or path
        With at least one outage that begins within the trace, be it of an :class:`Outage` or of another fault that
        fails every attempt, as :meth:`Replay.outages` tells.
    load : sequence of float
        How many times the calls of the trace arrive: see :func:`timegate.traffic.scaling.scaled`, which is given the
        scenario's seed.
    outage_s : sequence of float, optional
        What each :class:`Outage` of the scenario lasts, from its own start, in seconds; those of other kinds have their
        own lengths and stay. Default: what they last already.
    window : str
        The window of :meth:`Replay.recovery`, a pandas frequency.

    Returns
    -------
    DataFrame
        A row a cell: ``load``, ``outage_s`` (missing where the outages were left as they are), ``calls``,
        ``unserved``, then the share served of those that arrived before the first outage, during one, and after the
        last (``served_before``, ``served_during``, ``served_after``), ``recovery_s`` (the longest; missing if never)
        and ``comes_back``: whether calls fared as before, and at the end still do: the share served over the last ten
        windows is at least nine tenths of ``served_before``. Calls that windows blocked are in none of these figures
        but ``calls``.

    Raises
    ------
    ReplayError
        If there is no outage, a number is out of range, or the trace ends too soon.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> trace = tg.EvenTraffic(start="2026-03-02T09:00Z", rates=[1], calls=3600).trace(0)
    >>> outage = tg.Outage(target="strong", start="2026-03-02T09:15Z", end="2026-03-02T09:16Z")
    >>> sweep(config, trace, tg.Scenario(faults=[outage]), outage_s=[60, 600])["unserved"].tolist()
    [60, 600]
    """
    router, trace, scenario = from_files(router, trace, scenario)
    routing, trace, scenario = as_router(router), as_trace(trace), as_scenario(scenario)
    if outage_s is not None and not any(isinstance(fault, Outage) for fault in scenario.faults):
        raise ReplayError(f"outage_s is the length of an Outage: scenario must hold one. Got {shown(scenario)}.")
    loads = _numbers("load", load)
    lengths_s: list[float | None] = [None] if outage_s is None else [*_numbers("outage_s", outage_s)]
    window_us = bin_width_us(window, "window")
    scenarios = {length_s: _lasting(scenario, length_s) for length_s in lengths_s}
    stretches = {length_s: _outages_us(routing, trace, varied) for length_s, varied in scenarios.items()}
    if not all(map(len, stretches.values())):
        raise ReplayError(
            "scenario must hold an outage that begins within the trace, after which something may come back. "
            f"Got {shown(scenario)}."
        )
    last_us = max(int(spans[-1, 1]) for spans in stretches.values())
    if last_us + window_us > trace.span_us[1] + 1:
        raise ReplayError(
            f"the trace must go on for {window} after the outages, which end at {from_us(last_us):%Y-%m-%d %H:%M:%S}. "
            f"It ends at {trace.end:%Y-%m-%d %H:%M:%S}."
        )
    cells = list(product(loads, scenarios))
    rows = []
    for times, length_s in progress(cells, len(cells), unit="cell"):
        run = replay(routing, scaled(trace, times, scenario.seed), scenarios[length_s])
        rows.append({"load": times, "outage_s": length_s, **_figures(run, trace.span_us, stretches[length_s], window)})
    return pd.DataFrame(rows, columns=list(SWEEP_COLUMNS)).astype({"outage_s": float})


def _figures(run: Replay, span_us: tuple[int, int], outages_us: Spans, window: str) -> dict[str, Any]:
    """Return what a cell shows of its replay, in the span of the trace that was scaled for it."""
    service = Service(run.trace, run._calls)
    begins_us, over_us = int(outages_us[0, 0]), int(outages_us[-1, 1])
    recovery = run.recovery(window)
    recovery_s = recovery.loc[recovery["start"] < from_us(over_us), "recovery_s"].to_numpy()
    first_us, last_us = span_us[0], span_us[1] + 1
    during = np.array([service.between(lo, hi) for lo, hi in outages_us.tolist()]).sum(axis=0)
    total, served = service.between(first_us, last_us)
    before = service.share(first_us, begins_us)
    at_last = service.share(max(over_us, last_us - LEVEL_WINDOWS * bin_width_us(window)), last_us)
    comes_back = bool(len(recovery_s)) and not np.isnan(recovery_s).any() and at_last >= NEARLY * before
    return {
        "calls": len(run),
        "unserved": total - served,
        "served_before": before,
        "served_during": float(during[1] / during[0]) if during[0] else math.nan,
        "served_after": service.share(over_us, last_us),
        "recovery_s": float(recovery_s.max()) if comes_back else math.nan,
        "comes_back": comes_back,
    }


def _lasting(scenario: Scenario, length_s: float | None) -> Scenario:
    """Return a scenario whose outages last so long."""
    if length_s is None:
        return scenario
    faults = tuple(
        fault.model_copy(update={"end": from_us(to_us(fault.start, "start") + round(length_s * SECOND_US))})
        if isinstance(fault, Outage)
        else fault
        for fault in scenario.faults
    )
    return scenario.model_copy(update={"faults": faults})


def _outages_us(router: Router, trace: Trace, scenario: Scenario) -> Spans:
    """Return when any deployment is down, of outages that begin within the trace: sorted and disjoint."""
    injector = scenario.injector(router.deployments)
    spans = union([np.array(injector.outages_us(i), np.int64).reshape(-1, 2) for i in range(len(router.deployments))])
    return spans[spans[:, 0] <= trace.span_us[1]]


def _numbers(name: str, given: Sequence[float]) -> list[float]:
    values: list[Any] = [*np.atleast_1d(np.asarray(given, object))]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
            raise ReplayError(f"{name} must hold numbers above 0. Got {shown(value)}.")
    if not values:
        raise ReplayError(f"{name} must hold at least one number. Got none.")
    return [float(value) for value in values]
