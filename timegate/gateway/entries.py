"""The deployments of a gateway that is built by hand: dictionaries, checked and read."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from datetime import time as wall_time
from typing import Any

from timegate.core.deployment import WINDOWED, Deployment
from timegate.core.price import Price, odd_currency
from timegate.core.settings import TIMEOUT_S, CallPolicy
from timegate.core.windows import Window
from timegate.errors import (
    ConfigError,
    InvalidModelError,
    InvalidTypeError,
    InvalidValueError,
    TimegateWarning,
    WindowError,
    did_you_mean,
    shown,
)
from timegate.models.base import is_model
from timegate.problems import Place, Problem, written
from timegate.validation import Value

__all__ = [
    "check_entry", "check_helpers", "entry_of", "last_time", "parse_policy", "parse_prices", "parse_rules",
    "parse_windows", "plain", "plain_value", "warn_of_time",
]  # fmt: skip

KEYS = tuple(name for name in Deployment.model_fields if name not in ("params", "description"))
RULES = tuple(name for name in KEYS if name not in ("model_name", "model", *WINDOWED, "price"))


def entry_of(deployment: Deployment, model: Any) -> dict[str, Any]:
    """Return a deployment of a config as an entry: all that it says, with the model that it calls."""
    said = {key: getattr(deployment, key) for key in KEYS}
    return said | {"model": model} | {key: list(said[key]) or None for key in WINDOWED}


def check_entry(entry: dict[str, Any], position: int) -> None:
    """Refuse a deployment that lacks something, or has what nobody knows."""
    for key in ("model_name", "model"):
        if key not in entry:
            raise InvalidValueError(f"Deployment at position {position} is missing required key `{key}`")
    for key in entry:
        if key not in KEYS:
            raise InvalidValueError(
                f"Deployment at position {position} has the unknown key {key!r}.{did_you_mean(key, KEYS)}"
            )
    name, model = entry["model_name"], entry["model"]
    if not isinstance(name, str) or not name:
        raise InvalidTypeError(f"`model_name` at position {position} must be a non-empty string. Got {name!r}")
    if not is_model(model):
        raise InvalidTypeError(f"Model `{name}` does not inherit from `BaseModel`")
    for attribute in ("model_type", "model_id"):
        if not getattr(model, attribute, None):
            raise InvalidModelError(f"Model `{name}` does not have a valid `{attribute}` attribute")
    if not hasattr(model, "provider"):
        raise InvalidModelError(f"Model `{name}` does not have a valid `provider` attribute")


def check_helpers(clock: object, observers: object) -> None:
    """Refuse a clock that tells no time, and observers that could not be called."""
    if clock is not None and not callable(getattr(clock, "now_us", None)):
        raise InvalidTypeError(f"`clock` must have a method `now_us`. Got {shown(clock)}.")
    if not isinstance(observers, Collection) or not all(map(callable, observers)):
        raise InvalidTypeError(f"`observers` must be a list of callables. Got {shown(observers)}.")


def warn_of_time(deployment: Deployment, model: Any) -> None:
    """Warn of a time limit that blocking calls of a model would not keep; the default of configs needs no warning."""
    policy = deployment.policy
    if policy is None or policy.timeout_s in (None, TIMEOUT_S):
        return
    if not (getattr(model, "keeps_time", False) or getattr(model, "in_thread", False)):
        warnings.warn(
            f"deployment {deployment.name!r}: {type(model).__name__} cannot be given up after timeout_s="
            f"{policy.timeout_s:g} in blocking calls: set in_thread = True on the model, or keeps_time = True if it "
            "ends by itself. Awaited calls end in time.",
            TimegateWarning,
            stacklevel=4,
        )


def parse_windows(entry: dict[str, Any], position: int, key: str) -> tuple[Window, ...]:
    """Read the windows of one of its lists."""
    values = entry.get(key)
    if values is None:
        return ()
    name = entry["model_name"]
    if not isinstance(values, list):
        place = ("deployments", position, key)
        text = f"must be a list of tuples (start, end). Got {values!r} ({type(values).__name__})"
        raise InvalidTypeError(Problem(place, text, where=written(place, repr(name))))
    windows = []
    for i, value in enumerate(values):
        try:
            windows.append(Window.parse(value))
        except (WindowError, InvalidTypeError) as error:
            [problem] = error.problems
            there: Place = ("deployments", position, key, i, *problem.place)
            problem = problem.at(there, written(there, repr(name)))
            if isinstance(error, WindowError):
                problem = problem.after(f"Invalid format in {key}:")
            raise type(error)(problem) from error
    return tuple(windows)


def parse_prices(entries: Sequence[Mapping[str, Any]]) -> list[Price | None]:
    """Read what deployments cost, all in one currency."""
    prices: list[Price | None] = []
    for i, entry in enumerate(entries):
        given, place = entry.get("price"), ("deployments", i, "price")
        try:
            prices.append(given if given is None or isinstance(given, Price) else Price.model_validate(given))
        except InvalidValueError as error:
            raise _placed(error, place, entry["model_name"]) from None
    if odd := odd_currency(prices):
        raise ConfigError(odd)
    return prices


def parse_rules(entry: Mapping[str, Any], position: int) -> dict[str, Any]:
    """Read what else decides about a deployment beside windows, such as its priority, weight and policy."""
    given = {key: entry[key] for key in RULES if key in entry}
    try:
        read = Deployment(model_name="-", model="-/-", **given)
    except ConfigError as error:
        raise _placed(error, ("deployments", position), entry["model_name"]) from None
    return {key: getattr(read, key) for key in RULES}


def parse_policy(given: CallPolicy | Mapping[str, Any] | None) -> CallPolicy | None:
    """Read the policy of a whole gateway."""
    if given is None or isinstance(given, CallPolicy):
        return given
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"`policy` must be a CallPolicy or a mapping. Got {shown(given)}.")
    try:
        return CallPolicy.model_validate(given)
    except ConfigError as error:
        raise _placed(error, ("policy",)) from None


def _placed(error: InvalidValueError, place: Place, name: str | None = None) -> ConfigError:
    """Return the error of a part as one of the whole, which says where the part stands."""
    places = [(*place, *problem.place) for problem in error.problems]
    label = "" if name is None else repr(name)
    return ConfigError(
        *(problem.at(there, written(there, label)) for problem, there in zip(error.problems, places, strict=True))
    )


def last_time(window: Window) -> wall_time:
    """Return the last time of the clock that a window contains."""
    return wall_time.max if window.end == "24:00" else wall_time.fromisoformat(window.end)


def plain(window: Any) -> Any:
    """Return a window as plain data; a pair as it was given, for that is the form of msgflux."""
    return window if isinstance(window, list | tuple) else Window.parse(window).to_config()


def plain_value(value: Value | float) -> Any:
    """Return a policy or a price as plain data; a number as it is."""
    return value.model_dump(mode="json", exclude_defaults=True) if isinstance(value, Value) else value
