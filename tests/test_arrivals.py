from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import timegate as tg
from timegate.errors import InstantError, TimegateError, TraceError
from timegate.traffic import AZURE_2024_CODING_HOURLY

START = "2026-03-02T00:00Z"
MIDNIGHT = pd.Timestamp(START)


@pytest.fixture(scope="module")
def day() -> tg.Trace:
    return tg.generate_trace(START, 50_000, seed=1, preferences={"strong": 0.2, "weak": 0.25})


def chi_square(counts: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Return Pearson's statistic in standard deviations of its distribution: mean df, variance 2 df."""
    df = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - df) / math.sqrt(2 * df))


@settings(max_examples=50)
@given(
    calls=st.integers(1, 300),
    seed=st.integers(0, 2**64),
    rates=st.lists(st.floats(0, 1e6), min_size=1, max_size=9).filter(any),
    bin_s=st.floats(0.001, 1e5),
)
def test_gives_the_number_of_calls_asked_for(calls: int, seed: int, rates: list[float], bin_s: float) -> None:
    """Any profile gives exactly so many arrivals, in order, within its bins, and the same ones again."""
    trace = tg.generate_trace(START, calls, seed=seed, rates=rates, bin_s=bin_s)
    assert len(trace) == calls
    assert (np.diff(trace.at_us) >= 0).all()
    after_us = trace.at_us - MIDNIGHT.value // 1000
    assert after_us[0] >= 0
    assert after_us[-1] <= len(rates) * bin_s * 1e6
    assert tg.generate_trace(START, calls, seed=seed, rates=rates, bin_s=bin_s).fingerprint == trace.fingerprint


def test_seeds_differ() -> None:
    """Another seed gives another day; the start alone moves it."""
    one, other, later = (
        tg.generate_trace(start, 100, seed=seed) for start, seed in ((START, 1), (START, 2), ("2026-03-03T00:00Z", 1))
    )
    assert one.fingerprint != other.fingerprint
    assert (later.at_us - one.at_us == 86_400_000_000).all()


def test_counts_follow_the_rates(day: tg.Trace) -> None:
    """Counts by hour fit the published profile, by a chi-square test at five standard deviations."""
    counts = day.frame["at"].dt.hour.value_counts().sort_index().to_numpy()
    rates = np.array(AZURE_2024_CODING_HOURLY)
    assert len(counts) == len(rates) == 24
    assert chi_square(counts, 50_000 * rates / rates.sum()) < 5


def test_arrivals_are_uniform_within_a_bin(day: tg.Trace) -> None:
    """Within the hours, minutes are alike, by a chi-square test at five standard deviations."""
    counts = day.frame["at"].dt.minute.value_counts().sort_index().to_numpy()
    assert chi_square(counts, np.full(60, 50_000 / 60)) < 5


def test_a_rate_of_zero_gives_no_call() -> None:
    """A bin whose rate is 0 stays empty, and ``bin_s`` is its length."""
    at = tg.generate_trace(START, 1000, seed=1, rates=[0, 3, 0], bin_s=60).frame["at"]
    assert at.between(MIDNIGHT + pd.Timedelta("1min"), MIDNIGHT + pd.Timedelta("2min"), inclusive="left").all()


@pytest.mark.parametrize(("column", "median", "p90"), [("prompt_tokens", 1469, 5188), ("completion_tokens", 13, 55)])
def test_tokens_are_those_of_the_published_trace(day: tg.Trace, column: str, median: int, p90: int) -> None:
    """Median and 90th percentile lie within 5 % of the published ones, and one token for rounding up."""
    tokens = day.frame[column]
    assert tokens.min() >= 1
    assert tokens.median() == pytest.approx(median, rel=0.05, abs=1)
    assert tokens.quantile(0.9) == pytest.approx(p90, rel=0.05, abs=1)


def test_preferences_have_their_shares(day: tg.Trace) -> None:
    """Each preference has its share within five standard deviations of the binomial; the rest prefer nobody."""
    shares = day.frame["model_preference"].astype(object).fillna("").value_counts(normalize=True)
    for name, share in {"strong": 0.2, "weak": 0.25, "": 0.55}.items():
        assert abs(shares[name] - share) < 5 * math.sqrt(share * (1 - share) / 50_000)


def test_shares_may_sum_to_one() -> None:
    """Shares that sum to 1 leave nobody without a preference."""
    trace = tg.generate_trace(START, 500, seed=1, preferences={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert (trace.preferred >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"calls": 0}, "calls must be at least 1. Got 0."),
        ({"calls": -5}, "calls must be at least 1. Got -5."),
        ({"calls": 1.5}, "calls must be"),
        ({"calls": "5"}, "calls must be"),
        ({"calls": None}, "calls must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": "x"}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"rates": []}, "rates must be a list of finite numbers, none below 0. Got []."),
        ({"rates": [1, -1]}, "rates must be a list of finite numbers, none below 0. Got [1, -1]."),
        ({"rates": [math.nan]}, "rates must be a list of finite numbers"),
        ({"rates": [math.inf]}, "rates must be a list of finite numbers"),
        ({"rates": [[1, 2]]}, "rates must be a list of finite numbers"),
        ({"rates": [[1], [1, 2]]}, "rates must be a list of finite numbers"),
        ({"rates": ["x"]}, "rates must be a list of finite numbers"),
        ({"rates": [1e308, 1e308]}, "rates must"),
        ({"rates": [0, 0]}, "rates must not all be 0."),
        ({"bin_s": 0}, "bin_s must be a number of seconds above 0. Got 0."),
        ({"bin_s": math.nan}, "bin_s must be a number of seconds above 0. Got nan."),
        ({"bin_s": math.inf}, "bin_s must be a number of seconds above 0. Got inf."),
        ({"bin_s": "60"}, "bin_s must be a number of seconds above 0. Got '60'."),
        ({"bin_s": 1e15}, ""),
        ({"preferences": {"a": 0.6, "b": 0.6}}, "preferences must be shares between 0 and 1 that sum to at most 1."),
        ({"preferences": {"a": -0.1}}, "preferences must be shares between 0 and 1"),
        ({"preferences": {"a": math.nan}}, "preferences must be shares between 0 and 1"),
        ({"preferences": {"a": "x"}}, "preferences must be shares between 0 and 1"),
        ({"preferences": ["a"]}, "preferences must be"),
    ],
)
def test_bad_parameters_are_named(arguments: dict[str, Any], message: str) -> None:
    """Each parameter out of its range is one error of ours that begins with its name."""
    with pytest.raises(TimegateError) as caught:
        tg.generate_trace(START, **({"calls": 10, "seed": 1} | arguments))
    assert str(caught.value).startswith(message)


def test_the_start_needs_a_zone() -> None:
    """A naive start is an error that names it; one that leads beyond 2199 is an error too."""
    with pytest.raises(InstantError, match=r"^start must carry a zone"):
        tg.generate_trace("2026-03-02", 10, seed=1)
    with pytest.raises(TraceError, match="must lie in the years 1900 to 2199"):
        tg.generate_trace("2199-12-31T23:59Z", 10, seed=1)
