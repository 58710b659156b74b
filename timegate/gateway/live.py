"""The live gateway: drives the routing algorithm with real calls."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Generator, Mapping
from datetime import time as wall_time
from typing import Any, ClassVar, Self

from timegate.core.clock import SECOND_US, Clock, Instant, SystemClock, to_us
from timegate.core.columns import OK
from timegate.core.deployment import LISTS, Deployment
from timegate.core.explanation import Explanation
from timegate.core.policy import NEVER
from timegate.core.routing import DONE, WAIT, Call, Draws, Heard, LiveDraws, Router, Step
from timegate.core.settings import CallPolicy, Policy
from timegate.core.timetable import Hours
from timegate.core.windows import Window
from timegate.errors import (
    InvalidModelError,
    InvalidTypeError,
    InvalidValueError,
    ModelTimeoutError,
    WindowError,
    did_you_mean,
)
from timegate.models.base import is_model, within
from timegate.models.failures import kind_of, retry_after_s
from timegate.models.registry import Model
from timegate.problems import Place, Problem, written

__all__ = ["ModelGateway"]

logger = logging.getLogger("timegate")

_DEPLOYMENT_KEYS = (
    "model_name", "model", "time_constraints", "available", "prefer_during", "priority", "weight", "policy",
)  # fmt: skip


class ModelGateway:
    """Routes calls to an ordered list of deployments, with fallback and time windows.

    Parameters
    ----------
    models : list of dict
        One a deployment, in order of fallback: ``model_name`` (a unique name), ``model`` (derives from
        :class:`BaseModel`, or from that of the msgflux package), and optionally ``time_constraints`` (windows
        in which it may not be used) and ``available`` (windows outside which it may not). A window is a pair
        ``("22:00", "06:00")`` in UTC, a mapping ``{start, end, tz, days, since, until, except_dates}``, or a
        :class:`Window`.
    clock : Clock, optional
        Tells when a call arrives. Default: the machine's clock.
    policy : CallPolicy or mapping, optional
        What holds for a call as a whole, and for all deployments whose own ``policy`` does not say otherwise. Default:
        each open deployment is tried once, and nothing is limited.
    draws : Draws, optional
        Where the chance of orders and pauses comes from.

    Raises
    ------
    InvalidTypeError, InvalidValueError, InvalidModelError
        (a TypeError, ValueError, AttributeError) if a deployment breaks these rules.

    Examples
    --------
    >>> gateway = ModelGateway([
    ...     {"model_name": "weak", "model": Model.chat_completion("sim/small"),
    ...      "time_constraints": [("22:00", "06:00")]},
    ...     {"model_name": "strong", "model": Model.chat_completion("sim/large")},
    ... ])
    >>> gateway(messages="Hello", model_preference="strong").consume()
    'sim/large'
    >>> gateway.explain(at="2026-03-02T03:10Z").order
    ['strong']
    """

    msgflux_type: ClassVar[str] = "model_gateway"
    model_types: ClassVar[None] = None

    def __init__(
        self,
        models: list[dict[str, Any]],
        clock: Clock | None = None,
        *,
        policy: CallPolicy | Mapping[str, Any] | None = None,
        draws: Draws | None = None,
    ) -> None:
        if not models or not isinstance(models, list):
            raise InvalidTypeError("`models` must be a non-empty list of model deployment dicts")
        if not all(isinstance(entry, dict) for entry in models):
            raise InvalidTypeError("`models` requires a list of dicts with `model_name` and `model` keys")
        for position, entry in enumerate(models):
            _check_deployment(entry, position)
        self.model_names: list[str] = [entry["model_name"] for entry in models]
        self.models: list[Any] = [entry["model"] for entry in models]
        for position, name in enumerate(self.model_names):
            if name in self.model_names[:position]:
                raise InvalidValueError(f"Duplicate model name found: `{name}`. Names must be unique")
        model_types = {model.model_type for model in self.models}
        if len(model_types) > 1:
            raise InvalidTypeError(
                f"All models in `models` must be of the same `model_type`. Given: `{sorted(model_types)}`"
            )
        self.model_type: str = model_types.pop()
        self.batch_support: bool = all(getattr(model, "batch_support", False) for model in self.models)
        self.current_model_index = 0  # never moves; kept because users of msgflux may read it
        self._deployments = [dict(entry) for entry in models]
        self._clock = clock or SystemClock()
        self._draws: Draws = draws or LiveDraws()
        general = CallPolicy.model_validate(policy) if isinstance(policy, Mapping) else policy
        self.router = Router(
            [
                Deployment.of(
                    entry["model_name"],
                    entry["model"].provider,
                    Hours(*(_parse_windows(entry, i, key) for key in LISTS)),
                    entry["model"].model_id,
                    prefer_during=_parse_windows(entry, i, "prefer_during"),
                    priority=entry.get("priority"),
                    weight=entry.get("weight"),
                    policy=_merged(entry.get("policy"), general),
                )
                for i, entry in enumerate(models)
            ],
            general,
        )
        self._state = self.router.new_state(lock=True)
        if len(models) < 2:
            logger.warning("`models` has only %d deployments. Fallback will not be effective", len(models))
        logger.debug("ModelGateway initialized with %d models. Type: `%s`", len(models), self.model_type)

    def __repr__(self) -> str:
        return f"ModelGateway({' -> '.join(self.model_names)})"

    @property
    def raw_time_constraints(self) -> dict[str, Any] | None:
        """The windows as they were given, by name; None if there are none."""
        raw = {
            e["model_name"]: e["time_constraints"] for e in self._deployments if e.get("time_constraints") is not None
        }
        return raw or None

    @property
    def parsed_time_constraints(self) -> dict[str, list[tuple[wall_time, wall_time]]]:
        """First and last wall-clock time of each window, by name. ``gateway.router`` has zones and dates."""
        return {
            name: [
                (wall_time.fromisoformat(w.start), _last_time(w)) for w in self.router.deployments[i].time_constraints
            ]
            for name in (self.raw_time_constraints or {})
            for i in [self.router.index[name]]
        }

    def __call__(self, *, model_preference: str | None = None, **kwargs: Any) -> Any:
        """Serve a call by the first deployment that answers.

        Parameters
        ----------
        model_preference : str, optional
            The name of the deployment to try first, if it is open.
        **kwargs
            For the model.

        Returns
        -------
        ModelResponse or ModelStreamResponse
            Whatever the model returned.

        Raises
        ------
        ModelRouterError
            If no deployment is open, or all that are open have failed.
        """
        call, steps, errors = self._begin(model_preference)
        try:
            action, index, until_us = next(steps)
            while action != DONE:
                if action == WAIT:
                    time.sleep(max(until_us - self._clock.now_us(), 0) / SECOND_US)
                    action, index, until_us = steps.send((self._clock.now_us(), 0, 0, 0))
                    continue
                try:
                    with within(until_us):
                        answer = self.models[index](**kwargs)
                except Exception as error:
                    action, index, until_us = steps.send(self._heard(index, error, errors))
                else:
                    steps.send((self._clock.now_us(), OK, 0, 0))
                    return answer
            raise self._error(call, errors)
        finally:
            steps.close()
            errors.clear()  # else their tracebacks would keep the arguments alive

    async def acall(self, *, model_preference: str | None = None, **kwargs: Any) -> Any:
        """Serve a call by the first deployment that answers, as :meth:`__call__` does."""
        call, steps, errors = self._begin(model_preference)
        try:
            action, index, until_us = next(steps)
            while action != DONE:
                if action == WAIT:
                    await _sleep_s(max(until_us - self._clock.now_us(), 0) / SECOND_US)
                    action, index, until_us = steps.send((self._clock.now_us(), 0, 0, 0))
                    continue
                try:
                    with within(until_us):
                        if until_us >= NEVER:
                            answer = await self.models[index].acall(**kwargs)
                        else:
                            answer = await _in_time(self.models[index].acall(**kwargs), until_us - self._clock.now_us())
                except Exception as error:
                    action, index, until_us = steps.send(self._heard(index, error, errors))
                else:
                    steps.send((self._clock.now_us(), OK, 0, 0))
                    return answer
            raise self._error(call, errors)
        finally:
            steps.close()
            errors.clear()

    def _begin(self, model_preference: str | None) -> tuple[Call, Generator[Step, Heard, None], list[Exception]]:
        """Begin a call that arrives now, and tell the log."""
        at_us = self._clock.now_us()
        call = Call(self.router, self._state, at_us, model_preference, self._draws)
        if logger.isEnabledFor(logging.DEBUG):
            order = [self.model_names[index] for index in call.order]
            if len(order) < len(self.models):
                logger.debug("Restricted by windows: %s", [name for name in self.model_names if name not in order])
            if model_preference and model_preference not in order:
                logger.debug("Preferred model %r is unknown or closed, and passed over", model_preference)
        return call, call.steps(), []

    def _heard(self, index: int, error: Exception, errors: list[Exception]) -> Heard:
        """Say what an attempt's error means, and tell the log."""
        errors.append(error)
        logger.debug(
            "Model `%s` (%s) failed to execute: %s", self.model_names[index], self.models[index].provider, error
        )
        return self._clock.now_us(), kind_of(error), round((retry_after_s(error) or 0.0) * SECOND_US), 0

    def _error(self, call: Call, errors: list[Exception]) -> Exception:
        """Return what the caller of a call gets that nobody served."""
        if call.raised:
            return errors[-1]
        error = call.error(errors)
        if errors:
            error.__context__ = errors[-1]  # as if it was raised where that was caught
        logger.error(error.message)
        return error

    def explain(self, at: Instant | None = None, model_preference: str | None = None) -> Explanation:
        """Say which deployments would be tried, in which order, and why not the others.

        Parameters
        ----------
        at : datetime or str, optional
            An aware datetime, or ISO text with an offset. Default: now.
        model_preference : str, optional
        """
        at_us = self._clock.now_us() if at is None else to_us(at, "at")
        return self.router.explain(at_us, model_preference)

    def serialize(self) -> dict[str, Any]:
        """Return the gateway as plain data, in the form that the msgflux package reads and writes."""
        entries = []
        for name, model, deployment in zip(self.model_names, self.models, self._deployments, strict=True):
            # msgflux writes `msgflux_type` into a model's state and cannot read it back: it is left out.
            state = {key: value for key, value in model.serialize().items() if key != "msgflux_type"}
            entry: dict[str, Any] = {"model_name": name, "model": state}
            for key in ("time_constraints", "available"):
                if deployment.get(key) is not None:
                    entry[key] = [_plain(window) for window in deployment[key]]
            entries.append(entry)
        return {"msgflux_type": self.msgflux_type, "state": {"models": entries}}

    @classmethod
    def from_serialized(cls, data: Mapping[str, Any]) -> Self:
        """Build a gateway from what :meth:`serialize`, here or in msgflux, gave."""
        if data.get("msgflux_type") != cls.msgflux_type:
            raise InvalidValueError(
                f"Incorrect msgflux type. Expected `{cls.msgflux_type}`, given `{data.get('msgflux_type')}`"
            )
        entries = data.get("state", {}).get("models", [])
        if not entries:
            raise InvalidValueError("Serialized data does not contain models")
        return cls([{**entry, "model": Model.from_serialized(**entry["model"])} for entry in entries])


async def _sleep_s(seconds: float) -> None:
    import asyncio  # a tenth of the time that `import timegate` may take

    await asyncio.sleep(seconds)


async def _in_time(answer: Awaitable[Any], most_us: int) -> Any:
    """Wait so long for an answer, and then say that it did not come."""
    import asyncio

    timeout = asyncio.timeout(most_us / SECOND_US)
    try:
        async with timeout:
            return await answer
    except TimeoutError:
        if not timeout.expired():
            raise  # the model's own
        raise ModelTimeoutError(f"no answer within {most_us / SECOND_US:g} s") from None


def _merged(own: Any, general: CallPolicy | None) -> Policy | None:
    """Return the whole policy of a deployment. In a gateway built by hand nothing ends an attempt unless it is said."""
    if isinstance(own, Mapping):
        own = Policy.model_validate(own)
    if own is None and general is None:
        return None
    return (own or Policy()).under((general or Policy()).under(Policy(timeout_s=None)))


def _check_deployment(entry: dict[str, Any], position: int) -> None:
    for key in ("model_name", "model"):
        if key not in entry:
            raise InvalidValueError(f"Deployment at position {position} is missing required key `{key}`")
    for key in entry:
        if key not in _DEPLOYMENT_KEYS:
            raise InvalidValueError(
                f"Deployment at position {position} has the unknown key {key!r}.{did_you_mean(key, _DEPLOYMENT_KEYS)}"
            )
    name, model = entry["model_name"], entry["model"]
    if not isinstance(name, str) or not name:
        raise InvalidTypeError(f"`model_name` at position {position} must be a non-empty string. Got {name!r}")
    if not is_model(model):
        raise InvalidTypeError(f"Model `{name}` does not inherit from `BaseModel`")
    for attribute in ("model_type", "model_id"):
        if not getattr(model, attribute, None):
            raise InvalidModelError(f"Model `{name}` does not have a valid `{attribute}` attribute")
    if not hasattr(model, "provider"):
        raise InvalidModelError(f"Model `{name}` does not have a valid `provider` attribute")


def _parse_windows(entry: dict[str, Any], position: int, key: str) -> tuple[Window, ...]:
    values = entry.get(key)
    if values is None:
        return ()
    name = entry["model_name"]
    if not isinstance(values, list):
        place = ("deployments", position, key)
        text = f"must be a list of tuples (start, end). Got {values!r} ({type(values).__name__})"
        raise InvalidTypeError(Problem(place, text, where=written(place, repr(name))))
    windows = []
    for i, value in enumerate(values):
        try:
            windows.append(Window.parse(value))
        except (WindowError, InvalidTypeError) as error:
            [problem] = error.problems
            there: Place = ("deployments", position, key, i, *problem.place)
            problem = problem.at(there, written(there, repr(name)))
            if isinstance(error, WindowError):
                problem = problem.after(f"Invalid format in {key}:")
            raise type(error)(problem) from error
    return tuple(windows)


def _last_time(window: Window) -> wall_time:
    return wall_time.max if window.end == "24:00" else wall_time.fromisoformat(window.end)


def _plain(window: Any) -> Any:
    """Return a window as plain data; a pair as it was given, for that is the form of msgflux."""
    return window if isinstance(window, list | tuple) else Window.parse(window).to_config()
