from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import timegate as tg
from timegate.errors import ConfigError, InvalidTypeError, InvalidValueError, TimegateError, TimegateWarning, shown
from timegate.files import dump_yaml, read_document, replacing, write_document
from timegate.yaml12 import parse

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
    assert parse(written) == data
    assert YAML(typ="safe", pure=True).load(written) == data
    assert pytest.importorskip("yaml").safe_load(written) == data


@pytest.mark.parametrize(
    "word", ["22:00", "06:00", "1:30:00", "yes", "No", "on", "null", "~", "1e3", "0x1F", "2026-03-02"]
)
def test_words_that_yaml_1_1_misreads_are_quoted(word: str) -> None:
    """Times, dates, numbers and spellings of booleans are written in quotes when they are text."""
    assert dump_yaml({"key": word}) == f'key: "{word}"\n'


@pytest.mark.parametrize("name", ["x.yaml", "x.yml", "x.json", "x.JSON", "x"])
def test_documents_round_trip_through_files(tmp_path: Path, name: str) -> None:
    """The suffix decides between JSON and YAML, for writing and for reading."""
    data = {"a": [1, 2.5, None, True], "b": {"c": "ü, 22:00"}}
    write_document(tmp_path / name, data)
    assert read_document(tmp_path / name, ConfigError) == data
    if name.lower().endswith(".json"):
        assert json.loads((tmp_path / name).read_text(encoding="utf-8")) == data


@pytest.mark.parametrize("name", ["x.toml", "x.yaml.gz", "x.csv", "gateway.v2"])
def test_no_yaml_is_written_under_another_ending(tmp_path: Path, name: str) -> None:
    """A name that promises another format is refused, and nothing is written."""
    with pytest.raises(ConfigError) as caught:
        write_document(tmp_path / name, {}, ConfigError)
    assert str(caught.value) == f"path must end in .yaml, .yml or .json. Got {shown(str(tmp_path / name))}."
    assert not list(tmp_path.iterdir())


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
    assert problem(tmp_path / "no" / "mine.yaml") == "no such file."
    assert problem(tmp_path) == "is a folder, not a file."


YAML, JSON = "cannot be read as YAML: ", "cannot be read as JSON: "


def says(found: str, message: str) -> bool:
    """Whether a message begins so; an ellipsis stands for the words of whatever parsed the text."""
    ours, theirs, place = message.partition("…")
    return found.startswith(ours) and (not theirs or (found.endswith(place) and len(found) > len(ours + place)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty."),
        (" \n", "the file holds no data."),
        ("# nothing\n", "the file holds no data."),
        ("---\n...\n", "the file holds no data."),
        ("a: [1, 2", YAML + "… (line 2, column 1)."),
        ("a:\n\t- b\n", YAML + "found a tab, which is no indentation in YAML: use spaces (line 2, column 1)."),
        ("a: b: c", YAML + "… (line 1, column 5)."),
        (GOOD + GOOD, YAML + "found duplicate key 'a' (line 2, column 1)."),
        ("{a: 1, b: {c: 1, c: 2}}", YAML + "found duplicate key 'c' (line 1, column 18)."),
        ("a: 1\n---\nb: 1\n", YAML + "found a second document; a file holds one (line 2, column 1)."),
        ("a: 1\n---\n", YAML + "found a second document; a file holds one (line 2, column 1)."),
        ("a: *b", YAML + "found the alias 'b', which names nothing that ends before it (line 1, column 4)."),
        ("a: &b [*b]", YAML + "found the alias 'b', which names nothing that ends before it (line 1, column 8)."),
        ("? [a]\n: 1", YAML + "found a key that is not text: ['a']; write it in quotes (line 1, column 3)."),
        ("{1: a}", YAML + "found a key that is not text: 1; write it in quotes (line 1, column 2)."),
        ("a: {<<: b}", YAML + "found a merge key that names no mapping: 'b' (line 1, column 5)."),
        ("%YAML 3.0\n---\na: 1", YAML + "… (line 1, column 1)."),
        ("a: " + "1" * 5000, YAML + "found a number of 5,000 digits (line 1, column 4)."),
        ('a: "\\ud800"', YAML + "… (line 1, column 7)."),
        ("a: \x07", YAML + "found the character '\\x07', which no YAML may hold."),
        ("[" * 100_000, YAML + "nested too deeply (line 1, column 51)."),
        ("{a: " * 100_000, YAML + "nested too deeply (line 1, column 198)."),
        ("- " * 100_000, YAML + "nested too deeply (line 1, column 101)."),
        ("[" + "a, " * 250_000 + "]", YAML + "found more than 250,000 values, aliases unfolded; this cannot be meant"),
        ("a: " + "x" * 5000 + ": 1", YAML + "… (line 1, column 5004)."),
        ("a: *" + "x" * 5000, YAML + "found the alias 'xxx"),
    ],
)
def test_bad_yaml_gets_one_line_with_the_place(tmp_path: Path, content: str, message: str) -> None:
    """Whatever is wrong with a YAML file is said in one short line that begins with its path."""
    found = problem(tmp_path / "x.yaml", content)
    assert says(found, message)
    assert len(found) < 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": }', "…"),
        ('{"a": 1, "a": 2}', "found duplicate key 'a'."),
        ('{"a": {"b": 1, "b": 1}}', "found duplicate key 'b'."),
        ('{"a": NaN}', "NaN is not JSON."),
        ('{"a": -Infinity}', "-Infinity is not JSON."),
        ('{"a": ' + "1" * 5000 + "}", "…"),
        ("[" * 100_000, "nested too deeply."),
        ("[" * 51 + "]" * 51, "nested too deeply."),
        ("[" + "1," * 250_000 + "1]", "found more than 250,000 values; this cannot be meant."),
        ("{'a': 1}", "…"),
    ],
)
def test_bad_json_gets_one_line_with_the_place(tmp_path: Path, content: str, message: str) -> None:
    """Whatever is wrong with a JSON file is said in one line that begins with its path."""
    assert says(problem(tmp_path / "x.json", content), JSON + message)


def test_null_is_no_document(tmp_path: Path) -> None:
    """A file of JSON that says null holds no data, as an empty one."""
    assert problem(tmp_path / "x.json", "null") == "the file holds no data."


@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD.encode("utf-16"), "Byte 0 is not. It seems to be UTF-16: save it as UTF-8."),
        (GOOD.encode("utf-16-be"), "Byte 0 is NUL. It seems to be UTF-16: save it as UTF-8."),
        (GOOD.encode("utf-16-le"), "Byte 1 is NUL. It seems to be UTF-16: save it as UTF-8."),
        (GOOD.encode("utf-32"), "Byte 0 is not. It seems to be UTF-32: save it as UTF-8."),
        ("a: Büro".encode("latin-1"), "Byte 4 is not. It seems to be Latin-1 or Windows-1252: save it as UTF-8."),
        ("a: 5 €".encode("cp1252"), "Byte 5 is not. It seems to be Latin-1 or Windows-1252: save it as UTF-8."),
        (bytes(range(256)), "Byte 128 is not. It seems to be no text at all."),
        (b"\x1f\x8b\x08\x00", "Byte 1 is not. It seems to be no text at all."),
        (b"a: \0", "Byte 3 is NUL. It seems to be no text at all."),
    ],
)
def test_other_encodings_are_recognised(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """A file that is not UTF-8 is an error that says what it seems to be."""
    assert problem(tmp_path / name, content) == f"must be UTF-8 text. {message}"


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir [{path}]",
        "a: !!python/object/new:os.mkdir [{path}]",
        "a: !own x",
        "a: !!binary aGFsbG8=",
        "a: !!set {{x, y}}",
        "a: !!timestamp 2026-03-02",
        "a: !!int 7",
    ],
)
def test_tags_build_no_objects(tmp_path: Path, tag: str) -> None:
    """A tag that would build an object is an error, and nothing was run."""
    found = problem(tmp_path / "x.yaml", tag.format(path=tmp_path / "made"))
    assert found.startswith("cannot be read as YAML: found the tag '!")
    assert "; only plain data is read (line 1, column " in found
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("[2026-03-02, 2026-03-02T09:00:00Z]", ["2026-03-02", "2026-03-02T09:00:00Z"]),
        ("[22:00, 1:30:00]", ["22:00", "1:30:00"]),
        ("[yes, No, on, y, ~, null, Null, '', ]", ["yes", "No", "on", "y", None, None, None, ""]),
        ("[true, True, FALSE, 'true', tRUE]", [True, True, False, "true", "tRUE"]),
        ("[1, -2, +3, 007, 0o17, 0x1F, 1_000, 0b1]", [1, -2, 3, 7, 15, 31, "1_000", "0b1"]),
        ("[1.5, .5, 1., 1e3, -1E-2, 1e, '1.5']", [1.5, 0.5, 1.0, 1000.0, -0.01, "1e", "1.5"]),
        ("[.inf, -.INF, inf]", [math.inf, -math.inf, "inf"]),
        ("[!!str 5, ! 6, '7', \"8\"]", ["5", "6", "7", "8"]),
        (f"[{2**64}, -{10**40}]", [2**64, -(10**40)]),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
    ],
)  # fmt: skip
def test_words_are_read_as_yaml_1_2_has_them(tmp_path: Path, text: str, data: Any) -> None:
    """Plain words follow the core schema of YAML 1.2: times and dates are text."""
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    assert read_document(tmp_path / "x.yaml", ConfigError) == data


@given(st.text("01234567890+-.eExXoOabcdfnulty~:_ ", max_size=8).map(str.strip))
def test_words_are_read_as_ruamel_reads_them(word: str) -> None:
    """A word is what another reader of YAML 1.2 takes it for, but for dates and what only YAML 1.1 calls a number."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    assume("_" not in word and not re.match(r"[0-9]{4}-|[-+]0[xo]", word))
    try:
        expected = YAML(typ="safe", pure=True).load(f"- {word}")
    except (YAMLError, ValueError, NotImplementedError):
        assume(False)
    assume(not isinstance(expected[0], dict | list))
    found = parse(f"- {word}")
    assert repr(found) == repr(expected)


def test_aliases_and_merge_keys_are_followed(tmp_path: Path) -> None:
    """An alias is its value, and `<<` adds the keys that a mapping lacks; the earlier of several comes first."""
    (tmp_path / "x.yaml").write_text(
        "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\n"
        "one: {<<: *base, b: 9}\ntwo: {<<: [*other, *base]}\nthree: [*base, '<<']\nfour: {'<<': *base}\n"
    )
    assert read_document(tmp_path / "x.yaml", ConfigError) == {
        "base": {"a": 1, "b": 2},
        "other": {"b": 3, "c": 4},
        "one": {"a": 1, "b": 9},
        "two": {"a": 1, "b": 3, "c": 4},
        "three": [{"a": 1, "b": 2}, "<<"],
        "four": {"<<": {"a": 1, "b": 2}},
    }


def bomb(levels: int) -> str:
    """Return a few lines of YAML that unfold to ten to the power of so many values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(("levels", "place"), [(5, None), (6, "line 6, column 12"), (9, "line 6, column 12")])
def test_aliases_are_bounded(tmp_path: Path, levels: int, place: str | None) -> None:
    """Each use of an alias counts all the values that it stands for, so no small file becomes a large one."""
    path = tmp_path / "x.yaml"
    path.write_text(bomb(levels))
    if place is None:
        assert len(read_document(path, ConfigError)) == levels
    else:
        found = problem(path)
        assert found.startswith("cannot be read as YAML: found more than 250,000 values, aliases unfolded")
        assert f"({place[:6]}" in found


NASTY = {
    "bomb.yaml": bomb(30),
    "merged.yaml": "a: &a {" + ", ".join(f"k{i}: 1" for i in range(1000)) + "}\nb:\n" + "- {<<: *a}\n" * 5000,
    "brackets.yaml": "[" * 2_000_000,
    "braces.yaml": "{" * 2_000_000,
    "dashes.yaml": "- " * 2_000_000,
    "question.yaml": "? " * 2_000_000,
    "colons.yaml": "a:\n" * 2_000_000,
    "items.yaml": "- a\n" * 1_000_000,
    "anchors.yaml": "".join(f"- &a{i} x\n" for i in range(200_000)),
    "words.yaml": "a " * 4_000_000,
    "digits.yaml": "a: " + "1" * 7_000_000,
    "hex.yaml": "a: 0x" + "1" * 7_000_000,
    "quote.yaml": 'a: "' + "\\x41" * 1_000_000,
    "lists.json": "[" + "[]," * 2_500_000 + "[]]",
    "brackets.json": "[" * 8_000_000,
    "digits.json": "1" * 8_000_000,
    "keys.json": "{" + ",".join(f'"{i}":1' for i in range(700_000)) + ',"7":1}',
}
"""Texts of up to 8 MB that are made to cost time or memory."""


@pytest.mark.parametrize("name", NASTY)
def test_nasty_files_cost_little_memory(tmp_path: Path, name: str) -> None:
    """Files made to exhaust memory or stack are refused within 1 GiB of address space and a few seconds of work."""
    path = tmp_path / name
    path.write_text(NASTY[name])
    script = """
import resource, sys
from timegate import GatewayConfig
from timegate.errors import ConfigError
import yaml
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, used + 2**30))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
try:
    GatewayConfig.load(sys.argv[1])
except ConfigError as error:
    print(str(error))
"""
    found = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{path}: ")
    assert len(found.stdout.splitlines()) == 1
    assert len(found.stdout) < 500 + len(str(path))


def test_files_too_large_to_be_meant_are_refused(tmp_path: Path) -> None:
    """A file of more than 8 MiB is refused before it is read whole."""
    path = tmp_path / "x.yaml"
    with path.open("wb") as file:
        file.truncate(2**40)  # a hole: it takes no room
    assert problem(path) == "larger than 8 MiB; this cannot be meant."


def test_a_file_of_the_greatest_size_is_read(tmp_path: Path) -> None:
    """A file of 8 MiB to the byte, and one of 250,000 values, are still read."""
    path = tmp_path / "x.yaml"
    path.write_text("a: b #".ljust(8 * 2**20, "."))
    assert read_document(path, ConfigError) == {"a": "b"}
    path.write_text("[" + "a, " * 249_999 + "]")
    assert len(read_document(path, ConfigError)) == 249_999
    path.with_suffix(".json").write_text("[" + "1," * 249_998 + "1]")
    assert len(read_document(path.with_suffix(".json"), ConfigError)) == 249_999
    path.write_text("[" * 50 + "]" * 50)
    assert repr(read_document(path, ConfigError)) == "[" * 50 + "]" * 50
    path.rename(path.with_suffix(".json"))
    assert repr(read_document(path.with_suffix(".json"), ConfigError)) == "[" * 50 + "]" * 50


def test_pipes_and_devices_are_refused(tmp_path: Path) -> None:
    """A pipe that nobody writes to would never end: it is refused at once, as a device is."""
    os.mkfifo(tmp_path / "x.yaml")
    assert problem(tmp_path / "x.yaml") == "is a pipe, socket or device, not a file."
    assert problem(Path("/dev/zero")) == "is a pipe, socket or device, not a file."


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    """A dangling link says where it leads, a circle of links that it cannot be read, and a good link is followed."""
    (tmp_path / "x.yaml").symlink_to("gone.yaml")
    assert problem(tmp_path / "x.yaml") == "is a link to 'gone.yaml', which is not there."
    (tmp_path / "y.yaml").symlink_to("y.yaml")
    assert problem(tmp_path / "y.yaml") == "is a link to 'y.yaml', which is not there."
    (tmp_path / "gone.yaml").write_text(GOOD)
    assert read_document(tmp_path / "x.yaml", ConfigError) == {"a": [1, "22:00"]}


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


def test_replacing_keeps_what_is_no_file(tmp_path: Path) -> None:
    """A pipe, a link to one and a folder are refused and stay; so is a path with NUL."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link, tmp_path):
        with pytest.raises(OSError, match="not a file"), replacing(path):
            pass
    with pytest.raises(OSError, match="NUL"), replacing(tmp_path / "a\0b"):
        pass
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_a_read_only_file_is_not_overwritten(tmp_path: Path) -> None:
    """Somebody took the permission to write away for a reason, whoever writes, root included."""
    path = tmp_path / "x.yaml"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="read-only") as caught:
        write_document(path, {"a": 1})
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner(tmp_path: Path) -> None:
    """What a service reads it reads after root has replaced it."""
    path = tmp_path / "x.yaml"
    path.write_text("old")
    os.chown(path, 12345, 54321)
    path.chmod(0o640)
    write_document(path, {"a": 1})
    there = path.stat()
    assert (there.st_uid, there.st_gid, stat.S_IMODE(there.st_mode)) == (12345, 54321, 0o640)
    assert path.read_text() == "a: 1\n"


def test_hard_links_stay_links(tmp_path: Path) -> None:
    """Both names are one file, before and after, and hold the new content, be it shorter."""
    path, other = tmp_path / "x.yaml", tmp_path / "y.yaml"
    path.write_text("old" * 1000)
    os.link(path, other)
    write_document(path, {"a": 1})
    assert path.samefile(other)
    assert other.read_text() == "a: 1\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.yaml", "y.yaml"]


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="this system has no such attributes")
def test_attributes_stay(tmp_path: Path) -> None:
    """Extended attributes are those of the old file."""
    path = tmp_path / "x.yaml"
    path.write_text("old")
    try:
        os.setxattr(path, "user.origin", b"here")
    except OSError:
        pytest.skip("this file system keeps no attributes")
    write_document(path, {"a": 1})
    assert os.getxattr(path, "user.origin") == b"here"


@pytest.mark.parametrize("name", ["x" * 245 + ".yaml", "é" * 120 + ".yaml", "x" * 255, "x." + "y" * 253])
def test_long_names_are_written(tmp_path: Path, name: str) -> None:
    """A name that the file system takes is one that can be written, as often as one likes."""
    for number in range(2):
        with replacing(tmp_path / name) as unfinished:
            unfinished.write_text(str(number))
    assert (tmp_path / name).read_text() == "1"


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    """The error of the system names nothing, or what nobody knows of: ours names what was to be written."""
    for name in (None, "unfinished"):
        with (
            pytest.raises(OSError, match="No space left on device") as caught,
            replacing(tmp_path / "x.csv") as unfinished,
        ):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *([str(unfinished)] if name else []))
        assert caught.value.filename == str(tmp_path / "x.csv")
        assert caught.value.errno == errno.ENOSPC
    with pytest.raises(FileNotFoundError) as other, replacing(tmp_path / "x.csv"):
        (tmp_path / "gone").read_text()
    assert other.value.filename == str(tmp_path / "gone")


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """The next write removes what nobody writes any more, and leaves what somebody does."""
    script = """
import sys, time
from timegate.files import replacing
with replacing(sys.argv[1]) as unfinished:
    unfinished.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    path = tmp_path / "x.yaml"
    arguments = [sys.executable, "-c", script, str(path)]
    for end in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            (left,) = (p for p in tmp_path.iterdir() if p != path)
            write_document(path, {"a": 1})
            assert left.exists()
            process.send_signal(end)
        assert left.exists()
        write_document(path, {"a": 2})
        assert [p.name for p in tmp_path.iterdir()] == ["x.yaml"]


def test_numbers_whose_hashes_meet_are_refused_at_once(tmp_path: Path) -> None:
    """A million keys of the form i * (2^61 - 1), which fall into one place of a dict, are no keys at all."""
    path = tmp_path / "flood.yaml"
    path.write_text("\n".join(f"{i * (2**61 - 1)}: 1" for i in range(40_000)))
    with pytest.raises(ConfigError, match=r"found a key that is not text: 0; write it in quotes"):
        read_document(path, ConfigError)


@pytest.mark.parametrize("given", [None, 5, b"day.csv", ["day.csv"], object()])
def test_what_is_no_path_is_told(given: Any) -> None:
    """Whatever takes a path says so, in place of Python's words on its own types."""
    takes = [
        tg.GatewayConfig.load, tg.Scenario.load, tg.PriceBook.load, tg.read_trace, tg.read_rates, tg.read_incidents,
        tg.read_holidays, tg.Recorder, tg.Scenario().save,
    ]  # fmt: skip
    for take in takes:
        with pytest.raises(InvalidTypeError, match=r"^path must be the path of a file\. Got "):
            take(given)


def test_what_takes_the_thing_itself_is_told() -> None:
    """A table, a mapping or several files where one path is wanted: the error says what takes them."""
    with pytest.raises(InvalidTypeError, match=r"Trace\(frame\) takes a table\.$"):
        tg.read_trace(pd.DataFrame({"at": []}))  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"GatewayConfig\(\*\*mapping\) takes a mapping\.$"):
        tg.GatewayConfig.load({"deployments": []})  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"Several are given one by one: read_incidents\(\*paths\)\.$"):
        tg.read_incidents(["a.json", "b.json"])  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match=r"Use read_incidents\(path\)\.$"):
        tg.Incidents("a.json")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_names_that_no_folder_takes_are_told(name: str, tmp_path: Path) -> None:
    """To read and to write: the error is ours, and names the path."""
    config = tg.GatewayConfig(deployments=[{"model_name": "a", "model": "sim/a"}])
    run = tg.replay(config, tg.Trace(["2026-03-02T09:00Z"]), engine="stepped")
    for take in (tg.read_trace, tg.GatewayConfig.load, tg.read_incidents, run.to_csv):
        with pytest.raises(InvalidValueError, match=r"(cannot be|no such file)"):
            take(tmp_path / name)


def test_what_macos_adds_to_an_archive_is_passed_over(tmp_path: Path) -> None:
    """A file that the Finder has packed has a twin of its attributes beside it."""
    day = b"at\n2026-03-02T09:00Z\n"
    with zipfile.ZipFile(tmp_path / "day.csv.zip", "w") as archive:
        for name in ("__MACOSX/._day.csv", "day.csv", ".DS_Store"):
            archive.writestr(name, day if name == "day.csv" else b"\0")
    with tarfile.open(tmp_path / "day.csv.tar.gz", "w:gz") as tar:
        for name in ("./._day.csv", "./day.csv"):
            member = tarfile.TarInfo(name)
            member.size = len(day)
            tar.addfile(member, io.BytesIO(day))
    for name in ("day.csv.zip", "day.csv.tar.gz"):
        assert len(tg.read_trace(tmp_path / name)) == 1


def test_formulas_are_kept_from_spreadsheets_on_demand(tmp_path: Path) -> None:
    """A name that begins as a formula is written as it is, or behind an apostrophe; numbers and times never change."""
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "plain", "a=b"]
    config = tg.GatewayConfig(
        deployments=[{"model_name": name.strip() or "t", "model": "sim/a"} for name in names if name[0] != "\t"]
    )
    trace = tg.Trace(
        pd.DataFrame({"at": ["2026-03-02T09:00Z"] * 7, "model_preference": names, "prompt_tokens": [7] * 7})
    )
    with pytest.warns(TimegateWarning, match="prefer"):
        run = tg.replay(config, trace, engine="stepped")
    for escape, mark in ((False, ""), (True, "'")):
        run.to_csv(tmp_path, escape_formulas=escape)
        found = pd.read_csv(tmp_path / "calls.csv")
        assert found["preferred"].tolist() == [*(mark + name for name in names[:5]), "plain", "a=b"]
        assert found["served_by"].tolist()[:4] == [mark + name for name in names[:4]]
        assert found["latency_s"].tolist() == [0.0] * 7
    trace.to_csv(tmp_path / "trace.csv", escape_formulas=True)
    assert pd.read_csv(tmp_path / "trace.csv")["model_preference"].tolist()[0] == "'=1+1"
    trace.to_csv(tmp_path / "trace.csv")
    assert tg.read_trace(tmp_path / "trace.csv").preferred_column.tolist() == names
