"""Widgets for notebooks. Each module is imported by whoever needs it, for they bring much along."""

FILES_VARIABLE = "TIMEGATE_EDIT"
"""The environment variable that tells the dashboard its files, as JSON: ``config``, and perhaps ``trace`` and
``scenario``."""
