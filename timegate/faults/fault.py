"""What all kinds of faults share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from timegate.core.clock import FIRST_US, LAST_US, SECOND_US, AwareInstant, to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, ProviderError
from timegate.errors import InvalidValueError, ScenarioError
from timegate.faults.rules import Rule, RuleContext
from timegate.validation import FieldError, Value

__all__ = ["Failure", "Fault", "Probability", "Seconds", "Slowdown", "check_countable"]

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=1e-6)]
"""A length of time that is no shorter than the microsecond in which rules count."""
Slowdown = Annotated[float, Field(ge=1, le=1000)]
MOST_RULES = 100_000
"""What one fault may make of them, about, on a deployment: engines look up who acts among all of them."""


class Fault(Value):
    """What all faults have. A kind is a class of :mod:`timegate.faults.kinds` that says its ``type`` and its ``rules``.

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
    after_outages: ClassVar[bool] = False
    """Whether its rules depend on the outages that other faults make; so they are made last."""
    marked: ClassVar[bool] = False
    """Whether the editor marks the stretches in which it acts, as it does those in which every attempt fails."""
    is_latency: ClassVar[bool] = False
    """Whether it says how long answers take, and nothing that goes wrong."""

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

    @abstractmethod
    def rules(self, context: RuleContext) -> Iterator[Rule]:
        """Yield what this fault does to the attempts on one of the deployments that it hits, in numbers."""

    @property
    def span_us(self) -> tuple[int, int]:
        """When it acts, as a half-open stretch in microseconds; all time where it has no start or end."""
        start_us = FIRST_US if self.start is None else to_us(self.start, "start")
        return start_us, LAST_US if self.end is None else to_us(self.end, "end")

    @property
    def label(self) -> str:
        """Its type, in words."""
        return self.type.replace("_", " ")

    @property
    def slows(self) -> bool:
        """Whether it multiplies latencies: then something must say what they are."""
        return float(getattr(self, "slowdown", 1)) > 1


class Failure(Fault):
    """A fault that makes attempts fail.

    Parameters
    ----------
    error : str
        The kind of error that callers see. One of ``timeout``, ``rate_limit``, ``server_error``,
        ``connection``, ``auth``, ``bad_request``, ``context_length``, ``content_filter``, ``truncated``.
    after_s : float
        How long an attempt takes to fail, such as the timeout of a client whose provider is dead.
    """

    error: ProviderError = "server_error"
    after_s: float = Field(default=0.0, ge=0, le=86_400)

    @property
    def failing(self) -> dict[str, int]:
        """The fields of a rule that say how an attempt fails."""
        return {"outcome": ATTEMPT_OUTCOMES.index(self.error), "after_us": round(self.after_s * SECOND_US)}


def check_countable(count: float, what: str, *fields: str) -> None:
    """Raise an error if a fault would make too many rules on a deployment.

    Parameters
    ----------
    count : float
        How many it makes, about.
    what : str
        What they are, such as ``"outages"``.
    *fields : str
        The fields that say how many; the error points at the first.

    Raises
    ------
    FieldError
        A validator of the kind hands it on.

    Examples
    --------
    >>> check_countable(180_000, "outages", "mtbf_s", "mttr_s")
    Traceback (most recent call last):
        ...
    timegate.validation.FieldError: mtbf_s and mttr_s give about 180,000 outages; the limit is 100,000.
    """
    if count > MOST_RULES:
        first, *others = fields
        verb = "give" if others else "gives"
        text = f"{verb} about {count:,.0f} {what}; the limit is {MOST_RULES:,}."
        raise FieldError(first, " ".join([*(f"and {name}" for name in others), text]))
