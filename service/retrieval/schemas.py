"""The bodies of collections. Docstrings and descriptions are the API's documentation."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import UploadFile
from pydantic import Field, StringConstraints, model_validator
from typing_extensions import TypeAliasType

from service.core.messages import FinishReason
from service.generation.options import (
    MaxTokens,
    SanitizeText,
    Tags,
    Temperature,
    TimeoutSeconds,
    UseCache,
)
from service.generation.schemas import DoneMark, ErrorEvent, TokenEvent
from service.retrieval import ports
from service.retrieval.search import Question, SearchMode, Source
from service.web.schemas import (
    NOT_A_KEY,
    Metadata,
    ModelName,
    RequestModel,
    ResponseModel,
    Usage,
)
from service.web.validation import mistake_at

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
DOCUMENT_ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$"
EXCERPT_CHARACTERS = 200
_MAX_DOCUMENTS = 100
_MIN_ROOM = 16  # tokens of a chunk beyond its overlap

DocumentStatus = ports.DocumentStatus
DocumentId = Annotated[str, StringConstraints(pattern=DOCUMENT_ID_PATTERN), NOT_A_KEY]
# NUL is valid JSON, but no database keeps it.
Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]*$")]
_MAX_QUESTION_CHARACTERS = 20_000  # no embedding model takes more, nor does a full-text search


class PutCollectionRequest(RequestModel):
    """How the documents of a collection are cut up and embedded."""

    embedding_model: ModelName = Field(
        "embedding", description="Makes the vectors; one model for the whole collection."
    )
    chunk_size: int = Field(512, ge=64, le=8192, description="Tokens of a chunk, at most.")
    chunk_overlap: int = Field(
        64, ge=0, le=2048, description="Tokens that a chunk shares with the one before it, at most."
    )

    @model_validator(mode="after")
    def _leaves_room(self) -> "PutCollectionRequest":
        if self.chunk_overlap > self.chunk_size - _MIN_ROOM:
            raise mistake_at("chunk_overlap", f"This must be less than chunk_size by {_MIN_ROOM}")
        return self


class CollectionResponse(ResponseModel):
    """A collection."""

    name: str = Field(description="Its name.", examples=["kb"])
    embedding_model: str = Field(description="What makes its vectors.", examples=["embedding"])
    chunk_size: int = Field(description="Tokens of a chunk, at most.", examples=[512])
    chunk_overlap: int = Field(description="Tokens that two chunks share, at most.", examples=[64])
    document_count: int = Field(description="Its documents, in any state.", examples=[30])
    chunk_count: int = Field(description="Their chunks.", examples=[74])
    created_at: datetime = Field(description="When it was made.")
    updated_at: datetime = Field(description="When its settings were last changed.")

    @classmethod
    def of(cls, sized: ports.SizedCollection) -> "CollectionResponse":
        """As the API shows it."""
        collection = sized.collection
        return cls(
            name=collection.name,
            embedding_model=collection.embedding_model,
            chunk_size=collection.chunk_size,
            chunk_overlap=collection.chunk_overlap,
            document_count=sized.size.documents,
            chunk_count=sized.size.chunks,
            created_at=collection.created_at,
            updated_at=collection.updated_at,
        )


class CollectionListResponse(ResponseModel):
    """A page of collections, by name."""

    data: list[CollectionResponse] = Field(description="The collections.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class NewDocument(RequestModel):
    """A document as text."""

    text: Text = Field(description="What it says.", examples=["Refunds take 30 days."])
    metadata: Metadata | None = Field(
        None, description="Up to 16 fields, to filter by and shown with each source."
    )
    id: DocumentId | None = Field(
        None, description="Yours; a document of the same id is replaced. Absent: one is made."
    )


class AddDocumentsRequest(RequestModel):
    """One document, or up to 100 at once."""

    text: Text | None = Field(None, description="One document's text; instead of `documents`.")
    metadata: Metadata | None = Field(
        None,
        description="With `text`: up to 16 fields, to filter by and shown with each source.",
    )
    id: DocumentId | None = Field(
        None,
        description="With `text`: yours; a document of the same id is replaced. Absent: one is made.",
    )
    documents: list[NewDocument] | None = Field(
        None,
        min_length=1,
        max_length=_MAX_DOCUMENTS,
        description="Several documents; instead of `text`.",
    )

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> "AddDocumentsRequest":
        if (self.text is None) == (self.documents is None):
            raise mistake_at("documents" if self.text else "text", "Send either text or documents")
        if self.documents is not None and (self.metadata is not None or self.id is not None):
            blamed = "metadata" if self.metadata is not None else "id"
            raise mistake_at(blamed, "This goes with text; each of documents has its own")
        return self

    async def to_documents(self) -> AsyncIterator[ports.NewDocument]:
        """In core words."""
        single = (
            [NewDocument(text=self.text, metadata=self.metadata, id=self.id)] if self.text else []
        )
        for each in self.documents or single:
            yield ports.NewDocument(
                content=each.text.encode(),
                format="text",
                metadata=each.metadata or {},
                id=each.id,
            )


class UploadDocumentsRequest(RequestModel):
    """Documents as files."""

    file: list[UploadFile] = Field(
        min_length=1,
        max_length=_MAX_DOCUMENTS,
        description="Files whose names end in .txt, .md, .html, .pdf, .docx or .json; the field may be"
        " repeated.",
    )


class DocumentResponse(ResponseModel):
    """A document and how far its ingestion is."""

    id: str = Field(description="Its id within the collection.", examples=["doc_0193…"])
    file_name: str | None = Field(
        None, description="The file that it came as.", examples=["refunds.md"]
    )
    metadata: dict[str, str] = Field(description="Its fields.")
    content_sha256: str = Field(description="The SHA-256 of what was sent, in hex.")
    status: DocumentStatus = Field(
        description="`queued` and `processing` end in `ready` or `failed`. A document that is replaced is"
        " found as it was until the new one is ready."
    )
    error: str | None = Field(None, description="Why it has failed.")
    chunk_count: int | None = Field(None, description="Its chunks, once its text has been read.")
    chunks_embedded: int = Field(description="How many of them are done.")
    created_at: datetime = Field(description="When it first came.")
    updated_at: datetime = Field(description="When anything of this last changed.")

    @classmethod
    def of(cls, document: ports.Document) -> "DocumentResponse":
        """As the API shows it."""
        return cls(
            id=document.id,
            file_name=document.file_name,
            metadata=document.metadata,
            content_sha256=document.content_sha256,
            status=document.status,
            error=document.error,
            chunk_count=document.chunks_total,
            chunks_embedded=document.chunks_embedded,
            created_at=document.created_at,
            updated_at=document.updated_at,
        )


class DocumentListResponse(ResponseModel):
    """A page of documents, by id."""

    data: list[DocumentResponse] = Field(description="The documents.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class AcceptedDocumentsResponse(ResponseModel):
    """What was taken in. It is found once its status is `ready`."""

    documents: list[DocumentResponse] = Field(
        description="In the order in which they were sent; one that has not changed is `ready` at once."
    )


class SearchFields(RequestModel):
    """What is looked for, and how."""

    question: Text = Field(
        max_length=_MAX_QUESTION_CHARACTERS,
        description="In your own words.",
        examples=["How long do refunds take?"],
    )
    top_k: int = Field(3, ge=1, le=50, description="How many sources, at most.")
    filter: Metadata | None = Field(
        None,
        description="Only documents whose metadata has all of these.",
        examples=[{"file_name": "refunds.md"}],
    )
    min_score: float | None = Field(
        None, description="What scores less is left out. What is sensible depends on the model."
    )
    mode: SearchMode = Field(
        "hybrid",
        description="By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`).",
    )

    def to_question(self) -> Question:
        """In core words."""
        return Question(
            text=self.question,
            top_k=self.top_k,
            mode=self.mode,
            filter=self.filter or {},
            min_score=self.min_score,
        )


class RetrieveRequest(SearchFields):
    """A search, without an answer made from it."""

    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None


class QueryRequest(SearchFields):
    """A question to the documents."""

    model: ModelName = "haiku"
    max_tokens: MaxTokens = 1024
    temperature: Temperature = 0.0
    cache: UseCache = True
    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None
    sanitize: SanitizeText = None


class SourceNode(ResponseModel):
    """A piece of a document that the answer was made from."""

    text: str = Field(description="What it says; its first 200 characters under an answer.")
    score: float = Field(
        description="The cosine similarity to the question; in `lexical` mode how well the words match,"
        " without an upper bound. `hybrid` ranks by both, so that scores need not fall.",
        examples=[0.71],
    )
    document_id: str = Field(description="The document that it is of.")
    metadata: dict[str, str] = Field(description="The document's fields.")

    @classmethod
    def of(cls, source: Source, *, characters: int | None = None) -> "SourceNode":
        """As the API shows it."""
        return cls(
            text=source.text[:characters],
            score=source.score,
            document_id=source.document_id,
            metadata=source.metadata,
        )


class RetrieveResponse(ResponseModel):
    """What was found."""

    source_nodes: list[SourceNode] = Field(description="The best first, whole.")
    usage: Usage = Field(description="The tokens of embedding the question.")
    cost_usd: float | None = Field(description="What that cost; null where no price is known.")


class QueryFields(ResponseModel):
    """What every answer from documents says about itself."""

    id: str = Field(
        description="The id of the answer and of its usage row.", examples=["req_0193…"]
    )
    model: str = Field(description="The model as it was asked for.", examples=["haiku"])
    provider: str | None = Field(
        None, description="Who answered; null if nothing was found to answer from."
    )
    provider_model: str | None = Field(
        None, description="The exact model that answered, if one did."
    )
    finish_reason: FinishReason = Field(description="Why the answer ends where it does.")
    usage: Usage = Field(description="The tokens of the answer and of embedding the question.")
    cost_usd: float | None = Field(
        description="The price of both in US dollars; null only where no price is known."
    )
    cache_hit: bool = Field(description="Whether the answer was stored before.")


class QueryResponse(QueryFields):
    """An answer and its sources."""

    answer: str = Field(description="The answer; if nothing was found, it says so.")
    source_nodes: list[SourceNode] = Field(description="What it was made from, the best first.")


class SourcesEvent(ResponseModel):
    """What the answer is made from. The first event."""

    type: Literal["sources"] = Field("sources", description="Says that these are sources.")
    source_nodes: list[SourceNode] = Field(description="The best first.")


class QueryDoneEvent(QueryFields, DoneMark):
    """The answer is whole. The last event of a stream that went well."""


QueryStreamEvent = TypeAliasType(
    "QueryStreamEvent",
    Annotated[
        SourcesEvent | TokenEvent | QueryDoneEvent | ErrorEvent,
        Field(discriminator="type", description="One event of a query stream."),
    ],
)
