"""The faults that a scenario may hold."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from timegate.errors import InvalidValueError, ScenarioError
from timegate.validation import AwareInstant, Value

__all__ = ["ErrorKind", "ErrorRate", "Fault", "Outage"]

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
    error : str
        The kind of error that callers see. One of ``timeout``, ``rate_limit``, ``server_error``,
        ``connection``, ``auth``, ``bad_request``.
    """

    error_class: ClassVar[type[InvalidValueError]] = ScenarioError

    type: str
    target: str = Field(min_length=1)
    name: str | None = Field(default=None, min_length=1)
    error: ErrorKind = "server_error"

    def hits(self, deployment: str, provider: str) -> bool:
        """Whether the fault concerns a deployment."""
        return self.target in (deployment, f"provider:{provider}")


class Outage(Fault):
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

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"end must lie after start. Got {self.start.isoformat()} to {self.end.isoformat()}.")
        return self


class ErrorRate(Fault):
    """A share of the attempts in ``[start, end)`` fails, each by a draw of its own.

    Parameters
    ----------
    rate : float
        The probability that an attempt fails, 0 to 1.
    start, end : datetime or str, optional
        Aware instants. Default: always.
    """

    type: Literal["error_rate"] = "error_rate"
    rate: float = Field(ge=0, le=1)
    start: AwareInstant | None = None
    end: AwareInstant | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ValueError(f"end must lie after start. Got {self.start.isoformat()} to {self.end.isoformat()}.")
        return self
