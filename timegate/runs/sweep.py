"""Load against length of outage: where a system does not come back although the outage is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US, from_us, to_us
from timegate.core.routing import Router
from timegate.engines.progress import progress
from timegate.errors import ReplayError, shown
from timegate.faults import Scenario
from timegate.faults.kinds import Outage
from timegate.gateway.live import ModelGateway
from timegate.runs.prepare import as_router, as_scenario
from timegate.runs.recovery import LEVEL_WINDOWS, Service
from timegate.runs.replay import replay
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


def sweep(
    router: GatewayConfig | ModelGateway | Router,
    trace: Trace,
    scenario: Scenario,
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
    router : GatewayConfig, ModelGateway or Router
    trace : Trace
        It must go on for a window after the longest outage.
    scenario : Scenario
        With at least one :class:`Outage`.
    load : sequence of float
        How many times the calls of the trace arrive: see :func:`timegate.traffic.scaling.scaled`, which is given the
        scenario's seed.
    outage_s : sequence of float, optional
        What the outages of the scenario last, each from its own start, in seconds. Default: what they last already.
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
    routing, scenario = as_router(router), as_scenario(scenario)
    if not any(isinstance(fault, Outage) for fault in scenario.faults):
        raise ReplayError(f"scenario must hold an Outage, after which something may come back. Got {shown(scenario)}.")
    loads = _numbers("load", load)
    lengths_s: list[float | None] = [None] if outage_s is None else [*_numbers("outage_s", outage_s)]
    window_us = bin_width_us(window)
    scenarios = {length_s: _lasting(scenario, length_s) for length_s in lengths_s}
    last_us = max(hi for varied in scenarios.values() for _, hi in _outages_us(varied))
    if last_us + window_us > trace.span_us[1] + 1:
        raise ReplayError(
            f"the trace must go on for {window} after the outages, which end at {from_us(last_us):%Y-%m-%d %H:%M:%S}. "
            f"It ends at {trace.end:%Y-%m-%d %H:%M:%S}."
        )
    cells = list(product(loads, scenarios))
    rows = []
    for times, length_s in progress(cells, len(cells), unit="cell"):
        rows.append({"load": times, "outage_s": length_s, **_cell(routing, trace, scenarios[length_s], times, window)})
    return pd.DataFrame(rows, columns=list(SWEEP_COLUMNS)).astype({"outage_s": float})


def _cell(router: Router, trace: Trace, scenario: Scenario, load: float, window: str) -> dict[str, Any]:
    """Replay one cell."""
    run = replay(router, scaled(trace, load, scenario.seed), scenario)
    stretches = _outages_us(scenario)
    service = Service(run.trace, run._calls)
    recovery = run.recovery(window)
    starts_us = recovery["start"].dt.as_unit("us").astype("int64")
    recovery_s = recovery.loc[starts_us.isin([lo for lo, _ in stretches]), "recovery_s"].to_numpy()
    first_us, last_us = int(trace.at_us[0]), int(trace.at_us[-1]) + 1
    during = np.array([service.between(lo, hi) for lo, hi in stretches]).sum(axis=0)
    total, served = service.between(first_us, last_us)
    begins_us, over_us = min(lo for lo, _ in stretches), max(hi for _, hi in stretches)
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


def _outages_us(scenario: Scenario) -> list[tuple[int, int]]:
    return [fault.span_us for fault in scenario.faults if isinstance(fault, Outage)]


def _numbers(name: str, given: Sequence[float]) -> list[float]:
    values: list[Any] = [*np.atleast_1d(np.asarray(given, object))]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
            raise ReplayError(f"{name} must hold numbers above 0. Got {shown(value)}.")
    if not values:
        raise ReplayError(f"{name} must hold at least one number. Got none.")
    return [float(value) for value in values]
