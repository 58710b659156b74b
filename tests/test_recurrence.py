"""Stretches in words: what recurs, what does not, and in which zone it is said."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import ERAS, us, windows
from test_windows import offset_changes as table_changes

import timegate as tg
from timegate.core.clock import DAY_US, from_us, to_us
from timegate.core.spans import union
from timegate.review.recurrence import local_us, offset_changes, patterns, terms_of
from timegate.show.text import duration

START = to_us("2026-03-02T00:00Z", "")  # a Monday
YEAR = np.array([[START, START + 366 * DAY_US]])
WEEK = np.array([[START, START + 7 * DAY_US]])
CALENDARS = ("DE-BY", "US")
BERLIN = {"tz": "Europe/Berlin"}


def words(*given: tg.Window, periods=YEAR, zones=("UTC", "Europe/Berlin")) -> list[str]:
    spans = union([w.spans_us(lo, hi) for w in given for lo, hi in periods.tolist()])
    return [pattern.words for pattern in patterns(spans, zones, periods, CALENDARS)]


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (tg.Window("22:00", "06:00"), "from 22:00 to 06:00 UTC every day"),
        (tg.Window("22:00", "24:00"), "from 22:00 to 24:00 UTC every day"),
        (tg.Window("12:00", "12:00"), "at 12:00 UTC every day"),
        (tg.Window("08:00", "20:00", **BERLIN), "from 08:00 to 20:00 Europe/Berlin every day"),
        (tg.Window("08:00", "20:00", days=["mon", "tue", "wed"]), "from 08:00 to 20:00 UTC on Mon to Wed"),
        (tg.Window("08:00", "20:00", days=["sat", "sun"]), "from 08:00 to 20:00 UTC on Sat and Sun"),
        (tg.Window("08:00", "20:00", days=["mon", "wed", "fri"]), "from 08:00 to 20:00 UTC on Mon, Wed and Fri"),
        (tg.Window("08:00", "20:00", until="2026-03-04"),
         "from 08:00 to 20:00 UTC on Mon 2026-03-02, Tue 2026-03-03 and Wed 2026-03-04"),
        (tg.Window("08:00", "20:00", since="2026-03-05"),
         "from 08:00 to 20:00 UTC every day from 2026-03-05 to 2027-03-02"),
        (tg.Window("08:00", "20:00", except_dates=["2026-05-01"]),
         "from 08:00 to 20:00 UTC every day except 2026-05-01"),
        (tg.Window("08:00", "20:00", days=["fri"], except_dates=["2026-05-01"], until="2026-07-01"),
         "from 08:00 to 20:00 UTC on Fri from 2026-03-06 to 2026-06-26 except 2026-05-01"),
        (tg.Window("08:00", "20:00", except_dates=[f"2026-05-{day:02}" for day in range(1, 12)]),
         "from 08:00 to 20:00 UTC every day from 2026-03-02 to 2026-04-30 and from 2026-05-12 to 2027-03-02"),
        (tg.Window("08:00", "20:00", except_dates=[f"2026-05-{day:02}" for day in range(1, 31, 4)]),
         "from 08:00 to 20:00 UTC on 358 dates from 2026-03-02 to 2027-03-02"),
        (tg.Window("08:00", "20:00", days="sun#1"), "from 08:00 to 20:00 UTC on the first Sun of the month"),
        (tg.Window("08:00", "20:00", days=["tue#2", "tue#-2"]),
         "from 08:00 to 20:00 UTC on 24 dates from 2026-03-10 to 2027-02-16"),
        (tg.Window("08:00", "20:00", days=["tue#2", "tue#4", "fri#2"]),
         "from 08:00 to 20:00 UTC on the second and fourth Tue and the second Fri of the month"),
        (tg.Window("08:00", "20:00", days=["fri#-1", "fri#-2"], months="mar-jun"),
         "from 08:00 to 20:00 UTC on the second last and last Fri of Mar to Jun"),
        (tg.Window("08:00", "20:00", days_of_month=[1, 15, -1, -3]),
         "from 08:00 to 20:00 UTC on the 1st, 15th, 3rd last and last day of the month"),
        (tg.Window("08:00", "20:00", days_of_month=22, months=["mar", "apr", "jul", "nov"]),
         "from 08:00 to 20:00 UTC on the 22nd day of Mar, Apr, Jul and Nov"),
        (tg.Window("08:00", "20:00", days_of_month=1, except_dates=["2026-08-01"]),
         "from 08:00 to 20:00 UTC on the 1st day of the month except 2026-08-01"),
        (tg.Window("08:00", "20:00", days_of_month=13, until="2026-08-01"),
         "from 08:00 to 20:00 UTC on the 13th day of Mar to Jul"),
        (tg.Window("08:00", "20:00", days_of_month=[1, 15], until="2026-07-10"),
         "from 08:00 to 20:00 UTC on the 1st and 15th day of the month from 2026-03-15 to 2026-07-01"),
        (tg.Window("08:00", "20:00", days="mon-fri", months=["mar", "may", "jul", "sep"]),
         "from 08:00 to 20:00 UTC on Mon to Fri in Mar, May, Jul and Sep"),
        (tg.Window("08:00", "20:00", days="mon-fri", holidays="DE-BY"),
         "from 08:00 to 20:00 UTC on Mon to Fri but holidays of DE-BY"),
        (tg.Window("08:00", "20:00", holidays="DE-BY", on_holidays="only"),
         "from 08:00 to 20:00 UTC on holidays of DE-BY"),
        (tg.Window("08:00", "20:00", holidays="US"), "from 08:00 to 20:00 UTC every day but holidays of US"),
        (tg.Window("08:00", "20:00", days_of_month=1, holidays="DE-BY"),
         "from 08:00 to 20:00 UTC on the 1st day of the month but holidays of DE-BY"),
    ],
)  # fmt: skip
def test_words(window, text):
    """Weekdays, dates and exceptions are said as people say them."""
    assert words(window) == [text]


def test_longer_than_a_day():
    """What lasts for days is said with its weekdays."""
    weekend = [tg.Window("20:00", "24:00", days=["fri"]), tg.Window("00:00", "24:00", days=["sat", "sun"])]
    assert words(*weekend) == ["from Fri 20:00 to Sun 24:00 UTC every week"]
    assert words(tg.Window("00:00", "24:00"), periods=WEEK) == ["at all times"]
    assert words(tg.Window("00:00", "24:00", since="2026-03-05")) == [
        "from Thu 2026-03-05 00:00 to Tue 2027-03-02 24:00 UTC"
    ]


def test_longer_than_a_day_on_dates_that_a_rule_says():
    """The last three days of each quarter begin on any weekday, and are said once."""
    window = tg.Window("00:00", "24:00", days_of_month=[-3, -2, -1], months=["mar", "jun", "sep", "dec"])
    assert words(window) == ["for 72 h from 00:00 UTC on the 3rd last day of Mar, Jun, Sep and Dec"]
    assert words(tg.Window("18:00", "mon 08:00", days=["fri"])) == ["from Fri 18:00 to Mon 08:00 UTC every week"]


def test_the_longest_comes_first():
    """Of several patterns the longest in total comes first, and of equal zones the first given is taken."""
    both = [tg.Window("01:00", "02:00"), tg.Window("12:00", "18:00", days=["mon"])]
    assert words(*both) == ["from 01:00 to 02:00 UTC every day", "from 12:00 to 18:00 UTC on Mon"]
    assert words(*both, zones=("Asia/Tokyo", "UTC"))[0] == "from 10:00 to 11:00 Asia/Tokyo every day"
    assert patterns(np.empty((0, 2), np.int64), ["UTC"], YEAR) == []


def test_what_the_edges_cut_belongs_to_what_recurs():
    """The first and last night, cut by the time looked at, are nights like the others."""
    assert words(tg.Window("22:00", "06:00"), periods=WEEK) == ["from 22:00 to 06:00 UTC every day"]
    one = np.array([[START + DAY_US // 2, START + 3 * DAY_US + 1]])
    assert words(tg.Window("22:00", "06:00"), periods=one)[0].startswith("from 22:00 to 06:00 UTC on Mon 2026-03-02")


@given(st.sampled_from(ERAS).flatmap(lambda era: st.tuples(st.just(era), st.lists(windows(era), max_size=4))))
def test_patterns_part_the_stretches(drawn):
    """Every stretch is in exactly one pattern, whatever the zones."""
    era, given = drawn
    periods = np.array([[us(era), us(era) + 5 * DAY_US], [us(era) + 8 * DAY_US, us(era) + 20 * DAY_US]])
    spans = union([w.spans_us(lo, hi) for w in given for lo, hi in periods.tolist()])
    found = patterns(spans, ["UTC", "Europe/Berlin", "Asia/Kathmandu"], periods)
    parts = sorted(row for pattern in found for row in map(tuple, pattern.spans.tolist()))
    assert parts == [*map(tuple, spans.tolist())]
    assert len({pattern.words for pattern in found}) == len(found)


@given(st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]), st.integers(0, 400))
def test_local_time_is_that_of_zoneinfo(zone, days):
    """Local times of instants across both changes of the clocks are those of zoneinfo."""
    instants = START + days * DAY_US + np.arange(0, 300 * DAY_US, 7 * DAY_US // 3)
    expected = [
        us(from_us(at).astimezone(ZoneInfo(zone)).replace(tzinfo=from_us(0).tzinfo)) for at in instants.tolist()
    ]
    assert local_us(instants, zone).tolist() == expected


def test_changes_are_those_of_the_zone_tables():
    """The changes of a year are zoneinfo's own, and the turn of the year is none."""
    for zone in ("UTC", "Europe/Berlin", "America/New_York", "Africa/Casablanca", "Asia/Tokyo"):
        lo, hi = YEAR[0].tolist()
        expected = [s * 10**6 for s in table_changes(zone) if lo < s * 10**6 < hi]
        assert [at for at, _, _ in offset_changes(zone, lo, hi)] == expected


@pytest.mark.parametrize(
    ("length_us", "text"),
    [(1, "1 µs"), (999, "999 µs"), (1_500_000, "1.5 s"), (59_999_999, "59.999999 s"), (60_000_000, "1 min"),
     (3_599_999_999, "1 h"), (5_400_000_001, "1 h 30 min"), (366 * DAY_US, "8,784 h")],
)  # fmt: skip
def test_lengths(length_us, text):
    """Lengths are exact below a minute, and to the minute above."""
    assert duration(length_us / 1e6) == text


def test_zones_and_calendars_are_those_of_all_windows():
    """What configs name, each once, UTC first."""
    night, noon = ({"start": "22:00", "end": "06:00", **BERLIN, "holidays": "US"}, ["12:00", "13:00"])
    own = {"start": "22:00", "end": "06:00", "tz": "Asia/Tokyo", "holidays": ["2026-03-02"]}
    first, second = (
        tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small", "time_constraints": windows}])
        for windows in ([night, noon], [night, own])
    )
    assert terms_of(first, second) == (("UTC", "Asia/Tokyo", "Europe/Berlin"), ("US",))
