"""A router and a scenario as arrays: what the compiled engine looks up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.clock import LAST_US
from timegate.core.routing import Router
from timegate.faults.injector import Injector
from timegate.faults.rules import Rule

__all__ = ["Plan", "make_plan"]


class Plan(NamedTuple):
    """Time cut into epochs, in each of which the same deployments are open and the same rules act.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (epochs + 1,)
        Epoch *e* is ``[edges_us[e], edges_us[e + 1])``. The last one reaches beyond all time.
    is_open : ndarray of bool, shape (epochs, deployments)
    open_count : ndarray of int16, shape (epochs,)
    open_order : ndarray of int16, shape (epochs, deployments)
        The open deployments of an epoch in config order; valid up to its ``open_count``.
    rule_bounds : ndarray of int64, shape (epochs * deployments + 1,)
        The rules acting on deployment *d* in epoch *e* are those from ``rule_bounds[e * deployments + d]`` up
        to the next, in order.
    kind, a, b, k0, k1, outcome, after_us : ndarray
        The fields of :class:`Rule`, a row for each rule and epoch in which it acts.
    hourly_rates : ndarray of float64, shape (n, 24)
        What rules of the kind ``HOURLY`` look up.
    preference : ndarray of int64
        First -1, for calls that prefer nobody; then the deployment of each name that the trace prefers, -1 if
        there is none.
    first_choice : ndarray of int64
        The first choice that goes with each row of ``preference``.
    """

    edges_us: npt.NDArray[np.int64]
    is_open: npt.NDArray[np.bool_]
    open_count: npt.NDArray[np.int16]
    open_order: npt.NDArray[np.int16]
    rule_bounds: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    k0: npt.NDArray[np.int64]
    k1: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    after_us: npt.NDArray[np.int64]
    hourly_rates: npt.NDArray[np.float64]
    preference: npt.NDArray[np.int64]
    first_choice: npt.NDArray[np.int64]


def make_plan(router: Router, injector: Injector, span_us: tuple[int, int], preferred_names: Sequence[str]) -> Plan:
    """Compile windows and rules over a span of arrivals.

    Availability is decided at arrival, so the windows are needed up to the last one; rules also act on attempts
    that start later.

    Parameters
    ----------
    router : Router
    injector : Injector
    span_us : tuple of int
        The first and the last arrival.
    preferred_names : sequence of str
        The names that the trace prefers.
    """
    first_us, last_us = span_us
    rules = [(index, rule) for index, rules in enumerate(injector.rules) for rule in rules]
    segments = router.timetable.compile(first_us, last_us + 1)
    bounds = [bound for _, rule in rules for bound in (rule.start_us, rule.end_us)]
    inner = np.unique(np.concatenate([segments.edges_us[:-1], np.array(bounds, np.int64)]))
    edges_us = np.append(inner[(inner >= first_us) & (inner <= LAST_US)], np.iinfo(np.int64).max)

    is_open = segments.open[np.minimum(segments.index(edges_us[:-1]), len(segments) - 1)]
    open_order = np.argsort(~is_open, axis=1, kind="stable").astype(np.int16)

    preference = np.array([-1, *(router.index.get(name, -1) for name in preferred_names)], np.int64)
    return Plan(
        edges_us=edges_us,
        is_open=is_open,
        open_count=is_open.sum(axis=1).astype(np.int16),
        open_order=open_order,
        **_rules_by_epoch(rules, edges_us, len(router.deployments)),
        hourly_rates=injector.hourly_rates,
        preference=preference,
        first_choice=np.maximum(preference, 0),
    )


def _rules_by_epoch(rules: list[tuple[int, Rule]], edges_us: npt.NDArray[np.int64], deployments: int) -> dict[str, Any]:
    """Return ``rule_bounds`` and the columns of the rules, each repeated for every epoch in which it acts."""
    epochs = len(edges_us) - 1
    table = np.array([rule for _, rule in rules], dtype=object).reshape(-1, len(Rule._fields))
    starts, ends = (table[:, i].astype(np.int64) for i in (0, 1))
    since = np.searchsorted(edges_us[:-1], starts)
    lengths = np.maximum(np.searchsorted(edges_us[:-1], ends) - since, 0)
    which = np.repeat(np.arange(len(rules)), lengths)
    epoch = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(since, lengths)
    deployment = np.array([index for index, _ in rules], np.int64)[which]
    cell = epoch * deployments + deployment
    order = np.argsort(cell, kind="stable")  # the rules of a cell stay in their order
    rule_bounds = np.searchsorted(cell[order], np.arange(epochs * deployments + 1))
    dtypes = {"kind": np.int8, "a": np.float64, "b": np.float64, "k0": np.int64, "k1": np.int64}
    dtypes |= {"outcome": np.int8, "after_us": np.int64}
    columns = {name: table[:, Rule._fields.index(name)].astype(dtype)[which[order]] for name, dtype in dtypes.items()}
    return {"rule_bounds": rule_bounds.astype(np.int64), **columns}
