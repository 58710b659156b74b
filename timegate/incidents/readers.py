"""Reading histories of incidents from files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from timegate.core.clock import to_us
from timegate.errors import IncidentError, InstantError, did_you_mean, shown
from timegate.files import check_readable, read_csv, read_document
from timegate.incidents.decisions import Decisions
from timegate.incidents.history import Incidents, Source
from timegate.incidents.statuspage import KINDS, Incident, in_one_line, read_impact, read_json

__all__ = ["read_incidents"]

CSV_COLUMNS = ("id", "name", "page", "kind", "impact", "status", "start", "end", "components", "url")


def read_incidents(path: str | Path, *more: str | Path, page: str | None = None) -> Incidents:
    """Read the history of incidents that a status page publishes.

    Parameters
    ----------
    path, *more : path
        Files, each of one of these forms; CSV if the name ends in ``.csv``, else JSON.

        - Atlassian Statuspage v2: what ``/api/v2/incidents.json`` and ``/api/v2/scheduled-maintenances.json``
          answer, a list of such documents, or a list of incidents.
        - What a page of incident.io answers at the same addresses: it leaves out start and components.
        - The export of openlog, a list with one time for each incident.
        - CSV with the columns ``start`` and ``end`` (ISO 8601 with an offset or ``Z``; no end: the incident is
          open), and optionally ``id``, ``name``, ``page``, ``kind`` (``incident``, ``maintenance``), ``impact``
          (``none``, ``minor``, ``major``, ``critical``), ``status``, ``components`` (separated by ``;``), ``url``.

    page : str, optional
        Names the page, or the provider, in place of what the files call it.

    Returns
    -------
    Incidents
        Of all files together. The same incident found twice, as in downloads of one page over time, is there once.

    Raises
    ------
    IncidentError
        If a file cannot be read, is of no known form, or a value breaks a rule; the message begins with the path.
    """
    histories = [_read(Path(each), page) for each in (path, *more)]
    return sum(histories[1:], histories[0])


def _read(path: Path, page: str | None) -> Incidents:
    check_readable(path, IncidentError)
    decisions = Decisions()
    try:
        with path.open("rb") as file:
            source = Source(path.name, hashlib.file_digest(file, "sha256").hexdigest()[:12])
    except OSError as error:
        raise IncidentError(f"{path}: cannot be read: {error.strerror}.") from None
    if path.suffix.lower() == ".csv":
        found = _read_csv(path, page, decisions)
    else:
        _refuse_html(path)
        data = read_document(path, IncidentError, is_json=True)
        try:
            found = read_json(data, page, path.stem, decisions)
        except IncidentError as error:
            raise IncidentError(*error.after(f"{path}:")) from None
    if not found:
        decisions.note("kept", "a history without incidents", path.name)
    return Incidents(found, [source], decisions)


def _refuse_html(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"<"):
        raise IncidentError(
            f"{path}: holds HTML, not JSON: a page for readers, or an error page. "
            "Save what the status page answers at /api/v2/incidents.json."
        )


def _read_csv(path: Path, page: str | None, decisions: Decisions) -> list[Incident]:
    frame = read_csv(path, IncidentError, dtype=str)
    for column in frame.columns:
        if column not in CSV_COLUMNS:
            raise IncidentError(f"{path}: {column!r} is not a column of incidents.{did_you_mean(column, CSV_COLUMNS)}")
    for column in ("start", "end"):
        if column not in frame.columns:
            raise IncidentError(f"{path}: column {column!r} is missing. Found {shown(list(frame.columns))}.")
    rows = frame.map(in_one_line).to_dict("records")
    try:
        return [_from_row(row, i, path.stem, page, decisions) for i, row in enumerate(rows)]
    except (IncidentError, InstantError) as error:
        raise IncidentError(*error.after(f"{path}:")) from None


def _from_row(row: Mapping[Any, str], i: int, stem: str, page: str | None, decisions: Decisions) -> Incident:
    incident_id = row.get("id") or f"{stem}#{i}"
    kind = row.get("kind") or "incident"
    if kind not in KINDS:
        raise IncidentError(f"kind[{i}] must be incident or maintenance. Got {shown(kind)}.{did_you_mean(kind, KINDS)}")
    return Incident(
        id=incident_id,
        name=row.get("name") or incident_id,
        page=page or row.get("page") or stem,
        kind=kind,
        impact=read_impact(row.get("impact"), incident_id, decisions) if kind == "incident" else None,
        status=row.get("status") or "",
        start_us=to_us(row["start"], f"start[{i}]"),
        end_us=to_us(row["end"], f"end[{i}]") if row["end"] else None,
        components=tuple(name for part in row.get("components", "").split(";") if (name := part.strip())),
        url=row.get("url", ""),
    )
