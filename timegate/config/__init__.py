"""Configs: what stands in a file, validated, and built into a gateway."""

from timegate.config.model import DeploymentConfig, GatewayConfig

__all__ = ["DeploymentConfig", "GatewayConfig"]
