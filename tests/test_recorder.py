"""Calls of a gateway in a file, and back as a trace."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from test_records import AT, gateway_of

import timegate as tg
from timegate.core.clock import from_us
from timegate.errors import InvalidValueError
from timegate.gateway.recorder import Recorder


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
    frame = tg.read_trace(path).frame
    assert list(frame["at"]) == [from_us(AT), from_us(AT + 2_000_000)]
    assert list(frame["model_preference"]) == ["b", "b"]
    assert frame["completion_tokens"].iloc[1] == 2


def test_a_file_is_continued_after_half_a_line(tmp_path: Path) -> None:
    """What a killed process left is ended, so that every later line can be read."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b'{"at": "2026-03-0')
    with Recorder(path) as recorder:
        gateway_of(0, observers=[recorder])()
    first, second = path.read_text().splitlines()
    assert first == '{"at": "2026-03-0'
    assert json.loads(second)["served_by"] == "a"


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


def test_a_full_disk_stops_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is counted and told to the log, and the call is answered."""

    class Full:
        def tell(self) -> int:
            return 0

        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def truncate(self, size: int) -> None: ...

        def close(self) -> None: ...

    caplog.set_level(logging.WARNING, "timegate")
    with Recorder(tmp_path / "calls.jsonl") as recorder:
        recorder._file.close()  # type: ignore[union-attr]
        recorder._file = Full()  # type: ignore[assignment]
        assert gateway_of(0, 0, observers=[recorder])().consume() == "yes"
    assert recorder.lost == 1
    assert any("No space left" in record.getMessage() for record in caplog.records)


def test_a_path_must_say_what_it_is(tmp_path: Path) -> None:
    """Only files that read_trace reads back are written."""
    with pytest.raises(InvalidValueError, match=r"path must end in \.jsonl"):
        Recorder(tmp_path / "calls.csv")
