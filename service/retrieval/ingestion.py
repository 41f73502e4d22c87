"""Ingestion: the text of a document is read, cut into chunks, embedded and made findable.

It is a job: whoever takes it up again goes on behind the chunks that are stored already. Texts that the
collection has a vector of are not embedded again.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import structlog

from service.access.owners import Owners
from service.access.ports import KeyStoreUnavailable
from service.core.clock import Clock
from service.core.errors import (
    DeadlineExceeded,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from service.core.messages import EmbeddingRequest
from service.embeddings.usecases import Embedding
from service.inference.context import CallContext
from service.retrieval.models import checked_model
from service.retrieval.ports import (
    Chunk,
    ChunkStore,
    Collection,
    CollectionStore,
    DocumentReader,
    RetrievalStoreUnavailable,
    Submission,
    Unreadable,
    Vector,
)

log = structlog.get_logger(__name__)

INGESTION = "ingestion"
"""The kind of the job."""
_AT_ONCE = 2  # documents; more would only keep live traffic waiting
_CHUNKS_A_CALL = 64
_TOKENS_A_CALL = 200_000  # OpenAI takes 300,000
_TRIES = 6
_LONGEST_WAIT_SECONDS = 60.0


class Ingestion:
    """The Job of ingesting one submitted document."""

    kind = INGESTION

    def __init__(
        self,
        *,
        collections: CollectionStore,
        chunks: ChunkStore,
        reader: DocumentReader,
        embedding: Embedding,
        owners: Owners,
        clock: Clock,
    ) -> None:
        self._collections = collections
        self._chunks = chunks
        self._reader = reader
        self._embedding = embedding
        self._owners = owners
        self._clock = clock
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._places_of: dict[str, asyncio.Semaphore] = {}  # by tenant

    async def unfinished(self) -> Sequence[str]:
        """The ids of all ingestions that have not ended."""
        return await self._collections.unfinished()

    async def run(self, job_id: str) -> None:
        """Ingest what is left of the document; whatever its fault is, it ends with a word on it.

        Raises what is no fault of the document's, to be tried again: `RetrievalStoreUnavailable`,
        `KeyStoreUnavailable`, and `RateLimited`, as another tenant may have room in its minute.
        """
        tenant = await self._collections.submitted_by(job_id)
        if tenant is None:
            return
        # Places go to who comes first. A tenant comes with no more than could be under way, so that
        # thousands of its documents keep another's waiting for those few.
        of_tenant = self._places_of.setdefault(tenant, asyncio.Semaphore(_AT_ONCE))
        async with of_tenant, self._places:
            await self._end(job_id)

    async def _end(self, job_id: str) -> None:
        try:
            await self._ingest(job_id)
        except (RetrievalStoreUnavailable, KeyStoreUnavailable, RateLimited):
            raise
        except Unreadable as unreadable:
            await self._fail(job_id, str(unreadable))
        except ServiceError as error:
            await self._fail(job_id, error.message)
        except Exception:
            log.exception("an ingestion failed", ingestion_id=job_id)
            await self._fail(job_id, "An internal error occurred")

    async def _fail(self, job_id: str, reason: str) -> None:
        log.info("document not ingested", ingestion_id=job_id, reason=reason)
        await self._collections.fail(job_id, reason, now=self._clock.now())

    async def _ingest(self, job_id: str) -> None:
        submission = await self._collections.find_submission(job_id)
        if submission is None:
            return
        collection = await self._collections.collection_of(submission)
        if collection is None:
            return
        texts = await self._reader.chunks(
            submission.content,
            submission.format,
            chunk_size=collection.chunk_size,
            chunk_overlap=collection.chunk_overlap,
        )
        await self._collections.begin(job_id, chunks=len(texts), now=self._clock.now())
        staged = await self._chunks.staged(submission)
        missing = [
            Chunk(position=position, text=text, digest=_digest(text))
            for position, text in enumerate(texts)
            if position not in staged
        ]
        size = max(1, min(_CHUNKS_A_CALL, _TOKENS_A_CALL // collection.chunk_size))
        for start in range(0, len(missing), size):
            some = missing[start : start + size]
            vectors = await self._vectors(some, submission, collection)
            pairs = [(chunk, vectors[chunk.digest]) for chunk in some]
            if not await self._chunks.stage(submission, pairs, now=self._clock.now()):
                return
        if await self._chunks.finish(submission, now=self._clock.now()):
            log.info(
                "document ingested",
                tenant=submission.tenant,
                collection=collection.name,
                document_id=submission.document_id,
                chunks=len(texts),
            )

    async def _vectors(
        self, chunks: Sequence[Chunk], submission: Submission, collection: Collection
    ) -> dict[str, Vector]:
        """A vector for each digest, known or made."""
        texts = {chunk.digest: chunk.text for chunk in chunks}
        vectors = await self._chunks.vectors(submission.tenant, collection.id, texts.keys())
        unknown = {digest: text for digest, text in texts.items() if digest not in vectors}
        if unknown:
            made = await self._embed(unknown, submission, collection)
            vectors |= zip(unknown, made, strict=True)
        return vectors

    async def _embed(
        self, texts: Mapping[str, str], submission: Submission, collection: Collection
    ) -> Sequence[Vector]:
        """A vector for each of the texts, which are known by their digests."""
        request = EmbeddingRequest(model=collection.embedding_model, inputs=tuple(texts.values()))
        tries = 0
        while True:
            try:
                # Asked for each time: its limits and budgets may have changed meanwhile.
                owner = await self._owners.find(
                    tenant=submission.tenant,
                    key_id=submission.key_id,
                    token_id=submission.token_id,
                )
                context = CallContext(
                    principal=owner,
                    request_id=submission.request_id,
                    kind="embeddings",
                    metadata={"collection": collection.name},
                    record_id=_record_id(submission.id, texts),
                )
                answer = await self._embedding.embed(request, context)
            except (Unavailable, ProviderError, DeadlineExceeded):
                tries += 1
                if tries == _TRIES:
                    raise
                await self._clock.sleep(min(2.0**tries, _LONGEST_WAIT_SECONDS))
            else:
                await checked_model(self._collections, collection, answer)
                return answer.vectors


def _record_id(ingestion_id: str, digests: Iterable[str]) -> str:
    """The id of a call's row in the ledger: what a death has cut off has the same when it is made up for."""
    digest = hashlib.sha256("/".join((ingestion_id, *digests)).encode()).hexdigest()
    return f"req_{digest[:32]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
