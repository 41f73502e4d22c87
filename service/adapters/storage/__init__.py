"""Where keys and the ledger are kept: SQLite by default, PostgreSQL for more than one process.

`open_storage` is all that the composition root uses; the schema is brought up to date beforehand by
`service.adapters.storage.migrate.migrate`.

    tables      what is stored, for both databases       migrations, migrate   how it came to be so
    engine      the SQLAlchemy engine                    keys                  API keys
    reports     the ledger, added up                     batches             batches and their items
    job_executors   who runs jobs                        transactions        several statements at once
    prompts     templates in versions
    collections   documents, before and behind their ingestion; `adapters/vectors` searches them
    idempotency   recorded answers, sealed by            sealing
    outbox, webhooks   what is to be told, and to whom   ledger_events   what the ledger tells of
    inbound     what providers have reported
    conversations   what was said in them, turn by turn
    ledger      the Ledger port: opening, settling, leases, over
      commit_queue   many rows, one commit; outages      records               finding and renewing
      books          the arithmetic of budgets
      sqlite_writer, postgres_writer                     the hot path, below SQLAlchemy
"""

from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from service.access.ports import KeyStore
from service.adapters.jobs.executors import Executors
from service.adapters.storage.batch import BatchWriter
from service.adapters.storage.batches import SqlBatchStore
from service.adapters.storage.collections import SqlCollectionStore
from service.adapters.storage.conversations import SqlConversationStore
from service.adapters.storage.engine import create_engine
from service.adapters.storage.idempotency import SqlIdempotencyStore
from service.adapters.storage.inbound import SqlInboundEvents
from service.adapters.storage.job_executors import SqlJobExecutors
from service.adapters.storage.keys import SqlKeyStore
from service.adapters.storage.ledger import GroupCommitLedger
from service.adapters.storage.prompts import SqlPromptStore
from service.adapters.storage.reports import SqlUsageReports, create_reporting_engine
from service.adapters.storage.sqlite_writer import SqliteWriter
from service.adapters.storage.transactions import Transactions
from service.adapters.storage.webhooks import SqlWebhookStore
from service.adapters.vectors import open_chunk_store
from service.adapters.vectors.answers import open_semantic_store
from service.batches.ports import BatchStore
from service.core.clock import Clock
from service.core.events import Audience, NoAudience
from service.idempotency.ports import IdempotencyStore
from service.inference.ports import SemanticStore
from service.prompts.ports import PromptStore
from service.retrieval.ports import ChunkStore, CollectionStore
from service.usage.ports import ThresholdReached, UsageEvents
from service.usage.reports import UsageReports
from service.webhooks.inbound_ports import InboundEvents
from service.webhooks.ports import WebhookStore


class Storage:
    """The key store, the ledger and its reports over one database. Entering it starts the ledger."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        reporting_engine: AsyncEngine,
        transactions: Transactions,
        ledger: GroupCommitLedger,
    ) -> None:
        self._engine = engine
        self._transactions = transactions
        self._reporting_engine = reporting_engine
        self.keys: KeyStore = SqlKeyStore(engine)
        self.job_executors: Executors = SqlJobExecutors(engine)
        self.inbound_events: InboundEvents = SqlInboundEvents(engine, transactions)
        self.reports: UsageReports = SqlUsageReports(reporting_engine)
        self.batches: BatchStore = SqlBatchStore(engine, transactions)
        self.prompts: PromptStore = SqlPromptStore(engine)
        self.conversations = SqlConversationStore(engine)
        self.collections: CollectionStore = SqlCollectionStore(engine, transactions)
        self.chunks: ChunkStore = open_chunk_store(engine, transactions)
        self.ledger = ledger

    async def __aenter__(self) -> Self:
        await self.ledger.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def idempotency_store(self, secret: bytes) -> IdempotencyStore:
        """Where idempotency keys are kept; what nobody may read there is sealed with `secret`."""
        return SqlIdempotencyStore(self._engine, secret=secret)

    def webhook_store(self, secret: bytes) -> WebhookStore:
        """Where webhook endpoints and deliveries are kept; the secrets there are sealed with `secret`."""
        return SqlWebhookStore(self._engine, secret=secret)

    def semantic_store(self, *, clock: Clock, ttl_seconds: float) -> SemanticStore:
        """Where answers are kept by what their questions mean."""
        return open_semantic_store(
            self._engine, self._transactions, clock=clock, ttl_seconds=ttl_seconds
        )

    async def aclose(self) -> None:
        """Write what the ledger has queued, then let go of every connection."""
        await self.ledger.aclose()
        await self._engine.dispose()
        await self._reporting_engine.dispose()
        self._transactions.close()


def open_storage(
    database_url: str,
    *,
    clock: Clock,
    events: UsageEvents | None = None,
    audience: Audience | None = None,
    lease_seconds: float = 30.0,
    commit_timeout_seconds: float = 2.0,
    close_timeout_seconds: float = 5.0,
) -> Storage:
    """The storage at `database_url`, whose schema is already migrated. Nothing is connected yet.

    `commit_timeout_seconds` is how long a request waits for its row to be committed, `lease_seconds` how
    long the open rows of a process that has died stay open, `close_timeout_seconds` how long closing
    tries to write what is queued. Raises `ValueError` for a database of another kind.
    """
    engine = create_engine(database_url, timeout_seconds=commit_timeout_seconds)
    ledger = GroupCommitLedger(
        writer=_writer(engine, timeout_seconds=commit_timeout_seconds),
        engine=engine,
        events=events or NobodyListens(),
        audience=audience or NoAudience(),
        clock=clock,
        lease_seconds=lease_seconds,
        commit_timeout_seconds=commit_timeout_seconds,
        close_timeout_seconds=close_timeout_seconds,
    )
    reporting_engine = create_reporting_engine(database_url)
    return Storage(
        engine=engine,
        reporting_engine=reporting_engine,
        transactions=Transactions(engine, timeout_seconds=commit_timeout_seconds),
        ledger=ledger,
    )


class NobodyListens:
    """UsageEvents for tools that only read or prepare the database."""

    def threshold_reached(self, event: ThresholdReached) -> None:
        """Of no interest here."""


def _writer(engine: AsyncEngine, *, timeout_seconds: float) -> BatchWriter:
    """The hot path's own connection; asyncpg is imported only where it is used."""
    if engine.dialect.name == "sqlite":
        return SqliteWriter(engine.url, timeout_seconds=timeout_seconds)
    from service.adapters.storage.postgres_writer import PostgresWriter

    return PostgresWriter(engine.url, dialect=engine.dialect, timeout_seconds=timeout_seconds)
