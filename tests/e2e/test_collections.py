"""Collections: documents go in, are found, are replaced and go."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.e2e.collections import (
    COLLECTIONS,
    add,
    ingested,
    make_collection,
    recall_at_three,
    upload,
    upload_knowledge_base,
)
from tests.e2e.keys import make_key
from tests.e2e.routes import error_of
from tests.knowledge_base import FILES, QUESTIONS
from tests.running import RunningService, make_settings


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service without vendors for all tests of the module: its reader takes seconds to start."""
    with RunningService(make_settings(tmp_path_factory.mktemp("data"))) as service:
        yield service


@pytest.fixture
async def client(sandbox: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    async with sandbox.client() as client:
        yield client


@pytest.fixture
async def kb(client: httpx.AsyncClient, request: pytest.FixtureRequest) -> str:
    """A collection of the test's own."""
    name = "".join(letter for letter in request.node.name if letter.isalnum())[:90]
    return await make_collection(client, name)


async def test_collection_is_made_listed_changed_and_deleted(client: httpx.AsyncClient) -> None:
    path = await make_collection(client, "shelf", chunk_size=100, chunk_overlap=10)
    made = (await client.get(path)).json()
    assert made["chunk_size"] == 100
    assert (made["document_count"], made["chunk_count"]) == (0, 0)
    await make_collection(client, "shelf")
    assert (await client.get(path)).json()["chunk_size"] == 512
    listed = (await client.get(COLLECTIONS, params={"limit": 100})).json()["data"]
    assert "shelf" in [each["name"] for each in listed]
    assert (await client.delete(path)).status_code == 204
    error_of(await client.get(path), 404, "not_found")
    error_of(await client.delete(path), 404, "not_found")


async def test_chunking_cannot_change_under_documents(client: httpx.AsyncClient, kb: str) -> None:
    await add(client, kb, text="One")
    assert (await client.put(kb, json={})).status_code == 200
    error_of(await client.put(kb, json={"chunk_size": 100, "chunk_overlap": 0}), 409, "conflict")
    await ingested(client, kb)


@pytest.mark.parametrize("model", ["no-such-model", "haiku"])
async def test_model_that_makes_no_embeddings_is_refused(
    model: str, service: RunningService
) -> None:
    async with service.client() as client:  # in front of vendors, whose chat models only chat
        answer = await client.put(f"{COLLECTIONS}/kb", json={"embedding_model": model})
        error_of(answer, 400, "validation_error", field="embedding_model")
        error_of(await client.get(f"{COLLECTIONS}/kb"), 404, "not_found")


async def test_question_that_no_search_takes_is_refused(client: httpx.AsyncClient, kb: str) -> None:
    for route in ("retrieve", "query", "query/stream"):
        answer = await client.post(f"{kb}/{route}", json={"question": "x" * 20_001})
        error_of(answer, 400, "validation_error", field="question")
        answer = await client.post(f"{kb}/{route}", json={"question": "word " * 4_000})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "a", "documents": [{"text": "b"}]}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": [{"text": "b"}], "id": "x"}, "id"),
        ({"text": "a", "id": "../x"}, "id"),
        ({"text": "a", "metadata": {"a": 1}}, "metadata.a"),
        ({"text": "a\x00b"}, "text"),
    ],
)
async def test_documents_that_make_no_sense_are_refused(
    body: dict[str, object], field: str, client: httpx.AsyncClient, kb: str
) -> None:
    answer = await client.post(f"{kb}/documents", json=body)
    error_of(answer, 400, "validation_error", field=field)


async def test_texts_and_files_are_found_by_their_words_and_fields(
    client: httpx.AsyncClient, kb: str
) -> None:
    await add(client, kb, text="Refunds take thirty days.", id="refunds", metadata={"lang": "en"})
    await upload(client, kb, shipping__md=b"# Shipping\n\nParcels leave within two days.")
    documents = await ingested(client, kb)
    assert {each["file_name"] for each in documents.values()} == {None, "shipping.md"}
    assert [each["chunk_count"] for each in documents.values()] == [1, 1]
    for mode in ("vector", "lexical", "hybrid"):
        answer = await client.post(f"{kb}/retrieve", json={"question": "refunds", "mode": mode})
        [*nodes] = answer.json()["source_nodes"]
        assert nodes[0]["document_id"] == "refunds"
        assert nodes[0]["text"] == "Refunds take thirty days."
        assert nodes[0]["metadata"] == {"lang": "en"}
    body = {"question": "When do parcels leave?", "filter": {"file_name": "shipping.md"}}
    [node] = (await client.post(f"{kb}/retrieve", json=body)).json()["source_nodes"]
    assert node["metadata"] == {"file_name": "shipping.md"}
    body = {"question": "When do parcels leave?", "filter": {"file_name": "other.md"}}
    assert (await client.post(f"{kb}/retrieve", json=body)).json()["source_nodes"] == []


async def test_file_of_the_same_name_takes_the_place_of_the_former(
    client: httpx.AsyncClient, kb: str
) -> None:
    [first] = await upload(client, kb, note__txt=b"The code is alpha.")
    await ingested(client, kb)
    [second] = await upload(client, kb, note__txt=b"The code is omega.")
    assert second["id"] == first["id"]
    assert second["status"] == "queued"
    await ingested(client, kb)
    answer = await client.post(f"{kb}/retrieve", json={"question": "What is the code?"})
    assert [node["text"] for node in answer.json()["source_nodes"]] == ["The code is omega."]
    [again] = await upload(client, kb, note__txt=b"The code is omega.")
    assert again["status"] == "ready"


async def test_deleted_document_is_found_no_more(client: httpx.AsyncClient, kb: str) -> None:
    await add(client, kb, text="Nobody may know this.", id="secret")
    await ingested(client, kb)
    assert (await client.delete(f"{kb}/documents/secret")).status_code == 204
    error_of(await client.get(f"{kb}/documents/secret"), 404, "not_found")
    answer = await client.post(f"{kb}/retrieve", json={"question": "What may nobody know?"})
    assert answer.json()["source_nodes"] == []


async def test_hostile_files_fail_alone_with_the_reason(client: httpx.AsyncClient, kb: str) -> None:
    await upload(
        client,
        kb,
        lie__pdf=b"PK not a pdf",
        latin__txt=b"d\xe9j\xe0 vu",
        empty__md=b"",
        good__md=b"Perfectly good.",
    )
    states = {
        each["file_name"]: (each["status"], each["error"])
        for each in (await ingested(client, kb)).values()
    }
    assert states == {
        "lie.pdf": ("failed", "It is not a PDF"),
        "latin.txt": ("failed", "It is not text in UTF-8"),
        "empty.md": ("failed", "There is no text in it"),
        "good.md": ("ready", None),
    }


async def test_files_of_unknown_kinds_and_broken_uploads_are_refused(
    client: httpx.AsyncClient, kb: str
) -> None:
    url = f"{kb}/documents/upload"
    answer = await client.post(url, files={"file": ("virus.exe", b"MZ")})
    error_of(answer, 415, "unsupported_media_type")
    answer = await client.post(url, json={"file": "x"})
    error_of(answer, 415, "unsupported_media_type")
    answer = await client.post(url, files={"other": ("a.txt", b"x")})
    error_of(answer, 400, "validation_error", field="file")
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = await client.post(url, content=b"--y\r\n", headers={"Content-Type": content_type})
        error_of(answer, 400, "validation_error")


async def test_file_that_is_too_large_is_refused_with_all_of_its_upload(
    client: httpx.AsyncClient, kb: str
) -> None:
    limit_bytes = 50 * 1024 * 1024
    files = [("file", ("small.txt", b"x")), ("file", ("large.txt", b"x" * (limit_bytes + 1)))]
    answer = await client.post(f"{kb}/documents/upload", files=files)
    error = error_of(answer, 413, "payload_too_large")
    assert error["limit_bytes"] == limit_bytes
    assert "large.txt" in error["message"]
    assert await ingested(client, kb) == {}


async def test_browser_token_asks_and_neither_sees_nor_changes_collections(
    client: httpx.AsyncClient, sandbox: RunningService, kb: str
) -> None:
    await add(client, kb, text="Refunds take thirty days.", id="refunds")
    await ingested(client, kb)
    key = await make_key(client, "retrieval", tenant="default")
    minted = await client.post(f"/api/v1/keys/{key['id']}/tokens", json={"scopes": ["retrieval"]})
    async with sandbox.client(key=minted.json()["key"]) as page:
        for route in ("retrieve", "query", "query/stream"):
            answer = await page.post(f"{kb}/{route}", json={"question": "refunds"})
            assert answer.status_code == 200
            assert "thirty days" in answer.text
        for answer in (
            await page.get(COLLECTIONS),
            await page.get(kb),
            await page.put(kb, json={}),
            await page.get(f"{kb}/documents"),
            await page.get(f"{kb}/documents/refunds"),
            await page.post(f"{kb}/documents", json={"text": "Refunds take a year."}),
            await page.post(f"{kb}/documents/upload", files={"file": ("a.txt", b"Lies.")}),
            await page.delete(f"{kb}/documents/refunds"),
            await page.delete(kb),
        ):
            error_of(answer, 403, "authorization_error")
    assert list(await ingested(client, kb)) == ["refunds"]


async def test_tenants_with_a_collection_of_one_name_never_see_each_others_text(
    client: httpx.AsyncClient, sandbox: RunningService
) -> None:
    texts = {tenant: f"The password of {tenant} is {tenant}-word." for tenant in ("red", "blue")}
    for tenant, text in texts.items():
        key = (await make_key(client, "retrieval", tenant=tenant))["key"]
        async with sandbox.client(key=key) as own:
            path = await make_collection(own, "shared-name")
            await add(own, path, text=text, id="password")
            await ingested(own, path)
    for tenant, other in (("red", "blue"), ("blue", "red")):
        key = (await make_key(client, "retrieval", tenant=tenant))["key"]
        async with sandbox.client(key=key) as own:
            path = f"{COLLECTIONS}/shared-name"
            for mode in ("vector", "lexical", "hybrid"):
                body = {"question": f"What is the password of {other}?", "mode": mode, "top_k": 50}
                answers = [
                    await own.post(f"{path}/{route}", json=body)
                    for route in ("retrieve", "query", "query/stream")
                ]
                assert all(answer.status_code == 200 for answer in answers)
                assert not any(f"{other}-word" in answer.text for answer in answers)
                nodes = answers[0].json()["source_nodes"]
                assert [node["text"] for node in nodes] == [texts[tenant]]


async def test_recall_at_three_of_hybrid_search(client: httpx.AsyncClient, kb: str) -> None:
    await upload_knowledge_base(client, kb)
    assert len(FILES) == 30
    assert len(QUESTIONS) == 40
    assert await recall_at_three(client, kb) >= 0.9
