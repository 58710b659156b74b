"""Price books: what packages and files of others say, as prices of ours."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from test_tariff import usage

import timegate as tg
from timegate.core.clock import to_us
from timegate.core.price import Price
from timegate.errors import ConfigError, MissingExtraError, TimegateWarning
from timegate.prices import book as price_books
from timegate.prices.book import PriceBook, prices_of
from timegate.prices.charges import charges
from timegate.prices.tariff import PICO, compile_tariff

LITELLM = {
    "sample_spec": {"input_cost_per_token": 0.0},
    "gpt-x": {
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-06,
        "input_cost_per_token_batches": 1.25e-06,
        "output_cost_per_token_batches": 5e-06,
        "input_cost_per_token_above_200k_tokens": 5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "max_input_tokens": 128000,
    },
    "acme/gpt-x": {"input_cost_per_token": 1e-07, "output_cost_per_token": 1e-07},
    "painter": {"output_cost_per_image": 0.04},
}
SNAPSHOT = {
    "schema": 1,
    "prices": {
        "deepseek": {
            "flash": {
                "standard": [
                    {"start": None, "rates": {"input": 0.14, "output": 0.28, "cache_read": 0.0028}},
                    {"start": "2026-09-10T00:00:00Z", "rates": {"input": 0.15, "output": 0.6}},
                ]
            }
        }
    },
    "schedules": {
        "holidays": {"cn": {"utc_offset_hours": 8, "dates": ["2026-09-25", "2026-10-01"]}},
        "schedule": [
            {
                "provider": "deepseek",
                "valid_from": "2026-08-16T16:00:00Z",
                "peak_hours_utc": [["01:00", "04:00"], ["06:00", "10:00"]],
                "peak_multiplier": 2.0,
                "weekdays_only": True,
                "holidays": "cn",
            },
            {
                "provider": "deepseek",
                "valid_from": "2025-02-26T16:30:00Z",
                "valid_until": "2025-09-05T16:00:00Z",
                "off_peak_hours_utc": [["16:30", "00:30"]],
                "off_peak_multiplier": {"other": 0.25},
            },
        ],
    },
}


def loaded(folder: Path, data: Any) -> PriceBook:
    (folder / "prices.json").write_text(json.dumps(data), encoding="utf-8")
    return PriceBook.load(folder / "prices.json")


def pico(price: Price, at_us: int, prompt: int, answer: int, cached: int) -> int:
    used = usage([0], [at_us], prompt=[prompt], completion=[answer], cached=[cached], warm=[True])
    return sum(int(part[0]) for part in charges(compile_tariff([price], at_us, at_us + 1), used))


def test_litellm_table(tmp_path: Path) -> None:
    """LiteLLM's table: per token made per million, long prompts, and services; a provider's own entry goes first."""
    book = loaded(tmp_path, LITELLM)
    assert book.price("openai/gpt-x") == Price(
        input_per_mtok=2.5,
        output_per_mtok=10.0,
        cached_input_per_mtok=1.25,
        tiers=[{"above_tokens": 200_000, "input_per_mtok": 5.0, "output_per_mtok": 15.0}],
    )
    assert book.price("openai/gpt-x", "batch") == Price(input_per_mtok=1.25, output_per_mtok=5.0)
    assert book.price("acme/gpt-x") == Price(input_per_mtok=0.1, output_per_mtok=0.1)
    assert book.models == ("gpt-x", "acme/gpt-x", "painter")


@pytest.mark.parametrize(
    ("at", "rates"),
    [
        ("2026-08-01T02:00Z", (0.14, 0.28, 0.0028)),
        ("2026-08-17T02:00Z", (0.28, 0.56, 0.0056)),
        ("2026-08-17T04:00Z", (0.14, 0.28, 0.0028)),
        ("2026-09-10T02:00Z", (0.3, 1.2, 0.3)),  # a later price says nothing of a cache
        ("2026-09-12T02:00Z", (0.15, 0.6, 0.15)),  # a Saturday
        ("2026-09-25T02:00Z", (0.15, 0.6, 0.15)),  # a holiday
        ("2025-05-01T20:00Z", (0.14, 0.28, 0.0028)),  # off-peak, of another model
    ],
)
def test_model_prices_snapshot(tmp_path: Path, at: str, rates: tuple[float, ...]) -> None:
    """A snapshot of model-prices: dated prices, peak hours on Beijing's workdays without holidays."""
    price = loaded(tmp_path, SNAPSHOT).price("deepseek/flash")
    at_us = to_us(at, "at")
    assert pico(price, at_us, 2_000_000, 1_000_000, 1_000_000) == round(sum(rates) * 10**6) * PICO // 10**6


def test_unknown_models_and_services(tmp_path: Path) -> None:
    """What a book does not know is an error with the nearest name; so is what it prices by something else."""
    book = loaded(tmp_path, LITELLM)
    with pytest.raises(ConfigError, match=r"does not know 'openai/gpt-xx'\. Did you mean 'gpt-x'\?"):
        book.price("openai/gpt-xx")
    with pytest.raises(ConfigError, match="at the price of flex"):
        book.price("openai/gpt-x", "flex")
    with pytest.raises(ConfigError, match=r"does not know 'gpt-x'\. A model is named with its provider, as '\w+/"):
        book.price("gpt-x")
    with pytest.raises(ConfigError, match="does not know 'x/painter'"):
        book.price("x/painter")


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is neither form says what it must be; a package that is none of the known ones, the nearest."""
    with pytest.raises(ConfigError, match="LiteLLM's table of prices, or a snapshot"):
        loaded(tmp_path, {"deployments": []})
    with pytest.raises(ConfigError, match="Did you mean 'genai-prices'"):
        PriceBook.installed("genai-price")


def test_a_config_with_the_prices_of_a_book(tmp_path: Path) -> None:
    """Each ``auto`` takes the book's price and keeps its own multiplier; other prices stay."""
    entries = [
        {"model_name": "a", "model": "openai/gpt-x", "price": {"auto": True, "times": 0.5}},
        {"model_name": "b", "model": "openai/gpt-x", "price": {"per_call": 1.0}},
        {"model_name": "c", "model": "openai/gpt-x"},
    ]
    config = tg.GatewayConfig(deployments=entries).priced(loaded(tmp_path, LITELLM))
    first, second, third = (deployment.price for deployment in config.deployments)
    assert (first.input_per_mtok, first.times, first.auto) == (2.5, 0.5, False)
    assert (second.per_call, third) == (1.0, None)


def test_auto_equals_calc_price() -> None:
    """On 10,000 random calls over its models, ``auto`` costs what genai-prices itself says, to a pico-dollar."""
    genai_prices = pytest.importorskip("genai_prices")
    from genai_prices.data_snapshot import get_snapshot

    book = PriceBook.installed()
    known = []
    for provider in get_snapshot().providers:
        for model in provider.models:
            try:
                genai_prices.calc_price(genai_prices.Usage(input_tokens=1), model.id, provider_id=provider.id)
                known.append((provider.id, model.id, book.price(f"{provider.id}/{model.id}")))
            except (ConfigError, LookupError):
                continue
    assert len(known) > 1000
    assert sum(bool(price.bands) for *_, price in known) > 50
    rng = random.Random(7)  # noqa: S311 - not a secret
    first_us, last_us = to_us("2025-01-01T00:00Z", "at"), to_us("2027-01-01T00:00Z", "at")
    for _ in range(10_000):
        provider_id, model_id, price = rng.choice(known)
        at_us = rng.randrange(first_us, last_us)
        prompt = rng.choice([0, 10, 5000, 150_000, 250_000, 900_000]) + rng.randrange(100)
        answer, cached = rng.randrange(5000), rng.randrange(prompt + 1)
        theirs = genai_prices.calc_price(
            genai_prices.Usage(input_tokens=prompt, output_tokens=answer, cache_read_tokens=cached),
            model_id,
            provider_id=provider_id,
            genai_request_timestamp=datetime.fromtimestamp(at_us / 1e6, UTC),
        ).total_price
        assert pico(price, at_us, prompt, answer, cached) == round(theirs * PICO), (provider_id, model_id)


def test_the_book_of_model_prices_says_what_the_package_does() -> None:
    """On random calls its book costs what the package itself says: dated prices, weekdays, Chinese holidays, tiers."""
    model_prices = pytest.importorskip("model_prices")
    book = PriceBook.installed("model-prices")
    rng = random.Random(11)  # noqa: S311 - not a secret
    listed = json.loads(resources.files("model_prices").joinpath("snapshot.json").read_text(encoding="utf-8"))["prices"]
    known = []
    for provider in sorted(listed):
        for model, services in sorted(listed[provider].items()):
            if all(entry["rates"] for entry in services.get("standard", [{"rates": None}])):
                known.append((provider, model, book.price(f"{provider}/{model}")))
    by_the_hour = [entry for entry in known if any(band.windows for band in entry[2].bands)]
    assert len(known) > 100
    assert len(by_the_hour) > 3
    first_us, last_us = to_us("2025-01-01T00:00Z", "at"), to_us("2026-12-31T00:00Z", "at")
    compared = 0
    for i in range(4000):
        provider, model, price = rng.choice(by_the_hour if i % 2 else known)
        at_us = rng.randrange(first_us, last_us)
        prompt, answer = rng.choice([0, 500, 250_000, 900_000]) + rng.randrange(100), rng.randrange(5000)
        at = datetime.fromtimestamp(at_us / 1e6, UTC)
        theirs = model_prices.rates(model, at=at, provider=provider)
        if theirs is None or (theirs.provider, theirs.model) != (provider, model):
            continue  # one that others sell, which the package takes for its maker's
        compared += 1
        cached = rng.randrange(prompt + 1) if theirs.cache_read is not None else 0
        wanted = theirs.cost(prompt - cached, answer, cached)
        assert pico(price, at_us, prompt, answer, cached) == pytest.approx(wanted * PICO, rel=1e-9), (model, at)
    assert compared > 3000


def test_auto_of_an_unknown_model_is_unknown() -> None:
    """Its price is unknown, which is said with the nearest name."""
    pytest.importorskip("genai_prices")
    for model, hint in (("openai/gpt-4oo-minii", r" Did you mean 'gpt-4o-mini'\?"), ("sim/nothing-of-the-kind", "")):
        config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": model, "price": "auto"}])
        with pytest.warns(
            TimegateWarning, match=f"'a': the price book .* does not know '{model}'.{hint} What it costs"
        ):
            assert prices_of(config.deployments) == [None]


def test_a_price_of_another_provider_is_said(tmp_path: Path) -> None:
    """Who asks it, and the nearest name; a provider that is only spelt otherwise is no other."""
    pytest.importorskip("genai_prices")

    def config(model: str) -> tg.GatewayConfig:
        return tg.GatewayConfig(deployments=[{"model_name": "a", "model": model, "price": "auto"}])

    def findings(model: str) -> list[str]:
        return [f.message for f in tg.check(config(model), 7, now="2026-03-02T00:00Z") if f.code == "TG806"]

    said = r"'a': Its price is that of deepseek: genai-prices .* has none of 'deepsek' for 'deepsek/deepseek-chat'\."
    with pytest.warns(TimegateWarning, match=said + " Did you mean 'deepseek'"):
        wrong = prices_of(config("deepsek/deepseek-chat").deployments)
    assert wrong == prices_of(config("deepseek/deepseek-chat").deployments)
    (finding,) = findings("deepsek/deepseek-chat")
    assert "that of deepseek" in finding
    for model in ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "xai/grok-3", "gemini/gemini-2.5-flash"):
        assert findings(model) == [], model
    table = {"gpt-x": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "litellm_provider": "openai"}}
    book = loaded(tmp_path, table)
    assert (book.entry("openai/gpt-x").other, book.entry("opnai/gpt-x").other) == (None, "openai")
    with pytest.warns(TimegateWarning, match=r"prices.json has none of 'opnai' for 'opnai/gpt-x'\. Did you mean"):
        config("opnai/gpt-x").priced(book)


def test_auto_without_the_package_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A config that says ``auto`` is replayed where the package is not installed: a warning says what to install."""

    def missing(package: str) -> PriceBook:
        raise MissingExtraError("price: auto needs genai-prices: pip install 'timegate[prices]'")

    monkeypatch.setattr(price_books, "opened", missing)
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "openai/gpt-4o", "price": "auto"}])
    with pytest.warns(TimegateWarning, match=r"pip install 'timegate\[prices\]'\. What it costs is unknown\."):
        assert prices_of(config.deployments) == [None]
