"""The routing of one call, without I/O.

:meth:`Router.route` is a generator: it yields the deployment to try next and is sent what the attempt
raised. Whoever drives it decides what an attempt is: the live gateway makes a blocking call or awaits one,
a replay asks a scenario. There is no second copy of this algorithm but the compiled engine, which a
differential test holds to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from functools import cached_property

import pandas as pd

from timegate.core.clock import from_us
from timegate.core.deployment import Deployment
from timegate.core.explanation import Explanation
from timegate.core.timetable import Hours, Timetable
from timegate.errors import InvalidValueError, ModelRouterError, did_you_mean

__all__ = ["Router"]

MOST_DEPLOYMENTS = 32_767  # results number them in 16 bits


class Router:
    """Decides which deployments serve a call, and in which order.

    Parameters
    ----------
    deployments : sequence of Deployment
        In order of fallback, with unique names.
    """

    def __init__(self, deployments: Sequence[Deployment]) -> None:
        self.deployments = tuple(deployments)
        self.names = tuple(deployment.name for deployment in self.deployments)
        if len(self.deployments) > MOST_DEPLOYMENTS:
            raise InvalidValueError(
                f"a router takes at most {MOST_DEPLOYMENTS:,} deployments. Got {len(self.names):,}."
            )
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise InvalidValueError(f"the names of deployments must be unique. {twice!r} is given twice.")
        self.index = {name: i for i, name in enumerate(self.names)}
        self.timetable = Timetable([deployment.hours for deployment in self.deployments])

    def order(self, at_us: int, model_preference: str | None = None) -> tuple[int, ...]:
        """Return the deployments to try at an instant, by index: the open ones, the preferred one first."""
        open_ = self.timetable.segment_at(at_us).open
        preferred = self.index.get(model_preference) if model_preference else None
        if preferred is None or preferred not in open_:
            return open_
        return (preferred, *(i for i in open_ if i != preferred))

    def route(self, at_us: int, model_preference: str | None = None) -> Generator[int, Exception, None]:
        """Route one call.

        Yields
        ------
        int
            The index of the deployment to try next. Send back the exception that the attempt raised; when
            an attempt succeeds, there is nothing more to ask.

        Raises
        ------
        ModelRouterError
            When no deployment is open at ``at_us``, or when all that are open have failed.
        """
        order = self.order(at_us, model_preference)
        if not order:
            raise ModelRouterError([], [], "No model available due to time constraints")
        failures = []
        for index in order:
            error = yield index
            deployment = self.deployments[index]
            failures.append((deployment.name, deployment.provider, error))
        raise ModelRouterError(
            [error for _, _, error in failures], failures, f"All {len(order)} available models failed"
        )

    def explain(self, at_us: int, model_preference: str | None = None) -> Explanation:
        """Say which deployments would be tried at an instant, in which order, and why not the others."""
        order = self.order(at_us, model_preference)
        rows = []
        for i, deployment in enumerate(self.deployments):
            until_us = self.timetable.open_until(at_us, i)
            rows.append(
                {
                    "deployment": deployment.name,
                    "provider": deployment.provider,
                    "open": i in order,
                    "place": order.index(i) + 1 if i in order else None,
                    "closed_by": "" if i in order else self._closed_by(deployment.hours, at_us),
                    "until": pd.NaT if until_us is None else from_us(until_us),
                }
            )
        note = ""
        if model_preference and model_preference not in self.index:
            note = f"The preferred {model_preference!r} is unknown.{did_you_mean(model_preference, self.names)}"
        elif model_preference and self.index[model_preference] not in order:
            note = f"The preferred {model_preference!r} is closed, and passed over."
        return Explanation(at_us, rows, note)

    @staticmethod
    def _closed_by(hours: Hours, at_us: int) -> str:
        closing = [window for window in hours.time_constraints if len(window.spans_us(at_us, at_us + 1))]
        return "; ".join(map(str, closing)) or f"outside {'; '.join(map(str, hours.available))}"

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that decides routing; equal for equal configs on any machine."""
        described = [deployment.routing() for deployment in self.deployments]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:12]
