"""Names that people guess, which say what to ask for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn, Self

from timegate.problems import did_you_mean

__all__ = ["Pointer", "instead_of"]

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
