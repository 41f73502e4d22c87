"""`/generate` and `/chat`, whole and streamed."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import TypeAdapter

from service.access.dependencies import requires
from service.access.principal import Principal
from service.generation.examples import (
    CHAT_ANSWER,
    CHAT_BODIES,
    CHAT_EVENTS,
    EVENTS,
    GENERATE_ANSWER,
    GENERATE_BODIES,
)
from service.generation.schemas import (
    ChatRequest,
    ChatResponse,
    ChatStreamEvent,
    DoneEvent,
    GenerateRequest,
    GenerateResponse,
    GenerateStreamEvent,
)
from service.generation.usecases import Generation
from service.idempotency.responses import answer_once, stream_once
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.usage.ports import RequestKind
from service.web.body import StrictRoute
from service.web.context import request_id
from service.web.openapi import (
    API_PREFIX,
    INFERS,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
    event_stream_response,
)
from service.web.sse import done_frame, frame

router = APIRouter(prefix=API_PREFIX, tags=["Generation"], route_class=StrictRoute)

STREAM_EVENT_SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "GenerateStreamEvent": TypeAdapter(GenerateStreamEvent),
    "ChatStreamEvent": TypeAdapter(ChatStreamEvent),
}

_encode = msgspec.json.Encoder().encode


async def get_generation(request: Request) -> Generation:
    """The use case that the lifespan wired; tests override this dependency."""
    generation: Generation = request.state.generation
    return generation


GenerationDependency = Annotated[Generation, Depends(get_generation)]
Caller = Annotated[Principal, Depends(requires("generate"))]

GenerateBody = Annotated[GenerateRequest, Body(openapi_examples=GENERATE_BODIES)]
ChatBody = Annotated[ChatRequest, Body(openapi_examples=CHAT_BODIES)]


@router.post(
    "/generate",
    response_model=GenerateResponse,
    responses=answer_response("The whole answer.", GENERATE_ANSWER) | error_responses(INFERS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def generate(
    body: GenerateBody, request: Request, caller: Caller, generation: GenerationDependency
) -> Response:
    """Answer a prompt.

    The model's name picks the provider; if it is down, the alias's next target answers.
    """
    context = call_context(request, caller, body, "generate")
    answer = generation.answer(body.to_completion(), context)
    return await answer_once(request, answer, GenerateResponse.of)


@router.post(
    "/generate/stream",
    response_class=Response,
    responses=event_stream_response("GenerateStreamEvent", EVENTS) | error_responses(INFERS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def stream_generate(
    body: GenerateBody, request: Request, caller: Caller, generation: GenerationDependency
) -> Response:
    """Answer a prompt as Server-Sent Events.

    `token` events, then exactly one `done` or `error`. A failure before the first token is a plain HTTP
    error. Hanging up stops the model.
    """
    context = call_context(request, caller, body, "generate")
    return await stream_once(request, _frames(generation.stream(body.to_completion(), context)))


@router.post(
    "/chat",
    response_model=ChatResponse,
    responses=answer_response("The model's turn.", CHAT_ANSWER) | error_responses(INFERS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def chat(
    body: ChatBody, request: Request, caller: Caller, generation: GenerationDependency
) -> Response:
    """Answer a conversation, with images, tools and JSON Schema where the model takes them."""
    context = call_context(request, caller, body, "chat")
    answer = generation.answer(body.to_completion(), context, history_limit=body.history_limit)
    return await answer_once(request, answer, ChatResponse.of)


@router.post(
    "/chat/stream",
    response_class=Response,
    responses=event_stream_response("ChatStreamEvent", CHAT_EVENTS) | error_responses(INFERS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def stream_chat(
    body: ChatBody, request: Request, caller: Caller, generation: GenerationDependency
) -> Response:
    """Answer a conversation as Server-Sent Events.

    `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.
    """
    context = call_context(request, caller, body, "chat")
    events = generation.stream(body.to_completion(), context, history_limit=body.history_limit)
    return await stream_once(request, _frames(events))


def call_context(
    request: Request, caller: Principal, body: GenerateRequest | ChatRequest, kind: RequestKind
) -> CallContext:
    """The surroundings of a request, read off it."""
    return CallContext(
        principal=caller,
        request_id=request_id(request),
        kind=kind,
        metadata=body.metadata or {},
        timeout_seconds=body.timeout_seconds,
        use_cache=body.cache,
        sanitize=body.sanitize or caller.sanitize,
        semantic_cache=(
            caller.semantic_cache if body.semantic_cache is None else body.semantic_cache.threshold
        ),
    )


async def _frames(events: AsyncGenerator[AnswerEvent]) -> AsyncGenerator[bytes]:
    """Events as bytes: what came in one read from the provider goes out in one write."""
    try:
        async for event in events:
            if isinstance(event, Answer):
                yield done_frame(DoneEvent.of(event).model_dump_json().encode())
            else:
                yield b"".join([frame(_encode(delta)) for delta in event])
    finally:
        await events.aclose()
