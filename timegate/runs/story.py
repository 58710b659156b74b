"""What happened to one call, in order of time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from timegate.core.clock import SECOND_US
from timegate.core.columns import ATTEMPT_OUTCOMES, NOBODY, OUTCOMES
from timegate.core.explanation import why_passed_over
from timegate.core.router import Router
from timegate.core.settings import CallPolicy, Policy
from timegate.engines.record import Attempts, Calls, Log
from timegate.faults import Scenario
from timegate.faults.kinds import Capacity
from timegate.traffic.trace import Trace, category

__all__ = ["EVENTS", "has_policies", "story_frame"]

EVENTS = ("arrives", "passes over", "waits", "tries", "ends")
ARRIVES, PASSES_OVER, WAITS, TRIES, ENDS = EVENTS


def has_policies(router: Router, scenario: Scenario) -> bool:
    """Tell whether there is more to the story of a call than one attempt on each open deployment, in order."""
    plain = [policy.terms() for policy in (Policy(), Policy(timeout_s=None))]
    return (
        any(terms not in plain for terms in router.terms)
        or router.call_terms != CallPolicy().call_terms(len(router.deployments))
        or not router.in_config_order
        or any(isinstance(fault, Capacity) for fault in scenario.faults)
    )


def story_frame(
    router: Router, trace: Trace, calls: Calls, attempts: Attempts, log: Log, call: int, order: Sequence[str]
) -> pd.DataFrame:
    """Return the table that :meth:`timegate.Replay.story` describes; ``order`` is that of the call."""
    at_us = int(trace.at_us[call])
    rows: list[tuple[int, str, int, float, str]] = [(at_us, ARRIVES, NOBODY, np.nan, f"{len(order)} open")]
    places = {router.index[name]: place for place, name in enumerate(order)}
    # A deployment is tried until it is passed over or the call moves on: that is their order at one instant, too.
    steps: list[tuple[int, int, int, int]] = []
    lo, hi = np.searchsorted(attempts.call, [call, call + 1]).tolist()
    for row in range(lo, hi):
        deployment = int(attempts.deployment[row])
        steps.append((int(attempts.at_us[row]), places.get(deployment, row), 0, row))
    first, last = np.searchsorted(log.skips[:, 0], [call, call + 1]).tolist()
    for row in range(first, last):
        _, deployment, skipped_us, _ = log.skips[row].tolist()
        steps.append((skipped_us, places.get(deployment, row), 1, row))
    now_us = at_us
    end_us = at_us + int(calls.latency_us[call])
    for step_us, _, is_skip, row in sorted(steps):
        if step_us > now_us:
            rows.append((now_us, WAITS, NOBODY, (step_us - now_us) / SECOND_US, ""))
            now_us = step_us
        if is_skip:
            _, deployment, _, reason = log.skips[row].tolist()
            rows.append((now_us, PASSES_OVER, deployment, np.nan, _why(log, deployment, now_us, reason)))
        else:
            took_us = int(attempts.latency_us[row])
            outcome = ATTEMPT_OUTCOMES[attempts.outcome[row]]
            rows.append((now_us, TRIES, int(attempts.deployment[row]), took_us / SECOND_US, outcome))
            now_us += took_us
    if end_us > now_us:
        rows.append((now_us, WAITS, NOBODY, (end_us - now_us) / SECOND_US, ""))
    rows.append((end_us, ENDS, int(calls.served_by[call]), np.nan, OUTCOMES[calls.outcome[call]]))
    instants, events, deployments, lengths, details = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "after_s": (np.array(instants) - at_us) / SECOND_US,
            "event": category(np.array([EVENTS.index(event) for event in events]), EVENTS),
            "deployment": category(np.array(deployments), router.names),
            "for_s": np.array(lengths, np.float64),
            "what": pd.Series(details, dtype="str"),
        }
    )


def _why(log: Log, deployment: int, at_us: int, reason: int) -> str:
    rows = log.cooldowns
    until_us = rows[(rows[:, 0] == deployment) & (rows[:, 1] <= at_us), 2].max(initial=0)
    return why_passed_over(reason, int(until_us))
