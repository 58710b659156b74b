"""Windows as fields of records."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, PlainValidator

from timegate.core.windows import Window
from timegate.errors import InvalidTypeError, WindowError, shown
from timegate.validation import STOPPING

__all__ = ["WindowValue", "Windows"]


def _parse_window(value: Any) -> Window:
    try:
        return Window.parse(value)
    except InvalidTypeError as error:
        raise WindowError(*error.problems) from None  # pydantic collects only ValueErrors


def _is_a_list(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of windows. Got {shown(value)}.")
    return value


WindowValue = Annotated[Window, PlainValidator(_parse_window), PlainSerializer(Window.to_config)]
"""A window, as a field of a record."""

Windows = Annotated[tuple[WindowValue, ...], Field(strict=False), STOPPING, BeforeValidator(_is_a_list)]
"""Windows, as a field of a record."""
