"""Answering prompts and conversations."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import replace

from service.core.messages import CompletionRequest
from service.generation.history import History, last_messages
from service.generation.memory import Memory
from service.generation.sanitize import delivered_at_once, sanitized_answer, sanitized_stream
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline


class Generation:
    """What the endpoints of this room ask for."""

    def __init__(self, pipeline: Pipeline, memory: Memory) -> None:
        self._pipeline = pipeline
        self._memory = memory

    async def answer(
        self, request: CompletionRequest, context: CallContext, history: History | None = None
    ) -> Answer:
        """A whole answer, sanitised as `context` asks. Raises a `ServiceError`.

        With a conversation, the turn is kept there: `NotFound` if there is none, `Conflict` if another turn
        of it is under way. A turn that fails leaves nothing there but what it cost.
        """
        if history is not None and history.conversation_id is not None:
            answer = await self._answer_turn(history.conversation_id, request, context, history)
        else:
            answer = await self._pipeline.complete(_limited(request, history), context)
        return await sanitized_answer(answer, context.sanitize)

    def stream(
        self, request: CompletionRequest, context: CallContext, history: History | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes, sanitised as `context` asks; see `Pipeline.stream`.

        With a conversation, as `answer`; of a stream that breaks or is left, what was delivered is kept.
        """
        if history is not None and history.conversation_id is not None:
            events = self._stream_turn(history.conversation_id, request, context, history)
        else:
            events = self._pipeline.stream(_limited(request, history), context)
        return sanitized_stream(events, context.sanitize)

    async def aclose(self) -> None:
        """Stop the calls under way and wait for their settlement."""
        await self._pipeline.aclose()

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
            async with aclosing(self._pipeline.stream(request, context)) as events:
                async for event in events:
                    if isinstance(event, Answer):
                        # Before it goes out: who has seen `done` can go on from there.
                        await turn.complete(event)
                        yield replace(event, conversation_id=conversation_id)
                    else:
                        turn.deliver(delivered_at_once(event, context.sanitize))
                        yield event


def _limited(request: CompletionRequest, history: History | None) -> CompletionRequest:
    if history is None:
        return request
    kept = last_messages(request.messages, history.limit, token_budget=history.token_budget)
    return replace(request, messages=kept)
