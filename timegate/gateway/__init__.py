"""The live gateway: routing, driven with real calls."""

from timegate.gateway.live import ModelGateway
from timegate.gateway.recorder import Recorder
from timegate.gateway.records import CallRecord
from timegate.gateway.telemetry import OpenTelemetry

__all__ = ["CallRecord", "ModelGateway", "OpenTelemetry", "Recorder"]
