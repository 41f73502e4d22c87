"""Conversations and their messages in tables.

Who appends has claimed the conversation by `turn_id`, in one statement; positions count from what the claim
has found, so that the database itself refuses what would interleave.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import asdict, replace
from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages, transaction
from service.adapters.storage.tables import conversation_messages, conversations
from service.core.errors import Unavailable
from service.core.messages import Message, Usage
from service.generation.ports import (
    Begun,
    Conversation,
    ConversationRef,
    KeptMessage,
    Turn,
    TurnEnd,
    TurnStart,
    kept_bytes,
)

_RETRY_AFTER_SECONDS = 5.0

_row = conversations.c
_message = conversation_messages.c
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode
_IS_THE_TURNS = and_(
    _row.id == bindparam("of_id"),
    _row.tenant == bindparam("of_tenant"),
    _row.turn_id == bindparam("of_turn"),
)


class SqlConversationStore:
    """The ports ConversationStore and TurnStore."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._transactions = engine
        self._statements = one_statement_at_a_time(engine)
        self._outages = outages(engine)

    async def create(
        self, conversation: Conversation, messages: Sequence[KeptMessage] = ()
    ) -> Conversation:
        """Store the conversation with its messages, all at once; returns it as large as it is."""
        sized = replace(conversation, size_bytes=_size(messages))
        async with self._transaction() as connection:
            await connection.execute(insert(conversations), _conversation_columns(sized))
            await _append(connection, sized.id, messages)
        return sized

    async def find(self, ref: ConversationRef) -> Conversation | None:
        """The conversation; None if this caller has no such one."""
        async with self._connection() as connection:
            found = await connection.execute(select(conversations).where(_is(ref)))
            row = found.mappings().one_or_none()
        return None if row is None else _conversation(row)

    async def list_conversations(
        self, *, tenant: str, token_id: str | None, limit: int, before: str | None = None
    ) -> list[Conversation]:
        """Up to `limit` conversations, the newest first, from behind the id `before`."""
        query = select(conversations).where(_is_of(tenant, token_id))
        if before is not None:
            query = query.where(_row.id < before)
        async with self._connection() as connection:
            found = await connection.execute(query.order_by(_row.id.desc()).limit(limit))
            return [_conversation(row) for row in found.mappings()]

    async def list_messages(
        self, ref: ConversationRef, *, limit: int | None = None, after: int = -1
    ) -> list[KeptMessage]:
        """Up to `limit` messages (None: all) in order, from behind the position `after`."""
        query = (
            select(conversation_messages)
            .join(conversations, _row.id == _message.conversation_id)
            .where(_is(ref), _message.position > after)
            .order_by(_message.position)
            .limit(limit)
        )
        async with self._connection() as connection:
            found = await connection.execute(query)
            return [_kept_message(row) for row in found.mappings()]

    async def delete(self, ref: ConversationRef) -> bool:
        """Delete the conversation with its messages; False if there is none."""
        async with self._connection() as connection:
            return (await connection.execute(delete(conversations).where(_is(ref)))).rowcount == 1

    async def begin_turn(
        self,
        turn: Turn,
        *,
        now: datetime,
        lease_expires_at: datetime,
        last: int | None,
        since_summary: bool,
    ) -> Begun:
        """Claim the conversation if no other turn has it, or one whose lease is over."""
        ref = turn.conversation
        claim = (
            update(conversations)
            .where(_is(ref), or_(_row.turn_id.is_(None), _row.turn_expires_at <= now))
            .values(turn_id=turn.id, turn_expires_at=lease_expires_at)
            .returning(*conversations.c)
        )
        async with self._connection() as connection:
            row = (await connection.execute(claim)).mappings().one_or_none()
            if row is None:
                known = await connection.execute(select(_row.id).where(_is(ref)))
                return "unknown" if known.one_or_none() is None else "taken"
            conversation = _conversation(row)
            wanted = _is_among_the_last(last, conversation)
            if since_summary:
                wanted = or_(wanted, _message.position >= (conversation.summary_until or 0))
            found = await connection.execute(
                select(conversation_messages)
                .where(_message.conversation_id == ref.id, wanted)
                .order_by(_message.position)
            )
            messages = tuple(_kept_message(row) for row in found.mappings())
        return TurnStart(conversation=conversation, messages=messages)

    async def renew_turns(self, turns: Sequence[Turn], *, lease_expires_at: datetime) -> None:
        """Prolong the leases of those that still have their conversation."""
        renewal = (
            update(conversations).where(_IS_THE_TURNS).values(turn_expires_at=lease_expires_at)
        )
        async with self._connection() as connection:
            await connection.execute(renewal, [_names(turn) for turn in turns])

    async def end_turn(self, turn: Turn, end: TurnEnd, *, now: datetime) -> bool:
        """Append, add up and let go of the conversation, all at once; False if the turn has lost it."""
        changes: dict[str, Any] = {
            "turn_id": None,
            "turn_expires_at": None,
            "message_count": _row.message_count + len(end.messages),
            "size_bytes": _row.size_bytes + _size(end.messages),
            "input_tokens": _row.input_tokens + end.usage.input_tokens,
            "output_tokens": _row.output_tokens + end.usage.output_tokens,
            "cached_input_tokens": _row.cached_input_tokens + end.usage.cached_input_tokens,
            "cost_usd": _row.cost_usd + end.cost_usd,
        }
        if end.messages:
            changes["updated_at"] = now
        if end.summary is not None:
            changes |= {"summary": end.summary, "summary_until": end.summary_until}
        # The update comes first: on SQLite it takes the lock for writing before anything is read.
        ending = update(conversations).where(_IS_THE_TURNS).values(changes)
        async with self._transaction() as connection:
            if (await connection.execute(ending, _names(turn))).rowcount == 0:
                return False
            await _append(connection, turn.conversation.id, end.messages)
        return True

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        """For single statements, each of which commits itself."""
        try:
            async with self._statements.connect() as connection:
                yield connection
        except self._outages as error:
            raise _away() from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with transaction(self._transactions) as connection:
                yield connection
        except self._outages as error:
            raise _away() from error


def _away() -> Unavailable:
    return Unavailable(
        "Conversations cannot be reached now", retry_after_seconds=_RETRY_AFTER_SECONDS
    )


async def _append(
    connection: AsyncConnection, conversation_id: str, messages: Sequence[KeptMessage]
) -> None:
    if messages:
        rows = [_message_columns(conversation_id, message) for message in messages]
        await connection.execute(insert(conversation_messages), rows)


def _size(messages: Sequence[KeptMessage]) -> int:
    return kept_bytes(kept.message for kept in messages)


def _is(ref: ConversationRef) -> ColumnElement[bool]:
    return and_(_row.id == ref.id, _is_of(ref.tenant, ref.token_id))


def _is_of(tenant: str, token_id: str | None) -> ColumnElement[bool]:
    of_tenant = _row.tenant == tenant
    return of_tenant if token_id is None else and_(of_tenant, _row.key_id == token_id)


def _is_among_the_last(last: int | None, conversation: Conversation) -> ColumnElement[bool]:
    """The last `last` messages, and what leads to them from the call that the first of them answers."""
    first = 0 if last is None else conversation.message_count - last
    start = (
        select(func.coalesce(func.max(_message.position), 0))
        .where(
            _message.conversation_id == conversation.id,
            _message.position <= first,
            _message.role != "tool",
        )
        .scalar_subquery()
    )
    return _message.position >= start


def _names(turn: Turn) -> dict[str, str]:
    ref = turn.conversation
    return {"of_id": ref.id, "of_tenant": ref.tenant, "of_turn": turn.id}


def _conversation_columns(conversation: Conversation) -> dict[str, Any]:
    values = asdict(conversation)
    usage: Usage = values.pop("usage")
    return values | {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
    }


def _conversation(row: RowMapping) -> Conversation:
    values = {name: row[name] for name in Conversation.__struct_fields__ if name != "usage"}
    usage = Usage(
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
    )
    return Conversation(**values, usage=usage)


def _message_columns(conversation_id: str, kept: KeptMessage) -> dict[str, Any]:
    return asdict(kept) | {
        "conversation_id": conversation_id,
        "role": kept.message.role,
        "message": _encode(kept.message).decode(),
    }


def _kept_message(row: RowMapping) -> KeptMessage:
    values = {name: row[name] for name in KeptMessage.__struct_fields__}
    return KeptMessage(**values | {"message": _decode(row["message"])})
