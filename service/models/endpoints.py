"""`/models`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.models.schemas import ModelsResponse
from service.models.usecases import Models
from service.web.context import json_response
from service.web.openapi import READS, error_responses

router = APIRouter(tags=["Models"])


async def get_models(request: Request) -> Models:
    """The use case that the lifespan wired."""
    models: Models = request.state.models
    return models


@router.get("/models", response_model=ModelsResponse, responses=error_responses(READS))
async def list_models(
    caller: Annotated[Principal, Depends(requires("generate"))],
    models: Annotated[Models, Depends(get_models)],
) -> Response:
    """List the models: where each name leads, and what each can do and costs."""
    return json_response(ModelsResponse(data=models.list_models()))
