"""The routers that the benchmarks compare, each serving one day by the same rule."""

from __future__ import annotations

import logging
from collections.abc import Generator

import numpy as np
import simpy
from numba import njit, prange

import timegate as tg

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "sim/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/b", "time_constraints": [["12:00", "13:00"]]},
        {"model_name": "backup", "model": "sim/c"},
    ]
)
OUTAGES = tg.Scenario(
    faults=[tg.Outage(target="strong", start="2026-03-02T14:00Z", end="2026-03-02T16:00Z")],
    seed=1,
)
LATENCY = tg.Scenario(
    faults=[tg.Latency(target=d.model_name, median_s=0.8, p99_s=6.0) for d in CONFIG.deployments], seed=1
)
DAY_US = 86_400_000_000


def day(calls: int) -> tg.Trace:
    """Return a day of calls, of which a third each prefer nobody, ``strong`` and ``weak``."""
    rng = np.random.default_rng(1)
    start_us = tg.Trace(["2026-03-02T00:00Z"]).span_us[0]
    at_us = start_us + np.sort(rng.integers(0, DAY_US, calls))
    return tg.Trace.from_arrays(at_us, rng.integers(-1, 2, calls).astype(np.int32), ("strong", "weak"))


def msgflux_gateway(scenario: tg.Scenario) -> object:
    """Return msgflux's own gateway over simulated models."""
    from msgflux.models.gateway import ModelGateway

    from timegate.models.msgflux import to_msgflux

    logging.getLogger("msgflux").setLevel("CRITICAL")
    return ModelGateway(
        [
            {
                "model_name": d.model_name,
                "model": to_msgflux(scenario.model(d.model_name)),
                "time_constraints": [(w.start, w.end) for w in d.time_constraints],
            }
            for d in CONFIG.deployments
        ]
    )


def simpy_day(trace: tg.Trace) -> list[int]:
    """Serve a day by a SimPy process with the same rule, in plain Python; return who served each call."""
    minute_us = 60_000_000
    windows = [
        [tuple(60 * int(t[:2]) + int(t[3:]) for t in (w.start, w.end)) for w in d.time_constraints]
        for d in CONFIG.deployments
    ]

    def is_open(deployment: int, now_us: int) -> bool:
        of_day = now_us % DAY_US
        for start, end in windows[deployment]:
            lo, hi = start * minute_us, end * minute_us
            if (lo <= of_day <= hi) if lo <= hi else (of_day >= lo or of_day <= hi):
                return False
        return True

    served: list[int] = []

    def arrivals(env: simpy.Environment) -> Generator[simpy.Event, None, None]:
        for at_us, preferred in zip(trace.at_us.tolist(), trace.preferred.tolist(), strict=True):
            yield env.timeout(at_us - env.now)
            open_ = [d for d in range(len(windows)) if is_open(d, at_us)]
            if preferred in open_:
                open_ = [preferred, *(d for d in open_ if d != preferred)]
            served.append(open_[0] if open_ else -1)

    env = simpy.Environment(initial_time=int(trace.at_us[0]))
    env.process(arrivals(env))
    env.run()
    return served


@njit(parallel=True, nogil=True)
def yardstick(at_us, served_by, outcome, attempts, latency_us):  # type: ignore[no-untyped-def]
    """Only read the timestamps and write the columns of a replay: nothing can be faster."""
    for i in prange(len(at_us)):
        served_by[i] = at_us[i] & 1
        outcome[i] = at_us[i] & 3
        attempts[i] = 1
        latency_us[i] = 0
