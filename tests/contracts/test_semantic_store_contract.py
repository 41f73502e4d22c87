"""What every semantic store does: the nearest of one tenant's group, for as long as it is to be kept."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from service.adapters.storage import Storage
from service.inference.ports import SemanticStore, SimilarAnswer
from tests.contracts.databases import Database
from tests.contracts.time import MovableClock

NORTH, NORTH_EAST, EAST = [0.0, 2.0], [1.0, 1.0], [3.0, 0.0]
TTL_SECONDS = 60


@pytest.fixture
def store(storage: Storage, clock: MovableClock) -> SemanticStore:
    return storage.semantic_store(clock=clock, ttl_seconds=TTL_SECONDS)


async def keep(
    store: SemanticStore,
    vector: Sequence[float],
    value: str,
    *,
    group: str = "g",
    tenant: str = "t",
) -> None:
    await store.put(vector, value.encode(), tenant=tenant, group=group, question=value)


async def nearest(store: SemanticStore, vector: Sequence[float]) -> SimilarAnswer | None:
    return await store.nearest(vector, tenant="t", group="g")


async def test_nearest_is_found_with_its_cosine(store: SemanticStore) -> None:
    assert await nearest(store, NORTH) is None
    await keep(store, NORTH, "north")
    await keep(store, EAST, "east")
    found = await nearest(store, [0.0, 1.0])
    assert found is not None
    assert found.value == b"north"
    assert found.similarity == pytest.approx(1)
    between = await nearest(store, [1.0, 0.9])
    assert between is not None
    assert between.value == b"east"
    assert between.similarity == pytest.approx(0.7433, abs=1e-4)


async def test_other_tenants_and_groups_are_never_found(store: SemanticStore) -> None:
    await keep(store, NORTH, "theirs", tenant="other")
    await keep(store, NORTH, "otherwise", group="other")
    assert await nearest(store, NORTH) is None


async def test_same_question_has_one_answer(store: SemanticStore) -> None:
    await store.put(NORTH, b"old", tenant="t", group="g", question="q")
    await store.put(EAST, b"new", tenant="t", group="g", question="q")
    found = await nearest(store, NORTH_EAST)
    assert found is not None
    assert found.value == b"new"


async def test_answer_is_gone_when_its_time_is_over(
    store: SemanticStore, clock: MovableClock
) -> None:
    await keep(store, NORTH, "north")
    clock.advance(TTL_SECONDS)
    assert await nearest(store, NORTH) is None
    await keep(store, EAST, "east")
    clock.advance(-1)  # what was over has been deleted, not only hidden
    found = await nearest(store, NORTH)
    assert found is not None
    assert found.value == b"east"


async def test_database_that_is_away_costs_what_was_to_be_kept_and_no_request(
    store: SemanticStore, database: Database
) -> None:
    await keep(store, NORTH, "north")
    with capture_logs() as logs:
        async with database.away():  # SQLite's can still be read
            await keep(store, EAST, "east")
            await keep(store, EAST, "east")
            await nearest(store, NORTH)
    assert [line["event"] for line in logs].count("semantic_cache_unavailable") == 1
    found = await nearest(store, EAST)
    assert found is not None
    assert found.value == b"north"
