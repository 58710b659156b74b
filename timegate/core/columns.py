"""The names of columns, outcomes and kinds of error: the one list that frames, files and plots share."""

from __future__ import annotations

from timegate.errors import CALL_ERRORS

__all__ = [
    "ATTEMPT_COLUMNS",
    "ATTEMPT_OUTCOMES",
    "CALL_COLUMNS",
    "OUTCOMES",
    "TRACE_COLUMNS",
    "UNSERVED",
]

TRACE_COLUMNS = ("at", "model_preference", "prompt_tokens", "completion_tokens")
CALL_COLUMNS = ("at", "preferred", "served_by", "outcome", "attempts", "latency_s")
ATTEMPT_COLUMNS = ("call", "attempt", "deployment", "at", "outcome", "latency_s")

OUTCOMES = ("first_choice", "fallback", "failed", "blocked")
"""Of a call, by code: served by its first choice, by another, by nobody that was tried, or nobody was open."""
FIRST_CHOICE, FALLBACK, FAILED, BLOCKED = range(len(OUTCOMES))
UNSERVED = OUTCOMES[FAILED:]

ATTEMPT_OUTCOMES = ("ok", *CALL_ERRORS)
"""Of an attempt, by code."""
OK = 0
