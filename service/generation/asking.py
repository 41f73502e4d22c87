"""From a checked body to its answer, for whoever has one: a route, or a batch."""

from service.access.principal import Principal
from service.generation.schemas import (
    ChatRequest,
    ChatResponse,
    GenerateRequest,
    GenerateResponse,
)
from service.generation.usecases import Generation
from service.inference.answers import Answer
from service.inference.context import CallContext


def context_of(
    body: GenerateRequest | ChatRequest,
    *,
    principal: Principal,
    request_id: str,
    record_id: str | None = None,
) -> CallContext:
    """The surroundings of a request; see `CallContext`."""
    return CallContext(
        principal=principal,
        request_id=request_id,
        kind="chat" if isinstance(body, ChatRequest) else "generate",
        metadata=body.metadata or {},
        timeout_seconds=body.timeout_seconds,
        use_cache=body.cache,
        sanitize=body.sanitize or principal.sanitize,
        record_id=record_id,
        semantic_cache=(
            principal.semantic_cache
            if body.semantic_cache is None
            else body.semantic_cache.threshold
        ),
    )


async def ask(
    generation: Generation, body: GenerateRequest | ChatRequest, context: CallContext
) -> Answer:
    """A whole answer. Raises a `ServiceError`."""
    history = body.to_history() if isinstance(body, ChatRequest) else None
    return await generation.answer(body.to_completion(), context, history)


def response_of(
    body: GenerateRequest | ChatRequest, answer: Answer
) -> GenerateResponse | ChatResponse:
    """The answer, as /generate or /chat gives it."""
    kind = ChatResponse if isinstance(body, ChatRequest) else GenerateResponse
    return kind.of(answer)
