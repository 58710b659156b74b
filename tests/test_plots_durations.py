"""The lengths of outages against their fit: what was drawn, read back from the Axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from drawn import assert_labels_keep_apart, assert_nothing_is_cut, texts
from matplotlib import pyplot as plt
from scipy import stats

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError
from timegate.incidents.decisions import Decisions
from timegate.incidents.outages import OutageFit

pytestmark = pytest.mark.usefixtures("closed_figures")

LENGTHS_S = np.sort(np.random.default_rng(3).lognormal(np.log(2600), 1.2, 60))
CANDIDATES = pd.DataFrame(
    {"mttr_s": [5000.0, 5300.0, 5100.0], "shape": [1.2, 0.8, np.nan], "aic": [1000.1, 1011.0, 1020.0]},
    index=["lognormal", "weibull", "exponential"],
)


def frozen(distribution: str, mean_s: float, shape: float) -> Any:
    """Return scipy's distribution of this mean and shape."""
    if distribution == "exponential":
        return stats.expon(scale=mean_s)
    kind = stats.lognorm(shape) if distribution == "lognormal" else stats.weibull_min(shape)
    return type(kind)(kind.dist, shape, scale=mean_s / kind.mean())


def fitted(distribution: str = "lognormal", lengths_s: Any = LENGTHS_S) -> OutageFit:
    """Return a fit that chose a distribution."""
    row = CANDIDATES.loc[distribution]
    counts = pd.Series(dtype=np.int64)
    return OutageFit(
        mtbf_s=1e6,
        mttr_s=row["mttr_s"],
        distribution=distribution,  # type: ignore[arg-type]
        shape=None if np.isnan(row["shape"]) else row["shape"],
        durations_s=np.array(lengths_s),
        candidates=CANDIDATES.loc[[distribution, *CANDIDATES.index.drop(distribution)]],
        by_page=pd.DataFrame(),
        overlap=pd.DataFrame(),
        starts_by_hour=counts,
        starts_by_weekday=counts,
        tz="UTC",
        decisions=Decisions(),
    )


@pytest.mark.parametrize("given", [LENGTHS_S, LENGTHS_S[::-1].tolist(), pd.Series(LENGTHS_S), fitted()])
def test_the_steps_are_the_survival_function_of_the_data(given: object) -> None:
    """At each length the steps have the share of outages that last at least so long, whatever form they come in."""
    (steps,) = [line for line in plots.durations(given).lines if line.get_drawstyle() == "steps-pre"]
    x, y = steps.get_data()
    for length_s, share in zip(x[1:-1], y[1:-1], strict=True):
        assert share == pytest.approx((length_s <= LENGTHS_S).mean())
    assert sorted(x[1:-1]) == sorted(LENGTHS_S)
    assert y[0] == 1


def test_the_percentiles_of_the_fit_are_marked_beside_those_of_the_data() -> None:
    """Dots lie on the curve at p50, p90 and p99, and their notes have the figures of fit and data."""
    ax = plots.durations(fitted())
    at = ax.collections[0].get_offsets()
    wanted = frozen("lognormal", 5000, 1.2).ppf([0.5, 0.9, 0.99])
    assert np.allclose(at, np.column_stack([wanted, [0.5, 0.1, 0.01]]))
    data = np.quantile(LENGTHS_S, [0.5, 0.9, 0.99])
    assert [text.get_text() for text in ax.texts] == [
        f"p50 {wanted[0] / 60:.3g} min (data {data[0] / 60:.3g} min)",
        f"p90 {wanted[1] / 3600:.3g} h (data {data[1] / 3600:.3g} h)",
        f"p99 {wanted[2] / 3600:.3g} h (data {data[2] / 3600:.3g} h)",
    ]


def test_data_alone_has_its_own_percentiles() -> None:
    """Without a fit the dots are the percentiles of the data, and there is no curve."""
    ax = plots.durations(LENGTHS_S)
    assert np.allclose(ax.collections[0].get_offsets()[:, 0], np.quantile(LENGTHS_S, [0.5, 0.9, 0.99]))
    assert len(ax.lines) == 1
    assert texts(ax) == ["60 outages"]


@pytest.mark.parametrize("chosen", ["exponential", "lognormal", "weibull"])
def test_the_curves_are_those_of_scipy(chosen: str) -> None:
    """Each distribution is drawn as its survival function, the chosen one first, the others pale and dashed."""
    ax = plots.durations(fitted(chosen))
    curves = [line for line in ax.lines if line.get_drawstyle() == "default"]
    assert [line.get_linestyle() for line in curves] == ["-", "--", ":"]
    names = [label.split(" ")[0] for label in texts(ax)[1:]]
    assert names == [chosen, *CANDIDATES.index.drop(chosen)]
    assert texts(ax)[1] == f"{chosen} (AIC {CANDIDATES.loc[chosen, 'aic']:,.1f})"
    for name, line in zip(names, curves, strict=True):
        x, y = line.get_data()
        assert np.allclose(y, frozen(name, *CANDIDATES.loc[name, ["mttr_s", "shape"]]).sf(x), rtol=1e-6)
    assert len({line.get_color() for line in curves}) == 2


@pytest.mark.parametrize("size", [(4, 2.5), (8, 4.5), (14, 3), (4, 7)])
@pytest.mark.parametrize(
    "given",
    [
        [600.0],
        [600.0] * 5,
        LENGTHS_S,
        LENGTHS_S / 1e5,
        np.concatenate([LENGTHS_S, 2000 * LENGTHS_S]),
        [3600.0, 3700.0],
        [1.0, 4e8],
        fitted(),
        fitted("exponential", lengths_s=[60, 70.0]),
    ],
    ids=["one", "equal", "data", "milliseconds", "two kinds", "near", "far", "fit", "fit of two"],
)
def test_any_lengths_can_be_drawn(given: object, size: tuple[float, float]) -> None:
    """From one outage to many, from milliseconds to years, there are ticks in units of time, and nothing is cut."""
    _, ax = plt.subplots(figsize=size, layout="constrained")
    assert plots.durations(given, ax=ax) is ax
    assert_nothing_is_cut(ax)
    assert_labels_keep_apart(ax)
    low, high = ax.get_xlim()
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert 1 <= sum(low <= at <= high for at in ax.get_xticks()) <= 25
    assert all(label.split(" ")[1] in ("s", "min", "h", "d") for label in labels if label)
    x = next(line for line in ax.lines if line.get_drawstyle() == "steps-pre").get_xdata()
    assert low <= min(x)
    assert max(x) <= high


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (None, InvalidTypeError, "must be an OutageFit, or"),
        ("fit", InvalidTypeError, "must be an OutageFit, or"),
        ({"a": 1}, InvalidTypeError, "must be an OutageFit, or"),
        (5.0, InvalidTypeError, "must be an OutageFit, or"),
        ([[1.0, 2.0]], InvalidTypeError, "a list of lengths"),
        ([], ReplayError, "at least one length"),
        ([1.0, 0.0], ReplayError, "above 0, in seconds. Got 0.0"),
        ([1.0, -5.0], ReplayError, "Got -5.0"),
        ([1.0, np.nan], ReplayError, "Got nan"),
        ([1.0, np.inf], ReplayError, "Got inf"),
        (tg.presets.outages("openai-api"), InvalidTypeError, "must be an OutageFit, or"),
    ],
)
def test_only_lengths_and_fits_are_drawn(given: object, error: type[Exception], message: str) -> None:
    """What holds no lengths of outages is an error that says what was given, and leaves no figure behind."""
    with pytest.raises(error, match=message):
        plots.durations(given)  # type: ignore[arg-type]
    assert not plt.get_fignums()
