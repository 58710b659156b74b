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
    │   ├── BadRequestError
    │   ├── ContextLengthError
    │   ├── ContentFilterError
    │   ├── TruncatedError          (also a ConnectionError)
    │   └── CallerError
    ├── InputError                  something given breaks a rule; ``problems`` lists what
    │   ├── InvalidValueError       (also a ValueError)
    │   │   ├── InstantError        a naive, missing or unreadable point in time
    │   │   ├── WindowError
    │   │   ├── ConfigError
    │   │   ├── TraceError
    │   │   ├── ScenarioError
    │   │   ├── IncidentError
    │   │   └── ReplayError
    │   └── InvalidTypeError        (also a TypeError)
    ├── InvalidModelError           (also an AttributeError)
    └── MissingExtraError           (also an ImportError)

    TimegateWarning                 (a UserWarning) the input was read, with a reservation
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from timegate.problems import Problem, did_you_mean, in_python, shown
from timegate.show.text import counted

__all__ = [
    "CALL_ERRORS",
    "AuthenticationError",
    "BadRequestError",
    "CallerError",
    "ConfigError",
    "ContentFilterError",
    "ContextLengthError",
    "IncidentError",
    "InputError",
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
    "TruncatedError",
    "WindowError",
    "did_you_mean",
    "shown",
    "warn",
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
        "No model available due to time constraints", "All N available models failed", or "No model available: " and why
        each that was open took no call.
    skipped : list of (model_name, reason)
        The open deployments that were passed over.

    Examples
    --------
    >>> import timegate as tg
    >>> never = [["00:00", "24:00"]]
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small", "time_constraints": never}])
    >>> try:
    ...     config.build()(messages="Hello").consume()
    ... except tg.ModelRouterError as error:
    ...     print(error)
    No model available due to time constraints
    """

    def __init__(
        self,
        exceptions: Sequence[Exception],
        model_info: Sequence[tuple[str, str, Exception]],
        message: str = "Model routing failed",
        skipped: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.exceptions = list(exceptions)
        self.model_info = list(model_info)
        self.message = message
        self.skipped = list(skipped)
        super().__init__(self.exceptions, self.model_info, message, self.skipped)  # what pickle and copy rebuild from

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
        The HTTP status that the provider sent, if it sent one; of an injected failure, that which it would have sent.
    rate_limits : mapping of str to str
        The ``x-ratelimit-*`` headers of the answer.
    """

    kind: ClassVar[str] = "error"
    status_code: int | None = None
    rate_limits: Mapping[str, str] = MappingProxyType({})


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


class ContextLengthError(ModelCallError):
    """The request is longer than the model reads."""

    kind = "context_length"


class ContentFilterError(ModelCallError):
    """The provider's filter refused the request, or cut the answer."""

    kind = "content_filter"


class TruncatedError(ModelCallError, ConnectionError):
    """The answer broke off."""

    kind = "truncated"


class CallerError(ModelCallError):
    """The call itself is wrong, whoever would have served it."""

    kind = "caller"


CALL_ERRORS: dict[str, type[ModelCallError]] = {
    cls.kind: cls
    for cls in (
        ModelTimeoutError,
        RateLimitError,
        ServerError,
        ModelConnectionError,
        AuthenticationError,
        BadRequestError,
        ContextLengthError,
        ContentFilterError,
        TruncatedError,
        CallerError,
    )
}
"""The kinds of failure, and the exception that each raises."""


class InputError(TimegateError):
    """Something that was given breaks a rule; the message names the place, the rule and what was given.

    Parameters
    ----------
    *problems : Problem or str
        What is wrong; a text is a problem whose place is not known.

    Attributes
    ----------
    problems : tuple of Problem
        Every problem found, each a sentence with its place. The message is the first of them.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(Problem.of, problems))
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return self.spelled(in_python)

    @property
    def field(self) -> str:
        """The part of a window or another record that the first problem is about; empty if it is not one's."""
        last = self.problems[0].place[-1:]
        return last[0] if last and isinstance(last[0], str) else ""

    def spelled(self, spell: Callable[[str, object], str]) -> str:
        """Return the message with the argument that it advises spelled by a function of name and value."""
        first, more = self.problems[0].spelled(spell), len(self.problems) - 1
        return first if not more else f"{first} (and {counted(more, 'more problem')})"

    def after(self, words: str) -> tuple[Problem, ...]:
        """Return the problems in sentences that begin with more words, such as the name of a file."""
        return tuple(problem.after(words) for problem in self.problems)


class InvalidValueError(InputError, ValueError):
    """A value breaks a rule."""


class InstantError(InvalidValueError):
    """A point in time that is naive, missing or not readable."""


class WindowError(InvalidValueError):
    """A window breaks a rule; ``field`` is the part of it that does."""


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


class InvalidTypeError(InputError, TypeError):
    """An argument is of the wrong type."""


class InvalidModelError(TimegateError, AttributeError):
    """A model lacks an attribute that routing needs."""


class MissingExtraError(TimegateError, ImportError):
    """An optional dependency is not installed; the message says which command installs it."""


class TimegateWarning(UserWarning):
    """The input was understood, with a reservation that the message states."""


def warn(text: str) -> None:
    """Raise a :class:`TimegateWarning` where a user's own code called this package."""
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "timegate":
        frame, level = frame.f_back, level + 1
    warnings.warn(text, TimegateWarning, stacklevel=level)
