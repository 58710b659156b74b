"""A model that is not there."""

from __future__ import annotations

from typing import Any

from timegate.models.base import BaseModel
from timegate.models.registry import register_model
from timegate.models.responses import ModelResponse

__all__ = ["SimulatedModel"]


@register_model
class SimulatedModel(BaseModel):
    """Answers at once with its own name; for examples, tests and dry runs of a config.

    Parameters
    ----------
    model_id : str
    provider : str
        Default ``"sim"``.
    model_type : str
    error : Exception, optional
        Raised by each call, instead of an answer.

    Examples
    --------
    >>> SimulatedModel("small")(messages=[]).consume()
    'sim/small'
    """

    provider = "sim"
    model_type = "chat_completion"
    keeps_time = True

    def __init__(
        self,
        model_id: str,
        provider: str = "sim",
        model_type: str = "chat_completion",
        error: Exception | None = None,
    ) -> None:
        self.model_id = model_id
        self.provider = provider
        self.model_type = model_type
        self._error = error

    def __call__(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer, or raise the error given."""
        if self._error is not None:
            raise self._error.with_traceback(None)  # one error for many calls
        return ModelResponse(f"{self.provider}/{self.model_id}")

    async def acall(self, *args: Any, **kwargs: Any) -> ModelResponse:
        """Answer, or raise the error given."""
        return self(*args, **kwargs)

    def serialize(self) -> dict[str, Any]:
        """Return provider, model type and state as plain data."""
        state = {"model_id": self.model_id}
        if self.provider != "sim":  # below stands who simulates, not who is simulated
            state["provider"] = self.provider
        return {"provider": "sim", "model_type": self.model_type, "state": state}
