"""`/batches`: requests by the ten thousand, answered whatever happens meanwhile."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Form, Path, Query, Request, Response
from pydantic import TypeAdapter
from starlette.responses import StreamingResponse

from service.access.dependencies import requires
from service.access.principal import Principal
from service.batches.durable import examples
from service.batches.durable.items import FileItems, ListedItems
from service.batches.durable.schemas import (
    BATCH_ID_PATTERN,
    Batch,
    BatchList,
    BatchResultLine,
    CreateBatchRequest,
    UploadBatchForm,
)
from service.batches.durable.usecases import Batches, HowToRun
from service.batches.ports import MAX_ITEMS, ItemResult
from service.core.errors import InvalidRequest
from service.idempotency.responses import answer_once
from service.web.body import StrictRoute, UploadRoute
from service.web.context import json_response, request_id
from service.web.headers import NEXT_AFTER
from service.web.openapi import (
    API_PREFIX,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
)
from service.web.paging import PageDependency

router = APIRouter(prefix=API_PREFIX, tags=["Batch"], route_class=StrictRoute)
upload_router = APIRouter(prefix=API_PREFIX, tags=["Batch"], route_class=UploadRoute)

RESULT_LINE_SCHEMAS: dict[str, TypeAdapter[Any]] = {"BatchResultLine": TypeAdapter(BatchResultLine)}
_JSON_LINES = "application/x-ndjson"
_MAX_PAGE = 1000

_CREATES = (400, 401, 403, 409, 413, 415, 500, 503)
_LISTS = (400, 401, 403, 500, 503)
_READS = (400, 401, 403, 404, 500, 503)
_encode = msgspec.json.Encoder().encode


async def get_batches(request: Request) -> Batches:
    """The use case that the lifespan wired."""
    batches: Batches = request.state.batches
    return batches


BatchesDependency = Annotated[Batches, Depends(get_batches)]
Caller = Annotated[Principal, Depends(requires("batch"))]
BatchId = Annotated[str, Path(pattern=BATCH_ID_PATTERN, description="The id of a batch.")]


@router.post(
    "/batches",
    status_code=202,
    response_model=Batch,
    responses=answer_response("The batch, which will be run.", examples.QUEUED, status=202)
    | error_responses(_CREATES),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def create_batch(
    body: Annotated[CreateBatchRequest, Body(openapi_examples=examples.CREATE_BODIES)],
    request: Request,
    caller: Caller,
    batches: BatchesDependency,
) -> Response:
    """Have up to 50,000 requests answered, as time, limits and budget allow.

    The batch survives restarts; it runs under the key that it came with, and ends with it. Its requests and
    results are deleted 30 days after its end, unless the operator has set another time.
    """
    items = ListedItems(body)
    await items.check(batches.check_of(body.mode))
    work = batches.create(caller, items, _how(body), request_id=request_id(request))
    return await answer_once(request, work, Batch.of, status=202)


@upload_router.post(
    "/batches/upload",
    status_code=202,
    response_model=Batch,
    responses=answer_response("The batch, which will be run.", examples.QUEUED, status=202)
    | error_responses(_CREATES),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def upload_batch(
    form: Annotated[UploadBatchForm, Form(media_type="multipart/form-data")],
    request: Request,
    caller: Caller,
    batches: BatchesDependency,
) -> Response:
    """Have the requests of a JSON Lines file answered, up to 50,000 of them.

    As `POST /batches`. If a line cannot be used, none is: the error's `field` is `file.` and its number.
    """
    if len((await request.form()).getlist("file")) > 1:  # of which `form` has the last
        raise InvalidRequest("A batch is made of one file", field="file")
    items = FileItems(form.file.file, max_line_bytes=request.app.state.max_body_bytes)
    await items.check(batches.check_of(form.mode))
    asked = form.model_dump(exclude={"file"}) | {"file": items.digest}
    work = batches.create(caller, items, _how(form), request_id=request_id(request))
    return await answer_once(request, work, Batch.of, status=202, asked=asked)


@router.get(
    "/batches",
    response_model=BatchList,
    responses=answer_response("A page of batches.", examples.BATCH_LIST) | error_responses(_LISTS),
)
async def list_batches(
    page: PageDependency, caller: Caller, batches: BatchesDependency
) -> Response:
    """List your tenant's batches, the newest first."""
    found = await batches.list_batches(caller, limit=page.rows, before=page.after)
    shown, next_cursor = page.cut(found, lambda batch: batch.id)
    return json_response(
        BatchList(data=[Batch.of(batch) for batch in shown], next_cursor=next_cursor)
    )


@router.get(
    "/batches/{batch_id}",
    response_model=Batch,
    responses=answer_response("The batch, as it stands.", examples.BATCH) | error_responses(_READS),
)
async def get_batch(batch_id: BatchId, caller: Caller, batches: BatchesDependency) -> Response:
    """See how far a batch is, and what it has cost."""
    return json_response(Batch.of(await batches.get(caller, batch_id)))


@router.get(
    "/batches/{batch_id}/results",
    response_class=Response,
    responses=error_responses(_READS)
    | {
        200: {
            "description": "JSON Lines: an object for each request that has ended, in input order.",
            "headers": {
                NEXT_AFTER: {
                    "description": "With `limit`, unless that was all: the `after` of the next page.",
                    "schema": {"type": "integer"},
                    "example": 499,
                }
            },
            "content": {
                _JSON_LINES: {
                    "schema": {"$ref": "#/components/schemas/BatchResultLine"},
                    "example": examples.RESULT_LINE,
                }
            },
        }
    },
)
async def get_batch_results(
    batch_id: BatchId,
    caller: Caller,
    batches: BatchesDependency,
    after: Annotated[
        int | None,
        Query(ge=0, lt=MAX_ITEMS, description="Only requests with an `index` above this."),
    ] = None,
    limit: Annotated[
        int | None,
        Query(ge=1, le=_MAX_PAGE, description="How many a page has, at most; absent: all."),
    ] = None,
) -> Response:
    """Read the results that there are, as JSON Lines.

    Also while the batch runs: then those that end later may come to stand between lines that you have.
    """
    batch = await batches.get(caller, batch_id)
    start = -1 if after is None else after
    portions = batches.results(batch, after=start, limit=limit)
    if limit is None:
        # The first are read before the answer begins: until then, a failure has a status of its own.
        first = await anext(portions, None) or []
        return StreamingResponse(_streamed(first, portions), media_type=_JSON_LINES)
    page = [result async for some in portions for result in some]
    is_last = len(page) < limit or page[-1].index + 1 == batch.total
    headers = {} if is_last else {NEXT_AFTER: str(page[-1].index)}
    return Response(_lines(page), headers=headers, media_type=_JSON_LINES)


@router.post(
    "/batches/{batch_id}/cancel",
    response_model=Batch,
    responses=answer_response("The batch, which ends soon.", examples.BATCH)
    | error_responses(_READS),
)
async def cancel_batch(batch_id: BatchId, caller: Caller, batches: BatchesDependency) -> Response:
    """Cancel a batch.

    What is under way is stopped within seconds and billed for what it has used; results that there are stay.
    One that has ended stays as it is.
    """
    return json_response(Batch.of(await batches.cancel(caller, batch_id)))


def _how(asked: CreateBatchRequest | UploadBatchForm) -> HowToRun:
    return HowToRun(
        mode=asked.mode,
        max_concurrency=asked.max_concurrency,
        requests_per_second=asked.requests_per_second,
    )


async def _streamed(
    first: Sequence[ItemResult], rest: AsyncIterator[Sequence[ItemResult]]
) -> AsyncIterator[bytes]:
    yield _lines(first)
    async for some in rest:
        yield _lines(some)


def _lines(results: Sequence[ItemResult]) -> bytes:
    return b"".join([_line(result) for result in results])


def _line(result: ItemResult) -> bytes:
    """Built around the result as it is kept, which is JSON already."""
    name = "response" if result.state == "completed" else "error"
    return b'{"index":%d,"custom_id":%s,"%s":%s}\n' % (
        result.index,
        _encode(result.custom_id),
        name.encode(),
        result.result.encode(),
    )
