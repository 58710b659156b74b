"""The config of a gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, SerializerFunctionWrapHandler, model_serializer, model_validator

from timegate.config.config_file import ConfigFile, Source
from timegate.config.named_windows import by_name, look_up
from timegate.core.clock import Instant, to_us
from timegate.core.deployment import Deployment
from timegate.core.explanation import Explanation
from timegate.core.price import odd_currency
from timegate.core.router import Router
from timegate.core.settings import TIMEOUT_S, CallPolicy, Policy
from timegate.core.window_value import WindowValue
from timegate.errors import ConfigError, InvalidValueError, did_you_mean, shown, warn
from timegate.files import write_document
from timegate.pointer import Pointer
from timegate.show.html import Table, framed, table
from timegate.show.text import and_more, counted, details, listed
from timegate.validation import STOPPING, FieldError, FormatVersion, Value

if TYPE_CHECKING:
    from timegate.formats.export import Exported
    from timegate.gateway.live import ModelGateway
    from timegate.prices.book import PriceBook
    from timegate.review.diff import Diff

__all__ = ["GatewayConfig"]

_MOST_ROWS = 50


class GatewayConfig(Value):
    """A gateway as data: deployments in order of fallback, with their windows.

    Parameters
    ----------
    deployments : list of Deployment or dict
        In order of fallback.
    policy : CallPolicy, optional
        Timeouts, retries, cooldowns and limits of all deployments that do not say otherwise, and of a call as a whole.
    model_type : str
        What all the models do. Default ``"chat_completion"``.
    windows : dict of str to window
        Windows by name, for several deployments to list by that name. Where one is read or changed, it is a window
        like any other; what still says the same is written by its name.
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
    guesses: ClassVar[Mapping[str, str]] = {"faults": "That is a key of a scenario; this must be a config."}

    version: FormatVersion = 1
    model_type: str = Field(default="chat_completion", min_length=1)
    windows: dict[str, WindowValue] = Field(default_factory=dict)
    deployments: Annotated[tuple[Deployment, ...], Field(strict=False, json_schema_extra={"minItems": 1}), STOPPING]
    policy: CallPolicy | None = None
    from_yaml: ClassVar[Pointer] = Pointer("GatewayConfig.load(path), which reads YAML and JSON.")
    from_json: ClassVar[Pointer] = Pointer("GatewayConfig.load(path), which reads YAML and JSON.")
    from_file: ClassVar[Pointer] = Pointer("GatewayConfig.load(path), which reads YAML and JSON.")
    from_dict: ClassVar[Pointer] = Pointer("GatewayConfig.model_validate(data).")
    check: ClassVar[Pointer] = Pointer("timegate.check(config).")
    gaps: ClassVar[Pointer] = Pointer("timegate.gaps(config).")
    replay: ClassVar[Pointer] = Pointer("timegate.replay(config, trace, scenario).")
    _source: Source = PrivateAttr(default_factory=Source)

    @model_validator(mode="before")
    @classmethod
    def _look_up_names(cls, data: Any) -> Any:
        return look_up(data) if isinstance(data, Mapping) else data

    @model_serializer(mode="wrap")
    def _write_names(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return by_name(self.windows, self.deployments, write(self))

    def __hash__(self) -> int:
        return hash((self.model_type, self.deployments))

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not self.deployments:  # a min_length would also complain of a list whose items are wrong
            raise FieldError("deployments", "must be a non-empty list. Got [].")
        if odd := odd_currency([deployment.price for deployment in self.deployments]):
            raise FieldError(odd.place, odd.text)
        places: dict[str, int] = {}
        for i, deployment in enumerate(self.deployments):
            first = places.setdefault(deployment.model_name, i)
            if first != i:
                raise FieldError(
                    ("deployments", i, "model_name"),
                    f"must be unique. Duplicate model name found: {shown(deployment.model_name)} is also that of "
                    f"deployments[{first}].",
                )
        return self

    def __repr__(self) -> str:
        return f"<GatewayConfig of {self._headline}>"

    def __str__(self) -> str:
        lines = []
        for (name, model, closed, available, *also), deployment in zip(self.table[1], self.deployments, strict=True):
            parts = [f"{name}: {model}"]
            parts += [f"closed {closed}"] if deployment.time_constraints else []
            parts += [f"available {available}"] if deployment.available else []
            lines.append(", ".join([*parts, *filter(None, also)]))
        more = and_more(len(lines), _MOST_ROWS)
        return "\n".join([f"Gateway of {self._headline}", *self._general, *lines[:_MOST_ROWS], *more])

    def _repr_html_(self) -> str:
        return framed(f"Gateway of {self._headline}", table(*self.table, most=_MOST_ROWS), notes=self._general)

    @property
    def _general(self) -> list[str]:
        """The policy of all deployments as a line, if there is one."""
        general = {} if self.policy is None else self.policy.model_dump(mode="json", exclude_defaults=True)
        return [f"all: {details({'policy': general})}"] if general else []

    @property
    def _headline(self) -> str:
        names = listed(self._names, ",", most=8)
        return f"{counted(len(self.deployments), 'deployment')}: {names}"

    @property
    def table(self) -> Table:
        """The deployments as text: headings, and a row a deployment."""
        own = {"model_name", "model", "time_constraints", "available", "price"}
        also = [
            details(
                d.model_dump(mode="json", exclude=own, exclude_defaults=True)
                | ({} if d.price is None else {"price": d.price.text()})
            )
            for d in self.deployments
        ]
        rows = [(d.model_name, d.model, *d.hours.texts("daily")) for d in self.deployments]
        head = ("deployment", "model", "closed", "available")
        if not any(also):
            return head, rows
        return (*head, "also"), [(*row, text) for row, text in zip(rows, also, strict=True)]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a config from a YAML or JSON file: one of ours, a msgflux gateway's state, or a LiteLLM proxy config.

        Foreign formats are known by their keys (``msgflux_type``, ``model_list``). What has no counterpart in a config
        is named in a :class:`TimegateWarning`; keys and other secrets of such a file are neither kept nor shown.
        Files of dates that ``holidays`` names lie beside the config; their dates become part of it.

        Parameters
        ----------
        path : path

        Raises
        ------
        ConfigError
            If the file cannot be read, or a value breaks a rule; the message begins with the path.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = Path(folder, "gateway.yaml").write_text("deployments: [{model_name: weak, model: sim/small}]")
        ...     GatewayConfig.load(f"{folder}/gateway.yaml")
        <GatewayConfig of 1 deployment: weak>
        """
        read = ConfigFile.read(path)
        try:
            config = cls.model_validate(read.data)
        except ConfigError as error:
            raise ConfigError(*error.after(f"{read.path}:")) from None
        if read.lost:
            warn(read.lost)
        config._source = Source(read.text)
        return config

    def keep_comments_of(self, other: GatewayConfig) -> None:
        """Take the text that another config was read from for one's own, so that an export keeps its comments."""
        self._source = other._source

    def save(self, path: str | Path) -> None:
        """Write the config to a YAML or JSON file, whole or not at all.

        Parameters
        ----------
        path : path
            Ends in ``.yaml``, ``.yml`` or ``.json``.

        Raises
        ------
        ConfigError
            If it ends in anything else.
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> config = GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small"}])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     config.save(f"{folder}/gateway.yaml")
        ...     GatewayConfig.load(f"{folder}/gateway.yaml") == config
        True
        """
        write_document(path, self.to_dict(), ConfigError)

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

        See :func:`timegate.formats.export.export`.

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
        from timegate.formats.export import export  # a door: it stands above this module

        return export(self, to, path, lossy=lossy, like=like, now=now)

    def to_dict(self) -> dict[str, Any]:
        """Return the config as plain data; fields that say nothing are left out.

        Examples
        --------
        >>> GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small"}]).to_dict()
        {'version': 1, 'deployments': [{'model_name': 'weak', 'model': 'sim/small'}]}
        """
        return {"version": self.version, **self.model_dump(mode="json", exclude_defaults=True)}

    def edited(self, changes: Mapping[str, Mapping[str, Any]] | None = None, /, **more: Mapping[str, Any]) -> Self:
        """Return a config in which some deployments say something else.

        Parameters
        ----------
        changes : mapping of str to mapping, optional
            The fields that change, by the name of their deployment. A field that is None is left out from now on.
        **more
            The same, for names that Python can write.

        Raises
        ------
        ConfigError
            If there is no such deployment, or a value breaks a rule.

        Examples
        --------
        >>> config = GatewayConfig(deployments=[{"model_name": "gpt-4", "model": "sim/large"}])
        >>> config.edited({"gpt-4": {"time_constraints": [["22:00", "06:00"]]}}).explain("2026-03-02T03:10Z").order
        []
        """
        given = {**(changes or {}), **more}
        if own := [name for name in given if name in type(self).model_fields and name not in self._names]:
            way = f"GatewayConfig.model_validate({{**config.to_dict(), {own[0]!r}: ...}})"
            raise ConfigError(f"{own[0]!r} is no deployment, but a field of the config itself: {way} changes that.")
        self._check_names(given)
        for name, fields in given.items():
            if not isinstance(fields, Mapping):
                raise ConfigError(f"{name}: must be a mapping of fields that change. Got {shown(fields)}.")
        data = self.to_dict()
        for entry in data["deployments"]:
            entry |= (fields := given.get(entry["model_name"], {}))
            for field_name in [key for key, value in fields.items() if value is None]:
                del entry[field_name]
        return self._like(data)

    def without(self, *names: str) -> Self:
        """Return a config that lacks some deployments.

        Parameters
        ----------
        *names : str

        Raises
        ------
        ConfigError
            If there is no such deployment, or none would be left.

        Examples
        --------
        >>> config = GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config.without("weak")
        <GatewayConfig of 1 deployment: strong>
        """
        self._check_names(names)
        data = self.to_dict()
        data["deployments"] = [entry for entry in data["deployments"] if entry["model_name"] not in names]
        return self._like(data)

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._names:
                raise ConfigError(f"{shown(name)} is not a deployment of this config.{did_you_mean(name, self._names)}")

    @property
    def _names(self) -> list[str]:
        return [deployment.model_name for deployment in self.deployments]

    def _like(self, data: dict[str, Any]) -> Self:
        """Return the config of some data, which keeps the comments of this one when it is exported."""
        config = type(self).model_validate(data)
        config._source = self._source
        return config

    def diff(self, other: GatewayConfig, *args: Any, **options: Any) -> Diff:
        """Return the stretches of time in which another config routes differently: :func:`timegate.diff`.

        Parameters
        ----------
        other : GatewayConfig
        *args, **options
            ``start`` and ``end``, as of :func:`timegate.diff`.

        Examples
        --------
        >>> config = GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> later = config.edited(strong={"time_constraints": [["22:00", "06:00"]]})
        >>> print(str(config.diff(later, "2026-03-02T00:00Z", "2026-03-03T00:00Z")).splitlines()[0])
        Routing differs for 8 h of 24 h, 2026-03-02 00:00 to 2026-03-03 00:00 UTC.
        """
        from timegate.review.diff import diff  # a door: it stands above this module

        return diff(self, other, *args, **options)

    def router(self) -> Router:
        """Return the routing of this config, without its models."""
        return Router(self.complete(), self.policy)

    def complete(self) -> tuple[Deployment, ...]:
        """Return the deployments, each with its whole policy: its own, then that of the config, then the defaults."""
        general = Policy(timeout_s=TIMEOUT_S)
        if self.policy is not None:
            general = self.policy.under(general)
        own = [general if d.policy is None else d.policy.under(general) for d in self.deployments]
        return tuple(d.model_copy(update={"policy": p}) for d, p in zip(self.deployments, own, strict=True))

    def build(self, check_keys: bool = True, *, observers: Sequence[Callable[[Any], object]] = ()) -> ModelGateway:
        """Build the models, and the gateway that routes to them.

        Parameters
        ----------
        check_keys : bool
            Whether a key that is not set is an error at once. Otherwise it is one of each call, so that a config can be
            tried where there are none.
        observers : sequence of callable
            Who hears of each call, such as a :class:`timegate.Recorder`; see :class:`timegate.ModelGateway`.

        Raises
        ------
        ConfigError
            If a provider is not registered, or its key is not set.
        MissingExtraError
            If a provider's SDK is not installed.
        """
        from timegate.gateway.build import build  # a door: it stands above this module

        return build(self, check_keys, observers)

    def priced(self, book: PriceBook) -> Self:
        """Return the config with the prices of a book in place of each ``auto``.

        Parameters
        ----------
        book : PriceBook

        Raises
        ------
        ConfigError
            If the book does not know a model.

        Examples
        --------
        >>> import timegate as tg
        >>> book = tg.PriceBook("mine", lambda provider, model, service: tg.Price(per_call=0.01))
        >>> config = GatewayConfig(deployments=[{"model_name": "weak", "model": "sim/small", "price": "auto"}])
        >>> config.priced(book).deployments[0].price.per_call
        0.01
        """
        return self.model_copy(update={"deployments": tuple(book.fill(d) for d in self.deployments)})

    def explain(self, at: Instant, model_preference: str | None = None) -> Explanation:
        """Say which deployments would be tried at an instant, in which order, and why not the others.

        Parameters
        ----------
        at : datetime or str
            An aware datetime, or ISO text with an offset.
        model_preference : str, optional
            The deployment that the call prefers.

        Returns
        -------
        Explanation
            Prints as text; ``order`` has the names, ``frame`` is the same as a table.

        Raises
        ------
        InstantError
            If ``at`` is naive, or no time.

        Examples
        --------
        >>> config = GatewayConfig(deployments=[{"model_name": n, "model": f"sim/{n}"} for n in ("strong", "weak")])
        >>> config.explain("2026-03-02T03:10Z", "weak").order
        ['weak', 'strong']
        """
        return self.router().explain(to_us(at, "at"), model_preference)
