"""The command ``schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from timegate.cli.base import app, new_console, option, plain, reporting
from timegate.errors import InvalidValueError, did_you_mean
from timegate.files import write_document
from timegate.formats.schema import config_schema, scenario_schema

__all__ = ["schema"]

SCHEMAS = {"config": config_schema, "scenario": scenario_schema}


@app.command()
@reporting()
def schema(
    what: Annotated[
        str, typer.Option("--for", metavar="FILE", help=f"The kind of file: {' or '.join(SCHEMAS)}.")
    ] = "config",
    out: Annotated[Path | None, option(metavar="PATH", help="The file to write to. Default: the terminal.")] = None,
) -> None:
    """Print the JSON Schema of a config or scenario, by which editors complete and check it.

    Beside a YAML file, it is named in the first line of that:
    # yaml-language-server: $schema=gateway.schema.json

    Example: timegate schema --for config --out gateway.schema.json
    """
    if what not in SCHEMAS:
        raise InvalidValueError(f"--for must name a kind of file. Got {what!r}.{did_you_mean(what, SCHEMAS)}")
    made = SCHEMAS[what]()
    if out is None:
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
        return
    write_document(out, made)
    new_console().print("Wrote", plain(out), soft_wrap=True)
