"""The command that chooses windows: ``optimise``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import pandas as pd
import typer
from rich.console import Console

import timegate as tg
from timegate.cli.base import Config, app, new_console, new_table, option, plain, reporting, say
from timegate.cli.runs import Columns, Origin, ScenarioFile, Sort, TraceFile, Unit, Zone, columns_of
from timegate.errors import ReplayError, shown
from timegate.show.text import figure, percent

__all__ = ["optimise"]

_RULE = re.compile(r"(\w+)\s+(\d\d?:\d\d)\s*-\s*(\d\d?:\d\d)(?:\s+(.+))?")


@app.command()
@reporting()
def optimise(
    config: Config,
    trace: TraceFile,
    scenario: ScenarioFile = None,
    limit: Annotated[
        list[str] | None,
        option(
            "--limit",
            metavar="NAME=NUMBER",
            help="What a schedule must keep: failed=0.001, latency_p95_s=3, cost_usd=100. Several times, if need be.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        option(
            "--out",
            metavar="FILE",
            help="Where to write the best config: YAML or JSON. Comments of CONFIG are kept in YAML.",
        ),
    ] = None,
    minimise: Annotated[str, typer.Option(metavar="WHAT", help="cost or failed.")] = "cost",
    period: Annotated[str, typer.Option(metavar="PERIOD", help="week or day.")] = "week",
    step: Annotated[str, typer.Option(metavar="LENGTH", help="Of a slot: whole minutes that divide a day.")] = "15min",
    windows_tz: Annotated[
        str, typer.Option("--windows-tz", metavar="ZONE", help="The zone of slots and windows.")
    ] = "UTC",
    most_windows: Annotated[int, typer.Option(metavar="N", help="How often a day a deployment may close.")] = 2,
    shortest: Annotated[str, typer.Option(metavar="LENGTH", help="Of a window, and of the time between two.")] = "1h",
    fixed: Annotated[
        list[str] | None,
        option(
            "--fixed",
            metavar="NAME",
            help="A deployment whose windows stay; or what must be so: 'strong=closed 02:00-04:00 mon-fri', or open, "
            "in the zone of the slots. Several times, if need be.",
        ),
    ] = None,
    train: Annotated[
        str | None, option(metavar="DAYS", help="Also walk forward: choose on so many days, such as 28D.")
    ] = None,
    test: Annotated[str, typer.Option(metavar="DAYS", help="What a walk forward judges on, after --train.")] = "7D",
    tz: Zone = None,
    origin: Origin = None,
    sort: Sort = False,
    columns: Columns = None,
    unit: Unit = None,
) -> None:
    """Choose windows: the cheapest that keep limits, for the calls of a trace.

    Today's windows are kept unless a change is worth it. Ctrl-C ends the
    search with the best so far.

    Example:
    timegate optimise today.yaml --trace month.csv --limit failed=0.001 --out proposal.yaml
    """
    if out is not None and out.is_dir():
        raise ReplayError(f"{out}: must be a file to write, and is a folder.")
    gateway = tg.GatewayConfig.load(config)
    faults = None if scenario is None else tg.Scenario.load(scenario)
    calls = tg.read_trace(trace, tz=tz, origin=origin, sort=sort, columns=columns_of(columns), unit=unit)
    options: dict[str, Any] = {
        "minimise": cast("Any", minimise),
        "limits": dict(map(_limit, limit or [])),
        "period": cast("Any", period),
        "step": step,
        "most_windows": most_windows,
        "shortest": shortest,
        "fixed": [_fixed(text, gateway, windows_tz) for text in fixed or []],
    }
    found = tg.optimise(gateway, calls, faults, tz=windows_tz, **options)
    console = new_console()
    for line in str(found).splitlines():
        console.print(plain(line) if line.strip() == line else line, soft_wrap=True, markup=False)
    if out is not None:
        _write(found.best, out, console)
    if found.interrupted:
        what = " What was written is that." if out is not None else ""
        say("interrupted", "yellow", f"the best so far is above.{what}")
        return
    _print_trade(found, console)
    if train is not None:
        walk = tg.walk_forward(gateway, calls, faults, train=train, test=test, tz=windows_tz, **options)
        console.print(plain(walk.headline), soft_wrap=True)
    if out is None:
        console.print("With --out FILE, the best config is written.")


def _print_trade(found: tg.Proposals, console: Console) -> None:
    """Print the frontier, and what each window is worth."""
    frontier, cost = found.frontier, found.frontier.columns[1]
    columns: dict[str, Callable[[Any], str]] = {  # what nobody knows, for want of prices or latencies, is no column
        **({cost: lambda value: figure(float(value), ",.6g")} if frontier[cost].notna().any() else {}),
        "failed": lambda value: percent(value, 3),
        **(
            {"latency_mean_s": lambda value: figure(float(value), ".4g")}
            if frontier["latency_mean_s"].fillna(0).any()
            else {}
        ),
        "closings": str,
    }
    headings = {"failed": "not served", "latency_mean_s": "latency mean s"}
    table = new_table("schedule", *(headings.get(name, name) for name in columns), right=len(columns))
    for _, row in frontier.iterrows():
        table.add_row(plain(row["schedule"]), *(write(row[name]) for name, write in columns.items()))
    console.print(table)
    if len(found.windows):
        saved = found.windows.columns[3]
        is_priced = bool(found.windows[saved].notna().any())
        table = new_table(
            "deployment",
            "window",
            *([saved.replace("_", " ")] if is_priced else []),
            "costs calls",
            right=1 + is_priced,
        )
        for name, _, when, saves, costs, _ in found.windows.itertuples(index=False):
            worth = ["" if pd.isna(saves) else f"{saves:,.4g}"] if is_priced else []
            table.add_row(plain(name), plain(when), *worth, f"{costs:,}")
        console.print(table)


def _write(best: tg.GatewayConfig, out: Path, console: Console) -> None:
    """Write a config, at once: what comes after may be interrupted."""
    replaced = " (replaced)" if out.exists() else ""
    exported = best.export("timegate", out)
    console.print("Wrote", plain(f"{out}{replaced}"), soft_wrap=True)
    for note in exported.notes:
        say("note", "cyan", note)


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise ReplayError(f"--limit must look like failed=0.001. Got {shown(text)}.") from None


def _fixed(text: str, gateway: tg.GatewayConfig, tz: str) -> Any:
    """Read a deployment's name, or one with what must be so: ``strong=closed 02:00-04:00 mon-fri``."""
    if "=" not in text or any(text == d.model_name for d in gateway.deployments):
        return text
    name, _, rule = text.rpartition("=")
    match = _RULE.fullmatch(rule.strip())
    if match is None:
        raise ReplayError(
            f"--fixed must be a deployment, or look like 'strong=closed 02:00-04:00 mon-fri'. Got {shown(text)}."
        )
    state, start, end, days = match.groups()
    window = {"start": start, "end": end, "tz": tz, "end_included": end == "24:00"}
    return name.strip(), state, window | ({"days": re.split("[, ]+", days)} if days else {})
