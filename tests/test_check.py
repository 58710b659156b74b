"""The check of configs: coverage against zoneinfo at every edge and minute, and each finding with its opposite."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import MICROSECOND, SPAN, _edges, configs, eras, examples, us
from test_timetable import is_open

import timegate as tg
from timegate.core.clock import DAY_US, LAST_US, from_us, to_us
from timegate.core.timetable import Hours
from timegate.errors import ConfigError, InstantError, InvalidTypeError
from timegate.review.findings import CODES
from timegate.samples import CONFIG, sample

NOW = "2026-03-02T00:00Z"  # a Monday
MINUTE = timedelta(minutes=1)


def config(*deployments: dict[str, Any]) -> tg.GatewayConfig:
    """Deployments by providers of their own, called a, b, c, unless they say otherwise."""
    return tg.GatewayConfig(
        deployments=[{"model_name": n, "model": f"{n}/m"} | d for n, d in zip("abcdef", deployments, strict=False)]
    )


def windowed(*windows: Any, **fields: Any) -> tg.GatewayConfig:
    """One deployment with time constraints, and two by other providers that are always open."""
    return config({"time_constraints": list(windows), **fields}, {}, {})


def found(given: tg.GatewayConfig | str | Path, code: str, horizon: Any = None, now: str = NOW) -> list[tg.Finding]:
    return [finding for finding in tg.check(given, horizon, now=now) if finding.code == code]


def inside(findings: list[tg.Finding], at_us: int) -> bool:
    return any(((f.spans_us[:, 0] <= at_us) & (at_us < f.spans_us[:, 1])).any() for f in findings)


def probes(given: tg.GatewayConfig, era: datetime, day: int) -> list[int]:
    """Every minute of one day, and one microsecond around all that could be an edge of any."""
    near = {at + by * MICROSECOND for at in _edges(given, era, None) for by in (-1, 0, 1)}
    minutes = {era + timedelta(days=day) + i * MINUTE for i in range(1440)}
    return sorted(us(at) for at in near | minutes | {era, era + SPAN - MICROSECOND} if era <= at < era + SPAN)


def open_at(given: tg.GatewayConfig, at_us: int) -> list[int]:
    """Who is open, by the oracle."""
    return [i for i, d in enumerate(given.deployments) if is_open(Hours(d.time_constraints, d.available), at_us)]


@examples(40)
@given(eras.flatmap(lambda era: st.tuples(st.just(era), configs(era), st.integers(0, SPAN.days - 1))))
def test_coverage_is_what_zoneinfo_says(drawn):
    """Gaps, lone deployments and lone providers are exactly where brute force by minute and edge finds them."""
    era, given, day = drawn
    findings = tg.check(given, (era, era + SPAN), now=era)
    gaps = [f for f in findings if f.code in ("TG101", "TG102")]
    alone = [f for f in findings if f.code == "TG103"]
    provider = [f for f in findings if f.code == "TG202"]
    edges = {at for f in (*gaps, *alone, *provider) for at in f.spans_us.ravel().tolist()}
    instants = {*probes(given, era, day), *(at + by for at in edges for by in (-1, 0))}
    many = len(given.deployments) > 1
    mixed = len({d.provider for d in given.deployments}) > 1
    for at_us in sorted(at for at in instants if us(era) <= at < us(era + SPAN)):
        who = open_at(given, at_us)
        assert inside(gaps, at_us) == (not who), from_us(at_us)
        names = [f.deployment for f in alone if inside([f], at_us)]
        lone = [given.deployments[i].model_name for i in who if many and len(who) == 1]
        one_provider = mixed and len(who) > 1 and len({given.deployments[i].provider for i in who}) == 1
        if names != lone or inside(provider, at_us) != one_provider:  # of single instants these say nothing
            assert not names
            assert not inside(provider, at_us)
            beside = [at for at in (at_us - 1, at_us + 1) if us(era) <= at < us(era + SPAN)]
            assert all(open_at(given, at) != who for at in beside), from_us(at_us)


@examples(60)
@given(eras.flatmap(lambda era: st.tuples(st.just(era), configs(era))))
def test_never_open_is_what_the_timetable_says(drawn):
    """A deployment is found to be never open iff no segment of a minute or longer is open."""
    era, given = drawn
    named = {f.deployment for f in tg.check(given, (era, era + SPAN), now=era) if f.code == "TG104"}
    segments = given.router().timetable.compile(us(era), us(era + SPAN))
    for i, deployment in enumerate(given.deployments):
        bounds = np.flatnonzero(np.diff(np.concatenate([[0], segments.open[:, i].astype(int), [0]])))
        lengths = np.diff(segments.edges_us[bounds].reshape(-1, 2), axis=1)
        assert (deployment.model_name in named) == (lengths.max(initial=0) < 60_000_000)


@examples(100)
@given(eras.flatmap(lambda era: st.tuples(st.just(era), configs(era))))
def test_removing_what_changes_nothing_changes_nothing(drawn):
    """The timetable is the same without a window that never applies, lies within others, or is overruled."""
    era, given = drawn
    horizon = (us(era), us(era + SPAN))
    for finding in tg.check(given, (era, era + SPAN), now=era):
        if finding.code in ("TG303", "TG305", "TG309") and "instants" not in finding.message:
            data = given.to_dict()
            index = [d["model_name"] for d in data["deployments"]].index(finding.deployment)
            windows = data["deployments"][index][finding.field]
            if len(windows) == 1 and finding.field == "available":
                continue  # an empty list means always, and says the opposite
            del windows[finding.index]
            tables = [c.router().timetable.compile(*horizon) for c in (given, tg.GatewayConfig.model_validate(data))]
            assert np.array_equal(tables[0].edges_us, tables[1].edges_us), finding
            assert np.array_equal(tables[0].open, tables[1].open), finding


def test_a_year_holds_every_change_of_the_clocks():
    """By default a gap that only a change of the clocks opens is found, months ahead."""
    berlin = {"available": [{"start": "01:00", "end": "24:00", "tz": "Europe/Berlin"}]}
    # Berlin's first hour is closed: from 22:00 UTC in summer, from 23:00 in winter.
    assert not found(config(berlin, {"available": [["22:00", "00:00"]]}), "TG101", now="2026-06-01T00:00Z")
    summer_only = config(berlin, {"available": [["22:00", "23:30"]]})
    [gap] = found(summer_only, "TG101", now="2026-06-01T00:00Z")
    assert gap.message.startswith(
        "No deployment is open from 23:30 to 24:00 UTC every day from 2026-10-25 to 2027-03-27"
    )
    assert len(gap.spans) == 154
    first = gap.spans[0]
    assert first == (from_us(to_us("2026-10-25T23:30:00.000001Z", "")), from_us(to_us("2026-10-26T00:00Z", "")))
    [gap] = found(summer_only, "TG101", 7, now="2026-06-01T00:00Z")
    assert [start.date().isoformat() for start, _ in gap.spans] == ["2026-10-25", "2027-03-27"]


def test_horizons():
    """A horizon is a number of days, a length of time or a stretch; a week and the clocks' changes are always in it."""
    lone = config({"available": [{"start": "08:00", "end": "20:00", "tz": "Europe/Berlin"}]})
    now = to_us(NOW, "now")
    week, spring, autumn = now + 7 * DAY_US, to_us("2026-03-29T01:00Z", ""), to_us("2026-10-25T01:00Z", "")
    changes = [[c - DAY_US, c + DAY_US] for c in (spring, autumn)]
    periods = {h: tg.check(lone, h, now=NOW).periods_us.tolist() for h in (None, 1, 0.5, 30.0, timedelta(days=10))}
    assert periods == {
        None: [[now, now + 366 * DAY_US]],
        1: [[now, week], *changes],
        0.5: [[now, week], *changes],
        30.0: [[now, now + 30 * DAY_US], changes[1]],
        timedelta(days=10): [[now, now + 10 * DAY_US], *changes],
    }
    stretch = ("2026-05-01T00:00Z", "2026-05-02T12:00Z")
    assert tg.check(lone, stretch).periods == [tuple(from_us(to_us(at, "")) for at in stretch)]
    assert tg.check(config({}), now=from_us(LAST_US - 1)).periods_us.tolist() == [[LAST_US - 1, LAST_US]]


def test_many_windows_are_looked_at_for_a_week():
    """Of thousands of windows a week is looked at, and the changes of the clocks, unless a horizon is given."""
    windows = [{"start": f"{i // 60:02}:{i % 60:02}", "end": "24:00", "except_dates": []} for i in range(1400)]
    large = config({"time_constraints": windows}, {"time_constraints": windows})
    now = to_us(NOW, "now")
    findings = tg.check(large, now=NOW)
    assert findings.periods_us.tolist() == [[now, now + 7 * DAY_US]]
    assert sum(f.code == "TG303" for f in findings) == 2 * 1399
    assert tg.check(large, 9, now=NOW).periods_us.tolist() == [[now, now + 9 * DAY_US]]


@pytest.mark.parametrize(
    ("horizon", "kind", "problem"),
    [
        (0, InstantError, "longer than 0 days"),
        (-1, InstantError, "longer than 0 days"),
        (timedelta(0), InstantError, "longer than 0 days"),
        (float("nan"), InstantError, "longer than 0 days"),
        (float("inf"), InstantError, "before the year 2200"),
        (10**400, InstantError, "before the year 2200"),
        ("7", InvalidTypeError, "a number of days"),
        (True, InvalidTypeError, "a number of days"),
        ([NOW], InvalidTypeError, "a pair of instants"),
        ((NOW, NOW), InstantError, "must end after its start"),
        ((NOW, "2026-03-03"), InstantError, r"horizon\[1\] must carry a zone"),
        ((1, 2), InstantError, r"horizon\[0\] must be an aware datetime"),
    ],
    ids=repr,
)
def test_refused_horizons(horizon, kind, problem):
    """What is no length or stretch of time is refused by name."""
    with pytest.raises(kind, match=problem) as caught:
        tg.check(config({}), horizon, now=NOW)
    assert str(caught.value).startswith("horizon")


def test_now_must_be_aware():
    """A naive now is refused by name."""
    with pytest.raises(InstantError, match=r"^now must carry a zone"):
        tg.check(config({}), now="2026-03-02T00:00")


def test_now_is_the_present_by_default():
    """Without now, the present instant begins the time that is looked at."""
    before = us(datetime.now(tz=from_us(0).tzinfo))
    assert before <= tg.check(config({})).periods_us[0, 0] <= before + 3600 * 10**6


CLOSED_ALL_DAY = ["00:00", "24:00"]
BERLIN = {"tz": "Europe/Berlin"}
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
CASES: dict[str, tuple[list[tg.GatewayConfig], list[tg.GatewayConfig]]] = {
    # code: configs in which it is found, and configs in which it is not
    "TG101": (
        [
            config({"time_constraints": [["22:00", "06:00"]]}),
            config({"time_constraints": [CLOSED_ALL_DAY]}, {"available": [["00:00", "23:59"]]}),
            config({"available": [{"start": "00:00", "end": "24:00", "except_dates": ["2026-12-25"]}]}),
        ],
        [
            config({}),
            config({"time_constraints": [["22:00", "06:00"]]}, {"time_constraints": [["06:01", "21:59"]]}),
            config({"time_constraints": [["22:00", "06:00"]]}, {"time_constraints": [["06:00", "22:00"]]}),
        ],
    ),
    "TG102": (
        [config({"time_constraints": [["22:00", "06:00"]]}, {"time_constraints": [["06:00", "22:00"]]})],
        [config({"time_constraints": [["22:00", "06:00"]]}, {"available": [["22:00", "06:00"]]})],
    ),
    "TG103": (
        [
            config({"time_constraints": [["22:00", "06:00"]]}, {}),
            config({}, {"available": [{"start": "08:00", "end": "20:00", "days": ["mon"]}]}),
        ],
        [
            config({"time_constraints": [["22:00", "06:00"]]}, {}, {}),
            config({"time_constraints": [["22:00", "06:00"]]}),  # the only one anyway
            config({"time_constraints": [["12:00", "12:00"]]}, {}),  # for an instant
        ],
    ),
    "TG104": (
        [
            windowed(CLOSED_ALL_DAY),
            windowed(["08:00", "20:00"], available=[["09:00", "10:00"]]),
            windowed(available=[{"start": "08:00", "end": "20:00", "until": "2025-01-01"}]),
            windowed(["00:00", "23:59"]),
            windowed(available=[["12:00", "12:00"]]),
        ],
        [windowed(["00:00", "23:58"]), windowed(available=[["12:00", "12:01"]]), windowed()],
    ),
    "TG105": ([config({})], [config({}, {})]),
    "TG201": (
        [config({"model": "openai/a"}, {"model": "openai/b"})],
        [config({"model": "openai/a"}), config({"model": "openai/a"}, {"model": "azure/a"})],
    ),
    "TG202": (
        [
            config({"model": "openai/a"}, {"model": "openai/b"}, {"available": [["08:00", "20:00"]]}),
            config({"model": "openai/a"}, {"model": "openai/b"}, {"time_constraints": [["08:00", "20:00"]]}),
        ],
        [
            config({"model": "openai/a"}, {"model": "openai/b"}, {}),
            config({"model": "openai/a"}, {"model": "openai/b"}),  # TG201 says more
            config({"model": "openai/a"}, {"available": [["08:00", "20:00"]]}),  # TG103 says more
            config({"model": "openai/a"}, {"model": "openai/b"}, {"time_constraints": [["12:00", "12:00"]]}),
        ],
    ),
    "TG301": (
        [windowed(["12:00", "12:00"]), windowed(["00:00", "00:00"])],
        [windowed(["12:00", "12:01"]), windowed(["00:00", "24:00"])],
    ),
    "TG302": (
        [
            windowed(["00:00", "23:59"]),
            windowed(["22:00", "05:59"], ["06:00", "08:00"]),
            windowed(["06:00", "08:00"], ["22:00", "05:59"]),
            windowed({"start": "12:00", "end": "12:59", **BERLIN}, {"start": "12:00", "end": "13:00"}),
            windowed(available=[["00:00", "23:59"]]),
        ],
        [
            windowed(["00:00", "24:00"]),
            windowed(["22:00", "06:00"], ["06:00", "08:00"]),
            windowed(["22:00", "05:58"], ["06:00", "08:00"]),
            windowed(["00:00", "23:59"], ["23:30", "00:30"]),
            windowed({"start": "00:00", "end": "23:59", "days": ["mon", "wed"]}),
        ],
    ),
    "TG303": (
        [
            windowed(["22:00", "06:00"], ["23:00", "05:00"]),
            windowed(["23:00", "05:00"], ["22:00", "06:00"]),
            windowed(["22:00", "06:00"], ["22:00", "06:00"]),
            windowed({"start": "12:00", "end": "12:30", **BERLIN}, ["10:00", "11:30"]),
            windowed(["01:00", "02:00"], ["00:00", "24:00"]),
            windowed(available=[["10:00", "11:00"], ["09:00", "11:00"]]),
        ],
        [
            windowed(["22:00", "06:00"], ["23:00", "06:01"]),
            windowed({"start": "12:00", "end": "12:30", **BERLIN}, ["10:00", "11:00"]),  # in summer only
            windowed(["22:00", "06:00"], available=[["23:00", "05:00"], ["06:00", "07:00"]]),  # two lists
        ],
    ),
    "TG304": (
        [
            windowed(["22:00", "06:00"], ["05:00", "07:00"]),
            windowed(["05:00", "07:00"], ["22:00", "06:00"]),
            windowed({"start": "12:00", "end": "12:30", **BERLIN}, ["10:00", "11:00"]),
        ],
        [
            windowed(["22:00", "06:00"], ["06:00", "07:00"]),  # they share an instant
            windowed(["22:00", "06:00"], ["23:00", "05:00"]),  # TG303 says more
            windowed(["23:00", "05:00"], ["22:00", "06:00"]),
        ],
    ),
    "TG305": (
        [
            windowed({"start": "1:00", "end": "2:00", "days": ["mon#1"], "days_of_month": [15]}),
            windowed({"start": "1:00", "end": "2:00", "days": ["fri"], "since": "2026-03-02", "until": "2026-03-05"}),
            windowed({"start": "1:00", "end": "2:00", "since": "2026-03-07", "until": "2026-03-07",
                      "except_dates": ["2026-03-07"]}),
            windowed({"start": "02:15", "end": "02:45", "since": "2026-03-29", "until": "2026-03-29", **BERLIN}),
        ],
        [
            windowed({"start": "1:00", "end": "2:00", "days": ["fri"], "since": "2026-03-02", "until": "2026-03-06"}),
            windowed({"start": "02:15", "end": "02:45", "since": "2026-03-29", "until": "2026-03-30", **BERLIN}),
            windowed({"start": "02:15", "end": "03:00", "since": "2026-03-29", "until": "2026-03-29", **BERLIN}),
            windowed({"start": "1:00", "end": "2:00", "days": ["mon"], "except_dates": ["2026-03-02"]}),
            windowed({"start": "1:00", "end": "2:00", "days": ["mon"], "since": "2026-03-02", "until": "2026-04-06",
                      "except_dates": ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30"]}),
        ],
    ),
    "TG306": (
        [
            windowed({"start": "1:00", "end": "2:00", "until": "2026-03-01"}),
            windowed({"start": "1:00", "end": "2:00", "since": "2025-01-01", "until": "2025-01-01"}),
            windowed({"start": "1:00", "end": "2:00", "until": "2026-03-05", "days": ["sun"]}),
            windowed(available=[{"start": "1:00", "end": "2:00", "until": "2024-03-01"}]),
        ],
        [
            windowed({"start": "1:00", "end": "2:00", "until": "2026-03-02"}),
            windowed({"start": "22:00", "end": "2:00", "until": "2026-03-01"}),  # its last night is not over
            windowed({"start": "20:00", "end": "21:00", "until": "2026-03-01", "tz": "America/New_York"}),
            windowed({"start": "1:00", "end": "2:00"}),
        ],
    ),
    "TG307": (
        [windowed({"start": "1:00", "end": "2:00", "since": "2028-01-01"})],
        [windowed({"start": "1:00", "end": "2:00", "since": "2027-01-01"})],
    ),
    "TG308": (
        [
            windowed({"start": "1:00", "end": "2:00", "days": ["mon"], "except_dates": ["2026-03-03"]}),
            windowed({"start": "1:00", "end": "2:00", "since": "2026-03-05", "except_dates": ["2026-03-03"]}),
            windowed({"start": "1:00", "end": "2:00", "until": "2026-03-05", "except_dates": ["2026-03-06"]}),
        ],
        [windowed({"start": "1:00", "end": "2:00", "days": ["tue"], "except_dates": ["2026-03-03"]})],
    ),
    "TG309": (
        [
            windowed(["06:00", "22:00"], available=[["08:00", "20:00"], ["22:00", "23:00"]]),
            windowed(["20:00", "08:00"], available=[["08:00", "20:00"]]),
            windowed(["21:00", "07:00"], available=[["08:00", "20:00"]]),
        ],
        [
            windowed(["09:00", "22:00"], available=[["08:00", "20:00"]]),
            windowed(["12:00", "12:00"]),
            windowed(["12:00", "12:00"], available=[["08:00", "20:00"]]),
        ],
    ),
    "TG310": (
        [windowed({"start": "1:00", "end": "2:00", "days": days}) for days in (["mon", "fri"], ["tue", "thu"])],
        [
            windowed({"start": "1:00", "end": "2:00", "days": days})
            for days in ("mon-fri", ["mon", "tue"], ["mon", "sun"], ["mon", "wed", "fri"], ["mon#1", "fri#1"])
        ],
    ),
    "TG311": (
        [windowed({"start": "1:00", "end": "2:00", "days": days}) for days in ("fri-mon", ["sat-mon", "wed"])],
        [windowed({"start": "1:00", "end": "2:00", "days": days}) for days in ("mon-sun", "fri-sun", ["mon", "sun"])],
    ),
    "TG312": (
        [
            windowed({"start": "1:00", "end": "2:00", "holidays": "AE"}),  # which follow the moon
        ],
        [
            windowed({"start": "1:00", "end": "2:00", "holidays": "DE-BY"}),
            windowed({"start": "1:00", "end": "2:00", "holidays": ["2026-12-24"]}),
        ],
    ),
    "TG314": (
        [windowed({"start": "1:00", "end": "2:00", "days": "mon-fri", "holidays": "CN"})],
        [
            windowed({"start": "1:00", "end": "2:00", "holidays": "CN"}),
            windowed({"start": "1:00", "end": "2:00", "days": "mon-fri", "holidays": "CN", "on_holidays": "only"}),
            windowed({"start": "1:00", "end": "2:00", "days": "mon-fri", "holidays": "CN", "until": "2026-03-02"}),
            windowed({"start": "1:00", "end": "2:00", "days": "mon-fri", "holidays": "DE"}),
        ],
    ),
    "TG313": (
        [
            windowed({"start": "18:00", "end": "mon 08:00", "days_of_month": [1, 2]}),
            windowed({"start": "18:00", "end": "mon 08:00", "days": ["fri#1", "sat"]}),
        ],
        [
            windowed({"start": "18:00", "end": "mon 08:00", "days": ["fri"]}),
            windowed({"start": "18:00", "end": "mon 08:00", "days_of_month": [1]}),
            windowed({"start": "08:00", "end": "mon 08:00", "days": "mon"}),
        ],
    ),
    "TG401": (
        [
            windowed({"start": "02:15", "end": "02:45", **BERLIN}),
            windowed({"start": "02:30", "end": "02:30", **BERLIN}),
        ],
        [
            windowed({"start": "02:15", "end": "02:45"}),
            windowed({"start": "02:15", "end": "03:00", **BERLIN}),
            windowed({"start": "02:15", "end": "02:45", "days": ["sat"], **BERLIN}),
            windowed({"start": "02:15", "end": "02:45", "until": "2026-03-28", **BERLIN}),
        ],
    ),
    "TG402": (
        [
            windowed({"start": "02:15", "end": "02:45", **BERLIN}),  # twice in autumn
            windowed({"start": "02:30", "end": "04:00", **BERLIN}),
            windowed({"start": "22:00", "end": "02:30", **BERLIN}),
        ],
        [
            windowed({"start": "22:00", "end": "06:00", **BERLIN}),
            windowed({"start": "22:00", "end": "02:00", **BERLIN}),
            windowed({"start": "03:00", "end": "04:00", **BERLIN}),
            windowed({"start": "02:15", "end": "02:45", "tz": "Asia/Tokyo"}),
        ],
    ),
    "TG404": (
        [windowed({"start": "1:00", "end": "2:00", "tz": tz}) for tz in ("EST", "MST", "HST")],
        [windowed({"start": "1:00", "end": "2:00", "tz": tz}) for tz in ("EST5EDT", "America/New_York", "Etc/GMT+5")],
    ),
    "TG403": (
        [
            windowed({"start": "22:00", "end": "06:00", **BERLIN}),
            windowed({"start": "01:00", "end": "03:00", **BERLIN}),
        ],
        [
            windowed({"start": "22:00", "end": "06:00"}),
            windowed({"start": "00:00", "end": "24:00", **BERLIN}),
            windowed({"start": "22:00", "end": "01:59", **BERLIN}),
        ],
    ),
}  # fmt: skip


def test_a_calendar_that_is_known_up_to_a_year(monkeypatch):
    """Where the package knows which days are moved up to a year alone, it is said that what follows is an estimate."""
    monkeypatch.setattr("timegate.review.window_checks.estimate", lambda calendar, year: (2021, []))
    findings = found(windowed({"start": "1:00", "end": "2:00", "holidays": "AM"}), "TG312")
    assert "is known up to 2021." in findings[0].message


@pytest.mark.parametrize(
    ("code", "given"), [(code, given) for code, (positive, _) in CASES.items() for given in positive]
)
def test_found(code, given):
    """Each finding is found where it should be, says where, and how to mend it."""
    findings = found(given, code)
    assert findings
    for finding in findings:
        assert finding.severity == CODES[code].severity
        assert finding.message.endswith(".")
        assert finding.fix.endswith(".")
        if code.startswith(("TG3", "TG4")):
            assert finding.place == f"deployments[0] 'a': {finding.field}[{finding.index}]"
            assert finding.deployment == "a"
            assert 0 <= finding.index < len(getattr(given.deployments[0], finding.field))


@pytest.mark.parametrize(
    ("code", "given"), [(code, given) for code, (_, negative) in CASES.items() for given in negative]
)
def test_not_found(code, given):
    """Each finding is not found where it should not be."""
    assert found(given, code) == []


def test_every_code_has_a_case():
    """No code is without a test of both kinds; those about text stand below, those of policies and prices elsewhere."""
    elsewhere = {code for code in CODES if code.startswith(("TG7", "TG8"))}
    assert {*CASES, "TG501", "TG502", "TG601", "TG602", "TG603", *elsewhere} == set(CODES)
    assert all(positive and negative for positive, negative in CASES.values())


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (
            config({"available": [{"start": "08:00", "end": "20:00", "days": WORKDAYS, **BERLIN}]}),
            "TG101",
            [
                "No deployment is open from Fri 20:00 to Mon 08:00 Europe/Berlin every week, "
                "next Fri 2026-03-06 19:00 to Mon 2026-03-09 07:00 UTC (Fri 20:00 to Mon 08:00 Europe/Berlin).",
                "No deployment is open from 20:00 to 08:00 Europe/Berlin on Mon to Thu, "
                "next Mon 2026-03-02 19:00 to Tue 2026-03-03 07:00 UTC (Mon 20:00 to Tue 08:00 Europe/Berlin).",
            ],
        ),
        (
            config({"available": [["00:00", "23:59"]]}),
            "TG101",
            ["No deployment is open from 23:59 to 24:00 UTC every day, next Mon 2026-03-02 23:59 to 24:00 UTC."],
        ),
        (
            config({"available": [{"start": "00:00", "end": "24:00", "except_dates": ["2026-12-25"]}]}),
            "TG101",
            [
                "No deployment is open from 00:00 to 24:00 UTC on Fri 2026-12-25, "
                "next Fri 2026-12-25 00:00 to 24:00 UTC."
            ],
        ),
        (config({"time_constraints": [CLOSED_ALL_DAY]}), "TG101", ["No deployment is open at any time."]),
        (
            config({"time_constraints": [["22:00", "06:00"]]}, {"time_constraints": [["06:00", "22:00"]]}),
            "TG102",
            [
                "No deployment is open for the single instant at 06:00 UTC every day, next Mon 2026-03-02 06:00 UTC; "
                "at 22:00 UTC every day, next Mon 2026-03-02 22:00 UTC."
            ],
        ),
        (
            windowed(["00:00", "23:59"]),
            "TG104",
            ["'a' is never open for more than 59.999999 s at a time: calls cannot count on it."],
        ),
        (
            windowed(["22:00", "05:59"], ["06:00", "08:00"]),
            "TG302",
            [
                "Between its end at 05:59 and the start of time_constraints[1] at 06:00, these windows leave the "
                "deployment open for 59.999999 s."
            ],
        ),
        (
            windowed({"start": "02:15", "end": "02:45", **BERLIN}),
            "TG401",
            ["The clocks change in Europe/Berlin: on 2026-03-29 it does not occur."],
        ),
        (
            windowed({"start": "22:00", "end": "02:30", **BERLIN}),
            "TG402",
            [
                "The clocks change in Europe/Berlin: on 2026-03-28 it ends early and lasts 30 min less; "
                "on 2026-10-24 it occurs in two parts and lasts 30 min longer."
            ],
        ),
        (
            windowed({"start": "22:00", "end": "06:00", **BERLIN}),
            "TG403",
            [
                "The clocks change in Europe/Berlin: on 2026-03-28 it lasts 1 h less; "
                "on 2026-10-24 it lasts 1 h longer."
            ],
        ),
        (windowed(*[["10:00", "11:00"]] * 8), "TG303", ["It repeats time_constraints[0]."] * 7),
    ],
)  # fmt: skip
def test_messages(given, code, message):
    """What recurs is said once, in words and with the local time."""
    assert [finding.message for finding in found(given, code)] == message


def test_the_same_gap_is_told_once_for_both_sides_of_daylight_saving():
    """A gap between windows of two zones is an hour longer in summer, and one finding."""
    berlin = {"start": "23:30", "end": "05:00", "tz": "Europe/Berlin"}
    given = config(
        {"model": "openai/a", "time_constraints": [["22:00", "06:00"]]},
        {"model": "sim/b", "time_constraints": [berlin]},
    )
    found = [f for f in tg.check(given, now="2026-11-25T00:00Z") if f.code == "TG103" and "04:00 to 06:00" in f.message]
    assert len(found) == 1
    assert found[0].message.startswith(
        "Only 'b' is open from 03:00 to 06:00 UTC every day from 2027-03-28 to 2027-10-30, and from 04:00 to"
    )
    assert len(found[0].spans_us) > 360


def test_the_sample_is_told_what_matters():
    """Of the sample config: the hour without anybody, the nights with one, and who lies behind one provider."""
    findings = tg.check(sample(CONFIG), now=NOW)
    found = [(f.severity, f.code, f.deployment, f.message.partition(" UTC")[0]) for f in findings]
    assert found == [
        ("error", "TG101", None, "No deployment is open from 23:30 to 00:30"),
        ("warning", "TG103", "weak", "Only 'weak' is open from 00:30 to 06:00"),
        ("warning", "TG103", "weak", "Only 'weak' is open from 22:00 to 23:30"),
        ("info", "TG202", None, found[3][3]),
    ]
    assert findings[0].fix == (
        "Open one of those that are closed then: 'strong' (time_constraints[0]), 'weak' (time_constraints[0]) or "
        "'backup' (no window of available)."
    )


def test_many_patterns_share_a_finding():
    """Beyond a few patterns the stretches are told together, and none is lost."""
    windows = [{"start": f"{h:02}:00", "end": f"{h:02}:{h + 10}"} for h in range(10)]
    gaps = found(config({"time_constraints": windows}), "TG101", ("2026-03-02T00:00Z", "2026-03-09T00:00Z"))
    assert len(gaps) == 7
    assert sum(len(f.spans) for f in gaps) == 70
    assert gaps[-1].message.startswith("No deployment is open 28 more times for 5 h 22 min together, next ")


def test_a_path_is_loaded_and_its_text_checked(tmp_path):
    """Unquoted times are found with line, column and window, in flow and block style; quoted and safe ones are not."""
    path = tmp_path / "gateway.yaml"
    path.write_text(
        "deployments:\n"
        "  - model_name: yes\n"
        "    model: sim/a\n"
        "    time_constraints:\n"
        "      - [22:00, 06:00]\n"
        "      - {start: '23:00', end: \"23:30\", days: [mon]}\n"
        "    available:\n"
        "      - start: 8:30\n"
        "        end: 24:00\n"
        "  - {model_name: b, model: sim/b, description: 'the time 22:00, quoted'}\n"
    )
    findings = [f for f in tg.check(path, now=NOW) if f.code.startswith("TG5")]
    assert [(f.code, f.deployment, f.field, f.index, f.line, f.column) for f in findings] == [
        ("TG502", "yes", None, None, 2, 17),
        ("TG501", "yes", "time_constraints", 0, 5, 10),
        ("TG501", "yes", "available", 0, 8, 16),
        ("TG501", "yes", "available", 0, 9, 14),
    ]
    assert findings[1].place == f"{path}, line 5, column 10"
    assert findings[1].message == "The time 22:00 is not quoted: readers of YAML 1.1 take it for the number 1320."
    assert findings[1].fix == 'Write it quoted: "22:00".'
    assert findings[0].message == "The text yes is not quoted: readers of YAML 1.1 take it for the value True."
    given = tg.GatewayConfig.load(path)
    assert [f.code for f in tg.check(given, now=NOW)] == [
        f.code for f in tg.check(str(path), now=NOW) if not f.code.startswith("TG5")
    ]
    given.save(tmp_path / "saved.yaml")
    given.save(tmp_path / "saved.json")
    for saved in ("saved.yaml", "saved.json"):
        assert not [f for f in tg.check(tmp_path / saved, now=NOW) if f.code.startswith("TG5")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("deployments: [{Model_Name: a, model: sim/a}]", "unknown key 'Model_Name'. Did you mean 'model_name'?"),
        ("Deployments: []", "unknown key 'Deployments'. Did you mean 'deployments'?"),
        ("deployments: [{model_name: a, model: sim/a, Time_Constraints: []}]", "Did you mean 'time_constraints'?"),
        ("deployments: []", "must be a non-empty list"),
        ("deployments: [", "cannot be read as YAML"),
        ("", "the file is empty"),
    ],
)
def test_refused_files(tmp_path, text, problem):
    """A file that is no config is refused as by load: with its path, and the nearest name of a mistyped key."""
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        tg.check(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)


def test_the_same_twice():
    """With now given, a check is reproduced exactly."""
    one, two = (tg.check(sample(CONFIG), now=NOW).to_json() for _ in range(2))
    assert one == two


@pytest.mark.parametrize("times", [("01:30", "02:30"), ("02:30", "03:30"), ("01:00", "04:00"), ("23:00", "02:30")])
@pytest.mark.parametrize(("saturday", "sunday"), [("2026-03-28", "2026-03-29"), ("2026-10-24", "2026-10-25")])
def test_stretches_of_a_change_are_those_of_the_window(times: tuple[str, str], saturday: str, sunday: str) -> None:
    """Where the clocks cut, double or stretch a window, the finding holds just what is left of that occurrence."""
    day = saturday if times[0] > times[1] else sunday
    window = tg.Window(*times, tz="Europe/Berlin", since=day, until=day)
    deployment = {"model_name": "a", "model": "sim/x", "time_constraints": [window.to_config()]}
    findings = tg.check(tg.GatewayConfig.model_validate({"deployments": [deployment]}), now=f"{saturday}T00:00Z")
    (found,) = (finding for finding in findings if finding.code in ("TG402", "TG403"))
    occurrence = window.spans_us(to_us(f"{saturday}T00:00Z", ""), to_us(f"{sunday}T23:00Z", ""))
    assert found.spans_us.tolist() == occurrence.tolist()
