"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from typing import Any

from timegate.config import DeploymentConfig, GatewayConfig
from timegate.errors import ModelRouterError, TimegateError, TimegateWarning
from timegate.faults import ErrorRate, Latency, Outage, RandomOutages, Scenario, TokenLatency
from timegate.gateway import ModelGateway
from timegate.models import (
    BaseModel,
    Model,
    ModelResponse,
    ModelStreamResponse,
    SimulatedModel,
    register_model,
)
from timegate.replay import Replay, replay
from timegate.traffic import PoissonTraffic, Trace, generate_trace, read_trace
from timegate.windows import Window

__version__ = _version("timegate")

__all__ = [
    "BaseModel",
    "DeploymentConfig",
    "ErrorRate",
    "GatewayConfig",
    "MonteCarlo",
    "Latency",
    "Model",
    "ModelGateway",
    "ModelResponse",
    "ModelRouterError",
    "ModelStreamResponse",
    "Outage",
    "PoissonTraffic",
    "RandomOutages",
    "Replay",
    "Scenario",
    "SimulatedModel",
    "TimegateError",
    "TimegateWarning",
    "TokenLatency",
    "Trace",
    "Window",
    "generate_trace",
    "monte_carlo",
    "plots",
    "read_trace",
    "register_model",
    "replay",
]


def __getattr__(name: str) -> Any:
    # matplotlib and numba take half a second each to import: they wait until somebody draws or simulates.
    if name == "plots":
        return import_module("timegate.plots")
    if name in ("MonteCarlo", "monte_carlo"):
        return getattr(import_module("timegate.replay.monte_carlo"), name)
    raise AttributeError(f"module 'timegate' has no attribute {name!r}")
