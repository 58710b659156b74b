"""Who may serve a call, in which order: and why not the others."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_routing import DAY, ERA, NAMES, NIGHT, closed_at_night, drive, router, some_hours
from test_timetable import instants, is_open

from tests.strategies import configs, examples, us
from timegate import Window
from timegate.core.clock import from_us, to_us
from timegate.core.deployment import Deployment
from timegate.core.router import Router
from timegate.core.timetable import Hours


@examples(100)
@given(
    st.sampled_from(["none", "own"]).flatmap(lambda policy: configs(ERA, policy)),
    st.lists(
        st.tuples(st.integers(0, 3 * 24 * 60), st.sampled_from([None, "", "strong", "weak", "nobody"])), max_size=20
    ),
)
def test_an_order_depends_on_no_call_before(config, asked):
    """What a router keeps of the orders that it has found gives what one that was never asked gives."""
    used = config.router()
    for minutes, preference in asked:
        at_us = us(ERA) + minutes * 60_000_000
        new = config.router()
        for draws in (None, FixedDraws()):
            found = used.order_and_first_choice(at_us, preference, draws)
            assert found == new.order_and_first_choice(at_us, preference, draws)
            assert sorted(found[0]) == list(new.timetable.segment_at(at_us).open)


class FixedDraws:
    """The same number always."""

    def order(self, place: int) -> float:
        return 0.9

    def backoff(self, deployment: int, tries: int) -> tuple[float, float]:
        return 0.9, 0.9


@pytest.mark.parametrize(
    ("preference", "order"),
    [(None, (1, 2)), ("spare", (2, 1)), ("strong", (1, 2)), ("weak", (1, 2)), ("nobody", (1, 2)), ("", (1, 2))],
)
def test_preference(preference, order):
    """The preferred deployment is tried first; a closed, unknown or empty preference is passed over."""
    assert router(closed_at_night, Hours(), Hours()).order(NIGHT, preference) == order


def test_explain():
    """The explanation has each deployment's place, the window that closes it, and until when."""
    routed = router(closed_at_night, Hours(available=(Window("09:00", "17:00", days=["mon"]),)), Hours())
    explained = routed.explain(NIGHT, "spare")
    assert explained.order == ["spare"]
    assert explained.note == ""
    assert explained.rows == [
        {
            "deployment": "weak",
            "provider": "of weak",
            "open": False,
            "place": None,
            "closed_by": "22:00-06:00 UTC",
            "until": from_us(to_us("2026-03-02T06:00:00.000001Z", "at")),
        },
        {
            "deployment": "strong",
            "provider": "of strong",
            "open": False,
            "place": None,
            "closed_by": "outside 09:00-17:00 UTC, mon",
            "until": from_us(to_us("2026-03-02T09:00Z", "at")),
        },
        {"deployment": "spare", "provider": "of spare", "open": True, "place": 1, "closed_by": "", "until": pd.NaT},
    ]


@given(some_hours, instants, st.sampled_from([None, *NAMES]))
def test_explain_agrees_with_route(each, at_us, preference):
    """The explained order is the one in which a call whose every attempt fails goes."""
    routed = router(*each)
    explained = routed.explain(at_us, preference)
    tried, _ = drive(routed, at_us, preference, {name: RuntimeError() for name in NAMES})
    assert explained.order == tried
    for row, hours in zip(explained.rows, each, strict=True):
        assert row["open"] == is_open(hours, at_us)
        if row["until"] is not pd.NaT:
            assert is_open(hours, to_us(row["until"], "until")) != row["open"]


def test_explain_says_what_became_of_the_preference():
    """A note says that the preferred deployment is closed, or unknown and what may have been meant."""
    routed = router(closed_at_night, Hours())
    assert routed.explain(NIGHT, "weak").note == "The preferred 'weak' is closed, and passed over."
    assert routed.explain(DAY, "strnog").note == "The preferred 'strnog' is unknown. Did you mean 'strong'?"
    assert routed.explain(DAY, "weak").note == ""


def test_explain_tells_every_window_that_closes():
    """Of several windows those that close at that instant are told, parted so that their own commas do not confuse."""
    closed = (Window("22:00", "06:00"), Window("12:00", "13:00"), Window("03:00", "04:00", days=["mon"]))
    hours = Hours(time_constraints=closed, available=(Window("00:00", "24:00"),))
    either = Hours(available=(Window("09:00", "17:00"), Window("18:00", "19:00", tz="Europe/Berlin")))
    rows = router(hours, either).explain(NIGHT).rows
    assert rows[0]["closed_by"] == "22:00-06:00 UTC; 03:00-04:00 UTC, mon"
    assert rows[1]["closed_by"] == "outside 09:00-17:00 UTC; 18:00-19:00 Europe/Berlin"


def test_explain_shows():
    """The explanation prints and shows as a table, headed by the answer."""
    routed = router(closed_at_night, Hours())
    explained = routed.explain(NIGHT, "weak")
    assert explained.headline == "At 2026-03-02 03:10 UTC: strong"
    assert str(explained).startswith(f"{explained.headline}\n{explained.note}\n")
    for shown in (str(explained), explained._repr_html_()):
        assert "22:00-06:00 UTC" in shown
        assert "2026-03-02 06:00" in shown
        assert "2026-03-02 06:00:00.000001" not in shown  # from which it is open, as the frame says
    assert "nobody" in router(closed_at_night).explain(NIGHT).headline
    frame = explained.frame
    assert frame["place"].tolist() == [pd.NA, 1]
    assert str(frame["until"].dtype).endswith("UTC]")
    assert explained.headline in explained._repr_html_()
    assert "<table" in explained._repr_html_()


def test_more_than_nine_deployments_keep_their_places():
    """Places are numbers: the tenth comes after the ninth."""
    routed = Router([Deployment.of(f"d{i}", "sim") for i in range(12)])
    assert routed.explain(DAY, "d11").order == ["d11", *(f"d{i}" for i in range(11))]


def test_fingerprint_tells_configs_apart():
    """Names, providers, windows, their kind and the order of deployments each change the fingerprint."""
    night, day = Window("22:00", "06:00"), Window("22:00", "06:00", days=["mon"])
    made = [
        [Deployment.of(name, provider, hours)]
        for name in ("a", "b")
        for provider in ("a", "b")
        for hours in (Hours(), Hours((night,)), Hours((day,)), Hours((), (night,)), Hours((night,), (day,)))
    ]
    made += [list(order) for order in permutations([Deployment.of(name, name) for name in "abc"])]
    assert len({Router(deployments).fingerprint for deployments in made}) == len(made)


def test_fingerprint_is_the_same_in_every_process():
    """Another process, with another hash seed, gives an equal config the same fingerprint."""
    code = (
        "from timegate import Deployment, Window\n"
        "from timegate.core.router import Router\n"
        "from timegate.core.timetable import Hours\n"
        "windows = Window('22:00', '06:00', days={'fri', 'mon', 'sun'}, except_dates={'2026-03-02', '2026-03-09'}),\n"
        "print(Router([Deployment.of('weak', 'sim', Hours(windows))]).fingerprint)"
    )
    found = {
        subprocess.check_output([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, text=True)
        for seed in "12"
    }
    window = Window("22:00", "06:00", days=["sun", "mon", "fri"], except_dates=["2026-03-09", "2026-03-02"])
    assert found == {Router([Deployment.of("weak", "sim", Hours((window,)))]).fingerprint + "\n"}
