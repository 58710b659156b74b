"""What a target of exports is, and the documents that most of them write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from timegate.config.imports import SIDECAR
from timegate.config.model import GatewayConfig
from timegate.errors import ConfigError
from timegate.files import dump_yaml, read_document

__all__ = ["Draft", "Request", "Target", "document", "is_json", "read_back"]


@dataclass(frozen=True, slots=True)
class Request:
    """An export as it was asked for.

    Attributes
    ----------
    config : GatewayConfig
    path : Path
        Where the file will stand; its suffix chooses between JSON and YAML.
    now_us : int
        From when on the export has to mean what the config means.
    like : str
        The text of a YAML file whose comments and order are kept; empty for none.
    """

    config: GatewayConfig
    path: Path
    now_us: int
    like: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A config translated for a target.

    Attributes
    ----------
    data : object
        What a reader of the file must find.
    lost : sequence of str
        What the target cannot say, with the place.
    notes : sequence of str
        What it says in another way.
    """

    data: Any
    lost: Sequence[str] = ()
    notes: Sequence[str] = ()


class Target(NamedTuple):
    """A format to export to.

    Attributes
    ----------
    title : str
        What it is, for people.
    translate : callable
        From the request to a draft. Raises ConfigError for what not even a lossy export could say.
    render : callable
        From the draft, the request and remarks (a sentence each) to the bytes of the file.
    is_right : callable
        Whether the file at a path says what the draft does, as read back.
    """

    title: str
    translate: Callable[[Request], Draft]
    render: Callable[[Draft, Request, Sequence[str]], bytes]
    is_right: Callable[[Path, Draft, Request], bool]


def is_json(path: Path, default: bool) -> bool:
    """Whether a document is written as JSON: by its suffix, or else as the target prefers."""
    return default if path.suffix not in (".json", ".yaml", ".yml") else path.suffix == ".json"


def document(data: dict[str, Any], remarks: Sequence[str], as_json: bool) -> bytes:
    """Write plain data, with remarks as comments in YAML, and under the key ``_export`` in JSON."""
    if as_json:
        return (json.dumps({SIDECAR: list(remarks), **data}, indent=2, ensure_ascii=False) + "\n").encode()
    return dump_yaml(data, "".join(f"# {' '.join(remark.split())}\n" for remark in remarks)).encode()


def read_back(path: Path) -> dict[str, Any]:
    """Read a document without its remarks."""
    data = read_document(path, ConfigError)
    return {key: value for key, value in data.items() if key != SIDECAR}
