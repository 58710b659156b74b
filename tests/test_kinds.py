"""Each kind of fault: what it refuses, and what it does in every engine."""

from __future__ import annotations

import math
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from strategies import examples

import timegate as tg
from timegate.core import draws
from timegate.core.columns import ProviderError
from timegate.core.distributions import DISTRIBUTIONS
from timegate.errors import RateLimitError, ScenarioError
from timegate.faults import Fault, kinds
from timegate.formats.schema import scenario_schema

NINE, TEN = "2026-03-02T09:00Z", "2026-03-02T10:00Z"
HOUR = {"start": NINE, "end": TEN}
ENGINES = ("compiled", "stepped", "travel")
LATENCY = {"type": "latency", "target": "weak", "median_s": 0.5}
RATES = [round(0.04 * hour, 2) for hour in range(24)]

INJECTED = get_args(ProviderError)


def config(*names: str) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=[{"model_name": name, "model": f"of-{name}/model"} for name in names])


def every(step: str, start: str, end: str) -> tg.Trace:
    first, last = (pd.to_datetime(at, utc=True) for at in (start, end))
    return tg.Trace(pd.date_range(first, last, freq=step, inclusive="left"))


def replay(trace: tg.Trace, *faults: Any, engine: Any = "auto", names: tuple[str, ...] = ("weak",), **rest: Any) -> Any:
    return tg.replay(config(*names), trace, tg.Scenario(faults=faults, **rest), engine=engine)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"type": "error_rate"}, "faults[0].rate or hourly_rates must be given, and not both. Got neither."),
        (
            {"type": "error_rate", "rate": 0.1, "hourly_rates": [0.1] * 24},
            "faults[0].rate or hourly_rates must be given, and not both. Got both.",
        ),
        (
            {"type": "error_rate", "hourly_rates": [0.1] * 23},
            "faults[0].hourly_rates must be 24 numbers, one an hour. Got 23.",
        ),
        ({"type": "error_rate", "hourly_rates": 0.1}, "faults[0].hourly_rates must be a list. Got 0.1."),
        (
            {"type": "error_rate", "hourly_rates": [0.1] * 23 + [1.5]},
            "faults[0].hourly_rates[23] must be less than or equal to 1. Got 1.5.",
        ),
        (
            {"type": "error_rate", "rate": 0.1, "tz": "Europe/Berlin"},
            "faults[0].tz goes with hourly_rates: a constant rate has no zone. Got 'Europe/Berlin'.",
        ),
        (
            {"type": "error_rate", "hourly_rates": [0.1] * 24, "tz": "Europe/Berln"},
            "faults[0].tz must be an IANA zone. Got 'Europe/Berln'. Did you mean 'Europe/Berlin'?",
        ),
        (
            {"type": "error_rate", "hourly_rates": [0.1] * 24, "tz": 1},
            "faults[0].tz must be the name of a zone like 'Europe/Berlin'. Got 1.",
        ),
        ({"type": "rate_limited"}, "faults[0].share is missing."),
        ({"type": "rate_limited", "share": 1.5}, "faults[0].share must be less than or equal to 1. Got 1.5."),
        (
            {"type": "rate_limited", "share": 0.5, "retry_after_s": 0.0},
            "faults[0].retry_after_s must be greater than 0. Got 0.0.",
        ),
        (
            {"type": "rate_limited", "share": 0.5, "error": "timeout"},
            "faults[0].error must be 'rate_limit'. Got 'timeout'.",
        ),
        ({"type": "brownout", "error_rate": 0.5, "start": NINE}, "faults[0].end is missing."),
        (
            {"type": "brownout", **HOUR},
            "faults[0].error_rate must be above 0, or slowdown above 1: else nothing happens.",
        ),
        (
            {"type": "brownout", "slowdown": 0.5, **HOUR},
            "faults[0].slowdown must be greater than or equal to 1. Got 0.5.",
        ),
        ({"type": "slow_start", "slowdown": 2.0}, "faults[0].for_s is missing."),
        ({"type": "slow_start", "for_s": 60.0}, "faults[0].slowdown is missing."),
        (
            {"type": "slow_start", "for_s": 1e-7, "slowdown": 2.0},
            "faults[0].for_s must be greater than or equal to 0.000001. Got 1e-07.",
        ),
        (
            {"type": "random_outages", "mtbf_s": 9.0, "mttr_s": 1.0, "shape": 1.0, **HOUR},
            "faults[0].shape must be left out: an exponential distribution has none. Got 1.0.",
        ),
        (
            {"type": "random_outages", "mtbf_s": 9.0, "mttr_s": 1.0, "distribution": "lognormal", **HOUR},
            "faults[0].shape of a lognormal distribution must lie between 0.01 and 4. Got None.",
        ),
        (
            {"type": "random_outages", "mtbf_s": 9.0, "mttr_s": 1.0, "distribution": "weibull", "shape": 0.1, **HOUR},
            "faults[0].shape of a weibull distribution must lie between 0.2 and 20. Got 0.1.",
        ),
        (
            {"type": "random_outages", "mtbf_s": 9.0, "mttr_s": 1.0, "distribution": "log-normal", **HOUR},
            "faults[0].distribution must be 'exponential', 'lognormal' or 'weibull'. Got 'log-normal'. "
            "Did you mean 'lognormal'?",
        ),
        (
            {"type": "random_outages", "mtbf_s": 9.0, "mttr_s": 1.0, "p_major": -0.1, **HOUR},
            "faults[0].p_major must be greater than or equal to 0. Got -0.1.",
        ),
        (
            {"type": "random_outages", "mtbf_s": 0.01, "mttr_s": 0.01, **HOUR},
            "faults[0].mtbf_s and mttr_s give about 180,000 outages; the limit is 100,000.",
        ),
    ],
)
def test_every_bad_field_gets_one_clear_error(fault: dict[str, Any], message: str) -> None:
    """One wrong field is one problem: the place, the rule, what was given, and the nearest good name."""
    with pytest.raises(ScenarioError) as caught:
        tg.Scenario.model_validate({"faults": [{"target": "weak"} | fault]})
    assert str(caught.value) == message


@pytest.mark.parametrize("slow", [{"type": "slow_start", "for_s": 60.0}, {"type": "brownout", **HOUR}])
def test_a_slowdown_of_what_takes_no_time_is_an_error(slow: dict[str, Any]) -> None:
    """To slow down a deployment without a latency does nothing, so it is refused; any of a provider's will do."""
    slow = slow | {"target": "weak", "slowdown": 2.0}
    with pytest.raises(
        ScenarioError, match=r"^faults\[0\] \(\w+\): a slowdown multiplies latencies, and no deployment"
    ):
        replay(tg.Trace([NINE]), slow)
    with pytest.raises(ScenarioError, match="Add a Latency or TokenLatency"):
        replay(tg.Trace([NINE]), slow, LATENCY | {"target": "strong"}, names=("strong", "weak"))
    for target in ("weak", "provider:of-weak", "group:all"):
        replay(tg.Trace([NINE]), slow, LATENCY | {"target": target}, groups={"all": ["weak"]})


@pytest.mark.parametrize("engine", ENGINES)
def test_an_outage_without_an_end_lasts(engine: Any) -> None:
    """Every call from the start on fails; the table of outages ends it with the trace."""
    run = replay(
        every("1h", "2026-03-02", "2026-03-04"), {"type": "outage", "target": "weak", "start": NINE}, engine=engine
    )
    assert (run.calls["outcome"] == "failed").tolist() == [False] * 9 + [True] * 39
    (outage,) = run.outages().itertuples(index=False)
    assert (outage.start, outage.end) == (pd.Timestamp(NINE), run.trace.end + pd.Timedelta(1, "us"))


@pytest.mark.parametrize("engine", ENGINES)
def test_hourly_rates_are_those_of_the_wall_clock(engine: Any) -> None:
    """Rates of 0 and 1 by the local hour: what fails is what zoneinfo says, through a change of the clocks."""
    odd = [float(hour % 2) for hour in range(24)]
    trace = every("10min", "2026-03-28T12:00Z", "2026-03-30T12:00Z")  # Europe springs forward
    for tz in ("UTC", "Europe/Berlin", "Asia/Kathmandu"):
        run = replay(trace, {"type": "error_rate", "target": "weak", "hourly_rates": odd, "tz": tz}, engine=engine)
        expected = [at.astimezone(ZoneInfo(tz)).hour % 2 == 1 for at in trace.frame["at"].dt.to_pydatetime()]
        assert (run.calls["outcome"] == "failed").tolist() == expected


def test_hourly_rates_have_their_shares() -> None:
    """Of 20,000 calls an hour, the share that fails lies within five standard deviations of the hour's rate."""
    run = replay(every("180ms", "2026-03-02", "2026-03-03"), tg.ErrorRate(target="weak", hourly_rates=RATES), seed=3)
    failed = (run.calls["outcome"] == "failed").groupby(run.calls["at"].dt.hour).mean().to_numpy()
    rates = np.array(RATES)
    assert (np.abs(failed - rates) <= 5 * np.sqrt(rates * (1 - rates) / 20_000)).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_brownout_fails_some_and_slows_the_others(engine: Any) -> None:
    """In the interval a share of the attempts fails after its time, and every answer takes its multiple."""
    faults = (LATENCY, {"type": "brownout", "target": "weak", "error_rate": 0.25, "slowdown": 4.0, "after_s": 3.0,
                        "error": "timeout", **HOUR})  # fmt: skip
    run = replay(every("10s", "2026-03-02T08:30Z", "2026-03-02T10:30Z"), *faults, engine=engine, seed=1)
    inside = (run.calls["at"] >= NINE) & (run.calls["at"] < TEN)
    failed = run.calls["outcome"] == "failed"
    assert not failed[~inside].any()
    assert abs(failed[inside].mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 360)
    assert set(run.calls["latency_s"][~inside]) == {0.5}
    assert set(run.calls["latency_s"][inside & ~failed]) == {2.0}
    assert set(run.calls["latency_s"][failed]) == {3.0}
    assert set(run.attempts["outcome"]) == {"ok", "timeout"}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slow_start_follows_each_outage(engine: Any) -> None:
    """Answers are slow for a while after outages that touch or overlap have all ended, and on no other deployment."""
    faults = [
        {"type": "slow_start", "target": "provider:of-weak", "for_s": 600.0, "slowdown": 3.0},
        LATENCY,
        LATENCY | {"target": "strong"},
        {"type": "outage", "target": "weak", "start": NINE, "end": "2026-03-02T09:20Z"},
        {"type": "outage", "target": "weak", "start": "2026-03-02T09:10Z", "end": "2026-03-02T09:30Z"},
        {"type": "outage", "target": "weak", "start": "2026-03-02T09:35Z", "end": "2026-03-02T09:36Z"},
    ]
    trace = tg.Trace([f"2026-03-02T09:{minute:02}:00Z" for minute in range(60)])
    run = replay(trace, *faults, engine=engine, names=("weak", "strong"))
    by_weak = run.calls["served_by"] == "weak"
    assert np.flatnonzero(~by_weak).tolist() == [*range(30), 35]
    slow = run.calls["latency_s"] == 1.5
    assert np.flatnonzero(slow).tolist() == [30, 31, 32, 33, 34, *range(36, 46)]
    assert set(run.calls["latency_s"][~slow]) == {0.5}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_slow_start_keeps_within_its_own_bounds(engine: Any) -> None:
    """With a start and an end, answers are slow between them alone, however long it lasts after an outage."""
    bounds = {"start": "2026-03-02T09:10Z", "end": "2026-03-02T09:20Z"}
    slow = {"type": "slow_start", "target": "weak", "for_s": 3600.0, "slowdown": 2.0, **bounds}
    outage = {"type": "outage", "target": "weak", "start": "2026-03-02T08:00Z", "end": "2026-03-02T09:01Z"}
    run = replay(
        tg.Trace([f"2026-03-02T09:{minute:02}:00Z" for minute in range(30)]), slow, LATENCY, outage, engine=engine
    )
    assert np.flatnonzero(run.calls["latency_s"] == 1.0).tolist() == list(range(10, 20))


@pytest.mark.parametrize("engine", ENGINES)
def test_slowdowns_multiply(engine: Any) -> None:
    """A brownout within a slow start multiplies what that has multiplied; tokens and latencies add up before."""
    faults = [
        {"type": "slow_start", "target": "weak", "for_s": 3600.0, "slowdown": 2.0},
        {"type": "brownout", "target": "weak", "slowdown": 1.5, **HOUR},
        {"type": "outage", "target": "weak", "start": "2026-03-02T08:00Z", "end": "2026-03-02T08:30Z"},
        LATENCY,
        {"type": "token_latency", "target": "weak", "first_token_s": 0.1, "tokens_per_s": 100.0},
    ]
    at = ["2026-03-02T07:00Z", "2026-03-02T08:45Z", "2026-03-02T09:15Z", "2026-03-02T09:45Z"]
    trace = tg.Trace(pd.DataFrame({"at": at, "completion_tokens": 40}))
    assert replay(trace, *faults, engine=engine).calls["latency_s"].tolist() == [1.0, 2.0, 3.0, 1.5]


@pytest.mark.parametrize("engine", ENGINES)
def test_rate_limits_refuse_their_share(engine: Any) -> None:
    """In the interval the share of attempts ends with rate_limit, within five standard deviations."""
    fault = {"type": "rate_limited", "target": "weak", "share": 0.3, "retry_after_s": 20.0, "after_s": 0.1, **HOUR}
    run = replay(every("6s", NINE, TEN), fault, engine=engine, seed=2)
    refused = run.attempts["outcome"] == "rate_limit"
    assert abs(refused.mean() - 0.3) < 5 * math.sqrt(0.3 * 0.7 / 600)
    assert set(run.calls["latency_s"][refused]) == {0.1}


@pytest.mark.parametrize("retry_after_s", [None, 20.0])
@pytest.mark.parametrize("share", [0.999999, 1.0])
def test_a_rate_limit_says_when_to_come_back(share: float, retry_after_s: float | None) -> None:
    """The exception that a caller sees is a 429 with its Retry-After, if it has one; that of others has none."""
    limited = tg.RateLimited(target="weak", share=share, retry_after_s=retry_after_s)
    with pytest.raises(RateLimitError, match="injected rate_limit") as caught:
        tg.Scenario(faults=[limited]).model("weak")(messages="Hello")
    assert (caught.value.status_code, caught.value.retry_after_s) == (429, retry_after_s)
    with pytest.raises(RateLimitError) as caught:
        tg.Scenario(faults=[tg.ErrorRate(target="weak", rate=1.0, error="rate_limit")]).model("weak")()
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("engine", ENGINES)
def test_every_kind_of_error_reaches_the_attempts(engine: Any) -> None:
    """Each kind stands in the table of attempts under its name."""
    faults = [
        tg.Outage(target="weak", start=f"2026-03-02T09:{i:02}Z", end=f"2026-03-02T09:{i + 1:02}Z", error=kind)
        for i, kind in enumerate(INJECTED)
    ]
    run = replay(tg.Trace([f"2026-03-02T09:{i:02}Z" for i in range(len(INJECTED) + 1)]), *faults, engine=engine)
    assert run.attempts["outcome"].tolist() == [*INJECTED, "ok"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_group_goes_down_together(engine: Any) -> None:
    """Random outages of a group hit its members at the same times, and nobody else."""
    fault = tg.RandomOutages(
        target="group:eu", mtbf_s=3000, mttr_s=3000, start="2026-03-02T00:00Z", end="2026-03-03T00:00Z"
    )
    run = replay(every("10min", "2026-03-02", "2026-03-03"), fault, engine=engine, names=("a", "b", "c"),
                 groups={"eu": ["a", "c"]}, seed=4)  # fmt: skip
    assert (run.calls["served_by"] == "b").equals(run.calls["outcome"] == "fallback")
    assert 20 < (run.calls["served_by"] == "b").sum() < 124
    outages = {name: part[["start", "end"]].to_numpy().tolist() for name, part in run.outages().groupby("deployment")}
    assert outages["a"] == outages["c"]
    assert set(outages) == {"a", "c"}


def test_members_of_groups_are_deployments() -> None:
    """A group with a member that the router does not have is an error with the nearest one."""
    with pytest.raises(ScenarioError, match=r"^groups\['eu'\]: 'weka' is not a deployment .* Did you mean 'weak'\?"):
        replay(tg.Trace([NINE]), groups={"eu": ["weka"]})
    with pytest.raises(tg.TimegateError, match="must not begin with 'group:', which names a target of faults"):
        config("group:eu")


def test_equal_scenarios_have_equal_hashes() -> None:
    """A scenario with groups can be a key."""
    one, other = (tg.Scenario(groups={"eu": ["a"]}, seed=seed) for seed in (1, 1))
    assert {one: "x"}[other] == "x"


# Random outages

YEAR = {"start": "2026-01-01T00:00Z", "end": "2027-01-01T00:00Z"}
FAMILIES = [("exponential", None), ("lognormal", 1.4), ("lognormal", 0.3), ("weibull", 0.6), ("weibull", 2.5)]


def scipy_of(distribution: str, mean: float, shape: float | None) -> Any:
    """Return scipy's distribution of the same mean."""
    if distribution == "lognormal":
        return stats.lognorm(shape, scale=mean * math.exp(-(shape**2) / 2))
    if distribution == "weibull":
        return stats.weibull_min(shape, scale=mean / math.gamma(1 + 1 / shape))
    return stats.expon(scale=mean)


def histories(distribution: str, shape: float | None, seeds: int, mtbf_s: float = 9000.0, mttr_s: float = 1800.0,
              **rest: Any) -> list[list[tuple[int, int]]]:  # fmt: skip
    """Return the outages of a year in seconds since its start, for each seed."""
    fault = tg.RandomOutages(
        target="weak", mtbf_s=mtbf_s, mttr_s=mttr_s, distribution=distribution, shape=shape, **YEAR | rest
    )
    found = []
    for seed in range(seeds):
        injector = tg.Scenario(faults=[fault], seed=seed).injector(config("weak").router().deployments)
        found.append([tuple((us - 1767225600 * 10**6) / 1e6 for us in span) for span in injector.outages_us(0)])
    return found


@pytest.mark.parametrize(("distribution", "shape"), FAMILIES)
@given(p=st.floats(0, 1, exclude_max=True))
@examples(200)
def test_lengths_are_the_quantiles_of_scipy(distribution: str, shape: float | None, p: float) -> None:
    """The length of a draw is scipy's quantile of a distribution with the mean asked for."""
    family = DISTRIBUTIONS.index(distribution)
    expected = scipy_of(distribution, 1800.0, shape).ppf(max(p, 2.0**-54) if distribution == "lognormal" else p)
    assert draws.quantile(family, 1800.0, shape or 0.0, p) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("distribution", "shape"), FAMILIES)
def test_random_outages_reproduce_their_distribution(distribution: str, shape: float | None) -> None:
    """Mean, median, p90 and p99 of some 30,000 outages lie within five standard errors of the closed forms.

    Lengths pass a Kolmogorov-Smirnov test against scipy at the level of 0.001, times between failures one against
    the exponential. The first and the last of a history are left out: the edges of the year cut them.
    """
    years = [year[1:-1] for year in histories(distribution, shape, 10)]
    lengths = np.concatenate([[hi - lo for lo, hi in year] for year in years])
    between = np.concatenate([[b[0] - a[1] for a, b in pairwise(year)] for year in years])
    expected, size = scipy_of(distribution, 1800.0, shape), len(lengths)
    assert size > 25_000
    assert abs(lengths.mean() - 1800) < 5 * expected.std() / math.sqrt(size)
    for q in (0.5, 0.9, 0.99):
        error = math.sqrt(q * (1 - q) / size) / expected.pdf(expected.ppf(q))
        assert abs(np.quantile(lengths, q) - expected.ppf(q)) < 5 * error
    assert stats.kstest(lengths, expected.cdf).pvalue > 0.001
    assert stats.kstest(between, stats.expon(scale=9000.0).cdf).pvalue > 0.001


@pytest.mark.parametrize(("distribution", "shape"), FAMILIES)
def test_availability_is_that_of_mtbf_and_mttr(distribution: str, shape: float | None) -> None:
    """The share of time up over 200 histories is mtbf / (mtbf + mttr), within five standard errors of their mean.

    So it is in the first hour as well: a history begins in its steady state.
    """
    week = {"end": "2026-01-08T00:00Z"}
    years = histories(distribution, shape, 200, **week)
    for seconds in (7 * 86_400, 3600):
        up = np.array([1 - sum(min(hi, seconds) - min(lo, seconds) for lo, hi in year) / seconds for year in years])
        assert abs(up.mean() - 9000 / 10_800) < 5 * up.std() / math.sqrt(len(up))


@pytest.mark.parametrize(("distribution", "shape"), FAMILIES)
def test_the_rest_of_an_outage_under_way_is_that_of_renewal_theory(distribution: str, shape: float | None) -> None:
    """What is left of an outage at the start has the density survival / mean, by scipy's numerical integration."""
    length = scipy_of(distribution, 1800.0, shape)
    family, generator = DISTRIBUTIONS.index(distribution), np.random.default_rng(5)
    rests = [draws.rest_of_length(family, 1800.0, shape or 0.0, *generator.random(2)) for _ in range(4000)]
    grid = np.concatenate([[0.0], np.geomspace(1e-3, max(rests) * 1.01, 20_000)])
    cdf = np.concatenate([[0.0], integrate.cumulative_trapezoid(length.sf(grid), grid)]) / 1800
    assert stats.kstest(rests, lambda x: np.interp(x, grid, cdf)).pvalue > 0.001


def test_minor_outages_fail_a_share() -> None:
    """Of the outages, p_major fail every attempt, the others their share; both within five standard deviations."""
    fault = tg.RandomOutages(target="weak", mtbf_s=3600, mttr_s=3600, p_major=0.3, minor_error_rate=0.25, **YEAR)
    scenario = tg.Scenario(faults=[fault], seed=9)
    rules = scenario.injector(config("weak").router().deployments).rules[0]
    major = [rule.kind == 0 for rule in rules]
    assert abs(np.mean(major) - 0.3) < 5 * math.sqrt(0.3 * 0.7 / len(major))
    run = tg.replay(config("weak"), every("5min", "2026-01-01", "2027-01-01"), scenario)
    failed = (run.calls["outcome"] == "failed").to_numpy()
    at_us = run.trace.at_us
    inside = [
        np.concatenate([failed[(at_us >= r.start_us) & (at_us < r.end_us)] for r in rules if (r.kind == 0) == m])
        for m in (True, False)
    ]
    assert inside[0].all()
    assert abs(inside[1].mean() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / len(inside[1]))
    assert failed.sum() == inside[0].sum() + inside[1].sum()


def test_majors_are_as_long_as_minors() -> None:
    """Whether an outage is major does not depend on its length: both kinds pass a Kolmogorov-Smirnov test."""
    fault = tg.RandomOutages(target="weak", mtbf_s=3600, mttr_s=3600, p_major=0.4, **YEAR)
    rules = tg.Scenario(faults=[fault], seed=3).injector(config("weak").router().deployments).rules[0]
    lengths: dict[bool, list[int]] = {True: [], False: []}
    for rule in rules:
        lengths[rule.kind == 0].append(rule.end_us - rule.start_us)
    assert stats.ks_2samp(lengths[True], lengths[False]).pvalue > 0.001


def test_majors_do_not_move_outages() -> None:
    """Which outages are major is a draw of its own: the times stay, and more are major at a higher p_major."""
    spans = []
    for p_major in (0.2, 0.6):
        fault = tg.RandomOutages(target="weak", mtbf_s=3600, mttr_s=3600, p_major=p_major, **YEAR)
        rules = tg.Scenario(faults=[fault], seed=9).injector(config("weak").router().deployments).rules[0]
        spans.append({rule[:2]: rule.kind for rule in rules})
    assert spans[0].keys() == spans[1].keys()
    assert all(spans[1][span] == 0 for span, kind in spans[0].items() if kind == 0)


def test_a_fault_that_meets_no_call_is_a_warning() -> None:
    """A lone outage of another year warns; one of a history of which another hits does not."""
    trace = tg.Trace([NINE])
    late = {"type": "outage", "target": "weak", "start": "2027-03-02T09:00Z"}
    with pytest.warns(
        tg.TimegateWarning,
        match=r"^no outage of 'weak' meets .* from 2026-03-02 09.* UTC\. .*: 2027-03-02 09:00\.$",
    ):
        replay(trace, late)
    early = tg.ErrorRate(target="weak", rate=0.5, end=NINE)
    with pytest.warns(tg.TimegateWarning, match="no error_rate of 'weak' meets the calls"):
        replay(trace, early)
    replay(trace, late, late | {"start": NINE})


def test_a_long_history_is_replayed_step_by_step() -> None:
    """With thousands of outages the engines agree, and each call fails iff it arrives inside one."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    spans = [(start + timedelta(hours=i), start + timedelta(hours=i, minutes=i % 60)) for i in range(1, 3000) if i % 60]
    faults = [tg.Outage(target="weak", start=lo, end=hi) for lo, hi in spans]
    trace = every("7min", "2026-01-01", "2026-05-01")
    runs = [replay(trace, *faults, engine=engine) for engine in ("compiled", "stepped")]
    pd.testing.assert_frame_equal(runs[0].calls, runs[1].calls)
    inside = [any(lo <= at < hi for lo, hi in spans[i : i + 3]) for at, i in _near(trace, spans)]
    assert (runs[0].calls["outcome"] == "failed").tolist() == inside


def _near(trace: tg.Trace, spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, int]]:
    """Return each arrival, and the place of an outage that begins at most two before it."""
    starts = [lo for lo, _ in spans]
    arrivals = trace.frame["at"].dt.to_pydatetime()
    return [(at, max(0, bisect_left(starts, at) - 2)) for at in arrivals]


def test_every_kind_is_registered() -> None:
    """A class of kinds is a type of scenario files, in the schema and on the face; and nothing else is."""
    found = (name for name, value in vars(kinds).items() if isinstance(value, type) and issubclass(value, Fault))
    classes = set(found) - {"Fault", "Failure"}
    assert set(kinds.__all__) == classes
    assert classes <= set(tg.__all__)
    assert classes <= set(scenario_schema()["$defs"])
    for name in classes:
        assert issubclass(getattr(tg, name), Fault)
        with pytest.raises(ScenarioError, match=r"^faults\[0\]"):
            tg.Scenario.model_validate({"faults": [{"type": getattr(tg, name).model_fields["type"].default, "x": 1}]})


def test_a_label_is_the_type_in_words() -> None:
    """For people, in the editor and in tables."""
    assert tg.SlowStart(target="weak", for_s=60.0, slowdown=2.0).label == "slow start"


def test_rules_know_their_faults() -> None:
    """Each rule of an injector comes with the fault that made it, though rules are sorted by their turn."""
    slow = {"type": "slow_start", "target": "weak", "for_s": 600.0, "slowdown": 3.0}
    scenario = tg.Scenario.model_validate({"faults": [slow, LATENCY, {"type": "outage", "target": "weak", **HOUR}]})
    injector = scenario.injector(config("weak").router().deployments)
    assert [fault.type for fault in injector.faults[0]] == ["outage", "latency", "slow_start"]
    assert [injector.effect(rule) for rule in injector.rules[0]] == ["", "", "3x slower"]


def test_lengths_of_random_outages_are_bounded() -> None:
    """A mean beyond some 30,000 years, whose draws would overflow and be no outage at all, is refused."""
    for name in ("mtbf_s", "mttr_s"):
        with pytest.raises(ScenarioError, match=f"{name} must be"):
            tg.RandomOutages(
                **{"target": "a", "mtbf_s": 1, "mttr_s": 1, "start": "2026-03-02T00:00Z", "end": "2026-03-02T01:00Z"}
                | {name: 1e306}
            )
