"""Names that people guess: of arguments, and where there is no place for one."""

from __future__ import annotations

import doctest
import inspect
from typing import Any

import pytest

import timegate as tg
from timegate import plots, pointer
from timegate.errors import InvalidTypeError
from timegate.pointer import guided

CONFIG = tg.GatewayConfig(deployments=[{"model_name": "strong", "model": "sim/large"}])
TRACE = tg.Trace(["2026-03-02T03:10Z", "2026-03-02T09:00Z"])


@guided()
def simulate(traffic: str, replicas: int = 1000, *, tz: str = "UTC", **more: int) -> tuple[Any, ...]:
    """Simulate."""
    return traffic, replicas, tz, more


class Gauge:
    @guided(" It has a tz of its own.")
    def __init__(self, size: int = 1) -> None:
        self.size = size


def message(call: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(InvalidTypeError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_a_guided_function_is_what_it_was() -> None:
    """Arguments go through as they are, missing ones are told by Python, and help shows the signature."""
    assert simulate("a", 2, tz="Asia/Tokyo") == ("a", 2, "Asia/Tokyo", {})
    assert simulate.__doc__ == "Simulate."
    assert [*inspect.signature(simulate).parameters] == ["traffic", "replicas", "tz", "more"]
    assert Gauge(size=3).size == Gauge(3).size == 3
    with pytest.raises(TypeError, match="traffic"):
        simulate()  # type: ignore[call-arg]


def test_what_is_meant_is_named() -> None:
    """By a guess, whichever its case, else by the nearest name, else by the function's own hint, or by all names."""
    assert message(Gauge, 1, 2) == "Gauge has no place for 2. It has a tz of its own."
    assert message(Gauge, tz="UTC") == "Gauge takes no 'tz'. It has a tz of its own."

    @guided()
    def count(traffic: str, *, replicas: int = 1, tz: str = "") -> None: ...

    assert message(count, "a", N=3) == "count takes no 'N'. Did you mean 'replicas'?"
    assert message(count, "a", replica=3) == "count takes no 'replica'. Did you mean 'replicas'?"
    assert message(count, "a", foo=3) == "count takes no 'foo'. Known: 'traffic', 'replicas', 'tz'."
    assert message(count, "a", 5) == "count has no place for 5. By name it takes replicas, tz."


def test_more_keywords_are_let_through() -> None:
    """A function that takes any keyword is told of none but what is another spelling of one of its own."""
    assert simulate("a", foo=1) == ("a", 1000, "UTC", {"foo": 1})
    assert message(simulate, "a", timezone="UTC") == "simulate takes no 'timezone'. Did you mean 'tz'?"


@pytest.mark.parametrize(
    ("call", "args", "kwargs", "meant"),
    [
        (tg.Window, ("22:00", "06:00"), {"timezone": "Europe/Berlin"}, "tz"),
        (tg.Window, ("22:00", "06:00"), {"weekdays": ["mon"]}, "days"),
        (tg.Window, ("22:00", "06:00"), {"excpet_dates": []}, "except_dates"),
        (tg.monte_carlo, (CONFIG, TRACE), {"n": 10}, "replicas"),
        (tg.monte_carlo, (CONFIG, TRACE), {"days": 10}, "replicas"),
        (tg.monte_carlo, (CONFIG, TRACE), {"n_jobs": 2}, "threads"),
        (tg.replay, (CONFIG, TRACE), {"faults": []}, "scenario"),
        (tg.replay_stream, (CONFIG, [TRACE]), {"interval": "1h"}, "freq"),
        (tg.sweep, (CONFIG, TRACE, None), {"loads": [1]}, "load"),
        (tg.optimise, (CONFIG, TRACE), {"timezone": "UTC"}, "tz"),
        (tg.walk_forward, (CONFIG, TRACE), {"timezone": "UTC"}, "tz"),
        (tg.check, (CONFIG,), {"Now": "2026-03-02T00:00Z"}, "now"),
        (tg.gaps, (CONFIG,), {"zone": "UTC"}, "tz"),
        (tg.ScheduleEditor, (CONFIG,), {"timezone": "UTC"}, "tz"),
        (tg.ModelGateway, ([],), {"callbacks": []}, "observers"),
        (plots.day, (None,), {"palette": {}}, "colors"),
        (plots.heatmap, (None,), {"timezone": "UTC"}, "tz"),
    ],
)
def test_what_newcomers_write_is_understood(call: Any, args: Any, kwargs: dict[str, Any], meant: str) -> None:
    """The public functions know what is meant by usual names of other packages."""
    (given,) = kwargs
    assert message(call, *args, **kwargs) == f"{call.__name__} takes no {given!r}. Did you mean {meant!r}?"


def test_what_a_result_was_made_with_is_not_asked_again() -> None:
    """Bins and zone of a stream are those of its replay; a trace has its columns in its table."""
    stream = tg.StreamReplay(CONFIG.router(), tg.Scenario(), "1h", "UTC")
    for call, given in ((stream.bill, ("1D",)), (stream.share, ("1h",))):
        assert message(call, *given).endswith(
            "Its bins are as long as the freq that replay_stream was given, in its tz."
        )
    assert "as long as the freq" in message(stream.share, freq="1h")
    assert "stand in the table" in message(tg.Trace, ["2026-03-02T03:10Z"], model_preference=["strong"])
    assert message(tg.replay(CONFIG, TRACE, engine="stepped").summary, 0.9) == "summary has no place for 0.9."


def test_what_comes_from_elsewhere_is_told() -> None:
    """A run has the seed of its scenario, and a figure the size that its owner gave it."""
    assert message(tg.replay, CONFIG, TRACE, seed=1).endswith("the seed of the scenario: Scenario(seed=...).")
    own_size = message(plots.day, None, figsize=(3, 4))
    assert own_size == "day takes no 'figsize'. Pass the axes of a figure of yours: ax=..."


def test_every_public_function_is_guided() -> None:
    """Functions of the package and figures of plots, so that a new one is not forgotten."""
    functions = [getattr(module, name) for module in (tg, plots) for name in module.__all__]
    bare = {f.__name__ for f in functions if inspect.isfunction(f) and not hasattr(f, "__wrapped__")}
    assert bare == {"deployment_colors", "read_holidays", "read_incidents", "register_model"}  # take little but a value


def test_examples_run() -> None:
    """Decorated functions keep their examples."""
    assert doctest.testmod(pointer).attempted >= 6
