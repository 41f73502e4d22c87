"""What every store of conversations does, for its readers and for the turns of chat."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.conversations import SqlConversationStore
from service.conversations.ports import ConversationStore
from service.core.errors import Unavailable
from service.core.ids import new_id
from service.core.messages import ImageData, ImageUrl, Message, TextPart, ToolCall, Usage
from service.generation.ports import (
    Begun,
    Conversation,
    ConversationRef,
    KeptMessage,
    Turn,
    TurnEnd,
    TurnStart,
    TurnStore,
    kept_bytes,
)
from tests.contracts.databases import Database, SqliteDatabase
from tests.contracts.time import MovableClock

LEASE_SECONDS = 30
CALLS = (ToolCall("c1", "look", '{"at": "moon"}'), ToolCall("c2", "look", "{}"))

_is_both_ports: tuple[type[ConversationStore], type[TurnStore]] = (
    SqlConversationStore,
    SqlConversationStore,
)


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str, *calls: ToolCall) -> Message:
    return Message(role="assistant", content=text, tool_calls=calls)


def result(call: ToolCall) -> Message:
    return Message(role="tool", content="384400 km", tool_call_id=call.id)


def ref(conversation: Conversation) -> ConversationRef:
    return ConversationRef(id=conversation.id, tenant=conversation.tenant)


class Book:
    """A store, with the times and ids that the service would give it."""

    def __init__(self, store: SqlConversationStore, clock: MovableClock) -> None:
        self.store = store
        self._clock = clock

    def now(self) -> datetime:
        """To the microsecond, as both databases keep it."""
        return self._clock.now()

    async def created(self, *messages: Message, **changes: Any) -> Conversation:
        now = self.now()
        conversation = Conversation(
            id=new_id("conv_"),
            tenant="acme",
            key_id="key_1",
            system="Be brief.",
            metadata={"user": "Zoë"},
            forked_from=None,
            created_at=now,
            updated_at=now,
            message_count=len(messages),
        )
        return await self.store.create(replace(conversation, **changes), self.kept(*messages))

    def kept(self, *messages: Message, start: int = 0, **changes: Any) -> tuple[KeptMessage, ...]:
        return tuple(
            KeptMessage(
                id=new_id("msg_"),
                position=start + index,
                message=message,
                created_at=self.now(),
                **changes,
            )
            for index, message in enumerate(messages)
        )

    async def begin(
        self,
        conversation: Conversation,
        *,
        last: int | None = None,
        since_summary: bool = False,
        **of: Any,
    ) -> tuple[Turn, Begun]:
        now = self.now()
        turn = Turn(id=new_id("turn_"), conversation=replace(ref(conversation), **of))
        begun = await self.store.begin_turn(
            turn,
            now=now,
            lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
            last=last,
            since_summary=since_summary,
        )
        return turn, begun

    async def begun(self, conversation: Conversation, **how: Any) -> tuple[Turn, TurnStart]:
        turn, begun = await self.begin(conversation, **how)
        assert isinstance(begun, TurnStart)
        return turn, begun

    async def end(self, turn: Turn, *messages: KeptMessage, **changes: Any) -> bool:
        end = TurnEnd(
            messages=messages,
            usage=Usage(input_tokens=10, output_tokens=3, cached_input_tokens=4),
            cost_usd=Decimal("0.000000025"),
            summary=None,
            summary_until=None,
        )
        return await self.store.end_turn(turn, replace(end, **changes), now=self.now())

    async def said(self, conversation: Conversation) -> list[Message]:
        return [kept.message for kept in await self.store.list_messages(ref(conversation))]


@pytest.fixture
def book(storage: Storage, clock: MovableClock) -> Book:
    """The store under test."""
    return Book(storage.conversations, clock)


async def test_a_conversation_is_found_as_it_was_created(book: Book) -> None:
    made = await book.created()
    assert await book.store.find(ref(made)) == made
    other = await book.created(system=None, metadata={}, forked_from=made.id)
    assert await book.store.find(ref(other)) == other


async def test_every_kind_of_message_is_found_as_it_was_kept(book: Book) -> None:
    messages = (
        user("Zoë \x00 🔑"),
        Message(
            role="user",
            content=(
                TextPart("Look:"),
                ImageUrl("https://x.test/a"),
                ImageData("image/png", "aa=="),
            ),
        ),
        Message(
            role="assistant",
            content=None,
            tool_calls=CALLS,
            provider_data={"anthropic": {"blocks": [{"type": "thinking", "signature": "s"}]}},
        ),
        result(CALLS[0]),
    )
    made = await book.created()
    turn, _ = await book.begun(made)
    asked = book.kept(*messages)
    answered = book.kept(assistant("Fa"), start=4, status="interrupted", answer_id="req_1")
    assert await book.end(turn, *asked, *answered)
    assert await book.store.list_messages(ref(made)) == [*asked, *answered]


async def test_messages_are_listed_in_order_and_in_pages(book: Book) -> None:
    made = await book.created(*(user(str(n)) for n in range(5)))
    page = await book.store.list_messages(ref(made), limit=2, after=1)
    assert [kept.message for kept in page] == [user("2"), user("3")]
    assert await book.store.list_messages(ref(made), after=4) == []


async def test_conversations_of_a_tenant_are_listed_newest_first(book: Book) -> None:
    made = [await book.created() for _ in range(3)]
    await book.created(tenant="globex")
    newest = [each.id for each in reversed(made)]
    assert await listed(book) == newest
    assert await listed(book, limit=1, before=newest[0]) == newest[1:2]


async def listed(book: Book, *, token_id: str | None = None, **page: Any) -> list[str]:
    found = await book.store.list_conversations(
        tenant="acme", token_id=token_id, **{"limit": 10} | page
    )
    return [each.id for each in found]


async def test_a_browser_token_has_only_what_it_began(book: Book) -> None:
    keys, own = await book.created(), await book.created(key_id="key_token")
    assert await listed(book, token_id="key_token") == [own.id]
    assert await book.store.find(replace(ref(own), token_id="key_token")) == own
    theirs = replace(ref(keys), token_id="key_token")
    assert await book.store.find(theirs) is None
    assert (await book.begin(keys, token_id="key_token"))[1] == "unknown"
    assert not await book.store.delete(theirs)


async def test_another_tenant_finds_changes_and_deletes_nothing(book: Book) -> None:
    made = await book.created(user("1"))
    theirs = replace(ref(made), tenant="globex")
    assert await book.store.find(theirs) is None
    assert await book.store.list_messages(theirs) == []
    assert (await book.begin(made, tenant="globex"))[1] == "unknown"
    assert not await book.store.delete(theirs)
    turn, _ = await book.begun(made)
    assert not await book.end(replace(turn, conversation=theirs), *book.kept(user("2"), start=1))
    assert await book.said(made) == [user("1")]


async def test_deleting_takes_the_messages_along(book: Book) -> None:
    made, other = await book.created(user("1")), await book.created(user("2"))
    assert await book.store.delete(ref(made))
    assert await book.store.find(ref(made)) is None
    assert not await book.store.delete(ref(made))
    # Nothing of it is left: the same ids are free.
    await book.created(user("3"), id=made.id)
    assert await book.said(made) == [user("3")]
    assert await book.said(other) == [user("2")]


async def test_a_turn_starts_from_the_whole_conversation(book: Book) -> None:
    made = await book.created(user("1"), assistant("2"))
    _, start = await book.begun(made)
    assert start.conversation == made
    assert [kept.message for kept in start.messages] == [user("1"), assistant("2")]


@pytest.mark.parametrize(
    ("last", "first"), [(1, 6), (2, 5), (3, 2), (4, 2), (5, 2), (6, 1), (99, 0)]
)
async def test_a_turn_starts_from_the_last_messages_and_the_call_that_they_answer(
    last: int, first: int, book: Book
) -> None:
    said = [
        user("0"), assistant("1"), assistant("2", *CALLS), *map(result, CALLS), user("5"), user("6"),
    ]  # fmt: skip
    _, start = await book.begun(await book.created(*said), last=last)
    assert [kept.message for kept in start.messages] == said[first:]


async def test_a_turn_starts_from_all_that_no_summary_is_of(book: Book) -> None:
    said = [user(str(n)) for n in range(6)]
    fresh = await book.created(*said)
    known = await book.created(*said, summary="It began.", summary_until=3)
    positions = []
    for made, since_summary in ((fresh, True), (known, True), (known, False)):
        turn, start = await book.begun(made, last=2, since_summary=since_summary)
        positions.append(start.messages[0].position)
        await book.end(turn)
    assert positions == [0, 3, 4]


async def test_a_turn_appends_adds_up_and_lets_go(book: Book, clock: MovableClock) -> None:
    made = await book.created()
    for n in (0, 2):
        clock.advance(1)
        turn, start = await book.begun(made)
        assert start.conversation.message_count == n
        assert await book.end(turn, *book.kept(user("?"), assistant("!"), start=n))
    found = await book.store.find(ref(made))
    assert found is not None
    assert (found.message_count, found.cost_usd) == (4, Decimal("0.00000005"))
    assert found.size_bytes == kept_bytes([user("?"), assistant("!")] * 2)
    assert found.usage == Usage(input_tokens=20, output_tokens=6, cached_input_tokens=8)
    assert found.updated_at > made.updated_at
    assert await book.said(made) == [user("?"), assistant("!")] * 2


async def test_a_turn_without_messages_leaves_what_it_cost_and_its_summary(book: Book) -> None:
    made = await book.created(user("1"))
    turn, _ = await book.begun(made)
    assert await book.end(turn, summary="It began.", summary_until=1)
    found = await book.store.find(ref(made))
    assert found is not None
    assert (found.message_count, found.usage.input_tokens) == (1, 10)
    assert (found.summary, found.summary_until) == ("It began.", 1)
    assert found.updated_at == made.updated_at
    turn, _ = await book.begun(made)
    await book.end(turn)
    kept = await book.store.find(ref(made))
    assert kept is not None
    assert kept.summary == "It began."


async def test_a_conversation_has_one_turn_at_a_time(book: Book, other_storage: Storage) -> None:
    made = await book.created()
    turn, _ = await book.begun(made)
    assert (await book.begin(made))[1] == "taken"
    elsewhere = Book(other_storage.conversations, MovableClock())
    assert (await elsewhere.begin(made))[1] == "taken"
    await book.end(turn)
    await elsewhere.begun(made)


async def test_of_many_at_once_one_gets_the_turn(book: Book, other_storage: Storage) -> None:
    made = await book.created()
    elsewhere = Book(other_storage.conversations, MovableClock())
    begun = await asyncio.gather(*(each.begin(made) for each in (book, elsewhere) * 5))
    assert sum(isinstance(start, TurnStart) for _, start in begun) == 1
    assert {start for _, start in begun if isinstance(start, str)} == {"taken"}


async def test_a_turn_whose_lease_is_over_is_overtaken_and_can_do_no_harm(
    book: Book, clock: MovableClock
) -> None:
    made = await book.created()
    dead, _ = await book.begun(made)
    clock.advance(LEASE_SECONDS)
    turn, _ = await book.begun(made)
    assert not await book.end(dead, *book.kept(user("late")))
    assert (await book.begin(made))[1] == "taken"
    assert await book.end(turn, *book.kept(user("1")))
    assert await book.said(made) == [user("1")]
    found = await book.store.find(ref(made))
    assert found is not None
    assert found.usage.input_tokens == 10


async def test_a_turn_that_is_renewed_keeps_its_conversation(
    book: Book, clock: MovableClock
) -> None:
    held, other = await book.created(), await book.created()
    turns = [(await book.begun(made))[0] for made in (held, other)]
    clock.advance(LEASE_SECONDS - 1)
    until = book.now() + timedelta(seconds=LEASE_SECONDS)
    await book.store.renew_turns(turns, lease_expires_at=until)
    clock.advance(LEASE_SECONDS - 1)
    for made in (held, other):
        assert (await book.begin(made))[1] == "taken"


async def test_a_turn_of_a_deleted_conversation_changes_nothing(book: Book) -> None:
    made = await book.created()
    turn, _ = await book.begun(made)
    await book.store.delete(ref(made))
    assert not await book.end(turn, *book.kept(user("1")))
    assert (await book.begin(made))[1] == "unknown"


async def test_an_end_that_cannot_be_written_whole_is_not_written_at_all(book: Book) -> None:
    made = await book.created(user("1"))
    turn, _ = await book.begun(made)
    with pytest.raises(Unavailable):
        await book.end(turn, *book.kept(user("2"), user("3"), start=0))
    assert await book.store.find(ref(made)) == made
    assert await book.end(turn, *book.kept(user("2"), start=1))


async def test_whoever_asks_is_told_that_the_store_is_away(
    database: Database, clock: MovableClock
) -> None:
    # A short wait: on SQLite whoever reads or writes waits for the lock that long.
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.1) as storage:
        book = Book(storage.conversations, clock)
        made = await book.created(user("1"))
        turn, _ = await book.begun(made)
        reads = (book.store.find(ref(made)), listed(book), book.said(made))
        async with database.away():
            for read in reads:
                if isinstance(database, SqliteDatabase):  # whose readers no writer locks out
                    await read
                else:
                    with pytest.raises(Unavailable):
                        await read
            for work in (
                book.created(),
                book.begin(made),
                book.store.renew_turns([turn], lease_expires_at=book.now()),
                book.end(turn, *book.kept(user("2"), start=1)),
                book.store.delete(ref(made)),
            ):
                with pytest.raises(Unavailable):
                    await work
        assert await book.said(made) == [user("1")]
        assert await book.end(turn, *book.kept(user("2"), start=1))
