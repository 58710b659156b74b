"""What a deployment's model is built with beside its name."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator

from timegate.core.secrets import is_secret
from timegate.errors import shown
from timegate.problems import nearest
from timegate.validation import FieldError

__all__ = ["TIMES", "Params"]

OURS = ("base_url", "api_key_env", "headers_env")
"""Parameters of the client; others are sent with every call."""
TIMES = ("timeout", "timeout_s", "max_retries")
"""Parameters of clients that belong to the policy."""


def _are_variables(value: object) -> bool:
    names = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name) for name in names)


def _got(value: object) -> str:
    return "Got a key itself." if is_secret("", value) else f"Got {shown(value)}."


def _check(params: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"must be plain data that a file can hold: {error}.") from None
    for name, value in params.items():
        if name in TIMES:
            raise FieldError(name, "has no place here: the policy says how long an attempt may take.")
        if name == "api_key_env" and value is not None and not _are_variables(value):
            raise FieldError(name, f"must be the name of an environment variable, or a list of them. {_got(value)}")
        if name == "headers_env" and not (isinstance(value, dict) and _are_variables([*value.values()])):
            text = f"must be a mapping of headers to names of environment variables. {_got(value)}"
            raise FieldError(name, text)
        if name not in OURS and (near := nearest(name, OURS, 0.85)):
            raise FieldError(name, "would be sent to the model.", f"Did you mean {near!r}?")
        if name == "model_id" or is_secret(name, value):
            raise FieldError(
                name,
                "has no place here, where everyone may read it.",
                "A key stands in an environment variable, which api_key_env names; headers in those of headers_env.",
            )
    return params


Params = Annotated[dict[str, Any], AfterValidator(_check)]
"""Arguments of a model's constructor, as plain data without keys, passwords and times."""
