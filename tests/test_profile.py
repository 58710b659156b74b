"""Profiles: what is generated with known figures is fitted again, within the errors that the fit states."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import timegate as tg
from timegate.errors import InstantError, TimegateError, TraceError, WindowError
from timegate.traffic import AZURE_2024_CODING_HOURLY
from timegate.traffic.profile import _bars

START = "2026-03-02T00:00Z"
AZURE = Path(__file__).parents[2] / "shared" / "data" / "traces" / "AzureLLMInferenceTrace_code.csv"
CASES = [
    (0.5, "gamma"),
    (1.0, "gamma"),
    (2.0, "gamma"),
    (4.0, "gamma"),
    (0.5, "weibull"),
    (2.0, "weibull"),
    (4.0, "weibull"),
]


def a_day(cv: float, distribution: str = "gamma", calls: float = 200_000, days: int = 1, **more: Any) -> tg.Trace:
    rates = AZURE_2024_CODING_HOURLY * days
    return tg.RenewalTraffic(start=START, calls=calls, rates=rates, cv=cv, distribution=distribution, **more).trace(1)


@pytest.mark.parametrize(("cv", "distribution"), CASES)
def test_burstiness_and_rates_are_recovered(cv: float, distribution: str) -> None:
    """The cv lies within 4 of its standard errors and the bias stated, rates within 5 of theirs."""
    profile = tg.fit_profile(a_day(cv, distribution))
    assert profile.cv is not None
    assert profile.cv_se is not None
    assert profile.cv_se < 0.05 * cv
    assert abs(profile.cv - cv) < 4 * profile.cv_se + 0.03 * cv
    expected = np.array(AZURE_2024_CODING_HOURLY) * 200_000 / sum(AZURE_2024_CODING_HOURLY) / 3600
    error = cv * np.sqrt(expected / 3600)
    assert (abs(np.array(profile.rates_per_s) - expected) < 5 * error).all()
    assert profile.distribution == distribution or cv == 1  # at 1 both are the exponential
    assert profile.notes == ()
    assert profile.calls == len(a_day(cv, distribution))


def test_the_standard_error_of_cv_is_that_of_repeated_days() -> None:
    """Over 200 days of 5,000 calls each, estimates spread as ``cv_se`` says, within a fifth."""
    traffic = tg.RenewalTraffic(start=START, calls=5_000, rates=[1.0], bin_s=86_400, cv=1.5)
    fits = [tg.fit_profile(traffic.trace(seed), bin="1D") for seed in range(200)]
    spread = np.std([fit.cv for fit in fits], ddof=1)
    assert spread == pytest.approx(np.mean([fit.cv_se for fit in fits]), rel=0.2)


def test_a_rate_that_varies_is_not_burstiness() -> None:
    """Poisson traffic whose rate varies tenfold has a cv of 1 in the fit; the plain gaps have far more."""
    trace = a_day(1.0)
    plain = np.diff(trace.at_us)
    assert plain.std() / plain.mean() > 1.4
    assert tg.fit_profile(trace).cv == pytest.approx(1, abs=0.02)


def test_bins_that_are_cut_keep_their_lengths() -> None:
    """A trace from evening to noon has first and last days of a few hours: neither rate nor cv is thrown off."""
    traffic = tg.PoissonTraffic(start="2026-03-02T21:00Z", calls=50_000, rates=[1.0], bin_s=39 * 3600)
    profile = tg.fit_profile(traffic.trace(1), bin="1D")
    assert profile.cv == pytest.approx(1, abs=0.02)
    assert profile.rates_per_s == pytest.approx([50_000 / 39 / 3600], rel=0.02)


@pytest.mark.parametrize(("calls_a_bin", "bias"), [(30, 0.05), (100, 0.02)])
def test_the_bias_is_as_stated(calls_a_bin: int, bias: float) -> None:
    """With few calls a bin cv comes out low, but no lower than the docstring says; below that, the notes say so."""
    bins = 24 * 200
    for cv in (1.0, 2.0):
        calls = calls_a_bin * cv**2 * bins
        traffic = tg.RenewalTraffic(start=START, calls=calls, rates=[1.0] * bins, bin_s=3600, cv=cv)
        found = tg.fit_profile(traffic.trace(3)).cv
        assert found is not None
        assert -bias < found / cv - 1 < 0.005
    few = tg.PoissonTraffic(start=START, calls=240).trace(1)
    assert tg.fit_profile(few).notes == (
        f"only {len(few) / 24:.0f} calls a bin: cv comes out low, as bursts are taken for changes of the rate",
    )


def test_days_are_folded_into_one() -> None:
    """The rates of a day are the mean over days; a week keeps its days apart, and begins on Monday."""
    rates = [day for day in (1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 7.0) for _ in range(24)] * 2
    traffic = tg.EvenTraffic(start="2026-03-04T00:00Z", calls=sum(rates) * 360, rates=rates)  # a Wednesday
    trace = traffic.trace(0)
    span = {"start": "2026-03-04T00:00Z", "end": "2026-03-18T00:00Z"}
    day = tg.fit_profile(trace, **span)
    assert day.rates_per_s == pytest.approx([22 / 7 / 10] * 24, rel=0.01)
    week = tg.fit_profile(trace, period="week", **span)
    assert week.start == pd.Timestamp("2026-03-02T00:00Z")
    daily = np.array(week.rates_per_s).reshape(7, 24).mean(axis=1)
    assert daily == pytest.approx(np.array([0, 7, 1, 2, 3, 4, 5]) / 10, rel=0.01)
    assert week.notes == day.notes == ()


def test_the_bins_of_a_day_are_ten_minutes_or_whatever_is_asked() -> None:
    """``bin`` takes any length of which a day holds a whole number; counts fall into the right bins."""
    at = pd.date_range("2026-03-02T05:00Z", "2026-03-02T06:00Z", freq="1s", inclusive="left")
    span = {"start": START, "end": "2026-03-03T00:00Z"}
    for bin_, count in (("10min", 144), ("1h", 24), ("90s", 960), ("1D", 1)):
        profile = tg.fit_profile(tg.Trace(at), bin=bin_, **span)
        rates = np.array(profile.rates_per_s)
        assert len(rates) == count
        assert rates.sum() * profile.bin_s == pytest.approx(3600)
        if count > 1:
            busy = profile.frame.loc[rates > 0, "at"].dt.hour
            assert set(busy) == {5}
            assert rates.max() == pytest.approx(1)


def test_what_was_not_observed_is_said() -> None:
    """Hours before the first and after the last call have the mean rate, unless they were observed to be empty."""
    at = pd.date_range("2026-03-02T08:00Z", "2026-03-02T17:59:59Z", freq="1s")
    profile = tg.fit_profile(tg.Trace(at))
    assert profile.notes == ("14 of 24 bins hardly observed or not at all, given the mean rate",)
    assert profile.rates_per_s == pytest.approx([1.0] * 24, rel=1e-3)
    observed = tg.fit_profile(tg.Trace(at), start=START, end="2026-03-03T00:00Z")
    assert observed.notes == ()
    assert [round(rate) for rate in observed.rates_per_s] == [0] * 8 + [1] * 10 + [0] * 6


def test_a_bin_observed_for_a_moment_does_not_count() -> None:
    """A last call just after the hour does not give the next hour the rate of that moment."""
    at = pd.date_range("2026-03-02T08:00Z", "2026-03-02T10:00:02Z", freq="2s")
    profile = tg.fit_profile(tg.Trace(at))
    assert profile.rates_per_s[10] == pytest.approx(0.5, rel=0.01)
    assert profile.notes == ("22 of 24 bins hardly observed or not at all, given the mean rate",)


def test_preferences_and_tokens_are_recovered() -> None:
    """Shares within five standard deviations, medians and 90th percentiles within 5 %."""
    wanted = {"prompt_tokens": {"median": 1469, "p90": 5188}, "completion_tokens": {"median": 200, "p90": 700}}
    profile = tg.fit_profile(a_day(2.0, calls=50_000, preferences={"strong": 0.2, "weak": 0.25}, **wanted))
    for name, share in (("strong", 0.2), ("weak", 0.25)):
        assert abs(profile.preferences[name] - share) < 5 * math.sqrt(share * (1 - share) / 50_000)
    for name, tokens in wanted.items():
        assert getattr(profile, name).median == pytest.approx(tokens["median"], rel=0.05)
        assert getattr(profile, name).p90 == pytest.approx(tokens["p90"], rel=0.05)
    assert dict(profile.traffic().preferences) == dict(profile.preferences)
    assert profile.traffic().completion_tokens == profile.completion_tokens


def test_token_counts_of_nothing_are_left_out() -> None:
    """Missing counts and answers without a token do not enter; with none left there is no distribution."""
    at = pd.date_range(START, periods=40, freq="1min")
    tokens = pd.DataFrame(
        {"at": at, "prompt_tokens": [7, 0, None, 7] * 10, "completion_tokens": [0, None, 0, None] * 10}
    )
    profile = tg.fit_profile(tg.Trace(tokens))
    assert profile.prompt_tokens is not None
    assert (profile.prompt_tokens.median, profile.prompt_tokens.p90) == (7, 7)
    assert profile.completion_tokens is None
    assert "prompt_tokens missing in 10 of 40 calls, taken as 0 where needed" in profile.notes


def test_rounded_times_and_gaps_that_depend_are_said() -> None:
    """Times in whole seconds, and gaps that come in turns, are reservations of the fit."""
    trace = tg.PoissonTraffic(start=START, calls=100_000).trace(1)
    rounded = tg.fit_profile(tg.Trace.from_arrays(trace.at_us // 1_000_000 * 1_000_000))
    assert any("as of rounded times" in note for note in rounded.notes)
    turns = np.cumsum(np.tile([100_000, 100_000, 100_000, 5_000_000], 5_000))
    (note,) = tg.fit_profile(tg.Trace.from_arrays(turns), start="1970-01-01T00:00Z").notes[1:]
    assert note == "gaps depend on the one before (correlation -0.33); those generated do not"


def test_a_month_from_a_day() -> None:
    """31 days generated from one have 31 times its calls, its rates at every hour, and its burstiness."""
    profile = tg.fit_profile(a_day(2.0))
    month = profile.traffic("2026-04-01T00:00Z", days=31)
    assert isinstance(month, tg.RenewalTraffic)
    assert month.calls == pytest.approx(31 * profile.calls, rel=0.001)  # type: ignore[operator]
    again = tg.fit_profile(month.trace(2))
    assert again.cv == pytest.approx(profile.cv, rel=0.02)
    assert again.rates_per_s == pytest.approx(profile.rates_per_s, rel=0.05)


def test_generated_traffic_begins_at_its_time_of_the_day() -> None:
    """A start at another hour, before the profile or after it, takes the rates of that hour."""
    profile = tg.Profile(start=START, bin_s=21_600, rates_per_s=[1, 2, 3, 4])
    assert profile.traffic().rates == (1, 2, 3, 4)
    assert profile.traffic("2026-03-05T12:00Z", days=1.5).rates == (3, 4, 1, 2, 3, 4)
    assert profile.traffic("2026-03-01T18:00Z", days=0.25).rates == (4,)
    assert profile.traffic(days=2, scale=0.5).calls == 2 * 10 * 21_600 / 2


def test_burstiness_chooses_the_process() -> None:
    """Poisson where cv is not known, even near 0, renewal otherwise; an argument overrules the profile."""
    known = {"start": START, "bin_s": 3600, "rates_per_s": [1]}
    assert type(tg.Profile(**known).traffic()) is tg.PoissonTraffic
    assert type(tg.Profile(**known, cv=0.0).traffic()) is tg.EvenTraffic
    bursty = tg.Profile(**known, cv=3.0, distribution="weibull").traffic()
    assert isinstance(bursty, tg.RenewalTraffic)
    assert (bursty.cv, bursty.distribution) == (3.0, "weibull")
    assert tg.Profile(**known).traffic(cv=2.5).cv == 2.5  # type: ignore[attr-defined]
    even = tg.fit_profile(tg.EvenTraffic(start=START, calls=86_400).trace(0))
    assert even.cv == pytest.approx(0, abs=0.01)


def test_shows_itself() -> None:
    """The repr has the figures, a bar for each bin, at most 72, and the notes; HTML escapes what it shows."""
    profile = tg.Profile(start=START, bin_s=600, rates_per_s=[0.0, 1.0] * 72, cv=1.2, cv_se=0.05, calls=1234,
                         preferences={"<b>": 0.5}, notes=["<i>"])  # fmt: skip
    first, bars = str(profile).split("\n")
    assert first == (
        "<Profile of 1,234 calls: 144 bins of 10 min from 2026-03-02 00:00 UTC, "
        "0.5 calls/s, cv 1.20 ± 0.05 (gamma); <i>>"
    )
    assert len(bars) == 72
    assert _bars((0.0, 1.0, 4.0, 8.0)) == "▁▂▅█"
    html = profile._repr_html_()
    assert "&lt;i&gt;" in html
    assert "<b>Profile</b>" in html
    assert "share[&lt;b&gt;]" in html
    assert profile.summary()["peak_at"] == pd.Timestamp("2026-03-02T00:10Z")
    assert profile.summary()["least_rate_per_s"] == 0
    assert profile.frame["rate_per_s"].tolist() == list(profile.rates_per_s)
    assert "cv not known" in str(tg.Profile(start=START, bin_s=1.5, rates_per_s=[1]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bin": "7h"}, "bin must be a length like '1h' or '10min', of which a day holds a whole number. Got '7h'."),
        ({"bin": "2D"}, "bin must be a length"),
        ({"bin": "1ms"}, "bin must be a length"),
        ({"bin": "soon"}, "bin must be a length"),
        ({"bin": ""}, "bin must be a length"),
        ({"bin": "-1h"}, "bin must be a length"),
        ({"bin": None}, "bin must be a length"),
        ({"bin": 3600}, "bin must be a length"),
        ({"bin": [1]}, "bin must be a length"),
        ({"period": "wek"}, "period must be 'day' or 'week'. Got 'wek'. Did you mean 'week'?"),
        ({"period": None}, "period must be 'day' or 'week'. Got None."),
        ({"start": "2026-03-02T12:00Z"}, "start and end must enclose the arrivals, from 2026-03-02 00:00:"),
        ({"end": "2026-03-02T12:00Z"}, "start and end must enclose the arrivals"),
        ({"start": "2026-03-02"}, "start must carry a zone"),
        ({"end": 5}, "end must be an aware datetime"),
        ({"start": "1900-01-01T00:00Z", "end": "2199-12-31T00:00Z", "bin": "1s"}, "bin cuts the trace into 9,467,0"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    """Each is one clear error."""
    trace = tg.PoissonTraffic(start=START, calls=1000).trace(1)
    with pytest.raises((TraceError, InstantError)) as caught:
        tg.fit_profile(trace, **arguments)
    assert str(caught.value).startswith(message)


def test_too_few_arrivals_are_refused() -> None:
    """19 arrivals, or any number at one instant, make no profile."""
    with pytest.raises(TraceError, match=r"^a profile needs at least 20 arrivals\. Got 19 calls\.$"):
        tg.fit_profile(tg.Trace.from_arrays(np.arange(19)))
    with pytest.raises(TraceError, match="at more than one instant"):
        tg.fit_profile(tg.Trace.from_arrays(np.zeros(30, np.int64)))
    with pytest.raises(TraceError, match="trace must be a Trace"):
        tg.fit_profile([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": "2026-03-02T00:30Z"}, "start must lie a whole number of bins of 6 h from"),
        ({"start": "2026-03-02"}, "start must carry a zone"),
        ({"days": 0}, "days must be a whole number of bins of 6 h, 1 to 10,000,000. Got 0."),
        ({"days": -1}, "days must be a whole number of bins"),
        ({"days": 0.3}, "days must be a whole number of bins"),
        ({"days": math.nan}, "days must be a finite number. Got nan."),
        ({"days": math.inf}, "days must be a finite number. Got inf."),
        ({"days": "1"}, "days must be a finite number. Got '1'."),
        ({"days": True}, "days must be a finite number. Got True."),
        ({"days": 1e9}, "days must be a whole number of bins of 6 h, 1 to 10,000,000. Got 1000000000.0."),
        ({"days": 200_000}, "bin_s must keep the profile within the years 1900 to 2199."),
        ({"scale": 0}, "calls must be greater than 0"),
        ({"scale": math.nan}, "scale must be a finite number. Got nan."),
        ({"scale": "2"}, "scale must be a finite number. Got '2'."),
        ({"cv": "2"}, "cv must be a finite number. Got '2'."),
        ({"cv": -1.0}, "cv must be greater than or equal to 0.01"),
        ({"cv": 1000.0}, "cv must be less than or equal to 100"),
    ],
)
def test_bad_traffic_is_refused(arguments: dict[str, Any], message: str) -> None:
    """What a profile cannot generate is one clear error."""
    with pytest.raises(TimegateError) as caught:
        tg.Profile(start=START, bin_s=21_600, rates_per_s=[1, 2, 3, 4]).traffic(**arguments)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rates_per_s": [0, 0]}, "rates_per_s must not all be 0."),
        ({"rates_per_s": [1, -1]}, "rates_per_s[1] must be greater than or equal to 0. Got -1."),
        ({"rates_per_s": [math.nan]}, "rates_per_s[0] must be"),
        ({"rates_per_s": []}, "rates_per_s must"),
        ({"bin_s": 0}, "bin_s must be"),
        ({"cv": -1}, "cv must be"),
        ({"distribution": "gama"}, "distribution must be 'gamma' or 'weibull'. Got 'gama'. Did you mean 'gamma'?"),
        ({"rate": 1}, "Profile has the unknown key 'rate'."),
    ],
)
def test_bad_profiles_are_refused(fields: dict[str, Any], message: str) -> None:
    """A profile checks its fields as every value does."""
    with pytest.raises(TraceError) as caught:
        tg.Profile(**{"start": START, "bin_s": 60, "rates_per_s": [1]} | fields)
    assert str(caught.value).startswith(message)


@pytest.mark.skipif(not AZURE.exists(), reason=f"the real trace is not there: {AZURE}")
def test_a_real_hour() -> None:
    """The Azure hour has the token quantiles that were published, and its rate; its bursts are far from Poisson's."""
    trace = tg.read_trace(AZURE)
    profile = tg.fit_profile(trace, bin="10min")
    assert profile.completion_tokens is not None
    assert (profile.completion_tokens.median, profile.completion_tokens.p90) == (13, 55)
    assert profile.prompt_tokens is not None
    assert profile.prompt_tokens.median == 1469
    plain = np.diff(trace.at_us)
    assert profile.cv == pytest.approx(plain.std() / plain.mean(), rel=0.15)
    assert profile.cv > 10
    assert np.mean(profile.rates_per_s) == pytest.approx(8819 / 3436, rel=0.01)
    assert "137 of 144 bins hardly observed or not at all, given the mean rate" in profile.notes
    assert "read as Azure LLM trace, times taken as UTC" in profile.notes


def test_rates_of_local_hours() -> None:
    """Calls at nine in the morning stay in the bin of nine, on both sides of a change of clocks."""
    for tz, days in (("America/New_York", 14), ("Asia/Kolkata", 7), ("UTC", 7)):
        mornings = pd.date_range("2026-03-02 09:00", periods=days, tz=tz)  # New York's clocks change on the 8th
        at = sorted(morning + pd.Timedelta(i, "min") for morning in mornings for i in range(60))
        observed = {"start": mornings[0].normalize(), "end": (mornings[-1] + pd.Timedelta("1D")).normalize()}
        profile = tg.fit_profile(tg.Trace(at), tz=tz, **observed)
        assert profile.start == mornings[0].normalize()
        rates = np.array(profile.rates_per_s)
        assert np.flatnonzero(rates).tolist() == [9]
        assert rates[9] == pytest.approx(1 / 60)


def test_local_weeks_begin_on_monday() -> None:
    """The profile of a week begins at the local midnight of a Monday, and hours count from there."""
    tz = "America/Sao_Paulo"
    at = pd.date_range("2026-03-06 00:00", "2026-03-07 00:00", freq="10min", tz=tz, inclusive="left")  # a Friday
    profile = tg.fit_profile(tg.Trace(at), period="week", tz=tz, end=at[-1] + pd.Timedelta("10min"))
    assert profile.start == pd.Timestamp("2026-03-02", tz=tz)
    assert profile.rates_per_s[4 * 24] == pytest.approx(1 / 600)
    with pytest.raises(WindowError, match="tz must be an IANA zone"):
        tg.fit_profile(tg.Trace(at), tz="Mars/Olympus")
