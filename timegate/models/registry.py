"""The registry of providers, and the factory that reads ``"provider/model-id"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from timegate.errors import InvalidValueError, did_you_mean
from timegate.models.base import BaseModel

__all__ = ["Model", "register_model"]

_ModelClass = TypeVar("_ModelClass", bound=type[BaseModel])
_registry: dict[str, dict[str, type[BaseModel]]] = {}


def register_model(cls: _ModelClass) -> _ModelClass:
    """Make a model class known under its ``model_type`` and ``provider``. Use it as a decorator."""
    for name in ("model_type", "provider"):
        if not getattr(cls, name, None):
            raise InvalidValueError(f"{cls.__name__} must define `model_type` and `provider`. `{name}` is missing.")
    _registry.setdefault(cls.model_type, {})[cls.provider] = cls
    return cls


class _Kin(type):
    """Gives :class:`Model` a constructor for every registered model type."""

    def __getattr__(cls, model_type: str) -> Callable[..., BaseModel]:
        if model_type not in _registry:
            raise AttributeError(f"Model has no attribute {model_type!r}.{did_you_mean(model_type, _registry)}")
        return partial(Model.create, model_type)


class Model(metaclass=_Kin):
    """Builds models by name.

    ``Model.chat_completion("openai/gpt-4.1-mini")`` is short for
    ``Model.create("chat_completion", "openai/gpt-4.1-mini")``, and so for every registered model type.

    Examples
    --------
    >>> Model.chat_completion("sim/small").model_id
    'small'
    """

    @classmethod
    def providers(cls) -> dict[str, list[str]]:
        """Return the registered providers of each model type."""
        return {model_type: list(classes) for model_type, classes in _registry.items()}

    @classmethod
    def create(cls, model_type: str, path: str, **kwargs: Any) -> BaseModel:
        """Build a model.

        Parameters
        ----------
        model_type : str
            Such as ``"chat_completion"``.
        path : str
            ``"provider/model-id"``.
        **kwargs
            For the model's constructor.

        Raises
        ------
        InvalidValueError
            If the path does not have that form, or the model type or provider is not registered.
        """
        provider, slash, model_id = path.partition("/")
        if not (provider and slash and model_id):
            raise InvalidValueError(f"model must look like 'provider/model-id'. Got {path!r}.")
        model_class: Callable[..., BaseModel] = cls._class_of(model_type, provider)
        return model_class(model_id=model_id, **kwargs)

    @classmethod
    def from_serialized(
        cls, provider: str, model_type: str, state: Mapping[str, Any], msgflux_type: str = "model"
    ) -> BaseModel:
        """Build a model from what its ``serialize`` gave; also from what a msgflux model's gave."""
        if msgflux_type != "model":
            raise InvalidValueError(f"Incorrect msgflux type. Expected `model`, given `{msgflux_type}`")
        return cls._class_of(model_type, provider).from_serialized(dict(state))

    @classmethod
    def _class_of(cls, model_type: str, provider: str) -> type[BaseModel]:
        classes = _registry.get(model_type)
        if classes is None:
            raise InvalidValueError(
                f"Model type {model_type!r} is not registered.{did_you_mean(model_type, _registry)}"
            )
        if provider not in classes:
            raise InvalidValueError(
                f"Provider {provider!r} is not registered for model type {model_type!r}."
                f"{did_you_mean(provider, classes)}"
            )
        return classes[provider]
