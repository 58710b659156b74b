"""The clocks of the process, and ``time.sleep``, under whatever name they are bound to."""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import time_machine

from timegate.core.clock import SECOND_US
from timegate.engines.virtual import Scheduler

__all__ = ["Clocks"]

_POINTER = ctypes.sizeof(ctypes.c_void_p)
_LONGEST_S = 9e9  # about what the standard library takes
_CLOCKS = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")


def _field(address: int) -> ctypes.c_void_p:
    return ctypes.c_void_p.from_address(address)


def _method(function: Any) -> ctypes.c_void_p:
    """Return the field of a builtin function that holds what it calls."""
    definition = _field(id(function) + object.__basicsize__).value
    assert definition is not None  # noqa: S101 - every builtin has one
    return _field(definition + _POINTER)


def _as_it_is(function: Any, takes_argument: bool) -> Callable[..., Any]:
    """Return what a builtin of the module ``time`` does, whatever stands in for it later."""
    argument = ctypes.py_object if takes_argument else ctypes.c_void_p
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, argument)
    called = kind(_method(function).value or 0)
    return (lambda value: called(time, value)) if takes_argument else (lambda: called(time, None))


@contextmanager
def _standing_in(function: Any, other: Callable[..., Any], takes_argument: bool) -> Iterator[None]:
    """Let a builtin function call another callable, by whatever name it is called.

    A builtin calls ``method(self, argument)``. The interpreter's own ``PyObject_CallOneArg(callable, argument)`` has
    that very form, so that the callable need only take the place of ``self``.
    """
    python = ctypes.pythonapi
    target = python.PyObject_CallOneArg if takes_argument else python.PyObject_CallNoArgs
    method, owner = _method(function), _field(id(function) + object.__basicsize__ + _POINTER)
    before = method.value, owner.value
    python.Py_IncRef(ctypes.py_object(other))
    method.value, owner.value = ctypes.cast(target, ctypes.c_void_p).value, id(other)
    try:
        yield
    finally:
        method.value, owner.value = before
        python.Py_DecRef(ctypes.py_object(other))


class Clocks:
    """The clocks of a scheduler.

    In other threads, and where no call runs, monotonic clocks and sleeps stay real; those of the wall
    (``time.time``, ``datetime.now``) travel for the whole process.
    """

    def __init__(self, start_us: int) -> None:
        self.scheduler = Scheduler(start_us, self._move, lambda call: None)
        # It goes on from where it stood when the router was built; a whole number, for exact sums of microseconds.
        self._origin_s = math.ceil(time.monotonic())
        self._real = {name: _as_it_is(getattr(time, name), False) for name in _CLOCKS}
        self._sleep = _as_it_is(time.sleep, True)
        self._traveller: time_machine.Traveller | None = None

    def monotonic(self) -> float:
        """Return the virtual time of the monotonic clock in seconds."""
        return self._origin_s + (self.scheduler.now_us - self.scheduler.start_us) / SECOND_US

    def monotonic_ns(self) -> int:
        """Return the same in nanoseconds."""
        return self._origin_s * 1_000_000_000 + (self.scheduler.now_us - self.scheduler.start_us) * 1000

    def _move(self, by_us: int) -> None:
        if self._traveller is not None:
            self._traveller.shift(timedelta(0, 0, by_us))  # whole numbers: exact in any year

    def sleep(self, seconds: float) -> None:
        """Sleep in the time of whoever sleeps."""
        if self.scheduler.here() is not None and hasattr(seconds, "__float__") and 0 <= float(seconds) < _LONGEST_S:
            self.scheduler.wait(round(float(seconds) * SECOND_US))
        else:
            self._sleep(seconds)  # which also says what is wrong with the argument

    def _clock(self, name: str) -> Callable[[], Any]:
        here, real = self.scheduler.here, self._real[name]
        virtual: Callable[[], Any] = self.monotonic_ns if name.endswith("_ns") else self.monotonic
        return lambda: real() if here() is None else virtual()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let them be the clocks of the process."""
        with ExitStack() as stack:
            second, rest_us = divmod(self.scheduler.now_us, SECOND_US)
            self._traveller = stack.enter_context(time_machine.travel(second, tick=False))
            self._move(rest_us)
            stack.callback(setattr, self, "_traveller", None)
            for name in _CLOCKS:
                stack.enter_context(_standing_in(getattr(time, name), self._clock(name), False))
            stack.enter_context(_standing_in(time.sleep, self.sleep, True))
            yield
