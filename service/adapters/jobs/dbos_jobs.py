"""The Jobs port on DBOS: what is unfinished has a workflow, and a workflow has somebody who runs it."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from service.adapters.jobs.bodies import Bodies
from service.adapters.jobs.executors import Executors, Lease
from service.adapters.jobs.names import JobName, WorkflowName
from service.adapters.jobs.threads import in_thread
from service.core.clock import Clock
from service.core.ids import new_id
from service.core.jobs import Job

if TYPE_CHECKING:
    from service.adapters.jobs.engine import DbosEngine, Workflow

_logger = structlog.get_logger(__name__)

_SECONDS_BETWEEN_LOOKS = 15.0
_LOOKS_PER_LEASE = 2  # at least
_ENDED_IS_KEPT = timedelta(hours=1)


class DbosJobs:
    """Runs every unfinished job: those of this process, and those of processes that have died.

    A look, at each submission and every 15 s, or half a lease if that is shorter, gives a workflow to every
    unfinished job that has none, and puts the workflows of dead executors back into the queue, from which
    one living process takes each. It launches DBOS when there is first something to do, and takes a lease
    then. So a job goes on within `lease_seconds` and 15 s of the death of whoever ran it; and at the start
    of the next process where `executors` knows no others.

    What holds: no job of a process with a lease is run elsewhere. A process that was frozen for longer than
    its lease, or cut off from the database, runs on until its next look, while another runs its jobs too;
    the look cancels what is its own no more. After an outage of the database, which nobody's lease
    outlives, nobody is held dead for the time of a lease.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        database_url: str,
        executors: Executors,
        clock: Clock,
        lease_seconds: float = 30.0,
        close_timeout_seconds: float = 5.0,
    ) -> None:
        self._jobs = {job.kind: job for job in jobs}
        self._database_url = database_url
        self._clock = clock
        self._seconds_between_looks = min(_SECONDS_BETWEEN_LOOKS, lease_seconds / _LOOKS_PER_LEASE)
        self._close_timeout_seconds = close_timeout_seconds
        self._executor_id = new_id("exec_")
        self._lease = Lease(
            executors, executor_id=self._executor_id, clock=clock, lease_seconds=lease_seconds
        )
        self._bodies: Bodies | None = None
        self._engine: DbosEngine | None = None
        self._seeker: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._astray_since: dict[str, float] = {}
        self._looks_fail = False

    async def start(self) -> None:
        """Look for work, now and from time to time. Neither the database nor DBOS need be there yet."""
        if self._jobs:
            # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
            self._seeker = asyncio.get_running_loop().create_task(self._seek())

    async def submit(self, kind: str, job_id: str) -> None:
        """Look for work now: the job is found by its row, which is committed. Never raises."""
        self._wanted.set()

    async def look(self) -> None:
        """See that every unfinished job has somebody who runs it.

        Raises whatever the databases, DBOS or a job's `unfinished` raise; the next look makes it good.
        """
        async with self._looking:
            if self._engine is None and await self._unfinished():
                await self._launch()
            if self._engine is None or self._bodies is None:
                return
            await self._look(self._engine, self._bodies)

    async def aclose(self) -> None:
        """Cancel what runs and leave it to others, or to the next start."""
        # A look that is cancelled would leave its thread behind; one that hangs is not waited for.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._close_timeout_seconds):
                await self._looking.acquire()
        if self._seeker is not None:
            self._seeker.cancel()
            await asyncio.wait([self._seeker])
        if self._bodies is not None:
            await self._bodies.aclose(timeout_seconds=self._close_timeout_seconds)
        if self._engine is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._close_timeout_seconds):
                    await in_thread(self._engine.close)
        await self._lease.aclose()

    async def _seek(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - what fails now may not next time: work must survive
                if not self._looks_fail:
                    _logger.warning("jobs_not_looked_after", reason=type(error).__name__)
                self._looks_fail = True
            else:
                if self._looks_fail:
                    _logger.info("jobs_looked_after_again")
                self._looks_fail = False
            await self._wait()

    async def _wait(self) -> None:
        """Until something is submitted, or it is time for the next look."""
        async with asyncio.TaskGroup() as group:
            waits = (
                group.create_task(self._wanted.wait()),
                group.create_task(self._clock.sleep(self._seconds_between_looks)),
            )
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    async def _launch(self) -> None:
        await self._lease.start()
        bodies = Bodies(self._jobs, clock=self._clock)

        def launch() -> "DbosEngine":
            # Here, because the import takes half a second and 25 MB.
            from service.adapters.jobs.engine import DbosEngine

            return DbosEngine(self._database_url, executor_id=self._executor_id, run=bodies.start)

        self._bodies = bodies
        self._engine = await in_thread(launch)
        _logger.info("jobs_launched", executor=self._executor_id)

    async def _look(self, engine: "DbosEngine", bodies: Bodies) -> None:
        # In this order. What ran before the list was made, and is not this executor's in it, is no more;
        # what is unfinished after the list was made, and not active in it, has nobody.
        running = set(bodies.running)
        active = await in_thread(engine.active_workflows)
        await self._take_over(engine, active)
        await self._part(engine, bodies, active=active, running=running)
        unfinished = await self._unfinished()
        missing = unfinished.difference(WorkflowName.parse(workflow.id).job for workflow in active)
        if missing:
            await in_thread(lambda: _enqueue(engine, missing))
        await in_thread(lambda: engine.delete_ended(before=self._clock.now() - _ENDED_IS_KEPT))

    async def _unfinished(self) -> set[JobName]:
        return {
            JobName(kind, job_id)
            for kind, job in self._jobs.items()
            for job_id in await job.unfinished()
        }

    async def _take_over(self, engine: "DbosEngine", active: Iterable["Workflow"]) -> None:
        """Put what dead executors ran back into the queue."""
        owners = {w.executor_id for w in active if w.is_running and w.executor_id is not None}
        dead = await self._lease.dead(owners)
        if dead:
            count = await in_thread(lambda: engine.take_over(dead))
            _logger.info("jobs_taken_over", count=count, executors=sorted(dead))

    async def _part(
        self,
        engine: "DbosEngine",
        bodies: Bodies,
        *,
        active: Iterable["Workflow"],
        running: set[str],
    ) -> None:
        """Part with what others have taken over, and with what is ours and does not run.

        DBOS leaves a workflow so that it has claimed and then, for want of the database, not started. But a
        claim and its start, an end and its record are a moment apart: only what stays so is put back.
        """
        ours = {w.id for w in active if w.is_running and w.executor_id == self._executor_id}
        bodies.cancel(running - ours)
        now = self._clock.monotonic()
        astray = ours.difference(running, bodies.running)
        since = {workflow_id: self._astray_since.get(workflow_id, now) for workflow_id in astray}
        lasting = {w for w, moment in since.items() if now - moment >= self._seconds_between_looks}
        if lasting:
            _logger.warning("jobs_astray", count=len(lasting))
            await in_thread(lambda: engine.requeue(sorted(lasting)))
        self._astray_since = {w: since[w] for w in astray - lasting}


def _enqueue(engine: "DbosEngine", missing: Iterable[JobName]) -> None:
    for job in missing:
        runs = [0]
        for workflow in engine.workflows_like(WorkflowName.prefix(job)):
            name = WorkflowName.parse(workflow.id)
            if name.job == job:
                if workflow.is_active:  # another process has been quicker
                    break
                runs.append(name.run)
        else:
            engine.enqueue(WorkflowName(job, max(runs) + 1).id)
