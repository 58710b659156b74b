"""Arrivals of a Poisson process, drawn in compiled code."""

from __future__ import annotations

import math

from timegate.faults.draws import philox4x32, stream_key
from timegate.jit import jit

__all__ = ["draw_arrivals", "stream_key"]


@jit()
def draw_arrivals(k0, k1, state, edges_us, expected, shares, at_us, preferred):  # type: ignore[no-untyped-def]
    """Draw the next arrivals of a process with piecewise constant rate.

    The n-th arrival comes when the expected number of calls so far reaches the sum of n exponential times (a
    unit Poisson process under a change of time; Cinlar, "Introduction to Stochastic Processes", 4.7). One
    Philox block, counted by the number of the call, draws that time and the preference.

    Parameters
    ----------
    k0, k1 : int
        The key of the stream.
    state : (int, float, int)
        Number of the next call, the sum so far, and the bin; (0, 0.0, 0) at first.
    edges_us, expected, shares : ndarray
        Of the process.
    at_us, preferred : ndarray
        To be filled.

    Returns
    -------
    drawn, state : int, tuple
        How many, fewer than asked for where the process ends, and the state to go on from.
    """
    number, passed, bin_ = state
    last = len(expected) - 1
    for i in range(len(at_us)):
        w0, w1, w2, _ = philox4x32(number & 0xFFFFFFFF, number >> 32, 0, 0, k0, k1)
        passed -= math.log1p(-((w0 << 21) | (w1 >> 11)) * 2.0**-53)
        while bin_ < last and passed >= expected[bin_ + 1]:
            bin_ += 1
        if bin_ == last:
            return i, (number, passed, bin_)
        part = (passed - expected[bin_]) / (expected[bin_ + 1] - expected[bin_])
        at_us[i] = edges_us[bin_] + int(part * (edges_us[bin_ + 1] - edges_us[bin_]))
        name = 0
        while w2 * 2.0**-32 >= shares[name]:
            name += 1
        preferred[i] = name if name < len(shares) - 1 else -1
        number += 1
    return len(at_us), (number, passed, bin_)
