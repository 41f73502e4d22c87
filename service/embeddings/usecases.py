"""Embedding texts."""

from service.core.messages import EmbeddingRequest
from service.inference.answers import EmbeddingsAnswer
from service.inference.context import CallContext
from service.inference.pipeline import Pipeline
from service.inference.traffic import Traffic


class Embedding:
    """What the endpoint of this room asks for; with `traffic`, what is asked counts as live."""

    def __init__(self, pipeline: Pipeline, *, traffic: Traffic | None = None) -> None:
        self._pipeline = pipeline
        self._traffic = traffic

    def check_model(self, model: str) -> None:
        """Raises `InvalidRequest` if nobody makes embeddings with it."""
        self._pipeline.check_embedding_model(model)

    async def embed(self, request: EmbeddingRequest, context: CallContext) -> EmbeddingsAnswer:
        """A vector for each text. Raises a `ServiceError`."""
        if self._traffic is not None:
            self._traffic.note()
        return await self._pipeline.embed(request, context)
