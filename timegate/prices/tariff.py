"""What attempts cost, from tables: money is whole pico-units of a currency, so that sums agree to the last digit.

A price of six decimals per million tokens is a whole number of pico-units a token. Where 64 bits might not hold a
product, columns hold Python's integers; sums are Python's integers always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.price import Price

__all__ = ["PICO", "UNKNOWN", "Money", "Tariff", "Usage", "compile_tariff", "costs", "sums"]

PICO = 10**12
UNKNOWN = -1
"""In place of a cost, or of a rate, that is not known."""

Money = npt.NDArray[Any]
"""Whole pico-units: int64, or Python's integers where those do not suffice."""
Int64s = npt.NDArray[np.int64]

_COLUMNS = ("input_per_mtok", "output_per_mtok", "cached_input_per_mtok", "cache_write_per_mtok", "per_call")
_INPUT, _OUTPUT, _CACHED, _WRITTEN, _CALL = range(len(_COLUMNS))
_ENDLESS = np.iinfo(np.int64).max
_CHUNK = 1 << 16  # rows; what they need stays in the cache


class Tariff(NamedTuple):
    """The prices of some deployments over a stretch of time.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (segments - 1,)
        Instants at which a price changes.
    above_tokens : ndarray of int64, shape (deployments, tiers)
        Ascending; the first is 0.
    rates : ndarray of int64, shape (5, segments * deployments * tiers)
        Pico-units a token of input, output, cached input and input written to a cache, and an attempt; -1 if unknown.
    """

    edges_us: Int64s
    above_tokens: Int64s
    rates: Int64s


class Usage(NamedTuple):
    """What some attempts used: a column each, one row an attempt.

    Attributes
    ----------
    deployment : ndarray of int
    charged_us : ndarray of int64
        The instants whose prices count.
    prompt, completion : ndarray of int64, or None
        Tokens; -1 where unknown. None if all are.
    cached : ndarray of int64, or None
        Tokens of the prompt that a warm cache holds.
    warm : ndarray of bool, or None
        Whether the deployment's cache is warm.
    """

    deployment: npt.NDArray[np.integer[Any]]
    charged_us: Int64s
    prompt: Int64s | None
    completion: Int64s | None
    cached: Int64s | None = None
    warm: npt.NDArray[np.bool_] | None = None

    def part(self, part: slice) -> Usage:
        """Return some of the rows."""
        return Usage(*(None if column is None else column[part] for column in self))  # type: ignore[arg-type]


def compile_tariff(prices: Sequence[Price | None], start_us: int, end_us: int) -> Tariff:
    """Lay out the prices of deployments over ``[start_us, end_us)``; None is a price that is not known.

    Examples
    --------
    >>> price = Price(input_per_mtok=2, output_per_mtok=8, bands=[{"windows": [["00:00", "08:00"]], "times": 0.5}])
    >>> day_us = 86_400_000_000
    >>> compile_tariff([price], 0, day_us).rates.tolist()
    [[1000000, 2000000], [4000000, 8000000], [1000000, 2000000], [1000000, 2000000], [0, 0]]
    """
    choices = [_choices(price) for price in prices]
    bounds = [sorted({above for tiers in bands for above, _ in tiers}) for bands in choices]
    held = [
        [] if price is None else [band.spans_us(start_us, end_us).ravel() for band in price.bands] for price in prices
    ]
    edges = np.unique(np.concatenate([np.empty(0, np.int64), *(spans for bands in held for spans in bands)]))
    edges = edges[(edges > start_us) & (edges < end_us)]
    starts = np.concatenate([[start_us], edges])
    above = np.full((len(prices), max(map(len, bounds), default=1)), _ENDLESS, np.int64)
    rates = np.full((len(_COLUMNS), len(starts), *above.shape), UNKNOWN, np.int64)
    for i, bands in enumerate(choices):
        above[i, : len(bounds[i])] = bounds[i]
        tables = np.array([[_at(tiers, bound) for bound in bounds[i]] for tiers in bands], np.int64)
        band = np.zeros(len(starts), np.intp)  # 0 is outside of all
        for number, spans in enumerate(held[i], 1):
            band[np.searchsorted(spans, starts, side="right") % 2 == 1] = number
        rates[:, :, i, : len(bounds[i])] = np.moveaxis(tables[band], 2, 0)
    return Tariff(edges, above, rates.reshape(len(_COLUMNS), -1))


def costs(tariff: Tariff, usage: Usage) -> tuple[Money, Money]:
    """Return what attempts cost: for their input, with what is taken per call, and for their output.

    Returns
    -------
    input, output : ndarray of int64, or of int, shape (attempts,)
        Pico-units; -1 where unknown.
    """
    longest = max(
        (int(column.max(initial=0)) for column in (usage.prompt, usage.completion) if column is not None), default=0
    )
    dearest = max(int(tariff.rates[:_CALL].max(initial=0)) * longest, int(tariff.rates[_CALL].max(initial=0)))
    fits = dearest < 2**50  # so that sums over some attempts fit, too
    size = len(usage.deployment)
    paid_in, paid_out = np.empty(size, np.int64 if fits else object), np.empty(size, np.int64 if fits else object)
    for first in range(0, size, _CHUNK):
        part = slice(first, first + _CHUNK)
        paid_in[part], paid_out[part] = _costs(tariff, usage.part(part), fits)
    return paid_in, paid_out


def _costs(tariff: Tariff, usage: Usage, fits: bool) -> tuple[Money, Money]:
    size, (deployments, tiers) = len(usage.deployment), tariff.above_tokens.shape
    none = np.full(size, UNKNOWN, np.int64)
    prompt = none if usage.prompt is None else usage.prompt
    completion = none if usage.completion is None else usage.completion
    row = usage.deployment.astype(np.int64)
    if len(tariff.edges_us):
        row += deployments * tariff.edges_us.searchsorted(usage.charged_us, side="right")
    row *= tiers
    for tier in range(1, tiers):
        row += prompt > tariff.above_tokens[usage.deployment, tier]
    rates = [column[row] for column in tariff.rates]
    if not fits:
        rates = [column.astype(object) for column in rates]
    paid_in, unknown = _product(prompt, rates[_INPUT])
    if usage.cached is not None and usage.warm is not None:
        cached = np.minimum(np.maximum(usage.cached, 0), np.maximum(prompt, 0))
        other, unknown_other = _product(cached, np.where(usage.warm, rates[_CACHED], rates[_WRITTEN]))
        rest, unknown_rest = _product(np.where(prompt < 0, prompt, prompt - cached), rates[_INPUT])
        paid_in, unknown = rest + other, unknown_rest | unknown_other
    fee = rates[_CALL]
    unknown_fee = fee < 0
    paid_out, unknown_out = _product(completion, rates[_OUTPUT])
    paid_in += fee
    paid_in[unknown | unknown_fee] = UNKNOWN
    paid_out[unknown_out | unknown_fee] = UNKNOWN
    return paid_in, paid_out


def _product(tokens: Int64s, rate: Money) -> tuple[Money, npt.NDArray[np.bool_]]:
    """Return what tokens cost, and where that is unknown: the number of free tokens does not matter."""
    unknown = (tokens < 0) & (rate != 0)
    unknown |= (rate < 0) & (tokens != 0)
    return np.maximum(tokens, 0) * rate, unknown.astype(np.bool_)


def sums(amounts: Money, group: npt.NDArray[np.integer[Any]], size: int) -> list[int]:
    """Return the exact sum of each group of non-negative amounts.

    Examples
    --------
    >>> sums(np.array([2**62, 2**62, 5]), np.array([1, 1, 0]), 2)
    [5, 9223372036854775808]
    """
    total = np.zeros(size, object)
    if amounts.dtype == object:
        np.add.at(total, group, amounts)
        return [int(value) for value in total]
    for bits in range(0, int(amounts.max(initial=0)).bit_length(), 21):  # of 21 bits, floats hold the sum of 2**32
        part = (amounts >> bits) & ((1 << 21) - 1)
        total += np.bincount(group, part, size).astype(np.int64).astype(object) * (1 << bits)
    return [int(value) for value in total]


_Tiers = list[tuple[int, tuple[int, ...]]]


def _choices(price: Price | None) -> list[_Tiers]:
    """Return the tiers outside of all bands, and then in each."""
    if price is None:
        return [[(0, (UNKNOWN,) * len(_COLUMNS))]]
    return [
        [(above, _rates(amounts, times)) for above, amounts, times in price.within(band)]
        for band in (None, *price.bands)
    ]


def _rates(amounts: Mapping[str, float], times: float) -> tuple[int, ...]:
    by_token = "input_per_mtok" in amounts or "output_per_mtok" in amounts
    of_input = amounts.get("input_per_mtok", UNKNOWN if by_token else 0)
    filled = {
        "input_per_mtok": of_input,
        "output_per_mtok": UNKNOWN if by_token else 0,
        "cached_input_per_mtok": of_input,
        "cache_write_per_mtok": of_input,
        "per_call": 0,
    } | dict(amounts)
    return tuple(_whole(filled[name], times, PICO if name == "per_call" else PICO // 10**6) for name in _COLUMNS)


def _whole(amount: float, times: float, unit: int) -> int:
    """Return an amount, as written in decimals, in whole units."""
    return UNKNOWN if amount < 0 else int((Decimal(repr(amount)) * Decimal(repr(times)) * unit).to_integral_value())


def _at(tiers: _Tiers, bound: int) -> tuple[int, ...]:
    return next(rates for above, rates in reversed(tiers) if above <= bound)
