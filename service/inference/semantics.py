"""The semantic cache: a question that means nearly the same as an earlier one may have its answer.

Only where a request or its key asks for it, within a tenant, and among requests that differ in nothing but
the text of their last message. Never with tools or images: what they bring is not in the text.
"""

import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from service.core.errors import ServiceError
from service.core.messages import CompletionRequest, EmbeddingRequest, Message
from service.inference.answers import Answer, AnswerEvent, EmbeddingsAnswer
from service.inference.context import CallContext
from service.inference.metering import Metering
from service.inference.ports import SemanticStore
from service.inference.sharing import Call, stored_of, taken_from
from service.inference.stored import from_bytes, to_bytes

Embed = Callable[[EmbeddingRequest, CallContext], Awaitable[EmbeddingsAnswer]]

_logger = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode
_EMBEDDING_MODEL = "embedding"
# What an embedding model takes at once; and no question of such a length is asked twice.
_LONGEST_QUESTION_CHARACTERS = 8_000


class _Meaning(NamedTuple):
    """A question's vector, and the group of requests that it may be compared in."""

    vector: Sequence[float]
    group: str


class SemanticCache:
    """Puts a look at similar questions before a call."""

    def __init__(self, store: SemanticStore, metering: Metering, *, embed: Embed) -> None:
        self._store = store
        self._metering = metering
        self._embed = embed

    def before(
        self, call: Call, request: CompletionRequest, context: CallContext, *, stream: bool
    ) -> Call:
        """`call`, or what answers without it if a similar question has an answer."""
        if context.semantic_cache is None or not _may_be_similar(request):
            return call
        threshold = context.semantic_cache

        async def events() -> AsyncGenerator[AnswerEvent]:
            meaning = await self._meaning(request, context)
            kept = None
            if meaning is not None:
                kept = await self._store.nearest(
                    meaning.vector, tenant=context.principal.tenant, group=meaning.group
                )
            if kept is not None and kept.similarity >= threshold:
                stored = from_bytes(kept.value)
                if stored is not None:
                    self._metering.metrics.sharing("similar")
                    free_meter = self._metering.free_meter(
                        context, model=request.model, stream=stream
                    )
                    async with free_meter as meter:
                        taken = taken_from(stored, meter, request)
                    yield taken
                    return
            async with aclosing(call()) as answering:
                async for event in answering:
                    yield event
                    if meaning is not None and isinstance(event, Answer):
                        await self._keep(event, meaning, request, context)

        return events

    async def _meaning(self, request: CompletionRequest, context: CallContext) -> _Meaning | None:
        """What the question means, metered as any embedding; None if it cannot be had now."""
        question = EmbeddingRequest(model=_EMBEDDING_MODEL, inputs=(_question(request),))
        alone = replace(
            context,
            kind="embeddings",
            record_id=None,
            prompt_name=None,
            prompt_version=None,
            semantic_cache=None,
        )
        try:
            answer = await self._embed(question, alone)
        except ServiceError as error:
            _logger.warning("semantic_cache_without_embedding", error_type=error.type)
            return None
        return _Meaning(answer.vectors[0], _group(request, answer))

    async def _keep(
        self,
        answer: Answer,
        meaning: _Meaning,
        request: CompletionRequest,
        context: CallContext,
    ) -> None:
        if answer.finish_reason != "stop":  # what was cut or filtered is no answer to others
            return
        await self._store.put(
            meaning.vector,
            to_bytes(stored_of(answer)),
            tenant=context.principal.tenant,
            group=meaning.group,
            question=hashlib.sha256(_question(request).encode()).hexdigest(),
        )


def _may_be_similar(request: CompletionRequest) -> bool:
    last = request.messages[-1]
    return (
        last.role == "user"
        and not request.tools
        and not any(
            message.has_image or message.role == "tool" or message.tool_calls
            for message in request.messages
        )
        and bool(last.text.strip())
        and len(last.text) <= _LONGEST_QUESTION_CHARACTERS
    )


def _question(request: CompletionRequest) -> str:
    return request.messages[-1].text


def _group(request: CompletionRequest, embedded: EmbeddingsAnswer) -> str:
    """Everything but the question, and who made its vector: the alias may lead elsewhere one day."""
    messages = (*request.messages[:-1], Message(role="user", content=None))
    embedded_by = f"{embedded.provider}/{embedded.provider_model}/{len(embedded.vectors[0])}"
    digest = hashlib.blake2b(embedded_by.encode(), digest_size=32)
    digest.update(_encode(replace(request, messages=messages)))
    return digest.hexdigest()
