"""The cases that hold JavaScript to Python's windows: what the file says is true, and nothing is left out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.cases.make_windows import FILE, made
from tests.test_windows import covers, edges
from timegate import Window
from timegate.core.clock import DAY_US, from_us, to_us

FILED: dict[str, list[dict[str, Any]]] = json.loads(FILE.read_text(encoding="utf-8"))
CASES = [pytest.param(case, id=case["why"]) for case in FILED["windows"]]


def span_us(case: dict[str, Any]) -> tuple[int, int]:
    """Return the axis of a case, in microseconds, half-open."""
    return to_us(case["from"], "from"), to_us(case["to"], "to")


def test_the_file_is_up_to_date() -> None:
    """The file holds what `Window` answers today; ``python -m tests.cases.make_windows`` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == made()


@pytest.mark.parametrize("case", CASES)
def test_zoneinfo_agrees(case: dict[str, Any]) -> None:
    """At every edge, one microsecond around it, an answer of the file is that of ten lines of zoneinfo."""
    window, (start_us, end_us) = Window.parse(case["window"]), span_us(case)
    spans = np.array([[to_us(first, "first"), to_us(last, "last") + 1] for first, last in case["spans"]], np.int64)
    critical = {start_us, end_us, *spans.ravel().tolist()}
    for noon_us in range(start_us, end_us, DAY_US):
        critical |= edges(window, noon_us)
    probes = sorted({at + by for at in critical for by in (-1, 0, 1) if start_us <= at + by < end_us})
    inside = np.searchsorted(spans.ravel(), probes, side="right") % 2 == 1
    wrong = [
        str(from_us(at))
        for at, holds in zip(probes, inside.tolist(), strict=True)
        if holds != covers(window, from_us(at))
    ]
    assert not wrong


@pytest.mark.parametrize("name", Window.__dataclass_fields__)
def test_every_field_matters_to_a_case(name: str) -> None:
    """A field that no case sets, or that changes no answer, is one that JavaScript could get wrong unseen."""
    for case in FILED["windows"]:
        without = {key: value for key, value in case["window"].items() if key != name}
        if len(without) == len(case["window"]):
            continue
        if name in ("start", "end"):
            without[name] = "12:34"
        if name == "holidays":
            without.pop("on_holidays", None)
        asked, other = Window.parse(case["window"]), Window.parse(without)
        if not np.array_equal(asked.spans_us(*span_us(case)), other.spans_us(*span_us(case))):
            return
    pytest.fail(f"No case shows what {name} does: add one to tests/cases/make_windows.py.")
