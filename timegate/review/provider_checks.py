"""Checks of providers: whether ``build()`` will find them, and their keys. No key is read, and no SDK loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator

from timegate.config.model import GatewayConfig
from timegate.errors import InvalidValueError
from timegate.models.registry import Model
from timegate.problems import written
from timegate.review.findings import Finding

__all__ = ["check_providers"]


def check_providers(config: GatewayConfig) -> Iterator[Finding]:
    """Find deployments that cannot be built here: whose provider is unknown, or whose key is not set."""
    for i, deployment in enumerate(config.deployments):
        params = dict(deployment.params)
        place = written(("deployments", i), repr(deployment.model_name))
        try:
            served_by = Model.class_of(config.model_type, deployment.provider, params.get("base_url"))
        except InvalidValueError as error:
            yield Finding(
                "TG601",
                place,
                f"build() will find nobody who serves it: {error}",
                "Register the provider, or give params.base_url if it speaks the protocol of OpenAI.",
                deployment.model_name,
            )
            continue
        needed = served_by.keys_of(provider=deployment.provider, **params)
        missing = [] if not needed or any(map(os.environ.get, needed)) else [" or ".join(needed)]
        if isinstance(headers := params.get("headers_env"), dict):
            missing += [variable for variable in map(str, headers.values()) if not os.environ.get(variable)]
        if missing:
            yield Finding(
                "TG602",
                place,
                f"{', '.join(missing)} is not set here: build() refuses.",
                "Set it where the gateway runs; build(check_keys=False) does without.",
                deployment.model_name,
            )
