"""What configs and scenarios share: pydantic values whose errors name the place and the nearest good name."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, cast

import pydantic
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from timegate.errors import InvalidTypeError, InvalidValueError, did_you_mean, shown
from timegate.problems import Place, Problem, written
from timegate.show.text import iso

__all__ = ["STOPPING", "FieldError", "FormatVersion", "Text", "Value"]


def _is_unicode(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"must be text that a file can hold. Got {shown(value)}.") from None
    return value


Text = Annotated[str, AfterValidator(_is_unicode)]
"""Text without lone surrogates, which JSON and Python's strings can hold, but no file."""


def _is_one(value: Any) -> int:
    if type(value) is not int or value != 1:  # True == 1.0 == 1
        raise ValueError(f"must be 1. Got {shown(value)}.")
    return value


FormatVersion = Annotated[Literal[1], BeforeValidator(_is_one)]
"""The version of a file format; there is only one so far."""


MOST_PROBLEMS = 100  # of one list; whoever mends them looks again


def _stopping(items: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Validate a list up to the item with which it has too many problems: a flood of them takes long to describe."""
    if isinstance(items, pydantic.BaseModel):  # which would be taken for a list of its fields
        raise ValueError(f"must be a list. Got {shown(items)}.")
    if not isinstance(items, list | tuple):
        return validate(items)
    read: list[Any] = []  # what is valid, and what is not as it was given
    problems = 0
    for item in items:
        try:
            read += validate([item])
        except ValidationError as error:
            read.append(item)
            problems += error.error_count()
            if problems >= MOST_PROBLEMS:
                break
    return validate(read) if problems else tuple(read)  # at once, for the places of the problems


STOPPING = WrapValidator(_stopping)
"""Makes a field of many items stop after some hundred problems."""


_LISTS = ("deployments", "faults")  # what people give by place


class FieldError(InvalidValueError):
    """What a validator of a whole record raises: a problem of one of its fields, or of a place within it."""

    def __init__(self, place: str | Place, text: str, hint: str = "") -> None:
        super().__init__(Problem((place,) if isinstance(place, str) else place, text, hint))


_Init = TypeVar("_Init", bound=Callable[..., None])


def _by_name(init: _Init) -> _Init:
    """Have a constructor whose arguments have names say so to whoever gives them by place."""

    @functools.wraps(init)  # whose signature is the one that help and pydantic see
    def checked(self: Any, /, *unnamed: Any, **data: Any) -> None:
        if unnamed:
            raise InvalidTypeError(_unnamed(type(self), unnamed[0]))
        init(self, **data)

    return cast("_Init", checked)


def _unnamed(cls: type[Value], given: object) -> Problem:
    """Return what is wrong with a value given by place, and how it is written."""
    if isinstance(given, str | Path) and hasattr(cls, "load"):
        hint = f"A file is read by {cls.__name__}.load(path)."
    elif isinstance(given, Mapping):
        hint = f"Write {cls.__name__}(**mapping)."
    elif isinstance(given, list | tuple | Value) and (lists := [n for n in _LISTS if n in cls.model_fields]):
        hint = f"Write {cls.__name__}({lists[0]}=[...])."
    else:
        fields = {name: field for name, field in cls.model_fields.items() if name != "type"}
        needed = ", ".join(f"{name}=..." for name, field in fields.items() if field.is_required())
        hint = f"Write {cls.__name__}({needed})." if needed else f"Its fields: {', '.join(fields)}."
    return Problem((), f"takes its fields by name. Got {shown(given)} by place.", hint, where=cls.__name__)


class Value(pydantic.BaseModel):
    """A frozen record that is strict about its input. Raises ``error_class`` instead of pydantic's error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)
    error_class: ClassVar[type[InvalidValueError]] = InvalidValueError
    shorthands: ClassVar[tuple[str, ...]] = ()
    """Keys that are no fields, but are read, too: fields follow from them."""
    guesses: ClassVar[Mapping[str, str]] = {}
    """What to write in place of keys that people guess, as the end of an error."""

    @_by_name
    def __init__(self, /, **data: Any) -> None:
        try:
            super().__init__(**data)
        except ValidationError as error:
            raise self.error_class(*describe(error, data, type(self).__name__)) from None

    # pydantic calls a custom __init__ for nested values too, which would lose their place. This says: don't.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **kwargs: Any) -> Self:
        """Build from a mapping; as the constructor, but for keys that are not Python names too."""
        try:
            return super().model_validate(obj, **kwargs)
        except ValidationError as error:
            raise cls.error_class(*describe(error, obj, cls.__name__)) from None

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """Yield what differs from the defaults, such that the repr can be evaluated: instants as text."""
        for name, value in self.__dict__.items():
            if name in self.__pydantic_fields__ and value != self.__pydantic_fields__[name].get_default(
                call_default_factory=True
            ):
                yield name, iso(value, short=True) if isinstance(value, datetime) else value

    def __str__(self) -> str:
        return repr(self)

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in cls.model_fields]
            if unknown:
                key = next((key for key in unknown if key in cls.guesses), unknown[0])
                hint = cls.guesses.get(key) or did_you_mean(key, [*cls.model_fields, *cls.shorthands])
                raise PydanticCustomError("key", "has the unknown key {key}.", {"key": shown(key), "hint": hint})
        return data


def describe(error: ValidationError, data: Any, name: str) -> list[Problem]:
    """Turn pydantic's findings into problems; of those of the whole, the sentence begins with its name."""
    problems = [problem for found in error.errors(include_url=False) for problem in _problems(found, data, name)]
    if len(problems) < MOST_PROBLEMS:
        return problems
    return [*problems, Problem((), f"{name} may have more: reading it stopped here.")]


# By pydantic's types of errors, which stay, as its words do not.
_WORDS = {
    "bool_type": "must be a valid boolean",
    "dict_type": "must be a mapping",
    "finite_number": "must be a finite number",
    "float_type": "must be a valid number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be greater than or equal to {ge}",
    "int_from_float": "must be a valid integer",
    "int_type": "must be a valid integer",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be less than or equal to {le}",
    "list_type": "must be a valid list",
    "model_attributes_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must have at least {min_length} character",
    "string_type": "must be a valid string",
    "string_unicode": "must be a valid string that a file can hold",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
_BOUNDS = {"ge", "gt", "le", "lt", "min_length"}


def _rule(kind: str, message: str, context: Mapping[str, object]) -> str:
    """Return what must hold, in our words where we have some."""
    if kind not in _WORDS:
        return re.sub(r"^\w+ should ", "must ", message).rstrip(".")
    return _WORDS[kind].format_map({name: _number(context[name]) for name in context.keys() & _BOUNDS})


def _number(bound: object) -> str:
    return f"{bound:f}".rstrip("0").rstrip(".") if isinstance(bound, float) else str(bound)


def _problems(found: Any, data: Any, name: str) -> list[Problem]:
    place, label = _place(found["loc"], data)
    context, given = found.get("ctx", {}), found["input"]
    cause = context.get("error")
    if isinstance(cause, InvalidValueError):
        places = [(*place, *problem.place) for problem in cause.problems]
        return [problem.at(there, written(there, label)) for problem, there in zip(cause.problems, places, strict=True)]
    hint = ""
    if isinstance(cause, Exception):
        text = str(cause)
    elif found["type"] == "missing":
        text = "is missing."
    elif found["type"] == "union_tag_not_found":
        place, text = (*place, "type"), "is missing."
    elif found["type"] == "union_tag_invalid":
        known = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        place, text = (*place, "type"), f"must be one of the known ones. Got {shown(context['tag'])}."
        hint = did_you_mean(context["tag"], known)
    elif found["type"] == "key":
        text, hint = found["msg"], context["hint"]
    else:
        text = f"{_rule(found['type'], found['msg'], context)}. Got {shown(given)}."
        if found["type"] == "literal_error":
            nearest = did_you_mean(given, re.findall(r"'([^']*)'", context["expected"]))
            hint = nearest if "Did" in nearest else ""
    where = written(place, label)
    return [Problem(place, text, hint, where=where if where or isinstance(cause, Exception) else name)]


def _place(loc: Sequence[str | int], data: Any) -> tuple[Place, str]:
    """Return a pydantic location as a place, and the name of the deployment that it leads through, quoted."""
    place: list[str | int] = []
    label = ""
    for part in loc:
        if isinstance(data, Mapping) and part not in data and part == data.get("type"):
            continue  # pydantic names the chosen member of a union here
        is_first = isinstance(part, int) and not any(isinstance(before, int) for before in place)
        place.append(part)
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
        if is_first and isinstance(data, Mapping) and isinstance(data.get("model_name"), str):
            label = shown(data["model_name"])
    return tuple(place), label
