"""The program that chooses windows, against all schedules there are."""

from __future__ import annotations

from itertools import groupby, product

import numpy as np
import numpy.typing as npt
import pytest

from timegate.optimize.program import Program, Row
from timegate.optimize.slots import members
from timegate.optimize.solver import solve

SIZES = [(2, 8), (3, 4), (4, 3), (2, 6)]  # deployments, slots


def random_program(rng: np.random.Generator, deployments: int, slots: int) -> Program:
    """Draw a program whose prices tie as often as not."""
    sets = 1 << deployments
    halves = slots % 2 == 0
    allowed = np.ones((slots, sets), bool)
    allowed[:, 0] = False
    if rng.random() < 0.3:
        allowed[:, 1:-1] &= rng.random((slots, sets - 2)) < 0.9
    failed = rng.integers(0, 6, (slots, sets))
    rows = [Row("failed", failed, int(rng.integers(slots, 4 * slots)))] if rng.random() < 0.7 else []
    if rng.random() < 0.2:
        rows.append(Row("latency_mean_s", rng.integers(-5, 6, (slots, sets)) * 10**9, int(rng.integers(-2, 3)) * 10**9))
    return Program(
        price=rng.integers(0, rng.choice([3, 50]), (slots, sets)),
        rows=tuple(rows),
        allowed=allowed,
        tie=np.arange(slots) % (slots // 2) if halves and rng.random() < 0.3 else np.arange(slots),
        per_day=slots // 2 if halves and rng.random() < 0.5 else slots,
        most_windows=int(rng.integers(0, 3)),
        shortest=int(rng.integers(1, 4)),
        window_price=int(rng.integers(0, 6)),
        known_closings=rng.random((slots, deployments)) < 0.2,
    )


def keeps_windows(holds: npt.NDArray[np.bool_], program: Program) -> bool:
    """Whether a schedule has no more windows a day than it may, and none too short, said plainly."""
    slots = len(holds)
    for column in holds.T.tolist():
        closes = [slot for slot in range(slots) if not column[slot] and column[slot - 1]]
        if not closes:
            continue
        days = [close // program.per_day for close in closes]
        if max(map(days.count, days)) > program.most_windows:
            return False
        turned = column[closes[0] :] + column[: closes[0]]
        if min(len(list(run)) for _, run in groupby(turned)) < program.shortest:
            return False
    return True


def best_of_all(program: Program) -> int | None:
    """Return the least value of any schedule, by trying each."""
    slots, sets = program.allowed.shape
    groups = int(program.tie.max()) + 1
    every = np.array(list(product(range(1, sets), repeat=groups)))[:, program.tie]
    at = np.arange(slots)
    every = every[program.allowed[at, every].all(axis=1)]
    for row in program.rows:
        every = every[row.each[at, every].sum(axis=1) <= row.most]
    holds = members(sets.bit_length() - 1)[every]
    new = ~holds & np.roll(holds, 1, axis=1) & ~program.known_closings
    values = program.price[at, every].sum(axis=1) + program.window_price * new.sum(axis=(1, 2))
    for number in np.argsort(values, kind="stable").tolist():
        if keeps_windows(holds[number], program):
            return int(values[number])
    return None


@pytest.mark.parametrize("seed", range(8))
def test_the_optimum_is_that_of_all_schedules(seed: int) -> None:
    """Of 25 random programs a seed, 200 in all, ties included: the same least value, and a bound that meets it."""
    rng = np.random.default_rng(seed)
    for case in range(25):
        program = random_program(rng, *SIZES[case % len(SIZES)])
        least, choice = best_of_all(program), solve(program)
        if least is None:
            assert choice.chosen is None
            assert choice.bound == np.inf
            continue
        assert choice.chosen is not None
        assert program.value(choice.chosen) == least
        assert choice.bound == pytest.approx(least, rel=1e-6, abs=1e-6)
        assert program.keeps_limits(choice.chosen)
        assert program.fits(choice.chosen)


def test_what_fits_is_what_is_said_plainly() -> None:
    """Random schedules fit if each day has no more windows than it may, none too short, and tied slots are alike."""
    rng = np.random.default_rng(9)
    seen = set()
    for _ in range(300):
        program = random_program(rng, 2, 8)
        chosen = rng.integers(1, 4, 8)
        if rng.random() < 0.5:
            chosen = chosen[program.tie]
        tied = all(len(set(chosen[program.tie == group])) == 1 for group in program.tie)
        allowed = program.allowed[np.arange(8), chosen].all()
        expected = tied and allowed and keeps_windows(members(2)[chosen], program)
        assert program.fits(chosen) == expected
        seen.add(expected)
    assert seen == {True, False}


def test_a_known_schedule_is_improved_or_kept() -> None:
    """A start does not change the optimum; without time for more, it is what is left."""
    rng = np.random.default_rng(1)
    program = random_program(rng, 2, 8)._replace(rows=(), most_windows=9, shortest=1)
    program.allowed[:, 3] = True
    known = np.full(8, 3)
    best = solve(program)
    assert best.chosen is not None
    assert program.value(known) > program.value(best.chosen)
    started = solve(program, known)
    assert started.chosen is not None
    assert program.value(started.chosen) == program.value(best.chosen)
    idle = solve(program, known, time_limit_s=0.0)
    assert idle.chosen is known
    assert idle.bound <= program.value(best.chosen) + 1e-6


def test_a_limit_that_the_solver_would_overstep_is_kept() -> None:
    """Limits in the billions are kept to the last unit, although HiGHS keeps them to a millionth."""
    each = np.array([[0, 10**12, 10**12 + 1, 10**12 + 1]] * 4)
    price = np.array([[0, 9, 1, 5]] * 4)
    program = Program(
        price, (Row("cost", each, 4 * 10**12 + 2),), each > 0, np.arange(4), 4, 4, 1, 0, np.zeros((4, 2), bool)
    )
    choice = solve(program)
    assert choice.chosen is not None
    assert program.keeps_limits(choice.chosen)
    assert program.value(choice.chosen) == 20


def test_a_slot_without_any_set_has_no_schedule() -> None:
    """If nothing is allowed in a slot, nothing is chosen."""
    program = random_program(np.random.default_rng(0), 2, 8)
    program.allowed[3] = False
    assert solve(program).chosen is None
