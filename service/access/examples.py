"""What keys, tokens and tenants look like, for the OpenAPI document."""

from typing import Any

CREATE_KEY_BODIES: dict[str, Any] = {
    "backend": {
        "summary": "A backend with bounds",
        "value": {
            "name": "Billing backend",
            "scopes": ["generate", "embed"],
            "limits": {"requests_per_minute": 600, "tokens_per_minute": 200_000},
            "budget": {"limit_usd": 25, "period": "month"},
            "rotate_after_days": 90,
        },
    },
    "minimal": {"summary": "No bounds", "value": {"name": "Notebook", "scopes": ["generate"]}},
}
CHANGE_KEY_BODIES: dict[str, Any] = {
    "budget": {
        "summary": "Another budget",
        "value": {"budget": {"limit_usd": 50, "period": "month"}},
    },
    "scopes": {"summary": "Other scopes", "value": {"scopes": ["generate", "batch"]}},
}
ROTATE_KEY_BODIES: dict[str, Any] = {
    "overlap": {"summary": "Both work for a day", "value": {"overlap_seconds": 86_400}},
    "at once": {"summary": "The old one ends at once", "value": {"overlap_seconds": 0}},
}
MINT_TOKEN_BODIES: dict[str, Any] = {
    "chat page": {
        "summary": "For one visitor of a web page",
        "value": {
            "ttl_seconds": 900,
            "scopes": ["generate"],
            "budget": {"limit_usd": 0.5, "period": "total"},
        },
    },
    "defaults": {"summary": "A quarter of an hour, all that the key may", "value": {}},
}
PUT_TENANT_BODIES: dict[str, Any] = {
    "bounds": {
        "summary": "Bounds",
        "value": {
            "limits": {"requests_per_minute": 6_000},
            "budget": {"limit_usd": 500, "period": "month"},
        },
    },
    "none": {"summary": "No bounds", "value": {}},
}

KEY: dict[str, Any] = {
    "id": "key_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "name": "Billing backend",
    "prefix": "sk-ais-4f1c2a",
    "tenant": "acme",
    "parent_id": None,
    "scopes": ["generate", "embed"],
    "limits": {"requests_per_minute": 600, "tokens_per_minute": 200_000},
    "budget": {"limit_usd": 25.0, "period": "month"},
    "sanitize": "none",
    "rotate_after_days": 90,
    "created_at": "2026-11-23T09:30:00Z",
    "expires_at": None,
    "last_used_at": "2026-11-23T16:20:00Z",
    "previous_key_expires_at": None,
    "status": "active",
}
NEW_KEY = KEY | {
    "last_used_at": None,
    "key": "sk-ais-4f1c2aXJ3kPq8mVt0wYzB7nDhLr5sGcE9uFiAoKxQeM",
}
ROTATED_KEY = NEW_KEY | {"previous_key_expires_at": "2026-11-23T17:30:00Z"}
NEW_TOKEN = NEW_KEY | {
    "id": "key_0193a1b2d9f8e7c6a5b4c3d2e1f00918",
    "parent_id": "key_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "scopes": ["generate"],
    "limits": {"requests_per_minute": None, "tokens_per_minute": None},
    "budget": {"limit_usd": 0.5, "period": "total"},
    "rotate_after_days": None,
    "expires_at": "2026-11-23T09:45:00Z",
}
KEY_LIST = {"data": [KEY], "next_cursor": None}
TENANT = {
    "id": "acme",
    "limits": {"requests_per_minute": 6_000, "tokens_per_minute": None},
    "budget": {"limit_usd": 500.0, "period": "month"},
}
