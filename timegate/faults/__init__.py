"""Faults: what goes wrong with deployments, as data, and the draws that decide it."""

from timegate.faults.kinds import (
    Brownout,
    ErrorRate,
    Failure,
    Fault,
    Latency,
    Outage,
    RandomOutages,
    RateLimited,
    SlowStart,
    TokenLatency,
)
from timegate.faults.model import ScenarioModel
from timegate.faults.scenario import Scenario

__all__ = [
    "Brownout",
    "ErrorRate",
    "Failure",
    "Fault",
    "Latency",
    "Outage",
    "RandomOutages",
    "RateLimited",
    "Scenario",
    "ScenarioModel",
    "SlowStart",
    "TokenLatency",
]
