"""Chat completions of OpenAI, and of any server that speaks its protocol."""

from __future__ import annotations

import os
from typing import Any, Self

from timegate.errors import ConfigError, MissingExtraError
from timegate.models.base import BaseModel
from timegate.models.registry import register_model
from timegate.models.responses import ModelResponse, ModelStreamResponse

__all__ = ["OpenAIChatCompletion"]


@register_model
class OpenAIChatCompletion(BaseModel):
    """A chat completion model behind the openai SDK (``pip install "timegate[openai]"``).

    Parameters
    ----------
    model_id : str
        Such as ``"gpt-4.1-mini"``.
    base_url : str, optional
        Another server that speaks the protocol (vLLM, Ollama, a proxy).
    api_key_env : str
        The environment variable that holds the key. The key itself is kept nowhere else.
    timeout_s : float, optional
        How long one attempt may take. Default: the SDK's.
    max_retries : int
        Retries inside one attempt. Default 0, so that the gateway's fallback comes first.
    **sampling_run_params
        Sent with every call: ``temperature``, ``max_tokens``, ...

    Raises
    ------
    MissingExtraError
        If the openai SDK is not installed.
    ConfigError
        If the environment variable is not set, or the key is given as an argument: found when a gateway is
        built, not when it serves.
    """

    provider = "openai"
    model_type = "chat_completion"

    def __init__(
        self,
        model_id: str,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        timeout_s: float | None = None,
        max_retries: int = 0,
        **sampling_run_params: Any,
    ) -> None:
        if "api_key" in sampling_run_params:
            raise ConfigError(
                f"model 'openai/{model_id}': a key is given in an environment variable, which api_key_env names. "
                "Got one as api_key, where it would be serialised."
            )
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError(
                f"model 'openai/{model_id}' needs the openai SDK: pip install 'timegate[openai]'"
            ) from error
        key = os.environ.get(api_key_env)
        if not key:
            raise ConfigError(f"model 'openai/{model_id}' needs a key in the environment variable {api_key_env}.")
        self.model_id = model_id
        self.api_key_env = api_key_env
        self.timeout_s = timeout_s
        self.max_retries = max_retries
        # These two names are the ones that msgflux serialises.
        self.sampling_params = {"base_url": base_url}
        self.sampling_run_params = sampling_run_params
        timeout = openai.NOT_GIVEN if timeout_s is None else timeout_s
        options: dict[str, Any] = {"base_url": base_url, "timeout": timeout, "max_retries": max_retries}
        self._client = openai.OpenAI(api_key=key, **options)

        def make_async_client() -> Any:  # not a partial, whose repr would tell the key
            return openai.AsyncOpenAI(api_key=key, **options)

        self._make_async_client = make_async_client
        self._async_clients: dict[Any, Any] = {}

    def __call__(self, *, messages: Any, stream: bool = False, **kwargs: Any) -> Any:
        """Complete a chat.

        Parameters
        ----------
        messages : str or list of dict
            A text is sent as one message of the user.
        stream : bool
            Whether to answer with a :class:`ModelStreamResponse`.
        **kwargs
            Sent on, over ``sampling_run_params``.
        """
        answer = self._client.chat.completions.create(**self._request(messages, stream, kwargs))
        if stream:
            return ModelStreamResponse(text for chunk in answer if (text := _delta(chunk)))
        return _response(answer)

    async def acall(self, *, messages: Any, stream: bool = False, **kwargs: Any) -> Any:
        """Complete a chat, as :meth:`__call__` does."""
        answer = await self._async_client().chat.completions.create(**self._request(messages, stream, kwargs))
        if stream:
            return ModelStreamResponse(text async for chunk in answer if (text := _delta(chunk)))
        return _response(answer)

    def _async_client(self) -> Any:
        """Return the client of the running event loop, for connections belong to the loop that opened them."""
        import asyncio  # a tenth of the time that `import timegate` may take

        loop = asyncio.get_running_loop()
        client = self._async_clients.get(loop)
        if client is None:
            client = self._make_async_client()
            live = {known: other for known, other in self._async_clients.items() if not known.is_closed()}
            self._async_clients = {**live, loop: client}
        return client

    def _request(self, messages: Any, stream: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        return {
            **self.sampling_run_params,
            **kwargs,
            "model": self.model_id,
            "messages": messages,
            "stream": stream,
        }

    @classmethod
    def from_serialized(cls, state: dict[str, Any]) -> Self:
        """Build a model from its state, or from the state of msgflux's model of the same provider."""
        ours = {name: state[name] for name in ("api_key_env", "timeout_s", "max_retries") if name in state}
        base_url = (state.get("sampling_params") or {}).get("base_url")
        return cls(state["model_id"], base_url, **ours, **(state.get("sampling_run_params") or {}))


def _response(answer: Any) -> ModelResponse:
    choice = answer.choices[0]
    usage = answer.usage.model_dump() if answer.usage else None
    metadata = {"finish_reason": choice.finish_reason, "usage": usage, "model": answer.model}
    if choice.message.tool_calls:
        return ModelResponse([call.model_dump() for call in choice.message.tool_calls], "tool_call", metadata)
    return ModelResponse(choice.message.content, "text_generation", metadata)


def _delta(chunk: Any) -> str | None:
    return chunk.choices[0].delta.content if chunk.choices else None
