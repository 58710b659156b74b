"""The command that makes a scenario of a history of incidents: ``scenario``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console

import timegate as tg
from timegate.cli.base import app, argument, as_instant, new_console, new_table, option, plain, reporting
from timegate.errors import IncidentError, shown
from timegate.files import dump_yaml
from timegate.incidents.mapping import By, MappedFaults
from timegate.show.text import counted

__all__ = ["scenario"]


@app.command()
@reporting()
def scenario(
    files: Annotated[
        list[Path],
        argument(
            metavar="INCIDENTS", help="Histories of a status page: incidents.json, scheduled-maintenances.json, or CSV."
        ),
    ],
    map_: Annotated[
        list[str],
        option(
            "--map",
            metavar="NAME=TARGET",
            help="Whom the incidents of a component or page befall: a deployment, or provider:NAME. "
            "'*' is all that no other takes. May be repeated.",
        ),
    ],
    out: Annotated[
        Path | None, option(metavar="FILE", help="The scenario to write: YAML or JSON. Without it, it is printed.")
    ] = None,
    min_impact: Annotated[
        str | None,
        option(metavar="IMPACT", help="The least that counts: none, minor, major, critical. Default: major."),
    ] = None,
    component: Annotated[
        list[str] | None, option(metavar="NAME", help="Only incidents that name it. May be repeated.")
    ] = None,
    error_rate: Annotated[
        list[str] | None,
        option(
            metavar="IMPACT=RATE",
            help="Incidents of an impact fail only a share of the attempts: minor=0.1. May be repeated.",
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="WHAT", help="The impact that counts: that of the incident, or of its component.")
    ] = "incident",
    titles: Annotated[
        bool, typer.Option("--titles", help="Take the component from the title where none is named.")
    ] = False,
    maintenance: Annotated[bool, typer.Option("--maintenance", help="Scheduled maintenance counts too.")] = False,
    start: Annotated[
        str | None,
        option("--from", metavar="TIME", help="Only incidents that are not over by then: a time with Z or an offset."),
    ] = None,
    end: Annotated[str | None, option("--to", metavar="TIME", help="Only incidents that start before then.")] = None,
    until: Annotated[
        str | None, option(metavar="TIME", help="When open incidents end. Default: with the trace.")
    ] = None,
    zero_length_s: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long incidents last that state no length; 0 drops them.")
    ] = 0.0,
    page: Annotated[str | None, option(metavar="NAME", help="Names the page that the files are of.")] = None,
    config: Annotated[Path | None, option(metavar="FILE", help="A gateway, to check the targets by.")] = None,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Of the scenario's draws.")] = 0,
) -> None:
    """Make a scenario of the incidents that a status page publishes.

    What is dropped or guessed is listed.

    Example:
    timegate scenario incidents.json --map Copilot=strong --out bad.yaml
    """
    gateway = None if config is None else tg.GatewayConfig.load(config)
    targets: dict[str, list[str]] = {}
    for pair in map_:
        name, target = _pair(pair, "--map", "NAME=TARGET")
        targets.setdefault(name, []).append(target)
    faults = tg.read_incidents(*files, page=page).to_faults(
        targets,
        min_impact=min_impact,
        components=component or None,
        error_rates=dict(_rate(pair) for pair in error_rate or []),
        by=cast("By", by),
        titles=titles,
        maintenance=maintenance,
        start=as_instant(start),
        end=as_instant(end),
        until=as_instant(until),
        zero_length_s=zero_length_s,
        config=gateway,
    )
    made = faults.scenario(seed)
    if out is None:
        _print_decisions(faults, Console(stderr=True, highlight=False))  # so that the output is the scenario alone
        typer.echo(dump_yaml(made.to_dict()), nl=False)
        return
    made.save(out)
    console = new_console()
    _print_decisions(faults, console)
    console.print("Wrote:", plain(out), soft_wrap=True)


def _print_decisions(faults: MappedFaults, console: Console) -> None:
    console.print(plain(f"{faults.description}."), soft_wrap=True)
    table = new_table("", "rule", "incidents", right=1)
    for action, rule, ids in faults.decisions:
        table.add_row(plain(action), plain(rule), f"{len(ids):,}")
    if table.row_count:
        console.print(table)
    if not faults:
        console.print(f"No incident became a fault: the scenario has {counted(0, 'fault')}.")


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.rpartition("=")
    if not (name and equals and value):
        raise IncidentError(f"{option} must look like {form}. Got {shown(text)}.")
    return name, value


def _rate(text: str) -> tuple[str, float]:
    impact, rate = _pair(text, "--error-rate", "IMPACT=RATE")
    try:
        return impact, float(rate)
    except ValueError:
        raise IncidentError(f"--error-rate must look like minor=0.1. Got {shown(text)}.") from None
