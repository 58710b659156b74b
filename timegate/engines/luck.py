"""The uniform numbers of a replay that are not those of its faults: counter-based, as those are.

A number is a pure function of the seed, what it decides, and the number of the call, so that it depends on no engine
and no order, and adding a deployment changes nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from timegate.core.draws import stream_key, uniform

__all__ = ["CallLuck", "Luck"]

ORDER, BACKOFF = "\0order", "\0backoff"  # no fault may have such a name


class Luck:
    """The keys of a run.

    Parameters
    ----------
    seed : int
    names : sequence of str
        The deployments.

    Attributes
    ----------
    order_key : tuple of int
    backoff_keys : ndarray of int64, shape (deployments, 2)
    """

    def __init__(self, seed: int, names: Sequence[str]) -> None:
        self.order_key = stream_key(seed, "", ORDER)
        keys = [stream_key(seed, name, BACKOFF) for name in names]
        self.backoff_keys: npt.NDArray[np.int64] = np.array(keys, np.int64).reshape(-1, 2)

    def of(self, call: int) -> CallLuck:
        """Return the draws of one call."""
        return CallLuck(self, call)


class CallLuck:
    """The draws of one call, as :class:`timegate.core.router.Draws`."""

    __slots__ = ("_luck", "call")

    def __init__(self, luck: Luck, call: int) -> None:
        self._luck = luck
        self.call = call

    def order(self, place: int) -> float:
        """Return the number that decides who stands at a place of the order."""
        return float(uniform(*self._luck.order_key, self.call, place))

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        """Return the numbers of the pause after so many tries on a deployment."""
        k0, k1 = self._luck.backoff_keys[deployment].tolist()
        return float(uniform(k0, k1, self.call, 2 * tries)), float(uniform(k0, k1, self.call, 2 * tries + 1))
