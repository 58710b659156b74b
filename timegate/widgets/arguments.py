"""What the editor accepts as config, scenario, trace and date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from timegate.config import GatewayConfig
from timegate.config.given import as_config as config_given
from timegate.core.clock import DAY_US
from timegate.errors import InvalidTypeError, WindowError, shown
from timegate.faults import Scenario
from timegate.problems import Problem
from timegate.runs import prepare
from timegate.runs.prepare import from_files
from timegate.traffic import Trace
from timegate.widgets import live

__all__ = ["as_config", "as_date", "as_scenario", "as_trace", "first_date"]


def as_config(value: Any) -> GatewayConfig:
    """Return a config that is valid, whoever made it; from a mapping or a path too."""
    if isinstance(value, GatewayConfig):
        try:
            data = value.to_dict()
        except Exception as error:  # made without validation, by model_construct or model_copy
            raise InvalidTypeError(f"config holds what no config may: {error}") from error
        checked = GatewayConfig.model_validate(data)
        return value if value == checked else checked  # the one that was loaded knows its comments
    return GatewayConfig.model_validate(dict(value)) if isinstance(value, Mapping) else config_given(value)


def as_scenario(value: Any) -> Scenario:
    """Return a scenario, from a mapping or a path too; None is the one in which nothing happens."""
    if isinstance(value, Mapping):
        return Scenario.model_validate(dict(value))
    return prepare.as_scenario(from_files(None, None, value)[2])


def as_trace(value: Any) -> Trace | None:
    """Return a trace, from a table or a path too, or None."""
    return None if value is None else prepare.as_trace(from_files(None, value, None)[1])


def as_date(value: Any) -> str:
    """Return a date as ISO text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    try:
        found = date.fromisoformat(value)
    except (TypeError, ValueError):
        found = date.min
    if not 1902 <= found.year <= 2197:
        raise WindowError(Problem(("day",), f"must be a date like '2026-03-02'. Got {shown(value)}."))
    return found.isoformat()


def first_date(trace: Trace | None, scenario: Scenario, tz: str) -> str:
    """Return the date on which the axis begins: that of the traffic, or of the first fault, or today."""
    if trace is not None and len(trace):
        first_us, last_us = trace.span_us
        # Where a UTC day is traced, the date that holds most of it, and not the evening before.
        return live.local_date(min(first_us + DAY_US // 2, (first_us + last_us) // 2), tz).isoformat()
    for fault in scenario.faults:
        if fault.start is not None:
            return fault.start.astimezone(ZoneInfo(tz)).date().isoformat()
    return datetime.now(tz=ZoneInfo(tz)).date().isoformat()
