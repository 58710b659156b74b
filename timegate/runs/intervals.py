"""Confidence intervals for the means of figures over random days."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["difference_interval", "mean_interval"]

Floats = npt.NDArray[np.float64]


def mean_interval(
    values: Floats, confidence: float, most: float | None = None, *, size: float | None = None, worst: float = 1.0
) -> tuple[float, float]:
    """Return a confidence interval for the mean of values that are not negative.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        One a replica, independent of each other.
    confidence : float
        Such as 0.95.
    most : float, optional
        What no value can exceed, such as 1 for a share. Default: there is no bound.
    size : float, optional
        How many independent observations the values stand for. It matters only where all of them are 0, or ``most``,
        and show no variance. Default: n.
    worst : float
        What one observation would be that is not 0, where all are and there is no bound.

    Returns
    -------
    low, high : float
        Within the range. Missing (NaN) of fewer than two values.

    Notes
    -----
    Bounded values: the interval of Clopper and Pearson for a binomial share, with the size that a sample would have
    whose mean varies as much as this one's, cut by the square of the normal's quantile over Student's [1]_. Unbounded
    ones: that of Garwood for a Poisson mean, in the same way. What happened in none of n observations may happen in one
    of n/3.

    References
    ----------
    .. [1] E. L. Korn and B. I. Graubard, "Confidence intervals for proportions with small expected number of positive
       counts estimated from survey data", Survey Methodology 24 (1998), 193-201.

    Examples
    --------
    >>> [round(end, 4) for end in mean_interval(np.zeros(20), 0.95, most=1)]
    [0.0, 0.1684]
    >>> [round(end, 4) for end in mean_interval(np.array([0.99, 1, 1, 1]), 0.95, most=1)]
    [0.971, 1.0]
    """
    from scipy.special import betaincinv, gammaincinv

    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    mean, tail = float(values.mean()), (1 - confidence) / 2
    if mean in (0, most):
        unseen = 1 - tail ** (1 / (n if size is None else size))
        return (0.0, unseen * (most or worst)) if mean == 0 else (mean - unseen * mean, mean)
    variance = float(values.var(ddof=1)) / n
    if variance <= (1e-15 * mean) ** 2:  # all are alike, but for how numbers are rounded
        return mean, mean
    cut = (NormalDist().inv_cdf(1 - tail) / _student(1 - tail, n - 1)) ** 2
    if most is None:
        events = cut * mean**2 / variance
        low, high = gammaincinv(events, tail), gammaincinv(events + 1, 1 - tail)
        return float(low) * mean / events, float(high) * mean / events
    share = mean / most
    trials = cut * share * (1 - share) * most**2 / variance
    hits = share * trials
    low, high = betaincinv(hits, trials - hits + 1, tail), betaincinv(hits + 1, trials - hits, 1 - tail)
    return float(low) * most, float(high) * most


def difference_interval(values: Floats, confidence: float, most: float | None = None) -> tuple[float, float]:
    """Return a confidence interval for the mean of paired differences: Student's, within ``-most`` and ``most``.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    confidence : float
    most : float, optional
        What no difference can exceed, such as 1 for that of two shares.

    Examples
    --------
    >>> [round(end, 4) for end in difference_interval(np.array([0.1, 0.2, 0.3]), 0.95, most=1)]
    [-0.0484, 0.4484]
    """
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    reach = _student((1 + confidence) / 2, n - 1) * float(values.std(ddof=1)) / n**0.5
    limit = np.inf if most is None else most
    mean = float(values.mean())
    return max(mean - reach, -limit), min(mean + reach, limit)


def _student(quantile: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, quantile))
