"""The command ``check``."""

from __future__ import annotations

from typing import Annotated, cast, get_args

import typer
from rich.text import Text

import timegate as tg
from timegate.cli.base import Config, app, as_instant, new_console, new_table, option, plain, reporting
from timegate.errors import InvalidValueError, did_you_mean
from timegate.review.findings import Severity
from timegate.show.text import period

__all__ = ["check"]

FOUND = 1
COLORS = {"error": "bold red", "warning": "yellow", "info": "cyan"}
FORMATS = ("table", "json")


@app.command()
@reporting()
def check(
    config: Config,
    fail_on: Annotated[
        str,
        typer.Option(metavar="SEVERITY", help=f"Leave with code 1 from this severity on: {', '.join(COLORS)}."),
    ] = "error",
    output: Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"{' or '.join(FORMATS)}.")] = "table",
    horizon: Annotated[
        float | None, option(metavar="DAYS", help="How far to look ahead. Default: the coming year.")
    ] = None,
    now: Annotated[
        str | None, option(metavar="TIME", help="From when: a time with Z or an offset. Default: the present.")
    ] = None,
) -> None:
    """Find what a config does that its owner may not have meant.

    Such as times at which nobody is open, windows that never apply, and
    windows that the clocks skip. Exit codes, for CI: 0 for no findings from
    --fail-on on, 1 for some, 2 if the config cannot be read or is not valid.

    Example: timegate check gateway.yaml --fail-on warning
    """
    _known(fail_on, get_args(Severity), "--fail-on")
    _known(output, FORMATS, "--format")
    findings = tg.check(config, horizon, now=as_instant(now))
    if output == "json":
        typer.echo(findings.to_json())
    else:
        _print(findings)
    if findings.at_least(cast("Severity", fail_on)):
        raise typer.Exit(FOUND)


def _print(findings: tg.Findings) -> None:
    console = new_console()
    if findings:
        table = new_table("", "code", "finding, and how to mend it")
        for finding in findings:
            text = Text("\n").join(
                [Text(plain(finding.place).plain, style="bold"), plain(finding.message), plain(finding.fix)]
            )
            table.add_row(Text(finding.severity, style=COLORS[finding.severity]), finding.code, text, end_section=True)
        console.print(table)
    looked_at = period(findings.periods[0][0], findings.periods[-1][1], "%Y-%m-%d %H:%M")
    console.print(f"{findings.headline} Looked at {looked_at}.", soft_wrap=True)


def _known(value: str, known: tuple[str, ...], option: str) -> None:
    if value not in known:
        raise InvalidValueError(f"{option} must be one of the known ones. Got {value!r}.{did_you_mean(value, known)}")
