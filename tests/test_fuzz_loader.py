"""Whatever a file or a mapping holds: it is read, or refused in one short line by an error of ours.

``TIMEGATE_EXAMPLES=20000 pytest tests/test_fuzz_loader.py`` searches longer; ``fuzz_loader_atheris.py``, beside
this file, is guided by coverage.
"""

from __future__ import annotations

import copy
from datetime import UTC, date, time
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.core.windows import Window
from timegate.yaml12 import dump, parse

SOURCES: dict[str, Any] = {"config": tg.GatewayConfig, "scenario": tg.Scenario}
TOKENS = [
    "\n", "\r\n", "\t", " ", "  ", "\0", "\ufeff", "\u2028", "\x85", "\ud7ff", "\U0001f600", "\x07", "\\", "/", "'",
    '"', "`", "@", "- ", ": ", ":", "? ", "| ", "> ", "#", ",", "[", "]", "{", "}", "[]", "{}", "&a ", "*a", "<<: *a",
    "<<", "!!str ", "!!python/object ", "!x ", "%YAML 1.1\n", "---\n", "...\n", "~", "null", "true", "yes", "22:00",
    "24:00", "1320", "0x1F", "-1", "1e999", ".inf", ".nan", "NaN", "Infinity", "9" * 30, "9" * 5000, "2026-03-02",
    "2026-03-02T09:00:00Z", '"\\ud800"', '"\\u0000"', "Europe/Berlin", "..", "../../etc/passwd", "provider:",
    "deployments", "Model_Name", "start", "x" * 3000,
]  # fmt: skip

configs = strategies.eras.flatmap(strategies.configs)
scenarios = strategies.eras.flatmap(
    lambda era: strategies.configs(era).flatmap(lambda config: strategies.scenarios(config, era, latencies=True))
)
valid = {"config": configs, "scenario": scenarios}


def refused_well(error: tg.TimegateError, start: str) -> None:
    """Hold an error to its form."""
    for problem in (*getattr(error, "problems", ()), str(error)):
        assert problem.startswith(start)
        assert len(problem.splitlines()) == 1
        assert len(problem) < 500 + len(start)


def read(kind: str, path: Path, content: bytes) -> Any:
    """Load a file; return None if it is refused."""
    path.write_bytes(content)
    try:
        return SOURCES[kind].load(path)
    except tg.TimegateError as error:
        refused_well(error, f"{path}: ")
        return None


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    """Draw a text of which some parts are gone, doubled, moved or replaced."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 8, 40])))
        place = draw(st.integers(0, len(text)))
        change = draw(st.sampled_from(["insert", "insert", "cut", "copy"]))
        if change == "insert":
            text = text[:start] + draw(st.sampled_from(TOKENS)) + text[end:]
        elif change == "cut":
            text = text[:start] + text[end:]
        else:
            text = text[:place] + text[start:end] + text[place:]
    return text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
@examples(100)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"")
@example(b"deployments: !!binary x")
def test_bytes(folder: Path, kind: str, suffix: str, content: bytes) -> None:
    """Any bytes are read or refused."""
    read(kind, folder / f"x.{suffix}", content)


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
@examples(100)
@given(tokens=st.lists(st.sampled_from(TOKENS), max_size=30))
def test_tokens(folder: Path, kind: str, suffix: str, tokens: list[str]) -> None:
    """Any sequence of the tokens of YAML and JSON is read or refused."""
    read(kind, folder / f"x.{suffix}", "".join(tokens).encode())


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("suffix", ["yaml", "json"])
@examples(100)
@given(data=st.data())
def test_texts_near_valid_ones(folder: Path, kind: str, suffix: str, data: st.DataObject) -> None:
    """A valid file with some changes is read or refused; what is read survives being saved and read again."""
    path = folder / f"x.{suffix}"
    data.draw(valid[kind]).save(path)
    text = data.draw(mutated(path.read_text(encoding="utf-8")))
    found = read(kind, path, text.encode())
    if found is not None:
        for copied in (folder / "copy.yaml", folder / "copy.json"):
            found.save(copied)
            assert SOURCES[kind].load(copied) == found


class Hostile:
    """An object that will not be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Odd(str):
    """Stands for a value that hypothesis itself could not show."""


def circle() -> list[Any]:
    """Return a list that holds itself."""
    items: list[Any] = []
    items.append(items)
    return items


def bomb() -> list[Any]:
    """Return a small list that takes an age to write out."""
    items: list[Any] = ["x"] * 9
    for _ in range(40):
        items = [items] * 9
    return items


ODD = {"huge": 10**5000, "negative": -(10**400), "circle": circle(), "bomb": bomb(), "hostile": Hostile()}


def unwrapped(value: Any) -> Any:
    """Put what they stand for in the places of odd values."""
    if isinstance(value, Odd):
        return ODD[value]
    if isinstance(value, dict):
        return {unwrapped(key): unwrapped(item) for key, item in value.items()}
    return type(value)(map(unwrapped, value)) if isinstance(value, list | tuple) else value


RECORDS = (tg.GatewayConfig, tg.Deployment, tg.Scenario, tg.Outage, tg.RandomOutages, tg.TokenLatency)
keys = st.sampled_from(sorted({*Window.__dataclass_fields__, *(name for cls in RECORDS for name in cls.model_fields)}))
odd_keys = st.sampled_from([None, 1, (1,), Odd("huge"), "\ud800", "two\nlines", "x" * 3000])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp"]), max_size=4)
    | st.binary(max_size=4)
    | keys
    | st.sampled_from(TOKENS)
    | st.sampled_from(sorted(ODD)).map(Odd)
    | st.sampled_from([1j, object(), range(3), int, len, date(2026, 3, 2), time(22), tg.Window("1:00", "2:00")])
    | st.datetimes(timezones=st.sampled_from([None, UTC]))
)
data_of_any_kind = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys | st.text(max_size=3) | odd_keys, inner, max_size=4)
        | st.sets(st.integers() | st.text(max_size=2), max_size=2)
    ),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn, kind: str) -> Any:
    """Draw valid data in which one to three places hold something else."""
    data = copy.deepcopy(draw(valid[kind]).to_dict())
    for _ in range(draw(st.integers(1, 3))):
        part: Any = data
        while True:
            known = sorted(part, key=str) if isinstance(part, dict) else range(len(part))
            key = draw(st.sampled_from([*known, draw(keys | odd_keys)] if isinstance(part, dict) else known))
            inner = part.get(key) if isinstance(part, dict) else part[key]
            if not (isinstance(inner, list | dict) and inner and draw(st.integers(0, 4))):
                break
            part = inner
        part[key] = draw(data_of_any_kind)
    return data


@pytest.mark.parametrize("kind", SOURCES)
@examples(100)
@given(data=st.data())
def test_data(kind: str, data: st.DataObject) -> None:
    """Any nested data is taken or refused."""
    value = unwrapped(data.draw(data_of_any_kind | changed(kind)))
    try:
        found = SOURCES[kind].model_validate(value)
    except tg.TimegateError as error:
        refused_well(error, "")
    else:
        assert SOURCES[kind].model_validate(parse(dump(found.to_dict()))) == found


@pytest.mark.parametrize("name", ["trace.csv", "trace.parquet", "trace.csv.gz"])
@examples(100)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_bytes_of_traces(folder: Path, name: str, content: bytes) -> None:
    """Any bytes are read as a trace or refused."""
    path = folder / name
    path.write_bytes(content)
    try:
        tg.read_trace(path)
    except tg.TimegateError as error:
        refused_well(error, f"{path}: ")


TRACE = "at,model_preference,prompt_tokens,completion_tokens\n" + "".join(
    f"2026-03-02T0{hour}:00:00.5Z,{name},{hour},7\n" for hour, name in enumerate(["strong", "", "weak", "NA", '"a,b"'])
)


@examples(100)
@given(text=mutated(TRACE), options=st.sampled_from([{}, {"tz": "UTC"}, {"tz": "Europe/Berlin", "sort": True}]))
def test_traces_near_valid_ones(folder: Path, text: str, options: dict[str, Any]) -> None:
    """A valid trace with some changes is read or refused."""
    path = folder / "near.csv"
    path.write_bytes(text.encode())
    try:
        tg.read_trace(path, **options)
    except tg.TimegateError as error:
        refused_well(error, f"{path}: ")
