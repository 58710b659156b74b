"""What calls cost where they were recorded, by the prices of a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US
from timegate.core.columns import FAILED, FIRST_CHOICE, NOBODY
from timegate.core.router import Router
from timegate.engines.record import Calls
from timegate.errors import TraceError, warn
from timegate.gateway.live import ModelGateway
from timegate.pointer import guided
from timegate.runs.bill import Ledger
from timegate.runs.prepare import as_router, as_trace, from_files
from timegate.runs.tables import bin_width_us
from timegate.show.text import counted, listed
from timegate.traffic.trace import Trace

__all__ = ["bill"]


@guided()
def bill(
    router: GatewayConfig | ModelGateway | Router | str | Path,
    trace: Trace | pd.DataFrame | str | Path,
    freq: str = "1h",
    *,
    exact: bool = False,
    tz: str = "UTC",
) -> pd.DataFrame:
    """Return what the calls of a trace cost where they were recorded, bin by bin; nothing is replayed.

    Each answer is charged at its end, to the deployment that the trace says has served it. What failed attempts cost is
    not in it. ``cached_tokens`` are those that were cached.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway, Router or path
        Whose deployments say prices, by the names that the trace has.
    trace : Trace, DataFrame or path
        With ``served_by`` and, if it is known, ``latency_s`` of each call: a file of a :class:`Recorder`, or a log.
    freq : str
        A pandas frequency such as ``"15min"``. Bins are aligned to midnight.
    exact : bool
        Whether to give whole pico-units of the currency, as Python's integers.
    tz : str
        The zone of the midnights, and of the index.

    Returns
    -------
    DataFrame
        As :meth:`Replay.bill` gives it.

    Raises
    ------
    TraceError
        If the trace does not say who served.
    ReplayError
        If no deployment says a price.

    Warns
    -----
    TimegateWarning
        If calls were served by nobody who is there: they are left out.

    Examples
    --------
    >>> import timegate as tg
    >>> price = {"input_per_mtok": 2, "output_per_mtok": 8}
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "price": price}])
    >>> row = {"at": "2026-03-02T09:00Z", "served_by": "a", "prompt_tokens": 1000, "completion_tokens": 100}
    >>> float(bill(config, pd.DataFrame([row]))["a"].sum())
    0.0028
    """
    router, trace, _ = from_files(router, trace, None)
    routing, trace = as_router(router), as_trace(trace)
    ledger = Ledger(routing, trace, _observed(routing, trace), None)
    return ledger.frame(bin_width_us(freq), "completion", "nothing", exact, tz)


def _observed(router: Router, trace: Trace) -> Calls:
    """Return the calls as they were; who served was warm."""
    seen = trace.observed
    if seen is None or "served_by" not in seen:
        raise TraceError("the trace does not say who served its calls: it needs the column served_by.")
    names = seen["served_by"].astype(object)
    served_by = names.map(router.index).fillna(NOBODY).to_numpy().astype(np.int16)
    if unknown := sorted(set(names[served_by == NOBODY].dropna())):
        calls = counted(int((names.notna() & (served_by == NOBODY)).sum()), "call")
        text = f"{calls} served by {listed(map(repr, unknown))}: no deployment has that name, and nothing is billed."
        warn(text)
    answered: Any = served_by != NOBODY
    latency_s = seen["latency_s"] if "latency_s" in seen else pd.Series(np.zeros(len(trace)))
    latency_us = np.rint(latency_s.fillna(0.0).to_numpy() * SECOND_US).astype(np.int64)
    outcome = np.where(answered, FIRST_CHOICE, FAILED).astype(np.int8)
    return Calls.empty(0)._replace(
        served_by=served_by,
        outcome=outcome,
        attempts=answered.astype(np.int16),
        latency_us=latency_us,
        first_choice=np.maximum(served_by, 0),
    )
