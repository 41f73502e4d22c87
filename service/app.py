"""The ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from service import __version__
from service.access.dependencies import (
    paths_signed_by_sender,
    refuse_open_routes,
    scopes_by_operation,
)
from service.access.endpoints import Access
from service.access.endpoints import router as access
from service.access.limit_headers import LimitHeaders
from service.access.middleware import KeyCheck, keys_unavailable
from service.access.ports import KeyStoreUnavailable
from service.access.signing import SignatureCheck
from service.batches.durable.endpoints import RESULT_LINE_SCHEMAS
from service.batches.durable.endpoints import router as durable_batches
from service.batches.durable.endpoints import upload_router as batch_uploads
from service.batches.endpoints import router as batches
from service.bootstrap import Services, ServicesOpener, open_services
from service.conversations.endpoints import router as conversations
from service.core.errors import ServiceError, Unavailable
from service.embeddings.endpoints import router as embeddings
from service.generation.endpoints import STREAM_EVENT_SCHEMAS
from service.generation.endpoints import router as generation
from service.models.endpoints import router as models
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.operations.endpoints import router as operations
from service.prompts.calls import router as prompt_calls
from service.prompts.endpoints import router as prompts
from service.retrieval.endpoints import STREAM_EVENT_SCHEMAS as RETRIEVAL_EVENT_SCHEMAS
from service.retrieval.endpoints import Retrieval
from service.retrieval.endpoints import router as retrieval
from service.retrieval.endpoints import upload_router as document_uploads
from service.settings import Settings
from service.usage.endpoints import router as usage
from service.web import docs, openapi
from service.web.admission import Admission, Gate
from service.web.body import UnusableBody
from service.web.context import request_id
from service.web.cors import Cors
from service.web.errors import error_response
from service.web.hosts import HostCheck
from service.web.https import HttpsOnly
from service.web.requests import LastResort, RequestEnvelope
from service.web.validation import from_http_exception, invalid_request
from service.webhooks.endpoints import router as webhooks
from service.webhooks.inbound_endpoints import BODY_SCHEMAS as INBOUND_BODY_SCHEMAS
from service.webhooks.inbound_endpoints import router as inbound_webhooks
from service.webhooks.ports import WebhookStoreUnavailable

_DESCRIPTION = """\
One API in front of Anthropic, OpenAI and any OpenAI-compatible server: fallback, retries under one
deadline, honest streams, and a ledger of what everything cost.

Where the operator asks for signed requests, send `X-Timestamp` (unix seconds) and `X-Signature`, the hex
HMAC-SHA256 under your key of `METHOD\\nPATH?QUERY\\nTIMESTAMP\\n` and the body's hex SHA-256.

Every error is `{"error": {"type", "message", "request_id", …}}`, whose `type` is stable. Lists are read page
by page: what an answer has as `next_cursor` is the next one's `cursor`.

Press **Authorize** and paste your key into `X-API-Key`; then **Try it out** works everywhere.
"""
_TAGS = [
    {"name": "Generation", "description": "Text and chat, whole or streamed."},
    {"name": "Conversations", "description": "Chat with memory: what was said is kept here."},
    {"name": "Embeddings", "description": "Texts to vectors."},
    {"name": "Batch", "description": "Many requests in one: at once, or as a durable batch."},
    {"name": "Prompts", "description": "Templates in versions, and answers made with them."},
    {"name": "Collections", "description": "Documents, and answers from them."},
    {"name": "Models", "description": "What can be asked, what it can do and what it costs."},
    {
        "name": "Usage",
        "description": "What was used and what it cost, request by request and in sums.",
    },
    {"name": "Keys", "description": "Who may call, what they may do and how much they may use up."},
    {
        "name": "Webhooks",
        "description": "URLs that are told of what happens, and what providers report.",
    },
    {"name": "Operations", "description": "For probes and scrapers; no key needed."},
]

ROOMS = (
    generation,
    conversations,
    embeddings,
    batches,
    durable_batches,
    batch_uploads,
    prompts,
    prompt_calls,
    retrieval,
    document_uploads,
    models,
    usage,
    access,
    webhooks,
    inbound_webhooks,
    operations,
)
"""All that is served under the API's paths, in the document's order."""

SCHEMAS = (
    STREAM_EVENT_SCHEMAS | RESULT_LINE_SCHEMAS | RETRIEVAL_EVENT_SCHEMAS | INBOUND_BODY_SCHEMAS
)
"""By name: what FastAPI does not find by itself, since it is no operation's JSON."""

_WEBHOOKS_RETRY_AFTER_SECONDS = 5.0


def create_app(
    settings: Settings | None = None, *, open_services: ServicesOpener = open_services
) -> FastAPI:
    """The service as an ASGI application. Nothing is opened before its lifespan starts."""
    settings = settings or Settings()
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with open_services(settings, metrics=metrics) as services:
            app.state.services = services
            with services.draining.on_signals():
                yield _request_state(services, settings, metrics)

    app = FastAPI(
        title="AI Service",
        version=__version__,
        summary="One self-hosted API in front of many model providers.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.max_body_bytes = settings.max_body_bytes
    app.state.max_upload_bytes = settings.max_upload_bytes
    for room in ROOMS:
        app.include_router(room)
    refuse_open_routes(app.routes, prefix=openapi.API_PREFIX)
    signed_by_sender = paths_signed_by_sender(app.routes)
    docs.install(app)
    openapi.install(
        app,
        schemas={
            name: adapter.json_schema(ref_template="#/components/schemas/{model}")
            for name, adapter in SCHEMAS.items()
        },
        scopes=scopes_by_operation(app.routes),
        paths_without_key=signed_by_sender,
    )
    _answer_errors_in_one_envelope(app, metrics)
    # The last one added is the outermost.
    if settings.request_signing != "off":
        app.add_middleware(
            SignatureCheck,
            prefix=f"{openapi.API_PREFIX}/",
            signed_by_sender=signed_by_sender,
            required=settings.request_signing == "required",
            max_body_bytes=settings.max_body_bytes,
            metrics=metrics,
        )
    app.add_middleware(
        Admission,
        prefix=f"{openapi.API_PREFIX}/",
        requests=_gate(settings, settings.max_concurrent_requests),
        streams=_gate(settings, settings.max_concurrent_streams),
        metrics=metrics,
    )
    app.add_middleware(LimitHeaders)
    app.add_middleware(
        KeyCheck,
        prefix=f"{openapi.API_PREFIX}/",
        signed_by_sender=signed_by_sender,
        metrics=metrics,
    )
    app.add_middleware(LastResort, metrics=metrics)
    if settings.cors_origins:
        app.add_middleware(Cors, origins=settings.cors_origins, metrics=metrics)
    app.add_middleware(HostCheck, metrics=metrics)
    if settings.require_https:
        # Outside of CORS: a preflight that is answered has the browser send its key in the clear.
        app.add_middleware(HttpsOnly, metrics=metrics)
    app.add_middleware(RequestEnvelope, metrics=metrics)
    if settings.trusted_proxies:
        app.add_middleware(
            ProxyHeadersMiddleware, trusted_hosts=[str(net) for net in settings.trusted_proxies]
        )
    return app


def _request_state(services: Services, settings: Settings, metrics: Metrics) -> dict[str, object]:
    """What every request finds in `request.state`."""
    return {
        "authenticator": services.parts.authenticator,
        "signatures": services.parts.signatures,
        "sender_signatures": services.parts.sender_signatures,
        "idempotency": services.parts.idempotency,
        "limits": services.limits,
        "rotation_reminder": services.parts.rotation_reminder,
        "access": Access(services.keys, services.tenants, services.parts.clock),
        "generation": services.generation,
        "batches": services.batches,
        "conversations": services.conversations,
        "embedding": services.embedding,
        "models": services.models,
        "reporting": services.reporting,
        "webhooks": services.webhooks,
        "inbound": services.inbound,
        "prompts": services.prompts,
        "operations": services.operations,
        "retrieval": Retrieval(
            collections=services.collections,
            search=services.search,
            answers=services.answers,
        ),
        "metrics": metrics,
        "running_streams": services.running_streams,
        "heartbeat_seconds": settings.stream_heartbeat_seconds,
    }


def _gate(settings: Settings, places: int) -> Gate:
    return Gate(
        places=places,
        queue_size=settings.admission_queue_size,
        queue_seconds=settings.admission_queue_seconds,
    )


def _answer_errors_in_one_envelope(app: FastAPI, metrics: Metrics) -> None:
    def answer(request: Request, error: ServiceError, headers: dict[str, str]) -> Response:
        metrics.error(error.type)
        note(error_type=error.type)
        return error_response(error, request_id(request), headers=headers)

    @app.exception_handler(ServiceError)
    async def _service_error(request: Request, error: ServiceError) -> Response:
        return answer(request, error, {})

    @app.exception_handler(KeyStoreUnavailable)
    async def _key_store_unavailable(request: Request, _: KeyStoreUnavailable) -> Response:
        return answer(request, keys_unavailable(), {})

    @app.exception_handler(WebhookStoreUnavailable)
    async def _webhooks_unavailable(request: Request, _: WebhookStoreUnavailable) -> Response:
        away = Unavailable(
            "Webhooks cannot be asked for now", retry_after_seconds=_WEBHOOKS_RETRY_AFTER_SECONDS
        )
        return answer(request, away, {})

    @app.exception_handler(RequestValidationError)
    async def _validation_error(request: Request, error: RequestValidationError) -> Response:
        return answer(request, invalid_request(error), {})

    @app.exception_handler(HTTPException)
    async def _http_exception(request: Request, error: HTTPException) -> Response:
        known = error.error if isinstance(error, UnusableBody) else from_http_exception(error)
        return answer(request, known, dict(error.headers or {}))
