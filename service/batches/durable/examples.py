"""The examples of durable batches that the OpenAPI document shows."""

from typing import Any

from service.generation.examples import GENERATE_ANSWER

CREATE_BODIES: dict[str, Any] = {
    "prompts": {
        "summary": "Prompts",
        "value": {"prompts": ["Summarize: …", "Translate: …"], "model": "haiku"},
    },
    "requests": {
        "summary": "Full requests",
        "value": {
            "requests": [
                {"custom_id": "order-4711", "prompt": "Summarize: …", "max_tokens": 200},
                {"custom_id": "order-4712", "messages": [{"role": "user", "content": "Hello"}]},
            ],
            "max_concurrency": 4,
            "requests_per_second": 10,
        },
    },
}
BATCH: dict[str, Any] = {
    "id": "batch_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "status": "running",
    "counts": {"total": 2, "completed": 1, "failed": 0, "cancelled": 0},
    "usage": GENERATE_ANSWER["usage"],
    "cost_usd": GENERATE_ANSWER["cost_usd"],
    "mode": "service",
    "max_concurrency": 8,
    "created_at": "2026-11-23T12:00:00Z",
    "started_at": "2026-11-23T12:00:01Z",
    "expires_at": "2026-11-30T12:00:00Z",
}
QUEUED: dict[str, Any] = BATCH | {
    "status": "queued",
    "counts": {"total": 2, "completed": 0, "failed": 0, "cancelled": 0},
    "usage": dict.fromkeys(GENERATE_ANSWER["usage"], 0),
    "cost_usd": 0,
}
BATCH_LIST: dict[str, Any] = {"data": [BATCH], "next_cursor": "YmF0Y2hfMDE5M2ExYjJjM2Q0ZTVm"}
RESULT_LINE: dict[str, Any] = {"index": 0, "custom_id": "order-4711", "response": GENERATE_ANSWER}
