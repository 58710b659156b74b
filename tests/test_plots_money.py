"""What a replay cost over time: what was drawn, read back from the Axes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from test_bill import DEAR, MORNING, config, outage, trace
from test_price import CHEAP

import timegate as tg
from timegate import plots
from timegate.errors import InvalidTypeError, ReplayError, WindowError

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


def test_bands_have_their_names() -> None:
    """The legend names the bands that hold on the days drawn, and no others."""
    past = {"name": "last year", "until": "2026-01-01T00:00Z", "times": 3.0}
    bands = [{**MORNING, "name": "peak $"}, {"windows": [["20:00", "22:00"]], "times": 0.5, "name": "night"}, past]
    for said, label in ((bands, "a band of its price: peak $ and night"), ([MORNING], "a band of its price")):
        run = tg.replay(config({**DEAR, "bands": said}), trace("00:30", "23:30"))
        texts = [text.get_text() for text in plots.cost(run, "1h").get_legend().get_texts()]
        assert texts[1].replace("\\", "") == label


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


BEIJING = {"windows": [{"start": "00:00", "end": "04:00", "tz": "Asia/Shanghai", "days": "mon-fri"}], "times": 2.0}


def shades(ax: Axes) -> dict[tuple[int, int], str]:
    """Return the colour of each cell, by row and hour."""
    return {(round(box.get_y()), int(box.get_x())): to_hex(box.get_facecolor()) for box in ax.patches}


def test_dear_hours_are_deeper() -> None:
    """Of Beijing's nights the weekday is Beijing's: in UTC they are the evenings from Sunday to Thursday."""
    run = tg.replay(config({**DEAR, "bands": [BEIJING]}, CHEAP), trace("05:00", "16:30", "17:30", "17:40"))
    drawn = shades(plots.price_hours(run))
    assert len(drawn) == 7 * 24
    dear = {cell for cell, color in drawn.items() if color == drawn[0, 16]}
    assert dear == {(day, hour) for day in (6, 0, 1, 2, 3) for hour in range(16, 20)}
    local = shades(plots.price_hours(run, tz="Asia/Shanghai"))
    assert {cell for cell, color in local.items() if color == local[0, 0]} == {
        (d, h) for d in range(5) for h in range(4)
    }


def test_figures_are_shares_of_the_bill() -> None:
    """The figures in the cells are percent of what was paid, and the legend has the prices of a mean call."""
    run = tg.replay(config({**DEAR, "bands": [BEIJING]}, CHEAP), trace("05:00", "16:30", "17:30", "17:40"))
    ax = plots.price_hours(run)
    figures = {(int(text.get_position()[0]), int(text.get_position()[1])): text.get_text() for text in ax.texts}
    assert figures == {(5, 0): "14", (16, 0): "29", (17, 0): "57"}
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["0.0028 USD a call", "0.0056 USD a call, 2 times the least"]


def test_whose_hours_are_drawn() -> None:
    """Without a name, the one with bands; and one whose price never changes is pale all over."""
    run = tg.replay(config(DEAR, {**CHEAP, "bands": [BEIJING]}), trace("05:00"))
    assert plots.price_hours(run).get_legend().get_title().get_text().startswith("b:")
    assert len(set(shades(plots.price_hours(run, "a")).values())) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"deployment": "aa"}, ReplayError, "Did you mean 'a'"),
        ({"deployment": 3}, InvalidTypeError, "deployment must be a name"),
        ({"deployment": "b"}, ReplayError, "price of 'b' is unknown"),
        ({"deployment": "c"}, ReplayError, "price of 'c' is unknown at some hours"),
        ({"tz": "Beijing"}, WindowError, "Beijing"),
    ],
)
def test_hours_of_nobody(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    """A deployment that is not there or has no known price, and a zone that is none, are refused."""
    run = tg.replay(config(DEAR, None, {"input_per_mtok": 1.0}), trace("13:00"))
    with pytest.raises(error, match=words):
        plots.price_hours(run, **arguments)
    with pytest.raises(ReplayError, match="no deployment says a price"):
        plots.price_hours(tg.replay(config(None), trace("13:00")))
