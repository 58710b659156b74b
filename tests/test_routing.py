"""The routing of one call as a generator."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from test_timetable import any_hours, instants, is_open

from timegate import ModelRouterError, Window
from timegate.core.clock import to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, NOBODY, OK
from timegate.core.deployment import Deployment
from timegate.core.router import LiveDraws, Router
from timegate.core.routing import DONE, TRY, Call
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


@examples(300)
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
