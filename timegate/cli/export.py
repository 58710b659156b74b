"""The command that exports: ``export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import timegate as tg
from timegate.cli.base import INPUT_ERROR, Config, app, as_option, new_console, option, plain, reporting, say
from timegate.errors import ConfigError
from timegate.formats.registry import FORMATS

__all__ = ["export"]


@app.command()
@reporting()
def export(
    config: Config,
    to: Annotated[str, option(metavar="TARGET", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, option(metavar="PATH", help="The file to write; its suffix chooses between YAML and JSON.")],
    lossy: Annotated[
        bool, typer.Option("--lossy", help="Leave out what the target cannot say; the file lists it.")
    ] = False,
) -> None:
    """Write a config in the format of another tool, or in ours, checked.

    Without --lossy, nothing is written if the target cannot say all of it.
    A config of msgflux or LiteLLM is read as well.

    Example: timegate export gateway.yaml --to msgflux --out state.json
    """
    gateway = tg.GatewayConfig.load(config)
    try:
        exported = gateway.export(to, out, lossy=lossy)
    except ConfigError as error:
        for problem in error.problems:
            say("error", "red", problem.spelled(as_option))
        raise typer.Exit(INPUT_ERROR) from None
    console = new_console()
    for line in str(exported).splitlines():
        console.print(plain(line), soft_wrap=True)
