"""LiteLLM's table ``model_prices_and_context_window.json``: one price a model, without dates and hours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from timegate.core.price import Price
from timegate.formats.litellm import PRICE_KEYS
from timegate.prices.entry import Entry

__all__ = ["is_one", "read"]

_SUFFIXES = {"standard": "", "batch": "_batches", "flex": "_flex", "priority": "_priority"}
_KEY = re.compile(rf"({'|'.join(PRICE_KEYS)})(?:_above_(\d+)k_tokens)?({'|'.join(_SUFFIXES.values())})")


def is_one(data: Any) -> bool:
    """Whether plain data looks like it."""
    entries = list(data.values()) if isinstance(data, Mapping) else []
    return any(isinstance(entry, Mapping) and "input_cost_per_token" in entry for entry in entries)


def read(table: Mapping[str, Any]) -> tuple[Callable[[str, str, str], Entry | None], list[str]]:
    """Return its look-up, and the models that it knows."""
    models = {name: entry for name, entry in table.items() if isinstance(entry, Mapping) and name != "sample_spec"}

    def look_up(provider: str, model: str, service: str) -> Entry | None:
        own = models.get(f"{provider}/{model}")
        entry = models.get(model) if own is None else own
        price = None if entry is None else _price(entry, service)
        if entry is None or price is None:
            return None
        whose = provider if own is not None else entry.get("litellm_provider", provider)
        return Entry(price, None if whose == provider else str(whose))

    return look_up, list(models)


def _price(entry: Mapping[str, Any], service: str) -> Price | None:
    amounts: dict[str, float] = {}
    tiers: dict[int, dict[str, Any]] = {}
    for key, value in entry.items():
        found = _KEY.fullmatch(key)
        if found is None or found[3] != _SUFFIXES.get(service) or not isinstance(value, int | float):
            continue
        into = amounts
        if found[2]:
            above = 1000 * int(found[2])
            into = tiers.setdefault(above, {"above_tokens": above})
        into[PRICE_KEYS[found[1]]] = float(Decimal(repr(value)) * 10**6)
    if "input_per_mtok" not in amounts:
        return None
    return Price.model_validate(amounts | {"tiers": [tiers[above] for above in sorted(tiers)]})
