"""What :func:`timegate.check` finds: records with stable codes, and the table that holds them."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from html import escape
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from timegate.core.clock import SECOND_US, from_us
from timegate.core.spans import Spans
from timegate.errors import InvalidValueError, did_you_mean, shown
from timegate.problems import Place, written
from timegate.show.html import Markup, framed, table
from timegate.show.text import and_more, counted, iso

__all__ = ["CODES", "Code", "Finding", "Findings", "Severity"]

Severity = Literal["error", "warning", "info"]
_SEVERITIES: tuple[str, ...] = get_args(Severity)  # the worst first
MOST_ROWS = 60


class Code(NamedTuple):
    """What a code means, and how bad it is."""

    severity: Severity
    meaning: str


CODES: dict[str, Code] = {
    # when somebody is open
    "TG101": Code("error", "no deployment is open"),
    "TG102": Code("info", "no deployment is open for the single instant at which two windows meet"),
    "TG103": Code("warning", "only one deployment is open, so that no call can fall back"),
    "TG104": Code("warning", "a deployment is never open, so that no call can reach it"),
    "TG105": Code("warning", "there is only one deployment"),
    # providers
    "TG201": Code("warning", "all deployments lie behind one provider"),
    "TG202": Code("info", "at times, all open deployments lie behind one provider"),
    "TG601": Code("info", "nobody serves the provider of a deployment, so that it cannot be built here"),
    "TG602": Code("info", "the environment variable of a key or an address is not set here"),
    "TG603": Code("warning", "no model can be built with the parameters of a deployment"),
    # windows
    "TG301": Code("warning", "a window is a single instant, for its start is its end"),
    "TG302": Code("warning", "a window ends a minute before the next begins, and leaves 59.999999 s between them"),
    "TG303": Code("warning", "a window lies within another one of its list, and adds nothing"),
    "TG304": Code("info", "a window overlaps another one of its list"),
    "TG305": Code("warning", "a window never applies: no date is left on which it starts"),
    "TG306": Code("warning", "a window's last date is past"),
    "TG307": Code("info", "a window does not apply within the time looked at"),
    "TG308": Code("info", "a date is excepted on which the window would not start anyway"),
    "TG309": Code("warning", "a window changes nothing, for the deployment's other list overrules it"),
    "TG310": Code("info", "a window starts on two weekdays, and not on those between"),
    "TG311": Code("info", "the weekdays of a window run across the end of the week"),
    "TG312": Code("info", "the holidays that a window knows are an estimate"),
    "TG313": Code("warning", "a window lasts until it has started again"),
    "TG314": Code("info", "a window of workdays leaves out weekend days that its country works"),
    # daylight saving
    "TG401": Code("warning", "a window is skipped, for the clocks skip all of it"),
    "TG402": Code("warning", "a window is cut or happens twice, for the clocks change at one of its ends"),
    "TG403": Code("info", "a window is longer or shorter, for the clocks change within it"),
    "TG404": Code("warning", "a zone's clocks never change, though its name is that of places where they do"),
    # the text of the file
    "TG501": Code("warning", "a time is not quoted, and a reader of YAML 1.1 takes it for a number"),
    "TG502": Code("warning", "a text is not quoted, and a reader of YAML 1.1 takes it for something else"),
    # policies and order
    "TG701": Code("info", "a silent provider holds a call for ten minutes or longer"),
    "TG702": Code("warning", "a timeout is longer than the deadline of a call"),
    "TG703": Code("warning", "retries are described, and there are none"),
    "TG704": Code("warning", "a weight orders nobody, for no other deployment has the same priority"),
    "TG705": Code("warning", "the weights of all deployments of a priority are 0"),
    "TG706": Code("warning", "a field of a policy changes nothing"),
    "TG707": Code("info", "a deployment may close while retries on it go on"),
    "TG708": Code("warning", "a window of prefer_during never applies while its deployment is open"),
    # prices
    "TG801": Code("warning", "a band of a price never holds in the time looked at"),
    "TG802": Code("warning", "bands of a price overlap, and the last of them counts"),
    "TG803": Code("warning", "a minute or less is left between bands of a price"),
    "TG804": Code("warning", "a price is taken from a book that does not know the model"),
    "TG805": Code("warning", "a price is that of before a change that a book tells of"),
    "TG806": Code("warning", "a price is that of another provider, for a book has none of the one that is named"),
}
"""Every code of :func:`timegate.check`, with its severity and meaning. Codes keep their meaning for ever."""

_NO_SPANS: Spans = np.empty((0, 2), np.int64)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a config that its owner should know.

    Attributes
    ----------
    code : str
        A key of :data:`CODES`.
    place : str
        Where, as error messages write it: ``"deployments[0] 'weak': time_constraints[1]"``.
    message, fix : str
        What was found, and how to mend it, a sentence each.
    deployment : str or None
        The name of the deployment; None if the finding is about the whole config.
    field : {"time_constraints", "available"} or None
        The list of windows.
    index : int or None
        The window in that list.
    line, column : int or None
        Where in the file, from 1; only for findings about its text.
    spans_us : ndarray of int64, shape (n, 2)
        The stretches of time that it is about: half-open, in microseconds, sorted.
    """

    code: str
    place: str
    message: str
    fix: str
    deployment: str | None = None
    field: str | None = None
    index: int | None = None
    line: int | None = None
    column: int | None = None
    spans_us: Spans = dataclasses.field(default_factory=_NO_SPANS.copy, repr=False, compare=False)

    @classmethod
    def of_deployment(
        cls, code: str, place: Place, name: str, message: str, fix: str, spans_us: Spans | None = None
    ) -> Finding:
        """Return what was found about a deployment; ``place`` leads to it from the list of them.

        Examples
        --------
        >>> Finding.of_deployment("TG805", (0, "price"), "weak", "It is old.", "Write the new one.").place
        "deployments[0] 'weak': price"
        """
        where = written(("deployments", *place), repr(name))
        return cls(code, where, message, fix, name, spans_us=_NO_SPANS.copy() if spans_us is None else spans_us)

    @property
    def severity(self) -> Severity:
        """One of ``"error"``, ``"warning"``, ``"info"``; each code has one."""
        return CODES[self.code].severity

    @property
    def spans(self) -> list[tuple[datetime, datetime]]:
        """The stretches of time as pairs of instants in UTC, each up to but without the second."""
        return [(from_us(lo), from_us(hi)) for lo, hi in self.spans_us.tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data; stretches as pairs of ISO texts."""
        return {
            "code": self.code,
            "severity": self.severity,
            "place": self.place,
            "message": self.message,
            "fix": self.fix,
            "deployment": self.deployment,
            "field": self.field,
            "index": self.index,
            "line": self.line,
            "column": self.column,
            "spans": [[iso(lo), iso(hi)] for lo, hi in self.spans],
        }


class _Frame(pd.DataFrame):
    """A table that may be asked for with brackets, too, as a method would be."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __call__(self) -> pd.DataFrame:
        return pd.DataFrame(self)


class Findings(Sequence[Finding]):
    """The findings of a check, the worst first. Prints as text, shows as a table in a notebook.

    Parameters
    ----------
    findings : sequence of Finding
    periods_us : ndarray of int64, shape (n, 2)
        The time that was looked at.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[
    ...     {"model_name": "weak", "model": "sim/small", "time_constraints": [["22:00", "22:00"]]},
    ...     {"model_name": "strong", "model": "openai/gpt-5"},
    ... ])
    >>> found = tg.check(config, now="2026-03-02T00:00Z")
    >>> [(finding.code, finding.place) for finding in found]
    [('TG301', "deployments[0] 'weak': time_constraints[0]")]
    >>> found[0].to_dict()["message"]
    'It starts and ends at 22:00: it is that single instant.'
    """

    def __init__(self, findings: Sequence[Finding], periods_us: Spans = _NO_SPANS) -> None:
        self._findings = sorted(findings, key=lambda finding: _SEVERITIES.index(finding.severity))
        self.periods_us = periods_us

    def __len__(self) -> int:
        return len(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __getitem__(self, index: Any) -> Any:
        return self._findings[index]

    @property
    def periods(self) -> list[tuple[datetime, datetime]]:
        """The stretches of time that were looked at, in UTC, each up to but without the second instant."""
        return [(from_us(lo), from_us(hi)) for lo, hi in self.periods_us.tolist()]

    @property
    def worst(self) -> Severity | None:
        """The highest severity among the findings; None if there are none."""
        return self._findings[0].severity if self._findings else None

    def at_least(self, severity: Severity) -> Findings:
        """Return the findings of a severity and those that are worse.

        Parameters
        ----------
        severity : {"error", "warning", "info"}

        Returns
        -------
        Findings

        Raises
        ------
        InvalidValueError
            If it is none of ``"error"``, ``"warning"``, ``"info"``.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
        >>> len(tg.check(config).at_least("error"))
        0
        """
        if severity not in _SEVERITIES:
            hint = did_you_mean(severity, _SEVERITIES)
            raise InvalidValueError(f"severity must be one of the known ones. Got {shown(severity)}.{hint}")
        known = _SEVERITIES[: _SEVERITIES.index(severity) + 1]
        return Findings([finding for finding in self if finding.severity in known], self.periods_us)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row a finding.

        ``code``, ``severity``, ``place``, ``message``, ``fix``, ``deployment``, ``field`` (str); ``index``, ``line``,
        ``column`` (Int64); ``duration_s`` (float64), how long its stretches last together.
        """
        texts = ["code", "severity", "place", "message", "fix", "deployment", "field"]
        numbers = ["index", "line", "column"]
        rows = [[getattr(finding, name) for name in (*texts, *numbers)] for finding in self]
        frame = pd.DataFrame(rows, columns=[*texts, *numbers])
        frame = frame.astype(dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "Int64"))
        frame["duration_s"] = [int(np.diff(finding.spans_us, axis=1).sum()) / SECOND_US for finding in self]
        return _Frame(frame.astype({"duration_s": "float64"}))

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data: ``worst``, ``periods`` that were looked at, and ``findings``."""
        return {
            "worst": self.worst,
            "periods": [[iso(lo), iso(hi)] for lo, hi in self.periods],
            "findings": [finding.to_dict() for finding in self],
        }

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    @property
    def headline(self) -> str:
        """The result in one line."""
        if not self._findings:
            return "No findings."
        counts = [(s, sum(finding.severity == s for finding in self)) for s in _SEVERITIES]
        return ", ".join(f"{n:,} {s}" if s == "info" else counted(n, s) for s, n in counts if n) + "."

    def __repr__(self) -> str:
        lines = [self.headline]
        for finding in self._findings[:MOST_ROWS]:
            lines.append(f"{finding.severity:<7} {finding.code} {finding.place}")
            for text in (finding.message, finding.fix):
                lines += textwrap.wrap(text, 110, initial_indent=" " * 14, subsequent_indent=" " * 14)
        return "\n".join([*lines, *and_more(len(self), MOST_ROWS, "more.")])

    def _repr_html_(self) -> str:
        rows = [
            (
                Markup(f"<b style='color: {_COLORS[f.severity]}'>{f.severity}</b>"),
                f.code,
                f.place,
                Markup(f"{escape(f.message)}<br><i>{escape(f.fix)}</i>"),
            )
            for f in self
        ]
        headings = ("severity", "code", "place", "finding, and how to mend it")
        return framed(self.headline, table(headings, rows, top=True, most=MOST_ROWS))


_COLORS = {"error": "#b00020", "warning": "#a05a00", "info": "#3b5b8c"}
