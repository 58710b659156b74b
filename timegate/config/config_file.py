"""The file of a config: ours or that of another tool, as plain data of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from timegate.errors import ConfigError
from timegate.files import as_path, parse_document, read_text
from timegate.show.text import and_more

__all__ = ["ConfigFile", "Source"]

MOST_LOST = 100  # that a warning names


class ConfigFile(NamedTuple):
    """What a file says, before it is known whether that is a config.

    Attributes
    ----------
    path : Path
    data : dict
        In our words, whoever wrote it; dates of files beside it are part of it.
    text : str
        What an export can keep the comments of: empty of JSON, and of other tools' files.
    lost : str
        What has no counterpart in a config, as a warning says it; empty if all has.
    """

    path: Path
    data: dict[str, Any]
    text: str
    lost: str

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file, whose format is known by its keys.

        Raises
        ------
        ConfigError
            If it cannot be read, or is none of a config; the message begins with the path.
        """
        path = as_path(path, {Mapping: "GatewayConfig(**mapping) takes a mapping."})
        text = read_text(path, ConfigError)
        data = parse_document(text, path, ConfigError)
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: must hold a mapping with `deployments`. Got a {type(data).__name__}.")
        from timegate.formats.dates import with_dates
        from timegate.formats.registry import as_ours  # with its parser of YAML it waits until a file is read

        try:
            data, foreign, lost = as_ours(data)
            data = with_dates(data, path.parent)
        except ConfigError as error:
            raise ConfigError(*error.after(f"{path}:")) from None
        named = "; ".join([*lost[:MOST_LOST], *and_more(len(lost), MOST_LOST)])
        said = f"{path}: read as {foreign}, of which this has no counterpart: {named}." if lost else ""
        return cls(path, data, "" if foreign or path.suffix == ".json" else text, said)


@dataclass(frozen=True)
class Source:
    """The text that a config was read from, so that an export keeps its comments. No part of the config's value:
    any two are equal, and pickles and deep copies leave the text behind.
    """  # noqa: D205 - one thought

    text: str = field(default="", compare=False, repr=False)

    def __reduce__(self) -> tuple[type[Source], tuple[()]]:
        return Source, ()
