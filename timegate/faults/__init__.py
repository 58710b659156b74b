"""Faults: what goes wrong with deployments, as data, and the draws that decide it."""

from timegate.faults.kinds import ErrorRate, Fault, Outage
from timegate.faults.model import ScenarioModel
from timegate.faults.scenario import Scenario

__all__ = ["ErrorRate", "Fault", "Outage", "Scenario", "ScenarioModel"]
