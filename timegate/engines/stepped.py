"""The stepped engine: the gateway's own routing, driven as events under a virtual clock.

The order of events is the contract that the compiled engine keeps, too: by instant; at one instant ends of work, then
limits of time, then pauses that end, then arrivals; then by number of call, then of attempt.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from timegate.core import capacity
from timegate.core.capacity import REFUSED, WAITS
from timegate.core.columns import OK, RATE_LIMIT, TIMEOUT
from timegate.core.policy import NEVER
from timegate.core.routing import DONE, WAIT, Call, Heard, Router, Step
from timegate.engines.luck import Luck
from timegate.engines.progress import progress
from timegate.engines.record import Attempts, Calls, Log
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["run"]

END, LIMIT, PAUSE, ARRIVAL = range(4)
"""The classes of events, in their order at one instant."""


@dataclass(slots=True)
class _Attempt:
    """An attempt under way."""

    deployment: int
    service_us: int
    outcome: int
    retry_after_us: int
    until_us: int
    mask: int = 0
    queue: int = -1
    queue_until_us: int = NEVER
    event: int = -1
    """The serial number of the event that ends it; older ones mean nothing."""


@dataclass(slots=True)
class _Flight:
    """A call on its way."""

    number: int
    call: Call
    steps: Generator[Step, Heard, None]
    prompt: int
    answer: int
    made: int = 0
    tries: dict[int, int] = field(default_factory=dict)
    attempt: _Attempt | None = None


class _Run:
    """One replay."""

    def __init__(self, router: Router, trace: Trace, injector: Injector, luck: Luck) -> None:
        self.router, self.trace, self.injector, self.luck = router, trace, injector, luck
        self.state = router.new_state()
        self.providers = injector.providers()
        self.queues: list[deque[_Flight]] = [deque() for _ in self.providers]
        self.calls = Calls.empty(len(trace), keeps_first=not router.fixed_first)
        self.rows: list[list[tuple[int, ...]]] = [[] for _ in range(len(trace))]
        self.skips: list[tuple[int, ...]] = []
        self.cooldowns: list[tuple[int, ...]] = []
        self._events: list[tuple[int, int, int, int, int, Any]] = []
        self._serial = itertools.count()

    def run(self) -> None:
        """Take the arrivals and the events in their order."""
        trace = self.trace
        preferences = [*trace.preferred_names, None]  # -1, for none, takes the last
        prompts, answers = trace.question_tokens.tolist(), trace.answer_tokens.tolist()
        arrivals = zip(trace.at_us.tolist(), trace.preferred.tolist(), prompts, answers, strict=True)
        for number, (at_us, preferred, prompt, answer) in enumerate(progress(arrivals, len(trace))):
            self._until(at_us)
            call = Call(self.router, self.state, at_us, preferences[preferred], self.luck.of(number))
            flight = _Flight(number, call, call.steps(prompt), prompt, answer)
            self._go_on(flight, next(flight.steps), at_us)
        self._until(NEVER)

    def _until(self, last_us: int) -> None:
        """Take all events up to an instant."""
        while self._events and self._events[0][0] <= last_us:
            at_us, kind, _, _, serial, what = heapq.heappop(self._events)
            if isinstance(what, tuple):  # work whose caller has long given up
                self._release(what[0], what[1], at_us)
            elif kind == PAUSE:
                self._go_on(what, what.steps.send((at_us, 0, 0, 0)), at_us)
            elif what.attempt is not None and what.attempt.event == serial:
                self._end(what, what.attempt, at_us, kind)

    def _push(self, at_us: int, kind: int, flight: _Flight, what: Any = None) -> int:
        serial = next(self._serial)
        event = (at_us, kind, flight.number, flight.made, serial, flight if what is None else what)
        heapq.heappush(self._events, event)
        return serial

    def _go_on(self, flight: _Flight, step: Step, now_us: int) -> None:
        """Do what a call does next."""
        action, deployment, until_us = step
        if action == DONE:
            self._finish(flight, now_us)
        elif action == WAIT:
            self._push(until_us, PAUSE, flight)
        else:
            self._start(flight, deployment, now_us, until_us)

    def _start(self, flight: _Flight, deployment: int, now_us: int, until_us: int) -> None:
        """Judge an attempt, and say when it ends."""
        tried_before = flight.tries.get(deployment, 0)
        flight.tries[deployment] = tried_before + 1
        flight.made += 1
        outcome, service_us, retry_after_s = self.injector.attempt(
            deployment, flight.number, tried_before, now_us, flight.answer
        )
        attempt = _Attempt(deployment, service_us, outcome, round(retry_after_s * 1e6), until_us)
        flight.attempt = attempt
        mask = self.injector.capacities_at(deployment, now_us)
        if mask:
            verdict, retry_after_us, queue = capacity.ask(self.providers, mask, now_us, flight.prompt)
            if verdict == REFUSED:
                attempt.outcome, attempt.service_us, attempt.retry_after_us = RATE_LIMIT, 0, retry_after_us
            else:
                attempt.mask, attempt.queue = mask, queue
                if verdict == WAITS:
                    self.queues[queue].append(flight)
                    attempt.queue_until_us = now_us + self.providers[queue].queue_timeout_us
                    limit_us = min(until_us, attempt.queue_until_us)
                    if limit_us < NEVER:
                        attempt.event = self._push(limit_us, LIMIT, flight)
                    return
        self._serve(flight, attempt, now_us)

    def _serve(self, flight: _Flight, attempt: _Attempt, now_us: int) -> None:
        """Let an attempt's work begin."""
        attempt.queue = -1
        ends_us = now_us + attempt.service_us
        if ends_us <= attempt.until_us:
            attempt.event = self._push(ends_us, END, flight)
            return
        attempt.event = self._push(attempt.until_us, LIMIT, flight)
        # The provider works on, unless it stops when its caller gives up.
        if works_on := attempt.mask & ~capacity.stopping(self.providers, attempt.mask):
            answer = flight.answer if attempt.outcome == OK else 0
            self._push(ends_us, END, flight, (works_on, answer))

    def _end(self, flight: _Flight, attempt: _Attempt, now_us: int, kind: int) -> None:
        """Tell a call how its attempt ended."""
        outcome, retry_after_us, answer = attempt.outcome, attempt.retry_after_us, 0
        if attempt.queue >= 0:  # it leaves the queue
            self.queues[attempt.queue].remove(flight)
            self.providers[attempt.queue].waiting -= 1
            capacity.settle_tokens(self.providers, attempt.mask, now_us, 0)
            outcome = RATE_LIMIT if attempt.queue_until_us <= now_us else TIMEOUT
            retry_after_us, released = 0, 0
        elif kind == LIMIT:
            outcome, retry_after_us = TIMEOUT, 0
            released = capacity.stopping(self.providers, attempt.mask)
        else:
            answer = flight.answer if outcome == OK else 0
            released = attempt.mask
        flight.attempt = None
        if released:
            self._release(released, answer, now_us)
        state = self.state.deployments[attempt.deployment]
        era = state.era
        step = flight.steps.send((now_us, outcome, retry_after_us, answer))
        if state.era != era:  # a cooldown began
            self.cooldowns.append((attempt.deployment, now_us, state.cooled_until_us))
        self._go_on(flight, step, now_us)

    def _release(self, mask: int, answer: int, now_us: int) -> None:
        """Give slots back, and let those begin that wait for them."""
        capacity.release(self.providers, mask)
        capacity.settle_tokens(self.providers, mask, now_us, answer)
        for index, queue in enumerate(self.queues):
            while queue and queue[0].attempt is not None and capacity.can_start(self.providers, queue[0].attempt.mask):
                flight = queue.popleft()
                assert flight.attempt is not None  # noqa: S101 - who waits has an attempt
                self.providers[index].waiting -= 1
                capacity.start(self.providers, flight.attempt.mask)
                self._serve(flight, flight.attempt, now_us)

    def _finish(self, flight: _Flight, now_us: int) -> None:
        call, number = flight.call, flight.number
        self.calls.served_by[number] = call.served_by
        self.calls.outcome[number] = call.outcome
        self.calls.attempts[number] = len(call.attempts)
        self.calls.latency_us[number] = now_us - call.at_us
        if len(self.calls.first_choice):
            self.calls.first_choice[number] = call.first_choice
        self.rows[number] = [
            (number, place, deployment, pause_us, started_us, kind, ended_us - started_us)
            for place, (deployment, pause_us, started_us, ended_us, kind) in enumerate(call.attempts, start=1)
        ]
        self.skips += [(number, *skip) for skip in call.skips]


def run(router: Router, trace: Trace, injector: Injector) -> tuple[Calls, Attempts, Log]:
    """Replay a trace."""
    made = _Run(router, trace, injector, Luck(injector.seed, router.names))
    made.run()
    attempts = Attempts.from_rows([row for rows in made.rows for row in rows])
    return made.calls, attempts, Log.of(made.skips, made.cooldowns)
