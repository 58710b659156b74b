"""Locks, conditions, queues and threads within calls, in virtual time.

All that the standard library waits for is made of few things: locks, on which conditions, events, semaphores, barriers,
``queue.Queue`` and futures are built; ``queue.SimpleQueue``; and threads, which a pool starts, too. Within a call these
give way to others. Everywhere else they are what they are.
"""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import gc
import queue
import sys
import threading
from asyncio import BaseEventLoop, events
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from inspect import isfunction
from multiprocessing.process import BaseProcess
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from timegate.core.clock import SECOND_US
from timegate.core.policy import NEVER
from timegate.engines.virtual import Fiber, Scheduler
from timegate.faults.model import CallInProgress

__all__ = ["Waits"]

_LOCK, _RLOCK, _QUEUE = type(threading.Lock()), type(threading.RLock()), queue.SimpleQueue


@contextmanager
def _methods(type_: type, **methods: Callable[..., Any]) -> Iterator[None]:
    """Let a builtin type have other methods. Its own dictionary is read-only for Python alone."""
    [own] = [found for found in gc.get_referents(type_.__dict__) if isinstance(found, dict)]
    before = {name: own[name] for name in methods}
    try:
        own.update(methods)
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(type_))
        yield
    finally:
        own.update(before)
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(type_))


class _Pool:
    """The threads of an executor, as fibers."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.running = 0
        self.queue: deque[Callable[[], None]] = deque()
        self.idle: deque[Fiber] = deque()
        """Who waits until nothing runs."""


class Waits:
    """What the waits of the standard library become within the calls of a scheduler.

    Parameters
    ----------
    scheduler : Scheduler
    new_loop : callable
        Makes an event loop for a call that starts one of its own.
    """

    def __init__(self, scheduler: Scheduler, new_loop: Callable[[], Any]) -> None:
        self._scheduler = scheduler
        self._here = scheduler.here
        self._new_loop = new_loop
        # Who holds a lock, how often, and the lock: else another might get its place in memory.
        self._owners: dict[int, tuple[Fiber, int, Any]] = {}
        self._waiting: dict[int, deque[Fiber]] = {}
        self._threads: WeakKeyDictionary[threading.Thread, deque[Fiber] | None] = WeakKeyDictionary()  # who joins them
        self._pools: WeakKeyDictionary[ThreadPoolExecutor, _Pool] = WeakKeyDictionary()

    # Locks ----------------------------------------------------------------------------------------------------------

    def _wait_on(self, thing: object, timeout_s: float | None) -> bool:
        """Wait until a thing is notified; return whether it was."""
        waiting = self._waiting.setdefault(id(thing), deque())
        fiber = self._here()
        assert fiber is not None  # noqa: S101 - only fibers come here
        until_us = NEVER
        if timeout_s is not None and timeout_s >= 0:
            until_us = self._scheduler.now_us + round(timeout_s * SECOND_US)
        waiting.append(fiber)
        try:
            return self._scheduler.wait_for_wake(until_us)
        finally:
            if fiber in waiting:
                waiting.remove(fiber)
            if not waiting:
                self._waiting.pop(id(thing), None)

    def _tell(self, thing: object) -> None:
        """Wake the first that waits for a thing."""
        waiting = self._waiting.get(id(thing))
        if waiting:
            if threading.get_ident() != self._scheduler.thread:
                self._scheduler.refuse("the router waits for a thread that was started before the replay")
            self._scheduler.wake(waiting.popleft())

    def _take(self, lock: Any, real: Callable[..., Any], blocking: bool, timeout_s: float, again: bool) -> bool:
        fiber = self._here()
        if fiber is None:
            return bool(real(lock, blocking, timeout_s))
        until_us = NEVER if timeout_s < 0 else self._scheduler.now_us + round(timeout_s * SECOND_US)
        while True:
            owner, times, _ = self._owners.get(id(lock), (None, 0, None))
            mine = again and owner is fiber
            if not again or mine or owner is None:
                # If no fiber has it, another thread does, and that takes real time.
                if real(lock, False) or (blocking and owner is None and real(lock, True, timeout_s)):
                    self._owners[id(lock)] = fiber, times + 1 if mine else 1, lock
                    return True
                if owner is None:
                    return False
            if not blocking:
                return False
            left_s = -1.0 if until_us == NEVER else (until_us - self._scheduler.now_us) / SECOND_US
            if not self._wait_on(lock, left_s):
                return False

    def _give(self, lock: Any, real: Callable[..., Any]) -> None:
        real(lock)
        owner, times, _ = self._owners.get(id(lock), (None, 0, None))
        if owner is not None:
            if times > 1:
                self._owners[id(lock)] = owner, times - 1, lock
                return
            del self._owners[id(lock)]
        self._tell(lock)

    def _locks(self, type_: type, again: bool) -> Any:
        take, give = type_.acquire, type_.release  # type: ignore[attr-defined]

        def acquire(lock: Any, blocking: bool = True, timeout: float = -1) -> bool:
            if (not blocking and timeout != -1) or (timeout < 0 and timeout != -1):
                return bool(take(lock, blocking, timeout))  # which says what is wrong with that
            return self._take(lock, take, blocking, timeout, again)

        def release(lock: Any) -> None:
            self._give(lock, give)

        def leave(lock: Any, *error: Any) -> None:
            self._give(lock, give)

        return _methods(type_, acquire=acquire, __enter__=acquire, release=release, __exit__=leave)

    def _condition_wait(self, real: Callable[..., bool]) -> Callable[..., bool]:
        def wait(condition: Any, timeout: float | None = None) -> bool:
            """Wait as the standard library does; but what it has bound of the lock knows nothing of fibers."""
            if self._here() is None:
                return real(condition, timeout)
            if not condition._is_owned():
                raise RuntimeError("cannot wait on un-acquired lock")
            lock, waiter = condition._lock, threading.Lock()
            waiter.acquire()
            condition._waiters.append(waiter)
            times = self._owners.get(id(lock), (None, 1, None))[1]
            for _ in range(times):
                lock.release()
            heard = False
            try:
                heard = waiter.acquire(True, -1) if timeout is None else timeout > 0 and waiter.acquire(True, timeout)
            finally:
                for _ in range(times):
                    lock.acquire()
                waiter.release()
                if not heard and waiter in condition._waiters:
                    condition._waiters.remove(waiter)
            return heard

        return wait

    def _queue(self) -> Any:
        get, put = _QUEUE.get, _QUEUE.put

        def get_here(queue_: Any, block: bool = True, timeout: float | None = None) -> Any:
            if self._here() is None or not block or (timeout is not None and timeout < 0):
                return get(queue_, block, timeout)
            until_us = NEVER if timeout is None else self._scheduler.now_us + round(timeout * SECOND_US)
            while queue_.empty():
                left_s = None if until_us == NEVER else (until_us - self._scheduler.now_us) / SECOND_US
                if not self._wait_on(queue_, left_s):
                    break
            return get(queue_, False)

        def put_here(queue_: Any, item: Any, block: bool = True, timeout: float | None = None) -> None:
            put(queue_, item)
            self._tell(queue_)

        return _methods(_QUEUE, get=get_here, put=put_here, put_nowait=put_here)

    # Streams ----------------------------------------------------------------------------------------------------------

    def _flush(self, real: Callable[..., None]) -> Callable[..., None]:
        """Let a notebook's streams wait for a thread of the kernel: what a router says takes no time of its call."""

        def flush(stream: Any) -> None:
            with self._scheduler.outside():
                real(stream)

        return flush

    # Threads --------------------------------------------------------------------------------------------------------

    def _spawn(self, run: Callable[[], object]) -> None:
        """Begin a thread of the present call: of its context it has nothing else."""
        call = CallInProgress.current.get()
        context = contextvars.Context()
        context.run(CallInProgress.current.set, call)
        context.run(self._scheduler.spawn, call, run)

    def _thread_start(self, real: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
        def start(thread: threading.Thread) -> None:
            if self._here() is None:
                real(thread)
                return
            if thread in self._threads or thread._started.is_set():  # type: ignore[attr-defined]
                raise RuntimeError("threads can only be started once")
            self._threads[thread] = joining = deque[Fiber]()

            def run() -> None:
                try:
                    thread.run()
                except Exception as error:
                    threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))
                finally:
                    self._threads[thread] = None
                    for fiber in joining:
                        self._scheduler.wake(fiber)

            self._spawn(run)
            thread._started.set()  # type: ignore[attr-defined]

        return start

    def _thread_join(self, real: Callable[..., None]) -> Callable[..., None]:
        def join(thread: threading.Thread, timeout: float | None = None) -> None:
            if thread not in self._threads:
                real(thread, timeout)
                return
            joining = self._threads[thread]
            if joining is not None:
                until_us = NEVER if timeout is None else self._scheduler.now_us + round(max(timeout, 0) * SECOND_US)
                me = self._here()
                assert me is not None  # noqa: S101 - the thread is one of its call
                joining.append(me)
                self._scheduler.wait_for_wake(until_us)
                if me in joining:
                    joining.remove(me)

        return join

    def _thread_is_alive(self, real: Callable[[threading.Thread], bool]) -> Callable[[threading.Thread], bool]:
        return lambda thread: self._threads[thread] is not None if thread in self._threads else real(thread)

    def _submit(self, real: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
        def submit(executor: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            if self._here() is None:
                return real(executor, fn, *args, **kwargs)
            if executor._shutdown:
                raise RuntimeError("cannot schedule new futures after shutdown")
            pool = self._pools.setdefault(executor, _Pool(executor._max_workers))
            future: Future[Any] = Future()
            call = CallInProgress.current.get()

            def work() -> None:
                CallInProgress.current.set(call)
                if future.set_running_or_notify_cancel():
                    try:
                        result = fn(*args, **kwargs)
                    except Exception as error:
                        future.set_exception(error)
                    else:
                        future.set_result(result)

            pool.queue.append(work)
            if pool.running < pool.size:
                pool.running += 1
                self._spawn(lambda: self._work(pool))
            return future

        return submit

    def _work(self, pool: _Pool) -> None:
        try:
            while pool.queue:
                pool.queue.popleft()()
        finally:
            pool.running -= 1
            while not pool.running and pool.idle:
                self._scheduler.wake(pool.idle.popleft())

    def _shutdown(self, real: Callable[..., None]) -> Callable[..., None]:
        def shutdown(executor: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
            fiber, pool = self._here(), self._pools.get(executor)
            if fiber is None or pool is None:
                real(executor, wait, cancel_futures=cancel_futures)
                return
            executor._shutdown = True
            if wait and pool.running:
                pool.idle.append(fiber)
                self._scheduler.park()

        return shutdown

    def _process_start(self, real: Callable[[BaseProcess], None]) -> Callable[[BaseProcess], None]:
        def start(process: BaseProcess) -> None:
            if self._here() is not None:  # a pool's own threads would wait for it, and hold the replay for ever
                call = CallInProgress.current.get()
                raise self._scheduler.refuse(
                    f"{f'call {call.number}: ' if call else ''}the router starts a process of multiprocessing, which "
                    "keeps a time of its own",
                    "Give it threads.",
                )
            real(process)

        return start

    # Event loops ----------------------------------------------------------------------------------------------------

    def _loop(self, real: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: real() if self._here() is None else self._new_loop()

    def _run_forever(self, real: Callable[[Any], None]) -> Callable[[Any], None]:
        def run_forever(loop: Any) -> None:
            if self._here() is not None and getattr(loop, "scheduler", None) is not self._scheduler:
                raise self._scheduler.refuse(
                    "the router runs an event loop that was made before the replay",
                    "Make it within the call, as asyncio.run does, or give the coroutine function itself to replay.",
                )
            real(loop)

        return run_forever

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Let them be the waits of the process."""
        thread, pool = threading.Thread, ThreadPoolExecutor
        with ExitStack() as stack:
            for entered in (
                self._locks(_LOCK, again=False),
                self._locks(_RLOCK, again=True),
                self._queue(),
                patch.object(threading.Condition, "wait", self._condition_wait(threading.Condition.wait)),
                patch.object(thread, "start", self._thread_start(thread.start)),
                patch.object(thread, "join", self._thread_join(thread.join)),
                patch.object(thread, "is_alive", self._thread_is_alive(thread.is_alive)),
                patch.object(BaseProcess, "start", self._process_start(BaseProcess.start)),
                patch.object(pool, "submit", self._submit(pool.submit)),
                patch.object(pool, "shutdown", self._shutdown(pool.shutdown)),
                patch.object(events, "new_event_loop", self._loop(events.new_event_loop)),
                patch.object(asyncio, "new_event_loop", self._loop(asyncio.new_event_loop)),
                patch.object(BaseEventLoop, "run_forever", self._run_forever(BaseEventLoop.run_forever)),
            ):
                stack.enter_context(entered)
            for stream in {type(sys.stdout), type(sys.stderr)}:
                if isfunction(flush := vars(stream).get("flush")):
                    stack.enter_context(patch.object(stream, "flush", self._flush(flush)))
            yield
