"""Who hears of progress, and waiting that can be interrupted."""

from __future__ import annotations

import threading

import pytest

from timegate.engines.progress import listening, progress, waiting


def test_a_listener_hears_each_round() -> None:
    """In place of a bar, and only inside of its block and by its thread."""
    heard: list[tuple[str, int, int | None]] = []
    with listening(lambda *said: heard.append(said)):
        assert list(progress("ab", 2, "replay")) == ["a", "b"]
        other = threading.Thread(target=lambda: list(progress("cd", 2)))
        other.start()
        other.join()
    assert list(progress("ef", 2)) == ["e", "f"]
    assert heard == [("replay", 0, 2), ("replay", 1, 2)]


def test_a_listener_may_end_a_loop() -> None:
    def stop(unit: str, number: int, total: int | None) -> None:
        if number == 2:
            raise KeyboardInterrupt

    done = []
    with pytest.raises(KeyboardInterrupt), listening(stop):
        done.extend(iter(progress(range(9), 9)))
    assert done == [0, 1]


def test_waiting_returns_what_came_of_it() -> None:
    """Its value, or its error; in a thread of its own."""
    here = threading.current_thread()
    assert waiting(threading.current_thread) is not here
    with pytest.raises(ZeroDivisionError):
        waiting(lambda: 1 / 0)


def test_waiting_can_be_ended_before_the_work_ends() -> None:
    """Whoever listens is asked while the work goes on, and need not wait for it."""
    release, ended = threading.Event(), threading.Event()

    def work() -> None:
        release.wait()
        ended.set()

    def stop(unit: str, number: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), listening(stop):
        waiting(work)
    assert not ended.is_set()
    release.set()
    ended.wait()
