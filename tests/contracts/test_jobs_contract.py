"""The Jobs port on DBOS, and the leases of those who run jobs."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from service.adapters.jobs.dbos_jobs import DbosJobs
from service.adapters.jobs.executors import Executors, ExecutorsUnavailable, Lease, OneExecutor
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.core.jobs import Job, Jobs
from tests.contracts.databases import Database, PostgresDatabase
from tests.contracts.time import SteppedClock, until
from tests.postgres import Postgres

_PATIENCE_SECONDS = 20


class Errand:
    """A Job whose rows are in memory. One that `waits` runs until it is cancelled."""

    kind = "errand"

    def __init__(self, *open_ids: str) -> None:
        self.open = set(open_ids)
        self.failures: list[BaseException] = []
        self.waits = False
        self.returns_early = False
        self.happened: list[tuple[str, str]] = []

    async def run(self, job_id: str) -> None:
        self.happened.append(("started", job_id))
        if self.failures:
            raise self.failures.pop()
        if self.waits:
            try:
                await asyncio.Event().wait()
            finally:
                self.happened.append(("cancelled", job_id))
        if not self.returns_early:
            self.open.discard(job_id)
        self.happened.append(("ended", job_id))

    async def unfinished(self) -> Sequence[str]:
        return sorted(self.open)

    async def comes_to(self, *happened: tuple[str, str]) -> None:
        """Wait until exactly this has happened."""

        async def has_happened() -> bool:
            return len(self.happened) >= len(happened)

        await until(has_happened, timeout_seconds=_PATIENCE_SECONDS)
        assert self.happened == list(happened)


_job: type[Job] = Errand
_jobs: type[Jobs] = DbosJobs
_executors: type[Executors] = OneExecutor


@pytest.fixture
def clock() -> SteppedClock:  # instead of the suite's, which cannot hold a sleeper
    return SteppedClock()


@pytest.fixture
async def storage(database: Database, clock: SteppedClock) -> AsyncIterator[Storage]:
    # Not entered: no ledger is needed. SQLite's lock is waited for as long as this.
    timeout_seconds = 2.0 if isinstance(database, PostgresDatabase) else 0.2
    storage = open_storage(database.url, clock=clock, commit_timeout_seconds=timeout_seconds)
    yield storage
    await storage.aclose()


class Processes:
    """Makes what a process has: jobs over the same database, one after the other."""

    def __init__(self, database: Database, storage: Storage, clock: SteppedClock) -> None:
        self.database = database
        self.storage = storage
        self.clock = clock

    def jobs(self, *jobs: Job) -> DbosJobs:
        is_shared = isinstance(self.database, PostgresDatabase)
        return DbosJobs(
            jobs,
            database_url=self.database.url,
            executors=self.storage.job_executors if is_shared else OneExecutor(),
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self, *jobs: Job) -> AsyncIterator[DbosJobs]:
        """A process that has started."""
        process = self.jobs(*jobs)
        await process.start()
        try:
            yield process
        finally:
            await process.aclose()


@pytest.fixture
def processes(database: Database, storage: Storage, clock: SteppedClock) -> Processes:
    return Processes(database, storage, clock)


async def _is_told(lines: Sequence[Mapping[str, object]], event: str) -> None:
    async def is_told() -> bool:
        return any(line["event"] == event for line in lines)

    await until(is_told, timeout_seconds=_PATIENCE_SECONDS)


async def test_submitted_work_is_run_to_its_end(processes: Processes) -> None:
    errand = Errand()
    async with processes.running(errand) as jobs:
        errand.open.add("a")
        await jobs.submit("errand", "a")
        await errand.comes_to(("started", "a"), ("ended", "a"))


async def test_work_that_is_submitted_again_is_run_once(processes: Processes) -> None:
    errand = Errand("a")
    async with processes.running(errand) as jobs:
        await jobs.submit("errand", "a")
        await jobs.submit("errand", "a")
        await jobs.look()
        await errand.comes_to(("started", "a"), ("ended", "a"))
        await jobs.submit("errand", "a")
        await jobs.look()
        await jobs.look()
        errand.open.add("b")
        await jobs.submit("errand", "b")
        await errand.comes_to(("started", "a"), ("ended", "a"), ("started", "b"), ("ended", "b"))


async def test_work_that_nobody_submitted_is_found(
    processes: Processes, clock: SteppedClock
) -> None:
    errand = Errand("at-start")
    async with processes.running(errand) as jobs:
        await errand.comes_to(("started", "at-start"), ("ended", "at-start"))
        errand.happened.clear()
        await jobs.look()
        errand.open.add("later")
        clock.advance(15)
        await errand.comes_to(("started", "later"), ("ended", "later"))


async def test_work_goes_to_the_job_of_its_kind(processes: Processes) -> None:
    errand, other = Errand(), Errand("a")
    other.kind = "other"
    async with processes.running(errand, other):
        await other.comes_to(("started", "a"), ("ended", "a"))
    assert errand.happened == []


async def test_a_job_that_raises_is_tried_again(processes: Processes, clock: SteppedClock) -> None:
    errand = Errand("a")
    errand.failures = [ValueError()]
    async with processes.running(errand):
        await errand.comes_to(("started", "a"))

        async def waits() -> bool:
            return 1.0 in clock.sleeps

        await until(waits)
        clock.advance(1)
        await errand.comes_to(("started", "a"), ("started", "a"), ("ended", "a"))


async def test_a_job_that_cancels_itself_is_run_again(
    processes: Processes, clock: SteppedClock
) -> None:
    errand = Errand("a")
    errand.failures = [asyncio.CancelledError()]
    async with processes.running(errand) as jobs:
        await errand.comes_to(("started", "a"))
        await jobs.look()
        await jobs.look()
        clock.advance(15)
        await errand.comes_to(("started", "a"), ("started", "a"), ("ended", "a"))


async def test_work_that_is_unfinished_after_its_run_is_run_again(processes: Processes) -> None:
    errand = Errand("a")
    errand.returns_early = True
    async with processes.running(errand) as jobs:
        await errand.comes_to(("started", "a"), ("ended", "a"))
        errand.returns_early = False

        async def is_done() -> bool:
            await jobs.look()
            return not errand.open

        await until(is_done, timeout_seconds=_PATIENCE_SECONDS)
        await errand.comes_to(*[("started", "a"), ("ended", "a")] * 2)


async def test_what_ended_long_ago_is_forgotten(processes: Processes, clock: SteppedClock) -> None:
    errand = Errand("a")
    async with processes.running(errand) as jobs:
        await errand.comes_to(("started", "a"), ("ended", "a"))
        engine = jobs._engine  # noqa: SLF001 - what DBOS keeps is seen nowhere else
        assert engine is not None

        async def has_ended() -> bool:
            return not await asyncio.to_thread(engine.active_workflows)

        await until(has_ended)
        await jobs.look()
        assert len(await asyncio.to_thread(engine.workflows_like, "errand:a:")) == 1
        clock.advance(3700)
        await jobs.look()
        assert await asyncio.to_thread(engine.workflows_like, "errand:a:") == []


async def test_a_stop_cancels_the_job_and_the_next_start_goes_on_with_it(
    processes: Processes,
) -> None:
    errand = Errand("a")
    errand.waits = True
    async with processes.running(errand):
        await errand.comes_to(("started", "a"))
    await errand.comes_to(("started", "a"), ("cancelled", "a"))
    errand.waits = False
    errand.happened.clear()
    async with processes.running(errand):
        await errand.comes_to(("started", "a"), ("ended", "a"))


async def test_a_stop_in_the_middle_of_taking_up_work_is_quiet(
    processes: Processes, caplog: pytest.LogCaptureFixture
) -> None:
    errand = Errand(*(f"job{number}" for number in range(100)))

    async def has_begun() -> bool:
        return bool(errand.happened)

    async with processes.running(errand):
        await until(has_begun, timeout_seconds=_PATIENCE_SECONDS)
    gc.collect()
    assert 0 < len(errand.open) < 100
    assert [record.message for record in caplog.records] == []
    async with processes.running(errand):

        async def has_ended() -> bool:
            return not errand.open

        await until(has_ended, timeout_seconds=_PATIENCE_SECONDS)


async def test_nothing_is_launched_while_there_is_no_work(
    processes: Processes, clock: SteppedClock
) -> None:
    async with processes.running(Errand()) as jobs:
        await jobs.submit("errand", "nothing")
        await jobs.look()
        assert await processes.storage.job_executors.living(now=clock.now()) == []
        assert [thread.name for thread in threading.enumerate() if "dbos" in thread.name] == []


async def test_dbos_leaves_the_logs_and_the_threads_as_they_were(processes: Processes) -> None:
    errand = Errand("a")
    threads = set(threading.enumerate())
    handlers = list(logging.getLogger().handlers)
    async with processes.running(errand):
        await errand.comes_to(("started", "a"), ("ended", "a"))
        logger = logging.getLogger("dbos")
        assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]
        assert logger.propagate
        assert not logger.isEnabledFor(logging.INFO)
        assert logging.getLogger().handlers == handlers

    async def all_have_ended() -> bool:  # DBOS does not wait for its idle ones
        return set(threading.enumerate()) <= threads

    await until(all_have_ended)


async def test_two_services_in_one_process_take_turns(
    processes: Processes, clock: SteppedClock
) -> None:
    first, second = Errand("a"), Errand("b")
    second.kind = "second"
    with capture_logs() as lines:
        async with processes.running(first) as jobs:
            await first.comes_to(("started", "a"), ("ended", "a"))
            await jobs.look()
            other = processes.jobs(second)
            await other.start()

            await _is_told(lines, "jobs_not_looked_after")
            assert second.happened == []
        await other.submit("second", "b")
        await second.comes_to(("started", "b"), ("ended", "b"))
        await other.aclose()


async def test_an_outage_holds_up_neither_start_nor_submission_nor_stop(
    postgres: Postgres, clock: SteppedClock
) -> None:
    # On PostgreSQL alone: on SQLite DBOS has a file of its own.
    database = PostgresDatabase(postgres)
    await migrate(database.url)
    storage = open_storage(database.url, clock=clock)
    processes = Processes(database, storage, clock)
    errand = Errand("a")
    with capture_logs() as lines:
        async with database.away():
            for _ in range(2):
                async with processes.running(errand) as jobs:
                    await jobs.submit("errand", "a")
                    await _is_told(lines, "jobs_not_looked_after")
                    lines.clear()
        async with processes.running(errand) as jobs:
            await errand.comes_to(("started", "a"), ("ended", "a"))
            async with database.away():
                errand.open.add("b")
                await jobs.submit("errand", "b")
                await jobs.submit("errand", "b")
                await _is_told(lines, "jobs_not_looked_after")
                assert [line["event"] for line in lines].count("jobs_not_looked_after") == 1
            clock.advance(15)
            await errand.comes_to(
                ("started", "a"), ("ended", "a"), ("started", "b"), ("ended", "b")
            )
        stopped = processes.jobs(Errand("c"))
        lines.clear()
        await stopped.start()
        await _is_told(lines, "jobs_launched")
        async with database.away():
            await stopped.aclose()
    await storage.aclose()


async def test_an_executor_lives_for_the_time_of_its_lease(
    storage: Storage, clock: SteppedClock
) -> None:
    executors = storage.job_executors
    await executors.renew("a", until=clock.now() + timedelta(seconds=10))
    await executors.renew("b", until=clock.now() + timedelta(seconds=20))
    assert set(await executors.living(now=clock.now())) == {"a", "b"}
    clock.advance(11)
    assert set(await executors.living(now=clock.now())) == {"b"}
    await executors.renew("a", until=clock.now() + timedelta(seconds=30))
    clock.advance(10)
    assert set(await executors.living(now=clock.now())) == {"a"}
    await executors.remove("a")
    assert set(await executors.living(now=clock.now())) == set()


async def test_leases_cannot_be_asked_for_while_the_database_is_away(
    storage: Storage, database: Database, clock: SteppedClock
) -> None:
    async with database.away():
        with pytest.raises(ExecutorsUnavailable):
            await storage.job_executors.renew("a", until=clock.now())
        with pytest.raises(ExecutorsUnavailable):
            await storage.job_executors.living(now=clock.now())
        with pytest.raises(ExecutorsUnavailable):
            await storage.job_executors.remove("a")


async def test_a_lease_is_renewed_and_given_up(storage: Storage, clock: SteppedClock) -> None:
    lease = Lease(storage.job_executors, executor_id="a", clock=clock, lease_seconds=30)
    await lease.start()

    for _ in range(12):
        clock.advance(10)
        renewals = clock.sleeps.count(10)

        async def is_renewed(renewals: int = renewals) -> bool:
            return clock.sleeps.count(10) > renewals

        await until(is_renewed)
        assert await storage.job_executors.living(now=clock.now()) == ["a"]
    await lease.aclose()
    assert await storage.job_executors.living(now=clock.now()) == []


async def test_who_was_frozen_renews_its_lease_before_it_judges_others(
    storage: Storage, clock: SteppedClock
) -> None:
    lease = Lease(storage.job_executors, executor_id="a", clock=clock, lease_seconds=30)
    await lease.renew()
    clock.advance(31)
    assert await lease.dead({"gone"}) == {"gone"}
    assert await storage.job_executors.living(now=clock.now()) == ["a"]


async def test_nobody_is_held_dead_for_a_lease_after_an_outage(
    storage: Storage, database: Database, clock: SteppedClock
) -> None:
    lease = Lease(storage.job_executors, executor_id="a", clock=clock, lease_seconds=30)
    await lease.renew()
    assert await lease.dead({"a", "gone"}) == {"gone"}
    async with database.away():
        with pytest.raises(ExecutorsUnavailable):
            await lease.renew()
    await lease.renew()
    clock.advance(29)
    assert await lease.dead({"a", "gone"}) == set()
    clock.advance(1)
    await lease.renew()
    assert await lease.dead({"a", "gone"}) == {"gone"}
