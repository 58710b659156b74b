"""What an engine records: one column a field, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from timegate.core.columns import BLOCKED, FAILED, FALLBACK, FIRST_CHOICE, SHED
from timegate.core.routing import NOBODY, Router

__all__ = ["ATTEMPTS", "CALLS", "Attempts", "Calls", "Log", "classify", "first_choice_by_name"]

CALLS: dict[str, type[np.signedinteger[Any]]] = {
    "served_by": np.int16,
    "outcome": np.int8,
    "attempts": np.int16,
    "latency_us": np.int64,
    "first_choice": np.int16,
}
"""The columns of calls, and their types: the one list that engines, kernels and Monte Carlo's blocks share."""
ATTEMPTS: dict[str, type[np.signedinteger[Any]]] = {
    "call": np.int64,
    "attempt": np.int16,
    "deployment": np.int16,
    "pause_us": np.int64,
    "at_us": np.int64,
    "outcome": np.int8,
    "latency_us": np.int64,
}


class Calls(NamedTuple):
    """One row a call: 13 bytes, or 15.

    Attributes
    ----------
    served_by : ndarray of int16
        Index of the deployment, -1 for nobody.
    outcome : ndarray of int8
        Index into :data:`timegate.core.columns.OUTCOMES`.
    attempts : ndarray of int16
    latency_us : ndarray of int64
        From arrival to the answer, or to the error that the caller gets.
    first_choice : ndarray of int16
        Empty where it follows from the preference alone: see :func:`first_choice_by_name`.
    """

    served_by: npt.NDArray[np.int16]
    outcome: npt.NDArray[np.int8]
    attempts: npt.NDArray[np.int16]
    latency_us: npt.NDArray[np.int64]
    first_choice: npt.NDArray[np.int16]

    @classmethod
    def empty(cls, size: int, keeps_first: bool = False) -> Self:
        """Return columns of a size, to be written."""
        sizes = dict.fromkeys(CALLS, size) | {"first_choice": size if keeps_first else 0}
        columns: list[Any] = [np.empty(sizes[name], dtype) for name, dtype in CALLS.items()]
        return cls(*columns)

    def part(self, part: slice) -> Calls:
        """Return some of the rows; what is written there is written here."""
        columns: list[Any] = [column[part] for column in self]
        return Calls(*columns)

    def first_choices(
        self, preferred: npt.NDArray[np.int32], preferred_names: Sequence[str], router: Router
    ) -> npt.NDArray[np.integer[Any]]:
        """Return each call's first choice."""
        return (
            self.first_choice
            if len(self.first_choice)
            else first_choice_by_name(preferred_names, router)[preferred + 1]
        )


class Attempts(NamedTuple):
    """One row an attempt, in order of call and attempt.

    Attributes
    ----------
    call : ndarray of int64
    attempt : ndarray of int16
        1 for the first attempt of its call.
    deployment : ndarray of int16
    pause_us : ndarray of int64
        How long the call waited before it.
    at_us : ndarray of int64
        When the attempt started.
    outcome : ndarray of int8
        Index into :data:`timegate.core.columns.ATTEMPT_OUTCOMES`.
    latency_us : ndarray of int64
        Until it ended, time in a queue included.
    """

    call: npt.NDArray[np.int64]
    attempt: npt.NDArray[np.int16]
    deployment: npt.NDArray[np.int16]
    pause_us: npt.NDArray[np.int64]
    at_us: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    latency_us: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, size: int) -> Self:
        """Return columns of a size, to be written."""
        columns: list[Any] = [np.empty(size, dtype) for dtype in ATTEMPTS.values()]
        return cls(*columns)

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[int, ...]]) -> Self:
        """Build the columns from rows of their values."""
        values: Any = zip(*rows, strict=True) if rows else [[] for _ in ATTEMPTS]
        columns: list[Any] = [np.array(v, dtype) for v, dtype in zip(values, ATTEMPTS.values(), strict=True)]
        return cls(*columns)


class Log(NamedTuple):
    """What policies did beside attempts.

    Attributes
    ----------
    skips : ndarray of int64, shape (n, 4)
        In order of call, and of time within one: its number, the deployment that it passed over, the instant, and why,
        as an index into :data:`timegate.core.policy.REASONS`.
    cooldowns : ndarray of int64, shape (n, 3)
        In order of their beginning: the deployment, from when, and until when.
    """

    skips: npt.NDArray[np.int64]
    cooldowns: npt.NDArray[np.int64]

    @classmethod
    def of(cls, skips: npt.ArrayLike = (), cooldowns: npt.ArrayLike = ()) -> Self:
        """Build it from rows in the order in which they happened."""
        passed = np.asarray(skips, np.int64).reshape(-1, 4)
        order = np.argsort(passed[:, 0], kind="stable")
        return cls(passed[order], np.asarray(cooldowns, np.int64).reshape(-1, 3))


def first_choice_by_name(preferred_names: Sequence[str], router: Router) -> npt.NDArray[np.int64]:
    """Return the first choice of calls that prefer nobody, and then that of each name.

    It is the deployment of that name, or else the first by priority: who would serve if every window were open and
    nothing failed. Where the hour or chance decides who goes first, each call keeps its own.
    """
    return np.array([router.head, *(router.index.get(name, router.head) for name in preferred_names)], np.int64)


def classify(served_by: int, attempts: int, first_choice: int, open_: int) -> int:
    """Return the code of a call's outcome, when so many deployments were open."""
    if served_by == NOBODY:
        return FAILED if attempts else SHED if open_ else BLOCKED
    return FIRST_CHOICE if served_by == first_choice else FALLBACK
