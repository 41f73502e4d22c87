"""Webhooks over HTTP, from an endpoint's registration to what its receiver verifies."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import ServiceFactory
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import until
from tests.e2e.durable_batches import create, finished, results
from tests.e2e.keys import make_key
from tests.e2e.routes import GENERATE, GENERATE_STREAM, error_of
from tests.receiver import Receiver
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Stall, Status, Usage, bad_request

ENDPOINTS = "/api/v1/webhook-endpoints"
DELIVERIES = "/api/v1/webhook-deliveries"
Json = dict[str, Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver."""
    with Receiver() as running:
        yield running


@pytest.fixture
def service(start_service: ServiceFactory, receiver: Receiver) -> RunningService:
    """A service that may call the receiver."""
    return start_service(
        outbound_allowed_hosts=(receiver.host,), max_attempts=1, openai_api_key=None
    )


async def register(client: httpx.AsyncClient, url: str, *events: str) -> Json:
    """A new endpoint, with its secret."""
    answer = await client.post(ENDPOINTS, json={"url": url, "events": list(events)})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: Json = answer.json()
    return made


async def received(receiver: Receiver, count: int) -> list[Json]:
    """What the receiver has got, read without asking for a signature."""
    found = await asyncio.to_thread(receiver.wait_for, count)
    return [httpx.Response(200, content=each.body).json() for each in found]


async def deliveries(client: httpx.AsyncClient, endpoint: Json, **params: str) -> list[Json]:
    """The deliveries to an endpoint, the newest first."""
    answer = await client.get(f"{ENDPOINTS}/{endpoint['id']}/deliveries", params=params)
    assert answer.status_code == 200, answer.text
    data: list[Json] = answer.json()["data"]
    return data


async def ended(client: httpx.AsyncClient, endpoint: Json) -> Json:
    """The only delivery to an endpoint, when it is no longer pending."""

    async def is_over() -> bool:
        found = await deliveries(client, endpoint)
        return bool(found) and found[0]["status"] != "pending"

    await until(is_over, timeout_seconds=20)
    [delivery] = await deliveries(client, endpoint)
    return delivery


async def test_a_test_is_delivered_with_a_signature_that_the_receiver_verifies(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "batch.*")
    asked = await client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    assert asked.status_code == 202
    await received(receiver, 1)
    [came] = receiver.received
    message = Webhook(endpoint["secret"]).verify(came.body, came.headers)
    assert message["type"] == "webhook_endpoint.test"
    assert message["data"] == {"endpoint_id": endpoint["id"]}
    assert came.headers["webhook-id"] == asked.json()["event_id"]
    assert came.headers["content-type"] == "application/json"
    delivery = await ended(client, endpoint)
    assert delivery["id"] == asked.json()["id"]
    assert (delivery["status"], delivery["response_status"]) == ("delivered", 204)


async def test_each_generation_is_told_once_without_its_content(
    client: httpx.AsyncClient, receiver: Receiver, simulator: Simulator
) -> None:
    await register(client, receiver.url, "generation.*")
    body = {"prompt": "canary-of-the-prompt", "metadata": {"team": "search"}}
    answers = [
        (await client.post(GENERATE, json=body)).json(),
        (await client.post(GENERATE, json=body)).json(),  # from the cache
    ]
    await client.post(GENERATE_STREAM, json=body | {"cache": False})
    simulator.script(Status(400), on="anthropic")
    refused = await client.post(GENERATE, json=body | {"cache": False})
    assert refused.status_code == 400
    messages = await received(receiver, 4)
    assert len({came.headers["webhook-id"] for came in receiver.received}) == 4
    assert all(b"canary" not in came.body for came in receiver.received)
    by_id = {message["data"]["id"]: message for message in messages}
    for answer in answers:
        message = by_id[answer["id"]]
        assert message["type"] == "generation.completed"
        for field in ("model", "provider", "provider_model", "usage", "cost_usd", "cache_hit"):
            assert message["data"][field] == answer[field]
        assert message["data"]["metadata"] == {"team": "search"}
    [failure] = [message for message in messages if message["type"] == "generation.failed"]
    assert failure["data"]["error_type"] == "validation_error"
    assert failure["data"]["status"] == "failed"


async def test_generations_are_told_only_where_they_are_asked_for(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "batch.*", "usage.threshold_reached")
    assert (await client.post(GENERATE, json={"prompt": "Hi"})).status_code == 200
    await client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    [message] = await received(receiver, 1)
    assert message["type"] == "webhook_endpoint.test"


async def test_a_tenant_is_told_nothing_of_another(
    client: httpx.AsyncClient, service: RunningService, receiver: Receiver
) -> None:
    mine = await register(client, receiver.url, "generation.*")
    other = await make_key(client, "generate", tenant="other")
    async with service.client(key=other["key"]) as stranger:
        assert (await stranger.post(GENERATE, json={"prompt": "Hi"})).status_code == 200
    await client.post(f"{ENDPOINTS}/{mine['id']}/test")
    [message] = await received(receiver, 1)
    assert message["type"] == "webhook_endpoint.test"


async def test_a_budget_that_runs_out_is_told(
    client: httpx.AsyncClient, service: RunningService, receiver: Receiver, simulator: Simulator
) -> None:
    await register(client, receiver.url, "usage.threshold_reached")
    all_that_it_may = Reply(text="x", usage=Usage(input_tokens=20, output_tokens=1_000))
    simulator.always(all_that_it_may, on="anthropic")
    body = {"prompt": "Hi", "max_tokens": 1_000, "cache": False}
    cost = (await client.post(GENERATE, json=body)).json()["cost_usd"]
    poor = await make_key(client, "generate", budget={"limit_usd": 2.2 * cost, "period": "total"})
    async with service.client(key=poor["key"]) as spender:
        statuses = [(await spender.post(GENERATE, json=body)).status_code for _ in range(3)]
    assert statuses == [200, 200, 402]
    messages = await received(receiver, 2)
    assert {message["type"] for message in messages} == {"usage.threshold_reached"}
    assert sorted(message["data"]["percent"] for message in messages) == [80, 100]
    assert {message["data"]["owner"] for message in messages} == {poor["id"]}


@pytest.mark.parametrize("mode", ["service", "provider"])
async def test_the_end_of_a_batch_and_of_each_of_its_items_is_told_once(
    start_service: ServiceFactory, receiver: Receiver, simulator: Simulator, mode: str
) -> None:
    simulator.batches_end_at_once({"bad": bad_request("too odd")})
    service = start_service(
        outbound_allowed_hosts=(receiver.host,), provider_batch_poll_seconds=0.05
    )
    async with service.client() as client:
        await register(client, receiver.url, "batch.*", "generation.*")
        if mode == "service":
            simulator.script(bad_request("too odd"), on="anthropic")
        batch = await create(client, prompts=["bad", "good"], mode=mode, max_concurrency=1)
        done = await finished(client, batch)
        lines = await results(client, batch)
        messages = await received(receiver, 3)
    by_type = {message["type"]: message["data"] for message in messages}
    assert by_type["batch.completed"] == done
    assert by_type["generation.completed"]["id"] == lines[1]["response"]["id"]
    assert by_type["generation.completed"]["cost_usd"] == done["cost_usd"] > 0
    assert by_type["generation.failed"]["error_type"] == lines[0]["error"]["type"]


async def test_batches_that_are_cancelled_or_fail_are_told(
    client: httpx.AsyncClient, service: RunningService, receiver: Receiver, simulator: Simulator
) -> None:
    await register(client, receiver.url, "batch.*")
    simulator.always(Stall(before_headers=True), on="anthropic")
    cancelled = await create(client, prompts=["a"])
    await client.post(f"/api/v1/batches/{cancelled['id']}/cancel")
    key = await make_key(client, "batch")
    async with service.client(key=key["key"]) as owner:
        failed = await create(owner, prompts=["b"])
    await client.delete(f"/api/v1/keys/{key['id']}")
    messages = await received(receiver, 2)
    assert {(message["type"], message["data"]["id"]) for message in messages} == {
        ("batch.cancelled", cancelled["id"]),
        ("batch.failed", failed["id"]),
    }


async def test_both_secrets_sign_while_a_rotation_overlaps(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "batch.*")
    url = f"{ENDPOINTS}/{endpoint['id']}"
    first = endpoint["secret"]
    rotated = (await client.post(f"{url}/rotate-secret", json={"overlap_seconds": 3600})).json()
    assert rotated["previous_secret_expires_at"] is not None
    await client.post(f"{url}/test")
    await received(receiver, 1)
    again = (await client.post(f"{url}/rotate-secret", json={"overlap_seconds": 0})).json()
    assert again["previous_secret_expires_at"] is None
    await client.post(f"{url}/test")
    await received(receiver, 2)
    during, after = receiver.received
    for secret in (first, rotated["secret"]):
        Webhook(secret).verify(during.body, during.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(after.body, after.headers)
    Webhook(again["secret"]).verify(after.body, after.headers)


async def test_who_answers_410_is_disabled_and_can_be_sent_all_again(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "generation.completed")
    url = f"{ENDPOINTS}/{endpoint['id']}"
    receiver.status = 410
    await client.post(GENERATE, json={"prompt": "Hi"})
    delivery = await ended(client, endpoint)
    assert (delivery["status"], delivery["response_status"]) == ("failed", 410)
    seen = (await client.get(url)).json()
    assert (seen["status"], seen["disabled_reason"]) == ("disabled", "gone")
    for path in (
        f"{url}/test",
        f"{url}/redeliver-failed",
        f"{DELIVERIES}/{delivery['id']}/redeliver",
    ):
        error_of(await client.post(path), 409, "conflict")
    receiver.status = 200
    enabled = (await client.patch(url, json={"enabled": True})).json()
    assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)
    again = await client.post(f"{url}/redeliver-failed")
    assert (again.status_code, again.json()) == (202, {"redelivered": 1})
    await received(receiver, 2)
    assert (await ended(client, endpoint))["status"] == "delivered"
    await client.post(f"{DELIVERIES}/{delivery['id']}/redeliver")
    await received(receiver, 3)
    assert len({came.headers["webhook-id"] for came in receiver.received}) == 1


async def test_a_receiver_that_redirects_is_not_followed(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "batch.*")
    receiver.status = 307
    receiver.answer_headers = {"location": f"{receiver.url}/elsewhere"}
    await client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    delivery = await ended(client, endpoint)
    assert (delivery["status"], delivery["response_status"]) == ("failed", 307)
    assert [came.path for came in receiver.received] == ["/hooks"]


async def test_an_endpoint_is_listed_changed_disabled_and_deleted(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    made = [await register(client, receiver.url, "batch.*") for _ in range(3)]
    page = (await client.get(ENDPOINTS, params={"limit": 2})).json()
    assert [each["id"] for each in page["data"]] == [made[2]["id"], made[1]["id"]]
    rest = (await client.get(ENDPOINTS, params={"cursor": page["next_cursor"]})).json()
    assert [each["id"] for each in rest["data"]] == [made[0]["id"]]
    assert rest["next_cursor"] is None
    assert all("secret" not in each for each in page["data"])
    url = f"{ENDPOINTS}/{made[0]['id']}"
    changed = (await client.patch(url, json={"events": ["batch.failed", "batch.failed"]})).json()
    assert (changed["events"], changed["url"]) == (["batch.failed"], receiver.url)
    disabled = (await client.patch(url, json={"enabled": False})).json()
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "requested")
    assert (await client.delete(url)).status_code == 204
    error_of(await client.get(url), 404, "not_found")
    error_of(await client.delete(url), 404, "not_found")


async def test_deliveries_are_paged_and_filtered_by_status(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "batch.*")
    url = f"{ENDPOINTS}/{endpoint['id']}"
    tests = [(await client.post(f"{url}/test")).json()["id"] for _ in range(3)]
    await received(receiver, 3)

    async def all_delivered() -> bool:
        return len(await deliveries(client, endpoint, status="delivered")) == 3

    await until(all_delivered)
    assert await deliveries(client, endpoint, status="failed") == []
    page = (await client.get(f"{url}/deliveries", params={"limit": 2})).json()
    assert [each["id"] for each in page["data"]] == tests[:0:-1]
    rest = await deliveries(client, endpoint, cursor=page["next_cursor"])
    assert [each["id"] for each in rest] == tests[:1]
    error_of(
        await client.get(f"{url}/deliveries", params={"status": "lost"}),
        400,
        "validation_error",
        field="status",
    )


async def test_a_tenant_has_twenty_endpoints_at_most(client: httpx.AsyncClient) -> None:
    for _ in range(20):
        await register(client, "https://example.com/hooks", "batch.*")
    body = {"url": "https://example.com/hooks", "events": ["batch.*"]}
    error_of(await client.post(ENDPOINTS, json=body), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://user:password@example.com/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://2130706433/"}, "url"),
        ({"url": "https://localhost/"}, "url"),
        ({"url": "https://metadata.google.internal./"}, "url"),
        ({"url": "no url"}, "url"),
        ({"url": ""}, "url"),
        ({"url": 1}, "url"),
        ({"events": []}, "events"),
        ({"events": ["*"]}, "events.0"),
        ({"events": ["generation.started"]}, "events.0"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_what_cannot_be_registered_is_a_400_that_names_the_field(
    client: httpx.AsyncClient, body: Json, field: str
) -> None:
    good = {"url": "https://example.com/hooks", "events": ["batch.*"]}
    error_of(await client.post(ENDPOINTS, json=good | body), 400, "validation_error", field=field)


async def test_a_database_that_is_away_is_a_503(
    client: httpx.AsyncClient, service: RunningService
) -> None:
    body = {"url": "https://example.com/hooks", "events": ["batch.*"]}
    async with SqliteDatabase(service.settings.data_dir / "ai-service.db").away():
        away = await client.post(ENDPOINTS, json=body)
    error_of(away, 503, "service_unavailable")
    assert int(away.headers["retry-after"]) >= 1
    assert (await client.post(ENDPOINTS, json=body)).status_code == 201


async def test_endpoints_need_the_scope_admin(
    client: httpx.AsyncClient, service: RunningService
) -> None:
    key = (await make_key(client, "generate", "usage:read"))["key"]
    async with service.client(key=key) as caller:
        error = error_of(await caller.get(ENDPOINTS), 403, "authorization_error")
    assert error["required_scope"] == "admin"


async def test_no_secret_is_in_the_database_in_the_clear(
    client: httpx.AsyncClient, service: RunningService, receiver: Receiver
) -> None:
    endpoint = await register(client, receiver.url, "generation.*")
    url = f"{ENDPOINTS}/{endpoint['id']}/rotate-secret"
    rotated = (await client.post(url, json={})).json()
    await client.post(GENERATE, json={"prompt": "Hi"})
    await received(receiver, 1)
    with sqlite3.connect(service.settings.data_dir / "ai-service.db") as database:
        dump = "\n".join(database.iterdump())
    database.close()
    for secret in (endpoint["secret"], rotated["secret"]):
        bare = secret.removeprefix("whsec_")
        assert bare not in dump
        assert bare.encode().hex().upper() not in dump.upper()


RECEIVER = re.search(
    r"^seen: .*?return 204\n", Path("sdks/README.md").read_text(), re.MULTILINE | re.DOTALL
)


async def test_the_guides_receiver_takes_a_message_once_and_no_forged_one(
    client: httpx.AsyncClient, receiver: Receiver
) -> None:
    assert RECEIVER is not None
    endpoint = await register(client, receiver.url, "batch.*")
    names: Json = {
        "Mapping": Mapping,
        "WebhookVerificationError": WebhookVerificationError,
        "webhook": Webhook(endpoint["secret"]),
    }
    exec(RECEIVER.group(), names)  # noqa: S102 - it is ours
    await client.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    await received(receiver, 1)
    [came] = receiver.received
    assert names["receive"](came.body, came.headers) == 204
    assert names["receive"](came.body, came.headers) == 204
    assert len(names["seen"]) == 1
    assert names["receive"](came.body + b" ", came.headers) == 401


@pytest.fixture
async def client(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin key."""
    async with service.client() as ready:
        yield ready
