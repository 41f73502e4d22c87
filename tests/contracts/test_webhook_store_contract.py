"""What every webhook store does: keep tenants apart, dispatch and lease once, remember how attempts ended."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.outbox import add_events
from service.adapters.storage.tables import events
from service.core.events import Event
from service.core.ids import new_id
from service.webhooks.ports import (
    TEST_EVENT,
    Attempted,
    Delivery,
    EventPattern,
    Sending,
    WebhookEndpoint,
    WebhookStore,
    WebhookStoreUnavailable,
    payload,
)
from tests.contracts.databases import Database
from tests.contracts.time import MovableClock

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def store(storage: Storage) -> WebhookStore:
    return storage.webhook_store(b"secret")


@pytest.fixture
def other_store(other_storage: Storage) -> WebhookStore:
    return other_storage.webhook_store(b"secret")


def an_endpoint(*patterns: EventPattern, **changes: Any) -> WebhookEndpoint:
    """An endpoint of `acme`."""
    endpoint = WebhookEndpoint(
        id=new_id("whe_"),
        tenant="acme",
        url="https://example.com/hooks",
        events=patterns or ("batch.*",),
        secret="whsec_AAAA",
        created_at=NOW,
    )
    return replace(endpoint, **changes)


async def added(store: WebhookStore, *patterns: EventPattern, **changes: Any) -> WebhookEndpoint:
    endpoint = an_endpoint(*patterns, **changes)
    assert await store.add_endpoint(endpoint, most=100)
    return endpoint


async def happen(database: Database, *happened: Event) -> None:
    """Events, as another room writes them."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        await add_events(connection, happened)
    await engine.dispose()


def an_event(tenant: str = "acme", **changes: Any) -> Event:
    event = Event.of(tenant, "batch.completed", {"id": "batch_1", "cost_usd": 0.25}, now=NOW)
    return replace(event, **changes)


async def a_delivery(store: WebhookStore, endpoint: WebhookEndpoint, **changes: Any) -> Delivery:
    """A delivery that is due."""
    delivery = Delivery(
        id=new_id("whd_"),
        tenant=endpoint.tenant,
        endpoint_id=endpoint.id,
        event_id=new_id("evt_"),
        event_type="batch.completed",
        payload="{}",
        created_at=NOW,
        next_attempt_at=NOW,
    )
    delivery = replace(delivery, **changes)
    await store.add_delivery(delivery)
    return delivery


async def deliveries(store: WebhookStore, endpoint: WebhookEndpoint) -> list[Delivery]:
    return await store.list_deliveries(endpoint.id, tenant="acme", status=None, limit=1000)


async def lease(
    store: WebhookStore, endpoint: WebhookEndpoint, *, now: datetime = NOW, limit: int = 10
) -> list[Sending]:
    return await store.lease(endpoint.id, now=now, until=now + MINUTE, limit=limit)


async def fail(
    store: WebhookStore, sending: Sending, *, at: datetime = NOW, **changes: Any
) -> bool:
    attempted = Attempted(
        sending=sending,
        is_delivered=False,
        at=at,
        response_status=500,
        retry_at=at + MINUTE,
        retries_until=at + 3 * DAY,
    )
    return await store.record(replace(attempted, **changes))


async def succeed(store: WebhookStore, sending: Sending, *, at: datetime = NOW) -> None:
    await store.record(Attempted(sending=sending, is_delivered=True, at=at, response_status=200))


async def found(store: WebhookStore, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    there = await store.find_endpoint(endpoint.id, tenant="acme")
    assert there is not None
    return there


async def test_an_endpoint_is_kept_with_every_field(store: WebhookStore) -> None:
    endpoint = await added(
        store,
        "generation.*",
        "usage.threshold_reached",
        previous_secret="whsec_BBBB",
        previous_secret_expires_at=NOW + DAY,
        failing_since=NOW,
        disabled_at=NOW,
        disabled_reason="gone",
    )
    assert await found(store, endpoint) == endpoint


async def test_a_store_with_another_secret_reads_no_secret(storage: Storage) -> None:
    endpoint = await added(storage.webhook_store(b"secret"))
    there = await found(storage.webhook_store(b"other"), endpoint)
    assert there == replace(endpoint, secret=None)


async def test_a_tenant_gets_no_more_endpoints_than_it_may_have(store: WebhookStore) -> None:
    assert await store.add_endpoint(an_endpoint(), most=1)
    assert not await store.add_endpoint(an_endpoint(), most=1)
    assert await store.add_endpoint(an_endpoint(tenant="other"), most=1)


async def test_endpoints_made_at_once_are_no_more_than_a_tenant_may_have(
    store: WebhookStore, other_store: WebhookStore
) -> None:
    stores = (store, other_store) * 8
    made = await asyncio.gather(*(each.add_endpoint(an_endpoint(), most=3) for each in stores))
    assert sum(made) == 3
    assert len(await store.list_endpoints(tenant="acme", limit=20)) == 3


async def test_endpoints_are_listed_newest_first_in_pages(store: WebhookStore) -> None:
    made = [await added(store) for _ in range(3)]
    await added(store, tenant="other")
    page = await store.list_endpoints(tenant="acme", limit=2)
    assert page == [made[2], made[1]]
    assert await store.list_endpoints(tenant="acme", limit=2, before=made[1].id) == [made[0]]


async def test_nothing_of_another_tenant_is_there(store: WebhookStore) -> None:
    endpoint = await added(store)
    delivery = await a_delivery(store, endpoint, status="failed")
    theirs: dict[str, Any] = {"tenant": "other"}
    assert await store.find_endpoint(endpoint.id, **theirs) is None
    assert await store.change_endpoint(endpoint.id, url="https://x.example/", **theirs) is None
    assert await store.change_endpoint(endpoint.id, **theirs) is None
    rotated = await store.rotate_secret(endpoint.id, secret="x", previous_expires_at=None, **theirs)
    assert rotated is None
    await store.disable_endpoint(endpoint.id, reason="requested", now=NOW, **theirs)
    assert not await store.delete_endpoint(endpoint.id, **theirs)
    assert await store.list_deliveries(endpoint.id, status=None, limit=10, **theirs) == []
    assert await store.find_delivery(delivery.id, **theirs) is None
    assert await store.redeliver(delivery.id, now=NOW, **theirs) is None
    assert await store.redeliver_failed(endpoint.id, now=NOW, **theirs) == 0
    assert await found(store, endpoint) == endpoint
    assert await deliveries(store, endpoint) == [delivery]
    await store.disable_endpoint(endpoint.id, tenant="acme", reason="requested", now=NOW)
    await store.enable_endpoint(endpoint.id, **theirs)
    assert (await found(store, endpoint)).disabled_at == NOW


async def test_a_change_keeps_what_it_does_not_name(store: WebhookStore) -> None:
    endpoint = await added(store)
    changed = await store.change_endpoint(endpoint.id, tenant="acme", url="https://new.example/")
    assert changed == replace(endpoint, url="https://new.example/")
    endpoint = await found(store, endpoint)
    changed = await store.change_endpoint(endpoint.id, tenant="acme", events=["batch.failed"])
    assert changed == replace(endpoint, events=("batch.failed",))
    assert await store.change_endpoint(endpoint.id, tenant="acme") == changed


async def test_a_rotation_keeps_the_secret_before_it_for_a_while(store: WebhookStore) -> None:
    endpoint = await added(store)
    until = NOW + MINUTE
    rotated = await store.rotate_secret(
        endpoint.id, tenant="acme", secret="whsec_BBBB", previous_expires_at=until
    )
    assert rotated is not None
    assert rotated.secrets_at(NOW) == ("whsec_BBBB", "whsec_AAAA")
    assert rotated.secrets_at(until) == ("whsec_BBBB",)
    rotated = await store.rotate_secret(
        endpoint.id, tenant="acme", secret="whsec_CCCC", previous_expires_at=None
    )
    assert rotated is not None
    assert rotated.secrets_at(NOW) == ("whsec_CCCC",)


async def test_an_event_becomes_a_delivery_to_each_endpoint_that_wants_it(
    store: WebhookStore, database: Database
) -> None:
    wanting = [await added(store, "batch.*"), await added(store, "batch.completed")]
    others = [
        await added(store, "batch.failed", "generation.*"),
        await added(store, "batch.*", tenant="other"),
        await added(store, "batch.*", disabled_at=NOW, disabled_reason="requested"),
    ]
    event = an_event()
    await happen(database, event, an_event("nobody"))
    assert await store.dispatch(now=NOW + MINUTE, limit=10) == 2
    assert await store.dispatch(now=NOW + MINUTE, limit=10) == 0
    for endpoint in wanting:
        [delivery] = await deliveries(store, endpoint)
        assert delivery == Delivery(
            id=delivery.id,
            tenant="acme",
            endpoint_id=endpoint.id,
            event_id=event.id,
            event_type="batch.completed",
            payload=payload("batch.completed", event.data, NOW),
            created_at=NOW + MINUTE,
            next_attempt_at=NOW + MINUTE,
        )
        assert '"timestamp":"2026-11-23T12:00:00.123456Z"' in delivery.payload
    for endpoint in others:
        assert await deliveries(store, endpoint) == []


async def test_replicas_dispatch_each_event_once(
    store: WebhookStore, other_store: WebhookStore, database: Database
) -> None:
    endpoint = await added(store)
    await happen(database, *(an_event() for _ in range(40)))

    async def dispatch_all(mine: WebhookStore) -> None:
        while await mine.dispatch(now=NOW, limit=3):
            pass

    await asyncio.gather(*(dispatch_all(each) for each in (store, other_store) * 2))
    while await store.dispatch(now=NOW, limit=100):
        pass
    made = await deliveries(store, endpoint)
    assert len(made) == len({delivery.event_id for delivery in made}) == 40


async def test_replicas_lease_each_delivery_once(
    store: WebhookStore, other_store: WebhookStore
) -> None:
    endpoint = await added(store)
    for _ in range(20):
        await a_delivery(store, endpoint)
    leased = await asyncio.gather(
        *(lease(each, endpoint, limit=7) for each in (store, other_store) * 4)
    )
    ids = [sending.delivery.id for some in leased for sending in some]
    assert len(ids) == len(set(ids))
    rest = await lease(store, endpoint, limit=20)
    assert len(ids) + len(rest) == 20


async def test_a_lease_is_for_what_is_due_and_ends(store: WebhookStore) -> None:
    endpoint = await added(store)
    delivery = await a_delivery(store, endpoint)
    await a_delivery(store, endpoint, next_attempt_at=NOW + DAY)
    await a_delivery(store, endpoint, status="delivered", next_attempt_at=None)
    assert await lease(store, endpoint, now=NOW - MINUTE) == []
    [sending] = await lease(store, endpoint)
    assert sending == Sending(
        endpoint=endpoint,
        delivery=replace(delivery, attempts=1, last_attempt_at=NOW, next_attempt_at=NOW + MINUTE),
    )
    assert await lease(store, endpoint) == []
    [again] = await lease(store, endpoint, now=NOW + MINUTE)
    assert again.delivery.attempts == 2


async def test_what_is_due_longest_is_leased_first(store: WebhookStore) -> None:
    endpoint = await added(store)
    made = [
        await a_delivery(store, endpoint, next_attempt_at=NOW - minutes * MINUTE)
        for minutes in (1, 3, 2)
    ]
    leased = await lease(store, endpoint, limit=2)
    assert {sending.delivery.id for sending in leased} == {made[1].id, made[2].id}


async def test_an_endpoint_that_is_failing_is_tried_with_one_at_a_time(
    store: WebhookStore,
) -> None:
    endpoint = await added(store, failing_since=NOW)
    for _ in range(3):
        await a_delivery(store, endpoint)
    assert len(await lease(store, endpoint)) == 1


async def test_endpoints_with_something_due_are_found(store: WebhookStore) -> None:
    due, busy, later, idle, disabled = [await added(store) for _ in range(5)]
    for endpoint in (due, busy, disabled):
        await a_delivery(store, endpoint)
    await a_delivery(store, later, next_attempt_at=NOW + MINUTE)
    await a_delivery(store, idle, status="failed")
    await store.disable_endpoint(disabled.id, tenant="acme", reason="requested", now=NOW)
    some = await store.due_endpoints(now=NOW, except_endpoints=[busy.id], limit=10)
    assert some == [due.id]
    assert len(await store.due_endpoints(now=NOW, except_endpoints=[], limit=1)) == 1
    assert await lease(store, disabled) == []


async def test_endpoints_that_are_failing_are_found_last(store: WebhookStore) -> None:
    failing, *well = [await added(store) for _ in range(3)]
    for endpoint in (failing, failing, *well):
        await a_delivery(store, endpoint)
    [sending] = await lease(store, failing, limit=1)
    await fail(store, sending)
    for _ in range(8):
        found = await store.due_endpoints(now=NOW, except_endpoints=[], limit=3)
        assert (set(found[:2]), found[2]) == ({each.id for each in well}, failing.id)


async def test_a_failure_is_remembered_until_something_is_delivered(store: WebhookStore) -> None:
    endpoint = await added(store)
    delivery = await a_delivery(store, endpoint)
    [sending] = await lease(store, endpoint)
    assert not await fail(store, sending, error="timeout", response_status=None)
    [seen] = await deliveries(store, endpoint)
    assert seen == replace(
        sending.delivery,
        next_attempt_at=NOW + MINUTE,
        retries_until=NOW + 3 * DAY,
        error="timeout",
    )
    assert (await found(store, endpoint)).failing_since == NOW
    [sending] = await lease(store, endpoint, now=NOW + MINUTE)
    await fail(store, sending, at=NOW + MINUTE)
    assert (await found(store, endpoint)).failing_since == NOW
    [sending] = await lease(store, endpoint, now=NOW + DAY)
    await succeed(store, sending, at=NOW + DAY)
    assert (await found(store, endpoint)).failing_since is None
    seen = await store.find_delivery(delivery.id, tenant="acme") or delivery
    assert (seen.status, seen.next_attempt_at, seen.error) == ("delivered", None, None)
    assert (seen.response_status, seen.delivered_at, seen.attempts) == (200, NOW + DAY, 3)


async def test_a_test_says_nothing_of_how_an_endpoint_does(store: WebhookStore) -> None:
    endpoint = await added(store)
    await a_delivery(store, endpoint, event_type=TEST_EVENT)
    [sending] = await lease(store, endpoint)
    await fail(store, sending, retry_at=None)
    assert (await found(store, endpoint)).failing_since is None
    [seen] = await deliveries(store, endpoint)
    assert seen.status == "failed"


async def test_who_lost_the_lease_changes_nothing(store: WebhookStore) -> None:
    endpoint = await added(store)
    await a_delivery(store, endpoint)
    [slow] = await lease(store, endpoint)
    [sending] = await lease(store, endpoint, now=NOW + MINUTE)
    await fail(store, slow, retry_at=None)
    await store.release(slow.delivery)
    assert [sending.delivery] == await deliveries(store, endpoint)
    await succeed(store, sending)
    await fail(store, sending, retry_at=None)
    [seen] = await deliveries(store, endpoint)
    assert seen.status == "delivered"


async def test_what_is_released_is_due_as_before(store: WebhookStore) -> None:
    endpoint = await added(store)
    await a_delivery(store, endpoint)
    [sending] = await lease(store, endpoint)
    await store.release(sending.delivery)
    [again] = await lease(store, endpoint)
    assert again == sending


async def test_disabling_ends_what_is_pending_and_enabling_forgets_failures(
    store: WebhookStore,
) -> None:
    endpoint = await added(store, failing_since=NOW)
    pending = await a_delivery(store, endpoint)
    await a_delivery(store, endpoint, status="delivered", next_attempt_at=None)
    await store.disable_endpoint(endpoint.id, tenant="acme", reason="requested", now=NOW)
    await store.disable_endpoint(endpoint.id, tenant="acme", reason="gone", now=NOW + DAY)
    seen = await found(store, endpoint)
    assert (seen.disabled_at, seen.disabled_reason) == (NOW, "requested")
    failed = await store.list_deliveries(endpoint.id, tenant="acme", status="failed", limit=10)
    assert failed == [replace(pending, status="failed", next_attempt_at=None)]
    await store.enable_endpoint(endpoint.id, tenant="acme")
    assert await found(store, endpoint) == replace(endpoint, failing_since=None)
    assert await store.redeliver_failed(endpoint.id, tenant="acme", now=NOW + DAY) == 1
    [sending] = await lease(store, endpoint, now=NOW + DAY)
    assert sending.delivery.id == pending.id


async def test_an_attempt_disables_an_endpoint_once_and_not_if_something_came_through(
    store: WebhookStore,
) -> None:
    endpoint = await added(store, failing_since=NOW)
    for _ in range(2):
        await a_delivery(store, endpoint)
    [first] = await lease(store, endpoint)
    [second] = await lease(store, endpoint)
    await succeed(store, second)
    assert not await fail(store, first, at=NOW + 3 * DAY, disable="failing")
    assert (await found(store, endpoint)).disabled_at is None
    assert await fail(store, first, at=NOW + 3 * DAY, disable="gone")
    assert not await fail(store, first, at=NOW + 3 * DAY, disable="gone")
    assert (await found(store, endpoint)).disabled_reason == "gone"


async def test_redelivery_gives_a_delivery_all_its_attempts(store: WebhookStore) -> None:
    endpoint = await added(store)
    delivery = await a_delivery(store, endpoint)
    [sending] = await lease(store, endpoint)
    await fail(store, sending, retry_at=None)
    again = await store.redeliver(delivery.id, tenant="acme", now=NOW + DAY)
    assert again == replace(delivery, next_attempt_at=NOW + DAY, last_attempt_at=NOW)
    [seen] = await deliveries(store, endpoint)
    assert seen == again


async def test_a_deleted_endpoint_takes_its_deliveries_along(store: WebhookStore) -> None:
    endpoint = await added(store)
    delivery = await a_delivery(store, endpoint)
    assert await store.delete_endpoint(endpoint.id, tenant="acme")
    assert await store.find_delivery(delivery.id, tenant="acme") is None


async def test_what_ended_long_ago_is_deleted_and_nothing_else(
    store: WebhookStore, database: Database
) -> None:
    endpoint = await added(store)
    old: dict[str, Any] = {"created_at": NOW - DAY, "next_attempt_at": None}
    await a_delivery(store, endpoint, **old, status="delivered")
    kept = [
        await a_delivery(store, endpoint, **old, status="failed", last_attempt_at=NOW),
        await a_delivery(store, endpoint, created_at=NOW - DAY),
        await a_delivery(store, endpoint, status="failed"),
    ]
    await happen(database, an_event("nobody", created_at=NOW - DAY), an_event("nobody"))
    await store.dispatch(now=NOW, limit=10)
    await happen(database, an_event("nobody", created_at=NOW - DAY))
    assert await store.delete_old(before=NOW, limit=10) == 2
    assert await store.delete_old(before=NOW, limit=10) == 0
    assert await deliveries(store, endpoint) == kept[::-1]
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(events)) == 2
    await engine.dispose()


async def test_subscriptions_are_of_enabled_endpoints(store: WebhookStore) -> None:
    await added(store, "generation.*")
    await added(store, "batch.failed", tenant="other")
    await added(store, "batch.*", disabled_at=NOW, disabled_reason="gone")
    found = await store.subscriptions()
    assert sorted(found) == [("acme", ("generation.*",)), ("other", ("batch.failed",))]


async def test_a_store_that_is_away_says_so(database: Database, clock: MovableClock) -> None:
    storage = open_storage(database.url, clock=clock, commit_timeout_seconds=0.2)
    store = storage.webhook_store(b"secret")
    endpoint = await added(store)
    async with database.away():
        with pytest.raises(WebhookStoreUnavailable):
            await store.add_delivery(
                Delivery(
                    id="whd_1",
                    tenant="acme",
                    endpoint_id=endpoint.id,
                    event_id="evt_1",
                    event_type="batch.completed",
                    payload="{}",
                    created_at=NOW,
                    next_attempt_at=NOW,
                )
            )
        with pytest.raises(WebhookStoreUnavailable):
            await store.disable_endpoint(endpoint.id, tenant="acme", reason="gone", now=NOW)
    assert (await found(store, endpoint)).disabled_at is None
    await storage.aclose()
