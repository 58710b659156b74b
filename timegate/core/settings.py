"""Policies as people write them, and the numbers that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from timegate.core.columns import ATTEMPT_OUTCOMES
from timegate.core.policy import NEVER, PASS_OVER, UNIT, USE_ANYWAY, WAIT_FOR_ONE, CallTerms, Terms
from timegate.core.policy_parts import (
    LONGEST_S,
    RETRIED,
    Backoff,
    Cooldown,
    Duration,
    Kinds,
    Limits,
    Part,
    RetryBudget,
    Seconds,
)
from timegate.core.presets import PresetName, expanded

__all__ = ["Backoff", "CallPolicy", "Cooldown", "Limits", "Policy", "RetryBudget", "mask"]

TIMEOUT_S = 600.0
"""The ``timeout_s`` of a config that gives none: what the OpenAI SDK waits for an answer."""
_BACKOFF, _LIMITS = Backoff(), Limits()  # made once: a replay of 100 calls takes 3 % less


def mask(kinds: Iterable[str]) -> int:
    """Return a bit for each kind of error.

    Examples
    --------
    >>> bin(mask(["timeout", "rate_limit"]))
    '0b110'
    """
    return sum(1 << ATTEMPT_OUTCOMES.index(kind) for kind in set(kinds))


def _us(seconds: float | None) -> int:
    return NEVER if seconds is None else round(seconds * 1e6)


class Policy(Part):
    """What holds for the attempts on a deployment. Everything is off unless it is given, but for ``timeout_s``.

    Parameters
    ----------
    preset : {"litellm", "envoy", "portkey", "bifrost", "seed"}, optional
        The policy of another gateway: stands for its numbers (``timegate.core.presets``), which fields beside it win
        over.
    timeout_s : float or None
        How long an attempt may take, in seconds; None for ever. Default: 600 in a config, none in a gateway that is
        built by hand.
    first_chunk_s, idle_s : float, optional
        Of a stream: how long its first chunk may take, and the silence between chunks. A replay takes each call for a
        stream whose first chunk is the first token of a ``token_latency``; without one it is known of failures alone,
        which have none. Of silence it knows nothing.
    max_retries : int
        How often a failed attempt is repeated on the same deployment.
    backoff : Backoff, optional
        The pauses before retries.
    retry_after_max_s : float
        The longest ``Retry-After``, in seconds, that is heard at all. 0 takes no notice of any.
    retry_after : {"lengthen", "replace"}
        Whether it lengthens a pause where it is the longer of both, or replaces the backoff but for ``add_s``.
    retry_after_beyond : {"move_on", "ignore"}
        What a call does if it is longer: move on at once, or pause as if there were none.
    retry_on : list of str
        The kinds of error that are retried.
    raise_on : list of str
        The kinds that end the call with the error itself.
    cooldown : Cooldown, optional
        When a deployment that fails is left alone for a while.
    limits : Limits, optional
        What the gateway itself lets through to a deployment.

    Examples
    --------
    >>> Policy(max_retries=2, cooldown={"failures": 3, "for_s": 30}).cooldown.for_s
    30.0
    """

    guesses: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("deadline_s", "on_cut", "retry_budget", "when_all_cool", "max_wait_s", "max_cooled_share"),
        "It holds for a call as a whole: it stands in the policy at the head of a config, not in that of a deployment.",
    )

    preset: PresetName | None = Field(default=None, exclude=True)
    timeout_s: Duration | None = TIMEOUT_S
    first_chunk_s: Duration | None = None
    idle_s: Duration | None = None
    max_retries: Annotated[int, Field(ge=0, le=1000)] = 0
    backoff: Backoff | None = None
    retry_after_max_s: Seconds = 60.0
    retry_after: Literal["lengthen", "replace"] = "lengthen"
    retry_after_beyond: Literal["move_on", "ignore"] = "move_on"
    retry_on: Kinds = RETRIED
    raise_on: Kinds = ()
    cooldown: Cooldown | None = None
    limits: Limits | None = None

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, data: Any) -> Any:
        if isinstance(data, str) and data in get_args(PresetName):
            raise ValueError(f"must be a mapping. Got {data!r}. Did you mean {{'preset': {data!r}}}?")
        return expanded(data, cls.model_fields) if isinstance(data, Mapping) else data

    @model_serializer(mode="wrap")
    def _write_given(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Write a default that was given: it wins over what the config says in general."""
        written = write(self)
        for name in self.model_fields_set - {"preset"} if info.exclude_defaults else ():
            value = getattr(self, name)
            written.setdefault(name, list(value) if isinstance(value, tuple) else value)
        return {name: written[name] for name in type(self).model_fields if name in written}

    def differing(self) -> dict[str, Any]:
        """Return as plain data what is not as by default, whether it was given or not."""
        default = type(self)().model_dump(mode="json")
        return {name: value for name, value in self.model_dump(mode="json").items() if value != default[name]}

    def under(self, general: Policy) -> Policy:
        """Return this policy with what it does not give taken from a general one."""
        given = self.model_fields_set
        values = {name: getattr(self if name in given else general, name) for name in Policy.model_fields}
        return Policy.model_construct(_fields_set=(given | general.model_fields_set) & values.keys(), **values)

    def terms(self) -> Terms:
        """Return the policy in numbers."""
        backoff, cooldown, limits = self.backoff or _BACKOFF, self.cooldown, self.limits or _LIMITS
        terms = Terms(
            timeout_us=_us(self.timeout_s),
            first_chunk_us=_us(self.first_chunk_s),
            max_retries=self.max_retries,
            retry_on=mask(self.retry_on) if self.max_retries else 0,
            raise_on=mask(self.raise_on),
            initial_us=backoff.initial_s * 1e6,
            base=backoff.base,
            minus=float(backoff.minus_one),
            first_power=int(backoff.minus_one),
            max_us=backoff.max_s * 1e6,
            lo=backoff.lo,
            hi=backoff.hi,
            add_us=backoff.add_s * 1e6,
            cap_us=LONGEST_S * 1e6 if backoff.cap_s is None else backoff.cap_s * 1e6,
            before_fallback=int(backoff.before_fallback),
            before_failing=int(backoff.before_failing),
            retry_after_max_us=_us(self.retry_after_max_s),
            retry_after_replaces=int(self.retry_after == "replace"),
            ignores_beyond=int(self.retry_after_beyond == "ignore"),
            concurrent=NEVER if limits.concurrent is None else limits.concurrent,
            requests_rate=limits.requests_per_min or 0,
            tokens_rate=limits.tokens_per_min or 0,
        )
        if cooldown is not None:
            terms.failures = cooldown.failures or 0
            terms.within_us = _us(cooldown.within_s)
            terms.counts_from_first = int(cooldown.window == "from_first" and cooldown.failures is not None)
            terms.consecutive = int(cooldown.consecutive)
            terms.failure_ratio = cooldown.failure_ratio or 0.0
            terms.min_calls = cooldown.min_calls
            terms.cool_us = _us(cooldown.for_s)
            terms.growth, terms.growth_us = cooldown.growth, _us(cooldown.growth_s)
            terms.max_cool_us = _us(cooldown.max_s or LONGEST_S)
            counts = cooldown.failures is not None or cooldown.failure_ratio is not None or cooldown.probes is not None
            terms.cool_on = mask(cooldown.on) if counts else 0
            terms.cool_at_once = mask(cooldown.at_once)
            terms.from_retry_after = int(cooldown.from_retry_after)
            terms.retry_after_is_length = int(cooldown.retry_after_is_length)
            terms.ends_retries = int(cooldown.ends_retries)
            terms.probes = cooldown.probes or 0
        return terms


class CallPolicy(Policy):
    """What holds for all deployments unless they say otherwise, and for a call as a whole.

    Parameters
    ----------
    deadline_s : float, optional
        How long a call may take in all, in seconds.
    on_cut : {"raise", "restart", "buffer"}
        What follows when a stream breaks off of which part has been read: the error; the whole answer anew from the
        next deployment, which the reader is told; or nothing, for a stream is passed on only when it is whole.
    retry_budget : RetryBudget, optional
        How many retries calls may make together.
    when_all_cool : {"pass_over", "wait", "use"}
        What a call does at whose arrival all that are open cool: nobody takes it, it waits for the first that has
        cooled, or it takes no notice of cooldowns.
    max_wait_s : float
        How long it waits at most, in seconds.
    max_cooled_share : float
        At most this share of the deployments cools at a time.
    """

    deadline_s: Duration | None = None
    on_cut: Literal["raise", "restart", "buffer"] = "raise"
    retry_budget: RetryBudget | None = None
    when_all_cool: Literal["pass_over", "wait", "use"] = "pass_over"
    max_wait_s: Seconds = 10.0
    max_cooled_share: Annotated[float, Field(ge=0, le=1)] = 1.0

    def call_terms(self, deployments: int) -> CallTerms:
        """Return what holds for a call in numbers, for so many deployments."""
        most = int(self.max_cooled_share * deployments + 1e-9)
        terms = CallTerms(
            deadline_us=_us(self.deadline_s),
            when_all_cool={"pass_over": PASS_OVER, "wait": WAIT_FOR_ONE, "use": USE_ANYWAY}[self.when_all_cool],
            max_wait_us=_us(self.max_wait_s),
            most_cooled=NEVER if most >= deployments else most,
        )
        if (budget := self.retry_budget) is not None:
            terms.retry_cost = int(1000 / budget.ratio)
            terms.reserve = int(budget.min_per_s * budget.ttl_s * terms.retry_cost)
            terms.tenth_us = round(budget.ttl_s * 1e5)
        return terms


assert UNIT * 10**10 < NEVER  # noqa: S101 - what the largest bucket holds fits into 64 bits
