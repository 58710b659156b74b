"""An asyncio event loop in virtual time: its timers are events of the scheduler, and it waits for nothing else."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import get_ident
from typing import Any

from timegate.core.clock import SECOND_US
from timegate.engines.virtual import MOST_WAITS, Fiber, Scheduler
from timegate.faults.model import CallInProgress

__all__ = ["VirtualLoop"]

_THREADS = 32  # asyncio's own most: on a smaller machine it takes fewer, and a replay should not depend on that

_REFUSED = {
    "create_connection": "a connection",
    "create_unix_connection": "a connection",
    "create_server": "a server",
    "create_unix_server": "a server",
    "create_datagram_endpoint": "a socket",
    "sock_connect": "a socket",
    "sock_recv": "a socket",
    "sock_sendall": "a socket",
    "sock_accept": "a socket",
    "getaddrinfo": "an address",
    "add_reader": "a file",
    "add_writer": "a file",
    "connect_read_pipe": "a pipe",
    "connect_write_pipe": "a pipe",
    "subprocess_exec": "a process",
    "subprocess_shell": "a process",
    "add_signal_handler": "a signal",
}


class _Timer(asyncio.TimerHandle):
    """A callback that an event of the scheduler makes due."""

    __slots__ = ()
    _loop: VirtualLoop

    def due(self) -> None:
        self._loop.add(self)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs in a fiber, and parks it while nothing is due.

    Parameters
    ----------
    scheduler : Scheduler
    monotonic : callable
        Its clock, in seconds.
    """

    _ready: deque[asyncio.Handle]  # BaseEventLoop's own, for those that derive from it
    _default_executor: ThreadPoolExecutor | None

    def __init__(self, scheduler: Scheduler, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self.scheduler = scheduler
        self._monotonic = monotonic
        self._parked: Fiber | None = None
        self._at_us, self._callbacks = -1, 0

    def time(self) -> float:
        """Return the time of the loop's clock in seconds."""
        return self._monotonic()

    def add(self, handle: asyncio.Handle) -> None:
        """Let a callback run in its turn."""
        self._ready.append(handle)
        self._wake()

    def _wake(self) -> None:
        if self._parked is not None:
            self.scheduler.wake(self._parked)
            self._parked = None

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        """Let a callback run in its turn."""
        handle = super().call_soon(callback, *args, context=context)
        self._wake()
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        """Do the same; of another thread it is refused."""
        if get_ident() != self.scheduler.thread:
            raise self.scheduler.refuse("the router waits for a thread that was started before the replay")
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Let a callback run at a time of the loop's clock."""
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        context = context or contextvars.copy_context()
        timer = _Timer(when, callback, args, self, context)
        delay_us = round((when - self._monotonic()) * SECOND_US)
        self.scheduler.at(self.scheduler.now_us + delay_us, timer, context)
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it to the scheduler, which passes over cancelled timers."""

    def _run_once(self) -> None:
        if not self._ready:
            self._parked = self.scheduler.here()
            self.scheduler.park()
            self._parked = None
        if self.scheduler.now_us != self._at_us:
            self._at_us, self._callbacks = self.scheduler.now_us, 0
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            self._callbacks += 1
            if self._callbacks > MOST_WAITS:
                call = handle._context.get(CallInProgress.current)  # type: ignore[attr-defined]
                whose = "the router" if call is None else f"call {call.number}: the router"
                raise self.scheduler.refuse(f"{whose} runs {MOST_WAITS:,} callbacks of a loop, and no time passes")
            if not handle.cancelled():
                handle._run()

    def _write_to_self(self) -> None:
        """Need no signal: nothing blocks."""

    def _process_events(self, event_list: Any) -> None:
        """Hear of no sockets."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Run a function in a thread, which is a fiber, too."""
        if executor is None and self._default_executor is None:
            self.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="asyncio"))
        return super().run_in_executor(executor, func, *args)


def _refusing(what: str) -> Callable[..., Any]:
    def refuse(loop: VirtualLoop, *args: Any, **kwargs: Any) -> Any:
        raise loop.scheduler.refuse(
            f"the router asks its event loop for {what}, which cannot be brought into virtual time",
            "Let it call models of the scenario in place of real ones.",
        )

    return refuse


for _name, _what in _REFUSED.items():
    setattr(VirtualLoop, _name, _refusing(_what))
