"""Answering prompts and conversations."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from service.core.errors import ServiceError
from service.core.messages import CompletionRequest
from service.generation.history import History, last_messages
from service.generation.memory import Memory
from service.generation.sanitize import delivered_at_once, sanitized_answer, sanitized_stream
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline
from service.inference.traffic import Traffic


class Generation:
    """What the endpoints of this room ask for; with `traffic`, what is asked counts as live."""

    def __init__(
        self, pipeline: Pipeline, memory: Memory, *, traffic: Traffic | None = None
    ) -> None:
        self._pipeline = pipeline
        self._memory = memory
        self._traffic = traffic

    async def answer(
        self, request: CompletionRequest, context: CallContext, history: History | None = None
    ) -> Answer:
        """A whole answer, sanitised as `context` asks. Raises a `ServiceError`.

        With a conversation, the turn is kept there: `NotFound` if there is none, `Conflict` if another turn
        of it is under way. A turn that fails leaves nothing there but what it cost.
        """
        self._note()
        if history is not None and history.conversation_id is not None:
            answer = await self._answer_turn(history.conversation_id, request, context, history)
        else:
            answer = await self._pipeline.complete(limited_history(request, history), context)
        return await sanitized_answer(answer, context.sanitize)

    def stream(
        self, request: CompletionRequest, context: CallContext, history: History | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes, sanitised as `context` asks; see `Pipeline.stream`.

        With a conversation, as `answer`; of a stream that breaks or is left, what was delivered is kept.
        """
        self._note()
        if history is not None and history.conversation_id is not None:
            events = self._stream_turn(history.conversation_id, request, context, history)
        else:
            events = self._pipeline.stream(limited_history(request, history), context)
        return sanitized_stream(events, context.sanitize)

    async def aclose(self) -> None:
        """Stop the calls under way and wait for their settlement."""
        await self._pipeline.aclose()

    def _note(self) -> None:
        if self._traffic is not None:
            self._traffic.note()

    async def _answer_turn(
        self,
        conversation_id: str,
        request: CompletionRequest,
        context: CallContext,
        history: History,
    ) -> Answer:
        with await self._memory.begin(conversation_id, request, context, history) as turn:
            request, context = await self._memory.recall(turn, request, context, history)
            answer = await self._pipeline.complete(request, context)
            await turn.complete(answer)
        return replace(answer, conversation_id=conversation_id)

    async def _stream_turn(
        self,
        conversation_id: str,
        request: CompletionRequest,
        context: CallContext,
        history: History,
    ) -> AsyncGenerator[AnswerEvent]:
        with await self._memory.begin(conversation_id, request, context, history) as turn:
            request, context = await self._memory.recall(turn, request, context, history)
            # Whoever has seen how a stream ended, `done` or `error`, can go on from there.
            try:
                async with aclosing(self._pipeline.stream(request, context)) as events:
                    async for event in events:
                        if isinstance(event, Answer):
                            await turn.complete(event)
                            yield replace(event, conversation_id=conversation_id)
                        else:
                            turn.deliver(delivered_at_once(event, context.sanitize))
                            yield event
            except ServiceError:
                await turn.interrupt()
                raise


def limited_history(request: CompletionRequest, history: History | None) -> CompletionRequest:
    """The request with its last messages only, where there is a limit; see `last_messages`."""
    if history is None:
        return request
    kept = last_messages(request.messages, history.limit, token_budget=history.token_budget)
    return replace(request, messages=kept)
