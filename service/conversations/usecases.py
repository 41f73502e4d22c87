"""Keeping conversations: everything but the turns themselves, which chat takes."""

from msgspec.structs import replace

from service.access.ports import Sanitize
from service.access.principal import Principal
from service.conversations.ports import ConversationStore
from service.core.clock import Clock
from service.core.errors import InvalidRequest
from service.core.ids import new_id
from service.core.messages import TextPart
from service.generation.ports import Conversation, ConversationRef, KeptMessage
from service.generation.sanitize import sanitized_text
from service.generation.turns import no_such_conversation, ref_of


class Conversations:
    """What the endpoints of this room ask for. Every method may raise `Unavailable`."""

    def __init__(self, store: ConversationStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self, caller: Principal, *, system: str | None, metadata: dict[str, str]
    ) -> Conversation:
        """Begin a conversation."""
        return await self._store.create(self._new(caller, system=system, metadata=metadata))

    async def list_conversations(
        self, caller: Principal, *, limit: int, before: str | None
    ) -> list[Conversation]:
        """The conversations that this caller may use, the newest first."""
        return await self._store.list_conversations(
            tenant=caller.tenant, token_id=caller.token_id, limit=limit, before=before
        )

    async def get(self, caller: Principal, conversation_id: str) -> Conversation:
        """The conversation. Raises `NotFound`."""
        return await self._find(ref_of(conversation_id, caller))

    async def list_messages(
        self,
        caller: Principal,
        conversation_id: str,
        *,
        limit: int,
        after: int,
        sanitize: Sanitize,
    ) -> list[KeptMessage]:
        """Messages in order, from behind the position `after`. Raises `NotFound`."""
        ref = ref_of(conversation_id, caller)
        await self._find(ref)
        messages = await self._store.list_messages(ref, limit=limit, after=after)
        return [await _sanitized(message, sanitize) for message in messages]

    async def export(
        self, caller: Principal, conversation_id: str, *, sanitize: Sanitize
    ) -> tuple[Conversation, list[KeptMessage]]:
        """The conversation and all of its messages. Raises `NotFound`."""
        conversation, messages = await self._read(ref_of(conversation_id, caller))
        return conversation, [await _sanitized(message, sanitize) for message in messages]

    async def fork(
        self, caller: Principal, conversation_id: str, *, at_message_id: str | None
    ) -> Conversation:
        """A new conversation that begins like this one, up to that message or the last, at no cost.

        Raises `NotFound`, and `InvalidRequest` if the message is not in the conversation.
        """
        source, messages = await self._read(ref_of(conversation_id, caller))
        if at_message_id is not None:
            messages = _up_to(at_message_id, messages)
        fork = self._new(caller, system=source.system, metadata=source.metadata)
        fork = replace(fork, forked_from=source.id, message_count=len(messages))
        if source.summary_until is not None and source.summary_until <= len(messages):
            fork = replace(fork, summary=source.summary, summary_until=source.summary_until)
        copies = [replace(message, id=new_id("msg_")) for message in messages]
        return await self._store.create(fork, copies)

    async def delete(self, caller: Principal, conversation_id: str) -> None:
        """Delete the conversation with its messages, for good. Raises `NotFound`."""
        if not await self._store.delete(ref_of(conversation_id, caller)):
            raise no_such_conversation()

    async def _read(self, ref: ConversationRef) -> tuple[Conversation, list[KeptMessage]]:
        return await self._find(ref), await self._store.list_messages(ref)

    async def _find(self, ref: ConversationRef) -> Conversation:
        conversation = await self._store.find(ref)
        if conversation is None:
            raise no_such_conversation()
        return conversation

    def _new(
        self, caller: Principal, *, system: str | None, metadata: dict[str, str]
    ) -> Conversation:
        now = self._clock.now()
        return Conversation(
            id=new_id("conv_"),
            tenant=caller.tenant,
            key_id=caller.token_id or caller.key_id,
            system=system,
            metadata=metadata,
            forked_from=None,
            created_at=now,
            updated_at=now,
        )


def _up_to(message_id: str, messages: list[KeptMessage]) -> list[KeptMessage]:
    for index, message in enumerate(messages):
        if message.id == message_id:
            return messages[: index + 1]
    raise InvalidRequest("There is no such message in this conversation", field="at_message_id")


async def _sanitized(kept: KeptMessage, how: Sanitize) -> KeptMessage:
    """The message with its texts made safe: the model's own and what was said to it are kept raw."""
    if how == "none":
        return kept
    content = kept.message.content
    if isinstance(content, str):
        content = await sanitized_text(content, how)
    elif content is not None:
        content = tuple(
            [
                TextPart(await sanitized_text(part.text, how))
                if isinstance(part, TextPart)
                else part
                for part in content
            ]
        )
    return replace(kept, message=replace(kept.message, content=content))
