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
ERRORS = tg.Scenario(
    faults=[tg.ErrorRate(target=d.model_name, rate=0.05, after_s=1) for d in CONFIG.deployments], seed=1
)
BOTH = tg.Scenario(faults=[*ERRORS.faults, *LATENCY.faults], seed=1)
POLICY = {
    "timeout_s": 10,
    "deadline_s": 20,
    "max_retries": 2,
    "backoff": {"initial_s": 0.2, "max_s": 5, "jitter": "full"},
    "cooldown": {"failures": 60, "within_s": 10, "for_s": 30, "probes": 1},
    "limits": {"concurrent": 1000},
}
SHARED = tg.GatewayConfig(deployments=CONFIG.deployments, policy=POLICY)
PEAK = {"windows": [{"start": "09:00", "end": "12:00", "tz": "Asia/Shanghai", "days": "mon-fri"}], "times": 2}
PRICED = CONFIG.edited(
    {
        d.model_name: {"price": {"input_per_mtok": 0.2 * (i + 1), "output_per_mtok": 1.2, "bands": [PEAK]}}
        for i, d in enumerate(CONFIG.deployments)
    }
)
DAY_US = 86_400_000_000


def day(calls: int) -> tg.Trace:
    """Return a day of calls, of which a third each prefer nobody, ``strong`` and ``weak``."""
    rng = np.random.default_rng(1)
    start_us = tg.Trace(["2026-03-02T00:00Z"]).span_us[0]
    at_us = start_us + np.sort(rng.integers(0, DAY_US, calls))
    return tg.Trace.from_arrays(at_us, rng.integers(-1, 2, calls).astype(np.int32), ("strong", "weak"))


def with_tokens(calls: tg.Trace) -> tg.Trace:
    """Return the calls of a trace with counts of tokens, which are drawn."""
    rng = np.random.default_rng(1)
    tokens = [rng.integers(10, 5000, len(calls)) for _ in range(2)]
    return tg.Trace.from_arrays(calls.at_us, calls.preferred, calls.preferred_names, *tokens)


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


def simpy_shared_day(trace: tg.Trace) -> float:
    """Serve a day by a SimPy process with the rules of ``SHARED`` and ``BOTH``; return the share that was served."""
    rng = np.random.default_rng(1)
    uniforms, normals = rng.random(1 << 20).tolist(), rng.standard_normal(1 << 20).tolist()
    sigma, drawn, served = np.log(6.0 / 0.8) / 2.3263478740408408, 0, 0
    states = [{"running": 0, "until": 0.0, "half_open": False, "probing": 0, "failed": []} for _ in range(3)]
    closed = [((0, 6 * 3600), (22 * 3600, DAY_US)), ((12 * 3600, 13 * 3600),), ()]

    def call(env: simpy.Environment, preferred: int) -> Generator[simpy.Event, None, None]:
        nonlocal drawn, served
        of_day, deadline = env.now % 86_400, env.now + 20
        order = [d for d in range(3) if not any(lo <= of_day <= hi for lo, hi in closed[d])]
        if preferred in order:
            order = [preferred, *(d for d in order if d != preferred)]
        place = tries = 0
        while place < len(order) and env.now < deadline:
            state = states[order[place]]
            probes = state["half_open"] and state["until"] <= env.now
            if state["until"] > env.now or (state["half_open"] and state["probing"] >= 1) or state["running"] >= 1000:
                place, tries = place + 1, 0
                continue
            drawn, tries = drawn + 1, tries + 1
            fails = uniforms[drawn & 0xFFFFF] < 0.05
            takes_s = 1.0 if fails else 0.8 * np.exp(sigma * normals[drawn & 0xFFFFF])
            most_s = min(10.0, deadline - env.now)
            state["running"] += 1
            state["probing"] += probes
            yield env.timeout(min(takes_s, most_s))
            state["running"] -= 1
            state["probing"] -= probes
            if not fails and takes_s <= most_s:
                state["half_open"] = False
                served += 1
                return
            state["failed"] = [at for at in state["failed"] if at > env.now - 10] + [env.now]
            if probes or len(state["failed"]) >= 60:
                state.update(until=env.now + 30, half_open=True, probing=0, failed=[])
            pause_s = min(0.2 * 2.0 ** (tries - 1), 5.0) * uniforms[(drawn * 7) & 0xFFFFF]
            if fails and tries <= 2 and env.now + pause_s < deadline:
                yield env.timeout(pause_s)
            else:
                place, tries = place + 1, 0

    def arrivals(env: simpy.Environment) -> Generator[simpy.Event, None, None]:
        for at_us, preferred in zip(trace.at_us.tolist(), trace.preferred.tolist(), strict=True):
            yield env.timeout(max(at_us / 1e6 - env.now, 0))
            env.process(call(env, preferred))

    env = simpy.Environment(initial_time=int(trace.at_us[0]) / 1e6)
    env.process(arrivals(env))
    env.run()
    return served / len(trace)


@njit(parallel=True, nogil=True)
def yardstick(at_us, served_by, outcome, attempts, latency_us):  # type: ignore[no-untyped-def]
    """Only read the timestamps and write the columns of a replay: nothing can be faster."""
    for i in prange(len(at_us)):
        served_by[i] = at_us[i] & 1
        outcome[i] = at_us[i] & 3
        attempts[i] = 1
        latency_us[i] = 0
