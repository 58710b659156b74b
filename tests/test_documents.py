"""Documents of status pages of all kinds, told apart by their keys; and what becomes of their components and times."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_incidents import ELEVEN, NINE, TEN, TWELVE, decided, history, incident, only, span, times, update

import timegate as tg
from timegate.errors import IncidentError
from timegate.samples import sample

LATE = "2026-03-03T08:00:00.000Z"


def read(folder: Path, data: Any, name: str = "page.json", **options: Any) -> tg.Incidents:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return tg.read_incidents(path, **options)


# ---- by component

WEB_IS_WELL = incident(
    names=["Web", "API"],
    incident_updates=[
        update("resolved", TEN, Web="operational", API="operational"),
        update("investigating", NINE, Web="operational", API="major_outage"),
    ],
)
BOTH = incident(
    "b",
    names=["Web", "API"],
    start=ELEVEN,
    end=TWELVE,
    incident_updates=[
        update("resolved", TWELVE, Web="operational", API="operational"),
        update("investigating", ELEVEN, Web="degraded_performance", API="partial_outage"),
    ],
)


@pytest.mark.parametrize("options", [{}, {"min_impact": "minor"}, {"error_rates": {"minor": 0.1}}])
def test_a_map_of_many_is_all_of_its_keys_alone(tmp_path: Path, options: dict[str, Any]) -> None:
    """A component that was well is to blame for nothing, whatever else the map holds."""
    found = history(tmp_path, WEB_IS_WELL, BOTH)
    parts = [found.to_faults({key: target}, by="component", **options)
             for key, target in (("Web", "weak"), ("API", "strong"))]  # fmt: skip
    whole = found.to_faults({"Web": "weak", "API": "strong"}, by="component", **options)
    assert sorted(map(repr, whole)) == sorted(repr(fault) for part in parts for fault in part)
    assert ("a:weak" in {fault.name for fault in whole}) is False
    assert [fault.name for fault in found.to_faults({"Web": "weak", "API": "strong"}, by="component")] == [
        "a:strong", "b:strong",
    ]  # fmt: skip


def test_one_target_of_two_keys_suffers_the_worse(tmp_path: Path) -> None:
    """Two components of one deployment are one fault of it, by the worst of their impacts."""
    found = history(tmp_path, BOTH)
    (fault,) = found.to_faults({"Web": "x", "API": "x"}, by="component", error_rates={"minor": 0.1})
    assert isinstance(fault, tg.Outage)
    (fault,) = found.to_faults({"Web": "x"}, by="component", error_rates={"minor": 0.1})
    assert isinstance(fault, tg.Brownout)


def test_a_component_is_well_before_the_page_says_so(tmp_path: Path) -> None:
    """By component an incident ends when that is operational again; by the page it goes on, which is said."""
    ten_past = "2026-03-02T09:18:00.000Z"
    late = incident(
        end=LATE,
        incident_updates=[
            update("resolved", LATE),
            update("monitoring", ten_past, API="operational"),
            update("investigating", NINE, API="major_outage"),
        ],
    )
    found = history(tmp_path, late)
    (fault,) = faults = found.to_faults({"API": "strong"}, by="component")
    assert (fault.start, fault.end) == (pd.Timestamp(NINE), pd.Timestamp(ten_past))
    assert list(only(faults, "guessed")) == [
        "by component: ends when those were operational again, before the page closed it"
    ]
    (fault,) = faults = found.to_faults({"API": "strong"})
    assert fault.end == pd.Timestamp(LATE)
    assert any("though its components were operational before" in rule for rule in only(faults, "kept"))


def test_a_component_that_breaks_again(tmp_path: Path) -> None:
    """What an update takes back does not end it; what begins later begins later."""
    updates = [
        update("resolved", TWELVE, API="operational", Web="operational"),
        update("investigating", ELEVEN, API="partial_outage"),
        update("monitoring", TEN, API="operational", Web="major_outage"),
        update("investigating", NINE, API="major_outage"),
    ]
    found = history(tmp_path, incident(end=TWELVE, incident_updates=updates, names=["API", "Web"]))
    spans = {fault.name: (fault.start, fault.end) for fault in
             found.to_faults({"API": "x", "Web": "y"}, by="component")}  # fmt: skip
    assert spans == {"a:x": times(NINE, TWELVE), "a:y": times(TEN, TWELVE)}


def test_a_resolution_years_after_the_update_that_closed(tmp_path: Path) -> None:
    """``resolved_at`` may be when somebody tidied up: the update that closed it says when, and this is counted."""
    found = history(tmp_path, incident(resolved_at="2030-03-02T10:00:00Z"))
    assert span(found) == times(NINE, TEN)
    assert list(decided(found)) == ["guessed: resolved_at lies after the update that closed it: ends with that update"]


def test_an_incident_that_nobody_closed_says_since_when(tmp_path: Path) -> None:
    """Open for years by the rest of its history, it is kept open, and the date stands beside it."""
    found = history(tmp_path, incident("a", start="2022-03-02T09:00:00Z", end=None), incident("b"))
    assert list(only(found.to_faults({"API": "strong"}), "kept")) == [
        "open since 2022-03-02, as its history has it: lasts until the end of the trace"
    ]


# ---- forms


def test_openlogs_own_file(tmp_path: Path) -> None:
    """Its interface answers a mapping with whole numbers as ids."""
    row = {"id": 7, "incident_id": 12, "provider": "openai", "title": "T", "status": "resolved",
           "timestamp": "2026-03-02T09:00:00", "resolved_at": "2026-03-02T10:00:00"}  # fmt: skip
    for data in ({"incidents": [row], "count": 1}, [row]):
        found = read(tmp_path, data)
        assert (found.frame["id"].tolist(), found.pages) == (["12"], ["openai"])
        assert span(found) == times(NINE, TEN)


def test_one_incident_of_a_page(tmp_path: Path) -> None:
    """/api/v2/incidents/<id>.json holds one, and a list of such documents several."""
    documents = [{"page": {"name": "Acme"}, "incident": incident(key)} for key in "ab"]
    assert read(tmp_path, documents[0]).frame["id"].tolist() == ["a"]
    assert read(tmp_path, documents).frame["id"].tolist() == ["a", "b"]
    assert read(tmp_path, documents).pages == ["Acme"]


def test_a_summary_is_no_history(tmp_path: Path) -> None:
    """summary.json lists what goes on: without an incident it is an error, with one that is said."""
    summary = {"page": {"name": "Acme"}, "components": [], "status": {"indicator": "none"}, "incidents": [],
               "scheduled_maintenances": []}  # fmt: skip
    with pytest.raises(IncidentError, match=r"page\.json: holds no incident: this is summary\.json, what goes on now"):
        read(tmp_path, summary)
    (rule,) = decided(read(tmp_path, summary | {"incidents": [incident()]}))
    assert rule.startswith("kept: this is summary.json")
    for data in ({"page": {}, "status": {}}, {"page": {}, "activeIncidents": []}):
        with pytest.raises(IncidentError, match="what goes on now, not a history"):
            read(tmp_path, data)


def test_google_cloud(tmp_path: Path) -> None:
    """``begin``, ``end`` and words of its own for impacts; products are components."""
    row = {"id": "x", "number": "1", "begin": "2026-03-02T09:00:00+00:00", "created": TEN,
           "end": "2026-03-02T10:00:00+00:00", "modified": TEN, "external_desc": "Vertex AI errors",
           "status_impact": "SERVICE_OUTAGE", "severity": "high", "service_name": "Vertex Gemini API",
           "affected_products": [{"title": "Vertex Gemini API", "id": "p"}], "uri": "incidents/x"}  # fmt: skip
    found = read(tmp_path, [row, row | {"id": "y", "end": None, "status_impact": "SERVICE_DISRUPTION"}])
    assert found.pages == ["Google Cloud"]
    assert found.frame["impact"].tolist() == ["critical", "major"]
    assert [span(found, row) for row in (0, 1)] == [times(NINE, TEN), times(NINE, None)]
    assert found.components == ["Vertex Gemini API"]
    assert found.frame["url"][0] == "https://status.cloud.google.com/incidents/x"


def test_instatus(tmp_path: Path) -> None:
    """``started``, ``resolved`` and capitals; maintenance is told by its impact, and a page names itself."""
    row = {"id": "x", "name": "Down", "status": "RESOLVED", "started": NINE, "resolved": TEN, "impact": "PARTIALOUTAGE",
           "components": [{"id": "c", "name": "API", "status": "OPERATIONAL"}], "updates": []}  # fmt: skip
    closed = row | {"id": "y", "resolved": None, "updates": [{"status": "RESOLVED", "started": ELEVEN}]}
    planned = row | {"id": "z", "impact": "UNDERMAINTENANCE", "status": "INVESTIGATING", "resolved": None}
    found = read(tmp_path, {"page": {"name": "Acme"}, "incidents": [row, closed, planned]})
    assert found.pages == ["Acme"]
    assert found.frame["impact"].astype(object).where(found.frame["impact"].notna(), None).tolist() == [
        "major", "major", None,
    ]  # fmt: skip
    assert found.frame["kind"].tolist() == ["incident", "incident", "maintenance"]
    assert [span(found, row) for row in range(3)] == [times(NINE, TEN), times(NINE, ELEVEN), times(NINE, None)]
    assert len(found.to_faults({"API": "strong"})) == 2


def test_incident_io_says_when_each_component_was_affected(tmp_path: Path) -> None:
    """Its own pages give the times of each component, to which faults by component keep."""
    impacts = [{"component_id": "API", "start_at": NINE, "end_at": TEN, "status": "partial_outage"},
               {"component_id": "Web", "start_at": TEN, "end_at": TWELVE, "status": "partial_outage"}]  # fmt: skip
    row = {"id": "x", "name": "Errors", "status": "resolved", "type": "incident", "published_at": NINE,
           "status_page_id": "p", "component_impacts": impacts, "updates": []}  # fmt: skip
    planned = row | {"id": "y", "type": "maintenance", "status": "maintenance_complete"}
    bare = row | {"id": "z", "component_impacts": [],
                  "updates": [{"to_status": "resolved", "published_at": ELEVEN}]}  # fmt: skip
    found = read(tmp_path, {"incidents": [row, planned, bare]})
    assert (found.pages, found.frame["kind"].tolist()) == (["p"], ["incident", "maintenance", "incident"])
    assert [span(found, row) for row in (0, 2)] == [times(NINE, TWELVE), times(NINE, ELEVEN)]
    (fault,) = found.to_faults({"API": "strong"}, by="component")
    assert (fault.start, fault.end) == times(NINE, TEN)


def test_json_lines(tmp_path: Path) -> None:
    """An incident a line, or a document a line."""
    text = "\n".join(json.dumps(incident(key)) for key in "ab") + "\n"
    assert read(tmp_path, text, "page.jsonl").frame["id"].tolist() == ["a", "b"]
    with pytest.raises(IncidentError, match="cannot be read as JSON"):
        read(tmp_path, text + "{\n", "page.jsonl")


def test_a_list_whose_page_is_named_by_some(tmp_path: Path) -> None:
    """One page is one page, though not all of its incidents repeat its id."""
    found = read(tmp_path, [incident("a"), incident("b", page_id=None)])
    assert found.pages == ["p1"]
    assert len(read(tmp_path, [incident("a"), incident("b", page_id="p2"), incident("c", page_id=None)]).pages) == 3


@pytest.mark.parametrize(
    "feed", ['<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom">', "<rss><channel></channel></rss>"]
)
def test_a_feed_is_called_a_feed(tmp_path: Path, feed: str) -> None:
    """Atom and RSS are no web page, and no history either."""
    with pytest.raises(IncidentError, match=r"holds a feed \(Atom or RSS\), whose times are those of posts"):
        read(tmp_path, feed)


@pytest.mark.parametrize("impact", ["maintenance", "Maintenance"])
def test_maintenance_in_a_csv_is_no_outage(tmp_path: Path, impact: str) -> None:
    """The impact tells it where no kind does."""
    found = read(tmp_path, f"start,end,impact\n{NINE},{TEN},{impact}\n", "page.csv")
    assert found.frame["kind"].tolist() == ["maintenance"]
    assert list(found.to_faults({"*": "strong"})) == []
    assert len(found.to_faults({"*": "strong"}, maintenance=True)) == 1


ROWS = [{"key": "a", "opened_at": NINE, "closed_at": TEN, "severity": "major", "services": ["API", "Web"], "x": {}},
        {"key": "b", "opened_at": TEN, "closed_at": None, "severity": "minor", "services": [], "x": {}}]  # fmt: skip
COLUMNS = {"id": "key", "start": "opened_at", "end": "closed_at", "impact": "severity", "components": "services"}


@pytest.mark.parametrize("turned", [False, True])
def test_other_forms_are_read_by_their_columns(tmp_path: Path, turned: bool) -> None:
    """A CSV, a list of objects or lines of them, with the names of their columns; the rest is passed over."""
    csv = f"key,opened_at,closed_at,severity,services,x\na,{NINE},{TEN},major,API;Web,1\nb,{TEN},,minor,,2\n"
    columns = {theirs: ours for ours, theirs in COLUMNS.items()} if turned else COLUMNS
    for name, text in (
        ("page.csv", csv),
        ("page.json", json.dumps(ROWS)),
        ("page.jsonl", "\n".join(map(json.dumps, ROWS))),
    ):
        found = read(tmp_path, text, name, columns=columns)
        assert [span(found, row) for row in (0, 1)] == [times(NINE, TEN), times(TEN, None)]
        assert found.frame["id"].tolist() == ["a", "b"]
        assert found.frame["impact"].tolist() == ["major", "minor"]
        assert found.frame["components"].tolist() == [("API", "Web"), ()]


def test_times_under_other_names_are_pointed_at(tmp_path: Path) -> None:
    """The error lists the keys that were found, and says how to name them."""
    with pytest.raises(IncidentError, match=r"Found 'id', 'opened_at'\. .* pass columns=\{'start': 'opened_at'"):
        read(tmp_path, [{"id": "a", "opened_at": NINE}])
    with pytest.raises(IncidentError, match=r"'start' is missing\. .* pass columns=\{'start': 'opened_at'\}"):
        read(tmp_path, f"id,opened_at\na,{NINE}\n", "page.csv")
    with pytest.raises(IncidentError, match=r"the file has no column 'opend_at'.* Did you mean 'opened_at'"):
        read(tmp_path, ROWS, columns={"start": "opend_at"})
    with pytest.raises(IncidentError, match="'begin' is not a column of incidents"):
        read(tmp_path, ROWS, columns={"begin": "opened_at"})


@pytest.mark.parametrize(
    ("document", "columns"),
    [
        (
            {"events": [{"arn": "x", "startTime": NINE, "endTime": TEN, "lastUpdatedTime": TEN}]},
            ("startTime", "endTime"),
        ),
        (
            {"value": [{"properties": {"title": "x", "impactStartTime": NINE, "impactMitigationTime": TEN}}]},
            ("properties.impactStartTime", "properties.impactMitigationTime"),
        ),
        (
            {"data": [{"id": "1", "attributes": {"started_at": NINE, "resolved_at": TEN}}], "pagination": {}},
            ("attributes.started_at", "attributes.resolved_at"),
        ),
        ({"incidents": [{"id": 1, "title": "x", "starts_at": NINE, "ends_at": TEN}]}, ("starts_at", "ends_at")),
    ],
    ids=["AWS Health", "Azure", "Better Stack", "Statuspal"],
)
def test_documents_of_others_are_pointed_at_their_columns(
    document: dict[str, Any], columns: tuple[str, str], tmp_path: Path
) -> None:
    """The error spells the columns that would read it, and with them it is read."""
    wanted = dict(zip(("start", "end"), columns, strict=True))
    with pytest.raises(IncidentError, match=re.escape(f"pass columns={wanted}.")):
        read(tmp_path, document)
    assert span(read(tmp_path, document, columns=wanted)) == times(NINE, TEN)


def test_an_incident_without_a_status_is_not_open_in_silence(tmp_path: Path) -> None:
    """Nothing says that it is over: it is taken as open, and that is a decision."""
    found = read(tmp_path, {"incidents": [{"id": "a", "created_at": NINE, "impact": "major"}]})
    assert span(found) == times(NINE, None)
    assert "guessed 1: says neither that it is over nor when: taken as open" in str(found.decisions)
    still = read(tmp_path, {"incidents": [{"id": "a", "created_at": NINE, "impact": "major", "status": "monitoring"}]})
    assert "guessed" not in str(still.decisions)


def test_incidents_of_responders_are_no_history(tmp_path: Path) -> None:
    """incident.io's API v2 gives times names of one's own: a closed one would be open."""
    row = {"id": "01", "name": "x", "incident_status": {"category": "closed"}, "created_at": NINE, "updated_at": TEN}
    with pytest.raises(IncidentError, match="incidents as their responders see them"):
        read(tmp_path, {"incidents": [row]})


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_csv_with_another_delimiter(mark: str, tmp_path: Path) -> None:
    """The header tells; where it has commas, semicolons stand between components."""
    found = read(tmp_path, f"start,end ,impact\n{NINE},{TEN},major\n".replace(",", mark), "page.csv")
    assert span(found) == times(NINE, TEN)
    commas = read(tmp_path, f"start,end,components\n{NINE},{TEN},API;Web\n", "page.csv")
    assert commas.frame["components"].tolist() == [("API", "Web")]


def test_control_characters_do_not_reach_terminals(tmp_path: Path) -> None:
    """A page may write anything: what moves a terminal's cursor is left out of names."""
    row = {"id": "a\0", "name": "x\x1b[31m", "created_at": NINE, "resolved_at": TEN, "impact": "major"}
    found = read(tmp_path, {"page": {"name": "P\x00\x1b[2J\x9b"}, "incidents": [row]})
    for text in (repr(found), found._repr_html_(), *found.frame[["id", "name", "page"]].iloc[0]):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_a_packed_csv(tmp_path: Path) -> None:
    """A CSV may be compressed."""
    (tmp_path / "page.csv.gz").write_bytes(gzip.compress(f"start,end\n{NINE},{TEN}\n".encode()))
    assert span(tg.read_incidents(tmp_path / "page.csv.gz")) == times(NINE, TEN)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_packed_histories_are_read(tmp_path: Path, suffix: str, pack: Any) -> None:
    """A history in JSON may be packed; one that is broken, or unpacks to far more than it could mean, is an error."""
    content = sample("incidents.json").read_bytes()
    path = tmp_path / f"acme.json{suffix}"
    path.write_bytes(pack(content))
    pd.testing.assert_frame_equal(tg.read_incidents(path).frame, tg.read_incidents(sample("incidents.json")).frame)
    path.write_bytes(pack(content)[:-20])
    with pytest.raises(IncidentError, match=r"acme\.json.*cannot be read"):
        tg.read_incidents(path)
    path.write_bytes(pack(b" " * 2**24))
    with pytest.raises(IncidentError, match="larger than 8 MiB"):
        tg.read_incidents(path)


@pytest.mark.parametrize("resolved", ["2026-09-11T08:00:00Z", "2026-09-11T07:00:00Z"])
def test_resolved_at_that_does_not_follow_the_start(tmp_path: Path, resolved: str) -> None:
    """Some pages post incidents when they are over: such a one ends with its update, and is not lost."""
    page = {
        "id": "x", "name": "n", "status": "resolved", "impact": "minor", "created_at": "2026-09-11T08:00:00Z",
        "resolved_at": resolved, "started_at": "2026-09-11T08:20:38Z",
        "incident_updates": [{"id": "u", "status": "resolved", "created_at": "2026-09-11T08:20:38Z", "body": ""}],
    }  # fmt: skip
    found = read(tmp_path, {"incidents": [page]})
    assert span(found) == times("2026-09-11T08:00:00Z", "2026-09-11T08:20:38Z")
    assert "guessed: resolved_at does not lie after the start: ends with the update that closed it" in decided(found)


def test_a_webhook_is_read(tmp_path: Path) -> None:
    """What a page sends to its subscribers, a notice a line, is the incident as it was last."""
    page = {"id": "p", "status_indicator": "none"}
    notice = {"id": "i", "name": "Late", "status": "investigating", "impact": "minor", "created_at": NINE,
              "started_at": NINE, "resolved_at": None, "updated_at": NINE, "incident_updates": []}  # fmt: skip
    over = notice | {"status": "resolved", "resolved_at": TEN, "updated_at": TEN}
    lines = "\n".join(json.dumps({"meta": {}, "page": page, "incident": each}) for each in (notice, over))
    assert span(read(tmp_path, lines, "hooks.jsonl")) == times(NINE, TEN)


def test_instatus_states_how_long_it_lasted(tmp_path: Path) -> None:
    """A note of two days later is not the end; the stated duration counts, and is told."""
    row = {"id": "i", "name": "Slow", "status": "RESOLVED", "impact": "PARTIALOUTAGE", "started": NINE,
           "duration": 3600, "updates": [{"status": "RESOLVED", "started": "2026-06-12T15:14:00Z"}]}  # fmt: skip
    found = read(tmp_path, {"incidents": [row]})
    assert span(found) == times(NINE, TEN)
    assert "guessed: closed after it ended: lasts as long as the page says" in decided(found)
    assert span(read(tmp_path, {"incidents": [row | {"resolved": ELEVEN}]})) == times(NINE, ELEVEN)
