"""The command that replays two configs side by side: ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

from rich.text import Text

import timegate as tg
from timegate.cli.base import app, argument, new_console, new_table, plain, reporting, say
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

__all__ = ["compare"]

ConfigA = Annotated[Path, argument(metavar="CONFIG_A", help="The gateway as it is.")]
ConfigB = Annotated[Path, argument(metavar="CONFIG_B", help="The one to compare with it.")]
WIDEST = 16
"""Of a heading that is the name of a file: longer ones are folded."""


@app.command()
@reporting()
def compare(
    config_a: ConfigA,
    config_b: ConfigB,
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
    """Replay two gateways under the same calls and faults, and say what differs.

    Both face the same luck: an attempt that a draw of the scenario fails
    in one fails in the other too.

    Example:
    timegate compare today.yaml proposal.yaml --trace day.csv --scenario bad.yaml
    """
    # Here, for it imports matplotlib, for which --help should not wait.
    from timegate.report import comparison

    if out is not None:
        check_folder(out)
    labels = _labels(config_a, config_b)
    gateways = [tg.GatewayConfig.load(path) for path in (config_a, config_b)]
    faults = tg.Scenario() if scenario is None else tg.Scenario.load(scenario)
    calls = tg.read_trace(trace, tz=tz, origin=origin, sort=sort, columns=columns_of(columns), unit=unit)
    runs = []
    for gateway, other, label in zip(gateways, reversed(gateways), labels, strict=True):
        own, absent = comparison.without_absent(faults, gateway, other)
        if absent:
            say("note", "cyan", f"{label} has no {', '.join(map(repr, absent))}: what befalls them is left out there.")
        runs.append(tg.replay(gateway, calls, own, engine=cast("Engine", engine)))
    a, b = runs

    console = new_console()
    print_head(console, a)
    console.print(plain(comparison.headline(a, b, labels)), soft_wrap=True)
    table = new_table("", *labels, "difference", right=3)
    for column, label in zip(table.columns[1:3], labels, strict=True):
        column.header, column.max_width, column.no_wrap, column.overflow = plain(label), WIDEST, False, "fold"
    for title, lines in comparison.changes(a, b).items():
        table.add_row(Text(title, style="bold"))
        for line in lines:
            table.add_row(*map(plain, line), style="dim" if line.difference == "same" else None)
        table.add_section()
    console.print(table)
    print_pairs(console, comparison.rerouted(a, b), f"in {labels[0]}", f"in {labels[1]}")
    if out is None:
        console.print("With --out DIR, the comparison is written as a table and a plot.")
        return
    write_folder(out, lambda: comparison.write(a, b, out, labels, escape_formulas))


def _labels(config_a: Path, config_b: Path) -> tuple[str, str]:
    """Return what the two are called: the names of their files, or as much more as tells them apart."""
    if config_a.name != config_b.name:
        return config_a.name, config_b.name
    if str(config_a) != str(config_b):
        return str(config_a), str(config_b)
    return f"{config_a.name} (A)", f"{config_b.name} (B)"
