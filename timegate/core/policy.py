"""What a call does next, decided once: plain functions on plain fields.

The live gateway and the stepped replay call these functions as they stand; numba compiles the same functions for the
kernel. So they use nothing but numbers, comparisons and ``+ - * /``: the logarithms of two libraries may differ in the
last bit. Times are whole microseconds; uniform numbers in [0, 1) come in as arguments.

:mod:`timegate.core.routing` puts the functions together for one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = [
    "NEVER",
    "UNIT",
    "CallTerms",
    "Shared",
    "State",
    "Terms",
    "after_failure",
    "all_cool_until",
    "begin",
    "deposit",
    "gained_until",
    "gives_up_us",
    "pause_us",
    "refilled",
    "settle",
    "shortage_us",
    "weighted_choice",
    "why_not",
    "withdraw",
]

NEVER = 1 << 62
"""An instant, or a length of time, that does not come."""
OK, RATE_LIMIT = 0, 2  # places in columns.ATTEMPT_OUTCOMES
MINUTE_US = 60_000_000
UNIT = 60_000_000
"""Of a bucket: one request or token. At 1 a minute a bucket gains one unit's 60,000,000th part a microsecond."""

RETRY, MOVE_ON, END = range(3)
"""After a failure: try the same deployment again, try the next one, or end the call with this very error."""

ADMITTED, COOLING, PROBING, CONCURRENT, REQUESTS, TOKENS, LATE = range(7)
"""Why a deployment is passed over."""
REASONS = (
    "",
    "cooling",
    "probing",
    "at its limit of concurrent attempts",
    "at its limit of requests a minute",
    "at its limit of tokens a minute",
    "after the deadline",
)

PASS_OVER, WAIT_FOR_ONE, USE_ANYWAY = range(3)
"""What a call does if all that are open cool."""


@dataclass(slots=True)
class Terms:
    """What holds for the attempts on one deployment. A mask has a bit for each kind of error.

    A pause is ``min(cap, min(max, initial * step) * U(lo, hi) + U(0, add))`` with ``step = base**n - minus``, where
    *n* counts from ``first_power``.
    """

    timeout_us: int = NEVER
    first_chunk_us: int = NEVER
    max_retries: int = 0
    retry_on: int = 0
    raise_on: int = 0
    initial_us: float = 0.0
    base: float = 2.0
    minus: float = 0.0
    first_power: int = 0
    max_us: float = 0.0
    lo: float = 0.0
    hi: float = 1.0
    add_us: float = 0.0
    cap_us: float = 0.0
    before_fallback: int = 0
    before_failing: int = 0
    retry_after_max_us: int = 0
    retry_after_replaces: int = 0
    ignores_beyond: int = 0
    failures: int = 0
    within_us: int = NEVER
    counts_from_first: int = 0
    consecutive: int = 0
    failure_ratio: float = 0.0
    min_calls: int = 0
    cool_us: int = 0
    growth: float = 1.0
    growth_us: int = 0
    max_cool_us: int = NEVER
    cool_on: int = 0
    cool_at_once: int = 0
    from_retry_after: int = 0
    retry_after_is_length: int = 0
    ends_retries: int = 0
    probes: int = 0
    concurrent: int = NEVER
    requests_rate: int = 0
    tokens_rate: int = 0


@dataclass(slots=True)
class State:
    """What calls share of one deployment."""

    running: int = 0
    era: int = 0
    cooled_until_us: int = -NEVER
    half_open: int = 0
    probing: int = 0
    grown_us: int = 0
    failed: int = 0
    minute: int = -1
    minute_calls: int = 0
    minute_failed: int = 0
    requests_left: int = 0
    requests_at_us: int = -NEVER
    tokens_left: int = 0
    tokens_at_us: int = -NEVER


@dataclass(slots=True)
class CallTerms:
    """What holds for a call as a whole."""

    deadline_us: int = NEVER
    when_all_cool: int = PASS_OVER
    max_wait_us: int = 0
    most_cooled: int = NEVER
    retry_cost: int = 0
    reserve: int = 0
    tenth_us: int = 1


@dataclass(slots=True)
class Shared:
    """What calls share beside the deployments: the retry budget's latest tenth of its time to live."""

    tenth: int = -1


def refilled(left: int, at_us: int, rate: int, full: int, now_us: int) -> int:
    """Return what a bucket holds now that held so much at an instant: it gains ``rate`` a microsecond, to ``full``."""
    passed_us = now_us - at_us
    if passed_us <= 0:  # or more than a minute ahead of a live clock that was set back: then it begins anew
        return left if passed_us >= -MINUTE_US else full
    if passed_us > (full - left) // rate:  # also keeps the product within 64 bits
        return full
    return left + passed_us * rate


def gained_until(at_us: int, now_us: int) -> int:
    """Return until when a bucket that was asked at an instant, and now, has gained.

    A clock that is set back goes through time again, for which the bucket gains nothing more; but if it is set back by
    more than a minute, the bucket begins anew, or it would stay empty for as long.
    """
    return at_us if now_us < at_us <= now_us + MINUTE_US else now_us


def shortage_us(left: int, cost: int, rate: int, full: int) -> int:
    """Return how long a bucket takes to hold a cost: 0 if it does, ``NEVER`` if it cannot."""
    if left >= cost:
        return 0
    if cost > full:
        return NEVER
    return (cost - left + rate - 1) // rate


def why_not(terms: Any, state: Any, now_us: int, deadline_us: int, prompt: int, uses_cooled: int) -> int:
    """Return why a deployment takes no attempt now, ``ADMITTED`` if it does.

    Parameters
    ----------
    terms, state : Terms, State
    now_us, deadline_us : int
        The instant, and that by which the call has to end.
    prompt : int
        The length of the prompt in tokens, as far as it is known.
    uses_cooled : int
        Whether this call takes no notice of cooldowns.
    """
    if now_us >= deadline_us:
        return LATE
    if uses_cooled == 0:
        if state.cooled_until_us > now_us:
            return COOLING
        if state.half_open != 0 and state.probing >= terms.probes:
            return PROBING
    if state.running >= terms.concurrent:
        return CONCURRENT
    rate = terms.requests_rate
    if (
        rate > 0
        and state.requests_left < UNIT  # else there is no need to work out what it gained
        and refilled(state.requests_left, state.requests_at_us, rate, rate * UNIT, now_us) < UNIT
    ):
        return REQUESTS
    rate = terms.tokens_rate
    if rate > 0 and refilled(state.tokens_left, state.tokens_at_us, rate, rate * UNIT, now_us) < prompt * UNIT:
        return TOKENS
    return ADMITTED


def begin(terms: Any, state: Any, now_us: int, prompt: int) -> int:
    """Begin an attempt on a deployment that admits it; return whether it probes one that was cooled."""
    state.running += 1
    rate = terms.requests_rate
    if rate > 0:
        left = refilled(state.requests_left, state.requests_at_us, rate, rate * UNIT, now_us)
        state.requests_left, state.requests_at_us = left - UNIT, gained_until(state.requests_at_us, now_us)
    rate = terms.tokens_rate
    if rate > 0:
        left = refilled(state.tokens_left, state.tokens_at_us, rate, rate * UNIT, now_us)
        state.tokens_left, state.tokens_at_us = left - prompt * UNIT, gained_until(state.tokens_at_us, now_us)
    if state.half_open != 0 and state.cooled_until_us <= now_us:
        state.probing += 1
        return 1
    return 0


def gives_up_us(until_us: int, first_us: int, first_until_us: int) -> int:
    """Return when an attempt is given up, if it has not ended by then; an end at that very instant is in time.

    Parameters
    ----------
    until_us : int
        The limit of the attempt as a whole.
    first_us, first_until_us : int
        When the first of its answer comes, and the limit of that.
    """
    return min(until_us, first_until_us) if first_us > first_until_us else until_us


def settle(
    terms: Any,
    states: Any,
    recent: Any,
    index: int,
    call_terms: Any,
    now_us: int,
    kind: int,
    era: int,
    is_probe: int,
    retry_after_us: int,
    answer: int,
) -> int:
    """Hear how an attempt ended, or that it was given up (``kind`` is then -1); return whether a cooldown begins.

    Parameters
    ----------
    terms : Terms
    states : sequence of State
        Of all deployments.
    recent : sequence of int
        The instants of the latest failures on this deployment, ``terms.failures`` of them, as a ring; or first that of
        the one from which they are counted.
    index : int
        Which deployment.
    call_terms : CallTerms
    now_us : int
    kind : int
        The code of its outcome.
    era, is_probe : int
        The state's era when it began, and what :func:`begin` returned.
    retry_after_us : int
        What the answer's ``Retry-After`` said; 0 for nothing.
    answer : int
        The length of the answer in tokens, as far as it is known.
    """
    state = states[index]
    state.running -= 1
    rate = terms.tokens_rate
    if rate > 0 and answer > 0:
        left = refilled(state.tokens_left, state.tokens_at_us, rate, rate * UNIT, now_us)
        state.tokens_left, state.tokens_at_us = left - answer * UNIT, gained_until(state.tokens_at_us, now_us)
    if era != state.era:  # it began before the latest cooldown: it neither counts nor extends it
        return 0
    if is_probe != 0:
        state.probing -= 1
    if terms.cool_us == 0 or kind < 0:
        return 0
    if terms.failure_ratio > 0.0 and (kind == OK or (terms.cool_on >> kind) & 1 != 0):
        minute = now_us // MINUTE_US
        if minute != state.minute:
            state.minute, state.minute_calls, state.minute_failed = minute, 0, 0
        state.minute_calls += 1
        state.minute_failed += 1 if kind != OK else 0
    if kind == OK:
        if state.cooled_until_us <= now_us:
            state.half_open, state.grown_us = 0, 0
        if terms.consecutive != 0:
            state.failed = 0
        return 0
    too_many = (terms.cool_on >> kind) & 1 != 0 and (_too_many(terms, state, recent, now_us) or is_probe != 0)
    for_us = _cooldown_us(terms, state, kind, too_many, retry_after_us)
    if for_us == 0:
        return 0
    if call_terms.most_cooled < NEVER:
        cooled = 0
        for other in range(len(states)):
            cooled += other != index and states[other].cooled_until_us > now_us
        if cooled >= call_terms.most_cooled:
            return 0
    state.cooled_until_us = max(state.cooled_until_us, now_us + for_us)
    state.era += 1
    state.half_open = 1 if terms.probes > 0 else 0
    state.probing, state.minute_calls, state.minute_failed = 0, 0, 0
    if terms.counts_from_first == 0:
        state.failed = 0
    return 1


def _too_many(terms: Any, state: Any, recent: Any, now_us: int) -> bool:
    """Count a failure, and tell whether it is one too many; :func:`settle` has the parameters."""
    too_many = False
    if terms.failure_ratio > 0.0 and state.minute_calls >= terms.min_calls:
        enough = terms.failure_ratio * state.minute_calls
        too_many = state.minute_failed > enough or state.minute_failed == state.minute_calls
    if terms.counts_from_first != 0:
        if state.failed == 0 or now_us - recent[0] >= terms.within_us:
            recent[0], state.failed = now_us, 0
        state.failed += 1
        too_many = too_many or state.failed >= terms.failures
    elif terms.failures > 0:
        recent[state.failed % terms.failures] = now_us
        state.failed += 1
        if state.failed >= terms.failures:
            too_many = too_many or now_us - recent[state.failed % terms.failures] <= terms.within_us
    return too_many


def _cooldown_us(terms: Any, state: Any, kind: int, too_many: bool, retry_after_us: int) -> int:
    """Return for how long a failure cools a deployment, 0 for not at all, and let the next time be longer."""
    for_us = terms.cool_us if too_many or (terms.cool_at_once >> kind) & 1 != 0 else 0
    if for_us > 0:
        if state.grown_us > 0:
            for_us = int(min(state.grown_us * terms.growth + terms.growth_us, terms.max_cool_us))
        state.grown_us = for_us
    if terms.retry_after_is_length != 0 and for_us > 0 and retry_after_us > 0:
        for_us = retry_after_us
    if terms.from_retry_after != 0 and kind == RATE_LIMIT:
        for_us = max(for_us, retry_after_us)
    return int(min(for_us, terms.max_cool_us))


def all_cool_until(states: Any, order: Any, size: int, now_us: int) -> int:
    """Return when the first of the open deployments has cooled: now, unless they all cool."""
    soonest_us = NEVER
    for place in range(size):
        until_us = states[order[place]].cooled_until_us
        if until_us <= now_us:
            return now_us
        soonest_us = min(soonest_us, until_us)
    return soonest_us if size > 0 else now_us


def pause_us(terms: Any, tries: int, u: float, v: float) -> int:
    """Return the backoff after so many tries on a deployment; see :class:`Terms` for the formula."""
    wanted_us = terms.initial_us
    for _ in range(tries - 1 + terms.first_power):
        wanted_us *= terms.base
        if wanted_us > terms.max_us * 4.0:  # it only grows
            break
    wanted_us = min(wanted_us - terms.initial_us * terms.minus, terms.max_us)
    jittered_us = wanted_us * (terms.lo + (terms.hi - terms.lo) * u) + terms.add_us * v
    return int(min(jittered_us, terms.cap_us))


def after_failure(
    terms: Any,
    call_terms: Any,
    shared: Any,
    budget: Any,
    now_us: int,
    deadline_us: int,
    tries: int,
    kind: int,
    retry_after_us: int,
    cooled: int,
    is_last: bool,
    u: float,
    v: float,
) -> tuple[int, int]:
    """Return what follows a failed attempt, and when: ``RETRY``, ``MOVE_ON`` or ``END``, and an instant.

    Parameters
    ----------
    terms, call_terms : Terms, CallTerms
    shared, budget : Shared, sequence of int
        The retry budget, as :func:`withdraw` takes it.
    now_us, deadline_us : int
    tries : int
        How often this call has tried this deployment.
    kind, retry_after_us : int
        What the attempt came to.
    cooled : int
        Whether a cooldown began with it: what :func:`settle` returned.
    is_last : bool
        Whether nobody follows in the order.
    u, v : float
        Uniform numbers in [0, 1), for the jitter.
    """
    if (terms.raise_on >> kind) & 1:
        return END, now_us
    if (terms.retry_on >> kind) & 1 == 0 or (cooled != 0 and terms.ends_retries != 0):
        return MOVE_ON, now_us
    again = tries <= terms.max_retries
    if not again and (terms.before_failing if is_last else terms.before_fallback) == 0:
        return MOVE_ON, now_us
    wait_us = pause_us(terms, tries, u, v)
    if 0 < retry_after_us <= terms.retry_after_max_us:
        if terms.retry_after_replaces != 0:
            wait_us = retry_after_us + int(terms.add_us * v)
        wait_us = max(wait_us, retry_after_us)
    elif retry_after_us > 0 and terms.retry_after_max_us > 0 and terms.ignores_beyond == 0:
        return MOVE_ON, now_us
    if now_us + wait_us >= deadline_us:
        return MOVE_ON, now_us
    if again and call_terms.retry_cost > 0 and not withdraw(call_terms, shared, budget, now_us):
        return MOVE_ON, now_us
    return RETRY if again else MOVE_ON, now_us + wait_us


def _turn(call_terms: Any, shared: Any, budget: Any, now_us: int) -> None:
    """Forget what a retry budget took in longer ago than its time to live."""
    tenth = now_us // call_terms.tenth_us
    if abs(tenth - shared.tenth) >= 10:  # or a live clock was set back
        for place in range(10):
            budget[place] = 0
        shared.tenth = tenth
    while shared.tenth < tenth:
        shared.tenth += 1
        budget[shared.tenth % 10] = 0


def deposit(call_terms: Any, shared: Any, budget: Any, now_us: int) -> None:
    """Let a call that arrives pay into the retry budget: a thousand parts."""
    if now_us // call_terms.tenth_us != shared.tenth:
        _turn(call_terms, shared, budget, now_us)
    budget[shared.tenth % 10] += 1000


def withdraw(call_terms: Any, shared: Any, budget: Any, now_us: int) -> bool:
    """Take the cost of one retry out of the budget, if it is there; return whether it was.

    Finagle's budget: what it holds are the deposits less the withdrawals of the last ten tenths of its time to live,
    and a reserve.
    """
    _turn(call_terms, shared, budget, now_us)
    holds = call_terms.reserve
    for place in range(10):
        holds += budget[place]
    if holds < call_terms.retry_cost:
        return False
    budget[shared.tenth % 10] -= call_terms.retry_cost
    return True


def weighted_choice(weights: Any, order: Any, first: int, last: int, u: float) -> None:
    """Move one of the deployments ``order[first:last]``, drawn by weight, to the first place; others stay in order.

    All stay where the weights are 0.
    """
    total = 0.0
    for place in range(first, last):
        total += weights[order[place]]
    rest = u * total
    chosen = last - 1 if total > 0.0 else first
    for place in range(first, last):
        rest -= weights[order[place]]
        if rest < 0.0:
            chosen = place
            break
    deployment = order[chosen]
    for place in range(chosen, first, -1):
        order[place] = order[place - 1]
    order[first] = deployment
