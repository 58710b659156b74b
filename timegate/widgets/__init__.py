"""Widgets for notebooks."""

from timegate.widgets.explorer import ScenarioExplorer

__all__ = ["ScenarioExplorer"]
