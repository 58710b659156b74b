"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from types import ModuleType

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
from timegate.traffic import Trace, generate_trace, read_trace
from timegate.windows import Window

__version__ = _version("timegate")

__all__ = [
    "BaseModel",
    "DeploymentConfig",
    "ErrorRate",
    "GatewayConfig",
    "Latency",
    "Model",
    "ModelGateway",
    "ModelResponse",
    "ModelRouterError",
    "ModelStreamResponse",
    "Outage",
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
    "plots",
    "read_trace",
    "register_model",
    "replay",
]


def __getattr__(name: str) -> ModuleType:
    # matplotlib takes half a second to import: it waits until somebody draws.
    if name == "plots":
        return import_module("timegate.plots")
    raise AttributeError(f"module 'timegate' has no attribute {name!r}")
