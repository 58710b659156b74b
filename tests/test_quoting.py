"""Texts that YAML 1.1 reads as something else, against a reader of YAML 1.1."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from timegate.review.quoting import ambiguous
from timegate.yaml12 import parse


def read(text: str, version: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = version
    return yaml.load(text)


times = st.builds("{}:{}".format, st.integers(0, 24), st.integers(0, 59).map("{:02}".format) | st.integers(0, 59))
plain = times | st.builds("{:02}:{:02}".format, st.integers(0, 24), st.integers(0, 59))
words = st.sampled_from(
    ["yes", "No", "on", "OFF", "y", "mon", "fri", "true", "null", "1:2:3", "20:30.5", "abc", "2026-03-02"]
)


@given(plain | words)
def test_found_iff_the_versions_differ(text):
    """A text is found iff we read text and ruamel, as YAML 1.1, does not; the number is the one that it reads."""
    old, new = read(f"- {text}\n", "1.1")[0], parse(f"- {text}\n")[0]
    found = [*ambiguous(f"- {text}\n")]
    assert bool(found) == (isinstance(new, str) and not isinstance(old, str)), (text, old, new)
    if found:
        assert (found[0].text, found[0].line, found[0].column, found[0].path) == (text, 1, 3, (0,))
        if isinstance(old, int) and not isinstance(old, bool):
            assert found[0].read_as == f"the number {old}"
        if isinstance(old, bool):
            assert found[0].read_as == f"the value {old}"


@given(plain, st.sampled_from(["'{}'", '"{}"', "!!str {}", "|\n  {}", ">\n  {}", "# {}", "x{}", "2026-03-02 {}"]))
def test_what_is_quoted_is_not_found(text, form):
    """Quoted, tagged and block texts, comments, and longer texts that hold a time are not found."""
    assert [*ambiguous("- " + form.format(text) + "\n")] == []


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a: [22:00, 23:00]", [(("a", 0), 1, 5), (("a", 1), 1, 12)]),
        ("a:\n  - - 22:00\n    - '22:00'\n  - [1, 23:00]", [(("a", 0, 0), 2, 7), (("a", 1, 1), 4, 9)]),
        ("a: {b: {c: 22:00}, d: 23:00}", [(("a", "b", "c"), 1, 12), (("a", "d"), 1, 23)]),
        ("a:\n- b: 1\n  c: 22:00\n- c: 23:00", [(("a", 0, "c"), 3, 6), (("a", 1, "c"), 4, 6)]),
        ("a: &x [22:00]\nb: *x\nc: 23:00", [(("a", 0), 1, 8), (("c",), 3, 4)]),
        ("22:00: 23:00", [(("22:00",), 1, 1), (("22:00",), 1, 8)]),
        ("\ufeffa: 22:00".removeprefix("\ufeff"), [(("a",), 1, 4)]),
        ("a: 22:00\r\nb: 23:00\r\n", [(("a",), 1, 4), (("b",), 2, 4)]),
        ("é: 22:00", [(("é",), 1, 4)]),
        ("? [1, 22:00]\n: 23:00\nb: 21:00", None),
    ],
)
def test_places(text, places):
    """Each is found with its path, line and column, in block and flow style, after aliases and nested collections."""
    found = [(a.path, a.line, a.column) for a in ambiguous(text)]
    if places is None:  # a key that is a collection has no path that says anything; what follows it has
        assert found[-1] == (("b",), 3, 4)
    else:
        assert found == places


def test_deep_and_recursive_documents():
    """Neither depth nor anchors that refer to themselves or multiply make it fail."""
    assert len([*ambiguous("[" * 300 + "22:00" + "]" * 300)]) == 1
    assert len([*ambiguous("&a [*a, 22:00]")]) == 1
    laughs = "a0: &a0 [22:00]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    assert len([*ambiguous(laughs)]) == 1
