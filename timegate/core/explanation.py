"""Why a call goes where it goes, as text and as a table."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from timegate.core.clock import from_us
from timegate.core.policy import COOLING, REASONS
from timegate.show.html import framed, numbers
from timegate.show.text import shown_instant

__all__ = ["Explanation", "why_passed_over"]


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """Why a call goes where it goes. Prints as text, shows as a table in a notebook.

    Attributes
    ----------
    at_us : int
        The instant asked about.
    rows : list of dict
        One a deployment in config order: ``deployment``, ``provider``, ``open``, ``place`` in the order of
        attempts (from 1), ``closed_by`` (the window), ``until`` (when it next opens or closes, UTC; missing
        if not within 400 days). Of a live gateway as it is now, also ``passed_over``: why an open deployment takes no
        attempt, and has no place.
    note : str
        What became of the preferred model, if it is not tried first.
    story : DataFrame, optional
        What happened to the call, in order of time: see :meth:`timegate.Replay.story`.
    """

    at_us: int
    rows: list[dict[str, object]]
    note: str = ""
    story: pd.DataFrame | None = field(default=None, compare=False)

    @property
    def order(self) -> list[str]:
        """Names of the deployments in the order in which they would be tried."""
        places = {row["place"]: str(row["deployment"]) for row in self.rows if row["place"] is not None}
        return [places[place] for place in range(1, len(places) + 1)]

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame."""
        columns = ("deployment", "provider", "open", "place", "closed_by", "until")
        frame = pd.DataFrame(self.rows, columns=list(self.rows[0] if self.rows else columns))
        frame["place"] = frame["place"].astype("Int64")
        frame["until"] = pd.to_datetime(frame["until"], utc=True)
        return frame

    @property
    def _table(self) -> pd.DataFrame:
        """The rows as people read them."""
        frame = self.frame.astype({"until": object, "place": object})
        until = ["" if at is pd.NaT else shown_instant(at) for at in frame["until"]]
        return frame.assign(until=until).fillna("").rename(columns={"until": "until (UTC)"})

    @property
    def headline(self) -> str:
        """The answer in one line."""
        is_any_open = any(row["open"] for row in self.rows)
        why_nobody = (
            "all that are open are passed over" if is_any_open else "no model is available due to time constraints"
        )
        order = " -> ".join(self.order) or f"nobody: {why_nobody}"
        at = f"{from_us(self.at_us):%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000").removesuffix(":00")
        return f"At {at} UTC: {order}"

    def __str__(self) -> str:
        table = self._table.to_string(index=False)
        story = "" if self.story is None else _blank(self.story).to_string(index=False)
        return "\n".join(filter(None, [self.headline, self.note, table, story]))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        story = [] if self.story is None else [numbers(_blank(self.story), index=False)]
        return framed(self.headline, numbers(self._table, index=False), *story, text=f" {self.note}".rstrip())


def why_passed_over(reason: int, cooled_until_us: int) -> str:
    """Return why a deployment is passed over, in words: ``cooling`` until when.

    Examples
    --------
    >>> why_passed_over(1, 61_500_000)
    'cooling until 00:01:01.5'
    """
    if reason != COOLING:
        return REASONS[reason]
    return f"{REASONS[reason]} until {from_us(cooled_until_us):%H:%M:%S.%f}".rstrip("0").rstrip(".")


def _blank(story: pd.DataFrame) -> pd.DataFrame:
    """Return a story to be read: nothing where there is nothing."""
    return story.astype(object).where(story.notna(), "")
