"""Models: what a deployment calls. Importing this loads no provider's SDK."""

from timegate.models.base import BaseModel
from timegate.models.callable import CallableModel
from timegate.models.openai import OpenAIChatCompletion, OpenAITextEmbedder
from timegate.models.registry import Model, register_model
from timegate.models.responses import ModelResponse, ModelStreamResponse
from timegate.models.simulated import SimulatedModel

__all__ = [
    "BaseModel",
    "CallableModel",
    "Model",
    "ModelResponse",
    "ModelStreamResponse",
    "OpenAIChatCompletion",
    "OpenAITextEmbedder",
    "SimulatedModel",
    "register_model",
]
