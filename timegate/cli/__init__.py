"""The ``timegate`` command."""

from timegate.cli import edit, replay  # noqa: F401 - a module registers its commands with the app
from timegate.cli.base import app, main

__all__ = ["app", "main"]
