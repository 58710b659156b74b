"""Lets a gateway follow the file of its config."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Self

from timegate.errors import InvalidValueError, shown
from timegate.files import as_path

__all__ = ["Watch"]

logger = logging.getLogger("timegate")


class Watch:
    """Looks at a config's file now and then, and reloads a gateway when it has changed; see ``ModelGateway.watch``.

    It ends with ``close()``, at the end of its ``with`` block, or with the gateway.

    Parameters
    ----------
    reload : method
        The gateway's.
    path : path
    every_s : float
        The time between two looks, in seconds.
    check_keys : bool
        See :meth:`GatewayConfig.build`.
    """

    def __init__(
        self, reload: Callable[..., None], path: str | Path, every_s: float = 2.0, *, check_keys: bool = True
    ) -> None:
        if not 0 < every_s < threading.TIMEOUT_MAX:
            raise InvalidValueError(f"every_s must be a number of seconds above 0. Got {shown(every_s)}.")
        self.path = as_path(path)
        self._reload = weakref.WeakMethod(reload)
        self._every_s = every_s
        self._check_keys = check_keys
        self._seen = self._state()
        reload(self.path, check_keys=check_keys)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timegate-watch", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def look(self) -> bool:
        """Look now; return whether another config serves since. One that is not valid is told to the log, once."""
        reload, state = self._reload(), self._state()
        if reload is None or state is None or state == self._seen:  # no file: an editor may be about to replace it
            return False
        self._seen = state
        try:
            reload(self.path, check_keys=self._check_keys)
        except Exception as error:
            logger.error("%s has changed and is not served, for it is not valid: %s", self.path, error)
            return False
        return True

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _run(self) -> None:
        while not self._over.wait(self._every_s) and self._reload() is not None:
            self.look()
