"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from timegate.config import DeploymentConfig, GatewayConfig
from timegate.config.check import check
from timegate.config.diff import diff
from timegate.config.findings import Finding, Findings
from timegate.errors import ConfigError, ModelCallError, ModelRouterError, TimegateError, TimegateWarning
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
from timegate.traffic import (
    EvenTraffic,
    PoissonTraffic,
    Profile,
    RenewalTraffic,
    Trace,
    fit_profile,
    generate_trace,
    read_rates,
    read_trace,
)
from timegate.windows import Window

__version__ = "0.1.0"

__all__ = [
    "BaseModel",
    "Brownout",
    "ConfigError",
    "DeploymentConfig",
    "ErrorRate",
    "EvenTraffic",
    "Finding",
    "Findings",
    "GatewayConfig",
    "Incidents",
    "Latency",
    "Model",
    "ModelCallError",
    "ModelGateway",
    "ModelResponse",
    "ModelRouterError",
    "ModelStreamResponse",
    "MonteCarlo",
    "Outage",
    "OutageFit",
    "PoissonTraffic",
    "Profile",
    "RandomOutages",
    "RateLimited",
    "RenewalTraffic",
    "Replay",
    "Scenario",
    "ScenarioExplorer",
    "ScheduleEditor",
    "SimulatedModel",
    "SlowStart",
    "StreamReplay",
    "TimegateError",
    "TimegateWarning",
    "TokenLatency",
    "Trace",
    "Window",
    "check",
    "compare",
    "diff",
    "fit_outages",
    "fit_profile",
    "generate_trace",
    "monte_carlo",
    "plots",
    "presets",
    "read_incidents",
    "read_rates",
    "read_trace",
    "register_model",
    "replay",
    "replay_stream",
]


_LAZY = {
    "Incidents": "timegate.faults.incidents",
    "MonteCarlo": "timegate.replay.monte_carlo",
    "OutageFit": "timegate.faults.outages",
    "ScenarioExplorer": "timegate.widgets.explorer",
    "ScheduleEditor": "timegate.widgets.editor",
    "StreamReplay": "timegate.replay.stream",
    "fit_outages": "timegate.faults.fit",
    "monte_carlo": "timegate.replay.monte_carlo",
    "read_incidents": "timegate.faults.histories",
    "replay_stream": "timegate.replay.stream",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # matplotlib, scipy, numba and widgets take half a second each to import: they wait until somebody needs them.
    if name == "plots":
        return import_module("timegate.plots")
    if name == "presets":
        return import_module("timegate.faults.presets")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'timegate' has no attribute {name!r}")
