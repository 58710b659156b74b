"""Two replays of the same calls for readers: what differs between them, as lines of a table and as a folder."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from timegate import plots
from timegate.config import GatewayConfig
from timegate.core.columns import FAILED, OUTCOMES, UNSERVED
from timegate.core.targets import Targets
from timegate.errors import ReplayError
from timegate.faults import Scenario
from timegate.files import made_folder, without_formulas, write_files
from timegate.report.money import money_label
from timegate.report.page import figure_text, label_of, png
from timegate.runs.compare import compare
from timegate.runs.result import Replay
from timegate.runs.tables import named_pairs
from timegate.show.text import counted, percent

__all__ = ["Change", "changes", "headline", "rerouted", "without_absent", "write"]

NONE = "-"
"""Stands for a figure that one of the two does not have."""


class Change(NamedTuple):
    """A line of the comparison as text: a figure in A and in B, and B minus A."""

    label: str
    a: str
    b: str
    difference: str


def without_absent(scenario: Scenario, config: GatewayConfig, other: GatewayConfig) -> tuple[Scenario, list[str]]:
    """Leave out of a scenario what it says of deployments that only the other config has.

    Draws belong to the names of faults and deployments, so the luck of those that stay is the same.

    Returns
    -------
    scenario : Scenario
    absent : list of str
        The targets that were left out. What neither config has stays, and is refused when it is replayed.
    """
    common = scenario.without(set(Targets(other.deployments)) - set(Targets(config.deployments)))
    before, after = ({fault.target for fault in s.faults}.union(*s.groups.values()) for s in (scenario, common))
    return common, sorted(before - after)


def headline(a: Replay, b: Replay, labels: tuple[str, str]) -> str:
    """Say which of two replays serves more calls, and how many it treats differently."""
    one, other = (len(run) - sum(run.outcome_counts()[outcome] for outcome in UNSERVED) for run in (a, b))
    differently = f"{counted(int(rerouted(a, b)['count'].sum()), 'call')} of {len(a):,} went another way."
    if one == other:
        return f"Both serve {counted(one, 'call')}, {percent(one / len(a))}; {differently}"
    number = counted(abs(other - one), f"{'more' if other > one else 'fewer'} call")
    shares = f"{percent(other / len(a))} in place of {percent(one / len(a))}"
    return f"{labels[1]} serves {number} than {labels[0]}: {shares}; {differently}"


def changes(a: Replay, b: Replay) -> dict[str, list[Change]]:
    """Return what differs between two replays in groups, by title.

    Shares are of all calls; their difference is in calls and in percentage points.

    Raises
    ------
    ReplayError
        If the two did not face the same.
    """
    table = compare(a, b)
    number = len(a)

    def share(title: str, one: float, other: float) -> Change:
        points = f"{100 * (other - one):+.2f} pp"
        moved_calls = round(number * (other - one))
        difference = f"{moved_calls:+,} ({points})" if moved_calls else "same"
        return Change(title, percent(one), percent(other), difference)

    def row(name: str, scale: float = 1.0) -> tuple[float, float]:
        return float(table["a"][name]) / scale, float(table["b"][name]) / scale

    titles = {
        "availability": "served",
        "first_choice": "served by the first choice",
        "fallback": "served by a fallback",
        "failed": "failed (all open ones did)",
        "blocked": "blocked (nobody was open)",
    }
    if a.router.shares or b.router.shares:
        titles["shed"] = "shed (nobody open would take it)"
    served_by = []
    for name in dict.fromkeys([*a.deployments, *b.deployments]):
        line = share(name, *row(f"share[{name}]"))
        line = line if name in a.deployments else line._replace(a=NONE)
        served_by.append(line if name in b.deployments else line._replace(b=NONE))
    groups = {
        "Calls": [share(title, *row(name, number if name in OUTCOMES else 1)) for name, title in titles.items()],
        "Served by": served_by,
        "Also": [share(label_of("preference_passed_over"), *row("preference_passed_over", number))],
        "Money": [],
    }
    listed = {"calls", "preference_passed_over", "shed", *titles}
    for name in map(str, table.index):
        if name not in listed and not name.startswith(("share[", "baseline_")):
            groups["Also" if money_label(name) is None else "Money"].append(_change(name, *row(name)))
    return {title: lines for title, lines in groups.items() if lines}


def _change(name: str, one: float, other: float) -> Change:
    a, b = (NONE if math.isnan(value) else figure_text(name, value) for value in (one, other))
    if NONE in (a, b):
        difference = NONE
    elif a == b:
        difference = "same"
    else:
        difference = ("+" if other > one else "-") + figure_text(name, abs(other - one))
    return Change(label_of(name), a, b, difference)


def rerouted(a: Replay, b: Replay) -> pd.DataFrame:
    """Return the calls that two replays treat differently.

    Returns
    -------
    DataFrame
        ``from`` and ``to`` (who served the call in A and in B, or why nobody did), ``count``: most first.
    """
    names = [*dict.fromkeys([*a.deployments, *b.deployments]), *UNSERVED]
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (_whereabouts(a, place), _whereabouts(b, place)), 1)
    np.fill_diagonal(counts, 0)
    return named_pairs(counts, names)


def _whereabouts(run: Replay, place: dict[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the place among the names of what became of each call."""
    served_by = run.calls["served_by"].cat.codes.to_numpy()
    outcome = run.calls["outcome"].cat.codes.to_numpy()
    known = np.array([place[name] for name in (*run.deployments, *UNSERVED)], np.int64)
    return known[np.where(served_by >= 0, served_by, len(run.deployments) + outcome - FAILED)]


def write(
    a: Replay, b: Replay, folder: str | Path, labels: tuple[str, str], escape_formulas: bool = False
) -> list[Path]:
    """Write ``comparison.csv``, ``comparison.png`` and ``provenance.json`` into a folder, each whole or not at all.

    Parameters
    ----------
    a, b : Replay
    folder : path
        Made if it is not there.
    labels : tuple of two str
        What tables and plot call them.
    escape_formulas : bool
        Whether to keep spreadsheets from computing the labels.

    Returns
    -------
    list of Path
        The files.
    """
    rows = min(len(dict.fromkeys([*a.deployments, *b.deployments])), 100) + len(UNSERVED)
    provenance = {label: run.provenance for label, run in zip(labels, (a, b), strict=True)}
    table = compare(a, b, labels).reset_index()
    table = without_formulas(table) if escape_formulas else table
    # All that can go wrong in drawing does so before the folder is touched.
    contents = {
        "comparison.csv": table.to_csv(index=False, lineterminator="\n").encode(),
        "comparison.png": png(partial(plots.compare, a, b, labels), (10, 1.2 + 0.5 * rows)),
        "provenance.json": (json.dumps(provenance, indent=2) + "\n").encode(),
    }
    return write_files(made_folder(folder, ReplayError), contents)
