"""The faults of a scenario, resolved for the deployments of a router: what becomes of an attempt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from timegate.clock import FIRST_US, LAST_US, to_us
from timegate.columns import ATTEMPT_OUTCOMES, OK
from timegate.faults.draws import stream_key, uniform
from timegate.faults.kinds import ErrorRate, Fault
from timegate.routing import Deployment

__all__ = ["Injector", "Rule"]


class Rule(NamedTuple):
    """One fault on one deployment, in numbers.

    In ``[start_us, end_us)`` an attempt fails if its draw from the stream ``(k0, k1)`` is below ``rate``; with a
    rate of 1 nothing is drawn. ``outcome`` is the code of the error.
    """

    start_us: int
    end_us: int
    rate: float
    k0: int
    k1: int
    outcome: int


class Injector:
    """Decides what becomes of each attempt.

    Parameters
    ----------
    faults : mapping of str to Fault
        By the names of their streams of draws. If several make an attempt fail, the first names the error.
    seed : int
    deployments : sequence of Deployment
        In the order of the router's indices.
    """

    def __init__(self, faults: Mapping[str, Fault], seed: int, deployments: Sequence[Deployment]) -> None:
        self.rules = tuple(tuple(_rules(faults, seed, deployment)) for deployment in deployments)

    def outcome(self, deployment: int, call: int, attempt: int, at_us: int) -> int:
        """Return the code of an attempt's outcome.

        Parameters
        ----------
        deployment, call : int
            Their numbers.
        attempt : int
            How often this call has tried this deployment before.
        at_us : int
            When the attempt starts.
        """
        for start_us, end_us, rate, k0, k1, code in self.rules[deployment]:
            if start_us <= at_us < end_us and (rate >= 1.0 or uniform(k0, k1, call, attempt) < rate):
                return code
        return OK


def _rules(faults: Mapping[str, Fault], seed: int, deployment: Deployment) -> Iterable[Rule]:
    for name, fault in faults.items():
        if fault.hits(deployment.name, deployment.provider):
            yield Rule(
                *_stretch_us(fault),
                fault.rate if isinstance(fault, ErrorRate) else 1.0,
                *stream_key(seed, deployment.name, name),
                ATTEMPT_OUTCOMES.index(fault.error),
            )


def _stretch_us(fault: Fault) -> tuple[int, int]:
    start, end = getattr(fault, "start", None), getattr(fault, "end", None)
    return (
        FIRST_US if start is None else to_us(start, "start"),
        LAST_US if end is None else to_us(end, "end"),
    )
