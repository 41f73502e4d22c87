"""Turns of kept conversations: one at a time, and each kept as it was delivered.

A turn claims its conversation, by lease, which is renewed while the turn lasts. Its end is written by a task
of its own, which no hang-up cuts in two: the messages, what they cost and the claim in one transaction.
While the database is away an end waits here and tries again, as the ledger's settlements do.
"""

import asyncio
from asyncio import Task
from collections.abc import Coroutine
from datetime import timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import structlog

from service.access.principal import Principal
from service.core.clock import Clock
from service.core.errors import Conflict, NotFound, PayloadTooLarge, Unavailable
from service.core.ids import new_id
from service.core.messages import Message, Usage
from service.generation.ports import (
    Begun,
    ConversationRef,
    KeptMessage,
    MessageStatus,
    Turn,
    TurnEnd,
    TurnStart,
    TurnStore,
    kept_bytes,
)
from service.inference.answers import Answer, Delta
from service.inference.charges import Charges
from service.inference.stored import assemble

log = structlog.get_logger(__name__)
T = TypeVar("T")

_RENEWALS_PER_LEASE = 3
_RETRY_SECONDS = 1.0
_WAIT_FOR_END_SECONDS = 2.0

Outcome = Literal["kept", "lost", "away"]


class OpenTurn:
    """A turn that has its conversation. Leaving its context ends it: with what was delivered, if anything."""

    def __init__(
        self, owner: "Turns", turn: Turn, start: TurnStart, messages: tuple[Message, ...]
    ) -> None:
        self.turn = turn
        self.start = start
        self.charges = Charges()
        self.summary: tuple[str, int] | None = None
        self.ending: Task[Outcome] | None = None
        self._owner = owner
        self._asked_at = owner.clock.now()
        self._asked = tuple(message for message in messages if message.role != "system")
        self._delivered: list[Delta] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.ending is None:
            self._owner.end(self, None)

    def deliver(self, deltas: list[Delta]) -> None:
        """Note what is handed on to the caller."""
        self._delivered += deltas

    async def complete(self, answer: Answer) -> None:
        """Keep the turn. Who is cancelled while waiting for this leaves the keeping to go on.

        An answer does not wait for a database that is away. Raises `Conflict` if the conversation has gone.
        """
        ending = self._owner.end(self, answer)
        done, _ = await asyncio.wait([ending], timeout=_WAIT_FOR_END_SECONDS)
        if done and ending.result() == "lost":
            raise Conflict("The conversation was deleted or taken over while this was answered")

    async def interrupt(self) -> None:
        """Keep what was delivered, if anything. Waits for this no longer than `complete`."""
        if self.ending is None:
            await asyncio.wait([self._owner.end(self, None)], timeout=_WAIT_FOR_END_SECONDS)

    async def to_end(self, answer: Answer | None) -> TurnEnd:
        """What is to be kept: the whole answer, or what was delivered of one."""
        settlements = await self.charges.all_settled()
        text, until = self.summary or (None, None)
        said: tuple[KeptMessage, ...] = ()
        if answer is not None:
            message = Message(
                role="assistant",
                content=answer.text,
                tool_calls=answer.tool_calls,
                provider_data=answer.provider_data,
            )
            said = self._said(message, status="complete", answer_id=answer.id)
        elif self._delivered:
            content, calls = assemble(self._delivered)
            message = Message(role="assistant", content=content, tool_calls=calls)
            answer_id = settlements[-1].id if settlements else None
            said = self._said(message, status="interrupted", answer_id=answer_id)
        return TurnEnd(
            messages=said,
            usage=Usage(
                input_tokens=sum(each.input_tokens for each in settlements),
                output_tokens=sum(each.output_tokens for each in settlements),
                cached_input_tokens=sum(each.cached_input_tokens for each in settlements),
            ),
            cost_usd=sum((each.cost_usd or Decimal(0) for each in settlements), Decimal(0)),
            summary=text,
            summary_until=until,
        )

    def _said(
        self, answer: Message, *, status: MessageStatus, answer_id: str | None
    ) -> tuple[KeptMessage, ...]:
        """The messages of the caller and then the answer, in their places."""
        first = self.start.conversation.message_count
        asked = [
            KeptMessage(
                id=new_id("msg_"),
                position=first + index,
                message=message,
                created_at=self._asked_at,
            )
            for index, message in enumerate(self._asked)
        ]
        answered = KeptMessage(
            id=new_id("msg_"),
            position=first + len(asked),
            message=answer,
            status=status,
            answer_id=answer_id,
            created_at=self._owner.clock.now(),
        )
        return (*asked, answered)


class Turns:
    """A context manager: entering it starts the keeping of leases, leaving it waits for what is open."""

    def __init__(
        self, store: TurnStore, *, clock: Clock, lease_seconds: float, max_bytes: int
    ) -> None:
        """The turns of a process that has died are free after `lease_seconds`. No turn begins that would
        make its conversation larger than `max_bytes`."""
        self.clock = clock
        self._store = store
        self._max_bytes = max_bytes
        self._lease = timedelta(seconds=lease_seconds)
        self._holding: set[OpenTurn] = set()
        self._endings: dict[str, Task[Outcome]] = {}
        self._tasks: set[Task[Any]] = set()
        self._keeper: Task[None] | None = None
        self._keeping = asyncio.Lock()
        self._is_closing = False

    async def __aenter__(self) -> Self:
        # Not a TaskGroup: the task outlives this call, and leaving waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_closing = True
        while self._tasks:
            await asyncio.wait(self._tasks)
        if self._keeper is not None:
            async with self._keeping:  # a connection cancelled while it is made is left open
                self._keeper.cancel()
            await asyncio.wait([self._keeper])

    async def begin(
        self,
        conversation_id: str,
        principal: Principal,
        messages: tuple[Message, ...],
        *,
        last: int | None,
        since_summary: bool,
    ) -> OpenTurn:
        """Take the next turn, in which `messages` are said; see `TurnStore.begin_turn`.

        Raises `NotFound`, `Conflict` if another turn is under way, `PayloadTooLarge` and `Unavailable`.
        """
        if (ending := self._endings.get(conversation_id)) is not None:
            await asyncio.wait([ending], timeout=_WAIT_FOR_END_SECONDS)
        turn = Turn(id=new_id("turn_"), conversation=ref_of(conversation_id, principal))
        now = self.clock.now()
        asking = self._spawn(
            self._store.begin_turn(
                turn,
                now=now,
                lease_expires_at=now + self._lease,
                last=last,
                since_summary=since_summary,
            )
        )
        try:
            begun = await asyncio.shield(asking)
        except BaseException:  # it may have been granted for all that
            self._spawn(self._let_go(turn, after=asking))
            raise
        if begun == "unknown":
            raise no_such_conversation()
        if begun == "taken":
            raise Conflict("Another turn of this conversation is under way")
        opened = OpenTurn(self, turn, begun, messages)
        self._holding.add(opened)
        if begun.conversation.size_bytes + kept_bytes(messages) > self._max_bytes:
            self.end(opened, None)
            raise PayloadTooLarge(
                limit_bytes=self._max_bytes, what="The conversation with this turn"
            )
        return opened

    def end(self, opened: OpenTurn, answer: Answer | None) -> Task[Outcome]:
        """Write the end of the turn: a whole answer, or what was delivered of one."""
        opened.ending = self._spawn(self._end(opened, answer))
        self._endings[opened.turn.conversation.id] = opened.ending
        return opened.ending

    async def _end(self, opened: OpenTurn, answer: Answer | None) -> Outcome:
        turn = opened.turn
        try:
            end = await opened.to_end(answer)
            give_up_at = self.clock.monotonic() + self._lease.total_seconds()
            is_first_try = True
            while True:
                try:
                    is_kept = await self._store.end_turn(turn, end, now=self.clock.now())
                except Unavailable:
                    if self._is_closing or self.clock.monotonic() >= give_up_at:
                        log.error("conversation_turn_not_kept", turn=turn.id)
                        return "away"
                    is_first_try = False
                    await self.clock.sleep(_RETRY_SECONDS)
                    continue
                # A try of which no word came back may have been written.
                return "kept" if is_kept or not is_first_try else "lost"
        finally:
            self._holding.discard(opened)
            if self._endings.get(turn.conversation.id) is opened.ending:
                del self._endings[turn.conversation.id]

    async def _let_go(self, turn: Turn, *, after: Task[Begun]) -> None:
        await asyncio.wait([after])
        nothing = TurnEnd(
            messages=(), usage=Usage(), cost_usd=Decimal(0), summary=None, summary_until=None
        )
        try:
            await self._store.end_turn(turn, nothing, now=self.clock.now())
        except Unavailable as error:
            log.warning("conversation_not_freed", turn=turn.id, reason=str(error))

    async def _keep(self) -> None:
        """Renew three times a lease, so that two renewals may fail."""
        while True:
            await self.clock.sleep(self._lease.total_seconds() / _RENEWALS_PER_LEASE)
            async with self._keeping:
                turns = [opened.turn for opened in self._holding]
                if turns:
                    await self._renew(turns)

    async def _renew(self, turns: list[Turn]) -> None:
        until = self.clock.now() + self._lease
        try:
            await self._store.renew_turns(turns, lease_expires_at=until)
        except Unavailable as error:
            log.warning("conversation_turns_not_renewed", reason=str(error))

    def _spawn(self, work: Coroutine[Any, Any, T]) -> Task[T]:
        """A task that no hang-up ends, because a statement must not be cut in two."""
        task = asyncio.get_running_loop().create_task(work)  # kept here until it is done
        self._tasks.add(task)
        task.add_done_callback(self._has_ended)
        return task

    def _has_ended(self, task: Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # raised in whoever waits; if they have gone, it is nobody's


def ref_of(conversation_id: str, principal: Principal) -> ConversationRef:
    """The conversation as this caller may find it."""
    return ConversationRef(id=conversation_id, tenant=principal.tenant, token_id=principal.token_id)


def no_such_conversation() -> NotFound:
    """One answer for what is not there, another tenant's, and another browser token's."""
    return NotFound("There is no such conversation")
