"""The decisions on plain numbers: limits, pauses, cooldowns, the retry budget, and the draw by weight."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import astuple
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timegate.core import capacity, policy
from timegate.core.capacity import Provider
from timegate.core.columns import ATTEMPT_OUTCOMES
from timegate.core.policy import (
    ADMITTED,
    CONCURRENT,
    COOLING,
    END,
    LATE,
    MOVE_ON,
    NEVER,
    PROBING,
    REQUESTS,
    RETRY,
    TOKENS,
    UNIT,
    CallTerms,
    Shared,
    State,
    Terms,
)
from timegate.core.settings import CallPolicy, Policy

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
NOW_US = 1_772_409_600_000_000  # midnight in UTC

rates = st.sampled_from([1, 7, 60, 500, 10**6, 10**9])
steps_us = st.lists(st.integers(0, MINUTE_US) | st.sampled_from([0, 1, SECOND_US]), min_size=1, max_size=40)


def code(kind: str) -> int:
    return ATTEMPT_OUTCOMES.index(kind)


class Deployment:
    """One deployment of several, and attempts on it."""

    def __init__(self, fields: dict[str, Any], deployments: int = 1, **general: Any) -> None:
        self.terms = Policy(**fields).terms()
        self.call_terms = CallPolicy(**general).call_terms(deployments)
        self.states = [State() for _ in range(deployments)]
        self.recent = [0] * max(self.terms.failures, 1)

    @property
    def state(self) -> State:
        return self.states[0]

    def why_not(self, now_us: int, prompt: int = 0) -> int:
        return policy.why_not(self.terms, self.state, now_us, NEVER, prompt, 0)

    def begin(self, now_us: int, prompt: int = 0) -> tuple[int, int]:
        """Begin an attempt, and return what its end has to say: the era, and whether it probes."""
        is_probe = policy.begin(self.terms, self.state, now_us, prompt)
        return self.state.era, is_probe

    def end(
        self, attempt: tuple[int, int], now_us: int, kind: str | None, retry_after_us: int = 0, answer: int = 0
    ) -> int:
        outcome = -1 if kind is None else code(kind)
        return policy.settle(
            self.terms, self.states, self.recent, 0, self.call_terms, now_us, outcome, *attempt, retry_after_us, answer
        )

    def attempt(self, now_us: int, kind: str, retry_after_us: int = 0) -> int:
        """Let an attempt begin and end at an instant, and return for how long a cooldown then lasts."""
        cools = self.end(self.begin(now_us), now_us, kind, retry_after_us)
        return self.state.cooled_until_us - now_us if cools else 0


# Buckets (rule 7)


@given(left=st.integers(-(10**6) * UNIT, 10**6 * UNIT), rate=rates, passed_us=st.integers(-10, 10**15))
def test_a_bucket_gains_its_rate_and_never_more_than_it_holds(left: int, rate: int, passed_us: int) -> None:
    """What it holds is what it held and the rate times the time, up to full; a clock that jumps back takes nothing."""
    full = 10**6 * UNIT
    now = policy.refilled(left, NOW_US, rate, full, NOW_US + passed_us)
    assert now == min(left + rate * max(passed_us, 0), full)


@given(left=st.integers(-(10**4), 10**10), cost=st.integers(0, 10**10), rate=rates)
def test_a_shortage_lasts_until_the_cost_is_there_to_the_microsecond(left: int, cost: int, rate: int) -> None:
    """At that instant the bucket holds the cost, a microsecond before it does not; it never holds more than full."""
    full = 10**9
    short_us = policy.shortage_us(left, cost, rate, full)
    if left >= cost:
        assert short_us == 0
    elif cost > full:
        assert short_us == NEVER
    else:
        assert policy.refilled(left, 0, rate, full, short_us) >= cost
        assert policy.refilled(left, 0, rate, full, short_us - 1) < cost


@given(rate=st.sampled_from([1, 7, 60, 500]), steps_us=steps_us)
def test_never_more_requests_than_a_burst_and_the_rate(rate: int, steps_us: list[int]) -> None:
    """Over any stretch between two admitted attempts, at most a full bucket and what it gains; the first fit in."""
    deployment = Deployment({"limits": {"requests_per_min": rate}})
    admitted, now_us = [], NOW_US
    for step_us in (0, *steps_us) * 3:
        now_us += step_us
        if deployment.why_not(now_us) == ADMITTED:
            deployment.begin(now_us)
            admitted.append(now_us)
        else:
            assert deployment.why_not(now_us) == REQUESTS
            left = deployment.state.requests_left
            short_us = policy.shortage_us(left, UNIT, rate, rate * UNIT) + deployment.state.requests_at_us - now_us
            assert deployment.why_not(now_us + short_us) == ADMITTED
            assert deployment.why_not(now_us + short_us - 1) == REQUESTS
    for i, from_us in enumerate(admitted):
        for j in range(i, len(admitted)):
            assert (j - i + 1 - rate) * UNIT <= rate * (admitted[j] - from_us)


@given(rate=st.sampled_from([1, 7, 60]), moves_us=st.lists(st.tuples(*[st.integers(0, MINUTE_US)] * 2), max_size=40))
def test_a_clock_that_is_set_back_gains_nothing_twice(rate: int, moves_us: list[tuple[int, int]]) -> None:
    """Up to a minute behind the latest instant, as often as you like: what was gained until then was gained once."""
    deployment = Deployment({"limits": {"requests_per_min": rate}})
    latest_us, admitted = NOW_US, 0
    for forth_us, back_us in [(0, 0), *moves_us]:
        latest_us += forth_us
        for now_us, most in ((latest_us, 1), (latest_us - back_us, 1), (latest_us, rate)):
            for _ in range(most):
                if deployment.why_not(now_us) == ADMITTED:
                    deployment.begin(now_us)
                    admitted += 1
        assert (admitted - rate) * UNIT <= rate * (latest_us - NOW_US)


def test_a_clock_that_is_set_back_by_an_hour_empties_no_bucket() -> None:
    """It begins anew, full, and then gains its rate: else it would stay empty for the hour."""
    deployment = Deployment({"limits": {"requests_per_min": 2, "tokens_per_min": 10}})

    def admitted(now_us: int) -> int:
        count = 0
        while deployment.why_not(now_us, 5) == ADMITTED:
            deployment.begin(now_us, 5)
            count += 1
        return count

    back_us = NOW_US - 3600 * SECOND_US
    assert [admitted(NOW_US), admitted(NOW_US), admitted(back_us), admitted(back_us)] == [2, 0, 2, 0]
    assert [admitted(back_us + s * SECOND_US) for s in (29, 30, 31, 60)] == [0, 1, 0, 1]


@given(rate=st.sampled_from([1, 7, 60, 500]), steps_us=steps_us, burst=st.sampled_from([1, 3]))
def test_a_429_says_when_it_would_be_admitted(rate: int, steps_us: list[int], burst: int) -> None:
    """At ``Retry-After`` the same attempt is admitted, a microsecond before it is not; refusals cost nothing."""
    provider, now_us = Provider(requests_rate=rate, requests_full=burst * UNIT), NOW_US
    for step_us in (0, *steps_us):
        now_us += step_us
        before = astuple(provider)
        verdict, retry_after_us, _ = capacity.ask([provider], 1, now_us, 0, 0)
        if verdict == capacity.REFUSED:
            assert retry_after_us > 0
            assert astuple(provider) == before
            assert capacity.ask([Provider(*before)], 1, now_us + retry_after_us, 0, 0)[0] == capacity.STARTS
            assert capacity.ask([Provider(*before)], 1, now_us + retry_after_us - 1, 0, 0)[0] == capacity.REFUSED
        assert provider.requests_left <= provider.requests_full


def test_what_never_fits_is_refused_without_a_retry_after() -> None:
    """A prompt that is longer than a minute's tokens has nothing to wait for."""
    provider = Provider(tokens_rate=1000, tokens_full=1000 * UNIT)
    assert capacity.ask([provider], 1, NOW_US, 1001, 0) == (capacity.REFUSED, 0, -1)
    assert capacity.ask([provider], 1, NOW_US, 1000, 0) == (capacity.STARTS, 0, -1)


def test_several_capacities_admit_together_or_not_at_all() -> None:
    """An attempt that one refuses takes nothing from the other; the longer wait of both is told."""
    free, slow = Provider(requests_rate=60, requests_full=60 * UNIT), Provider(requests_rate=2, requests_full=UNIT)
    assert capacity.ask([free, slow], 3, NOW_US, 0, 0)[0] == capacity.STARTS
    left = free.requests_left
    assert capacity.ask([free, slow], 3, NOW_US, 0, 0) == (capacity.REFUSED, 30 * SECOND_US, -1)
    assert (free.requests_left, free.running) == (left, 1)


def test_tokens_take_the_prompt_at_the_start_and_the_answer_at_the_end() -> None:
    """The answer may overdraw the bucket, which then admits not even an empty prompt until it has come back."""
    deployment = Deployment({"limits": {"tokens_per_min": 60}})
    assert deployment.why_not(NOW_US, prompt=61) == TOKENS
    attempt = deployment.begin(NOW_US, prompt=50)
    assert deployment.why_not(NOW_US, prompt=11) == TOKENS
    assert deployment.why_not(NOW_US, prompt=10) == ADMITTED
    deployment.end(attempt, NOW_US, "ok", answer=30)
    assert deployment.why_not(NOW_US + 20 * SECOND_US - 1) == TOKENS
    assert deployment.why_not(NOW_US + 20 * SECOND_US) == ADMITTED


def test_slots_are_given_back_by_any_end() -> None:
    """An answer, a failure and an attempt that was given up each free one."""
    deployment = Deployment({"limits": {"concurrent": 3}})
    attempts = [deployment.begin(NOW_US) for _ in range(3)]
    assert deployment.why_not(NOW_US) == CONCURRENT
    for kind in ("ok", "server_error", None):
        deployment.end(attempts.pop(), NOW_US, kind)
        assert deployment.why_not(NOW_US) == ADMITTED
    assert deployment.state.running == 0


# Pauses (rule 9)


@given(
    initial_s=st.floats(0, 100),
    base=st.floats(1, 5),
    stretch=st.floats(1, 800),
    lo=st.floats(0, 2),
    width=st.floats(0, 2),
    add_s=st.floats(0, 5),
    cap_s=st.none() | st.floats(0, 100),
    minus_one=st.booleans(),
    tries=st.integers(1, 60),
    u=st.floats(0, 1, exclude_max=True),
    v=st.floats(0, 1, exclude_max=True),
)
def test_a_pause_is_what_its_formula_says(
    initial_s: float, base: float, stretch: float, lo: float, width: float, add_s: float, cap_s: float | None,
    minus_one: bool, tries: int, u: float, v: float,
) -> None:  # fmt: skip
    """It is the formula's, in exact fractions and but for rounding, whatever is drawn; so it lies within its bounds."""
    backoff = {"initial_s": initial_s, "base": base, "max_s": initial_s * stretch, "lo": lo, "hi": lo + width}
    backoff |= {"add_s": add_s, "cap_s": cap_s, "minus_one": minus_one}
    terms = Policy(max_retries=1, backoff=backoff).terms()
    step = Fraction(base) ** tries - 1 if minus_one else Fraction(base) ** (tries - 1)
    wanted_us = min(Fraction(initial_s) * step, Fraction(initial_s * stretch)) * 10**6
    exact_us = wanted_us * (Fraction(lo) + Fraction(width) * Fraction(u)) + Fraction(add_s) * 10**6 * Fraction(v)
    exact_us = min(exact_us, Fraction(86_400 if cap_s is None else cap_s) * 10**6)
    pause_us = policy.pause_us(terms, tries, u, v)
    assert (
        exact_us * (1 - Fraction(1, 10**9)) - 1 <= pause_us <= exact_us * (1 + Fraction(1, 10**9)) + Fraction(1, 1000)
    )


def pauses_s(u: float, v: float = 0.0, tries: Any = range(1, 7), **backoff: Any) -> list[float]:
    terms = Policy(max_retries=9, backoff=backoff).terms()
    return [policy.pause_us(terms, n, u, v) / 1e6 for n in tries]


def test_backoff_of_tenacity() -> None:
    """The cases of its own tests: ``wait_exponential()`` with and without max, and ``wait_random_exponential``."""
    whole = {"initial_s": 1, "jitter": "none"}
    assert pauses_s(0, max_s=86_400, tries=range(1, 9), **whole) == [1, 2, 4, 8, 16, 32, 64, 128]
    assert pauses_s(0, max_s=40, tries=[1, 2, 3, 4, 5, 6, 7, 8, 50], **whole) == [1, 2, 4, 8, 16, 32, 40, 40, 40]
    assert pauses_s(0, initial_s=10, max_s=60) == [0] * 6
    assert pauses_s(0.5, initial_s=10, max_s=60) == [5, 10, 20, 30, 30, 30]


def test_backoff_of_stamina() -> None:
    """Its defaults, initial 0.1, base 2 and up to 1 s of jitter, are bounded by 5 s with the jitter."""
    stamina = {"initial_s": 0.1, "max_s": 86_400, "jitter": "none", "add_s": 1, "cap_s": 5}
    assert pauses_s(0, **stamina) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert pauses_s(0, 0.5, **stamina) == [0.6, 0.7, 0.9, 1.3, 2.1, 3.7]
    assert pauses_s(0, 0.5, tries=[7, 8, 50], **stamina) == [5, 5, 5]


@pytest.mark.parametrize(
    ("preset", "least_s", "most_s"),
    [
        ("litellm", [0.5, 1, 2, 4, 8, 8], [1.25, 1.75, 2.75, 4.75, 8.75, 8.75]),
        ("envoy", [0] * 6, [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]),
        ("portkey", [1, 2, 4, 8, 16, 16], [1, 2, 4, 8, 16, 16]),
        ("bifrost", [0.4, 0.8, 1.6, 3.2, 4, 4], [0.6, 1.2, 2.4, 4.8, 5, 5]),
    ],
)
def test_backoff_of_the_presets(preset: Any, least_s: list[float], most_s: list[float]) -> None:
    """The published pauses of each gateway, from the shortest to the longest that may be drawn."""
    terms = Policy(preset=preset).terms()
    almost_one = 1 - 2**-53
    for n, (least, most) in enumerate(zip(least_s, most_s, strict=True), start=1):
        assert policy.pause_us(terms, n, 0.0, 0.0) == pytest.approx(least * 1e6, abs=1)
        assert policy.pause_us(terms, n, almost_one, almost_one) == pytest.approx(most * 1e6, abs=1)


def test_backoff_as_envoy_documents_it() -> None:
    """Its documentation has ``2**n - 1`` times 25 ms, up to ten times that, which stands beside the preset."""
    terms = Policy(preset="envoy", backoff={"minus_one": True}).terms()
    most_s = [policy.pause_us(terms, n, 1 - 2**-53, 0.0) / 1e6 for n in range(1, 6)]
    assert most_s == pytest.approx([0.025, 0.075, 0.175, 0.25, 0.25], abs=2e-6)


def after(
    kind: str = "server_error", tries: int = 1, retry_after_s: float = 0, cooled: int = 0, is_last: bool = False,
    deadline_us: int = NEVER, **fields: Any,
) -> tuple[int, float]:  # fmt: skip
    """Return what follows a failure, and the pause before it in seconds; the backoff is 2 s, unless given."""
    given = {"max_retries": 2, "backoff": {"initial_s": 2, "jitter": "none", "add_s": 1}, **fields}
    follows, until_us = policy.after_failure(
        Policy(**given).terms(), CallTerms(), Shared(), [0] * 10, NOW_US, deadline_us, tries, code(kind),
        round(retry_after_s * 1e6), cooled, is_last, 0.0, 0.0,
    )  # fmt: skip
    return follows, (until_us - NOW_US) / 1e6


def test_what_follows_a_failure() -> None:
    """A kind that is retried is, as often as it may be; others move on at once; ``raise_on`` beats both."""
    assert after() == (RETRY, 2)
    assert after(tries=2) == (RETRY, 4)
    assert after(tries=3) == (MOVE_ON, 0)
    assert after("timeout") == (MOVE_ON, 0)
    assert after("timeout", retry_on=["timeout"]) == (RETRY, 2)
    assert after(raise_on=["server_error"]) == (END, 0)
    assert after(max_retries=0) == (MOVE_ON, 0)


def test_retry_after_lengthens_a_pause() -> None:
    """The greater of both counts; what exceeds the bound moves the call on at once."""
    assert after(retry_after_s=1) == (RETRY, 2)
    assert after(retry_after_s=7) == (RETRY, 7)
    assert after(retry_after_s=60) == (RETRY, 60)
    assert after(retry_after_s=60.000001) == (MOVE_ON, 0)
    assert after(retry_after_s=99, retry_after_max_s=0) == (RETRY, 2)
    assert after(retry_after_s=61, retry_after_beyond="ignore") == (RETRY, 2)


def test_retry_after_replaces_the_backoff() -> None:
    """It counts where it is the shorter one, too; the random part is added."""
    assert after(retry_after_s=1, retry_after="replace") == (RETRY, 1)
    terms = Policy(preset="litellm").terms()
    follows, until_us = policy.after_failure(
        terms, CallTerms(), Shared(), [0] * 10, NOW_US, NEVER, 1, code("timeout"), 5_000_000, 0, False, 0.0, 0.5
    )
    assert (follows, until_us - NOW_US) == (RETRY, 5_375_000)


def test_a_pause_never_reaches_the_deadline() -> None:
    """A pause that would end at the deadline moves the call on at once; one microsecond less is slept."""
    assert after(deadline_us=NOW_US + 2 * SECOND_US) == (MOVE_ON, 0)
    assert after(deadline_us=NOW_US + 2 * SECOND_US + 1) == (RETRY, 2)


def test_a_pause_before_the_next_deployment_and_before_failing() -> None:
    """Each is asked for by its own word, follows the last retry alone, and needs retries."""
    backoff = {"initial_s": 2, "jitter": "none"}
    fallback, failing = {**backoff, "before_fallback": True}, {**backoff, "before_failing": True}
    assert after(tries=3, backoff=fallback) == (MOVE_ON, 8)
    assert after(tries=3, backoff=fallback, is_last=True) == (MOVE_ON, 0)
    assert after(tries=3, backoff=failing) == (MOVE_ON, 0)
    assert after(tries=3, backoff=failing, is_last=True) == (MOVE_ON, 8)
    assert after("auth", tries=3, backoff=fallback) == (MOVE_ON, 0)
    assert after(max_retries=0, backoff=fallback) == (MOVE_ON, 0)


def test_a_cooldown_may_end_the_retries_of_its_call() -> None:
    """With ``ends_retries`` the call whose failure began it moves on at once; without, it pauses and asks again."""
    cooldown = {"failures": 1}
    assert after(cooled=1, cooldown=cooldown) == (RETRY, 2)
    assert after(cooled=1, cooldown={**cooldown, "ends_retries": True}) == (MOVE_ON, 0)
    assert after(cooled=0, cooldown={**cooldown, "ends_retries": True}) == (RETRY, 2)


# Cooldowns (rules 5 and 6)


def test_failures_cool_a_deployment_for_a_while() -> None:
    """The third failure begins a cooldown, which ends at its instant, and from which counts begin anew."""
    deployment = Deployment({"cooldown": {"failures": 3, "for_s": 30}})
    assert [deployment.attempt(NOW_US + i, "server_error") for i in range(3)] == [0, 0, 30 * SECOND_US]
    until_us = NOW_US + 2 + 30 * SECOND_US
    assert deployment.why_not(until_us - 1) == COOLING
    assert deployment.why_not(until_us) == ADMITTED
    assert [deployment.attempt(until_us + i, "server_error") for i in range(3)] == [0, 0, 30 * SECOND_US]


def test_attempts_that_began_before_a_cooldown_neither_count_nor_extend_it() -> None:
    """Two that run when it begins fail within it and after it: its end stays, and one new failure is one."""
    deployment = Deployment({"cooldown": {"failures": 2, "for_s": 10}})
    early = [deployment.begin(NOW_US) for _ in range(4)]
    assert [deployment.end(attempt, NOW_US, "server_error") for attempt in early[:2]] == [0, 1]
    until_us = deployment.state.cooled_until_us
    assert deployment.end(early[2], NOW_US + 5 * SECOND_US, "server_error") == 0
    assert deployment.end(early[3], until_us + 1, "server_error") == 0
    assert deployment.state.cooled_until_us == until_us
    assert deployment.attempt(until_us + 2, "server_error") == 0
    assert deployment.attempt(until_us + 3, "server_error") == 10 * SECOND_US


def test_failures_within_a_sliding_window() -> None:
    """Two within five seconds, both ends included; a success changes nothing unless failures are consecutive."""
    deployment = Deployment({"cooldown": {"failures": 2, "within_s": 5, "for_s": 1}})
    assert deployment.attempt(NOW_US, "server_error") == 0
    assert deployment.attempt(NOW_US + 5 * SECOND_US + 1, "server_error") == 0
    assert deployment.attempt(NOW_US + 6 * SECOND_US, "ok") == 0
    assert deployment.attempt(NOW_US + 10 * SECOND_US + 1, "server_error") == SECOND_US
    in_a_row = Deployment({"cooldown": {"failures": 2, "consecutive": True, "for_s": 1}})
    kinds = ["server_error", "ok", "server_error", "server_error"]
    assert [in_a_row.attempt(NOW_US + i, kind) for i, kind in enumerate(kinds)] == [0, 0, 0, SECOND_US]


def test_failures_from_the_first_one_on() -> None:
    """The window begins with a failure, is over at its end, and no cooldown lets its count begin anew."""
    cooldown = {"failures": 3, "within_s": 5, "window": "from_first", "for_s": 0.5}
    at_s = [0, 4, 6, 8, 9]  # the published case: a sliding window would cool at 8
    deployment = Deployment({"cooldown": cooldown})
    cooled = [deployment.attempt(NOW_US + s * SECOND_US, "timeout") > 0 for s in at_s]
    assert cooled == [False, False, False, False, True]
    deployment = Deployment({"cooldown": cooldown})
    cooled = [deployment.attempt(NOW_US + s * SECOND_US, "timeout") > 0 for s in [0, 1, 2, 3, 5, 6, 7]]
    assert cooled == [False, False, True, True, False, False, True]


def test_which_kinds_count() -> None:
    """Those of ``on``; one of ``at_once`` begins a cooldown by itself, and others do nothing."""
    deployment = Deployment({"cooldown": {"failures": 2, "for_s": 3, "on": ["timeout"], "at_once": ["auth"]}})
    assert deployment.attempt(NOW_US, "timeout") == 0
    assert deployment.attempt(NOW_US, "bad_request") == 0
    assert deployment.attempt(NOW_US, "auth") == 3 * SECOND_US
    assert deployment.attempt(NOW_US + 4 * SECOND_US, "timeout") == 0
    assert deployment.attempt(NOW_US + 4 * SECOND_US, "timeout") == 3 * SECOND_US


def test_a_share_of_failures_in_a_minute_of_the_clock() -> None:
    """More than half of at least four; or all of them; the next minute begins anew."""
    fields = {"cooldown": {"failure_ratio": 0.5, "min_calls": 4, "for_s": 1}}
    half = ["ok", "ok", "server_error", "server_error"]
    deployment = Deployment(fields)
    assert [deployment.attempt(NOW_US + i, kind) for i, kind in enumerate(half)] == [0] * 4
    assert deployment.attempt(NOW_US + 9, "server_error") == SECOND_US
    deployment = Deployment(fields)
    assert [deployment.attempt(NOW_US + MINUTE_US - 4 + i, kind) for i, kind in enumerate(half)] == [0] * 4
    assert [deployment.attempt(NOW_US + MINUTE_US + i, "server_error") for i in range(3)] == [0] * 3
    whole = Deployment({"cooldown": {"failure_ratio": 1.0, "min_calls": 2, "for_s": 1}})
    assert [whole.attempt(NOW_US + i, "server_error") for i in range(2)] == [0, SECOND_US]


def test_cooldowns_grow_until_an_answer() -> None:
    """Twice as long each, or by a sum, up to the longest; an answer after one lets them begin anew."""
    doubled = Deployment({"cooldown": {"failures": 1, "for_s": 10, "growth": 2, "max_s": 35}})
    at_us, lengths = NOW_US, []
    for kind in ["server_error"] * 4 + ["ok", "server_error"]:
        lengths.append(doubled.attempt(at_us, kind) // SECOND_US)
        at_us += 100 * SECOND_US
    assert lengths == [10, 20, 35, 35, 0, 10]


def test_ejections_of_envoy() -> None:
    """Five failures in a row eject for 30 s times the ejections up to 300; at most 10 % of hosts, so none of nine."""
    terms = CallPolicy(preset="envoy")
    twenty = Deployment({"preset": "envoy"}, 20, max_cooled_share=terms.max_cooled_share)
    lengths, at_us = [], NOW_US
    for _ in range(12):
        lengths.append([twenty.attempt(at_us, "server_error") // SECOND_US for _ in range(5)])
        at_us += 1000 * SECOND_US
    assert [row[:4] for row in lengths] == [[0] * 4] * 12
    assert [row[4] for row in lengths] == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]
    for hosts, others, cools in ((20, 1, True), (20, 2, False), (10, 0, True), (10, 1, False), (9, 0, False)):
        some = Deployment({"preset": "envoy"}, hosts, max_cooled_share=terms.max_cooled_share)
        for other in range(1, others + 1):
            some.states[other].cooled_until_us = NOW_US + 1
        assert any(some.attempt(NOW_US, "server_error") for _ in range(5)) is cools, (hosts, others)


def test_retry_after_cools_for_all_calls() -> None:
    """A 429's keeps all away for so long, at least; other kinds' do not, and nothing lasts beyond the longest."""
    deployment = Deployment({"cooldown": {"from_retry_after": True, "max_s": 60}})
    assert deployment.attempt(NOW_US, "server_error", 7 * SECOND_US) == 0
    assert deployment.attempt(NOW_US, "rate_limit", 7 * SECOND_US) == 7 * SECOND_US
    assert deployment.attempt(NOW_US + 10 * SECOND_US, "rate_limit", 3600 * SECOND_US) == 60 * SECOND_US
    for_ever = Deployment({"cooldown": {"failures": 1, "growth": 100, "from_retry_after": True}})
    lengths = [for_ever.attempt(NOW_US + i * 10**12, "rate_limit", NEVER // 2) for i in range(3)]
    assert lengths == [86_400 * SECOND_US] * 3


def test_retry_after_as_the_length_of_a_cooldown() -> None:
    """Of whatever kind, shorter or longer than ``for_s``; it begins none by itself."""
    deployment = Deployment(
        {"cooldown": {"failures": 1, "for_s": 30, "on": ["timeout"], "retry_after_is_length": True}}
    )
    assert deployment.attempt(NOW_US, "rate_limit", 7 * SECOND_US) == 0
    assert deployment.attempt(NOW_US, "timeout", 7 * SECOND_US) == 7 * SECOND_US
    assert deployment.attempt(NOW_US + 8 * SECOND_US, "timeout", 70 * SECOND_US) == 70 * SECOND_US
    assert deployment.attempt(NOW_US + 80 * SECOND_US, "timeout") == 30 * SECOND_US


@pytest.mark.parametrize("kind", ["bad_request", None])
def test_places_of_half_open_are_given_back(kind: str | None) -> None:
    """After a cooldown so many attempts run at once; one that ends without a verdict leaves its place to the next."""
    fields = {"cooldown": {"failures": 2, "for_s": 10, "growth": 2, "on": ["server_error"], "probes": 2}}
    deployment = Deployment(fields)
    assert [deployment.attempt(NOW_US, "server_error") > 0 for _ in range(2)] == [False, True]
    now_us = NOW_US + 10 * SECOND_US
    probes = [deployment.begin(now_us) for _ in range(2)]
    assert [is_probe for _, is_probe in probes] == [1, 1]
    assert deployment.why_not(now_us) == PROBING
    assert deployment.end(probes.pop(), now_us, kind) == 0
    assert deployment.why_not(now_us) == ADMITTED
    probes.append(deployment.begin(now_us))
    assert deployment.why_not(now_us) == PROBING
    assert deployment.end(probes.pop(), now_us, "server_error") == 1  # cools anew, for longer
    assert deployment.state.cooled_until_us == now_us + 20 * SECOND_US
    assert deployment.end(probes.pop(), now_us, "server_error") == 0  # which it began before
    now_us += 20 * SECOND_US
    deployment.end(deployment.begin(now_us), now_us, "ok")  # closes it
    assert [deployment.begin(now_us)[1] for _ in range(3)] == [0, 0, 0]


@given(
    kinds=st.lists(st.sampled_from(["ok", "server_error", "bad_request", None]), max_size=60), probes=st.integers(1, 3)
)
def test_no_more_probes_than_allowed(kinds: list[str | None], probes: int) -> None:
    """Whatever ends how, in whatever order, never more run at once while half-open, and none is lost for ever."""
    deployment = Deployment({"cooldown": {"failures": 1, "for_s": 1, "on": ["server_error"], "probes": probes}})
    luck = random.Random(len(kinds))  # noqa: S311 - for tests
    running: list[tuple[int, int]] = []
    now_us = NOW_US
    for kind in kinds:
        now_us += luck.choice([0, SECOND_US // 2, SECOND_US])
        while deployment.why_not(now_us) == ADMITTED and len(running) < 5:
            running.append(deployment.begin(now_us))
        half_open = sum(is_probe for era, is_probe in running if era == deployment.state.era)
        assert deployment.state.probing == half_open <= probes
        if running:
            deployment.end(running.pop(luck.randrange(len(running))), now_us, kind)
    for attempt in running:
        deployment.end(attempt, now_us, None)
    assert (deployment.state.probing, deployment.state.running) == (0, 0)


# The retry budget (rule 11)


@pytest.mark.parametrize(
    ("ttl_s", "min_per_s", "ratio"),
    [
        *((60, 0, ratio) for ratio in (0.1, 0.5, 0.25, 0.75, 0.99, 0.999, 0.9999, 0.01, 0.001, 0.0001)),
        (1, 10, 0.1),
        (2, 5, 0.5),
    ],
)
def test_budget_of_finagle(ttl_s: int, min_per_s: int, ratio: float) -> None:
    """The cases of its own tests: 10,000 calls at one instant, all of which want to be retried."""
    terms = CallPolicy(retry_budget={"ratio": ratio, "min_per_s": min_per_s, "ttl_s": ttl_s}).call_terms(1)
    shared, budget, retried = Shared(), [0] * 10, 0
    for _ in range(10_000):
        policy.deposit(terms, shared, budget, NOW_US)
        retried += policy.withdraw(terms, shared, budget, NOW_US)
    assert abs(retried - (int(10_000 * ratio) + ttl_s * min_per_s)) <= 1


def test_budget_of_finagle_over_one() -> None:
    """With a ratio of 2, ten thousand calls pay for twice as many retries."""
    terms = CallPolicy(retry_budget={"ratio": 2, "min_per_s": 0, "ttl_s": 10}).call_terms(1)
    shared, budget = Shared(), [0] * 10
    for _ in range(10_000):
        policy.deposit(terms, shared, budget, NOW_US)
    assert sum(policy.withdraw(terms, shared, budget, NOW_US) for _ in range(30_000)) == 20_000


def test_a_budget_forgets() -> None:
    """A deposit is there for nine to ten tenths of its time to live; a reserve comes back as withdrawals expire."""
    terms = CallPolicy(retry_budget={"ratio": 1, "min_per_s": 0, "ttl_s": 10}).call_terms(1)
    for later_us, there in ((0, True), (10 * SECOND_US - 1, True), (10 * SECOND_US, False), (10**15, False)):
        shared, budget = Shared(), [0] * 10
        policy.deposit(terms, shared, budget, NOW_US)
        assert policy.withdraw(terms, shared, budget, NOW_US + later_us) is there
    terms = CallPolicy(retry_budget={"ratio": 0.5, "min_per_s": 1, "ttl_s": 2}).call_terms(1)
    shared, budget = Shared(), [0] * 10
    assert [policy.withdraw(terms, shared, budget, NOW_US) for _ in range(3)] == [True, True, False]
    assert policy.withdraw(terms, shared, budget, NOW_US + 2 * SECOND_US)


def test_a_budget_forgets_what_a_clock_will_have_taken_in() -> None:
    """Of a clock that is set back: no deposit stays until that instant comes again."""
    terms = CallPolicy(retry_budget={"ratio": 1, "min_per_s": 0, "ttl_s": 10}).call_terms(1)
    shared, budget = Shared(), [0] * 10
    for _ in range(5):
        policy.deposit(terms, shared, budget, NOW_US)
    policy.deposit(terms, shared, budget, NOW_US - 3600 * SECOND_US)
    assert [policy.withdraw(terms, shared, budget, NOW_US - 3600 * SECOND_US) for _ in range(2)] == [True, False]


def test_an_empty_budget_moves_a_call_on() -> None:
    """Without a pause; a fallback costs nothing, and a retry its price."""
    terms = Policy(max_retries=1, backoff={"initial_s": 2, "jitter": "none", "before_fallback": True}).terms()
    call_terms = CallPolicy(retry_budget={"ratio": 0.5, "min_per_s": 0}).call_terms(1)
    shared, budget = Shared(), [0] * 10
    for _ in range(2):
        policy.deposit(call_terms, shared, budget, NOW_US)

    def follows(tries: int) -> int:
        return policy.after_failure(
            terms, call_terms, shared, budget, NOW_US, NEVER, tries, code("server_error"), 0, 0, False, 0.0, 0.0
        )[0]

    assert [follows(2), follows(1), follows(1)] == [MOVE_ON, RETRY, MOVE_ON]


# The order


def test_weights_are_frequencies() -> None:
    """Each is drawn as often as its weight says, within 5 standard errors; who is not drawn stays in order."""
    weights, calls = [1.0, 0.0, 3.0, 6.0], 100_000
    luck = random.Random(7)  # noqa: S311 - for tests
    drawn: Counter[int] = Counter()
    for _ in range(calls):
        order = [9, 3, 1, 0, 2, 8]
        policy.weighted_choice([*weights, *[0.0] * 6], order, 1, 5, luck.random())
        assert [i for i in order if i != order[1]] == [i for i in [9, 3, 1, 0, 2, 8] if i != order[1]]
        drawn[order[1]] += 1
    for index, weight in enumerate(weights):
        share = weight / 10
        assert abs(drawn[index] - calls * share) <= 5 * (calls * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("u", [0.0, 0.5, 1 - 2**-53])
def test_weights_at_the_edges(u: float) -> None:
    """A weight of 0 is never drawn while another is above; where all are 0, the order stays."""
    order = [0, 1, 2]
    policy.weighted_choice([0.0, 5.0, 0.0], order, 0, 3, u)
    assert order == [1, 0, 2]
    policy.weighted_choice([0.0, 0.0, 0.0], order, 0, 3, u)
    assert order == [1, 0, 2]


def test_who_is_admitted() -> None:
    """One that cools is passed over, unless a call takes no notice; nobody is admitted at the deadline."""
    terms, state = Terms(), State(cooled_until_us=NOW_US + 5)

    def why_not(now_us: int, uses_cooled: int = 0) -> int:
        return policy.why_not(terms, state, now_us, NOW_US + 9, 0, uses_cooled)

    assert (why_not(NOW_US), why_not(NOW_US, uses_cooled=1), why_not(NOW_US + 5)) == (COOLING, ADMITTED, ADMITTED)
    assert (why_not(NOW_US + 8), why_not(NOW_US + 9), why_not(NOW_US + 9, uses_cooled=1)) == (ADMITTED, LATE, LATE)


def test_when_the_first_has_cooled() -> None:
    """The soonest of those that are open, if all of them cool; else there is nothing to wait for."""
    states = [State(cooled_until_us=NOW_US + s) for s in (9, 5, 7, 0)]
    assert policy.all_cool_until(states, [0, 2], 2, NOW_US) == NOW_US + 7
    assert policy.all_cool_until(states, [0, 1, 2], 3, NOW_US) == NOW_US + 5
    assert policy.all_cool_until(states, [0, 3], 2, NOW_US) == NOW_US
    assert policy.all_cool_until(states, [], 0, NOW_US) == NOW_US


@pytest.mark.parametrize(
    ("until_us", "first_us", "first_until_us", "expected"),
    [
        (10, 0, NEVER, 10),
        (10, 4, 5, 10),
        (10, 5, 5, 10),  # in time, if only just
        (10, 6, 5, 5),
        (10, 20, 15, 10),
    ],
)
def test_who_says_nothing_in_time_is_given_up_earlier(
    until_us: int, first_us: int, first_until_us: int, expected: int
) -> None:
    """The limit of the first chunk counts where that comes late, and never makes the attempt's own limit later."""
    assert policy.gives_up_us(until_us, first_us, first_until_us) == expected
