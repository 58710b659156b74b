"""Whose cache holds a part of a call's prompt: bills and capacities read it here.

Plain functions on plain numbers, as those of :mod:`timegate.core.policy`: kernels compile them as they stand.
"""

from __future__ import annotations

from typing import Any

__all__ = ["cached_at", "is_warm"]


def is_warm(deployment: Any, first_choice: Any) -> Any:
    """Return whether a deployment's cache is warm for a call: that of its first choice is, a fallback starts cold."""
    return deployment == first_choice


def cached_at(deployment: Any, first_choice: Any, cached: int) -> int:
    """Return how many of a prompt's tokens a deployment has in its cache, of those that a warm one has."""
    return cached if is_warm(deployment, first_choice) else 0
