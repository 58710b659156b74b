"""Proposals for the editor: windows that timegate chooses, while the page and its kernel go on."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from time import monotonic
from typing import Any

import anywidget
import traitlets

from timegate.core.clock import DAY_US
from timegate.engines.progress import listening
from timegate.errors import InvalidTypeError, InvalidValueError, ReplayError, did_you_mean, shown
from timegate.optimize.choose import optimise
from timegate.optimize.proposals import Proposals
from timegate.traffic import Trace
from timegate.widgets.draft import change_of, message_of, read_draft, rows_of

__all__ = ["Proposing", "Work", "as_options", "in_words", "options_for"]

_WORDS = {"replay": "Replaying who may be open", "program": "Choosing windows", "point": "Choosing windows"}
_PAUSE_S = 0.5  # between two words of progress, which are read out to some


def as_options(value: Any) -> dict[str, Any]:
    """Return what :func:`timegate.optimise` is told, checked for what it knows."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidTypeError(
            f"optimise must be a mapping like {{'limits': {{'failed': 0.001}}}}. Got {shown(value)}."
        )
    known = [p.name for p in inspect.signature(optimise).parameters.values() if p.kind is p.KEYWORD_ONLY]
    for name in value:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InvalidTypeError(f"optimise must hold options of tg.optimise. Got {shown(name)}.{hint}")
    return dict(value)


def options_for(given: Mapping[str, Any], trace: Trace, tz: str) -> dict[str, Any]:
    """Return options with what goes without saying: the zone of the axis, and a day where the trace has no week."""
    first_us, last_us = trace.span_us
    return {"tz": tz, "period": "week" if last_us - first_us >= 6 * DAY_US else "day", **given}


def in_words(found: Proposals) -> str:
    """Say what was found, for a line of the page."""
    changes = found.best != found.config
    return " ".join([found.headline, *list(found._said())[1:], *(["Undo takes it back."] if changes else [])])


class Work:
    """A choice of windows in a thread, or at once where there is no event loop to come back to.

    Parameters
    ----------
    choose : callable
        Returns what was found.
    say : callable
        Takes words of progress. It is called where the work was started, as is ``done``.
    done : callable
        Takes what was found, or what was raised.
    """

    def __init__(
        self,
        choose: Callable[[], Proposals],
        say: Callable[[str], None],
        done: Callable[[Proposals | BaseException], None],
    ) -> None:
        self._choose, self._say, self._done = choose, say, done
        self._stopped, self._next_s = False, 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin."""
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            self._run()
        else:
            Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        """End the search; what was found so far is what comes of it."""
        self._stopped = True

    def _run(self) -> None:
        try:
            with listening(self._heard):
                found: Proposals | BaseException = self._choose()
        except BaseException as error:  # what is raised here nobody would see
            found = error
        self._at_home(self._done, found)

    def _heard(self, unit: str, number: int, total: int | None) -> None:
        if self._stopped:
            raise KeyboardInterrupt
        if unit in _WORDS and monotonic() >= self._next_s:
            self._next_s = monotonic() + _PAUSE_S
            self._at_home(self._say, f"{_WORDS[unit]}: {number + 1:,} of {total:,}" if total else _WORDS[unit])

    def _at_home(self, function: Callable[[Any], None], value: Any) -> None:
        if self._loop is None:
            function(value)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody is there any more
            self._loop.call_soon_threadsafe(function, value)


class Proposing(anywidget.AnyWidget):
    """What the editor does about proposals."""

    config: Any
    scenario: Any
    trace: Any
    tz: Any
    draft: Any

    proposing = traitlets.Unicode("").tag(sync=True)  # how far a search for windows is, in words

    proposals: Proposals | None = None
    _optimise: Mapping[str, Any] = {}
    _work: Work | None = None

    def propose(self, **options: Any) -> Proposals:
        """Choose windows for the schedule on screen, and put them there, as an edit that can be undone.

        Parameters
        ----------
        **options
            For :func:`timegate.optimise`, before those that the editor was given.

        Returns
        -------
        Proposals
            What was found: its frontier, and what each window is worth.

        Raises
        ------
        ReplayError
            If there is no trace, or no schedule keeps the limits; see :func:`timegate.optimise`.
        """
        found = self._chooser(as_options(options))()
        self._put(found)
        return found

    def _propose(self) -> None:
        if self._work is not None:
            raise InvalidValueError("Windows are being chosen already.")
        asked = change_of(self.draft)

        def say(text: str) -> None:
            self.proposing = text

        def done(found: Proposals | BaseException) -> None:
            self._work, self.proposing = None, ""
            if isinstance(found, BaseException):
                self.send({"kind": "error", "about": "propose", "text": f"Not proposed: {message_of(found)}"})
            elif change_of(self.draft) != asked:
                self.proposals = found
                text = "The schedule was edited while windows were chosen for it: they are in editor.proposals."
                self.send({"kind": "proposed", "text": text})
            else:
                self._put(found)
                self.send({"kind": "proposed", "text": in_words(found)})

        self._work = Work(self._chooser({}), say, done)
        say("Choosing windows")
        self._work.start()

    def _chooser(self, options: Mapping[str, Any]) -> Callable[[], Proposals]:
        """Return what chooses windows for the schedule as it is now."""
        if self.trace is None or not len(self.trace):
            raise ReplayError("there is no trace: windows are chosen for the calls of one.")
        reading = read_draft(self.draft, self.config, self.scenario)
        arguments = options_for({**self._optimise, **options}, self.trace, self.tz)
        return partial(optimise, reading.config, self.trace, reading.acting, **arguments)

    def _put(self, found: Proposals) -> None:
        """Put what was found on screen."""
        self.proposals = found
        if found.best != self.config:
            self.config = found.best

    def _stop(self) -> None:
        if self._work is not None:
            self._work.stop()

    def _proposes(self) -> bool:
        """Whether there is what windows are chosen by: calls, and prices unless failures are to be few."""
        calls = self.trace is not None and len(self.trace) > 0
        priced = all(row.get("price") for row in rows_of(self.draft) if not row.get("off"))
        return calls and (priced or self._optimise.get("minimise") == "failed")
