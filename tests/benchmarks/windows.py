"""How long windows take to choose, and how near to the best they are: ``python -m tests.benchmarks.windows``.

A quarter of an hour of a week is a slot: 672. Two kinds of table: prices of 2026 with their dear hours, hourly rates of
Azure 2024, error rates and latencies ("real"); and prices that jump by a third from slot to slot in each deployment,
which no provider has ("noise"). Seconds of the processor tell more than the clock where others use the machine.
"""

from __future__ import annotations

import argparse
from time import perf_counter, process_time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import timegate as tg
from timegate.optimize.choose import optimise
from timegate.traffic import AZURE_2023_CODING_TOKENS
from timegate.traffic.published import AZURE_2024_CODING_HOURLY

START = "2026-09-07T00:00Z"


def _hours(start: str, end: str, tz: str = "UTC", days: str | None = None) -> dict[str, Any]:
    return {"start": start, "end": end, "tz": tz, "end_included": False} | ({"days": days} if days else {})


def real(deployments: int) -> tuple[tg.GatewayConfig, tg.Trace, tg.Scenario]:
    """Return deployments of which three have dear or cheap hours, and four weeks of calls."""
    beijing = [_hours(a, b, "Asia/Shanghai", "mon-fri") for a, b in (("09:00", "12:00"), ("14:00", "18:00"))]
    night = [_hours("16:30", "00:30")]
    office = [_hours("08:00", "14:00", "America/New_York", "mon-fri")]
    rows: list[tuple[str, float, float, list[dict[str, Any]], float, float]] = [
        ("deepseek", 0.66, 1.98, [{"windows": beijing, "times": 2}], 0.02, 3),
        ("cheap-at-night", 0.54, 2.2, [{"windows": night, "times": 0.5}], 0.01, 6),
        ("dear-at-noon", 0.5, 2.5, [{"windows": office, "times": 2}], 0.015, 2),
        ("o4-mini", 1.10, 4.40, [], 0.004, 1.5),
        ("fast", 0.6, 3.5, [], 0.008, 1),
        ("flaky", 0.8, 2.0, [], 0.03, 4),
    ][:deployments]
    config = tg.GatewayConfig(
        deployments=[
            {
                "model_name": name,
                "model": f"sim/{name}",
                "price": {"input_per_mtok": prompt, "output_per_mtok": answer} | ({"bands": bands} if bands else {}),
            }
            for name, prompt, answer, bands, _, _ in rows
        ]
    )
    errors = [tg.ErrorRate(target=name, rate=rate) for name, _, _, _, rate, _ in rows]
    slow = [tg.Latency(target=name, median_s=median) for name, _, _, _, _, median in rows]
    return config, _calls(100_000), tg.Scenario(faults=[*errors, *slow], seed=1)


def noise(deployments: int) -> tuple[tg.GatewayConfig, tg.Trace, tg.Scenario]:
    """Return deployments whose prices jump from slot to slot."""
    rng = np.random.default_rng(0)
    config = []
    for number in range(deployments):
        steps = np.exp(0.3 * rng.standard_normal(672))
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        bands = [
            {
                "windows": [
                    _hours(f"{slot // 4 % 24:02}:{slot % 4 * 15:02}", _after(slot), days=days[slot // 96])
                    for slot in np.flatnonzero(np.digitize(steps, [0.7, 0.85, 1.15, 1.4]) == level).tolist()
                ],
                "times": times,
            }
            for level, times in enumerate([0.6, 0.78, 1.0, 1.25, 1.6])
            if times != 1.0
        ]
        price = {"per_call": float(rng.uniform(0.005, 0.015)), "bands": bands}
        config.append({"model_name": f"d{number}", "model": f"sim/d{number}", "price": price})
    faults: list[Any] = [tg.ErrorRate(target=f"d{i}", rate=float(rng.uniform(0.005, 0.05))) for i in range(deployments)]
    faults += [tg.Latency(target=f"d{i}", median_s=float(rng.uniform(0.5, 5))) for i in range(deployments)]
    return tg.GatewayConfig(deployments=config), _calls(20_000), tg.Scenario(faults=faults, seed=1)


def _after(slot: int) -> str:
    minutes = (slot % 96 + 1) * 15
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _calls(calls: int) -> tg.Trace:
    weekend = [rate / 3 for rate in AZURE_2024_CODING_HOURLY]
    week = [*AZURE_2024_CODING_HOURLY] * 5 + weekend * 2
    return tg.PoissonTraffic(start=START, calls=calls, rates=week * 4, **AZURE_2023_CODING_TOKENS).trace(seed=1)


def main() -> None:
    """Choose windows of each table, and print how long it took and the gap."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deployments", type=int, nargs="+", default=[4, 6])
    parser.add_argument("--tables", nargs="+", choices=["real", "noise"], default=["real", "noise"])
    parser.add_argument("--seconds", type=float, default=60.0, help="what each search may take")
    given = parser.parse_args()
    table = Table("table", "deployments", "limits", "clock s", "processor s", "gap")
    for made in ({"real": real, "noise": noise}[name] for name in given.tables):
        for deployments in given.deployments:
            config, calls, scenario = made(deployments)
            today = tg.replay(config, calls, scenario).summary()
            for limits in ({"failed": 0.001}, {"failed": 0.001, "latency_mean_s": float(today["latency_mean_s"])}):
                begun, worked = perf_counter(), process_time()
                found = optimise(config, calls, scenario, limits=limits, time_limit_s=given.seconds)
                table.add_row(
                    made.__name__,
                    str(deployments),
                    ", ".join(limits),
                    f"{perf_counter() - begun:.1f}",
                    f"{process_time() - worked:.1f}",
                    f"{found.gap:.1e}",
                )
                Console().print(f"{made.__name__} {deployments} {', '.join(limits)}: {found.gap:.1e}, {found.words}")
    Console().print(table)


if __name__ == "__main__":
    main()
