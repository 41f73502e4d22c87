"""Embedding texts."""

from service.core.messages import EmbeddingRequest
from service.inference.answers import EmbeddingsAnswer
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline


class Embedding:
    """What the endpoint of this room asks for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def check_model(self, model: str) -> None:
        """Raises `InvalidRequest` if nobody makes embeddings with it."""
        self._pipeline.check_embedding_model(model)

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingsAnswer:
        """A vector for each text. Raises a `ServiceError`."""
        return await self._pipeline.embed(request, context)
