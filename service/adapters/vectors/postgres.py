"""Chunks in PostgreSQL: pgvector for vectors, tsvector for words.

Vectors are compared one by one, all of a collection's: that is exact under any filter, and collections may
have vectors of different lengths. PostgreSQL's own ranking does not know which words are rare, so words are
weighted here by how few of the collection's chunks have them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Select,
    Text,
    cast,
    column,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy import table as named_table
from sqlalchemy.dialects.postgresql import JSONB, TSQUERY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import UserDefinedType

from service.adapters.storage.tables import chunks, documents
from service.adapters.vectors.chunks import SqlChunkStore, findable, found_chunk
from service.retrieval.ports import (
    FoundChunk,
    RetrievalStoreUnavailable,
    SearchScope,
    Vector,
)


class PgVector(UserDefinedType[Vector]):
    """pgvector's `vector`, spoken as text: asyncpg does not know the type."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "vector"


_vectors = named_table("chunk_vectors", column("chunk_id"), column("embedding"), column("words"))
_SCHEMA_LOCK = 0x61695F76656373  # "ai_vecs": of many replicas, one makes the tables
_HAS_EXTENSION = text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')")
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS chunk_vectors (
        chunk_id bigint PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
        embedding vector NOT NULL,
        words tsvector NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS ix_chunk_vectors_words ON chunk_vectors USING gin (words)",
)
# A chunk's collection is one of its words, so that the index finds the words of one collection only.
_ADD = text(
    """
    INSERT INTO chunk_vectors (chunk_id, embedding, words)
    SELECT id, CAST(CAST(:embedding AS text) AS vector),
        to_tsvector('english', text) || array_to_tsvector(ARRAY[collection_id])
    FROM chunks WHERE id = :chunk_id
    """
)
_BY_LENGTH = 1  # of ts_rank: long chunks hold more words by chance
_RANKED = 200  # chunks
_MAX_WORDS = 64  # of a question; thousands would take their time


class PostgresChunkStore(SqlChunkStore):
    """The ChunkStore port on PostgreSQL."""

    async def nearest(self, scope: SearchScope, vector: Vector, *, limit: int) -> list[FoundChunk]:
        """The chunks most similar to a vector, best first."""
        distance = _distance(vector).label("distance")
        query = (
            findable(scope, _vectors, _holds(scope.filter))
            .add_columns(distance)
            .order_by(distance, chunks.c.id)
            .limit(limit)
        )
        async with self._connection() as connection:
            rows = (await connection.execute(query)).all()
        return [found_chunk(row, similarity=1.0 - row.distance) for row in rows]

    async def matching(
        self, scope: SearchScope, text: str, *, limit: int, vector: Vector | None = None
    ) -> list[FoundChunk]:
        """The chunks that share words with a text, best first."""
        scored = _scored(scope, text, limit)
        distance = literal(None) if vector is None else _distance(vector)
        query = (
            findable(scope, scored, None)
            .join(_vectors, _vectors.c.chunk_id == chunks.c.id)
            .add_columns(scored.c.relevance, distance.label("distance"))
            .order_by(scored.c.relevance.desc(), chunks.c.id)
        )
        async with self._connection() as connection:
            rows = (await connection.execute(query)).all()
        return [
            found_chunk(
                row,
                relevance=float(row.relevance),
                similarity=None if row.distance is None else 1.0 - row.distance,
            )
            for row in rows
        ]

    def _prepare(self, connection: Connection) -> None:
        if connection.scalar(text("SELECT to_regclass('chunk_vectors') IS NOT NULL")):
            return
        make_vector_tables(connection, _SCHEMA)

    def _add_vectors(self, connection: Connection, rows: Sequence[tuple[int, Vector]]) -> None:
        connection.execute(
            _ADD,
            [{"chunk_id": id_, "embedding": spelled(vector)} for id_, vector in rows],
        )

    async def _vectors(
        self, connection: AsyncConnection, query: Select[Any]
    ) -> Mapping[str, Vector]:
        wanted = query.subquery()
        found = select(wanted.c.digest, cast(_vectors.c.embedding, Text).label("embedding")).join(
            _vectors, _vectors.c.chunk_id == wanted.c.chunk_id
        )
        return {
            row.digest: [float(number) for number in row.embedding[1:-1].split(",")]
            for row in await connection.execute(found)
        }


def make_vector_tables(connection: Connection, statements: Sequence[str]) -> None:
    """Make tables with vectors, in a transaction. Raises `RetrievalStoreUnavailable` without pgvector."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
    if not connection.scalar(_HAS_EXTENSION):
        try:
            connection.execute(text("CREATE EXTENSION vector"))
        except DBAPIError as refused:
            raise RetrievalStoreUnavailable(
                "This needs PostgreSQL's extension pgvector: install it, and run"
                " CREATE EXTENSION vector as a user who may"
            ) from refused
    for statement in statements:
        connection.execute(text(statement))


def _scored(scope: SearchScope, question: str, limit: int) -> Any:
    """The best chunks by the question's words: how often each is in the chunk, and how rare it is."""
    words = func.unnest(func.tsvector_to_array(func.to_tsvector("english", question)))
    lexemes = select(words.label("lexeme")).limit(_MAX_WORDS).cte("lexemes")
    in_collection = cast(func.quote_literal(scope.collection_id), TSQUERY)
    matched = (
        select(_vectors.c.chunk_id)
        .where(_vectors.c.words.op("@@")(_asking_for(lexemes.c.lexeme).op("&&")(in_collection)))
        .offset(0)  # word by word: only so does the planner go by the index
        .lateral()
    )
    pairs = (
        select(lexemes.c.lexeme, matched.c.chunk_id)
        .join(matched, true())
        .cte("pairs")
        .prefix_with("MATERIALIZED")  # once, whatever is joined with it
    )
    hits = (
        findable(scope, pairs, _holds(scope.filter))
        .with_only_columns(pairs.c.chunk_id, pairs.c.lexeme)
        .cte("hits")
    )
    in_all = (
        select(func.count())
        .select_from(chunks)
        .where(chunks.c.tenant == scope.tenant, chunks.c.collection_id == scope.collection_id)
        .scalar_subquery()
    )
    rarity = func.ln(1.0 + in_all / cast(func.count(), Double))
    weights = select(hits.c.lexeme, rarity.label("rarity")).group_by(hits.c.lexeme).cte("weights")
    # How often a word is in a chunk is slow to ask: only of those that have the rarest words.
    best = (
        select(hits.c.chunk_id)
        .join(weights, weights.c.lexeme == hits.c.lexeme)
        .group_by(hits.c.chunk_id)
        .order_by(func.sum(weights.c.rarity).desc(), hits.c.chunk_id)
        .limit(max(_RANKED, limit))
        .cte("best")
    )
    often = func.ts_rank(_vectors.c.words, _asking_for(weights.c.lexeme), _BY_LENGTH)
    relevance = func.sum(often * weights.c.rarity).label("relevance")
    return (
        select(best.c.chunk_id, relevance)
        .join(_vectors, _vectors.c.chunk_id == best.c.chunk_id)
        .join(weights, true())
        .group_by(best.c.chunk_id)
        .order_by(relevance.desc(), best.c.chunk_id)
        .limit(limit)
        .subquery()
    )


def _asking_for(lexeme: ColumnElement[str]) -> ColumnElement[Any]:
    return func.to_tsquery("simple", func.quote_literal(lexeme))


def _holds(wanted: Mapping[str, str]) -> ColumnElement[bool] | None:
    """Each of the fields is in the document's metadata."""
    return documents.c.metadata.op("@>")(literal(dict(wanted), JSONB)) if wanted else None


def as_pgvector(vector: Vector) -> ColumnElement[Vector]:
    """A vector in a statement."""
    return cast(cast(literal(spelled(vector)), Text), PgVector)


def _distance(vector: Vector) -> ColumnElement[float]:
    """The cosine distance."""
    return _vectors.c.embedding.op("<=>", return_type=Double())(as_pgvector(vector))


def spelled(vector: Vector) -> str:
    """A vector as pgvector writes it."""
    return f"[{','.join(map(repr, vector))}]"
