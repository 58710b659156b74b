"""Multipliers and the dynamic program over slots: a bound that holds, and the schedule that it is of."""

from __future__ import annotations

import time
from itertools import groupby

import numpy as np
import pytest
from test_program import SIZES, best_of_all, random_program

from timegate.optimize.lagrange import Relaxation
from timegate.optimize.program import Program, Row
from timegate.optimize.slots import members


def untied(rng: np.random.Generator, deployments: int, slots: int) -> Program:
    program = random_program(rng, deployments, slots)
    return program._replace(tie=np.arange(slots))


@pytest.mark.parametrize("seed", range(40))
def test_no_schedule_is_below_the_bound(seed: int) -> None:
    """Whatever the prices of limits, and in both kinds of pass, the best of all schedules costs no less."""
    rng = np.random.default_rng(seed)
    program = untied(rng, *SIZES[seed % len(SIZES)])
    best = best_of_all(program)
    if best is None:
        return
    relaxation = Relaxation(program, rng.uniform(0, 5, len(program.rows)).tolist())
    for rough in (True, False):
        relaxation.tighten(float(best), time.monotonic() + 60, 15, rough)
        assert relaxation.bound <= best + 1e-6
    assert relaxation.found


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_that_of_its_schedule(seed: int) -> None:
    """The schedule costs what the pass says, each part said plainly, and no window within the period is too short."""
    rng = np.random.default_rng(seed)
    program = untied(rng, *SIZES[seed % len(SIZES)])
    prices = rng.uniform(0, 5, len(program.rows))
    relaxation = Relaxation(program, prices.tolist())
    relaxation._of_days = rng.uniform(0, 3, relaxation._of_days.shape)
    bound, chosen = relaxation._passed(program.shortest)
    slots, deployments = len(chosen), len(program.known_closings[0])
    holds = members(deployments)[chosen]
    value = float(program.price[np.arange(slots), chosen].sum())
    for price, row in zip(prices, program.rows, strict=True):
        value += price * (row.of(chosen) - row.most)
    for slot in range(1, slots):
        for deployment in range(deployments):
            if holds[slot - 1, deployment] and not holds[slot, deployment]:
                new = not program.known_closings[slot, deployment]
                value += new * program.window_price + relaxation._of_days[slot // program.per_day, deployment]
    value -= program.most_windows * relaxation._of_days.sum()
    assert bound == pytest.approx(value, rel=1e-12, abs=1e-6)
    assert program.allowed[np.arange(slots), chosen].all()
    for column in holds.T.tolist():
        lengths = [len(list(run)) for _, run in groupby(column)]
        assert min([program.shortest, *lengths[1:-1]]) == program.shortest


def test_prices_come_to_the_best_bound() -> None:
    """A limit that a half of the slots may break: at its price, the bound is what the best schedule costs."""
    price = np.tile(np.array([[90, 10, 20, 20]]), (12, 1))
    failed = np.tile(np.array([[9, 1, 0, 0]]), (12, 1))
    program = Program(
        price, (Row("failed", failed, 6),), np.tile([False, True, True, True], (12, 1)), np.arange(12), 12, 3, 1, 0,
        np.zeros((12, 2), bool),
    )  # fmt: skip
    relaxation = Relaxation(program, [0.0])
    relaxation.tighten(180.0, time.monotonic() + 60, 60, rough=False)
    assert relaxation.bound == pytest.approx(180.0, rel=0.01)
    assert relaxation.bound <= 180.0
