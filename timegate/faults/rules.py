"""Rules: what a fault does to the attempts on one deployment, in numbers that every engine looks up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from timegate.core.capacity import Provider
from timegate.core.clock import SECOND_US
from timegate.core.columns import OK
from timegate.core.spans import Spans

__all__ = [
    "CAPACITY", "CERTAIN", "CHANCE", "HOURLY", "LATENCY", "SLOWDOWN", "TAKE_TIME", "TOKENS", "TURN", "Rule",
    "RuleContext",
]  # fmt: skip

# What a rule does with an attempt: first those that fail it, then those that take time, then those that multiply it,
# then those that need a provider's capacity.
CERTAIN, CHANCE, HOURLY, LATENCY, TOKENS, SLOWDOWN, CAPACITY = range(7)
FAIL, TAKE_TIME, MULTIPLY, NEED = range(4)
TURN = (FAIL, FAIL, FAIL, TAKE_TIME, TAKE_TIME, MULTIPLY, NEED)
"""By kind of rule, when its turn comes."""


class Rule(NamedTuple):
    """One fault on one deployment, in numbers. It acts on attempts that start in ``[start_us, end_us)``.

    ``kind`` says how:

    - ``CERTAIN``: the attempt fails with ``outcome`` after ``after_us``; ``b`` is its ``Retry-After`` in seconds,
      0 for none.
    - ``CHANCE``: so if its draw is below ``a``.
    - ``HOURLY``: so if its draw is below the rate of the hour, from row ``b`` of the table of hourly rates, in a zone
      ``a`` microseconds ahead of UTC.
    - ``LATENCY``: a success takes a lognormal time with median ``a`` microseconds and the standard deviation ``b``
      of its logarithm.
    - ``TOKENS``: it takes ``a`` microseconds and ``b`` for each token.
    - ``SLOWDOWN``: what it takes is multiplied by ``a``.
    - ``CAPACITY``: it needs capacity number ``a``.

    Draws come from the stream ``(k0, k1)`` of ``seed``, ``deployment`` and ``fault``.
    """

    start_us: int
    end_us: int
    kind: int
    a: float = 0.0
    b: float = 0.0
    k0: int = 0
    k1: int = 0
    outcome: int = OK
    after_us: int = 0

    @property
    def retry_after_us(self) -> int:
        """What the ``Retry-After`` of a failure says, in microseconds; 0 for nothing."""
        return round(self.b * SECOND_US) if self.kind in (CERTAIN, CHANCE) else 0


@dataclass(frozen=True)
class RuleContext:
    """What a fault knows when it makes its rules for one of the deployments that it hits.

    Parameters
    ----------
    seed : int
        Of the scenario.
    stream : str
        The name of the fault's stream of draws.
    deployment : str
        The name of the deployment.
    outages_us : ndarray of int64, shape (n, 2)
        When other faults fail every attempt on the deployment: sorted, disjoint, half-open stretches. Known to
        faults that come ``after_outages``; empty for all others.
    hourly_rates : dict of tuple of float to int
        The rows of the table of hourly rates so far, shared by all rules of an injector.
    capacities : dict of str to Provider
        The capacities so far, by the name of their fault's stream; shared, too.
    """

    seed: int
    stream: str
    deployment: str
    outages_us: Spans
    hourly_rates: dict[tuple[float, ...], int]
    capacities: dict[str, Provider]

    @property
    def draws(self) -> Any:
        """The compiled draws, :mod:`timegate.core.draws`."""
        from timegate.core import draws  # loads numba: only where something draws

        return draws

    def stream_key(self, shared_by: str | None = None) -> tuple[int, int]:
        """Return the key of the fault's draws on this deployment, or of those shared by all that a target hits."""
        key: tuple[int, int] = self.draws.stream_key(self.seed, shared_by or self.deployment, self.stream)
        return key

    def chance(self, span_us: tuple[int, int], rate: float, **fields: Any) -> Iterator[Rule]:
        """Yield the rule by which a share of the attempts in a stretch fails, each by a draw of its own.

        Parameters
        ----------
        span_us : tuple of int
        rate : float
            The probability that an attempt fails.
        **fields
            Other fields of the rule.
        """
        if rate == 1:
            yield Rule(*span_us, CERTAIN, **fields)
        elif rate > 0:  # what cannot happen costs nothing
            k0, k1 = self.stream_key()
            yield Rule(*span_us, CHANCE, rate, k0=k0, k1=k1, **fields)

    def capacity_number(self, provider: Provider) -> int:
        """Return the number of a fault's capacity, which all that it hits share."""
        self.capacities.setdefault(self.stream, provider)
        return list(self.capacities).index(self.stream)

    def hourly_row(self, rates: Sequence[float]) -> int:
        """Return the row of the table of hourly rates that holds these 24."""
        return self.hourly_rates.setdefault(tuple(rates), len(self.hourly_rates))
