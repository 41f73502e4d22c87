"""DBOS, launched: one workflow a job. The only file that imports it, in a thread of its own.

Every call blocks. DBOS runs its loop, its pollers and its writes in threads; of the service's event loop it
sees only the jobs' bodies. There is one DBOS in a process, however many services a test starts there.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, suppress
from datetime import datetime
from pathlib import Path
from typing import cast

from dbos import DBOS, DBOSClient, DBOSConfig, WorkflowSerializationFormat, WorkflowStatus
from msgspec import Struct
from sqlalchemy.engine import URL, make_url

_APPLICATION = "ai-service"
_VERSION = "1"  # DBOS gives work only to its own version: any replica may take any other's
_SCHEMA = "dbos"
_WORKFLOW = "job"
_QUEUE = "jobs"
_TAKER = f"queue-worker-{_QUEUE}"  # what DBOS calls its thread
_STOP_SECONDS = 5
_CONNECT_SECONDS = 5
_CONNECTIONS = 5  # of DBOS to PostgreSQL; its own threads hold three at most
_POLLING_SECONDS = 0.25
_ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_DELETED_AT_ONCE = 500

_process = threading.Lock()


class EngineIsTaken(Exception):
    """Another service in this process has launched DBOS."""


class Workflow(Struct, frozen=True):
    """`executor_id` is whose it is, if it runs."""

    id: str
    is_running: bool
    is_active: bool
    executor_id: str | None

    @classmethod
    def of(cls, status: WorkflowStatus) -> "Workflow":
        return cls(
            id=status.workflow_id,
            is_running=status.status == "PENDING",
            is_active=status.status in _ACTIVE,
            executor_id=status.executor_id,
        )


class DbosEngine:
    """Runs each workflow that it takes from the queue with `run`, which is given the workflow's id.

    A workflow ends with the future of `run`, whatever it brings; if that is cancelled, it stays this
    executor's until somebody takes it over.
    """

    def __init__(
        self, database_url: str, *, executor_id: str, run: Callable[[str], Future[None]]
    ) -> None:
        """Migrates DBOS's tables and launches it.

        Raises `EngineIsTaken`, or whatever the database or DBOS have against it.
        """
        if not _process.acquire(blocking=False):
            raise EngineIsTaken
        with ExitStack() as undone:
            undone.callback(_process.release)
            _quieten()
            url = _system_database(database_url)
            DBOS.migrate(url, schema=_SCHEMA)
            # Its calls fail where DBOS's own would wait until the database is back.
            self._client = DBOSClient(
                system_database_url=url,
                dbos_system_schema=_SCHEMA,
                application_name=_APPLICATION,
                system_database_pool_size=1,
                lazy=True,
                retry_connection_errors=False,
            )
            undone.callback(self._client.destroy)
            # Before the launch, after which it would take a second until the queue is noticed.
            self._client.register_queue(_QUEUE, polling_interval_sec=_POLLING_SECONDS)
            undone.callback(DBOS.destroy, destroy_registry=True)
            dbos = _launch(url, executor_id=executor_id, run=run)
            undone.callback(_stop_taking, dbos)
            self._opened = undone.pop_all()

    def close(self) -> None:
        """Stop; what runs is left to others."""
        self._opened.close()

    def enqueue(self, workflow_id: str) -> None:
        """Add a workflow, unless there is one of that id, be it at its end."""
        self._client.enqueue(
            {
                "workflow_name": _WORKFLOW,
                "queue_name": _QUEUE,
                "workflow_id": workflow_id,
                "app_version": _VERSION,
                "serialization_type": WorkflowSerializationFormat.PORTABLE,  # not pickles
            }
        )

    def active_workflows(self) -> list[Workflow]:
        """All that wait or run, here and elsewhere."""
        return self._workflows(status=_ACTIVE)

    def workflows_like(self, prefix: str) -> list[Workflow]:
        """All whose ids begin so, ended or not."""
        return self._workflows(workflow_id_prefix=prefix)

    def take_over(self, executor_ids: Iterable[str]) -> int:
        """Put the running workflows of dead executors back into the queue; returns how many.

        Of two that do so at once, one has an effect: a workflow that has gone to another executor stays
        there.
        """
        # DBOS's own recovery, which its control plane uses: resume_workflows() would take from the living.
        return len(DBOS._recover_pending_workflows(list(executor_ids)))  # noqa: SLF001

    def requeue(self, workflow_ids: Sequence[str]) -> None:
        """Put workflows back into the queue, whoever's they are."""
        self._client.resume_workflows(list(workflow_ids), queue_name=_QUEUE)

    def delete_ended(self, *, before: datetime) -> None:
        """Forget workflows that ended before."""
        ended = self._client.list_workflows(
            status=_ENDED,
            application_name=_APPLICATION,
            completed_before=before.isoformat(),
            limit=_DELETED_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if ended:
            self._client.delete_workflows([status.workflow_id for status in ended])

    def _workflows(
        self, *, status: list[str] | None = None, workflow_id_prefix: str | None = None
    ) -> list[Workflow]:
        statuses = self._client.list_workflows(
            status=status,
            workflow_id_prefix=workflow_id_prefix,
            name=_WORKFLOW,
            application_name=_APPLICATION,
            load_input=False,
            load_output=False,
        )
        return [Workflow.of(status) for status in statuses]


def _quieten() -> None:
    """An outage is told once by whoever looks for work, not by every poll of every thread."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.ERROR)
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # or DBOS adds one that writes to the console


def _launch(url: str, *, executor_id: str, run: Callable[[str], Future[None]]) -> DBOS:
    dbos = DBOS(
        config=DBOSConfig(
            name=_APPLICATION,
            system_database_url=url,
            dbos_system_schema=_SCHEMA,
            sys_db_pool_size=_CONNECTIONS,
            log_level="ERROR",
            application_version=_VERSION,
            executor_id=executor_id,
            # Nobody here waits for a workflow's events or messages.
            use_listen_notify=False,
            run_migrations=False,
            notification_listener_polling_interval_sec=0.1,
        )
    )

    @DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
    async def job() -> None:
        await asyncio.wrap_future(run(cast("str", DBOS.workflow_id)))

    DBOS.launch()
    return dbos


def _stop_taking(dbos: DBOS) -> None:
    """Take no more from the queue: DBOS itself closes its loop before it ends the thread that does."""
    for event in dbos.background_thread_stop_events:
        event.set()
    for thread in threading.enumerate():
        if thread.name == _TAKER:
            thread.join(_STOP_SECONDS)


def _system_database(database_url: str) -> str:
    """Where DBOS keeps what it must know, as the address its driver takes."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "").with_name("jobs.db")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        return f"sqlite:///{path}"
    return _for_libpq(url).render_as_string(hide_password=False)


def _for_libpq(url: URL) -> URL:
    """asyncpg's options by their names in libpq; those that only asyncpg has are left out."""
    options = {"connect_timeout": str(_CONNECT_SECONDS)}
    for asyncpg_name, name in (
        ("host", "host"),
        ("port", "port"),
        ("passfile", "passfile"),
        ("ssl", "sslmode"),
    ):
        with suppress(KeyError):
            options[name] = str(url.query[asyncpg_name])
    return url.set(drivername="postgresql", query=options)
