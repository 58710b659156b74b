"""Chat completions and embeddings of OpenAI, and of any server that speaks its protocol."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from timegate.core.params import TIMES
from timegate.core.secrets import is_secret
from timegate.errors import (
    AuthenticationError,
    CallerError,
    ConfigError,
    MissingExtraError,
    shown,
)
from timegate.models.answers import Parts, completion, embedding, read, read_async
from timegate.models.base import BaseModel, seconds_left
from timegate.models.failures import our_errors
from timegate.models.providers import PROVIDERS, known_or_new, valid_url
from timegate.models.registry import register_model
from timegate.models.responses import ModelStreamResponse

__all__ = ["OpenAIChatCompletion", "OpenAITextEmbedder"]


class _OpenAIModel(BaseModel):
    """What the models behind the openai SDK share (``pip install "timegate[openai]"``).

    The SDK carries requests and answers; it repeats nothing, and its time is what the policy has left.
    """

    provider = "openai"
    keeps_time = True
    _route: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        model_id: str,
        base_url: str | None = None,
        api_key_env: str | Sequence[str] | None = None,
        headers_env: Mapping[str, str] | None = None,
        *,
        provider: str | None = None,
        check_key: bool = True,
        **sampling_run_params: Any,
    ) -> None:
        if provider is not None:
            self.provider = provider
        name = f"model '{self.provider}/{model_id}'"
        for param, value in sampling_run_params.items():
            if param in TIMES:
                raise ConfigError(f"{name}: the policy alone says how long an attempt may take. Got {param}.")
            if is_secret(param, value):
                raise ConfigError(
                    f"{name}: a key is given in an environment variable, which api_key_env names, and a header in one "
                    f"that headers_env names. Got one as {param}, where it would be serialised."
                )
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError(f"{name} needs the openai SDK: pip install 'timegate[openai]'") from error
        known = known_or_new(self.provider)
        address = known.address() if base_url is None else valid_url(base_url, f"{name}: ")
        if address is None and self.provider != "openai":
            if known.base_url_env is None:
                raise ConfigError(f"{name} needs a base_url: this provider is not one of {', '.join(PROVIDERS)}.")
            if check_key:
                raise ConfigError(f"{name} needs a base_url, or its start in the variable {known.base_url_env}.")
            address = "http://not-set.invalid"
        self.model_id = model_id
        self.api_key_env = [api_key_env] if isinstance(api_key_env, str) else api_key_env and list(api_key_env)
        self.headers_env = dict(headers_env or {})
        # These two names are the ones that msgflux serialises.
        self.sampling_params = {"base_url": base_url}
        self.sampling_run_params = sampling_run_params
        needed = self.keys_of(provider=self.provider, api_key_env=api_key_env)
        key = next(filter(None, map(os.environ.get, needed)), None)
        self._missing = self.lacks(
            provider=self.provider, base_url=base_url, api_key_env=api_key_env, headers_env=self.headers_env
        )
        if self._missing and check_key:
            raise ConfigError(f"{name} needs a key in the environment variable {self._missing[0]}.")
        self._asks_usage = known.usage_in_streams
        options: dict[str, Any] = {
            "base_url": address,
            "max_retries": 0,
            "timeout": None,
            "default_headers": {header: os.environ.get(of, "") for header, of in self.headers_env.items()},
        }
        self._client = openai.OpenAI(api_key=key or "none", **options)

        def make_async_client() -> Any:  # not a partial, whose repr would tell the key
            return openai.AsyncOpenAI(api_key=key or "none", **options)

        self._make_async_client = make_async_client
        self._async_clients: dict[Any, tuple[Any, AsyncIterator[None]]] = {}

    @classmethod
    def keys_of(cls, **params: Any) -> tuple[str, ...]:
        """Return the environment variables of which one must hold the key."""
        given = params.get("api_key_env")
        if given is None:
            return known_or_new(params.get("provider") or cls.provider).api_key_env
        return (given,) if isinstance(given, str) else tuple(given)

    @classmethod
    def lacks(cls, **params: Any) -> list[str]:
        """Return the variables that are not set here: also that of an address that is the account's own."""
        known = known_or_new(params.get("provider") or cls.provider)
        has_address = known.base_url_env is None or params.get("base_url") is not None or known.address()
        return super().lacks(**params) + ([] if has_address else [str(known.base_url_env)])

    @classmethod
    def refuses(cls, **params: Any) -> str:
        """Return what is wrong with ``base_url``."""
        try:
            if params.get("base_url") is not None:
                valid_url(params["base_url"])
        except ConfigError as error:
            return str(error)
        return ""

    @classmethod
    def from_serialized(cls, state: dict[str, Any]) -> Self:
        """Build a model from its state, or from the state of msgflux's model of the same provider."""
        ours = {name: state[name] for name in ("api_key_env", "headers_env", "provider") if name in state}
        base_url = (state.get("sampling_params") or {}).get("base_url")
        return cls(state["model_id"], base_url, **ours, **(state.get("sampling_run_params") or {}))

    async def _async_client(self) -> Any:
        """Return the client of the running event loop, for connections belong to the loop that opened them."""
        import asyncio  # a tenth of the time that `import timegate` may take

        loop = asyncio.get_running_loop()
        client, _ = self._async_clients.get(loop, (None, None))
        if client is None or client.is_closed():
            client = self._make_async_client()
            until_it_ends = _open(client)
            await anext(until_it_ends)
            for known in [known for known in list(self._async_clients) if known.is_closed()]:
                self._async_clients.pop(known, None)
            self._async_clients[loop] = client, until_it_ends
        return client

    def _create(self, client: Any, request: dict[str, Any]) -> Any:
        """Send a request; what is wrong with it before anything is sent is the caller's."""
        if self._missing:
            raise AuthenticationError(f"the environment variable {self._missing[0]} was not set when this was built")
        for name in self._route:
            client = getattr(client, name)
        try:
            return client.with_raw_response.create(**request, timeout=seconds_left())
        except (TypeError, UnicodeEncodeError) as error:
            raise CallerError(str(error)) from error

    def _ask(self, request: dict[str, Any]) -> Any:
        with our_errors():
            return self._create(self._client, request).http_response

    async def _ask_async(self, request: dict[str, Any]) -> Any:
        with our_errors():
            try:
                raw = await self._create(await self._async_client(), request)
            except (TypeError, UnicodeEncodeError) as error:
                raise CallerError(str(error)) from error
            return raw.http_response


async def _open(client: Any) -> AsyncIterator[None]:
    """Close a client when the event loop ends: the loop closes the asynchronous generators that were begun in it."""
    try:
        yield
    finally:
        await client.close()


@register_model
class OpenAIChatCompletion(_OpenAIModel):
    """A chat completion model behind the openai SDK (``pip install "timegate[openai]"``).

    Parameters
    ----------
    model_id : str
        Such as ``"gpt-4.1-mini"``.
    base_url : str, optional
        Another server that speaks the protocol (vLLM, Ollama, a proxy). Default: the provider's.
    api_key_env : str or list of str, optional
        The environment variable that holds the key; of several, the first that is set; of an empty list, none is
        needed. Default: the provider's. The key itself is kept nowhere else.
    headers_env : dict of str to str, optional
        Headers to send with every call, by the environment variables that hold them.
    provider : str, optional
        Who serves it, if it is none of :data:`timegate.models.providers.PROVIDERS`.
    check_key : bool
        Whether a key that is not set is an error at once; else it is one of each call.
    **sampling_run_params
        Sent with every call: ``temperature``, ``max_tokens``, ...

    Raises
    ------
    MissingExtraError
        If the openai SDK is not installed.
    ConfigError
        If the environment variable is not set, or a key or a timeout is given as an argument: found when a gateway is
        built, not when it serves.
    """

    model_type = "chat_completion"
    _route = ("chat", "completions")

    def __call__(self, *, messages: Any = None, stream: bool = False, **kwargs: Any) -> Any:
        """Complete a chat.

        Parameters
        ----------
        messages : str or list of dict
            A text is sent as one message of the user.
        stream : bool
            Whether to answer with a :class:`ModelStreamResponse`.
        **kwargs
            Sent on, over ``sampling_run_params``: ``tools``, ``temperature``, ...

        Raises
        ------
        ModelCallError
            Of the kind of the failure; what the SDK raised is its cause.
        """
        response = self._ask(self._request(messages, stream, kwargs))
        if stream:
            parts = Parts()
            return ModelStreamResponse(read(response, parts, self), metadata=parts.metadata)
        with our_errors():
            return completion(response)

    async def acall(self, *, messages: Any = None, stream: bool = False, **kwargs: Any) -> Any:
        """Complete a chat, as :meth:`__call__` does."""
        response = await self._ask_async(self._request(messages, stream, kwargs))
        if stream:
            parts = Parts()
            return ModelStreamResponse(read_async(response, parts, self), metadata=parts.metadata)
        with our_errors():
            return completion(response)

    def warmup_system_prompt(self, *, system_prompt: str | None, tool_definitions: Any = None) -> Any:
        """Have the provider read a prompt, and the definitions of tools, so that they stand in its cache.

        It is asked for one token. What comes of it, the provider decides.
        """
        return self(**self._warm_up(system_prompt, tool_definitions))

    async def awarmup_system_prompt(self, *, system_prompt: str | None, tool_definitions: Any = None) -> Any:
        """Have the provider read a prompt, as :meth:`warmup_system_prompt` does."""
        return await self.acall(**self._warm_up(system_prompt, tool_definitions))

    @staticmethod
    def _warm_up(system_prompt: str | None, tool_definitions: Any) -> dict[str, Any]:
        messages = [{"role": "system", "content": system_prompt or ""}]
        return {"messages": messages, "max_tokens": 1} | ({"tools": tool_definitions} if tool_definitions else {})

    def _request(self, messages: Any, stream: bool, kwargs: dict[str, Any]) -> dict[str, Any]:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        if not isinstance(messages, list | tuple):
            raise CallerError(f"messages must be a text or a list of messages. Got {shown(messages)}.")
        request = {
            **self.sampling_run_params,
            **kwargs,
            "model": self.model_id,
            "messages": messages,
            "stream": stream,
        }
        if stream and self._asks_usage:
            request.setdefault("stream_options", {"include_usage": True})
        return request


@register_model
class OpenAITextEmbedder(_OpenAIModel):
    """A model of embeddings behind the openai SDK; built as :class:`OpenAIChatCompletion` is."""

    model_type = "text_embedder"
    batch_support = True
    _route = ("embeddings",)

    def __call__(self, data: Any = None, **kwargs: Any) -> Any:
        """Embed a text, or a list of them.

        Parameters
        ----------
        data : str or list of str
        **kwargs
            Sent on, over ``sampling_run_params``: ``dimensions``, ...

        Returns
        -------
        ModelResponse
            A vector as a list of float, or a list of such.
        """
        response = self._ask(self._request(data, kwargs))
        with our_errors():
            return embedding(response, isinstance(data, str))

    async def acall(self, data: Any = None, **kwargs: Any) -> Any:
        """Embed a text, or a list of them, as :meth:`__call__` does."""
        response = await self._ask_async(self._request(data, kwargs))
        with our_errors():
            return embedding(response, isinstance(data, str))

    def _request(self, data: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(data, str | list | tuple) or not data:
            raise CallerError(f"data must be a text or a list of texts. Got {shown(data)}.")
        # Asked in plain numbers: the SDK's own default needs decoding.
        return {"encoding_format": "float", **self.sampling_run_params, **kwargs, "model": self.model_id, "input": data}


for _name in PROVIDERS:
    if _name != "openai":
        for _base in (OpenAIChatCompletion, OpenAITextEmbedder):
            register_model(type(_base.__name__, (_base,), {"provider": _name, "__doc__": _base.__doc__}))
