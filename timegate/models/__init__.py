"""Models: what a deployment calls. Importing this loads no provider's SDK."""

from timegate.models.base import BaseModel
from timegate.models.openai import OpenAIChatCompletion
from timegate.models.registry import Model, register_model
from timegate.models.responses import ModelResponse, ModelStreamResponse
from timegate.models.simulated import SimulatedModel

__all__ = [
    "BaseModel",
    "Model",
    "ModelResponse",
    "ModelStreamResponse",
    "OpenAIChatCompletion",
    "SimulatedModel",
    "register_model",
]
