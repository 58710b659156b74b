"""Reading histories of incidents from files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from timegate.core.clock import to_us
from timegate.errors import IncidentError, InstantError, did_you_mean, shown
from timegate.files import as_path, check_readable, delimiter_of, parse_document, read_csv, read_text
from timegate.incidents.decisions import Decisions
from timegate.incidents.documents import columns_hint, flattened, objects_in, read_json
from timegate.incidents.history import Incidents, Source
from timegate.incidents.incident import KINDS, Incident, in_one_line, read_impact
from timegate.packed import PACKED, bare_suffix

__all__ = ["read_incidents"]

CSV_COLUMNS = ("id", "name", "page", "kind", "impact", "status", "start", "end", "components", "url")


def read_incidents(
    path: str | Path, *more: str | Path, page: str | None = None, columns: Mapping[str, str] | None = None
) -> Incidents:
    r"""Read the history of incidents that a status page publishes.

    Parameters
    ----------
    path, *more : path
        Files, each of one of these forms, compressed or not; CSV if the name ends in ``.csv``, else JSON, or JSON lines
        with an incident each.

        - Atlassian Statuspage v2: what ``/api/v2/incidents.json`` and ``/api/v2/scheduled-maintenances.json``
          answer, or ``/api/v2/incidents/<id>.json``, a list of such documents, or a list of incidents.
        - What a page of incident.io answers at the same addresses: it leaves out start and components; and its own form
          with ``component_impacts``.
        - Google Cloud's ``incidents.json``, and incidents of Instatus.
        - The export of openlog, which has one time for each incident.
        - CSV with the columns ``start`` and ``end`` (ISO 8601 with an offset or ``Z``; no end: the incident is
          open), and optionally ``id``, ``name``, ``page``, ``kind`` (``incident``, ``maintenance``), ``impact``
          (``none``, ``minor``, ``major``, ``critical``), ``status``, ``components`` (separated by ``;``), ``url``.

    page : str, optional
        Names the page, or the provider, in place of what the files call it.
    columns : mapping of str to str, optional
        For files of other forms, CSV or a list of flat objects in JSON: their columns by our names, as in
        ``{"start": "opened_at", "end": "closed_at"}``. Other columns are then passed over.

    Returns
    -------
    Incidents
        Of all files together. The same incident found twice, as in downloads of one page over time, is there once.

    Raises
    ------
    IncidentError
        If a file cannot be read, is of no known form, or a value breaks a rule; the message begins with the path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "incidents.csv")
    ...     size = path.write_text("start,end,impact\n2026-03-02T09:00Z,2026-03-02T10:00Z,major\n")
    ...     len(read_incidents(path))
    1
    """
    asked = None if columns is None else _asked(columns)
    several = "Several are given one by one: read_incidents(*paths)."
    histories = [_read(as_path(each, {list: several, tuple: several}), page, asked) for each in (path, *more)]
    return sum(histories[1:], histories[0])


def _asked(columns: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(columns, Mapping) or not columns:  # type: ignore[redundant-expr]
        raise IncidentError(f"columns must be a mapping like {{'start': 'opened_at'}}. Got {shown(columns)}.")
    if not all(name in CSV_COLUMNS for name in columns) and all(name in CSV_COLUMNS for name in columns.values()):
        columns = {ours: theirs for theirs, ours in columns.items()}
    for name in columns:
        if name not in CSV_COLUMNS:
            hint = did_you_mean(name, CSV_COLUMNS)
            raise IncidentError(f"columns: {name!r} is not a column of incidents.{hint}")
    return dict(columns)


def _read(path: Path, page: str | None, columns: dict[str, str] | None) -> Incidents:
    check_readable(path, IncidentError)
    decisions = Decisions()
    is_csv = bare_suffix(path) == ".csv"
    stem = Path(path.stem).stem if path.suffix.lower() in PACKED else path.stem
    table = _csv(path) if is_csv else None
    data = None if is_csv else _json(path)
    try:
        if table is not None:
            found = _from_table(table, stem, page, columns, decisions)
        elif columns is not None:
            found = _from_table(_flat(data), stem, page, columns, decisions)
        else:
            found = read_json(data, page, stem, decisions)
        with path.open("rb") as file:
            source = Source(path.name, hashlib.file_digest(file, "sha256").hexdigest()[:12])
    except OSError as error:
        raise IncidentError(f"{path}: cannot be read: {error.strerror}.") from None
    except (IncidentError, InstantError) as error:
        raise IncidentError(*error.after(f"{path}:")) from None
    if not found:
        decisions.note("kept", "a history without incidents", path.name)
    return Incidents(found, [source], decisions)


def _csv(path: Path) -> pd.DataFrame:
    """Return the table of a CSV, whose header tells its delimiter."""
    frame = read_csv(path, IncidentError, dtype=str, sep=",", nrows=0)
    header = ",".join(map(str, frame.columns))
    return read_csv(path, IncidentError, dtype=str, sep=delimiter_of(header) if len(frame.columns) == 1 else ",")


def _json(path: Path) -> Any:
    """Return the data of a JSON file, or a list of those of its lines."""
    text = read_text(path, IncidentError)
    head = text.lstrip()
    if head.startswith("<"):
        if "<feed" in head[:4096] or "<channel" in head[:4096]:
            raise IncidentError(
                f"{path}: holds a feed (Atom or RSS), whose times are those of posts, not of incidents. "
                "Save what the status page answers at /api/v2/incidents.json."
            )
        raise IncidentError(
            f"{path}: holds HTML, not JSON: a page for readers, or an error page. "
            "Save what the status page answers at /api/v2/incidents.json."
        )
    first, _, rest = head.partition("\n")
    try:
        is_lines = isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        is_lines = False
    if not is_lines:
        return parse_document(text, path, IncidentError, is_json=True)
    lines = [line for line in text.splitlines() if line.strip()]
    return [parse_document(line, path, IncidentError, is_json=True) for line in lines]


def _flat(data: Any) -> pd.DataFrame:
    """Return a list of objects as a table of text; what is in an object inside is reached by ``key.inner``."""
    rows = objects_in(data)
    if rows is None:
        raise IncidentError(f"columns is for a list of objects. Got {shown(data)}.")
    rows = [flattened(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame([[_cell(row.get(name)) for name in names] for row in rows], columns=names, dtype=str)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in value)
    return "" if value is None or isinstance(value, dict) else str(value)


def _from_table(
    frame: pd.DataFrame, stem: str, page: str | None, columns: dict[str, str] | None, decisions: Decisions
) -> list[Incident]:
    found = shown(list(frame.columns))
    if columns is not None:
        for theirs in columns.values():
            if theirs not in frame.columns:
                hint = did_you_mean(theirs, map(str, frame.columns))
                raise IncidentError(f"columns: the file has no column {theirs!r}. Found {found}.{hint}")
        kept = [name for name in CSV_COLUMNS if name in frame.columns and name not in columns]
        frame = pd.DataFrame({ours: frame[columns.get(ours, ours)] for ours in (*columns, *kept)})
        frame = frame if "end" in frame.columns else frame.assign(end="")
    for column in ("start", "end"):
        if column not in frame.columns:
            raise IncidentError(f"column {column!r} is missing. Found {found}.{columns_hint(frame.columns)}")
    for column in frame.columns:
        if column not in CSV_COLUMNS:
            raise IncidentError(f"{column!r} is not a column of incidents.{did_you_mean(column, CSV_COLUMNS)}")
    rows = frame.map(in_one_line).to_dict("records")
    return [_from_row(row, i, stem, page, decisions) for i, row in enumerate(rows)]


def _from_row(row: Mapping[Any, str], i: int, stem: str, page: str | None, decisions: Decisions) -> Incident:
    incident_id = row.get("id") or f"{stem}#{i}"
    is_planned = (row.get("impact") or "").lower() == "maintenance"
    kind = "maintenance" if is_planned else row.get("kind") or "incident"
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
