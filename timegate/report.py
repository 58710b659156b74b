"""A replay for readers: the lines of its summary, and a folder with tables, plots and a page that holds them all."""

from __future__ import annotations

import base64
import html
import warnings
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from string import Template
from typing import NamedTuple

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from timegate import plots
from timegate.columns import OUTCOMES
from timegate.files import replacing
from timegate.replay import Replay
from timegate.windows import Window

__all__ = ["BASELINE", "CAPTIONS", "Line", "page", "percent", "summary_lines", "write"]

BASELINE = "no windows, no faults"

CAPTIONS = {
    "day": "A row a deployment: the calls it served, when windows closed it (hatched), and its outages.",
    "share": "Who served, bin by bin, as a share of the calls that arrived.",
    "fallbacks": "Who served (across) in whose place (down), in calls.",
}
"""The plots of a report: each function of timegate.plots by name, and what it shows."""

_LABELS = {
    "preference_passed_over": "preferred one closed or unknown",
    "latency_mean_s": "latency, mean",
    "latency_p50_s": "latency, median",
    "latency_p95_s": "latency, 95th percentile",
    "latency_p99_s": "latency, 99th percentile",
}


class Line(NamedTuple):
    """A line of the summary as text: a figure, its share of all calls, and what the baseline has in its place."""

    label: str
    figure: str
    share: str = ""
    baseline: str = ""


def percent(share: float) -> str:
    """Write a share such that 0.00% means none and 100.00% means all.

    Examples
    --------
    >>> percent(0.123456), percent(0.999999), percent(1.0)
    ('12.35%', '>99.99%', '100.00%')
    """
    if 0 < share < 0.0001:
        return "<0.01%"
    return ">99.99%" if 0.9999 < share < 1 else f"{share:.2%}"


def summary_lines(run: Replay) -> dict[str, list[Line]]:
    """Return the summary of a replay in groups, by title. What the summary gains later stands in the last."""
    figures = run.summary().to_dict()
    calls = figures["calls"]

    def counted(label: str, count: int, baseline: float | None = None) -> Line:
        return Line(label, f"{count:,}", percent(count / calls), "" if baseline is None else percent(baseline))

    shares = {name: (figures[f"share[{name}]"], figures[f"baseline_share[{name}]"]) for name in run.deployments}
    groups = {
        "calls": [
            Line("arrived", f"{calls:,}"),
            counted("served", figures["first_choice"] + figures["fallback"], figures["baseline_availability"]),
            counted("- by the first choice", figures["first_choice"]),
            counted("- by a fallback", figures["fallback"]),
            counted("failed: all that were open", figures["failed"]),
            counted("blocked: nobody was open", figures["blocked"]),
        ],
        "served by": [counted(name, round(share * calls), baseline) for name, (share, baseline) in shares.items()],
        "beside": [counted(_LABELS["preference_passed_over"], figures["preference_passed_over"])],
    }
    told = {"start", "end", "calls", "availability", "preference_passed_over", *OUTCOMES, *run.provenance}
    told |= {f"share[{name}]" for name in run.deployments}
    if not figures.get("latency_p99_s"):  # nothing took any time: no latency was simulated
        told |= {name for name in figures if name.startswith("latency_")}
    for name, value in figures.items():
        if name not in told and not name.startswith("baseline_"):
            baseline = figures.get(f"baseline_{name}")
            label = _LABELS.get(name, name.removesuffix("_s").replace("_", " "))
            line = Line(label, _figure(name, value), "", "" if baseline is None else _figure(name, baseline))
            groups["beside"].append(line)
    return groups


def _figure(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.3f} s" if name.endswith("_s") else f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write(run: Replay, folder: str | Path, source: str = "") -> list[Path]:
    """Write tables, plots and ``report.html`` into a folder, each file whole or not at all.

    Parameters
    ----------
    run : Replay
    folder : path
        Made if it is not there.
    source : str, optional
        What was replayed, such as the names of the files. It stands at the top of the report.

    Returns
    -------
    list of Path
        The files.
    """
    # All that can go wrong in drawing does so before the folder is touched.
    drawn = _draw(run)
    contents = {
        "summary.csv": run.summary().to_csv(index_label="figure", lineterminator="\n").encode(),
        **{f"{name}.png": png for name, png in drawn.items()},
        "report.html": page(run, drawn, source).encode(),
    }
    paths = run.to_csv(folder)
    for name, content in contents.items():
        paths.append(Path(folder) / name)
        with replacing(paths[-1]) as unfinished:
            unfinished.write_bytes(content)
    return paths


def _draw(run: Replay) -> dict[str, bytes]:
    """Draw every plot as PNG, on figures that pyplot and the user's backend never see."""
    rows = len(run.deployments)
    heights = {"day": 1.8 + 0.6 * rows, "share": 4.0, "fallbacks": 1.8 + 0.45 * rows}
    drawn = {}
    for name in CAPTIONS:
        figure = Figure(figsize=(10, heights[name]), layout="constrained")
        with mpl.rc_context({"text.parse_math": False}), warnings.catch_warnings():
            # A name may hold a letter that the font lacks, which shows as a box; or a $, which is no formula.
            warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
            getattr(plots, name)(run, ax=figure.subplots())
            buffer = BytesIO()
            figure.savefig(buffer, format="png", dpi=144, metadata={"Software": None})
        drawn[name] = buffer.getvalue()
    return drawn


def page(run: Replay, drawn: Mapping[str, bytes], source: str = "") -> str:
    """Return the report: one page that needs nothing else.

    Parameters
    ----------
    run : Replay
    drawn : mapping of str to bytes
        The plots as PNG, by the keys of :data:`CAPTIONS`.
    source : str, optional
        What was replayed.
    """
    trace, figures = run.trace, run.summary()
    about = [
        source,
        f"{trace.start:%Y-%m-%d %H:%M:%S} to {trace.end:%Y-%m-%d %H:%M:%S} UTC",
        run.scenario.description or "",
        *trace.notes,
    ]
    tiles = [
        ("served", percent(figures["availability"])),
        *((outcome.replace("_", " "), f"{figures[outcome]:,}") for outcome in OUTCOMES),
    ]
    provenance = {key: value for key, value in run.provenance.items() if key != "versions"}
    return _PAGE.substitute(
        title=f"Replay of {len(run):,} calls",
        about="".join(f"<p>{html.escape(line)}</p>" for line in about if line),
        tiles="".join(f"<div><b>{html.escape(value)}</b>{html.escape(label)}</div>" for label, value in tiles),
        plots="".join(_plot(name, png) for name, png in drawn.items()),
        summary=_summary_table(run),
        fallbacks=_table(
            ("first choice", "served by", "calls"),
            ((str(a), str(b), f"{n:,}") for a, b, n in run.fallbacks().itertuples(index=False)),
            "No call fell back.",
        ),
        deployments=_table(
            ("deployment", "provider", "closed", "open only"),
            (
                (d.name, d.provider, _windows(d.hours.closed) or "never", _windows(d.hours.available) or "always")
                for d in run.router.deployments
            ),
        ),
        faults=_table(
            ("fault", "target", "details"),
            (
                (fault.type.replace("_", " "), fault.target, _details(fault.model_dump(mode="json", exclude_none=True)))
                for fault in run.scenario.faults
            ),
            "None.",
        ),
        provenance=_table(
            ("", ""),
            ((key.replace("_", " "), str(value)) for key, value in {**provenance, **run.provenance["versions"]}.items()),
        ),
    )


def _plot(name: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return (
        f'<figure><div class="wide" tabindex="0"><img alt="Plot: {name}" src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{CAPTIONS[name]}</figcaption></figure>"
    )


def _summary_table(run: Replay) -> str:
    bodies = []
    for title, lines in summary_lines(run).items():
        rows = "".join(_row(line) for line in lines)
        bodies.append(f'<tbody><tr><th colspan="4" scope="rowgroup">{title}</th></tr>{rows}</tbody>')
    head = f"<thead>{_row(('', 'replay', 'share', BASELINE), 'th')}</thead>"
    return f'<div class="wide" tabindex="0"><table class="numbers">{head}{"".join(bodies)}</table></div>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], empty: str = "") -> str:
    body = "".join(_row(row) for row in rows)
    if not body:
        return f"<p>{empty}</p>"
    top = f"<thead>{_row(head, 'th')}</thead>" if any(head) else ""
    return f'<div class="wide" tabindex="0"><table>{top}<tbody>{body}</tbody></table></div>'


def _row(cells: Iterable[str], tag: str = "td") -> str:
    """Write a row of a table; here every cell is escaped."""
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _windows(windows: Iterable[Window]) -> str:
    described = []
    for window in windows:
        parts = [f"{window.start}-{window.end} {window.tz}"]
        parts += [" ".join(window.days)] if window.days else []
        parts += [f"since {window.since}"] if window.since else []
        parts += [f"until {window.until}"] if window.until else []
        parts += ["except " + " ".join(map(str, window.except_dates))] if window.except_dates else []
        described.append(", ".join(parts))
    return "; ".join(described)


def _details(fault: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in fault.items() if key not in ("type", "target"))
