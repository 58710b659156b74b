"""Faults: what goes wrong with deployments, as data, and the draws that decide it."""

from timegate.faults.fault import Failure, Fault
from timegate.faults.kinds import *  # noqa: F403  (each kind, by their own list)
from timegate.faults.kinds import __all__ as _kinds
from timegate.faults.model import ScenarioModel
from timegate.faults.scenario import Scenario

__all__ = ["Failure", "Fault", "Scenario", "ScenarioModel", *_kinds]
