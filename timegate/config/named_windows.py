"""Windows that a config defines once, at its head, and lists by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from timegate.core.deployment import WINDOWED, Deployment
from timegate.core.windows import Window
from timegate.errors import ConfigError, InputError, did_you_mean, shown
from timegate.problems import Problem

__all__ = ["NAME", "by_name", "look_up"]

Place = tuple[str | int, ...]

NAME = r"[^0-9\s:][^:]*"
"""What a name looks like: nothing that could be a time."""


def look_up(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the plain data of a config with each name in a list of windows replaced by the window.

    Raises
    ------
    ConfigError
        If a name is not defined, looks like a time, or means the same window as another name.
    """
    named, deployments = data.get("windows") or {}, data.get("deployments")
    if not isinstance(named, Mapping) or not isinstance(deployments, list | tuple):
        return data  # which is said of the field
    problems = [*_problems_of_names(named), *_undefined(named, deployments)]
    if problems:
        raise ConfigError(*problems)
    windows = {name: _parsed(value) for name, value in named.items()}
    return {**data, "deployments": [_looked_up(deployment, windows) for deployment in deployments]}


def by_name(named: Mapping[str, Window], deployments: Sequence[Deployment], plain: dict[str, Any]) -> dict[str, Any]:
    """Return the plain data of a config with the windows that have a name written by it."""
    names = {window: name for name, window in named.items()}
    for deployment, fields in zip(deployments, plain.get("deployments", ()), strict=False):
        for place, written in _lists_of(fields) if names else ():
            value: Any = deployment
            for step in place:
                value = value[step] if isinstance(step, int) else getattr(value, step)
            written[:] = [names.get(window, text) for window, text in zip(value, written, strict=True)]
    return plain


def _problems_of_names(named: Mapping[Any, Any]) -> Iterator[Problem]:
    first: dict[Window, str] = {}
    for name, value in named.items():
        place = ("windows", name if isinstance(name, str) else shown(name))
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            text = "must have a name like 'night', which neither begins with a digit nor holds a colon."
            yield Problem(place, f"{text} Got {shown(name)}.")
            continue
        try:
            window = Window.parse(value)
        except InputError:
            continue  # which is said of the window
        if (other := first.setdefault(window, name)) != name:
            yield Problem(place, f"must not say the same as windows.{other}: a window has one name.")


def _parsed(value: Any) -> Window:
    """Read a definition. What is wrong with one is said there, and not again wherever it is listed."""
    try:
        return Window.parse(value)
    except InputError:
        return Window("00:00", "24:00")


def _undefined(named: Mapping[str, Any], deployments: Sequence[Any]) -> Iterator[Problem]:
    for i, deployment in enumerate(deployments):
        for place, windows in _lists_of(deployment):
            for j, window in enumerate(windows):
                if isinstance(window, str) and window not in named:
                    text = f"must be a window, or the name of one that windows defines. Got {shown(window)}."
                    yield Problem(
                        ("deployments", i, *place, j), text, _pair(window, windows) or did_you_mean(window, named)
                    )


def _pair(window: str, windows: Sequence[Any]) -> str:
    """Return how a window is written that somebody wrote as a text, or whose two times are those of the list itself."""
    times = list(windows) if len(windows) == 2 and window in windows else re.split(r"\s*(?:-|to)\s*", window.strip())
    if len(times) == 2 and all(isinstance(time, str) and re.fullmatch(r"[0-9]{1,2}:[0-9]{2}", time) for time in times):
        return f"A window of a list is a pair: [{json.dumps(times)}]."
    return ""


def _looked_up(deployment: Any, named: Mapping[str, Any]) -> Any:
    for place, windows in _lists_of(deployment):
        if any(isinstance(window, str) for window in windows):
            found = [named[window] if isinstance(window, str) else window for window in windows]
            deployment = _replaced(deployment, place, found)
    return deployment


def _replaced(data: Any, place: Place, value: Any) -> Any:
    """Return plain data with another value at a place; the data itself stays as it is."""
    if not place:
        return value
    step, *rest = place
    inner = _replaced(data[step], tuple(rest), value)
    return [*data[:step], inner, *data[step + 1 :]] if isinstance(step, int) else {**data, step: inner}


def _lists_of(deployment: Any) -> Iterator[tuple[Place, Any]]:
    """Yield each list of windows of a deployment, and where it stands: its own, and those of bands of its price."""
    if isinstance(deployment, Mapping):
        for field in WINDOWED:
            if isinstance(windows := deployment.get(field), list | tuple):
                yield (field,), windows
        price = deployment.get("price")
        bands = price.get("bands") if isinstance(price, Mapping) else None
        for k, band in enumerate(bands if isinstance(bands, list | tuple) else ()):
            if isinstance(band, Mapping) and isinstance(windows := band.get("windows"), list | tuple):
                yield ("price", "bands", k, "windows"), windows
