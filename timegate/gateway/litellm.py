"""Windows for LiteLLM's Router and proxy: a routing callback that passes over deployments which a config closes.

A proxy loads it by one line of its config, which ``timegate export --to litellm`` writes, and finds our config by the
environment variable ``TIMEGATE_CONFIG``::

    litellm_settings:
      callbacks: [timegate.gateway.litellm.windows]

In Python it is ``litellm.callbacks = [WindowRouting("gateway.yaml")]``. See
https://docs.litellm.ai/docs/proxy/call_hooks; tried with LiteLLM 1.110.2.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from timegate.config import GatewayConfig
from timegate.config.given import as_config
from timegate.core.clock import SECOND_US, Clock, SystemClock
from timegate.core.timetable import Timetable
from timegate.errors import ConfigError, MissingExtraError

try:
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.types.router import RouterRateLimitError
except ImportError as error:
    raise MissingExtraError("this needs LiteLLM: pip install 'timegate[litellm]'") from error

__all__ = ["VARIABLE", "WindowRouting", "windows"]

logger = logging.getLogger("timegate")

VARIABLE = "TIMEGATE_CONFIG"
"""The environment variable that names the config of :data:`windows`."""


class WindowRouting(CustomLogger):  # type: ignore[misc]
    """Keeps LiteLLM's Router off deployments that are closed; those that the config does not name are always open.

    A deployment of LiteLLM is known by its ``model_name``. Who is closed falls back as LiteLLM's config says; with
    nobody open a call ends as LiteLLM's own ``RouterRateLimitError``. Awaited calls never ask a closed deployment.
    Blocking ones choose it and are refused, which LiteLLM counts as one of its attempts.

    Parameters
    ----------
    config : GatewayConfig or path
    clock : Clock, optional

    Raises
    ------
    ConfigError
        If the config cannot be read.
    """

    def __init__(self, config: GatewayConfig | str | Path, clock: Clock | None = None) -> None:
        super().__init__()
        read = as_config(config)
        self._places = {deployment.model_name: place for place, deployment in enumerate(read.deployments)}
        self._timetable = Timetable([deployment.hours for deployment in read.deployments])
        self._clock = clock or SystemClock()

    def _closed(self, deployments: Iterable[Mapping[str, Any]]) -> set[str]:
        open_ = self._timetable.segment_at(self._clock.now_us()).open
        names = {str(deployment.get("model_name")) for deployment in deployments}
        return {name for name in names if self._places.get(name, -1) >= 0 and self._places[name] not in open_}

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: Any,
        request_kwargs: Any = None,
        parent_otel_span: Any = None,
    ) -> list[Any]:
        """Return the deployments that are open: what an awaited call asks."""
        closed = self._closed(healthy_deployments)
        if closed:
            logger.debug("Closed by their windows: %s", sorted(closed))
        return [deployment for deployment in healthy_deployments if deployment.get("model_name") not in closed]

    def pre_call_check(self, deployment: dict[str, Any]) -> dict[str, Any]:
        """Refuse a deployment that is closed: what a blocking call asks, when it has chosen.

        Raises
        ------
        RouterRateLimitError
            LiteLLM's own; it falls back.
        """
        for name in self._closed([deployment]):
            now_us = self._clock.now_us()
            until_us = self._timetable.open_until(now_us, self._places[name])
            left_s = 0.0 if until_us is None else (until_us - now_us) / SECOND_US
            logger.debug("Closed by its windows: %r", name)
            raise RouterRateLimitError(name, cooldown_time=left_s, enable_pre_call_checks=False, cooldown_list=[])
        return deployment


@cache
def _from_environment() -> WindowRouting:
    path = os.environ.get(VARIABLE)
    if not path:
        raise ConfigError(f"the environment variable {VARIABLE} must name the config whose windows LiteLLM shall keep.")
    return WindowRouting(path)


windows: WindowRouting
"""The callback of the config that ``TIMEGATE_CONFIG`` names, read when somebody asks for it."""


def __getattr__(name: str) -> Any:
    if name == "windows":
        return _from_environment()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
