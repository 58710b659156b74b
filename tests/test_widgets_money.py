"""What a schedule costs in the editor: live, beside the start, and never where it is not known."""

from __future__ import annotations

from typing import Any

import pytest
from test_bill import DEAR, MORNING, config, trace
from test_price import CHEAP
from test_widgets import close_at, edited

import timegate as tg

DAY = trace("05:00", "13:00", "15:00", "23:00")


def opened(*prices: Any, calls: tg.Trace = DAY, **kwargs: Any) -> tg.ScheduleEditor:
    return tg.ScheduleEditor(config(*prices), calls, **kwargs)


def test_the_cost_follows_the_edit_and_the_start_stays() -> None:
    """The answer has what the replay of the draft costs, and what the start did, with their currency."""
    editor = opened({**DEAR, "bands": [MORNING]}, CHEAP)
    start = {"amount": 4 * 0.0028, "currency": "USD", "unknown": 0}
    assert editor.answer["figures"]["cost"] == editor.answer["start"]["cost"] == pytest.approx(start)
    edited(editor, close_at(0, "12:00", "16:00"))
    assert editor.answer["figures"]["cost"]["amount"] == editor.run.summary()["cost_usd"] < 4 * 0.0028
    assert editor.answer["start"]["cost"] == pytest.approx(start)
    assert editor.config.deployments[0].price.bands[0].times == 2.0


def test_the_cost_of_the_days_shown() -> None:
    """With figures of the days on the axis, it is that of the answers to the calls that arrive on them."""
    frame = DAY.frame
    later = frame.assign(at=frame["at"] + (frame["at"].max() - frame["at"].min()) * 3)
    editor = opened(DEAR, calls=tg.Trace.concat([DAY, tg.Trace(later)]))
    assert editor.answer["figures"]["cost"]["amount"] == pytest.approx(8 * 0.0028)
    editor.scope = "shown"
    assert editor.answer["figures"]["cost"]["amount"] == pytest.approx(4 * 0.0028)


def test_without_prices_there_is_no_cost() -> None:
    """A schedule without prices has none, and says nothing of it."""
    editor = opened(None, None)
    assert editor.answer["figures"]["cost"] is None
    assert editor.answer["notes"] == []


def test_what_is_unknown_is_told() -> None:
    """A trace without tokens has a note, and its answers an unknown cost, which is no 0."""
    editor = opened(DEAR, calls=tg.Trace(["2026-03-02T09:00Z"]))
    assert editor.answer["figures"]["cost"] == {"amount": None, "currency": "USD", "unknown": 1}
    assert ["no prompt_tokens and no completion_tokens" in note for note in editor.answer["notes"]] == [True]


def test_a_model_that_no_book_knows_does_not_keep_one_from_editing() -> None:
    """Its price is unknown, which is a note; the schedule is replayed all the same."""
    pytest.importorskip("genai_prices")
    editor = opened("auto", CHEAP)
    assert editor.run is not None
    assert editor.answer["figures"]["cost"]["unknown"] == 4
    assert ["does not know 'sim/a'" in note for note in editor.answer["notes"]] == [True]
    assert editor.answer["problems"] == []


def test_a_band_keeps_the_name_of_its_window() -> None:
    """A price whose band lists a window by name survives an edit of another window."""
    price = {**DEAR, "bands": [{"windows": ["peak"], "times": 2.0}]}
    named = tg.GatewayConfig(
        windows={"peak": ["06:00", "12:00"]},
        deployments=[{"model_name": "a", "model": "sim/a", "price": price}],
    )
    editor = tg.ScheduleEditor(named, DAY)
    edited(editor, close_at(0, "12:00", "16:00"))
    assert editor.answer["problems"] == []
    assert editor.config.deployments[0].price == named.deployments[0].price
    assert editor.config.to_dict()["deployments"][0]["price"]["bands"][0]["windows"] == ["peak"]
