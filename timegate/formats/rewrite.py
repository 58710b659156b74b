"""New values into the text of a YAML file: comments, order and layout stay wherever nothing changed.

A library that dumps what it has read lays the file out anew, and hangs a comment on the value before it, with which it
is lost. So the text itself is edited: the library says where each value begins and ends, what is unchanged is copied
as it stands, and only what changed is written anew. A comment belongs to the line that it stands on, or to the value
below it, and goes where that goes. Whoever calls reads the new text again, and so need not trust this.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

from timegate import yaml12

__all__ = ["rewrite"]


def rewrite(text: str, old: Any, new: Any) -> str | None:
    """Edit a YAML document.

    Parameters
    ----------
    text : str
    old : object
        What it says, as plain data.
    new : object
        What it shall say. Mappings are written in the order of their keys; of items with a ``model_name`` those with
        the same name are taken for the same, of others those that are equal, then those at the same place.

    Returns
    -------
    str or None
        None if the text uses aliases, or is one value on one line.
    """
    text = text if text.endswith("\n") else f"{text}\n"
    root = yaml12.compose(text)
    if not isinstance(root, MappingNode) or root.flow_style:
        return None
    editor = _Editor(text)
    start = editor.line_start(root.start_mark.index)
    return text[:start] + editor.block(root, old, new, start) + text[editor.end(root) :]


class _Child(NamedTuple):
    """A key with its value, or an item of a list: where it starts, after its indentation, and the nodes."""

    start: int
    key: Node | None
    value: Node


class _Editor:
    def __init__(self, text: str) -> None:
        self.text = text

    def line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        return self.text.index("\n", index) + 1

    def end(self, node: Node) -> int:
        """Return where the last line that belongs to a value ends."""
        if _is_block(node):
            return self.end(self.children(node)[-1].value)
        if _is_block_text(node):
            return int(node.start_mark.index) + len(self.inside(node).rstrip()) + 1
        return self.line_end(node.end_mark.index)

    def inside(self, node: Node) -> str:
        return self.text[node.start_mark.index : node.end_mark.index]

    def children(self, node: Node) -> list[_Child]:
        if isinstance(node, MappingNode):
            return [_Child(key.start_mark.index, key, value) for key, value in node.value]
        column = node.start_mark.column
        starts = []
        for item in node.value:
            start = self.line_start(item.start_mark.index) + column
            while self.text[start] != "-" or start >= item.start_mark.index:  # its dash stands on a line above
                start = self.line_start(self.line_start(start) - 1) + column
            starts.append(_Child(start, None, item))
        return starts

    def block(self, node: Node, old: Any, new: Any, floor: int) -> str:
        """Return the new lines of a value that stands on lines of its own, from ``floor`` on.

        ``floor`` is where its first line starts, or where the value does if a dash stands before it.
        """
        column = node.start_mark.column
        indent, own_lines = " " * column, floor != node.start_mark.index
        own_lines = own_lines or column == 0
        children = self.children(node)
        above = []  # what stands between each child and the one before
        at = floor
        for child in children:
            above.append(self.text[at : self.line_start(child.start)])
            at = self.end(child.value)
        if not own_lines:
            above[0] = ""
        pieces: list[tuple[str, str]] = []
        for i, key in _aligned(old, new):
            value = new[key]
            if i is None:
                lines = yaml12.dump({key: value} if isinstance(new, dict) else [value]).splitlines(keepends=True)
                pieces.append(("", indent.join(lines)))
            else:
                pieces.append((above[i], self.child(children[i], _values(old)[i], value)))
        if own_lines:
            return "".join(before + indent + body for before, body in pieces)
        (before, body), *rest = pieces
        return body + before + "".join(before + indent + body for before, body in rest)

    def child(self, child: _Child, old: Any, new: Any) -> str:
        """Return the new text of a child, without its indentation, to the end of its last line."""
        start, key, value = child
        if _is_block(value):
            head_end = self.line_end(start if key is None else key.end_mark.index)
            if bool(new) and isinstance(new, type(old)):
                on_line = value.start_mark.index < head_end
                floor = value.start_mark.index if on_line else head_end
                return self.text[start:floor] + self.block(value, old, new, floor)
            return ("-" if key is None else f"{self.inside(key)}:") + f" {_flow(new)}\n"
        head = self.text[start : value.start_mark.index]
        head = head if head.endswith((" ", "\n")) or old == new else f"{head} "
        if _is_block_text(value):
            end = self.end(value)
            same = type(old) is type(new) and old == new
            return self.text[start:end] if same else f"{head}{_flow(new)}\n"
        return head + self.inline(value, old, new) + self.text[value.end_mark.index : self.end(value)]

    def inline(self, node: Node, old: Any, new: Any) -> str:
        """Return the new text of a value that stands within a line."""
        text = self.inside(node)
        if isinstance(node, ScalarNode):
            if type(old) is not type(new) or old != new:
                return _flow(new)
            return _flow(old) if isinstance(old, str) and not node.style and yaml12.is_misread(old) else text
        if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
            parts = [(value, old[key], new[key]) for (_, value), key in zip(node.value, old, strict=True)]
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            parts = list(zip(node.value, old, new, strict=True))
        else:
            return _flow(new)
        written, at = "", node.start_mark.index
        for value, before, after in parts:
            written += self.text[at : value.start_mark.index] + self.inline(value, before, after)
            at = value.end_mark.index
        return written + self.text[at : node.end_mark.index]


def _is_block(node: Node) -> bool:
    return isinstance(node, CollectionNode) and not node.flow_style


def _is_block_text(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def _values(data: Any) -> list[Any]:
    return list(data.values()) if isinstance(data, dict) else data


def _aligned(old: Any, new: Any) -> list[tuple[int | None, Any]]:
    """Say for each key or place of the new data which child of the old it is, or None."""
    if isinstance(new, dict):
        places = {key: i for i, key in enumerate(old)}
        return [(places.get(key), key) for key in new]
    before, after = [_identity(item) for item in old], [_identity(item) for item in new]
    found: dict[int, int] = {}
    places_of: defaultdict[str, deque[int]] = defaultdict(deque)
    for i, name in enumerate(before):
        places_of[name].append(i)
    for j, name in enumerate(after):
        if places_of[name]:
            found[j] = places_of[name].popleft()
    taken = set(found.values())
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "replace":  # something else at the same place: it was edited
            for i, j in zip(range(i1, i2), range(j1, j2), strict=False):
                if i not in taken and j not in found:
                    found[j] = i
    return [(found.get(j), j) for j in range(len(new))]


def _identity(item: Any) -> str:
    return item["model_name"] if isinstance(item, dict) and "model_name" in item else json.dumps(item, default=str)


def _flow(value: Any) -> str:
    """Write a value within a line."""
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_flow(key)}: {_flow(item)}' for key, item in value.items())}}}"
    return yaml12.scalar(value)
