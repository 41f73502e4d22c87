"""Answers of OpenAI's embeddings endpoint: vectors as base64 of little-endian floats, or lists."""

import math
import sys
from array import array
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from service.adapters.providers.failures import Failures, malformed
from service.core.estimates import estimate_tokens
from service.core.messages import Embeddings, Usage
from service.inference.ports import EmbeddingCall


class _Usage(Struct):
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0


class _Vector(Struct):
    index: int
    embedding: bytes | list[float]


class _Answer(Struct):
    data: list[_Vector]
    model: str = ""
    usage: _Usage | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


def read_embeddings(body: bytes, call: EmbeddingCall, failures: Failures) -> Embeddings:
    """A vector for each input, in the order of the inputs."""
    try:
        answer = _decode_answer(body)
        data = sorted(answer.data, key=lambda vector: vector.index)
        vectors = [_floats(vector.embedding) for vector in data]
    except (ValueError, RecursionError):
        raise failures.of_unreadable(body) from None
    if [vector.index for vector in data] != list(range(len(call.request.inputs))):
        raise malformed("The provider's answer does not have one vector for each input")
    if not all(vector and math.isfinite(sum(vector)) for vector in vectors):
        raise malformed("The provider's answer has a vector that is empty or not finite")
    return Embeddings(
        vectors=vectors,
        usage=_core_usage(answer.usage, call),
        provider_model=answer.model or call.model,
    )


def _floats(embedding: bytes | list[float]) -> list[float]:
    if isinstance(embedding, list):
        return embedding
    floats = array("f", embedding)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def _core_usage(usage: _Usage | None, call: EmbeddingCall) -> Usage:
    if usage is None or not usage.prompt_tokens:
        tokens = sum(estimate_tokens(text) for text in call.request.inputs)
        return Usage(input_tokens=tokens, source="estimated")
    return Usage(input_tokens=usage.prompt_tokens)
