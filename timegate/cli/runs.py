"""What the commands that replay share: their options, what they print of a replay, and how they write a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, get_args

import pandas as pd
import typer
from rich.console import Console

import timegate as tg
from timegate.cli.base import as_instant, new_console, new_table, option, plain
from timegate.errors import ReplayError, TraceError, shown
from timegate.runs.replay import Engine
from timegate.show.text import and_more, counted

__all__ = [
    "Columns",
    "EngineName",
    "EscapeFormulas",
    "Origin",
    "Out",
    "ScenarioFile",
    "Sort",
    "TraceFile",
    "Unit",
    "Zone",
    "check_folder",
    "columns_of",
    "print_head",
    "print_pairs",
    "write_folder",
]

MOST_PAIRS = 12

TraceFile = Annotated[
    Path,
    option(
        "--trace",
        metavar="FILE",
        help="The arrivals: CSV, JSON lines or Parquet with the column 'at', a published trace, or a gateway's log.",
    ),
]
ScenarioFile = Annotated[
    Path | None, option("--scenario", metavar="FILE", help="The faults: YAML or JSON. Default: none.")
]
Out = Annotated[
    Path | None,
    option(
        "--out",
        metavar="DIR",
        help="The folder for tables, plots and what else is made. Without it, tables are printed and no more.",
    ),
]
Zone = Annotated[
    str | None,
    option("--tz", metavar="ZONE", help="The zone of times that state none, such as UTC."),
]
Origin = Annotated[
    str | None,
    option(
        "--origin", metavar="TIME", help="Whence times count that are numbers, such as BurstGPT's.", callback=as_instant
    ),
]
EscapeFormulas = Annotated[
    bool,
    typer.Option("--escape-formulas", help="Keep spreadsheets from computing names such as =1+1 in the CSV of --out."),
]
Columns = Annotated[
    str | None,
    option(
        "--columns",
        metavar="NAME=COLUMN,...",
        help="What the columns of the trace mean: at=startTime,prompt_tokens=tokens_in.",
    ),
]
Unit = Annotated[
    str | None, option("--unit", metavar="UNIT", help="What times that are numbers count: s, ms, us or ns.")
]
Sort = Annotated[bool, typer.Option("--sort", help="Sort arrivals that are not in order of time.")]
EngineName = Annotated[
    str,
    typer.Option("--engine", metavar="NAME", help=f"One of {', '.join(get_args(Engine))}; auto takes the fastest."),
]


def columns_of(text: str | None) -> dict[str | int, str | int] | None:
    """Read the option ``--columns``."""
    if text is None:
        return None
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and column for name, _, column in pairs):
        raise TraceError(f"--columns must look like at=startTime,prompt_tokens=tokens_in. Got {shown(text)}.")
    return {name.strip(): column.strip() for name, _, column in pairs}


def check_folder(folder: Path) -> None:
    """Fail before a long replay, not after it, if its results could not be written."""
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise ReplayError(f"{folder}: cannot be the folder to write to: {nearest} is a file.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ReplayError(f"{folder}: cannot be the folder to write to: no permission to write in {nearest}.")


def print_head(console: Console, run: tg.Replay) -> None:
    """Print what was replayed: how many calls, when, how, and what the trace has to say."""
    number = counted(len(run), "call")
    console.print(f"{number}, {run.trace.period}; engine {run.engine}, seed {run.scenario.seed}.", soft_wrap=True)
    for note in run.trace.notes:
        console.print(plain(note), soft_wrap=True)


def print_pairs(console: Console, pairs: pd.DataFrame, one: str, other: str) -> None:
    """Print who stands for whom in how many calls, the most frequent first."""
    if len(pairs):
        table = new_table(one, other, "calls", right=1)
        for row in pairs.head(MOST_PAIRS).itertuples(index=False):
            table.add_row(plain(row[0]), plain(row[1]), f"{row[2]:,}")
        console.print(table)
    for line in and_more(len(pairs), MOST_PAIRS, "more pairs."):
        console.print(line)


def write_folder(folder: Path, write: Callable[[], list[Path]]) -> None:
    """Write into a folder, and print each file with a word if it took the place of another."""
    before = set(folder.iterdir()) if folder.is_dir() else set()
    with Console(stderr=True).status("drawing and writing"):
        paths = write()
    console = new_console()
    console.print("Wrote:")
    for path in paths:
        console.print(" ", plain(f"{path}{' (replaced)' if path in before else ''}"), soft_wrap=True)
