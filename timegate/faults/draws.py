"""Counter-based random draws.

A draw is a pure function of (seed, deployment, fault, call, attempt), so it does not depend on the order in
which calls are replayed, on the engine, or on what other deployments do. The generator is Philox4x32-10 of
Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
doi:10.1145/2063384.2063405; the tests hold its published known-answer vectors.

The scalar functions are plain Python that numba compiles as well: all values fit in 64 signed bits once they
are masked, and wherever a product would not, the mask takes the same bits from the wrapped one.
"""

from __future__ import annotations

import hashlib

__all__ = ["philox4x32", "stream_key", "uniform"]

_LOW = 0xFFFFFFFF
_ROUNDS = 10


def philox4x32(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    """Return the Philox4x32-10 block of a counter and a key, each given and returned in 32-bit words.

    Examples
    --------
    >>> [f"{word:08x}" for word in philox4x32(0, 0, 0, 0, 0, 0)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    for _ in range(_ROUNDS):
        p0 = 0xD2511F53 * c0
        p1 = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((p1 >> 32) & _LOW) ^ c1 ^ k0, p1 & _LOW, ((p0 >> 32) & _LOW) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + 0x9E3779B9) & _LOW
        k1 = (k1 + 0xBB67AE85) & _LOW
    return c0, c1, c2, c3


def uniform(k0: int, k1: int, call: int, attempt: int) -> float:
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


def stream_key(seed: int, deployment: str, fault: str) -> tuple[int, int]:
    """Return the key of the draws of one fault on one deployment: the BLAKE2b hash of all three."""
    digest = hashlib.blake2b(f"{seed}\0{deployment}\0{fault}".encode(), digest_size=8).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:], "little")
