"""`/webhook-endpoints` and `/webhook-deliveries`.

They need the scope `admin`: an endpoint is told what every key of its tenant does.
"""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.web.body import StrictRoute
from service.web.context import json_response
from service.web.openapi import API_PREFIX, answer_response, error_responses
from service.web.paging import PageDependency
from service.webhooks import examples
from service.webhooks.ports import DeliveryStatus
from service.webhooks.schemas import (
    DELIVERY_ID_PATTERN,
    ENDPOINT_ID_PATTERN,
    ChangeWebhookEndpointRequest,
    CreateWebhookEndpointRequest,
    NewWebhookEndpointResponse,
    RedeliveredResponse,
    RotateWebhookSecretRequest,
    WebhookDeliveryListResponse,
    WebhookDeliveryResponse,
    WebhookEndpointListResponse,
    WebhookEndpointResponse,
)
from service.webhooks.usecases import NewWebhookSecret, Webhooks

router = APIRouter(prefix=API_PREFIX, tags=["Webhooks"], route_class=StrictRoute)

_LISTS = (400, 401, 403, 500, 503)
_READS = (400, 401, 403, 404, 500, 503)
_SENDS = (400, 401, 403, 404, 409, 500, 503)
_CREATES = (400, 401, 403, 409, 413, 415, 500, 503)
_CHANGES = (400, 401, 403, 404, 413, 415, 500, 503)


async def get_webhooks(request: Request) -> Webhooks:
    """The use cases that the lifespan wired."""
    webhooks: Webhooks = request.state.webhooks
    return webhooks


WebhooksDependency = Annotated[Webhooks, Depends(get_webhooks)]
Ruler = Annotated[Principal, Depends(requires("admin"))]
EndpointId = Annotated[
    str, Path(pattern=ENDPOINT_ID_PATTERN, description="The id of a webhook endpoint.")
]
DeliveryId = Annotated[
    str, Path(pattern=DELIVERY_ID_PATTERN, description="The id of a webhook delivery.")
]


@router.post(
    "/webhook-endpoints",
    status_code=201,
    response_model=NewWebhookEndpointResponse,
    responses=answer_response("The endpoint, with its secret.", examples.NEW_ENDPOINT, status=201)
    | error_responses(_CREATES),
)
async def create_webhook_endpoint(
    body: Annotated[CreateWebhookEndpointRequest, Body(openapi_examples=examples.CREATE_BODIES)],
    caller: Ruler,
    webhooks: WebhooksDependency,
) -> Response:
    """Register a URL to be told of events. Its secret is shown this once.

    Deliveries are signed as Standard Webhooks has it. One that is not answered with a 2xx within 10 s is
    tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then daily, for three days; `Retry-After` is
    respected. Their order is not promised, and one may come twice: `webhook-id` tells.
    """
    return _new_secret(await webhooks.create(caller, url=body.url, events=body.events), status=201)


@router.get(
    "/webhook-endpoints",
    response_model=WebhookEndpointListResponse,
    responses=answer_response("A page of endpoints.", examples.ENDPOINT_LIST)
    | error_responses(_LISTS),
)
async def list_webhook_endpoints(
    page: PageDependency, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """List your tenant's webhook endpoints, the newest first."""
    found = await webhooks.list_endpoints(caller, limit=page.rows, before=page.after)
    endpoints, next_cursor = page.cut(found, lambda endpoint: endpoint.id)
    return json_response(
        WebhookEndpointListResponse(
            data=[WebhookEndpointResponse.of(endpoint) for endpoint in endpoints],
            next_cursor=next_cursor,
        )
    )


@router.get(
    "/webhook-endpoints/{endpoint_id}",
    response_model=WebhookEndpointResponse,
    responses=answer_response("The endpoint.", examples.ENDPOINT) | error_responses(_READS),
)
async def get_webhook_endpoint(
    endpoint_id: EndpointId, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """Look at a webhook endpoint: whether it is well, and, if it is disabled, why."""
    return json_response(WebhookEndpointResponse.of(await webhooks.get(caller, endpoint_id)))


@router.patch(
    "/webhook-endpoints/{endpoint_id}",
    response_model=WebhookEndpointResponse,
    responses=answer_response("The endpoint as it now is.", examples.ENDPOINT)
    | error_responses(_CHANGES),
)
async def change_webhook_endpoint(
    endpoint_id: EndpointId,
    body: Annotated[ChangeWebhookEndpointRequest, Body(openapi_examples=examples.CHANGE_BODIES)],
    caller: Ruler,
    webhooks: WebhooksDependency,
) -> Response:
    """Change a webhook endpoint, disable it, or enable it again."""
    endpoint = await webhooks.change(
        caller, endpoint_id, url=body.url, events=body.events, enabled=body.enabled
    )
    return json_response(WebhookEndpointResponse.of(endpoint))


@router.delete(
    "/webhook-endpoints/{endpoint_id}",
    status_code=204,
    response_class=Response,
    responses={204: {"description": "It is deleted."}, **error_responses(_READS)},
)
async def delete_webhook_endpoint(
    endpoint_id: EndpointId, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """Delete a webhook endpoint, with the list of its deliveries."""
    await webhooks.delete(caller, endpoint_id)
    return Response(status_code=204)


@router.post(
    "/webhook-endpoints/{endpoint_id}/rotate-secret",
    response_model=NewWebhookEndpointResponse,
    responses=answer_response("The endpoint, with its new secret.", examples.ROTATED_ENDPOINT)
    | error_responses(_CHANGES),
)
async def rotate_webhook_secret(
    endpoint_id: EndpointId,
    body: Annotated[RotateWebhookSecretRequest, Body(openapi_examples=examples.ROTATE_BODIES)],
    caller: Ruler,
    webhooks: WebhooksDependency,
) -> Response:
    """Give a webhook endpoint another secret. For a while both sign each delivery."""
    rotated = await webhooks.rotate_secret(
        caller, endpoint_id, overlap_seconds=body.overlap_seconds
    )
    return _new_secret(rotated, status=200)


@router.post(
    "/webhook-endpoints/{endpoint_id}/test",
    status_code=202,
    response_model=WebhookDeliveryResponse,
    responses=answer_response("The delivery.", examples.PENDING_DELIVERY, status=202)
    | error_responses(_SENDS),
)
async def test_webhook_endpoint(
    endpoint_id: EndpointId, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """Send a test, once: an event `webhook_endpoint.test`. How it went is in the list of deliveries."""
    delivery = await webhooks.test(caller, endpoint_id)
    return json_response(WebhookDeliveryResponse.of(delivery), status=202)


@router.get(
    "/webhook-endpoints/{endpoint_id}/deliveries",
    response_model=WebhookDeliveryListResponse,
    responses=answer_response("A page of deliveries.", examples.DELIVERY_LIST)
    | error_responses(_READS),
)
async def list_webhook_deliveries(
    endpoint_id: EndpointId,
    page: PageDependency,
    caller: Ruler,
    webhooks: WebhooksDependency,
    status: Annotated[
        DeliveryStatus | None, Query(description="Only those of this status; absent: all.")
    ] = None,
) -> Response:
    """List the deliveries to a webhook endpoint, the newest first.

    They are kept for 30 days after their end, unless the operator has set another time.
    """
    found = await webhooks.list_deliveries(
        caller, endpoint_id, status=status, limit=page.rows, before=page.after
    )
    deliveries, next_cursor = page.cut(found, lambda delivery: delivery.id)
    return json_response(
        WebhookDeliveryListResponse(
            data=[WebhookDeliveryResponse.of(delivery) for delivery in deliveries],
            next_cursor=next_cursor,
        )
    )


@router.post(
    "/webhook-endpoints/{endpoint_id}/redeliver-failed",
    status_code=202,
    response_model=RedeliveredResponse,
    responses=answer_response("How many are sent again.", examples.REDELIVERED, status=202)
    | error_responses(_SENDS),
)
async def redeliver_failed_webhooks(
    endpoint_id: EndpointId, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """Send all failed deliveries to a webhook endpoint again."""
    count = await webhooks.redeliver_failed(caller, endpoint_id)
    return json_response(RedeliveredResponse(redelivered=count), status=202)


@router.post(
    "/webhook-deliveries/{delivery_id}/redeliver",
    status_code=202,
    response_model=WebhookDeliveryResponse,
    responses=answer_response("The delivery.", examples.PENDING_DELIVERY, status=202)
    | error_responses(_SENDS),
)
async def redeliver_webhook(
    delivery_id: DeliveryId, caller: Ruler, webhooks: WebhooksDependency
) -> Response:
    """Send a delivery again, however it ended; a pending one, now."""
    delivery = await webhooks.redeliver(caller, delivery_id)
    return json_response(WebhookDeliveryResponse.of(delivery), status=202)


def _new_secret(made: NewWebhookSecret, *, status: int) -> Response:
    body = NewWebhookEndpointResponse.of_new(made.endpoint, made.secret)
    # A secret must not stay in a cache on its way.
    return json_response(body, status=status, headers={"Cache-Control": "no-store"})
