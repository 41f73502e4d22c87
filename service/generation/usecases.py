"""Answering prompts and conversations."""

from collections.abc import AsyncGenerator

import msgspec

from service.core.messages import CompletionRequest
from service.generation.history import last_messages
from service.generation.sanitize import sanitized_answer, sanitized_stream
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline
from service.inference.traffic import Traffic


class Generation:
    """What the endpoints of this room ask for; with `traffic`, what is asked counts as live."""

    def __init__(self, pipeline: Pipeline, *, traffic: Traffic | None = None) -> None:
        self._pipeline = pipeline
        self._traffic = traffic

    async def answer(
        self, request: CompletionRequest, context: CallContext, *, history_limit: int | None = None
    ) -> Answer:
        """A whole answer, sanitised as `context` asks. Raises a `ServiceError`."""
        self._note()
        answer = await self._pipeline.complete(_limited(request, history_limit), context)
        return await sanitized_answer(answer, context.sanitize)

    def stream(
        self, request: CompletionRequest, context: CallContext, *, history_limit: int | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes, sanitised as `context` asks; see `Pipeline.stream`."""
        self._note()
        events = self._pipeline.stream(_limited(request, history_limit), context)
        return sanitized_stream(events, context.sanitize)

    async def aclose(self) -> None:
        """Stop the calls under way and wait for their settlement."""
        await self._pipeline.aclose()

    def _note(self) -> None:
        if self._traffic is not None:
            self._traffic.note()


def _limited(request: CompletionRequest, history_limit: int | None) -> CompletionRequest:
    if history_limit is None:
        return request
    kept = last_messages(request.messages, history_limit)
    return msgspec.structs.replace(request, messages=kept)
