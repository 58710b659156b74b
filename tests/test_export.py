"""What all exports share: targets, refusals, secrets, and files that are whole or not touched."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import timegate as tg
from timegate.core.deployment import LISTS
from timegate.errors import ConfigError, InstantError
from timegate.formats.export import Exported, export
from timegate.formats.registry import FORMATS, SIDECAR, as_ours

NOW = "2026-11-23T00:00Z"
CANARY = "sk-canary-4711"
SUFFIXES = {"timegate": "yaml", "msgflux": "json", "msgflux-by-id": "json", "litellm": "yaml", "ics": "ics"}
CONFIG = tg.GatewayConfig(
    deployments=[
        {"model_name": "strong", "model": "openai/gpt-4.1", "time_constraints": [["22:00", "06:00"]]},
        {
            "model_name": "weak",
            "model": "openai/gpt-4.1-mini",
            "available": [{"start": "08:00", "end": "20:00", "tz": "Europe/Berlin", "days": ["mon"]}],
            "description": "cheap",
        },
    ]
)
every_target = pytest.mark.parametrize("to", list(FORMATS))


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest) -> None:
    """Skip calendars where their package is missing."""
    if "ics" in request.node.name:
        pytest.importorskip("icalendar")


def write(to: str, path: Path, config: tg.GatewayConfig = CONFIG) -> Exported:
    return config.export(to, path, lossy=True, now=NOW)


@pytest.mark.parametrize(
    ("to", "hint"), [("msgflx", "Did you mean 'msgflux'?"), ("LiteLLM", "Did you mean 'litellm'?"), ("x", "Known: 'ti")]
)
def test_unknown_targets_get_a_hint(to: str, hint: str, tmp_path: Path) -> None:
    """A target that is not there is an error with the nearest one, or all."""
    with pytest.raises(ConfigError, match="to must be one of the known targets") as caught:
        write(to, tmp_path / "out")
    assert hint in str(caught.value)


def test_every_target_is_known_here() -> None:
    """The tests below go through every target."""
    assert set(SUFFIXES) == set(FORMATS)


def test_now_must_be_an_instant(tmp_path: Path) -> None:
    """A naive time is an error that names the parameter."""
    with pytest.raises(InstantError, match="now must carry a zone"):
        CONFIG.export("timegate", tmp_path / "out.yaml", now="2026-11-23T00:00")


@every_target
def test_what_was_written_is_told(to: str, tmp_path: Path) -> None:
    """The result names target, path and version, and every loss and note; the file holds them as well."""
    path = tmp_path / f"out.{SUFFIXES[to]}"
    found = write(to, path)
    assert (found.to, found.path) == (to, path)
    assert found.checked.startswith(f"Checked by timegate {tg.__version__} on 2026-11-23 00:00 UTC: ")
    assert bool(found.lost) == (to not in ("timegate", "ics", "litellm"))
    lines = repr(found).splitlines()
    assert lines[0] == f"Wrote {path} ({FORMATS[to].title})."
    assert lines[2:] == [*(f"Lost: {text}" for text in found.lost), *(f"Note: {text}" for text in found.notes)]
    if to != "ics":
        text = path.read_text(encoding="utf-8")
        said = json.loads(text)[SIDECAR] if path.suffix == ".json" else [line[2:] for line in text.splitlines()]
        assert set(lines[1:]) <= set(said)


@every_target
def test_the_same_bytes_each_time(to: str, tmp_path: Path) -> None:
    """At the same time, an export is the same to the byte."""
    contents = set()
    for _ in range(2):
        write(to, tmp_path / f"out.{SUFFIXES[to]}")
        contents.add((tmp_path / f"out.{SUFFIXES[to]}").read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("suffix", ["json", "yaml", "yml", "txt"])
@pytest.mark.parametrize("to", [to for to in FORMATS if to != "ics"])
def test_any_suffix_can_be_read_again(to: str, suffix: str, tmp_path: Path) -> None:
    """Whatever the suffix, the file is loaded again, JSON where it says so."""
    path = tmp_path / f"out.{suffix}"
    write(to, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tg.TimegateWarning)
        again = tg.GatewayConfig.load(path)
    assert [d.model for d in again.deployments] == [d.model for d in CONFIG.deployments]
    if suffix == "json":
        assert json.loads(path.read_text(encoding="utf-8"))


def test_a_sidecar_is_no_part_of_a_config(tmp_path: Path) -> None:
    """A config exported to JSON equals itself; any other unknown key is still an error."""
    path = tmp_path / "out.json"
    write("timegate", path)
    assert SIDECAR in json.loads(path.read_text())
    assert tg.GatewayConfig.load(path) == CONFIG
    path.write_text(path.read_text().replace(SIDECAR, "_exports"))
    with pytest.raises(ConfigError, match="unknown key '_exports'"):
        tg.GatewayConfig.load(path)


@every_target
def test_secrets_never_leave(to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """With keys in the environment and gateways that use them, no key is in a file, a repr, an error or the log."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SIM_API_KEY"):
        monkeypatch.setenv(name, CANARY)
    pytest.importorskip("openai")
    gateway = CONFIG.build()
    with caplog.at_level("DEBUG"):
        found = write(to, tmp_path / f"out.{SUFFIXES[to]}")
        with pytest.raises(ConfigError) as caught:
            CONFIG.export(to, tmp_path, now=NOW)
    for path in tmp_path.iterdir():
        assert CANARY.encode() not in path.read_bytes()
    said = [*caught.value.problems, repr(caught.value), caplog.text]
    for text in (*said, repr(found), repr(CONFIG), repr(gateway), json.dumps(gateway.serialize())):
        assert CANARY not in text
    if to == "litellm":
        assert "os.environ/OPENAI_API_KEY" in (tmp_path / "out.yaml").read_text()


def test_a_key_cannot_be_given_as_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key among the arguments of a model would be serialised: it is refused, and not shown."""
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    with pytest.raises(ConfigError, match="environment variable, which api_key_env names") as caught:
        tg.Model.chat_completion("openai/gpt-4.1", api_key=CANARY)
    assert CANARY not in repr(caught.value)


@every_target
def test_a_link_stays_one_and_keeps_permissions(to: str, tmp_path: Path) -> None:
    """Through a symbolic link, the file behind it is replaced and keeps its permissions."""
    path, link = tmp_path / f"file.{SUFFIXES[to]}", tmp_path / f"link.{SUFFIXES[to]}"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write(to, link)
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") != "old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([path.name, link.name])


@every_target
def test_bad_places_are_errors_of_ours(to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a missing folder, a file as a folder and a full disk are named in one line; nothing is left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    places = {
        "folder": "is a folder, not a file.",
        "no/out.json": "cannot be written: no such folder.",
        "file/out.json": "cannot be written: ",
        "x" * 300: "cannot be written: ",
    }
    for name, message in places.items():
        with pytest.raises(ConfigError) as caught:
            write(to, tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: {message}")

    def fail(*args: Any, **kwargs: Any) -> NoReturn:
        raise OSError(28, "No space left on device")

    for method in ("write_bytes", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, method, fail)
            with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
                write(to, tmp_path / "file")
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkstemp", lambda **_: fail())
        with pytest.raises(ConfigError, match="file: cannot be written: No space left on device"):
            write(to, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write in every folder")
def test_a_read_only_folder_is_said_to_be(tmp_path: Path) -> None:
    """A folder without the permission to write is an error that says so."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match=f"cannot be written: {os.strerror(errno.EACCES)}"):
        write("timegate", tmp_path / "out.yaml")
    tmp_path.chmod(0o700)


@every_target
def test_a_wrong_file_is_never_put_in_place(to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read back is compared: bytes that say something else leave the old file as it was."""
    path = tmp_path / f"out.{SUFFIXES[to]}"
    path.write_text("old")
    other = CONFIG.model_copy(update={"deployments": CONFIG.deployments[:1]})
    target = FORMATS[to]

    def render(draft: Any, request: Any, remarks: Any) -> bytes:
        wrong = type(request)(other, request.path, request.now_us, request.like)
        return target.render(target.translate(wrong), wrong, remarks)

    monkeypatch.setitem(FORMATS, to, target._replace(render=render))
    with pytest.raises(ConfigError, match="was not written, for it would not have said what the config does"):
        write(to, path)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(path.name, "old")]


KILLED = """
import os, signal, sys
from pathlib import Path
import timegate as tg
from timegate import files
from timegate.formats import registry

to, path, moment = sys.argv[1:]
die = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)

def before(function):
    return lambda *args, **kwargs: (die(), function(*args, **kwargs))

def after(function):
    return lambda *args, **kwargs: (function(*args, **kwargs), die())

def half(path, content):
    with open(path, "wb") as file:
        file.write(content[: len(content) // 2])
    die()

target = registry.FORMATS[to]
if moment == "before rendering":
    registry.FORMATS[to] = target._replace(render=before(target.render))
elif moment == "after rendering":
    registry.FORMATS[to] = target._replace(render=after(target.render))
elif moment == "before writing":
    Path.write_bytes = before(Path.write_bytes)
elif moment == "while writing":
    Path.write_bytes = half
elif moment == "after writing":
    Path.write_bytes = after(Path.write_bytes)
elif moment == "before comparing":
    registry.FORMATS[to] = target._replace(is_right=before(target.is_right))
elif moment == "before reaching the disk":
    os.fsync = before(os.fsync)
elif moment == "after reaching the disk":
    os.fsync = after(os.fsync)
elif moment == "before replacing":
    Path.replace = before(Path.replace)
elif moment == "after replacing":
    Path.replace = after(Path.replace)
config = tg.GatewayConfig.load(sys.stdin.read().strip())
config.export(to, path, lossy=True, now="2026-11-23T00:00Z")
"""
MOMENTS = [
    "before rendering",
    "after rendering",
    "before writing",
    "while writing",
    "after writing",
    "before comparing",
    "before reaching the disk",
    "after reaching the disk",
    "before replacing",
    "after replacing",
]


@pytest.mark.parametrize(
    ("to", "moment"),
    [*(("timegate", moment) for moment in MOMENTS), ("msgflux", "while writing"), ("ics", "while writing")],
)
def test_killed_at_any_moment_there_is_the_old_file_or_the_new_one(to: str, moment: str, tmp_path: Path) -> None:
    """Killed before the file is put in place, the old one stands there untouched; after it, the whole new one."""
    whole, path = (tmp_path / f"{name}.{SUFFIXES[to]}" for name in ("whole", "out"))
    write(to, whole)
    path.write_text("old")
    CONFIG.save(tmp_path / "config.yaml")
    run = subprocess.run(
        [sys.executable, "-c", KILLED, to, str(path), moment],
        input=str(tmp_path / "config.yaml"), text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == -signal.SIGKILL, run.stderr
    expected = whole.read_bytes() if moment == "after replacing" else b"old"
    assert path.read_bytes() == expected


def test_interrupted_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while writing leaves the old file, and nothing beside it."""
    (tmp_path / "out.yaml").write_text("old")

    def interrupt(*args: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write("timegate", tmp_path / "out.yaml")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("out.yaml", "old")]


def test_the_method_is_the_function(tmp_path: Path) -> None:
    """``config.export`` does what ``timegate.formats.export.export`` does."""
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    CONFIG.export("msgflux", first, lossy=True, now=NOW)
    export(CONFIG, "msgflux", second, lossy=True, now=NOW)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("data", [{"msgflux_type": "x", "deployments": []}, {"model_list": [], "deployments": []}])
def test_a_config_of_ours_is_judged_as_one(data: dict[str, Any], tmp_path: Path) -> None:
    """A file with deployments is ours, and a foreign key in it an error."""
    (tmp_path / "x.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="has the unknown key"):
        tg.GatewayConfig.load(tmp_path / "x.json")


words = st.sampled_from(
    ["model_gateway", "sim", "a", "chat_completion", "openai/x", "os.environ/X", "22:00", "", "chat"]
)
anything = st.recursive(
    words | st.none() | st.booleans() | st.integers(-1, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.integers(0, 1), inner, max_size=3),
    max_leaves=6,
)


def records(**fields: Any) -> st.SearchStrategy[Any]:
    """Draw mappings that are almost right: most fields are there, and of the right kind."""
    return st.fixed_dictionaries(
        {}, optional={name: value | value | value | anything for name, value in fields.items()}
    )


inner = records(model_id=words, provider=words, api_key=words)
model = records(msgflux_type=st.just("model"), provider=words, model_type=words, state=inner)
windows = st.lists(st.tuples(words, words).map(list), max_size=2)
entry = records(model_name=words, model=model, time_constraints=windows, description=words)
state = records(
    models=st.lists(entry | model, max_size=3), time_constraints=st.dictionaries(words, windows, max_size=2)
)
params = records(model=words, api_key=words, custom_llm_provider=words, mock_response=words)
group = records(model_name=words, litellm_params=params, model_info=records(mode=words, description=words))
fallbacks = st.lists(st.dictionaries(words, st.lists(words, max_size=2), max_size=2), max_size=2)
router = records(fallbacks=fallbacks, num_retries=words)
foreign = st.fixed_dictionaries(
    {"msgflux_type": st.just("model_gateway") | anything, "state": state | anything}
) | st.fixed_dictionaries({"model_list": st.lists(group, max_size=3) | anything, "router_settings": router | anything})


@examples(500)
@given(data=foreign)
def test_no_foreign_config_escapes(data: dict[str, Any]) -> None:
    """Whatever a foreign config holds, it becomes a config of ours or an error of ours."""
    try:
        ours, _, lost = as_ours(data)
        config = tg.GatewayConfig.model_validate(ours)
    except ConfigError:
        return
    assert config.deployments
    assert all(isinstance(text, str) for text in lost)


@pytest.mark.parametrize("target", ["msgflux", "litellm"])
def test_no_field_of_a_deployment_is_lost_in_silence(target: str, tmp_path: Path) -> None:
    """Whatever a config says beyond what a target can is named with its place, new fields by themselves."""
    policies = {"prefer_during": [["22:00", "06:00"]], "priority": 3, "weight": 2, "policy": {"max_retries": 1}}
    strong = {"model_name": "strong", "model": "sim/large", "params": {"temperature": 0}, **policies}
    gateway = tg.GatewayConfig(policy={"deadline_s": 9}, deployments=[strong])
    with pytest.raises(ConfigError) as caught:
        gateway.export(target, tmp_path / "out.yaml")
    lost = {problem.place for problem in caught.value.problems}
    said = {"priority", "weight", "policy"} if target == "litellm" else set()
    assert lost == {("policy",), *(("deployments", 0, name) for name in {*policies, "params"} - said)}
    assert tg.Deployment.model_fields.keys() <= {
        *strong,
        *LISTS,
        "price",
        "description",
    }
