"""What every store of idempotency keys does."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidTag
from msgspec.structs import replace
from sqlalchemy import select, update

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import idempotency_keys
from service.idempotency.ports import (
    Attempt,
    Claim,
    IdempotencyStore,
    IdempotencyStoreUnavailable,
    KeyedRequest,
    RecordedAnswer,
)
from tests.contracts.databases import Database
from tests.contracts.time import MovableClock

SECRET = b"a secret of the service"
LEASE_SECONDS = 30
DAY_SECONDS = 24 * 3600
REQUEST = KeyedRequest(tenant="acme", key="order-4711", fingerprint=b"\x01" * 32)
ANSWER = RecordedAnswer(media_type="application/json", body='{"text":"Zoë 🔑"}'.encode())


class Keys:
    """A store, with the times that the service would give it."""

    def __init__(self, store: IdempotencyStore, clock: MovableClock) -> None:
        self.store = store
        self._clock = clock
        self._attempts = 0

    def attempt(self, request: KeyedRequest = REQUEST) -> Attempt:
        """An attempt that nobody has made yet."""
        self._attempts += 1
        return Attempt(id=f"try_{self._attempts}", request=request)

    async def claim(self, attempt: Attempt) -> Claim:
        now = self._clock.now()
        return await self.store.claim(
            attempt,
            now=now,
            lease_expires_at=now + timedelta(seconds=LEASE_SECONDS),
            expires_at=now + timedelta(seconds=DAY_SECONDS),
        )

    async def complete(self, attempt: Attempt, answer: RecordedAnswer = ANSWER) -> bool:
        expires_at = self._clock.now() + timedelta(seconds=DAY_SECONDS)
        return await self.store.complete(attempt, answer, expires_at=expires_at)

    async def granted(self, request: KeyedRequest = REQUEST) -> Attempt:
        """An attempt that has the key."""
        attempt = self.attempt(request)
        assert await self.claim(attempt) == "granted"
        return attempt


@pytest.fixture
def keys(storage: Storage, clock: MovableClock) -> Keys:
    """The store under test."""
    return Keys(storage.idempotency_store(SECRET), clock)


async def test_the_first_claim_is_granted_and_later_ones_find_it_in_flight(keys: Keys) -> None:
    await keys.granted()
    assert await keys.claim(keys.attempt()) == "in_flight"


async def test_an_answer_is_found_as_it_was_recorded(keys: Keys) -> None:
    attempt = await keys.granted()
    assert await keys.complete(attempt)
    assert await keys.claim(keys.attempt()) == ANSWER


async def test_another_instance_finds_the_answer(
    keys: Keys, other_storage: Storage, clock: MovableClock
) -> None:
    await keys.complete(await keys.granted())
    others = Keys(other_storage.idempotency_store(SECRET), clock)
    assert await others.claim(others.attempt()) == ANSWER


async def test_an_empty_and_a_large_answer_are_kept_whole(keys: Keys) -> None:
    for body in (b"", bytes(range(256)) * 16_384):
        request = replace(REQUEST, key=f"of-{len(body)}")
        answer = RecordedAnswer(media_type="text/event-stream", body=body)
        await keys.complete(await keys.granted(request), answer)
        assert await keys.claim(keys.attempt(request)) == answer


async def test_another_request_with_the_key_is_told_so(keys: Keys) -> None:
    other = replace(REQUEST, fingerprint=b"\x02" * 32)
    attempt = await keys.granted()
    assert await keys.claim(keys.attempt(other)) == "other_request"
    await keys.complete(attempt)
    assert await keys.claim(keys.attempt(other)) == "other_request"


async def test_tenants_do_not_share_keys(keys: Keys) -> None:
    await keys.complete(await keys.granted())
    other = await keys.granted(replace(REQUEST, tenant="globex"))
    await keys.store.release(other)
    assert await keys.claim(keys.attempt()) == ANSWER


async def test_a_released_key_is_free_for_any_request(keys: Keys) -> None:
    await keys.store.release(await keys.granted())
    await keys.granted(replace(REQUEST, fingerprint=b"\x02" * 32))


async def test_an_answered_key_is_not_released(keys: Keys) -> None:
    attempt = await keys.granted()
    await keys.complete(attempt)
    await keys.store.release(attempt)
    assert await keys.claim(keys.attempt()) == ANSWER


async def test_a_lease_that_is_over_frees_the_key(keys: Keys, clock: MovableClock) -> None:
    dead = await keys.granted()
    clock.advance(LEASE_SECONDS + 1)
    await keys.granted()
    assert not await keys.complete(dead), "it has been overtaken"
    await keys.store.release(dead)
    assert await keys.claim(keys.attempt()) == "in_flight"


async def test_a_renewed_lease_keeps_the_key(keys: Keys, clock: MovableClock) -> None:
    long, other = await keys.granted(), await keys.granted(replace(REQUEST, key="other"))
    for _ in range(3):
        clock.advance(LEASE_SECONDS - 5)
        until = clock.now() + timedelta(seconds=LEASE_SECONDS)
        await keys.store.renew([long, other], lease_expires_at=until)
        assert await keys.claim(keys.attempt()) == "in_flight"
        assert await keys.claim(keys.attempt(other.request)) == "in_flight"
    assert await keys.complete(long)


async def test_an_overtaken_attempt_cannot_renew(keys: Keys, clock: MovableClock) -> None:
    dead = await keys.granted()
    clock.advance(LEASE_SECONDS + 1)
    living = await keys.granted()
    until = clock.now() + timedelta(seconds=10 * LEASE_SECONDS)
    await keys.store.renew([dead], lease_expires_at=until)
    clock.advance(LEASE_SECONDS + 1)
    assert living != await keys.granted()


async def test_an_answer_is_forgotten_when_its_time_is_over(
    keys: Keys, clock: MovableClock
) -> None:
    await keys.complete(await keys.granted())
    clock.advance(DAY_SECONDS - 60)
    assert await keys.claim(keys.attempt()) == ANSWER
    clock.advance(61)
    await keys.granted(replace(REQUEST, fingerprint=b"\x02" * 32))


async def test_of_many_claims_at_once_one_is_granted(
    keys: Keys, other_storage: Storage, clock: MovableClock
) -> None:
    others = Keys(other_storage.idempotency_store(SECRET), clock)
    claims = await asyncio.gather(
        *(keys.claim(Attempt(id=f"here_{n}", request=REQUEST)) for n in range(20)),
        *(others.claim(Attempt(id=f"there_{n}", request=REQUEST)) for n in range(20)),
    )
    assert Counter(claims) == {"granted": 1, "in_flight": 39}


async def test_purging_forgets_what_has_expired_and_not_more_than_asked(
    keys: Keys, clock: MovableClock
) -> None:
    for n in range(3):
        await keys.complete(await keys.granted(replace(REQUEST, key=f"old-{n}")))
    await keys.granted(replace(REQUEST, key="died"))
    clock.advance(DAY_SECONDS + 1)
    await keys.complete(await keys.granted())
    running = await keys.granted(replace(REQUEST, key="running"))
    assert await keys.store.purge(now=clock.now(), limit=3) == 3
    assert await keys.store.purge(now=clock.now(), limit=3) == 1
    assert await keys.store.purge(now=clock.now(), limit=3) == 0
    assert await keys.claim(keys.attempt()) == ANSWER
    assert await keys.claim(keys.attempt(running.request)) == "in_flight"


async def test_neither_key_nor_answer_nor_fingerprint_can_be_read_from_the_table(
    keys: Keys, database: Database
) -> None:
    await keys.complete(await keys.granted())
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        row = (await connection.execute(select(idempotency_keys))).one()
    await engine.dispose()
    for secret in (REQUEST.key, "Zoë", REQUEST.fingerprint.hex()):
        assert secret not in str(row)
        assert secret.encode() not in row.body


async def test_an_answer_that_was_tampered_with_is_not_replayed(
    keys: Keys, database: Database
) -> None:
    await keys.complete(await keys.granted())
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        sealed: bytes = (await connection.execute(select(idempotency_keys.c.body))).scalar_one()
        changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        await connection.execute(update(idempotency_keys).values(body=changed))
    await engine.dispose()
    with pytest.raises(InvalidTag):
        await keys.claim(keys.attempt())


async def test_a_store_with_another_secret_knows_nothing(
    keys: Keys, storage: Storage, clock: MovableClock
) -> None:
    await keys.complete(await keys.granted())
    stranger = Keys(storage.idempotency_store(b"another secret"), clock)
    await stranger.granted()


async def test_a_store_that_is_away_is_unavailable_and_answers_again_when_it_is_back(
    database: Database, clock: MovableClock
) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        keys = Keys(storage.idempotency_store(SECRET), clock)
        attempt = await keys.granted()
        async with database.away():
            with pytest.raises(IdempotencyStoreUnavailable):
                await keys.claim(keys.attempt(replace(REQUEST, key="new")))
            with pytest.raises(IdempotencyStoreUnavailable):
                await keys.complete(attempt)
            with pytest.raises(IdempotencyStoreUnavailable):
                await keys.store.release(attempt)
            with pytest.raises(IdempotencyStoreUnavailable):
                await keys.store.renew([attempt], lease_expires_at=clock.now())
            with pytest.raises(IdempotencyStoreUnavailable):
                await keys.store.purge(now=clock.now(), limit=1)
        assert await keys.complete(attempt)
        assert await keys.claim(keys.attempt()) == ANSWER
