"""Search by coverage for a file that makes a loader raise what is not ours: ``python -m tests.fuzz_loader_atheris``.

Needs atheris (``pip install atheris``), which is no part of the extra ``test``. Options are those of libFuzzer, such as
``-max_total_time=300``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris")

with atheris.instrument_imports(include=["timegate", "yaml", "json"]):
    import timegate as tg
    from timegate import yaml12  # noqa: F401 - instrumented before the first file is read

FOLDER = Path(tempfile.mkdtemp())
LOADERS = (tg.GatewayConfig.load, tg.Scenario.load)


def load(content: bytes) -> None:
    """Load a file, whose first byte chooses loader and format; every error is a short line of ours."""
    choice = content[0] if content else 0
    path = FOLDER / ("x.json" if choice & 1 else "x.yaml")
    path.write_bytes(content[1:])
    try:
        LOADERS[choice >> 1 & 1](path)
    except tg.TimegateError as error:
        problem = str(error)
        if not problem.startswith(f"{path}: ") or len(problem.splitlines()) != 1 or len(problem) > 500 + len(str(path)):
            raise AssertionError(problem) from error


if __name__ == "__main__":
    data = Path(__file__).parents[1] / "data"
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for choice, name in enumerate(["gateway.yaml", "gateway.json", "scenario.yaml", "scenario.json"]):
        path, kind = FOLDER / name, tg.GatewayConfig if choice < 2 else tg.Scenario
        kind.load(data / f"{path.stem}.yaml").save(path)
        (corpus / name).write_bytes(bytes([choice]) + path.read_bytes())
    atheris.Setup([*sys.argv, str(corpus)], load)
    atheris.Fuzz()
