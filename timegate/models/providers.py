"""The providers that speak the protocol of OpenAI: where they are, and which variable holds their key."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from timegate.errors import ConfigError, shown

__all__ = ["PROVIDERS", "Provider", "known_or_new", "valid_url"]


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    Attributes
    ----------
    name : str
        What stands before the slash of a model.
    base_url : str or None
        None for the SDK's own.
    api_key_env : tuple of str
        Environment variables, of which the first that is set holds the key; empty where none is needed.
    base_url_env : str or None
        The environment variable that holds the start of the address, for accounts with an address of their own.
    usage_in_streams : bool
        Whether a stream is asked for its usage; others tell it by themselves, and refuse the question.
    """

    name: str
    base_url: str | None = None
    api_key_env: tuple[str, ...] = ()
    base_url_env: str | None = None
    usage_in_streams: bool = True

    def address(self) -> str | None:
        """Return the base URL, from the environment where it is the account's own."""
        if self.base_url_env is None:
            return self.base_url
        start = os.environ.get(self.base_url_env, "").rstrip("/")
        return f"{start}{self.base_url}" if start else None


PROVIDERS: dict[str, Provider] = {
    provider.name: provider
    for provider in (
        Provider("openai", None, ("OPENAI_API_KEY",)),
        Provider("azure", "/openai/v1/", ("AZURE_OPENAI_API_KEY",), base_url_env="AZURE_OPENAI_ENDPOINT"),
        Provider("anthropic", "https://api.anthropic.com/v1/", ("ANTHROPIC_API_KEY",)),
        Provider("deepseek", "https://api.deepseek.com", ("DEEPSEEK_API_KEY",)),
        Provider("fireworks", "https://api.fireworks.ai/inference/v1", ("FIREWORKS_API_KEY",)),
        Provider(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        ),
        Provider("groq", "https://api.groq.com/openai/v1", ("GROQ_API_KEY",)),
        Provider("mistral", "https://api.mistral.ai/v1", ("MISTRAL_API_KEY",), usage_in_streams=False),
        Provider("ollama", "http://localhost:11434/v1"),
        Provider("openrouter", "https://openrouter.ai/api/v1", ("OPENROUTER_API_KEY",)),
        Provider("together", "https://api.together.ai/v1", ("TOGETHER_API_KEY",)),
        Provider("vllm", "http://localhost:8000/v1"),
        Provider("xai", "https://api.x.ai/v1", ("XAI_API_KEY",)),
    )
}
"""By name. Addresses and variables are those that the providers' own pages give."""


def known_or_new(name: str) -> Provider:
    """Return a provider by name; one that is not known has a variable of its name, and no address."""
    return PROVIDERS.get(name) or Provider(name, None, (f"{re.sub(r'[^A-Z0-9]+', '_', name.upper())}_API_KEY",))


def valid_url(base_url: str, where: str = "") -> str:
    """Return a base URL as it is; ``where`` begins the error.

    Raises
    ------
    ConfigError
        If it is none, or if it carries a password.
    """
    try:
        parts = urlsplit(base_url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        good = good and not any(map(str.isspace, base_url))
    except (ValueError, AttributeError):  # such as a port that is no number
        good = False
    if not good:
        raise ConfigError(f"{where}base_url must look like 'https://host/v1'. Got {shown(base_url)}.")
    if parts.password or parts.username:
        raise ConfigError(
            f"{where}base_url must not carry a name or a password, which would be written wherever it is. "
            "Give them in an environment variable that headers_env names."
        )
    return base_url
