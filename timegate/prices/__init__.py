"""Price books, and what attempts cost: tables of prices by instant, read all at once."""

from timegate.core.price import Band, Price, Tier
from timegate.prices.book import PriceBook, prices_of

__all__ = ["Band", "Price", "PriceBook", "Tier", "prices_of"]
