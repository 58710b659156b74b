"""Calls of a gateway as spans and metrics of OpenTelemetry, by the names of its conventions for generative AI."""

from __future__ import annotations

from typing import Any

from timegate.core.clock import SECOND_US, to_us
from timegate.core.columns import ATTEMPT_OUTCOMES, OK, UNSERVED
from timegate.errors import InvalidTypeError, MissingExtraError, shown
from timegate.gateway.records import AttemptRecord, CallRecord
from timegate.version import __version__

__all__ = ["OpenTelemetry"]

OPERATIONS = {"chat_completion": "chat", "text_embedder": "embeddings"}
PROVIDERS = {"azure": "azure.ai.openai", "gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}
"""What the conventions call those that go by another name here."""

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = tuple(4**power for power in range(14))
_NS = 1000  # in a microsecond


class OpenTelemetry:
    """An observer that tells OpenTelemetry of each call when it has ended (``pip install "timegate[otel]"``).

    A call is a span of kind INTERNAL within the span that is current, and each attempt one of kind CLIENT in it, with
    the names of ``open-telemetry/semantic-conventions-genai``. Tokens stand on attempts alone, so that nobody counts
    them twice. The histograms are ``gen_ai.client.operation.duration`` (an attempt), ``gen_ai.client.token.usage``,
    ``gen_ai.client.operation.time_to_first_chunk``, and ``timegate.call.duration`` by outcome. Prometheus reads them by
    OpenTelemetry's own bridge.

    Parameters
    ----------
    tracer_provider, meter_provider : optional
        Default: the global ones.

    Raises
    ------
    MissingExtraError
        If the package is not installed.

    Examples
    --------
    >>> import timegate as tg
    >>> models = [{"model_name": name, "model": tg.Model.chat_completion("sim/m")} for name in "ab"]
    >>> gateway = tg.ModelGateway(models, observers=[tg.OpenTelemetry()])
    >>> gateway(messages="Hello").consume()
    'sim/m'
    """

    def __init__(self, tracer_provider: Any = None, meter_provider: Any = None) -> None:
        try:
            from opentelemetry import metrics, trace
        except ImportError as error:
            raise MissingExtraError("OpenTelemetry is not installed: pip install 'timegate[otel]'") from error
        for name, given, needed in (
            ("tracer_provider", tracer_provider, "get_tracer"),
            ("meter_provider", meter_provider, "get_meter"),
        ):
            if given is not None and not hasattr(given, needed):
                raise InvalidTypeError(f"{name} must be OpenTelemetry's, with {needed}(). Got {shown(given)}.")
        self._trace = trace
        self._tracer = trace.get_tracer("timegate", __version__, tracer_provider)
        meter = metrics.get_meter("timegate", __version__, meter_provider)

        def histogram(name: str, unit: str, what: str, bounds: tuple[float, ...]) -> Any:
            return meter.create_histogram(name, unit, what, explicit_bucket_boundaries_advisory=bounds)

        self._calls = histogram("timegate.call.duration", "s", "Calls of a gateway, from arrival to end", SECONDS)
        self._attempts = histogram("gen_ai.client.operation.duration", "s", "Attempts on deployments", SECONDS)
        self._tokens = histogram("gen_ai.client.token.usage", "{token}", "Tokens of answered attempts", TOKENS)
        first = "gen_ai.client.operation.time_to_first_chunk"
        self._first_chunks = histogram(first, "s", "From a streamed attempt to its first chunk", SECONDS)

    def __call__(self, record: CallRecord) -> None:
        """Tell of a call."""
        operation = OPERATIONS.get(record.model_type, record.model_type)
        ends_us = record.at_us + round(record.latency_s * SECOND_US)
        asked = {
            "timegate.outcome": record.outcome,
            "timegate.preferred": record.preferred,
            "timegate.served_by": record.served_by,
        }
        known = {name: value for name, value in asked.items() if value is not None}
        skipped = [f"{skip.deployment}: {skip.reason}" for skip in record.skipped]
        unserved = {"error.type": record.outcome} if record.outcome in UNSERVED else {}
        span = self._tracer.start_span(
            f"route {operation}",
            kind=self._trace.SpanKind.INTERNAL,
            start_time=record.at_us * _NS,
            attributes={**known, **unserved, **({"timegate.skipped": skipped} if skipped else {})},
        )
        if unserved:
            span.set_status(self._trace.StatusCode.ERROR, record.outcome)
        context = self._trace.set_span_in_context(span)
        for attempt in record.attempts:
            self._attempt(record, attempt, operation, context)
        span.end(ends_us * _NS)
        served = {"timegate.served_by": record.served_by} if record.served_by is not None else {}
        self._calls.record(record.latency_s, {"timegate.outcome": record.outcome, **served, **unserved}, context)

    def _attempt(self, record: CallRecord, attempt: AttemptRecord, operation: str, context: Any) -> None:
        begins_us = to_us(attempt.at, "at")
        common: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": PROVIDERS.get(attempt.provider, attempt.provider),
            "gen_ai.request.model": attempt.model_id,
        }
        attributes: dict[str, Any] = {"timegate.deployment": attempt.deployment}
        answered = attempt.outcome == ATTEMPT_OUTCOMES[OK]
        if not answered:
            common["error.type"] = attempt.outcome
        elif record.reported.get("model"):
            common["gen_ai.response.model"] = record.reported["model"]
        tokens = {"input": record.prompt_tokens, "output": record.completion_tokens} if answered else {}
        attributes |= {f"gen_ai.usage.{kind}_tokens": count for kind, count in tokens.items() if count is not None}
        if answered and record.reported.get("finish_reason"):
            attributes["gen_ai.response.finish_reasons"] = [record.reported["finish_reason"]]
        if attempt.first_chunk_s is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = attempt.first_chunk_s
            self._first_chunks.record(attempt.first_chunk_s, common, context)
        span = self._tracer.start_span(
            f"{operation} {attempt.model_id}",
            context,
            kind=self._trace.SpanKind.CLIENT,
            start_time=begins_us * _NS,
            attributes={**common, **attributes},
        )
        if not answered:
            span.set_status(self._trace.StatusCode.ERROR, attempt.outcome)
        span.end((begins_us + round(attempt.latency_s * SECOND_US)) * _NS)
        self._attempts.record(attempt.latency_s, common, context)
        for kind, count in tokens.items():
            if count is not None:
                self._tokens.record(count, {**common, "gen_ai.token.type": kind}, context)
