"""Where the loop of events stands: calls on their way, and the heap of what will happen to them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.jit import inlined
from timegate.core.policy import NEVER
from timegate.engines.judge import work_arrays

__all__ = ["AT_ONCE", "FLIGHT", "Loop", "LoopLog", "new_loop", "pop", "push", "with_more_room"]

AT_ONCE = 256  # first attempts of a deployment that are judged beforehand; those that it does not get are wasted
FLIGHT = np.dtype(
    [(name, np.int64) for name in (
        "call", "at_us", "deadline_us", "choices", "first_choice", "place", "tries", "made", "deployment", "pause_us",
        "started_us", "outcome", "service_us", "retry_after_us", "until_us", "queue_until_us", "era", "is_probe",
        "mask", "queue", "uses_cooled", "first_us", "first_until_us", "event_us", "event_class", "next", "before",
        "prompt", "answer",
    )]
)  # fmt: skip
"""A call on its way, or work that goes on after its caller gave up (whose ``call`` is negative)."""


class Loop(NamedTuple):
    """Where the loop stands.

    Attributes
    ----------
    counters : ndarray of int64, shape (5,)
        The next arrival, events in the heap, free flights, the epoch, and rows of attempts that were written one after
        another.
    at_us, key, who : ndarray of int64
        The heap: an event's instant; its class, call and attempt in one number; and its flight.
    flights : ndarray of FLIGHT
    orders : ndarray of int64, shape (flights, deployments)
        The order of each flight's call.
    free : ndarray of int64
        Numbers of flights that are not in use.
    heads, tails : ndarray of int64
        The queue of each capacity, as flights; -1 for none.
    blocks : tuple
        First attempts judged beforehand: for each deployment the cell, the first call, the one after the last, and the
        latest first attempt; then what :func:`timegate.engines.judge.judge` returns of them.
    places, zeros : ndarray of int64, shape (AT_ONCE,)
        The numbers from 0, which are those of a block's calls; and 0 for each.
    work : tuple of ndarray
    """

    counters: npt.NDArray[np.int64]
    at_us: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    who: npt.NDArray[np.int64]
    flights: npt.NDArray[np.void]
    orders: npt.NDArray[np.int64]
    free: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int64]
    tails: npt.NDArray[np.int64]
    block_of: npt.NDArray[np.int64]
    block_outcome: npt.NDArray[np.int64]
    block_took_us: npt.NDArray[np.int64]
    block_retry_after_us: npt.NDArray[np.int64]
    block_first_us: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    zeros: npt.NDArray[np.int64]
    work: tuple[Any, ...]


class LoopLog(NamedTuple):
    """What a second look at a replay writes; each is empty where nobody wants it.

    Attributes
    ----------
    skips : ndarray of int64, shape (n, 4)
        Call, deployment, instant, reason.
    coolings : ndarray of int64, shape (n, 3)
        Deployment, from, until.
    counts : ndarray of int64, shape (2,)
        How many of each there are.
    """

    skips: npt.NDArray[np.int64]
    coolings: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def with_more_room(self) -> LoopLog:
        """Return the log as it is, with twice the room."""
        skips, coolings = (np.concatenate([rows, np.empty_like(rows)]) for rows in (self.skips, self.coolings))
        return self._replace(skips=skips, coolings=coolings)


@inlined()
def push(loop, at_us, kind, call, attempt, who):  # type: ignore[no-untyped-def]
    """Put an event into the heap."""
    key = (np.int64(kind) << 60) | (np.int64(call) << 15) | attempt
    ats, keys, whos, i = loop.at_us, loop.key, loop.who, loop.counters[1]
    loop.counters[1] += 1
    while i > 0:
        parent = (i - 1) >> 1
        if ats[parent] < at_us or (ats[parent] == at_us and keys[parent] <= key):
            break
        ats[i], keys[i], whos[i] = ats[parent], keys[parent], whos[parent]
        i = parent
    ats[i], keys[i], whos[i] = at_us, key, who


@inlined()
def pop(loop):  # type: ignore[no-untyped-def]
    """Take the first event out of the heap, which the caller has read."""
    ats, keys, whos = loop.at_us, loop.key, loop.who
    loop.counters[1] -= 1
    size = loop.counters[1]
    at_us, key, who = ats[size], keys[size], whos[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (ats[other] < ats[child] or (ats[other] == ats[child] and keys[other] < keys[child])):
            child = other
        if at_us < ats[child] or (at_us == ats[child] and key < keys[child]):
            break
        ats[i], keys[i], whos[i] = ats[child], keys[child], whos[child]
        i = child
    ats[i], keys[i], whos[i] = at_us, key, who


def new_loop(deployments: int, providers: int, room: int = 256) -> Loop:
    """Return a loop that has not begun, with room for so many flights at once."""
    counters = np.zeros(5, np.int64)
    counters[2] = room
    block_of = np.full((deployments, 4), -1, np.int64)
    block_of[:, 3] = -NEVER
    return Loop(
        counters=counters,
        at_us=np.empty(4 * room, np.int64),
        key=np.empty(4 * room, np.int64),
        who=np.empty(4 * room, np.int64),
        flights=np.zeros(room, FLIGHT),
        orders=np.empty((room, deployments), np.int64),
        free=np.arange(room)[::-1].copy(),
        heads=np.full(providers, -1, np.int64),
        tails=np.full(providers, -1, np.int64),
        block_of=block_of,
        block_outcome=np.empty((deployments, AT_ONCE), np.int64),
        block_took_us=np.empty((deployments, AT_ONCE), np.int64),
        block_retry_after_us=np.empty((deployments, AT_ONCE), np.int64),
        block_first_us=np.empty((deployments, AT_ONCE), np.int64),
        places=np.arange(AT_ONCE),
        zeros=np.zeros(AT_ONCE, np.int64),
        work=work_arrays(),
    )


def with_more_room(loop: Loop) -> Loop:
    """Return the loop where it stands, with twice the room."""
    size, heap = len(loop.flights), len(loop.at_us)
    counters, free = loop.counters, np.empty(2 * size, np.int64)
    unused = int(counters[2])
    free[:size] = np.arange(2 * size - 1, size - 1, -1)
    free[size : size + unused] = loop.free[:unused]
    counters[2] = size + unused
    flights, orders = np.zeros(2 * size, FLIGHT), np.empty((2 * size, loop.orders.shape[1]), np.int64)
    flights[:size], orders[:size] = loop.flights, loop.orders
    grown = []
    for column in (loop.at_us, loop.key, loop.who):
        grown.append(np.empty(2 * heap, np.int64))
        grown[-1][:heap] = column
    return loop._replace(at_us=grown[0], key=grown[1], who=grown[2], flights=flights, orders=orders, free=free)
