"""What many random days give: a row a day, their means, and what is certain of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from timegate.core.columns import OUTCOMES
from timegate.errors import ReplayError
from timegate.runs.intervals import difference_interval, mean_interval
from timegate.show.html import framed, numbers, paragraph
from timegate.show.text import counted, rounded

__all__ = ["MonteCarlo"]


class MonteCarlo:
    """The result of many random days.

    Attributes
    ----------
    replicas : DataFrame
        A row a replica: ``calls``, ``first_choice``, ``fallback``, ``failed``, ``blocked``, ``availability``,
        ``share[...]`` of each deployment, ``attempts_per_call``; of the calls that were served
        ``latency_mean_s``, ``latency_p50_s``, ``latency_p95_s``, ``latency_p99_s`` (quantiles to 0.4 %), of all
        calls, until the answer or the error, ``wait_mean_s`` and so on, and beside them
        ``baseline_latency_mean_s`` and so on, what the same calls of that day take under the same luck where each first
        choice is open and nothing fails; without those if no latency is modelled and no call took any time. With prices
        also the figures of money of :meth:`Replay.summary`.
    provenance : dict
        What is needed to make this result again.
    days_vary : bool
        Whether the calls of a replica have a fate in common, such as an outage that chance draws.
    """

    def __init__(self, replicas: pd.DataFrame, provenance: dict[str, Any], days_vary: bool = True) -> None:
        self.replicas = replicas
        self.provenance = provenance
        self.days_vary = days_vary

    def __len__(self) -> int:
        return len(self.replicas)

    def __repr__(self) -> str:
        return f"<{self._headline}>\n{self.summary().map(rounded).to_string()}"

    def _repr_html_(self) -> str:
        note = ", ".join(f"{key} {value}" for key, value in self.provenance.items())
        return framed(self._headline, numbers(self.summary().map(rounded)), paragraph([note]))

    @property
    def _headline(self) -> str:
        return f"Monte Carlo of {counted(len(self), 'replica')}"

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return each figure's mean over the replicas with its confidence interval, and its spread.

        Parameters
        ----------
        confidence : float
            Of the interval for the mean, which lies in the figure's range: see
            :func:`timegate.runs.intervals.mean_interval`.

        Returns
        -------
        DataFrame
            A row a figure; columns ``mean``, ``ci_low``, ``ci_high``, ``confidence`` (of these two), ``std``, ``p05``,
            ``p50``, ``p95``. A replica that served nobody has no latency, and is left out of the rows of latencies.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=200)
        >>> scenario = tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.1)])
        >>> days = tg.monte_carlo(config, traffic, scenario, replicas=50)
        >>> days.summary().loc["share[strong]", ["mean", "ci_low", "ci_high"]].round(2).tolist()
        [0.9, 0.89, 0.91]
        """
        calls = self.replicas["calls"]
        size = None if self.days_vary else max(float(calls.sum()), len(self))

        def interval(name: str, values: npt.NDArray[np.float64]) -> tuple[float, float]:
            if name in OUTCOMES:
                return mean_interval(values, confidence, size=size, worst=float(calls.mean()))
            return mean_interval(values, confidence, 1.0 if _is_share(name) else None, size=size)

        return _describe(self.replicas, confidence, interval)

    def compare(self, other: MonteCarlo, confidence: float = 0.95) -> pd.DataFrame:
        """Return the paired differences ``other - self``, replica by replica, as :meth:`summary` does.

        The intervals are Student's, within the range of a difference of shares. Both faced the same random days
        (common random numbers), so the difference is known far better than either side.

        Parameters
        ----------
        other : MonteCarlo
        confidence : float
            Of the interval for the mean, between 0 and 1.

        Returns
        -------
        DataFrame
            As of :meth:`summary`.

        Raises
        ------
        ReplayError
            If seed, replicas, traffic or scenario differ: then nothing is paired.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=200)
        >>> scenario = tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.1)])
        >>> days = tg.monte_carlo(config, traffic, scenario, replicas=50)
        >>> alone = tg.monte_carlo(config.without("weak"), traffic, scenario, replicas=50)
        >>> days.compare(alone).loc["availability", ["mean", "ci_low", "ci_high"]].round(2).tolist()
        [-0.1, -0.11, -0.09]
        """
        for key in ("seed", "replicas", "traffic_hash", "scenario_hash"):
            if self.provenance[key] != other.provenance[key]:
                raise ReplayError(
                    f"the two are not paired: {key} is {self.provenance[key]} here and {other.provenance[key]} there."
                )
        columns = list(dict.fromkeys([*self.replicas.columns, *other.replicas.columns]))
        mine, theirs = (days.replicas.reindex(columns=columns) for days in (self, other))
        shares = [column for column in columns if column.startswith("share[")]
        fill = dict.fromkeys(shares, 0.0)  # who is not deployed serves nobody

        def interval(name: str, values: npt.NDArray[np.float64]) -> tuple[float, float]:
            return difference_interval(values, confidence, 1.0 if _is_share(name) else None)

        times = [column for column in columns if column.startswith(("baseline_latency_", "wait_"))]
        fill |= dict.fromkeys(times, 0.0)  # where no call took any time
        return _describe(theirs.fillna(fill) - mine.fillna(fill), confidence, interval)


def _is_share(name: str) -> bool:
    return name == "availability" or name.startswith("share[")


def _describe(
    replicas: pd.DataFrame,
    confidence: float,
    interval: Callable[[str, npt.NDArray[np.float64]], tuple[float, float]],
) -> pd.DataFrame:
    if not 0 < confidence < 1:
        raise ReplayError(f"confidence must lie between 0 and 1. Got {confidence}.")
    ends = [interval(str(name), column.dropna().to_numpy(np.float64)) for name, column in replicas.items()]
    lows, highs = zip(*ends, strict=True)
    table = pd.DataFrame({"mean": replicas.mean(), "ci_low": lows, "ci_high": highs, "confidence": confidence})
    table["std"] = replicas.std()
    for percent in (5, 50, 95):
        table[f"p{percent:02}"] = replicas.quantile(percent / 100)
    return table.rename_axis("figure")
