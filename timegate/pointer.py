"""Names that people guess, which say what to ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, NoReturn, ParamSpec, Self, TypeVar

from timegate.errors import InvalidTypeError
from timegate.problems import did_you_mean, shown

__all__ = ["Pointer", "guided", "instead_of"]

P = ParamSpec("P")
R = TypeVar("R")

_INSTEAD = {
    **dict.fromkeys(("load", "load_config", "read_config", "from_yaml", "Config"), "GatewayConfig.load(path)"),
    **dict.fromkeys(("read_csv", "read_json", "read_parquet", "load_trace"), "read_trace(path)"),
    **dict.fromkeys(("simulate", "simulation", "run", "backtest", "Simulator"), "replay(config, trace, scenario)"),
    **dict.fromkeys(("Gateway", "Router"), "ModelGateway, or GatewayConfig.build()"),
    **dict.fromkeys(("plot", "chart"), "plots, such as plots.day(run)"),
    **dict.fromkeys(("montecarlo", "mc", "simulate_many"), "monte_carlo(config, traffic, scenario)"),
    **dict.fromkeys(("validate", "lint", "verify"), "check(config)"),
    **dict.fromkeys(("stream", "replay_chunks"), "replay_stream(config, chunks)"),
    **dict.fromkeys(("Schedule", "TimeWindow", "TimeConstraint"), "Window(start, end)"),
    **dict.fromkeys(("Fault", "Failure"), "a kind of fault, such as Outage or ErrorRate"),
    **dict.fromkeys(("optimize_windows", "optimize_schedule"), "optimise(config, trace)"),
    **dict.fromkeys(("cost", "costs"), "run.bill(), or bill(config, trace) of recorded calls"),
}
"""What does what people look for in the package, by the names that they guess."""

_ARGUMENTS = {
    "client": ("cluster", "dask", "scheduler"),
    "colors": ("color", "colour", "colours", "palette"),
    "config": ("gateway", "router"),
    "days": ("day", "day_of_week", "weekday", "weekdays"),
    "freq": ("bin", "bins", "every", "frequency", "interval", "resolution"),
    "observers": ("callbacks", "hooks", "recorder"),
    "path": ("file", "filename"),
    "replicas": ("days", "iterations", "n", "n_days", "n_replicas", "n_runs", "runs", "samples"),
    "router": ("config", "gateway"),
    "scenario": ("failures", "faults", "outages"),
    "seed": ("random_state", "rng"),
    "threads": ("n_jobs", "processes", "workers"),
    "trace": ("arrivals", "calls", "traffic"),
    "traffic": ("arrivals", "calls", "process", "trace"),
    "tz": ("time_zone", "timezone", "tzinfo", "zone"),
}
"""Names of arguments, and what people write in their place."""

_ELSEWHERE = {
    **dict.fromkeys(("random_state", "rng", "seed"), "Chance has the seed of the scenario: Scenario(seed=...)."),
    **dict.fromkeys(("dpi", "fig", "figsize", "figure"), "Pass the axes of a figure of yours: ax=..."),
}
"""What people ask of functions that have it from elsewhere."""


def instead_of(name: str, known: Collection[str] = ()) -> str:
    """Return the end of a sentence that says what to use in place of a name of the package; empty if nobody can tell.

    What people look for under another name comes before the nearest of the names that are known.

    Examples
    --------
    >>> instead_of("load_config"), instead_of("Outages", ["Outage"]), instead_of("else")
    ('. Use timegate.GatewayConfig.load(path).', ". Did you mean 'Outage'?", '')
    """
    found = _INSTEAD.get(name)
    if found is None:  # tools ask for names that begin with _
        near = "" if name.startswith("_") or not known else did_you_mean(name, known)
        return f".{near}" if near else ""
    return f". Use {found}." if found.startswith(("a ", "run.")) else f". Use timegate.{found}."


def guided(hint: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function say which of its arguments is meant, where it is given a keyword or a place that it has not.

    Parameters
    ----------
    hint : str, optional
        What to say where that is none of its arguments.

    Raises
    ------
    InvalidTypeError
        By the function.

    Examples
    --------
    >>> @guided()
    ... def simulate(traffic, *, replicas=1000): ...
    >>> simulate("week.csv", n=10)
    Traceback (most recent call last):
        ...
    timegate.errors.InvalidTypeError: simulate takes no 'n'. Did you mean 'replicas'?
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters.values()
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        by_place = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        names = [name for name in (*by_place, *by_name) if name != "self"]
        guesses = {guess: name for name in reversed(names) for guess in _ARGUMENTS.get(name, ()) if guess not in names}
        own_name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @wraps(function)
        def told(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in names and not (takes_any and name.lower() not in guesses):
                    meant = guesses.get(name.lower())
                    way = f" Did you mean {meant!r}?" if meant else hint or _way(name, names)
                    raise InvalidTypeError(f"{own_name} takes no {name!r}.{way}")
            if len(args) > len(by_place):
                way = hint or (f" By name it takes {', '.join(by_name)}." if by_name else "")
                raise InvalidTypeError(f"{own_name} has no place for {shown(args[len(by_place)])}.{way}")
            return function(*args, **kwargs)

        return told

    return decorate


def _way(name: str, names: Collection[str]) -> str:
    """Return the end of a sentence that says what to do in place of a keyword that is none."""
    return f" {_ELSEWHERE[name]}" if name in _ELSEWHERE else did_you_mean(name, names)


class Pointer:
    """A name that objects of a class do not have, but that users look for; on the class itself it says so if called.

    Parameters
    ----------
    instead : str
        What does what they want.

    Examples
    --------
    >>> class Config:
    ...     from_yaml = Pointer("Config.load(path).")
    >>> hasattr(Config(), "from_yaml")
    False
    >>> Config.from_yaml("gateway.yaml")
    Traceback (most recent call last):
        ...
    AttributeError: Config has no 'from_yaml'. Use Config.load(path).
    """

    def __init__(self, instead: str) -> None:
        self.instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self.what = f"{owner.__name__} has no {name!r}."

    def __get__(self, instance: object, owner: type) -> Self:
        if instance is not None:
            self()
        return self

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Say what to use."""
        raise AttributeError(f"{self.what} Use {self.instead}")
