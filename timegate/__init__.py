"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from timegate.config import DeploymentConfig, GatewayConfig
from timegate.errors import ModelCallError, ModelRouterError, TimegateError, TimegateWarning
from timegate.faults import (
    Brownout,
    ErrorRate,
    Latency,
    Outage,
    RandomOutages,
    RateLimited,
    Scenario,
    SlowStart,
    TokenLatency,
)
from timegate.gateway import ModelGateway
from timegate.models import (
    BaseModel,
    Model,
    ModelResponse,
    ModelStreamResponse,
    SimulatedModel,
    register_model,
)
from timegate.replay import Replay, compare, replay
from timegate.traffic import PoissonTraffic, Trace, generate_trace, read_trace
from timegate.windows import Window

__version__ = "0.1.0"

__all__ = [
    "BaseModel",
    "Brownout",
    "DeploymentConfig",
    "ErrorRate",
    "GatewayConfig",
    "Latency",
    "Model",
    "ModelCallError",
    "ModelGateway",
    "ModelResponse",
    "ModelRouterError",
    "ModelStreamResponse",
    "MonteCarlo",
    "Outage",
    "PoissonTraffic",
    "RandomOutages",
    "RateLimited",
    "Replay",
    "Scenario",
    "ScenarioExplorer",
    "SimulatedModel",
    "SlowStart",
    "StreamReplay",
    "TimegateError",
    "TimegateWarning",
    "TokenLatency",
    "Trace",
    "Window",
    "compare",
    "generate_trace",
    "monte_carlo",
    "plots",
    "read_trace",
    "register_model",
    "replay",
    "replay_stream",
]


_LAZY = {
    "ScenarioExplorer": "timegate.widgets.explorer",
    "MonteCarlo": "timegate.replay.monte_carlo",
    "StreamReplay": "timegate.replay.stream",
    "monte_carlo": "timegate.replay.monte_carlo",
    "replay_stream": "timegate.replay.stream",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # matplotlib, numba and widgets take half a second each to import: they wait until somebody needs them.
    if name == "plots":
        return import_module("timegate.plots")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'timegate' has no attribute {name!r}")
