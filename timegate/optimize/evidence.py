"""How much of a saving is more than chance: intervals by moving blocks, and what a search does to its own best find."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from timegate.errors import ReplayError

__all__ = ["block_interval", "block_length", "deflated_ratio", "expected_best", "overfitting"]

Floats = npt.NDArray[np.float64]
_DRAWS = 4000
_MOST_BLOCKS = 16


def block_length(periods: int) -> int:
    """Return how many periods a block has by default: the cube root of their number, rounded.

    The rate at which blocks should grow for the variance of a mean (Künsch 1989, "The jackknife and the bootstrap for
    general stationary observations").
    """
    return max(1, round(float(np.cbrt(periods))))


def block_interval(
    values: npt.ArrayLike, block: int | None = None, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return an interval of the mean of a series whose neighbours may depend on each other.

    By the moving-block bootstrap: means of series put together from blocks drawn anywhere. Where blocks are few, such
    means lie too close to each other; they are spread by what Student's quantile is above the normal one.

    Parameters
    ----------
    values : array_like of float, shape (periods,)
    block : int, optional
        How many periods a block has. Default: :func:`block_length`.
    confidence : float
    seed : int

    Returns
    -------
    low, high : float
        Infinite where there are not three blocks.

    Examples
    --------
    >>> low, high = block_interval([1.0, 2.0, 3.0] * 20)
    >>> 1.7 < low < 2.0 < high < 2.3
    True
    """
    from scipy.special import ndtri, stdtrit

    series = np.asarray(values, np.float64)
    size = len(series)
    length = block_length(size) if block is None else block
    blocks = size / length
    if blocks < 3:
        return -math.inf, math.inf
    starts = np.random.default_rng(seed).integers(0, size - length + 1, (_DRAWS, -(-size // length)))
    rows = (starts[:, :, None] + np.arange(length)).reshape(_DRAWS, -1)[:, :size]
    means = series[rows].mean(axis=1)
    tail = (1 - confidence) / 2
    wider = stdtrit(blocks - 1, 1 - tail) / ndtri(1 - tail) * math.sqrt(blocks / (blocks - 1))
    low, high = np.quantile(means, [tail, 1 - tail]) - means.mean()
    return float(series.mean() + wider * low), float(series.mean() + wider * high)


def overfitting(gains: npt.ArrayLike, blocks: int | None = None) -> float:
    """Return the probability that the best of several choices is overfitted.

    Combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado and Zhu 2017, "The probability of
    backtest overfitting"): periods are cut into blocks; for each half of the blocks, the choice with the best mean
    there is looked up in the other half. The probability is the share of halves for which it does not come out above
    the median.

    Parameters
    ----------
    gains : array_like of float, shape (periods, choices)
        More is better.
    blocks : int, optional
        An even number. Default: 16, or what leaves two periods to a block.

    Raises
    ------
    ReplayError
        If there are fewer than two choices, or fewer than eight periods.
    """
    matrix = np.asarray(gains, np.float64)
    if matrix.ndim != 2 or matrix.shape[1] < 2 or len(matrix) < 8:
        raise ReplayError(
            f"overfitting needs two choices and eight periods at least. Got an array of the shape {matrix.shape}."
        )
    blocks = min(_MOST_BLOCKS, len(matrix) // 4 * 2) if blocks is None else blocks
    parts = np.array_split(matrix, blocks)
    sums, counts = np.array([part.sum(axis=0) for part in parts]), np.array([len(part) for part in parts])
    halves = np.zeros((math.comb(blocks, blocks // 2), blocks), np.bool_)
    for row, chosen in zip(halves, combinations(range(blocks), blocks // 2), strict=True):
        row[list(chosen)] = True
    inside, outside = ((half @ sums) / (half @ counts)[:, None] for half in (halves.astype(float), ~halves + 0.0))
    best = inside.argmax(axis=1)
    of_best = outside[np.arange(len(halves)), best][:, None]
    rank = (outside < of_best).sum(axis=1) + ((outside == of_best).sum(axis=1) + 1) / 2  # 1 is the worst
    return float((rank <= (matrix.shape[1] + 1) / 2).mean())


def expected_best(variance: float, trials: int) -> float:
    """Return the ratio that the best of several choices without merit has on average.

    Equation 1 of Bailey and López de Prado (2014), "The deflated Sharpe ratio".

    Parameters
    ----------
    variance : float
        That of the ratios of the choices.
    trials : int
        How many were tried.
    """
    from scipy.special import ndtri

    if trials < 2:
        return 0.0
    upper, beyond = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - np.euler_gamma) * upper + np.euler_gamma * beyond))


def deflated_ratio(ratio: float, best: float, periods: int, skewness: float = 0.0, kurtosis: float = 3.0) -> float:
    """Return the probability that a mean over its standard deviation is above a benchmark: the deflated Sharpe ratio.

    Equation 2 of Bailey and López de Prado (2014), with :func:`expected_best` as the benchmark.

    Parameters
    ----------
    ratio : float
        Mean over standard deviation, a period.
    best : float
        The benchmark.
    periods : int
    skewness, kurtosis : float
        Of the periods; a normal distribution has 0 and 3.
    """
    from scipy.special import ndtr

    spread = 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2
    return float(ndtr((ratio - best) * math.sqrt(periods - 1) / math.sqrt(spread)))
