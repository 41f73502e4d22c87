"""The turns of one process, over a real store: leases, hang-ups at any point, late settlements, closing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from service.access.principal import Principal
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.conversations import SqlConversationStore
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.tables import conversations
from service.core.errors import Conflict, NotFound, Unavailable
from service.core.messages import Message, TextDelta, Usage
from service.generation.ports import Conversation, ConversationRef, KeptMessage, Turn, TurnEnd
from service.generation.turns import OpenTurn, Turns
from service.inference.answers import Answer
from service.usage.ports import Settlement
from tests.clock import START
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import MovableClock, until

LEASE_SECONDS = 0.3
CALLER = Principal(key_id="key_1", tenant="acme", scopes=frozenset({"generate"}))
REF = ConversationRef(id="conv_1", tenant="acme")
ASKED = (Message(role="user", content="Hi"),)
ANSWER = Answer(
    id="req_1",
    model="haiku",
    provider="anthropic",
    provider_model="claude-haiku-5-5",
    label="haiku",
    finish_reason="stop",
    usage=Usage(input_tokens=10, output_tokens=3),
    cost_usd=Decimal("0.5"),
    text="Hello.",
)
SETTLED = Settlement(
    id="req_1",
    outcome="cancelled",
    input_tokens=10,
    output_tokens=3,
    cost_usd=Decimal("0.5"),
    duration_ms=1.0,
    completed_at=START,
)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def database(tmp_path: Path, clock: MovableClock) -> SqliteDatabase:
    """A database with one conversation."""
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    now = clock.now()
    async with open_storage(database.url, clock=clock) as storage:
        await storage.conversations.create(
            Conversation(
                id=REF.id,
                tenant=REF.tenant,
                key_id=CALLER.key_id,
                system=None,
                metadata={},
                forked_from=None,
                created_at=now,
                updated_at=now,
            )
        )
    return database


@pytest.fixture
async def storage(database: SqliteDatabase, clock: MovableClock) -> AsyncIterator[Storage]:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        yield storage


@asynccontextmanager
async def process(
    storage: Storage, clock: MovableClock, *, lease_seconds: float = 30
) -> AsyncIterator[Turns]:
    """What one process has."""
    async with Turns(
        storage.conversations, clock=clock, lease_seconds=lease_seconds, max_bytes=10_000
    ) as turns:
        yield turns


@pytest.fixture
async def turns(storage: Storage, clock: MovableClock) -> AsyncIterator[Turns]:
    async with process(storage, clock) as turns:
        yield turns


async def begin(turns: Turns) -> OpenTurn:
    return await turns.begin(REF.id, CALLER, ASKED, last=10, since_summary=False)


async def kept(storage: Storage) -> list[KeptMessage]:
    return await storage.conversations.list_messages(REF)


async def test_a_lease_is_kept_as_long_as_its_turn_lasts(
    database: SqliteDatabase, storage: Storage, clock: MovableClock
) -> None:
    async with process(storage, clock, lease_seconds=LEASE_SECONDS) as turns:
        with await begin(turns) as turn:
            first = await lease(database)

            async def is_long_over() -> bool:
                return bool(await lease(database) > first + timedelta(seconds=3 * LEASE_SECONDS))

            await until(is_long_over)
            await turn.complete(ANSWER)
    assert len(await kept(storage)) == 2


async def lease(database: SqliteDatabase) -> Any:
    """Until when the conversation is held."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        found = (await connection.execute(select(conversations.c.turn_expires_at))).scalar_one()
    await engine.dispose()
    return found


async def test_a_turn_is_refused_while_another_is_open_and_where_there_is_nothing(
    storage: Storage, clock: MovableClock, turns: Turns
) -> None:
    with await begin(turns):
        async with process(storage, clock) as elsewhere:
            for each in (turns, elsewhere):
                with pytest.raises(Conflict):
                    await begin(each)
    stranger = replace(CALLER, tenant="globex")
    with pytest.raises(NotFound):
        await turns.begin(REF.id, stranger, ASKED, last=10, since_summary=False)


async def test_callers_who_leave_while_they_begin_leave_the_conversation_free(
    storage: Storage, clock: MovableClock
) -> None:
    async with process(storage, clock) as turns:
        for steps in range(12):
            leaving = asyncio.create_task(begin(turns))
            for _ in range(steps):
                await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.wait([leaving])
    async with process(storage, clock) as turns:
        with await begin(turns):
            pass
    assert await kept(storage) == []


async def test_the_next_turn_here_waits_for_the_end_of_the_last(
    storage: Storage, turns: Turns
) -> None:
    for _ in range(5):
        with await begin(turns) as turn:
            turn.deliver([TextDelta("Hello")])
    with await begin(turns) as turn:
        assert [each.status for each in turn.start.messages] == ["complete", "interrupted"] * 5


async def test_a_caller_who_leaves_while_the_answer_is_kept_does_not_undo_it(
    storage: Storage, turns: Turns
) -> None:
    completing = asyncio.Event()

    async def answer() -> None:
        with await begin(turns) as turn:
            turn.deliver([TextDelta("Hello")])
            completing.set()
            await turn.complete(ANSWER)

    leaving = asyncio.create_task(answer())
    await completing.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    with await begin(turns) as turn:
        assert [each.message.content for each in turn.start.messages] == ["Hi", "Hello."]


async def test_an_end_waits_for_what_is_still_to_be_charged(storage: Storage, turns: Turns) -> None:
    with await begin(turns) as turn:
        turn.charges.opened()
        turn.deliver([TextDelta("Hello")])
    next_turn = asyncio.create_task(begin(turns))
    assert await kept(storage) == []
    turn.charges.settled(SETTLED)
    with await next_turn as then:
        assert then.start.conversation.cost_usd == SETTLED.cost_usd
        assert then.start.messages[-1].answer_id == SETTLED.id


async def test_an_answer_whose_turn_was_overtaken_is_a_conflict(
    storage: Storage, clock: MovableClock, turns: Turns
) -> None:
    with await begin(turns) as late:
        clock.advance(60)
        async with process(storage, clock) as elsewhere:
            with await begin(elsewhere) as turn:
                await turn.complete(replace(ANSWER, id="req_2"))
        with pytest.raises(Conflict):
            await late.complete(ANSWER)
    assert [each.answer_id for each in await kept(storage)] == [None, "req_2"]


async def test_an_end_is_written_once_the_store_is_back(
    database: SqliteDatabase, storage: Storage, turns: Turns
) -> None:
    with await begin(turns) as turn:
        async with database.away():
            keeping = asyncio.create_task(turn.complete(ANSWER))
            with pytest.raises(Unavailable):  # as late as the first try of the other
                await storage.conversations.delete(REF)
        await keeping

        async def is_kept() -> bool:
            return len(await kept(storage)) == 2

        await until(is_kept)


class LosesItsWord(SqlConversationStore):
    """The first end is written, but whoever asked for it is not told."""

    has_lost_it = False

    async def end_turn(self, turn: Turn, end: TurnEnd, *, now: datetime) -> bool:
        is_kept = await super().end_turn(turn, end, now=now)
        if not self.has_lost_it:
            self.has_lost_it = True
            raise Unavailable("The connection was lost", retry_after_seconds=1.0)
        return is_kept


async def test_an_end_that_was_written_unheard_is_no_conflict(
    database: SqliteDatabase, storage: Storage, clock: MovableClock
) -> None:
    engine = create_engine(database.url, timeout_seconds=5)
    async with Turns(
        LosesItsWord(engine), clock=clock, lease_seconds=30, max_bytes=10_000
    ) as turns:
        with await begin(turns) as turn:
            await turn.complete(ANSWER)
    await engine.dispose()
    assert len(await kept(storage)) == 2


async def test_closing_waits_for_ends(storage: Storage, clock: MovableClock) -> None:
    async with process(storage, clock) as turns:
        with await begin(turns) as turn:
            turn.deliver([TextDelta("Hello")])
    assert len(await kept(storage)) == 2


async def test_closing_does_not_wait_for_a_store_that_is_away(
    database: SqliteDatabase, storage: Storage, clock: MovableClock
) -> None:
    turns = await Turns(
        storage.conversations, clock=clock, lease_seconds=60, max_bytes=10_000
    ).__aenter__()
    turn = await begin(turns)
    async with database.away(), asyncio.timeout(20):
        with turn:
            turn.deliver([TextDelta("Hello")])
        await turns.__aexit__(None, None, None)
    assert await kept(storage) == []
