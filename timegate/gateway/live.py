"""The live gateway: drives the routing algorithm with real calls."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import time as wall_time
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from timegate.config.given import as_config
from timegate.config.model import GatewayConfig
from timegate.core.clock import SECOND_US, Clock, Instant, to_us
from timegate.core.deployment import WINDOWED, Deployment
from timegate.core.explanation import Explanation
from timegate.core.policy import NEVER
from timegate.core.router import Draws, Router
from timegate.core.secrets import without_secrets
from timegate.core.settings import CallPolicy, Policy
from timegate.errors import ConfigError, InvalidTypeError, InvalidValueError, did_you_mean, shown
from timegate.gateway.driver import Driver
from timegate.gateway.entries import (
    check_entry,
    check_helpers,
    last_time,
    parse_policy,
    parse_prices,
    parse_rules,
    parse_windows,
    plain,
    plain_value,
    warn_of_time,
)
from timegate.gateway.observing import Observer, explained, health
from timegate.gateway.watching import Watch
from timegate.models.registry import Model
from timegate.pointer import guided

__all__ = ["ModelGateway"]

logger = logging.getLogger("timegate")


class ModelGateway(Driver):
    """Routes calls to an ordered list of deployments, with fallback and time windows.

    Parameters
    ----------
    models : list of dict
        One a deployment, in order of fallback: ``model_name`` (a unique name), ``model`` (derives from
        :class:`BaseModel`, or from that of the msgflux package), and optionally ``time_constraints`` (windows
        in which it may not be used), ``available`` (windows outside which it may not) and ``price``. A window is a pair
        ``("22:00", "06:00")`` in UTC, a mapping ``{start, end, tz, days, since, until, except_dates}``, or a
        :class:`Window`.
    clock : Clock, optional
        Tells when a call arrives. Default: the machine's clock.
    policy : CallPolicy or mapping, optional
        What holds for a call as a whole, and for all deployments whose own ``policy`` does not say otherwise. Default:
        each open deployment is tried once, and nothing is limited.
    draws : Draws, optional
        Where the chance of orders and pauses comes from.
    observers : sequence of callable
        Each is called with the :class:`CallRecord` of every call that has ended, in the thread that made it. What one
        raises goes to the log, and never to the caller.

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

    @guided()
    def __init__(
        self,
        models: list[dict[str, Any]],
        clock: Clock | None = None,
        *,
        policy: CallPolicy | Mapping[str, Any] | None = None,
        draws: Draws | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        if isinstance(models, GatewayConfig | str | Path):
            given = "config" if isinstance(models, GatewayConfig) else "GatewayConfig.load(path)"
            raise InvalidTypeError(f"`models` must be a list of dicts; a config builds its gateway: {given}.build().")
        if not models or not isinstance(models, list):
            raise InvalidTypeError("`models` must be a non-empty list of model deployment dicts")
        if not all(isinstance(entry, dict) for entry in models):
            raise InvalidTypeError("`models` requires a list of dicts with `model_name` and `model` keys")
        for position, entry in enumerate(models):
            check_entry(entry, position)
        self.model_names: list[str] = [entry["model_name"] for entry in models]
        built: list[Any] = [entry["model"] for entry in models]
        for position, name in enumerate(self.model_names):
            if name in self.model_names[:position]:
                raise InvalidValueError(f"Duplicate model name found: `{name}`. Names must be unique")
        model_types = {model.model_type for model in built}
        if len(model_types) > 1:
            raise InvalidTypeError(
                f"All models in `models` must be of the same `model_type`. Given: `{sorted(model_types)}`"
            )
        self.model_type: str = model_types.pop()
        self.batch_support: bool = all(getattr(model, "batch_support", False) for model in built)
        self.current_model_index = 0  # never moves; kept because users of msgflux may read it
        self._deployments = [dict(entry) for entry in models]
        general = parse_policy(policy)
        check_helpers(clock, observers)
        rules = [parse_rules(entry, i) for i, entry in enumerate(models)]
        policies = _complete([rule["policy"] for rule in rules], general)
        router = Router(
            [
                Deployment.of(
                    entry["model_name"],
                    entry["model"].provider,
                    model_id=entry["model"].model_id,
                    **rules[i]
                    | {key: parse_windows(entry, i, key) for key in WINDOWED}
                    | {"price": price, "policy": policy},
                )
                for i, (entry, price, policy) in enumerate(zip(models, parse_prices(models), policies, strict=True))
            ],
            general,
        )
        for deployment, model in zip(router.deployments, built, strict=True):
            warn_of_time(deployment, model)
        super().__init__(router, built, clock, draws, observers)
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
                (wall_time.fromisoformat(w.start), last_time(w)) for w in self.router.deployments[i].time_constraints
            ]
            for name in (self.raw_time_constraints or {})
            for i in [self.router.index[name]]
        }

    def reload(self, config: GatewayConfig | str | Path, *, check_keys: bool = True) -> None:
        """Serve from now on as another config says. Calls under way end as they began.

        A deployment that keeps its name keeps its cooldown, its limits and what runs on it. Observers stay.

        Parameters
        ----------
        config : GatewayConfig or path
        check_keys : bool
            See :meth:`GatewayConfig.build`.

        Raises
        ------
        ConfigError
            If the config is not valid, cannot be built, or is of another model type; the gateway goes on as it was.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> gateway = config.build()
        >>> gateway.reload(config.without("strong"))
        >>> gateway(messages="Hello").consume()
        'sim/weak'
        """
        new = as_config(config).build(check_keys)
        if new.model_type != self.model_type:
            raise ConfigError(f"model_type must stay {self.model_type!r}. Got {new.model_type!r}.")
        router, models, state = new._served
        old_router, _, old_state = self._served
        state.take_over(router, old_state, old_router)
        self.model_names, self._deployments = new.model_names, new._deployments
        self.batch_support = new.batch_support
        self._served = router, models, state
        logger.info("Reloaded: %s", self)

    def watch(self, path: str | Path, every_s: float = 2.0, *, check_keys: bool = True) -> Watch:
        """Serve from now on as the config in a file says, and reload it whenever it changes.

        A thread looks at the file. A config that is not valid goes to the log as an error, and the gateway goes on as
        it was.

        Parameters
        ----------
        path : path
        every_s : float
            The time between two looks, in seconds.
        check_keys : bool
            See :meth:`GatewayConfig.build`.

        Returns
        -------
        Watch
            ``close()`` ends it, and so does the end of the gateway; ``look()`` looks at once.

        Raises
        ------
        ConfigError
            If the config as it is now cannot be served.
        """
        return Watch(self.reload, path, every_s, check_keys=check_keys)

    def health(self) -> pd.DataFrame:
        """Return a row a deployment: whether it is open and takes calls now, and why not.

        Columns are ``deployment``, ``provider``, ``open``, ``takes_calls``, ``reason``, ``cools_for``, ``running``
        (attempts under way, counted where a limit or a cooldown needs it), ``recent_failures``, ``requests_left``,
        ``tokens_left``.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> gateway = config.build()
        >>> gateway.health()[["deployment", "open", "running"]].values.tolist()
        [['strong', True, 0], ['weak', True, 0]]
        """
        router, _, state = self._served
        return health(router, state, self._clock.now_us())

    def cool(self, name: str, for_s: float) -> None:
        """Leave a deployment alone for so many seconds, as after failures. For people on call.

        Parameters
        ----------
        name : str
            The deployment.
        for_s : float
            Seconds.

        Raises
        ------
        InvalidValueError
            If there is no such deployment, or the time is not positive.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> gateway = config.build()
        >>> gateway.cool("strong", 60)
        >>> gateway.explain().order
        ['weak']
        """
        given: Any = for_s
        if not isinstance(given, int | float) or not 0 < for_s < NEVER / SECOND_US:
            raise InvalidValueError(f"for_s must be a number of seconds above 0. Got {shown(for_s)}.")
        self._served[2].cool(self._index_of(name), self._clock.now_us() + round(for_s * SECOND_US))
        logger.warning("Model `%s` cools for %g s, for somebody said so", name, for_s)

    def reset(self, name: str) -> None:
        """Forget what failed on a deployment: it cools no longer, and its limits are full.

        Parameters
        ----------
        name : str
            The deployment.

        Raises
        ------
        InvalidValueError
            If there is no such deployment.

        Examples
        --------
        >>> import timegate as tg
        >>> gateway = tg.ModelGateway([{"model_name": "weak", "model": tg.SimulatedModel("small")}])
        >>> gateway.cool("weak", 60)
        >>> gateway.reset("weak")
        >>> bool(gateway.health().set_index("deployment").loc["weak", "takes_calls"])
        True
        """
        self._served[2].reset(self._index_of(name))

    def _index_of(self, name: str) -> int:
        index = self.router.index.get(name)
        if index is None:
            raise InvalidValueError(f"there is no deployment {shown(name)}.{did_you_mean(name, self.model_names)}")
        return index

    def explain(self, at: Instant | None = None, model_preference: str | None = None) -> Explanation:
        """Say which deployments would be tried, in which order, and why not the others.

        Parameters
        ----------
        at : datetime or str, optional
            An aware datetime, or ISO text with an offset: windows, order and weights speak of any. Default: now, when
            it is also known what cools, and what is at its limit.
        model_preference : str, optional

        Returns
        -------
        Explanation

        Raises
        ------
        InstantError
            If ``at`` is naive, or no time.

        Examples
        --------
        >>> import timegate as tg
        >>> config = tg.GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> gateway = config.build()
        >>> gateway.explain("2026-03-02T03:10Z", "weak").order
        ['weak', 'strong']
        """
        if at is not None:
            return self.router.explain(to_us(at, "at"), model_preference)
        router, _, state = self._served
        return explained(router, state, self._clock.now_us(), model_preference)

    def serialize(self) -> dict[str, Any]:
        """Return the gateway as plain data without secrets, in the form that the msgflux package reads and writes.

        What msgflux has no word for (available hours, order, policies, prices) stands beside it, for
        :meth:`from_serialized` here.
        """
        entries = []
        for i, (name, model, deployment) in enumerate(
            zip(self.model_names, self.models, self._deployments, strict=True)
        ):
            # msgflux writes `msgflux_type` into a model's state and cannot read it back: it is left out. So is what
            # other people's models may tell of keys.
            saved = without_secrets({key: v for key, v in model.serialize().items() if key != "msgflux_type"})
            entry: dict[str, Any] = {"model_name": name, "model": saved}
            for key in WINDOWED:
                if deployment.get(key) is not None:
                    entry[key] = [plain(window) for window in deployment[key]]
            given = {**parse_rules(deployment, i), "price": self.router.deployments[i].price}
            entry |= {key: plain_value(value) for key, value in given.items() if value is not None}
            entries.append(entry)
        state: dict[str, Any] = {"models": entries}
        if policy := plain_value(self.router.call_policy):
            state["policy"] = policy
        return {"msgflux_type": self.msgflux_type, "state": state}

    @classmethod
    def from_serialized(cls, data: Mapping[str, Any]) -> Self:
        """Build a gateway from what :meth:`serialize`, here or in msgflux, gave.

        Parameters
        ----------
        data : mapping

        Returns
        -------
        ModelGateway

        Raises
        ------
        InvalidValueError
            If it is no such data, or a provider is not registered.
        """
        if data.get("msgflux_type") != cls.msgflux_type:
            raise InvalidValueError(
                f"Incorrect msgflux type. Expected `{cls.msgflux_type}`, given `{data.get('msgflux_type')}`"
            )
        whole = data.get("state", {})
        entries = whole.get("models", [])
        if not entries:
            raise InvalidValueError("Serialized data does not contain models")
        models = [{**entry, "model": Model.from_serialized(**entry["model"])} for entry in entries]
        return cls(models, policy=whole.get("policy"))


def _complete(policies: Sequence[Policy | None], general: CallPolicy | None) -> list[Policy | None]:
    """Return the whole policy of each deployment; in a gateway built by hand no attempt ends unless one says so."""
    endless = Policy(timeout_s=None)
    common = None if general is None else general.under(endless)
    return [common if own is None else own.under(common or endless) for own in policies]
