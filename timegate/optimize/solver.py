"""HiGHS on the program of windows, over ever other parts of it.

The linear relaxation gives a bound and, for each set in each slot, how much any schedule that has it costs above that
bound at least: its reduced cost. A large program is first solved over few sets: those of small reduced cost; then those
of the schedules that multipliers lead to, which give a better bound, too; then those that differ from the best schedule
in two deployments only, two after two. At last it is solved over all sets whose reduced cost is below what the best
schedule costs above the bound: no better schedule has another one.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.engines.progress import waiting
from timegate.optimize.program import Form, Program

__all__ = ["Choice", "solve"]

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_TRIES, _TOLERANCE = 5, 1e-6
_NEAR = 1e-3  # of the bound: the reduced cost of the sets that are tried first
_LARGE = 6000  # sets in slots, from which on a part is solved before the whole
_FEW = 3  # sets of a slot, those of the least reduced cost
_PART = 0.15  # of the time for one part
_CLOSE = 2e-5  # of the value: what a part may leave


class Choice(NamedTuple):
    """What came of a program.

    Attributes
    ----------
    chosen : ndarray of int64, shape (slots,), or None
        A set for each slot; None if no schedule was found.
    bound : float
        No schedule has a lower value; infinite if there is none at all.
    """

    chosen: Int64s | None
    bound: float


def solve(program: Program, known: Int64s | None = None, time_limit_s: float = 60.0) -> Choice:
    """Choose the best schedule, or the best that is found in time.

    Parameters
    ----------
    program : Program
    known : ndarray of int64, optional
        A schedule that keeps everything, from which to improve.
    time_limit_s : float
    """
    until_s = monotonic() + time_limit_s
    bound, tightened = -np.inf, program
    for number in range(_TRIES + 1):
        search = _Search(program, tightened, known, until_s)
        chosen = search.run()
        known, bound = search.best, search.bound if number == 0 else bound
        if chosen is None or program.keeps_limits(chosen):
            return Choice(chosen, bound)
        # HiGHS keeps limits up to a tolerance, and whole numbers keep them or not.
        margins = [
            2 * max(row.of(chosen) - row.most, int(_TOLERANCE * np.ptp(row.each))) if row.of(chosen) > row.most else 0
            for row in program.rows
        ]
        rows = (row._replace(most=row.most - margin) for row, margin in zip(tightened.rows, margins, strict=True))
        tightened = tightened._replace(rows=tuple(rows))
    return Choice(known, bound)


class _Search:
    """Looks for the best schedule of a program.

    Attributes
    ----------
    best : ndarray of int64, shape (slots,), or None
        The best that keeps all limits exactly.
    bound : float
        No schedule has a lower value.
    """

    def __init__(self, program: Program, tightened: Program, known: Int64s | None, until_s: float) -> None:
        self.program, self.best, self.until_s, self.bound = program, known, until_s, np.inf
        self.began_s = monotonic()
        self.form = Form.of(tightened)
        self.value = np.inf if known is None or self.form is None else self.form.value(program, known)

    def run(self) -> Int64s | None:
        """Return the best schedule, which may break limits by the tolerance of HiGHS."""
        from scipy.optimize import linprog

        form = self.form
        if form is None:
            return None
        equal = form.least == form.most
        relaxed = waiting(
            partial(
                linprog,
                form.objective,
                A_ub=form.matrix[~equal],
                b_ub=form.most[~equal],
                A_eq=form.matrix[equal],
                b_eq=form.most[equal],
                bounds=(0, 1),
                method="highs-ds",
            )
        )
        if relaxed.status == 2:
            return None
        if relaxed.status != 0:  # no program of ours is unbounded, so HiGHS has given up
            self.bound = -np.inf
            return self.best
        least, taken = float(relaxed.fun), np.asarray(relaxed.x)[: form.cells]
        reduced = np.asarray(relaxed.lower.marginals)[: form.cells]
        bound = -np.inf
        if form.cells > _LARGE:
            few = self._few(reduced) | (taken > 1e-9)
            self._improve(few | self._same())
            if len(np.unique(self.program.tie)) == len(self.program.tie):
                bound = self._relax(few, -np.asarray(relaxed.ineqlin.marginals))
            self._pairs(reduced, least)
        chosen, within = self._whole(reduced, least)
        self.bound = max(bound, within * form.unit + form.offset)
        return chosen

    def _relax(self, few: Bools, duals: npt.NDArray[np.float64]) -> float:
        """Return a bound by multipliers, and solve over the sets that the schedules near it have."""
        from timegate.optimize.lagrange import Relaxation  # loads numba

        form, share_s = self._form, (self.until_s - monotonic()) / 2
        prices = duals[len(duals) - len(self.program.rows) :] * form.unit / form.scales
        relaxation = Relaxation(self.program, prices.tolist())
        value = np.inf if self.best is None else float(self.program.value(self.best))
        until_s = monotonic() + share_s
        relaxation.tighten(value, monotonic() + share_s / 4, 60, rough=True)
        relaxation.tighten(value, until_s, 20, rough=False)
        on_the_way = np.zeros(form.cells, np.bool_)
        for chosen in relaxation.found:
            on_the_way |= form.number == chosen[form.group]
        self._improve(few | on_the_way | self._same())
        return relaxation.bound

    def _whole(self, reduced: npt.NDArray[np.float64], least: float) -> tuple[Int64s | None, float]:
        """Solve over the sets that a better schedule may have; return the best, and a bound of the objective."""
        form, bound, chosen, value = self._form, least, self.best, self.value
        reach = min(_NEAR * max(abs(least + form.offset / form.unit), 1.0), value - least)
        while True:
            kept = reduced <= reach
            found = self._solved(kept, self.until_s - monotonic(), 0.0)
            if found is None:
                break
            if found.x is not None:
                other, worth = self._read(found.x, kept)
                if chosen is None or worth <= value:
                    chosen, value = other, worth
                self._take(other, worth)
            everything = bool(kept.all())
            dual = np.inf if found.status == 2 else found.mip_dual_bound
            if dual is not None:
                within = float(dual) if everything else min(float(dual), least + reach)
                bound = max(bound, min(within, value) if chosen is not None else within)
            if everything or found.status == 1 or value - least <= reach:
                break
            reach = value - least if value < np.inf else 10 * reach
        return chosen, bound

    def _few(self, reduced: npt.NDArray[np.float64]) -> Bools:
        """Return which sets are among those of the least reduced cost of their slot."""
        group = self._form.group
        order = np.lexsort((reduced, group))
        place = np.empty(len(group), np.int64)
        place[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
        few: Bools = place < _FEW
        return few

    def _pairs(self, reduced: npt.NDArray[np.float64], least: float) -> None:
        """Choose anew when two deployments are open, with the others as they are: all pairs, until none helps."""
        deployments = int(self.program.allowed.shape[1]).bit_length() - 1
        pairs = [1 << a | 1 << b for a, b in combinations(range(deployments), 2)]
        helped = dict.fromkeys(pairs, np.inf)  # how much, when it was last tried
        while self.best is not None and helped and monotonic() < self.began_s + 0.8 * (self.until_s - self.began_s):
            pair = max(helped, key=lambda pair: helped[pair])
            before = self.value
            differs = self._form.number ^ self._best_number()
            self._improve((differs & ~pair == 0) & ((reduced <= self.value - least) | (differs == 0)))
            if self.value < before:
                helped = dict.fromkeys(pairs, before - self.value)
            del helped[pair]

    def _improve(self, kept: Bools) -> None:
        found = self._solved(kept, min(self.until_s - monotonic(), _PART * (self.until_s - self.began_s)), _CLOSE)
        if found is not None and found.x is not None:
            self._take(*self._read(found.x, kept))

    def _take(self, chosen: Int64s, value: float) -> None:
        if value < self.value and self.program.keeps_limits(chosen) and self.program.fits(chosen):
            self.best, self.value = chosen, value

    def _solved(self, kept: Bools, time_limit_s: float, gap: float) -> Any:
        """Solve over some sets; None if there is no time left."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        if time_limit_s <= 0:
            return None
        form, columns = self._form, self._columns(kept)
        return waiting(
            partial(
                milp,
                form.objective[columns],
                integrality=np.ones(int(columns.sum())),
                constraints=LinearConstraint(form.matrix[:, columns], form.least, form.most),
                bounds=Bounds(0, 1),
                options={"time_limit": time_limit_s, "mip_rel_gap": gap},
            )
        )

    def _columns(self, kept: Bools) -> Bools:
        columns = np.ones(len(self._form.objective), np.bool_)
        columns[: self._form.cells] = kept
        return columns

    def _read(self, x: npt.NDArray[np.float64], kept: Bools) -> tuple[Int64s, float]:
        """Return a solution as a schedule, and its value."""
        whole = np.zeros(len(self._form.objective))
        whole[self._columns(kept)] = x
        chosen = self._form.chosen(whole, self.program)
        return chosen, self._form.value(self.program, chosen)

    def _best_number(self) -> Int64s:
        """Return the set that the best schedule has where each of the variables is."""
        assert self.best is not None  # noqa: S101 - there is one
        first = np.unique(self.program.tie, return_index=True)[1]
        sets: Int64s = self.best[first][self._form.group]
        return sets

    def _same(self) -> Bools:
        """Return which variables the best schedule has, if there is one."""
        if self.best is None:
            return np.zeros(self._form.cells, np.bool_)
        same: Bools = self._form.number == self._best_number()
        return same

    @property
    def _form(self) -> Form:
        assert self.form is not None  # noqa: S101 - else there is nothing to solve
        return self.form
