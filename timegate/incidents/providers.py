"""Documents that are not those of Statuspage: Google Cloud, Instatus, incident.io's own pages, and openlog's export.

- ``status.cloud.google.com/incidents.json``: a list with ``begin``, ``end`` and ``status_impact``.
- Instatus (``instatus.com/help/api``): ``started``, ``resolved`` and impacts in capitals, such as ``MAJOROUTAGE``.
- incident.io's own pages: ``component_impacts`` with the times at which each component was affected.
- openlog (github.com/shoryasethia/openlog): one time for each incident, cut out of feeds, which states no zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from timegate.core.clock import SECOND_US, to_us
from timegate.errors import IncidentError, InstantError, shown
from timegate.incidents.decisions import Decisions
from timegate.incidents.incident import IMPACTS, Incident, in_one_line, read_impact

__all__ = ["PROVIDERS", "Provider"]

CLOSED = {"resolved", "postmortem", "completed", "operational", "maintenance_complete"}
IMPACT_OF = {
    "service_information": "minor",
    "service_disruption": "major",
    "service_outage": "critical",
    "operational": "none",
    "undermaintenance": "maintenance",
    "under_maintenance": "maintenance",
    "degradedperformance": "minor",
    "degraded_performance": "minor",
    "minoroutage": "minor",
    "partialoutage": "major",
    "partial_outage": "major",
    "full_outage": "critical",
    "majoroutage": "critical",
    "major_outage": "critical",
}
"""Our impacts by the words of those pages, in lower case."""

Row = Mapping[str, Any]


class Provider(NamedTuple):
    """A form of incident, known by its keys."""

    keys: frozenset[str]
    read: Callable[[Row, str | None, str, Decisions], Incident]


def _google(row: Row, page: str | None, otherwise: str, decisions: Decisions) -> Incident:
    key = _id(row.get("id"))
    products = [p.get("title") for p in row.get("affected_products") or () if isinstance(p, dict)]
    names = _texts(products or [row.get("service_name")])
    return Incident(
        id=key,
        name=_text(row.get("external_desc")) or key,
        page=page or "Google Cloud",
        kind="incident",
        impact=_impact(row.get("status_impact") or row.get("severity"), key, decisions),
        status="resolved" if row.get("end") else "open",
        start_us=_us(row, "begin", key),
        end_us=_us(row, "end", key) if row.get("end") else None,
        components=names,
        url=f"https://status.cloud.google.com/{row['uri']}" if isinstance(row.get("uri"), str) else "",
        updated_us=_us(row, "modified", key) if row.get("modified") else 0,
    )


def _instatus(row: Row, page: str | None, otherwise: str, decisions: Decisions) -> Incident:
    key = _id(row.get("id") or row.get("url"))
    status = _text(row.get("status")).lower()
    closing = [u for u in _rows(row.get("updates")) if _text(u.get("status")).lower() in CLOSED and u.get("started")]
    end_us = _us(row, "resolved", key) if row.get("resolved") else None
    if end_us is None and status in CLOSED:
        if not closing and not row.get("duration"):
            decisions.note("guessed", "closed at no stated time: has no length", key)
        end_us = _us(closing[-1], "started", key) if closing else _us(row, "started", key)
        lasted_s = row.get("duration")
        if isinstance(lasted_s, int | float) and 0 < lasted_s < 1e9:
            ended_us = _us(row, "started", key) + round(lasted_s * SECOND_US)
            if closing and ended_us < end_us:
                decisions.note("guessed", "closed after it ended: lasts as long as the page says", key)
            end_us = ended_us
    impact = _impact(row.get("impact"), key, decisions)
    is_planned = impact == "maintenance"
    return Incident(
        id=key,
        name=_text(row.get("name")) or key,
        page=page or otherwise,
        kind="maintenance" if is_planned else "incident",
        impact=None if is_planned else impact,
        status=status,
        start_us=_us(row, "started", key),
        end_us=end_us,
        components=_texts([c.get("name") for c in _rows(row.get("components"))]),
        url=_text(row.get("url")),
    )


def _incident_io(row: Row, page: str | None, otherwise: str, decisions: Decisions) -> Incident:
    key = _id(row.get("id"))
    status = _text(row.get("status")).lower()
    is_planned = row.get("type") == "maintenance" or status.startswith("maintenance")
    spans: dict[str, tuple[int, int | None]] = {}
    worst: dict[str, str | None] = {}
    for each in _rows(row.get("component_impacts")):
        name = _text(each.get("name") or each.get("component_name") or each.get("component_id"))
        start_us = _us(each, "start_at", key)
        end_us = _us(each, "end_at", key) if each.get("end_at") else None
        first, last = spans.get(name, (start_us, end_us))
        spans[name] = min(first, start_us), None if None in (last, end_us) else max(last or 0, end_us or 0)
        impact = IMPACT_OF.get(_text(each.get("status")).lower())
        known = [i for i in (worst.get(name), impact) if i in IMPACTS]
        worst[name] = max(known, key=IMPACTS.index, default=None)
    starts = [start_us for start_us, _ in spans.values()]
    ends = [end_us for _, end_us in spans.values()]
    known = [impact for impact in worst.values() if impact is not None]
    if not starts:
        starts, ends = [_us(row, "published_at", key)], _closing(row, status, key)
    if is_planned:
        impact = None
    elif known:
        impact = max(known, key=IMPACTS.index)
    else:
        impact = read_impact(None, key, decisions)
    return Incident(
        id=key,
        name=_text(row.get("name")) or key,
        page=page or _text(row.get("status_page_id")) or otherwise,
        kind="maintenance" if is_planned else "incident",
        impact=impact,
        status=status,
        start_us=min(starts),
        end_us=None if None in ends else max(end for end in ends if end is not None),
        components=tuple(spans),
        component_impacts=tuple(worst.values()),
        component_spans=tuple(spans.values()),
    )


def _closing(row: Row, status: str, key: str) -> list[int | None]:
    """Return the time of the update that closed an incident which affected no component."""
    closing = [u for u in _rows(row.get("updates")) if _text(u.get("to_status")).lower() in CLOSED]
    times = [_us(u, "published_at", key) for u in closing]
    return [max(times) if status in CLOSED and times else None]


def _openlog(row: Row, page: str | None, otherwise: str, decisions: Decisions) -> Incident:
    key = _id(row.get("incident_id") or row.get("id"))
    status = _text(row.get("status"))
    start_us = _logged_us(row, "timestamp", key, decisions)
    end_us = _logged_us(row, "resolved_at", key, decisions) if row.get("resolved_at") is not None else None
    if end_us is None and status in CLOSED:
        end_us = start_us
    return Incident(
        id=key,
        name=_text(row.get("title")) or key,
        page=page or _text(row.get("provider")) or otherwise,
        kind="incident",
        impact=read_impact(None, key, decisions),
        status=status,
        start_us=start_us,
        end_us=end_us,
        url=key if key.startswith("https://") else "",
    )


PROVIDERS = (
    Provider(frozenset({"component_impacts", "published_at"}), _incident_io),
    Provider(frozenset({"begin", "external_desc"}), _google),
    Provider(frozenset({"incident_id", "timestamp"}), _openlog),
    Provider(frozenset({"started", "name"}), _instatus),
)


def _rows(value: Any) -> list[Row]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return str(in_one_line(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := _text(value))))


def _id(value: Any) -> str:
    key = _text(value)
    if not key:
        raise IncidentError(f"an incident needs an id. Got {shown(value)}.")
    return key


def _impact(value: Any, key: str, decisions: Decisions) -> str | None:
    word = _text(value).lower()
    known = IMPACT_OF.get(word, word)
    return known if known == "maintenance" else read_impact(known, key, decisions)


def _us(row: Row, field: str, key: str) -> int:
    try:
        return to_us(row.get(field), f"incident {key!r}: {field}")  # type: ignore[arg-type]
    except InstantError as error:
        raise IncidentError(*error.problems) from None


def _logged_us(row: Row, field: str, key: str, decisions: Decisions) -> int:
    """Read a time that states no zone: where openlog's messages repeat it, they say UTC."""
    at: Any = row.get(field)
    with suppress(ValueError, TypeError):  # to_us says what is wrong with it
        at = datetime.fromisoformat(at.strip() if isinstance(at, str) else at)
        if at.utcoffset() is None:
            decisions.note("guessed", f"{field} without a zone: taken as UTC", key)
            at = at.replace(tzinfo=UTC)
    return _us({field: at}, field, key)
