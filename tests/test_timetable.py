"""The compiled timetable against the oracle, instant by instant."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from zoneinfo import available_timezones

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from test_windows import covers, edges, luck

from timegate import Window
from timegate.core.clock import DAY_US, FIRST_US, LAST_US, from_us, to_us
from timegate.core.timetable import Hours, Segment, Timetable
from timegate.errors import WindowError

MONDAY_US = to_us("2026-03-02T00:00Z", "at")


def is_open(hours: Hours, at_us: int) -> bool:
    """Whether a deployment may be used: the rule, over the oracle of windows."""
    at = from_us(at_us)
    allowed = not hours.available or any(covers(window, at) for window in hours.available)
    return allowed and not any(covers(window, at) for window in hours.time_constraints)


def open_at(table: Timetable, at_us: int) -> tuple[int, ...]:
    return tuple(i for i, hours in enumerate(table.hours) if is_open(hours, at_us))


# Whole hours in few zones, around a change of the clocks, so that edges of several deployments coincide.
hour = st.integers(0, 23).map("{:02}:00".format)
any_window = st.builds(
    Window,
    hour,
    hour | st.just("24:00"),
    tz=st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"]),
    days=st.none() | st.lists(st.sampled_from(["mon", "wed", "sat", "sun"]), min_size=1),
    except_dates=st.lists(st.dates(*[from_us(MONDAY_US + day * DAY_US).date() for day in (26, 29)]), max_size=1),
)
any_hours = st.builds(Hours, st.lists(any_window, max_size=3).map(tuple), st.lists(any_window, max_size=2).map(tuple))
tables = st.lists(any_hours, min_size=1, max_size=4).map(Timetable)
CHANGE_US = to_us("2026-03-29T01:00Z", "at")  # Berlin's clocks skip an hour
instants = st.integers(-2 * DAY_US, 2 * DAY_US).map(CHANGE_US.__add__)


def probes(table: Timetable, lo: int, hi: int) -> list[int]:
    """Instants one microsecond around everything that could be an edge."""
    windows = [window for hours in table.hours for window in (*hours.time_constraints, *hours.available)]
    found = {lo, hi, CHANGE_US}.union(*(edges(window, CHANGE_US) for window in windows))
    return sorted({at + by for at in found for by in (-1, 0, 1) if lo <= at + by < hi})


@examples(200)
@given(tables, instants, instants)
def test_compile_agrees_with_the_oracle(table, one, other):
    """Segments tile the range without gap or needless cut, and each instant's is open for whom the rule says."""
    lo, hi = min(one, other), max(one, other) + 1
    segments = table.compile(lo, hi)
    assert (segments.edges_us[0], segments.edges_us[-1]) == (lo, hi)
    assert np.all(np.diff(segments.edges_us) > 0)
    assert np.all((segments.open[1:] != segments.open[:-1]).any(axis=1))
    instants = np.array(probes(table, lo, hi))
    for at_us, row in zip(instants.tolist(), segments.open[segments.index(instants)], strict=True):
        assert tuple(np.flatnonzero(row)) == open_at(table, at_us), from_us(at_us)
    listed = list(segments)
    assert len(listed) == len(segments)
    assert [s.start_us for s in listed[1:]] == [s.end_us for s in listed[:-1]]


@examples(200)
@given(tables, st.lists(instants, min_size=2, max_size=12))
def test_segment_at_in_any_order(table, visits):
    """However the clock jumps, the segment holds the instant, and is open from end to end for whom the rule says."""
    for at_us in visits:
        segment = table.segment_at(at_us)
        assert segment.start_us <= at_us < segment.end_us
        for inside in (segment.start_us, at_us, segment.end_us - 1):
            assert segment.open == open_at(table, inside)


@examples(200)
@given(tables, instants)
def test_open_until_is_the_next_change(table, at_us):
    """The state holds up to the microsecond before, and flips there; None only if it never does."""
    for index, hours in enumerate(table.hours):
        until_us = table.open_until(at_us, index)
        now, reach = is_open(hours, at_us), at_us + 14 * DAY_US if until_us is None else until_us
        assert all(is_open(hours, at) == now for at in probes(Timetable([hours]), at_us, reach))
        if until_us is not None:
            assert until_us > at_us
            assert [is_open(hours, until_us - 1), is_open(hours, until_us)] == [now, not now]


@pytest.mark.parametrize("days", [1, 7, 8, 9, 63, 64, 65, 399])
def test_open_until_looks_far_ahead(days):
    """A window that first starts up to 400 days ahead is found, to the microsecond."""
    start = from_us(MONDAY_US + days * DAY_US).date()
    table = Timetable([Hours(time_constraints=(Window("00:00", "00:00", since=start),))])
    assert table.open_until(MONDAY_US, 0) == MONDAY_US + days * DAY_US
    assert table.open_until(MONDAY_US, 0, horizon_us=days * DAY_US) is None


def test_open_until_of_what_never_changes():
    """Who is always open, or always closed, has no next change."""
    table = Timetable(
        [Hours(), Hours(time_constraints=(Window("00:00", "24:00"),)), Hours(available=(Window("00:00", "24:00"),))]
    )
    assert [table.open_until(MONDAY_US, i) for i in range(3)] == [None] * 3
    assert table.segment_at(MONDAY_US) == Segment(MONDAY_US, MONDAY_US + DAY_US, (0, 2))


def test_available_and_closed_together():
    """Open is: inside some available window, and inside no closed one; a closed window wins."""
    night, lunch = Window("12:00", "13:00"), Window("09:00", "17:00")
    table = Timetable([Hours(time_constraints=(night,), available=(lunch, Window("20:00", "21:00")))])
    opened = [
        from_us(s.start_us).strftime("%H:%M:%S.%f") for s in table.compile(MONDAY_US, MONDAY_US + DAY_US) if s.open
    ]
    assert opened == ["09:00:00.000000", "13:00:00.000001", "20:00:00.000000"]


def test_threads_agree():
    """Sixteen threads that ask for instants of different days at once each get the right segment."""
    closed = (Window("22:00", "06:00", tz="Europe/Berlin"), Window("12:00", "12:30"))
    table = Timetable(
        [Hours(time_constraints=closed), Hours(available=(Window("06:00", "18:00", days=["mon", "sat"]),))]
    )
    random = luck("threads")
    visits = [MONDAY_US + random.randrange(40) * DAY_US + random.randrange(DAY_US) for _ in range(6_000)]
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(lambda part: [table.segment_at(at).open for at in part], [visits[i::16] for i in range(16)])
        )
    assert found == [[open_at(table, at) for at in visits[i::16]] for i in range(16)]


def test_what_no_memory_holds_is_refused_at_once() -> None:
    """Every zone over three centuries is an error before anything is computed, and so is a table of too many cells."""
    zones = [zone for zone in sorted(available_timezones()) if zone[:5] not in ("Facto", "local", "posix")]
    table = Timetable([Hours((Window("22:00", "06:00", tz=zone),)) for zone in zones])
    with pytest.raises(WindowError, match="windows over 109,573 days are too many to be held at once"):
        table.compile(FIRST_US, LAST_US)
    many = Timetable([Hours((Window(f"{i % 24:02}:{i // 24:02}", "23:59"),)) for i in range(1000)])
    with pytest.raises(WindowError, match=r"1,000 deployments in .* stretches of time are too many"):
        many.compile(MONDAY_US, MONDAY_US + 1500 * DAY_US)
    assert len(table.compile(MONDAY_US, MONDAY_US + DAY_US)) > 20
