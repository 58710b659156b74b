"""Confidence intervals of random days: in range, honest of few days, and held to simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import timegate as tg
from timegate.runs.intervals import difference_interval, mean_interval

DAY = {"start": "2026-03-02T00:00Z", "end": "2026-03-03T00:00Z"}
RNG = np.random.default_rng
CONFIG = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "acme/m"}])


@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=30),
    st.sampled_from([0.5, 0.9, 0.95, 0.999]),
    st.sampled_from([None, 1.0]),
)
def test_an_interval_stays_in_its_range_and_holds_the_mean(
    values: list[float], confidence: float, most: float | None
) -> None:
    """No share below 0 or above 1, no negative count, and a wider interval for more confidence."""
    array = np.array(values)
    low, high = mean_interval(array, confidence, most)
    slack = 1e-9 * array.mean()
    assert 0 <= low <= array.mean() + slack
    assert array.mean() - slack <= high <= (most or math.inf)
    wider = mean_interval(array, 0.9999, most)
    assert wider[0] <= low + 1e-9
    assert wider[1] >= high - 1e-9


def test_days_of_one_call_each_have_the_interval_of_clopper_and_pearson() -> None:
    """SciPy's exact interval of a binomial share, but for Student's quantile, which many days do without."""
    for hits in (0, 3, 500, 4_000, 5_000):
        values = np.repeat([1.0, 0.0], [hits, 5_000 - hits])
        exact = stats.binomtest(hits, 5_000).proportion_ci(0.9, method="exact")
        assert mean_interval(values, 0.9, 1) == pytest.approx(tuple(exact), rel=2e-3)


def test_counts_of_rare_events_have_the_interval_of_garwood() -> None:
    """The chi-squared interval of a Poisson mean, where the counts vary as Poisson's do."""
    values = RNG(1).poisson(0.2, 50_000).astype(float)
    total = values.sum()
    garwood = [stats.chi2.ppf(0.025, 2 * total) / 2e5 * 2, stats.chi2.ppf(0.975, 2 * total + 2) / 2e5 * 2]
    assert mean_interval(values, 0.95) == pytest.approx(garwood, rel=2e-3)


def test_many_days_have_the_interval_of_the_normal_law() -> None:
    """Where that fits, the three are the same."""
    values = RNG(2).normal(0.5, 0.05, 10_000)
    normal = (values.mean() - 1.959964 * values.std() / 100, values.mean() + 1.959964 * values.std() / 100)
    for low, high in (mean_interval(values, 0.95, 1), mean_interval(values, 0.95), difference_interval(values, 0.95)):
        assert (low, high) == pytest.approx(normal, rel=2e-4)


def test_what_never_happened_may_happen_in_one_of_a_third_of_the_days() -> None:
    """The rule of three, one-sided at 95 %, and its mirror."""
    zeros, ones = np.zeros(100), np.ones(100)
    assert mean_interval(zeros, 0.9, 1) == (0, pytest.approx(0.03, rel=0.02))
    assert mean_interval(ones, 0.9, 1) == (pytest.approx(0.97, rel=1e-3), 1)
    assert mean_interval(zeros, 0.9, worst=200) == (0, pytest.approx(6, rel=0.02))
    assert mean_interval(zeros, 0.9, size=10_000, worst=200)[1] < 0.1


def test_what_never_varies_is_known() -> None:
    """Figures that are the same in all replicas have an interval of no width."""
    assert mean_interval(np.full(7, 0.3), 0.95, 1) == pytest.approx((0.3, 0.3), abs=1e-12)
    assert mean_interval(np.full(7, 30.0), 0.95) == (30, 30)
    assert difference_interval(np.zeros(7), 0.95, 1) == (0, 0)
    assert all(map(math.isnan, [*mean_interval(np.ones(1), 0.95, 1), *difference_interval(np.empty(0), 0.95)]))


def rare(rng: np.random.Generator, days: int) -> np.ndarray:
    """Return the share of failed calls of days of which one in five has an outage."""
    return np.where(rng.random(days) < 0.2, rng.beta(2, 20, days), 0.0)


LAWS = {
    "few outages": (rare, 0.2 * 2 / 22, 1.0),
    "high availability": (lambda rng, days: 1 - rng.beta(1, 200, days), 200 / 201, 1.0),
    "one call a day": (lambda rng, days: rng.integers(0, 10, days) < 1, 0.1, 1.0),
    "few events": (lambda rng, days: rng.poisson(0.5, days), 0.5, None),
    "skewed times": (lambda rng, days: rng.exponential(3, days), 3.0, None),
    "many calls": (lambda rng, days: rng.poisson(10_000, days), 10_000, None),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("days", [5, 20, 100])
def test_coverage(law: str, days: int) -> None:
    """Of 400 intervals of 90 %, at least 335 hold the mean, even of few and skewed days."""
    draw, true, most = LAWS[law]
    rng = RNG(days)
    covered = 0
    for _ in range(400):
        low, high = mean_interval(np.asarray(draw(rng, days), float), 0.9, most)
        covered += low <= true <= high
    assert covered >= 335


def test_few_replicas_name_their_level_and_leave_no_range() -> None:
    """`failed` is never below 0, availability never above 1, whatever the level; the table names it."""
    scenario = tg.Scenario(faults=[tg.RandomOutages(target="a", mtbf_s=200_000, mttr_s=600, **DAY)])
    days = tg.monte_carlo(CONFIG, tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=500), scenario, replicas=20)
    for confidence in (0.5, 0.95, 0.999):
        table = days.summary(confidence)
        assert (table["ci_low"] >= 0).all()
        assert (table["confidence"] == confidence).all()
        assert table.loc[["availability", "share[a]"], "ci_high"].max() <= 1
    assert days.summary().loc["failed", "ci_low"] > 0
    assert days.days_vary
    assert "confidence" in repr(days)


def test_calls_without_a_fate_in_common_are_many_observations() -> None:
    """Where nothing ever fails and no outage is drawn, the interval is that of all calls, not of few days."""
    traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=500)
    days = tg.monte_carlo(CONFIG, traffic, replicas=5)
    assert 0.995 < days.summary().loc["availability", "ci_low"] < 1
    assert days.summary().loc["failed", "ci_high"] < 1
    outages = tg.Scenario(faults=[tg.RandomOutages(target="a", mtbf_s=1e12, mttr_s=1, **DAY)])
    rare_days = tg.monte_carlo(CONFIG, traffic, outages, replicas=5)
    assert rare_days.summary().loc["availability", "ci_low"] < 0.6
