"""Collections, documents and what is to be ingested, in tables."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    RowMapping,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.tables import collections, documents, submissions
from service.adapters.storage.transactions import Transactions
from service.retrieval.ports import (
    Collection,
    CollectionSize,
    Document,
    RetrievalStoreUnavailable,
    Submission,
)

_DELETED_AT_ONCE = 10

_document = documents.c
_submission = submissions.c
_DOCUMENT_COLUMNS = [_document[field] for field in Document.__struct_fields__]
_COLLECTION_COLUMNS = [collections.c[field] for field in Collection.__struct_fields__]


class SqlCollectionStore:
    """The CollectionStore port."""

    def __init__(self, engine: AsyncEngine, transactions: Transactions) -> None:
        self._transactions = transactions
        self._single = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._dialect = sqlite if engine.dialect.name == "sqlite" else postgresql

    async def add_collection(self, collection: Collection) -> bool:
        """Store it; False if the tenant has one of this name, which stays as it is."""
        addition = (
            self._dialect.insert(collections)
            .values(asdict(collection))
            .on_conflict_do_nothing(index_elements=[collections.c.tenant, collections.c.name])
        )
        return await self._changed(addition) == 1

    async def change_collection(self, collection: Collection) -> bool:
        """Store its model and chunking; False if it has documents, and stays as it is."""
        has_documents = exists().where(_document.collection_id == collection.id)
        change = (
            update(collections)
            .where(_is(collection), ~has_documents)
            .values(
                embedding_model=collection.embedding_model,
                chunk_size=collection.chunk_size,
                chunk_overlap=collection.chunk_overlap,
                embedded_by=None,
                dimensions=None,
                updated_at=collection.updated_at,
            )
        )
        return await self._changed(change) == 1

    async def find_collection(self, tenant: str, name: str) -> Collection | None:
        """The tenant's collection of this name."""
        query = select(*_COLLECTION_COLUMNS).where(_is_named(tenant, name))
        return _first_collection(await self._rows(query))

    async def collection_of(self, submission: Submission) -> Collection | None:
        """The collection that a document was submitted to, if it is still there."""
        query = select(*_COLLECTION_COLUMNS).where(
            collections.c.tenant == submission.tenant,
            collections.c.id == submission.collection_id,
        )
        return _first_collection(await self._rows(query))

    async def list_collections(
        self, tenant: str, *, limit: int, after: str | None = None
    ) -> list[Collection]:
        """Up to `limit` of the tenant's collections by name, from behind the name `after`."""
        query = select(*_COLLECTION_COLUMNS).where(collections.c.tenant == tenant)
        if after is not None:
            query = query.where(collections.c.name > after)
        rows = await self._rows(query.order_by(collections.c.name).limit(limit))
        return [Collection(**row) for row in rows]

    async def sizes(self, tenant: str, collection_ids: Sequence[str]) -> dict[str, CollectionSize]:
        """How much each of them holds; one that is empty is missing."""
        found = case((_document.version.is_not(None), _document.chunks_total), else_=0)
        query = (
            select(
                _document.collection_id,
                func.count().label("documents"),
                func.coalesce(func.sum(found), 0).label("chunks"),
            )
            .where(_document.tenant == tenant, _document.collection_id.in_(collection_ids))
            .group_by(_document.collection_id)
        )
        return {
            row["collection_id"]: CollectionSize(
                documents=row["documents"], chunks=int(row["chunks"])
            )
            for row in await self._rows(query)
        }

    async def fix_model(self, collection: Collection, *, embedded_by: str, dimensions: int) -> bool:
        """Say who makes the vectors of a collection; False if somebody else already does."""
        is_free_or_the_same = or_(
            collections.c.embedded_by.is_(None),
            and_(collections.c.embedded_by == embedded_by, collections.c.dimensions == dimensions),
        )
        fixing = (
            update(collections)
            .where(
                _is(collection),
                # It may have been given another model since, being empty.
                collections.c.embedding_model == collection.embedding_model,
                is_free_or_the_same,
            )
            .values(embedded_by=embedded_by, dimensions=dimensions)
        )
        return await self._changed(fixing) == 1

    async def delete_collection(self, tenant: str, name: str) -> bool:
        """Delete it with all of its documents; False if there is none.

        What is cut off has deleted some of the documents: the next call deletes the rest.
        """
        found = await self.find_collection(tenant, name)
        if found is None:
            return False
        # On SQLite all who write wait for one statement: a few documents at a time are gone in milliseconds.
        some = select(_document.id).where(_is_in(found)).limit(_DELETED_AT_ONCE)
        deletion = delete(documents).where(_is_in(found), _document.id.in_(some))
        while await self._changed(deletion):
            pass
        return await self._changed(delete(collections).where(_is_named(tenant, name))) == 1

    async def submit(
        self, document: Document, submission: Submission
    ) -> tuple[Document, bool] | None:
        """Store a document that is to be ingested, in place of one of its id; see the port."""
        insertion = self._dialect.insert(documents).values(
            asdict(document) | {"ingestion_id": submission.id, "version": None}
        )
        new = insertion.excluded
        is_another = or_(
            _document.content_sha256 != new.content_sha256,
            _document.metadata != new.metadata,
            _document.status == "failed",
        )
        kept = ("id", "collection_id", "tenant", "created_at", "version")
        upsert = insertion.on_conflict_do_update(
            index_elements=[_document.collection_id, _document.id],
            set_={
                column.name: new[column.name] for column in documents.c if column.name not in kept
            },
            where=is_another,
        ).returning(*_DOCUMENT_COLUMNS)

        def work(connection: Connection) -> tuple[Document, bool]:
            stored = connection.execute(upsert).mappings().one_or_none()
            if stored is None:
                unchanged = select(*_DOCUMENT_COLUMNS).where(
                    _is_document(document.tenant, document.collection_id, document.id)
                )
                return Document(**connection.execute(unchanged).mappings().one()), False
            former = delete(submissions).where(
                _submission.tenant == document.tenant,
                _submission.collection_id == document.collection_id,
                _submission.document_id == document.id,
            )
            connection.execute(former)
            connection.execute(insert(submissions).values(asdict(submission)))
            return Document(**stored), True

        try:
            async with self._reporting_outages():
                return await self._transactions.run(work)
        except IntegrityError:
            return None  # the collection was deleted in the meantime

    async def find_document(
        self, tenant: str, collection_id: str, document_id: str
    ) -> Document | None:
        """One document."""
        query = select(*_DOCUMENT_COLUMNS).where(_is_document(tenant, collection_id, document_id))
        rows = await self._rows(query)
        return Document(**rows[0]) if rows else None

    async def list_documents(
        self, tenant: str, collection_id: str, *, limit: int, after: str | None = None
    ) -> list[Document]:
        """Up to `limit` documents by id, from behind the id `after`."""
        query = select(*_DOCUMENT_COLUMNS).where(
            _document.tenant == tenant, _document.collection_id == collection_id
        )
        if after is not None:
            query = query.where(_document.id > after)
        return [
            Document(**row) for row in await self._rows(query.order_by(_document.id).limit(limit))
        ]

    async def delete_document(self, tenant: str, collection_id: str, document_id: str) -> bool:
        """Delete it with its chunks, whatever its state; False if there is none."""
        deletion = delete(documents).where(_is_document(tenant, collection_id, document_id))
        return await self._changed(deletion) == 1

    async def find_submission(self, ingestion_id: str) -> Submission | None:
        """What is to be ingested; None once that has ended, or something newer has come in its place."""
        rows = await self._rows(select(submissions).where(_submission.id == ingestion_id))
        return Submission(**rows[0]) if rows else None

    async def submitted_by(self, ingestion_id: str) -> str | None:
        """The tenant of what is to be ingested; None as `find_submission`."""
        query = select(_submission.tenant).where(_submission.id == ingestion_id)
        rows = await self._rows(query)
        return rows[0]["tenant"] if rows else None

    async def unfinished(self) -> Sequence[str]:
        """The ids of all ingestions that have not ended."""
        return [row["id"] for row in await self._rows(select(_submission.id))]

    async def begin(self, ingestion_id: str, *, chunks: int, now: datetime) -> None:
        """The text has been read: so many chunks it has."""
        beginning = (
            update(documents)
            .where(_document.ingestion_id == ingestion_id)
            .values(status="processing", chunks_total=chunks, updated_at=now)
        )
        await self._changed(beginning)

    async def fail(self, ingestion_id: str, reason: str, *, now: datetime) -> None:
        """End the ingestion. What was found before of the document is found still."""
        failure = (
            update(documents)
            .where(_document.ingestion_id == ingestion_id)
            .values(status="failed", error=reason, ingestion_id=None, updated_at=now)
        )

        def work(connection: Connection) -> None:
            connection.execute(failure)
            connection.execute(delete(submissions).where(_submission.id == ingestion_id))

        async with self._reporting_outages():
            await self._transactions.run(work)

    async def _changed(self, statement: Executable) -> int:
        """Run one statement; returns how many rows it has changed."""
        async with self._reporting_outages(), self._single.connect() as connection:
            result: Any = await connection.execute(statement)
            return int(result.rowcount)

    async def _rows(self, query: Executable) -> Sequence[RowMapping]:
        async with self._reporting_outages(), self._single.connect() as connection:
            return (await connection.execute(query)).mappings().all()

    @asynccontextmanager
    async def _reporting_outages(self) -> AsyncIterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except self._outages as error:
            raise RetrievalStoreUnavailable("Collections cannot be asked for now") from error


def _is(collection: Collection) -> ColumnElement[bool]:
    return and_(collections.c.tenant == collection.tenant, collections.c.id == collection.id)


def _is_named(tenant: str, name: str) -> ColumnElement[bool]:
    return and_(collections.c.tenant == tenant, collections.c.name == name)


def _is_in(collection: Collection) -> ColumnElement[bool]:
    return and_(_document.tenant == collection.tenant, _document.collection_id == collection.id)


def _is_document(tenant: str, collection_id: str, document_id: str) -> ColumnElement[bool]:
    return and_(
        _document.tenant == tenant,
        _document.collection_id == collection_id,
        _document.id == document_id,
    )


def _first_collection(rows: Sequence[RowMapping]) -> Collection | None:
    return Collection(**rows[0]) if rows else None
