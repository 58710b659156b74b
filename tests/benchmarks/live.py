"""What the live gateway costs: microseconds of CPU time over calling the model itself, all in one run, interleaved.

``python -m tests.benchmarks.live`` prints a table: the least and the median of the rounds, and the least over that of
msgflux's gateway, for absolute figures drift from machine to machine. The recorder's row has all that its thread does.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import timegate as tg

WINDOWS = [("12:00", "12:01")]
POLICY = {
    "timeout_s": 300,
    "deadline_s": 900,
    "max_retries": 2,
    "raise_on": ["caller"],
    "cooldown": {"failures": 5, "within_s": 10, "for_s": 5},
    "limits": {"concurrent": 10_000, "requests_per_min": 1_000_000_000},
    "retry_budget": {"ratio": 0.2},
}
ROUNDS, CALLS = 15, 5_000


class Instant(tg.BaseModel):
    """Answers at once."""

    provider, model_type, model_id, keeps_time = "own", "chat_completion", "m", True

    def __call__(self, **kwargs: Any) -> Any:
        return tg.ModelResponse("x")

    async def acall(self, **kwargs: Any) -> Any:
        return tg.ModelResponse("x")


class Failing(Instant):
    """Fails at once."""

    def __call__(self, **kwargs: Any) -> Any:
        raise ConnectionError("x")


def gateway(first: Any = Instant, **options: Any) -> tg.ModelGateway:
    models = [
        {"model_name": name, "model": (first if name == "a" else Instant)(), "time_constraints": WINDOWS}
        for name in "abc"
    ]
    return tg.ModelGateway(models, **options)


def blocking(call: Callable[..., Any]) -> float:
    """Return how long a call takes, in microseconds of the process's CPU time."""
    started_s = time.process_time()
    for _ in range(CALLS):
        call(messages="x")
    return (time.process_time() - started_s) / CALLS * 1e6


def awaited(call: Callable[..., Any]) -> float:
    async def main() -> float:
        started_s = time.process_time()
        for _ in range(CALLS):
            await call(messages="x")
        return (time.process_time() - started_s) / CALLS * 1e6

    return asyncio.run(main())


def recorded(folder: Path) -> float:
    started_s = time.process_time()
    with tg.Recorder(folder / "calls.jsonl") as recorder:
        call = gateway(observers=[recorder])
        for _ in range(CALLS):
            call(messages="x")
    assert recorder.lost == 0
    return (time.process_time() - started_s) / CALLS * 1e6


def contended(call: Callable[..., Any]) -> float:
    """Return what a call costs among 64 threads."""
    ready = threading.Barrier(64)

    def work(_: int) -> None:
        ready.wait()
        for _ in range(CALLS // 64):
            call(messages="x")

    started_s = time.process_time()
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(work, range(64)))
    return (time.process_time() - started_s) / (CALLS // 64 * 64) * 1e6


def overheads(rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return the microseconds of each round by what was called."""
    from msgflux.models.gateway import ModelGateway

    from timegate.models.msgflux import to_msgflux

    theirs = ModelGateway(
        [{"model_name": n, "model": to_msgflux(Instant()), "time_constraints": WINDOWS} for n in "abc"]
    )
    model, plain, full = Instant(), gateway(), gateway(policy=POLICY)
    timed, failing = gateway(policy={"timeout_s": 300}), gateway(Failing)
    with tempfile.TemporaryDirectory() as folder:
        cases: dict[str, Callable[[], float]] = {
            "the model": lambda: blocking(model),
            "msgflux's gateway": lambda: blocking(theirs),
            "a gateway without policies": lambda: blocking(plain),
            "with all policies": lambda: blocking(full),
            "with a recorder, its thread included": lambda: recorded(Path(folder)),
            "the first deployment fails": lambda: blocking(failing),
            "64 threads, without policies": lambda: contended(plain),
            "64 threads, with all policies": lambda: contended(full),
            "the model, awaited": lambda: awaited(model.acall),
            "awaited, without policies": lambda: awaited(plain.acall),
            "awaited, with a timeout": lambda: awaited(timed.acall),
        }
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, measured in cases.items():
                found[name].append(measured())
    return found


def main() -> None:
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    found = overheads()
    yardstick = min(found["msgflux's gateway"]) - min(found["the model"])
    print(f"{'us a call over the model':40}{'least':>8}{'median':>8}{'/ msgflux':>11}")
    for name, figures in found.items():
        base = found["the model, awaited" if "awaited" in name else "the model"]
        least, median = min(figures) - min(base), statistics.median(figures) - statistics.median(base)
        print(f"{name:40}{least:8.2f}{median:8.2f}{least / yardstick:11.2f}")


if __name__ == "__main__":
    main()
