"""Backtesting for model routing.

A gateway that routes calls to an ordered list of language-model deployments, with fallback and time windows,
and a toolkit that replays days of traffic and injected failures through that same gateway.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from timegate.config import GatewayConfig
from timegate.core.deployment import Deployment
from timegate.core.price import Price
from timegate.core.windows import Window
from timegate.errors import ConfigError, ModelCallError, ModelRouterError, TimegateError, TimegateWarning
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
from timegate.pointer import instead_of
from timegate.version import __version__

if TYPE_CHECKING:
    from timegate import plots
    from timegate.faults import Scenario, kinds
    from timegate.faults.kinds import *
    from timegate.incidents import presets
    from timegate.incidents.fit import fit_outages
    from timegate.incidents.history import Incidents
    from timegate.incidents.outages import OutageFit
    from timegate.incidents.readers import read_incidents
    from timegate.optimize.choose import optimise
    from timegate.optimize.proposals import Proposals
    from timegate.optimize.walk import walk_forward
    from timegate.optimize.walked import WalkForward
    from timegate.prices.book import PriceBook
    from timegate.review.check import check
    from timegate.review.diff import diff
    from timegate.review.findings import Finding, Findings
    from timegate.review.gaps import gaps
    from timegate.runs.compare import compare
    from timegate.runs.monte_carlo import monte_carlo
    from timegate.runs.observed import bill
    from timegate.runs.replay import replay
    from timegate.runs.replicas import MonteCarlo
    from timegate.runs.result import Replay
    from timegate.runs.stream import StreamReplay, replay_stream
    from timegate.runs.sweep import sweep
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
    from timegate.widgets.editor import ScheduleEditor
    from timegate.widgets.explorer import ScenarioExplorer

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
]
_NAMES = __all__

if TYPE_CHECKING:
    __all__ += kinds.__all__
else:
    del __all__  # whoever asks for it hears of the kinds of faults too, which wait until then


def __getattr__(name: str) -> Any:
    # A gateway in production needs none of these, and some load matplotlib, scipy, numba or widgets, which take half a
    # second each: they wait until somebody asks for them.
    module: ModuleType
    match name:
        case "__all__":
            from timegate.faults import kinds

            return [*_NAMES, *kinds.__all__]
        case "plots":
            import timegate.plots as module  # `from timegate import plots` would ask this function again

            return module
        case "presets":
            from timegate.incidents import presets

            return presets
        case "Scenario":
            from timegate.faults import scenario as module
        case (
            "EvenTraffic" | "PoissonTraffic" | "Profile" | "RenewalTraffic" | "Trace" | "fit_profile" | "read_rates"
            | "read_trace"
        ):  # fmt: skip
            import timegate.traffic as module
        case "Incidents":
            from timegate.incidents import history as module
        case "OutageFit":
            from timegate.incidents import outages as module
        case "fit_outages":
            from timegate.incidents import fit as module
        case "read_incidents":
            from timegate.incidents import readers as module
        case "check":
            from timegate.review import check as module
        case "diff":
            from timegate.review import diff as module
        case "Finding" | "Findings":
            from timegate.review import findings as module
        case "gaps":
            from timegate.review import gaps as module
        case "compare":
            from timegate.runs import compare as module
        case "monte_carlo":
            from timegate.runs import monte_carlo as module
        case "MonteCarlo":
            from timegate.runs import replicas as module
        case "bill":
            from timegate.runs import observed as module
        case "replay":
            from timegate.runs import replay as module
        case "Replay":
            from timegate.runs import result as module
        case "StreamReplay" | "replay_stream":
            from timegate.runs import stream as module
        case "sweep":
            from timegate.runs import sweep as module
        case "PriceBook":
            from timegate.prices import book as module
        case "optimise":
            from timegate.optimize import choose as module
        case "walk_forward":
            from timegate.optimize import walk as module
        case "WalkForward":
            from timegate.optimize import walked as module
        case "Proposals":
            from timegate.optimize import proposals as module
        case "ScenarioExplorer":
            from timegate.widgets import explorer as module
        case "ScheduleEditor":
            from timegate.widgets import editor as module
        case _ if name.startswith("_"):  # as tools ask
            raise AttributeError(f"module 'timegate' has no attribute {name!r}")
        case _:
            from timegate.faults import kinds as module

            if name not in module.__all__:
                known = [*_NAMES, *module.__all__]
                raise AttributeError(f"module 'timegate' has no attribute {name!r}{instead_of(name, known)}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("_")), *__getattr__("__all__")})
