"""What a router does in real time is named."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from numba.core.compiler_lock import global_compiler_lock

import timegate as tg
from timegate.engines.compiling import Compiler
from timegate.engines.watch import Watch
from timegate.errors import ReplayError

SURE = tg.Scenario().model("sure")
ONE = tg.Trace(["2026-03-02T00:00Z"])


def test_a_wait_outside_of_python_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that blocks for real is a warning with the place, and the call takes no time."""
    seen, note = threading.Event(), Watch._note

    def noted(*arguments: Any) -> None:
        note(*arguments)
        seen.set()

    monkeypatch.setattr(Watch, "_note", noted)
    there, here = os.pipe()
    writer = threading.Thread(target=lambda: (seen.wait(), os.write(here, b"x")))
    writer.start()

    def router(model_preference: str | None = None) -> Any:
        os.read(there, 1)
        return SURE()

    with pytest.warns(tg.TimegateWarning, match=r"the router waits for something that .*test_watch\.py, line \d+\)"):
        run = tg.replay(router, ONE)
    writer.join()
    os.close(there)
    os.close(here)
    assert run.calls["latency_s"].tolist() == [0.0]


def test_who_waits_for_the_compiler_does_not_wait() -> None:
    """A first call may stand still for seconds, until numba has compiled what it needs."""
    compiler = Compiler()
    seen = []
    with compiler.heard():
        for is_held in (False, True, False):
            with global_compiler_lock if is_held else nullcontext():
                seen.append(compiler.is_at_work)
    assert seen == [False, True, False]


def connect() -> None:
    with socket.socket() as found, suppress(OSError):
        found.settimeout(1)
        found.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (connect, "a connection"),
        (lambda: subprocess.run([sys.executable, "--version"], check=True, capture_output=True), "a process"),
    ],
)
def test_connections_and_processes_are_named(act: Any, what: str) -> None:
    """Each is a warning that names call and place, once a replay; outside of one nothing is said."""

    def router(model_preference: str | None = None) -> Any:
        act()
        return SURE()

    with pytest.warns(tg.TimegateWarning, match=rf"^call 0: the router opens {what}.*test_watch\.py, line") as caught:
        tg.replay(router, tg.Trace(["2026-03-02T00:00Z"] * 3))
    assert len([w for w in caught if what in str(w.message)]) == 1
    act()


@pytest.mark.parametrize("swallows", [False, True])
def test_processes_of_multiprocessing_are_refused(swallows: bool) -> None:
    """A pool of processes waits for its own threads, and would hold the replay for ever; outside of one it works."""

    def router(model_preference: str | None = None) -> Any:
        with suppress(tg.TimegateError) if swallows else nullcontext(), ProcessPoolExecutor(1) as pool:
            pool.submit(int).result()
        return SURE()

    with pytest.raises(
        ReplayError, match=r"^call 0: the router starts a process of multiprocessing.*line \d+\)\. Give it threads"
    ):
        tg.replay(router, ONE)
    process = multiprocessing.get_context("spawn").Process(target=int)
    process.start()
    process.join()
    assert process.exitcode == 0


def test_computing_is_no_wait() -> None:
    """A router that computes for a while is not blamed."""

    def router(model_preference: str | None = None) -> Any:
        sum(range(10**7))
        return SURE()

    assert len(tg.replay(router, ONE).calls) == 1


def test_who_waits_for_the_interpreter_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that is kept from the interpreter stands still and sleeps, but it goes to sleep again and again."""
    looks, enough, rest = itertools.count(), threading.Event(), Watch._rest

    def naps_again(self: Watch) -> tuple[bool, str]:
        if (look := next(looks)) > 5:
            enough.set()
        return rest(self)[0], str(look)

    monkeypatch.setattr(Watch, "_rest", naps_again)
    there, here = os.pipe()
    writer = threading.Thread(target=lambda: (enough.wait(), os.write(here, b"x")))
    writer.start()

    def router(model_preference: str | None = None) -> Any:
        os.read(there, 1)
        return SURE()

    assert len(tg.replay(router, ONE).calls) == 1  # no warning, which would be an error
    writer.join()
    os.close(there)
    os.close(here)
