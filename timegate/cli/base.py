"""What the commands share: how they are declared, what they print, how they fail."""

from __future__ import annotations

import io
import re
import shlex
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, overload

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import timegate as tg
from timegate.errors import InputError
from timegate.show.text import iso, printable

__all__ = [
    "Config",
    "app",
    "argument",
    "as_instant",
    "as_option",
    "main",
    "new_console",
    "new_table",
    "option",
    "plain",
    "reporting",
    "say",
]

INPUT_ERROR, INTERRUPTED = 2, 130

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_TYPED = re.compile(
    rf"(?P<day>{'|'.join(_DAYS)})?(?:(?: at)? ?(?P<clock>(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?))?"
    r" ?(?P<zone>z|utc|gmt|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?"
)

app = typer.Typer(
    help="Backtesting for model routing: replay days of traffic and faults through the routing of a gateway.",
    epilog="Example: timegate demo",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
)


def option(*names: str, **said: Any) -> Any:
    """Declare an option whose help says what holds without it, and whose file our own readers check, in one line."""
    return typer.Option(*names, readable=False, show_default=False, **said)


def argument(**said: Any) -> Any:
    """Declare an argument, as :func:`option` does an option."""
    return typer.Argument(readable=False, show_default=False, **said)


Config = Annotated[Path, argument(metavar="CONFIG", help="The gateway: YAML or JSON.")]


def main() -> None:
    """Run the command, as a shell does."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot write is no reason to stop.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="timegate")


@contextmanager
def reporting() -> Iterator[None]:
    """Print what is wrong with the input in one line, and leave with its exit code."""
    try:
        with warnings.catch_warnings():
            show = warnings.showwarning

            def show_in_one_line(message: Warning | str, category: type[Warning], *where: Any, **rest: Any) -> None:
                if issubclass(category, tg.TimegateWarning):
                    say("warning", "yellow", message)
                else:
                    show(message, category, *where, **rest)

            warnings.showwarning = show_in_one_line
            warnings.simplefilter("always", tg.TimegateWarning)
            yield
    except tg.TimegateError as error:
        say("error", "red", error.spelled(as_option) if isinstance(error, InputError) else error)
        raise typer.Exit(INPUT_ERROR) from None
    except BrokenPipeError:
        raise  # whoever read the output has gone: typer leaves without a word
    except OSError as error:
        say("error", "red", f"{error.filename}: {error.strerror}." if error.filename else error)
        raise typer.Exit(INPUT_ERROR) from None
    except KeyboardInterrupt:
        say("interrupted", "yellow", "what was not yet written is not there.")
        raise typer.Exit(INTERRUPTED) from None


def as_option(name: str, value: object) -> str:
    """Spell an argument that an error advises as an option.

    Examples
    --------
    >>> as_option("tz", "UTC"), as_option("sort", True), as_option("columns", {"at": "startTime"})
    ('--tz UTC', '--sort', '--columns at=startTime')
    """
    if isinstance(value, dict):
        value = shlex.quote(",".join(f"{key}={item}" for key, item in value.items()))
    return f"--{name}" if value is True else f"--{name} {value}"


@overload
def as_instant(text: str) -> str: ...
@overload
def as_instant(text: None) -> None: ...
@overload
def as_instant(text: str | None) -> str | None: ...
def as_instant(text: str | None) -> str | None:
    """Read a time that was typed.

    ``now``, a time of day, or a day in words with or without one; in UTC, unless it has an offset. How it is read is
    said. Anything else is left as it is.
    """
    if text is None:
        return None
    now = datetime.now(UTC)
    typed = " ".join(text.lower().split())
    if typed == "now":
        return iso(now)
    match = _TYPED.fullmatch(typed)
    if match is None or not (match["day"] or match["clock"]):
        return text
    day, clock, zone = match["day"] or "today", match["clock"] or "00:00", match["zone"] or "UTC"
    offset = zone if zone[0] in "+-" else "Z"
    here = now.astimezone(datetime.fromisoformat(f"{now:%Y-%m-%d}T00:00{offset}").tzinfo)
    hour, _, rest = clock.partition(":")
    read = f"{here + timedelta(days=_DAYS[day]):%Y-%m-%d}T{hour:0>2}:{rest}{offset}"
    say("note", "cyan", f"{text} is read as {read}: {day}, in {'UTC' if offset == 'Z' else f'UTC{zone}'}.")
    return read


def say(word: str, color: str, text: object) -> None:
    """Print a line to the standard error, after a coloured word."""
    line = Text.assemble((f"{word}:", f"bold {color}"), " ", plain(text))
    Console(stderr=True).print(line, soft_wrap=True)


def plain(text: object) -> Text:
    """Return text in one line: no markup, and control characters as escapes, for names may hold anything."""
    line = " ".join(str(text).split())
    return Text(printable(line), overflow="fold")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"timegate {tg.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def new_console() -> Console:
    """Return the console that results go to."""
    return Console(highlight=False)


def new_table(*headings: str, right: int = 0) -> Table:
    """Make a table whose last columns, as many as ``right``, hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, heading in enumerate(headings, start=right - len(headings)):
        table.add_column(heading, justify="right" if i >= 0 else "left", no_wrap=i >= 0)
    return table
