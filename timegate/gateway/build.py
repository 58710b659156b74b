"""From a config to a gateway that serves."""

from __future__ import annotations

from timegate.config import GatewayConfig
from timegate.errors import ConfigError, InvalidValueError, MissingExtraError
from timegate.gateway.live import ModelGateway
from timegate.models.registry import Model
from timegate.problems import written

__all__ = ["build"]


def build(config: GatewayConfig) -> ModelGateway:
    """Build the models of a config, and the gateway that routes to them; see :meth:`GatewayConfig.build`."""
    models = []
    for i, deployment in enumerate(config.complete()):
        try:
            model = Model.create(config.model_type, deployment.model)
        except MissingExtraError:
            raise
        except InvalidValueError as error:
            place = ("deployments", i, "model")
            where = f"{written(place, repr(deployment.model_name))}:"
            raise ConfigError(*(problem.at(place, where) for problem in error.problems)) from error
        models.append(
            {
                "model_name": deployment.model_name,
                "model": model,
                "time_constraints": list(deployment.time_constraints) or None,
                "available": list(deployment.available) or None,
                "prefer_during": list(deployment.prefer_during) or None,
                "priority": deployment.priority,
                "weight": deployment.weight,
                "policy": deployment.policy,
            }
        )
    return ModelGateway(models, policy=config.policy)
