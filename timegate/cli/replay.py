"""The commands that replay: ``demo``, ``replay``, ``explain``."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast, get_args

import pandas as pd
import typer
from rich.console import Console
from rich.text import Text

import timegate as tg
from timegate.cli.base import Config, app, new_console, new_table, plain, reporting
from timegate.errors import ReplayError
from timegate.replay.replay import Engine
from timegate.samples import CONFIG, SCENARIO, TRACE, sample

__all__ = ["demo", "explain", "replay"]

MOST_FALLBACKS = 12


@app.command()
@reporting()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", readable=False)] = Path(
        "timegate-demo"
    ),
) -> None:
    """Replay a sample day through a sample gateway.

    The samples come with the package: a config of three deployments,
    50,000 arrivals of one day, and a scenario with two outages.

    Example: timegate demo --out my-first-replay
    """
    config, trace, scenario = map(sample, (CONFIG, TRACE, SCENARIO))
    _replay(config, trace, scenario, out)
    new_console().print("The samples, to begin your own from:", plain(config.parent), soft_wrap=True)


@app.command()
@reporting()
def replay(
    config: Config,
    trace: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The arrivals: CSV or Parquet with the column 'at', or a trace of Azure, BurstGPT or Mooncake.",
            readable=False,
            show_default=False,
        ),
    ],
    scenario: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The faults: YAML or JSON. Default: none.", readable=False, show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder for tables, plots and report.html. Without it, the summary is printed and no more.",
            readable=False,
            show_default=False,
        ),
    ] = None,
    tz: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="The zone of times that state none, such as UTC.", show_default=False),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Whence the times of BurstGPT and Mooncake count.", show_default=False),
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Sort arrivals that are not in order of time.")] = False,
    engine: Annotated[
        str,
        typer.Option(metavar="NAME", help=f"One of {', '.join(get_args(Engine))}; auto takes the fastest."),
    ] = "auto",
) -> None:
    """Replay a trace through a gateway, with the faults of a scenario.

    No model is called: whether an attempt succeeds is up to the scenario.

    Example:
    timegate replay gateway.yaml --trace day.csv --scenario bad.yaml --out results
    """
    _replay(config, trace, scenario, out, tz=tz, origin=origin, sort=sort, engine=engine)


@app.command()
@reporting()
def explain(
    config: Config,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="A time with Z or an offset: 2026-03-02T03:10Z. Default: now.", show_default=False
        ),
    ] = None,
    prefer: Annotated[
        str | None, typer.Option(metavar="NAME", help="The deployment that the call prefers.", show_default=False)
    ] = None,
) -> None:
    """Say which deployments a call would try at a time, in which order, and why not the others.

    Example: timegate explain gateway.yaml --at 2026-03-02T03:10Z --prefer strong
    """
    explained = tg.GatewayConfig.load(config).explain(datetime.now(UTC) if at is None else at, prefer)
    console = new_console()
    for line in filter(None, (explained.headline, explained.note)):
        console.print(plain(line), soft_wrap=True)
    table = new_table("place", "deployment", "provider", "closed by", "until (UTC)")
    table.columns[-1].max_width = len("06:00:00.000001")  # the date above the time leaves room for the windows
    for row in explained.rows:
        place = row["place"] or "closed"
        until = "" if row["until"] is pd.NaT else f"{row['until']:%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000")
        table.add_row(*map(plain, (place, row["deployment"], row["provider"], row["closed_by"], until)))
    console.print(table)


def _replay(
    config: Path,
    trace: Path,
    scenario: Path | None,
    out: Path | None,
    *,
    tz: str | None = None,
    origin: str | None = None,
    sort: bool = False,
    engine: str = "auto",
) -> None:
    """Replay files, print the summary, and write the folder if one is given."""
    # Here, for it imports matplotlib, for which --help and explain should not wait.
    from timegate import report

    if out is not None:
        _check_folder(out)
    gateway = tg.GatewayConfig.load(config)
    faults = None if scenario is None else tg.Scenario.load(scenario)
    arrivals = tg.read_trace(trace, tz=tz, sort=sort, origin=origin)
    run = tg.replay(gateway, arrivals, faults, engine=cast("Engine", engine))

    console = new_console()
    span = f"{run.trace.start:%Y-%m-%d %H:%M:%S} to {run.trace.end:%Y-%m-%d %H:%M:%S} UTC"
    console.print(f"{report.calls(len(run))}, {span}; engine {run.engine}, seed {run.scenario.seed}.", soft_wrap=True)
    for note in run.trace.notes:
        console.print(plain(note), soft_wrap=True)
    table = new_table("", "replay", "share", report.BASELINE, right=3)
    for title, lines in report.summary_lines(run).items():
        table.add_row(Text(title, style="bold"))
        for line in lines:
            table.add_row(*map(plain, line))
        table.add_section()
    console.print(table)
    moved = run.fallbacks()
    if len(moved):
        table = new_table("first choice", "served by", "calls", right=1)
        for row in moved.head(MOST_FALLBACKS).itertuples(index=False):
            table.add_row(plain(row[0]), plain(row[1]), f"{row[2]:,}")
        console.print(table)
    if len(moved) > MOST_FALLBACKS:
        console.print(f"and {len(moved) - MOST_FALLBACKS} more pairs.")
    if out is None:
        console.print("With --out DIR, the tables, the plots and a report are written.")
        return
    source = ", ".join(path.name for path in (config, trace, scenario) if path is not None)
    with Console(stderr=True).status("drawing and writing"):
        paths = report.write(run, out, source)
    console.print("Wrote:")
    for path in paths:
        console.print(" ", plain(path), soft_wrap=True)


def _check_folder(folder: Path) -> None:
    """Fail before a long replay, not after it, if its results could not be written."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise ReplayError(f"{folder}: cannot be the folder to write to: {nearest} is a file.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ReplayError(f"{folder}: cannot be the folder to write to: no permission to write in {nearest}.")
