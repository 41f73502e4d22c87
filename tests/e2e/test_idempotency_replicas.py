"""`Idempotency-Key` where several processes serve one database."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.routes import GENERATE, GENERATE_STREAM, error_of
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Simulator, Stall

KEY = {"Idempotency-Key": "order-4711"}
BODY = {"prompt": "Hello", "cache": False}
SECRET = "a secret that every replica knows"
PATHS = pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM])

Replica = Callable[[], RunningService]


@pytest.fixture
def replica(start_service: ServiceFactory, postgres: Postgres) -> Replica:
    """Starts services that share one database and nothing else."""
    url = postgres.create_database()
    return lambda: start_service(database_url=url, secret_key=SECRET, max_attempts=1)


async def send(client: httpx.AsyncClient, path: str) -> httpx.Response:
    return await client.post(path, json=BODY, headers=KEY)


@PATHS
async def test_an_attempt_on_another_replica_is_waited_for(
    path: str, replica: Replica, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with replica().client() as here, replica().client() as there:
        first = asyncio.create_task(send(here, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        waiting = [asyncio.create_task(send(client, path)) for client in (here, there, there)]
        error_of(await there.post(path, json={"prompt": "y"}, headers=KEY), 409, "conflict")
        simulator.release()
        answers = await asyncio.gather(*waiting)
        later = await send(there, path)
    for answer in (*answers, later):
        assert answer.content == (await first).content
        assert answer.headers["idempotency-replayed"] == "true"
    assert len(simulator.calls) == 1


@PATHS
async def test_a_replica_takes_over_when_the_caller_of_another_hangs_up(
    path: str, replica: Replica, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with replica().client() as here, replica().client() as there:
        first = asyncio.create_task(send(here, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        waiting = asyncio.create_task(send(there, path))
        first.cancel()
        answer = await waiting
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers
    assert len(simulator.calls) == 2


@PATHS
async def test_twenty_calls_over_two_replicas_are_one_call_of_the_provider(
    path: str, replica: Replica, simulator: Simulator
) -> None:
    async with replica().client() as here, replica().client() as there:
        answers = await asyncio.gather(*(send(c, path) for c in (here, there) for _ in range(10)))
    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(simulator.calls) == 1


async def test_the_lease_of_a_killed_process_frees_its_key(
    tmp_path: Path, start_service: ServiceFactory, simulator: Simulator, postgres: Postgres
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    url = postgres.create_database()
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "DATABASE_URL": url,
        "AI_SERVICE_SECRET_KEY": SECRET,
        "AI_SERVICE_LEASE_SECONDS": "1",
    }
    living = start_service(database_url=url, secret_key=SECRET)
    with ServiceProcess(tmp_path, **environment) as dying:
        async with dying.client(ADMIN_KEY) as client, living.client() as survivor:
            lost = asyncio.create_task(send(client, GENERATE))
            await simulator.wait_for(lambda s: s.in_flight == 1)
            waiting = asyncio.create_task(send(survivor, GENERATE))
            dying.send(signal.SIGKILL)
            dying.wait()
            with pytest.raises(httpx.TransportError):
                await lost
            answer = await waiting
            again = await send(survivor, GENERATE)
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers
    assert again.content == answer.content
    assert len(simulator.calls) == 2
