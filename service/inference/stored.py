"""Answers as they are kept, and the key they are kept under."""

import hashlib
import re
from typing import Any

import msgspec
from msgspec import Struct

from service.core.messages import (
    CompletionRequest,
    FinishReason,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from service.inference.answers import Delta

_WORDS = re.compile(r"\s*\S+|\s+$")
_FORMAT = b"1"
"""Goes into every key: raise it when the meaning of a request or of a stored answer changes."""


class StoredAnswer(Struct, frozen=True, kw_only=True):
    """A whole answer without what belongs to one caller: no id, no cost, no model as asked."""

    provider: str
    provider_model: str
    label: str
    finish_reason: FinishReason
    usage: Usage
    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    provider_data: dict[str, Any] | None = None


_encode_request = msgspec.json.Encoder().encode
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(StoredAnswer).decode


def cache_key(tenant: str, request: CompletionRequest, semantic_cache: float | None = None) -> str:
    """The tenant and every field of the request, by construction: the request holds nothing else.

    Who takes the answer to a similar question shares with those only who take it, too.
    """
    digest = hashlib.blake2b(_FORMAT, digest_size=32)
    digest.update(_encode_request((tenant, request)))
    if semantic_cache is not None:
        digest.update(_encode_request(semantic_cache))
    return digest.hexdigest()


def to_bytes(answer: StoredAnswer) -> bytes:
    """What a cache keeps."""
    return _encode(answer)


def from_bytes(value: bytes) -> StoredAnswer | None:
    """The inverse; None for a value that is damaged or of another time."""
    try:
        return _decode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def assemble(deltas: list[Delta]) -> tuple[str | None, tuple[ToolCall, ...]]:
    """The text and the tool calls that a stream's deltas add up to."""
    text = "".join([delta.content for delta in deltas if isinstance(delta, TextDelta)])
    calls: dict[int, list[str]] = {}
    for delta in deltas:
        if isinstance(delta, ToolCallDelta):
            parts = calls.setdefault(delta.index, ["", "", ""])
            parts[0] = parts[0] or delta.id or ""
            parts[1] = parts[1] or delta.name or ""
            parts[2] += delta.arguments
    tool_calls = tuple(ToolCall(*calls[index]) for index in sorted(calls))
    return (text if text or not tool_calls else None), tool_calls


def as_deltas(text: str | None, tool_calls: tuple[ToolCall, ...]) -> list[Delta]:
    """The inverse of `assemble`: what a stream would have brought, word by word."""
    words: list[Delta] = [TextDelta(word) for word in _WORDS.findall(text or "")]
    calls = [
        ToolCallDelta(index, call.arguments, id=call.id, name=call.name)
        for index, call in enumerate(tool_calls)
    ]
    return [*words, *calls]
