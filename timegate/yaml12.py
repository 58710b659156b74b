"""YAML 1.2: read as plain data, written so that readers of YAML 1.1 understand it alike."""

from __future__ import annotations

import json
import re
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.representer import SafeRepresenter

__all__ = ["dump", "is_misread", "is_plain", "parse", "scalar"]

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


def scalar(value: Any) -> str:
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


def parse(text: str) -> Any:
    """Read plain data.

    Raises
    ------
    ValueError
        If the text is no YAML, has a key twice, or a tag that would build an object.
    """
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        raise ValueError(f"{error.problem}{place}") from None
    except YAMLError as error:
        raise ValueError(str(error)) from None


def dump(data: Any) -> str:
    """Write plain data. Times are quoted: in YAML 1.1 an unquoted 22:00 is the number 1320."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 110

    class Representer(SafeRepresenter):
        pass

    def represent_str(representer: SafeRepresenter, text: str) -> Any:
        style = None if is_plain(text) else '"'
        return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_float(representer: SafeRepresenter, number: float) -> Any:
        text = repr(number)
        if "e" in text and "." not in text:  # readers of YAML 1.1 take 1e-06 for text
            text = text.replace("e", ".0e")
        return representer.represent_scalar("tag:yaml.org,2002:float", text)

    def represent_list(representer: SafeRepresenter, items: list[Any]) -> Any:
        flat = all(not isinstance(item, list | dict) for item in items)
        return representer.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=flat)

    Representer.add_representer(str, represent_str)
    Representer.add_representer(float, represent_float)
    Representer.add_representer(list, represent_list)
    yaml.Representer = Representer
    stream = StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()
