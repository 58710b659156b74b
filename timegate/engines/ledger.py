"""What engines in plain Python note of calls as these end, and the columns that become of it in one compiled pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from timegate.core import columns
from timegate.core.jit import jit, register
from timegate.core.routing import Call
from timegate.engines import record
from timegate.engines.record import Attempts, Calls, Log, begin_call, end_attempt, end_call

__all__ = ["Ledger", "columns_of"]

register(columns)
register(record)


class Ledger:
    """Calls that have ended, in any order.

    Attributes
    ----------
    cooldowns : list of tuple
        The deployment, from when, and until when: to be noted as they begin.
    """

    def __init__(self) -> None:
        self.cooldowns: list[tuple[int, int, int]] = []
        # Numbers alone, one row after another: tuples that stay would keep the garbage collector at work.
        self._ends: list[int] = []
        self._attempts: list[int] = []
        self._skips: list[int] = []

    def end(self, number: int, call: Call, now_us: int) -> None:
        """Note a call that has ended."""
        made = call.attempts
        for attempt in made:
            self._attempts += attempt
        latency_us = now_us - call.at_us
        self._ends += (number, len(made), call.served_by, call.first_choice, len(call.order), latency_us)
        for deployment, at_us, reason, _ in call.skips:
            self._skips += (number, deployment, at_us, reason)

    def columns(self, keeps_first: bool) -> tuple[Calls, Attempts]:
        """Return what was noted; see :func:`columns_of`."""
        return columns_of(_rows(self._ends, 6), _rows(self._attempts, 5), keeps_first)

    def log(self) -> Log:
        """Return what policies did beside attempts."""
        return Log.of(_rows(self._skips, 4), self.cooldowns)


def _rows(numbers: list[int], width: int) -> npt.NDArray[np.int64]:
    return np.fromiter(numbers, np.int64, len(numbers)).reshape(-1, width)


def columns_of(ends: npt.NDArray[np.int64], made: npt.NDArray[np.int64], keeps_first: bool) -> tuple[Calls, Attempts]:
    """Record calls and their attempts.

    Parameters
    ----------
    ends : ndarray of int64, shape (calls, 6)
        The number of each call from 0, how many attempts it made, who served it, its first choice, how many were open,
        and its latency.
    made : ndarray of int64, shape (attempts, 5)
        Those of each call in that order: the deployment, the pause before it, its start and end, and its outcome.
    keeps_first : bool
        Whether each call's first choice is kept.
    """
    calls, attempts = Calls.empty(len(ends), keeps_first), Attempts.empty(len(made))
    row_of = np.zeros(len(ends) + 1, np.int64)
    row_of[ends[:, 0] + 1] = ends[:, 1]
    _write(ends, made, np.cumsum(row_of), calls, attempts)
    return calls, attempts


@jit(refcount=False)
def _write(ends, made, row_of, calls, attempts):  # type: ignore[no-untyped-def]
    """Record all calls, as the compiled engine records each of its own."""
    done = 0
    for i in range(len(ends)):
        number, count, served_by, first_choice, open_, latency_us = ends[i]
        begin_call(calls, number)
        for place in range(count):
            deployment, pause_us, started_us, ended_us, kind = made[done]
            end_attempt(
                calls, number, attempts, row_of[number] + place, number, deployment, pause_us, started_us, kind,
                ended_us - started_us,
            )  # fmt: skip
            done += 1
        end_call(calls, number, served_by, first_choice, open_, latency_us)
