"""The house: which part may import which. Drawn from the syntax trees, so that nothing hides.

Imports inside functions count as those at the head of a module do, and a package's own ``__init__`` is a module as any
other. Imports by name are forbidden, for they show in no tree.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

import timegate

ROOT = Path(timegate.__file__).parent

FLOORS = (
    ("errors", "problems", "version", "pointer", "core.jit", "show"),
    ("yaml12", "packed", "replacing", "files", "validation", "samples"),
    ("core",),
    ("models",),
    ("formats",),
    ("prices",),
    ("config",),
    ("gateway",),
    ("traffic",),
    ("faults",),
    ("incidents",),
    ("review",),
    ("formats.export", "formats.schema"),
    ("engines",),
    ("runs",),
    ("optimize",),
    ("plots",),
    ("report",),
    ("widgets",),
    ("",),  # the face: what `import timegate` gives
    ("cli", "__main__"),  # a user of the face, as any other
)
"""From the ground up. Of several that fit a module, the longest name is its floor. Imports run downwards, or stay."""

DOORS = {
    ("config.model", "formats.export"): "GatewayConfig.export",
    ("config.model", "gateway.build"): "GatewayConfig.build",
    ("config.model", "gateway.live"): "GatewayConfig.build, whose type it names",
    ("config.model", "review.diff"): "GatewayConfig.diff",
}
"""Methods that a person looks for on an object, and that hand on to a function above in one line."""


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Every module below a folder by its name without ``timegate.``; the face is the empty name."""
    names = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imported(tree: ast.AST, package: str, known: set[str]) -> Iterator[str]:
    """Yield the modules that a syntax tree imports, by the name that :func:`modules` gives them."""
    for node in ast.walk(tree):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                inner = f"{module}.{alias.name}"
                found.append(inner if inner.removeprefix("timegate.") in known else module)
        for name in found:
            if name == "timegate" or name.startswith("timegate."):
                yield name.removeprefix("timegate").removeprefix(".")


def graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Which modules each module imports."""
    found = modules(root)
    arrows = {}
    for name, path in found.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        tree = ast.parse(path.read_text(encoding="utf-8"))
        arrows[name] = set(imported(tree, f"timegate.{package}".rstrip("."), set(found))) - {name}
    return arrows


def floor(module: str) -> int:
    """Return the floor of a module."""
    fitting = [
        (len(part), number)
        for number, parts in enumerate(FLOORS)
        for part in parts
        if module == part or (part and module.startswith(f"{part}."))
    ]
    assert fitting, f"{module} has no floor"
    return max(fitting)[1]


def upward(arrows: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Return the arrows that run up."""
    return {(a, b) for a, imports in arrows.items() for b in imports if floor(b) > floor(a)}


def test_no_arrow_runs_up() -> None:
    """Every import leads to the same floor or a lower one, but for the doors; and each door is used."""
    assert upward(graph()) == set(DOORS)


def test_no_circle() -> None:
    """No module reaches itself."""
    arrows = {a: {b for b in imports if (a, b) not in DOORS} for a, imports in graph().items()}
    assert len(list(TopologicalSorter(arrows).static_order())) == len(arrows)


def test_doors_are_opened_inside_functions() -> None:
    """What stands above is imported where it is used, or for its type alone: never when the module below is loaded."""
    for below, above in DOORS:
        tree = ast.parse(modules()[below].read_text(encoding="utf-8"))
        at_the_head = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        assert above not in set(imported(at_the_head, "timegate", set(modules()))), (below, above)


def test_nothing_is_imported_by_name() -> None:
    """Neither ``import_module`` nor ``__import__`` stands in the package: both hide an arrow."""
    for name, path in modules().items():
        named = {
            node.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        }
        assert not named & {"import_module", "__import__"}, name


def cells(head: str) -> list[list[str]]:
    """Return the cells of the table of ARCHITECTURE.md that begins with this line."""
    text = (ROOT.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.split(f"\n{head}\n")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]


def named(cell: str) -> tuple[str, ...]:
    """Return the modules that a cell names; the face is called by the name of the package."""
    return tuple("" if name == "timegate" else name for name in re.findall(r"`([^`]+)`", cell))


def test_the_floors_are_those_that_architecture_tells() -> None:
    """The page lists the same floors, from the ground up, and the same doors."""
    rows = cells("| floor | parts | what is there |")
    assert [(int(row[0]), named(row[1])) for row in rows] == list(enumerate(FLOORS))
    doors = cells("| below | above | why |")
    assert [(*named(row[0]), *named(row[1])) for row in doors] == list(DOORS)


def test_what_is_compiled_is_what_architecture_tells() -> None:
    """The page lists every module that goes through the door to numba, and no other imports numba itself."""
    listed = {name for row in cells("| module | what |") for name in named(row[0])}
    assert listed == {name for name, imports in graph().items() if "core.jit" in imports}
    for name, path in modules().items():
        if name not in ("core.jit", "engines.compiling"):  # which listens to numba at work, and has it do nothing
            assert not re.search(r"^\s*(from|import) numba\b", path.read_text(encoding="utf-8"), re.MULTILINE), name


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_that_the_pages_name_are_there(page: str) -> None:
    """A file in backticks stands in the repository, in the package, or among the editor's modules."""
    text = (ROOT.parent / page).read_text(encoding="utf-8")
    found = re.findall(r"`([\w./-]+\.(?:py|js|mjs|css|json|yaml|toml|md))`", text)
    assert len(found) > 10
    for name in found:
        if "NAME" not in name:
            places = (ROOT.parent, ROOT, ROOT / "widgets" / "static")
            assert any((place / name).is_file() for place in places), name


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_names_that_the_pages_use_are_there(page: str) -> None:
    """Whatever stands in backticks and looks like a name of ours stands in the code too."""
    text = (ROOT.parent / page).read_text(encoding="utf-8")
    found = set(re.findall(r"`(?:[A-Za-z]\w*\.)?([A-Za-z]\w{3,})(?:\(\))?`", text))
    found -= {"json", "toml", "yaml"}  # the ends of files
    assert len(found) > 20
    folders = (ROOT, ROOT.parent / "tests")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".js", ".mjs")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files if path != Path(__file__))
    words = set(re.findall(r"\w+", code))
    assert sorted(name for name in found if name not in words) == []


def test_names_stand_where_the_recipes_say() -> None:
    """A name that a recipe places in a file stands there: else it leads to where the thing once was."""
    text = " ".join((ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    found = re.findall(r"`([\w.]+)`(?:(?:,| and| or) `[\w.]+`)? (?:in|of) `([\w/]+\.(?:py|js|mjs|ts))`", text)
    assert found
    for name, file in found:
        path = next(place / file for place in (ROOT.parent, ROOT, ROOT / "widgets/static") if (place / file).is_file())
        assert set(name.split(".")) <= set(re.findall(r"\w+", path.read_text(encoding="utf-8"))), f"{name} in {file}"


REFERENCE = re.compile(r":(?:func|class|meth|mod|data|exc|attr):`~?([\w.]+)`")


def test_references_of_docstrings_lead_somewhere() -> None:
    """What a docstring refers to stands in the module that it names, or in its own, or on the face."""
    known, lost = modules(), []
    texts = {name: REFERENCE.sub("", path.read_text(encoding="utf-8")) for name, path in known.items()}
    words = {name: set(re.findall(r"\w+", text)) for name, text in texts.items()}
    for name, path in known.items():
        for target in REFERENCE.findall(path.read_text(encoding="utf-8")):
            parts, home = target.split("."), name
            if parts[0] == "timegate":
                size = max(n for n in range(1, len(parts) + 1) if ".".join(parts[1:n]) in known)
                home, parts = ".".join(parts[1:size]), parts[size:]
            is_known = set(parts) <= words[home] or parts[0] in words[""] | sys.stdlib_module_names
            if not is_known:
                lost.append(f"{name}: {target}")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize(
    ("file", "text", "arrow"),
    [
        ("core/clock.py", "def f():\n    from timegate.runs.replay import replay\n", ("core.clock", "runs.replay")),
        ("core/__init__.py", "import timegate.plots\n", ("core", "plots")),
        ("traffic/trace.py", "from timegate import replay\n", ("traffic.trace", "")),
        ("models/base.py", "from ..gateway import live\n", ("models.base", "gateway.live")),
    ],
)
def test_the_guard_sees(tmp_path: Path, file: str, text: str, arrow: tuple[str, str]) -> None:
    """An arrow that runs up is found in a function, in a package's own head, to the face, and where it is relative."""
    for name in ("core", "traffic", "models", "runs", "gateway", "plots"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    for name in ("runs/replay.py", "gateway/live.py", "__init__.py"):
        (tmp_path / name).touch()
    (tmp_path / file).write_text(text)
    assert upward(graph(tmp_path)) == {arrow}


def test_the_guard_sees_circles(tmp_path: Path) -> None:
    """Two modules of one floor that import each other, one of them inside a function, are a circle."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "a.py").write_text("from timegate.core import b\n")
    (tmp_path / "core" / "b.py").write_text("def f():\n    import timegate.core.a\n")
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(tmp_path)).static_order())
