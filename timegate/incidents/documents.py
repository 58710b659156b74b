"""Telling the documents of status pages apart, by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from timegate.errors import IncidentError, did_you_mean, shown
from timegate.incidents.decisions import Decisions
from timegate.incidents.incident import Incident
from timegate.incidents.providers import PROVIDERS
from timegate.incidents.statuspage import TIMES, Document, from_page
from timegate.validation import describe

__all__ = ["columns_hint", "flattened", "objects_in", "read_json"]

LISTS = ("incidents", "scheduled_maintenances")
NOW = "what goes on now, not a history. Take /api/v2/incidents.json."


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
        if data and all(isinstance(item, dict) and _is_document(item) for item in data):
            return [found for part in data for found in read_json(part, page, otherwise, decisions)]
        data = {"incidents": data}
    if not isinstance(data, dict):
        raise IncidentError(f"must hold a mapping with `incidents`. Got {shown(data)}.")
    if isinstance(data.get("incident"), dict):  # /api/v2/incidents/<id>.json
        data = {**data, "incidents": [data["incident"]]}
    elif not any(key in data for key in LISTS):
        raise IncidentError(_what_is_missing(data))
    _check_is_history(data, decisions, otherwise)
    rows = data.get("incidents")
    provider = _provider(rows)
    if provider is not None:
        named = data.get("page")
        otherwise = named["name"] if isinstance(named, dict) and isinstance(named.get("name"), str) else otherwise
        return [provider.read(row, page, otherwise, decisions) for row in rows]
    for key in LISTS:
        _check_times(data.get(key))
    document: Document = _parse(data)
    name = page or (document.page.name if document.page else None)
    everyone = (*document.incidents, *document.scheduled_maintenances)
    ids = {each.page_id for each in everyone if each.page_id}
    otherwise = ids.pop() if len(ids) == 1 else otherwise  # some incidents of a page may not repeat it
    return [
        *(from_page(incident, name or incident.page_id or otherwise, decisions) for incident in document.incidents),
        *(
            from_page(planned, name or planned.page_id or otherwise, decisions, is_planned=True)
            for planned in document.scheduled_maintenances
        ),
    ]


def _is_document(item: Mapping[str, Any]) -> bool:
    return any(key in item for key in LISTS) or isinstance(item.get("incident"), dict)


def _provider(rows: Any) -> Any:
    """Return the provider whose keys every incident has."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        return None
    return next((known for known in PROVIDERS if all(known.keys <= set(row) for row in rows)), None)


def _check_is_history(data: Mapping[str, Any], decisions: Decisions, name: str) -> None:
    """Tell a history from a summary, which lists what goes on at the moment."""
    if not ("components" in data and "status" in data):
        return
    if not any(data.get(key) for key in LISTS):
        raise IncidentError(f"holds no incident: this is summary.json, {NOW}")
    decisions.note("kept", f"this is summary.json, {NOW}", name)


def _check_times(rows: Any) -> None:
    """Raise an error for the first incident none of whose keys is a time that we know; it may have one."""
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("id") and not any(key in row for key in TIMES):
            found = ", ".join(map(shown, list(row)[:12]))
            text = f"incident {shown(row['id'])} states no time: it needs started_at or created_at. Found {found}."
            raise IncidentError(f"{text}{columns_hint(flattened(row))}")
        if isinstance(row, dict) and "incident_status" in row:
            raise IncidentError(
                "holds incidents as their responders see them (incident.io's API v2), whose times have any names. "
                "Save what the status page answers at /api/v2/incidents.json."
            )


def _what_is_missing(data: Mapping[str, Any]) -> str:
    found = f"Found {', '.join(map(shown, list(data)[:8])) or 'nothing'}."
    if "ongoing_incidents" in data or "activeIncidents" in data or {"status", "page"} <= set(data):
        return f"`incidents` is missing: this is {NOW} {found}"
    rows = objects_in(data)
    hint = columns_hint(flattened(rows[0])) if rows else ""
    hint = hint or next((h for key in data if "Did" in (h := did_you_mean(key, LISTS))), "")
    return f"`incidents` or `scheduled_maintenances` is missing. {found}{hint}"


_ENDS = ("start", "begin", "begun", "open", "creat"), ("end", "resol", "clos", "mitigat", "finish")
_DEEPEST = 4


def objects_in(data: Any) -> list[dict[str, Any]] | None:
    """Return the list of objects that a document is, or the first that it holds."""
    listed = data if isinstance(data, list) else None
    if isinstance(data, dict):
        listed = next((v for v in data.values() if isinstance(v, list) and v and isinstance(v[0], dict)), None)
    return listed if listed is not None and all(isinstance(row, dict) for row in listed) else None


def flattened(row: Mapping[str, Any], depth: int = _DEEPEST) -> dict[str, Any]:
    """Return the values of an object, those of an object inside by ``key.inner``."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        flat[key] = value
        if isinstance(value, dict) and depth:
            flat |= {f"{key}.{inner}": v for inner, v in flattened(value, depth - 1).items()}
    return flat


def columns_hint(names: Iterable[Any]) -> str:
    """Return the end of an error message: which of some names sound like the start and the end of an incident."""
    timely = [str(name) for name in names if re.search(r"at$|time$|date|^start|^end|^begin", str(name), re.IGNORECASE)]
    found = [next((n for n in timely if any(w in n.lower() for w in words)), None) for words in _ENDS]
    pairs = {ours: theirs for ours, theirs in zip(("start", "end"), found, strict=True) if theirs is not None}
    return f" If these say when it was, pass columns={pairs}." if "start" in pairs else ""


def _parse(data: Any) -> Document:
    try:
        return TypeAdapter(Document).validate_python(data)
    except ValidationError as error:
        raise IncidentError(*describe(error, data, "the document")) from None
