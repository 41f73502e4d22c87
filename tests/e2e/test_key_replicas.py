"""Two replicas over one PostgreSQL: they start together, and what one changes the other feels."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.keys import KEYS, make_key
from tests.e2e.routes import MODELS
from tests.postgres import Postgres
from tests.running import RunningService, make_settings

FELT_WITHIN_SECONDS = 1.0


@pytest.fixture
def replicas(postgres: Postgres, tmp_path: Path) -> Iterator[list[RunningService]]:
    """Two services that are started at the same moment, with the same admin key."""
    settings = make_settings(
        tmp_path, database_url=postgres.create_database(), secret_key="the-same-for-all"
    )
    with ExitStack() as stack:
        with ThreadPoolExecutor() as pool:
            services = [RunningService(settings) for _ in range(2)]
            started = list(pool.map(stack.enter_context, services))
        yield started


async def test_revocation_and_rotation_are_felt_on_the_other_replica_within_a_second(
    replicas: list[RunningService],
) -> None:
    here, there = replicas
    async with here.client() as admin:
        revoked = await make_key(admin, "generate")
        rotated = await make_key(admin, "generate")
        path = f"{KEYS}/{rotated['id']}/rotate"
        async with there.client(key=revoked["key"]) as one, there.client(key=rotated["key"]) as two:
            assert [(await each.get(MODELS)).status_code for each in (one, two)] == [200, 200]
            assert (await admin.delete(f"{KEYS}/{revoked['id']}")).status_code == 204
            assert (await admin.post(path, json={"overlap_seconds": 0})).status_code == 200
            # However late this asks, the bound has passed: a slow machine cannot fail it.
            await wait_until(time.monotonic() + FELT_WITHIN_SECONDS)
            assert [(await each.get(MODELS)).status_code for each in (one, two)] == [401, 401]


async def wait_until(moment: float) -> None:
    """Return when the clock shows this moment."""
    while time.monotonic() < moment:  # noqa: ASYNC110 - a sleep may end a little early
        await asyncio.sleep(moment - time.monotonic())


async def test_key_that_is_made_on_one_replica_works_on_the_other_at_once(
    replicas: list[RunningService],
) -> None:
    here, there = replicas
    async with here.client() as admin:
        made = await make_key(admin, "generate")
    async with there.client(key=made["key"]) as client:
        assert (await client.get(MODELS)).status_code == 200
