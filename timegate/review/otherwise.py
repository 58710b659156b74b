"""What two configs say otherwise than by the hour: deployments, models, and every other field that decides anything."""

from __future__ import annotations

from collections.abc import Container, Iterator

from timegate.config.model import GatewayConfig
from timegate.core.deployment import NOT_ROUTING, ORDERING
from timegate.core.settings import CallPolicy, Policy
from timegate.problems import Place, shown, written
from timegate.validation import Value

__all__ = ["models_of", "other_deployments", "other_terms"]


def models_of(*configs: GatewayConfig) -> list[dict[str, str]]:
    """Return what each deployment of each config calls, by name; with the type of the model if that changes."""
    typed = len({config.model_type for config in configs}) > 1
    return [{d.model_name: f"{d.model} ({c.model_type})" if typed else d.model for d in c.deployments} for c in configs]


def other_deployments(before: GatewayConfig, after: GatewayConfig) -> Iterator[str]:
    """Say which deployments are new, gone, or call another model."""
    old, new = models_of(before, after)
    for name in old:
        if name not in new:
            yield f"{name!r} is no longer there."
        elif old[name] != new[name]:
            yield f"{name!r} calls {new[name]} in place of {old[name]}."
    for name in new:
        if name not in old:
            yield f"{name!r} is new."


def other_terms(before: GatewayConfig, after: GatewayConfig) -> Iterator[str]:
    """Say which other fields change what becomes of calls: of the config, then of each deployment that both have."""
    general, now_general = before.policy or CallPolicy(), after.policy or CallPolicy()
    in_each = Policy.model_fields  # of which each deployment has its own
    for place, values in _differences(general, now_general, ("policy",), in_each):
        yield _sentence(place, *values)
    was = {deployment.name: deployment for deployment in before.complete()}
    for deployment in after.complete():
        if deployment.name in was:
            for place, values in _differences(was[deployment.name], deployment, (), ORDERING | NOT_ROUTING):
                yield f"{deployment.name!r}: {_sentence(place, *values)}"


def _differences(
    before: object, after: object, place: Place, left_out: Container[str] = ()
) -> Iterator[tuple[Place, tuple[object, object]]]:
    """Yield the fields, and those within them, in which two values differ, and what stands there."""
    if isinstance(before, Value) and type(before) is type(after):
        for name, field in type(before).model_fields.items():
            if name not in left_out and not field.exclude:
                yield from _differences(getattr(before, name), getattr(after, name), (*place, name))
    elif before != after:
        yield place, (before, after)


def _sentence(place: Place, before: object, after: object) -> str:
    return f"{written(place)} is {_spelled(after)} in place of {_spelled(before)}."


def _spelled(value: object) -> str:
    """Write a value with its defaults, which decide as much as what was given, but for what is off."""
    if not isinstance(value, Value):
        return shown(value)
    fields = {name: getattr(value, name) for name in type(value).model_fields}
    said = (f"{name}={shown(field)}" for name, field in fields.items() if field not in (None, False, ()))
    return f"{type(value).__name__}({', '.join(said)})"
