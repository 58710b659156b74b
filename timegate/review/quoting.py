"""Texts in YAML that readers of version 1.1 take for something else, such as 22:00 for the number 1320."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from timegate.yaml12 import events, plain_value

__all__ = ["Ambiguous", "ambiguous"]


class Ambiguous(NamedTuple):
    """An unquoted text that the versions of YAML read differently.

    Attributes
    ----------
    path : tuple
        Keys and indices that lead to it.
    text : str
    read_as : str
        What a reader of YAML 1.1 takes it for.
    line, column : int
        From 1.
    """

    path: tuple[str | int, ...]
    text: str
    read_as: str
    line: int
    column: int


def ambiguous(text: str) -> Iterator[Ambiguous]:
    """Find the unquoted texts of a YAML 1.2 document that a reader of YAML 1.1 takes for something else.

    Examples
    --------
    >>> [(found.text, found.read_as, found.line) for found in ambiguous("a: [22:00, '23:00']")]
    [('22:00', 'the number 1320', 1)]
    """
    old = yaml.SafeLoader("")
    for path, event in _scalars(events(text)):
        if event.implicit[0] and isinstance(plain_value(event.value), str):  # not quoted, without a tag, and text
            # PyYAML resolves as version 1.1 says, but for the two shortest words.
            is_bool = event.value in ("y", "Y", "n", "N")
            tag = "bool" if is_bool else str(old.resolve(yaml.ScalarNode, event.value, (True, False)))  # type: ignore[no-untyped-call]
            mark = event.start_mark
            if mark is not None and not tag.endswith((":str", ":merge", ":value")):
                yield Ambiguous(path, event.value, _read_as(event.value, tag), mark.line + 1, mark.column + 1)


def _scalars(events: Iterator[Event]) -> Iterator[tuple[tuple[str | int, ...], ScalarEvent]]:
    """List the scalars of a document with their paths: an anchor where it stands, an alias not at all.

    Reads events, for a tree could not be built of documents that are nested deeply.
    """
    path: list[str | int] = []  # a key or index for each open collection
    is_key: list[bool | None] = []  # whether its next item is a key; None in a list
    for event in events:
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            path.pop()
            is_key.pop()
        elif not isinstance(event, ScalarEvent | AliasEvent | MappingStartEvent | SequenceStartEvent):
            continue
        elif is_key and is_key[-1] and isinstance(event, ScalarEvent):
            path[-1] = event.value
            yield tuple(path), event
        elif isinstance(event, ScalarEvent):
            yield tuple(path), event
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            path.append("" if isinstance(event, MappingStartEvent) else 0)
            is_key.append(True if isinstance(event, MappingStartEvent) else None)
        elif is_key:
            if is_key[-1] is None:
                path[-1] = int(path[-1]) + 1
            else:
                is_key[-1] = not is_key[-1]


def _read_as(text: str, tag: str) -> str:
    kind = tag.rpartition(":")[2]
    if kind == "int" and ":" in text:
        value = 0
        for part in text.replace("_", "").lstrip("+-").split(":"):
            value = 60 * value + int(part)
        return f"the number {-value if text.startswith('-') else value}"
    return {
        "int": "a number",
        "float": "a number",
        "bool": f"the value {text.lower() in ('y', 'yes', 'on', 'true')}",
    }.get(kind, f"a {kind}")
