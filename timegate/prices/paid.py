"""Sums of what attempts cost, which are exact, and add up to the same in any order."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from timegate.prices.tariff import CACHED, CALL, INPUT, OUTPUT, UNKNOWN, WRITTEN

__all__ = ["ANSWERED", "FAILED_ALL", "FAILED_INPUT", "KINDS", "Paid"]


KINDS = 3
ANSWERED, FAILED_INPUT, FAILED_ALL = range(KINDS)
"""What is summed: answers; failed attempts, if they are charged their input; and if they are charged all."""

_PART = 31  # bits of the first part of a sum: 64 hold the sum of 2**32 such parts
_MASK = (1 << _PART) - 1
_FIRST, _LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


class Paid(NamedTuple):
    """Sums of what attempts cost, by bin and deployment; those of others can be added.

    Attributes
    ----------
    money : ndarray of int64, or of int, shape (bins, deployments, 3, 2)
        The sums of known costs, of each kind, in two parts: the second counts 2**31.
    attempts : ndarray of int64, shape (deployments, 3, 2)
        How many cost what is unknown, and what is known, of each kind.
    """

    money: npt.NDArray[Any]
    attempts: npt.NDArray[np.int64]

    @classmethod
    def zero(cls, bins: int, deployments: int, in_64_bits: bool = True) -> Self:
        """Return sums of no attempts."""
        dtype = np.int64 if in_64_bits else object
        return cls(np.zeros((bins, deployments, KINDS, 2), dtype), np.zeros((deployments, KINDS, 2), np.int64))

    def add(self, other: Paid) -> Paid:
        """Return the sums of both, which have the same bins."""
        return Paid(self.money + other.money, self.attempts + other.attempts)

    def exact(self, *kinds: int) -> npt.NDArray[np.object_]:
        """Return the sums of some kinds by bin and deployment, as Python's integers."""
        low, high = (self.money[..., list(kinds), part].astype(object).sum(axis=2) for part in (0, 1))
        exact: npt.NDArray[np.object_] = low + high * (1 << _PART)
        return exact

    def total(self, *kinds: int) -> int:
        """Return the sum of some kinds over all bins and deployments."""
        return int(self.exact(*kinds).sum())

    def unknown(self, kind: int) -> int:
        """Return of how many attempts the cost is unknown."""
        return int(self.attempts[:, kind, 0].sum())

    def known(self, kind: int) -> int:
        """Return of how many attempts the cost is known."""
        return int(self.attempts[:, kind, 1].sum())


# What follows is compiled as it stands, and runs as plain Python where 64 bits do not suffice.


def segment_of(edges_us: Any, at_us: int) -> tuple[int, int, int]:
    """Return the number of the segment that an instant lies in, from when, and until when."""
    segment: Any = np.searchsorted(edges_us, at_us, side="right")
    from_us = edges_us[segment - 1] if segment > 0 else _FIRST
    return segment, from_us, edges_us[segment] if segment < len(edges_us) else _LAST


def costs_of(tariff: Any, usage: Any, i: int, segment: int) -> tuple[int, int]:
    """Return what an attempt costs for its input, with what is taken per call, and for its output; -1 if unknown."""
    deployment = usage.deployment[i]
    call = usage.call[i] if len(usage.call) > 0 else i
    prompt = usage.prompt[call] if len(usage.prompt) > 0 else UNKNOWN
    completion = usage.completion[call] if len(usage.completion) > 0 else UNKNOWN
    tier, tiers = 0, tariff.above_tokens.shape[1]
    while tier + 1 < tiers and prompt > tariff.above_tokens[deployment, tier + 1]:
        tier += 1
    fee, of_cache = tariff.rates[segment, deployment, tier, CALL], 0
    if fee < 0:
        return UNKNOWN, UNKNOWN
    if len(usage.cached) > 0 and prompt >= 0:
        cached = min(max(usage.cached[call], 0), prompt)
        of_cache = cost_of(cached, tariff.rates[segment, deployment, tier, CACHED if usage.warm[i] else WRITTEN])
        prompt -= cached
    fresh = cost_of(prompt, tariff.rates[segment, deployment, tier, INPUT])
    paid_in = whole_cost(of_cache, fresh)
    return (UNKNOWN if paid_in < 0 else paid_in + fee), cost_of(
        completion, tariff.rates[segment, deployment, tier, OUTPUT]
    )


def cost_of(tokens: int, rate: int) -> int:
    """Return what tokens cost, -1 where that is unknown: the number of free tokens does not matter."""
    if tokens < 0:
        return 0 if rate == 0 else UNKNOWN
    if rate < 0:
        return UNKNOWN if tokens > 0 else 0
    return tokens * rate


def whole_cost(one: int, other: int) -> int:
    """Return the sum of two costs, -1 if one of them is unknown."""
    return UNKNOWN if one < 0 or other < 0 else one + other


def add_cost(sums: Any, bin_: int, deployment: int, kind: int, cost: int) -> None:
    """Add what an attempt costs to sums, or that it is unknown."""
    if cost < 0:
        sums.attempts[deployment, kind, 0] += 1
        return
    sums.attempts[deployment, kind, 1] += 1
    sums.money[bin_, deployment, kind, 0] += cost & _MASK
    sums.money[bin_, deployment, kind, 1] += cost >> _PART
