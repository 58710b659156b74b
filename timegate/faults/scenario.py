"""Scenarios: a list of faults and a seed, saved to and loaded from a file."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, Union

from pydantic import BeforeValidator, Field, model_validator

from timegate.core.deployment import Deployment
from timegate.core.targets import Targets, group_target, is_group
from timegate.errors import InvalidValueError, ScenarioError, did_you_mean, shown
from timegate.faults import kinds
from timegate.faults.fault import Fault
from timegate.faults.injector import Injector
from timegate.faults.model import ScenarioModel
from timegate.files import read_document, write_document
from timegate.pointer import Pointer
from timegate.problems import Problem, written
from timegate.show.html import Table, framed, table
from timegate.show.text import and_more, counted, details
from timegate.validation import STOPPING, FieldError, FormatVersion, Text, Value

__all__ = ["Scenario"]

_MOST_ROWS = 20


def _with_type_as_text(value: Any) -> Any:
    """Write a type that is no text as one: pydantic cannot print all that may stand there."""
    if isinstance(value, Mapping) and not isinstance(value.get("type", ""), str):
        return {**value, "type": shown(value["type"])}
    return value


if TYPE_CHECKING:
    AnyFault = Fault
else:
    _KINDS = tuple(getattr(kinds, name) for name in kinds.__all__)
    AnyFault = Annotated[Union[_KINDS], Field(discriminator="type"), BeforeValidator(_with_type_as_text)]  # noqa: UP007
Name = Annotated[str, Field(min_length=1)]


class Scenario(Value):
    """What goes wrong in a replay: faults, and the seed of their draws.

    Parameters
    ----------
    faults : list of faults
        If several make an attempt fail, the first of them names the error.
    seed : int
        0 to 2**64 - 1. The same seed gives the same luck to every config.
    groups : mapping of str to list of str, optional
        Deployments that a fault may target together: ``{"eu": ["strong", "weak"]}`` for the target ``"group:eu"``.
    description : str, optional
        For people.
    version : int
        Of the file format: 1.

    Raises
    ------
    ScenarioError
        If a value breaks a rule.

    Examples
    --------
    >>> scenario = Scenario(faults=[kinds.ErrorRate(target="provider:openai", rate=0.02)], seed=7)
    >>> scenario.fault_names
    ('error_rate:provider:openai',)
    """

    error_class: ClassVar[type[InvalidValueError]] = ScenarioError
    guesses: ClassVar[Mapping[str, str]] = {"deployments": "That is a key of a config; this must be a scenario."}

    version: FormatVersion = 1
    description: Text | None = None
    seed: int = Field(default=0, ge=0, lt=2**64)
    groups: dict[Name, Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]] = Field(default_factory=dict)
    faults: Annotated[tuple[AnyFault, ...], Field(strict=False), STOPPING] = ()

    @model_validator(mode="after")
    def _has_unique_names(self) -> Self:
        given = Counter(fault.name for fault in self.faults if fault.name is not None)
        for name, times in given.items():
            if times > 1:
                raise FieldError("faults", f"must have unique names: name {shown(name)} is given twice.")
        return self

    @model_validator(mode="after")
    def _knows_its_groups(self) -> Self:
        known = Targets((), self.groups)
        for i, fault in enumerate(self.faults):
            if is_group(fault.target) and fault.target not in known:
                text = f"must be one of the groups. Got {shown(fault.target)}."
                raise FieldError(("faults", i, "target"), text, known.hint(fault.target) or "There are none.")
        return self

    def __hash__(self) -> int:
        return hash(self.fingerprint)  # groups are a dict, which has no hash of its own

    def __repr__(self) -> str:
        return f"<{self._headline}>"

    def __str__(self) -> str:
        return "\n".join(
            [self._headline, *map(repr, self.faults[:_MOST_ROWS]), *and_more(len(self.faults), _MOST_ROWS)]
        )

    def _repr_html_(self) -> str:
        return framed(self._headline, table(*self.table, most=_MOST_ROWS))

    @property
    def _headline(self) -> str:
        about = f": {self.description}" if self.description else ""
        return f"Scenario of {counted(len(self.faults), 'fault')}, seed {self.seed}{about}"

    @property
    def table(self) -> Table:
        """The faults as text: headings, and a row a fault."""
        shown_apart = {"type", "target"}
        given = [{k: v for k, v in fault.items() if k not in shown_apart} for fault in self.to_dict()["faults"]]
        rows = [(fault.label, fault.target, details(rest)) for fault, rest in zip(self.faults, given, strict=True)]
        return ("fault", "target", "details"), rows

    @property
    def fault_names(self) -> tuple[str, ...]:
        """The name of each fault's stream of draws."""
        names: dict[str, None] = {}  # in order, and searched at once
        next_number: dict[str, int] = {}
        for fault in self.faults:
            name = taken = fault.name or f"{fault.type}:{fault.target}"
            number = next_number.get(name, 2)
            while taken in names:
                taken, number = f"{name}#{number}", number + 1
            next_number[name] = number
            names[taken] = None
        return tuple(names)

    @property
    def has_latency(self) -> bool:
        """Whether it says how long answers take."""
        return any(fault.is_latency for fault in self.faults)

    @property
    def fingerprint(self) -> str:
        """A hash of the scenario, seed included."""
        return hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()[:12]

    from_yaml: ClassVar[Pointer] = Pointer("Scenario.load(path), which reads YAML and JSON.")
    from_file: ClassVar[Pointer] = Pointer("Scenario.load(path), which reads YAML and JSON.")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a scenario from a YAML or JSON file.

        Parameters
        ----------
        path : path

        Returns
        -------
        Scenario

        Raises
        ------
        ScenarioError
            If the file cannot be read, or a value breaks a rule; the message begins with the path.

        Examples
        --------
        >>> import tempfile
        >>> text = "faults: [{type: error_rate, target: strong, rate: 0.1}]"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = Path(folder, "scenario.yaml").write_text(text)
        ...     Scenario.load(f"{folder}/scenario.yaml").faults
        (ErrorRate(target='strong', rate=0.1),)
        """
        from timegate.formats.format import SCHEMA

        data = read_document(path, ScenarioError)
        if not isinstance(data, dict):
            raise ScenarioError(f"{path}: must hold a mapping with `faults`. Got a {type(data).__name__}.")
        try:
            return cls.model_validate({key: value for key, value in data.items() if key != SCHEMA})
        except ScenarioError as error:
            raise ScenarioError(*error.after(f"{path}:")) from None

    def save(self, path: str | Path) -> None:
        """Write the scenario to a YAML or JSON file, whole or not at all.

        Parameters
        ----------
        path : path
            Ends in ``.yaml``, ``.yml`` or ``.json``.

        Raises
        ------
        ScenarioError
            If it ends in anything else.
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from timegate import ErrorRate
        >>> scenario = Scenario(seed=7, faults=[ErrorRate(target="strong", rate=0.1)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     scenario.save(f"{folder}/bad.yaml")
        ...     Scenario.load(f"{folder}/bad.yaml") == scenario
        True
        """
        write_document(path, self.to_dict(), ScenarioError)

    def to_dict(self) -> dict[str, Any]:
        """Return the scenario as plain data.

        Examples
        --------
        >>> from timegate.faults import ErrorRate
        >>> Scenario(faults=[ErrorRate(target="strong", rate=0.1)], seed=7).to_dict()
        {'version': 1, 'seed': 7, 'faults': [{'type': 'error_rate', 'target': 'strong', 'rate': 0.1}]}
        """
        data: dict[str, Any] = {"version": self.version}
        if self.description is not None:
            data["description"] = self.description
        data["seed"] = self.seed
        if self.groups:
            data["groups"] = {group: list(names) for group, names in self.groups.items()}
        data["faults"] = [
            {"type": fault.type, **fault.model_dump(mode="json", exclude_defaults=True)} for fault in self.faults
        ]
        return data

    def injector(self, deployments: Sequence[Deployment], *, strict: bool = True) -> Injector:
        """Resolve the faults for the deployments of a router.

        Parameters
        ----------
        deployments : sequence of Deployment
            In the order of the router's indices.
        strict : bool
            Whether to check that the faults fit them. If not, faults that target others are left out, as for a part
            of a router.

        Returns
        -------
        Injector
            What decides about attempts; it is of this seed and these deployments.

        Raises
        ------
        ScenarioError
            If it is strict, and a fault or group names a deployment, provider or group that is not among them, or a
            fault slows answers down that take no time.

        Examples
        --------
        >>> from timegate.core.deployment import Deployment
        >>> from timegate.faults import ErrorRate
        >>> scenario = Scenario(faults=[ErrorRate(target="strong", rate=0.1)])
        >>> injector = scenario.injector([Deployment.of("strong", "sim"), Deployment.of("weak", "sim")])
        >>> [len(rules) for rules in injector.rules]
        [1, 0]
        """
        targets = Targets(deployments, self.groups)
        if strict:
            self._check_targets(deployments, targets)
        injector = Injector(dict(zip(self.fault_names, self.faults, strict=True)), self.seed, deployments, self.groups)
        if strict:
            timed = set[str]().union(*(targets.of(d) for i, d in enumerate(deployments) if injector.takes_time(i)))
            for i, fault in enumerate(self.faults):
                if fault.slows and fault.target not in timed:
                    text = (
                        f"a slowdown multiplies latencies, and no deployment that {fault.target!r} stands for has one."
                    )
                    hint = "Add a Latency or TokenLatency."
                    where = f"{written(('faults', i), f'({fault.type})')}:"
                    raise ScenarioError(Problem(("faults", i, "slowdown"), text, hint, where=where))
        return injector

    def _check_targets(self, deployments: Sequence[Deployment], targets: Targets) -> None:
        names = [deployment.name for deployment in deployments]
        for group, members in self.groups.items():
            for member in members:
                if member not in names:
                    hint = did_you_mean(member, names)
                    raise ScenarioError(f"groups[{group!r}]: {member!r} is not a deployment of this router.{hint}")
        for i, fault in enumerate(self.faults):
            if fault.target not in targets:
                place = ("faults", i, "target")
                text = f"{fault.target!r} is not a deployment or provider of this router."
                where = written(place, f"({fault.type})")
                raise ScenarioError(Problem(place, text, targets.hint(fault.target), where=where))

    def without(self, targets: Collection[str]) -> Self:
        """Return the scenario of a router that lacks some targets: without their faults, and out of its groups.

        Draws belong to the names of faults and deployments, so the luck of those that stay is the same.

        Parameters
        ----------
        targets : collection of str
            Deployments, and providers of which no deployment is left. A group goes with the last that is in it.

        Examples
        --------
        >>> rates = [kinds.ErrorRate(target=target, rate=0.02) for target in ("strong", "group:eu")]
        >>> Scenario(faults=rates, groups={"eu": ["strong", "weak"]}).without({"strong"}).fault_names
        ('error_rate:group:eu',)
        """
        groups = {group: tuple(n for n in names if n not in targets) for group, names in self.groups.items()}
        gone = {*targets, *(group_target(group) for group, names in groups.items() if not names)}
        return self.model_copy(
            update={
                "groups": {group: names for group, names in groups.items() if names},
                "faults": tuple(fault for fault in self.faults if fault.target not in gone),
            }
        )

    def model(self, name: str, provider: str = "sim") -> ScenarioModel:
        """Return a simulated model of a deployment, which fails when this scenario says so.

        Give it to a :class:`ModelGateway`, through :func:`timegate.models.msgflux.to_msgflux` to the gateway of
        the msgflux package, or call it from a router of your own; then replay that with ``engine="travel"``.

        Parameters
        ----------
        name : str
            The name of the deployment, which faults target.
        provider : str
            Its provider, which faults may target.

        Examples
        --------
        >>> scenario = Scenario(faults=[kinds.ErrorRate(target="strong", rate=1.0, error="timeout")])
        >>> scenario.model("strong")(messages="Hello")
        Traceback (most recent call last):
            ...
        timegate.errors.ModelTimeoutError: injected timeout
        """
        return ScenarioModel(name, provider, self.injector([Deployment.of(name, provider)], strict=False))
