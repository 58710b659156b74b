"""The bill of recorded calls: by who served them, when they ended, and what was cached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_bill import DEAR, MORNING, config, outage, trace
from test_price import CHEAP

import timegate as tg
from timegate.errors import InvalidTypeError, ReplayError, TimegateWarning, TraceError
from timegate.models.base import BaseModel
from timegate.models.responses import ModelResponse


def recorded(*rows: dict[str, Any]) -> tg.Trace:
    defaults = {"at": "2026-03-02T05:59:30Z", "served_by": "a", "prompt_tokens": 1000, "completion_tokens": 100}
    return tg.Trace(pd.DataFrame([defaults | row for row in rows]))


def test_a_replay_that_is_recorded_costs_the_same() -> None:
    """What a replay served and how long it took, read as a recorded trace, gives its bill again."""
    gateway = config({**DEAR, "bands": [MORNING]}, CHEAP)
    slow = outage("a", "14:00", "16:00").faults
    scenario = tg.Scenario(faults=[*slow, tg.Latency(target="a", median_s=60)])
    run = tg.replay(gateway, trace("05:59:30", "13:00", "15:00"), scenario)
    seen = run.trace.frame.assign(served_by=run.calls["served_by"], latency_s=run.calls["latency_s"])
    assert tg.bill(gateway, tg.Trace(seen), exact=True).equals(run.bill("1h", exact=True))
    local = tg.bill(gateway, tg.Trace(seen), "1D", exact=True, tz="Asia/Kolkata")
    assert local.equals(run.bill("1D", exact=True, tz="Asia/Kolkata"))
    assert local.index[0] == pd.Timestamp("2026-03-02", tz="Asia/Kolkata")


def test_cached_tokens_are_those_that_were_cached() -> None:
    """Whoever served had them in its cache, the first of the config or not."""
    price = {**DEAR, "cached_input_per_mtok": 0.2}
    paid = tg.bill(config(DEAR, price), recorded({"served_by": "b", "cached_tokens": 900}))
    assert paid["b"].sum() == pytest.approx(100 * 2e-6 + 900 * 0.2e-6 + 100 * 8e-6)


def test_who_was_nobody_is_left_out() -> None:
    """A call that nobody served costs nothing; one served by a name that is not there is told of."""
    calls = recorded({"served_by": None}, {"served_by": "old"}, {})
    with pytest.warns(TimegateWarning, match="1 call served by 'old': no deployment has that name"):
        paid = tg.bill(config(DEAR), calls)
    assert paid["a"].sum() == pytest.approx(0.0028)


def test_bad_input() -> None:
    """What is no trace, one that does not say who served, and prices that are not there."""
    with pytest.raises(InvalidTypeError, match="trace must be a Trace, a table or a path"):
        tg.bill(config(DEAR), [1])  # type: ignore[arg-type]
    with pytest.raises(TraceError, match="needs the column served_by"):
        tg.bill(config(DEAR), trace("13:00"))
    with pytest.raises(ReplayError, match="no deployment says a price"):
        tg.bill(config(None), recorded({}))
    with pytest.raises(ReplayError, match="freq"):
        tg.bill(config(DEAR), recorded({}), "often")


class Reporting(BaseModel):
    """A model whose answers tell their usage as DeepSeek does."""

    model_type, provider, model_id = "chat_completion", "sim", "told"

    def __call__(self, **_: Any) -> ModelResponse:
        usage = {"prompt_tokens": 1000, "completion_tokens": 100, "prompt_cache_hit_tokens": 900}
        return ModelResponse("Hello", "chat_completion", {"usage": usage})


def test_live_calls_are_billed_from_their_records(tmp_path: Path) -> None:
    """A gateway carries its prices, its recorder keeps tokens, and the two make a bill."""
    price = {**DEAR, "cached_input_per_mtok": 0.2}
    with tg.Recorder(tmp_path / "calls.jsonl") as recorder:
        gateway = tg.ModelGateway(
            [{"model_name": "a", "model": Reporting(), "price": price}, {"model_name": "b", "model": Reporting()}],
            observers=[recorder],
        )
        record = gateway(messages="Hello").metadata["timegate"]
    assert (record.prompt_tokens, record.completion_tokens, record.cached_tokens) == (1000, 100, 900)
    paid = tg.bill(gateway, tg.read_trace(tmp_path / "calls.jsonl"))
    assert paid["a"].sum() == pytest.approx(100 * 2e-6 + 900 * 0.2e-6 + 100 * 8e-6)
    assert tg.bill(gateway, tmp_path / "calls.jsonl").equals(paid)
    assert tg.replay(gateway, trace("13:00")).summary()["cost_usd"] == pytest.approx(0.0028)


def test_a_config_hands_its_prices_to_its_gateway() -> None:
    """What is built from a config replays to the same bill."""
    priced = config({**DEAR, "bands": [MORNING]}, CHEAP)
    runs = [tg.replay(router, trace("06:00", "13:00")) for router in (priced, priced.build(check_keys=False))]
    assert runs[0].bill(exact=True).equals(runs[1].bill(exact=True))
    assert runs[0].provenance["price_hash"] == runs[1].provenance["price_hash"]
