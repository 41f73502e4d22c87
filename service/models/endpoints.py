"""`/models`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.access.dependencies import requires
from service.access.principal import Principal
from service.models.schemas import ModelsResponse
from service.models.usecases import Models
from service.web.context import json_response
from service.web.openapi import API_PREFIX, READS, answer_response, error_responses

router = APIRouter(prefix=API_PREFIX, tags=["Models"])

_ANSWER = {
    "data": [
        {
            "id": "haiku",
            "targets": [
                {
                    "provider": "anthropic",
                    "model": "claude-haiku-5-5",
                    "abilities": ["generate"],
                    "takes_temperature": False,
                    "takes_tools": True,
                    "takes_images": True,
                    "takes_json_schema": True,
                    "takes_reasoning_effort": True,
                    "context_tokens": 200_000,
                    "max_output_tokens": 64_000,
                    "input_usd_per_million": 1.0,
                    "cached_input_usd_per_million": 0.1,
                    "output_usd_per_million": 5.0,
                }
            ],
        }
    ]
}


async def get_models(request: Request) -> Models:
    """The use case that the lifespan wired."""
    models: Models = request.state.models
    return models


@router.get(
    "/models",
    response_model=ModelsResponse,
    responses=answer_response("The models.", _ANSWER) | error_responses(READS),
)
async def list_models(
    caller: Annotated[Principal, Depends(requires("generate"))],
    models: Annotated[Models, Depends(get_models)],
) -> Response:
    """List the models: where each name leads, and what each can do and costs."""
    return json_response(ModelsResponse(data=models.list_models()))
