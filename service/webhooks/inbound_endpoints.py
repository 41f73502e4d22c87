"""`/webhooks/llm-provider`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter

from service.access.dependencies import signed_by_sender
from service.access.senders import (
    SIGNATURE,
    STANDARD_ID,
    STANDARD_SIGNATURE,
    STANDARD_TIMESTAMP,
    SignedMessage,
)
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.openapi import API_PREFIX, NOT_FOR_SDKS, answer_response, error_responses
from service.webhooks.inbound_events import InboundEvent
from service.webhooks.inbound_schemas import EventReceived, ProviderEvent
from service.webhooks.inbound_usecases import Inbound

router = APIRouter(prefix=API_PREFIX, tags=["Webhooks"], route_class=StrictRoute)

BODY_SCHEMAS: dict[str, TypeAdapter[Any]] = {ProviderEvent.__name__: TypeAdapter(ProviderEvent)}
"""The signature is checked before the body is read as JSON, so FastAPI does not see what it should be."""

_COMPLETED = {
    "type": "generation.completed",
    "data": {"request_id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e", "result": "Hello"},
    "timestamp": "2026-11-23T10:00:00Z",
}
_FAILED = {
    "type": "generation.failed",
    "data": {
        "request_id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
    },
}
_BATCH = {
    "id": "evt_685343a1381c819085d44c354e1b330e",
    "object": "event",
    "created_at": 1_763_892_000,
    "type": "batch.completed",
    "data": {"id": "batch_682bf2cf7f1c8190"},
}
_HEADERS = {
    SIGNATURE: "Hex HMAC-SHA256 of the raw body; its key is the secret's text, with `whsec_`.",
    STANDARD_ID: "Standard Webhooks: the message's id, by which a repeat is known.",
    STANDARD_TIMESTAMP: "Standard Webhooks: unix seconds, at most 300 off.",
    STANDARD_SIGNATURE: "Standard Webhooks: `v1,` and a signature in base64; several may be given.",
}
_OPENAPI = {
    **NOT_FOR_SDKS,
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string"},
        }
        for name, description in _HEADERS.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{ProviderEvent.__name__}"},
                "examples": {
                    "completed": {"summary": "A generation has ended", "value": _COMPLETED},
                    "failed": {"summary": "A generation has failed", "value": _FAILED},
                    "batch": {"summary": "A batch at OpenAI", "value": _BATCH},
                },
            }
        },
    },
}


async def get_inbound(request: Request) -> Inbound:
    """The use case that the lifespan wired."""
    inbound: Inbound = request.state.inbound
    return inbound


@router.post(
    "/webhooks/llm-provider",
    response_model=EventReceived,
    responses=answer_response("The event has come.", {"received": True})
    | error_responses((400, 401, 404, 413, 500, 503)),
    openapi_extra=_OPENAPI,
)
async def receive_provider_event(
    message: Annotated[SignedMessage, Depends(signed_by_sender)],
    inbound: Annotated[Inbound, Depends(get_inbound)],
) -> Response:
    """Take a provider's event; its signature stands for the key.

    The signature is one of two: `X-Webhook-Signature`, or the three headers of Standard Webhooks. What an
    event says of a request is shown by `GET /requests/{request_id}` and told to the request's tenant by its
    webhook endpoints; it changes neither status nor cost. A repeat has no second effect. Without a secret in
    the settings there is nothing here.
    """
    event = ProviderEvent.read(message.body)
    await inbound.receive(
        InboundEvent(
            type=event.type,
            data=event.data,
            happened_at=event.timestamp,
            id=event.id,
            signed_id=message.id,
            body=message.body,
        )
    )
    return json_response(EventReceived())
