"""YAML 1.2: read as plain data, written so that readers of YAML 1.1 understand it alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

import yaml

from timegate.errors import shown

__all__ = ["compose", "dump", "events", "is_misread", "is_plain", "parse", "plain_value", "scalar"]

# The core schema of YAML 1.2 (section 10.3.2): times and dates are text.
_SCALARS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda text: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text[0] in "tT"),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)
# libyaml is some thirty times as fast as a scanner in Python, which some platforms have to do with.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")

# Plain in every version of YAML: starts with a letter, and is no spelling of a boolean or null.
_PLAIN = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9_./ -]*(?<! )", re.IGNORECASE)
# Without quotes no text, in some version of YAML: a number, time, date, boolean or null.
_MISREAD = re.compile(r"[^A-Za-z].*|y|n|yes|no|on|off|true|false|null", re.IGNORECASE | re.DOTALL)


def is_plain(text: str) -> bool:
    """Whether a text needs no quotes: readers of any version of YAML take it for text."""
    return _PLAIN.fullmatch(text) is not None


def is_misread(text: str) -> bool:
    """Whether some reader of YAML might take a text without quotes for something else."""
    return _MISREAD.fullmatch(text) is not None


def parse(text: str, max_values: int = 250_000, max_depth: int = 50) -> Any:
    """Read plain data: mappings, lists, text, numbers, booleans and None.

    Parameters
    ----------
    text : str
        One document, which may use aliases and merge keys (``<<``).
    max_values, max_depth : int
        How many values it may hold, with all aliases unfolded, and how many levels.

    Raises
    ------
    ValueError
        If the text is no YAML, has a key twice, a tag that would build an object, or is too large.
    """
    try:
        return _Document(events(text), max_values, max_depth).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if mark is not None:
            _refuse_depth(text[: mark.index], max_values, max_depth)
        is_tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
        _fail("found a tab, which is no indentation in YAML: use spaces" if is_tab else _problem(error), mark)
    except yaml.reader.ReaderError as error:
        raise ValueError(f"found the character {chr(error.character)!r}, which no YAML may hold") from None


def _refuse_depth(text: str, max_values: int, max_depth: int) -> None:
    """Raise our own error if a text is nested too deeply, before a parser's own bound ends it in words of its own."""
    with suppress(yaml.YAMLError):
        _Document(events(text), max_values, max_depth).read()


def compose(text: str) -> yaml.Node | None:
    """Return the nodes of a document that :func:`parse` reads, which know their places; None if it uses aliases."""
    if any(isinstance(event, yaml.AliasEvent) for event in events(text)):
        return None
    return yaml.compose(text, Loader=_Loader)


def events(text: str) -> Iterator[yaml.Event]:
    """Parse a document, event by event."""
    return yaml.parse(text, Loader=_Loader)


class _Anchored(NamedTuple):
    """A value that has a name, and how many values it is."""

    value: Any
    size: int


class _Document:
    """Plain data from the events of a parser."""

    def __init__(self, events: Iterator[yaml.Event], max_values: int, max_depth: int) -> None:
        self.events = events
        self.max_values = max_values
        self.max_depth = max_depth
        self.size = 0
        self.anchors: dict[str, _Anchored] = {}

    def read(self) -> Any:
        """Read the only document."""
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self.events), 0)
        next(self.events)  # the end of the document
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            _fail("found a second document; a file holds one", after.start_mark)
        return value

    def _value(self, event: yaml.Event, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)  # noqa: S101 - nothing else is left
        size_before = self.size
        self._grow(1, event)
        if depth >= self.max_depth:
            _fail("nested too deeply", event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event)
        else:
            if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"):
                _refuse_tag(event)
            value = self._list(depth) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(depth)
        if event.anchor is not None:  # only now: a value cannot hold itself
            self.anchors[event.anchor] = _Anchored(value, self.size - size_before)
        return value

    def _alias(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self.anchors:
            _fail(f"found the alias {shown(event.anchor)}, which names nothing that ends before it", event.start_mark)
        anchored = self.anchors[event.anchor]
        self._grow(anchored.size, event)
        return anchored.value

    def _list(self, depth: int) -> list[Any]:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[Any, Any]:
        data: dict[Any, Any] = {}
        merged: list[dict[Any, Any]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._value(event, depth + 1)
            if not isinstance(key, str):  # numbers that collide in a dict would take minutes
                _fail(f"found a key that is not text: {shown(key)}; write it in quotes", event.start_mark)
            value = self._value(next(self.events), depth + 1)
            if key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]:
                parts = value if isinstance(value, list) else [value]
                if not all(isinstance(part, dict) for part in parts):
                    _fail(f"found a merge key that names no mapping: {shown(value)}", event.start_mark)
                merged += parts
            elif key in data:
                _fail(f"found duplicate key {shown(key)}", event.start_mark)
            else:
                data[key] = value
        for part in merged:  # a key of the mapping itself comes first, then those of the earlier part
            data |= {key: value for key, value in part.items() if key not in data}
        return data

    def _grow(self, size: int, event: yaml.Event) -> None:
        self.size += size
        if self.size > self.max_values:
            _fail(
                f"found more than {self.max_values:,} values, aliases unfolded; this cannot be meant", event.start_mark
            )


def _problem(error: yaml.MarkedYAMLError) -> str:
    """Return what libyaml says in two parts, as one."""
    return ": ".join(part for part in (error.context, error.problem) if part)


def _scalar(event: yaml.ScalarEvent) -> Any:
    text: str = event.value
    if event.tag is not None and event.tag not in _TEXT_TAGS:
        _refuse_tag(event)
    if event.tag is not None or not event.implicit[0]:
        return text
    try:
        return plain_value(text)
    except ValueError:  # Python limits the digits of a number
        _fail(f"found a number of {len(text):,} digits", event.start_mark)


def plain_value(text: str) -> Any:
    """Return what a text without quotes stands for."""
    for pattern, read in _SCALARS:
        if pattern.fullmatch(text):
            return read(text)
    return text


def _refuse_tag(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> NoReturn:
    tag = str(event.tag).replace("tag:yaml.org,2002:", "!!", 1)
    _fail(f"found the tag {shown(tag)}; only plain data is read", event.start_mark)


def _fail(problem: str, mark: Any) -> NoReturn:
    place = "" if mark is None else f" (line {mark.line + 1}, column {mark.column + 1})"
    raise ValueError(f"{problem}{place}") from None


def dump(data: Any) -> str:
    """Write plain data. Times are quoted: in YAML 1.1 an unquoted 22:00 is the number 1320."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=110
    )
    return text.removesuffix("...\n")  # which ends a document that is a single word


def scalar(value: str | float | None) -> str:
    """Write a text, number, boolean or None within a line.

    Examples
    --------
    >>> print(scalar("22:00"), scalar("mon"), scalar(None))
    "22:00" mon null
    """
    if not isinstance(value, str):
        return json.dumps(value)
    if is_plain(value):
        return value
    # What a reader of YAML might take for a break of the line, or refuse, is escaped as in JSON.
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else _escape(c) for c in value) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\{character}" if character in '"\\' else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes what every version of YAML reads alike."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_str(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain(text) else '"')


def _represent_float(dumper: Any, number: float) -> Any:
    text = repr(number)
    if "e" in text and "." not in text:  # readers of YAML 1.1 take 1e-06 for text
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


def _represent_list(dumper: Any, items: list[Any]) -> Any:
    flat = all(not isinstance(item, list | dict) for item in items)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)


_Dumper.add_representer(str, _represent_str)
_Dumper.add_representer(float, _represent_float)
_Dumper.add_representer(list, _represent_list)
