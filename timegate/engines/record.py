"""What an engine records: one column a field, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from timegate.core.columns import BLOCKED, FAILED, FALLBACK, FIRST_CHOICE

__all__ = ["Attempts", "Calls", "classify", "columns_of", "first_choice_by_name", "first_choices"]

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Calls:
    """One row a call: 13 bytes.

    Attributes
    ----------
    served_by : ndarray of int16
        Index of the deployment, -1 for nobody.
    outcome : ndarray of int8
        Index into :data:`timegate.core.columns.OUTCOMES`.
    attempts : ndarray of int16
    latency_us : ndarray of int64
        From arrival to the answer, or to the error that the caller gets.
    """

    served_by: npt.NDArray[np.int16]
    outcome: npt.NDArray[np.int8]
    attempts: npt.NDArray[np.int16]
    latency_us: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, size: int) -> Self:
        """Return columns of a size, to be written."""
        return cls(
            np.empty(size, np.int16), np.empty(size, np.int8), np.empty(size, np.int16), np.empty(size, np.int64)
        )


@dataclass(frozen=True, slots=True)
class Attempts:
    """One row an attempt, in order of call and attempt.

    Attributes
    ----------
    call : ndarray of int64
    attempt : ndarray of int16
        1 for the first attempt of its call.
    deployment : ndarray of int16
    at_us : ndarray of int64
        When the attempt started.
    outcome : ndarray of int8
        Index into :data:`timegate.core.columns.ATTEMPT_OUTCOMES`.
    latency_us : ndarray of int64
    """

    call: npt.NDArray[np.int64]
    attempt: npt.NDArray[np.int16]
    deployment: npt.NDArray[np.int16]
    at_us: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    latency_us: npt.NDArray[np.int64]

    @classmethod
    def empty(cls, size: int) -> Self:
        """Return columns of a size, to be written."""
        return cls(*(np.empty(size, dtype) for dtype in cls._dtypes()))

    @classmethod
    def from_rows(cls, rows: list[tuple[int, int, int, int, int, int]]) -> Self:
        """Build the columns from rows of their values."""
        columns = zip(*rows, strict=True) if rows else [[] for _ in fields(cls)]
        return cls(*(np.array(column, dtype) for column, dtype in zip(columns, cls._dtypes(), strict=True)))

    @staticmethod
    def _dtypes() -> tuple[type[np.signedinteger[Any]], ...]:
        return np.int64, np.int16, np.int16, np.int64, np.int8, np.int64


def columns_of(record: Calls | Attempts, part: slice = slice(None)) -> tuple[Any, ...]:
    """Return the columns as the kernels take them."""
    return tuple(getattr(record, field.name)[part] for field in fields(record))


def first_choice_by_name(preferred_names: Sequence[str], names: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the first choice of calls that prefer nobody, and then that of each name.

    It is the deployment of that name, or else the first: who would serve if every window were open and nothing
    failed.
    """
    return np.array([0, *(names.index(name) if name in names else 0 for name in preferred_names)], np.int64)


def first_choices(
    preferred: npt.NDArray[np.int32], preferred_names: Sequence[str], names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Return each call's first choice."""
    return first_choice_by_name(preferred_names, names)[preferred + 1]


def classify(served_by: int, attempts: int, first_choice: int) -> int:
    """Return the code of a call's outcome."""
    if served_by == NOBODY:
        return FAILED if attempts else BLOCKED
    return FIRST_CHOICE if served_by == first_choice else FALLBACK
