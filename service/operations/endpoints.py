"""`/healthz`, `/readyz` and `/metrics`: open, for probes and scrapers, and without content."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service import __version__
from service.observability.metrics import CONTENT_TYPE, Metrics
from service.operations.schemas import Health, Readiness
from service.operations.usecases import Operations
from service.web.context import json_response
from service.web.openapi import answer_response, error_responses

router = APIRouter(tags=["Operations"])


async def get_operations(request: Request) -> Operations:
    """The use case that the lifespan wired."""
    operations: Operations = request.state.operations
    return operations


_READY = {
    "status": "ready",
    "checks": {
        "database": "ok",
        "cache": "ok",
        "providers": {"anthropic": "ok", "openai": "ok"},
    },
}
_NOT_READY = {
    "status": "unavailable",
    "checks": {
        "database": "unavailable",
        "cache": "ok",
        "providers": {"anthropic": "ok", "openai": "ok"},
    },
}


@router.head("/healthz", include_in_schema=False)
@router.get(
    "/healthz",
    response_model=Health,
    responses=answer_response("It is alive.", {"status": "ok", "version": __version__})
    | error_responses((500,)),
)
async def get_health() -> Response:
    """Tell whether the process is alive."""
    return json_response(Health(version=__version__))


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    response_model=Readiness,
    responses={
        **answer_response("Work can be taken.", _READY),
        503: {
            "model": Readiness,
            "description": "No work can be taken now.",
            "content": {"application/json": {"example": _NOT_READY}},
        },
        **error_responses((500,)),
    },
)
async def get_readiness(
    operations: Annotated[Operations, Depends(get_operations)],
) -> Response:
    """Tell whether work can be taken, and name what is degraded."""
    readiness = await operations.readiness()
    response = json_response(readiness)
    if readiness.status == "unavailable":
        response.status_code = 503
    return response


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'ai_service_errors_total{type="timeout"} 1.0\n',
                }
            },
        },
        **error_responses((500,)),
    },
)
async def get_metrics(request: Request) -> Response:
    """Show the metrics: requests, errors by type, tokens, cost, latencies, upstream attempts, breakers."""
    metrics: Metrics = request.state.metrics
    return Response(metrics.render(), media_type=CONTENT_TYPE)
