"""Checks of a config: what is valid, and still not what its owner can have meant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np

from timegate.clock import DAY_US, Instant, SystemClock, to_us
from timegate.config.findings import Finding, Findings
from timegate.config.model import GatewayConfig

__all__ = ["check"]


def check(
    config: GatewayConfig | str | Path,
    horizon: timedelta | float | tuple[Instant, Instant] | None = None,
    *,
    now: Instant | None = None,
) -> Findings:
    """Find what a valid config does that its owner may not have meant."""
    if not isinstance(config, GatewayConfig):
        config = GatewayConfig.load(config)
    now_us = SystemClock().now_us() if now is None else to_us(now, "now")
    found = []
    for i, deployment in enumerate(config.deployments):
        for field in ("time_constraints", "available"):
            for index, window in enumerate(getattr(deployment, field)):
                if window.start == window.end:
                    found.append(
                        Finding(
                            "TG301",
                            f"deployments[{i}] {deployment.model_name!r}: {field}[{index}]",
                            f"The window is the single instant {window.start}.",
                            "Give it an end after its start; for the whole day write 00:00 to 24:00.",
                            deployment.model_name,
                            field,
                            index,
                        )
                    )
    return Findings(found, np.array([[now_us, now_us + 366 * DAY_US]]))
