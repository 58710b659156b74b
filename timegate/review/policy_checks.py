"""Checks of policies: those that hold calls for long, contradict each other, or change nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from timegate.config.model import GatewayConfig
from timegate.core.deployment import Deployment
from timegate.core.policy_parts import LONGEST_S
from timegate.core.settings import TIMEOUT_S, Backoff, CallPolicy, Limits, Policy
from timegate.core.spans import Spans, union
from timegate.problems import Place, written
from timegate.review.findings import Finding
from timegate.review.survey import Survey, intersection
from timegate.show.text import counted, duration, listed

__all__ = ["check_policies"]


def check_policies(config: GatewayConfig, surveyed: Survey, periods: Spans) -> Iterator[Finding]:
    """Look at the policies of a config, at the order of its deployments, and at what retries do to windows.

    Parameters
    ----------
    config : GatewayConfig
    surveyed : Survey
        Who is open.
    periods : ndarray of int64, shape (n, 2)
        When.
    """
    general = config.policy or CallPolicy()
    whole = config.complete()
    if config.policy is not None or any(deployment.policy is not None for deployment in config.deployments):
        yield from _silence(whole, general)
    yield from _without_effect(whole, general, "policy", None)
    yield from _of_calls(whole, general)
    yield from _late(config, general)
    for i, (deployment, complete) in enumerate(zip(config.deployments, whole, strict=True)):
        label, name = repr(deployment.name), deployment.name
        if deployment.policy is not None:
            yield from _without_effect(
                [complete], deployment.policy, written(("deployments", i, "policy"), label), name
            )
        yield from _outlasting(deployment, _policy(complete), general, i)
        yield from _never_preferred(deployment, surveyed, periods, i)
    yield from _weights(config)


_OF_PAUSES = ("retry_after_max_s", "retry_after", "retry_after_beyond")
"""Fields about the pauses before retries, whose defaults ask for nothing."""


def _policy(deployment: Deployment) -> Policy:
    return deployment.policy or Policy()


def _silence(whole: tuple[Deployment, ...], general: CallPolicy) -> Iterator[Finding]:
    """Find deployments that may hold a call for ten minutes, which is what a config does that gives no timeout."""
    if general.deadline_s is not None and general.deadline_s < TIMEOUT_S:
        return
    holding: dict[float | None, list[str]] = {}
    for deployment in whole:
        holding.setdefault(_policy(deployment).timeout_s, []).append(repr(deployment.name))
    for timeout_s, names in holding.items():
        if timeout_s is None or timeout_s >= TIMEOUT_S:
            long = "for ever" if timeout_s is None else f"for {duration(timeout_s)}"
            yield Finding(
                "TG701",
                written(("policy", "timeout_s")),
                f"A provider that falls silent holds a call {long} before another is tried: {listed(names)}.",
                "Give a timeout_s that is little longer than the longest answer takes.",
            )


def _late(config: GatewayConfig, general: CallPolicy) -> Iterator[Finding]:
    """Find timeouts that are longer than a call may be; the default one where somebody could be fallen back to."""
    deadline_s = general.deadline_s
    givers: list[tuple[Policy, Place, str | None]] = []
    for i, deployment in enumerate(config.deployments):
        own = deployment.policy
        if own is not None and "timeout_s" in own.model_fields_set:
            givers.append((own, ("deployments", i, "policy", "timeout_s"), deployment.name))
    is_given = "timeout_s" in general.model_fields_set
    if len(givers) < len(config.deployments) and (is_given or len(config.deployments) > 1):
        givers.append((general, ("policy", "timeout_s"), None))
    for giver, place, name in givers:
        timeout_s = giver.timeout_s
        if deadline_s is None or (timeout_s is not None and timeout_s <= deadline_s):
            continue
        given = "There is no timeout" if timeout_s is None else f"The timeout is {duration(timeout_s)}"
        if giver is general and not is_given:
            given += " unless one is given"
        yield Finding(
            "TG702",
            written(place, "" if name is None else repr(name)),
            f"{given}, and the whole call ends after {duration(deadline_s)}: nobody is left the time to fall back.",
            "Make timeout_s so short that deadline_s has room for several attempts.",
            name,
        )


def _without_effect(
    whole: tuple[Deployment, ...] | list[Deployment], given: Policy, place: str, name: str | None
) -> Iterator[Finding]:
    """Find fields of a policy that change nothing for any of the deployments that it speaks of."""
    retries = any(_policy(deployment).max_retries for deployment in whole)
    default = Policy()
    idle: list[str] = [
        field for field in ("retry_on", "backoff") if field in given.model_fields_set and getattr(given, field)
    ]
    idle += [field for field in _OF_PAUSES if getattr(given, field) not in (getattr(default, field), 0)]
    if idle and not retries:
        yield Finding(
            "TG703",
            f"{place}.{idle[0]}",
            f"{listed(idle)} {'is' if len(idle) == 1 else 'are'} given, and max_retries is 0: nothing is retried.",
            "Give max_retries, or leave it out." if len(idle) == 1 else "Give max_retries, or leave them out.",
            name,
        )
    if given.limits is not None and given.limits == Limits():
        yield Finding("TG706", f"{place}.limits", "It limits nothing.", "Give it a number, or leave it out.", name)
    if given.max_retries and not given.retry_on and not (given.backoff and given.backoff.before_fallback):
        yield Finding(
            "TG706",
            f"{place}.retry_on",
            f"It is empty: no kind of error is retried, though max_retries is {given.max_retries}.",
            "Name some, or leave it out.",
            name,
        )
    both = [kind for kind in given.retry_on if kind in given.raise_on]
    if retries and both and "retry_on" in given.model_fields_set:
        yield Finding(
            "TG706",
            f"{place}.retry_on",
            f"{listed(both)} {'is' if len(both) == 1 else 'are'} also in raise_on, which ends the call before a retry.",
            "Leave each kind in one of both.",
            name,
        )
    if given.first_chunk_s is not None:
        waits = [(p.first_chunk_s, p.timeout_s) for p in map(_policy, whole)]
        if all(first is None or (timeout is not None and timeout <= first) for first, timeout in waits):
            yield Finding(
                "TG706",
                f"{place}.first_chunk_s",
                "The timeout ends at a stream's first chunk, too, and is no longer than this.",
                "Make first_chunk_s shorter than timeout_s, or leave it out.",
                name,
            )
    cooldown = given.cooldown
    if cooldown is not None and cooldown.failures == 1 and cooldown.window == "sliding":
        for field in ("within_s", "consecutive"):
            if getattr(cooldown, field):
                yield Finding(
                    "TG706",
                    f"{place}.cooldown.{field}",
                    "One failure is enough, whatever was before it.",
                    f"Give more failures, or leave {field} out.",
                    name,
                )
    counts = cooldown is not None and (cooldown.failures is not None or cooldown.failure_ratio is not None)
    if counts and cooldown is not None and not cooldown.on:
        yield Finding(
            "TG706",
            f"{place}.cooldown.on",
            "No kind of error counts as a failure.",
            "Name some, or leave it out.",
            name,
        )


def _of_calls(whole: tuple[Deployment, ...], general: CallPolicy) -> Iterator[Finding]:
    """Find fields for calls as a whole that change nothing."""
    cools = any(_policy(deployment).cooldown is not None for deployment in whole)
    retries = any(_policy(deployment).max_retries for deployment in whole)
    idle: list[tuple[str, str]] = []
    if general.retry_budget is not None and not retries:
        idle.append(("retry_budget", "there are no retries to pay for: max_retries is 0"))
    if general.when_all_cool != "pass_over" and not cools:
        idle.append(("when_all_cool", "no deployment has a cooldown"))
    if "max_wait_s" in general.model_fields_set and general.when_all_cool != "wait":
        idle.append(("max_wait_s", "calls do not wait unless when_all_cool is 'wait'"))
    if general.max_cooled_share < 1 and not cools:
        idle.append(("max_cooled_share", "no deployment has a cooldown"))
    elif general.max_cooled_share < 1 and general.call_terms(len(whole)).most_cooled == 0:
        idle.append(
            ("cooldown", f"nothing ever cools: max_cooled_share of {counted(len(whole), 'deployment')} is none")
        )
    for field, why in idle:
        yield Finding(
            "TG706", written(("policy", field)), f"{why[0].upper()}{why[1:]}.", f"Leave {field} out, or mend that."
        )


def _outlasting(deployment: Deployment, policy: Policy, general: CallPolicy, i: int) -> Iterator[Finding]:
    """Say how long after a deployment has closed a call may still try it."""
    if not policy.max_retries or not (deployment.time_constraints or deployment.available):
        return
    backoff = policy.backoff or Backoff()
    most_s = min(backoff.max_s * backoff.hi + backoff.add_s, LONGEST_S if backoff.cap_s is None else backoff.cap_s)
    pause_s = max(most_s, policy.retry_after_max_s)
    lasts_s = general.deadline_s
    if policy.timeout_s is not None:
        lasts_s = min(policy.max_retries * (policy.timeout_s + pause_s), general.deadline_s or np.inf)
    long = "without an end" if lasts_s is None else f"for up to {duration(lasts_s)}"
    yield Finding.of_deployment(
        "TG707",
        (i,),
        deployment.name,
        f"A call that arrives before {deployment.name!r} closes may try it again {long} after that.",
        "Give it fewer retries or a shorter timeout_s, or let its windows close earlier, if that matters.",
    )


def _never_preferred(deployment: Deployment, surveyed: Survey, periods: Spans, i: int) -> Iterator[Finding]:
    """Find windows of ``prefer_during`` in which a deployment is never open."""
    for index, window in enumerate(deployment.prefer_during):
        spans = union([window.spans_us(lo, hi) for lo, hi in periods.tolist()])
        if not len(spans):
            why = "no such time comes in the time looked at"
        elif not len(intersection(spans, surveyed.open[i])):
            why = "the deployment is closed whenever it applies"
        else:
            continue
        yield Finding.of_deployment(
            "TG708",
            (i, "prefer_during", index),
            deployment.name,
            f"It never applies: {why}.",
            "Move it to when the deployment is open, or remove it.",
        )


def _weights(config: GatewayConfig) -> Iterator[Finding]:
    """Find weights that no draw looks at, or that leave nothing to draw from."""
    router = config.router()
    for group in router.groups(None):
        given = [i for i in group if config.deployments[i].weight is not None]
        if len(group) == 1 and given:
            name = router.names[group[0]]
            yield Finding.of_deployment(
                "TG704",
                (group[0], "weight"),
                name,
                f"No other deployment has the priority of {name!r}: there is nothing to draw.",
                "Give those that share calls the same priority, or leave weight out.",
            )
        elif len(group) > 1 and not any(router.weights[i] for i in group):
            names = listed(repr(router.names[i]) for i in group)
            yield Finding.of_deployment(
                "TG705",
                (group[0], "weight"),
                router.names[group[0]],
                f"The weights of {names} are all 0: they are tried in the order of the config.",
                "Give one of them a weight above 0.",
            )
