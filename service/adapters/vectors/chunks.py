"""Chunks in tables: what SQLite and PostgreSQL share."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from collections.abc import Collection as Many
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import outages
from service.adapters.storage.tables import chunks, documents, submissions
from service.retrieval.ports import (
    Chunk,
    FoundChunk,
    RetrievalStoreUnavailable,
    SearchScope,
    Submission,
    Vector,
)

_chunk = chunks.c
_document = documents.c
_DIGESTS_A_QUERY = 500


class SqlChunkStore(ABC):
    """The ChunkStore port, but for the searching."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._outages = outages(engine)
        self._preparing = asyncio.Lock()
        self._is_prepared = False

    @abstractmethod
    async def _prepare(self, connection: AsyncConnection) -> None:
        """Make the tables that are searched, if they are not there. Raises `RetrievalStoreUnavailable`."""

    @abstractmethod
    async def _add_vectors(
        self, connection: AsyncConnection, rows: Sequence[tuple[int, str, Vector]]
    ) -> None:
        """Make chunks findable: their ids, texts and vectors."""

    @abstractmethod
    async def _vectors(
        self, connection: AsyncConnection, query: Select[Any]
    ) -> Mapping[str, Vector]:
        """By digest; `query` selects digest and chunk id, at most one for each digest."""

    async def staged(self, submission: Submission) -> set[int]:
        """The positions of the chunks that the ingestion has stored already."""
        query = select(_chunk.position).where(_is_of(submission), _chunk.version == submission.id)
        async with self._connection() as connection:
            return set((await connection.execute(query)).scalars())

    async def vectors(
        self, tenant: str, collection_id: str, digests: Many[str]
    ) -> dict[str, Vector]:
        """The vectors that the collection has of texts with these digests."""
        wanted = list(digests)
        found: dict[str, Vector] = {}
        async with self._connection() as connection:
            for start in range(0, len(wanted), _DIGESTS_A_QUERY):
                query = (
                    select(_chunk.digest, func.min(_chunk.id).label("chunk_id"))
                    .where(
                        _chunk.tenant == tenant,
                        _chunk.collection_id == collection_id,
                        _chunk.digest.in_(wanted[start : start + _DIGESTS_A_QUERY]),
                    )
                    .group_by(_chunk.digest)
                )
                found |= await self._vectors(connection, query)
        return found

    async def stage(
        self, submission: Submission, staged: Sequence[tuple[Chunk, Vector]], *, now: datetime
    ) -> bool:
        """Store chunks that are not to be found yet; False if the ingestion is over."""
        progress = (
            update(documents)
            .where(_is_under_way(submission))
            .values(chunks_embedded=_document.chunks_embedded + len(staged), updated_at=now)
        )
        rows = [
            {
                "tenant": submission.tenant,
                "collection_id": submission.collection_id,
                "document_id": submission.document_id,
                "version": submission.id,
                "position": chunk.position,
                "digest": chunk.digest,
                "text": chunk.text,
            }
            for chunk, _ in staged
        ]
        async with self._transaction() as connection:
            # First: it takes the lock, and whoever replaces or deletes the document waits.
            if (await connection.execute(progress)).rowcount == 0:
                return False
            addition = insert(chunks).returning(_chunk.id, sort_by_parameter_order=True)
            ids = (await connection.execute(addition, rows)).scalars().all()
            await self._add_vectors(
                connection,
                [
                    (id_, chunk.text, vector)
                    for id_, (chunk, vector) in zip(ids, staged, strict=True)
                ],
            )
        return True

    async def finish(self, submission: Submission, *, now: datetime) -> bool:
        """The document is ready: at one moment its new chunks are found, and no others."""
        ready = (
            update(documents)
            .where(_is_under_way(submission))
            .values(
                status="ready",
                error=None,
                version=submission.id,
                ingestion_id=None,
                updated_at=now,
            )
        )
        former = delete(chunks).where(_is_of(submission), _chunk.version != submission.id)
        async with self._transaction() as connection:
            if (await connection.execute(ready)).rowcount == 0:
                return False
            await connection.execute(former)
            await connection.execute(delete(submissions).where(submissions.c.id == submission.id))
        return True

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        async with self._reporting_outages():
            await self._be_prepared()
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with self._reporting_outages():
            await self._be_prepared()
            async with self._engine.begin() as connection:
                yield connection

    async def _be_prepared(self) -> None:
        if self._is_prepared:
            return
        async with self._preparing:
            async with self._engine.begin() as connection:
                await self._prepare(connection)
            self._is_prepared = True

    @asynccontextmanager
    async def _reporting_outages(self) -> AsyncIterator[None]:
        try:
            yield
        except self._outages as error:
            raise RetrievalStoreUnavailable("Collections cannot be searched now") from error


def findable(
    scope: SearchScope, index: FromClause, filtered: ColumnElement[bool] | None
) -> Select[Any]:
    """What a search reads of the chunks in `scope`, joined with the table that it searches.

    `index` has a column `chunk_id`. `filtered` says what a document's metadata must hold.
    """
    query = (
        select(_chunk.id, _chunk.document_id, _chunk.text, _document.metadata)
        .select_from(index)
        .join(chunks, _chunk.id == index.c.chunk_id)
        .join(
            documents,
            and_(
                _document.collection_id == _chunk.collection_id,
                _document.id == _chunk.document_id,
                _document.version == _chunk.version,
            ),
        )
        .where(
            _chunk.tenant == scope.tenant,
            _chunk.collection_id == scope.collection_id,
            _document.tenant == scope.tenant,
        )
    )
    return query if filtered is None else query.where(filtered)


def found_chunk(row: Any, **scores: float | None) -> FoundChunk:
    """A row of `findable` as the port tells it."""
    return FoundChunk(
        id=row.id, document_id=row.document_id, text=row.text, metadata=row.metadata, **scores
    )


def _is_of(submission: Submission) -> ColumnElement[bool]:
    return and_(
        _chunk.tenant == submission.tenant,
        _chunk.collection_id == submission.collection_id,
        _chunk.document_id == submission.document_id,
    )


def _is_under_way(submission: Submission) -> ColumnElement[bool]:
    return and_(
        _document.tenant == submission.tenant,
        _document.collection_id == submission.collection_id,
        _document.id == submission.document_id,
        _document.ingestion_id == submission.id,
    )
