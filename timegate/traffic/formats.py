"""The formats of trace files, told apart by their columns: a new one is an entry in the list of its family."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Format", "Log", "recognised"]

_NONE: Mapping[str, str] = MappingProxyType({})


class Log(NamedTuple):
    """What else to know of a log: its rows are attempts, in the order in which they ended or any other.

    Attributes
    ----------
    kinds : frozenset of str
        Of the values of ``kind``, those that call a model; empty where all do.
    """

    kinds: frozenset[str] = frozenset()


class Format(NamedTuple):
    """A format.

    Attributes
    ----------
    name : str
    columns : dict
        Our names by theirs; those that are needed, the time first, and that tell the format.
    unit : str
        In which its times count, as in ``UNITS_NS``; empty where they are instants.
    optional : dict
        Our names by theirs; those that may be absent.
    known_by : tuple of str
        Further columns that tell the format.
    remark : str
        What a reader should know of every such file.
    log : Log, optional
        For the log of a gateway. Its columns may be called, besides by our names, ``ended`` (when the attempt did),
        ``latency_ms``, ``id`` (of the attempt), ``call`` (what the attempts of one call share), ``kind`` and ``usage``
        (counts of tokens).
    """

    name: str
    columns: Mapping[str, str]
    unit: str = ""
    optional: Mapping[str, str] = _NONE
    known_by: tuple[str, ...] = ()
    remark: str = ""
    log: Log | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The columns that tell the format."""
        return frozenset(self.columns) | frozenset(self.known_by)


def recognised(formats: Collection[Format], names: Collection[str]) -> Format | None:
    """Return the format that most columns tell, or None; the earlier of several."""
    there = set(names)
    return max((known for known in formats if known.keys <= there), key=lambda known: len(known.keys), default=None)
