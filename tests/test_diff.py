"""Where two configs route differently, against zoneinfo at every edge and minute."""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from strategies import MICROSECOND, SPAN, _edges, configs, eras, examples, us
from test_timetable import is_open

import timegate as tg
from timegate.core.clock import from_us, to_us
from timegate.core.deployment import NOT_ROUTING
from timegate.core.settings import CallPolicy, Policy
from timegate.core.timetable import Hours
from timegate.errors import ConfigError, InstantError, InvalidValueError
from timegate.review import recurrence
from timegate.samples import CONFIG, sample

MINUTE = timedelta(minutes=1)
WEEK = ("2026-03-02T00:00Z", "2026-03-09T00:00Z")
STRONG = {"model_name": "strong", "model": "sim/large"}
WEAK = {"model_name": "weak", "model": "sim/small"}


def config(*deployments: dict[str, Any]) -> tg.GatewayConfig:
    return tg.GatewayConfig(deployments=list(deployments))


def order(given: tg.GatewayConfig, at_us: int, preferred: str | None) -> list[list[tuple[str, str, float]]]:
    """Return the deployments that a call would try, by the oracle and the rule of routing; those together of which
    chance decides who comes first, each with its share.
    """  # noqa: D205 - one thought
    keys: dict[tuple[bool, bool, float], list[tuple[str, str, float]]] = {}
    for place, d in enumerate(given.deployments):
        inside = bool(d.prefer_during) and is_open(Hours(available=d.prefer_during), at_us)
        key = (d.model_name != preferred, not inside, float(place) if d.priority is None else d.priority)
        if is_open(Hours(d.time_constraints, d.available), at_us):
            keys.setdefault(key, []).append((d.model_name, d.model, 1.0 if d.weight is None else d.weight))
    found = []
    for key in sorted(keys):
        drawn = sorted((d for d in keys[key] if d[2] > 0), key=lambda d: (-d[2], d[0]))
        total = sum(weight for *_, weight in drawn)
        found += [[(name, model, weight / total) for name, model, weight in drawn]] if drawn else []
        found += [[(name, model, 1.0)] for name, model, weight in keys[key] if weight == 0]
    return found


@st.composite
def pairs(draw: DrawFn) -> tuple[datetime, tg.GatewayConfig, tg.GatewayConfig]:
    """Two configs: unrelated, or the second with some deployments of the first, moved, or by another model."""
    era = draw(eras)
    one, other = (draw(configs(era, draw(st.sampled_from(["none", "own"])))) for _ in range(2))
    kept = draw(st.permutations(one.deployments)) if draw(st.booleans()) else list(one.deployments)
    if draw(st.booleans()):
        kept = [d.model_copy(update={"model": "acme/next"}) if draw(st.booleans()) else d for d in kept]
    names = {d.model_name for d in kept}
    mixed = [*kept, *(d for d in other.deployments if d.model_name not in names)][: draw(st.integers(1, 6))]
    return era, one, draw(st.sampled_from([other, tg.GatewayConfig(deployments=mixed, policy=one.policy)]))


@settings(max_examples=30)
@given(pairs(), st.integers(0, SPAN.days - 1))
def test_differs_exactly_where_zoneinfo_says(pair, day):
    """With and without preference, at every edge, a microsecond beside it, and by the minute: the orders are right."""
    era, one, two = pair
    start, end = era, era + SPAN
    frame = tg.diff(one, two, start, end).frame
    near = {at + by * MICROSECOND for at in _edges(one, era, None) | _edges(two, era, None) for by in (-1, 0, 1)}
    minutes = {era + timedelta(days=day) + i * MINUTE for i in range(1440)}
    names = {d.model_name: d.model for c in (two, one) for d in c.deployments}
    changed = {d.model_name for d in two.deployments if names[d.model_name] != d.model}

    def label(name: str, model: str) -> str:
        return f"{name} ({model})" if name in changed else name

    def written(found: list[list[tuple[str, str, float]]]) -> str:
        ranks = [
            re.sub(", (?!.*, )", " or ", ", ".join(f"{label(n, m)} {100 * share:.3g}%" for n, m, share in rank))
            if len(rank) > 1
            else label(*rank[0][:2])
            for rank in found
        ]
        return " -> ".join(ranks) or "nobody"

    bounds = {us(at) for at in (*frame["start"], *frame["end"])}
    fine = {us(at) for at in near} | {at + by for at in bounds for by in (-1, 0)}
    for preferred in (None, *names):
        rows = [
            *frame[frame["preferred"].isna() if preferred is None else frame["preferred"] == preferred].itertuples()
        ]
        lows, highs = [us(row.start) for row in rows], [us(row.end) for row in rows]
        assert all(us(start) <= low < high <= us(end) for low, high in zip(lows, highs, strict=True))
        for first, second in pairwise(rows):
            assert first.end < second.start or (first.end == second.start and first[5:] != second[5:])  # merged
        coarse = {us(at) for at in minutes} if preferred is None else set()
        for at in sorted(at for at in fine | coarse if us(start) <= at < us(end)):
            before, after = (order(c, at, preferred) for c in (one, two))
            place = bisect_right(lows, at) - 1
            assert (place >= 0 and at < highs[place]) == (before != after), (from_us(at), preferred)
            if before != after:
                row = rows[place]
                assert (row.order_before, row.order_after) == (written(before), written(after))
                for text, found in ((row.before, before), (row.after, after)):
                    assert pd.isna(text) if not found else text == written(found[:1])


@examples(100)
@given(eras.flatmap(lambda era: st.tuples(st.just(era), configs(era), st.randoms(use_true_random=False))))
def test_the_same_timetable_is_no_difference(drawn):
    """Windows in another order, twice, or cut in two at midnight or noon say the same, and so do descriptions."""
    era, given, luck = drawn
    data = given.to_dict()
    for deployment in data["deployments"]:
        deployment["description"] = "the same"
        for name in ("time_constraints", "available"):
            windows = deployment.get(name, [])
            windows += luck.sample(windows, len(windows) // 2)
            luck.shuffle(windows)
            for window in [w for w in windows if isinstance(w, list) and w[0] > w[1]]:
                windows.remove(window)
                windows += [[window[0], "24:00"], ["00:00", window[1]]]
    same = tg.diff(given, tg.GatewayConfig.model_validate(data), era, era + SPAN)
    assert not same
    assert len(same) == len(same.frame) == 0
    assert same.total_s == 0
    assert same.headline.startswith("Routing is the same, ")


def test_slices_make_no_difference(monkeypatch):
    """However little is compared at once, stretches that cross an edge are whole."""
    two = config(STRONG | {"time_constraints": [["22:00", "06:00"]]}, WEAK | {"available": [["00:30", "00:10"]]})
    one = config(STRONG, WEAK)
    whole = tg.diff(one, two, *WEEK).frame
    monkeypatch.setattr("timegate.review.diff._MOST_CELLS", 1)
    pd.testing.assert_frame_equal(tg.diff(one, two, *WEEK).frame, whole)
    assert len(whole) > 20


@pytest.mark.parametrize("included", [True, False])
def test_shared_instants_are_no_rows_of_their_own(included):
    """Where the ends of two windows meet, the words have no row for that instant, and none ends a microsecond late."""

    def handover(at: str) -> tg.GatewayConfig:
        closed, available = (
            {"start": start, "end": end, "end_included": included} for start, end in (("20:00", at), (at, "20:00"))
        )
        return config(STRONG | {"time_constraints": [closed]}, WEAK | {"time_constraints": [available]})

    found = tg.diff(handover("06:00"), handover("07:00"), *WEEK)
    assert set(found.recurring["when"]) == {"from 06:00 to 07:00 UTC every day"}
    shortest_us = (found.frame["end"] - found.frame["start"]).min() / pd.Timedelta(1, "us")
    assert shortest_us == (1 if included else 3_600_000_000)
    instant = tg.diff(config(STRONG), config(STRONG | {"time_constraints": [["12:00", "12:00"]]}), *WEEK)
    assert set(instant.recurring["when"]) == {"at 12:00 UTC every day"}  # which touches nothing


def test_microseconds():
    """Both ends of a window are included, to the microsecond, and so they are of the stretches."""
    one, two = (config(STRONG | {"time_constraints": [["22:00", end]]}, WEAK) for end in ("23:00", "23:01"))
    found = tg.diff(one, two, "2026-03-02T00:00Z", "2026-03-03T00:00Z")
    [row] = found.preferring(None).to_dict("records")
    assert row == {
        "preferred": row["preferred"],
        "start": pd.Timestamp("2026-03-02T23:00:00.000001Z"),
        "end": pd.Timestamp("2026-03-02T23:01:00.000001Z"),
        "duration_s": 60.0,
        "before": "strong",
        "after": "weak",
        "order_before": "strong -> weak",
        "order_after": "weak",
    }
    assert found.total_s == 60.0
    assert found


def test_preferences():
    """A call with a preference differs where its own order does."""
    found = tg.diff(config(STRONG, WEAK), config(WEAK, STRONG), *WEEK)
    assert found.frame["preferred"].isna().tolist() == [True]  # a preference comes first either way
    three = {"model_name": "third", "model": "sim/third"}
    found = tg.diff(config(STRONG, WEAK, three), config(WEAK, STRONG, three), *WEEK)
    assert [(*row,) for row in found.frame[["order_before", "order_after"]].itertuples(index=False)] == [
        ("strong -> weak -> third", "weak -> strong -> third"),
        ("third -> strong -> weak", "third -> weak -> strong"),
    ]
    assert found.preferring("third")["before"].tolist() == ["third"]
    assert len(found.preferring("strong")) == 0
    with pytest.raises(InvalidValueError, match=r"Got 'strnog'. Did you mean 'strong'"):
        found.preferring("strnog")


def test_another_model_is_another_deployment():
    """A model that changes under a name is a difference wherever it is open, and is said."""
    found = tg.diff(config(STRONG, WEAK), config(STRONG, WEAK | {"model": "openai/small"}), *WEEK)
    assert found.notes == ["'weak' calls openai/small in place of sim/small."]
    assert found.total_s == 7 * 86_400
    row = found.frame.iloc[0]
    assert (row["before"], row["after"]) == ("strong", "strong")
    assert (row["order_before"], row["order_after"]) == (
        "strong -> weak (sim/small)",
        "strong -> weak (openai/small)",
    )
    assert "- strong -> weak (sim/small)" in repr(found)


def test_the_model_type_counts():
    """A gateway of another model type calls other models under the same names."""
    one = config(STRONG)
    found = tg.diff(one, one.model_copy(update={"model_type": "text_embedder"}), *WEEK)
    assert found.total_s == 7 * 86_400
    assert found.notes == ["'strong' calls sim/large (text_embedder) in place of sim/large (chat_completion)."]


def test_new_and_removed():
    """Deployments that only one config has are said, and nobody is nobody."""
    found = tg.diff(config(STRONG), config(WEAK | {"available": [["08:00", "20:00"]]}), *WEEK)
    assert found.notes == ["'strong' is no longer there.", "'weak' is new."]
    assert found.frame["after"].isna().sum() == 3 * 8  # the nights, without and with either preference
    assert "+ nobody" in repr(found)


def test_the_week_by_default(monkeypatch):
    """Without a start, the week of the present instant from Monday 00:00 UTC is compared; without an end, a week."""
    for now, monday in (
        (datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"),
        (datetime(2026, 3, 8, 23, 59, 59, 999_999, tzinfo=UTC), "2026-03-02"),
        (datetime(1969, 12, 31, tzinfo=UTC), "1969-12-29"),
    ):
        monkeypatch.setattr("timegate.review.diff.SystemClock.now_us", lambda self, now=now: us(now))
        found = tg.diff(config(STRONG), config(WEAK))
        assert found.start.isoformat() == f"{monday}T00:00:00+00:00"
        assert found.end - found.start == timedelta(days=7)
    assert tg.diff(config(STRONG), config(WEAK), "2026-05-01T12:00Z").end.isoformat() == "2026-05-08T12:00:00+00:00"


def test_a_longer_span_in_words():
    """Over a year what recurs is one line, in the zone that needs the fewest."""
    two = config(STRONG | {"time_constraints": [{"start": "09:00", "end": "10:00", "tz": "Europe/Berlin"}]}, WEAK)
    found = tg.diff(config(STRONG, WEAK), two, "2026-01-01T00:00Z", "2027-01-01T00:00Z")
    assert found.recurring["when"].unique().tolist() == ["from 09:00 to 10:00 Europe/Berlin every day"]
    assert len(found.preferring(None)) == 365
    assert found.headline == "Routing differs for 365 h of 8,760 h, 2026-01-01 00:00 to 2027-01-01 00:00 UTC."


def test_text_and_html():
    """Text and HTML name the time, the notes and both orders; names are escaped."""
    odd = {"model_name": "<b>&", "model": "sim/x"}
    found = tg.diff(config(STRONG), config(odd, STRONG), *WEEK)
    assert repr(found) == (
        "Routing differs for 168 h of 168 h, 2026-03-02 00:00 to 2026-03-09 00:00 UTC.\n"
        "'<b>&' is new.\n"
        "at all times:\n  - strong\n  + <b>& -> strong\n"
        "at all times, if strong is preferred:\n  - strong\n  + strong -> <b>&"
    )
    html = found._repr_html_()
    assert "&lt;b&gt;&amp; -&gt; strong" in html
    assert "<b>&" not in html
    assert html.count(" style='text-align: left'") == 4 * 3
    same = tg.diff(config(odd), config(odd), *WEEK)
    assert repr(same) == "Routing is the same, 2026-03-02 00:00 to 2026-03-09 00:00 UTC."
    assert "table" not in same._repr_html_()


BOTH = [STRONG | {"priority": 1}, WEAK | {"priority": 1, "policy": {"max_retries": 1, "cooldown": {"failures": 2}}}]
FIELDS = {
    "model_name": "feeble",
    "model": "sim/tiny",
    "time_constraints": [["22:00", "06:00"]],
    "available": [["22:00", "06:00"]],
    "prefer_during": [["22:00", "06:00"]],
    "priority": 2,
    "weight": 3,
    "policy": {"max_retries": 2},
    "price": {"per_call": 1},
    "params": {"temperature": 0},
    "description": "small",
}
POLICIES = {
    "timeout_s": 5,
    "first_chunk_s": 1,
    "idle_s": 1,
    "max_retries": 3,
    "backoff": {"initial_s": 2},
    "retry_after_max_s": 1,
    "retry_after": "replace",
    "retry_after_beyond": "ignore",
    "retry_on": ["timeout"],
    "raise_on": ["auth"],
    "cooldown": {"failures": 3},
    "limits": {"concurrent": 1},
    "deadline_s": 9,
    "on_cut": "restart",
    "retry_budget": {"ratio": 0.5},
    "when_all_cool": "wait",
    "max_wait_s": 1,
    "max_cooled_share": 0.5,
}


def test_every_field_is_tried_here():
    """What follows knows each field of a deployment and of a policy."""
    assert set(FIELDS) == set(tg.Deployment.model_fields)
    assert set(POLICIES) == set(CallPolicy.model_fields) - {"preset"}  # which stands for others


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_of_a_deployment_that_decides_is_a_difference(field):
    """Whatever the hash of a config reads of a deployment is seen, and nothing else."""
    one, two = config(*BOTH), config(BOTH[0], BOTH[1] | {field: FIELDS[field]})
    found = tg.diff(one, two, *WEEK)
    assert bool(found) == (one.router().fingerprint != two.router().fingerprint) == (field not in NOT_ROUTING)
    assert found.headline.startswith("Routing is the same") != bool(found)


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in NOT_ROUTING])
def test_every_field_of_a_deployment_that_decides_reaches_the_gateway(field):
    """The gateway that a config builds routes by all of it."""
    given = config(BOTH[0], BOTH[1] | {field: FIELDS[field]})
    assert given.build().router.fingerprint == given.router().fingerprint


@pytest.mark.parametrize(
    ("field", "own"),
    [*((name, False) for name in POLICIES), *((name, True) for name in POLICIES if name in Policy.model_fields)],
)
def test_every_field_of_a_policy_is_a_difference(field, own):
    """A field of a policy is named with what it was, whether a deployment gives it or the config."""
    one, policy = config(STRONG, WEAK), {field: POLICIES[field]}
    two = (
        config(STRONG, WEAK | {"policy": policy})
        if own
        else tg.GatewayConfig(deployments=[STRONG, WEAK], policy=policy)
    )
    assert one.router().fingerprint != two.router().fingerprint
    for found in (tg.diff(one, two, *WEEK), tg.diff(two, one, *WEEK)):
        assert found
        assert len(found) == 0
        places = ["'weak': policy."] if own else ["'strong': policy.", "'weak': policy."]
        places = places if field in Policy.model_fields else ["policy."]
        assert [note.partition(field)[0] for note in found.notes] == places
        assert found.headline.startswith("The same deployments are tried in the same order, under other terms, ")


def test_fields_within_policies_are_named():
    """Only what differs is said, with both values; a default that one config gives and the other leaves out is none."""
    one = config(STRONG, WEAK | {"policy": {"max_retries": 0, "cooldown": {"failures": 2, "for_s": 30}}})
    two = tg.GatewayConfig(
        deployments=[STRONG, WEAK | {"policy": {"cooldown": {"failures": 3}, "limits": {"concurrent": 4}}}],
        policy={"deadline_s": 30, "timeout_s": 600},
    )
    found = tg.diff(one, two, *WEEK)
    assert found.notes == [
        "policy.deadline_s is 30.0 in place of None.",
        "'weak': policy.cooldown.failures is 3 in place of 2.",
        "'weak': policy.limits is Limits(concurrent=4) in place of None.",
    ]
    assert repr(found).splitlines()[1:] == found.notes
    assert "cooldown.failures" in found._repr_html_()
    cooled = config(STRONG, WEAK | {"policy": {"cooldown": {"failures": 2}}})
    assert re.fullmatch(
        r"'weak': policy\.cooldown is Cooldown\(failures=2, .*for_s=.*\) in place of None\.",  # the default, too
        tg.diff(config(STRONG, WEAK), cooled, *WEEK).notes[0],
    )


def test_chance_is_written_with_shares():
    """Deployments of one priority stand together, the heaviest first; those without weight follow as they stand."""
    three = [STRONG | {"priority": 1}, WEAK | {"priority": 1, "weight": 3}, WEAK | {"model_name": "c", "priority": 1}]
    found = tg.diff(config(*three), config(*three[:2], three[2] | {"weight": 0}), *WEEK)
    rows = found.frame.set_index(found.frame["preferred"].fillna(""))
    assert (rows.loc["", "before"], rows.loc["", "after"]) == (
        "weak 60%, c 20% or strong 20%",
        "weak 75% or strong 25%",
    )
    assert rows.loc["", "order_after"] == "weak 75% or strong 25% -> c"
    assert rows.loc["strong", "order_after"] == "strong -> weak -> c"
    assert not tg.diff(config(*three), config(*(d | {"weight": 2 * d.get("weight", 1)} for d in three)), *WEEK)
    assert not tg.diff(config(STRONG, WEAK), config(STRONG, WEAK | {"weight": 3, "priority": 9}), *WEEK)


def test_every_zone_at_once_is_told_within_bounds(monkeypatch):
    """A deployment in each IANA zone, all edited: clocks that agree are tried once, preferences on demand."""
    zones = sorted(available_timezones() - {"Factory", "localtime"})
    before, after = (
        config(
            *(
                {"model_name": tz, "model": "sim/a", "time_constraints": [{"start": start, "end": "06:00", "tz": tz}]}
                for tz in zones
            )
        )
        for start in ("22:00", "21:00")
    )
    tried = []
    grouped = recurrence._grouped
    monkeypatch.setattr(recurrence, "_grouped", lambda *given: tried.append(given[1]) or grouped(*given))
    found = tg.diff(before, after, *WEEK)
    assert found
    assert "Calls that prefer each of " in repr(found)
    assert len(found.recurring) * 100 > len(tried)  # of some 600 zones
    assert found.frame["preferred"].isna().all()
    asked = found.preferring("Europe/Berlin")
    assert set(asked["preferred"]) == {"Europe/Berlin"}
    assert (asked["before"] == "Europe/Berlin").any()


def test_zones_whose_clocks_agree_are_one():
    """Only zones that differ in the time looked at are tried, the first of each kind."""
    lo, hi, summer = (to_us(at, "at") for at in (*WEEK, "2026-08-01T00:00Z"))
    zones = ("UTC", "Africa/Abidjan", "Europe/Berlin", "Europe/Paris", "Africa/Algiers", "Asia/Tokyo")
    assert recurrence._different(zones, lo, hi) == ("UTC", "Europe/Berlin", "Asia/Tokyo")
    assert recurrence._different(zones, lo, summer) == ("UTC", "Europe/Berlin", "Africa/Algiers", "Asia/Tokyo")


def test_long_tables_are_cut():
    """Of many patterns the first are printed, and the others counted."""
    luck = random.Random(1)  # noqa: S311 - for tests
    windows = [[f"{h:02}:{luck.randrange(30):02}", f"{h:02}:{luck.randrange(30, 60)}"] for h in range(24)]
    found = tg.diff(config(STRONG, WEAK), config(STRONG | {"time_constraints": windows}, WEAK), *WEEK)
    assert len(found.recurring) == 48
    assert repr(found).count("\n  - ") == 40
    assert repr(found).endswith("and 8 more; all stretches stand in .frame.")
    assert "and 8 more" in found._repr_html_()


def test_paths(tmp_path):
    """Either config may be a path, and a bad one is refused as by load."""
    path = tmp_path / "gateway.yaml"
    tg.GatewayConfig.load(sample(CONFIG)).save(path)
    assert not tg.diff(sample(CONFIG), str(path), *WEEK)
    with pytest.raises(ConfigError, match="no such file"):
        tg.diff(path, tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("2026-03-02T00:00Z", "2026-03-02T00:00Z", "^end must lie after start"),
        ("2026-03-02T00:00Z", "2026-03-01T00:00Z", "^end must lie after start"),
        ("2026-03-02", None, "^start must carry a zone"),
        ("2026-03-02T00:00Z", "2026-03-03", "^end must carry a zone"),
        (1, None, "^start must be an aware datetime"),
        ("2199-12-31T00:00Z", None, "^end must lie in the years 1900 to 2199"),
    ],
)
def test_refused_spans(start, end, problem):
    """A span that is no span is refused by the name of the parameter."""
    with pytest.raises(InstantError, match=problem):
        tg.diff(config(STRONG), config(WEAK), start, end)
