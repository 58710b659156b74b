"""How things are written in text: lengths of time, instants, shares, counts, lists, figures.

It imports nothing of timegate, so that whatever has something to say can say it alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Literal

__all__ = [
    "amount",
    "and_more",
    "counted",
    "details",
    "duration",
    "figure",
    "iso",
    "listed",
    "percent",
    "period",
    "rounded",
    "shortened",
    "shown_instant",
    "time_of_day",
]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400
_UNITS_S = (("d", _DAY_S, _HOUR_S), ("h", _HOUR_S, _MINUTE_S), ("min", _MINUTE_S, 1))  # and the next smaller one
_EXACT = 2**53  # above, a whole number is a seed, which is copied and not read


def duration(seconds: float, style: Literal["compound", "rounded", "exact"] = "compound") -> str:
    """Write a length of time.

    Parameters
    ----------
    seconds : float
        At least 0.
    style : {"compound", "rounded", "exact"}
        ``"compound"``: in hours and minutes, to the minute; below a minute to the microsecond. ``"rounded"``: to three
        digits, in the largest unit that it fills. ``"exact"``: to the microsecond, in the largest unit of which it is
        a whole number.

    Examples
    --------
    >>> [duration(seconds) for seconds in (1e-6, 59.999999, 3_600, 5_400.000001)]
    ['1 µs', '59.999999 s', '1 h', '1 h 30 min']
    >>> [duration(seconds, "rounded") for seconds in (30, 59.99, 9_000, 487_296)]
    ['30 s', '1 min', '2.5 h', '5.64 d']
    >>> [duration(seconds, "exact") for seconds in (1.5, 5_400, 3_600, 172_800)]
    ['1.5 s', '90 min', '1 h', '2 days']
    """
    if style == "rounded":
        for unit, unit_s, smaller_s in _UNITS_S:
            if float(f"{seconds / smaller_s:.3g}") * smaller_s >= unit_s:  # 59.96 s would be written as 60
                return f"{max(1.0, float(f'{seconds / unit_s:.3g}')):,g} {unit}"
        return f"{seconds:.3g} s"
    if style == "exact":
        if seconds and seconds % _DAY_S == 0:
            return counted(int(seconds // _DAY_S), "day")
        for unit, unit_s, _ in _UNITS_S[1:]:
            if seconds and seconds % unit_s == 0:
                return f"{int(seconds // unit_s):,} {unit}"
    if style == "exact" or seconds < _MINUTE_S:
        us = round(seconds * 1e6)
        return f"{us} µs" if 0 < us < 1000 else f"{seconds:.6f}".rstrip("0").rstrip(".") + " s"
    hours, minutes = divmod(round(seconds / _MINUTE_S), 60)  # microseconds more or less are those of included ends
    return " ".join([f"{hours:,} h"] * (hours > 0) + [f"{minutes} min"] * (minutes > 0))


def percent(share: float, digits: int = 2, *, short: bool = False) -> str:
    """Write a share such that 0% means none and 100% means all.

    Parameters
    ----------
    share : float
        0 to 1.
    digits : int
        Decimals.
    short : bool
        Whether none and all are written without decimals; with them, a column lines up.

    Examples
    --------
    >>> percent(0.123456), percent(0.999999), percent(1.0), percent(1.0, short=True)
    ('12.35%', '>99.99%', '100.00%', '100%')
    >>> percent(0.5, 0), percent(0.0004, 1)
    ('50%', '<0.1%')
    """
    if short and share in (0, 1):
        digits = 0
    least = 10.0 ** -(digits + 2)
    if 0 < share < least:
        return f"<{least:.{digits}%}"
    return f">{1 - least:.{digits}%}" if 1 - least < share < 1 else f"{share:.{digits}%}"


def amount(value: float, currency: str) -> str:
    """Write an amount of money: to the cent, or to four digits where that is finer.

    Examples
    --------
    >>> amount(1234.5, "USD"), amount(0.0017524, "USD"), amount(0.0, "EUR"), amount(-0.5, "USD")
    ('1,234.50 USD', '0.001752 USD', '0.00 EUR', '-0.50 USD')
    >>> amount(float("nan"), "USD")
    'unknown'
    """
    if value != value:
        return "unknown"
    digits = 2
    if 0 < abs(value) < 1:
        digits = max(2, 3 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    while digits > 2 and text.endswith("0"):
        text, digits = text[:-1], digits - 1
    return f"{text} {currency}"


def printable(text: str) -> str:
    r"""Write what cannot be printed as escapes: names may hold anything, and no XML holds control characters.

    Examples
    --------
    >>> printable("a\x01b\ufffe")
    'a\\x01b\\ufffe'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(names: Sequence[str], most: int) -> list[str]:
    """Leave out the middle of names that have more than so many letters, unless two would then look alike.

    Examples
    --------
    >>> shortened(["gpt-4.1-mini-europe-1", "gpt-4.1-mini-europe-2", "weak"], 12)
    ['gpt-4.…ope-1', 'gpt-4.…ope-2', 'weak']
    """
    short = [name if len(name) <= most else f"{name[: most // 2]}…{name[1 - most // 2 :]}" for name in names]
    return [s if short.count(s) == 1 else name for s, name in zip(short, names, strict=True)]


def counted(number: int, noun: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "call"), counted(1200, "call")
    ('1 call', '1,200 calls')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listed(items: Iterable[object], word: str = "and", most: int = 4) -> str:
    """Join words as a sentence does; of many the first few.

    Parameters
    ----------
    items : iterable
    word : str
        What stands before the last. A comma makes a mere list.
    most : int
        How many are named if there are at least two more.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"], "or"), listed(["a", "b", "c"], ",")
    ('a', 'a, b or c', 'a, b, c')
    >>> listed("abcdef"), listed(range(1000), most=2)
    ('a, b, c, d and 2 others', '0, 1 and 998 others')
    """
    texts = list(map(str, items))
    if len(texts) > most + 1:
        texts[most:] = [counted(len(texts) - most, "other")]
        word = word if word != "," else "and"
    before = ", ".join(texts[:-1])
    return f"{before}{', ' if word == ',' else f' {word} '}{texts[-1]}" if before else "".join(texts)


def and_more(number: int, most: int, what: str = "more") -> list[str]:
    """Write what follows a list that is cut: a line that counts the others, or none if there are none.

    Examples
    --------
    >>> and_more(48, 40), and_more(40, 40), and_more(1500, 60, "more pairs")
    (['and 8 more'], [], ['and 1,440 more pairs'])
    """
    return [f"and {number - most:,} {what}"] if number > most else []


def details(fields: Mapping[str, object]) -> str:
    """Write named values in a line.

    Examples
    --------
    >>> details({"error": "timeout", "after_s": 30.0})
    'error timeout, after s 30.0'
    >>> details({"max_retries": 2, "backoff": {"initial_s": 1, "jitter": "full"}})
    'max retries 2, backoff (initial s 1, jitter full)'
    """
    texts = {name: f"({details(value)})" if isinstance(value, Mapping) else value for name, value in fields.items()}
    return ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in texts.items())


def time_of_day(minutes: int) -> str:
    """Write how many minutes after midnight a clock shows, as windows say it.

    Examples
    --------
    >>> time_of_day(545)
    '09:05'
    """
    return f"{minutes // 60:02}:{minutes % 60:02}"


def iso(at: datetime, *, short: bool = False) -> str:
    """Write an instant as files hold it, in ISO 8601 with ``Z``; short, without seconds that are 0.

    Examples
    --------
    >>> from datetime import UTC
    >>> iso(datetime(2026, 3, 2, 9, tzinfo=UTC)), iso(datetime(2026, 3, 2, 9, tzinfo=UTC), short=True)
    ('2026-03-02T09:00:00Z', '2026-03-02T09:00Z')
    """
    text = at.isoformat().replace("+00:00", "Z")
    return f"{text.removesuffix(':00Z')}Z" if short and text.endswith(":00Z") else text


def shown_instant(at: datetime) -> str:
    """Write an instant for people to read, in UTC: without seconds that are 0, and without the microsecond by which
    something comes after the included end of a window.

    Examples
    --------
    >>> shown_instant(datetime(2026, 3, 2, 7, microsecond=1)), shown_instant(datetime(2026, 3, 2, 7, 0, 1, 500_000))
    ('2026-03-02 07:00', '2026-03-02 07:00:01.500000')
    """  # noqa: D205 - one thought
    if at.microsecond == 1 and at.second == 0:
        at = at.replace(microsecond=0)
    return f"{at:%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000").removesuffix(":00")


def period(start: date, end: date, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Write a stretch of time in UTC, or one of dates in a form without times.

    Examples
    --------
    >>> period(datetime(2026, 3, 2), datetime(2026, 3, 9), "%Y-%m-%d %H:%M")
    '2026-03-02 00:00 to 2026-03-09 00:00 UTC'
    >>> period(date(2026, 3, 2), date(2026, 3, 9), "%Y-%m-%d")
    '2026-03-02 to 2026-03-09'
    """
    return f"{start:{form}} to {end:{form}}{' UTC' if '%H' in form else ''}"


def figure(value: object, form: str = ",.4g") -> str:
    """Write a value of a table: text, a number in a form, an instant; missing ones are empty.

    Parameters
    ----------
    value : object
    form : str
        Of numbers that are not whole.

    Examples
    --------
    >>> figure(0.90908), figure(0.90908, ".2f"), figure(50_000), figure(None), figure("weak")
    ('0.9091', '0.91', '50,000', '', 'weak')
    """
    if value is None or value != value:  # NaN and NaT are unequal to all
        return ""
    if isinstance(value, float):
        return format(value, form)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) and value < _EXACT else str(value)


def rounded(value: float, digits: int = 4) -> str:
    """Write a number to so many digits, or to all of its whole ones; missing ones are empty.

    Examples
    --------
    >>> rounded(0.0012345), rounded(12_345.678), rounded(3.0), rounded(float("nan"))
    ('0.001234', '12,346', '3', '')
    """
    if value != value:
        return ""
    decimals = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:,.{min(max(decimals, 0), 12)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
