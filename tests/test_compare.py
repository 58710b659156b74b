"""Two results side by side."""

from __future__ import annotations

import pytest

import timegate as tg
from timegate.errors import InvalidTypeError, ReplayError

TRACE = tg.PoissonTraffic(start="2026-03-02T00:00Z", calls=500).trace(1)
ONE = tg.GatewayConfig(
    deployments=[
        {"model_name": "a", "model": "sim/a", "time_constraints": [["22:00", "06:00"]]},
        {"model_name": "b", "model": "sim/b"},
    ]
)
OTHER = tg.GatewayConfig(deployments=[{"model_name": "b", "model": "sim/b"}, {"model_name": "c", "model": "sim/c"}])


def test_figures_stand_side_by_side_with_their_difference() -> None:
    """Each number of the summaries has its two values and ``b - a``; an absent deployment serves a share of 0."""
    a, b = tg.replay(ONE, TRACE), tg.replay(OTHER, TRACE)
    table = tg.compare(a, b)
    for name in ("calls", "fallback", "availability", "share[b]"):
        expected = [a.summary()[name], b.summary()[name], b.summary()[name] - a.summary()[name]]
        assert table.loc[name].tolist() == pytest.approx(expected)
    assert table.loc["share[a]", "b"] == 0
    assert table.loc["share[c]", "a"] == 0
    assert "seed" not in table.index
    assert "engine" not in table.index


def test_columns_can_be_named() -> None:
    """Labels name the two columns; the figures are the same."""
    a, b = tg.replay(ONE, TRACE), tg.replay(OTHER, TRACE)
    named = tg.compare(a, b, labels=("today", "tomorrow"))
    assert list(named.columns) == ["today", "tomorrow", "difference"]
    assert named.rename(columns={"today": "a", "tomorrow": "b"}).equals(tg.compare(a, b))


@pytest.mark.parametrize(
    ("labels", "error"),
    [("ab", InvalidTypeError), ((1, 2), InvalidTypeError), (("a",), ReplayError), (("a", "a"), ReplayError)],
)
def test_labels_must_be_two_names(labels: object, error: type[Exception]) -> None:
    """Labels that are not two different names are an error that shows how they look."""
    run = tg.replay(ONE, TRACE)
    with pytest.raises(error, match=r"labels must be two .* \('before', 'after'\)\. Got "):
        tg.compare(run, run, labels=labels)  # type: ignore[arg-type]
    with pytest.raises(ReplayError, match="must not hold 'difference'"):
        tg.compare(run, run, labels=("a", "difference"))


def test_what_is_not_paired_is_refused() -> None:
    """Another trace, another seed or another kind of thing is one clear error."""
    run = tg.replay(ONE, TRACE)
    with pytest.raises(ReplayError, match="not paired: trace_hash"):
        tg.compare(run, tg.replay(ONE, tg.Trace(TRACE.frame.head(3))))
    with pytest.raises(ReplayError, match="not paired: seed is 0 and 9"):
        tg.compare(run, tg.replay(ONE, TRACE, tg.Scenario(seed=9)))
    for other in (None, 1, tg.monte_carlo(ONE, TRACE, replicas=2)):
        with pytest.raises(InvalidTypeError, match="compare takes two Replay or two MonteCarlo"):
            tg.compare(run, other)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"Configs are compared by timegate\.diff\.$"):
        tg.compare(ONE, OTHER)  # type: ignore[arg-type]


def test_monte_carlo_is_paired_by_replica() -> None:
    """Of two Monte Carlo results it gives the paired differences."""
    a, b = (tg.monte_carlo(config, TRACE, replicas=3, seed=2) for config in (ONE, OTHER))
    assert tg.compare(a, b).equals(a.compare(b))
