"""How things are written in text."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timegate.show.text import and_more, counted, details, duration, figure, iso, listed, percent, period, shown_instant

UNITS_S = {"µs": 1e-6, "s": 1, "min": 60, "h": 3600, "d": 86_400, "day": 86_400, "days": 86_400}


def seconds_of(text: str) -> float:
    parts = text.replace(",", "").split(" ")
    return sum(float(number) * UNITS_S[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True))


@given(us=st.integers(0, 10**15))
def test_compound_lengths_are_exact_below_a_minute_and_to_the_minute_above(us: int) -> None:
    """What is written is the length itself, or less than half a minute from it."""
    written_us = round(1e6 * seconds_of(duration(us / 1e6)))
    assert written_us == us if us < 60_000_000 else abs(written_us - us) <= 30_000_000


@given(seconds=st.floats(1e-6, 1e8))
def test_rounded_lengths_keep_three_digits(seconds: float) -> None:
    """One number of at most three digits, at least 1 of its unit above a second, near the length."""
    text = duration(seconds, "rounded")
    number, unit = text.split(" ")
    assert seconds_of(text) == pytest.approx(seconds, rel=0.0051)
    assert float(number.replace(",", "")) < {"s": 60, "min": 60, "h": 24, "d": 2000}[unit]
    assert unit == "s" or float(number.replace(",", "")) >= 1


@given(us=st.integers(0, 10**12), unit=st.sampled_from([1, 10**6, 60 * 10**6, 3600 * 10**6, 86_400 * 10**6]))
def test_exact_lengths_are_exact(us: int, unit: int) -> None:
    """What is written is the length, to the microsecond."""
    us = us // unit * unit
    assert round(1e6 * seconds_of(duration(us / 1e6, "exact"))) == us


@pytest.mark.parametrize(
    ("seconds", "style", "text"),
    [
        (0, "compound", "0 s"), (0, "rounded", "0 s"), (0, "exact", "0 s"),
        (59.9, "rounded", "59.9 s"), (59.96, "rounded", "1 min"), (0.001, "rounded", "0.001 s"),
        (3_599, "rounded", "1 h"), (86_250, "rounded", "1 d"), (90 * 86_400, "rounded", "90 d"),
        (1234 * 86_400, "rounded", "1,230 d"),
        (1e-6, "exact", "1 µs"), (90_061, "exact", "90061 s"), (86_400, "exact", "1 day"), (0.25, "exact", "0.25 s"),
    ],
)  # fmt: skip
def test_lengths_at_the_edges_of_units(seconds: float, style: Any, text: str) -> None:
    """A length that rounds to a unit is written in it."""
    assert duration(seconds, style) == text


@given(share=st.floats(0, 1), digits=st.integers(0, 3))
def test_only_none_reads_as_none_and_only_all_as_all(share: float, digits: int) -> None:
    """A share between them never reads as 0 or 100 %, with as many decimals as asked for."""
    for short in (False, True):
        text = percent(share, digits, short=short)
        assert (share == 0) == (float(text.strip("<>%")) == 0)
        assert (share == 1) == (text.startswith("100"))
        if not short or share not in (0, 1):
            assert len(text.strip("<>%").partition(".")[2]) == digits
    assert abs(float(text.strip("<>%")) / 100 - share) <= 10.0 ** -(digits + 2)


def test_short_shares() -> None:
    """None and all have no decimals where nothing has to line up."""
    assert [percent(share, 1, short=True) for share in (0, 0.5, 1)] == ["0%", "50.0%", "100%"]
    assert [percent(share, 1) for share in (0, 1)] == ["0.0%", "100.0%"]


@pytest.mark.parametrize(("number", "text"), [(0, "0 calls"), (1, "1 call"), (-2, "-2 calls"), (1200, "1,200 calls")])
def test_counts(number: int, text: str) -> None:
    """Only one is singular."""
    assert counted(number, "call") == text


@given(number=st.integers(0, 12), most=st.integers(1, 6), word=st.sampled_from(["and", "or", ","]))
def test_lists_name_all_or_count_the_rest(number: int, most: int, word: str) -> None:
    """All items are named, or ``most`` of them and a count of two or more others."""
    items = [f"i{n}" for n in range(number)]
    text = listed(items, word, most)
    named = [item for item in items if item in text.replace(",", "").split(" ")]
    if number <= most + 1:
        assert named == items
        assert "other" not in text
    else:
        assert named == items[:most]
        assert text.endswith(f" {'or' if word == 'or' else 'and'} {number - most} others")


def test_what_is_left_of_a_list() -> None:
    """Nothing is said of a list that is whole."""
    assert [and_more(n, 60, "more.") for n in (0, 60, 61, 1500)] == [[], [], ["and 1 more."], ["and 1,440 more."]]


def test_instants() -> None:
    """UTC is a Z, another offset stays, and only seconds that are 0 are left out."""
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for later, text in (({}, "09:00Z"), ({"seconds": 5}, "09:00:05Z"), ({"microseconds": 5}, "09:00:00.000005Z")):
        assert iso(at + timedelta(**later), short=True) == f"2026-03-02T{text}"
    assert iso(at) == "2026-03-02T09:00:00Z"
    assert iso(at.astimezone(timezone(timedelta(hours=1))), short=True) == "2026-03-02T10:00:00+01:00"


def test_instants_for_people() -> None:
    """No seconds that are 0, nor the microsecond after an included end; what else there is, is told."""
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for us, text in ((0, ""), (1, ""), (2, ":00.000002"), (5_000_000, ":05"), (5_000_001, ":05.000001")):
        assert shown_instant(at + timedelta(microseconds=us)) == f"2026-03-02 09:00{text}"


def test_periods() -> None:
    """Instants are of UTC, dates of no zone."""
    start, end = pd.Timestamp("2026-03-02T09:00Z"), pd.Timestamp("2026-03-02T10:30:15.5Z")
    assert period(start, end) == "2026-03-02 09:00:00 to 2026-03-02 10:30:15 UTC"
    assert period(start, end, "%H:%M") == "09:00 to 10:30 UTC"
    assert period(date(2026, 3, 2), date(2026, 3, 9), "%Y-%m-%d") == "2026-03-02 to 2026-03-09"


def test_details() -> None:
    """Names of fields are written as words, in order."""
    assert details({"after_s": 3.0, "error": "timeout"}) == "after s 3.0, error timeout"
    assert details({}) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"), (np.float64(1234.5), "1,234"), (math.nan, ""), (None, ""), (pd.NaT, ""),
        (1234567, "1,234,567"), (2**53, "9007199254740992"), (True, "True"), ("a_b", "a_b"),
        (pd.Timestamp("2026-03-02T09:00:01.5Z"), "2026-03-02 09:00:01 UTC"),
    ],
)  # fmt: skip
def test_figures(value: object, text: str) -> None:
    """Numbers are rounded, what is missing is empty, and a seed keeps its digits together."""
    assert figure(value) == text
