"""Who may serve a call, in which order, and what calls share."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, Protocol

import pandas as pd

from timegate.core.clock import from_us
from timegate.core.deployment import Deployment
from timegate.core.explanation import Explanation
from timegate.core.policy import NEVER, CallTerms, Shared, State, weighted_choice
from timegate.core.settings import CallPolicy
from timegate.core.timetable import Hours, Timetable
from timegate.errors import InvalidTypeError, InvalidValueError, did_you_mean, shown
from timegate.show.text import listed

__all__ = ["Draws", "LiveDraws", "Router", "RouterState"]

MOST_DEPLOYMENTS = 32_767  # results number them in 16 bits


class Draws(Protocol):
    """Where the uniform numbers of one call come from."""

    def order(self, place: int) -> float:
        """Return the number that decides who stands at a place of the order."""
        ...

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        """Return the numbers of the pause after so many tries on a deployment."""
        ...


class LiveDraws:
    """Uniform numbers as they come."""

    def __init__(self, source: random.Random | None = None) -> None:
        self._next = (source or random.Random()).random  # noqa: S311 - jitter keeps no secret

    def order(self, place: int) -> float:
        """Return the next number."""
        return self._next()

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        """Return the next two numbers."""
        return self._next(), self._next()


class RouterState:
    """What calls share: one of a gateway, or of a run; see :meth:`Router.new_state`.

    Attributes
    ----------
    deployments : list of State
    recent : list of list of int
        The latest failures on each deployment, a ring of instants.
    shared : Shared
    budget : list of int
        The retry budget by tenth of its time to live.
    lock : context manager
        Held while any of it is read or changed.
    shares : bool
        Whether calls look at it at all.
    """

    __slots__ = ("budget", "deployments", "lock", "recent", "shared", "shares")

    def __init__(self, router: Router, lock: AbstractContextManager[Any]) -> None:
        self.deployments = [State() for _ in router.deployments]
        self.recent = [[0] * max(terms.failures, 1) for terms in router.terms]
        self.shared = Shared()
        self.budget = [0] * 10
        self.lock = lock
        self.shares = router.shares

    def take_over(self, router: Router, old: RouterState, old_router: Router) -> None:
        """Take the place of another state: those of the same name keep theirs, and calls under way settle there."""
        self.lock = old.lock
        with self.lock:
            for index, name in enumerate(router.names):
                before = old_router.index.get(name)
                if before is None:
                    continue
                self.deployments[index] = old.deployments[before]
                if len(self.recent[index]) == len(old.recent[before]):
                    self.recent[index] = old.recent[before]
                else:  # failures are counted anew in a ring of another length
                    self.deployments[index].failed = 0
            self.shares = self.shares or old.shares

    def cool(self, index: int, until_us: int) -> None:
        """Leave a deployment alone until an instant, whatever its policy; attempts under way do not count."""
        with self.lock:
            state = self.deployments[index]
            state.cooled_until_us = until_us
            state.era += 1
            state.probing = 0
            self.shares = True

    def reset(self, index: int) -> None:
        """Forget what failed on a deployment: it cools no longer, nothing counts, its limits are full."""
        with self.lock:
            state = self.deployments[index]
            self.deployments[index] = State(running=state.running, era=state.era + 1)


class Router:
    """Decides which deployments serve a call, and in which order.

    Parameters
    ----------
    deployments : sequence of Deployment
        In order of fallback, with unique names.
    call_policy : CallPolicy, optional
        What holds for a call as a whole.

    Attributes
    ----------
    terms : tuple of Terms
        The policy of each deployment in numbers.
    call_terms : CallTerms
    shares : bool
        Whether calls share any state: cooldowns, limits, or a retry budget.
    head : int
        Who goes first by priority.
    fixed_first : bool
        Whether neither the hour nor chance decides that.
    """

    def __init__(self, deployments: Sequence[Deployment], call_policy: CallPolicy | None = None) -> None:
        self.deployments = tuple(deployments)
        self.names = tuple(deployment.name for deployment in self.deployments)
        if len(self.deployments) > MOST_DEPLOYMENTS:
            raise InvalidValueError(
                f"a router takes at most {MOST_DEPLOYMENTS:,} deployments. Got {len(self.names):,}."
            )
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InvalidValueError(f"the names of deployments must be unique. {twice!r} is given twice.")
        self.index = {name: i for i, name in enumerate(self.names)}
        self.timetable = Timetable([deployment.hours for deployment in self.deployments])
        self.call_policy = call_policy or CallPolicy()
        self.terms = tuple(deployment.terms() for deployment in self.deployments)
        self.call_terms: CallTerms = self.call_policy.call_terms(len(self.deployments))
        self.shares = self.call_terms.retry_cost > 0 or any(
            t.cool_us or t.from_retry_after or t.concurrent < NEVER or t.requests_rate or t.tokens_rate
            for t in self.terms
        )
        self.priorities = [place if d.priority is None else d.priority for place, d in enumerate(self.deployments)]
        self.weights = [1.0 if d.weight is None else d.weight for d in self.deployments]
        self.draws_order = len(set(self.priorities)) < len(self.priorities)
        # Who goes first by the hour; None where nobody does.
        self.head_hours: Timetable | None = None
        if any(d.prefer_during for d in self.deployments):
            self.head_hours = Timetable([Hours(available=d.prefer_during) for d in self.deployments])
        self.head = min(range(len(self.priorities)), key=self.priorities.__getitem__, default=0)
        self.fixed_first = not self.draws_order and self.head_hours is None
        # Orders that chance does not decide, by who is preferred, from one instant to another. Replaced whole by those
        # of another stretch, so threads that race only repeat work.
        self._orders: tuple[int, int, dict[str | None, tuple[tuple[int, ...], int]]] = (0, 0, {})
        self.in_config_order = (
            not self.draws_order and self.head_hours is None and self.priorities == sorted(self.priorities)
        )

    def __reduce__(self) -> tuple[type[Router], tuple[Sequence[Deployment], CallPolicy]]:
        return Router, (self.deployments, self.call_policy)

    def new_state(self, lock: bool = False) -> RouterState:
        """Return the state of a gateway or a run that begins: nothing runs, nothing cools, limits are full.

        Parameters
        ----------
        lock : bool
            Whether threads will share it.
        """
        return RouterState(self, _lock() if lock else nullcontext())

    def groups(self, goes_first: Sequence[int] | None) -> list[list[int]]:
        """Return all deployments in order, those together that chance orders: who goes first, then by priority."""
        first = set(goes_first or ())
        keys = [(i not in first, priority) for i, priority in enumerate(self.priorities)]
        groups: dict[tuple[bool, float], list[int]] = {}
        for i in sorted(range(len(keys)), key=keys.__getitem__):
            groups.setdefault(keys[i], []).append(i)
        return list(groups.values())

    def goes_first(self, at_us: int) -> list[int]:
        """Return the deployments that are inside one of their ``prefer_during`` windows, by index."""
        if self.head_hours is None:
            return []
        inside = self.head_hours.segment_at(at_us).open
        return [i for i in inside if self.deployments[i].prefer_during]

    def order(self, at_us: int, model_preference: str | None = None, draws: Draws | None = None) -> tuple[int, ...]:
        """Return the deployments to try at an instant, by index; without draws, chance decides nothing."""
        return self.order_and_first_choice(at_us, model_preference, draws)[0]

    def order_and_first_choice(
        self, at_us: int, model_preference: str | None = None, draws: Draws | None = None
    ) -> tuple[tuple[int, ...], int]:
        """Return the deployments to try at an instant, by index, and the first choice.

        Returns
        -------
        order : tuple of int
            The open ones: the preferred one first, then those inside a ``prefer_during`` window, then by priority, then
            by chance according to weight.
        first_choice : int
            The head of that order as if every window were open.
        """
        start_us, end_us, orders = self._orders
        if not start_us <= at_us < end_us:
            segments = [table.segment_at(at_us) for table in (self.timetable, self.head_hours) if table is not None]
            orders = {}
            self._orders = max(s.start_us for s in segments), min(s.end_us for s in segments), orders
        try:
            found = orders.get(model_preference)
        except TypeError:  # it cannot be hashed
            found = None
        if found is None:
            if not isinstance(model_preference, str | None):
                raise InvalidTypeError(
                    f"model_preference must be the name of a deployment, or None. Got {shown(model_preference)}."
                )
            known = model_preference if model_preference in self.index else None
            found = orders.get(known) or self._order(at_us, known, draws)
            if not self.draws_order:
                orders[known] = found
        return found

    def _order(self, at_us: int, preferred: str | None, draws: Draws | None) -> tuple[tuple[int, ...], int]:
        ranked: list[int] = []
        for group in self.groups(self.goes_first(at_us)):
            begins = len(ranked)
            ranked += group
            if len(group) > 1 and draws is not None:
                for place in range(begins, len(ranked) - 1):
                    weighted_choice(self.weights, ranked, place, len(ranked), draws.order(place))
        if preferred is not None:
            ranked.remove(self.index[preferred])
            ranked.insert(0, self.index[preferred])
        is_open = set(self.timetable.segment_at(at_us).open)
        return tuple(i for i in ranked if i in is_open), ranked[0] if ranked else 0

    def explain(self, at_us: int, model_preference: str | None = None, draws: Draws | None = None) -> Explanation:
        """Say which deployments would be tried at an instant, in which order, and why not the others.

        Without draws, those that chance orders stand in the order of the config.
        """
        order = self.order(at_us, model_preference, draws)
        rows = []
        for i, deployment in enumerate(self.deployments):
            until_us = self.timetable.open_until(at_us, i)
            rows.append(
                {
                    "deployment": deployment.name,
                    "provider": deployment.provider,
                    "open": i in order,
                    "place": order.index(i) + 1 if i in order else None,
                    "closed_by": "" if i in order else self._closed_by(deployment.hours, at_us),
                    "until": pd.NaT if until_us is None else from_us(until_us),
                }
            )
        notes = []
        if model_preference and model_preference not in self.index:
            notes.append(f"The preferred {model_preference!r} is unknown.{did_you_mean(model_preference, self.names)}")
        elif model_preference and self.index[model_preference] not in order:
            notes.append(f"The preferred {model_preference!r} is closed, and passed over.")
        if self.draws_order and draws is None:
            for group in self.groups(self.goes_first(at_us)):
                drawn = [i for i in group if i in order and self.names[i] != model_preference]
                if len(drawn) > 1:
                    names = listed(repr(self.names[i]) for i in drawn)
                    weights = listed(f"{self.weights[i]:g}" for i in drawn)
                    notes.append(f"Chance orders {names}, by their weights {weights}.")
        return Explanation(at_us, rows, " ".join(notes))

    @staticmethod
    def _closed_by(hours: Hours, at_us: int) -> str:
        closing = [window for window in hours.time_constraints if len(window.spans_us(at_us, at_us + 1))]
        return "; ".join(map(str, closing)) or f"outside {'; '.join(map(str, hours.available))}"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides what becomes of a call; equal for equal configs on any machine."""
        described = {
            "deployments": [deployment.routing() for deployment in self.deployments],
            **self.call_policy.differing(),
        }
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]


def _lock() -> AbstractContextManager[Any]:
    """Return a lock whose ``with`` makes no bound methods, as that of a plain one does at each entry."""
    lock = threading.Lock()
    held: AbstractContextManager[Any] = type("Lock", (), {"__enter__": lock.acquire, "__exit__": lock.__exit__})()
    return held
