"""Windows against ten lines of zoneinfo, in every zone, at both edges; and what they refuse."""

from __future__ import annotations

import calendar
import copy
import datetime as dt
import itertools
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from functools import cache
from random import Random
from zoneinfo import ZoneInfo, _zoneinfo, available_timezones  # type: ignore[attr-defined]

import holidays
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from strategies import examples

from timegate import Window
from timegate.core import zones
from timegate.core.clock import DAY_US, EPOCH, FIRST_US, SECOND_US, from_us, to_us
from timegate.core.spans import union
from timegate.core.spelling import MONTHS
from timegate.core.zones import _offset_changes
from timegate.errors import InstantError, InvalidTypeError, TimegateError, WindowError

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MICROSECOND = dt.timedelta(microseconds=1)


@cache
def country(code: str) -> holidays.HolidayBase:
    """Return the holidays of a country or subdivision, of whatever year is asked for."""
    name, _, subdivision = code.partition("-")
    return holidays.country_holidays(name, subdiv=subdivision or None)


def starts_on(window: Window, day: dt.date) -> bool:
    """Whether a window starts on a local date: the oracle, plain calendar and holidays."""
    name, left = WEEKDAYS[day.weekday()], calendar.monthrange(day.year, day.month)[1] - day.day
    names = {name, f"{name}#{(day.day - 1) // 7 + 1}", f"{name}#{-(left // 7) - 1}"}
    known = country(window.holidays) if isinstance(window.holidays, str) else window.holidays
    return (
        (window.since or day) <= day <= (window.until or day)
        and day not in window.except_dates
        and (window.days is None or not names.isdisjoint(window.days))
        and (window.months is None or f"{day:%b}".lower() in window.months)
        and (window.days_of_month is None or not {day.day, -left - 1}.isdisjoint(window.days_of_month))
        and (known is None or (day in known) == (window.on_holidays == "only"))
    )


def covers(window: Window, at: dt.datetime) -> bool:
    """Whether a window contains an instant: the oracle, plain zoneinfo."""
    local = at.astimezone(ZoneInfo(window.tz)).replace(tzinfo=None)
    *weekday, end_time = window.end.split()
    for back in range(8 if weekday else 2):
        day = local.date() - dt.timedelta(days=back)
        start = end = dt.datetime.combine(day, dt.time.fromisoformat(window.start))
        for on in (day + dt.timedelta(days=n) for n in range(8)):  # the first end that comes
            end = dt.datetime.combine(on, dt.time.max if end_time == "24:00" else dt.time.fromisoformat(end_time))
            if (end > start and WEEKDAYS[on.weekday()] in weekday) or (end >= start and not weekday):
                break
        included = window.end_included or end_time == "24:00"
        if starts_on(window, day) and start <= local and (local < end or (included and local == end)):
            return True
    return False


@cache
def offset_changes(tz: str) -> list[int]:
    """Every second at which a zone's offset changes, 1900 to 2199, from the tables of pure-Python zoneinfo."""
    zone, table = ZoneInfo(tz), _zoneinfo.ZoneInfo(tz)
    seconds = set(table._trans_utc)
    if isinstance(rule := table._tz_after, _zoneinfo._TZStr):
        for year in range(1900, 2200):
            to_dst, to_std = rule.transitions(year)
            seconds |= {
                to_dst - round(rule.std.utcoff.total_seconds()),
                to_std - round(rule.dst.utcoff.total_seconds()),
            }
    times = ((second, dt.datetime.fromtimestamp(second, zone)) for second in sorted(seconds))
    return [
        second
        for second, at in times
        if 1900 <= at.year < 2200 and at.utcoffset() != dt.datetime.fromtimestamp(second - 1, zone).utcoffset()
    ]


def edges(window: Window, around_us: int, days: int = 3) -> set[int]:
    """Instants of a window's ends on the local dates around an instant, both times if they occur twice."""
    zone = ZoneInfo(window.tz)
    today = from_us(around_us).astimezone(zone).date()
    found = set()
    for shift, text, fold in itertools.product(range(-days, days + 1), (window.start, window.end[-5:]), (0, 1)):
        day = today + dt.timedelta(days=shift + (text == "24:00"))
        time = dt.time.fromisoformat(text.replace("24:00", "00:00"))
        found.add(to_us(dt.datetime.combine(day, time.replace(fold=fold), zone), "edge"))
    return found


def check(window: Window, around_us: int, also: tuple[int, ...] = ()) -> None:
    """Hold ``spans_us`` and ``contains`` to the oracle, one microsecond around all that could be an edge."""
    lo, hi = around_us - 2 * DAY_US, around_us + 2 * DAY_US
    critical = {lo, hi, *also, *edges(window, around_us)}
    probes = sorted({at + by for at in critical for by in (-1, 0, 1) if lo <= at + by < hi})
    spans = window.spans_us(lo, hi)
    assert np.all(np.diff(spans.ravel()) > 0), f"{window!r}: not sorted and disjoint: {spans}"
    found = np.searchsorted(spans.ravel(), probes, side="right") % 2 == 1
    for at_us, inside in zip(probes, found.tolist(), strict=True):
        assert inside == covers(window, from_us(at_us)), f"{window!r} at {from_us(at_us)}"
    unknown = set(spans.ravel().tolist()) - critical - {at + 1 for at in critical}
    assert not unknown, f"{window!r}: edges out of nowhere: {[from_us(at) for at in unknown]}"
    for at_us in probes[:: max(1, len(probes) // 5)]:
        assert window.contains(from_us(at_us)) == covers(window, from_us(at_us)), f"{window!r} at {from_us(at_us)}"


def luck(*key: object) -> Random:
    """Random numbers that are the same in each run."""
    return Random(repr(key))  # noqa: S311 - for tests


def random_windows(random: Random, tz: str, around_us: int) -> Iterator[Window]:
    """One window within a day, one across midnight, one instant and one to 24:00, some with dates."""
    today = from_us(around_us).astimezone(ZoneInfo(tz)).date()
    near = [today + dt.timedelta(days=shift) for shift in range(-2, 3)]
    # Clocks mostly change in the small hours: half of the times lie there.
    early, late = sorted(f"{random.choice([random.randrange(24), random.randrange(4)]):02}:{m}" for m in ("15", "30"))
    for start, end in ((early, late), (late, early), (early, early), (late, "24:00")):
        yield Window(
            start,
            end,
            tz=tz,
            days=random.choice(
                [None, random.sample(WEEKDAYS, 4), [f"{day:%a}#{(day.day - 1) // 7 + 1}" for day in near]]
            ),
            since=random.choice([None, None, near[0], near[1]]),
            until=random.choice([None, None, near[3], near[4]]),
            except_dates=random.choice([(), random.sample(near, 2)]),
            months=random.choice([None, None, {f"{day:%b}" for day in near}]),
            days_of_month=random.choice([None, None, [day.day for day in near[1:4]]]),
            holidays=random.choice([None, random.sample(near, 2)]),
            end_included=start == end or random.choice([True, False]),
        )
    evening = today - dt.timedelta(days=random.randrange(4))
    end = f"{evening + dt.timedelta(days=random.randrange(1, 7)):%A} {early}"
    yield Window(late, end, tz=tz, days=[f"{evening:%A}"], end_included=random.choice([True, False]))


times = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")


NTHS = (1, 2, 3, 4, 5, -1, -2, -3, -4, -5)
CALENDARS = ("DE", "DE-BY", "CN", "US", "US-CA", "GB-SCT", "SG", "IL")


@cache
def some_holidays(code: str, year: int) -> list[dt.date]:
    return sorted(day for day in holidays.country_holidays(*code.split("-"), years=year) if day.year == year)


@st.composite
def instants_and_windows(draw: st.DrawFn) -> tuple[int, Window]:
    """Any instant of three centuries, and a window in any zone whose dates lie around it."""
    at_us = draw(st.integers(to_us("1900-01-10T00:00Z", "at"), to_us("2199-12-20T00:00Z", "at")))
    code = draw(st.none() | st.sampled_from(CALENDARS))
    if code is not None and (found := some_holidays(code, from_us(at_us).year)):
        day = draw(st.sampled_from(found))
        at_us = to_us(dt.datetime.combine(day, dt.time(12), dt.UTC), "at") + at_us % DAY_US - DAY_US // 2
        at_us = min(max(at_us, to_us("1900-01-10T00:00Z", "at")), to_us("2199-12-20T00:00Z", "at"))
    near = st.integers(-3, 3).map(lambda shift: from_us(at_us + shift * DAY_US).date())
    since, until = sorted([draw(near), draw(near)])
    own = draw(st.lists(near, min_size=1, max_size=3))
    holidays_ = draw(st.sampled_from([None, code, own]))
    weekdays = st.sampled_from(WEEKDAYS) | near.map(lambda day: f"{day:%A}#{(day.day - 1) // 7 + 1}")
    weekdays |= near.map(lambda day: f"{day:%a}#{(day.day - calendar.monthrange(day.year, day.month)[1]) // 7 or -1}")
    numbers = near.map(lambda day: day.day)
    numbers |= near.map(lambda day: day.day - 1 - calendar.monthrange(day.year, day.month)[1])
    start, end = draw(times), draw(times | st.just("24:00"))
    try:
        return at_us, Window(
            start,
            draw(st.just(end) | st.sampled_from(WEEKDAYS).map(lambda day: f"{day} {end}")),
            tz=draw(st.sampled_from(ZONES)),
            days=draw(st.none() | st.sets(weekdays, min_size=1)),
            since=draw(st.none() | st.just(since)),
            until=draw(st.none() | st.just(until)),
            except_dates=draw(st.lists(near, max_size=2)),
            months=draw(st.none() | st.just(f"{since:%b}") | st.sets(st.sampled_from(MONTHS), min_size=6)),
            days_of_month=draw(st.none() | st.sets(numbers, min_size=1)),
            holidays=holidays_,
            on_holidays="skip" if holidays_ is None else draw(st.sampled_from(["skip", "only"])),
            end_included=start == end or draw(st.booleans()),
        )
    except WindowError as error:  # longer than its period, or a day that the month has not
        if error.field not in ("end", "days_of_month", "end_included"):
            raise
        reject()


windows = instants_and_windows().map(lambda pair: pair[1])


weekday_names = st.sampled_from(WEEKDAYS) | st.builds("{}#{}".format, st.sampled_from(WEEKDAYS), st.sampled_from(NTHS))
some_dates = st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31))


@examples(150)
@given(
    first=some_dates,
    days=st.none() | st.none() | st.sets(weekday_names, min_size=1, max_size=4),
    months=st.none() | st.none() | st.sets(st.sampled_from(MONTHS), min_size=1),
    days_of_month=st.none() | st.none() | st.sets(st.integers(1, 29) | st.integers(-29, -1), min_size=1, max_size=4),
    calendar_=st.none() | st.sampled_from(CALENDARS),
    on_holidays=st.sampled_from(["skip", "only"]),
)
def test_dates_are_those_of_the_calendar(first, days, months, days_of_month, calendar_, on_holidays):
    """Over two years from any date on, each condition alone and all together hold on the dates that calendars say."""
    window = Window(
        "09:00",
        "17:00",
        days=days,
        months=months,
        days_of_month=days_of_month,
        holidays=calendar_,
        on_holidays=on_holidays if calendar_ else "skip",
    )
    epoch, number = EPOCH.date(), (first - EPOCH.date()).days
    dates = [epoch + dt.timedelta(days=n) for n in range(number, number + 730) if n < (dt.date.max - epoch).days]
    found = [epoch + dt.timedelta(days=n) for n in window.start_days(number, number + len(dates) - 1).tolist()]
    assert found == [day for day in dates if starts_on(window, day)]


def test_every_zone_at_both_changes_of_the_year():
    """In every zone, around both changes of 2026, windows hold exactly the instants that zoneinfo says."""
    for tz in ZONES:
        changes = [s * SECOND_US for s in offset_changes(tz) if from_us(s * SECOND_US).year == 2026]
        for change_us in changes or [to_us("2026-03-02T00:00Z", "at")]:
            for window in random_windows(luck(tz, change_us), tz, change_us):
                check(window, change_us, also=tuple(changes))


def test_every_zone_at_changes_of_its_history():
    """In every zone, around a change drawn from its history to 2199, windows hold what zoneinfo says."""
    for tz in ZONES:
        changes = [second * SECOND_US for second in offset_changes(tz) if second * SECOND_US > FIRST_US + 7 * DAY_US]
        if changes:
            random = luck(tz)
            change_us = random.choice(changes)
            for window in random_windows(random, tz, change_us):
                check(window, change_us, also=tuple(changes))


@examples(500)
@given(instants_and_windows())
def test_any_window_at_any_instant(pair):
    """Any window, around any instant of three centuries, holds what zoneinfo says."""
    at_us, window = pair
    check(window, at_us, also=tuple(second * SECOND_US for second in offset_changes(window.tz)))


def test_offsets_are_those_of_the_zone_tables():
    """The changes of offset found by asking day by day are those in zoneinfo's own tables."""
    for tz in ZONES:
        changes = offset_changes(tz)
        years = {2026, luck(tz).randrange(1900, 2200)} | {from_us(s * SECOND_US).year for s in changes[-900:-890]}
        for year in years:
            found = [at // SECOND_US for at, _ in _offset_changes(tz, year)[1:]]
            start = to_us(f"{year}-01-01T00:00Z", "at") // SECOND_US
            assert found == [s for s in changes if s != start and from_us(s * SECOND_US).year == year], (tz, year)


def test_no_zone_changes_its_offset_twice_within_three_days():
    """The assumption behind the search for changes of offset holds in all zones, 1900 to 2199."""
    gaps = {tz: min(map(int.__sub__, changes[1:], changes)) for tz in ZONES if len(changes := offset_changes(tz)) > 1}
    assert min(gaps.values()) > 3 * 86_400, min(gaps, key=gaps.__getitem__)


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        pytest.param(
            Window("22:00", "06:00"),
            ["2026-03-02T22:00:00Z", "2026-03-02T06:00:00Z", "2026-03-02T03:10Z"],
            ["2026-03-02T21:59:59.999999Z", "2026-03-02T06:00:00.000001Z"],
            id="both ends are included, to the microsecond",
        ),
        pytest.param(
            Window("22:00", "06:00", days=["Friday"]),
            ["2026-03-06T22:00Z", "2026-03-07T06:00Z"],
            ["2026-03-06T06:00Z", "2026-03-07T22:00Z", "2026-03-08T06:00Z"],
            id="friday night covers saturday's morning",
        ),
        pytest.param(
            Window("22:00", "06:00", except_dates=["2026-03-02"]),
            ["2026-03-02T00:00Z", "2026-03-02T06:00Z", "2026-03-03T22:00Z"],
            ["2026-03-02T22:00Z", "2026-03-03T06:00Z"],
            id="an excluded monday keeps the tail of sunday's window",
        ),
        pytest.param(
            Window("22:00", "06:00", since="2026-03-02", until="2026-03-03"),
            ["2026-03-02T22:00Z", "2026-03-03T03:00Z", "2026-03-03T23:00Z", "2026-03-04T06:00Z"],
            ["2026-03-02T03:00Z", "2026-03-04T22:00Z"],
            id="since and until speak of the date of the start",
        ),
        pytest.param(
            Window("09:00", "09:00"),
            ["2026-03-02T09:00Z"],
            ["2026-03-02T08:59:59.999999Z", "2026-03-02T09:00:00.000001Z", "2026-03-02T21:00Z"],
            id="start == end is that instant",
        ),
        pytest.param(
            Window("18:00", "24:00", days=["mon"]),
            ["2026-03-02T18:00Z", "2026-03-02T23:59:59.999999Z"],
            ["2026-03-03T00:00Z", "2026-03-01T23:00Z"],
            id="24:00 is through the end of the day",
        ),
        pytest.param(
            Window("18:00", "00:00", days=["mon"]),
            ["2026-03-02T18:00Z", "2026-03-03T00:00Z"],
            ["2026-03-03T00:00:00.000001Z", "2026-03-02T00:00Z"],
            id="00:00 is the first instant of the next day",
        ),
        pytest.param(
            Window("02:15", "02:45", tz="Europe/Berlin"),
            ["2026-10-25T00:30Z", "2026-10-25T01:30Z"],
            ["2026-10-25T00:50Z", "2026-10-25T01:00Z", "2026-10-25T02:30Z", "2026-03-29T00:30Z", "2026-03-29T01:30Z"],
            id="an hour that occurs twice is covered twice, one that never occurs is not",
        ),
        pytest.param(
            Window("01:30", "01:59", tz="Australia/Lord_Howe"),
            ["2026-04-04T14:30Z", "2026-04-04T14:59Z", "2026-04-04T15:00Z", "2026-04-04T15:29Z"],
            ["2026-04-04T14:29Z", "2026-04-04T14:59:00.000001Z", "2026-04-04T15:30Z"],
            id="lord howe's half hour occurs twice",
        ),
        pytest.param(
            Window("10:00", "11:00", tz="Pacific/Apia", days=["fri"]),
            ["2011-12-23T20:30Z", "2012-01-05T20:30Z"],
            ["2011-12-29T20:30Z", "2011-12-30T20:30Z", "2011-12-31T20:30Z"],
            id="samoa skipped friday, 30 december 2011",
        ),
    ],
)
def test_contains(window, inside, outside):
    """A window contains the instants that its rule says, and zoneinfo agrees."""
    assert [window.contains(at) for at in inside + outside] == [True] * len(inside) + [False] * len(outside)
    assert all(covers(window, from_us(to_us(at, "at"))) for at in inside)


@pytest.mark.parametrize(
    ("window", "start", "end", "hours"),
    [
        (Window("02:00", "02:30", tz="Europe/Berlin"), "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", [0.5, 0.5]),
        (Window("02:00", "02:59", tz="Europe/Berlin"), "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", []),
        (Window("01:00", "03:30", tz="Europe/Berlin"), "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", [1.5]),
        (Window("01:00", "03:30", tz="Europe/Berlin"), "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", [3.5]),
        (Window("22:00", "06:00", tz="Pacific/Apia"), "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00", [8]),
    ],
)
def test_spans_across_changes_of_the_clock(window, start, end, hours):
    """Stretches are as long as the local clock makes them."""
    spans = window.spans(start, end)
    assert [(last - first) / dt.timedelta(hours=1) for first, last in spans] == hours
    assert all(window.contains(first) and window.contains(last) for first, last in spans)


def test_spans_include_both_ends_of_the_range():
    """``spans`` cuts at the range that was asked for, whose ends are included."""
    window = Window("22:00", "06:00")
    noon = from_us(to_us("2026-03-02T12:00Z", "at"))
    six, ten = noon.replace(hour=6), noon.replace(hour=22)
    assert window.spans(six, ten) == [(six, six), (ten, ten)]
    assert window.spans(six + MICROSECOND, ten - MICROSECOND) == []
    assert window.spans(ten, ten) == [(ten, ten)]
    with pytest.raises(WindowError, match="end must not lie before start"):
        window.spans(ten, six)


@given(st.lists(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 9)), max_size=6), max_size=4))
def test_union_is_the_union_of_sets(parts):
    """The union holds the instants that any part holds, as sorted stretches that do not touch."""
    arrays = [np.array([(lo, lo + size) for lo, size in part], np.int64).reshape(-1, 2) for part in parts]
    joined = union(arrays)
    expected = {at for part in parts for lo, size in part for at in range(lo, lo + size)}
    assert [at for lo, hi in joined.tolist() for at in range(lo, hi)] == sorted(expected)
    assert np.all(np.diff(joined.ravel()) > 0)


@given(windows)
def test_round_trips(window):
    """A window comes back equal from its config, repr, pickle and copy, with the same hash."""
    evaluated = eval(repr(window), {"Window": Window, "datetime": dt})  # noqa: S307 - our own repr
    pickled = pickle.loads(pickle.dumps(window))  # noqa: S301 - our own pickle
    again = [Window.parse(window.to_config()), Window.parse(window), evaluated, pickled, copy.deepcopy(window)]
    assert again == [window] * 5
    assert {hash(other) for other in again} == {hash(window)}


def test_reads_as_a_sentence():
    """As text a window tells every part that is not left out; readers of reports and explanations see this form."""
    assert str(Window("22:00", "6:00")) == "22:00-06:00 UTC"
    window = Window(
        "22:00", "06:00", tz="Asia/Kolkata", days=["fri", "mon"], since="2026-01-01", until="2026-12-31",
        except_dates=["2026-12-25", "2026-05-01"],
    )  # fmt: skip
    words = "22:00-06:00 Asia/Kolkata, mon fri, since 2026-01-01, until 2026-12-31, except 2026-05-01 2026-12-25"
    assert f"{window}" == words


def test_config_is_the_seeds_pair_where_that_says_all():
    """A daily UTC window is written as a pair, any other as a mapping of plain values."""
    assert Window("22:00", "06:00").to_config() == ["22:00", "06:00"]
    window = Window("9:00", "24:00", "Asia/Tokyo", ["sunday", "MON"], dt.date(2026, 1, 1), except_dates=["2026-02-01"])
    assert window.to_config() == {
        "start": "09:00",
        "end": "24:00",
        "tz": "Asia/Tokyo",
        "days": ["mon", "sun"],
        "since": "2026-01-01",
        "except_dates": ["2026-02-01"],
    }


def test_spellings_of_one_window_are_equal():
    """Order, case and length of weekdays, and the form of times and dates, make no difference."""
    one = Window("9:05", "17:00", days=["mon", "fri"], since="2026-01-01", except_dates=["2026-02-02", "2026-02-01"])
    two = Window(
        "09:05",
        "17:00",
        days=("Friday", "MONDAY", "fri"),
        since=dt.date(2026, 1, 1),
        except_dates={dt.date(2026, 2, 1), dt.date(2026, 2, 2)},
    )
    assert one == two
    assert Window("22:00", "06:00", days=WEEKDAYS[::-1]).days == tuple(WEEKDAYS)
    assert len({one, two, Window("09:05", "17:00"), Window("09:05", "17:00", tz="Europe/Berlin")}) == 3


def test_ranges_and_lists_are_one_spelling():
    """A range is the list of what it names, across the end of the week or year too; what adds nothing falls away."""
    assert Window("9:00", "17:00", days="mon-fri") == Window("9:00", "17:00", days=["mon", "tue", "wed", "thu", "fri"])
    assert Window("9:00", "17:00", days="Friday-mon").days == ("mon", "fri", "sat", "sun")
    assert Window("9:00", "17:00", days=["mon-fri", "sun"]).days == ("mon", "tue", "wed", "thu", "fri", "sun")
    assert Window("9:00", "17:00", days=["fri#-1", "tue#2", "fri#1", "tue"]).days == ("tue", "fri#1", "fri#-1")
    assert Window("9:00", "17:00", months="nov-FEB").months == ("jan", "feb", "nov", "dec")
    assert Window("9:00", "17:00", days_of_month=[-1, 15, 1, -2, 1]).days_of_month == (1, 15, -2, -1)
    assert Window("9:00", "17:00", days_of_month=-1) == Window("9:00", "17:00", days_of_month=[-1])
    assert Window("9:00", "17:00", holidays="de-by") == Window("9:00", "17:00", holidays="DE-BY")
    assert Window("9:00", "Monday 7:00", days="sat").end == "mon 07:00"


def test_says_every_field_in_words_and_in_config():
    """As text and as plain data, a window tells every field that it was given, ranges as people say them."""
    window = Window(
        "18:00", "mon 08:00", "Europe/Berlin", ["fri#1", "fri#-1"], months="nov-feb", days_of_month=[1, -1],
        holidays="DE-BY", on_holidays="only", end_included=False,
    )  # fmt: skip
    assert str(window) == (
        "18:00-mon 08:00 Europe/Berlin, end not included, fri#1 fri#-1, days 1 -1, nov-feb, only on holidays DE-BY"
    )
    assert window.to_config() == {
        "start": "18:00",
        "end": "mon 08:00",
        "tz": "Europe/Berlin",
        "days": ["fri#1", "fri#-1"],
        "months": ["jan", "feb", "nov", "dec"],
        "days_of_month": [1, -1],
        "holidays": "DE-BY",
        "on_holidays": "only",
        "end_included": False,
    }
    assert str(Window("9:00", "17:00", days="fri-mon")) == "09:00-17:00 UTC, fri-mon"
    assert str(Window("9:00", "17:00", days="mon-sun", months="jan-dec")) == "09:00-17:00 UTC, mon-sun, jan-dec"
    own = Window("9:00", "17:00", holidays=["2026-12-24"])
    assert str(own) == "09:00-17:00 UTC, not on holidays 2026-12-24"
    assert own.to_config()["holidays"] == ["2026-12-24"]


def test_complements_leave_no_instant_between_them():
    """Windows without their ends, the one after the other, hold each instant once; with them, their ends twice."""
    start, end = to_us("2026-10-20T00:00Z", "at"), to_us("2026-10-30T00:00Z", "at")  # Berlin's clocks change within
    for included, twice in ((False, 0), (True, 20)):
        day, night = (
            Window(first, last, tz="Europe/Berlin", end_included=included)
            for first, last in (("07:00", "19:00"), ("19:00", "07:00"))
        )
        spans = [window.spans_us(start, end) for window in (day, night)]
        assert union(spans).tolist() == [[start, end]]
        assert sum(int(np.diff(part).sum()) for part in spans) - (end - start) == twice


def test_holidays_wait_for_a_window_that_names_a_country():
    """Neither the import nor a window with dates of its own loads the package; without it the error says what to do."""
    code = (
        "import sys; sys.modules['holidays'] = None\n"
        "from timegate import Window; Window('9:00', '17:00', holidays=['2026-12-24'])\n"
        "try: Window('9:00', '17:00', holidays='DE')\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("MissingExtraError holidays of a country need the package holidays")


def test_immutable():
    """A window cannot be changed, nor given other attributes."""
    window = Window("22:00", "06:00")
    with pytest.raises(FrozenInstanceError):
        window.start = "21:00"
    with pytest.raises((FrozenInstanceError, TypeError, AttributeError)):
        window.colour = "red"


def bad(field: str, problem: str, kind: type = WindowError, **given: object) -> object:
    fields = {"start": "22:00", "end": "06:00"} | given
    return pytest.param(fields, field, kind, problem, id=f"{field}-{next(iter(given.values()))!r}"[:60])


@pytest.mark.parametrize(
    ("fields", "field", "kind", "problem"),
    [
        bad("start", "must look like 'HH:MM'. Got '25:00'.", start="25:00"),
        bad("start", "must look like 'HH:MM'. Got '9.30'.", start="9.30"),
        bad("start", "must look like 'HH:MM'. Got ''.", start=""),
        bad("start", "must look like 'HH:MM'. Got '22:60'.", start="22:60"),
        bad("start", "must look like 'HH:MM'. Got '22:00:00'.", start="22:00:00"),
        bad("start", "must look like 'HH:MM'. Got '-1:00'.", start="-1:00"),
        bad("start", "must look like 'HH:MM'. Got '٢٢:00'.", start="٢٢:00"),
        bad("start", "is an end only: use '00:00'", start="24:00"),
        bad("end", "must look like 'HH:MM'. Got '24:01'.", end="24:01"),
        bad("end", "must look like 'HH:MM'. Got '06:00\\n'.", end="06:00\n"),
        bad("start", "must be strings like '22:00'. Got 1320 (int).", InvalidTypeError, start=1320),
        bad("start", "an unquoted 22:00 into a number: quote it.", InvalidTypeError, start=1320),
        bad("end", "must be strings like '22:00'. Got 9.5 (float).", InvalidTypeError, end=9.5),
        bad("end", "must be strings like '22:00'. Got None (NoneType).", InvalidTypeError, end=None),
        bad(
            "start",
            "must be strings like '22:00'. Got datetime.time(22, 0) (time).",
            InvalidTypeError,
            start=dt.time(22),
        ),
        bad("tz", "Got 'Europe/Berln'. Did you mean 'Europe/Berlin'?", tz="Europe/Berln"),
        bad("tz", "Got 'america/sao paulo'. Did you mean 'America/Sao_Paulo'?", tz="america/sao paulo"),
        bad("tz", "must be an IANA zone. Got ''.", tz=""),
        *(
            bad("tz", f"Did you mean {meant!r}? Its sign is the other way round.", tz=tz)
            for tz, meant in {
                "UTC+8": "Etc/GMT-8",
                "gmt+08:00": "Etc/GMT-8",
                "UTC-5": "Etc/GMT+5",
                "+8": "Etc/GMT-8",
            }.items()
        ),
        bad("tz", "Got 'UTC+5:30'. Did you mean 'Asia/Kolkata'?", tz="UTC+5:30"),
        bad("tz", "Got 'UTC+0'. Did you mean 'UTC'?", tz="UTC+0"),
        bad("tz", "Got 'UTC+25'. A zone is a place, like 'Europe/Berlin'.", tz="UTC+25"),
        bad("tz", "Got 'PDT'. It may mean 'America/Los_Angeles'.", tz="PDT"),
        bad("tz", "It may mean one of 'Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'.", tz="IST"),
        *(
            bad("tz", f"must be an IANA zone, which is the same on every machine. Got {tz!r}.", tz=tz)
            for tz in ("localtime", "posixrules", "Factory", "right/UTC")
        ),
        bad("tz", "Got 'right/Europe/Berlin'. Did you mean 'Europe/Berlin'?", tz="right/Europe/Berlin"),
        bad("tz", "must be an IANA zone. Got '../etc/passwd'.", tz="../etc/passwd"),
        bad("tz", "must be an IANA zone. Got 'Europe'.", tz="Europe"),
        bad("tz", "must be an IANA zone. Got 'a\\x00b'.", tz="a\0b"),
        bad("tz", "must be the name of a zone like 'Europe/Berlin'. Got None.", InvalidTypeError, tz=None),
        bad("days", "Got 'fry'. Did you mean 'fri'?", days=["mon", "fry"]),
        bad("days", "must be weekdays. Got 1.", days=[1]),
        bad("days", "must name at least one weekday", days=[]),
        bad("days", "must be weekdays like 'mon-fri' or ['mon', 'wed']. Got 5.", InvalidTypeError, days=5),
        bad("days", "Got 'mon-fry'. Did you mean 'fri'?", days="mon-fry"),
        bad("days", "must be weekdays. Got 'mon-wed-fri'.", days="mon-wed-fri"),
        bad("days", "must range over different weekdays. Got 'mon-mon'. Write 'mon', or for all", days="mon-mon"),
        bad("days", "must range over different weekdays. Got 'Monday-mon'. Write 'mon'", days=["Monday-mon"]),
        bad("days", "those from 'mon#1' to 'mon#5' or, counted from its end, 'mon#-1'", days="mon#6"),
        bad("days", "Got 'mon#0'.", days=["mon#0"]),
        bad("days", "Got 'mno#1'. Did you mean 'mon'?", days="mno#1"),
        bad("months", "must be months. Got 'mrz'. Did you mean 'mar'?", months=["mrz"]),
        bad("months", "must be months. Got 3. Known: 'jan'", months=[3]),
        bad("months", "must be months like 'jan-mar' or ['mar', 'jun']. Got 3.", InvalidTypeError, months=3),
        bad("months", "must range over different months. Got 'jan-jan'", months="jan-jan"),
        bad("months", "must name at least one month", months=()),
        bad("days_of_month", "must be days of a month: 1 to 31, or -1 (the last) to -31. Got 0.", days_of_month=0),
        bad("days_of_month", "Got 32.", days_of_month=[1, 32]),
        bad("days_of_month", "Got True.", days_of_month=True),
        bad("days_of_month", "Got '1'.", days_of_month="1"),
        bad("days_of_month", "must be days of a month", InvalidTypeError, days_of_month=1.0),
        bad("days_of_month", "must name at least one day", days_of_month=[]),
        bad("days_of_month", "feb have at most 29. Got 30.", days_of_month=30, months="feb"),
        bad("days_of_month", "apr, jun have at most 30. Got -31.", days_of_month=[1, -31], months=["apr", "jun"]),
        bad("holidays", "must be a country like 'DE', or a subdivision of one like 'DE-BY'. Got 'XX'.", holidays="XX"),
        bad("holidays", "Got 'Germany'. Did you mean 'DE'?", holidays="Germany"),
        bad("holidays", "Got 'UK'. Did you mean 'GB'?", holidays="UK"),
        bad("holidays", "Got 'DE-Bayern'. Did you mean 'DE-BY'?", holidays="DE-Bayern"),
        bad("holidays", "must name a subdivision that DE has, or the country alone. Got 'DE-XX'.", holidays="DE-XX"),
        bad("holidays", "must be a list of dates", InvalidTypeError, holidays=5),
        bad("holidays", "must be a country, or name at least one date. Got [].", holidays=[]),
        bad("holidays", "must be a local date like '2026-03-02'. Got 'xmas'.", holidays=["xmas"]),
        bad("on_holidays", "must be 'skip' or 'only'. Got 'skp'. Did you mean 'skip'?", on_holidays="skp"),
        bad("on_holidays", "must be left out unless holidays says which. Got 'only'.", on_holidays="only"),
        bad("end", "must look like 'HH:MM', or 'mon HH:MM'. Got 'mno 08:00'. Did you mean 'mon'?", end="mno 08:00"),
        bad("end", "must look like 'HH:MM'. Got '8'.", end="mon 8"),
        bad(
            "end", "from mon 22:00 to mon 08:00 a window lasts beyond tue 22:00, when it starts again", end="mon 08:00"
        ),
        bad("end", "from fri 22:00 to mon 22:01 a window lasts beyond sat 22:00", end="mon 22:01", days=["fri", "sat"]),
        bad("end", "from mon 22:00 to mon 22:00 a window lasts beyond tue", end="mon 22:00", days=["mon", "tue"]),
        bad("end_included", "without that instant nothing is left", end="22:00", end_included=False),
        bad("end_included", "must be true or false. Got 0.", InvalidTypeError, end_included=0),
        bad("since", "must be a local date like '2026-03-02'. Got '2026-02-30'.", since="2026-02-30"),
        bad("since", "must be a local date", since=dt.datetime(2026, 3, 2)),
        bad("until", "must be a local date like '2026-03-02'. Got 20260302.", until=20260302),
        bad("until", "must be a local date like '2026-03-02'. Got NaT.", until=pd.NaT),
        bad(
            "until",
            "must not lie before since. Got since 2026-03-02, until 2026-03-01.",
            since="2026-03-02",
            until="2026-03-01",
        ),
        bad("except_dates", "must be a list of dates", InvalidTypeError, except_dates="2026-12-25"),
        bad("except_dates", "must be a list of dates", InvalidTypeError, except_dates=None),
        bad("except_dates", "must be a local date like '2026-03-02'. Got 'christmas'.", except_dates=["christmas"]),
        bad("except_dates", "must be a local date like '2026-03-02'. Got None.", except_dates=[None]),
    ],
)
def test_refused_fields(fields, field, kind, problem):
    """A bad value is refused by the class its fault calls for; the message names the remedy."""
    for build in (lambda: Window(**fields), lambda: Window.parse(fields)):
        with pytest.raises(kind) as caught:
            build()
        assert caught.value.field == field
        assert problem in str(caught.value)


def test_hints_at_zones_are_zones():
    """Whatever is advised in place of an offset or an abbreviation is a zone, and one with that offset at some time."""
    for offset, tz in zones._BY_OFFSET.items():
        assert Window("1:00", "2:00", tz=tz).contains(f"2026-01-15T01:30{offset}")
    for abbreviation, meant in zones._BY_ABBREVIATION.items():
        for tz in meant:
            names = {dt.datetime(2026, month, 15, tzinfo=ZoneInfo(tz)).tzname() for month in (1, 7)}
            assert abbreviation in names or any(name.startswith(("+", "-")) for name in names), (abbreviation, tz)


def test_a_window_built_by_hand_is_refused_by_field():
    """The message of the constructor begins with the name of the field."""
    for field, value in {"start": "25:00", "tz": "Europe/Berln", "days": ["fry"], "since": "2026-02-30"}.items():
        with pytest.raises(WindowError, match=f"^{field} must"):
            Window(**{"start": "22:00", "end": "06:00", field: value})


@pytest.mark.parametrize(
    "value", [("22:00",), ("22:00", "06:00", "UTC"), [], "22:00-06:00", None, 1320, {"22:00"}], ids=repr
)
def test_refused_shapes(value):
    """What is neither a pair nor a mapping is a TypeError in the seed's words that shows what was given."""
    with pytest.raises(InvalidTypeError, match="tuple/list of two strings") as caught:
        Window.parse(value)
    assert f"Got {value!r}." in str(caught.value)


def test_refused_keys():
    """A mapping with an unknown or missing key is refused by the name of that key."""
    for extra, field, problem in [
        ({"dayz": ["mon"]}, "dayz", "Did you mean 'days'?"),
        ({"timezone": "UTC"}, "timezone", "Known: 'start', 'end', 'tz'"),
        ({1: 2}, "1", "is not a field of a window"),
    ]:
        with pytest.raises(WindowError) as caught:
            Window.parse({"start": "22:00", "end": "06:00", **extra})
        assert caught.value.field == field
        assert problem in str(caught.value)
    with pytest.raises(WindowError, match="is missing") as caught:
        Window.parse({"start": "22:00"})
    assert caught.value.field == "end"


@pytest.mark.parametrize("at", [dt.datetime(2026, 3, 2), "2026-03-02T03:10", None, pd.NaT, 0], ids=repr)
def test_refused_instants(at):
    """A naive or missing instant is an error that names the parameter, never a guess."""
    window = Window("22:00", "06:00")
    with pytest.raises(InstantError, match=r"^at "):
        window.contains(at)
    with pytest.raises(InstantError, match=r"^start "):
        window.spans(at, EPOCH)
    with pytest.raises(InstantError, match=r"^end "):
        window.spans(EPOCH, at)


def test_every_refusal_is_of_one_family():
    """Both kinds of refusal are TimegateErrors, and the ValueError or TypeError that they stand for."""
    assert issubclass(WindowError, TimegateError)
    assert issubclass(WindowError, ValueError)
    assert issubclass(InvalidTypeError, TimegateError)
    assert issubclass(InvalidTypeError, TypeError)
