"""Prompts that a model reads before they are needed."""

from __future__ import annotations

from typing import Any

from timegate.errors import CallerError
from timegate.models.responses import ModelResponse

__all__ = ["Warmer"]


class Warmer:
    """Stands for a model in a gateway's calls, and warms a prompt in place of answering one."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.in_thread = getattr(model, "in_thread", False)

    def __call__(self, **kwargs: Any) -> Any:
        """Have the model read a prompt."""
        try:
            answer = self._method("warmup_system_prompt")(**kwargs)
        except NotImplementedError as error:  # what msgflux's models raise
            raise self._cannot() from error
        return ModelResponse() if answer is None else answer

    async def acall(self, **kwargs: Any) -> Any:
        """Have the model read a prompt."""
        try:
            answer = await self._method("awarmup_system_prompt")(**kwargs)
        except NotImplementedError as error:
            raise self._cannot() from error
        return ModelResponse() if answer is None else answer

    def _method(self, name: str) -> Any:
        method = getattr(self._model, name, None)
        if method is None:
            raise self._cannot()
        return method

    def _cannot(self) -> CallerError:
        return CallerError(f"{type(self._model).__name__} cannot warm a prompt")
