"""The faults that a scenario may hold."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from timegate.errors import InvalidValueError, ScenarioError
from timegate.validation import AwareInstant, FieldError, Value

__all__ = ["ErrorKind", "ErrorRate", "Failure", "Fault", "Latency", "Outage", "RandomOutages", "TokenLatency"]

ErrorKind = Literal["timeout", "rate_limit", "server_error", "connection", "auth", "bad_request"]


class Fault(Value):
    """What all faults have.

    Parameters
    ----------
    target : str
        The name of a deployment, or ``"provider:openai"`` for all deployments of a provider.
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

    def hits(self, deployment: str, provider: str) -> bool:
        """Whether the fault concerns a deployment."""
        return self.target in (deployment, f"provider:{provider}")


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
    start, end : datetime or str
        Aware instants.

    Examples
    --------
    >>> Outage(target="strong", start="2026-03-02T09:00Z", end="2026-03-02T10:30Z").end.hour
    10
    """

    type: Literal["outage"] = "outage"
    start: AwareInstant
    end: AwareInstant


class RandomOutages(Failure):
    """Outages that come and go by chance, with exponential times between them and exponential lengths.

    Whatever the target hits goes down together: one history for all deployments of a provider. It is in its
    steady state at ``start``, so that the expected availability is ``mtbf_s / (mtbf_s + mttr_s)`` throughout.

    Parameters
    ----------
    mtbf_s : float
        Mean time between failures in seconds, from the end of an outage to the start of the next.
    mttr_s : float
        Mean time to recover in seconds.
    start, end : datetime or str
        Aware instants, between which outages happen.
    """

    type: Literal["random_outages"] = "random_outages"
    mtbf_s: float = Field(gt=0)
    mttr_s: float = Field(gt=0)
    start: AwareInstant
    end: AwareInstant

    @model_validator(mode="after")
    def _are_countable(self) -> Self:
        expected = (self.end - self.start).total_seconds() / (self.mtbf_s + self.mttr_s)
        if expected > 100_000:
            raise FieldError("mtbf_s", f"and mttr_s give about {expected:,.0f} outages; the limit is 100,000.")
        return self


class ErrorRate(Failure):
    """A share of the attempts fails, each by a draw of its own.

    Parameters
    ----------
    rate : float
        The probability that an attempt fails, 0 to 1.
    """

    type: Literal["error_rate"] = "error_rate"
    rate: float = Field(ge=0, le=1)


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
