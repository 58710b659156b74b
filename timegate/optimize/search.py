"""Local search by replay, for calls that touch each other: there the costs of slots do not add up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import monotonic

import numpy as np
import numpy.typing as npt

from timegate.optimize.program import Program
from timegate.optimize.solver import solve

__all__ = ["improved", "tightened"]

_TRIES, _TRY_S = 5, 5.0

Int64s = npt.NDArray[np.int64]
Score = tuple[int, int]
"""By how much limits are exceeded, and what is minimised."""


def tightened(
    program: Program,
    start: Int64s,
    measure: Callable[[Int64s], Sequence[int]],
    score: Callable[[Int64s], Score],
    until_s: float,
) -> Int64s:
    """Return a schedule that keeps the limits by replay, if tightening them leads to one; else the nearest to that.

    The sums of slots are off, as calls touch each other. So each limit is made as much tighter as its sum was too low,
    and the program is solved again, a few times.

    Parameters
    ----------
    program : Program
    start : ndarray of int64, shape (slots,)
    measure : callable
        Returns what a schedule comes to in each limit, by replay.
    score : callable
        Judges a schedule by replay.
    until_s : float
        When to end, by the monotonic clock.
    """
    best, least = start, score(start)
    chosen = start
    for _ in range(_TRIES if program.rows else 0):
        if least[0] == 0 or monotonic() > until_s:
            break
        off = [max(real - row.of(chosen), 0) for real, row in zip(measure(chosen), program.rows, strict=True)]
        rows = tuple(row._replace(most=row.most - more) for row, more in zip(program.rows, off, strict=True))
        found = solve(program._replace(rows=rows), None, _TRY_S).chosen
        if found is None or (found == chosen).all():
            break
        chosen = found
        if (worth := score(chosen)) < least:
            best, least = chosen, worth
    return best


def improved(program: Program, start: Int64s, score: Callable[[Int64s], Score], until_s: float) -> tuple[Int64s, bool]:
    """Return the best schedule that small changes lead to, one after the other.

    Each step takes the first change that makes the schedule better: a window that is gone, longer, or shorter. The end
    is a schedule that none of them improves, or that of the time.

    Parameters
    ----------
    program : Program
        What schedules keep to, but for its prices and limits.
    start : ndarray of int64, shape (slots,)
    score : callable
        Judges a schedule by replay.
    until_s : float
        When to end, by the monotonic clock.

    Returns
    -------
    best : ndarray of int64, shape (slots,)
    interrupted : bool
        Whether somebody ended the search.
    """
    best, least = start, score(start)
    seen = {start.tobytes()}
    better = True
    while better:
        better = False
        for chosen in _changes(program, best):
            if chosen.tobytes() in seen or not program.fits(chosen):
                continue
            if monotonic() > until_s:
                return best, False
            seen.add(chosen.tobytes())
            try:
                found = score(chosen)
            except KeyboardInterrupt:
                return best, True
            if found < least:
                best, least, better = chosen, found, True
                break
    return best, False


def _changes(program: Program, chosen: Int64s) -> Iterator[Int64s]:
    """Give schedules that differ in one window of one deployment, wherever tied slots repeat it."""
    tie = program.tie
    groups = int(tie.max()) + 1
    for bit in range(int(program.allowed.shape[1]).bit_length() - 1):
        mask = 1 << bit
        is_open = chosen & mask > 0
        edges = np.flatnonzero(is_open != np.roll(is_open, 1))
        if not len(edges):
            for group in range(groups):  # a window of the least length, wherever
                first = np.flatnonzero(tie == group)[0]
                slots = (first + np.arange(program.shortest)) % len(chosen)
                yield np.where(np.isin(tie, tie[slots]), chosen ^ mask, chosen)
        for edge in edges.tolist():
            for slot in (edge, edge - 1):  # the slot after an edge, or before it, changes sides
                yield np.where(tie == tie[slot], chosen ^ mask, chosen)
        for first in edges[is_open[edges - 1]].tolist():
            last = next(e for e in np.roll(edges, -int(np.searchsorted(edges, first)) - 1).tolist())
            slots = (first + np.arange((last - first) % len(chosen))) % len(chosen)
            yield np.where(np.isin(tie, tie[slots]), chosen | mask, chosen)
