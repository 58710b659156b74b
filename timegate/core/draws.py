"""Counter-based random draws.

A draw is a pure function of (seed, deployment, fault, call, attempt), so it does not depend on the order in
which calls are replayed, on the engine, or on what other deployments do. The generator is Philox4x32-10 of
Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
doi:10.1145/2063384.2063405; the tests hold its published known-answer vectors.

Every engine calls these same compiled functions. Importing this module loads numba, so it waits until a
scenario draws.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from timegate.core.distributions import EXPONENTIAL, LOGNORMAL, WEIBULL
from timegate.core.jit import inlined, jit

__all__ = [
    "alternating_us",
    "hourly_rate",
    "lognormal_us",
    "lognormals_us",
    "normal_quantile",
    "philox4x32",
    "quantile",
    "rest_of_length",
    "slowed_us",
    "stream_key",
    "token_latency_us",
    "uniform",
    "uniforms",
]

_LOW = 0xFFFFFFFF
_M0, _M1, _HALF = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57), np.uint64(32)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW_U, _NONE, _LEFT, _RIGHT = np.uint64(_LOW), np.uint64(0), np.uint64(21), np.uint64(11)
_CENTER, _LAST = 0.425, 5.0  # where AS 241 goes over from one rational function to the next
_ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
_LOG2_E, _ROUNDS = 1.44269504088896338700, 6755399441055744.0  # 1.5 * 2**52: added, it leaves a whole number
_LOG_2_HIGH, _LOG_2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
BLOCK = 1024  # the most numbers drawn at once; with 256 a replay was a tenth slower
_MAX_US = 86_400e6  # without a bound, a wide distribution could overflow


@jit(refcount=False)
def philox4x32(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Return the Philox4x32-10 block of a counter and a key, each given and returned in 32-bit words.

    Examples
    --------
    >>> [f"{word:08x}" for word in philox4x32(0, 0, 0, 0, 0, 0)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    # Words are kept in signed 64 bits. A product of two may wrap: the masks take the right bits all the same.
    for _ in range(10):
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((p1 >> 32) & _LOW) ^ c1 ^ k0, p1 & _LOW, ((p0 >> 32) & _LOW) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + 0x9E3779B9) & _LOW
        k1 = (k1 + 0xBB67AE85) & _LOW
    return c0, c1, c2, c3


@jit(refcount=False)
def uniform(k0, k1, call, attempt):  # type: ignore[no-untyped-def]
    """Return a number in [0, 1) with 53 random bits.

    Parameters
    ----------
    k0, k1 : int
        The key of the stream, from :func:`stream_key`.
    call : int
        Number of the call in its trace.
    attempt : int
        How often this call has tried this deployment before. Attempts on other deployments do not count, so
        that adding a deployment changes nobody else's luck.
    """
    w0, w1, _, _ = philox4x32(call & _LOW, (call >> 32) & _LOW, attempt, 0, k0, k1)
    return ((w0 << 21) | (w1 >> 11)) * 2.0**-53


@inlined()
def _central_quantile(q):  # type: ignore[no-untyped-def]
    """Return the quantile of the standard normal distribution at ``0.5 + q``, for q of at most 0.425."""
    r = 0.180625 - q * q
    above = (((((((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r
                  + 6.7265770927008700853e4) * r + 4.5921953931549871457e4) * r
                + 1.3731693765509461125e4) * r + 1.9715909503065514427e3) * r
              + 1.3314166789178437745e2) * r + 3.3871328727963666080e0)  # fmt: skip
    below = (((((((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r
                  + 3.9307895800092710610e4) * r + 2.1213794301586595867e4) * r
                + 5.3941960214247511077e3) * r + 6.8718700749205790830e2) * r
              + 4.2313330701600911252e1) * r + 1.0)  # fmt: skip
    return np.true_divide(q * above, below)  # unlike "/", it has no check that keeps it from vector instructions


@inlined()
def _tail_quantile(r):  # type: ignore[no-untyped-def]
    """Return the quantile whose upper tail is ``exp(-r * r)``, for r of at most 5."""
    r -= 1.6
    above = (((((((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r
                  + 2.41780725177450611770e-1) * r + 1.27045825245236838258e0) * r
                + 3.64784832476320460504e0) * r + 5.76949722146069140550e0) * r
              + 4.63033784615654529590e0) * r + 1.42343711074968357734e0)  # fmt: skip
    below = (((((((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r
                  + 1.51986665636164571966e-2) * r + 1.48103976427480074590e-1) * r
                + 6.89767334985100004550e-1) * r + 1.67638483018380384940e0) * r
              + 2.05319162663775882187e0) * r + 1.0)  # fmt: skip
    return np.true_divide(above, below)


@inlined()
def _last_quantile(r):  # type: ignore[no-untyped-def]
    """Return the quantile whose upper tail is ``exp(-r * r)``, for r above 5."""
    r -= 5.0
    above = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r
                  + 1.24266094738807843860e-3) * r + 2.65321895265761230930e-2) * r
                + 2.96560571828504891230e-1) * r + 1.78482653991729133580e0) * r
              + 5.46378491116411436990e0) * r + 6.65790464350110377720e0)  # fmt: skip
    below = (((((((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r
                  + 1.84631831751005468180e-5) * r + 7.86869131145613259100e-4) * r
                + 1.48753612908506148525e-2) * r + 1.36929880922735805310e-1) * r
              + 5.99832206555887937690e-1) * r + 1.0)  # fmt: skip
    return np.true_divide(above, below)


@jit(refcount=False)
def normal_quantile(p):  # type: ignore[no-untyped-def]
    """Return the quantile of the standard normal distribution at ``0 < p < 1``, to about 16 digits.

    Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37
    (1988), routine PPND16. Cheaper than Box-Muller, and one draw stays one draw.

    Examples
    --------
    >>> round(normal_quantile(0.99), 6)
    2.326348
    """
    q = p - 0.5
    if abs(q) <= _CENTER:
        return _central_quantile(q)
    r = math.sqrt(-_log(min(p, 1.0 - p)))
    far = _tail_quantile(r) if r <= _LAST else _last_quantile(r)
    return -far if q < 0 else far


@inlined()
def _exp(x):  # type: ignore[no-untyped-def]
    """Return ``exp(x)``, to about 16 digits; x is held between -700 and 700.

    Two to a whole power times the exponential of a rest of at most half a ``log(2)`` (Cody and Waite, "Software Manual
    for the Elementary Functions", 1980), by its Taylor series. The C library's takes one number at a time, 4 ns each in
    place of 1, and its last digit is another on other machines.
    """
    x = min(max(x, -700.0), 700.0)
    n = (x * _LOG2_E + _ROUNDS) - _ROUNDS
    r = (x - n * _LOG_2_HIGH) - n * _LOG_2_LOW
    series = 1.0 + r * (1.0 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720
                 + r * (1 / 5040 + r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800
                 + r * (1 / 39916800 + r * (1 / 479001600))))))))))))  # fmt: skip
    return series * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@inlined()
def _log(x):  # type: ignore[no-untyped-def]
    """Return the logarithm of a positive number, to about 16 digits; why not the C library's, :func:`_exp` says.

    A whole power of two, and a rest between ``sqrt(1/2)`` and ``sqrt(2)``, whose logarithm is twice the series of the
    inverse hyperbolic tangent of ``(rest - 1) / (rest + 1)``.
    """
    bits = np.float64(x).view(np.int64)
    n = (bits - _ROOT_HALF) >> 52
    rest = np.int64(bits - (n << 52)).view(np.float64)
    s = np.true_divide(rest - 1.0, rest + 1.0)
    z = s * s
    series = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15
                 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21))))))))))  # fmt: skip
    return n * _LOG_2_HIGH + (2.0 * s + (2.0 * s * series + n * _LOG_2_LOW))


@jit(refcount=False)
def lognormal_us(median_us, sigma, k0, k1, call, attempt):  # type: ignore[no-untyped-def]
    """Return a lognormal latency in whole microseconds, at most a day; with a sigma of 0 nothing is drawn."""
    if sigma == 0.0:
        return int(median_us + 0.5)
    p = max(uniform(k0, k1, call, attempt), 2.0**-54)  # 0 has no quantile
    return int(min(median_us * _exp(sigma * normal_quantile(p)), _MAX_US) + 0.5)


@jit(refcount=False)
def uniforms(k0, k1, first, places, size, out):  # type: ignore[no-untyped-def]
    """Write :func:`uniform` of the first attempts of some calls, bit for bit: 1.7 ns each in place of 9.

    Ten rounds for each call keep its words in registers; the compiler makes vector instructions of the loop over calls.

    Parameters
    ----------
    k0, k1 : int
        The key of the stream.
    first : int
        Number of the call at place 0.
    places : ndarray of int64, shape (BLOCK,)
        Which calls.
    size : int
        How many of them there are, at most ``BLOCK``.
    out : ndarray of float64, shape (BLOCK,)
        To be written.
    """
    key0, key1 = np.uint64(k0), np.uint64(k1)
    for j in range(size):
        call = np.uint64(first + places[j])
        c0, c1, c2, c3, a, b = call & _LOW_U, call >> _HALF, _NONE, _NONE, key0, key1
        for _ in range(10):
            p0, p1 = _M0 * c0, _M1 * c2
            c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ a, p1 & _LOW_U, (p0 >> _HALF) ^ c3 ^ b, p0 & _LOW_U
            a, b = (a + _W0) & _LOW_U, (b + _W1) & _LOW_U
        out[j] = np.int64((c0 << _LEFT) | (c1 >> _RIGHT)) * 2.0**-53


@jit(refcount=False)
def lognormals_us(median_us, sigma, p, size, out, places, tail):  # type: ignore[no-untyped-def]
    """Write :func:`lognormal_us` of many calls, bit for bit, from the uniform numbers of :func:`uniforms`.

    The same steps, each over all calls before the next, with the tails of the distribution gathered first.

    Parameters
    ----------
    median_us, sigma : float
    p : ndarray of float64, shape (BLOCK,)
        Used up.
    size : int
        How many calls there are.
    out : ndarray of float64, shape (BLOCK,)
        To be written: whole microseconds.
    places, tail : ndarray of int64 and float64, shape (BLOCK,)
        Room to work.
    """
    if sigma == 0.0:
        for j in range(size):
            out[j] = int(median_us + 0.5)
        return
    for j in range(size):
        p[j] = max(p[j], 2.0**-54)
    for j in range(size):
        out[j] = _central_quantile(p[j] - 0.5)
    tails = 0
    for j in range(size):
        places[tails] = j
        tails += abs(p[j] - 0.5) > _CENTER
    for i in range(tails):
        tail[i] = min(p[places[i]], 1.0 - p[places[i]])
    for i in range(tails):
        tail[i] = math.sqrt(-_log(tail[i]))
    far = 0
    for i in range(tails):
        far += tail[i] > _LAST
    if far == 0:  # as nearly always
        for i in range(tails):
            tail[i] = _tail_quantile(tail[i])
    else:
        for i in range(tails):
            tail[i] = _tail_quantile(tail[i]) if tail[i] <= _LAST else _last_quantile(tail[i])
    for i in range(tails):
        j = places[i]
        out[j] = -tail[i] if p[j] < 0.5 else tail[i]
    for j in range(size):
        out[j] = math.floor(min(median_us * _exp(sigma * out[j]), _MAX_US) + 0.5)


@jit(refcount=False)
def token_latency_us(first_token_us, token_us, tokens):  # type: ignore[no-untyped-def]
    """Return the time of an answer of so many tokens in whole microseconds, at most a day."""
    return int(min(first_token_us + token_us * tokens, _MAX_US) + 0.5)


@jit(refcount=False)
def slowed_us(latency_us, slowdown):  # type: ignore[no-untyped-def]
    """Return a latency times a slowdown in whole microseconds, at most a day."""
    return int(min(latency_us * slowdown, _MAX_US) + 0.5)


@jit(refcount=False)
def hourly_rate(rates, offset_us, at_us):  # type: ignore[no-untyped-def]
    """Return the rate of an instant's hour of the day, in a zone that is so far ahead of UTC."""
    return rates[(at_us + int(offset_us)) // 3_600_000_000 % 24]


@jit()
def quantile(distribution, mean, shape, p):  # type: ignore[no-untyped-def]
    """Return the length of an outage that a share ``0 <= p < 1`` of them does not exceed.

    Parameters
    ----------
    distribution : int
        ``EXPONENTIAL``, ``LOGNORMAL`` or ``WEIBULL``.
    mean : float
    shape : float
        The standard deviation of the logarithm, or the exponent; of an exponential it is not used.
    """
    if distribution == LOGNORMAL:
        return mean * math.exp(shape * normal_quantile(max(p, 2.0**-54)) - shape * shape / 2)
    if distribution == WEIBULL:
        return mean / math.gamma(1 + 1 / shape) * (-math.log1p(-p)) ** (1 / shape)
    return mean * -math.log1p(-p)


def rest_of_length(distribution: int, mean: float, shape: float, p: float, q: float) -> float:
    """Return how long an outage still lasts that is under way at an instant chosen at random.

    The equilibrium distribution of renewal theory (Cox, "Renewal Theory", 1962, section 5.2), whose density is the
    survival function over the mean. An exponential has no memory. The rest of a lognormal is a uniform part ``q``
    of an outage that is the likelier the longer it is, which is lognormal again. That of a Weibull is a power of a
    gamma: the integral of its survival function is the incomplete gamma function.
    """
    if distribution == LOGNORMAL:
        return q * mean * math.exp(shape * normal_quantile(max(p, 2.0**-54)) + shape * shape / 2)
    if distribution == WEIBULL:
        from scipy import special  # a tenth of a second, for those who need it

        return float(mean / math.gamma(1 + 1 / shape) * special.gammaincinv(1 / shape, p) ** (1 / shape))
    return quantile(distribution, mean, shape, p)  # type: ignore[no-any-return]


@jit()
def alternating_us(k0, k1, up_us, down_us, distribution, shape, rest_us, start_us, end_us):  # type: ignore[no-untyped-def]
    """Return when something that fails and recovers is down within ``[start_us, end_us)``.

    An alternating renewal process in its steady state at the start: down there with probability
    ``down_us / (up_us + down_us)``, for another ``rest_us``. Times up are exponential.

    Parameters
    ----------
    up_us, down_us : float
        Mean times in microseconds.
    distribution, shape : int, float
        Of the times down, see :func:`quantile`.

    Returns
    -------
    list of (int, int, int)
        Half-open stretches in whole microseconds, and the number of the draw of each.
    """
    spans = [(start_us, start_us, 0)][:0]  # a list whose type is known
    down = uniform(k0, k1, 0, 0) < down_us / (up_us + down_us)
    at_us, number = float(start_us), 1
    while at_us < end_us:
        p = uniform(k0, k1, number, 0)
        if not down:
            lasts_us = quantile(EXPONENTIAL, up_us, 0.0, p)
        elif number == 1:
            lasts_us = rest_us
        else:
            lasts_us = quantile(distribution, down_us, shape, p)
        until_us = min(at_us + lasts_us, float(end_us))
        if down and int(at_us) < int(until_us):
            spans.append((int(at_us), int(until_us), number))
        at_us, down, number = until_us, not down, number + 1
    return spans


def stream_key(seed: int, deployment: str, fault: str) -> tuple[int, int]:
    """Return the key of the draws of one fault on one deployment: the BLAKE2b hash of all three."""
    digest = hashlib.blake2b(f"{seed}\0{deployment}\0{fault}".encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
