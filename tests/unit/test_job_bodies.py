"""Jobs as they run in a process: what fails is tried again."""

import asyncio
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from service.adapters.jobs.bodies import Bodies
from service.adapters.jobs.names import JobName, WorkflowName
from tests.clock import ManualClock


class Flaky:
    """A Job that fails some times, and whose one piece of work is unfinished until it does not."""

    kind = "flaky"

    def __init__(self, failures: int) -> None:
        self.runs = 0
        self.is_gone = False
        self._failures = failures

    async def run(self, job_id: str) -> None:
        self.runs += 1
        if self.runs <= self._failures:
            raise ValueError("the secret prompt")

    async def unfinished(self) -> Sequence[str]:
        if self.runs % 2:
            raise OSError
        return [] if self.is_gone else ["a"]


async def run(job: Flaky, *, clock: ManualClock, workflow_id: str = "flaky:a:1") -> None:
    await asyncio.wrap_future(Bodies({job.kind: job}, clock=clock).start(workflow_id))


async def test_a_job_is_tried_again_after_waits_that_double_to_five_minutes() -> None:
    job, clock = Flaky(failures=11), ManualClock()
    await run(job, clock=clock)
    assert job.runs == 12
    assert clock.sleeps == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


async def test_a_failure_is_told_once_each_time_and_without_content() -> None:
    with capture_logs() as lines:
        await run(Flaky(failures=2), clock=ManualClock())
    assert [(line["event"], line["reason"], line["retry_in_seconds"]) for line in lines] == [
        ("job_failed", "ValueError", 1),
        ("job_failed", "ValueError", 2),
    ]
    assert all("test_job_bodies.py" in line["at"] for line in lines)
    assert "secret" not in str(lines)


async def test_a_job_that_fails_is_left_once_its_work_is_gone() -> None:
    job = Flaky(failures=100)
    job.is_gone = True
    await run(job, clock=ManualClock())
    assert job.runs == 2  # before the first attempt's wait ends, its work cannot be asked for


async def test_work_of_an_unknown_kind_is_left_to_those_who_know_it() -> None:
    job = Flaky(failures=0)
    with capture_logs() as lines:
        await run(job, clock=ManualClock(), workflow_id="newer:a:1")
    assert job.runs == 0
    assert [line["event"] for line in lines] == ["job_of_unknown_kind"]


async def test_nothing_starts_once_the_process_stops() -> None:
    job = Flaky(failures=0)
    bodies = Bodies({job.kind: job}, clock=ManualClock())
    await bodies.aclose(timeout_seconds=1)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wrap_future(bodies.start("flaky:a:1"))
    assert job.runs == 0


@pytest.mark.parametrize("job_id", ["batch_1", "with:colons:7"])
def test_a_workflows_name_can_be_read_back(job_id: str) -> None:
    name = WorkflowName(JobName("batch", job_id), 3)
    assert WorkflowName.parse(name.id) == name
