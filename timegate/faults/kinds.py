"""The kinds of faults that a scenario may hold. To add one is to write its class and to name it in ``__all__``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from timegate.core.clock import LAST_US, SECOND_US, AwareInstant, from_us, to_us
from timegate.core.distributions import DISTRIBUTIONS, LengthDistribution
from timegate.core.spans import union
from timegate.core.zones import ZoneName, constant_offsets
from timegate.errors import InstantError, shown
from timegate.faults.capacity import Capacity
from timegate.faults.fault import Failure, Fault, Probability, Seconds, Slowdown, check_countable
from timegate.faults.rules import CERTAIN, HOURLY, LATENCY, SLOWDOWN, TOKENS, Rule, RuleContext
from timegate.validation import FieldError

__all__ = [
    "Brownout",
    "Capacity",
    "ErrorRate",
    "Latency",
    "Outage",
    "RandomOutages",
    "RateLimited",
    "SlowStart",
    "TokenLatency",
]

# How many, a schema says; the class has words of its own for it.
HourlyRates = Annotated[
    tuple[Probability, ...], Field(strict=False, json_schema_extra={"minItems": 24, "maxItems": 24})
]
_SHAPES = {"lognormal": (0.01, 4.0), "weibull": (0.2, 20.0)}
_Z99 = 2.3263478740408408  # the standard normal distribution's 99th percentile


class Outage(Failure):
    """Every attempt in ``[start, end)`` fails.

    Parameters
    ----------
    start : datetime or str
        An aware instant.
    end : datetime or str, optional
        Default: it lasts for ever.
    duration : str or timedelta, optional
        How long it lasts, such as ``"2h"`` or ``"90min"``, in place of ``end``, which follows from it.

    Examples
    --------
    >>> Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:30Z").end.hour
    10
    """

    shorthands: ClassVar[tuple[str, ...]] = ("duration",)

    type: Literal["outage"] = "outage"
    start: AwareInstant

    @model_validator(mode="before")
    @classmethod
    def _read_duration(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "duration" not in data:
            return data
        given = {key: value for key, value in data.items() if key != "duration"}
        if given.get("end") is not None:
            raise FieldError("duration", "must not be given together with end.")
        try:
            start_us, length_us = to_us(given["start"], "start"), pd.Timedelta(data["duration"]).value // 1000
        except (KeyError, InstantError):
            return given  # of start more is said below
        except (ValueError, TypeError, OverflowError):
            length_us = 0
        if isinstance(data["duration"], int | float) or length_us < 1:
            text = f"must be a length of time such as '2h' or '90min'. Got {shown(data['duration'])}."
            raise FieldError("duration", text)
        if start_us + length_us >= LAST_US:
            raise FieldError("duration", f"must end before the year 2200. Got {shown(data['duration'])}.")
        return given | {"end": from_us(start_us + length_us)}

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a certain failure."""
        yield Rule(*self.span_us, CERTAIN, **self.failing)


class RandomOutages(Failure):
    """Outages that come and go by chance.

    The times between them are exponential; their lengths follow ``distribution``. Whatever the target hits goes
    down together: one history for all deployments of a provider or a group. It is in its steady state at
    ``start``, so that the expected availability is ``mtbf_s / (mtbf_s + mttr_s)`` throughout.

    Parameters
    ----------
    mtbf_s : float
        Mean time between failures in seconds, from the end of an outage to the start of the next.
    mttr_s : float
        Mean time to recover in seconds.
    start, end : datetime or str
        Aware instants, between which outages happen.
    distribution : {"exponential", "lognormal", "weibull"}
        Of the lengths. Their mean is ``mttr_s`` in each.
    shape : float, optional
        Of a lognormal, the standard deviation of the logarithm (0.01 to 4). Of a Weibull, its exponent (0.2 to
        20). An exponential has none.
    p_major : float
        The probability that an outage fails every attempt. The others are minor: they fail a share. Default: 1.
    minor_error_rate : float
        That share: the probability that an attempt fails during a minor outage.

    Examples
    --------
    >>> month = {"start": "2026-03-01T00:00Z", "end": "2026-04-01T00:00Z"}
    >>> lengths = {"mttr_s": 9000, "distribution": "lognormal", "shape": 1.2}
    >>> RandomOutages(target="provider:openai", mtbf_s=5 * 86_400, **lengths, **month).mttr_s
    9000.0
    """

    type: Literal["random_outages"] = "random_outages"
    mtbf_s: Seconds = Field(le=1e12)
    mttr_s: Seconds = Field(le=1e12)
    start: AwareInstant
    end: AwareInstant
    distribution: LengthDistribution = "exponential"
    shape: float | None = None
    p_major: Probability = 1.0
    minor_error_rate: Probability = 0.5

    @model_validator(mode="after")
    def _are_countable(self) -> Self:
        count = (self.end - self.start).total_seconds() / (self.mtbf_s + self.mttr_s)
        check_countable(count, "outages", "mtbf_s", "mttr_s")
        return self

    @model_validator(mode="after")
    def _have_their_shape(self) -> Self:
        if self.distribution == "exponential":
            if self.shape is not None:
                raise FieldError("shape", f"must be left out: an exponential distribution has none. Got {self.shape}.")
            return self
        least, most = _SHAPES[self.distribution]
        if self.shape is None or not least <= self.shape <= most:
            rule = f"of a {self.distribution} distribution must lie between {least} and {most:g}"
            raise FieldError("shape", f"{rule}. Got {self.shape}.")
        return self

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a rule for each outage, as drawn for all that the target hits."""
        draws, key = context.draws, context.stream_key(shared_by=self.target)
        up_us, down_us, shape = self.mtbf_s * SECOND_US, self.mttr_s * SECOND_US, self.shape or 0.0
        distribution = DISTRIBUTIONS.index(self.distribution)
        p, q = draws.uniform(*key, 1, 0), draws.uniform(*key, 1, 2)
        rest_us = draws.rest_of_length(distribution, down_us, shape, p, q)
        outages = draws.alternating_us(*key, up_us, down_us, distribution, shape, rest_us, *self.span_us)
        for lo, hi, number in outages:
            is_major = draws.uniform(*key, number, 1) < self.p_major
            yield from context.chance((lo, hi), 1.0 if is_major else self.minor_error_rate, **self.failing)


class ErrorRate(Failure):
    """A share of the attempts fails, each by a draw of its own.

    Parameters
    ----------
    rate : float, optional
        The probability that an attempt fails, 0 to 1.
    hourly_rates : list of 24 float, optional
        In its place, that of each hour of the day, from midnight.
    tz : str
        The zone of those hours.

    Examples
    --------
    >>> ErrorRate(target="strong", hourly_rates=[0.01] * 9 + [0.05] * 9 + [0.01] * 6, tz="Europe/Berlin").tz
    'Europe/Berlin'
    """

    guesses: ClassVar[Mapping[str, str]] = dict.fromkeys(("error_rate", "share"), "Did you mean 'rate'?")

    type: Literal["error_rate"] = "error_rate"
    rate: Probability | None = None
    hourly_rates: HourlyRates | None = None
    tz: ZoneName = "UTC"

    @model_validator(mode="after")
    def _is_constant_or_hourly(self) -> Self:
        if (self.rate is None) == (self.hourly_rates is None):
            given = "neither" if self.rate is None else "both"
            raise FieldError("rate", f"or hourly_rates must be given, and not both. Got {given}.")
        if self.hourly_rates is not None and len(self.hourly_rates) != 24:
            raise FieldError("hourly_rates", f"must be 24 numbers, one an hour. Got {len(self.hourly_rates)}.")
        if self.rate is not None and self.tz != "UTC":
            raise FieldError("tz", f"goes with hourly_rates: a constant rate has no zone. Got {self.tz!r}.")
        return self

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a chance; of hourly rates, one for each stretch in which the zone keeps its offset."""
        if self.rate is not None:
            yield from context.chance(self.span_us, self.rate, **self.failing)
        if self.hourly_rates is not None:
            key, row = context.stream_key(), context.hourly_row(self.hourly_rates)
            for lo, hi, offset_us in _merged(constant_offsets(self.tz, *self.span_us)):
                yield Rule(lo, hi, HOURLY, offset_us, row, *key, **self.failing)


class RateLimited(Failure):
    """A share of the attempts is answered 429, too many requests, each by a draw of its own.

    Parameters
    ----------
    share : float
        The probability that an attempt is refused, 0 to 1.
    retry_after_s : float, optional
        What the answer's ``Retry-After`` says, in seconds; the exception carries it. Default: it has none.

    Examples
    --------
    >>> RateLimited(target="strong", share=0.1, retry_after_s=20)
    RateLimited(target='strong', share=0.1, retry_after_s=20.0)
    """

    marked: ClassVar[bool] = True

    type: Literal["rate_limited"] = "rate_limited"
    error: Literal["rate_limit"] = "rate_limit"
    share: Probability
    retry_after_s: float | None = Field(default=None, gt=0, le=86_400)

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a chance, which knows the ``Retry-After``."""
        yield from context.chance(self.span_us, self.share, b=self.retry_after_s or 0.0, **self.failing)


class Brownout(Failure):
    """In ``[start, end)`` a share of the attempts fails, and answers are slow.

    Parameters
    ----------
    start, end : datetime or str
        Aware instants.
    error_rate : float
        The probability that an attempt fails, 0 to 1.
    slowdown : float
        Multiplies the latency of answers, which the scenario must say with a :class:`Latency` or
        :class:`TokenLatency`.

    Examples
    --------
    >>> morning = {"start": "2026-03-02T09:00Z", "end": "2026-03-02T11:00Z"}
    >>> Brownout(target="strong", error_rate=0.2, slowdown=4, **morning).slowdown
    4.0
    """

    marked: ClassVar[bool] = True

    type: Literal["brownout"] = "brownout"
    start: AwareInstant
    end: AwareInstant
    error_rate: Probability = 0.0
    slowdown: Slowdown = 1.0

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.error_rate == 0 and self.slowdown == 1:
            raise FieldError("error_rate", "must be above 0, or slowdown above 1: else nothing happens.")
        return self

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a chance and a slowdown, as far as it has them."""
        yield from context.chance(self.span_us, self.error_rate, **self.failing)
        if self.slows:
            yield Rule(*self.span_us, SLOWDOWN, self.slowdown)


class SlowStart(Fault):
    """Answers are slow for a while after each outage: caches are cold, and queues long.

    An outage is any stretch in which another fault of the scenario fails every attempt on the deployment; an hour
    whose ``hourly_rates`` are 1 is none.

    Parameters
    ----------
    for_s : float
        How long after the end of an outage, in seconds.
    slowdown : float
        Multiplies the latency of answers, which the scenario must say with a :class:`Latency` or
        :class:`TokenLatency`.

    Examples
    --------
    >>> SlowStart(target="strong", for_s=600, slowdown=3).slowdown
    3.0
    """

    after_outages: ClassVar[bool] = True

    type: Literal["slow_start"] = "slow_start"
    for_s: Seconds = Field(le=30 * 86_400)
    slowdown: Slowdown

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a slowdown for each stretch behind an outage."""
        ends_us = context.outages_us[:, 1]
        after_us = np.stack([ends_us, ends_us + round(self.for_s * SECOND_US)], axis=1).clip(*self.span_us)
        for lo, hi in union([after_us]).tolist():
            if lo < hi:
                yield Rule(lo, hi, SLOWDOWN, self.slowdown)


class Latency(Fault):
    """How long an attempt takes that succeeds: lognormal, or constant. Several latencies add up.

    Parameters
    ----------
    median_s : float
        Seconds; half of the answers take longer.
    p99_s : float, optional
        One answer in a hundred takes longer. Default: every answer takes ``median_s``.

    Examples
    --------
    >>> Latency(target="strong", median_s=1.2, p99_s=8).p99_s
    8.0
    """

    is_latency: ClassVar[bool] = True

    type: Literal["latency"] = "latency"
    median_s: float = Field(gt=0, le=86_400)
    p99_s: float | None = Field(default=None, gt=0, le=86_400)

    @model_validator(mode="after")
    def _quantiles_in_order(self) -> Self:
        if self.p99_s is not None and self.p99_s < self.median_s:
            raise FieldError("p99_s", f"must not be below median_s. Got {self.p99_s} and {self.median_s}.")
        return self

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a lognormal latency; one that is constant draws nothing."""
        sigma = math.log(self.p99_s / self.median_s) / _Z99 if self.p99_s else 0.0
        key = context.stream_key() if sigma else (0, 0)
        yield Rule(*self.span_us, LATENCY, self.median_s * SECOND_US, sigma, *key)


class TokenLatency(Fault):
    """How long an attempt takes that succeeds, by the length of its answer.

    ``first_token_s + completion_tokens / tokens_per_s``, with the token counts of the trace.

    Parameters
    ----------
    first_token_s : float
        Seconds until the first token.
    tokens_per_s : float
        Tokens a second from there on.

    Examples
    --------
    >>> TokenLatency(target="strong", first_token_s=0.4, tokens_per_s=50)
    TokenLatency(target='strong', first_token_s=0.4, tokens_per_s=50.0)
    """

    is_latency: ClassVar[bool] = True

    type: Literal["token_latency"] = "token_latency"
    first_token_s: float = Field(ge=0, le=86_400)
    tokens_per_s: float = Field(ge=1e-6)

    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield a latency by the length of the answer."""
        yield Rule(*self.span_us, TOKENS, self.first_token_s * SECOND_US, SECOND_US / self.tokens_per_s)


def _merged(cuts: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Join neighbours with the same offset."""
    merged = list(cuts[:1])
    for lo, hi, offset_us in cuts[1:]:
        if merged[-1][2] == offset_us:
            merged[-1] = (merged[-1][0], hi, offset_us)
        else:
            merged.append((lo, hi, offset_us))
    return merged
