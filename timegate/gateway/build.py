"""From a config to a gateway that serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timegate.config import GatewayConfig
from timegate.errors import ConfigError, InvalidValueError, MissingExtraError
from timegate.gateway.entries import entry_of
from timegate.gateway.live import ModelGateway
from timegate.gateway.observing import Observer
from timegate.models.registry import Model
from timegate.problems import Problem, written

__all__ = ["build"]


def build(config: GatewayConfig, check_keys: bool = True, observers: Sequence[Observer] = ()) -> ModelGateway:
    """Build the models of a config, and the gateway that routes to them; see :meth:`GatewayConfig.build`."""
    models = []
    for i, deployment in enumerate(config.complete()):
        try:
            params: dict[str, Any] = dict(deployment.params)
            served_by = Model.class_of(config.model_type, deployment.provider, params.get("base_url"))
            if not check_keys and served_by.keys_of(provider=deployment.provider, **params):
                params["check_key"] = False
            model = Model.create(config.model_type, deployment.model, **params)
        except TypeError as error:
            place = ("deployments", i, "params")
            where = f"{written(place, repr(deployment.model_name))}:"
            raise ConfigError(Problem(place, f"the model does not take them: {error}.", where=where)) from error
        except MissingExtraError:
            raise
        except InvalidValueError as error:
            place = ("deployments", i, "model")
            where = f"{written(place, repr(deployment.model_name))}:"
            raise ConfigError(*(problem.at(place, where) for problem in error.problems)) from error
        models.append(entry_of(deployment, model))
    return ModelGateway(models, policy=config.policy, observers=observers)
