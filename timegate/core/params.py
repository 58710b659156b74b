"""What a deployment's model is built with beside its name."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator

from timegate.core.secrets import is_secret
from timegate.validation import FieldError

__all__ = ["TIMES", "Params"]

TIMES = ("timeout", "timeout_s", "max_retries")
"""Parameters of clients that belong to the policy."""


def _check(params: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"must be plain data that a file can hold: {error}.") from None
    for name, value in params.items():
        if name in TIMES:
            raise FieldError(name, "has no place here: the policy says how long an attempt may take.")
        if name == "model_id" or is_secret(name, value):
            raise FieldError(
                name,
                "has no place here, where everyone may read it.",
                "A key stands in an environment variable, which api_key_env names; headers in those of headers_env.",
            )
    return params


Params = Annotated[dict[str, Any], AfterValidator(_check)]
"""Arguments of a model's constructor, as plain data without keys, passwords and times."""
