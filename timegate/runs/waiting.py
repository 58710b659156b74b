"""How long calls take: figures of latency and of waiting, and what they would be without windows and failures."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from timegate.core.clock import SECOND_US
from timegate.core.columns import PERCENTILES
from timegate.core.deployment import Deployment
from timegate.core.router import Router
from timegate.faults import Scenario
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

if TYPE_CHECKING:
    from timegate.engines.record import Calls
    from timegate.engines.totals import Totals

__all__ = ["Baseline", "time_figures"]

Times = npt.NDArray[np.int64]


def time_figures(latency_us: Times, served: npt.NDArray[np.bool_], baseline: Times) -> dict[str, Any]:
    """Return the figures of how long calls took, in seconds.

    Parameters
    ----------
    latency_us : ndarray of int64, shape (calls,)
        From arrival to the answer, or to the error.
    served : ndarray of bool, shape (calls,)
        Which calls had an answer.
    baseline : ndarray of int64, shape (calls,)
        How long each would have taken without windows and without failures.

    Returns
    -------
    dict
        ``latency_...`` of the calls that were served, missing (NaN) if none was; ``baseline_latency_...`` and
        ``wait_...`` of all.
    """
    return {
        **_distribution("latency", latency_us[served]),
        **_distribution("baseline_latency", baseline),
        **_distribution("wait", latency_us),
    }


class Baseline:
    """The same calls under the same luck, without windows and without failures: what a run's times are held against.

    Each call's first choice is open and answers, after the latency that the scenario draws for its first attempt there;
    nothing fails, slows down or is full.

    Attributes
    ----------
    takes_time : bool
        Whether there are any.
    """

    def __init__(self, router: Router, scenario: Scenario) -> None:
        self.takes_time = scenario.has_latency
        self._deployments, self._scenario = router.deployments, scenario

    @cached_property
    def router(self) -> Router:
        """The deployments, always open and without policies."""
        return Router([Deployment.of(deployment.name, deployment.provider) for deployment in self._deployments])

    @cached_property
    def injector(self) -> Injector:
        """The latencies of the scenario, and no more."""
        named = zip(self._scenario.fault_names, self._scenario.faults, strict=True)
        latencies = {name: fault for name, fault in named if fault.is_latency}
        return Injector(latencies, self._scenario.seed, self.router.deployments, self._scenario.groups)

    def add_to(
        self, totals: Totals, router: Router, trace: Trace, calls: Calls, threads: int | None = None, first: int = 0
    ) -> None:
        """Add to the totals of calls, of which the first has a number, how long they take here."""
        if not self.takes_time:
            totals.latencies[2, 0] += len(trace)
            return
        from timegate.engines.totals import add_baseline  # loads numba

        choices = calls.first_choices(trace.preferred, trace.preferred_names, router)
        add_baseline(totals, self.latency_us(trace, choices, threads, first))

    def latency_us(
        self, trace: Trace, first_choices: npt.NDArray[Any], threads: int | None = None, first: int = 0
    ) -> Times:
        """Return how long each call takes, in microseconds, where the first one has a number."""
        if not self.takes_time:
            return np.zeros(len(trace), np.int64)
        from timegate.engines import compiled  # loads numba

        choices = first_choices.astype(np.int32)
        asked = Trace.from_arrays(trace.at_us, choices, self.router.names, trace.completion_tokens)
        return compiled.run(self.router, asked, self.injector, threads, first).latency_us


def _distribution(name: str, times_us: Times) -> dict[str, float]:
    if not len(times_us):
        return dict.fromkeys([f"{name}_mean_s", *(f"{name}_p{percent}_s" for percent in PERCENTILES)], np.nan)
    times_s = times_us / SECOND_US
    quantiles = np.percentile(times_s, PERCENTILES).tolist()
    made = {f"{name}_p{percent}_s": value for percent, value in zip(PERCENTILES, quantiles, strict=True)}
    return {f"{name}_mean_s": float(times_s.mean()), **made}
