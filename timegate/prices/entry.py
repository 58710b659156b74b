"""What a price book finds for a model."""

from __future__ import annotations

from typing import NamedTuple

from timegate.core.price import Price

__all__ = ["Entry"]


class Entry(NamedTuple):
    """A price of a book.

    Attributes
    ----------
    price : Price
    other : str or None
        The provider that asks it, where it is not the one that was asked for.
    """

    price: Price
    other: str | None = None
