"""Replays: a trace and a scenario, sent through a router."""

from timegate.replay.replay import replay
from timegate.replay.result import Replay

__all__ = ["Replay", "replay"]
