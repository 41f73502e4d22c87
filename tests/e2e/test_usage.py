"""`GET /usage` and `GET /requests/{id}`: what was used, for whom, and who may see it."""

import asyncio
import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from service.access.ports import Scope
from tests.conftest import ServiceFactory
from tests.e2e.commands import run_command
from tests.e2e.document import Document
from tests.e2e.keys import add_key
from tests.e2e.routes import CHAT, EMBEDDINGS, GENERATE, GENERATE_STREAM, error_of
from tests.ledger import ledger_rows, settled_rows
from tests.running import RunningService
from tests.simulator import Cut, Reply, Simulator, Stall, Usage, Words, bad_key, overloaded
from tests.sse import events_of, read_stream

USAGE = "/api/v1/usage"
REQUESTS = "/api/v1/requests"
COLUMNS = "group,requests,errors,cache_hits,input_tokens,output_tokens,total_tokens,cost_usd"


async def ask(client: httpx.AsyncClient, prompt: str, **more: Any) -> dict[str, Any]:
    """One plain answer."""
    answer = await client.post(GENERATE, json={"prompt": prompt} | more)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def report(client: httpx.AsyncClient, **query: str) -> dict[str, Any]:
    """One report."""
    answer = await client.get(USAGE, params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_mixed_run_adds_up_to_what_its_callers_were_told(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(max_attempts=1)
    usage = Usage(input_tokens=1_234, output_tokens=77, cache_read_tokens=1_024)
    simulator.always(Reply(text="Hi", usage=usage), on="anthropic")
    told: list[dict[str, Any]] = []
    async with service.client() as client:
        told += await asyncio.gather(*(ask(client, f"plain {n}") for n in range(5)))
        told += [await ask(client, "plain 1"), await ask(client, "plain 2")]  # hits
        told += [
            (await read_stream(client, GENERATE_STREAM, {"prompt": f"{n}"}))[-1] for n in range(3)
        ]
        chat = {"messages": [{"role": "user", "content": "Hello"}], "model": "gpt"}
        told.append((await client.post(CHAT, json=chat)).json())
        told.append((await client.post(EMBEDDINGS, json={"input": ["a b", "c"]})).json())
        simulator.script(overloaded(), on="anthropic")
        told.append(await ask(client, "falls back"))
        for vendor in ("anthropic", "openai"):
            simulator.script(bad_key(), on=vendor)
        assert (await client.post(GENERATE, json={"prompt": "refused"})).status_code == 502
        simulator.script(Cut(after_words=1, reply=Words(count=5)), on="anthropic")
        cut = await read_stream(client, GENERATE_STREAM, {"prompt": "cut off"})
        assert cut[-1]["type"] == "error"
        simulator.script(Stall(after_words=2), on="anthropic")
        async with client.stream("POST", GENERATE_STREAM, json={"prompt": "left"}) as stream:
            await anext(events_of(stream))
        rows = await settled_rows(service.settings.data_dir, len(told) + 3)
        found = await report(client, group_by="model")
    printed = run_command(service.settings.data_dir, "usage", "--csv", "--group-by", "model")

    untold = [row for row in rows if row["id"] not in {answer.get("id") for answer in told}]
    untold = [row for row in untold if row["kind"] != "embeddings"]  # those answers have no id
    assert sorted(row["outcome"] for row in untold) == ["cancelled", "failed", "failed"]
    cost = sum((Decimal(str(answer["cost_usd"])) for answer in told), Decimal(0))
    cost += sum((Decimal(row["cost_usd"]).scaleb(-9) for row in untold), Decimal(0))
    totals = found["totals"]
    assert Decimal(str(totals["cost_usd"])) == cost > 0
    assert totals["requests"] == len(told) + 3
    assert totals["errors"] == 2
    assert totals["cache_hits"] == 2
    assert totals["total_tokens"] == totals["input_tokens"] + totals["output_tokens"]
    tokens = sum(answer["usage"]["total_tokens"] for answer in told)
    assert totals["total_tokens"] == tokens + sum(
        row["input_tokens"] + row["output_tokens"] for row in untold
    )
    assert {each["group"] for each in found["data"]} == {"haiku", "gpt", "embedding"}
    for column in totals:
        assert sum(Decimal(str(each[column])) for each in found["data"]) == Decimal(
            str(totals[column])
        )
    for shown, line in zip(
        found["data"], csv.DictReader(io.StringIO(printed.stdout, newline="")), strict=True
    ):
        assert {name: str(shown[name]) for name in line.keys() - {"cost_usd"}} == {
            name: line[name] for name in line.keys() - {"cost_usd"}
        }
        assert Decimal(line["cost_usd"]) == Decimal(str(shown["cost_usd"]))


async def test_groups_by_day_key_and_tag(start_service: ServiceFactory) -> None:
    started = datetime.now(UTC).date()
    service = start_service()
    keys = [await add_key(service) for _ in range(2)]
    for key in keys:
        async with service.client(key=key) as client:
            await ask(client, "a", metadata={"team": "search"})
            await ask(client, "b", cache=False, metadata={"team": "ads", "user": "u"})
            await ask(client, "c", cache=False)
    async with service.client() as client:
        by_day, by_key, by_tag = [
            (await report(client, group_by=group_by))["data"]
            for group_by in ("day", "key", "tag:team")
        ]
    assert sum(each["requests"] for each in by_day) == 6
    assert {date.fromisoformat(each["group"]) for each in by_day} <= {
        started,
        datetime.now(UTC).date(),
    }
    assert [each["requests"] for each in by_key] == [3, 3]
    assert all(each["group"].startswith("key_") for each in by_key)
    assert {each["group"]: each["requests"] for each in by_tag} == {"search": 2, "ads": 2, None: 2}


async def test_requests_outside_of_the_time_are_not_counted(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    await ask(client, "x")
    now = datetime.now(UTC)
    minute = timedelta(minutes=1)
    for start, end, count in ((now - minute, now + minute, 1), (now + minute, now + 2 * minute, 0)):
        found = await report(client, **{"from": start.isoformat(), "to": end.isoformat()})
        assert found["totals"]["requests"] == count
    tomorrow = (now + timedelta(1)).date().isoformat()
    yesterday = (now - timedelta(1)).date().isoformat()
    found = await report(client, **{"from": yesterday, "to": tomorrow})
    assert found["totals"]["requests"] == 1


async def test_csv_is_given_to_whoever_accepts_it(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    told = await ask(client, "x", metadata={"team": "=1+1"})
    await ask(client, "y", cache=False, metadata={"team": 'a,"b"\nc'})
    answer = await client.get(
        USAGE, params={"group_by": "tag:team"}, headers={"Accept": "text/csv"}
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    head, *lines = csv.reader(io.StringIO(answer.text, newline=""))
    assert ",".join(head) == COLUMNS
    rows = {line[0]: line for line in lines}
    assert set(rows) == {"'=1+1", 'a,"b"\nc'}
    assert Decimal(rows["'=1+1"][-1]) == Decimal(str(told["cost_usd"]))
    plain = await client.get(USAGE, headers={"Accept": "*/*"})
    assert plain.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "1700000000"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, "to"),
        ({"from": "2026-11-02", "to": "2026-11-02"}, "to"),
        ({"from": "9999-01-01"}, "from"),
        ({"to": "2001-01-01"}, "to"),
        ({"group_by": "hour"}, "group_by"),
        ({"group_by": ""}, "group_by"),
        ({"group_by": "tag:"}, "group_by"),
        ({"group_by": "tag:\0"}, "group_by"),
        ({"group_by": "tag:" + "x" * 65}, "group_by"),
        ({"grouped_by": "day"}, "grouped_by"),
        ({"start": "2026-11-01"}, "start"),
    ],
)
async def test_a_bad_query_names_the_field(
    query: dict[str, str], field: str, shared_client: httpx.AsyncClient
) -> None:
    error_of(await shared_client.get(USAGE, params=query), 400, "validation_error", field=field)


async def test_a_record_tells_what_became_of_a_request(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(
        Reply(text="Hi", usage=Usage(input_tokens=12, output_tokens=3)), on="anthropic"
    )
    body = {"prompt": "secret words", "metadata": {"team": "search"}}
    answer = await client.post(GENERATE, json=body, headers={"X-Request-ID": "from-the-caller"})
    told = answer.json()
    found = await client.get(f"{REQUESTS}/{told['id']}")
    assert found.status_code == 200
    assert "secret" not in found.text
    record = found.json()
    for field in (
        "id",
        "model",
        "provider",
        "provider_model",
        "finish_reason",
        "usage",
        "cost_usd",
        "cache_hit",
    ):
        assert record[field] == told[field], field
    assert record["request_id"] == "from-the-caller"
    assert (record["status"], record["kind"], record["stream"]) == ("completed", "generate", False)
    assert (record["attempts"], record["error_type"]) == (1, None)
    assert (record["usage_source"], record["metadata"]) == ("provider", {"team": "search"})
    assert record["key_id"] == "key_admin"
    assert record["duration_ms"] > 0
    created_at = datetime.fromisoformat(record["created_at"])
    assert created_at.utcoffset() == timedelta(0)
    assert created_at <= datetime.fromisoformat(record["completed_at"])


async def test_a_record_in_flight_has_no_end_yet(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    pending = asyncio.create_task(ask(client, "x"))
    await simulator.wait_for(lambda s: s.in_flight == 1)
    (row,) = ledger_rows(service.settings.data_dir)
    record = (await client.get(f"{REQUESTS}/{row['id']}")).json()
    assert record["status"] == "in_flight"
    for field in ("usage", "cost_usd", "completed_at", "duration_ms", "provider", "usage_source"):
        assert record[field] is None, field
    assert (await report(client))["totals"]["requests"] == 0
    simulator.release()
    assert (await pending)["id"] == row["id"]
    record = (await client.get(f"{REQUESTS}/{row['id']}")).json()
    assert record["status"] == "completed"


async def test_a_failed_request_tells_its_error(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(max_attempts=1)
    for vendor in ("anthropic", "openai"):
        simulator.script(bad_key(), on=vendor)
    async with service.client() as client:
        assert (await client.post(GENERATE, json={"prompt": "x"})).status_code == 502
        (row,) = await settled_rows(service.settings.data_dir, 1)
        record = (await client.get(f"{REQUESTS}/{row['id']}")).json()
    assert (record["status"], record["error_type"]) == ("failed", "provider_error")
    assert (record["attempts"], record["cost_usd"]) == (2, 0)


async def test_another_tenant_sees_nothing(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    told = await ask(client, "x", metadata={"team": "search"})
    tenant_scopes: tuple[Scope, ...] = ("generate", "usage:read", "admin")
    other = await add_key(service, tenant="globex", scopes=tenant_scopes)
    async with service.client(key=other) as stranger:
        for group_by in ("day", "model", "key", "tag:team"):
            found = await report(stranger, group_by=group_by)
            assert (found["data"], found["totals"]["requests"]) == ([], 0)
        error_of(await stranger.get(f"{REQUESTS}/{told['id']}"), 404, "not_found")
        error_of(await stranger.get(f"{REQUESTS}/req_missing"), 404, "not_found")
        for path in (USAGE, f"{REQUESTS}/{told['id']}"):
            refused = await stranger.get(path, params={"tenant": "default"})
            error = error_of(refused, 403, "authorization_error")
            assert error["required_scope"] == "operator"
            assert (await stranger.get(USAGE, params={"tenant": "globex"})).status_code == 200


async def test_an_operator_reads_another_tenant(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    other = await add_key(service, tenant="globex")
    async with service.client(key=other) as stranger:
        told = await ask(stranger, "x")
    assert (await report(client))["totals"]["requests"] == 0
    assert (await report(client, tenant="globex"))["totals"]["requests"] == 1
    found = await client.get(f"{REQUESTS}/{told['id']}", params={"tenant": "globex"})
    assert found.json()["id"] == told["id"]
    assert (await client.get(f"{REQUESTS}/{told['id']}")).status_code == 404


@pytest.mark.parametrize("path", [USAGE, f"{REQUESTS}/req_1"])
async def test_only_the_scope_usage_read_opens_it(
    path: str, shared_service: RunningService, simulator: Simulator
) -> None:
    key = await add_key(shared_service, scopes=("generate", "embed", "batch", "retrieval", "admin"))
    async with shared_service.client(key=key) as client:
        error = error_of(await client.get(path), 403, "authorization_error")
    assert error["required_scope"] == "usage:read"
    async with shared_service.client(key=None) as nobody:
        error_of(await nobody.get(path), 401, "authentication_error")


async def test_answers_follow_the_document(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    told = await ask(client, "x")
    document = Document((await client.get("/openapi.json")).json())
    for path, url in (
        (USAGE, f"{USAGE}?group_by=tag:nothing"),
        (f"{REQUESTS}/{{request_id}}", f"{REQUESTS}/{told['id']}"),
    ):
        content = document.operation(path)["responses"]["200"]["content"]
        answer = (await client.get(url)).json()
        assert document.mistakes(answer, content["application/json"]["schema"]) == []
    parameters = document.operation(USAGE)["parameters"]
    assert {each["name"] for each in parameters} == {"from", "to", "group_by", "tenant"}
    assert all(each["description"] and not each["required"] for each in parameters)
