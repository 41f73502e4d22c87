"""Ingestion: what it costs, whom, and what it does not do twice.

Each test has a service of its own, one at a time: there is one DBOS in a process.
"""

from pathlib import Path

from tests.conftest import ServiceFactory
from tests.e2e.collections import (
    add,
    ingested,
    make_collection,
    recall_at_three,
    upload,
    upload_knowledge_base,
)
from tests.e2e.keys import make_key
from tests.e2e.routes import error_of
from tests.postgres import Postgres
from tests.running import RunningService, make_settings
from tests.simulator import Simulator, Stall


async def test_upload_over_the_limit_is_refused(start_service: ServiceFactory) -> None:
    service = start_service(max_upload_bytes=1000)
    async with service.client() as client:
        path = await make_collection(client)
        answer = await client.post(
            f"{path}/documents/upload", files={"file": ("a.txt", b"x" * 2000)}
        )
        assert error_of(answer, 413, "payload_too_large")["limit_bytes"] == 1000


async def test_recall_at_three_of_hybrid_search_on_postgresql(
    start_service: ServiceFactory, postgres: Postgres
) -> None:
    service = start_service(
        openai_api_key=None,
        anthropic_api_key=None,
        database_url=postgres.create_database(),
        secret_key="a secret that every replica knows",
    )
    async with service.client() as client:
        path = await make_collection(client)
        await upload_knowledge_base(client, path)
        assert await recall_at_three(client, path) >= 0.9


async def test_unchanged_chunks_are_not_embedded_again(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service()
    async with service.client() as client:
        path = await make_collection(client, chunk_size=64, chunk_overlap=0)
        former = "\n\n\n".join(f"Chapter {number}. " + "Words go on. " * 15 for number in range(5))
        await upload(client, path, book__txt=former.encode())
        [book] = (await ingested(client, path)).values()
        assert book["chunk_count"] >= 5
        embedded = sum(len(call.body["input"]) for call in simulator.calls)
        assert embedded == book["chunk_count"]
        newer = former + "\n\n\nA new end."
        await upload(client, path, book__txt=newer.encode())
        [book] = (await ingested(client, path)).values()
        assert book["status"] == "ready"
        assert sum(len(call.body["input"]) for call in simulator.calls) <= embedded + 2
        calls = len(simulator.calls)
        await upload(client, path, copy__txt=newer.encode())
        await ingested(client, path)
        assert len(simulator.calls) == calls


async def test_collection_takes_vectors_of_one_model_only(
    tmp_path: Path, simulator: Simulator
) -> None:
    with RunningService(make_settings(tmp_path)) as first:
        async with first.client() as client:
            path = await make_collection(client)
            await add(client, path, text="Embedded by one model.", id="one")
            await ingested(client, path)
    vendor = {"openai_api_key": "sk-simulated", "openai_base_url": simulator.openai_base_url}
    with RunningService(make_settings(tmp_path, **vendor)) as second:
        async with second.client() as client:
            answer = await client.post(f"{path}/retrieve", json={"question": "x"})
            error_of(answer, 409, "conflict")
            await add(client, path, text="Embedded by another model.", id="two")
            two = (await ingested(client, path))["two"]
            assert two["status"] == "failed"
            assert "another model" in two["error"]


async def test_ingestion_costs_its_key(start_service: ServiceFactory) -> None:
    service = start_service()
    async with service.client() as client:
        made = await make_key(client, "retrieval")
        async with service.client(key=made["key"]) as own:
            path = await make_collection(own)
            await add(own, path, text="This costs something.")
            await ingested(own, path)
        usage = (await client.get("/api/v1/usage", params={"group_by": "key"})).json()["data"]
        [row] = [each for each in usage if each["group"] == made["id"]]
        assert row["requests"] == 1
        assert row["cost_usd"] > 0
        by_tag = await client.get("/api/v1/usage", params={"group_by": "tag:collection"})
        assert "kb" in [each["group"] for each in by_tag.json()["data"]]


async def test_key_that_was_revoked_pays_for_nothing_more(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service()
    simulator.script(Stall(before_headers=True), on="openai")
    async with service.client() as client:
        made = await make_key(client, "retrieval")
        async with service.client(key=made["key"]) as own:
            path = await make_collection(own, chunk_size=64, chunk_overlap=0)
            text = "\n\n\n".join(f"Chapter {n}. " + "Words go on. " * 15 for n in range(70))
            await add(own, path, text=text, id="long")
            await simulator.wait_for(lambda seen: seen.in_flight == 1, timeout=30)
            assert (await client.delete(f"/api/v1/keys/{made['id']}")).status_code == 204
            simulator.release()
        long = (await ingested(client, path))["long"]
        assert (long["status"], long["chunks_embedded"]) == ("failed", 64)
        assert "key" in long["error"]
        assert len(simulator.calls) == 1


async def test_full_minute_of_one_key_keeps_no_other_waiting(start_service: ServiceFactory) -> None:
    service = start_service()
    async with service.client() as client:
        slow = await make_key(
            client, "retrieval", tenant="slow", limits={"requests_per_minute": 30}
        )
        async with service.client(key=slow["key"]) as own:
            path = await make_collection(own)
            # Embeddings are requests too: more than the minute has room for, each in a call of its own.
            documents = [{"text": f"Text {n}", "id": f"doc-{n}"} for n in range(50)]
            answer = await own.post(f"{path}/documents", json={"documents": documents})
            assert answer.status_code == 202, answer.text
            other = await make_collection(client)
            await add(client, other, text="Someone else's text.", id="other")
            assert (await ingested(client, other))["other"]["status"] == "ready"
            page = (await own.get(f"{path}/documents", params={"limit": 100})).json()["data"]
        states = [each["status"] for each in page]
        assert states.count("ready") < len(states)
        assert "failed" not in states


async def test_collection_that_is_deleted_meanwhile_ends_its_ingestions(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service()
    simulator.script(Stall(before_headers=True), on="openai")
    async with service.client() as client:
        path = await make_collection(client, chunk_size=64, chunk_overlap=0)
        text = "\n\n\n".join(f"Chapter {n}. " + "Words go on. " * 15 for n in range(70))
        await add(client, path, text=text, id="long")
        await simulator.wait_for(lambda seen: seen.in_flight == 1, timeout=30)
        await add(client, path, text="Short.", id="short")
        assert (await client.delete(path)).status_code == 204
        simulator.release()
        assert await make_collection(client) == path
        assert await ingested(client, path) == {}
        await add(client, path, text="A new beginning.", id="long")
        assert (await ingested(client, path))["long"]["status"] == "ready"
        body = {"question": "Words of a new beginning go on in which chapter?", "top_k": 50}
        nodes = (await client.post(f"{path}/retrieve", json=body)).json()["source_nodes"]
        assert [node["text"] for node in nodes] == ["A new beginning."]
    inputs = [call.body["input"] for call in simulator.calls]
    assert sum(len(each) > 1 for each in inputs) == 1  # of the long one no second call was made
