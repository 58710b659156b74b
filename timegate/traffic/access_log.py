"""The lines of a web server: the "combined" log of nginx and Apache, and the "common" one that it begins with.

nginx.org/en/docs/http/ngx_http_log_module.html: the time is that at which a request ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from timegate.errors import TraceError, shown

__all__ = ["is_access_log", "rows_of_access_log"]

_LINE = re.compile(
    r"\S+ \S+ [^\[\"]*\[(?P<time>\d\d/[A-Za-z]{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
)


def is_access_log(line: str) -> bool:
    """Whether a line is one of such a log."""
    return _LINE.match(line) is not None


def rows_of_access_log(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the requests; what follows the length of the answer is passed over."""
    for number, line in lines:
        match = _LINE.match(line)
        if match is None:
            raise TraceError(f"{path}: line {number} must be one of an access log. Got {shown(line.strip())}.")
        yield f"line {number}", {"time_local": match["time"], "request": match["request"], "status": match["status"]}
