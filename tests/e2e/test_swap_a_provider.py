"""How a test of yours swaps a provider: one line of `app.dependency_overrides`.

No module is patched and nothing is mocked: the fake satisfies the same `Provider` port as the real ones, and
the rest of the service (routing, metering, the ledger) runs as it is.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from service.bootstrap import wire
from service.core.messages import Completion, Embeddings, StreamEnd, StreamEvent, TextDelta, Usage
from service.generation.endpoints import get_generation
from service.inference.ports import CompletionCall, EmbeddingCall, Provider
from tests.running import RunningService, make_settings


class Parrot:
    """A provider that says what it is told."""

    name = "anthropic"

    async def complete(self, call: CompletionCall) -> Completion:
        said = call.request.messages[-1].text
        usage = Usage(input_tokens=1, output_tokens=1)
        return Completion(text=said, finish_reason="stop", usage=usage, provider_model=call.model)

    async def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        yield [TextDelta(call.request.messages[-1].text)]
        yield [StreamEnd(finish_reason="stop", usage=Usage(), provider_model=call.model)]

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        vectors = [[0.0] for _ in call.request.inputs]
        return Embeddings(vectors=vectors, usage=Usage(), provider_model=call.model)

    async def aclose(self) -> None:
        return None


async def test_a_provider_is_swapped_with_one_override(tmp_path: Path) -> None:
    parrot: Provider = Parrot()
    with RunningService(make_settings(tmp_path)) as service:
        parts = service.app.state.services.parts
        with_parrot = wire(replace(parts, providers={"anthropic": parrot}))

        service.app.dependency_overrides[get_generation] = lambda: with_parrot.generation

        async with service.client() as client:
            answer = await client.post("/api/v1/generate", json={"prompt": "Polly"})
    assert answer.json()["text"] == "Polly"
    assert answer.json()["provider"] == "anthropic"
