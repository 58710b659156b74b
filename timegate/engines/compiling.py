"""What numba compiles before the first replay after an installation, announced."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

__all__ = ["announced_compilation"]


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
