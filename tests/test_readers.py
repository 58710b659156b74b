from __future__ import annotations

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import timegate as tg
from timegate.errors import InstantError, MissingExtraError, TraceError

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
        (f"at,model_preference\n{NINE},a,b\n", "a row has more fields than the header."),
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
        (f"at,prompt_tokens\n{NINE},x\n", "prompt_tokens[0] must be a whole number of tokens. Got 'x'."),
        ("<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", "is a web page, not data"),
        ("\n  <html lang=en>\n", "is a web page, not data"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer, not the data"),
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
    assert trace.notes == ("read as Azure LLM trace, times taken as UTC",)
    assert trace.frame[["prompt_tokens", "completion_tokens"]].to_numpy().tolist() == [[4808, 10]]
    there = tg.read_trace(path, tz="America/New_York")
    assert there.start == pd.Timestamp("2023-11-16T23:17:03.979960Z")
    assert there.notes == ("read as Azure LLM trace, times taken as America/New_York",)


def test_azure_traces_with_offsets_keep_them(tmp_path: Path) -> None:
    """The traces of 2024 and 2025 carry offsets, with or without decimals: nothing is assumed, nor is ``tz``."""
    rows = ["2024-05-10 00:00:00.009930+00:00,1,2162,5", "2024-05-10 00:00:01+00:00,0,897,1"]
    path = write(tmp_path, "\n".join(["TIMESTAMP,NumImages,ContextTokens,GeneratedTokens", *rows]))
    for tz in (None, "Asia/Tokyo"):
        trace = tg.read_trace(path, tz=tz)
        assert trace.notes == ("read as Azure LLM trace",)
        assert trace.frame["at"].tolist() == [
            pd.Timestamp("2024-05-10T00:00:00.00993Z"),
            pd.Timestamp("2024-05-10T00:00:01Z"),
        ]
        assert trace.frame["prompt_tokens"].tolist() == [2162, 897]


BURST = (
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "5,ChatGPT,472,18,490,Conversation log\n"
    "45.25,GPT-4,1087,0,1087,API log\n"
    "118,ChatGPT,417,276,693,Conversation log\n"
)


def test_reads_burstgpt(tmp_path: Path) -> None:
    """Seconds count from ``origin``, models are preferences; the notes say so, and how many calls had failed."""
    trace = tg.read_trace(write(tmp_path, BURST), origin="2026-03-02T01:00+01:00")
    assert trace.frame["at"].tolist() == [
        pd.Timestamp(f"2026-03-02T{at}Z") for at in ("00:00:05", "00:00:45.25", "00:01:58")
    ]
    assert trace.frame["model_preference"].tolist() == ["ChatGPT", "GPT-4", "ChatGPT"]
    assert trace.frame[["prompt_tokens", "completion_tokens"]].to_numpy().tolist() == [[472, 18], [1087, 0], [417, 276]]
    assert trace.notes == (
        "read as BurstGPT trace, times counted from 2026-03-02 00:00:00 UTC",
        "the model called is taken for the preferred deployment",
        "1 call without a response token, which are failures, kept",
    )


def test_reads_burstgpt_with_other_columns(tmp_path: Path) -> None:
    """Later columns are left alone, ``Model`` may be absent, and an empty count is a missing one."""
    text = "Timestamp,Session ID,Elapsed time,Request tokens,Response tokens\n0,a,1.5,7,\n0,b,1.5,9,3\n"
    trace = tg.read_trace(write(tmp_path, text), origin=NINE)
    assert list(trace.frame) == ["at", "prompt_tokens", "completion_tokens"]
    assert trace.notes[1:] == ("completion_tokens missing in 1 of 2 calls, taken as 0 where needed",)
    assert trace.frame["at"].tolist() == [pd.Timestamp(NINE)] * 2


MOONCAKE = (
    '{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}\n'
    "\n"
    '{"timestamp": 3000.5, "input_length": 7322, "output_length": 490}\n'
)


def test_reads_mooncake(tmp_path: Path) -> None:
    """Milliseconds count from ``origin``; empty lines and hashes are passed over."""
    trace = tg.read_trace(write(tmp_path, MOONCAKE, "conversation.jsonl"), origin=NINE)
    assert trace.frame["at"].tolist() == [pd.Timestamp(NINE), pd.Timestamp("2026-03-02T09:00:03.0005Z")]
    assert trace.frame[["prompt_tokens", "completion_tokens"]].to_numpy().tolist() == [[6758, 500], [7322, 490]]
    assert trace.notes == ("read as Mooncake trace, times counted from 2026-03-02 09:00:00 UTC",)


@pytest.mark.parametrize(("content", "name"), [(BURST, "burst.csv"), (MOONCAKE, "mooncake.jsonl")])
def test_relative_times_need_an_origin(tmp_path: Path, content: str, name: str) -> None:
    """Without ``origin`` the error names it; a naive one, or ``tz`` in its place, is no better."""
    path = write(tmp_path, content, name)
    with pytest.raises(TraceError, match=r"'[Tt]imestamp' counts from an instant .*: pass origin='2026"):
        tg.read_trace(path)
    with pytest.raises(TraceError, match="pass origin="):
        tg.read_trace(path, tz="UTC")
    with pytest.raises(TraceError, match="tz is for naive times"):
        tg.read_trace(path, tz="UTC", origin=NINE)
    with pytest.raises(InstantError, match="origin must carry a zone"):
        tg.read_trace(path, origin="2026-03-02")
    with pytest.raises(InstantError, match="origin must lie in the years 1900 to 2199"):
        tg.read_trace(path, origin="2200-01-01T00:00Z")
    with pytest.raises(TraceError, match=r"\[\d\] must lie in the years .* Got [\d.]+, counted from origin"):
        tg.read_trace(path, origin="2199-12-31T23:59:59Z")


def test_instants_need_no_origin(tmp_path: Path) -> None:
    """``origin`` for a file whose times are instants is a mistake, and not passed over."""
    with pytest.raises(TraceError, match=r"day\.csv: origin is for times that count from it"):
        tg.read_trace(write(tmp_path, f"at\n{NINE}\n"), origin=NINE)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("-1,1,1", "Timestamp[1] must be a number, not below 0. Got '-1'."),
        ("x,1,1", "Timestamp[1] must be a number, not below 0. Got 'x'."),
        (",1,1", "Timestamp[1] is missing: every row needs a time."),
        ("inf,1,1", "Timestamp[1] must lie in the years 1900 to 2199."),
        ("2,1,1", "at[1] (2026-03-02 09:00:02+00:00) lies before at[0]"),
        ("7,-1,1", "prompt_tokens[1] must be a whole number of tokens."),
        ("7,1,1.5", "completion_tokens[1] must be a whole number of tokens."),
    ],
)
def test_bad_rows_of_burstgpt_are_named(tmp_path: Path, row: str, message: str) -> None:
    """A time or a count that cannot be is an error with its row; ``sort=True`` puts times in order."""
    path = write(tmp_path, f"Timestamp,Request tokens,Response tokens\n5,1,1\n{row}\n")
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path, origin=NINE)
    assert str(caught.value).startswith(f"{path}: {message}")
    if "before" in message:
        assert tg.read_trace(path, origin=NINE, sort=True).start == pd.Timestamp("2026-03-02T09:00:02Z")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 3 must be JSON. Got '{'."),
        ("<p>moved</p>", "line 3 must be JSON. Got '<p>moved</p>'."),
        ("[" * 100_000, "line 3 must be JSON."),
        ("[1]", "line 3 must be an object with timestamp, input_length, output_length. Got [1]."),
        ('{"at": 1}', "line 3 must be an object with timestamp, input_length, output_length. Got {'at': ...}."),
        ('{"timestamp": null}', "line 3: timestamp must be a number, not below 0. Got None."),
        ('{"timestamp": "1"}', "line 3: timestamp must be a number, not below 0. Got '1'."),
        ('{"timestamp": true}', "line 3: timestamp must be a number, not below 0. Got True."),
        ('{"timestamp": NaN}', "line 3: timestamp must be a number, not below 0. Got nan."),
        ('{"timestamp": Infinity}', "line 3: timestamp must be a number"),
        ('{"timestamp": -1}', "line 3: timestamp must be a number, not below 0. Got -1."),
        ('{"timestamp": 1, "input_length": -1}', "line 3: input_length must be a number, not below 0. Got -1."),
        ('{"timestamp": 1, "output_length": "x"}', "line 3: output_length must be a number, not below 0. Got 'x'."),
        ('{"timestamp": 1, "output_length": 1.5}', "completion_tokens[1] must be a whole number of tokens."),
    ],
)
def test_bad_lines_of_mooncake_are_named(tmp_path: Path, line: str, message: str) -> None:
    """What is wrong in a line is an error with its number, empty lines counted."""
    path = write(tmp_path, f'{{"timestamp": 0, "input_length": 1, "output_length": 2}}\n\n{line}\n', "m.jsonl")
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path, origin=NINE)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty."),
        ("\n\n", "the trace is empty: it needs at least one arrival."),
        (b"\xff\xfe", "must be UTF-8 text. Byte 0 is not."),
        ("<!doctype html><html></html>", "is a web page, not data"),
    ],
)
def test_files_that_hold_no_lines(tmp_path: Path, content: str | bytes, message: str) -> None:
    """An empty file, one of another encoding and a web page are errors that begin with the path."""
    path = write(tmp_path, content, "m.jsonl")
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path, origin=NINE)
    assert str(caught.value).startswith(f"{path}: {message}")


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
