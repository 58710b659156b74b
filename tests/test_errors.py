"""The tree of exceptions, as its docstring shows it; and what survives a copy."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

import timegate as tg
from timegate import errors
from timegate.errors import (
    CALL_ERRORS,
    ConfigError,
    InvalidTypeError,
    InvalidValueError,
    ModelCallError,
    ModelRouterError,
    TimegateError,
    WindowError,
    did_you_mean,
    shown,
)
from timegate.problems import Problem

CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if inspect.isclass(cls) and issubclass(cls, Exception) and cls.__module__ == errors.__name__
}


def test_docstring_shows_the_whole_tree():
    """Every exception stands in the docstring's tree, under its base, with the builtin that it also is."""
    tree = dict(re.findall(r"(?:── |^    )(\w+)(?: +\((?:also )?an? (\w+)\))?", errors.__doc__, re.MULTILINE))
    assert set(tree) == set(CLASSES)
    for name, builtin in tree.items():
        also = [base.__name__ for base in CLASSES[name].__bases__ if base.__module__ == "builtins"]
        assert also == ([builtin] if builtin else ["Exception"] if name == "TimegateError" else [])


def test_all_lists_every_class():
    """``__all__`` names every exception."""
    assert set(errors.__all__) == CLASSES.keys() | {"CALL_ERRORS", "did_you_mean", "shown", "warn"}


def test_every_error_is_a_timegate_error():
    """One ``except TimegateError`` catches all but the warning."""
    assert {name for name, cls in CLASSES.items() if not issubclass(cls, TimegateError)} == {"TimegateWarning"}


def test_kinds_of_failure():
    """Each kind of injected failure names one subclass of ModelCallError."""
    assert {kind: cls.kind for kind, cls in CALL_ERRORS.items()} == {kind: kind for kind in CALL_ERRORS}
    assert set(CALL_ERRORS.values()) == set(ModelCallError.__subclasses__())


def copies(error: Exception) -> list[Exception]:
    return [pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)]  # noqa: S301 - our own pickle


def test_router_error_survives_pickle_and_copy():
    """A ModelRouterError comes back from pickle and copy with its attributes and its message."""
    failure = TimeoutError("slow")
    error = ModelRouterError([failure], [("weak", "openai", failure)], "All 1 available models failed")
    for again in copies(error):
        assert type(again) is ModelRouterError
        assert str(again) == "All 1 available models failed\n  - weak (openai): TimeoutError: slow"
        assert [repr(e) for e in again.exceptions] == ["TimeoutError('slow')"]
        assert [(name, provider, repr(e)) for name, provider, e in again.model_info] == [
            ("weak", "openai", "TimeoutError('slow')")
        ]


def test_router_error_has_the_seeds_constructor():
    """The seed's positional and keyword arguments build it, and the message has the seed's default."""
    assert ModelRouterError([], []).message == "Model routing failed"
    assert str(ModelRouterError(exceptions=[], model_info=[], message="nobody")) == "nobody"


def test_invalid_input_survives_pickle_and_copy():
    """Errors about input keep their problems and field."""
    problem = Problem(("windows", 0, "start"), "one", "Pass {}.", ("tz", "UTC"), "file: windows[0].start")
    for error in (WindowError(problem), InvalidTypeError(problem)):
        for again in copies(error):
            assert (str(again), again.args, again.field) == (str(error), error.args, "start")
            [kept] = again.problems
            assert vars(kept) == vars(problem)
            assert kept == "file: windows[0].start one Pass tz='UTC'."


@pytest.mark.parametrize(
    ("problems", "text"), [(1, "a"), (2, "a (and 1 more problem)"), (3, "a (and 2 more problems)")]
)
def test_message_is_the_first_problem(problems, text):
    """The message is the first problem, and counts the others."""
    assert str(InvalidValueError(*"abc"[:problems])) == text


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("strnog", ["weak", "strong"], " Did you mean 'strong'?"),
        ("STRONG", ["weak", "strong"], " Did you mean 'strong'?"),
        ("europe/berlin", ["Europe/Berlin"], " Did you mean 'Europe/Berlin'?"),
        (7, ["weak", "strong"], " Known: 'weak', 'strong'."),
        ("x", [], ""),
        ("?", [f"name{i}" for i in range(13)], ", 'name11', ...."),
    ],
)
def test_did_you_mean(name, known, hint):
    """The hint is the nearest name as it is written, else the known names, at most twelve."""
    assert did_you_mean(name, known).endswith(hint)
    assert bool(did_you_mean(name, known)) == bool(known)


def test_mappings_are_shown_by_their_keys() -> None:
    """A message does not tell what a mapping holds, at any depth: it may be a key of an API."""
    assert shown({"model": {"api_key": "sk-canary"}, "x": 1}) == "{'model': ..., 'x': ...}"
    assert "canary" not in shown([({"api_key": "sk-canary"},)])
    assert shown({}) == "{}"
    with pytest.raises(ConfigError) as caught:
        tg.GatewayConfig.model_validate({"deployments": [{"model_name": "a", "model": {"api_key": "sk-canary"}}]})
    assert "canary" not in "".join(caught.value.problems)
