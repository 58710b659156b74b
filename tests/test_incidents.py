from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from strategies import examples

import timegate as tg
from timegate.errors import IncidentError, InstantError, ScenarioError
from timegate.files import MAX_DOCUMENT_BYTES

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "incidents"
REAL, LOGGED = SHARED / "statuspage_incidents_copilot.json", SHARED / "openlog_incidents.json"
needs_real = pytest.mark.skipif(not REAL.exists(), reason=f"the real incidents are not there: {REAL}")
NINE, TEN, ELEVEN, TWELVE = (f"2026-03-02T{hour:02}:00:00.000Z" for hour in (9, 10, 11, 12))
CONFIG = tg.GatewayConfig.model_validate(
    {"deployments": [{"model_name": "strong", "model": "openai/x"}, {"model_name": "weak", "model": "sim/y"}]}
)


def update(status: str, at: str, shown: str | None = None, **components: str) -> dict[str, Any]:
    """Make an update; components by the status that it sets."""
    affected = [{"code": "c", "name": name, "old_status": "operational", "new_status": new}
                for name, new in components.items()]  # fmt: skip
    return {
        "id": "u", "status": status, "body": "<p>We look into it.</p>", "created_at": at, "updated_at": at,
        "display_at": shown or at, "affected_components": affected or None,
    }  # fmt: skip


def incident(
    key: str = "a", start: str = NINE, end: str | None = TEN, impact: str = "major", names: Any = ("API",), **more: Any
) -> dict[str, Any]:
    """Make an incident that was posted as it happened."""
    updates = [update("resolved", end)] if end else []
    return {
        "id": key, "name": f"Trouble {key}", "status": "resolved" if end else "investigating", "impact": impact,
        "created_at": start, "started_at": start, "updated_at": end or start, "resolved_at": end, "monitoring_at": None,
        "shortlink": "https://stspg.io/x", "page_id": "p1", "reminder_intervals": None,
        "incident_updates": [*updates, update("investigating", start)],
        "components": [{"id": "c", "name": name, "status": "operational"} for name in names], **more,
    }  # fmt: skip


def history(folder: Path, *incidents: Any, name: str = "incidents.json", **more: Any) -> tg.Incidents:
    document = {"page": {"id": "p1", "name": "Acme", "time_zone": "UTC"}, "incidents": list(incidents), **more}
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    return tg.read_incidents(folder / name)


def decided(result: Any) -> dict[str, list[str]]:
    """Return the ids of each decision, by action and rule."""
    return {f"{action}: {rule}": list(ids) for action, rule, ids in result.decisions}


def only(result: Any, action: str) -> dict[str, list[str]]:
    return {rule.removeprefix(f"{action}: "): ids for rule, ids in decided(result).items() if rule.startswith(action)}


def span(found: tg.Incidents, row: int = 0) -> tuple[Any, Any]:
    frame = found.frame
    return frame["start"][row], frame["end"][row]


def times(*texts: str | None) -> tuple[Any, ...]:
    return tuple(pd.NaT if text is None else pd.Timestamp(text) for text in texts)


# ---- the forms


def test_a_statuspage_document(tmp_path: Path) -> None:
    """The frame holds a row for each incident, in order of start, with the documented types."""
    found = history(
        tmp_path, incident("b", start=TEN, end=ELEVEN, impact="critical"), incident("a", names=["API", "Chat"])
    )
    frame = found.frame
    assert frame["id"].tolist() == ["a", "b"]
    assert frame["name"].tolist() == ["Trouble a", "Trouble b"]
    assert frame["page"].tolist() == ["Acme", "Acme"]
    assert frame["kind"].tolist() == ["incident", "incident"]
    assert frame["impact"].tolist() == ["major", "critical"]
    assert (frame["impact"] > "major").tolist() == [False, True]
    assert span(found) == times(NINE, TEN)
    assert frame["duration_s"].tolist() == [3600.0, 3600.0]
    assert frame["components"].tolist() == [("API", "Chat"), ("API",)]
    assert frame["url"].tolist() == ["https://stspg.io/x"] * 2
    assert frame["start"].dtype == frame["end"].dtype == pd.DatetimeTZDtype("us", "UTC")
    assert len(found) == 2
    assert len(found.decisions) == 0
    assert (found.pages, found.components) == (["Acme"], ["API", "Chat"])


def test_an_incident_io_document(tmp_path: Path) -> None:
    """The form without start, components, affected components and milliseconds reads the same."""
    bare = {"id": "01KD9TAC", "name": "Errors", "status": "resolved", "impact": "major", "page_id": "01JM",
            "created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T10:00:05Z",
            "resolved_at": "2026-03-02T10:00:00Z",
            "incident_updates": [
                {"id": "2", "incident_id": "01KD9TAC", "status": "resolved", "body": "Done",
                 "created_at": "2026-03-02T10:00:00Z", "display_at": "2026-03-02T10:00:00Z"},
                {"id": "1", "incident_id": "01KD9TAC", "status": "investigating", "body": "Hm",
                 "created_at": "2026-03-02T09:00:00Z", "display_at": "2026-03-02T09:00:00Z"}]}  # fmt: skip
    found = history(tmp_path, bare)
    assert span(found) == times(NINE, TEN)
    assert found.frame["components"].tolist() == [()]
    assert len(found.decisions) == 0


@pytest.mark.parametrize("shape", ["documents", "incidents", "no page"])
def test_other_shapes(tmp_path: Path, shape: str) -> None:
    """A list of documents, a list of incidents and a document without its page read whole; the page is named anew."""
    document = {"page": {"name": "Acme"}, "incidents": [incident("a")]}
    data: Any = {"documents": [document, {"incidents": [incident("b")]}],
                 "incidents": [incident("a"), incident("b")],
                 "no page": {"incidents": [incident("a"), incident("b")]}}[shape]  # fmt: skip
    path = tmp_path / "history.txt"  # the name says nothing: it is read as JSON
    path.write_text(json.dumps(data))
    assert tg.read_incidents(path).frame["id"].tolist() == ["a", "b"]
    assert tg.read_incidents(path).pages == (["Acme", "p1"] if shape == "documents" else ["p1"])
    assert tg.read_incidents(path, page="OpenAI").pages == ["OpenAI"]


def test_a_page_that_has_no_name_at_all(tmp_path: Path) -> None:
    """It takes the name of the file."""
    (tmp_path / "openai.json").write_text(json.dumps({"incidents": [incident(page_id=None)]}))
    assert tg.read_incidents(tmp_path / "openai.json").pages == ["openai"]


def planned(key: str = "m", status: str = "completed", **more: Any) -> dict[str, Any]:
    """Make a maintenance from ten to eleven, announced a week before."""
    announced = "2026-02-23T00:00:00.000Z"
    return incident(
        key, start=announced, end=ELEVEN,
        **{"impact": "maintenance", "status": status, "scheduled_for": TEN, "scheduled_until": ELEVEN,
           "incident_updates": [update("scheduled", announced)], **more},
    )  # fmt: skip


def test_scheduled_maintenance(tmp_path: Path) -> None:
    """It starts when it was scheduled, not when it was announced; it ends when it was completed."""
    found = history(tmp_path, scheduled_maintenances=[planned(resolved_at=ELEVEN)])
    assert span(found) == times(TEN, ELEVEN)
    assert found.frame["kind"].tolist() == ["maintenance"]
    assert found.frame["impact"].isna().all()
    assert len(found.decisions) == 0


def test_maintenance_that_began_late(tmp_path: Path) -> None:
    """The updates say when it was in progress, and when completed."""
    updates = [
        update("completed", "2026-03-02T12:30Z"),
        update("verifying", TWELVE),
        update("in_progress", "2026-03-02T10:20Z"),
    ]
    found = history(tmp_path, scheduled_maintenances=[planned(incident_updates=updates, resolved_at=None)])
    assert span(found) == times("2026-03-02T10:20Z", "2026-03-02T12:30Z")


def test_maintenance_that_is_not_over(tmp_path: Path) -> None:
    """It has the times that are planned, which is said."""
    found = history(tmp_path, scheduled_maintenances=[planned(status="scheduled", resolved_at=None)])
    assert span(found) == times(TEN, ELEVEN)
    assert decided(found) == {"guessed: maintenance that is not over: the times are those planned": ["m"]}


def test_maintenance_that_was_called_off(tmp_path: Path) -> None:
    """It ends before its time, and is dropped and counted."""
    found = history(tmp_path, scheduled_maintenances=[planned(resolved_at=NINE)])
    assert len(found) == 0
    assert decided(found)["dropped: ends before it starts"] == ["m"]


def test_maintenance_among_the_incidents(tmp_path: Path) -> None:
    """The impact or the schedule tells it, wherever it stands."""
    found = history(tmp_path, incident("a", impact="maintenance"), planned("b", impact="minor", resolved_at=ELEVEN))
    assert found.frame["kind"].tolist() == ["maintenance"] * 2
    assert span(found, 1) == times(TEN, ELEVEN)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Move the machine to another zone."""
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system cannot change its zone")
@pytest.mark.usefixtures("elsewhere")
def test_the_openlog_form(tmp_path: Path) -> None:
    """Each incident has one time, taken as UTC wherever one is; impacts are not known. All of it is counted."""
    logged = [{"id": n, "incident_id": f"https://x/{n}", "provider": "openai", "title": "T", "status": "resolved",
               "message": "m", "affected_products": [], "timestamp": "2026-03-02T09:00:00", "resolved_at": None}
              for n in range(3)]  # fmt: skip
    logged[1] |= {"resolved_at": "2026-03-02T11:00:00+01:00"}
    logged[2] |= {"status": "investigating"}
    (tmp_path / "log.json").write_text(json.dumps(logged))
    found = tg.read_incidents(tmp_path / "log.json")
    assert [span(found, row) for row in range(3)] == [times(NINE, NINE), times(NINE, TEN), times(NINE, None)]
    assert {rule: len(ids) for rule, ids in decided(found).items()} == {
        "guessed: timestamp without a zone: taken as UTC": 3,
        "kept: states no impact": 3,
    }


CSV = """id,name,page,kind,impact,status,start,end,components,url
a,Errors,OpenAI,incident,major,resolved,2026-03-02T10:00+01:00,2026-03-02T10:00Z,API; Chat,https://x
b,,,maintenance,,,2026-03-02T11:00Z,,,
"""


def test_csv(tmp_path: Path) -> None:
    """A plain CSV says the same, with offsets, several components, and no end for what is open."""
    (tmp_path / "acme.csv").write_text(CSV)
    found = tg.read_incidents(tmp_path / "acme.csv")
    assert [span(found, row) for row in (0, 1)] == [times(NINE, TEN), times(ELEVEN, None)]
    assert found.frame["components"].tolist() == [("API", "Chat"), ()]
    assert found.frame["page"].tolist() == ["OpenAI", "acme"]
    assert found.frame["name"].tolist() == ["Errors", "b"]
    assert found.frame["kind"].tolist() == ["incident", "maintenance"]
    assert not found.decisions
    assert tg.read_incidents(tmp_path / "acme.csv", page="Other").pages == ["Other"]


def test_the_shortest_csv(tmp_path: Path) -> None:
    """Start and end are enough; ids are the file and the row."""
    (tmp_path / "x.CSV").write_text(f"start,end\n{NINE},{TEN}\n")
    found = tg.read_incidents(tmp_path / "x.CSV")
    assert found.frame["id"].tolist() == ["x#0"]
    assert decided(found) == {"kept: states no impact": ["x#0"]}


# ---- the traps


@pytest.mark.parametrize(
    "stated",
    [
        {"started_at": NINE, "created_at": ELEVEN},  # posted late, with the true start
        {"started_at": NINE, "created_at": "2026-03-02T09:01:01.000Z"},
        {"started_at": ELEVEN, "created_at": NINE},  # posted late, and then dated back
        {"started_at": ELEVEN, "created_at": ELEVEN, "incident_updates": [update("resolved", ELEVEN, shown=NINE)]},
        {"started_at": None, "created_at": ELEVEN, "incident_updates": [update("resolved", ELEVEN, shown=NINE)]},
    ],
)
def test_posted_after_the_fact(tmp_path: Path, stated: dict[str, Any]) -> None:
    """Whatever time was set back, the incident starts at the earliest, and this is counted."""
    found = history(tmp_path, incident(resolved_at=TEN, **stated))
    assert span(found) == times(NINE, TEN)
    assert decided(found) == {"guessed: posted after the fact: starts at the earliest time that it states": ["a"]}


def test_milliseconds_are_not_after_the_fact(tmp_path: Path) -> None:
    """The order in which a page writes its own times is no decision."""
    assert not history(tmp_path, incident(created_at="2026-03-02T09:00:59.999Z")).decisions


def test_no_component(tmp_path: Path) -> None:
    """An incident that names none is in no key of a map but its page or *; the title helps if one asks for it."""
    found = history(tmp_path, incident("a", names=[], name="Chat is down"), incident("b", names=["Chat"]))
    assert found.frame["components"].tolist() == [(), ("Chat",)]
    faults = found.to_faults({"Chat": "strong"})
    assert [fault.name for fault in faults] == ["b:strong"]
    assert decided(faults) == {"dropped: names no component, though its title does": ["a"]}
    assert only(found.to_faults({"Acme": "strong"}), "dropped") == {}
    faults = found.to_faults({"chat": "strong"}, titles=True)
    assert [fault.name for fault in faults] == ["a:strong", "b:strong"]
    assert decided(faults) == {"guessed: names no component: taken from its title": ["a"]}


def test_a_title_holds_words(tmp_path: Path) -> None:
    """A name within another word is not it."""
    found = history(tmp_path, incident("a", names=[], name="ChatGPT is down"), incident("b", names=["Chat"]))
    assert [fault.name for fault in found.to_faults({"Chat": "strong"}, titles=True)] == ["b:strong"]


def test_affected_components_null(tmp_path: Path) -> None:
    """Updates that say nothing of components leave those of the incident, with no impact known."""
    found = history(tmp_path, incident(names=["API"]))
    assert found.frame["component_impacts"].tolist() == [(None,)]
    assert history(tmp_path, incident(incident_updates=None, components=None)).frame["components"].tolist() == [()]


def test_components_that_only_the_updates_name(tmp_path: Path) -> None:
    """What an update puts out of order is concerned; what it lists as operational is not."""
    updates = [update("resolved", TEN, API="operational", Web="operational"),
               update("investigating", NINE, API="partial_outage", Web="operational")]  # fmt: skip
    found = history(tmp_path, incident(names=[], incident_updates=updates))
    assert found.frame["components"].tolist() == [("API",)]
    assert found.frame["component_impacts"].tolist() == [("major",)]


def reopened(*stream: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Make an incident of a stream of updates, the oldest first, whose resolved_at stays at ten."""
    updates = [update(status, at) for status, at in stream]
    return incident(resolved_at=TEN, incident_updates=updates[::-1], **more)


def test_reopened(tmp_path: Path) -> None:
    """It ends when it was resolved for good, for resolved_at stays at the first time."""
    stream = ("investigating", NINE), ("resolved", TEN), ("monitoring", ELEVEN), ("resolved", TWELVE)
    found = history(tmp_path, reopened(*stream, ("postmortem", "2026-03-05T00:00Z")))
    assert span(found) == times(NINE, TWELVE)
    assert decided(found) == {"guessed: reopened: ends when it was resolved for the last time": ["a"]}


def test_the_order_of_updates(tmp_path: Path) -> None:
    """What was posted last holds, in whatever order the document lists it and whatever times the page shows."""
    stream = [update("investigating", NINE), update("resolved", TEN),
              update("monitoring", ELEVEN, shown="2026-03-02T09:40Z"),
              update("resolved", TWELVE, shown="2026-03-02T11:30Z")]  # fmt: skip
    for updates in (stream, stream[::-1], [stream[n] for n in (2, 0, 3, 1)]):
        found = history(tmp_path, incident(resolved_at=TEN, incident_updates=updates))
        assert span(found) == times(NINE, "2026-03-02T11:30Z")


def test_reopened_and_open(tmp_path: Path) -> None:
    """It is open, although it was resolved."""
    stream = ("investigating", NINE), ("resolved", TEN), ("monitoring", ELEVEN)
    found = history(tmp_path, reopened(*stream, status="monitoring"))
    assert span(found) == times(NINE, None)
    assert decided(found) == {"guessed: reopened: open, although resolved before": ["a"]}


def test_a_postmortem_is_no_end(tmp_path: Path) -> None:
    """What is written after an incident was resolved does not make it longer."""
    stream = ("investigating", NINE), ("resolved", TEN), ("resolved", ELEVEN), ("postmortem", TWELVE)
    found = history(tmp_path, reopened(*stream, status="postmortem"))
    assert span(found) == times(NINE, TEN)
    assert not found.decisions


def test_an_end_that_only_the_updates_state(tmp_path: Path) -> None:
    """Without resolved_at it is the time that the resolving update shows."""
    updates = [update("resolved", ELEVEN, shown=TEN), update("investigating", NINE)]
    assert span(history(tmp_path, incident(resolved_at=None, incident_updates=updates))) == times(NINE, TEN)


def test_closed_at_no_time(tmp_path: Path) -> None:
    """It ends with its last update, or when it was updated, and this is counted."""
    updates = [update("monitoring", TEN), update("investigating", NINE)]
    found = history(
        tmp_path,
        incident("a", resolved_at=None, incident_updates=updates),
        incident("b", resolved_at=None, incident_updates=[], updated_at=ELEVEN),
        incident("c", resolved_at=None, incident_updates=[], updated_at=None),
    )
    assert [span(found, row) for row in range(3)] == [times(NINE, TEN), times(NINE, ELEVEN), times(NINE, NINE)]
    assert decided(found) == {"guessed: closed at no stated time: ends with its last update": ["a", "b", "c"]}


@given(st.lists(st.sampled_from(["investigating", "monitoring", "resolved"]), min_size=1, max_size=7))
@examples(50)
def test_any_stream_of_updates(tmp_path_factory: pytest.TempPathFactory, statuses: list[str]) -> None:
    """An incident lasts until the first update after which no other opens it again."""
    stream = [(status, f"2026-03-02T{9 + hour:02}:00:00Z") for hour, status in enumerate(statuses)]
    resolved = [at for status, at in stream if status == "resolved"]
    last_open = max((at for status, at in stream if status != "resolved"), default="")
    updates = [update(*each) for each in stream][::-1]
    made = incident(status=statuses[-1], resolved_at=min(resolved, default=None), incident_updates=updates)
    end = span(history(tmp_path_factory.mktemp("x"), made))[1]
    after = [at for at in resolved if at > last_open]
    assert end == pd.Timestamp(after[0]) if after else end is pd.NaT


def test_no_length(tmp_path: Path) -> None:
    """An incident that was posted in one go stays in the table, and becomes no fault unless one says how long."""
    found = history(tmp_path, incident("a", end=NINE), incident("b"))
    assert found.frame["duration_s"].tolist() == [0.0, 3600.0]
    faults = found.to_faults({"*": "strong"})
    assert [fault.name for fault in faults] == ["b:strong"]
    assert decided(faults) == {"dropped: has no length: its true times stand in prose, if anywhere": ["a"]}
    faults = found.to_faults({"*": "strong"}, zero_length_s=1800)
    assert faults[0].end - faults[0].start == timedelta(minutes=30)
    assert decided(faults) == {"guessed: has no length: taken to last 30 min": ["a"]}


def test_the_impact_on_a_component(tmp_path: Path) -> None:
    """The worst that the updates say of it counts if one asks for it; else the difference is counted."""
    updates = [update("resolved", TEN, API="operational"),
               update("identified", "2026-03-02T09:30Z", API="degraded_performance"),
               update("investigating", NINE, Web="major_outage")]  # fmt: skip
    found = history(tmp_path, incident(impact="critical", names=["API", "Web", "Docs"], incident_updates=updates))
    assert found.frame["component_impacts"].tolist() == [("minor", "critical", None)]
    assert len(found.to_faults({"API": "strong"})) == 1
    assert list(only(found.to_faults({"API": "strong"}), "kept")) == [
        "judged by its own impact, from which that on its components differs"
    ]
    assert list(only(found.to_faults({"API": "strong"}, by="component"), "dropped")) == ["impact below major"]
    assert len(found.to_faults({"Web": "strong"}, by="component")) == 1
    assert list(only(found.to_faults({"Docs": "strong"}, by="component"), "guessed")) == [
        "states no impact on the components: judged by its own"
    ]
    assert found.select(components=["api"], by="component").frame["impact"].tolist() == ["minor"]
    assert found.select(components=["API", "Web"], by="component").frame["impact"].tolist() == ["critical"]


def test_how_a_component_is_now_says_nothing(tmp_path: Path) -> None:
    """The status of components[] is that of the download."""
    down = [{"name": "API", "status": "major_outage"}]
    found = history(tmp_path, incident(impact="minor", components=down))
    assert found.frame["component_impacts"].tolist() == [(None,)]


def test_an_unknown_impact(tmp_path: Path) -> None:
    """It is missing, and counted by what it was; only min_impact none lets it through."""
    found = history(
        tmp_path, incident("a", impact="catastrophic"), incident("b", impact="MAJOR"), incident("c", impact=None)
    )
    assert found.frame["impact"].isna().tolist() == [True, False, True]
    assert decided(found) == {"kept: impact 'catastrophic' is not known": ["a"], "kept: states no impact": ["c"]}
    assert only(found.to_faults({"*": "strong"}, min_impact="minor"), "dropped") == {
        "impact not known to be minor": ["a", "c"]
    }
    assert len(found.to_faults({"*": "strong"}, min_impact="none")) == 3


def test_open(tmp_path: Path) -> None:
    """It lasts for ever, or until one says; whichever of these happens is counted, where it becomes a fault."""
    found = history(tmp_path, incident("a", end=None), incident("b", start=TWELVE, end=None))
    assert not found.decisions
    assert span(found) == times(NINE, None)
    assert np.isnan(found.frame["duration_s"][0])
    faults = found.to_faults({"*": "strong"})
    assert [fault.end for fault in faults] == [None, None]
    assert decided(faults) == {"kept: open: lasts until the end of the trace": ["a", "b"]}
    faults = found.to_faults({"*": "strong"}, until=ELEVEN)
    assert [fault.end for fault in faults] == [datetime.fromisoformat(ELEVEN)]
    assert only(faults, "dropped") == {"open, and starts no earlier than until": ["b"]}
    assert only(faults, "guessed") == {"open: ends at until": ["a"]}
    assert only(faults, "kept") == {}
    assert only(found.to_faults({"*": "strong"}, until=TWELVE), "dropped") == only(faults, "dropped")
    run = tg.replay(CONFIG, tg.Trace([NINE, "2030-01-01T00:00Z"]), found.to_faults({"*": "strong"}).scenario())
    assert run.calls["served_by"].tolist() == ["weak", "weak"]


def test_open_but_no_fault(tmp_path: Path) -> None:
    """An open incident that is dropped, or is nobody's, lasts until no end."""
    lesser, other = incident("a", end=None, impact="minor"), incident("b", end=None, names=["Chat"])
    found = history(tmp_path, lesser, other, incident("c", end=None))
    assert only(found.to_faults({"API": "strong"}), "kept") == {"open: lasts until the end of the trace": ["c"]}


def test_duplicates(tmp_path: Path) -> None:
    """The same id of the same page is there once, as it was updated last; each one dropped is counted."""
    old, new = incident(end=None, updated_at=NINE), incident(updated_at=TEN)
    for order in ([old, new, old], [new, old, old]):
        found = history(tmp_path, *order)
        assert [span(found, row) for row in range(len(found))] == [times(NINE, TEN)]
        assert only(found, "dropped") == {"given more than once: what was updated last is kept": ["a", "a"]}


def test_several_files(tmp_path: Path) -> None:
    """Histories add up: downloads of one page to a longer one, other pages beside it."""
    history(tmp_path, incident("a"), incident("b", end=None, start=TEN), name="1.json")
    history(tmp_path, incident("b", start=TEN, end=ELEVEN), incident("c", start=ELEVEN, end=TWELVE), name="2.json")
    (tmp_path / "3.json").write_text(json.dumps({"page": {"name": "Other"}, "incidents": [incident("a")]}))
    found = tg.read_incidents(tmp_path / "1.json", tmp_path / "2.json", tmp_path / "3.json")
    assert sorted(zip(found.frame["page"], found.frame["id"], strict=True)) == [
        ("Acme", "a"), ("Acme", "b"), ("Acme", "c"), ("Other", "a"),
    ]  # fmt: skip
    assert [source.file for source in found.sources] == ["1.json", "2.json", "3.json"]
    assert found.frame["end"].isna().sum() == 0
    assert only(found, "dropped") == {"given more than once: what was updated last is kept": ["b"]}
    both = [fault.name for fault in found.to_faults({"*": "strong"})]
    assert len(set(both)) == 4


def test_ends_before_it_starts(tmp_path: Path) -> None:
    """It is dropped and counted."""
    (tmp_path / "x.csv").write_text(f"id,impact,start,end\na,major,{TEN},{NINE}\nb,major,{NINE},{TEN}\n")
    found = tg.read_incidents(tmp_path / "x.csv")
    assert found.frame["id"].tolist() == ["b"]
    assert decided(found) == {"dropped: ends before it starts": ["a"]}


@pytest.mark.parametrize("content", ['{"incidents": []}', "[]", "start,end\n"])
def test_an_empty_history(tmp_path: Path, content: str) -> None:
    """It is read, says that it is empty, and gives no fault, whatever the map."""
    path = tmp_path / ("x.csv" if content.startswith("start") else "x.json")
    path.write_text(content)
    found = tg.read_incidents(path)
    assert len(found) == len(found.frame) == len(found.to_faults({"API": "strong"})) == 0
    assert decided(found) == {"kept: a history without incidents": [path.name]}
    assert "0 incidents" in repr(found)
    assert "0 incidents" in found._repr_html_()
    assert found.frame["start"].dtype == pd.DatetimeTZDtype("us", "UTC")


def test_times_with_offsets(tmp_path: Path) -> None:
    """They are converted."""
    found = history(tmp_path, incident(start="2026-03-02T06:00:00-03:00", end="2026-03-02T15:30:00+05:30"))
    assert span(found) == times(NINE, TEN)


# ---- bad input

BAD = {
    "not json": ("nothing", "cannot be read as JSON", "line 1"),
    "html": ("\ufeff\n <!DOCTYPE html><title>502</title>", "holds HTML", "/api/v2/incidents.json"),
    "xml": ("<?xml version='1.0'?><rss/>", "holds HTML"),
    "empty": ("", "the file is empty"),
    "blank": ("null", "holds no data"),
    "number": ("7", "must hold a mapping with `incidents`", "7"),
    "text": ('"x"', "must hold a mapping", "'x'"),
    "other list": ("[1, 2]", "incidents[0]", "must be a mapping"),
    "lacks incidents": ('{"page": {}}', "`incidents` or `scheduled_maintenances` is missing", "'page'"),
    "nothing": ("{}", "Found nothing"),
    "misspelt": ('{"incident": []}', "Did you mean 'incidents'?"),
    "what goes on": ('{"ongoing_incidents": []}', "not a history", "/api/v2/incidents.json"),
    "no list": ('{"incidents": {"a": 1}}', "incidents must be a valid list"),
    "no mapping": ('{"incidents": [7]}', "incidents[0] must be a mapping"),
    "no id": ([incident(id=None)], "incidents[0].id"),
    "number as id": ([incident(id=7)], "incidents[0].id", "7"),
    "no times": ([incident(started_at=None, created_at=None, incident_updates=[])], "'a' states no time"),
    "naive": ([incident(), incident("b", started_at="2026-03-02T09:00:00")], "incidents[1].started_at", "naive"),
    "no time": ([incident(resolved_at="soon")], "incidents[0].resolved_at", "'soon'"),
    "epoch": ([incident(created_at=1772440000)], "incidents[0].created_at", "1772440000"),
    "far off": ([incident(resolved_at="9999-01-01T00:00Z")], "resolved_at", "1900 to 2199"),
    "naive update": ([incident(incident_updates=[update("resolved", NINE, "2026-03-02")])], "display_at", "naive"),
    "updates": ([incident(incident_updates={"a": 1})], "incidents[0].incident_updates must be a valid list"),
    "component": ([incident(components=["API"])], "incidents[0].components[0] must be a mapping", "'API'"),
    "name twice": ('{"incidents": [], "incidents": []}', "duplicate key 'incidents'"),
    "nan": ('{"incidents": NaN}', "NaN is not JSON"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "binary": (b"\x93NUMPY\x00\xff\xfe", "must be UTF-8"),
}  # fmt: skip


def refused(path: Path, content: str | bytes, words: list[str]) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(IncidentError) as caught:
        tg.read_incidents(path)
    assert str(caught.value).startswith(f"{path}: ")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("content", "words"), [pytest.param(c, words, id=name) for name, (c, *words) in BAD.items()])
def test_bad_documents(tmp_path: Path, content: Any, words: list[str]) -> None:
    """Each is one sentence that begins with the path and names the place."""
    if isinstance(content, list):
        content = json.dumps({"incidents": content})
    refused(tmp_path / "x.json", content, words)


BAD_CSV = {
    "no start": (f"end\n{NINE}\n", "column 'start' is missing"),
    "no end": (f"start\n{NINE}\n", "column 'end' is missing"),
    "column": (f"start,end,impcat\n{NINE},{TEN},major\n", "'impcat' is not a column", "Did you mean 'impact'?"),
    "kind": (f"start,end,kind\n{NINE},{TEN},incidnt\n", "kind[0]", "Did you mean 'incident'?"),
    "naive": (f"start,end\n{NINE},{TEN}\n2026-03-02,{TEN}\n", "start[1]", "naive"),
    "missing": (f"start,end\n,{TEN}\n", "start[0]"),
    "no time": (f"start,end\n{NINE},later\n", "end[0]", "'later'"),
    "binary": (bytes(range(256)), "cannot be read as CSV"),
    "comma in a name": (f"start,end,name\n{NINE},{TEN},a, b\n", "a row has more fields than the header"),
}


@pytest.mark.parametrize(
    ("content", "words"), [pytest.param(c, words, id=name) for name, (c, *words) in BAD_CSV.items()]
)
def test_bad_csv(tmp_path: Path, content: Any, words: list[str]) -> None:
    """Each is one sentence that begins with the path and names the row."""
    refused(tmp_path / "x.csv", content, words)


def test_bad_openlog_times(tmp_path: Path) -> None:
    """A time that is none names its incident."""
    (tmp_path / "x.json").write_text(
        json.dumps([{"incident_id": "q", "provider": "openai", "timestamp": "soon", "resolved_at": None}])
    )
    with pytest.raises(IncidentError, match=r"x\.json: incident 'q': timestamp must be a time.*'soon'"):
        tg.read_incidents(tmp_path / "x.json")


def test_missing_and_huge_files(tmp_path: Path) -> None:
    """A missing file gets its neighbour's name; a file beyond all reason is refused."""
    history(tmp_path, incident())
    with pytest.raises(IncidentError, match=r"Did you mean 'incidents.json'\?"):
        tg.read_incidents(tmp_path / "incident.json")
    with pytest.raises(IncidentError, match="is a folder"):
        tg.read_incidents(tmp_path)
    (tmp_path / "huge.json").write_bytes(b" " * (MAX_DOCUMENT_BYTES + 1))
    with pytest.raises(IncidentError, match=r"huge\.json: larger than \d+ MiB"):
        tg.read_incidents(tmp_path / "huge.json")


def test_text_that_no_file_can_hold(tmp_path: Path) -> None:
    """Halves of characters and line ends in names reach no scenario file."""
    found = history(tmp_path, incident("a\ud800\nb", name="x\udfff"))
    scenario = found.to_faults({"*": "strong"}).scenario()
    scenario.save(tmp_path / "s.yaml")
    assert tg.Scenario.load(tmp_path / "s.yaml") == scenario
    assert found.frame["id"].tolist() == ["a? b"]


# ---- to faults


@pytest.fixture
def acme(tmp_path: Path) -> tg.Incidents:
    """Make a history with one of everything."""
    return history(
        tmp_path,
        incident("api", names=["API"], start=NINE, end=TEN, impact="critical"),
        incident("chat", names=["Chat"], start=TEN, end=ELEVEN, impact="major"),
        incident("both", names=["API", "Chat"], start=ELEVEN, end=TWELVE, impact="minor"),
        incident("none", names=[], start=NINE, end=NINE, impact="none"),
        scheduled_maintenances=[planned(resolved_at=ELEVEN)],
    )


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"API": "strong"}, ["api:strong", "both:strong"]),
        ({"api": "strong"}, ["api:strong", "both:strong"]),
        ({"API": "strong", "Chat": "weak"}, ["api:strong", "chat:weak", "both:strong", "both:weak"]),
        ({"API": "strong", "Chat": "strong"}, ["api:strong", "chat:strong", "both:strong"]),
        ({"API": ["strong", "weak"]}, ["api:strong", "api:weak", "both:strong", "both:weak"]),
        ({"Acme": "provider:openai"}, ["api:provider:openai", "chat:provider:openai", "both:provider:openai"]),
        ({"*": "strong"}, ["api:strong", "chat:strong", "both:strong"]),
        ({"*": "weak", "API": "strong"}, ["api:strong", "chat:weak", "both:strong"]),
        ({"Acme": "weak", "API": "strong"}, ["api:strong", "api:weak", "chat:weak", "both:strong", "both:weak"]),
    ],
)
def test_the_keys_of_a_map(acme: tg.Incidents, targets: dict[str, Any], expected: list[str]) -> None:
    """Components and pages by name, each target once; * takes what no other key does."""
    assert [fault.name for fault in acme.to_faults(targets, min_impact="minor")] == expected


def test_impacts(acme: tg.Incidents) -> None:
    """What is below min_impact is dropped and counted; the default is major."""
    assert len(acme.to_faults({"*": "strong"}, min_impact="critical")) == 1
    faults = acme.to_faults({"*": "strong"})
    assert [fault.name for fault in faults] == ["api:strong", "chat:strong"]
    assert only(faults, "dropped") == {"impact below major": ["none", "both"], "scheduled maintenance": ["m"]}


def test_error_rates(acme: tg.Incidents) -> None:
    """An impact with a rate becomes a brownout, and counts without being asked for."""
    faults = acme.to_faults({"*": "strong"}, error_rates={"minor": 0.1}, error="timeout", after_s=3)
    assert [type(fault) for fault in faults] == [tg.Outage, tg.Outage, tg.Brownout]
    assert (faults[2].error_rate, faults[2].error, faults[2].after_s) == (0.1, "timeout", 3)
    assert (faults[0].error, faults[0].after_s) == ("timeout", 3)
    assert (faults[2].start, faults[2].end) == tuple(map(datetime.fromisoformat, (ELEVEN, TWELVE)))


def test_an_open_incident_with_an_error_rate(tmp_path: Path) -> None:
    """It is an error rate without an end."""
    fault = history(tmp_path, incident(end=None)).to_faults({"*": "strong"}, error_rates={"major": 0.5})[0]
    assert isinstance(fault, tg.ErrorRate)
    assert (fault.rate, fault.start, fault.end) == (0.5, datetime.fromisoformat(NINE), None)


def test_components(acme: tg.Incidents) -> None:
    """Only incidents that name one of them count."""
    faults = acme.to_faults({"Acme": "strong"}, components=["Chat"], min_impact="none")
    assert [fault.name for fault in faults] == ["chat:strong", "both:strong"]
    assert only(faults, "dropped") == {
        "names none of the components that are wanted": ["api", "m"],
        "names no component": ["none"],
    }


def test_components_by_title(tmp_path: Path) -> None:
    """With titles=True the filter looks at the title of what names none."""
    found = history(tmp_path, incident("a", names=[], name="Chat slow"), incident("b", names=["API"], name="Chat"))
    faults = found.to_faults({"*": "strong"}, components=["chat"], titles=True)
    assert [fault.name for fault in faults] == ["a:strong"]
    assert only(faults, "guessed") == {"names no component: taken from its title": ["a"]}


def test_maintenance_as_an_outage(acme: tg.Incidents) -> None:
    """It counts if one asks for it, whatever the impact."""
    faults = acme.to_faults({"*": "strong"}, min_impact="critical", maintenance=True)
    assert [fault.name for fault in faults] == ["api:strong", "m:strong"]
    assert all(isinstance(fault, tg.Outage) for fault in faults)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "none", "minor", "major", "critical", "odd", "maintenance"]),
            st.sampled_from([[], ["API"], ["Chat"], ["API", "Chat"]]),
            st.integers(-1, 2),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from([None, "none", "minor", "critical"]),
    st.sampled_from([{"API": "a"}, {"*": "a"}, {"API": "a", "*": "b"}, {"Acme": ["a", "b"], "Chat": "c"}]),
    st.booleans(),
)
def test_every_incident_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, rows: Any, least: str | None, targets: Any, titles: bool
) -> None:
    """Each incident of the file is either in the faults or dropped, once and not both."""
    made = [
        incident(f"i{n}", impact=impact, names=names, end=None if is_open else f"2026-03-02T{9 + hours:02}:00:00Z")
        for n, (impact, names, hours, is_open) in enumerate(rows)
    ]
    everything = [incident("all", names=["API", "Chat"])]  # so that each key is known
    found = history(tmp_path_factory.mktemp("x"), *made, *everything)
    faults = found.to_faults(targets, min_impact=least, titles=titles)
    dropped = [each for ids in only(faults, "dropped").values() for each in ids]
    kept = {str(fault.name).partition(":")[0] for fault in faults}
    assert sorted([*dropped, *kept]) == sorted(each["id"] for each in made + everything)


BAD_MAPS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "empty": ({"map": {}}, IncidentError, "map must be a mapping like"),
    "list": ({"map": ["API"]}, IncidentError, "map must be a mapping like"),
    "key": ({"map": {"Cht": "strong"}}, IncidentError, "map: no incident has 'Cht'. Did you mean 'Chat'?"),
    "key of a page": ({"map": {"Acne": "strong"}}, IncidentError, "Did you mean 'Acme'?"),
    "key that is a number": ({"map": {7: "strong"}}, IncidentError, "map: no incident has 7"),
    "target": ({"map": {"API": 7}}, IncidentError, "map['API'] must name a deployment, or several. Got 7."),
    "no target": ({"map": {"API": []}}, IncidentError, "map['API'] must name"),
    "empty target": ({"map": {"API": ""}}, IncidentError, "map['API'] must name"),
    "deployment": (
        {"map": {"API": "strnog"}, "config": CONFIG},
        ScenarioError,
        "map['API']: 'strnog' is not a deployment or provider of the config. Did you mean 'strong'?",
    ),
    "provider": (
        {"map": {"API": "provider:opnai"}, "config": CONFIG},
        ScenarioError,
        "Did you mean 'provider:openai'?",
    ),
    "impact": ({"min_impact": "majr"}, IncidentError, "min_impact must be one of none, minor, major, critical"),
    "impact with hint": ({"min_impact": "majr"}, IncidentError, "Did you mean 'major'?"),
    "rate of": ({"error_rates": {"minr": 0.1}}, IncidentError, "Did you mean 'minor'?"),
    "rate unused": ({"error_rates": {"minor": 0.1}, "min_impact": "major"}, IncidentError, "has no use"),
    "rate": ({"error_rates": {"minor": 1.5}, "min_impact": "minor"}, ScenarioError, "1.5"),
    "component": ({"components": ["Cht"]}, IncidentError, "components: no incident has 'Cht'. Did you mean 'Chat'?"),
    "components": ({"components": "Chat"}, IncidentError, "components must be a list of names"),
    "no components": ({"components": []}, IncidentError, "components must be a list of names"),
    "by": ({"by": "page"}, IncidentError, "by must be 'incident' or 'component'"),
    "by without": ({"map": {"*": "strong"}, "by": "component"}, IncidentError, "needs components"),
    "length": ({"zero_length_s": -1}, IncidentError, "zero_length_s must be seconds, 0 to 2,592,000"),
    "far": ({"zero_length_s": 1e300}, IncidentError, "zero_length_s must be seconds"),
    "text": ({"zero_length_s": "1h"}, IncidentError, "Got '1h'"),
    "rates": ({"error_rates": 0.1}, IncidentError, "error_rates must be a mapping"),
    "nan": ({"zero_length_s": float("nan")}, IncidentError, "zero_length_s must be seconds, 0 to 2,592,000"),
    "until": ({"until": "2026-03-02"}, InstantError, "until must carry a zone"),
    "error": ({"error": "tiemout"}, ScenarioError, "Did you mean 'timeout'?"),
}


@pytest.mark.parametrize(
    ("options", "error", "message"), [pytest.param(*case, id=name) for name, case in BAD_MAPS.items()]
)
def test_bad_maps(acme: tg.Incidents, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """What is wrong is named, with the nearest good name."""
    with pytest.raises(error) as caught:
        acme.to_faults(**{"map": {"*": "strong", "API": "weak"}, **options})
    assert message in str(caught.value)


def test_an_unknown_deployment_without_a_config(acme: tg.Incidents) -> None:
    """The replay says so."""
    with pytest.raises(ScenarioError, match=r"target 'strnog' is not a deployment.*Did you mean 'strong'"):
        tg.replay(CONFIG, tg.Trace([NINE]), acme.to_faults({"API": "strnog"}).scenario())


def test_groups(acme: tg.Incidents) -> None:
    """A group is a target; the scenario is told its members."""
    scenario = acme.to_faults({"*": "group:all"}, config=CONFIG).scenario(groups={"all": ["strong", "weak"]})
    run = tg.replay(CONFIG, tg.Trace([NINE, TWELVE]), scenario)
    assert run.calls["outcome"].tolist() == ["failed", "first_choice"]


def test_bad_selections(acme: tg.Incidents) -> None:
    """A selection names the nearest page, and needs components to judge by."""
    with pytest.raises(IncidentError, match=r"pages: no incident has 'Acne'. Did you mean 'Acme'\?"):
        acme.select(pages=["Acne"])
    with pytest.raises(IncidentError, match="needs components"):
        acme.select(by="component")


SPANS = {"long": (-60, 120), "before": (-30, 0), "at": (0, 0), "in": (10, 20), "late": (59, 90),
         "open": (-90, None), "instant": (60, 60), "after": (60, 70), "later": (90, None)}  # fmt: skip


def minutes(past_nine: int | None) -> str | None:
    return None if past_nine is None else f"{pd.Timestamp(NINE) + pd.Timedelta(minutes=past_nine):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": NINE, "end": TEN}, {"long", "at", "in", "late", "open"}),
        ({"start": datetime.fromisoformat(NINE)}, SPANS.keys() - {"before"}),
        ({"end": "2026-03-02T10:00+00:00"}, SPANS.keys() - {"instant", "after", "later"}),
        ({"start": "2026-03-02T06:00-03:00", "end": "2026-03-02T11:00+01:00"}, {"long", "at", "in", "late", "open"}),
        ({"start": TWELVE}, {"open", "later"}),
        ({"end": "2026-03-02T00:00Z"}, set()),
        ({}, set(SPANS)),
    ],
)
def test_a_period(tmp_path: Path, period: dict[str, Any], expected: set[str]) -> None:
    """What touches [start, end) stays, whole; the rest is counted. As faults, the same incidents count."""
    made = [incident(key, start=str(minutes(lo)), end=minutes(hi)) for key, (lo, hi) in SPANS.items()]
    found = history(tmp_path, *made)
    part = found.select(**period)
    assert {each.id for each in part} == expected
    assert set(part) <= set(found)
    dropped = {rule: set(ids) for rule, ids in only(part, "dropped").items()}
    assert dropped == ({"outside of the period that is wanted": SPANS.keys() - expected} if len(expected) < 9 else {})
    faults = found.to_faults({"Acme": "strong"}, zero_length_s=1, **period)
    assert {str(fault.name).removesuffix(":strong") for fault in faults} == expected


@pytest.mark.parametrize(
    ("period", "error", "message"),
    [
        ({"start": "2026-03-02"}, InstantError, "start must carry a zone"),
        ({"end": datetime(2026, 3, 2)}, InstantError, "end must carry a zone"),
        ({"start": "soon"}, InstantError, "start"),
        ({"start": TEN, "end": NINE}, IncidentError, "end must lie after start"),
        ({"start": TEN, "end": TEN}, IncidentError, "end must lie after start"),
    ],
)
def test_bad_periods(acme: tg.Incidents, period: dict[str, Any], error: type[Exception], message: str) -> None:
    """Naive times, what is no time, and an end that is not after the start are named."""
    with pytest.raises(error, match=message):
        acme.select(**period)
    with pytest.raises(error, match=message):
        acme.to_faults({"*": "strong"}, **period)


def test_select(acme: tg.Incidents) -> None:
    """A part of a history is a history, and remembers what was dropped."""
    part = acme.select(min_impact="minor", pages=["ACME"], maintenance=False)
    assert part.frame["id"].tolist() == ["api", "chat", "both"]
    assert only(part, "dropped") == {"impact below minor": ["none"], "scheduled maintenance": ["m"]}
    assert part.sources == acme.sources
    assert len(acme.decisions) == 0


# ---- what people see


def test_the_scenario_of_a_history(acme: tg.Incidents, tmp_path: Path) -> None:
    """It says where it comes from, survives its file, and gives the same numbers to a colleague."""
    faults = acme.to_faults({"*": "strong"}, error_rates={"minor": 0.5})
    scenario = faults.scenario(seed=7)
    assert scenario.seed == 7
    assert f"incidents.json ({acme.sources[0].fingerprint})" in str(scenario.description)
    assert "*=strong; minor and above; minor=0.5" in str(scenario.description)
    scenario.save(tmp_path / "s.yaml")
    again = tg.Scenario.load(tmp_path / "s.yaml")
    assert again == scenario
    trace = tg.Trace(pd.date_range(NINE, TWELVE, periods=500))
    pd.testing.assert_frame_equal(tg.replay(CONFIG, trace, again).calls, tg.replay(CONFIG, trace, scenario).calls)


def test_the_description_names_every_setting(tmp_path: Path) -> None:
    """What changes the faults stands in the description."""
    faults = history(tmp_path, incident()).to_faults(
        {"API": ["a", "b"]}, components=["API"], by="component", titles=True, maintenance=True, start=NINE, end=TWELVE,
        until=TEN, zero_length_s=5,
    )  # fmt: skip
    assert faults.description.endswith(
        ": API=a+b; major and above; only API; impact by component; titles; maintenance; "
        "from 2026-03-02T09:00:00Z; to 2026-03-02T12:00:00Z; until 2026-03-02T10:00:00Z; no length as 5 s"
    )


def test_representations(acme: tg.Incidents, tmp_path: Path) -> None:
    """They count, name the file, list the decisions, and escape what pages wrote."""
    assert repr(acme).startswith(
        "<4 incidents and 1 scheduled maintenance of Acme, 2026-03-02 to 2026-03-02: 1 critical, "
    )
    assert "incidents.json (" in repr(acme)
    found = history(tmp_path, *(incident(f"<b>{n}", name="<script>", end=None) for n in range(8)))
    page = found._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "and 3 more" in page
    assert "8 major; 8 open; incidents.json (" in page
    assert "open;" not in repr(acme)
    faults = found.to_faults({"*": "<i>"})
    assert repr(faults).splitlines()[1] == "kept 8: open: lasts until the end of the trace"
    assert "<i>" not in faults._repr_html_()
    assert faults.decisions.frame["count"].tolist() == [8]


def test_fingerprints(tmp_path: Path) -> None:
    """The same incidents have the same fingerprint; other incidents, another."""
    one, same, other = (history(tmp_path, incident(key)) for key in ("a", "a", "b"))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.sources == same.sources != other.sources


# ---- replays


def arrivals(spans: list[tuple[datetime, datetime]], number: int) -> list[datetime]:
    """Even arrivals over a whole period, and some at each edge and a microsecond to either side."""
    first, last = min(lo for lo, _ in spans) - timedelta(hours=1), max(hi for _, hi in spans) + timedelta(hours=1)
    even = [first + (last - first) / number * n for n in range(number)]
    edges = [at + timedelta(microseconds=n) for span in spans for at in span for n in (-1, 0, 1)]
    return sorted(even + edges)


def assert_fails_inside(spans: list[tuple[datetime, datetime]], scenario: tg.Scenario, number: int, engine: Any) -> int:
    """Compare a replay with intervals, and return how many calls fail."""
    trace = tg.Trace(arrivals(spans, number))
    config = tg.GatewayConfig.model_validate({"deployments": [{"model_name": "strong", "model": "openai/x"}]})
    run = tg.replay(config, trace, scenario, engine=engine)
    expected = [any(lo <= at < hi for lo, hi in spans) for at in arrivals(spans, number)]
    assert (run.calls["outcome"] == "failed").tolist() == expected
    return sum(expected)


@pytest.mark.parametrize("engine", ["compiled", "stepped"])
def test_a_history_fails_the_calls_inside_it(tmp_path: Path, engine: str) -> None:
    """Overlapping, touching and nested incidents fail the calls that arrive inside one, to the microsecond."""
    spans = [(NINE, TEN), ("2026-03-02T09:30Z", ELEVEN), (ELEVEN, TWELVE), ("2026-03-02T11:10Z", "2026-03-02T11:20Z"),
             ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00.000002Z")]  # fmt: skip
    found = history(tmp_path, *(incident(str(n), start=lo, end=hi) for n, (lo, hi) in enumerate(spans)))
    scenario = found.to_faults({"*": "strong"}).scenario()
    inside = [(datetime.fromisoformat(lo), datetime.fromisoformat(hi)) for lo, hi in spans]
    assert assert_fails_inside(inside, scenario, 2_000, engine) > 100


@pytest.fixture(scope="module")
def raw() -> Any:
    return json.loads(REAL.read_text(encoding="utf-8"))["incidents"]


@needs_real
@pytest.mark.parametrize(("engine", "number"), [("compiled", 100_000), ("stepped", 5_000)])
def test_the_real_incidents_fail_the_calls_inside_them(raw: Any, engine: str, number: int) -> None:
    """The 70 real incidents fail exactly the calls that arrive inside them; four have no length in the raw document."""
    spans = [tuple(datetime.fromisoformat(each[name]) for name in ("started_at", "resolved_at")) for each in raw]
    without = [each["id"] for each, (lo, hi) in zip(raw, spans, strict=True) if lo >= hi]
    assert (len(raw), len(without)) == (70, 4)
    faults = tg.read_incidents(REAL).to_faults({"*": "strong"}, min_impact="none")
    assert sorted(*only(faults, "dropped").values()) == sorted(without)
    assert assert_fails_inside([(lo, hi) for lo, hi in spans if lo < hi], faults.scenario(), number, engine) > 80


@needs_real
def test_the_real_incidents_of_an_impact(raw: Any) -> None:
    """Mapped by component and impact, they are those that the raw document has."""
    expected = [
        (datetime.fromisoformat(each["started_at"]), datetime.fromisoformat(each["resolved_at"]))
        for each in raw
        if each["impact"] in ("major", "critical") and any(part["name"] == "Copilot" for part in each["components"])
    ]
    faults = tg.read_incidents(REAL).to_faults({"Copilot": "strong"}, min_impact="major")
    assert sorted((fault.start, fault.end) for fault in faults) == sorted(expected)


@needs_real
def test_the_real_documents_read_whole(raw: Any) -> None:
    """All 70 are in the table, with what was guessed of them; and so are the 103 of openlog."""
    found = tg.read_incidents(REAL, page="GitHub")
    assert sorted(found.frame["id"]) == sorted(each["id"] for each in raw)
    assert found.frame["impact"].value_counts().to_dict() == {"none": 3, "minor": 50, "major": 11, "critical": 6}
    assert sum(map(len, found.frame["components"])) >= sum(len(each["components"]) for each in raw)
    late = [each["id"] for each in raw if each["created_at"][:16] < each["started_at"][:16]]
    assert sorted(
        only(found, "guessed")["posted after the fact: starts at the earliest time that it states"]
    ) == sorted(late)
    logged = json.loads(LOGGED.read_text(encoding="utf-8"))
    both = tg.read_incidents(REAL, LOGGED)
    assert len(both) == 70 + len(logged) == 173
    assert set(both.pages) >= {each["provider"] for each in logged}
