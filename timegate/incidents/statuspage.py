"""Documents of status pages: Atlassian Statuspage v2, and the form of incident.io that is compatible with it.

``/api/v2/incidents.json`` holds ``{"page": {...}, "incidents": [...]}``, and
``/api/v2/scheduled-maintenances.json`` the same under ``scheduled_maintenances``. The compatible form of incident.io
leaves out ``started_at``, ``components`` and ``affected_components``.

The times in these documents cannot be taken as they stand. Incidents are posted after the fact, and then either
``started_at`` or ``created_at`` may be the time of posting; they are reopened, while ``resolved_at`` stays at the
first time; and those that were posted in one go have no length, for their true times stand in prose.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from timegate.core.clock import MINUTE_US, AwareInstant, to_us
from timegate.errors import IncidentError
from timegate.incidents.decisions import Decisions
from timegate.incidents.incident import IMPACTS, Incident, in_one_line, read_impact

__all__ = ["TIMES", "Document", "from_page"]

TIMES = ("started_at", "created_at", "updated_at", "resolved_at", "scheduled_for", "incident_updates")
"""The keys by which an incident states when it was."""
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
LATE_RULE = "resolved_at lies after the update that closed it: ends with that update"
EARLY_RULE = "resolved_at does not lie after the start: ends with the update that closed it"
NO_STATUS_RULE = "says neither that it is over nor when: taken as open"
PLANNED_RULE = "maintenance that is not over: the times are those planned"


Text = Annotated[str, BeforeValidator(in_one_line)]
Name = Annotated[Text, Field(min_length=1)]


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, defer_build=True)


class _Named(Part):
    name: Name
    new_status: Text | None = None


class _Update(Part):
    status: Text | None = None
    created_at: AwareInstant | None = None
    display_at: AwareInstant | None = None
    affected_components: list[_Named] | None = None

    @property
    def shown_us(self) -> int | None:
        """The time that the page shows, which its owner may have set back."""
        return _us(self.display_at or self.created_at)


class PageIncident(Part):
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


class Page(Part):
    name: Text | None = None


class Document(Part):
    """What ``/api/v2/incidents.json`` and ``/api/v2/scheduled-maintenances.json`` answer."""

    page: Page | None = None
    incidents: list[PageIncident] = []
    scheduled_maintenances: list[PageIncident] = []


def _us(at: Any) -> int | None:
    return None if at is None else to_us(at, "")


def _earliest(*times: Any) -> int | None:
    return min((at_us for at_us in times if at_us is not None), default=None)


def from_page(incident: PageIncident, page: str, decisions: Decisions, is_planned: bool = False) -> Incident:
    """Return the record of an incident of a page, with a decision for each time that is not as it states."""
    is_planned = is_planned or incident.scheduled_for is not None or incident.impact == "maintenance"
    start_us = _start_us(incident, is_planned, decisions)
    end_us = _end_us(incident, is_planned, start_us, decisions)
    affected = _components(incident, start_us)
    return Incident(
        id=incident.id,
        name=incident.name or incident.id,
        page=page,
        kind="maintenance" if is_planned else "incident",
        impact=None if is_planned else read_impact(incident.impact, incident.id, decisions),
        status=incident.status or "",
        start_us=start_us,
        end_us=end_us,
        components=tuple(affected),
        component_impacts=tuple(impact for impact, _ in affected.values()),
        url=incident.shortlink or "",
        updated_us=_us(incident.updated_at) or 0,
        component_spans=tuple(span for _, span in affected.values()),
    )


def _start_us(incident: PageIncident, is_planned: bool, decisions: Decisions) -> int:
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


def _end_us(incident: PageIncident, is_planned: bool, start_us: int, decisions: Decisions) -> int | None:
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
        elif status not in OPEN:
            decisions.note("guessed", NO_STATUS_RULE, incident.id)
        return None
    if closing and was_closed_before:
        decisions.note("guessed", REOPENED_RULE, incident.id)
        return closing[0].shown_us
    resolved_us = _us(incident.resolved_at)
    closed_us = closing[0].shown_us if closing else None
    posted_us = _us(closing[0].created_at) if closing else None
    latest_us = max(closed_us or start_us, posted_us or start_us)
    if resolved_us is not None and closing and resolved_us - latest_us > BACK_DATED_US:
        decisions.note("guessed", LATE_RULE, incident.id)
        return closed_us
    if resolved_us is not None and closed_us is not None and resolved_us <= start_us < closed_us:
        decisions.note("guessed", EARLY_RULE, incident.id)
        return closed_us
    if resolved_us is not None or closed_us is not None:
        return closed_us if resolved_us is None else resolved_us
    decisions.note("guessed", NO_TIME_RULE, incident.id)
    return updates[-1].shown_us if updates else _us(incident.updated_at) or start_us


Affected = dict[str, tuple[str | None, tuple[int, int | None]]]


def _components(incident: PageIncident, start_us: int) -> Affected:
    """Return the worst impact on each component that the updates state, if any, and from when to when it was affected.

    ``components[].status`` says how they are now, not how they were. A component ends when an update says that it is
    operational and none takes that back; else with the incident.
    """
    worst: dict[str, str | None] = {component.name: None for component in incident.components or []}
    spans: dict[str, tuple[int, int | None]] = dict.fromkeys(worst, (start_us, None))
    for number, update in enumerate(incident.updates):
        at_us = start_us if number == 0 else update.shown_us or start_us
        for affected in update.affected_components or []:
            name, impact = affected.name, COMPONENT_IMPACTS.get(affected.new_status or "")
            if impact is None or (impact == "none" and name not in worst):
                continue
            before = worst.get(name)
            was_well = before in (None, "none")
            worst[name] = impact if before is None else max(before, impact, key=IMPACTS.index)
            first, last = spans.get(name, (at_us, None))
            if impact != "none":
                spans[name] = (at_us if was_well else first), None
            elif last is None and not was_well:
                spans[name] = first, max(first, at_us)
    return {name: (worst[name], spans[name]) for name in worst}
