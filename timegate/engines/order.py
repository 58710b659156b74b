"""In which order a call tries deployments, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from timegate.core import policy
from timegate.core.draws import uniform
from timegate.core.jit import jit, register
from timegate.core.policy import weighted_choice
from timegate.engines.plan import Plan

__all__ = ["Orders", "find_order", "make_order"]

register(policy)


class Orders(NamedTuple):
    """The orders of one epoch by preferred name, where chance has no part in them.

    Attributes
    ----------
    epoch : ndarray of int64, shape (1,)
        Which one; -1 for none yet.
    sizes, first_choices : ndarray of int64, shape (names,)
        What :func:`make_order` returns.
    order : ndarray of int64, shape (names, deployments)
    """

    epoch: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    first_choices: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]

    @classmethod
    def of(cls, plan: Plan) -> Orders:
        """Return room for those of a plan."""
        names, deployments = len(plan.preference), plan.is_open.shape[1]
        return cls(
            np.full(1, -1, np.int64),
            np.empty(names, np.int64),
            np.empty(names, np.int64),
            np.empty((names, deployments), np.int64),
        )


@jit(refcount=False, merged=True)
def make_order(plan, policies, epoch, name, call, order):  # type: ignore[no-untyped-def]
    """Write the deployments that a call tries: :meth:`timegate.core.router.Router.order_and_first_choice`.

    Returns
    -------
    size : int
        How many are open.
    first_choice : int
    """
    preference = plan.preference[name]
    count = plan.is_open.shape[1]
    if not policies.draws_order:
        size = 0
        if preference >= 0 and plan.is_open[epoch, preference]:
            order[0], size = preference, 1
        for place in range(plan.open_count[epoch]):
            deployment = plan.open_order[epoch, place]
            if deployment != preference:
                order[size] = deployment
                size += 1
        return size, preference if preference >= 0 else np.int64(plan.ranked[epoch, 0])
    for place in range(count):
        order[place] = plan.ranked[epoch, place]
    k0, k1 = policies.order_key
    for place in range(count):
        last = int(plan.group_end[epoch, place])
        if place < last - 1:
            weighted_choice(policies.weights, order, place, last, uniform(k0, k1, call, place))
    first_choice = preference if preference >= 0 else order[0]
    size = 0
    if preference >= 0:  # moved to the head; those before it move back by one
        before = preference
        for place in range(count):
            order[place], before = before, order[place]
            if before == preference:
                break
    for place in range(count):
        if plan.is_open[epoch, order[place]]:
            order[size] = order[place]
            size += 1
    return size, first_choice


@jit(refcount=False, merged=True)
def find_order(plan, policies, orders, epoch, name, call, order):  # type: ignore[no-untyped-def]
    """Do what :func:`make_order` does, but once for an epoch and name, if it can: preferences cannot be guessed."""
    if policies.draws_order:
        return make_order(plan, policies, epoch, name, call, order)
    if orders.epoch[0] != epoch:
        orders.epoch[0] = epoch
        for each in range(len(orders.sizes)):
            size, first_choice = make_order(plan, policies, epoch, each, call, orders.order[each])
            orders.sizes[each], orders.first_choices[each] = size, first_choice
    for place in range(len(order)):
        order[place] = orders.order[name, place]
    return orders.sizes[name], orders.first_choices[name]
