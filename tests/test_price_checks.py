"""What a check finds of prices."""

from __future__ import annotations

from typing import Any

import pytest
from test_price import CHEAP, config

import timegate as tg


def found(price: Any, **fields: Any) -> list[str]:
    """Return the codes of what is found of a price."""
    findings = tg.check(config(price, **fields), 7, now="2026-03-02T00:00Z")
    return [finding.code for finding in findings if finding.code.startswith("TG8")]


def banded(*windows: list[str], **fields: Any) -> dict[str, Any]:
    return {"per_call": 1.0, "bands": [{"windows": [window], "times": 2} | fields for window in windows]}


@pytest.mark.parametrize(
    ("price", "codes"),
    [
        (CHEAP, []),
        (None, []),
        (banded(["01:00", "04:00"], ["06:00", "10:00"]), []),
        (banded(["01:00", "04:00"], ["04:00", "10:00"]), []),  # the one ends where the other begins
        (banded(["01:00", "03:59"], ["04:00", "10:00"]), ["TG803"]),
        (banded(["01:00", "03:58"], ["04:00", "10:00"]), []),
        (banded(["01:00", "05:00"], ["04:00", "10:00"]), ["TG802"]),
        (banded(["01:00", "04:00"], until="2026-03-02T00:30Z"), ["TG801"]),
        (banded(["01:00", "04:00"], since="2026-04-02T00:30Z"), ["TG801"]),
    ],
)
def test_bands(price: Any, codes: list[str]) -> None:
    """A band that never holds, bands that overlap, and a minute that is left between them."""
    assert found(price) == codes


def test_a_model_that_the_book_does_not_know() -> None:
    """The finding says which model and which book; a known one is none."""
    pytest.importorskip("genai_prices")
    assert found("auto", model="openai/gpt-4o") == []
    (finding,) = [f for f in tg.check(config("auto"), 7, now="2026-03-02T00:00Z") if f.code == "TG804"]
    assert "does not know 'sim/a'" in finding.message
    assert finding.place == "deployments[0] 'a': price"
