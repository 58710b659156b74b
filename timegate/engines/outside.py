"""How a router of somebody else looks from outside: how it is called, whom it names, and which failures are its own."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

from timegate.core.deployment import Deployment
from timegate.core.router import Router
from timegate.core.timetable import Hours
from timegate.core.windows import Window
from timegate.errors import InvalidTypeError

__all__ = ["check_parameters", "describe", "is_of_another_loop"]


def check_parameters(call_router: Callable[..., Any]) -> None:
    """Refuse a router that cannot be called as routers are, before its own error says less."""
    try:
        signature = inspect.signature(call_router)
    except (TypeError, ValueError):  # of something compiled, which tells no parameters
        return
    try:
        signature.bind(model_preference=None)
    except TypeError:
        name = getattr(call_router, "__name__", type(call_router).__name__)
        raise InvalidTypeError(
            f"router must take the preferred deployment, as router(model_preference=None). Got {name}{signature}."
        ) from None


def is_of_another_loop(error: BaseException) -> bool:
    """Tell whether a lock or semaphore of asyncio refused to work, as one that an event loop since ended had held."""
    if not isinstance(error, RuntimeError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == "asyncio.mixins"


def describe(router: Callable[..., Any]) -> Router | None:
    """Describe a router that names its deployments, as msgflux's gateway does; None if it does not."""
    names, models = getattr(router, "model_names", None), getattr(router, "models", None)
    if not names or not models:
        return None
    closed = getattr(router, "raw_time_constraints", None) or {}  # msgflux's windows mean what ours mean
    return Router(
        [
            Deployment.of(name, model.provider, Hours(tuple(map(Window.parse, closed.get(name, ())))))
            for name, model in zip(names, models, strict=True)
        ]
    )
