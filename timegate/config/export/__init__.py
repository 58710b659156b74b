"""Exports: configs in the formats of other tools. Each module also reads back what it writes.

:func:`export` does the same for every target: translate, refuse what would be lost, write beside the old file, read
back and compare, and only then put the new file in its place.
"""

from timegate.config.export.driver import TARGETS, Exported, export

__all__ = ["TARGETS", "Exported", "export"]
