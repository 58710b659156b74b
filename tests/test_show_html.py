"""How things are written in HTML."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pandas as pd
import pytest

import timegate as tg
from timegate.show.html import Markup, figures, framed, numbers, paragraph, row, table

ODD = "<script>&'\""


def parsed(html: str) -> ET.Element:
    return ET.fromstring(f"<div>{html.replace('<br>', '<br/>')}</div>")  # noqa: S314 - our own


def test_the_frame() -> None:
    """The headline is bold, what follows it is not, notes stand below it, then the parts as they are."""
    div = parsed(framed(ODD, "<hr/>", text=f", {ODD}", notes=[ODD, "b"]))
    assert [child.tag for child in div] == ["p", "hr"]
    assert div[0][0].tag == "b"
    assert div[0][0].text == ODD
    assert [child.tail for child in div[0]] == [f", {ODD}", ODD, "b"]
    assert framed("a") == "<p><b>a</b></p>"


def test_paragraphs() -> None:
    """A line each, escaped; of no lines nothing."""
    assert paragraph([]) == ""
    assert "".join(parsed(paragraph([ODD, "b"])).itertext()) == f"{ODD}b"


@pytest.mark.parametrize("top", [False, True])
def test_tables_of_texts(top: bool) -> None:
    """Cells are escaped but for markup, and each says where its text stands."""
    div = parsed(table([ODD, "b"], [["1", ODD], [Markup("<i>x</i>"), ""]], top=top))
    assert ["".join(cell.itertext()) for cell in div.iter("th")] == [ODD, "b"]
    assert ["".join(cell.itertext()) for cell in div.iter("td")] == ["1", ODD, "x", ""]
    assert len(list(div.iter("i"))) == 1
    styles = {cell.get("style") for tag in ("th", "td") for cell in div.iter(tag)}
    assert styles == {"text-align: left; vertical-align: top" if top else "text-align: left"}
    assert table(["a"], []) == ""
    assert table(["a"], [["b"], ["c"], ["d"]], most=1, top=top).endswith(
        "b</td></tr></tbody></table><p>and 2 more.</p>"
    )
    assert row(["a"], "th") == "<tr><th>a</th></tr>"


def test_tables_of_numbers() -> None:
    """Names and texts are escaped, missing numbers empty, figures written as text."""
    html = numbers(pd.DataFrame({ODD: [1.5, None], "b": [ODD, "c"]}), index=False)
    cells = ["".join(cell.itertext()) for cell in parsed(html).iter("td")]
    assert cells[::2] == ["1.5", ""]
    assert "<script" not in html
    values = figures(pd.Series({"share": 0.123456, "calls": 1200, "none": None}, dtype=object), ".2f")
    assert [cell.text or "" for cell in parsed(values).iter("td")] == ["0.12", "1,200", ""]


def test_one_call_is_no_calls() -> None:
    """Whatever counts calls counts one in the singular."""
    trace = tg.Trace(["2026-03-02T09:00Z"])
    config = tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small"}])
    for shown in (trace, tg.replay(config, trace), tg.replay_stream(config, trace)):
        assert "1 call" in repr(shown)
        assert "1 calls" not in repr(shown) + shown._repr_html_()
