"""The Jobs port within one process: what is unfinished is taken up at the start."""

import asyncio
from collections.abc import Sequence

from service.core.jobs import Job


class LocalJobs:
    """Runs each job in a task of its own."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.kind: job for job in jobs}
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Take up what an earlier process has left."""
        for kind, job in self._jobs.items():
            for job_id in await job.unfinished():
                await self.submit(kind, job_id)

    async def submit(self, kind: str, job_id: str) -> None:
        """Run it, unless it runs."""
        name = (kind, job_id)
        if name not in self._running:
            # Owned here: `aclose` awaits it.
            task = asyncio.get_running_loop().create_task(self._jobs[kind].run(job_id))
            self._running[name] = task
            task.add_done_callback(lambda _: self._running.pop(name, None))

    async def aclose(self) -> None:
        """Stop what runs; the next process takes it up."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
