"""How this package compiles: one decorator for all kernels, and a cache on disk that is never stale.

numba looks at the file of a cached function alone. A kernel that calls functions of another file, or freezes its
constants, would live on after a change there; so kernels older than any file that they are made of are dropped
here, before the first is loaded.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from numba import njit

__all__ = ["inlined", "jit"]

jit = partial(njit, cache=True, nogil=True)
inlined = partial(njit, inline="always")


def _drop_stale_kernels(package: Path) -> None:
    newest_s = max(source.stat().st_mtime for source in package.rglob("*.py"))
    for index in package.rglob("__pycache__/*.nbi"):
        if index.stat().st_mtime < newest_s:
            index.unlink(missing_ok=True)


with suppress(OSError):  # an installation that cannot be written to does not change either
    _drop_stale_kernels(Path(__file__).parent)
