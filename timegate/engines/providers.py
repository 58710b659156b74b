"""Events in their order, and attempts as providers see them: what every engine that steps through time shares.

The order of events is the contract that the compiled engine keeps, too: by instant; at one instant ends of work, then
limits of time, then pauses that end, then arrivals; then by number of call, then of attempt.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass
from typing import Any

from timegate.core import capacity
from timegate.core.capacity import REFUSED, WAITS, Provider
from timegate.core.columns import OK, RATE_LIMIT, TIMEOUT
from timegate.core.policy import NEVER, gives_up_us

__all__ = ["END", "LIMIT", "PAUSE", "Events", "LeftWork", "Providers", "Work"]

END, LIMIT, PAUSE = range(3)
"""The classes of events, in their order at one instant; arrivals come after them."""

Event = tuple[int, int, int, int, int, Any]
"""Instant, class, number of the call, of its attempt, serial number, and whom it is for."""


class Events:
    """A heap of events.

    Attributes
    ----------
    heap : list of tuple
        The first is the next.
    """

    __slots__ = ("_serial", "heap")

    def __init__(self) -> None:
        self.heap: list[Event] = []
        self._serial = itertools.count()

    def push(self, at_us: int, kind: int, call: int, attempt: int, what: Any) -> int:
        """Add an event, and return its serial number."""
        serial = next(self._serial)
        heapq.heappush(self.heap, (at_us, kind, call, attempt, serial, what))
        return serial

    def pop(self) -> Event:
        """Take the next event."""
        return heapq.heappop(self.heap)


@dataclass(slots=True, eq=False)
class Work:
    """An attempt under way.

    Attributes
    ----------
    call, attempt : int
        Their numbers; the first attempt of a call is 1.
    outcome, service_us, retry_after_us : int
        What becomes of it, if nothing else ends it, and how long that takes.
    until_us : int
        When its caller gives up.
    first_us, first_until_us : int
        How long nothing of an answer comes, once the work has begun, and when a caller gives up that has nothing yet.
    prompt, answer : int
        Lengths in tokens.
    caller : object
        Whom its end is for.
    cached : int
        How many of the prompt's tokens the deployment has in its cache.
    event : int
        The serial number of the event that ends it; older ones mean nothing.
    """

    call: int
    attempt: int
    outcome: int
    service_us: int
    retry_after_us: int
    until_us: int
    prompt: int
    answer: int
    caller: Any
    first_us: int = 0
    first_until_us: int = NEVER
    cached: int = 0
    mask: int = 0
    queue: int = -1
    queue_until_us: int = NEVER
    ends_us: int = NEVER
    event: int = -1


@dataclass(slots=True, frozen=True)
class LeftWork:
    """Work that goes on although its caller has given up: the capacities that it holds, and its answer in tokens."""

    mask: int
    answer: int


class Providers:
    """The capacities of a scenario, and the queues before them.

    Parameters
    ----------
    events : Events
        Where the ends of work are told.
    providers : list of Provider
        Nothing running. More may be appended by :meth:`add`.
    """

    def __init__(self, events: Events, providers: list[Provider]) -> None:
        self.providers = providers
        self.queues: list[deque[Work]] = [deque() for _ in providers]
        self._events = events

    def add(self, provider: Provider) -> int:
        """Add a capacity, and return its number."""
        self.providers.append(provider)
        self.queues.append(deque())
        return len(self.queues) - 1

    def begin(self, work: Work, mask: int, now_us: int) -> None:
        """Ask the capacities of a mask for an attempt, and say when it ends."""
        if mask:
            verdict, retry_after_us, queue = capacity.ask(self.providers, mask, now_us, work.prompt, work.cached)
            if verdict == REFUSED:
                work.outcome, work.service_us, work.retry_after_us = RATE_LIMIT, 0, retry_after_us
            else:
                work.mask, work.queue = mask, queue
                if verdict == WAITS:
                    self.queues[queue].append(work)
                    work.queue_until_us = now_us + self.providers[queue].queue_timeout_us
                    limit_us = min(work.until_us, work.first_until_us, work.queue_until_us)
                    if limit_us < NEVER:
                        work.event = self._events.push(limit_us, LIMIT, work.call, work.attempt, work)
                    return
        self._serve(work, now_us)

    def _serve(self, work: Work, now_us: int) -> None:
        """Let the work of an attempt begin."""
        work.queue = -1
        work.until_us = gives_up_us(work.until_us, now_us + work.first_us, work.first_until_us)
        work.ends_us = now_us + work.service_us
        if work.ends_us <= work.until_us:
            work.event = self._events.push(work.ends_us, END, work.call, work.attempt, work)
            return
        work.event = self._events.push(work.until_us, LIMIT, work.call, work.attempt, work)
        self._leave(work)

    def _leave(self, work: Work) -> None:
        """Let the provider work on for nobody, unless it stops when its caller gives up."""
        if works_on := work.mask & ~capacity.stopping(self.providers, work.mask):
            left = LeftWork(works_on, work.answer if work.outcome == OK else 0)
            self._events.push(work.ends_us, END, work.call, work.attempt, left)

    def end(self, work: Work, now_us: int, kind: int) -> tuple[int, int, int]:
        """Take the event that ends an attempt; return its outcome, ``Retry-After`` in microseconds, and answer."""
        work.event = -1
        if work.queue >= 0:
            self._leave_queue(work, now_us)
            return RATE_LIMIT if work.queue_until_us <= now_us else TIMEOUT, 0, 0
        if kind == LIMIT:
            self.release(capacity.stopping(self.providers, work.mask), 0, now_us)
            return TIMEOUT, 0, 0
        answer = work.answer if work.outcome == OK else 0
        self.release(work.mask, answer, now_us)
        return work.outcome, work.retry_after_us, answer

    def abandon(self, work: Work, now_us: int) -> None:
        """End an attempt whose caller gives up before its time."""
        work.event = -1
        if work.queue >= 0:
            self._leave_queue(work, now_us)
            return
        if work.ends_us <= work.until_us:  # else that is told already
            self._leave(work)
        self.release(capacity.stopping(self.providers, work.mask), 0, now_us)

    def _leave_queue(self, work: Work, now_us: int) -> None:
        self.queues[work.queue].remove(work)
        self.providers[work.queue].waiting -= 1
        capacity.settle_tokens(self.providers, work.mask, now_us, 0)
        work.queue = -1

    def release(self, mask: int, answer: int, now_us: int) -> None:
        """Give slots back, and let those begin that wait for them."""
        if not mask:
            return
        capacity.release(self.providers, mask)
        capacity.settle_tokens(self.providers, mask, now_us, answer)
        for index, queue in enumerate(self.queues):
            while queue and capacity.can_start(self.providers, queue[0].mask):
                work = queue.popleft()
                self.providers[index].waiting -= 1
                capacity.start(self.providers, work.mask)
                self._serve(work, now_us)
