"""Embedding texts."""

from service.core.messages import EmbeddingRequest
from service.inference.answers import EmbeddingsAnswer
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline


class Embedding:
    """What the endpoint of this room asks for."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingsAnswer:
        """A vector for each text. Raises a `ServiceError`."""
        return await self._pipeline.embed(request, context)
