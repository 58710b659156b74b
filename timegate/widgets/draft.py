"""The schedule as the page of the editor holds it: plain data that may be wrong, read here into values that are not.

A draft is ``{"author", "revision", "windows", "deployments", "faults"}``. Its deployments are those of a config with
one key more, ``off``: a deployment that is switched off keeps its place and is left out of the config. Its windows are
mappings; one that ``windows`` defines says its ``name``, and is what the definition says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from timegate.config import GatewayConfig
from timegate.config.named_windows import by_name
from timegate.core.deployment import LISTS, Deployment
from timegate.core.holidays import check_calendar
from timegate.core.targets import Targets
from timegate.core.windows import Window
from timegate.core.zones import check_zone
from timegate.errors import ConfigError, InputError, TimegateError
from timegate.faults import Scenario
from timegate.problems import Place
from timegate.review.findings import Finding

__all__ = [
    "KERNEL",
    "Draft",
    "PageProblem",
    "Reading",
    "calendars_of",
    "change_of",
    "findings_of",
    "message_of",
    "place_of",
    "problems_of",
    "read_draft",
    "rows_of",
    "write_draft",
    "zones_of",
]

KERNEL = "kernel"
_ITEM = re.compile(r"(time_constraints|available)\[(\d+)\]")
Draft = dict[str, Any]
PageProblem = dict[str, Any]
"""``text``, and the place that it concerns where one is known: ``row``, ``kind`` and ``index``, or ``fault``."""


class Reading(NamedTuple):
    """What a draft says.

    Attributes
    ----------
    config : GatewayConfig
        Without the deployments that are switched off.
    scenario : Scenario
        With all of its faults.
    acting : Scenario
        Without the faults whose targets are all switched off: a replay takes them for mistakes.
    """

    config: GatewayConfig
    scenario: Scenario
    acting: Scenario


def write_draft(config: GatewayConfig, scenario: Scenario, revision: int, before: Draft | None = None) -> Draft:
    """Return the draft of a config and a scenario; those that were off before stay so, at their place."""
    named = {window: name for name, window in config.windows.items()}
    plain = [deployment.model_dump(mode="json") for deployment in config.deployments]
    by_name(config.windows, config.deployments, {"deployments": plain})  # bands of prices list windows, too
    deployments = [
        {**fields, **_lists(deployment, named), "off": False}
        for fields, deployment in zip(plain, config.deployments, strict=True)
    ]
    names = {deployment["model_name"] for deployment in deployments}
    for row, deployment in enumerate(before["deployments"] if before else []):
        if deployment.get("off") and deployment["model_name"] not in names:
            deployments.insert(row, deployment)
    faults = scenario.to_dict()["faults"]
    windows = {name: _mapping(window) for name, window in config.windows.items()}
    return {"author": KERNEL, "revision": revision, "windows": windows, "deployments": deployments, "faults": faults}


def _lists(deployment: Deployment, named: Mapping[Window, str]) -> dict[str, list[dict[str, Any]]]:
    return {
        kind: [
            _mapping(window) | ({"name": named[window]} if window in named else {})
            for window in getattr(deployment, kind)
        ]
        for kind in LISTS
    }


def _mapping(window: Window) -> dict[str, Any]:
    plain = window.to_config()
    return dict(zip(("start", "end"), plain, strict=True)) if isinstance(plain, list) else plain


def read_draft(draft: Draft, config: GatewayConfig, scenario: Scenario) -> Reading:
    """Read a draft.

    Parameters
    ----------
    draft : dict
    config, scenario : GatewayConfig, Scenario
        They give what a draft does not hold.

    Raises
    ------
    ConfigError, ScenarioError
        If a value breaks a rule.
    """
    if len(rows_of(draft)) != len(draft["deployments"]):
        raise ConfigError("deployments must be a list of mappings.")
    on = [_by_name(row) for row in rows_of(draft) if not row.get("off")]
    if not on:
        raise ConfigError("At least one deployment must stay switched on.")
    edited = GatewayConfig.model_validate({**config.to_dict(), "windows": draft.get("windows", {}), "deployments": on})
    edited.keep_comments_of(config)
    scenario = Scenario.model_validate({**scenario.to_dict(), "faults": draft["faults"]})
    off = [row for row in rows_of(draft) if row.get("off")]
    return Reading(edited, scenario, _acting(scenario, on, off) if off else scenario)


def _by_name(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as configs write it, with the names of windows that have one."""
    lists = {
        kind: [window.get("name", window) if isinstance(window, dict) else window for window in windows]
        for kind in LISTS
        if isinstance(windows := row.get(kind), list)
    }
    return {key: value for key, value in {**row, **lists}.items() if key != "off"}


def _acting(scenario: Scenario, on: list[dict[str, Any]], off: list[dict[str, Any]]) -> Scenario:
    there, gone = (Targets(Deployment.of(row["model_name"], row["model"].partition("/")[0]) for row in rows)
                   for rows in (on, off))  # fmt: skip
    return scenario.without(set(gone) - set(there))


def rows_of(draft: Draft) -> list[dict[str, Any]]:
    """Return the deployments of a draft, whatever else it may be."""
    rows = draft.get("deployments")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def zones_of(draft: Draft) -> set[str]:
    """Return the zones of a draft's windows, those of deployments that are off too, as far as they exist."""
    return set(_read(draft, "tz", "UTC", check_zone))


def calendars_of(draft: Draft) -> set[str]:
    """Return the calendars of holidays that a draft's windows name, as far as they exist."""
    return set(_read(draft, "holidays", None, check_calendar))


def _read(draft: Draft, field: str, default: str | None, read: Callable[[str], str]) -> Iterator[str]:
    """Read what a field of a draft's windows names; what is no name is a problem of the draft, and shown as one."""
    for row in rows_of(draft):
        for window in (*row.get("time_constraints", ()), *row.get("available", ())):
            with suppress(TimegateError, AttributeError):
                if isinstance(name := window.get(field, default), str):
                    yield read(name)


def change_of(draft: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return what tells a draft from others."""
    return draft.get("author"), draft.get("revision")


def message_of(error: BaseException) -> str:
    """Return what an error says to who looks at the page."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}."
    return str(error) if isinstance(error, TimegateError) else f"{type(error).__name__}: {error}"


def problems_of(error: InputError, draft: Draft) -> list[PageProblem]:
    """Return the problems of a draft with the places in it that they concern."""
    return [{"text": str(problem), **place_of(problem.place, rows_of(draft))} for problem in error.problems]


def findings_of(draft: Draft, findings: Iterable[Finding]) -> list[PageProblem]:
    """Return what a check found, with the places in a draft, and windows numbered as the page does."""
    rows = [row.get("model_name") for row in rows_of(draft)]
    return [
        {
            "severity": finding.severity,
            "code": finding.code,
            "text": _ITEM.sub(_numbered, finding.message),
            "fix": _ITEM.sub(_numbered, finding.fix),
            "row": rows.index(finding.deployment) if finding.deployment in rows else None,
            "kind": finding.field,
            "index": finding.index,
        }
        for finding in findings
    ]


def _numbered(item: re.Match[str]) -> str:
    """Write a window as the page does, which counts from 1."""
    return f"{'window' if item[1] == 'time_constraints' else 'available window'} {int(item[2]) + 1}"


def place_of(place: Place, deployments: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the place in a draft that a place in its config or scenario stands for.

    Examples
    --------
    >>> place_of(("deployments", 0, "available", 1, "tz"), [{"off": True}, {"off": False}])
    {'row': 1, 'kind': 'available', 'index': 1, 'field': 'tz'}
    """
    rows = [row for row, deployment in enumerate(deployments) if not deployment.get("off")]
    match place:
        case ("windows", str(name), *rest):  # shown where it first stands
            for row in rows:
                for kind in LISTS:
                    for index, window in enumerate(deployments[row].get(kind, ())):
                        if isinstance(window, dict) and window.get("name") == name:
                            return {"row": row, "kind": kind, "index": index, "field": rest[0] if rest else ""}
        case ("deployments", int(i), str(kind), int(index), *rest) if i < len(rows) and kind in LISTS:
            return {"row": rows[i], "kind": kind, "index": index, "field": rest[0] if rest else ""}
        case ("deployments", int(i), *_) if i < len(rows):
            return {"row": rows[i]}
        case ("faults", int(i), *rest):
            return {"fault": i, "field": rest[0] if rest else ""}
    return {}
