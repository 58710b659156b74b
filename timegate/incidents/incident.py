"""The record of one incident."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from timegate.errors import shown
from timegate.incidents.decisions import Decisions

__all__ = ["IMPACTS", "KINDS", "Incident", "in_one_line", "read_impact"]

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")

IMPACTS = ("none", "minor", "major", "critical")
"""Of an incident, from the least to the worst."""
KINDS = ("incident", "maintenance")


class Incident(NamedTuple):
    """One incident of a history; ``Incidents.frame`` says what the columns mean."""

    id: str
    name: str
    page: str
    kind: str
    impact: str | None
    status: str
    start_us: int
    end_us: int | None
    components: tuple[str, ...] = ()
    component_impacts: tuple[str | None, ...] = ()
    url: str = ""
    updated_us: int = 0
    component_spans: tuple[tuple[int, int | None], ...] = ()
    """From when to when each component was affected, where the updates tell; None for the end of the incident."""


def in_one_line(value: Any) -> Any:
    """Put text into one line that any file and terminal can hold: JSON may carry controls, and halves of characters."""
    if isinstance(value, str):
        return " ".join(_CONTROLS.sub(" ", value.encode("utf-8", "replace").decode()).split())
    return value


def read_impact(text: str | None, incident_id: str, decisions: Decisions) -> str | None:
    """Return a known impact, or none and a decision."""
    impact = (text or "").lower()
    if impact in IMPACTS:
        return impact
    if impact != "maintenance":
        decisions.note("kept", f"impact {shown(text)} is not known" if text else "states no impact", incident_id)
    return None
