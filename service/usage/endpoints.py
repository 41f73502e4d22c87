"""`/usage` and `/requests/{request_id}`."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.usage.csv_export import to_csv
from service.usage.reports import UsageSummary
from service.usage.schemas import RequestQuery, RequestRecord, UsageQuery, UsageResponse
from service.usage.usecases import Reporting
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.disconnects import while_connected
from service.web.openapi import API_PREFIX, READS, answer_response, error_responses

router = APIRouter(prefix=API_PREFIX, tags=["Usage"], route_class=StrictRoute)

_CSV = "text/csv"
_SUMS = {
    "requests": 1204,
    "errors": 3,
    "cache_hits": 190,
    "input_tokens": 482_113,
    "output_tokens": 96_020,
    "total_tokens": 578_133,
    "cost_usd": 0.962213,
}
_REPORT = {"data": [{**_SUMS, "group": "2026-11-23"}], "totals": _SUMS}
_REPORT_AS_CSV = (
    "group,requests,errors,cache_hits,input_tokens,output_tokens,total_tokens,cost_usd\r\n"
    "2026-11-23,1204,3,190,482113,96020,578133,0.962213000\r\n"
)
_RECORD = {
    "id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "status": "completed",
    "kind": "generate",
    "stream": True,
    "model": "haiku",
    "key_id": "key_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "metadata": {"team": "search"},
    "prompt_name": None,
    "prompt_version": None,
    "created_at": "2026-11-23T10:00:00.000000Z",
    "error_type": None,
    "provider": "anthropic",
    "provider_model": "claude-haiku-5-5",
    "finish_reason": "stop",
    "usage": {
        "input_tokens": 12,
        "output_tokens": 3,
        "total_tokens": 15,
        "cached_input_tokens": 0,
    },
    "usage_source": "provider",
    "cost_usd": 0.000027,
    "cache_hit": False,
    "attempts": 1,
    "first_token_ms": 312.5,
    "duration_ms": 980.25,
    "completed_at": "2026-11-23T10:00:00.980250Z",
    "provider_report": None,
}


def _report_response() -> dict[int | str, dict[str, Any]]:
    responses = answer_response("The sums; as CSV without the totals.", _REPORT)
    responses[200]["content"][_CSV] = {"schema": {"type": "string"}, "example": _REPORT_AS_CSV}
    return responses


async def get_reporting(request: Request) -> Reporting:
    """The use case that the lifespan wired."""
    reporting: Reporting = request.state.reporting
    return reporting


Reader = Annotated[Principal, Depends(requires("usage:read"))]
ReportingDependency = Annotated[Reporting, Depends(get_reporting)]


@router.get(
    "/usage",
    response_model=UsageResponse,
    responses=_report_response() | error_responses((400, *READS, 504)),
)
async def get_usage(
    request: Request,
    caller: Reader,
    query: Annotated[UsageQuery, Query()],
    reporting: ReportingDependency,
) -> Response:
    """Add up what the tenant used: requests, tokens and cost by day, model, key, prompt or tag.

    A request belongs to the moment at which it began, and is counted once it has ended. With the header
    `Accept: text/csv` the answer is CSV; there, a group that a spreadsheet would take for a formula stands
    behind an apostrophe.
    """
    summary = await while_connected(
        request,
        reporting.summary(
            tenant=_tenant(caller, query.tenant),
            start=query.start,
            end=query.end,
            group_by=query.group_by,
        ),
    )
    # In a thread: what is written may be a megabyte or two.
    return await asyncio.to_thread(
        _csv_response if _CSV in request.headers.get("accept", "") else _json_response, summary
    )


@router.get(
    "/requests/{request_id}",
    response_model=RequestRecord,
    responses=answer_response("The record.", _RECORD) | error_responses((400, 404, *READS)),
)
async def get_request(
    request_id: Annotated[str, Path(description="The `id` of the answer: `req_…`.")],
    caller: Reader,
    query: Annotated[RequestQuery, Query()],
    reporting: ReportingDependency,
) -> Response:
    """Show what became of one request: its status, provider, tokens, cost and timings."""
    record = await reporting.find(request_id, tenant=_tenant(caller, query.tenant))
    return json_response(RequestRecord.of(record))


def _json_response(summary: UsageSummary) -> Response:
    response = json_response(UsageResponse.of(summary))
    response.headers["Vary"] = "Accept"
    return response


def _csv_response(summary: UsageSummary) -> Response:
    return Response(to_csv(summary), media_type=_CSV, headers={"Vary": "Accept"})


def _tenant(caller: Principal, asked: str | None) -> str:
    """Whose usage is read. Raises `NotAuthorized` for another's, unless the caller rules all tenants."""
    if asked is None or asked == caller.tenant:
        return caller.tenant
    caller.require("operator")
    return asked
