"""The names of columns, outcomes and kinds of error: the one list that frames, files and plots share; kernels, too."""

from __future__ import annotations

from typing import Literal

from timegate.errors import CALL_ERRORS

__all__ = [
    "ATTEMPT_OUTCOMES",
    "NOBODY",
    "OBSERVED_COLUMNS",
    "OUTCOMES",
    "PERCENTILES",
    "TRACE_COLUMNS",
    "UNSERVED",
    "ErrorKind",
    "ProviderError",
    "classify",
]

TRACE_COLUMNS = ("at", "model_preference", "prompt_tokens", "completion_tokens", "cached_tokens")
OBSERVED_COLUMNS = ("served_by", "status", "latency_s", "attempts")
"""Of a trace that was recorded: what came of each call where it was."""

NOBODY = -1
"""In the place of a deployment's index."""
OUTCOMES = ("first_choice", "fallback", "failed", "blocked", "shed")
"""Of a call, by code: served by its first choice, by another, by nobody that was tried; or nobody was open, or nobody
that was open would take it."""
FIRST_CHOICE, FALLBACK, FAILED, BLOCKED, SHED = range(len(OUTCOMES))
UNSERVED = OUTCOMES[FAILED:]
PERCENTILES = (50, 95, 99)
"""Of how long calls take, in summaries."""

ATTEMPT_OUTCOMES = ("ok", *CALL_ERRORS, "cancelled", "error")
"""Of an attempt, by code: an answer, a kind of error, given up by its caller, or an exception of no known kind."""
OK = 0
TIMEOUT, RATE_LIMIT, CANCELLED = map(ATTEMPT_OUTCOMES.index, ("timeout", "rate_limit", "cancelled"))

ProviderError = Literal[
    "timeout",
    "rate_limit",
    "server_error",
    "connection",
    "auth",
    "bad_request",
    "context_length",
    "content_filter",
    "truncated",
]
"""The kinds of error that a provider can answer with."""
ErrorKind = Literal[ProviderError, "caller", "error"]
"""The kinds of error that a policy may name."""


def classify(served_by: int, attempts: int, first_choice: int, open_: int) -> int:
    """Return the code of a call's outcome, when so many deployments were open."""
    if served_by == NOBODY:
        if attempts > 0:
            return FAILED
        return SHED if open_ > 0 else BLOCKED
    return FIRST_CHOICE if served_by == first_choice else FALLBACK
