"""What webhook endpoints and deliveries look like, for the OpenAPI document."""

from typing import Any

CREATE_BODIES: dict[str, Any] = {
    "batches and budgets": {
        "summary": "The end of batches, and budgets that run out",
        "value": {
            "url": "https://example.com/hooks/ai",
            "events": ["batch.*", "usage.threshold_reached"],
        },
    },
    "every request": {
        "summary": "Each request, too",
        "value": {"url": "https://example.com/hooks/ai", "events": ["generation.*", "batch.*"]},
    },
}
CHANGE_BODIES: dict[str, Any] = {
    "enable": {"summary": "Enable it again", "value": {"enabled": True}},
    "url": {"summary": "Another URL", "value": {"url": "https://example.com/hooks/new"}},
}
ROTATE_BODIES: dict[str, Any] = {
    "overlap": {"summary": "Both sign for an hour", "value": {"overlap_seconds": 3600}},
    "at once": {"summary": "The old one ends at once", "value": {"overlap_seconds": 0}},
}

ENDPOINT: dict[str, Any] = {
    "id": "whe_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "url": "https://example.com/hooks/ai",
    "events": ["batch.*", "usage.threshold_reached"],
    "status": "enabled",
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "previous_secret_expires_at": None,
    "created_at": "2026-11-23T09:30:00Z",
}
NEW_ENDPOINT = ENDPOINT | {"secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDw4cuOJG0gUs="}
ROTATED_ENDPOINT = NEW_ENDPOINT | {"previous_secret_expires_at": "2026-11-24T09:30:00Z"}
ENDPOINT_LIST = {"data": [ENDPOINT], "next_cursor": None}
PENDING_DELIVERY: dict[str, Any] = {
    "id": "whd_0193a1b2d9f8e7c6a5b4c3d2e1f00918",
    "endpoint_id": "whe_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "event_id": "evt_0193a1b2d9f8e7c6a5b4c3d2e1f00917",
    "event_type": "webhook_endpoint.test",
    "status": "pending",
    "attempts": 0,
    "created_at": "2026-11-23T09:40:00Z",
    "next_attempt_at": "2026-11-23T09:40:00Z",
    "last_attempt_at": None,
    "delivered_at": None,
    "response_status": None,
    "error": None,
}
DELIVERY = PENDING_DELIVERY | {
    "event_type": "batch.completed",
    "status": "failed",
    "attempts": 9,
    "next_attempt_at": None,
    "last_attempt_at": "2026-11-26T09:40:01Z",
    "response_status": 502,
}
DELIVERY_LIST = {"data": [DELIVERY], "next_cursor": None}
REDELIVERED: dict[str, Any] = {"redelivered": 12}
