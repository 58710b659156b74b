"""Arrivals and token counts of a process, drawn in compiled code."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.distributions import EVEN, EXPONENTIAL, WEIBULL
from timegate.core.draws import BLOCK, normal_quantile, philox4x32, stream_key, uniform
from timegate.core.jit import jit

__all__ = ["FIRST", "Process", "draw_arrivals", "draw_tokens", "stream_key"]

FIRST = (0, 0.0, 0)
"""The state before the first call: its number, the operational time, and the bin."""

_LOW = 0xFFFFFFFF


class Process(NamedTuple):
    """An arrival process with a piecewise constant rate, as the kernels take it.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (bins + 1,)
    expected : ndarray of float64, shape (bins + 1,)
        The expected number of calls before each edge.
    shares : ndarray of float64
        The share of calls that prefer one of the first *n* names; the last, for none, is infinite.
    kind : int
        What the gaps between calls are: ``EVEN``, ``EXPONENTIAL``, ``GAMMA`` or ``WEIBULL`` of the distributions.
    shape, scale : float
        Of a gamma or Weibull distribution with mean 1.
    """

    edges_us: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    kind: int
    shape: float
    scale: float


@jit(refcount=False)
def draw_arrivals(process, k0, k1, state, at_us, preferred):  # type: ignore[no-untyped-def]
    """Draw the next arrivals.

    The n-th call comes when the expected number of calls so far reaches the sum of n gaps with mean 1: a renewal
    process under a change of time, by inversion of the expected number (Cinlar, "Introduction to Stochastic
    Processes", 4.7, for Poisson; Gerhardt and Nelson, "Transforming renewal processes for simulation of
    nonstationary arrival processes", INFORMS Journal on Computing 21 (2009), doi:10.1287/ijoc.1080.0316, for all).
    One Philox block, counted by the number of the call, draws gap and preference.

    Parameters
    ----------
    process : Process
    k0, k1 : int
        The key of the stream.
    state : (int, float, int)
        Number of the next call, the sum of the gaps so far, and the bin; ``FIRST`` at first.
    at_us, preferred : ndarray
        To be filled.

    Returns
    -------
    drawn, state : int, tuple
        How many, fewer than asked for where the process ends, and the state to go on from.
    """
    edges_us, expected, shares, kind, shape, scale = process
    number, passed, bin_ = state
    last, nobody = len(expected) - 1, len(shares) - 1
    begins, ends, width_us = 0.0, -1.0, 0  # of no bin yet
    for i in range(len(at_us)):
        if i % BLOCK == 0:
            _draw_words(k0, k1, number, at_us, preferred, i, min(i + BLOCK, len(at_us)))
        u = at_us[i] * 2.0**-53
        if kind == EXPONENTIAL:
            passed -= math.log1p(-u)
        elif number == 0:
            passed = _first_gap(kind, shape, scale, k0, k1, u)
        else:
            passed += _gap(kind, shape, scale, k0, k1, number, u)
        if passed >= ends:
            while bin_ < last and passed >= expected[bin_ + 1]:
                bin_ += 1
            if bin_ == last:
                return i, (number, passed, bin_)
            begins, ends, width_us = expected[bin_], expected[bin_ + 1], edges_us[bin_ + 1] - edges_us[bin_]
        after_us = np.true_divide((passed - begins) * width_us, ends - begins)
        at_us[i] = edges_us[bin_] + min(int(after_us), width_us - 1)  # rounding must not lead out of the bin
        name, share = 0, (preferred[i] & _LOW) * 2.0**-32
        for k in range(nobody):  # all: with a branch that chance decides, a random day took a tenth longer
            name += share >= shares[k]
        preferred[i] = name if name < nobody else -1
        number += 1
    return len(at_us), (number, passed, bin_)


@jit(refcount=False)
def _draw_words(k0, k1, number, gaps, names, lo, hi):  # type: ignore[no-untyped-def]
    """Write what draws the gaps of calls from a number on, 53 bits each, and their names, 32 bits.

    Where arrivals are to stand, for they need no more room. A loop of its own, of which the compiler makes vector
    instructions.
    """
    for i in range(lo, hi):
        w0, w1, w2, _ = philox4x32(number & _LOW, number >> 32, 0, 0, k0, k1)
        gaps[i] = (w0 << 21) | (w1 >> 11)
        names[i] = w2
        number += 1


@jit(refcount=False)
def _gap(kind, shape, scale, k0, k1, number, u):  # type: ignore[no-untyped-def]
    """Return the gap before a call, with mean 1."""
    if kind == EVEN:
        return 1.0
    if kind == WEIBULL:
        return scale * (-math.log1p(-u)) ** (1.0 / shape)
    if shape < 1.0:  # Marsaglia and Tsang, section 6
        return scale * _gamma(shape + 1.0, k0, k1, number) * u ** (1.0 / shape)
    return scale * _gamma(shape, k0, k1, number)


@jit(refcount=False)
def _first_gap(kind, shape, scale, k0, k1, u):  # type: ignore[no-untyped-def]
    """Return the time to the first call of a process that has been running for ever.

    A uniform share of a gap that is chosen with probability proportional to its length (Ross, "Stochastic
    Processes", 3.5): with it, and not with an ordinary gap, the rates are those of the profile from the start.
    So chosen, a gamma gap has a shape of one more, and the power of a Weibull gap is gamma. Even calls begin at
    the start.
    """
    if kind == EVEN:
        return 0.0
    if kind == WEIBULL:
        return u * scale * _gamma(1.0 + 1.0 / shape, k0, k1, 0) ** (1.0 / shape)
    return u * scale * _gamma(shape + 1.0, k0, k1, 0)


@jit(refcount=False)
def _gamma(shape, k0, k1, number):  # type: ignore[no-untyped-def]
    """Return a number from the gamma distribution with a shape of at least 1 and a scale of 1.

    Marsaglia and Tsang, "A simple method for generating gamma variables", ACM Transactions on Mathematical
    Software 26 (2000), doi:10.1145/358407.358414. It rejects at most one draw in twenty; each attempt has a block
    of its own, counted by call and attempt, so that no draw depends on those of other calls.
    """
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    attempt = 1
    while True:
        w0, w1, w2, w3 = philox4x32(number & _LOW, number >> 32, attempt, 0, k0, k1)
        x = normal_quantile(max(((w0 << 21) | (w1 >> 11)) * 2.0**-53, 2.0**-54))
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            u = 1.0 - ((w2 << 21) | (w3 >> 11)) * 2.0**-53
            if u < 1.0 - 0.0331 * x**4 or math.log(u) < 0.5 * x * x + d * (1.0 - v + math.log(v)):
                return d * v
        attempt += 1


@jit()
def draw_tokens(draws, first, size):  # type: ignore[no-untyped-def]
    """Return lognormal token counts of consecutive calls, in whole tokens, from 1 to 2**31.

    Parameters
    ----------
    draws : (float, float, int, int)
        Median, standard deviation of the logarithm, and the key of the stream.
    first, size : int
        Number of the first call, and how many there are.
    """
    median, sigma, k0, k1 = draws
    tokens = np.empty(size, np.int64)
    for i in range(size):
        z = normal_quantile(max(uniform(k0, k1, first + i, 0), 2.0**-54))
        tokens[i] = max(1, int(min(median * math.exp(sigma * z), 2.0**31) + 0.5))
    return tokens
