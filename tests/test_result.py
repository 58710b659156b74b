from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

import timegate as tg
from timegate.core.columns import ATTEMPT_OUTCOMES, OUTCOMES
from timegate.engines.record import ATTEMPT_COLUMNS, CALL_COLUMNS
from timegate.errors import ReplayError, TimegateError
from timegate.traffic import AZURE_2023_CODING_TOKENS

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/large", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "openai/small", "available": [["04:00", "24:00"]]},
    ]
)
TRAFFIC = tg.PoissonTraffic(
    start="2026-03-02T00:00Z", calls=2000, preferences={"weak": 0.3}, **AZURE_2023_CODING_TOKENS
)
TRACE = TRAFFIC.trace(1)
SCENARIO = tg.Scenario(
    faults=[
        tg.Outage(target="provider:openai", start="2026-03-02T09:00Z", end="2026-03-02T09:30Z"),
        tg.Outage(target="strong", start="2026-03-02T12:00Z", end="2026-03-02T15:00Z", error="timeout"),
        tg.ErrorRate(target="weak", rate=0.2),
    ],
    seed=7,
)
SCRIPT = "<script>alert(1)</script>"
few = settings(max_examples=30)

pytestmark = pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")  # cases prefer unknown deployments


@pytest.fixture(scope="module")
def run() -> tg.Replay:
    return tg.replay(CONFIG, TRACE, SCENARIO)


def replayed(case: strategies.Case) -> tg.Replay:
    return tg.replay(*case, engine="stepped")


def test_columns_are_those_of_the_design(run: tg.Replay) -> None:
    """Names, order and dtypes of both tables stand as DESIGN section 4 has them."""
    assert {name: str(dtype) for name, dtype in run.calls.dtypes.items()} == {
        "at": "datetime64[us, UTC]",
        "preferred": "category",
        "served_by": "category",
        "outcome": "category",
        "attempts": "int16",
        "latency_s": "float64",
    }
    assert {name: str(dtype) for name, dtype in run.attempts.dtypes.items()} == {
        "call": "int64",
        "attempt": "int16",
        "deployment": "category",
        "pause_s": "float64",
        "at": "datetime64[us, UTC]",
        "outcome": "category",
        "latency_s": "float64",
    }
    assert (tuple(run.calls), tuple(run.attempts)) == (CALL_COLUMNS, ATTEMPT_COLUMNS)
    pd.testing.assert_index_equal(run.calls.index, pd.RangeIndex(len(TRACE), name="call"))
    assert run.calls["served_by"].cat.categories.tolist() == ["strong", "weak"]
    assert run.calls["outcome"].cat.categories.tolist() == list(OUTCOMES)
    assert run.attempts["outcome"].cat.categories.tolist() == list(ATTEMPT_OUTCOMES)
    assert {*run.calls["outcome"], "shed"} == set(OUTCOMES)  # this run has all of them that need no policy


@few
@given(strategies.cases(latencies=True, max_size=60))
def test_calls_and_attempts_tell_one_story(case: strategies.Case) -> None:
    """Attempts are numbered, stop at an ``ok``, follow on each other, and add up to the row of their call."""
    run = replayed(case)
    calls, attempts = run.calls, run.attempts
    groups = attempts.groupby("call")
    assert attempts["call"].is_monotonic_increasing
    assert attempts["attempt"].tolist() == (groups.cumcount() + 1).tolist()
    counts = groups.size().reindex(calls.index, fill_value=0)
    assert calls["attempts"].tolist() == counts.tolist()
    assert (counts.eq(0) == (calls["outcome"] == "blocked")).all()
    last = groups.last()
    served = last[last["outcome"] == "ok"]["deployment"].astype(object)
    assert calls["served_by"].astype(object).dropna().to_dict() == served.to_dict()
    assert (attempts["outcome"] == "ok").sum() == len(served)
    assert calls["latency_s"].to_numpy() == pytest.approx(
        groups["latency_s"].sum().reindex(calls.index, fill_value=0).to_numpy()
    )
    micros = attempts["at"].astype("int64") + (attempts["latency_s"] * 1e6).round().astype("int64")
    following = attempts["attempt"] > 1
    assert attempts["at"].astype("int64")[following].tolist() == micros.shift(fill_value=0)[following].tolist()
    assert attempts["at"][~following].tolist() == calls["at"][counts > 0].tolist()


@few
@given(strategies.cases(latencies=True, max_size=60))
def test_the_summary_is_that_of_the_tables(case: strategies.Case) -> None:
    """Every figure follows from the tables by pandas; counts add up to the calls, shares to the availability."""
    run = replayed(case)
    calls, summary = run.calls, run.summary()
    served = calls["served_by"].notna()
    names = run.deployments
    assert summary["calls"] == len(calls) == sum(summary[outcome] for outcome in OUTCOMES)
    assert all(summary[outcome] == (calls["outcome"] == outcome).sum() for outcome in OUTCOMES)
    assert (summary["start"], summary["end"]) == (calls["at"].iloc[0], calls["at"].iloc[-1])
    assert summary["availability"] == pytest.approx(served.mean())
    assert sum(summary[f"share[{name}]"] for name in names) == pytest.approx(summary["availability"])
    assert all(summary[f"share[{name}]"] == pytest.approx((calls["served_by"] == name).mean()) for name in names)
    assert summary["attempts_per_call"] == pytest.approx(calls["attempts"].mean())
    latencies = calls["latency_s"]
    if case.scenario.has_latency or latencies.any():
        for name, part in (("latency", latencies[served]), ("wait", latencies)):
            assert summary[f"{name}_mean_s"] == pytest.approx(part.mean(), nan_ok=True)
            assert summary[f"{name}_p95_s"] == pytest.approx(part.quantile(0.95), nan_ok=True)
    else:
        assert not [name for name in summary.index if "latency" in name or "wait" in name]


@few
@given(strategies.cases(max_size=60))
def test_the_baseline_is_the_replay_without_windows_and_faults(case: strategies.Case) -> None:
    """The baseline figures equal those of a replay with all windows and faults taken out."""
    bare = tg.GatewayConfig(
        deployments=[{"model_name": d.model_name, "model": d.model} for d in case.config.deployments]
    )
    summary = replayed(case).summary()
    expected = tg.replay(bare, case.trace, engine="stepped").summary()
    for name in ("availability", *(f"share[{d.model_name}]" for d in bare.deployments)):
        assert summary[f"baseline_{name}"] == expected[name]
    assert expected["first_choice"] == len(case.trace)


@few
@given(strategies.cases(max_size=60))
def test_passed_over_preferences_are_counted(case: strategies.Case) -> None:
    """A preference is passed over iff no attempt of the call began with it."""
    run = replayed(case)
    first = run.attempts[run.attempts["attempt"] == 1].set_index("call")["deployment"].astype(object)
    preferred = run.calls["preferred"].astype(object)
    met = preferred == first.reindex(run.calls.index)
    assert run.summary()["preference_passed_over"] == (preferred.notna() & ~met).sum()


@few
@given(strategies.cases(max_size=60), st.sampled_from(["15min", "1h", "7h", "90min", "24h", "37s"]))
def test_shares_are_those_of_a_groupby(case: strategies.Case, freq: str) -> None:
    """Each bin counts what pandas' groupby counts; shares sum to 1 and are missing where no call arrived."""
    run = replayed(case)
    counts, shares = run.share(freq, counts=True), run.share(freq)
    who = run.calls["served_by"].astype(object).fillna(run.calls["outcome"].astype(object)).rename("served_by")
    expected = run.calls.pivot_table(
        index=pd.Grouper(key="at", freq=freq, origin="start_day"), columns=who, values="attempts", aggfunc="count"
    )
    bins = pd.date_range(expected.index[0], expected.index[-1], freq=freq, name="at")
    expected = expected.reindex(index=bins, columns=counts.columns).fillna(0)
    assert counts.columns.tolist() == [*run.deployments, "failed", "blocked", "shed"]
    pd.testing.assert_frame_equal(counts, expected, check_dtype=False, check_freq=False, check_column_type=False)
    assert counts.to_numpy().sum() == len(run)
    some = counts.sum(axis=1) > 0
    assert shares[some].sum(axis=1).to_numpy() == pytest.approx(1)
    assert shares[~some].isna().all(axis=None)


def test_share_takes_pandas_frequencies(run: tg.Replay) -> None:
    """A number of units, a bare unit, an offset and a Timedelta of the same length give the same bins."""
    for freq in ("1h", "h", "60min", pd.Timedelta("1h"), pd.offsets.Hour()):
        pd.testing.assert_frame_equal(run.share(freq), run.share(), check_freq=False)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(run.share("1D"), run.share("24h"), check_freq=False)


@pytest.mark.parametrize("freq", ["soon", "", "1ME", "B", "0h", "-1h", "500ns", "1us", None, 5], ids=str)
def test_a_bad_frequency_is_named(run: tg.Replay, freq: Any) -> None:
    """Text that is no length, months, nothing, negative, or cut too fine: one error that quotes it."""
    with pytest.raises(TimegateError) as caught:
        run.share(freq)
    assert str(caught.value).startswith("freq ")
    assert repr(freq) in str(caught.value)


@few
@given(strategies.cases(max_size=60))
def test_fallbacks_sum_to_the_outcome(case: strategies.Case) -> None:
    """The pairs are those of the calls with the outcome ``fallback``, most first, from the first choice."""
    run = replayed(case)
    found = run.fallbacks()
    moved = run.calls[run.calls["outcome"] == "fallback"].astype({"preferred": object, "served_by": object})
    first = moved["preferred"].where(moved["preferred"].isin(run.deployments), run.deployments[0])
    expected = moved.groupby([first.rename("from"), moved["served_by"].rename("to")]).size()
    assert found.columns.tolist() == ["from", "to", "count"]
    assert {(a, b): n for a, b, n in found.itertuples(index=False)} == expected.to_dict()
    assert found["count"].is_monotonic_decreasing
    assert found["count"].sum() == run.summary()["fallback"]
    assert (found["from"] != found["to"]).all()


@few
@given(strategies.cases(max_size=20), st.data())
def test_explain_agrees_with_the_tables(case: strategies.Case, data: st.DataObject) -> None:
    """The order explained is the order tried, as far as it was needed, with the same outcomes and server."""
    run = replayed(case)
    call = data.draw(st.integers(0, len(run) - 1))
    explained = run.explain(call)
    tried = run.attempts[run.attempts["call"] == call].astype({"deployment": object, "outcome": object})
    assert explained.order[: len(tried)] == tried["deployment"].tolist()
    assert {row["deployment"]: row["outcome"] for row in explained.rows if row["outcome"]} == dict(
        zip(tried["deployment"], tried["outcome"], strict=True)
    )
    row = run.calls.iloc[call]
    if pd.isna(row["served_by"]):
        assert f"Call {call}: not served ({row['outcome']})" in explained.note
        assert len(tried) == len(explained.order)
    else:
        assert f"Call {call}: served by {row['served_by']} ({row['outcome']})" in explained.note


@pytest.mark.parametrize("call", [-1, len(TRACE), 1.5, "1", None, True, float("nan")])
def test_a_bad_call_number_is_named(run: tg.Replay, call: Any) -> None:
    """What is no row of ``calls`` is an error of ours that quotes it."""
    with pytest.raises(TimegateError, match=r"^call must") as caught:
        run.explain(call)
    assert repr(call) in str(caught.value)


def test_numbers_of_numpy_are_calls_too(run: tg.Replay) -> None:
    """A number taken from a table explains the call as a plain one does."""
    assert str(run.explain(np.int64(7))) == str(run.explain(7))


def test_closed_and_outages_are_stretches(run: tg.Replay) -> None:
    """Windows and outages come as half-open stretches, an outage of a provider for each of its deployments."""
    kinds = {"deployment": "str", "start": "datetime64[us, UTC]", "end": "datetime64[us, UTC]"}
    closed, outages = run.closed(), run.outages()
    for frame in (closed, outages):
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == kinds
    assert [row[:2] for row in outages.astype(str).itertuples(index=False)] == [
        ("strong", "2026-03-02 09:00:00+00:00"),
        ("strong", "2026-03-02 12:00:00+00:00"),
        ("weak", "2026-03-02 09:00:00+00:00"),
    ]
    night = pd.Timestamp("2026-03-02T06:00:00.000001Z")
    assert closed.to_numpy().tolist() == [
        ["strong", TRACE.start, night],
        ["strong", pd.Timestamp("2026-03-02T22:00Z"), TRACE.end + pd.Timedelta("1us")],
        ["weak", TRACE.start, pd.Timestamp("2026-03-02T04:00Z")],
    ]


@few
@given(strategies.cases(max_size=60))
def test_nobody_serves_while_closed_or_down(case: strategies.Case) -> None:
    """No attempt starts in a stretch of ``closed``, and none within ``outages`` succeeds."""
    run = replayed(case)
    for frame, harmless in ((run.closed(), run.attempts), (run.outages(), run.attempts.query("outcome == 'ok'"))):
        for name, start, end in frame.itertuples(index=False):
            assert not ((harmless["deployment"] == name) & (harmless["at"] >= start) & (harmless["at"] < end)).any()


def test_tables_round_trip_through_files(run: tg.Replay, tmp_path: Path) -> None:
    """CSV and Parquet give back the tables; provenance stands beside them as JSON; paths are returned."""
    paths = [*run.to_csv(tmp_path / "new" / "csv"), *run.to_parquet(tmp_path / "parquet")]
    assert [path.name for path in paths] == [
        "calls.csv", "attempts.csv", "provenance.json", "calls.parquet", "attempts.parquet", "provenance.json"
    ]  # fmt: skip
    assert sorted(path for path in tmp_path.rglob("*.*")) == sorted(paths)
    for path, table in zip(paths[:2] + paths[3:5], [run.calls, run.attempts] * 2, strict=True):
        if path.suffix == ".csv":
            read = pd.read_csv(path, parse_dates=["at"]).astype(dict(table.dtypes))
        else:
            read = pd.read_parquet(path)
        pd.testing.assert_frame_equal(read, table.reset_index(drop=True), check_exact=True)
    assert json.loads(paths[2].read_text()) == run.provenance


def test_a_file_in_the_way_is_named(run: tg.Replay, tmp_path: Path) -> None:
    """A folder that cannot be made is an error that begins with its path."""
    (tmp_path / "out").write_text("mine")
    with pytest.raises(TimegateError, match=r"out: cannot be made a folder: File exists\.$"):
        run.to_csv(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_are_whole_or_not_at_all(
    run: tg.Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """If a write fails, what stood there before stays, and nothing half-written lies beside it."""
    (tmp_path / f"calls.{kind}").write_text("old")

    def fail(self: pd.DataFrame, target: Path, **kwargs: Any) -> None:
        Path(target).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, f"to_{kind}", fail)
    with pytest.raises(OSError, match="disk full"):
        (run.to_csv if kind == "csv" else run.to_parquet)(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(f"calls.{kind}", "old")]


def test_provenance_is_reproducible_and_changes_when_it_must(run: tg.Replay) -> None:
    """The same replay has the same provenance; config, trace, scenario and seed each change their own hash."""

    def changed(config: Any = CONFIG, trace: Any = TRACE, scenario: Any = SCENARIO) -> set[str]:
        other = tg.replay(config, trace, scenario).provenance
        return {key for key, value in run.provenance.items() if value != other[key]}

    data = CONFIG.to_dict()
    assert changed(tg.GatewayConfig.model_validate(data), tg.Trace(TRACE.frame), tg.Scenario(**dict(SCENARIO))) == set()
    moved = [data["deployments"][0] | {"time_constraints": [["22:00", "06:01"]]}, data["deployments"][1]]
    assert changed(config=tg.GatewayConfig(deployments=moved)) == {"config_hash"}
    assert changed(config=tg.GatewayConfig(deployments=data["deployments"][::-1])) == {"config_hash"}
    assert changed(trace=tg.Trace(TRACE.frame.drop(columns="prompt_tokens"))) == {"trace_hash"}
    assert changed(scenario=tg.Scenario(faults=SCENARIO.faults, seed=8)) == {"seed", "scenario_hash"}
    assert set(run.provenance) >= {"engine", "versions"}
    assert run.provenance["versions"]["timegate"] == tg.__version__
    assert run.summary()["config_hash"] == run.provenance["config_hash"]


def test_the_repr_counts_outcomes(run: tg.Replay) -> None:
    """The repr is one line that counts the calls by outcome."""
    counts = run.calls["outcome"].value_counts()
    assert repr(run).startswith(f"<Replay of {len(TRACE):,} calls: ")
    assert all(f"{counts[name]:,} {name}" in repr(run) for name in OUTCOMES if counts[name])
    assert len(run) == len(TRACE)


def test_html_is_escaped() -> None:
    """A deployment whose name is markup is shown as text, in the summary and in an explanation."""
    config = tg.GatewayConfig(deployments=[{"model_name": SCRIPT, "model": f"{SCRIPT}/x"}])
    trace = tg.Trace(pd.DataFrame({"at": ["2026-03-02T09:00Z"], "model_preference": [SCRIPT]}), notes=[SCRIPT])
    run = tg.replay(config, trace)
    assert "<script" not in run._repr_html_()
    assert "<script" not in run.explain(0)._repr_html_()
    assert "&lt;script&gt;" in run.explain(0)._repr_html_()


def test_bins_begin_at_midnight() -> None:
    """Bins that do not divide a day begin with the first day, and those of a zone with its midnights."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    run = tg.replay(config, tg.Trace(["2026-03-02T02:00Z", "2026-03-02T20:00Z", "2026-03-03T01:00Z"]))
    assert run.share("5h", counts=True).index[0] == pd.Timestamp("2026-03-02T00:00Z")
    assert run.share("5h", counts=True)["a"].tolist() == [1, 0, 0, 0, 1, 1]
    local = run.share("1D", counts=True, tz="Asia/Kolkata")
    assert local.index.tolist() == [pd.Timestamp(f"2026-03-0{day}", tz="Asia/Kolkata") for day in (2, 3)]
    assert local["a"].tolist() == [1, 2]
    assert run.share("1h").index[0] == pd.Timestamp("2026-03-02T02:00Z")
    for freq in ("999999999D", "99999999999999999999D"):
        with pytest.raises(ReplayError, match="freq must be a fixed length of time"):
            run.share(freq)
