"""Deliveries over days, with a clock that is moved, over a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.outbox import add_events
from service.core.events import Event
from service.core.ids import new_id
from service.observability.metrics import Metrics
from service.webhooks.deliverer import Deliverer
from service.webhooks.ports import Delivery, WebhookEndpoint, WebhookStore
from service.webhooks.signing import new_webhook_secret
from service.webhooks.subscribers import Subscribers
from tests.clock import ManualClock
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import until
from tests.fakes import FakeOutbound, LongestWaits

HOUR = 3600.0
DAY = 24 * HOUR
STEP_SECONDS = 1800.0


class Deliveries:
    """A deliverer with what it works over."""

    def __init__(
        self, storage: Storage, database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
    ) -> None:
        self.store: WebhookStore = storage.webhook_store(b"secret")
        self.clock = clock
        self.outbound = outbound
        self.metrics = Metrics()
        self.subscribers = Subscribers()
        self.deliverer = Deliverer(
            self.store,
            self.subscribers,
            outbound,
            clock=clock,
            random=LongestWaits(),
            metrics=self.metrics,
            lease_seconds=60,
            retention=timedelta(days=30),
        )
        self._database = database

    async def endpoint(self, host: str) -> WebhookEndpoint:
        """An endpoint for batches at `host`."""
        endpoint = WebhookEndpoint(
            id=new_id("whe_"),
            tenant="acme",
            url=f"https://{host}/hooks",
            events=("batch.*",),
            secret=new_webhook_secret(),
            created_at=self.clock.now(),
        )
        assert await self.store.add_endpoint(endpoint, most=100)
        return endpoint

    async def happen(self, count: int = 1) -> list[str]:
        """So many batches end; the ids of the events."""
        now = self.clock.now()
        happened = [Event.of("acme", "batch.completed", {}, now=now) for _ in range(count)]
        engine = create_engine(self._database.url, timeout_seconds=5)
        async with engine.begin() as connection:
            await add_events(connection, happened)
        await engine.dispose()
        return [event.id for event in happened]

    async def turn(self) -> None:
        """One turn, to its end."""
        await self.deliverer.turn()
        await self.deliverer.finish()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass in steps, each with a turn."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.clock.advance(min(STEP_SECONDS, end - self.clock.monotonic()))
            await self.turn()

    async def listed(self, endpoint: WebhookEndpoint) -> list[Delivery]:
        """The deliveries to an endpoint."""
        return await self.store.list_deliveries(endpoint.id, tenant="acme", status=None, limit=1000)

    async def found(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        """An endpoint as it now is."""
        there = await self.store.find_endpoint(endpoint.id, tenant="acme")
        assert there is not None
        return there

    def counted(self, outcome: str) -> float:
        """How many attempts ended so."""
        labels = {"outcome": outcome}
        found = self.metrics.registry.get_sample_value("ai_service_webhook_attempts_total", labels)
        return found or 0.0


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    return database


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def outbound() -> FakeOutbound:
    return FakeOutbound()


@asynccontextmanager
async def replica(
    database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> AsyncIterator[Deliveries]:
    """What one process has. Its ledger has nothing to do, so it is not started: it would move the clock."""
    storage = open_storage(database.url, clock=clock)
    try:
        yield Deliveries(storage, database, clock, outbound)
    finally:
        await storage.aclose()


@pytest.fixture
async def here(
    database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> AsyncIterator[Deliveries]:
    """A replica."""
    async with replica(database, clock, outbound) as deliveries:
        yield deliveries


async def test_a_receiver_that_is_down_for_a_day_gets_everything_after(here: Deliveries) -> None:
    endpoint = await here.endpoint("down.example")
    here.outbound.answers["down.example"] = "connection_failed"
    missed = []
    for _ in range(24):
        missed += await here.happen(2)
        await here.turn()
        await here.pass_time(HOUR)
    assert {delivery.status for delivery in await here.listed(endpoint)} == {"pending"}
    assert (await here.found(endpoint)).failing_since is not None
    here.outbound.answers.clear()
    here.outbound.sent.clear()
    await here.pass_time(DAY + 3 * HOUR)
    assert sorted(here.outbound.sent_to("down.example")) == sorted(missed)
    assert {delivery.status for delivery in await here.listed(endpoint)} == {"delivered"}
    assert (await here.found(endpoint)).failing_since is None
    assert here.counted("delivered") == 48
    assert here.counted("failed") == 0


async def test_an_endpoint_that_takes_nothing_for_three_days_is_disabled_with_a_notice(
    here: Deliveries,
) -> None:
    endpoint = await here.endpoint("down.example")
    here.outbound.answers["down.example"] = 500
    await here.happen()
    await here.turn()
    await here.pass_time(2 * DAY)
    later = await here.happen()
    await here.turn()
    with structlog.testing.capture_logs() as lines:
        await here.pass_time(DAY - HOUR)
        assert (await here.found(endpoint)).disabled_at is None
        await here.pass_time(2 * HOUR)
    there = await here.found(endpoint)
    assert there.disabled_reason == "failing"
    assert [line for line in lines if line["event"] == "webhook_endpoint_disabled"] == [
        {
            "event": "webhook_endpoint_disabled",
            "log_level": "warning",
            "endpoint_id": endpoint.id,
            "tenant": "acme",
            "reason": "failing",
        }
    ]
    assert {delivery.status for delivery in await here.listed(endpoint)} == {"failed"}
    sent = len(here.outbound.sent)
    await here.pass_time(2 * DAY)
    assert len(here.outbound.sent) == sent
    here.outbound.answers.clear()
    await here.store.enable_endpoint(endpoint.id, tenant="acme")
    again = await here.store.redeliver_failed(endpoint.id, tenant="acme", now=here.clock.now())
    assert again == 2
    await here.turn()
    assert here.outbound.sent_to("down.example")[-2:].count(later[0]) == 1
    assert {delivery.status for delivery in await here.listed(endpoint)} == {"delivered"}


async def test_an_endpoint_that_takes_something_is_not_disabled_for_what_it_refuses(
    here: Deliveries,
) -> None:
    endpoint = await here.endpoint("moody.example")
    here.outbound.answers["moody.example"] = 500
    [refused] = await here.happen()
    await here.turn()
    await here.pass_time(DAY)
    here.outbound.answers.clear()
    await here.happen()
    await here.turn()
    here.outbound.answers["moody.example"] = 500
    await here.pass_time(2 * DAY + HOUR)
    assert (await here.found(endpoint)).disabled_at is None
    by_event = {delivery.event_id: delivery for delivery in await here.listed(endpoint)}
    assert by_event[refused].status == "failed"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_receiver_that_asks_for_time_gets_it(here: Deliveries, status: int) -> None:
    endpoint = await here.endpoint("busy.example")
    here.outbound.answers["busy.example"] = status
    here.outbound.headers = {"retry-after": "3600"}
    await here.happen()
    await here.turn()
    [delivery] = await here.listed(endpoint)
    assert delivery.next_attempt_at == here.clock.now() + timedelta(hours=1)
    assert (delivery.response_status, delivery.error) == (status, None)


async def test_a_receiver_that_takes_his_time_keeps_nobody_waiting(here: Deliveries) -> None:
    await here.endpoint("slow.example")
    here.outbound.held["slow.example"] = asyncio.Event()
    await here.happen(20)
    await here.deliverer.turn()
    await here.endpoint("fast.example")
    told = await here.happen(20)
    await here.deliverer.turn()

    async def fast_has_all() -> bool:
        return sorted(here.outbound.sent_to("fast.example")) == sorted(told)

    await until(fast_has_all)
    assert here.outbound.under_way["slow.example"] == 4
    assert len(here.outbound.sent_to("slow.example")) == 4
    here.outbound.held["slow.example"].set()
    await here.deliverer.finish()
    await here.turn()
    assert len(here.outbound.sent_to("slow.example")) == 40
    assert here.outbound.most_under_way["slow.example"] == 4


async def test_a_crowd_of_slow_receivers_keeps_nobody_waiting_for_their_backlog(
    here: Deliveries,
) -> None:
    crowd = [f"slow-{n}.example" for n in range(64)]
    for host in crowd:
        await here.endpoint(host)
        here.outbound.held[host] = asyncio.Event()
        here.outbound.answers[host] = "timeout"
    await here.happen(8)
    await here.deliverer.turn()

    async def all_places_are_taken() -> bool:
        return all(here.outbound.under_way[host] for host in crowd)

    await until(all_places_are_taken, timeout_seconds=20)
    await here.endpoint("fast.example")
    told = await here.happen(2)
    await here.deliverer.turn()
    for host in crowd:
        here.outbound.held[host].set()
        here.outbound.held[host] = asyncio.Event()

    async def fast_has_all() -> bool:
        await here.deliverer.turn()
        return sorted(here.outbound.sent_to("fast.example")) == sorted(told)

    await until(fast_has_all, timeout_seconds=20)
    here.outbound.held.clear()
    await here.deliverer.aclose()


async def test_two_replicas_deliver_each_message_once(
    here: Deliveries, database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> None:
    await here.endpoint("ours.example")
    told = await here.happen(50)
    async with replica(database, clock, outbound) as there:
        for _ in range(4):
            await asyncio.gather(here.turn(), there.turn())
    assert sorted(outbound.sent_to("ours.example")) == sorted(told)


async def test_a_sender_that_dies_loses_nothing(
    here: Deliveries, database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> None:
    endpoint = await here.endpoint("ours.example")
    [told] = await here.happen()
    await here.store.dispatch(now=clock.now(), limit=10)
    leased_until = clock.now() + timedelta(seconds=60)
    await here.store.lease(endpoint.id, now=clock.now(), until=leased_until, limit=1)
    async with replica(database, clock, outbound) as there:
        await there.turn()
        assert outbound.sent == []
        clock.advance(61)
        await there.turn()
    assert outbound.sent_to("ours.example") == [told]


async def test_what_is_being_sent_at_the_end_is_sent_again_by_the_next_process(
    here: Deliveries, database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> None:
    endpoint = await here.endpoint("slow.example")
    outbound.held["slow.example"] = asyncio.Event()
    [told] = await here.happen()
    await here.deliverer.turn()

    async def is_under_way() -> bool:
        return outbound.under_way["slow.example"] == 1

    await until(is_under_way)
    await here.deliverer.aclose()
    assert outbound.under_way["slow.example"] == 0
    outbound.held.clear()
    async with replica(database, clock, outbound) as there:
        await there.turn()
    assert outbound.sent_to("slow.example") == [told, told]
    [delivery] = await here.listed(endpoint)
    assert (delivery.status, delivery.attempts) == ("delivered", 1)


async def test_an_endpoint_whose_secret_cannot_be_read_gets_nothing_unsigned(
    here: Deliveries, database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> None:
    storage = open_storage(database.url, clock=clock)
    other = storage.webhook_store(b"another secret")
    endpoint = WebhookEndpoint(
        id=new_id("whe_"),
        tenant="acme",
        url="https://ours.example/",
        events=("batch.*",),
        secret=new_webhook_secret(),
        created_at=clock.now(),
    )
    await other.add_endpoint(endpoint, most=1)
    await storage.aclose()
    await here.happen()
    await here.turn()
    [delivery] = await here.listed(endpoint)
    assert (delivery.status, delivery.error) == ("pending", "secret_unreadable")
    assert outbound.sent == []


async def test_nothing_is_missed_before_it_is_known_who_waits(here: Deliveries) -> None:
    await here.endpoint("ours.example")
    assert here.subscribers.awaits("acme", "generation.completed")
    await here.turn()
    assert not here.subscribers.awaits("acme", "generation.completed")
    assert here.subscribers.awaits("acme", "batch.failed")
    assert not here.subscribers.awaits("other", "batch.failed")


async def test_news_are_delivered_without_waiting_for_the_next_look(here: Deliveries) -> None:
    await here.endpoint("ours.example")
    await here.deliverer.start()
    try:
        told = await here.happen()
        here.subscribers.told()

        async def has_come() -> bool:
            return here.outbound.sent_to("ours.example") == told

        await until(has_come)
    finally:
        await here.deliverer.aclose()


async def test_a_store_that_is_away_is_waited_for_with_one_line_a_transition(
    database: SqliteDatabase, clock: ManualClock, outbound: FakeOutbound
) -> None:
    storage = open_storage(database.url, clock=clock, commit_timeout_seconds=0.05)
    here = Deliveries(storage, database, clock, outbound)
    await here.endpoint("ours.example")
    told = await here.happen()

    def news(lines: list[structlog.typing.EventDict]) -> list[str]:
        return [line["event"] for line in lines]

    with structlog.testing.capture_logs() as lines:
        async with database.away():
            await here.deliverer.start()

            async def has_noticed() -> bool:
                here.subscribers.told()
                return "webhooks_unavailable" in news(lines)

            await until(has_noticed)

        async def has_come() -> bool:
            here.subscribers.told()
            return outbound.sent_to("ours.example") == told and len(lines) > 1

        await until(has_come)
        await here.deliverer.aclose()
    await storage.aclose()
    assert news(lines) == ["webhooks_unavailable", "webhooks_available_again"]


async def test_what_ended_is_deleted_when_it_has_been_kept_long_enough(here: Deliveries) -> None:
    endpoint = await here.endpoint("ours.example")
    await here.happen()
    await here.turn()
    here.clock.advance(29 * DAY)
    await here.turn()
    assert len(await here.listed(endpoint)) == 1
    here.clock.advance(DAY + 1)
    await here.turn()
    assert await here.listed(endpoint) == []
