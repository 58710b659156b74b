"""What a format is, and the documents that most of them are.

A format reads plain data into plain data of ours, and writes the deployments of a config: it needs no config class, and
so stands below it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from timegate.core.deployment import Deployment
from timegate.core.price import Price
from timegate.core.router import Router
from timegate.core.settings import Policy
from timegate.errors import ConfigError, shown
from timegate.files import dump_yaml, read_document
from timegate.problems import Problem, written

__all__ = [
    "SCHEMA",
    "SIDECAR",
    "Config",
    "Draft",
    "Format",
    "Request",
    "document",
    "is_json",
    "read_back",
    "remark",
    "unsaid",
    "unsaid_policy",
]


SIDECAR = "_export"
"""The key under which an export to JSON says what YAML says in comments. It is no part of a config."""
SCHEMA = "$schema"
"""The key by which editors know the schema of a JSON file. It is no part of what the file says."""


class Config(Protocol):
    """What a format has to know of a :class:`timegate.GatewayConfig`."""

    @property
    def model_type(self) -> str: ...  # noqa: D102 - a field of the config

    @property
    def deployments(self) -> tuple[Deployment, ...]: ...  # noqa: D102 - a field of the config

    @property
    def policy(self) -> Policy | None: ...  # noqa: D102 - a field of the config

    @classmethod
    def load(cls, path: str | Path) -> Self: ...  # noqa: D102 - as the config has it

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...  # noqa: D102 - as the config has it

    def model_dump(self, *, mode: str, exclude_defaults: bool) -> dict[str, Any]: ...  # noqa: D102 - pydantic's

    def router(self) -> Router: ...  # noqa: D102 - as the config has it

    def to_dict(self) -> dict[str, Any]: ...  # noqa: D102 - as the config has it


@dataclass(frozen=True, slots=True)
class Request:
    """An export as it was asked for.

    Attributes
    ----------
    config : Config
    path : Path
        Where the file will stand; its suffix chooses between JSON and YAML.
    now_us : int
        From when on the export has to mean what the config means.
    like : str
        The text of a YAML file whose comments and order are kept; empty for none.
    """

    config: Config
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
    lost : sequence of Problem
        What the target cannot say, with the place.
    notes : sequence of Problem
        What it says in another way.
    """

    data: Any
    lost: Sequence[Problem] = ()
    notes: Sequence[Problem] = ()


class Format(NamedTuple):
    """A format of configs: what it is known by and how it is read, how it is written and read back.

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
    read : callable, optional
        From the data of a file to that of a config of ours (for ``model_validate``), and a list of what has no
        counterpart there, with the places. Raises ConfigError if the file breaks the rules of its format.
    known_by : str
        The key that a file of a foreign format has.
    read_as : str
        What such a file is.
    """

    title: str
    translate: Callable[[Request], Draft]
    render: Callable[[Draft, Request, Sequence[str]], bytes]
    is_right: Callable[[Path, Draft, Request], bool]
    read: Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[str]]] | None = None
    known_by: str = ""
    read_as: str = ""


def remark(deployment: Deployment, row: int, *rest: str | int) -> Callable[[str], Problem]:
    """Return what makes a remark about a deployment, or about a place within it, from a text.

    Examples
    --------
    >>> remark(Deployment(model_name="weak", model="sim/small"), 0, "time_constraints", 1)("it would never end.")
    "deployments[0] 'weak': time_constraints[1]: it would never end."
    """
    place = ("deployments", row, *rest)
    where = f"{written(place, repr(deployment.model_name))}:"
    return lambda text: Problem(place, text, where=where)


def unsaid(deployment: Deployment, row: int, said: Collection[str]) -> list[Problem]:
    """Return what a deployment says in other fields than some, with the places.

    Examples
    --------
    >>> weak = Deployment(model_name="weak", model="sim/small", description="For the night")
    >>> unsaid(weak, 0, ("model_name", "model"))
    ["deployments[0] 'weak': description 'For the night'."]
    """
    lost = []
    for name, field in Deployment.model_fields.items():
        value = getattr(deployment, name)
        if name not in said and value != field.get_default(call_default_factory=True):
            place = ("deployments", row, name)
            text = value.text() if isinstance(value, Price) else shown(value)
            lost.append(Problem(place, f"{text}.", where=written(place, repr(deployment.model_name))))
    return lost


def unsaid_policy(config: Config) -> list[Problem]:
    """Return the policy of a config as a whole, if it has one."""
    return [] if config.policy is None else [Problem(("policy",), f"{shown(config.policy)}.")]


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
