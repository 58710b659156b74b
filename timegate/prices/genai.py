"""The package genai-prices: dated prices, and hours of the day; it knows no weekdays and no holidays."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from timegate.core.price import AMOUNTS, Price
from timegate.errors import MissingExtraError
from timegate.prices.entry import Entry

__all__ = ["open_book"]

_NAMES = {
    "input_mtok": "input_per_mtok",
    "output_mtok": "output_per_mtok",
    "cache_read_mtok": "cached_input_per_mtok",
    "cache_write_mtok": "cache_write_per_mtok",
}


def open_book() -> tuple[Callable[[str, str, str], Entry | None], list[str]]:
    """Return its look-up, and the models that it knows."""
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError as error:
        raise MissingExtraError("price: auto needs genai-prices: pip install 'timegate[prices]'") from error
    snapshot = get_snapshot()
    by_letters = {_letters(provider.id): provider.id for provider in snapshot.providers}

    def look_up(provider: str, model: str, service: str) -> Entry | None:
        letters = _letters(provider)  # together_ai, xai
        theirs = by_letters.get(letters, by_letters.get(letters.removesuffix("ai"), provider))
        for provider_id, reference in ((theirs, model), (None, model), (None, f"{provider}/{model}")):
            try:
                whose, found = snapshot.find_provider_model(reference, None, provider_id, None)
            except LookupError:
                continue
            price = _price(found.prices) if service == "standard" else None
            same = provider_id is not None or whose.id == theirs
            return None if price is None else Entry(price, None if same else whose.id)
        return None

    return look_up, [model.id for provider in snapshot.providers for model in provider.models]


def _letters(provider: str) -> str:
    return re.sub("[^a-z0-9]", "", provider.lower())


def _price(prices: Any) -> Price | None:
    """Return one price: the first, and those that hold at times or from a day on as bands, of which the last counts."""
    listed = prices if isinstance(prices, list) else [prices]
    first, *others = [(getattr(entry, "constraint", None), _tiers(getattr(entry, "prices", entry))) for entry in listed]
    if "input_per_mtok" not in first[1][0] or "output_per_mtok" not in first[1][0]:
        return None  # priced by something else, such as pages or seconds
    bands = [_when(constraint) | _over(tiers, first[1]) for constraint, tiers in others]
    return Price.model_validate(_plain(first[1]) | {"bands": bands})


def _when(constraint: Any) -> dict[str, Any]:
    if constraint is None:
        return {}
    if hasattr(constraint, "start_date"):
        return {"since": f"{constraint.start_date.isoformat()}T00:00:00Z"}
    return {"windows": [[f"{constraint.start_time:%H:%M}", f"{constraint.end_time:%H:%M}"]]}


def _tiers(prices: Any) -> dict[int, dict[str, float]]:
    """Return the amounts by the length of the prompt above which they hold."""
    values = {ours: value for theirs, ours in _NAMES.items() if (value := getattr(prices, theirs)) is not None}
    bounds = sorted({0, *(tier.start for value in values.values() for tier in getattr(value, "tiers", ()))})
    fee = {} if prices.requests_kcount is None else {"per_call": float(prices.requests_kcount / 1000)}
    return {bound: fee | {name: _at(value, bound) for name, value in values.items()} for bound in bounds}


def _at(value: Any, bound: int) -> float:
    if not hasattr(value, "tiers"):
        return float(value)
    return float(next((tier.price for tier in reversed(value.tiers) if tier.start <= bound), value.base))


def _plain(tiers: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    above = [{"above_tokens": bound, **amounts} for bound, amounts in tiers.items() if bound]
    return {**tiers[0], "tiers": above}


def _over(tiers: dict[int, dict[str, float]], first: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    """Say every amount: what a band of ours does not say is as outside of it, and theirs replace all."""
    said = {name for amounts in first.values() for name in amounts}
    whole = {
        bound: {
            name: amounts.get(name, amounts.get("input_per_mtok", 0.0))
            for name in AMOUNTS
            if name in said | set(amounts)
        }
        for bound, amounts in tiers.items()
    }
    plain = _plain(whole)
    if not plain["tiers"] and len(first) > 1:  # or those of the first would hold
        plain["tiers"] = [{"above_tokens": 1, **whole[0]}]
    return plain
