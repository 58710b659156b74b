"""A deployment: the one record of it, from a config file down to the rows of a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, field_validator

from timegate.core.columns import UNSERVED
from timegate.core.params import Params
from timegate.core.policy import Terms
from timegate.core.price import Price
from timegate.core.settings import Policy
from timegate.core.targets import RESERVED, reserved_prefix
from timegate.core.timetable import ALWAYS, Hours
from timegate.core.window_value import Windows
from timegate.core.windows import Window
from timegate.errors import ConfigError, InvalidValueError, shown
from timegate.validation import Text, Value

__all__ = ["LISTS", "NOT_ROUTING", "ORDERING", "WINDOWED", "Deployment", "WindowPlace", "windows_of"]

LISTS = ("time_constraints", "available")
"""The fields of a deployment that say by windows when it may be used."""

WINDOWED = (*LISTS, "prefer_during")
"""All fields of a deployment that hold windows."""

ORDERING = frozenset({"model_name", "model", *WINDOWED, "priority", "weight"})
"""The fields that decide who is tried, and when."""

WindowPlace = tuple[int, str, int]
"""A window by its deployment, list, and index in that list."""


NOT_ROUTING = frozenset({"price", "params", "description"})
"""The fields that do not decide what becomes of a call."""


class Deployment(Value):
    """One deployment: a model under a name, when it may be used, and what else a config says of it.

    Parameters
    ----------
    model_name : str
        A unique name; traces and faults refer to it.
    model : str
        ``"provider/model-id"``. The provider ``sim`` is simulated.
    time_constraints : list of windows
        When it may not be used: ``["22:00", "06:00"]`` (daily, UTC), or a mapping of the fields of a
        :class:`Window`, or in a config the name of one of its ``windows``.
    available : list of windows
        When it may be used. Default: always.
    prefer_during : list of windows
        When it goes before the others.
    priority : float, optional
        Lower ones are tried first. Default: its place in the config. Several may be given the same.
    weight : float, optional
        Among deployments of the same priority, chance orders by weight. Default: 1.
    policy : Policy, optional
        Timeouts, retries, cooldown and limits, as far as they differ from those of the config.
    price : Price or "auto", optional
        What it costs. It decides nothing: bills of replays read it. ``"auto"`` takes it from a price book.
    params : dict of str to object, optional
        For the model's constructor: ``base_url``, ``api_key_env`` (the environment variable of the key, or several),
        ``headers_env``, and what is sent with every call, such as ``temperature``. Keys, passwords and times have no
        place here. They change nothing of the routing.
    description : str, optional
        For people.

    Examples
    --------
    >>> weak = Deployment(model_name="weak", model="sim/small", time_constraints=[["22:00", "06:00"]])
    >>> weak
    Deployment(model_name='weak', model='sim/small', time_constraints=(Window('22:00', '06:00'),))
    >>> weak.name, weak.provider
    ('weak', 'sim')
    """

    error_class: ClassVar[type[InvalidValueError]] = ConfigError
    guesses: ClassVar[Mapping[str, str]] = {
        "name": "Did you mean 'model_name'?",
        "windows": "Did you mean 'time_constraints', when it may not be used, or 'available', when it may?",
    }

    model_name: str = Field(
        min_length=1,
        examples=["strong"],
        json_schema_extra={"not": {"anyOf": [{"pattern": f"^({'|'.join(RESERVED)})"}, {"enum": list(UNSERVED)}]}},
    )
    model: Text = Field(examples=["openai/gpt-4.1-mini", "sim/small"], json_schema_extra={"pattern": r"^[^/]+/[\s\S]"})
    time_constraints: Windows = ()
    available: Windows = ()
    prefer_during: Windows = ()
    priority: Annotated[float, Field(ge=-1e9, le=1e9)] | None = None
    weight: Annotated[float, Field(ge=0, le=1e9)] | None = None
    policy: Policy | None = None
    price: Price | None = None
    params: Params = Field(default_factory=dict)
    description: Text | None = None

    def __hash__(self) -> int:
        return hash((self.model_name, self.model, self.hours))

    @field_validator("model")
    @classmethod
    def _has_a_provider(cls, value: str) -> str:
        provider, slash, model_id = value.partition("/")
        if not (provider and slash and model_id):
            raise ValueError(f"must look like 'provider/model-id'. Got {shown(value)}.")
        return value

    @field_validator("model_name")
    @classmethod
    def _means_nothing_else(cls, value: str) -> str:
        if prefix := reserved_prefix(value):
            raise ValueError(f"must not begin with {prefix!r}, which names a target of faults. Got {shown(value)}.")
        if value in UNSERVED:
            raise ValueError(f"must not be the name of an outcome: tables have columns of both. Got {value!r}.")
        return value

    @property
    def provider(self) -> str:
        """What stands before the slash of ``model``."""
        return self.model.partition("/")[0]

    @property
    def name(self) -> str:
        """Short for ``model_name``."""
        return self.model_name

    @property
    def hours(self) -> Hours:
        """When it may be used."""
        return Hours(self.time_constraints, self.available)

    @classmethod
    def of(cls, name: str, provider: str, hours: Hours = ALWAYS, model_id: str | None = None, **fields: Any) -> Self:
        """Describe a deployment that no config holds, such as one of a gateway built by hand.

        Its name may be one that a config refuses.
        """
        said: dict[str, Any] = {"time_constraints": hours.time_constraints, "available": hours.available}
        said["params"] = {}  # to construct a default takes pydantic longer than all the rest
        return cls.model_construct(model_name=name, model=f"{provider}/{model_id or name}", **said | fields)

    def terms(self) -> Terms:
        """Return its policy in numbers; without one everything is off."""
        return Terms() if self.policy is None else self.policy.terms()

    def routing(self) -> dict[str, Any]:
        """Return as plain data all that may decide what becomes of a call: every field but :data:`NOT_ROUTING`."""
        made = self.model_dump(mode="json", exclude={*NOT_ROUTING, "policy"}, exclude_defaults=True)
        return made if self.policy is None else {**made, "policy": self.policy.differing()}


def windows_of(deployments: Sequence[Deployment]) -> Iterator[tuple[WindowPlace, Deployment, Window]]:
    """List the windows of some deployments with their places."""
    for i, deployment in enumerate(deployments):
        for name in LISTS:
            for index, window in enumerate(getattr(deployment, name)):
                yield (i, name, index), deployment, window
