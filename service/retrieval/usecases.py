"""Collections and their documents: making, filling, looking at and deleting them."""

import asyncio
import hashlib
from collections.abc import AsyncIterable

import msgspec

from service.access.principal import Principal
from service.core.clock import Clock
from service.core.errors import Conflict, InvalidRequest, NotFound
from service.core.ids import new_id
from service.core.jobs import Jobs
from service.embeddings.usecases import Embedding
from service.retrieval.ingestion import INGESTION
from service.retrieval.ports import (
    Collection,
    CollectionSize,
    CollectionStore,
    Document,
    NewDocument,
    SizedCollection,
    Submission,
)

_EMPTY = CollectionSize()
_TAKEN_IN_AT_ONCE = 4  # requests, each with a document in memory


def content_digest(content: bytes) -> str:
    """What tells whether a document has changed: its SHA-256, in hex."""
    return hashlib.sha256(content).hexdigest()


class Collections:
    """What a tenant does with its collections. Another tenant's are not there."""

    def __init__(
        self, store: CollectionStore, jobs: Jobs, embedding: Embedding, *, clock: Clock
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._embedding = embedding
        self._clock = clock
        self._places = asyncio.Semaphore(_TAKEN_IN_AT_ONCE)

    async def put(
        self,
        caller: Principal,
        name: str,
        *,
        embedding_model: str,
        chunk_size: int,
        chunk_overlap: int,
    ) -> SizedCollection:
        """Make it, or change it while it has no documents.

        Raises `Conflict` if it has, and `InvalidRequest` for a model that makes no embeddings.
        """
        try:
            self._embedding.check_model(embedding_model)
        except InvalidRequest as unusable:
            raise InvalidRequest(unusable.message, field="embedding_model") from unusable
        now = self._clock.now()
        wanted = Collection(
            id=new_id("col_"),
            tenant=caller.tenant,
            name=name,
            embedding_model=embedding_model,
            chunk_size=chunk_size,
            chunk_overlap=chunk_overlap,
            created_at=now,
            updated_at=now,
        )
        if await self._store.add_collection(wanted):
            return SizedCollection(wanted, _EMPTY)
        existing = await self.find(caller, name)
        wanted = msgspec.structs.replace(wanted, id=existing.id, created_at=existing.created_at)
        if _settings(existing) == _settings(wanted):
            return await self._sized(existing)
        if not await self._store.change_collection(wanted):
            raise Conflict(
                "This collection has documents: its embedding model and its chunking cannot change"
            )
        return SizedCollection(wanted, _EMPTY)

    async def find(self, caller: Principal, name: str) -> Collection:
        """The collection. Raises `NotFound`."""
        found = await self._store.find_collection(caller.tenant, name)
        if found is None:
            raise _no_collection()
        return found

    async def get(self, caller: Principal, name: str) -> SizedCollection:
        """The collection with its size. Raises `NotFound`."""
        return await self._sized(await self.find(caller, name))

    async def list_collections(
        self, caller: Principal, *, limit: int, after: str | None
    ) -> list[SizedCollection]:
        """A page of collections, by name."""
        found = await self._store.list_collections(caller.tenant, limit=limit, after=after)
        sizes = await self._store.sizes(caller.tenant, [each.id for each in found])
        return [SizedCollection(each, sizes.get(each.id, _EMPTY)) for each in found]

    async def delete(self, caller: Principal, name: str) -> None:
        """Delete it with all of its documents. Raises `NotFound`."""
        if not await self._store.delete_collection(caller.tenant, name):
            raise _no_collection()

    async def add_documents(
        self, caller: Principal, name: str, sent: AsyncIterable[NewDocument], *, request_id: str
    ) -> list[Document]:
        """Take documents in to be ingested; what has not changed is left as it is. Raises `NotFound`.

        Each is let go of before the next is asked for: files are large.
        """
        async with self._places:
            collection = await self.find(caller, name)
            return [await self._add(caller, collection, each, request_id) async for each in sent]

    async def list_documents(
        self, caller: Principal, name: str, *, limit: int, after: str | None
    ) -> list[Document]:
        """A page of documents, by id. Raises `NotFound`."""
        collection = await self.find(caller, name)
        return await self._store.list_documents(
            caller.tenant, collection.id, limit=limit, after=after
        )

    async def get_document(self, caller: Principal, name: str, document_id: str) -> Document:
        """One document. Raises `NotFound`."""
        collection = await self.find(caller, name)
        found = await self._store.find_document(caller.tenant, collection.id, document_id)
        if found is None:
            raise _no_document()
        return found

    async def delete_document(self, caller: Principal, name: str, document_id: str) -> None:
        """Delete it, whatever its state. Raises `NotFound`."""
        collection = await self.find(caller, name)
        if not await self._store.delete_document(caller.tenant, collection.id, document_id):
            raise _no_document()

    async def _add(
        self, caller: Principal, collection: Collection, sent: NewDocument, request_id: str
    ) -> Document:
        now = self._clock.now()
        document = Document(
            id=sent.id or _id_of(sent.file_name),
            tenant=caller.tenant,
            collection_id=collection.id,
            file_name=sent.file_name,
            metadata=sent.metadata,
            content_sha256=await asyncio.to_thread(content_digest, sent.content),
            status="queued",
            error=None,
            chunks_total=None,
            chunks_embedded=0,
            created_at=now,
            updated_at=now,
        )
        submission = Submission(
            id=new_id("ing_"),
            tenant=caller.tenant,
            collection_id=collection.id,
            document_id=document.id,
            format=sent.format,
            content=sent.content,
            key_id=caller.key_id,
            token_id=caller.token_id,
            request_id=request_id,
        )
        submitted = await self._store.submit(document, submission)
        if submitted is None:
            raise _no_collection()
        stored, is_to_be_ingested = submitted
        if is_to_be_ingested:
            await self._jobs.submit(INGESTION, submission.id)
        return stored

    async def _sized(self, collection: Collection) -> SizedCollection:
        sizes = await self._store.sizes(collection.tenant, [collection.id])
        return SizedCollection(collection, sizes.get(collection.id, _EMPTY))


def _settings(collection: Collection) -> tuple[str, int, int]:
    return collection.embedding_model, collection.chunk_size, collection.chunk_overlap


def _id_of(file_name: str | None) -> str:
    """The same for the same file name, so that a file that comes again takes its own place."""
    if file_name is None:
        return new_id("doc_")
    digest = hashlib.blake2b(file_name.encode("utf-8", "surrogatepass"), digest_size=14)
    return f"doc_{digest.hexdigest()}"


def _no_collection() -> NotFound:
    return NotFound("There is no such collection")


def _no_document() -> NotFound:
    return NotFound("There is no such document")
