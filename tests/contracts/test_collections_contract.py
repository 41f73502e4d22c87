"""The CollectionStore and ChunkStore ports, on both databases."""

import hashlib
from typing import Any

import msgspec
import pytest
from sqlalchemy import make_url, text

from service.adapters.providers.sandbox import lexical_vector
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.core.ids import new_id
from service.retrieval.ports import (
    Chunk,
    ChunkStore,
    Collection,
    CollectionSize,
    Document,
    RetrievalStoreUnavailable,
    SearchScope,
    Submission,
)
from tests.clock import START
from tests.contracts.databases import Database, PostgresDatabase
from tests.contracts.time import MovableClock
from tests.postgres import Postgres


def collection(tenant: str = "acme", name: str = "kb", **changes: Any) -> Collection:
    values: dict[str, Any] = {
        "id": new_id("col_"),
        "tenant": tenant,
        "name": name,
        "embedding_model": "embedding",
        "chunk_size": 512,
        "chunk_overlap": 64,
        "created_at": START,
        "updated_at": START,
    }
    return Collection(**values | changes)


def document(of: Collection, id_: str = "doc_1", text: str = "text", **metadata: str) -> Document:
    return Document(
        id=id_,
        tenant=of.tenant,
        collection_id=of.id,
        file_name=None,
        metadata=metadata,
        content_sha256=hashlib.sha256(text.encode()).hexdigest(),
        status="queued",
        error=None,
        chunks_total=None,
        chunks_embedded=0,
        created_at=START,
        updated_at=START,
    )


def submission(of: Document, text: str = "text") -> Submission:
    return Submission(
        id=new_id("ing_"),
        tenant=of.tenant,
        collection_id=of.collection_id,
        document_id=of.id,
        format="text",
        content=text.encode(),
        key_id="key_1",
        token_id=None,
        request_id="r1",
    )


def chunk(position: int, text: str) -> Chunk:
    return Chunk(position=position, text=text, digest=hashlib.sha256(text.encode()).hexdigest())


@pytest.fixture
def chunk_store(storage: Storage) -> ChunkStore:
    return storage.chunks


async def ingest(
    storage: Storage, of: Collection, id_: str, *texts: str, **metadata: str
) -> Submission:
    """A document of these chunks, ready."""
    store = storage.chunks
    submitted = document(of, id_, "\n".join(texts), **metadata)
    work = submission(submitted)
    assert (await storage.collections.submit(submitted, work)) is not None
    await storage.collections.begin(work.id, chunks=len(texts), now=START)
    pairs = [(chunk(place, text), lexical_vector(text)) for place, text in enumerate(texts)]
    assert await store.stage(work, pairs, now=START)
    assert await store.finish(work, now=START)
    return work


def scope(of: Collection, **filter_: str) -> SearchScope:
    return SearchScope(tenant=of.tenant, collection_id=of.id, filter=filter_)


async def test_collection_of_a_name_is_each_tenants_own(storage: Storage) -> None:
    store = storage.collections
    mine, theirs = collection(), collection("other")
    assert await store.add_collection(mine)
    assert await store.add_collection(theirs)
    assert not await store.add_collection(collection())
    assert await store.find_collection("acme", "kb") == mine
    assert await store.find_collection("other", "kb") == theirs
    assert await store.find_collection("third", "kb") is None
    assert await store.list_collections("acme", limit=10) == [mine]


async def test_collections_are_listed_by_name_in_pages(storage: Storage) -> None:
    store = storage.collections
    for name in ("b", "c", "a"):
        await store.add_collection(collection(name=name))
    listed = await store.list_collections("acme", limit=2)
    assert [each.name for each in listed] == ["a", "b"]
    listed = await store.list_collections("acme", limit=2, after="b")
    assert [each.name for each in listed] == ["c"]


async def test_collection_with_documents_does_not_change(storage: Storage) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    changed = msgspec.structs.replace(mine, chunk_size=100)
    assert await store.change_collection(changed)
    assert await store.find_collection("acme", "kb") == changed
    await store.submit(each := document(mine), submission(each))
    assert not await store.change_collection(mine)
    assert await store.find_collection("acme", "kb") == changed


async def test_first_model_that_embeds_stays(storage: Storage) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    assert await store.fix_model(mine, embedded_by="one", dimensions=256)
    assert await store.fix_model(mine, embedded_by="one", dimensions=256)
    assert not await store.fix_model(mine, embedded_by="two", dimensions=256)
    assert not await store.fix_model(mine, embedded_by="one", dimensions=512)
    found = await store.find_collection("acme", "kb")
    assert found is not None
    assert (found.embedded_by, found.dimensions) == ("one", 256)


async def test_model_that_embeds_is_not_fixed_for_another_embedding_model(storage: Storage) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    await store.change_collection(msgspec.structs.replace(mine, embedding_model="another"))
    assert not await store.fix_model(mine, embedded_by="one", dimensions=256)
    found = await store.find_collection("acme", "kb")
    assert found is not None
    assert found.embedded_by is None


async def test_submitted_document_is_unfinished_until_it_is_ready(storage: Storage) -> None:
    store, chunks = storage.collections, storage.chunks
    mine = collection()
    await store.add_collection(mine)
    submitted = document(mine)
    work = submission(submitted)
    assert await store.submit(submitted, work) == (submitted, True)
    assert await store.unfinished() == [work.id]
    assert await store.find_submission(work.id) == work
    assert await store.collection_of(work) == mine
    await store.begin(work.id, chunks=1, now=START)
    assert await chunks.stage(work, [(chunk(0, "Hello"), lexical_vector("Hello"))], now=START)
    found = await store.find_document("acme", mine.id, "doc_1")
    assert found is not None
    assert (found.status, found.chunks_total, found.chunks_embedded) == ("processing", 1, 1)
    assert await chunks.finish(work, now=START)
    found = await store.find_document("acme", mine.id, "doc_1")
    assert found is not None
    assert found.status == "ready"
    assert await store.unfinished() == []
    assert await store.find_submission(work.id) is None
    assert await store.sizes("acme", [mine.id]) == {mine.id: CollectionSize(1, 1)}


async def test_unchanged_document_is_not_ingested_again(storage: Storage) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    await ingest(storage, mine, "doc_1", "same", topic="a")
    again = document(mine, "doc_1", "same", topic="a")
    stored = await store.submit(again, submission(again))
    assert stored is not None
    assert (stored[0].status, stored[1]) == ("ready", False)
    assert await store.unfinished() == []
    for changed in (document(mine, "doc_1", "other", topic="a"), document(mine, "doc_1", "same")):
        stored = await store.submit(changed, submission(changed))
        assert stored is not None
        assert stored[1]


async def test_failed_document_is_ingested_again(storage: Storage) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    each = document(mine)
    work = submission(each)
    await store.submit(each, work)
    await store.fail(work.id, "It is empty", now=START)
    assert await store.unfinished() == []
    failed = await store.find_document("acme", mine.id, each.id)
    assert failed is not None
    assert (failed.status, failed.error) == ("failed", "It is empty")
    stored = await store.submit(each, submission(each))
    assert stored is not None
    assert stored == (each, True)


async def test_newer_submission_takes_the_place_of_the_older(storage: Storage) -> None:
    store, chunks = storage.collections, storage.chunks
    mine = collection()
    await store.add_collection(mine)
    older, newer = document(mine, text="1"), document(mine, text="2")
    first, second = submission(older), submission(newer)
    await store.submit(older, first)
    await store.submit(newer, second)
    assert await store.unfinished() == [second.id]
    assert not await chunks.stage(first, [(chunk(0, "1"), lexical_vector("1"))], now=START)
    assert not await chunks.finish(first, now=START)
    await store.fail(first.id, "late", now=START)
    found = await store.find_document("acme", mine.id, "doc_1")
    assert found is not None
    assert found.status == "queued"


async def test_document_for_a_collection_that_has_gone_is_not_taken(storage: Storage) -> None:
    gone = document(collection())
    assert await storage.collections.submit(gone, submission(gone)) is None


async def test_only_the_ready_version_is_found(storage: Storage) -> None:
    store, chunks = storage.collections, storage.chunks
    mine = collection()
    await store.add_collection(mine)
    await ingest(storage, mine, "doc_1", "apples are red")
    newer = document(mine, text="apples are green")
    work = submission(newer)
    await store.submit(newer, work)
    staged = chunk(0, "apples are green")
    await chunks.stage(work, [(staged, lexical_vector(staged.text))], now=START)
    assert await chunks.staged(work) == {0}
    for ready in ("apples are red", "apples are green"):
        vector = lexical_vector("apples")
        nearest = await chunks.nearest(scope(mine), vector, limit=5)
        matching = await chunks.matching(scope(mine), "apples", limit=5)
        assert [each.text for each in nearest] == [ready]
        assert [each.text for each in matching] == [ready]
        await chunks.finish(work, now=START)


async def test_search_finds_the_best_first_with_both_scores(
    storage: Storage, chunk_store: ChunkStore
) -> None:
    mine = collection()
    await storage.collections.add_collection(mine)
    await ingest(
        storage, mine, "doc_1", "the cat sat on the mat", "dogs bark at night", topic="pets"
    )
    await ingest(storage, mine, "doc_2", "a cat and a dog", topic="other")
    question = "where sat the cat?"
    vector = lexical_vector(question)
    nearest = await chunk_store.nearest(scope(mine), vector, limit=2)
    assert nearest[0].text == "the cat sat on the mat"
    assert nearest[0].metadata == {"topic": "pets"}
    similarity = nearest[0].similarity
    assert similarity is not None
    assert 0.4 < similarity < 1
    assert len(nearest) == 2
    matching = await chunk_store.matching(scope(mine), question, limit=5, vector=vector)
    assert [each.document_id for each in matching] == ["doc_1", "doc_2"]
    assert matching[0].similarity == pytest.approx(similarity, abs=1e-5)
    relevance = [each.relevance or 0 for each in matching]
    assert relevance[0] > relevance[1] > 0


async def test_filter_holds_for_every_field(storage: Storage, chunk_store: ChunkStore) -> None:
    mine = collection()
    await storage.collections.add_collection(mine)
    await ingest(storage, mine, "doc_1", "cats purr", lang="en", topic='a "b" $.c')
    await ingest(storage, mine, "doc_2", "cats purr", lang="en")
    for wanted, found in (
        ({"lang": "en"}, {"doc_1", "doc_2"}),
        ({"topic": 'a "b" $.c'}, {"doc_1"}),
        ({"lang": "en", "topic": 'a "b" $.c'}, {"doc_1"}),
        ({"lang": "de"}, set()),
        ({"$.lang": "en"}, set()),
    ):
        within = scope(mine, **wanted)
        nearest = await chunk_store.nearest(within, lexical_vector("cats"), limit=5)
        matching = await chunk_store.matching(within, "cats", limit=5)
        assert {each.document_id for each in nearest} == found
        assert {each.document_id for each in matching} == found


async def test_search_never_leaves_its_tenant(storage: Storage, chunk_store: ChunkStore) -> None:
    mine, theirs = collection(), collection("other")
    for each in (mine, theirs):
        await storage.collections.add_collection(each)
        await ingest(storage, each, "doc_1", f"the secret of {each.tenant}")
    vector = lexical_vector("secret")
    stolen = SearchScope(tenant="acme", collection_id=theirs.id)
    assert await chunk_store.nearest(stolen, vector, limit=5) == []
    assert await chunk_store.matching(stolen, "secret", limit=5) == []
    nearest = await chunk_store.nearest(scope(mine), vector, limit=5)
    assert [each.text for each in nearest] == ["the secret of acme"]
    digest = chunk(0, "the secret of other").digest
    assert await chunk_store.vectors("acme", theirs.id, {digest}) == {}
    assert await storage.collections.find_document("acme", theirs.id, "doc_1") is None
    assert not await storage.collections.delete_document("acme", theirs.id, "doc_1")
    assert await storage.collections.list_documents("acme", theirs.id, limit=5) == []
    assert await storage.collections.sizes("acme", [theirs.id]) == {}


@pytest.mark.parametrize(
    "question", ['" OR * NEAR(', "?!", "", "col'); --", "a" * 5000, "x " * 5000]
)
async def test_strange_questions_are_only_words(
    question: str, storage: Storage, chunk_store: ChunkStore
) -> None:
    mine = collection()
    await storage.collections.add_collection(mine)
    await ingest(storage, mine, "doc_1", "plain text")
    assert await chunk_store.matching(scope(mine), question, limit=5) == []


async def test_vectors_are_known_by_their_texts(storage: Storage, chunk_store: ChunkStore) -> None:
    mine = collection()
    await storage.collections.add_collection(mine)
    await ingest(storage, mine, "doc_1", "one", "two")
    known, unknown = chunk(0, "two").digest, chunk(0, "three").digest
    found = await chunk_store.vectors("acme", mine.id, {known, unknown})
    assert list(found) == [known]
    assert found[known] == pytest.approx(lexical_vector("two"))


async def test_deleted_document_and_collection_leave_nothing_to_be_found(
    storage: Storage, chunk_store: ChunkStore
) -> None:
    store = storage.collections
    mine = collection()
    await store.add_collection(mine)
    for name in ("doc_1", "doc_2"):
        await ingest(storage, mine, name, f"text of {name}")
    assert await store.delete_document("acme", mine.id, "doc_1")
    assert not await store.delete_document("acme", mine.id, "doc_1")
    found = await chunk_store.matching(scope(mine), "text", limit=5)
    assert [each.document_id for each in found] == ["doc_2"]
    assert [each.id for each in await store.list_documents("acme", mine.id, limit=5)] == ["doc_2"]
    assert await store.delete_collection("acme", "kb")
    assert not await store.delete_collection("acme", "kb")
    assert await chunk_store.matching(scope(mine), "text", limit=5) == []
    assert await chunk_store.nearest(scope(mine), lexical_vector("text"), limit=5) == []


async def test_large_collection_is_deleted_with_every_document(storage: Storage) -> None:
    store = storage.collections
    mine, theirs = collection(), collection("globex")
    for each in (mine, theirs):
        await store.add_collection(each)
        for number in range(25):
            await ingest(storage, each, f"doc_{number}", "text")
    assert await store.delete_collection("acme", "kb")
    assert await store.list_documents("acme", mine.id, limit=50) == []
    assert await store.find_collection("acme", "kb") is None
    assert len(await store.list_documents("globex", theirs.id, limit=50)) == 25


async def test_postgresql_without_pgvector_says_what_is_missing(
    postgres: Postgres, clock: MovableClock
) -> None:
    url = PostgresDatabase(postgres).url
    await migrate(url)
    engine = create_engine(url, timeout_seconds=5)
    name = make_url(url).database
    async with engine.begin() as connection:
        for statement in (
            f"CREATE ROLE user_of_{name} LOGIN",
            f"GRANT ALL ON SCHEMA public TO user_of_{name}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO user_of_{name}",
        ):
            await connection.execute(text(statement))
    await engine.dispose()
    limited = url.replace("postgres@", f"user_of_{name}@")
    async with open_storage(limited, clock=clock) as storage:
        mine = collection()
        assert await storage.collections.add_collection(mine)
        with pytest.raises(RetrievalStoreUnavailable, match="CREATE EXTENSION vector"):
            await storage.chunks.matching(scope(mine), "text", limit=5)


async def test_database_away_is_told_apart(
    database: Database, storage: Storage, chunk_store: ChunkStore, clock: MovableClock
) -> None:
    mine = collection()
    await storage.collections.add_collection(mine)
    work = await ingest(storage, mine, "doc_1", "text")
    async with database.away():
        with pytest.raises(RetrievalStoreUnavailable):
            await storage.collections.add_collection(collection("third"))
        with pytest.raises(RetrievalStoreUnavailable):
            await storage.collections.delete_document("acme", mine.id, "doc_1")
        with pytest.raises(RetrievalStoreUnavailable):
            await chunk_store.finish(work, now=START)
