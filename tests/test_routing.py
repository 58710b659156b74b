"""The routing of one call as a generator; and its explanation."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_timetable import any_hours, instants, is_open

from tests.strategies import configs, us
from timegate import ModelRouterError, Window
from timegate.core.clock import from_us, to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, NOBODY, OK
from timegate.core.deployment import Deployment
from timegate.core.routing import DONE, TRY, Call, LiveDraws, Router
from timegate.core.timetable import Hours

NAMES = ("weak", "strong", "spare")
SERVER_ERROR = ATTEMPT_OUTCOMES.index("server_error")
DAY, NIGHT = to_us("2026-03-02T12:00Z", "at"), to_us("2026-03-02T03:10Z", "at")
ERA = datetime(2026, 3, 2, tzinfo=UTC)
closed_at_night = Hours(time_constraints=(Window("22:00", "06:00"),))
some_hours = st.lists(st.just(Hours()) | st.just(closed_at_night) | any_hours, min_size=2, max_size=3)


def router(*hours: Hours) -> Router:
    return Router([Deployment.of(name, f"of {name}", each) for name, each in zip(NAMES, hours, strict=False)])


def drive(router: Router, at_us: int, preference: str | None, errors: dict[str, Exception]) -> tuple[list[str], object]:
    """Drive a call by hand: who was tried, and who served or what was raised."""
    tried: list[str] = []
    call = Call(router, router.new_state(), at_us, preference, LiveDraws())
    steps = call.steps()
    action, index, _ = next(steps)
    while action == TRY:
        tried.append(router.names[index])
        kind = SERVER_ERROR if tried[-1] in errors else OK
        action, index, _ = steps.send((at_us, kind, 0, 0))
    assert action == DONE
    if call.served_by != NOBODY:
        return tried, router.names[call.served_by]
    return tried, call.error([errors[name] for name in tried])


@settings(max_examples=300)
@given(
    some_hours,
    instants,
    st.sampled_from([*NAMES, None, "", "nobody"]),
    st.sets(st.sampled_from(NAMES)),
)
def test_a_call_step_by_step(each, at_us, preference, down):
    """The open deployments are tried in order, the preferred one first, until one answers; else all are reported."""
    order = [name for name, hours in zip(NAMES, each, strict=False) if is_open(hours, at_us)]
    order.sort(key=lambda name: name != preference)  # stable
    errors = {name: RuntimeError(name) for name in down}
    tried, end = drive(router(*each), at_us, preference, errors)
    up = [name for name in order if name not in down]
    assert tried == (order[: order.index(up[0]) + 1] if up else order)
    if up:
        assert end == up[0]
    else:
        message = f"All {len(order)} available models failed" if order else "No model available due to time constraints"
        assert (type(end), end.message) == (ModelRouterError, message)
        assert end.exceptions == [errors[name] for name in order]
        assert end.model_info == [(name, f"of {name}", errors[name]) for name in order]


@settings(max_examples=100, deadline=None)
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


def test_nothing_is_asked_after_an_answer():
    """A generator that is dropped after a success has yielded once, and raises nothing when it is closed."""
    routed = router(Hours(), Hours())
    call = Call(routed, routed.new_state(), DAY, None, LiveDraws())
    steps = call.steps()
    assert next(steps)[:2] == (TRY, 0)
    steps.close()
    assert (call.served_by, call.attempts) == (NOBODY, ())


def test_availability_is_decided_once_at_arrival():
    """The order is that of the arrival, whatever the clock does during the call."""
    routed = router(closed_at_night, Hours())
    steps = Call(routed, routed.new_state(), DAY, None, LiveDraws()).steps()
    assert next(steps)[:2] == (TRY, 0)
    assert routed.order(NIGHT) == (1,)
    assert steps.send((NIGHT, SERVER_ERROR, 0, 0))[:2] == (TRY, 1)


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
        "from timegate.core.routing import Router\n"
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
