"""Checks of providers: whether ``build()`` will find them, their addresses and keys. No key is read, no SDK loaded."""

from __future__ import annotations

from collections.abc import Iterator

from timegate.config.model import GatewayConfig
from timegate.errors import InvalidValueError
from timegate.models.registry import Model
from timegate.review.findings import Finding

__all__ = ["check_providers"]


def check_providers(config: GatewayConfig) -> Iterator[Finding]:
    """Find deployments that cannot be built here: whose provider, address or key is none, or not known."""
    for i, deployment in enumerate(config.deployments):
        params = dict(deployment.params)
        name = deployment.model_name
        try:
            served_by = Model.class_of(config.model_type, deployment.provider, params.get("base_url"))
        except InvalidValueError as error:
            yield Finding.of_deployment(
                "TG601",
                (i,),
                name,
                f"build() will find nobody who serves it: {error}",
                "Register the provider, or give params.base_url if it speaks the protocol of OpenAI.",
            )
            continue
        if wrong := served_by.refuses(provider=deployment.provider, **params):
            yield Finding.of_deployment(
                "TG603",
                (i, "params"),
                name,
                f"build() will refuse it: {wrong}",
                "Mend params, or leave out what the provider has by itself.",
            )
        if lacking := served_by.lacks(provider=deployment.provider, **params):
            yield Finding.of_deployment(
                "TG602",
                (i,),
                name,
                f"{', '.join(lacking)} is not set here: build() refuses.",
                "Set it where the gateway runs; build(check_keys=False) does without.",
            )
