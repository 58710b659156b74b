"""An export to LiteLLM keeps its windows: the real Router asks whom our gateway asks, at every edge.

``TIMEGATE_LITELLM_JUDGE`` is as in ``test_litellm_preset.py``. Its Python borrows the packages of this one, and so has
to be of the same version.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

import timegate as tg
from timegate import yaml12
from timegate.core.clock import to_us

JUDGE = os.environ.get("TIMEGATE_LITELLM_JUDGE", "")
pytestmark = pytest.mark.skipif(not JUDGE, reason="TIMEGATE_LITELLM_JUDGE names no Python that has litellm")

CONFIG = {
    "deployments": [
        {"model_name": "strong", "model": "sim/strong", "time_constraints": [["22:00", "06:00"]]},
        {
            "model_name": "weak",
            "model": "sim/weak",
            "available": [{"start": "01:00", "end": "23:00", "tz": "Europe/Berlin", "days": "mon-fri"}],
        },
    ]
}


def test_the_real_router_keeps_our_windows(tmp_path: Path) -> None:
    """Awaited and blocking calls are answered by whom our router asks first, to the microsecond; else by nobody."""
    config = tg.GatewayConfig.model_validate(CONFIG)
    path = tmp_path / "gateway.yaml"
    config.export("timegate", path)
    config.export("litellm", tmp_path / "proxy.yaml")
    edges = [to_us(f"2026-03-0{day}T{clock}Z", "at") for day in (2, 7) for clock in ("00:00", "06:00", "22:00")]
    instants = [edge + by for edge in edges for by in (-1, 0, 1, 3_600_000_000)]
    router = config.build().router
    wanted = [
        f"sim/{router.names[order[0]]}" if (order := router.order(at_us)) else "RouterRateLimitError"
        for at_us in instants
    ]
    assert set(wanted) == {"sim/strong", "sim/weak", "RouterRateLimitError"}
    borrowed = [str(Path(tg.__file__).parent.parent), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    done = subprocess.run(
        [JUDGE, str(Path(__file__).with_name("litellm_windows.py")), json.dumps(borrowed)],
        input=json.dumps(
            {"proxy": yaml12.parse((tmp_path / "proxy.yaml").read_text()), "first": "strong", "at_us": instants}
        ),
        capture_output=True,
        text=True,
        check=False,
        env={**{name: v for name, v in os.environ.items() if name != "PYTHONPATH"}, "TIMEGATE_CONFIG": str(path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    awaited, blocking = json.loads(done.stdout)
    assert awaited == wanted
    assert blocking == wanted
