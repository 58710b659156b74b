"""The faults that a scenario may hold."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from timegate.core.clock import AwareInstant
from timegate.core.zones import ZoneName
from timegate.errors import InvalidValueError, ScenarioError
from timegate.validation import FieldError, Value

__all__ = [
    "DISTRIBUTIONS",
    "Brownout",
    "Distribution",
    "ErrorKind",
    "ErrorRate",
    "Failure",
    "Fault",
    "Latency",
    "Outage",
    "RandomOutages",
    "RateLimited",
    "SlowStart",
    "TokenLatency",
]

Distribution = Literal["exponential", "lognormal", "weibull"]
DISTRIBUTIONS: tuple[Distribution, ...] = get_args(Distribution)
ErrorKind = Literal["timeout", "rate_limit", "server_error", "connection", "auth", "bad_request"]
Probability = Annotated[float, Field(ge=0, le=1)]
Slowdown = Annotated[float, Field(ge=1, le=1000)]
_SHAPES = {"lognormal": (0.01, 4.0), "weibull": (0.2, 20.0)}


class Fault(Value):
    """What all faults have.

    Parameters
    ----------
    target : str
        The name of a deployment, ``"provider:openai"`` for all deployments of a provider, or ``"group:eu"`` for
        those of a group of the scenario.
    name : str, optional
        Names the stream of random draws, so that other faults can come and go without changing this one's
        luck. Default: type and target, numbered from the second on.
    start, end : datetime or str, optional
        Aware instants. The fault acts on attempts that start in ``[start, end)``. Default: always.
    """

    error_class: ClassVar[type[InvalidValueError]] = ScenarioError

    type: str
    target: str = Field(min_length=1)
    name: str | None = Field(default=None, min_length=1)
    start: AwareInstant | None = None
    end: AwareInstant | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise FieldError("end", f"must lie after start. Got {self.start.isoformat()} to {self.end.isoformat()}.")
        return self


class Failure(Fault):
    """A fault that makes attempts fail.

    Parameters
    ----------
    error : str
        The kind of error that callers see. One of ``timeout``, ``rate_limit``, ``server_error``,
        ``connection``, ``auth``, ``bad_request``.
    after_s : float
        How long an attempt takes to fail, such as the timeout of a client whose provider is dead.
    """

    error: ErrorKind = "server_error"
    after_s: float = Field(default=0.0, ge=0, le=86_400)


class Outage(Failure):
    """Every attempt in ``[start, end)`` fails.

    Parameters
    ----------
    start : datetime or str
        An aware instant.
    end : datetime or str, optional
        Default: it lasts for ever.

    Examples
    --------
    >>> Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:30Z").end.hour
    10
    """

    type: Literal["outage"] = "outage"
    start: AwareInstant


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
    mtbf_s: float = Field(gt=0)
    mttr_s: float = Field(gt=0)
    start: AwareInstant
    end: AwareInstant
    distribution: Distribution = "exponential"
    shape: float | None = None
    p_major: Probability = 1.0
    minor_error_rate: Probability = 0.5

    @model_validator(mode="after")
    def _are_countable(self) -> Self:
        expected = (self.end - self.start).total_seconds() / (self.mtbf_s + self.mttr_s)
        if expected > 100_000:
            raise FieldError("mtbf_s", f"and mttr_s give about {expected:,.0f} outages; the limit is 100,000.")
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

    type: Literal["error_rate"] = "error_rate"
    rate: Probability | None = None
    hourly_rates: Annotated[tuple[Probability, ...], Field(strict=False)] | None = None
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


class RateLimited(Failure):
    """A share of the attempts is answered 429, too many requests, each by a draw of its own.

    Parameters
    ----------
    share : float
        The probability that an attempt is refused, 0 to 1.
    retry_after_s : float, optional
        What the answer's ``Retry-After`` says, in seconds; the exception carries it. Default: it has none.
    """

    type: Literal["rate_limited"] = "rate_limited"
    error: Literal["rate_limit"] = "rate_limit"
    share: Probability
    retry_after_s: float | None = Field(default=None, gt=0, le=86_400)


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
    """

    type: Literal["slow_start"] = "slow_start"
    for_s: float = Field(gt=0, le=30 * 86_400)
    slowdown: Slowdown


class Latency(Fault):
    """How long an attempt takes that succeeds: lognormal, or constant. Several latencies add up.

    Parameters
    ----------
    median_s : float
        Seconds; half of the answers take longer.
    p99_s : float, optional
        One answer in a hundred takes longer. Default: every answer takes ``median_s``.
    """

    type: Literal["latency"] = "latency"
    median_s: float = Field(gt=0, le=86_400)
    p99_s: float | None = Field(default=None, gt=0, le=86_400)

    @model_validator(mode="after")
    def _quantiles_in_order(self) -> Self:
        if self.p99_s is not None and self.p99_s < self.median_s:
            raise FieldError("p99_s", f"must not be below median_s. Got {self.p99_s} and {self.median_s}.")
        return self


class TokenLatency(Fault):
    """How long an attempt takes that succeeds, by the length of its answer.

    ``first_token_s + completion_tokens / tokens_per_s``, with the token counts of the trace.

    Parameters
    ----------
    first_token_s : float
        Seconds until the first token.
    tokens_per_s : float
        Tokens a second from there on.
    """

    type: Literal["token_latency"] = "token_latency"
    first_token_s: float = Field(ge=0, le=86_400)
    tokens_per_s: float = Field(ge=1e-6)
