"""The stepped engine: its two ways through a trace, and the columns that it makes of calls as they end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import timegate as tg
from tests.strategies import Case, cases, examples
from timegate.core.columns import NOBODY, OUTCOMES
from timegate.engines.ledger import columns_of


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@examples(50, suppress_health_check=list(HealthCheck))
@given(case=st.sampled_from(["none", "own"]).flatmap(lambda policy: cases(latencies=True, policy=policy, max_size=60)))
def test_one_by_one_and_by_events(case: Case) -> None:
    """Calls that share nothing fare alike with a capacity that is never full, for which they are taken by events."""
    wide = tg.Capacity(target=case.config.deployments[0].model_name, concurrent=10**9, name="never full")
    shared = case.scenario.model_copy(update={"faults": [*case.scenario.faults, wide]})
    alone, by_events = (tg.replay(case.config, case.trace, each, engine="stepped") for each in (case.scenario, shared))
    for name in ("calls", "attempts", "skips", "cooldowns"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(by_events, name), check_exact=True)


def test_columns_of_calls_in_any_order() -> None:
    """Calls stand by number, however they ended; attempts by call, as each made them."""
    ends = [
        # number, attempts, who served, first choice, open, latency
        (2, 2, 1, 0, 2, 70),
        (0, 1, 0, 0, 2, 5),
        (3, 0, NOBODY, 0, 0, 0),
        (1, 1, NOBODY, 0, 1, 9),
        (4, 0, NOBODY, 0, 2, 0),
    ]
    made = [
        # deployment, pause, start, end, outcome
        (0, 0, 100, 130, 3),
        (1, 10, 140, 170, 0),
        (0, 0, 90, 95, 0),
        (0, 0, 95, 104, 1),
    ]
    calls, attempts = columns_of(np.array(ends), np.array(made), keeps_first=True)
    assert calls.served_by.tolist() == [0, NOBODY, 1, NOBODY, NOBODY]
    assert [OUTCOMES[code] for code in calls.outcome] == ["first_choice", "failed", "fallback", "blocked", "shed"]
    assert calls.attempts.tolist() == [1, 1, 2, 0, 0]
    assert calls.latency_us.tolist() == [5, 9, 70, 0, 0]
    assert calls.first_choice.tolist() == [0] * 5
    rows = [column.tolist() for column in attempts]
    assert list(zip(*rows, strict=True)) == [
        (0, 1, 0, 0, 90, 0, 5),
        (1, 1, 0, 0, 95, 1, 9),
        (2, 1, 0, 0, 100, 3, 30),
        (2, 2, 1, 10, 140, 0, 30),
    ]
