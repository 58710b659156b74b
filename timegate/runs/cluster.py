"""Work on a Dask cluster (``pip install "timegate[scale]"``)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, TypeVar

from timegate.errors import InvalidTypeError, MissingExtraError, ReplayError, shown

__all__ = ["Client", "run_in_order", "run_in_turn"]

Client = Any
"""``None`` for this process, ``"local"`` for a cluster on this machine, the address of a scheduler, or a
``dask.distributed.Client``."""

Item = TypeVar("Item")
Result = TypeVar("Result")
State = TypeVar("State")
_AHEAD = 8  # jobs in turn that are under way at a time


def run_in_order(client: Client, run: Callable[[Item], Result], jobs: Iterable[Item]) -> Iterator[Result]:
    """Run jobs on a cluster and yield their results in order.

    Only a few jobs for each worker are under way at a time, so their source need not fit in memory. A job whose
    worker dies is run again elsewhere. It gives the same result: no draw depends on a process.
    """
    with _connected(client) as connected:
        work = connected.submit(_itself, run, pure=False)  # a task, which Dask can make again; scattered data is lost
        limit = 4 * max(1, sum(connected.ncores().values()))
        under_way: deque[Any] = deque()
        for job in jobs:
            under_way.append(connected.submit(_apply, work, job, pure=False, retries=5))
            if len(under_way) >= limit:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def run_in_turn(
    client: Client, run: Callable[[State, Item], tuple[State, Result]], state: State, jobs: Iterable[Item]
) -> Iterator[Result]:
    """Run jobs on a cluster one after another, each with the state that the one before it left; yield their results.

    ``run`` leaves the state that it is given as it is: if a worker dies, its tasks are run again.
    """
    with _connected(client) as connected:
        left = connected.submit(_itself, state, pure=False)
        under_way: deque[Any] = deque()
        for job in jobs:
            both = connected.submit(run, left, job, pure=False, retries=5)
            left = connected.submit(itemgetter(0), both, pure=False)
            under_way.append(connected.submit(itemgetter(1), both, pure=False))
            if len(under_way) >= _AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _itself(what: Item) -> Item:
    return what


def _apply(work: Callable[[Any], Any], job: Any) -> Any:
    return work(job)


@contextmanager
def _connected(client: Client) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("a cluster needs Dask: pip install 'timegate[scale]'") from error
    if not isinstance(client, str | distributed.Client):
        raise InvalidTypeError(f"client must be 'local', an address or a dask.distributed.Client. Got {shown(client)}.")
    if isinstance(client, distributed.Client):
        yield client  # not ours to close
    elif client == "local":
        import dask

        with (
            # Dask gives a lost worker up for good if its successor has not begun by then, and waits for ever.
            dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),
            distributed.LocalCluster(threads_per_worker=1, dashboard_address=None) as cluster,
            distributed.Client(cluster) as local,
        ):
            yield local
    else:
        try:
            remote = distributed.Client(client)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            rule = "must be 'local', or the address of a scheduler, such as 'tcp://host:8786'"
            raise ReplayError(f"client {rule}. Got {client!r}: {reason}.") from error
        with remote:
            yield remote
