"""Slots of a week in local time, and the windows that they become."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timegate as tg
from timegate.core.clock import DAY_US, from_us
from timegate.core.timetable import Hours, Timetable
from timegate.errors import InvalidTypeError, ReplayError, WindowError
from timegate.optimize.grid import Grid
from timegate.optimize.program import closes
from timegate.optimize.schedule import (
    allowed_states,
    open_today,
    split_fixed,
    windows_of_slots,
    with_windows,
)

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
STEPS = ["15min", "1h", "6h", "1D"]
grids = st.builds(Grid.of, st.sampled_from(["week", "day"]), st.sampled_from(STEPS), st.sampled_from(ZONES))
instants = st.lists(st.integers(1_770_000_000_000_000, 1_800_000_000_000_000), min_size=1, max_size=50).map(sorted)


@given(grid=grids, at_us=instants)
def test_a_slot_is_local_weekday_and_time(grid: Grid, at_us: list[int]) -> None:
    """The slot is that of the wall clock, by zoneinfo."""
    found = grid.slot_of(np.array(at_us)).tolist()
    for at, slot in zip(at_us, found, strict=True):
        local = from_us(at).astimezone(ZoneInfo(grid.tz)).replace(tzinfo=None)
        since = timedelta(
            local.weekday() if grid.days == 7 else 0, local.hour * 3600 + local.minute * 60 + local.second
        )
        assert slot == since // timedelta(microseconds=grid.step_us)


@given(grid=grids, data=st.data(), at_us=instants)
def test_windows_close_what_the_slots_close(grid: Grid, data: st.DataObject, at_us: list[int]) -> None:
    """Whatever the slots, over changes of the clocks too: a deployment is open iff its slot is."""
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    closed = rng.random(len(grid)) < data.draw(st.sampled_from([0.0, 0.1, 0.5, 0.95, 1.0]))
    windows = windows_of_slots(closed, grid)
    segments = Timetable([Hours(time_constraints=windows)]).compile(at_us[0], at_us[-1] + 1)
    at = np.array(at_us)
    assert (segments.open[segments.index(at), 0] == ~closed[grid.slot_of(at)]).all()


@given(grid=grids, seed=st.integers(0, 99))
def test_today_is_read_back(grid: Grid, seed: int) -> None:
    """Who is open in the middle of each slot is what the windows were made of."""
    closed = np.random.default_rng(seed).random((len(grid), 2)) < 0.5
    hours = [Hours(time_constraints=windows_of_slots(column, grid)) for column in closed.T]
    wednesday = 1_772_409_600_000_000 - 12 * DAY_US  # of a week in which no clock changes
    assert (open_today(Timetable(hours), grid, wednesday) == ~closed).all()


def test_a_week_as_a_person_writes_it() -> None:
    """The same hours of several days are one window; whole days are days; the rest says on which weekday it ends."""
    hours = Grid.of("week", "1h", "UTC")
    nights = np.zeros((7, 24), bool)
    nights[:, 22:] = nights[:, :6] = True
    assert windows_of_slots(nights.ravel(), hours) == (tg.Window("22:00", "06:00", end_included=False),)
    weekend = np.zeros((7, 24), bool)
    weekend[5:] = True
    assert windows_of_slots(weekend.ravel(), hours) == (tg.Window("00:00", "24:00", days=["sat", "sun"]),)
    weekend[4, 18:] = weekend[0, :8] = True
    long = tg.Window("18:00", "mon 08:00", days=["fri"], end_included=False)
    assert windows_of_slots(weekend.ravel(), hours) == (long,)
    assert closes(~np.stack([nights.ravel(), weekend.ravel()], axis=1)).sum(axis=0).tolist() == [7, 1]
    day = Grid.of("day", "1h", "Asia/Tokyo")
    assert windows_of_slots(nights[0], day) == (tg.Window("22:00", "06:00", tz="Asia/Tokyo", end_included=False),)
    assert windows_of_slots(np.ones(24, bool), day) == (tg.Window("00:00", "24:00", tz="Asia/Tokyo"),)
    assert windows_of_slots(np.zeros(24, bool), day) == ()


def test_windows_get_names() -> None:
    """Each window is named by when it is; names of today are kept while they are used; others keep their windows."""
    base = {"model": "sim/a"}
    config = tg.GatewayConfig(
        windows={"maintenance": ["02:00", "04:00"], "gone": ["05:00", "06:00"]},
        deployments=[
            {"model_name": "a", **base, "time_constraints": ["gone"]},
            {"model_name": "b", **base, "time_constraints": ["maintenance"], "available": [["00:00", "20:00"]]},
            {"model_name": "c", **base},
        ],
    )
    night, weekend = tg.Window("22:00", "06:00"), tg.Window("00:00", "24:00", days=["sat", "sun"])
    late, later = tg.Window("18:00", "20:00"), tg.Window("19:00", "21:00")
    changed = with_windows(config, {"a": (night, weekend, late), "c": (late, later)})
    assert changed.windows == {
        "maintenance": tg.Window("02:00", "04:00"),
        "night": night,
        "weekend": weekend,
        "evening": late,
        "evening-2": later,
    }
    assert changed.deployments[1] == config.deployments[1]
    assert changed.to_dict()["deployments"][0]["time_constraints"] == ["night", "weekend", "evening"]
    assert tg.GatewayConfig.model_validate(changed.to_dict()) == changed


@pytest.mark.parametrize(
    ("window", "name"),
    [
        (tg.Window("06:00", "10:00"), "morning"),
        (tg.Window("12:00", "17:00"), "afternoon"),
        (tg.Window("08:00", "18:00"), "day"),
        (tg.Window("01:00", "05:00"), "night"),
        (tg.Window("00:00", "24:00"), "always"),
        (tg.Window("00:00", "24:00", days=["mon", "tue"]), "days"),
        (tg.Window("18:00", "mon 08:00", days=["fri"]), "weekend"),
    ],
)
def test_names(window: tg.Window, name: str) -> None:
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    assert list(with_windows(config, {"a": (window,)}).windows) == [name]


def test_what_is_fixed_forbids_slots() -> None:
    """A window that is fixed leaves one state to its slots, and both to the others."""
    grid = Grid.of("week", "6h", "UTC")
    stay, rules = split_fixed(["b", ("a", "closed", {"start": "18:00", "end": "06:00", "days": ["sun"]})], ["a", "b"])
    assert stay == ["b"]
    rules += split_fixed([("a", "open", ["06:00", "12:00"])], ["a"])[1]  # the slot of its end is not asked for
    may_open, may_close = allowed_states(rules, ["a"], grid)
    assert np.flatnonzero(~may_open[:, 0]).tolist() == [0, 27]  # Sunday evening and, across the week's end, Monday
    assert np.flatnonzero(~may_close[:, 0]).tolist() == list(range(1, 28, 4))


@pytest.mark.parametrize(
    ("fixed", "said"),
    [
        ("strong", "fixed must be a list"),
        ([("strong", "closed")], r"fixed\[0\] must be the name of a deployment, or like"),
        (["strnog"], r"fixed\[0\] must name a deployment. Got 'strnog'. Did you mean 'strong'\?"),
        ([("strong", "shut", ["01:00", "02:00"])], r"fixed\[0\] must say 'open' or 'closed'"),
        ([("strong", "open", ["1", "2"])], r"fixed\[0\]: .*HH:MM"),
        (["strong", ("strong", "open", ["01:00", "02:00"])], "contradicts itself: the windows of 'strong' stay"),
    ],
)
def test_bad_fixed(fixed: object, said: str) -> None:
    with pytest.raises((ReplayError, InvalidTypeError), match=said):
        split_fixed(fixed, ["strong", "weak"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([("open", {"start": "00:00", "end": "06:00"}), ("closed", {"start": "05:00", "end": "07:00"})],
         r"'a' must be open and closed on Mon at 05:00 UTC"),
        ([("open", {"start": "00:00", "end": "06:30"})], "begin and end on slots"),
        ([("open", {"start": "00:00", "end": "06:00", "since": "2026-01-01"})], "recur every week"),
        ([("open", {"start": "00:00", "end": "06:00", "days": ["mon#1"]})], "recur every week"),
        ([("open", {"start": "00:00", "end": "06:00", "tz": "Asia/Tokyo"})], "in the zone of the slots, 'UTC'"),
    ],
)  # fmt: skip
def test_fixed_windows_that_cannot_be(windows: list[tuple[str, dict[str, object]]], said: str) -> None:
    rules = [("a", state, window | {"end_included": False}) for state, window in windows]
    with pytest.raises(ReplayError, match=said):
        allowed_states(split_fixed(rules, ["a"])[1], ["a"], Grid.of("week", "1h", "UTC"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("month", "1h", "UTC"), "period must be 'week' or 'day'. Got 'month'"),
        (("week", "7min", "UTC"), "divide a day.*Got '7min'. The nearest is '6min'"),
        (("week", "90s", "UTC"), "step must be whole minutes"),
        (("week", "often", "UTC"), "step must be a fixed length"),
        (("week", "2D", "UTC"), "The nearest is '1440min'"),
    ],
)
def test_bad_grids(arguments: tuple[str, str, str], said: str) -> None:
    with pytest.raises(ReplayError, match=said):
        Grid.of(*arguments)
    with pytest.raises(WindowError, match="tz must be"):
        Grid.of("week", "1h", "Mars")


@pytest.mark.parametrize(
    ("period", "step", "groups"),
    [
        ("week", "15min", [24, 48, 168, 336, 672]),
        ("week", "30min", [24, 48, 168, 336]),
        ("week", "20min", [24, 48, 168, 504]),
        ("week", "2h", [12, 24, 84]),
        ("day", "10min", [24, 48, 144]),
        ("day", "6h", [4]),
    ],
)
def test_each_rung_is_finer(period: str, step: str, groups: list[int]) -> None:
    """Slots are tied ever less, each time within the ties before, and in the end not at all."""
    grid = Grid.of(period, step, "UTC")
    rungs = list(grid.ties())
    assert [len(set(tie.tolist())) for _, tie in rungs] == groups
    assert len({words for words, _ in rungs}) == len(rungs)
    for (_, coarse), (_, fine) in pairwise(rungs):
        assert len({*zip(coarse.tolist(), fine.tolist(), strict=True)}) == len(set(fine.tolist()))
    numbered = [sorted(set(tie.tolist())) == list(range(len(set(tie.tolist())))) for _, tie in rungs]
    assert all(numbered)
