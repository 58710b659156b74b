"""What functions accept as a config: one, or the path of its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from timegate.config.model import GatewayConfig
from timegate.errors import InvalidTypeError, shown

__all__ = ["as_config"]


def as_config(given: Any, name: str = "config") -> GatewayConfig:
    """Return a config as it is, or read it from its file.

    Parameters
    ----------
    given : GatewayConfig or path
    name : str
        Of the argument, for the error.

    Raises
    ------
    InvalidTypeError
        If it is neither.
    ConfigError
        If the file cannot be read.

    Examples
    --------
    >>> as_config(3)
    Traceback (most recent call last):
        ...
    timegate.errors.InvalidTypeError: config must be a GatewayConfig, or the path of its file. Got 3.
    """
    if isinstance(given, GatewayConfig):
        return given
    if isinstance(given, str | os.PathLike):
        return GatewayConfig.load(given)  # type: ignore[arg-type]  # of bytes it says so itself
    way = " GatewayConfig(**mapping) takes a mapping." if isinstance(given, Mapping) else ""
    raise InvalidTypeError(f"{name} must be a GatewayConfig, or the path of its file. Got {shown(given)}.{way}")
