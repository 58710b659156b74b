"""The command ``gaps``."""

from __future__ import annotations

from typing import Annotated

import typer

import timegate as tg
from timegate.cli.base import Config, app, as_instant, new_console, new_table, option, plain, reporting
from timegate.show.text import duration, shown_instant

__all__ = ["gaps"]

FOUND = 1


@app.command()
@reporting()
def gaps(
    config: Config,
    start: Annotated[
        str | None, option("--from", metavar="TIME", help="A time with Z or an offset. Default: Monday 00:00.")
    ] = None,
    end: Annotated[str | None, option("--to", metavar="TIME", help="Default: a week after --from.")] = None,
    tz: Annotated[str, typer.Option(metavar="ZONE", help="The zone of the table.")] = "UTC",
) -> None:
    """List the minutes of a week that nobody serves.

    Exit codes, for CI: 0 if somebody is open at any time, 1 if not, 2 if
    the config cannot be read or is not valid.

    Example: timegate gaps gateway.yaml --tz Europe/Berlin
    """
    found = tg.gaps(config, as_instant(start), as_instant(end), tz)
    console = new_console()
    if found.empty:
        console.print("Somebody is open at any time of it.")
        return
    table = new_table("day", f"from ({tz})", "to", "length", right=1)
    for day, begins, ends, minutes in found.itertuples(index=False):
        table.add_row(plain(day), shown_instant(begins), shown_instant(ends), duration(60 * minutes))
    console.print(table)
    console.print(f"Nobody is open for {duration(60 * found['minutes'].sum())} in all.")
    raise typer.Exit(FOUND)
