"""Why the first replay after an installation takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener

__all__ = ["saying_if_it_compiles"]


class _Notice(Listener):
    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            sys.stderr.write("timegate: compiling the replay engine, once; this takes a few seconds.\n")

    def on_end(self, event: Any) -> None:
        pass


_notice = _Notice()  # one for the process: several kernels compile one after the other


@contextmanager
def saying_if_it_compiles() -> Iterator[None]:
    """Say on standard error if numba compiles something here, in place of loading it from its cache on disk."""
    with install_listener("numba:compile", _notice):
        yield
