"""Search: by vectors, by words, or by both."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from service.core.messages import EmbeddingRequest
from service.embeddings.usecases import Embedding
from service.inference.answers import EmbeddingsAnswer
from service.inference.context import CallContext
from service.retrieval.models import checked_model
from service.retrieval.ports import (
    ChunkStore,
    Collection,
    CollectionStore,
    FoundChunk,
    SearchScope,
    Vector,
)

SearchMode = Literal["vector", "lexical", "hybrid"]

_CANDIDATES = 4  # for each that is asked for, from either search
_LEAST_CANDIDATES = 20
_RANK_CONSTANT = 60  # Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion", SIGIR 2009


class Question(Struct, frozen=True, kw_only=True):
    """What is looked for. `min_score` is the least score that counts as relevant."""

    text: str
    top_k: int
    mode: SearchMode
    filter: Mapping[str, str] = {}
    min_score: float | None = None


class Source(Struct, frozen=True, kw_only=True):
    """A chunk that may answer a question.

    `score` is the cosine similarity; in a lexical search, the relevance of its words.
    """

    text: str
    score: float
    document_id: str
    metadata: dict[str, str]


class Findings(Struct, frozen=True, kw_only=True):
    """What was found, best first, and what it took to embed the question, if that was done."""

    sources: tuple[Source, ...]
    embedded: EmbeddingsAnswer | None


class Search:
    """Finds the chunks of a collection that are nearest to a question."""

    def __init__(
        self, collections: CollectionStore, chunks: ChunkStore, embedding: Embedding
    ) -> None:
        self._collections = collections
        self._chunks = chunks
        self._embedding = embedding

    async def find(
        self, collection: Collection, question: Question, context: CallContext
    ) -> Findings:
        """The best sources. Raises a `ServiceError`.

        The question is embedded at the caller's cost, unless there is nothing to compare it with.
        """
        if collection.embedded_by is None:
            return Findings(sources=(), embedded=None)
        scope = SearchScope(
            tenant=collection.tenant, collection_id=collection.id, filter=question.filter
        )
        if question.mode == "lexical":
            matching = await self._chunks.matching(scope, question.text, limit=question.top_k)
            scored = [(chunk, chunk.relevance) for chunk in matching]
            return Findings(sources=_sources(scored, question), embedded=None)
        request = EmbeddingRequest(model=collection.embedding_model, inputs=(question.text,))
        embedded = await self._embedding.embed(request, context)
        await checked_model(self._collections, collection, embedded)
        found = await self._compared(scope, question, embedded.vectors[0])
        scored = [(chunk, chunk.similarity) for chunk in found]
        return Findings(sources=_sources(scored, question), embedded=embedded)

    async def _compared(
        self, scope: SearchScope, question: Question, vector: Vector
    ) -> Sequence[FoundChunk]:
        if question.mode == "vector":
            return await self._chunks.nearest(scope, vector, limit=question.top_k)
        limit = max(_LEAST_CANDIDATES, _CANDIDATES * question.top_k)
        nearest = await self._chunks.nearest(scope, vector, limit=limit)
        matching = await self._chunks.matching(scope, question.text, limit=limit, vector=vector)
        return fused(nearest, matching)


def fused(*rankings: Sequence[FoundChunk]) -> list[FoundChunk]:
    """One ranking of several by reciprocal ranks: what stands high in more than one of them leads."""
    chunks: dict[int, FoundChunk] = {}
    weights: dict[int, float] = {}
    for ranking in rankings:
        for rank, chunk in enumerate(ranking, start=1):
            chunks.setdefault(chunk.id, chunk)
            weights[chunk.id] = weights.get(chunk.id, 0.0) + 1 / (_RANK_CONSTANT + rank)
    return sorted(chunks.values(), key=lambda chunk: -weights[chunk.id])


def _sources(
    scored: Sequence[tuple[FoundChunk, float | None]], question: Question
) -> tuple[Source, ...]:
    """The first `top_k` that are relevant; what has no score or none above 0 never is."""
    relevant = [
        Source(text=chunk.text, score=score, document_id=chunk.document_id, metadata=chunk.metadata)
        for chunk, score in scored
        if score is not None and score > 0 and score >= (question.min_score or 0)
    ]
    return tuple(relevant[: question.top_k])
