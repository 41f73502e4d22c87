"""One service for all integrations: they differ in what they ask, not in what answers."""

from collections.abc import AsyncIterator, Iterator
from typing import TypedDict

import pytest
from ai_service_sdk import AIServiceSDK, AsyncAIServiceSDK

from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Simulator


class Clients(TypedDict):
    """Arguments that every integration takes."""

    client: AIServiceSDK
    async_client: AsyncAIServiceSDK


@pytest.fixture(scope="session")
def shared_service(
    _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service in front of the simulated vendors. It gives no answer twice."""
    settings = make_settings(
        tmp_path_factory.mktemp("service"),
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=_simulator.anthropic_base_url,
        openai_api_key="sk-simulated",
        openai_base_url=_simulator.openai_base_url,
        cache_ttl_seconds=0,
    )
    with RunningService(settings) as running:
        yield running


@pytest.fixture(scope="session")
async def clients(shared_service: RunningService) -> AsyncIterator[Clients]:
    """Clients with the admin key."""
    with AIServiceSDK(ADMIN_KEY, shared_service.url) as client:
        async with AsyncAIServiceSDK(ADMIN_KEY, shared_service.url) as async_client:
            yield {"client": client, "async_client": async_client}


_NOT_FOR_US = {
    "test_serdes": "LangChain's `load` takes only classes of its own list",
    "test_pdf_inputs": "the API has no PDF parts",
    "test_pdf_tool_message": "the API has no PDF parts",
    "test_audio_inputs": "the API has no audio parts",
    "test_image_inputs": "it fetches a picture from the internet; ours are in `test_langchain.py`",
    "test_image_tool_message": "it fetches a picture from the internet; ours are in `test_langchain.py`",
    "test_stream_time": "it replays recordings of a vendor",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """LangChain's suites skip what a model does not claim: here it is left out by name, so that a skip
    which nobody has decided on is seen."""
    left_out = [
        item
        for item in items
        if item.path.name == "test_langchain_standard.py" and item.name in _NOT_FOR_US
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
