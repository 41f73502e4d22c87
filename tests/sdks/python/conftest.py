"""One service for the tests of the SDK, and both SDKs in front of it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.sdks.python.callers import AsyncCaller, Caller, SyncCaller
from tests.sdks.python.wire import WireServer
from tests.simulator import Simulator

KINDS: dict[str, type[SyncCaller] | type[AsyncCaller]] = {"sync": SyncCaller, "async": AsyncCaller}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a developer has set leads no test to another service."""
    for name in ("API_KEY", "BASE_URL", "LOG"):
        monkeypatch.delenv(f"AI_SERVICE_{name}", raising=False)


@pytest.fixture(scope="module")
def _running(
    _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    settings = make_settings(
        tmp_path_factory.mktemp("data"),
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=_simulator.anthropic_base_url,
        openai_api_key="sk-simulated",
        openai_base_url=_simulator.openai_base_url,
        cache_ttl_seconds=0,
        max_attempts=1,
        outbound_allowed_hosts=("127.0.0.1:1",),  # nobody listens there
    )
    with RunningService(settings) as service:
        yield service


@pytest.fixture
def service(_running: RunningService, simulator: Simulator) -> RunningService:
    """A service without a response cache, that asks each target once; `simulator` is behind it."""
    return _running


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> type[SyncCaller] | type[AsyncCaller]:
    """`SyncCaller` and `AsyncCaller`."""
    return KINDS[request.param]


@pytest.fixture
async def sdk(
    kind: type[SyncCaller] | type[AsyncCaller], service: RunningService
) -> AsyncIterator[Caller]:
    """Either SDK, in front of the service."""
    async with kind(ADMIN_KEY, service.url) as ready:
        yield ready


@pytest.fixture
def wire() -> Iterator[WireServer]:
    """A server that answers as it is told."""
    with WireServer() as server:
        yield server


@pytest.fixture
async def wired(
    kind: type[SyncCaller] | type[AsyncCaller], wire: WireServer
) -> AsyncIterator[Caller]:
    """Either SDK, in front of `wire`."""
    async with kind("sk-ais-wired", wire.url) as ready:
        yield ready
