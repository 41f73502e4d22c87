"""`/collections`: documents, and answers from them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Form, Path, Request, Response
from msgspec import Struct
from pydantic import TypeAdapter

from service.access.dependencies import requires
from service.access.principal import Principal
from service.core.ids import new_id
from service.core.messages import TextDelta
from service.idempotency.responses import answer_once, stream_once
from service.inference.answers import Answer
from service.inference.context import CallContext
from service.retrieval import examples
from service.retrieval.answering import NOTHING_FOUND, Answered, Answering, Answers
from service.retrieval.ports import Document
from service.retrieval.schemas import (
    DOCUMENT_ID_PATTERN,
    EXCERPT_CHARACTERS,
    NAME_PATTERN,
    AcceptedDocumentsResponse,
    AddDocumentsRequest,
    CollectionListResponse,
    CollectionResponse,
    DocumentListResponse,
    DocumentResponse,
    PutCollectionRequest,
    QueryDoneEvent,
    QueryRequest,
    QueryResponse,
    QueryStreamEvent,
    RetrieveRequest,
    RetrieveResponse,
    SourceNode,
    SourcesEvent,
    UploadDocumentsRequest,
)
from service.retrieval.search import Findings, Search
from service.retrieval.uploads import as_json, check_files, documents_of
from service.retrieval.usecases import Collections
from service.web.body import StrictRoute, UploadRoute
from service.web.context import json_response, request_id
from service.web.openapi import (
    API_PREFIX,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
    event_stream_response,
)
from service.web.paging import PageDependency
from service.web.schemas import Usage
from service.web.sse import done_frame, frame

router = APIRouter(prefix=API_PREFIX, tags=["Collections"], route_class=StrictRoute)
upload_router = APIRouter(prefix=API_PREFIX, tags=["Collections"], route_class=UploadRoute)

STREAM_EVENT_SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "QueryStreamEvent": TypeAdapter(QueryStreamEvent)
}
_READS = (400, 401, 403, 404, 500, 503)
_CHANGES = (400, 401, 403, 404, 409, 413, 415, 500, 503)
_ASKS = (400, 401, 402, 403, 404, 409, 413, 415, 429, 500, 502, 503, 504)

_encode = msgspec.json.Encoder().encode


class Retrieval(Struct, frozen=True):
    """What these endpoints need of the lifespan."""

    collections: Collections
    search: Search
    answers: Answers


async def get_retrieval(request: Request) -> Retrieval:
    """The use cases that the lifespan wired."""
    retrieval: Retrieval = request.state.retrieval
    return retrieval


RetrievalDependency = Annotated[Retrieval, Depends(get_retrieval)]
Caller = Annotated[Principal, Depends(requires("retrieval"))]


async def keeper(caller: Caller) -> Principal:
    """Who may see and change collections: not the holder of a browser token, who may only ask."""
    if caller.token_id is not None:
        caller.require("admin")  # which no token has
    return caller


Keeper = Annotated[Principal, Depends(keeper)]
CollectionName = Annotated[
    str, Path(pattern=NAME_PATTERN, description="The name of a collection.", examples=["kb"])
]
DocumentId = Annotated[
    str,
    Path(pattern=DOCUMENT_ID_PATTERN, description="A document's id.", examples=["refund-policy"]),
]


@router.put(
    "/collections/{collection}",
    response_model=CollectionResponse,
    responses=answer_response("The collection as it now is.", examples.COLLECTION)
    | error_responses((400, 401, 403, 409, 413, 415, 500, 503)),
)
async def put_collection(
    collection: CollectionName,
    body: Annotated[PutCollectionRequest, Body(openapi_examples=examples.PUT_COLLECTION_BODIES)],
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """Make a collection, or change how it cuts up and embeds while it has no documents."""
    sized = await retrieval.collections.put(
        caller,
        collection,
        embedding_model=body.embedding_model,
        chunk_size=body.chunk_size,
        chunk_overlap=body.chunk_overlap,
    )
    return json_response(CollectionResponse.of(sized))


@router.get(
    "/collections",
    response_model=CollectionListResponse,
    responses=answer_response("A page of collections.", examples.COLLECTION_LIST)
    | error_responses((400, 401, 403, 500, 503)),
)
async def list_collections(
    page: PageDependency, caller: Keeper, retrieval: RetrievalDependency
) -> Response:
    """List the collections, by name."""
    found = await retrieval.collections.list_collections(caller, limit=page.rows, after=page.after)
    shown, next_cursor = page.cut(found, lambda each: each.collection.name)
    return json_response(
        CollectionListResponse(
            data=[CollectionResponse.of(each) for each in shown], next_cursor=next_cursor
        )
    )


@router.get(
    "/collections/{collection}",
    response_model=CollectionResponse,
    responses=answer_response("The collection.", examples.COLLECTION) | error_responses(_READS),
)
async def get_collection(
    collection: CollectionName, caller: Keeper, retrieval: RetrievalDependency
) -> Response:
    """Look at a collection."""
    return json_response(CollectionResponse.of(await retrieval.collections.get(caller, collection)))


@router.delete(
    "/collections/{collection}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **error_responses(_READS)},
)
async def delete_collection(
    collection: CollectionName, caller: Keeper, retrieval: RetrievalDependency
) -> Response:
    """Delete a collection with all of its documents."""
    await retrieval.collections.delete(caller, collection)
    return Response(status_code=204)


@router.post(
    "/collections/{collection}/documents",
    status_code=202,
    response_model=AcceptedDocumentsResponse,
    responses=answer_response("What was taken in.", examples.ACCEPTED, status=202)
    | error_responses(_CHANGES),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def add_documents(
    collection: CollectionName,
    body: Annotated[AddDocumentsRequest, Body(openapi_examples=examples.ADD_DOCUMENTS_BODIES)],
    request: Request,
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """Add documents as text, or replace those of the same id.

    They are embedded afterwards, at the key's cost; what the collection has embedded already is not embedded
    again.
    """

    taken = retrieval.collections.add_documents(
        caller, collection, body.to_documents(), request_id=request_id(request)
    )
    return await answer_once(request, taken, _accepted, status=202)


@upload_router.post(
    "/collections/{collection}/documents/upload",
    status_code=202,
    response_model=AcceptedDocumentsResponse,
    responses=answer_response("What was taken in.", examples.ACCEPTED, status=202)
    | error_responses(_CHANGES),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def upload_documents(
    collection: CollectionName,
    body: Annotated[UploadDocumentsRequest, Form(media_type="multipart/form-data")],
    request: Request,
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """Add documents as files: txt, md, html, pdf, docx or json.

    A file of the same name is replaced; one that has not changed is left as it is, so that an upload may
    always be repeated. The name becomes the metadata field `file_name`.
    """
    check_files(body.file)
    asked = await as_json(body.file)
    taken = retrieval.collections.add_documents(
        caller, collection, documents_of(body.file), request_id=request_id(request)
    )
    return await answer_once(request, taken, _accepted, status=202, asked=asked)


@router.get(
    "/collections/{collection}/documents",
    response_model=DocumentListResponse,
    responses=answer_response("A page of documents.", examples.DOCUMENT_LIST)
    | error_responses(_READS),
)
async def list_documents(
    collection: CollectionName,
    page: PageDependency,
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """List the documents of a collection, by id, with their states."""
    found = await retrieval.collections.list_documents(
        caller, collection, limit=page.rows, after=page.after
    )
    shown, next_cursor = page.cut(found, lambda document: document.id)
    return json_response(
        DocumentListResponse(
            data=[DocumentResponse.of(each) for each in shown], next_cursor=next_cursor
        )
    )


@router.get(
    "/collections/{collection}/documents/{document_id}",
    response_model=DocumentResponse,
    responses=answer_response("The document.", examples.DOCUMENT) | error_responses(_READS),
)
async def get_document(
    collection: CollectionName,
    document_id: DocumentId,
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """Look at a document: how far its ingestion is, or why it has failed."""
    document = await retrieval.collections.get_document(caller, collection, document_id)
    return json_response(DocumentResponse.of(document))


@router.delete(
    "/collections/{collection}/documents/{document_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **error_responses(_READS)},
)
async def delete_document(
    collection: CollectionName,
    document_id: DocumentId,
    caller: Keeper,
    retrieval: RetrievalDependency,
) -> Response:
    """Delete a document; it is found no more."""
    await retrieval.collections.delete_document(caller, collection, document_id)
    return Response(status_code=204)


@router.post(
    "/collections/{collection}/retrieve",
    response_model=RetrieveResponse,
    responses=answer_response("What was found.", examples.RETRIEVED) | error_responses(_ASKS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def retrieve(
    collection: CollectionName,
    body: Annotated[RetrieveRequest, Body(openapi_examples=examples.RETRIEVE_BODIES)],
    request: Request,
    caller: Caller,
    retrieval: RetrievalDependency,
) -> Response:
    """Find what the documents say about a question, without making an answer of it."""
    context = CallContext(
        principal=caller,
        request_id=request_id(request),
        kind="embeddings",
        metadata=body.metadata or {},
        timeout_seconds=body.timeout_seconds,
    )

    async def find() -> Findings:
        found = await retrieval.collections.find(caller, collection)
        return await retrieval.search.find(found, body.to_question(), context)

    return await answer_once(request, find(), _retrieved)


@router.post(
    "/collections/{collection}/query",
    response_model=QueryResponse,
    responses=answer_response("The answer.", examples.QUERY_ANSWER) | error_responses(_ASKS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def query_collection(
    collection: CollectionName,
    body: Annotated[QueryRequest, Body(openapi_examples=examples.QUERY_BODIES)],
    request: Request,
    caller: Caller,
    retrieval: RetrievalDependency,
) -> Response:
    """Answer a question from the documents, and say which ones.

    If they say nothing about it, no model is asked, and the answer says so.
    """

    async def ask() -> Answered:
        found = await retrieval.collections.find(caller, collection)
        return await retrieval.answers.answer(
            found, body.to_question(), _answering(body), _context(request, caller, body)
        )

    def to_body(answered: Answered) -> QueryResponse:
        answer, findings = answered.answer, answered.findings
        return QueryResponse(
            answer=NOTHING_FOUND if answer is None else answer.text or "",
            source_nodes=_excerpts(findings),
            **_about(answer, findings, body.model),
        )

    return await answer_once(request, ask(), to_body)


@router.post(
    "/collections/{collection}/query/stream",
    response_class=Response,
    responses=event_stream_response("QueryStreamEvent", examples.QUERY_EVENTS)
    | error_responses(_ASKS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def stream_query_collection(
    collection: CollectionName,
    body: Annotated[QueryRequest, Body(openapi_examples=examples.QUERY_BODIES)],
    request: Request,
    caller: Caller,
    retrieval: RetrievalDependency,
) -> Response:
    """Answer a question from the documents as Server-Sent Events.

    One `sources` event, then `token` events, then exactly one `done` or `error`. A failure before the first
    token is a plain HTTP error. Hanging up stops the model.
    """

    async def frames() -> AsyncGenerator[bytes]:
        found = await retrieval.collections.find(caller, collection)
        parts = retrieval.answers.stream(
            found, body.to_question(), _answering(body), _context(request, caller, body)
        )
        findings = Findings(sources=(), embedded=None)
        async with aclosing(parts):
            async for part in parts:
                if isinstance(part, Findings):
                    findings = part
                    sources = SourcesEvent(source_nodes=_excerpts(part))
                    yield frame(sources.model_dump_json().encode())
                elif isinstance(part, Answer):
                    yield _done(part, findings, body.model)
                    return
                else:
                    yield b"".join([frame(_encode(delta)) for delta in part])
        yield frame(_encode(TextDelta(NOTHING_FOUND)))
        yield _done(None, findings, body.model)

    return await stream_once(request, frames())


def _accepted(documents: list[Document]) -> AcceptedDocumentsResponse:
    return AcceptedDocumentsResponse(documents=[DocumentResponse.of(each) for each in documents])


def _answering(body: QueryRequest) -> Answering:
    return Answering(model=body.model, max_tokens=body.max_tokens, temperature=body.temperature)


def _context(request: Request, caller: Principal, body: QueryRequest) -> CallContext:
    return CallContext(
        principal=caller,
        request_id=request_id(request),
        kind="generate",
        metadata=body.metadata or {},
        timeout_seconds=body.timeout_seconds,
        use_cache=body.cache,
        sanitize=body.sanitize or caller.sanitize,
    )


def _excerpts(findings: Findings) -> list[SourceNode]:
    return [SourceNode.of(source, characters=EXCERPT_CHARACTERS) for source in findings.sources]


def _retrieved(findings: Findings) -> RetrieveResponse:
    usage, cost_usd = _spent(None, findings)
    return RetrieveResponse(
        source_nodes=[SourceNode.of(source) for source in findings.sources],
        usage=usage,
        cost_usd=cost_usd,
    )


def _done(answer: Answer | None, findings: Findings, model: str) -> bytes:
    return done_frame(QueryDoneEvent(**_about(answer, findings, model)).model_dump_json().encode())


def _about(answer: Answer | None, findings: Findings, model: str) -> dict[str, Any]:
    """The values of `QueryFields`. Where no model was asked, the id is of the embedding's usage row."""
    usage, cost_usd = _spent(answer, findings)
    known = answer or findings.embedded
    return {
        "id": new_id("req_") if known is None else known.id,
        "model": model,
        "provider": answer and answer.provider,
        "provider_model": answer and answer.provider_model,
        "finish_reason": "stop" if answer is None else answer.finish_reason,
        "usage": usage,
        "cost_usd": cost_usd,
        "cache_hit": answer is not None and answer.cache_hit,
    }


def _spent(answer: Answer | None, findings: Findings) -> tuple[Usage, float | None]:
    """What answering and embedding took together."""
    parts = [part for part in (answer, findings.embedded) if part is not None]
    costs = [part.cost_usd for part in parts]
    known = [cost for cost in costs if cost is not None]
    usage = Usage(
        input_tokens=sum(part.usage.input_tokens for part in parts),
        output_tokens=sum(part.usage.output_tokens for part in parts),
        total_tokens=sum(part.usage.total_tokens for part in parts),
        cached_input_tokens=sum(part.usage.cached_input_tokens for part in parts),
    )
    return usage, float(sum(known, Decimal(0))) if len(known) == len(costs) else None
