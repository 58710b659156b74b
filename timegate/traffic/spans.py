"""Spans in the JSON form of OTLP, with the attributes of the semantic conventions for generative models.

opentelemetry.io/docs/specs/otlp (JSON: keys in lower camel case, nanoseconds as text, attributes as pairs) and
github.com/open-telemetry/semantic-conventions-genai; older names, and those of OpenLLMetry and OpenInference, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from timegate.errors import TraceError, shown

__all__ = ["is_otlp", "rows_of_spans"]

_RESOURCES = ("resourceSpans", "batches")  # OTLP, and Tempo's answer
_SCOPES = ("scopeSpans", "instrumentationLibrarySpans")
_OPERATION = ("gen_ai.operation.name", "llm.request.type", "openinference.span.kind")
_CALLS = {"chat", "text_completion", "generate_content", "embeddings", "completion", "embedding", "llm", "rerank"}
_MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_ERROR = (2, "2", "STATUS_CODE_ERROR")


def is_otlp(document: Any) -> bool:
    """Whether a document holds spans."""
    return isinstance(document, dict) and any(isinstance(document.get(key), list) for key in _RESOURCES)


def rows_of_spans(path: Path, document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the innermost spans that call a model, each with the outermost one that it lies in."""
    spans: dict[tuple[Any, Any], tuple[Mapping[str, Any], dict[str, Any]]] = {}
    for span in _spans(document):
        if not isinstance(span, dict):
            raise TraceError(f"{path}: a span must be an object. Got {shown(span)}.")
        attributes = dict(_attributes(span))
        if _is_call(attributes):
            spans[span.get("traceId"), span.get("spanId")] = span, attributes
    around = {(trace, span.get("parentSpanId")) for (trace, _), (span, _) in spans.items()}
    for number, ((trace, key), (span, attributes)) in enumerate(spans.items()):
        if (trace, key) in around:
            continue  # the span of a call, whose attempts have spans of their own
        outer = key
        for _ in spans:  # at most as many steps as there are spans: parents may run in a circle
            parent = spans[trace, outer][0].get("parentSpanId")
            if (trace, parent) not in spans:
                break
            outer = parent
        is_error = (span.get("status") or {}).get("code") in _ERROR
        yield (
            f"span {number}",
            {
                "startTimeUnixNano": span.get("startTimeUnixNano"),
                "endTimeUnixNano": span.get("endTimeUnixNano"),
                "model": _first(attributes, _MODEL),
                "input": _first(attributes, _INPUT),
                "output": _first(attributes, _OUTPUT),
                "status": attributes.get("error.type") or ("error" if is_error else "ok"),
                "call": f"{trace}/{outer}",
            },
        )


def _is_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a span calls a model; agents, tools and workflows have spans of their own."""
    operation = _first(attributes, _OPERATION)
    if operation is not None:
        return str(operation).lower() in _CALLS
    return _first(attributes, _MODEL) is not None and _first(attributes, _INPUT + _OUTPUT) is not None


def _spans(document: Mapping[str, Any]) -> Iterator[Any]:
    for key in _RESOURCES:
        for resource in document.get(key) or ():
            for scopes in _SCOPES:
                for scope in resource.get(scopes) or () if isinstance(resource, dict) else ():
                    yield from (scope.get("spans") or ()) if isinstance(scope, dict) else ()


def _attributes(span: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for pair in span.get("attributes") or ():
        if isinstance(pair, dict) and isinstance(pair.get("value"), dict):
            yield pair.get("key", ""), next(iter(pair["value"].values()), None)


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)
