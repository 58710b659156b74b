"""Our own format: a header, and otherwise the file as its owner wrote it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from timegate import yaml12
from timegate.core.deployment import Deployment
from timegate.core.windows import Window
from timegate.errors import ConfigError
from timegate.files import parse_document
from timegate.formats.dates import with_dates
from timegate.formats.format import Config, Draft, Format, Request, document, is_json
from timegate.formats.rewrite import rewrite
from timegate.problems import Problem

__all__ = ["CHECKED_BY", "FORMAT"]

CHECKED_BY = "Checked by timegate"
_SCHEMA_LINE = re.compile(r"# yaml-language-server: .*\n")
_OLD_HEADER = re.compile(rf"^# {CHECKED_BY} .*\n", re.MULTILINE)


def _translate(request: Request) -> Draft:
    if not request.like or is_json(request.path, default=False):
        return Draft(request.config)
    if _edited(request.like, request.config, request.path.parent) is not None:
        return Draft(request.config)
    why = " for it uses aliases," if "*" in request.like and yaml12.compose(request.like) is None else ""
    text = f"the comments and the order of the file that it was loaded from are not kept:{why} it is written anew."
    return Draft(request.config, notes=[Problem((), text)])


def _render(draft: Draft, request: Request, remarks: Sequence[str]) -> bytes:
    config = request.config
    if is_json(request.path, default=False):
        return document(config.to_dict(), remarks, as_json=True)
    edited = _edited(request.like, config, request.path.parent) if request.like else None
    if edited is None:
        return document(config.to_dict(), remarks, as_json=False)
    header = "".join(f"# {remark}\n" for remark in remarks)
    first = _SCHEMA_LINE.match(edited := _OLD_HEADER.sub("", edited))  # editors look for it in the first line
    line = first[0] if first else ""
    return (line + header + edited.removeprefix(line)).encode()


def _is_right(path: Path, draft: Draft, request: Request) -> bool:
    return bool(request.config.load(path) == draft.data)


def _edited(text: str, config: Config, folder: Path) -> str | None:
    """Return the text with the values of a config, or None if that cannot be done, or went wrong."""
    source = parse_document(text, Path("like.yaml"), ConfigError)
    if not isinstance(source, dict) or "deployments" not in source:
        raise ConfigError("like must be a YAML file of ours, with `deployments`.")
    plain = config.model_dump(mode="json", exclude_defaults=True)
    old = with_dates(source, folder, instead=date.min)  # where there is no such file, the dates themselves are written
    data = _respelled(config, config.model_validate(old), source, plain)
    edited = rewrite(text, source, data)
    try:
        return edited if edited is not None and yaml12.parse(edited) == data else None
    except ValueError:
        return None


def _respelled(new: Any, old: Any, source: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    """Return new values as plain data, spelled and ordered as the source has them wherever they mean the same."""
    values: dict[str, Any] = {}
    for name in type(new).model_fields:
        after, before = getattr(new, name), getattr(old, name)
        if name == "deployments":
            values[name] = _deployments(after, before, source[name], plain[name])
        elif after == before and not _has_names(source.get(name)):
            if name in source:
                values[name] = _quotable(source[name])
        elif name in plain:
            windows = isinstance(after, tuple) and name in source
            values[name] = _windows(after, before, source[name], plain[name]) if windows else plain[name]
    names = [name for name in source if name in values]
    for i, name in enumerate(values):
        if name not in source:
            before_it = [known for known in list(values)[:i] if known in names]
            names.insert(names.index(before_it[-1]) + 1 if before_it else 0, name)
    return {name: values[name] for name in names}


def _deployments(
    new: Sequence[Deployment],
    old: Sequence[Deployment],
    source: Sequence[dict[str, Any]],
    plain: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    known = {deployment.model_name: (deployment, spelled) for deployment, spelled in zip(old, source, strict=True)}
    return [
        _respelled(deployment, *known[deployment.model_name], fields) if deployment.model_name in known else fields
        for deployment, fields in zip(new, plain, strict=True)
    ]


def _windows(new: Sequence[Window], old: Sequence[Window], source: Sequence[Any], plain: Sequence[Any]) -> list[Any]:
    # A name may have come to mean another window since.
    spelled = {window: _quotable(text) for window, text in zip(old, source, strict=True) if not isinstance(text, str)}
    return [spelled.get(window, written) for window, written in zip(new, plain, strict=True)]


def _has_names(value: Any) -> bool:
    """Whether a list of windows, or a band of a price, calls a window by its name."""
    if isinstance(value, dict):
        bands = value.get("bands")
        return any(_has_names(band.get("windows")) for band in (bands if isinstance(bands, list) else ()))
    return isinstance(value, list) and any(isinstance(window, str) for window in value)


def _quotable(value: Any) -> Any:
    """Return plain data with dates as text, as they are written."""
    if isinstance(value, dict):
        return {key: _quotable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_quotable(item) for item in value]
    return str(value) if isinstance(value, date) else value


FORMAT = Format("a config of ours", _translate, _render, _is_right)
