"""A router and a scenario as arrays: what the compiled engine looks up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core.capacity import Provider
from timegate.core.clock import LAST_US
from timegate.core.policy import Shared, State, Terms
from timegate.core.router import Router
from timegate.engines.luck import Luck
from timegate.engines.record import first_choice_by_name
from timegate.faults.injector import Injector
from timegate.faults.rules import CAPACITY, CERTAIN, Rule

__all__ = ["Plan", "Policies", "RuleRow", "make_plan", "make_policies", "rows"]


def rows(records: Sequence[Any]) -> npt.NDArray[np.void]:
    """Return slotted records of numbers as a structured array, whose rows kernels take for the records."""
    layout, values = _layout(records[0].__class__)
    return np.array(list(map(values, records)), layout)


@cache
def _layout(record: type[Any]) -> tuple[np.dtype[np.void], Callable[[Any], tuple[Any, ...]]]:
    """Return how rows of a record are laid out, and what gives the values of one."""
    kinds = {"int": np.int64, "float": np.float64}
    layout = np.dtype([(field.name, kinds[str(field.type)]) for field in fields(record)])
    return layout, attrgetter(*layout.names or ())


RULE = np.dtype(
    [
        ("kind", np.int64),
        ("a", np.float64),
        ("b", np.float64),
        ("k0", np.int64),
        ("k1", np.int64),
        ("outcome", np.int64),
        ("after_us", np.int64),
        ("retry_after_us", np.int64),
    ]
)
RuleRow = npt.NDArray[np.void]
"""Rules as rows of :data:`RULE`."""


class Plan(NamedTuple):
    """Time cut into epochs, in each of which the same deployments are open in the same order, and the same rules act.

    Attributes
    ----------
    edges_us : ndarray of int64, shape (epochs + 1,)
        Epoch *e* is ``[edges_us[e], edges_us[e + 1])``. The last one reaches beyond all time.
    is_open : ndarray of bool, shape (epochs, deployments)
    open_count : ndarray of int16, shape (epochs,)
    open_order : ndarray of int16, shape (epochs, deployments)
        The open deployments of an epoch in the order of attempts; valid up to its ``open_count``.
    ranked : ndarray of int16, shape (epochs, deployments)
        All deployments in that order, as if every window were open.
    group_end : ndarray of int16, shape (epochs, deployments)
        For each place in ``ranked``, where those end that chance orders among themselves.
    rule_bounds : ndarray of int64, shape (epochs * deployments + 1,)
        The rules acting on deployment *d* in epoch *e* are those from ``rule_bounds[e * deployments + d]`` up
        to the next, in order.
    rules : ndarray of RULE
        A row for each rule and epoch in which it acts.
    hourly_rates : ndarray of float64, shape (n, 24)
        What rules of the kind ``HOURLY`` look up.
    masks : ndarray of int64, shape (epochs * deployments,)
        The capacities that an attempt needs.
    preference : ndarray of int64
        First -1, for calls that prefer nobody; then the deployment of each name that the trace prefers, -1 if
        there is none.
    first_choice : ndarray of int64
        The first choice that goes with each row of ``preference``, where neither the hour nor chance decides it.
    """

    edges_us: npt.NDArray[np.int64]
    is_open: npt.NDArray[np.bool_]
    open_count: npt.NDArray[np.int16]
    open_order: npt.NDArray[np.int16]
    ranked: npt.NDArray[np.int16]
    group_end: npt.NDArray[np.int16]
    rule_bounds: npt.NDArray[np.int64]
    rules: RuleRow
    hourly_rates: npt.NDArray[np.float64]
    masks: npt.NDArray[np.int64]
    preference: npt.NDArray[np.int64]
    first_choice: npt.NDArray[np.int64]


class Policies(NamedTuple):
    """The policies of a router, the state that its calls share, and the keys of its draws.

    Attributes
    ----------
    terms, states : ndarray of rows of Terms and State, shape (deployments,)
    recent : ndarray of int64, shape (deployments, most failures)
    call_terms, shared : ndarray of rows of CallTerms and Shared, shape (1,)
    budget : ndarray of int64, shape (10,)
    weights : ndarray of float64, shape (deployments,)
    draws_order : bool
        Whether chance orders deployments.
    order_key : tuple of int
    backoff_keys : ndarray of int64, shape (deployments, 2)
    providers : ndarray of rows of Provider
        The capacities; at least one row.
    """

    terms: npt.NDArray[np.void]
    states: npt.NDArray[np.void]
    recent: npt.NDArray[np.int64]
    call_terms: npt.NDArray[np.void]
    shared: npt.NDArray[np.void]
    budget: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    draws_order: bool
    order_key: tuple[int, int]
    backoff_keys: npt.NDArray[np.int64]
    providers: npt.NDArray[np.void]


def make_policies(router: Router, injector: Injector) -> Policies:
    """Return the policies of a router in numbers, and fresh state."""
    luck = Luck(injector.seed, router.names)
    most = max((terms.failures for terms in router.terms), default=0)
    providers = injector.providers()
    return Policies(
        terms=rows(router.terms or [Terms()]),
        states=rows([State() for _ in router.terms] or [State()]),
        recent=np.zeros((max(len(router.terms), 1), max(most, 1)), np.int64),
        call_terms=rows([router.call_terms]),
        shared=rows([Shared()]),
        budget=np.zeros(10, np.int64),
        weights=np.array(router.weights, np.float64),
        draws_order=router.draws_order,
        order_key=luck.order_key,
        backoff_keys=luck.backoff_keys,
        providers=rows(providers or [Provider()])[: len(providers)],
    )


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
    heads = router.head_hours.compile(first_us, last_us + 1) if router.head_hours is not None else None
    bounds = [bound for _, rule in rules for bound in (rule.start_us, rule.end_us)]
    parts = [segments.edges_us[:-1], np.array(bounds, np.int64), *([] if heads is None else [heads.edges_us[:-1]])]
    inner = np.unique(np.concatenate(parts))
    edges_us = np.append(inner[(inner >= first_us) & (inner <= LAST_US)], np.iinfo(np.int64).max)
    epochs, deployments = len(edges_us) - 1, len(router.deployments)

    is_open = segments.open[np.minimum(segments.index(edges_us[:-1]), len(segments) - 1)]
    goes_first = np.zeros((epochs, deployments), np.bool_)
    if heads is not None:
        has = np.array([bool(d.prefer_during) for d in router.deployments])
        goes_first = heads.open[np.minimum(heads.index(edges_us[:-1]), len(heads) - 1)] & has
    ranked, group_end = _ranks(router, goes_first)
    ranked_open = np.take_along_axis(is_open, ranked.astype(np.int64), axis=1)
    front = np.argsort(~ranked_open, axis=1, kind="stable")
    open_order = np.take_along_axis(ranked, front, axis=1)

    preference = np.array([-1, *(router.index.get(name, -1) for name in preferred_names)], np.int64)
    rule_bounds, rule_rows, masks = _rules_by_epoch(rules, edges_us, deployments)
    return Plan(
        edges_us=edges_us,
        is_open=is_open,
        open_count=is_open.sum(axis=1).astype(np.int16),
        open_order=open_order,
        ranked=ranked,
        group_end=group_end,
        rule_bounds=rule_bounds,
        rules=rule_rows,
        hourly_rates=injector.hourly_rates,
        masks=masks,
        preference=preference,
        first_choice=first_choice_by_name(preferred_names, router),
    )


def _ranks(router: Router, goes_first: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return ``ranked`` and ``group_end`` by epoch; few sets of deployments that go first occur."""
    if goes_first.any():
        kinds, which = np.unique(goes_first, axis=0, return_inverse=True)
    else:  # the usual case, and quicker
        kinds, which = goes_first[:1], np.zeros(len(goes_first), np.int64)
    orders, ends = [], []
    for kind in kinds:
        groups = router.groups(np.flatnonzero(kind).tolist())
        orders.append([i for group in groups for i in group])
        sizes = [len(group) for group in groups]
        ends.append(np.repeat(np.cumsum(sizes), sizes))
    which = which.reshape(-1)
    return np.array(orders, np.int16)[which], np.array(ends, np.int16)[which]


def _rules_by_epoch(
    rules: list[tuple[int, Rule]], edges_us: npt.NDArray[np.int64], deployments: int
) -> tuple[npt.NDArray[np.int64], RuleRow, npt.NDArray[np.int64]]:
    """Return ``rule_bounds``, the rows of the rules, each repeated for every epoch in which it acts, and ``masks``."""
    epochs = len(edges_us) - 1
    masks = np.zeros(epochs * deployments, np.int64)
    if not rules:
        return np.zeros(len(masks) + 1, np.int64), np.empty(0, RULE), masks
    starts = np.array([rule.start_us for _, rule in rules], np.int64)
    ends = np.array([rule.end_us for _, rule in rules], np.int64)
    since = np.searchsorted(edges_us[:-1], starts)
    lengths = np.maximum(np.searchsorted(edges_us[:-1], ends) - since, 0)
    which = np.repeat(np.arange(len(rules)), lengths)
    epoch = np.arange(len(which)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(since, lengths)
    deployment = np.array([index for index, _ in rules], np.int64)[which]
    cell = epoch * deployments + deployment
    one_each = np.zeros(len(rules), RULE)
    for name in ("kind", "a", "b", "k0", "k1", "outcome", "after_us"):
        one_each[name] = [getattr(rule, name) for _, rule in rules]
    one_each["retry_after_us"] = [rule.retry_after_us for _, rule in rules]

    is_capacity = one_each["kind"][which] == CAPACITY
    np.bitwise_or.at(masks, cell[is_capacity], np.int64(1) << one_each["a"][which][is_capacity].astype(np.int64))
    masks[cell[one_each["kind"][which] == CERTAIN]] = 0  # an outage uses no capacity

    order = np.argsort(cell[~is_capacity], kind="stable")  # the rules of a cell stay in their order
    cells = cell[~is_capacity][order]
    rule_bounds = np.searchsorted(cells, np.arange(epochs * deployments + 1)).astype(np.int64)
    return rule_bounds, one_each[which][~is_capacity][order], masks
