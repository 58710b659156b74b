"""The package model-prices, or a snapshot of its data: what models cost over time, and at which hours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from importlib.resources import files
from itertools import pairwise
from typing import Any

from timegate.core.price import Price

__all__ = ["is_one", "open_book", "read"]

_NAMES = {
    "input": "input_per_mtok",
    "output": "output_per_mtok",
    "cache_read": "cached_input_per_mtok",
    "cache_write": "cache_write_per_mtok",
}
_ZONES = {"cn": "Asia/Shanghai"}
_END = "9999"  # sorts after every instant

Look = Callable[[str, str, str], Price | None]


def is_one(data: Any) -> bool:
    """Whether plain data looks like it."""
    return isinstance(data, Mapping) and {"prices", "schedules", "schema"} <= set(data)


def open_book() -> tuple[Look, list[str]]:
    """Return the look-up of the installed package, and the models that it knows."""
    return read(json.loads(files("model_prices").joinpath("snapshot.json").read_text(encoding="utf-8")))


def read(snapshot: Mapping[str, Any]) -> tuple[Look, list[str]]:
    """Return the look-up of a snapshot, and the models that it knows."""
    prices, schedules = snapshot["prices"], snapshot["schedules"]

    def look_up(provider: str, model: str, service: str) -> Price | None:
        found = prices.get(provider, {}).get(model, {}).get(service)
        if not found or any(entry["rates"] is None for entry in found):
            return None
        rules = [rule for rule in schedules["schedule"] if rule["provider"] == provider]
        calendars = schedules.get("holidays", {})
        return _price(found, [rule for rule in rules if _factor(rule, model) is not None], model, calendars)

    return look_up, [model for models in prices.values() for model in models]


def _price(entries: list[Mapping[str, Any]], rules: list[Mapping[str, Any]], model: str, calendars: Any) -> Price:
    """Return one price: the first, and what came later or holds at certain hours as bands, of which the last counts."""
    said = [name for name in _NAMES if any(entry["rates"].get(name) is not None for entry in entries)]
    starts = ["", *(entry["start"] for entry in entries[1:]), _END]
    bands: list[dict[str, Any]] = []
    for entry, (start, end) in zip(entries, pairwise(starts), strict=True):
        if start:
            bands.append({"since": start} | _amounts(entry["rates"], said))
        for rule in rules:
            since, until = max(start, rule["valid_from"]), min(end, rule.get("valid_until", _END))
            if since < until:
                windows = list(_windows(rule, calendars))
                when = {"windows": windows, "since": since} | ({} if until == _END else {"until": until})
                factor = _factor(rule, model)
                name = "peak" if "peak_hours_utc" in rule else "off-peak"
                bands.append({"name": name} | when | _amounts(entry["rates"], said, Decimal(repr(factor))))
    first = _amounts(entries[0]["rates"], said)
    for band in bands if "tiers" in first else ():
        own = {name: value for name, value in band.items() if name in _NAMES.values()}
        band.setdefault("tiers", [{"above_tokens": 1, **own}])  # or those of the first would hold
    return Price.model_validate(first | {"bands": bands})


def _factor(rule: Mapping[str, Any], model: str) -> float | None:
    """Return what an hour's rule multiplies the model's price by, or None if it does not hold for it."""
    factor = rule.get("peak_multiplier", rule.get("off_peak_multiplier", {}))
    return factor.get(model) if isinstance(factor, Mapping) else factor


def _windows(rule: Mapping[str, Any], calendars: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    calendar = calendars.get(rule.get("holidays", ""))
    for start, end in rule.get("peak_hours_utc", rule.get("off_peak_hours_utc")):
        window: dict[str, Any] = {"start": start, "end": "24:00" if end == "00:00" else end}
        if rule.get("weekdays_only"):
            window["days"] = ["mon-fri"]
        if calendar:
            hours = calendar["utc_offset_hours"]
            window |= {"tz": _ZONES[rule["holidays"]], "holidays": calendar["dates"]}
            window |= {"start": _later(start, hours), "end": _later(end, hours)}
        yield window


def _later(time: str, hours: int) -> str:
    hour, minute = time.split(":")
    return f"{(int(hour) + hours) % 24:02}:{minute}"


def _amounts(rates: Mapping[str, Any], said: list[str], factor: Decimal = Decimal(1)) -> dict[str, Any]:
    """Return all amounts that any entry says, so that none of an earlier one is left."""

    def whole(source: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
        merged = {**base, **{name: value for name, value in source.items() if value is not None}}
        values = {name: merged.get(name, merged.get("input")) for name in said}
        return {_NAMES[name]: float(Decimal(repr(value)) * factor) for name, value in values.items()}

    own = {name: rates.get(name) for name in _NAMES if rates.get(name) is not None}
    tiers = [{"above_tokens": tier["above"]} | whole(tier, own) for tier in rates.get("tiers", ())]
    return whole({}, own) | ({"tiers": tiers} if tiers else {})
