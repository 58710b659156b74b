"""Histories of incidents, as status pages publish them."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.clock import SECOND_US, Instant, from_us, to_us
from timegate.core.columns import ProviderError
from timegate.errors import IncidentError, InvalidTypeError, shown
from timegate.incidents.decisions import Decisions
from timegate.incidents.incident import IMPACTS, KINDS, Incident
from timegate.incidents.mapping import (
    By,
    Effect,
    MappedFault,
    MappedFaults,
    check_impact,
    check_map,
    hit_alone,
    mapped_keys,
    period_us,
    rank,
    select,
    span_us,
)
from timegate.show.html import framed, numbers, paragraph
from timegate.show.text import and_more, counted, duration, period

__all__ = ["Incidents", "Source"]

_LONGEST_S = 30 * 86_400
_MOST_ROWS = 5


class Source(NamedTuple):
    """A file that incidents came from: its name, and a hash of its bytes."""

    file: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.file} ({self.fingerprint})"


class Incidents:
    """A history of incidents, in order of their starts; made by :func:`read_incidents`.

    Two histories add up: ``openai + anthropic``.

    Parameters
    ----------
    incidents : iterable of Incident
    sources : sequence of Source
        The files that they came from.
    decisions : Decisions, optional
        What was decided in reading them, to which this adds.

    Attributes
    ----------
    decisions : Decisions
        What was dropped, guessed, or kept with a reservation, by which rule, how often, and whom it concerned.
        ``decisions.frame`` is a table of it.
    sources : tuple of Source
    """

    def __init__(
        self, incidents: Iterable[Incident], sources: Sequence[Source] = (), decisions: Decisions | None = None
    ) -> None:
        if isinstance(incidents, str | Path) or not hasattr(incidents, "__iter__"):
            way = " Use read_incidents(path)." if isinstance(incidents, str | Path) else ""
            raise InvalidTypeError(f"Incidents are made of records. Got {shown(incidents)}.{way}")
        self.decisions = Decisions() + (decisions or Decisions())
        self.sources = tuple(dict.fromkeys(sources))
        self._incidents = tuple(sorted(self._sound(incidents), key=lambda incident: (incident.start_us, incident.id)))

    def _sound(self, incidents: Iterable[Incident]) -> Iterable[Incident]:
        latest: dict[tuple[str, str], Incident] = {}
        for incident in incidents:
            key = incident.page, incident.id
            if key in latest:
                self.decisions.note("dropped", "given more than once: what was updated last is kept", incident.id)
            if key not in latest or incident.updated_us >= latest[key].updated_us:
                latest[key] = incident
        for incident in latest.values():
            if incident.end_us is not None and incident.end_us < incident.start_us:
                self.decisions.note("dropped", "ends before it starts", incident.id)
            else:
                yield incident

    def __len__(self) -> int:
        return len(self._incidents)

    def __iter__(self) -> Iterator[Incident]:
        """Iterate over the incidents as records."""
        return iter(self._incidents)

    def __add__(self, other: Incidents) -> Self:
        return type(self)((*self, *other), (*self.sources, *other.sources), self.decisions + other.decisions)

    def __repr__(self) -> str:
        return "\n".join([f"<{self._headline}>", *str(self.decisions).splitlines()])

    def _repr_html_(self) -> str:
        first = self.frame.head(_MOST_ROWS)
        first = first.assign(
            start=first["start"].dt.strftime("%Y-%m-%d %H:%M"),
            lasts=["open" if math.isnan(s) else duration(s, "rounded") for s in first["duration_s"]],
            components=first["components"].map(", ".join),
        )
        table = first[["start", "lasts", "kind", "impact", "page", "name", "components"]]
        more = and_more(len(self), _MOST_ROWS)
        return framed(self._headline, numbers(table, index=False), paragraph(more), self.decisions.to_html())

    @property
    def _headline(self) -> str:
        kinds = Counter(incident.kind for incident in self)
        parts = [counted(kinds["incident"], "incident")]
        if kinds["maintenance"]:
            parts.append(counted(kinds["maintenance"], "scheduled maintenance"))
        text = " and ".join(parts)
        if len(self):
            first, last = self.frame["start"].iloc[[0, -1]]
            pages = self.pages if len(self.pages) <= 3 else [counted(len(self.pages), "page")]
            text += f" of {', '.join(pages)}, {period(first, last, '%Y-%m-%d')}"
        impacts = Counter(incident.impact for incident in self if incident.kind == "incident")
        if any(impacts[impact] for impact in IMPACTS):
            text += ": " + ", ".join(f"{impacts[name]} {name}" for name in reversed(IMPACTS) if impacts[name])
        still = sum(incident.end_us is None for incident in self)
        return "; ".join([text, *([f"{still} open"] if still else []), *map(str, self.sources)])

    @property
    def pages(self) -> list[str]:
        """The pages, or providers, that the incidents are of."""
        return sorted({incident.page for incident in self})

    @property
    def components(self) -> list[str]:
        """The components that the incidents name."""
        return sorted({name for incident in self for name in incident.components})

    @property
    def fingerprint(self) -> str:
        """A hash of the incidents."""
        return hashlib.sha256(repr(self._incidents).encode()).hexdigest()[:12]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row an incident, in order of their starts.

        ``id``, ``name``, ``page`` (str): what the page calls it, and the page or provider. ``kind`` (category):
        ``incident`` or ``maintenance``. ``impact`` (ordered category): ``none``, ``minor``, ``major``,
        ``critical``, as published; missing if not known, and for maintenance. ``status`` (str), as published.
        ``start``, ``end`` (datetime64[us, UTC]): ``end`` is NaT while it is open. ``duration_s`` (float64): NaN
        while it is open. ``components`` (tuple of str): those that it names. ``component_impacts`` (tuple): the
        worst impact on each, by the updates, or None if they do not say. ``url`` (str).
        """
        frame = pd.DataFrame(self._incidents, columns=list(Incident._fields))
        for name in ("start", "end"):
            times = [None if at_us is None or at_us != at_us else int(at_us) for at_us in frame.pop(f"{name}_us")]
            frame[name] = pd.DatetimeIndex(np.array(times, "datetime64[us]")).tz_localize("UTC")
        frame["duration_s"] = (frame["end"] - frame["start"]).dt.total_seconds()
        frame["kind"] = pd.Categorical(frame["kind"], categories=list(KINDS))
        frame["impact"] = pd.Categorical(frame["impact"], categories=list(IMPACTS), ordered=True)
        return frame[
            ["id", "name", "page", "kind", "impact", "status", "start", "end", "duration_s", "components",
             "component_impacts", "url"]
        ]  # fmt: skip

    def select(
        self,
        *,
        min_impact: str = "none",
        components: Sequence[str] | None = None,
        pages: Sequence[str] | None = None,
        by: By = "incident",
        titles: bool = False,
        maintenance: bool = True,
        start: Instant | None = None,
        end: Instant | None = None,
    ) -> Incidents:
        """Return a part of the history; its decisions say what was dropped.

        Parameters
        ----------
        min_impact : str
            The least impact that counts: ``none``, ``minor``, ``major``, ``critical``. Above ``none``, an impact
            that is not known does not count. It does not concern maintenance.
        components : sequence of str, optional
            Those of which an incident must name one.
        pages : sequence of str, optional
            Those that an incident must be of.
        by : str
            ``"incident"``: its impact is the one that the page published. ``"component"``: it is the worst that
            its updates say of ``components``, where they say something (``degraded_performance`` is minor,
            ``partial_outage`` major, ``major_outage`` critical), and it lasts from when to when those were affected.
        titles : bool
            Whether an incident that names no component is taken to concern those that stand in its name.
        maintenance : bool
            Whether scheduled maintenance counts.
        start, end : datetime or str, optional
            A period, ``end`` excluded, which an incident must touch; it keeps its whole length. Default: it does not
            begin, or end.

        Raises
        ------
        IncidentError
            If an impact, a component or a page is not known, or ``end`` is not after ``start``.
        InstantError
            If a time is naive, or is none.

        Examples
        --------
        >>> from timegate.incidents.incident import Incident
        >>> hour_us = 3_600_000_000
        >>> history = Incidents(
        ...     Incident(str(i), "", "openai", "incident", impact, "resolved", i * hour_us, (i + 1) * hour_us)
        ...     for i, impact in enumerate(("minor", "major", "critical"))
        ... )
        >>> history.select(min_impact="major").frame["impact"].tolist()
        ['major', 'critical']
        """
        decisions = Decisions()
        part = select(
            self._incidents, decisions, min_impact=min_impact, components=components, pages=pages,
            by=by, titles=titles, maintenance=maintenance, period=period_us(start, end),
        )  # fmt: skip
        return Incidents(part, self.sources, self.decisions + decisions)

    def to_faults(
        self,
        map: Mapping[str, str | Sequence[str]],  # noqa: A002 - reads best: to_faults(map={"Copilot": "strong"})
        *,
        min_impact: str | None = None,
        components: Sequence[str] | None = None,
        error_rates: Mapping[str, float] | None = None,
        by: By = "incident",
        titles: bool = False,
        maintenance: bool = False,
        start: Instant | None = None,
        end: Instant | None = None,
        until: Instant | None = None,
        zero_length_s: float = 0.0,
        error: ProviderError = "server_error",
        after_s: float = 0.0,
        config: GatewayConfig | None = None,
    ) -> MappedFaults:
        """Return the incidents as faults, ready for ``Scenario(faults=...)``.

        Parameters
        ----------
        map : mapping of str to str, or to several
            Whose incidents befall which target (a deployment, ``"provider:openai"``, or a group). A key is the
            name of a component or of a page; upper and lower case are the same. ``"*"`` takes the incidents that
            no other key takes.
        min_impact : str, optional
            The least impact that counts. Default: ``major``, or the least of ``error_rates`` if that is less.
        components : sequence of str, optional
            Those of which an incident must name one.
        error_rates : mapping of str to float, optional
            Impacts that make only this share of the attempts fail: a ``Brownout`` (an
            ``ErrorRate`` while the incident is open) in place of an ``Outage``, as in ``{"minor": 0.1}``.
        by : str
            ``"incident"``: the impact is the one that the page published. ``"component"``: the worst that the
            updates say of ``components``, or else of the component that each key of ``map`` names (for a page, of all
            of its components); and the times are those at which that was affected.
        titles : bool
            Whether an incident that names no component is taken to concern those that stand in its name.
        maintenance : bool
            Whether scheduled maintenance becomes an ``Outage`` too, whatever its impact.
        start, end : datetime or str, optional
            The period that an incident must touch, as in :meth:`select`.
        until : datetime or str, optional
            When incidents end that are open. Default: never, so that they last until the end of the trace.
        zero_length_s : float
            How long an incident is taken to last whose start and end are the same, for its true times stand in
            prose. Default: it is dropped.
        error : str
            The kind of error that callers see.
        after_s : float
            How long an attempt takes to fail.
        config : GatewayConfig, optional
            Checks at once that the targets are deployments or providers of it.

        Returns
        -------
        MappedFaults
            A list of faults in order of their starts, whose ``decisions`` say what was dropped or guessed.

        Raises
        ------
        IncidentError
            If the map, a component or an impact is not known, or ``end`` is not after ``start``.
        InstantError
            If a time is naive, or is none.
        ScenarioError
            If a fault breaks a rule, or a target is not in ``config``.
        """
        if not isinstance(error_rates, Mapping | None):
            raise IncidentError(f"error_rates must be a mapping like {{'minor': 0.1}}. Got {shown(error_rates)}.")
        rates = dict(error_rates or {})
        for impact in rates:
            check_impact(impact, "a key of error_rates")
        least = min([min_impact or "major", *([] if min_impact else rates)], key=rank)
        unused = [impact for impact in rates if rank(impact) < rank(least)]
        if unused:
            raise IncidentError(f"error_rates[{unused[0]!r}] has no use: min_impact={least!r} drops such incidents.")
        if not (isinstance(zero_length_s, int | float) and 0 <= zero_length_s <= _LONGEST_S):  # type: ignore[redundant-expr]
            raise IncidentError(f"zero_length_s must be seconds, 0 to {_LONGEST_S:,}. Got {shown(zero_length_s)}.")
        period = period_us(start, end)
        until_us = None if until is None else to_us(until, "until")
        by_key = check_map(map, self._incidents, titles, config)
        known = {name.casefold() for name in self.components}
        named = [key for key in by_key if titles or key.casefold() in known]
        by_key_alone = by == "component" and not components and bool(named)  # a map of many is all of its keys alone
        decisions = Decisions() + self.decisions
        counting = select(
            self._incidents, decisions, min_impact=IMPACTS[0] if by_key_alone else least, components=components,
            by="incident" if by_key_alone else by, judged_by=None if by_key_alone else components or named,
            titles=titles, maintenance=maintenance, period=period,
        )  # fmt: skip
        effect, zero_us, newest_us = Effect(rates, error, after_s), round(zero_length_s * SECOND_US), self._newest_us
        faults: dict[str, MappedFault] = {}
        for incident in counting:
            keys = mapped_keys(incident, by_key, titles, decisions)
            if by_key_alone and incident.kind != "maintenance":
                hit = hit_alone(incident, keys, by_key, named, least, decisions)
            else:
                hit = {target: incident for key in keys for target in by_key[key]}
            spans: dict[Incident, tuple[int, int | None] | None] = {}
            for target, judged in hit.items():
                if judged not in spans:
                    spans[judged] = span_us(judged, until_us, zero_us, newest_us, decisions)
                span = spans[judged]
                if span is None:
                    continue
                name = f"{incident.id}:{target}"
                if name in faults:  # two pages may use the same id
                    name = f"{incident.page}/{name}"
                faults[name] = effect.fault(judged, name, target, *span)
        asked = [", ".join(f"{key}={'+'.join(targets)}" for key, targets in by_key.items()), f"{least} and above"]
        asked += [f"{impact}={rate:g}" for impact, rate in rates.items()]
        asked += [f"only {', '.join(components)}"] if components else []
        asked += ["impact by component"] if by == "component" else []
        asked += [name for name, wanted in (("titles", titles), ("maintenance", maintenance)) if wanted]
        times = ("from", period[0]), ("to", period[1]), ("until", until_us)
        asked += [f"{name} {from_us(at_us):%Y-%m-%dT%H:%M:%SZ}" for name, at_us in times if at_us is not None]
        asked += [f"no length as {duration(zero_length_s, 'exact')}"] if zero_length_s else []
        made = f"{counted(len(faults), 'fault')} from {self._source}: {'; '.join(asked)}"
        return MappedFaults(list(faults.values()), decisions, made)

    @property
    def _newest_us(self) -> int:
        """The last instant that the history knows of."""
        return max((max(i.start_us, i.end_us or 0, i.updated_us) for i in self), default=0)

    @property
    def _source(self) -> str:
        files = ", ".join(map(str, self.sources)) if self.sources else self.fingerprint
        return f"{counted(len(self), 'incident')} in {files}"
