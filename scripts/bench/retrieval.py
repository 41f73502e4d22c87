"""`python -m scripts.bench.retrieval`: how well and how fast collections are searched, on both databases.

Recall is that of the service over its API, with the sandbox's lexical embeddings, on the tests' knowledge
base. Latency is that of the stores, one query after the other, over CHUNKS chunks.
"""

import asyncio
import hashlib
import statistics
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from time import perf_counter

import structlog

from service.adapters.providers.sandbox import lexical_vector
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.core.clock import SystemClock
from service.core.ids import new_id
from service.retrieval.ports import Chunk, Collection, Document, SearchScope, Submission, Vector
from service.retrieval.search import fused
from tests.e2e.collections import make_collection, recall_at_three, upload_knowledge_base
from tests.knowledge_base import FILES, QUESTIONS
from tests.postgres import Postgres
from tests.running import RunningService, make_settings

CHUNKS = 10_000
CHUNKS_A_DOCUMENT = 100
WORDS_A_CHUNK = 300
DIMENSIONS = (256, 1536)  # the sandbox's, and text-embedding-3-small's
CANDIDATES = 20  # what a hybrid search for three asks of either
QUERIES = 30


async def main() -> None:
    """Print both tables."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        server = Postgres(Path(folder) / "postgres")
        try:
            await _print_recall(Path(folder), server)
            await _print_latency(Path(folder), server)
        finally:
            server.close()


async def _print_recall(folder: Path, server: Postgres) -> None:
    print(f"recall@3, {len(QUESTIONS)} questions to {len(FILES)} documents")
    print(f"{'':12}{'vector':>10}{'lexical':>10}{'hybrid':>10}")
    for store, url in (("SQLite", ""), ("PostgreSQL", server.create_database())):
        settings = make_settings(
            folder / store,
            database_url=url,
            secret_key="of the benchmark's own",  # noqa: S106 - it protects nothing
        )
        with RunningService(settings) as service:
            async with service.client() as client:
                path = await make_collection(client)
                await upload_knowledge_base(client, path)
                recalls = [
                    await recall_at_three(client, path, mode=mode)
                    for mode in ("vector", "lexical", "hybrid")
                ]
        print(f"{store:12}" + "".join(f"{recall:10.3f}" for recall in recalls))


async def _print_latency(folder: Path, server: Postgres) -> None:
    print(f"\nmilliseconds a query over {CHUNKS:,} chunks: median (slowest of {QUERIES})")
    print(f"{'':24}{'vector':>14}{'lexical':>14}{'hybrid':>14}")
    for store, url in (
        ("SQLite", f"sqlite+aiosqlite:///{folder / 'latency.db'}"),
        ("PostgreSQL", server.create_database()),
    ):
        await migrate(url)
        async with open_storage(url, clock=SystemClock()) as storage:
            for dimensions in DIMENSIONS:
                scope, words = await _fill(storage, dimensions)
                times = await _times(storage, scope, words, dimensions)
                cells = "".join(
                    f"{1000 * statistics.median(each):8.1f} ({1000 * max(each):3.0f})"
                    for each in times
                )
                print(f"{store:12}{dimensions:5} numbers{cells}")


async def _fill(storage: Storage, dimensions: int) -> tuple[SearchScope, list[str]]:
    """A collection of CHUNKS chunks, whose words are as common as those of a language."""
    random, now = Random(7), SystemClock().now()
    vocabulary = [f"word{rank}" for rank in range(20_000)]
    weights = [1 / (rank + 10) for rank in range(len(vocabulary))]
    collection = Collection(
        id=new_id("col_"),
        tenant="bench",
        name=f"of-{dimensions}",
        embedding_model="embedding",
        chunk_size=512,
        chunk_overlap=64,
        created_at=now,
        updated_at=now,
    )
    await storage.collections.add_collection(collection)
    for number in range(CHUNKS // CHUNKS_A_DOCUMENT):
        document = Document(
            id=f"doc_{number}",
            tenant="bench",
            collection_id=collection.id,
            file_name=None,
            metadata={"part": str(number % 10)},
            content_sha256="",
            status="queued",
            error=None,
            chunks_total=CHUNKS_A_DOCUMENT,
            chunks_embedded=0,
            created_at=now,
            updated_at=now,
        )
        submission = Submission(
            id=new_id("ing_"),
            tenant="bench",
            collection_id=collection.id,
            document_id=document.id,
            format="text",
            content=b"",
            key_id="key",
            token_id=None,
            request_id="bench",
        )
        await storage.collections.submit(document, submission)
        pairs = []
        for position in range(CHUNKS_A_DOCUMENT):
            text = " ".join(random.choices(vocabulary, weights, k=WORDS_A_CHUNK))
            digest = hashlib.sha256(text.encode()).hexdigest()
            chunk = Chunk(position=position, text=text, digest=digest)
            pairs.append((chunk, _vector(text, dimensions)))
        # PostgreSQL's own limit on the time of a statement is meant for some sixty chunks.
        for start in range(0, len(pairs), 50):
            await storage.chunks.stage(submission, pairs[start : start + 50], now=now)
        await storage.chunks.finish(submission, now=now)
    return SearchScope(tenant="bench", collection_id=collection.id), vocabulary


def _vector(text: str, dimensions: int) -> list[float]:
    """The sandbox's, repeated to the length that is wanted."""
    vector = lexical_vector(text)
    return (vector * (dimensions // len(vector) + 1))[:dimensions]


async def _times(
    storage: Storage, scope: SearchScope, words: list[str], dimensions: int
) -> list[list[float]]:
    random = Random(11)
    questions = [" ".join(random.choices(words[:3000], k=8)) for _ in range(QUERIES)]
    chunks = storage.chunks

    async def nearest(_: str, vector: Vector) -> object:
        return await chunks.nearest(scope, vector, limit=3)

    async def matching(question: str, _: Vector) -> object:
        return await chunks.matching(scope, question, limit=3)

    async def hybrid(question: str, vector: Vector) -> object:
        return fused(
            await chunks.nearest(scope, vector, limit=CANDIDATES),
            await chunks.matching(scope, question, limit=CANDIDATES, vector=vector),
        )

    times = []
    searches: list[Callable[[str, Vector], Awaitable[object]]] = [nearest, matching, hybrid]
    for search in searches:
        taken = []
        for question in (questions[0], *questions):  # the first one warms up
            vector = _vector(question, dimensions)
            began = perf_counter()
            await search(question, vector)
            taken.append(perf_counter() - began)
        times.append(taken[1:])
    return times


if __name__ == "__main__":
    asyncio.run(main())
