"""The body of the model list."""

from pydantic import Field

from service.inference.profiles import Ability
from service.web.schemas import ResponseModel


class ModelTarget(ResponseModel):
    """One exact model at one provider. Prices are of a short call, in USD per million tokens; null where
    no price is known."""

    provider: str
    model: str
    abilities: list[Ability] = Field(description="What it can be asked for.")
    takes_temperature: bool
    takes_tools: bool
    takes_images: bool
    takes_json_schema: bool
    takes_reasoning_effort: bool
    context_tokens: int | None = Field(description="Null where it is not known.")
    max_output_tokens: int | None = Field(description="Null where it is not known.")
    input_usd_per_million: float | None
    cached_input_usd_per_million: float | None
    output_usd_per_million: float | None


class ModelInfo(ResponseModel):
    """A name to ask for, and where it leads."""

    id: str = Field(description="An alias, or `provider/model`.", examples=["haiku"])
    targets: list[ModelTarget] = Field(
        description="Tried in this order. Empty if no provider of this model is configured."
    )


class ModelsResponse(ResponseModel):
    """Every name that the configuration knows."""

    data: list[ModelInfo]
