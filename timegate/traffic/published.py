"""Figures of published traces, so that generated traffic looks like real traffic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["AZURE_2023_CODING_TOKENS", "AZURE_2024_CODING_HOURLY"]

AZURE_2024_CODING_HOURLY = (
    87, 84, 80, 65, 52, 42, 37, 31, 29, 30, 32, 48, 86, 148, 210, 225, 214, 247, 272, 276, 256, 189, 136, 102,
)  # fmt: skip
"""Thousands of requests in each UTC hour of a weekday: the coding trace of Azure 2024, read off the official
figure of github.com/Azure/AzurePublicDataset (CC-BY 4.0)."""

AZURE_2023_CODING_TOKENS: Mapping[str, Any] = MappingProxyType(
    {"prompt_tokens": {"median": 1469, "p90": 5188}, "completion_tokens": {"median": 13, "p90": 55}}
)
"""Median and 90th percentile of tokens in the coding trace of Azure 2023 (8,819 requests, same source), as processes
take them: ``PoissonTraffic(start=..., calls=..., **AZURE_2023_CODING_TOKENS)``."""
