from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar

import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

import timegate as tg
from timegate.core.clock import AwareInstant
from timegate.errors import ConfigError, InvalidTypeError, InvalidValueError, ScenarioError
from timegate.validation import STOPPING, Value, describe


class Part(Value):
    model_name: str
    size: int = 1


class Whole(Value):
    error_class: ClassVar[type[InvalidValueError]] = ScenarioError

    at: AwareInstant | None = None
    parts: tuple[Part, ...] = Field(default=(), strict=False)


def problems(**data: Any) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        Whole.model_validate(data)
    return caught.value.problems


def test_raises_the_class_of_the_outermost_value() -> None:
    """A wrong part raises the whole's error, which is a ValueError and not pydantic's, from either entrance."""
    for build in (Whole.model_validate, lambda data: Whole(**data)):
        with pytest.raises(ScenarioError, match="size must be a valid integer") as caught:
            build({"parts": [{"model_name": "a", "size": "1"}]})
        assert isinstance(caught.value, ValueError)
        assert not isinstance(caught.value, pydantic.ValidationError)


def test_places_lead_through_lists_and_names() -> None:
    """A place is a path, with the name of the deployment that it leads through where there is one."""
    assert problems(parts=[{"model_name": "a"}, {"model_name": "b", "size": 1.5}, {"size": 2}]) == (
        "parts[1] 'b': size must be a valid integer. Got 1.5.",
        "parts[2].model_name is missing.",
    )


def test_lists_every_problem_and_counts_them() -> None:
    """The message is the first problem and the number of the others; ``problems`` has all."""
    with pytest.raises(ScenarioError) as caught:
        Whole.model_validate({"at": 5, "parts": [{"model_name": 1}, {"model_name": 2}]})
    assert len(caught.value.problems) == 3
    assert str(caught.value) == f"{caught.value.problems[0]} (and 2 more problems)"


def test_unknown_keys_get_the_nearest_good_name() -> None:
    """A key that is not a field is an error at every depth, with a hint, whatever type the key has."""
    assert problems(part=[]) == ("Whole has the unknown key 'part'. Did you mean 'parts'?",)
    assert problems(parts=[{"model_name": "a", "sise": 1}]) == (
        "parts[0] 'a' has the unknown key 'sise'. Did you mean 'size'?",
    )
    assert problems(parts=[{3: 1}]) == ("parts[0] has the unknown key 3. Known: 'model_name', 'size'.",)


def test_no_value_is_coerced() -> None:
    """Numbers are not read from text, booleans or fractions, nor text from numbers."""
    for wrong in (True, "1", 1.0, None):
        assert problems(parts=[{"model_name": "a", "size": wrong}]) == (
            f"parts[0] 'a': size must be a valid integer. Got {wrong!r}.",
        )


def test_values_are_frozen_and_equal_by_content() -> None:
    """A value cannot be changed, and equals another of the same content."""
    whole = Whole(parts=(Part(model_name="a"),))
    with pytest.raises(pydantic.ValidationError):
        whole.at = None  # type: ignore[misc]
    assert whole == Whole.model_validate({"parts": [{"model_name": "a"}]})


def test_long_values_are_cut_short() -> None:
    """What was given is quoted up to 80 characters."""
    [problem] = problems(parts="x" * 10_000)
    assert len(problem) < 120


def test_messages_never_spell_out_a_nested_value() -> None:
    """A nest that shares its lists, as YAML's anchors make, is not walked for the sake of a message."""
    walked = 0

    class Leaf:
        def __repr__(self) -> str:
            nonlocal walked
            walked += 1
            return "leaf"

    nest: list[Any] = [Leaf()]
    for _ in range(12):
        nest = [nest, nest]  # 12 lists, 4096 ways through them to the leaf
    assert problems(parts=nest)
    assert walked < 100


@given(st.datetimes(datetime(1900, 1, 2), datetime(2199, 12, 30)), st.integers(-1439, 1439))
def test_instants_are_kept_in_utc(wall: datetime, minutes: int) -> None:
    """An aware datetime, its ISO text and its pandas form give the same datetime in UTC, also as JSON."""
    at = wall.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = at.astimezone(UTC)
    wholes = [Whole(at=value) for value in (at, at.isoformat(), pd.Timestamp(at))]
    assert [whole.at for whole in wholes] == [expected] * 3
    assert wholes[0].at.tzinfo is UTC
    text = wholes[0].model_dump(mode="json")["at"]
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("2026-03-02T09:00", "must carry a zone or an offset"),
        (datetime(2026, 3, 2), "must carry a zone or an offset"),
        ("soon", "must be a time like"),
        (1_772_442_000, "must be an aware datetime or text"),
        (pd.NaT, "is missing"),
        ("2200-01-01T00:00Z", "must lie in the years 1900 to 2199"),
    ],
)
def test_bad_instants_name_their_place(value: object, rule: str) -> None:
    """A naive, missing, unreadable or far-off instant is one problem that begins with the field's name."""
    [problem] = problems(at=value)
    assert problem.startswith(f"at {rule}")


def test_stops_after_some_hundred_problems() -> None:
    """Of a flood of wrong parts the first hundred are told with their places, and that reading stopped."""

    class Bounded(Value):
        error_class: ClassVar[type[InvalidValueError]] = ScenarioError

        parts: Annotated[tuple[Part, ...], Field(strict=False), STOPPING]

    good = {"model_name": "a"}
    with pytest.raises(ScenarioError) as caught:
        Bounded.model_validate({"parts": [good, *[1] * 250_000]})
    problems = caught.value.problems
    assert [problems[0], problems[99]] == ["parts[1] must be a mapping. Got 1.", "parts[100] must be a mapping. Got 1."]
    assert problems[100:] == ("Bounded may have more: reading it stopped here.",)
    with pytest.raises(ScenarioError) as caught:
        Bounded.model_validate({"parts": [*[1] * 99, good]})
    assert len(caught.value.problems) == 99
    assert Bounded.model_validate({"parts": [good] * 300}).parts == (Part(model_name="a"),) * 300


class Rule(Value):
    flag: bool = True
    count: int = 0
    share: Annotated[float, Field(ge=1e-6, le=100)] = 1.0
    rate: Annotated[float, Field(gt=0, lt=2**64)] = 1.0
    label: Annotated[str, Field(min_length=1)] = "x"
    names: Annotated[list[str], Field(min_length=1, default_factory=list)]
    table: dict[str, int] = Field(default_factory=dict)
    part: Part | None = None


def test_the_words_are_our_own() -> None:
    """A problem reads the same whatever pydantic says of it, and bounds are written plainly."""
    wrong = [
        {"flag": 1, "count": 1.5, "share": 0.0, "rate": 0.0, "label": "", "names": [], "table": 1, "part": 1},
        {"flag": "x", "count": "1", "share": 101.0, "rate": 2.0**64, "label": 1, "names": 1},
        {"share": "1", "rate": float("inf"), "label": "\ud800"},
    ]

    class Reworded:
        def __init__(self, error: pydantic.ValidationError) -> None:
            self.error = error

        def errors(self, **options: bool) -> Any:
            return [found | {"msg": "quite other words"} for found in self.error.errors(**options)]

    said: list[str] = []
    for data in wrong:
        with pytest.raises(pydantic.ValidationError) as caught:
            Rule.__pydantic_validator__.validate_python(data)
        sentences = describe(Reworded(caught.value), data, "Rule")  # type: ignore[arg-type]
        assert sentences == describe(caught.value, data, "Rule")
        assert len(sentences) == len(data)
        said += map(str, sentences)
    assert [sentence.partition(". Got")[0] for sentence in said] == [
        "flag must be a valid boolean",
        "count must be a valid integer",
        "share must be greater than or equal to 0.000001",
        "rate must be greater than 0",
        "label must have at least 1 character",
        "names must not be empty",
        "table must be a mapping",
        "part must be a mapping",
        "flag must be a valid boolean",
        "count must be a valid integer",
        "share must be less than or equal to 100",
        "rate must be less than 18446744073709551616",
        "label must be a valid string",
        "names must be a valid list",
        "share must be a valid number",
        "rate must be a finite number",
        "label must be a valid string that a file can hold",
    ]


def test_lists_that_are_none() -> None:
    """A fault or a deployment alone, where a list is wanted, and a list by place."""
    fault, deployment = tg.ErrorRate(target="a", rate=0.5), tg.Deployment(model_name="a", model="sim/a")
    with pytest.raises(ScenarioError, match=r"^faults must be a list\. Got ErrorRate\("):
        tg.Scenario(faults=fault)
    with pytest.raises(ConfigError, match=r"^deployments must be a list\. Got "):
        tg.GatewayConfig(deployments=deployment)
    for by_place in ([fault], fault):
        with pytest.raises(InvalidTypeError, match=r"by place\. Write Scenario\(faults=\[\.\.\.\]\)\."):
            tg.Scenario(by_place)
    with pytest.raises(InvalidTypeError, match=r"by place\. Write GatewayConfig\(deployments=\[\.\.\.\]\)\."):
        tg.GatewayConfig([deployment])
