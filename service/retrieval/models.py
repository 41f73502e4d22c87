"""One collection, one embedding model: vectors of two models cannot be compared."""

from service.core.errors import Conflict
from service.inference.answers import EmbeddingsAnswer
from service.retrieval.ports import Collection, CollectionStore


async def checked_model(
    store: CollectionStore, collection: Collection, answer: EmbeddingsAnswer
) -> None:
    """Raises `Conflict` if the vectors are not of the model that made the collection's first one.

    An alias may lead to another model one day, or to one of several.
    """
    embedded_by = f"{answer.provider}/{answer.provider_model}"
    dimensions = len(answer.vectors[0])
    if (collection.embedded_by, collection.dimensions) == (embedded_by, dimensions):
        return
    if collection.embedded_by is None and await store.fix_model(
        collection, embedded_by=embedded_by, dimensions=dimensions
    ):
        return
    raise Conflict(
        f"This collection was embedded by another model than {embedded_by}, where its embedding model"
        f" '{collection.embedding_model}' leads now: make a new collection"
    )
