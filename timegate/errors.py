"""Every exception of timegate, one tree.

::

    TimegateError
    ├── ModelRouterError            nobody could serve the call
    ├── ModelCallError              one attempt failed; ``kind`` says how
    │   ├── ModelTimeoutError       (also a TimeoutError)
    │   ├── RateLimitError
    │   ├── ServerError
    │   ├── ModelConnectionError    (also a ConnectionError)
    │   ├── AuthenticationError
    │   └── BadRequestError
    ├── InvalidValueError           (also a ValueError)
    │   ├── InstantError            a naive, missing or unreadable point in time
    │   ├── WindowError
    │   ├── ConfigError
    │   ├── TraceError
    │   ├── ScenarioError
    │   ├── IncidentError
    │   └── ReplayError
    ├── InvalidTypeError            (also a TypeError)
    ├── InvalidModelError           (also an AttributeError)
    └── MissingExtraError           (also an ImportError)

    TimegateWarning                 (a UserWarning) the input was read, with a reservation
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

__all__ = [
    "CALL_ERRORS",
    "AuthenticationError",
    "BadRequestError",
    "ConfigError",
    "IncidentError",
    "InstantError",
    "InvalidModelError",
    "InvalidTypeError",
    "InvalidValueError",
    "MissingExtraError",
    "ModelCallError",
    "ModelConnectionError",
    "ModelRouterError",
    "ModelTimeoutError",
    "RateLimitError",
    "ReplayError",
    "ScenarioError",
    "ServerError",
    "TimegateError",
    "TimegateWarning",
    "TraceError",
    "WindowError",
    "counted",
    "did_you_mean",
    "key_of_place",
    "shown",
]


class TimegateError(Exception):
    """Base of every exception that timegate raises."""


class ModelRouterError(TimegateError):
    """No deployment could serve the call.

    Parameters
    ----------
    exceptions : list of Exception
        What the attempts raised, in the order of the attempts; empty if nobody was open.
    model_info : list of (model_name, provider, exception)
        The same with the name and provider of each deployment.
    message : str
        "No model available due to time constraints" or "All N available models failed".
    """

    def __init__(
        self,
        exceptions: Sequence[Exception],
        model_info: Sequence[tuple[str, str, Exception]],
        message: str = "Model routing failed",
    ) -> None:
        self.exceptions = list(exceptions)
        self.model_info = list(model_info)
        self.message = message
        super().__init__(self.exceptions, self.model_info, message)  # args that pickle and copy rebuild from

    def __str__(self) -> str:
        lines = [f"  - {name} ({provider}): {type(e).__name__}: {e}" for name, provider, e in self.model_info]
        return "\n".join([self.message, *lines])


class ModelCallError(TimegateError):
    """One attempt on a deployment failed.

    Attributes
    ----------
    kind : str
        The word that stands in the ``outcome`` column of a replay's attempts.
    status_code : int or None
        The HTTP status that a provider would have sent, if it sent one.
    """

    kind: ClassVar[str] = "error"
    status_code: ClassVar[int | None] = None


class ModelTimeoutError(ModelCallError, TimeoutError):
    """The provider did not answer in time."""

    kind = "timeout"


class RateLimitError(ModelCallError):
    """The provider answered 429.

    Attributes
    ----------
    retry_after_s : float or None
        What its ``Retry-After`` said, in seconds.
    """

    kind = "rate_limit"
    status_code = 429
    retry_after_s: float | None = None


class ServerError(ModelCallError):
    """The provider answered 5xx."""

    kind = "server_error"
    status_code = 503


class ModelConnectionError(ModelCallError, ConnectionError):
    """The provider could not be reached."""

    kind = "connection"


class AuthenticationError(ModelCallError):
    """The provider refused the key."""

    kind = "auth"
    status_code = 401


class BadRequestError(ModelCallError):
    """The provider refused the request."""

    kind = "bad_request"
    status_code = 400


CALL_ERRORS: dict[str, type[ModelCallError]] = {
    cls.kind: cls
    for cls in (
        ModelTimeoutError,
        RateLimitError,
        ServerError,
        ModelConnectionError,
        AuthenticationError,
        BadRequestError,
    )
}
"""The kinds of failure that a scenario can inject, and the exception that each raises."""


class InvalidValueError(TimegateError, ValueError):
    """A value breaks a rule; the message names the place, the rule and what was given.

    Attributes
    ----------
    problems : tuple of str
        Every problem found, one sentence each. The message is the first of them.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__(*problems)

    def __str__(self) -> str:
        first, more = self.problems[0], len(self.problems) - 1
        return first if not more else f"{first} (and {counted(more, 'more problem')})"


class InstantError(InvalidValueError):
    """A point in time that is naive, missing or not readable."""


class WindowError(InvalidValueError):
    """A window breaks a rule.

    Parameters
    ----------
    problem : str
        Which rule, and what was given.
    field : str
        The part of the window.
    place : str
        Where the window stands, in a config or a gateway.
    """

    def __init__(self, problem: str, field: str, place: str = "") -> None:
        super().__init__(f"{place}.{field} {problem}" if place else f"{field} {problem}")
        self.problem = problem
        self.field = field
        self.args = (problem, field, place)  # what pickle and copy rebuild from


class ConfigError(InvalidValueError):
    """A gateway config, or its file, breaks a rule."""


class TraceError(InvalidValueError):
    """A trace, or its file, breaks a rule."""


class ScenarioError(InvalidValueError):
    """A scenario, one of its faults, or its file, breaks a rule."""


class IncidentError(InvalidValueError):
    """A history of incidents, or its file, breaks a rule, or is too short for what is asked of it."""


class ReplayError(InvalidValueError):
    """Router, trace and scenario do not fit each other, or a result cannot be given or written."""


class InvalidTypeError(TimegateError, TypeError):
    """An argument is of the wrong type. ``field`` names the part of a window, if it is one."""

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__(problem, field)
        self.problem = problem
        self.field = field

    def __str__(self) -> str:
        return f"{self.field} {self.problem}".strip()


class InvalidModelError(TimegateError, AttributeError):
    """A model lacks an attribute that routing needs."""


class MissingExtraError(TimegateError, ImportError):
    """An optional dependency is not installed; the message says which command installs it."""


class TimegateWarning(UserWarning):
    """The input was understood, with a reservation that the message states."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> counted(1, "call"), counted(1200, "call")
    ('1 call', '1,200 calls')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class _Brief(reprlib.Repr):
    """Shows mappings by their keys alone: what stands where it does not belong may be a secret."""

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        keys = [f"{self.repr1(key, level - 1)}: ..." for key in list(x)[: self.maxdict]]
        return "{" + ", ".join([*keys, *(["..."] if len(x) > self.maxdict else [])]) + "}"


_brief = _Brief()  # bounded in depth and width: YAML's anchors can make small texts enormous values
_brief.maxlevel, _brief.maxstring, _brief.maxother, _brief.maxlist, _brief.maxtuple, _brief.maxdict = 3, 80, 80, 6, 6, 6


def shown(value: object) -> str:
    """Return a value as it stands in an error message: its repr, cut where it is long.

    Examples
    --------
    >>> len(shown("x" * 1000))
    80
    """
    try:
        text = " ".join(_brief.repr(value).split())
    except ValueError:  # Python does not write out an int of more than some thousand digits
        text = "a number of thousands of digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def key_of_place(key: object) -> str:
    """Return a key as it stands in the place that a message begins with, quoted only where it has to be.

    Examples
    --------
    >>> key_of_place("start"), key_of_place("x" * 1000)[:9], key_of_place(7)
    ('start', "'xxxxxxxx", '7')
    """
    return key if isinstance(key, str) and key.isprintable() and len(key) <= 60 else shown(key)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of an error message: the nearest known name, or all of them.

    Examples
    --------
    >>> did_you_mean("strnog", ["weak", "strong"])
    " Did you mean 'strong'?"
    >>> did_you_mean("x", ["weak", "strong"])
    " Known: 'weak', 'strong'."
    """
    names = list(known)
    wanted = name if isinstance(name, str) else shown(name)
    near = difflib.get_close_matches(wanted[:80].lower(), [n.lower() for n in names], n=1, cutoff=0.6)
    if near:
        return f" Did you mean {next(n for n in names if n.lower() == near[0])!r}?"
    listed = ", ".join(map(shown, names[:12])) + (", ..." if len(names) > 12 else "")
    listed = listed if len(listed) <= 200 else f"{listed[:197]}..."
    return f" Known: {listed}." if 0 < len(names) <= 24 else ""  # of hundreds of zones, a few say nothing
