"""Documents of status pages: Atlassian Statuspage v2, the incident.io-compatible form, and openlog's export.

``/api/v2/incidents.json`` holds ``{"page": {...}, "incidents": [...]}``, and
``/api/v2/scheduled-maintenances.json`` the same under ``scheduled_maintenances``. The compatible form of incident.io
leaves out ``started_at``, ``components`` and ``affected_components``. openlog (github.com/shoryasethia/openlog)
exports a list with one time for each incident, cut out of feeds.

The times in these documents cannot be taken as they stand. Incidents are posted after the fact, and then either
``started_at`` or ``created_at`` may be the time of posting; they are reopened, while ``resolved_at`` stays at the
first time; and those that were posted in one go have no length, for their true times stand in prose.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from timegate.core.clock import MINUTE_US, AwareInstant, to_us
from timegate.errors import IncidentError, InstantError, did_you_mean, shown
from timegate.incidents.decisions import Decisions
from timegate.validation import describe

__all__ = ["IMPACTS", "KINDS", "Incident", "in_one_line", "read_impact", "read_json"]

IMPACTS = ("none", "minor", "major", "critical")
"""Of an incident, from the least to the worst."""
KINDS = ("incident", "maintenance")

CLOSED = {"resolved", "postmortem", "completed", "operational"}
OPEN = {"investigating", "identified", "monitoring", "scheduled", "in_progress", "verifying"}
COMPONENT_IMPACTS = {
    "operational": "none",
    "under_maintenance": "none",
    "degraded_performance": "minor",
    "partial_outage": "major",
    "major_outage": "critical",
}
BACK_DATED_US = MINUTE_US  # started_at and created_at of a live incident differ by milliseconds

BACK_DATED_RULE = "posted after the fact: starts at the earliest time that it states"
REOPENED_RULE = "reopened: ends when it was resolved for the last time"
REOPENED_OPEN_RULE = "reopened: open, although resolved before"
NO_TIME_RULE = "closed at no stated time: ends with its last update"
PLANNED_RULE = "maintenance that is not over: the times are those planned"


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


def in_one_line(value: Any) -> Any:
    """Put text into one line that any file can hold: JSON may carry halves of characters."""
    if isinstance(value, str):
        return " ".join(value.encode("utf-8", "replace").decode().split())
    return value


Text = Annotated[str, BeforeValidator(in_one_line)]
Name = Annotated[Text, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class _Named(_Part):
    name: Name
    new_status: Text | None = None


class _Update(_Part):
    status: Text | None = None
    created_at: AwareInstant | None = None
    display_at: AwareInstant | None = None
    affected_components: list[_Named] | None = None

    @property
    def shown_us(self) -> int | None:
        """The time that the page shows, which its owner may have set back."""
        return _us(self.display_at or self.created_at)


class _Incident(_Part):
    id: Name
    name: Text | None = None
    status: Text | None = None
    impact: Text | None = None
    created_at: AwareInstant | None = None
    started_at: AwareInstant | None = None
    updated_at: AwareInstant | None = None
    resolved_at: AwareInstant | None = None
    scheduled_for: AwareInstant | None = None
    scheduled_until: AwareInstant | None = None
    page_id: Text | None = None
    shortlink: Text | None = None
    incident_updates: list[_Update] | None = None
    components: list[_Named] | None = None

    @property
    def updates(self) -> list[_Update]:
        """The updates that have a time, in the order in which they were posted."""
        timed = [update for update in reversed(self.incident_updates or []) if update.shown_us is not None]
        return sorted(timed, key=lambda update: update.created_at or update.display_at)  # type: ignore[arg-type, return-value]


class _Page(_Part):
    name: Text | None = None


class _Document(_Part):
    page: _Page | None = None
    incidents: list[_Incident] = []
    scheduled_maintenances: list[_Incident] = []


class _Logged(_Part):
    """An incident of openlog's export."""

    incident_id: Name
    provider: Name
    title: Text | None = None
    status: Text | None = None
    timestamp: str
    resolved_at: str | None = None


def read_json(data: Any, page: str | None, otherwise: str, decisions: Decisions) -> list[Incident]:
    """Read a document that was parsed.

    Parameters
    ----------
    data : Any
        The document, a list of documents, or a list of incidents.
    page : str, optional
        Names the page, in place of what the document calls it.
    otherwise : str
        The name of a page that the document does not name.
    decisions : Decisions
        Takes what is decided.

    Raises
    ------
    IncidentError
        If the document is of no known form, or a value breaks a rule.
    """
    if isinstance(data, list):
        if _every(data, "incidents") or _every(data, "scheduled_maintenances"):
            return [found for part in data for found in read_json(part, page, otherwise, decisions)]
        if _every(data, "incident_id") and _every(data, "timestamp"):
            return [_from_log(logged, page, decisions) for logged in _parse(list[_Logged], data)]
        data = {"incidents": data}
    if not isinstance(data, dict):
        raise IncidentError(f"must hold a mapping with `incidents`. Got {shown(data)}.")
    if "incidents" not in data and "scheduled_maintenances" not in data:
        raise IncidentError(_what_is_missing(data))
    document: _Document = _parse(_Document, data)
    name = page or (document.page.name if document.page else None)
    return [
        *(_from_page(incident, name or incident.page_id or otherwise, decisions) for incident in document.incidents),
        *(
            _from_page(planned, name or planned.page_id or otherwise, decisions, is_planned=True)
            for planned in document.scheduled_maintenances
        ),
    ]


def read_impact(text: str | None, incident_id: str, decisions: Decisions) -> str | None:
    """Return a known impact, or none and a decision."""
    impact = (text or "").lower()
    if impact in IMPACTS:
        return impact
    if impact != "maintenance":
        decisions.note("kept", f"impact {shown(text)} is not known" if text else "states no impact", incident_id)
    return None


def _every(data: Iterable[Any], key: str) -> bool:
    return bool(data) and all(isinstance(item, dict) and key in item for item in data)


def _what_is_missing(data: dict[str, Any]) -> str:
    found = f"Found {', '.join(map(shown, list(data)[:8])) or 'nothing'}."
    if "ongoing_incidents" in data:
        return f"`incidents` is missing: this is what goes on now, not a history. Take /api/v2/incidents.json. {found}"
    hint = next((h for key in data if "Did" in (h := did_you_mean(key, ["incidents", "scheduled_maintenances"]))), "")
    return f"`incidents` or `scheduled_maintenances` is missing. {found}{hint}"


def _parse(form: Any, data: Any) -> Any:
    try:
        return TypeAdapter(form).validate_python(data)
    except ValidationError as error:
        raise IncidentError(*describe(error, data, "the document")) from None


def _us(at: Any) -> int | None:
    return None if at is None else to_us(at, "")


def _earliest(*times: Any) -> int | None:
    return min((at_us for at_us in times if at_us is not None), default=None)


def _from_page(incident: _Incident, page: str, decisions: Decisions, is_planned: bool = False) -> Incident:
    is_planned = is_planned or incident.scheduled_for is not None or incident.impact == "maintenance"
    start_us = _start_us(incident, is_planned, decisions)
    names, impacts = _components(incident)
    return Incident(
        id=incident.id,
        name=incident.name or incident.id,
        page=page,
        kind="maintenance" if is_planned else "incident",
        impact=None if is_planned else read_impact(incident.impact, incident.id, decisions),
        status=incident.status or "",
        start_us=start_us,
        end_us=_end_us(incident, is_planned, start_us, decisions),
        components=names,
        component_impacts=impacts,
        url=incident.shortlink or "",
        updated_us=_us(incident.updated_at) or 0,
    )


def _start_us(incident: _Incident, is_planned: bool, decisions: Decisions) -> int:
    if is_planned:
        # created_at and started_at are when it was announced.
        begun = [update.shown_us for update in incident.updates if update.status in ("in_progress", "verifying")]
        start_us = begun[0] if begun else _us(incident.scheduled_for)
        if start_us is not None:
            return start_us
    stated = [_us(incident.started_at), _us(incident.created_at)]
    start_us = _earliest(*stated, *(update.shown_us for update in incident.updates))
    if start_us is None:
        raise IncidentError(f"incident {incident.id!r} states no time: it needs started_at or created_at.")
    if any(at_us is not None and at_us - start_us > BACK_DATED_US for at_us in stated):
        decisions.note("guessed", BACK_DATED_RULE, incident.id)
    return start_us


def _end_us(incident: _Incident, is_planned: bool, start_us: int, decisions: Decisions) -> int | None:
    updates = incident.updates
    status = incident.status or (updates[-1].status if updates else None)
    is_closed = status in CLOSED or (status not in OPEN and incident.resolved_at is not None)
    first_closing = len(updates)
    while first_closing and updates[first_closing - 1].status in CLOSED:
        first_closing -= 1
    closing = updates[first_closing:]
    was_closed_before = any(update.status in CLOSED for update in updates[:first_closing])
    if not is_closed:
        if is_planned and incident.scheduled_until is not None:
            decisions.note("guessed", PLANNED_RULE, incident.id)
            return _us(incident.scheduled_until)
        if was_closed_before or incident.resolved_at is not None:
            decisions.note("guessed", REOPENED_OPEN_RULE, incident.id)
        return None
    if closing and was_closed_before:
        decisions.note("guessed", REOPENED_RULE, incident.id)
        return closing[0].shown_us
    if incident.resolved_at is not None:
        return _us(incident.resolved_at)
    if closing:
        return closing[0].shown_us
    decisions.note("guessed", NO_TIME_RULE, incident.id)
    return updates[-1].shown_us if updates else _us(incident.updated_at) or start_us


def _components(incident: _Incident) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """Return the names of the components, and the worst impact on each that the updates state, if any.

    ``components[].status`` says how they are now, not how they were.
    """
    worst: dict[str, str | None] = {component.name: None for component in incident.components or []}
    for update in incident.updates:
        for affected in update.affected_components or []:
            impact = COMPONENT_IMPACTS.get(affected.new_status or "")
            if impact is None or (impact == "none" and affected.name not in worst):
                continue
            before = worst.get(affected.name)
            worst[affected.name] = impact if before is None else max(before, impact, key=IMPACTS.index)
    return tuple(worst), tuple(worst.values())


def _from_log(logged: _Logged, page: str | None, decisions: Decisions) -> Incident:
    start_us = _logged_us(logged.timestamp, "timestamp", logged, decisions)
    end_us: int | None = start_us
    if logged.resolved_at is not None:
        end_us = _logged_us(logged.resolved_at, "resolved_at", logged, decisions)
    elif logged.status not in CLOSED:
        end_us = None
    return Incident(
        id=logged.incident_id,
        name=logged.title or logged.incident_id,
        page=page or logged.provider,
        kind="incident",
        impact=read_impact(None, logged.incident_id, decisions),
        status=logged.status or "",
        start_us=start_us,
        end_us=end_us,
        url=logged.incident_id if logged.incident_id.startswith("https://") else "",
    )


def _logged_us(text: str, field: str, logged: _Logged, decisions: Decisions) -> int:
    """Read a time of openlog's export, which states no zone: where its messages repeat the time, they say UTC."""
    at: Any = text.strip()
    with suppress(ValueError):  # to_us says what is wrong with it
        at = datetime.fromisoformat(at)
        if at.utcoffset() is None:
            decisions.note("guessed", f"{field} without a zone: taken as UTC", logged.incident_id)
            at = at.replace(tzinfo=UTC)
    try:
        return to_us(at, f"incident {logged.incident_id!r}: {field}")
    except InstantError as error:
        raise IncidentError(*error.problems) from None
