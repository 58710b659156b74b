"""What became of a call of the live gateway: a record that is read from the log of its steps when somebody asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from timegate.core.clock import SECOND_US, from_us
from timegate.core.columns import ATTEMPT_OUTCOMES, NOBODY, OUTCOMES
from timegate.core.policy import REASONS
from timegate.core.routing import Call
from timegate.show.text import iso

__all__ = ["REPORTED", "AttemptRecord", "CallRecord", "SkipRecord"]

REPORTED = ("usage", "model", "finish_reason", "rate_limits")
"""What a record keeps of an answer's metadata."""


class AttemptRecord(NamedTuple):
    """One attempt; ``outcome`` is ``"ok"`` or the kind of its error, ``pause_s`` what was waited before it.

    ``first_chunk_s`` is that of a stream which began: from the start of the attempt.
    """

    deployment: str
    provider: str
    model_id: str
    at: datetime
    outcome: str
    latency_s: float
    pause_s: float
    first_chunk_s: float | None = None


class SkipRecord(NamedTuple):
    """An open deployment that was passed over; ``until`` says when it has cooled, None if it does not cool."""

    deployment: str
    reason: str
    until: datetime | None = None

    def __str__(self) -> str:
        until = "" if self.until is None else f" until {iso(self.until)}"
        return f"{self.deployment} ({self.reason}{until})"


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class CallRecord:
    """One call: when, in which order, what was tried, and who served. It stands in ``answer.metadata["timegate"]``.

    That of a stream is complete when the stream has ended.

    Parameters
    ----------
    call : Call
    model_type : str
        What was asked for.

    Attributes
    ----------
    reported : mapping
        What the provider said: ``usage``, ``model``, ``finish_reason``, ``rate_limits`` (``x-ratelimit-*`` headers).
    first_chunks_us : mapping of int to int
        When each stream that began did so, by the place of its attempt, in microseconds since the epoch.

    Examples
    --------
    >>> from timegate import Model, ModelGateway
    >>> gateway = ModelGateway([{"model_name": name, "model": Model.chat_completion("sim/m")} for name in "ab"])
    >>> record = gateway(messages="Hello", model_preference="b").metadata["timegate"]
    >>> record.served_by, record.outcome, [attempt.outcome for attempt in record.attempts]
    ('b', 'first_choice', ['ok'])
    """

    __slots__ = ("_call", "first_chunks_us", "model_type", "reported")

    def __init__(self, call: Call, model_type: str) -> None:
        self._call = call
        self.model_type = model_type
        self.reported: Mapping[str, Any] = _NOTHING
        self.first_chunks_us: Mapping[int, int] = _NOTHING

    def __repr__(self) -> str:
        return f"<CallRecord at {iso(self.at)}: {self.outcome}, {self.served_by or 'nobody'}>"

    @property
    def preferred(self) -> str | None:
        """The caller's ``model_preference``."""
        return self._call.preferred

    @property
    def at_us(self) -> int:
        """When the call arrived, in microseconds since the epoch."""
        return self._call.at_us

    @property
    def at(self) -> datetime:
        """When the call arrived."""
        return from_us(self._call.at_us)

    @property
    def order(self) -> list[str]:
        """The open deployments, in the order in which they were to be tried."""
        names = self._call.router.names
        return [names[index] for index in self._call.order]

    @property
    def first_choice(self) -> str:
        """Who would have served with every window open."""
        return self._call.router.names[self._call.first_choice]

    @property
    def served_by(self) -> str | None:
        """Who answered; None for nobody, or not yet."""
        index = self._call.served_by
        return None if index == NOBODY else self._call.router.names[index]

    @property
    def outcome(self) -> str:
        """One of :data:`timegate.core.columns.OUTCOMES`."""
        return OUTCOMES[self._call.outcome]

    @property
    def attempts(self) -> list[AttemptRecord]:
        """Each attempt that has ended."""
        deployments, began_us = self._call.router.deployments, self.first_chunks_us
        return [
            AttemptRecord(
                deployments[index].name,
                deployments[index].provider,
                deployments[index].model.partition("/")[2],
                from_us(started_us),
                ATTEMPT_OUTCOMES[kind],
                _seconds(started_us, ended_us),
                pause_us / SECOND_US,
                _seconds(started_us, began_us[place]) if place in began_us else None,
            )
            for place, (index, pause_us, started_us, ended_us, kind) in enumerate(self._call.attempts)
        ]

    @property
    def skipped(self) -> list[SkipRecord]:
        """The open deployments that were passed over, why, and until when they cool."""
        names = self._call.router.names
        return [
            SkipRecord(names[index], REASONS[reason], from_us(until_us) if until_us else None)
            for index, _, reason, until_us in self._call.skips
        ]

    @property
    def latency_s(self) -> float:
        """From the arrival to the end of the last attempt, in seconds."""
        attempts = self._call.attempts
        return _seconds(self._call.at_us, attempts[-1][3]) if attempts else 0.0

    @property
    def first_chunk_s(self) -> float | None:
        """Of a stream: from the arrival to its first chunk, in seconds."""
        return _seconds(self._call.at_us, min(self.first_chunks_us.values())) if self.first_chunks_us else None

    @property
    def asked(self) -> Mapping[str, Any] | None:
        """What the model was asked; None unless an observer has a true attribute ``prompts``."""
        return self._call.asked

    @property
    def usage(self) -> Any:
        """The tokens that the provider reported; None if it reported nothing."""
        return self.reported.get("usage")

    @property
    def prompt_tokens(self) -> int | None:
        """The length of the prompt, if the provider reported it."""
        return _count(self.usage.get("prompt_tokens")) if isinstance(self.usage, Mapping) else None

    @property
    def completion_tokens(self) -> int | None:
        """The length of the answer, if the provider reported it."""
        return _count(self.usage.get("completion_tokens")) if isinstance(self.usage, Mapping) else None

    @property
    def cached_tokens(self) -> int | None:
        """How much of the prompt the provider had in its cache, if it reported it."""
        return _cached(self.usage) if isinstance(self.usage, Mapping) else None

    def to_dict(self, *, prompts: bool = False) -> dict[str, Any]:
        """Return the record as plain data: the columns of ``run.calls``, and more.

        Parameters
        ----------
        prompts : bool
            Whether what was asked is in it, as ``asked``.
        """
        return dict(json.loads(self.to_json(prompts=prompts)))

    def to_json(self, *, prompts: bool = False) -> str:
        """Return the record as a line of JSON: what :meth:`to_dict` has. What is no JSON is told as text.

        ``timegate.read_trace`` reads a file of such lines as a trace.
        """
        call, reported, names = self._call, self.reported, self._call.router.names
        at, first_chunk_s, served_by = _written(call.at_us), self.first_chunk_s, call.served_by
        tries, latency_s, began_us = [], "0.0", self.first_chunks_us
        for place, (index, pause_us, started_us, ended_us, kind) in enumerate(call.attempts):
            deployment = call.router.deployments[index]
            attempt_s = latency_s = f"{_seconds(call.at_us, ended_us)}"
            started = at
            if started_us != call.at_us:
                started, attempt_s = _written(started_us), f"{_seconds(started_us, ended_us)}"
            tries.append(
                f'{_tried(deployment.name, deployment.model)}, "at": "{started}", '
                f'"outcome": "{ATTEMPT_OUTCOMES[kind]}", "latency_s": {attempt_s}, "pause_s": {pause_us / SECOND_US}, '
                f'"first_chunk_s": {_seconds(started_us, began_us[place]) if place in began_us else "null"}}}'
            )
        skipped = [
            f'{{"deployment": {_text(names[index])}, "reason": "{REASONS[reason]}", "until": '
            + (f'"{_written(until_us)}"}}' if until_us else "null}")
            for index, _, reason, until_us in call.skips
        ]
        asked = f', "asked": {_encoded(call.asked)}' if prompts and call.asked is not None else ""
        return (
            f'{{"at": "{at}", "preferred": {_text(call.preferred)}, '
            f'"served_by": {_text(None if served_by == NOBODY else names[served_by])}, '
            f'"outcome": "{OUTCOMES[call.outcome]}", "attempts": {len(tries)}, "latency_s": {latency_s}, '
            f'"first_chunk_s": {"null" if first_chunk_s is None else first_chunk_s}, '
            f"{_answer(reported) if reported else _NO_ANSWER}, "
            f'"tries": [{", ".join(tries)}], "skipped": [{", ".join(skipped)}]'
            f"{asked}}}"
        )


_encoded = json.JSONEncoder(default=str).encode


@lru_cache(1024)
def _text(text: str | None) -> str:
    """Return a text as JSON."""
    return _encoded(text)


@lru_cache(1024)
def _tried(name: str, model: str) -> str:
    """Return how the JSON of an attempt on a deployment begins."""
    provider, _, model_id = model.partition("/")
    return _encoded({"deployment": name, "provider": provider, "model_id": model_id}).removesuffix("}")


def _answer(reported: Mapping[str, Any]) -> str:
    """Return what a provider reported, as members of a JSON object."""
    usage = reported.get("usage")
    if not isinstance(usage, Mapping):
        usage = _NOTHING
    return _encoded(
        {
            "prompt_tokens": _count(usage.get("prompt_tokens")),
            "completion_tokens": _count(usage.get("completion_tokens")),
            "cached_tokens": _cached(usage),
            "model": reported.get("model"),
            "finish_reason": reported.get("finish_reason"),
            "rate_limits": reported.get("rate_limits") or {},
        }
    )[1:-1]


def _seconds(from_us: int, until_us: int) -> float:
    """Return how long something took; nothing, if a clock that jumped back says that it ended before it began."""
    return max(until_us - from_us, 0) / SECOND_US


@lru_cache(1024)
def _second(at_s: int) -> str:
    return iso(from_us(at_s * SECOND_US)).removesuffix("Z")


def _written(at_us: int) -> str:
    """Write an instant as :func:`timegate.show.text.iso` does; a recorder's thread does little else."""
    at_s, us = divmod(at_us, SECOND_US)
    return f"{_second(at_s)}.{us:06d}Z" if us else f"{_second(at_s)}Z"


def _cached(usage: Mapping[str, Any]) -> int | None:
    """Return the cached tokens of a usage, as OpenAI reports them, or DeepSeek."""
    details = usage.get("prompt_tokens_details")
    reported = details.get("cached_tokens") if isinstance(details, Mapping) else usage.get("prompt_cache_hit_tokens")
    prompt, cached = _count(usage.get("prompt_tokens")), _count(reported)
    return cached if cached is not None and prompt is not None and cached <= prompt else None


def _count(tokens: Any) -> int | None:
    return tokens if isinstance(tokens, int) else None


_NO_ANSWER = _answer(_NOTHING)
