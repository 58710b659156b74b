"""The colours of deployments: safe for colour-blind eyes, and the same wherever a name appears."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import is_color_like, to_hex, to_rgb

from timegate.errors import InvalidTypeError, ReplayError

__all__ = ["ALARM", "ALARM_HATCH", "PALETTE", "chosen_colors", "deployment_colors", "luminance", "mix"]

# Paul Tol's "muted" scheme (sronpersonalpages.nl/~pault), safe for colour-blind eyes, without its two reds, and with
# brown in place of olive, which is too near to its sand ...
PALETTE = ("#332288", "#88ccee", "#44aa99", "#117733", "#663300", "#ddcc77", "#aa4499")
# ... for alarm is vermillion and black (Okabe and Ito, "Color Universal Design"), which no deployment is given.
ALARM = {"failed": "#d55e00", "blocked": "#000000", "shed": "#7f7f7f"}
ALARM_HATCH = {"failed": "xxxx", "blocked": "....", "shed": "////"}


def deployment_colors(names: Iterable[str]) -> dict[str, str]:
    """Return the colours of deployments.

    The hash of a name chooses its colour; where two meet, the later in the alphabet takes the next that is free.
    When all are taken they come again, lighter and darker in turn.

    Parameters
    ----------
    names : iterable of str

    Returns
    -------
    dict of str to str
        In the order of the names. Passed to the figures as ``colors``, it pins those of several replays.

    Examples
    --------
    >>> deployment_colors(["weak", "strong"]) == deployment_colors(["strong", "weak"])
    True
    """
    if isinstance(names, str):  # itself an iterable of str, of its letters
        raise InvalidTypeError(f"names must be a list of names of deployments. Got {names!r}.")
    names = list(names)
    size = len(PALETTE)
    chosen: dict[str, str] = {}
    free: list[int] = []
    for number, name in enumerate(sorted(set(names))):
        free = free or list(range(size))
        first = zlib.crc32(name.encode())
        slot = min(free, key=lambda slot: (slot - first) % size)
        free.remove(slot)
        chosen[name] = _shade(PALETTE[slot], number // size)
    return {name: chosen[name] for name in names}


def chosen_colors(names: Sequence[str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Return the colours of deployments, those that are given in place of their own."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise InvalidTypeError(f"colors must map names of deployments to colours. Got {type(given).__name__}.")
    for name, color in given.items():
        if not is_color_like(color):
            raise ReplayError(f"colors[{name!r}] must be a colour such as '#117733'. Got {color!r}.")
    return {name: given.get(name, own) for name, own in deployment_colors(names).items()}


def mix(color: str, other: str, weight: float) -> str:
    """Return a colour mixed with another of the given weight."""
    mixed = (1 - weight) * np.array(to_rgb(color)) + weight * np.array(to_rgb(other))
    return to_hex(tuple(mixed))


def _shade(color: str, turn: int) -> str:
    """Return a colour for its first use and further ones: itself, lighter, darker, lighter still."""
    return mix(color, "white" if turn % 2 else "black", 1 - 0.6 ** ((turn + 1) // 2))


def luminance(color: Any) -> float:
    """Return the relative luminance of WCAG 2. At 0.18, black and white stand out equally."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
