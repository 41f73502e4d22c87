"""The body of the model list."""

from pydantic import Field

from service.inference.profiles import Ability
from service.web.schemas import ResponseModel


class ModelTarget(ResponseModel):
    """One exact model at one provider. Prices are of a short call, in USD per million tokens; null where
    no price is known."""

    provider: str = Field(description="The provider's name in the configuration.")
    model: str = Field(description="The provider's own id of the model.")
    abilities: list[Ability] = Field(description="What it can be asked for.")
    takes_temperature: bool = Field(description="If not, `temperature` is left out of its calls.")
    takes_tools: bool = Field(description="Whether it can be given `tools`.")
    takes_images: bool = Field(description="Whether it reads images.")
    takes_json_schema: bool = Field(description="Whether its answer can follow a JSON Schema.")
    takes_reasoning_effort: bool = Field(description="Whether it can be told how much to think.")
    context_tokens: int | None = Field(description="Null where it is not known.")
    max_output_tokens: int | None = Field(description="Null where it is not known.")
    input_usd_per_million: float | None = Field(description="The price of input tokens.")
    cached_input_usd_per_million: float | None = Field(
        description="The price of input tokens that the provider had cached."
    )
    output_usd_per_million: float | None = Field(description="The price of output tokens.")


class ModelInfo(ResponseModel):
    """A name to ask for, and where it leads."""

    id: str = Field(description="An alias, or `provider/model`.", examples=["haiku"])
    targets: list[ModelTarget] = Field(
        description="Tried in this order. Empty if no provider of this model is configured."
    )


class ModelsResponse(ResponseModel):
    """Every name that the configuration knows."""

    data: list[ModelInfo] = Field(description="The aliases first, then the models by themselves.")
