"""Print the table of speeds: ``python -m tests.benchmarks``. All is measured in one run, on one machine."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numba
from rich.console import Console
from rich.table import Table

import timegate as tg
from tests.benchmarks.routers import (
    BOTH,
    CONFIG,
    ERRORS,
    LATENCY,
    OUTAGES,
    PRICED,
    SHARED,
    day,
    msgflux_gateway,
    simpy_day,
    simpy_shared_day,
    with_tokens,
    yardstick,
)
from timegate.engines import compiled
from timegate.engines.record import Calls

console = Console()


def best_s(run: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of some runs in seconds, after one that does not count."""
    run()
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def shared_state_speed() -> float:
    """Return calls a second of the event loop, for calls that share state."""
    million, router = day(1_000_000), SHARED.router()
    injector = BOTH.injector(router.deployments)
    return len(million) / best_s(lambda: compiled.run(router, million, injector))


def speeds(calls: int) -> dict[str, float]:
    """Return calls a second of each router."""
    router, nothing = CONFIG.router(), tg.Scenario()
    slow, middle, large = day(20_000), day(100_000), day(calls)
    found = {}

    gateway = msgflux_gateway(nothing)
    found["msgflux, time-machine"] = len(slow) / best_s(lambda: tg.replay(gateway, slow, engine="travel"), 3)
    found["SimPy process"] = len(middle) / best_s(lambda: simpy_day(middle), 3)
    found["timegate stepped"] = len(middle) / best_s(lambda: tg.replay(CONFIG, middle, engine="stepped"), 3)
    found["SimPy process with shared state"] = len(slow) / best_s(lambda: simpy_shared_day(slow), 3)
    scenarios = {
        "error rates, lognormal latency": BOTH,
        "error rates": ERRORS,
        "lognormal latency": LATENCY,
        "an outage": OUTAGES,
        "windows alone": nothing,
    }
    for threads in (1, 2):
        for name, scenario in scenarios.items():
            injector = scenario.injector(router.deployments)
            taken_s = best_s(lambda inj=injector, n=threads: compiled.run(router, large, inj, n))
            found[f"timegate compiled, {_threads(threads)}: {name}"] = calls / taken_s
        if threads == 1:
            found["timegate compiled, 1 thread: shared state, error rates, latency"] = shared_state_speed()
        numba.set_num_threads(threads)

        def read_and_write() -> None:
            yardstick(large.at_us, *Calls.empty(calls)[:4])

        found[f"yardstick, {_threads(threads)}"] = calls / best_s(read_and_write)
    return found


def _billing(calls: tg.Trace) -> Callable[[], object]:
    """Return what bills a day of calls whose tokens are drawn, at prices that change at certain hours."""
    run = tg.replay(PRICED, with_tokens(calls), OUTAGES)
    return lambda: run.bill("15min")


def figures() -> dict[str, str]:
    """Return the other figures that are promised."""
    found = {}
    router, none = CONFIG.router(), tg.Scenario()
    injector = none.injector(router.deployments)
    days = {calls: day(calls) for calls in (1_000_000, 10_000_000)}
    times = {calls: best_s(lambda calls=calls: compiled.run(router, days[calls], injector), 15) for calls in days}
    found["10 million calls cost, in costs of 1 million"] = f"{times[10_000_000] / times[1_000_000]:.1f}x"

    million, data = day(1_000_000), CONFIG.to_dict()

    def edit_and_replay() -> object:
        config = tg.GatewayConfig.model_validate(data)
        run = tg.replay(config, million, OUTAGES)
        return run.share("15min", counts=True), run.outcome_counts()

    found["a million-call day, from edited window to fresh aggregates"] = f"{best_s(edit_and_replay, 10) * 1e3:.1f} ms"

    shared_data = SHARED.to_dict()

    def edit_and_replay_shared() -> object:
        run = tg.replay(tg.GatewayConfig.model_validate(shared_data), million, BOTH)
        return run.share("15min", counts=True), run.outcome_counts()

    taken_s = best_s(edit_and_replay_shared, 5)
    found["the same with shared state, error rates and latency"] = f"{taken_s * 1e3:.0f} ms"

    found["a million calls billed, by deployment and quarter of an hour"] = (
        f"{best_s(_billing(million), 10) * 1e3:.1f} ms"
    )

    span = {"start": "2026-03-02T00:00Z", "end": "2026-03-03T00:00Z"}
    outages = tg.Scenario(
        faults=[tg.RandomOutages(target=d.model_name, mtbf_s=36_000, mttr_s=1800, **span) for d in CONFIG.deployments]
    )
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=100_000, preferences={"strong": 0.3, "weak": 0.3})
    taken_s = best_s(lambda: tg.monte_carlo(CONFIG, traffic, outages, replicas=1000, seed=1), 2)
    found["1,000 days of 100,000 calls with random outages"] = f"{taken_s:.2f} s"
    taken_s = best_s(lambda: tg.monte_carlo(SHARED, traffic, BOTH, replicas=1000, seed=1), 1)
    found["1,000 days of 100,000 calls with shared state, error rates and latency"] = f"{taken_s:.1f} s"
    return found


def in_new_process(code: str) -> dict[str, float]:
    """Run code that prints JSON in a process of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


FIRST_USE = """
import json, time
import timegate as tg, numba, pandas
from tests.benchmarks.routers import CONFIG, LATENCY, day
trace = day(1000)
begun = time.perf_counter()
tg.replay(CONFIG, trace, LATENCY)
print(json.dumps({"s": time.perf_counter() - begun}))
"""
HUNDRED_MILLION = """
import json, resource
import timegate as tg
from tests.benchmarks.routers import CONFIG, OUTAGES, day
run = tg.replay(CONFIG, day(100_000_000), OUTAGES)
print(json.dumps({"gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}))
"""
BILLION = """
import json, resource, time
import timegate as tg
from tests.benchmarks.routers import CONFIG, OUTAGES
traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=1e9, preferences={"strong": 0.3, "weak": 0.3})
begun = time.perf_counter()
run = tg.replay_stream(CONFIG, traffic.chunks(seed=1), OUTAGES)
gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps({"calls": len(run), "s": time.perf_counter() - begun, "gib": gib}))
"""


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000, help="calls of the compiled rows")
    parser.add_argument("--long", action="store_true", help="also 100 million calls in memory, and a billion streamed")
    args = parser.parse_args()
    found = speeds(args.calls)
    base = found["msgflux, time-machine"]
    table = Table(title=f"{datetime.now(tz=UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}")
    for column in ("router", "calls/s", "x msgflux", "x SimPy", "time / yardstick's"):
        table.add_column(column, justify="left" if column == "router" else "right")
    for name, speed in found.items():
        threads = next((n for n in (1, 2) if f", {n} thread" in name), None)
        measure = f"{found[f'yardstick, {_threads(threads)}'] / speed:.1f}" if threads else ""
        row = [f"{speed:,.0f}", f"{speed / base:,.1f}", f"{speed / found['SimPy process']:,.1f}", measure]
        table.add_row(name, *row)
    console.print(table)
    others = figures()
    others["first replay in a new process, beyond imports"] = f"{in_new_process(FIRST_USE)['s']:.2f} s"
    if args.long:
        others["100 million calls, peak memory"] = f"{in_new_process(HUNDRED_MILLION)['gib']:.2f} GiB"
        billion = in_new_process(BILLION)
        others["a billion generated calls, peak memory"] = f"{billion['gib']:.2f} GiB in {billion['s']:.0f} s"
    for name, figure in others.items():
        console.print(f"{name}: {figure}")


if __name__ == "__main__":
    main()
