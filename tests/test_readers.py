from __future__ import annotations

import csv
import gzip
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
        f"sep=;\r\nat;prompt_tokens\r\n{NINE};5\r\n",
        f'"sep=\t"\nat\tprompt_tokens\n{NINE}\t5\n',
        f"# exported 2026-03-02\n# by hand, twice, or more\nat,prompt_tokens\n{NINE},5\n",
        f"at , prompt_tokens\t\n{NINE}, 5\n",
        '"at"\n"2026-03-02 10:00:00.0000000+01:00"\n',
    ],
)
def test_reads_csv_in_its_spellings(tmp_path: Path, content: str) -> None:
    """Line ends, a byte order mark, quotes and empty lines make no difference."""
    assert tg.read_trace(write(tmp_path, content)).frame["at"].tolist() == [pd.Timestamp(NINE)]


def test_a_heading_that_begins_as_a_comment_is_one(tmp_path: Path) -> None:
    """NumPy writes a # before the names of columns: they are told, and not passed over."""
    with pytest.raises(TraceError, match=r"Found '# time', 'prompt_tokens'\. '# time' holds times: pass columns="):
        tg.read_trace(write(tmp_path, f"# time,prompt_tokens\n{NINE},5\n"))


def test_names_in_padded_columns_stay_text(tmp_path: Path) -> None:
    """A deployment may be called 007, whatever stands around the name of its column."""
    path = write(tmp_path, f"at, model_preference \n{NINE},007\n")
    assert tg.read_trace(path).preferred_names == ("007",)


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
        (bytes(range(256)), "must be UTF-8 text. It seems to be no text at all."),
        (f"at\n{NINE}\n".encode("utf-16"), "must be UTF-8 text. It seems to be UTF-16: save it as UTF-8."),
        (f"at,model_preference\n{NINE},caf\xe9\n".encode("latin-1"), "must be UTF-8 text. It seems to be Latin-1 or"),
        (
            f"#Software: IIS\n#Fields: date time\n{NINE}\n",
            "is a log in the W3C's extended form, which gives date and time apart",
        ),
        (f"sep=;\nat;prompt_tokens\n{NINE};5\nnoon;6\n", "line 4: at must be a time like"),
        (f"# of March\n\nat,prompt_tokens\n{NINE},5\nnoon,6\n", "line 5: at must be a time like"),
        (f"at,model_preference\n{NINE},a,b\n", "a row has more fields than the header."),
        (f"At\n{NINE}\n", "column 'at' is missing. Found 'At'. Did you mean 'at'?"),
        ("time,x\n1,2\n", "column 'at' is missing. Found 'time', 'x'."),
        (
            "TIMESTAMP,ContextTokens\n2023-11-16 18:17:03,1\n",
            "column 'at' is missing. Found 'TIMESTAMP', 'ContextTokens'.",
        ),
        (f"at,model_preferense\n{NINE},a\n", "'model_preferense' is not a column of a trace. Did you mean"),
        ("at\n2026-03-02T09:00\n", "line 2: at (2026-03-02 09:00:00) is naive"),
        (f"at,prompt_tokens\n{NINE},1\n,3\n", "line 3: at is missing"),
        (f"at\n{NINE}\n1772442000\n", "line 3: at ('1772442000') is naive, while"),
        (f"at,prompt_tokens\n{NINE},x\n", "line 2: prompt_tokens must be a whole number of tokens. Got 'x'."),
        (f"at\n\n{NINE}\nx\n", "line 4: at must be a time like"),
        (f'at,note\n{NINE},"of two\nlines"\nx,\n', "line 4: at must be a time like"),
        (f"at,note\n{NINE},\n{NINE},a,b\n", "cannot be read as CSV: "),
        ("<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", "is a web page, not data"),
        ("\n  <html lang=en>\n", "is a web page, not data"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer, not the data"),
        (f"at\n2026-03-02T09:00:01Z\n{NINE}\n", "line 3: at (2026-03-02 09:00:00+00:00) lies before the row above"),
    ],
)
def test_errors_begin_with_the_path(tmp_path: Path, content: str | bytes, message: str) -> None:
    """What is wrong in a file is one line: its path, then the place inside."""
    path = write(tmp_path, content)
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gateway.yaml", "scenario.yml"])
def test_a_config_is_no_trace(tmp_path: Path, name: str) -> None:
    """The error says what a trace is, and what reads the others."""
    path = write(tmp_path, "version: 1\ndeployments:\n  - {model_name: a, model: sim/a}\n", name)
    with pytest.raises(TraceError, match=r"is YAML, and a trace is a table of calls .* GatewayConfig\.load reads"):
        tg.read_trace(path)


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
    monkeypatch.setitem(sys.modules, "zstandard", None)
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


def test_a_parquet_file_may_keep_its_times_in_the_index(tmp_path: Path) -> None:
    """Pandas restores a named index, which is then a column as any other."""
    path = tmp_path / "day.parquet"
    pd.DataFrame({"prompt_tokens": [1]}, index=pd.DatetimeIndex([NINE], name="at")).to_parquet(path)
    assert tg.read_trace(path).start == pd.Timestamp(NINE)


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
    with pytest.raises(TraceError, match=r"line \d: [Tt]imestamp must lie in the years .* Got [\d.]+, counted from"):
        tg.read_trace(path, origin="2199-12-31T23:59:59Z")


def test_instants_need_no_origin(tmp_path: Path) -> None:
    """``origin`` for a file whose times are instants is a mistake, and not passed over."""
    with pytest.raises(TraceError, match=r"day\.csv: origin is for times that count from it"):
        tg.read_trace(write(tmp_path, f"at\n{NINE}\n"), origin=NINE)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("-1,1,1", "line 3: Timestamp must be a number, not below 0. Got '-1'."),
        ("x,1,1", "line 3: Timestamp must be a number, not below 0. Got 'x'."),
        (",1,1", "line 3: Timestamp is missing: every row needs a time."),
        ("inf,1,1", "line 3: Timestamp must lie in the years 1900 to 2199."),
        ("2,1,1", "line 3: Timestamp (2026-03-02 09:00:02+00:00) lies before the row above"),
        ("7,-1,1", "line 3: Request tokens must be a whole number of tokens."),
        ("7,1,1.5", "line 3: Response tokens must be a whole number of tokens."),
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
        ('{"timestamp": 1, "output_length": 1.5}', "line 3: output_length must be a whole number of tokens."),
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


BAILIAN = (
    '{"chat_id": 1, "parent_chat_id": -1, "timestamp": 0.0, "input_length": 5, "output_length": 6, "type": "text", '
    '"turn": 1, "hash_ids": [0]}\n'
    '{"chat_id": 2, "parent_chat_id": 1, "timestamp": 7200.001, "input_length": 7, "output_length": 8, "type": "text", '
    '"turn": 2, "hash_ids": [0, 1]}\n'
)
TEN_PAST = pd.Timestamp("2026-03-02T09:00:10Z")


def test_bailian_counts_in_seconds(tmp_path: Path) -> None:
    """Its keys are those of Mooncake and more, its unit is not: two hours are two hours, not seven seconds."""
    path = write(tmp_path, BAILIAN, "qwen_traceA.jsonl")
    trace = tg.read_trace(path, origin=NINE)
    assert trace.end - trace.start == pd.Timedelta(7200.001, unit="s")
    assert trace.notes == (
        "read as Qwen-Bailian trace, times counted from 2026-03-02 09:00:00 UTC",
        "timestamp taken as s",
    )
    assert tg.read_trace(path, origin=NINE, unit="ms").end == pd.Timestamp("2026-03-02T09:00:07.200001Z")


def test_a_unit_that_nothing_tells_is_said(tmp_path: Path) -> None:
    """Without hashes the keys of Mooncake are anybody's: milliseconds are assumed, which is said, or given."""
    path = write(tmp_path, '{"timestamp": 10000, "input_length": 1, "output_length": 2}\n', "m.jsonl")
    trace = tg.read_trace(path, origin=NINE)
    assert trace.start == TEN_PAST
    assert trace.notes[1:] == ("no hash_ids tell its unit: timestamp taken as ms",)
    given = tg.read_trace(path, origin=NINE, unit="us")
    assert given.start == pd.Timestamp("2026-03-02T09:00:00.01Z")
    assert given.notes[1:] == ()


def test_published_columns_that_count_from_1970(tmp_path: Path) -> None:
    """A number of the size that times have since 1970 needs no origin; the notes say what it was taken for."""
    path = write(tmp_path, '{"timestamp": 1772442010, "input_length": 1, "output_length": 2}\n', "m.jsonl")
    assert tg.read_trace(path).start == TEN_PAST
    assert tg.read_trace(path).notes == ("read as Mooncake trace, times counted in s from 1970, guessed by their size",)


def test_reads_vidur(tmp_path: Path) -> None:
    """Arrivals in seconds, with the lengths of prompt and answer; decimals are not cut."""
    path = write(tmp_path, "arrived_at,num_prefill_tokens,num_decode_tokens\n0,5,6\n1.001,7,8\n")
    trace = tg.read_trace(path, origin=NINE)
    assert trace.frame["at"].tolist() == [pd.Timestamp(NINE), pd.Timestamp("2026-03-02T09:00:01.001Z")]
    assert trace.frame[["prompt_tokens", "completion_tokens"]].to_numpy().tolist() == [[5, 6], [7, 8]]


@pytest.mark.parametrize(
    ("content", "name", "options"),
    [
        ("when;who;in\n2026-03-02 09:00:10 UTC;weak;5\n", "day.csv", {}),
        ("when\twho\tin\n2026-03-02T09:00:10Z\tweak\t5\n", "day.tsv", {}),
        ("when|who|in\n02/Mar/2026:09:00:10 +0000|weak|5\n", "day.txt", {}),
        ("when#who#in\n2026-03-02T09:00:10Z#weak#5\n", "day.csv", {"delimiter": "#"}),
        ("who,in,when\nweak,5,1772442010\n", "day.csv", {"unit": "s"}),
        ("who,in,when\nweak,5,1772442010000.0\n", "day.csv", {}),
        ("who,in,when\nweak,5,1772442010000000\n", "day.csv", {}),
        ("who,in,when\nweak,5,1772442010000000999\n", "day.csv", {"unit": "ns"}),
        ("who,in,when\nweak,5,10\n", "day.csv", {"unit": "s", "origin": NINE}),
        ('{"when": "2026-03-02T09:00:10Z", "who": "weak", "in": 5, "x": [1]}\n', "day.JSONL", {}),
        ('{"when": 1772442010.0, "who": "weak", "in": 5}\n', "day.ndjson", {}),
        ('[{"when": "Mon, 02 Mar 2026 09:00:10 GMT", "who": "weak", "in": 5}]', "day.json", {}),
        ('{"rows": [{"when": "2026-03-02T09:00:10z", "who": "weak", "in": 5}], "total": 1}', "day.json", {}),
        ('{"when": "2026-03-02T09:00:10Z", "who": "weak", "in": 5}\n' * 2, "day.log", {"rows": 2}),
    ],
)
def test_any_table_is_read_with_its_columns_named(
    tmp_path: Path, content: str, name: str, options: dict[str, Any]
) -> None:
    """Names, delimiters, units and containers of all kinds: the same call, whichever name stands first in the map."""
    rows = options.pop("rows", 1)
    ours = {"at": "when", "model_preference": "who", "prompt_tokens": "in"}
    for path in (write(tmp_path, content, name), write(tmp_path, gzip.compress(content.encode()), f"{name}.gz")):
        for columns in (ours, {theirs: name for name, theirs in ours.items()}):
            trace = tg.read_trace(path, columns=columns, **options)
            assert trace.frame["at"].tolist() == [TEN_PAST] * rows
            assert trace.preferred_names == ("weak",)
            assert trace.frame["prompt_tokens"].tolist() == [5] * rows


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("2026-03-02T09:00:10Z,weak,5\n", {"columns": {"at": 0, "model_preference": 1, "prompt_tokens": 2}}),
        ("2026-03-02T09:00:10Z,weak,5\n", {"columns": ["at", "model_preference", "prompt_tokens"]}),
        ("x;5;weak;1772442010\n", {"columns": {3: "at", 1: "prompt_tokens", "2": "model_preference"}}),
        ("at,weak,5\n2026-03-02T09:00:10Z,weak,5\n", {"columns": {"at": "at", "model_preference": 1}, "header": True}),
    ],
)
def test_a_file_without_header(tmp_path: Path, content: str, options: dict[str, Any]) -> None:
    """Its columns go by number, or by our names in order; that it has none is seen, said, and may be overruled."""
    path = write(tmp_path, content)
    if options.get("header"):
        with pytest.raises(TraceError, match="the file has no column '1'"):
            tg.read_trace(path, **options)
        return
    trace = tg.read_trace(path, **options)
    assert (trace.start, trace.preferred_names) == (TEN_PAST, ("weak",))
    assert trace.frame["prompt_tokens"].tolist() == [5]
    assert "read without a header: columns are numbered from 0" in trace.notes


def test_the_only_times_of_a_file_without_header_are_its_times(tmp_path: Path) -> None:
    """Where one column alone holds times there is nothing to ask."""
    trace = tg.read_trace(write(tmp_path, "5,2026-03-02T09:00:10Z,weak\n"))
    assert trace.start == TEN_PAST
    assert trace.notes[1:] == ("columns passed over: '0', '2'",)


def test_our_own_columns_as_json_lines(tmp_path: Path) -> None:
    """Columns that the first line lacks are found, other keys named, and objects inside reached by a dot."""
    lines = (
        '{"at": "2026-03-02T09:00:10Z", "usage": {"in": 7}}\n{"at": "2026-03-02T09:00:11Z", "model_preference": "a"}\n'
    )
    path = write(tmp_path, lines, "day.jsonl")
    trace = tg.read_trace(path)
    assert trace.frame["model_preference"].isna().tolist() == [True, False]
    assert trace.notes == ("columns passed over: 'usage', 'usage.in'",)
    inside = tg.read_trace(path, columns={"prompt_tokens": "usage.in"})
    assert inside.frame["prompt_tokens"].tolist() == [7, pd.NA]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "prompt_tokens,startTime\n1,2026-03-02T09:00Z\n",
            "'startTime' holds times: pass columns={'at': 'startTime'}.",
        ),
        ("endTime,startTime\n2026-03-02T09:00Z,2026-03-02T09:00Z\n", "'startTime' holds times"),
        ("prompt_tokens,x,ts\n1,y,1772442010\n", "'ts' holds times"),
        (
            "prompt_tokens,latency,arrival\n1,3,5.5\n",
            "'arrival' may hold times: pass columns={'at': 'arrival'} with unit=",
        ),
        ("prompt_token,x\n1,y\n", "Found 'prompt_token', 'x'."),
    ],
)
def test_a_missing_time_points_at_what_holds_times(tmp_path: Path, content: str, message: str) -> None:
    """By what stands in it, then by its name; a column of tokens is never meant."""
    with pytest.raises(TraceError, match="column 'at' is missing") as caught:
        tg.read_trace(write(tmp_path, content))
    assert str(caught.value).split(".csv: ")[1].split("Found ")[1].endswith(message) or message in str(caught.value)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("at\n5\n", {}, "at must hold times, not numbers. Got '5'. If they count from 1970, pass unit="),
        ("at\n5\n", {"origin": NINE}, "at counts from origin: pass unit='s', 'ms', 'us' or 'ns'."),
        ("at\n1772442010\n", {"tz": "UTC"}, "tz is for naive times. 'at' holds numbers"),
        ("at\n2026-03-02T09:00Z\n", {"unit": "s"}, "unit is for times that are numbers. 'at' holds '2026"),
        ("at\n2026-03-02T09:00Z\n", {"columns": {}}, "columns must be a mapping like {'at': 'startTime'}. Got {}."),
        ("at\n2026-03-02T09:00Z\n", {"columns": "at"}, "columns must be a mapping like"),
        ("x\n2026-03-02T09:00Z\n", {"columns": {"at": "y"}}, "columns: the file has no column 'y'. Known: 'x'."),
        ("x\n2026-03-02T09:00Z\n", {"columns": {"att": "x"}}, "columns: 'att' is not a column of a trace. Did you"),
        ("x,y\n1,2\n", {"columns": {"x": "at", "y": "at"}}, "columns must name each column once."),
        ("at\n2026-03-02T09:00Z\n", {"delimiter": ";;"}, "delimiter must be one character. Got ';;'."),
        ("at\ntrue\n", {"unit": "s"}, "unit is for times that are numbers"),
        ("at\n1772442010\nx\n", {}, "line 2: at must be a time like"),
    ],
)
def test_options_that_do_not_fit_are_errors(
    tmp_path: Path, content: str, options: dict[str, Any], message: str
) -> None:
    """What is asked for and cannot be is said, with the place."""
    path = write(tmp_path, content)
    with pytest.raises(TraceError) as caught:
        tg.read_trace(path, **options)
    assert message in str(caught.value)
    with pytest.raises(TraceError, match=r"unit must be one of s, ms, us, ns\. Got 'm'\. Did you mean 'ms'"):
        tg.read_trace(path, unit="m")


def test_a_guess_is_said_and_an_order_not(tmp_path: Path) -> None:
    """A unit that was guessed stands in the notes as a guess."""
    path = write(tmp_path, "at\n1772442010\n")
    assert tg.read_trace(path).notes == ("times counted in s from 1970, guessed by their size",)
    assert tg.read_trace(path, unit="s").notes == ("times counted in s from 1970",)


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
