"""Traffic at another load."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import timegate as tg
from timegate.errors import TraceError
from timegate.traffic import AZURE_2023_CODING_TOKENS
from timegate.traffic.scaling import scaled

TRACE = tg.PoissonTraffic(
    start="2026-03-02T00:00Z", calls=20_000, preferences={"weak": 0.3}, **AZURE_2023_CODING_TOKENS
).trace(1)


def test_one_is_the_trace_itself() -> None:
    """A load of 1 changes nothing."""
    assert scaled(TRACE, 1).fingerprint == TRACE.fingerprint


@pytest.mark.parametrize("load", [0.25, 0.5, 1.5, 3.0, 7.3])
def test_calls_are_so_many_and_keep_their_rhythm(load: float) -> None:
    """There are ``load`` times as many calls, within 5 standard errors, in each quarter of the day as well."""
    made = scaled(TRACE, load, seed=3)
    edges = np.linspace(TRACE.at_us[0], TRACE.at_us[-1] + 1, 5)
    for before, after in zip(np.histogram(TRACE.at_us, edges)[0], np.histogram(made.at_us, edges)[0], strict=True):
        assert abs(after - load * before) < 5 * np.sqrt(before * 0.25) + load
    assert made.span_us[0] >= TRACE.span_us[0]
    assert made.span_us[1] <= TRACE.span_us[1]
    assert (made.preferred >= 0).mean() == pytest.approx((TRACE.preferred >= 0).mean(), abs=0.02)


def test_loads_are_nested_and_seeded() -> None:
    """The calls of a lower load are among those of a higher one; another seed gives others."""
    sets = [set(scaled(TRACE, load, 5).at_us.tolist()) for load in (0.3, 0.6, 1, 1.4, 2.2)]
    assert all(low <= high for low, high in pairwise(sets))
    assert scaled(TRACE, 0.5, 5).fingerprint == scaled(TRACE, 0.5, 5).fingerprint
    assert scaled(TRACE, 0.5, 5).fingerprint != scaled(TRACE, 0.5, 6).fingerprint


@pytest.mark.parametrize("load", [0, -1, float("nan"), float("inf"), 1001, True, "2"])
def test_loads_that_are_none_are_refused(load: object) -> None:
    """The error says what must hold, and what was given."""
    with pytest.raises(TraceError, match="load must be a number above 0, at most 1,000"):
        scaled(TRACE, load)  # type: ignore[arg-type]


def test_a_load_that_leaves_nothing_is_refused() -> None:
    """A trace needs a call."""
    with pytest.raises(TraceError, match="leaves none of the 1 calls"):
        scaled(tg.Trace(["2026-03-02T09:00Z"]), 1e-9)
