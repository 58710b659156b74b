"""Traces larger than memory give what one replay gives, however they are cut."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import timegate as tg
from tests.strategies import Case, cases, examples
from timegate.engines import totals
from timegate.errors import InvalidTypeError, ReplayError, TraceError, WindowError
from timegate.runs import stream

CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "acme/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "weak", "model": "sim/b"},
    ]
)
SCENARIO = tg.Scenario(faults=[tg.ErrorRate(target="weak", rate=0.3)], seed=2)
TRACE = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=1_000, preferences={"strong": 0.4}).trace(5)


def cut(trace: tg.Trace, size: int) -> list[pd.DataFrame]:
    frame = trace.frame
    return [frame.iloc[lo : lo + size] for lo in range(0, len(frame), size)]


@pytest.mark.filterwarnings("ignore::timegate.TimegateWarning")
@examples(60, suppress_health_check=list(HealthCheck))
@given(case=cases(latencies=True), size=st.integers(1, 200))
def test_totals_are_those_of_one_replay(case: Case, size: int) -> None:
    """Shares by bin, fallbacks and counts are equal for any trace, scenario and size of chunks."""
    whole = tg.replay(*case)
    parts = tg.replay_stream(case.config, cut(case.trace, size), case.scenario, freq="2h")
    pd.testing.assert_frame_equal(parts.share(counts=True), whole.share("2h", counts=True))
    pd.testing.assert_frame_equal(parts.share(), whole.share("2h"))
    pd.testing.assert_frame_equal(parts.fallbacks(), whole.fallbacks())
    expected = whole.summary()
    for name in ("start", "end", "calls", "first_choice", "fallback", "failed", "blocked", "availability"):
        assert parts.summary()[name] == expected[name]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kolkata", "America/New_York"])
@pytest.mark.parametrize("freq", ["5h", "1D", "90min"])
@pytest.mark.parametrize("policy", [None, {"cooldown": {"failures": 2, "for_s": 60}}])
def test_bins_are_those_of_one_replay_in_any_zone(tz: str, freq: str, policy: Any) -> None:
    """Bins begin at the same local midnights, in shares and bills, whether calls touch each other or not."""
    price = {"input_per_mtok": 1, "output_per_mtok": 2, "per_call": 1}
    fields: dict[str, Any] = {"price": price} | ({"policy": policy} if policy else {})
    config = CONFIG.edited(strong=fields, weak=fields)
    trace = tg.PoissonTraffic(start="2026-03-07T00:00Z", calls=200, days=3, prompt_tokens={"median": 9, "p90": 20},
                              completion_tokens={"median": 9, "p90": 20}).trace(3)  # fmt: skip
    whole = tg.replay(config, trace, SCENARIO)
    parts = tg.replay_stream(config, cut(trace, 70), SCENARIO, freq=freq, tz=tz)
    pd.testing.assert_frame_equal(parts.share(counts=True), whole.share(freq, counts=True, tz=tz))
    # A part does not know whether attempts that failed are asked for, and has their bins.
    paid, right = parts.bill(exact=True), whole.bill(freq, exact=True, tz=tz)
    assert right.index.isin(paid.index).all()
    assert (paid.loc[right.index] == right).all(axis=None)
    assert paid.sum().tolist() == right.sum().tolist()


def test_an_unknown_zone_is_refused_before_anything_is_read() -> None:
    """A stream takes IANA zones."""
    with pytest.raises(WindowError, match="tz must be an IANA zone"):
        tg.replay_stream(CONFIG, iter(()), tz="Mars/Olympus")


def test_calls_written_to_parquet_do_not_depend_on_the_chunks(tmp_path: Path) -> None:
    """The file holds the calls of one replay, a row group a chunk."""
    parquet = pytest.importorskip("pyarrow.parquet")
    for size in (len(TRACE), 300):
        path = tmp_path / f"{size}.parquet"
        tg.replay_stream(CONFIG, cut(TRACE, size), SCENARIO, to_parquet=path)
        assert parquet.ParquetFile(path).num_row_groups == -(-len(TRACE) // size)
    frames = [pd.read_parquet(tmp_path / f"{size}.parquet") for size in (len(TRACE), 300)]
    pd.testing.assert_frame_equal(*frames)
    calls = tg.replay(CONFIG, TRACE, SCENARIO).calls.reset_index()
    for name in calls:
        assert frames[0][name].astype(object).fillna("").tolist() == calls[name].astype(object).fillna("").tolist()


def test_parquet_files_are_read_by_row_group(tmp_path: Path) -> None:
    """A file with row groups, and a folder of files in order of name, are read as one trace."""
    pytest.importorskip("pyarrow")
    whole = tg.replay(CONFIG, TRACE, SCENARIO)
    TRACE.frame.to_parquet(tmp_path / "one.parquet", index=False, row_group_size=170)
    folder = tmp_path / "many"
    folder.mkdir()
    for number, part in enumerate(cut(TRACE, 400)):
        part.to_parquet(folder / f"part-{number}.parquet", index=False)
    for path in (tmp_path / "one.parquet", folder):
        run = tg.replay_stream(CONFIG, path, SCENARIO)
        pd.testing.assert_frame_equal(run.share(counts=True), whole.share(counts=True))


@pytest.mark.filterwarnings("ignore")  # distributed's own
def test_a_cluster_gives_the_same_totals(tmp_path: Path) -> None:
    """Frames and row groups replayed by workers add up to what one process gives."""
    distributed = pytest.importorskip("distributed", reason="the extra `scale` is not installed")
    TRACE.frame.to_parquet(tmp_path / "day.parquet", index=False, row_group_size=90)
    here = tg.replay_stream(CONFIG, cut(TRACE, 90), SCENARIO)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        for source in (cut(TRACE, 70), tmp_path / "day.parquet"):
            there = tg.replay_stream(CONFIG, source, SCENARIO, client=client)
            pd.testing.assert_frame_equal(there.share(counts=True), here.share(counts=True))
            pd.testing.assert_frame_equal(there.fallbacks(), here.fallbacks())
            assert there.summary().tolist() == here.summary().tolist()


def test_what_a_cluster_cannot_do_is_refused(tmp_path: Path) -> None:
    """A file written by this process and work done by others do not go together."""
    with pytest.raises(ReplayError, match="cannot be given together with client"):
        tg.replay_stream(CONFIG, cut(TRACE, 500), to_parquet=tmp_path / "x.parquet", client="local")


def test_tokens_are_needed_where_latency_depends_on_them() -> None:
    """A chunk without completion_tokens under a token latency is an error, not a latency of nothing."""
    scenario = tg.Scenario(faults=[tg.TokenLatency(target="weak", first_token_s=1, tokens_per_s=10)])
    with pytest.raises(ReplayError, match="completion_tokens"):
        tg.replay_stream(CONFIG, [TRACE.frame[["at"]]], scenario)


def failing_after(chunks: list[pd.DataFrame], error: BaseException) -> Iterator[pd.DataFrame]:
    yield from chunks
    raise error


def test_a_source_that_raises_leaves_complete_row_groups(tmp_path: Path) -> None:
    """The error says how far it came, and the file holds that much."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "calls.parquet"
    with pytest.raises(ReplayError, match=r"raised RuntimeError in chunk 3, after 750 calls: lost\.") as caught:
        tg.replay_stream(CONFIG, failing_after(cut(TRACE, 250)[:3], RuntimeError("lost")), to_parquet=path)
    assert "3 complete row groups" in str(caught.value)
    assert len(pd.read_parquet(path)) == 750
    assert [p.name for p in tmp_path.iterdir()] == ["calls.parquet"]


def test_an_interrupt_leaves_complete_row_groups(tmp_path: Path) -> None:
    """Ctrl-C reaches the caller; the file holds what was complete, and nothing else lies about."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "calls.parquet"
    with pytest.raises(KeyboardInterrupt):
        tg.replay_stream(CONFIG, failing_after(cut(TRACE, 250)[:2], KeyboardInterrupt()), to_parquet=path)
    assert len(pd.read_parquet(path)) == 500
    assert [p.name for p in tmp_path.iterdir()] == ["calls.parquet"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while writing is raised as it is; the old file stays whole."""
    parquet = pytest.importorskip("pyarrow.parquet")

    class FullDisk(parquet.ParquetWriter):  # type: ignore[misc]
        def write_table(self, *args: Any, **kwargs: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "calls.parquet"
    path.write_bytes(b"old")
    monkeypatch.setattr(parquet, "ParquetWriter", FullDisk)
    with pytest.raises(OSError, match="No space left"):
        tg.replay_stream(CONFIG, cut(TRACE, 250), to_parquet=path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["calls.parquet"]


def test_a_full_disk_at_the_very_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the footer cannot be written the error is raised, and there is no file."""
    parquet = pytest.importorskip("pyarrow.parquet")

    class FullDisk(parquet.ParquetWriter):  # type: ignore[misc]
        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parquet, "ParquetWriter", FullDisk)
    with pytest.raises(OSError, match="No space left"):
        tg.replay_stream(CONFIG, cut(TRACE, 500), to_parquet=tmp_path / "calls.parquet")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_one_frame_is_a_chunk() -> None:
    """A trace or a frame in place of chunks is one chunk."""
    whole = tg.replay(CONFIG, TRACE, SCENARIO).share(counts=True)
    for one in (TRACE, TRACE.frame):
        pd.testing.assert_frame_equal(tg.replay_stream(CONFIG, one, SCENARIO).share(counts=True), whole)


def test_a_config_and_a_scenario_by_their_paths(tmp_path: Path) -> None:
    """As in a replay, a path stands for what it holds."""
    CONFIG.save(tmp_path / "gateway.yaml")
    SCENARIO.save(tmp_path / "bad.yaml")
    by_path = tg.replay_stream(tmp_path / "gateway.yaml", TRACE, str(tmp_path / "bad.yaml"))
    pd.testing.assert_frame_equal(by_path.share(), tg.replay_stream(CONFIG, TRACE, SCENARIO).share())


def test_bad_sources(tmp_path: Path) -> None:
    """Chunks out of order, no chunks, and files that are not there are each one clear error."""
    chunks = cut(TRACE, 500)
    with pytest.raises(TraceError, match=r"chunk 1 begins at .* before the one before it ends"):
        tg.replay_stream(CONFIG, chunks[::-1])
    with pytest.raises(TraceError, match="there was no chunk"):
        tg.replay_stream(CONFIG, [])
    with pytest.raises(TraceError, match="no Parquet file there"):
        tg.replay_stream(CONFIG, tmp_path / "absent.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR0")
    with pytest.raises(TraceError, match="cannot be read as Parquet"):
        tg.replay_stream(CONFIG, tmp_path / "bad.parquet")
    (tmp_path / "day.csv").write_text("at\n2026-03-02T03:10Z\n")
    with pytest.raises(
        TraceError, match=r"[^.]\. A file of another kind is read whole: replay_stream\(config, read_trace"
    ):
        tg.replay_stream(CONFIG, tmp_path / "day.csv")
    process = tg.EvenTraffic(start="2026-03-02T00:00Z", calls=9)
    with pytest.raises(
        InvalidTypeError, match=r"chunks must be parts of a trace: pass EvenTraffic\(\.\.\.\)\.chunks\(seed"
    ):
        tg.replay_stream(CONFIG, process)  # type: ignore[arg-type]
    with pytest.raises(ReplayError, match="freq must be a fixed length"):
        tg.replay_stream(CONFIG, chunks, freq="1ME")


def test_bins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frequency that would cut the trace into too many bins is an error before memory runs out."""
    monkeypatch.setattr(stream, "MAX_BINS", 100)
    monkeypatch.setattr(totals, "MAX_BINS", 100)
    with pytest.raises(ReplayError, match="bins; the limit is 100"):
        tg.replay_stream(CONFIG, cut(TRACE, 500), freq="1min")


@pytest.mark.parametrize("error", [RuntimeError("lost"), KeyboardInterrupt()])
def test_a_part_takes_no_whole_file_s_place(tmp_path: Path, error: BaseException) -> None:
    """A replay that ends early leaves an older complete file as it was, and its own calls beside it."""
    path = tmp_path / "calls.parquet"
    tg.replay_stream(CONFIG, cut(TRACE, 250), to_parquet=path)
    before = path.read_bytes()
    with pytest.raises((ReplayError, KeyboardInterrupt)) as caught:
        tg.replay_stream(CONFIG, failing_after(cut(TRACE, 250)[:2], error), to_parquet=path)
    assert path.read_bytes() == before
    part = pd.read_parquet(tmp_path / "calls.partial.parquet")
    assert len(part) == 500
    assert sorted(p.name for p in tmp_path.iterdir()) == ["calls.parquet", "calls.partial.parquet"]
    if isinstance(error, RuntimeError):
        assert "calls.partial.parquet holds them in 2 complete row groups" in str(caught.value)
