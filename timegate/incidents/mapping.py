"""From incidents to faults: which of them count, whom they befall, and as what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from timegate.config import GatewayConfig
from timegate.core.clock import DAY_US, MINUTE_US, SECOND_US, Instant, from_us, to_us
from timegate.core.columns import ProviderError
from timegate.core.targets import Targets, is_group
from timegate.errors import IncidentError, ScenarioError, did_you_mean, shown
from timegate.faults.kinds import Brownout, ErrorRate, Outage
from timegate.faults.scenario import Scenario
from timegate.incidents.decisions import Decisions
from timegate.incidents.incident import IMPACTS, Incident
from timegate.show.html import framed
from timegate.show.text import duration

__all__ = [
    "ANY",
    "By",
    "Effect",
    "MappedFault",
    "MappedFaults",
    "Period",
    "check_impact",
    "check_map",
    "hit_alone",
    "judge",
    "mapped_keys",
    "period_us",
    "rank",
    "select",
    "span_us",
]

By = Literal["incident", "component"]
MappedFault = Outage | Brownout | ErrorRate
Period = tuple[int | None, int | None]
"""From when to when, in microseconds; None where it does not begin or end."""
WELL_RULE = "by component: ends when those were operational again, before the page closed it"
LONG_RULE = "lasts until the page closed it, though its components were operational before: by component it is shorter"
LONG_OPEN_US = 30 * DAY_US
"""How long an incident is open, by the rest of its history, before its fault says since when."""
ANY = "*"
"""The key of a map that takes what no other key does."""


class MappedFaults(list[MappedFault]):
    """Faults made of incidents: a list, ready for ``Scenario(faults=...)``; made by ``incidents.to_faults``.

    Attributes
    ----------
    decisions : Decisions
        What was dropped or guessed on the way, reading included. ``decisions.frame`` is a table of it.
    description : str
        Says which file they come from, its fingerprint, and how they were made.
    """

    def __init__(self, faults: Sequence[MappedFault], decisions: Decisions, description: str) -> None:
        super().__init__(faults)
        self.decisions = decisions
        self.description = description

    def __repr__(self) -> str:
        return "\n".join([f"<{self.description}>", *str(self.decisions).splitlines()])

    def _repr_html_(self) -> str:
        return framed(self.description, self.decisions.to_html())

    def scenario(self, seed: int = 0, groups: Mapping[str, Sequence[str]] | None = None) -> Scenario:
        """Return a scenario of these faults, whose description says where they come from.

        Parameters
        ----------
        seed, groups
            Of the scenario.
        """
        return Scenario.model_validate(
            {"faults": list(self), "seed": seed, "groups": dict(groups or {}), "description": self.description}
        )


def select(
    incidents: Sequence[Incident],
    decisions: Decisions,
    *,
    min_impact: str,
    components: Sequence[str] | None,
    pages: Sequence[str] | None = None,
    by: By = "incident",
    judged_by: Sequence[str] | None = None,
    titles: bool = False,
    maintenance: bool = True,
    period: Period = (None, None),
) -> list[Incident]:
    """Return the incidents that count; ``Incidents.select`` says which.

    ``judged_by`` names the components whose impact counts, if not ``components``.
    """
    check_impact(min_impact, "min_impact")
    if by not in ("incident", "component"):
        raise IncidentError(f"by must be 'incident' or 'component'. Got {shown(by)}.")
    if by == "component" and not (components or judged_by):
        raise IncidentError("by='component' needs components: the names of those whose impact counts.")
    known = sorted({name for incident in incidents for name in incident.components})
    _check_names("components", components, known, incidents, titles)
    _check_names("pages", pages, sorted({incident.page for incident in incidents}), incidents, False)
    wanted_pages = None if pages is None else set(map(str.casefold, pages))
    counting = []
    for incident in incidents:
        named = None if components is None else _concerned(incident, components, titles)
        if wanted_pages is not None and incident.page.casefold() not in wanted_pages:
            rule = "of a page that is not wanted"
        elif not _touches(incident, period):
            rule = "outside of the period that is wanted"
        elif named is not None and not named:
            rule = "names none of the components that are wanted" if incident.components else "names no component"
        elif incident.kind == "maintenance":
            rule = "scheduled maintenance" if not maintenance else ""
        else:
            judged = named if judged_by is None else _concerned(incident, judged_by, titles)
            incident = judge(incident, judged or (), by, decisions)
            rule = _too_little(incident, min_impact)
        if rule:
            decisions.note("dropped", rule, incident.id)
            continue
        if named and not incident.components:
            decisions.note("guessed", "names no component: taken from its title", incident.id)
        counting.append(incident)
    return counting


def period_us(start: Instant | None, end: Instant | None) -> Period:
    """Read the ends of a period, either of which may be left out."""
    first_us, last_us = (None if at is None else to_us(at, name) for at, name in ((start, "start"), (end, "end")))
    if first_us is not None and last_us is not None and first_us >= last_us:
        raise IncidentError(f"end must lie after start. Got {start} to {end}.")
    return first_us, last_us


def _touches(incident: Incident, period: Period) -> bool:
    """Tell whether any of an incident lies in the period; one without a length is an instant."""
    first_us, last_us = period
    if last_us is not None and incident.start_us >= last_us:
        return False
    return first_us is None or incident.end_us is None or max(incident.end_us, incident.start_us + 1) > first_us


def rank(impact: str) -> int:
    """Return the place of an impact in the order from the least to the worst."""
    return IMPACTS.index(impact) if impact in IMPACTS else -1


def check_impact(impact: str, name: str) -> None:
    """Raise an error that names the nearest impact, if one is not known."""
    if impact not in IMPACTS:
        raise IncidentError(f"{name} must be one of {', '.join(IMPACTS)}. Got {shown(impact)}."
                            f"{did_you_mean(impact, IMPACTS)}")  # fmt: skip


def _check_names(
    field: str, names: Sequence[str] | None, known: Collection[str], incidents: Sequence[Incident], titles: bool
) -> None:
    if names is None:
        return
    if isinstance(names, str) or not names:
        raise IncidentError(f"{field} must be a list of names. Got {shown(names)}.")
    lower = {name.casefold() for name in known}
    for name in names:
        in_a_title = titles and any(_stands_in(str(name), incident.name) for incident in incidents)
        if incidents and str(name).casefold() not in lower and not in_a_title:
            raise IncidentError(f"{field}: no incident has {shown(name)}.{did_you_mean(name, known)}")


def check_map(
    targets: Mapping[str, str | Sequence[str]],
    incidents: Sequence[Incident],
    titles: bool,
    config: GatewayConfig | None,
) -> dict[str, tuple[str, ...]]:
    """Return the targets of each key of a map, or raise an error that names what is wrong with it."""
    if not (isinstance(targets, Mapping) and targets):  # type: ignore[redundant-expr]
        raise IncidentError(f"map must be a mapping like {{'API': 'strong'}}. Got {shown(targets)}.")
    known = sorted({name for incident in incidents for name in (incident.page, *incident.components)})
    _check_names("map", [key for key in targets if key != ANY] or None, known, incidents, titles)
    by_key = {}
    for key, hit in targets.items():
        hits = (hit,) if isinstance(hit, str) else hit
        if not isinstance(hits, list | tuple) or not hits or not all(isinstance(each, str) and each for each in hits):
            raise IncidentError(f"map[{key!r}] must name a deployment, or several. Got {shown(hit)}.")
        if config is not None:
            _check_targets(key, hits, config)
        by_key[key] = tuple(hits)
    return by_key


def _check_targets(key: str, targets: Sequence[str], config: GatewayConfig) -> None:
    known = Targets(config.deployments)
    for target in targets:
        if target not in known and not is_group(target):  # groups are the scenario's to know
            hint = known.hint(target)
            raise ScenarioError(f"map[{key!r}]: {target!r} is not a deployment or provider of the config.{hint}")


def _stands_in(name: str, title: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", title, re.IGNORECASE) is not None


def _concerned(incident: Incident, names: Sequence[str], titles: bool) -> list[str]:
    """Return those of the names that are components of an incident, or stand in its title if it names none."""
    if incident.components or not titles:
        own = {name.casefold() for name in incident.components}
        return [name for name in names if name.casefold() in own]
    return [name for name in names if _stands_in(name, incident.name)]


def judge(incident: Incident, named: Sequence[str], by: By, decisions: Decisions) -> Incident:
    """Return the incident with the impact that counts; by component, for the time that those were affected, too."""
    wanted = {name.casefold() for name in named}
    spans = incident.component_spans or [(incident.start_us, None)] * len(incident.components)
    affected = [
        (impact, start_us, end_us)
        for name, impact, (start_us, end_us) in zip(
            incident.components, incident.component_impacts, spans, strict=False
        )
        if impact is not None and name.casefold() in wanted  # a CSV states none
    ]
    worst = max((impact for impact, _, _ in affected), key=rank, default=None)
    down = [(start_us, end_us) for impact, start_us, end_us in affected if impact != "none"] if worst else []
    ends = [end_us for _, end_us in down if end_us is not None]
    end_us = max(ends) if down and len(ends) == len(down) else incident.end_us
    is_over = end_us is not None and (incident.end_us is None or incident.end_us - end_us > MINUTE_US)
    if by == "component" and worst is not None:
        if is_over:
            decisions.note("guessed", WELL_RULE, incident.id)
        start_us = min((start_us for start_us, _ in down), default=incident.start_us)
        return incident._replace(impact=worst, start_us=start_us, end_us=end_us if is_over else incident.end_us)
    if by == "component":
        decisions.note("guessed", "states no impact on the components: judged by its own", incident.id)
        return incident
    if worst is not None and worst != incident.impact:
        decisions.note("kept", "judged by its own impact, from which that on its components differs", incident.id)
    if is_over:
        decisions.note("kept", LONG_RULE, incident.id)
    return incident


def _too_little(incident: Incident, min_impact: str) -> str:
    if incident.impact is None:
        return f"impact not known to be {min_impact}" if min_impact != IMPACTS[0] else ""
    return f"impact below {min_impact}" if rank(incident.impact) < rank(min_impact) else ""


def mapped_keys(
    incident: Incident, by_key: Mapping[str, Sequence[str]], titles: bool, decisions: Decisions
) -> list[str]:
    """Return the keys of a map that an incident concerns; note it if there is none."""
    keys = _concerned(incident, [key for key in by_key if key != ANY], titles)
    if keys and not incident.components:
        decisions.note("guessed", "names no component: taken from its title", incident.id)
    keys += [key for key in by_key if key.casefold() == incident.page.casefold() and key not in keys]
    if not keys and ANY in by_key:
        keys = [ANY]
    if not keys:
        decisions.note("dropped", _why_unmapped(incident, by_key), incident.id)
    return keys


def hit_alone(
    incident: Incident,
    keys: Sequence[str],
    by_key: Mapping[str, Sequence[str]],
    named: Collection[str],
    min_impact: str,
    decisions: Decisions,
) -> dict[str, Incident]:
    """Return whom an incident befalls, each with the incident as it was for the components of their keys.

    A key that names a component is judged by that component alone, whatever else the map holds; any other, such as a
    page, by all that the incident names.
    """
    hit: dict[str, Incident] = {}
    rules = []
    for key in keys:
        judged = judge(incident, [key] if key in named else incident.components, "component", decisions)
        if rule := _too_little(judged, min_impact):
            rules.append(rule)
            continue
        for target in by_key[key]:
            hit[target] = _both(hit.get(target, judged), judged)
    if rules and not hit:
        decisions.note("dropped", rules[0], incident.id)
    return hit


def _both(one: Incident, other: Incident) -> Incident:
    """Return the incident for somebody whom it befalls in two ways: the worse of them, for the time of both."""
    ends = (one.end_us, other.end_us)
    return one._replace(
        impact=max((one.impact, other.impact), key=lambda impact: rank(impact or "")),
        start_us=min(one.start_us, other.start_us),
        end_us=None if None in ends else max(end for end in ends if end is not None),
    )


def _why_unmapped(incident: Incident, keys: Collection[str]) -> str:
    if incident.components:
        return "neither its components nor its page are in the map"
    if any(_stands_in(key, incident.name) for key in keys):
        return "names no component, though its title does"
    return "names no component, and its page is not in the map"


def span_us(
    incident: Incident, until_us: int | None, zero_length_us: int, newest_us: int, decisions: Decisions
) -> tuple[int, int | None] | None:
    """Return when an incident starts and ends as a fault, or nothing if it is dropped."""
    start_us, end_us = incident.start_us, incident.end_us
    if end_us is None:
        if until_us is None:
            is_old = newest_us - start_us > LONG_OPEN_US
            since = f"open since {from_us(start_us):%Y-%m-%d}, as its history has it" if is_old else "open"
            decisions.note("kept", f"{since}: lasts until the end of the trace", incident.id)
            return start_us, None
        if start_us >= until_us:
            decisions.note("dropped", "open, and starts no earlier than until", incident.id)
            return None
        decisions.note("guessed", "open: ends at until", incident.id)
        end_us = until_us
    if end_us == start_us:
        if not zero_length_us:
            decisions.note("dropped", "has no length: its true times stand in prose, if anywhere", incident.id)
            return None
        length = duration(zero_length_us / SECOND_US, "exact")
        decisions.note("guessed", f"has no length: taken to last {length}", incident.id)
        end_us = start_us + zero_length_us
    return start_us, end_us


class Effect(NamedTuple):
    """What incidents do to the attempts on their targets."""

    error_rates: Mapping[str, float]
    error: ProviderError
    after_s: float

    def fault(self, incident: Incident, name: str, target: str, start_us: int, end_us: int | None) -> MappedFault:
        """Return the fault that an incident is: an outage, or a share of failures if its impact has an error rate."""
        start, end = from_us(start_us), None if end_us is None else from_us(end_us)
        rate = self.error_rates.get(incident.impact or "")
        if rate is None:
            return Outage(target=target, name=name, start=start, end=end, error=self.error, after_s=self.after_s)
        if end is None:  # a brownout has an end
            return ErrorRate(target=target, name=name, start=start, rate=rate, error=self.error, after_s=self.after_s)
        return Brownout(
            target=target, name=name, start=start, end=end, error_rate=rate, error=self.error, after_s=self.after_s
        )
