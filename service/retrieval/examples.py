"""The examples of collections that the OpenAPI document shows."""

from typing import Any

PUT_COLLECTION_BODIES: dict[str, Any] = {
    "defaults": {"summary": "As it comes", "value": {}},
    "small": {
        "summary": "Small chunks",
        "value": {"embedding_model": "embedding", "chunk_size": 256, "chunk_overlap": 32},
    },
}
COLLECTION: dict[str, Any] = {
    "name": "kb",
    "embedding_model": "embedding",
    "chunk_size": 512,
    "chunk_overlap": 64,
    "document_count": 30,
    "chunk_count": 74,
    "created_at": "2026-11-23T12:00:00Z",
    "updated_at": "2026-11-23T12:00:00Z",
}
COLLECTION_LIST = {"data": [COLLECTION], "next_cursor": None}
ADD_DOCUMENTS_BODIES: dict[str, Any] = {
    "one": {
        "summary": "One document",
        "value": {
            "text": "Refunds take up to 30 days.",
            "metadata": {"topic": "refunds"},
            "id": "refund-policy",
        },
    },
    "several": {
        "summary": "Several",
        "value": {
            "documents": [
                {"text": "Refunds take up to 30 days.", "id": "refund-policy"},
                {"text": "We ship within two days.", "id": "shipping"},
            ]
        },
    },
}
DOCUMENT: dict[str, Any] = {
    "id": "refund-policy",
    "file_name": None,
    "metadata": {"topic": "refunds"},
    "content_sha256": "2f1c6f8c6a3d3a6ce0ee6ab4ec9a5a9c4ad1f4b8a3ac0a3e5ef5c4c7a1e6b0d9",
    "status": "ready",
    "error": None,
    "chunk_count": 1,
    "chunks_embedded": 1,
    "created_at": "2026-11-23T12:00:00Z",
    "updated_at": "2026-11-23T12:00:01Z",
}
DOCUMENT_LIST = {"data": [DOCUMENT], "next_cursor": None}
ACCEPTED = {
    "documents": [DOCUMENT | {"status": "queued", "chunk_count": None, "chunks_embedded": 0}]
}
_QUESTION = "How long do refunds take?"
RETRIEVE_BODIES: dict[str, Any] = {
    "short": {"summary": "A question", "value": {"question": _QUESTION}},
    "full": {
        "summary": "With options",
        "value": {
            "question": _QUESTION,
            "top_k": 5,
            "filter": {"topic": "refunds"},
            "min_score": 0.2,
            "mode": "vector",
        },
    },
}
QUERY_BODIES: dict[str, Any] = {
    "short": {"summary": "A question", "value": {"question": _QUESTION}},
    "full": {
        "summary": "With options",
        "value": {
            "question": _QUESTION,
            "model": "sonnet",
            "top_k": 5,
            "filter": {"topic": "refunds"},
            "mode": "hybrid",
        },
    },
}
SOURCE_NODES = [
    {
        "text": "Refunds take up to 30 days.",
        "score": 0.71,
        "document_id": "refund-policy",
        "metadata": {"topic": "refunds"},
    }
]
_USAGE = {"input_tokens": 6, "output_tokens": 0, "total_tokens": 6, "cached_input_tokens": 0}
RETRIEVED = {"source_nodes": SOURCE_NODES, "usage": _USAGE, "cost_usd": 0.00000012}
_ABOUT: dict[str, Any] = {
    "id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "model": "haiku",
    "provider": "anthropic",
    "provider_model": "claude-haiku-5-5",
    "finish_reason": "stop",
    "usage": {
        "input_tokens": 156,
        "output_tokens": 12,
        "total_tokens": 168,
        "cached_input_tokens": 0,
    },
    "cost_usd": 0.00021,
    "cache_hit": False,
}
QUERY_ANSWER = _ABOUT | {"answer": "Refunds take up to 30 days.", "source_nodes": SOURCE_NODES}
QUERY_EVENTS: dict[str, Any] = {
    "sources": {
        "summary": "What the answer is made from",
        "value": {"type": "sources", "source_nodes": SOURCE_NODES},
    },
    "token": {"summary": "A piece of text", "value": {"type": "token", "content": "Refunds"}},
    "done": {"summary": "The end of a whole answer", "value": {"type": "done"} | _ABOUT},
    "error": {
        "summary": "The end of a stream that failed",
        "value": {
            "type": "error",
            "error": {
                "type": "provider_error",
                "message": "The provider fell silent in mid-stream",
                "request_id": "0193a1b2c3d4e5f60718293a4b5c6d7e",
            },
        },
    },
}
