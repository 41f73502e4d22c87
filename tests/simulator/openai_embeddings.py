"""OpenAI's embeddings, in both encodings."""

import base64
import math
import struct
from functools import lru_cache
from typing import Any
from zlib import crc32

import msgspec

from tests.simulator.answers import Answer, Ask
from tests.simulator.openai_wire import OpenAIWire, checked_request
from tests.simulator.tokens import count_input_tokens
from tests.simulator.wire import Events

DIMENSIONS = 1536
"""Of an embedding, where the request does not say."""

_encode = msgspec.json.Encoder().encode


class OpenAIEmbeddings(OpenAIWire):
    """`POST /v1/embeddings`: texts that share words have vectors that are near."""

    def read(self, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[str, Any], Ask]:
        request = checked_request(headers, body, "input")
        tokens = count_input_tokens(request)
        ask = Ask(model=request["model"], stream=False, text="", input_tokens=tokens)
        return request, ask

    def plain(self, answer: Answer, request: dict[str, Any]) -> bytes:
        dimensions = request.get("dimensions") or DIMENSIONS
        base64_wanted = request.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _encoded(text, dimensions, base64_wanted),
            }
            for index, text in enumerate(_inputs(request["input"]))
        ]
        tokens = answer.input_tokens
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        listing: dict[str, Any] = {"object": "list", "data": data, "model": answer.model}
        if answer.with_usage:
            listing["usage"] = usage
        return _encode(listing)

    def events(self, answer: Answer) -> Events:
        raise NotImplementedError("embeddings do not stream")


def embedding_of(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A unit vector with one axis for each word of the text, by hash: shared words are near."""
    vector = [0.0] * dimensions
    for word in text.lower().split():
        vector[crc32(word.encode()) % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in vector))
    if not length:
        vector[0] = length = 1.0
    return [value / length for value in vector]


@lru_cache(maxsize=1024)
def _encoded(text: str, dimensions: int, base64_wanted: bool) -> msgspec.Raw:
    vector = embedding_of(text, dimensions)
    if not base64_wanted:
        return msgspec.Raw(_encode(vector))
    packed = struct.pack(f"<{dimensions}f", *vector)
    return msgspec.Raw(b'"' + base64.b64encode(packed) + b'"')


def _inputs(value: Any) -> list[str]:
    """One text, several, or the same as token ids."""
    if isinstance(value, str):
        return [value]
    if isinstance(value[0], int):
        return [" ".join(map(str, value))]
    return [each if isinstance(each, str) else " ".join(map(str, each)) for each in value]
