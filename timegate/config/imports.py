"""Reading the configs of other tools: which of them a file holds, and who translates it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["SIDECAR", "as_ours"]

SIDECAR = "_export"
"""The key under which an export to JSON says what YAML says in comments. It is no part of a config."""

_FOREIGN = {
    "msgflux_type": ("a msgflux gateway", "timegate.config.export.msgflux"),
    "model_list": ("a LiteLLM proxy config", "timegate.config.export.litellm"),
}
"""What each foreign format is known by."""


def as_ours(data: dict[str, Any]) -> tuple[dict[str, Any], str, list[str]]:
    """Return the data of a config file as plain data of ours.

    Returns
    -------
    data : dict
        For :meth:`GatewayConfig.model_validate`.
    foreign : str
        The format that the file has, if it is not ours; else empty.
    lost : list of str
        What the file says and a config of ours cannot, with the places.

    Raises
    ------
    ConfigError
        If the file is of a foreign format and breaks its rules.
    """
    data = {key: value for key, value in data.items() if key != SIDECAR}
    for key, (name, module) in _FOREIGN.items():
        if key in data and "deployments" not in data:
            translated, lost = import_module(module).read(data)
            return translated, name, lost
    return data, "", []
