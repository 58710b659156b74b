"""A replay for readers: the lines of its summary, and a folder with tables, plots and a page that holds them all."""

from __future__ import annotations

import base64
import html
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from timegate import plots
from timegate.core.columns import OUTCOMES, PERCENTILES
from timegate.core.zones import check_zone
from timegate.files import write_files
from timegate.plots.fallbacks import fallbacks_height, no_fallback
from timegate.plots.money import NOTHING_PAID
from timegate.plots.runs import frequency
from timegate.report.money import bill_freq, bill_table, money_label, money_text, paid_to
from timegate.report.state import has_load, load_table, recovery_table
from timegate.runs.result import Replay
from timegate.show.html import Markup, row
from timegate.show.text import counted, figure, listed, percent, shown_instant

__all__ = [
    "BASELINE",
    "CAPTIONS",
    "Line",
    "figure_text",
    "label_of",
    "page",
    "png",
    "summary_lines",
    "write",
]

BASELINE = "without windows and failures"

CAPTIONS = {
    "day": "A row a deployment: the calls it served, when windows closed it (hatched), and its outages.",
    "share": "Who served, bin by bin, as a share of the calls that arrived.",
    "fallbacks": "Who served (across) in whose place (down), in calls.",
    "load": "What deployments were asked for, and what they let through; below each, when it cooled.",
    "cost": "What the answers cost, bin by bin; above, when a band of a price held.",
}
"""The plots of a report: each function of timegate.plots by name, and what it shows. The last two are for policies or
capacities, and for prices, alone.
"""

MOST_BINS = 48  # of a table beside a plot
_WIDTH = 10.0  # of a plot, in inches
_LABELS = {
    "preference_passed_over": "preference closed or unknown",
    "attempts_refused": "attempts refused by cooldowns and limits",
    "cooled_s": "time cooled, of all deployments",
}
_TIMES = {"latency": "latency of served calls", "wait": "wait of all calls, for an answer or an error"}
_STATISTICS = {"mean_s": "mean", "p50_s": "median"} | {f"p{p}_s": f"{p}th percentile" for p in PERCENTILES[1:]}
_LABELS |= {
    f"{time}_{name}": f"{words}, {statistic}"
    for time, words in _TIMES.items()
    for name, statistic in _STATISTICS.items()
}


class Line(NamedTuple):
    """A line of the summary as text: a figure, its share of all calls, and what the baseline has in its place."""

    label: str
    figure: str
    share: str = ""
    baseline: str = ""


def summary_lines(run: Replay) -> dict[str, list[Line]]:
    """Return the summary of a replay in groups, by title. What the summary gains later stands in the last."""
    figures: dict[str, Any] = {str(name): value for name, value in run.summary().items()}
    number = figures["calls"]

    def line(title: str, count: int, baseline: float | None = None) -> Line:
        return Line(title, f"{count:,}", percent(count / number), "" if baseline is None else percent(baseline))

    shares = {name: (figures[f"share[{name}]"], figures[f"baseline_share[{name}]"]) for name in run.deployments}
    groups = {
        "Calls": [
            Line("arrived", f"{number:,}"),
            line("served", figures["first_choice"] + figures["fallback"], figures["baseline_availability"]),
            line("served by the first choice", figures["first_choice"]),
            line("served by a fallback", figures["fallback"]),
            line("failed (all open ones did)", figures["failed"]),
            line("blocked (nobody was open)", figures["blocked"]),
            *([line("shed (nobody open would take it)", figures["shed"])] if run.router.shares else []),
        ],
        "Served by": [line(name, round(share * number), baseline) for name, (share, baseline) in shares.items()],
        "Also": [line(label_of("preference_passed_over"), figures["preference_passed_over"])],
        "Money": [],
    }
    listed = {"start", "end", "calls", "availability", "preference_passed_over", *OUTCOMES, *run.provenance}
    listed |= {f"share[{name}]" for name in run.deployments}
    for name, value in figures.items():
        if name not in listed and not name.startswith("baseline_"):
            # Without faults all calls are served, so that the wait of all is the latency of those that are.
            baseline = figures.get(f"baseline_{name.replace('wait_', 'latency_')}")
            text = "" if baseline is None else figure_text(name, baseline)
            group = groups["Also" if money_label(name) is None else "Money"]
            group.append(Line(label_of(name), figure_text(name, value), "", text))
    groups["Money"][1:1] = [Line(f"to {name}", *texts) for name, texts in paid_to(run).items()]
    return {title: lines for title, lines in groups.items() if lines}


def label_of(name: str) -> str:
    """Return what a figure of the summary is called in a table for readers.

    Examples
    --------
    >>> label_of("latency_p95_s"), label_of("attempts_per_call")
    ('latency of served calls, 95th percentile', 'attempts per call')
    """
    return money_label(name) or _LABELS.get(name, _words(name.removesuffix("_s")))


def figure_text(name: str, value: object) -> str:
    """Write the value of a figure, with the unit that its name ends in.

    Examples
    --------
    >>> figure_text("latency_p95_s", 1.25), figure_text("attempts_per_call", 1.0), figure_text("calls", 1200)
    ('1.250 s', '1.00', '1,200')
    >>> figure_text("latency_p95_s", float("nan"))  # nobody was served
    'none'
    """
    if (money := money_text(name, value)) is not None:
        return money
    if not (isinstance(value, float) and name.endswith("_s")):
        return figure(value, ",.2f")
    return "none" if value != value else f"{figure(value, ',.3f')} s"


def write(
    run: Replay, folder: str | Path, source: str = "", escape_formulas: bool = False, *, tz: str = "UTC"
) -> list[Path]:
    """Write tables, plots and ``report.html`` into a folder, each file whole or not at all.

    Parameters
    ----------
    run : Replay
    folder : path
        Made if it is not there.
    source : str, optional
        What was replayed, such as the names of the files. It stands at the top of the report.
    escape_formulas : bool
        As of :meth:`Replay.to_csv`.
    tz : str
        The zone of the plots' axes, and of the report's tables. Files of tables are in UTC.

    Raises
    ------
    WindowError
        If ``tz`` is no zone.
    ReplayError
        If the folder cannot be made.

    Returns
    -------
    list of Path
        The files.
    """
    # All that can go wrong in drawing does so before the folder is touched.
    drawn = _draw(run, check_zone(tz))
    contents = {
        "summary.csv": run.summary().to_csv(index_label="figure", lineterminator="\n").encode(),
        **{f"{name}.png": png for name, png in drawn.items()},
        "report.html": page(run, drawn, source, tz=tz).encode(),
    }
    return [*run.to_csv(folder, escape_formulas=escape_formulas), *write_files(Path(folder), contents)]


def _draw(run: Replay, tz: str = "UTC") -> dict[str, bytes]:
    """Draw every plot, on figures that pyplot and the user's backend never see."""
    rows = min(len(run.deployments), 100)  # more than can be read, and than a PNG can hold
    heights = {
        "day": 2.2 + 0.55 * rows,
        "share": 4.0,
        "fallbacks": min(fallbacks_height(run, _WIDTH), 50.0),
    }
    if has_load(run):
        heights["load"] = 1.8 + 0.55 * rows
    if run.ledger.has_prices:
        heights["cost"] = 1.6 if run.bill(bill_freq(run)).empty else 4.0
    options: dict[str, dict[str, str]] = {
        "day": {"tz": tz},
        "share": {"tz": tz},
        "load": {"tz": tz},
        "cost": {"freq": bill_freq(run), "tz": tz},
    }
    draws = {name: partial(getattr(plots, name), run, **options.get(name, {})) for name in heights}
    return {name: png(draw, (_WIDTH, heights[name])) for name, draw in draws.items()}


def png(draw: Callable[..., object], size: tuple[float, float]) -> bytes:
    """Return a plot as PNG: ``draw`` is called with the ``ax`` of a new figure of so many inches."""
    figure = Figure(figsize=size, layout="constrained")
    buffer = BytesIO()
    with warnings.catch_warnings():
        # A name may hold a letter that the font lacks: it shows as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        draw(ax=figure.subplots())
        figure.savefig(buffer, format="png", dpi=144)
    return buffer.getvalue()


def page(run: Replay, drawn: Mapping[str, bytes], source: str = "", *, tz: str = "UTC") -> str:
    """Return the report: one page that needs nothing else.

    Parameters
    ----------
    run : Replay
    drawn : mapping of str to bytes
        The plots as PNG, by the keys of :data:`CAPTIONS`.
    source : str, optional
        What was replayed.
    tz : str
        The zone of tables by time, and of the plots.
    """
    trace, figures = run.trace, run.summary()
    about = [
        source,
        trace.period,
        "" if tz == "UTC" else f"Plots and tables by time are in {tz}.",
        run.scenario.description or "",
        *trace.notes,
    ]
    tiles = [("served", percent(figures["availability"]))]
    tiles += [(_words(outcome), f"{figures[outcome]:,}") for outcome in OUTCOMES]
    bill = ""
    if run.ledger.has_prices:
        cost = f"cost_{run.ledger.currency.lower()}"
        tiles.append(("paid for answers", figure_text(cost, figures[cost])))
        head, rows = bill_table(run, tz)
        bill = f"<h2>Bill</h2>\n{_table('numbers', head, rows) or f'<p>{NOTHING_PAID}</p>'}"
    load = f"<h2>Load</h2>\n{_table('numbers', *load_table(run))}" if has_load(run) else ""
    if recovery := _table("numbers", *recovery_table(run, tz)):
        load += f"<h2>Outages</h2>\n{recovery}"
    fallbacks = [(f"{a} → {b}", f"{count:,}") for a, b, count in run.fallbacks().itertuples(index=False)]
    deployments = [[d.name, d.provider, *map(_unbroken, d.hours.texts())] for d in run.router.deployments]
    head = ["deployment", "provider", "closed", "open"]
    if run.ledger.has_prices:
        head.append("price")
        for cells, price in zip(deployments, run.ledger.prices.prices, strict=True):
            cells.append(price.text() if price else "unknown")
    provenance = {**run.provenance, **run.provenance["versions"]}
    del provenance["versions"]
    return _PAGE.substitute(
        title=f"Replay of {counted(len(run), 'call')}",
        about="".join(f"<p>{html.escape(line)}</p>" for line in about if line),
        tiles="".join(f"<div><b>{html.escape(value)}</b>{html.escape(label)}</div>" for label, value in tiles),
        plots="".join(_plot(run, name, png, tz) for name, png in drawn.items()),
        summary=_summary_table(run),
        fallbacks=_table("numbers", ("first choice → served by", "calls"), fallbacks) or f"<p>{no_fallback(run)}</p>",
        load=load,
        deployments=_table("texts", head, deployments),
        bill=bill,
        faults=_table("texts", *run.scenario.table) or "<p>None.</p>",
        provenance=_table("texts", (), [(_words(key), str(value)) for key, value in provenance.items()]),
    )


def _plot(run: Replay, name: str, png: bytes, tz: str) -> str:
    data = base64.b64encode(png).decode()
    alt = html.escape(f"{CAPTIONS[name]} {_in_words(run, name)}")
    return (
        f'<figure><div class="wide" tabindex="0"><img alt="{alt}" src="data:image/png;base64,{data}"></div>'
        f"<figcaption>{CAPTIONS[name]}</figcaption>{_twin(run, name, tz)}</figure>"
    )


def _in_words(run: Replay, name: str) -> str:
    """Say in a sentence what a plot shows."""
    if name == "cost":
        name = f"cost_{run.ledger.currency.lower()}"
        return f"{figure_text(name, run.summary()[name])} in all."
    if name == "load":
        return listed([f"{asked[0]} let {asked[2]} of {asked[1]} through" for asked in load_table(run)[1]], ",") + "."
    if name == "fallbacks":
        pairs = run.fallbacks().head(4).itertuples(index=False)
        return listed([f"{b} for {a} {counted(count, 'call')}" for a, b, count in pairs], ",") or no_fallback(run)
    totals = run.share(frequency(run, MOST_BINS), counts=True).sum()
    served = totals[totals > 0].sort_values(ascending=False, kind="stable")
    return listed([f"{column} {percent(count / len(run))}" for column, count in served.items()], ",") + "."


def _twin(run: Replay, name: str, tz: str) -> str:
    """Return what a plot over time shows as a table; those of others stand below."""
    if name in ("fallbacks", "load", "cost"):
        return ""
    freq = frequency(run, MOST_BINS)
    counts = run.share(freq, counts=True, tz=tz)
    counts = counts.loc[:, counts.any()]
    sums = counts.sum(axis=1)
    rows = []
    for at, *calls in counts.itertuples():
        cells = [f"{n:,}" if name == "day" else percent(n / sums[at], 1) if sums[at] else "" for n in calls]
        rows.append((shown_instant(at), *cells))
    head = (f"from ({tz}), {freq} each", *map(str, counts.columns))
    return f"<details><summary>As a table</summary>{_table('numbers', head, rows)}</details>"


def _summary_table(run: Replay) -> str:
    bodies = []
    for title, lines in summary_lines(run).items():
        rows = "".join(row(line) for line in lines)
        bodies.append(f'<tbody><tr><th colspan="4" scope="rowgroup">{title}</th></tr>{rows}</tbody>')
    return _wide("numbers", ("", "replay", "share", BASELINE), "".join(bodies))


def _table(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return _wide(kind, head, f"<tbody>{''.join(map(row, rows))}</tbody>") if rows else ""


def _wide(kind: str, head: Sequence[str], bodies: str) -> str:
    """Write a table that scrolls by itself where the page is too narrow for it."""
    top = f"<thead>{row(head, 'th')}</thead>" if head else ""
    return f'<div class="wide" tabindex="0"><table class="{kind}">{top}{bodies}</table></div>'


def _unbroken(windows: str) -> Markup:
    """Return windows whose ranges, such as mon-fri, stay on one line."""
    return Markup(re.sub(r"[\w:]+-[\w:]+", r"<span class='whole'>\g<0></span>", html.escape(windows)))


def _words(name: str) -> str:
    return name.replace("_", " ")


_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { --ink: #1b1f24; --soft: #59636e; --line: #d5dae0; --ground: #ffffff; --tile: #f3f5f8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebef; --soft: #a3adb8; --line: #3a424c; --ground: #14181d; --tile: #1f252c; }
}
* { box-sizing: border-box; }
body { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; color: var(--ink); background: var(--ground);
       font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { margin: 0 0 .5rem; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.2rem; }
header p { margin: 0; color: var(--soft); }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem; }
.tiles div { box-sizing: border-box; min-width: 8.5rem; padding: .75rem 1rem; border-radius: .5rem;
             background: var(--tile); color: var(--soft); }
.tiles b { display: block; color: var(--ink); font-size: 1.4rem; font-variant-numeric: tabular-nums;
           white-space: nowrap; }
.wide { overflow-x: auto; }
figure { margin: 1.5rem 0 0; }
figure .wide { border-radius: .5rem; border: 1px solid var(--line); }
img { display: block; width: 100%; min-width: 40rem; padding: .5rem; background: #ffffff; border-radius: .5rem; }
@media (prefers-color-scheme: dark) { img { filter: invert(.92) hue-rotate(180deg); } }
details { margin-top: .4rem; font-size: .9rem; }
summary { color: var(--soft); cursor: pointer; }
figcaption { margin-top: .4rem; color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .3rem 1.5rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { padding-top: 1.1rem; }
td { max-width: 34rem; overflow-wrap: anywhere; }
.whole { white-space: nowrap; }
.texts td { min-width: 7rem; }
.numbers td:first-child { min-width: 11.5rem; }
.texts td:nth-child(n+3) { min-width: 11rem; }
.numbers td:last-child, .numbers th:last-child { padding-right: .25rem; }
.numbers td:nth-child(n+2), .numbers thead th:nth-child(n+2) { text-align: right; }
.numbers td:nth-child(n+2) { overflow-wrap: normal; }
@media (max-width: 32rem) {
  td, th { padding-right: .8rem; }
  .tiles div { flex-grow: 1; }
  .tiles div:first-child { flex-basis: 100%; }
}
footer { margin-top: 3rem; color: var(--soft); font-size: .9rem; }
</style>
</head>
<body>
<header>
<h1>$title</h1>
$about
<div class="tiles">$tiles</div>
</header>
<main>
$plots
<h2>Summary</h2>
$summary
$bill
<h2>Fallbacks</h2>
$fallbacks
$load
<h2>Deployments, in order of fallback</h2>
$deployments
<h2>Faults</h2>
$faults
<h2>Provenance</h2>
$provenance
</main>
<footer>A replay shows routing, availability, latency and cost. It says nothing of the quality of answers.</footer>
</body>
</html>
""")
