"""What a check finds of prices."""

from __future__ import annotations

from typing import Any

import pytest
from test_price import CHEAP, config

import timegate as tg
from timegate.core.price import Price
from timegate.errors import MissingExtraError
from timegate.prices.book import PriceBook
from timegate.review import price_checks


def found(price: Any, **fields: Any) -> list[str]:
    """Return the codes of what is found of a price."""
    findings = tg.check(config(price, **fields), 7, now="2026-03-02T00:00Z")
    return [finding.code for finding in findings if finding.code.startswith("TG8")]


def banded(*windows: list[str], **fields: Any) -> dict[str, Any]:
    return {"per_call": 1.0, "bands": [{"windows": [window], "times": 2} | fields for window in windows]}


LATER = {"since": "2026-03-03T00:00Z", "times": 2}
LATEST = {"since": "2026-03-05T00:00Z", "times": 3}
PEAK = {"windows": [["01:00", "04:00"]], "times": 2}


@pytest.mark.parametrize(
    ("price", "codes"),
    [
        (CHEAP, []),
        ({"per_call": 1.0, "bands": [LATER, LATEST]}, []),  # a list of prices, each until the next
        ({"per_call": 1.0, "bands": [LATEST, LATER]}, ["TG802"]),
        ({"per_call": 1.0, "bands": [PEAK, LATER]}, ["TG802"]),
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


def test_bands_are_told_by_name() -> None:
    """What is found of a band has its name, if it has one."""
    night = {"windows": [["03:00", "05:00"]], "times": 0.5, "name": "night"}
    past = {"until": "2026-01-01T00:00Z", "times": 3, "name": "last year"}
    findings = tg.check(config({"per_call": 1.0, "bands": [PEAK, night, past]}), 7, now="2026-03-02T00:00Z")
    said = [finding.message for finding in findings if finding.code in ("TG801", "TG802")]
    assert said == [
        "It overlaps bands[1] 'night', which counts alone where both hold: the last of the list does.",
        "The band 'last year' never holds in the time looked at.",
    ]


def test_a_model_that_the_book_does_not_know() -> None:
    """The finding says which model and which book; a known one is none."""
    pytest.importorskip("genai_prices")
    assert found("auto", model="openai/gpt-4o") == []
    (finding,) = [f for f in tg.check(config("auto"), 7, now="2026-03-02T00:00Z") if f.code == "TG804"]
    assert "does not know 'sim/a'" in finding.message
    assert finding.place == "deployments[0] 'a': price"


def a_book(**amounts: Any) -> PriceBook:
    """Return a book in which one model's price fell on the second of March, and rises on the fifth."""
    later = {"since": "2026-03-02T00:00Z", "input_per_mtok": 1.0, "output_per_mtok": 4.0}
    at_last = {"since": "2026-03-05T00:00Z", "input_per_mtok": 3.0, "output_per_mtok": 9.0}
    peak = {"windows": [["01:00", "04:00"]], "times": 2}
    price = Price(input_per_mtok=2.0, output_per_mtok=8.0, bands=[later, peak, at_last], **amounts)
    return PriceBook("a book", lambda provider, model, service: price if model == "a" else None)


@pytest.mark.parametrize(
    ("price", "now", "message"),
    [
        (
            {"input_per_mtok": 2.0, "output_per_mtok": 8.0},
            "2026-03-01",
            "before 2026-03-02: since then a book has",
        ),
        ({"input_per_mtok": 2.0, "output_per_mtok": 8.0}, "2026-03-03", "before 2026-03-02"),
        (
            {"input_per_mtok": 1.0, "output_per_mtok": 4.0},
            "2026-03-03",
            "before 2026-03-05",
        ),
        ({"input_per_mtok": 3.0, "output_per_mtok": 9.0}, "2026-03-06", None),
        ({"input_per_mtok": 2.0, "output_per_mtok": 8.0}, "2026-03-06", None),  # it was not right for long
        ({"input_per_mtok": 1.0, "output_per_mtok": 4.0}, "2026-03-06", "before 2026-03-05"),
        ({"input_per_mtok": 4.0, "output_per_mtok": 16.0, "times": 0.5}, "2026-03-03", "before 2026-03-02"),
        ({"input_per_mtok": 1.7, "output_per_mtok": 8.0}, "2026-03-03", None),  # a price of one's own
        ({"per_call": 0.5}, "2026-03-03", None),
    ],
)
def test_a_price_that_has_changed_since(
    monkeypatch: pytest.MonkeyPatch, price: dict[str, Any], now: str, message: str | None
) -> None:
    """A price that a book had, and has no more or not for long, is found; one of one's own is not."""
    monkeypatch.setattr(price_checks, "_books", lambda: iter([a_book()]))
    findings = [f for f in tg.check(config(price), 7, now=f"{now}T00:00Z") if f.code == "TG805"]
    assert [message in finding.message for finding in findings] == ([True] if message else [])


def test_a_change_that_the_price_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A price that has the change as a band is right."""
    monkeypatch.setattr(price_checks, "_books", lambda: iter([a_book()]))
    later = {"since": "2026-03-02T00:00Z", "times": 0.5}
    at_last = {"since": "2026-03-05T00:00Z", "input_per_mtok": 3.0, "output_per_mtok": 9.0}
    assert found({"input_per_mtok": 2.0, "output_per_mtok": 8.0, "bands": [later, at_last]}) == []


def test_without_a_book_nothing_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no book is installed, a price that is written out is not judged."""

    def missing(package: str) -> PriceBook:
        raise MissingExtraError(f"{package} is not installed")

    monkeypatch.setattr(price_checks, "opened", missing)
    assert found({"input_per_mtok": 2.0, "output_per_mtok": 8.0}, model="openai/gpt-4o") == []
