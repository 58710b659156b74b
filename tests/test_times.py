"""Times as files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import timegate as tg
from timegate.core.clock import EPOCH
from timegate.errors import TraceError
from timegate.traffic.times import UNITS_NS, counted_us, guess_unit

TEN = pd.Timestamp("2026-03-02T10:00:00Z")


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02 10:00:00 UTC",
        "2026-03-02 10:00:00.000 utc",
        "2026-03-02 10:00:00 +0000 UTC",
        "2026-03-02 11:00:00 +0100 CET",
        "2026-03-02 10:00:00.000000001 +0000 UTC m=+0.000012",
        "2026-03-02 10:00:00,000Z",
        "2026/03/02 10:00:00 GMT",
        "2026-03-02t10:00:00z",
        "02/Mar/2026:10:00:00 +0000",
        "[02/mar/2026:11:00:00 +0100]",
        "Mon, 02 Mar 2026 10:00:00 GMT",
        "Mon, 2 Mar 2026 05:00:00 -0500",
        "2 Mar 2026 10:00:00 UTC",
        "Mon Mar  2 10:00:00 UTC 2026",
        "2026-03-02T07:00:00-03:00[America/Sao_Paulo]",
        "2026-03-02T10:00:00Z[UTC]",
    ],
)
def test_times_as_logs_write_them(text: str) -> None:
    """Zones as words, Go, Python, nginx, HTTP, mail and date: one instant, in a frame and beside ISO text."""
    assert tg.Trace([text]).start == TEN
    assert tg.Trace(["2026-03-02T09:59Z", text]).end == TEN


@pytest.mark.parametrize("text", ["2026-03-02 10:00:00,000", "02/Mar/2026:10:00:00", "Mon Mar  2 10:00:00 2026"])
def test_a_log_that_states_no_zone(text: str) -> None:
    """Such a time is naive, in whatever form: the zone is asked for, and taken."""
    with pytest.raises(TraceError, match="is naive"):
        tg.Trace([text])
    assert tg.Trace([text], tz="Asia/Tokyo").start == TEN - timedelta(hours=9)


@pytest.mark.parametrize(
    "text",
    ["now", "today", "NOW", " now", "2026-03-02 10:00 PST", "02/Foo/2026:10:00:00 +0000", "31/Feb/2026:10:00:00 +0000",
     "03/02/2026 10:00Z", "-2026-03-02T10:00Z", "Mon, 02 Mar 2026 10:00:00 EST"],
)  # fmt: skip
def test_what_is_no_time_is_none(text: str) -> None:
    """Words that pandas takes for the present, zones that are not unique, days that are not: none is a guess."""
    with pytest.raises(TraceError, match=r"^at\[0\] must be a time like"):
        tg.Trace([text], tz="UTC")


@pytest.mark.parametrize(
    "at",
    [
        ["9999-12-31T23:00-05:00"],
        ["0001-01-01T00:00+14:00"],
        [datetime(9999, 12, 31, 23, tzinfo=UTC)],
        pd.Series(np.array([2**62], "datetime64[s]")),
        pd.Series(np.array([2**62], "datetime64[s]")).dt.tz_localize("UTC"),
        pd.Series(np.array([-(2**62)], "datetime64[ms]")),
        pd.Series(np.array([2**63 - 1], "datetime64[ns]")),
        pd.Series(np.array(["9999-12-31T23"], "datetime64[us]"))
        .dt.tz_localize("UTC")
        .dt.tz_convert("America/New_York"),
    ],
)
@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
def test_far_dates_are_errors_of_ours(at: Any, tz: str | None) -> None:
    """Years that pandas or Python cannot hold are said to lie out of bounds, in text and in every unit of Parquet."""
    with pytest.raises(TraceError, match=r"^at\[0\] must lie in the years 1900 to 2199\. Got "):
        tg.Trace(at, tz=tz)


@given(st.integers(0, 2 * 10**15), st.sampled_from(list(UNITS_NS)))
def test_whole_numbers_are_exact(at_us: int, unit: str) -> None:
    """A whole number of any unit is the instant that integers say, floored to microseconds; as text, too."""
    count = at_us * 1000 // UNITS_NS[unit]
    right = EPOCH + timedelta(microseconds=count * UNITS_NS[unit] // 1000)
    for column in (pd.Series([count], name="x"), pd.Series([str(count)], name="x")):
        assert counted_us(column, unit).tolist() == [right]


@given(st.integers(0, 10**13), st.sampled_from(["s", "ms"]))
@example(1_001_000, "s")
def test_decimals_are_not_cut(at_us: int, unit: str) -> None:
    """A decimal of seconds or milliseconds is the microsecond that it is written as, not the one before."""
    digits = 6 if unit == "s" else 3
    text = f"{at_us // 10**digits}.{at_us % 10**digits:0{digits}}"
    for column in (pd.Series([text], name="x"), pd.Series([float(text)], name="x")):
        assert counted_us(column, unit).tolist() == [EPOCH + timedelta(microseconds=at_us)]


@pytest.mark.parametrize(("unit", "one"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_units_are_told_by_the_size_of_their_numbers(unit: str, one: int) -> None:
    """From 1973 to 2199 each count since 1970 is of one unit; smaller ones count from elsewhere."""
    for year in (1975, 2026, 2198):
        count = int((datetime(year, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()) * one
        assert guess_unit(pd.Series([str(count), str(count + one)])) == unit
    assert guess_unit(pd.Series([1, 2, 7_200_000])) is None
    assert guess_unit(pd.Series(["x"])) is None
