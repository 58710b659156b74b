"""Monte Carlo: many random days, each reduced to a row of its figures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from timegate.config import GatewayConfig
from timegate.core.jit import jit
from timegate.core.router import Router
from timegate.engines import compiled
from timegate.engines.compiling import announced_compilation
from timegate.engines.kernel import Room, replay_calls
from timegate.engines.ordered import NOTHING, replay_in_order, shares
from timegate.engines.plan import make_plan, make_policies
from timegate.engines.progress import progress
from timegate.engines.record import Attempts, Calls, first_choice_by_name
from timegate.engines.threads import in_threads
from timegate.engines.totals import Totals, add_baseline, add_calls
from timegate.errors import InvalidTypeError, ReplayError, shown
from timegate.faults import RandomOutages, Scenario
from timegate.faults.injector import Injector
from timegate.gateway.live import ModelGateway
from timegate.pointer import guided
from timegate.prices.listed import PriceList
from timegate.runs.bill import lacking, warn_of_no_tokens
from timegate.runs.cluster import Client, run_in_order
from timegate.runs.parts import ledger_of_part, prices_of_router
from timegate.runs.prepare import from_files, prepare
from timegate.runs.replicas import MonteCarlo
from timegate.runs.waiting import Baseline
from timegate.traffic import Trace, Traffic
from timegate.traffic.drawn import FIRST, draw_arrivals, draw_tokens, stream_key

__all__ = ["monte_carlo"]

_BLOCK = 4096  # calls drawn and replayed at a time: their columns stay in the processor's cache
_AT_ONCE = 1 << 20  # calls between two looks at whether the user has interrupted
_BATCH = 50  # replicas to one task of a cluster
_FEW = 8  # replicas to one task of a thread, so that an interrupt is soon heard


@guided()
def monte_carlo(
    router: GatewayConfig | ModelGateway | Router | str | Path,
    traffic: Traffic | Trace | pd.DataFrame | pd.DatetimeIndex | str | Path,
    scenario: Scenario | str | Path | None = None,
    *,
    replicas: int = 1000,
    seed: int = 0,
    client: Client = None,
    threads: int | None = None,
) -> MonteCarlo:
    """Replay many random days.

    Parameters
    ----------
    router : GatewayConfig, ModelGateway, Router, or path of a config
    traffic : PoissonTraffic, EvenTraffic, RenewalTraffic, Trace, DataFrame, DatetimeIndex or path
        A process whose arrivals are drawn anew for each replica, or arrivals that are the same in all.
    scenario : Scenario or path, optional
        Its chance is drawn anew for each replica; its own seed is not used.
    replicas : int
    seed : int
        Replica *r* depends on ``seed`` and *r* alone: not on threads, processes, or how many others there are.
    client : "local", address or dask.distributed.Client, optional
        Where to compute. Default: in threads of this process. Needs ``pip install "timegate[scale]"``.
    threads : int, optional
        Without a client. Default: the number of cores that this process may use.

    Returns
    -------
    MonteCarlo

    Raises
    ------
    ScenarioError
        If a fault targets a deployment that is not there.
    ReplayError
        If ``replicas`` or ``seed`` is out of range, or the traffic has no tokens and the scenario needs them.

    Examples
    --------
    >>> import timegate as tg
    >>> config = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
    >>> traffic = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=200)
    >>> days = monte_carlo(config, traffic, tg.Scenario(faults=[tg.ErrorRate(target="strong", rate=0.1)]), replicas=50)
    >>> round(float(days.summary().loc["availability", "mean"]), 2)
    0.9
    """
    router, traffic, scenario = from_files(router, traffic, scenario)
    if not isinstance(traffic, Traffic | Trace):
        raise InvalidTypeError(
            f"traffic must be a process, such as PoissonTraffic, or a Trace. Got {type(traffic).__name__}."
        )
    if type(replicas) is not int or replicas < 2:
        raise ReplayError(f"replicas must be at least 2, and whole. Got {shown(replicas)}.")
    if type(seed) is not int or not 0 <= seed < 2**64:
        raise ReplayError(f"seed must lie between 0 and 2**64 - 1. Got {shown(seed)}.")
    prepared = prepare(router, traffic, scenario)
    routing, scenario = prepared.router, prepared.scenario
    in_order = shares(routing, prepared.injector)

    prices = prices_of_router(routing)
    warn_of_no_tokens(lacking(prices, traffic) if prices else ())
    batch = partial(_run_batch, partial(_run, routing, traffic, scenario, prices, seed))
    batches = [range(lo, min(lo + _BATCH, replicas)) for lo in range(0, replicas, _BATCH)]
    if client is None:
        rows = list(_here(batch, replicas, threads))
    else:
        results = progress(run_in_order(client, batch, batches), len(batches), unit="batch")
        rows = [row for batch_rows in results for row in batch_rows]
    provenance = {
        "seed": seed,
        "replicas": replicas,
        "config_hash": routing.fingerprint,
        "scenario_hash": scenario.model_copy(update={"seed": 0}).fingerprint,
        "traffic_hash": traffic.fingerprint,
        **({"price_hash": prices.fingerprint} if prices else {}),
    }
    days = pd.DataFrame(rows, index=pd.RangeIndex(replicas, name="replica"))
    if not (scenario.has_latency or days["wait_mean_s"].any()):
        times = ("latency_", "baseline_latency_", "wait_")
        days = days.drop(columns=[name for name in days if str(name).startswith(times)])
    return MonteCarlo(days, provenance, any(isinstance(f, RandomOutages) for f in scenario.faults) or in_order)


def _run_batch(run: Callable[[int], dict[str, Any]], replicas: Sequence[int]) -> list[dict[str, Any]]:
    return [run(replica) for replica in replicas]


def _here(
    run: Callable[[Sequence[int]], list[dict[str, Any]]], replicas: int, threads: int | None
) -> Iterator[dict[str, Any]]:
    with announced_compilation("the engine for random days"):
        first = run([0])  # before the threads, so that only one of them compiles
    yield from first
    batches = [range(lo, min(lo + _FEW, replicas)) for lo in range(1, replicas, _FEW)]
    for rows in in_threads(run, batches, threads, "batch"):
        yield from rows


def _run(
    router: Router,
    traffic: Traffic | Trace,
    scenario: Scenario,
    prices: PriceList | None,
    seed: int,
    replica: int,
) -> dict[str, Any]:
    """Replay one random day and return its figures."""
    own_seed = int(_hash(f"{seed}\0{replica}", 16), 16)
    scenario = scenario.model_copy(update={"seed": own_seed})
    injector, baseline = scenario.injector(router.deployments), Baseline(router, scenario)
    totals, money = Totals.zero(len(router.deployments)), dict[str, Any]()
    if prices is not None:
        money = _run_billed(router, traffic, injector, baseline, prices, own_seed, totals)
    elif shares(router, injector):
        _run_in_order(router, traffic, injector, baseline, own_seed, totals)
    else:
        _run_in_blocks(router, traffic, injector, baseline, own_seed, totals)
    return totals.figures(router.names, has_latency=True) | money


def _run_in_blocks(
    router: Router, traffic: Traffic | Trace, injector: Injector, baseline: Baseline, seed: int, totals: Totals
) -> None:
    """Replay one random day whose calls share nothing, as they are drawn."""
    if isinstance(traffic, Trace):
        work = _work(router, injector, baseline, traffic.span_us, traffic.preferred_names)
        answers = traffic.answer_tokens if injector.needs_tokens else NOTHING
        for lo in range(0, len(traffic), _AT_ONCE):
            part = slice(lo, lo + _AT_ONCE)
            lengths = answers[part] if len(answers) else answers
            _replay_arrivals(*work, lo, traffic.at_us[part], traffic.preferred[part], lengths, totals)
    else:
        process, edges_us = traffic.process, traffic.edges_us
        span_us = int(edges_us[0]), int(edges_us[-1]) - 1
        work = _work(router, injector, baseline, span_us, traffic.preferred_names)
        draws = traffic.token_draws("completion_tokens", seed) if injector.needs_tokens else None
        keys, state, more = stream_key(seed, "", "arrivals"), FIRST, True
        while more:
            state, more = _replay_process(*work, process, *keys, state, draws, totals)
    if not baseline.takes_time:
        totals.latencies[2, 0] = totals.outcomes.sum()


def _work(
    router: Router, injector: Injector, baseline: Baseline, span_us: tuple[int, int], preferred_names: Sequence[str]
) -> tuple[Any, ...]:
    """Return what :func:`_replay_block` works with; None in place of the baseline if it takes no time."""

    def of(router: Router, injector: Injector, names: Sequence[str]) -> tuple[Any, ...]:
        plan, block = make_plan(router, injector, span_us, names), Calls.empty(_BLOCK, not router.fixed_first)
        return plan, make_policies(router, injector), block, Attempts.empty(0), Room.of(plan)

    if not baseline.takes_time:
        return of(router, injector, preferred_names), None
    plain = of(baseline.router, baseline.injector, router.names)
    return of(router, injector, preferred_names), (*plain, np.empty(_BLOCK, np.int32))


def _run_billed(
    router: Router,
    traffic: Traffic | Trace,
    injector: Injector,
    baseline: Baseline,
    prices: PriceList,
    seed: int,
    totals: Totals,
) -> dict[str, Any]:
    """Replay one random day part by part, and bill each; the calls are those that are drawn without prices."""
    spent, first = None, 0
    parts: Iterable[Trace] = [traffic] if isinstance(traffic, Trace) else traffic.chunks(seed)
    if shares(router, injector) and (whole := list(parts)):
        parts = [Trace.concat(whole)]
    for trace in parts:
        calls = compiled.run(router, trace, injector, 1, first)
        _add(router, trace, calls, baseline, first, totals)
        more = ledger_of_part(router, injector, trace, calls, prices, 1, first).spent()
        spent, first = more if spent is None else spent.add(more, 0), first + len(trace)
    return {} if spent is None else spent.figures(first, int(totals.served.sum()), prices.currency)


def _run_in_order(
    router: Router, traffic: Traffic | Trace, injector: Injector, baseline: Baseline, seed: int, totals: Totals
) -> None:
    """Replay one random day whose calls touch each other; its arrivals are drawn as a whole."""
    parts = [traffic] if isinstance(traffic, Trace) else list(traffic.chunks(seed))
    if not parts:
        return
    trace = parts[0] if len(parts) == 1 else Trace.concat(parts)
    plan = make_plan(router, injector, trace.span_us, trace.preferred_names)
    calls = Calls.empty(len(trace), keeps_first=not router.fixed_first)
    replay_in_order(plan, make_policies(router, injector), trace, calls)
    _add(router, trace, calls, baseline, 0, totals)


def _add(router: Router, trace: Trace, calls: Calls, baseline: Baseline, first: int, totals: Totals) -> None:
    """Add calls of which the first has a number, and their baseline."""
    by_name = first_choice_by_name(trace.preferred_names, router)
    add_calls(totals, None, 0, 1, trace.at_us, trace.preferred, by_name, calls)
    baseline.add_to(totals, router, trace, calls, 1, first)


@jit()
def _replay_block(work, baseline, first, at_us, preferred, answers, totals):  # type: ignore[no-untyped-def]
    """Replay at most ``_BLOCK`` arrivals, of which the first has a number, and their baseline if it takes time."""
    plan, policies, block, none, room = work
    replay_calls(plan, policies, first, at_us, preferred, answers, block, none, room)
    add_calls(totals, None, 0, 1, at_us, preferred, plan.first_choice, block)
    if baseline is not None:
        plain, no_policies, instead, _, space, choices = baseline
        keeps_first = len(block.first_choice) > 0
        for i in range(len(at_us)):
            choices[i] = block.first_choice[i] if keeps_first else plan.first_choice[preferred[i] + 1]
        replay_calls(plain, no_policies, first, at_us, choices[: len(at_us)], answers, instead, none, space)
        add_baseline(totals, instead.latency_us[: len(at_us)])


@jit()
def _replay_arrivals(work, baseline, first, at_us, preferred, answers, totals):  # type: ignore[no-untyped-def]
    """Replay arrivals that are given, block by block; ``first`` is the number of the first call."""
    for lo in range(0, len(at_us), _BLOCK):
        hi = min(lo + _BLOCK, len(at_us))
        lengths = answers[lo:hi] if len(answers) > 0 else answers
        _replay_block(work, baseline, first + lo, at_us[lo:hi], preferred[lo:hi], lengths, totals)


@jit()
def _replay_process(work, baseline, process, k0, k1, state, draws, totals):  # type: ignore[no-untyped-def]
    """Draw and replay about ``_AT_ONCE`` arrivals; return the state, and whether there are more.

    ``draws`` is None, or what draws the answers' lengths in tokens.
    """
    at_us, preferred = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int32)
    for _ in range(_AT_ONCE // _BLOCK):
        first = state[0]
        size, state = draw_arrivals(process, k0, k1, state, at_us, preferred)
        if size:
            answers = np.empty(0, np.int64) if draws is None else draw_tokens(draws, first, size)
            _replay_block(work, baseline, first, at_us[:size], preferred[:size], answers, totals)
        if size < _BLOCK:
            return state, False
    return state, True


def _hash(text: str, digits: int = 12) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
