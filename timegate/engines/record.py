"""What an engine records: one column a field, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from timegate.core.clock import SECOND_US
from timegate.core.columns import ATTEMPT_OUTCOMES, OUTCOMES, classify
from timegate.core.router import Router
from timegate.traffic.trace import category, utc_column

__all__ = [
    "ATTEMPTS",
    "ATTEMPT_COLUMNS",
    "CALLS",
    "CALL_COLUMNS",
    "DEPLOYMENTS",
    "Attempts",
    "Calls",
    "Column",
    "Log",
    "begin_call",
    "copy_call",
    "copy_first_choice",
    "end_attempt",
    "end_call",
    "first_choice_by_name",
    "shown_as",
    "write_attempt",
]

DEPLOYMENTS = ("deployments",)
"""In the place of labels: the names of a router's deployments."""


class Column(NamedTuple):
    """What is said of a column once, for engines and tables.

    Attributes
    ----------
    dtype : type
    labels : tuple of str
        What its codes stand for, or :data:`DEPLOYMENTS`.
    is_shown : bool
        Whether tables have it: an instant ``at_us`` as ``at``, and a length ``..._us`` as ``..._s``.
    """

    dtype: type[np.signedinteger[Any]]
    labels: tuple[str, ...] = ()
    is_shown: bool = True


CALLS = {
    "served_by": Column(np.int16, DEPLOYMENTS),
    "outcome": Column(np.int8, OUTCOMES),
    "attempts": Column(np.int16),
    "latency_us": Column(np.int64),
    "first_choice": Column(np.int16, DEPLOYMENTS, is_shown=False),
}
"""The columns that engines record of calls."""
ATTEMPTS = {
    "call": Column(np.int64),
    "attempt": Column(np.int16),
    "deployment": Column(np.int16, DEPLOYMENTS),
    "pause_us": Column(np.int64),
    "at_us": Column(np.int64),
    "outcome": Column(np.int8, ATTEMPT_OUTCOMES),
    "latency_us": Column(np.int64),
}
"""The columns of attempts."""


def shown_as(name: str) -> str:
    """Return the name of a column in tables."""
    return "at" if name == "at_us" else f"{name[:-3]}_s" if name.endswith("_us") else name


CALL_COLUMNS = ("at", "preferred", *(shown_as(name) for name, column in CALLS.items() if column.is_shown))
"""Of the table of calls, which begins with what the trace says of them."""
ATTEMPT_COLUMNS = tuple(map(shown_as, ATTEMPTS))


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
        columns: list[Any] = [np.empty(sizes[name], dtype) for name, (dtype, *_) in CALLS.items()]
        return cls(*columns)

    def part(self, part: slice) -> Calls:
        """Return some of the rows; what is written there is written here."""
        columns: list[Any] = [column[part] for column in self]
        return Calls(*columns)

    def table(self, router: Router) -> dict[str, Any]:
        """Return what tables show of them: columns by name, with labels in place of codes and seconds."""
        return _table(self, CALLS, router)

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
        columns: list[Any] = [np.empty(size, dtype) for dtype, *_ in ATTEMPTS.values()]
        return cls(*columns)

    def part(self, which: slice | npt.NDArray[np.int64]) -> Attempts:
        """Return some of the rows."""
        columns: list[Any] = [column[which] for column in self]
        return Attempts(*columns)

    def since(self, first: int) -> Attempts:
        """Return the rows with calls numbered from one on, as those of a part that begins there."""
        return self._replace(call=self.call - first)

    def joined(self, other: Attempts) -> Attempts:
        """Return the rows of both."""
        pairs: Any = zip(self, other, strict=True)
        return Attempts(*map(np.concatenate, pairs))

    def table(self, router: Router) -> dict[str, Any]:
        """Return what tables show of them: columns by name, with labels in place of codes and seconds."""
        return _table(self, ATTEMPTS, router)


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


def _table(columns: tuple[npt.NDArray[Any], ...], described: dict[str, Column], router: Router) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for column, (name, (_, labels, is_shown)) in zip(columns, described.items(), strict=True):
        values: Any = column
        if labels:
            values = category(column, router.names if labels is DEPLOYMENTS else labels)
        elif name == "at_us":
            values = utc_column(column)
        elif name.endswith("_us"):
            values = column / SECOND_US
        if is_shown:
            shown[shown_as(name)] = values
    return shown


# What follows is how a call is recorded, by every engine: plain functions, which numba compiles as they stand.


def begin_call(calls: Any, i: int) -> None:
    """Record that a call begins: what adds up over its attempts is nothing yet."""
    calls.attempts[i] = 0


def end_attempt(
    calls: Any, i: int | np.integer[Any], rows: Any, row: int, call: int, deployment: int, pause_us: int, at_us: int,
    outcome: int, latency_us: int,
) -> None:  # fmt: skip
    """Record an attempt of a call, in that call's row and, unless ``row`` is -1, in a row of its own."""
    calls.attempts[i] += 1
    if row >= 0:
        write_attempt(rows, row, call, calls.attempts[i], deployment, pause_us, at_us, outcome, latency_us)


def write_attempt(
    rows: Any, row: int, call: int, attempt: int, deployment: int, pause_us: int, at_us: int, outcome: int,
    latency_us: int,
) -> None:  # fmt: skip
    """Record an attempt in a row of its own."""
    rows.call[row], rows.attempt[row], rows.deployment[row] = call, attempt, deployment
    rows.pause_us[row], rows.at_us[row] = pause_us, at_us
    rows.outcome[row], rows.latency_us[row] = outcome, latency_us


def end_call(calls: Any, i: int, served_by: int, first_choice: int, open_: int, latency_us: int) -> None:
    """Record how a call ended, after its attempts."""
    calls.served_by[i] = served_by
    calls.outcome[i] = classify(served_by, calls.attempts[i], first_choice, open_)
    calls.latency_us[i] = latency_us
    if len(calls.first_choice) > 0:
        calls.first_choice[i] = first_choice


def copy_call(calls: Any, i: int, others: Any, j: int | np.integer[Any]) -> None:
    """Record a call that fared as another one."""
    calls.served_by[i] = others.served_by[j]
    calls.outcome[i] = others.outcome[j]
    calls.attempts[i] = others.attempts[j]
    calls.latency_us[i] = others.latency_us[j]


def copy_first_choice(calls: Any, i: int, others: Any, j: int | np.integer[Any]) -> None:
    """Record what each call keeps only where it does not follow from its preference."""
    calls.first_choice[i] = others.first_choice[j]
