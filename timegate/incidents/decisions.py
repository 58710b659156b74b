"""Decisions: what was dropped, guessed or kept with a reservation, by which rule, and whom it concerned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, Self

import pandas as pd

from timegate.show.html import numbers
from timegate.show.text import listed

__all__ = ["Action", "Decisions"]

Action = Literal["dropped", "guessed", "kept"]


class Decisions:
    """A count of decisions, each with the ids that it concerned.

    Examples
    --------
    >>> decisions = Decisions()
    >>> decisions.note("dropped", "has no length", "abc")
    >>> print(decisions)
    dropped 1: has no length
    """

    def __init__(self) -> None:
        self._ids: dict[tuple[Action, str], Counter[str]] = {}

    def note(self, action: Action, rule: str, *ids: str) -> None:
        """Record that a rule was applied to some ids; a guess about one of them counts once."""
        noted = self._ids.setdefault((action, rule), Counter())
        for each in ids:
            noted[each] = noted[each] + 1 if action == "dropped" else 1

    def __iter__(self) -> Iterator[tuple[Action, str, tuple[str, ...]]]:
        """Iterate over action, rule and ids."""
        return ((action, rule, tuple(ids.elements())) for (action, rule), ids in self._ids.items())

    def __len__(self) -> int:
        return len(self._ids)

    def __add__(self, other: Decisions) -> Self:
        both = type(self)()
        for action, rule, ids in (*self, *other):
            both.note(action, rule, *ids)
        return both

    def __str__(self) -> str:
        return "\n".join(f"{action} {len(ids):,}: {rule}" for action, rule, ids in self)

    @property
    def frame(self) -> pd.DataFrame:
        """A row a rule: ``action`` (dropped, guessed, kept), ``count``, ``rule``, ``ids`` (tuple of str)."""
        rows = [(action, len(ids), rule, ids) for action, rule, ids in self]
        return pd.DataFrame(rows, columns=["action", "count", "rule", "ids"])

    def to_html(self) -> str:
        """Return the table as HTML, with no more ids than fit into a line."""
        frame = self.frame
        frame["ids"] = [listed(ids, ",", most=3) for ids in frame["ids"]]
        return numbers(frame, index=False) if len(frame) else ""
