"""The formats of published traces."""

from __future__ import annotations

from timegate.traffic.formats import Format

__all__ = ["PUBLISHED"]

_LENGTHS = {"timestamp": "at", "input_length": "prompt_tokens", "output_length": "completion_tokens"}

PUBLISHED = (
    # github.com/Azure/AzurePublicDataset: 2023 without zone (taken as UTC), 2024 and 2025 with offsets.
    Format(
        "Azure LLM trace",
        {"TIMESTAMP": "at", "ContextTokens": "prompt_tokens", "GeneratedTokens": "completion_tokens"},
    ),
    # github.com/HPMLL/BurstGPT: seconds from 0:00 of the first day; failed requests have 0 response tokens.
    Format(
        "BurstGPT trace",
        {"Timestamp": "at", "Request tokens": "prompt_tokens", "Response tokens": "completion_tokens"},
        "s",
        {"Model": "model_preference"},
    ),
    # github.com/kvcache-ai/Mooncake, FAST25-release/traces/*.jsonl: milliseconds from the first request.
    Format("Mooncake trace", _LENGTHS, "ms", known_by=("hash_ids",)),
    # The same without its hashes, as many tools write it; some of them in seconds.
    Format("Mooncake trace", _LENGTHS, "ms", remark="no hash_ids tell its unit: timestamp taken as ms"),
    # github.com/alibaba-edu/qwen-bailian-usagetraces-anon: the keys of Mooncake and more, in seconds.
    Format("Qwen-Bailian trace", _LENGTHS, "s", known_by=("chat_id", "parent_chat_id"), remark="timestamp taken as s"),
    # The same without the names of its chats.
    Format("Qwen-Bailian trace", _LENGTHS, "s", known_by=("type", "turn"), remark="timestamp taken as s"),
    # github.com/microsoft/vidur, data/processed_traces: seconds from the first request; also of Sarathi-Serve.
    Format(
        "Vidur trace",
        {"arrived_at": "at", "num_prefill_tokens": "prompt_tokens", "num_decode_tokens": "completion_tokens"},
        "s",
        remark="arrived_at taken as s",
    ),
)
