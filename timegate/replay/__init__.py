"""Replays: a trace and a scenario, sent through a router."""

from timegate.replay.compare import compare
from timegate.replay.replay import replay
from timegate.replay.result import Replay

__all__ = ["Replay", "compare", "replay"]
