"""Files of dates of one's own, which windows take for holidays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from timegate.core.spelling import DATE_FILE, read_date
from timegate.errors import ConfigError, MissingExtraError, shown
from timegate.files import as_path, read_text
from timegate.problems import Problem

__all__ = ["read_holidays", "with_dates"]

_MOST_DAYS = 3660  # of one event


def read_holidays(path: str | Path) -> tuple[date, ...]:
    r"""Read the dates of a file, for the ``holidays`` of a window.

    Parameters
    ----------
    path : path
        A text with a date a line, as in ``2026-12-24``; what follows a space, comma or ``#`` is a remark, and a first
        line without a digit is a heading. Or a calendar (``.ics``, extra ``ics``), of which whole-day events count.

    Returns
    -------
    tuple of date
        Sorted, each once.

    Raises
    ------
    ConfigError
        If the file cannot be read, or a line of it is no date; the message begins with the path.
    MissingExtraError
        If it is a calendar, and the package ``icalendar`` is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from timegate import Window
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "closures.csv"
    ...     _ = file.write_text("date,why\n2026-12-24,Christmas Eve\n2026-12-31,New Year's Eve\n")
    ...     print(Window("08:00", "18:00", holidays=read_holidays(file)))
    08:00-18:00 UTC, not on holidays 2026-12-24 2026-12-31
    """
    path = as_path(path)
    text = read_text(path, ConfigError)
    dates = tuple(sorted({*(_of_calendar(path, text) if path.suffix.lower() == ".ics" else _of_lines(path, text))}))
    if not dates:
        raise ConfigError(f"{path}: must name at least one date.")
    return dates


def with_dates(data: Any, folder: Path, *, instead: date | None = None) -> Any:
    """Return the plain data of a config with each file that ``holidays`` names replaced by its dates.

    Parameters
    ----------
    data : object
    folder : Path
        Where relative paths begin.
    instead : date, optional
        What stands for a file that cannot be read. Default: it is an error.

    Raises
    ------
    ConfigError
        If a file cannot be read; the message begins with the place that names it.
    """

    def filled(value: Any, place: tuple[int | str, ...]) -> Any:
        if isinstance(value, list):
            return [filled(item, (*place, i)) for i, item in enumerate(value)]
        if not isinstance(value, dict):
            if place[-1:] != ("holidays",) or not isinstance(value, str) or not re.fullmatch(DATE_FILE, value):
                return value
            try:
                return list(read_holidays(folder / value))
            except ConfigError as error:
                if instead is not None:
                    return [instead]
                raise ConfigError(Problem(place, f"must name a file of dates. {error}")) from None
        return {key: filled(item, (*place, key)) for key, item in value.items()}

    return filled(data, ())


def _of_lines(path: Path, text: str) -> Iterator[date]:
    for number, line in enumerate(text.splitlines(), start=1):
        item = re.split(r"[\s,;#]", line.strip(), maxsplit=1)[0].strip("\"'")
        if not item or (number == 1 and not re.search("[0-9]", item)):
            continue
        try:
            yield read_date(item, "date")
        except ValueError:
            text = f"line {number} must begin with a local date like '2026-03-02'. Got {shown(line)}."
            raise ConfigError(f"{path}: {text}") from None


def _of_calendar(path: Path, text: str) -> Iterator[date]:
    try:
        import icalendar
    except ImportError as error:
        raise MissingExtraError("a calendar needs the package icalendar: pip install 'timegate[ics]'") from error
    try:
        events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{path}: must be a calendar: {error}") from None
    for event in events:
        first, last = event.get("dtstart"), event.get("dtend")
        if first is None or isinstance(first.dt, datetime):
            continue  # an appointment
        if "rrule" in event:
            name = shown(str(event.get("summary", "")))
            raise ConfigError(f"{path}: its events must be single ones: {name} recurs. Give its dates, or a country.")
        days = (last.dt - first.dt).days if last is not None else 1
        yield from (first.dt + timedelta(days=n) for n in range(min(max(days, 1), _MOST_DAYS)))
