"""The compiled engine for calls that touch each other: a heap of events over the flights of calls.

The order of events is that of :mod:`timegate.engines.stepped`, and what a call does next is decided by the same
functions. The loop stops and goes on where it was: when room runs out, when a user may have interrupted, and when a
stream's next part is not known yet.
"""

from __future__ import annotations

from timegate.core import capacity, policy, prompt_cache
from timegate.core.capacity import REFUSED, WAITS, ask, can_start, release, settle_tokens, start, stopping
from timegate.core.columns import NOBODY, OK, RATE_LIMIT, TIMEOUT
from timegate.core.draws import uniform
from timegate.core.jit import jit, register
from timegate.core.policy import (
    ADMITTED,
    END,
    MOVE_ON,
    NEVER,
    PASS_OVER,
    USE_ANYWAY,
    after_failure,
    all_cool_until,
    begin,
    deposit,
    gives_up_us,
    settle,
    why_not,
)
from timegate.core.prompt_cache import cached_at
from timegate.engines.flights import AT_ONCE, pop, push
from timegate.engines.judge import judge, judge_block
from timegate.engines.order import find_order
from timegate.engines.record import begin_call, end_attempt, end_call

__all__ = ["FINISHED", "FULL", "ROWS_FULL", "run_events"]

register(policy)
register(capacity)
register(prompt_cache)

ENDS, LIMIT, PAUSE = range(3)  # classes of events; arrivals come last
FINISHED, PAUSED, FULL, ROWS_FULL = range(4)
_AT_ONCE = 1 << 20  # events between two looks at whether the user has interrupted
_FEW = 8  # calls since the last first attempt on a deployment, up to which a block is worth its while


@jit(refcount=False, merged=True)
def _serve(loop, policies, who, now_us):  # type: ignore[no-untyped-def]
    """Let an attempt's work begin: see ``providers.Providers._serve``."""
    flight = loop.flights[who]
    flight.queue = -1
    flight.until_us = gives_up_us(flight.until_us, now_us + flight.first_us, flight.first_until_us)
    ends_us = now_us + flight.service_us
    if ends_us <= flight.until_us:
        flight.event_us, flight.event_class = ends_us, ENDS
        push(loop, ends_us, ENDS, flight.call, flight.made, who)
        return
    flight.event_us, flight.event_class = flight.until_us, LIMIT
    push(loop, flight.until_us, LIMIT, flight.call, flight.made, who)
    if flight.mask == 0:
        return
    works_on = flight.mask & ~stopping(policies.providers, flight.mask)
    if works_on != 0:
        loop.counters[2] -= 1
        ghost = loop.free[loop.counters[2]]
        other = loop.flights[ghost]
        other.call, other.made, other.event_us = -1 - flight.call, flight.made, ends_us
        other.mask, other.answer = works_on, flight.answer if flight.outcome == OK else 0
        push(loop, ends_us, ENDS, flight.call, flight.made, ghost)


@jit(refcount=False, merged=True)
def _leave_queue(loop, policies, who):  # type: ignore[no-untyped-def]
    """Take a flight out of the queue that it waits in."""
    flight = loop.flights[who]
    queue = flight.queue
    if flight.before >= 0:
        loop.flights[flight.before].next = flight.next
    else:
        loop.heads[queue] = flight.next
    if flight.next >= 0:
        loop.flights[flight.next].before = flight.before
    else:
        loop.tails[queue] = flight.before
    policies.providers[queue].waiting -= 1


@jit(refcount=False)
def _release(loop, policies, mask, answer, now_us):  # type: ignore[no-untyped-def]
    """Give slots back, and let those begin that wait for them: see ``providers.Providers.release``."""
    release(policies.providers, mask)
    settle_tokens(policies.providers, mask, now_us, answer)
    for queue in range(len(loop.heads)):
        who = loop.heads[queue]
        while who >= 0:
            mask = loop.flights[who].mask
            if not can_start(policies.providers, mask):
                break
            _leave_queue(loop, policies, who)
            start(policies.providers, mask)
            _serve(loop, policies, who, now_us)
            who = loop.heads[queue]


@jit(refcount=False, merged=True)
def _judged(loop, plan, call, deployment, epoch, tries, now_us, arrivals, answers, number, answer):  # type: ignore[no-untyped-def]
    """Judge an attempt, from a block where it is the first of its call, and made at its arrival."""
    deployments = plan.is_open.shape[1]
    cell = epoch * deployments + deployment
    if tries > 1 or now_us != arrivals[number]:
        return judge(plan, cell, call, tries - 1, now_us, answer)
    block_of = loop.block_of[deployment]
    was_lately = number - block_of[3] <= _FEW
    block_of[3] = number
    if not (block_of[0] == cell and block_of[1] <= number < block_of[2]):
        if not was_lately:
            return judge(plan, cell, call, 0, now_us, answer)
        size = min(AT_ONCE, len(arrivals) - number)
        lengths = answers[number:] if len(answers) > 0 else answers
        judge_block(plan, cell, call, loop.places, arrivals[number:], loop.zeros, lengths, size, True, loop.work)
        for j in range(size):
            loop.block_outcome[deployment, j] = loop.work[0][j]
            loop.block_took_us[deployment, j] = loop.work[1][j]
            loop.block_retry_after_us[deployment, j] = loop.work[2][j]
            loop.block_first_us[deployment, j] = loop.work[3][j]
        block_of[0], block_of[1], block_of[2] = cell, number, number + size
    j = number - block_of[1]
    return (
        loop.block_outcome[deployment, j],
        loop.block_took_us[deployment, j],
        loop.block_retry_after_us[deployment, j],
        loop.block_first_us[deployment, j],
    )


@jit(refcount=False)
def _note_skip(log, call, deployment, now_us, reason):  # type: ignore[no-untyped-def]
    row = log.skips[log.counts[0]]
    row[0], row[1], row[2], row[3] = call, deployment, now_us, reason
    log.counts[0] += 1


@jit(refcount=False)
def run_events(  # type: ignore[no-untyped-def]
    plan, policies, orders, loop, log, first, at_us, preferred, prompts, answers, cached, calls, rows, row_of, more
):
    """Take arrivals and events in their order, until there are none or the loop has to stop.

    Parameters
    ----------
    plan, policies, orders, loop, log : Plan, Policies, Orders, Loop, LoopLog
    first : int
        Number of the first of the calls that are given.
    at_us, preferred, prompts, answers : ndarray
        As :func:`timegate.engines.kernel.route_calls` takes them.
    cached : ndarray
        How many of each prompt's tokens the first choice has in its cache; empty if no capacity asks.
    calls, rows, row_of : Calls, Attempts, ndarray
        To be written. An attempt's row follows from ``row_of``, where each call's attempts begin; if that is empty, it
        is the next in the order in which attempts end, and none if there are no rows.
    more : bool
        Whether later arrivals follow, so that only what happens up to the last of these is known.

    Returns
    -------
    int
        ``FINISHED``, ``PAUSED`` after many events, ``FULL`` where flights or heap need more room, or ``ROWS_FULL``
        where attempts or the log do.
    """
    counters, flights, states = loop.counters, loop.flights, policies.states
    call_terms, shared, budget = policies.call_terms[0], policies.shared[0], policies.budget
    deployments, count = plan.is_open.shape[1], len(at_us)
    records, logs = len(row_of) > 0, len(log.counts) > 0
    room = 0 if records else len(rows.call)  # of attempts one after another
    epoch, least = counters[3], 2 + len(loop.heads)  # one step may let one waiting attempt begin for each capacity
    for _ in range(_AT_ONCE):
        i = counters[0]
        if i >= count and (counters[1] == 0 or (more and loop.at_us[0] > at_us[count - 1])):
            counters[3] = epoch
            return FINISHED
        if counters[2] < least or counters[1] + 2 * least > len(loop.at_us):
            counters[3] = epoch
            return FULL
        if room > 0 and counters[4] == room:
            counters[3] = epoch
            return ROWS_FULL
        # A step may pass over each deployment once, and cool one.
        if logs and (log.counts[0] + deployments > len(log.skips) or log.counts[1] == len(log.coolings)):
            counters[3] = epoch
            return ROWS_FULL
        # What happens next: an event, unless an arrival comes before it.
        arrives = counters[1] == 0 or (i < count and at_us[i] < loop.at_us[0])
        goes_on = True  # whether the call looks for whom to try next
        if arrives:
            now_us = at_us[i]
            counters[0] += 1
            counters[2] -= 1
            who = loop.free[counters[2]]
            flight, order = flights[who], loop.orders[who]
            while plan.edges_us[epoch + 1] <= now_us:
                epoch += 1
            size, first_choice = find_order(plan, policies, orders, epoch, preferred[i] + 1, first + i, order)
            flight.call, flight.at_us, flight.deadline_us = first + i, now_us, now_us + call_terms.deadline_us
            flight.choices, flight.first_choice, flight.place, flight.tries, flight.made = size, first_choice, 0, 0, 0
            flight.pause_us, flight.uses_cooled, flight.queue, flight.mask = 0, 0, -1, 0
            flight.prompt = 0 if len(prompts) == 0 else prompts[i]
            flight.answer = 0 if len(answers) == 0 else answers[i]
            begin_call(calls, i)
            if call_terms.retry_cost > 0:
                deposit(call_terms, shared, budget, now_us)
            if call_terms.when_all_cool != PASS_OVER:
                soonest_us = all_cool_until(states, order, size, now_us)
                if soonest_us > now_us and call_terms.when_all_cool == USE_ANYWAY:
                    flight.uses_cooled = 1
                elif now_us < soonest_us < flight.deadline_us and soonest_us <= now_us + call_terms.max_wait_us:
                    flight.pause_us = soonest_us - now_us
                    push(loop, soonest_us, PAUSE, flight.call, 0, who)
                    goes_on = False
        else:
            now_us, kind, who = loop.at_us[0], loop.key[0] >> 60, loop.who[0]
            call, attempt = (loop.key[0] >> 15) & 0x1FFFFFFFFFFF, loop.key[0] & 0x7FFF
            pop(loop)
            while plan.edges_us[epoch + 1] <= now_us:
                epoch += 1
            flight, order = flights[who], loop.orders[who]
            if flight.call < 0:  # work whose caller has long given up
                if flight.call != -1 - call or flight.made != attempt or flight.event_us != now_us or kind != ENDS:
                    continue  # an event of who had this flight before
                loop.free[counters[2]] = who
                counters[2] += 1
                _release(loop, policies, flight.mask, flight.answer, now_us)
                continue
            if kind != PAUSE:
                if flight.call != call or flight.made != attempt:
                    continue  # the flight is another call's by now
                if flight.event_class != kind or flight.event_us != now_us:
                    continue  # the attempt waited in a queue, and no longer does
                # The attempt ends: see ``stepped._Run._end``.
                deployment = flight.deployment
                terms, state = policies.terms[deployment], states[deployment]
                outcome, retry_after_us, answer, released = flight.outcome, flight.retry_after_us, 0, flight.mask
                if flight.queue >= 0:
                    _leave_queue(loop, policies, who)
                    settle_tokens(policies.providers, flight.mask, now_us, 0)
                    outcome = RATE_LIMIT if flight.queue_until_us <= now_us else TIMEOUT
                    retry_after_us, released, flight.queue = 0, 0, -1
                elif kind == LIMIT:
                    outcome, retry_after_us = TIMEOUT, 0
                    if released != 0:
                        released = stopping(policies.providers, flight.mask)
                elif outcome == OK:
                    answer = flight.answer
                flight.event_us = -1
                if released != 0:
                    _release(loop, policies, released, answer, now_us)
                cools = settle(
                    terms, states, policies.recent[deployment], deployment, call_terms, now_us, outcome, flight.era,
                    flight.is_probe, retry_after_us, answer,
                )  # fmt: skip
                if logs and cools != 0:
                    cooling = log.coolings[log.counts[1]]
                    cooling[0], cooling[1], cooling[2] = deployment, now_us, state.cooled_until_us
                    log.counts[1] += 1
                number = call - first
                row = row_of[number] + attempt - 1 if records else -1
                if room > 0:
                    row = counters[4]
                    counters[4] += 1
                end_attempt(
                    calls, number, rows, row, call, deployment, flight.pause_us, flight.started_us, outcome,
                    now_us - flight.started_us,
                )  # fmt: skip
                flight.pause_us = 0
                if outcome == OK:
                    end_call(calls, number, deployment, flight.first_choice, flight.choices, now_us - flight.at_us)
                    loop.free[counters[2]] = who
                    counters[2] += 1
                    continue
                if terms.raise_on == 0 and terms.retry_on == 0:
                    flight.place, flight.tries = flight.place + 1, 0
                else:
                    u, v = 0.0, 0.0
                    if (terms.retry_on >> outcome) & 1:
                        k0, k1 = policies.backoff_keys[deployment, 0], policies.backoff_keys[deployment, 1]
                        u, v = uniform(k0, k1, call, 2 * flight.tries), uniform(k0, k1, call, 2 * flight.tries + 1)
                    follows, until_us = after_failure(
                        terms, call_terms, shared, budget, now_us, flight.deadline_us, flight.tries, outcome,
                        retry_after_us, cools, flight.place + 1 == flight.choices, u, v,
                    )  # fmt: skip
                    if follows == END:
                        flight.choices, flight.place = -1 - flight.choices, 0  # nobody else is asked, or noted
                    elif follows == MOVE_ON:
                        flight.place, flight.tries = flight.place + 1, 0
                    if until_us > now_us:
                        flight.pause_us = until_us - now_us
                        push(loop, until_us, PAUSE, call, attempt, who)
                        goes_on = False
        if not goes_on:
            continue
        # The call looks for whom to try next: see ``routing.Call.steps``.
        place = flight.place
        while place < flight.choices:
            deployment = order[place]
            terms, state = policies.terms[deployment], states[deployment]
            reason = why_not(terms, state, now_us, flight.deadline_us, flight.prompt, flight.uses_cooled)
            if reason == ADMITTED:
                break
            if logs:
                _note_skip(log, flight.call, deployment, now_us, reason)
            place, flight.tries = place + 1, 0
        flight.place = place
        if place >= flight.choices:
            size = flight.choices if flight.choices >= 0 else -1 - flight.choices
            end_call(calls, flight.call - first, NOBODY, flight.first_choice, size, now_us - flight.at_us)
            loop.free[counters[2]] = who
            counters[2] += 1
            continue
        deployment = order[place]
        terms, state = policies.terms[deployment], states[deployment]
        flight.is_probe, flight.era = begin(terms, state, now_us, flight.prompt), state.era
        flight.deployment, flight.started_us = deployment, now_us
        flight.tries += 1
        flight.made += 1
        flight.until_us = min(now_us + terms.timeout_us, flight.deadline_us)
        flight.first_until_us = now_us + terms.first_chunk_us
        flight.outcome, flight.service_us, flight.retry_after_us, flight.first_us = _judged(
            loop, plan, flight.call, deployment, epoch, flight.tries, now_us, at_us, answers,
            flight.call - first, flight.answer,
        )  # fmt: skip
        flight.mask = plan.masks[epoch * deployments + deployment]
        if flight.mask != 0:
            held = 0
            if len(cached) > 0:
                held = cached_at(deployment, flight.first_choice, cached[flight.call - first])
            verdict, retry_after_us, queue = ask(policies.providers, flight.mask, now_us, flight.prompt, held)
            if verdict == REFUSED:
                flight.outcome, flight.service_us, flight.retry_after_us = RATE_LIMIT, 0, retry_after_us
                flight.mask = 0
            elif verdict == WAITS:
                flight.queue, flight.next, flight.before = queue, -1, loop.tails[queue]
                if flight.before >= 0:
                    flights[flight.before].next = who
                else:
                    loop.heads[queue] = who
                loop.tails[queue] = who
                flight.queue_until_us = now_us + policies.providers[queue].queue_timeout_us
                limit_us = min(flight.until_us, flight.first_until_us, flight.queue_until_us)
                flight.event_us, flight.event_class = limit_us, LIMIT
                if limit_us < NEVER:
                    push(loop, limit_us, LIMIT, flight.call, flight.made, who)
                continue
        _serve(loop, policies, who, now_us)
    counters[3] = epoch
    return PAUSED
