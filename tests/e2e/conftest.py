"""Fixtures for tests that ask one service many times."""

import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog

from tests.ledger import ledger_rows
from tests.running import RunningService, make_settings
from tests.simulator import Simulator


@pytest.fixture(scope="package", autouse=True)
def _plain_logs() -> Iterator[None]:
    """Warnings in plain words: structlog's own default draws every local variable of a traceback."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def shared_service(
    _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """One service for all tests of a module, in front of both vendors and of a server called `local`."""
    settings = make_settings(
        tmp_path_factory.mktemp("data"),
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=_simulator.anthropic_base_url,
        openai_api_key="sk-simulated",
        openai_base_url=_simulator.openai_base_url,
        providers={
            "local": {
                "base_url": _simulator.openai_base_url_at("local"),
                "api_key": "sk-local",
                "models": ["llama"],
            }
        },
        max_body_bytes=1_000_000,
    )
    with RunningService(settings) as service:
        yield service


@pytest.fixture(scope="module")
async def shared_client(shared_service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the shared service with the admin key."""
    async with shared_service.client() as client:
        yield client


@pytest.fixture
async def refusing(
    shared_client: httpx.AsyncClient, shared_service: RunningService, simulator: Simulator
) -> AsyncIterator[httpx.AsyncClient]:
    """The shared client, for requests that must all be refused: nothing reaches a provider or the ledger."""
    yield shared_client
    assert simulator.calls == []
    assert ledger_rows(shared_service.settings.data_dir) == []
