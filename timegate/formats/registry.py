"""Every format of configs by its name: one entry each."""

from __future__ import annotations

from typing import Any

from timegate.formats import ics, litellm, msgflux, own
from timegate.formats.format import SCHEMA, SIDECAR, Format

__all__ = ["ALIASES", "FORMATS", "as_ours"]

FORMATS: dict[str, Format] = {
    "timegate": own.FORMAT,
    "msgflux": msgflux.FORMAT,
    "msgflux-by-id": msgflux.FORMAT_BY_ID,
    "litellm": litellm.FORMAT,
    "ics": ics.FORMAT,
}


ALIASES = {"yaml": "timegate", "yml": "timegate", "json": "timegate"}
"""What users call a format by: the suffix of the file says which form of ours is meant."""


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
    data = {key: value for key, value in data.items() if key not in (SIDECAR, SCHEMA)}
    for foreign in FORMATS.values():
        if foreign.read is not None and foreign.known_by in data and "deployments" not in data:
            translated, lost = foreign.read(data)
            return translated, foreign.read_as, lost
    return data, "", []
