"""How the fields of a window are written: each read into the one spelling that it is kept in, and its JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from timegate.errors import InvalidTypeError, WindowError, did_you_mean, shown
from timegate.problems import Problem
from timegate.show.text import time_of_day

__all__ = [
    "DATE_FILE",
    "DAYS",
    "DAY_NAMES",
    "FORMS",
    "MONTHS",
    "MONTH_NAMES",
    "ON",
    "read_date",
    "read_dates",
    "read_days",
    "read_days_of_month",
    "read_end",
    "read_months",
    "read_time",
    "runs",
]

_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
DAYS = tuple(name[:3] for name in _FULL_DAYS)
MONTHS = tuple(name[:3] for name in _FULL_MONTHS)
DAY_NAMES = {name: full[:3] for full in _FULL_DAYS for name in (full, full[:3])}
MONTH_NAMES = {name: full[:3] for full in _FULL_MONTHS for name in (full, full[:3])}

ON = ("skip", "only")
DATE_FILE = r".+\.(txt|csv|ics)"
"""The name of a file of dates, in the place of a country."""

_TIME = re.compile("([0-9]{1,2}):([0-9]{1,2})")
_DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")  # the standard library also takes 2026-W10 and 2026030299
_NTH = re.compile("-?[1-5]")


def read_time(value: object, field: str) -> str:
    """Read a local time ``"HH:MM"``; as an end, ``"24:00"`` too.

    Examples
    --------
    >>> read_time("9:05", "start")
    '09:05'
    """
    if not isinstance(value, str):
        hint = ""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1440:
            hint = f"YAML 1.1 readers turn an unquoted {time_of_day(value)} into a number: quote it."
        got = f"{shown(value)} ({type(value).__name__})"
        text = f"must be a string: start and end must be strings like '22:00'. Got {got}."
        raise InvalidTypeError(Problem((field,), text, hint))
    match = _TIME.fullmatch(value)
    hour, minute = (int(part) for part in match.groups()) if match else (99, 99)
    if (hour, minute) == (24, 0):
        if field == "end":
            return "24:00"
        raise WindowError(Problem((field,), "must not be '24:00', which is an end only: use '00:00'."))
    if hour > 23 or minute > 59:
        raise WindowError(Problem((field,), f"must look like 'HH:MM'. Got {shown(value)}."))
    return f"{hour:02}:{minute:02}"


def read_end(value: object) -> str:
    """Read the end of a window: a local time, or one on the next such weekday.

    Examples
    --------
    >>> read_end("Monday 8:00")
    'mon 08:00'
    """
    if not isinstance(value, str) or " " not in value:
        return read_time(value, "end")
    name, _, time = value.partition(" ")
    if name.lower() not in DAY_NAMES:
        text = f"must look like 'HH:MM', or 'mon HH:MM'. Got {shown(value)}."
        raise WindowError(Problem(("end",), text, did_you_mean(name, DAYS)))
    return f"{DAY_NAMES[name.lower()]} {read_time(time, 'end')}"


def read_date(value: object, field: str) -> date:
    """Read a local date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise WindowError(Problem((field,), f"must be a local date like '2026-03-02'. Got {shown(value)}."))


def read_dates(value: object, field: str) -> tuple[date, ...]:
    """Read a list of local dates, sorted and each once."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidTypeError(Problem((field,), f"must be a list of dates like ['2026-12-25']. Got {shown(value)}."))
    return tuple(sorted({read_date(item, field) for item in value}))


def read_days(value: object) -> tuple[str, ...] | None:
    """Read weekdays: one or a list of ``"mon"``, ``"mon-fri"``, and ``"mon#1"``, the first Monday of a month.

    Examples
    --------
    >>> read_days(["mon-wed", "Sunday", "fri#-1"])
    ('mon', 'tue', 'wed', 'fri#-1', 'sun')
    """
    if value is None:
        return None
    every: set[str] = set()
    some: set[tuple[str, int]] = set()
    for item in _items(value, "days", "weekdays like 'mon-fri' or ['mon', 'wed']"):
        if not isinstance(item, str) or "#" not in item:
            every |= set(_range(item, "days", "weekdays", DAYS, DAY_NAMES))
            continue
        name, _, nth = item.lower().partition("#")
        if name not in DAY_NAMES or not _NTH.fullmatch(nth):
            text = (
                "must be weekdays, of a month those from 'mon#1' to 'mon#5' or, counted from its end, 'mon#-1' to "
                f"'mon#-5'. Got {shown(item)}."
            )
            raise WindowError(Problem(("days",), text, "" if name in DAY_NAMES else did_you_mean(name, DAYS)))
        some.add((DAY_NAMES[name], int(nth)))
    if not every and not some:
        raise WindowError(Problem(("days",), "must name at least one weekday, or be left out for every day. Got []."))
    found: list[str] = []
    for day in DAYS:
        numbers = sorted((n for name, n in some if name == day), key=lambda n: (n < 0, n))
        found += [day] if day in every else [f"{day}#{n}" for n in numbers]
    return tuple(found)


def read_months(value: object) -> tuple[str, ...] | None:
    """Read months: one or a list of ``"mar"`` and ``"jan-mar"``."""
    if value is None:
        return None
    found: set[str] = set()
    for item in _items(value, "months", "months like 'jan-mar' or ['mar', 'jun']"):
        found |= set(_range(item, "months", "months", MONTHS, MONTH_NAMES))
    if not found:
        raise WindowError(Problem(("months",), "must name at least one month, or be left out for every month. Got []."))
    return tuple(month for month in MONTHS if month in found)


def read_days_of_month(value: object) -> tuple[int, ...] | None:
    """Read days of a month: one or a list of 1 to 31, and -1 to -31 from its end; those come last."""
    if value is None:
        return None
    wanted = "days of a month: 1 to 31, or -1 (the last) to -31"
    found: set[int] = set()
    for item in [value] if isinstance(value, int) else _items(value, "days_of_month", f"{wanted}, like [1, 15, -1]"):
        if not isinstance(item, int) or isinstance(item, bool) or not 1 <= abs(item) <= 31:
            raise WindowError(Problem(("days_of_month",), f"must be {wanted}. Got {shown(item)}."))
        found.add(item)
    if not found:
        raise WindowError(
            Problem(("days_of_month",), "must name at least one day, or be left out for every day. Got [].")
        )
    return tuple(sorted(found, key=lambda number: (number < 0, number)))


def runs(names: Sequence[str], cycle: Sequence[str]) -> list[str]:
    """Write names of a cycle as people do: three or more that follow each other as a range, also across its end.

    Examples
    --------
    >>> runs(["mon", "wed", "fri", "sat", "sun"], DAYS)
    ['wed', 'fri-mon']
    >>> runs(["mon", "tue", "fri#1"], DAYS)
    ['mon', 'tue', 'fri#1']
    """
    if set(names) == set(cycle):
        return [f"{cycle[0]}-{cycle[-1]}"]
    following = dict(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    after = {following[name] for name in names if name in following}
    written: list[str] = []
    for name in names:
        if name in after:
            continue  # it stands in the run of the one before it
        run = [name]
        while following.get(run[-1]) in names:
            run.append(following[run[-1]])
        written += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else run
    return written


def _items(value: object, field: str, wanted: str) -> Iterator[object]:
    """Take a text for a list of one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    else:
        raise InvalidTypeError(Problem((field,), f"must be {wanted}. Got {shown(value)}."))


_SAID = {
    **dict.fromkeys(("weekday", "weekdays", "workday", "workdays"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
}


def _range(item: object, field: str, noun: str, cycle: Sequence[str], known: dict[str, str]) -> Iterator[str]:
    """Read a name of a cycle, or a range of them, which may run across its end."""
    ends = item.lower().split("-") if isinstance(item, str) else []
    if not 1 <= len(ends) <= 2 or any(end not in known for end in ends):
        wrong = next((end for end in ends if end not in known), item) if len(ends) == 2 else item
        meant = _SAID.get(wrong.lower()) if isinstance(wrong, str) and field == "days" else None
        hint = f"Did you mean {meant!r}?" if meant else did_you_mean(wrong, cycle)
        raise WindowError(Problem((field,), f"must be {noun}. Got {shown(item)}.", hint))
    first, last = cycle.index(known[ends[0]]), cycle.index(known[ends[-1]])
    if len(ends) == 2 and first == last:
        text = f"must range over different {noun}. Got {shown(item)}."
        raise WindowError(Problem((field,), text, f"Write {cycle[first]!r}, or for all leave {field} out."))
    for step in range((last - first) % len(cycle) + 1):
        yield cycle[(first + step) % len(cycle)]


def _forms() -> dict[str, dict[str, Any]]:
    def one_or_some(item: dict[str, Any]) -> dict[str, Any]:
        return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}, {"type": "null"}]}

    def names(known: Iterable[str], pattern: str) -> dict[str, Any]:  # some to complete, and whatever else is read
        return {"anyOf": [{"enum": sorted(known, key=len)}, {"type": "string", "pattern": f"^({pattern})$"}]}

    def any_case(known: Iterable[str]) -> str:
        return "|".join("".join(f"[{c.upper()}{c}]" for c in name) for name in known)

    time, weekday, month = "([01]?[0-9]|2[0-3]):[0-5]?[0-9]", any_case(DAY_NAMES), any_case(MONTH_NAMES)
    day = {"type": "string", "pattern": f"^{_DATE.pattern}$"}
    dates = {"type": "array", "items": day}
    number = {"type": "integer", "minimum": -31, "maximum": 31, "not": {"const": 0}}
    whose = {"type": "string", "pattern": f"^([A-Za-z]{{2}}(-[^ ]+)?|{DATE_FILE})$"}
    end = f"^(({weekday}) )?({time}|24:00?)$"
    days = names(DAY_NAMES, f"({weekday})(-({weekday})|#-?[1-5])?")
    return {
        "start": {"type": "string", "pattern": f"^{time}$", "examples": ["22:00"]},
        "end": {"type": "string", "pattern": end, "examples": ["06:00", "24:00", "mon 08:00"]},
        "tz": {"type": "string", "examples": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]},
        "days": {**one_or_some(days), "examples": ["mon-fri", ["mon", "wed"], ["mon#1"]]},
        "since": {**day, "type": ["string", "null"], "examples": ["2026-03-02"]},
        "until": {**day, "type": ["string", "null"], "examples": ["2026-12-31"]},
        "except_dates": {**dates, "examples": [["2026-12-25"]]},
        "months": {
            **one_or_some(names(MONTH_NAMES, f"({month})(-({month}))?")),
            "examples": ["jan-mar", ["mar", "jun", "sep", "dec"]],
        },
        "days_of_month": {**one_or_some(number), "examples": [[1, 15, -1]]},
        "holidays": {
            "anyOf": [whose, dates, {"type": "null"}],
            "examples": ["DE", "DE-BY", ["2026-12-24"], "closures.txt"],
        },
        "on_holidays": {"enum": list(ON)},
        "end_included": {"type": "boolean"},
    }


FORMS = _forms()
"""The JSON Schema of each field."""
