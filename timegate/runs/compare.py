"""The difference between two results that faced the same calls and the same luck."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

import pandas as pd

from timegate.config import GatewayConfig
from timegate.errors import InvalidTypeError, ReplayError, shown
from timegate.pointer import guided
from timegate.runs.result import Replay

if TYPE_CHECKING:
    from timegate.runs.replicas import MonteCarlo

__all__ = ["compare", "two_labels"]

_DIFFERENCE = "difference"


@guided()
def compare(a: Replay | MonteCarlo, b: Replay | MonteCarlo, labels: Sequence[str] = ("a", "b")) -> pd.DataFrame:
    """Return two results side by side, with their difference.

    Parameters
    ----------
    a, b : two Replay or two MonteCarlo
        Of the same traffic, under the same seed.
    labels : sequence of two str
        What the columns of two replays are called.

    Returns
    -------
    DataFrame
        A row a figure. For replays a column of each, by its label, and ``difference`` (``b - a``), of the figures
        in both summaries that are numbers; counts are whole numbers. The share of a deployment that only one of them
        has is 0 in the other; a latency is missing where nobody was served. For Monte Carlo the paired differences, see
        :meth:`MonteCarlo.compare`.

    Raises
    ------
    ReplayError
        If the two did not face the same, or there are not two labels.

    Examples
    --------
    >>> import timegate as tg
    >>> trace = tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"])
    >>> night = {"model_name": "strong", "model": "sim/large", "time_constraints": [["22:00", "06:00"]]}
    >>> always = {"model_name": "strong", "model": "sim/large"}
    >>> runs = [tg.replay(tg.GatewayConfig(deployments=[d]), trace) for d in (night, always)]
    >>> tg.compare(*runs).loc["availability"].tolist()
    [0.5, 1.0, 0.5]
    """
    if isinstance(a, Replay) and isinstance(b, Replay):
        for name in ("seed", "trace_hash"):
            if a.provenance[name] != b.provenance[name]:
                hint = " Give both one scenario, or one seed." if name == "seed" else " Replay the same calls twice."
                raise ReplayError(
                    f"the two are not paired: {name} is {a.provenance[name]} and {b.provenance[name]}.{hint}"
                )
        one, other = two_labels(labels)
        if _DIFFERENCE in (one, other):
            raise ReplayError(f"labels must not hold {_DIFFERENCE!r}: that is the third column. Got {labels!r}.")
        return _side_by_side(_numbers(a), _numbers(b), one, other)
    paired = getattr(a, "compare", None)
    if paired is None or type(a) is not type(b):
        names = f"{type(a).__name__} and {type(b).__name__}"
        hint = " Configs are compared by timegate.diff." if isinstance(a, GatewayConfig) else ""
        raise InvalidTypeError(f"compare takes two Replay or two MonteCarlo. Got {names}.{hint}")
    table: pd.DataFrame = paired(b)
    return table


def two_labels(labels: Sequence[str]) -> tuple[str, str]:
    """Return two different names, or say what was given in their place."""
    if not isinstance(labels, list | tuple) or not all(isinstance(label, str) for label in labels):
        raise InvalidTypeError(f"labels must be two names such as ('before', 'after'). Got {shown(labels)}.")
    if len(labels) != 2 or not all(label.strip() for label in labels) or labels[0] == labels[1]:
        raise ReplayError(f"labels must be two different names, such as ('before', 'after'). Got {shown(labels)}.")
    return labels[0], labels[1]


def _side_by_side(a: Mapping[str, Any], b: Mapping[str, Any], one: str, other: str) -> pd.DataFrame:
    rows: dict[str, tuple[Any, ...]] = {}
    for name in dict.fromkeys([*a, *b]):
        # Who is not deployed serves nobody, and where no times were given no call took any.
        absent = 0.0 if name.startswith(("share[", "baseline_", "latency_", "wait_")) else math.nan
        pair = a.get(name, absent), b.get(name, absent)
        rows[name] = (*pair, pair[1] - pair[0])
    # Objects, so that counts stay whole numbers beside shares.
    columns = (pd.Series(values, rows, dtype=object) for values in zip(*rows.values(), strict=True))
    return pd.DataFrame(dict(zip((one, other, _DIFFERENCE), columns, strict=True))).rename_axis("figure")


def _numbers(run: Replay) -> dict[str, Any]:
    summary = run.summary().drop("seed").to_dict()
    return {str(name): value for name, value in summary.items() if isinstance(value, Number)}
