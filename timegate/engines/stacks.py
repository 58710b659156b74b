"""Where a stack stands: what is said of a router that does what it may not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import FrameType

__all__ = ["place_of"]

_HERE = str(Path(__file__).parent.parent)
_LIBRARY = str(Path(asyncio.__file__).parent.parent)


def place_of(frame: FrameType | None) -> str:
    """Say where a stack stands outside of this package: the innermost place of somebody else's that is no library's."""
    found = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((_HERE, "<frozen")):
            place = f" ({file}, line {frame.f_lineno})"
            if not any(part in file for part in ("site-packages", _LIBRARY)):
                return place
            found = found or place
        frame = frame.f_back
    return found
