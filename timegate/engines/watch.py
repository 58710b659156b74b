"""What cannot be brought into virtual time is found out, and named.

The interpreter tells of connections and processes (audit events). Whatever else holds the thread for real, such as an
extension that sleeps, a second thread sees: it stands at one place, and the system says that it sleeps.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from timegate.engines.compiling import Compiler
from timegate.engines.stacks import place_of
from timegate.engines.virtual import Scheduler
from timegate.errors import TimegateWarning
from timegate.faults.model import CallInProgress

__all__ = ["Watch"]

_REAL = {
    "socket.connect": "a connection",
    "socket.getaddrinfo": "an address",
    "socket.bind": "a server",
    "subprocess.Popen": "a process",
    "os.system": "a process",
    "os.posix_spawn": "a process",
    "os.fork": "a process",
}
_LOOK_S = 0.05
_watching: list[Watch] = []
_hooked: list[bool] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in _REAL:
        _watching[-1].heard(event)


class Watch:
    """Looks at the calls of a scheduler, and warns once of each kind of thing."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._found: dict[str, str] = {}
        self._over = threading.Event()
        self._compiler = Compiler()
        self._status = Path(f"/proc/self/task/{threading.get_native_id()}/status")

    def heard(self, event: str) -> None:
        """Hear of an audit event."""
        if self._scheduler.here() is not None:
            self._note(_REAL[event], f"opens {_REAL[event]} ({event})", sys._getframe(2))

    def _note(self, kind: str, what: str, frame: FrameType | None) -> None:
        if kind not in self._found:
            fiber = self._scheduler.current
            call = CallInProgress.current.get() if self._scheduler.here() else fiber and fiber.call
            whose = f"call {call.number}: the router" if call else "the router"
            self._found[kind] = f"{whose} {what}{place_of(frame)}. It takes real time, and none of the replay's."

    def _look(self) -> None:
        """See whether the thread of the replay stands still."""
        scheduler, before = self._scheduler, (-1, 0, 0, "")
        while not self._over.wait(_LOOK_S):
            frame = sys._current_frames().get(scheduler.thread)
            sleeps, naps = self._rest()
            now = (scheduler.steps, id(frame), frame.f_lasti if frame else -1, naps)
            stands = now == before and scheduler.current is not None
            if stands and sleeps and not self._compiler.is_at_work:
                self._note("wait", "waits for something that is not virtual", frame)
            before = now
            del frame

    def _rest(self) -> tuple[bool, str]:
        """Return whether the system says that the thread waits, and how often it began to; yes where it says nothing.

        One that waits for its turn of the interpreter begins again every few milliseconds.
        """
        try:
            lines = self._status.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return True, ""
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        return said["State"].strip()[0] in "SD", said.get("voluntary_ctxt_switches", "")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch; warn at the end."""
        if not _hooked:
            sys.addaudithook(_hear)  # for good: there is no way to take it back
            _hooked.append(True)
        thread = threading.Thread(target=self._look, name="timegate-watch", daemon=True)
        thread.start()
        _watching.append(self)
        try:
            with self._compiler.heard():
                yield
        finally:
            _watching.remove(self)
            self._over.set()
            thread.join()
        for text in self._found.values():
            warnings.warn(text, TimegateWarning, stacklevel=2)
