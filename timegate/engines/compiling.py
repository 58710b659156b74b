"""When numba compiles: before the first replay after an installation that is announced, and in a call it is no wait."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

__all__ = ["Compiler", "announced_compilation"]


class _Announcement(Listener):
    def __init__(self) -> None:
        self.made = False

    def on_start(self, event: Any) -> None:
        if not self.made:
            self.made = True
            sys.stderr.write("timegate: compiling the replay engine, once; this takes a few seconds.\n")

    def on_end(self, event: Any) -> None:
        pass


_announcement = _Announcement()  # one for the process: several kernels compile one after the other


@contextmanager
def announced_compilation() -> Iterator[None]:
    """Say on standard error if numba compiles something here, in place of loading it from its cache on disk."""
    with install_listener("numba:compile", _announcement):
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
