"""The generators: held to the distributions of scipy, to exact arithmetic, and to themselves in other parts.

Seeds are fixed, so no test fails by chance. Tests of distributions reject at a significance of 0.001; what is
compared with an expectation lies within five standard deviations.
"""

from __future__ import annotations

import hashlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats
from strategies import examples

import timegate as tg
from timegate.errors import InstantError, ReplayError, TimegateError, TimegateWarning, TraceError
from timegate.traffic import AZURE_2024_CODING_HOURLY, Tokens, Traffic
from timegate.traffic.process import weibull_shape

START = "2026-03-02T00:00Z"
ALPHA = 0.001
SLOW = {"start": START, "bin_s": 30 * 86_400.0}  # long gaps: whole microseconds do not show
TOKENS = {"prompt_tokens": {"median": 1469, "p90": 5188}, "completion_tokens": {"median": 13, "p90": 55}}
BURSTY = [(cv, name) for cv in (0.3, 0.8, 2.0) for name in ("gamma", "weibull")]
KINDS: dict[str, tuple[type[Traffic], dict[str, Any]]] = {
    "poisson": (tg.PoissonTraffic, {}),
    "even": (tg.EvenTraffic, {}),
    "gamma": (tg.RenewalTraffic, {"cv": 3.0}),
    "regular gamma": (tg.RenewalTraffic, {"cv": 0.4}),
    "weibull": (tg.RenewalTraffic, {"cv": 3.0, "distribution": "weibull"}),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, **fields: Any) -> Traffic:
    traffic, own = KINDS[kind]
    return traffic(**own | {"start": START} | fields)


def operational(traffic: Traffic, at_us: Any) -> Any:
    """Return arrivals on the clock that goes as fast as the rate."""
    return np.interp(at_us, traffic.edges_us, traffic.expected)


def frozen(cv: float, name: str) -> Any:
    """Return scipy's distribution with mean 1."""
    if name == "gamma":
        return stats.gamma(a=cv**-2, scale=cv**2)
    shape = weibull_shape(cv)
    return stats.weibull_min(c=shape, scale=1 / special.gamma(1 + 1 / shape))


def counts(traffic: Traffic, seed: int) -> Any:
    return np.histogram(traffic.trace(seed).at_us, traffic.edges_us)[0]


@pytest.mark.parametrize("cv", [0.01, 0.3, 1.0, 4.0, 100.0])
def test_the_shape_has_the_cv(cv: float) -> None:
    """Gamma and Weibull have mean 1 and the cv asked for, says scipy."""
    for name in ("gamma", "weibull"):
        gaps = tg.RenewalTraffic(start=START, calls=1, cv=cv, distribution=name).gaps
        found = stats.gamma if name == "gamma" else stats.weibull_min
        mean, variance = found(gaps.shape, scale=gaps.scale).stats("mv")
        assert mean == pytest.approx(1)
        assert math.sqrt(variance) == pytest.approx(cv)


@pytest.mark.parametrize("rates", [[1.0], AZURE_2024_CODING_HOURLY])
def test_gaps_of_poisson_traffic_are_exponential(rates: Any) -> None:
    """By Kolmogorov-Smirnov, in operational time: at a constant rate, and at one that varies eightfold."""
    traffic = tg.PoissonTraffic(**SLOW, calls=20_000, rates=rates)
    gaps = np.diff(operational(traffic, traffic.trace(1).at_us))
    assert len(gaps) > 19_000
    assert stats.kstest(gaps, "expon").pvalue > ALPHA


@pytest.mark.parametrize("rates", [[1.0], AZURE_2024_CODING_HOURLY])
@pytest.mark.parametrize(("cv", "name"), BURSTY)
def test_gaps_of_renewal_traffic_are_gamma_or_weibull(cv: float, name: str, rates: Any) -> None:
    """By Kolmogorov-Smirnov, in operational time; the other distribution with the same cv is rejected."""
    traffic = tg.RenewalTraffic(**SLOW, calls=20_000, rates=rates, cv=cv, distribution=name)
    gaps = np.diff(operational(traffic, traffic.trace(2).at_us))
    assert len(gaps) > 15_000
    assert stats.kstest(gaps, frozen(cv, name).cdf).pvalue > ALPHA
    if cv != 0.8:  # there the two are too much alike
        other = {"gamma": "weibull", "weibull": "gamma"}[name]
        assert stats.kstest(gaps, frozen(cv, other).cdf).pvalue < ALPHA


@pytest.mark.parametrize("cv", [0.99, 1.2])
def test_gamma_gaps_are_right_in_detail(cv: float) -> None:
    """Half a million of them, over which draws that should have been rejected would show; shape above and below 1."""
    traffic = tg.RenewalTraffic(start="1900-01-01T00:00Z", bin_s=9e9, calls=500_000, rates=[1.0], cv=cv)
    gaps = np.diff(operational(traffic, traffic.trace(6).at_us))
    assert stats.kstest(gaps, frozen(cv, "gamma").cdf).pvalue > ALPHA


@pytest.mark.parametrize(("cv", "name"), BURSTY)
def test_gaps_do_not_depend_on_each_other(cv: float, name: str) -> None:
    """The rank correlation of a gap with the next is within five standard deviations of none."""
    traffic = tg.RenewalTraffic(**SLOW, calls=20_000, cv=cv, distribution=name)
    gaps = np.diff(operational(traffic, traffic.trace(5).at_us))
    assert abs(stats.spearmanr(gaps[:-1], gaps[1:]).statistic) < 5 / math.sqrt(len(gaps))


@pytest.mark.parametrize(("cv", "name"), BURSTY)
def test_the_first_call_comes_as_from_a_process_that_always_ran(cv: float, name: str) -> None:
    """Its time has the equilibrium distribution, the integral of the survival function, over 2,000 seeds."""
    traffic = tg.RenewalTraffic(**SLOW, calls=50, rates=[1.0], cv=cv, distribution=name)
    first = [operational(traffic, next(traffic.chunks(seed, size=1)).at_us[0]) for seed in range(2_000)]
    gap = frozen(cv, name)

    def equilibrium(x: Any) -> Any:
        if name == "gamma":
            return x * gap.sf(x) + stats.gamma(a=cv**-2 + 1, scale=cv**2).cdf(x)
        shape = weibull_shape(cv)
        return special.gammainc(1 / shape, (x * special.gamma(1 + 1 / shape)) ** shape)

    assert stats.kstest(first, equilibrium).pvalue > ALPHA


@pytest.mark.parametrize("name", ["gamma", "weibull"])
def test_rates_are_those_of_the_profile_from_the_start(name: str) -> None:
    """Bursts add no calls to the first bins: means over 2,000 seeds are as expected; a bin without rate is empty."""
    rates = [1, 3, 0, 4, 2]
    traffic = tg.RenewalTraffic(start=START, calls=100, rates=rates, cv=5, distribution=name)
    found = np.array([np.histogram([c.at_us for c in traffic.chunks(s)], traffic.edges_us)[0] for s in range(2_000)])
    expected = 10.0 * np.array(rates)
    margin = 5 * found.std(axis=0) / math.sqrt(len(found))
    assert (abs(found.mean(axis=0) - expected) <= margin).all()
    assert (found[:, 2] == 0).all()


def test_counts_of_poisson_traffic_fit_the_rates() -> None:
    """Counts in the hours of a month fit the profile by a chi-square test."""
    traffic = tg.PoissonTraffic(start=START, calls=1e6, rates=AZURE_2024_CODING_HOURLY * 31)
    expected = np.diff(traffic.expected)
    found = counts(traffic, 3)
    statistic = ((found - expected) ** 2 / expected).sum()  # counts are independent, and their sum is free
    assert ALPHA < stats.chi2(len(expected)).sf(statistic) < 1 - ALPHA


def test_counts_of_poisson_traffic_are_dispersed_as_poisson() -> None:
    """The index of dispersion of 10,000 counts, times their number, is a chi-square; half an hour tells nothing."""
    traffic = tg.PoissonTraffic(start=START, calls=200_000, rates=[1.0] * 10_000, bin_s=60)
    found = counts(traffic, 4)
    index = found.var(ddof=1) / found.mean()
    assert ALPHA < stats.chi2(len(found) - 1).sf(index * (len(found) - 1)) < 1 - ALPHA
    assert abs(np.corrcoef(found[:-1], found[1:])[0, 1]) < 5 / math.sqrt(len(found))


@pytest.mark.parametrize(
    ("cv", "name"), [(0.5, "gamma"), (2.0, "gamma"), (4.0, "gamma"), (0.5, "weibull"), (3.0, "weibull")]
)
def test_counts_of_renewal_traffic_are_dispersed_by_the_square_of_cv(cv: float, name: str) -> None:
    """Counts in long bins have a variance of cv**2 times their mean, as renewal theory says."""
    traffic = tg.RenewalTraffic(start=START, calls=2e6, rates=[1.0] * 2_000, cv=cv, distribution=name)
    found = counts(traffic, 5)
    assert found.var() / found.mean() == pytest.approx(cv**2, rel=5 * math.sqrt(2 / 2_000))


def test_even_calls_are_where_exact_arithmetic_puts_them() -> None:
    """Each call is where the rates put it, to a microsecond, by fractions; there are as many as asked for."""
    rates = [7, 0, 1, 12, 3]
    traffic = tg.EvenTraffic(start=START, calls=1000, rates=rates, bin_s=600)
    at_us = traffic.trace(0).at_us - traffic.edges_us[0]
    before = np.cumsum([0, *rates])
    for number, found in enumerate(at_us.tolist()):
        share = Fraction(number * 23, 1000)
        bin_ = int(np.searchsorted(before, float(share), side="right")) - 1
        exact = (bin_ + (share - int(before[bin_])) / rates[bin_]) * 600_000_000
        assert abs(found - exact) <= 1
    assert len(at_us) == 1000


@pytest.mark.parametrize(("calls", "count"), [(86_400, 86_400), (24, 24), (0.5, 1), (4.5, 5)])
def test_even_calls_at_one_rate_are_a_clock(calls: float, count: int) -> None:
    """One a second, or an hour, from the start: to the microsecond; a part of a call counts."""
    traffic = tg.EvenTraffic(start=START, calls=calls, rates=[1.0] * 24)
    at_us = traffic.trace(0).at_us
    assert at_us[0] == traffic.edges_us[0]
    assert len(at_us) == count
    assert (np.diff(at_us) == 86_400e6 / calls).all()


@pytest.mark.parametrize("bins", [10, 49, 107, 1440])
def test_even_calls_at_a_varying_rate_keep_to_the_edges(bins: int) -> None:
    """With a whole number of calls in each bin, the first of each comes at its edge, to the microsecond."""
    rates = [float(1 + number % 3) for number in range(bins)]
    traffic = tg.EvenTraffic(start=START, calls=sum(rates), rates=rates, bin_s=60)
    assert np.isin(traffic.edges_us[:-1], traffic.trace(0).at_us).all()
    assert traffic.expected.tolist() == np.cumsum([0, *rates]).tolist()


processes = st.builds(
    lambda kind, fields: make(kind, **fields),
    st.sampled_from(sorted(KINDS)),
    st.fixed_dictionaries(
        {
            "calls": st.floats(0.01, 300),
            "rates": st.lists(st.floats(0, 1e6), min_size=1, max_size=9).filter(lambda rates: sum(rates) > 0),
            "bin_s": st.floats(1e-6, 1e5),
            "preferences": st.sampled_from([{}, {"a": 0.3, "b": 0.7}, {"a": 0.1}]),
        },
        optional={name: st.just(value) for name, value in TOKENS.items()},
    ),
)


@examples(150)
@given(traffic=processes, seed=st.integers(0, 2**64), size=st.integers(1, 50))
def test_parts_of_any_size_are_the_whole(traffic: Traffic, seed: int, size: int) -> None:
    """The same seed gives the same calls in parts of any size: in order, in the profile, none in a bin of rate 0."""
    chunks = list(traffic.chunks(seed, size))
    assert all(len(chunk) == size for chunk in chunks[:-1])
    if not chunks:
        with pytest.raises(TraceError, match="no call was drawn"):
            traffic.trace(seed)
        return
    whole = traffic.trace(seed)
    joined = tg.Trace.concat(chunks)
    assert joined.fingerprint == whole.fingerprint
    assert (np.diff(whole.at_us) >= 0).all()
    assert traffic.edges_us[0] <= whole.at_us[0]
    assert whole.at_us[-1] < traffic.edges_us[-1]
    inside = np.histogram(whole.at_us, traffic.edges_us)[0]
    assert (inside[np.array(traffic.rates) == 0] == 0).all()
    for name in ("prompt_tokens", "completion_tokens"):
        tokens = getattr(whole, name)
        assert (tokens is None) == (getattr(traffic, name) is None)
        assert tokens is None or tokens.min() >= 1


@kinds
def test_seeds_differ(kind: str) -> None:
    """Another seed gives other arrivals, but for even ones, and other preferences and tokens for all."""
    traffic = make(kind, calls=500, preferences={"a": 0.5}, **TOKENS)
    one, other = traffic.trace(1), traffic.trace(2)
    assert np.array_equal(one.at_us, other.at_us) == (kind == "even")
    size = min(len(one), len(other))
    assert not np.array_equal(one.preferred[:size], other.preferred[:size])
    for name in ("prompt_tokens", "completion_tokens"):
        assert not np.array_equal(getattr(one, name)[:size], getattr(other, name)[:size])
    assert one.fingerprint == traffic.trace(1).fingerprint


def test_tokens_and_arrivals_are_independent_of_each_other() -> None:
    """Tokens change no arrival and no preference, and prompt and completion are drawn apart."""
    bare, full = (make("gamma", calls=5_000, preferences={"a": 0.5}, **more).trace(3) for more in ({}, TOKENS))
    assert np.array_equal(bare.at_us, full.at_us)
    assert np.array_equal(bare.preferred, full.preferred)
    ranks = stats.spearmanr(full.prompt_tokens, full.completion_tokens).statistic
    assert abs(ranks) < 5 / math.sqrt(len(full))


def test_tokens_are_lognormal() -> None:
    """With long answers, where rounding does not show, by Kolmogorov-Smirnov; short ones have the quantiles asked."""
    long = Tokens(median=1e6, p90=5e6)
    tokens = make("poisson", calls=20_000, completion_tokens=long).trace(4).completion_tokens
    assert stats.kstest(tokens, stats.lognorm(s=long.sigma, scale=long.median).cdf).pvalue > ALPHA
    assert long.sigma == pytest.approx(math.log(5) / stats.norm.ppf(0.9))
    short = make("poisson", calls=200_000, **TOKENS).trace(4).completion_tokens
    assert short is not None
    assert np.quantile(short, [0.5, 0.9]) == pytest.approx([13, 55], abs=1)
    constant = make("poisson", calls=100, prompt_tokens={"median": 7, "p90": 7}).trace(1).prompt_tokens
    assert constant is not None
    assert set(constant.tolist()) == {7}


@kinds
def test_preferences_have_their_shares(kind: str) -> None:
    """Within five standard deviations of the binomial, whatever the process."""
    trace = make(kind, calls=50_000, preferences={"strong": 0.2, "weak": 0.25}).trace(6)
    assert trace.preferred_names == ("strong", "weak")
    for code, share in ((0, 0.2), (1, 0.25), (-1, 0.55)):
        assert abs((trace.preferred == code).mean() - share) < 5 * math.sqrt(share * (1 - share) / len(trace))


CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "acme/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/b"},
    ]
)
STORM = tg.Scenario(
    faults=[
        tg.ErrorRate(target="strong", rate=0.3),
        tg.TokenLatency(target="weak", first_token_s=0.5, tokens_per_s=40),
    ]
)


@kinds
def test_every_process_goes_through_every_engine(kind: str) -> None:
    """A replica of monte_carlo is a replay of the trace, and of the stream, with the replica's seed."""
    traffic = make(kind, calls=3_000, preferences={"weak": 0.4}, **TOKENS)
    days = tg.monte_carlo(CONFIG, traffic, STORM, replicas=2, seed=7).replicas
    own_seed = int(hashlib.sha256(b"7\x001").hexdigest()[:16], 16)
    scenario = STORM.model_copy(update={"seed": own_seed})
    whole = tg.replay(CONFIG, traffic.trace(own_seed), scenario).summary()
    stream = tg.replay_stream(CONFIG, traffic.chunks(own_seed, size=700), scenario).summary()
    for key, value in days.loc[1].items():
        assert stream[key] == pytest.approx(value)
        if not str(key).startswith(
            ("latency_p", "wait_p", "baseline_latency_p")
        ):  # a stream's quantiles are those of bins
            assert whole[key] == pytest.approx(value)
    assert len(days["calls"].unique()) == (1 if kind == "even" else 2)


def test_traffic_of_another_kind_is_not_paired() -> None:
    """The hash of a process names its kind: days of other traffic are not compared."""
    one, other = (tg.monte_carlo(CONFIG, make(kind, calls=50), replicas=2) for kind in ("poisson", "even"))
    with pytest.raises(ReplayError, match="traffic_hash"):
        one.compare(other)


def test_token_latency_needs_token_counts() -> None:
    """A process without them is refused; missing ones in a trace count as 0, with a warning."""
    with pytest.raises(ReplayError, match="completion_tokens"):
        tg.monte_carlo(CONFIG, make("gamma", calls=50), STORM, replicas=2)
    at = [f"2026-03-02T09:00:0{i}Z" for i in range(3)]
    trace = tg.Trace(pd.DataFrame({"at": at, "completion_tokens": [40, None, 80], "model_preference": ["weak"] * 3}))
    scenario = tg.Scenario(faults=STORM.faults[1:])
    for engine in ("compiled", "stepped"):
        with pytest.warns(TimegateWarning, match="some calls have no completion_tokens"):
            run = tg.replay(CONFIG, trace, scenario, engine=engine)  # type: ignore[arg-type]
        assert run.calls["latency_s"].tolist() == [1.5, 0.5, 2.5]
    with pytest.warns(TimegateWarning, match="some calls"):
        assert tg.replay_stream(CONFIG, [trace], scenario).summary()["latency_mean_s"] == pytest.approx(1.5)
    with pytest.warns(TimegateWarning, match="some calls"):
        days = tg.monte_carlo(CONFIG, trace, scenario, replicas=2).replicas
    assert days["latency_mean_s"].tolist() == pytest.approx([1.5, 1.5])


def test_shows_itself() -> None:
    """The repr is one line, however many bins there are."""
    traffic = make("weibull", calls=1e6, rates=[1.0] * 4320, bin_s=600)
    assert repr(traffic) == (
        "<RenewalTraffic: 1,000,000 calls expected, 4,320 bins of 10 min from 2026-03-02 00:00 UTC, "
        "weibull gaps with cv 3>"
    )
    assert str(make("even", calls=2.5, rates=[1], bin_s=86_400)) == (
        "<EvenTraffic: 2.5 calls expected, 1 bin of 1 day from 2026-03-02 00:00 UTC, even gaps>"
    )


@kinds
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"calls": 0}, "calls must be greater than 0. Got 0."),
        ({"calls": -1}, "calls must be greater than 0"),
        ({"calls": math.nan}, "calls must be"),
        ({"calls": math.inf}, "calls must be"),
        ({"calls": "5"}, "calls must be a valid number. Got '5'."),
        ({"rates": [1, -1]}, "rates[1] must be greater than or equal to 0. Got -1."),
        ({"rates": [1, math.nan]}, "rates[1] must be"),
        ({"rates": [1, math.inf]}, "rates[1] must be"),
        ({"rates": [1e13]}, "rates[0] must be less than or equal to"),
        ({"rates": [0, 0]}, "rates must not all be 0."),
        ({"rates": []}, "rates must not be empty."),
        ({"rates": 3}, "rates must be a list"),
        ({"bin_s": 0}, "bin_s must be"),
        ({"bin_s": math.nan}, "bin_s must be"),
        ({"bin_s": 1e12}, "bin_s must keep the profile within the years 1900 to 2199."),
        ({"preferences": {"a": 0.6, "b": 0.6}}, "preferences must sum to at most 1."),
        ({"preferences": {"a": -0.1}}, "preferences.a must be"),
        ({"completion_tokens": {"median": 0, "p90": 1}}, "completion_tokens.median must be greater than 0"),
        (
            {"completion_tokens": {"median": 5, "p90": 1}},
            "completion_tokens.p90 must not be below median. Got 1",
        ),
        ({"completion_tokens": {"median": 5}}, "completion_tokens.p90 is missing."),
        ({"completion_tokens": 5}, "completion_tokens must be a mapping"),
        ({"prompt_token": 5}, "has the unknown key 'prompt_token'. Did you mean 'prompt_tokens'?"),
        ({"start": "2026-03-02"}, "start must carry a zone"),
        ({"start": "soon"}, "start must be"),
    ],
)
def test_bad_fields_are_named(kind: str, fields: dict[str, Any], message: str) -> None:
    """Each field out of its range is one error of ours that names it, for every process."""
    with pytest.raises(TimegateError) as caught:
        make(kind, **{"calls": 10} | fields)
    assert message.removeprefix("start ") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "cv is missing."),
        ({"cv": 0}, "cv must be greater than or equal to 0.01. Got 0."),
        ({"cv": -1.0}, "cv must be greater than or equal to 0.01. Got -1.0."),
        ({"cv": 101}, "cv must be less than or equal to 100. Got 101."),
        ({"cv": math.nan}, "cv must be"),
        ({"cv": math.inf}, "cv must be"),
        ({"cv": "2"}, "cv must be a valid number. Got '2'."),
        ({"cv": 2, "distribution": "gama"}, "Did you mean 'gamma'?"),
        ({"cv": 2, "distribution": "Weibul"}, "Did you mean 'weibull'?"),
        ({"cv": 2, "distribution": None}, "distribution must be"),
    ],
)
def test_bad_burstiness_is_named(fields: dict[str, Any], message: str) -> None:
    """A cv out of its range and an unknown distribution are errors that say what must hold."""
    with pytest.raises(TraceError) as caught:
        tg.RenewalTraffic(start=START, calls=10, **fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(("seed", "size"), [(-1, 5), (1.5, 5), ("1", 5), (True, 5), (1, 0), (1, 2.5), (1, "5")])
def test_bad_seeds_and_sizes_are_refused_at_once(seed: Any, size: Any) -> None:
    """Before the first part is drawn, with the name of the argument."""
    with pytest.raises(TraceError, match=r"^(seed|size) must be"):
        make("poisson", calls=10).chunks(seed, size)


def test_a_trace_without_calls_is_an_error() -> None:
    """Where nothing was drawn there is no trace, and the error says what was expected."""
    with pytest.raises(TraceError, match=r"no call was drawn, of 0\.001 expected"):
        make("poisson", calls=0.001).trace(1)
    assert list(make("poisson", calls=0.001).chunks(1)) == []


def test_the_base_is_no_process() -> None:
    """What all processes have in common cannot be drawn from."""
    with pytest.raises(TypeError, match="Traffic"):
        Traffic(start=START, calls=10)  # type: ignore[abstract]


def test_start_must_be_aware() -> None:
    """As everywhere, a naive start is an error, not a guess."""
    with pytest.raises((InstantError, TraceError), match="must carry a zone"):
        tg.EvenTraffic(start="2026-03-02T00:00", calls=10)
