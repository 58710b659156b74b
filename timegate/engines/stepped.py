"""The stepped engine: the gateway's own routing, driven call by call under a virtual clock."""

from __future__ import annotations

from timegate.core.columns import ATTEMPT_OUTCOMES, OK
from timegate.core.routing import Router
from timegate.engines.progress import progress
from timegate.engines.record import NOBODY, Attempts, Calls, classify, first_choices
from timegate.errors import CALL_ERRORS, ModelRouterError
from timegate.faults.injector import Injector
from timegate.traffic.trace import Trace

__all__ = ["run"]


def run(router: Router, trace: Trace, injector: Injector) -> tuple[Calls, Attempts]:
    """Replay a trace.

    Each call runs on its own clock from its arrival: an attempt starts when the one before it ended.
    """
    calls = Calls.empty(len(trace))
    rows: list[tuple[int, int, int, int, int, int]] = []
    errors = {code: CALL_ERRORS[kind](f"injected {kind}") for code, kind in enumerate(ATTEMPT_OUTCOMES) if code != OK}
    preferences = [*trace.preferred_names, None]  # -1, for none, takes the last
    firsts = first_choices(trace.preferred, trace.preferred_names, router.names).tolist()
    arrivals = zip(trace.at_us.tolist(), trace.preferred.tolist(), trace.answer_tokens.tolist(), strict=True)
    for call, (arrival_us, preferred, tokens) in enumerate(progress(arrivals, len(trace))):
        clock_us, attempts, served_by = arrival_us, 0, NOBODY
        try:
            route = router.route(arrival_us, preferences[preferred])
            deployment = next(route)
            while True:
                # The gateway tries each deployment but once.
                outcome, latency_us, _ = injector.attempt(deployment, call, 0, clock_us, tokens)
                attempts += 1
                rows.append((call, attempts, deployment, clock_us, outcome, latency_us))
                clock_us += latency_us
                if outcome == OK:
                    served_by = deployment
                    break
                deployment = route.send(errors[outcome])
        except ModelRouterError:
            pass
        calls.served_by[call] = served_by
        calls.outcome[call] = classify(served_by, attempts, firsts[call])
        calls.attempts[call] = attempts
        calls.latency_us[call] = clock_us - arrival_us
    return calls, Attempts.from_rows(rows)
