"""What conversations look like, for the OpenAPI document."""

from typing import Any

CREATE_BODIES: dict[str, Any] = {
    "assistant": {
        "summary": "With instructions and tags",
        "value": {"system": "You are a helpful assistant.", "metadata": {"user": "u-1"}},
    },
    "empty": {"summary": "With nothing", "value": {}},
}
FORK_BODIES: dict[str, Any] = {
    "at the end": {"summary": "A copy of all of it", "value": {}},
    "at a message": {
        "summary": "Another way on from a message",
        "value": {"at_message_id": "msg_0193a1b2c4a5b6c7d8e9f00112233445"},
    },
}

NEW_CONVERSATION: dict[str, Any] = {
    "id": "conv_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "system": "You are a helpful assistant.",
    "metadata": {"user": "u-1"},
    "forked_from": None,
    "message_count": 0,
    "size_bytes": 0,
    "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "cached_input_tokens": 0},
    "cost_usd": 0.0,
    "created_at": "2026-11-23T09:30:00Z",
    "updated_at": "2026-11-23T09:30:00Z",
}
CONVERSATION: dict[str, Any] = NEW_CONVERSATION | {
    "message_count": 2,
    "size_bytes": 1141,
    "usage": {"input_tokens": 21, "output_tokens": 9, "total_tokens": 30, "cached_input_tokens": 0},
    "cost_usd": 0.000066,
    "updated_at": "2026-11-23T09:31:12Z",
}
FORK = CONVERSATION | {
    "id": "conv_0193a1b2d9f8e7c6a5b4c3d2e1f00918",
    "forked_from": CONVERSATION["id"],
    "usage": NEW_CONVERSATION["usage"],
    "cost_usd": 0.0,
}
CONVERSATION_LIST = {"data": [CONVERSATION], "next_cursor": None}
MESSAGES: list[dict[str, Any]] = [
    {
        "id": "msg_0193a1b2c4a5b6c7d8e9f00112233444",
        "role": "user",
        "content": "My name is Ada.",
        "status": "complete",
        "created_at": "2026-11-23T09:31:11Z",
    },
    {
        "id": "msg_0193a1b2c4a5b6c7d8e9f00112233445",
        "role": "assistant",
        "content": "Nice to meet you, Ada.",
        "status": "complete",
        "answer_id": "req_0193a1b2c3d4e5f60718293a4b5c6d7f",
        "created_at": "2026-11-23T09:31:12Z",
    },
]
MESSAGE_LIST = {"data": MESSAGES, "next_cursor": None}
EXPORT = CONVERSATION | {"messages": MESSAGES}
