"""Widgets for notebooks: the schedule editor."""

from timegate.widgets.editor import ScheduleEditor

__all__ = ["ScheduleEditor"]
