"""The search by replay: limits that sums of slots get wrong are tightened, and steps only improve."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from timegate.optimize.program import Program, Row
from timegate.optimize.search import improved, tightened

Int64s = npt.NDArray[np.int64]
PRICE = np.tile(np.array([[90, 10, 20, 20]]), (12, 1))
FAILED = np.tile(np.array([[9, 1, 0, 0]]), (12, 1))
PROGRAM = Program(
    PRICE,
    (Row("failed", FAILED, 6),),
    np.tile([False, True, True, True], (12, 1)),
    np.arange(12),
    12,
    3,
    1,
    0,
    np.zeros((12, 2), bool),
)
START = np.array([1] * 6 + [2] * 6)


def test_a_limit_is_tightened_by_what_its_sum_is_off() -> None:
    """Where each schedule fails three calls more than its slots say, three slots less may fail one."""

    def measure(chosen: Int64s) -> list[int]:
        return [PROGRAM.rows[0].of(chosen) + 3]

    def score(chosen: Int64s) -> tuple[int, int]:
        return max(measure(chosen)[0] - 6, 0), PROGRAM.value(chosen)

    assert PROGRAM.keeps_limits(START)
    assert score(START)[0] == 3
    found = tightened(PROGRAM, START, measure, score, math.inf)
    assert score(found) == (0, 12 * 20 - 3 * 10)


def test_what_keeps_limits_is_left_as_it_is() -> None:
    found = tightened(PROGRAM, START, lambda chosen: [6], lambda chosen: (0, 0), math.inf)
    assert (found == START).all()
    none = tightened(PROGRAM, START, lambda chosen: [10**6], lambda chosen: (1, int(chosen.sum())), math.inf)
    assert (none == START).all()  # no program keeps that


def test_steps_only_improve() -> None:
    """Each step is better than the one before, limits first; the end is a schedule that no step improves."""
    seen = []

    def score(chosen: Int64s) -> tuple[int, int]:
        seen.append((max(PROGRAM.rows[0].of(chosen) - 2, 0), PROGRAM.value(chosen)))
        return seen[-1]

    found, interrupted = improved(PROGRAM, START, score, math.inf)
    assert not interrupted
    assert score(found)[0] == 0
    assert score(found) == min(seen)
