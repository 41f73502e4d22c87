"""Where conversations are kept."""

from collections.abc import Sequence
from typing import Protocol

from service.generation.ports import Conversation, ConversationRef, KeptMessage


class ConversationStore(Protocol):
    """The rest of what `service.generation.ports.TurnStore` keeps.

    Every method raises `Unavailable` while the store is away.
    """

    async def create(
        self, conversation: Conversation, messages: Sequence[KeptMessage] = ()
    ) -> Conversation:
        """Store the conversation with its messages, all at once; returns it as large as it is."""
        ...

    async def find(self, ref: ConversationRef) -> Conversation | None:
        """The conversation; None if this caller has no such one."""
        ...

    async def list_conversations(
        self, *, tenant: str, token_id: str | None, limit: int, before: str | None = None
    ) -> list[Conversation]:
        """Up to `limit` conversations, the newest first, from behind the id `before`.

        Of a tenant, or only those that this browser token has begun.
        """
        ...

    async def list_messages(
        self, ref: ConversationRef, *, limit: int | None = None, after: int = -1
    ) -> list[KeptMessage]:
        """Up to `limit` messages (None: all) in order, from behind the position `after`."""
        ...

    async def delete(self, ref: ConversationRef) -> bool:
        """Delete the conversation with its messages; False if there is none."""
        ...
