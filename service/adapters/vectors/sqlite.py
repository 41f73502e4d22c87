"""Chunks in SQLite: float32 blobs that numpy compares, all of a collection's, and FTS5 with BM25.

Measured against libraries that index vectors: see `service/README.md`, "Retrieval".
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    column,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy import table as named_table
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.storage.tables import chunks, documents
from service.adapters.vectors.chunks import SqlChunkStore, findable, found_chunk
from service.retrieval.ports import FoundChunk, SearchScope, Vector

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

_vectors = named_table("chunk_vectors", column("chunk_id"), column("embedding"))
_words = named_table("chunk_words", column("rowid"), column("collection_id"), column("text"))
_matched = select(
    _words.c.rowid.label("chunk_id"), literal_column("bm25(chunk_words, 0.0, 1.0)").label("rank")
).where(text("chunk_words MATCH :match"))
_WORD = re.compile(r"\w+")
# As PostgreSQL's English dictionary leaves them out. BM25 weighs them next to nothing, but they would make
# almost every chunk a match, and in a ranking of two searches any match counts.
_STOP_WORDS = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being below between
    both but by can did do does doing don down during each few for from further had has have having he her
    here hers him his how i if in into is it its itself just me more most my no nor not now of off on once
    only or other our out over own s same she should so some such t than that the their them then there these
    they this those through to too under until up very was we were what when where which while who whom why
    will with you your
    """.split()  # noqa: SIM905 - a hundred lines otherwise
)
_MAX_WORDS = 64  # of a question; a MATCH of thousands would take its time

# The words of a chunk are FTS5's "external content": the text is stored once. Triggers keep both together,
# also where a foreign key's cascade deletes.
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS chunk_vectors (
        chunk_id INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
        embedding BLOB NOT NULL
    )
    """,
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS chunk_words USING fts5 (
        collection_id, text, content='chunks', content_rowid='id',
        tokenize='porter unicode61 remove_diacritics 2'
    )
    """,
    """
    CREATE TRIGGER IF NOT EXISTS chunk_words_insert AFTER INSERT ON chunks BEGIN
        INSERT INTO chunk_words (rowid, collection_id, text)
        VALUES (new.id, new.collection_id, new.text);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS chunk_words_delete AFTER DELETE ON chunks BEGIN
        INSERT INTO chunk_words (chunk_words, rowid, collection_id, text)
        VALUES ('delete', old.id, old.collection_id, old.text);
    END
    """,
)


class SqliteChunkStore(SqlChunkStore):
    """The ChunkStore port on SQLite."""

    async def nearest(self, scope: SearchScope, vector: Vector, *, limit: int) -> list[FoundChunk]:
        """The chunks most similar to a vector, best first."""
        candidates = findable(scope, _vectors, _holds(scope.filter)).with_only_columns(
            chunks.c.id, _vectors.c.embedding
        )
        async with self._connection() as connection:
            rows = (await connection.execute(candidates)).all()
            # Out of the loop: a large collection takes tens of milliseconds.
            best = await asyncio.to_thread(_most_similar, rows, vector, limit)
            if not best:
                return []
            query = findable(scope, _vectors, chunks.c.id.in_(best))
            found = [
                found_chunk(row, similarity=best[row.id]) for row in await connection.execute(query)
            ]
        return sorted(found, key=lambda chunk: -best[chunk.id])

    async def matching(
        self, scope: SearchScope, text: str, *, limit: int, vector: Vector | None = None
    ) -> list[FoundChunk]:
        """The chunks that share words with a text, best first."""
        words = _asked_words(text)
        if not words:
            return []
        any_word = " OR ".join(f'"{word}"' for word in words)
        match = f'collection_id : "{scope.collection_id}" AND text : ({any_word})'
        matched = _matched.subquery()
        query = (
            findable(scope, matched, _holds(scope.filter))
            .join(_vectors, _vectors.c.chunk_id == chunks.c.id)
            .add_columns(matched.c.rank, _vectors.c.embedding)
            .order_by(matched.c.rank)
            .limit(limit)
        )
        async with self._connection() as connection:
            rows = (await connection.execute(query, {"match": match})).all()
        similar = {} if vector is None else _by_id(rows, vector)
        return [
            found_chunk(row, relevance=-row.rank, similarity=similar.get(row.id)) for row in rows
        ]

    def _prepare(self, connection: Connection) -> None:
        for statement in _SCHEMA:
            connection.execute(text(statement))

    def _add_vectors(self, connection: Connection, rows: Sequence[tuple[int, Vector]]) -> None:
        connection.execute(
            insert(_vectors),
            [{"chunk_id": id_, "embedding": as_blob(vector)} for id_, vector in rows],
        )

    async def _vectors(
        self, connection: AsyncConnection, query: Select[Any]
    ) -> Mapping[str, Vector]:
        wanted = query.subquery()
        found = select(wanted.c.digest, _vectors.c.embedding).join(
            _vectors, _vectors.c.chunk_id == wanted.c.chunk_id
        )
        return {
            row.digest: _array(row.embedding).tolist() for row in await connection.execute(found)
        }


def _asked_words(question: str) -> list[str]:
    """Each once, but for those that say nothing."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(question))
    return [word for word in words if word not in _STOP_WORDS][:_MAX_WORDS]


def _holds(wanted: Mapping[str, str]) -> ColumnElement[bool] | None:
    """Each of the fields is in the document's metadata."""
    if not wanted:
        return None
    fields = []
    for place, (key, value) in enumerate(wanted.items()):
        each = func.json_each(documents.c.metadata).table_valued(
            "key", "value", name=f"field_{place}"
        )
        fields.append(
            exists(select(1).select_from(each).where(each.c.key == key, each.c.value == value))
        )
    return and_(*fields)


def as_blob(vector: Vector) -> bytes:
    """A vector as it is kept: float32, little-endian."""
    import numpy as np

    return np.asarray(vector, dtype="<f4").tobytes()


def _array(blob: bytes) -> "NDArray[float32]":
    import numpy as np

    return np.frombuffer(blob, dtype="<f4")


def similarities(blobs: Sequence[bytes], vector: Vector) -> list[float]:
    """The cosine between each of the kept vectors and `vector`, all of one length."""
    import numpy as np

    if not blobs:
        return []
    asked = np.asarray(vector, dtype="<f4")
    stored = np.frombuffer(b"".join(blobs), dtype="<f4").reshape(len(blobs), -1)
    lengths = np.linalg.norm(stored, axis=1) * np.linalg.norm(asked)
    cosines: list[float] = ((stored @ asked) / np.maximum(lengths, np.finfo("f4").tiny)).tolist()
    return cosines


def _by_id(rows: Sequence[Any], vector: Vector) -> dict[int, float]:
    """The cosine for each row's id."""
    cosines = similarities([row.embedding for row in rows], vector)
    return {row.id: cosine for row, cosine in zip(rows, cosines, strict=True)}


def _most_similar(rows: Sequence[Any], vector: Vector, limit: int) -> dict[int, float]:
    similar = _by_id(rows, vector)
    best = sorted(similar, key=lambda id_: -similar[id_])[:limit]
    return {id_: similar[id_] for id_ in best}
