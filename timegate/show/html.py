"""How things are written in HTML: the frame of what notebooks show, and its tables. All text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from timegate.show.text import and_more, figure

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Markup", "Table", "figures", "framed", "numbers", "paragraph", "row", "table"]


Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Headings and rows of texts, as :func:`table` takes them."""


class Markup(str):
    """Text that is HTML already, and stays as it is."""

    __slots__ = ()


def framed(headline: str, *parts: str, text: str = "", notes: Iterable[str] = ()) -> str:
    """Return what a notebook shows of an object.

    Parameters
    ----------
    headline : str
        What it is, in bold.
    *parts : str
        HTML, such as tables.
    text : str
        Follows the headline in its line.
    notes : iterable of str
        A line each, above the parts.

    Examples
    --------
    >>> framed("2 calls", "<hr>", text=" of <b>", notes=["a & b"])
    '<p><b>2 calls</b> of &lt;b&gt;<br>a &amp; b</p><hr>'
    """
    return paragraph([Markup(f"<b>{_escaped(headline)}</b>{_escaped(text)}"), *notes]) + "".join(parts)


def paragraph(lines: Iterable[str]) -> str:
    """Return some lines as a paragraph; of none, nothing.

    Examples
    --------
    >>> paragraph(["a & b", "and 3 more"]), paragraph([])
    ('<p>a &amp; b<br>and 3 more</p>', '')
    """
    text = "<br>".join(map(_escaped, lines))
    return f"<p>{text}</p>" if text else ""


def numbers(frame: pd.DataFrame, **options: Any) -> str:
    """Return a DataFrame as a table, as pandas writes it; ``options`` are those of ``to_html``."""
    return str(frame.to_html(**{"border": 0, "na_rep": "", **options}))


def figures(series: pd.Series[Any], form: str = ",.4g") -> str:
    """Return labelled figures as a table, each written by :func:`timegate.show.text.figure`."""
    return numbers(series.map(lambda value: figure(value, form)).to_frame("value"))


def table(head: Iterable[str], rows: Sequence[Iterable[str]], *, top: bool = False, most: int | None = None) -> str:
    """Return a table of texts; without rows, nothing.

    Parameters
    ----------
    head : iterable of str
    rows : sequence of iterables of str
        Cells; a :class:`Markup` is not escaped.
    top : bool
        Whether cells begin at the top of their row, as they should where some have several lines.
    most : int, optional
        How many rows are shown; a line below counts the others.

    Examples
    --------
    >>> table(["name"], [["a & b"]])  # doctest: +ELLIPSIS
    "<table><thead><tr><th style='text-align: left'>name</th></tr></thead><tbody>...a &amp; b</td></tr></tbody></table>"
    """
    if not rows:
        return ""
    # On each cell, for there Jupyter aligns to the right and to the middle.
    style = "text-align: left; vertical-align: top" if top else "text-align: left"
    most = len(rows) if most is None else most
    body = "".join(row(cells, style=style) for cells in rows[:most])
    more = paragraph(and_more(len(rows), most, "more."))
    return f"<table><thead>{row(head, 'th', style)}</thead><tbody>{body}</tbody></table>{more}"


def row(cells: Iterable[str], tag: str = "td", style: str = "") -> str:
    """Return a row of a table.

    Examples
    --------
    >>> row(["a & b", Markup("<i>c</i>")])
    '<tr><td>a &amp; b</td><td><i>c</i></td></tr>'
    """
    opening = f"{tag} style='{style}'" if style else tag
    return "<tr>" + "".join(f"<{opening}>{_escaped(cell)}</{tag}>" for cell in cells) + "</tr>"


def _escaped(text: str) -> str:
    from html import escape  # with its table of entities

    return text if isinstance(text, Markup) else escape(text)
