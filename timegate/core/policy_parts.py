"""The parts of a policy as people write them: backoff, cooldown, limits, and the budget of retries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from timegate.core.columns import ErrorKind
from timegate.errors import ConfigError, InvalidValueError
from timegate.validation import FieldError, Value

__all__ = [
    "LONGEST_S", "RETRIED", "Backoff", "Cooldown", "Duration", "Kinds", "Limits", "Part", "RetryBudget", "Seconds",
]  # fmt: skip

LONGEST_S = 86_400.0
RETRIED: tuple[ErrorKind, ...] = ("rate_limit", "server_error", "connection", "truncated")
FAILURES: tuple[ErrorKind, ...] = ("timeout", "rate_limit", "server_error", "connection", "truncated")

Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
Duration = Annotated[float, Field(ge=1e-6, le=LONGEST_S)]
Kinds = Annotated[tuple[ErrorKind, ...], Field(strict=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class Part(Value):
    """A record of a policy, whose errors are those of a config."""

    error_class: ClassVar[type[InvalidValueError]] = ConfigError


class Backoff(Part):
    """The pause before a retry: ``min(cap_s, min(max_s, initial_s * step) * U(lo, hi) + U(0, add_s))``.

    The step of the *n*-th retry, from 1, is ``base ** (n - 1)``, or ``base ** n - 1`` with ``minus_one``.

    Parameters
    ----------
    initial_s, base, max_s : float
        The first pause, what each is longer than the one before by, and the longest, in seconds.
    jitter : {"full", "equal", "none"}, optional
        Words for ``lo`` and ``hi``: anything up to the pause, its half to all of it, or the pause itself.
    lo, hi : float
        The pause is multiplied by a random number between these.
    add_s : float
        Up to so many seconds more, by chance.
    cap_s : float, optional
        The longest pause, jitter included.
    minus_one : bool
        See above.
    before_fallback : bool
        Whether one more pause follows the last retry, before the next deployment is tried.
    before_failing : bool
        The same where nobody is left to be tried.

    Examples
    --------
    >>> Backoff(initial_s=1, jitter="equal").lo
    0.5
    """

    initial_s: Seconds = 0.5
    base: Annotated[float, Field(ge=1, le=100)] = 2.0
    max_s: Seconds = 8.0
    jitter: Literal["full", "equal", "none"] | None = Field(default=None, exclude=True)
    lo: Annotated[float, Field(ge=0, le=10)] = 0.0
    hi: Annotated[float, Field(ge=0, le=10)] = 1.0
    add_s: Seconds = 0.0
    cap_s: Seconds | None = None
    minus_one: bool = False
    before_fallback: bool = False
    before_failing: bool = False

    @model_validator(mode="before")
    @classmethod
    def _expand_jitter(cls, data: Any) -> Any:
        words = {"full": (0.0, 1.0), "equal": (0.5, 1.0), "none": (1.0, 1.0)}
        if isinstance(data, dict) and isinstance(data.get("jitter"), str) and data["jitter"] in words:
            if "lo" in data or "hi" in data:
                raise FieldError("jitter", "stands for lo and hi: give either the word or the numbers.")
            lo, hi = words[data["jitter"]]
            return {**data, "lo": lo, "hi": hi}
        return data

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.hi < self.lo:
            raise FieldError("hi", f"must not be below lo. Got {self.lo} and {self.hi}.")
        if self.max_s < self.initial_s:
            raise FieldError("max_s", f"must not be below initial_s. Got {self.initial_s} and {self.max_s}.")
        return self


class Cooldown(Part):
    """When a deployment that fails is left alone for a while.

    One of ``failures`` and ``failure_ratio``, or both, or ``at_once``, or ``from_retry_after`` says when. Failures
    count when attempts end; counts begin anew with each cooldown, and attempts that started before it do not count.

    Parameters
    ----------
    failures : int, optional
        So many failures, within ``within_s`` if that is given.
    within_s : float, optional
        Seconds.
    window : {"sliding", "from_first"}
        Whether these are the latest seconds at any time, or begin with a first failure, count up to their end whatever
        happens, and begin anew with the next one. Only then does a cooldown not let ``failures`` count from 0 again.
    consecutive : bool
        Whether a success lets ``failures`` count from 0 again.
    failure_ratio : float, optional
        More than this share of the attempts that ended in a minute of the clock, or all of them.
    min_calls : int
        How many must have ended in that minute for ``failure_ratio`` to be asked.
    for_s : float
        How long, in seconds.
    growth : float
        What each further cooldown is longer by, times, until an attempt succeeds.
    growth_s : float
        And by how many seconds.
    max_s : float, optional
        The longest, in seconds, however it grows, and whatever a ``Retry-After`` asks. Default: a day.
    on : list of str
        The kinds of error that count as failures.
    at_once : list of str
        The kinds that begin a cooldown by themselves.
    from_retry_after : bool
        Whether the ``Retry-After`` of a 429 keeps all calls away for so long, at least.
    retry_after_is_length : bool
        Whether a cooldown lasts as long as the ``Retry-After`` of the failure that begins it, of whatever kind, if it
        has one.
    ends_retries : bool
        Whether the call whose failure begins it moves on at once. Default: it asks again after its pause.
    probes : int, optional
        After it, at most so many attempts run at once until one succeeds (half-open). Default: it ends with its time.
    """

    failures: Annotated[int, Field(ge=1, le=10_000)] | None = None
    within_s: Duration | None = None
    window: Literal["sliding", "from_first"] = "sliding"
    consecutive: bool = False
    failure_ratio: Share | None = None
    min_calls: Annotated[int, Field(ge=1, le=10**9)] = 1
    for_s: Duration = 30.0
    growth: Annotated[float, Field(ge=1, le=100)] = 1.0
    growth_s: Seconds = 0.0
    max_s: Duration | None = None
    on: Kinds = FAILURES
    at_once: Kinds = ()
    from_retry_after: bool = False
    retry_after_is_length: bool = False
    ends_retries: bool = False
    probes: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _can_begin(self) -> Self:
        if self.failures is None and self.failure_ratio is None and not self.at_once and not self.from_retry_after:
            raise FieldError(
                "failures", "or failure_ratio, at_once or from_retry_after must be given. Got none of them."
            )
        for name in ("within_s", "consecutive"):
            if getattr(self, name) and self.failures is None:
                raise FieldError(name, "goes with failures, which is missing.")
        if self.window == "from_first" and self.failures is not None:
            if self.within_s is None:
                raise FieldError("within_s", "is missing, which a window from the first failure needs.")
            if self.consecutive:
                raise FieldError("consecutive", "goes with a sliding window. Got a window from the first failure.")
        if "min_calls" in self.model_fields_set and self.failure_ratio is None:
            raise FieldError("min_calls", "goes with failure_ratio, which is missing.")
        if self.max_s is not None and self.max_s < self.for_s:
            raise FieldError("max_s", f"must not be below for_s. Got {self.for_s} and {self.max_s}.")
        return self


class Limits(Part):
    """What the gateway itself lets through to a deployment; beyond it, calls pass it over.

    Parameters
    ----------
    concurrent : int, optional
        Attempts at once.
    requests_per_min, tokens_per_min : int, optional
        Token buckets, full at the start, that hold one minute's worth. Tokens are those of the prompt when an attempt
        starts and those of the answer when it ends, so that a bucket may go below zero.
    """

    guesses: ClassVar[Mapping[str, str]] = {
        "rpm": "Did you mean 'requests_per_min'?",
        "tpm": "Did you mean 'tokens_per_min'?",
    }

    concurrent: Annotated[int, Field(ge=1, le=10**9)] | None = None
    requests_per_min: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tokens_per_min: Annotated[int, Field(ge=1, le=10**10)] | None = None


class RetryBudget(Part):
    """How many retries calls may make together: Finagle's budget.

    Parameters
    ----------
    ratio : float
        Retries for each call that arrives.
    min_per_s : float
        And so many a second at any rate.
    ttl_s : float
        How long, in seconds, an arrival counts.
    """

    ratio: Annotated[float, Field(ge=1e-6, le=1000)] = 0.2
    min_per_s: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    ttl_s: Annotated[float, Field(ge=1, le=3600)] = 10.0
