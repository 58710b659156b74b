"""What attempts cost, and sums of it that agree to the last digit: compiled loops over columns.

Money is whole pico-units of a currency. Where 64 bits might not hold what one attempt costs, the same loops run as they
stand on Python's integers; sums are kept in two parts, and are Python's integers when they are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.jit import jit, register
from timegate.prices import paid
from timegate.prices.paid import ANSWERED, FAILED_ALL, FAILED_INPUT, Paid
from timegate.prices.tariff import CALL, Tariff

__all__ = ["NOTHING", "Usage", "add_charges", "charges", "span_us"]

Money = npt.NDArray[Any]
"""Whole pico-units: int64, or Python's integers where those do not suffice."""
Int64s = npt.NDArray[np.int64]

NOTHING: Int64s = np.empty(0, np.int64)
"""A column that is not there."""

_FIRST, _LAST = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
_ROOM = 2**61  # of what one attempt costs for its input, or its output

register(paid)


class Usage(NamedTuple):
    """What some attempts used: one row an attempt.

    Attributes
    ----------
    deployment : ndarray of int16
        -1 for none: then nothing is paid.
    at_us : ndarray of int64
    later_us : ndarray of int64
        How long after ``at_us`` the instant is whose prices count; empty for 0.
    answered : ndarray of bool
        Empty if all were.
    warm : ndarray of bool
        Whether the deployment's cache is warm; empty if no call has cached tokens.
    call : ndarray of int64
        The row of each attempt's call in the columns below; empty if that is its own.
    prompt, completion : ndarray of int64
        Tokens of calls; -1 where unknown, empty if they are unknown of all.
    cached : ndarray of int64
        Tokens of prompts that a warm cache holds; empty for none.
    """

    deployment: npt.NDArray[np.int16]
    at_us: Int64s
    later_us: Int64s
    answered: npt.NDArray[np.bool_]
    warm: npt.NDArray[np.bool_]
    call: Int64s
    prompt: Int64s
    completion: Int64s
    cached: Int64s


def charges(tariff: Tariff, usage: Usage) -> tuple[Money, Money]:
    """Return what attempts cost: for their input, with what is taken per call, and for their output.

    Returns
    -------
    input, output : ndarray of int64, or of int, shape (attempts,)
        Pico-units; -1 where unknown.
    """
    size = len(usage.deployment)
    if _fits(tariff, usage):
        paid_in, paid_out = np.empty(size, np.int64), np.empty(size, np.int64)
        _charge(tariff, usage, paid_in, paid_out)
        return paid_in, paid_out
    large_in, large_out = np.empty(size, object), np.empty(size, object)
    _plain(_charge)(*_widened(tariff, usage), large_in, large_out)
    return large_in, large_out


def add_charges(
    sums: Paid, tariff: Tariff, usage: Usage, first_bin: int = 0, step_us: int = 0, origin_us: int = 0
) -> Paid:
    """Return sums with what attempts cost.

    Parameters
    ----------
    sums : Paid
        Which may be written to.
    tariff : Tariff
    usage : Usage
    first_bin, step_us, origin_us : int
        Bin *b* is ``[(first_bin + b) * step_us, (first_bin + b + 1) * step_us)`` after the origin. There is one if
        ``step_us`` is 0.
    """
    if sums.money.dtype != object and _fits(tariff, usage):
        _add(tariff, usage, sums, first_bin, step_us, origin_us)
        return sums
    sums = Paid(sums.money.astype(object), sums.attempts)
    _plain(_add)(*_widened(tariff, usage), sums, first_bin, step_us, origin_us)
    return sums


def span_us(*usages: Usage) -> tuple[int, int] | None:
    """Return the first and the last instant at which something is charged; None if nothing is."""
    first, last = _LAST, _FIRST
    for usage in usages:
        low, high = _span(usage)
        first, last = min(first, low), max(last, high)
    return (int(first), int(last)) if first <= last else None


def _fits(tariff: Tariff, usage: Usage) -> bool:
    """Whether 64 bits hold what an attempt costs."""
    longest = max(int(column.max(initial=0)) for column in (usage.prompt, usage.completion))
    per_token, fee = int(tariff.rates[..., :CALL].max(initial=0)), int(tariff.rates[..., CALL].max(initial=0))
    return per_token * longest + fee < _ROOM


def _plain(kernel: Any) -> Callable[..., None]:
    """Return the function that a kernel is made of."""
    function: Callable[..., None] = getattr(kernel, "py_func", kernel)
    return function


def _widened(tariff: Tariff, usage: Usage) -> tuple[Tariff, Usage]:
    """Return both with Python's integers."""
    wide = {name: getattr(usage, name).astype(object) for name in ("prompt", "completion", "cached")}
    return tariff._replace(rates=tariff.rates.astype(object)), usage._replace(**wide)


@jit(refcount=False)
def _span(usage):  # type: ignore[no-untyped-def]
    first, last = _LAST, _FIRST
    for i in range(len(usage.deployment)):
        if usage.deployment[i] >= 0:
            at_us = usage.at_us[i] + (usage.later_us[i] if len(usage.later_us) > 0 else 0)
            first, last = min(first, at_us), max(last, at_us)
    return first, last


@jit(refcount=False)
def _charge(tariff, usage, paid_in, paid_out):  # type: ignore[no-untyped-def]
    """Write what attempts cost."""
    segment, from_us, until_us = 0, _LAST, _FIRST  # of no time
    for i in range(len(usage.deployment)):
        if usage.deployment[i] < 0:
            paid_in[i], paid_out[i] = 0, 0
            continue
        at_us = usage.at_us[i] + (usage.later_us[i] if len(usage.later_us) > 0 else 0)
        if at_us < from_us or at_us >= until_us:  # rare, for attempts are nearly in order of time
            segment, from_us, until_us = paid.segment_of(tariff.edges_us, at_us)
        paid_in[i], paid_out[i] = paid.costs_of(tariff, usage, i, segment)


@jit(refcount=False)
def _add(tariff, usage, sums, first_bin, step_us, origin_us):  # type: ignore[no-untyped-def]
    """Add what attempts cost to sums; parameters as those of :func:`add_charges`."""
    segment, from_us, until_us = 0, _LAST, _FIRST
    bin_, bin_from_us, bin_until_us = 0, _LAST, _FIRST
    if step_us == 0:
        bin_from_us, bin_until_us = _FIRST, _LAST
    for i in range(len(usage.deployment)):
        whom = usage.deployment[i]
        if whom < 0:
            continue
        at_us = usage.at_us[i] + (usage.later_us[i] if len(usage.later_us) > 0 else 0)
        if at_us < from_us or at_us >= until_us:
            segment, from_us, until_us = paid.segment_of(tariff.edges_us, at_us)
        if at_us < bin_from_us or at_us >= bin_until_us:
            bin_ = (at_us - origin_us) // step_us
            bin_from_us = origin_us + bin_ * step_us
            bin_until_us = bin_from_us + step_us
            bin_ -= first_bin
        paid_in, paid_out = paid.costs_of(tariff, usage, i, segment)
        whole = paid.whole_cost(paid_in, paid_out)
        if len(usage.answered) == 0 or usage.answered[i]:
            paid.add_cost(sums, bin_, whom, ANSWERED, whole)
        else:
            paid.add_cost(sums, bin_, whom, FAILED_INPUT, paid_in)
            paid.add_cost(sums, bin_, whom, FAILED_ALL, whole)
