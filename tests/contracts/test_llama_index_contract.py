"""LlamaIndex over collections, on both databases: its own index and retriever, not ours."""

from typing import Any

import pytest
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document, MetadataMode
from llama_index.core.vector_stores.types import (
    ExactMatchFilter,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
)

from service.adapters.providers.sandbox import lexical_vector
from service.adapters.storage import Storage
from service.retrieval.llama_index import CollectionVectorStore
from tests.contracts.test_collections_contract import collection
from tests.contracts.time import MovableClock


class LexicalEmbedding(BaseEmbedding):
    """The sandbox's."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return lexical_vector(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return lexical_vector(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return lexical_vector(query)


async def store_of(
    storage: Storage, clock: MovableClock, tenant: str = "acme", **changes: Any
) -> CollectionVectorStore:
    made = collection(tenant, **changes)
    await storage.collections.add_collection(made)
    return CollectionVectorStore(
        made,
        collections=storage.collections,
        chunks=storage.chunks,
        embedded_by="sandbox/embedding",
        clock=clock,
    )


async def add(store: CollectionVectorStore, **texts: str) -> None:
    documents = [
        Document(doc_id=id_, text=text, metadata={"topic": id_}) for id_, text in texts.items()
    ]
    await store.async_add(_nodes(documents))


def _nodes(documents: list[Document]) -> list[Any]:
    nodes = SentenceSplitter().get_nodes_from_documents(documents)
    for node in nodes:
        node.embedding = lexical_vector(node.get_content(metadata_mode=MetadataMode.NONE))
    return nodes


async def test_its_retriever_finds_what_its_nodes_said(
    storage: Storage, clock: MovableClock
) -> None:
    store = await store_of(storage, clock)
    await add(store, cats="Cats purr and sleep all day.", dogs="Dogs bark at strangers.")
    index = VectorStoreIndex.from_vector_store(store, embed_model=LexicalEmbedding())
    [found] = await index.as_retriever(similarity_top_k=1).aretrieve("Which animals bark?")
    assert found.node.get_content(metadata_mode=MetadataMode.NONE) == "Dogs bark at strangers."
    assert found.node.ref_doc_id == "dogs"
    assert found.node.metadata == {"topic": "dogs"}
    assert (found.score or 0) > 0.2
    filters = MetadataFilters(filters=[ExactMatchFilter(key="topic", value="cats")])
    retriever = index.as_retriever(similarity_top_k=5, filters=filters)
    assert [each.node.ref_doc_id for each in await retriever.aretrieve("bark")] == ["cats"]


@pytest.mark.parametrize("mode", ["default", "text_search", "hybrid"])
async def test_every_mode_finds_the_best_first_and_only_its_tenants(
    mode: str, storage: Storage, clock: MovableClock
) -> None:
    mine, theirs = [await store_of(storage, clock, tenant) for tenant in ("acme", "other")]
    await add(mine, cats="Cats purr.", dogs="Dogs bark.")
    await add(theirs, secret="Dogs bark in secret.")
    query = VectorStoreQuery(
        query_embedding=lexical_vector("dogs bark"),
        query_str="dogs bark",
        similarity_top_k=5,
        mode=VectorStoreQueryMode(mode),
    )
    found = await mine.aquery(query)
    assert found.nodes
    assert found.nodes[0].ref_doc_id == "dogs"
    assert not any("secret" in node.get_content() for node in found.nodes)
    assert len(found.nodes) == len(found.similarities or []) == len(found.ids or [])


async def test_added_again_a_document_replaces_its_nodes_and_deleted_it_is_gone(
    storage: Storage, clock: MovableClock
) -> None:
    store = await store_of(storage, clock)
    await add(store, pets="Cats purr.")
    await add(store, pets="Cats meow.")
    query = VectorStoreQuery(query_embedding=lexical_vector("cats"), similarity_top_k=5)
    found = await store.aquery(query)
    assert [node.get_content(metadata_mode=MetadataMode.NONE) for node in found.nodes or []] == [
        "Cats meow."
    ]
    await store.adelete("pets")
    assert (await store.aquery(query)).nodes == []


async def test_what_it_cannot_do_it_refuses(storage: Storage, clock: MovableClock) -> None:
    store = await store_of(storage, clock)
    await add(store, cats="Cats purr.")
    greater = MetadataFilter(key="topic", value="a", operator=FilterOperator.GT)
    for query in (
        VectorStoreQuery(mode=VectorStoreQueryMode.MMR, query_embedding=lexical_vector("x")),
        VectorStoreQuery(query_str="x"),
        VectorStoreQuery(
            query_embedding=lexical_vector("x"), filters=MetadataFilters(filters=[greater])
        ),
    ):
        with pytest.raises(ValueError, match=r"."):
            await store.aquery(query)
    nodes = _nodes([Document(doc_id="other", text="Other.")])
    nodes[0].embedding = [1.0, 0.0]
    with pytest.raises(ValueError, match="another model"):
        await store.async_add(nodes)
    with pytest.raises(NotImplementedError):
        store.query(VectorStoreQuery())
