"""The ``timegate`` command."""

# Each module registers its commands with the app; the help lists them in this order.
from timegate.cli import replay  # noqa: F401, I001
from timegate.cli import edit  # noqa: F401
from timegate.cli import compare  # noqa: F401
from timegate.cli import optimise  # noqa: F401
from timegate.cli import scenario  # noqa: F401
from timegate.cli import check  # noqa: F401
from timegate.cli import gaps  # noqa: F401
from timegate.cli import diff  # noqa: F401
from timegate.cli import export  # noqa: F401
from timegate.cli import schema  # noqa: F401
from timegate.cli.base import app, main

__all__ = ["app", "main"]
