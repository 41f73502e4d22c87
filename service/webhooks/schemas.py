"""The bodies of webhook endpoints and deliveries."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from service.web.schemas import RequestModel, ResponseModel
from service.webhooks import ports
from service.webhooks.ports import DeliveryStatus, DisabledReason, EventPattern, WebhookEndpoint

ENDPOINT_ID_PATTERN = r"^whe_[0-9a-f]{32}$"
DELIVERY_ID_PATTERN = r"^whd_[0-9a-f]{32}$"
MAX_OVERLAP_SECONDS = 7 * 24 * 3600

_URL = (
    "Where to: https, at a public address or at a host that the operator allows; without user name,"
    " password and fragment."
)
_EVENTS = (
    "What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent for each"
    " request, once it is settled."
)

Url = Annotated[
    str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00-\x20\x7f-\x9f]+$")
]
Events = Annotated[list[EventPattern], Field(min_length=1, max_length=20)]


class CreateWebhookEndpointRequest(RequestModel):
    """Where to tell of what."""

    url: Url = Field(description=_URL, examples=["https://example.com/hooks/ai"])
    events: Events = Field(description=_EVENTS, examples=[["batch.*", "usage.threshold_reached"]])


def _absent() -> Any:
    """The default of a field whose absence means that nothing changes; it is never read."""
    return None


class ChangeWebhookEndpointRequest(RequestModel):
    """What is to be changed of an endpoint; what is absent stays as it is."""

    url: Url = Field(default_factory=_absent, description=_URL)
    events: Events = Field(default_factory=_absent, description=f"{_EVENTS} Replaced whole.")
    enabled: bool = Field(
        default_factory=_absent,
        description="`false`: nothing is sent any more, and what was pending has failed. `true`: events"
        " are sent from now on; `redeliver-failed` sends what has failed again.",
    )


class RotateWebhookSecretRequest(RequestModel):
    """How a secret is to be rotated."""

    overlap_seconds: int = Field(
        86_400,
        ge=0,
        le=MAX_OVERLAP_SECONDS,
        description="For how long both secrets sign; 0: the old one ends at once.",
    )


class WebhookEndpointResponse(ResponseModel):
    """An endpoint, without its secret."""

    id: str = Field(description="Its id.")
    url: str = Field(description="Where to, normalised.")
    events: list[EventPattern] = Field(description="What is sent.")
    status: Literal["enabled", "disabled"] = Field(description="Whether anything is sent.")
    disabled_at: datetime | None = Field(None, description="When it was disabled.")
    disabled_reason: DisabledReason | None = Field(
        None,
        description="`requested`: by a change; `gone`: it answered 410; `failing`: nothing could be"
        " delivered for three days.",
    )
    failing_since: datetime | None = Field(
        None, description="The first failure since anything was delivered. Null: it is well."
    )
    previous_secret_expires_at: datetime | None = Field(
        None, description="Until when the secret before the last rotation signs, or signed."
    )
    created_at: datetime = Field(description="When it was made.")

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> "WebhookEndpointResponse":
        """As the API shows it."""
        return cls(**_shown(endpoint))


class NewWebhookEndpointResponse(WebhookEndpointResponse):
    """An endpoint with its secret, which is shown this once."""

    secret: str = Field(description="What verifies deliveries, as Standard Webhooks has it.")

    @classmethod
    def of_new(cls, endpoint: WebhookEndpoint, secret: str) -> "NewWebhookEndpointResponse":
        """As the API shows it."""
        return cls(**_shown(endpoint), secret=secret)


class WebhookEndpointListResponse(ResponseModel):
    """A page of endpoints, the newest first."""

    data: list[WebhookEndpointResponse] = Field(description="The endpoints.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class WebhookDeliveryResponse(ResponseModel):
    """One event for one endpoint, and how far it has come."""

    id: str = Field(description="Its id.")
    endpoint_id: str = Field(description="Where to.")
    event_id: str = Field(description="The `webhook-id` that it carries, the same at each attempt.")
    event_type: str = Field(description="The event.", examples=["batch.completed"])
    status: DeliveryStatus = Field(
        description="`pending`: to be tried, again or at all; `failed`: not tried any more."
    )
    attempts: int = Field(description="How often it was tried since it was last asked for.")
    created_at: datetime = Field(description="When it was made.")
    next_attempt_at: datetime | None = Field(
        None, description="When a pending one is tried; while it is, the latest time of the next."
    )
    last_attempt_at: datetime | None = Field(None, description="When it was last tried.")
    delivered_at: datetime | None = Field(None, description="When it was taken.")
    response_status: int | None = Field(None, description="The last answer's status.")
    error: str | None = Field(
        None,
        description="Why there was no answer: `address_refused`, `connection_failed`, `timeout`,"
        " `broken_answer`, `url_refused`, or `secret_unreadable`: rotate the secret.",
        examples=["timeout"],
    )

    @classmethod
    def of(cls, delivery: ports.Delivery) -> "WebhookDeliveryResponse":
        """As the API shows it."""
        return cls(**{name: getattr(delivery, name) for name in cls.model_fields})


class WebhookDeliveryListResponse(ResponseModel):
    """A page of deliveries, the newest first."""

    data: list[WebhookDeliveryResponse] = Field(description="The deliveries.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class RedeliveredResponse(ResponseModel):
    """What is sent again."""

    redelivered: int = Field(description="How many deliveries.", examples=[12])


def _shown(endpoint: WebhookEndpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "status": "enabled" if endpoint.disabled_at is None else "disabled",
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": endpoint.failing_since,
        "previous_secret_expires_at": endpoint.previous_secret_expires_at,
        "created_at": endpoint.created_at,
    }
