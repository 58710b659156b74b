"""Our models for the gateway of the msgflux package (``pip install "timegate[msgflux]"``).

The other way round nothing is needed: :class:`timegate.ModelGateway` takes msgflux's models as they are.
"""

from __future__ import annotations

from typing import Any

from timegate.errors import MissingExtraError
from timegate.models.base import BaseModel

try:
    from msgflux.models.base import BaseModel as MsgfluxModel
except ImportError as error:
    raise MissingExtraError("this needs the msgflux package: pip install 'timegate[msgflux]'") from error

__all__ = ["to_msgflux"]


class _Bridge(MsgfluxModel):
    """A model of msgflux that asks a model of ours."""

    def __init__(self, model: BaseModel) -> None:
        self.model_id = model.model_id
        self.provider = model.provider
        self.model_type = model.model_type
        self.batch_support = model.batch_support
        self._model = model

    def _initialize(self) -> None:
        pass

    def __call__(self, **kwargs: Any) -> Any:
        return self._model(**kwargs)

    async def acall(self, **kwargs: Any) -> Any:
        return await self._model.acall(**kwargs)


def to_msgflux(model: BaseModel) -> Any:
    """Wrap a model of ours as one of msgflux, such as ``scenario.model(name)`` for a replay of its gateway."""
    return _Bridge(model)
