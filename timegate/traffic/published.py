"""Figures of published traces, so that generated traffic looks like real traffic."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

__all__ = ["AZURE_2023_CODING_TOKENS", "AZURE_2024_CODING_HOURLY", "AZURE_2024_CODING_WEEK"]

AZURE_2024_CODING_HOURLY = (
    87, 84, 80, 65, 52, 42, 37, 31, 29, 30, 32, 48, 86, 148, 210, 225, 214, 247, 272, 276, 256, 189, 136, 102,
)  # fmt: skip
"""Thousands of requests in each UTC hour of a weekday: the coding trace of Azure 2024, read off the official
figure of github.com/Azure/AzurePublicDataset (CC-BY 4.0)."""

AZURE_2024_CODING_WEEK = (
    66, 67, 66, 58, 51, 39, 32, 31, 29, 29, 29, 46, 78, 143, 201, 231, 217, 245, 271, 280, 259, 202, 156, 111,
    101, 106, 94, 65, 54, 43, 35, 29, 27, 32, 34, 50, 93, 172, 242, 241, 214, 267, 297, 296, 268, 193, 144, 109,
    100, 90, 83, 74, 57, 44, 40, 31, 31, 28, 35, 49, 92, 157, 209, 232, 237, 257, 292, 300, 290, 207, 136, 107,
    93, 81, 86, 68, 52, 47, 42, 33, 31, 32, 33, 52, 98, 148, 218, 229, 225, 258, 284, 288, 257, 188, 133, 103,
    77, 78, 68, 58, 47, 40, 33, 30, 26, 29, 30, 40, 72, 119, 176, 197, 177, 205, 211, 219, 207, 155, 112, 76,
    61, 56, 47, 47, 39, 32, 27, 20, 14, 12, 10, 17, 26, 36, 43, 48, 52, 58, 62, 63, 57, 52, 57, 49,
    48, 51, 47, 44, 38, 31, 24, 16, 12, 12, 13, 15, 22, 28, 36, 44, 47, 48, 55, 57, 64, 67, 63, 61,
)  # fmt: skip
"""Thousands of requests in each UTC hour of a week, from Monday on: 2024-05-13 to 16, then 10 to 12, same source."""

AZURE_2023_CODING_TOKENS: Mapping[str, Any] = MappingProxyType(
    {"prompt_tokens": {"median": 1469, "p90": 5188}, "completion_tokens": {"median": 13, "p90": 55}}
)
"""Median and 90th percentile of tokens in the coding trace of Azure 2023 (8,819 requests, same source), as processes
take them: ``PoissonTraffic(start=..., calls=..., **AZURE_2023_CODING_TOKENS)``."""
