"""The order in which calls would try the deployments of a config, as the hour decides it, and chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np
import numpy.typing as npt

from timegate.config.model import GatewayConfig
from timegate.core.timetable import Hours, Segments, Timetable

__all__ = ["Order", "Orders", "Rank", "preferring"]

Rank = tuple[tuple[str, str, float], ...]
"""Deployments among which chance decides who comes first, mostly one: name, model, and share of each."""
Order = tuple[Rank, ...]
"""All that a call would try."""


class Orders:
    """The orders of one config.

    Parameters
    ----------
    config : GatewayConfig
    models : mapping of str to str
        What each deployment calls, as it is written.

    Attributes
    ----------
    size : tuple of int
        Columns of the tables of :meth:`compile`, and windows.
    """

    def __init__(self, config: GatewayConfig, models: Mapping[str, str]) -> None:
        self._router = router = config.router()
        self._models = models
        preferred = [Hours(available=d.prefer_during) for d in router.deployments]
        self._timetable = Timetable([*router.timetable.hours, *preferred])
        self.size = (
            len(self._timetable.hours),
            sum(len(hours.time_constraints) + len(hours.available) for hours in self._timetable.hours),
        )
        self._orders: dict[bytes, Order] = {}  # most recur

    def compile(self, start_us: int, end_us: int) -> Segments:
        """Cut a stretch wherever a deployment opens or closes, or begins or ceases to go first: a column for each."""
        return self._timetable.compile(start_us, end_us)

    def order(self, row: npt.NDArray[np.bool_]) -> Order:
        """Return the order in a segment, by its row."""
        key = row.tobytes()
        if key not in self._orders:
            is_open, inside = row.reshape(2, -1)
            goes_first = [i for i in np.flatnonzero(inside).tolist() if self._router.deployments[i].prefer_during]
            groups = self._router.groups(goes_first)
            self._orders[key] = tuple(
                chain.from_iterable(self._ranks([i for i in group if is_open[i]]) for group in groups)
            )
        return self._orders[key]

    def _ranks(self, group: list[int]) -> list[Rank]:
        """Return some deployments of one priority as ranks; those without weight come last, as they stand."""
        names, weights = self._router.names, self._router.weights
        weighted = {names[i]: weights[i] for i in group if weights[i] > 0}
        last = [names[i] for i in group if names[i] not in weighted]
        heaviest = sorted(weighted.items(), key=lambda item: (-item[1], item[0]))
        drawn = [_shared((name, self._models[name], weight) for name, weight in heaviest)]
        return [rank for rank in drawn if rank] + [((name, self._models[name], 1.0),) for name in last]


def preferring(order: Order, name: str | None) -> Order:
    """Return the order of a call that prefers a deployment: it comes first if it is open, the others as without it."""
    for i, rank in enumerate(order):
        for drawn, model, _ in rank:
            if drawn == name:
                others = _shared(d for d in rank if d[0] != name)
                return (((drawn, model, 1.0),), *order[:i], *((others,) if others else ()), *order[i + 1 :])
    return order


def _shared(rank: Iterable[tuple[str, str, float]]) -> Rank:
    """Return a rank whose shares add up to 1."""
    rank = tuple(rank)
    total = sum(share for *_, share in rank)
    return tuple((name, model, round(share / total, 12)) for name, model, share in rank)
