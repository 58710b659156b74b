"""The table of findings: what it counts, prints, shows and writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

import timegate as tg
from timegate.errors import InvalidValueError
from timegate.review.findings import CODES

HOUR_US = 3_600_000_000
INFO = tg.Finding("TG304", "deployments[0] 'a<b>': available[1]", "It overlaps.", "Mend it.", "a<b>", "available", 1)
ERROR = tg.Finding("TG101", "deployments", "Nobody & nothing.", "Open one.", spans_us=np.array([[0, HOUR_US]]))
WARNING = tg.Finding("TG501", "x.yaml, line 7, column 3", "Unquoted.", "Quote it.", line=7, column=3)


@pytest.fixture
def findings() -> tg.Findings:
    return tg.Findings([INFO, ERROR, WARNING], np.array([[0, 24 * HOUR_US]]))


def test_the_worst_comes_first(findings):
    """Findings are a sequence in order of severity, whose worst is told."""
    assert list(findings) == [ERROR, WARNING, INFO]
    assert findings[0] is ERROR
    assert len(findings) == 3
    assert findings.worst == "error"
    assert [f.severity for f in findings] == ["error", "warning", "info"]
    assert findings.headline == "1 error, 1 warning, 1 info."
    assert tg.Findings([WARNING, WARNING]).headline == "2 warnings."


def test_at_least(findings):
    """at_least keeps a severity and what is worse, over the same time."""
    assert [[*findings.at_least(s)] for s in ("error", "warning", "info")] == [
        [ERROR],
        [ERROR, WARNING],
        [ERROR, WARNING, INFO],
    ]
    assert findings.at_least("error").periods == findings.periods
    with pytest.raises(InvalidValueError, match=r"Got 'warn'. Did you mean 'warning'"):
        findings.at_least("warn")


def test_none():
    """No findings are false, have no worst, and say so in words."""
    none = tg.Findings([])
    assert not none
    assert none.worst is None
    assert repr(none) == "No findings."
    assert none._repr_html_() == "<p><b>No findings.</b></p>"
    assert len(none.frame) == 0
    assert none.frame.dtypes.to_dict() == tg.Findings([INFO]).frame.dtypes.to_dict()


def test_frame(findings):
    """The frame has a row a finding, with the place in columns."""
    frame = findings.frame
    assert frame.columns.tolist() == [
        "code", "severity", "place", "message", "fix", "deployment", "field", "index", "line", "column", "duration_s"
    ]  # fmt: skip
    assert frame["code"].tolist() == ["TG101", "TG501", "TG304"]
    assert frame["duration_s"].tolist() == [3600.0, 0.0, 0.0]
    assert frame.loc[2, ["deployment", "field", "index"]].tolist() == ["a<b>", "available", 1]
    assert frame["index"].isna().tolist() == [True, True, False]
    assert frame["line"].tolist()[1] == 7


def test_json(findings):
    """The JSON holds every field, and times as ISO text in UTC."""
    data = json.loads(findings.to_json())
    assert data == findings.to_dict()
    assert data["worst"] == "error"
    assert data["periods"] == [["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"]]
    assert data["findings"][0] == {
        "code": "TG101", "severity": "error", "place": "deployments", "message": "Nobody & nothing.",
        "fix": "Open one.", "deployment": None, "field": None, "index": None, "line": None, "column": None,
        "spans": [["1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"]],
    }  # fmt: skip
    assert ERROR.spans == [(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 1, tzinfo=UTC))]


def test_text_and_html(findings):
    """Both name severity, code, place, message and fix of each; the HTML with what is special escaped."""
    for text, place, message in (
        (repr(findings), "'a<b>'", "Nobody & nothing."),
        (findings._repr_html_(), "&#x27;a&lt;b&gt;&#x27;", "Nobody &amp; nothing."),
    ):
        for word in ("error", "TG101", "TG501", "warning", "info", place, message, "Open one.", "1 error, 1 warning"):
            assert word in text
    assert "<b>'" not in findings._repr_html_()
    html = findings._repr_html_()
    assert html.count("<thead>") == 1
    cells = html.count("<th ") + html.count("<td ")
    assert cells == html.count("text-align: left; vertical-align: top") == 4 * (1 + len(findings))


def test_long_tables_are_cut():
    """Of hundreds of findings the first are shown, and the others counted."""
    many = tg.Findings([INFO] * 1500)
    for text in (repr(many), many._repr_html_()):
        assert text.count("TG304") == 60
        assert "and 1,440 more." in text


def test_codes_are_a_table():
    """Each code has a severity and a meaning of one line that no other has."""
    assert {code.severity for code in CODES.values()} == {"error", "warning", "info"}
    assert len({code.meaning for code in CODES.values()}) == len(CODES)
    assert all(code.startswith("TG") and len(code) == 5 for code in CODES)


def test_a_finding_is_a_frozen_value():
    """A finding cannot be changed, and equals one of the same words and place."""
    with pytest.raises(AttributeError):
        INFO.code = "TG101"
    assert tg.Finding("TG101", "deployments", "Nobody & nothing.", "Open one.") == ERROR
    assert tg.Finding("TG102", "deployments", "Nobody & nothing.", "Open one.") != ERROR
