from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.errors import TimegateError, TraceError
from timegate.traffic import AZURE_2023_CODING_TOKENS, AZURE_2024_CODING_HOURLY

START = "2026-03-02T00:00Z"
MIDNIGHT = pd.Timestamp(START)


def generated(calls: float, seed: int = 1, **fields: Any) -> tg.Trace:
    """Return a plain day, as newcomers generate it."""
    return tg.PoissonTraffic(start=START, calls=calls, **fields).trace(seed)


@pytest.fixture(scope="module")
def day() -> tg.Trace:
    return generated(50_000, preferences={"strong": 0.2, "weak": 0.25}, **AZURE_2023_CODING_TOKENS)


def chi_square(counts: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> float:
    """Return Pearson's statistic in standard deviations of its distribution: mean df, variance 2 df."""
    df = len(counts) - 1
    return float((((counts - expected) ** 2 / expected).sum() - df) / math.sqrt(2 * df))


@examples(50)
@given(
    calls=st.integers(50, 300),
    seed=st.integers(0, 2**64),
    rates=st.lists(st.floats(0, 1e6), min_size=1, max_size=9).filter(any),
    bin_s=st.floats(0.001, 1e5),
)
def test_gives_about_the_number_of_calls_asked_for(calls: int, seed: int, rates: list[float], bin_s: float) -> None:
    """Any profile gives about so many arrivals, in order, within its bins, and the same ones again."""
    trace = generated(calls, seed, rates=rates, bin_s=bin_s)
    assert abs(len(trace) - calls) < 7 * math.sqrt(calls)
    assert (np.diff(trace.at_us) >= 0).all()
    after_us = trace.at_us - MIDNIGHT.value // 1000
    assert after_us[0] >= 0
    assert after_us[-1] <= len(rates) * bin_s * 1e6
    assert generated(calls, seed, rates=rates, bin_s=bin_s).fingerprint == trace.fingerprint


def test_seeds_differ() -> None:
    """Another seed gives another day; the start alone moves it."""
    one, other = generated(100, 1), generated(100, 2)
    later = tg.PoissonTraffic(start="2026-03-03T00:00Z", calls=100).trace(1)
    assert one.fingerprint != other.fingerprint
    assert (later.at_us - one.at_us == 86_400_000_000).all()


def test_counts_follow_the_rates(day: tg.Trace) -> None:
    """Counts by hour fit the published profile, by a chi-square test at five standard deviations."""
    counts = day.frame["at"].dt.hour.value_counts().sort_index().to_numpy()
    rates = np.array(AZURE_2024_CODING_HOURLY)
    assert len(counts) == len(rates) == 24
    assert chi_square(counts, len(day) * rates / rates.sum()) < 5


def test_arrivals_are_uniform_within_a_bin(day: tg.Trace) -> None:
    """Within the hours, minutes are alike, by a chi-square test at five standard deviations."""
    counts = day.frame["at"].dt.minute.value_counts().sort_index().to_numpy()
    assert chi_square(counts, np.full(60, len(day) / 60)) < 5


def test_a_rate_of_zero_gives_no_call() -> None:
    """A bin whose rate is 0 stays empty, and ``bin_s`` is its length."""
    at = generated(1000, rates=[0, 3, 0], bin_s=60).frame["at"]
    assert at.between(MIDNIGHT + pd.Timedelta("1min"), MIDNIGHT + pd.Timedelta("2min"), inclusive="left").all()


@pytest.mark.parametrize(("column", "median", "p90"), [("prompt_tokens", 1469, 5188), ("completion_tokens", 13, 55)])
def test_tokens_are_those_of_the_published_trace(day: tg.Trace, column: str, median: int, p90: int) -> None:
    """Median and 90th percentile lie within 5 % of the published ones, and one token for rounding."""
    tokens = day.frame[column]
    assert tokens.min() >= 1
    assert tokens.median() == pytest.approx(median, rel=0.05, abs=1)
    assert tokens.quantile(0.9) == pytest.approx(p90, rel=0.05, abs=1)


def test_preferences_have_their_shares(day: tg.Trace) -> None:
    """Each preference has its share within five standard deviations of the binomial; the rest prefer nobody."""
    shares = day.frame["model_preference"].astype(object).fillna("").value_counts(normalize=True)
    for name, share in {"strong": 0.2, "weak": 0.25, "": 0.55}.items():
        assert abs(shares[name] - share) < 5 * math.sqrt(share * (1 - share) / len(day))


def test_shares_may_sum_to_one() -> None:
    """Shares that sum to 1 leave nobody without a preference."""
    trace = generated(500, preferences={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert (trace.preferred >= 0).all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"calls": None}, "calls must be"),
        ({"rates": [[1, 2]]}, "rates[0] must be"),
        ({"rates": ["x"]}, "rates[0] must be a valid number. Got 'x'."),
        ({"rates": [1e308, 1e308]}, "rates[0] must be"),
        ({"bin_s": math.inf}, "bin_s must be"),
        ({"bin_s": "60"}, "bin_s must be a valid number. Got '60'."),
        ({"bin_s": 1e15}, "bin_s must keep the profile within the years 1900 to 2199."),
        ({"preferences": {"a": math.nan}}, "preferences.a must be"),
        ({"preferences": {"a": "x"}}, "preferences.a must be a valid number. Got 'x'."),
        ({"preferences": ["a"]}, "preferences must be a mapping"),
    ],
)
def test_bad_parameters_are_named(fields: dict[str, Any], message: str) -> None:
    """Each parameter out of its range is one error of ours that begins with its name."""
    with pytest.raises(TimegateError) as caught:
        generated(**{"calls": 10} | fields)
    assert str(caught.value).startswith(message)


def test_the_start_needs_a_zone() -> None:
    """A naive start is an error that names it; one that leads beyond 2199 is an error too."""
    with pytest.raises(TraceError, match=r"^start must carry a zone"):
        tg.PoissonTraffic(start="2026-03-02", calls=10)
    with pytest.raises(TraceError, match="must keep the profile within the years 1900 to 2199"):
        tg.PoissonTraffic(start="2199-12-31T23:59Z", calls=10)


def test_decimals_where_milliseconds_are_whole(tmp_path: Path) -> None:
    """Tools that borrow Mooncake's keys and write seconds are not read as milliseconds in silence."""
    path = tmp_path / "trace.jsonl"
    rows = [{"timestamp": at, "input_length": 10, "output_length": 5, "hash_ids": [0]} for at in (0.0, 0.2, 72.0)]
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(TraceError, match="timestamp holds decimals close to each other"):
        tg.read_trace(path, origin="2026-03-02T00:00Z")
    for unit, length_s in (("s", 72), ("ms", 0.072)):
        trace = tg.read_trace(path, origin="2026-03-02T00:00Z", unit=unit)
        assert (trace.end - trace.start).total_seconds() == length_s
    path.write_text(path.read_text().replace("0.2", "2.0"))
    assert len(tg.read_trace(path, origin="2026-03-02T00:00Z")) == 3
    rows = [{"timestamp": at, "input_length": 1, "output_length": 2, "type": "text", "turn": 1} for at in (0.5, 7200.0)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert tg.read_trace(path, origin="2026-03-02T00:00Z").end == pd.Timestamp("2026-03-02T02:00Z")
