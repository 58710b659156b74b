"""The config of a gateway."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, PlainSerializer, PlainValidator, PrivateAttr, field_validator, model_validator

from timegate.clock import Instant, to_us
from timegate.columns import TARGET_PREFIXES, UNSERVED
from timegate.errors import (
    ConfigError,
    InvalidTypeError,
    InvalidValueError,
    MissingExtraError,
    TimegateWarning,
    WindowError,
    shown,
)
from timegate.files import parse_document, read_text, write_document
from timegate.gateway import ModelGateway
from timegate.models.registry import Model
from timegate.routing import Deployment, Explanation, Router
from timegate.timetable import Hours
from timegate.validation import STOPPING, FieldError, FormatVersion, Text, Value
from timegate.windows import Window

if TYPE_CHECKING:
    from timegate.config.export import Exported

__all__ = ["DeploymentConfig", "GatewayConfig"]

MOST_LOST = 100  # that a warning names


def _parse_window(value: Any) -> Window:
    try:
        return Window.parse(value)
    except InvalidTypeError as error:
        if not error.field:
            raise ValueError(error.problem) from None
        raise WindowError(error.problem, error.field) from None  # pydantic collects only ValueErrors


Windows = Annotated[
    tuple[Annotated[Window, PlainValidator(_parse_window), PlainSerializer(Window.to_config)], ...],
    Field(strict=False),
    STOPPING,
]


class DeploymentConfig(Value):
    """One deployment.

    Parameters
    ----------
    model_name : str
        A unique name; traces and faults refer to it.
    model : str
        ``"provider/model-id"``. The provider ``sim`` is simulated.
    time_constraints : list of windows
        When it may not be used: ``["22:00", "06:00"]`` (daily, UTC) or
        ``{start, end, tz, days, since, until, except_dates}``.
    available : list of windows
        When it may be used. Default: always.
    description : str, optional
        For people.
    """

    error_class: ClassVar[type[InvalidValueError]] = ConfigError

    model_name: str = Field(
        min_length=1,
        examples=["strong"],
        json_schema_extra={
            "not": {"anyOf": [{"pattern": f"^({'|'.join(TARGET_PREFIXES)})"}, {"enum": list(UNSERVED)}]}
        },
    )
    model: Text = Field(examples=["openai/gpt-4.1-mini", "sim/small"], json_schema_extra={"pattern": r"^[^/]+/[\s\S]"})
    time_constraints: Windows = ()
    available: Windows = ()
    description: Text | None = None

    @field_validator("time_constraints", "available", mode="before")
    @classmethod
    def _are_a_list(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be a list of windows. Got {shown(value)}.")
        return value

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
        for prefix in TARGET_PREFIXES:
            if value.startswith(prefix):
                raise ValueError(f"must not begin with {prefix!r}, which names a target of faults. Got {shown(value)}.")
        if value in UNSERVED:
            raise ValueError(f"must not be the name of an outcome: tables have columns of both. Got {value!r}.")
        return value

    @property
    def provider(self) -> str:
        """What stands before the slash of ``model``."""
        return self.model.partition("/")[0]


@dataclass(frozen=True)
class _Source:
    """The text that a config was read from, so that an export keeps its comments. No part of the config's value:
    any two are equal, and pickles and deep copies leave the text behind.
    """  # noqa: D205 - one thought

    text: str = field(default="", compare=False, repr=False)

    def __reduce__(self) -> tuple[type[_Source], tuple[()]]:
        return _Source, ()


class GatewayConfig(Value):
    """A gateway as data: deployments in order of fallback, with their windows.

    Parameters
    ----------
    deployments : list of DeploymentConfig or dict
        In order of fallback.
    model_type : str
        What all the models do. Default ``"chat_completion"``.
    version : int
        Of this format: 1.

    Raises
    ------
    ConfigError
        If a value breaks a rule; the message names the place, ``problems`` lists all.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[
    ...     {"model_name": "weak", "model": "sim/small", "time_constraints": [["22:00", "06:00"]]},
    ...     {"model_name": "strong", "model": "sim/large"},
    ... ])
    >>> config.build()(messages="Hello", model_preference="strong").consume()
    'sim/large'
    """

    error_class: ClassVar[type[InvalidValueError]] = ConfigError

    version: FormatVersion = 1
    model_type: str = Field(default="chat_completion", min_length=1)
    deployments: Annotated[
        tuple[DeploymentConfig, ...], Field(strict=False, json_schema_extra={"minItems": 1}), STOPPING
    ]
    _source: _Source = PrivateAttr(default_factory=_Source)

    @model_validator(mode="after")
    def _has_unique_names(self) -> Self:
        if not self.deployments:  # a min_length would also complain of a list whose items are wrong
            raise FieldError("deployments", "must be a non-empty list. Got [].")
        places: dict[str, int] = {}
        for i, deployment in enumerate(self.deployments):
            first = places.setdefault(deployment.model_name, i)
            if first != i:
                raise FieldError(
                    f"deployments[{i}].model_name",
                    f"must be unique. Duplicate model name found: {shown(deployment.model_name)} is also that of "
                    f"deployments[{first}].",
                )
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a config from a YAML or JSON file: one of ours, a msgflux gateway's state, or a LiteLLM proxy config.

        Foreign formats are told by their keys (``msgflux_type``, ``model_list``). What has no counterpart in a config
        is named in a :class:`TimegateWarning`; keys and other secrets of such a file are neither kept nor shown.

        Raises
        ------
        ConfigError
            If the file cannot be read, or a value breaks a rule; the message begins with the path.
        """
        path = Path(path)
        text = read_text(path, ConfigError)
        data = parse_document(text, path, ConfigError)
        if not isinstance(data, dict):
            raise ConfigError(f"{path}: must hold a mapping with `deployments`. Got a {type(data).__name__}.")
        imports = import_module("timegate.config.imports")  # it builds on this module
        try:
            data, foreign, lost = imports.as_ours(data)
            config = cls.model_validate(data)
        except ConfigError as error:
            raise ConfigError(*(f"{path}: {problem}" for problem in error.problems)) from None
        if lost:
            more = f"; and {len(lost) - MOST_LOST:,} more" if len(lost) > MOST_LOST else ""
            warnings.warn(
                f"{path}: read as {foreign}, of which this has no counterpart: {'; '.join(lost[:MOST_LOST])}{more}.",
                TimegateWarning,
                stacklevel=2,
            )
        if not foreign and path.suffix != ".json":
            config._source = _Source(text)
        return config

    def save(self, path: str | Path) -> None:
        """Write the config to a YAML or JSON file, whole or not at all."""
        write_document(path, self.to_dict())

    def export(
        self,
        to: str,
        path: str | Path,
        *,
        lossy: bool = False,
        like: str | Path | None = None,
        now: Instant | None = None,
    ) -> Exported:
        """Write the config in the format of another tool, or in ours with a header that says what was checked.

        See :func:`timegate.config.export.export`.

        Examples
        --------
        >>> import tempfile
        >>> config = GatewayConfig(deployments=[
        ...     {"model_name": "weak", "model": "sim/small", "time_constraints": [
        ...         {"start": "22:00", "end": "06:00", "tz": "Asia/Kolkata"}]},
        ... ])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = config.export("msgflux", f"{folder}/gateway.json", now="2026-03-02T00:00Z")
        >>> print(*exported.notes)
        deployments[0] 'weak': time_constraints[0]: Asia/Kolkata is UTC+05:30 from now on, so 16:30 to 00:30 UTC.
        """
        exported: Exported = import_module("timegate.config.export").export(
            self, to, path, lossy=lossy, like=like, now=now
        )
        return exported

    def to_dict(self) -> dict[str, Any]:
        """Return the config as plain data; fields that say nothing are left out."""
        return {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}

    def router(self) -> Router:
        """Return the routing of this config, without its models."""
        return Router(
            [Deployment(d.model_name, d.provider, Hours(d.time_constraints, d.available)) for d in self.deployments]
        )

    def build(self) -> ModelGateway:
        """Build the models, and the gateway that routes to them.

        Raises
        ------
        ConfigError
            If a provider is not registered, or its key is not set.
        MissingExtraError
            If a provider's SDK is not installed.
        """
        models = []
        for i, deployment in enumerate(self.deployments):
            try:
                model = Model.create(self.model_type, deployment.model)
            except MissingExtraError:
                raise
            except InvalidValueError as error:
                raise ConfigError(f"deployments[{i}] {deployment.model_name!r}: model: {error}") from error
            models.append(
                {
                    "model_name": deployment.model_name,
                    "model": model,
                    "time_constraints": list(deployment.time_constraints) or None,
                    "available": list(deployment.available) or None,
                }
            )
        return ModelGateway(models)

    def explain(self, at: Instant, model_preference: str | None = None) -> Explanation:
        """Say which deployments would be tried at an instant, in which order, and why not the others."""
        return self.router().explain(to_us(at, "at"), model_preference)
