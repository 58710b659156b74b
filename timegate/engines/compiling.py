"""When numba compiles: what it compiles is announced, once for each kind of run, and in a call it is no wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

from timegate.core.jit import is_kept

__all__ = ["Compiler", "announced_compilation"]


class _Announcement(Listener):
    def __init__(self, what: str) -> None:
        self.what = what

    def on_start(self, event: Any) -> None:
        if self.what not in _announced:
            _announced.add(self.what)
            kept = ", and is kept for later runs" if is_kept() else ""
            sys.stderr.write(f"timegate: compiling {self.what}. That may take a minute{kept}.\n")

    def on_end(self, event: Any) -> None:
        pass


_announced = set[str]()  # in this process: several kernels compile one after the other


@contextmanager
def announced_compilation(what: str) -> Iterator[None]:
    """Say on standard error if numba compiles something here, in place of loading it from its cache on disk.

    Parameters
    ----------
    what : str
        What needs it, as people know it.
    """
    with install_listener("numba:compile", _Announcement(what)):
        yield


class Compiler(Listener):
    """Whether numba compiles, or loads what it has compiled, in any thread."""

    def __init__(self) -> None:
        self._held = 0

    @property
    def is_at_work(self) -> bool:
        """Whether it does now."""
        return self._held > 0

    def on_start(self, event: Any) -> None:
        """Hear that somebody asks for the compiler's lock."""
        self._held += 1

    def on_end(self, event: Any) -> None:
        """Hear that the lock is given back."""
        self._held -= 1

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen to it."""
        with install_listener("numba:compiler_lock", self):
            yield
