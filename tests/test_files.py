from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timegate.errors import ConfigError, TimegateError
from timegate.files import dump_yaml, read_document, replacing, write_document

GOOD = 'a: [1, "22:00"]\n'
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.from_regex("[a-z]{3,9}", fullmatch=True), inner),
    max_leaves=12,
).filter(lambda data: data is not None)


def problem(path: Path, content: str | bytes | None = None) -> str:
    """Return what is said of a file, without its path."""
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        read_document(path, ConfigError)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@given(documents)
@example({"rate": 1e-06})
@example({"rate": 1e16})
def test_yaml_is_read_as_it_was_written(data: Any) -> None:
    """Any plain data comes back from YAML 1.2, and from PyYAML, a reader of YAML 1.1, where that is installed."""
    from ruamel.yaml import YAML

    written = dump_yaml(data)
    assert YAML(typ="safe", pure=True).load(written) == data
    assert pytest.importorskip("yaml").safe_load(written) == data


@pytest.mark.parametrize(
    "word", ["22:00", "06:00", "1:30:00", "yes", "No", "on", "null", "~", "1e3", "0x1F", "2026-03-02"]
)
def test_words_that_yaml_1_1_misreads_are_quoted(word: str) -> None:
    """Times, dates, numbers and spellings of booleans are written in quotes when they are text."""
    assert dump_yaml({"key": word}) == f'key: "{word}"\n'


@pytest.mark.parametrize("name", ["x.yaml", "x.yml", "x.json", "x"])
def test_documents_round_trip_through_files(tmp_path: Path, name: str) -> None:
    """The suffix decides between JSON and YAML, for writing and for reading."""
    data = {"a": [1, 2.5, None, True], "b": {"c": "ü, 22:00"}}
    write_document(tmp_path / name, data)
    assert read_document(tmp_path / name, ConfigError) == data
    if name.endswith(".json"):
        assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == data


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize(("name", "content"), [("x.yaml", b"a: 1\nb: x\n"), ("x.json", b'{"a": 1,\n"b": "x"}\n')])
def test_reads_files_of_windows(tmp_path: Path, name: str, content: bytes, prefix: bytes, newline: bytes) -> None:
    """A byte order mark and CRLF make no difference."""
    path = tmp_path / name
    path.write_bytes(prefix + content.replace(b"\n", newline))
    assert read_document(path, ConfigError) == {"a": 1, "b": "x"}


def test_unquoted_times_are_text(tmp_path: Path) -> None:
    """YAML is read as 1.2, in which an unquoted 22:00 is not the number 1320."""
    (tmp_path / "x.yaml").write_text("a: [22:00, 06:00]")
    assert read_document(tmp_path / "x.yaml", ConfigError) == {"a": ["22:00", "06:00"]}


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A mistyped name gets the nearest file of the folder, if any is near."""
    (tmp_path / "gateway.yaml").write_text(GOOD)
    assert problem(tmp_path / "gatway.yaml") == "no such file. Did you mean 'gateway.yaml'?"
    assert problem(tmp_path / "zzz") == "no such file."
    assert problem(tmp_path / "no" / "gateway.yaml") == "no such file."
    assert problem(tmp_path) == "is a folder, not a file."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty."),
        (" \n", "the file holds no data."),
        ("# nothing\n", "the file holds no data."),
        (bytes(range(256)), "must be UTF-8 text. Byte 128 is not."),
        (GOOD.encode("utf-16"), "must be UTF-8 text. Byte 0 is not."),
        (b"a: \0", "cannot be read as YAML: unacceptable character #x0000"),
        ("a: [1, 2", "cannot be read as YAML: expected ',' or ']', but got '<stream end>' (line 1, column 9)"),
        ("a:\n\t- b\n", r"cannot be read as YAML: found character '\t' that cannot start any token (line 2, column 1)"),
        (GOOD + GOOD, 'cannot be read as YAML: found duplicate key "a"'),
        ("a: 1\n---\nb: 1\n", "cannot be read as YAML: but found another document"),
        ("a: *b", "cannot be read as YAML: found undefined alias 'b'"),
        ("[" * 1000, "nested too deeply."),
    ],
)
def test_bad_yaml_gets_one_line_with_the_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    """Whatever is wrong with a YAML file is said in one line that begins with its path."""
    assert problem(tmp_path / "x.yaml", content).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": }', "cannot be read as JSON: Expecting value: line 1 column 7 (char 6)"),
        ('{"a": 1, "a": 2}', "cannot be read as JSON: found duplicate key 'a'"),
        ('{"a": NaN}', "cannot be read as JSON: NaN is not JSON"),
        ('{"a": -Infinity}', "cannot be read as JSON: -Infinity is not JSON"),
        ('{"a": ' + "1" * 5000 + "}", "cannot be read as JSON: Exceeds the limit"),
        ("[" * 100_000, "nested too deeply."),
        ("null", "the file holds no data."),
    ],
)
def test_bad_json_gets_one_line_with_the_place(tmp_path: Path, content: str, message: str) -> None:
    """Whatever is wrong with a JSON file is said in one line that begins with its path."""
    assert problem(tmp_path / "x.json", content).startswith(message)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir [{path}]", "a: !!python/object/new:os.mkdir [{path}]", "a: !own x"]
)
def test_tags_build_no_objects(tmp_path: Path, tag: str) -> None:
    """A tag that would build an object is an error, and nothing was run."""
    found = problem(tmp_path / "x.yaml", tag.format(path=tmp_path / "made"))
    assert found.startswith("cannot be read as YAML: could not determine a constructor for the tag")
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


def test_files_too_large_to_be_meant_are_refused(tmp_path: Path) -> None:
    """A file of more than 16 MiB is refused before it is read."""
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(16 * 2**20 + 1)  # a hole: it takes no room
    assert problem(path) == "larger than 16 MiB; this cannot be meant."


def test_names_that_no_file_system_takes_are_not_there(tmp_path: Path) -> None:
    """A path too long to exist is an error of ours, as any file that cannot be read."""
    assert problem(tmp_path / ("a" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_files_are_said_to_be(tmp_path: Path) -> None:
    """A file without the permission to read is an error that says so."""
    path = tmp_path / "x.yaml"
    path.write_text(GOOD)
    path.chmod(0)
    assert problem(path) == "cannot be read: Permission denied."


def test_replacing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while writing, or while putting the file in place, leaves the old file and nothing beside it."""
    path = tmp_path / "x.yaml"
    path.write_text("old")

    def fail(*args: Any) -> NoReturn:
        raise OSError("disk full")

    for error in (OSError, KeyboardInterrupt):
        with pytest.raises(error), replacing(path) as unfinished:
            raise error(unfinished.write_text("half"))
    monkeypatch.setattr(Path, "replace", fail)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_document(path, {"a": 1})
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x.yaml", "old")]


def test_replacing_follows_links_and_keeps_permissions(tmp_path: Path) -> None:
    """A symbolic link stays one and its file keeps its permissions; a new file gets those of the umask."""
    path, link = tmp_path / "x.yaml", tmp_path / "link.yaml"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    umask = os.umask(0o027)
    try:
        write_document(link, {"a": 1})
        write_document(tmp_path / "new.yaml", {"a": 1})
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert path.read_text() == "a: 1\n"
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("x.yaml", "new.yaml")] == [0o640, 0o640]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Writing into a missing folder says so of the path that was given, not of a temporary file."""
    with pytest.raises((OSError, TimegateError)) as caught:
        write_document(tmp_path / "no" / "x.yaml", {"a": 1})
    assert str(tmp_path / "no") in str(caught.value)
    assert "/.x-" not in str(caught.value)
