"""A router and a scenario as arrays: what the compiled engine looks up."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.clock import LAST_US
from timegate.faults.injection import Injector, Rule
from timegate.routing import Router
from timegate.traffic.trace import Trace

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
    preference: npt.NDArray[np.int64]
    first_choice: npt.NDArray[np.int64]


def make_plan(router: Router, trace: Trace, injector: Injector) -> Plan:
    """Compile windows and rules over the span of a trace.

    Availability is decided at arrival, so the windows are needed up to the last one; rules also act on attempts
    that start later.
    """
    first_us, last_us = int(trace.at_us[0]), int(trace.at_us[-1])
    rules = [(index, rule) for index, rules in enumerate(injector.rules) for rule in rules]
    segments = router.timetable.compile(first_us, last_us + 1)
    bounds = [bound for _, rule in rules for bound in (rule.start_us, rule.end_us)]
    inner = np.unique(np.array([*segments.edges_us[:-1].tolist(), *bounds], np.int64))
    edges_us = np.append(inner[(inner >= first_us) & (inner < LAST_US)], LAST_US + 1)

    is_open = segments.open[np.minimum(segments.index(edges_us[:-1]), len(segments) - 1)]
    open_order = np.argsort(~is_open, axis=1, kind="stable").astype(np.int16)

    names = [router.index.get(name, -1) for name in trace.preferred_names]
    preference = np.array([-1, *names], np.int64)
    return Plan(
        edges_us,
        is_open,
        is_open.sum(axis=1).astype(np.int16),
        open_order,
        *_rules_by_epoch(rules, edges_us, len(router.deployments)),
        preference,
        np.maximum(preference, 0),
    )


def _rules_by_epoch(rules: list[tuple[int, Rule]], edges_us: npt.NDArray[np.int64], deployments: int) -> Any:
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
    dtypes = (np.int8, np.float64, np.float64, np.int64, np.int64, np.int8, np.int64)
    columns = (table[:, i + 2].astype(dtype)[which[order]] for i, dtype in enumerate(dtypes))
    return rule_bounds.astype(np.int64), *columns
