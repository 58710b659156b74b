"""Policies of other gateways, in the numbers of ours: ``policy: {preset: litellm}``.

A preset is put in its numbers' place when a config is loaded: hashes, files that are written, and the kernel know the
numbers alone. Fields that stand beside it win, those of ``backoff`` and ``cooldown`` one by one; a cooldown's own rule
(``failures``, ``failure_ratio``, ``at_once`` or ``from_retry_after``) takes the place of all rules of the preset. What
holds for a call as a whole is left out of the policy of a deployment.

Each was looked up in November 2026; below it stand its sources, and what it cannot say.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

__all__ = ["PRESETS", "PresetName", "expanded"]

PresetName = Literal["litellm", "envoy", "portkey", "bifrost", "seed"]

LITELLM: dict[str, Any] = {
    "timeout_s": 6000.0,
    "max_retries": 2,
    "backoff": {
        "initial_s": 0.5, "base": 2.0, "max_s": 8.0, "lo": 1.0, "hi": 1.0, "add_s": 0.75, "before_fallback": True,
        "before_failing": True,
    },
    "retry_after_max_s": 60.0,
    "retry_after": "replace",
    "retry_after_beyond": "ignore",
    "retry_on": ("timeout", "rate_limit", "server_error", "connection", "truncated", "error"),
    "raise_on": (),
    "cooldown": {
        "failure_ratio": 1.0, "min_calls": 1000, "window": "from_first", "for_s": 5.0,
        "on": ("timeout", "rate_limit", "server_error", "auth"), "at_once": ("auth",), "retry_after_is_length": True,
        "ends_retries": True,
    },
}  # fmt: skip
"""LiteLLM 1.110.2 with one deployment a group: each deployment falls back to those after it.

Sources: the package as installed (``utils.py``: ``_calculate_retry_after``; ``constants.py``;
``router_utils/cooldown_handlers.py``), and the router itself, which ``tests/judges/litellm_judge.py`` drives.

The router's ``allowed_fails=N, cooldown_time=T`` is ``cooldown: {failures: N + 1, within_s: T, for_s: T}`` beside it,
and ``cooldown: null`` for the last deployment, which that rule spares; ``num_retries`` and ``timeout`` are
``max_retries`` and ``timeout_s``.

It cannot say: that a ``Retry-After`` which is no whole number is not heard, and one of 0 prevents a cooldown; the
router's ``retry_after``, the least pause; that minutes of ``failure_ratio`` begin with a first call, and which failures
count there without tripping it; that 403 and 404 have no kind of ours (they fare as ``bad_request`` and ``auth``);
that an attempt which began before a cooldown renews it; ``max_fallbacks``, which bounds chains of fallback lists and no
flat list; ``retry_policy``; and groups of several, which retry elsewhere without a pause, and cool at the first 429, or
when more than half of at least five have failed.
"""

ENVOY: dict[str, Any] = {
    "max_retries": 2,
    "backoff": {"initial_s": 0.025, "base": 2.0, "max_s": 0.25, "lo": 0.0, "hi": 1.0},
    "retry_after_max_s": 0.0,
    "retry_on": ("connection", "server_error"),
    "raise_on": (),
    "cooldown": {
        "failures": 5, "consecutive": True, "for_s": 30.0, "growth_s": 30.0, "max_s": 300.0,
        "on": ("server_error", "connection", "timeout", "truncated"),
    },
    "max_cooled_share": 0.1,
    "when_all_cool": "use",
}  # fmt: skip
"""Envoy Gateway with ``retry: {}`` and ``healthCheck: {passive: {}}``. Below ten deployments nothing cools.

Sources: envoyproxy/gateway ``api/v1alpha1/retry_types.go``, ``healthcheck_types.go`` and
``internal/xds/translator/route.go``; envoyproxy/envoy ``source/common/common/backoff_strategy.cc`` and
``source/extensions/clusters/outlier_detection_impl.cc``.

Its pauses are those of the code, which doubles 25 ms; the documentation, and older code, have ``2**n - 1`` times 25 ms:
``backoff: {minus_one: true}`` beside it.

It cannot say: that of all 5xx only 503 is retried; that any other status, 429 and 400 too, ends a run of failures as
an answer does; that deployments come back at sweeps, every 3 s, and that each sweep in health takes 30 s off the next
cooldown (here an answer takes all off); that all are used as soon as half of them cool; the timeout of a route, and the
limit of retries at a time.
"""

PORTKEY: dict[str, Any] = {
    "timeout_s": None,
    "max_retries": 0,
    "backoff": {"initial_s": 1.0, "base": 2.0, "max_s": 16.0, "lo": 1.0, "hi": 1.0},
    "retry_after_max_s": 0.0,
    "retry_after": "replace",
    "retry_on": ("rate_limit", "server_error", "connection"),
    "raise_on": (),
    "cooldown": None,
}
"""Portkey's gateway 1.15.2. Retries are off unless ``max_retries`` is given beside it, at most 5 there.

Sources: Portkey-AI/gateway ``src/handlers/retryHandler.ts``, ``src/globals.ts``;
https://portkey.ai/docs/product/ai-gateway/automatic-retries and ``.../circuit-breaker``; the package async-retry.

``use_retry_after_header`` is ``retry_after_max_s: 60``. It cannot say: that of all 5xx only 500, 502, 503, 504 and 529
are retried; that a ``Retry-After`` is for a 429 only, bounds all pauses on a target together, and leaves later retries
without a pause; the circuit breaker, which has no numbers of its own.
"""

BIFROST: dict[str, Any] = {
    "timeout_s": 30.0,
    "max_retries": 0,
    "backoff": {"initial_s": 0.5, "base": 2.0, "max_s": 5.0, "lo": 0.8, "hi": 1.2, "cap_s": 5.0},
    "retry_after_max_s": 0.0,
    "retry_on": ("rate_limit", "server_error", "connection"),
    "raise_on": (),
    "cooldown": None,
}
"""Bifrost, releases up to September 2026. Retries are off unless ``max_retries`` is given beside it.

Sources: maximhq/bifrost ``core/utils.go`` (``calculateBackoff``), ``core/failureclass.go``,
``core/schemas/provider.go``; https://docs.getbifrost.ai/features/retries-and-fallbacks. Its releases take no notice of
``Retry-After`` (issue 6971); a newer core may wait the longer of both, up to 5 s: ``retry_after_max_s: 5`` beside it.

It cannot say: that of all 5xx only 500, 502, 503 and 504 are retried; that a key which is refused is changed without a
pause, where there are several; whether a timeout is retried, which could not be settled.
"""

SEED: dict[str, Any] = {
    "timeout_s": None,
    "max_retries": 0,
    "backoff": None,
    "retry_on": (),
    "raise_on": (),
    "cooldown": None,
    "limits": None,
}
"""The gateway that this project began with: each open deployment once, in order, as long as its client waits."""

PRESETS: Mapping[PresetName, Mapping[str, Any]] = {
    "litellm": LITELLM,
    "envoy": ENVOY,
    "portkey": PORTKEY,
    "bifrost": BIFROST,
    "seed": SEED,
}

_TRIPS = {"failures", "failure_ratio", "at_once", "from_retry_after"}
_RULES = _TRIPS | {"within_s", "consecutive", "min_calls"}


def expanded(data: Mapping[str, Any], fields: Collection[str]) -> Mapping[str, Any]:
    """Return the plain data of a policy with its preset replaced by the numbers.

    Parameters
    ----------
    data : mapping
        As it was given.
    fields : collection of str
        What the policy has; those of a deployment know nothing of a call as a whole.

    Examples
    --------
    >>> expanded({"preset": "bifrost", "max_retries": 3}, ["timeout_s", "max_retries"])
    {'timeout_s': 30.0, 'max_retries': 3}
    """
    preset = data.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        return data  # which is said of the field
    numbers = {name: value for name, value in PRESETS[preset].items() if name in fields}  # type: ignore[index]
    own = {name: value for name, value in data.items() if name != "preset"}
    for part, value in own.items():
        basis = numbers.get(part)
        if isinstance(value, Mapping) and isinstance(basis, Mapping):
            replaced = _RULES if value.keys() & _TRIPS else set()
            replaced = replaced | ({"lo", "hi"} if "jitter" in value else set())
            own[part] = {name: number for name, number in basis.items() if name not in replaced} | dict(value)
    return numbers | own
