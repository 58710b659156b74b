"""The one function that replays a trace through a router."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.router import Router
from timegate.engines.outside import describe
from timegate.engines.record import Log
from timegate.errors import InvalidTypeError, ReplayError, ScenarioError, did_you_mean, warn
from timegate.faults import Scenario
from timegate.faults.injector import Injector
from timegate.faults.kinds import Capacity
from timegate.gateway.live import ModelGateway
from timegate.pointer import guided
from timegate.runs.prepare import Prepared, as_scenario, as_trace, from_files, prepare, warn_of_idle
from timegate.runs.result import Replay
from timegate.traffic import Trace

__all__ = ["Engine", "replay", "replayed"]

Engine = Literal["auto", "compiled", "stepped", "travel"]


@guided()
def replay(
    router: GatewayConfig | ModelGateway | Router | Callable[..., Any] | str | Path,
    trace: Trace | pd.DataFrame | pd.DatetimeIndex | str | Path,
    scenario: Scenario | str | Path | None = None,
    *,
    engine: Engine = "auto",
) -> Replay:
    """Replay a trace through a router, with the failures of a scenario.

    No model is called: whether an attempt succeeds is up to the scenario.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway, Router, callable, or path of a config
        A callable is any other router, made with models from ``scenario.model(name)``, plain or a coroutine
        function. It is called as ``router(model_preference=name_or_None)`` and served a call if it returns. Of a
        :class:`ModelGateway`, the method ``acall`` is replayed as one, too.
    trace : Trace, DataFrame, DatetimeIndex or path
        The arrivals. A path is read by :func:`timegate.read_trace`, which takes more arguments.
    scenario : Scenario or path, optional
        The faults. Default: none.
    engine : {"auto", "compiled", "stepped", "travel"}
        ``stepped`` drives timegate's own routing under a virtual clock. ``compiled`` gives the same columns, bit
        for bit, a thousand times faster. ``travel`` calls the router itself, in virtual time, where its calls
        overlap as they do live. ``auto`` takes ``compiled``, or ``travel`` for a callable.

    Returns
    -------
    Replay

    Raises
    ------
    ScenarioError
        If a fault targets a deployment that is not there.
    ReplayError
        If the engine cannot replay the router, or the router misbehaves.

    Warns
    -----
    TimegateWarning
        If the trace prefers a deployment that is not there: its preference is passed over. If no fault of
        some kind and target acts at a time of the trace. If a router does under ``travel`` what takes real time.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "time_constraints": [["22:00", "06:00"]]},
    ...     {"model_name": "weak", "model": "sim/small"},
    ... ])
    >>> run = replay(config, Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"]))
    >>> run.calls["served_by"].tolist()
    ['weak', 'strong']
    """
    router, trace, scenario = from_files(router, trace, scenario)
    trace = as_trace(trace)
    if engine not in get_args(Engine):
        raise ReplayError(f"engine {engine!r} is not known.{did_you_mean(engine, get_args(Engine))}")
    owner, awaits = getattr(router, "__self__", None), False
    if isinstance(owner, ModelGateway) and getattr(router, "__name__", "") == "acall":
        router, engine, awaits = owner, "travel", True
    if isinstance(router, GatewayConfig | ModelGateway | Router):
        prepared = prepare(router, trace, scenario)
        router, scenario, injector = prepared.router, prepared.scenario, prepared.injector
        if engine == "travel":
            gateway = _travel().gateway(router, scenario)
            called = gateway.acall if awaits else gateway
            _, calls, attempts = _travel().run(called, trace, router, injector)
            return Replay(router, trace, scenario, engine, calls, attempts, partial(_log, router, trace, injector))
        if engine == "stepped":
            from timegate.engines import stepped  # loads numba, for its draws

            return Replay(router, trace, scenario, engine, *stepped.run(router, trace, injector))
        return replayed(prepared, trace)
    if not callable(router):
        raise InvalidTypeError(
            f"router must be a GatewayConfig, a ModelGateway or a callable. Got {type(router).__name__}."
        )
    if engine not in ("auto", "travel"):
        raise ReplayError(f"engine {engine!r} drives timegate's own routing: replay a callable with engine='travel'.")
    described = describe(router)
    if described is not None:
        prepared = prepare(described, trace, scenario)
        seen, calls, attempts = _travel().run(router, trace, described, prepared.injector)
        return Replay(seen, trace, prepared.scenario, "travel", calls, attempts, Log.of())
    scenario = as_scenario(scenario)
    warn_of_idle(scenario, *trace.span_us)
    if any(isinstance(fault, Capacity) and fault.cache_aware for fault in scenario.faults):
        warn(
            "cache-aware capacities count all of each prompt here: whose cache is warm is not known of a router that "
            "does not name its deployments."
        )
    seen, calls, attempts = _travel().run(router, trace, None)
    try:
        scenario.injector(seen.deployments)
    except ScenarioError as error:
        warn(f"{error} It was never called.")
    return Replay(seen, trace, scenario, "travel", calls, attempts, Log.of())


def replayed(prepared: Prepared, trace: Trace) -> Replay:
    """Replay, by the compiled engine, what was checked before: no more is said of it."""
    from timegate.engines import compiled  # loads numba

    router, injector = prepared.router, prepared.injector
    calls, log = compiled.run_and_log(router, trace, injector)
    attempts = partial(compiled.attempts, router, trace, injector, calls)
    return Replay(router, trace, prepared.scenario, "compiled", calls, attempts, log)


def _log(router: Router, trace: Trace, injector: Injector) -> Log:
    from timegate.engines import compiled  # loads numba

    return compiled.log(router, trace, injector)


def _travel() -> Any:
    from timegate.engines import travel  # time-machine brings pytest along wherever that is installed

    return travel
