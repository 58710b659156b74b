"""Calls as spans and metrics of OpenTelemetry, read back from the SDK's own in-memory exporters."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from test_records import AT, gateway_of

import timegate as tg
from timegate.core.clock import VirtualClock
from timegate.errors import InvalidTypeError, MissingExtraError

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.trace import SpanKind, StatusCode

NAMES = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
METRICS = {value for name, value in vars(gen_ai_metrics).items() if name.startswith("GEN_AI_")}


class Seen:
    """What OpenTelemetry heard."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.observer = tg.OpenTelemetry(self.tracers, self.meters)

    @property
    def spans(self) -> list[Any]:
        return sorted(self.exporter.get_finished_spans(), key=lambda span: (span.start_time, span.kind.value))

    @property
    def metrics(self) -> dict[str, list[Any]]:
        [resource] = self.reader.get_metrics_data().resource_metrics
        return {m.name: list(m.data.data_points) for scope in resource.scope_metrics for m in scope.metrics}


@pytest.fixture
def seen() -> Iterator[Seen]:
    heard = Seen()
    yield heard
    heard.tracers.shutdown()
    heard.meters.shutdown()


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_call_is_a_span_and_each_attempt_one_in_it(seen: Seen, way: str) -> None:
    """Instants, kinds, statuses and attributes say what the record says; usage stands on the attempt that answered."""
    gateway = gateway_of(1, 0, observers=[seen.observer])
    with seen.tracers.get_tracer("app").start_as_current_span("request") as request:
        gateway() if way == "sync" else asyncio.run(gateway.acall())
    call, first, second = [span for span in seen.spans if span.name != "request"]
    assert (call.name, call.kind, call.start_time, call.end_time) == (
        "route chat", SpanKind.INTERNAL, AT * 1000, (AT + 2_000_000) * 1000
    )  # fmt: skip
    assert dict(call.attributes) == {"timegate.outcome": "fallback", "timegate.served_by": "b"}
    assert call.parent.span_id == request.get_span_context().span_id
    assert call.status.status_code is StatusCode.UNSET
    common = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "own", "gen_ai.request.model": "m"}
    assert dict(first.attributes) == {**common, "error.type": "server_error", "timegate.deployment": "a"}
    assert dict(second.attributes) == {
        **common,
        "timegate.deployment": "b",
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 2,
    }
    assert [span.kind for span in (first, second)] == [SpanKind.CLIENT] * 2
    assert {span.parent.span_id for span in (first, second)} == {call.context.span_id}
    assert (first.status.status_code, second.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert second.start_time == (AT + 1_000_000) * 1000
    assert {name for span in (first, second) for name in span.attributes if name.startswith("gen_ai.")} <= NAMES


def test_metrics_count_attempts_and_tokens_once(seen: Seen) -> None:
    """Durations by kind of error, tokens by type, calls by outcome."""
    gateway = gateway_of(1, 0, observers=[seen.observer])
    gateway()
    gateway(model_preference="b")
    found = seen.metrics
    assert {name for name in found if name.startswith("gen_ai.")} <= METRICS
    durations = found["gen_ai.client.operation.duration"]
    assert sorted((point.attributes.get("error.type", ""), point.count) for point in durations) == [
        ("", 2), ("server_error", 1)
    ]  # fmt: skip
    tokens = found["gen_ai.client.token.usage"]
    assert {point.attributes["gen_ai.token.type"]: point.sum for point in tokens} == {"input": 6, "output": 4}
    calls = found["timegate.call.duration"]
    assert {point.attributes["timegate.outcome"]: point.sum for point in calls} == {
        "fallback": 2.0,
        "first_choice": 1.0,
    }


def test_a_call_that_nobody_served_is_an_error(seen: Seen) -> None:
    """With its outcome as type, and who was passed over and why."""
    gateway = gateway_of(0, observers=[seen.observer])
    gateway.cool("a", 60)
    with pytest.raises(tg.ModelRouterError):
        gateway(model_preference="a")
    [call] = seen.spans
    assert call.status.status_code is StatusCode.ERROR
    assert dict(call.attributes) == {
        "timegate.outcome": "shed",
        "timegate.preferred": "a",
        "timegate.skipped": ("a: cooling",),
        "error.type": "shed",
    }


def test_a_stream_has_its_first_chunk_and_what_was_reported(seen: Seen) -> None:
    """Model and reason for the stop stand on the attempt; the provider goes by its name in the conventions."""
    clock = VirtualClock(AT)

    class Streams(tg.BaseModel):
        provider, model_type, model_id = "mistral", "chat_completion", "small"

        def __call__(self, **kwargs: Any) -> Any:
            metadata = {"model": "small-2", "finish_reason": "stop", "usage": {"prompt_tokens": 1}}
            return tg.ModelStreamResponse(self.parts(), metadata=metadata)

        def parts(self) -> Iterator[str]:
            for part in "abc":
                clock.at_us += 500_000
                yield part

    models = [{"model_name": "a", "model": Streams()}]
    assert tg.ModelGateway(models, clock, observers=[seen.observer])(stream=True).consume() == "abc"
    attempt = seen.spans[-1]
    assert dict(attempt.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.request.model": "small",
        "gen_ai.response.model": "small-2",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 1,
        "timegate.deployment": "a",
    }
    [point] = seen.metrics["gen_ai.client.operation.time_to_first_chunk"]
    assert (point.sum, point.count) == (0.5, 1)


def test_prometheus_reads_metrics_by_the_bridge() -> None:
    """As docs/live.md says; the registry is read, and no port is opened. Tokens and calls are counted once."""
    bridge = pytest.importorskip("opentelemetry.exporter.prometheus")
    from prometheus_client import REGISTRY

    meters = MeterProvider([bridge.PrometheusMetricReader()])
    gateway = gateway_of(1, 0, observers=[tg.OpenTelemetry(meter_provider=meters)])
    gateway()
    gateway(model_preference="b")
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    meters.shutdown()

    def told(name: str, *labels: str) -> dict[tuple[str, ...], float]:
        return {
            tuple(sample.labels.get(label, "") for label in labels): sample.value
            for sample in samples
            if sample.name == name
        }

    assert told("timegate_call_duration_seconds_sum", "timegate_outcome", "timegate_served_by") == {
        ("fallback", "b"): 2.0,
        ("first_choice", "b"): 1.0,
    }
    assert told("gen_ai_client_operation_duration_seconds_count", "gen_ai_request_model", "error_type") == {
        ("m", ""): 2.0,
        ("m", "server_error"): 1.0,
    }
    assert told("gen_ai_client_token_usage_sum", "gen_ai_token_type") == {("input",): 6.0, ("output",): 4.0}
    later = {sample.name for metric in REGISTRY.collect() for sample in metric.samples}
    assert not [name for name in later if name.startswith(("timegate", "gen_ai"))]


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of it is loaded before."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"timegate\[otel\]"):
        tg.OpenTelemetry()


@pytest.mark.parametrize(("name", "needed"), [("tracer_provider", "get_tracer"), ("meter_provider", "get_meter")])
def test_what_provides_nothing(name: str, needed: str) -> None:
    """A provider that is none is refused when the observer is made."""
    with pytest.raises(InvalidTypeError, match=rf"^{name} must be OpenTelemetry's, with {needed}\(\)\. Got 5\."):
        tg.OpenTelemetry(**{name: 5})
