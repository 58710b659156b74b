"""Notebooks that read published files which are no part of this repository are skipped where those are absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import timegate as tg
from timegate.traffic import AZURE_2023_CODING_TOKENS

HERE = Path(__file__).resolve().parent
VARIABLE = "TIMEGATE_REAL_DATA"
REAL_DATA = HERE / os.environ.get(VARIABLE, "../../shared/data")
NEEDED = {
    "04_real_histories.ipynb": (
        "traces/AzureLLMInferenceTrace_code.csv",
        "traces/azure2024_coding_10min_digitised.csv",
        "incidents/statuspage_incidents_copilot.json",
    )
}


os.environ.setdefault("TQDM_DISABLE", "1")  # a bar shows where the machine is slow


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the cells of a notebook whose files are absent, before a kernel starts; and compile what the others call."""
    for item in items:
        absent = [name for name in NEEDED.get(item.path.name, ()) if not (REAL_DATA / name).is_file()]
        if absent:
            reason = f"needs published files, which are not in {VARIABLE} or ../shared/data: {', '.join(absent)}"
            item.add_marker(pytest.mark.skip(reason=reason))
    if any(item.path.suffix == ".ipynb" for item in items):
        _compile()


def _compile() -> None:
    """Compile the kernels: who is first to call one is told so on standard error, which nbval would compare."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    trace = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2000, **AZURE_2023_CODING_TOKENS).trace(seed=0)
    tokens = tg.TokenLatency(target="a", first_token_s=0.1, tokens_per_s=50)
    latency = tg.Latency(target="a", median_s=0.5, p99_s=2)
    for faults in ([], [tokens, latency, tg.ErrorRate(target="a", rate=0.5)]):
        scenario = tg.Scenario(faults=faults)
        _ = tg.replay(config, trace, scenario).attempts
        tg.replay_stream(config, trace, scenario)
        tg.monte_carlo(config, trace, scenario, replicas=2)
    policy = {"cooldown": {"failures": 5}, "max_retries": 1}
    shared = tg.replay(tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "policy": policy}]), trace)
    _ = shared.attempts, shared.skips
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2000)
    tg.monte_carlo(config, traffic, replicas=2)
    price = {"input_per_mtok": 1.0, "output_per_mtok": 2.0, "bands": [{"windows": [["22:00", "06:00"]], "times": 0.5}]}
    priced = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a", "price": price}])
    drawn = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=2000, **AZURE_2023_CODING_TOKENS)
    for traded in (drawn, trace):
        tg.monte_carlo(priced, traded, replicas=2)
    tg.replay(priced, trace).summary()
