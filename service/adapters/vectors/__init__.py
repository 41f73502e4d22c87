"""Where chunks are kept and searched, by vectors and by words.

    chunks      what both databases share: staging, finishing, the rows
    sqlite      float32 blobs compared by numpy, and FTS5
    postgres    pgvector and tsvector
    llama_index one collection behind LlamaIndex's own interface, over either

What they search by are tables that are made at their first use: the service starts on databases that lack
FTS5 or pgvector, and says then what is missing.
"""

from sqlalchemy.ext.asyncio import AsyncEngine

from service.retrieval.ports import ChunkStore


def open_chunk_store(engine: AsyncEngine) -> ChunkStore:
    """The chunk store over the service's own database, whose schema is migrated."""
    if engine.dialect.name == "sqlite":
        from service.adapters.vectors.sqlite import SqliteChunkStore

        return SqliteChunkStore(engine)
    from service.adapters.vectors.postgres import PostgresChunkStore

    return PostgresChunkStore(engine)
