"""Policies as people write them: what they stand for, what is refused, and presets."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest

import timegate as tg
from timegate.core.policy import NEVER, Terms
from timegate.core.presets import PRESETS, PresetName
from timegate.core.settings import CallPolicy, Policy, mask
from timegate.errors import ConfigError, InputError

ENTRIES = [{"model_name": "strong", "model": "sim/large"}, {"model_name": "weak", "model": "acme/small"}]
TIMES = ("timeout_s", "first_chunk_s", "idle_s", "retry_after_max_s", "deadline_s", "max_wait_s")


def config(policy: Any, **own: Any) -> tg.GatewayConfig:
    """Return a gateway of two with a policy, and one of the first deployment's own."""
    entries = [{**ENTRIES[0], **({"policy": own} if own else {})}, ENTRIES[1]]
    return tg.GatewayConfig(deployments=entries, policy=policy)


def refused(policy: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        config(policy)
    return str(caught.value)


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 86_401.0, "5"])
@pytest.mark.parametrize("field", TIMES)
def test_times_are_finite_and_not_negative(field: str, value: Any) -> None:
    """A time below 0, beyond a day, endless, or no number is refused by name."""
    assert refused({field: value}).startswith(f"policy.{field} must be ")


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"backoff": {"initial_s": math.nan}}, "backoff.initial_s"),
        ({"backoff": {"initial_s": 9.0, "max_s": 8.0}}, "backoff.max_s"),
        ({"backoff": {"base": 0.5}}, "backoff.base"),
        ({"backoff": {"lo": 1.0, "hi": 0.5}}, "backoff.hi"),
        ({"backoff": {"jitter": "full", "lo": 0.5}}, "backoff.jitter"),
        ({"backoff": {"jitter": "ful"}}, "backoff.jitter"),
        ({"retry_on": ["rate_limt"]}, "retry_on[0]"),
        ({"raise_on": ["ok"]}, "raise_on[0]"),
        ({"cooldown": {}}, "cooldown.failures"),
        ({"cooldown": {"failures": 0}}, "cooldown.failures"),
        ({"cooldown": {"failures": 1, "for_s": 0.0}}, "cooldown.for_s"),
        ({"cooldown": {"failures": 1, "for_s": math.inf}}, "cooldown.for_s"),
        ({"cooldown": {"failures": 1, "for_s": 9.0, "max_s": 8.0}}, "cooldown.max_s"),
        ({"cooldown": {"failures": 1, "growth": 0.5}}, "cooldown.growth"),
        ({"cooldown": {"failures": 1, "probes": 0}}, "cooldown.probes"),
        ({"cooldown": {"failure_ratio": 1.1}}, "cooldown.failure_ratio"),
        ({"cooldown": {"failures": 1, "min_calls": 5}}, "cooldown.min_calls"),
        ({"cooldown": {"failure_ratio": 0.5, "within_s": 5.0}}, "cooldown.within_s"),
        ({"cooldown": {"failures": 1, "window": "from_first"}}, "cooldown.within_s"),
        (
            {"cooldown": {"failures": 1, "window": "from_first", "within_s": 5.0, "consecutive": True}},
            "cooldown.consecutive",
        ),
        ({"limits": {"concurrent": 0}}, "limits.concurrent"),
        ({"limits": {"requests_per_min": 0}}, "limits.requests_per_min"),
        ({"limits": {"tokens_per_min": -5}}, "limits.tokens_per_min"),
        ({"retry_budget": {"ratio": 0.0}}, "retry_budget.ratio"),
        ({"retry_budget": {"ratio": 1e-7}}, "retry_budget.ratio"),
        ({"limits": {"concurrent": 2**70}}, "limits.concurrent"),
        ({"cooldown": {"failure_ratio": 0.5, "min_calls": 2**70}}, "cooldown.min_calls"),
        ({"retry_budget": {"ttl_s": 0.5}}, "retry_budget.ttl_s"),
        ({"max_cooled_share": 1.5}, "max_cooled_share"),
        ({"when_all_cool": "used"}, "when_all_cool"),
    ],
)
def test_what_is_refused(policy: Any, place: str) -> None:
    """Each slip is named by its place, and by what was given."""
    assert refused(policy).startswith(f"policy.{place} ")


@pytest.mark.parametrize(
    ("policy", "nearest"),
    [
        ({"retry_on": ["rate_limt"]}, "rate_limit"),
        ({"cooldown": {"at_once": ["aut"]}}, "auth"),
        ({"preset": "litelm"}, "litellm"),
        ({"backoff": {"jitter": "ful"}}, "full"),
        ({"max_retry": 1}, "max_retries"),
        ({"limits": {"concurent": 1}}, "concurrent"),
    ],
)
def test_the_nearest_good_name(policy: Any, nearest: str) -> None:
    """Kinds of error, presets, words and fields that nearly are known ones are answered with those."""
    assert f"Did you mean '{nearest}'?" in refused(policy)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "concurrent or requests_per_min or tokens_per_min must be given"),
        ({"concurrent": 0}, "concurrent must be greater than or equal to 1. Got 0."),
        ({"requests_per_min": 0}, "requests_per_min must be greater"),
        ({"tokens_per_min": 0}, "tokens_per_min must be greater"),
        ({"concurrent": 1, "queue": -1}, "queue must be greater"),
        ({"concurrent": 1, "queue": math.inf}, "queue must be a valid integer. Got inf."),
        ({"concurrent": 1, "queue": 10**10}, "queue must be less"),
        ({"requests_per_min": 5, "queue": 5}, "queue goes with concurrent, which is missing."),
        *(
            ({"concurrent": 1, "queue": 1, "queue_timeout_s": seconds}, "queue_timeout_s must be ")
            for seconds in (-1.0, 0.0, 1e-9, math.nan, math.inf, "5")
        ),
        ({"concurrent": 1, "queue_timeout_s": 5.0}, "queue_timeout_s goes with queue, which is missing."),
        ({"requests_per_min": 5, "burst": 0}, "burst must be greater"),
        ({"concurrent": 5, "burst": 1}, "burst goes with requests_per_min, which is missing."),
        ({"requests_per_min": 5, "reserve": 1}, "reserve goes with tokens_per_min, which is missing."),
        ({"tokens_per_min": 50, "reserve": 51}, "reserve must not exceed tokens_per_min"),
        ({"requests_per_min": 5, "stops_on_cancel": True}, "stops_on_cancel goes with concurrent, which is missing."),
        ({"concurrent": 5, "stops_on_cancel": "yes"}, "stops_on_cancel must be a valid boolean"),
        ({"rpm": 5}, "Capacity has the unknown key 'rpm'. Did you mean 'requests_per_min'?"),
        ({"concurent": 5}, "Did you mean 'concurrent'?"),
    ],
    ids=str,
)
def test_what_a_capacity_refuses(fields: dict[str, Any], message: str) -> None:
    """Limits of nothing, queues and waits without an end, and what goes with a limit that is not there."""
    with pytest.raises(InputError) as caught:
        tg.Capacity(target="strong", **fields)
    assert message in str(caught.value)


def test_a_cooldown_has_an_end() -> None:
    """However it grows, it lasts a day at most, or as its own longest says."""
    growing = {"failures": 1, "growth": 100.0}
    assert Policy(cooldown=growing).terms().max_cool_us == 86_400_000_000
    assert Policy(cooldown={**growing, "max_s": 60.0}).terms().max_cool_us == 60_000_000


def test_off_unless_given() -> None:
    """A policy of which nothing is given times out, and does nothing else; a config's own timeout is ten minutes."""
    assert Policy(timeout_s=None).terms() == Terms(
        initial_us=500_000.0, max_us=8e6, cap_us=86_400e6, retry_after_max_us=60_000_000
    )
    assert [terms.timeout_us for terms in config(None).router().terms] == [600_000_000] * 2
    assert not config(None).router().shares
    assert CallPolicy().call_terms(3).deadline_us == NEVER


def test_own_fields_win() -> None:
    """A deployment's fields stand over the config's, defaults that are given included, also in a file."""
    given = config({"max_retries": 2, "timeout_s": 5.0, "cooldown": {"failures": 1}}, max_retries=0, cooldown=None)
    for read in (given, tg.GatewayConfig.model_validate(given.to_dict())):
        own, other = read.router().terms
        assert (own.max_retries, own.timeout_us, own.cool_us) == (0, 5_000_000, 0)
        assert (other.max_retries, other.timeout_us, other.cool_us) == (2, 5_000_000, 30_000_000)
        assert read.router().fingerprint == given.router().fingerprint
    assert given.to_dict()["deployments"][0]["policy"] == {"max_retries": 0, "cooldown": None}


def test_a_default_that_is_given_changes_no_fingerprint() -> None:
    """What decides the same has the same hash, said or not said."""
    assert config({"max_retries": 0, "raise_on": []}).router().fingerprint == config({}).router().fingerprint
    assert config({"max_retries": 1}).router().fingerprint != config({}).router().fingerprint


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_numbers(preset: PresetName) -> None:
    """A config with one equals, hashes and is written as the config of its numbers."""
    given, numbers = config({"preset": preset}), config(dict(PRESETS[preset]))
    assert given == numbers
    assert given.to_dict() == numbers.to_dict()
    assert "preset" not in given.to_dict()["policy"]
    assert given.router().fingerprint == numbers.router().fingerprint
    assert tg.GatewayConfig.model_validate(given.to_dict()) == given


def test_presets_have_names() -> None:
    """The names that a policy takes are those that there are."""
    assert list(get_args(PresetName)) == list(PRESETS)


def test_fields_beside_a_preset_win() -> None:
    """Those of its parts one by one; a word for jitter replaces the numbers."""
    bifrost = Policy(preset="bifrost", max_retries=3, backoff={"max_s": 4.0})
    assert (bifrost.max_retries, bifrost.timeout_s) == (3, 30.0)
    assert (bifrost.backoff.max_s, bifrost.backoff.lo, bifrost.backoff.cap_s) == (4.0, 0.8, 5.0)
    plain = Policy(preset="bifrost", backoff={"jitter": "none"}).backoff
    assert (plain.lo, plain.hi, plain.cap_s) == (1.0, 1.0, 5.0)
    assert Policy(preset="litellm", cooldown=None).cooldown is None


def test_a_rule_of_ones_own_replaces_those_of_a_preset() -> None:
    """A length alone keeps LiteLLM's rules; ``allowed_fails`` takes their place, and keeps what else it says."""
    longer = Policy(preset="litellm", cooldown={"for_s": 60.0}).cooldown
    assert (longer.for_s, longer.at_once, longer.failure_ratio) == (60.0, ("auth",), 1.0)
    allowed = Policy(preset="litellm", cooldown={"failures": 4, "within_s": 9.0, "for_s": 9.0}).cooldown
    assert (allowed.failures, allowed.at_once, allowed.failure_ratio) == (4, (), None)
    assert (allowed.window, allowed.ends_retries, allowed.retry_after_is_length) == ("from_first", True, True)
    assert "auth" in allowed.on


def test_a_deployment_takes_what_is_its_own_of_a_preset() -> None:
    """What holds for calls as a whole stays out; ``seed`` undoes whatever the config says."""
    assert not hasattr(Policy(preset="envoy"), "max_cooled_share")
    assert CallPolicy(preset="envoy").max_cooled_share == 0.1
    undone = config({"preset": "litellm"}, preset="seed").router().terms[0]
    assert (undone.max_retries, undone.cool_us, undone.timeout_us) == (0, 0, NEVER)


def test_no_pause_without_retries() -> None:
    """The pause after the last retry needs one: a preset whose retries are switched off moves on at once."""
    assert Policy(preset="litellm", max_retries=0).terms().retry_on == 0
    assert Policy(preset="litellm").terms().retry_on == mask(PRESETS["litellm"]["retry_on"])
