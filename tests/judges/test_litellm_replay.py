"""LiteLLM's router itself is replayed: an outage of a minute, with a call every four seconds.

``TIMEGATE_LITELLM_JUDGE`` is as in ``test_litellm_preset.py``. Its Python borrows the packages of this one, and so has
to be of the same version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pandas as pd
import pytest

import timegate as tg

JUDGE = os.environ.get("TIMEGATE_LITELLM_JUDGE", "")
pytestmark = pytest.mark.skipif(not JUDGE, reason="TIMEGATE_LITELLM_JUDGE names no Python that has litellm")
COOLS = {"allowed_fails": 1, "cooldown_time": 30}


def replayed(**settings: object) -> dict[str, object]:
    borrowed = [str(Path(tg.__file__).parent.parent), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(borrowed)}
    script = Path(__file__).with_name("litellm_replay.py")
    done = subprocess.run([JUDGE, script, json.dumps(settings)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


@pytest.mark.parametrize(("settings", "on_strong"), [(COOLS, 4), ({}, 45)], ids=["cools", "as by default"])
def test_attempts_on_the_primary_are_those_of_the_live_router(settings: dict[str, object], on_strong: int) -> None:
    """Published of the live router: it is asked 4 times if it cools, and 3 times for each call with the defaults."""
    found = replayed(**settings)
    assert found["attempts"] == {"strong": on_strong, "weak": 15}
    assert found["fallback"] == 15


def test_the_preset_fares_alike() -> None:
    """Our gateway with LiteLLM's policy makes as many attempts, in virtual time and compiled."""
    names = ["strong", "weak"]
    config = tg.GatewayConfig(
        deployments=[{"model_name": name, "model": f"sim/{name}"} for name in names], policy={"preset": "litellm"}
    )
    outage = tg.Outage(target="strong", start="2026-03-02T00:00Z", end="2026-03-02T00:01Z", error="server_error")
    trace = tg.Trace(pd.date_range("2026-03-02T00:00Z", periods=15, freq="4s"))
    counts = replayed()["attempts"]
    for engine in ("compiled", "travel"):
        run = tg.replay(config, trace, tg.Scenario(faults=[outage]), engine=engine)  # type: ignore[arg-type]
        assert run.attempts["deployment"].value_counts().to_dict() == counts
