"""Prices in the files of others: kept where they can be said, and named where they are lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from test_bill import DEAR, MORNING, config

import timegate as tg
from timegate.core.price import Price
from timegate.errors import ConfigError

FLAT = {"input_per_mtok": 0.15, "output_per_mtok": 0.6}
LOST = [
    ({**DEAR, "bands": [MORNING]}, "price.bands: it knows no hours: 1 band."),
    ({**DEAR, "tiers": [{"above_tokens": 1000, "input_per_mtok": 4.0}]}, "price.tiers: for long prompts: 1 tier."),
    ({"per_call": 0.5}, "price.per_call: 0.5."),
    ({**DEAR, "currency": "CNY"}, "price.currency: CNY: it counts in USD."),
    ({"auto": True, "times": 0.5}, "price.times: 0.5: its own table says the price."),
]


def test_litellm_counts_costs_by_it(tmp_path: Path) -> None:
    """Amounts go out per token, multiplied, and come in again per million."""
    priced = config({**DEAR, "cached_input_per_mtok": 0.022, "times": 0.5}, FLAT, "auto")
    priced.export("litellm", tmp_path / "litellm.yaml")
    entries = yaml.safe_load((tmp_path / "litellm.yaml").read_text(encoding="utf-8"))["model_list"]
    said = [{k: v for k, v in entry["litellm_params"].items() if "cost" in k} for entry in entries]
    assert said == [
        {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6, "cache_read_input_token_cost": 1.1e-8},
        {"input_cost_per_token": 1.5e-7, "output_cost_per_token": 6e-7},
        {},
    ]
    again = [deployment.price for deployment in tg.GatewayConfig.load(tmp_path / "litellm.yaml").deployments]
    assert again == [
        Price(input_per_mtok=1.0, output_per_mtok=4.0, cached_input_per_mtok=0.011),
        Price(**FLAT),
        None,
    ]


@pytest.mark.parametrize(("price", "text"), LOST)
def test_what_litellm_cannot_say_of_a_price(tmp_path: Path, price: Any, text: str) -> None:
    """It is refused by name, and with lossy=True written without it."""
    with pytest.raises(ConfigError, match="litellm cannot say") as caught:
        config(price).export("litellm", tmp_path / "litellm.yaml")
    assert [problem.text for problem in caught.value.problems] == [text.partition(": ")[2]]
    assert text in str(caught.value)
    exported = config(price).export("litellm", tmp_path / "litellm.yaml", lossy=True)
    assert len(exported.lost) == 1


@pytest.mark.parametrize("to", ["msgflux", "msgflux-by-id"])
def test_msgflux_has_no_prices(tmp_path: Path, to: str) -> None:
    """They are named among what is lost."""
    with pytest.raises(ConfigError, match=r"price.*input 2, output 8 USD per million tokens, 1 band"):
        config({**DEAR, "bands": [MORNING]}).export(to, tmp_path / "state.json")


def test_amounts_that_are_none_are_lost(tmp_path: Path) -> None:
    """What LiteLLM's file gives as an amount, and is none, is named."""
    text = """model_list:
  - model_name: a
    litellm_params: {model: openai/gpt-4o, input_cost_per_token: free, output_cost_per_token: 0.00001}
"""
    (tmp_path / "litellm.yaml").write_text(text, encoding="utf-8")
    with pytest.warns(tg.TimegateWarning, match=r"litellm_params\.input_cost_per_token"):
        read = tg.GatewayConfig.load(tmp_path / "litellm.yaml")
    assert read.deployments[0].price == Price(output_per_mtok=10.0)
