"""Random gateways, traces and scenarios, as hypothesis strategies.

An *era* is a midnight in UTC. The windows, faults and arrivals of one case lie within a few days of it, so that
they meet; around some eras the clocks change. :func:`cases` draws all that a replay takes.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, get_args
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

import timegate as tg
from timegate.core.columns import ProviderError
from timegate.core.spelling import DAYS
from timegate.faults import kinds as kinds_of_fault
from timegate.faults.fault import Failure, Fault

NAMES = ("strong", "weak", "backup", "naïve model", "a,b", "yes")
PROVIDERS = ("sim", "openai", "acme")
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca",
)  # fmt: skip
ERAS = (
    datetime(1969, 12, 31, tzinfo=UTC),  # the epoch's eve
    datetime(2024, 2, 28, tzinfo=UTC),  # a leap day
    datetime(2026, 3, 2, tzinfo=UTC),  # an ordinary Monday
    datetime(2026, 3, 28, tzinfo=UTC),  # Europe springs forward
    datetime(2026, 4, 4, tzinfo=UTC),  # Lord Howe falls back, by half an hour
    datetime(2026, 10, 31, tzinfo=UTC),  # America falls back
)
SPAN = timedelta(days=3)
KINDS: dict[str, type[Fault]] = {
    kind.model_fields["type"].default: kind for kind in map(vars(kinds_of_fault).get, kinds_of_fault.__all__) if kind
}
WEIBULL = {"distribution": "weibull", "shape": 0.6}
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

eras = st.sampled_from(ERAS)
zones = st.sampled_from(ZONES)
times = st.sampled_from(["00:00", "00:01", "06:00", "12:00", "22:00", "23:59"]) | st.builds(
    "{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)
)


def examples(count: int, **others: Any) -> settings:
    """Let a property be tried on so many examples, or on as many as the variable ``TIMEGATE_EXAMPLES`` says."""
    return settings(max_examples=int(os.environ.get("TIMEGATE_EXAMPLES", count)), **others)


class Case(NamedTuple):
    """What a replay takes."""

    config: tg.GatewayConfig
    trace: tg.Trace
    scenario: tg.Scenario


@st.composite
def _windows(draw: DrawFn, era: datetime) -> tg.Window:
    near = [(era + timedelta(n)).date() for n in range(-2, SPAN.days + 2)]
    dates = st.sampled_from(near)
    start, end = draw(times), draw(times | st.just("24:00"))
    weekdays = st.sampled_from(DAYS)
    if draw(st.integers(0, 3)):  # most are plain
        since, until = draw(st.just((None, None)) | st.tuples(st.none() | dates, st.none() | dates))
        if since and until and until < since:
            since, until = until, since
        days = draw(st.none() | st.lists(weekdays, min_size=1, unique=True))
        return tg.Window(start, end, draw(zones), days, since, until, draw(st.just(()) | st.lists(dates, max_size=2)))
    nths = dates.map(lambda day: f"{day:%a}#{(day.day - 1) // 7 + 1}") | st.builds("{}#-1".format, weekdays)
    holidays = draw(st.none() | st.sampled_from(["DE-BY", "US"]) | st.lists(dates, min_size=1))
    ends_on = draw(st.just("") | st.just("") | weekdays)
    return tg.Window(
        start,
        f"{ends_on} {end}".strip(),
        draw(zones),
        [draw(weekdays)] if ends_on else draw(st.none() | st.lists(nths | weekdays, min_size=1, unique=True)),
        except_dates=draw(st.just(()) | st.lists(dates, max_size=2)),
        months=draw(st.none() | st.just(f"{era:%b}")),
        days_of_month=draw(st.none() | st.lists(dates.map(lambda day: day.day) | st.just(-1), min_size=1)),
        holidays=holidays,
        on_holidays="skip" if holidays is None else draw(st.sampled_from(["skip", "only"])),
        end_included=start == end or draw(st.booleans()),
    )


@cache
def windows(era: datetime) -> SearchStrategy[tg.Window]:
    """Windows of every form: daily or not, across midnight or days, with and without zones and all that dates say."""
    return _windows(era)


@cache
def deployments(era: datetime) -> SearchStrategy[dict[str, Any]]:
    """Return provider and windows of deployments that have no name yet."""
    return st.fixed_dictionaries(
        {
            "model": st.sampled_from(PROVIDERS).map("{}/model".format),
            "time_constraints": st.lists(windows(era), max_size=3),
            "available": st.just([]) | st.just([]) | st.lists(windows(era), max_size=2),  # often none is open
        }
    )


kinds = st.lists(st.sampled_from(["timeout", "rate_limit", "server_error", "connection", "auth"]), unique=True)


@st.composite
def policies(draw: DrawFn, shared: bool) -> dict[str, Any]:
    """Policies of a deployment, with or without what calls share."""
    made: dict[str, Any] = {"timeout_s": draw(st.sampled_from([None, 600.0, 1.0, 0.05]))}
    if draw(st.sampled_from([False, False, True])):
        made["first_chunk_s"] = draw(st.sampled_from([0.5, 0.01, 30.0]))
    if draw(st.booleans()):
        made |= {"max_retries": draw(st.integers(0, 3)), "retry_on": draw(kinds | st.just(["server_error", "timeout"]))}
        made["retry_after_max_s"] = draw(st.sampled_from([0.0, 10.0, 60.0]))
        made["retry_after"] = draw(st.sampled_from(["lengthen", "replace"]))
        made["retry_after_beyond"] = draw(st.sampled_from(["move_on", "ignore"]))
        made["backoff"] = {
            "initial_s": draw(st.sampled_from([0.0, 0.5, 30.0])),
            "base": draw(st.sampled_from([2.0, 1.0, 3.7])),
            "max_s": 3600.0,
            "minus_one": draw(st.booleans()),
            "before_fallback": draw(st.booleans()),
            "before_failing": draw(st.booleans()),
            **draw(st.sampled_from([{"jitter": "full"}, {"jitter": "none"}, {"lo": 0.8, "hi": 1.2, "cap_s": 0.7}])),
            "add_s": draw(st.sampled_from([0.0, 0.75])),
        }
    if draw(st.sampled_from([False, False, True])):
        made["raise_on"] = draw(kinds)
    if shared and draw(st.booleans()):
        made["limits"] = {
            "concurrent": draw(st.sampled_from([None, 1, 3])),
            "requests_per_min": draw(st.sampled_from([None, 1, 60])),
            "tokens_per_min": draw(st.sampled_from([None, 3000])),
        }
    if shared and draw(st.booleans()):
        made["cooldown"] = {
            "for_s": draw(st.sampled_from([1.0, 600.0, 20_000.0])),
            "on": draw(kinds | st.just(["server_error", "timeout", "rate_limit"])),
            "at_once": draw(st.just([]) | kinds),
            "from_retry_after": draw(st.booleans()),
            "retry_after_is_length": draw(st.booleans()),
            "ends_retries": draw(st.booleans()),
            "probes": draw(st.sampled_from([None, 1, 2])),
            "growth": draw(st.sampled_from([1.0, 2.0])),
            "growth_s": draw(st.sampled_from([0.0, 5.0])),
            "max_s": draw(st.sampled_from([None, 40_000.0])),
            **draw(
                st.sampled_from(
                    [
                        {"failures": 1},
                        {"failures": 3, "consecutive": True},
                        {"failures": 2, "within_s": 900.0},
                        {"failures": 3, "within_s": 7200.0, "window": "from_first"},
                        {"failure_ratio": 0.5, "min_calls": 2},
                        {"failures": 4, "failure_ratio": 1.0},
                    ]
                )
            ),
        }
    return made


@st.composite
def call_policies(draw: DrawFn, shared: bool) -> dict[str, Any]:
    """Policies of a config."""
    made = draw(policies(shared))
    made["deadline_s"] = draw(st.sampled_from([None, None, 2.0, 900.0]))
    if shared:
        made["when_all_cool"] = draw(st.sampled_from(["pass_over", "wait", "use"]))
        made["max_wait_s"] = draw(st.sampled_from([1.0, 3600.0]))
        made["max_cooled_share"] = draw(st.sampled_from([1.0, 0.5]))
        if draw(st.sampled_from([False, True])):
            ratio = draw(st.sampled_from([0.1, 1.0]))
            reserve = {
                "min_per_s": draw(st.sampled_from([0.0, 0.1])),
                "ttl_s": draw(st.sampled_from([1.0, 10.0, 900.0])),
            }
            made["retry_budget"] = {"ratio": ratio} | reserve
    return made


@st.composite
def configs(draw: DrawFn, era: datetime, policy: str = "none") -> tg.GatewayConfig:
    """Gateways of one to six deployments by one to three providers.

    ``policy`` is ``"none"``, ``"own"`` for what touches no other call, or ``"shared"``.
    """
    names = draw(st.permutations(NAMES))[: draw(st.integers(1, len(NAMES)))]
    entries = [{"model_name": name} | draw(deployments(era)) for name in names]
    if policy == "none":
        return tg.GatewayConfig(deployments=entries)
    shared = policy == "shared"
    for entry in entries:
        entry["priority"] = draw(st.sampled_from([None, None, 1.0, 2.0]))
        entry["weight"] = draw(st.sampled_from([None, 0.0, 3.0]))
        entry["prefer_during"] = draw(st.just([]) | st.lists(windows(era), max_size=1))
        entry["policy"] = draw(st.none() | policies(shared))
    return tg.GatewayConfig(deployments=entries, policy=draw(call_policies(shared)))


@st.composite
def scenarios(
    draw: DrawFn, config: tg.GatewayConfig, era: datetime, latencies: bool = False, capacities: bool = False
) -> tg.Scenario:
    """Up to six faults, free to overlap; error rates of 0 and 1 are common. With or without what takes time."""
    targets = sorted(
        {d.model_name for d in config.deployments} | {f"provider:{d.provider}" for d in config.deployments}
    )
    instants = st.builds(
        lambda minutes, us: era + timedelta(minutes=minutes, microseconds=us),
        st.just(0) | st.integers(0, SPAN // timedelta(minutes=1)),
        st.sampled_from([0, 0, 1, 999_999]),
    )
    lengths = st.sampled_from([MICROSECOND, timedelta(hours=5), SPAN, 2 * SPAN])
    seconds = st.sampled_from([0.000001, 0.0415, 2.5, 7200.0])
    kinds = ["outage", "error_rate", "rate_limited", "brownout"]
    if latencies:
        kinds += ["latency", "token_latency", "random_outages", "slow_start"]
    if capacities:
        kinds += ["capacity", "capacity", "capacity"]
    names = [d.model_name for d in config.deployments]
    groups = {"eu": draw(st.lists(st.sampled_from(names), min_size=1, unique=True))} if draw(st.booleans()) else {}
    targets += [f"group:{group}" for group in groups]
    rates = st.sampled_from([0.0, 0.3, 0.7, 1.0]) | st.floats(0, 1)
    slowdowns = st.sampled_from([1.0, 1.5, 40.0]) if latencies else st.just(1.0)
    faults: list[Any] = []
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(kinds))
        fault: dict[str, Any] = {"type": kind, "target": draw(st.sampled_from(targets))}
        fault["name"] = draw(st.sampled_from([None, None, f"fault {number}"]))
        fields = KINDS[kind].model_fields
        if fields["start"].is_required() or draw(st.sampled_from([False, False, True])):
            fault["start"] = draw(instants)
            if kind != "outage" or draw(st.sampled_from([True, True, False])):
                fault["end"] = fault["start"] + draw(lengths)
        if issubclass(KINDS[kind], Failure):
            fault["after_s"] = draw(seconds) if latencies else 0.0
            if kind != "rate_limited":
                fault["error"] = draw(st.sampled_from(get_args(ProviderError)))
        if kind == "random_outages":
            fault |= {"mtbf_s": draw(st.sampled_from([600.0, 9000.0])), "mttr_s": draw(st.sampled_from([60.0, 9000.0]))}
            fault |= {"p_major": draw(st.sampled_from([1.0, 0.5])), "minor_error_rate": draw(rates)}
            fault |= draw(st.sampled_from([{}, {"distribution": "lognormal", "shape": 1.4}, WEIBULL]))
        if kind == "error_rate":
            if draw(st.booleans()):
                fault["rate"] = draw(rates)
            else:
                fault |= {"hourly_rates": draw(st.lists(rates, min_size=24, max_size=24)), "tz": draw(zones)}
        if kind == "rate_limited":
            fault |= {"share": draw(rates), "retry_after_s": draw(st.sampled_from([None, 30.0]))}
        if kind == "brownout":
            fault |= {"error_rate": draw(st.sampled_from([0.001, 0.4, 1.0])), "slowdown": draw(slowdowns)}
        if kind == "slow_start":
            fault |= {"for_s": draw(st.sampled_from([1.0, 20_000.0])), "slowdown": draw(slowdowns)}
        if kind == "capacity":
            fault |= {"concurrent": draw(st.sampled_from([1, 3])), "stops_on_cancel": draw(st.booleans())}
            if draw(st.booleans()):
                fault |= {"queue": draw(st.sampled_from([1, 4]))}
                fault["queue_timeout_s"] = draw(st.sampled_from([None, 0.3, 50.0]))
            if draw(st.booleans()):
                fault |= {"requests_per_min": draw(st.sampled_from([1, 60])), "burst": draw(st.sampled_from([None, 2]))}
            if draw(st.sampled_from([True, True, False])):
                fault |= {
                    "tokens_per_min": draw(st.sampled_from([300, 5000])),
                    "reserve": draw(st.sampled_from([0, 50])),
                }
                fault["cache_aware"] = draw(st.sampled_from([True, True, False]))
        if kind == "latency":
            fault["median_s"] = draw(seconds)
            fault["p99_s"] = draw(st.none() | st.just(3 * fault["median_s"]))
        if kind == "token_latency":
            fault |= {
                "first_token_s": draw(seconds | st.just(0.0)),
                "tokens_per_s": draw(st.sampled_from([0.5, 3.0, 80.0])),
            }
        faults.append(fault)
    if any(fault.get("slowdown", 1) > 1 for fault in faults):  # which multiplies a latency
        faults += [{"type": "latency", "target": f"provider:{d.provider}", "median_s": 0.3} for d in config.deployments]
    return tg.Scenario(faults=faults, groups=groups, seed=draw(st.integers(0, 2**64 - 1)))


@st.composite
def traces(
    draw: DrawFn,
    config: tg.GatewayConfig,
    era: datetime,
    scenario: tg.Scenario | None = None,
    max_size: int = 200,
    tokens: bool = True,
) -> tg.Trace:
    """Arrivals at the edges of windows and faults, a microsecond to either side, equal ones, and any others.

    Some calls prefer a deployment, some one that is not there.
    """
    anywhere = st.integers(0, SPAN // MICROSECOND).map(lambda us: era + us * MICROSECOND)
    half_hours = st.integers(0, SPAN // timedelta(minutes=30)).map(lambda n: era + n * timedelta(minutes=30))
    edges = sorted(_edges(config, era, scenario)) or [era]
    near = st.builds(
        lambda edge, us: edge + us * MICROSECOND, st.sampled_from(edges) | half_hours, st.sampled_from([-1, 0, 1])
    )
    preferences = st.sampled_from([None, *(d.model_name for d in config.deployments), "nobody"])
    counts = st.integers(0, 5000)
    # Of each prompt a share is cached, or nobody knows which.
    row = st.tuples(near | anywhere, preferences, counts, counts, st.sampled_from([0.99, 0.5, 1, 0, None]))
    size = draw(st.sampled_from([1, 4, 20, max_size]))  # left alone, hypothesis draws few long lists
    rows = sorted(draw(st.lists(row, min_size=min(size, max_size), max_size=max_size)), key=lambda row: row[0])
    frame = pd.DataFrame(rows, columns=["at", "model_preference", "prompt_tokens", "completion_tokens", "cached"])
    frame["model_preference"] = frame["model_preference"].astype(object)
    cached = (frame["prompt_tokens"] * frame.pop("cached").astype(float)).floordiv(1)
    if draw(st.sampled_from([True, True, False])):
        frame["cached_tokens"] = cached
    return tg.Trace(frame if tokens else frame[["at", "model_preference"]])


@st.composite
def cases(draw: DrawFn, latencies: bool = False, max_size: int = 200, policy: str = "none") -> Case:
    """Draw a gateway, a trace and a scenario that belong together."""
    era = draw(eras)
    config = draw(configs(era, policy))
    scenario = draw(scenarios(config, era, latencies, policy == "shared"))
    return Case(config, draw(traces(config, era, scenario, max_size)), scenario)


def us(at: datetime) -> int:
    """Return microseconds since the epoch."""
    return (at - EPOCH) // MICROSECOND


def _edges(config: tg.GatewayConfig, era: datetime, scenario: tg.Scenario | None) -> set[datetime]:
    """Instants at which a window or fault may begin or end, by zoneinfo alone."""
    found = {at for fault in (scenario.faults if scenario else ()) for at in (fault.start, fault.end) if at}
    for deployment in config.deployments:
        for window in (*deployment.time_constraints, *deployment.available):
            for text in (window.start, window.end):
                hour, minute = map(int, text[-5:].split(":"))
                for day in range(-1, SPAN.days + 1):
                    midnight = (era + timedelta(days=day)).replace(tzinfo=ZoneInfo(window.tz))
                    wall = midnight + timedelta(hours=hour, minutes=minute)
                    found |= {wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    return found
