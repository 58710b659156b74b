"""The routing of one call, without I/O.

:meth:`Call.steps` is a generator: it yields what to do next (try this deployment until then, wait until then), is sent
what came of it, and ends when the call does. Whoever drives it decides what an attempt is and how time passes: the live
gateway makes a blocking call or awaits one, a replay asks a scenario. What is decided stands in
:mod:`timegate.core.policy`, which the compiled engine calls, too.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from timegate.core.columns import NOBODY, OK, classify
from timegate.core.explanation import why_passed_over
from timegate.core.policy import (
    ADMITTED,
    COOLING,
    END,
    MOVE_ON,
    PASS_OVER,
    USE_ANYWAY,
    after_failure,
    all_cool_until,
    begin,
    deposit,
    settle,
    why_not,
)
from timegate.core.router import Draws, Router, RouterState
from timegate.errors import ModelRouterError

__all__ = ["DONE", "TRY", "WAIT", "Call", "Heard", "Step"]

TRY, WAIT, DONE = range(3)
Step = tuple[int, int, int]
"""An action, a deployment by index, and an instant: ``TRY`` it until then, ``WAIT`` for it until then, or ``DONE``."""
Heard = tuple[int, int, int, int]
"""The instant at which a step ended, and of an attempt the code of its outcome, its ``Retry-After`` in microseconds (0
for none), and the length of the answer in tokens (0 if it is not known)."""


class Call:
    """One call on its way: its order, and a log of what became of it.

    Parameters
    ----------
    router : Router
    state : RouterState
    at_us : int
        When it arrives.
    model_preference : str, optional
    draws : Draws

    Attributes
    ----------
    order : tuple of int
        The deployments to try, by index.
    preferred : str or None
    first_choice : int
    trying : int
        The deployment of the latest attempt.
    attempts : tuple of tuple
        ``(deployment, pause_us, started_us, ended_us, kind)`` of each; the pause is that before it.
    skips : tuple of tuple
        ``(deployment, at_us, reason, until_us)`` of each that was passed over; the last is when it has cooled, 0 if it
        does not cool.
    served_by : int
        ``NOBODY`` so far, or to the end.
    raised : bool
        Whether the last error itself ends the call (``raise_on``).
    final : bool
        Set by whoever drives it before the end of a step is told: nothing may follow it, for part of an answer has been
        read, or nobody waits for one any more.
    cools : tuple of tuple
        ``(deployment, until_us)`` of each cooldown that this call began.
    asked : mapping or None
        What it asks, if whoever drives it keeps that; routing looks at none of it.
    """

    # Not set anew for every call: that takes its time.
    attempts: tuple[tuple[int, int, int, int, int], ...] = ()
    skips: tuple[tuple[int, int, int, int], ...] = ()
    served_by = trying = NOBODY
    raised = final = False
    cools: tuple[tuple[int, int], ...] = ()
    asked: Mapping[str, Any] | None = None

    def __init__(
        self, router: Router, state: RouterState, at_us: int, model_preference: str | None, draws: Draws
    ) -> None:
        self.router = router
        self.state = state
        self.at_us = at_us
        self.preferred = model_preference
        self.order, self.first_choice = router.order_and_first_choice(at_us, model_preference, draws)
        self._draws = draws

    @property
    def outcome(self) -> int:
        """The code of the call's outcome, once it has ended."""
        return classify(self.served_by, len(self.attempts), self.first_choice, len(self.order))

    def steps(self, prompt: int = 0) -> Generator[Step, Heard, None]:
        """Route the call.

        Parameters
        ----------
        prompt : int
            The length of its prompt in tokens, as far as it is known.

        Yields
        ------
        Step
            To be answered by :data:`Heard`; nothing is heard after ``DONE``. Closed early, it gives back what it holds.
        """
        router, state, call_terms = self.router, self.state, self.router.call_terms
        order, size, now_us = self.order, len(self.order), self.at_us
        deadline_us = now_us + call_terms.deadline_us
        place = tries = pause_us = uses_cooled = is_probe = era = cooled = 0
        arrives = shares = state.shares  # to the end: what was not begun is not settled
        while not self.final:
            if shares or now_us >= deadline_us:
                soonest_us = now_us
                with state.lock:
                    if arrives:
                        arrives = False
                        if call_terms.retry_cost > 0:
                            deposit(call_terms, state.shared, state.budget, now_us)
                        if call_terms.when_all_cool != PASS_OVER:
                            soonest_us = all_cool_until(state.deployments, order, size, now_us)
                            if soonest_us > now_us and call_terms.when_all_cool == USE_ANYWAY:
                                uses_cooled, soonest_us = 1, now_us
                            elif soonest_us >= deadline_us or soonest_us > now_us + call_terms.max_wait_us:
                                soonest_us = now_us
                    if soonest_us == now_us:
                        while place < size:
                            deployment = order[place]
                            terms, of = router.terms[deployment], state.deployments[deployment]
                            reason = why_not(terms, of, now_us, deadline_us, prompt, uses_cooled)
                            if reason == ADMITTED:
                                is_probe, era = begin(terms, of, now_us, prompt), of.era
                                break
                            cools_us = of.cooled_until_us if reason == COOLING else 0
                            self.skips += ((deployment, now_us, reason, cools_us),)
                            place, tries = place + 1, 0
                if soonest_us > now_us:
                    pause_us = soonest_us - now_us
                    now_us, _, _, _ = yield WAIT, NOBODY, soonest_us
                    continue
            if place >= size:
                yield DONE, NOBODY, now_us
                return
            self.trying = deployment = order[place]
            tries += 1
            terms, started_us = router.terms[deployment], now_us
            until_us = now_us + terms.timeout_us
            if until_us > deadline_us:
                until_us = deadline_us
            kind, retry_after_us, answer = -1, 0, 0
            try:
                now_us, kind, retry_after_us, answer = yield TRY, deployment, until_us
            finally:
                if shares:
                    with state.lock:
                        cooled = settle(
                            terms, state.deployments, state.recent[deployment], deployment, call_terms, now_us, kind,
                            era, is_probe, retry_after_us, answer,
                        )  # fmt: skip
                    if cooled:
                        self.cools += ((deployment, state.deployments[deployment].cooled_until_us),)
            self.attempts += ((deployment, pause_us, started_us, now_us, kind),)
            if kind == OK:
                self.served_by = deployment
                yield DONE, deployment, now_us
                return
            if self.final:
                self.raised = True
                yield DONE, NOBODY, now_us
                return
            if not (terms.raise_on or terms.retry_on):
                place, tries, pause_us = place + 1, 0, 0
                continue
            u, v = self._draws.backoff(deployment, tries) if (terms.retry_on >> kind) & 1 else (0.0, 0.0)
            with state.lock:
                follows, until_us = after_failure(
                    terms, call_terms, state.shared, state.budget, now_us, deadline_us, tries, kind, retry_after_us,
                    cooled, place + 1 == size, u, v,
                )  # fmt: skip
            if follows == END:
                self.raised = True
                yield DONE, NOBODY, now_us
                return
            pause_us = 0
            if follows == MOVE_ON:
                place, tries = place + 1, 0
            if until_us > now_us:
                pause_us = until_us - now_us
                now_us, _, _, _ = yield WAIT, deployment, until_us
        self.raised = True
        yield DONE, NOBODY, now_us

    def error(self, exceptions: Sequence[Exception]) -> ModelRouterError:
        """Return the error of a call that nobody served, with what its attempts raised."""
        deployments = self.router.deployments
        info = [
            (deployments[index].name, deployments[index].provider, exception)
            for (index, *_), exception in zip(self.attempts, exceptions, strict=True)
        ]
        skipped = [(deployments[index].name, why_passed_over(why, until_us)) for index, _, why, until_us in self.skips]
        if not self.order:
            message = "No model available due to time constraints"
        elif info:
            message = f"All {len(self.order)} available models failed"
        else:
            message = "No model available: " + "; ".join(f"{name}: {reason}" for name, reason in skipped)
        return ModelRouterError(list(exceptions), info, message, skipped)
