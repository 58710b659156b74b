from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import timegate as tg
from timegate.errors import MissingExtraError, TraceError

ROOT = Path(__file__).parents[1]
AZURE = ROOT.parent / "shared" / "data" / "traces" / "AzureLLMInferenceTrace_code.csv"
NINE = "2026-03-02T09:00Z"
needs_azure = pytest.mark.skipif(not AZURE.exists(), reason=f"the real trace is not there: {AZURE}")


def write(folder: Path, content: str | bytes, name: str = "day.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        f"at\n{NINE}\n",
        f"at\r\n{NINE}\r\n",
        f"\ufeffat\n{NINE}\n",
        f"at\n\n{NINE}\n\n",
        '"at"\n"2026-03-02 10:00:00.0000000+01:00"\n',
    ],
)
def test_reads_csv_in_its_spellings(tmp_path: Path, content: str) -> None:
    """Line ends, a byte order mark, quotes and empty lines make no difference."""
    assert tg.read_trace(write(tmp_path, content)).frame["at"].tolist() == [pd.Timestamp(NINE)]


def test_reads_compressed_files(tmp_path: Path) -> None:
    """A CSV may be compressed."""
    path = write(tmp_path, gzip.compress(f"at,model_preference\n{NINE},weak\n".encode()), "day.csv.gz")
    assert tg.read_trace(path).preferred_names == ("weak",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty."),
        ("at\n", "the trace is empty: it needs at least one arrival."),
        ("\n", "cannot be read as CSV: "),
        (bytes(range(256)), "cannot be read as CSV: "),
        (f"At\n{NINE}\n", "column 'at' is missing. Found 'At'. Did you mean 'at'?"),
        ("time,x\n1,2\n", "column 'at' is missing. Found 'time', 'x'."),
        (
            "TIMESTAMP,ContextTokens\n2023-11-16 18:17:03,1\n",
            "column 'at' is missing. Found 'TIMESTAMP', 'ContextTokens'.",
        ),
        (f"at,model_preferense\n{NINE},a\n", "'model_preferense' is not a column of a trace. Did you mean"),
        ("at\n2026-03-02T09:00\n", "at[0] (2026-03-02 09:00:00) is naive"),
        (f"at,prompt_tokens\n{NINE},1\n,3\n", "at[1] is missing"),
        (f"at\n{NINE}\n1772442000\n", "at[1]"),
        (f"at,prompt_tokens\n{NINE},\n", "prompt_tokens[0] must be a whole number of tokens."),
        (f"at\n2026-03-02T09:00:01Z\n{NINE}\n", "at[1] (2026-03-02 09:00:00+00:00) lies before at[0]"),
    ],
)
def test_errors_begin_with_the_path(tmp_path: Path, content: str | bytes, message: str) -> None:
    """What is wrong in a file is one line: its path, then the place inside."""
    path = write(tmp_path, content)
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("day.parquet", b"hello"),
        ("day.csv.gz", b"at\n"),
        ("day.csv.gz", gzip.compress(f"at\n{NINE}\n".encode(), mtime=0)[:-9]),
        ("day.csv.zip", b"at\n"),
        ("day.csv.xz", b"at\n"),
        ("day.csv.bz2", b"at\n"),
    ],
    ids=["parquet", "gz", "gz cut short", "zip", "xz", "bz2"],
)
def test_files_that_are_not_what_their_name_says(tmp_path: Path, name: str, content: bytes) -> None:
    """Broken Parquet and archives, cut short or of another kind, are errors that begin with the path."""
    path = write(tmp_path, content, name)
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path)
    assert str(caught.value).startswith(f"{path}: cannot be read as {'Parquet' if name == 'day.parquet' else 'CSV'}")


@pytest.mark.parametrize(("name", "reader"), [("day.parquet", "read_parquet"), ("day.csv.zst", "read_csv")])
def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reader: str
) -> None:
    """Without pyarrow, Parquet is an error with the command that installs it; so is a packed CSV, of its own kind."""

    def fail(*args: object, **kwargs: object) -> None:
        raise ImportError("Missing optional dependency 'zstandard'")

    monkeypatch.setattr(pd, reader, fail)
    with pytest.raises(MissingExtraError) as caught:
        tg.read_trace(write(tmp_path, "x", name))
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert ("timegate[scale]" in str(caught.value)) == (reader == "read_parquet")
    assert ("zstandard" in str(caught.value)) == (reader == "read_csv")


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A mistyped name gets the nearest file of the folder; a folder is not a trace."""
    write(tmp_path, f"at\n{NINE}\n")
    with pytest.raises(TraceError, match=r"dya\.csv: no such file\. Did you mean 'day\.csv'\?$"):
        tg.read_trace(tmp_path / "dya.csv")
    with pytest.raises(TraceError, match="is a folder, not a file"):
        tg.read_trace(tmp_path)


def test_parquet_needs_what_a_csv_needs(tmp_path: Path) -> None:
    """Numbers and naive times in Parquet are refused; ``tz`` and ``sort`` work as for CSV."""
    path = tmp_path / "day.parquet"
    pd.DataFrame({"at": [1, 2]}).to_parquet(path)
    with pytest.raises(TraceError, match=r"day\.parquet: at must hold times, not numbers"):
        tg.read_trace(path)
    pd.DataFrame({"at": pd.to_datetime(["2026-03-02 09:00", "2026-03-02 08:00"])}).to_parquet(path)
    with pytest.raises(TraceError, match="is naive"):
        tg.read_trace(path)
    assert tg.read_trace(path, tz="Europe/Berlin", sort=True).start == pd.Timestamp("2026-03-02T07:00Z")


def test_a_format_without_zone_says_what_was_taken(tmp_path: Path) -> None:
    """The Azure format is read as UTC, or in the zone given, and the trace notes which; other columns are left."""
    text = "TIMESTAMP,ContextTokens,GeneratedTokens,extra\n2023-11-16 18:17:03.9799609,4808,10,x\n"
    path = write(tmp_path, text)
    trace = tg.read_trace(path)
    assert trace.start == pd.Timestamp("2023-11-16T18:17:03.979960Z")
    assert trace.notes == ("read as Azure 2023, times taken as UTC",)
    assert trace.frame[["prompt_tokens", "completion_tokens"]].to_numpy().tolist() == [[4808, 10]]
    there = tg.read_trace(path, tz="America/New_York")
    assert there.start == pd.Timestamp("2023-11-16T23:17:03.979960Z")
    assert there.notes == ("read as Azure 2023, times taken as America/New_York",)


@needs_azure
def test_the_real_hour_is_read_in_full() -> None:
    """The Azure trace is what Python's own csv and datetime make of it: 8,819 requests, to the microsecond."""
    with AZURE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    trace = tg.read_trace(AZURE)
    at = [datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC) for row in rows]
    assert len(trace) == 8819
    assert trace.start == pd.Timestamp("2023-11-16T18:17:03.979960Z")
    assert trace.frame["at"].tolist() == at
    assert trace.frame["prompt_tokens"].tolist() == [int(row["ContextTokens"]) for row in rows]
    assert trace.frame["completion_tokens"].tolist() == [int(row["GeneratedTokens"]) for row in rows]
    assert "UTC" in repr(trace)
    assert any("taken as UTC" in note for note in trace.notes)


@needs_azure
def test_the_real_hour_is_served_as_the_windows_say() -> None:
    """With ``strong`` down from 18:30 to 19:05, the sample gateway falls back as counting by hand says.

    It was a Thursday. ``weak`` rests until 14:00:00 in New York, that is 19:00:00 UTC, both ends included; until
    the same microsecond the ``backup`` in Berlin is open.
    """
    config = tg.GatewayConfig.load(ROOT / "data" / "gateway.yaml")
    down = tg.Outage(target="strong", start="2023-11-16T18:30Z", end="2023-11-16T19:05Z")
    trace = tg.read_trace(AZURE)
    run = tg.replay(config, trace, tg.Scenario(faults=[down]))
    at = trace.frame["at"]
    backup = at.between(pd.Timestamp(down.start), pd.Timestamp("2023-11-16T19:00Z"))
    weak = (at > pd.Timestamp("2023-11-16T19:00Z")) & (at < pd.Timestamp(down.end))
    expected = pd.Series("strong", at.index).mask(backup, "backup").mask(weak, "weak")
    assert run.calls["served_by"].astype(str).tolist() == expected.tolist()
    assert run.summary()[["first_choice", "fallback", "failed", "blocked"]].tolist() == [
        (expected == "strong").sum(), backup.sum() + weak.sum(), 0, 0
    ]  # fmt: skip
    assert run.fallbacks()["count"].sum() == backup.sum() + weak.sum() > 1000
    assert run.share("5min", counts=True).to_numpy().sum() == 8819
    assert run.calls["attempts"].sum() == len(run.attempts) == 8819 + backup.sum() + weak.sum()
