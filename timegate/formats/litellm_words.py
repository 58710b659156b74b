"""The words of a LiteLLM proxy config, which its writer and its reader share."""

from __future__ import annotations

from typing import Any

__all__ = [
    "KEEPS", "KEY_VARIABLES", "LIMITS", "MODEL_TYPES", "MODES", "OF_CALLS", "OF_DEPLOYMENTS", "PRICE_KEYS", "SETTINGS",
    "SIMULATED", "VARIABLE",
]  # fmt: skip

KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "cerebras": "CEREBRAS_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "replicate": "REPLICATE_API_KEY",
    "xai": "XAI_API_KEY",
}
"""The environment variables in which LiteLLM expects the keys of providers; others are left to LiteLLM to find."""

MODES = {
    "chat_completion": "chat",
    "moderation": "moderation",
    "speech_to_text": "audio_transcription",
    "text_embedder": "embedding",
    "text_reranker": "rerank",
    "text_to_image": "image_generation",
    "text_to_speech": "audio_speech",
}
MODEL_TYPES = {mode: model_type for model_type, mode in MODES.items()}
VARIABLE = "os.environ/"
SIMULATED = "sim"
PRICE_KEYS = {
    "input_cost_per_token": "input_per_mtok",
    "output_cost_per_token": "output_per_mtok",
    "cache_read_input_token_cost": "cached_input_per_mtok",
    "cache_creation_input_token_cost": "cache_write_per_mtok",
}
"""What LiteLLM calls the amounts of a price, which it has per token."""
KEEPS = {"callbacks": ["timegate.gateway.litellm.windows"]}
"""The setting by which a callback of ours keeps windows."""
SETTINGS: dict[str, Any] = {"num_retries": 0, "disable_cooldowns": True}
"""What makes a call try each deployment once."""

LIMITS = {"requests_per_min": "rpm", "tokens_per_min": "tpm", "concurrent": "max_parallel_requests"}
OF_DEPLOYMENTS = {"timeout_s": "timeout", "max_retries": "max_retries", "limits": ""}
OF_CALLS = {"timeout_s": "timeout", "max_retries": "num_retries", "cooldown": ""}
"""Fields of policies, and what LiteLLM calls them."""
