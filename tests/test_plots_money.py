"""What a replay cost over time: what was drawn, read back from the Axes."""

from __future__ import annotations

import pandas as pd
import pytest
from test_bill import DEAR, MORNING, config, outage, trace

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_stacks_add_up_to_the_bill() -> None:
    """Each bin is as high as its bill, deployment by deployment, and the legend has the totals."""
    run = tg.replay(config(DEAR, DEAR), trace("05:00", "13:00", "15:00"), outage("a", "14:00", "16:00"))
    ax = plots.cost(run, "1h")
    heights = [patch.get_data() for patch in ax.patches]
    drawn = [(values - (base if base is not None else 0)).sum() for values, _, base in heights]
    assert drawn == pytest.approx(run.bill("1h").sum().tolist())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["b  0.0028 USD", "a  0.0056 USD"]
    assert ax.get_ylabel() == "USD per 1h"


def test_bands_are_drawn_where_they_hold() -> None:
    """The strip of a deployment spans its band, in UTC, and stands above the stack."""
    run = tg.replay(config({**DEAR, "bands": [MORNING]}), trace("00:30", "23:30"))
    ax = plots.cost(run, "1h")
    (bars,) = ax.collections
    box = bars.get_datalim(ax.transData)
    start = pd.Timestamp("2026-03-02").toordinal() - pd.Timestamp("1970-01-01").toordinal()
    assert [box.x0 - start, box.x1 - start] == pytest.approx([0.25, 0.5])
    assert box.y0 > 0.0028
    assert box.y1 < ax.get_ylim()[1]


def test_what_is_unknown_is_said() -> None:
    """The legend counts answers whose cost is unknown."""
    run = tg.replay(config(DEAR, None), trace("13:00", "15:00"), outage("a", "14:00", "16:00"))
    texts = [text.get_text() for text in plots.cost(run).get_legend().get_texts()]
    assert texts == ["a  0.0028 USD", "unknown: 1"]


def test_bad_input() -> None:
    """A replay without prices, a length that is none, and what is no replay are errors."""
    run = tg.replay(config(DEAR), trace("13:00"))
    with pytest.raises(ReplayError, match="no deployment says a price"):
        plots.cost(tg.replay(config(None), trace("13:00")))
    with pytest.raises(ReplayError, match="freq"):
        plots.cost(run, "often")
    with pytest.raises(InvalidTypeError, match="freq"):
        plots.cost(run, 5)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="run"):
        plots.cost("run")  # type: ignore[arg-type]
