"""The command ``diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

import timegate as tg
from timegate.cli.base import app, argument, as_instant, new_console, new_table, option, plain, reporting
from timegate.core.clock import from_us, to_us

__all__ = ["diff"]

DIFFER = 1


@app.command()
@reporting()
def diff(
    before: Annotated[Path, argument(metavar="A", help="The gateway before.")],
    after: Annotated[Path, argument(metavar="B", help="The gateway after.")],
    start: Annotated[
        str | None,
        option("--from", metavar="TIME", help="A time with Z or an offset. Default: Monday 00:00 UTC of this week."),
    ] = None,
    end: Annotated[str | None, option("--to", metavar="TIME", help="Default: a week after --from.")] = None,
) -> None:
    """Show where two configs route differently, exactly.

    Exit codes, as of diff(1): 0 if routing is the same, 1 if it differs,
    2 if a config cannot be read or is not valid.

    Example: timegate diff old.yaml new.yaml --from 2026-03-02T00:00Z
    """
    first, last = (
        None if at is None else from_us(to_us(as_instant(at), option))
        for at, option in ((start, "--from"), (end, "--to"))
    )
    found = tg.diff(before, after, first, last)
    console = new_console()
    for line in (found.headline, *found.notes):
        console.print(plain(line), soft_wrap=True)
    if len(found):
        table = new_table("when", "preferred", "before", "after")
        for preferred, when, _, old, new in found.recurring.itertuples(index=False):
            table.add_row(plain(when), plain("" if pd.isna(preferred) else preferred), plain(old), plain(new))
        console.print(table)
    if found:
        raise typer.Exit(DIFFER)
