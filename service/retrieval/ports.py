"""What retrieval needs from outside: where collections, documents and their chunks are kept and searched,
and a reader that makes chunks of files."""

from collections.abc import Collection as Many
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from msgspec import Struct

from service.core.errors import Unavailable

DocumentStatus = Literal["queued", "processing", "ready", "failed"]
DocumentFormat = Literal["text", "markdown", "html", "pdf", "docx", "json"]
Vector = Sequence[float]


_RETRY_AFTER_SECONDS = 5.0


class RetrievalStoreUnavailable(Unavailable):
    """The database cannot be asked now, or lacks what searching needs; the message says which."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_seconds=_RETRY_AFTER_SECONDS)


class Unreadable(Exception):
    """A file cannot be made into chunks. The message is for its owner; so are those of subclasses."""


class ReaderUnavailable(Unreadable):
    """No file can be read here; the message says what is missing."""


class Collection(Struct, frozen=True, kw_only=True):
    """Documents that are searched together.

    `chunk_size` and `chunk_overlap` count tokens. `embedded_by` is the exact model that made the first
    vector, and `dimensions` its length: no other model's vectors may stand beside it.
    """

    id: str
    tenant: str
    name: str
    embedding_model: str
    chunk_size: int
    chunk_overlap: int
    created_at: datetime
    updated_at: datetime
    embedded_by: str | None = None
    dimensions: int | None = None


class CollectionSize(Struct, frozen=True):
    """How much a collection holds: documents in any state, and chunks that can be found."""

    documents: int = 0
    chunks: int = 0


class Document(Struct, frozen=True, kw_only=True):
    """A document as it is known, without its text.

    `content_sha256` is the hex digest of what was sent. `chunks_total` is known once the text has been read;
    `chunks_embedded` says how far the ingestion is.
    """

    id: str
    tenant: str
    collection_id: str
    file_name: str | None
    metadata: dict[str, str]
    content_sha256: str
    status: DocumentStatus
    error: str | None
    chunks_total: int | None
    chunks_embedded: int
    created_at: datetime
    updated_at: datetime


class NewDocument(Struct, frozen=True, kw_only=True):
    """A document as it is sent. Without an `id`, a file is known by its name, a text gets an id."""

    content: bytes
    format: DocumentFormat
    metadata: dict[str, str] = {}
    id: str | None = None
    file_name: str | None = None


class SizedCollection(Struct, frozen=True):
    """A collection and how much it holds."""

    collection: Collection
    size: CollectionSize


class Submission(Struct, frozen=True, kw_only=True):
    """A document that is to be ingested: its raw content, kept until it is, and who pays.

    `id` names the ingestion. It is the version of the chunks that come of it, too.
    """

    id: str
    tenant: str
    collection_id: str
    document_id: str
    format: DocumentFormat
    content: bytes
    key_id: str
    token_id: str | None
    request_id: str


class Chunk(Struct, frozen=True, kw_only=True):
    """A piece of a document's text. `digest` is the hex SHA-256 of the text."""

    position: int
    text: str
    digest: str


class SearchScope(Struct, frozen=True, kw_only=True):
    """Where to look: one tenant's collection, and there the documents whose metadata has all of `filter`."""

    tenant: str
    collection_id: str
    filter: Mapping[str, str] = {}


class FoundChunk(Struct, frozen=True, kw_only=True):
    """A chunk that a search has found.

    `similarity` is the cosine between its vector and the question's, where there is one; `relevance` is the
    full-text search's own measure (greater is better), where that was asked.
    """

    id: int
    document_id: str
    text: str
    metadata: dict[str, str]
    similarity: float | None = None
    relevance: float | None = None


class CollectionStore(Protocol):
    """Where collections and documents are kept. Every method raises `RetrievalStoreUnavailable`."""

    async def add_collection(self, collection: Collection) -> bool:
        """Store it; False if the tenant has one of this name, which stays as it is."""
        ...

    async def change_collection(self, collection: Collection) -> bool:
        """Store its model and chunking; False if it has documents, and stays as it is."""
        ...

    async def find_collection(self, tenant: str, name: str) -> Collection | None:
        """The tenant's collection of this name."""
        ...

    async def collection_of(self, submission: Submission) -> Collection | None:
        """The collection that a document was submitted to, if it is still there."""
        ...

    async def list_collections(
        self, tenant: str, *, limit: int, after: str | None = None
    ) -> list[Collection]:
        """Up to `limit` of the tenant's collections by name, from behind the name `after`."""
        ...

    async def sizes(self, tenant: str, collection_ids: Sequence[str]) -> dict[str, CollectionSize]:
        """How much each of them holds; one that is empty may be missing."""
        ...

    async def fix_model(self, collection: Collection, *, embedded_by: str, dimensions: int) -> bool:
        """Say who makes the vectors of a collection; False if somebody else already does."""
        ...

    async def delete_collection(self, tenant: str, name: str) -> bool:
        """Delete it with all of its documents; False if there is none."""
        ...

    async def submit(
        self, document: Document, submission: Submission
    ) -> tuple[Document, bool] | None:
        """Store a document that is to be ingested, in place of one of its id.

        With it comes whether there is anything to do: what has the same content and metadata, and has not
        failed, stays as it is. None if the collection has gone.
        """
        ...

    async def find_document(
        self, tenant: str, collection_id: str, document_id: str
    ) -> Document | None:
        """One document."""
        ...

    async def list_documents(
        self, tenant: str, collection_id: str, *, limit: int, after: str | None = None
    ) -> list[Document]:
        """Up to `limit` documents by id, from behind the id `after`."""
        ...

    async def delete_document(self, tenant: str, collection_id: str, document_id: str) -> bool:
        """Delete it with its chunks, whatever its state; False if there is none."""
        ...

    async def find_submission(self, ingestion_id: str) -> Submission | None:
        """What is to be ingested; None once that has ended, or something newer has come in its place."""
        ...

    async def submitted_by(self, ingestion_id: str) -> str | None:
        """The tenant of what is to be ingested; None as `find_submission`."""
        ...

    async def unfinished(self) -> Sequence[str]:
        """The ids of all ingestions that have not ended."""
        ...

    async def begin(self, ingestion_id: str, *, chunks: int, now: datetime) -> None:
        """The text has been read: so many chunks it has."""
        ...

    async def fail(self, ingestion_id: str, reason: str, *, now: datetime) -> None:
        """End the ingestion. What was found before of the document is found still."""
        ...


class ChunkStore(Protocol):
    """Where chunks are kept with their vectors, and searched. Any method raises `RetrievalStoreUnavailable`.

    Only chunks of the version that a document was last made ready with are found.
    """

    async def staged(self, submission: Submission) -> set[int]:
        """The positions of the chunks that the ingestion has stored already."""
        ...

    async def vectors(
        self, tenant: str, collection_id: str, digests: Many[str]
    ) -> dict[str, Vector]:
        """The vectors that the collection has of texts with these digests."""
        ...

    async def stage(
        self, submission: Submission, chunks: Sequence[tuple[Chunk, Vector]], *, now: datetime
    ) -> bool:
        """Store chunks that are not to be found yet; False if the ingestion is over."""
        ...

    async def finish(self, submission: Submission, *, now: datetime) -> bool:
        """The document is ready: at one moment its new chunks are found, and no others. False if the
        ingestion is over."""
        ...

    async def nearest(self, scope: SearchScope, vector: Vector, *, limit: int) -> list[FoundChunk]:
        """The chunks most similar to a vector, best first."""
        ...

    async def matching(
        self, scope: SearchScope, text: str, *, limit: int, vector: Vector | None = None
    ) -> list[FoundChunk]:
        """The chunks that share words with a text, best first; with their similarity to a `vector`."""
        ...


class DocumentReader(Protocol):
    """Makes chunks of files, hostile ones too, without stalling the event loop."""

    async def chunks(
        self, content: bytes, format_: DocumentFormat, *, chunk_size: int, chunk_overlap: int
    ) -> list[str]:
        """The texts in order. Raises `Unreadable` for this file, `ReaderUnavailable` for all."""
        ...
