"""How much is more than chance: published figures, other packages, and closed forms."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from timegate.errors import ReplayError
from timegate.optimize.evidence import block_interval, block_length, deflated_ratio, expected_best, overfitting


def test_the_published_example() -> None:
    """Bailey and López de Prado (2014), their worked example: 100 trials, five years of days, a ratio of 2.5 a year.

    Published: a benchmark of 0.1132 a day, and a deflated ratio of 0.9004.
    """
    benchmark = expected_best(0.5 / 250, 100)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    deflated = deflated_ratio(2.5 / math.sqrt(250), benchmark, 1250, skewness=-3, kurtosis=10)
    assert deflated == pytest.approx(0.9004, abs=5e-5)
    assert expected_best(1.0, 1) == 0.0
    assert deflated_ratio(0.1, 0.1, 50) == 0.5


def test_the_expected_best_is_that_of_draws() -> None:
    """The best of 30 normal draws, on average of 20,000, within a hundredth: what the approximation is good for."""
    best = np.random.default_rng(0).standard_normal((20_000, 30)).max(axis=1).mean()
    assert expected_best(1.0, 30) == pytest.approx(best, abs=0.03)


def test_overfitting_is_that_of_every_half() -> None:
    """Counted half by half, as the paper says it, on random gains, with ties."""
    rng = np.random.default_rng(0)
    for periods, choices in ((16, 3), (23, 4), (40, 2)):
        gains = rng.integers(-2, 3, (periods, choices)).astype(float)
        parts = np.array_split(np.arange(periods), 6)
        poor = []
        for half in combinations(range(6), 3):
            inside = np.concatenate([parts[i] for i in half])
            outside = np.concatenate([parts[i] for i in range(6) if i not in half])
            best = gains[inside].mean(axis=0).argmax()
            rank = stats.rankdata(gains[outside].sum(axis=0))[best] / (choices + 1)
            poor.append(math.log(rank / (1 - rank)) <= 0)
        assert overfitting(gains, 6) == np.mean(poor)


def test_overfitting_of_noise_and_of_merit() -> None:
    """About a half for noise, none for a choice that is always better, all for one that turns."""
    rng = np.random.default_rng(1)
    noise = [overfitting(rng.standard_normal((64, 5))) for _ in range(20)]
    assert 0.3 < np.mean(noise) < 0.7
    better = rng.standard_normal((64, 5)) + np.array([0, 0, 3, 0, 0])
    assert overfitting(better) == 0.0
    same = np.ones((64, 3))
    assert overfitting(same) == 1.0  # nobody comes out above the median


@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_intervals_cover(correlation: float) -> None:
    """Of 56 days, 28 days and 14 days, intervals of 95 % miss the mean of noise in some 5 %, correlated or not.

    A test at one end claims a gain in 2.5 %; of 400 series at most 5 %.
    """
    rng = np.random.default_rng(2)
    for days in (56, 28, 14):
        noise = rng.standard_normal((400, days + 20))
        for day in range(1, days + 20):
            noise[:, day] += correlation * noise[:, day - 1]
        claims = np.mean([block_interval(series[20:])[0] > 0 for series in noise])
        assert claims <= (0.05 if correlation == 0 else 0.09), days


def test_intervals_shrink_with_the_series_and_need_three_blocks() -> None:
    rng = np.random.default_rng(3)
    widths = [float(np.diff(block_interval(rng.standard_normal(days)))[0]) for days in (30, 300, 3000)]
    assert widths[0] > widths[1] > widths[2]
    assert widths[2] == pytest.approx(2 * 1.96 / math.sqrt(3000), rel=0.15)
    assert block_interval([1.0, 2.0]) == (-math.inf, math.inf)
    assert block_interval(np.ones(10), block=5) == (-math.inf, math.inf)
    assert block_interval(np.ones(30)) == (1.0, 1.0)
    assert [block_length(n) for n in (1, 7, 28, 365)] == [1, 2, 3, 7]


def test_the_bootstrap_is_that_of_arch() -> None:
    """Before it is spread for few blocks, the interval is the one that the package arch finds, but for its draws."""
    arch = pytest.importorskip("arch.bootstrap")
    rng = np.random.default_rng(4)
    series = rng.standard_normal(400).cumsum() * 0.05 + rng.standard_normal(400)
    theirs = arch.MovingBlockBootstrap(8, series, seed=0).conf_int(np.mean, 4000, method="percentile").ravel()
    low, high = block_interval(series, 8)
    few = stats.t.ppf(0.975, 49) / stats.norm.ppf(0.975) * math.sqrt(50 / 49)
    assert (high - low) / few == pytest.approx(theirs[1] - theirs[0], rel=0.06)


def test_bad_input() -> None:
    for gains in (np.ones((20, 1)), np.ones((7, 3)), np.ones(20)):
        with pytest.raises(ReplayError, match="two choices and eight periods"):
            overfitting(gains)
