"""A handful of calls to the real vendors, with the keys of the environment (`make test-live`).

Each costs a fraction of a cent. A vendor without a key is left out, and the run says so.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from tests.running import RunningService, make_settings
from tests.sse import read_stream, terminal_events, text_of

pytestmark = pytest.mark.live

ENVIRONMENT = Settings()
PROVIDERS = sorted(set(ENVIRONMENT.configured_providers()) - {"sandbox"})
MODELS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-6-luna"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    settings = make_settings(
        tmp_path,
        anthropic_api_key=ENVIRONMENT.anthropic_api_key,
        anthropic_base_url=ENVIRONMENT.anthropic_base_url,
        openai_api_key=ENVIRONMENT.openai_api_key,
        openai_base_url=ENVIRONMENT.openai_base_url,
    )
    with RunningService(settings) as running:
        yield running


def test_at_least_one_vendor_has_a_key() -> None:
    assert PROVIDERS, "set ANTHROPIC_API_KEY or OPENAI_API_KEY"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_prompt_is_answered_and_priced(service: RunningService, provider: str) -> None:
    body = {"prompt": "Say hello in one word.", "model": MODELS[provider], "max_tokens": 200}
    async with service.client() as client:
        answer = await client.post("/api/v1/generate", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["provider"] == provider
    assert answer.json()["text"]
    assert answer.json()["cost_usd"] > 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_stream_is_whole(service: RunningService, provider: str) -> None:
    body = {"prompt": "Count from 1 to 10.", "model": MODELS[provider], "max_tokens": 300}
    async with service.client() as client:
        events = await read_stream(client, "/api/v1/generate/stream", body)
    assert "7" in text_of(events)
    assert [event["type"] for event in terminal_events(events)] == ["done"]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_tool_is_called(service: RunningService, provider: str) -> None:
    weather = {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
    body = {
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        "model": MODELS[provider],
        "max_tokens": 500,
        "tools": [{"type": "function", "function": weather}],
    }
    async with service.client() as client:
        answer = await client.post("/api/v1/chat", json=body)
    assert answer.status_code == 200, answer.text
    (call,) = answer.json()["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert "Paris" in call["function"]["arguments"]


@pytest.mark.parametrize("provider", [name for name in PROVIDERS if name == "openai"])
async def test_texts_become_vectors(service: RunningService, provider: str) -> None:
    async with service.client() as client:
        answer = await client.post("/api/v1/embeddings", json={"input": ["one", "two"]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["provider"] == provider
    assert len(answer.json()["data"]) == 2
