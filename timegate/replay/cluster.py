"""Batches of work on a Dask cluster (``pip install "timegate[scale]"``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar

from timegate.errors import MissingExtraError
from timegate.replay.progress import progress

__all__ = ["Client", "run_batches"]

Client = Any
"""``None`` for this process, ``"local"`` for a cluster on this machine, the address of a scheduler, or a
``dask.distributed.Client``."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_batches(client: Client, run: Callable[[Item], Result], batches: Sequence[Item]) -> list[Result]:
    """Run batches on a cluster and return their results in order.

    A batch whose worker dies is run again elsewhere. It gives the same result: no draw depends on a process.
    """
    with _connected(client) as connected:
        work = connected.scatter(run, broadcast=True, hash=False)
        futures = connected.map(_apply, batches, work=work, pure=False, retries=5)
        return [future.result() for future in progress(iter(futures), len(futures), unit="batch")]


def _apply(batch: Any, work: Callable[[Any], Any]) -> Any:
    return work(batch)


@contextmanager
def _connected(client: Client) -> Iterator[Any]:
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("a cluster needs Dask: pip install 'timegate[scale]'") from error
    if isinstance(client, distributed.Client):
        yield client  # not ours to close
    elif client == "local":
        with distributed.LocalCluster(threads_per_worker=1) as cluster, distributed.Client(cluster) as local:
            yield local
    else:
        with distributed.Client(client) as remote:
            yield remote
