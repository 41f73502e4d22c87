"""What a kept conversation adds to a request: its instructions, its history, and a summary of the rest."""

from collections.abc import Sequence

from msgspec.structs import replace

from service.core.messages import CompletionRequest, Message
from service.generation.history import History, last_messages
from service.generation.ports import KeptMessage
from service.generation.summaries import Summaries
from service.generation.turns import OpenTurn, Turns
from service.inference.context import CallContext
from service.observability.logs import note

_SUMMARY = "Summary of what was said earlier in this conversation:\n"


class Memory:
    """Opens turns, and puts what is remembered before what is said in them."""

    def __init__(self, turns: Turns, summaries: Summaries) -> None:
        self._turns = turns
        self._summaries = summaries

    async def begin(
        self,
        conversation_id: str,
        request: CompletionRequest,
        context: CallContext,
        history: History,
    ) -> OpenTurn:
        """Take the next turn of the conversation. Raises as `Turns.begin` does."""
        note(conversation_id=conversation_id)
        return await self._turns.begin(
            conversation_id,
            context.principal,
            request.messages,
            last=history.limit,
            since_summary=history.summarize,
        )

    async def recall(
        self, turn: OpenTurn, request: CompletionRequest, context: CallContext, history: History
    ) -> tuple[CompletionRequest, CallContext]:
        """What goes to the model, and in which surroundings: what it costs is told to the turn."""
        conversation = turn.start.conversation
        context = replace(context, charges=turn.charges)
        told = [kept for kept in turn.start.messages if _can_be_told(kept)]
        kept = last_messages(
            (*map(_as_told, told), *request.messages),
            history.limit,
            token_budget=history.token_budget,
        )
        before: list[Message] = []
        if conversation.system is not None:
            before.append(Message(role="system", content=conversation.system))
        if history.summarize:
            fallen = told[: len(told) + len(request.messages) - len(kept)]
            started = self._turns.clock.monotonic()
            if (summary := await self._summary(turn, fallen, context)) is not None:
                before.append(Message(role="system", content=_SUMMARY + summary))
            if context.timeout_seconds is not None:
                spent = self._turns.clock.monotonic() - started
                left = max(0.0, context.timeout_seconds - spent)
                context = replace(context, timeout_seconds=left)
        return replace(request, messages=(*before, *kept)), context

    async def _summary(
        self, turn: OpenTurn, fallen: Sequence[KeptMessage], context: CallContext
    ) -> str | None:
        """The summary of all that has fallen out, or, if that fails, the last one there was."""
        conversation = turn.start.conversation
        since = conversation.summary_until or 0
        new = [kept for kept in fallen if kept.position >= since]
        if not new:
            return conversation.summary
        messages = [_as_told(kept) for kept in new]
        summary = await self._summaries.renewed(conversation.summary, messages, context)
        if summary is None:
            return conversation.summary
        turn.summary = summary, new[-1].position + 1
        return summary


def _can_be_told(kept: KeptMessage) -> bool:
    return kept.status == "complete" or bool(kept.message.text)


def _as_told(kept: KeptMessage) -> Message:
    """An interrupted answer goes back as its text: half a tool call has no result, and no vendor takes it."""
    return kept.message if kept.status == "complete" else replace(kept.message, tool_calls=())
