"""The choice of windows as a mixed-integer program.

A set of open deployments is chosen for each slot. What a schedule costs is a sum over slots; limits are, too. Openings
and closings are variables of their own, whose number and distance are bounded as for power plants that must stay up
and down for a while (Rajan and Takriti 2005, "Minimum up/down polytopes of the unit commitment problem").
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.optimize.slots import members

__all__ = ["Form", "Program", "Row", "closes"]

Ints = npt.NDArray[Any]
_SCALE = 1e6  # what the objective is about, so that HiGHS's tolerances lie far below


class Row(NamedTuple):
    """A limit: whole numbers, of which those of the chosen sets add up to ``most`` or less.

    Attributes
    ----------
    name : str
    each : ndarray of int, shape (slots, sets)
    most : int
    """

    name: str
    each: Ints
    most: int

    def of(self, chosen: npt.NDArray[np.int64]) -> int:
        """Return what a schedule comes to."""
        return int(self.each[np.arange(len(chosen)), chosen].sum())


class Program(NamedTuple):
    """What is to be chosen.

    Attributes
    ----------
    price : ndarray of int, shape (slots, sets)
        What is minimised, in whole numbers.
    rows : tuple of Row
    allowed : ndarray of bool, shape (slots, sets)
    tie : ndarray of int64, shape (slots,)
        Slots of one number have one set.
    per_day : int
        Slots of a day.
    most_windows : int
        How often a deployment may close a day.
    shortest : int
        How many slots a deployment stays closed, or open, at least.
    window_price : int
        What is added for each closing that is new.
    known_closings : ndarray of bool, shape (slots, deployments)
        Those that are not: where today's schedule closes deployments, too.
    """

    price: Ints
    rows: tuple[Row, ...]
    allowed: npt.NDArray[np.bool_]
    tie: npt.NDArray[np.int64]
    per_day: int
    most_windows: int
    shortest: int
    window_price: int
    known_closings: npt.NDArray[np.bool_]

    def value(self, chosen: npt.NDArray[np.int64]) -> int:
        """Return what is minimised, of a schedule."""
        holds = members(int(self.allowed.shape[1]).bit_length() - 1)[chosen]
        new = int(np.count_nonzero(closes(holds) & ~self.known_closings))
        return int(self.price[np.arange(len(chosen)), chosen].sum()) + self.window_price * new

    def fits(self, chosen: npt.NDArray[np.int64]) -> bool:
        """Whether a schedule is allowed, tied, and has no more and no shorter windows than it may."""
        if (
            not self.allowed[np.arange(len(chosen)), chosen].all()
            or (chosen != chosen[_first(self.tie)[self.tie]]).any()
        ):
            return False
        holds = members(int(self.allowed.shape[1]).bit_length() - 1)[chosen]
        if closes(holds).reshape(-1, self.per_day, holds.shape[1]).sum(axis=1).max() > self.most_windows:
            return False
        changes = holds != np.roll(holds, 1, axis=0)
        for column in changes.T:
            at = np.flatnonzero(column)
            if len(at) and np.diff(at, append=at[0] + len(chosen)).min() < self.shortest:
                return False
        return True

    def keeps_limits(self, chosen: npt.NDArray[np.int64]) -> bool:
        """Whether a schedule keeps every limit, exactly."""
        return all(row.of(chosen) <= row.most for row in self.rows)


def closes(is_open: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return in which slots of a period deployments close: the columns of a table of slots."""
    closing: npt.NDArray[np.bool_] = ~is_open & np.roll(is_open, 1, axis=0)
    return closing


class Form(NamedTuple):
    """A program as matrices. Its variables: a set in a slot, then who is open, who opens, and who closes.

    Attributes
    ----------
    objective : ndarray of float64
    matrix : sparse matrix
    least, most : ndarray of float64
    cells : int
        How many of the variables choose a set.
    group, number : ndarray of int64, shape (cells,)
        The tied slots, and the set, of each of these.
    unit : float
        What 1 of the objective is in whole numbers of the program.
    offset : int
        What every schedule costs: the least of each slot, which the objective leaves out, as limits do theirs. So their
        numbers are no larger than what there is to choose.
    scales : ndarray of float64, shape (limits,)
        What 1 of a limit's row, which are the last ones, is in whole numbers of the program.
    """

    objective: npt.NDArray[np.float64]
    matrix: Any
    least: npt.NDArray[np.float64]
    most: npt.NDArray[np.float64]
    cells: int
    group: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    unit: float
    offset: int
    scales: npt.NDArray[np.float64]

    @classmethod
    def of(cls, program: Program) -> Form | None:
        """Lay a program out; None if some slot may have no set at all."""
        tie, (slots, sets) = program.tie, program.allowed.shape
        groups = int(tie.max()) + 1
        forbidden = np.zeros((groups, sets), np.int64)
        np.add.at(forbidden, tie, ~program.allowed)
        group, number = np.nonzero(forbidden == 0)
        if len(np.unique(group)) < groups:
            return None
        cells, holds = len(group), members(int(sets).bit_length() - 1)
        deployments = holds.shape[1]
        price, offset = _above_least(program.price, tie, forbidden == 0)
        unit = max(float(price.max(axis=1).sum()), 1.0) / _SCALE

        # An edge is a pair of tied slots that follow each other; what opens or closes there does so wherever they do.
        before = tie[np.arange(slots) - 1]
        pairs, edge = np.unique(before * groups + tie, return_inverse=True)
        edges = len(pairs)
        is_open, opens, closing = (cells + deployments * many for many in (0, groups, groups + edges))
        which = np.arange(deployments)
        size = cells + deployments * (groups + 2 * edges)

        def at(start: int, index: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            return np.asarray(start + index[:, None] * deployments + which, np.int64)

        rows = _Rows(size)
        rows.add(group, np.arange(cells), np.ones(cells), np.ones(groups), np.ones(groups))  # one set each
        cell, member = np.nonzero(holds[number])
        first = np.arange(groups * deployments)
        rows.add(
            np.concatenate([group[cell] * deployments + member, first]),
            np.concatenate([cell, at(is_open, np.arange(groups)).ravel()]),
            np.concatenate([np.ones(len(cell)), -np.ones(len(first))]),
            np.zeros(len(first)),
            np.zeros(len(first)),
        )
        every = np.arange(edges * deployments)
        now, earlier = at(is_open, pairs % groups).ravel(), at(is_open, pairs // groups).ravel()
        parts = [now, earlier, at(opens, np.arange(edges)).ravel(), at(closing, np.arange(edges)).ravel()]
        signs = np.repeat([1.0, -1.0, -1.0, 1.0], len(every))
        rows.add(np.tile(every, 4), np.concatenate(parts), signs, np.zeros(len(every)), np.zeros(len(every)))
        recent = edge[(np.arange(slots)[:, None] - np.arange(program.shortest)) % slots]
        rows.within(at(opens, recent.ravel()).reshape(slots, -1, deployments), at(is_open, tie), -1.0, 0.0)
        rows.within(at(closing, recent.ravel()).reshape(slots, -1, deployments), at(is_open, tie), 1.0, 1.0)
        of_day = edge.reshape(-1, program.per_day)
        rows.within(at(closing, of_day.ravel()).reshape(len(of_day), -1, deployments), None, 0.0, program.most_windows)
        scales: list[float] = []
        for limit in program.rows:
            above, least = _above_least(limit.each, tie, forbidden == 0)
            each = above[group, number].astype(np.float64)
            scale = max(float(each.max()), 1.0)
            scales.append(scale)
            some = np.flatnonzero(each)
            rows.add(np.zeros(len(some), np.int64), some, each[some] / scale, [-np.inf], [(limit.most - least) / scale])
        objective = np.zeros(size)
        objective[:cells] = price[group, number].astype(np.float64) / unit
        new = np.zeros((edges, deployments))
        np.add.at(new, edge, ~program.known_closings)
        objective[at(closing, np.arange(edges))] = new * (program.window_price / unit)
        return cls(objective, *rows.made(), cells, group, number, unit, offset, np.array(scales))

    def value(self, program: Program, chosen: npt.NDArray[np.int64]) -> float:
        """Return the objective of a schedule."""
        return (program.value(chosen) - self.offset) / self.unit

    def chosen(self, values: npt.NDArray[np.float64], program: Program) -> npt.NDArray[np.int64]:
        """Return the set of each slot."""
        taken = np.flatnonzero(values[: self.cells] > 0.5)
        by_group = np.zeros(int(program.tie.max()) + 1, np.int64)
        by_group[self.group[taken]] = self.number[taken]
        chosen: npt.NDArray[np.int64] = by_group[program.tie]
        return chosen


class _Rows:
    """A sparse matrix as it grows, row by row."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._parts: list[tuple[Any, Any, Any]] = []
        self._least: list[Any] = []
        self._most: list[Any] = []
        self._size = 0

    def add(self, row: Any, column: Any, value: Any, least: Any, most: Any) -> None:
        """Add rows by their entries."""
        self._parts.append((np.asarray(row) + self._size, column, value))
        self._least.append(least)
        self._most.append(most)
        self._size += len(least)

    def within(self, columns: npt.NDArray[np.int64], beside: Any, sign: float, most: float) -> None:
        """Add a row for each slot and deployment, once: some columns, shape (slots, n, deployments), and one beside."""
        slots, count, deployments = columns.shape
        flat = columns.transpose(0, 2, 1).reshape(slots * deployments, count)
        if beside is not None:
            flat = np.column_stack([flat, beside.reshape(-1)])
        flat = np.unique(flat, axis=0)
        value = np.ones(flat.shape)
        if beside is not None:
            value[:, -1] = sign
        row = np.repeat(np.arange(len(flat)), flat.shape[1])
        self.add(row, flat.ravel(), value.ravel(), np.full(len(flat), -np.inf), np.full(len(flat), float(most)))

    def made(self) -> tuple[Any, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return the matrix, and the bounds of its rows."""
        from scipy.sparse import csr_array

        row, column, value = (np.concatenate(parts) for parts in zip(*self._parts, strict=True))
        matrix = csr_array((value, (row, column)), shape=(self._size, self._columns))
        return matrix, np.concatenate(self._least), np.concatenate(self._most)


def _first(tie: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the first slot of each number."""
    return np.unique(tie, return_index=True)[1]


def _above_least(values: Ints, tie: npt.NDArray[np.int64], allowed: npt.NDArray[np.bool_]) -> tuple[Ints, int]:
    """Add up the rows of slots that are tied, less the least of those allowed; and all that was taken off."""
    total = np.zeros(allowed.shape, object)
    np.add.at(total, tie, values)
    least = np.where(allowed, total, total.max() + 1).min(axis=1)
    above: Ints = np.where(allowed, total - least[:, None], 0)
    return above, int(least.sum())
