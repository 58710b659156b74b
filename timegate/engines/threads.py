"""Work in the threads of this process; the kernels let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from timegate.engines.progress import progress
from timegate.errors import ReplayError, shown

__all__ = ["in_threads"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(run: Callable[[Item], Result], jobs: Sequence[Item], threads: int | None, unit: str) -> Iterator[Result]:
    """Run jobs and yield their results in order, with a progress bar.

    Parameters
    ----------
    threads : int, optional
        Default: the number of cores that this process may use.
    """
    if threads is None:
        # Not every system says which cores a process may use.
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if type(threads) is not int or threads < 1:
        raise ReplayError(f"threads must be a whole number, at least 1. Got {shown(threads)}.")
    if len(jobs) <= 1:
        yield from map(run, jobs)
        return
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from progress(pool.map(run, jobs), len(jobs), unit=unit)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # an interrupt waits for the jobs under way alone
            raise
