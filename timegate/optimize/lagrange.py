"""A bound of what any schedule costs, and schedules near it: Lagrange multipliers and a dynamic program over slots.

The limits, and the most windows of a day, are taken out of the program, each at a price. What is left is exact by
dynamic programming, slot by slot: the state is, for each deployment, whether it is open and for how many slots it has
been, up to the shortest window. Whatever the prices, no schedule that keeps everything costs less than what this finds
(Held and Karp 1971, "The traveling-salesman problem and minimum spanning trees: part II"). That is closer than the
linear relaxation, which may have a half of one set open and a half of another. The prices are moved against what the
schedules found break, by Polyak's step.

The period is not closed here: the first slot need not follow from the last. That, too, only lowers the bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from timegate.core.jit import jit
from timegate.engines.progress import waiting
from timegate.optimize.slots import members

if TYPE_CHECKING:
    from timegate.optimize.program import Program

__all__ = ["Relaxation"]

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
MOST_STATES = 300_000
_ROUGH = 2  # slots that a window has at least, in the first and cheap passes
_SMALLER, _AFTER = 0.7, 8  # the step becomes smaller, after so many passes without a better bound
_KEPT = 10  # schedules


class Relaxation:
    """Bounds a program whose slots are not tied.

    Parameters
    ----------
    program : Program
    prices : sequence of float
        A price of each limit to begin with, for one more than the limit.

    Attributes
    ----------
    bound : float
        No schedule has a lower value.
    found : list of ndarray of int64, shape (slots,)
        The last schedules, the newest first. They may break limits.
    """

    def __init__(self, program: Program, prices: Sequence[float]) -> None:
        self.program, self.bound = program, -np.inf
        self.found: list[Int64s] = []
        slots, sets = program.allowed.shape
        self._deployments = int(sets).bit_length() - 1
        self._days = slots // program.per_day
        self._cost = np.where(program.allowed, program.price, 0).astype(np.float64)
        self._each = [np.where(program.allowed, row.each, 0).astype(np.float64) for row in program.rows]
        self._scale = np.array([max(float(np.ptp(each, axis=1).max()), 1.0) for each in self._each])
        self._prices = np.maximum(np.asarray(prices, np.float64), 0.0)
        self._of_days = np.zeros((self._days, self._deployments))
        self._new = np.where(program.known_closings, 0.0, float(program.window_price))

    def tighten(self, value: float, until_s: float, passes: int, rough: bool) -> None:
        """Move the prices, and take up the best bound.

        Parameters
        ----------
        value : float
            Of a known schedule: what the bound is below.
        until_s : float
            When to end, by the monotonic clock.
        passes : int
            At most.
        rough : bool
            Whether windows may be shorter than they must be: a hundred times as fast, and a lower bound.
        """
        length = min(self._length(), _ROUGH) if rough else self._length()
        if rough and length == self._length():
            passes = 2 * passes
        best, since, step = -np.inf, 0, 1.0
        for _ in range(passes):
            bound, chosen = waiting(lambda: self._passed(length))
            self.found = [chosen, *(other for other in self.found if (other != chosen).any())][:_KEPT]
            self.bound = max(self.bound, bound)
            best, since = (bound, 0) if bound > best else (best, since + 1)
            if since == _AFTER:
                step, since = step * _SMALLER, 0
            aim = value if np.isfinite(value) else bound + 0.01 * abs(bound)
            if not self._move(chosen, step * max(aim - bound, 1e-4 * abs(aim))) or monotonic() > until_s:
                break

    def _length(self) -> int:
        """Return how many slots a window has at least here, so that there are no more states than can be held."""
        most = int(MOST_STATES ** (1 / self._deployments) + 1e-9) // 2
        return max(1, min(self.program.shortest, most))

    def _passed(self, length: int) -> tuple[float, Int64s]:
        """Return a bound at the present prices, and the schedule that it is of."""
        program = self.program
        cost = self._cost.copy()
        for price, each in zip(self._prices, self._each, strict=True):
            cost += price * each
        cost[~program.allowed] = np.inf
        least = cost.min(axis=1)
        cost -= least[:, None]
        states = (2 * length) ** self._deployments
        ages = np.arange(states)[:, None] // (2 * length) ** np.arange(self._deployments) % (2 * length)
        sets = (ages < length) @ (1 << np.arange(self._deployments))
        value, came = np.zeros(states), np.zeros((len(cost), states), np.uint8 if self._deployments <= 8 else np.uint16)
        closing = self._new + np.repeat(self._of_days, program.per_day, axis=0)
        _forward(cost, closing, length, sets, value, came, np.empty(states))
        last = int(value.argmin())
        free = sum(price * row.most for price, row in zip(self._prices, program.rows, strict=True))
        bound = float(value[last] + least.sum() - free - program.most_windows * self._of_days.sum())
        chosen = np.empty(len(cost), np.int64)
        _back(came, length, self._deployments, sets, last, chosen)
        return bound, chosen

    def _move(self, chosen: Int64s, length: float) -> bool:
        """Move the prices against what a schedule breaks; False if it breaks nothing, and leaves nothing."""
        program = self.program
        over = np.array([float(row.of(chosen) - row.most) for row in program.rows]) / self._scale
        is_open = members(self._deployments)[chosen]
        closes = ~is_open & np.roll(is_open, 1, axis=0)
        closes[0] = False  # the period is not closed here
        windows = closes.reshape(self._days, program.per_day, -1).sum(axis=1) - float(program.most_windows)
        over[(self._prices <= 0) & (over < 0)] = 0
        windows[(self._of_days <= 0) & (windows < 0)] = 0
        norm = float(over @ over + (windows**2).sum())
        if norm == 0:
            return False
        self._prices = np.maximum(self._prices + length / norm * over / self._scale, 0.0)
        self._of_days = np.maximum(self._of_days + length / norm * windows, 0.0)
        return True


@jit(refcount=False)
def _forward(cost, closing, length, sets, value, came, was):  # type: ignore[no-untyped-def]
    """Go through the slots: ``value`` becomes the least cost of each state, ``came`` the way there.

    The state is a number with a digit a deployment, the first the lowest: below ``length`` it has been open for so many
    slots more than one, and else closed. A deployment that was so for ``length`` slots or more may turn. ``sets`` says
    who is open in each state; ``was`` is there to write in, as long as ``value``.
    """
    slots, deployments = closing.shape
    ages = 2 * length
    states = len(value)
    for slot in range(slots):
        stride = 1
        for deployment in range(deployments):
            bit = 1 << deployment
            price = closing[slot, deployment]
            for high in range(0, states, stride * ages):
                for at in range(high, high + stride * ages):
                    was[at] = value[at]
                for half in range(2):
                    first = high + half * length * stride
                    last = first + (length - 1) * stride
                    other = high + (ages - 1 - half * length) * stride  # long closed, or long open
                    extra = price * half
                    for low in range(stride):  # one that turns
                        value[first + low] = was[other + low] + extra
                    for age in range(stride, (length - 1) * stride):
                        value[first + age] = was[first + age - stride]
                    if length == 1:
                        for low in range(stride):
                            turned = value[first + low] < was[first + low]
                            value[first + low] = value[first + low] if turned else was[first + low]
                            came[slot, first + low] |= bit * turned
                    else:
                        for low in range(stride):
                            turned = was[last - stride + low] < was[last + low]
                            value[last + low] = was[last - stride + low] if turned else was[last + low]
                            came[slot, last + low] |= bit * turned
            stride *= ages
        for state in range(states):
            value[state] += cost[slot, sets[state]]


@jit(refcount=False)
def _back(came, length, deployments, sets, state, chosen):  # type: ignore[no-untyped-def]
    """Write who was open in each slot on the way to a state."""
    ages = 2 * length
    for slot in range(len(came) - 1, -1, -1):
        chosen[slot] = sets[state]
        stride = ages ** (deployments - 1)
        for deployment in range(deployments - 1, -1, -1):
            age = state // stride % ages
            turned = came[slot, state] & (1 << deployment) != 0
            before = age - 1
            if age == length - 1 or age == ages - 1:
                if length == 1:
                    before = 1 - age if turned else age
                elif not turned:
                    before = age
            elif age == 0:
                before = ages - 1
            elif age == length:
                before = length - 1
            state += (before - age) * stride
            stride //= ages
