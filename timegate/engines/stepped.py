"""The stepped engine: the gateway's own routing, driven as events under a virtual clock."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from timegate.core.columns import NOBODY
from timegate.core.policy import NEVER
from timegate.core.routing import DONE, WAIT, Call, Heard, Router, Step
from timegate.engines.luck import Luck
from timegate.engines.progress import progress
from timegate.engines.providers import PAUSE, Events, LeftWork, Providers, Work
from timegate.engines.record import Attempts, Calls, Log, begin_call, end_attempt, end_call
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
    made: int = 0
    deployment: int = NOBODY
    """Where its attempt is."""
    tries: dict[int, int] = field(default_factory=dict)


class _Run:
    """One replay."""

    def __init__(self, router: Router, trace: Trace, injector: Injector, luck: Luck) -> None:
        self.router, self.trace, self.injector, self.luck = router, trace, injector, luck
        self.state = router.new_state()
        self.events = Events()
        self.providers = Providers(self.events, injector.providers())
        self.calls = Calls.lists(len(trace), keeps_first=not router.fixed_first)
        self.rows: list[list[tuple[int, ...]]] = [[] for _ in range(len(trace))]
        self.skips: list[tuple[int, ...]] = []
        self.cooldowns: list[tuple[int, ...]] = []

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
            self._finish(flight, now_us)
        elif action == WAIT:
            self.events.push(until_us, PAUSE, flight.number, flight.made, flight)
        else:
            self._start(flight, deployment, now_us, until_us)

    def _start(self, flight: _Flight, deployment: int, now_us: int, until_us: int) -> None:
        """Judge an attempt, and say when it ends."""
        tried_before = flight.tries.get(deployment, 0)
        flight.tries[deployment] = tried_before + 1
        flight.made += 1
        flight.deployment = deployment
        outcome, service_us, retry_after_s, first_us = self.injector.attempt(
            deployment, flight.number, tried_before, now_us, flight.answer
        )
        work = Work(
            flight.number, flight.made, outcome, service_us, round(retry_after_s * 1e6), until_us,
            flight.prompt, flight.answer, flight, first_us, now_us + self.router.terms[deployment].first_chunk_us,
        )  # fmt: skip
        self.providers.begin(work, self.injector.capacities_at(deployment, now_us), now_us)

    def _end(self, flight: _Flight, ended: tuple[int, int, int], now_us: int) -> None:
        """Tell a call how its attempt ended."""
        state = self.state.deployments[flight.deployment]
        era = state.era
        step = flight.steps.send((now_us, *ended))
        if state.era != era:  # a cooldown began
            self.cooldowns.append((flight.deployment, now_us, state.cooled_until_us))
        self._go_on(flight, step, now_us)

    def _finish(self, flight: _Flight, now_us: int) -> None:
        call, number = flight.call, flight.number
        self.rows[number] = [
            (number, place, deployment, pause_us, started_us, kind, ended_us - started_us)
            for place, (deployment, pause_us, started_us, ended_us, kind) in enumerate(call.attempts, start=1)
        ]
        begin_call(self.calls, number)
        for _, _, *attempt in self.rows[number]:
            end_attempt(self.calls, number, None, -1, number, *attempt)
        end_call(self.calls, number, call.served_by, call.first_choice, len(call.order), now_us - call.at_us)
        self.skips += [(number, *skip) for skip in call.skips]


def run(router: Router, trace: Trace, injector: Injector) -> tuple[Calls, Attempts, Log]:
    """Replay a trace."""
    made = _Run(router, trace, injector, Luck(injector.seed, router.names))
    made.run()
    rows = [row for rows in made.rows for row in rows]
    attempts = Attempts.from_rows(rows) if rows else Attempts.empty(0)
    return Calls.of(made.calls), attempts, Log.of(made.skips, made.cooldowns)
