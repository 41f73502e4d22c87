"""A service is killed between what happens and its delivery: the next one delivers it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from standardwebhooks import Webhook

from tests.contracts.time import until
from tests.e2e.routes import GENERATE
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.receiver import Receiver
from tests.running import ADMIN_KEY

ENDPOINTS = "/api/v1/webhook-endpoints"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver."""
    with Receiver() as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[Receiver]:
    """A proxy that the environment names, and nobody asked for."""
    with Receiver() as running:
        yield running


async def test_a_kill_between_cause_and_delivery_loses_nothing(
    tmp_path: Path, receiver: Receiver, proxy: Receiver
) -> None:
    environment = {
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_OUTBOUND_ALLOWED_HOSTS": receiver.host,
        "AI_SERVICE_LEASE_SECONDS": "1",
        "AI_SERVICE_LOG_LEVEL": "debug",
        "HTTP_PROXY": f"http://{proxy.host}",
        "http_proxy": f"http://{proxy.host}",
    }
    receiver.may_answer.clear()
    with ServiceProcess(tmp_path, **environment) as killed:
        async with killed.client(ADMIN_KEY) as client:
            body = {"url": receiver.url, "events": ["generation.*"]}
            endpoint = (await client.post(ENDPOINTS, json=body)).json()
            ids = [await generate(client) for _ in range(6)]
            killed.send(signal.SIGKILL)
        killed.wait()
    receiver.may_answer.set()
    with ServiceProcess(tmp_path, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            url = f"{ENDPOINTS}/{endpoint['id']}/deliveries?status=delivered"

            async def all_are_delivered() -> bool:
                return len((await client.get(url)).json()["data"]) == len(ids)

            await until(all_are_delivered, timeout_seconds=30)
        service.send(signal.SIGTERM)
        service.wait()
    webhook = Webhook(endpoint["secret"])
    messages = [webhook.verify(each.body, each.headers) for each in receiver.received]
    assert {message["data"]["id"] for message in messages} == set(ids)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == len(ids)
    assert proxy.received == []
    log = "\n".join(killed.output + service.output)
    assert endpoint["secret"].removeprefix("whsec_") not in log


async def test_two_replicas_deliver_each_message_once(
    tmp_path: Path, receiver: Receiver, postgres: Postgres
) -> None:
    environment = {
        "DATABASE_URL": postgres.create_database(),
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_SECRET_KEY": "a secret that both know",
        "AI_SERVICE_OUTBOUND_ALLOWED_HOSTS": receiver.host,
    }
    with (
        ServiceProcess(tmp_path, **environment) as first,
        ServiceProcess(tmp_path, **environment) as second,
    ):
        async with first.client(ADMIN_KEY) as here, second.client(ADMIN_KEY) as there:
            body = {"url": receiver.url, "events": ["generation.*"]}
            endpoint = (await here.post(ENDPOINTS, json=body)).json()
            # A replica knows of another's endpoints once it has looked.
            while not receiver.received:
                await generate(there)
            ids = [await generate(client) for _ in range(30) for client in (here, there)]
            url = f"{ENDPOINTS}/{endpoint['id']}/deliveries?status=pending"

            async def all_have_come() -> bool:
                return told(receiver, endpoint).issuperset(ids)

            async def nothing_is_pending() -> bool:
                return not (await there.get(url)).json()["data"]

            await until(all_have_come, timeout_seconds=30)
            await until(nothing_is_pending, timeout_seconds=30)
    assert len(receiver.received) == len(told(receiver, endpoint))


def told(receiver: Receiver, endpoint: dict[str, str]) -> set[str]:
    """The answers that an endpoint has been told of, by their ids."""
    webhook = Webhook(endpoint["secret"])
    return {
        str(webhook.verify(each.body, each.headers)["data"]["id"])
        for each in list(receiver.received)
    }


async def generate(client: httpx.AsyncClient) -> str:
    """One answer's id."""
    answer = await client.post(GENERATE, json={"prompt": "Hi", "cache": False})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])
