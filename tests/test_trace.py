from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import timegate as tg
from timegate.core.columns import TRACE_COLUMNS
from timegate.errors import TimegateError, TraceError

NINE = "2026-03-02T09:00Z"
LATER = "2026-03-02T09:00:01Z"
traces = strategies.eras.flatmap(
    lambda era: strategies.configs(era).flatmap(lambda config: strategies.traces(config, era, max_size=20))
)


def utc(*at: str) -> list[pd.Timestamp]:
    return [pd.Timestamp(text, tz="UTC") for text in at]


@pytest.mark.parametrize(
    "times",
    [
        [NINE, LATER],
        ["2026-03-02 10:00:00+01:00", "2026-03-02T10:00:01+0100"],
        ["2026-03-02T09Z", "20260302T090001Z"],
        pd.Series([NINE, LATER], index=[7, 7]),
        pd.to_datetime([NINE, LATER], format="ISO8601"),
        pd.Series(pd.to_datetime([NINE, LATER], format="ISO8601")).dt.tz_convert("Asia/Kathmandu"),
        pd.Series(pd.to_datetime([NINE, LATER], format="ISO8601")).dt.as_unit("s"),
        [datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 2, 10, 0, 1, tzinfo=ZoneInfo("Europe/Berlin"))],
    ],
)
def test_every_form_of_aware_times_is_read_alike(times: Any) -> None:
    """ISO text in any spelling, datetimes of any zone or resolution: the same instants, in microseconds UTC."""
    trace = tg.Trace(times)
    assert trace.frame["at"].tolist() == utc("2026-03-02 09:00:00", "2026-03-02 09:00:01")
    assert trace.frame["at"].dtype == "datetime64[us, UTC]"


@pytest.mark.parametrize("tz", [None, "America/New_York"])
@pytest.mark.parametrize("text", ["2026-03-02T09Z", "2026-03-02T10+01:00", "20260302T0900Z", "2026-03-02T0900+0000"])
def test_an_offset_is_never_overruled(text: str, tz: str | None) -> None:
    """``tz`` is for naive times: one with an offset, however it is spelled, keeps its own."""
    assert tg.Trace([text], tz=tz).start == pd.Timestamp("2026-03-02 09:00", tz="UTC")


@pytest.mark.parametrize("tz", [None, "Asia/Tokyo"])
@pytest.mark.parametrize("offset", ["+1:00", "+1", "+100", "+010", "+01:0", " -3:00"])
def test_a_malformed_offset_is_no_guess(offset: str, tz: str | None) -> None:
    """An offset that ISO 8601 does not know is an error, not a naive time; pandas would read +100 as ten hours."""
    with pytest.raises(TraceError, match=r"^at\[1\] must be a time like"):
        tg.Trace(["2026-03-02T09:00" + ("" if tz else "Z"), f"2026-03-02T09:00{offset}"], tz=tz)


@given(st.datetimes(datetime(1900, 1, 3), datetime(2199, 12, 29)), st.integers(0, 999), st.sampled_from(["ns", "text"]))
def test_finer_input_is_floored(wall: datetime, nanoseconds: int, form: str) -> None:
    """Nanoseconds fall away downwards, before 1970 too."""
    at = pd.Timestamp(wall, tz="UTC").as_unit("ns") + pd.Timedelta(nanoseconds, unit="ns")
    trace = tg.Trace(pd.Series([at]) if form == "ns" else [at.isoformat()])
    assert trace.at_us.tolist() == [at.value // 1000]


@pytest.mark.parametrize("text", ["2026-03-02T09:00:00.1234567Z", "2026-03-02T09:00:00.123456999999Z"])
def test_any_number_of_decimals_is_floored(text: str) -> None:
    """Seven decimals, as .NET writes them, and more are cut to six."""
    assert tg.Trace([text]).start == pd.Timestamp("2026-03-02 09:00:00.123456", tz="UTC")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)), st.sampled_from(strategies.ZONES))
def test_naive_times_are_read_in_the_zone_given(wall: datetime, tz: str) -> None:
    """With ``tz``, a naive time is what zoneinfo says; one that is skipped or occurs twice is an error."""
    both = [wall.replace(tzinfo=ZoneInfo(tz), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if both[0] == both[1]:
        for times in ([wall.isoformat()], pd.Series([wall])):
            assert tg.Trace(times, tz=tz).start == both[0]
    else:
        with pytest.raises(TraceError, match="at cannot be read in tz="):
            tg.Trace([wall.isoformat()], tz=tz)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2026-03-02T09:00"], r"^at\[0\] \(2026-03-02 09:00:00\) is naive: .* pass tz='UTC' or another zone\.$"),
        (pd.date_range("2026-03-02", periods=2), r"^at\[0\] \(2026-03-02 00:00:00\) is naive"),
        ([date(2026, 3, 2)], r"^at\[0\] \(2026-03-02 00:00:00\) is naive"),
        ([NINE, "2026-03-02T09:00"], r"^at\[1\] \('2026-03-02T09:00'\) is naive, while others carry offsets"),
        (["202\u202800:00", NINE], r"^at\[0\] \('202\\u202800:00'\) is naive, while others carry offsets"),
        ([datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2)], r"^at\[1\] .* is naive, while others"),
        ([NINE, None], r"^at\[1\] is missing: every arrival needs a time\.$"),
        ([pd.Timestamp(NINE), pd.NaT], r"^at\[1\] is missing"),
        ([NINE, "NaT"], r"^at\[1\]"),
        ([NINE, ""], r"^at\[1\]"),
        (["soon"], r"^at\[0\] must be a time like '2026-03-02T03:10:00Z'\. Got 'soon'\.$"),
        ([NINE, "02/03/2026 09:00Z"], r"^at\[1\] must be a time like .* Got '02/03/2026 09:00Z'\.$"),
        ([1_772_442_000], r"^at must hold times, not numbers\. .*to_datetime\(column, unit='s', utc=True\)"),
        (pd.Series([1.5]), r"^at must hold times, not numbers"),
        (["1772442000"], r"^at\[0\] must be a time like"),
        (["2026-03-02T09:00:00Z", "2026-02-30T09:00:00Z"], r"^at\[1\] must be .* Got '2026-02-30T09:00:00Z'\.$"),
        ([NINE, "2200-01-01T00:00Z"], r"^at\[1\] must lie in the years 1900 to 2199\. Got 2200"),
        (["1899-12-31T23:59:59.999999Z"], r"^at\[0\] must lie in the years 1900 to 2199"),
        ([LATER, NINE], r"^at\[1\] \(.*09:00:00.*\) lies before the row above it .* Pass sort=True to sort it\.$"),
        ([], r"^the trace is empty: it needs at least one arrival\.$"),
    ],
)
def test_bad_times_name_their_place(times: Any, message: str) -> None:
    """Each bad time is one error with its row, what was given, and what to do."""
    with pytest.raises(TraceError, match=message):
        tg.Trace(times)


@pytest.mark.parametrize(
    ("wall", "tz", "message"),
    [
        ("2026-03-29T02:30", "Europe/Berlin", "2026-03-29 02:30:00"),
        ("2026-10-25T02:30", "Europe/Berlin", "2026-10-25 02:30:00"),
        ("2026-03-02T09:00", "Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ("2026-03-02T09:00", "", "must be an IANA zone"),
        ("2026-03-02T09:00", 5, "must be"),
    ],
)
def test_bad_zones_and_hours_that_clocks_skip_or_repeat(wall: str, tz: Any, message: str) -> None:
    """The error names the wall-clock time or the zone, and no argument that a user of timegate does not have."""
    with pytest.raises(TimegateError) as caught:
        tg.Trace([wall], tz=tz)
    assert message in str(caught.value)
    assert "argument" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"model_prefernce": ["a", "b"]}, r"^'model_prefernce' is not a column .* Did you mean 'model_preference'\?$"),
        ({"prompt_tokens": [1, -1]}, r"^prompt_tokens\[1\] must be a whole number of tokens\. Got .*-1"),
        ({"completion_tokens": [1, 1.5]}, r"^completion_tokens\[1\] must be a whole number of tokens\. Got .*1\.5"),
        ({"completion_tokens": [1, np.inf]}, r"^completion_tokens\[1\] must be a whole number"),
        ({"completion_tokens": ["1", "x"]}, r"^completion_tokens\[1\] must be a whole number of tokens\. Got 'x'\.$"),
        ({"prompt_tokens": [1, 1e300]}, r"^prompt_tokens\[1\] must be"),
        ({"prompt_tokens": [1, 2**70]}, r"^prompt_tokens\[1\] must be"),
        ({"model_preference": ["a", 2]}, r"^model_preference\[1\] must be the name of a deployment or missing\. Got 2"),
        ({"model_preference": [None, ""]}, r"^model_preference\[1\] must be the name .* Got ''\.$"),
        ({"model_preference": ["a", ["b"]]}, r"^model_preference\[1\] must be the name .* Got \['b'\]\.$"),
    ],
)
def test_bad_columns_name_their_place(columns: dict[Any, Any], message: str) -> None:
    """Unknown columns get the nearest good name; bad preferences and token counts their row."""
    with pytest.raises(TraceError, match=message):
        tg.Trace(pd.DataFrame({"at": [NINE, LATER], **columns}))


def test_other_columns_are_passed_over_and_named() -> None:
    """What is no column of a trace is left out, and the notes say so; a slip in one of ours is no other column."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE], "zzz": [1], 0: [2]}))
    assert trace.notes == ("columns passed over: 'zzz', 0",)
    assert list(trace.frame) == ["at"]
    assert tg.Trace(pd.DataFrame({"at": [NINE], "total_tokens": [1]})).notes == ("column passed over: 'total_tokens'",)
    both = {"at": [NINE], "prompt_tokens": [1], "prompt_token": [2]}
    assert tg.Trace(pd.DataFrame(both)).notes == ("column passed over: 'prompt_token'",)


@pytest.mark.parametrize(
    "given", [[1, None, 0], pd.array([1, None, 0], dtype="Int64"), ["1", None, "0"], [1, np.nan, 0]]
)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
def test_missing_token_counts_stay_missing_and_are_counted(tmp_path: Path, name: str, given: Any) -> None:
    """A missing count is neither 0 nor an error: it is -1 inside, missing in the frame and in files, and noted."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE, NINE, LATER], name: given}))
    assert getattr(trace, name).tolist() == [1, -1, 0]
    assert trace.frame[name].astype(object).tolist() == [1, pd.NA, 0]
    assert trace.notes == (f"{name} missing in 1 of 3 calls, taken as 0 where needed",)
    assert trace.answer_tokens.tolist() == ([1, 0, 0] if name == "completion_tokens" else [0, 0, 0])
    for path in (tmp_path / "day.csv", tmp_path / "day.parquet"):
        (trace.to_csv if path.suffix == ".csv" else trace.to_parquet)(path)
        read = tg.read_trace(path)
        assert read.fingerprint == trace.fingerprint
        assert read.notes == trace.notes
    assert not tg.Trace(pd.DataFrame({"at": [NINE], name: [5]})).notes


def test_all_token_counts_may_be_missing() -> None:
    """A column without a single count is a column all the same."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE, LATER], "completion_tokens": [None, None]}))
    assert trace.frame["completion_tokens"].isna().all()
    assert trace.notes == ("completion_tokens missing in 2 of 2 calls, taken as 0 where needed",)


def test_arrays_are_checked() -> None:
    """Token counts given as arrays: one a call, -1 for missing, nothing below."""
    at_us = np.arange(3)
    trace = tg.Trace.from_arrays(at_us, completion_tokens=np.array([5, -1, 0]), prompt_tokens=np.array([1, 2, 3]))
    assert trace.frame["completion_tokens"].isna().tolist() == [False, True, False]
    assert trace.frame["prompt_tokens"].tolist() == [1, 2, 3]
    for wrong in ([1, 2], [1, -2, 3]):
        with pytest.raises(TraceError, match=r"^prompt_tokens must hold one whole number for each call"):
            tg.Trace.from_arrays(at_us, prompt_tokens=np.array(wrong))


def test_at_is_needed_once() -> None:
    """A frame without ``at``, or with a column twice, is an error that names the column."""
    with pytest.raises(TraceError, match=r"column 'at' is missing\. Got the columns \['prompt_tokens'\]"):
        tg.Trace(pd.DataFrame({"prompt_tokens": [1]}))
    for columns in (["at", "at"], ["at", "prompt_tokens", "prompt_tokens"]):
        with pytest.raises(TraceError, match=columns[-1]):
            tg.Trace(pd.DataFrame([[NINE, 1, 1][: len(columns)]], columns=columns))
    with pytest.raises(TraceError, match="the trace is empty"):
        tg.Trace(pd.DataFrame({"at": []}))


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, "a", "b"])), min_size=1, max_size=50))
def test_sorting_is_stable_and_carries_every_column(rows: list[tuple[int, str | None]]) -> None:
    """``sort=True`` gives what sorted() gives: equal instants keep their order, rows stay together."""
    at = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(microseconds=us) for us, _ in rows]
    frame = pd.DataFrame({"at": at, "model_preference": pd.Series([name for _, name in rows], dtype=object)})
    frame["prompt_tokens"] = frame["completion_tokens"] = range(len(rows))
    order = sorted(range(len(rows)), key=lambda i: rows[i][0])
    trace = tg.Trace(frame, sort=True)
    assert trace.frame["at"].tolist() == [at[i] for i in order]
    names = [None if code < 0 else trace.preferred_names[code] for code in trace.preferred]
    assert names == [rows[i][1] for i in order]
    assert trace.prompt_tokens is not None
    assert trace.completion_tokens is not None
    assert trace.prompt_tokens.tolist() == trace.completion_tokens.tolist() == order
    assert tg.Trace(trace.frame).fingerprint == trace.fingerprint


def test_frame_holds_the_columns_given() -> None:
    """Columns keep the order and names of the one list of columns; what was not given is not there."""
    full = {
        "cached_tokens": [1],
        "completion_tokens": [3],
        "prompt_tokens": ["2"],
        "model_preference": ["a"],
        "at": [NINE],
    }
    frame = tg.Trace(pd.DataFrame(full)).frame
    assert tuple(frame.columns) == TRACE_COLUMNS
    assert [str(dtype) for dtype in frame.dtypes] == ["datetime64[us, UTC]", "category", "int64", "int64", "int64"]
    assert list(tg.Trace([NINE]).frame) == ["at"]


@pytest.mark.parametrize(
    "name", [" a", "a ", "\ta", "a\rb", "a\nb", "a\r\nb", '"a"', "a,b", "=1+1", "NA", "1", "true", "é\u2028", "#x"]
)
def test_names_come_back_from_csv_as_they_were(tmp_path: Path, name: str) -> None:
    """Spaces, line ends, quotes and words that readers have a mind of their own about: a name stays what it is."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE, LATER], "model_preference": [name, None], "served_by": [None, name]}))
    trace.to_csv(tmp_path / "day.csv")
    back = tg.read_trace(tmp_path / "day.csv")
    assert back.fingerprint == trace.fingerprint
    assert back.frame["served_by"].tolist()[1] == name


@pytest.mark.parametrize("column", ["prompt_tokens", "completion_tokens", "attempts"])
@pytest.mark.parametrize(
    "value", [True, False, np.True_, pd.Timestamp(NINE), date(2026, 3, 2), timedelta(1), [1], {}, b"1", 1j]
)
def test_counts_are_numbers(column: str, value: Any) -> None:
    """A truth value, a time or a list is no number of tokens, alone or among numbers."""
    for values in ([value, value], pd.Series([1, value], dtype=object)):
        with pytest.raises(TraceError, match=rf"^{column}\[[01]\] must be a whole number of"):
            tg.Trace(pd.DataFrame({"at": [NINE, LATER], column: values}))


def test_what_came_of_calls_is_carried_along(tmp_path: Path) -> None:
    """Who served, the status, the latency and the attempts stay with their calls: sorted, in files, and unhashed."""
    frame = {"at": [LATER, NINE], "served_by": ["a", None], "status": ["ok", 500], "latency_s": [0.5, None],
             "attempts": [1, None]}  # fmt: skip
    trace = tg.Trace(pd.DataFrame(frame), sort=True)
    assert trace.observed is not None
    expected = [(None, "500", None, None), ("a", "ok", 0.5, 1)]
    for each in (trace, tg.Trace(trace.frame)):
        found = each.frame[["served_by", "status", "latency_s", "attempts"]].astype(object)
        assert [tuple(row) for row in found.where(found.notna(), None).itertuples(index=False)] == expected
    trace.to_csv(tmp_path / "day.csv")
    assert tg.read_trace(tmp_path / "day.csv").frame.equals(trace.frame)
    assert trace.fingerprint == tg.Trace([NINE, LATER]).fingerprint
    assert tg.Trace([NINE]).observed is None
    for column, value in (("latency_s", -1), ("latency_s", "x"), ("latency_s", np.inf), ("attempts", 1.5)):
        with pytest.raises(TraceError, match=rf"^{column}\[0\] must be"):
            tg.Trace(pd.DataFrame({"at": [NINE], column: [value]}))


def test_the_fingerprint_is_of_the_content() -> None:
    """Equal arrivals hash alike in whatever form they come; a change of any column changes the hash."""

    def fingerprint(at: Any = (NINE, LATER), names: Any = ("b", "a"), **tokens: Any) -> str:
        return tg.Trace(pd.DataFrame({"at": at, "model_preference": names, **tokens})).fingerprint

    same = [
        fingerprint(),
        fingerprint(at=["2026-03-02T10:00+01:00", LATER]),
        fingerprint(names=pd.array(["b", "a"], dtype="string")),
        fingerprint(names=pd.Categorical(["b", "a"], categories=["c", "b", "a"])),
    ]
    others = [
        fingerprint(at=[NINE, NINE]),
        fingerprint(names=["a", "b"]),
        fingerprint(names=["b", None]),
        fingerprint(prompt_tokens=[1, 2]),
        fingerprint(completion_tokens=[1, 2]),
        tg.Trace([NINE, LATER]).fingerprint,
    ]
    assert same == same[:1] * len(same)
    assert len({same[0], *others}) == 1 + len(others)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(max_examples=30)
@given(trace=traces)
def test_files_round_trip_exactly(tmp_path_factory: pytest.TempPathFactory, kind: str, trace: tg.Trace) -> None:
    """A trace read back from CSV or Parquet is the same to the microsecond, in every column."""
    path = tmp_path_factory.mktemp("traces") / f"day.{kind}"
    (trace.to_csv if kind == "csv" else trace.to_parquet)(path)
    read = tg.read_trace(path)
    pd.testing.assert_frame_equal(read.frame, trace.frame)
    assert read.fingerprint == trace.fingerprint


@pytest.mark.parametrize("name", ["NA", "null", "None", "nan", "N/A", "true", "1", "a b", "ü"])
def test_any_name_survives_a_csv(tmp_path: Path, name: str) -> None:
    """A deployment whose name looks like a missing value or a number keeps its name."""
    trace = tg.Trace(pd.DataFrame({"at": [NINE, NINE], "model_preference": [name, None]}))
    trace.to_csv(tmp_path / "day.csv")
    assert tg.read_trace(tmp_path / "day.csv").preferred_names == (name,)


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If writing fails, the old file stays and nothing lies beside it."""
    path = tmp_path / "day.csv"
    path.write_text("old")

    def fail(self: pd.DataFrame, target: Path, **kwargs: Any) -> None:
        target.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(OSError, match="disk full"):
        tg.Trace([NINE]).to_csv(path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("day.csv", "old")]


def test_shows_span_and_notes() -> None:
    """The repr and the table in a notebook tell the size, the span and every reservation."""
    trace = tg.Trace([NINE, LATER], notes=["times taken as UTC"])
    assert repr(trace) == "<Trace: 2 calls, 2026-03-02 09:00:00 to 2026-03-02 09:00:01 UTC; times taken as UTC>"
    assert len(trace) == 2
    assert "times taken as UTC" in trace._repr_html_()
    assert (trace.start, trace.end) == tuple(utc("2026-03-02 09:00:00", "2026-03-02 09:00:01"))


def test_html_is_escaped() -> None:
    """Names and notes with markup are shown as text."""
    frame = pd.DataFrame({"at": [NINE], "model_preference": ["<script>alert(1)</script>"]})
    assert "<script" not in tg.Trace(frame, notes=["<script>alert(2)</script>"])._repr_html_()


@pytest.mark.parametrize("named", [True, False])
def test_an_index_of_times_is_taken_where_no_column_has_them(named: bool) -> None:
    """As pandas keeps series of time; it is said, and a column `at` goes before it."""
    index = pd.DatetimeIndex(["2026-03-02T09:00Z", "2026-03-02T10:00Z"], name="at" if named else None)
    trace = tg.Trace(pd.DataFrame({"prompt_tokens": [1, 2]}, index=index))
    assert trace.end == index[1]
    assert "the index is taken for 'at'" in trace.notes
    both = tg.Trace(pd.DataFrame({"at": ["2026-03-02T11:00Z", "2026-03-02T12:00Z"]}, index=index))
    assert both.end.hour == 12
    assert not both.notes


def test_what_makes_a_table_makes_a_trace() -> None:
    """Columns by their names, or rows; a path is none, and says what reads it."""
    columns = {"at": ["2026-03-02T09:00Z", "2026-03-02T10:00Z"], "prompt_tokens": [1, 2]}
    rows = [{"at": at, "prompt_tokens": n} for at, n in zip(*columns.values(), strict=True)]
    for table in (columns, rows):
        trace = tg.Trace(table)
        assert trace.prompt_tokens is not None
        assert (len(trace), trace.prompt_tokens.tolist()) == (2, [1, 2])
    with pytest.raises(TraceError, match=r"A file is read by timegate\.read_trace\(path\)"):
        tg.Trace("day.csv")
    with pytest.raises(TraceError, match="cannot be made a table"):
        tg.Trace({"at": ["2026-03-02T09:00Z"], "prompt_tokens": [1, 2]})


def test_parts_of_different_traces_are_not_joined() -> None:
    """Parts that differ in columns or in the names that calls prefer would be mistaken for each other."""
    first, second = ["2026-03-02T09:00Z"], ["2026-03-02T10:00Z"]
    prefer = [tg.Trace(pd.DataFrame({"at": at, "model_preference": ["weak"]})) for at in (first, second)]
    assert len(tg.Trace.concat(prefer)) == 2
    counted = tg.Trace(pd.DataFrame({"at": second, "prompt_tokens": [3]}))
    for parts in ([tg.Trace(first), counted], [tg.Trace(first), prefer[1]], []):
        with pytest.raises(TraceError, match="parts must have the same columns"):
            tg.Trace.concat(parts)
