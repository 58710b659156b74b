"""The live gateway: routing, driven with real calls."""

from timegate.gateway.live import ModelGateway

__all__ = ["ModelGateway"]
