"""What all tests share: no drawing on a screen, no printing by msgflux, and no test decided by a timing."""

from __future__ import annotations

import os

# msgflux 0.5.1 joins its prefix and the field as they stand, and reads this when it is imported.
os.environ["msgflux_CONFIGURE_LOGGING"] = "false"  # noqa: SIM112

from collections.abc import Iterator

import matplotlib as mpl
import pytest
from hypothesis import HealthCheck, settings

mpl.use("agg")  # not by MPLBACKEND, which the kernels of notebooks would inherit

settings.register_profile("timegate", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run: new ones are looked for by who develops, not by what decides whether a change lands.
settings.register_profile("ci", settings.get_profile("timegate"), derandomize=True)
settings.load_profile("ci" if "TIMEGATE_SAME_EXAMPLES" in os.environ else "timegate")


@pytest.fixture
def closed_figures(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the figures that a test leaves, and fail it if a plot shows one."""
    from matplotlib import pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a plot called plt.show"))
    plt.close("all")  # those of other tests
    yield
    plt.close("all")
