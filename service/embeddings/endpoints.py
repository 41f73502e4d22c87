"""`/embeddings`."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.embeddings.schemas import EmbeddingsRequest, EmbeddingsResponse
from service.embeddings.usecases import Embedding
from service.idempotency.responses import answer_once
from service.inference.context import CallContext
from service.web.body import StrictRoute
from service.web.context import request_id
from service.web.openapi import (
    API_PREFIX,
    INFERS,
    TAKES_IDEMPOTENCY_KEY,
    answer_response,
    error_responses,
)

router = APIRouter(prefix=API_PREFIX, tags=["Embeddings"], route_class=StrictRoute)

_EXAMPLES = {
    "one": {"summary": "One text", "value": {"input": "The sky is blue."}},
    "many": {"summary": "Several", "value": {"input": ["The sky is blue.", "Grass is green."]}},
}
_ANSWER = {
    "id": "req_0193a1b2c3d4e5f60718293a4b5c6d7e",
    "data": [{"index": 0, "embedding": [0.0023, -0.0093, 0.0157]}],
    "model": "embedding",
    "provider": "openai",
    "provider_model": "text-embedding-3-small",
    "usage": {"input_tokens": 5, "output_tokens": 0, "total_tokens": 5, "cached_input_tokens": 0},
    "cost_usd": 0.0000001,
}


async def get_embedding(request: Request) -> Embedding:
    """The use case that the lifespan wired; tests override this dependency."""
    embedding: Embedding = request.state.embedding
    return embedding


@router.post(
    "/embeddings",
    response_model=EmbeddingsResponse,
    responses=answer_response("The vectors.", _ANSWER) | error_responses(INFERS),
    openapi_extra=TAKES_IDEMPOTENCY_KEY,
)
async def create_embeddings(
    body: Annotated[EmbeddingsRequest, Body(openapi_examples=_EXAMPLES)],
    request: Request,
    caller: Annotated[Principal, Depends(requires("embed"))],
    embedding: Annotated[Embedding, Depends(get_embedding)],
) -> Response:
    """Turn texts into vectors.

    A provider without embeddings is never tried; if none of the model's can, the answer is a 400.
    """
    context = CallContext(
        principal=caller, request_id=request_id(request), kind="embeddings", metadata={}
    )
    answer = embedding.embed(body.to_embedding(), context)
    return await answer_once(request, answer, EmbeddingsResponse.of)
