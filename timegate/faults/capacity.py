"""The fault that is a limit: what a provider can carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from timegate.core.capacity import MOST, Provider
from timegate.core.clock import SECOND_US
from timegate.core.policy import NEVER, UNIT
from timegate.core.policy_parts import Limits
from timegate.errors import ScenarioError
from timegate.faults.fault import Fault, Seconds
from timegate.faults.rules import CAPACITY, Rule, RuleContext
from timegate.validation import FieldError

__all__ = ["Capacity"]


class Capacity(Fault):
    """What a provider can carry. Beyond it an attempt is answered 429, or waits in a queue.

    One capacity is shared by all that the target hits: an account's limit holds for all its deployments. Buckets hold
    one minute's worth unless ``burst`` says otherwise, and are full at the start. A 429 carries the ``Retry-After``
    that the bucket implies; a missing slot implies none. An attempt that its caller gives up keeps its slot until its
    work ends.

    Parameters
    ----------
    requests_per_min, tokens_per_min : int, optional
        Token buckets. Tokens are those of the prompt at the start and those of the answer at its end.
    concurrent : int, optional
        How many attempts are worked on at once.
    queue : int
        How many more may wait for that, in order of arrival.
    queue_timeout_s : float, optional
        How long each may wait, in seconds; then it is answered 429. Default: as long as its caller does.
    burst : int, optional
        How many requests the bucket of requests holds. Default: those of a minute.
    reserve : int
        Tokens that are taken for the answer at the start, and settled at its end.
    cache_aware : bool
        Whether the bucket of tokens counts no cached input: the ``cached_tokens`` of a call are left out at its first
        choice. A fallback starts cold, as in bills: there the whole prompt counts. Anthropic's limits of input tokens
        a minute are cache-aware for most models (https://platform.claude.com/docs/en/api/rate-limits); Baseten's are
        not (https://docs.baseten.co/inference/model-apis/pricing-and-limits).
    stops_on_cancel : bool
        Whether work ends, and its slot is free, when its caller gives up.

    Examples
    --------
    >>> Capacity(target="provider:openai", requests_per_min=500, concurrent=20).concurrent
    20
    """

    guesses: ClassVar[Mapping[str, str]] = Limits.guesses

    type: Literal["capacity"] = "capacity"
    requests_per_min: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tokens_per_min: Annotated[int, Field(ge=1, le=10**10)] | None = None
    concurrent: Annotated[int, Field(ge=1, le=10**9)] | None = None
    queue: Annotated[int, Field(ge=0, le=10**9)] = 0
    queue_timeout_s: Annotated[Seconds, Field(le=86_400)] | None = None
    burst: Annotated[int, Field(ge=1, le=10**9)] | None = None
    reserve: Annotated[int, Field(ge=0, le=10**9)] = 0
    cache_aware: bool = False
    stops_on_cancel: bool = False

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.requests_per_min is None and self.tokens_per_min is None and self.concurrent is None:
            raise FieldError("concurrent", "or requests_per_min or tokens_per_min must be given.")
        for name, needs in (
            ("queue", "concurrent"),
            ("queue_timeout_s", "queue"),
            ("stops_on_cancel", "concurrent"),
            ("burst", "requests_per_min"),
            ("reserve", "tokens_per_min"),
            ("cache_aware", "tokens_per_min"),
        ):
            if getattr(self, name) and not getattr(self, needs):
                raise FieldError(name, f"goes with {needs}, which is missing.")
        if self.tokens_per_min is not None and self.reserve > self.tokens_per_min:
            raise FieldError(
                "reserve",
                "must not exceed tokens_per_min, which is all that the bucket holds: nothing would be admitted. "
                f"Got {self.reserve} and {self.tokens_per_min}.",
            )
        return self

    def provider(self) -> Provider:
        """Return the capacity in numbers, nothing running."""
        requests, tokens = self.requests_per_min or 0, self.tokens_per_min or 0
        wait_us = NEVER if self.queue_timeout_s is None else round(self.queue_timeout_s * SECOND_US)
        return Provider(
            requests_rate=requests,
            requests_full=(self.burst or requests) * UNIT,
            tokens_rate=tokens,
            tokens_full=tokens * UNIT,
            slots=NEVER if self.concurrent is None else self.concurrent,
            queue=self.queue,
            queue_timeout_us=wait_us,
            reserve=self.reserve,
            cache_aware=int(self.cache_aware),
            stops_on_cancel=int(self.stops_on_cancel),
        )

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield the need of the capacity."""
        number = context.capacity_number(self.provider())
        if number >= MOST:
            raise ScenarioError(f"a scenario may have at most {MOST} capacities.")
        yield Rule(*self.span_us, CAPACITY, number)
