"""What `make bench` starts answers what it asks."""

import pytest

from scripts.bench import calls, subjects
from scripts.bench.load import closed_loop


@pytest.mark.parametrize("module", ["service", "scripts.bench.unaccounted"])
async def test_services_that_are_measured_answer(module: str) -> None:
    with (
        subjects.simulator(calls.SHORT, core=None) as vendors,
        subjects.service(core=None, vendors=vendors.url, module=module) as service,
    ):
        await closed_loop(calls.generate(service.url), calls=4, connections=2)


async def test_bare_endpoint_that_is_measured_answers() -> None:
    with subjects.bare(core=None) as bare:
        await closed_loop(calls.bare(bare.url), calls=4, connections=2)
