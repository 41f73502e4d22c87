"""A collection behind LlamaIndex's own interface, over whichever database there is.

For retrievers, query engines and agents of LlamaIndex that run beside the service. The service itself goes
by the ports: it starts without LlamaIndex (2 s, 42 MB), and replaces a document in one step, which that
interface has no word for.
"""

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any, NoReturn

from llama_index.core.schema import (
    BaseNode,
    MetadataMode,
    NodeRelationship,
    RelatedNodeInfo,
    TextNode,
)
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from pydantic import PrivateAttr

from service.core.clock import Clock
from service.core.ids import new_id
from service.retrieval.ports import (
    Chunk,
    ChunkStore,
    Collection,
    CollectionStore,
    Document,
    FoundChunk,
    SearchScope,
    Submission,
)
from service.retrieval.search import fused

_KEY = "llama-index"
"""Stands where the key of whoever sent a document stands: its vectors have been paid for elsewhere."""


class CollectionVectorStore(BasePydanticVectorStore):
    """One tenant's collection. Only its async methods work: the database is asked on the event loop.

    `embedded_by` names the model whose vectors are added and asked with; a collection with vectors of
    another refuses them (`ValueError`).
    """

    stores_text: bool = True
    _collections: CollectionStore = PrivateAttr()
    _chunks: ChunkStore = PrivateAttr()
    _collection: Collection = PrivateAttr()
    _embedded_by: str = PrivateAttr()
    _clock: Clock = PrivateAttr()

    def __init__(
        self,
        collection: Collection,
        *,
        collections: CollectionStore,
        chunks: ChunkStore,
        embedded_by: str,
        clock: Clock,
    ) -> None:
        super().__init__(stores_text=True)
        self._collection = collection
        self._collections = collections
        self._chunks = chunks
        self._embedded_by = embedded_by
        self._clock = clock

    @property
    def client(self) -> None:
        """There is none of its own."""

    async def async_add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """Add nodes with their embeddings; those of one source document take its former nodes' place."""
        if nodes:
            dimensions = len(nodes[0].get_embedding())
            if not await self._collections.fix_model(
                self._collection, embedded_by=self._embedded_by, dimensions=dimensions
            ):
                raise ValueError("This collection holds vectors of another model")
        ordered = sorted(nodes, key=_document_id)
        for document_id, of_document in groupby(ordered, key=_document_id):
            await self._replace(document_id, list(of_document))
        return [node.node_id for node in nodes]

    async def adelete(self, ref_doc_id: str, **_: Any) -> None:
        """Delete a document with its nodes."""
        collection = self._collection
        await self._collections.delete_document(collection.tenant, collection.id, ref_doc_id)

    async def aquery(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """The best nodes by vector, by words (`text_search`), or by both (`hybrid`). Raises `ValueError` for
        other modes, and for filters other than equality of all."""
        scope = SearchScope(
            tenant=self._collection.tenant,
            collection_id=self._collection.id,
            filter=_equalities(query.filters),
        )
        limit, vector, text = query.similarity_top_k, query.query_embedding, query.query_str or ""
        if query.mode is VectorStoreQueryMode.TEXT_SEARCH:
            return _result(await self._chunks.matching(scope, text, limit=limit))
        if vector is None:
            raise ValueError("This mode needs the query's embedding")
        nearest = await self._chunks.nearest(scope, vector, limit=limit)
        if query.mode is VectorStoreQueryMode.DEFAULT:
            return _result(nearest)
        if query.mode is VectorStoreQueryMode.HYBRID:
            matching = await self._chunks.matching(scope, text, limit=limit, vector=vector)
            return _result(fused(nearest, matching)[:limit])
        raise ValueError(f"This store does not search by {query.mode}")

    def add(self, nodes: Sequence[BaseNode], **_: Any) -> list[str]:
        """See the class."""
        _refuse()

    def delete(self, ref_doc_id: str, **_: Any) -> None:
        """See the class."""
        _refuse()

    def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
        """See the class."""
        _refuse()

    async def _replace(self, document_id: str, nodes: Sequence[BaseNode]) -> None:
        texts = [node.get_content(metadata_mode=MetadataMode.NONE) for node in nodes]
        content = "\n\n".join(texts).encode()
        now = self._clock.now()
        submission = Submission(
            id=new_id("ing_"),
            tenant=self._collection.tenant,
            collection_id=self._collection.id,
            document_id=document_id,
            format="text",
            content=content,
            key_id=_KEY,
            token_id=None,
            request_id=_KEY,
        )
        document = Document(
            id=document_id,
            tenant=submission.tenant,
            collection_id=submission.collection_id,
            file_name=None,
            metadata={key: str(value) for key, value in nodes[0].metadata.items()},
            content_sha256=hashlib.sha256(content).hexdigest(),
            status="processing",
            error=None,
            chunks_total=len(nodes),
            chunks_embedded=0,
            created_at=now,
            updated_at=now,
        )
        submitted = await self._collections.submit(document, submission)
        if submitted is None or not submitted[1]:
            return  # the collection has gone, or the document is as it was
        pairs = [
            (
                Chunk(
                    position=position,
                    text=text,
                    digest=hashlib.sha256(text.encode()).hexdigest(),
                ),
                node.get_embedding(),
            )
            for position, (text, node) in enumerate(zip(texts, nodes, strict=True))
        ]
        await self._chunks.stage(submission, pairs, now=now)
        await self._chunks.finish(submission, now=now)


def _document_id(node: BaseNode) -> str:
    return node.ref_doc_id or node.node_id


def _equalities(filters: MetadataFilters | None) -> dict[str, str]:
    if filters is None:
        return {}
    if filters.condition is not FilterCondition.AND:
        raise ValueError("Only filters that all hold are known here")
    return {each.key: str(each.value) for each in filters.legacy_filters()}


def _result(found: Sequence[FoundChunk]) -> VectorStoreQueryResult:
    nodes = [
        TextNode(
            id_=str(chunk.id),
            text=chunk.text,
            metadata=chunk.metadata,
            relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=chunk.document_id)},
        )
        for chunk in found
    ]
    scores = [
        chunk.relevance or 0.0 if chunk.similarity is None else chunk.similarity for chunk in found
    ]
    return VectorStoreQueryResult(
        nodes=nodes, similarities=scores, ids=[node.node_id for node in nodes]
    )


def _refuse() -> NoReturn:
    raise NotImplementedError("Use the async methods: the database is asked on the event loop")
