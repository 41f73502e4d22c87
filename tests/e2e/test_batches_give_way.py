"""Who asks live comes first: through the whole service, on a clock that stands still."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.bootstrap import open_services
from service.core.clock import SystemClock
from tests.e2e.durable_batches import create, finished, status
from tests.running import RunningService, make_settings
from tests.simulator import Simulator, Stall

ITEMS = 10
BESIDE_LIVE = 2
LOOKS = 5


class StoppedClock(SystemClock):
    """Sleeps take their time, but only a test makes it later."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._seconds += seconds


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("generate", {"prompt": "live", "cache": False}),
        ("chat", {"messages": [{"role": "user", "content": "live"}], "cache": False}),
        ("embeddings", {"input": "live"}),
    ],
)
async def test_two_items_of_a_batch_run_beside_live_traffic_and_all_once_it_has_ended(
    tmp_path: Path, simulator: Simulator, path: str, body: dict[str, Any]
) -> None:
    settings = make_settings(
        tmp_path,
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=simulator.anthropic_base_url,
        openai_api_key="sk-simulated",
        openai_base_url=simulator.openai_base_url,
    )
    clock = StoppedClock()
    app = create_app(settings, open_services=partial(open_services, clock=clock))
    with RunningService(settings, app) as service:
        async with service.client() as client:
            assert (await client.post(f"/api/v1/{path}", json=body)).status_code == 200
            live = len(simulator.calls)
            simulator.always(Stall(before_headers=True), on="anthropic")
            prompts = [f"p {n}" for n in range(ITEMS)]
            batch = await create(client, prompts=prompts, max_concurrency=ITEMS)
            await simulator.wait_for(lambda s: len(s.calls) >= live + BESIDE_LIVE)
            for _ in range(LOOKS):  # the others would have come meanwhile
                await status(client, batch)
            assert len(simulator.calls) == live + BESIDE_LIVE
            clock.advance(1)
            await simulator.wait_for(lambda s: len(s.calls) == live + ITEMS)
            simulator.release()
            assert (await finished(client, batch))["counts"]["completed"] == ITEMS
