"""What a fault can target: a deployment by its name, all those of a provider, or a group of a scenario."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from timegate.errors import did_you_mean

__all__ = ["RESERVED", "Targets", "group_target", "is_group", "provider_target", "reserved_prefix"]

_PROVIDER, _GROUP = "provider:", "group:"
RESERVED = (_PROVIDER, _GROUP)
"""What targets begin with that are not the name of one deployment; so no deployment's name may."""


class Targeted(Protocol):
    """What is asked of a deployment here."""

    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...


def provider_target(provider: str) -> str:
    """Return the target of all deployments of a provider."""
    return _PROVIDER + provider


def group_target(group: str) -> str:
    """Return the target of the deployments of a group."""
    return _GROUP + group


def is_group(target: str) -> bool:
    """Tell whether a target is a group, which only the scenario that names it knows."""
    return target.startswith(_GROUP)


def reserved_prefix(name: str) -> str | None:
    """Return what makes a name a target that is no deployment, or None if nothing does.

    Examples
    --------
    >>> reserved_prefix("provider:openai"), reserved_prefix("strong")
    ('provider:', None)
    """
    return next((prefix for prefix in RESERVED if name.startswith(prefix)), None)


class Targets(Collection[str]):
    """All that faults can target among some deployments: their names, then providers, then groups.

    Parameters
    ----------
    deployments : iterable of Deployment
    groups : mapping of str to collection of str, optional
        Names of deployments that a fault may target together.

    Examples
    --------
    >>> from timegate.core.deployment import Deployment
    >>> strong, weak = Deployment.of("strong", "openai"), Deployment.of("weak", "sim")
    >>> targets = Targets([strong, weak], {"eu": ["weak"]})
    >>> list(targets)
    ['strong', 'weak', 'provider:openai', 'provider:sim', 'group:eu']
    >>> sorted(targets.of(weak))
    ['group:eu', 'provider:sim', 'weak']
    >>> targets.hint("provider:opnai")
    " Did you mean 'provider:openai'?"
    """

    def __init__(self, deployments: Iterable[Targeted], groups: Mapping[str, Collection[str]] | None = None) -> None:
        self._groups = groups or {}
        there = tuple(deployments)
        providers = sorted({provider_target(deployment.provider) for deployment in there})
        names = [deployment.name for deployment in there]
        self._all = dict.fromkeys([*names, *providers, *map(group_target, self._groups)])

    def __contains__(self, target: object) -> bool:
        return target in self._all

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def of(self, deployment: Targeted) -> set[str]:
        """Return the targets that stand for a deployment, alone or among others."""
        groups = {group_target(group) for group, names in self._groups.items() if deployment.name in names}
        return {deployment.name, provider_target(deployment.provider), *groups}

    def hint(self, target: object) -> str:
        """Return the end of an error message on a target that is not among these: the nearest, or all of them."""
        return did_you_mean(target, self)
