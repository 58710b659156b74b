"""The stepped engine: the gateway's own routing, driven as events under a virtual clock.

Where calls share nothing, no event of one comes between those of another: each is taken to its end by itself.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import repeat

from timegate.core.columns import NOBODY, OK, TIMEOUT
from timegate.core.policy import NEVER, gives_up_us
from timegate.core.prompt_cache import cached_at
from timegate.core.router import Router
from timegate.core.routing import DONE, WAIT, Call, Heard, Step
from timegate.engines.ledger import Ledger
from timegate.engines.luck import Luck
from timegate.engines.progress import progress
from timegate.engines.providers import PAUSE, Events, LeftWork, Providers, Work
from timegate.engines.record import Attempts, Calls, Log
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["run"]


@dataclass(slots=True)
class _Flight:
    """A call on its way."""

    number: int
    call: Call
    steps: Generator[Step, Heard, None]
    prompt: int
    answer: int
    cached: int
    """How much of the prompt its first choice has in its cache."""
    made: int = 0
    deployment: int = NOBODY
    """Where its latest attempt is, or was."""
    tried_before: int = 0
    """How often it had tried that one before."""


class _Run:
    """One replay of calls that touch each other."""

    def __init__(self, router: Router, trace: Trace, injector: Injector, luck: Luck, ended: Ledger) -> None:
        self.router, self.trace, self.injector, self.luck, self.ended = router, trace, injector, luck, ended
        self.state = router.new_state()
        self.events = Events()
        self.providers = Providers(self.events, injector.providers())

    def run(self) -> None:
        """Take the arrivals and the events in their order."""
        cached = self.trace.cached_question_tokens.tolist() if self.injector.cache_aware else repeat(0, len(self.trace))
        for (number, at_us, preference, prompt, answer), held in zip(_arrivals(self.trace), cached, strict=True):
            self._until(at_us)
            call = Call(self.router, self.state, at_us, preference, self.luck.of(number))
            flight = _Flight(number, call, call.steps(prompt), prompt, answer, held)
            self._go_on(flight, next(flight.steps), at_us)
        self._until(NEVER)

    def _until(self, last_us: int) -> None:
        """Take all events up to an instant."""
        heap = self.events.heap
        while heap and heap[0][0] <= last_us:
            at_us, kind, _, _, serial, what = self.events.pop()
            if isinstance(what, LeftWork):
                self.providers.release(what.mask, what.answer, at_us)
            elif isinstance(what, _Flight):
                self._go_on(what, what.steps.send((at_us, 0, 0, 0)), at_us)
            elif what.event == serial:
                self._end(what.caller, self.providers.end(what, at_us, kind), at_us)

    def _go_on(self, flight: _Flight, step: Step, now_us: int) -> None:
        """Do what a call does next."""
        action, deployment, until_us = step
        if action == DONE:
            self.ended.end(flight.number, flight.call, now_us)
        elif action == WAIT:
            self.events.push(until_us, PAUSE, flight.number, flight.made, flight)
        else:
            self._start(flight, deployment, now_us, until_us)

    def _start(self, flight: _Flight, deployment: int, now_us: int, until_us: int) -> None:
        """Judge an attempt, and say when it ends."""
        flight.tried_before = flight.tried_before + 1 if deployment == flight.deployment else 0
        flight.made += 1
        flight.deployment = deployment
        outcome, service_us, retry_after_s, first_us = self.injector.attempt(
            deployment, flight.number, flight.tried_before, now_us, flight.answer
        )
        work = Work(
            flight.number, flight.made, outcome, service_us, round(retry_after_s * 1e6), until_us,
            flight.prompt, flight.answer, flight, first_us, now_us + self.router.terms[deployment].first_chunk_us,
            cached_at(deployment, flight.call.first_choice, flight.cached),
        )  # fmt: skip
        self.providers.begin(work, self.injector.capacities_at(deployment, now_us), now_us)

    def _end(self, flight: _Flight, ended: tuple[int, int, int], now_us: int) -> None:
        """Tell a call how its attempt ended."""
        state = self.state.deployments[flight.deployment]
        era = state.era
        step = flight.steps.send((now_us, *ended))
        if state.era != era:  # a cooldown began
            self.ended.cooldowns.append((flight.deployment, now_us, state.cooled_until_us))
        self._go_on(flight, step, now_us)


def _one_by_one(router: Router, trace: Trace, injector: Injector, luck: Luck, ended: Ledger) -> None:
    """Take each call to its end when it arrives: nothing that it meets depends on another, so there are no events."""
    state, terms, attempt, draws = router.new_state(), router.terms, injector.attempt, luck.of(0)
    for number, now_us, preference, prompt, answer in _arrivals(trace):
        draws.call, tried, tried_before = number, NOBODY, 0
        call = Call(router, state, now_us, preference, draws)
        steps = call.steps(prompt)
        action, deployment, until_us = next(steps)
        while action != DONE:
            if action == WAIT:
                now_us, outcome, retry_after_us, length = until_us, OK, 0, 0
            else:
                tried_before = tried_before + 1 if deployment == tried else 0
                tried = deployment
                outcome, service_us, retry_after_s, first_us = attempt(deployment, number, tried_before, now_us, answer)
                if first_us:
                    first_until_us = now_us + terms[deployment].first_chunk_us
                    until_us = gives_up_us(until_us, now_us + first_us, first_until_us)
                now_us += service_us
                if now_us > until_us:
                    now_us, outcome, retry_after_s = until_us, TIMEOUT, 0.0
                retry_after_us = round(retry_after_s * 1e6) if retry_after_s else 0
                length = answer if outcome == OK else 0
            action, deployment, until_us = steps.send((now_us, outcome, retry_after_us, length))
        next(steps, None)  # a generator that has ended is quicker to drop
        ended.end(number, call, now_us)


def _arrivals(trace: Trace) -> Iterator[tuple[int, int, str | None, int, int]]:
    """Yield of each call its number, its instant, whom it prefers, and the lengths of its prompt and answer."""
    names = [*trace.preferred_names, None]  # -1, for none, takes the last
    preferences = [names[which] for which in trace.preferred.tolist()]
    columns = (column.tolist() for column in (trace.question_tokens, trace.answer_tokens))
    return progress(zip(range(len(trace)), trace.at_us.tolist(), preferences, *columns, strict=True), len(trace))


def run(router: Router, trace: Trace, injector: Injector) -> tuple[Calls, Attempts, Log]:
    """Replay a trace."""
    luck, ended = Luck(injector.seed, router.names), Ledger()
    if router.shares or injector.capacity_names:
        _Run(router, trace, injector, luck, ended).run()
    else:
        _one_by_one(router, trace, injector, luck, ended)
    return *ended.columns(keeps_first=not router.fixed_first), ended.log()
