"""The jobs that run in this process."""

import asyncio
import traceback
from collections.abc import Collection, Mapping
from concurrent.futures import Future

import structlog

from service.adapters.jobs.names import JobName, WorkflowName
from service.core.clock import Clock
from service.core.jobs import Job

_logger = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 300.0


class Bodies:
    """Runs jobs to their end on the service's event loop: one that raises is tried again, for as long as
    its work is unfinished, after waits that double from a second to five minutes."""

    def __init__(self, jobs: Mapping[str, Job], *, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._is_closed = False

    def start(self, workflow_id: str) -> Future[None]:
        """Run a job; called from any thread. The future is cancelled if the job is."""
        return asyncio.run_coroutine_threadsafe(self._run(workflow_id), self._loop)

    @property
    def running(self) -> Collection[str]:
        """The workflows whose jobs run."""
        return tuple(self._running)

    def cancel(self, workflow_ids: Collection[str]) -> None:
        """End those that run, without waiting."""
        for workflow_id in workflow_ids:
            if task := self._running.get(workflow_id):
                task.cancel()

    async def aclose(self, *, timeout_seconds: float) -> None:
        """Cancel all, and wait until they have put away what they had; nothing starts any more."""
        self._is_closed = True
        tasks = list(self._running.values())
        self.cancel(self.running)
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_seconds)

    async def _run(self, workflow_id: str) -> None:
        if self._is_closed:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        if task is not None:
            self._running[workflow_id] = task
        try:
            await self._run_to_end(WorkflowName.parse(workflow_id).job)
        finally:
            if self._running.get(workflow_id) is task:
                del self._running[workflow_id]

    async def _run_to_end(self, name: JobName) -> None:
        job = self._jobs.get(name.kind)
        if job is None:
            # A newer replica's: it finds its work unfinished and enqueues it again.
            _logger.warning("job_of_unknown_kind", kind=name.kind, job_id=name.job_id)
            return
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            try:
                await job.run(name.job_id)
            except Exception as error:  # noqa: BLE001 - whatever it is, the work must survive it
                _logger.warning(
                    "job_failed",
                    kind=name.kind,
                    job_id=name.job_id,
                    reason=type(error).__name__,  # without its message, which may quote content
                    at=_place(error),
                    retry_in_seconds=wait_seconds,
                )
            else:
                return
            await self._clock.sleep(wait_seconds)
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
            if not await _is_unfinished(job, name.job_id):
                return


async def _is_unfinished(job: Job, job_id: str) -> bool:
    """True as well where it cannot be asked."""
    try:
        return job_id in await job.unfinished()
    except Exception:  # noqa: BLE001 - the next attempt tells what is wrong
        return True


def _place(error: Exception) -> str:
    """Where it was raised."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"{frame.filename}:{frame.lineno}"
