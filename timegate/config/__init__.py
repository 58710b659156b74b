"""Configs: what stands in a file, validated, and built into a gateway."""

from timegate.config.model import GatewayConfig

__all__ = ["GatewayConfig"]
