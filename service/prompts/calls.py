"""`/prompts/{name}/generate` and `…/chat`, whole and streamed: what is asked with a template."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Body, Depends, Request, Response
from msgspec.structs import replace

from service.access.principal import Principal
from service.core.messages import CompletionRequest
from service.generation.endpoints import Caller, GenerationDependency, call_context, frames
from service.generation.examples import CHAT_ANSWER, CHAT_EVENTS, EVENTS, GENERATE_ANSWER
from service.generation.history import History, last_messages
from service.generation.schemas import ChatResponse, GenerateResponse
from service.generation.usecases import Generation
from service.idempotency.responses import answer_once, stream_once
from service.inference.answers import Answer, AnswerEvent
from service.inference.context import CallContext
from service.observability.logs import note
from service.prompts.endpoints import PromptName, PromptsDependency
from service.prompts.examples import CHAT_BODIES, GENERATE_BODIES
from service.prompts.schemas import ChatWithPromptRequest, GenerateWithPromptRequest
from service.prompts.usecases import Prompts
from service.web.body import StrictRoute
from service.web.openapi import (
    API_PREFIX,
    INFERS,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
    event_stream_response,
)

router = APIRouter(prefix=API_PREFIX, tags=["Prompts"], route_class=StrictRoute)

_ERRORS = error_responses((*INFERS, 404))


class _Call(NamedTuple):
    """What is asked, not yet made: a recorded answer is replayed whatever became of the template since."""

    prompt_name: str
    body: GenerateWithPromptRequest | ChatWithPromptRequest
    request: Request
    caller: Principal
    prompts: Prompts
    generation: Generation

    async def answer(self) -> Answer:
        """The whole answer."""
        return await self.generation.answer(*await self._made())

    async def stream(self) -> AsyncGenerator[AnswerEvent]:
        """The answer as it comes."""
        async with aclosing(self.generation.stream(*await self._made())) as events:
            async for event in events:
                yield event

    async def _made(self) -> tuple[CompletionRequest, CallContext, History | None]:
        body = self.body
        rendered = await self.prompts.render(
            self.caller, self.prompt_name, body.choice, body.variables
        )
        note(prompt=f"{rendered.name}@{rendered.version}")
        asked, history = body.without_template(rendered)
        completion = asked.to_completion()
        context = replace(
            call_context(self.request, self.caller, asked),
            prompt_name=rendered.name,
            prompt_version=rendered.version,
        )
        if history.conversation_id is None:
            return _limited(completion, len(rendered.turns), history), context, None
        return completion, context, history


def _limited(request: CompletionRequest, rendered: int, history: History) -> CompletionRequest:
    """The `rendered` messages that stand first are always kept."""
    first, since = request.messages[:rendered], request.messages[rendered:]
    kept = last_messages(since, history.limit, token_budget=history.token_budget)
    return replace(request, messages=first + kept)


async def _generate_call(
    prompt_name: PromptName,
    body: Annotated[GenerateWithPromptRequest, Body(openapi_examples=GENERATE_BODIES)],
    request: Request,
    caller: Caller,
    prompts: PromptsDependency,
    generation: GenerationDependency,
) -> _Call:
    return _Call(prompt_name, body, request, caller, prompts, generation)


async def _chat_call(
    prompt_name: PromptName,
    body: Annotated[ChatWithPromptRequest, Body(openapi_examples=CHAT_BODIES)],
    request: Request,
    caller: Caller,
    prompts: PromptsDependency,
    generation: GenerationDependency,
) -> _Call:
    return _Call(prompt_name, body, request, caller, prompts, generation)


@router.post(
    "/prompts/{prompt_name}/generate",
    response_model=GenerateResponse,
    responses=answer_response("The whole answer.", GENERATE_ANSWER) | _ERRORS,
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def generate_with_prompt(
    call: Annotated[_Call, Depends(_generate_call)],
) -> Response:
    """Answer a prompt that is made from a template.

    The version stands in the request's record, and `GET /usage?group_by=prompt` compares what each costs.
    """
    return await answer_once(call.request, call.answer(), GenerateResponse.of)


@router.post(
    "/prompts/{prompt_name}/generate/stream",
    response_class=Response,
    responses=event_stream_response("GenerateStreamEvent", EVENTS) | _ERRORS,
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def stream_generate_with_prompt(
    call: Annotated[_Call, Depends(_generate_call)],
) -> Response:
    """Answer a prompt that is made from a template, as Server-Sent Events.

    `token` events, then exactly one `done` or `error`. Hanging up stops the model.
    """
    return await stream_once(call.request, frames(call.stream()))


@router.post(
    "/prompts/{prompt_name}/chat",
    response_model=ChatResponse,
    responses=answer_response("The model's turn.", CHAT_ANSWER) | _ERRORS,
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def chat_with_prompt(call: Annotated[_Call, Depends(_chat_call)]) -> Response:
    """Answer a conversation that a template begins; `messages` are what was said since."""
    return await answer_once(call.request, call.answer(), ChatResponse.of)


@router.post(
    "/prompts/{prompt_name}/chat/stream",
    response_class=Response,
    responses=event_stream_response("ChatStreamEvent", CHAT_EVENTS) | _ERRORS,
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def stream_chat_with_prompt(call: Annotated[_Call, Depends(_chat_call)]) -> Response:
    """Answer a conversation that a template begins, as Server-Sent Events.

    `token` and `tool_call` events, then exactly one `done` or `error`. Hanging up stops the model.
    """
    return await stream_once(call.request, frames(call.stream()))
