"""The semantic cache's answers, beside the chunks: pgvector on PostgreSQL, float32 blobs on SQLite.

Its table is made at the first use, as those of the chunks are. An answer is gone when its time is over.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    LargeBinary,
    Text,
    and_,
    column,
    delete,
    select,
    text,
)
from sqlalchemy import table as named_table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import outages
from service.adapters.storage.tables import UtcTime
from service.adapters.storage.transactions import Transactions
from service.adapters.vectors.postgres import as_pgvector, make_vector_tables
from service.adapters.vectors.sqlite import as_blob, similarities
from service.core.clock import Clock
from service.inference.ports import SemanticStore, SimilarAnswer
from service.retrieval.ports import RetrievalStoreUnavailable

_logger = structlog.get_logger(__name__)
_answers = named_table(
    "semantic_answers",
    column("tenant", Text),
    column("question_group", Text),
    column("question", Text),
    column("embedding"),
    column("value", LargeBinary),
    column("expires_at", UtcTime),
)
_of = _answers.c
_SCHEMA = """
CREATE TABLE IF NOT EXISTS semantic_answers (
    tenant text NOT NULL,
    question_group text NOT NULL,
    question text NOT NULL,
    embedding {vector} NOT NULL,
    value {binary} NOT NULL,
    expires_at {time} NOT NULL,
    PRIMARY KEY (tenant, question_group, question)
)
"""
_INDEX = (
    "CREATE INDEX IF NOT EXISTS ix_semantic_answers_expires_at ON semantic_answers (expires_at)"
)
_COMPARED_AT_ONCE = 2_000  # on SQLite, the newest of a group: their vectors come into memory


class _Away(Exception):
    """The store cannot be asked now, and it has been said so."""


class SqlSemanticStore(ABC):
    """The SemanticStore port, but for how vectors are kept and compared."""

    def __init__(
        self, engine: AsyncEngine, transactions: Transactions, *, clock: Clock, ttl_seconds: float
    ) -> None:
        self._engine = engine
        self._transactions = transactions
        self._outages: tuple[type[Exception], ...] = (
            *outages(engine),
            RetrievalStoreUnavailable,
            ImportError,
        )
        self._clock = clock
        self._ttl = timedelta(seconds=ttl_seconds)
        self._is_prepared = False
        self._is_well = True  # as last logged

    async def nearest(
        self, vector: Sequence[float], *, tenant: str, group: str
    ) -> SimilarAnswer | None:
        """The answer to the tenant's most similar question in the group."""
        living = and_(
            _of.tenant == tenant, _of.question_group == group, _of.expires_at > self._clock.now()
        )
        with suppress(_Away):
            async with self._telling_outages(), self._engine.connect() as connection:
                return await self._nearest(connection, living, vector)
        return None

    async def put(
        self, vector: Sequence[float], value: bytes, *, tenant: str, group: str, question: str
    ) -> None:
        """Keep an answer, in place of the one that the same question had; delete what is over."""
        now = self._clock.now()

        def work(connection: Connection) -> None:
            connection.execute(delete(_answers).where(_of.expires_at <= now))
            addition = self._dialect.insert(_answers).values(
                tenant=tenant,
                question_group=group,
                question=question,
                embedding=self._kept(vector),
                value=value,
                expires_at=now + self._ttl,
            )
            renewed = {
                name: addition.excluded[name] for name in ("embedding", "value", "expires_at")
            }
            connection.execute(
                addition.on_conflict_do_update(
                    index_elements=["tenant", "question_group", "question"], set_=renewed
                )
            )

        with suppress(_Away):
            async with self._telling_outages():
                await self._transactions.run(work)

    @asynccontextmanager
    async def _telling_outages(self) -> AsyncIterator[None]:
        """Once each: the first is logged. Raises `_Away`. The table is there meanwhile."""
        try:
            if not self._is_prepared:
                await self._transactions.run(self._prepare)
                self._is_prepared = True
            yield
        except self._outages as error:
            if self._is_well:
                _logger.warning("semantic_cache_unavailable", reason=type(error).__name__)
            self._is_well = False
            raise _Away from error
        self._is_well = True

    @property
    @abstractmethod
    def _dialect(self) -> Any:
        """Where the dialect's `insert` comes from."""

    @abstractmethod
    def _prepare(self, connection: Connection) -> None:
        """Make the table, if it is not there."""

    @abstractmethod
    def _kept(self, vector: Sequence[float]) -> object:
        """The vector as the table has it."""

    @abstractmethod
    async def _nearest(
        self, connection: AsyncConnection, living: ColumnElement[bool], vector: Sequence[float]
    ) -> SimilarAnswer | None:
        """The most similar of the `living`."""


class SqliteSemanticStore(SqlSemanticStore):
    """Compared by numpy, in a thread."""

    _dialect = sqlite

    def _prepare(self, connection: Connection) -> None:
        schema = _SCHEMA.format(vector="BLOB", binary="BLOB", time="INTEGER")
        for statement in (schema, _INDEX):
            connection.execute(text(statement))

    def _kept(self, vector: Sequence[float]) -> object:
        return as_blob(vector)

    async def _nearest(
        self, connection: AsyncConnection, living: ColumnElement[bool], vector: Sequence[float]
    ) -> SimilarAnswer | None:
        newest = (
            select(_of.question, _of.embedding)
            .where(living)
            .order_by(_of.expires_at.desc())
            .limit(_COMPARED_AT_ONCE)
        )
        rows = (await connection.execute(newest)).all()
        if not rows:
            return None
        cosines = await asyncio.to_thread(similarities, [row.embedding for row in rows], vector)
        best = max(range(len(rows)), key=cosines.__getitem__)
        value = select(_of.value).where(living, _of.question == rows[best].question)
        return SimilarAnswer(cosines[best], (await connection.execute(value)).scalar_one())


class PostgresSemanticStore(SqlSemanticStore):
    """Compared by pgvector."""

    _dialect = postgresql

    def _prepare(self, connection: Connection) -> None:
        schema = _SCHEMA.format(vector="vector", binary="bytea", time="timestamptz")
        if not connection.scalar(text("SELECT to_regclass('semantic_answers') IS NOT NULL")):
            make_vector_tables(connection, (schema, _INDEX))

    def _kept(self, vector: Sequence[float]) -> object:
        return as_pgvector(vector)

    async def _nearest(
        self, connection: AsyncConnection, living: ColumnElement[bool], vector: Sequence[float]
    ) -> SimilarAnswer | None:
        distance: ColumnElement[float] = _of.embedding.op("<=>", return_type=Double())(
            as_pgvector(vector)
        ).label("distance")
        query = select(_of.value, distance).where(living).order_by(distance).limit(1)
        row = (await connection.execute(query)).one_or_none()
        return None if row is None else SimilarAnswer(1.0 - row.distance, row.value)


def open_semantic_store(
    engine: AsyncEngine, transactions: Transactions, *, clock: Clock, ttl_seconds: float
) -> SemanticStore:
    """The semantic store over the service's own database."""
    kind = SqliteSemanticStore if engine.dialect.name == "sqlite" else PostgresSemanticStore
    return kind(engine, transactions, clock=clock, ttl_seconds=ttl_seconds)
