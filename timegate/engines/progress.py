"""The progress of long work: a bar, or whoever listens; and waiting that can be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Thread
from typing import TypeVar

__all__ = ["Listener", "listening", "progress", "waiting"]

T = TypeVar("T")
Listener = Callable[[str, int, int | None], None]
"""Hears the unit of a loop, how often it has gone round, and how often it will; what it raises ends the work."""

_PATIENCE_S = 0.05
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tell a function of progress, in place of a bar: for what is done inside, and by this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def progress(items: Iterable[T], total: int | None, unit: str = "call") -> Iterator[T]:
    """Iterate, and show a bar once a second has passed, on a standard error that is a terminal; logs have none."""
    listener = _listener.get()
    if listener is not None:
        return _heard(items, total, unit, listener)
    from tqdm import tqdm  # with its neighbours in this package, what keeps `import timegate` short

    bar = tqdm(items, total=total, unit=unit, unit_scale=True, delay=1.0, leave=False, desc="replay", disable=None)
    return iter(bar)


def _heard(items: Iterable[T], total: int | None, unit: str, listener: Listener) -> Iterator[T]:
    for number, item in enumerate(items):
        listener(unit, number, total)
        yield item


def waiting(work: Callable[[], T]) -> T:
    """Return what work comes to that lets go of Python's lock: in a thread, so that Ctrl-C need not wait for its end.

    Whoever listens is asked meanwhile, too. Work that nobody waits for any more ends by itself.
    """
    came: list[T] = []
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            came.append(work())
        except BaseException as error:
            wrong.append(error)

    thread, listener = Thread(target=run, daemon=True), _listener.get()
    thread.start()
    while thread.is_alive():
        thread.join(_PATIENCE_S)
        if listener is not None:
            listener("", 0, None)
    if wrong:
        raise wrong[0]
    return came[0]
