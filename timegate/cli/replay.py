"""The commands that replay: ``demo``, ``replay``, ``explain``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, cast

import pandas as pd
import typer
from rich.text import Text

import timegate as tg
from timegate.cli.base import Config, app, as_instant, new_console, new_table, option, plain, reporting
from timegate.cli.runs import (
    Columns,
    EngineName,
    EscapeFormulas,
    Origin,
    Out,
    ScenarioFile,
    Sort,
    TraceFile,
    Unit,
    Zone,
    check_folder,
    columns_of,
    print_head,
    print_pairs,
    write_folder,
)
from timegate.runs.replay import Engine
from timegate.samples import CONFIG, SCENARIO, TRACE, copy_samples, sample
from timegate.show.text import shown_instant

__all__ = ["demo", "explain", "replay"]


@app.command()
@reporting()
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write to.", readable=False)] = Path(
        "timegate-demo"
    ),
) -> None:
    """Replay a sample day through a sample gateway.

    The samples come with the package: a config of three deployments,
    50,000 arrivals of one day, and a scenario with two outages. They are
    copied to data/ in the folder, as a beginning of your own.

    Example: timegate demo --out my-first-replay
    """
    config, trace, scenario = map(sample, (CONFIG, TRACE, SCENARIO))
    _replay(config, trace, scenario, out)
    copy_samples(out / "data")
    new_console().print("The samples, to begin your own from:", plain(out / "data"), soft_wrap=True)


@app.command()
@reporting()
def replay(
    config: Config,
    trace: TraceFile,
    scenario: ScenarioFile = None,
    out: Out = None,
    tz: Zone = None,
    origin: Origin = None,
    sort: Sort = False,
    columns: Columns = None,
    unit: Unit = None,
    engine: EngineName = "auto",
    escape_formulas: EscapeFormulas = False,
) -> None:
    """Replay a trace through a gateway, with the faults of a scenario.

    No model is called: whether an attempt succeeds is up to the scenario.
    The report's axes and tables by time are in the zone of --tz.

    Example:
    timegate replay gateway.yaml --trace day.csv --scenario bad.yaml --out results
    """
    reading = {"tz": tz, "origin": origin, "sort": sort, "columns": columns_of(columns), "unit": unit}
    _replay(config, trace, scenario, out, reading, engine, escape_formulas)


@app.command()
@reporting()
def explain(
    config: Config,
    at: Annotated[
        str | None,
        option(
            metavar="TIME",
            help="A time with Z or an offset: 2026-03-02T03:10Z; 03:10 is today's, in UTC. Default: now.",
        ),
    ] = None,
    prefer: Annotated[str | None, option(metavar="NAME", help="The deployment that the call prefers.")] = None,
) -> None:
    """Say which deployments a call would try at a time, in which order, and why not the others.

    Example: timegate explain gateway.yaml --at 2026-03-02T03:10Z --prefer strong
    """
    explained = tg.GatewayConfig.load(config).explain(as_instant("now" if at is None else at), prefer)
    console = new_console()
    for line in filter(None, (explained.headline, explained.note)):
        console.print(plain(line), soft_wrap=True)
    table = new_table("place", "deployment", "provider", "closed by", "until (UTC)")
    for row, at in zip(explained.rows, explained.frame["until"], strict=True):
        place = row["place"] or "closed"
        until = "" if pd.isna(at) else shown_instant(pd.Timestamp(at))
        table.add_row(*map(plain, (place, row["deployment"], row["provider"], row["closed_by"], until)))
    console.print(table)


def _replay(
    config: Path,
    trace: Path,
    scenario: Path | None,
    out: Path | None,
    reading: Mapping[str, Any] | None = None,
    engine: str = "auto",
    escape_formulas: bool = False,
) -> None:
    """Replay files, print the summary, and write the folder if one is given."""
    # Here, for it imports matplotlib, for which --help and explain should not wait.
    from timegate.report import page as report

    if out is not None:
        check_folder(out)
    gateway = tg.GatewayConfig.load(config)
    faults = None if scenario is None else tg.Scenario.load(scenario)
    arrivals = tg.read_trace(trace, **(reading or {}))
    run = tg.replay(gateway, arrivals, faults, engine=cast("Engine", engine))

    console = new_console()
    print_head(console, run)
    table = new_table("", "replay", "share", report.BASELINE, right=3)
    for title, lines in report.summary_lines(run).items():
        table.add_row(Text(title, style="bold"))
        for line in lines:
            table.add_row(*map(plain, line))
        table.add_section()
    console.print(table)
    print_pairs(console, run.fallbacks(), "first choice", "served by")
    if out is None:
        console.print("With --out DIR, the tables, the plots and a report are written.")
        return
    tz = (reading or {}).get("tz") or "UTC"
    source = ", ".join(path.name for path in (config, trace, scenario) if path is not None)
    write_folder(out, lambda: report.write(run, out, source, escape_formulas, tz=tz))
