"""Prices as a table of whole pico-units a token, by instant, deployment and length of the prompt.

A price of six decimals per million tokens is a whole number of them, so that sums agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.price import Price

__all__ = ["CACHED", "CALL", "INPUT", "OUTPUT", "PICO", "UNKNOWN", "WRITTEN", "Tariff", "compile_tariff"]

PICO = 10**12
UNKNOWN = -1
"""In place of a cost, or of a rate, that is not known."""

Int64s = npt.NDArray[np.int64]

_COLUMNS = ("input_per_mtok", "output_per_mtok", "cached_input_per_mtok", "cache_write_per_mtok", "per_call")
INPUT, OUTPUT, CACHED, WRITTEN, CALL = range(len(_COLUMNS))
_ENDLESS = np.iinfo(np.int64).max


class Tariff(NamedTuple):
    """The prices of some deployments over a stretch of time.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (segments - 1,)
        Instants at which a price changes.
    above_tokens : ndarray of int64, shape (deployments, tiers)
        Ascending; the first is 0.
    rates : ndarray of int64, shape (segments, deployments, tiers, 5)
        Pico-units a token of input, output, cached input and input written to a cache, and an attempt; -1 if unknown.
    """

    edges_us: Int64s
    above_tokens: Int64s
    rates: Int64s


def compile_tariff(prices: Sequence[Price | None], start_us: int, end_us: int) -> Tariff:
    """Lay out the prices of deployments over ``[start_us, end_us)``; None is a price that is not known.

    Examples
    --------
    >>> price = Price(input_per_mtok=2, output_per_mtok=8, bands=[{"windows": [["00:00", "08:00"]], "times": 0.5}])
    >>> day_us = 86_400_000_000
    >>> compile_tariff([price], 0, day_us).rates[:, 0, 0].tolist()
    [[1000000, 4000000, 1000000, 1000000, 0], [2000000, 8000000, 2000000, 2000000, 0]]
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
    rates = np.full((len(starts), *above.shape, len(_COLUMNS)), UNKNOWN, np.int64)
    for i, bands in enumerate(choices):
        above[i, : len(bounds[i])] = bounds[i]
        tables = np.array([[_at(tiers, bound) for bound in bounds[i]] for tiers in bands], np.int64)
        band = np.zeros(len(starts), np.intp)  # 0 is outside of all
        for number, spans in enumerate(held[i], 1):
            band[np.searchsorted(spans, starts, side="right") % 2 == 1] = number
        rates[:, i, : len(bounds[i])] = tables[band]
    return Tariff(edges, above, rates)


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
