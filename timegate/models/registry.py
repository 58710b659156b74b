"""The registry of providers, and the factory that reads ``"provider/model-id"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from timegate.errors import InvalidTypeError, InvalidValueError, did_you_mean, shown
from timegate.models.base import BaseModel

__all__ = ["Model", "register_model"]

_ModelClass = TypeVar("_ModelClass", bound=type[BaseModel])
_registry: dict[str, dict[str, type[BaseModel]]] = {}

ENTRY_POINTS = "timegate.models"
"""The group of entry points by which other packages register: the name is a provider's, the value its class."""
COMPATIBLE = "openai"
"""Whose protocol a provider speaks that is not registered and has a ``base_url``."""


def register_model(cls: _ModelClass) -> _ModelClass:
    """Make a model class known under its ``model_type`` and ``provider``. Use it as a decorator."""
    if not isinstance(cls, type):
        raise InvalidTypeError(f"a model class must derive from BaseModel. Got {shown(cls)}.")
    for name in ("model_type", "provider"):
        if not getattr(cls, name, None):
            raise InvalidValueError(f"{cls.__name__} must define `model_type` and `provider`. `{name}` is missing.")
    _registry.setdefault(cls.model_type, {})[cls.provider] = cls
    return cls


class _Kin(type):
    """Gives :class:`Model` a constructor for every registered model type."""

    def __call__(cls, *given: Any, **kwargs: Any) -> NoReturn:
        path = shown(given[0]) if given and isinstance(given[0], str) else "'provider/model-id'"
        raise InvalidTypeError(f"Model is called by the type of a model: Model.chat_completion({path}).")

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
        """Return the registered providers of each model type.

        Examples
        --------
        >>> "sim" in Model.providers()["chat_completion"]
        True
        """
        return {model_type: list(classes) for model_type, classes in _registry.items()}

    @classmethod
    def chat_completion(cls, path: str, **kwargs: Any) -> BaseModel:
        """Build a model that completes chats.

        Parameters
        ----------
        path : str
            ``"provider/model-id"``. ``sim`` is simulated; :data:`timegate.models.providers.PROVIDERS` are served over
            the openai SDK, and so is any other name with a ``base_url``; others come from :func:`register_model`.
        **kwargs
            For the model's constructor, such as ``base_url``, ``api_key_env``, ``headers_env`` or ``temperature``.

        Returns
        -------
        BaseModel

        Raises
        ------
        InvalidValueError
            If the path does not have that form, or the provider is not registered.

        Examples
        --------
        >>> Model.chat_completion("sim/small")(messages="Hello").consume()
        'sim/small'
        """
        return cls.create("chat_completion", path, **kwargs)

    @classmethod
    def text_embedder(cls, path: str, **kwargs: Any) -> BaseModel:
        """Build a model that embeds texts; ``path`` and arguments are as in :meth:`chat_completion`.

        Parameters
        ----------
        path : str
        **kwargs

        Returns
        -------
        BaseModel
        """
        return cls.create("text_embedder", path, **kwargs)

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

        Returns
        -------
        BaseModel

        Raises
        ------
        InvalidValueError
            If the path does not have that form, or the model type or provider is not registered.

        Examples
        --------
        >>> Model.create("chat_completion", "sim/small").model_id
        'small'
        """
        provider, slash, model_id = str(path).partition("/")
        if not (provider and slash and model_id):
            raise InvalidValueError(f"model must look like 'provider/model-id'. Got {shown(path)}.")
        model_class: Callable[..., BaseModel] = cls.class_of(model_type, provider, kwargs.get("base_url"))
        if getattr(model_class, "provider", provider) != provider:
            kwargs["provider"] = provider
        return model_class(model_id=model_id, **kwargs)

    @classmethod
    def from_serialized(
        cls, provider: str, model_type: str, state: Mapping[str, Any], msgflux_type: str = "model"
    ) -> BaseModel:
        """Build a model from what its ``serialize`` gave; also from what a msgflux model's gave."""
        if msgflux_type != "model":
            raise InvalidValueError(f"Incorrect msgflux type. Expected `model`, given `{msgflux_type}`")
        base_url = (state.get("sampling_params") or {}).get("base_url")
        return cls.class_of(model_type, provider, base_url).from_serialized(dict(state))

    @classmethod
    def class_of(cls, model_type: str, provider: str, base_url: str | None = None) -> type[BaseModel]:
        """Return the class that serves a provider, asking other packages for one that is not registered.

        With a ``base_url`` a provider that nobody knows is one that speaks the protocol of OpenAI.

        Raises
        ------
        InvalidValueError
            If there is none.

        Examples
        --------
        >>> Model.class_of("chat_completion", "sim").__name__
        'SimulatedModel'
        """
        if provider not in _registry.get(model_type, ()):
            from importlib.metadata import entry_points

            for entry in entry_points(group=ENTRY_POINTS, name=provider):
                register_model(entry.load())
        classes = _registry.get(model_type)
        if classes is None:
            raise InvalidValueError(
                f"Model type {model_type!r} is not registered.{did_you_mean(model_type, _registry)}"
            )
        if provider in classes:
            return classes[provider]
        if base_url is not None and COMPATIBLE in classes:
            return classes[COMPATIBLE]
        raise InvalidValueError(
            f"Provider {provider!r} is not registered for model type {model_type!r}.{did_you_mean(provider, classes)}"
        )
