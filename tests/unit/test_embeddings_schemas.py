"""The bodies of embeddings."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from service.core.messages import EmbeddingRequest, Usage
from service.embeddings.schemas import EmbeddingsRequest, EmbeddingsResponse
from service.inference.answers import EmbeddingsAnswer


def test_one_text_and_several_become_inputs() -> None:
    assert EmbeddingsRequest(input="a").to_embedding() == EmbeddingRequest(
        model="embedding", inputs=("a",)
    )
    assert EmbeddingsRequest(input=["a", "b"], model="m").to_embedding() == EmbeddingRequest(
        model="m", inputs=("a", "b")
    )


def test_2048_texts_are_taken() -> None:
    assert len(EmbeddingsRequest(input=["a"] * 2048).to_embedding().inputs) == 2048


@pytest.mark.parametrize(
    "texts", ["", [], ["a", ""], ["a"] * 2049, None, 5, [1], [["a"]], {"a": 1}]
)
def test_input_that_cannot_be_used_is_refused(texts: object) -> None:
    with pytest.raises(ValidationError):
        EmbeddingsRequest.model_validate({"input": texts})


def test_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        EmbeddingsRequest.model_validate({"input": "a", "dimensions": 3})


def test_vectors_keep_their_order() -> None:
    answer = EmbeddingsAnswer(
        id="req_1",
        model="embedding",
        provider="openai",
        provider_model="text-embedding-3-small",
        vectors=[[1.0], [2.0]],
        usage=Usage(input_tokens=2),
        cost_usd=Decimal("0.00000004"),
    )
    assert EmbeddingsResponse.of(answer).model_dump() == {
        "id": "req_1",
        "data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [2.0]}],
        "model": "embedding",
        "provider": "openai",
        "provider_model": "text-embedding-3-small",
        "usage": {
            "input_tokens": 2,
            "output_tokens": 0,
            "total_tokens": 2,
            "cached_input_tokens": 0,
        },
        "cost_usd": 0.00000004,
    }
