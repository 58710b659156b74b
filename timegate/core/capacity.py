"""What a provider can carry: plain functions on plain fields, as those of :mod:`timegate.core.policy`.

A capacity is shared by all deployments that it hits. An attempt that several hit is admitted by all of them together,
or by none. Who waits, waits in the queue of the first of them that is full, in order of arrival; drivers keep the
queues.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from timegate.core.policy import NEVER, UNIT, refilled, shortage_us

__all__ = ["MOST", "Provider", "ask", "can_start", "counted", "release", "settle_tokens", "start", "stopping"]

MOST = 62
"""Capacities of a scenario: which of them an attempt needs is a mask of bits."""

STARTS, WAITS, REFUSED = range(3)


@dataclass(slots=True)
class Provider:
    """A capacity and its state. Rates and what buckets hold are in units of :data:`timegate.core.policy.UNIT`."""

    requests_rate: int = 0
    requests_full: int = 0
    tokens_rate: int = 0
    tokens_full: int = 0
    slots: int = NEVER
    queue: int = 0
    queue_timeout_us: int = NEVER
    reserve: int = 0
    cache_aware: int = 0
    stops_on_cancel: int = 0
    running: int = 0
    waiting: int = 0
    requests_left: int = 0
    requests_at_us: int = -NEVER
    tokens_left: int = 0
    tokens_at_us: int = -NEVER


def ask(providers: Any, mask: int, now_us: int, prompt: int, cached: int) -> tuple[int, int, int]:
    """Ask the capacities of a mask for an attempt; return ``STARTS``, ``WAITS`` or ``REFUSED``, and more.

    Parameters
    ----------
    providers : sequence of Provider
    mask, now_us : int
    prompt, cached : int
        Tokens of the prompt, and how many of them the deployment has in its cache.

    Returns
    -------
    verdict : int
    retry_after_us : int
        When refused: what is missing over the rate, rounded up; 0 where no wait would help, or a slot is missing.
    queue : int
        When it waits: the first capacity that is full.
    """
    retry_after_us, refused, queue = 0, False, -1
    for i in range(len(providers)):
        if (mask >> i) & 1 == 0:
            continue
        provider = providers[i]
        rate = provider.requests_rate
        if rate > 0:
            full = provider.requests_full
            left = refilled(provider.requests_left, provider.requests_at_us, rate, full, now_us)
            missing_us = shortage_us(left, UNIT, rate, full)
            if missing_us > 0:
                refused, retry_after_us = True, max(retry_after_us, missing_us)
        rate = provider.tokens_rate
        if rate > 0:
            full = provider.tokens_full
            left = refilled(provider.tokens_left, provider.tokens_at_us, rate, full, now_us)
            missing_us = shortage_us(left, counted(provider, prompt, cached), rate, full)
            if missing_us > 0:
                refused, retry_after_us = True, max(retry_after_us, missing_us)
        if provider.running >= provider.slots or provider.waiting > 0:
            if provider.waiting >= provider.queue:
                refused = True
            elif queue < 0:
                queue = i
    if refused:
        return REFUSED, 0 if retry_after_us >= NEVER else retry_after_us, -1
    for i in range(len(providers)):
        if (mask >> i) & 1 == 0:
            continue
        provider = providers[i]
        rate = provider.requests_rate
        if rate > 0:
            left = refilled(provider.requests_left, provider.requests_at_us, rate, provider.requests_full, now_us)
            provider.requests_left, provider.requests_at_us = left - UNIT, now_us
        rate = provider.tokens_rate
        if rate > 0:
            left = refilled(provider.tokens_left, provider.tokens_at_us, rate, provider.tokens_full, now_us)
            provider.tokens_left, provider.tokens_at_us = left - counted(provider, prompt, cached), now_us
    if queue >= 0:
        providers[queue].waiting += 1
        return WAITS, 0, queue
    start(providers, mask)
    return STARTS, 0, -1


def counted(provider: Any, prompt: int, cached: int) -> int:
    """Return what an attempt takes from a bucket of tokens at its start."""
    tokens: int = provider.reserve + (prompt - cached if provider.cache_aware != 0 else prompt)
    return tokens * UNIT


def can_start(providers: Any, mask: int) -> bool:
    """Return whether all capacities of a mask have a free slot."""
    free = True
    for i in range(len(providers)):
        free = free and ((mask >> i) & 1 == 0 or providers[i].running < providers[i].slots)
    return free


def start(providers: Any, mask: int) -> None:
    """Take a slot of each capacity of a mask."""
    for i in range(len(providers)):
        if (mask >> i) & 1:
            providers[i].running += 1


def release(providers: Any, mask: int) -> None:
    """Give the slots back."""
    for i in range(len(providers)):
        if (mask >> i) & 1:
            providers[i].running -= 1


def settle_tokens(providers: Any, mask: int, now_us: int, answer: int) -> None:
    """Take the length of an answer, and give back what was reserved for it."""
    for i in range(len(providers)):
        if (mask >> i) & 1 and providers[i].tokens_rate > 0:
            provider = providers[i]
            rate, full = provider.tokens_rate, provider.tokens_full
            left = refilled(provider.tokens_left, provider.tokens_at_us, rate, full, now_us)
            left = min(left + (provider.reserve - answer) * UNIT, full)
            provider.tokens_left, provider.tokens_at_us = left, now_us


def stopping(providers: Any, mask: int) -> int:
    """Return those of a mask whose work stops when its caller gives up."""
    found = 0
    for i in range(len(providers)):
        if (mask >> i) & 1 and providers[i].stops_on_cancel != 0:
            found |= 1 << i
    return found
