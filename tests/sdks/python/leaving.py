"""What shows that a model stops when nobody listens any more."""

from tests.simulator import Simulator, Words

FOREVER = Words(100_000, interval_seconds=0.01)


async def provider_is_left(simulator: Simulator) -> None:
    """Wait until the service has closed its call to the provider."""
    await simulator.wait_for(lambda s: s.calls[-1].client_left_at is not None)
