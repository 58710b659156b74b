from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from scipy import stats

import timegate as tg
from timegate.core.deployment import Deployment
from timegate.errors import IncidentError, InstantError, ScenarioError, WindowError
from timegate.incidents.history import Incidents
from timegate.incidents.incident import Incident
from timegate.incidents.outages import KS_BOUND, OutageModel

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "incidents" / "statuspage_incidents_copilot.json"
START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR_US, DAY_S = 3_600_000_000, 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAWS: dict[str, Any] = {"exponential": stats.expon, "lognormal": stats.lognorm, "weibull": stats.weibull_min}


def us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def history(*hours: tuple[float, float | None], page: str = "openai", **more: Any) -> Incidents:
    """Make a history of incidents, from and to so many hours after its start."""
    known = {"name": "", "page": page, "kind": "incident", "impact": "major", "status": ""} | more
    return Incidents(
        Incident(
            id=f"{page}@{lo}-{hi}",
            start_us=us(START) + round(lo * HOUR_US),
            end_us=None if hi is None else us(START) + round(hi * HOUR_US),
            **known,  # type: ignore[arg-type]
        )
        for lo, hi in hours
    )


def alternating(gaps_s: Any, lengths_s: Any, page: str = "openai") -> Incidents:
    """Make a history that begins with an outage, and has these times between and these lengths."""
    starts = np.cumsum([0.0, *(gaps_s[:-1] + lengths_s[:-1])]) / 3600
    return history(*zip(starts.tolist(), (starts + lengths_s / 3600).tolist(), strict=True), page=page)


SPACED = [(0, 1), (10, 12), (20, 23), (40, 45), (100, 108)]


def test_the_figures_of_a_small_history() -> None:
    """Times between failures run from the end of one to the start of the next; the rest follows by hand."""
    fit = tg.fit_outages(history(*SPACED))
    assert fit.durations_s.tolist() == [hours * 3600 for hours in (1, 2, 3, 5, 8)]
    assert fit.mtbf_s == (9 + 8 + 17 + 55) / 4 * 3600
    summary = fit.summary()
    assert summary.loc["mttr_s", "data"] == 19 / 5 * 3600
    assert summary.loc["p50_s", "data"] == 3 * 3600
    assert summary.loc["availability", "data"] == pytest.approx(89 / 108)
    assert summary.loc["mtbf_s", "standard_error"] == fit.mtbf_s / 2
    assert summary.loc["mttr_s", "standard_error"] == pytest.approx(np.std([1, 2, 3, 5, 8], ddof=1) / 5**0.5 * 3600)
    assert summary["fit"].tolist() == [
        fit.mtbf_s, fit.mttr_s, *(fit.quantile_s(p) for p in (0.5, 0.9, 0.99)), fit.availability, 1, fit.ks_distance,
    ]  # fmt: skip
    page = fit.by_page.loc["openai"]
    assert (page["outages"], page["failures"], page["up_s"], page["down_s"]) == (5, 4, 89 * 3600, 19 * 3600)
    assert (page["start"], page["end"]) == (pd.Timestamp(START), pd.Timestamp(START + timedelta(hours=108)))
    assert len(fit.overlap) == 0
    assert fit.overlap.columns.tolist() == ["page", "other", "joint_s", "expected_s", "ratio"]


def test_a_stated_period() -> None:
    """The time between failures is the up time by the failures seen, also before the first and after the last."""
    at = {name: START + timedelta(hours=hours) for name, hours in (("start", -92), ("end", 208))}
    fit = tg.fit_outages(history(*SPACED), **at)
    assert fit.mtbf_s == (300 - 19) / 5 * 3600
    assert fit.summary().loc["availability", "data"] == pytest.approx(281 / 300)


def test_outages_outside_of_the_period() -> None:
    """What starts outside is left out and counted; what ends outside counts until then, with its whole length."""
    more = [*SPACED, (200, 210), (-5, -1), (205, 206)]
    fit = tg.fit_outages(history(*more), start=START, end=START + timedelta(hours=205))
    dropped = {rule: ids for action, rule, ids in fit.decisions if action == "dropped"}
    assert dropped == {"starts outside of the period of observation": ("openai@-5--1", "openai@205-206")}
    assert fit.durations_s[-1] == 10 * 3600
    assert fit.by_page["down_s"].tolist() == [(19 + 5) * 3600]
    assert fit.by_page["failures"].tolist() == [5]  # the first begins with the period


def test_overlapping_incidents_are_one_outage() -> None:
    """Overlapping, nested and touching incidents of one page are merged."""
    fit = tg.fit_outages(
        history((0, 2), (0.5, 1), (1, 3), (3, 4), (3.2, 3.5), *((lo + 10, hi + 10) for lo, hi in SPACED))
    )
    assert fit.durations_s.tolist() == [hours * 3600 for hours in (1, 2, 3, 4, 5, 8)]


def by_the_hour(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Merge spans hour by hour, slowly."""
    down = {hour for lo, hi in spans for hour in range(lo, hi)}
    edges = sorted(hour for hour in down if hour - 1 not in down)
    return [(lo, next(hour for hour in range(lo, lo + 10_000) if hour not in down)) for lo in edges]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 30)), min_size=15, max_size=40))
def test_merging(spans: list[tuple[int, int]]) -> None:
    """Any incidents merge to what counting hours gives, and so do the times between."""
    pairs = [(lo, lo + length) for lo, length in spans]
    merged = by_the_hour(pairs)
    lengths = [hi - lo for lo, hi in merged]
    assume(len(merged) >= 5 and len(set(lengths)) > 1)
    fit = tg.fit_outages(history(*pairs))
    assert fit.durations_s.tolist() == [3600 * length for length in sorted(lengths)]
    assert fit.mtbf_s == pytest.approx(3600 * np.mean([b[0] - a[1] for a, b in pairwise(merged)]))


def test_what_is_left_out() -> None:
    """Open incidents, those without a length, maintenance and lesser ones are counted as dropped."""
    found = (
        history(*SPACED)
        + history((500, None), page="a")
        + history((501, 501), page="b")
        + history((502, 503), page="c", kind="maintenance")
        + history((504, 505), page="d", impact="minor")
    )
    fit = tg.fit_outages(found)
    assert {rule: ids for _, rule, ids in fit.decisions} == {
        "scheduled maintenance": ("c@502-503",),
        "impact below major": ("d@504-505",),
        "open: its length is not known": ("a@500-None",),
        "has no length: its true times stand in prose, if anywhere": ("b@501-501",),
    }
    assert len(fit.durations_s) == 5
    assert len(tg.fit_outages(found, min_impact="minor").durations_s) == 6


# ---- the fit


def draws(law: str, number: int, seed: int) -> Any:
    """Draw lengths with a mean of an hour or so."""
    rng = np.random.default_rng(seed)
    if law == "lognormal":
        return 2400 * np.exp(1.2 * rng.standard_normal(number))
    return 3600 * (rng.weibull(0.6, number) if law == "weibull" else rng.standard_exponential(number))


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_a_known_distribution_is_recovered(law: str) -> None:
    """Of 4,000 outages, family, mean, shape and time between are found within four standard errors."""
    number = 4_000
    gaps = 5 * DAY_S * np.random.default_rng(2).standard_exponential(number)
    fit = tg.fit_outages(alternating(gaps, draws(law, number, 1)))
    assert fit.distribution == law
    assert abs(fit.mtbf_s / (5 * DAY_S) - 1) < 4 / number**0.5
    mean, spread = {
        "exponential": (3600, 1),
        "lognormal": (2400 * math.exp(0.72), math.sqrt(1.2**2 + 1.2**4 / 2)),  # delta method: mu + sigma^2 / 2
        "weibull": (3600 * math.gamma(1 + 1 / 0.6), 1.9),  # a little above its coefficient of variation, 1.76
    }[law]
    assert abs(fit.mttr_s / mean - 1) < 4 * spread / number**0.5
    # Fisher information: sigma^2 / 2n for the lognormal, 0.608 k^2 / n for the Weibull exponent.
    shape, error = {"exponential": (None, 0), "lognormal": (1.2, 1.2 / 2**0.5), "weibull": (0.6, 0.78 * 0.6)}[law]
    assert (fit.shape is None) == (shape is None)
    if shape is not None:
        assert fit.shape is not None
        assert abs(fit.shape - shape) < 4 * error / number**0.5


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_likelihoods_are_those_of_scipy(law: str) -> None:
    """AIC is 2 k - 2 ln L with scipy's densities, and no nearby parameters are likelier."""
    lengths = draws(law, 200, 3)
    fit = tg.fit_outages(alternating(np.full(200, 1000.0), lengths))
    for name, density in LAWS.items():
        row = fit.candidates.loc[name]
        shape = () if name == "exponential" else (row["shape"],)
        scale = row["mttr_s"] / density(*shape).mean()
        likelihood = density(*shape, scale=scale).logpdf(fit.durations_s).sum()
        assert row["log_likelihood"] == pytest.approx(likelihood, abs=1e-6)
        assert fit.aic[name] == pytest.approx(2 * (1 + len(shape)) - 2 * likelihood, abs=1e-6)
        for factor in (0.99, 1.01):
            assert density(*shape, scale=scale * factor).logpdf(fit.durations_s).sum() < likelihood
            if shape:
                assert density(shape[0] * factor, scale=scale).logpdf(fit.durations_s).sum() < likelihood
    assert fit.distribution == min(fit.aic, key=fit.aic.__getitem__) == fit.candidates.index[0]
    assert fit.mttr_s == fit.candidates["mttr_s"].iloc[0]


def test_closed_forms() -> None:
    """The exponential mean is the sample's; the lognormal's parameters are those of the logarithms."""
    lengths = draws("lognormal", 50, 4)
    rows = tg.fit_outages(alternating(np.full(50, 1000.0), lengths)).candidates
    exact = np.round(lengths * 1e6) / 1e6
    assert rows.loc["exponential", "mttr_s"] == pytest.approx(exact.mean(), rel=1e-6)
    assert math.isnan(rows.loc["exponential", "shape"])
    sigma = np.log(exact).std()
    assert rows.loc["lognormal", "shape"] == pytest.approx(sigma, rel=1e-5)
    assert rows.loc["lognormal", "mttr_s"] == pytest.approx(math.exp(np.log(exact).mean() + sigma**2 / 2), rel=1e-5)


def test_how_often_aic_errs() -> None:
    """Of exponential lengths, a Weibull is preferred as often as a chi-squared variable exceeds the penalty of 2."""
    chosen = [
        tg.fit_outages(alternating(np.full(200, 1000.0), draws("exponential", 200, seed))).distribution
        for seed in range(100)
    ]
    expected = stats.chi2(1).sf(2)
    assert abs(chosen.count("weibull") / 100 - expected) < 4 * math.sqrt(expected * (1 - expected) / 100)
    assert chosen.count("lognormal") == 0


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_quantiles_are_those_of_scipy(law: str) -> None:
    """The quantiles of a model, whose mean is stated, are scipy's."""
    shape = {"exponential": None, "lognormal": 1.3, "weibull": 0.7}[law]
    model = OutageModel(mtbf_s=1e6, mttr_s=5000, distribution=law, shape=shape)  # type: ignore[arg-type]
    frozen = LAWS[law](*() if shape is None else (shape,))
    for p in (0.01, 0.5, 0.9, 0.99):
        assert model.quantile_s(p) == pytest.approx(frozen.ppf(p) / frozen.mean() * 5000, rel=1e-9)
    assert model.availability == 1e6 / 1_005_000


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_the_errors_of_quantiles(law: str) -> None:
    """They are the asymptotic ones with scipy's density at the fitted quantile, and cover the quantiles of the data."""
    fit = tg.fit_outages(alternating(draws("exponential", 500, 6) * 5, draws(law, 500, 7)))
    frozen = LAWS[law](*() if fit.shape is None else (fit.shape,))
    scale = fit.mttr_s / frozen.mean()
    for p, row in ((0.5, "p50_s"), (0.9, "p90_s"), (0.99, "p99_s")):
        data, error, fitted = fit.summary().loc[row]
        assert error == pytest.approx(math.sqrt(p * (1 - p) / 500) / frozen.pdf(frozen.ppf(p)) * scale, rel=1e-4)
        assert abs(data - fitted) < 4 * error


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_random_outages_are_like_the_data(law: str) -> None:
    """What the fitted fault draws has the mean, median, p90, p99 and availability of the fit, within sampling error."""
    fit = tg.fit_outages(alternating(draws("exponential", 500, 6) * 5, draws(law, 500, 7)))
    assert fit.distribution == law
    days = 10_000 * (fit.mtbf_s + fit.mttr_s) / DAY_S
    fault = fit.outages("strong", START, START + timedelta(days=days))
    drawn = tg.Scenario(faults=(fault,), seed=11).injector([Deployment.of("strong", "openai")]).outages_us(0)
    lengths = np.array([hi - lo for lo, hi in drawn]) / 1e6
    number = len(lengths)
    assert abs(number - 10_000) < 4 * 100 * 2
    frozen = LAWS[law](*() if fit.shape is None else (fit.shape,))
    scale = fit.mttr_s / frozen.mean()
    assert abs(lengths.mean() - fit.mttr_s) < 4 * frozen.std() * scale / number**0.5
    for p in (0.5, 0.9, 0.99):
        error = math.sqrt(p * (1 - p) / number) / (frozen.pdf(frozen.ppf(p)) / scale)
        assert abs(np.quantile(lengths, p) - fit.quantile_s(p)) < 4 * error
    down, spread = lengths.sum() / (days * DAY_S), math.sqrt(1 + (frozen.std() / frozen.mean()) ** 2)
    assert abs(1 - down - fit.availability) < 4 * (1 - fit.availability) * spread / number**0.5


def test_a_fault_that_is_ready_to_use() -> None:
    """The fit gives a RandomOutages of its figures, with whatever else that takes; bad values are named."""
    fit = tg.fit_outages(alternating(draws("exponential", 50, 6), draws("lognormal", 50, 7)))
    fault = fit.outages("provider:openai", "2026-03-02T00:00Z", "2026-04-02T00:00Z", p_major=0.3, name="x")
    assert isinstance(fault, tg.RandomOutages)
    assert (fault.mtbf_s, fault.mttr_s, fault.distribution, fault.shape) == (
        fit.mtbf_s, fit.mttr_s, "lognormal", fit.shape,
    )  # fmt: skip
    assert (fault.target, fault.p_major, fault.name) == ("provider:openai", 0.3, "x")
    with pytest.raises(ScenarioError, match="end must lie after start"):
        fit.outages("strong", "2026-03-02T00:00Z", "2026-03-01T00:00Z")
    with pytest.raises(ScenarioError, match="naive"):
        fit.outages("strong", "2026-03-02", "2026-03-03T00:00Z")
    with pytest.raises(ScenarioError, match="p_mjor"):
        fit.outages("strong", "2026-03-02T00:00Z", "2026-03-03T00:00Z", p_mjor=1)


# ---- how many are full outages


def test_the_share_of_major_incidents() -> None:
    """Of the incidents that were fitted, those of major or critical impact; it reaches fault, headline and table."""
    found = (
        history(*((lo + 200, hi + 200) for lo, hi in SPACED), impact="minor")
        + history(*SPACED[:2], impact="critical")
        + history(SPACED[2], impact="major")
        + history((150, 151), impact="none")
        + history((160, None), (170, 170), impact="major")
    )
    fit = tg.fit_outages(found, min_impact="minor")
    assert fit.p_major == 3 / 8
    assert tg.fit_outages(found, min_impact="none").p_major == 3 / 9
    assert fit.summary().loc["p_major", ["data", "fit"]].tolist() == [3 / 8, 3 / 8]
    assert "; p_major 0.375;" in repr(fit)
    month = "2026-03-02T00:00Z", "2026-04-02T00:00Z"
    fault = fit.outages("strong", *month)
    default = tg.RandomOutages.model_fields["minor_error_rate"].default
    assert (fault.p_major, fault.minor_error_rate) == (3 / 8, default)
    assert fit.outages("strong", *month, minor_error_rate=0.1).minor_error_rate == 0.1
    assert tg.presets.outages("openai-api").outages("strong", *month).p_major == 1
    with pytest.raises(ScenarioError, match="minor_error_rate"):
        fit.outages("strong", *month, minor_error_rate=2)


def test_major_incidents_alone() -> None:
    """By default only these are fitted, so that every outage is full, and nothing is guessed."""
    found = history(*SPACED) + history((300, 301), (310, 312), impact="minor")
    fit = tg.fit_outages(found)
    assert fit.p_major == 1
    assert [rule for _, rule, _ in fit.decisions] == ["impact below major"]


def test_the_share_of_major_incidents_by_component() -> None:
    """It is the impact on the component that counts, where that is what one asks for."""
    found = history(*SPACED, impact="major", components=("API",), component_impacts=("minor",))
    fits = [tg.fit_outages(found, min_impact="minor", components=["API"], by=by) for by in ("incident", "component")]  # type: ignore[arg-type]
    assert [fit.p_major for fit in fits] == [1, 0]


def test_impacts_that_are_not_known() -> None:
    """They are no part of the share; if none is known, all are taken for full outages. Either is counted."""
    unknown = history(*SPACED, impact=None)
    fit = tg.fit_outages(unknown, min_impact="none")
    assert fit.p_major == 1
    assert repr(fit).endswith("guessed 5: impact not known: all are taken for full outages")
    mixed = unknown + history((300, 301), impact="minor") + history((400, 401), (500, 502), impact="critical")
    fit = tg.fit_outages(mixed, min_impact="none")
    assert fit.p_major == 2 / 3
    assert repr(fit).endswith("kept 5: impact not known: left out of p_major")


# ---- how good the fit is


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_the_distance_from_the_data(law: str) -> None:
    """It is the most by which the steps of the data lie above or below the fitted law, as by its definition."""
    fit = tg.fit_outages(alternating(np.full(60, 1000.0), draws(law, 60, 3)))
    below, upto = np.arange(60) / 60, np.arange(1, 61) / 60
    for name, row in fit.candidates.iterrows():
        frozen = LAWS[str(name)](*() if name == "exponential" else (row["shape"],))
        shares = frozen.cdf(fit.durations_s / row["mttr_s"] * frozen.mean())
        assert row["ks_distance"] == pytest.approx(max((upto - shares).max(), (shares - below).max()), rel=1e-6)
    assert fit.ks_distance == fit.candidates["ks_distance"].iloc[0]
    assert fit.summary().loc["ks_distance", "fit"] == fit.ks_distance
    assert f"KS distance {fit.ks_distance:.2g}>" in repr(fit)


@pytest.mark.parametrize("law", ["exponential", "lognormal", "weibull"])
def test_a_good_fit_has_no_note(law: str) -> None:
    """Lengths at the quantiles of a law are as near to it as can be."""
    frozen = LAWS[law](*() if law == "exponential" else (0.8,), scale=3600)
    fit = tg.fit_outages(alternating(np.full(200, 1000.0), frozen.ppf((np.arange(200) + 0.5) / 200)))
    assert fit.notes == ()
    assert "poor" not in repr(fit) + fit._repr_html_()


def test_a_poor_fit_in_the_tail_is_said() -> None:
    """A few outages that last far longer than the others are more than two standard errors from any of the laws."""
    lengths = np.append(np.geomspace(1800, 7200, 60), [20 * DAY_S] * 2)
    fit = tg.fit_outages(alternating(np.full(62, 1000.0), lengths))
    data, error, fitted = fit.summary().loc["p99_s"]
    assert data > fitted + 2 * error
    short, note, _ = fit.notes
    assert short.startswith("poor fit: p90 of the data, 1.82 h, lies 2.6 standard errors below that of the fit, ")
    assert note.startswith("poor fit: p99 of the data, 20 d, lies ")
    assert f" {(data - fitted) / error:.1f} standard errors above that of the fit, " in note
    assert note in repr(fit).splitlines()
    assert f"<br>{note}" in fit._repr_html_()


def test_lengths_that_are_of_two_kinds() -> None:
    """Short ones and long ones with nothing between are no law's: the distance is above its bound at 5 %."""
    lengths = np.concatenate([np.linspace(590, 610, 60), np.linspace(35_000, 37_000, 60)])
    fit = tg.fit_outages(alternating(np.full(120, 1000.0), lengths))
    assert fit.ks_distance > 1.36 / 120**0.5
    assert f"poor fit: KS distance {fit.ks_distance:.2f}, above the bound of 0.12 at 5 %" in fit.notes
    (shorter,) = [note for note in fit.notes if "below that of the fit" in note]
    assert shorter.startswith("poor fit: p99 of the data, 10.3 h, lies ")


def test_the_bound_is_that_of_scipy() -> None:
    """Of many lengths, 5 % of samples of the law itself exceed 1.36 / sqrt(n)."""
    assert stats.kstwo(10_000).sf(KS_BOUND / 100) == pytest.approx(0.05, rel=0.02)


# ---- when, and who together


@pytest.mark.parametrize("tz", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_hours_and_weekdays(tz: str) -> None:
    """Starts are counted by local hour and weekday, as zoneinfo has them, across daylight saving."""
    spans = [(37 * n, 37 * n + 1 + n % 3) for n in range(60)]
    fit = tg.fit_outages(history(*spans), tz=tz)
    local = [(START + timedelta(hours=lo)).astimezone(ZoneInfo(tz)) for lo, _ in spans]
    assert fit.starts_by_hour.tolist() == [sum(at.hour == hour for at in local) for hour in range(24)]
    assert fit.starts_by_weekday.tolist() == [sum(at.weekday() == day for at in local) for day in range(7)]
    assert fit.starts_by_weekday.index.tolist() == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert fit.tz == tz


def test_overlap_by_hand() -> None:
    """Joint down time is what both share while both are observed; by chance it is the product of their shares."""
    found = history((0, 10), (50, 60), (90, 100), page="a") + history((20, 25), (55, 70), (110, 120), page="b")
    fit = tg.fit_outages(found)
    # Both are observed from 20 to 100: a is down for 20 hours of these 80, b for 20, together from 55 to 60.
    assert fit.overlap.iloc[0].tolist() == ["a", "b", 5 * 3600, 20 * 20 / 80 * 3600, 1.0]


def test_overlap_of_outages_that_know_each_other() -> None:
    """Pages that fail together share more than chance; independent ones do not; no period in common, no row."""
    rng = np.random.default_rng(8)
    lengths = draws("exponential", 3000, 9)
    a, b = (alternating(5 * 3600 * rng.standard_exponential(3000), draws("exponential", 3000, n), page=name)
            for n, name in ((10, "a"), (11, "b")))  # fmt: skip
    ratio = tg.fit_outages(a + b).overlap["ratio"].item()
    assert 0.8 < ratio < 1.25  # 250 hours in common, in some 450 pieces: 4 standard errors are about 0.25
    gaps = np.full(3000, 5 * 3600.0)
    same = alternating(gaps, lengths, page="a") + alternating(gaps, lengths, page="b")
    share = tg.fit_outages(same).by_page["down_s"].iloc[0] / (5 * 3600 * 2999 + lengths.sum())
    assert tg.fit_outages(same).overlap["ratio"].item() == pytest.approx(1 / share, rel=1e-6)
    apart = history(*SPACED, page="a") + history(*((lo + 1000, hi + 1000) for lo, hi in SPACED), page="b")
    assert len(tg.fit_outages(apart).overlap) == 0


def test_three_pages_pool() -> None:
    """Lengths and times between are pooled over pages, but not between them; each pair has a row."""
    found = sum((history(*SPACED, page=page) for page in "bc"), history(*SPACED, page="a"))
    fit = tg.fit_outages(found)
    assert len(fit.durations_s) == 15
    assert fit.mtbf_s == 89 / 4 * 3600
    assert fit.by_page["mtbf_s"].tolist() == [89 / 4 * 3600] * 3
    assert fit.by_page["availability"].tolist() == pytest.approx([89 / 108] * 3)
    assert fit.overlap[["page", "other"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert fit.overlap["ratio"].tolist() == pytest.approx([108 / 19] * 3)
    assert len(tg.fit_outages(found, pages=["A"]).durations_s) == 5


# ---- bad input


@pytest.mark.parametrize(
    ("found", "options", "error", "message"),
    [
        (history(), {}, IncidentError, "a fit needs 5 outages or more. Got 0 of 0 incidents."),
        (history(*SPACED[:4]), {}, IncidentError, "Got 4 of 4 incidents."),
        (history(*SPACED, impact="minor"), {}, IncidentError, "Got 0 of 5 incidents; 5 impact below major."),
        (history(*SPACED, impact=None), {}, IncidentError, "5 impact not known to be major."),
        (history((0, 50), *SPACED), {}, IncidentError, "Got 2 of 6 incidents"),
        (history(*((n * 10, n * 10 + 1) for n in range(5))), {}, IncidentError, "all 5 outages last 1 h"),
        (
            sum((history(SPACED[n], page=str(n)) for n in range(1, 5)), history(SPACED[0], page="x")),
            {},
            IncidentError,
            "no page was seen to be up",
        ),
        (history(*SPACED), {"min_impact": "majr"}, IncidentError, "Did you mean 'major'?"),
        (history(*SPACED), {"pages": ["opnai"]}, IncidentError, "Did you mean 'openai'?"),
        (history(*SPACED), {"components": ["x"]}, IncidentError, "components: no incident has 'x'"),
        (history(*SPACED), {"tz": "Europe/Berln"}, WindowError, "Did you mean 'Europe/Berlin'?"),
        (history(*SPACED), {"start": "2026-03-02"}, InstantError, "start must carry a zone"),
        (
            history(*SPACED),
            {"start": START, "end": START - timedelta(days=1)},
            IncidentError,
            "end must lie after start",
        ),
        (history(*SPACED), {"start": START + timedelta(days=30)}, IncidentError, "5 starts outside of the period"),
    ],
)
def test_bad_input(found: Incidents, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Each is a clear error; with too few outages, it says where the others went."""
    with pytest.raises(error) as caught:
        tg.fit_outages(found, **options)
    assert message in str(caught.value)


# ---- what people see


def test_representations() -> None:
    """They name page, period, figures and distribution, show data beside fit, and escape."""
    fit = tg.fit_outages(history(*SPACED, page="<b>") + history((500, None), page="<b>"))
    assert repr(fit).startswith("<5 outages of <b>, 2026-03-02 to 2026-03-06: MTBF 22.2 h, MTTR 3.8 h (exponential); ")
    assert "; p_major 1; KS distance 0.23>" in repr(fit)
    assert "dropped 1: open: its length is not known" in repr(fit)
    page = fit._repr_html_()
    assert "<b><b>" not in page
    assert "82.4" in page  # the availability
    for name in ("data", "fit", "mtbf", "p99", "p_major", "ks_distance", "weibull", "aic"):
        assert name in page
    assert "ratio" in tg.fit_outages(history(*SPACED) + history(*SPACED, page="b"))._repr_html_()


def test_the_shape_stands_in_the_headline() -> None:
    """If the distribution has one."""
    fit = tg.fit_outages(alternating(np.full(500, 1000.0), draws("lognormal", 500, 7)))
    assert f"(lognormal, shape {fit.shape:.3g})" in repr(fit)


@pytest.mark.skipif(not REAL.exists(), reason=f"the real incidents are not there: {REAL}")
def test_the_real_incidents() -> None:
    """The lengths and times between of the 66 real outages are those of the raw document; they are lognormal."""
    raw = json.loads(REAL.read_text(encoding="utf-8"))["incidents"]
    spans = sorted(tuple(datetime.fromisoformat(each[name]) for name in ("started_at", "resolved_at")) for each in raw)
    spans = [span for span in spans if span[0] < span[1]]
    gaps = [(b[0] - a[1]).total_seconds() for a, b in pairwise(spans)]
    assert min(gaps) > 0  # none overlap
    fit = tg.fit_outages(tg.read_incidents(REAL), min_impact="minor")
    assert fit.durations_s.tolist() == sorted((hi - lo).total_seconds() for lo, hi in spans)
    assert fit.mtbf_s == pytest.approx(np.mean(gaps))
    assert fit.distribution == "lognormal"
    known = [each["impact"] for each in raw if each["started_at"] < each["resolved_at"] and each["impact"] != "none"]
    assert fit.p_major == sum(impact != "minor" for impact in known) / len(known)
    assert fit.starts_by_weekday[["sat", "sun"]].sum() == sum(lo.weekday() > 4 for lo, _ in spans)
