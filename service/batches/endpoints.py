"""`/batch`: up to 100 requests in one."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Depends, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.batches.schemas import (
    PROMPT_EXCERPT_CHARACTERS,
    BatchRequest,
    BatchResponse,
    BatchResult,
)
from service.batches.usecases import run_all
from service.core.clock import SystemClock
from service.core.errors import InternalError, ServiceError
from service.generation.asking import ask, response_of
from service.generation.endpoints import GenerationDependency, call_context
from service.generation.examples import GENERATE_ANSWER
from service.generation.schemas import ChatRequest, GenerateRequest
from service.generation.usecases import Generation
from service.idempotency.responses import answer_once
from service.observability.logs import note
from service.web.body import StrictRoute
from service.web.context import request_id
from service.web.errors import error_body
from service.web.openapi import (
    API_PREFIX,
    READS_A_BODY,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
)
from service.web.schemas import ErrorDetail, Usage

log = structlog.get_logger(__name__)
router = APIRouter(prefix=API_PREFIX, tags=["Batch"], route_class=StrictRoute)

_EXAMPLES = {
    "prompts": {
        "summary": "Prompts",
        "value": {"prompts": ["Summarize: …", "Translate: …"], "model": "haiku"},
    },
    "requests": {
        "summary": "Full requests",
        "value": {
            "requests": [
                {"prompt": "Say hello.", "max_tokens": 20},
                {"messages": [{"role": "user", "content": "Hello"}], "model": "sonnet"},
            ],
            "max_concurrency": 2,
        },
    },
}


_ANSWER = {
    "results": [
        {"index": 0, "response": GENERATE_ANSWER},
        {
            "index": 1,
            "error": {
                "type": "timeout",
                "message": "The request's deadline was spent before the answer was complete",
                "request_id": "0193a1b2c3d4e5f60718293a4b5c6d7e",
            },
            "prompt": "Translate: …",
        },
    ],
    "usage": GENERATE_ANSWER["usage"],
    "cost_usd": GENERATE_ANSWER["cost_usd"],
}


@router.post(
    "/batch",
    response_model=BatchResponse,
    responses=answer_response("How each ended.", _ANSWER) | error_responses((*READS_A_BODY, 409)),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def run_batch(
    body: Annotated[BatchRequest, Body(openapi_examples=_EXAMPLES)],
    request: Request,
    caller: Annotated[Principal, Depends(requires("batch"))],
    generation: GenerationDependency,
) -> Response:
    """Answer up to 100 requests at once, in input order. One that fails does not touch the others."""

    def work(
        index: int, item: GenerateRequest | ChatRequest
    ) -> Callable[[], Awaitable[BatchResult]]:
        async def run() -> BatchResult:
            return await _run_item(index, item, request, caller, generation)

        return run

    results = run_all(
        [work(index, item) for index, item in enumerate(body.items())],
        max_concurrency=body.max_concurrency,
        per_second=body.requests_per_second,
        clock=SystemClock(),
    )
    return await answer_once(request, results, _response, is_success=_is_any_answered)


async def _run_item(
    index: int,
    item: GenerateRequest | ChatRequest,
    request: Request,
    caller: Principal,
    generation: Generation,
) -> BatchResult:
    note(request_id=request_id(request))
    try:
        answer = await ask(generation, item, call_context(request, caller, item))
        return BatchResult(index=index, response=response_of(item, answer))
    except ServiceError as error:
        failure = error
    except Exception:
        log.exception("a batch item failed", request_id=request_id(request), index=index)
        failure = InternalError()
    return BatchResult(
        index=index,
        error=ErrorDetail.model_validate(error_body(failure, request_id(request))),
        prompt=_excerpt(item),
    )


def _excerpt(item: GenerateRequest | ChatRequest) -> str:
    text = item.prompt if isinstance(item, GenerateRequest) else item.messages[-1].to_message().text
    return text[:PROMPT_EXCERPT_CHARACTERS]


def _is_any_answered(results: list[BatchResult]) -> bool:
    """A batch of which nothing was answered is worth trying again under the same Idempotency-Key."""
    return any(result.response is not None for result in results)


def _response(results: list[BatchResult]) -> BatchResponse:
    answers = [result.response for result in results if result.response is not None]
    costs = [answer.cost_usd for answer in answers]
    known = [Decimal(str(cost)) for cost in costs if cost is not None]
    return BatchResponse(
        results=results,
        usage=Usage(
            input_tokens=sum(answer.usage.input_tokens for answer in answers),
            output_tokens=sum(answer.usage.output_tokens for answer in answers),
            total_tokens=sum(answer.usage.total_tokens for answer in answers),
            cached_input_tokens=sum(answer.usage.cached_input_tokens for answer in answers),
        ),
        cost_usd=float(sum(known, Decimal(0))) if len(known) == len(costs) else None,
    )
