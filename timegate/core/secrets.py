"""What must not be written where others read it: known by its kind, and by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["is_secret", "without_secrets"]

_NAMES = re.compile(
    r"(^|[_-])(api[_-]?key|key|secret|token|password|passwd|authorization|cookie|credentials?)s?$", re.IGNORECASE
)
_IS_A_NAME = re.compile(r"_env$")  # of an environment variable, or several by header
# The schemes of an Authorization header, and how the keys of providers begin.
_VALUES = re.compile(
    r"^\s*((bearer|basic|digest)\s+\S{6,}"
    r"|(sk|pk|rk|gsk|xai|fw|tgp|hf|ghp|github_pat|xox[abp]|r8|nvapi|pplx|csk)[-_][\w-]{12,}"
    r"|AIza[\w-]{20,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+)\s*$",
    re.IGNORECASE,
)


def is_secret(name: str, value: object) -> bool:
    """Return whether a value, or anything in it, is a key, a password, or a header or an address that carries one.

    Parameters
    ----------
    name : str
        Under which it stands.
    value : object

    Examples
    --------
    >>> is_secret("base_url", "https://me:word@host/v1"), is_secret("x", "Bearer abcdefgh")
    (True, True)
    """
    if value is None or isinstance(value, bool | int | float) or _IS_A_NAME.search(name):
        return False
    if _NAMES.search(name) and value not in ("", [], {}, ()):
        return True
    if isinstance(value, Mapping):
        return any(is_secret(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return any(is_secret("", item) for item in value)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return isinstance(value, str) and (bool(_VALUES.match(value)) or _carries_password(value))


def _carries_password(text: str) -> bool:
    if "://" not in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return True  # better left out than told
    return parts.password is not None or any(
        _NAMES.search(pair.partition("=")[0]) for pair in parts.query.split("&") if "=" in pair
    )


def without_secrets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain data without its secrets, however deep they lie.

    Examples
    --------
    >>> without_secrets({"a": 1, "headers": {"Authorization": "Bearer abcdefgh", "X-Team": "blue"}})
    {'a': 1, 'headers': {'X-Team': 'blue'}}
    """
    kept: dict[str, Any] = {}
    for name, value in data.items():
        if _IS_A_NAME.search(str(name)):
            kept[name] = value
        elif isinstance(value, Mapping) and not _NAMES.search(str(name)):
            kept[name] = without_secrets(value)
        elif isinstance(value, list | tuple) and not _NAMES.search(str(name)):
            items = [without_secrets(item) if isinstance(item, Mapping) else item for item in value]
            kept[name] = type(value)(item for item in items if not is_secret("", item))
        elif not is_secret(str(name), value):
            kept[name] = value
    return kept
