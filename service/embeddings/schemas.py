"""The bodies of embeddings."""

from typing import Annotated

from pydantic import Field, StringConstraints

from service.core.messages import EmbeddingRequest
from service.inference.answers import EmbeddingsAnswer
from service.web.schemas import ModelName, RequestModel, ResponseModel, Usage

EmbeddingInput = Annotated[str, StringConstraints(min_length=1)]


class EmbeddingsRequest(RequestModel):
    """Texts to embed."""

    input: (
        EmbeddingInput | Annotated[list[EmbeddingInput], Field(min_length=1, max_length=2048)]
    ) = Field(description="A text, or up to 2048 of them.", examples=["The sky is blue."])
    model: ModelName = "embedding"

    def to_embedding(self) -> EmbeddingRequest:
        """The request in no vendor's dialect."""
        inputs = (self.input,) if isinstance(self.input, str) else tuple(self.input)
        return EmbeddingRequest(model=self.model, inputs=inputs)


class EmbeddingVector(ResponseModel):
    """One vector."""

    index: int = Field(description="Which input it belongs to.")
    embedding: list[float] = Field(description="The vector.", examples=[[0.0023, -0.0093]])


class EmbeddingsResponse(ResponseModel):
    """A vector for each input, in order."""

    id: str = Field(description="The id of the answer and of its usage row.")
    data: list[EmbeddingVector] = Field(description="The vectors, in the order of the inputs.")
    model: str = Field(description="The model as it was asked for.")
    provider: str = Field(description="Who answered.")
    provider_model: str = Field(description="The exact model that answered.")
    usage: Usage = Field(description="The tokens of the call.")
    cost_usd: float | None = Field(description="In US dollars; null only where no price is known.")

    @classmethod
    def of(cls, answer: EmbeddingsAnswer) -> "EmbeddingsResponse":
        """As the API shows it."""
        return cls(
            id=answer.id,
            data=[
                EmbeddingVector(index=index, embedding=vector)
                for index, vector in enumerate(answer.vectors)
            ],
            model=answer.model,
            provider=answer.provider,
            provider_model=answer.provider_model,
            usage=Usage.of(answer.usage),
            cost_usd=None if answer.cost_usd is None else float(answer.cost_usd),
        )
