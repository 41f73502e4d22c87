"""Durable batches, as their owners meet them."""

import json
import sqlite3
from collections.abc import AsyncIterator
from decimal import Decimal

import httpx
import pytest

from tests.e2e.durable_batches import (
    create,
    finished,
    once,
    once_it,
    results,
    status,
    upload,
)
from tests.e2e.keys import KEYS, make_key
from tests.e2e.routes import BATCHES, GENERATE, error_of
from tests.ledger import ledger_rows, settled_rows
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Stall, bad_request, server_error

LINE = b'{"prompt": "good"}\n'
LOCAL = {"model": "llama", "max_tokens": 10}


@pytest.fixture(autouse=True)
async def _no_batch_runs_on(shared_client: httpx.AsyncClient) -> AsyncIterator[None]:
    """What a test has left unfinished must not ask the next test's simulator."""
    yield
    for batch in (await shared_client.get(BATCHES)).json()["data"]:
        if batch["finished_at"] is None:
            await shared_client.post(f"{BATCHES}/{batch['id']}/cancel")
            await finished(shared_client, batch)


async def test_every_request_is_answered_in_order_and_has_one_row_in_the_ledger(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    batch = await create(shared_client, prompts=[f"row {n}" for n in range(20)])
    assert batch["status"] == "queued"
    assert batch["counts"] == {"total": 20, "completed": 0, "failed": 0, "cancelled": 0}
    done = await finished(shared_client, batch)
    assert (done["status"], done["reason"]) == ("completed", None)
    assert done["counts"] == {"total": 20, "completed": 20, "failed": 0, "cancelled": 0}
    assert done["created_at"] <= done["started_at"] <= done["finished_at"]
    lines = await results(shared_client, batch)
    assert [line["index"] for line in lines] == list(range(20))
    answers = [line["response"] for line in lines]
    assert [answer["text"] for answer in answers] == [f"Echo: row {n}" for n in range(20)]
    ids = {answer["id"] for answer in answers}
    rows = [row for row in ledger_rows(shared_service.settings.data_dir) if row["id"] in ids]
    assert [row["outcome"] for row in rows] == ["completed"] * 20
    assert done["cost_usd"] == float(sum(Decimal(str(answer["cost_usd"])) for answer in answers))
    assert done["usage"]["total_tokens"] == sum(a["usage"]["total_tokens"] for a in answers)


async def test_requests_may_be_generate_and_chat_bodies_with_names(
    shared_client: httpx.AsyncClient,
) -> None:
    requests = [
        {"custom_id": "one", "prompt": "named", "model": "gpt"},
        {"custom_id": "zwei ü", "messages": [{"role": "user", "content": "chat"}]},
        {"prompt": "nameless"},
    ]
    batch = await create(shared_client, requests=requests, max_concurrency=2)
    await finished(shared_client, batch)
    first, second, third = await results(shared_client, batch)
    assert [line["custom_id"] for line in (first, second, third)] == ["one", "zwei ü", None]
    assert (first["response"]["text"], first["response"]["model"]) == ("Echo: named", "gpt")
    assert second["response"]["message"]["content"] == "Echo: chat"
    assert set(first) == {"index", "custom_id", "response"}


async def test_a_file_of_lines_is_a_batch(shared_client: httpx.AsyncClient) -> None:
    lines = [
        b'{"custom_id": "a", "prompt": "line a"}\r\n',
        b"\n",
        '{"messages": [{"role": "user", "content": "Zoë"}]}'.encode(),
    ]
    answer = await upload(
        shared_client, b"".join(lines), max_concurrency="3", requests_per_second="100"
    )
    assert answer.status_code == 202, answer.text
    batch = answer.json()
    assert (batch["max_concurrency"], batch["requests_per_second"]) == (3, 100)
    await finished(shared_client, batch)
    first, second = await results(shared_client, batch)
    assert (first["custom_id"], first["response"]["text"]) == ("a", "Echo: line a")
    assert second["response"]["message"]["content"] == "Echo: Zoë"


async def test_a_batch_needs_its_scope(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key = (await make_key(shared_client, "generate"))["key"]
    async with shared_service.client(key=key) as client:
        answer = await client.post(BATCHES, json={"prompts": ["x"]})
        assert error_of(answer, 403, "authorization_error")["required_scope"] == "batch"


async def test_results_are_there_while_the_batch_runs_and_come_in_pages(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(), Stall(before_headers=True), on="anthropic")
    batch = await create(shared_client, prompts=[f"while {n}" for n in range(8)], max_concurrency=2)
    assert await results(shared_client, batch) == []
    await once_it(shared_client, batch, lambda found: found["counts"]["completed"] == 7)
    running = await results(shared_client, batch)
    assert len(running) == 7
    assert (await status(shared_client, batch))["status"] == "running"
    simulator.release()
    await finished(shared_client, batch)
    whole = await results(shared_client, batch)
    assert [line["index"] for line in whole] == list(range(8))
    assert [line for line in whole if line in running] == running
    url = f"{BATCHES}/{batch['id']}/results"
    page = await shared_client.get(url, params={"limit": 3, "after": 2})
    assert [json.loads(line)["index"] for line in page.text.splitlines()] == [3, 4, 5]
    assert page.headers["x-next-after"] == "5"
    page = await shared_client.get(url, params={"limit": 3, "after": 5})
    assert [json.loads(line)["index"] for line in page.text.splitlines()] == [6, 7]
    assert "x-next-after" not in page.headers


async def test_a_poison_request_fails_alone(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(bad_request("too long"), on="local")
    prompts = ["rejected", "good", "good too"]
    requests = [LOCAL | {"prompt": prompt} for prompt in prompts]
    batch = await create(shared_client, requests=requests, max_concurrency=1)
    done = await finished(shared_client, batch)
    assert (done["status"], done["counts"]["failed"]) == ("completed", 1)
    rejected, *good = await results(shared_client, batch)
    assert set(rejected) == {"index", "custom_id", "error"}
    assert rejected["error"]["type"] == "validation_error"
    assert "too long" in rejected["error"]["message"]
    assert [line["response"]["text"] for line in good] == ["Echo: good", "Echo: good too"]


async def test_a_provider_that_is_down_for_a_while_fails_nothing(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(*[server_error()] * 4, on="local")
    prompts = [LOCAL | {"prompt": f"down {n}"} for n in range(6)]
    batch = await create(shared_client, requests=prompts)
    done = await finished(shared_client, batch)
    assert done["counts"]["completed"] == 6


async def test_a_cancelled_batch_stops_at_once_and_keeps_what_it_has(
    shared_client: httpx.AsyncClient, simulator: Simulator, shared_service: RunningService
) -> None:
    simulator.script(Reply(), on="anthropic")
    simulator.always(Stall(before_headers=True), on="anthropic")
    batch = await create(shared_client, prompts=[f"stop {n}" for n in range(10)], max_concurrency=3)
    await simulator.wait_for(lambda s: s.in_flight == 3, timeout=15)
    answer = await shared_client.post(f"{BATCHES}/{batch['id']}/cancel")
    assert answer.status_code == 200
    assert answer.json()["cancel_requested_at"] is not None
    await simulator.wait_for(lambda s: s.in_flight == 0)
    done = await finished(shared_client, batch)
    assert done["status"] == "cancelled"
    assert done["counts"] == {"total": 10, "completed": 1, "failed": 0, "cancelled": 9}
    lines = await results(shared_client, batch)
    assert [line["error"]["type"] for line in lines if "error" in line] == ["conflict"] * 9
    rows = await settled_rows(shared_service.settings.data_dir, 1)
    mine = [row for row in rows if row["id"] not in lines[0] and row["outcome"] == "cancelled"]
    assert len(mine) == 3
    again = await shared_client.post(f"{BATCHES}/{batch['id']}/cancel")
    assert again.json() == done


async def test_an_exhausted_budget_pauses_a_batch_and_a_raised_one_resumes_it(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    poor = {"limit_usd": 0.000001, "period": "month"}
    key = await make_key(shared_client, "batch", "generate", budget=poor)
    async with shared_service.client(key=key["key"]) as client:
        batch = await create(client, prompts=["money 1", "money 2"])
        paused = await once(client, batch, "paused")
        assert paused["reason"].startswith("budget_exceeded: The key's budget has too little left")
        assert paused["counts"]["failed"] == 0
        rich = {"budget": {"limit_usd": 10, "period": "month"}}
        assert (await shared_client.patch(f"{KEYS}/{key['id']}", json=rich)).is_success
        done = await finished(client, batch)
    assert (done["status"], done["reason"], done["counts"]["completed"]) == ("completed", None, 2)


async def test_a_batch_ends_with_its_key(
    shared_client: httpx.AsyncClient, shared_service: RunningService, simulator: Simulator
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    key = await make_key(shared_client, "batch")
    async with shared_service.client(key=key["key"]) as client:
        batch = await create(client, prompts=["revoked 1", "revoked 2"])
    await simulator.wait_for(lambda s: s.in_flight == 2, timeout=15)
    assert (await shared_client.delete(f"{KEYS}/{key['id']}")).is_success
    done = await finished(shared_client, batch)
    assert (done["status"], done["counts"]["failed"]) == ("failed", 2)
    assert done["reason"].startswith("authentication_error")
    for line in await results(shared_client, batch):
        assert line["error"]["type"] == "authentication_error"


async def test_an_answer_that_is_cached_is_not_asked_for_again(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    live = (await shared_client.post(GENERATE, json={"prompt": "shared"})).json()
    batch = await create(shared_client, prompts=["shared"])
    done = await finished(shared_client, batch)
    [line] = await results(shared_client, batch)
    assert line["response"]["cache_hit"]
    assert line["response"]["text"] == live["text"]
    assert line["response"]["id"] != live["id"]
    assert done["cost_usd"] == 0
    assert len(simulator.calls) == 1


async def test_no_more_are_started_each_second_than_asked_for(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    prompts = [f"pace {n}" for n in range(6)]
    batch = await create(shared_client, prompts=prompts, requests_per_second=20)
    await finished(shared_client, batch)
    first, *_, last = sorted(call.arrived_at for call in simulator.calls)
    assert last - first >= 4 / 20, "the first may be late, and none comes early"


async def test_an_idempotency_key_makes_one_batch(shared_client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one-batch"}
    body = {"prompts": ["once"]}
    first, second = [
        await shared_client.post(BATCHES, json=body, headers=headers) for _ in range(2)
    ]
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    headers = {"Idempotency-Key": "one-upload"}
    ids = set()
    for lines, expected in ((LINE, 202), (LINE, 202), (2 * LINE, 409)):
        answer = await shared_client.post(
            f"{BATCHES}/upload", files={"file": lines}, headers=headers
        )
        assert answer.status_code == expected
        ids.add(answer.json().get("id"))
    assert len(ids) == 2


async def test_a_browser_token_has_only_the_batches_that_it_made(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    key = await make_key(shared_client, "batch", tenant="visited")
    minting = f"{KEYS}/{key['id']}/tokens"
    tokens = [(await shared_client.post(minting, json={})).json()["key"] for _ in range(2)]
    async with (
        shared_service.client(key=key["key"]) as backend,
        shared_service.client(key=tokens[0]) as visitor,
        shared_service.client(key=tokens[1]) as other,
    ):
        made = [await create(client, prompts=["My secret"]) for client in (visitor, backend)]
        own, backends = [(await finished(backend, batch))["id"] for batch in made]
        for batch_id in (own, backends):
            path = f"{BATCHES}/{batch_id}"
            error_of(await other.get(path), 404, "not_found")
            error_of(await other.get(f"{path}/results"), 404, "not_found")
            error_of(await other.post(f"{path}/cancel"), 404, "not_found")
        assert [await ids(client) for client in (visitor, other)] == [[own], []]
        assert await ids(backend) == [backends, own]
        assert len(await results(visitor, made[0])) == 1


async def ids(client: httpx.AsyncClient) -> list[str]:
    """The batches that this caller sees."""
    return [batch["id"] for batch in (await client.get(BATCHES)).json()["data"]]


async def test_batches_are_listed_newest_first(shared_client: httpx.AsyncClient) -> None:
    made = [await create(shared_client, prompts=[f"list {n}"]) for n in range(3)]
    page = (await shared_client.get(BATCHES, params={"limit": 2})).json()
    assert [batch["id"] for batch in page["data"]] == [made[2]["id"], made[1]["id"]]
    query = {"limit": 1, "cursor": page["next_cursor"]}
    rest = (await shared_client.get(BATCHES, params=query)).json()
    assert rest["data"][0]["id"] == made[0]["id"]


async def test_a_batch_that_is_not_there_is_not_found(shared_client: httpx.AsyncClient) -> None:
    for method, path in (("GET", ""), ("GET", "/results"), ("POST", "/cancel")):
        answer = await shared_client.request(method, f"{BATCHES}/batch_none{path}")
        error_of(answer, 404, "not_found")


async def test_the_end_of_a_batch_is_an_event_without_content(
    shared_client: httpx.AsyncClient, shared_service: RunningService
) -> None:
    batch = await create(shared_client, prompts=["secret content"])
    done = await finished(shared_client, batch)
    database = sqlite3.connect(shared_service.settings.data_dir / "ai-service.db", timeout=5)
    rows = database.execute("SELECT tenant, type, data FROM events").fetchall()
    database.close()
    [(tenant, kind, data)] = [row for row in rows if batch["id"] in row[2]]
    assert (tenant, kind) == ("default", "batch.completed")
    assert json.loads(data) == done
    assert "secret content" not in data
