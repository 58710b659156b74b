"""Faults: what goes wrong with deployments, as data, and the draws that decide it."""

from timegate.faults.kinds import ErrorRate, Failure, Fault, Latency, Outage, RandomOutages, TokenLatency
from timegate.faults.model import ScenarioModel
from timegate.faults.scenario import Scenario

__all__ = [
    "ErrorRate",
    "Failure",
    "Fault",
    "Latency",
    "Outage",
    "RandomOutages",
    "Scenario",
    "ScenarioModel",
    "TokenLatency",
]
