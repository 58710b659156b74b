"""Faults: what goes wrong with deployments, as data, and the draws that decide it."""

from timegate.faults import kinds
from timegate.faults.fault import Failure, Fault
from timegate.faults.kinds import *
from timegate.faults.model import ScenarioModel
from timegate.faults.scenario import Scenario

__all__ = ["Failure", "Fault", "Scenario", "ScenarioModel", *kinds.__all__]
