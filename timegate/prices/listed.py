"""The prices of the deployments of a run, and the table that bills are made from."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from timegate.core.clock import DAY_US
from timegate.core.deployment import Deployment
from timegate.core.price import Price
from timegate.prices.book import price_hash, prices_of
from timegate.prices.tariff import Tariff, compile_tariff

__all__ = ["PriceList", "prices_said"]


class PriceList:
    """What some deployments cost; ``auto`` is looked up when it is made.

    Parameters
    ----------
    deployments : sequence of Deployment

    Attributes
    ----------
    prices : list of Price or None
        None is unknown.

    Warns
    -----
    TimegateWarning
        If a price book does not know a model.
    """

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.prices: list[Price | None] = prices_of(deployments)
        self._tariff: tuple[int, int, Tariff] | None = None

    @property
    def currency(self) -> str:
        """The currency of the prices; a config has one."""
        return next((price.currency for price in self.prices if price is not None), "USD")

    @property
    def by_token(self) -> bool:
        """Whether anything is paid by token."""
        return any(price is not None and set(price.amounts()) != {"per_call"} for price in self.prices)

    @property
    def fingerprint(self) -> str:
        """A hash; equal for equal prices on any machine."""
        return price_hash(self.prices)

    def tariff(self, first_us: int, last_us: int) -> Tariff:
        """Return the prices as a table for all instants from the first to the last; kept for the next who ask."""
        kept = self._tariff  # replaced whole, so that threads that race only repeat work
        if kept is None or first_us < kept[0] or last_us >= kept[1]:
            low, high = first_us // DAY_US * DAY_US, (last_us // DAY_US + 1) * DAY_US
            kept = self._tariff = (low, high, _compiled(tuple(self.prices), low, high))
        return kept[2]


# Edits of windows leave prices as they are.
_compiled = functools.lru_cache(maxsize=8)(compile_tariff)


def prices_said(deployments: Sequence[Deployment]) -> bool:
    """Whether any deployment says a price."""
    return any(deployment.price is not None for deployment in deployments)
