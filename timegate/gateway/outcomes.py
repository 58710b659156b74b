"""What came of attempts and of calls: told to the routing, to the call's record, to the log and to observers."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from contextlib import suppress
from typing import Any
from weakref import ref

from timegate.core.clock import SECOND_US, Clock
from timegate.core.columns import CANCELLED, NOBODY, OK
from timegate.core.routing import Call, Heard, Step
from timegate.gateway.observing import Observer, tell
from timegate.gateway.records import REPORTED, CallRecord
from timegate.gateway.streams import GatewayStream, broken
from timegate.models.failures import kind_of, retry_after_s
from timegate.models.responses import ModelStreamResponse

__all__ = ["Outcomes"]

logger = logging.getLogger("timegate")


class Outcomes:
    """The half of a driver that hears how attempts end, and ends calls.

    Attributes
    ----------
    model_type : str
        What its models do.
    """

    model_type: str
    _clock: Clock
    _observers: tuple[Observer, ...]
    _untold: set[str]

    def _heard(self, call: Call, index: int, error: Exception, errors: list[Exception]) -> Heard:
        """Say what an attempt's error means, and tell the log."""
        errors.append(error)
        deployment = call.router.deployments[index]
        logger.debug("Model `%s` (%s) failed to execute: %s", deployment.name, deployment.provider, error)
        return self._clock.now_us(), kind_of(error), round((retry_after_s(error) or 0.0) * SECOND_US), 0

    def _answered(
        self, call: Call, steps: Generator[Step, Heard, None], answer: Any, record: CallRecord | None = None
    ) -> Any:
        """End a call with an answer that is whole; a stream has been read to its end, and has a record."""
        if record is None:
            record = CallRecord(call, self.model_type)
        metadata = getattr(answer, "metadata", None)
        tokens = 0
        if not isinstance(metadata, dict):
            metadata = None
        elif metadata:
            record.reported = {name: metadata[name] for name in REPORTED if name in metadata}
            # The prompt's length was not known when the attempt began, and counts now.
            tokens = (record.prompt_tokens or 0) + (record.completion_tokens or 0)
        if tokens == 0 and call.router.terms[call.trying].tokens_rate > 0:
            self._say_untold(call.router.names[call.trying])
        steps.send((self._clock.now_us(), OK, 0, tokens))
        next(steps, None)  # to let go of a generator that has not ended costs more
        if self._observers or call.cools or call.served_by != call.first_choice:
            tell(call, record, self._observers)
        if metadata is not None:
            metadata["timegate"] = record
        return answer

    def _say_untold(self, name: str) -> None:
        """Tell the log, once, that answers of a deployment do not say how many tokens they took."""
        if name not in self._untold:
            self._untold.add(name)
            logger.warning("Model `%s` reports no usage: its limit of tokens_per_min counts its answers as 0", name)

    def _left(
        self,
        call: Call,
        steps: Generator[Step, Heard, None],
        error: BaseException,
        record: CallRecord | None = None,
    ) -> None:
        """End a call that an error leaves; if nobody waits for its answer, the attempt under way is ``cancelled``."""
        if not isinstance(error, Exception) and call.served_by == NOBODY:
            call.final = True
            with suppress(StopIteration):  # it has ended
                steps.send((self._clock.now_us(), CANCELLED, 0, 0))
                tell(call, record or CallRecord(call, self.model_type), self._observers)
        steps.close()

    def _error(self, call: Call, errors: list[Exception]) -> Exception:
        """Return what the caller of a call gets that nobody served."""
        if self._observers or call.cools:
            tell(call, CallRecord(call, self.model_type), self._observers)
        if call.raised:
            logger.error("The call ended with an error that raise_on names: %s", errors[-1])
            return errors[-1]
        error = call.error(errors)
        if errors:
            error.__context__ = errors[-1]  # as if it was raised where that was caught
        logger.error(error.message)
        return error

    def _stream(self, call: Call, answer: ModelStreamResponse) -> GatewayStream:
        """Return what passes a stream on, with its record."""
        record = CallRecord(call, self.model_type)
        record.first_chunks_us = {len(call.attempts): self._clock.now_us()}
        answer.metadata["timegate"] = record
        return GatewayStream((), answer.response_type, answer.metadata)

    def _buffered(
        self, call: Call, steps: Generator[Step, Heard, None], answer: ModelStreamResponse, chunks: Iterable[Any]
    ) -> GatewayStream:
        """End a call with a stream that was read to its end before anything of it is passed on."""
        stream = self._stream(call, answer)
        stream.chunks = iter(chunks)
        self._answered(call, steps, stream, stream.metadata["timegate"])
        return stream

    def _cut(
        self,
        call: Call,
        steps: Generator[Step, Heard, None],
        error: Exception,
        errors: list[Exception],
        record: CallRecord,
    ) -> Step:
        """Hear that a stream broke off; return what follows, or raise what its reader is told."""
        broke = broken(error, call.router.names[call.trying])
        call.final = call.router.call_policy.on_cut != "restart"
        step = steps.send(self._heard(call, call.trying, broke, errors))
        if call.final:
            logger.error("%s", broke)
            tell(call, record, self._observers)
            raise broke from error
        return step

    def _restarted(self, call: Call, stream: ref[GatewayStream], answer: Any, record: CallRecord) -> None:
        """Let another deployment's answer take the place of a stream's."""
        if isinstance(answer, ModelStreamResponse):
            record.first_chunks_us = {**record.first_chunks_us, len(call.attempts): self._clock.now_us()}
        metadata = getattr(answer, "metadata", {})
        metadata["timegate"] = record
        if (passed_on := stream()) is not None:
            passed_on.metadata = metadata
