"""Compiling: a cache that is never stale, plain modules inside kernels, kernels that count no references."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numba.core.errors import NumbaError

import timegate
from timegate.core.jit import inlined, jit, register

# A kernel in one module, which calls one of another.
PROBE = """
from timegate.core.draws import slowed_us
from timegate.core.jit import is_kept, jit

@jit()
def probe(latency_us):
    return slowed_us(latency_us, 3.0)

if __name__ == "timegate.core.probe":
    print(probe(7), sum(probe.stats.cache_hits.values()), int(is_kept()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Copy the package and add the probe."""
    copied = tmp_path / "site" / "timegate"
    shutil.copytree(Path(timegate.__file__).parent, copied, ignore=shutil.ignore_patterns("__pycache__"))
    (copied / "core" / "probe.py").write_text(PROBE)
    return copied


def probe(package: Path, **places: str) -> tuple[list[int], str]:
    """Run the probe in a process of its own; what it says, how often it was found in the cache, and if it is kept."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")}
    # No bytecode: Python itself knows an edit by size and time alone.
    env = kept | {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"} | places
    command = [sys.executable, "-c", "import timegate.core.probe"]
    done = subprocess.run(command, env=env, cwd=package.parent, capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()], done.stderr


def edit(package: Path) -> None:
    """Change the function that the probe calls, and neither the size nor the time of its file."""
    path = package / "core" / "draws.py"
    before = path.stat()
    text = path.read_text(encoding="utf-8")
    line = "return int(min(latency_us * slowdown, _MAX_US) + 0.5)"
    assert line in text
    path.write_text(text.replace(line, line.replace("0.5", "9.5")), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def close(package: Path) -> None:
    """Let nobody, not even root, write to the package's own cache: a file stands where its folder would be."""
    for folder in ("core", "engines"):
        (package / folder / "__pycache__").touch()


@pytest.mark.parametrize("place", ["tree", "NUMBA_CACHE_DIR", "HOME"])
def test_the_cache_is_never_stale(package: Path, tmp_path: Path, place: str) -> None:
    """An edit in another file is heard wherever the cache is, what went before is dropped, and the rest is found."""
    cache = tmp_path / "cache"
    cache.mkdir()
    if place != "tree":
        close(package)
    places = {} if place == "tree" else {place: str(cache)}

    def files() -> set[str]:
        found = {path.name for path in tmp_path.rglob("probe.probe*.nb[ic]")}
        assert all((tmp_path / "site" in path.parents) == (place == "tree") for path in tmp_path.rglob("*.nb[ic]"))
        return found

    assert probe(package, **places) == ([21, 0, 1], "")
    first = files()
    assert first
    assert probe(package, **places) == ([21, 1, 1], "")
    edit(package)
    assert probe(package, **places) == ([30, 0, 1], "")
    assert files()
    assert files().isdisjoint(first)


def test_without_a_folder_for_the_cache(package: Path) -> None:
    """Where nothing can be written to, kernels are compiled all the same, and one line says so."""
    close(package)
    found, said = probe(package, HOME=os.devnull)
    assert found == [21, 0, 0]
    assert said.startswith("timegate: no folder can be written to")
    assert said.count("\n") == 1


def test_the_name_stays() -> None:
    """The digest is in the names of files only: neither the function nor the kernel shows it."""

    def lengthy(x: int) -> int:
        return x

    kernel = jit()(lengthy)
    assert lengthy.__qualname__ == kernel.__qualname__ == "test_the_name_stays.<locals>.lengthy"


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """With numba's own switch off the decorator gives back the plain function."""
    monkeypatch.setattr("numba.core.config.DISABLE_JIT", True)

    def lengthy(x: int) -> int:
        return x

    assert jit()(lengthy) is lengthy


def module_of(source: str, name: str) -> ModuleType:
    module = ModuleType(name)
    exec(source, module.__dict__)  # noqa: S102
    return module


def test_a_plain_module_in_a_kernel() -> None:
    """Kernels call the functions of a registered module, which call each other, and which stay plain functions."""
    policy = module_of(
        "CAP_US = 5_000\n"
        "def doubled(us, tries):\n    return us * 2 ** tries\n"
        "def pause_us(us, tries=1):\n    return min(doubled(us, tries), CAP_US)\n",
        "policy",
    )
    plain = policy.pause_us
    register(policy)
    register(policy)
    assert policy.pause_us is plain

    @jit()
    def total(us: int) -> int:
        return policy.pause_us(us) + policy.pause_us(us, 9)

    assert total(10) == policy.pause_us(10) + policy.pause_us(10, 9) == 20 + 5_000


def test_what_a_module_imports_is_not_registered() -> None:
    """Only what the module itself defines is: the functions that it imports are another's."""
    policy = module_of("def one():\n    return 1\n", "policy")
    policy.two = module_of("def two():\n    return 2\n", "other").two
    register(policy)
    assert jit()(lambda: policy.one())() == 1
    with pytest.raises(NumbaError):
        jit()(lambda: policy.two())()


def summing(decorator: Callable[..., object]) -> Callable[..., float]:
    @decorator
    def summed(columns, parts):  # type: ignore[no-untyped-def]
        total = 0.0
        for i in range(len(columns[0])):
            for column in columns:
                total += column[i]
        parts[0] = total
        return total

    return summed  # type: ignore[return-value]


def counts(kernel: object) -> bool:
    """Whether the code of a kernel counts references."""
    (code,) = kernel.inspect_llvm().values()  # type: ignore[attr-defined]
    return "@NRT_decref(" in code or "@NRT_incref(" in code


def test_without_the_counting_of_references() -> None:
    """The result is the same, and the code has no counting in it."""
    columns, parts = (np.arange(5.0), np.ones(5)), np.empty(1)
    counted, uncounted = summing(jit()), summing(jit(refcount=False))
    assert counted(columns, parts) == uncounted(columns, parts) == parts[0] == 15.0
    assert not counts(uncounted)


def test_an_allocation_is_refused() -> None:
    """A kernel that counts no references cannot make an array: not in silence, and not in part."""

    @jit(refcount=False)
    def makes(size):  # type: ignore[no-untyped-def]
        return np.empty(size).size

    with pytest.raises(NumbaError):
        makes(3)


def test_a_callee_does_not_inherit() -> None:
    """A kernel that counts, first compiled for a caller that does not, counts for whoever calls it next."""

    @jit()
    def same(column):  # type: ignore[no-untyped-def]
        return column

    @jit(refcount=False)
    def first(column):  # type: ignore[no-untyped-def]
        return len(same(column))

    column = np.arange(4.0)
    assert first(column) == 4
    assert counts(same)


def test_both_kinds_of_one_function_are_kept_apart() -> None:
    """The same function with and without the counting has files of its own for each."""
    decorators = (jit(), jit(refcount=False))
    names = [summing(decorator)._cache._impl.filename_base for decorator in decorators]  # type: ignore[attr-defined]
    assert len(set(names)) == 2


def test_inlined_follows_its_caller() -> None:
    """An inlined function is compiled into its callers."""

    @inlined()
    def halved(x):  # type: ignore[no-untyped-def]
        return x / 2

    @jit(refcount=False)
    def quartered(x):  # type: ignore[no-untyped-def]
        return halved(halved(x))

    assert quartered(8.0) == 2.0
    assert not halved.overloads
