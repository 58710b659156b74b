"""Virtual time: calls of any router that overlap, as fibers that give way to each other.

Each call runs in a fiber, a stack of its own within the one thread. Whatever takes time in it (an attempt, a sleep, a
lock) parks the fiber until an event comes, in the order of :mod:`timegate.engines.providers`; meanwhile others go on.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio.events import _get_running_loop, _set_running_loop
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

from timegate.core.clock import DAY_US
from timegate.core.columns import CANCELLED, OK, TIMEOUT
from timegate.core.policy import NEVER
from timegate.core.prompt_cache import cached_at
from timegate.engines.providers import PAUSE, Event, Events, LeftWork, Providers, Work
from timegate.engines.stacks import place_of
from timegate.errors import ReplayError
from timegate.faults.injector import Injector
from timegate.faults.model import AttemptMade, CallInProgress

__all__ = ["MOST_WAITS", "MOST_WAIT_US", "Fiber", "Scheduler"]

MOST_WAITS = 1_000_000
"""How often a call may wait: more is taken for a loop without end."""
MOST_WAIT_US = 366 * DAY_US
"""How long a call may take."""


class Fiber(greenlet):  # type: ignore[misc]  # greenlet's stubs leave it untyped
    """A stack of its own that gives way where it waits.

    Attributes
    ----------
    event : int
        The serial number of the event that ends its wait; older ones mean nothing.
    woken : bool
        Whether the last wait was ended by somebody, and not by time.
    call : CallInProgress or None
        The call that it serves; None if it serves many.
    """

    event = -1
    woken = False
    call: CallInProgress | None = None
    job: tuple[Callable[..., object], tuple[Any, ...]]


class Scheduler:
    """The present instant, what will happen, and who waits for it.

    Attributes
    ----------
    now_us : int
    next_arrival_us : int
        Nothing that comes later may happen yet.
    current : Fiber or None
        Who runs.
    running : int
        Attempts under way.
    steps : int
        How often a fiber has run so far.
    closing : bool
        Whether the replay is over, and whoever waits is to end.
    ended : callable
        Told of each call whose last attempt has ended.
    """

    def __init__(self, start_us: int, move: Callable[[int], None], ended: Callable[[CallInProgress], None]) -> None:
        self.start_us = self.now_us = start_us
        self.next_arrival_us = start_us
        self.current: Fiber | None = None
        self.ready: deque[Fiber] = deque()
        self.parked: set[Fiber] = set()
        self._idle: list[Fiber] = []
        self.events = Events()
        self.providers = Providers(self.events, [])
        self.under_way: dict[int, CallInProgress] = {}
        self.fault: BaseException | None = None
        self.ended = ended
        self.thread = get_ident()
        self.running = 0
        self.steps = 0
        self.closing = False
        self._move = move
        self._numbers: dict[str, int] = {}
        self._masks: dict[Injector, list[int]] = {}
        self._hub = getcurrent()

    # What happens ---------------------------------------------------------------------------------------------------

    def until(self, last_us: int) -> None:
        """Take all events up to an instant."""
        heap = self.events.heap
        if self.ready:
            self.run_ready()
        while heap and heap[0][0] <= last_us:
            self._take(self.events.pop())
            self.run_ready()

    def step(self) -> bool:
        """Take the next event; return whether there was one."""
        if self.events.heap:
            self._take(self.events.pop())
            self.run_ready()
            return True
        return False

    def advance(self, at_us: int) -> None:
        """Let time pass."""
        if at_us > self.now_us:
            self._move(at_us - self.now_us)
            self.now_us = at_us

    def _take(self, event: Event) -> None:
        at_us, kind, _, _, serial, what = event
        if isinstance(what, Fiber):
            if what.event == serial:
                self.advance(at_us)
                what.event = -1
                self.ready.append(what)
        elif isinstance(what, Work):
            if what.event == serial:
                self.advance(at_us)
                self._end(what, kind)
        elif isinstance(what, LeftWork):
            self.providers.release(what.mask, what.answer, at_us)
        elif not what.cancelled():  # a timer of an event loop
            self.advance(at_us)
            what.due()

    def _end(self, work: Work, kind: int) -> None:
        made, call, waiter = work.caller
        made.outcome, made.retry_after_us, _ = self.providers.end(work, self.now_us, kind)
        self._settle(call, made)
        if isinstance(waiter, Fiber):
            self.ready.append(waiter)
        elif not waiter.done():
            waiter.set_result(None)

    def _settle(self, call: CallInProgress, made: AttemptMade) -> None:
        made.latency_us = self.now_us - made.at_us
        call.running -= 1
        self.running -= 1
        if made.outcome == OK:
            call.last_answered = made
        if not call.running and call.number not in self.under_way:
            self.ended(call)

    # Fibers ---------------------------------------------------------------------------------------------------------

    def spawn(self, call: CallInProgress | None, run: Callable[..., object], *args: Any) -> Fiber:
        """Begin a fiber, which runs when its turn comes; its context is that of who asks."""
        fiber = self._idle.pop() if self._idle else Fiber(self._live, self._hub)
        fiber.gr_context = contextvars.copy_context()
        fiber.call, fiber.job = call, (run, args)
        self.ready.append(fiber)
        return fiber

    def _live(self) -> None:
        """Do one job after another: a new stack for each would take its time."""
        fiber = self.current
        assert fiber is not None  # noqa: S101 - it has just begun
        while not self.closing:
            run, args = fiber.job
            try:
                run(*args)
            except GreenletExit:
                return
            except BaseException as error:  # the hub raises it
                self.fail(error)
            fiber.call = None
            self._idle.append(fiber)
            self._hub.switch()

    def run_ready(self) -> None:
        """Run the fibers whose turn it is, until all wait."""
        ready = self.ready
        while ready:
            self.current = fiber = ready.popleft()
            self.steps += 1
            fiber.switch()
            self.current = None
            if self.fault is not None:
                raise self.fault

    def park(self, event: int = -1) -> bool:
        """Let the current fiber give way until an event, or until somebody wakes it; return whether somebody did."""
        fiber = self.current
        assert fiber is not None  # noqa: S101 - only fibers wait
        call = CallInProgress.current.get()
        if call is not None:
            self._count(call)
        if self.closing or self.fault is not None:
            self._leave(fiber)
        heap, ready = self.events.heap, self.ready
        fiber.woken = False
        if not ready and heap and heap[0][4] == event and heap[0][0] <= self.next_arrival_us:
            self._take(self.events.pop())  # nothing comes before it: no need to leave
            ready.remove(fiber)
            return fiber.woken
        self.parked.add(fiber)
        running = _get_running_loop()
        _set_running_loop(None)
        self._hub.switch()
        self.parked.discard(fiber)
        _set_running_loop(running)
        return fiber.woken

    def _leave(self, fiber: Fiber) -> None:
        """Give way for good: the replay is over, whatever the router makes of an error."""
        self.parked.add(fiber)
        self._hub.switch()
        raise GreenletExit

    def wake(self, fiber: Fiber) -> None:
        """End the wait of a fiber."""
        fiber.event = -1
        fiber.woken = True
        self.ready.append(fiber)

    def wait(self, duration_us: int) -> None:
        """Let the current fiber wait so long."""
        self.wait_for_wake(self.now_us + max(duration_us, 0))

    def wait_for_wake(self, until_us: int = NEVER) -> bool:
        """Let the current fiber wait until somebody wakes it, or until then; return whether somebody did."""
        fiber = self.current
        assert fiber is not None  # noqa: S101 - only fibers wait
        if until_us < NEVER:
            fiber.event = self.at(until_us, fiber)
        return self.park(fiber.event)

    def at(self, at_us: int, what: Any, context: contextvars.Context | None = None) -> int:
        """Tell a fiber or a timer of an instant."""
        current = CallInProgress.current
        call = current.get() if context is None else context.get(current)
        if call is None:
            return self.events.push(max(at_us, self.now_us), PAUSE, NEVER, 0, what)
        if at_us - call.at_us > MOST_WAIT_US and isinstance(what, Fiber):
            days = (at_us - call.at_us) / DAY_US
            raise self.refuse(f"call {call.number}: the router waits until {days:,.0f} days after its arrival")
        return self.events.push(max(at_us, self.now_us), PAUSE, call.number, len(call.attempts), what)

    def _count(self, call: CallInProgress) -> None:
        call.waits += 1
        if call.waits > MOST_WAITS:
            self.refuse(f"call {call.number}: the router has waited {MOST_WAITS:,} times, and does not return")

    def returned(self, call: CallInProgress) -> None:
        """Note that the router has returned from a call; attempts of it may go on."""
        del self.under_way[call.number]
        if not call.running:
            self.ended(call)

    def finish(self) -> None:
        """Take events until all calls have returned, and all attempts have ended."""
        while self.under_way or self.running:
            if not self.step():
                number, call = min(self.under_way.items())
                place = next((place_of(f.gr_frame) for f in self.parked if f.call is call), "")
                raise ReplayError(f"call {number}: the router waits for what never comes{place}.")

    def close(self) -> None:
        """End all fibers that still wait."""
        for fiber in [*self.parked, *self._idle]:
            self.current = fiber
            fiber.throw(GreenletExit)
        self.current = None

    def fail(self, error: BaseException, cause: BaseException | None = None) -> None:
        """End the replay with an error."""
        if cause is not None:
            error.__cause__ = cause
        self.fault = self.fault or error

    def refuse(self, what: str, hint: str = "") -> ReplayError:
        """End the replay, whatever the router does with the error that is returned for it."""
        error = ReplayError(f"{what}{place_of(sys._getframe(1))}.{hint and f' {hint}'}")
        self.fail(error)
        return error

    def here(self) -> Fiber | None:
        """Return the fiber that asks; None outside of a call, and in other threads."""
        return self.current if get_ident() == self.thread else None

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Let what is done meanwhile take real time, as if no call did it."""
        fiber, self.current = self.current, None
        try:
            yield
        finally:
            self.current = fiber

    # Attempts: what a model asks of its host ------------------------------------------------------------------------

    def attend(self, call: CallInProgress, made: AttemptMade, injector: Injector) -> None:
        """Let other calls go on while an attempt takes its time."""
        fiber = self.here()
        if fiber is None:
            raise self.refuse(f"call {call.number}: {made.deployment!r} is called in a thread that travel cannot reach")
        if self._pass_undisturbed(call, made, injector):
            return
        work = self._begin(call, made, injector, fiber)
        try:
            self.park(work.event)
        except BaseException:
            self._cancel(work)
            raise

    def _pass_undisturbed(self, call: CallInProgress, made: AttemptMade, injector: Injector) -> bool:
        """Let an attempt pass at once if nothing else happens before its end; return whether it did.

        It is what :meth:`_begin`, :meth:`park` and :meth:`_end` come to then, without an event and a record of work.
        """
        until_us, ends_us = max(made.until_us, made.at_us), made.at_us + made.latency_us
        now_us, heap = min(ends_us, until_us), self.events.heap
        if (
            now_us > self.next_arrival_us
            or self.ready
            or (heap and heap[0][0] <= now_us)
            or self.closing
            or self.fault is not None
            or call.number not in self.under_way
            or injector.capacities_at(0, made.at_us)
        ):
            return False
        self._count(call)
        if ends_us > until_us:
            made.outcome, made.retry_after_us = TIMEOUT, 0
        made.latency_us = now_us - made.at_us
        if now_us > self.now_us:
            self.advance(now_us)
        if made.outcome == OK:
            call.last_answered = made
        return True

    async def attend_async(self, call: CallInProgress, made: AttemptMade, injector: Injector) -> None:
        """Do the same for a coroutine, which may be cancelled meanwhile."""
        loop = asyncio.get_running_loop()
        if self.here() is None or getattr(loop, "scheduler", None) is not self:
            raise self.refuse(f"call {call.number}: {made.deployment!r} is awaited in an event loop of its own")
        self._count(call)
        future = loop.create_future()
        work = self._begin(call, made, injector, future)
        try:
            await future
        except BaseException:
            self._cancel(work)
            raise

    def _begin(self, call: CallInProgress, made: AttemptMade, injector: Injector, waiter: Any) -> Work:
        call.running += 1
        self.running += 1
        work = Work(
            call.number, len(call.attempts), made.outcome, made.latency_us, made.retry_after_us,
            max(made.until_us, made.at_us), call.prompt, call.tokens, (made, call, waiter),
            cached=cached_at(made.deployment, call.first_choice, call.cached),
        )  # fmt: skip
        self.providers.begin(work, self._mask(injector, made.at_us), made.at_us)
        return work

    def _cancel(self, work: Work) -> None:
        if work.event != -1 or work.queue >= 0:
            made, call, _ = work.caller
            self.providers.abandon(work, self.now_us)
            made.outcome = CANCELLED
            self._settle(call, made)

    def share(self, injector: Injector) -> list[int]:
        """Return the numbers of a model's capacities among those of all models: one for each name."""
        numbers = self._masks.get(injector)
        if numbers is None:
            numbers = []
            for name, provider in zip(injector.capacity_names, injector.providers(), strict=True):
                if name not in self._numbers:
                    self._numbers[name] = self.providers.add(provider)
                numbers.append(self._numbers[name])
            self._masks[injector] = numbers
        return numbers

    def _mask(self, injector: Injector, at_us: int) -> int:
        own, mask = injector.capacities_at(0, at_us), 0
        if own:
            for bit, number in enumerate(self.share(injector)):
                mask |= ((own >> bit) & 1) << number
        return mask
