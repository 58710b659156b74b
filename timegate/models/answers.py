"""What a provider that speaks OpenAI's protocol answers: documents, and streams of events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

from timegate.errors import ContentFilterError, ModelConnectionError, ServerError, TruncatedError, shown
from timegate.models.events import Events
from timegate.models.failures import our_errors, rate_limits
from timegate.models.responses import ModelResponse

__all__ = ["Parts", "completion", "embedding", "read", "read_async"]


class _AnsweredError(Exception):
    """An error that came as an answer; its code may be a status."""

    def __init__(self, said: Any) -> None:
        said = said if isinstance(said, dict) else {"message": said}
        super().__init__(str(said.get("message") or said))
        self.code = said.get("code")
        self.status_code = self.code if isinstance(self.code, int) and 400 <= self.code < 600 else 500
        if str(self.code).startswith(("context_length", "content_filter")):
            self.status_code = 400


def _document(text: bytes | str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ServerError(f"the provider's answer is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise ServerError(f"the provider's answer is no JSON object. Got {shown(data)}.")
    if data.get("error"):
        raise _AnsweredError(data["error"])
    return data


def _choice(data: dict[str, Any]) -> dict[str, Any] | None:
    choices = data.get("choices")
    return choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None


def completion(response: Any) -> ModelResponse:
    """Read what a provider answered to a chat."""
    data = _document(response.content)
    choice = _choice(data)
    message = choice.get("message") if choice else None
    if choice is None or not isinstance(message, dict):
        raise ServerError("the provider's answer has no choices")
    if choice.get("finish_reason") == "content_filter":
        raise ContentFilterError("the provider's filter cut the answer")
    metadata = {"finish_reason": choice.get("finish_reason"), "usage": data.get("usage"), "model": data.get("model")}
    if limits := rate_limits(response.headers):
        metadata["rate_limits"] = limits
    if message.get("tool_calls"):
        return ModelResponse(message["tool_calls"], "tool_call", metadata)
    return ModelResponse(message.get("content"), "text_generation", metadata)


def embedding(response: Any, is_one: bool) -> ModelResponse:
    """Read the vectors that a provider answered, or the one."""
    data = _document(response.content)
    try:
        vectors = [item["embedding"] for item in sorted(data["data"], key=lambda item: item["index"])]
        answer = vectors[0] if is_one else vectors
    except (KeyError, IndexError, TypeError) as error:
        raise ServerError("the provider's answer has no embeddings") from error
    return ModelResponse(answer, "text_embedding", {"usage": data.get("usage"), "model": data.get("model")})


class Parts:
    """Puts the parts of a streamed answer together."""

    def __init__(self) -> None:
        self._events = Events()
        self.metadata: dict[str, Any] = {"finish_reason": None, "usage": None, "model": None}
        self._has_finished = False
        self.is_over = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """Yield the texts that end in some bytes."""
        return self._texts(self._events.feed(chunk))

    def end(self) -> Iterator[str]:
        """Yield the text that only the end of the stream ends."""
        yield from self._texts(self._events.end())
        if not (self.is_over or self._has_finished):
            raise TruncatedError("the stream ended without its end mark")

    def _texts(self, events: Iterator[bytes]) -> Iterator[str]:
        for event in events:
            if text := self._take(event):
                yield text
            if self.is_over:
                return

    def _take(self, event: bytes) -> str | None:
        """Return the text of an event."""
        if event.strip() == b"[DONE]":
            self.is_over = True
            return None
        data = _document(event)
        for name in ("usage", "model"):
            if data.get(name):
                self.metadata[name] = data[name]
        choice = _choice(data)
        if choice is None:
            return None
        if reason := choice.get("finish_reason"):
            if reason == "content_filter":
                raise ContentFilterError("the provider's filter cut the answer")
            self.metadata["finish_reason"] = reason
            self._has_finished = True
        delta = choice.get("delta") or {}
        for call in delta.get("tool_calls") or ():
            self._add(call)
        content: str | None = delta.get("content")
        return content

    def _add(self, part: dict[str, Any]) -> None:
        """Add a part of a call of a tool, whose arguments come in pieces."""
        calls = self.metadata.setdefault("tool_calls", [])
        while len(calls) <= part.get("index", 0):
            calls.append({"id": None, "type": "function", "function": {"name": "", "arguments": ""}})
        call, said = calls[part.get("index", 0)], part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["function"]["name"] += said.get("name") or ""
        call["function"]["arguments"] += said.get("arguments") or ""


@contextmanager
def _begun() -> Iterator[None]:
    """Say what a failure means once an answer has begun: a connection that is lost cuts it."""
    try:
        with our_errors():
            yield
    except ModelConnectionError as error:
        if type(error) is not ModelConnectionError:
            raise
        raise TruncatedError(str(error)) from error.__cause__


def read(response: Any, parts: Parts, model: object) -> Iterator[str]:
    """Yield the texts of a stream; what else comes is put into its parts.

    It holds the model meanwhile: one that nobody holds closes its connections, and would cut the stream.
    """
    try:
        with _begun():
            for chunk in response.iter_bytes():
                yield from parts.feed(chunk)
                if parts.is_over:
                    return
            yield from parts.end()
    finally:
        response.close()


async def read_async(response: Any, parts: Parts, model: object) -> AsyncIterator[str]:
    """Yield the texts of a stream, as :func:`read` does."""
    try:
        with _begun():
            async for chunk in response.aiter_bytes():
                for text in parts.feed(chunk):
                    yield text
                if parts.is_over:
                    return
            for text in parts.end():
                yield text
    finally:
        await response.aclose()
