"""Calls of a gateway in a file, and back as a trace."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_records import AT, gateway_of

import timegate as tg
from timegate.core.clock import from_us
from timegate.errors import InvalidValueError, MissingExtraError
from timegate.gateway.recorder import Recorder
from timegate.show.text import iso


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_calls_come_back_as_a_trace(tmp_path: Path) -> None:
    """Each call is a line, failed ones too, and the file is a trace with preferences and tokens."""
    path = tmp_path / "calls.jsonl"
    with Recorder(path) as recorder:
        gateway = gateway_of(1, 1, observers=[recorder])
        with pytest.raises(tg.ModelRouterError):
            gateway(model_preference="b")
        gateway(model_preference="b", messages="a secret")
    assert [(line["outcome"], line["served_by"]) for line in lines_of(path)] == [
        ("failed", None),
        ("first_choice", "b"),
    ]
    assert "a secret" not in path.read_text()
    assert repr(recorder) == f"<Recorder to {path}, 0 calls lost>"
    frame = tg.read_trace(path).frame
    assert list(frame["at"]) == [from_us(AT), from_us(AT + 2_000_000)]
    assert list(frame["model_preference"]) == ["b", "b"]
    assert frame["completion_tokens"].iloc[1] == 2


def test_a_file_is_continued_after_half_a_line(tmp_path: Path) -> None:
    """What a killed process left is read but for its last line, and then dropped, so that later lines can be read."""
    path = tmp_path / "calls.jsonl"
    for _ in range(2):
        with Recorder(path) as recorder:
            gateway_of(0, observers=[recorder])()
        with path.open("ab") as file:
            file.write(b'{"at": "2026-03-0' + b"9" * 70_000)
    with pytest.warns(tg.TimegateWarning, match="line 3, the last, is cut off"):
        assert len(tg.read_trace(path)) == 2
    with Recorder(path) as recorder:
        gateway_of(0, observers=[recorder])()
    assert [line["served_by"] for line in lines_of(path)] == ["a"] * 3
    path.write_bytes(b"half")
    Recorder(path).close()
    assert path.read_bytes() == b""


def test_a_killed_process_leaves_whole_lines(tmp_path: Path) -> None:
    """All but the last second's calls are there, and each line can be read."""
    path = tmp_path / "calls.jsonl"
    code = f"""
import time, timegate as tg
models = [{{"model_name": name, "model": tg.Model.chat_completion("sim/m")}} for name in "ab"]
recorder = tg.Recorder({str(path)!r})
gateway = tg.ModelGateway(models, observers=[recorder])
made = 0
while True:
    gateway(messages="Hi")
    made += 1
    if made == 1000:
        print("made", flush=True)
    time.sleep(0.0005)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        while not path.stat().st_size:
            time.sleep(0.01)
        process.kill()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.TimegateWarning)
        assert len(tg.read_trace(path)) > 0


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_process_that_ends_writes_what_waits(tmp_path: Path, suffix: str) -> None:
    """Nobody needs to close a recorder for that."""
    path = tmp_path / f"calls.{suffix}"
    code = f"""
import timegate as tg
models = [{{"model_name": name, "model": tg.Model.chat_completion("sim/m")}} for name in "ab"]
tg.ModelGateway(models, observers=[tg.Recorder({str(path)!r})])(messages="Hi")
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
    [found] = tmp_path.iterdir()
    assert (found.suffix, len(tg.read_trace(found))) == (path.suffix, 1)


def test_parquet_is_made_of_lines(tmp_path: Path) -> None:
    """At the end, and whenever they are enough; a trace reads it, and it holds what the lines hold."""
    path, lines = tmp_path / "calls.parquet", tmp_path / "calls.jsonl"
    with Recorder(lines) as recorder:  # as if killed before they became Parquet
        gateway_of(1, 0, observers=[recorder])()
    kept = lines_of(lines)
    with Recorder(path) as recorder:
        gateway = gateway_of(0, observers=[recorder])
        gateway.cool("a", 60)
        with pytest.raises(tg.ModelRouterError):
            gateway()
    made = tmp_path / "calls.1.parquet"
    assert sorted(each.name for each in tmp_path.iterdir()) == [made.name]
    assert len(tg.read_trace(made)) == 2
    rows = pd.read_parquet(made).to_dict("records")
    assert [row["outcome"] for row in rows] == ["fallback", "shed"]
    assert [{**each, "at": iso(each["at"])} for each in rows[0]["tries"]] == kept[0]["tries"]
    [skip] = rows[1]["skipped"]
    assert (skip["deployment"], skip["reason"]) == ("a", "cooling")
    assert (skip["until"] - rows[1]["at"]).total_seconds() == pytest.approx(60, abs=5)
    with Recorder(path, rotate_bytes=1) as recorder:
        gateway_of(0, observers=[recorder])()
    assert sorted(each.name for each in tmp_path.iterdir()) == [made.name, "calls.2.parquet"]
    Recorder(path).close()
    assert len(list(tmp_path.glob("*.parquet"))) == 2


def test_lines_stay_if_they_cannot_become_parquet(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost, and the log says so."""
    path = tmp_path / "calls.parquet"
    with Recorder(path) as recorder:
        monkeypatch.setattr(recorder, "_write_parquet", lambda *_: 1 / 0)
        gateway_of(0, observers=[recorder])()
    assert len(lines_of(tmp_path / "calls.1.parquet.jsonl")) == 1
    assert "calls.1.parquet.jsonl could not become" in caplog.text
    Recorder(path).close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["calls.1.parquet", "calls.jsonl"]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="scale"):
        Recorder(path)


def test_files_rotate(tmp_path: Path) -> None:
    """A file that has grown is set aside under the next number, and none is lost."""
    path = tmp_path / "calls.jsonl"
    for _ in range(3):
        with Recorder(path, rotate_bytes=10) as recorder:
            gateway_of(0, observers=[recorder])()
    assert sorted(each.name for each in tmp_path.iterdir() if each.stat().st_size) == [
        "calls.1.jsonl",
        "calls.2.jsonl",
        "calls.3.jsonl",
    ]


@pytest.mark.parametrize("fails", ["at once", "in part", "to the end"])
def test_a_full_disk_stops_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture, fails: str) -> None:
    """What cannot be written is counted and told to the log, the call is answered, and lines stay whole."""

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            super().write(bytes(data)[:10])
            if fails == "at once":
                raise OSError(28, "No space left on device")
            return 10

        def truncate(self, size: int | None = None) -> int:
            if fails == "to the end":
                raise OSError(28, "No space left on device")
            return super().truncate(size)

    def one_call(recorder: Recorder) -> None:
        assert gateway_of(0, 0, observers=[recorder])().consume() == "yes"
        while recorder._waiting:
            recorder._wake.set()
            time.sleep(0.001)

    path = tmp_path / "calls.jsonl"
    caplog.set_level(logging.WARNING, "timegate")
    with Recorder(path) as recorder:
        one_call(recorder)
        recorder._file.close()  # type: ignore[union-attr]
        recorder._file = Full(path, "ab")
        one_call(recorder)
        one_call(recorder)
    assert recorder.lost == 1
    told = "the disk took only a part" if fails == "in part" else "No space left"
    assert any(told in record.getMessage() for record in caplog.records)
    assert [line["served_by"] for line in lines_of(path)] == ["a", "a"]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_prompts_are_kept_if_asked(tmp_path: Path, suffix: str) -> None:
    """As they were when the call ended, whatever the caller does with them; those of others keep none."""
    path, other = tmp_path / f"calls.{suffix}", tmp_path / "other.jsonl"
    with Recorder(path, prompts=True) as recorder, Recorder(other) as bare:
        gateway = gateway_of(0, 0, observers=[recorder, bare])
        messages: list[Any] = [{"role": "user", "content": 'a "secret"\nin two lines'}]
        asked = {"messages": messages, "tools": [{1, 2}.pop]}
        record = gateway(**asked, model_preference="b").metadata["timegate"]
        assert record.asked["messages"] is messages
        messages.append("later")
        circular: list[Any] = []
        circular.append(circular)
        gateway(messages=circular)
    assert (recorder.lost, bare.lost) == (1, 0)
    found = tmp_path / "calls.1.parquet" if suffix == "parquet" else path
    assert list(tg.read_trace(found).frame["model_preference"]) == ["b"]
    rows = pd.read_parquet(found)["asked"] if suffix == "parquet" else [json.dumps(lines_of(path)[0]["asked"])]
    kept = json.loads(rows[0])
    assert kept["messages"] == messages[:1]
    assert kept["tools"][0].startswith("<built-in method pop")
    assert len(lines_of(other)) == 2
    assert "secret" not in other.read_text()
    assert gateway_of(0, 0, observers=[bare])().metadata["timegate"].asked is None


def test_a_disk_that_is_full_at_rotation_stops_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a file cannot be set aside, it goes on where it is; if none can be begun, calls are lost and counted."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "calls.jsonl"
    with monkeypatch.context() as patched:
        patched.setattr("timegate.gateway.recorder.os.replace", full)
        with Recorder(path, rotate_bytes=1) as recorder:
            gateway = gateway_of(0, observers=[recorder])
            gateway()
    assert (recorder.lost, len(lines_of(path))) == (0, 1)
    with Recorder(path, rotate_bytes=1) as recorder:
        monkeypatch.setattr(recorder, "_open", full)
        recorder._file.close()  # type: ignore[union-attr]
        recorder._file = None
        assert gateway_of(0, observers=[recorder])().consume() == "yes"
    assert (recorder.lost, len(lines_of(path))) == (1, 1)


@pytest.mark.parametrize(
    ("suffix", "what", "when"),
    [
        ("jsonl", "os.replace", "before"),
        ("jsonl", "os.replace", "after"),
        ("parquet", "os.replace", "before"),
        ("parquet", "os.replace", "after"),
        ("parquet", "pathlib.Path.unlink", "before"),
        ("parquet", "pathlib.Path.unlink", "after"),
    ],
)
def test_a_kill_at_rotation_loses_nothing_and_doubles_nothing(
    tmp_path: Path, suffix: str, what: str, when: str
) -> None:
    """Wherever it comes, each call that was written is read once, by then or when the next process has begun.

    Lines are set aside by ``os.replace``, and removed by ``unlink`` when they have become Parquet.
    """
    code = f"""
import os, pathlib, sys, timegate as tg
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_records import gateway_of
recorder = tg.Recorder({str(tmp_path / "calls")!r} + ".{suffix}", rotate_bytes=1)
done = {what}
def killed(path, *args, **kwargs):
    if ".timegate-" not in str(path):
        if {when!r} == "after":
            done(path, *args, **kwargs)
        os._exit(9)  # as a kill does: nothing is closed, nothing is flushed
    done(path, *args, **kwargs)
{what} = killed
gateway_of(0, observers=[recorder])()
recorder.close()
os._exit(8)
"""
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert killed.returncode == 9, killed.stderr
    path = tmp_path / f"calls.{suffix}"

    def at_rest() -> list[int]:
        found = [len(tg.read_trace(each)) for each in tmp_path.iterdir() if each.stat().st_size]
        assert all(found)
        return found

    assert sum(at_rest()) >= 1
    with Recorder(path) as recorder:
        gateway_of(0, observers=[recorder])()
    assert sum(at_rest()) == 2
    assert {each.suffix for each in tmp_path.iterdir()} == {f".{suffix}"}


def test_a_path_must_say_what_it_is(tmp_path: Path) -> None:
    """Only files that read_trace reads back are written."""
    with pytest.raises(FileNotFoundError, match="no such folder") as caught:
        Recorder(tmp_path / "no" / "calls.jsonl")
    assert caught.value.filename == str(tmp_path / "no")
    with pytest.raises(InvalidValueError, match=r"path must end in \.jsonl"):
        Recorder(tmp_path / "calls.csv")


@pytest.mark.parametrize("value", ["1MB", -1, 0, 1.5, True])
@pytest.mark.parametrize("name", ["rotate_bytes", "most_waiting"])
def test_bad_bounds(name: str, value: Any, tmp_path: Path) -> None:
    """A bound that is none is refused before a file is there."""
    with pytest.raises(InvalidValueError, match=f"^{name} must be a whole number, at least 1. Got {value!r}"):
        Recorder(tmp_path / "calls.jsonl", **{name: value})
    assert not list(tmp_path.iterdir())
