"""The editor's page as one text, made of its modules: a widget's script is one, and needs no build step."""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["MODULES", "STATIC", "editor_script"]

STATIC = files("timegate.widgets") / "static"
MODULES = (
    *("dates.js", "windows.js", "schedule.js", "store.js", "dom.js", "verdicts.js", "edits.js"),
    *("layout.js", "timeline.js", "gestures.js", "chart.js", "fields.js", "window_fields.js", "outage_fields.js"),
    *("form.js", "toolbar.js", "status.js", "editor.js", "widget.js"),
)
"""In the order in which they lean on each other. They stay modules, so that node tests those that need no page."""

_IMPORT = re.compile(r'^import [^;]*? from "\./[^"]+";\n', re.MULTILINE)


def editor_script() -> str:
    """Return the modules, one after the other, without what ties them together."""
    return "\n".join(_IMPORT.sub("", (STATIC / name).read_text(encoding="utf-8")) for name in MODULES)
