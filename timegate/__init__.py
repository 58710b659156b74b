"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from typing import Any

from timegate.config import GatewayConfig
from timegate.core.deployment import Deployment
from timegate.core.price import Price
from timegate.core.windows import Window
from timegate.errors import ConfigError, ModelCallError, ModelRouterError, TimegateError, TimegateWarning
from timegate.faults import Scenario
from timegate.faults import kinds as _kinds
from timegate.faults.kinds import *
from timegate.formats.dates import read_holidays
from timegate.gateway import CallRecord, ModelGateway, OpenTelemetry, Recorder
from timegate.models import (
    BaseModel,
    CallableModel,
    Model,
    ModelResponse,
    ModelStreamResponse,
    SimulatedModel,
    register_model,
)
from timegate.review.check import check
from timegate.review.diff import diff
from timegate.review.findings import Finding, Findings
from timegate.review.gaps import gaps
from timegate.runs.compare import compare
from timegate.runs.observed import bill
from timegate.runs.replay import replay
from timegate.runs.result import Replay
from timegate.traffic import (
    EvenTraffic,
    PoissonTraffic,
    Profile,
    RenewalTraffic,
    Trace,
    fit_profile,
    read_rates,
    read_trace,
)
from timegate.version import __version__

__all__ = [
    "BaseModel",
    "CallRecord",
    "CallableModel",
    "ConfigError",
    "Deployment",
    "EvenTraffic",
    "Finding",
    "Findings",
    "GatewayConfig",
    "Incidents",
    "Model",
    "ModelCallError",
    "ModelGateway",
    "ModelResponse",
    "ModelRouterError",
    "ModelStreamResponse",
    "MonteCarlo",
    "OpenTelemetry",
    "OutageFit",
    "PoissonTraffic",
    "Price",
    "PriceBook",
    "Profile",
    "Proposals",
    "Recorder",
    "RenewalTraffic",
    "Replay",
    "Scenario",
    "ScenarioExplorer",
    "ScheduleEditor",
    "SimulatedModel",
    "StreamReplay",
    "TimegateError",
    "TimegateWarning",
    "Trace",
    "WalkForward",
    "Window",
    "__version__",
    "bill",
    "check",
    "compare",
    "diff",
    "fit_outages",
    "fit_profile",
    "gaps",
    "monte_carlo",
    "optimise",
    "plots",
    "presets",
    "read_holidays",
    "read_incidents",
    "read_rates",
    "read_trace",
    "register_model",
    "replay",
    "replay_stream",
    "sweep",
    "walk_forward",
    *_kinds.__all__,
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    # matplotlib, scipy, numba and widgets take half a second each to import: they wait until somebody needs them.
    match name:
        case "plots":
            import timegate.plots as module  # `from timegate import plots` would ask this function again

            return module
        case "presets":
            from timegate.incidents import presets

            return presets
        case "Incidents":
            from timegate.incidents.history import Incidents

            return Incidents
        case "OutageFit":
            from timegate.incidents.outages import OutageFit

            return OutageFit
        case "fit_outages":
            from timegate.incidents.fit import fit_outages

            return fit_outages
        case "read_incidents":
            from timegate.incidents.readers import read_incidents

            return read_incidents
        case "MonteCarlo" | "monte_carlo":
            from timegate.runs import monte_carlo as simulations

            return getattr(simulations, name)
        case "StreamReplay" | "replay_stream":
            from timegate.runs import stream

            return getattr(stream, name)
        case "PriceBook":
            from timegate.prices.book import PriceBook

            return PriceBook
        case "optimise":
            from timegate.optimize.choose import optimise

            return optimise
        case "walk_forward":
            from timegate.optimize.walk import walk_forward

            return walk_forward
        case "WalkForward":
            from timegate.optimize.walked import WalkForward

            return WalkForward
        case "Proposals":
            from timegate.optimize.proposals import Proposals

            return Proposals
        case "sweep":
            from timegate.runs.sweep import sweep

            return sweep
        case "ScenarioExplorer":
            from timegate.widgets.explorer import ScenarioExplorer

            return ScenarioExplorer
        case "ScheduleEditor":
            from timegate.widgets.editor import ScheduleEditor

            return ScheduleEditor
    raise AttributeError(f"module 'timegate' has no attribute {name!r}")
