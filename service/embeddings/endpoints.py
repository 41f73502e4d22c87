"""`/embeddings`."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.embeddings.schemas import EmbeddingsRequest, EmbeddingsResponse
from service.embeddings.usecases import Embedding
from service.inference.context import CallContext
from service.web.body import StrictRoute
from service.web.context import json_response, request_id
from service.web.disconnects import while_connected
from service.web.openapi import INFERS, error_responses

router = APIRouter(tags=["Embeddings"], route_class=StrictRoute)

_EXAMPLES = {
    "one": {"summary": "One text", "value": {"input": "The sky is blue."}},
    "many": {"summary": "Several", "value": {"input": ["The sky is blue.", "Grass is green."]}},
}


async def get_embedding(request: Request) -> Embedding:
    """The use case that the lifespan wired; tests override this dependency."""
    embedding: Embedding = request.state.embedding
    return embedding


@router.post("/embeddings", response_model=EmbeddingsResponse, responses=error_responses(INFERS))
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
    answer = await while_connected(request, embedding.embed(body.to_embedding(), context))
    return json_response(EmbeddingsResponse.of(answer))
