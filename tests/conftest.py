"""Fixtures that every kind of test shares."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgres import postgres
from tests.running import RunningService, make_settings
from tests.simulator import Simulator

__all__ = ["postgres"]

ServiceFactory = Callable[..., RunningService]


@pytest.fixture(scope="session")
def _simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def simulator(_simulator: Simulator) -> Iterator[Simulator]:
    """Both vendors on the wire, with nothing scripted."""
    _simulator.reset()
    yield _simulator
    _simulator.reset()


@pytest.fixture
def start_service(simulator: Simulator, tmp_path: Path) -> Iterator[ServiceFactory]:
    """Starts services that call the simulator as both vendors; keyword arguments are settings."""
    with ExitStack() as stack:

        def start(**overrides: Any) -> RunningService:
            values = {
                "anthropic_api_key": "sk-ant-simulated",
                "anthropic_base_url": simulator.anthropic_base_url,
                "openai_api_key": "sk-simulated",
                "openai_base_url": simulator.openai_base_url,
            }
            settings = make_settings(tmp_path, **(values | overrides))
            return stack.enter_context(RunningService(settings))

        yield start


@pytest.fixture
def service(start_service: ServiceFactory) -> RunningService:
    """A service with its defaults."""
    return start_service()


@pytest.fixture
async def client(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin key."""
    async with service.client() as ready:
        yield ready
