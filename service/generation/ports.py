"""What this room needs of conversations that are kept: to take one turn of them at a time."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

import msgspec
from msgspec import Struct

from service.core.messages import Message, Usage

MessageStatus = Literal["complete", "interrupted"]
"""Interrupted: as much of an answer as was delivered before it was given up."""


class ConversationRef(Struct, frozen=True, kw_only=True):
    """A conversation, and who asks for it: its tenant; a browser token only if it has begun it itself."""

    id: str
    tenant: str
    token_id: str | None = None


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation without its messages.

    `key_id` is the key or the browser token that began it. `size_bytes` is what `kept_bytes` counts. `usage`
    and `cost_usd` are the sums of what the ledger has charged for it. `summary` is of the messages before
    the position `summary_until`.
    """

    id: str
    tenant: str
    key_id: str
    system: str | None
    metadata: dict[str, str]
    forked_from: str | None
    created_at: datetime
    updated_at: datetime
    message_count: int = 0
    size_bytes: int = 0
    usage: Usage = Usage()
    cost_usd: Decimal = Decimal(0)
    summary: str | None = None
    summary_until: int | None = None


class KeptMessage(Struct, frozen=True, kw_only=True):
    """A message in its place, from 0; never a system message. `answer_id` is an answer's own ("req_…")."""

    id: str
    position: int
    message: Message
    status: MessageStatus = "complete"
    answer_id: str | None = None
    created_at: datetime


_encode = msgspec.json.Encoder().encode
_ROW_BYTES = 512
"""What stands around a message, in a row and in an answer: a great many small ones are not small."""


def kept_bytes(messages: Iterable[Message]) -> int:
    """How much of a conversation's size these are."""
    return sum(len(_encode(message)) + _ROW_BYTES for message in messages)


class Turn(Struct, frozen=True, kw_only=True):
    """A claim on a conversation, with an id of its own: one that is overtaken can do no harm."""

    id: str
    conversation: ConversationRef


class TurnStart(Struct, frozen=True, kw_only=True):
    """What a turn goes on from: the conversation and the last of its messages, in order."""

    conversation: Conversation
    messages: tuple[KeptMessage, ...]


class TurnEnd(Struct, frozen=True, kw_only=True):
    """What becomes of a turn: the messages to append, what it cost, and a new summary if there is one."""

    messages: tuple[KeptMessage, ...]
    usage: Usage
    cost_usd: Decimal
    summary: str | None
    summary_until: int | None


Begun = TurnStart | Literal["unknown", "taken"]
"""The start of a turn; or there is no such conversation, or another turn of it is under way."""


class TurnStore(Protocol):
    """Where conversations are kept. Every method raises `Unavailable` while the store is away."""

    async def begin_turn(
        self,
        turn: Turn,
        *,
        now: datetime,
        lease_expires_at: datetime,
        last: int | None,
        since_summary: bool,
    ) -> Begun:
        """Claim the conversation if no other turn has it, or one whose lease is over.

        It starts with the last `last` messages (None: all), and those back to the call that a result among
        them answers; with `since_summary`, also with all that no summary is of.
        """
        ...

    async def renew_turns(self, turns: Sequence[Turn], *, lease_expires_at: datetime) -> None:
        """Prolong the leases of those that still have their conversation."""
        ...

    async def end_turn(self, turn: Turn, end: TurnEnd, *, now: datetime) -> bool:
        """Append, add up and let go of the conversation, all at once.

        False, and nothing has changed, if the turn has lost it: to another turn after its lease, or because
        it was deleted.
        """
        ...
