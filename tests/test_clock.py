"""Instants: what is read as one, what is floored, what is refused; and the clocks."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import time_machine as tm
from hypothesis import given
from hypothesis import strategies as st

from timegate.core.clock import FIRST_US, LAST_US, SystemClock, VirtualClock, from_us, to_us
from timegate.errors import InstantError


def jump(traveller: tm.Traveller, at_us: int) -> None:
    """Move the process's clock to an instant, exactly: ``move_to`` would round a float."""
    traveller.shift(dt.timedelta(microseconds=at_us - time.time_ns() // 1000))


@contextmanager
def travel(at_us: int) -> Iterator[None]:
    """Stop the process's clock at an instant."""
    with tm.travel(0, tick=False) as traveller:
        jump(traveller, at_us)
        yield


instants = st.integers(FIRST_US, LAST_US - 1)


@given(instants)
def test_round_trip(at_us):
    """Every microsecond of 1900 to 2199 comes back from a datetime, its text and a Timestamp."""
    at = from_us(at_us)
    assert [to_us(form, "at") for form in (at, at.isoformat(), f" {at.isoformat()} ", pd.Timestamp(at))] == [at_us] * 4


@given(instants, st.sampled_from(["America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]))
def test_zone_makes_no_difference(at_us, tz):
    """An instant is the same in any zone, and integer arithmetic agrees with datetime's own timestamp."""
    at = from_us(at_us).astimezone(ZoneInfo(tz))
    assert to_us(at, "at") == at_us
    assert at.replace(microsecond=0).timestamp() == at_us // 1_000_000


@given(instants.filter(lambda at_us: at_us < LAST_US - 1), st.integers(0, 999))
def test_nanoseconds_are_floored(at_us, nanoseconds):
    """Anything finer than a microsecond is floored, also before 1970."""
    stamp = pd.Timestamp(from_us(at_us)).as_unit("ns") + pd.Timedelta(nanoseconds, "ns")
    assert to_us(stamp, "at") == at_us


def test_an_hour_that_occurs_twice():
    """Of a repeated local time, ``fold`` says which one is meant."""
    first = dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert to_us(first.replace(fold=1), "at") - to_us(first, "at") == 3_600_000_000


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (dt.datetime(2026, 3, 2, 3, 10), "must carry a zone or an offset, as in '2026-03-02T03:10Z'. Got the naive"),
        ("2026-03-02T03:10", "must carry a zone or an offset"),
        ("2026-03-02", "must carry a zone or an offset"),
        (pd.Timestamp("2026-03-02"), "must carry a zone or an offset"),
        (None, "is missing: give a time like '2026-03-02T03:10Z'. Got None."),
        (pd.NaT, "is missing: give a time like '2026-03-02T03:10Z'. Got NaT."),
        (np.datetime64("NaT", "us"), "is missing"),
        ("", "must be a time like '2026-03-02T03:10Z'. Got ''."),
        ("yesterday", "must be a time like '2026-03-02T03:10Z'. Got 'yesterday'."),
        ("now", "must be a time like '2026-03-02T03:10Z'. Got 'now'. Write date and time; of such words options"),
        ("Tomorrow 03:10", "must be a time like '2026-03-02T03:10Z'. Got 'Tomorrow 03:10'. Write date and time; of"),
        ("03:10Z", "must be a time like '2026-03-02T03:10Z'. Got '03:10Z'. Write its date, too."),
        ("2026-03-02T03:10\0Z", "must be a time like"),
        ("2026-03-02T03:10?Z", "must be a time like"),
        ("2026-03-02T03:10 PST", "must be a time like"),
        ("2026-02-30T00:00Z", "must be a time like"),
        (1772421000, "must be an aware datetime or text like '2026-03-02T03:10Z'. Got 1772421000 (int)."),
        (float("nan"), "must be an aware datetime or text"),
        (dt.date(2026, 3, 2), "must be an aware datetime or text"),
        (np.datetime64("2026-03-02"), "must be an aware datetime or text"),
        ("1899-12-31T23:59:59.999999Z", "must lie in the years 1900 to 2199."),
        ("2200-01-01T00:00Z", "must lie in the years 1900 to 2199."),
        (dt.datetime.max.replace(tzinfo=dt.UTC), "must lie in the years 1900 to 2199."),
    ],
    ids=repr,
)
def test_refused(value, problem):
    """What is no instant is an error that begins with the parameter's name and shows what was given."""
    with pytest.raises(InstantError) as caught:
        to_us(value, "arrival")
    assert str(caught.value).startswith(f"arrival {problem}")


@pytest.mark.parametrize("zone", ["Z", "z", " UTC", "UTC", " GMT", " z", "+00:00", "+00"])
def test_utc_as_people_write_it(zone):
    """UTC has several names, as in logs."""
    assert to_us(f"2026-03-02 03:10:00{zone}", "at") == to_us("2026-03-02T03:10Z", "at")


def test_system_clock_is_the_machines():
    """The system's clock is the one that time-machine moves, to the microsecond, from 1970 to 2199."""
    random = Random(0)  # noqa: S311 - for tests
    with tm.travel(0, tick=False) as traveller:
        for at_us in [random.randrange(LAST_US) for _ in range(2000)]:
            jump(traveller, at_us)
            assert SystemClock().now_us() == at_us


def test_virtual_clock_stands_still():
    """A virtual clock moves only when it is moved."""
    clock = VirtualClock(7)
    assert [clock.now_us(), clock.now_us()] == [7, 7]
    clock.at_us -= 5
    assert clock.now_us() == 2
