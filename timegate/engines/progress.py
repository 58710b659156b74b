"""The progress bar of long replays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["progress"]

T = TypeVar("T")


def progress(items: Iterable[T], total: int | None, unit: str = "call") -> Iterator[T]:
    """Iterate, and show a bar once a second has passed, on a standard error that is a terminal; logs have none."""
    from tqdm import tqdm  # with its neighbours in this package, what keeps `import timegate` short

    bar = tqdm(items, total=total, unit=unit, unit_scale=True, delay=1.0, leave=False, desc="replay", disable=None)
    return iter(bar)
