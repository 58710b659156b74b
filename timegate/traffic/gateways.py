"""The formats of logs that gateways, observers of models and web servers write."""

from __future__ import annotations

from timegate.traffic.formats import Format, Log

__all__ = ["GATEWAYS", "TOTALS"]

_TOKENS = {"prompt_tokens": "prompt_tokens", "completion_tokens": "completion_tokens"}

GATEWAYS = (
    # github.com/BerriAI/litellm, schema.prisma, LiteLLM_SpendLogs: a row an attempt; timestamps in UTC without zone.
    Format(
        "LiteLLM spend log",
        {"startTime": "at", "endTime": "ended", "model": "served_by", **_TOKENS},
        optional={"status": "status", "trace_id": "call", "session_id": "call", "request_id": "id"},
        known_by=("request_id",),
        log=Log(),
    ),
    # langfuse.com/docs/api-and-data-platform/features/blob-storage-export-fields, and the export of its pages.
    Format(
        "Langfuse observations",
        {"start_time": "at", "type": "kind", "level": "status"},
        optional={
            "id": "id",
            "end_time": "ended",
            "provided_model_name": "served_by",
            "model": "served_by",
            "usage_details": "usage",
        },
        known_by=("trace_id",),
        log=Log(frozenset({"GENERATION", "EMBEDDING"})),
    ),
    Format(
        "Langfuse observations",
        {"startTime": "at", "type": "kind", "level": "status"},
        optional={
            "id": "id",
            "endTime": "ended",
            "providedModelName": "served_by",
            "model": "served_by",
            "usageDetails": "usage",
            "usage": "usage",
            "promptTokens": "prompt_tokens",
            "completionTokens": "completion_tokens",
        },
        known_by=("traceId",),
        log=Log(frozenset({"GENERATION", "EMBEDDING"})),
    ),
    # docs.langchain.com/langsmith/run-data-format: a row a run, of which only some call a model; UTC without zone.
    Format(
        "LangSmith runs",
        {"start_time": "at", "run_type": "kind"},
        optional={
            "id": "id",
            "end_time": "ended",
            "status": "status",
            "trace_id": "call",
            "extra.metadata.ls_model_name": "served_by",
            **_TOKENS,
        },
        log=Log(frozenset({"llm", "embedding"})),
    ),
    # timegate/traffic/spans.py makes these columns of spans.
    Format(
        "OTLP spans",
        {"startTimeUnixNano": "at", "endTimeUnixNano": "ended", "model": "served_by", "status": "status"},
        "ns",
        optional={"input": "prompt_tokens", "output": "completion_tokens", "call": "call"},
        log=Log(),
    ),
    # docs.helicone.ai/rest/request/post-v1requestquery-clickhouse, and @helicone/export: latency in milliseconds.
    Format(
        "Helicone requests",
        {"request_created_at": "at", "response_status": "status"},
        optional={
            "request_id": "id",
            "response_created_at": "ended",
            "latency": "latency_ms",
            "delay_ms": "latency_ms",
            "model": "served_by",
            "response_model": "served_by",
            **_TOKENS,
        },
        log=Log(),
    ),
    # openrouter.ai/activity, "export": a row a generation; created_at in UTC without zone.
    Format(
        "OpenRouter activity",
        {"created_at": "at", "model_permaslug": "served_by", "tokens_prompt": "prompt_tokens"},
        optional={
            "generation_id": "id",
            "tokens_completion": "completion_tokens",
            "generation_time_ms": "latency_ms",
            "finish_reason_normalized": "status",
        },
        known_by=("generation_id",),
        log=Log(),
    ),
    # developers.cloudflare.com/api/resources/ai_gateway, "list gateway logs": duration in milliseconds.
    Format(
        "Cloudflare AI Gateway log",
        {"created_at": "at", "model": "served_by", "tokens_in": "prompt_tokens"},
        optional={
            "id": "id",
            "tokens_out": "completion_tokens",
            "duration": "latency_ms",
            "status_code": "status",
            "success": "status",
        },
        known_by=("provider",),
        remark="created_at is taken for the arrival",
        log=Log(),
    ),
    # docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html: a row an attempt.
    Format(
        "Bedrock invocation log",
        {"timestamp": "at", "modelId": "served_by"},
        optional={
            "requestId": "id",
            "errorCode": "status",
            "input.inputTokenCount": "prompt_tokens",
            "output.outputTokenCount": "completion_tokens",
            "output.outputBodyJson.metrics.latencyMs": "latency_ms",
        },
        known_by=("schemaType", "operation"),
        log=Log(),
    ),
    # portkey.ai/docs/api-reference, logs/exports, requested_data: a row an attempt; response_time in milliseconds.
    Format(
        "Portkey log",
        {"created_at": "at", "ai_model": "served_by"},
        optional={
            "id": "id",
            "req_units": "prompt_tokens",
            "res_units": "completion_tokens",
            "response_time": "latency_ms",
            "response_status_code": "status",
            "is_success": "status",
            "trace_id": "call",
        },
        known_by=("ai_org",),
        log=Log(),
    ),
    # timegate/traffic/access_log.py makes these columns of lines.
    Format(
        "access log",
        {"time_local": "at", "status": "status"},
        optional={"request": "request"},
        remark="the time of a request is that of its end",
        log=Log(),
    ),
    # What a replay of ours writes: calls.csv, calls.parquet; and what a Recorder keeps of a gateway.
    Format(
        "timegate calls",
        {"at": "at", "served_by": "served_by", "outcome": "status"},
        optional={
            "preferred": "model_preference",
            "attempts": "attempts",
            "latency_s": "latency_s",
            "prompt_tokens": "prompt_tokens",
            "completion_tokens": "completion_tokens",
            "cached_tokens": "cached_tokens",
        },
        log=Log(),
    ),
)

_NO_CALLS = "which say nothing of single calls: export the log of calls."

TOTALS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"date", "requests", "endpoint_id"}), f"OpenRouter's totals of days, {_NO_CALLS}"),
    (frozenset({"date", "api_requests", "successful_requests"}), f"LiteLLM's totals of days, {_NO_CALLS}"),
    (frozenset({"users", "models", "spend", "startTime"}), f"LiteLLM's totals of days, {_NO_CALLS}"),
    # platform.openai.com/docs/api-reference/usage: buckets of a minute, an hour or a day.
    (frozenset({"object", "start_time", "end_time", "results"}), f"OpenAI's totals of periods, {_NO_CALLS}"),
    # What `vllm bench serve` and `sglang.bench_serving` write: lengths of calls, and no arrivals.
    (frozenset({"input_lens", "output_lens"}), "the results of a benchmark, which say not when its calls arrived."),
    # github.com/vllm-project/aibrix, workloads of its generator; traces that llm replayers read.
    (frozenset({"timestamp", "requests"}), "several calls a row, in 'requests': write a row a call."),
    (frozenset({"timestamp", "queries"}), "several calls a row, in 'queries': write a row a call."),
)
"""Tables whose rows are no calls, by their columns."""
